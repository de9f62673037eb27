//! A multiset as the controller keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use super::counts::{Counts, Tally, fits, reply_bytes, sum};
use crate::config;
use crate::datatypes::entries::{self, Expiring, check_reply, ttl};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, Others, Turn};

/// A multiset, as the controller keeps it.
///
/// `others` are other multisets, `counts` values and how often they count: what a method takes is all of it added up.
/// `ttl_ms` is how long the whole multiset stays from now on: it begins in the step that writes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MultisetState {
    counts: Counts,
}

/// What watchers of a multiset hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MultisetChange {
    /// A value counts so often now.
    Counted {
        /// The value.
        value: Arc<Key>,
        /// How often.
        count: i64,
    },
    /// A value was removed.
    Removed {
        /// The value.
        value: Arc<Key>,
    },
    /// All values were removed.
    Cleared,
}

/// Values and how often they count, each of them once.
type Operand = BTreeMap<Arc<Key>, i64>;

#[callback(hosted = "multiset")]
impl MultisetState {
    /// Adds to how often a value counts, and returns the sum.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if that does not fit 64 bits; [`DataError::Invalid`] if a time to live is 0.
    pub fn increment(
        &mut self,
        turn: &mut Turn<'_>,
        value: Key,
        by: i64,
        ttl_ms: Option<u64>,
    ) -> Result<i64, DataError> {
        let (ttl, count) = (ttl(ttl_ms)?, sum(self.counts.get(&value), by)?);
        self.put(turn, Arc::new(value), count);
        self.arm(turn, ttl);
        Ok(count)
    }

    /// Lets a value count so often, and returns how often it did. With 0 it stays there.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn set(
        &mut self,
        turn: &mut Turn<'_>,
        value: Key,
        count: i64,
        ttl_ms: Option<u64>,
    ) -> Result<i64, DataError> {
        let (ttl, before) = (ttl(ttl_ms)?, self.counts.get(&value));
        self.put(turn, Arc::new(value), count);
        self.arm(turn, ttl);
        Ok(before)
    }

    /// How often a value counts: what is not there, 0 times.
    pub fn get(&self, value: Key) -> i64 {
        self.counts.get(&value)
    }

    /// Whether a value is there, if it counts 0 times as well.
    pub fn contains(&self, value: Key) -> bool {
        self.counts.contains(&value)
    }

    /// Removes a value, and returns how often it counted.
    #[callback(shrink)]
    pub fn remove(&mut self, turn: &mut Turn<'_>, value: Key) -> Option<i64> {
        let count = self.take(turn, &value);
        self.arm(turn, None);
        count
    }

    /// Adds how often values count.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if a sum does not fit 64 bits; [`DataError::Invalid`] if there are too many, or a time to
    /// live is 0.
    pub fn update(
        &mut self,
        turn: &mut Turn<'_>,
        others: Others,
        counts: Vec<(Key, i64)>,
        ttl_ms: Option<u64>,
    ) -> Result<(), DataError> {
        self.merge(turn, Tally::Sum, &others, counts, ttl_ms)
    }

    /// Subtracts how often values count, which may make it fewer than 0.
    ///
    /// # Errors
    /// As `update`.
    pub fn subtract(
        &mut self,
        turn: &mut Turn<'_>,
        others: Others,
        counts: Vec<(Key, i64)>,
        ttl_ms: Option<u64>,
    ) -> Result<(), DataError> {
        self.merge(turn, Tally::Difference, &others, counts, ttl_ms)
    }

    /// What it and others are together, of which only what counts more than 0.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if a count does not fit 64 bits; [`DataError::Invalid`] if there are too many, or they do
    /// not fit one reply.
    pub fn combine(
        &self,
        turn: &Turn<'_>,
        how: Tally,
        others: Others,
        counts: Vec<(Key, i64)>,
    ) -> Result<Vec<(Key, i64)>, DataError> {
        let other = operand(turn, &others, counts)?;
        told(self.combined(how, &other)?.iter().map(|(value, count)| (value, *count)))
    }

    /// Becomes what it and others are together, of which only what counts more than 0.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if a count does not fit 64 bits; [`DataError::Invalid`] if there are too many, or a time
    /// to live is 0.
    pub fn assign(
        &mut self,
        turn: &mut Turn<'_>,
        how: Tally,
        others: Others,
        counts: Vec<(Key, i64)>,
        ttl_ms: Option<u64>,
    ) -> Result<(), DataError> {
        let (ttl, other) = (ttl(ttl_ms)?, operand(turn, &others, counts)?);
        match how {
            Tally::Intersection => {
                check_work(self.counts.len())?;
                let kept = self.combined(how, &other)?;
                self.become_only(turn, kept);
            }
            // What the other side has not stays as it is, unless it counts 0 times or fewer.
            Tally::Sum | Tally::Difference | Tally::Union => {
                check_work(self.counts.least())?;
                for (value, count) in self.merged(how, other)? {
                    self.put(turn, value, count);
                }
                self.drop_least(turn);
            }
        }
        self.arm(turn, ttl);
        Ok(())
    }

    /// What counts more than 0.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that does not fit one reply.
    pub fn positive(&self) -> Result<Vec<(Key, i64)>, DataError> {
        told(self.counts.ranked().take_while(|(_, count)| *count > 0))
    }

    /// What counts less than 0, with the sign turned round.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if a count does not fit 64 bits then; [`DataError::Invalid`] if they do not fit one reply.
    pub fn negative(&self) -> Result<Vec<(Key, i64)>, DataError> {
        told(self.negated()?)
    }

    /// Removes what counts 0 times or fewer, and says how many values that were.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many.
    #[callback(shrink)]
    pub fn keep_positive(&mut self, turn: &mut Turn<'_>) -> Result<u64, DataError> {
        check_work(self.counts.least())?;
        let removed = self.drop_least(turn);
        self.arm(turn, None);
        Ok(removed)
    }

    /// Turns all signs round, and keeps what counts more than 0 then.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if a count does not fit 64 bits then; [`DataError::Invalid`] if there are too many values.
    #[callback(shrink)]
    pub fn negate(&mut self, turn: &mut Turn<'_>) -> Result<(), DataError> {
        check_work(self.counts.len())?;
        let negated = self.negated()?.map(|(value, count)| (Arc::clone(value), count)).collect();
        self.become_only(turn, negated);
        self.arm(turn, None);
        Ok(())
    }

    /// Whether each value counts as often on both sides; what is not there counts 0 times.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if a count does not fit 64 bits; [`DataError::Invalid`] if there are too many.
    pub fn equals(
        &self,
        turn: &Turn<'_>,
        others: Others,
        counts: Vec<(Key, i64)>,
    ) -> Result<bool, DataError> {
        let mut other = operand(turn, &others, counts)?;
        other.retain(|_, count| *count != 0);
        let is_equal = |(value, count): (&Arc<Key>, &i64)| self.counts.get(value) == *count;
        Ok(other.len() == self.counts.nonzero() && other.iter().all(is_equal))
    }

    /// So many values that count most, and how often.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply.
    pub fn most_common(&self, count: u64) -> Result<Vec<(Key, i64)>, DataError> {
        told(self.counts.ranked().take(usize::try_from(count).unwrap_or(usize::MAX)))
    }

    /// How often all values count together.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if that does not fit 64 bits.
    pub fn total(&self) -> Result<i64, DataError> {
        fits(self.counts.total())
    }

    /// All values, and how often they count.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply.
    pub fn items(&self) -> Result<Vec<(Key, i64)>, DataError> {
        told(self.counts.iter())
    }

    /// The first values after one, or the first of all, how often they count, and whether there are more.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if `limit` is 0.
    pub fn page(&self, after: Option<Key>, limit: u64) -> Result<(Vec<(Key, i64)>, bool), DataError> {
        self.counts.page(after.as_ref(), limit)
    }

    /// How many different values there are, those included that count 0 times or fewer.
    pub fn len(&self) -> u64 {
        self.counts.len() as u64
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Removes all values, and says how many there were.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        let removed = std::mem::take(&mut self.counts).len() as u64;
        if removed > 0 {
            tell(turn, &MultisetChange::Cleared);
        }
        self.arm(turn, None);
        removed
    }
}

impl MultisetState {
    /// Lets a value count so often, whether it did before or not.
    fn put(&mut self, turn: &mut Turn<'_>, value: Arc<Key>, count: i64) {
        if self.counts.put(Arc::clone(&value), count) != Some(count) {
            tell(turn, &MultisetChange::Counted { value, count });
        }
    }

    fn take(&mut self, turn: &mut Turn<'_>, value: &Key) -> Option<i64> {
        let (value, count) = self.counts.remove(value)?;
        tell(turn, &MultisetChange::Removed { value });
        Some(count)
    }

    fn merge(
        &mut self,
        turn: &mut Turn<'_>,
        how: Tally,
        others: &Others,
        counts: Vec<(Key, i64)>,
        ttl_ms: Option<u64>,
    ) -> Result<(), DataError> {
        let (ttl, other) = (ttl(ttl_ms)?, operand(turn, others, counts)?);
        for (value, count) in self.merged(how, other)? {
            self.put(turn, value, count);
        }
        self.arm(turn, ttl);
        Ok(())
    }

    /// What the values of the other side count then. Nothing is changed before all of it is known to fit.
    fn merged(&self, how: Tally, other: Operand) -> Result<Vec<(Arc<Key>, i64)>, DataError> {
        let merge = |(value, count): (Arc<Key>, i64)| {
            let count = how.of(self.counts.get(&value), count)?;
            Ok((value, count))
        };
        other.into_iter().map(merge).collect()
    }

    /// What the two sides are together, of which only what counts more than 0.
    fn combined(&self, how: Tally, other: &Operand) -> Result<Operand, DataError> {
        let mut combined = Operand::new();
        let mut put = |value: &Arc<Key>, own: i64, other: i64| {
            let count = how.of(own, other)?;
            if count > 0 {
                combined.insert(Arc::clone(value), count);
            }
            Ok::<_, DataError>(())
        };
        for (value, count) in other {
            put(value, self.counts.get(value), *count)?;
        }
        // The smaller of a count and of 0 is never more than 0.
        if how != Tally::Intersection {
            check_work(self.counts.len())?;
            for (value, count) in self.counts.iter().filter(|(value, _)| !other.contains_key(*value)) {
                put(value, count, 0)?;
            }
        }
        Ok(combined)
    }

    /// What counts less than 0, with the sign turned round.
    fn negated(&self) -> Result<impl Iterator<Item = (&Arc<Key>, i64)>, DataError> {
        // If the least of all fits, all of them do.
        if let Some((_, least)) = self.counts.ranked().next_back() {
            fits(-i128::from(least))?;
        }
        let negative = self.counts.ranked().rev().take_while(|(_, count)| *count < 0);
        Ok(negative.map(|(value, count)| (value, -count)))
    }

    /// Has these values and no others.
    fn become_only(&mut self, turn: &mut Turn<'_>, kept: Operand) {
        let gone = self.counts.iter().filter(|(value, _)| !kept.contains_key(*value));
        let gone: Vec<Arc<Key>> = gone.map(|(value, _)| Arc::clone(value)).collect();
        for value in &gone {
            self.take(turn, value);
        }
        for (value, count) in kept {
            self.put(turn, value, count);
        }
    }

    /// Removes what counts 0 times or fewer, and says how many values that were.
    fn drop_least(&mut self, turn: &mut Turn<'_>) -> u64 {
        let least = self.counts.ranked().rev().take_while(|(_, count)| *count <= 0);
        let least: Vec<Arc<Key>> = least.map(|(value, _)| Arc::clone(value)).collect();
        for value in &least {
            self.take(turn, value);
        }
        least.len() as u64
    }
}

/// The other side: all that is given, added up.
fn operand(turn: &Turn<'_>, others: &Others, counts: Vec<(Key, i64)>) -> Result<Operand, DataError> {
    let others = turn.others::<MultisetState>(others)?;
    check_work(others.iter().fold(counts.len(), |sum, other| sum.saturating_add(other.counts.len())))?;
    let counts = counts.into_iter().map(|(value, count)| (Arc::new(value), count));
    let of_others = others.into_iter().flat_map(|other| other.counts.iter());
    let mut operand = Operand::new();
    for (value, count) in counts.chain(of_others.map(|(value, count)| (Arc::clone(value), count))) {
        let known = operand.entry(value).or_default();
        *known = sum(*known, count)?;
    }
    Ok(operand)
}

/// What is told of values, if one reply can hold it.
fn told<'a>(counts: impl Iterator<Item = (&'a Arc<Key>, i64)>) -> Result<Vec<(Key, i64)>, DataError> {
    let (mut told, mut bytes) = (Vec::new(), 0);
    for (value, count) in counts {
        bytes += reply_bytes(value);
        check_reply(bytes)?;
        told.push(((**value).clone(), count));
    }
    Ok(told)
}

fn check_work(values: usize) -> Result<(), DataError> {
    entries::check_work(values, config::COMBINED_MEMBERS_MAX, "values")
}

fn tell(turn: &mut Turn<'_>, change: &MultisetChange) {
    turn.tell(change).expect("values are bytes, and those encode");
}

impl Hosted for MultisetState {
    fn is_vacant(&self) -> bool {
        self.counts.is_empty()
    }

    fn bytes(&self) -> usize {
        self.counts.bytes()
    }
}
