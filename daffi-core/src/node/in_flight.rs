//! The calls of this node that await something: slots with generations.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tinyvec::TinyVec;

use super::flows::Inflow;
use crate::error::{CallError, Ran, Stage};
use crate::name::NodeName;
use crate::wire::{CallId, JobId};

/// A result and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// The controller's number of the callee; 0 is itself.
    pub(crate) peer: u32,
    /// The encoded result.
    pub(crate) body: Body,
}

/// An encoded result. A small one lies in the reply itself: to allocate each took a sixteenth of a short operation.
pub(crate) type Body = TinyVec<[u8; BODY_BYTES_SMALL]>;

/// As many as make a reply no larger than one with a result elsewhere.
const BODY_BYTES_SMALL: usize = 22;

/// What became of a call.
pub(crate) type Outcome = Result<Reply, CallError>;

/// What became of a broadcast at one node.
pub(crate) type PartOutcome = (NodeName, Result<Bytes, CallError>);

/// What a call is answered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// One reply.
    Reply,
    /// Word that it was taken, then a reply.
    TakenAndReply,
    /// Word that it was taken, and no more.
    Taken,
    /// Parts, a last one of which ends it.
    Parts,
    /// Word that a stream begins, then its items.
    Items,
    /// Word that it was taken, then the same.
    TakenAndItems,
}

impl Expect {
    /// Whether the result shall be a stream.
    pub(crate) fn is_items(self) -> bool {
        matches!(self, Self::Items | Self::TakenAndItems)
    }
}

#[derive(Debug)]
struct Live {
    expect: Expect,
    waker: Option<Waker>,
    timeout: Option<Duration>,
    /// What comes before the outcome. Most calls have none, and each call moves room for it.
    early: Option<Box<Early>>,
    /// With errors in a box: they are three times as large as a reply, and each call moves room for one.
    outcome: Option<Result<Reply, Box<CallError>>>,
    /// Nobody waits any more; the slot is kept because the controller still knows the call by it.
    is_detached: bool,
}

/// What comes of a call before it is over.
#[derive(Debug, Default)]
struct Early {
    job: Option<JobId>,
    /// In the order of their arrival, without those that were taken out.
    parts: Vec<PartOutcome>,
    /// The stream that is the result, and the number of its author.
    items: Option<(Arc<Inflow>, u32)>,
}

#[derive(Debug)]
enum State {
    /// The next free slot follows, or [`NONE`].
    Free(u32),
    Live(Live),
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    state: State,
}

/// The calls of this node that await something.
#[derive(Debug)]
pub(crate) struct InFlight {
    slots: Vec<Slot>,
    free: u32,
    live: usize,
    detached: usize,
    slots_max: usize,
}

const NONE: u32 = u32::MAX;

impl InFlight {
    /// No calls, and room for `slots_max`.
    pub(crate) fn new(slots_max: usize) -> Self {
        Self { slots: Vec::new(), free: NONE, live: 0, detached: 0, slots_max }
    }

    /// Has room for `slots_max` calls from now on; those that are there stay.
    pub(crate) fn set_slots_max(&mut self, slots_max: usize) {
        self.slots_max = slots_max;
    }

    /// Calls that somebody waits for.
    pub(crate) fn waiting(&self) -> usize {
        self.live - self.detached
    }

    /// Calls that the controller knows.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Takes a slot; `None` if all are taken.
    pub(crate) fn insert(&mut self, expect: Expect, timeout: Option<Duration>) -> Option<CallId> {
        let live = Live { expect, waker: None, timeout, early: None, outcome: None, is_detached: false };
        if self.live >= self.slots_max {
            return None;
        }
        let slot = if self.free == NONE {
            self.slots.push(Slot { generation: 0, state: State::Free(NONE) });
            self.slots.len() - 1
        } else {
            self.free as usize
        };
        let entry = &mut self.slots[slot];
        if let State::Free(next) = entry.state {
            self.free = next;
        }
        entry.state = State::Live(live);
        self.live += 1;
        Some(CallId { slot: slot as u32, generation: entry.generation })
    }

    fn live(&mut self, id: CallId) -> Option<&mut Live> {
        let slot = self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)?;
        match &mut slot.state {
            State::Live(live) => Some(live),
            State::Free(_) => None,
        }
    }

    /// Has the call's outcome wake this, if anything.
    pub(crate) fn set_waker(&mut self, id: CallId, waker: Option<&Waker>) {
        if let (Some(live), Some(waker)) = (self.live(id), waker) {
            live.waker = Some(waker.clone());
        }
    }

    fn free(&mut self, id: CallId) {
        let Some(is_detached) = self.live(id).map(|live| live.is_detached) else { return };
        let slot = &mut self.slots[id.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = State::Free(self.free);
        self.free = id.slot;
        self.live -= 1;
        self.detached -= usize::from(is_detached);
    }

    /// The call has been taken as a job. `false` if it is not known.
    pub(crate) fn taken(&mut self, id: CallId, job: JobId, woken: &mut Vec<Waker>) -> bool {
        let Some(live) = self.live(id) else { return false };
        live.early().job = Some(job);
        let (is_over, is_detached) = (live.expect == Expect::Taken, live.is_detached);
        if is_over && is_detached {
            self.free(id);
            return true;
        }
        if is_over {
            live.outcome = Some(Ok(Reply { peer: 0, body: Body::new() }));
        }
        woken.extend(live.waker.take());
        true
    }

    /// Parts of a broadcast's answer came. `false` if the call is not known.
    pub(crate) fn parts(
        &mut self,
        id: CallId,
        parts: Vec<PartOutcome>,
        is_last: bool,
        woken: &mut Vec<Waker>,
    ) -> bool {
        let Some(live) = self.live(id) else { return false };
        live.early().parts.extend(parts);
        if is_last {
            live.outcome = Some(Ok(Reply { peer: 0, body: Body::new() }));
        }
        woken.extend(live.waker.take());
        true
    }

    /// Whether the call wants a stream; `None` if it is not known, or over.
    pub(crate) fn wants_stream(&mut self, id: CallId) -> Option<bool> {
        self.live(id).filter(|live| live.outcome.is_none()).map(|live| live.expect.is_items())
    }

    /// The call's result is this stream.
    pub(crate) fn begin_stream(
        &mut self,
        id: CallId,
        inflow: Arc<Inflow>,
        peer: u32,
        woken: &mut Vec<Waker>,
    ) {
        if let Some(live) = self.live(id) {
            live.early().items = Some((inflow, peer));
            woken.extend(live.waker.take());
        }
    }

    /// The call is over. `false` if it is not known, or was over.
    pub(crate) fn finish(&mut self, id: CallId, outcome: Outcome, woken: &mut Vec<Waker>) -> bool {
        let Some(live) = self.live(id) else { return false };
        if live.is_detached {
            self.free(id);
            return true;
        }
        if live.outcome.is_some() {
            return false;
        }
        if let Some((inflow, _)) = live.items() {
            inflow.end(outcome.as_ref().map(|_| ()).map_err(CallError::clone), woken);
        }
        live.outcome = Some(outcome.map_err(Box::new));
        woken.extend(live.waker.take());
        true
    }

    /// The deadline of the call in this slot has passed and the controller has not said so. Its number, if it
    /// was still awaited, so that the controller can be told to forget it.
    pub(crate) fn expire(&mut self, slot: u32, woken: &mut Vec<Waker>) -> Option<CallId> {
        let generation = self.slots.get(slot as usize)?.generation;
        let id = CallId { slot, generation };
        let after = self.live(id)?.timeout.unwrap_or_default();
        let error = CallError::TimedOut { stage: Stage::Controller, node: None, after };
        self.finish(id, Err(error), woken).then_some(id)
    }

    /// The link broke: nothing will be answered any more.
    pub(crate) fn lose_all(&mut self, woken: &mut Vec<Waker>) {
        for slot in 0..self.slots.len() {
            let id = CallId { slot: slot as u32, generation: self.slots[slot].generation };
            self.finish(id, Err(CallError::Disconnected { ran: Ran::Maybe }), woken);
        }
    }

    /// The outcome of the call, which is then forgotten.
    pub(crate) fn poll_outcome(&mut self, id: CallId, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(live) = self.live(id) else { return Poll::Ready(Err(forgotten())) };
        match live.outcome.take() {
            Some(outcome) => {
                self.free(id);
                Poll::Ready(outcome.map_err(|error| *error))
            }
            None => live.park(cx),
        }
    }

    /// The job's number once it is taken; if it never was, why. The call is not forgotten.
    pub(crate) fn poll_taken(&mut self, id: CallId, cx: &mut Context<'_>) -> Poll<Result<JobId, CallError>> {
        let Some(live) = self.live(id) else { return Poll::Ready(Err(forgotten())) };
        match (live.job(), &live.outcome) {
            (Some(job), _) => Poll::Ready(Ok(job)),
            (None, Some(Err(error))) => Poll::Ready(Err((**error).clone())),
            (None, Some(Ok(_))) => Poll::Ready(Err(CallError::Protocol {
                message: "a background call was answered before it was taken".into(),
                ran: Ran::Yes,
            })),
            (None, None) => live.park(cx),
        }
    }

    /// The next parts of a broadcast's answer; none when it is over, and the call is then forgotten.
    pub(crate) fn poll_parts(
        &mut self,
        id: CallId,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Vec<PartOutcome>, CallError>> {
        let Some(live) = self.live(id) else { return Poll::Ready(Ok(Vec::new())) };
        if let Some(early) = live.early.as_mut().filter(|early| !early.parts.is_empty()) {
            return Poll::Ready(Ok(std::mem::take(&mut early.parts)));
        }
        match live.outcome.take() {
            Some(outcome) => {
                self.free(id);
                Poll::Ready(outcome.map(|_| Vec::new()).map_err(|error| *error))
            }
            None => live.park(cx),
        }
    }

    /// The stream that is the call's result and the number of its author; if there is none, why. The call is not
    /// forgotten.
    pub(crate) fn poll_stream(
        &mut self,
        id: CallId,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Arc<Inflow>, u32), CallError>> {
        let Some(live) = self.live(id) else { return Poll::Ready(Err(forgotten())) };
        match (live.items(), &live.outcome) {
            (Some(items), _) => Poll::Ready(Ok(items.clone())),
            (None, Some(Err(error))) => Poll::Ready(Err((**error).clone())),
            (None, Some(Ok(_))) => Poll::Ready(Err(CallError::Protocol {
                message: "it returns one value and no stream: await the call".into(),
                ran: Ran::Yes,
            })),
            (None, None) => live.park(cx),
        }
    }

    /// The number of the node that sends the stream that is the call's result.
    pub(crate) fn author(&mut self, id: CallId) -> Option<u32> {
        self.live(id)?.items().map(|(_, peer)| *peer)
    }

    /// Whether the outcome is there.
    pub(crate) fn is_finished(&mut self, id: CallId) -> bool {
        self.live(id).is_none_or(|live| live.outcome.is_some())
    }

    /// Nobody wants the outcome. Whether the controller must be told to cancel the call; and the waker of
    /// whoever waited, to be dropped without the lock: with it a whole task may be dropped, and its calls.
    pub(crate) fn abandon(&mut self, id: CallId) -> (bool, Option<Waker>) {
        let Some(live) = self.live(id) else { return (false, None) };
        let abandoned = (live.outcome.is_none(), live.waker.take());
        self.free(id);
        abandoned
    }

    /// Nobody waits for the outcome, but the call shall go on. The waker of whoever waited, as in
    /// [`abandon`](Self::abandon).
    pub(crate) fn detach(&mut self, id: CallId) -> Option<Waker> {
        let live = self.live(id)?;
        let waker = live.waker.take();
        let is_over = live.outcome.is_some() || (live.expect == Expect::Taken && live.job().is_some());
        if is_over {
            self.free(id);
        } else if !live.is_detached {
            live.is_detached = true;
            self.detached += 1;
        }
        waker
    }
}

impl Live {
    fn early(&mut self) -> &mut Early {
        self.early.get_or_insert_default()
    }

    fn job(&self) -> Option<JobId> {
        self.early.as_ref()?.job
    }

    fn items(&self) -> Option<&(Arc<Inflow>, u32)> {
        self.early.as_ref()?.items.as_ref()
    }

    fn park<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// Whoever polls owns the call, so it is forgotten only if its outcome was taken before.
fn forgotten() -> CallError {
    CallError::Cancelled { ran: Ran::Maybe }
}

#[cfg(test)]
mod tests;
