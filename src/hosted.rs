//! Hosting types of your own in a controller.
//!
//! A hosted object is a plain Rust value that a controller keeps under a name, with methods that any node calls. Its
//! type is synchronous and deterministic: what it knows of time and of who calls comes from the [`Turn`].
//!
//! ```
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

pub use daffi_core::hosted::{Hosted, Key, SessionId, Time, Turn, Value};
