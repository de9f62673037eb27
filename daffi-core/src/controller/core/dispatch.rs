//! From a call's frame to the node that runs it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::again::nobody_else;
use super::calls::{Call, Delayed, Origin};
use super::directory::{EntryKey, Offer, Own, Target};
use super::session::{NONE, Phase};
use super::{Core, Violation, flows, rendezvous};
use crate::config;
use crate::error::CallError;
use crate::name::{CallbackName, NodeName};
use crate::wire::{CallId, Extension, Flags, Frame, Header, JobId, Kind, encode};

/// What is to be run, wherever the wish comes from.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    /// The caller's session, or [`NONE`] if it has gone or is a schedule.
    pub(super) caller: u32,
    /// The caller's name, where there is no session.
    pub(super) absent: Option<NodeName>,
    pub(super) flags: Flags,
    pub(super) remaining_ms: u32,
    pub(super) on: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) include_self: bool,
    /// Only nodes that offer it as idempotent may run it.
    pub(super) again: bool,
    /// The number under which it was first sent, if it may have been carried out then.
    pub(super) first: Option<u64>,
    /// The session that must not, or [`NONE`].
    pub(super) apart: u32,
    /// What the callee shall see of the extension map.
    pub(super) extension: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Request<'_> {
    pub(super) fn timeout(&self) -> Option<Duration> {
        Header { remaining_ms: self.remaining_ms, ..Header::new(Kind::Call) }.remaining()
    }
}

/// Flags of a call that its callee sees.
const CALLEE_FLAGS: u8 = Flags::ONE_WAY.0 | Flags::KEPT.0 | Flags::MORE.0 | Flags::FEEDS.0;

impl Core {
    pub(super) fn call(&mut self, now: Instant, slot: u32, frame: Frame<'_>) -> Result<(), Violation> {
        // Most calls have nothing to say beside their header, and making a map to say so costs a tenth of them.
        let decoded = if frame.extension.is_empty() { None } else { Some(frame.extension()?) };
        let extension = decoded.as_ref().unwrap_or(&Extension::NONE);
        let Header { flags, call, remaining_ms, .. } = frame.header;
        let is_one_way = flags.has(Flags::ONE_WAY);
        if flags.has(Flags::BACKGROUND.with(Flags::BROADCAST)) {
            return Err(Violation::OutOfPlace("a broadcast in the background"));
        }
        Self::expect_chunked(flags, frame.body)?;
        if is_one_way {
            self.expect_one_way(slot, call)?;
        } else {
            self.expect_call(slot, CallId::from_bits(call))?;
        }
        let traceparent = extension.for_callee();
        let request = Request {
            caller: slot,
            absent: None,
            flags,
            remaining_ms,
            on: extension.on.as_deref(),
            key: extension.key.as_deref(),
            include_self: extension.include_self,
            again: extension.again,
            first: extension.first,
            apart: NONE,
            extension: &traceparent,
            body: frame.body,
        };
        let apart = self.runner_of(slot, extension.apart);
        let found = apart.and_then(|apart| Ok((apart, self.resolve(slot, &frame.header, extension)?)));
        let (request, entry) = match found {
            Ok((apart, entry)) => (Request { apart, ..request }, entry),
            Err(error) => {
                self.refuse_call(slot, flags, call, &error);
                return Ok(());
            }
        };
        if is_one_way {
            self.one_way(now, call, entry, extension, &request);
        } else {
            self.begin(now, CallId::from_bits(call), entry, extension, &request);
        }
        Ok(())
    }

    fn expect_call(&mut self, slot: u32, id: CallId) -> Result<(), Violation> {
        if id.slot as usize >= config::CALLS_IN_FLIGHT_MAX {
            return Err(Violation::OutOfPlace("a call number beyond the bound"));
        }
        if self.sessions[slot as usize].caller.call(id.slot).is_some() {
            return Err(Violation::OutOfPlace("a call number that is in use"));
        }
        self.counters.calls_started += 1;
        Ok(())
    }

    fn expect_one_way(&mut self, slot: u32, sequence: u64) -> Result<(), Violation> {
        let caller = &mut self.sessions[slot as usize].caller;
        if sequence != caller.one_way_taken + 1 {
            return Err(Violation::OutOfPlace("a one-way call out of sequence"));
        }
        caller.one_way_taken = sequence;
        caller.owes_ack = true;
        Ok(())
    }

    /// The entry that a call means.
    fn resolve(&mut self, slot: u32, header: &Header, extension: &Extension) -> Result<EntryKey, CallError> {
        if header.flags.has(Flags::NAMED) {
            let text = extension.name.as_deref().unwrap_or_default();
            // Whatever has a number was found and allowed once, and a role lasts as long as its session.
            self.check_call(slot, text)?;
            let found = self.directory.find(text).ok_or_else(|| self.no_such_callback(text))?;
            let name = CallbackName::new(text).map_err(|_| self.no_such_callback(text))?;
            self.intern(slot, &name);
            return Ok(found);
        }
        let interned = &self.sessions[slot as usize].caller.names;
        let Some((name, key)) = interned.get(header.name) else {
            return Err(self.no_such_callback(&format!("number {}", header.name)));
        };
        if self.directory.entry(*key).is_some() {
            return Ok(*key);
        }
        // It was withdrawn; somebody may offer it again.
        let name = name.clone();
        let key = self.directory.find(name.as_str()).ok_or_else(|| self.no_such_callback(name.as_str()))?;
        self.sessions[slot as usize].caller.names.refresh(header.name, key);
        Ok(key)
    }

    pub(super) fn no_such_callback(&self, name: &str) -> CallError {
        let similar = self.explain_miss(name, self.directory.names());
        CallError::NoSuchCallback { name: name.to_owned(), similar }
    }

    /// Answers a call that gets no record.
    pub(super) fn refuse_call(&mut self, slot: u32, flags: Flags, call: u64, error: &CallError) {
        let one_way = if flags.has(Flags::ONE_WAY) {
            self.counters.one_way_refused += 1;
            Flags::ONE_WAY
        } else {
            self.counters.calls_refused += 1;
            Flags::NONE
        };
        let failure = crate::wire::Failure::from(error).encode();
        self.put_reply(slot, call, one_way.with(Flags::FAILED), &failure);
    }

    /// Starts a call that is answered.
    fn begin(
        &mut self,
        now: Instant,
        id: CallId,
        entry: EntryKey,
        extension: &Extension,
        request: &Request<'_>,
    ) {
        let slot = request.caller;
        let own = self.directory.entry(entry).and_then(|entry| entry.own);
        // A node answers its own pings; pinned to nobody, the controller does.
        let own = own.filter(|_| request.on.is_none());
        let is_held = own.is_some() || extension.eta_ms.is_some();
        if let Err(error) = self.may_be_chunked(request, is_held) {
            return self.refuse_call(slot, request.flags, id.to_bits(), &error);
        }
        match own {
            Some(Own::Builtin(builtin)) => return self.call_builtin(now, id, entry, builtin, request),
            Some(Own::Hosted(method)) => {
                return self.call_hosted(now, id, entry, method, extension, request);
            }
            None => {}
        }
        let call = Call::new(now, Origin::Node { session: slot, call: id }, request.flags, entry);
        if let Some(eta) = extension.eta() {
            if let Err(error) = self.room_to_wait(request) {
                return self.refuse_call(slot, request.flags, id.to_bits(), &error);
            }
            let at = self.place(call, id, request);
            return self.delay(now, at, eta, request);
        }
        if request.flags.has(Flags::BROADCAST) {
            let at = self.place(call, id, request);
            return self.broadcast(now, at, request);
        }
        match self.choose(entry, request) {
            Ok(target) => {
                let at = self.place(call, id, request);
                self.send(now, at, target, request);
            }
            Err(error) => self.refuse_call(slot, request.flags, id.to_bits(), &error),
        }
    }

    /// Gives a call its record; one in the background gets its number, and its caller is told.
    pub(super) fn place(&mut self, mut call: Call, id: CallId, request: &Request<'_>) -> u32 {
        let caller = request.caller;
        let job = request.flags.has(Flags::BACKGROUND).then(|| self.next_job());
        if let Some(job) = job {
            let session = &self.sessions[caller as usize];
            let callback = self.directory.entry(call.entry).map(|entry| entry.name.clone());
            let extra = call.extra();
            extra.callback = callback;
            (extra.job, extra.caller) = (Some(job), Some(session.name()));
            extra.owner = Some(session.identity.clone());
            if request.flags.has(Flags::KEPT) {
                call.origin = Origin::Kept;
            }
        }
        let is_kept = call.origin == Origin::Kept;
        let slot = self.calls.insert(call);
        if let Some(job) = job {
            self.running_jobs.insert(job, slot);
            self.tell_job(caller, id, job);
        }
        if !is_kept {
            self.sessions[caller as usize].caller.set(id.slot, slot);
        }
        slot
    }

    fn tell_job(&mut self, caller: u32, id: CallId, job: JobId) {
        let body = encode(&job).expect("a number encodes");
        self.put_reply(caller, id.to_bits(), Flags::BACKGROUND, &body);
    }

    /// Whether another call may wait for its `eta`.
    pub(super) fn room_to_wait(&self, request: &Request<'_>) -> Result<(), CallError> {
        let is_full = self.delayed >= config::DELAYED_MAX;
        let bytes = request.body.len() + request.extension.len();
        if is_full || self.delayed_bytes + bytes > config::DELAYED_BYTES_MAX {
            let (calls, bytes) = (self.delayed, self.delayed_bytes);
            let what = format!("{calls} calls of {bytes} bytes wait at the controller for their eta");
            return Err(CallError::Busy { what });
        }
        Ok(())
    }

    /// Holds a call for its `eta`, which is not counted against its time.
    pub(super) fn delay(&mut self, now: Instant, slot: u32, eta: Duration, request: &Request<'_>) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let name = self.directory.entry(call.entry).map(|entry| entry.name.to_string()).unwrap_or_default();
        call.extra().delayed = Some(Delayed {
            name,
            on: request.on.map(str::to_owned),
            key: request.key.map(str::to_owned),
            include_self: request.include_self,
            again: request.again,
            body: Bytes::copy_from_slice(request.body),
            timeout: request.timeout(),
            extension: request.extension.to_vec(),
        });
        self.delayed += 1;
        self.delayed_bytes += request.body.len() + request.extension.len();
        self.deadlines.insert(slot, now + eta);
    }

    /// The offer that shall serve a call.
    pub(super) fn choose(&mut self, key: EntryKey, request: &Request<'_>) -> Result<Target, CallError> {
        if let Some(on) = request.on {
            return self.pinned(key, on, request);
        }
        let Some(entry) = self.directory.entry(key) else { return Err(self.no_such_callback("?")) };
        if let Some(key) = request.key {
            return self.keyed(key, &entry.offers, request);
        }
        let sessions = &self.sessions;
        let mut best: Option<(&Offer, (bool, bool, usize))> = None;
        let mut ties = 0u32;
        let mut bound = None;
        for offer in entry.offers.iter().filter(|offer| request.admits(offer)) {
            let session = &sessions[offer.session as usize];
            if let Err(what) = session.room_for(request.flags) {
                bound = bound.or(Some((session.name(), what)));
                continue;
            }
            // In this order: others before the caller itself, those that answer before suspects, the least busy.
            let rank = (offer.session == request.caller, session.liveness.is_suspect, session.outstanding());
            let is_better = best.is_none_or(|(_, least)| rank < least);
            if is_better {
                (best, ties) = (Some((offer, rank)), 1);
            } else if best.is_some_and(|(_, least)| rank == least) {
                ties += 1;
                if self.random.u32(..ties) == 0 {
                    best = Some((offer, rank));
                }
            }
        }
        match (best, bound) {
            (Some((offer, _)), _) => Ok(offer.target()),
            (None, Some((node, what))) => Err(busy(&node, what, entry.offers.len())),
            (None, None) if !entry.offers.is_empty() => Err(nobody_else(&entry.name)),
            (None, None) => Err(self.no_such_callback(entry.name.as_str())),
        }
    }

    fn pinned(&self, key: EntryKey, on: &str, request: &Request<'_>) -> Result<Target, CallError> {
        let session = self.by_name.get(on).copied();
        let ready = session.filter(|slot| self.sessions[*slot as usize].phase == Phase::Ready);
        let Some(slot) = ready else {
            let names = self.by_name.keys().map(NodeName::as_str);
            return Err(CallError::NoSuchNode { node: on.to_owned(), similar: self.explain_miss(on, names) });
        };
        let session = &self.sessions[slot as usize];
        let entry = self.directory.entry(key);
        if entry.is_some_and(|entry| entry.own.is_some()) {
            return self.builtin_on(key, slot);
        }
        let offer = entry.and_then(|entry| entry.offers.iter().find(|offer| offer.session == slot));
        let Some(offer) = offer else {
            let name = entry.map_or("?", |entry| entry.name.as_str());
            let similar = self.explain_miss(name, self.directory.names_of(&session.callee.offers));
            return Err(CallError::NoSuchCallback { name: format!("{name} on {on}"), similar });
        };
        if !request.admits(offer) {
            return Err(nobody_else(&offer.signature.name));
        }
        session.room_for(request.flags).map_err(|what| busy(&session.name(), what, 1))?;
        Ok(offer.target())
    }

    /// Calls of one key go to one node, as long as the nodes stay the same.
    fn keyed(&self, key: &str, offers: &[Offer], request: &Request<'_>) -> Result<Target, CallError> {
        let caller = request.caller;
        let others = offers.iter().any(|offer| offer.session != caller);
        let candidates: Vec<&Offer> =
            offers.iter().filter(|offer| !others || offer.session != caller).collect();
        let names: Vec<NodeName> =
            candidates.iter().map(|offer| self.sessions[offer.session as usize].name()).collect();
        let picked = rendezvous::pick(key, names.iter().map(NodeName::as_str));
        let Some(at) = picked else { return Err(self.no_such_callback("?")) };
        if !request.admits(candidates[at]) {
            return Err(nobody_else(&candidates[at].signature.name));
        }
        let session = &self.sessions[candidates[at].session as usize];
        session.room_for(request.flags).map_err(|what| busy(&names[at], what, 1))?;
        Ok(candidates[at].target())
    }

    /// Sends a placed call to its callee.
    pub(super) fn send(&mut self, now: Instant, slot: u32, target: Target, request: &Request<'_>) {
        let deadline = request.timeout().map(|timeout| now + timeout);
        let number = self.calls.number(slot);
        let serving = &mut self.sessions[target.session as usize].callee.serving;
        let serving_at = serving.len() as u32;
        serving.push(slot);
        let Some(call) = self.calls.get_mut(slot) else { return };
        (call.callee, call.serving_at, call.deadline) = (target.session, serving_at, deadline);
        let is_member = matches!(call.origin, Origin::Broadcast { .. });
        // Only a node that waits can take a reply in chunks.
        if !matches!(call.origin, Origin::Node { .. }) || request.flags.has(Flags::KEPT) {
            call.flags = call.flags.with(Flags::KEPT);
        }
        let kept = call.flags.0 & Flags::KEPT.0;
        // The parts of a broadcast share its deadline: one timer for all of them.
        if let Some(deadline) = deadline.filter(|_| !is_member) {
            self.deadlines.insert(slot, deadline);
        }
        self.forward(target, number, Flags(request.flags.0 | kept), request);
        if flows::is_chunked(request.flags) {
            self.open_request_flow(slot, target.session, request.flags);
        }
    }

    /// Appends the call to the callee's output.
    pub(super) fn forward(&mut self, target: Target, number: u64, flags: Flags, request: &Request<'_>) {
        let callee = target.session;
        let peer = match &request.absent {
            Some(name) => self.introduce_absent(callee, name.clone()),
            None => self.introduce(callee, request.caller),
        };
        let header = Header {
            kind: Kind::Call,
            flags: Flags(flags.0 & CALLEE_FLAGS),
            name: target.id,
            peer,
            remaining_ms: request.remaining_ms,
            call: number,
        };
        self.sessions[callee as usize].put(header, request.extension, request.body);
        self.touch(callee);
    }
}

fn busy(node: &NodeName, what: &str, offers: usize) -> CallError {
    let who =
        if offers == 1 { format!("`{node}` has") } else { format!("all {offers} nodes, as `{node}`, have") };
    CallError::Busy { what: format!("{who} as many {what} as it may") }
}

/// No session stands behind the request.
pub(super) fn absent_request<'a>(caller: NodeName, flags: Flags, body: &'a [u8]) -> Request<'a> {
    Request {
        caller: NONE,
        absent: Some(caller),
        flags,
        remaining_ms: crate::wire::NO_TIMEOUT,
        on: None,
        key: None,
        include_self: true,
        again: false,
        first: None,
        apart: NONE,
        extension: &[],
        body,
    }
}
