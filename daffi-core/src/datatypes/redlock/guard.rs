//! What users hold of a lock of several controllers.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex as Turn, Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::masters::{Agreement, Term};
use super::grant::Grant;
use crate::error::{DataError, QuorumError};

/// A lock that a majority of the masters granted, until it is released, which dropping it does, or its lease ends.
///
/// It is held for certain as long as there is time [remaining](Self::remaining), which has the drift of clocks taken off,
/// and [lost](Self::lost) at that moment by this process's own clock. No holder can be sure to hold on while it does
/// something: its process may be stopped after it looked. Where that matters, let whatever is protected refuse an older
/// [token](Self::fencing_token) than the youngest it has seen.
///
/// Each grant has a guard of its own, which nothing that is done by other handles of the same name takes away.
#[must_use = "the lock is released when its guard is dropped"]
pub struct RedlockGuard {
    held: Arc<Held>,
    keeping: AbortHandle,
    is_released: bool,
}

/// How often a guard may be extended, and whether it does so by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extending {
    /// `None` if there is no limit.
    pub(super) limit: Option<u32>,
    pub(super) is_automatic: bool,
}

struct Held {
    grant: Arc<Grant>,
    fence: u64,
    extending: Extending,
    extended: AtomicU32,
    /// Until when it is held for certain.
    until: Mutex<Instant>,
    changed: Notify,
    /// Extensions come one after the other.
    turn: Turn<()>,
    lost: watch::Sender<Option<Loss>>,
}

/// How it was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    LeaseEnded,
    TakenAway,
    Released,
}

impl RedlockGuard {
    pub(super) fn new(grant: Arc<Grant>, fence: u64, until: Instant, extending: Extending) -> Self {
        // Masters may be out of reach together with the runtimes that they are reached on.
        let runtime = Handle::try_current().unwrap_or_else(|_| grant.masters.runtime(0).clone());
        let held = Arc::new(Held {
            grant,
            fence,
            extending,
            extended: AtomicU32::new(0),
            until: Mutex::new(until),
            changed: Notify::new(),
            turn: Turn::new(()),
            lost: watch::Sender::new(None),
        });
        let keeping = runtime.spawn(Arc::clone(&held).keep()).abort_handle();
        Self { held, keeping, is_released: false }
    }

    /// The lock's name.
    pub fn name(&self) -> &str {
        &self.held.grant.name
    }

    /// The number of the grant: greater than that of every grant of this lock before it, as long as of each a majority of
    /// the masters remembers it or has a clock that is past it, which it is microseconds after. So whoever was shown this
    /// one can refuse those.
    pub fn fencing_token(&self) -> u64 {
        self.held.fence
    }

    /// How long it is held for certain without being extended. Nothing once it was lost.
    pub fn remaining(&self) -> Duration {
        if self.held.lost.borrow().is_some() {
            return Duration::ZERO;
        }
        self.held.until().saturating_duration_since(Instant::now())
    }

    /// Whether it was lost.
    pub fn is_lost(&self) -> bool {
        self.remaining().is_zero()
    }

    /// Waits until it is lost, and says how: a [`DataError::NotHeld`].
    ///
    /// It is lost when its lease has run out by this process's clock, or when a majority of the masters says that it does
    /// not hold it. Once it was released it is lost, too.
    ///
    /// # Cancel safety
    /// Cancel safe. The future is not tied to the guard.
    pub fn lost(&self) -> impl Future<Output = DataError> + Send + use<> {
        let (mut lost, name) = (self.held.lost.subscribe(), Arc::clone(&self.held.grant.name));
        async move {
            let loss = lost.wait_for(Option::is_some).await.map_or(None, |loss| *loss);
            let how = match loss.unwrap_or(Loss::Released) {
                Loss::LeaseEnded => "whose lease ran out",
                Loss::TakenAway => "which a majority of the masters does not know any more",
                Loss::Released => "which was released",
            };
            DataError::NotHeld { what: format!("the lock `{name}` of several masters, {how},") }
        }
    }

    /// Begins its lease anew, with its whole length, at a majority that has held it all the time.
    ///
    /// # Errors
    /// [`QuorumError::TooManyExtensions`] if it was extended as often as it [may be](super::Redlock::extensions), and then
    /// nobody is asked; [`QuorumError::ExtendUnlockedLock`] if it is not held any more;
    /// [`QuorumError::QuorumIsImpossible`] if that is not known, since so many masters fail that there is no majority for
    /// either: it is held as long as it was before, and may be extended yet. A
    /// [`CallError::TimedOut`](crate::error::CallError::TimedOut) if time was up while it was extended by another call.
    pub fn extend(&self) -> Agreement<()> {
        let held = Arc::clone(&self.held);
        Agreement::new(held.grant.masters.bridge(), move |term| async move { held.extended(term).await })
    }

    /// Releases the lock, and waits until a majority of the masters has done so.
    ///
    /// # Errors
    /// [`QuorumError::ReleaseUnlockedLock`] if it was [lost](Self::lost), or a majority does not know it any more: then
    /// another may have held it meanwhile. [`QuorumError::QuorumIsImpossible`] if that is not known, since so many masters fail
    /// that there is no majority for either; where they do, its lease ends it.
    pub fn release(self) -> Agreement<()> {
        Agreement::new(self.held.grant.masters.bridge(), move |term| async move {
            let mut guard = self;
            guard.keeping.abort();
            let was_lost = guard.is_lost();
            guard.held.lose(Loss::Released);
            let outcome = guard.held.grant.release(term).await;
            // Where nobody could be asked, dropping it goes on.
            guard.is_released = !matches!(outcome, Err(QuorumError::QuorumIsImpossible { .. }));
            match outcome {
                // What the masters knew of it may have come to them after another had held it.
                Ok(()) if was_lost => Err(QuorumError::ReleaseUnlockedLock { name: guard.name().to_owned() }),
                outcome => outcome,
            }
        })
    }
}

impl Drop for RedlockGuard {
    fn drop(&mut self) {
        self.keeping.abort();
        self.held.lose(Loss::Released);
        if !self.is_released {
            self.held.grant.give_back();
        }
    }
}

impl Held {
    fn until(&self) -> Instant {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, loss: Loss) {
        self.lost.send_if_modified(|lost| {
            let is_first = lost.is_none();
            *lost = lost.or(Some(loss));
            is_first
        });
    }

    /// Extends it for its holder, as often as that may be.
    async fn extended(&self, term: Term) -> Result<(), QuorumError> {
        let count = |extended: u32| match self.extending.limit {
            Some(limit) if extended >= limit => None,
            Some(_) | None => Some(extended.saturating_add(1)),
        };
        if self.extended.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_err() {
            let (name, limit) = (self.grant.name.to_string(), self.extending.limit.unwrap_or_default());
            return Err(QuorumError::TooManyExtensions { name, limit });
        }
        let outcome = self.extend(term).await;
        if outcome.is_err() {
            self.extended.fetch_sub(1, Ordering::Relaxed);
        }
        match outcome {
            Err(QuorumError::QuorumNotAchieved { name, .. }) => Err(QuorumError::ExtendUnlockedLock { name }),
            outcome => outcome,
        }
    }

    /// Extends it while it is held.
    async fn extend(&self, term: Term) -> Result<(), QuorumError> {
        let _turn = term.wait(self.turn.lock()).await?;
        let (until, name) = (self.until(), self.grant.name.to_string());
        if self.lost.borrow().is_some() || until <= Instant::now() {
            return Err(QuorumError::ExtendUnlockedLock { name });
        }
        match self.grant.extend(self.fence, term.by(until)).await {
            // It may have run out or been released while it was asked for, which its holder was told then.
            _ if self.lost.borrow().is_some() || until <= Instant::now() => {
                Err(QuorumError::ExtendUnlockedLock { name })
            }
            Ok(until) => {
                *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
                self.changed.notify_one();
                Ok(())
            }
            Err(error) => {
                if matches!(error, QuorumError::QuorumNotAchieved { .. }) {
                    self.lose(Loss::TakenAway);
                    // Those who did not know it any more have granted it anew.
                    self.grant.give_back();
                }
                Err(error)
            }
        }
    }

    /// Sees to it that its loss is known, and extends it before, if it is to.
    async fn keep(self: Arc<Self>) {
        let mut next = self.next();
        loop {
            let until = self.until();
            tokio::select! {
                biased;
                () = self.changed.notified() => {
                    next = self.next();
                    continue;
                }
                () = sleep_until(until) => {
                    if self.until() > until {
                        continue;
                    }
                    break;
                }
                () = sleep_until(next.unwrap_or(until)), if next.is_some() => {}
            }
            match timeout_at(until, self.extend(Term::ENDLESS)).await {
                Ok(Ok(())) => next = self.next(),
                Ok(Err(_)) if self.lost.borrow().is_some() => break,
                Ok(Err(_)) | Err(_) => next = Some(Instant::now() + self.grant.lease() / 12),
            }
        }
        self.lose(Loss::LeaseEnded);
        let (name, token, loss) = (&*self.grant.name, self.fence, *self.lost.borrow());
        if loss == Some(Loss::Released) {
            return;
        }
        tracing::warn!(name, token, ?loss, "lost a lock of several masters");
    }

    /// When to extend it next by itself.
    fn next(&self) -> Option<Instant> {
        self.extending.is_automatic.then(|| Instant::now() + self.grant.lease() / 3)
    }
}

impl fmt::Debug for RedlockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedlockGuard")
            .field("name", &self.name())
            .field("fencing_token", &self.held.fence)
            .field("remaining", &self.remaining())
            .field("lost", &*self.held.lost.borrow())
            .finish()
    }
}
