//! Locks that several may share: one writer, or any number of readers.

use std::sync::Arc;

use super::super::guard::{Hold, Terms, ask, asks_on_terms, tried};
use super::{LockGuard, LockHolder, LockState};
use crate::api::{Kept, Operation};
use crate::node::Node;

/// A lock that one writer has alone, or any number of readers together.
///
/// It is fair: whoever asks after a writer that waits, waits behind it. The [`Lock`](super::Lock) of the same name is the
/// same lock, whose holders are its writers.
#[derive(Clone)]
pub struct RwLock {
    object: <LockState as Kept>::Client,
    terms: Terms,
}

reaches_object!(RwLock);
asks_on_terms!(RwLock);

impl Node {
    /// The read-write lock of this name. Nothing is sent.
    pub fn rw_lock(&self, name: impl Into<Arc<str>>) -> RwLock {
        RwLock { object: self.object::<LockState>(name), terms: Terms::default() }
    }
}

impl RwLock {
    /// Takes it to read. As [`Lock::acquire`](super::Lock::acquire).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub fn read(&self) -> Operation<LockGuard> {
        self.ask(true).map(|hold| LockGuard::new(Hold::granted(hold)))
    }

    /// Takes it to write. As [`Lock::acquire`](super::Lock::acquire).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub fn write(&self) -> Operation<LockGuard> {
        self.ask(false).map(|hold| LockGuard::new(Hold::granted(hold)))
    }

    /// Takes it to read if that can be at once. As [`Lock::try_acquire`](super::Lock::try_acquire).
    ///
    /// # Errors
    /// As there.
    pub fn try_read(&self) -> Operation<Option<LockGuard>> {
        tried(self.ask(true)).map(|hold| hold.map(LockGuard::new))
    }

    /// Takes it to write if that can be at once. As [`Lock::try_acquire`](super::Lock::try_acquire).
    ///
    /// # Errors
    /// As there.
    pub fn try_write(&self) -> Operation<Option<LockGuard>> {
        tried(self.ask(false)).map(|hold| hold.map(LockGuard::new))
    }

    fn ask(&self, is_shared: bool) -> Operation<Option<Hold>> {
        let claim = self.terms.claim(self.object.node());
        let operation = self.object.acquire(claim.clone(), is_shared).map(Some);
        ask::<LockState>(&self.object, &claim, operation)
    }

    /// Who holds it, the longest first: up to [`HOLDERS_SHOWN_MAX`](crate::config::HOLDERS_SHOWN_MAX).
    pub fn holders(&self) -> Operation<Vec<LockHolder>> {
        self.object.holders()
    }

    /// How many wait for it now.
    pub fn waiters(&self) -> Operation<u64> {
        self.object.waiters()
    }

    /// Takes it from all who hold it. As [`Lock::break_lock`](super::Lock::break_lock).
    pub fn break_lock(&self) -> Operation<u64> {
        self.object.break_lock()
    }
}
