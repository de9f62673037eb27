//! The handle of a list.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ListState;
use crate::api::{Kept, Operation};
use crate::config;
use crate::datatypes::entries::ttl_ms;
use crate::datatypes::like::Like;
use crate::datatypes::pages::Pages;
use crate::datatypes::sequence::{Slice, SortOrder, by_place, keys, opened, opened_all, values};
use crate::error::DataError;
use crate::hosted::{Key, Value};
use crate::node::Node;

/// A list that all nodes share: values one after the other, each at its place. Pottery's `RedisList`.
///
/// Every operation is one step in the controller, slices as well: nobody sees half of one. A place counts from 0, or,
/// below 0, from the end, so that −1 is the last. Slices are ranges, pairs, or [`Slice`]s with a step, and are those of
/// Python, also where something is [put in their place](Self::set_slice); Pottery's were not.
///
/// Values are found by what they are: the order of a map's pairs makes no difference, `1` and `1.0` are two values, and
/// NaN is not found ([`DataError::Invalid`]). Dropping a handle removes nothing: [`clear`](Self::clear) does. A list
/// without values is as one that never was: whoever begins one, and must not add to another's, asks for that
/// ([`if_revision`](Operation::if_revision) 0), as Pottery's constructor did with its `KeyExistsError`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi_core::error::Result<()> {
/// # let _controller = daffi_core::controller::Controller::bind("memory://list").await?;
/// # let node = daffi_core::node::connect("memory://list").await?;
/// use daffi_core::datatypes::Slice;
///
/// let numbers = node.list::<u32>("numbers");
/// numbers.extend(0..6).await?;
/// assert_eq!(numbers.get(-1).await?, Some(5));
/// assert_eq!(numbers.slice((1, -2)).await?, [1, 2, 3]);
///
/// numbers.set_slice(1..3, [10, 11, 12]).await?; // one more than there were
/// numbers.remove_slice(Slice::from(..).step(2)).await?; // every other one
/// assert_eq!(numbers.to_vec().await?, [10, 12, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Beside what each method says, [`DataError::WrongValue`] where another than `T` was stored, by a handle of another
/// type.
pub struct List<T> {
    object: <ListState as Kept>::Client,
    ttl: Option<Duration>,
    of: PhantomData<fn() -> T>,
}

reaches_object!(List<T>);

impl Node {
    /// The list of this name. Nothing is sent.
    pub fn list<T>(&self, name: impl Into<Arc<str>>) -> List<T> {
        List { object: self.object::<ListState>(name), ttl: None, of: PhantomData }
    }
}

impl<T> List<T> {
    /// The list's name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Lets whatever this handle stores keep the whole list for so long: each of its writes begins the time anew, in the
    /// same step. Removing, sorting and reading do not.
    ///
    /// Other handles leave the time as it is. When it is over, the list is gone with all values; once it is empty, for
    /// whatever reason, it has no time to live. Parts of a millisecond count as one; no time at all makes the
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
impl<T: Serialize + DeserializeOwned + Send + 'static> List<T> {
    /// Puts a value at the end, and says how many there are then. Pottery's `append`.
    pub fn push(&self, value: impl Like<T>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.push(Value::of(&value)?, self.ttl_ms()?)))
    }

    /// Puts values at the end in one step, and says how many there are then. `list += …` is this, too.
    pub fn extend(&self, values: impl IntoIterator<Item = impl Like<T>>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.extend(self::values(values)?, self.ttl_ms()?)))
    }

    /// Puts a value before the one at a place, and says how many there are then. Beyond an end it comes to that end, as
    /// in Python: at −1 it comes before the last, where Pottery put it before all.
    pub fn insert(&self, at: i64, value: impl Like<T>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.insert(at, Value::of(&value)?, self.ttl_ms()?)))
    }

    /// The value at a place; `None` if the list is not as long.
    pub fn get(&self, at: i64) -> Operation<Option<T>> {
        self.object.get(at).and_then(opened)
    }

    /// Replaces the value at a place.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the list is not as long: Python's `IndexError`.
    pub fn set(&self, at: i64, value: impl Like<T>) -> Operation<()> {
        Operation::of(|| Ok::<_, DataError>(self.object.set(at, Value::of(&value)?, self.ttl_ms()?)))
    }

    /// Removes the last value, and returns it. If the reply is lost, so is the value.
    pub fn pop(&self) -> Operation<Option<T>> {
        self.pop_at(-1)
    }

    /// Removes the value at a place, and returns it: `pop(i)`, and `del list[i]`. If the reply is lost, so is the value.
    pub fn pop_at(&self, at: i64) -> Operation<Option<T>> {
        self.object.pop_at(at).and_then(opened)
    }

    /// Removes the first value that equals this one, and says whether there was one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the list has more than [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values, or no such one is
    /// found in [`LIST_WALK_BYTES_MAX`](config::LIST_WALK_BYTES_MAX) bytes of them.
    pub fn remove(&self, value: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove(Key::of(&value)?)))
    }

    /// The place of the first value that equals this one.
    ///
    /// # Errors
    /// As [`remove`](Self::remove): then search it by [parts](Self::index_in).
    pub fn index(&self, value: impl Like<T>) -> Operation<Option<u64>> {
        self.index_in(value, ..)
    }

    /// The same among those of a slice, in its order: with a step of −1, the place of the last. It counts from the start
    /// of the list.
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
    /// As [`index`](Self::index).
    pub fn contains(&self, value: impl Like<T>) -> Operation<bool> {
        self.index(value).map(|at| at.is_some())
    }

    /// How many values equal this one.
    ///
    /// # Errors
    /// As [`sort`](Self::sort).
    pub fn count(&self, value: impl Like<T>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.count(Key::of(&value)?)))
    }

    /// The values of a slice, at one moment and in its order: `list.slice((1, -1))`,
    /// `list.slice(Slice::from(..).step(-1))`.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX), or its step is 0.
    pub fn slice(&self, slice: impl Into<Slice>) -> Operation<Vec<T>> {
        self.object.slice(slice.into()).and_then(opened_all)
    }

    /// Puts values in place of a slice, and says how many there are then in all.
    ///
    /// As Python: of a slice without a step the list grows or shrinks by what there is more or less; one without places
    /// puts them in at its start. A slice with a step takes exactly as many as it has places.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the slice has a step and another number of places, or one of 0.
    pub fn set_slice(
        &self,
        slice: impl Into<Slice>,
        values: impl IntoIterator<Item = impl Like<T>>,
    ) -> Operation<u64> {
        Operation::of(|| {
            let values = self::values(values)?;
            Ok::<_, DataError>(self.object.set_slice(slice.into(), values, self.ttl_ms()?))
        })
    }

    /// Removes the values of a slice, and says how many there were.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if its step is 0; or if it is another than ±1, and the slice reaches over more than
    /// [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values.
    pub fn remove_slice(&self, slice: impl Into<Slice>) -> Operation<u64> {
        self.object.remove_slice(slice.into())
    }

    /// Sorts all values, of whatever types they are. What is equal stays in its order, whichever way it is sorted.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the list has more than [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values, or these have more
    /// than [`LIST_WALK_BYTES_MAX`](config::LIST_WALK_BYTES_MAX) bytes.
    pub fn sort(&self, order: SortOrder) -> Operation<()> {
        self.object.sort(order)
    }

    /// Turns all values round: the first is the last then.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the list has more than [`LIST_WALK_MAX`](config::LIST_WALK_MAX) values.
    pub fn reverse(&self) -> Operation<()> {
        self.object.reverse()
    }

    /// Has all values so many times one after the other, and says how many there are then: `list *= times`. By 0 it
    /// removes all.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that adds more than [4 MiB](config::BODY_BYTES_MAX).
    pub fn repeat(&self, times: u64) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.repeat(times, self.ttl_ms()?)))
    }

    /// Whether these are all values, in this order. They are sent, so that the list is not.
    pub fn equals(&self, values: impl IntoIterator<Item = impl Like<T>>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.equals(keys(values)?)))
    }

    /// All values, at one moment: a copy. Pottery's `to_list`.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX): [`iter`](Self::iter) has
    /// no bound.
    pub fn to_vec(&self) -> Operation<Vec<T>> {
        self.slice(..)
    }

    /// A walk over all values, page by page, by their places: if something is put in or removed before the place that
    /// the walk has come to, what follows has moved, and a value may come twice or not at all.
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

    /// Removes all values, and says how many there were.
    pub fn clear(&self) -> Operation<u64> {
        self.object.clear()
    }
}

// By hand, since `derive` would ask the same of `T`.
impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), ttl: self.ttl, of: PhantomData }
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("name", &self.name()).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
