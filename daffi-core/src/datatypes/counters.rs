//! Counters in groups: as Howler's `Counters`.

use std::collections::BTreeMap;
use std::sync::Arc;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use crate::api::{Kept, Operation};
use crate::error::DataError;
use crate::hosted::Hosted;
use crate::node::Node;

/// A group of counters, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountersState {
    counters: BTreeMap<String, i64>,
    bytes: usize,
}

#[callback(hosted = "counters")]
impl CountersState {
    /// Adds `by` to the counter; one that is not there counts as 0.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the sum does not fit 64 bits.
    pub fn add(&mut self, counter: &str, by: i64) -> Result<i64, DataError> {
        let value = self.counters.get(counter).copied().unwrap_or_default();
        let sum = value.checked_add(by).ok_or_else(|| DataError::WrongValue {
            expected: "a sum of 64 bits".into(),
            found: format!("{value} and {by} more"),
        })?;
        self.put(counter, sum);
        Ok(sum)
    }

    /// Gives the counter a value, and returns what it had.
    pub fn set(&mut self, counter: &str, value: i64) -> i64 {
        self.put(counter, value).unwrap_or_default()
    }

    /// The value of the counter; 0 if it is not there.
    pub fn get(&self, counter: &str) -> i64 {
        self.counters.get(counter).copied().unwrap_or_default()
    }

    /// All counters of the group, with their values.
    pub fn sizes(&self) -> BTreeMap<String, i64> {
        self.counters.clone()
    }

    /// Sets all counters of the group to 0, which stay, and says how many there are.
    #[callback(shrink)]
    pub fn reset(&mut self) -> u64 {
        self.counters.values_mut().for_each(|value| *value = 0);
        self.counters.len() as u64
    }

    /// Removes a counter, and returns its last value.
    #[callback(shrink)]
    pub fn remove(&mut self, counter: &str) -> Option<i64> {
        let removed = self.counters.remove(counter);
        if removed.is_some() {
            self.bytes -= entry_bytes(counter);
        }
        removed
    }
}

impl CountersState {
    fn put(&mut self, counter: &str, value: i64) -> Option<i64> {
        if let Some(before) = self.counters.get_mut(counter) {
            return Some(std::mem::replace(before, value));
        }
        self.bytes += entry_bytes(counter);
        self.counters.insert(counter.to_owned(), value);
        None
    }
}

/// What a counter takes, about.
fn entry_bytes(counter: &str) -> usize {
    counter.len() + 48
}

impl Hosted for CountersState {
    fn is_vacant(&self) -> bool {
        self.counters.is_empty()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A group of counters that all nodes share: named integers of 64 bits, each of which is 0 until it is changed.
///
/// The group is one object, so that a look at all of them sees one moment, and groups with similar names have nothing to
/// do with each other. Howler's `Counters`; `track_counters` has no counterpart.
#[derive(Debug, Clone)]
pub struct Counters {
    object: <CountersState as Kept>::Client,
}

impl Node {
    /// The group of counters of this name. Nothing is sent.
    pub fn counters(&self, name: impl Into<Arc<str>>) -> Counters {
        Counters { object: self.object::<CountersState>(name) }
    }
}

impl Counters {
    /// The group's name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Adds `by` to a counter, and returns its new value.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the sum does not fit 64 bits.
    pub fn inc(&self, counter: impl AsRef<str>, by: i64) -> Operation<i64> {
        self.object.add(counter.as_ref(), by)
    }

    /// Takes `by` from a counter, which may go below 0, and returns its new value.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the difference does not fit 64 bits.
    pub fn dec(&self, counter: impl AsRef<str>, by: i64) -> Operation<i64> {
        Operation::of(|| {
            let by =
                by.checked_neg().ok_or_else(|| DataError::invalid(format!("{by} cannot be taken away")))?;
            Ok::<_, DataError>(self.object.add(counter.as_ref(), by))
        })
    }

    /// Gives a counter a value, and returns the one it had.
    pub fn set(&self, counter: impl AsRef<str>, value: i64) -> Operation<i64> {
        self.object.set(counter.as_ref(), value)
    }

    /// The value of a counter, 0 if it was never changed.
    pub fn get(&self, counter: impl AsRef<str>) -> Operation<i64> {
        self.object.get(counter.as_ref())
    }

    /// All counters with their values, at one moment. Howler's `get_queues_sizes`, whose names had the group's before them.
    pub fn sizes(&self) -> Operation<BTreeMap<String, i64>> {
        self.object.sizes()
    }

    /// Sets all counters to 0, and says how many there are. Howler's `reset_queues`.
    pub fn reset(&self) -> Operation<u64> {
        self.object.reset()
    }

    /// Removes a counter, and returns the value it had.
    pub fn remove(&self, counter: impl AsRef<str>) -> Operation<Option<i64>> {
        self.object.remove(counter.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_does_not_fit_changes_nothing() {
        let mut group = CountersState::default();
        group.set("a", i64::MAX);

        let error = group.add("a", 1).unwrap_err();

        assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
        assert_eq!(group.get("a"), i64::MAX);
    }

    #[test]
    fn what_was_removed_takes_no_room() {
        let mut group = CountersState::default();
        group.add("a", 4).unwrap();
        group.set("b", 5);
        assert_eq!(group.reset(), 2);

        assert_eq!(group.remove("a"), Some(0));
        assert_eq!(group.remove("a"), None);
        assert_eq!(group.remove("b"), Some(0));

        assert_eq!((group.bytes(), group.is_vacant()), (0, true));
    }
}
