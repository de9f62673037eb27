//! Calls that want no reply: acknowledged in order, cumulatively.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::error::{CallError, Ran, Stage};

/// The number of such a call: of which link, and which one on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sequence {
    pub(crate) link: u64,
    pub(crate) number: u64,
}

#[derive(Debug)]
struct Sent {
    waker: Option<Waker>,
    deadline: Option<(Instant, Duration)>,
    is_dropped: bool,
    error: Option<Box<CallError>>,
}

/// The calls of this node that want no reply and have not been acknowledged.
#[derive(Debug, Default)]
pub(crate) struct OneWay {
    link: u64,
    /// The highest number that was acknowledged.
    accepted: u64,
    sent: VecDeque<Sent>,
    /// Why some are refused whose callers have not looked yet.
    refused: FxHashMap<Sequence, Box<CallError>>,
}

impl OneWay {
    /// Calls that were not acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.sent.len()
    }

    /// A new link: numbers begin anew. What was not acknowledged on the old one is lost.
    pub(crate) fn start(&mut self, link: u64, woken: &mut Vec<Waker>) {
        for sent in &mut self.sent {
            sent.error.get_or_insert_with(|| Box::new(CallError::Disconnected { ran: Ran::Maybe }));
        }
        self.accept(self.accepted + self.sent.len() as u64, woken);
        self.link = link;
        self.accepted = 0;
    }

    /// The number of the next call.
    pub(crate) fn push(&mut self, deadline: Option<(Instant, Duration)>) -> Sequence {
        self.sent.push_back(Sent { waker: None, deadline, is_dropped: false, error: None });
        Sequence { link: self.link, number: self.accepted + self.sent.len() as u64 }
    }

    fn find(&mut self, sequence: Sequence) -> Option<&mut Sent> {
        if sequence.link != self.link {
            return None;
        }
        let at = sequence.number.checked_sub(self.accepted + 1)?;
        self.sent.get_mut(usize::try_from(at).ok()?)
    }

    /// One call was refused; the acknowledgement that covers it is still to come.
    pub(crate) fn refuse(&mut self, number: u64, error: CallError) {
        if let Some(sent) = self.find(Sequence { link: self.link, number }) {
            sent.error = Some(Box::new(error));
        }
    }

    /// All calls up to this number were accepted, but for those that were refused.
    pub(crate) fn accept(&mut self, number: u64, woken: &mut Vec<Waker>) {
        while self.accepted < number {
            let Some(sent) = self.sent.pop_front() else { return };
            self.accepted += 1;
            // A task that waits for many is woken once.
            let is_new = |waker: &Waker| woken.last().is_none_or(|last| !last.will_wake(waker));
            let waker = sent.waker.filter(is_new);
            woken.extend(waker);
            match sent.error {
                Some(error) if sent.is_dropped => {
                    tracing::warn!(%error, "a call that wanted no reply was refused");
                }
                Some(error) => {
                    self.refused.insert(Sequence { link: self.link, number: self.accepted }, error);
                }
                None => {}
            }
        }
    }

    /// Whether the call was accepted.
    pub(crate) fn poll(&mut self, sequence: Sequence, cx: &Context<'_>) -> Poll<Result<(), CallError>> {
        if let Some(sent) = self.find(sequence) {
            if let Some(error) = &sent.error
                && matches!(**error, CallError::TimedOut { stage: Stage::Controller, .. })
            {
                return Poll::Ready(Err(CallError::clone(error)));
            }
            match &mut sent.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                empty => *empty = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        Poll::Ready(self.take_refusal(sequence).map_or(Ok(()), Err))
    }

    /// Why the call was refused, if it was.
    pub(crate) fn take_refusal(&mut self, sequence: Sequence) -> Option<CallError> {
        if self.refused.is_empty() {
            return None;
        }
        self.refused.remove(&sequence).map(|error| *error)
    }

    /// Nobody waits for the acknowledgement any more; the call goes on. The waker of whoever waited, to be
    /// dropped without the lock: with it a whole task may be dropped, and its calls.
    pub(crate) fn detach(&mut self, sequence: Sequence) -> Option<Waker> {
        let Some(sent) = self.find(sequence) else {
            self.refused.remove(&sequence);
            return None;
        };
        sent.is_dropped = true;
        sent.waker.take()
    }

    /// The deadline of the oldest call that waits and has one: they are acknowledged in order, so those of
    /// younger calls are looked at when it has passed.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.sent.iter().find_map(|sent| sent.deadline.map(|(at, _)| at))
    }

    /// Calls whose deadline has passed are over: the controller is silent. The numbers of later ones must not
    /// shift, so they stay until the link ends or the acknowledgement comes after all.
    pub(crate) fn expire(&mut self, now: Instant, woken: &mut Vec<Waker>) {
        for sent in &mut self.sent {
            let Some((_, after)) = sent.deadline.filter(|(at, _)| *at <= now) else { continue };
            sent.deadline = None;
            let error = CallError::TimedOut { stage: Stage::Controller, node: None, after };
            sent.error = Some(Box::new(error));
            woken.extend(sent.waker.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(one_way: &mut OneWay, sequence: Sequence) -> Poll<Result<(), CallError>> {
        one_way.poll(sequence, &Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_acknowledgement_ends_all_calls_up_to_it() {
        let mut one_way = OneWay::default();
        let sent: Vec<_> = (0..3).map(|_| one_way.push(None)).collect();
        assert_eq!(sent[0].number, 1);
        assert!(poll(&mut one_way, sent[0]).is_pending());
        let mut woken = Vec::new();

        one_way.accept(2, &mut woken);

        assert_eq!(woken.len(), 1);
        assert_eq!(poll(&mut one_way, sent[1]), Poll::Ready(Ok(())));
        assert!(poll(&mut one_way, sent[2]).is_pending());
    }

    #[test]
    fn a_refused_call_alone_fails() {
        let mut one_way = OneWay::default();
        let sent: Vec<_> = (0..3).map(|_| one_way.push(None)).collect();
        let busy = CallError::Busy { what: "x".into() };

        one_way.refuse(2, busy.clone());
        one_way.accept(3, &mut Vec::new());

        assert_eq!(poll(&mut one_way, sent[0]), Poll::Ready(Ok(())));
        assert_eq!(poll(&mut one_way, sent[1]), Poll::Ready(Err(busy)));
        assert_eq!(poll(&mut one_way, sent[2]), Poll::Ready(Ok(())));
        assert!(one_way.refused.is_empty());
    }

    #[test]
    fn what_was_not_acknowledged_when_the_link_broke_is_lost() {
        let mut one_way = OneWay::default();
        let (first, second) = (one_way.push(None), one_way.push(None));
        one_way.accept(1, &mut Vec::new());

        one_way.start(1, &mut Vec::new());
        let third = one_way.push(None);

        assert_eq!(third, Sequence { link: 1, number: 1 });
        assert_eq!(poll(&mut one_way, first), Poll::Ready(Ok(())));
        let lost = Err(CallError::Disconnected { ran: Ran::Maybe });
        assert_eq!(poll(&mut one_way, second), Poll::Ready(lost));
        assert!(poll(&mut one_way, third).is_pending());
    }

    #[test]
    fn an_acknowledgement_that_does_not_come_is_given_up() {
        let now = Instant::now();
        let after = Duration::from_secs(1);
        let mut one_way = OneWay::default();
        let sequence = one_way.push(Some((now + after, after)));
        assert_eq!(one_way.next_deadline(), Some(now + after));

        one_way.expire(now + after, &mut Vec::new());

        let expected = CallError::TimedOut { stage: Stage::Controller, node: None, after };
        assert_eq!(poll(&mut one_way, sequence), Poll::Ready(Err(expected)));
        assert_eq!(one_way.next_deadline(), None);
    }

    #[test]
    fn dropped_calls_leave_nothing_behind() {
        let mut one_way = OneWay::default();
        let (first, second) = (one_way.push(None), one_way.push(None));
        one_way.detach(first);
        for number in 1..=2 {
            one_way.refuse(number, CallError::Busy { what: "x".into() });
        }

        one_way.accept(2, &mut Vec::new());
        one_way.detach(second);

        assert!(one_way.refused.is_empty() && one_way.len() == 0);
    }
}
