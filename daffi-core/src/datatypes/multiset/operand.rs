//! What a multiset is combined with.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use serde::Serialize;

use super::Multiset;
use super::counts::sum;
use crate::datatypes::like::Like;
use crate::error::DataError;
use crate::hosted::{Key, Others};

/// Values and how often each counts: another multiset that the same controller keeps, or counts at hand.
///
/// A `&Multiset` becomes one by itself, and so do a `&BTreeMap<T, i64>` and a `&HashMap<T, i64>`.
pub struct Tallies<T> {
    side: Result<Side, DataError>,
    of: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Side {
    /// By its name, so that the controller reads it in the step in which it combines the two.
    Multiset(String),
    Counts(BTreeMap<Key, i64>),
}

impl<T: Serialize> Tallies<T> {
    /// Counts at hand. Of a value that comes twice they are added up.
    pub fn of(counts: impl IntoIterator<Item = (impl Like<T>, i64)>) -> Self {
        let keys = counts.into_iter().map(|(value, count)| Ok((Key::of(&value)?, count)));
        Self { side: added_up(keys).map(Side::Counts), of: PhantomData }
    }

    /// Values, each of which counts as often as it comes: `Counter(iterable)`.
    pub fn each(values: impl IntoIterator<Item = impl Like<T>>) -> Self {
        Self::of(values.into_iter().map(|value| (value, 1)))
    }
}

fn added_up(
    counts: impl Iterator<Item = Result<(Key, i64), DataError>>,
) -> Result<BTreeMap<Key, i64>, DataError> {
    let mut all = BTreeMap::new();
    for entry in counts {
        let (value, count) = entry?;
        let known: &mut i64 = all.entry(value).or_default();
        *known = sum(*known, count)?;
    }
    Ok(all)
}

impl<T> Tallies<T> {
    /// As it travels: the names of multisets, and counts.
    pub(super) fn sent(self) -> Result<(Others, Vec<(Key, i64)>), DataError> {
        Ok(match self.side? {
            Side::Multiset(name) => ([name].into_iter().collect(), Vec::new()),
            Side::Counts(counts) => (Others::default(), counts.into_iter().collect()),
        })
    }
}

impl<T> From<&Multiset<T>> for Tallies<T> {
    fn from(multiset: &Multiset<T>) -> Self {
        Self { side: Ok(Side::Multiset(multiset.name().to_owned())), of: PhantomData }
    }
}

impl<T: Serialize> From<&BTreeMap<T, i64>> for Tallies<T> {
    fn from(counts: &BTreeMap<T, i64>) -> Self {
        Self::of(counts.iter().map(|(value, count)| (value, *count)))
    }
}

impl<T: Serialize, S: BuildHasher> From<&HashMap<T, i64, S>> for Tallies<T> {
    fn from(counts: &HashMap<T, i64, S>) -> Self {
        Self::of(counts.iter().map(|(value, count)| (value, *count)))
    }
}

impl<T> fmt::Debug for Tallies<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tallies").field(&self.side).finish()
    }
}
