//! A cache of which a node keeps copies of what it reads.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handle::Cache;
use super::state::CacheChange;
use crate::api::Opening;
use crate::datatypes::like::Like;
use crate::datatypes::near::{About, Known, Near};
use crate::error::DataError;
use crate::hosted::Key;

/// A [`Cache`] of which this node keeps a copy of what it has read, for values that are read much more often than they
/// change: they are there without a question.
///
/// The copy hears of each change of the cache, and forgets what it is about. It is behind the cache by the time that such a
/// message takes. While there is no link to the controller nothing is read from it, and it begins anew with the next one,
/// as it does when it has missed something. It has up to [`NEAR_VALUES_MAX`](crate::config::NEAR_VALUES_MAX) values of
/// [`NEAR_BYTES_MAX`](crate::config::NEAR_BYTES_MAX). While the cache cannot be watched, since the controller has no room for
/// that, a warning says so, and everything is asked for.
///
/// A hit here is counted, but no step of the controller's: it does not slide a time to live. All else is as the cache has
/// it, which this derefs to.
pub struct NearCache<K, V> {
    cache: Cache<K, V>,
    near: Arc<Near>,
}

impl<K, V> Cache<K, V>
where
    K: Send + 'static,
    V: Send + 'static,
{
    /// The same cache with a copy of what is read of it.
    ///
    /// # Errors
    /// [`DataError`] if the controller does not let it watch the cache.
    pub fn near(&self) -> Opening<NearCache<K, V>> {
        let cache = self.clone();
        let opening = async move {
            let near = Near::begin(cache.object(), about).await?;
            Ok(NearCache { cache, near: Arc::new(near) })
        };
        Opening::new(self.object().node(), opening)
    }
}

fn about(change: CacheChange) -> About {
    match change {
        CacheChange::Stored { key } | CacheChange::Forgotten { key } | CacheChange::Expired { key } => {
            About::One(Arc::unwrap_or_clone(key), Known::No)
        }
        CacheChange::Cleared => About::All,
        CacheChange::Began { .. } | CacheChange::Ended { .. } => About::Nothing,
    }
}

impl<K, V> NearCache<K, V>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    /// As [`Cache::get_or_compute`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn get_or_compute<C: Future<Output = V>>(
        &self,
        key: impl Like<K>,
        compute: impl FnOnce() -> C,
    ) -> Result<V, DataError> {
        self.try_get_or_compute(key, || async { Ok(compute().await) }).await
    }

    /// As [`Cache::try_get_or_compute`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn try_get_or_compute<E: From<DataError>, C: Future<Output = Result<V, E>>>(
        &self,
        key: impl Like<K>,
        compute: impl FnOnce() -> C,
    ) -> Result<V, E> {
        let key = Key::of(&key)?;
        if let Some(value) = self.find(&key).await? {
            self.cache.caching.hit();
            return Ok(value);
        }
        self.cache.compute(&key, compute).await
    }

    /// The value by a key, if it is there. It is not counted.
    ///
    /// # Errors
    /// As [`Cache::get`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn get(&self, key: impl Like<K>) -> Result<Option<V>, DataError> {
        let key = Key::of(&key)?;
        self.find(&key).await
    }

    async fn find(&self, key: &Key) -> Result<Option<V>, DataError> {
        if let Some(Some(value)) = self.near.look(key) {
            return value.get().map(Some);
        }
        let value = self.near.read(key, self.cache.caching.object.get(key.clone())).await?;
        value.map(|value| value.get()).transpose()
    }
}

impl<K, V> Deref for NearCache<K, V> {
    type Target = Cache<K, V>;

    fn deref(&self) -> &Cache<K, V> {
        &self.cache
    }
}

impl<K, V> Clone for NearCache<K, V> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), near: Arc::clone(&self.near) }
    }
}

impl<K, V> std::fmt::Debug for NearCache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NearCache").field("cache", &self.cache).finish_non_exhaustive()
    }
}
