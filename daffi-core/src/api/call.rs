//! A call, before it has a mode, and awaited.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use futures::Stream;
use serde::Serialize;

use super::retry::{Plan, carry_out};
use super::{Broadcast, Every, ItemStream, Job, Limit, NoReturn, controller, decode_reply};
use crate::callback::stream::{feed, put_item};
use crate::callback::{Arguments, Fault, Feed, Wire};
use crate::config;
use crate::error::{CallError, Error, Ran, Result};
use crate::name::NodeName;
use crate::node::{Awaiting, Expect, Flight, Node, OnDrop, Outgoing, Request, Wrapping};
use crate::wire::{Flags, JobId, Traceparent, TraceparentError};

/// A call that has not been made: await it, or give it another mode.
///
/// | mode | ending | what becomes of it |
/// |---|---|---|
/// | FG | `.await` | the result; dropped while it is pending, it is cancelled |
/// | BG | [`.bg()`](Self::bg) | a [`Job`], sent at once |
/// | NO_RETURN | [`.no_return()`](Self::no_return) | over once the mesh has taken it |
/// | PERIOD | [`.every()`](Self::every), [`.at()`](Self::at) | a [`Schedule`](super::Schedule) that outlives this process |
/// | BROADCAST | [`.broadcast()`](Self::broadcast) | one outcome for each node that offers the name |
///
/// A callback that returns a stream is called with [`.stream()`](Self::stream), which yields its items as they come, or
/// [`.bg_stream()`](Self::bg_stream). One that takes a stream is given it by [`.feed(stream)`](Self::feed).
///
/// A call is made once; [`.retry(3)`](Self::retry) makes it again when it failed and may be, and
/// [`.hedge_after(d)`](Self::hedge_after) on a second node when it takes long.
///
/// # Errors
/// Awaiting it gives an [`Error::Call`] if there is no result; [`Error::ran`] says whether the callback may have run.
///
/// # Cancel safety
/// Not cancel safe: dropped while it is pending, the call is cancelled where it runs, and may have run.
#[must_use = "a call does nothing until it is awaited or given a mode: `.await`, `.bg()`, `.no_return()`, `.every(..)`, `.broadcast()`"]
pub struct Call<R> {
    pub(super) node: Node,
    /// Or why it cannot be made.
    pub(super) request: Result<Box<Request>, Box<CallError>>,
    pub(super) limit: Limit,
    /// Where it may be made more than once.
    pub(super) plan: Option<Box<Plan>>,
    result: PhantomData<fn() -> R>,
}

/// A call that is ready to be sent.
pub(super) struct Prepared {
    pub(super) node: Node,
    pub(super) request: Box<Request>,
    pub(super) plan: Option<Box<Plan>>,
    /// What stands around it, if anything does.
    pub(super) wrapping: Option<Box<Wrapping>>,
}

impl<R> Call<R> {
    pub(super) fn new(node: &Node, name: &str, arguments: &impl Arguments) -> Self {
        let request = request(node, name, arguments);
        Self { node: node.clone(), request, limit: Limit::Usual, plan: None, result: PhantomData }
    }

    /// A call whose arguments the compiler has checked: what the typed forms make.
    #[doc(hidden)]
    pub fn declared(node: &Node, name: &str, arguments: &impl Arguments) -> Self {
        let mut call = Self::new(node, name, arguments);
        if let Ok(request) = &mut call.request {
            request.is_declared = true;
        }
        call
    }

    /// A call of the controller's own callback `name`, whose arguments are encoded already.
    pub(super) fn encoded(node: &Node, name: &str, body: Vec<u8>) -> Self {
        let request = with_body(node, name, body);
        let call = Self { node: node.clone(), request, limit: Limit::Usual, plan: None, result: PhantomData };
        call.with(|request| request.is_declared = true)
    }

    /// Says that the result is a stream.
    #[doc(hidden)]
    pub fn gives_stream(self) -> Self {
        self.with(|request| request.gives_stream = true)
    }

    /// Has it bring a stream.
    #[doc(hidden)]
    pub fn feeds(self, feed: Feed) -> Self {
        self.with(|request| request.feed = Some(feed))
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Request)) -> Self {
        if let Ok(request) = &mut self.request {
            change(request);
        }
        self
    }
}

impl<R: Wire> Call<R> {
    /// Gives it this long, by default [`CALL_TIMEOUT`](config::CALL_TIMEOUT), and in the background or without return
    /// [`JOB_TIMEOUT`](config::JOB_TIMEOUT). Then the controller has it cancelled where it runs. Made by way of
    /// [`Context::node`](crate::callback::Context::node) and waited for, it has no more time than that callback has left.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limit = Limit::Within(timeout);
        self
    }

    /// Lets it take for ever.
    pub fn no_timeout(mut self) -> Self {
        self.limit = Limit::None;
        self
    }

    /// Has this node run it, and no other; by default the controller chooses the least busy one that offers the name,
    /// and the caller itself only if nobody else does.
    pub fn on(self, node: impl Into<String>) -> Self {
        let node = node.into();
        if NodeName::new(&node).is_err() {
            // A text that cannot be a name is one that no node has.
            return self.refused(CallError::NoSuchNode { node, similar: Vec::new() });
        }
        self.with(|request| request.extra_mut().on = Some(node))
    }

    /// Has the same node run all calls of one key, as long as it is there. A key has at most
    /// [`KEY_BYTES_MAX`](config::KEY_BYTES_MAX) bytes.
    pub fn key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        if key.len() > config::KEY_BYTES_MAX {
            let (bytes, limit) = (key.len() as u64, config::KEY_BYTES_MAX as u64);
            return self.refused(CallError::TooLarge { what: "key".into(), bytes, limit, ran: Ran::No });
        }
        self.with(|request| request.extra_mut().key = Some(key))
    }

    /// Has the controller hold it for this long first, which does not count as its time.
    pub fn eta(self, eta: Duration) -> Self {
        self.with(|request| request.extra_mut().eta = Some(eta))
    }

    /// Makes it part of a trace that this process did not begin: a [`Traceparent`], or the text of a header `traceparent`.
    /// The callee sees it as [`Context::traceparent`](crate::callback::Context::traceparent), or a span of that trace.
    ///
    /// Calls through [`Context::node`](crate::callback::Context::node) and [`Node::traced`] are part of a trace without it.
    /// The runs of a schedule are not: each begins its own.
    pub fn traceparent<T>(self, traceparent: T) -> Self
    where
        T: TryInto<Traceparent>,
        T::Error: Into<TraceparentError>,
    {
        match traceparent.try_into().map_err(Into::into) {
            Ok(traceparent) => self.with(|request| request.extra_mut().trace = Some(traceparent)),
            Err(error) => self.refused(CallError::BadArguments {
                expected: "a traceparent as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`".into(),
                got: error.to_string(),
            }),
        }
    }

    pub(super) fn refused(mut self, error: CallError) -> Self {
        if self.request.is_ok() {
            self.request = Err(Box::new(error));
        }
        self
    }

    /// Gives it `stream` for the callback's parameter of type [`Incoming`](crate::callback::Incoming); the other
    /// arguments are those of the call, at most [`CHUNK_BYTES`](config::CHUNK_BYTES) of them.
    ///
    /// The stream is polled from when the call is sent until the callback has ended, and no more than a window
    /// ([`FLOW_WINDOW_BYTES`](config::FLOW_WINDOW_BYTES)) beyond what the callback has taken. Only calls that are
    /// awaited, [`bg`](Self::bg), [`stream`](Self::stream) and [`bg_stream`](Self::bg_stream) can bring one.
    pub fn feed<S>(self, stream: S) -> Self
    where
        S: Stream + Send + 'static,
        S::Item: Serialize,
    {
        self.feeds(feed(stream, |out, item| put_item(out, &item)))
    }

    /// As [`feed`](Self::feed); an error of the stream is its last item, which the callback sees as a
    /// [`CallError::Remote`] of this node.
    pub fn try_feed<S, T, E>(self, stream: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Serialize,
        E: fmt::Display,
    {
        self.feeds(feed(stream, |out, item| match item {
            Ok(item) => put_item(out, &item),
            Err(error) => Err(fault(&error)),
        }))
    }

    /// The items of the stream that the callback returns. It is sent when it is first polled; if it cannot be made,
    /// the error is the only item. It has no timeout but what [`timeout`](Self::timeout) says, which is for all of
    /// the stream; [`item_timeout`](ItemStream::item_timeout) is for each item. Dropping it cancels the callback.
    pub fn stream(self) -> ItemStream<R> {
        let node = self.node.clone();
        let flight = self
            .once(".stream()")
            .unlimited()
            .flight(config::TIMEOUT_MAX, |request| request.expect = Expect::Items);
        ItemStream::new(node, flight)
    }

    /// As [`stream`](Self::stream), but sent at once: the callback has produced up to a window by the time it is first
    /// polled. Made by a callback, it is not bound to that one's time.
    pub fn bg_stream(self) -> ItemStream<R> {
        let node = self.node.clone();
        let mut flight = self.once(".bg_stream()").unlimited().flight(config::TIMEOUT_MAX, |request| {
            request.flags = Flags::BACKGROUND;
            request.expect = Expect::TakenAndItems;
        });
        flight.launch();
        ItemStream::new(node, flight)
    }

    /// A stream may last for ever unless its caller says otherwise.
    fn unlimited(mut self) -> Self {
        if self.limit == Limit::Usual {
            self.limit = Limit::None;
        }
        self
    }

    /// The call on its way, not sent yet; for modes whose calls are made once.
    pub(super) fn flight(self, usual: Duration, change: impl FnOnce(&mut Request)) -> Flight {
        let shared = Arc::clone(self.node.shared());
        match self.prepare(usual, change) {
            Ok(Prepared { request, wrapping, .. }) => Flight::new(shared, request).wrapped(wrapping),
            Err(error) => Flight::failed(shared, *error),
        }
    }

    /// The same for modes with one result, whose calls may be made more than once.
    pub(super) fn unary(self, usual: Duration, change: impl FnOnce(&mut Request)) -> Flight {
        let shared = Arc::clone(self.node.shared());
        let several = match self.prepare(usual, change) {
            Ok(Prepared { request, plan: None, wrapping: None, .. }) => return Flight::new(shared, request),
            Ok(prepared) => carry_out(&shared, prepared),
            Err(error) => Err(*error),
        };
        match several {
            Ok(several) => Flight::several(shared, several),
            Err(error) => Flight::failed(shared, error),
        }
    }

    /// The request as it is to be sent, and what stands around it.
    pub(super) fn prepare(
        self,
        usual: Duration,
        change: impl FnOnce(&mut Request),
    ) -> Result<Prepared, Box<CallError>> {
        let mut request = self.request?;
        let (timeout, says_timeout) = (self.limit.or(usual), self.limit != Limit::Usual);
        request.timeout = timeout;
        change(&mut request);
        // What outlives its caller outlives the callback that makes it, too.
        let outlives = request.flags.has(Flags::BACKGROUND) || request.flags.has(Flags::ONE_WAY);
        if !outlives {
            request.timeout = self.node.within_scope(timeout);
        }
        let until = if outlives { None } else { self.node.scope_ends_at() };
        let shared = self.node.shared();
        let wrapping = shared.wrapping(|| Outgoing::of(&request, says_timeout, until));
        Ok(Prepared { node: self.node, request, plan: self.plan, wrapping })
    }

    /// Runs it in the background: it is sent at once, and the [`Job`] says how it went. Dropping that lets the
    /// call go on.
    pub fn bg(self) -> Job<R> {
        let node = self.node.clone();
        let flight = self.unary(config::JOB_TIMEOUT, |request| {
            request.flags = Flags::BACKGROUND;
            request.expect = Expect::TakenAndReply;
        });
        Job::launch(node, flight)
    }

    /// Runs it in the background and has the controller keep the result, for [`Node::job`] to fetch from any
    /// process within [`KEPT_FOR`](config::KEPT_FOR). The result may have [`BODY_BYTES_MAX`](config::BODY_BYTES_MAX).
    ///
    /// # Errors
    /// Any [`CallError`] if it was not taken; its [`ran`](CallError::ran) says whether it may run all the same.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may run without anybody knowing its number.
    pub async fn submit(self) -> Result<JobId> {
        let mut flight = self.once(".submit()").flight(config::JOB_TIMEOUT, |request| {
            request.flags = Flags::BACKGROUND.with(Flags::KEPT);
            request.expect = Expect::Taken;
        });
        flight.set_on_drop(OnDrop::Detach);
        let taken = poll_fn(|cx| flight.poll_taken(cx)).await;
        let result = taken.as_ref().map(|_| ()).map_err(CallError::clone);
        poll_fn(|cx| flight.poll_over(cx, &result)).await?;
        Ok(taken?)
    }

    /// Waits for the result as awaiting the call does, and says which node it is from. It is sent when it is first polled.
    ///
    /// # Errors
    /// Any [`CallError`]; its [`ran`](CallError::ran) says whether it may have run.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropped while it is pending, the call is cancelled, and may have run.
    pub async fn with_node(self) -> Result<(NodeName, R)> {
        let mut flight = self.unary(config::CALL_TIMEOUT, |_| ());
        let reply = poll_fn(|cx| flight.poll_outcome(cx)).await?;
        let value = decode_reply(&flight, &reply)?;
        Ok((flight.peer(reply.peer).unwrap_or_else(controller), value))
    }

    /// Wants no result: over once the mesh has taken it for a live callee. It is sent when first polled, so
    /// many can be under way together; its failure is logged and counted where it ran.
    pub fn no_return(self) -> NoReturn {
        NoReturn::new(self.once(".no_return()"), Flags::ONE_WAY)
    }

    /// Runs it at a fixed rate, from one period from now on, until it is cancelled. The controller measures the time;
    /// a period is at least [`SCHEDULE_PERIOD_MIN`](config::SCHEDULE_PERIOD_MIN).
    pub fn every(self, period: Duration) -> Every {
        Every::by_period(self.once(".every(..)"), period)
    }

    /// Runs it at these instants, by the clock of the controller; none may be past, and at most
    /// [`SCHEDULE_TIMES_MAX`](config::SCHEDULE_TIMES_MAX) are taken.
    pub fn at(self, times: impl IntoIterator<Item = SystemTime>) -> Every {
        Every::by_times(self.once(".at(..)"), times)
    }

    /// Runs it on every other node that offers it.
    pub fn broadcast(self) -> Broadcast<R> {
        Broadcast::new(self.once(".broadcast()"))
    }
}

/// What the callee is told of an error of the caller's own stream.
fn fault<E: fmt::Display>(error: &E) -> Fault {
    let kind = std::any::type_name::<E>().to_owned();
    Fault::Failed { kind, message: error.to_string(), chain: Vec::new(), value: Vec::new() }
}

fn request(node: &Node, name: &str, arguments: &impl Arguments) -> Result<Box<Request>, Box<CallError>> {
    let mut body = Vec::with_capacity(BODY_BYTES_USUAL);
    arguments.put(&mut body).map_err(|error| CallError::BadArguments {
        expected: "arguments that can be encoded".into(),
        got: error.to_string(),
    })?;
    with_body(node, name, body)
}

fn with_body(node: &Node, name: &str, body: Vec<u8>) -> Result<Box<Request>, Box<CallError>> {
    // A text that cannot be a name is one that nobody offers.
    let no_name = |_| Box::new(CallError::NoSuchCallback { name: name.to_owned(), similar: Vec::new() });
    let (name, number) = node.shared().lock().name(name).map_err(no_name)?;
    let mut request = Box::new(Request::new(name, body));
    request.number = number;
    request.set_trace(node.trace().copied());
    Ok(request)
}

/// What a one-way call of `name` is but for its arguments.
pub(super) fn one_way_request(node: &Node, name: &str) -> Result<Request, CallError> {
    let request = request(node, name, &()).map_err(|error| *error)?;
    let timeout = Some(config::JOB_TIMEOUT);
    // The arguments are checked one by one; here are none.
    Ok(Request { flags: Flags::ONE_WAY, timeout, is_declared: true, ..*request })
}

/// Most arguments fit.
const BODY_BYTES_USUAL: usize = 64;

impl<R: Wire> IntoFuture for Call<R> {
    type Output = Result<R>;
    type IntoFuture = CallFuture<R>;

    fn into_future(self) -> CallFuture<R> {
        let awaiting = Awaiting::of(&self.node);
        let flight = self.unary(config::CALL_TIMEOUT, |_| ());
        CallFuture { flight, _awaiting: awaiting, result: PhantomData }
    }
}

impl<R> fmt::Debug for Call<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.request.as_ref().map(|request| &request.name);
        f.debug_struct("Call").field("name", &name).finish_non_exhaustive()
    }
}

/// A call in the foreground: sent when it is first polled, cancelled when it is dropped.
///
/// # Errors
/// An [`Error::Call`], whose [`ran`](Error::ran) says whether the callback may have run.
///
/// # Cancel safety
/// Not cancel safe: dropped while it is pending, the call is cancelled where it runs, and may have run.
#[must_use = "a call does nothing until it is awaited"]
pub struct CallFuture<R> {
    flight: Flight,
    /// The callback that awaits it, until it is dropped.
    _awaiting: Option<Awaiting>,
    result: PhantomData<fn() -> R>,
}

impl<R: Wire> Future for CallFuture<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let outcome = ready!(self.flight.poll_outcome(cx));
        Poll::Ready(outcome.and_then(|reply| decode_reply(&self.flight, &reply)).map_err(Error::from))
    }
}

impl<R> fmt::Debug for CallFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").finish_non_exhaustive()
    }
}
