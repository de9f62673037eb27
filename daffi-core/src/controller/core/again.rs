//! Calls that may have run before, or are running: who may run them once more.

use super::Core;
use super::directory::Offer;
use super::dispatch::Request;
use super::session::NONE;
use crate::error::{CallError, Ran};
use crate::name::CallbackName;
use crate::wire::{CallId, Effect};

impl Request<'_> {
    /// Whether an offer may serve it.
    pub(super) fn admits(&self, offer: &Offer) -> bool {
        offer.session != self.apart && (!self.again || offer.signature.effect == Effect::Idempotent)
    }
}

impl Core {
    /// The session that runs a call of this caller, if it shall be told apart from another.
    ///
    /// # Errors
    /// [`CallError::Cancelled`] if that call is over: its outcome is on its way, and nothing else is wanted.
    pub(super) fn runner_of(&self, caller: u32, call: Option<u64>) -> Result<u32, CallError> {
        let Some(call) = call else { return Ok(NONE) };
        let found = self.find_called(caller, CallId::from_bits(call)).and_then(|slot| self.calls.get(slot));
        let runner = found.map(|call| call.callee).filter(|callee| *callee != NONE);
        runner.ok_or(CallError::Cancelled { ran: Ran::No })
    }
}

/// Those who offer it do not say that it may run twice, or run it already.
pub(super) fn nobody_else(name: &CallbackName) -> CallError {
    CallError::Busy { what: format!("nobody else offers `{name}` as idempotent") }
}
