//! Barriers: so many wait for each other, then all go on.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use super::guard::{Claim, Grants, Terms, ask, not_held};
use crate::api::{Kept, Operation};
use crate::config;
use crate::error::{CallError, DataError, Ran};
use crate::hosted::{Hosted, SessionId, Time, Turn};
use crate::node::Node;

/// A barrier, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarrierState {
    /// How many wait for each other, as the first of them said.
    parties: u64,
    arrived: Grants<()>,
}

#[callback(hosted = "barrier")]
impl BarrierState {
    /// Arrives, as one of so many parties: the token to wait with, or `None` if this is the last of them, and all go on.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a lease of no time, an owner with too long a name, and a second grant in
    /// one batch; for no parties.
    pub fn arrive(
        &mut self,
        turn: &mut Turn<'_>,
        claim: Claim,
        parties: u64,
    ) -> Result<Option<u64>, DataError> {
        if parties == 0 {
            return Err(DataError::invalid("a barrier has at least one party"));
        }
        if let Some(token) = self.arrived.check(turn, &claim)? {
            return Ok(Some(token));
        }
        let parties = if self.arrived.is_empty() { parties } else { self.parties };
        if self.arrived.len() as u64 + 1 >= parties {
            self.arrived.clear(turn);
            self.parties = 0;
            return Ok(None);
        }
        self.parties = parties;
        Ok(Some(self.arrived.insert(turn, claim, ())))
    }

    /// Waits until the round is over in which one arrived by this token.
    #[callback(line = 1)]
    pub fn wait(&self, token: u64) -> Poll<()> {
        if self.arrived.contains(token) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Takes back the arrival that this session made with a ticket. `false` if it made none, or its round is over.
    #[callback(shrink)]
    pub fn forgo(&mut self, turn: &mut Turn<'_>, ticket: u64) -> bool {
        let left = self.arrived.forgo(turn, ticket).is_some();
        self.tidy();
        left
    }

    /// Takes an arrival back.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        self.arrived.remove(turn, token).ok_or_else(|| not_held("a place", token))?;
        self.tidy();
        Ok(())
    }

    /// Says whether an arrival still counts; with a length, for how long it does from now on.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer; [`DataError::Invalid`] for a
    /// lease of no time.
    #[callback(shrink)]
    pub fn renew(&mut self, turn: &mut Turn<'_>, token: u64, lease_ms: Option<u64>) -> Result<(), DataError> {
        self.arrived.renew(turn, token, lease_ms)?.ok_or_else(|| not_held("a place", token))
    }

    /// Who has arrived in this round, in order: up to 1,000.
    pub fn arrived(&self) -> Vec<String> {
        let arrived = self.arrived.iter().take(config::HOLDERS_SHOWN_MAX);
        arrived.map(|(_, grant)| grant.owner.clone()).collect()
    }
}

impl BarrierState {
    fn tidy(&mut self) {
        if self.arrived.is_empty() {
            self.parties = 0;
        }
    }
}

impl Hosted for BarrierState {
    fn next_expiry(&self) -> Option<Time> {
        self.arrived.next_expiry()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        self.arrived.expire(turn);
        self.tidy();
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        self.arrived.release(turn);
        self.tidy();
    }

    fn holders(&self) -> Vec<SessionId> {
        self.arrived.sessions()
    }

    fn is_vacant(&self) -> bool {
        self.arrived.is_empty()
    }

    fn bytes(&self) -> usize {
        self.arrived.bytes()
    }
}

/// A place where so many parties wait for each other; when the last has arrived all go on, and the next round begins.
///
/// Who leaves while it waits, or whose session ends, has not arrived.
#[derive(Clone)]
pub struct Barrier {
    object: <BarrierState as Kept>::Client,
    parties: u64,
}

reaches_object!(Barrier);

impl Node {
    /// The barrier of this name for so many parties, which all should say alike: in each round the first to arrive has the
    /// word. Nothing is sent.
    pub fn barrier(&self, name: impl Into<Arc<str>>, parties: u64) -> Barrier {
        Barrier { object: self.object::<BarrierState>(name), parties }
    }
}

impl Barrier {
    /// Its name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Arrives, and waits until all have. Whether it was the last to arrive: it may do what has to be done once.
    ///
    /// # Errors
    /// [`DataError::Call`] if the link broke; it may have been the last then. [`DataError::Invalid`] for no parties.
    ///
    /// # Cancel safety
    /// Cancel safe: dropped while it waits, it has not arrived, unless all have at the same time.
    pub async fn wait(&self) -> Result<bool, DataError> {
        let claim = Terms::default().claim(self.object.node());
        let operation = self.object.arrive(claim.clone(), self.parties);
        let Some(place) = ask::<BarrierState>(&self.object, &claim, operation).await? else {
            return Ok(true);
        };
        self.object.wait(place.fencing_token()).await?;
        if !place.is_of_this_session() {
            // Its arrival went with the session that made it, and not with its round.
            return Err(DataError::Call(CallError::Disconnected { ran: Ran::Maybe }));
        }
        place.ended();
        Ok(false)
    }

    /// Who has arrived in this round, in order, by the names of their nodes: up to
    /// [`HOLDERS_SHOWN_MAX`](config::HOLDERS_SHOWN_MAX).
    pub fn arrived(&self) -> Operation<Vec<String>> {
        self.object.arrived()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("name", &self.name()).field("parties", &self.parties).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::datatypes::guard::trial::{Account, Event, Trial, claim, events};
    use crate::hosted::SessionId;

    type Barriers = Trial<BarrierState>;

    fn arrive(it: &mut Barriers, session: SessionId, ticket: u64) -> Option<u64> {
        it.get(session, "arrive", &("it", claim(ticket, None), 3))
    }

    #[test]
    fn all_go_on_with_the_last_and_the_next_round_begins() {
        let mut it = Barriers::new();
        let one = it.open();
        let first = arrive(&mut it, one, 1).unwrap();
        let second = arrive(&mut it, one, 2).unwrap();
        assert!(it.call::<()>(one, "wait", &("it", first)).is_pending());

        assert_eq!(arrive(&mut it, one, 3), None);

        it.get::<()>(one, "wait", &("it", first));
        it.get::<()>(one, "wait", &("it", second));
        assert!(it.is_absent());
        let next = arrive(&mut it, one, 4).unwrap();
        assert!(it.call::<()>(one, "wait", &("it", next)).is_pending());
    }

    #[test]
    fn who_has_left_has_not_arrived() {
        let mut it = Barriers::new();
        let (one, other) = (it.open(), it.open());
        arrive(&mut it, one, 1).unwrap();
        arrive(&mut it, other, 1).unwrap();

        it.end(one);
        assert!(it.get::<bool>(other, "forgo", &("it", 1)));
        assert!(it.is_absent());

        arrive(&mut it, other, 2).unwrap();
        arrive(&mut it, other, 3).unwrap();
        assert_eq!(arrive(&mut it, other, 4), None);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Arrive { session: usize, ticket: u64, lease_ms: Option<u64>, parties: u64 },
        Forgo { session: usize, ticket: u64 },
        Release { pick: usize },
        Happens(Event),
    }

    fn step() -> impl Strategy<Value = Step> {
        let arrive = (0..3usize, 0..6u64, proptest::option::of(1u64..20), 1..5u64).prop_map(
            |(session, ticket, lease_ms, parties)| Step::Arrive { session, ticket, lease_ms, parties },
        );
        prop_oneof![
            6 => arrive,
            1 => (0..3usize, 0..6u64).prop_map(|(session, ticket)| Step::Forgo { session, ticket }),
            1 => any::<usize>().prop_map(|pick| Step::Release { pick }),
            3 => events(3).prop_map(Step::Happens),
        ]
    }

    /// What a barrier should be: who has arrived, of how many, and whose rounds are over.
    #[derive(Default)]
    struct Naive {
        account: Account<()>,
        parties: u64,
        over: Vec<u64>,
    }

    fn take(it: &mut Barriers, naive: &mut Naive, sessions: &mut [SessionId], step: Step) {
        let account = &mut naive.account;
        match step {
            Step::Arrive { session, ticket, lease_ms, parties } => {
                let (session, claim) = (sessions[session], claim(ticket, lease_ms));
                let arrived: Option<u64> = it.get(session, "arrive", &("it", &claim, parties));
                if account.grants.is_empty() {
                    naive.parties = parties;
                }
                match account.known(session, ticket) {
                    Some(token) => assert_eq!(arrived, Some(token), "it has arrived already"),
                    None if account.grants.len() as u64 + 1 == naive.parties => {
                        assert_eq!(arrived, None, "it is the last");
                        naive.over.extend(account.tokens());
                        account.grants.clear();
                    }
                    None => {
                        account.insert(it.now(), session, &claim, arrived.expect("it is not the last"), ())
                    }
                }
            }
            Step::Forgo { session, ticket } => {
                let known = account.known(sessions[session], ticket);
                let forgone: bool = it.get(sessions[session], "forgo", &("it", ticket));
                assert_eq!(forgone, known.is_some_and(|token| account.remove(token)));
            }
            Step::Release { pick } => {
                let token = account.tokens().get(pick % 4).copied().unwrap_or(3);
                let answer = it.call::<()>(sessions[0], "release", &("it", token));
                assert_eq!(matches!(answer, Poll::Ready(Ok(()))), account.remove(token));
            }
            Step::Happens(event) => it.happens(event, sessions, account),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_round_is_over_when_a_naive_account_says_so(steps in proptest::collection::vec(step(), 0..60)) {
            let (mut it, mut naive) = (Barriers::new(), Naive::default());
            let mut sessions = [it.open(), it.open(), it.open()];
            for one in steps {
                take(&mut it, &mut naive, &mut sessions, one);
                let waiting = naive.account.tokens();
                let arrived: Vec<String> = it.get(sessions[0], "arrived", &("it",));
                prop_assert_eq!(arrived.len(), waiting.len());
                prop_assert_eq!(it.is_absent(), waiting.is_empty());
                for token in waiting {
                    prop_assert!(it.call::<()>(sessions[0], "wait", &("it", token)).is_pending());
                }
                for token in &naive.over {
                    it.get::<()>(sessions[0], "wait", &("it", token));
                }
            }
        }
    }
}
