//! What is read of a queue: it may have been made up, so what follows from the rest of it is not taken at its word.

use imbl::{OrdMap, OrdSet};
use serde::Deserialize;

use super::{Once, Order, Stock, once_bytes};
use crate::datatypes::lease::{Item, Leases, QueueSettings, Stamp};
use crate::error::DataError;
use crate::hosted::{Key, Time};

/// As a [`Stock`] is saved.
#[derive(Deserialize)]
#[serde(bound = "")]
pub(super) struct Saved<O: Order> {
    order: O,
    leases: Leases<O::Place>,
    later: OrdMap<(Time, Stamp), (O::Place, Item)>,
    dead: OrdMap<Stamp, (O::Place, Item)>,
    settings: QueueSettings,
    ends: Option<Time>,
    once: Once,
    last: Stamp,
}

impl<O: Order> TryFrom<Saved<O>> for Stock<O> {
    type Error = DataError;

    fn try_from(saved: Saved<O>) -> Result<Self, DataError> {
        let Saved { order, leases, later, dead, settings, ends, once, last } = saved;
        settings.check()?;
        let given = later.keys().map(|(_, stamp)| *stamp).chain(dead.keys().copied());
        let given = given.chain(leases.items().map(|(stamp, _)| stamp));
        let last = given.fold(last, Stamp::max);
        if !last.has_successors() {
            return Err(DataError::invalid(format!("no number comes after {last}")));
        }
        let ready_bytes = order.walk(None).map(|(_, item)| O::bytes(item)).sum();
        let others = later.values().chain(dead.values()).map(|(_, item)| item);
        let others = others.chain(leases.items().map(|(_, item)| item));
        let other_bytes =
            others.map(Item::bytes).sum::<usize>() + once.until.keys().map(once_bytes).sum::<usize>();
        Ok(Self { order, leases, later, dead, settings, ends, once, last, ready_bytes, other_bytes })
    }
}

impl From<OrdMap<Key, Time>> for Once {
    fn from(until: OrdMap<Key, Time>) -> Self {
        let by_time: OrdSet<(Time, Key)> = until.iter().map(|(id, until)| (*until, id.clone())).collect();
        Self { until, by_time }
    }
}

impl From<Once> for OrdMap<Key, Time> {
    fn from(once: Once) -> Self {
        once.until
    }
}
