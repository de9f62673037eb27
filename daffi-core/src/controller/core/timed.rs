//! What happens because time passes.

use std::time::{Duration, Instant};

use super::Core;
use super::calls::{Call, Delayed, Origin};
use super::directory::EntryKey;
use super::dispatch::{Request, absent_request};
use super::finish::Outcome;
use super::schedules::{Command, Effect, Run};
use super::session::{Phase, Session};
use crate::config;
use crate::error::CallError;
use crate::wire::{Failure, Flags, Header, Kind};

impl Core {
    /// Time has passed; `unix_ms` is what the wall clock shows now.
    pub fn tick(&mut self, now: Instant, unix_ms: u64) {
        self.wall = (now, unix_ms);
        let mut expired = std::mem::take(&mut self.expired);
        self.deadlines.expire(now, &mut expired);
        for slot in expired.drain(..) {
            match self.calls.get(slot) {
                Some(call) if call.delayed().is_some() => self.dispatch_delayed(now, slot),
                Some(_) => self.time_out(now, slot),
                None => {}
            }
        }
        self.expired = expired;
        if self.schedules_due.is_some_and(|due| due <= unix_ms) {
            self.run_due(now);
        }
        self.expire_hosted(now);
        self.hosting.forget_feeds(now);
        self.wake_changed(now);
        self.wake_listeners(now);
        self.end_away(now);
        if now >= self.next_ping {
            self.next_ping = now + config::PING_INTERVAL;
            self.ping_round(now);
        }
        self.end_overflowed(now);
    }

    /// When to tick next, at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        let ping = (!self.sessions.is_empty()).then_some(self.next_ping);
        let schedule = self.schedules_due.map(|unix_ms| self.instant_of(unix_ms));
        let away = self.away.front().map(|(until, _)| *until);
        [ping, schedule, away, self.deadlines.next(), self.hosting.next()].iter().flatten().min().copied()
    }

    /// The `eta` of a call is over.
    fn dispatch_delayed(&mut self, now: Instant, slot: u32) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let (origin, flags, caller) = (call.origin, call.flags, call.extra().caller.clone());
        let owner = call.extra().owner.clone();
        let Some(delayed) = call.extra().delayed.take() else { return };
        self.delayed -= 1;
        self.delayed_bytes -= delayed.bytes();
        call.started = now;
        if let Some(error) = owner.and_then(|owner| self.refusal_of(now, &owner, &delayed.name)) {
            return self.fail(now, slot, &error);
        }
        let Delayed { name, on, key, include_self, again, body, timeout, extension } = delayed;
        let nobody = crate::name::NodeName::new("unknown").expect("a good name");
        // Whoever may have waited long for it cannot be counted on to take its result in chunks.
        let mut request = absent_request(caller.unwrap_or(nobody), flags.with(Flags::KEPT), &body);
        request.remaining_ms = Header::new(Kind::Call).with_remaining(timeout).remaining_ms;
        (request.on, request.key, request.include_self) = (on.as_deref(), key.as_deref(), include_self);
        (request.again, request.extension) = (again, &extension);
        if let Origin::Node { session, .. } = origin {
            (request.caller, request.absent) = (session, None);
        }
        self.dispatch(now, slot, &name, &request);
    }

    /// Finds a callee for a call that has its record already.
    fn dispatch(&mut self, now: Instant, slot: u32, name: &str, request: &Request<'_>) {
        let Some(entry) = self.directory.find(name) else {
            let error = self.no_such_callback(name);
            return self.fail(now, slot, &error);
        };
        if let Some(call) = self.calls.get_mut(slot) {
            call.entry = entry;
        }
        // A node answers those that it can, if one is named.
        if request.on.is_none() && self.directory.entry(entry).is_some_and(|entry| entry.own.is_some()) {
            return self.fail(now, slot, &super::hosted::not_in_this_mode());
        }
        if request.flags.has(Flags::ONE_WAY) {
            return match self.send_one_way(entry, request) {
                Ok(()) => {
                    self.counters.calls_answered += 1;
                    self.finish(now, slot, Outcome::Unwanted);
                }
                Err(error) => self.fail(now, slot, &error),
            };
        }
        if request.flags.has(Flags::BROADCAST) {
            return self.broadcast(now, slot, request);
        }
        match self.choose(entry, request) {
            Ok(target) => self.send(now, slot, target, request),
            Err(error) => self.fail(now, slot, &error),
        }
    }

    /// Runs the schedules that are due.
    fn run_due(&mut self, now: Instant) {
        let Ok(Effect::Starts(starts)) = self.change_schedules(now, &Command::Tick) else { return };
        for (id, times) in starts {
            // It is there as long as it runs.
            let Some(run) = self.schedules().run(id) else { continue };
            for _ in 0..times {
                self.run_scheduled(now, &run);
            }
        }
    }

    /// A tick of a schedule: it was recorded before, so that it runs at most once.
    fn run_scheduled(&mut self, now: Instant, run: &Run) {
        self.counters.schedule_runs += 1;
        self.counters.calls_started += 1;
        let entry = match self.find_scheduled(now, run) {
            Ok(entry) => entry,
            Err(error) => {
                self.counters.calls_refused += 1;
                let failure = Failure::from(&error).encode();
                return self.schedule_ran(now, run.schedule, Outcome::Failed(&failure));
            }
        };
        let mut request = absent_request(run.creator.clone(), Flags::NONE, &run.body);
        let timeout = Duration::from_millis(run.timeout_ms);
        request.remaining_ms = Header::new(Kind::Call).with_remaining(Some(timeout)).remaining_ms;
        (request.on, request.key) = (run.on.as_deref(), run.key.as_deref());
        let slot =
            self.calls.insert(Call::new(now, Origin::Schedule { id: run.schedule }, Flags::NONE, entry));
        self.dispatch(now, slot, &run.callback, &request);
    }

    fn find_scheduled(&mut self, now: Instant, run: &Run) -> Result<EntryKey, CallError> {
        self.check_scheduled(now, run)?;
        self.directory.find(&run.callback).ok_or_else(|| self.no_such_callback(&run.callback))
    }

    pub(super) fn schedule_ran(&mut self, now: Instant, id: u64, outcome: Outcome<'_>) {
        let error = match outcome {
            Outcome::Failed(body) => Some(
                Failure::decode(body)
                    .map_or_else(|error| error.to_string(), |failure| CallError::from(failure).to_string()),
            ),
            Outcome::Value(_) | Outcome::Parts(_) | Outcome::Delivered | Outcome::Unwanted => None,
        };
        // Should it fail, there is nobody to be told but the log, which is.
        drop(self.change_schedules(now, &Command::Finished { id, error }));
    }

    /// From now on no node is let in; those that are go on.
    pub fn start_draining(&mut self) {
        self.is_draining = true;
    }

    /// Whether no node has a call to finish, or a result to take that comes in chunks.
    pub fn is_idle(&self) -> bool {
        let is_idle = |session: &Session| session.outstanding() == 0 && session.bulk_bytes() == 0;
        self.sessions.iter().all(|(_, session)| session.phase == Phase::Closing || is_idle(session))
    }

    /// Says goodbye to everybody.
    pub fn dismiss_all(&mut self, now: Instant, reason: &str) {
        let live = self.sessions.iter().filter(|(_, session)| session.phase != Phase::Closing);
        let slots: Vec<u32> = live.map(|(slot, _)| slot as u32).collect();
        for slot in slots {
            self.dismiss(now, slot, reason);
        }
    }

    /// Links that are not closed yet.
    pub fn links(&self) -> usize {
        self.sessions.len()
    }
}
