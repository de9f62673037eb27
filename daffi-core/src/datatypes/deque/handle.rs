//! The handle of a deque.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DequeState;
use crate::api::{Kept, Operation};
use crate::config;
use crate::datatypes::entries::ttl_ms;
use crate::datatypes::like::Like;
use crate::datatypes::pages::Pages;
use crate::datatypes::sequence::{Slice, by_place, keys, opened, opened_all, values};
use crate::error::DataError;
use crate::hosted::{Key, Value};
use crate::node::Node;

/// A deque that all nodes share: values that come and go at both ends. Pottery's `RedisDeque`.
///
/// With a [bound](Self::bounded) it keeps the latest values: what comes to one end of a full deque pushes one out at the
/// other. The bound is kept by the controller, for all handles; Pottery's was one of each instance, so that another could
/// let the deque grow. Every operation is one step. A place counts from 0, or, below 0, from the end.
///
/// Values are found by what they are, as those of a [`List`](crate::datatypes::List). Dropping a handle removes nothing:
/// [`clear`](Self::clear) removes the values, [destroying the object](crate::api::Object::destroy) the bound as well.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi_core::error::Result<()> {
/// # let _controller = daffi_core::controller::Controller::bind("memory://deque").await?;
/// # let node = daffi_core::node::connect("memory://deque").await?;
/// let latest = node.deque::<u32>("latest").bounded(3);
/// latest.extend(1..6).await?;
/// assert_eq!(latest.to_vec().await?, [3, 4, 5]);
///
/// latest.rotate(-4).await?; // four from the front to the end: as one
/// assert_eq!(latest.to_vec().await?, [4, 5, 3]);
/// assert_eq!(latest.pop_front().await?, Some(4));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Beside what each method says, [`DataError::WrongValue`] where another than `T` was stored, by a handle of another
/// type.
pub struct Deque<T> {
    object: <DequeState as Kept>::Client,
    maxlen: Option<u64>,
    ttl: Option<Duration>,
    of: PhantomData<fn() -> T>,
}

reaches_object!(Deque<T>);

impl Node {
    /// The deque of this name, with whatever bound it has. Nothing is sent.
    pub fn deque<T>(&self, name: impl Into<Arc<str>>) -> Deque<T> {
        Deque { object: self.object::<DequeState>(name), maxlen: None, ttl: None, of: PhantomData }
    }
}

impl<T> Deque<T> {
    /// The deque's name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Has at most so many values: `maxlen`. It is settled by the first operation that puts something in, or by
    /// [`open`](Self::open), and stays until the object is destroyed or expires.
    ///
    /// If the deque has another bound, or values and none, what this handle would put in is refused with
    /// [`DataError::WrongValue`], which names both. A deque of 0 values stays empty.
    #[must_use]
    pub fn bounded(mut self, maxlen: u64) -> Self {
        self.maxlen = Some(maxlen);
        self
    }

    /// Lets whatever this handle puts in keep the whole deque for so long: each time begins anew, in the same step.
    /// Removing, turning and reading do not.
    ///
    /// Other handles leave the time as it is. When it is over, the deque is gone with all values and its bound. Without
    /// a bound and values it has no time to live. Parts of a millisecond count as one; no time at all makes the
    /// operations fail with [`DataError::Invalid`].
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    fn ttl_ms(&self) -> Result<Option<u64>, DataError> {
        self.ttl.map(ttl_ms).transpose()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
impl<T: Serialize + DeserializeOwned + Send + 'static> Deque<T> {
    /// Settles the [bound](Self::bounded) of this handle, or sees that it is the deque's. Returns that.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the deque has another.
    pub fn open(&self) -> Operation<Option<u64>> {
        self.object.open(self.maxlen)
    }

    /// How many values there may be, whatever the handle says; `None` for any number.
    pub fn maxlen(&self) -> Operation<Option<u64>> {
        self.object.maxlen()
    }

    /// Puts a value at the end, and says how many there are then. If the deque was full, the first is gone. Pottery's
    /// `append`.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the deque has another [bound](Self::bounded).
    pub fn push_back(&self, value: impl Like<T>) -> Operation<u64> {
        Operation::of(|| {
            Ok::<_, DataError>(self.object.push_back(Value::of(&value)?, self.maxlen, self.ttl_ms()?))
        })
    }

    /// Puts a value at the front, and says how many there are then. If the deque was full, the last is gone. Pottery's
    /// `appendleft`.
    ///
    /// # Errors
    /// As [`push_back`](Self::push_back).
    pub fn push_front(&self, value: impl Like<T>) -> Operation<u64> {
        Operation::of(|| {
            Ok::<_, DataError>(self.object.push_front(Value::of(&value)?, self.maxlen, self.ttl_ms()?))
        })
    }

    /// Puts values at the end in one step, as if one after the other, and says how many there are then.
    ///
    /// # Errors
    /// As [`push_back`](Self::push_back).
    pub fn extend(&self, values: impl IntoIterator<Item = impl Like<T>>) -> Operation<u64> {
        Operation::of(|| {
            Ok::<_, DataError>(self.object.extend(self::values(values)?, self.maxlen, self.ttl_ms()?))
        })
    }

    /// Puts values at the front in one step, as if one after the other: the last of them is the first then. Says how many
    /// there are. Pottery's `extendleft`.
    ///
    /// # Errors
    /// As [`push_back`](Self::push_back).
    pub fn extend_left(&self, values: impl IntoIterator<Item = impl Like<T>>) -> Operation<u64> {
        Operation::of(|| {
            Ok::<_, DataError>(self.object.extend_left(self::values(values)?, self.maxlen, self.ttl_ms()?))
        })
    }

    /// Puts a value before the one at a place, and says how many there are then. Beyond an end it comes to that end.
    ///
    /// # Errors
    /// [`DataError::Full`] if there are as many as may be: Python's `IndexError`, since which one should go is not said;
    /// as [`push_back`](Self::push_back) otherwise.
    pub fn insert(&self, at: i64, value: impl Like<T>) -> Operation<u64> {
        Operation::of(|| {
            Ok::<_, DataError>(self.object.insert(at, Value::of(&value)?, self.maxlen, self.ttl_ms()?))
        })
    }

    /// The value at a place; `None` if the deque is not as long.
    pub fn get(&self, at: i64) -> Operation<Option<T>> {
        self.object.get(at).and_then(opened)
    }

    /// Replaces the value at a place.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the deque is not as long: Python's `IndexError`.
    pub fn set(&self, at: i64, value: impl Like<T>) -> Operation<()> {
        Operation::of(|| Ok::<_, DataError>(self.object.set(at, Value::of(&value)?, self.ttl_ms()?)))
    }

    /// Removes the last value, and returns it. If the reply is lost, so is the value. Pottery's `pop`.
    pub fn pop_back(&self) -> Operation<Option<T>> {
        self.pop_at(-1)
    }

    /// Removes the first value, and returns it. If the reply is lost, so is the value. Pottery's `popleft`.
    pub fn pop_front(&self) -> Operation<Option<T>> {
        self.pop_at(0)
    }

    /// Removes the value at a place, and returns it: `del deque[i]`. If the reply is lost, so is the value.
    pub fn pop_at(&self, at: i64) -> Operation<Option<T>> {
        self.object.pop_at(at).and_then(opened)
    }

    /// Removes the first value that equals this one, and says whether there was one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the deque has more than [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values, or no such one is
    /// found in [`LIST_WALK_BYTES_MAX`](config::LIST_WALK_BYTES_MAX) bytes of them.
    pub fn remove(&self, value: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove(Key::of(&value)?)))
    }

    /// The place of the first value that equals this one.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub fn index(&self, value: impl Like<T>) -> Operation<Option<u64>> {
        self.index_in(value, ..)
    }

    /// The same among those of a slice, in its order: with a step of −1, the place of the last. It counts from the start
    /// of the deque.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the slice has more than [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values, or no such one is
    /// found in [`LIST_WALK_BYTES_MAX`](config::LIST_WALK_BYTES_MAX) bytes of them; or if its step is 0.
    pub fn index_in(&self, value: impl Like<T>, within: impl Into<Slice>) -> Operation<Option<u64>> {
        Operation::of(|| Ok::<_, DataError>(self.object.index(Key::of(&value)?, within.into())))
    }

    /// Whether a value equals this one.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub fn contains(&self, value: impl Like<T>) -> Operation<bool> {
        self.index(value).map(|at| at.is_some())
    }

    /// How many values equal this one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the deque has more than [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values, or these have more
    /// than [`LIST_WALK_BYTES_MAX`](config::LIST_WALK_BYTES_MAX) bytes.
    pub fn count(&self, value: impl Like<T>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.count(Key::of(&value)?)))
    }

    /// Moves so many values from the end to the front, one after the other, or, below 0, from the front to the end. Any
    /// number will do: what Pottery's lost where it was more than there were values.
    pub fn rotate(&self, by: i64) -> Operation<()> {
        self.object.rotate(by)
    }

    /// Turns all values round: the first is the last then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the deque has more than [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values.
    pub fn reverse(&self) -> Operation<()> {
        self.object.reverse()
    }

    /// Has all values so many times one after the other, the last of them if the deque is bounded, and says how many
    /// there are then: `deque *= times`. By 0 it removes all.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that adds more than [4 MiB](config::BODY_BYTES_MAX).
    pub fn repeat(&self, times: u64) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.repeat(times, self.ttl_ms()?)))
    }

    /// Whether these are all values, in this order. They are sent, so that the deque is not.
    pub fn equals(&self, values: impl IntoIterator<Item = impl Like<T>>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.equals(keys(values)?)))
    }

    /// All values, at one moment: a copy.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX): [`iter`](Self::iter) has
    /// no bound.
    pub fn to_vec(&self) -> Operation<Vec<T>> {
        self.object.to_vec().and_then(opened_all)
    }

    /// A walk over all values, page by page, by their places: if something comes or goes before the place that the walk
    /// has come to, what follows has moved, and a value may come twice or not at all.
    pub fn iter(&self) -> Pages<T> {
        let object = self.object.clone();
        by_place(&self.object, move |start| object.page(start, config::PAGE_ENTRIES_MAX as u64))
    }

    /// How many values there are.
    pub fn len(&self) -> Operation<u64> {
        self.object.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> Operation<bool> {
        self.object.is_empty()
    }

    /// Removes all values, and says how many there were. The bound stays.
    pub fn clear(&self) -> Operation<u64> {
        self.object.clear()
    }
}

// By hand, since `derive` would ask the same of `T`.
impl<T> Clone for Deque<T> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), maxlen: self.maxlen, ttl: self.ttl, of: PhantomData }
    }
}

impl<T> fmt::Debug for Deque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deque")
            .field("name", &self.name())
            .field("maxlen", &self.maxlen)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
