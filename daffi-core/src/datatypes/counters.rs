//! Counters in groups: as Howler's `Counters`.

use std::collections::BTreeMap;
use std::sync::Arc;

use daffi_macros::callback;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::api::{Kept, Operation};
use crate::error::DataError;
use crate::hosted::{Hosted, Turn};
use crate::node::Node;

/// A group of counters, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct CountersState {
    counters: OrdMap<String, i64>,
    bytes: usize,
}

/// The same as it is saved: what its counters take is counted anew, whoever saved it.
#[derive(Serialize, Deserialize)]
struct Saved {
    counters: OrdMap<String, i64>,
}

impl From<Saved> for CountersState {
    fn from(Saved { counters }: Saved) -> Self {
        let bytes = counters.keys().map(|counter| entry_bytes(counter)).sum();
        Self { counters, bytes }
    }
}

impl From<CountersState> for Saved {
    fn from(CountersState { counters, .. }: CountersState) -> Self {
        Self { counters }
    }
}

/// What watchers of a group of counters are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CountersChange {
    /// A counter has another value.
    Set {
        /// The counter.
        counter: String,
        /// Its value.
        value: i64,
    },
    /// All counters are 0.
    Reset,
    /// A counter is gone.
    Removed {
        /// The counter.
        counter: String,
    },
}

#[callback(hosted = "counters")]
impl CountersState {
    /// Adds `by` to the counter; one that is not there counts as 0.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the sum does not fit 64 bits.
    pub fn add(&mut self, turn: &mut Turn<'_>, counter: &str, by: i64) -> Result<i64, DataError> {
        let value = self.counters.get(counter).copied().unwrap_or_default();
        let sum = value.checked_add(by).ok_or_else(|| DataError::WrongValue {
            expected: "a sum of 64 bits".into(),
            found: format!("{value} and {by} more"),
        })?;
        self.put(turn, counter, sum);
        Ok(sum)
    }

    /// Gives the counter a value, and returns what it had.
    pub fn set(&mut self, turn: &mut Turn<'_>, counter: &str, value: i64) -> i64 {
        self.put(turn, counter, value).unwrap_or_default()
    }

    /// The value of the counter; 0 if it is not there.
    pub fn get(&self, counter: &str) -> i64 {
        self.counters.get(counter).copied().unwrap_or_default()
    }

    /// All counters of the group, with their values.
    pub fn sizes(&self) -> BTreeMap<String, i64> {
        self.counters.iter().map(|(counter, value)| (counter.clone(), *value)).collect()
    }

    /// Sets all counters of the group to 0, which stay, and says how many there are.
    #[callback(shrink)]
    pub fn reset(&mut self, turn: &mut Turn<'_>) -> u64 {
        tell(turn, || CountersChange::Reset);
        self.counters = self.counters.keys().map(|counter| (counter.clone(), 0)).collect();
        self.counters.len() as u64
    }

    /// Removes a counter, and returns its last value.
    #[callback(shrink)]
    pub fn remove(&mut self, turn: &mut Turn<'_>, counter: &str) -> Option<i64> {
        let removed = self.counters.remove(counter);
        if removed.is_some() {
            tell(turn, || CountersChange::Removed { counter: counter.to_owned() });
            self.bytes -= entry_bytes(counter);
        }
        removed
    }
}

impl CountersState {
    fn put(&mut self, turn: &mut Turn<'_>, counter: &str, value: i64) -> Option<i64> {
        tell(turn, || CountersChange::Set { counter: counter.to_owned(), value });
        if let Some(before) = self.counters.get_mut(counter) {
            return Some(std::mem::replace(before, value));
        }
        self.bytes += entry_bytes(counter);
        self.counters.insert(counter.to_owned(), value);
        None
    }
}

fn tell(turn: &mut Turn<'_>, change: impl FnOnce() -> CountersChange) {
    if turn.is_watched() {
        turn.tell(&change()).expect("texts and numbers encode");
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

reaches_object!(Counters);

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
    use proptest::prelude::*;

    use super::*;
    use crate::datatypes::model::{Bench, NAME};

    #[test]
    fn a_sum_that_does_not_fit_changes_nothing() {
        let mut bench = Bench::of::<CountersState>();
        assert_eq!(bench.call("set", &(NAME, "a", i64::MAX)), Ok(0_i64));

        let error = bench.call::<i64>("add", &(NAME, "a", 1)).unwrap_err();

        assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
        assert_eq!(bench.call("get", &(NAME, "a")), Ok(i64::MAX));
    }

    #[test]
    fn watchers_are_told_of_each_change() {
        let mut bench = Bench::of::<CountersState>();
        bench.call::<i64>("add", &(NAME, "a", 4)).unwrap();
        bench.call::<u64>("reset", &(NAME,)).unwrap();
        bench.call::<Option<i64>>("remove", &(NAME, "a")).unwrap();
        bench.call::<Option<i64>>("remove", &(NAME, "a")).unwrap();

        let counter = || "a".to_owned();
        let changes: Vec<CountersChange> = bench.changes.iter().map(|change| change.get().unwrap()).collect();
        assert_eq!(
            changes,
            [
                CountersChange::Set { counter: counter(), value: 4 },
                CountersChange::Reset,
                CountersChange::Removed { counter: counter() }
            ]
        );
    }

    #[test]
    fn what_is_loaded_is_counted_whatever_was_said_of_it() {
        #[derive(Serialize)]
        struct Lie {
            counters: BTreeMap<String, i64>,
            bytes: usize,
        }
        let lie = Lie { counters: BTreeMap::from([("a".to_owned(), 4)]), bytes: 0 };
        let bytes = crate::wire::encode(&lie).unwrap();

        let loaded: CountersState = crate::wire::decode(&bytes).unwrap();

        assert_eq!((loaded.get("a"), loaded.bytes()), (4, entry_bytes("a")));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(String, i64),
        Set(String, i64),
        Remove(String),
        Reset,
    }

    fn step() -> impl Strategy<Value = Step> {
        let counter = || "[abc]";
        let value = || prop_oneof![-9..10_i64, Just(i64::MAX), Just(i64::MIN)];
        prop_oneof![
            (counter(), value()).prop_map(|(counter, by)| Step::Add(counter, by)),
            (counter(), value()).prop_map(|(counter, value)| Step::Set(counter, value)),
            counter().prop_map(Step::Remove),
            Just(Step::Reset),
        ]
    }

    proptest! {
        #[test]
        fn a_group_is_a_map_of_numbers(steps in prop::collection::vec(step(), 0..60)) {
            let (mut bench, mut model) = (Bench::of::<CountersState>(), BTreeMap::<String, i64>::new());
            for step in steps {
                match step {
                    Step::Add(counter, by) => {
                        let sum = model.get(&counter).copied().unwrap_or_default().checked_add(by);
                        let done = bench.call::<i64>("add", &(NAME, &counter, by));
                        prop_assert_eq!(done.ok(), sum);
                        model.extend(sum.map(|sum| (counter, sum)));
                    }
                    Step::Set(counter, value) => {
                        let before = model.insert(counter.clone(), value).unwrap_or_default();
                        prop_assert_eq!(bench.call("set", &(NAME, &counter, value)), Ok(before));
                    }
                    Step::Remove(counter) => {
                        let before = model.remove(&counter);
                        prop_assert_eq!(bench.call("remove", &(NAME, &counter)), Ok(before));
                    }
                    Step::Reset => {
                        model.values_mut().for_each(|value| *value = 0);
                        prop_assert_eq!(bench.call("reset", &(NAME,)), Ok(model.len() as u64));
                    }
                }
                prop_assert_eq!(bench.call("sizes", &(NAME,)), Ok(model.clone()));
            }
            let names: Vec<String> = model.keys().cloned().collect();
            for counter in names {
                bench.call::<Option<i64>>("remove", &(NAME, counter)).unwrap();
            }
            prop_assert!(!bench.is_there());
        }
    }
}
