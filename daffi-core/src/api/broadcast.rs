//! A call to every node that offers the name.

use std::collections::{BTreeMap, VecDeque, btree_map};
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::{Call, NoReturn, controller, decode};
use crate::callback::Wire;
use crate::config;
use crate::error::{CallError, Result};
use crate::name::NodeName;
use crate::node::{Awaiting, Expect, Flight, PartOutcome};
use crate::wire::Flags;

/// A call to every node that offers the name, but for this one; to be awaited, or streamed.
///
/// Each node ends with exactly one outcome. When the time is up, those that have not answered have timed out,
/// and the others' results are there. Asked are the nodes that offer the name when the controller takes the call.
///
/// # Errors
/// Awaiting it gives an [`Error::Call`](crate::error::Error::Call) only if the broadcast fails as a whole: nobody else
/// offers the name, the controller is out of reach, or there are [too few](CallError::TooFew) values. What goes wrong at a
/// node is that node's outcome.
///
/// # Cancel safety
/// Not cancel safe: dropped while it is pending, it is cancelled wherever it still runs, and may have run.
#[must_use = "a broadcast does nothing until it is awaited, streamed or given `.no_return()`"]
pub struct Broadcast<R> {
    call: Call<R>,
    at_least: usize,
    first: Option<usize>,
}

impl<R: Wire> Broadcast<R> {
    pub(super) fn new(call: Call<R>) -> Self {
        Self { call, at_least: 0, first: None }
    }

    /// Gives the nodes this long, by default [`CALL_TIMEOUT`](config::CALL_TIMEOUT).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call = self.call.timeout(timeout);
        self
    }

    /// Lets the nodes take for ever.
    pub fn no_timeout(mut self) -> Self {
        self.call = self.call.no_timeout();
        self
    }

    /// Fails as [`CallError::TooFew`] if fewer nodes than this answer with a value.
    pub fn at_least(mut self, nodes: usize) -> Self {
        self.at_least = nodes;
        self
    }

    /// Is over once this many nodes, and at least one, have answered with a value; the others are cancelled, and have no
    /// outcome.
    pub fn first(mut self, nodes: usize) -> Self {
        self.first = Some(nodes.max(1));
        self
    }

    /// Runs it on this node, too, if it offers the name.
    pub fn include_self(mut self) -> Self {
        self.call = self.call.with(|request| request.extra_mut().include_self = true);
        self
    }

    /// Has the controller hold it for this long first, which does not count as its time.
    pub fn eta(mut self, eta: Duration) -> Self {
        self.call = self.call.eta(eta);
        self
    }

    /// Wants no results: over once the controller has taken it for the nodes that offer the name.
    pub fn no_return(self) -> NoReturn {
        NoReturn::new(self.call, Flags::BROADCAST.with(Flags::ONE_WAY))
    }

    /// The outcomes as they come. It is sent when the stream is first polled; dropping the stream cancels it
    /// where it still runs.
    pub fn stream(self) -> ReplyStream<R> {
        let wanted = self.first;
        ReplyStream {
            flight: self.flight(Flags::STREAMED),
            ready: VecDeque::new(),
            wanted,
            last: None,
            result: PhantomData,
        }
    }

    fn flight(self, flags: Flags) -> Flight {
        self.call.flight(config::CALL_TIMEOUT, |request| {
            request.flags = Flags::BROADCAST.with(flags);
            request.expect = Expect::Parts;
        })
    }

    async fn gather(self) -> Result<Replies<R>> {
        let (at_least, first) = (self.at_least, self.first);
        // Only whoever does not wait for all needs them one by one.
        let flags = if first.is_some() { Flags::STREAMED } else { Flags::NONE };
        let mut flight = self.flight(flags);
        let collected = collect(&mut flight, first).await;
        // What stands around it may take its time, in which the others would go on.
        flight.let_go();
        let gathered =
            collected.and_then(
                |(replies, values)| {
                    if values < at_least { Err(replies.too_few(at_least)) } else { Ok(replies) }
                },
            );
        let result = gathered.as_ref().map(|_| ()).map_err(CallError::clone);
        poll_fn(|cx| flight.poll_over(cx, &result)).await?;
        Ok(gathered?)
    }
}

/// The outcomes, all or those up to the `first` so many values, and how many of them are values.
async fn collect<R: Wire>(
    flight: &mut Flight,
    first: Option<usize>,
) -> Result<(Replies<R>, usize), CallError> {
    let mut replies = BTreeMap::new();
    let mut values = 0;
    'all: loop {
        let parts = poll_fn(|cx| flight.poll_parts(cx)).await?;
        if parts.is_empty() {
            break;
        }
        for (node, result) in parts {
            let result = value(&node, result);
            values += usize::from(result.is_ok());
            replies.insert(node, result);
            if first == Some(values) {
                break 'all;
            }
        }
    }
    Ok((Replies { replies }, values))
}

fn value<R: Wire>(node: &NodeName, result: Result<Bytes, CallError>) -> Result<R, CallError> {
    decode(&result?, || node.clone())
}

impl<R: Wire> IntoFuture for Broadcast<R> {
    type Output = Result<Replies<R>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let awaiting = Awaiting::of(&self.call.node);
        Box::pin(async move {
            let replies = self.gather().await;
            drop(awaiting);
            replies
        })
    }
}

impl<R> fmt::Debug for Broadcast<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("call", &self.call).finish_non_exhaustive()
    }
}

/// The outcomes of a broadcast, by node.
#[derive(Debug, Clone, PartialEq)]
pub struct Replies<R> {
    replies: BTreeMap<NodeName, Result<R, CallError>>,
}

impl<R> Replies<R> {
    /// How many nodes were called.
    pub fn len(&self) -> usize {
        self.replies.len()
    }

    /// Whether no node was called.
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// The outcome at one node.
    pub fn get(&self, node: &str) -> Option<&Result<R, CallError>> {
        self.replies.get(node)
    }

    /// The outcomes, in the order of the nodes' names.
    pub fn iter(&self) -> btree_map::Iter<'_, NodeName, Result<R, CallError>> {
        self.replies.iter()
    }

    /// The values, if every node answered with one.
    ///
    /// # Errors
    /// [`CallError::TooFew`] with what went wrong at the others.
    pub fn all_ok(self) -> Result<BTreeMap<NodeName, R>> {
        if self.replies.values().any(Result::is_err) {
            return Err(self.too_few(self.len()).into());
        }
        Ok(self.replies.into_iter().filter_map(|(node, reply)| Some((node, reply.ok()?))).collect())
    }

    fn too_few(&self, wanted: usize) -> CallError {
        let failed = |(node, reply): (&NodeName, &Result<R, CallError>)| {
            reply.as_ref().err().map(|error| (node.clone(), error.to_string()))
        };
        let failures: Vec<_> = self.replies.iter().filter_map(failed).collect();
        CallError::TooFew { wanted, got: self.len() - failures.len(), failures }
    }
}

impl<R> IntoIterator for Replies<R> {
    type Item = (NodeName, Result<R, CallError>);
    type IntoIter = btree_map::IntoIter<NodeName, Result<R, CallError>>;

    fn into_iter(self) -> Self::IntoIter {
        self.replies.into_iter()
    }
}

impl<'a, R> IntoIterator for &'a Replies<R> {
    type Item = (&'a NodeName, &'a Result<R, CallError>);
    type IntoIter = btree_map::Iter<'a, NodeName, Result<R, CallError>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The outcomes of a broadcast as they come: a node, and its value or error. If the broadcast fails as a whole,
/// as when nobody offers the name, there is one item, which names the controller.
#[must_use = "a stream does nothing until it is polled"]
pub struct ReplyStream<R> {
    flight: Flight,
    ready: VecDeque<PartOutcome>,
    /// Values still to come.
    wanted: Option<usize>,
    /// What it came to, once all outcomes were told.
    last: Option<Result<(), CallError>>,
    result: PhantomData<fn() -> R>,
}

impl<R: Wire> ReplyStream<R> {
    /// The next outcome; `None` when all nodes have ended.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<(NodeName, Result<R, CallError>)> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<R: Wire> ReplyStream<R> {
    /// There are no more outcomes: the end, or why the broadcast failed as a whole.
    fn poll_last(&mut self, cx: &mut Context<'_>) -> Poll<Option<(NodeName, Result<R, CallError>)>> {
        let last = self.last.get_or_insert(Ok(()));
        let over = ready!(self.flight.poll_over(cx, last));
        *last = Ok(());
        Poll::Ready(over.err().map(|error| (controller(), Err(error))))
    }
}

impl<R: Wire> Stream for ReplyStream<R> {
    type Item = (NodeName, Result<R, CallError>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.last.is_none() && self.ready.is_empty() && self.wanted != Some(0) {
            match ready!(self.flight.poll_parts(cx)) {
                Ok(parts) => self.ready.extend(parts),
                Err(error) => self.last = Some(Err(error)),
            }
        }
        let Some((node, result)) = self.ready.pop_front() else { return self.poll_last(cx) };
        let result = value(&node, result);
        if let (Some(wanted), Ok(_)) = (&mut self.wanted, &result) {
            *wanted -= 1;
        }
        if self.wanted == Some(0) {
            // Whoever has this may keep it, and never ask again.
            self.flight.let_go();
            self.ready.clear();
        }
        Poll::Ready(Some((node, result)))
    }
}

impl<R> fmt::Debug for ReplyStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}
