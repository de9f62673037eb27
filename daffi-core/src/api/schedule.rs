//! Calls that the controller makes again and again, or at given instants.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Call;
use crate::callback::Wire;
use crate::config;
use crate::error::{CallError, Result};
use crate::node::{Extra, Flight, Node, OnDrop, Request};
use crate::wire::{Missed, Overlap, ScheduleEntry, ScheduleSpec, When};

/// A schedule that has not been made; to be awaited.
///
/// The controller keeps it and makes the calls in the name of this node, also when that has gone. A run that is
/// still going when the next is due lets that one pass. Periods and instants are whole milliseconds.
///
/// # Errors
/// Awaiting it gives [`CallError::BadArguments`] for times that make no sense, [`CallError::Busy`] if the controller has
/// as many schedules as it may ([`SCHEDULES_MAX`](config::SCHEDULES_MAX)), or any other [`CallError`] if it does not
/// answer: it may have been made then, unless the error says that it has not run.
///
/// # Cancel safety
/// Not cancel safe: it may have been made. A [name](Self::named) makes it safe to make it again.
#[must_use = "a schedule is not made until it is awaited"]
pub struct Every {
    node: Node,
    /// Or why it cannot be made.
    spec: Result<ScheduleSpec, CallError>,
}

impl Every {
    pub(super) fn by_period<R: Wire>(call: Call<R>, period: Duration) -> Self {
        let when = if period < config::SCHEDULE_PERIOD_MIN {
            Err(refused(
                format!("a period of at least {:?}", config::SCHEDULE_PERIOD_MIN),
                format!("{period:?}"),
            ))
        } else {
            Ok(When::Every { period_ms: milliseconds(period), times: None, first_in_ms: None })
        };
        Self::new(call, when)
    }

    pub(super) fn by_times<R: Wire>(call: Call<R>, times: impl IntoIterator<Item = SystemTime>) -> Self {
        Self::new(call, instants(times, SystemTime::now()))
    }

    fn new<R: Wire>(call: Call<R>, when: Result<When, CallError>) -> Self {
        let timeout = call.limit.or(config::CALL_TIMEOUT).unwrap_or(config::TIMEOUT_MAX);
        let spec = when.and_then(|when| {
            let request = call.request.map_err(|error| *error)?;
            let Extra { on, key, eta, .. } = request.extra().clone();
            if eta.is_some() {
                return Err(refused("no `eta` on a schedule".into(), "one; say `first_in` or `at`".into()));
            }
            Ok(ScheduleSpec {
                callback: request.name.to_string(),
                body: request.body,
                when,
                name: None,
                on,
                key,
                timeout_ms: milliseconds(timeout.min(config::TIMEOUT_MAX)),
                overlap: Overlap::default(),
                missed: Missed::default(),
            })
        });
        Self { node: call.node, spec }
    }

    fn with(mut self, change: impl FnOnce(&mut ScheduleSpec)) -> Self {
        if let Ok(spec) = &mut self.spec {
            change(spec);
        }
        self
    }

    /// Ends it after so many runs. At given instants it ends after the last anyway.
    pub fn times(mut self, runs: u64) -> Self {
        if runs == 0 {
            self.spec = Err(refused("at least one run".into(), "none".into()));
        }
        self.with(|spec| {
            if let When::Every { times, .. } = &mut spec.when {
                *times = Some(runs);
            }
        })
    }

    /// Names it: made twice under one name, it is one schedule.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.with(|spec| spec.name = Some(name.into()))
    }

    /// Lets a run begin while another is still going; without this the run that is due is skipped, and counted.
    pub fn overlap(self) -> Self {
        self.with(|spec| spec.overlap = Overlap::Allow)
    }

    /// After a standstill of the controller, makes up for every run that was missed; without this there is one run for
    /// all of them.
    pub fn catch_up(self) -> Self {
        self.with(|spec| spec.missed = Missed::CatchUp)
    }

    /// Makes the first run after this long, and not after one period.
    pub fn first_in(self, first: Duration) -> Self {
        self.with(|spec| {
            if let When::Every { first_in_ms, .. } = &mut spec.when {
                *first_in_ms = Some(milliseconds(first));
            }
        })
    }

    async fn run(self) -> Result<Schedule> {
        let entry = self.node.create_schedule(&self.spec?).await?;
        Ok(Schedule::new(&self.node, entry))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn refused(expected: String, got: String) -> CallError {
    CallError::BadArguments { expected, got }
}

/// The instants as they travel; none may be past.
fn instants(times: impl IntoIterator<Item = SystemTime>, now: SystemTime) -> Result<When, CallError> {
    let mut unix_ms = Vec::new();
    for time in times {
        if time < now {
            let ago = now.duration_since(time).unwrap_or_default();
            return Err(refused("instants to come".into(), format!("one {ago:?} ago")));
        }
        if unix_ms.len() == config::SCHEDULE_TIMES_MAX {
            let limit = config::SCHEDULE_TIMES_MAX;
            return Err(refused(format!("at most {limit} instants"), "more".into()));
        }
        unix_ms.push(milliseconds(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()));
    }
    if unix_ms.is_empty() {
        return Err(refused("at least one instant".into(), "none".into()));
    }
    Ok(When::At { unix_ms })
}

impl IntoFuture for Every {
    type Output = Result<Schedule>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Schedule>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Every").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// A schedule of the mesh, as it was when it was asked for: its fields are those of [`ScheduleEntry`].
///
/// Dropping it changes nothing: it lives in the mesh. [`cancel_on_drop`](Self::cancel_on_drop) changes that.
#[derive(Debug, Clone)]
pub struct Schedule {
    node: Node,
    entry: ScheduleEntry,
}

impl Schedule {
    pub(super) fn new(node: &Node, entry: ScheduleEntry) -> Self {
        Self { node: node.clone(), entry }
    }

    /// Ends it; a run that is going goes on. The schedule as it was; `None` if it had ended already.
    ///
    /// # Errors
    /// Any [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may have been cancelled.
    pub async fn cancel(&self) -> Result<Option<ScheduleEntry>> {
        self.node.cancel_schedule(self.entry.id).await
    }

    /// Makes no runs until it is resumed. `false` if it has ended.
    ///
    /// # Errors
    /// Any [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may have been paused.
    pub async fn pause(&self) -> Result<bool> {
        self.node.pause_schedule(self.entry.id).await
    }

    /// Makes runs again. `false` if it has ended.
    ///
    /// # Errors
    /// Any [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may have been resumed.
    pub async fn resume(&self) -> Result<bool> {
        self.node.resume_schedule(self.entry.id).await
    }

    /// The schedule as it is now; `None` if it has ended.
    ///
    /// # Errors
    /// Any [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn show(&self) -> Result<Option<ScheduleEntry>> {
        self.node.schedule_entry(self.entry.id).await
    }

    /// Has it cancelled when the guard is dropped.
    pub fn cancel_on_drop(self) -> ScheduleGuard {
        ScheduleGuard { schedule: self }
    }
}

impl Deref for Schedule {
    type Target = ScheduleEntry;

    fn deref(&self) -> &ScheduleEntry {
        &self.entry
    }
}

/// A schedule that is cancelled when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it cancels the schedule"]
pub struct ScheduleGuard {
    schedule: Schedule,
}

impl Deref for ScheduleGuard {
    type Target = Schedule;

    fn deref(&self) -> &Schedule {
        &self.schedule
    }
}

impl Drop for ScheduleGuard {
    fn drop(&mut self) {
        let request = Request::to_controller("daffi.schedule.cancel", &(self.schedule.entry.id,));
        let mut flight = Flight::new(Arc::clone(self.schedule.node.shared()), request);
        flight.set_on_drop(OnDrop::Detach);
        flight.launch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_that_are_past_or_too_many_or_none_are_refused() {
        let now = SystemTime::now();
        let second = Duration::from_secs(1);

        assert!(instants([now + second, now - second], now).is_err());
        assert!(instants([], now).is_err());
        assert!(instants((0..1001).map(|_| now + second), now).is_err());
        assert!(matches!(instants([now + second], now), Ok(When::At { unix_ms }) if unix_ms.len() == 1));
    }
}
