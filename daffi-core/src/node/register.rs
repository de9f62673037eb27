//! What a node offers: told to each controller it connects to, and changed while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::link::Link;
use super::state::Status;
use super::{Node, Shared};
use crate::callback::Callback;
use crate::config;
use crate::error::{CallError, RegisterError, Result};
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
                shared.lock().status = Status::Connected(link.outbound.clone());
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

/// Offers nothing any more: nobody shall choose a node that is stopping.
pub(crate) fn retire(shared: &Arc<Shared>, link: &Link) {
    let mut names: Vec<CallbackName> =
        shared.serve.offers().values().map(|offered| offered.name().clone()).collect();
    // Whoever listens hears of them in this order.
    names.sort();
    for names in names.chunks(NAMES_PER_FRAME) {
        let unregister = Unregister { names: names.to_vec() };
        // Its answer makes no difference, and a link without room for it is about to end.
        drop(shared.send_control(&link.outbound, Kind::Unregister, &unregister.encode()));
    }
}

/// In frames of a bearable size; the last one says that it is.
async fn tell(shared: &Arc<Shared>, link: &Link, offers: Vec<Offered>) -> Result<(), CallError> {
    let mut answers = Vec::new();
    let mut callbacks = Vec::new();
    let mut bytes = 0;
    for offered in offers {
        bytes += size(&offered.signature);
        callbacks.push(offered);
        if bytes >= config::REGISTER_BYTES {
            let register = Register { callbacks: std::mem::take(&mut callbacks), ready: false };
            answers.push(shared.send_control(&link.outbound, Kind::Register, &register.encode())?);
            bytes = 0;
        }
    }
    let register = Register { callbacks, ready: true };
    answers.push(shared.send_control(&link.outbound, Kind::Register, &register.encode())?);
    for answer in answers {
        answer.await?;
    }
    Ok(())
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
    /// Adds to what the node offers; its number, and the link to tell if there is one.
    fn offer(&self, callback: Callback) -> Result<(u32, Offer), RegisterError> {
        let mut offers = self.serve.offers();
        if let Some(first) = offers.values().find(|offered| offered.name() == callback.name()) {
            return Err(RegisterError::Duplicate {
                name: callback.name().to_string(),
                first: first.place().to_owned(),
                second: callback.place().to_owned(),
            });
        }
        if offers.len() >= config::CALLBACKS_PER_NODE_MAX {
            return Err(RegisterError::TooMany { limit: config::CALLBACKS_PER_NODE_MAX });
        }
        let mut state = self.lock();
        state.offers += 1;
        let id = state.offers;
        let register = Register { callbacks: vec![offered(id, &callback)], ready: true };
        let offer = Offer { status: state.status.clone(), kind: Kind::Register, body: register.encode() };
        drop(state);
        Arc::make_mut(&mut *offers).insert(id, Arc::new(callback));
        Ok((id, offer))
    }

    fn withdraw(&self, name: &str) -> Option<Offer> {
        let mut offers = self.serve.offers();
        let (id, name) = offers
            .iter()
            .find(|(_, offered)| offered.name().as_str() == name)
            .map(|(id, offered)| (*id, offered.name().clone()))?;
        Arc::make_mut(&mut *offers).remove(&id);
        let status = self.lock().status.clone();
        let body = Unregister { names: vec![name] }.encode();
        Some(Offer { status, kind: Kind::Unregister, body })
    }
}

/// A change of the offer that the controller must be told of.
struct Offer {
    status: Status,
    kind: Kind,
    body: Vec<u8>,
}

impl Offer {
    async fn tell(&self, shared: &Arc<Shared>) -> Result<(), CallError> {
        match &self.status {
            Status::Connected(outbound) | Status::Away(outbound) => {
                shared.send_control(outbound, self.kind, &self.body)?.await
            }
            // Whoever connects tells everything.
            Status::Connecting => shared.connected(None, config::CALL_TIMEOUT).await,
            Status::Ended => Err(CallError::Disconnected { ran: crate::error::Ran::No }),
        }
    }

    /// Tells the controller without waiting for its answer.
    fn mention(&self, shared: &Arc<Shared>) {
        if let Some(outbound) = self.status.outbound() {
            // A link that has no room for this is about to end, and with it what was registered.
            drop(shared.send_control(outbound, self.kind, &self.body));
        }
    }
}

impl Node {
    /// Offers a callback from now on, also after reconnecting, until the returned [`Registration`] is dropped.
    ///
    /// # Errors
    /// [`RegisterError`] if the node offers the name already, or as many as it may, or the controller refuses.
    ///
    /// # Cancel safety
    /// Cancel safe: the callback is then not offered.
    pub async fn register(&self, callback: Callback) -> Result<Registration> {
        let name = callback.name().clone();
        let (id, offer) = self.shared().offer(callback)?;
        let registration = Registration { shared: Arc::clone(self.shared()), name, id, is_kept: false };
        match offer.tell(self.shared()).await {
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
        let Some(offer) = self.shared().withdraw(name) else { return Ok(false) };
        match offer.tell(self.shared()).await {
            Ok(()) | Err(CallError::Disconnected { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// A callback that a node offers. Dropping it withdraws the callback.
#[derive(Debug)]
#[must_use = "dropping it withdraws the callback; `.keep()` it"]
pub struct Registration {
    shared: Arc<Shared>,
    name: CallbackName,
    id: u32,
    is_kept: bool,
}

impl Registration {
    /// The callback's name.
    pub fn name(&self) -> &CallbackName {
        &self.name
    }

    /// Leaves the callback on offer for as long as the node lives.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Another callback may have taken the name since.
        let is_there = self.shared.serve.offers().contains_key(&self.id);
        if is_there
            && !self.is_kept
            && let Some(offer) = self.shared.withdraw(self.name.as_str())
        {
            offer.mention(&self.shared);
        }
    }
}
