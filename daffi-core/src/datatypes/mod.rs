//! The datatypes that every controller hosts: of each, the hosted type and the handle that users hold.
//!
//! Behind one name, the hosted type is plain, synchronous and untyped: values are [`Value`](crate::hosted::Value)s. The
//! handle adds types, and nothing else: each of its methods is one [`Operation`](crate::api::Operation).

mod counters;
mod entries;
mod hash;
mod lease;
mod like;
mod lock;
#[cfg(test)]
mod model;
mod pages;
mod priority_queue;
mod queue;
mod set;

pub use counters::{Counters, CountersState};
pub use entries::LimitedAdd;
pub use hash::{Dict, Hash, HashChange, HashState};
pub use lease::{
    DeadItem, DeadLetter, Delivery, Lease, Leased, QueueChange, QueueCounts, QueueSettings, Receipt, WhenFull,
};
pub use like::Like;
pub use lock::{LockHolder, LockState};
pub use pages::Pages;
pub use priority_queue::{PqEntry, PqState, PriorityQueue, UniquePqState, UniquePriorityQueue};
pub use queue::{Queue, QueueState};
pub use set::{Set, SetChange, SetState};
