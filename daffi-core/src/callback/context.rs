//! What a callback may ask about the call it serves.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::name::{CallbackName, NodeName};
use crate::wire::Traceparent;

/// How a context reaches the node it runs on, which this layer does not know.
pub trait Reach: Any + Send + Sync {
    /// The node, for whoever knows its type.
    fn as_any(&self) -> &dyn Any;
}

/// What the call is that a [`Context`] is made for.
#[derive(Debug, Clone)]
pub struct Start {
    /// The node that called.
    pub caller: NodeName,
    /// The node that runs it.
    pub node: NodeName,
    /// The callback.
    pub callback: CallbackName,
    /// When its time is up.
    pub deadline: Option<Instant>,
    /// Where it is in a trace.
    pub traceparent: Option<Traceparent>,
}

/// The call that a callback serves: who called, on which node, how much time is left, whether it was cancelled.
///
/// A callback takes `ctx: &Context` as a parameter; it is not sent. Clones are of the same call.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    start: Start,
    cancelled: watch::Receiver<bool>,
    reach: Arc<dyn Reach>,
}

impl Context {
    /// A context of a call that `cancelled` cancels by sending `true`.
    pub fn new(start: Start, cancelled: watch::Receiver<bool>, reach: Arc<dyn Reach>) -> Self {
        Self { inner: Arc::new(Inner { start, cancelled, reach }) }
    }

    /// The node that called. A scheduled run is called by the schedule's creator.
    pub fn caller(&self) -> &NodeName {
        &self.inner.start.caller
    }

    /// The name of the node that this runs on.
    pub fn node_name(&self) -> &NodeName {
        &self.inner.start.node
    }

    /// The callback's own name.
    pub fn callback(&self) -> &CallbackName {
        &self.inner.start.callback
    }

    /// When the caller stops waiting, or the callback's own timeout passes, by this node's clock; `None` if neither ever
    /// does.
    pub fn deadline(&self) -> Option<Instant> {
        self.inner.start.deadline
    }

    /// How long it is until then.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Where this run is in a trace, if its caller is part of one or the spans of calls are recorded here. Calls through
    /// [`node`](Self::node) are part of it; a call to elsewhere can take it along as its header `traceparent`.
    pub fn traceparent(&self) -> Option<Traceparent> {
        self.inner.start.traceparent
    }

    /// Whether the caller no longer wants the result: it cancelled, died, or its time is up. A callback
    /// on a thread may ask in a loop.
    pub fn is_cancelled(&self) -> bool {
        *self.inner.cancelled.borrow()
    }

    /// Waits until the caller no longer wants the result. A callback that takes its context has
    /// [`CANCEL_GRACE`](crate::config::CANCEL_GRACE) from then on to tidy up before it is aborted at an await point.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn cancelled(&self) {
        let mut cancelled = self.inner.cancelled.clone();
        // An error means that the call is over, and nobody is left to cancel it.
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            std::future::pending().await
        }
    }

    /// The way to the node, for the layer that knows its type.
    pub fn reach(&self) -> &Arc<dyn Reach> {
        &self.inner.reach
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("start", &self.inner.start).finish_non_exhaustive()
    }
}
