//! A value that is looked for, and computed if it is not there.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::state::{Begun, CacheInfo, CacheState};
use crate::api::{Kept, Operation};
use crate::config;
use crate::datatypes::entries::ttl_ms;
use crate::datatypes::guard::{Hold, Terms, ask_or};
use crate::error::{CallError, DataError};
use crate::hosted::{Key, Value};
use crate::node::Node;

/// A cache, and how values are kept there.
#[derive(Debug, Clone)]
pub(super) struct Caching {
    pub(super) object: <CacheState as Kept>::Client,
    pub(super) ttl: Option<Duration>,
    /// Whether the time to live begins anew with each hit.
    pub(super) is_sliding: bool,
    pub(super) hits: Arc<Untold>,
}

/// Hits that the controller has not been told of. Those that are left when nobody counts any more are told then.
#[derive(Debug, Default)]
pub(super) struct Untold {
    hits: AtomicU64,
    /// Of what they are, if it is always the same. It does not keep its node alive.
    of: Option<<CacheState as Kept>::Client>,
}

/// What comes of looking for a value.
#[derive(Debug)]
pub(super) enum Found {
    /// It is there.
    Hit(Value),
    /// It is this node that computes it.
    Compute(Flight),
}

/// A computation that others wait for. Dropping it gives it up.
#[derive(Debug)]
#[must_use = "whoever waits for the value goes on without it when this is dropped"]
pub(super) struct Flight {
    caching: Caching,
    hold: Hold,
}

impl Caching {
    pub(super) fn new(node: &Node, name: impl Into<Arc<str>>, hits: Arc<Untold>) -> Self {
        Self { object: node.object::<CacheState>(name), ttl: None, is_sliding: false, hits }
    }

    /// Finds a value, or begins to compute it; while another does, it waits.
    pub(super) async fn find(&self, key: &Key) -> Result<Found, DataError> {
        // Looking is no step of the store's, and so is cheaper than beginning. A time to live that slides needs the step.
        if !self.is_sliding
            && let Some(value) = self.object.get(key.clone()).await?
        {
            self.hit();
            return Ok(Found::Hit(value));
        }
        let terms = Terms { lease: Some(config::FLIGHT_LEASE), owner: None };
        let claim = terms.claim(self.object.node());
        let slide_ms = if self.is_sliding { self.ttl_ms()? } else { None };
        let begun = self.object.begin(claim.clone(), key.clone(), slide_ms).map(|begun| match begun {
            Begun::Compute(token) => Ok(token),
            Begun::Hit(value) => Err(value),
        });
        Ok(match ask_or::<CacheState, _>(&self.object, &claim, begun).await? {
            Ok(hold) => Found::Compute(Flight { caching: self.clone(), hold }),
            Err(value) => Found::Hit(value),
        })
    }

    /// Stores a value, whoever computes another.
    pub(super) fn put<T: Serialize + ?Sized>(&self, key: Key, value: &T) -> Operation<()> {
        Operation::of(|| Ok::<_, DataError>(self.object.put(key, Value::of(value)?, self.ttl_ms()?)))
    }

    pub(super) fn clear(&self) -> Operation<u64> {
        let untold = Arc::clone(&self.hits);
        self.object.clear().map(move |cleared| {
            untold.hits.store(0, Ordering::Relaxed);
            cleared
        })
    }

    pub(super) fn info(&self) -> Operation<CacheInfo> {
        let untold = Arc::clone(&self.hits);
        self.object.info().map(move |info| CacheInfo {
            hits: info.hits.saturating_add(untold.hits.load(Ordering::Relaxed)),
            ..info
        })
    }

    pub(super) fn hit(&self) {
        if self.hits.hits.fetch_add(1, Ordering::Relaxed) + 1 >= config::CACHE_HITS_UNTOLD_MAX {
            count_hits(&self.object, self.hits.hits.swap(0, Ordering::Relaxed));
        }
    }

    fn ttl_ms(&self) -> Result<Option<u64>, DataError> {
        self.ttl.map(ttl_ms).transpose()
    }
}

impl Untold {
    /// Those of handles of one cache.
    pub(super) fn of(node: &Node, name: Arc<str>) -> Self {
        Self { hits: AtomicU64::new(0), of: Some(node.shared().weak_handle().object::<CacheState>(name)) }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        let hits = *self.hits.get_mut();
        // Nobody waits for a link to tell them: as many as there are handles would.
        if let Some(object) = self.of.as_ref().filter(|object| hits > 0 && object.node().is_connected()) {
            count_hits(object, hits);
        }
    }
}

fn count_hits(object: &<CacheState as Kept>::Client, hits: u64) {
    let counted = object.count_hits(hits).into_future();
    object.node().shared().runtime.spawn(async move {
        if let Err(error) = counted.await {
            tracing::debug!(%error, "hits of a cache were not counted");
        }
    });
}

impl Flight {
    /// Stores what was computed, if that can be and nothing has overtaken it. A value that cannot be stored is good all the
    /// same: whoever waits for it computes it again.
    pub(super) async fn land(self, value: Result<Value, DataError>) {
        let Self { caching, hold } = self;
        let finish = Operation::of(|| {
            Ok::<_, DataError>(caching.object.finish(hold.fencing_token(), value?, caching.ttl_ms()?))
        });
        match finish.await {
            Ok(_) => hold.ended(),
            Err(error) => passed_by(caching.object.name(), &error),
        }
    }
}

/// Says that a value was computed that nobody will find.
pub(super) fn passed_by(cache: &str, error: &DataError) {
    let what = "what was computed is not cached";
    match error {
        // Which the node has said itself, once, and not with each of its calls.
        DataError::Call(CallError::Disconnected { .. }) => tracing::debug!(cache, %error, "{what}"),
        _ => tracing::warn!(cache, %error, "{what}"),
    }
}
