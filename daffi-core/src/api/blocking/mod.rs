//! The same words for threads: what waits for a node, a call or a stream without async.
//!
//! Nothing is done here but waiting. Every method hands the async one of the same name to `bridge`, and a stream is
//! an iterator.

pub(crate) mod bridge;
mod call;
mod iter;
mod job;
mod node;

pub use call::Call;
pub use iter::{Iter, feed};
pub use job::{Job, Schedule};
pub use node::Node;

/// Joins the mesh of the controller at `url`: as [`daffi::connect`](crate::node::connect), to be ended with
/// [`open`](crate::node::Connect::open).
pub use crate::node::connect;
