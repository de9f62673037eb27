//! Streams of callbacks: items that come as an argument, and items that go as the result.
//!
//! Where the bytes come from and go to, the layer above knows: [`Source`] and [`Sink`] are all that is seen of it here.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use serde::Serialize;

use super::arguments::Wire;
use super::invoke::{Fault, Outcome};
use crate::error::{CallError, Ran};
use crate::wire::{self, ItemError, Items};

/// Where the bytes of a stream's items come from. Dropping it tells that no more are wanted.
pub trait Source: Send {
    /// The next bytes, in the order sent, cut anywhere; `None` at the end.
    fn poll_bytes(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Bytes, CallError>>>;

    /// What an item that cannot be read is to whoever reads it.
    fn unreadable(&self, message: String) -> CallError;
}

/// Where the items of a stream go.
pub trait Sink: Send {
    /// Tells the other side that the stream has begun.
    fn begin(&mut self);

    /// Waits until another item may be produced; `false` if nobody wants one any more.
    fn poll_room(&mut self, cx: &mut TaskContext<'_>) -> Poll<bool>;

    /// Where the next item is to be put, behind those that have not been sent.
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// Sends what there is, as far as the other side has room; `cx` is woken when it has more, or wants no more.
    fn flush(&mut self, cx: &mut TaskContext<'_>);

    /// Waits until everything has been sent, or nobody wants it.
    fn poll_sent(&mut self, cx: &mut TaskContext<'_>) -> Poll<()>;

    /// Everything has been sent, and it was all: the other side is told so.
    fn end(&mut self);
}

/// The streams of one call: what a callback under `#[callback]` is handed beside its arguments.
pub struct Flow {
    source: Option<Box<dyn Source>>,
    sink: Option<Box<dyn Sink>>,
}

impl Flow {
    /// The streams of a call; `None` where it has none.
    pub fn new(source: Option<Box<dyn Source>>, sink: Option<Box<dyn Sink>>) -> Self {
        Self { source, sink }
    }

    /// The stream that the caller feeds; empty if it feeds none, or was asked for before.
    pub fn incoming<T: Wire>(&mut self) -> Incoming<T> {
        Incoming::new(self.source.take())
    }

    /// Sends the items of `stream` as the result, each as `put` encodes it.
    ///
    /// # Errors
    /// The [`Fault`] that `put` returned first; the items before it have then been sent.
    ///
    /// # Cancel safety
    /// Not cancel safe: items that were taken from `stream` may not have been sent.
    pub async fn give<S: Stream>(
        self,
        stream: S,
        put: impl FnMut(&mut Vec<u8>, S::Item) -> Result<(), Fault>,
    ) -> Outcome {
        // The node gives one to every callback that returns a stream.
        let Some(mut sink) = self.sink else { return Ok(Vec::new()) };
        sink.begin();
        give(&mut *sink, stream, put).await.map(|()| Vec::new())
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = (self.source.is_some(), self.sink.is_some());
        f.debug_struct("Flow").field("source", &has.0).field("sink", &has.1).finish()
    }
}

/// Sends a stream into a sink: the rest of a call that feeds.
pub type Feed = Box<dyn FnOnce(Box<dyn Sink>) -> BoxFuture<'static, Result<(), Fault>> + Send>;

/// What sends the items of `stream`, each as `put` encodes it.
pub fn feed<S>(
    stream: S,
    put: impl FnMut(&mut Vec<u8>, S::Item) -> Result<(), Fault> + Send + 'static,
) -> Feed
where
    S: Stream + Send + 'static,
{
    Box::new(|mut sink| Box::pin(async move { give(&mut *sink, stream, put).await }))
}

/// Polls `stream` only while the other side has room, so that whoever takes slowly stops whoever produces.
async fn give<S: Stream>(
    sink: &mut dyn Sink,
    stream: S,
    mut put: impl FnMut(&mut Vec<u8>, S::Item) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut stream = pin!(stream);
    let mut in_turn = 0;
    let ended = poll_fn(|cx| {
        loop {
            if !ready!(sink.poll_room(cx)) {
                return Poll::Ready(None);
            }
            let Poll::Ready(item) = stream.as_mut().poll_next(cx) else {
                sink.flush(cx);
                in_turn = 0;
                return Poll::Pending;
            };
            let Some(item) = item else { return Poll::Ready(Some(Ok(()))) };
            if let Err(fault) = put(sink.buffer(), item) {
                return Poll::Ready(Some(Err(fault)));
            }
            in_turn += 1;
            if in_turn == ITEMS_IN_TURN {
                in_turn = 0;
                sink.flush(cx);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    });
    let Some(ended) = ended.await else { return Ok(()) };
    poll_fn(|cx| sink.poll_sent(cx)).await;
    ended.map(|()| sink.end())
}

/// Appends one item of a stream.
///
/// # Errors
/// [`Fault::BadReply`] if it cannot be encoded, or is too large.
pub fn put_item<T: Serialize>(out: &mut Vec<u8>, value: &T) -> Result<(), Fault> {
    wire::put_item(out, value).map_err(|error| match error {
        ItemError::Body(error) => Fault::BadReply { message: error.0 },
        other => Fault::BadReply { message: other.to_string() },
    })
}

/// The items of a stream that a caller feeds, in their order: a parameter of a callback.
///
/// An error is the last item: that of the caller's own stream, or why nothing more will come. What is not taken
/// stops the caller's stream once a window of it ([`FLOW_WINDOW_BYTES`](crate::config::FLOW_WINDOW_BYTES)) is under
/// way. Dropped before its end, the caller's stream is polled no more than that.
#[must_use = "a stream does nothing until it is polled"]
pub struct Incoming<T> {
    source: Option<Box<dyn Source>>,
    items: Items,
    item: PhantomData<fn() -> T>,
}

impl<T: Wire> Incoming<T> {
    /// The items that `source` brings.
    pub fn new(source: Option<Box<dyn Source>>) -> Self {
        Self { source, items: Items::new(), item: PhantomData }
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// [`CallError`] if the stream broke off; nothing follows.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Result<T, CallError>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<T, CallError>>> {
        loop {
            let Some(source) = &mut self.source else { return Poll::Ready(None) };
            let read = match self.items.next() {
                Ok(Some(item)) => Some(wire::decode(item).map_err(|error| error.0)),
                Ok(None) => None,
                Err(error) => Some(Err(error.to_string())),
            };
            match read {
                Some(Ok(item)) => return Poll::Ready(Some(Ok(item))),
                Some(Err(message)) => {
                    let error = source.unreadable(message);
                    return self.fail(error);
                }
                None => {}
            }
            match ready!(source.poll_bytes(cx)) {
                Some(Ok(bytes)) => self.items.push(&bytes),
                Some(Err(error)) => return self.fail(error),
                None => {
                    self.source = None;
                    if let Err(error) = self.items.end() {
                        let message = error.to_string();
                        return self.fail(CallError::Protocol { message, ran: Ran::Maybe });
                    }
                }
            }
        }
    }

    /// Gives the last item, an error.
    fn fail(&mut self, error: CallError) -> Poll<Option<Result<T, CallError>>> {
        self.source = None;
        self.items = Items::new();
        Poll::Ready(Some(Err(error)))
    }
}

impl<T: Wire> Stream for Incoming<T> {
    type Item = Result<T, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<T> fmt::Debug for Incoming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("is_over", &self.source.is_none()).finish_non_exhaustive()
    }
}

/// A stream that is always ready lets others run after so many items.
const ITEMS_IN_TURN: u32 = 256;
