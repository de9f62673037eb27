//! A lock of several controllers, by its name.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::super::guard::milliseconds;
use super::super::masters::{Agreement, Masters, Tally, Term, Verdict, pause};
use super::grant::{Grant, certain};
use super::guard::Extending;
use super::{RedlockGuard, RedlockState, RedlockView};
use crate::config;
use crate::error::{DataError, QuorumError};

/// A lock that a majority of several controllers grants for a time, so that it can be had while a minority of them is down:
/// Pottery's `Redlock`. Made by [`Masters::redlock`].
///
/// Await it, or [`acquire`](Self::acquire), to take it; what comes back is a [`RedlockGuard`], and dropping that releases it.
/// A grant lasts for its [auto-release time](Self::auto_release_time), unless it is extended, whatever becomes of its holder,
/// its links and its sessions.
///
/// **What it guarantees.** No two hold it at the same time as long as
/// * a controller that granted it remembers that until the lease has ended: one that comes back after its end knows
///   nothing, and must stay away for the longest lease in use, or be no majority together with others that forgot;
/// * the clocks of controllers and holders run at the same speed, to one part in
///   [`REDLOCK_DRIFT_PART`](config::REDLOCK_DRIFT_PART), whatever they show (that of a machine which is suspended stands
///   still);
/// * holders stop when it is [lost](RedlockGuard::lost).
///
/// What clocks show decides nothing but the order of fencing tokens, so that it matters only to a year: while one controller's
/// is further ahead than [`REDLOCK_CLOCKS_APART_MAX`](config::REDLOCK_CLOCKS_APART_MAX), the others refuse the tokens that come
/// of it, the lock is not had, and the error has what they say. It is had again once that clock is set, or its controller gone.
///
/// **What it does not.** The last is more than a program can promise: it may be stopped, or its write be on its way, when
/// the lease ends. A lease alone never keeps two from acting at once. What is to be safe all the same must refuse a smaller
/// [fencing token](RedlockGuard::fencing_token) than the greatest it has seen, or be kept by a controller under a
/// [`Lock`](super::super::Lock), whose [fence](super::super::Hold::fence) it checks itself
/// ([`Operation::if_held`](crate::api::Operation::if_held)). Where the work of one controller is to be guarded, that lock is
/// the better one: it is fair, it ends with its holder, and it needs no clock but the controller's.
///
/// It is not re-entrant, and not fair: a holder that asks again waits for itself, and of those who wait, chance decides who
/// is next. They are told when it becomes free, and do not poll.
#[derive(Debug, Clone)]
pub struct Redlock {
    masters: Masters,
    name: Arc<str>,
    lease: Duration,
    owner: Option<String>,
    extending: Extending,
}

/// Who holds a lock of several controllers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedlockHolder {
    /// What it calls itself: the name of its node, unless it said otherwise.
    pub owner: String,
    /// The number of its grant; 0 while it is being granted.
    pub fencing_token: u64,
    /// How long a majority will hold it for certain unless it is extended.
    pub left: Duration,
    /// For how long it has held it.
    pub held_for: Duration,
}

impl Masters {
    /// The lock of this name that these masters grant together. Nothing is sent.
    pub fn redlock(&self, name: impl Into<Arc<str>>) -> Redlock {
        let extending = Extending { limit: Some(config::REDLOCK_EXTENSIONS_MAX), is_automatic: false };
        Redlock {
            masters: self.clone(),
            name: name.into(),
            lease: config::REDLOCK_LEASE,
            owner: None,
            extending,
        }
    }
}

impl Redlock {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who grants it.
    pub fn masters(&self) -> &Masters {
        &self.masters
    }

    /// The same lock, to be held for this long unless it is extended or released: by default
    /// [`REDLOCK_LEASE`](config::REDLOCK_LEASE). It should be much more than the masters' [time](Masters::timeout).
    #[must_use]
    pub fn auto_release_time(mut self, time: Duration) -> Self {
        self.lease = time;
        self
    }

    /// The same lock, to be taken under this name in place of the node's; for people who [look](Self::locked).
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The same lock, which its holder may extend so often, by default
    /// [`REDLOCK_EXTENSIONS_MAX`](config::REDLOCK_EXTENSIONS_MAX); what it does [by itself](Self::auto_renew) does not count.
    /// Pottery's `num_extensions`.
    #[must_use]
    pub fn extensions(mut self, limit: u32) -> Self {
        self.extending.limit = Some(limit);
        self
    }

    /// The same lock, which its holder may extend as often as it likes.
    #[must_use]
    pub fn unlimited_extensions(mut self) -> Self {
        self.extending.limit = None;
        self
    }

    /// The same lock, whose guard extends it by itself at each third of the lease: it is held until the guard is dropped,
    /// the process hangs or ends, or a majority of the masters cannot be reached.
    #[must_use]
    pub fn auto_renew(mut self) -> Self {
        self.extending.is_automatic = true;
        self
    }

    /// Takes the lock. It waits for it for ever, or for a [`timeout`](Agreement::timeout); it is tried once in any case.
    ///
    /// # Errors
    /// [`QuorumError::QuorumNotAchieved`] if it was not had in time, as it was at the last attempt that had time enough;
    /// [`QuorumError::QuorumIsImpossible`] if a majority of the masters fails; a [`DataError::Invalid`] for a lease that leaves
    /// no time to hold it.
    ///
    /// # Cancel safety
    /// Cancel safe: a lock that was granted to an agreement that is dropped is released.
    pub fn acquire(&self) -> Agreement<RedlockGuard> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move { this.wait(term).await })
    }

    /// Takes the lock if a majority of the masters grants it now; else `None`.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), but for the timeout.
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    pub fn try_acquire(&self) -> Agreement<Option<RedlockGuard>> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move {
            match this.attempt(term).await {
                Ok(guard) => Ok(Some(guard)),
                Err(QuorumError::QuorumNotAchieved { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// Who holds the lock, and how long unless it is extended, whoever that is; `None` if a majority of the masters knows of
    /// no one holder.
    ///
    /// # Errors
    /// [`QuorumError::QuorumIsImpossible`] if a majority of the masters fails.
    pub fn locked(&self) -> Agreement<Option<RedlockHolder>> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move { this.look(term).await })
    }

    /// Takes the lock from whoever holds it, and says at how many masters it was held: for people who know that a holder
    /// hangs and do not want to wait for the end of its lease. It goes on until it next extends the lock, or its lease ends:
    /// till then two may act at once, and only their [tokens](RedlockGuard::fencing_token) tell. Masters that fail go on
    /// holding it until the lease ends; where they are a minority, it can be had without them.
    ///
    /// # Errors
    /// [`QuorumError::QuorumIsImpossible`] if a majority of the masters fails; at the others the lock was taken away.
    pub fn break_lock(&self) -> Agreement<usize> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move {
            this.masters.check()?;
            let (name, mut broken) = (Arc::clone(&this.name), 0);
            let mut answers = this.masters.ask(this.masters.limit(term), move |node| {
                node.object::<RedlockState>(Arc::clone(&name)).break_lock()
            });
            let mut tally = Tally::of(this.masters.len());
            while let Some((at, answer)) = answers.next().await {
                match answer {
                    Ok(was_held) => {
                        broken += usize::from(was_held);
                        tally.agree();
                    }
                    Err(error) => tally.fail(this.masters.address(at), error),
                }
            }
            match tally.verdict() {
                Some(Verdict::Agreed) => Ok(broken),
                _ => Err(tally.error(&this.name, true)),
            }
        })
    }

    /// # Errors
    /// [`DataError::Invalid`] if nobody could hold it.
    fn check(&self) -> Result<(), QuorumError> {
        self.masters.check()?;
        let lease = Duration::from_millis(milliseconds(self.lease));
        if certain(lease).is_zero() {
            let what = format!("a lease of {lease:?} is over before it can be held for certain");
            return Err(DataError::invalid(what).into());
        }
        if lease > config::TIMEOUT_MAX {
            return Err(DataError::invalid(format!("a lease of {lease:?} does not end")).into());
        }
        Ok(())
    }

    /// Tries until it has the lock or time is up; once in any case.
    async fn wait(&self, term: Term) -> Result<RedlockGuard, QuorumError> {
        let (mut reason, mut round) = (None, 0);
        // Nothing of time is to try it once.
        let mut asked = if term.is_over() { Term::ENDLESS } else { term };
        loop {
            let error = match self.attempt(asked).await {
                Err(error @ QuorumError::QuorumNotAchieved { .. }) => error,
                // Masters that had but the rest of the time may be well.
                Err(QuorumError::QuorumIsImpossible { name, masters, failures }) if asked.is_over() => {
                    let needed = self.masters.majority();
                    let unanswered =
                        QuorumError::QuorumNotAchieved { name, agreed: 0, needed, masters, failures };
                    return Err(reason.unwrap_or(unanswered));
                }
                outcome => return outcome,
            };
            if term.is_over() || term.wait(self.free(round)).await.is_err() {
                return Err(error);
            }
            (reason, asked) = (Some(error), term);
            round += 1;
        }
    }

    /// Waits until a majority of the masters says that nobody holds it, but not for long, and a while by chance.
    async fn free(&self, round: u32) {
        let name = Arc::clone(&self.name);
        let answers = self.masters.ask(config::REDLOCK_ASKED_EVERY, move |node| {
            node.object::<RedlockState>(Arc::clone(&name)).free()
        });
        // Whatever they say, the next attempt shows what is so.
        self.masters.agree(answers, |_, ()| true).await;
        pause(round).await;
    }

    /// Asks all masters once.
    async fn attempt(&self, term: Term) -> Result<RedlockGuard, QuorumError> {
        self.check()?;
        let owner = self.owner.clone().unwrap_or_else(|| self.masters.own_name());
        let grant = Grant::new(self.masters.clone(), Arc::clone(&self.name), owner, milliseconds(self.lease));
        let attempt = Attempt { grant: Arc::new(grant), is_granted: false };
        let (fence, until) = attempt.grant.acquire(term).await?;
        Ok(attempt.granted(fence, until, self.extending))
    }

    async fn look(&self, term: Term) -> Result<Option<RedlockHolder>, QuorumError> {
        self.masters.check()?;
        let (name, asked) = (Arc::clone(&self.name), Instant::now());
        let mut answers = self
            .masters
            .ask(self.masters.limit(term), move |node| node.object::<RedlockState>(Arc::clone(&name)).look());
        let (mut tally, mut views) = (Tally::of(self.masters.len()), Vec::new());
        while let Some((at, answer)) = answers.next().await {
            match answer {
                Ok(view) => {
                    tally.refuse();
                    views.extend(view);
                }
                Err(error) => tally.fail(self.masters.address(at), error),
            }
            if let Some(holder) = holder(&views, self.masters.majority(), asked.elapsed()) {
                return Ok(Some(holder));
            }
        }
        match tally.verdict() {
            Some(Verdict::NotAchieved) => Ok(None),
            _ => Err(tally.error(&self.name, true)),
        }
    }
}

/// An attempt to hold a lock, of which it is not known what came of it.
struct Attempt {
    grant: Arc<Grant>,
    is_granted: bool,
}

impl Attempt {
    fn granted(mut self, fence: u64, until: Instant, extending: Extending) -> RedlockGuard {
        self.is_granted = true;
        RedlockGuard::new(Arc::clone(&self.grant), fence, until, extending)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_granted {
            self.grant.give_back();
        }
    }
}

/// The holder of which a majority knows, if there is one, from what the masters said up to `elapsed` ago.
fn holder(views: &[RedlockView], majority: usize, elapsed: Duration) -> Option<RedlockHolder> {
    let of = |grant| views.iter().filter(move |view: &&RedlockView| view.grant == grant);
    let view = views.iter().find(|view| of(view.grant).count() >= majority)?;
    let mut left: Vec<Duration> = of(view.grant).map(|view| view.left).collect();
    left.sort_unstable_by(|one, other| other.cmp(one));
    Some(RedlockHolder {
        owner: view.owner.clone(),
        fencing_token: of(view.grant).map(|view| view.fence).max().unwrap_or_default(),
        // When this one ends, those that are left are no majority.
        left: certain(left[majority - 1].saturating_sub(elapsed)),
        held_for: of(view.grant).map(|view| view.held_for).max().unwrap_or_default(),
    })
}

impl IntoFuture for Redlock {
    type Output = Result<RedlockGuard, QuorumError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.acquire().into_future()
    }
}

impl fmt::Display for RedlockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for another {:?}", self.owner, self.left)
    }
}
