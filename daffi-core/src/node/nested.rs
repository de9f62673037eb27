//! Calls that callbacks make: they end with their callback's time, and while one is awaited the callback holds up
//! nobody else.

use std::any::Any;
use std::sync::Arc;

use tokio::time::Instant;

use super::running::Key;
use super::{Behalf, Node, Shared};
use crate::callback::{Context, Reach};
use crate::wire::Traceparent;

/// The callback on whose behalf a node is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    pub(super) key: Key,
    pub(super) deadline: Option<Instant>,
}

/// Where a callback runs: what its context reaches.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    pub(super) key: Key,
    /// Until when calls of its own may last.
    pub(super) deadline: Option<Instant>,
    /// Where it is in a trace.
    pub(super) trace: Option<Box<Traceparent>>,
}

impl Reach for Place {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Context {
    /// The node that this runs on, for calls of its own: they have no more time than this call has left, and are part
    /// of its trace if it has one. Those of a callback that [finishes](crate::callback::OnCancel::Finish) whatever its caller wants have its own.
    ///
    /// # Panics
    /// If the context was made without a node, as no running callback's is.
    pub fn node(&self) -> Node {
        let place = self.reach().as_any().downcast_ref::<Place>().expect("a callback runs on a node");
        let scope = Some(Scope { key: place.key, deadline: place.deadline });
        let behalf = Behalf { scope, trace: place.trace.as_deref().copied() };
        Node { behalf: Some(Arc::new(behalf)), ..place.shared.handle(None) }
    }
}

/// A callback awaits a call of its own. Meanwhile another may run in its place: else calls that call each other
/// would fill the node, and all wait for one that cannot start.
pub(crate) struct Awaiting(Box<(Arc<Shared>, Key)>);

impl Awaiting {
    /// Notes it, if `node` is used by a callback.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        let key = node.scope()?.key;
        let shared = Arc::clone(node.shared());
        shared.callback_awaits(key);
        Some(Self(Box::new((shared, key))))
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        let (shared, key) = &*self.0;
        shared.callback_goes_on(*key);
    }
}
