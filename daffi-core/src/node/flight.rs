//! A call on its way: sent when it is first polled or launched, awaited by its slot, cancelled by its drop.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::flows::Outlet;
use super::in_flight::{Expect, Outcome, PartOutcome, Reply};
use super::one_way::Sequence;
use super::request::Request;
use super::several::Several;
use super::state::{State, Status};
use super::wrapped::WrappedFlight;
use super::{Intake, Phase, Shared, Wrapping};
use crate::config;
use crate::error::{CallError, Ran};
use crate::name::{CallbackName, NodeName};
use crate::session::Outbound;
use crate::wire::{self, CallId, Direction, Header, JobId, Kind, Signature, put_frame};

impl Shared {
    /// Whatever stands against sending now; if nothing does, the outbound half and the callback's number, if it
    /// has one. `None` without a link.
    pub(super) fn may_send(
        state: &State,
        request: &Request,
    ) -> Result<Option<(Outbound, Option<u32>)>, CallError> {
        request.check(state.flows.body_bytes_max)?;
        let outbound = match &state.status {
            Status::Connecting | Status::Away(_) => return Ok(None),
            Status::Ended => return Err(CallError::Disconnected { ran: Ran::No }),
            Status::Connected(outbound) => outbound.clone(),
        };
        if outbound.queued() > config::OUTPUT_BYTES_MAX {
            let what = format!("{} bytes wait for the controller", outbound.queued());
            return Err(CallError::Busy { what });
        }
        let known = state.known(request.name.as_str());
        // Large ones are looked at before, without the lock.
        if let Some(known) = known.filter(|_| !request.is_declared && !request.is_chunked()) {
            known.check(&request.body, request.streams())?;
        }
        Ok(Some((outbound, known.map(|known| known.id))))
    }

    /// Sends the call if there is a link; what follows it in chunks is then taken out of the request.
    fn try_send(
        self: &Arc<Self>,
        request: &mut Request,
        remaining: Option<Duration>,
    ) -> Result<Option<Sent>, CallError> {
        let has_flow = request.feed.is_some() || request.is_chunked();
        if has_flow {
            self.check_flow(request)?;
        }
        let mut state = self.lock();
        let Some((outbound, known)) = Self::may_send(&state, request)? else { return Ok(None) };
        let is_alone = state.in_flight.waiting() == 0;
        let eta = request.eta.unwrap_or_default();
        let (id, is_earlier) =
            state.insert_call(request.expect, remaining, eta, || Instant::now().into_std())?;
        outbound.with(|out| request.put(out, id.to_bits(), known, remaining));
        let outlet = has_flow.then(|| {
            let on = (state.link, outbound.clone());
            Outlet::open(self, &mut state, on, (Direction::Request, id.to_bits()))
        });
        drop(state);
        self.send_off(&outbound, is_alone, is_earlier);
        if let Some(outlet) = outlet {
            self.send_flow(outlet, request);
        }
        Ok(Some(Sent { shared: Arc::clone(self), id, on_drop: OnDrop::Cancel }))
    }

    /// Sends a call that wants no reply if there is a link.
    pub(super) fn try_send_one_way(
        self: &Arc<Self>,
        request: &mut Request,
        remaining: Option<Duration>,
    ) -> Result<Option<Sequence>, CallError> {
        let mut state = self.lock();
        let Some((outbound, known)) = Self::may_send(&state, request)? else { return Ok(None) };
        let is_alone = state.in_flight.waiting() == 0 && state.one_way.len() == 0;
        let (sequence, is_earlier) = state.insert_one_way(remaining, || Instant::now().into_std())?;
        outbound.with(|out| request.put(out, sequence.number, known, remaining));
        drop(state);
        self.send_off(&outbound, is_alone, is_earlier);
        Ok(Some(sequence))
    }

    /// A lone call goes out at once; those of a crowd go out together.
    pub(super) fn send_off(&self, outbound: &Outbound, is_alone: bool, is_earlier: bool) {
        if is_alone {
            outbound.flush();
        } else {
            outbound.flush_soon();
        }
        if is_earlier {
            self.timer.notify_one();
        }
    }

    /// Tells the controller that nobody wants the call's outcome.
    fn cancel(&self, id: CallId) {
        let mut state = self.lock();
        let (must_cancel, waker) = state.abandon(id);
        if let (true, Some(outbound)) = (must_cancel, state.status.outbound()) {
            let outbound = outbound.clone();
            // Under the lock: the slot may be reused as soon as it is released, and the controller must hear
            // of the cancellation first.
            outbound.with(|out| put_cancel(out, id));
            outbound.flush_soon();
        }
        drop(state);
        drop(waker);
    }

    /// Sends a message that is answered by a reply, whether or not the link is ready for calls.
    pub(crate) fn send_control(
        self: &Arc<Self>,
        outbound: &Outbound,
        kind: Kind,
        body: &[u8],
    ) -> Result<Control, CallError> {
        let mut state = self.lock();
        let timeout = Some(config::CALL_TIMEOUT);
        let (id, is_earlier) =
            state.insert_call(Expect::Reply, timeout, Duration::ZERO, || Instant::now().into_std())?;
        let header = Header { call: id.to_bits(), ..Header::new(kind) };
        outbound.with(|out| put_frame(out, header, &[], body));
        drop(state);
        self.send_off(outbound, true, is_earlier);
        Ok(Control(Sent { shared: Arc::clone(self), id, on_drop: OnDrop::Detach }))
    }

    /// The reply to a call that is made now.
    pub(crate) async fn ask(self: &Arc<Self>, request: Request) -> Result<Reply, CallError> {
        let mut flight = Flight::new(Arc::clone(self), request);
        std::future::poll_fn(|cx| flight.poll_outcome(cx)).await
    }

    /// Sends what could not be sent at once: waits for the link, and looks again at signatures that may be old.
    pub(super) async fn send_slowly<T>(
        self: Arc<Self>,
        mut request: Request,
        try_send: TrySend<T>,
    ) -> Result<T, CallError> {
        let after = request.timeout.unwrap_or_default();
        let deadline = request.timeout.map(|timeout| Instant::now() + timeout.min(config::TIMEOUT_MAX));
        let mut is_fresh = false;
        loop {
            self.connected(deadline, after).await?;
            let remaining = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match try_send(&self, &mut request, remaining) {
                Ok(Some(sent)) => return Ok(sent),
                // The link broke in between, or the driver has not yet said so.
                Ok(None) if self.phase() == Phase::Connected => tokio::task::yield_now().await,
                Ok(None) => {}
                Err(CallError::BadArguments { .. }) if !is_fresh => {
                    self.relearn(&request.name, remaining).await?;
                    is_fresh = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for the signatures of `name` anew.
    async fn relearn(
        self: &Arc<Self>,
        name: &CallbackName,
        timeout: Option<Duration>,
    ) -> Result<(), CallError> {
        let signatures = self.signatures(name, timeout).await?;
        self.lock().relearn(name.as_str(), signatures);
        Ok(())
    }

    /// The signatures of `name` that are on offer now.
    pub(crate) async fn signatures(
        self: &Arc<Self>,
        name: &CallbackName,
        timeout: Option<Duration>,
    ) -> Result<Vec<Signature>, CallError> {
        let request = Request { timeout, ..Request::to_controller("daffi.signatures", &(name,)) };
        let reply = self.ask(request).await?;
        wire::decode(&reply.body)
            .map_err(|error| CallError::Protocol { message: error.to_string(), ran: Ran::No })
    }
}

/// Sends a call if there is a link.
pub(super) type TrySend<T> = fn(&Arc<Shared>, &mut Request, Option<Duration>) -> Result<Option<T>, CallError>;

pub(crate) fn put_cancel(out: &mut Vec<u8>, id: CallId) {
    put_frame(out, Header { call: id.to_bits(), ..Header::new(Kind::Cancel) }, &[], &[]);
}

/// What becomes of a call whose caller no longer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDrop {
    /// It is cancelled.
    Cancel,
    /// It goes on.
    Detach,
}

/// A call that was sent.
struct Sent {
    shared: Arc<Shared>,
    id: CallId,
    on_drop: OnDrop,
}

impl Drop for Sent {
    fn drop(&mut self) {
        match self.on_drop {
            OnDrop::Cancel => self.shared.cancel(self.id),
            OnDrop::Detach => {
                let waker = self.shared.lock().in_flight.detach(self.id);
                drop(waker);
            }
        }
    }
}

/// The reply to a message other than a call.
pub(crate) struct Control(Sent);

impl Future for Control {
    type Output = Result<(), CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.0.shared.lock().in_flight.poll_outcome(self.0.id, cx));
        Poll::Ready(outcome.map(drop))
    }
}

enum Leg {
    New(Box<Request>),
    Slow(BoxFuture<'static, Result<Sent, CallError>>),
    Sent(Sent),
    Several(Box<Several>),
    Wrapped(Box<WrappedFlight>),
    Failed(CallError),
}

/// A call: not sent until it is first polled, or launched.
pub(crate) struct Flight {
    shared: Arc<Shared>,
    stage: Leg,
    on_drop: OnDrop,
    /// The task that sends a launched call when there is a link.
    sender: Option<AbortHandle>,
}

impl Flight {
    pub(crate) fn new(shared: Arc<Shared>, request: impl Into<Box<Request>>) -> Self {
        Self { shared, stage: Leg::New(request.into()), on_drop: OnDrop::Cancel, sender: None }
    }

    /// A call that cannot be made.
    pub(crate) fn failed(shared: Arc<Shared>, error: CallError) -> Self {
        Self { shared, stage: Leg::Failed(error), on_drop: OnDrop::Cancel, sender: None }
    }

    /// What several calls come to.
    pub(crate) fn several(shared: Arc<Shared>, several: Several) -> Self {
        Self { shared, stage: Leg::Several(Box::new(several)), on_drop: OnDrop::Cancel, sender: None }
    }

    /// The same with something standing around it, which is told by [`poll_over`](Self::poll_over) what it came to.
    pub(crate) fn wrapped(self, wrapping: Option<Box<Wrapping>>) -> Self {
        let Some(wrapping) = wrapping else { return self };
        let (shared, on_drop) = (Arc::clone(&self.shared), self.on_drop);
        let stage = Leg::Wrapped(Box::new(WrappedFlight::new(*wrapping, self)));
        Self { shared, stage, on_drop, sender: None }
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
        self.stage = Leg::Failed(error);
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
        match &mut self.stage {
            Leg::Sent(sent) => sent.on_drop = on_drop,
            Leg::Several(several) => several.set_on_drop(on_drop),
            Leg::Wrapped(wrapped) => wrapped.flight.set_on_drop(on_drop),
            Leg::New(_) | Leg::Slow(_) | Leg::Failed(_) => {}
        }
    }

    fn start(&mut self, mut request: Request) {
        let timeout = request.timeout;
        self.stage = match self.shared.try_send(&mut request, timeout) {
            Ok(Some(mut sent)) => {
                sent.on_drop = self.on_drop;
                Leg::Sent(sent)
            }
            Ok(None) | Err(CallError::BadArguments { .. }) => {
                let shared = Arc::clone(&self.shared);
                Leg::Slow(Box::pin(shared.send_slowly(request, Shared::try_send)))
            }
            Err(error) => Leg::Failed(error),
        };
    }

    /// Sends it now, or as soon as there is a link: it need not be polled for that.
    pub(crate) fn launch(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Leg::Failed(unsent()));
        match stage {
            Leg::New(request) => self.start(*request),
            stage => self.stage = stage,
        }
        match &mut self.stage {
            Leg::Several(several) => {
                self.sender = Some(several.launch(&self.shared.runtime));
                return;
            }
            // What has to wait for leave goes when it is polled.
            Leg::Wrapped(wrapped) => return wrapped.launch(),
            Leg::New(_) | Leg::Slow(_) | Leg::Sent(_) | Leg::Failed(_) => {}
        }
        let stage = std::mem::replace(&mut self.stage, Leg::Failed(unsent()));
        let Leg::Slow(slow) = stage else {
            self.stage = stage;
            return;
        };
        let on_drop = self.on_drop;
        let (result_in, result_out) = oneshot::channel();
        let task = self.shared.runtime.spawn(async move {
            let result = slow.await.map(|mut sent| {
                sent.on_drop = on_drop;
                sent
            });
            // Whoever launched it may have gone; dropping what comes back then does what was wished.
            drop(result_in.send(result));
        });
        self.sender = Some(task.abort_handle());
        self.stage = Leg::Slow(Box::pin(async { result_out.await.unwrap_or_else(|_| Err(unsent())) }));
    }

    pub(super) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<CallId, CallError>> {
        loop {
            match &mut self.stage {
                Leg::New(_) => {
                    let Leg::New(request) = std::mem::replace(&mut self.stage, Leg::Failed(unsent())) else {
                        unreachable!("the stage was looked at above")
                    };
                    self.start(*request);
                }
                Leg::Slow(slow) => {
                    self.stage = match ready!(slow.as_mut().poll(cx)) {
                        Ok(mut sent) => {
                            sent.on_drop = self.on_drop;
                            Leg::Sent(sent)
                        }
                        Err(error) => Leg::Failed(error),
                    };
                }
                Leg::Sent(sent) => return Poll::Ready(Ok(sent.id)),
                Leg::Wrapped(wrapped) => return wrapped.poll_sent(cx),
                // It has no number of its own, and whoever may be asked for one looks at it first.
                Leg::Several(_) => return Poll::Ready(Err(unsent())),
                Leg::Failed(error) => return Poll::Ready(Err(error.clone())),
            }
        }
    }

    /// The reply. To be polled to its end once.
    pub(crate) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Leg::Several(several) = &mut self.stage {
            return several.poll_outcome(cx);
        }
        let id = ready!(self.poll_sent(cx))?;
        self.shared.lock().in_flight.poll_outcome(id, cx)
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
            sender.abort();
            // It may have been sent in the meantime; taking it over has it cancelled.
            drop(self.poll_sent(&mut Context::from_waker(Waker::noop())));
        }
    }
}

/// The node ended before the call was sent.
fn unsent() -> CallError {
    CallError::Disconnected { ran: Ran::No }
}
