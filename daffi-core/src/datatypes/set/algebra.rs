//! What several sets are together, and how they relate.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::SetState;
use crate::config;
use crate::datatypes::entries::{self, HEAD_BYTES, check_reply};
use crate::error::DataError;
use crate::hosted::{Key, Others, Turn};

/// How sets are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Combination {
    /// What is in any of them.
    Union,
    /// What is in all of them.
    Intersection,
    /// What is in the first, and in none of the others.
    Difference,
    /// What is in an odd number of them: of two, what is in one of them alone.
    SymmetricDifference,
}

/// How a set may stand to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Relation {
    /// Each of the others has all that is in it.
    Subset,
    /// It has all that is in any of the others.
    Superset,
    /// It has nothing that is in any of the others.
    Disjoint,
    /// Each of the others has the same members.
    Equal,
}

/// One of the sets: an object, or members that came with the call.
pub(super) enum Side<'a> {
    Set(&'a SetState),
    Members(BTreeSet<Arc<Key>>),
}

impl<'a> Side<'a> {
    /// All that stand beside the set in a call.
    pub(super) fn all(
        turn: &Turn<'a>,
        others: &Others,
        members: Vec<Vec<Key>>,
    ) -> Result<Vec<Self>, DataError> {
        let (count, max) = (others.len() + members.len(), config::OTHERS_MAX);
        if count > max {
            return Err(DataError::invalid(format!("{count} other sets in one step, of at most {max}")));
        }
        let members = members.into_iter().map(|members| members.into_iter().map(Arc::new).collect());
        let sets = turn.others(others)?.into_iter().map(Side::Set);
        Ok(sets.chain(members.map(Side::Members)).collect())
    }

    fn len(&self) -> usize {
        match self {
            Self::Set(set) => set.members.len(),
            Self::Members(members) => members.len(),
        }
    }

    pub(super) fn contains(&self, member: &Key) -> bool {
        match self {
            Self::Set(set) => set.members.contains(member),
            Self::Members(members) => members.contains(member),
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = &Arc<Key>> + '_> {
        match self {
            Self::Set(set) => Box::new(set.members.iter().map(|(member, _)| member)),
            Self::Members(members) => Box::new(members.iter()),
        }
    }
}

/// What the sets are together. All is looked at before anything is changed.
pub(super) fn combined(how: Combination, sides: &[&Side<'_>]) -> Result<Vec<Arc<Key>>, DataError> {
    let all = sides.iter().map(|side| side.len()).sum();
    match how {
        Combination::Union => {
            check_work(all)?;
            let members: BTreeSet<&Arc<Key>> = sides.iter().flat_map(|side| side.iter()).collect();
            Ok(members.into_iter().cloned().collect())
        }
        Combination::Intersection => {
            let Some(smallest) = sides.iter().min_by_key(|side| side.len()) else { return Ok(Vec::new()) };
            check_work(smallest.len().saturating_mul(sides.len()))?;
            let is_in_all = |member: &&Arc<Key>| sides.iter().all(|side| side.contains(member));
            Ok(smallest.iter().filter(is_in_all).cloned().collect())
        }
        Combination::Difference => {
            let Some((first, others)) = sides.split_first() else { return Ok(Vec::new()) };
            check_work(first.len().saturating_mul(sides.len()))?;
            let is_alone = |member: &&Arc<Key>| !others.iter().any(|side| side.contains(member));
            Ok(first.iter().filter(is_alone).cloned().collect())
        }
        Combination::SymmetricDifference => {
            check_work(all)?;
            let mut odd = BTreeSet::new();
            for member in sides.iter().flat_map(|side| side.iter()) {
                if !odd.remove(member) {
                    odd.insert(member);
                }
            }
            Ok(odd.into_iter().cloned().collect())
        }
    }
}

/// The members of a set that are also in any of the others; those in several of them may come several times.
pub(super) fn common(set: &Side<'_>, others: &[Side<'_>]) -> Result<Vec<Arc<Key>>, DataError> {
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let (through_set, through_others) =
        (set.len().saturating_mul(others.len()), others.iter().map(Side::len).sum::<usize>());
    check_work(through_set.min(through_others))?;
    if through_others < through_set {
        let members = others.iter().flat_map(Side::iter);
        return Ok(members.filter(|member| set.contains(member)).cloned().collect());
    }
    let is_in_any = |member: &&Arc<Key>| others.iter().any(|other| other.contains(member));
    Ok(set.iter().filter(is_in_any).cloned().collect())
}

/// What they are together, for a reply.
pub(super) fn told(how: Combination, sides: &[&Side<'_>]) -> Result<Vec<Key>, DataError> {
    let members = combined(how, sides)?;
    check_reply(members.iter().map(|member| member.bytes().len() + HEAD_BYTES).sum())?;
    Ok(members.iter().map(|member| (**member).clone()).collect())
}

/// Whether a set stands so to all of the others.
pub(super) fn relates(set: &Side<'_>, relation: Relation, others: &[Side<'_>]) -> Result<bool, DataError> {
    // Never more than the smaller of two: a larger set is no subset.
    check_work(others.iter().map(|other| set.len().min(other.len())).sum())?;
    Ok(others.iter().all(|other| match relation {
        Relation::Subset => is_subset(set, other),
        Relation::Superset => is_subset(other, set),
        Relation::Disjoint => is_disjoint(set, other),
        Relation::Equal => set.len() == other.len() && is_subset(set, other),
    }))
}

fn is_subset(set: &Side<'_>, other: &Side<'_>) -> bool {
    set.len() <= other.len() && set.iter().all(|member| other.contains(member))
}

fn is_disjoint(set: &Side<'_>, other: &Side<'_>) -> bool {
    let (smaller, larger) = if set.len() < other.len() { (set, other) } else { (other, set) };
    !smaller.iter().any(|member| larger.contains(member))
}

/// Refuses what would hold up everybody else.
pub(super) fn check_work(members: usize) -> Result<(), DataError> {
    entries::check_work(members, config::COMBINED_MEMBERS_MAX, "members")
}
