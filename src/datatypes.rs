//! The datatypes that the controller keeps for all nodes: their handles, and what their methods take and give.
//!
//! A handle is made by a method of [`Node`](crate::Node), and is no more than a name with types: nothing is sent before
//! one of its methods is awaited, and dropping it changes nothing. Its methods are [`Operation`](crate::Operation)s:
//! atomic, carried out once, in one order for each object.

pub use daffi_core::datatypes::{
    Counters, DeadItem, DeadLetter, Delivery, Dict, Hash, HashChange, Lease, Leased, Like, LimitedAdd, Pages,
    PqEntry, PriorityQueue, Queue, QueueChange, QueueCounts, QueueSettings, Receipt, Set, SetChange,
    UniquePriorityQueue, WhenFull,
};
