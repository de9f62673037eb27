//! Streams as iterators, and iterators as streams.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::bridge::Bridge;
use crate::api::{ItemStream, ReplyStream, controller};
use crate::callback::Wire;
use crate::config;
use crate::error::CallError;
use crate::name::NodeName;
use crate::node::PresenceStream;
use crate::wire::Presence;

/// A stream for threads: an iterator that waits for each item. What dropping the stream does, dropping this does.
///
/// In an async task the next item is the error [`CallError::WouldBlock`], and the last.
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is asked for items"]
pub struct Iter<S> {
    stream: S,
    bridge: Bridge,
    is_over: bool,
}

impl<S: Stream + Unpin> Iter<S> {
    pub(super) fn new(stream: S, bridge: &Bridge) -> Self {
        Self { stream, bridge: bridge.clone(), is_over: false }
    }

    fn advance(&mut self) -> Result<Option<S::Item>, CallError> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.bridge.value(self.stream.next());
        self.is_over = !matches!(next, Ok(Some(_)));
        next
    }
}

impl<R: Wire> Iter<ItemStream<R>> {
    /// As [`ItemStream::item_timeout`].
    pub fn item_timeout(mut self, timeout: Duration) -> Self {
        self.stream = self.stream.item_timeout(timeout);
        self
    }

    /// As [`ItemStream::author`].
    pub fn author(&self) -> Option<NodeName> {
        self.stream.author()
    }
}

impl<R: Wire> Iterator for Iter<ItemStream<R>> {
    type Item = Result<R, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().unwrap_or_else(|error| Some(Err(error)))
    }
}

impl<R: Wire> Iterator for Iter<ReplyStream<R>> {
    type Item = (NodeName, Result<R, CallError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().unwrap_or_else(|error| Some((controller(), Err(error))))
    }
}

impl Iterator for Iter<PresenceStream> {
    type Item = Result<Presence, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The items of an iterator as a stream, for a callback that takes one: `sum::call(&node, feed(1..=100))`.
///
/// The iterator runs on a thread of its own and may block there, from when the call is sent on; it is asked for no more
/// than [`FED_AHEAD`](config::FED_AHEAD) items that the stream has not yielded. If it panics, so does the stream, and
/// the call fails.
///
/// Once nobody takes items any more it is dropped when it has made the next one. If it never makes one, as where nobody
/// types, its thread stays, and a runtime of one's own does not end before it; the process does.
pub fn feed<I>(items: I) -> impl Stream<Item = I::Item> + Send + 'static
where
    I: IntoIterator + Send + 'static,
    I::Item: Send + 'static,
{
    stream::once(async { draw(items) }).flatten()
}

fn draw<I>(items: I) -> impl Stream<Item = I::Item> + Send + 'static
where
    I: IntoIterator + Send + 'static,
    I::Item: Send + 'static,
{
    let (sender, receiver) = mpsc::channel(config::FED_AHEAD);
    let thread = spawn_blocking(move || {
        for item in items {
            if sender.blocking_send(item).is_err() {
                return;
            }
        }
    });
    stream::unfold((receiver, thread), async |(mut receiver, thread)| match receiver.recv().await {
        Some(item) => Some((item, (receiver, thread))),
        None => {
            pass_on_panic(thread).await;
            None
        }
    })
}

/// An iterator that panicked has not come to its end.
async fn pass_on_panic(thread: JoinHandle<()>) {
    if let Err(error) = thread.await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
