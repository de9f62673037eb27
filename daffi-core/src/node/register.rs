//! What a node offers: told to each controller it connects to, and changed while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::link::Link;
use super::state::Status;
use super::{Node, Shared};
use crate::callback::{Callback, Offer};
use crate::config;
use crate::error::{CallError, Ran, RegisterError, Result};
use crate::name::CallbackName;
use crate::wire::{Kind, Offered, Register, Signature, Unregister};

/// Tells the controller everything that this node offers; the node is then ready for calls.
pub(crate) async fn announce(shared: &Arc<Shared>, link: &Link) -> Result<(), CallError> {
    let mut told: BTreeMap<u32, CallbackName> = BTreeMap::new();
    let mut is_first = true;
    loop {
        let (added, removed) = {
            let offers = shared.serve.offers();
            let is_new = |id: &u32| !told.contains_key(id);
            let added = offers.iter().filter(|(id, _)| is_new(id));
            let mut added: Vec<Offered> = added.map(|(id, callback)| offered(*id, callback)).collect();
            added.sort_by_key(|offered| offered.id);
            let removed = told.iter().filter(|(id, _)| !offers.contains_key(id));
            let removed: Vec<(u32, CallbackName)> = removed.map(|(id, name)| (*id, name.clone())).collect();
            if !is_first && added.is_empty() && removed.is_empty() {
                // Under this lock: whoever changes the offer from now on finds the node connected, and tells
                // the controller itself.
                let mut state = shared.lock();
                if matches!(state.status, Status::Ended) {
                    return Err(CallError::Disconnected { ran: Ran::No });
                }
                state.status = Status::Connected(link.outbound.clone());
                return Ok(());
            }
            (added, removed)
        };
        if !removed.is_empty() {
            let names = removed.iter().map(|(_, name)| name.clone()).collect();
            shared.send_control(&link.outbound, Kind::Unregister, &Unregister { names }.encode())?.await?;
            told.retain(|id, _| !removed.iter().any(|(gone, _)| gone == id));
        }
        if is_first || !added.is_empty() {
            told.extend(added.iter().map(|offered| (offered.id, offered.signature.name.clone())));
            tell(shared, link, added).await?;
        }
        is_first = false;
    }
}

/// Names withdrawn in one frame: well below the largest one, however long they are.
const NAMES_PER_FRAME: usize = 1_024;

/// Offers nothing any more: nobody shall choose a node that is stopping. Once the controller has answered, the calls for
/// which it had chosen this node are here.
pub(crate) async fn retire(shared: &Arc<Shared>, link: &Link) {
    let mut names: Vec<CallbackName> =
        shared.serve.offers().values().map(|offered| offered.name().clone()).collect();
    // Whoever listens hears of them in this order.
    names.sort();
    let tell = |names: &[CallbackName]| {
        let unregister = Unregister { names: names.to_vec() };
        // A link without room for it is about to end.
        shared.send_control(&link.outbound, Kind::Unregister, &unregister.encode()).ok()
    };
    let told: Vec<_> = names.chunks(NAMES_PER_FRAME).filter_map(tell).collect();
    for answer in told {
        // Whatever it says, there is no more to be done.
        drop(answer.await);
    }
}

/// In frames of a bearable size; the last one says that it is.
async fn tell(shared: &Arc<Shared>, link: &Link, offers: Vec<Offered>) -> Result<(), CallError> {
    let frames = frames(offers);
    let send = |register: &Register| shared.send_control(&link.outbound, Kind::Register, &register.encode());
    let answers: Vec<_> = frames.iter().map(send).collect::<Result<_, _>>()?;
    for answer in answers {
        answer.await?;
    }
    Ok(())
}

/// Cuts what is offered into frames of a bearable size, at least one; the last says that it is the last.
fn frames(offers: Vec<Offered>) -> Vec<Register> {
    let mut frames = Vec::new();
    let mut callbacks = Vec::new();
    let mut bytes = 0;
    for offered in offers {
        bytes += size(&offered.signature);
        callbacks.push(offered);
        if bytes >= config::REGISTER_BYTES {
            frames.push(Register { callbacks: std::mem::take(&mut callbacks), ready: false });
            bytes = 0;
        }
    }
    frames.push(Register { callbacks, ready: true });
    frames
}

/// About how many bytes a signature takes.
fn size(signature: &Signature) -> usize {
    let parameters =
        signature.parameters.iter().map(|parameter| parameter.name.len() + parameter.ty.len() + 12);
    signature.name.as_str().len()
        + signature.result.len()
        + signature.doc.len()
        + parameters.sum::<usize>()
        + SIGNATURE_BYTES_MIN
}

/// The names of a signature's fields.
const SIGNATURE_BYTES_MIN: usize = 64;

fn offered(id: u32, callback: &Callback) -> Offered {
    Offered { id, signature: callback.signature().as_ref().clone() }
}

impl Shared {
    /// Adds to what the node offers, all or none; their numbers, and what the controller must be told.
    fn offer(&self, callbacks: Vec<Callback>) -> Result<(Vec<u32>, Change), RegisterError> {
        let mut offers = self.serve.offers();
        for (at, callback) in callbacks.iter().enumerate() {
            let mut others = offers.values().map(|offered| &**offered).chain(&callbacks[..at]);
            if let Some(first) = others.find(|other| other.name() == callback.name()) {
                return Err(first.clash(callback));
            }
        }
        if offers.len() + callbacks.len() > config::CALLBACKS_PER_NODE_MAX {
            return Err(RegisterError::TooMany { limit: config::CALLBACKS_PER_NODE_MAX });
        }
        let mut state = self.lock();
        let first = state.offers + 1;
        let numbered: Vec<(u32, Callback)> = (first..).zip(callbacks).collect();
        let ids: Vec<u32> = numbered.iter().map(|(id, _)| *id).collect();
        state.offers = ids.last().copied().unwrap_or(state.offers);
        let added = numbered.iter().map(|(id, callback)| offered(*id, callback)).collect();
        let bodies = frames(added).iter().map(Register::encode).collect();
        let change = Change { status: state.status.clone(), kind: Kind::Register, bodies };
        drop(state);
        let numbered = numbered.into_iter().map(|(id, callback)| (id, Arc::new(callback)));
        Arc::make_mut(&mut *offers).extend(numbered);
        Ok((ids, change))
    }

    /// Takes those of these numbers out of what the node offers; `None` if there are none.
    fn withdraw(&self, is_meant: impl Fn(u32, &Callback) -> bool) -> Option<Change> {
        let mut offers = self.serve.offers();
        let meant = offers.iter().filter(|(id, offered)| is_meant(**id, offered));
        let meant: Vec<(u32, CallbackName)> =
            meant.map(|(id, offered)| (*id, offered.name().clone())).collect();
        if meant.is_empty() {
            return None;
        }
        let left = Arc::make_mut(&mut *offers);
        let removed: Vec<Arc<Callback>> = meant.iter().filter_map(|(id, _)| left.remove(id)).collect();
        let status = self.lock().status.clone();
        drop(offers);
        // With an instance's last method the instance goes, and what that runs is the user's: under no lock.
        drop(removed);
        let mut names: Vec<CallbackName> = meant.into_iter().map(|(_, name)| name).collect();
        // Whoever listens hears of them in this order.
        names.sort();
        let frames = names.chunks(NAMES_PER_FRAME);
        let bodies = frames.map(|names| Unregister { names: names.to_vec() }.encode()).collect();
        Some(Change { status, kind: Kind::Unregister, bodies })
    }
}

/// A change of the offer that the controller must be told of.
struct Change {
    status: Status,
    kind: Kind,
    /// Of one frame each.
    bodies: Vec<Vec<u8>>,
}

impl Change {
    async fn tell(&self, shared: &Arc<Shared>) -> Result<(), CallError> {
        match &self.status {
            Status::Connected(outbound) | Status::Away(outbound) => {
                let send = |body: &Vec<u8>| shared.send_control(outbound, self.kind, body);
                let answers: Vec<_> = self.bodies.iter().map(send).collect::<Result<_, _>>()?;
                for answer in answers {
                    answer.await?;
                }
                Ok(())
            }
            // Whoever connects tells everything.
            Status::Connecting => shared.connected(None, config::CALL_TIMEOUT).await,
            Status::Ended => Err(CallError::Disconnected { ran: Ran::No }),
        }
    }

    /// Tells the controller without waiting for its answer.
    fn mention(&self, shared: &Arc<Shared>) {
        let Some(outbound) = self.status.outbound() else { return };
        for body in &self.bodies {
            // A link that has no room for this is about to end, and with it what was registered.
            drop(shared.send_control(outbound, self.kind, body));
        }
    }
}

impl Node {
    /// Offers a callback, or the methods of a value, from now on, also after reconnecting, until the returned
    /// [`Registration`] is dropped.
    ///
    /// A value is of a type whose `impl` is under `#[callback]`, or an [`Arc`] of one, if the program keeps its own
    /// handle. A node offers one instance of a type. Where a type has several such blocks, the type parameter says
    /// which is meant: `node.register::<dyn Shop>(value)` for that of a trait, `node.register::<Orders>(value)` for the
    /// type's own.
    ///
    /// # Errors
    /// [`RegisterError`] if the node offers a name already, or as many as it may, or the controller refuses. Then none
    /// of them is offered.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing of it is then offered.
    pub fn register<By: ?Sized>(&self, offer: impl Offer<By>) -> BoxFuture<'_, Result<Registration>> {
        // A future that does not depend on the type: rustc would else report a value with nothing to offer three times.
        Box::pin(self.register_all(Offer::callbacks(Arc::new(offer))))
    }

    async fn register_all(&self, callbacks: Vec<Callback>) -> Result<Registration> {
        let names = callbacks.iter().map(|callback| callback.name().clone()).collect();
        let (ids, change) = self.shared().offer(callbacks)?;
        let registration = Registration { shared: Arc::clone(self.shared()), names, ids, is_kept: false };
        match change.tell(self.shared()).await {
            // A link that broke in between does no harm: whoever reconnects tells everything.
            Ok(()) | Err(CallError::Disconnected { .. }) => Ok(registration),
            Err(error) => Err(RegisterError::NotTaken(error).into()),
        }
    }

    /// Offers the callback of this name no more. `false` if it was not offered.
    ///
    /// Calls of it that have arrived are still run.
    ///
    /// # Errors
    /// [`CallError`] if the controller refuses.
    ///
    /// # Cancel safety
    /// Cancel safe: it is withdrawn in any case.
    pub async fn unregister(&self, name: &str) -> Result<bool> {
        let is_meant = |_, offered: &Callback| offered.name().as_str() == name;
        let Some(change) = self.shared().withdraw(is_meant) else { return Ok(false) };
        match change.tell(self.shared()).await {
            Ok(()) | Err(CallError::Disconnected { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// What [`Node::register`] has put on offer: a callback, or the methods of an instance. Dropping it withdraws them all.
/// Calls that have arrived are still run; the instance is dropped after the last of them.
#[derive(Debug)]
#[must_use = "dropping it withdraws what was registered; `.keep()` it"]
pub struct Registration {
    shared: Arc<Shared>,
    names: Vec<CallbackName>,
    ids: Vec<u32>,
    is_kept: bool,
}

impl Registration {
    /// The names of the callbacks.
    pub fn names(&self) -> &[CallbackName] {
        &self.names
    }

    /// Leaves the callbacks on offer for as long as the node lives.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // By number: another callback may have taken a name since.
        if let Some(change) = self.shared.withdraw(|id, _| self.ids.contains(&id)) {
            change.mention(&self.shared);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Effect;

    fn large(id: u32) -> Offered {
        let signature = Signature {
            name: CallbackName::new(&format!("f{id}")).expect("a name"),
            parameters: Vec::new(),
            result: "()".into(),
            doc: "x".repeat(config::REGISTER_BYTES / 3),
            effect: Effect::Once,
            variadic: false,
        };
        Offered { id, signature }
    }

    #[test]
    fn what_is_offered_is_cut_into_frames_and_the_last_says_so() {
        for count in [0, 1, 3, 10] {
            let frames = frames((0..count).map(large).collect());

            let offered = frames.iter().flat_map(|frame| &frame.callbacks).map(|offered| offered.id);
            assert!(offered.eq(0..count), "each of {count} once");
            let (last, others) = frames.split_last().expect("there is always one");
            assert!(last.ready && others.iter().all(|frame| !frame.ready));
            assert!(frames.iter().all(|frame| frame.callbacks.len() <= 3));
        }
    }
}
