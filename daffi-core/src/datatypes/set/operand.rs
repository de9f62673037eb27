//! Set algebra as users write it.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::algebra::{Combination, Relation};
use super::handle::{Set, all_opened, keys};
use crate::api::Operation;
use crate::datatypes::like::Like;
use crate::error::DataError;
use crate::hosted::{Key, Others};

/// What a [`Set`] is combined with or compared to: another set that the same controller keeps, or members at hand.
///
/// A `&Set` becomes one by itself, and so do a `&BTreeSet` and a `&HashSet`.
pub struct Operand<T> {
    side: Result<Side, DataError>,
    of: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Side {
    /// By its name, so that the controller reads it in the step in which it combines the two.
    Set(String),
    Members(Vec<Key>),
}

impl<T: Serialize> Operand<T> {
    /// Members at hand.
    pub fn of(members: impl IntoIterator<Item = impl Like<T>>) -> Self {
        Self { side: keys(members).map(Side::Members), of: PhantomData }
    }
}

impl<T> From<&Set<T>> for Operand<T> {
    fn from(set: &Set<T>) -> Self {
        Self { side: Ok(Side::Set(set.name().to_owned())), of: PhantomData }
    }
}

impl<T> From<Set<T>> for Operand<T> {
    fn from(set: Set<T>) -> Self {
        Self::from(&set)
    }
}

impl<T: Serialize> From<&BTreeSet<T>> for Operand<T> {
    fn from(members: &BTreeSet<T>) -> Self {
        Self::of(members)
    }
}

impl<T: Serialize, S: BuildHasher> From<&HashSet<T, S>> for Operand<T> {
    fn from(members: &HashSet<T, S>) -> Self {
        Self::of(members)
    }
}

impl<T> fmt::Debug for Operand<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Operand").field(&self.side).finish()
    }
}

/// The operands as they travel: the names of sets, and the members of others.
fn sides<T>(
    operands: impl IntoIterator<Item = impl Into<Operand<T>>>,
) -> Result<(Others, Vec<Vec<Key>>), DataError> {
    let (mut names, mut members) = (Vec::new(), Vec::new());
    for operand in operands {
        match operand.into().side? {
            Side::Set(name) => names.push(name),
            Side::Members(side) => members.push(side),
        }
    }
    Ok((names.into_iter().collect(), members))
}

/// # Set algebra
///
/// The controller combines the sets in one step, in which nobody changes any of them: nothing is read first and written
/// afterwards. The others are [`Operand`]s: sets that the same controller keeps, by `&Set`, or members at hand. What is
/// done to this set leaves the others as they are.
///
/// All of it fails with [`DataError::Invalid`] if there are more than [`OTHERS_MAX`](crate::config::OTHERS_MAX) others, or a step
/// would look at more than [`COMBINED_MEMBERS_MAX`](crate::config::COMBINED_MEMBERS_MAX) members; with
/// [`DataError::Quarantined`] if one of the others is in quarantine; and as a call that is not allowed if the caller may
/// not read one of them. Nothing was changed then.
impl<T: Serialize + DeserializeOwned + Send + 'static> Set<T> {
    /// What this set and the others come to if they are combined so.
    ///
    /// # Errors
    /// As [`union`](Self::union).
    pub fn combine<O: Into<Operand<T>>>(
        &self,
        how: Combination,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<Vec<T>> {
        Operation::of(|| {
            let (others, members) = sides(others)?;
            let combined = self.object.combine(how, others, members);
            Ok::<_, DataError>(combined.and_then(|members| all_opened(&members)))
        })
    }

    /// What is a member of this set or of any of the others.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if that does not fit one reply of [4 MiB](crate::config::BODY_BYTES_MAX):
    /// [`union_into`](Self::union_into) has no such bound.
    pub fn union<O: Into<Operand<T>>>(&self, others: impl IntoIterator<Item = O>) -> Operation<Vec<T>> {
        self.combine(Combination::Union, others)
    }

    /// What is a member of this set and of all of the others.
    ///
    /// # Errors
    /// As [`union`](Self::union).
    pub fn intersection<O: Into<Operand<T>>>(
        &self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<Vec<T>> {
        self.combine(Combination::Intersection, others)
    }

    /// What is a member of this set and of none of the others.
    ///
    /// # Errors
    /// As [`union`](Self::union).
    pub fn difference<O: Into<Operand<T>>>(&self, others: impl IntoIterator<Item = O>) -> Operation<Vec<T>> {
        self.combine(Combination::Difference, others)
    }

    /// What is a member of an odd number of them: of this set and one other, what is in one of the two alone.
    ///
    /// # Errors
    /// As [`union`](Self::union).
    pub fn symmetric_difference<O: Into<Operand<T>>>(
        &self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<Vec<T>> {
        self.combine(Combination::SymmetricDifference, others)
    }

    /// Adds all members of the others, and says how many of them were none of this set. They stay for ever, as if they
    /// were [added](Self::add).
    pub fn update<O: Into<Operand<T>>>(&self, others: impl IntoIterator<Item = O>) -> Operation<u64> {
        Operation::of(|| {
            let (others, members) = sides(others)?;
            Ok::<_, DataError>(self.object.update(others, members, self.ttl_ms()?))
        })
    }

    /// Removes what is not a member of all of the others, and says how many members that were. Those that stay keep their
    /// time to live.
    pub fn intersection_update<O: Into<Operand<T>>>(
        &self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        Operation::of(|| {
            let (others, members) = sides(others)?;
            Ok::<_, DataError>(self.object.intersection_update(others, members))
        })
    }

    /// Removes all members of the others, and says how many they were of this set.
    pub fn difference_update<O: Into<Operand<T>>>(
        &self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        Operation::of(|| {
            let (others, members) = sides(others)?;
            Ok::<_, DataError>(self.object.difference_update(others, members))
        })
    }

    /// Makes this set its [`symmetric_difference`](Self::symmetric_difference) with the others, and says how many members
    /// came and went.
    pub fn symmetric_difference_update<O: Into<Operand<T>>>(
        &self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        Operation::of(|| {
            let (others, members) = sides(others)?;
            Ok::<_, DataError>(self.object.symmetric_difference_update(others, members, self.ttl_ms()?))
        })
    }

    /// Whether all members of this set are also members of the other. Pottery's `issubset`.
    pub fn is_subset(&self, other: impl Into<Operand<T>>) -> Operation<bool> {
        self.relates(Relation::Subset, other)
    }

    /// Whether all members of the other are also members of this set. Pottery's `issuperset`.
    pub fn is_superset(&self, other: impl Into<Operand<T>>) -> Operation<bool> {
        self.relates(Relation::Superset, other)
    }

    /// Whether the two have no member in common. Pottery's `isdisjoint`.
    pub fn is_disjoint(&self, other: impl Into<Operand<T>>) -> Operation<bool> {
        self.relates(Relation::Disjoint, other)
    }

    /// Whether the two have the same members.
    pub fn equals(&self, other: impl Into<Operand<T>>) -> Operation<bool> {
        self.relates(Relation::Equal, other)
    }

    fn relates(&self, relation: Relation, other: impl Into<Operand<T>>) -> Operation<bool> {
        Operation::of(|| {
            let (others, members) = sides([other])?;
            Ok::<_, DataError>(self.object.relates(relation, others, members))
        })
    }

    /// Makes `target` the [`union`](Self::union) of this set and the others, whatever it was, and says how many members it
    /// has. Redis' `SUNIONSTORE`.
    ///
    /// What stays or comes stays for ever; a target [with a TTL](Self::ttl) begins that anew.
    pub fn union_into<O: Into<Operand<T>>>(
        &self,
        target: &Self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        self.combine_into(target, Combination::Union, others)
    }

    /// As [`union_into`](Self::union_into), for their [`intersection`](Self::intersection).
    pub fn intersection_into<O: Into<Operand<T>>>(
        &self,
        target: &Self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        self.combine_into(target, Combination::Intersection, others)
    }

    /// As [`union_into`](Self::union_into), for their [`difference`](Self::difference).
    pub fn difference_into<O: Into<Operand<T>>>(
        &self,
        target: &Self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        self.combine_into(target, Combination::Difference, others)
    }

    /// As [`union_into`](Self::union_into), for their [`symmetric_difference`](Self::symmetric_difference).
    pub fn symmetric_difference_into<O: Into<Operand<T>>>(
        &self,
        target: &Self,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        self.combine_into(target, Combination::SymmetricDifference, others)
    }

    /// As [`union_into`](Self::union_into), for what they come to if they are [combined](Self::combine) so.
    pub fn combine_into<O: Into<Operand<T>>>(
        &self,
        target: &Self,
        how: Combination,
        others: impl IntoIterator<Item = O>,
    ) -> Operation<u64> {
        let first = std::iter::once(Operand::from(self));
        Operation::of(|| {
            let (others, members) = sides(first.chain(others.into_iter().map(Into::into)))?;
            Ok::<_, DataError>(target.object.store(how, others, members, target.ttl_ms()?))
        })
    }
}
