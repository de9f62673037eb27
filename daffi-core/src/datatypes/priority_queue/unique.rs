//! Priority queues without equal items.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::time::Duration;

use super::{UniquePqState, limits, priority_handle};
use crate::api::{Kept, Operation};
use crate::callback::Wire;
use crate::config;
use crate::datatypes::lease::{
    DeadLetter, Leased, Names, QueueCounts, QueueSettings, batch, dead_letters, leased, milliseconds, pages,
    queue_handle,
};
use crate::datatypes::like::Like;
use crate::datatypes::pages::Pages;
use crate::error::DataError;
use crate::hosted::Key;
use crate::node::Node;

/// A [`PriorityQueue`](super::PriorityQueue) in which no two items are equal: what is pushed again is not added, and
/// takes the new priority. Howler's `UniquePriorityQueue`.
///
/// Items are equal if their canonical encodings are: the order of a map's keys does not matter, and 1 is not 1.0.
/// Those of one priority leave in the order in which they were first pushed, whatever their priorities were meanwhile.
///
/// Only what can be had now counts: an item that is on lease, delayed or dead may be pushed anew. When it then comes
/// back, the two are one again, with the priority of the later push.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi_core::error::Result<()> {
/// # let _controller = daffi_core::controller::Controller::bind("memory://unique").await?;
/// # let node = daffi_core::node::connect("memory://unique").await?;
/// let pages = node.priority_queue::<String>("pages").unique();
/// assert!(pages.push(1, "index.html").await?);
/// assert!(!pages.push(5, "index.html").await?);
///
/// assert_eq!(pages.len().await?, 1);
/// assert_eq!(pages.priority("index.html").await?, Some(5));
/// # Ok(())
/// # }
/// ```
pub struct UniquePriorityQueue<T> {
    object: <UniquePqState as Kept>::Client,
    of: PhantomData<fn() -> T>,
}

reaches_object!(UniquePriorityQueue<T>);

#[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
impl<T: Wire> UniquePriorityQueue<T> {
    pub(super) fn new(node: &Node, name: &str) -> Self {
        Self { object: node.object::<UniquePqState>(name), of: PhantomData }
    }

    /// Puts in an item, or gives the one that is there this priority, be it higher or lower, and says whether it is
    /// new.
    ///
    /// If the queue is [full](QueueSettings::at_most) a new item may have to wait for room, in line with others that
    /// push: by default for ever, otherwise as long as its [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// [`DataError::Full`] if the queue is full and does not have its producers wait;
    /// [`DataError::Invalid`] for a value that has no canonical encoding or fits no frame.
    ///
    /// # Cancel safety
    /// Dropped while it waits for room, it was not pushed; otherwise it may have been, and pushing it again does no
    /// harm.
    pub fn push(&self, priority: i64, value: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.push(priority, Key::of(&value)?)))
    }

    /// How many items would leave before this one; `None` if it cannot be had now, being gone or lent. It takes
    /// O(log n).
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a value that has no canonical encoding.
    pub fn rank(&self, value: impl Like<T>) -> Operation<Option<u64>> {
        Operation::of(|| Ok::<_, DataError>(self.object.rank(Key::of(&value)?)))
    }

    /// The priority of this item; `None` if it cannot be had now, being gone or lent.
    ///
    /// # Errors
    /// As [`rank`](Self::rank).
    pub fn priority(&self, value: impl Like<T>) -> Operation<Option<i64>> {
        Operation::of(|| Ok::<_, DataError>(self.object.priority(Key::of(&value)?)))
    }

    /// Takes out this item, wherever it stands, and says whether it could be had.
    ///
    /// # Errors
    /// As [`rank`](Self::rank).
    pub fn remove(&self, value: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove(Key::of(&value)?)))
    }
}

priority_handle!("unique_pq", UniquePriorityQueue);
