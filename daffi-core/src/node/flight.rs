//! A call on its way: sent when it is first polled or launched, awaited by its slot, cancelled by its drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::in_flight::{Outcome, PartOutcome};
use super::request::Request;
use super::sending::{OnDrop, Sent};
use super::several::Several;
use super::wrapped::WrappedFlight;
use super::{Intake, Shared, Wrapping};
use crate::error::{CallError, Ran};
use crate::name::NodeName;
use crate::wire::{CallId, Direction, JobId};

enum Leg {
    New(Box<Request>),
    Slow(BoxFuture<'static, Result<Sent, CallError>>),
    Sent(Sent),
    Several(Box<Several>),
    Wrapped(Box<WrappedFlight>),
    Failed(Box<CallError>),
}

/// The task that sends a launched call when there is a link.
struct Sender {
    task: AbortHandle,
    /// Whether what it has sent, and nobody takes over, is to be cancelled.
    is_unwanted: Arc<AtomicBool>,
}

/// A call: not sent until it is first polled, or launched.
pub(crate) struct Flight {
    shared: Arc<Shared>,
    stage: Leg,
    on_drop: OnDrop,
    /// What was sent, where it may be sent again.
    kept: Option<Box<Request>>,
    sender: Option<Box<Sender>>,
}

impl Flight {
    pub(crate) fn new(shared: Arc<Shared>, request: impl Into<Box<Request>>) -> Self {
        Self { shared, stage: Leg::New(request.into()), on_drop: OnDrop::Cancel, kept: None, sender: None }
    }

    /// A call that cannot be made.
    pub(crate) fn failed(shared: Arc<Shared>, error: CallError) -> Self {
        Self { shared, stage: Leg::Failed(error.into()), on_drop: OnDrop::Cancel, kept: None, sender: None }
    }

    /// What several calls come to.
    pub(crate) fn several(shared: Arc<Shared>, several: Several) -> Self {
        Self {
            shared,
            stage: Leg::Several(Box::new(several)),
            on_drop: OnDrop::Cancel,
            kept: None,
            sender: None,
        }
    }

    /// The same with something standing around it, which is told by [`poll_over`](Self::poll_over) what it came to.
    pub(crate) fn wrapped(self, wrapping: Option<Box<Wrapping>>) -> Self {
        match wrapping {
            None => self,
            Some(wrapping) => self.wrapped_by(*wrapping),
        }
    }

    fn wrapped_by(self, wrapping: Wrapping) -> Self {
        let (shared, on_drop) = (Arc::clone(&self.shared), self.on_drop);
        let stage = Leg::Wrapped(Box::new(WrappedFlight::new(wrapping, self)));
        Self { shared, stage, on_drop, kept: None, sender: None }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What was sent, to be sent again.
    pub(crate) fn take_kept(&mut self) -> Option<Box<Request>> {
        match &mut self.stage {
            Leg::Wrapped(wrapped) => wrapped.flight.kept.take(),
            _ => self.kept.take(),
        }
    }

    /// The request, while it has not been sent.
    pub(super) fn request(&mut self) -> Option<&mut Request> {
        match &mut self.stage {
            Leg::New(request) => Some(request),
            Leg::Slow(_) | Leg::Sent(_) | Leg::Several(_) | Leg::Wrapped(_) | Leg::Failed(_) => None,
        }
    }

    /// Why what stands around it has given it up while it was on its way, if it has.
    pub(crate) fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        match &mut self.stage {
            Leg::Wrapped(wrapped) => wrapped.poll_given_up(cx),
            Leg::New(_) | Leg::Slow(_) | Leg::Sent(_) | Leg::Several(_) | Leg::Failed(_) => Poll::Pending,
        }
    }

    /// What the caller is told that it came to, given what it did come to.
    pub(crate) fn poll_over(
        &mut self,
        cx: &mut Context<'_>,
        result: &Result<(), CallError>,
    ) -> Poll<Result<(), CallError>> {
        match &mut self.stage {
            Leg::Wrapped(wrapped) => wrapped.poll_over(cx, result),
            Leg::New(_) | Leg::Slow(_) | Leg::Sent(_) | Leg::Several(_) | Leg::Failed(_) => {
                Poll::Ready(result.clone())
            }
        }
    }

    /// Drops the call, which has failed.
    pub(super) fn fail(&mut self, error: CallError) {
        self.stage = Leg::Failed(error.into());
    }

    /// Ends it now as its drop would: nobody wants more of it. What stands around it is still to be told.
    pub(crate) fn let_go(&mut self) {
        match &mut self.stage {
            Leg::Wrapped(wrapped) => wrapped.flight.let_go(),
            Leg::New(_) | Leg::Slow(_) | Leg::Sent(_) | Leg::Several(_) | Leg::Failed(_) => {
                self.fail(CallError::Cancelled { ran: Ran::Maybe });
            }
        }
    }

    /// Whether it is several calls.
    pub(crate) fn is_several(&self) -> bool {
        matches!(self.stage, Leg::Several(_))
    }

    /// The number that the controller knows it by, once it has been sent.
    pub(crate) fn number(&self) -> Option<u64> {
        match &self.stage {
            Leg::Sent(sent) => Some(sent.id.to_bits()),
            Leg::Wrapped(wrapped) => wrapped.flight.number(),
            Leg::New(_) | Leg::Slow(_) | Leg::Several(_) | Leg::Failed(_) => None,
        }
    }

    /// The node of this number.
    pub(crate) fn peer(&self, id: u32) -> Option<NodeName> {
        self.shared.lock().peer(id)
    }

    /// Sets what becomes of it when it is dropped.
    pub(crate) fn set_on_drop(&mut self, on_drop: OnDrop) {
        self.on_drop = on_drop;
        if let Some(sender) = &self.sender {
            sender.is_unwanted.store(on_drop == OnDrop::Cancel, Ordering::Release);
        }
        match &mut self.stage {
            Leg::Sent(sent) => sent.on_drop = on_drop,
            Leg::Several(several) => several.set_on_drop(on_drop),
            Leg::Wrapped(wrapped) => wrapped.flight.set_on_drop(on_drop),
            Leg::New(_) | Leg::Slow(_) | Leg::Failed(_) => {}
        }
    }

    /// Sends it, if it has not been sent. Whoever waits for its outcome already is woken by it.
    fn start(&mut self, waker: Option<&Waker>) {
        let Leg::New(request) = &mut self.stage else { return };
        let timeout = request.timeout;
        let (stage, is_slow) = match self.shared.try_send_for(request, timeout, waker) {
            Ok(Some(sent)) => (Leg::Sent(sent.taken_over(self.on_drop)), false),
            Ok(None) | Err(CallError::BadArguments { .. }) => (Leg::Failed(unsent().into()), true),
            Err(error) => (Leg::Failed(error.into()), false),
        };
        let Leg::New(request) = std::mem::replace(&mut self.stage, stage) else { return };
        let is_kept = request.is_kept;
        if is_slow {
            self.kept = is_kept.then(|| Box::new(request.copy()));
            let shared = Arc::clone(&self.shared);
            self.stage = Leg::Slow(Box::pin(shared.send_slowly(*request, Shared::try_send)));
        } else if is_kept {
            self.kept = Some(request);
        }
    }

    /// Sends it now, or as soon as there is a link: it need not be polled for that.
    pub(crate) fn launch(&mut self) {
        self.start(None);
        match &mut self.stage {
            Leg::Several(several) => {
                let task = several.launch(&self.shared.runtime);
                self.sender = Some(Box::new(Sender { task, is_unwanted: Arc::default() }));
                return;
            }
            // What has to wait for leave goes when it is polled.
            Leg::Wrapped(wrapped) => return wrapped.launch(),
            Leg::New(_) | Leg::Slow(_) | Leg::Sent(_) | Leg::Failed(_) => {}
        }
        if !matches!(self.stage, Leg::Slow(_)) {
            return;
        }
        let stage = std::mem::replace(&mut self.stage, Leg::Failed(unsent().into()));
        let Leg::Slow(slow) = stage else { return };
        let is_unwanted = Arc::new(AtomicBool::new(self.on_drop == OnDrop::Cancel));
        let wish = Arc::clone(&is_unwanted);
        let (result_in, result_out) = oneshot::channel();
        let task = self.shared.runtime.spawn(async move {
            let sent = slow.await.map(|sent| sent.wished(wish));
            // Whoever launched it may have gone; dropping what comes back then does what was wished.
            drop(result_in.send(sent));
        });
        self.sender = Some(Box::new(Sender { task: task.abort_handle(), is_unwanted }));
        self.stage = Leg::Slow(Box::pin(async { result_out.await.unwrap_or_else(|_| Err(unsent())) }));
    }

    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<CallId, CallError>> {
        loop {
            match &mut self.stage {
                Leg::New(_) => self.start(None),
                Leg::Slow(slow) => {
                    self.stage = match ready!(slow.as_mut().poll(cx)) {
                        Ok(sent) => Leg::Sent(sent.taken_over(self.on_drop)),
                        Err(error) => Leg::Failed(error.into()),
                    };
                }
                Leg::Sent(sent) => return Poll::Ready(Ok(sent.id)),
                Leg::Wrapped(wrapped) => return wrapped.poll_sent(cx),
                // It has no number of its own, and whoever may be asked for one looks at it first.
                Leg::Several(_) => return Poll::Ready(Err(unsent())),
                Leg::Failed(error) => return Poll::Ready(Err((**error).clone())),
            }
        }
    }

    /// The reply. To be polled to its end once.
    pub(crate) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Leg::Several(several) = &mut self.stage {
            return several.poll_outcome(cx);
        }
        if matches!(self.stage, Leg::New(_)) {
            self.start(Some(cx.waker()));
            if matches!(self.stage, Leg::Sent(_)) {
                return Poll::Pending;
            }
        }
        let id = ready!(self.poll_sent(cx))?;
        let outcome = ready!(self.shared.lock().in_flight.poll_outcome(id, cx));
        if let Leg::Sent(sent) = &mut self.stage {
            sent.is_over = true;
        }
        Poll::Ready(outcome)
    }

    /// The node that sends the stream that is the result, once that has begun.
    pub(crate) fn author(&self) -> Option<NodeName> {
        let sent = match &self.stage {
            Leg::Sent(sent) => sent,
            Leg::Wrapped(wrapped) => return wrapped.flight.author(),
            Leg::New(_) | Leg::Slow(_) | Leg::Several(_) | Leg::Failed(_) => return None,
        };
        let mut state = self.shared.lock();
        let peer = state.in_flight.author(sent.id)?;
        state.peer(peer)
    }

    /// The stream that is the result. Errors are those of a call that has none.
    pub(crate) fn poll_items(&mut self, cx: &mut Context<'_>) -> Poll<Result<Intake, CallError>> {
        let id = ready!(self.poll_sent(cx))?;
        let mut state = self.shared.lock();
        let (inflow, peer) = ready!(state.in_flight.poll_stream(id, cx))?;
        let author = state.author(peer);
        // What came before the call ended is there still, though its link may be gone.
        let is_over = state.in_flight.is_finished(id);
        let outbound = state.status.outbound().filter(|_| !is_over).cloned();
        drop(state);
        let flow = (Direction::Reply, id.to_bits());
        Poll::Ready(Ok(Intake::new(&self.shared, outbound, flow, inflow, author)))
    }

    /// The number of the job, once the controller has taken it.
    pub(crate) fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Result<JobId, CallError>> {
        if let Leg::Several(several) = &mut self.stage {
            return several.poll_taken(cx);
        }
        let id = ready!(self.poll_sent(cx))?;
        self.shared.lock().in_flight.poll_taken(id, cx)
    }

    /// The next parts of a broadcast's answer; none at its end.
    pub(crate) fn poll_parts(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<PartOutcome>, CallError>> {
        let id = ready!(self.poll_sent(cx))?;
        self.shared.lock().in_flight.poll_parts(id, cx)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let (Some(sender), OnDrop::Cancel) = (&self.sender, self.on_drop) {
            sender.task.abort();
            // It may have been sent in the meantime; taking it over has it cancelled.
            drop(self.poll_sent(&mut Context::from_waker(Waker::noop())));
        }
    }
}

/// The node ended before the call was sent.
fn unsent() -> CallError {
    CallError::Disconnected { ran: Ran::No }
}
