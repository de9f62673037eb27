//! What `#[cached]` makes of a function.

use std::any::type_name;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::flight::{Caching, Found, Untold, passed_by};
use super::nuances::nuances;
use super::state::CacheInfo;
use crate::api::Operation;
use crate::config;
use crate::error::{CallError, DataError, Ran};
use crate::hosted::{Key, Value};
use crate::node::{Node, Phase};

/// A function under `#[cached]`: its cache, and how results are kept there.
#[doc(hidden)]
#[derive(Debug)]
pub struct CachedFunction {
    /// The function with its path: that of the type that bears its name.
    function: fn() -> &'static str,
    /// The cache's name, if it is not the function's.
    cache: Option<&'static str>,
    ttl: Option<Duration>,
    is_sliding: bool,
    hits: LazyLock<Arc<Untold>>,
}

/// Arguments of a cached function as a key, if they can be one.
#[doc(hidden)]
#[derive(Debug)]
pub struct Keyed(Result<Key, DataError>);

/// A result that a cache can keep.
#[diagnostic::on_unimplemented(
    message = "a cache cannot keep a `{Self}`",
    label = "needs serde",
    note = "for a type of yours: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
#[doc(hidden)]
pub trait Cacheable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Cacheable for T {}

/// Arguments that can be a key.
#[diagnostic::on_unimplemented(
    message = "the arguments `{Self}` cannot be the key of a result",
    label = "one of them lacks serde",
    note = "for a type of yours: `#[derive(serde::Serialize)]`"
)]
#[doc(hidden)]
pub trait KeyParts: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> KeyParts for T {}

impl CachedFunction {
    /// The function whose type is `F`.
    pub const fn new<F>(cache: Option<&'static str>, ttl: Option<Duration>, is_sliding: bool) -> Self {
        Self { function: type_name::<F>, cache, ttl, is_sliding, hits: LazyLock::new(Arc::default) }
    }

    /// The key of these arguments, which are a tuple. Those that differ have different ones, also where keys alone do not.
    pub fn key<A: KeyParts>(&self, arguments: &A) -> Keyed {
        let nuances = nuances(arguments);
        Keyed(match &*nuances {
            [] => Key::of(&((self.function)(), arguments)),
            nuances => Key::of(&((self.function)(), arguments, nuances)),
        })
    }

    fn caching(&self) -> Result<Caching, DataError> {
        let node = Node::current().ok_or(DataError::NoNode)?;
        let caching = Caching::new(&node, self.name(), Arc::clone(&self.hits));
        Ok(Caching { ttl: self.ttl, is_sliding: self.is_sliding, ..caching })
    }

    fn name(&self) -> &'static str {
        self.cache.unwrap_or_else(|| (self.function)())
    }

    /// The result by a key, which is what `run` comes to if it is not there.
    pub async fn get<T>(&self, key: Keyed, run: impl Future<Output = T>) -> T
    where
        T: Cacheable,
    {
        let Ok(value) = self.try_get(key, infallible(run)).await;
        value
    }

    /// The same of a function that may fail: errors are not kept.
    ///
    /// # Errors
    /// The function's own.
    pub async fn try_get<T, E>(&self, key: Keyed, run: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        T: Cacheable,
    {
        let looked = async {
            let (caching, key) = (self.caching()?, key.0?);
            let found = while_linked(caching.object.node(), caching.find(&key)).await?;
            Ok((caching, key, found))
        };
        match looked.await {
            Ok((caching, _, Found::Compute(flight))) => {
                let value = run.await?;
                stored(&caching, flight.land(Value::of(&value))).await;
                Ok(value)
            }
            Ok((caching, key, Found::Hit(value))) => match value.get() {
                Ok(value) => Ok(value),
                // By another version of the function.
                Err(_) => put(caching, key, run).await,
            },
            // A cache is there to save time: it does not keep the function from running.
            Err(error) => {
                passed_by(self.name(), &error);
                run.await
            }
        }
    }

    /// What `run` comes to, which is the result by the key from then on.
    pub async fn bypass<T: Cacheable>(&self, key: Keyed, run: impl Future<Output = T>) -> T {
        let Ok(value) = self.try_bypass(key, infallible(run)).await;
        value
    }

    /// The same of a function that may fail.
    ///
    /// # Errors
    /// The function's own.
    pub async fn try_bypass<T: Cacheable, E>(
        &self,
        key: Keyed,
        run: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self.caching().and_then(|caching| Ok((caching, key.0?))) {
            Ok((caching, key)) => put(caching, key, run).await,
            Err(error) => {
                passed_by(self.name(), &error);
                run.await
            }
        }
    }

    /// How its cache does.
    pub fn info(&self) -> Operation<CacheInfo> {
        Operation::of(|| Ok::<_, DataError>(self.caching()?.info()))
    }

    /// Clears its cache.
    pub fn clear(&self) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.caching()?.clear()))
    }

    /// Forgets one result.
    pub fn forget(&self, key: Keyed) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.caching()?.object.forget(key.0?)))
    }
}

async fn put<T: Serialize, E>(
    caching: Caching,
    key: Key,
    run: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let value = run.await?;
    let put = caching.put(key, &value);
    let name = caching.object.name().to_owned();
    let putting = async move {
        if let Err(error) = put.await {
            passed_by(&name, &error);
        }
    };
    stored(&caching, putting).await;
    Ok(value)
}

/// What comes of asking the controller, unless there is no link, or it is lost meanwhile: then nobody waits for the next.
async fn while_linked<T>(
    node: &Node,
    asked: impl Future<Output = Result<T, DataError>>,
) -> Result<T, DataError> {
    tokio::select! {
        biased;
        () = link_lost(node) => Err(DataError::Call(CallError::Disconnected { ran: Ran::Maybe })),
        result = asked => result,
    }
}

/// Waits until something is stored, for as long as there is a link. Without one it goes on behind the caller, who has the
/// result already, until it is done or its time is up.
async fn stored(caching: &Caching, storing: impl Future<Output = ()> + Send + 'static) {
    let node = caching.object.node();
    let mut storing = Box::pin(storing);
    tokio::select! {
        biased;
        () = &mut storing => return,
        () = link_lost(node) => {}
    }
    let Ok(place) = STORED_LATER.try_acquire() else {
        return passed_by(
            caching.object.name(),
            &DataError::Call(CallError::Disconnected { ran: Ran::Maybe }),
        );
    };
    node.shared().runtime.spawn(async move {
        storing.await;
        drop(place);
    });
}

/// Waits until there is no link, or none for a moment.
async fn link_lost(node: &Node) {
    let mut phases = node.shared().phases();
    // An end of the node's is one of its link's.
    drop(phases.wait_for(|phase| *phase != Phase::Connected).await);
}

/// The places of results that are stored behind their callers.
static STORED_LATER: Semaphore = Semaphore::const_new(config::CACHE_STORED_LATER_MAX);

async fn infallible<T>(run: impl Future<Output = T>) -> Result<T, Infallible> {
    Ok(run.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_differ_are_different_keys_though_they_are_encoded_alike() {
        let function = CachedFunction::new::<u8>(None, None, false);
        let key = |nothing: Option<Option<u8>>, zero: f64| function.key(&(nothing, zero)).0.unwrap();
        let arguments =
            [(None, 0.0), (Some(None), 0.0), (None, -0.0), (Some(None), -0.0), (Some(Some(0)), 0.0)];

        for (at, (nothing, zero)) in arguments.into_iter().enumerate() {
            for (other_at, (other_nothing, other_zero)) in arguments.into_iter().enumerate() {
                let is_same = key(nothing, zero) == key(other_nothing, other_zero);
                assert_eq!(is_same, at == other_at, "{:?}", (nothing, zero, other_nothing, other_zero));
            }
        }
        assert!(function.key(&(f64::NAN,)).0.is_err());
    }
}
