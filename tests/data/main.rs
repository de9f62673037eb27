//! What the datatypes do, through the public interface.

#![expect(clippy::unwrap_used, reason = "tests")]

mod contenders;
mod counters;
mod hash;
mod killed;
mod lease;
mod linear;
mod machinery;
mod priority_queue;
mod queue;
mod set;
mod waiting;
