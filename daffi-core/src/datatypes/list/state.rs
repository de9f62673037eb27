//! A list as the controller keeps it.

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use crate::datatypes::entries::{Expiring, ttl};
use crate::datatypes::sequence::{Sequence, Slice, SortOrder};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, Turn, Value};

/// A list, as the controller keeps it.
///
/// A place below 0 counts from the end. A slice is a map of `start`, `stop` and `step`, each of which may be null, as
/// Python has it. `ttl_ms` is how long the whole list stays from now on: it begins in the step that writes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListState {
    values: Sequence,
}

#[callback(hosted = "list")]
impl ListState {
    /// Puts a value at the end, and says how many there are then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn push(&mut self, turn: &mut Turn<'_>, value: Value, ttl_ms: Option<u64>) -> Result<u64, DataError> {
        self.extend(turn, vec![value], ttl_ms)
    }

    /// Puts values at the end, and says how many there are then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn extend(
        &mut self,
        turn: &mut Turn<'_>,
        values: Vec<Value>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        self.values.splice(turn, self.values.len(), 0, values);
        self.arm(turn, ttl);
        Ok(self.len())
    }

    /// Puts a value before a place, at an end if that is beyond it. Says how many there are then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn insert(
        &mut self,
        turn: &mut Turn<'_>,
        at: i64,
        value: Value,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        self.values.splice(turn, self.values.gap(at), 0, vec![value]);
        self.arm(turn, ttl);
        Ok(self.len())
    }

    /// The value at a place.
    pub fn get(&self, at: i64) -> Option<Value> {
        self.values.get(at)
    }

    /// Replaces the value at a place.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if there is none, or a time to live is 0.
    pub fn set(
        &mut self,
        turn: &mut Turn<'_>,
        at: i64,
        value: Value,
        ttl_ms: Option<u64>,
    ) -> Result<(), DataError> {
        let (at, ttl) = (self.values.place_or_refuse(at)?, ttl(ttl_ms)?);
        self.values.set(turn, at, value);
        self.arm(turn, ttl);
        Ok(())
    }

    /// Removes the value at a place, and returns it.
    #[callback(shrink)]
    pub fn pop_at(&mut self, turn: &mut Turn<'_>, at: i64) -> Option<Value> {
        let value = self.values.take(turn, at)?;
        self.arm(turn, None);
        Some(value)
    }

    /// Removes the first value that equals this one, and says whether there was one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if there are too many or too large values to search.
    #[callback(shrink)]
    pub fn remove(&mut self, turn: &mut Turn<'_>, value: Key) -> Result<bool, DataError> {
        let was_there = self.values.remove(turn, &value)?;
        self.arm(turn, None);
        Ok(was_there)
    }

    /// The place of the first value of a slice that equals this one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the slice has too many or too large values to search, or a step of 0.
    pub fn index(&self, value: Key, within: Slice) -> Result<Option<u64>, DataError> {
        self.values.index(&value, within)
    }

    /// How many values equal this one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if there are too many or too large values to search.
    pub fn count(&self, value: Key) -> Result<u64, DataError> {
        self.values.count(&value)
    }

    /// The values of a slice, in its order.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply, or the slice has a step of 0.
    pub fn slice(&self, slice: Slice) -> Result<Vec<Value>, DataError> {
        self.values.slice(slice)
    }

    /// Puts values in place of a slice, and says how many there are then in all. A slice with a step takes as many as it
    /// has.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if it has another number, its step or a time to live is 0.
    pub fn set_slice(
        &mut self,
        turn: &mut Turn<'_>,
        slice: Slice,
        values: Vec<Value>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        self.values.set_slice(turn, slice, values)?;
        self.arm(turn, ttl);
        Ok(self.len())
    }

    /// Removes the values of a slice, and says how many there were.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the slice has a step of 0, or one and is too long.
    #[callback(shrink)]
    pub fn remove_slice(&mut self, turn: &mut Turn<'_>, slice: Slice) -> Result<u64, DataError> {
        let removed = self.values.remove_slice(turn, slice)?;
        self.arm(turn, None);
        Ok(removed)
    }

    /// Sorts all values; what is equal stays in its order.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many or too large.
    #[callback(shrink)]
    pub fn sort(&mut self, turn: &mut Turn<'_>, order: SortOrder) -> Result<(), DataError> {
        self.values.sort(turn, order)
    }

    /// Turns all values round: the first is the last then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if there are too many.
    #[callback(shrink)]
    pub fn reverse(&mut self, turn: &mut Turn<'_>) -> Result<(), DataError> {
        self.values.reverse(turn)
    }

    /// Has all values so many times one after the other, and says how many there are then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is more than a step adds, or a time to live is 0.
    pub fn repeat(&mut self, turn: &mut Turn<'_>, times: u64, ttl_ms: Option<u64>) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        self.values.repeat(turn, times)?;
        self.arm(turn, ttl);
        Ok(self.len())
    }

    /// Whether these are all values, in this order.
    pub fn equals(&self, values: Vec<Key>) -> bool {
        self.values.equals(&values)
    }

    /// The values from a place on, as many as fit a page, and whether there are more.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if `limit` is 0.
    pub fn page(&self, start: u64, limit: u64) -> Result<(Vec<Value>, bool), DataError> {
        self.values.page(start, limit)
    }

    /// How many values there are.
    pub fn len(&self) -> u64 {
        self.values.len() as u64
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Removes all values, and says how many there were.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        let removed = self.values.clear(turn);
        self.arm(turn, None);
        removed
    }
}

impl Hosted for ListState {
    fn is_vacant(&self) -> bool {
        self.values.is_empty()
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }
}
