//! How calls end: each exactly once, in `finish`, whoever causes it.

use std::time::Instant;

use bytes::Bytes;

use super::calls::{Call, Origin, WaitFor};
use super::jobs::{Command, Kept};
use super::session::NONE;
use super::{Core, SessionKey, Violation};
use crate::config;
use crate::error::{CallError, Ran, Stage};
use crate::wire::{CallId, Failure, Flags, Frame, Header, JobId, Kind};

/// What became of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    /// Its encoded result.
    Value(&'a [u8]),
    /// Its encoded failure.
    Failed(&'a [u8]),
    /// The outcomes of a broadcast that have not been sent yet.
    Parts(&'a [u8]),
    /// It went to its caller in chunks.
    Delivered,
    /// Nobody wants to know.
    Unwanted,
}

impl Outcome<'_> {
    fn flags(self) -> Flags {
        match self {
            Self::Value(_) | Self::Delivered | Self::Unwanted => Flags::NONE,
            Self::Failed(_) => Flags::FAILED,
            Self::Parts(_) => Flags::BROADCAST,
        }
    }

    pub(super) fn body(&self) -> &[u8] {
        match self {
            Self::Value(body) | Self::Failed(body) | Self::Parts(body) => body,
            Self::Delivered | Self::Unwanted => &[],
        }
    }

    pub(super) fn has_failed(self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl Core {
    /// A callee answers.
    pub(super) fn reply(&mut self, now: Instant, callee: u32, frame: Frame<'_>) -> Result<(), Violation> {
        let flags = frame.header.flags;
        if frame.body.len() > config::BODY_BYTES_MAX {
            return Err(Violation::OutOfPlace("a reply beyond the bound"));
        }
        let Some(slot) = self.calls.find(frame.header.call) else {
            self.counters.late_replies += 1;
            return Ok(());
        };
        if self.calls.get(slot).is_some_and(|call| call.callee != callee) {
            self.counters.foreign_replies += 1;
            return Ok(());
        }
        if flags.has(Flags::FAILED) {
            self.counters.calls_failed += 1;
            self.finish(now, slot, Outcome::Failed(frame.body));
            return Ok(());
        }
        if flags.has(Flags::MORE) || flags.has(Flags::STREAMED) {
            return self.reply_in_chunks(now, slot, callee, frame);
        }
        if self.calls.get(slot).and_then(Call::flows).is_some_and(|flows| flows.reply.is_some()) {
            return Err(Violation::OutOfPlace("a second reply to a call"));
        }
        self.counters.calls_answered += 1;
        self.finish(now, slot, Outcome::Value(frame.body));
        Ok(())
    }

    /// Ends a call with an error of the controller's own.
    pub(super) fn fail(&mut self, now: Instant, slot: u32, error: &CallError) {
        if self.calls.get(slot).is_none() {
            return;
        }
        *match error {
            CallError::TimedOut { .. } => &mut self.counters.calls_timed_out,
            CallError::Cancelled { .. } => &mut self.counters.calls_cancelled,
            CallError::NodeLost { .. } => &mut self.counters.calls_lost,
            _ => &mut self.counters.calls_refused,
        } += 1;
        self.finish(now, slot, Outcome::Failed(&Failure::from(error).encode()));
    }

    /// A caller cancels one of its calls.
    pub(super) fn cancel(&mut self, now: Instant, caller: u32, number: u64) {
        match self.find_called(caller, CallId::from_bits(number)) {
            Some(slot) => self.abandon(now, slot),
            None => self.counters.late_cancels += 1,
        }
    }

    /// The call that its caller knows by this number.
    pub(super) fn find_called(&self, caller: u32, id: CallId) -> Option<u32> {
        let found = self.sessions[caller as usize].caller.call(id.slot);
        let is_same = |call: &Call| call.origin == Origin::Node { session: caller, call: id };
        found.filter(|slot| self.calls.get(*slot).is_some_and(is_same))
    }

    /// Ends a call that nobody waits for any longer, and stops whoever runs it.
    pub(super) fn abandon(&mut self, now: Instant, slot: u32) {
        if self.calls.get(slot).is_none() {
            return;
        }
        self.counters.calls_cancelled += 1;
        self.stop_callee(slot);
        self.finish(now, slot, Outcome::Unwanted);
    }

    /// Ends a call whose time is up.
    pub(super) fn time_out(&mut self, now: Instant, slot: u32) {
        let Some(call) = self.calls.get(slot) else { return };
        let after = call.timeout();
        let (stage, node) = if call.callee == NONE {
            (Stage::Waiting, None)
        } else {
            let session = &self.sessions[call.callee as usize];
            (session.stage(), Some(session.name()))
        };
        if call.extra.as_ref().is_some_and(|extra| extra.broadcast.is_some()) {
            return self.time_out_broadcast(now, slot, after);
        }
        self.stop_callee(slot);
        self.fail(now, slot, &CallError::TimedOut { stage, node, after });
    }

    /// Tells the callee, or all callees of a broadcast, that the result is not wanted any longer.
    pub(super) fn stop_callee(&mut self, slot: u32) {
        let Some(call) = self.calls.get(slot) else { return };
        if call.callee != NONE {
            let (callee, number) = (call.callee, self.calls.number(slot));
            self.put(callee, Header { call: number, ..Header::new(Kind::Cancel) }, &[]);
        }
    }

    /// Ends a call: frees its record and all that leads to it, then tells whom it concerns.
    pub(super) fn finish(&mut self, now: Instant, slot: u32, outcome: Outcome<'_>) {
        let Some(mut call) = self.calls.remove(slot) else { return };
        self.deadlines.remove(slot);
        self.release_callee(slot, &call);
        let job = call.job();
        if let Some(extra) = &mut call.extra {
            self.cut_flows(std::mem::take(&mut extra.flows));
            self.release_extra(now, slot, &call);
        }
        if let Some(job) = job {
            self.tell_job_waiters(now, job, &call, outcome);
        }
        match call.origin {
            Origin::Node { session, call: id } => {
                self.sessions[session as usize].caller.set(id.slot, NONE);
                self.answer(session, id, &call, outcome);
            }
            Origin::Broadcast { parent } => self.collect(now, parent, &call, outcome),
            Origin::Schedule { id } => self.schedule_ran(now, id, outcome),
            // For whoever asks later, too: a waiter may have gone with the result, or want to read it again.
            Origin::Kept => self.keep(now, &call, outcome),
            Origin::Nobody => {}
        }
    }

    fn release_callee(&mut self, slot: u32, call: &Call) {
        if call.callee == NONE {
            return;
        }
        let callee = &mut self.sessions[call.callee as usize].callee;
        let at = call.serving_at as usize;
        // The list of a node that has left is gone already.
        if callee.serving.get(at) != Some(&slot) {
            return;
        }
        callee.serving.swap_remove(at);
        if let Some(moved) = callee.serving.get(at).and_then(|moved| self.calls.get_mut(*moved)) {
            moved.serving_at = call.serving_at;
        }
    }

    fn release_extra(&mut self, now: Instant, slot: u32, call: &Call) {
        let Some(extra) = &call.extra else { return };
        if let Some(delayed) = &extra.delayed {
            self.delayed -= 1;
            self.delayed_bytes -= delayed.bytes();
        }
        if let Some(job) = extra.job {
            self.running_jobs.remove(&job);
        }
        if let Some(wait) = &extra.parked {
            self.unpark(wait, slot);
        }
        if let Some(queued) = &extra.queued {
            self.leave_lines(queued);
        }
        if let Some(listening) = &extra.listening {
            self.stop_listening(now, slot, listening);
        }
        // What of a broadcast has not ended when the whole does is not wanted any longer.
        for member in extra.broadcast.iter().flat_map(|collector| &collector.members) {
            if self.calls.get(*member).is_some_and(|call| call.origin == Origin::Broadcast { parent: slot }) {
                self.abandon(now, *member);
            }
        }
    }

    fn unpark(&mut self, wait: &WaitFor, slot: u32) {
        if let Some(waiters) = self.waiters.get_mut(wait) {
            waiters.retain(|waiter| *waiter != slot);
            if waiters.is_empty() {
                self.waiters.remove(wait);
            }
        }
    }

    fn answer(&mut self, session: u32, id: CallId, call: &Call, outcome: Outcome<'_>) {
        if matches!(outcome, Outcome::Unwanted | Outcome::Delivered) {
            return;
        }
        let peer = if call.callee == NONE { 0 } else { self.introduce(session, call.callee) };
        let header = Header { flags: outcome.flags(), peer, call: id.to_bits(), ..Header::new(Kind::Reply) };
        self.put(session, header, outcome.body());
    }

    /// A peer that does not read must not fill the controller's memory.
    pub(super) fn check_backlog(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        let bytes = session.backlog_bytes();
        if bytes < config::OUTPUT_BYTES_MAX {
            session.flows.forget_past();
        } else if bytes > config::OUTPUT_BYTES_LOST + session.flows.window_bytes() {
            let key = SessionKey { slot, generation: session.generation };
            if self.overflowed.last() != Some(&key) {
                self.overflowed.push(key);
            }
        }
    }

    fn tell_job_waiters(&mut self, now: Instant, job: JobId, call: &Call, outcome: Outcome<'_>) {
        let waiters = self.waiters.remove(&WaitFor::Job(job)).unwrap_or_default();
        for waiter in waiters {
            match outcome {
                Outcome::Unwanted => self.fail(now, waiter, &CallError::Cancelled { ran: Ran::Maybe }),
                Outcome::Delivered => {
                    let node = self.sessions[call.callee as usize].name();
                    let message = "it went to its caller in chunks".to_owned();
                    self.fail(now, waiter, &CallError::BadReply { node, message });
                }
                Outcome::Value(_) | Outcome::Failed(_) | Outcome::Parts(_) => {
                    self.counters.calls_answered += 1;
                    self.finish(now, waiter, outcome);
                }
            }
        }
    }

    fn keep(&mut self, now: Instant, call: &Call, outcome: Outcome<'_>) {
        let Some(extra) = &call.extra else { return };
        let (Some(id), Some(caller)) = (extra.job, extra.caller.clone()) else { return };
        if matches!(outcome, Outcome::Unwanted | Outcome::Delivered) {
            return;
        }
        self.counters.calls_kept += 1;
        let callback = extra.callback.as_ref().map(ToString::to_string).unwrap_or_default();
        let node = (call.callee != NONE).then(|| self.sessions[call.callee as usize].name());
        let body = Bytes::copy_from_slice(outcome.body());
        let (failed, owner) = (outcome.has_failed(), extra.owner.clone());
        let kept = Kept { id, callback, caller, owner, node, failed, body };
        // Should it fail, there is nobody to be told but the log, which is.
        drop(self.change_jobs(now, &Command::Keep(kept)));
    }
}
