//! One schedule: its counters, and what becomes of each tick.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::raster::Raster;
use super::{Creator, Run};
use crate::identity::Identity;
use crate::wire::{Missed, Overlap, ScheduleEntry, ScheduleSpec};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schedule {
    pub(super) id: u64,
    creator: Creator,
    /// Without its body.
    pub(super) spec: ScheduleSpec,
    /// Shared with the calls under way, so that a run copies nothing.
    body: Arc<[u8]>,
    raster: Raster,
    pub(super) is_paused: bool,
    pub(super) running: u32,
    runs: u64,
    failures: u64,
    skipped: u64,
    missed: u64,
    /// Ticks that came in a stall and are yet to be caught up with.
    owed: u64,
    /// When it began to owe.
    owed_ms: u64,
    last_error: Option<String>,
    /// Where it stands in the index.
    pub(super) indexed_ms: Option<u64>,
}

impl Schedule {
    pub(super) fn new(id: u64, creator: Creator, mut spec: ScheduleSpec, now_ms: u64) -> Self {
        Self {
            id,
            creator,
            body: std::mem::take(&mut spec.body).into(),
            raster: Raster::new(&spec.when, now_ms),
            spec,
            is_paused: false,
            running: 0,
            runs: 0,
            failures: 0,
            skipped: 0,
            missed: 0,
            owed: 0,
            owed_ms: 0,
            last_error: None,
            indexed_ms: None,
        }
    }

    pub(super) fn in_place_of(self, old: Self) -> Self {
        Self {
            is_paused: old.is_paused,
            running: old.running,
            runs: old.runs,
            failures: old.failures,
            skipped: old.skipped,
            missed: old.missed + old.owed,
            last_error: old.last_error,
            indexed_ms: old.indexed_ms,
            ..self
        }
    }

    /// In whose rights it runs.
    pub(super) fn owner(&self) -> &Arc<Identity> {
        &self.creator.identity
    }

    /// Its owner may do nothing any more.
    pub(super) fn refuse(&mut self, why: &str) {
        let kind = self.owner().kind.clone();
        self.creator.identity = Arc::new(Identity::refused(kind, why));
    }

    /// Bytes of its arguments.
    pub(super) fn bytes(&self) -> usize {
        self.body.len()
    }

    /// Whether it is what `spec` asks for, with ticks to come.
    pub(super) fn serves(&self, spec: &ScheduleSpec) -> bool {
        let ScheduleSpec { callback, body, when, name, on, key, timeout_ms, overlap, missed } = spec;
        let own = &self.spec;
        !self.is_over()
            && *body == *self.body
            && (callback, when, name, on) == (&own.callback, &own.when, &own.name, &own.on)
            && (key, timeout_ms, overlap, missed) == (&own.key, &own.timeout_ms, &own.overlap, &own.missed)
    }

    /// Whether no run will start any more.
    pub(super) fn is_over(&self) -> bool {
        self.owed == 0 && self.raster.next().is_none()
    }

    fn may_start(&self) -> bool {
        match self.spec.overlap {
            Overlap::Skip => self.running == 0,
            Overlap::Allow => true,
        }
    }

    /// When it wants to be looked at.
    pub(super) fn due_ms(&self) -> Option<u64> {
        if self.is_paused {
            None
        } else if self.owed > 0 && self.may_start() {
            Some(self.owed_ms)
        } else {
            self.raster.next()
        }
    }

    /// Decides what becomes of the ticks up to `now_ms`; how many runs start.
    pub(super) fn tick(&mut self, now_ms: u64) -> u64 {
        let before = self.runs;
        let due = self.raster.due(now_ms);
        match (due, self.spec.missed) {
            (0, _) => self.start_owed(),
            (1, _) | (_, Missed::Skip) => {
                self.start_owed();
                self.raster.pass(due);
                self.missed += due - 1;
                if self.may_start() {
                    self.raster.use_up(1);
                    self.start();
                } else {
                    self.skipped += 1;
                }
            }
            (_, Missed::CatchUp) => {
                let owed = self.raster.left().map_or(due, |left| left.min(due));
                self.raster.use_up(owed);
                self.raster.pass(due);
                self.owed += owed;
                self.owed_ms = now_ms;
                self.start_owed();
            }
        }
        self.runs - before
    }

    /// Goes on after a pause; ticks up to `now_ms` are dropped.
    pub(super) fn resume(&mut self, now_ms: u64) {
        self.is_paused = false;
        self.raster.pass(self.raster.due(now_ms));
    }

    /// Notes that a run has ended, and why it failed if it did.
    pub(super) fn finish_run(&mut self, error: Option<String>) {
        self.running = self.running.saturating_sub(1);
        if let Some(mut error) = error {
            self.failures += 1;
            error.truncate(error.floor_char_boundary(ERROR_BYTES_MAX));
            self.last_error = Some(error);
        }
    }

    /// Starts what is owed: one after the other, or some at a time if runs may overlap.
    fn start_owed(&mut self) {
        let mut started = 0;
        while self.owed > 0 && started < CATCH_UP_RUNS_MAX && self.may_start() {
            self.owed -= 1;
            self.start();
            started += 1;
        }
    }

    fn start(&mut self) {
        self.running = self.running.saturating_add(1);
        self.runs += 1;
    }

    pub(super) fn run(&self) -> Run {
        Run {
            schedule: self.id,
            creator: self.creator.node.clone(),
            callback: self.spec.callback.clone(),
            body: Bytes::from_owner(Arc::clone(&self.body)),
            on: self.spec.on.clone(),
            key: self.spec.key.clone(),
            timeout_ms: self.spec.timeout_ms,
        }
    }

    pub(super) fn entry(&self) -> ScheduleEntry {
        let spec = &self.spec;
        ScheduleEntry {
            id: self.id,
            name: spec.name.clone(),
            callback: spec.callback.clone(),
            creator: self.creator.node.clone(),
            when: spec.when.clone(),
            on: spec.on.clone(),
            key: spec.key.clone(),
            timeout_ms: spec.timeout_ms,
            overlap: spec.overlap,
            missed: spec.missed,
            paused: self.is_paused,
            running: self.running,
            runs: self.runs,
            failures: self.failures,
            skipped: self.skipped,
            missed_ticks: self.missed,
            last_error: self.last_error.clone(),
            next_unix_ms: if self.is_paused { None } else { self.raster.next() },
            remaining: self.raster.left().map(|left| left + self.owed),
        }
    }
}

/// Runs of one schedule that a tick starts of those it owes: one that owes a million shall not hold up the others.
const CATCH_UP_RUNS_MAX: u64 = 64;
/// Of an error that is kept for the list. It is there to be read; the whole of it is in the log of the callee.
const ERROR_BYTES_MAX: usize = 1_024;
