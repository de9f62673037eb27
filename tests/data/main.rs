//! What the datatypes do, through the public interface.

#![expect(clippy::unwrap_used, reason = "tests")]

mod algebra;
mod bloom;
mod cache;
mod cached;
mod comms;
mod contenders;
mod counter;
mod counters;
mod deque;
mod dict;
mod election;
mod events;
mod globalcounter;
mod hash;
mod hll;
mod hyperdex;
mod killed;
mod lease;
mod linear;
mod list;
mod lock;
mod machinery;
mod masters;
mod multiset;
mod near;
mod next_id;
mod priority_queue;
mod queue;
mod quorum;
mod quota;
mod rate;
mod redlock;
mod redlock_known;
mod relay;
mod search;
mod semaphore;
mod set;
mod space;
mod spaces;
mod synchronize;
mod typed_space;
mod waiting;
