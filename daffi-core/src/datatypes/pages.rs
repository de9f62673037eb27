//! Large objects read page by page, as a stream.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use crate::api::blocking::bridge::Bridge;
use crate::api::{Object, Operation};
use crate::error::DataError;
use crate::hosted::Key;

/// A part of an object in the order of its keys, and whether more follows.
pub(super) type Page<V> = (Vec<(Key, V)>, bool);

/// A walk over a large object: it is read page by page, while others may change it.
///
/// What goes by its key, as in hashes, sets and multisets, comes exactly once if it is there from the first page to the
/// last; if it is added or removed meanwhile it may come or not, and never twice. What goes by its place, as in lists and
/// deques, is moved by what comes or goes before it, and then may come twice or not at all. A value of
/// another type is an error of its own, after which the walk goes on; any other error ends it.
///
/// # Cancel safety
/// Cancel safe: it can be dropped at any time, and `next` awaited anew.
#[must_use = "nothing is read until the stream is polled"]
pub struct Pages<T> {
    bridge: Bridge,
    stream: BoxStream<'static, Result<T, DataError>>,
}

/// Where a walk goes on.
enum Cursor {
    Start,
    After(Key),
    End,
}

impl<T: Send + 'static> Pages<T> {
    /// A walk over what `page` reads of the object after a key, with each entry made a `T`.
    pub(super) fn new<V: Send + 'static>(
        object: &Object,
        mut page: impl FnMut(Option<Key>) -> Operation<Page<V>> + Send + 'static,
        open: fn(Key, V) -> Result<T, DataError>,
    ) -> Self {
        let pages = stream::try_unfold(Cursor::Start, move |cursor| {
            let read = match cursor {
                Cursor::Start => Some(page(None)),
                Cursor::After(key) => Some(page(Some(key))),
                Cursor::End => None,
            };
            let read = read.map(IntoFuture::into_future);
            async move {
                let Some(read) = read else { return Ok(None) };
                let (entries, has_more) = read.await?;
                let last = entries.last().filter(|_| has_more).map(|(key, _)| key.clone());
                Ok(Some((entries, last.map_or(Cursor::End, Cursor::After))))
            }
        });
        let entries = pages.flat_map(move |page| match page {
            Ok(entries) => stream::iter(entries).map(move |(key, value)| open(key, value)).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        });
        Self { bridge: Bridge::of(object.node()), stream: entries.boxed() }
    }

    /// The same walk, of which each item is several.
    pub(super) fn each<U, I>(self, mut spread: impl FnMut(T) -> I + Send + 'static) -> Pages<U>
    where
        U: Send + 'static,
        I: Iterator<Item = Result<U, DataError>> + Send + 'static,
    {
        let stream = self.stream.flat_map(move |item| match item {
            Ok(item) => stream::iter(spread(item)).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        });
        Pages { bridge: self.bridge, stream: stream.boxed() }
    }

    /// The same walk on this thread, for programs without a runtime: an iterator that waits for each page. In an async
    /// task its first item, and its last, is [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> impl Iterator<Item = Result<T, DataError>> {
        self.bridge.items(self.stream)
    }
}

impl<T> Stream for Pages<T> {
    type Item = Result<T, DataError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(cx)
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}
