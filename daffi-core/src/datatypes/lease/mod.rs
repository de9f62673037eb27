//! What queues of all kinds have in common: items that are lent to consumers and come back unless they are done with.
//!
//! [`Leases`] knows who has what and until when, [`Stock`] all that is in a queue beside the order of its items, which
//! is the kind's own [`Order`].

mod guard;
mod leases;
mod macros;
mod settings;
mod stock;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::guard::{DeadLetter, Lease, Leased};
pub(super) use self::guard::{Names, batch, dead_letters, leased, milliseconds, pages};
pub(super) use self::leases::Leases;
pub(super) use self::macros::{queue_handle, queue_state};
pub use self::settings::{QueueChange, QueueCounts, QueueSettings, WhenFull};
pub(super) use self::stock::{End, Order, Stock};
use crate::hosted::Value;

/// A number that nothing else in the object has or has had, also not before it was empty or destroyed: later ones are
/// larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// The revision of the command that made it.
    command: u64,
    /// Which of those of the command.
    index: u64,
}

impl Stamp {
    const LAST: Self = Self { command: u64::MAX, index: u64::MAX };

    /// Whether as many can come after it as ever will.
    fn has_successors(self) -> bool {
        self.command.max(self.index) <= u64::MAX / 2
    }

    /// The one after this that the command `revision` makes.
    pub(super) fn next(self, revision: u64) -> Self {
        if revision > self.command {
            return Self { command: revision, index: 0 };
        }
        // An object that comes from another controller may have stamps from the future of this one.
        Self { index: self.index + 1, ..self }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.command, self.index)
    }
}

/// Proof that an item was lent: each delivery has its own, and it is stale once the item was given back by whatever
/// way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Receipt(pub(super) Stamp);

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What stands in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) value: Value,
    /// How often it was lent.
    pub(super) deliveries: u32,
}

impl Item {
    pub(super) fn new(value: Value) -> Self {
        Self { value, deliveries: 0 }
    }

    /// What it takes, about, wherever it is.
    pub(super) fn bytes(&self) -> usize {
        self.value.bytes().len() + ITEM_BYTES
    }
}

/// What an item takes beside its value: its places in the order, among the leases and among the deadlines.
const ITEM_BYTES: usize = 240;

/// An item that was lent, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What to give it back by.
    pub receipt: Receipt,
    /// The item.
    pub value: Value,
    /// How often it was lent, this time included.
    pub deliveries: u32,
}

/// An item that was lent too often, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadItem {
    /// The item.
    pub value: Value,
    /// How often it was lent.
    pub deliveries: u32,
}
