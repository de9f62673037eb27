//! Locks that die with their holder: as Howler's `Lock`, with what it lacks.

use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::hosted::{Hosted, SessionId, Time, Turn};

/// A lock, as the controller keeps it: one holder, or several that share it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockState {
    /// By fencing token.
    holders: BTreeMap<u64, Holder>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    session: SessionId,
    /// What the holder calls itself.
    owner: String,
    is_shared: bool,
    since: Time,
    /// When it loses the lock unless it renews it, and for how long it then does.
    lease: Option<(Time, Duration)>,
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
    /// How long its lease lasts if it does not renew it.
    pub lease_left: Option<Duration>,
}

#[callback(hosted = "lock")]
impl LockState {
    /// Takes the lock, alone or with others that share it, and returns the fencing token. Waits for its turn.
    pub fn acquire(
        &mut self,
        turn: &mut Turn<'_>,
        owner: String,
        is_shared: bool,
        lease_ms: Option<u64>,
    ) -> Poll<Result<u64, DataError>> {
        if lease_ms == Some(0) {
            return Poll::Ready(Err(DataError::invalid("a lease of no time is none")));
        }
        let is_free = self.holders.values().all(|holder| holder.is_shared && is_shared);
        if !is_free {
            return Poll::Pending;
        }
        let lease = lease_ms.map(Duration::from_millis);
        let lease = lease.map(|lease| (turn.now().after(lease), lease));
        let holder = Holder { session: turn.session(), owner, is_shared, since: turn.now(), lease };
        self.holders.insert(turn.revision(), holder);
        turn.hold(turn.session());
        Poll::Ready(Ok(turn.revision()))
    }

    /// Gives the lock back.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        let holder = self.holders.remove(&token).ok_or_else(|| not_held(token))?;
        self.let_go(turn, holder.session);
        Ok(())
    }

    /// Begins the lease of a holder anew, from now on.
    #[callback(shrink)]
    pub fn renew(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        let holder = self.holders.get_mut(&token).ok_or_else(|| not_held(token))?;
        if let Some((until, lease)) = &mut holder.lease {
            *until = turn.now().after(*lease);
        }
        Ok(())
    }

    /// Who holds it, the longest first.
    pub fn holders(&self, turn: &Turn<'_>) -> Vec<LockHolder> {
        let shown = |(token, holder): (&u64, &Holder)| LockHolder {
            token: *token,
            owner: holder.owner.clone(),
            is_shared: holder.is_shared,
            held_for: turn.now().since(holder.since),
            lease_left: holder.lease.map(|(until, _)| until.since(turn.now())),
        };
        self.holders.iter().map(shown).collect()
    }
}

impl LockState {
    /// The session holds no more of the lock, unless it does by another token.
    fn let_go(&self, turn: &mut Turn<'_>, session: SessionId) {
        if !self.holders.values().any(|holder| holder.session == session) {
            turn.let_go(session);
        }
    }
}

fn not_held(token: u64) -> DataError {
    DataError::NotHeld { what: format!("the lock by token {token}") }
}

impl Hosted for LockState {
    fn next_expiry(&self) -> Option<Time> {
        self.holders.values().filter_map(|holder| holder.lease.map(|(until, _)| until)).min()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        let has_lost = |holder: &Holder| holder.lease.is_some_and(|(until, _)| until <= now);
        let lost: Vec<(u64, SessionId)> = self
            .holders
            .iter()
            .filter(|(_, holder)| has_lost(holder))
            .map(|(token, holder)| (*token, holder.session))
            .collect();
        for (token, session) in lost {
            self.holders.remove(&token);
            self.let_go(turn, session);
        }
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        let session = turn.session();
        self.holders.retain(|_, holder| holder.session != session);
    }

    fn holders(&self) -> Vec<SessionId> {
        self.holders.values().map(|holder| holder.session).collect()
    }

    fn is_vacant(&self) -> bool {
        self.holders.is_empty()
    }

    fn bytes(&self) -> usize {
        self.holders.len() * HOLDER_BYTES
    }

    fn fence(&self) -> Option<u64> {
        self.holders.iter().find(|(_, holder)| !holder.is_shared).map(|(token, _)| *token)
    }
}

/// What a holder takes, about.
const HOLDER_BYTES: usize = 160;
