//! Elections: one of those who stand for an office holds it, and all can see who does.

use std::future::IntoFuture;
use std::ops::Deref;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use daffi_macros::callback;
use futures::Stream;
use futures::stream;
use serde::{Deserialize, Serialize};

use super::guard::{Claim, Grant, Grants, Hold, Terms, ask, asks_on_terms, not_held, tried};
use crate::api::{Kept, Operation, OperationFuture};
use crate::error::{CallError, DataError};
use crate::hosted::{Hosted, SessionId, Time, Turn};
use crate::node::Node;

/// An election, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionState {
    /// At most one.
    leader: Grants<()>,
    /// The number of the last change of leader.
    changed: u64,
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Leader {
    /// The number of its term, which is its fencing token: greater than that of all terms before.
    pub term: u64,
    /// What it calls itself: the name of its node, unless it said otherwise.
    pub name: String,
    /// For how long it has led.
    pub led_for: Duration,
}

#[callback(hosted = "election")]
impl ElectionState {
    /// Stands for the office, and returns the number of the term. Waits until it is elected.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a lease of no time, an owner with too long a name, and a second grant in
    /// one batch.
    pub fn campaign(&mut self, turn: &mut Turn<'_>, claim: Claim) -> Poll<Result<u64, DataError>> {
        match self.leader.check(turn, &claim) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok(Some(token)) => return Poll::Ready(Ok(token)),
            Ok(None) => {}
        }
        if !self.leader.is_empty() {
            return Poll::Pending;
        }
        self.changed = turn.revision();
        Poll::Ready(Ok(self.leader.insert(turn, claim, ())))
    }

    /// Gives up the term that this session was given by a ticket, if it was. For one that no longer wants what it asked for.
    #[callback(shrink)]
    pub fn forgo(&mut self, turn: &mut Turn<'_>, ticket: u64) -> bool {
        let was_leader = self.leader.forgo(turn, ticket).is_some();
        if was_leader {
            self.changed = turn.revision();
        }
        was_leader
    }

    /// Resigns.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        self.leader.remove(turn, token).ok_or_else(|| not_held("the office", token))?;
        self.changed = turn.revision();
        Ok(())
    }

    /// Begins the lease of the leader anew, from now on, with another length if one is given; without either it only says
    /// whether it still leads.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer; [`DataError::Invalid`] for a
    /// lease of no time.
    #[callback(shrink)]
    pub fn renew(&mut self, turn: &mut Turn<'_>, token: u64, lease_ms: Option<u64>) -> Result<(), DataError> {
        self.leader.renew(turn, token, lease_ms)?.ok_or_else(|| not_held("the office", token))
    }

    /// Who leads, and the number of the last change.
    pub fn leader(&self, turn: &Turn<'_>) -> (u64, Option<Leader>) {
        let shown = |(term, leader): (u64, &Grant<()>)| Leader {
            term,
            name: leader.owner.clone(),
            led_for: leader.held_for(turn.now()),
        };
        (self.changed, self.leader.first().map(shown))
    }

    /// The same, once the last change has another number than this.
    #[callback(line = 1)]
    pub fn next(&self, turn: &Turn<'_>, changed: u64) -> Poll<(u64, Option<Leader>)> {
        if self.changed == changed { Poll::Pending } else { Poll::Ready(self.leader(turn)) }
    }

    /// How many wait to be elected, or for a change of leader.
    pub fn waiters(&self, turn: &Turn<'_>) -> u64 {
        turn.waiting() as u64
    }
}

impl ElectionState {
    fn lost(&mut self, turn: &Turn<'_>, lost: &[(u64, Grant<()>)]) {
        if !lost.is_empty() {
            self.changed = turn.revision();
        }
    }
}

impl Hosted for ElectionState {
    fn next_expiry(&self) -> Option<Time> {
        self.leader.next_expiry()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        let lost = self.leader.expire(turn);
        self.lost(turn, &lost);
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        let lost = self.leader.release(turn);
        self.lost(turn, &lost);
    }

    fn holders(&self) -> Vec<SessionId> {
        self.leader.sessions()
    }

    /// Once there was a leader it stays, for who watches counts changes.
    fn is_vacant(&self) -> bool {
        self.changed == 0
    }

    fn bytes(&self) -> usize {
        self.leader.bytes()
    }

    fn fence(&self) -> Option<u64> {
        self.leader.first().map(|(token, _)| token)
    }
}

/// An office that at most one node of the mesh holds at a time, and that all can see.
///
/// Whoever [campaigns](Self::campaign) is elected in the order of arrival, when the one before has resigned, or has lost the
/// office as a [lock](super::Lock) is lost. A leader shows the number of its term to those that it commands, and they
/// refuse one that is over.
#[derive(Clone)]
pub struct Election {
    object: <ElectionState as Kept>::Client,
    terms: Terms,
}

reaches_object!(Election);
asks_on_terms!(Election);

impl Node {
    /// The election of this name. Nothing is sent.
    pub fn election(&self, name: impl Into<Arc<str>>) -> Election {
        Election { object: self.object::<ElectionState>(name), terms: Terms::default() }
    }
}

impl Election {
    /// Stands for the office, and waits until it is had: for ever, or for a [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// [`CallError::TimedOut`](crate::error::CallError::TimedOut) if it was not elected in time;
    /// [`DataError::Invalid`] for a lease of less than a millisecond.
    ///
    /// # Cancel safety
    /// Cancel safe, but its place in the line is lost: an office that was won by an operation that is dropped is given up.
    pub fn campaign(&self) -> Operation<Leadership> {
        self.ask().map(|hold| Leadership(Hold::granted(hold)))
    }

    /// Takes the office if nobody has it or waits for it; else `None`, at once or after a
    /// [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// As [`campaign`](Self::campaign), but for the timeout.
    ///
    /// # Cancel safety
    /// As there.
    pub fn try_campaign(&self) -> Operation<Option<Leadership>> {
        tried(self.ask()).map(|hold| hold.map(Leadership))
    }

    fn ask(&self) -> Operation<Option<Hold>> {
        let claim = self.terms.claim(self.object.node());
        let operation = self.object.campaign(claim.clone()).map(Some);
        ask::<ElectionState>(&self.object, &claim, operation)
    }

    /// Who leads; `None` if nobody does.
    pub fn leader(&self) -> Operation<Option<Leader>> {
        self.object.leader().map(|(_, leader)| leader)
    }

    /// Who leads, at once and whenever that changes. Of changes that come faster than they are taken, the last counts. It
    /// goes on over broken links, and ends with the node, after an error.
    pub fn observe(&self) -> impl Stream<Item = Result<Option<Leader>, DataError>> + Send + use<> {
        let object = self.object.clone();
        stream::unfold(Some((object, None)), |watching| async move {
            let (object, seen) = watching?;
            let found = loop {
                let found = match seen {
                    None => object.leader().await,
                    Some(changed) => object.next(changed).await,
                };
                let is_cut = matches!(found, Err(DataError::Call(CallError::Disconnected { .. })));
                if !is_cut || object.node().shared().connected(None, Duration::ZERO).await.is_err() {
                    break found;
                }
            };
            Some(match found {
                Ok((changed, leader)) => (Ok(leader), Some((object, Some(changed)))),
                Err(error) => (Err(error), None),
            })
        })
    }
}

impl IntoFuture for Election {
    type Output = Result<Leadership, DataError>;
    type IntoFuture = OperationFuture<Leadership>;

    fn into_future(self) -> Self::IntoFuture {
        self.campaign().into_future()
    }
}

/// An office that is held: a [`Hold`], which is resigned when this is dropped.
#[derive(Debug)]
#[must_use = "the office is resigned when this is dropped"]
pub struct Leadership(Hold);

impl Leadership {
    /// The number of this term: its fencing token.
    pub fn term(&self) -> u64 {
        self.0.fencing_token()
    }

    /// Resigns, and waits until that is done.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if the office was lost before.
    ///
    /// # Cancel safety
    /// Cancel safe: it is resigned all the same.
    pub fn resign(self) -> Operation<()> {
        self.0.release()
    }
}

impl Deref for Leadership {
    type Target = Hold;

    fn deref(&self) -> &Hold {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::datatypes::guard::trial::{Account, Event, Trial, claim, events};
    use crate::hosted::SessionId;

    type Elections = Trial<ElectionState>;

    fn leader(it: &mut Elections, session: SessionId) -> (u64, Option<u64>) {
        let (changed, leader): (u64, Option<Leader>) = it.get(session, "leader", &("it",));
        (changed, leader.map(|leader| leader.term))
    }

    #[test]
    fn every_change_of_leader_has_a_number_of_its_own() {
        let mut it = Elections::new();
        let (one, other, watcher) = (it.open(), it.open(), it.open());
        let (mut seen, mut terms) = (vec![leader(&mut it, watcher).0], Vec::new());
        for session in [one, other] {
            let term: u64 = it.get(session, "campaign", &("it", claim(1, Some(5))));
            assert_eq!(leader(&mut it, watcher).1, Some(term));
            terms.push(term);
            seen.push(leader(&mut it, watcher).0);
            if session == one {
                it.end(session)
            } else {
                it.advance(Duration::from_millis(5))
            }
            assert_eq!(leader(&mut it, watcher).1, None);
            seen.push(leader(&mut it, watcher).0);
        }

        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
        assert!(terms[0] < terms[1]);
        let last = seen[seen.len() - 1];
        assert!(it.call::<(u64, Option<Leader>)>(other, "next", &("it", last)).is_pending());
        assert!(it.call::<(u64, Option<Leader>)>(other, "next", &("it", seen[0])).is_ready());
    }

    #[derive(Debug, Clone, Copy)]
    enum Move {
        Campaign { session: usize, ticket: u64, lease_ms: Option<u64> },
        Forgo { session: usize, ticket: u64 },
        Resign { is_wrong: bool },
        Renew { lease_ms: Option<u64> },
        Happens(Event),
    }

    fn one_move() -> impl Strategy<Value = Move> {
        let lease = || proptest::option::of(1u64..20);
        prop_oneof![
            6 => (0..3usize, 0..4u64, lease())
                .prop_map(|(session, ticket, lease_ms)| Move::Campaign { session, ticket, lease_ms }),
            1 => (0..3usize, 0..4u64).prop_map(|(session, ticket)| Move::Forgo { session, ticket }),
            2 => any::<bool>().prop_map(|is_wrong| Move::Resign { is_wrong }),
            1 => lease().prop_map(|lease_ms| Move::Renew { lease_ms }),
            4 => events(3).prop_map(Move::Happens),
        ]
    }

    fn take(it: &mut Elections, account: &mut Account<()>, sessions: &mut [SessionId], one: Move) {
        let term = account.tokens().first().copied();
        match one {
            Move::Campaign { session, ticket, lease_ms } => {
                let (session, claim) = (sessions[session], claim(ticket, lease_ms));
                let answer = it.call::<u64>(session, "campaign", &("it", &claim));
                match (account.known(session, ticket), answer) {
                    (Some(token), answer) => assert_eq!(answer, Poll::Ready(Ok(token))),
                    (None, Poll::Pending) => assert!(term.is_some(), "nobody leads"),
                    (None, answer) => {
                        let Poll::Ready(Ok(token)) = answer else { panic!("{answer:?}") };
                        assert_eq!(term, None, "another leads");
                        account.insert(it.now(), session, &claim, token, ());
                    }
                }
            }
            Move::Forgo { session, ticket } => {
                let known = account.known(sessions[session], ticket);
                let forgone: bool = it.get(sessions[session], "forgo", &("it", ticket));
                assert_eq!(forgone, known.is_some_and(|token| account.remove(token)));
            }
            Move::Resign { is_wrong } => {
                let token = term.filter(|_| !is_wrong).unwrap_or(3);
                let answer = it.call::<()>(sessions[0], "release", &("it", token));
                assert_eq!(matches!(answer, Poll::Ready(Ok(()))), account.remove(token));
            }
            Move::Renew { lease_ms } => {
                let token = term.unwrap_or(3);
                let answer = it.call::<()>(sessions[0], "renew", &("it", token, lease_ms));
                let renewed = account.renew(it.now(), token, lease_ms);
                assert_eq!(matches!(answer, Poll::Ready(Ok(()))), renewed);
            }
            Move::Happens(event) => it.happens(event, sessions, account),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn one_leads_as_a_naive_account_says_and_each_change_is_seen(
            moves in proptest::collection::vec(one_move(), 0..60),
        ) {
            let (mut it, mut account) = (Elections::new(), Account::default());
            let mut sessions = [it.open(), it.open(), it.open()];
            let mut seen = leader(&mut it, sessions[0]);
            for one in moves {
                take(&mut it, &mut account, &mut sessions, one);
                let now = leader(&mut it, sessions[0]);
                prop_assert_eq!(now.1, account.tokens().first().copied());
                prop_assert!(if now.1 == seen.1 { now.0 == seen.0 } else { now.0 > seen.0 }, "{:?} {:?}", seen, now);
                let next = it.call::<(u64, Option<Leader>)>(sessions[0], "next", &("it", seen.0));
                prop_assert_eq!(next.is_ready(), now.0 > seen.0);
                prop_assert_eq!(it.is_absent(), now.0 == 0);
                seen = now;
            }
        }
    }
}
