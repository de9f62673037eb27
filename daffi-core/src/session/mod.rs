//! One link: its two halves, from bytes of a connection to frames, and the deadlines of what travels on it.
//!
//! [`Outbound`] is shared by everybody who writes, [`Inbound`] belongs to the one task that reads.

mod bulk;
mod deadlines;
mod inbound;
mod outbound;
mod retained;
mod sides;

pub use deadlines::Deadlines;
pub use inbound::{FrameSpan, Inbound};
pub use outbound::{Outbound, Queued};
pub use retained::{CannotResume, Keep, NeverSent};
pub use sides::{Filled, Sides, fill};
