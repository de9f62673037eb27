//! Semaphores: so many permits, which sessions hold.

#[cfg(test)]
mod tests;

use std::ops::Deref;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use super::guard::{Claim, Grant, Grants, Hold, Terms, ask, asks_on_terms, not_held, tried};
use crate::api::{Kept, Operation};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, SessionId, Time, Turn};
use crate::node::Node;

/// A semaphore, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct SemaphoreState {
    /// Of all permits: those that are held, too. Nothing before somebody said how many there are.
    permits: u64,
    /// Whether the number stays when nobody holds any.
    is_fixed: bool,
    /// How many each holds.
    holders: Grants<u64>,
    taken: u64,
}

/// What is saved of a semaphore: the rest follows from it.
#[derive(Serialize, Deserialize)]
struct Saved {
    permits: u64,
    is_fixed: bool,
    holders: Grants<u64>,
}

/// Who holds permits of a semaphore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PermitHolder {
    /// The number of its grant.
    pub token: u64,
    /// What it calls itself: the name of its node, unless it said otherwise.
    pub owner: String,
    /// How many it holds.
    pub permits: u64,
    /// For how long it has held them.
    pub held_for: Duration,
    /// How long its lease lasts if it does not renew it; `None` if it holds them as long as its session lasts.
    pub lease_left: Option<Duration>,
}

/// What watchers hear of it beside its grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum SemaphoreChange {
    Resized { permits: u64 },
}

#[callback(hosted = "semaphore")]
impl SemaphoreState {
    /// Takes `permits` of `of_all`, and returns the token of the grant. Waits for its turn. Once the semaphore is in use, the
    /// number that was said first counts, or the last that it was resized to.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a lease of no time, an owner with too long a name, and a second grant in
    /// one batch; for no permits, and for more than there are.
    pub fn acquire(
        &mut self,
        turn: &mut Turn<'_>,
        claim: Claim,
        permits: u64,
        of_all: u64,
    ) -> Poll<Result<u64, DataError>> {
        match self.check(turn, &claim, permits, of_all) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(Some(token)) => return Poll::Ready(Ok(token)),
            Ok(None) => {}
        }
        let of_all = if self.permits == 0 { of_all } else { self.permits };
        let Some(taken) = self.taken.checked_add(permits).filter(|taken| *taken <= of_all) else {
            return Poll::Pending;
        };
        (self.permits, self.taken) = (of_all, taken);
        Poll::Ready(Ok(self.holders.insert(turn, claim, permits)))
    }

    /// Gives back what this session was granted by a ticket, if it was. For one that no longer wants what it asked for.
    #[callback(shrink)]
    pub fn forgo(&mut self, turn: &mut Turn<'_>, ticket: u64) -> bool {
        let grant = self.holders.forgo(turn, ticket);
        let is_known = grant.is_some();
        self.came_back(grant);
        is_known
    }

    /// Gives the permits of a grant back.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        let grant = self.holders.remove(turn, token).ok_or_else(|| not_held("a permit", token))?;
        self.came_back([grant]);
        Ok(())
    }

    /// Begins the lease of a grant anew, from now on, with another length if one is given; without either it only says
    /// whether the permits are still held.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer; [`DataError::Invalid`] for a
    /// lease of no time.
    #[callback(shrink)]
    pub fn renew(&mut self, turn: &mut Turn<'_>, token: u64, lease_ms: Option<u64>) -> Result<(), DataError> {
        self.holders.renew(turn, token, lease_ms)?.ok_or_else(|| not_held("a permit", token))
    }

    /// Says how many permits there are, for good. If more are taken, none is granted until enough have come back.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for none.
    pub fn resize(&mut self, turn: &mut Turn<'_>, permits: u64) -> Result<(), DataError> {
        check_all(permits)?;
        turn.tell(&SemaphoreChange::Resized { permits })?;
        (self.permits, self.is_fixed) = (permits, true);
        Ok(())
    }

    /// How many permits there are, and how many of them are taken; of one that nobody uses nobody knows.
    pub fn permits(&self) -> (u64, u64) {
        (self.permits, self.taken)
    }

    /// Who holds permits, the longest first: up to 1,000.
    pub fn holders(&self, turn: &Turn<'_>) -> Vec<PermitHolder> {
        let shown = |(token, holder): (u64, &Grant<u64>)| PermitHolder {
            token,
            owner: holder.owner.clone(),
            permits: holder.of,
            held_for: holder.held_for(turn.now()),
            lease_left: holder.lease_left(turn.now()),
        };
        self.holders.iter().take(config::HOLDERS_SHOWN_MAX).map(shown).collect()
    }

    /// How many wait for permits.
    pub fn waiters(&self, turn: &Turn<'_>) -> u64 {
        turn.waiting() as u64
    }
}

impl SemaphoreState {
    fn check(
        &self,
        turn: &Turn<'_>,
        claim: &Claim,
        permits: u64,
        of_all: u64,
    ) -> Result<Option<u64>, DataError> {
        check_all(of_all)?;
        let of_all = if self.permits == 0 { of_all } else { self.permits };
        if permits == 0 || permits > of_all {
            return Err(DataError::invalid(format!("{permits} permits of {of_all} are never granted")));
        }
        self.holders.check(turn, claim)
    }

    fn came_back(&mut self, grants: impl IntoIterator<Item = Grant<u64>>) {
        self.taken -= grants.into_iter().map(|grant| grant.of).sum::<u64>();
        if self.taken == 0 && !self.is_fixed {
            self.permits = 0;
        }
    }
}

impl TryFrom<Saved> for SemaphoreState {
    type Error = &'static str;

    fn try_from(saved: Saved) -> Result<Self, Self::Error> {
        let Saved { permits, is_fixed, holders } = saved;
        let taken = holders.iter().try_fold(0_u64, |taken, (_, grant)| taken.checked_add(grant.of));
        Ok(Self { permits, is_fixed, holders, taken: taken.ok_or("more permits than there can be")? })
    }
}

impl From<SemaphoreState> for Saved {
    fn from(state: SemaphoreState) -> Self {
        let SemaphoreState { permits, is_fixed, holders, .. } = state;
        Self { permits, is_fixed, holders }
    }
}

fn check_all(permits: u64) -> Result<(), DataError> {
    if permits == 0 { Err(DataError::invalid("a semaphore has at least one permit")) } else { Ok(()) }
}

impl Hosted for SemaphoreState {
    fn next_expiry(&self) -> Option<Time> {
        self.holders.next_expiry()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        let lost = self.holders.expire(turn);
        self.came_back(lost.into_iter().map(|(_, grant)| grant));
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        let lost = self.holders.release(turn);
        self.came_back(lost.into_iter().map(|(_, grant)| grant));
    }

    fn holders(&self) -> Vec<SessionId> {
        self.holders.sessions()
    }

    fn is_vacant(&self) -> bool {
        self.holders.is_empty() && !self.is_fixed
    }

    fn bytes(&self) -> usize {
        self.holders.bytes()
    }
}

/// A number of permits that all nodes share: who has one may go on, the others wait in the order of their arrival.
///
/// One that waits for many is not overtaken by those who want few. Permits are held as locks are, by the session of a node
/// or with a [`lease`](Self::lease); what comes back for them is a [`SemaphorePermit`], and dropping that gives them back.
#[derive(Clone)]
pub struct Semaphore {
    object: <SemaphoreState as Kept>::Client,
    permits: u64,
    terms: Terms,
}

reaches_object!(Semaphore);
asks_on_terms!(Semaphore, permits);

impl Node {
    /// The semaphore of this name, with so many permits. Nothing is sent.
    ///
    /// Whoever is the first to take one says how many there are, as long as any are taken; all should say the same.
    /// [`Semaphore::resize`] says it for good.
    pub fn semaphore(&self, name: impl Into<Arc<str>>, permits: u64) -> Semaphore {
        Semaphore { object: self.object::<SemaphoreState>(name), permits, terms: Terms::default() }
    }
}

impl Semaphore {
    /// Takes a permit. It waits for its turn for ever, or for a [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// # Cancel safety
    /// As there.
    pub fn acquire(&self) -> Operation<SemaphorePermit> {
        self.acquire_many(1)
    }

    /// Takes several permits at once.
    ///
    /// # Errors
    /// [`CallError::TimedOut`](crate::error::CallError::TimedOut) if its turn did not come in time;
    /// [`DataError::Invalid`] for none, for more than there are, and for a lease of less than a millisecond.
    ///
    /// # Cancel safety
    /// Cancel safe, but its place in the line is lost: permits that were granted to an operation that is dropped go back.
    pub fn acquire_many(&self, permits: u64) -> Operation<SemaphorePermit> {
        self.ask(permits).map(move |hold| SemaphorePermit { hold: Hold::granted(hold), permits })
    }

    /// Takes a permit if one is free and nobody waits; else `None`, at once, or after a
    /// [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// As [`acquire_many`](Self::acquire_many), but for the timeout.
    ///
    /// # Cancel safety
    /// As there.
    pub fn try_acquire(&self) -> Operation<Option<SemaphorePermit>> {
        self.try_acquire_many(1)
    }

    /// Takes several permits if they are free and nobody waits. As [`try_acquire`](Self::try_acquire).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub fn try_acquire_many(&self, permits: u64) -> Operation<Option<SemaphorePermit>> {
        tried(self.ask(permits)).map(move |hold| hold.map(|hold| SemaphorePermit { hold, permits }))
    }

    fn ask(&self, permits: u64) -> Operation<Option<Hold>> {
        let claim = self.terms.claim(self.object.node());
        let operation = self.object.acquire(claim.clone(), permits, self.permits).map(Some);
        ask::<SemaphoreState>(&self.object, &claim, operation)
    }

    /// How many permits could be taken now, if nobody waits for them.
    pub fn available(&self) -> Operation<u64> {
        let permits = self.permits;
        self.object.permits().map(move |(of_all, taken)| match of_all {
            0 => permits,
            of_all => of_all.saturating_sub(taken),
        })
    }

    /// Says how many permits there are, whoever says otherwise, until the object is destroyed. If more are taken than there
    /// are now, none is granted until enough have come back; who waits for more than there are is told so.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for none.
    pub fn resize(&self, permits: u64) -> Operation<()> {
        self.object.resize(permits)
    }

    /// Who holds permits, the longest first: up to [`HOLDERS_SHOWN_MAX`](config::HOLDERS_SHOWN_MAX).
    pub fn holders(&self) -> Operation<Vec<PermitHolder>> {
        self.object.holders()
    }

    /// How many wait for permits now.
    pub fn waiters(&self) -> Operation<u64> {
        self.object.waiters()
    }
}

/// Permits of a semaphore that are held: a [`Hold`], which go back when this is dropped.
#[derive(Debug)]
#[must_use = "the permits are given back when this is dropped"]
pub struct SemaphorePermit {
    hold: Hold,
    permits: u64,
}

impl SemaphorePermit {
    /// How many they are.
    pub fn permits(&self) -> u64 {
        self.permits
    }

    /// Gives them back, and waits until that is done.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if they were lost before.
    ///
    /// # Cancel safety
    /// Cancel safe: they go back all the same.
    pub fn release(self) -> Operation<()> {
        self.hold.release()
    }
}

impl Deref for SemaphorePermit {
    type Target = Hold;

    fn deref(&self) -> &Hold {
        &self.hold
    }
}
