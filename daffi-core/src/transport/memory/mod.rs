//! Connections within one process, with faults on demand.
//!
//! For a node beside its controller, and for tests: a link can be slow, freeze or break, by hand ([`links`]) or
//! by chance from a seed ([`inject`]). Both ends are gone together, so a link that breaks ends its session at once;
//! one to a name that ends with `?resume` leaves it for a while, as links between machines do.

mod connection;
mod faults;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use futures::future::BoxFuture;
use tokio::sync::mpsc;

pub use faults::{Faults, Link};

use self::connection::End;
use self::wire::{Side, Wire};
use super::{Address, Connection, DialError, Listener};
use crate::error::BindError;

/// Connections that may wait to be accepted.
const WAITING_MAX: usize = 4_096;

/// Every name that is listened on, has faults, or has live connections.
static PLACES: Mutex<BTreeMap<String, Place>> = Mutex::new(BTreeMap::new());

/// Lets connections made to `memory://name` from now on suffer `faults`; `Faults::default()` ends that.
///
/// It holds whoever listens there, so a controller that is started again under its name has them too.
pub fn inject(name: &str, faults: Faults) {
    let mut places = places();
    let place = places.entry(name.to_owned()).or_default();
    place.faults = faults;
    place.dialled = 0;
    forget_unused(&mut places);
}

/// The live connections made to `memory://name`, oldest first, whether or not somebody still listens.
pub fn links(name: &str) -> Vec<Link> {
    let places = places();
    let wires = places.get(name).into_iter().flat_map(|place| &place.wires);
    wires.filter_map(Weak::upgrade).filter(|wire| wire.is_live()).map(Link::new).collect()
}

pub(super) fn listen(name: &str) -> Result<Arc<dyn Listener>, BindError> {
    let mut places = places();
    let place = places.entry(name.to_owned()).or_default();
    if place.waiting.is_some() {
        return Err(BindError::InUse { address: Address::Memory(name.to_owned()).to_string() });
    }
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    place.waiting = Some(sender);
    Ok(Arc::new(MemoryListener {
        name: name.to_owned(),
        address: Address::Memory(name.to_owned()),
        waiting: Mutex::new(waiting),
    }))
}

pub(super) fn dial(name: &str) -> Result<Arc<dyn Connection>, DialError> {
    let address = Address::Memory(name.to_owned()).to_string();
    let unreachable = |reason: &str| DialError::Unreachable(format!("{address}: {reason}"));
    let mut places = places();
    forget_unused(&mut places);
    let nobody = || unreachable("nobody in this process listens there");
    let place = places.get_mut(name).ok_or_else(nobody)?;
    let sender = place.waiting.clone().ok_or_else(nobody)?;
    if place.faults.refuses {
        return Err(unreachable("connection refused"));
    }
    let number = place.dialled;
    place.dialled += 1;
    let wire = Arc::new(Wire::new(&place.faults, number));
    let theirs = End::new(Arc::clone(&wire), Side::Listener, address.clone());
    let ours = End::new(Arc::clone(&wire), Side::Dialler, address.clone());
    match sender.try_send(Arc::new(theirs)) {
        Ok(()) => {
            place.wires.push(Arc::downgrade(&wire));
            Ok(Arc::new(ours))
        }
        Err(mpsc::error::TrySendError::Full(_)) => Err(unreachable("too many connections are waiting there")),
        Err(mpsc::error::TrySendError::Closed(_)) => Err(nobody()),
    }
}

/// What is known of one name.
#[derive(Debug, Default)]
struct Place {
    waiting: Option<mpsc::Sender<Arc<dyn Connection>>>,
    faults: Faults,
    /// Connections made since the faults were set: the number of each decides its share of chance.
    dialled: u64,
    wires: Vec<Weak<Wire>>,
}

fn places() -> MutexGuard<'static, BTreeMap<String, Place>> {
    PLACES.lock().expect("nothing panics while it is held")
}

fn forget_unused(places: &mut BTreeMap<String, Place>) {
    places.retain(|_, place| {
        place.wires.retain(|wire| wire.strong_count() > 0);
        place.waiting.is_some() || place.faults != Faults::default() || !place.wires.is_empty()
    });
}

#[derive(Debug)]
struct MemoryListener {
    name: String,
    address: Address,
    waiting: Mutex<mpsc::Receiver<Arc<dyn Connection>>>,
}

impl Listener for MemoryListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Connection>>> {
        Box::pin(std::future::poll_fn(|cx| {
            let mut waiting = self.waiting.lock().expect("nothing panics while it is held");
            // The sender is kept until the listener is dropped, so the channel does not end before.
            waiting.poll_recv(cx).map(|next| next.ok_or_else(|| io::ErrorKind::NotConnected.into()))
        }))
    }

    fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        let mut places = places();
        if let Some(place) = places.get_mut(&self.name) {
            place.waiting = None;
        }
        forget_unused(&mut places);
    }
}
