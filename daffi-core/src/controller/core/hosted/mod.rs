//! Calls of the methods of hosted objects.
//!
//! The store holds what is kept; who waits is known here alone, since waiting is not state. Commands go to the store
//! by way of `proposer` alone: whoever wants them logged or agreed upon first does it there. `own` is what the controller
//! keeps in the store for itself.

mod feeds;
mod foreign;
mod lines;
mod objects;
mod own;
mod proposer;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use self::feeds::Feeds;
pub(super) use self::feeds::Listening;
pub use self::foreign::Foreign;
pub(super) use self::lines::Parked;
use self::lines::Place;
pub(super) use self::own::own_kinds;
#[cfg(test)]
pub(super) use self::proposer::Propose;
use self::proposer::Proposer;
use super::Core;
use super::calls::{Call, Origin};
use super::directory::{EntryKey, Own};
use super::dispatch::Request;
use super::finish::Outcome as Ending;
use crate::config;
use crate::error::{CallError, DataError, ErrorValue, Ran};
use crate::hosted::{
    Access, After, Asker, Command, Denial, Effects, Invocation, MethodId, ObjectId, ObjectKind, Outcome,
    Refusal, SessionId, Stop, Store, Time,
};
use crate::name::NodeName;
use crate::wire::{CallId, Extension, Flags, Header, Kind, put_with};

/// The store, who waits for what, and who listens.
pub(super) struct Hosting {
    pub(super) proposer: Proposer,
    /// Calls that wait, by object, line and turn.
    lines: BTreeMap<Place, u32>,
    /// What it takes to hold them.
    waiting_bytes: usize,
    last_ticket: u64,
    /// Objects that have changed: the first of their lines are to be tried again.
    changed: VecDeque<ObjectId>,
    feeds: Feeds,
    after: After,
    out: Vec<u8>,
    /// The session of those who come by a foreign protocol, from their first call on, and how many calls they have made.
    foreign: Option<SessionId>,
    foreign_calls: u64,
}

impl Hosting {
    pub(super) fn new(now: Instant, unix_ms: u64, kinds: Arc<[ObjectKind]>) -> Self {
        Self {
            proposer: Proposer::new(now, unix_ms, kinds, own_kinds()),
            lines: BTreeMap::new(),
            waiting_bytes: 0,
            last_ticket: 0,
            changed: VecDeque::new(),
            feeds: Feeds::default(),
            after: After::default(),
            out: Vec::new(),
            foreign: None,
            foreign_calls: 0,
        }
    }

    pub(super) fn store(&self) -> &Store {
        self.proposer.store()
    }

    pub(super) fn time(&self, now: Instant) -> Time {
        self.proposer.time(now)
    }

    /// When something is to be done because time passes: at once, if somebody is still to be tried.
    pub(super) fn next(&self) -> Option<Instant> {
        if !self.changed.is_empty() || self.feeds.has_news() {
            return Some(self.proposer.instant(Time::default()));
        }
        self.store().next_due().map(|due| self.proposer.instant(due))
    }

    /// Forgets what nobody listens to any more.
    pub(super) fn forget_feeds(&mut self, now: Instant) {
        self.feeds.expire(now);
        self.proposer.set_watched(self.feeds.has_watchers());
    }

    /// Has a call carried out for the node `from`.
    fn propose(
        &mut self,
        now: Instant,
        from: Option<&NodeName>,
        command: &Command<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Denial> {
        let start = out.len();
        let outcome = self.proposer.propose(now, command, out, &mut self.after);
        self.take_note(now, from);
        match outcome {
            Outcome::Value if out.len() - start > config::BODY_BYTES_MAX => {
                Err(Denial::TooLarge(out.len() - start))
            }
            Outcome::Refused(denial) => Err(denial),
            Outcome::Opened(_) | Outcome::Value | Outcome::Known(_) | Outcome::Done => Ok(()),
        }
    }

    /// Has a command of the controller's own carried out.
    fn run(&mut self, now: Instant, command: &Command<'_>, out: &mut Vec<u8>) -> Outcome {
        let outcome = self.proposer.propose(now, command, out, &mut self.after);
        self.take_note(now, None);
        outcome
    }

    /// What is to be done once a command is carried out.
    fn take_note(&mut self, now: Instant, from: Option<&NodeName>) {
        let Self { after, changed, lines, feeds, proposer, .. } = self;
        changed.extend(after.changed.drain(..).filter(|_| !lines.is_empty()));
        if after.changes.is_empty() && after.messages.is_empty() {
            return;
        }
        let (store, at) = (proposer.store(), proposer.time(now));
        for change in after.changes.drain(..) {
            if let Some((kind, name)) = store.name_of(change.object) {
                feeds.change(kind, name, change.revision, at, from, change.what.as_ref());
            }
        }
        for (object, message) in after.messages.drain(..) {
            if let Some((kind, name)) = store.name_of(object) {
                feeds.message(kind, name, at, from, &message);
            }
        }
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
        extension: &Extension,
        request: &Request<'_>,
    ) {
        self.counters.hosted_calls += 1;
        let session = request.caller;
        let may =
            self.room_to_answer(session).and_then(|()| self.check_hosted(session, method, request.body));
        let is_in_mode = extension.eta_ms.is_none() && !request.flags.has(Flags::BROADCAST);
        let may = may.and_then(|()| if is_in_mode { Ok(()) } else { Err(not_in_this_mode()) });
        if let Err(error) = may {
            return self.refuse_call(session, request.flags, id.to_bits(), &error);
        }
        if request.flags.has(Flags::BACKGROUND) {
            return self.call_in_background(now, id, entry, method, request);
        }
        match self.operate(now, id, method, request) {
            Ok(()) => {
                self.counters.calls_answered += 1;
                self.wake_changed(now);
            }
            Err(Denial::Stopped { stop: Stop::Parked, .. }) => {
                let body = Bytes::copy_from_slice(request.body);
                self.park(now, id, entry, request, Parked::one(method, body));
            }
            Err(denial) => self.refuse_call(session, request.flags, id.to_bits(), &denied(denial)),
        }
    }

    /// The same in the background: it gets a number, and cannot wait for its turn.
    fn call_in_background(
        &mut self,
        now: Instant,
        id: CallId,
        entry: EntryKey,
        method: MethodId,
        request: &Request<'_>,
    ) {
        let call = Call::new(now, Origin::Node { session: request.caller, call: id }, request.flags, entry);
        let slot = self.place(call, id, request);
        match self.do_at_once(now, id.to_bits(), method, request) {
            Ok(result) => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, Ending::Value(&result));
            }
            Err(denial) => self.fail(now, slot, &denied(denial)),
        }
        self.wake_changed(now);
    }

    /// A node calls a callback of the controller's own and wants no result.
    pub(super) fn tell_own(
        &mut self,
        now: Instant,
        own: Option<Own>,
        sequence: u64,
        extension: &Extension,
        request: &Request<'_>,
    ) -> Result<(), CallError> {
        let Some(Own::Hosted(method)) = own else { return Err(not_in_this_mode()) };
        if extension.eta_ms.is_some() || request.flags.has(Flags::BROADCAST) || request.on.is_some() {
            return Err(not_in_this_mode());
        }
        self.counters.hosted_calls += 1;
        self.check_hosted(request.caller, method, request.body)?;
        let done = self.do_at_once(now, ONE_WAY | sequence, method, request);
        self.wake_changed(now);
        done.map(drop).map_err(denied)
    }

    /// Runs a method that gets no turn later if it cannot go on now.
    fn do_at_once(
        &mut self,
        now: Instant,
        number: u64,
        method: MethodId,
        request: &Request<'_>,
    ) -> Result<Vec<u8>, Denial> {
        let invocation = Invocation { method, body: Cow::Borrowed(request.body) };
        self.expire_hosted(now);
        if self.must_queue(&invocation)? {
            return Err(Denial::from(Stop::Parked));
        }
        let mut out = Vec::new();
        self.perform(now, request.caller, (number, false), None, invocation, &mut out)?;
        Ok(out)
    }

    /// Runs a method, and puts its result before the session.
    fn operate(
        &mut self,
        now: Instant,
        id: CallId,
        method: MethodId,
        request: &Request<'_>,
    ) -> Result<(), Denial> {
        let session = request.caller;
        let invocation = Invocation { method, body: Cow::Borrowed(request.body) };
        let access = self.hosting.store().access(method);
        if access == Access::Publish && request.first.is_some() {
            // What is published is not remembered, and nobody shall hear it twice.
            return Err(DataError::Forgotten.into());
        }
        let is_write = access.is_write();
        let asker = if is_write { Some(self.asker(now, session, id, request.first)) } else { None };
        if !is_write {
            self.expire_hosted(now);
        } else if !self.is_settled(now, session, request.first) && self.must_queue(&invocation)? {
            return Err(Denial::from(Stop::Parked));
        }
        let header = Header { call: id.to_bits(), ..Header::new(Kind::Reply) };
        let Self { hosting, sessions, .. } = self;
        let caller = &mut sessions[session as usize];
        let (known, name) = (caller.hosted.unwrap_or_default(), caller.name.as_ref());
        put_with(&mut caller.out, header, &[], |out| match asker {
            None => hosting.look(now, known, name, &invocation, out),
            Some(asker) => {
                let command = Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation };
                hosting.propose(now, name, &command, out)
            }
        })?;
        self.touch(session);
        self.check_backlog(session);
        Ok(())
    }

    /// Time has passed: what has expired goes.
    pub(super) fn expire_hosted(&mut self, now: Instant) {
        if self.hosting.store().is_due(self.hosting.time(now)) {
            self.hosting.run(now, &Command::Tick, &mut Vec::new());
            self.wake_changed(now);
        }
    }

    /// A session has ended: what it held goes back, to those who wait for it.
    pub(super) fn end_hosted(&mut self, now: Instant, session: SessionId, is_final: bool) {
        self.hosting.run(now, &Command::End { session, is_final }, &mut Vec::new());
        self.wake_changed(now);
    }

    /// Who asks: one that may have asked before, by the number that it asked by then.
    fn asker(&mut self, now: Instant, slot: u32, id: CallId, first: Option<u64>) -> Asker {
        let session = self.hosted_session(now, slot);
        Asker { session, request: first.unwrap_or_else(|| id.to_bits()), is_again: first.is_some() }
    }

    /// The session as the store knows it, from its first write on.
    fn hosted_session(&mut self, now: Instant, slot: u32) -> SessionId {
        if let Some(known) = self.sessions[slot as usize].hosted {
            return known;
        }
        let incarnation = self.sessions[slot as usize].back.incarnation;
        let opened = self.hosting.run(now, &Command::Open { incarnation }, &mut Vec::new());
        let Outcome::Opened(session) = opened else { return SessionId::default() };
        self.sessions[slot as usize].hosted = Some(session);
        session
    }
}

impl Hosting {
    /// Runs a method that changes nothing.
    fn look(
        &mut self,
        now: Instant,
        session: SessionId,
        from: Option<&NodeName>,
        invocation: &Invocation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Denial> {
        let mut effects = Effects::default();
        let start = out.len();
        let at = self.time(now);
        let name = self.store().look(at, session, invocation, out, &mut effects)?;
        if out.len() - start > config::BODY_BYTES_MAX {
            return Err(Denial::TooLarge(out.len() - start));
        }
        for message in effects.messages.drain(..) {
            self.feeds.message(invocation.method.kind, name, at, from, &message);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Hosting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosting")
            .field("proposer", &self.proposer)
            .field("waiting", &self.lines.len())
            .finish_non_exhaustive()
    }
}

/// Calls of the controller's own callbacks are made now and by one node.
pub(super) fn not_in_this_mode() -> CallError {
    CallError::BadArguments {
        expected: "a call at once, awaited, in the background or without return".into(),
        got: "another mode, for a callback of the controller's own".into(),
    }
}

/// What tells the numbers of one-way calls from those of others.
const ONE_WAY: u64 = 1 << 63;

/// What a caller is told of a denial.
pub(super) fn denied(denial: Denial) -> CallError {
    let (at, stop) = match denial {
        Denial::Stopped { at, stop } => (at, stop),
        Denial::Refused(error) => (0, Stop::refused(&error)),
        Denial::TooLarge(bytes) => {
            let (bytes, limit) = (bytes as u64, config::BODY_BYTES_MAX as u64);
            return CallError::TooLarge { what: "result".into(), bytes, limit, ran: Ran::Yes };
        }
    };
    match stop {
        Stop::Parked => CallError::Busy { what: "the object, which cannot do this now".into() },
        Stop::BadArguments { expected, got } => CallError::BadArguments { expected, got },
        Stop::Refused(Refusal { kind, message, value }) => {
            let chain = if at == 0 { Vec::new() } else { vec![format!("operation {at} of the batch")] };
            let value = Some(value).filter(|value| !value.is_empty()).map(ErrorValue::new);
            CallError::Remote { node: NodeName::controller(), kind, message, chain, value }
        }
    }
}
