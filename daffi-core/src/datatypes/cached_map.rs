//! A hash of which a node keeps a copy of what it uses.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::hash::{Hash, HashChange};
use super::like::Like;
use super::near::{About, Known, Near};
use crate::api::{Opening, Operation};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Key, Value};
use crate::node::Node;

/// A [`Hash`](struct@Hash) of which this node keeps a copy of what it has read and written: reading that again is no
/// question to the controller. Pottery's `CachedOrderedDict`.
///
/// What this map writes goes to the hash, and what anybody does to the hash comes to the copy of every such map, deleting
/// included. The copy is behind by the time that such a message takes. While there is no link to the controller nothing is
/// read from it, and it begins anew with the next one, as it does when it has missed something. It has up to
/// [`NEAR_VALUES_MAX`](config::NEAR_VALUES_MAX) entries of [`NEAR_BYTES_MAX`](config::NEAR_BYTES_MAX); of more, any are asked
/// for again. While the hash cannot be watched, since the controller has no room for that, a warning says so, and everything
/// is asked for.
///
/// What is read or written by this map asks for the hash's [revision](Operation::versioned), by which the copy knows what is
/// younger, and so cannot stand in a batch or a select. The operations of [the hash](Self::hash) can, and whatever else can be
/// done with it is done there; the copy hears of that.
pub struct CachedMap<K, V> {
    hash: Hash<K, V>,
    near: Arc<Near>,
    types: PhantomData<fn() -> (K, V)>,
}

/// A [`CachedMap`] that is about to be opened: await it, or [`wait`](Self::wait) for it on a thread.
#[must_use = "nothing is opened until it is awaited"]
pub struct OpenCachedMap<K, V> {
    hash: Hash<K, V>,
    keys: Result<Vec<Key>, DataError>,
}

impl Node {
    /// The cached map over the hash of this name, which is to be awaited.
    pub fn cached_map<K, V>(&self, name: impl Into<Arc<str>>) -> OpenCachedMap<K, V> {
        OpenCachedMap { hash: self.hash(name), keys: Ok(Vec::new()) }
    }
}

impl<K, V> OpenCachedMap<K, V>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    /// Reads these keys when it is opened, so that they are there at once. Those without a value are
    /// [misses](CachedMap::misses). Pottery's `dict_keys`.
    pub fn keys(mut self, keys: impl IntoIterator<Item = impl Like<K>>) -> Self {
        self.keys = keys.into_iter().map(|key| Key::of(&key)).collect();
        self
    }

    /// Lets whatever is written by this map keep the whole hash for so long. As [`Hash::ttl`]; in Pottery it is a minute
    /// unless it is said.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.hash = self.hash.ttl(ttl);
        self
    }

    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> Result<CachedMap<K, V>, DataError> {
        self.opening().wait()
    }

    fn opening(self) -> Opening<CachedMap<K, V>> {
        let Self { hash, keys } = self;
        let node = hash.object().node().clone();
        Opening::new(&node, async move {
            let keys = keys?;
            let near = Near::begin(hash.object(), about).await?;
            let map = CachedMap { hash, near: Arc::new(near), types: PhantomData };
            let reads = stream::iter(keys).map(|key| map.read(key));
            reads.buffer_unordered(config::LOADED_AT_ONCE_MAX).try_collect::<Vec<_>>().await?;
            Ok(map)
        })
    }
}

fn about(change: HashChange) -> About {
    match change {
        HashChange::Set { key, value } => About::One(Arc::unwrap_or_clone(key), Known::Is(Some(value))),
        HashChange::Removed { key } | HashChange::Expired { key } => {
            About::One(Arc::unwrap_or_clone(key), Known::Is(None))
        }
        HashChange::Cleared => About::All,
    }
}

impl<K, V> IntoFuture for OpenCachedMap<K, V>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    type Output = Result<CachedMap<K, V>, DataError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.opening().into_future()
    }
}

impl<K, V> CachedMap<K, V> {
    /// The hash that it is a copy of. What is done there comes back here.
    pub fn hash(&self) -> &Hash<K, V> {
        &self.hash
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as the hash takes it")]
impl<K, V> CachedMap<K, V>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    /// The value by a key: from the copy, or else from the hash.
    ///
    /// # Errors
    /// As [`Hash::get`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn get(&self, key: impl Like<K>) -> Result<Option<V>, DataError> {
        let key = Key::of(&key)?;
        let known = match self.near.look(&key) {
            Some(known) => known,
            None => self.read(key).await?,
        };
        known.map(|value| value.get()).transpose()
    }

    /// What the copy knows of a key, without a question: `None` if it knows nothing, `Some(None)` if there is no value.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a key with NaN in it; [`DataError::WrongValue`] where another than `V` was stored.
    pub fn peek(&self, key: impl Like<K>) -> Result<Option<Option<V>>, DataError> {
        let known = self.near.look(&Key::of(&key)?);
        known.map(|value| value.map(|value| value.get()).transpose()).transpose()
    }

    /// The keys that were asked for and have no value, as far as the copy knows. Pottery's `misses`.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] where another than `K` is a key.
    pub fn misses(&self) -> Result<Vec<K>, DataError> {
        self.near.absent().iter().map(Key::get).collect()
    }

    /// Stores a value in the hash and here, and says whether there was none before.
    pub fn set(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.write(Key::of(&key)?, Some(Value::of(&value)?))))
    }

    /// Stores several values in one step, in the hash and here, and says for how many keys there was none before. Pottery's
    /// `update`.
    pub fn extend(&self, entries: impl IntoIterator<Item = (impl Like<K>, impl Like<V>)>) -> Operation<u64> {
        let entries = entries.into_iter().map(|(key, value)| Ok((Key::of(&key)?, Value::of(&value)?)));
        Operation::of(|| {
            let entries = entries.collect::<Result<Vec<_>, DataError>>()?;
            let write = self.hash.write_all(entries.clone());
            let (keys, values): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
            Ok::<_, DataError>(self.known(write, keys, |_| values.into_iter().map(Some).collect()))
        })
    }

    /// The value by a key, which is this one now if there was none, here and in the hash; in Pottery the one that
    /// `setdefault` found there was lost.
    pub fn get_or_insert(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<V> {
        Operation::of(|| {
            let (key, value) = (Key::of(&key)?, Value::of(&value)?);
            let write = self.hash.read_or_write(key.clone(), value.clone());
            let found = write.map(|found| found.unwrap_or(value));
            let found = self.known(found, vec![key], |value| vec![Some(value.clone())]);
            Ok::<_, DataError>(found.and_then(|value| value.get()))
        })
    }

    /// Removes an entry from the hash, and says whether there was one; in Pottery it stayed there.
    pub fn remove(&self, key: impl Like<K>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.write(Key::of(&key)?, None)))
    }

    fn write(&self, key: Key, value: Option<Value>) -> Operation<bool> {
        self.known(self.hash.write(key.clone(), value.clone()), vec![key], |_| vec![value])
    }

    /// What writes to the hash, and has the copy know what is there then by each of these keys.
    fn known<T: 'static>(
        &self,
        write: Operation<T>,
        keys: Vec<Key>,
        values: impl FnOnce(&T) -> Vec<Option<Value>> + Send + 'static,
    ) -> Operation<T> {
        let near = Arc::clone(&self.near);
        let asked = keys.into_iter().map(|key| (near.ask(&key), key));
        let asked: Vec<(u64, Key)> = asked.collect();
        write.versioned().map(move |done| {
            for ((number, key), value) in asked.into_iter().zip(values(&done.value)) {
                near.answer(&key, number, done.revision, value.map(Arc::new));
            }
            done.value
        })
    }

    /// Asks the hash, and has the copy know the answer.
    async fn read(&self, key: Key) -> Result<Option<Arc<Value>>, DataError> {
        self.near.read(&key, self.hash.read(key.clone())).await
    }
}

impl<K, V> Clone for CachedMap<K, V> {
    fn clone(&self) -> Self {
        Self { hash: self.hash.clone(), near: Arc::clone(&self.near), types: PhantomData }
    }
}

impl<K, V> fmt::Debug for CachedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedMap").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for OpenCachedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCachedMap").field("hash", &self.hash).finish_non_exhaustive()
    }
}
