//! Results of background calls whose caller has gone, kept for a while so that a script can fetch them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::config::{KEPT_BYTES_MAX, KEPT_FOR, KEPT_RESULTS_MAX};
use crate::identity::Identity;
use crate::name::NodeName;
use crate::wire::{JobEntry, JobId, JobState};

/// Kept results, and the numbers of background calls.
///
/// At most [`KEPT_RESULTS_MAX`] results of [`KEPT_BYTES_MAX`] bytes together are kept, each for [`KEPT_FOR`]; the
/// oldest makes room. What happens is a function of the seed, the commands and their times alone.
#[derive(Debug, Clone)]
pub struct Jobs {
    numbers: Numbers,
    by_id: BTreeMap<JobId, Place>,
    /// The oldest first.
    kept: BTreeMap<Place, (Instant, Kept)>,
    last_place: Place,
    bytes: usize,
}

/// A rank in the order in which results came.
type Place = u64;

/// The result of a background call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The number of the call.
    pub id: JobId,
    /// The callback.
    pub callback: String,
    /// Who called.
    pub caller: NodeName,
    /// In whose rights, if that is known.
    pub owner: Option<Arc<Identity>>,
    /// Who ran it, if anybody did.
    pub node: Option<NodeName>,
    /// Whether `body` is a failure.
    pub failed: bool,
    /// The encoded result or failure.
    pub body: Bytes,
}

/// What can happen to jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// As [`Jobs::next_id`].
    Number,
    /// As [`Jobs::keep`].
    Keep(Kept),
    /// As [`Jobs::remove`].
    Remove(JobId),
    /// As [`Jobs::expire`].
    Expire,
}

/// What came of a [`Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Of [`Command::Number`].
    Numbered(JobId),
    /// Of [`Command::Keep`]: which results made room.
    Evicted(Vec<JobId>),
    /// Of [`Command::Remove`]: the result, if there was one.
    Removed(Option<Kept>),
    /// Of [`Command::Expire`]: which results were kept long enough.
    Expired(Vec<JobId>),
}

impl Jobs {
    /// Nothing kept. Controllers with other seeds number their jobs differently, so that an old number is not
    /// taken for that of another job after a restart.
    pub fn new(seed: u64) -> Self {
        Self {
            numbers: Numbers { seed, digits: DIGITS_FIRST, issued: 0 },
            by_id: BTreeMap::new(),
            kept: BTreeMap::new(),
            last_place: 0,
            bytes: 0,
        }
    }

    /// Does what `command` says at `now`.
    pub fn apply(&mut self, command: Command, now: Instant) -> Effect {
        match command {
            Command::Number => Effect::Numbered(self.next_id()),
            Command::Keep(kept) => Effect::Evicted(self.keep(kept, now)),
            Command::Remove(id) => Effect::Removed(self.remove(id)),
            Command::Expire => Effect::Expired(self.expire(now)),
        }
    }

    /// A number that no job of this controller had before: of four hexadecimal digits until those are used up.
    pub fn next_id(&mut self) -> JobId {
        self.numbers.next()
    }

    /// Keeps a result from `now` on, instead of an earlier one of the same job; returns those that made room.
    pub fn keep(&mut self, kept: Kept, now: Instant) -> Vec<JobId> {
        self.remove(kept.id);
        self.last_place += 1;
        self.bytes += kept.body.len();
        self.by_id.insert(kept.id, self.last_place);
        self.kept.insert(self.last_place, (now, kept));
        let mut evicted = Vec::new();
        while self.kept.len() > KEPT_RESULTS_MAX || self.bytes > KEPT_BYTES_MAX {
            evicted.extend(self.remove_oldest());
        }
        evicted
    }

    /// The result of a job. It stays, to be read again.
    pub fn result(&self, id: JobId) -> Option<&Kept> {
        self.by_id.get(&id).and_then(|place| self.kept.get(place)).map(|(_, kept)| kept)
    }

    /// Removes the result of a job.
    pub fn remove(&mut self, id: JobId) -> Option<Kept> {
        let place = self.by_id.remove(&id)?;
        let (_, kept) = self.kept.remove(&place)?;
        self.bytes -= kept.body.len();
        Some(kept)
    }

    /// Removes what was kept long enough, and says which.
    pub fn expire(&mut self, now: Instant) -> Vec<JobId> {
        let mut expired = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            expired.extend(self.remove_oldest());
        }
        expired
    }

    /// When to [`expire`](Self::expire) next, if ever.
    pub fn next(&self) -> Option<Instant> {
        self.kept.first_key_value().map(|(_, (since, _))| *since + KEPT_FOR)
    }

    /// How many results are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The bytes of all results together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The jobs whose results are kept, the oldest first, as seen at `now`.
    pub fn entries(&self, now: Instant) -> impl Iterator<Item = JobEntry> + '_ {
        self.kept.values().map(move |(since, kept)| kept.entry(now.saturating_duration_since(*since)))
    }

    fn remove_oldest(&mut self) -> Option<JobId> {
        let (_, (_, kept)) = self.kept.first_key_value()?;
        let id = kept.id;
        self.remove(id).map(|kept| kept.id)
    }
}

impl Kept {
    fn entry(&self, age: Duration) -> JobEntry {
        JobEntry {
            id: self.id,
            callback: self.callback.clone(),
            caller: self.caller.clone(),
            node: self.node.clone(),
            state: if self.failed { JobState::Failed } else { JobState::Done },
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            bytes: self.body.len() as u64,
        }
    }
}

/// All numbers of four hexadecimal digits in an order that the seed says, then all of five, and so on.
///
/// People type these numbers, so they are short; and one job's number mistyped should not be its neighbour's, so
/// they are scattered. They guard nothing: whoever may list jobs sees them all.
#[derive(Debug, Clone)]
struct Numbers {
    seed: u64,
    digits: u32,
    /// Of those with this many digits.
    issued: u64,
}

impl Numbers {
    fn next(&mut self) -> JobId {
        let first = 1 << (4 * (self.digits - 1));
        // All numbers without a leading zero.
        let count = 15 * first;
        let mut random = fastrand::Rng::with_seed(self.seed ^ u64::from(self.digits));
        let offset = random.u64(..count);
        let mut stride = random.u64(..count);
        // The only primes in `count` are 2, 3 and 5; a stride without them comes back only after all others.
        while [2, 3, 5].into_iter().any(|prime| stride.is_multiple_of(prime)) {
            stride += 1;
        }
        let at = (u128::from(self.issued) * u128::from(stride) + u128::from(offset)) % u128::from(count);
        self.issued += 1;
        if self.issued == count {
            // Sixteen digits last for centuries at a million calls a second.
            self.digits = (self.digits + 1).min(16);
            self.issued = 0;
        }
        JobId(first + at as u64)
    }
}

const DIGITS_FIRST: u32 = 4;

#[cfg(test)]
mod tests;
