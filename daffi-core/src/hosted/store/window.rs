//! Requests that were carried out, remembered for a while so that one sent twice is carried out once.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::config::{ONCE_REMEMBERED_FOR, ONCE_REMEMBERED_MAX};
use crate::hosted::{SessionId, Time};

/// The requests of one life of a node, the oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Window {
    done: VecDeque<Done>,
    /// Whether some were forgotten already.
    has_forgotten: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Done {
    at: Time,
    request: u64,
    /// The session to which something has belonged since, if anything has.
    holder: Option<SessionId>,
    #[serde(with = "serde_bytes")]
    result: Box<[u8]>,
}

/// What is known of a request that is sent again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recall<'a> {
    /// It was carried out, and this was its result.
    Done(&'a [u8]),
    /// It was not carried out.
    New,
    /// It may have been carried out too long ago.
    Unknown,
}

impl Window {
    /// What is known of a request that `session` sends again. What it was given in another session that ended with that.
    pub(super) fn recall(&self, request: u64, session: SessionId) -> Recall<'_> {
        match self.done.iter().rev().find(|done| done.request == request) {
            Some(done) if done.holder.is_some_and(|holder| holder != session) => Recall::New,
            Some(done) => Recall::Done(&done.result),
            None if self.has_forgotten => Recall::Unknown,
            None => Recall::New,
        }
    }

    pub(super) fn remember(&mut self, now: Time, request: u64, holder: Option<SessionId>, result: &[u8]) {
        if self.done.len() >= ONCE_REMEMBERED_MAX {
            self.done.pop_front();
            self.has_forgotten = true;
        }
        self.done.push_back(Done { at: now, request, holder, result: result.into() });
    }

    /// Forgets what is too old. Whether nothing is left.
    pub(super) fn expire(&mut self, now: Time) -> bool {
        while self.done.front().is_some_and(|done| now.since(done.at) >= ONCE_REMEMBERED_FOR) {
            self.done.pop_front();
            self.has_forgotten = true;
        }
        self.done.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_remembered_with_its_result() {
        let mut window = Window::default();
        window.remember(Time(1), 7, None, b"seven");

        assert_eq!(window.recall(7, SessionId(1)), Recall::Done(b"seven"));
        assert_eq!(window.recall(8, SessionId(1)), Recall::New);
    }

    #[test]
    fn what_belonged_to_a_session_that_has_ended_is_asked_for_anew() {
        let mut window = Window::default();
        window.remember(Time(1), 7, Some(SessionId(1)), b"seven");

        assert_eq!(window.recall(7, SessionId(1)), Recall::Done(b"seven"));
        assert_eq!(window.recall(7, SessionId(2)), Recall::New);
    }

    #[test]
    fn what_was_forgotten_may_have_been_carried_out() {
        let mut window = Window::default();
        for request in 0..=ONCE_REMEMBERED_MAX as u64 {
            window.remember(Time(1), request, None, &[]);
        }

        assert_eq!(window.recall(0, SessionId(1)), Recall::Unknown);
        assert_eq!(window.recall(1, SessionId(1)), Recall::Done(&[]));
        assert!(window.expire(Time(1).after(ONCE_REMEMBERED_FOR)));
        assert_eq!(window.recall(1, SessionId(1)), Recall::Unknown);
    }
}
