//! What users hold of a lock.

use std::future::IntoFuture;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::super::guard::{Hold, Terms, ask, asks_on_terms, tried};
use super::{LockHolder, LockState};
use crate::api::{Kept, Operation, OperationFuture};
use crate::error::DataError;
use crate::node::Node;

/// A lock that at most one holder of the mesh has at a time. Its name is its identity: how long a lease one asks for makes
/// no other lock of it.
///
/// Await it, or [`acquire`](Self::acquire), to take it; what comes back is a [`LockGuard`], and dropping that gives it back.
/// Whoever waits is served in the order of arrival, and as soon as the holder has given it back or is gone. Nobody takes
/// it twice: a holder that asks for it again waits for itself, and only a timeout ends that.
///
/// Without a [`lease`](Self::lease) it is held as long as the session of its node lasts: over UNIX sockets until the
/// process ends, else until the controller has not heard of it for the grace time. A lease that is not renewed, which its
/// guard does by itself, ends it earlier, when a process lives but hangs.
///
/// A lock alone does not keep two from acting at once, since a holder may be stopped between looking and acting: have what
/// is protected check the [fencing token](super::super::Hold::fencing_token).
///
/// Howler's `Lock(name, timeout)`, whose timeout is the lease; Pottery's `Redlock` with one master.
#[derive(Clone)]
pub struct Lock {
    object: <LockState as Kept>::Client,
    terms: Terms,
}

reaches_object!(Lock);
asks_on_terms!(Lock);

impl Node {
    /// The lock of this name. Nothing is sent.
    pub fn lock(&self, name: impl Into<Arc<str>>) -> Lock {
        Lock { object: self.object::<LockState>(name), terms: Terms::default() }
    }
}

impl Lock {
    /// Takes the lock. It waits for its turn for ever, or for a [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// [`CallError::TimedOut`](crate::error::CallError::TimedOut) if its turn did not come in time;
    /// [`DataError::Invalid`] for a lease of less than a millisecond.
    ///
    /// # Cancel safety
    /// Cancel safe, but its place in the line is lost: a lock that was granted to an operation that is dropped goes back.
    pub fn acquire(&self) -> Operation<LockGuard> {
        self.ask().map(|hold| LockGuard::new(Hold::granted(hold)))
    }

    /// Takes the lock if it is free and nobody waits for it; else `None`, at once. With a
    /// [`timeout`](Operation::timeout), `None` is what it says when that has passed.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), but for the timeout.
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    pub fn try_acquire(&self) -> Operation<Option<LockGuard>> {
        tried(self.ask()).map(|hold| hold.map(LockGuard::new))
    }

    fn ask(&self) -> Operation<Option<Hold>> {
        let claim = self.terms.claim(self.object.node());
        let operation = self.object.acquire(claim.clone(), false).map(Some);
        ask::<LockState>(&self.object, &claim, operation)
    }

    /// `None` if nobody holds it; else how long it will be held unless that is renewed, which without a lease is
    /// [`Duration::MAX`].
    pub fn locked(&self) -> Operation<Option<Duration>> {
        self.object.locked()
    }

    /// Who holds it: nobody, one, or those who [share](super::RwLock) it, of whom the first
    /// [`HOLDERS_SHOWN_MAX`](crate::config::HOLDERS_SHOWN_MAX) are shown.
    pub fn holders(&self) -> Operation<Vec<LockHolder>> {
        self.object.holders()
    }

    /// How many wait for it now.
    pub fn waiters(&self) -> Operation<u64> {
        self.object.waiters()
    }

    /// Takes the lock from whoever holds it, and says how many did: for people who know that a holder hangs. It goes on
    /// until its guard notices ([`Hold::lost`](super::super::Hold::lost)); whoever waits is served at once.
    pub fn break_lock(&self) -> Operation<u64> {
        self.object.break_lock()
    }
}

impl IntoFuture for Lock {
    type Output = Result<LockGuard, DataError>;
    type IntoFuture = OperationFuture<LockGuard>;

    fn into_future(self) -> Self::IntoFuture {
        self.acquire().into_future()
    }
}

/// A lock that is held: a [`Hold`], which goes back when this is dropped.
#[derive(Debug)]
#[must_use = "the lock is given back when its guard is dropped"]
pub struct LockGuard(Hold);

impl LockGuard {
    pub(super) fn new(hold: Hold) -> Self {
        Self(hold)
    }

    /// Gives the lock back, and waits until that is done.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it was lost before: then another may have held it meanwhile.
    ///
    /// # Cancel safety
    /// Cancel safe: it goes back all the same.
    pub fn release(self) -> Operation<()> {
        self.0.release()
    }
}

impl Deref for LockGuard {
    type Target = Hold;

    fn deref(&self) -> &Hold {
        &self.0
    }
}
