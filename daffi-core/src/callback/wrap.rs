//! Middleware: what stands around the calls that a node makes, and around those that it serves.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::invoke::Outcome;
use crate::name::{CallbackName, NodeName};
use crate::wire::Traceparent;

/// A call that something may stand around: one that a node [serves](Serving), or one that it
/// [makes](crate::node::Outgoing).
pub trait Wrapped: Sized + Send + 'static {
    /// What it comes to.
    type Outcome: Send + 'static;
}

/// Something that stands around calls: it sees each before it goes on, lets it go on or not, and sees what it comes to.
///
/// An `async fn(call, next) -> outcome` is one, and so is a closure that returns a future. For what has state of its own
/// the method is written as an `async fn`. Several nest in the order in which they were given, the first outermost.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use daffi_core::callback::{Fault, Next, Outcome, Serving, Wrap};
///
/// /// Lets nobody in but this one.
/// struct Only(&'static str);
///
/// impl Wrap<Serving> for Only {
///     async fn around(&self, call: Serving, next: Next<Serving>) -> Outcome {
///         if call.caller().as_str() != self.0 {
///             return Err(Fault::Denied { what: format!("`{}` is for {} only", call.callback(), self.0) });
///         }
///         next.run(call).await
///     }
/// }
/// ```
///
/// A call that is cancelled drops the future in the middle of it: what must be done all the same is done by the `Drop` of
/// a local variable.
pub trait Wrap<C: Wrapped>: Send + Sync + 'static {
    /// What the call comes to, which is what `next.run(call).await` says, or something else.
    fn around(&self, call: C, next: Next<C>) -> impl Future<Output = C::Outcome> + Send;
}

impl<C, F, Made> Wrap<C> for F
where
    C: Wrapped,
    F: Fn(C, Next<C>) -> Made + Send + Sync + 'static,
    Made: Future<Output = C::Outcome> + Send,
{
    fn around(&self, call: C, next: Next<C>) -> impl Future<Output = C::Outcome> + Send {
        self(call, next)
    }
}

/// A [`Wrap`] of any type.
pub(crate) trait AnyWrap<C: Wrapped>: Send + Sync {
    fn around(self: Arc<Self>, call: C, next: Next<C>) -> BoxFuture<'static, C::Outcome>;
}

impl<C: Wrapped, W: Wrap<C>> AnyWrap<C> for W {
    fn around(self: Arc<Self>, call: C, next: Next<C>) -> BoxFuture<'static, C::Outcome> {
        Box::pin(async move { Wrap::around(&*self, call, next).await })
    }
}

/// What stands around a call, outermost first.
pub(crate) type Wraps<C> = Arc<[Arc<dyn AnyWrap<C>>]>;

type Innermost<C> = Box<dyn FnOnce(C) -> BoxFuture<'static, <C as Wrapped>::Outcome> + Send>;

/// The rest of the way of a call: what stands further inside, and the call itself. Dropped, the call does not go on.
#[must_use = "the call does not go on until it is run"]
pub struct Next<C: Wrapped> {
    wraps: Wraps<C>,
    at: usize,
    innermost: Innermost<C>,
}

impl<C: Wrapped> Next<C> {
    pub(crate) fn new(
        wraps: Wraps<C>,
        innermost: impl FnOnce(C) -> BoxFuture<'static, C::Outcome> + Send + 'static,
    ) -> Self {
        Self { wraps, at: 0, innermost: Box::new(innermost) }
    }

    /// Lets the call go on, and waits for what it comes to. Dropped before that, the call is cancelled.
    pub async fn run(mut self, call: C) -> C::Outcome {
        match self.wraps.get(self.at).map(Arc::clone) {
            Some(wrap) => {
                self.at += 1;
                wrap.around(call, self).await
            }
            None => (self.innermost)(call).await,
        }
    }
}

impl<C: Wrapped> fmt::Debug for Next<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("inside", &(self.wraps.len() - self.at)).finish_non_exhaustive()
    }
}

/// A call that this node serves, as what stands around its callback sees it.
///
/// Its arguments have not been decoded. Its [`Outcome`] is the encoded result, or the [`Fault`](super::Fault); that of a
/// callback that returns a stream is empty, and there when the stream has ended.
#[derive(Debug, Clone)]
pub struct Serving {
    pub(crate) callback: CallbackName,
    pub(crate) caller: NodeName,
    pub(crate) node: NodeName,
    pub(crate) deadline: Option<Instant>,
    pub(crate) argument_bytes: usize,
    pub(crate) is_one_way: bool,
    pub(crate) came: Option<Traceparent>,
    /// Its own place in the trace.
    pub(crate) own: Option<Traceparent>,
}

impl Serving {
    /// The callback.
    pub fn callback(&self) -> &CallbackName {
        &self.callback
    }

    /// The node that called. A scheduled run is called by the schedule's creator.
    pub fn caller(&self) -> &NodeName {
        &self.caller
    }

    /// The node that runs it: this one.
    pub fn node_name(&self) -> &NodeName {
        &self.node
    }

    /// When its time is up; `None` if it has for ever.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How much time it has left; `None` if for ever.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The bytes of its arguments as they travelled, without those of a stream that it brings.
    pub fn argument_bytes(&self) -> usize {
        self.argument_bytes
    }

    /// Whether nobody waits for what it comes to. A failure is then logged and counted here.
    pub fn is_one_way(&self) -> bool {
        self.is_one_way
    }

    /// The trace that the caller says it is part of. [`Context::traceparent`](super::Context::traceparent) is where the
    /// callback itself is in it.
    pub fn traceparent(&self) -> Option<Traceparent> {
        self.came
    }
}

impl Wrapped for Serving {
    type Outcome = Outcome;
}
