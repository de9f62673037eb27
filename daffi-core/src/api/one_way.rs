//! Calls whose result nobody wants.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures::TryFutureExt;
use futures::future::BoxFuture;

use super::call::Prepared;
use super::{Broadcast, Call, Every};
use crate::callback::Wire;
use crate::config;
use crate::error::{CallError, Error, Result};
use crate::node::Acknowledged;
use crate::wire::{Flags, Traceparent, TraceparentError};

/// A call whose result nobody wants, before it has a mode.
#[derive(Debug)]
#[must_use = "it does nothing until it is given a mode: `.no_return()`, `.every(..)`, `.at(..)`, `.broadcast()`"]
pub struct Tell {
    call: Call<()>,
}

impl Tell {
    pub(super) fn new(call: Call<()>) -> Self {
        Self { call }
    }

    /// Gives each run this long: by default [`JOB_TIMEOUT`](config::JOB_TIMEOUT) where nobody waits for it, and
    /// [`CALL_TIMEOUT`](config::CALL_TIMEOUT) in a broadcast or a schedule.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { call: self.call.timeout(timeout) }
    }

    /// Has this node run it, and no other.
    pub fn on(self, node: impl Into<String>) -> Self {
        Self { call: self.call.on(node) }
    }

    /// Has the same node run all calls of one key, as long as it is there. As [`Call::key`].
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { call: self.call.key(key) }
    }

    /// Has the controller hold it for this long first, which does not count as its time.
    pub fn eta(self, eta: Duration) -> Self {
        Self { call: self.call.eta(eta) }
    }

    /// As [`Call::traceparent`].
    pub fn traceparent<T>(self, traceparent: T) -> Self
    where
        T: TryInto<Traceparent>,
        T::Error: Into<TraceparentError>,
    {
        Self { call: self.call.traceparent(traceparent) }
    }

    /// As [`Call::no_return`].
    pub fn no_return(self) -> NoReturn {
        self.call.no_return()
    }

    /// As [`Call::every`].
    pub fn every(self, period: Duration) -> Every {
        self.call.every(period)
    }

    /// As [`Call::at`].
    pub fn at(self, times: impl IntoIterator<Item = SystemTime>) -> Every {
        self.call.at(times)
    }

    /// As [`Call::broadcast`].
    pub fn broadcast(self) -> Broadcast<()> {
        self.call.broadcast()
    }
}

/// A call that wants no result: sent when it is first polled, over once the controller has taken it for a live node.
/// Dropping it after that lets it go on.
///
/// # Errors
/// An [`Error::Call`] if it was not taken; its [`ran`](Error::ran) says whether it may run all the same. What goes wrong
/// later is logged and counted where it runs.
///
/// # Cancel safety
/// Not cancel safe: dropped while it is pending, it may run.
#[must_use = "it is not sent until it is awaited"]
pub struct NoReturn {
    way: Way,
}

enum Way {
    Plain(Acknowledged),
    Wrapped(BoxFuture<'static, Result<(), CallError>>),
}

impl NoReturn {
    pub(super) fn new<R: Wire>(call: Call<R>, flags: Flags) -> Self {
        let shared = Arc::clone(call.node.shared());
        let way = match call.prepare(config::JOB_TIMEOUT, |request| request.flags = flags) {
            Ok(Prepared { request, wrapping: None, .. }) => Way::Plain(Acknowledged::new(shared, request)),
            Ok(Prepared { mut request, wrapping: Some(wrapping), .. }) => {
                Way::Wrapped(Box::pin(wrapping.run(|call| {
                    call.shape(&mut request);
                    Acknowledged::new(shared, request).map_ok(|()| ((), None))
                })))
            }
            Err(error) => Way::Plain(Acknowledged::failed(shared, *error)),
        };
        Self { way }
    }
}

impl Future for NoReturn {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let polled = match &mut self.way {
            Way::Plain(acknowledged) => Pin::new(acknowledged).poll(cx),
            Way::Wrapped(wrapped) => wrapped.as_mut().poll(cx),
        };
        polled.map_err(Error::from)
    }
}

impl fmt::Debug for NoReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoReturn").finish_non_exhaustive()
    }
}
