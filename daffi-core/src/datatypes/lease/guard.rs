//! What consumers hold of the items that they were lent.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{DeadItem, Delivery, Receipt};
use crate::api::{Object, Operation};
use crate::callback::Wire;
use crate::datatypes::pages::Pages;
use crate::error::DataError;
use crate::hosted::{Key, Value};
use crate::node::{Flight, OnDrop, Request};

/// An item that was lent: dereferences to its value. Dropped, it goes back to its place in the queue at once.
///
/// It belongs to the session of its node: if that ends, or the lease is over, the item goes back too, and the
/// receipt is stale. Its consumer then learns from [`ack`](Self::ack) that somebody else may have the item.
#[must_use = "dropping it gives the item back"]
pub struct Leased<T> {
    value: T,
    lease: Lease,
}

/// A [`Leased`] item without its value. Dropped, it goes back to its place in the queue at once.
#[must_use = "dropping it gives the item back"]
pub struct Lease {
    object: Object,
    names: &'static Names,
    receipt: Receipt,
    deliveries: u32,
    is_over: bool,
}

/// What the operations on leases of a kind of queue are called.
#[derive(Debug)]
pub(in crate::datatypes) struct Names {
    pub(in crate::datatypes) ack: &'static str,
    pub(in crate::datatypes) nack: &'static str,
    pub(in crate::datatypes) extend: &'static str,
}

impl<T> Leased<T> {
    /// What it was lent by.
    pub fn receipt(&self) -> Receipt {
        self.lease.receipt
    }

    /// How often the item was lent, this time included.
    pub fn deliveries(&self) -> u32 {
        self.lease.deliveries
    }

    /// The value, and the lease by itself.
    pub fn into_parts(self) -> (T, Lease) {
        (self.value, self.lease)
    }

    /// As [`Lease::ack`].
    pub fn ack(self) -> Operation<()> {
        self.lease.ack()
    }

    /// As [`Lease::nack`].
    pub fn nack(self, delay: Duration) -> Operation<()> {
        self.lease.nack(delay)
    }

    /// As [`Lease::extend`].
    pub fn extend(&self, time: impl Into<Option<Duration>>) -> Operation<()> {
        self.lease.extend(time)
    }
}

impl Lease {
    /// What it was lent by.
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// How often the item was lent, this time included.
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// Says that the item is done with: it is gone then.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if the receipt is stale: the item went back, and another consumer may have it or be done
    /// with it.
    ///
    /// # Cancel safety
    /// Dropped before it has ended, it gives the item back if it was not done with by then.
    pub fn ack(self) -> Operation<()> {
        let body = &(self.object.name(), self.receipt);
        let operation = Operation::<()>::at_once(&self.object, self.names.ack, body);
        operation.map(move |()| self.settle())
    }

    /// Gives the item back: to its place after `delay`, or, if it was lent as often as it may be, to the dead.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    ///
    /// # Cancel safety
    /// Dropped before it has ended, it gives the item back, perhaps without the delay.
    pub fn nack(self, delay: Duration) -> Operation<()> {
        let body = &(self.object.name(), self.receipt, milliseconds(delay));
        let operation = Operation::<()>::at_once(&self.object, self.names.nack, body);
        operation.map(move |()| self.settle())
    }

    /// Keeps the item for `time` from now on, or for as long as the queue's settings say.
    ///
    /// # Errors
    /// As [`ack`](Self::ack), and [`DataError::Invalid`] for no time at all.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub fn extend(&self, time: impl Into<Option<Duration>>) -> Operation<()> {
        let body = &(self.object.name(), self.receipt, time.into().map(milliseconds));
        Operation::at_once(&self.object, self.names.extend, body)
    }

    fn settle(mut self) {
        self.is_over = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Of an operation whose reply never came this may be the second word on the lease. It is refused then, and
        // nobody minds.
        let request = Request::to_controller(self.names.nack, &(self.object.name(), self.receipt, 0_u64));
        let mut flight = Flight::new(Arc::clone(self.object.node().shared()), request);
        flight.set_on_drop(OnDrop::Detach);
        flight.launch();
    }
}

impl<T> Deref for Leased<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Leased<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leased").field("value", &self.value).field("lease", &self.lease).finish()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("queue", &self.object.name())
            .field("receipt", &self.receipt)
            .field("deliveries", &self.deliveries)
            .finish_non_exhaustive()
    }
}

/// An item that was lent as often as it may be, and came back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter<T> {
    /// The item.
    pub value: T,
    /// How often it was lent.
    pub deliveries: u32,
}

/// What makes a lease of a delivery. One whose value is no `T` goes back.
pub(in crate::datatypes) fn leased<T: DeserializeOwned>(
    object: &Object,
    names: &'static Names,
) -> impl FnMut(Delivery) -> Result<Leased<T>, DataError> + Send + use<T> {
    let object = object.clone();
    move |Delivery { receipt, value, deliveries }| {
        let lease = Lease { object: object.clone(), names, receipt, deliveries, is_over: false };
        Ok(Leased { value: value.get()?, lease })
    }
}

/// The values of several items.
#[expect(clippy::needless_pass_by_value, reason = "it is what an operation hands on")]
pub(in crate::datatypes) fn batch<T: DeserializeOwned>(values: Vec<Value>) -> Result<Vec<T>, DataError> {
    values.iter().map(Value::get).collect()
}

/// The values of several dead items.
pub(in crate::datatypes) fn dead_letters<T: DeserializeOwned>(
    items: impl IntoIterator<Item = DeadItem>,
) -> Result<Vec<DeadLetter<T>>, DataError> {
    let letter = |item: DeadItem| Ok(DeadLetter { value: item.value.get()?, deliveries: item.deliveries });
    items.into_iter().map(letter).collect()
}

/// A walk over a queue, of which `page` reads the entries after a mark.
pub(in crate::datatypes) fn pages<T: Wire, M: Wire>(
    object: &Object,
    mut page: impl FnMut(Option<M>) -> Operation<Vec<(M, Value)>> + Send + 'static,
) -> Pages<T> {
    let read = move |after: Option<Key>| {
        Operation::of(|| {
            let after = after.map(|mark| mark.get()).transpose()?;
            Ok::<_, DataError>(page(after).and_then(|entries| {
                // An empty page is the last: the others may end early, for their bytes.
                let has_more = !entries.is_empty();
                let keyed = entries.into_iter().map(|(mark, value)| Ok((Key::of(&mark)?, value)));
                Ok((keyed.collect::<Result<_, DataError>>()?, has_more))
            }))
        })
    };
    Pages::new(object, read, |_, value: Value| value.get())
}

/// How a duration travels: in whole milliseconds, and none is too short for one.
pub(in crate::datatypes) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
