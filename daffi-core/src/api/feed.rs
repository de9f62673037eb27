//! What happens to a hosted object, as a stream.

use std::any::type_name;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use serde::de::DeserializeOwned;

use super::blocking::bridge::Bridge;
use super::{Object, Operation};
use crate::error::{CallError, DataError};
use crate::name::NodeName;
use crate::node::Node;
use crate::wire::{self, Heard as Told, HeardItem, Listen};

/// Something that a listener hears: an item of a [`Feed`], or whatever is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard<I> {
    /// What happened.
    Item(I),
    /// Some of it was missed: the listener was too slow, or away for too long. Whoever keeps a copy reads it anew.
    Missed,
}

impl<I> Heard<I> {
    /// What happened, if it was not missed.
    pub fn item(self) -> Option<I> {
        match self {
            Self::Item(item) => Some(item),
            Self::Missed => None,
        }
    }

    pub(crate) fn map<U>(self, change: impl FnOnce(I) -> U) -> Heard<U> {
        match self {
            Self::Item(item) => Heard::Item(change(item)),
            Self::Missed => Heard::Missed,
        }
    }
}

/// A message or a change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item<T> {
    /// The revision of a change; of a message its place, which goes up.
    pub revision: u64,
    /// The topic of a message.
    pub topic: String,
    /// The node that sent it, unless it was nobody's doing.
    pub from: Option<NodeName>,
    /// When it was, by the controller's clock.
    pub at: SystemTime,
    /// What it says.
    pub value: T,
}

/// Listening that is about to begin: await it, or [`wait`](Self::wait) for it on a thread. What happens after that is
/// heard.
///
/// # Errors
/// [`DataError`] if the controller does not let it listen, or to no more objects.
///
/// # Cancel safety
/// Cancel safe: it does not begin.
#[must_use = "nothing is heard until it is awaited"]
pub struct Opening<S> {
    bridge: Bridge,
    opening: BoxFuture<'static, Result<S, DataError>>,
}

impl<S> Opening<S> {
    pub(crate) fn new(
        node: &Node,
        opening: impl Future<Output = Result<S, DataError>> + Send + 'static,
    ) -> Self {
        Self { bridge: Bridge::of(node), opening: Box::pin(opening) }
    }

    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`].
    pub fn wait(self) -> Result<S, DataError> {
        self.bridge.value(self.opening)?
    }
}

impl<S> IntoFuture for Opening<S> {
    type Output = Result<S, DataError>;
    type IntoFuture = BoxFuture<'static, Result<S, DataError>>;

    fn into_future(self) -> Self::IntoFuture {
        self.opening
    }
}

impl<S> fmt::Debug for Opening<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

/// A stream of what happens to a hosted object, in the controller's order.
///
/// It goes on over broken links for as long as the node lives, without a gap if the node was away for less than
/// [`FEED_KEPT_FOR`](crate::config::FEED_KEPT_FOR), and says so if there is one. The controller keeps the last
/// [`FEED_ITEMS_MAX`](crate::config::FEED_ITEMS_MAX) items for all who listen.
///
/// # Errors
/// [`DataError::WrongValue`] stands in the place of an item that is no `T`, and the next item follows it. Any other error
/// is the end: the node has ended, or the controller does not let it listen any more.
pub struct Feed<T> {
    bridge: Bridge,
    inner: BoxStream<'static, Result<Heard<Item<T>>, DataError>>,
}

impl<T: DeserializeOwned + Send + 'static> Feed<T> {
    /// A stream from `from` on, or from now on: whatever happens after this has returned is heard.
    pub(super) async fn open(
        object: Object,
        changes: bool,
        topics: Vec<String>,
        from: Option<u64>,
    ) -> Result<Self, DataError> {
        let bridge = Bridge::of(object.node());
        let (kind, name) = (object.kind().to_owned(), object.name().to_owned());
        let mut listen = Listen { kind, object: name, changes, topics, from: None };
        let begun = ask(&object, &listen).await?;
        listen.from = from.or(Some(begun.next));
        let told = stream::try_unfold((object, listen), |(object, mut listen)| async move {
            let told = ask_on(&object, &listen).await?;
            listen.from = Some(told.next);
            Ok::<_, DataError>(Some((told, (object, listen))))
        });
        let heard = told.flat_map(|told| match told {
            Ok(told) => {
                let missed = told.has_missed.then_some(Ok(Heard::Missed));
                stream::iter(missed.into_iter().chain(told.items.into_iter().map(item)).collect::<Vec<_>>())
            }
            Err(error) => stream::iter(vec![Err(error)]),
        });
        Ok(Self { bridge, inner: heard.boxed() })
    }

    /// The same on this thread, for programs without a runtime: an iterator that waits for each item. In an async task its
    /// first item, and its last, is [`CallError::WouldBlock`].
    pub fn wait(self) -> impl Iterator<Item = Result<Heard<Item<T>>, DataError>> {
        self.bridge.items(self.inner)
    }

    /// A stream of those items that are chosen, which may be changed for it, up to the first error of that.
    pub(crate) fn filtered(
        self,
        choose: impl FnMut(&mut Item<T>) -> Result<bool, DataError> + Send + 'static,
    ) -> Self {
        let inner = stream::unfold(Some((self.inner, choose)), |state| async move {
            let (mut inner, mut choose) = state?;
            loop {
                let mut item = match inner.next().await? {
                    Ok(Heard::Item(item)) => item,
                    other => return Some((other, Some((inner, choose)))),
                };
                match choose(&mut item) {
                    Ok(true) => return Some((Ok(Heard::Item(item)), Some((inner, choose)))),
                    Ok(false) => {}
                    Err(error) => return Some((Err(error), None)),
                }
            }
        });
        Self { bridge: self.bridge, inner: inner.boxed() }
    }

    /// A stream of the same with something else made of its items.
    pub(crate) fn mapped<U: Send + 'static>(
        self,
        change: impl Fn(Item<T>) -> U + Send + 'static,
    ) -> (Bridge, BoxStream<'static, Result<Heard<U>, DataError>>) {
        let mapped = self.inner.map(move |heard| heard.map(|heard| heard.map(&change)));
        (self.bridge, mapped.boxed())
    }
}

fn ask(object: &Object, listen: &Listen) -> Operation<Told> {
    Operation::new(object.node(), "daffi.listen", &(listen,))
}

/// Asks until there is an answer, over as many links as that takes: a quiet feed may outlive many.
async fn ask_on(object: &Object, listen: &Listen) -> Result<Told, DataError> {
    loop {
        let told = ask(object, listen).no_timeout().await;
        let Err(DataError::Call(CallError::Disconnected { .. })) = told else { return told };
        // The question has its place with it, so it can be asked twice. A node that is ending fails each at once, so
        // the next waits until that is over or there is a link.
        tokio::task::yield_now().await;
        object.node().shared().connected(None, Duration::ZERO).await?;
    }
}

fn item<T: DeserializeOwned>(item: HeardItem) -> Result<Heard<Item<T>>, DataError> {
    let HeardItem { at: revision, topic, from, unix_us, body } = item;
    let value = wire::decode(&body).map_err(|error| wrong_value::<T>(&topic, &error.0))?;
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(unix_us);
    Ok(Heard::Item(Item { revision, topic, from, at, value }))
}

fn wrong_value<T>(topic: &str, why: &str) -> DataError {
    let name = type_name::<T>();
    let expected = name.rsplit("::").next().unwrap_or(name).to_owned();
    let found = if topic.is_empty() { why.to_owned() } else { format!("something else at `{topic}`: {why}") };
    DataError::WrongValue { expected, found }
}

impl<T> Stream for Feed<T> {
    type Item = Result<Heard<Item<T>>, DataError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for Feed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}
