//! What a queue can be told about itself, and what it tells.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::error::DataError;

/// How a queue treats its items: one object's settings, kept with it and the same for all who use it.
///
/// ```
/// # use daffi_core::api::secs;
/// use daffi_core::datatypes::{QueueSettings, WhenFull};
///
/// let settings = QueueSettings::default().at_most(1_000, WhenFull::Wait).deliveries(5).lease(secs(60));
/// assert_eq!(settings.length_max, Some(1_000));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueSettings {
    /// How many items may wait, delayed ones included, those that are lent or dead not. By default any number.
    ///
    /// What comes back from a consumer, by `unpop` or from the dead is let in beyond it.
    pub length_max: Option<u64>,
    /// What happens to a push past it. By default it waits.
    pub when_full: WhenFull,
    /// How often an item is lent at most: one that comes back after that is dead. By default any number of times.
    pub deliveries_max: Option<u32>,
    /// How long an item is lent if its consumer does not say.
    /// By default [`QUEUE_LEASE`](crate::config::QUEUE_LEASE).
    pub lease: Duration,
    /// How long after the last push all that waits is dropped. By default never.
    ///
    /// Each push, `unpop` and redrive sets it anew, in the same step; pops and reads do not.
    pub ttl: Option<Duration>,
    /// How long the id of a `push_once` is remembered.
    /// By default [`QUEUE_ONCE_FOR`](crate::config::QUEUE_ONCE_FOR).
    pub once_for: Duration,
}

/// What happens to a push when as many items wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WhenFull {
    /// It waits for room, in line with the others that do.
    #[default]
    Wait,
    /// It is refused: [`DataError::Full`].
    Refuse,
    /// The oldest item is dropped; from a priority queue the one that would come last, which may be the new one
    /// itself.
    Discard,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            length_max: None,
            when_full: WhenFull::default(),
            deliveries_max: None,
            lease: config::QUEUE_LEASE,
            ttl: None,
            once_for: config::QUEUE_ONCE_FOR,
        }
    }
}

impl QueueSettings {
    /// Has at most `length` items wait.
    #[must_use]
    pub fn at_most(mut self, length: u64, when_full: WhenFull) -> Self {
        self.length_max = Some(length);
        self.when_full = when_full;
        self
    }

    /// Lends an item at most `times` times.
    #[must_use]
    pub fn deliveries(mut self, times: u32) -> Self {
        self.deliveries_max = Some(times);
        self
    }

    /// Lends items for `time` where their consumers do not say.
    #[must_use]
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time;
        self
    }

    /// Drops all that waits when nothing was pushed for `time`.
    #[must_use]
    pub fn ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(time);
        self
    }

    /// Remembers the ids of `push_once` for `time`.
    #[must_use]
    pub fn once_for(mut self, time: Duration) -> Self {
        self.once_for = time;
        self
    }

    /// Whether they make sense.
    pub(super) fn check(&self) -> Result<(), DataError> {
        if self.length_max == Some(0) {
            return Err(DataError::invalid("a queue of no length takes nothing"));
        }
        if self.deliveries_max == Some(0) {
            return Err(DataError::invalid("items that are never delivered are dead from the start"));
        }
        let times =
            [("a lease", Some(self.lease)), ("a ttl", self.ttl), ("a memory for ids", Some(self.once_for))];
        match times.into_iter().find(|(_, time)| time.is_some_and(|time| time < TIME_MIN)) {
            Some((what, _)) => Err(DataError::invalid(format!("{what} lasts at least {TIME_MIN:?}"))),
            None => Ok(()),
        }
    }
}

/// Times travel in whole milliseconds.
const TIME_MIN: Duration = Duration::from_millis(1);

/// How many items a queue has, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueCounts {
    /// Those that can be had now: the queue's length.
    pub ready: u64,
    /// Those whose delay is not over.
    pub delayed: u64,
    /// Those that consumers have on lease.
    pub leased: u64,
    /// Those that were lent too often.
    pub dead: u64,
}

/// What watchers of a queue hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum QueueChange {
    /// So many items were put in.
    Pushed(u64),
    /// So many were taken out for good.
    Popped(u64),
    /// So many were lent.
    Leased(u64),
    /// So many that were lent are done with.
    Done(u64),
    /// So many came back, from consumers or the dead.
    Returned(u64),
    /// So many came back for the last time: they are dead.
    Died(u64),
    /// So many were dropped, since the queue was full, was cleared, or has expired; or one that was dead was taken
    /// out.
    Dropped(u64),
    /// A unique item has another priority.
    Moved,
    /// The settings are others.
    Configured,
}
