//! Calls without return: taken in sequence, and acknowledged together.

use std::time::{Duration, Instant};

use super::calls::{Call, Origin};
use super::directory::{EntryKey, Target};
use super::dispatch::Request;
use super::{Core, Violation};
use crate::error::CallError;
use crate::wire::{Extension, Flags, Header};

impl Core {
    pub(super) fn one_way(
        &mut self,
        now: Instant,
        sequence: u64,
        entry: EntryKey,
        extension: &Extension,
        request: &Request<'_>,
    ) {
        let own = self.directory.entry(entry).and_then(|entry| entry.own);
        let taken = match extension.eta() {
            _ if own.is_some() => self.tell_own(now, own, sequence, extension, request),
            Some(eta) => self.delay_one_way(now, entry, eta, request),
            None => self.send_one_way(entry, request),
        };
        match taken {
            Ok(()) => self.counters.one_way_taken += 1,
            Err(error) => self.refuse_call(request.caller, Flags::ONE_WAY, sequence, &error),
        }
    }

    fn delay_one_way(
        &mut self,
        now: Instant,
        entry: EntryKey,
        eta: Duration,
        request: &Request<'_>,
    ) -> Result<(), CallError> {
        self.room_to_wait(request)?;
        let mut call = Call::new(now, Origin::Nobody, request.flags, entry);
        let session = &self.sessions[request.caller as usize];
        let extra = call.extra();
        (extra.caller, extra.owner) = (Some(session.name()), Some(session.identity.clone()));
        self.counters.calls_started += 1;
        let slot = self.calls.insert(call);
        self.delay(now, slot, eta, request);
        Ok(())
    }

    pub(super) fn send_one_way(&mut self, entry: EntryKey, request: &Request<'_>) -> Result<(), CallError> {
        if !request.flags.has(Flags::BROADCAST) {
            let target = self.choose(entry, request)?;
            self.send_one_way_to(target, request);
            return Ok(());
        }
        // Members that are full are left out, as a member that is lost a moment later would be.
        for target in self.members(entry, request)? {
            if self.sessions[target.session as usize].room().is_ok() {
                self.send_one_way_to(target, request);
            } else {
                self.counters.one_way_lost += 1;
            }
        }
        Ok(())
    }

    fn send_one_way_to(&mut self, target: Target, request: &Request<'_>) {
        self.sessions[target.session as usize].callee.one_way_sent += 1;
        self.forward(target, 0, Flags::ONE_WAY, request);
    }

    /// Tells a caller how many of its one-way calls have been taken, once for all of a read.
    pub(super) fn acknowledge_one_way(&mut self, slot: u32) {
        let caller = &mut self.sessions[slot as usize].caller;
        if std::mem::take(&mut caller.owes_ack) {
            let taken = caller.one_way_taken;
            self.put_reply(slot, taken, Flags::ONE_WAY, &[]);
        }
    }

    pub(super) fn credit(&mut self, slot: u32, header: Header) -> Result<(), Violation> {
        if header.flags.has(Flags::WINDOW) {
            return self.grant(slot, header);
        }
        // How much of the lane arrived is between the two ends of the link.
        if header.flags.has(Flags::RECEIVED) {
            return Ok(());
        }
        let done = header.call;
        let callee = &mut self.sessions[slot as usize].callee;
        if done > callee.one_way_sent || done < callee.one_way_done {
            return Err(Violation::OutOfPlace("a credit for calls that it was not sent"));
        }
        callee.one_way_done = done;
        Ok(())
    }
}
