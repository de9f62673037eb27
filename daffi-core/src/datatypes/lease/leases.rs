//! Who was lent what, and until when.

use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Item, Receipt, Stamp};
use crate::error::DataError;
use crate::hosted::{SessionId, Time, Turn};

/// The items of a queue that consumers have, each with the place that it comes back to. What is saved is who holds what:
/// the rest follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    from = "OrdMap<Stamp, Held<P>>",
    into = "OrdMap<Stamp, Held<P>>",
    bound(serialize = "P: Serialize", deserialize = "P: DeserializeOwned")
)]
pub(in crate::datatypes) struct Leases<P: Clone> {
    held: OrdMap<Stamp, Held<P>>,
    by_time: OrdSet<(Time, Stamp)>,
    by_session: OrdSet<(SessionId, Stamp)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Held<P> {
    place: P,
    item: Item,
    session: SessionId,
    until: Time,
}

impl<P: Clone> Default for Leases<P> {
    fn default() -> Self {
        Self { held: OrdMap::new(), by_time: OrdSet::new(), by_session: OrdSet::new() }
    }
}

impl<P: Clone> From<OrdMap<Stamp, Held<P>>> for Leases<P> {
    fn from(held: OrdMap<Stamp, Held<P>>) -> Self {
        let by_time = held.iter().map(|(stamp, held)| (held.until, *stamp)).collect();
        let by_session = held.iter().map(|(stamp, held)| (held.session, *stamp)).collect();
        Self { held, by_time, by_session }
    }
}

impl<P: Clone> From<Leases<P>> for OrdMap<Stamp, Held<P>> {
    fn from(leases: Leases<P>) -> Self {
        leases.held
    }
}

impl<P: Clone> Leases<P> {
    /// What is lent, the longest lent first, by what it was lent.
    pub(super) fn items(&self) -> impl Iterator<Item = (Stamp, &Item)> {
        self.held.iter().map(|(stamp, held)| (*stamp, &held.item))
    }

    /// How many items are lent.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Lends an item to the session of this turn.
    pub(super) fn lend(&mut self, turn: &mut Turn<'_>, stamp: Stamp, place: P, item: Item, lease: Duration) {
        let (session, until) = (turn.session(), turn.now().after(lease));
        self.by_time.insert((until, stamp));
        self.by_session.insert((session, stamp));
        self.held.insert(stamp, Held { place, item, session, until });
        turn.hold(session);
    }

    /// Takes an item back, with its place.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not lent by this receipt, or no longer.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, receipt: Receipt) -> Result<(P, Item), DataError> {
        self.take(turn, receipt.0).ok_or_else(|| not_held(receipt))
    }

    /// Lends an item for this long from now on.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    pub(super) fn extend(
        &mut self,
        turn: &Turn<'_>,
        receipt: Receipt,
        lease: Duration,
    ) -> Result<(), DataError> {
        let held = self.held.get_mut(&receipt.0).ok_or_else(|| not_held(receipt))?;
        self.by_time.remove(&(held.until, receipt.0));
        held.until = turn.now().after(lease);
        self.by_time.insert((held.until, receipt.0));
        Ok(())
    }

    /// When the first lease is over.
    pub(super) fn next(&self) -> Option<Time> {
        self.by_time.get_min().map(|(until, _)| *until)
    }

    /// Takes back the item whose lease is over first.
    pub(super) fn end_first(&mut self, turn: &mut Turn<'_>) -> Option<(P, Item)> {
        let (_, stamp) = *self.by_time.get_min()?;
        self.take(turn, stamp)
    }

    /// Takes back an item of the session of this turn.
    pub(super) fn end_of_session(&mut self, turn: &mut Turn<'_>) -> Option<(P, Item)> {
        let stamp = self.first_of(turn.session())?;
        self.take(turn, stamp)
    }

    /// The sessions that have something, each once.
    pub(super) fn holders(&self) -> Vec<SessionId> {
        let mut holders: Vec<SessionId> = self.by_session.iter().map(|(session, _)| *session).collect();
        holders.dedup();
        holders
    }

    fn take(&mut self, turn: &mut Turn<'_>, stamp: Stamp) -> Option<(P, Item)> {
        let Held { place, item, session, until } = self.held.remove(&stamp)?;
        self.by_time.remove(&(until, stamp));
        self.by_session.remove(&(session, stamp));
        if self.first_of(session).is_none() {
            turn.let_go(session);
        }
        Some((place, item))
    }

    fn first_of(&self, session: SessionId) -> Option<Stamp> {
        let all = (session, Stamp::default())..=(session, Stamp::LAST);
        self.by_session.range(all).next().map(|(_, stamp)| *stamp)
    }
}

fn not_held(receipt: Receipt) -> DataError {
    DataError::NotHeld { what: format!("the item of receipt {receipt}") }
}
