//! One grant of a lock at several controllers: asked for, extended and given back, at each in this order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::masters::{Answers, Masters, Tally, Term, Verdict};
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
    asked: Mutex<Asked>,
}

/// What the masters are asked.
#[derive(Default)]
struct Asked {
    /// A line to each, once something is asked.
    lines: Vec<mpsc::UnboundedSender<Question>>,
    /// Then it is asked for no more.
    is_given_back: bool,
}

type Question = BoxFuture<'static, ()>;

/// What the grant is to become.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Held,
    GivenBack,
}

/// How long a lease of this length is held for certain, by a clock that began to count no later than any master's.
pub(super) fn certain(lease: Duration) -> Duration {
    lease.saturating_sub(lease / config::REDLOCK_DRIFT_PART).saturating_sub(config::REDLOCK_DRIFT_LEAST)
}

/// The verdict on what was held: that it is not any more takes as many as that it is.
fn known(verdict: Verdict, tally: &Tally) -> Verdict {
    match verdict {
        Verdict::NotAchieved if !tally.is_refused() => Verdict::Impossible,
        verdict => verdict,
    }
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
    pub(super) async fn acquire(&self, term: Term) -> Result<(u64, Instant), QuorumError> {
        let (claim, mut floor) = (self.claim.clone(), 0);
        let answers =
            self.ask(Aim::Held, self.masters.limit(term), move |object| object.acquire(claim.clone()));
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
        let (verdict, tally, until) = self.renew(fence, term).await;
        self.settle(verdict, tally)?;
        Ok((fence, until))
    }

    /// Begins the lease anew at a majority that has held it all the time, and says until when it is held for certain.
    ///
    /// # Errors
    /// [`QuorumError::QuorumNotAchieved`] if no majority holds it; [`QuorumError::QuorumIsImpossible`] if that is not known,
    /// since masters fail on which it depends.
    pub(super) async fn extend(&self, fence: u64, term: Term) -> Result<Instant, QuorumError> {
        let (verdict, tally, until) = self.renew(fence, term).await;
        self.settle(known(verdict, &tally), tally)?;
        Ok(until)
    }

    async fn renew(&self, fence: u64, term: Term) -> (Verdict, Tally, Instant) {
        let (claim, asked) = (self.claim.clone(), Instant::now());
        let limit = self.masters.limit(term);
        let answers = self.ask(Aim::Held, limit, move |object| object.extend(claim.clone(), fence));
        // Where it was granted only now, another may have held it in between: that adds nothing before the next time.
        let (verdict, tally) =
            self.masters.agree(answers, |_, extended| *extended == RedlockExtended::Kept).await;
        let until = asked + certain(self.lease());
        if verdict == Verdict::Agreed && until <= Instant::now() {
            return (Verdict::NotAchieved, Tally::of(self.masters.len()), until);
        }
        (verdict, tally, until)
    }

    /// Gives it back everywhere, and waits for a majority to say that it was held until then.
    ///
    /// # Errors
    /// [`QuorumError::ReleaseUnlockedLock`] if no majority held it; [`QuorumError::QuorumIsImpossible`] if that is not known,
    /// since masters fail on which it depends.
    pub(super) async fn release(&self, term: Term) -> Result<(), QuorumError> {
        let grant = self.claim.grant;
        let answers = self.ask(Aim::GivenBack, self.masters.limit(term), move |object| object.release(grant));
        let (verdict, tally) = self.masters.agree(answers, |_, was_held| *was_held).await;
        match known(verdict, &tally) {
            Verdict::NotAchieved => Err(QuorumError::ReleaseUnlockedLock { name: self.name.to_string() }),
            verdict => self.settle(verdict, tally),
        }
    }

    /// Gives it back everywhere, without waiting. At a master that is out of reach for long the lease ends by itself.
    pub(super) fn give_back(&self) {
        let grant = self.claim.grant;
        let limit = self.lease().min(config::REDLOCK_GIVE_BACK_MAX);
        drop(self.ask(Aim::GivenBack, limit, move |object| object.release(grant)));
    }

    fn settle(&self, verdict: Verdict, tally: Tally) -> Result<(), QuorumError> {
        match verdict {
            Verdict::Agreed => Ok(()),
            Verdict::NotAchieved => Err(tally.error(&self.name, false)),
            Verdict::Impossible => Err(tally.error(&self.name, true)),
        }
    }

    /// Asks each master, once what it was asked before has been answered or withdrawn; and for the lease not at all once it is
    /// given back. So nothing overtakes what comes later, and no master is left with a lease that nobody owns. The questions
    /// live on when nobody waits for the answers.
    fn ask<T, F>(&self, aim: Aim, limit: Duration, make: F) -> Answers<T>
    where
        T: Send + 'static,
        F: Fn(&<RedlockState as Kept>::Client) -> Operation<T> + Clone + Send + 'static,
    {
        let (told, answers) = mpsc::unbounded_channel();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.is_given_back |= aim == Aim::GivenBack;
        if asked.is_given_back && aim == Aim::Held {
            return Answers::of(answers);
        }
        for at in 0..self.masters.len() {
            let (make, name, told) = (make.clone(), Arc::clone(&self.name), told.clone());
            let answer =
                self.masters.ask_one(at, limit, move |node: &Node| make(&node.object::<RedlockState>(name)));
            if asked.lines.len() == at {
                let (line, questions) = mpsc::unbounded_channel();
                self.masters.runtime(at).spawn(put(questions));
                asked.lines.push(line);
            }
            // Whoever asked may have heard enough, and the runtime of the master may have ended.
            let question = async move { drop(told.send((at, answer.await))) };
            drop(asked.lines[at].send(Box::pin(question)));
        }
        Answers::of(answers)
    }
}

/// Puts questions to one master: each takes the place of the one before, which is withdrawn first if it was not answered.
async fn put(mut questions: mpsc::UnboundedReceiver<Question>) {
    let mut next = questions.recv().await;
    while let Some(question) = next {
        next = tokio::select! {
            biased;
            Some(next) = questions.recv() => Some(next),
            () = question => questions.recv().await,
        };
    }
}
