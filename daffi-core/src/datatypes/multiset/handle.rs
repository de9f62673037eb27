//! The handle of a multiset.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::MultisetState;
use super::counts::Tally;
use super::operand::Tallies;
use crate::api::{Kept, Operation};
use crate::config;
use crate::datatypes::entries::ttl_ms;
use crate::datatypes::like::Like;
use crate::datatypes::pages::Pages;
use crate::error::DataError;
use crate::hosted::Key;
use crate::node::Node;

/// A multiset that all nodes share: values, each of which counts any number of times. Pottery's `RedisCounter`.
///
/// Every operation is one step in the controller: however many nodes count at once, nothing is lost, where Pottery's
/// `+=` lost most of it. Counts are integers of 64 bits, and may be 0 or less: what counts 0 times stays there until it is
/// [removed](Self::remove), and what is not there counts 0 times.
///
/// [`plus`](Self::plus), [`minus`](Self::minus), [`union`](Self::union) and [`intersection`](Self::intersection) are
/// Python's `+ - | &`, of which only what counts more than 0 is told; with `_assign` the multiset becomes that, as by
/// `+= -= |= &=`. The other side is another multiset of the same controller, read in the same step, or
/// [`Tallies`] at hand.
///
/// Values are equal if they are in the mesh's one form of values: the order of a map's pairs makes no difference, and `1`
/// and `1.0` are two values. NaN is none ([`DataError::Invalid`]). Dropping a handle removes nothing:
/// [`clear`](Self::clear) does. A multiset without values is as one that never was.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi_core::error::Result<()> {
/// # let _controller = daffi_core::controller::Controller::bind("memory://multiset").await?;
/// # let node = daffi_core::node::connect("memory://multiset").await?;
/// use daffi_core::datatypes::Tallies;
///
/// let words = node.multiset::<String>("words");
/// words.update(["tea", "milk", "tea"]).await?;
/// words.increment("milk", 5).await?;
/// assert_eq!(words.most_common(1).await?, [("milk".to_owned(), 6)]);
///
/// words.minus_assign(Tallies::of([("milk", 4), ("tea", 7)])).await?;
/// assert_eq!(words.to_map().await?, [("milk".to_owned(), 2)].into());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Beside what each method says, [`DataError::WrongValue`] where another than `T` was counted, by a handle of another
/// type, and where a count does not fit 64 bits; nothing was changed then.
pub struct Multiset<T> {
    object: <MultisetState as Kept>::Client,
    ttl: Option<Duration>,
    of: PhantomData<fn() -> T>,
}

reaches_object!(Multiset<T>);

impl Node {
    /// The multiset of this name. Nothing is sent.
    pub fn multiset<T>(&self, name: impl Into<Arc<str>>) -> Multiset<T> {
        Multiset { object: self.object::<MultisetState>(name), ttl: None, of: PhantomData }
    }
}

impl<T> Multiset<T> {
    /// The multiset's name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Lets whatever this handle counts keep the whole multiset for so long: each of its writes begins the time anew, in
    /// the same step. Removing and reading do not.
    ///
    /// Other handles leave the time as it is. When it is over, the multiset is gone with all values; once it is empty,
    /// for whatever reason, it has no time to live. Parts of a millisecond count as one; no time at all makes the
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
impl<T: Serialize + DeserializeOwned + Send + 'static> Multiset<T> {
    /// Adds to how often a value counts, and returns the sum: `counter[value] += by`.
    pub fn increment(&self, value: impl Like<T>, by: i64) -> Operation<i64> {
        Operation::of(|| Ok::<_, DataError>(self.object.increment(Key::of(&value)?, by, self.ttl_ms()?)))
    }

    /// Lets a value count so often, and returns how often it did. With 0 it stays there.
    pub fn set(&self, value: impl Like<T>, count: i64) -> Operation<i64> {
        Operation::of(|| Ok::<_, DataError>(self.object.set(Key::of(&value)?, count, self.ttl_ms()?)))
    }

    /// How often a value counts: what is not there, 0 times.
    pub fn get(&self, value: impl Like<T>) -> Operation<i64> {
        Operation::of(|| Ok::<_, DataError>(self.object.get(Key::of(&value)?)))
    }

    /// Whether a value is there, also if it counts 0 times or fewer.
    pub fn contains(&self, value: impl Like<T>) -> Operation<bool> {
        Operation::of(|| Ok::<_, DataError>(self.object.contains(Key::of(&value)?)))
    }

    /// Removes a value, and returns how often it counted; `None` if it was not there, which is no error.
    pub fn remove(&self, value: impl Like<T>) -> Operation<Option<i64>> {
        Operation::of(|| Ok::<_, DataError>(self.object.remove(Key::of(&value)?)))
    }

    /// Counts each of these values once more, as often as it comes, in one step. Pottery's `update` with an iterable.
    pub fn update(&self, values: impl IntoIterator<Item = impl Like<T>>) -> Operation<()> {
        self.update_counts(Tallies::each(values))
    }

    /// Adds how often values count in one step. Pottery's `update` with a mapping.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are more than [`COMBINED_MEMBERS_MAX`](config::COMBINED_MEMBERS_MAX).
    pub fn update_counts(&self, counts: impl Into<Tallies<T>>) -> Operation<()> {
        Operation::of(|| {
            let (others, counts) = counts.into().sent()?;
            Ok::<_, DataError>(self.object.update(others, counts, self.ttl_ms()?))
        })
    }

    /// Counts each of these values once less, as often as it comes, in one step; counts may fall below 0.
    pub fn subtract(&self, values: impl IntoIterator<Item = impl Like<T>>) -> Operation<()> {
        self.subtract_counts(Tallies::each(values))
    }

    /// Subtracts how often values count in one step; counts may fall below 0. What falls to 0 stays there.
    ///
    /// # Errors
    /// As [`update_counts`](Self::update_counts).
    pub fn subtract_counts(&self, counts: impl Into<Tallies<T>>) -> Operation<()> {
        Operation::of(|| {
            let (others, counts) = counts.into().sent()?;
            Ok::<_, DataError>(self.object.subtract(others, counts, self.ttl_ms()?))
        })
    }

    /// So many values that count most, the first most of all, and how often. Those that count as often come in the order
    /// of their encodings.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX).
    pub fn most_common(&self, count: u64) -> Operation<Vec<(T, i64)>> {
        self.object
            .most_common(count)
            .and_then(|counts| counts.into_iter().map(|(value, count)| open(value, count)).collect())
    }

    /// A walk over all values, each as often as it counts, in the order of their encodings: what counts 0 times or fewer
    /// is left out. Nothing is made of a count before it is read, however large it is.
    pub fn elements(&self) -> Pages<T> {
        self.walk(|value, count| Ok((value, count)))
            .each(|(value, count): (Key, i64)| (0..count).map(move |_| value.get()))
    }

    /// How often all values count together.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if that does not fit 64 bits.
    pub fn total(&self) -> Operation<i64> {
        self.object.total()
    }

    fn combine(&self, how: Tally, other: impl Into<Tallies<T>>) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        Operation::of(|| {
            let (others, counts) = other.into().sent()?;
            Ok::<_, DataError>(self.object.combine(how, others, counts).and_then(map))
        })
    }

    fn assign(&self, how: Tally, other: impl Into<Tallies<T>>) -> Operation<()> {
        Operation::of(|| {
            let (others, counts) = other.into().sent()?;
            Ok::<_, DataError>(self.object.assign(how, others, counts, self.ttl_ms()?))
        })
    }

    /// The sums of both sides' counts, as far as they are more than 0: Python's `+`.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX), or one side has more than
    /// [`COMBINED_MEMBERS_MAX`](config::COMBINED_MEMBERS_MAX) values.
    pub fn plus(&self, other: impl Into<Tallies<T>>) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        self.combine(Tally::Sum, other)
    }

    /// What is left of the counts if the other side's are taken away, as far as that is more than 0: Python's `-`.
    ///
    /// # Errors
    /// As [`plus`](Self::plus).
    pub fn minus(&self, other: impl Into<Tallies<T>>) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        self.combine(Tally::Difference, other)
    }

    /// The larger of both sides' counts, as far as they are more than 0: Python's `|`.
    ///
    /// # Errors
    /// As [`plus`](Self::plus).
    pub fn union(&self, other: impl Into<Tallies<T>>) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        self.combine(Tally::Union, other)
    }

    /// The smaller of both sides' counts, as far as they are more than 0: Python's `&`.
    ///
    /// # Errors
    /// As [`plus`](Self::plus).
    pub fn intersection(&self, other: impl Into<Tallies<T>>) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        self.combine(Tally::Intersection, other)
    }

    /// Becomes its [sum](Self::plus) with the other side: Python's `+=`. What counts 0 times or fewer then is removed, also
    /// of what the other side has not.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the other side has more than [`COMBINED_MEMBERS_MAX`](config::COMBINED_MEMBERS_MAX)
    /// values, or more than that count 0 times or fewer here.
    pub fn plus_assign(&self, other: impl Into<Tallies<T>>) -> Operation<()> {
        self.assign(Tally::Sum, other)
    }

    /// Becomes its [difference](Self::minus) from the other side: Python's `-=`, as [`plus_assign`](Self::plus_assign).
    ///
    /// # Errors
    /// As [`plus_assign`](Self::plus_assign).
    pub fn minus_assign(&self, other: impl Into<Tallies<T>>) -> Operation<()> {
        self.assign(Tally::Difference, other)
    }

    /// Becomes its [union](Self::union) with the other side: Python's `|=`, as [`plus_assign`](Self::plus_assign).
    ///
    /// # Errors
    /// As [`plus_assign`](Self::plus_assign).
    pub fn union_assign(&self, other: impl Into<Tallies<T>>) -> Operation<()> {
        self.assign(Tally::Union, other)
    }

    /// Becomes its [intersection](Self::intersection) with the other side: Python's `&=`, as
    /// [`plus_assign`](Self::plus_assign).
    ///
    /// # Errors
    /// [`DataError::Invalid`] if one side has more than [`COMBINED_MEMBERS_MAX`](config::COMBINED_MEMBERS_MAX) values.
    pub fn intersection_assign(&self, other: impl Into<Tallies<T>>) -> Operation<()> {
        self.assign(Tally::Intersection, other)
    }

    /// What counts more than 0: Python's unary `+`.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that does not fit one reply of [4 MiB](config::BODY_BYTES_MAX).
    pub fn positive(&self) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        self.object.positive().and_then(map)
    }

    /// What counts less than 0, with the sign turned round: Python's unary `-`.
    ///
    /// # Errors
    /// As [`positive`](Self::positive).
    pub fn negative(&self) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        self.object.negative().and_then(map)
    }

    /// Removes what counts 0 times or fewer, and says how many values that were: `counter = +counter`.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are more than [`COMBINED_MEMBERS_MAX`](config::COMBINED_MEMBERS_MAX).
    pub fn keep_positive(&self) -> Operation<u64> {
        self.object.keep_positive()
    }

    /// Turns all signs round, and keeps what counts more than 0 then: `counter = -counter`.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if there are more than [`COMBINED_MEMBERS_MAX`](config::COMBINED_MEMBERS_MAX) values.
    pub fn negate(&self) -> Operation<()> {
        self.object.negate()
    }

    /// Whether each value counts as often on both sides. What is not there counts 0 times, as in Python.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the other side has more than
    /// [`COMBINED_MEMBERS_MAX`](config::COMBINED_MEMBERS_MAX) values.
    pub fn equals(&self, other: impl Into<Tallies<T>>) -> Operation<bool> {
        Operation::of(|| {
            let (others, counts) = other.into().sent()?;
            Ok::<_, DataError>(self.object.equals(others, counts))
        })
    }

    /// All values, and how often they count, at one moment.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply of [4 MiB](config::BODY_BYTES_MAX): [`iter`](Self::iter) has
    /// no bound. [`DataError::WrongValue`] also if two values are one as `T`s.
    pub fn to_map(&self) -> Operation<BTreeMap<T, i64>>
    where
        T: Ord,
    {
        self.object.items().and_then(map)
    }

    /// A walk over all values and how often they count, page by page. Values that are there throughout come exactly once;
    /// others that come or go meanwhile may be among them or not.
    pub fn iter(&self) -> Pages<(T, i64)> {
        self.walk(open)
    }

    fn walk<U: Send + 'static>(&self, open: fn(Key, i64) -> Result<U, DataError>) -> Pages<U> {
        let object = self.object.clone();
        Pages::new(&self.object, move |after| object.page(after, config::PAGE_ENTRIES_MAX as u64), open)
    }

    /// How many different values there are, those included that count 0 times or fewer.
    pub fn len(&self) -> Operation<u64> {
        self.object.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> Operation<bool> {
        self.object.is_empty()
    }

    /// Removes all values, and says how many different ones there were.
    pub fn clear(&self) -> Operation<u64> {
        self.object.clear()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `Pages` hands it over")]
fn open<T: DeserializeOwned>(value: Key, count: i64) -> Result<(T, i64), DataError> {
    Ok((value.get()?, count))
}

fn map<T: DeserializeOwned + Ord>(counts: Vec<(Key, i64)>) -> Result<BTreeMap<T, i64>, DataError> {
    let count = counts.len();
    let counts = counts.into_iter().map(|(value, count)| open(value, count));
    let map = counts.collect::<Result<BTreeMap<T, i64>, _>>()?;
    // As 1 and 1.0 are if both are read as floats: leaving one out in silence would be worse.
    if map.len() < count {
        let (expected, found) = (format!("{count} different values"), format!("{}", map.len()));
        return Err(DataError::WrongValue { expected, found });
    }
    Ok(map)
}

// By hand, since `derive` would ask the same of `T`.
impl<T> Clone for Multiset<T> {
    fn clone(&self) -> Self {
        Self { object: self.object.clone(), ttl: self.ttl, of: PhantomData }
    }
}

impl<T> fmt::Debug for Multiset<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiset").field("name", &self.name()).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
