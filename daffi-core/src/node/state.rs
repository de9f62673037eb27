//! What a node knows: its calls in flight, the names and nodes it learnt, whether it is connected. No I/O.

use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::flows::Flows;
use super::in_flight::{Expect, InFlight, Outcome, PartOutcome, Reply};
use super::known::Known;
use super::one_way::{OneWay, Sequence};
use super::reply::too_large;
use super::request::Request;
use crate::config;
use crate::error::{CallError, Ran};
use crate::name::{CallbackName, NameError, NodeName};
use crate::session::{Deadlines, Outbound};
use crate::wire::{self, CallId, Event, Failure, Flags, Header, JobId, Parts, Presence, Signature};

/// Where the node stands with its controller.
#[derive(Debug, Clone)]
pub(crate) enum Status {
    /// No link, or none that is ready.
    Connecting,
    /// Calls may be sent.
    Connected(Outbound),
    /// The link broke and may go on: new calls wait, and what belongs to those under way is held for it.
    Away(Outbound),
    /// Stopped, or told goodbye: there will be no link any more.
    Ended,
}

impl Status {
    /// Where to say something about what is under way.
    pub(crate) fn outbound(&self) -> Option<&Outbound> {
        match self {
            Self::Connected(outbound) | Self::Away(outbound) => Some(outbound),
            Self::Connecting | Self::Ended => None,
        }
    }
}

/// The number of a name on a link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) link: u64,
    pub(crate) id: u32,
}

/// What a node knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) status: Status,
    pub(crate) in_flight: InFlight,
    pub(crate) one_way: OneWay,
    pub(crate) flows: Flows,
    /// The numbers of callbacks, and what was told of them: a call that knows the number does without the name.
    numbers: FxHashMap<CallbackName, u32>,
    known: FxHashMap<u32, Known>,
    peers: FxHashMap<u32, NodeName>,
    deadlines: Deadlines,
    /// When frames were last read, or the first of a stream of one-way calls was sent.
    pub(crate) last_read: Instant,
    /// When the timer task looks next; it must be told of deadlines before that.
    timer_at: Option<Instant>,
    /// Callbacks offered so far: the number of the latest.
    pub(crate) offers: u32,
    /// Links so far.
    pub(crate) link: u64,
    /// How often one of them went on after a break.
    pub(crate) resumed: u64,
    /// Replies, chunks and windows of calls that nobody knew any more.
    pub(crate) late_replies: u64,
    /// Frames and events of kinds that this version does not know.
    pub(crate) skipped: u64,
}

/// The wheel's slot for calls that want no reply; slots of calls follow it.
const ONE_WAY_SLOT: u32 = 0;

impl State {
    /// A node that has never been connected, and takes bodies of up to `body_bytes_max`.
    pub(crate) fn new(now: Instant, body_bytes_max: usize) -> Self {
        Self {
            status: Status::Connecting,
            in_flight: InFlight::new(config::CALLS_IN_FLIGHT_MAX),
            one_way: OneWay::default(),
            flows: Flows::new(body_bytes_max),
            numbers: FxHashMap::default(),
            known: FxHashMap::default(),
            peers: FxHashMap::default(),
            deadlines: Deadlines::new(now),
            last_read: now,
            timer_at: None,
            offers: 0,
            link: 0,
            resumed: 0,
            late_replies: 0,
            skipped: 0,
        }
    }

    /// A link is there, on which names and numbers begin anew. Its number.
    pub(crate) fn start_link(&mut self, calls_in_flight_max: u32, woken: &mut Vec<Waker>) -> u64 {
        self.link += 1;
        // An attempt to connect that was given up leaves its registrations behind.
        self.in_flight.lose_all(woken);
        self.flows.start(self.link, woken);
        self.one_way.start(self.link, woken);
        self.numbers.clear();
        self.known.clear();
        self.peers.clear();
        self.in_flight.set_slots_max(config::CALLS_IN_FLIGHT_MAX.min(calls_in_flight_max as usize));
        self.link
    }

    /// The link broke.
    pub(crate) fn lose_link(&mut self, woken: &mut Vec<Waker>) {
        if self.status.outbound().is_some() {
            self.status = Status::Connecting;
        }
        self.in_flight.lose_all(woken);
        self.flows.lose_all(woken);
        self.one_way.start(self.link + 1, woken);
    }

    /// What the controller told of a callback.
    pub(crate) fn known(&self, name: &str) -> Option<&Known> {
        self.known.get(self.numbers.get(name)?)
    }

    /// The same of the callback of a call.
    pub(crate) fn known_of(&self, request: &Request) -> Option<&Known> {
        match request.number.filter(|number| number.link == self.link) {
            Some(number) => self.known.get(&number.id),
            None => self.known(request.name.as_str()),
        }
    }

    /// `text` as a name, with its number if it has one: one that was called before takes no memory.
    pub(crate) fn name(&self, text: &str) -> Result<(CallbackName, Option<Numbered>), NameError> {
        match self.numbers.get_key_value(text) {
            Some((name, id)) => Ok((name.clone(), Some(Numbered { link: self.link, id: *id }))),
            None => Ok((CallbackName::new(text)?, None)),
        }
    }

    /// The callback's signatures have changed.
    pub(crate) fn relearn(&mut self, name: &str, signatures: Vec<Signature>) {
        let known = self.numbers.get(name).and_then(|id| self.known.get_mut(id));
        if let Some(known) = known {
            known.signatures = signatures.into();
        }
    }

    /// The node of this number; a controller that did not name it before is at fault, but its calls are run.
    pub(crate) fn peer(&self, id: u32) -> Option<NodeName> {
        self.peers.get(&id).cloned()
    }

    /// Takes a slot for a call. `true` if the timer task must be told of its deadline.
    ///
    /// # Errors
    /// [`CallError::Busy`] if all are taken.
    pub(crate) fn insert_call(
        &mut self,
        expect: Expect,
        timeout: Option<Duration>,
        eta: Duration,
        now: impl FnOnce() -> Instant,
    ) -> Result<(CallId, bool), CallError> {
        let id = self.in_flight.insert(expect, timeout).ok_or_else(|| CallError::Busy {
            what: format!("this node has {} calls in flight", self.in_flight.len()),
        })?;
        let is_earlier = timeout.is_some_and(|timeout| {
            let fallback = timeout.saturating_add(config::CONTROLLER_GRACE).saturating_add(eta);
            let at = now() + fallback.min(config::TIMEOUT_MAX);
            self.deadlines.insert(id.slot + 1, at);
            self.is_earlier(at)
        });
        Ok((id, is_earlier))
    }

    /// Takes a number for a call that wants no reply. `true` if the timer task must be told of its deadline.
    ///
    /// # Errors
    /// [`CallError::Busy`] if too many are not acknowledged.
    pub(crate) fn insert_one_way(
        &mut self,
        timeout: Option<Duration>,
        now: impl FnOnce() -> Instant,
    ) -> Result<(Sequence, bool), CallError> {
        if self.one_way.len() >= config::ONE_WAY_QUEUED_MAX {
            let what = format!("this node has {} calls that were not acknowledged", self.one_way.len());
            return Err(CallError::Busy { what });
        }
        let deadline = timeout.map(|timeout| {
            // Only the controller's word is waited for, however long the call itself may take.
            let fallback = timeout.min(config::CALL_TIMEOUT) + config::CONTROLLER_GRACE;
            // In a stream of calls the time of the last read will do: reading the clock for each would take a
            // tenth of the call.
            if self.one_way.len() == 0 {
                self.last_read = now();
            }
            let now = self.last_read;
            (now + fallback, timeout)
        });
        let sequence = self.one_way.push(deadline);
        // Only the oldest one's deadline stands in the wheel: it is the first that can pass.
        let is_first = self.one_way.len() == 1;
        let at = deadline.filter(|_| is_first).map(|(at, _)| at);
        if let Some(at) = at {
            self.deadlines.insert(ONE_WAY_SLOT, at);
        }
        Ok((sequence, at.is_some_and(|at| self.is_earlier(at))))
    }

    fn is_earlier(&mut self, at: Instant) -> bool {
        let is_earlier = self.timer_at.is_none_or(|timer| at < timer);
        if is_earlier {
            self.timer_at = Some(at);
        }
        is_earlier
    }

    /// When to call [`expire`](Self::expire) again. The timer task is told of deadlines before that.
    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        self.timer_at = self.deadlines.next();
        self.timer_at
    }

    /// Ends calls whose deadline passed without a word of the controller, which is to be told of `cancelled`.
    pub(crate) fn expire(&mut self, now: Instant, woken: &mut Vec<Waker>, cancelled: &mut Vec<CallId>) {
        let mut slots = Vec::new();
        self.deadlines.expire(now, &mut slots);
        for slot in slots {
            match slot.checked_sub(1) {
                Some(slot) => {
                    let expired = self.in_flight.expire(slot, woken);
                    cancelled.extend(expired.inspect(|id| self.flows.end_made(*id, woken)));
                }
                None => {
                    self.one_way.expire(now, woken);
                    if let Some(at) = self.one_way.next_deadline() {
                        self.deadlines.insert(ONE_WAY_SLOT, at);
                    }
                }
            }
        }
    }

    /// Nobody wants the call's outcome. Whether the controller must be told to cancel it, and the waker of
    /// whoever waited.
    pub(crate) fn abandon(&mut self, id: CallId) -> (bool, Option<Waker>) {
        let (must_cancel, waker) = self.in_flight.abandon(id);
        // Nobody waits for its stream any more: whoever took that has let go of it first.
        self.flows.end_made(id, &mut Vec::new());
        if must_cancel {
            self.deadlines.remove(id.slot + 1);
        }
        (must_cancel && self.status.outbound().is_some(), waker)
    }

    /// A call of this node is over.
    pub(super) fn end_call(&mut self, id: CallId, outcome: Outcome, woken: &mut Vec<Waker>) {
        if self.in_flight.finish(id, outcome, woken) {
            self.deadlines.remove(id.slot + 1);
        } else {
            self.late_replies += 1;
        }
        self.flows.end_made(id, woken);
    }

    /// The name of the node of this number; the controller has none.
    pub(super) fn author(&self, peer: u32) -> NodeName {
        self.peer(peer).unwrap_or_else(|| NodeName::new("controller").expect("a good name"))
    }

    /// A reply came.
    pub(crate) fn reply(&mut self, header: Header, body: &[u8], woken: &mut Vec<Waker>) {
        if header.flags.has(Flags::ONE_WAY) {
            if header.flags.has(Flags::FAILED) {
                self.one_way.refuse(header.call, failure(body));
            } else {
                self.one_way.accept(header.call, woken);
            }
            return;
        }
        let id = CallId::from_bits(header.call);
        let is_failed = header.flags.has(Flags::FAILED);
        let is_over = !header.flags.has(Flags::MORE) && (is_failed || !header.flags.has(Flags::BACKGROUND));
        let is_known = if is_failed {
            self.in_flight.finish(id, Err(failure(body)), woken)
        } else if header.flags.has(Flags::BACKGROUND) {
            match wire::decode::<JobId>(body) {
                Ok(job) => self.in_flight.taken(id, job, woken),
                Err(error) => self.in_flight.finish(id, Err(malformed(&error.to_string())), woken),
            }
        } else if header.flags.has(Flags::BROADCAST) {
            match parts(body, self.flows.body_bytes_max) {
                Ok(parts) => self.in_flight.parts(id, parts, is_over, woken),
                Err(error) => self.in_flight.finish(id, Err(error), woken),
            }
        } else {
            // What the controller itself answers is nobody's result.
            let limit = if header.peer == 0 { usize::MAX } else { self.flows.body_bytes_max };
            let outcome = bounded(body, limit).map(|body| Reply { peer: header.peer, body: body.into() });
            self.in_flight.finish(id, outcome, woken)
        };
        if !is_known {
            self.late_replies += 1;
        } else if is_over {
            self.deadlines.remove(id.slot + 1);
        }
        if is_over {
            self.flows.end_made(id, woken);
        }
    }

    fn learn(&mut self, name: CallbackName, known: Known) {
        let has_room = self.numbers.len() < config::NAMES_PER_SESSION_MAX;
        if !has_room && !self.numbers.contains_key(name.as_str()) {
            return;
        }
        if let Some(before) = self.numbers.insert(name, known.id) {
            self.known.remove(&before);
        }
        self.known.insert(known.id, known);
    }

    /// The controller tells something unasked. A change of presence is handed back.
    pub(crate) fn event(&mut self, body: &[u8]) -> Option<Presence> {
        match Event::decode(body) {
            Ok(Event::Interned { id, name, signatures }) => {
                self.learn(name, Known { id, signatures: signatures.into() });
                None
            }
            Ok(Event::Peer { id, node }) => {
                if self.peers.len() < config::SESSIONS_MAX || self.peers.contains_key(&id) {
                    self.peers.insert(id, node);
                }
                None
            }
            Ok(Event::Presence(presence)) => Some(presence),
            Err(error) => {
                self.skipped += 1;
                tracing::debug!(%error, "an event was skipped");
                None
            }
        }
    }
}

pub(super) fn failure(body: &[u8]) -> CallError {
    Failure::decode(body).map_or_else(|error| malformed(&error.to_string()), CallError::from)
}

fn malformed(why: &str) -> CallError {
    CallError::Protocol { message: format!("a malformed reply: {why}"), ran: Ran::Maybe }
}

/// The result, if this node takes one of its size.
fn bounded(body: &[u8], limit: usize) -> Result<&[u8], CallError> {
    if body.len() > limit { Err(too_large("reply", body.len(), limit, Ran::Yes)) } else { Ok(body) }
}

fn parts(body: &[u8], limit: usize) -> Result<Vec<PartOutcome>, CallError> {
    let mut outcomes = Vec::new();
    for part in Parts::new(body) {
        let part = part.map_err(|error| malformed(&error.to_string()))?;
        let node = NodeName::new(part.node).map_err(|error| malformed(&error.to_string()))?;
        let outcome = if part.flags.has(Flags::FAILED) {
            Err(failure(part.body))
        } else {
            bounded(part.body, limit).map(Bytes::copy_from_slice)
        };
        outcomes.push((node, outcome));
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests;
