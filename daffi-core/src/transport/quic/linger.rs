//! Sockets that go on after their listener, because connections do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::{QUIC_CLOSE_TIME, QUIC_IDLE_TIMEOUT};

/// Every socket that this process listens on, or did while its connections go on.
static SOCKETS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Entry {
    address: SocketAddr,
    is_listening: Arc<AtomicBool>,
    gone: watch::Receiver<()>,
}

/// The place of a socket among those of this process; dropped when the socket has gone.
#[derive(Debug)]
pub(super) struct Registered {
    _gone: watch::Sender<()>,
}

/// Notes a socket, which outlives its listener once `is_listening` is false.
pub(super) fn register(address: SocketAddr, is_listening: Arc<AtomicBool>) -> Registered {
    let (sender, gone) = watch::channel(());
    sockets().push(Entry { address, is_listening, gone });
    Registered { _gone: sender }
}

/// The sockets in the way of `address` that are left over from listeners of this process which have been dropped.
pub(super) fn leftovers(address: SocketAddr) -> Leftovers {
    let sockets = sockets();
    let in_the_way = sockets
        .iter()
        .filter(|entry| !entry.is_listening.load(Ordering::Acquire) && conflict(entry.address, address));
    Leftovers(in_the_way.map(|entry| entry.gone.clone()).collect())
}

/// Sockets that will be gone, so that a controller may be started again where it has just stopped.
#[derive(Debug)]
pub(super) struct Leftovers(Vec<watch::Receiver<()>>);

impl Leftovers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ready once they are gone, or have had the time to be.
    pub(super) async fn gone(mut self) {
        let all = async {
            for gone in &mut self.0 {
                // An error is the end of its sender, which is what is waited for.
                gone.changed().await.ok();
            }
        };
        timeout(GONE_TIME, all).await.ok();
    }
}

/// A connection may wait for its last bytes to arrive, and only then begins to close, which a silent peer ends.
const GONE_TIME: Duration = QUIC_CLOSE_TIME.saturating_add(QUIC_IDLE_TIMEOUT);

fn conflict(one: SocketAddr, other: SocketAddr) -> bool {
    let is_same_host = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.is_ipv4() == other.is_ipv4() && is_same_host
}

fn sockets() -> MutexGuard<'static, Vec<Entry>> {
    let mut sockets = SOCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    sockets.retain(|entry| entry.gone.has_changed().is_ok());
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_over(address: SocketAddr) -> Registered {
        register(address, Arc::new(AtomicBool::new(false)))
    }

    #[tokio::test]
    async fn what_was_in_the_way_is_known_though_it_goes_at_once() {
        // No other test uses a port of this address.
        let address: SocketAddr = ([127, 1, 0, 1], 7).into();
        let registered = left_over(address);

        let leftovers = leftovers(address);
        drop(registered);

        assert!(!leftovers.is_empty());
        leftovers.gone().await;
        assert!(super::leftovers(address).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_go_is_not_waited_for_without_end() {
        let address: SocketAddr = ([127, 1, 0, 2], 7).into();
        let _first = left_over(address);
        let _second = left_over(address);
        let begun = tokio::time::Instant::now();

        leftovers(address).gone().await;

        assert_eq!(begun.elapsed(), GONE_TIME);
    }

    #[test]
    fn only_what_takes_the_same_port_of_the_same_family_is_in_the_way() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let one = address("127.1.0.3:7");

        assert!(conflict(one, one));
        assert!(conflict(one, address("0.0.0.0:7")));
        assert!(!conflict(one, address("127.1.0.3:8")));
        assert!(!conflict(one, address("127.1.0.4:7")));
        assert!(!conflict(one, address("[::]:7")));
    }
}
