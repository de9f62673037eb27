//! Hosting types of your own in a controller.
//!
//! A hosted object is a plain Rust value that a controller keeps under a name, with methods that any node calls. Its
//! type is synchronous and deterministic: what it knows of time and of who calls comes from the [`Turn`].
//!
//! `#[callback(hosted = "record")]` above its `impl` block makes its public methods the callbacks `daffi.record.METHOD`,
//! whose first argument is the object's name, and a client with the same methods: [`Node::object`](crate::Node::object).
//!
//! * `&self` is for reads, which change nothing; `&mut self` for writes. `&mut self` with `#[callback(shrink)]` above it is
//!   a write that takes no more room than before: it is let through when memory is short.
//! * A parameter of type `&mut Turn<'_>` or `&Turn<'_>` is not sent. `&self` with `&mut Turn<'_>` may publish to those who
//!   listen just then.
//! * A parameter of type [`Others`] names further objects of the kind, which the method reads by [`Turn::others`] as they are
//!   in the same step.
//! * A method that returns an error, or [`Poll::Pending`](std::task::Poll::Pending), must have changed nothing. Who returns
//!   a `Poll` (of a `Result`, if it can fail) waits: its call is made again when the object has changed, in the order in
//!   which the calls came. `#[callback(line = 1)]` gives a method another line than the rest, `#[callback(line_of = "key")]`
//!   a line for each value of its parameter `key`.
//! * Errors are serializable `std::error::Error`s; their callers get them back by
//!   [`DataError::Call`](crate::DataError::Call) and `downcast`.
//! * Arguments and results are owned, but for `&str`. Time and randomness come from the turn and the arguments alone.
//! * A panic puts the object into quarantine: nothing but destroying it is done to it from then on.
//!
//! ```standalone_crate
//! use daffi::callback;
//! use daffi::hosted::{Hosted, Turn};
//! use serde::{Deserialize, Serialize};
//!
//! /// The best so far.
//! #[derive(Default, Clone, Serialize, Deserialize)]
//! struct Record {
//!     best: Option<u64>,
//! }
//!
//! #[callback(hosted = "record")]
//! impl Record {
//!     /// Whether this is a new record.
//!     pub fn beat(&mut self, score: u64) -> bool {
//!         let is_better = self.best.is_none_or(|best| score > best);
//!         if is_better {
//!             self.best = Some(score);
//!         }
//!         is_better
//!     }
//!
//!     /// The best so far.
//!     pub fn best(&self) -> Option<u64> {
//!         self.best
//!     }
//! }
//!
//! impl Hosted for Record {
//!     fn bytes(&self) -> usize {
//!         16
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> daffi::Result<()> {
//! // Whatever the program of the controller is linked with, it hosts.
//! # let _controller = daffi::Controller::bind("memory://record").await?;
//! let node = daffi::connect("memory://record").await?;
//! let record = node.object::<Record>("chess");
//! assert!(record.beat(7).await?);
//! assert!(!record.beat(5).await?);
//! assert_eq!(record.best().await?, Some(7));
//! # Ok(())
//! # }
//! ```

pub use daffi_core::hosted::{Hosted, Key, Others, SessionId, Time, Turn, Value};
