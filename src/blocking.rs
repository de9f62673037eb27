//! daffi for programs without async: threads all the way, in the same words.
//!
//! ```
//! use daffi::prelude::*;
//!
//! /// Adds two numbers.
//! #[callback]
//! fn add(a: i64, b: i64) -> i64 {
//!     a + b
//! }
//!
//! fn main() -> daffi::Result<()> {
//!     // Alone in its mesh here; usually `daffi::blocking::connect("quic://localhost:8888")`.
//!     let node = daffi::blocking::connect("memory://shop").registry(callbacks![add]).with_controller().open()?;
//!
//!     let sum: i64 = node.call("add", (4, 6)).timeout(secs(15)).fg()?; // FG
//!     let job = node.call::<i64>("add", (4, 6)).bg(); // BG
//!     node.tell("add", (4, 6)).no_return()?; // NO RETURN
//!     let checked = add::call(&node, 4, 6).blocking().fg()?; // checked by rustc
//!
//!     assert_eq!((sum, checked, job.wait()?), (10, 10, 10));
//!     node.stop();
//!     Ok(())
//! }
//! ```
//!
//! There is nothing underneath but the async implementation: a method here is the async one of the same name, and the
//! thread waits for it. Where that has options of its own, as a broadcast and a schedule do, they are given by a
//! function: `.broadcast_with(|broadcast| broadcast.at_least(3))`. A stream is an iterator, and an iterator is a stream
//! ([`feed`]).
//!
//! # Threads
//!
//! All nodes that a process opens share one runtime, whose threads are daffi's own. A [`Node`] may be cloned and used by
//! any number of threads at once. Callbacks run as always: plain functions on a thread each, in which all of this
//! can be used (`ctx.node().blocking()`).
//!
//! In an async task a thread must not wait, and other tasks would wait with it: there every method here gives
//! [`CallError::WouldBlock`](crate::CallError::WouldBlock). All threads of a tokio runtime count, those of
//! `spawn_blocking` too.
//!
//! # The end
//!
//! When the last clone of an opened [`Node`] is dropped it stops in order: running callbacks finish, for up to
//! [`DRAIN_TIME`](crate::config::DRAIN_TIME), and the mesh is told. [`Node::stop`] does the same at once, whoever else
//! has clones. `std::process::exit` drops nothing.
//!
//! Ctrl-C and SIGTERM end the process as they end any: at once. The mesh learns of it as soon as the kernel closes the
//! socket; whoever waits for a callback of this process is told that the node was lost. For an orderly end catch the
//! signal with a crate of your choice and call [`Node::stop`], which also has [`Node::join`] return; or let
//! `#[daffi::main]` do it.

pub use daffi_core::api::blocking::{Call, Iter, Job, Node, Schedule, connect, feed};
