//! A call whose result is a stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use tokio::time::{Instant, Sleep};

use crate::callback::{Incoming, Wire};
use crate::error::{CallError, Stage};
use crate::node::{Awaiting, Flight, Node};

/// The items of a stream that a callback returns, in their order, as they come; made by
/// [`Call::stream`](super::Call::stream) and [`Call::bg_stream`](super::Call::bg_stream).
///
/// An error is the last item: that of the callback, after the items before it, or why the call could not be made. The
/// callback produces no more than a window ([`FLOW_WINDOW_BYTES`](crate::config::FLOW_WINDOW_BYTES)) beyond what was
/// taken here. Dropping the stream before its end cancels the callback.
#[must_use = "a stream does nothing until it is polled"]
pub struct ItemStream<R> {
    node: Node,
    stage: Stages<R>,
    item_timeout: Option<Duration>,
    /// Runs while an item is waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// The callback that waits for an item.
    awaiting: Option<Awaiting>,
}

enum Stages<R> {
    /// Sent, or to be sent when it is first polled.
    Flying(Flight),
    /// The callback has begun. The flight is kept: dropped, it cancels the call.
    Open(Incoming<R>, Flight),
    /// No item comes any more; what that is to the caller is still to be said.
    Ending(Flight, Result<(), CallError>),
    Over,
}

impl<R: Wire> ItemStream<R> {
    pub(super) fn new(node: Node, flight: Flight) -> Self {
        Self { node, stage: Stages::Flying(flight), item_timeout: None, timer: None, awaiting: None }
    }

    /// Waits at most this long for each item; then the stream ends with [`CallError::TimedOut`] and the callback is
    /// cancelled. The first item's time begins when it is first polled.
    pub fn item_timeout(mut self, timeout: Duration) -> Self {
        self.item_timeout = Some(timeout);
        self
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// [`CallError`], the last item: the call could not be made, or broke off, or the callback's stream failed.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Result<R, CallError>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<R, CallError>>> {
        let polled = self.poll_untimed(cx);
        if polled.is_ready() {
            self.timer = None;
            self.awaiting = None;
            return polled;
        }
        if self.awaiting.is_none() {
            self.awaiting = Awaiting::of(&self.node);
        }
        let Some(after) = self.item_timeout else { return Poll::Pending };
        let timer =
            self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + after)));
        ready!(timer.as_mut().poll(cx));
        let node = self.author();
        self.end(Err(CallError::TimedOut { stage: Stage::Running, node, after }));
        self.timer = None;
        self.poll_item(cx)
    }

    fn poll_untimed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<R, CallError>>> {
        loop {
            match &mut self.stage {
                Stages::Flying(flight) => match ready!(flight.poll_items(cx)) {
                    Ok(intake) => {
                        let items = Incoming::new(Some(Box::new(intake)));
                        let Stages::Flying(flight) = std::mem::replace(&mut self.stage, Stages::Over) else {
                            unreachable!("the stage was looked at above")
                        };
                        self.stage = Stages::Open(items, flight);
                    }
                    Err(error) => self.end(Err(error)),
                },
                Stages::Open(items, flight) => {
                    if let Poll::Ready(error) = flight.poll_given_up(cx) {
                        self.end(Err(error));
                        continue;
                    }
                    match ready!(Pin::new(items).poll_next(cx)) {
                        Some(Ok(item)) => return Poll::Ready(Some(Ok(item))),
                        Some(Err(error)) => self.end(Err(error)),
                        None => self.end(Ok(())),
                    }
                }
                Stages::Ending(flight, result) => {
                    let over = ready!(flight.poll_over(cx, result));
                    self.stage = Stages::Over;
                    return Poll::Ready(over.err().map(Err));
                }
                Stages::Over => return Poll::Ready(None),
            }
        }
    }

    /// No item comes any more.
    fn end(&mut self, result: Result<(), CallError>) {
        self.stage = match std::mem::replace(&mut self.stage, Stages::Over) {
            Stages::Flying(flight) | Stages::Open(_, flight) => Stages::Ending(flight, result),
            stage @ (Stages::Ending(..) | Stages::Over) => stage,
        };
    }

    /// The node that produces the items, once the first has come.
    pub fn author(&self) -> Option<crate::name::NodeName> {
        match &self.stage {
            Stages::Open(_, flight) => flight.author(),
            Stages::Flying(_) | Stages::Ending(..) | Stages::Over => None,
        }
    }
}

impl<R: Wire> Stream for ItemStream<R> {
    type Item = Result<R, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<R> fmt::Debug for ItemStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stages::Flying(_) => "flying",
            Stages::Open(..) => "open",
            Stages::Ending(..) => "ending",
            Stages::Over => "over",
        };
        f.debug_struct("ItemStream").field("stage", &stage).finish_non_exhaustive()
    }
}
