//! Calls of the methods of hosted objects, and those that wait for an object to change.
//!
//! The store holds what is kept; who waits is known here alone, since waiting is not state. Commands go to the store
//! through [`propose`](Core::propose): whoever wants them logged or agreed upon first does it there.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Core;
use super::calls::{Call, Origin, Parked};
use super::directory::EntryKey;
use super::dispatch::Request;
use super::finish::Outcome as Ending;
use crate::config;
use crate::error::{CallError, ErrorValue, Stage};
use crate::hosted::{
    After, Args, Asker, Command, Denial, MethodId, ObjectId, ObjectKind, Invocation, Outcome, Refusal, SessionId,
    Stop,
    Store, Time,
};
use crate::name::NodeName;
use crate::wire::{CallId, Header, Kind, put_with};

/// The store, and who waits for what.
pub(super) struct Hosting {
    pub(super) store: Store,
    /// The time of the store's clock at an instant.
    start: (Instant, Time),
    /// Calls that wait, by object, line and turn.
    lines: BTreeMap<Place, u32>,
    last_ticket: u64,
    /// Objects that have changed: the first of their lines are to be tried again.
    changed: VecDeque<ObjectId>,
    after: After,
    out: Vec<u8>,
}

/// A place in a line: the object, the line, and the turn.
pub(super) type Place = (ObjectId, u8, u64);

impl Hosting {
    pub(super) fn new(now: Instant, unix_ms: u64, kinds: Arc<[ObjectKind]>) -> Self {
        Self {
            store: Store::new(kinds),
            start: (now, Time(unix_ms.saturating_mul(1_000))),
            lines: BTreeMap::new(),
            last_ticket: 0,
            changed: VecDeque::new(),
            after: After::default(),
            out: Vec::new(),
        }
    }

    fn time(&self, now: Instant) -> Time {
        self.start.1.after(now.saturating_duration_since(self.start.0))
    }

    /// When something is to be done because time passes: at once, if somebody is still to be tried.
    pub(super) fn next(&self) -> Option<Instant> {
        if !self.changed.is_empty() {
            return Some(self.start.0);
        }
        self.store.next_due().map(|due| self.start.0 + due.since(self.start.1))
    }

    /// Calls that wait for an object to change.
    pub(super) fn waiting(&self) -> usize {
        self.lines.len()
    }

    fn first(&self, object: ObjectId, line: u8) -> Option<(Place, u32)> {
        let line = (object, line, 0)..=(object, line, u64::MAX);
        self.lines.range(line).next().map(|(place, slot)| (*place, *slot))
    }
}

impl Core {
    /// A node calls a method of a hosted object.
    pub(super) fn call_hosted(
        &mut self,
        now: Instant,
        id: CallId,
        entry: EntryKey,
        method: MethodId,
        request: &Request<'_>,
    ) {
        self.counters.hosted_calls += 1;
        let session = request.caller;
        let may =
            self.room_to_answer(session).and_then(|()| self.check_hosted(session, method, request.body));
        if let Err(error) = may {
            return self.refuse_call(session, request.flags, id.to_bits(), &error);
        }
        match self.operate(now, session, id, method, request) {
            Ok(()) => {
                self.counters.calls_answered += 1;
                self.wake_changed(now);
            }
            Err(Denial::Stopped { stop: Stop::Parked, .. }) => self.park(now, id, entry, method, request),
            Err(denial) => self.refuse_call(session, request.flags, id.to_bits(), &denied(denial)),
        }
    }

    /// Runs a method, and puts its result before the session.
    fn operate(
        &mut self,
        now: Instant,
        session: u32,
        id: CallId,
        method: MethodId,
        request: &Request<'_>,
    ) -> Result<(), Denial> {
        let invocation = Invocation { method, body: Cow::Borrowed(request.body) };
        let is_read = self.hosting.store.is_read(method);
        let asker = if is_read { None } else { Some(self.asker(now, session, id)) };
        if is_read {
            self.expire_hosted(now);
        } else if self.must_queue(method, request.body)? {
            return Err(Denial::from(Stop::Parked));
        }
        let header = Header { call: id.to_bits(), ..Header::new(Kind::Reply) };
        let Self { hosting, sessions, .. } = self;
        let known = sessions[session as usize].hosted.unwrap_or_default();
        put_with(&mut sessions[session as usize].out, header, &[], |out| match asker {
            None => hosting.store.read(known, &invocation, out),
            Some(asker) => {
                let command = Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation };
                hosting.propose(now, &command, out)
            }
        })?;
        self.touch(session);
        self.check_backlog(session);
        Ok(())
    }

    /// Whether a call has to wait behind others, whatever it would come to.
    fn must_queue(&self, method: MethodId, body: &[u8]) -> Result<bool, Denial> {
        let Some(line) = self.hosting.store.line(method).filter(|_| !self.hosting.lines.is_empty()) else {
            return Ok(false);
        };
        let name = Args::of(body)?.text("the object's name")?;
        let object = self.hosting.store.find(method.kind, name);
        Ok(object.is_some_and(|object| self.hosting.first(object, line).is_some()))
    }

    /// Has a call wait until its object has changed and all before it in its line have had their turn.
    fn park(&mut self, now: Instant, id: CallId, entry: EntryKey, method: MethodId, request: &Request<'_>) {
        let session = request.caller;
        let refused = match (self.hosting.store.line(method), request.timeout()) {
            (None, _) => Some(denied(Denial::from(Stop::Parked))),
            (_, Some(Duration::ZERO)) => {
                let (stage, after) = (Stage::Waiting, Duration::ZERO);
                Some(CallError::TimedOut { stage, node: None, after })
            }
            _ if self.hosting.lines.len() >= config::WAITERS_MAX => Some(CallError::Busy {
                what: format!("{} calls wait for hosted objects", config::WAITERS_MAX),
            }),
            _ => None,
        };
        if let Some(error) = refused {
            return self.refuse_call(session, request.flags, id.to_bits(), &error);
        }
        let Ok(name) = Args::of(request.body).and_then(|mut args| args.text("the object's name")) else {
            return;
        };
        let object = self.hosting.store.wait_for(method.kind, name);
        self.hosting.last_ticket += 1;
        let line = self.hosting.store.line(method).unwrap_or_default();
        let place = (object, line, self.hosting.last_ticket);
        let mut call = Call::new(now, Origin::Node { session, call: id }, request.flags, entry);
        call.deadline = request.timeout().map(|timeout| now + timeout);
        let deadline = call.deadline;
        call.extra().queued = Some(Parked { method, body: Bytes::copy_from_slice(request.body), place });
        let slot = self.calls.insert(call);
        self.sessions[session as usize].caller.set(id.slot, slot);
        self.hosting.lines.insert(place, slot);
        if let Some(deadline) = deadline {
            self.deadlines.insert(slot, deadline);
        }
    }

    /// A call waits no more.
    pub(super) fn leave_line(&mut self, place: Place) {
        self.hosting.lines.remove(&place);
        self.hosting.store.wait_no_more(place.0);
        // Whoever stood behind it may have waited for it alone.
        self.hosting.changed.push_back(place.0);
    }

    /// Tries those who wait for objects that have changed, in their turn.
    pub(super) fn wake_changed(&mut self, now: Instant) {
        let mut left = config::WOKEN_PER_TURN_MAX;
        while let Some(object) = self.hosting.changed.pop_front() {
            let mut line = 0;
            while let Some((place, slot)) = self.hosting.next_line(object, line) {
                if left == 0 {
                    self.hosting.changed.push_front(object);
                    return;
                }
                left -= 1;
                if !self.try_waiting(now, slot) {
                    match place.1.checked_add(1) {
                        Some(next) => line = next,
                        None => break,
                    }
                }
            }
        }
    }

    /// Whether a call that waited has come to its end.
    fn try_waiting(&mut self, now: Instant, slot: u32) -> bool {
        let Some(call) = self.calls.get(slot) else { return true };
        let Some(Parked { method, body, .. }) = call.extra.as_ref().and_then(|extra| extra.queued.clone())
        else {
            return true;
        };
        let Origin::Node { session, call: id } = call.origin else { return true };
        let invocation = Invocation { method, body: Cow::Borrowed(&body) };
        let mut out = std::mem::take(&mut self.hosting.out);
        out.clear();
        let done = if self.hosting.store.is_read(method) {
            let known = self.sessions[session as usize].hosted.unwrap_or_default();
            self.hosting.store.read(known, &invocation, &mut out)
        } else {
            let asker = self.asker(now, session, id);
            let command = Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation };
            self.hosting.propose(now, &command, &mut out)
        };
        let has_ended = match done {
            Ok(()) => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, Ending::Value(&out));
                true
            }
            Err(Denial::Stopped { stop: Stop::Parked, .. }) => false,
            Err(denial) => {
                self.fail(now, slot, &denied(denial));
                true
            }
        };
        self.hosting.out = out;
        has_ended
    }

    /// Time has passed: what has expired goes.
    pub(super) fn expire_hosted(&mut self, now: Instant) {
        if self.hosting.store.is_due(self.hosting.time(now)) {
            self.hosting.run(now, &Command::Tick);
            self.wake_changed(now);
        }
    }

    /// A session has ended: what it held goes back, to those who wait for it.
    pub(super) fn end_hosted(&mut self, now: Instant, session: SessionId) {
        self.hosting.run(now, &Command::End { session });
        self.wake_changed(now);
    }

    /// The session as the store knows it, from its first write on.
    fn asker(&mut self, now: Instant, slot: u32, id: CallId) -> Asker {
        let known = self.sessions[slot as usize].hosted;
        let session = known.unwrap_or_else(|| {
            let incarnation = u128::from(self.sessions[slot as usize].back.incarnation);
            let opened = self.hosting.run(now, &Command::Open { incarnation });
            let Outcome::Opened(session) = opened else { return SessionId::default() };
            self.sessions[slot as usize].hosted = Some(session);
            session
        });
        Asker { session, request: id.to_bits(), is_again: false }
    }
}

impl Hosting {
    /// Has a command with a result carried out, now or once it is agreed upon.
    fn propose(&mut self, now: Instant, command: &Command<'_>, out: &mut Vec<u8>) -> Result<(), Denial> {
        let outcome = self.store.apply(self.time(now), command, out, &mut self.after);
        self.changed.extend(self.after.changed.drain(..).filter(|_| !self.lines.is_empty()));
        match outcome {
            Outcome::Refused(denial) => Err(denial),
            Outcome::Opened(_) | Outcome::Value | Outcome::Known(_) | Outcome::Done => Ok(()),
        }
    }

    /// Has a command without a result carried out.
    fn run(&mut self, now: Instant, command: &Command<'_>) -> Outcome {
        let outcome = self.store.apply(self.time(now), command, &mut Vec::new(), &mut self.after);
        self.changed.extend(self.after.changed.drain(..).filter(|_| !self.lines.is_empty()));
        outcome
    }

    /// Who is first in the object's lines from this one on.
    fn next_line(&self, object: ObjectId, line: u8) -> Option<(Place, u32)> {
        let rest = (object, line, 0)..=(object, u8::MAX, u64::MAX);
        self.lines.range(rest).next().map(|(place, slot)| (*place, *slot))
    }
}

impl std::fmt::Debug for Hosting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosting")
            .field("store", &self.store)
            .field("waiting", &self.lines.len())
            .finish_non_exhaustive()
    }
}

/// What a caller is told of a denial.
fn denied(denial: Denial) -> CallError {
    let (at, stop) = match denial {
        Denial::Stopped { at, stop } => (at, stop),
        Denial::Refused(error) => (0, Stop::refused(&error)),
    };
    match stop {
        Stop::Parked => CallError::Busy { what: "the object, which cannot do this now".into() },
        Stop::BadArguments { expected, got } => CallError::BadArguments { expected, got },
        Stop::Refused(Refusal { kind, message, value }) => {
            let chain = if at == 0 { Vec::new() } else { vec![format!("invocation {at} of the batch")] };
            let value = Some(value).filter(|value| !value.is_empty()).map(ErrorValue::new);
            CallError::Remote { node: controller_name(), kind, message, chain, value }
        }
    }
}

/// What the controller is called where only a node can stand.
fn controller_name() -> NodeName {
    NodeName::new("controller").expect("a good name")
}
