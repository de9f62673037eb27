//! Searches of a space: what they find, as a stream that sees one instant.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::handle::DynSpace;
use super::predicate::Predicate;
use super::schema::Schema;
use super::state::{Found, Order, Place, Query, QueryPage, SearchPlan, SpaceState, Wanted};
use super::value::Value;
use crate::api::blocking::bridge::Bridge;
use crate::api::{Kept, Operation};
use crate::config::PAGE_ENTRIES_MAX;
use crate::error::{DataError, SpaceError};

type Client = <SpaceState as Kept>::Client;

impl DynSpace {
    /// All objects that meet a predicate, in no order, as they are when this is done: what is written while they are read
    /// is not among them. Awaited, it is a stream.
    ///
    /// # Errors
    /// [`SpaceError::TooLarge`] if too many searches are being read; [`SpaceError`] with the attribute of the predicate that does not fit.
    pub fn search(&self, predicate: impl Into<Predicate>) -> Operation<Results> {
        self.begun_search(plain(predicate.into(), Wanted::Objects), None)
    }

    /// As [`search`](Self::search), with only these attributes, and the keys.
    ///
    /// # Errors
    /// As [`search`](Self::search); [`SpaceError::UnknownAttribute`].
    pub fn search_partial<N: Into<String>>(
        &self,
        predicate: impl Into<Predicate>,
        attributes: impl IntoIterator<Item = N>,
    ) -> Operation<Results> {
        let only = attributes.into_iter().map(Into::into).collect();
        self.begun_search(plain(predicate.into(), Wanted::Attributes(only)), None)
    }

    /// The first objects that meet a predicate by the order of an attribute, or of the key, and where that is equal by the
    /// key; from the greatest on if it is descending. Without an index of the attribute it looks at all of them first.
    ///
    /// # Errors
    /// As [`search`](Self::search); [`SpaceError::WrongType`] if the attribute has no order; [`DataError::Invalid`] if
    /// `limit` is 0.
    pub fn sorted_search(
        &self,
        predicate: impl Into<Predicate>,
        by: impl Into<String>,
        limit: u64,
        is_descending: bool,
    ) -> Operation<Results> {
        let order = Some(Order { by: by.into(), is_descending, before: None });
        self.begun_search(Query { order, ..plain(predicate.into(), Wanted::Objects) }, Some(limit))
    }

    /// How many objects meet a predicate, at one instant.
    ///
    /// # Errors
    /// As [`search`](Self::search).
    pub fn count(&self, predicate: impl Into<Predicate>) -> Count {
        let begun = self.begun_search(plain(predicate.into(), Wanted::Count), None);
        Count { bridge: Some(Bridge::of(self.client().node())), begun }
    }

    /// What a search for this would do, and how many objects it would look at.
    ///
    /// # Errors
    /// [`SpaceError`] with the attribute of the predicate that does not fit.
    pub fn search_describe(&self, predicate: impl Into<Predicate>) -> Operation<SearchPlan> {
        let predicate = predicate.into();
        match predicate.check(self.schema()) {
            Ok(()) => self.client().search_describe(plain(predicate, Wanted::Objects)),
            Err(error) => Operation::failed(error),
        }
    }

    /// Goes on with a search where another stream has come to.
    ///
    /// # Errors
    /// The first item is [`SpaceError::SearchGone`] if it is not kept any more.
    pub fn resume(&self, cursor: SearchCursor) -> Results {
        let SearchCursor { search, query, from, skip, left } = cursor;
        let mut results = Results::new(self, query, left);
        (results.search, results.next, results.skip) = (Some(search), Next::Page(from), skip);
        results
    }

    fn begun_search(&self, query: Query, limit: Option<u64>) -> Operation<Results> {
        if let Err(error) = query.check(self.schema()) {
            return Operation::failed(error);
        }
        let page_limit = limit.map_or(PAGE_ENTRIES_MAX as u64, |limit| limit.min(PAGE_ENTRIES_MAX as u64));
        let mut results = Results::new(self, query.clone(), limit);
        self.client().begin_search(query, page_limit).map(move |(search, page)| {
            results.search = search;
            results.accept(None, page);
            results
        })
    }
}

fn plain(predicate: Predicate, wanted: Wanted) -> Query {
    Query { predicate, order: None, wanted }
}

/// Where a search goes on, as long as the space keeps it: see [`Results::cursor`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchCursor {
    search: u64,
    query: Query,
    /// The page, and how many of its objects are done with.
    from: Option<Place>,
    skip: u64,
    left: Option<u64>,
}

/// What a search finds: a stream of objects, all of one instant, each of them once.
///
/// It is read page by page, and the space keeps what it needs for that until it is read to its end or dropped, the session
/// ends, or no page was read for [a minute](crate::config::SPACE_SEARCH_LEASE). An error is the last item:
/// [`SpaceError::SearchGone`] if it is not kept any more.
///
/// # Cancel safety
/// Cancel safe: `next` can be dropped and awaited anew.
#[must_use = "nothing but the first page is read until the stream is polled"]
pub struct Results {
    client: Client,
    schema: Arc<Schema>,
    query: Query,
    /// The number by which the space keeps it, if it does.
    search: Option<u64>,
    /// Where the page began of which objects are ready, and how many of it were given out.
    from: Option<Place>,
    given: u64,
    ready: VecDeque<Found>,
    /// Of the next page so many are done with.
    skip: u64,
    next: Next,
    left: Option<u64>,
    /// The best, where they have to be sorted here.
    best: Option<BTreeMap<(Value, Value), Found>>,
    counted: u64,
}

enum Next {
    Page(Option<Place>),
    Coming(Option<Place>, BoxFuture<'static, Result<QueryPage, DataError>>),
    Over,
}

impl Results {
    fn new(space: &DynSpace, query: Query, left: Option<u64>) -> Self {
        Self {
            client: space.client().clone(),
            schema: Arc::new(space.schema().clone()),
            query,
            search: None,
            from: None,
            given: 0,
            ready: VecDeque::new(),
            skip: 0,
            next: Next::Over,
            left,
            best: None,
            counted: 0,
        }
    }

    /// Where another stream would go on after the last item, as long as the space keeps the search; `None` if there is no
    /// more to come, or what there is had to be sorted here. It is for the same session, that of this node; dropping this stream ends the
    /// search, unless it is [kept](Self::keep).
    pub fn cursor(&self) -> Option<SearchCursor> {
        let search = self.search.filter(|_| self.best.is_none())?;
        let (from, skip) = match &self.next {
            _ if !self.ready.is_empty() => (self.from.clone(), self.given),
            Next::Page(from) | Next::Coming(from, _) => (from.clone(), self.skip),
            Next::Over => return None,
        };
        Some(SearchCursor { search, query: self.query.clone(), from, skip, left: self.left })
    }

    /// Ends this stream and not its search: its cursor.
    pub fn keep(mut self) -> Option<SearchCursor> {
        let cursor = self.cursor();
        if cursor.is_some() {
            self.search = None;
        }
        cursor
    }

    /// The same on this thread, for programs without a runtime: an iterator that waits for each page. In an async task its
    /// first item, and its last, is [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> impl Iterator<Item = Result<Found, DataError>> {
        Bridge::of(self.client.node()).items(self)
    }

    /// A page has come, which began there.
    fn accept(&mut self, from: Option<Place>, page: QueryPage) {
        let QueryPage { count, objects, is_sorted, values, next } = page;
        self.counted += count;
        self.next = next.map_or(Next::Over, |next| Next::Page(Some(next)));
        if matches!(self.next, Next::Over) {
            // The space has given it up by itself.
            self.search = None;
        }
        let schema = &self.schema;
        let objects = objects.into_iter().map(|found| found.fitted(schema));
        if is_sorted {
            let skip = usize::try_from(self.skip).unwrap_or(usize::MAX);
            (self.from, self.given, self.skip) = (from, self.skip, 0);
            self.ready = objects.skip(skip).collect();
            return;
        }
        let best = self.best.get_or_insert_default();
        best.extend(
            values.into_iter().zip(objects).map(|(value, found)| ((value, found.key.clone()), found)),
        );
        let most = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let Some(order) = self.query.order.as_mut() else { return };
        while best.len() > most {
            if order.is_descending {
                best.pop_first()
            } else {
                best.pop_last()
            };
        }
        if best.len() == most {
            let worst = if order.is_descending { best.first_key_value() } else { best.last_key_value() };
            order.before = worst.map(|(worst, _)| worst.clone());
        }
        if matches!(self.next, Next::Over) {
            let best = self.best.take().unwrap_or_default().into_values();
            self.ready = if order.is_descending { best.rev().collect() } else { best.collect() };
        }
    }

    /// Reads the next page, and says whether there is one.
    fn poll_page(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, DataError>> {
        let coming = match std::mem::replace(&mut self.next, Next::Over) {
            Next::Over => return Poll::Ready(Ok(false)),
            Next::Coming(from, coming) => (from, coming),
            Next::Page(from) => {
                let Some(search) = self.search else {
                    return Poll::Ready(Err(SpaceError::SearchGone.into()));
                };
                let page = PAGE_ENTRIES_MAX as u64;
                let read = self.client.read_search(search, self.query.clone(), from.clone(), page);
                (from, Box::pin(read.into_future()) as BoxFuture<'static, _>)
            }
        };
        let (from, mut coming) = coming;
        let Poll::Ready(page) = coming.as_mut().poll(cx) else {
            self.next = Next::Coming(from, coming);
            return Poll::Pending;
        };
        self.accept(from, page?);
        Poll::Ready(Ok(true))
    }
}

impl Stream for Results {
    type Item = Result<Found, DataError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.left == Some(0) {
                self.ready.clear();
                return Poll::Ready(None);
            }
            if let Some(found) = self.ready.pop_front() {
                self.given += 1;
                self.left = self.left.map(|left| left - 1);
                return Poll::Ready(Some(Ok(found)));
            }
            match ready!(self.poll_page(cx)) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        if let Some(search) = self.search.take() {
            let ended = self.client.end_search(search);
            // If it does not come to that, the space gives it up by itself a little later.
            self.client.node().shared().runtime.spawn(async move { drop(ended.await) });
        }
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("query", &self.query).finish_non_exhaustive()
    }
}

/// Objects that are counted: await it, or [`wait`](Self::wait) for it on a thread.
#[must_use = "nothing is counted until it is awaited"]
pub struct Count {
    /// To wait for it, unless it has failed already.
    bridge: Option<Bridge>,
    begun: Operation<Results>,
}

impl Count {
    /// One that comes to nothing else.
    pub(super) fn failed(error: SpaceError) -> Self {
        Self { bridge: None, begun: Operation::failed(error) }
    }

    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> Result<u64, DataError> {
        match self.bridge.clone() {
            Some(bridge) => bridge.value(self)?,
            None => self.begun.wait().map(|results| results.counted),
        }
    }
}

impl IntoFuture for Count {
    type Output = Result<u64, DataError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut results = self.begun.await?;
            while std::future::poll_fn(|cx| results.poll_page(cx)).await? {}
            Ok(results.counted)
        })
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Count").finish_non_exhaustive()
    }
}
