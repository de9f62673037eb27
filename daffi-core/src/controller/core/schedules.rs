//! Calls at set times: which are due, and what becomes of ticks that cannot run.
//!
//! Every tick ends in exactly one way: it runs, it is skipped because a run is going, it is missed because the
//! controller stood still, or it is dropped because the schedule is paused. What happens is a function of the
//! commands and their times alone, so the same commands make the same schedules on every replica.

mod raster;
mod schedule;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use self::schedule::Schedule;
use crate::config::{SCHEDULE_BYTES_MAX, SCHEDULE_PERIOD_MIN, SCHEDULE_TIMES_MAX, SCHEDULES_MAX};
use crate::identity::Identity;
use crate::name::NodeName;
use crate::wire::{ScheduleEntry, ScheduleSpec, When};

/// The schedules of a controller.
///
/// Times are milliseconds since the UNIX epoch. They come with each command and are expected not to go back:
/// after a step back nothing runs twice, but nothing runs either until the old time is reached again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedules {
    by_id: BTreeMap<u64, Schedule>,
    by_name: BTreeMap<String, u64>,
    /// When each schedule wants to be looked at, and its number.
    due: BTreeSet<(u64, u64)>,
    /// Schedules that have ended, the oldest first.
    finished: VecDeque<u64>,
    last_id: u64,
    /// Bytes of the arguments of all.
    bytes: usize,
}

/// Who makes a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creator {
    /// In whose name it runs.
    pub node: NodeName,
    /// And in whose rights.
    pub identity: Arc<Identity>,
}

/// What can happen to schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// As [`Schedules::create`].
    Create {
        /// In whose name it runs.
        creator: Creator,
        /// What to run, and when.
        spec: Box<ScheduleSpec>,
    },
    /// As [`Schedules::cancel`].
    Cancel {
        /// The schedule.
        id: u64,
    },
    /// As [`Schedules::pause`].
    Pause {
        /// The schedule.
        id: u64,
    },
    /// As [`Schedules::resume`].
    Resume {
        /// The schedule.
        id: u64,
    },
    /// As [`Schedules::tick`].
    Tick,
    /// As [`Schedules::finish_run`].
    Finished {
        /// The schedule.
        id: u64,
        /// Why the run failed, if it did.
        error: Option<String>,
    },
    /// As [`Schedules::end_token`].
    EndToken {
        /// The number of the token.
        token: String,
        /// Why it is good no more.
        why: String,
    },
}

/// What came of a [`Command`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Of [`Command::Create`].
    Created(Result<Box<ScheduleEntry>, Refusal>),
    /// Of [`Command::Cancel`].
    Cancelled(Cancelled),
    /// Of [`Command::Pause`] and [`Command::Resume`]: whether there is such a schedule.
    Known(bool),
    /// Of [`Command::Tick`]: which schedules run now, those that were due first coming first, and how many times each.
    /// What to call says [`Schedules::run`].
    Starts(Vec<(u64, u64)>),
    /// Of [`Command::Finished`] and [`Command::EndToken`].
    Done,
}

/// A call to make now, in the name of `creator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The schedule, to be told when the call has ended.
    pub schedule: u64,
    /// Who calls.
    pub creator: NodeName,
    /// The callback.
    pub callback: String,
    /// Its encoded arguments.
    pub body: Bytes,
    /// The node that shall run it.
    pub on: Option<String>,
    /// Runs of one key go to one node.
    pub key: Option<String>,
    /// The time it has, in milliseconds.
    pub timeout_ms: u64,
}

/// What [`Schedules::cancel`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cancelled {
    /// The schedule, as it was.
    Now(Box<ScheduleEntry>),
    /// It had ended by itself or was cancelled before.
    Before,
    /// There is none of that number, or it ended too long ago.
    Unknown,
}

/// Why a schedule is not created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The period is shorter than [`SCHEDULE_PERIOD_MIN`].
    #[error("a period of {period_ms} ms, it must be at least {SCHEDULE_PERIOD_MIN:?}")]
    PeriodTooShort {
        /// The period.
        period_ms: u64,
    },
    /// It is to run no times at all.
    #[error("a schedule that runs 0 times")]
    NoRuns,
    /// It names no instant.
    #[error("a schedule without an instant")]
    NoInstants,
    /// It names more than [`SCHEDULE_TIMES_MAX`] instants.
    #[error("{instants} instants, it may have at most {SCHEDULE_TIMES_MAX}")]
    TooManyInstants {
        /// How many.
        instants: usize,
    },
    /// An instant has passed.
    #[error("an instant passed {ago_ms} ms ago")]
    InstantPassed {
        /// How long ago.
        ago_ms: u64,
    },
    /// There are [`SCHEDULES_MAX`] schedules.
    #[error("the controller has {SCHEDULES_MAX} schedules and takes no more")]
    Full,
    /// The arguments of all schedules take [`SCHEDULE_BYTES_MAX`] bytes.
    #[error("the arguments of all schedules would take more than {SCHEDULE_BYTES_MAX} bytes")]
    BytesFull,
}

impl Schedules {
    /// Does what `command` says at `now_ms`: the one form in which changes are logged and replayed.
    pub fn apply(&mut self, command: Command, now_ms: u64) -> Effect {
        match command {
            Command::Create { creator, spec } => {
                Effect::Created(self.create(creator, *spec, now_ms).map(Box::new))
            }
            Command::Cancel { id } => Effect::Cancelled(self.cancel(id)),
            Command::Pause { id } => Effect::Known(self.pause(id)),
            Command::Resume { id } => Effect::Known(self.resume(id, now_ms)),
            Command::Tick => Effect::Starts(self.start_due(now_ms)),
            Command::Finished { id, error } => {
                self.finish_run(id, error);
                Effect::Done
            }
            Command::EndToken { token, why } => {
                self.end_token(&token, &why);
                Effect::Done
            }
        }
    }

    /// Adds a schedule that runs in the name of `creator`, or finds the one of that name.
    ///
    /// A name stands for one schedule, whoever says it. With the same specification it is returned as it is, so
    /// a program may create its schedules anew at each start. With another, or once its ticks are over, it starts
    /// anew in place: number, counters and a pause stay, while specification, raster and creator are the new ones,
    /// and runs still owed by the old one count as missed.
    ///
    /// # Errors
    /// [`Refusal`] if the specification makes no sense or the table is full. Nothing has changed.
    pub fn create(
        &mut self,
        creator: Creator,
        mut spec: ScheduleSpec,
        now_ms: u64,
    ) -> Result<ScheduleEntry, Refusal> {
        if let When::At { unix_ms } = &mut spec.when {
            unix_ms.sort_unstable();
            unix_ms.dedup();
        }
        let namesake = spec.name.as_ref().and_then(|name| self.by_name.get(name)).copied();
        // Before the check: the instants of one that exists may have passed in the meantime.
        let same = namesake.and_then(|id| self.by_id.get(&id)).filter(|schedule| schedule.serves(&spec));
        if let Some(schedule) = same {
            return Ok(schedule.entry());
        }
        check(&spec, now_ms)?;
        if self.bytes + spec.body.len() > SCHEDULE_BYTES_MAX {
            return Err(Refusal::BytesFull);
        }
        let id = match namesake {
            Some(id) => id,
            None if self.by_id.len() >= SCHEDULES_MAX => return Err(Refusal::Full),
            None => self.last_id + 1,
        };
        self.last_id = self.last_id.max(id);
        if let Some(name) = &spec.name {
            self.by_name.insert(name.clone(), id);
        }
        let fresh = Schedule::new(id, creator, spec, now_ms);
        self.bytes += fresh.bytes();
        let schedule = match self.by_id.remove(&id) {
            Some(old) => {
                self.bytes -= old.bytes();
                fresh.in_place_of(old)
            }
            None => fresh,
        };
        let entry = schedule.entry();
        self.by_id.insert(id, schedule);
        self.settle(id);
        Ok(entry)
    }

    /// The schedule of this name.
    pub fn named(&self, name: &str) -> Option<ScheduleEntry> {
        self.by_name.get(name).and_then(|id| self.entry(*id))
    }

    /// Removes a schedule: it has no tick afterwards. Runs in progress go on.
    pub fn cancel(&mut self, id: u64) -> Cancelled {
        let entry = self.entry(id);
        match entry {
            Some(entry) => {
                self.remove(id);
                Cancelled::Now(Box::new(entry))
            }
            None if self.finished.contains(&id) => Cancelled::Before,
            None => Cancelled::Unknown,
        }
    }

    /// Holds a schedule: ticks are dropped until it is resumed. `false` if there is none of that number.
    pub fn pause(&mut self, id: u64) -> bool {
        let Some(schedule) = self.by_id.get_mut(&id) else { return false };
        schedule.is_paused = true;
        self.settle(id);
        true
    }

    /// Lets a paused schedule go on in its old raster. `false` if there is none of that number.
    ///
    /// One whose last instant passed during the pause has ended.
    pub fn resume(&mut self, id: u64, now_ms: u64) -> bool {
        let Some(schedule) = self.by_id.get_mut(&id) else { return false };
        if schedule.is_paused {
            schedule.resume(now_ms);
        }
        self.settle(id);
        true
    }

    /// The calls to make now, those that were due first coming first.
    ///
    /// If more are owed than one tick may start, [`next`](Self::next) is in the past afterwards.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Run> {
        let starts = self.start_due(now_ms);
        let this = &*self;
        starts.into_iter().flat_map(|(id, times)| (0..times).filter_map(move |_| this.run(id))).collect()
    }

    /// As [`tick`](Self::tick), by numbers: which schedules run, and how many times.
    fn start_due(&mut self, now_ms: u64) -> Vec<(u64, u64)> {
        let due: Vec<u64> = self.due.range(..=(now_ms, u64::MAX)).map(|(_, id)| *id).collect();
        let mut starts = Vec::with_capacity(due.len());
        for id in due {
            if let Some(schedule) = self.by_id.get_mut(&id) {
                let times = schedule.tick(now_ms);
                starts.extend((times > 0).then_some((id, times)));
            }
            self.settle(id);
        }
        starts
    }

    /// What a schedule calls.
    pub fn run(&self, id: u64) -> Option<Run> {
        self.by_id.get(&id).map(Schedule::run)
    }

    /// In whose rights a schedule runs.
    pub fn owner(&self, id: u64) -> Option<&Arc<Identity>> {
        self.by_id.get(&id).map(Schedule::owner)
    }

    /// Whether a schedule runs in the rights of this token.
    pub fn has_owner(&self, token: &str) -> bool {
        self.by_id.values().any(|schedule| schedule.owner().is_token(token))
    }

    /// A token is good no more: what its holders made does not run from now on.
    pub fn end_token(&mut self, token: &str, why: &str) {
        for schedule in self.by_id.values_mut().filter(|schedule| schedule.owner().is_token(token)) {
            schedule.refuse(why);
        }
    }

    /// Notes that a run has ended, and why it failed if it did. For a schedule that is gone it does nothing.
    pub fn finish_run(&mut self, id: u64, error: Option<String>) {
        let Some(schedule) = self.by_id.get_mut(&id) else { return };
        schedule.finish_run(error);
        self.settle(id);
    }

    /// When to [`tick`](Self::tick) next, if ever.
    pub fn next(&self) -> Option<u64> {
        self.due.first().map(|(unix_ms, _)| *unix_ms)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there never was one.
    pub fn was_never_used(&self) -> bool {
        self.last_id == 0
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes + self.len() * PLACE_BYTES
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All schedules, by number.
    pub fn entries(&self) -> Vec<ScheduleEntry> {
        self.by_id.values().map(Schedule::entry).collect()
    }

    /// The schedule of this number.
    pub fn entry(&self, id: u64) -> Option<ScheduleEntry> {
        self.by_id.get(&id).map(Schedule::entry)
    }

    /// Sorts a schedule that has changed into the index, or removes it if it has ended.
    fn settle(&mut self, id: u64) {
        let Some(schedule) = self.by_id.get_mut(&id) else { return };
        if schedule.is_over() && schedule.running == 0 {
            self.remove(id);
            return;
        }
        let due_ms = schedule.due_ms();
        if let Some(before) = std::mem::replace(&mut schedule.indexed_ms, due_ms) {
            self.due.remove(&(before, id));
        }
        self.due.extend(due_ms.map(|unix_ms| (unix_ms, id)));
    }

    fn remove(&mut self, id: u64) {
        let Some(schedule) = self.by_id.remove(&id) else { return };
        self.bytes -= schedule.bytes();
        if let Some(name) = &schedule.spec.name {
            self.by_name.remove(name);
        }
        if let Some(unix_ms) = schedule.indexed_ms {
            self.due.remove(&(unix_ms, id));
        }
        if self.finished.len() == FINISHED_MAX {
            self.finished.pop_front();
        }
        self.finished.push_back(id);
    }
}

fn check(spec: &ScheduleSpec, now_ms: u64) -> Result<(), Refusal> {
    match &spec.when {
        When::Every { period_ms, .. } if u128::from(*period_ms) < SCHEDULE_PERIOD_MIN.as_millis() => {
            Err(Refusal::PeriodTooShort { period_ms: *period_ms })
        }
        When::Every { times: Some(0), .. } => Err(Refusal::NoRuns),
        When::Every { .. } => Ok(()),
        When::At { unix_ms } if unix_ms.len() > SCHEDULE_TIMES_MAX => {
            Err(Refusal::TooManyInstants { instants: unix_ms.len() })
        }
        When::At { unix_ms } => match unix_ms.first() {
            None => Err(Refusal::NoInstants),
            Some(first) if *first < now_ms => Err(Refusal::InstantPassed { ago_ms: now_ms - first }),
            Some(_) => Ok(()),
        },
    }
}

/// Ended schedules that are remembered, so that cancelling one of them is told from a wrong number.
const FINISHED_MAX: usize = 1_000;

/// What a schedule takes beside its arguments, about.
const PLACE_BYTES: usize = 1_024;

#[cfg(test)]
mod tests;
