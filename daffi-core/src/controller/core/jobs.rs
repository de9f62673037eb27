//! Results of background calls whose caller has gone, kept for a while so that a script can fetch them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::{KEPT_BYTES_MAX, KEPT_FOR, KEPT_RESULTS_MAX};
use crate::hosted::Time;
use crate::identity::Identity;
use crate::name::NodeName;
use crate::wire::{JobEntry, JobId, JobState};

/// Kept results.
///
/// At most [`KEPT_RESULTS_MAX`] results of [`KEPT_BYTES_MAX`] bytes together are kept, each for [`KEPT_FOR`]; the
/// oldest makes room. What happens is a function of the commands and their times alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    by_id: BTreeMap<JobId, Place>,
    /// The oldest first.
    kept: BTreeMap<Place, (Time, Kept)>,
    last_place: Place,
    bytes: usize,
}

/// A rank in the order in which results came.
type Place = u64;

/// The result of a background call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(with = "octets")]
    pub body: Bytes,
}

/// What can happen to kept results, beside that their time passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// As [`Jobs::keep`].
    Keep(Kept),
    /// As [`Jobs::remove`].
    Remove(JobId),
}

/// What came of a [`Command`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Of [`Command::Keep`]: which results made room.
    Evicted(Vec<JobId>),
    /// Of [`Command::Remove`]: whether there was one.
    Removed(bool),
}

impl Jobs {
    /// Does what `command` says at `now`.
    pub fn apply(&mut self, command: Command, now: Time) -> Effect {
        match command {
            Command::Keep(kept) => Effect::Evicted(self.keep(kept, now)),
            Command::Remove(id) => Effect::Removed(self.remove(id).is_some()),
        }
    }

    /// Keeps a result from `now` on, instead of an earlier one of the same job; returns those that made room.
    pub fn keep(&mut self, kept: Kept, now: Time) -> Vec<JobId> {
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
    pub fn expire(&mut self, now: Time) -> Vec<JobId> {
        let mut expired = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            expired.extend(self.remove_oldest());
        }
        expired
    }

    /// When to [`expire`](Self::expire) next, if ever.
    pub fn next(&self) -> Option<Time> {
        self.kept.first_key_value().map(|(_, (since, _))| since.after(KEPT_FOR))
    }

    /// How many results are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none was ever kept.
    pub fn was_never_used(&self) -> bool {
        self.last_place == 0
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
    pub fn entries(&self, now: Time) -> impl Iterator<Item = JobEntry> + '_ {
        self.kept.values().map(move |(since, kept)| kept.entry(now.since(*since)))
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

/// The numbers of background calls. They are given out here and not by a command: a call gets one before it is known
/// whether anything will be kept of it.
///
/// All numbers of four hexadecimal digits in an order that the seed says, then all of five, and so on.
///
/// People type these numbers, so they are short; and one job's number mistyped should not be its neighbour's, so
/// they are scattered. They guard nothing: whoever may list jobs sees them all. Controllers with other seeds have them in
/// another order, so that an old number is not taken for that of another job after a restart.
#[derive(Debug, Clone)]
pub struct Numbers {
    seed: u64,
    digits: u32,
    /// Of those with this many digits.
    issued: u64,
}

impl Numbers {
    /// All of them, in the order that the seed says.
    pub fn new(seed: u64) -> Self {
        Self { seed, digits: DIGITS_FIRST, issued: 0 }
    }

    /// A number that was not given out before: of four hexadecimal digits until those are used up.
    pub fn draw(&mut self) -> JobId {
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

/// A result is written down as the bytes that it is.
mod octets {
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_bytes::ByteBuf;

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        ByteBuf::deserialize(deserializer).map(|bytes| Bytes::from(bytes.into_vec()))
    }
}

#[cfg(test)]
mod tests;
