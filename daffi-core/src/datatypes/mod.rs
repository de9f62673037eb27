//! The datatypes that every controller hosts: of each, the hosted type and the handle that users hold.
//!
//! Behind one name, the hosted type is plain, synchronous and untyped: values are [`Value`](crate::hosted::Value)s. The
//! handle adds types, and nothing else: each of its methods is one [`Operation`](crate::api::Operation).

/// Gives a handle its way to the object behind it.
macro_rules! reaches_object {
    ($handle:ident $(<$($of:ident),+>)?) => {
        impl $(<$($of),+>)? $handle $(<$($of),+>)? {
            /// The object behind it: to watch it, destroy it, have it expire, or see what the controller says of it.
            pub fn object(&self) -> &$crate::api::Object {
                &self.object
            }
        }
    };
}

mod barrier;
mod bloom;
mod cache;
mod cached_map;
mod comms;
mod counter;
mod counters;
mod deque;
mod digest;
mod election;
mod entries;
mod events;
mod guard;
mod hash;
mod hll;
mod latch;
mod lease;
mod like;
mod list;
mod lock;
mod masters;
#[cfg(test)]
mod model;
mod multiset;
mod near;
mod next_id;
mod pages;
mod priority_queue;
mod queue;
mod quota;
mod rate;
mod redlock;
mod semaphore;
mod sequence;
mod set;
pub mod space;

pub use barrier::{Barrier, BarrierState};
pub use bloom::{BloomChange, BloomFilter, BloomHash, BloomParameters, BloomState, OpenBloom};
pub use cache::{Begun, Cache, CacheChange, CacheInfo, CacheState, NearCache};
#[doc(hidden)]
pub use cache::{Cacheable, CachedFunction, KeyParts, Keyed};
pub use cached_map::{CachedMap, OpenCachedMap};
pub use comms::{Comms, CommsMessage, CommsState, Inbox};
#[doc(hidden)]
pub use counter::{CountingFails, counted, counted_before, try_counted, try_counted_before};
pub use counter::{GlobalCounter, Reset, Stamp, TopicChange, TopicState};
pub use counters::{Counters, CountersChange, CountersState};
pub use deque::{Deque, DequeState};
pub use election::{Election, ElectionState, Leader, Leadership};
pub use entries::LimitedAdd;
pub use events::{Event, EventStream, EventWatcher, Events, EventsState};
pub use guard::{Claim, Hold};
pub use hash::{Dict, Hash, HashChange, HashState};
pub use hll::{HllChange, HllSketch, HllState, HyperLogLog};
pub use latch::{Latch, LatchState};
pub use lease::{
    DeadItem, DeadLetter, Delivery, Lease, Leased, QueueChange, QueueCounts, QueueSettings, Receipt, WhenFull,
};
pub use like::Like;
pub use list::{List, ListState};
pub use lock::{Lock, LockGuard, LockHolder, LockState, RwLock};
pub use masters::{Agreement, Masters};
pub use multiset::{Multiset, MultisetChange, MultisetState, Tallies, Tally};
pub use next_id::{IdBlocks, NextId, NextIdState, QuorumNextId, Raised};
pub use pages::Pages;
pub use priority_queue::{PqEntry, PqState, PriorityQueue, UniquePqState, UniquePriorityQueue};
pub use queue::{Queue, QueueState};
pub use quota::{DailyQuota, DailyQuotaState, Permit, Quota, QuotaState};
pub use rate::{Decision, Rate, RateLimiter, RateState};
pub use redlock::{
    Redlock, RedlockClaim, RedlockExtended, RedlockGuard, RedlockHolder, RedlockLease, RedlockOffer,
    RedlockState, RedlockView,
};
#[doc(hidden)]
pub use redlock::{Synchronizing, SynchronizingFails, synchronized, try_synchronized};
pub use semaphore::{PermitHolder, Semaphore, SemaphorePermit, SemaphoreState};
pub use sequence::{ListChange, Slice, SortOrder};
pub use set::{Combination, Operand, Relation, Set, SetChange, SetState};
