//! What the datatypes do, through the public interface.

#![expect(clippy::unwrap_used, reason = "tests")]

mod contenders;
mod counters;
mod linear;
mod machinery;
mod hash;
mod set;
mod waiting;
