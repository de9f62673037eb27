//! The time of schedules.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The wall clock, carried by the monotonic one so that virtual time moves both; steps of the wall clock show.
#[derive(Debug)]
pub(super) struct Clock {
    virtual_start: Instant,
    real_start: std::time::Instant,
    wall_start: SystemTime,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            virtual_start: Instant::now(),
            real_start: std::time::Instant::now(),
            wall_start: SystemTime::now(),
        }
    }

    pub(super) fn unix_ms(&self, now: Instant) -> u64 {
        let steady = self.wall_start + self.real_start.elapsed();
        let shown = SystemTime::now();
        let wall = self.wall_start + now.saturating_duration_since(self.virtual_start);
        // A wall clock that was set forward is followed; one that was set back is not, since schedules would stand
        // still until the old time came again.
        let wall = wall + shown.duration_since(steady).unwrap_or_default();
        let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
