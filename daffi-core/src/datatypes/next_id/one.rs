//! Numbers of one controller.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{IdBlocks, NextIdState};
use crate::api::{Kept, Operation};
use crate::node::Node;

/// Numbers that are given once, each greater than all that were given before it: Pottery's `NextId` with one master. Made by
/// [`Node::next_id`].
///
/// The controller counts, so that nobody is ever told to try again, however many ask; the numbers begin at 1, and none is
/// left out but by whoever is given it and does not use it. Where numbers are wanted faster than one at a time can be had,
/// [`reserve`](Self::reserve) takes many in one step, and [`in_blocks_of`](Self::in_blocks_of) deals them out.
///
/// The sequence is as lasting as the memory of its controller. Should that forget, a handle and its clones still go on above
/// what they have seen; [`Masters::next_id`](super::super::Masters::next_id) also bears the end of a controller.
#[derive(Clone)]
pub struct NextId {
    object: <NextIdState as Kept>::Client,
    /// The highest number that this handle has seen.
    seen: Arc<AtomicU64>,
}

reaches_object!(NextId);

impl Node {
    /// The sequence of numbers of this name. Nothing is sent.
    pub fn next_id(&self, name: impl Into<Arc<str>>) -> NextId {
        NextId { object: self.object::<NextIdState>(name), seen: Arc::default() }
    }
}

impl NextId {
    /// Its name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// The next number: the first is 1.
    ///
    /// # Errors
    /// [`DataError::WrongValue`](crate::error::DataError::WrongValue) after `u64::MAX`.
    pub fn next(&self) -> Operation<u64> {
        self.reserve(1).map(|numbers| *numbers.start())
    }

    /// The next `count` numbers in one step: nobody else is given any of them.
    ///
    /// # Errors
    /// As [`next`](Self::next); [`DataError::Invalid`](crate::error::DataError::Invalid) if `count` is 0.
    pub fn reserve(&self, count: u64) -> Operation<RangeInclusive<u64>> {
        let seen = Arc::clone(&self.seen);
        let taken = self.object.take(count, seen.load(Ordering::Relaxed));
        taken.map(move |first| {
            // What the controller gave fits, so this does.
            let last = first.saturating_add(count.saturating_sub(1));
            seen.fetch_max(last, Ordering::Relaxed);
            first..=last
        })
    }

    /// The highest number that was given; 0 if none was.
    pub fn last(&self) -> Operation<u64> {
        self.object.last()
    }

    /// Begins anew: the next number is 1 again, for handles that are made from now on.
    ///
    /// Handles that were made before go on above what they have seen, but for this one and its clones, and numbers of
    /// [blocks](Self::in_blocks_of) that were taken before are dealt out to the end: those are given a second time.
    pub fn reset(&self) -> Operation<bool> {
        let seen = Arc::clone(&self.seen);
        self.object.destroy().map(move |was_there| {
            seen.store(0, Ordering::Relaxed);
            was_there
        })
    }

    /// Takes so many numbers at a time, and deals them out without asking.
    pub fn in_blocks_of(&self, count: u64) -> IdBlocks {
        IdBlocks::one(self.clone(), count)
    }
}

impl fmt::Debug for NextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NextId").field("name", &self.name()).field("seen", &self.seen).finish()
    }
}
