//! Queues by priority: as Howler's `PriorityQueue` and `UniquePriorityQueue`, with what they lack.

mod order;
mod ranked;
mod state;
#[cfg(test)]
mod tests;
mod unique;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::time::Duration;

pub use self::order::PqEntry;
pub use self::state::{PqState, UniquePqState};
pub use self::unique::UniquePriorityQueue;
use super::lease::{
    DeadLetter, Leased, Names, QueueCounts, QueueSettings, batch, dead_letters, leased, milliseconds, pages,
    queue_handle,
};
use super::like::Like;
use super::pages::Pages;
use crate::api::{Kept, Operation};
use crate::callback::Wire;
use crate::config;
use crate::error::DataError;
use crate::hosted::Value;
use crate::node::Node;

/// A priority queue that all nodes share: items of the highest priority leave first, those of one priority in the
/// order in which the controller took them in. Howler's `PriorityQueue`.
///
/// Priorities are integers of 64 bits. Items are taken for good or borrowed, as from a [`Queue`](super::Queue).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi_core::error::Result<()> {
/// # let _controller = daffi_core::controller::Controller::bind("memory://pq").await?;
/// # let node = daffi_core::node::connect("memory://pq").await?;
/// let patients = node.priority_queue::<String>("patients");
/// let cold = patients.push(1, "cold").await?;
/// patients.push(9, "fracture").await?;
///
/// assert_eq!(patients.rank(&cold).await?, Some(1)); // one is before it
/// assert_eq!(patients.pop().await?.as_deref(), Some("fracture"));
/// # Ok(())
/// # }
/// ```
pub struct PriorityQueue<T> {
    object: <PqState as Kept>::Client,
    of: PhantomData<fn() -> T>,
}

reaches_object!(PriorityQueue<T>);

impl Node {
    /// The priority queue of this name. Nothing is sent.
    pub fn priority_queue<T: Wire>(&self, name: impl Into<Arc<str>>) -> PriorityQueue<T> {
        PriorityQueue { object: self.object::<PqState>(name), of: PhantomData }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
impl<T: Wire> PriorityQueue<T> {
    /// The queue of the same name in which no two items are equal: another one, since each kind has names of its own.
    pub fn unique(&self) -> UniquePriorityQueue<T> {
        UniquePriorityQueue::new(self.object.node(), self.object.name())
    }

    /// Puts in an item, behind the others of its priority, and returns what [`rank`](Self::rank) and
    /// [`remove`](Self::remove) know it by.
    ///
    /// If the queue is [full](QueueSettings::at_most) it may have to wait for room, in line with others that push: by
    /// default for ever, otherwise as long as its [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// [`DataError::Full`] if the queue is full and does not have its producers wait;
    /// [`DataError::Invalid`] for a value that cannot be encoded or fits no frame.
    ///
    /// # Cancel safety
    /// Dropped while it waits for room, it was not pushed; otherwise it may have been.
    pub fn push(&self, priority: i64, value: impl Like<T>) -> Operation<PqEntry> {
        Operation::of(|| Ok::<_, DataError>(self.object.push(priority, Value::of(&value)?)))
    }

    /// Puts in an item before those of its priority that are no vips, and behind those that are.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// # Cancel safety
    /// As [`push`](Self::push).
    pub fn push_vip(&self, priority: i64, value: impl Like<T>) -> Operation<PqEntry> {
        Operation::of(|| Ok::<_, DataError>(self.object.push_vip(priority, Value::of(&value)?)))
    }

    /// How many items would leave before this one; `None` if it cannot be had now, being gone or lent.
    ///
    /// It takes O(log n). Howler's document says that its `rank` is the priority, which it was not either.
    pub fn rank(&self, entry: &PqEntry) -> Operation<Option<u64>> {
        self.object.rank(*entry)
    }

    /// Takes out this item, wherever it stands, and says whether it could be had.
    pub fn remove(&self, entry: &PqEntry) -> Operation<bool> {
        self.object.remove(*entry)
    }
}

/// What the handles of both kinds of priority queues have.
macro_rules! priority_handle {
    ($kind:literal, $handle:ident) => {
        queue_handle!($kind, $handle);

        impl<T: Wire> $handle<T> {
            /// Takes the first `num` items for good in one step, as many as there are at once, and no more than
            /// [`QUEUE_BATCH_MAX`](crate::config::QUEUE_BATCH_MAX) or what [fits a
            /// reply](crate::config::QUEUE_BATCH_BYTES). Howler's `pop(num)`.
            ///
            /// # Errors
            /// [`DataError::WrongValue`] if one is no `T`; all of them are gone then.
            ///
            /// # Cancel safety
            /// Not cancel safe: items already on their way back are lost.
            pub fn pop_many(&self, num: u64) -> Operation<Vec<T>> {
                self.object.pop_batch(num).and_then(batch)
            }

            /// Takes the item of the highest priority that any of these queues has, with its queue's name, and waits,
            /// in all of them, until one has an item. Of queues whose first items have the same priority it is the
            /// first; vips come before the others of their own queue alone. [`select`](Self::select), as Howler's,
            /// goes by the order of the queues, whatever the priorities.
            ///
            /// # Errors
            /// As [`select`](Self::select).
            ///
            /// # Cancel safety
            /// As [`select`](Self::select). For items that must not be lost there is
            /// [`Operation::select_urgent`], of leases.
            pub fn select_priority(queues: &[&Self]) -> Operation<(String, T)> {
                Self::select_from(queues, 0, true)
            }

            /// Takes the item that would leave last for good, the newest of the lowest priority; `None` if there is
            /// none.
            ///
            /// # Errors
            /// [`DataError::WrongValue`] if it is no `T`; it is gone then.
            ///
            /// # Cancel safety
            /// Not cancel safe: an item already on its way back is lost.
            pub fn pop_last(&self) -> Operation<Option<T>> {
                self.object.pop_last().and_then(|value| value.map(|value| value.get()).transpose())
            }

            /// As [`pop_last`](Self::pop_last), but waits for an item, in line with all others that do and as
            /// [`pop_wait`](Self::pop_wait) does. Howler's `blocking_pop(low_priority=True)`.
            ///
            /// # Errors
            /// As [`pop_wait`](Self::pop_wait).
            ///
            /// # Cancel safety
            /// Not cancel safe: an item already on its way back is lost.
            #[doc(alias = "blocking_pop")]
            pub fn pop_last_wait(&self) -> Operation<T> {
                self.object.pop_last_wait().and_then(|value| value.get())
            }

            /// Takes the `num` items that would leave last, the very last first, as [`pop_last`](Self::pop_last) does
            /// with one: despite its name, which is Howler's, they are not those that were pushed last.
            ///
            /// # Errors
            /// As [`pop_many`](Self::pop_many).
            ///
            /// # Cancel safety
            /// As [`pop_many`](Self::pop_many).
            pub fn unpush(&self, num: u64) -> Operation<Vec<T>> {
                self.object.unpush(num).and_then(batch)
            }

            /// Takes up to `num` items whose priorities are within `priorities`, the highest first, leaving the first
            /// `skip` of them.
            ///
            /// ```
            /// # #[tokio::main(flavor = "current_thread")]
            /// # async fn main() -> daffi_core::error::Result<()> {
            #[doc = concat!("# let _controller = daffi_core::controller::Controller::bind(\"memory://range-", $kind, "\").await?;")]
            #[doc = concat!("# let node = daffi_core::node::connect(\"memory://range-", $kind, "\").await?;")]
            /// let tasks = node.priority_queue::<i64>("tasks");
            /// for priority in 1..=9 {
            ///     tasks.push(priority, priority).await?;
            /// }
            ///
            /// assert_eq!(tasks.dequeue_range(3..6, 0, 2).await?, [5, 4]);
            /// assert_eq!(tasks.dequeue_range(..=7, 1, 10).await?, [6, 3, 2, 1]);
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// [`DataError::Invalid`] for a range that ends before it begins; otherwise as
            /// [`pop_many`](Self::pop_many).
            ///
            /// # Cancel safety
            /// As [`pop_many`](Self::pop_many).
            pub fn dequeue_range(
                &self,
                priorities: impl RangeBounds<i64>,
                skip: u64,
                num: u64,
            ) -> Operation<Vec<T>> {
                Operation::of(|| {
                    let (lowest, highest) = limits(&priorities)?;
                    let values = self.object.dequeue_range(lowest, highest, skip, num);
                    Ok::<_, DataError>(values.and_then(batch))
                })
            }

            /// How many items there are whose priorities are within `priorities`. It takes O(log n).
            ///
            /// # Errors
            /// [`DataError::Invalid`] for a range that ends before it begins.
            pub fn count(&self, priorities: impl RangeBounds<i64>) -> Operation<u64> {
                Operation::of(|| {
                    let (lowest, highest) = limits(&priorities)?;
                    Ok::<_, DataError>(self.object.count(lowest, highest))
                })
            }
        }
    };
}

use priority_handle;

priority_handle!("pq", PriorityQueue);

/// The lowest and the highest of a range of priorities, both included; that in which there is none is turned around.
fn limits(priorities: &impl RangeBounds<i64>) -> Result<(i64, i64), DataError> {
    let (start, end) = (priorities.start_bound(), priorities.end_bound());
    if let (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) =
        (start, end)
        && start > end
    {
        return Err(DataError::invalid(format!(
            "priorities from {start} to {end} are none: the lowest comes first"
        )));
    }
    let lowest = match start {
        Bound::Included(start) => Some(*start),
        Bound::Excluded(start) => start.checked_add(1),
        Bound::Unbounded => Some(i64::MIN),
    };
    let highest = match end {
        Bound::Included(end) => Some(*end),
        Bound::Excluded(end) => end.checked_sub(1),
        Bound::Unbounded => Some(i64::MAX),
    };
    Ok(lowest.zip(highest).unwrap_or((i64::MAX, i64::MIN)))
}
