//! Hosted objects by their names, and what can be done to any of them whatever their kind.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use serde::de::DeserializeOwned;

use super::Operation;
use super::feed::{Feed, Opening};
use crate::config;
use crate::error::DataError;
use crate::hosted::Methods;
use crate::node::Node;
use crate::wire::{ExportedObject, ObjectEntry, ObjectQuery};

/// An object that the controller keeps, by its kind and name. Dropping it changes nothing there.
#[derive(Clone)]
pub struct Object {
    node: Node,
    kind: Arc<str>,
    name: Arc<str>,
}

impl Object {
    /// The kind of object; each has names of its own.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node that reaches it.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The same object by another handle.
    pub(crate) fn with_node(&self, node: Node) -> Self {
        Self { node, kind: Arc::clone(&self.kind), name: Arc::clone(&self.name) }
    }

    /// Removes it with all that is in it; whether it was there. Who waits for it goes on waiting.
    pub fn destroy(&self) -> Operation<bool> {
        Operation::new(&self.node, "daffi.object.destroy", &(self.kind(), self.name()))
    }

    /// Has it expire as a whole after this time, or, with `None`, never; whether it is there.
    pub fn expire_after(&self, time: Option<Duration>) -> Operation<bool> {
        let ms = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        Operation::new(&self.node, "daffi.object.expire", &(self.kind(), self.name(), ms))
    }

    /// What the controller says of it: its size, its revision, when it expires. `None` if it is not there.
    pub fn entry(&self) -> Operation<Option<ObjectEntry>> {
        Operation::new(&self.node, "daffi.object", &(self.kind(), self.name()))
    }

    /// Its changes from now on, or from after `revision`, each with its own: those that a listener misses because it is
    /// too slow or was away for too long are told as one [`Missed`](super::Heard::Missed), and so is that the object was
    /// destroyed, imported, or has expired as a whole.
    ///
    /// # Errors
    /// [`DataError`] if the controller does not let it listen.
    pub fn watch<T: DeserializeOwned + Send + 'static>(&self, revision: Option<u64>) -> Opening<Feed<T>> {
        let from = revision.map(|revision| revision.saturating_add(1));
        Opening::new(&self.node, Feed::open(self.clone(), true, Vec::new(), from))
    }

    /// As [`watch`](Self::watch), by the word that is used of a space, too.
    ///
    /// # Errors
    /// As there.
    pub fn changes<T: DeserializeOwned + Send + 'static>(&self, from: Option<u64>) -> Opening<Feed<T>> {
        self.watch(from)
    }

    /// What is published there from now on, by topics as globs; with none, all of it.
    pub(crate) fn listen<T: DeserializeOwned + Send + 'static>(
        &self,
        topics: Vec<String>,
    ) -> Opening<Feed<T>> {
        Opening::new(&self.node, Feed::open(self.clone(), false, topics, None))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({}/{})", self.kind, self.name)
    }
}

/// A hosted type: what [`Node::object`] has a client for. `#[callback(hosted = "…")]` implements it.
#[diagnostic::on_unimplemented(
    message = "no controller keeps objects of type `{Self}`",
    label = "has no `impl` under `#[callback(hosted = \"…\")]`"
)]
pub trait Kept: Methods {
    /// Has the methods of the type, each of which makes an [`Operation`].
    type Client;

    /// A client for this object.
    #[doc(hidden)]
    fn client(object: Object) -> Self::Client;
}

impl Node {
    /// The object of type `T` that the controller keeps under `name`. Nothing is sent, and the object need not be there:
    /// it is made by the first operation that puts something into it.
    pub fn object<T: Kept>(&self, name: impl Into<Arc<str>>) -> T::Client {
        T::client(Object { node: self.clone(), kind: T::KIND.into(), name: name.into() })
    }

    /// An object of whatever kind.
    pub fn object_of(&self, kind: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Object {
        Object { node: self.clone(), kind: kind.into(), name: name.into() }
    }

    /// The objects that the controller keeps, of kinds and names that match these globs, by kind and name. An empty glob
    /// matches all; a name without `*` is looked up, which takes no longer where there are many. They are fetched by pages
    /// of [`OBJECTS_LISTED_MAX`](config::OBJECTS_LISTED_MAX) as the stream is polled; an error is its last item.
    pub fn objects(
        &self,
        kind: impl Into<String>,
        name: impl Into<String>,
    ) -> impl Stream<Item = Result<ObjectEntry, DataError>> + Send + 'static {
        let query = ObjectQuery { kind: kind.into(), name: name.into(), ..ObjectQuery::default() };
        let node = self.clone();
        let pages = stream::try_unfold(Some(query), move |query| {
            let node = node.clone();
            async move {
                let Some(mut query) = query else { return Ok(None) };
                let entries: Vec<ObjectEntry> = Operation::new(&node, "daffi.objects", &(&query,)).await?;
                let is_last = entries.len() < config::OBJECTS_LISTED_MAX;
                query.after = entries.last().map(|entry| (entry.kind.clone(), entry.name.clone()));
                let page = stream::iter(entries.into_iter().map(Ok));
                Ok::<_, DataError>(Some((page, if is_last { None } else { Some(query) })))
            }
        });
        futures::TryStreamExt::try_flatten(pages)
    }

    /// The object of this kind and name as it can be kept elsewhere; `None` if it is not there.
    pub fn export(&self, kind: &str, name: &str) -> Operation<Option<ExportedObject>> {
        Operation::new(self, "daffi.object.export", &(kind, name))
    }

    /// Puts an exported object in the place of what has its name; whether there was something. What it held for nodes,
    /// such as locks, it holds for none.
    pub fn import(&self, object: &ExportedObject) -> Operation<bool> {
        Operation::new(self, "daffi.object.import", &(object,))
    }
}
