//! One grant of a lock at several controllers: asked for, extended and given back, at each in this order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::masters::{Answers, Masters, Tally, Verdict};
use super::{RedlockClaim, RedlockExtended, RedlockOffer, RedlockState};
use crate::api::{Kept, Operation};
use crate::config;
use crate::error::{DataError, QuorumError};
use crate::node::Node;

/// A grant that may be held at some masters, all of them, or none.
pub(super) struct Grant {
    pub(super) masters: Masters,
    pub(super) name: Arc<str>,
    claim: RedlockClaim,
    /// What each master was asked last. Whatever is asked next takes its place.
    asked: Mutex<Vec<JoinHandle<()>>>,
}

/// How long a lease of this length is held for certain, by a clock that began to count no later than any master's.
pub(super) fn certain(lease: Duration) -> Duration {
    lease.saturating_sub(lease / config::REDLOCK_DRIFT_PART).saturating_sub(config::REDLOCK_DRIFT_LEAST)
}

impl Grant {
    pub(super) fn new(masters: Masters, name: Arc<str>, owner: String, lease_ms: u64) -> Self {
        // No two grants may be alike, also of programs that seeded their chances alike.
        let mut drawn = [0; 16];
        SystemRandom::new().fill(&mut drawn).expect("the operating system has randomness");
        let (drawn, _) = drawn.as_chunks::<8>();
        let grant = (u64::from_le_bytes(drawn[0]), u64::from_le_bytes(drawn[1]));
        let claim = RedlockClaim { grant, owner, lease_ms };
        Self { masters, name, claim, asked: Mutex::default() }
    }

    pub(super) fn lease(&self) -> Duration {
        Duration::from_millis(self.claim.lease_ms)
    }

    /// Asks all masters for the lease, and tells those that granted it the number of the grant; returns that, and until when
    /// it is held for certain.
    pub(super) async fn acquire(&self, limit: Duration) -> Result<(u64, Instant), QuorumError> {
        let (claim, mut floor) = (self.claim.clone(), 0);
        let answers = self.ask(limit, move |object| object.acquire(claim.clone()));
        let (verdict, tally) = self
            .masters
            .agree(answers, |_, offer: &RedlockOffer| {
                floor = floor.max(offer.floor);
                offer.is_granted
            })
            .await;
        self.settle(verdict, tally)?;
        let fence = floor.checked_add(1).ok_or_else(|| DataError::WrongValue {
            expected: "a fencing token of 64 bits".into(),
            found: format!("one after {floor}"),
        })?;
        let until = self.extend(fence, limit).await?;
        Ok((fence, until))
    }

    /// Begins the lease anew at a majority that has held it all the time, and says until when it is held for certain.
    pub(super) async fn extend(&self, fence: u64, limit: Duration) -> Result<Instant, QuorumError> {
        let (claim, asked) = (self.claim.clone(), Instant::now());
        let answers = self.ask(limit, move |object| object.extend(claim.clone(), fence));
        // Where it was granted only now, another may have held it in between: that adds nothing before the next time.
        let (verdict, tally) =
            self.masters.agree(answers, |_, extended| *extended == RedlockExtended::Kept).await;
        let until = asked + certain(self.lease());
        if verdict == Verdict::Agreed && until <= Instant::now() {
            return Err(Tally::of(self.masters.len()).error(&self.name, false));
        }
        self.settle(verdict, tally)?;
        Ok(until)
    }

    /// Gives it back everywhere, and waits for a majority to say that it was held until then.
    pub(super) async fn release(&self, limit: Duration) -> Result<(), QuorumError> {
        let grant = self.claim.grant;
        let answers = self.ask(limit, move |object| object.release(grant));
        let (verdict, tally) = self.masters.agree(answers, |_, was_held| *was_held).await;
        match verdict {
            Verdict::Agreed => Ok(()),
            Verdict::NotAchieved => Err(QuorumError::ReleaseUnlockedLock { name: self.name.to_string() }),
            Verdict::Impossible => self.settle(verdict, tally),
        }
    }

    /// Gives it back everywhere, without waiting. At a master that is out of reach for long the lease ends by itself.
    pub(super) fn give_back(&self) {
        let grant = self.claim.grant;
        drop(self.ask(self.lease().min(config::REDLOCK_GIVE_BACK_MAX), move |object| object.release(grant)));
    }

    fn settle(&self, verdict: Verdict, tally: Tally) -> Result<(), QuorumError> {
        match verdict {
            Verdict::Agreed => Ok(()),
            Verdict::NotAchieved => Err(tally.error(&self.name, false)),
            Verdict::Impossible => Err(tally.error(&self.name, true)),
        }
    }

    /// Asks each master, once what it was asked before has been answered or withdrawn: nothing overtakes what comes later,
    /// so that a lease that is given back is not asked for again by a question that was late. The questions live on when
    /// nobody waits for the answers.
    fn ask<T, F>(&self, limit: Duration, make: F) -> Answers<T>
    where
        T: Send + 'static,
        F: Fn(&<RedlockState as Kept>::Client) -> Operation<T> + Clone + Send + 'static,
    {
        let (told, answers) = mpsc::unbounded_channel();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *asked).into_iter();
        for at in 0..self.masters.len() {
            let before = before.next();
            if let Some(before) = &before {
                before.abort();
            }
            let (make, name, told) = (make.clone(), Arc::clone(&self.name), told.clone());
            let answer =
                self.masters.ask_one(at, limit, move |node: &Node| make(&node.object::<RedlockState>(name)));
            asked.push(self.masters.runtime(at).spawn(async move {
                if let Some(before) = before {
                    // That it was withdrawn is what is waited for.
                    drop(before.await);
                }
                // Whoever asked may have heard enough.
                drop(told.send((at, answer.await)));
            }));
        }
        Answers::of(answers)
    }
}
