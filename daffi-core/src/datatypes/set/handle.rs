//! The handle of a set.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SetState;
use crate::api::{Kept, Operation};
use crate::config;
use crate::datatypes::entries::{LimitedAdd, ttl_ms};
use crate::datatypes::like::Like;
use crate::datatypes::pages::Pages;
use crate::error::DataError;
use crate::hosted::Key;
use crate::node::Node;

/// A set that all nodes share: each value is a member of it or not. Howler's `Set` and `ExpiringSet`, and Pottery's
/// `RedisSet`, whose operators are [`union`](Self::union), [`is_subset`](Self::is_subset) and their like.
///
/// Every operation is one step in the controller. Members are equal if they are in the mesh's one form of values: the
/// order of a map's pairs makes no difference, and `1` and `1.0` are two members. NaN is none
/// ([`DataError::Invalid`]). Members have no order, and what is random is drawn anew by each operation.
///
/// Dropping a handle removes nothing: [`clear`](Self::clear) does. A set without members is as one that never was.
///
/// # Time to live
/// Of the whole: by a handle [with a TTL](Self::ttl). Of a member: [`add_for`](Self::add_for) and its like. The first of
/// the two that is over counts. Whoever adds a member last decides how long it stays: [`add`](Self::add) for ever.
/// Reading renews neither.
///
/// # Errors
/// Beside what each method says, [`DataError::WrongValue`] where another than `T` was added, by a handle of another
/// type.
pub struct Set<T> {
    pub(super) object: <SetState as Kept>::Client,
    ttl: Option<Duration>,
    of: PhantomData<fn() -> T>,
}

reaches_object!(Set<T>);

impl Node {
    /// The set of this name. Nothing is sent.
    pub fn set<T>(&self, name: impl Into<Arc<str>>) -> Set<T> {
        Set { object: self.object::<SetState>(name), ttl: None, of: PhantomData }
    }
}

impl<T> Set<T> {
    /// The set's name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Lets whatever this handle adds keep the whole set for so long: each of its additions begins the time anew, in the
    /// same step. Removing and reading do not. As Howler's `ExpiringSet`, whose default is a day, and whose `members`
    /// began it anew.
    ///
    /// Other handles leave the time as it is. When it is over, the set is gone with all members; once it is empty, for
    /// whatever reason, it has no time to live. Parts of a millisecond count as one; no time at all makes the
    /// operations fail with [`DataError::Invalid`].
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    pub(super) fn ttl_ms(&self) -> Result<Option<u64>, DataError> {
        self.ttl.map(ttl_ms).transpose()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is sent comes as a value or as a reference")]
impl<T: Serialize + DeserializeOwned + Send + 'static> Set<T> {
    /// Adds a member, and says whether it was none. It has no time to live of its own any more.
    pub fn add(&self, member: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.add(Key::of(&member)?, None, self.ttl_ms()?)))
    }

    /// As [`add`](Self::add), for so long, also if it is a member already: then it goes by itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn add_for(&self, member: impl Like<T>, ttl: Duration) -> Operation<bool> {
        Operation::of(|| {
            let (member, member_ttl) = (Key::of(&member)?, Some(ttl_ms(ttl)?));
            Ok::<_, DataError>(self.object.add(member, member_ttl, self.ttl_ms()?))
        })
    }

    /// Adds several members in one step, and says how many of them were none. Howler's `add` of several.
    pub fn extend(&self, members: impl IntoIterator<Item = impl Like<T>>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.extend(keys(members)?, None, self.ttl_ms()?)))
    }

    /// As [`extend`](Self::extend), for so long: then each of them goes by itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn extend_for(
        &self,
        members: impl IntoIterator<Item = impl Like<T>>,
        ttl: Duration,
    ) -> Operation<u64> {
        Operation::of(|| {
            let member_ttl = Some(ttl_ms(ttl)?);
            Ok::<_, DataError>(self.object.extend(keys(members)?, member_ttl, self.ttl_ms()?))
        })
    }

    /// Adds a member, unless the set has `limit` members already. The limit is looked at first, as in Howler: once it is
    /// reached, a value that is a member makes it [`LimitedAdd::Full`] too.
    pub fn limited_add(&self, member: impl Like<T>, limit: u64) -> Operation<LimitedAdd> {
        Operation::of(|| {
            Ok::<_, DataError>(self.object.limited_add(Key::of(&member)?, limit, None, self.ttl_ms()?))
        })
    }

    /// As [`limited_add`](Self::limited_add), for so long, also if it is a member already: then it goes by itself.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn limited_add_for(&self, member: impl Like<T>, limit: u64, ttl: Duration) -> Operation<LimitedAdd> {
        Operation::of(|| {
            let (member, member_ttl) = (Key::of(&member)?, Some(ttl_ms(ttl)?));
            Ok::<_, DataError>(self.object.limited_add(member, limit, member_ttl, self.ttl_ms()?))
        })
    }

    /// Whether it is a member. Howler's `exist`.
    pub fn contains(&self, member: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.contains(Key::of(&member)?)))
    }

    /// Of each whether it is a member, in the same order, at one moment.
    pub fn contains_many(&self, members: impl IntoIterator<Item = impl Like<T>>) -> Operation<Vec<bool>> {
        Operation::of(|| Ok::<_, DataError>(self.object.contains_many(keys(members)?)))
    }

    /// Removes a member, and says whether it was one. Pottery's `discard`, and `remove` where it was one.
    pub fn remove(&self, member: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove(Key::of(&member)?)))
    }

    /// Removes several members in one step, and says how many of them were members.
    pub fn remove_many(&self, members: impl IntoIterator<Item = impl Like<T>>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove_many(keys(members)?)))
    }

    /// Removes a member, if it is one, and says how many are left. What Howler's `drop` was meant to do.
    pub fn remove_and_len(&self, member: impl Like<T>) -> Operation<u64> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove_and_len(Key::of(&member)?)))
    }

    /// Removes a random member, and returns it. If the reply is lost, so is the member.
    pub fn pop(&self) -> Operation<Option<T>> {
        self.object.pop(fastrand::u64(..)).and_then(opened)
    }

    /// Removes all members in one step, and returns them: what others add meanwhile is in the set afterwards. If the reply
    /// is lost, so are they.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX); they all stay.
    pub fn pop_all(&self) -> Operation<Vec<T>> {
        self.object.pop_all().and_then(|members| all_opened(&members))
    }

    /// A random member, which stays.
    pub fn random(&self) -> Operation<Option<T>> {
        self.object.random(fastrand::u64(..)).and_then(opened)
    }

    /// So many different random members, or all if there are no more, in no order. Howler's `random` of a number above 0, and its
    /// `rand_member`.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are more than [`DRAWN_MAX`](config::DRAWN_MAX), or do not fit one reply of
    /// [4 MiB](config::BODY_BYTES_MAX).
    pub fn random_many(&self, count: u64) -> Operation<Vec<T>> {
        self.object.random_many(fastrand::u64(..), count).and_then(|members| all_opened(&members))
    }

    /// A random member so many times, none if there is none. Howler's `random` of a number below 0.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are more than [`DRAWN_MAX`](config::DRAWN_MAX), or do not fit one reply of
    /// [4 MiB](config::BODY_BYTES_MAX).
    pub fn random_with_repeats(&self, count: u64) -> Operation<Vec<T>> {
        self.object.random_with_repeats(fastrand::u64(..), count).and_then(|members| all_opened(&members))
    }

    /// All members, at one moment.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX): [`iter`](Self::iter) has
    /// no bound.
    pub fn members(&self) -> Operation<Vec<T>> {
        self.object.members().and_then(|members| all_opened(&members))
    }

    /// A walk over all members, page by page. Members that are there throughout come exactly once; others that come or
    /// go meanwhile may be among them or not.
    pub fn iter(&self) -> Pages<T> {
        let object = self.object.clone();
        let page = move |after| {
            let page = object.page(after, config::PAGE_ENTRIES_MAX as u64);
            page.map(|(members, has_more)| {
                (members.into_iter().map(|member| (member, ())).collect(), has_more)
            })
        };
        Pages::new(&self.object, page, |member, ()| member.get())
    }

    /// How many members there are. Howler's `length`.
    pub fn len(&self) -> Operation<u64> {
        self.object.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> Operation<bool> {
        self.object.is_empty()
    }

    /// Removes all members, and says how many there were. Howler's `delete`.
    pub fn clear(&self) -> Operation<u64> {
        self.object.clear()
    }

    /// How long a member has before it goes by itself; `None` if it stays, or is none.
    pub fn ttl_of(&self, member: impl Like<T>) -> Operation<Option<Duration>> {
        Operation::of(|| {
            let left = self.object.ttl_of(Key::of(&member)?);
            Ok::<_, DataError>(left.map(|left| left.map(Duration::from_millis)))
        })
    }

    /// Lets a member go by itself after this time from now on, whatever was said before. Whether it is one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that is no time at all.
    pub fn set_ttl_of(&self, member: impl Like<T>, ttl: Duration) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.set_ttl_of(Key::of(&member)?, ttl_ms(ttl)?)))
    }

    /// Lets a member stay until it is removed. Whether it would have gone by itself.
    pub fn persist(&self, member: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.persist(Key::of(&member)?)))
    }
}

pub(super) fn keys<T>(members: impl IntoIterator<Item = impl Like<T>>) -> Result<Vec<Key>, DataError> {
    members.into_iter().map(|member| Key::of(&member)).collect()
}

fn opened<T: DeserializeOwned>(member: Option<Key>) -> Result<Option<T>, DataError> {
    member.map(|member| member.get()).transpose()
}

pub(super) fn all_opened<T: DeserializeOwned>(members: &[Key]) -> Result<Vec<T>, DataError> {
    members.iter().map(Key::get).collect()
}

// By hand, since `derive` would ask the same of `T`.
impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), ttl: self.ttl, of: PhantomData }
    }
}

impl<T> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set").field("name", &self.name()).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
