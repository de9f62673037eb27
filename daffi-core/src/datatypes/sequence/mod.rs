//! Values one after the other, by place: what lists and deques are made of.

mod rope;
pub(super) mod slice;
#[cfg(test)]
pub(super) mod tests;
mod typed;

use std::cmp::Reverse;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::rope::Rope;
pub use self::slice::Slice;
use self::slice::Span;
pub(super) use self::typed::{by_place, keys, opened, opened_all, values};
use super::entries::{HEAD_BYTES, check_reply, check_work, page};
use crate::config;
use crate::error::DataError;
use crate::hosted::order::sort_key;
use crate::hosted::{Key, Turn, Value};

/// Which way values are sorted.
///
/// The order is one of all values that can be kept: null, truth values, numbers by what they are worth (an integer before
/// the float that is worth as much), texts and bytes by their bytes, lists by the first place in which they differ, maps
/// by how many pairs they have and then by these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SortOrder {
    /// The smallest first.
    #[default]
    Ascending,
    /// The largest first: Python's `reverse=True`. What is equal stays in its order.
    Descending,
}

/// What watchers of a list or a deque hear. Places count from 0, as they were before the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ListChange {
    /// So many values from a place on made way for these.
    Spliced {
        /// The place.
        at: u64,
        /// How many values were removed.
        removed: u64,
        /// What stands there now.
        inserted: Vec<Arc<Value>>,
    },
    /// A value was replaced.
    Set {
        /// Where.
        at: u64,
        /// What stands there now.
        value: Arc<Value>,
    },
    /// Values were replaced, one every so many places.
    Replaced {
        /// The first place.
        at: u64,
        /// How far the next is.
        step: u64,
        /// What stands there now.
        values: Vec<Arc<Value>>,
    },
    /// Values were removed, one every so many places.
    Thinned {
        /// The first place.
        at: u64,
        /// How far the next is.
        step: u64,
        /// How many values were removed.
        count: u64,
    },
    /// All values were sorted.
    Sorted(SortOrder),
    /// The first is the last now.
    Reversed,
    /// So many values from the end came to the front, one after the other.
    Rotated(u64),
    /// All values were removed.
    Cleared,
}

/// Values by place. Copies are cheap, so that a batch can undo what it did.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequence {
    values: Rope<Arc<Value>>,
}

impl Sequence {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About what it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.values.bytes() + self.len() * VALUE_BYTES
    }

    /// Where there is a value: below 0 it counts from the end.
    pub(super) fn place(&self, at: i64) -> Option<usize> {
        let from_front = if at < 0 { i128::from(at) + self.len() as i128 } else { i128::from(at) };
        usize::try_from(from_front).ok().filter(|at| *at < self.len())
    }

    /// The same where there must be one.
    pub(super) fn place_or_refuse(&self, at: i64) -> Result<usize, DataError> {
        self.place(at).ok_or_else(|| {
            DataError::invalid(format!("no value at the place {at}: there are {}", self.len()))
        })
    }

    /// Before which place something is put in: as Python's `insert`, beyond an end at that end.
    pub(super) fn gap(&self, at: i64) -> usize {
        let len = self.len() as i128;
        let from_front = if at < 0 { i128::from(at) + len } else { i128::from(at) };
        usize::try_from(from_front.clamp(0, len)).expect("no more than the length")
    }

    pub(super) fn get(&self, at: i64) -> Option<Value> {
        self.values.get(self.place(at)?).map(|value| (**value).clone())
    }

    pub(super) fn set(&mut self, turn: &mut Turn<'_>, at: usize, value: Value) {
        let value = Arc::new(value);
        tell(turn, &ListChange::Set { at: at as u64, value: Arc::clone(&value) });
        self.values.set(at, value);
    }

    /// Puts values in place of so many from a place on.
    pub(super) fn splice(&mut self, turn: &mut Turn<'_>, at: usize, removed: usize, values: Vec<Value>) {
        self.put(turn, at, removed, values.into_iter().map(Arc::new).collect());
    }

    fn put(&mut self, turn: &mut Turn<'_>, at: usize, removed: usize, values: Vec<Arc<Value>>) {
        if removed == 0 && values.is_empty() {
            return;
        }
        if turn.is_watched() {
            let (at, removed, inserted) = (at as u64, removed as u64, values.clone());
            tell(turn, &ListChange::Spliced { at, removed, inserted });
        }
        let mut rest = self.values.split_off(at);
        let rest = rest.split_off(removed);
        self.values.append(values.into_iter().collect());
        self.values.append(rest);
    }

    /// Removes the value at a place.
    pub(super) fn take(&mut self, turn: &mut Turn<'_>, at: i64) -> Option<Value> {
        let at = self.place(at)?;
        let value = Arc::clone(self.values.get(at)?);
        self.put(turn, at, 1, Vec::new());
        Some(Arc::unwrap_or_clone(value))
    }

    /// The values of a slice, in its order.
    pub(super) fn slice(&self, slice: Slice) -> Result<Vec<Value>, DataError> {
        let span = slice.of(self.len())?;
        let (mut values, mut bytes) = (Vec::new(), 0);
        for value in self.of_span(span) {
            bytes += value.bytes().len() + HEAD_BYTES;
            check_reply(bytes)?;
            values.push((**value).clone());
        }
        Ok(values)
    }

    fn of_span(&self, span: Span) -> Box<dyn Iterator<Item = &Arc<Value>> + '_> {
        match span {
            Span { step: 1, is_backwards: false, first, count, .. } => {
                Box::new(self.values.iter_from(first).take(count))
            }
            Span { is_backwards: false, .. } => Box::new(span.places().filter_map(|at| self.values.get(at))),
            Span { is_backwards: true, .. } => {
                Box::new(span.places().rev().filter_map(|at| self.values.get(at)))
            }
        }
    }

    /// Puts values in place of a slice: any number if its step is 1, else as many as it has.
    pub(super) fn set_slice(
        &mut self,
        turn: &mut Turn<'_>,
        slice: Slice,
        values: Vec<Value>,
    ) -> Result<(), DataError> {
        let span = slice.of(self.len())?;
        if span.is_contiguous {
            self.splice(turn, span.first, span.count, values);
            return Ok(());
        }
        if values.len() != span.count {
            let (given, places) = (values.len(), span.count);
            return Err(DataError::invalid(format!(
                "{given} values for a slice of {places} places: {slice}"
            )));
        }
        let mut values: Vec<Arc<Value>> = values.into_iter().map(Arc::new).collect();
        if span.is_backwards {
            values.reverse();
        }
        if turn.is_watched() && span.count > 0 {
            let (at, step, values) = (span.first as u64, span.step as u64, values.clone());
            tell(turn, &ListChange::Replaced { at, step, values });
        }
        for (at, value) in span.places().zip(values) {
            self.values.set(at, value);
        }
        Ok(())
    }

    /// Removes a slice, and says how many values it had.
    pub(super) fn remove_slice(&mut self, turn: &mut Turn<'_>, slice: Slice) -> Result<u64, DataError> {
        let span = slice.of(self.len())?;
        if span.step == 1 {
            self.put(turn, span.first, span.count, Vec::new());
        } else if span.count > 0 {
            check_walk(span.width())?;
            let (at, step, count) = (span.first as u64, span.step as u64, span.count as u64);
            tell(turn, &ListChange::Thinned { at, step, count });
            let mut middle = self.values.split_off(span.first);
            let rest = middle.split_off(span.width());
            let kept = middle.iter_from(0).enumerate().filter(|(at, _)| at % span.step != 0);
            self.values.append(kept.map(|(_, value)| Arc::clone(value)).collect());
            self.values.append(rest);
        }
        Ok(span.count as u64)
    }

    /// The first place of a slice, in its order, where this value is.
    pub(super) fn index(&self, value: &Key, within: Slice) -> Result<Option<u64>, DataError> {
        let span = within.of(self.len())?;
        check_walk(span.count)?;
        let mut bytes = 0;
        for (at, found) in self.of_span(span).enumerate() {
            bytes += found.bytes().len();
            check_bytes(bytes)?;
            if found.equals(value) {
                let at = if span.is_backwards { span.count - 1 - at } else { at };
                return Ok(Some((span.first + at * span.step) as u64));
            }
        }
        Ok(None)
    }

    /// How often this value is there.
    pub(super) fn count(&self, value: &Key) -> Result<u64, DataError> {
        check_walk(self.len())?;
        check_bytes(self.values.bytes())?;
        Ok(self.values.iter_from(0).filter(|found| found.equals(value)).count() as u64)
    }

    /// Removes the first of these values, and says whether there was one.
    pub(super) fn remove(&mut self, turn: &mut Turn<'_>, value: &Key) -> Result<bool, DataError> {
        let at = self.index(value, Slice::default())?;
        if let Some(at) = at {
            self.put(turn, at as usize, 1, Vec::new());
        }
        Ok(at.is_some())
    }

    pub(super) fn sort(&mut self, turn: &mut Turn<'_>, order: SortOrder) -> Result<(), DataError> {
        check_walk(self.len())?;
        check_bytes(self.values.bytes())?;
        let mut values: Vec<Arc<Value>> = self.values.iter_from(0).cloned().collect();
        match order {
            SortOrder::Ascending => values.sort_by_cached_key(|value| sort_key(value.bytes())),
            SortOrder::Descending => values.sort_by_cached_key(|value| Reverse(sort_key(value.bytes()))),
        }
        self.values = values.into_iter().collect();
        tell(turn, &ListChange::Sorted(order));
        Ok(())
    }

    pub(super) fn reverse(&mut self, turn: &mut Turn<'_>) -> Result<(), DataError> {
        check_walk(self.len())?;
        let mut values: Vec<Arc<Value>> = self.values.iter_from(0).cloned().collect();
        values.reverse();
        self.values = values.into_iter().collect();
        tell(turn, &ListChange::Reversed);
        Ok(())
    }

    /// Moves so many values from the end to the front, or, below 0, from the front to the end.
    pub(super) fn rotate(&mut self, turn: &mut Turn<'_>, by: i64) {
        let by = i128::from(by).checked_rem_euclid(self.len() as i128).unwrap_or_default();
        if by == 0 {
            return;
        }
        tell(turn, &ListChange::Rotated(by as u64));
        let mut end = self.values.split_off(self.len() - by as usize);
        end.append(std::mem::take(&mut self.values));
        self.values = end;
    }

    /// Has all values so many times one after the other.
    pub(super) fn repeat(&mut self, turn: &mut Turn<'_>, times: u64) -> Result<(), DataError> {
        let Some(more) = times.checked_sub(1) else {
            self.clear(turn);
            return Ok(());
        };
        if more == 0 || self.is_empty() {
            return Ok(());
        }
        let once = (self.values.bytes() + self.len() * HEAD_BYTES) as u128;
        let limit = config::BODY_BYTES_MAX;
        if u128::from(more) * once > limit as u128 {
            let what =
                format!("{times} times is more than the {limit} bytes that one step adds: use `extend`");
            return Err(DataError::invalid(what));
        }
        let all: Vec<Arc<Value>> = self.values.iter_from(0).cloned().collect();
        let len = self.len();
        self.put(turn, len, 0, all.iter().cycle().take(more as usize * len).cloned().collect());
        Ok(())
    }

    /// Removes all, and says how many there were.
    pub(super) fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        let removed = std::mem::take(&mut self.values).len() as u64;
        if removed > 0 {
            tell(turn, &ListChange::Cleared);
        }
        removed
    }

    /// Whether these are its values, in this order.
    pub(super) fn equals(&self, values: &[Key]) -> bool {
        let is_equal = |(one, other): (&Arc<Value>, &Key)| one.equals(other);
        self.len() == values.len() && self.values.iter_from(0).zip(values).all(is_equal)
    }

    /// As many as fit a page of those from a place on, and whether there are more.
    pub(super) fn page(&self, start: u64, limit: u64) -> Result<(Vec<Value>, bool), DataError> {
        let rest = self.values.iter_from(usize::try_from(start).unwrap_or(usize::MAX));
        let (page, has_more) = page(rest, limit, |value| value.bytes().len() + HEAD_BYTES)?;
        Ok((page.into_iter().map(|value| (**value).clone()).collect(), has_more))
    }
}

fn tell(turn: &mut Turn<'_>, change: &ListChange) {
    turn.tell(change).expect("values are bytes, and those encode");
}

fn check_walk(values: usize) -> Result<(), DataError> {
    check_work(values, config::LIST_WALK_MAX, "values")
}

fn check_bytes(bytes: usize) -> Result<(), DataError> {
    check_work(bytes, config::LIST_WALK_BYTES_MAX, "bytes of values")
}

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values.iter_from(0))
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<Arc<Value>>::deserialize(deserializer)?;
        Ok(Self { values: values.into_iter().collect() })
    }
}

/// What a value takes beside its bytes, about: the two allocations that it is in, and its part of a leaf.
const VALUE_BYTES: usize = 88;
