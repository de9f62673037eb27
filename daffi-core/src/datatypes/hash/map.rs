//! A hash by the names that maps have.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::Hash;
use crate::api::Operation;
use crate::datatypes::like::Like;
use crate::error::DataError;
use crate::hosted::{Key, Value};

/// # The interface of a map
///
/// The names of the standard library's maps and of Python's `dict`, for what a [`Dict`](super::Dict) is used as.
impl<K, V> Hash<K, V>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    /// Stores a value, and returns the one that was there before: the same as [`replace`](Self::replace).
    pub fn insert(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<Option<V>> {
        self.replace(key, value)
    }

    /// Whether there is a value by this key: the same as [`exists`](Self::exists).
    pub fn contains(&self, key: impl Like<K>) -> Operation<bool> {
        self.exists(key)
    }

    /// Stores several values in one step, and says for how many keys there was none before: the same as
    /// [`multi_set`](Self::multi_set).
    pub fn update(&self, entries: impl IntoIterator<Item = (impl Like<K>, impl Like<V>)>) -> Operation<u64> {
        self.multi_set(entries)
    }

    /// Removes some entry, and returns it, or `None` if there is none: the same as [`pop_any`](Self::pop_any).
    pub fn popitem(&self) -> Operation<Option<(K, V)>> {
        self.pop_any()
    }

    /// All values, at one moment, in the order of their [keys](Self::keys).
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](crate::config::BODY_BYTES_MAX):
    /// [`iter`](Self::iter) has no bound.
    pub fn values(&self) -> Operation<Vec<V>> {
        self.object.values().and_then(|values| values.iter().map(Value::get).collect())
    }

    /// All entries, at one moment: the same as [`items`](Self::items).
    ///
    /// # Errors
    /// As [`items`](Self::items).
    pub fn to_map(&self) -> Operation<BTreeMap<K, V>>
    where
        K: Ord,
    {
        self.items()
    }

    /// Whether these are its entries, and there are no others. The controller compares them, at one moment, and values are
    /// equal as keys are: the order of a map's pairs makes no difference, and `1` and `1.0` differ. Of a key that comes
    /// twice the last value counts.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a value has NaN in it, which equals nothing.
    pub fn equals(&self, entries: impl IntoIterator<Item = (impl Like<K>, impl Like<V>)>) -> Operation<bool> {
        let entries = entries
            .into_iter()
            .map(|(key, value)| -> Result<_, DataError> { Ok((Key::of(&key)?, Key::of(&value)?)) });
        Operation::of(|| {
            let entries = entries.collect::<Result<_, DataError>>()?;
            Ok::<_, DataError>(self.object.equals(entries))
        })
    }
}
