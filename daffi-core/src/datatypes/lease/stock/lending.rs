//! Items that are lent, come back, and die.

use std::task::Poll;
use std::time::Duration;

use super::{Batch, End, Order, Stock, tell};
use crate::config;
use crate::datatypes::lease::{DeadItem, Delivery, Item, QueueChange, Receipt};
use crate::error::DataError;
use crate::hosted::{Time, Turn};

impl<O: Order> Stock<O> {
    /// Lends as many items as there are of `num`, and as a reply has room for.
    pub(in crate::datatypes) fn lend(
        &mut self,
        turn: &mut Turn<'_>,
        num: u64,
        lease_ms: Option<u64>,
    ) -> Result<Vec<Delivery>, DataError> {
        let lease = self.lease(lease_ms)?;
        let (mut deliveries, mut batch) = (Vec::new(), Batch::of(num));
        while self.order.peek(End::First).is_some_and(|item| batch.takes(item)) {
            let Some((place, mut item)) = self.order.take(End::First) else { break };
            self.ready_bytes -= O::bytes(&item);
            self.other_bytes += item.bytes();
            item.deliveries = item.deliveries.saturating_add(1);
            let stamp = self.stamp(turn);
            let (receipt, value) = (Receipt(stamp), item.value.clone());
            deliveries.push(Delivery { receipt, value, deliveries: item.deliveries });
            self.leases.lend(turn, stamp, place, item, lease);
        }
        if !deliveries.is_empty() {
            tell(turn, QueueChange::Leased(deliveries.len() as u64));
        }
        self.settle();
        Ok(deliveries)
    }

    /// Lends the first item; waits for one.
    pub(in crate::datatypes) fn lend_one(
        &mut self,
        turn: &mut Turn<'_>,
        lease_ms: Option<u64>,
    ) -> Poll<Result<Delivery, DataError>> {
        match self.lend(turn, 1, lease_ms)?.pop() {
            Some(delivery) => Poll::Ready(Ok(delivery)),
            None => Poll::Pending,
        }
    }

    fn lease(&self, lease_ms: Option<u64>) -> Result<Duration, DataError> {
        match lease_ms {
            Some(0) => Err(DataError::invalid("a lease of no time is none")),
            Some(lease_ms) => Ok(Duration::from_millis(lease_ms)),
            None => Ok(self.settings.lease),
        }
    }

    /// The item is done with.
    pub(in crate::datatypes) fn ack(
        &mut self,
        turn: &mut Turn<'_>,
        receipt: Receipt,
    ) -> Result<(), DataError> {
        let (_, item) = self.leases.end(turn, receipt)?;
        self.other_bytes -= item.bytes();
        tell(turn, QueueChange::Done(1));
        self.settle();
        Ok(())
    }

    /// The item comes back, after a delay.
    pub(in crate::datatypes) fn nack(
        &mut self,
        turn: &mut Turn<'_>,
        receipt: Receipt,
        delay: Duration,
    ) -> Result<(), DataError> {
        let (place, item) = self.leases.end(turn, receipt)?;
        self.give_back(turn, turn.now(), place, item, delay);
        self.settle();
        Ok(())
    }

    /// The lease goes on.
    pub(in crate::datatypes) fn extend(
        &mut self,
        turn: &Turn<'_>,
        receipt: Receipt,
        lease_ms: Option<u64>,
    ) -> Result<(), DataError> {
        let lease = self.lease(lease_ms)?;
        self.leases.extend(turn, receipt, lease)
    }

    /// An item that was lent is back since `at`.
    pub(super) fn give_back(
        &mut self,
        turn: &mut Turn<'_>,
        at: Time,
        place: O::Place,
        item: Item,
        delay: Duration,
    ) {
        if self.settings.deliveries_max.is_some_and(|max| item.deliveries >= max) {
            tell(turn, QueueChange::Died(1));
            let stamp = self.stamp(turn);
            self.dead.insert(stamp, (place, item));
            return;
        }
        tell(turn, QueueChange::Returned(1));
        if delay.is_zero() {
            self.other_bytes -= item.bytes();
            self.put(place, item);
        } else {
            let stamp = self.stamp(turn);
            self.later.insert((at.after(delay), stamp), (place, item));
        }
        if self.ends.is_none() {
            self.renew(at);
        }
    }

    /// The first of the dead, the longest dead first.
    pub(in crate::datatypes) fn dead(&self, num: u64) -> Vec<DeadItem> {
        let mut batch = Batch::of(num);
        let items = self.dead.values().map(|(_, item)| item).take_while(|item| batch.takes(item));
        items.map(|item| DeadItem { value: item.value.clone(), deliveries: item.deliveries }).collect()
    }

    /// Takes out the one that has been dead the longest.
    pub(in crate::datatypes) fn pop_dead(&mut self, turn: &mut Turn<'_>) -> Option<DeadItem> {
        let (_, item) = self.take_dead()?;
        tell(turn, QueueChange::Dropped(1));
        self.settle();
        Some(DeadItem { value: item.value, deliveries: item.deliveries })
    }

    /// Puts the dead back in their places, as if they had never been lent, or as many as a step has time for.
    pub(in crate::datatypes) fn redrive(&mut self, turn: &mut Turn<'_>) -> u64 {
        let mut redriven = 0;
        while redriven < config::QUEUE_EXTEND_MAX
            && let Some((place, mut item)) = self.take_dead()
        {
            item.deliveries = 0;
            self.put(place, item);
            redriven += 1;
        }
        if redriven > 0 {
            tell(turn, QueueChange::Returned(redriven as u64));
            self.renew(turn.now());
        }
        redriven as u64
    }

    fn take_dead(&mut self) -> Option<(O::Place, Item)> {
        let stamp = self.dead.get_min().map(|(stamp, _)| *stamp)?;
        let (place, item) = self.dead.remove(&stamp)?;
        self.other_bytes -= item.bytes();
        Some((place, item))
    }

    /// The session of this turn has ended: what it has on lease comes back.
    pub(in crate::datatypes) fn release(&mut self, turn: &mut Turn<'_>) {
        while let Some((place, item)) = self.leases.end_of_session(turn) {
            self.give_back(turn, turn.now(), place, item, Duration::ZERO);
        }
        self.settle();
    }
}
