//! A call that this node makes, as what stands around it sees it; and the gate at which it waits for leave to go on.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::in_flight::Expect;
use super::request::Request;
use crate::callback::{Next, Wrapped, Wraps};
use crate::error::{CallError, Ran};
use crate::name::{CallbackName, NodeName};
use crate::wire::{Flags, Traceparent};

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// It is awaited.
    Foreground,
    /// In the background, whether its result is kept at the controller or sent.
    Background,
    /// Nobody wants its result.
    NoReturn,
    /// To every node that offers the name.
    Broadcast,
    /// Its result is a stream.
    Stream,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreground => "foreground",
            Self::Background => "background",
            Self::NoReturn => "no return",
            Self::Broadcast => "broadcast",
            Self::Stream => "stream",
        })
    }
}

/// A call that this node makes, as what stands around it sees it. It is not sent before
/// [`next.run(call)`](Next::run).
///
/// Whoever stands around it and says something else than what it came to speaks for themselves: once it is sent, an error
/// that says that it [has not run](CallError::ran) is true only if that is known.
#[derive(Debug, Clone)]
pub struct Outgoing {
    callback: CallbackName,
    mode: Mode,
    on: Option<String>,
    argument_bytes: usize,
    timeout: Option<Duration>,
    says_timeout: bool,
    /// Until when the callback lasts that makes it.
    until: Option<Instant>,
    trace: Option<Traceparent>,
}

impl Outgoing {
    /// What `request` is, whose caller `says_timeout` or left it at the usual.
    pub(crate) fn of(request: &Request, says_timeout: bool, until: Option<Instant>) -> Self {
        let flags = request.flags;
        let mode = match request.expect {
            _ if flags.has(Flags::BROADCAST) => Mode::Broadcast,
            _ if flags.has(Flags::ONE_WAY) => Mode::NoReturn,
            Expect::Items | Expect::TakenAndItems => Mode::Stream,
            _ if flags.has(Flags::BACKGROUND) => Mode::Background,
            _ => Mode::Foreground,
        };
        Self {
            callback: request.name.clone(),
            mode,
            on: request.extra().on.clone(),
            argument_bytes: request.body.len(),
            timeout: request.timeout,
            says_timeout,
            until,
            trace: request.extra().trace,
        }
    }

    /// Has `request` be what this has become.
    pub(crate) fn shape(self, request: &mut Request) {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        request.timeout = match (self.timeout, left) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        };
        request.set_trace(self.trace);
    }

    /// The callback that is called.
    pub fn callback(&self) -> &CallbackName {
        &self.callback
    }

    /// How it is made.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The node that shall run it, if the call names one.
    pub fn on(&self) -> Option<&str> {
        self.on.as_deref()
    }

    /// The bytes of its arguments, without those of a stream that it brings.
    pub fn argument_bytes(&self) -> usize {
        self.argument_bytes
    }

    /// How long it may take once it is sent; `None` if for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether the call itself says how long it may take, or that it may take for ever; else it has what calls of its
    /// mode usually have.
    pub fn says_timeout(&self) -> bool {
        self.says_timeout
    }

    /// Gives it this long, or for ever. A callback's own calls still end with its time.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Its place in a trace, if it is part of one.
    pub fn traceparent(&self) -> Option<Traceparent> {
        self.trace
    }

    /// Makes it part of a trace: what the callee is told.
    pub fn set_traceparent(&mut self, traceparent: Traceparent) {
        self.trace = Some(traceparent);
    }
}

/// A call that a node made has come to a good end. What the result is, only its caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    node: Option<NodeName>,
}

impl Ended {
    pub(crate) fn at(node: Option<NodeName>) -> Self {
        Self { node }
    }

    /// The node that ran it, where one node did and its result is here.
    pub fn node(&self) -> Option<&NodeName> {
        self.node.as_ref()
    }
}

impl Wrapped for Outgoing {
    type Outcome = Result<Ended, CallError>;
}

/// Where a call waits for leave to go on, and what stands around it for the call.
#[derive(Default)]
struct Gate {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// The call may go on, as this.
    leave: Option<Outgoing>,
    /// Whoever waits for that.
    caller: Option<Waker>,
    /// What it came to.
    ended: Option<Result<Ended, CallError>>,
    /// Whoever waits for that.
    innermost: Option<Waker>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the call leave, and waits for what it comes to.
    async fn pass(self: Arc<Self>, call: Outgoing) -> Result<Ended, CallError> {
        let caller = {
            let mut inside = self.lock();
            inside.leave = Some(call);
            inside.caller.take()
        };
        caller.into_iter().for_each(Waker::wake);
        poll_fn(|cx| {
            let mut inside = self.lock();
            match inside.ended.take() {
                Some(ended) => Poll::Ready(ended),
                None => {
                    inside.innermost = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// What stands around one call that this node makes. The call itself is made by whoever has this, between leave and end.
pub(crate) struct Wrapping {
    gate: Arc<Gate>,
    /// Until it has ended.
    around: Option<BoxFuture<'static, Result<Ended, CallError>>>,
}

impl Wrapping {
    pub(crate) fn new(wraps: Wraps<Outgoing>, call: Outgoing) -> Self {
        let gate = Arc::new(Gate::default());
        let inner = Arc::clone(&gate);
        let next = Next::new(wraps, move |call| Box::pin(inner.pass(call)));
        Self { gate, around: Some(Box::pin(next.run(call))) }
    }

    fn poll_around(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ended, CallError>> {
        // The call may go on from another task than the one that polls here.
        self.gate.lock().caller = Some(cx.waker().clone());
        let Some(around) = &mut self.around else { return Poll::Pending };
        let polled = around.as_mut().poll(cx);
        if polled.is_ready() {
            self.around = None;
        }
        polled
    }

    /// The call as it may be made, or why it may not.
    pub(crate) fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outgoing, CallError>> {
        match self.poll_around(cx) {
            Poll::Ready(ended) => Poll::Ready(Err(astray(ended, Ran::No))),
            Poll::Pending => match self.gate.lock().leave.take() {
                Some(call) => Poll::Ready(Ok(call)),
                None => Poll::Pending,
            },
        }
    }

    /// Why the call is given up while it is made, if it is.
    pub(crate) fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        self.poll_around(cx).map(|ended| astray(ended, Ran::Maybe))
    }

    /// The call has come to this.
    pub(crate) fn end(&self, ended: Result<Ended, CallError>) {
        let innermost = {
            let mut inside = self.gate.lock();
            inside.ended = Some(ended);
            inside.innermost.take()
        };
        innermost.into_iter().for_each(Waker::wake);
    }

    /// What the caller is told that the call came to, once that has been said by [`end`](Self::end).
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        self.poll_around(cx).map_ok(drop)
    }

    /// Makes the call by `make`, and says what the caller is told that it came to.
    pub(crate) async fn run<T, Made>(self, make: impl FnOnce(Outgoing) -> Made) -> Result<T, CallError>
    where
        Made: Future<Output = Result<(T, Option<NodeName>), CallError>>,
    {
        self.run_or(make, || ()).await
    }

    /// As [`run`](Self::run), and says it by `give_up` before the call is dropped in the middle.
    pub(crate) async fn run_or<T, Made>(
        mut self,
        make: impl FnOnce(Outgoing) -> Made,
        give_up: impl FnOnce(),
    ) -> Result<T, CallError>
    where
        Made: Future<Output = Result<(T, Option<NodeName>), CallError>>,
    {
        let call = poll_fn(|cx| self.poll_leave(cx)).await?;
        let mut making = Box::pin(make(call));
        let made = poll_fn(|cx| match making.as_mut().poll(cx) {
            Poll::Ready(made) => Poll::Ready(Ok(made)),
            Poll::Pending => self.poll_given_up(cx).map(Err),
        });
        let made = match made.await {
            Ok(made) => made,
            Err(error) => {
                give_up();
                return Err(error);
            }
        };
        drop(making);
        let (value, ended) = match made {
            Ok((value, node)) => (Some(value), Ok(Ended::at(node))),
            Err(error) => (None, Err(error)),
        };
        self.end(ended);
        poll_fn(|cx| self.poll_over(cx)).await?;
        value.ok_or(CallError::Cancelled { ran: Ran::Maybe })
    }
}

/// What stands around a call ended before the call did; where it says that all is well, it speaks of another call.
fn astray(ended: Result<Ended, CallError>, ran: Ran) -> CallError {
    ended.err().unwrap_or(CallError::Cancelled { ran })
}
