//! Connections within one process, with faults on demand.
//!
//! For a node beside its controller, and for tests: a link can be slow, freeze or break, by hand ([`links`]) or
//! by chance from a seed ([`inject`]). Both ends are gone together, so a link that breaks ends its session at once;
//! one to a name that ends with `?resume` leaves it for a while, as links between machines do. Whoever dials `name#who`
//! comes to `name`, and can be told from the others.

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

/// What names end with whose connections may break and go on: for tests of that.
const RESUMABLE: &str = "?resume";

/// Every name that is listened on, has faults, or has live connections.
static PLACES: Mutex<BTreeMap<String, Place>> = Mutex::new(BTreeMap::new());

/// Lets connections made to `memory://name` from now on suffer `faults`; `Faults::default()` ends that.
///
/// It holds whoever listens there, so a controller that is started again under its name has them too. Those of
/// `name#who` hold for who dials that alone, instead of those of `name`.
pub fn inject(name: &str, faults: Faults) {
    let mut places = places();
    let (name, who) = split(name);
    let place = places.entry(name.to_owned()).or_default();
    let chance = Chance { faults, dialled: 0 };
    match who {
        Some(who) if chance.is_none() => drop(place.own.remove(who)),
        Some(who) => drop(place.own.insert(who.to_owned(), chance)),
        None => place.chance = chance,
    }
    forget_unused(&mut places);
}

/// The live connections made to `memory://name`, oldest first, whether or not somebody still listens. Of `name#who`
/// only those of who dialled that.
pub fn links(name: &str) -> Vec<Link> {
    let places = places();
    let (name, wanted) = split(name);
    let wires = places.get(name).into_iter().flat_map(|place| &place.wires);
    let wires = wires.filter(|(who, _)| wanted.is_none() || who.as_deref() == wanted);
    let wires = wires.filter_map(|(_, wire)| wire.upgrade()).filter(|wire| wire.is_live());
    wires.map(Link::new).collect()
}

/// The name that is listened on, and who dials it, if that is said.
fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once('#').map_or((name, None), |(name, who)| (name, Some(who)))
}

pub(super) fn listen(name: &str) -> Result<Arc<dyn Listener>, BindError> {
    let mut places = places();
    let (name, _) = split(name);
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
    let (name, who) = split(name);
    let place = places.get_mut(name).ok_or_else(nobody)?;
    let sender = place.waiting.clone().ok_or_else(nobody)?;
    let chance = who.and_then(|who| place.own.get_mut(who)).unwrap_or(&mut place.chance);
    if chance.faults.refuses {
        return Err(unreachable("connection refused"));
    }
    let wire = Arc::new(chance.wire());
    let may_resume = name.ends_with(RESUMABLE);
    let theirs = End::new(Arc::clone(&wire), Side::Listener, address.clone(), may_resume);
    let ours = End::new(Arc::clone(&wire), Side::Dialler, address.clone(), may_resume);
    match sender.try_send(Arc::new(theirs)) {
        Ok(()) => {
            place.wires.push((who.map(str::to_owned), Arc::downgrade(&wire)));
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
    chance: Chance,
    /// Of those who say who they are, and have faults of their own.
    own: BTreeMap<String, Chance>,
    /// And who dialled.
    wires: Vec<(Option<String>, Weak<Wire>)>,
}

/// What those who dial suffer.
#[derive(Debug, Default)]
struct Chance {
    faults: Faults,
    /// Connections made since the faults were set: the number of each decides its share of chance.
    dialled: u64,
}

impl Chance {
    fn is_none(&self) -> bool {
        self.faults == Faults::default()
    }

    fn wire(&mut self) -> Wire {
        let number = self.dialled;
        self.dialled += 1;
        Wire::new(&self.faults, number)
    }
}

fn places() -> MutexGuard<'static, BTreeMap<String, Place>> {
    PLACES.lock().expect("nothing panics while it is held")
}

fn forget_unused(places: &mut BTreeMap<String, Place>) {
    places.retain(|_, place| {
        place.wires.retain(|(_, wire)| wire.strong_count() > 0);
        let has_faults = !place.chance.is_none() || !place.own.is_empty();
        place.waiting.is_some() || has_faults || !place.wires.is_empty()
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
