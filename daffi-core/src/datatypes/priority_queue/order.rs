//! The order of a priority queue.

use std::cmp::Reverse;
use std::fmt;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::ranked::Ranked;
use crate::datatypes::lease::{End, Item, Order, Stamp};
use crate::hosted::Value;

/// An item of a priority queue, as its [`push`](super::PriorityQueue::push) told: where it stands, and which it is.
///
/// It can be sent to others and kept; no later item is ever taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PqEntry {
    priority: i64,
    is_vip: bool,
    /// Given by the controller: of one priority, who came first has the lower one.
    stamp: Stamp,
}

impl PqEntry {
    pub(super) fn new(priority: i64, is_vip: bool, stamp: Stamp) -> Self {
        Self { priority, is_vip, stamp }
    }

    /// Its priority.
    pub fn priority(&self) -> i64 {
        self.priority
    }

    /// Whether it comes before the others of its priority.
    pub fn is_vip(&self) -> bool {
        self.is_vip
    }

    /// The same item with another priority.
    pub(super) fn with_priority(self, priority: i64) -> Self {
        Self { priority, ..self }
    }
}

impl Ord for PqEntry {
    /// Who leaves first is less.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |entry: &Self| (Reverse(entry.priority), Reverse(entry.is_vip), entry.stamp);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for PqEntry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for PqEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (priority {})", self.stamp, self.priority)
    }
}

/// Items by priority, the highest first, and in the order in which they came. With `UNIQUE` no two are equal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Ranked<PqEntry, Item>", into = "Ranked<PqEntry, Item>")]
pub(super) struct Priorities<const UNIQUE: bool> {
    items: Ranked<PqEntry, Item>,
    /// Where each item is, if they are unique.
    members: OrdMap<Value, PqEntry>,
}

impl<const UNIQUE: bool> From<Ranked<PqEntry, Item>> for Priorities<UNIQUE> {
    fn from(items: Ranked<PqEntry, Item>) -> Self {
        if !UNIQUE {
            return Self { items, members: OrdMap::new() };
        }
        let mut order = Self::default();
        for (entry, item) in (0..items.len()).filter_map(|rank| items.at(rank)) {
            order.put(*entry, item.clone());
        }
        order
    }
}

impl<const UNIQUE: bool> From<Priorities<UNIQUE>> for Ranked<PqEntry, Item> {
    fn from(order: Priorities<UNIQUE>) -> Self {
        order.items
    }
}

impl<const UNIQUE: bool> Priorities<UNIQUE> {
    /// Where the items of these priorities begin and end.
    pub(super) fn ranks(&self, lowest: i64, highest: i64) -> (usize, usize) {
        let start = self.items.count_while(|entry| entry.priority > highest);
        let end = self.items.count_while(|entry| entry.priority >= lowest);
        (start, end.max(start))
    }

    pub(super) fn rank(&self, entry: &PqEntry) -> Option<usize> {
        self.items.rank(entry)
    }

    pub(super) fn at(&self, rank: usize) -> Option<&Item> {
        self.items.at(rank).map(|(_, item)| item)
    }

    pub(super) fn take_at(&mut self, rank: usize) -> Option<(PqEntry, Item)> {
        let (entry, item) = self.items.remove_at(rank)?;
        if UNIQUE {
            self.members.remove(&item.value);
        }
        Some((entry, item))
    }

    /// Where this item is, if items are unique.
    pub(super) fn find(&self, member: &Value) -> Option<PqEntry> {
        self.members.get(member).copied()
    }

    /// Gives an item that is there another priority.
    pub(super) fn move_to(&mut self, entry: &PqEntry, priority: i64) {
        let taken = self.rank(entry).and_then(|rank| self.take_at(rank));
        if let Some((entry, item)) = taken {
            self.put(entry.with_priority(priority), item);
        }
    }
}

impl<const UNIQUE: bool> Order for Priorities<UNIQUE> {
    type Place = PqEntry;
    type Mark = PqEntry;

    const DISCARDS: End = End::Last;

    fn put(&mut self, place: PqEntry, item: Item) -> Option<Item> {
        if UNIQUE {
            // An equal one was pushed while this one was away. That one's priority is the later word.
            if let Some(rank) = self.find(&item.value).and_then(|entry| self.rank(&entry)) {
                let kept = self.items.at_mut(rank)?;
                kept.deliveries = kept.deliveries.max(item.deliveries);
                return Some(item);
            }
            self.members.insert(item.value.clone(), place);
        }
        self.items.insert(place, item)
    }

    fn take(&mut self, end: End) -> Option<(PqEntry, Item)> {
        match end {
            End::First => self.take_at(0),
            End::Last => self.take_at(self.items.len().checked_sub(1)?),
        }
    }

    fn peek(&self, end: End) -> Option<&Item> {
        match end {
            End::First => self.at(0),
            End::Last => self.at(self.items.len().checked_sub(1)?),
        }
    }

    fn urgency(&self) -> Option<i64> {
        self.items.at(0).map(|(entry, _)| entry.priority)
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn walk(&self, after: Option<&PqEntry>) -> impl Iterator<Item = (PqEntry, &Item)> {
        let start = after.map_or(0, |after| self.items.count_while(|entry| entry <= after));
        (start..self.items.len()).filter_map(|rank| self.items.at(rank)).map(|(entry, item)| (*entry, item))
    }

    fn bytes(item: &Item) -> usize {
        // The value of a unique one is there twice.
        item.bytes() + if UNIQUE { item.value.bytes().len() + MEMBER_BYTES } else { 0 }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What a member takes beside its value and item.
const MEMBER_BYTES: usize = 96;
