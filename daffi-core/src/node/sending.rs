//! Sending a call: at once if there is a link that has room for it, else as soon as there is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::flows::Outlet;
use super::in_flight::{Expect, Reply};
use super::one_way::Sequence;
use super::request::Request;
use super::state::{State, Status};
use super::{Flight, Phase, Shared};
use crate::config;
use crate::error::{CallError, Ran};
use crate::name::CallbackName;
use crate::session::Outbound;
use crate::wire::{self, CallId, Direction, Header, Kind, Signature, put_frame};

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
        let number = request.number.filter(|number| request.is_declared && number.link == state.link);
        if let Some(number) = number {
            return Ok(Some((outbound, Some(number.id))));
        }
        let known = state.known_of(request);
        // Large ones are looked at before, without the lock.
        if let Some(known) = known.filter(|_| !request.is_declared && !request.is_chunked()) {
            known.check(&request.body, request.streams())?;
        }
        Ok(Some((outbound, known.map(|known| known.id))))
    }

    /// Sends the call if there is a link; what follows it in chunks is then taken out of the request.
    pub(super) fn try_send(
        self: &Arc<Self>,
        request: &mut Request,
        remaining: Option<Duration>,
    ) -> Result<Option<Sent>, CallError> {
        self.try_send_for(request, remaining, None)
    }

    /// The same for a caller who waits for the outcome already: to say so later takes a second look under the lock.
    pub(super) fn try_send_for(
        self: &Arc<Self>,
        request: &mut Request,
        remaining: Option<Duration>,
        waker: Option<&Waker>,
    ) -> Result<Option<Sent>, CallError> {
        let has_flow = request.feed.is_some() || request.is_chunked();
        if has_flow {
            self.check_flow(request)?;
        }
        let mut state = self.lock();
        let Some((outbound, known)) = Self::may_send(&state, request)? else { return Ok(None) };
        let is_alone = state.in_flight.waiting() == 0;
        let eta = request.extra().eta.unwrap_or_default();
        let (id, is_earlier) =
            state.insert_call(request.expect, remaining, eta, || Instant::now().into_std())?;
        state.in_flight.set_waker(id, waker);
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
        Ok(Some(Sent::new(self, id, OnDrop::Cancel)))
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
        Ok(Control(Sent::new(self, id, OnDrop::Detach)))
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
pub(super) struct Sent {
    shared: Arc<Shared>,
    pub(super) id: CallId,
    pub(super) on_drop: OnDrop,
    /// On its way to its caller, who may have changed their mind by the time that it is dropped: whether it is then to be
    /// cancelled.
    is_unwanted: Option<Arc<AtomicBool>>,
    /// Its outcome was taken: nothing is left to be given up.
    pub(super) is_over: bool,
}

impl Sent {
    fn new(shared: &Arc<Shared>, id: CallId, on_drop: OnDrop) -> Self {
        Self { shared: Arc::clone(shared), id, on_drop, is_unwanted: None, is_over: false }
    }

    /// On its way to its caller, who says whether it is still wanted.
    pub(super) fn wished(mut self, is_unwanted: Arc<AtomicBool>) -> Self {
        self.is_unwanted = Some(is_unwanted);
        self
    }

    /// With its caller, for whom it is dropped like this.
    pub(super) fn taken_over(mut self, on_drop: OnDrop) -> Self {
        (self.on_drop, self.is_unwanted) = (on_drop, None);
        self
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let on_drop = match &self.is_unwanted {
            None => self.on_drop,
            Some(is_unwanted) if is_unwanted.load(Ordering::Acquire) => OnDrop::Cancel,
            Some(_) => OnDrop::Detach,
        };
        match on_drop {
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
