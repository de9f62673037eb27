//! Locks that end with their holder: as Howler's `Lock`, with what it lacks.

mod handle;
mod shared;
#[cfg(test)]
mod tests;

use std::task::Poll;
use std::time::Duration;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

pub use self::handle::{Lock, LockGuard};
pub use self::shared::RwLock;
use super::guard::{Claim, Grant, Grants, not_held};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, SessionId, Time, Turn};

/// A lock, as the controller keeps it: one holder, or several that share it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockState {
    /// Whether each shares it.
    holders: Grants<bool>,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LockHolder {
    /// Its fencing token.
    pub token: u64,
    /// What it calls itself: the name of its node, unless it said otherwise.
    pub owner: String,
    /// Whether others may hold the lock beside it.
    pub is_shared: bool,
    /// For how long it has held it.
    pub held_for: Duration,
    /// How long its lease lasts if it does not renew it; `None` if it holds it as long as its session lasts.
    pub lease_left: Option<Duration>,
}

#[callback(hosted = "lock")]
impl LockState {
    /// Takes the lock, alone or with others that share it, and returns the fencing token. Waits for its turn.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a lease of no time, an owner with too long a name, and a second grant in
    /// one batch.
    pub fn acquire(
        &mut self,
        turn: &mut Turn<'_>,
        claim: Claim,
        is_shared: bool,
    ) -> Poll<Result<u64, DataError>> {
        match self.holders.check(turn, &claim) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(Some(token)) => return Poll::Ready(Ok(token)),
            Ok(None) => {}
        }
        // Those that hold it together all share it.
        let is_free = self.holders.first().is_none_or(|(_, first)| first.of && is_shared);
        if !is_free {
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.holders.insert(turn, claim, is_shared)))
    }

    /// Gives back what this session was granted by a ticket, if it was. For one that no longer wants what it asked for.
    #[callback(shrink)]
    pub fn forgo(&mut self, turn: &mut Turn<'_>, ticket: u64) -> bool {
        self.holders.forgo(turn, ticket).is_some()
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        self.holders.remove(turn, token).map(|_| ()).ok_or_else(|| not_held("the lock", token))
    }

    /// Begins the lease of a holder anew, from now on, with another length if one is given; without either it only says
    /// whether the lock is still held.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer; [`DataError::Invalid`] for a
    /// lease of no time.
    #[callback(shrink)]
    pub fn renew(&mut self, turn: &mut Turn<'_>, token: u64, lease_ms: Option<u64>) -> Result<(), DataError> {
        self.holders.renew(turn, token, lease_ms)?.ok_or_else(|| not_held("the lock", token))
    }

    /// Takes the lock from whoever holds it, and says how many did. They go on until they notice.
    #[callback(shrink)]
    pub fn break_lock(&mut self, turn: &mut Turn<'_>) -> u64 {
        self.holders.clear(turn).len() as u64
    }

    /// How long it will be held if nobody renews it.
    pub fn locked(&self, turn: &Turn<'_>) -> Option<Duration> {
        self.holders.lease_left(turn.now())
    }

    /// Who holds it, the longest first: up to 1,000.
    pub fn holders(&self, turn: &Turn<'_>) -> Vec<LockHolder> {
        let shown = |(token, holder): (u64, &Grant<bool>)| LockHolder {
            token,
            owner: holder.owner.clone(),
            is_shared: holder.of,
            held_for: holder.held_for(turn.now()),
            lease_left: holder.lease_left(turn.now()),
        };
        self.holders.iter().take(config::HOLDERS_SHOWN_MAX).map(shown).collect()
    }

    /// How many wait for it.
    pub fn waiters(&self, turn: &Turn<'_>) -> u64 {
        turn.waiting() as u64
    }
}

impl Hosted for LockState {
    fn next_expiry(&self) -> Option<Time> {
        self.holders.next_expiry()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        self.holders.expire(turn);
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        self.holders.release(turn);
    }

    fn holders(&self) -> Vec<SessionId> {
        self.holders.sessions()
    }

    fn is_vacant(&self) -> bool {
        self.holders.is_empty()
    }

    fn bytes(&self) -> usize {
        self.holders.bytes()
    }

    fn fence(&self) -> Option<u64> {
        self.holders.first().filter(|(_, holder)| !holder.of).map(|(token, _)| token)
    }
}
