//! Operations that are sent at once, and awaited later, in any order, or not at all.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, unconstrained};

use super::blocking::bridge::Bridge;
use super::{Operation, OperationFuture};
use crate::error::{CallError, DataError, Ran};

/// Operations that are carried out in the order in which they were begun: each is sent once the one before it is over.
pub(crate) type Line = Arc<Mutex<()>>;

/// An operation that was sent at once: a future of what comes of it, as HyperDex's `async_…` give.
///
/// # Cancel safety
/// Dropped, it is carried out all the same, and nobody hears what came of it; [`cancel`](Self::cancel) tries to prevent it.
#[must_use = "dropped, what came of it is lost; it is carried out all the same"]
pub struct Sent<T> {
    state: State<T>,
}

enum State<T> {
    Going(JoinHandle<Result<T, DataError>>, Bridge),
    /// Until it is taken.
    Over(Option<Result<T, DataError>>),
}

impl<T: Send + 'static> Operation<T> {
    /// Sends it at once, to be awaited later: in any order with others, as by `FuturesUnordered`, or not at all.
    ///
    /// A node has at most [`SENT_IN_FLIGHT_MAX`](crate::config::SENT_IN_FLIGHT_MAX) of them on their way; further ones are
    /// sent in the order in which they were begun, as others end. Nothing orders what comes of two of them, unless they are
    /// of a handle that says so, as [`ordered_by_key`](crate::datatypes::space::DynSpace::ordered_by_key) does. One that
    /// waits, as for an item of a queue, keeps its place meanwhile.
    pub fn send(self) -> Sent<T> {
        let Ok(call) = &self.call else { return Sent::over(self.call.err()) };
        let (bridge, shared) = (Bridge::of(&call.node), Arc::clone(call.node.shared()));
        let mut future = self.begun(Some(Arc::clone(&shared.sent)));
        let _entered = shared.runtime.enter();
        // Now, and whatever the task has done before: so they take their places in the order in which they were begun.
        let polled = unconstrained(&mut future).poll_unpin(&mut Context::from_waker(Waker::noop()));
        let state = match polled {
            Poll::Ready(result) => State::Over(Some(result)),
            Poll::Pending => State::Going(shared.runtime.spawn(future), bridge),
        };
        Sent { state }
    }

    /// Sends it as [`send`](Self::send) does, but waits first until there is a place for it: whoever sends faster than the
    /// controller answers is slowed down.
    ///
    /// # Cancel safety
    /// Dropped while it is pending, it was not sent.
    pub async fn send_when_ready(self) -> Sent<T> {
        let Ok(call) = &self.call else { return Sent::over(self.call.err()) };
        let (bridge, shared) = (Bridge::of(&call.node), Arc::clone(call.node.shared()));
        let mut future = self.begun(Some(Arc::clone(&shared.sent)));
        future.placed().await;
        Sent { state: State::Going(shared.runtime.spawn(future), bridge) }
    }
}

impl<T: 'static> Sent<T> {
    fn over(error: Option<Box<DataError>>) -> Self {
        Self { state: State::Over(error.map(|error| Err(*error))) }
    }

    /// Gives it up. What was not sent is not carried out; what was sent is taken back if it waits still.
    pub fn cancel(self) {
        if let State::Going(task, _) = self.state {
            task.abort();
        }
    }

    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`].
    pub fn wait(self) -> Result<T, DataError> {
        match self.state {
            State::Over(result) => result.unwrap_or_else(|| Err(taken())),
            State::Going(task, bridge) => bridge.value(task)?.unwrap_or_else(|_| Err(taken())),
        }
    }
}

impl<T> Future for Sent<T> {
    type Output = Result<T, DataError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.state {
            State::Over(result) => result.take(),
            State::Going(task, _) => ready!(task.poll_unpin(cx)).ok(),
        };
        self.state = State::Over(None);
        Poll::Ready(result.unwrap_or_else(|| Err(taken())))
    }
}

impl<T> Unpin for Sent<T> {}

/// Its runtime has ended, or its result was given already.
fn taken() -> DataError {
    DataError::Call(CallError::Cancelled { ran: Ran::Maybe })
}

impl<T> fmt::Debug for Sent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_over = match &self.state {
            State::Over(_) => true,
            State::Going(task, _) => task.is_finished(),
        };
        f.debug_struct("Sent").field("is_over", &is_over).finish()
    }
}

/// What an operation waits for before it is sent, and has then.
pub(super) struct Gate {
    waiting: Option<BoxFuture<'static, Places>>,
    /// Held until it is dropped.
    places: Places,
}

/// Its turn in a line, and its place among those that are on their way.
#[derive(Default)]
struct Places {
    _turn: Option<OwnedMutexGuard<()>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// That of an operation with a turn to wait for, or a place; most have none.
    pub(super) fn new(line: Option<Line>, sent: Option<Arc<Semaphore>>) -> Option<Box<Self>> {
        if line.is_none() && sent.is_none() {
            return None;
        }
        // Those with a place never wait for their turn, so that it comes.
        let waiting = async move {
            let _turn = match line {
                Some(line) => Some(line.lock_owned().await),
                None => None,
            };
            let _place = match sent {
                Some(sent) => sent.acquire_owned().await.ok(),
                None => None,
            };
            Places { _turn, _place }
        };
        Some(Box::new(Self { waiting: Some(Box::pin(waiting)), places: Places::default() }))
    }

    /// Waits for its places.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(waiting) = &mut self.waiting {
            self.places = ready!(waiting.poll_unpin(cx));
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

impl<T> OperationFuture<T> {
    /// Waits until it may be sent.
    async fn placed(&mut self) {
        if let Some(gate) = &mut self.gate {
            std::future::poll_fn(|cx| gate.poll_open(cx)).await;
        }
    }
}
