//! A deque as the controller keeps it.

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use crate::datatypes::entries::{Expiring, ttl};
use crate::datatypes::sequence::{Sequence, Slice};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, Turn, Value};

/// A deque, as the controller keeps it.
///
/// `maxlen` is how many values there may be, which is kept with the deque: the first to name one decides, and whoever
/// names another is refused. A place below 0 counts from the end. `ttl_ms` is how long the whole deque stays from now on:
/// it begins in the step that writes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Saved")]
pub struct DequeState {
    values: Sequence,
    maxlen: Option<u64>,
}

/// A deque as it was saved, if it is one.
#[derive(Deserialize)]
struct Saved {
    values: Sequence,
    maxlen: Option<u64>,
}

impl TryFrom<Saved> for DequeState {
    type Error = String;

    fn try_from(Saved { values, maxlen }: Saved) -> Result<Self, String> {
        match maxlen {
            Some(maxlen) if values.len() as u64 > maxlen => {
                Err(format!("a deque of {} values that may have {maxlen}", values.len()))
            }
            _ => Ok(Self { values, maxlen }),
        }
    }
}

#[callback(hosted = "deque")]
impl DequeState {
    /// Says how many values there may be, if not any number, which is settled by this if it was not yet.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] for another `maxlen` than it has.
    pub fn open(&mut self, maxlen: Option<u64>) -> Result<Option<u64>, DataError> {
        self.maxlen = self.agreed(maxlen)?;
        Ok(self.maxlen)
    }

    /// How many values there may be, if not any number.
    pub fn maxlen(&self) -> Option<u64> {
        self.maxlen
    }

    /// Puts a value at the end, and says how many there are then. If it was full, the first is gone.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] for another `maxlen` than it has; [`DataError::Invalid`] if a time to live is 0.
    pub fn push_back(
        &mut self,
        turn: &mut Turn<'_>,
        value: Value,
        maxlen: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        self.extend(turn, vec![value], maxlen, ttl_ms)
    }

    /// Puts a value at the front, and says how many there are then. If it was full, the last is gone.
    ///
    /// # Errors
    /// As `push_back`.
    pub fn push_front(
        &mut self,
        turn: &mut Turn<'_>,
        value: Value,
        maxlen: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        self.extend_left(turn, vec![value], maxlen, ttl_ms)
    }

    /// Puts values at the end one after the other, and says how many there are then. What is too many is gone from the
    /// front.
    ///
    /// # Errors
    /// As `push_back`.
    pub fn extend(
        &mut self,
        turn: &mut Turn<'_>,
        mut values: Vec<Value>,
        maxlen: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        self.maxlen = self.agreed(maxlen)?;
        values.drain(..values.len().saturating_sub(self.max()));
        let gone = (self.values.len() + values.len()).saturating_sub(self.max());
        self.values.splice(turn, 0, gone, Vec::new());
        self.values.splice(turn, self.values.len(), 0, values);
        self.arm(turn, ttl);
        Ok(self.len())
    }

    /// Puts values at the front one after the other, so that the last of them is the first, and says how many there are
    /// then. What is too many is gone from the end.
    ///
    /// # Errors
    /// As `push_back`.
    pub fn extend_left(
        &mut self,
        turn: &mut Turn<'_>,
        mut values: Vec<Value>,
        maxlen: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        self.maxlen = self.agreed(maxlen)?;
        values.reverse();
        values.truncate(self.max());
        let gone = (self.values.len() + values.len()).saturating_sub(self.max());
        self.values.splice(turn, self.values.len() - gone, gone, Vec::new());
        self.values.splice(turn, 0, 0, values);
        self.arm(turn, ttl);
        Ok(self.len())
    }

    /// Puts a value before a place, at an end if that is beyond it. Says how many there are then.
    ///
    /// # Errors
    /// [`DataError::Full`] if there are as many as may be; as `push_back` otherwise.
    pub fn insert(
        &mut self,
        turn: &mut Turn<'_>,
        at: i64,
        value: Value,
        maxlen: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let (ttl, maxlen) = (ttl(ttl_ms)?, self.agreed(maxlen)?);
        if let Some(max) = maxlen.filter(|max| self.len() >= *max) {
            return Err(DataError::Full { what: format!("the deque has reached its maxlen, {max}") });
        }
        self.maxlen = maxlen;
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

    /// Moves so many values from the end to the front, or, below 0, from the front to the end: any number.
    #[callback(shrink)]
    pub fn rotate(&mut self, turn: &mut Turn<'_>, by: i64) {
        self.values.rotate(turn, by);
    }

    /// Turns all values round: the first is the last then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if there are too many.
    #[callback(shrink)]
    pub fn reverse(&mut self, turn: &mut Turn<'_>) -> Result<(), DataError> {
        self.values.reverse(turn)
    }

    /// Has all values so many times one after the other, and says how many there are then. What is too many is gone from
    /// the front.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is more than a step adds, or a time to live is 0.
    pub fn repeat(&mut self, turn: &mut Turn<'_>, times: u64, ttl_ms: Option<u64>) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        // Full it is the same however often, and so it need not have more than that in between.
        let needed = self.maxlen.map_or(times, |max| max.div_ceil(self.len().max(1)).max(1));
        self.values.repeat(turn, times.min(needed))?;
        self.values.splice(turn, 0, self.values.len().saturating_sub(self.max()), Vec::new());
        self.arm(turn, ttl);
        Ok(self.len())
    }

    /// Whether these are all values, in this order.
    pub fn equals(&self, values: Vec<Key>) -> bool {
        self.values.equals(&values)
    }

    /// All values.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply.
    pub fn to_vec(&self) -> Result<Vec<Value>, DataError> {
        self.values.slice(Slice::default())
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

    /// Removes all values, and says how many there were. How many there may be stays.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        let removed = self.values.clear(turn);
        self.arm(turn, None);
        removed
    }
}

impl DequeState {
    /// How many values there may be where this many are asked for. One without values and bound is as good as absent.
    fn agreed(&self, asked: Option<u64>) -> Result<Option<u64>, DataError> {
        let Some(max) = asked.filter(|_| asked != self.maxlen) else { return Ok(self.maxlen) };
        if self.is_vacant() {
            return Ok(asked);
        }
        let found =
            self.maxlen.map_or_else(|| "one without".to_owned(), |max| format!("one of maxlen {max}"));
        Err(DataError::WrongValue { expected: format!("a deque of maxlen {max}"), found })
    }

    fn max(&self) -> usize {
        self.maxlen.map_or(usize::MAX, |maxlen| usize::try_from(maxlen).unwrap_or(usize::MAX))
    }
}

impl Hosted for DequeState {
    /// With a bound it is there without values as well, and goes when its time is over.
    fn is_vacant(&self) -> bool {
        self.values.is_empty() && self.maxlen.is_none()
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }
}
