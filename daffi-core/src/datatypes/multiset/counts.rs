//! How often each value counts, and which counts most.

use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::datatypes::entries::{HEAD_BYTES, page};
use crate::error::DataError;
use crate::hosted::Key;

/// How the counts of two multisets make those of a third, which has only what counts more than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Tally {
    /// Their sum: Python's `+`.
    Sum,
    /// The first less the second: `-`.
    Difference,
    /// The larger: `|`.
    Union,
    /// The smaller: `&`.
    Intersection,
}

impl Tally {
    /// The count of a value that has these two.
    pub(super) fn of(self, own: i64, other: i64) -> Result<i64, DataError> {
        match self {
            Self::Sum => sum(own, other),
            Self::Difference => fits(i128::from(own) - i128::from(other)),
            Self::Union => Ok(own.max(other)),
            Self::Intersection => Ok(own.min(other)),
        }
    }
}

pub(super) fn sum(one: i64, other: i64) -> Result<i64, DataError> {
    fits(i128::from(one) + i128::from(other))
}

/// A count as it is kept, if it fits.
pub(super) fn fits(count: i128) -> Result<i64, DataError> {
    i64::try_from(count).map_err(|_| DataError::WrongValue {
        expected: "a count of 64 bits".to_owned(),
        found: count.to_string(),
    })
}

/// Values and how often each counts, which may be 0 times or fewer. Copies are cheap, so that a batch can undo what it
/// did.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    counts: OrdMap<Arc<Key>, i64>,
    /// What counts most first; what counts as much in the order of the keys' bytes.
    ranking: OrdSet<(Reverse<i64>, Arc<Key>)>,
    key_bytes: usize,
    total: i128,
    /// How many count 0 times.
    zeros: usize,
    /// How many count 0 times or fewer.
    least: usize,
}

impl Counts {
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many count any times but 0.
    pub(super) fn nonzero(&self) -> usize {
        self.len() - self.zeros
    }

    /// How many count 0 times or fewer.
    pub(super) fn least(&self) -> usize {
        self.least
    }

    pub(super) fn total(&self) -> i128 {
        self.total
    }

    pub(super) fn contains(&self, value: &Key) -> bool {
        self.counts.contains_key(value)
    }

    /// What is not there counts 0 times.
    pub(super) fn get(&self, value: &Key) -> i64 {
        self.counts.get(value).copied().unwrap_or_default()
    }

    /// Lets a value count so often, and returns how often it did if it was there.
    pub(super) fn put(&mut self, value: Arc<Key>, count: i64) -> Option<i64> {
        let known = self.remove(&value);
        let (value, before) = known.map_or((value, None), |(known, before)| (known, Some(before)));
        self.key_bytes += value.bytes().len();
        self.total += i128::from(count);
        self.zeros += usize::from(count == 0);
        self.least += usize::from(count <= 0);
        self.ranking.insert((Reverse(count), Arc::clone(&value)));
        self.counts.insert(value, count);
        before
    }

    pub(super) fn remove(&mut self, value: &Key) -> Option<(Arc<Key>, i64)> {
        let (value, count) = self.counts.remove_with_key(value)?;
        self.ranking.remove(&(Reverse(count), Arc::clone(&value)));
        self.key_bytes -= value.bytes().len();
        self.total -= i128::from(count);
        self.zeros -= usize::from(count == 0);
        self.least -= usize::from(count <= 0);
        Some((value, count))
    }

    /// All, by the order of their keys' bytes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Key>, i64)> {
        self.counts.iter().map(|(value, count)| (value, *count))
    }

    /// What counts most first.
    pub(super) fn ranked(&self) -> impl DoubleEndedIterator<Item = (&Arc<Key>, i64)> {
        self.ranking.iter().map(|(Reverse(count), value)| (value, *count))
    }

    /// As many as fit a page of those after a value, and whether there are more.
    pub(super) fn page(&self, after: Option<&Key>, limit: u64) -> Result<(Vec<(Key, i64)>, bool), DataError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.counts.range::<_, Key>((from, Bound::Unbounded));
        let (page, has_more) = page(rest, limit, |(value, _)| reply_bytes(value))?;
        Ok((page.into_iter().map(|(value, count)| ((**value).clone(), *count)).collect(), has_more))
    }

    /// About what they take of memory.
    pub(super) fn bytes(&self) -> usize {
        self.key_bytes + self.len() * COUNT_BYTES
    }
}

/// What a value and its count take in a reply.
pub(super) fn reply_bytes(value: &Key) -> usize {
    value.bytes().len() + HEAD_BYTES + size_of::<i64>()
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Self::default();
        for (value, count) in Vec::<(Arc<Key>, i64)>::deserialize(deserializer)? {
            counts.put(value, count);
        }
        Ok(counts)
    }
}

/// What a value takes beside its bytes, about: its allocation, and its places by value and by count.
const COUNT_BYTES: usize = 168;
