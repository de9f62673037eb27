//! Datagrams that were sent again because an answer was lost: the protocol numbers nothing, so they are known by their
//! sender's port and their bytes.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::protocol::Reply;
use crate::config;

/// The datagrams of the last while, with what they were answered.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    replies: HashMap<Arc<Datagram>, Reply>,
    /// The oldest first.
    order: VecDeque<(Instant, Arc<Datagram>)>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Datagram {
    source: SocketAddr,
    message: Box<[u8]>,
}

impl Repeats {
    /// What the same datagram was answered, if it came a short while ago.
    pub(super) fn find(&mut self, now: Instant, source: SocketAddr, message: &[u8]) -> Option<Reply> {
        let is_old = |at: Instant| now.saturating_duration_since(at) >= config::GLOBALCOUNTER_REPEATED_FOR;
        while self.order.front().is_some_and(|(at, _)| is_old(*at)) {
            self.forget_first();
        }
        self.replies.get(&Datagram { source, message: message.into() }).copied()
    }

    /// Remembers a datagram that [`find`](Self::find) did not.
    pub(super) fn remember(&mut self, now: Instant, source: SocketAddr, message: &[u8], reply: Reply) {
        if self.order.len() >= config::GLOBALCOUNTER_REPEATS_MAX {
            self.forget_first();
        }
        let datagram = Arc::new(Datagram { source, message: message.into() });
        self.replies.insert(Arc::clone(&datagram), reply);
        self.order.push_back((now, datagram));
    }

    fn forget_first(&mut self) {
        if let Some((_, datagram)) = self.order.pop_front() {
            self.replies.remove(&datagram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn the_same_bytes_from_the_same_port_are_one_request_for_a_while() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        repeats.remember(start, from(1), b"\x00t", Reply::count(1));

        let late = start + config::GLOBALCOUNTER_REPEATED_FOR;
        let in_time = late - std::time::Duration::from_millis(1);
        assert_eq!(repeats.find(in_time, from(1), b"\x00t"), Some(Reply::count(1)));
        assert_eq!(repeats.find(in_time, from(2), b"\x00t"), None);
        assert_eq!(repeats.find(in_time, from(1), b"\x00tt"), None);
        assert_eq!(repeats.find(late, from(1), b"\x00t"), None);
    }

    #[test]
    fn no_flood_makes_it_remember_more_than_it_may() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let datagrams = config::GLOBALCOUNTER_REPEATS_MAX as u64 + 1;
        for at in 0..datagrams {
            repeats.remember(now, from(1), &at.to_be_bytes(), Reply::count(at));
        }

        assert_eq!(
            (repeats.order.len(), repeats.replies.len()),
            (config::GLOBALCOUNTER_REPEATS_MAX, repeats.order.len())
        );
        assert_eq!(repeats.find(now, from(1), &0_u64.to_be_bytes()), None);
        assert_eq!(repeats.find(now, from(1), &1_u64.to_be_bytes()), Some(Reply::count(1)));
    }
}
