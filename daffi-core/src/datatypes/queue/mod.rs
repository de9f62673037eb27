//! Queues, the first in being the first out: as Howler's `NamedQueue`, with what it lacks.

mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use self::state::QueueState;
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
use crate::hosted::{Key, Value};
use crate::node::Node;

/// A queue that all nodes share: items leave in the order in which the controller took them in. Howler's `NamedQueue`.
///
/// Each operation happens as a whole and in one order for all. A consumer takes items for good, at most once each, or
/// borrows them until it is done with them, at least once each: see [`lease`](Self::lease). Those who wait are served
/// in the order in which they came.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi_core::error::Result<()> {
/// # let _controller = daffi_core::controller::Controller::bind("memory://queue").await?;
/// # let node = daffi_core::node::connect("memory://queue").await?;
/// # use daffi_core::api::secs;
/// let mails = node.queue::<String>("mails");
/// mails.extend(["one", "two"]).await?;
/// assert_eq!(mails.pop().await?.as_deref(), Some("one"));
///
/// let mail = mails.lease(secs(30)).await?;
/// assert_eq!(*mail, "two"); // nobody else has it, and it comes back if this process dies
/// mail.ack().await?; // now it is gone
/// assert!(mails.is_empty().await?);
/// # Ok(())
/// # }
/// ```
pub struct Queue<T> {
    object: <QueueState as Kept>::Client,
    of: PhantomData<fn() -> T>,
}

reaches_object!(Queue<T>);

impl Node {
    /// The queue of this name. Nothing is sent.
    pub fn queue<T: Wire>(&self, name: impl Into<Arc<str>>) -> Queue<T> {
        Queue { object: self.object::<QueueState>(name), of: PhantomData }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
impl<T: Wire> Queue<T> {
    /// Puts an item at the end.
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
    pub fn push(&self, value: impl Like<T>) -> Operation<()> {
        Operation::of(|| Ok::<_, DataError>(self.object.push(Value::of(&value)?)))
    }

    /// Puts all these items at the end, in their order, in one step: none of another's comes between, and if they do
    /// not all fit none is pushed. Howler's `push` of several, which did so one by one.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`DataError::Invalid`] for more than
    /// [`QUEUE_EXTEND_MAX`](crate::config::QUEUE_EXTEND_MAX). What does not fit one message, of
    /// [`BODY_BYTES_MAX`](crate::config::BODY_BYTES_MAX), is not sent.
    ///
    /// # Cancel safety
    /// As [`push`](Self::push).
    pub fn extend(&self, values: impl IntoIterator<Item: Like<T>>) -> Operation<()> {
        Operation::of(|| {
            let values = values.into_iter().map(|value| Value::of(&value)).collect::<Result<_, _>>()?;
            Ok::<_, DataError>(self.object.extend(values))
        })
    }

    /// Puts in an item that can be had only after `delay`: then it comes to the end.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// # Cancel safety
    /// As [`push`](Self::push).
    pub fn push_after(&self, value: impl Like<T>, delay: Duration) -> Operation<()> {
        Operation::of(|| Ok::<_, DataError>(self.object.push_after(Value::of(&value)?, milliseconds(delay))))
    }

    /// Puts an item at the end unless one was pushed under the same id lately, and says whether it did.
    ///
    /// The queue remembers an id for [`once_for`](QueueSettings::once_for), whether its item is still there or not.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// # Cancel safety
    /// As [`push`](Self::push); and pushing it again does no harm.
    pub fn push_once<I: Serialize + ?Sized>(&self, id: &I, value: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.push_once(Key::of(id)?, Value::of(&value)?)))
    }

    /// Puts these items before the first, in their order: the first of them is the next to leave. So it restores what
    /// [`pop_batch`](Self::pop_batch) gave. They are let in even if the queue is full.
    ///
    /// Howler's `unpop(8, 9)` put one before the other, so that 9 left first.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for values that cannot be encoded or fit no frame, or for too many, as with
    /// [`extend`](Self::extend).
    pub fn unpop(&self, values: impl IntoIterator<Item: Like<T>>) -> Operation<()> {
        Operation::of(|| {
            let values = values.into_iter().map(|value| Value::of(&value)).collect::<Result<_, _>>()?;
            Ok::<_, DataError>(self.object.unpop(values))
        })
    }

    /// Takes up to `num` items for good in one step, as many as there are at once, and no more than
    /// [`QUEUE_BATCH_MAX`](crate::config::QUEUE_BATCH_MAX) or what [fits a reply](crate::config::QUEUE_BATCH_BYTES).
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if one is no `T`; all of them are gone then.
    ///
    /// # Cancel safety
    /// Not cancel safe: items already on their way back are lost.
    pub fn pop_batch(&self, num: u64) -> Operation<Vec<T>> {
        self.object.pop_batch(num).and_then(batch)
    }
}

queue_handle!("queue", Queue);
