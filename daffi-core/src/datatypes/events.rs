//! Events: as Howler's `EventSender` and `EventWatcher`.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use daffi_macros::callback;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use crate::api::blocking::bridge::Bridge;
use crate::api::{Heard, Item, Kept, Opening, Operation};
use crate::callback::catch;
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, Turn, Value};
use crate::name::{NodeName, escape_topic};
use crate::node::Node;

/// Where events pass, at the controller. Nothing is kept of them but what listeners have not heard yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsState {}

#[callback(hosted = "events")]
impl EventsState {
    /// Sends an event by its whole name, prefix included, to those who watch for it now.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the name is empty or too long, or the data too large.
    pub fn send(&self, turn: &mut Turn<'_>, name: String, data: Value) -> Result<(), DataError> {
        check_bytes(&data)?;
        turn.publish(whole_name("", &name)?, data);
        Ok(())
    }
}

impl Hosted for EventsState {
    fn is_vacant(&self) -> bool {
        true
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// The one object that all events pass: a pattern may be for events of several prefixes.
const HUB: &str = "mesh";

/// The name of an event as it travels: in lower case, without dots before it, the prefix in front.
fn whole_name(prefix: &str, name: &str) -> Result<String, DataError> {
    let name = name.to_lowercase();
    let name = name.trim_start_matches('.');
    if name.is_empty() {
        return Err(DataError::invalid("an event has a name, and not just dots"));
    }
    let whole = format!("{prefix}{name}");
    match whole.len() {
        ..=config::TOPIC_BYTES_MAX => Ok(whole),
        bytes => {
            let most = config::TOPIC_BYTES_MAX;
            Err(DataError::invalid(format!(
                "the name of an event has at most {most} bytes, this one {bytes}"
            )))
        }
    }
}

/// Whether something is small enough to be published.
pub(super) fn check_bytes(data: &Value) -> Result<(), DataError> {
    match data.bytes().len() {
        ..=config::PUBLISHED_BYTES_MAX => Ok(()),
        bytes => {
            let most = config::PUBLISHED_BYTES_MAX;
            Err(DataError::invalid(format!("what is published has at most {most} bytes, this {bytes}")))
        }
    }
}

/// Something that happened somewhere in the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<T> {
    /// Its whole name, prefix included, in lower case.
    pub name: String,
    /// What its sender says of it.
    pub data: T,
    /// The node that sent it.
    pub from: NodeName,
    /// When it passed the controller, by the controller's clock.
    pub at: SystemTime,
}

impl<T> Event<T> {
    fn of(item: Item<T>) -> Self {
        let Item { topic: name, value: data, from, at, .. } = item;
        Self { name, data, from: from.unwrap_or_else(NodeName::controller), at }
    }
}

/// Sends and watches for events whose names begin with a prefix. Made by [`Node::events`].
///
/// An event goes to all who watch for it at that moment, wherever they are, and to nobody later. Those of one sender come
/// in the order in which it sent them, and all watchers hear them in the same order. Names are in lower case, as in
/// Howler; `EventSender` and `EventWatcher` in one.
///
/// ```
/// # use daffi_core::{api::Heard, error::Result, node::Node};
/// # use futures::StreamExt;
/// # async fn example(node: Node) -> Result<()> {
/// let events = node.events("order.");
/// let mut watch = events.watch::<u32>("*.placed").await?;
/// events.send("tea.placed", 4).await?;
/// while let Some(heard) = watch.next().await {
///     match heard? {
///         Heard::Item(event) => println!("{} of {} by {}", event.name, event.data, event.from),
///         // Some were missed: look at how things are now.
///         _ => println!("read the orders again"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Events {
    object: <EventsState as Kept>::Client,
    prefix: String,
}

reaches_object!(Events);

impl Node {
    /// Events whose names begin with `prefix`, in lower case and with a dot at its end, which is added where it lacks; with
    /// an empty one, all events. Nothing is sent.
    pub fn events(&self, prefix: impl AsRef<str>) -> Events {
        let mut prefix = prefix.as_ref().to_lowercase();
        if !prefix.is_empty() && !prefix.ends_with('.') {
            prefix.push('.');
        }
        Events { object: self.object::<EventsState>(HUB), prefix }
    }
}

impl Events {
    /// What the names begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Sends the event of this name, which is put into lower case and loses the dots before it, with what there is to say.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the name is empty, the whole of it longer than
    /// [`TOPIC_BYTES_MAX`](config::TOPIC_BYTES_MAX), or the data larger than
    /// [`PUBLISHED_BYTES_MAX`](config::PUBLISHED_BYTES_MAX).
    /// [`DataError::Forgotten`] if the link broke for good before the controller's word: it may have been heard, and is not
    /// sent again, so nobody hears it twice.
    pub fn send(&self, name: &str, data: impl Serialize) -> Operation<()> {
        Operation::of(|| {
            let name = whole_name(&self.prefix, name)?;
            Ok::<_, DataError>(self.object.send(name, Value::of(&data)?))
        })
    }

    /// The events whose names are like `pattern` behind the prefix, from when this has returned. In a pattern `*` stands for
    /// any text, `?` for any character, `[a-z]` and `[!a-z]` for one of these and for any other, `\` takes what follows as
    /// it is.
    ///
    /// # Errors
    /// [`DataError`] if the pattern is longer than [`TOPIC_BYTES_MAX`](config::TOPIC_BYTES_MAX), or the controller does not
    /// let it listen.
    pub fn watch<T: DeserializeOwned + Send + 'static>(&self, pattern: &str) -> Opening<EventStream<T>> {
        let pattern = pattern.to_lowercase();
        let topic = format!("{}{}", escape_topic(&self.prefix), pattern.trim_start_matches('.'));
        let opening = self.object.listen::<T>(vec![topic]);
        Opening::new(self.object.node(), async move {
            let (bridge, inner) = opening.await?.mapped(Event::of);
            Ok(EventStream { bridge, inner })
        })
    }

    /// Has a task call `callback` with each event whose name is like `pattern`, as [`watch`](Self::watch) takes it, in their
    /// order and one at a time, until the watcher that this returns is dropped. Several patterns may be for one event, and
    /// each has its own callback then. After a gap it is called once with [`Heard::Missed`].
    ///
    /// A callback that panics is counted, and called again with the next event. It runs on the node's runtime: what takes
    /// long, or waits, it hands to a task of its own. An event whose data is no `T` is counted and logged.
    ///
    /// Howler's `register`, which gave the callback no name, and of which the first panic was the end.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn on<T, F>(&self, pattern: &str, callback: F) -> Opening<EventWatcher>
    where
        T: DeserializeOwned + Send + 'static,
        F: FnMut(Heard<Event<T>>) + Send + 'static,
    {
        // It outlives the callback that may have made it.
        let node = self.object.node().shared().handle(None);
        let own = Self { object: node.object::<EventsState>(HUB), prefix: self.prefix.clone() };
        let opening = own.watch::<T>(pattern);
        Opening::new(&node.clone(), async move {
            let events = opening.await?;
            let tally = Arc::new(Tally::default());
            let task = node.shared().runtime.spawn(attend(events, callback, Arc::clone(&tally)));
            Ok(EventWatcher { tally, task: task.abort_handle() })
        })
    }
}

/// Calls back for each event until there are no more.
async fn attend<T, F: FnMut(Heard<Event<T>>)>(
    mut events: EventStream<T>,
    mut callback: F,
    tally: Arc<Tally>,
) {
    while let Some(heard) = events.next().await {
        match heard {
            Ok(heard) => {
                let name = if let Heard::Item(event) = &heard { event.name.clone() } else { String::new() };
                if let Err(panicked) = catch(|| callback(heard)) {
                    tally.panics.fetch_add(1, Ordering::Relaxed);
                    let (message, at) = (panicked.message, panicked.at);
                    tracing::error!(event = %name, %message, %at, "a callback of an event panicked");
                }
            }
            Err(error @ DataError::WrongValue { .. }) => {
                tally.undecodable.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, "an event was not what its watcher takes");
            }
            Err(error) => {
                tracing::warn!(%error, "a watcher of events hears no more");
                *tally.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    panics: AtomicU64,
    undecodable: AtomicU64,
    error: Mutex<Option<DataError>>,
}

/// A callback that is called with events, made by [`Events::on`]. Dropping it ends that: one that runs comes to its end,
/// and there is none after it. Until then the node lives.
#[derive(Debug)]
#[must_use = "the callback is called until this is dropped"]
pub struct EventWatcher {
    tally: Arc<Tally>,
    task: AbortHandle,
}

impl EventWatcher {
    /// How often the callback has panicked.
    pub fn panics(&self) -> u64 {
        self.tally.panics.load(Ordering::Relaxed)
    }

    /// How many events had data that was not of the callback's type.
    pub fn undecodable(&self) -> u64 {
        self.tally.undecodable.load(Ordering::Relaxed)
    }

    /// Why no events are heard any more, if so: the node has ended, or the controller does not let it listen.
    pub fn error(&self) -> Option<DataError> {
        self.tally.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for EventWatcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A stream of events, made by [`Events::watch`], in the controller's order.
///
/// It goes on over broken links for as long as the node lives. If some events were missed, since the watcher was too slow
/// or away for longer than [`FEED_KEPT_FOR`](config::FEED_KEPT_FOR), a [`Heard::Missed`] stands in their place.
///
/// # Errors
/// [`DataError::WrongValue`] stands in the place of an event whose data is no `T`, and the next follows it. Any other error
/// is the end.
pub struct EventStream<T> {
    bridge: Bridge,
    inner: BoxStream<'static, Result<Heard<Event<T>>, DataError>>,
}

impl<T> EventStream<T> {
    /// The same on this thread, for programs without a runtime: an iterator that waits for each event. In an async task its
    /// first item, and its last, is [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> impl Iterator<Item = Result<Heard<Event<T>>, DataError>> {
        self.bridge.items(self.inner)
    }
}

impl<T> Stream for EventStream<T> {
    type Item = Result<Heard<Event<T>>, DataError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_in_lower_case_and_has_no_dots_before_it() {
        assert_eq!(whole_name("event.", "..Test.NEW").unwrap(), "event.test.new");
        assert_eq!(whole_name("", "É").unwrap(), "é");
        assert_eq!(whole_name("a.", &"x".repeat(config::TOPIC_BYTES_MAX - 2)).unwrap().len(), 256);
    }

    #[test]
    fn a_name_that_is_empty_or_too_long_is_refused() {
        for bad in [String::new(), "...".into(), "x".repeat(config::TOPIC_BYTES_MAX - 1)] {
            assert!(matches!(whole_name("a.", &bad), Err(DataError::Invalid { .. })), "{bad}");
        }
    }
}
