//! A set as the controller keeps it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use daffi_macros::callback;
use imbl::Vector;
use serde::{Deserialize, Serialize};

use super::algebra::{Combination, Relation, Side, check_work, combined, common, relates, told};
use super::draw::Draw;
use crate::config;
use crate::datatypes::entries::{Entries, Expiring, HEAD_BYTES, LimitedAdd, Weight, check_reply, ttl};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, Others, Time, Turn};

/// A set, as the controller keeps it.
///
/// `member_ttl_ms` is how long what is added stays there, and `ttl_ms` how long the whole set does from now on: both
/// begin in the step that adds. Whoever adds a member last decides how long that stays, without `member_ttl_ms` for ever.
#[derive(Debug, Clone, Default)]
pub struct SetState {
    pub(super) members: Entries<Slot>,
    /// All members without gaps, so that any can be drawn by a number.
    pub(super) slots: Vector<Arc<Key>>,
}

/// Where a member stands among all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(usize);

impl Weight for Slot {
    fn bytes(&self) -> usize {
        0
    }
}

/// What watchers of a set hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SetChange {
    /// What was no member is one now.
    Added {
        /// The member.
        member: Arc<Key>,
    },
    /// A member was removed.
    Removed {
        /// The member.
        member: Arc<Key>,
    },
    /// A member has expired.
    Expired {
        /// The member.
        member: Arc<Key>,
    },
    /// All members were removed.
    Cleared,
}

#[callback(hosted = "set")]
impl SetState {
    /// Adds a member, and says whether it was none.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn add(
        &mut self,
        turn: &mut Turn<'_>,
        member: Key,
        member_ttl_ms: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, DataError> {
        Ok(self.limited_add(turn, member, u64::MAX, member_ttl_ms, ttl_ms)?.is_added())
    }

    /// Adds several members in one step, and says how many of them were none.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn extend(
        &mut self,
        turn: &mut Turn<'_>,
        members: Vec<Key>,
        member_ttl_ms: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let (member_ttl, ttl) = (ttl(member_ttl_ms)?, ttl(ttl_ms)?);
        let before = self.members.len();
        for member in members {
            self.put(turn, Arc::new(member), member_ttl);
        }
        self.arm(turn, ttl);
        Ok((self.members.len() - before) as u64)
    }

    /// Adds a member, unless there are `limit` already, which is looked at first.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn limited_add(
        &mut self,
        turn: &mut Turn<'_>,
        member: Key,
        limit: u64,
        member_ttl_ms: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<LimitedAdd, DataError> {
        let (member_ttl, ttl) = (ttl(member_ttl_ms)?, ttl(ttl_ms)?);
        let done = if self.members.len() as u64 >= limit {
            LimitedAdd::Full
        } else if self.put(turn, Arc::new(member), member_ttl) {
            LimitedAdd::Added
        } else {
            LimitedAdd::Exists
        };
        self.arm(turn, ttl);
        Ok(done)
    }

    /// Whether it is a member.
    pub fn contains(&self, member: Key) -> bool {
        self.members.contains(&member)
    }

    /// Of each whether it is a member, in the same order.
    pub fn contains_many(&self, members: Vec<Key>) -> Vec<bool> {
        members.iter().map(|member| self.members.contains(member)).collect()
    }

    /// Removes a member, and says whether it was one.
    #[callback(shrink)]
    pub fn remove(&mut self, turn: &mut Turn<'_>, member: Key) -> bool {
        self.take(turn, &member).is_some()
    }

    /// Removes several members in one step, and says how many of them were members.
    #[callback(shrink)]
    pub fn remove_many(&mut self, turn: &mut Turn<'_>, members: Vec<Key>) -> u64 {
        members.iter().filter(|member| self.take(turn, member).is_some()).count() as u64
    }

    /// Removes a member, if it is one, and says how many are left.
    #[callback(shrink)]
    pub fn remove_and_len(&mut self, turn: &mut Turn<'_>, member: Key) -> u64 {
        self.take(turn, &member);
        self.len()
    }

    /// Removes a member drawn by this seed, and returns it.
    #[callback(shrink)]
    pub fn pop(&mut self, turn: &mut Turn<'_>, seed: u64) -> Option<Key> {
        let member = self.random(seed)?;
        self.take(turn, &member);
        Some(member)
    }

    /// Removes all members in one step, and returns them.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply; they all stay.
    #[callback(shrink)]
    pub fn pop_all(&mut self, turn: &mut Turn<'_>) -> Result<Vec<Key>, DataError> {
        let members = self.members()?;
        self.clear(turn);
        Ok(members)
    }

    /// A member drawn by this seed.
    pub fn random(&self, seed: u64) -> Option<Key> {
        let bound = Some(self.slots.len()).filter(|bound| *bound > 0)?;
        self.slots.get(Draw::new(seed).below(bound)).map(|member| (**member).clone())
    }

    /// So many different members drawn by this seed, or all if there are no more.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many, or do not fit one reply.
    pub fn random_many(&self, seed: u64, count: u64) -> Result<Vec<Key>, DataError> {
        let count = check_drawn(count.min(self.len()))?;
        let drawn = Draw::new(seed).different(count, self.slots.len());
        self.at(drawn.into_iter().collect())
    }

    /// A member drawn by this seed so many times; none if there is none.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many, or do not fit one reply.
    pub fn random_with_repeats(&self, seed: u64, count: u64) -> Result<Vec<Key>, DataError> {
        let (count, mut draw) = (check_drawn(count)?, Draw::new(seed));
        let count = if self.slots.is_empty() { 0 } else { count };
        self.at((0..count).map(|_| draw.below(self.slots.len())).collect())
    }

    /// All members.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they do not fit one reply.
    pub fn members(&self) -> Result<Vec<Key>, DataError> {
        self.members.check_fits_reply()?;
        Ok(self.members.iter().map(|(member, _)| (**member).clone()).collect())
    }

    /// The first members after one, or the first of all, and whether there are more.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if `limit` is 0.
    pub fn page(&self, after: Option<Key>, limit: u64) -> Result<(Vec<Key>, bool), DataError> {
        let (page, has_more) = self.members.page(after.as_ref(), limit)?;
        Ok((page.into_iter().map(|(member, _)| (**member).clone()).collect(), has_more))
    }

    /// How many members there are.
    pub fn len(&self) -> u64 {
        self.members.len() as u64
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Removes all members, and says how many there were.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        self.slots.clear();
        let removed = self.members.clear();
        self.arm(turn, None);
        if removed > 0 {
            tell(turn, &SetChange::Cleared);
        }
        removed
    }

    /// What it and others are together: other sets by their names, and members as they are.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many or too large, or the members do not fit one reply.
    pub fn combine(
        &self,
        turn: &Turn<'_>,
        how: Combination,
        others: Others,
        members: Vec<Vec<Key>>,
    ) -> Result<Vec<Key>, DataError> {
        let (own, others) = (Side::Set(self), Side::all(turn, &others, members)?);
        told(how, &first_and(&own, &others))
    }

    /// Whether it stands so to all of the others.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many or too large.
    pub fn relates(
        &self,
        turn: &Turn<'_>,
        relation: Relation,
        others: Others,
        members: Vec<Vec<Key>>,
    ) -> Result<bool, DataError> {
        relates(&Side::Set(self), relation, &Side::all(turn, &others, members)?)
    }

    /// Adds all that is in any of the others, and says how many of it were no members.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many or too large, or the time to live is 0.
    pub fn update(
        &mut self,
        turn: &mut Turn<'_>,
        others: Others,
        members: Vec<Vec<Key>>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let (ttl, others) = (ttl(ttl_ms)?, Side::all(turn, &others, members)?);
        let before = self.members.len();
        for member in combined(Combination::Union, &others.iter().collect::<Vec<_>>())? {
            self.put(turn, member, None);
        }
        self.arm(turn, ttl);
        Ok((self.members.len() - before) as u64)
    }

    /// Removes what is not in all of the others, and says how many members that were.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many or too large.
    #[callback(shrink)]
    pub fn intersection_update(
        &mut self,
        turn: &mut Turn<'_>,
        others: Others,
        members: Vec<Vec<Key>>,
    ) -> Result<u64, DataError> {
        let others = Side::all(turn, &others, members)?;
        if others.is_empty() {
            return Ok(0);
        }
        check_work(self.members.len().saturating_mul(others.len()))?;
        let is_in_all = |member: &Key| others.iter().all(|other| other.contains(member));
        Ok(self.retain(turn, is_in_all))
    }

    /// Removes what is in any of the others, and says how many members that were.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many or too large.
    #[callback(shrink)]
    pub fn difference_update(
        &mut self,
        turn: &mut Turn<'_>,
        others: Others,
        members: Vec<Vec<Key>>,
    ) -> Result<u64, DataError> {
        let go = common(&Side::Set(self), &Side::all(turn, &others, members)?)?;
        Ok(self.take_all(turn, &go))
    }

    /// Makes it what is in an odd number of it and the others, and says how many members came and went.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many or too large, or the time to live is 0.
    pub fn symmetric_difference_update(
        &mut self,
        turn: &mut Turn<'_>,
        others: Others,
        members: Vec<Vec<Key>>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        let (ttl, others) = (ttl(ttl_ms)?, Side::all(turn, &others, members)?);
        let odd = combined(Combination::SymmetricDifference, &others.iter().collect::<Vec<_>>())?;
        // What is new comes before the rest goes: if it were empty in between, its TTL would be lost.
        let (go, come): (Vec<_>, Vec<_>) = odd.into_iter().partition(|member| self.members.contains(member));
        let changed = (go.len() + come.len()) as u64;
        for member in come {
            self.put(turn, member, None);
        }
        self.take_all(turn, &go);
        self.arm(turn, ttl);
        Ok(changed)
    }

    /// Makes it what others are together, and says how many members there are. The first of the others counts as the first.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are none, too many or too large, or the time to live is 0.
    pub fn store(
        &mut self,
        turn: &mut Turn<'_>,
        how: Combination,
        others: Others,
        members: Vec<Vec<Key>>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, DataError> {
        if others.is_empty() {
            return Err(DataError::invalid("no set that could be the first"));
        }
        let (ttl, others) = (ttl(ttl_ms)?, Side::all(turn, &others, members)?);
        check_work(self.members.len())?;
        let result: BTreeSet<Arc<Key>> =
            combined(how, &others.iter().collect::<Vec<_>>())?.into_iter().collect();
        // What is new comes first here too.
        for member in &result {
            self.put(turn, Arc::clone(member), None);
        }
        self.retain(turn, |member| result.contains(member));
        self.arm(turn, ttl);
        Ok(result.len() as u64)
    }

    /// In how many milliseconds the member expires, if it does.
    pub fn ttl_of(&self, turn: &Turn<'_>, member: Key) -> Option<u64> {
        self.members.ttl_of(turn, &member)
    }

    /// Lets a member expire after this time from now on. Whether it is one.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if a time to live is 0.
    pub fn set_ttl_of(
        &mut self,
        turn: &Turn<'_>,
        member: Key,
        member_ttl_ms: u64,
    ) -> Result<bool, DataError> {
        self.members.set_ttl_of(turn, &member, member_ttl_ms)
    }

    /// Lets a member stay until it is removed. Whether it would have expired.
    #[callback(shrink)]
    pub fn persist(&mut self, member: Key) -> bool {
        self.members.persist(&member)
    }
}

impl SetState {
    /// Makes it a member for so long, or for ever. Whether it was none.
    fn put(&mut self, turn: &mut Turn<'_>, member: Arc<Key>, ttl: Option<Duration>) -> bool {
        let expires = ttl.map(|ttl| turn.now().after(ttl));
        if self.members.expire_at(&member, expires) {
            return false;
        }
        tell(turn, &SetChange::Added { member: Arc::clone(&member) });
        self.push(member, expires);
        true
    }

    /// Adds what is no member.
    pub(super) fn push(&mut self, member: Arc<Key>, expires: Option<Time>) {
        self.members.put(Arc::clone(&member), Slot(self.slots.len()), expires);
        self.slots.push_back(member);
    }

    /// Removes what is not to stay, and says how many members that were.
    fn retain(&mut self, turn: &mut Turn<'_>, stays: impl Fn(&Key) -> bool) -> u64 {
        let members = self.members.iter().map(|(member, _)| member);
        let go: Vec<Arc<Key>> = members.filter(|member| !stays(member)).cloned().collect();
        self.take_all(turn, &go)
    }

    /// Removes these, and says how many of them were members.
    fn take_all(&mut self, turn: &mut Turn<'_>, members: &[Arc<Key>]) -> u64 {
        members.iter().filter(|member| self.take(turn, member).is_some()).count() as u64
    }

    fn take(&mut self, turn: &mut Turn<'_>, member: &Key) -> Option<Arc<Key>> {
        let (member, slot) = self.members.remove(member)?;
        self.arm(turn, None);
        self.close_gap(slot);
        tell(turn, &SetChange::Removed { member: Arc::clone(&member) });
        Some(member)
    }

    /// Nobody stands in the slot any more: the last member moves there.
    fn close_gap(&mut self, Slot(gap): Slot) {
        let Some(last) = self.slots.pop_back() else { return };
        if gap < self.slots.len() {
            *self.members.get_mut(&last).expect("every slot has a member") = Slot(gap);
            self.slots.set(gap, last);
        }
    }

    /// The members in these slots.
    fn at(&self, slots: Vec<usize>) -> Result<Vec<Key>, DataError> {
        let members: Vec<&Arc<Key>> = slots.into_iter().filter_map(|slot| self.slots.get(slot)).collect();
        check_reply(members.iter().map(|member| member.bytes().len() + HEAD_BYTES).sum())?;
        Ok(members.into_iter().map(|member| (**member).clone()).collect())
    }
}

fn first_and<'s>(first: &'s Side<'s>, others: &'s [Side<'s>]) -> Vec<&'s Side<'s>> {
    std::iter::once(first).chain(others).collect()
}

fn check_drawn(count: u64) -> Result<usize, DataError> {
    let max = config::DRAWN_MAX;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count <= max {
        return Ok(count);
    }
    Err(DataError::invalid(format!("{count} members drawn at once, where {max} may be")))
}

fn tell(turn: &mut Turn<'_>, change: &SetChange) {
    turn.tell(change).expect("members are bytes, and those encode");
}

impl Hosted for SetState {
    fn next_expiry(&self) -> Option<Time> {
        self.members.next_expiry()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        while let Some((member, slot)) = self.members.pop_expired(turn) {
            self.close_gap(slot);
            tell(turn, &SetChange::Expired { member });
        }
        self.arm(turn, None);
    }

    fn is_vacant(&self) -> bool {
        self.members.is_empty()
    }

    fn bytes(&self) -> usize {
        self.members.bytes()
    }
}
