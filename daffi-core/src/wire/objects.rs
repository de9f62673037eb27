//! What nodes and controller say to each other of hosted objects, beside the calls of their methods.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::name::NodeName;

/// A hosted object, as the controller lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectEntry {
    /// The kind of object.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// About how many bytes it takes.
    pub bytes: u64,
    /// The last change of it.
    pub revision: u64,
    /// When it expires as a whole, in milliseconds from now.
    #[serde(default)]
    pub expires_in_ms: Option<u64>,
    /// Calls that wait for it to change.
    #[serde(default)]
    pub waiting: u64,
    /// Why it is in quarantine.
    #[serde(default)]
    pub quarantined: Option<String>,
}

/// Which hosted objects are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectQuery {
    /// Of which kinds, as a glob; of all if it is empty.
    pub kind: String,
    /// Of which names, as a glob; of all if it is empty.
    pub name: String,
    /// Those after this kind and name.
    pub after: Option<(String, String)>,
    /// How many at most.
    pub limit: u32,
}

/// A hosted object, as it can be carried elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportedObject {
    /// The kind of object.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// When it expires as a whole, in milliseconds from when it was exported.
    #[serde(default)]
    pub expires_in_ms: Option<u64>,
    /// Its state, as its type encodes it.
    pub state: ByteBuf,
}

impl ExportedObject {
    /// An object that is to be imported.
    pub fn new(kind: String, name: String, expires_in_ms: Option<u64>, state: Vec<u8>) -> Self {
        Self { kind, name, expires_in_ms, state: ByteBuf::from(state) }
    }
}

/// What must hold of an object for a batch to be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The kind of object.
    pub kind: String,
    /// Its name.
    pub object: String,
    /// It was last changed by this revision; 0 is an object that is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Whoever holds it now was given this fencing token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
}

/// One operation of several: the callback `daffi.KIND.METHOD` and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The callback.
    pub callback: String,
    /// Its arguments, encoded.
    pub body: ByteBuf,
}

/// The result of one operation of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stepped {
    /// The last change of its object; 0 if that is not there.
    pub revision: u64,
    /// The result, encoded.
    pub result: ByteBuf,
}

/// What a listener wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// The kind of object.
    pub kind: String,
    /// Its name.
    pub object: String,
    /// Its changes, and not what is published there.
    pub changes: bool,
    /// The topics, as globs.
    pub topics: Vec<String>,
    /// From where on; where things are now if it says nothing.
    #[serde(default)]
    pub from: Option<u64>,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// From where to listen on.
    pub next: u64,
    /// Some of what it would have heard is gone.
    pub has_missed: bool,
    /// What it hears, in order.
    pub items: Vec<HeardItem>,
}

/// One message or change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardItem {
    /// Its place: the revision of a change.
    pub at: u64,
    /// The topic of a message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// The node that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NodeName>,
    /// When it was, in microseconds since the UNIX epoch.
    pub unix_us: u64,
    /// What it says.
    pub body: ByteBuf,
}
