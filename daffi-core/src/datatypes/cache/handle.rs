//! What users hold of a cache.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::flight::{Caching, Found, Untold};
use super::state::CacheInfo;
use crate::api::blocking::bridge::Bridge;
use crate::api::{Object, Operation};
use crate::config;
use crate::datatypes::like::Like;
use crate::datatypes::pages::Pages;
use crate::error::DataError;
use crate::hosted::{Key, Value};
use crate::node::Node;

/// Values that are computed once for all nodes, by key. Functions under `#[cached]` have one.
///
/// However many ask for a value that is not there, on however many nodes, [one computes it](Self::get_or_compute) and the
/// others wait for that. One that fails, is dropped, or whose node dies, frees the next who waits at once, or, over
/// networks, once the controller has missed it for [`FLIGHT_LEASE`](config::FLIGHT_LEASE). What is stored, forgotten or
/// cleared while a value is computed counts more than that value, which only its own caller gets then.
///
/// Keys are equal if they are in the mesh's one form of values, as those of a [`Hash`](super::super::Hash): `Some(None)` is
/// `None` there, and −0.0 is 0.0. Values stay for the handle's [time to live](Self::ttl), each by itself, or else until they
/// are forgotten.
///
/// # Errors
/// Beside what each method says, [`DataError::WrongValue`] where another than `K` or `V` was stored, by a handle of
/// other types.
pub struct Cache<K, V> {
    pub(super) caching: Caching,
    types: PhantomData<fn() -> (K, V)>,
}

impl Node {
    /// The cache of this name. Nothing is sent.
    pub fn cache<K, V>(&self, name: impl Into<Arc<str>>) -> Cache<K, V> {
        let name = name.into();
        let hits = Arc::new(Untold::of(self, Arc::clone(&name)));
        Cache { caching: Caching::new(self, name, hits), types: PhantomData }
    }
}

impl<K, V> Cache<K, V> {
    /// Its name.
    pub fn name(&self) -> &str {
        self.caching.object.name()
    }

    /// The object behind it: to watch it, destroy it, have it expire, or see what the controller says of it.
    pub fn object(&self) -> &Object {
        &self.caching.object
    }

    /// The same cache, in which what this handle stores stays for so long. Parts of a millisecond count as one; no time at
    /// all makes storing fail with [`DataError::Invalid`].
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.caching.ttl = Some(ttl);
        self
    }

    /// The same cache, of which this handle begins the [time to live](Self::ttl) of a value anew whenever
    /// [`get_or_compute`](Self::get_or_compute) finds it there. Each hit is a step of the controller's then.
    #[must_use]
    pub fn sliding(mut self) -> Self {
        self.caching.is_sliding = true;
        self
    }

    /// How it does, over all nodes. Pottery's `cache_info`.
    ///
    /// Of the hits of another handle and its clones, and of each process's functions under `#[cached]`, less than
    /// [`CACHE_HITS_UNTOLD_MAX`](config::CACHE_HITS_UNTOLD_MAX) may not be told of yet. Those of handles are when the last clone
    /// is dropped, unless the node ends with it or has no link then; those that a process has left when it ends are lost.
    pub fn info(&self) -> Operation<CacheInfo> {
        self.caching.info()
    }

    /// Forgets all values and what was counted, and says how many values there were. Pottery's `cache_clear`.
    pub fn clear(&self) -> Operation<u64> {
        self.caching.clear()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
impl<K, V> Cache<K, V>
where
    K: Serialize + DeserializeOwned + Send + 'static,
    V: Serialize + DeserializeOwned + Send + 'static,
{
    /// The value by a key, which is computed if it is not there, by whoever asks first.
    ///
    /// A computation that asks for its own key waits for itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a key with NaN in it, which equals nothing; [`DataError::Full`] if the controller has no
    /// room to note who computes. A value that was computed and cannot be stored, since it is too large or memory is full,
    /// is no error: a warning says so.
    ///
    /// # Cancel safety
    /// Cancel safe: what this one computes is computed by the next who waits for it.
    pub async fn get_or_compute<C: Future<Output = V>>(
        &self,
        key: impl Like<K>,
        compute: impl FnOnce() -> C,
    ) -> Result<V, DataError> {
        self.try_get_or_compute(key, || async { Ok(compute().await) }).await
    }

    /// As [`get_or_compute`](Self::get_or_compute), of a computation that may fail. Its error is the caller's alone, and is
    /// not kept: the next who waits for the value computes it.
    ///
    /// # Errors
    /// As there, and the computation's own.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn try_get_or_compute<E: From<DataError>, C: Future<Output = Result<V, E>>>(
        &self,
        key: impl Like<K>,
        compute: impl FnOnce() -> C,
    ) -> Result<V, E> {
        let key = Key::of(&key)?;
        self.compute(&key, compute).await
    }

    pub(super) async fn compute<E: From<DataError>, C: Future<Output = Result<V, E>>>(
        &self,
        key: &Key,
        compute: impl FnOnce() -> C,
    ) -> Result<V, E> {
        match self.caching.find(key).await? {
            Found::Hit(value) => Ok(value.get()?),
            Found::Compute(flight) => {
                let value = compute().await?;
                flight.land(Value::of(&value)).await;
                Ok(value)
            }
        }
    }

    /// As [`get_or_compute`](Self::get_or_compute) on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As there, and in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn get_or_compute_wait(
        &self,
        key: impl Like<K>,
        compute: impl FnOnce() -> V,
    ) -> Result<V, DataError> {
        self.try_get_or_compute_wait(key, || Ok(compute()))
    }

    /// As [`try_get_or_compute`](Self::try_get_or_compute) on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As there, and in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn try_get_or_compute_wait<E: From<DataError>>(
        &self,
        key: impl Like<K>,
        compute: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let (key, bridge) = (Key::of(&key)?, Bridge::of(self.object().node()));
        match bridge.value(self.caching.find(&key)).map_err(DataError::from)?? {
            Found::Hit(value) => Ok(value.get()?),
            Found::Compute(flight) => {
                let value = compute()?;
                bridge.value(flight.land(Value::of(&value))).map_err(DataError::from)?;
                Ok(value)
            }
        }
    }

    /// The value by a key, if it is there. It is not counted.
    pub fn get(&self, key: impl Like<K>) -> Operation<Option<V>> {
        Operation::of(|| {
            let found = self.caching.object.get(Key::of(&key)?);
            Ok::<_, DataError>(found.and_then(|value| value.map(|value| value.get()).transpose()))
        })
    }

    /// Stores a value, whether there was one or not, and whoever computes another. Pottery's `__bypass__` does that with
    /// what it computed.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the time to live is no time at all.
    pub fn insert(&self, key: impl Like<K>, value: impl Like<V>) -> Operation<()> {
        Operation::of(|| Ok::<_, DataError>(self.caching.put(Key::of(&key)?, &value)))
    }

    /// Forgets a value, and says whether it was there.
    pub fn forget(&self, key: impl Like<K>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.caching.object.forget(Key::of(&key)?)))
    }

    /// A walk over all values, page by page.
    pub fn iter(&self) -> Pages<(K, V)> {
        let object = self.caching.object.clone();
        let open = |key: Key, value: Value| Ok((key.get()?, value.get()?));
        Pages::new(
            &self.caching.object,
            move |after| object.page(after, config::PAGE_ENTRIES_MAX as u64),
            open,
        )
    }
}

// By hand, since `derive` would ask the same of `K` and `V`.
impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self { caching: self.caching.clone(), types: PhantomData }
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Caching { ttl, is_sliding, .. } = &self.caching;
        let mut shown = f.debug_struct("Cache");
        shown
            .field("name", &self.name())
            .field("ttl", ttl)
            .field("is_sliding", is_sliding)
            .finish_non_exhaustive()
    }
}
