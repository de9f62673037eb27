//! A hash as the controller keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use crate::datatypes::entries::{Entries, Expiring, LimitedAdd, ttl};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, Time, Turn, Value};
use crate::wire::Shape;

/// A hash, as the controller keeps it.
///
/// `entry_ttl_ms` is how long what is stored stays there, and `ttl_ms` how long the whole hash does from now on: both
/// begin in the step that writes, and without them neither is changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HashState {
    entries: Entries<Arc<Value>>,
}

/// What watchers of a hash hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HashChange {
    /// A value was stored, whether there was one before or not.
    Set {
        /// Where.
        key: Arc<Key>,
        /// The value.
        value: Arc<Value>,
    },
    /// An entry was removed.
    Removed {
        /// Its key.
        key: Arc<Key>,
    },
    /// An entry has expired.
    Expired {
        /// Its key.
        key: Arc<Key>,
    },
    /// All entries were removed.
    Cleared,
}

#[callback(hosted = "hash")]
impl HashState {
    /// Stores a value where there is none, and says whether it did.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn add(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        entry_ttl_ms: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, DataError> {
        let done = self.limited_add(turn, key, value, u64::MAX, entry_ttl_ms, ttl_ms)?;
        Ok(done.is_added())
    }

    /// Stores a value, and says whether there was none before.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn set(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        entry_ttl_ms: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, DataError> {
        let (entry_ttl, ttl) = (ttl(entry_ttl_ms)?, ttl(ttl_ms)?);
        let before = self.put(turn, key, value, entry_ttl);
        self.arm(turn, ttl);
        Ok(before.is_none())
    }

    /// Stores a value, and returns the one that was there before.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn replace(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        ttl_ms: Option<u64>,
    ) -> Result<Option<Value>, DataError> {
        let ttl = ttl(ttl_ms)?;
        let before = self.put(turn, key, value, None);
        self.arm(turn, ttl);
        Ok(before.map(Arc::unwrap_or_clone))
    }

    /// Stores several values in one step, and says for how many keys there was none before.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn multi_set(
        &mut self,
        turn: &mut Turn<'_>,
        entries: Vec<(Key, Value)>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let ttl = ttl(ttl_ms)?;
        let before = self.entries.len();
        for (key, value) in entries {
            self.put(turn, key, value, None);
        }
        self.arm(turn, ttl);
        Ok((self.entries.len() - before) as u64)
    }

    /// The value by a key.
    pub fn get(&self, key: Key) -> Option<Value> {
        self.entries.get(&key).map(|entry| (*entry.value).clone())
    }

    /// The value by a key; if there is none, `value` is stored, and nothing returned.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn get_or_insert(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        entry_ttl_ms: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<Option<Value>, DataError> {
        let (entry_ttl, ttl) = (ttl(entry_ttl_ms)?, ttl(ttl_ms)?);
        let found = self.entries.get(&key).map(|entry| (*entry.value).clone());
        if found.is_none() {
            self.put(turn, key, value, entry_ttl);
        }
        self.arm(turn, ttl);
        Ok(found)
    }

    /// Whether there is a value by this key.
    pub fn exists(&self, key: Key) -> bool {
        self.entries.contains(&key)
    }

    /// Removes an entry, and returns its value.
    #[callback(shrink)]
    pub fn pop(&mut self, turn: &mut Turn<'_>, key: Key) -> Option<Value> {
        self.take(turn, &key).map(|(_, value)| Arc::unwrap_or_clone(value))
    }

    /// Removes some entry, and returns it.
    #[callback(shrink)]
    pub fn pop_any(&mut self, turn: &mut Turn<'_>) -> Option<(Key, Value)> {
        let key = Arc::clone(self.entries.first_key()?);
        let (_, value) = self.take(turn, &key)?;
        Some((Arc::unwrap_or_clone(key), Arc::unwrap_or_clone(value)))
    }

    /// Removes an entry, and says whether there was one.
    #[callback(shrink)]
    pub fn remove(&mut self, turn: &mut Turn<'_>, key: Key) -> bool {
        self.take(turn, &key).is_some()
    }

    /// Removes an entry if its value equals this one, and says whether it did.
    #[callback(shrink)]
    pub fn conditional_remove(&mut self, turn: &mut Turn<'_>, key: Key, value: Key) -> bool {
        let is_equal = self.entries.get(&key).is_some_and(|entry| entry.value.equals(&value));
        is_equal && self.take(turn, &key).is_some()
    }

    /// Adds to the integer by a key, and returns the sum; where there is no value it counts as 0.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the value is no integer, or it or the sum does not fit 64 bits; [`DataError::Invalid`]
    /// if the time to live is 0.
    pub fn increment(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        by: i64,
        ttl_ms: Option<u64>,
    ) -> Result<i64, DataError> {
        let ttl = ttl(ttl_ms)?;
        let entry = self.entries.get(&key);
        let (value, expires) = match entry {
            Some(entry) => (integer(&key, &entry.value)?, entry.expires),
            None => (0, None),
        };
        let sum = value.checked_add(by).ok_or_else(|| DataError::WrongValue {
            expected: format!("a sum of 64 bits by {}", shown(&key)),
            found: format!("{value} and {by} more"),
        })?;
        self.store(turn, key, Value::of(&sum)?, expires);
        self.arm(turn, ttl);
        Ok(sum)
    }

    /// Stores a value where there is none, unless there are `limit` entries already, which is looked at first.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn limited_add(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        limit: u64,
        entry_ttl_ms: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<LimitedAdd, DataError> {
        let (entry_ttl, ttl) = (ttl(entry_ttl_ms)?, ttl(ttl_ms)?);
        let done = if self.entries.len() as u64 >= limit {
            LimitedAdd::Full
        } else if self.entries.contains(&key) {
            LimitedAdd::Exists
        } else {
            self.put(turn, key, value, entry_ttl);
            LimitedAdd::Added
        };
        self.arm(turn, ttl);
        Ok(done)
    }

    /// If the value by a key equals the one expected, or there is none and none is expected, stores the new one, or
    /// removes the entry if there is no new one. Whether it did.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn compare_and_set(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        expected: Option<Key>,
        new: Option<Value>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, DataError> {
        let ttl = ttl(ttl_ms)?;
        let is_expected = match (self.entries.get(&key), &expected) {
            (Some(entry), Some(expected)) => entry.value.equals(expected),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        match new {
            _ if !is_expected => {}
            Some(new) => drop(self.put(turn, key, new, None)),
            None => drop(self.take(turn, &key)),
        }
        self.arm(turn, ttl);
        Ok(is_expected)
    }

    /// All keys.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply.
    pub fn keys(&self) -> Result<Vec<Key>, DataError> {
        self.entries.check_keys_fit_reply()?;
        Ok(self.entries.iter().map(|(key, _)| (**key).clone()).collect())
    }

    /// All values, in the order of their keys.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply.
    pub fn values(&self) -> Result<Vec<Value>, DataError> {
        self.entries.check_values_fit_reply()?;
        Ok(self.entries.iter().map(|(_, entry)| (*entry.value).clone()).collect())
    }

    /// Whether it has these entries, and no others.
    pub fn equals(&self, entries: BTreeMap<Key, Key>) -> bool {
        let is_there =
            |(key, value): (&Key, &Key)| self.entries.get(key).is_some_and(|entry| entry.value.equals(value));
        self.entries.len() == entries.len() && entries.iter().all(is_there)
    }

    /// All entries.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply.
    pub fn items(&self) -> Result<Vec<(Key, Value)>, DataError> {
        self.entries.check_fits_reply()?;
        Ok(self.entries.iter().map(|(key, entry)| ((**key).clone(), (*entry.value).clone())).collect())
    }

    /// The first entries after a key, or the first of all, and whether there are more.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if `limit` is 0.
    pub fn page(&self, after: Option<Key>, limit: u64) -> Result<(Vec<(Key, Value)>, bool), DataError> {
        let (page, has_more) = self.entries.page(after.as_ref(), limit)?;
        Ok((page.into_iter().map(|(key, value)| ((**key).clone(), (**value).clone())).collect(), has_more))
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes all entries, and says how many there were.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        let removed = self.entries.clear();
        self.arm(turn, None);
        if removed > 0 {
            tell(turn, &HashChange::Cleared);
        }
        removed
    }

    /// In how many milliseconds the entry expires, if it does.
    pub fn ttl_of(&self, turn: &Turn<'_>, key: Key) -> Option<u64> {
        self.entries.ttl_of(turn, &key)
    }

    /// Lets an entry expire after this time from now on. Whether it is there.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn set_ttl_of(&mut self, turn: &Turn<'_>, key: Key, entry_ttl_ms: u64) -> Result<bool, DataError> {
        self.entries.set_ttl_of(turn, &key, entry_ttl_ms)
    }

    /// Lets an entry stay until it is removed. Whether it would have expired.
    #[callback(shrink)]
    pub fn persist(&mut self, key: Key) -> bool {
        self.entries.persist(&key)
    }
}

impl HashState {
    /// Stores a value for so long, or for ever, whatever there was.
    fn put(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        entry_ttl: Option<Duration>,
    ) -> Option<Arc<Value>> {
        let expires = entry_ttl.map(|ttl| turn.now().after(ttl));
        self.store(turn, key, value, expires)
    }

    fn store(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        expires: Option<Time>,
    ) -> Option<Arc<Value>> {
        let (key, value) = (Arc::new(key), Arc::new(value));
        tell(turn, &HashChange::Set { key: Arc::clone(&key), value: Arc::clone(&value) });
        self.entries.put(key, value, expires)
    }

    fn take(&mut self, turn: &mut Turn<'_>, key: &Key) -> Option<(Arc<Key>, Arc<Value>)> {
        let (key, value) = self.entries.remove(key)?;
        self.arm(turn, None);
        tell(turn, &HashChange::Removed { key: Arc::clone(&key) });
        Some((key, value))
    }
}

fn integer(key: &Key, value: &Value) -> Result<i64, DataError> {
    value.get().map_err(|error| {
        let found = Shape::of(value.bytes()).map_or_else(|_| error.to_string(), |shape| shape.to_string());
        DataError::WrongValue { expected: format!("an integer of 64 bits by {}", shown(key)), found }
    })
}

/// A key in a message: texts and integers as they are, and of others what they are.
fn shown(key: &Key) -> String {
    let shape = Shape::of(key.bytes()).unwrap_or(Shape::Extension);
    match (shape, key.get::<String>()) {
        (Shape::Integer(key), _) => format!("the key {key}"),
        (_, Ok(key)) => format!("the key {key:?}"),
        (shape, Err(_)) => format!("the key that is {shape}"),
    }
}

fn tell(turn: &mut Turn<'_>, change: &HashChange) {
    turn.tell(change).expect("keys and values are bytes, and those encode");
}

impl Hosted for HashState {
    fn next_expiry(&self) -> Option<Time> {
        self.entries.next_expiry()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        while let Some((key, _)) = self.entries.pop_expired(turn) {
            tell(turn, &HashChange::Expired { key });
        }
        self.arm(turn, None);
    }

    fn is_vacant(&self) -> bool {
        self.entries.is_empty()
    }

    fn bytes(&self) -> usize {
        self.entries.bytes()
    }
}
