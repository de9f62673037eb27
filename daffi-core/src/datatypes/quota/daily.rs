//! Daily quotas: how often each user did something today. As Assemblyline's `DailyQuotaTracker`.

use std::sync::Arc;
use std::time::Duration;

use daffi_macros::callback;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::check_key;
use crate::api::{Kept, Operation};
use crate::error::DataError;
use crate::hosted::{Hosted, Time, Turn};
use crate::node::Node;

/// A daily quota, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyQuotaState {
    counts: OrdMap<String, u64>,
    /// When the day of the counts is over.
    ends: Time,
    bytes: usize,
}

#[callback(hosted = "daily_quota")]
impl DailyQuotaState {
    /// Counts up for a user, and says how often it was done today.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the count does not fit 64 bits, [`DataError::Invalid`] for a user with
    /// too long a name.
    pub fn increment(&mut self, turn: &mut Turn<'_>, user: String, by: u64) -> Result<u64, DataError> {
        check_key("user", &user)?;
        let before = self.counts.get(&user).copied();
        let count = before.unwrap_or_default().checked_add(by).ok_or_else(|| DataError::WrongValue {
            expected: "a count of 64 bits".into(),
            found: format!("{} and {by} more", before.unwrap_or_default()),
        })?;
        turn.tell(&(&user, count))?;
        if count > 0 {
            if before.is_none() {
                self.bytes += entry_bytes(&user);
            }
            self.ends = Time((turn.now().0 / DAY_US + 1).saturating_mul(DAY_US));
            self.counts.insert(user, count);
        }
        Ok(count)
    }

    /// Counts down for a user, but not below 0, and says what is left.
    ///
    /// # Errors
    /// None at present.
    #[callback(shrink)]
    pub fn decrement(&mut self, turn: &mut Turn<'_>, user: String, by: u64) -> Result<u64, DataError> {
        let count = self.get(user.clone()).saturating_sub(by);
        turn.tell(&(&user, count))?;
        if count == 0 {
            self.forget(&user);
        } else {
            self.counts.insert(user, count);
        }
        Ok(count)
    }

    /// How often a user did it today.
    pub fn get(&self, user: String) -> u64 {
        self.counts.get(&user).copied().unwrap_or_default()
    }

    /// Forgets what a user did today, and says how often it was.
    ///
    /// # Errors
    /// None at present.
    #[callback(shrink)]
    pub fn reset(&mut self, turn: &mut Turn<'_>, user: String) -> Result<u64, DataError> {
        turn.tell(&(&user, 0))?;
        Ok(self.forget(&user).unwrap_or_default())
    }
}

impl DailyQuotaState {
    fn forget(&mut self, user: &String) -> Option<u64> {
        let count = self.counts.remove(user)?;
        self.bytes -= entry_bytes(user);
        if self.counts.is_empty() {
            self.ends = Time::default();
        }
        Some(count)
    }
}

impl Hosted for DailyQuotaState {
    fn next_expiry(&self) -> Option<Time> {
        Some(self.ends).filter(|_| !self.counts.is_empty())
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        if self.ends <= turn.now() {
            *self = Self::default();
        }
    }

    fn is_vacant(&self) -> bool {
        self.counts.is_empty()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What the count of a user takes, about.
fn entry_bytes(user: &str) -> usize {
    user.len() + 64
}

/// A day of the store's clock, in microseconds.
const DAY_US: u64 = Duration::from_secs(24 * 3_600).as_micros() as u64;

/// How often each user did something today: since midnight UTC by the controller's clock.
///
/// It refuses nothing: whoever counts compares. Assemblyline's `DailyQuotaTracker`, with one name for each of its kinds, `api`
/// and `submission`; there the day was that of each client's clock, and counts went below 0.
#[derive(Debug, Clone)]
pub struct DailyQuota {
    object: <DailyQuotaState as Kept>::Client,
}

reaches_object!(DailyQuota);

impl Node {
    /// The daily quota of this name. Nothing is sent.
    pub fn daily_quota(&self, name: impl Into<Arc<str>>) -> DailyQuota {
        DailyQuota { object: self.object::<DailyQuotaState>(name) }
    }
}

impl DailyQuota {
    /// Its name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Counts one more for a user, and says how many that makes today.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a user of more than [`COUNTED_KEY_BYTES_MAX`](crate::config::COUNTED_KEY_BYTES_MAX) bytes.
    pub fn increment(&self, user: impl Into<String>) -> Operation<u64> {
        self.object.increment(user.into(), 1)
    }

    /// Counts one less, but not below 0, and says how many are left.
    pub fn decrement(&self, user: impl Into<String>) -> Operation<u64> {
        self.object.decrement(user.into(), 1)
    }

    /// How many there were today.
    pub fn get(&self, user: impl Into<String>) -> Operation<u64> {
        self.object.get(user.into())
    }

    /// Forgets what a user did today, and says how many that were.
    pub fn reset(&self, user: impl Into<String>) -> Operation<u64> {
        self.object.reset(user.into())
    }
}
