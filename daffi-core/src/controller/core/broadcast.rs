//! One call to every node that offers a name, and one outcome from each.

use std::time::{Duration, Instant};

use super::Core;
use super::calls::{Call, Collector, Origin};
use super::directory::{EntryKey, Offer, Target};
use super::dispatch::Request;
use super::finish::Outcome;
use super::session::NONE;
use crate::config;
use crate::error::CallError;
use crate::wire::{CallId, Failure, Flags, Header, Kind, Part, put_part};

impl Core {
    /// The offers that a broadcast goes to: those of this moment, in the order of joins and leaves.
    pub(super) fn members(&self, key: EntryKey, request: &Request<'_>) -> Result<Vec<Target>, CallError> {
        let Some(entry) = self.directory.entry(key) else { return Err(self.no_such_callback("?")) };
        let is_member = |target: &Target| request.include_self || target.session != request.caller;
        let targets: Vec<Target> = entry.offers.iter().map(Offer::target).filter(is_member).collect();
        if targets.is_empty() { Err(self.no_such_callback(entry.name.as_str())) } else { Ok(targets) }
    }

    /// Sends a placed call to all members.
    pub(super) fn broadcast(&mut self, now: Instant, slot: u32, request: &Request<'_>) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let entry = call.entry;
        call.deadline = request.timeout().map(|timeout| now + timeout);
        let deadline = call.deadline;
        let targets = match self.members(entry, request) {
            Ok(targets) => targets,
            Err(error) => return self.fail(now, slot, &error),
        };
        self.counters.broadcasts_started += 1;
        if let Some(deadline) = deadline {
            self.deadlines.insert(slot, deadline);
        }
        let parent = Origin::Broadcast { parent: slot };
        let members: Vec<u32> =
            targets.iter().map(|_| self.calls.insert(Call::new(now, parent, request.flags, entry))).collect();
        self.counters.calls_started += members.len() as u64;
        if let Some(call) = self.calls.get_mut(slot) {
            let collector = Collector { pending: members.len(), members: members.clone(), parts: Vec::new() };
            call.extra().broadcast = Some(collector);
        }
        for (member, target) in members.into_iter().zip(targets) {
            self.send_member(now, member, target, request);
        }
    }

    fn send_member(&mut self, now: Instant, member: u32, target: Target, request: &Request<'_>) {
        let session = &self.sessions[target.session as usize];
        match session.room() {
            Ok(()) => self.send(now, member, target, request),
            Err(bound) => {
                let what = format!("`{}` has as many {bound} as it may", session.name());
                // The outcome must bear its node's name, though it was never sent there.
                let node = session.name();
                let failure = Failure::from(&CallError::Busy { what }).encode();
                self.counters.calls_refused += 1;
                self.collect_refused(now, member, node.as_str(), &failure);
            }
        }
    }

    fn collect_refused(&mut self, now: Instant, member: u32, node: &str, failure: &[u8]) {
        let Some(Call { origin: Origin::Broadcast { parent }, .. }) = self.calls.remove(member) else {
            return;
        };
        self.add_part(now, parent, Part { node, flags: Flags::FAILED, body: failure });
    }

    /// A member ended.
    pub(super) fn collect(&mut self, now: Instant, parent: u32, member: &Call, outcome: Outcome<'_>) {
        // Members that are abandoned end with the whole broadcast, and nobody collects.
        if matches!(outcome, Outcome::Unwanted | Outcome::Delivered) || member.callee == NONE {
            return;
        }
        let node = self.sessions[member.callee as usize].name();
        let flags = if outcome.has_failed() { Flags::FAILED } else { Flags::NONE };
        self.add_part(now, parent, Part { node: node.as_str(), flags, body: outcome.body() });
    }

    fn add_part(&mut self, now: Instant, parent: u32, part: Part<'_>) {
        let Some(call) = self.calls.get_mut(parent) else { return };
        let (flags, origin) = (call.flags, call.origin);
        let Some(collector) = call.extra.as_mut().and_then(|extra| extra.broadcast.as_mut()) else { return };
        // Each part fits a frame, but not always one that has others already.
        let is_full = collector.parts.len() + part.body.len() > config::BODY_BYTES_MAX;
        if let (true, Origin::Node { session, call: id }) = (is_full && !collector.parts.is_empty(), origin) {
            let parts = std::mem::take(&mut collector.parts);
            self.put_parts(session, id, Flags::BROADCAST.with(Flags::MORE), &parts);
        }
        let collector = self.calls.get_mut(parent).and_then(|call| call.extra.as_mut()?.broadcast.as_mut());
        let Some(collector) = collector else { return };
        put_part(&mut collector.parts, part);
        collector.pending -= 1;
        if collector.pending == 0 {
            let parts = std::mem::take(&mut collector.parts);
            self.counters.calls_answered += 1;
            return self.finish(now, parent, Outcome::Parts(&parts));
        }
        let is_due = flags.has(Flags::STREAMED) || collector.parts.len() >= config::REPLIES_BYTES;
        if let (true, Origin::Node { session, call: id }) = (is_due, origin) {
            let parts = std::mem::take(&mut collector.parts);
            self.put_parts(session, id, Flags::BROADCAST.with(Flags::MORE), &parts);
        }
    }

    fn put_parts(&mut self, session: u32, id: CallId, flags: Flags, parts: &[u8]) {
        let header = Header { flags, call: id.to_bits(), ..Header::new(Kind::Reply) };
        self.put(session, header, parts);
    }

    /// The time of a broadcast is up: what has come stays, the others have timed out.
    pub(super) fn time_out_broadcast(&mut self, now: Instant, slot: u32, after: Duration) {
        let collector = self.calls.get(slot).and_then(|call| call.extra.as_ref()?.broadcast.as_ref());
        let members = collector.map(|collector| collector.members.clone()).unwrap_or_default();
        for member in members {
            let Some(call) = self.calls.get(member) else { continue };
            if call.origin != (Origin::Broadcast { parent: slot }) {
                continue;
            }
            let session = &self.sessions[call.callee as usize];
            let (stage, node) = (session.stage(), Some(session.name()));
            self.stop_callee(member);
            self.fail(now, member, &CallError::TimedOut { stage, node, after });
        }
    }
}
