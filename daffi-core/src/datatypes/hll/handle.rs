//! The handle of a sketch.

use std::sync::Arc;

use serde::Serialize;

use super::{HllSketch, HllState};
use crate::api::{Kept, Operation};
use crate::error::DataError;
use crate::hosted::Others;
use crate::node::Node;

/// How many different elements all nodes have seen, without keeping them. Pottery's `HyperLogLog`.
///
/// An element is any value that can be encoded; they are equal if they are in the mesh's one form of values, where `1` and
/// `1.0` are two. Up to 1,536 different ones the number is exact. Of more it is an estimate with a standard error of
/// 0.81 %, and the object takes 12 KiB however many come: see [`HllSketch`], which tells also how it is made.
///
/// Which elements there were cannot be asked: that is what a [`BloomFilter`](crate::datatypes::BloomFilter) is for, or a
/// [`Set`](crate::datatypes::Set). Pottery's `in` guessed, and was wrong for one of five.
///
/// Adding what is counted already does nothing, so nothing is counted twice if an operation is carried out again.
#[derive(Debug, Clone)]
pub struct HyperLogLog {
    object: <HllState as Kept>::Client,
}

reaches_object!(HyperLogLog);

impl Node {
    /// The HyperLogLog of this name. Nothing is sent.
    pub fn hyperloglog(&self, name: impl Into<Arc<str>>) -> HyperLogLog {
        HyperLogLog { object: self.object::<HllState>(name) }
    }
}

impl HyperLogLog {
    /// Its name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Counts an element. Whether that made a difference: it does not if it was counted before, and may not if it was not,
    /// once the number is an estimate.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if it cannot be encoded, or holds NaN.
    pub fn add(&self, element: impl Serialize) -> Operation<bool> {
        self.extend([&element])
    }

    /// Counts elements, however many, in one step. Whether that made a difference.
    ///
    /// Nothing but a sketch of them is sent, which takes at most 12 KiB. It is made here and now: of some millions of elements
    /// rather make an [`HllSketch`] on a thread that may block, and [merge](Self::merge_sketch) that.
    ///
    /// # Errors
    /// As [`add`](Self::add); none is counted then.
    pub fn extend(&self, elements: impl IntoIterator<Item = impl Serialize>) -> Operation<bool> {
        Operation::of(|| {
            let mut sketch = HllSketch::new();
            for element in elements {
                sketch.insert(&element)?;
            }
            Ok::<_, DataError>(self.merge_sketch(sketch))
        })
    }

    /// As [`extend`](Self::extend), by the name that Pottery has for it.
    ///
    /// # Errors
    /// As there.
    pub fn update(&self, elements: impl IntoIterator<Item = impl Serialize>) -> Operation<bool> {
        self.extend(elements)
    }

    /// Counts what others have counted, in one step. They stay as they are. Whether that made a difference. Pottery's `update`
    /// with other `HyperLogLog`s.
    ///
    /// They are those of their names where this one is; from another controller take a [`sketch`](Self::sketch).
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are more than [`OTHERS_MAX`](crate::config::OTHERS_MAX).
    pub fn merge<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Operation<bool> {
        self.object.merge_others(names(others))
    }

    /// A sketch of what it and others have counted together, as they are at one moment. None of them is changed: to keep
    /// the union, [`merge`](Self::merge) them into one of another name.
    ///
    /// # Errors
    /// As from [`merge`](Self::merge).
    pub fn union<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Operation<HllSketch> {
        self.object.union(names(others))
    }

    /// About how many different elements it and others have counted together: as the length of their
    /// [`union`](Self::union), without its way here.
    ///
    /// # Errors
    /// As from [`merge`](Self::merge).
    pub fn union_len<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Operation<u64> {
        self.object.union_len(names(others))
    }

    /// Counts what a sketch has counted that was made elsewhere. Whether that made a difference.
    pub fn merge_sketch(&self, sketch: HllSketch) -> Operation<bool> {
        self.object.merge(sketch)
    }

    /// The sketch itself: to go on with it here, or with another controller.
    pub fn sketch(&self) -> Operation<HllSketch> {
        self.object.sketch()
    }

    /// About how many different elements have been counted. Pottery's `len()`.
    pub fn len(&self) -> Operation<u64> {
        self.object.len()
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> Operation<bool> {
        self.object.is_empty()
    }

    /// Forgets all elements, and says whether there were any.
    pub fn clear(&self) -> Operation<bool> {
        self.object.clear()
    }
}

fn names<'a>(others: impl IntoIterator<Item = &'a HyperLogLog>) -> Others {
    others.into_iter().map(HyperLogLog::name).collect()
}
