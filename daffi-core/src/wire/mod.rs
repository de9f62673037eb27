//! What travels: functions from bytes to values and back.
//!
//! A frame is a fixed-width little-endian [`Header`], an optional [`Extension`] map and a body. The header is
//! all that routing a frame needs, and what changes at each hop stands there, so a forwarded frame is patched
//! and not encoded anew. Everything else is MessagePack. Nothing here allocates more than it was given.

mod body;
mod directory;
mod extension;
mod failure;
mod header;
mod items;
mod message;
mod objects;
mod replies;
mod token;
mod traceparent;
mod walk;

pub use body::{BodyError, check_encodes, decode, encode, encode_into};
pub use directory::{
    CallbackEntry, JobEntry, JobState, Missed, NodeDetail, NodeEntry, Overlap, ScheduleEntry, ScheduleSpec,
    When,
};
pub use extension::Extension;
pub use failure::Failure;
pub use header::{
    CallId, Direction, Flags, Frame, HEADER_BYTES, Header, Kind, NO_TIMEOUT, put_frame, put_with, split,
};
pub use items::{ItemError, Items, put_item};
pub use message::{Effect, Parameter};
pub use message::{
    Event, Goodbye, Hello, JobId, Offered, Presence, Register, Resume, Signature, Unregister, Versions,
    Welcome,
};
pub use objects::{ExportedObject, Heard, HeardItem, Listen, ObjectEntry, ObjectQuery, Step, Stepped, Term};
pub use replies::{Part, Parts, PartsError, put_part};
pub use token::{TokenEntry, TokenMade, TokenSpec};
pub use traceparent::{Traceparent, TraceparentError};
pub use walk::{Elements, Shape, WalkError, check_depth, elements, float, payload, skip, take, text};

/// Why bytes of a peer are refused. Whoever sends such bytes is cut off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The length field is smaller than a header or larger than the bound.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// The extension map is larger than the frame or the bound.
    #[error("an extension map of {0} bytes")]
    ExtensionLength(usize),
    /// A control message or an extension map is not what its kind says.
    #[error("a malformed {what}: {why}")]
    Malformed {
        /// Which one.
        what: &'static str,
        /// What the decoder said.
        why: String,
    },
}
