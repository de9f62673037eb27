//! Priority queues as the controller keeps them.

use std::task::{Poll, ready};
use std::time::Duration;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use super::order::{PqEntry, Priorities};
use crate::datatypes::lease::{
    DeadItem, Delivery, End, Item, Order, QueueCounts, QueueSettings, Receipt, Stamp, Stock, queue_state,
};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, SessionId, Time, Turn, Value};

/// A priority queue, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PqState {
    stock: Stock<Priorities<false>>,
}

/// A priority queue without equal items, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UniquePqState {
    stock: Stock<Priorities<true>>,
}

/// The hosted methods of a kind of priority queue: those in braces, and those that both kinds have.
macro_rules! priority_state {
    ($kind:tt, $state:ident, { $($own:tt)* }) => {
        queue_state!($kind, $state, PqEntry, {
            $($own)*

            /// Takes the item that would be the last, if there is one.
            #[callback(shrink)]
            pub fn pop_last(&mut self, turn: &mut Turn<'_>) -> Option<Value> {
                self.stock.pop(turn, End::Last)
            }

            /// Takes the item that would be the last. Waits for one.
            #[callback(shrink)]
            pub fn pop_last_wait(&mut self, turn: &mut Turn<'_>) -> Poll<Value> {
                self.stock.pop(turn, End::Last).map_or(Poll::Pending, Poll::Ready)
            }

            /// Takes the `num` items that would be the last, the very last first, or as many as there are or fit a
            /// reply.
            #[callback(shrink)]
            pub fn unpush(&mut self, turn: &mut Turn<'_>, num: u64) -> Vec<Value> {
                self.stock.pop_batch(turn, num, End::Last)
            }

            /// Takes `num` items of these priorities after the first `skip`, or as many as there are or fit a reply.
            #[callback(shrink)]
            pub fn dequeue_range(
                &mut self,
                turn: &mut Turn<'_>,
                lowest: i64,
                highest: i64,
                skip: u64,
                num: u64,
            ) -> Vec<Value> {
                let (start, end) = self.stock.order().ranks(lowest, highest);
                let start = start.saturating_add(usize::try_from(skip).unwrap_or(usize::MAX));
                let num = num.min(end.saturating_sub(start) as u64);
                let take = |order: &mut Priorities<_>| order.take_at(start).map(|(_, item): (_, Item)| item);
                self.stock.remove_batch(turn, num, |order| order.at(start), take)
            }

            /// How many items of these priorities can be had now.
            pub fn count(&self, lowest: i64, highest: i64) -> u64 {
                let (start, end) = self.stock.order().ranks(lowest, highest);
                (end - start) as u64
            }
        });
    };
}

priority_state!("pq", PqState, {
    /// Puts in an item, behind the others of its priority. Waits while the queue is full, if that is its way.
    #[callback(line = 1)]
    pub fn push(
        &mut self,
        turn: &mut Turn<'_>,
        priority: i64,
        value: Value,
    ) -> Poll<Result<PqEntry, DataError>> {
        self.put(turn, value, |stamp| PqEntry::new(priority, false, stamp))
    }

    /// Puts in an item, before those of its priority that are no vips. Waits while the queue is full, if that is its
    /// way.
    #[callback(line = 1)]
    pub fn push_vip(
        &mut self,
        turn: &mut Turn<'_>,
        priority: i64,
        value: Value,
    ) -> Poll<Result<PqEntry, DataError>> {
        self.put(turn, value, |stamp| PqEntry::new(priority, true, stamp))
    }

    /// How many items would be taken before this one, if it can be had now.
    pub fn rank(&self, entry: PqEntry) -> Option<u64> {
        self.stock.order().rank(&entry).map(|rank| rank as u64)
    }

    /// Takes out this item, and says whether it was there.
    #[callback(shrink)]
    pub fn remove(&mut self, turn: &mut Turn<'_>, entry: PqEntry) -> bool {
        let removed = self.stock.remove(turn, |order| {
            let rank = order.rank(&entry)?;
            order.take_at(rank).map(|(_, item)| item)
        });
        removed.is_some()
    }
});

impl PqState {
    fn put(
        &mut self,
        turn: &mut Turn<'_>,
        value: Value,
        entry: impl FnOnce(Stamp) -> PqEntry,
    ) -> Poll<Result<PqEntry, DataError>> {
        ready!(self.stock.admit(std::slice::from_ref(&value)))?;
        let entry = entry(self.stock.stamp(turn));
        self.stock.push(turn, [(entry, value)].into_iter());
        Poll::Ready(Ok(entry))
    }
}

priority_state!("unique_pq", UniquePqState, {
    /// Puts in an item, or gives the equal one that is there this priority, and says whether it is new. Waits while
    /// the queue is full, if that is its way.
    #[callback(line = 1)]
    pub fn push(&mut self, turn: &mut Turn<'_>, priority: i64, member: Key) -> Poll<Result<bool, DataError>> {
        let value = Value::from(member);
        if let Some(entry) = self.stock.order().find(&value) {
            self.stock.reorder(turn, |order| order.move_to(&entry, priority));
            return Poll::Ready(Ok(false));
        }
        ready!(self.stock.admit(std::slice::from_ref(&value)))?;
        let entry = PqEntry::new(priority, false, self.stock.stamp(turn));
        self.stock.push(turn, [(entry, value)].into_iter());
        Poll::Ready(Ok(true))
    }

    /// How many items would be taken before this one, if it can be had now.
    pub fn rank(&self, member: Key) -> Option<u64> {
        let entry = self.stock.order().find(&Value::from(member))?;
        self.stock.order().rank(&entry).map(|rank| rank as u64)
    }

    /// The priority of this item, if it can be had now.
    pub fn priority(&self, member: Key) -> Option<i64> {
        self.stock.order().find(&Value::from(member)).map(|entry| entry.priority())
    }

    /// Takes out this item, and says whether it was there.
    #[callback(shrink)]
    pub fn remove(&mut self, turn: &mut Turn<'_>, member: Key) -> bool {
        let removed = self.stock.remove(turn, |order| {
            let entry = order.find(&Value::from(member))?;
            let rank = order.rank(&entry)?;
            order.take_at(rank).map(|(_, item)| item)
        });
        removed.is_some()
    }
});
