//! What the datatypes do, through the public interface.

#![expect(clippy::unwrap_used, reason = "tests")]

mod contenders;
mod counters;
mod hash;
mod linear;
mod machinery;
mod set;
mod lease;
mod priority_queue;
mod queue;
mod waiting;
