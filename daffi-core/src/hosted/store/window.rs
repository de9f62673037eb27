//! Requests that were carried out, remembered for a while so that one sent twice is carried out once.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::config::{ONCE_BYTES_MAX, ONCE_REMEMBERED_FOR, ONCE_REMEMBERED_MAX, ONCE_RESULT_BYTES_MAX};
use crate::hosted::{SessionId, Time};

/// The requests of one life of a node, the oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Window {
    done: VecDeque<Done>,
    /// Their results, one after the other: each by itself would have to be allocated.
    results: VecDeque<u8>,
    /// Whether some were forgotten already.
    has_forgotten: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Done {
    at: Time,
    request: u64,
    /// The session to which something has belonged since, if anything has.
    holder: Option<SessionId>,
    /// The bytes of its result, unless that was too large to be kept.
    bytes: Option<u32>,
}

impl Done {
    fn bytes(&self) -> usize {
        self.bytes.unwrap_or_default() as usize
    }
}

/// What is known of a request that is sent again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recall {
    /// It was carried out, and this was its result.
    Done(Vec<u8>),
    /// It was not carried out.
    New,
    /// It may have been carried out too long ago.
    Unknown,
}

impl Window {
    /// What is known of a request that `session` sends again. What it was given in another session that ended with that.
    pub(super) fn recall(&self, request: u64, session: SessionId) -> Recall {
        match self.done.iter().rposition(|done| done.request == request) {
            Some(at) if self.done[at].holder.is_some_and(|holder| holder != session) => Recall::New,
            Some(at) if self.done[at].bytes.is_none() => Recall::Unknown,
            Some(at) => {
                let start: usize = self.done.iter().take(at).map(Done::bytes).sum();
                Recall::Done(self.results.range(start..start + self.done[at].bytes()).copied().collect())
            }
            None if self.has_forgotten => Recall::Unknown,
            None => Recall::New,
        }
    }

    pub(super) fn remember(&mut self, now: Time, request: u64, holder: Option<SessionId>, result: &[u8]) {
        let is_kept = result.len() <= ONCE_RESULT_BYTES_MAX;
        if is_kept {
            self.results.extend(result);
        }
        let bytes = is_kept.then_some(result.len() as u32);
        self.done.push_back(Done { at: now, request, holder, bytes });
        while self.done.len() > ONCE_REMEMBERED_MAX || self.results.len() > ONCE_BYTES_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.done.pop_front() {
            self.results.drain(..oldest.bytes());
            self.has_forgotten = true;
        }
    }

    /// When the node last asked for something.
    pub(super) fn last(&self) -> Time {
        self.done.back().map_or(Time::default(), |done| done.at)
    }

    /// Forgets what is too old. Whether nothing is left.
    pub(super) fn expire(&mut self, now: Time) -> bool {
        while self.done.front().is_some_and(|done| now.since(done.at) >= ONCE_REMEMBERED_FOR) {
            self.forget_oldest();
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

        assert_eq!(window.recall(7, SessionId(1)), Recall::Done(b"seven".to_vec()));
        assert_eq!(window.recall(8, SessionId(1)), Recall::New);
    }

    #[test]
    fn what_belonged_to_a_session_that_has_ended_is_asked_for_anew() {
        let mut window = Window::default();
        window.remember(Time(1), 7, Some(SessionId(1)), b"seven");

        assert_eq!(window.recall(7, SessionId(1)), Recall::Done(b"seven".to_vec()));
        assert_eq!(window.recall(7, SessionId(2)), Recall::New);
    }

    #[test]
    fn of_a_large_result_it_is_known_that_it_was_and_all_together_are_bounded() {
        let mut window = Window::default();
        window.remember(Time(1), 7, None, &vec![0; ONCE_RESULT_BYTES_MAX + 1]);
        assert_eq!(window.recall(7, SessionId(1)), Recall::Unknown);

        for request in 8..100 {
            window.remember(Time(1), request, None, &vec![0; ONCE_RESULT_BYTES_MAX]);
        }
        assert!(window.results.len() <= ONCE_BYTES_MAX);
        assert_eq!(window.recall(8, SessionId(1)), Recall::Unknown);
        assert!(matches!(window.recall(99, SessionId(1)), Recall::Done(_)));
    }

    #[test]
    fn what_was_forgotten_may_have_been_carried_out() {
        let mut window = Window::default();
        for request in 0..=ONCE_REMEMBERED_MAX as u64 {
            window.remember(Time(1), request, None, &[]);
        }

        assert_eq!(window.recall(0, SessionId(1)), Recall::Unknown);
        assert_eq!(window.recall(1, SessionId(1)), Recall::Done(Vec::new()));
        assert!(window.expire(Time(1).after(ONCE_REMEMBERED_FOR)));
        assert_eq!(window.recall(1, SessionId(1)), Recall::Unknown);
    }
}
