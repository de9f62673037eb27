//! A background call and a schedule whose methods wait.

use std::ops::Deref;
use std::time::Duration;

use super::bridge::{Bridge, waits};
use crate::api::{Job as AsyncJob, Schedule as AsyncSchedule, ScheduleGuard};
use crate::callback::Wire;
use crate::error::Result;
use crate::wire::{JobId, ScheduleEntry};

/// A call in the background, for threads. Dropping it lets the call go on; [`cancel_on_drop`](Self::cancel_on_drop)
/// changes that.
#[derive(Debug)]
pub struct Job<R: Wire> {
    inside: AsyncJob<R>,
    bridge: Bridge,
}

impl<R: Wire> Job<R> {
    pub(super) fn new(inside: AsyncJob<R>, bridge: &Bridge) -> Self {
        Self { inside, bridge: bridge.clone() }
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// Any [`CallError`](crate::error::CallError): the call's own, or
    /// [`WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
    pub fn wait(self) -> Result<R> {
        self.bridge.wait(self.inside)
    }

    /// Whether the result, or the reason why there is none, is here.
    pub fn is_done(&mut self) -> bool {
        // Nothing more will come, as `wait` says.
        self.bridge.has_ended() || self.bridge.enter(|| self.inside.is_done())
    }

    waits! { "Job" at "crate::api::Job":
        fn get_timeout(&mut self, timeout: Duration) -> R;
        fn id(&mut self) -> JobId;
        fn cancel(&mut self) -> ();
    }

    /// Has it cancelled when this handle is dropped.
    #[must_use]
    pub fn cancel_on_drop(mut self) -> Self {
        self.inside = self.inside.cancel_on_drop();
        self
    }
}

/// A schedule of the mesh, for threads: its fields are those of [`ScheduleEntry`], as it was when it was asked for.
///
/// Dropping it changes nothing: it lives in the mesh.
#[derive(Debug, Clone)]
pub struct Schedule {
    inside: AsyncSchedule,
    bridge: Bridge,
}

impl Schedule {
    pub(super) fn new(inside: AsyncSchedule, bridge: &Bridge) -> Self {
        Self { inside, bridge: bridge.clone() }
    }

    waits! { "Schedule" at "crate::api::Schedule":
        fn cancel(&self) -> Option<ScheduleEntry>;
        fn pause(&self) -> bool;
        fn resume(&self) -> bool;
        fn show(&self) -> Option<ScheduleEntry>;
    }

    /// Has it cancelled when the guard is dropped.
    pub fn cancel_on_drop(self) -> ScheduleGuard {
        self.inside.cancel_on_drop()
    }
}

impl Deref for Schedule {
    type Target = ScheduleEntry;

    fn deref(&self) -> &ScheduleEntry {
        &self.inside
    }
}
