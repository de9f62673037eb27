//! Operations on hosted objects: calls of the controller, each of which is carried out once however often it is sent.

use std::any::type_name;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::blocking::bridge::Bridge;
use super::call::Prepared;
use super::sent::{Gate, Line};
use super::{Call, Object};
use crate::config;
use crate::error::{CallError, DataError, Ran, Result, Stage};
use crate::node::{Alive, Awaiting, Flight, Node, Phase, Reply};
use crate::wire;

/// An operation on a hosted object that has not been sent: await it, [`send`](Self::send) it at once and await it later, or
/// [`wait`](Self::wait) for it on a thread.
///
/// The controller carries out the operations of one object one at a time, each of them wholly or not at all.
///
/// # Errors
/// A [`DataError`]; its [`ran`](DataError::ran) says whether the operation may have been carried out.
///
/// # Cancel safety
/// Dropped while it is pending, it may have been carried out or not; one that still waited in line has not.
#[must_use = "an operation does nothing until it is awaited"]
pub struct Operation<T> {
    /// Dropped before `open`.
    pub(super) call: Result<Call<()>, Box<DataError>>,
    pub(super) open: Open<T>,
    /// Where it goes behind those that were begun before it.
    pub(super) line: Option<Line>,
}

/// Makes the value of what came back.
pub(super) type Open<T> = Box<dyn FnOnce(Result<&[u8], DataError>) -> Result<T, DataError> + Send>;

impl<T: DeserializeOwned + 'static> Operation<T> {
    /// The operation `name` with these arguments, which ends at once.
    #[doc(hidden)]
    pub fn at_once<A: Serialize>(object: &Object, name: &'static str, arguments: &A) -> Self {
        Self::new(object.node(), name, arguments)
    }

    /// The same for one that may have to wait until it can go on; it has no timeout unless it is given one.
    #[doc(hidden)]
    pub fn waiting<A: Serialize>(object: &Object, name: &'static str, arguments: &A) -> Self {
        Self::new(object.node(), name, arguments).no_timeout()
    }

    /// The operation `name` of the controller with these arguments.
    pub(crate) fn new<A: Serialize>(node: &Node, name: &str, arguments: &A) -> Self {
        let call = match wire::encode(arguments) {
            Ok(body) => Ok(Call::encoded(node, name, body)),
            Err(error) => Err(Box::new(DataError::invalid(error.0))),
        };
        Self { call, open: Box::new(read), line: None }
    }
}

pub(super) fn read<T: DeserializeOwned>(reply: Result<&[u8], DataError>) -> Result<T, DataError> {
    wire::decode(reply?).map_err(|error| {
        let name = type_name::<T>();
        let expected = name.rsplit("::").next().unwrap_or(name).to_owned();
        DataError::WrongValue { expected, found: error.0 }
    })
}

impl<T: 'static> Operation<T> {
    /// One that fails: its arguments are none.
    pub(crate) fn failed(error: impl Into<DataError>) -> Self {
        let open = |reply: Result<&[u8], DataError>| Err(reply.err().unwrap_or_else(unsent));
        Self { call: Err(Box::new(error.into())), open: Box::new(open), line: None }
    }

    /// The operation that `make` makes, unless it has no arguments for it.
    pub(crate) fn of<E: Into<DataError>>(make: impl FnOnce() -> Result<Self, E>) -> Self {
        make().unwrap_or_else(Self::failed)
    }

    /// Makes something else of its result.
    pub(crate) fn map<U: 'static>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Operation<U> {
        self.and_then(|value| Ok(change(value)))
    }

    /// Makes something else of its result, if it can be.
    pub(crate) fn and_then<U: 'static>(
        self,
        change: impl FnOnce(T) -> Result<U, DataError> + Send + 'static,
    ) -> Operation<U> {
        self.then(|result| change(result?))
    }

    /// Makes something else of what came of it, be that an error. If the operation is dropped before it is over, the
    /// closure is too, after the call has been cancelled.
    pub(crate) fn then<U: 'static>(
        self,
        change: impl FnOnce(Result<T, DataError>) -> Result<U, DataError> + Send + 'static,
    ) -> Operation<U> {
        let Self { call, open, line } = self;
        Operation { call, open: Box::new(move |reply| change(open(reply))), line }
    }

    /// Has it go behind those of the same line that were begun before it: it is sent once they are over.
    pub(crate) fn in_line(self, line: Option<Line>) -> Self {
        Self { line, ..self }
    }

    /// On its way as soon as it is polled and has its place among those that are `sent`, if it needs one.
    pub(super) fn begun(self, sent: Option<Arc<Semaphore>>) -> OperationFuture<T> {
        let state = match self.call {
            Ok(call) => Sending::new(call).map_err(|error| Box::new((*error).into())),
            Err(error) => Err(error),
        };
        OperationFuture { state, open: Some(self.open), gate: Gate::new(self.line, sent) }
    }

    /// Gives it this long, by default [`CALL_TIMEOUT`](config::CALL_TIMEOUT). One that may have to wait has for ever; its
    /// time being up while it waits, it leaves the line without effect, and nothing of time is to try it once.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call = self.call.map(|call| call.timeout(timeout));
        self
    }

    /// Lets it take for ever.
    pub fn no_timeout(mut self) -> Self {
        self.call = self.call.map(Call::no_timeout);
        self
    }

    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`].
    pub fn wait(self) -> Result<T, DataError> {
        let bridge = match &self.call {
            Ok(call) => Bridge::of(&call.node),
            Err(error) => return Err((**error).clone()),
        };
        bridge.value(self)?
    }
}

impl<T: 'static> IntoFuture for Operation<T> {
    type Output = Result<T, DataError>;
    type IntoFuture = OperationFuture<T>;

    fn into_future(self) -> OperationFuture<T> {
        self.begun(None)
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("call", &self.call).finish_non_exhaustive()
    }
}

fn unsent() -> DataError {
    DataError::Call(CallError::Disconnected { ran: Ran::No })
}

/// An operation that is awaited: sent when it is first polled.
#[must_use = "an operation does nothing until it is awaited"]
pub struct OperationFuture<T> {
    /// Dropped before `open`, which may send something after it.
    state: Result<Sending, Box<DataError>>,
    /// Until it is over.
    open: Option<Open<T>>,
    /// Dropped last: then others come.
    pub(super) gate: Option<Box<Gate>>,
}

/// An operation on its way, which is sent again if the link breaks before its outcome is here.
struct Sending {
    flight: Flight,
    /// The node lives as long as somebody awaits this.
    _alive: Alive,
    /// How often it may be sent again.
    left: u32,
    /// How it was lost, if it may have been carried out then.
    lost: Option<Box<CallError>>,
    /// The callback that awaits it.
    _awaiting: Option<Awaiting>,
}

impl Sending {
    fn new(call: Call<()>) -> Result<Self, Box<CallError>> {
        let _awaiting = Awaiting::of(&call.node);
        let Prepared { node, request, wrapping, .. } =
            call.prepare(config::CALL_TIMEOUT, |request| request.is_kept = true)?;
        let (shared, _alive) = node.into_parts();
        let flight = Flight::new(shared, request).wrapped(wrapping);
        Ok(Self { flight, _alive, left: config::OPERATION_RETRIES_MAX, lost: None, _awaiting })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, CallError>> {
        loop {
            let error = match ready!(self.flight.poll_outcome(cx)) {
                Ok(reply) => return Poll::Ready(Ok(reply)),
                Err(error) => error,
            };
            let may_pass = matches!(error, CallError::Disconnected { .. });
            if !may_pass || self.left == 0 || self.flight.shared().phase() == Phase::Ended {
                return Poll::Ready(Err(self.told(error)));
            }
            let Some(mut again) = self.flight.take_kept() else { return Poll::Ready(Err(self.told(error))) };
            if error.ran() != Ran::No {
                self.lost = Some(error.into());
            }
            self.left -= 1;
            // By its first number the controller knows whether it has been carried out.
            if again.extra().first.is_none() {
                again.extra_mut().first = self.flight.number();
            }
            self.flight = Flight::new(Arc::clone(self.flight.shared()), again);
        }
    }
}

impl Sending {
    /// The error for the caller: where the controller was not asked again, what happened before is not undone.
    fn told(&mut self, error: CallError) -> CallError {
        let was_asked = !matches!(
            error,
            CallError::Disconnected { ran: Ran::No } | CallError::TimedOut { stage: Stage::Connecting, .. }
        );
        if was_asked { error } else { self.lost.take().map_or(error, |lost| *lost) }
    }
}

impl<T> Future for OperationFuture<T> {
    type Output = Result<T, DataError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, DataError>> {
        let this = &mut *self;
        if let (Ok(_), Some(gate)) = (&this.state, &mut this.gate) {
            ready!(gate.poll_open(cx));
        }
        let reply = match &mut this.state {
            Ok(sending) => ready!(sending.poll(cx)).map_err(DataError::from),
            Err(error) => Err((**error).clone()),
        };
        this.gate = None;
        let open = this.open.take();
        Poll::Ready(match open {
            Some(open) => open(reply.as_ref().map(|reply| &*reply.body).map_err(DataError::clone)),
            None => Err(DataError::Call(CallError::Cancelled { ran: Ran::Maybe })),
        })
    }
}

impl<T> fmt::Debug for OperationFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::*;

    #[test]
    fn what_is_awaited_at_once_has_no_room_for_what_is_waited_for_before() {
        let sending = size_of::<Result<Sending, Box<DataError>>>() + size_of::<Option<Open<()>>>();

        assert_eq!(size_of::<OperationFuture<()>>(), sending + size_of::<usize>());
    }
}
