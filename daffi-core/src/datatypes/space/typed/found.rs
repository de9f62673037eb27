//! What searches of objects of one type find.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};

use super::{Space, object};
use crate::datatypes::space::results::{Results, SearchCursor};
use crate::error::DataError;

/// What a search finds: a stream of values of `S`, all of one instant, each of them once. It is a [`Results`] with a type.
///
/// An object that is no `S`, since the space was altered, is [`DataError::WrongValue`], and those after it come all the
/// same. Every other error is the last item.
///
/// # Cancel safety
/// Cancel safe: `next` can be dropped and awaited anew.
#[must_use = "nothing but the first page is read until the stream is polled"]
pub struct TypedResults<S> {
    results: Results,
    of: PhantomData<fn() -> S>,
}

impl<S: Space> TypedResults<S> {
    pub(super) fn new(results: Results) -> Self {
        Self { results, of: PhantomData }
    }

    /// Where another stream would go on after the last item; see [`Results::cursor`].
    pub fn cursor(&self) -> Option<SearchCursor> {
        self.results.cursor()
    }

    /// Ends this stream and not its search: its cursor.
    pub fn keep(self) -> Option<SearchCursor> {
        self.results.keep()
    }

    /// The same on this thread, for programs without a runtime; see [`Results::wait`].
    pub fn wait(self) -> impl Iterator<Item = Result<S, DataError>> {
        self.results.wait().map(|found| object(&found?))
    }
}

impl<S: Space> Stream for TypedResults<S> {
    type Item = Result<S, DataError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let found = ready!(self.results.poll_next_unpin(cx));
        Poll::Ready(found.map(|found| object(&found?)))
    }
}

impl<S> fmt::Debug for TypedResults<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedResults").field(&self.results).finish()
    }
}
