//! All that is in a queue, whatever the order of its items.

mod lending;
mod saved;

use std::fmt::Debug;
use std::task::Poll;
use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Item, Leases, QueueChange, QueueCounts, QueueSettings, Stamp, WhenFull};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Key, SessionId, Time, Turn, Value};

/// The items that can be had now, in the order of the kind of queue.
pub(in crate::datatypes) trait Order:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync
{
    /// Where an item belongs, also while it is away.
    type Place: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// Where an item is, for a walk over all.
    type Mark;

    /// Puts an item in its place. One that this makes superfluous is returned.
    fn put(&mut self, place: Self::Place, item: Item) -> Option<Item>;
    /// Takes the item at this end.
    fn take(&mut self, end: End) -> Option<(Self::Place, Item)>;
    /// The item at this end.
    fn peek(&self, end: End) -> Option<&Item>;
    /// How urgent the first item is, if items differ in that.
    fn urgency(&self) -> Option<i64> {
        None
    }
    /// The end from which it is shortened.
    const DISCARDS: End;
    fn len(&self) -> usize;
    /// All items, the first first, or those after this one.
    fn walk(&self, after: Option<&Self::Mark>) -> impl Iterator<Item = (Self::Mark, &Item)>;
    /// What an item takes, about, that is in order.
    fn bytes(item: &Item) -> usize {
        item.bytes()
    }
    /// Drops all items.
    fn clear(&mut self);
    /// There is nothing left, here or elsewhere, that has a place.
    fn reset(&mut self) {}
}

/// An end of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::datatypes) enum End {
    /// Where items are taken.
    First,
    /// The other.
    Last,
}

/// What a queue keeps. Each method that stops has changed nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", try_from = "saved::Saved<O>")]
pub(in crate::datatypes) struct Stock<O: Order> {
    order: O,
    leases: Leases<O::Place>,
    /// By when they come, or come back.
    later: OrdMap<(Time, Stamp), (O::Place, Item)>,
    dead: OrdMap<Stamp, (O::Place, Item)>,
    settings: QueueSettings,
    /// When all that waits is dropped.
    ends: Option<Time>,
    once: Once,
    last: Stamp,
    /// Of the items in order.
    #[serde(skip_serializing)]
    ready_bytes: usize,
    /// Of all others.
    #[serde(skip_serializing)]
    other_bytes: usize,
}

/// The ids that were given lately.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "OrdMap<Key, Time>", into = "OrdMap<Key, Time>")]
struct Once {
    until: OrdMap<Key, Time>,
    by_time: OrdSet<(Time, Key)>,
}

impl<O: Order> Default for Stock<O> {
    fn default() -> Self {
        Self {
            order: O::default(),
            leases: Leases::default(),
            later: OrdMap::new(),
            dead: OrdMap::new(),
            settings: QueueSettings::default(),
            ends: None,
            once: Once::default(),
            last: Stamp::default(),
            ready_bytes: 0,
            other_bytes: 0,
        }
    }
}

impl<O: Order> Stock<O> {
    pub(in crate::datatypes) fn order(&self) -> &O {
        &self.order
    }

    /// A number of its own for whatever is new.
    pub(in crate::datatypes) fn stamp(&mut self, turn: &Turn<'_>) -> Stamp {
        self.last = self.last.next(turn.revision());
        self.last
    }

    /// Whether each of these could be delivered, and all of them be pushed in one step.
    pub(in crate::datatypes) fn check(values: &[Value]) -> Result<(), DataError> {
        if values.len() > config::QUEUE_EXTEND_MAX {
            let (items, max) = (values.len(), config::QUEUE_EXTEND_MAX);
            return Err(DataError::invalid(format!("one step pushes at most {max} items, not {items}")));
        }
        let bytes = values.iter().map(|value| value.bytes().len()).max().unwrap_or_default();
        if bytes > ITEM_BYTES_MAX {
            return Err(DataError::invalid(format!(
                "an item has at most {ITEM_BYTES_MAX} bytes, not {bytes}"
            )));
        }
        Ok(())
    }

    /// Whether these can be pushed now.
    pub(in crate::datatypes) fn admit(&self, values: &[Value]) -> Poll<Result<(), DataError>> {
        Self::check(values)?;
        let Some(max) = self.settings.length_max else { return Poll::Ready(Ok(())) };
        let (waiting, more) = (self.waiting(), values.len() as u64);
        let what = || format!("{waiting} of at most {max} items wait, and {more} more do not fit");
        let full = || Poll::Ready(Err(DataError::Full { what: what() }));
        match self.settings.when_full {
            _ if waiting.saturating_add(more) <= max => Poll::Ready(Ok(())),
            WhenFull::Discard => Poll::Ready(Ok(())),
            // There will never be room for so many.
            WhenFull::Wait if more > max => full(),
            WhenFull::Wait => Poll::Pending,
            WhenFull::Refuse => full(),
        }
    }

    fn waiting(&self) -> u64 {
        (self.order.len() + self.later.len()) as u64
    }

    /// Puts items that were [admitted](Self::admit) in their places.
    pub(in crate::datatypes) fn push(
        &mut self,
        turn: &mut Turn<'_>,
        items: impl ExactSizeIterator<Item = (O::Place, Value)>,
    ) {
        if items.len() > 0 {
            self.restore(turn, items);
            self.shorten(turn);
        }
    }

    /// Puts items in their places, however many there are.
    pub(in crate::datatypes) fn restore(
        &mut self,
        turn: &mut Turn<'_>,
        items: impl ExactSizeIterator<Item = (O::Place, Value)>,
    ) {
        if items.len() == 0 {
            return;
        }
        tell(turn, QueueChange::Pushed(items.len() as u64));
        items.for_each(|(place, value)| self.put(place, Item::new(value)));
        self.renew(turn.now());
    }

    /// The same for one that can be had only after a delay.
    pub(in crate::datatypes) fn push_later(
        &mut self,
        turn: &mut Turn<'_>,
        place: O::Place,
        value: Value,
        delay: Duration,
    ) {
        tell(turn, QueueChange::Pushed(1));
        let item = Item::new(value);
        self.other_bytes += item.bytes();
        let stamp = self.stamp(turn);
        self.later.insert((turn.now().after(delay), stamp), (place, item));
        self.renew(turn.now());
        self.shorten(turn);
    }

    /// Remembers an id that is new.
    pub(in crate::datatypes) fn remember(&mut self, turn: &Turn<'_>, id: Key) {
        let until = turn.now().after(self.settings.once_for);
        self.other_bytes += once_bytes(&id);
        self.once.by_time.insert((until, id.clone()));
        self.once.until.insert(id, until);
    }

    /// Whether this id was given lately.
    pub(in crate::datatypes) fn knows(&self, id: &Key) -> bool {
        self.once.until.contains_key(id)
    }

    /// Changes the order itself, of items that are in it.
    pub(in crate::datatypes) fn reorder<R>(
        &mut self,
        turn: &mut Turn<'_>,
        change: impl FnOnce(&mut O) -> R,
    ) -> R {
        tell(turn, QueueChange::Moved);
        self.renew(turn.now());
        change(&mut self.order)
    }

    /// Takes an item out of the order for good, by a way of the order's own.
    pub(in crate::datatypes) fn remove(
        &mut self,
        turn: &mut Turn<'_>,
        take: impl FnOnce(&mut O) -> Option<Item>,
    ) -> Option<Value> {
        let item = take(&mut self.order)?;
        self.ready_bytes -= O::bytes(&item);
        tell(turn, QueueChange::Popped(1));
        self.settle();
        Some(item.value)
    }

    /// Takes the item at an end for good.
    pub(in crate::datatypes) fn pop(&mut self, turn: &mut Turn<'_>, end: End) -> Option<Value> {
        self.remove(turn, |order| order.take(end).map(|(_, item)| item))
    }

    /// The same for as many as there are of `num`, and as a reply has room for.
    pub(in crate::datatypes) fn pop_batch(&mut self, turn: &mut Turn<'_>, num: u64, end: End) -> Vec<Value> {
        self.remove_batch(turn, num, |order| order.peek(end), |order| order.take(end).map(|(_, item)| item))
    }

    /// The same by a way of the order's own.
    pub(in crate::datatypes) fn remove_batch(
        &mut self,
        turn: &mut Turn<'_>,
        num: u64,
        peek: impl Fn(&O) -> Option<&Item>,
        mut take: impl FnMut(&mut O) -> Option<Item>,
    ) -> Vec<Value> {
        let (mut values, mut batch) = (Vec::new(), Batch::of(num));
        while peek(&self.order).is_some_and(|item| batch.takes(item)) {
            let Some(item) = take(&mut self.order) else { break };
            self.ready_bytes -= O::bytes(&item);
            values.push(item.value);
        }
        if !values.is_empty() {
            tell(turn, QueueChange::Popped(values.len() as u64));
            self.settle();
        }
        values
    }

    fn put(&mut self, place: O::Place, item: Item) {
        self.ready_bytes += O::bytes(&item);
        if let Some(superfluous) = self.order.put(place, item) {
            self.ready_bytes -= O::bytes(&superfluous);
        }
    }

    fn renew(&mut self, at: Time) {
        self.ends = self.settings.ttl.map(|ttl| at.after(ttl));
    }

    /// Drops what is too much.
    fn shorten(&mut self, turn: &mut Turn<'_>) {
        let Some(max) = self.settings.length_max.filter(|_| self.settings.when_full == WhenFull::Discard)
        else {
            return;
        };
        let mut dropped = 0;
        while self.waiting() > max {
            if let Some((_, item)) = self.order.take(O::DISCARDS) {
                self.ready_bytes -= O::bytes(&item);
            } else if let Some(first) = self.later.get_min().map(|(when, _)| *when) {
                self.other_bytes -= self.later.remove(&first).map_or(0, |(_, item)| item.bytes());
            }
            dropped += 1;
        }
        if dropped > 0 {
            tell(turn, QueueChange::Dropped(dropped));
        }
    }

    /// Gives it other settings, all of them at once.
    pub(in crate::datatypes) fn configure(
        &mut self,
        turn: &mut Turn<'_>,
        settings: QueueSettings,
    ) -> Result<(), DataError> {
        settings.check()?;
        tell(turn, QueueChange::Configured);
        if settings.ttl != self.settings.ttl {
            self.ends = settings.ttl.map(|ttl| turn.now().after(ttl));
        }
        self.settings = settings;
        self.settle();
        Ok(())
    }

    pub(in crate::datatypes) fn settings(&self) -> QueueSettings {
        self.settings.clone()
    }

    pub(in crate::datatypes) fn counts(&self) -> QueueCounts {
        QueueCounts {
            ready: self.order.len() as u64,
            delayed: self.later.len() as u64,
            leased: self.leases.len() as u64,
            dead: self.dead.len() as u64,
        }
    }

    /// Drops all that waits, and says how many.
    pub(in crate::datatypes) fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        let cleared = self.waiting();
        if cleared > 0 {
            tell(turn, QueueChange::Dropped(cleared));
        }
        self.order.clear();
        self.ready_bytes = 0;
        for (_, item) in std::mem::take(&mut self.later).values() {
            self.other_bytes -= item.bytes();
        }
        self.settle();
        cleared
    }

    /// All that can be had now, the first first.
    pub(in crate::datatypes) fn content(&self) -> Result<Vec<Value>, DataError> {
        let mut bytes = 0;
        let mut values = Vec::new();
        for (_, item) in self.order.walk(None) {
            bytes += item.value.bytes().len() + ENTRY_BYTES;
            if bytes > ITEM_BYTES_MAX {
                let what = format!("the reply, of {ITEM_BYTES_MAX} bytes; read so much as a stream");
                return Err(DataError::Full { what });
            }
            values.push(item.value.clone());
        }
        Ok(values)
    }

    /// Some of the items that can be had now, after this one.
    pub(in crate::datatypes) fn page(&self, after: Option<&O::Mark>, num: u64) -> Vec<(O::Mark, Value)> {
        let mut batch = Batch { left: num.min(config::QUEUE_BATCH_MAX), bytes: 0, bytes_max: PAGE_BYTES };
        let items = self.order.walk(after).take_while(|(_, item)| batch.takes(item));
        items.map(|(mark, item)| (mark, item.value.clone())).collect()
    }

    pub(in crate::datatypes) fn next_expiry(&self) -> Option<Time> {
        let later = self.later.get_min().map(|((when, _), _)| *when);
        let once = self.once.by_time.get_min().map(|(until, _)| *until);
        [self.ends, later, self.leases.next(), once].iter().flatten().min().copied()
    }

    /// Does what is due, in the order of its time.
    pub(in crate::datatypes) fn expire(&mut self, turn: &mut Turn<'_>) {
        while let Some(due) = self.next_expiry().filter(|due| *due <= turn.now()) {
            if self.ends == Some(due) {
                self.ends = None;
                self.clear(turn);
            } else if self.leases.next() == Some(due) {
                if let Some((place, item)) = self.leases.end_first(turn) {
                    self.give_back(turn, due, place, item, Duration::ZERO);
                }
            } else if let Some(first) =
                self.later.get_min().map(|(when, _)| *when).filter(|when| when.0 == due)
            {
                if let Some((place, item)) = self.later.remove(&first) {
                    self.other_bytes -= item.bytes();
                    self.put(place, item);
                }
            } else if let Some((_, id)) = self.once.by_time.remove_min() {
                self.other_bytes -= once_bytes(&id);
                self.once.until.remove(&id);
            }
        }
        self.settle();
    }

    pub(in crate::datatypes) fn holders(&self) -> Vec<SessionId> {
        self.leases.holders()
    }

    pub(in crate::datatypes) fn is_vacant(&self) -> bool {
        self.is_empty() && self.settings == QueueSettings::default()
    }

    fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.leases.is_empty() && self.dead.is_empty() && self.once.until.is_empty()
    }

    pub(in crate::datatypes) fn bytes(&self) -> usize {
        self.ready_bytes + self.other_bytes
    }

    /// Forgets what nothing depends on any more, so that queues cannot be told apart by their pasts.
    fn settle(&mut self) {
        if self.waiting() > 0 {
            return;
        }
        self.ends = None;
        if self.is_empty() {
            self.last = Stamp::default();
            self.order.reset();
        }
    }
}

/// How much fits one reply.
struct Batch {
    left: u64,
    bytes: usize,
    bytes_max: usize,
}

impl Batch {
    fn of(num: u64) -> Self {
        Self { left: num.min(config::QUEUE_BATCH_MAX), bytes: 0, bytes_max: config::QUEUE_BATCH_BYTES }
    }

    /// Whether this item fits too: the first always does.
    fn takes(&mut self, item: &Item) -> bool {
        let bytes = self.bytes + item.value.bytes().len();
        if self.left == 0 || (self.bytes > 0 && bytes > self.bytes_max) {
            return false;
        }
        self.left -= 1;
        self.bytes = bytes;
        true
    }
}

fn once_bytes(id: &Key) -> usize {
    2 * id.bytes().len() + ONCE_BYTES
}

fn tell(turn: &mut Turn<'_>, change: QueueChange) {
    turn.tell(&change).expect("an enum of numbers encodes");
}

/// The largest item: what stands around it in a delivery has to fit the frame too.
const ITEM_BYTES_MAX: usize = config::BODY_BYTES_MAX - 1_024;
/// What a page has at most, so that others have their turns between.
const PAGE_BYTES: usize = 256 << 10;
/// What an item takes in a list beside its bytes.
const ENTRY_BYTES: usize = 5;
/// What an id takes beside its own bytes.
const ONCE_BYTES: usize = 160;
