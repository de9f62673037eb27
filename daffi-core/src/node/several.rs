//! What several calls come to that are made one for another: a call that is repeated, or made twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::in_flight::Outcome;
use super::sending::OnDrop;
use crate::error::{CallError, Ran};
use crate::wire::JobId;

/// The outcome of several calls, which is made as it is polled; or by a task, once launched.
pub(crate) struct Several {
    making: BoxFuture<'static, Outcome>,
    outcome: Option<Outcome>,
    taken: Arc<Taken>,
}

/// The number under which the controller has taken the latest of them.
#[derive(Default)]
pub(crate) struct Taken {
    job: Mutex<Option<JobId>>,
    waker: AtomicWaker,
    /// Its caller wants it cancelled.
    is_unwanted: AtomicBool,
}

impl Taken {
    /// It has taken one.
    pub(crate) fn set(&self, job: JobId) {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        self.waker.wake();
    }

    /// Its caller wants it cancelled when it is dropped, or not.
    pub(crate) fn unwant(&self, is_unwanted: bool) {
        self.is_unwanted.store(is_unwanted, Ordering::Release);
    }

    /// Whether its caller wants it cancelled.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.is_unwanted.load(Ordering::Acquire)
    }

    fn job(&self) -> Option<JobId> {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Several {
    /// What `making` comes to, which says in `taken` what the controller has taken.
    pub(crate) fn new(making: BoxFuture<'static, Outcome>, taken: Arc<Taken>) -> Self {
        Self { making, outcome: None, taken }
    }

    /// What becomes of it when it is dropped.
    pub(super) fn set_on_drop(&self, on_drop: OnDrop) {
        self.taken.unwant(on_drop == OnDrop::Cancel);
    }

    /// Has a task make it.
    pub(super) fn launch(&mut self, runtime: &Handle) -> AbortHandle {
        let (outcome_in, outcome_out) = oneshot::channel();
        let awaited = async { outcome_out.await.unwrap_or_else(|_| Err(ended())) };
        let making = std::mem::replace(&mut self.making, Box::pin(awaited));
        // Whoever launched it may have let go of it.
        let task = runtime.spawn(async move { drop(outcome_in.send(making.await)) });
        task.abort_handle()
    }

    /// The outcome.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.outcome.is_none() {
            self.outcome = Some(ready!(self.making.as_mut().poll(cx)));
        }
        Poll::Ready(self.outcome.clone().unwrap_or_else(|| Err(ended())))
    }

    /// The number of the latest job, once the controller has taken one.
    pub(super) fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Result<JobId, CallError>> {
        self.taken.waker.register(cx.waker());
        if let Some(job) = self.taken.job() {
            return Poll::Ready(Ok(job));
        }
        let outcome = ready!(self.poll_outcome(cx));
        Poll::Ready(self.taken.job().ok_or_else(|| outcome.err().unwrap_or_else(ended)))
    }
}

/// The runtime ended in the middle of it.
fn ended() -> CallError {
    CallError::Disconnected { ran: Ran::Maybe }
}
