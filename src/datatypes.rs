//! The datatypes that the controller keeps for all nodes: their handles, and what their methods take and give.
//!
//! A handle is made by a method of [`Node`](crate::Node), and is no more than a name with types: nothing is sent before
//! one of its methods is awaited, and dropping it changes nothing. Its methods are [`Operation`](crate::Operation)s:
//! atomic, carried out once, in one order for each object.

pub use daffi_core::datatypes::{
    Agreement, Barrier, BloomChange, BloomFilter, BloomHash, BloomParameters, Cache, CacheChange, CacheInfo,
    CachedMap, Combination, Comms, CommsMessage, Counters, CountersChange, DailyQuota, DeadItem, DeadLetter,
    Decision, Delivery, Deque, Dict, Election, Event, EventStream, EventWatcher, Events, GlobalCounter, Hash,
    HashChange, HllChange, HllSketch, Hold, HyperLogLog, IdBlocks, Inbox, Latch, Leader, Leadership, Lease,
    Leased, Like, LimitedAdd, List, ListChange, Lock, LockGuard, LockHolder, Masters, Multiset,
    MultisetChange, NearCache, NextId, OpenBloom, OpenCachedMap, Operand, Pages, Permit, PermitHolder,
    PqEntry, PriorityQueue, Queue, QueueChange, QueueCounts, QueueSettings, QuorumNextId, Quota, RateLimiter,
    Receipt, Redlock, RedlockGuard, RedlockHolder, Reset, RwLock, Semaphore, SemaphorePermit, Set, SetChange,
    Slice, SortOrder, Stamp, Tallies, TopicChange, UniquePriorityQueue, WhenFull, space,
};
