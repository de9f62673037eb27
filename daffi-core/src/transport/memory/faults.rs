//! What can go wrong with a link: by chance from a seed, or by hand.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::wire::Wire;

/// What connections to one name suffer, by chance but reproducibly: the same seed, the same connections in the
/// same order and the same writes give the same faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Faults {
    /// Where chance begins.
    pub seed: u64,
    /// How long what was written is under way: evenly between the two, drawn for each write. Bytes keep their
    /// order. Time is tokio's, so it may be paused.
    pub delay: Option<RangeInclusive<Duration>>,
    /// After how many bytes delivered in one direction the connection breaks: evenly between the two, drawn
    /// once for each direction of each connection.
    pub cut_after_bytes: Option<RangeInclusive<u64>>,
    /// Whether new connections are refused, as if nobody listened.
    pub refuses: bool,
    /// Whether new connections deliver nothing until [`Link::resume`].
    pub stalls: bool,
}

impl Faults {
    /// No faults, with this seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

/// A live connection in memory, for breaking it.
#[derive(Debug, Clone)]
pub struct Link(Arc<Wire>);

impl Link {
    pub(super) fn new(wire: Arc<Wire>) -> Self {
        Self(wire)
    }

    /// Breaks the connection: both sides get `ConnectionReset`, and what was under way is lost.
    pub fn cut(&self) {
        self.0.cut();
    }

    /// Delivers nothing, in neither direction and not even the end, until [`resume`](Self::resume).
    /// Writing goes on until the connection is full.
    pub fn stall(&self) {
        self.0.stall();
    }

    /// Delivers again, beginning with what was held back.
    pub fn resume(&self) {
        self.0.resume();
    }

    /// How long what is written from now on is under way, as [`Faults::delay`]; what was written before stays before it.
    pub fn set_delay(&self, delay: Option<RangeInclusive<Duration>>) {
        self.0.set_delay(delay);
    }

    /// Whether the connection has been neither cut nor closed.
    pub fn is_live(&self) -> bool {
        self.0.is_live()
    }
}
