//! The handle of a hash.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::HashState;
use crate::api::{Kept, Operation};
use crate::config;
use crate::datatypes::entries::{LimitedAdd, ttl_ms};
use crate::datatypes::like::Like;
use crate::datatypes::pages::Pages;
use crate::error::DataError;
use crate::hosted::{Key, Value};
use crate::node::Node;

/// A map that all nodes share: each key has one value. Howler's `Hash` and `ExpiringHash`.
///
/// Every operation is one step in the controller: two nodes that [`increment`](Self::increment) do not lose each
/// other's sum. Keys are equal if they are in the mesh's one form of values: the order of a map's pairs makes no
/// difference, and `1` and `1.0` are two keys. NaN is no key ([`DataError::Invalid`]). A value that is absent is `None`,
/// also where a stored one may be null: with `V = Option<T>`, that is `Some(None)`.
///
/// Dropping a handle removes nothing: [`clear`](Self::clear) does. A hash without entries is as one that never was.
///
/// # Time to live
/// Of the whole: by a handle [with a TTL](Self::ttl). Of an entry: [`set_for`](Self::set_for) and its like. The first of
/// the two that is over counts. Reading renews neither.
///
/// # Errors
/// Beside what each method says, [`DataError::WrongValue`] where another than `K` or `V` was stored, by a handle of
/// other types.
pub struct Hash<K, V> {
    pub(super) object: <HashState as Kept>::Client,
    ttl: Option<Duration>,
    types: PhantomData<fn() -> (K, V)>,
}

reaches_object!(Hash<K, V>);

/// A [`Hash`](struct@Hash) as a map: Pottery's `RedisDict`.
///
/// `d[k]` is [`get`](Hash::get), `d[k] = v` [`set`](Hash::set), `k in d` [`contains`](Hash::contains), `del d[k]`
/// [`remove`](Hash::remove), `setdefault` [`get_or_insert`](Hash::get_or_insert), `to_dict` [`to_map`](Hash::to_map), `==`
/// [`equals`](Hash::equals); `insert`, `update`, `pop`, `popitem`, `keys`, `values`, `items`, `len` and `clear` have their
/// own names. Where Python raises a `KeyError` there is `None` or `false`.
pub type Dict<K, V> = Hash<K, V>;

impl Node {
    /// The hash of this name. Nothing is sent.
    pub fn hash<K, V>(&self, name: impl Into<Arc<str>>) -> Hash<K, V> {
        Hash { object: self.object::<HashState>(name), ttl: None, types: PhantomData }
    }

    /// The same as [`hash`](Self::hash): a dict and a hash of one name are one object.
    pub fn dict<K, V>(&self, name: impl Into<Arc<str>>) -> Dict<K, V> {
        self.hash(name)
    }
}

impl<K, V> Hash<K, V> {
    /// The hash's name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Lets whatever this handle stores keep the whole hash for so long: each of its writes begins the time anew, in the
    /// same step. Removing and reading do not. As Howler's `ExpiringHash`, whose default is a day.
    ///
    /// Other handles leave the time as it is. When it is over, the hash is gone with all entries; once it is empty, for
    /// whatever reason, it has no time to live. Parts of a millisecond count as one; no time at all makes the
    /// operations fail with [`DataError::Invalid`].
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// The value by a key, as it lies there.
    pub(in crate::datatypes) fn read(&self, key: Key) -> Operation<Option<Value>> {
        self.object.get(key)
    }

    /// Stores a value as it is, or with none removes what is there.
    pub(in crate::datatypes) fn write(&self, key: Key, value: Option<Value>) -> Operation<bool> {
        match (value, self.ttl_ms()) {
            (None, _) => self.object.remove(key),
            (Some(value), Ok(ttl_ms)) => self.object.set(key, value, None, ttl_ms),
            (Some(_), Err(error)) => Operation::failed(error),
        }
    }

    /// Stores several values as they are.
    pub(in crate::datatypes) fn write_all(&self, entries: Vec<(Key, Value)>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.multi_set(entries, self.ttl_ms()?)))
    }

    /// The value by a key as it lies there; if there is none, this one is stored.
    pub(in crate::datatypes) fn read_or_write(&self, key: Key, value: Value) -> Operation<Option<Value>> {
        Operation::of(|| Ok::<_, DataError>(self.object.get_or_insert(key, value, None, self.ttl_ms()?)))
    }

    fn ttl_ms(&self) -> Result<Option<u64>, DataError> {
        self.ttl.map(ttl_ms).transpose()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
impl<K, V> Hash<K, V>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    /// Stores a value where there is none, and says whether it did. One that is there stays as it is.
    pub fn add(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<bool> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            Ok::<_, DataError>(self.object.add(key, value, None, self.ttl_ms()?))
        })
    }

    /// As [`add`](Self::add), for so long: then the entry goes by itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn add_for(&self, key: impl Like<K>, value: impl Like<V>, ttl: Duration) -> Operation<bool> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            Ok::<_, DataError>(self.object.add(key, value, Some(ttl_ms(ttl)?), self.ttl_ms()?))
        })
    }

    /// Stores a value, and says whether there was none before. The entry has no time to live of its own any more.
    pub fn set(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<bool> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            Ok::<_, DataError>(self.object.set(key, value, None, self.ttl_ms()?))
        })
    }

    /// As [`set`](Self::set), for so long: then the entry goes by itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn set_for(&self, key: impl Like<K>, value: impl Like<V>, ttl: Duration) -> Operation<bool> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            Ok::<_, DataError>(self.object.set(key, value, Some(ttl_ms(ttl)?), self.ttl_ms()?))
        })
    }

    /// Stores a value as [`set`](Self::set), and returns the one that was there before.
    pub fn replace(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<Option<V>> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            Ok::<_, DataError>(self.object.replace(key, value, self.ttl_ms()?).and_then(opened))
        })
    }

    /// Stores several values in one step, and says for how many keys there was none before. Of a key that comes twice
    /// the last value stays.
    pub fn multi_set(
        &self,
        entries: impl IntoIterator<Item = (impl Like<K>, impl Like<V>)>,
    ) -> Operation<u64> {
        let entries = entries
            .into_iter()
            .map(|(key, value)| -> Result<_, DataError> { Ok((Key::of(&key)?, Value::of(&value)?)) });
        Operation::of(|| Ok::<_, DataError>(self.write_all(entries.collect::<Result<_, DataError>>()?)))
    }

    /// The value by a key.
    pub fn get(&self, key: impl Like<K>) -> Operation<Option<V>> {
        Operation::of(|| Ok::<_, DataError>(self.object.get(Key::of(&key)?).and_then(opened)))
    }

    /// The value by a key, which is this one now if there was none.
    pub fn get_or_insert(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<V> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            let found = self.read_or_write(key, value.clone());
            Ok::<_, DataError>(found.and_then(move |found| found.unwrap_or(value).get()))
        })
    }

    /// As [`get_or_insert`](Self::get_or_insert), for so long if it is stored: then the entry goes by itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn get_or_insert_for(&self, key: impl Like<K>, value: impl Like<V>, ttl: Duration) -> Operation<V> {
        Operation::of(|| {
            let (key, value, entry_ttl) = (Key::of(&key)?, Value::of(&value)?, Some(ttl_ms(ttl)?));
            let found = self.object.get_or_insert(key, value.clone(), entry_ttl, self.ttl_ms()?);
            Ok::<_, DataError>(found.and_then(move |found| found.unwrap_or(value).get()))
        })
    }

    /// Whether there is a value by this key.
    pub fn exists(&self, key: impl Like<K>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.exists(Key::of(&key)?)))
    }

    /// Removes an entry, and returns its value. If the reply is lost, so is the value.
    pub fn pop(&self, key: impl Like<K>) -> Operation<Option<V>> {
        Operation::of(|| Ok::<_, DataError>(self.object.pop(Key::of(&key)?).and_then(opened)))
    }

    /// Removes some entry, and returns it; which one is not said. If the reply is lost, so is the entry.
    pub fn pop_any(&self) -> Operation<Option<(K, V)>> {
        self.object.pop_any().and_then(|entry| entry.map(|(key, value)| open(key, value)).transpose())
    }

    /// Removes an entry, and says whether there was one.
    pub fn remove(&self, key: impl Like<K>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove(Key::of(&key)?)))
    }

    /// Removes an entry if its value equals this one, and says whether it did. Values are equal as keys are.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the value has NaN in it, which equals nothing.
    pub fn conditional_remove(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.conditional_remove(Key::of(&key)?, Key::of(&value)?)))
    }

    /// Adds `by` to the integer by a key, and returns the sum; where there is no value it counts as 0. An entry's own
    /// time to live goes on.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the value is no integer, or it or the sum does not fit 64 bits: `1.5` and `1.0` are
    /// none.
    pub fn increment(&self, key: impl Like<K>, by: i64) -> Operation<i64> {
        Operation::of(|| Ok::<_, DataError>(self.object.increment(Key::of(&key)?, by, self.ttl_ms()?)))
    }

    /// Stores a value where there is none, unless the hash has `limit` entries already. The limit is looked at first, as
    /// in Howler: once it is reached, a key that is there makes it [`LimitedAdd::Full`] too.
    pub fn limited_add(&self, key: impl Like<K>, value: impl Like<V>, limit: u64) -> Operation<LimitedAdd> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            Ok::<_, DataError>(self.object.limited_add(key, value, limit, None, self.ttl_ms()?))
        })
    }

    /// As [`limited_add`](Self::limited_add), for so long: then the entry goes by itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn limited_add_for(
        &self,
        key: impl Like<K>,
        value: impl Like<V>,
        limit: u64,
        ttl: Duration,
    ) -> Operation<LimitedAdd> {
        Operation::of(|| {
            let (key, value, entry_ttl) = (Key::of(&key)?, Value::of(&value)?, Some(ttl_ms(ttl)?));
            Ok::<_, DataError>(self.object.limited_add(key, value, limit, entry_ttl, self.ttl_ms()?))
        })
    }

    /// If the value by a key equals `expected`, or if there is none and none is expected, stores `new`, or removes the
    /// entry if that is `None`. Says whether it did. Values are equal as keys are.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if `expected` has NaN in it, which equals nothing.
    pub fn compare_and_set(
        &self,
        key: impl Like<K>,
        expected: Option<&V>,
        new: Option<&V>,
    ) -> Operation<bool> {
        Operation::of(|| {
            let (expected, new) = (expected.map(Key::of).transpose()?, new.map(Value::of).transpose()?);
            Ok::<_, DataError>(self.object.compare_and_set(Key::of(&key)?, expected, new, self.ttl_ms()?))
        })
    }

    /// All keys, at one moment.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX): [`iter`](Self::iter) has
    /// no bound.
    pub fn keys(&self) -> Operation<Vec<K>> {
        self.object.keys().and_then(|keys| keys.iter().map(Key::get).collect())
    }

    /// All entries, at one moment.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX): [`iter`](Self::iter) has
    /// no bound. [`DataError::WrongValue`] also if two keys are one as `K`s.
    pub fn items(&self) -> Operation<BTreeMap<K, V>>
    where
        K: Ord,
    {
        self.object.items().and_then(|items| {
            let count = items.len();
            let items = items.into_iter().map(|(key, value)| open(key, value));
            let map = items.collect::<Result<BTreeMap<K, V>, _>>()?;
            // As 1 and 1.0 are if both are read as floats: leaving one out in silence would be worse.
            if map.len() < count {
                let (expected, found) = (format!("{count} different keys"), format!("{}", map.len()));
                return Err(DataError::WrongValue { expected, found });
            }
            Ok(map)
        })
    }

    /// A walk over all entries, page by page. Entries that are there throughout come exactly once; others that come or
    /// go meanwhile may be among them or not.
    pub fn iter(&self) -> Pages<(K, V)> {
        let object = self.object.clone();
        Pages::new(&self.object, move |after| object.page(after, config::PAGE_ENTRIES_MAX as u64), open)
    }

    /// How many entries there are. Howler's `length`.
    pub fn len(&self) -> Operation<u64> {
        self.object.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> Operation<bool> {
        self.object.is_empty()
    }

    /// Removes all entries, and says how many there were. Howler's `delete`.
    pub fn clear(&self) -> Operation<u64> {
        self.object.clear()
    }

    /// How long an entry has before it goes by itself; `None` if it stays, or is not there.
    pub fn ttl_of(&self, key: impl Like<K>) -> Operation<Option<Duration>> {
        Operation::of(|| {
            let left = self.object.ttl_of(Key::of(&key)?);
            Ok::<_, DataError>(left.map(|left| left.map(Duration::from_millis)))
        })
    }

    /// Lets an entry go by itself after this time from now on, whatever was said before. Whether it is there.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn set_ttl_of(&self, key: impl Like<K>, ttl: Duration) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.set_ttl_of(Key::of(&key)?, ttl_ms(ttl)?)))
    }

    /// Lets an entry stay until it is removed. Whether it would have gone by itself.
    pub fn persist(&self, key: impl Like<K>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.persist(Key::of(&key)?)))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `Pages` and `map` hand it over")]
fn open<K: DeserializeOwned, V: DeserializeOwned>(key: Key, value: Value) -> Result<(K, V), DataError> {
    Ok((key.get()?, value.get()?))
}

fn opened<V: DeserializeOwned>(value: Option<Value>) -> Result<Option<V>, DataError> {
    value.map(|value| value.get()).transpose()
}

// By hand, since `derive` would ask the same of `K` and `V`.
impl<K, V> Clone for Hash<K, V> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), ttl: self.ttl, types: PhantomData }
    }
}

impl<K, V> fmt::Debug for Hash<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hash").field("name", &self.name()).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
