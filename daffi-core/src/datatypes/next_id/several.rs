//! Numbers of several controllers.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::super::masters::{Agreement, Masters, Tally, Term, Verdict, pause};
use super::{IdBlocks, NextIdState, Raised, block};
use crate::config;
use crate::error::QuorumError;

/// Numbers that are given once, each greater than all that were given before it, by a majority of several controllers:
/// Pottery's `NextId`. Made by [`Masters::next_id`].
///
/// A number is given when a majority of the masters has noted that it and all below it are. Two majorities have a master in
/// common, which notes no number twice, nor a smaller one after a greater: so no two callers are given the same, and who asks
/// after another was answered is given a greater one, whichever minority of the masters is down, hangs or is cut off.
/// Numbers begin at 1; where many ask at the same time some are left out.
///
/// **What this rests on:** of each number a majority must remember it, or a greater one. A controller that comes back after
/// its end remembers nothing, and is told the current number by the next that is given. So masters may be restarted one
/// after the other, with a number given in between; if so many forget at the same time that those which do not are no
/// majority, numbers may be given twice, though never by one handle and its clones, which go on above what they have seen.
///
/// Each number takes one question to all masters, and two if others were given numbers meanwhile. Those who ask at the same
/// time may have to try again, with pauses, which [`reserve`](Self::reserve) and [`in_blocks_of`](Self::in_blocks_of) make
/// rare; one controller alone ([`Node::next_id`](crate::node::Node::next_id)) never refuses.
#[derive(Clone)]
pub struct QuorumNextId {
    masters: Masters,
    name: Arc<str>,
    shared: Arc<Shared>,
}

/// What a handle and its clones share.
#[derive(Debug, Default)]
struct Shared {
    /// The highest number that they have seen.
    seen: AtomicU64,
    /// Whoever asks now: they do not contend with each other.
    turn: Mutex<()>,
}

impl Masters {
    /// The sequence of numbers of this name that these masters keep together. Nothing is sent. That of a single one of them
    /// ([`Node::next_id`](crate::node::Node::next_id)) is not to be used beside it.
    pub fn next_id(&self, name: impl Into<Arc<str>>) -> QuorumNextId {
        QuorumNextId { masters: self.clone(), name: name.into(), shared: Arc::default() }
    }
}

impl QuorumNextId {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who keeps it.
    pub fn masters(&self) -> &Masters {
        &self.masters
    }

    /// The next number: the first is 1.
    ///
    /// # Errors
    /// [`QuorumError::QuorumIsImpossible`] if a majority of the masters fails; [`QuorumError::QuorumNotAchieved`] if others
    /// were ahead of this caller in each of [`NEXT_ID_TRIES_MAX`](config::NEXT_ID_TRIES_MAX) tries, or as many as it had the
    /// time for; [`CallError::TimedOut`](crate::error::CallError::TimedOut) if that was none. No number was given then.
    /// [`DataError::WrongValue`](crate::error::DataError::WrongValue) after `u64::MAX`.
    pub fn next(&self) -> Agreement<u64> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move {
            Ok(*this.reserved(1, term).await?.start())
        })
    }

    /// The next `count` numbers: nobody else is given any of them.
    ///
    /// # Errors
    /// As [`next`](Self::next); [`DataError::Invalid`](crate::error::DataError::Invalid) if `count` is 0.
    pub fn reserve(&self, count: u64) -> Agreement<RangeInclusive<u64>> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move { this.reserved(count, term).await })
    }

    /// Takes so many numbers at a time, and deals them out without asking.
    pub fn in_blocks_of(&self, count: u64) -> IdBlocks {
        IdBlocks::several(self.clone(), count)
    }

    /// A number that no number given so far is above: the highest that a majority of the masters knows of, which may be one
    /// that nobody was given. 0 if none was.
    ///
    /// # Errors
    /// [`QuorumError::QuorumIsImpossible`] if a majority of the masters fails.
    pub fn last(&self) -> Agreement<u64> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move {
            this.masters.check()?;
            let (name, mut highest) = (Arc::clone(&this.name), 0);
            let answers = this.masters.ask(this.masters.limit(term), move |node| {
                node.object::<NextIdState>(Arc::clone(&name)).last()
            });
            let (verdict, tally) = this
                .masters
                .agree(answers, |_, last: &u64| {
                    highest = highest.max(*last);
                    true
                })
                .await;
            this.settled(verdict, tally).map(|()| highest)
        })
    }

    /// Begins anew: the next number is 1 again, for handles that are made from now on. All masters have to be there, since
    /// one that is not would go on.
    ///
    /// Handles that were made before go on above what they have seen, but for this one and its clones, and numbers of
    /// [blocks](Self::in_blocks_of) that were taken before are dealt out to the end: those are given a second time.
    ///
    /// # Errors
    /// [`QuorumError::NotByAll`] if one of them fails: then the others have begun anew, and numbers that are given go on
    /// above those of one that did not. Try again.
    pub fn reset(&self) -> Agreement<()> {
        let this = self.clone();
        Agreement::new(self.masters.bridge(), move |term| async move {
            this.masters.check()?;
            let name = Arc::clone(&this.name);
            let mut answers = this.masters.ask(this.masters.limit(term), move |node| {
                node.object::<NextIdState>(Arc::clone(&name)).destroy()
            });
            let mut tally = Tally::of(this.masters.len());
            while let Some((at, answer)) = answers.next().await {
                match answer {
                    Ok(_) => tally.agree(),
                    Err(error) => tally.fail(this.masters.address(at), error),
                }
            }
            tally.by_all(&this.name)?;
            this.shared.seen.store(0, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Takes numbers, with pauses, until a majority agrees or time is up.
    pub(super) async fn reserved(&self, count: u64, term: Term) -> Result<RangeInclusive<u64>, QuorumError> {
        self.masters.check()?;
        let _turn = term.wait(self.shared.turn.lock()).await?;
        let mut last_error = None;
        for round in 0..config::NEXT_ID_TRIES_MAX {
            if term.is_over() {
                break;
            }
            match self.attempt(count, term).await {
                Err(error @ QuorumError::QuorumNotAchieved { .. }) => last_error = Some(error),
                // Masters that had but the rest of the time may be well.
                Err(QuorumError::QuorumIsImpossible { .. }) if last_error.is_some() && term.is_over() => {
                    break;
                }
                outcome => return outcome,
            }
            // The first try may only have found out where the numbers are.
            if round > 0 && term.wait(pause(round)).await.is_err() {
                break;
            }
        }
        Err(last_error.unwrap_or_else(|| term.timed_out().into()))
    }

    /// Asks once for the numbers after those that were seen.
    async fn attempt(&self, count: u64, term: Term) -> Result<RangeInclusive<u64>, QuorumError> {
        let seen = &self.shared.seen;
        let (first, last) = block(seen.load(Ordering::Relaxed), count)?;
        let name = Arc::clone(&self.name);
        let answers = self.masters.ask(self.masters.limit(term), move |node| {
            node.object::<NextIdState>(Arc::clone(&name)).raise(first, last)
        });
        let (verdict, tally) = self
            .masters
            .agree(answers, |_, raised: &Raised| {
                seen.fetch_max(raised.last, Ordering::Relaxed);
                raised.is_accepted
            })
            .await;
        self.settled(verdict, tally).map(|()| first..=last)
    }

    fn settled(&self, verdict: Verdict, tally: Tally) -> Result<(), QuorumError> {
        match verdict {
            Verdict::Agreed => Ok(()),
            Verdict::NotAchieved => Err(tally.error(&self.name, false)),
            Verdict::Impossible => Err(tally.error(&self.name, true)),
        }
    }
}

impl fmt::Debug for QuorumNextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuorumNextId").field("name", &self.name).field("masters", &self.masters).finish()
    }
}
