//! Messages to whoever listens: as Howler's `CommsQueue`.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use daffi_macros::callback;
use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::events::check_bytes;
use super::like::Like;
use crate::api::blocking::bridge::Bridge;
use crate::api::{Heard, Item, Kept, Opening, Operation};
use crate::error::DataError;
use crate::hosted::{Hosted, Turn, Value};
use crate::name::NodeName;
use crate::node::Node;

/// Where the messages of one name pass, at the controller. Nothing is kept of them but what listeners have not heard yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommsState {}

#[callback(hosted = "comms")]
impl CommsState {
    /// Sends a message to those who listen now.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if it is too large.
    pub fn publish(&self, turn: &mut Turn<'_>, message: Value) -> Result<(), DataError> {
        check_bytes(&message)?;
        turn.publish("", message);
        Ok(())
    }
}

impl Hosted for CommsState {
    fn is_vacant(&self) -> bool {
        true
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// Publishes messages under one name or several, and listens to them. Made by [`Node::comms`] and [`Node::comms_of`].
///
/// A message goes to all who listen at that moment, the publisher's own listeners too, and to nobody later. All of one
/// name hear the same messages in the same order. Howler's `CommsQueue`; dropping it or a listener deletes nothing.
///
/// ```
/// # use daffi_core::{error::Result, node::Node};
/// # use futures::StreamExt;
/// # async fn example(node: Node) -> Result<()> {
/// let queue = node.comms::<String>("chat");
/// let mut inbox = queue.listen().await?;
/// queue.publish("hello").await?;
/// while let Some(heard) = inbox.next().await {
///     // `None` says that some were missed.
///     if let Some(message) = heard?.item() {
///         println!("{}: {}", message.from, message.body);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Comms<T> {
    objects: Vec<<CommsState as Kept>::Client>,
    node: Node,
    messages: PhantomData<fn(T) -> T>,
}

/// A message that came by a [`Comms`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommsMessage<T> {
    /// The name that it was published under.
    pub name: Arc<str>,
    /// What it says.
    pub body: T,
    /// The node that published it.
    pub from: NodeName,
    /// When it passed the controller, by the controller's clock.
    pub at: SystemTime,
}

impl Node {
    /// The messages of this name, which are of type `T`. Nothing is sent.
    pub fn comms<T>(&self, name: impl Into<Arc<str>>) -> Comms<T> {
        self.comms_of([name])
    }

    /// The messages of several names: a message is published under all of them at once, and listeners hear those of any.
    pub fn comms_of<T>(&self, names: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Comms<T> {
        let objects = names.into_iter().map(|name| self.object::<CommsState>(name)).collect();
        Comms { objects, node: self.clone(), messages: PhantomData }
    }
}

impl<T> Comms<T> {
    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().map(|object| object.name())
    }

    /// Sends a message to those who listen now; under several names to those of all, or of none. Of several it cannot be
    /// part of a batch.
    ///
    /// # Errors
    /// [`DataError::Forgotten`] if the link broke for good before the controller's word: it may have been heard, and is not
    /// sent again, so nobody hears it twice. [`DataError::Invalid`] if there is no name, or the message is larger than
    /// [`PUBLISHED_BYTES_MAX`](crate::config::PUBLISHED_BYTES_MAX).
    #[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
    pub fn publish(&self, message: impl Like<T>) -> Operation<()> {
        Operation::of(|| {
            let message = Value::of(&message)?;
            Ok::<_, DataError>(match &*self.objects {
                [] => return Err(DataError::invalid("a message goes to at least one name")),
                [object] => object.publish(message),
                several => {
                    let published = several.iter().map(|object| object.publish(message.clone()));
                    Operation::all(&self.node, published)
                }
            })
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> Comms<T> {
    /// The messages from when this has returned. Those of one name come in the order in which they were published, and
    /// those of several as they come.
    ///
    /// # Errors
    /// [`DataError`] if the controller does not let it listen.
    pub fn listen(&self) -> Opening<Inbox<T>> {
        let bridge = Bridge::of(&self.node);
        let objects = self.objects.clone();
        Opening::new(&self.node, async move {
            let mut inner = SelectAll::new();
            for object in objects {
                let name: Arc<str> = object.name().into();
                let feed = object.listen::<T>(Vec::new()).await?;
                let (_, named) = feed.mapped(move |item| CommsMessage::of(Arc::clone(&name), item));
                inner.push(named);
            }
            Ok(Inbox { bridge, inner })
        })
    }
}

impl<T> CommsMessage<T> {
    fn of(name: Arc<str>, item: Item<T>) -> Self {
        let Item { value: body, from, at, .. } = item;
        Self { name, body, from: from.unwrap_or_else(NodeName::controller), at }
    }
}

impl<T> Clone for Comms<T> {
    fn clone(&self) -> Self {
        Self { objects: self.objects.clone(), node: self.node.clone(), messages: PhantomData }
    }
}

impl<T> fmt::Debug for Comms<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comms").field("names", &self.names().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// A stream of messages, made by [`Comms::listen`].
///
/// It goes on over broken links for as long as the node lives. If some messages of a name were missed, since the listener
/// was too slow or away for longer than [`FEED_KEPT_FOR`](crate::config::FEED_KEPT_FOR), a [`Heard::Missed`] stands in
/// their place.
///
/// # Errors
/// [`DataError::WrongValue`] stands in the place of a message that is no `T`, and the next follows it. Any other error is
/// the end of the name that it is about.
pub struct Inbox<T> {
    bridge: Bridge,
    inner: SelectAll<BoxStream<'static, Result<Heard<CommsMessage<T>>, DataError>>>,
}

impl<T> Inbox<T> {
    /// The same on this thread, for programs without a runtime: an iterator that waits for each message. In an async task
    /// its first item, and its last, is [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> impl Iterator<Item = Result<Heard<CommsMessage<T>>, DataError>> {
        self.bridge.items(self.inner)
    }
}

impl<T> Stream for Inbox<T> {
    type Item = Result<Heard<CommsMessage<T>>, DataError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.poll_next_unpin(cx)
    }
}

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("names", &self.inner.len()).finish_non_exhaustive()
    }
}
