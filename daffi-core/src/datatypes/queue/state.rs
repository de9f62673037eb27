//! A queue as the controller keeps it.

use std::ops::Bound;
use std::task::{Poll, ready};
use std::time::Duration;

use daffi_macros::callback;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::datatypes::lease::{
    DeadItem, Delivery, End, Item, Order, QueueCounts, QueueSettings, Receipt, Stock, queue_state,
};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, SessionId, Time, Turn, Value};

/// A queue, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueState {
    stock: Stock<Fifo>,
}

queue_state!("queue", QueueState, i64, {
    /// Puts an item at the end. Waits while the queue is full, if that is its way.
    #[callback(line = 1)]
    pub fn push(&mut self, turn: &mut Turn<'_>, value: Value) -> Poll<Result<(), DataError>> {
        ready!(self.stock.admit(std::slice::from_ref(&value)))?;
        self.stock.push(turn, [(None, value)].into_iter());
        Poll::Ready(Ok(()))
    }

    /// Puts items at the end, all of them or none. Waits while they do not fit, if that is the queue's way.
    #[callback(line = 1)]
    pub fn extend(&mut self, turn: &mut Turn<'_>, values: Vec<Value>) -> Poll<Result<(), DataError>> {
        ready!(self.stock.admit(&values))?;
        self.stock.push(turn, values.into_iter().map(|value| (None, value)));
        Poll::Ready(Ok(()))
    }

    /// Puts an item at the end once a delay is over. Waits while the queue is full, if that is its way.
    #[callback(line = 1)]
    pub fn push_after(
        &mut self,
        turn: &mut Turn<'_>,
        value: Value,
        delay_ms: u64,
    ) -> Poll<Result<(), DataError>> {
        ready!(self.stock.admit(std::slice::from_ref(&value)))?;
        match delay_ms {
            0 => self.stock.push(turn, [(None, value)].into_iter()),
            _ => self.stock.push_later(turn, None, value, Duration::from_millis(delay_ms)),
        }
        Poll::Ready(Ok(()))
    }

    /// Puts an item at the end unless the id was given lately, and says whether it did.
    #[callback(line = 1)]
    pub fn push_once(&mut self, turn: &mut Turn<'_>, id: Key, value: Value) -> Poll<Result<bool, DataError>> {
        if self.stock.knows(&id) {
            return Poll::Ready(Ok(false));
        }
        ready!(self.stock.admit(std::slice::from_ref(&value)))?;
        self.stock.remember(turn, id);
        self.stock.push(turn, [(None, value)].into_iter());
        Poll::Ready(Ok(true))
    }

    /// Puts items before the first, in their order.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if one is too large, or they are too many.
    pub fn unpop(&mut self, turn: &mut Turn<'_>, values: Vec<Value>) -> Result<(), DataError> {
        Stock::<Fifo>::check(&values)?;
        let first = self.stock.order().first.saturating_sub(values.len() as i64);
        let places = values.into_iter().enumerate().map(|(at, value)| (Some(first + at as i64), value));
        self.stock.restore(turn, places);
        Ok(())
    }
});

/// Items in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Fifo {
    items: OrdMap<i64, Item>,
    /// The lowest place that was ever given.
    first: i64,
    /// The next place at the end.
    next: i64,
}

impl Order for Fifo {
    /// With none yet, an item comes to the end.
    type Place = Option<i64>;
    type Mark = i64;

    const DISCARDS: End = End::First;

    fn put(&mut self, place: Option<i64>, item: Item) -> Option<Item> {
        let place = place.unwrap_or(self.next);
        self.first = self.first.min(place);
        self.next = self.next.max(place.saturating_add(1));
        self.items.insert(place, item)
    }

    fn take(&mut self, end: End) -> Option<(Option<i64>, Item)> {
        let (place, _) = match end {
            End::First => self.items.get_min()?,
            End::Last => self.items.get_max()?,
        };
        let place = *place;
        self.items.remove(&place).map(|item| (Some(place), item))
    }

    fn peek(&self, end: End) -> Option<&Item> {
        let entry = match end {
            End::First => self.items.get_min(),
            End::Last => self.items.get_max(),
        };
        entry.map(|(_, item)| item)
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn walk(&self, after: Option<&i64>) -> impl Iterator<Item = (i64, &Item)> {
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(*after));
        self.items.range((start, Bound::Unbounded)).map(|(place, item)| (*place, item))
    }

    fn clear(&mut self) {
        self.items = OrdMap::new();
    }

    fn reset(&mut self) {
        (self.first, self.next) = (0, 0);
    }
}
