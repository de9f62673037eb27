//! A naive model: all items in a list.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Kind;
use crate::datatypes::lease::{Delivery, QueueCounts, QueueSettings, Receipt, WhenFull};

/// Where an item is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum At {
    Ready,
    Later { due: u64, turn: u64 },
    Lent { session: u64, until: u64, receipt: Receipt },
    Dead { turn: u64 },
}

/// An item. Those of lower keys leave first; with none yet, it has no place.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) value: u8,
    pub(super) deliveries: u32,
    pub(super) key: Option<(Reverse<i64>, Reverse<bool>, i64)>,
    pub(super) at: At,
}

/// All items in a list.
#[derive(Debug)]
pub(super) struct Naive {
    pub(super) kind: Kind,
    pub(super) items: Vec<Entry>,
    pub(super) settings: QueueSettings,
    pub(super) ends: Option<u64>,
    pub(super) once: BTreeMap<u8, u64>,
    pub(super) now: u64,
    pub(super) session: u64,
    /// Goes up with all that happens.
    pub(super) turn: u64,
    /// The places at the end and before the first.
    pub(super) next: i64,
    pub(super) first: i64,
    pub(super) receipts: Vec<Receipt>,
}

impl Naive {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            items: Vec::new(),
            settings: QueueSettings::default(),
            ends: None,
            once: BTreeMap::new(),
            now: 0,
            session: 0,
            turn: 0,
            next: 0,
            first: 0,
            receipts: Vec::new(),
        }
    }

    /// Which items can be had, the first first.
    pub(super) fn ready(&self) -> Vec<usize> {
        let mut ready: Vec<usize> =
            (0..self.items.len()).filter(|at| self.items[*at].at == At::Ready).collect();
        ready.sort_by_key(|at| self.items[*at].key);
        ready
    }

    pub(super) fn content(&self) -> Vec<u8> {
        self.ready().into_iter().map(|at| self.items[at].value).collect()
    }

    pub(super) fn waiting(&self) -> usize {
        self.items.iter().filter(|item| matches!(item.at, At::Ready | At::Later { .. })).count()
    }

    /// Whether so many more may be pushed: yes, no, or not now.
    pub(super) fn admits(&self, more: usize) -> Result<bool, ()> {
        let Some(max) = self.settings.length_max.map(|max| max as usize) else { return Ok(true) };
        match self.settings.when_full {
            _ if self.waiting() + more <= max => Ok(true),
            WhenFull::Discard => Ok(true),
            WhenFull::Wait if more <= max => Ok(false),
            WhenFull::Wait | WhenFull::Refuse => Err(()),
        }
    }

    pub(super) fn new_key(
        &mut self,
        priority: i64,
        is_vip: bool,
    ) -> Option<(Reverse<i64>, Reverse<bool>, i64)> {
        self.next += 1;
        Some((Reverse(priority), Reverse(is_vip), self.next))
    }

    pub(super) fn push(&mut self, value: u8, priority: i64, is_vip: bool) {
        let key = self.new_key(priority, is_vip);
        self.items.push(Entry { value, deliveries: 0, key, at: At::Ready });
        self.renew(self.now);
        self.shorten();
    }

    pub(super) fn shorten(&mut self) {
        let Some(max) = self.settings.length_max.filter(|_| self.settings.when_full == WhenFull::Discard)
        else {
            return;
        };
        while self.waiting() > max as usize {
            let ready = self.ready();
            let dropped = if self.kind == Kind::Fifo { ready.first() } else { ready.last() };
            let dropped = dropped.copied().unwrap_or_else(|| self.first_later());
            self.items.remove(dropped);
        }
    }

    pub(super) fn first_later(&self) -> usize {
        let due = |item: &Entry| match item.at {
            At::Later { due, turn } => Some((due, turn)),
            At::Ready | At::Lent { .. } | At::Dead { .. } => None,
        };
        let later = (0..self.items.len()).filter_map(|at| Some((due(&self.items[at])?, at)));
        later.min().expect("something waits").1
    }

    pub(super) fn renew(&mut self, at: u64) {
        self.ends = self.settings.ttl.map(|ttl| at + ttl.as_millis() as u64);
    }

    /// An item comes to where it can be had.
    pub(super) fn come(&mut self, at: usize) {
        let same = |other: &usize| self.items[*other].value == self.items[at].value;
        if let Some(other) = self.ready().into_iter().find(same).filter(|_| self.kind == Kind::Unique) {
            let away = self.items[at].deliveries;
            let kept = &mut self.items[other].deliveries;
            *kept = away.max(*kept);
            self.items.remove(at);
            return;
        }
        self.items[at].at = At::Ready;
        if self.items[at].key.is_none() {
            self.items[at].key = self.new_key(0, false);
        }
    }

    pub(super) fn give_back(&mut self, at: usize, when: u64, delay: u64) {
        self.turn += 1;
        if self.settings.deliveries_max.is_some_and(|max| self.items[at].deliveries >= max) {
            self.items[at].at = At::Dead { turn: self.turn };
            return;
        }
        if self.ends.is_none() {
            self.renew(when);
        }
        if delay == 0 {
            self.come(at);
        } else {
            self.items[at].at = At::Later { due: when + delay, turn: self.turn };
        }
    }

    pub(super) fn take(&mut self, at: usize) -> u8 {
        self.items.remove(at).value
    }

    pub(super) fn take_several(&mut self, which: impl Fn(&Self) -> Option<usize>, num: u64) -> Vec<u8> {
        let mut taken = Vec::new();
        while (taken.len() as u64) < num {
            let Some(at) = which(self) else { break };
            taken.push(self.take(at));
        }
        taken
    }

    pub(super) fn lend(&mut self, delivery: &Delivery, lease_ms: Option<u64>) {
        let at = self.ready()[0];
        let item = &mut self.items[at];
        item.deliveries += 1;
        assert_eq!((delivery.value.get(), delivery.deliveries), (Ok(item.value), item.deliveries));
        let until = self.now + lease_ms.unwrap_or(self.settings.lease.as_millis() as u64);
        item.at = At::Lent { session: self.session, until, receipt: delivery.receipt };
        assert!(!self.receipts.contains(&delivery.receipt), "receipts are never used twice");
        self.receipts.push(delivery.receipt);
    }

    /// A receipt that was given once, and the item that is still lent by it.
    pub(super) fn lent(&self, which: usize) -> Option<(Receipt, Option<usize>)> {
        let receipt = *self.receipts.get(which.checked_rem(self.receipts.len())?)?;
        let is_lent = |item: &Entry| matches!(item.at, At::Lent { receipt: by, .. } if by == receipt);
        Some((receipt, self.items.iter().position(is_lent)))
    }

    pub(super) fn clear(&mut self) -> u64 {
        let cleared = self.waiting();
        self.items.retain(|item| matches!(item.at, At::Lent { .. } | At::Dead { .. }));
        cleared as u64
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms;
        loop {
            let lease = |at: usize| match self.items[at].at {
                At::Lent { until, receipt, .. } => Some((until, receipt, at)),
                At::Ready | At::Later { .. } | At::Dead { .. } => None,
            };
            let later = |at: usize| match self.items[at].at {
                At::Later { due, turn } => Some((due, turn, at)),
                At::Ready | At::Lent { .. } | At::Dead { .. } => None,
            };
            let all = 0..self.items.len();
            let (lease, later) = (all.clone().filter_map(lease).min(), all.filter_map(later).min());
            let ends = self.ends.map(|ends| (ends, 0));
            let events = [ends, lease.map(|lease| (lease.0, 1)), later.map(|later| (later.0, 2))];
            let Some(event) = events.into_iter().flatten().min().filter(|event| event.0 <= self.now) else {
                break;
            };
            match (event.1, lease, later) {
                (1, Some((until, _, at)), _) => self.give_back(at, until, 0),
                (2, _, Some((_, _, at))) => self.come(at),
                _ => {
                    self.clear();
                    self.ends = None;
                }
            }
        }
        self.once.retain(|_, until| *until > self.now);
    }

    pub(super) fn end_session(&mut self) {
        let session = self.session;
        let is_its = |item: &Entry| matches!(item.at, At::Lent { session: of, .. } if of == session);
        // In the order in which they were lent.
        let receipt = |item: &Entry| match item.at {
            At::Lent { receipt, .. } => Some(receipt),
            At::Ready | At::Later { .. } | At::Dead { .. } => None,
        };
        while let Some(first) = self.items.iter().filter(|item| is_its(item)).map(receipt).min() {
            let at = self.items.iter().position(|item| receipt(item) == first);
            self.give_back(at.expect("it is there"), self.now, 0);
        }
        self.session += 1;
    }

    pub(super) fn dead(&self) -> Vec<usize> {
        let turn = |at: usize| match self.items[at].at {
            At::Dead { turn } => Some((turn, at)),
            At::Ready | At::Later { .. } | At::Lent { .. } => None,
        };
        let mut dead: Vec<(u64, usize)> = (0..self.items.len()).filter_map(turn).collect();
        dead.sort_unstable();
        dead.into_iter().map(|(_, at)| at).collect()
    }

    pub(super) fn counts(&self) -> QueueCounts {
        let count = |is: fn(&At) -> bool| self.items.iter().filter(|item| is(&item.at)).count() as u64;
        QueueCounts {
            ready: count(|at| matches!(at, At::Ready)),
            delayed: count(|at| matches!(at, At::Later { .. })),
            leased: count(|at| matches!(at, At::Lent { .. })),
            dead: count(|at| matches!(at, At::Dead { .. })),
        }
    }
}
