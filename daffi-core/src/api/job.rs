//! A call in the background.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use super::decode_reply;
use crate::callback::Wire;
use crate::error::{CallError, Error, Ran, Result, Stage};
use crate::node::{Awaiting, Flight, Node, OnDrop, Outcome, Request};
use crate::wire::JobId;

/// A call in the background. Dropping it lets the call go on; [`cancel_on_drop`](Self::cancel_on_drop) changes
/// that.
///
/// Await it for the result, or look at it from time to time: the result of a finished job can be read as often
/// as one likes. If the link to the controller breaks, the result is not lost: the job is asked for again by its
/// number once the node is connected.
///
/// # Errors
/// Awaiting it gives an [`Error::Call`]: the call's own, whose [`ran`](Error::ran) says whether the callback may have run.
///
/// # Cancel safety
/// Cancel safe: the call goes on, unless [`cancel_on_drop`](Self::cancel_on_drop) was said. [`wait`](Self::wait) keeps the
/// handle.
pub struct Job<R> {
    node: Node,
    flight: Flight,
    /// The number, for a job that was made elsewhere or whose number was asked for.
    id: Option<JobId>,
    flown: Flown,
    is_cancelled_on_drop: bool,
    outcome: Option<Outcome>,
    result: PhantomData<fn() -> R>,
}

/// What a job's flight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flown {
    /// The call itself.
    Call,
    /// The question for its result, since the link broke.
    QuestionAfterCall,
    /// The question for its result: somebody else made the call.
    Question,
    /// Several calls, made one for another: the last one's number is theirs.
    Several,
}

impl<R: Wire> Job<R> {
    pub(super) fn launch(node: Node, mut flight: Flight) -> Self {
        flight.set_on_drop(OnDrop::Detach);
        flight.launch();
        let flown = if flight.is_several() { Flown::Several } else { Flown::Call };
        Self::new(node, flight, None, flown)
    }

    pub(super) fn fetch(node: &Node, id: JobId) -> Self {
        Self::new(node.clone(), question(node, id), Some(id), Flown::Question)
    }

    fn new(node: Node, flight: Flight, id: Option<JobId>, flown: Flown) -> Self {
        Self { node, flight, id, flown, is_cancelled_on_drop: false, outcome: None, result: PhantomData }
    }

    /// Its number, if the controller has told it.
    pub(super) fn known_id(&self) -> Option<JobId> {
        self.id
    }

    pub(super) fn set_cancelled_on_drop(&mut self) {
        self.is_cancelled_on_drop = true;
    }

    /// The number that the controller knows the call by, once it has been sent.
    pub(super) fn number(&self) -> Option<u64> {
        self.flight.number()
    }

    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.flown == Flown::Several {
            return self.flight.poll_outcome(cx);
        }
        loop {
            // The number is forgotten with the flight's outcome.
            if let (None, Poll::Ready(Ok(id))) = (self.id, self.flight.poll_taken(cx)) {
                self.id = Some(id);
            }
            match (ready!(self.flight.poll_outcome(cx)), self.id) {
                (Err(CallError::Disconnected { ran: Ran::Maybe }), Some(id)) => {
                    self.flight = question(&self.node, id);
                    if self.flown == Flown::Call {
                        self.flown = Flown::QuestionAfterCall;
                    }
                }
                // Another controller than the one that took the job, or none any more: the question has not run,
                // but the job may have.
                (Err(CallError::NoSuchCallback { .. } | CallError::Disconnected { .. }), _)
                    if self.flown == Flown::QuestionAfterCall =>
                {
                    return Poll::Ready(Err(CallError::Disconnected { ran: Ran::Maybe }));
                }
                (outcome, _) => return Poll::Ready(outcome),
            }
        }
    }

    fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None => ready!(self.poll_outcome(cx)),
        };
        let outcome = self.outcome.insert(outcome);
        let result = outcome.as_ref().map_err(CallError::clone);
        let result = result.and_then(|reply| decode_reply(&self.flight, reply));
        Poll::Ready(result.map_err(Error::from))
    }

    /// Whether the result, or the reason why there is none, is here.
    pub fn is_done(&mut self) -> bool {
        if self.outcome.is_none()
            && let Poll::Ready(outcome) = self.poll_outcome(&mut Context::from_waker(Waker::noop()))
        {
            self.outcome = Some(outcome);
        }
        self.outcome.is_some()
    }

    /// Waits for the result. It can be asked for again.
    ///
    /// # Errors
    /// Any [`CallError`]: the call's own.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn wait(&mut self) -> Result<R> {
        let _awaiting = Awaiting::of(&self.node);
        poll_fn(|cx| self.poll_result(cx)).await
    }

    /// Waits for the result for this long; the job goes on in any case.
    ///
    /// # Errors
    /// [`CallError::TimedOut`] if it is not there by then, or any other [`CallError`]: the call's own. The stage of the
    /// former is [`Stage::Running`] whatever the job waits for, since only its end tells, and it may still run.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn get_timeout(&mut self, timeout: Duration) -> Result<R> {
        let waited = tokio::time::timeout(timeout, self.wait()).await;
        waited.unwrap_or_else(|_| {
            Err(CallError::TimedOut { stage: Stage::Running, node: None, after: timeout }.into())
        })
    }

    /// Its number at the controller, once that has taken it; the latest one's, if it was [repeated](super::Call::retry).
    ///
    /// # Errors
    /// Any [`CallError`] if it was not taken.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn id(&mut self) -> Result<JobId> {
        if let Some(id) = self.id {
            return Ok(id);
        }
        if let Some(Err(error)) = &self.outcome {
            return Err(error.clone().into());
        }
        let id = poll_fn(|cx| self.flight.poll_taken(cx)).await?;
        if self.flown != Flown::Several {
            self.id = Some(id);
        }
        Ok(id)
    }

    /// Has it stopped where it runs; a finished job is left as it is. It may have run: from then on the job's own outcome
    /// is [`CallError::Cancelled`].
    ///
    /// # Errors
    /// Any [`CallError`] if the controller cannot be told.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may have been cancelled.
    pub async fn cancel(&mut self) -> Result<()> {
        if self.is_done() {
            return Ok(());
        }
        if let (Flown::Question | Flown::QuestionAfterCall, Some(id)) = (self.flown, self.id) {
            self.node.cancel_job(id).await?;
            return Ok(());
        }
        self.flight.set_on_drop(OnDrop::Cancel);
        let cancelled = CallError::Cancelled { ran: Ran::Maybe };
        self.flight = Flight::failed(Arc::clone(self.node.shared()), cancelled);
        Ok(())
    }

    /// Has it cancelled when this handle is dropped.
    #[must_use]
    pub fn cancel_on_drop(mut self) -> Self {
        self.is_cancelled_on_drop = true;
        self
    }
}

impl<R> Drop for Job<R> {
    fn drop(&mut self) {
        if !self.is_cancelled_on_drop || self.outcome.is_some() {
            return;
        }
        match (self.flown, self.id) {
            (Flown::Question | Flown::QuestionAfterCall, Some(id)) => {
                let request = Request::to_controller("daffi.job.cancel", &(id,));
                let mut flight = Flight::new(Arc::clone(self.node.shared()), request);
                flight.set_on_drop(OnDrop::Detach);
                flight.launch();
            }
            _ => self.flight.set_on_drop(OnDrop::Cancel),
        }
    }
}

/// The question for a job's result, on its way. The controller ends the job at its deadline, and so the question.
fn question(node: &Node, id: JobId) -> Flight {
    let request = Request { timeout: None, ..Request::to_controller("daffi.job.result", &(id,)) };
    let mut flight = Flight::new(Arc::clone(node.shared()), request);
    flight.launch();
    flight
}

impl<R: Wire> IntoFuture for Job<R> {
    type Output = Result<R>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<R>> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move { self.wait().await })
    }
}

impl<R> fmt::Debug for Job<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}
