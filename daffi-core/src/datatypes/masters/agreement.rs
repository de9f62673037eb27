//! Something that several controllers are asked for, lazily.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::tally::Tally;
use super::term::Term;
use crate::api::blocking::bridge::Bridge;
use crate::error::QuorumError;

/// Something that a majority of the masters is asked for: await it, or [`wait`](Self::wait) for it on a thread.
///
/// # Errors
/// A [`QuorumError`].
///
/// # Cancel safety
/// Cancel safe: a lock that was granted to one that is dropped is released, and numbers that were are left out.
#[must_use = "nobody is asked before it is awaited"]
pub struct Agreement<T> {
    bridge: Option<Bridge>,
    limit: Option<Duration>,
    work: Work<T>,
}

/// What is done within a time.
type Work<T> = Box<dyn FnOnce(Term) -> BoxFuture<'static, Result<T, QuorumError>> + Send>;

impl<T: Send + 'static> Agreement<T> {
    /// What `work` does, which is told within what time. Without a bridge there is no master, and it does not wait.
    pub(crate) fn new<F>(bridge: Option<Bridge>, work: impl FnOnce(Term) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<T, QuorumError>> + Send + 'static,
    {
        Self { bridge, limit: None, work: Box::new(move |term| Box::pin(work(term))) }
    }

    /// Gives it this long in all, however many masters it asks how often, and whatever it waits for. Numbers are tried for
    /// as long as a few tries take from when it is the caller's turn, and locks for ever, unless this says otherwise; a
    /// single master never has more than its [own time](super::Masters::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limit = Some(timeout);
        self
    }

    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> Result<T, QuorumError> {
        let Self { bridge, limit, work } = self;
        match bridge {
            Some(bridge) => bridge.value(async move { work(Term::of(limit)).await })?,
            None => {
                let nobody = || Tally::of(0).error("masters", true);
                work(Term::of(limit)).now_or_never().unwrap_or_else(|| Err(nobody()))
            }
        }
    }
}

impl<T> IntoFuture for Agreement<T> {
    type Output = Result<T, QuorumError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        (self.work)(Term::of(self.limit))
    }
}

impl<T> fmt::Debug for Agreement<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agreement").field("limit", &self.limit).finish_non_exhaustive()
    }
}
