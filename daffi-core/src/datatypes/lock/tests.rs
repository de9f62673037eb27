use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::datatypes::guard::trial::{Account, Event, Trial, claim, events, refused};
use crate::hosted::SessionId;

type Locks = Trial<LockState>;

fn acquire(
    it: &mut Locks,
    session: SessionId,
    claim: &Claim,
    is_shared: bool,
) -> Poll<Result<u64, DataError>> {
    it.call(session, "acquire", &("it", claim, is_shared))
}

fn take(it: &mut Locks, session: SessionId, ticket: u64) -> u64 {
    it.get(session, "acquire", &("it", claim(ticket, None), false))
}

fn tokens(it: &mut Locks, session: SessionId) -> Vec<u64> {
    let holders: Vec<LockHolder> = it.get(session, "holders", &("it",));
    holders.into_iter().map(|holder| holder.token).collect()
}

#[test]
fn a_second_claim_waits_and_leaves_the_first_as_it_is() {
    let mut it = Locks::new();
    let one = it.open();
    let token = take(&mut it, one, 1);

    assert!(acquire(&mut it, one, &claim(2, None), false).is_pending());

    assert_eq!(tokens(&mut it, one), [token]);
    it.get::<()>(one, "release", &("it", token));
    assert!(it.is_absent());
}

#[test]
fn a_claim_that_is_made_twice_by_one_ticket_has_one_grant() {
    let mut it = Locks::new();
    let one = it.open();
    let token = take(&mut it, one, 1);

    assert_eq!(take(&mut it, one, 1), token);

    it.get::<()>(one, "release", &("it", token));
    assert!(tokens(&mut it, one).is_empty());
}

#[test]
fn a_lease_of_no_time_is_refused_and_nobody_holds_the_lock() {
    let mut it = Locks::new();
    let one = it.open();

    let error = refused(acquire(&mut it, one, &claim(1, Some(0)), false));

    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    assert!(it.is_absent());
}

#[test]
fn one_ticket_is_another_in_another_session() {
    let mut it = Locks::new();
    let (one, other) = (it.open(), it.open());
    let token = take(&mut it, one, 1);

    assert!(!it.get::<bool>(other, "forgo", &("it", 1)));
    assert_eq!(tokens(&mut it, one), [token]);
    assert!(it.get::<bool>(one, "forgo", &("it", 1)));
    assert!(it.is_absent());
}

#[test]
fn a_lock_that_nobody_holds_takes_no_room() {
    let mut it = Locks::new();
    let one = it.open();
    let readers: Vec<u64> =
        (0..100).map(|ticket| it.get(one, "acquire", &("it", claim(ticket, Some(5)), true))).collect();
    let full = it.bytes();
    it.get::<()>(one, "release", &("it", readers[3]));
    assert!(it.bytes() < full);
    it.advance(Duration::from_millis(5));

    assert!(it.is_absent());
    let nothing = it.bytes();
    let token = take(&mut it, one, 1);
    it.get::<()>(one, "release", &("it", token));
    assert_eq!(it.bytes(), nothing);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Acquire { session: usize, ticket: u64, is_shared: bool, lease_ms: Option<u64> },
    Forgo { session: usize, ticket: u64 },
    Release { pick: usize },
    Renew { pick: usize, lease_ms: Option<u64> },
    Break,
    Happens(Event),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lease = || proptest::option::of(1u64..20);
    let acquire =
        (0..3usize, 0..6u64, any::<bool>(), lease()).prop_map(|(session, ticket, is_shared, lease_ms)| {
            Step::Acquire { session, ticket, is_shared, lease_ms }
        });
    let step = prop_oneof![
        6 => acquire,
        2 => (0..3usize, 0..6u64).prop_map(|(session, ticket)| Step::Forgo { session, ticket }),
        3 => any::<usize>().prop_map(|pick| Step::Release { pick }),
        2 => (any::<usize>(), lease()).prop_map(|(pick, lease_ms)| Step::Renew { pick, lease_ms }),
        1 => Just(Step::Break),
        4 => events(3).prop_map(Step::Happens),
    ];
    proptest::collection::vec(step, 0..80)
}

/// A token that is held, or, now and then, one that is not.
fn pick(account: &Account<bool>, pick: usize) -> u64 {
    let tokens = account.tokens();
    tokens.get(pick % (tokens.len() + 1)).copied().unwrap_or(pick as u64 % 50)
}

fn step(it: &mut Locks, account: &mut Account<bool>, sessions: &mut [SessionId], step: Step) {
    match step {
        Step::Acquire { session, ticket, is_shared, lease_ms } => {
            let (session, claim) = (sessions[session], claim(ticket, lease_ms));
            let answer = acquire(it, session, &claim, is_shared);
            let known = account.known(session, ticket);
            let is_free = account.grants.iter().all(|entry| entry.of && is_shared);
            match known {
                Some(token) => assert_eq!(answer, Poll::Ready(Ok(token))),
                None if !is_free => assert_eq!(answer, Poll::Pending),
                None => {
                    let Poll::Ready(Ok(token)) = answer else { panic!("{answer:?}") };
                    account.insert(it.now(), session, &claim, token, is_shared);
                }
            }
        }
        Step::Forgo { session, ticket } => {
            let known = account.known(sessions[session], ticket);
            let forgone: bool = it.get(sessions[session], "forgo", &("it", ticket));
            assert_eq!(forgone, known.is_some_and(|token| account.remove(token)));
        }
        Step::Release { pick: picked } => {
            let token = pick(account, picked);
            let answer = it.call::<()>(sessions[0], "release", &("it", token));
            assert_eq!(matches!(answer, Poll::Ready(Ok(()))), account.remove(token));
        }
        Step::Renew { pick: picked, lease_ms } => {
            let token = pick(account, picked);
            let answer = it.call::<()>(sessions[0], "renew", &("it", token, lease_ms));
            assert_eq!(matches!(answer, Poll::Ready(Ok(()))), account.renew(it.now(), token, lease_ms));
        }
        Step::Break => {
            let broken: u64 = it.get(sessions[0], "break_lock", &("it",));
            assert_eq!(broken, account.grants.len() as u64);
            account.grants.clear();
        }
        Step::Happens(event) => it.happens(event, sessions, account),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn locks_are_held_as_a_naive_account_says(steps in steps()) {
        let mut it = Locks::new();
        let mut sessions = [it.open(), it.open(), it.open()];
        let mut account = Account::default();
        for one in steps {
            step(&mut it, &mut account, &mut sessions, one);
            prop_assert_eq!(tokens(&mut it, sessions[0]), account.tokens());
            prop_assert_eq!(it.is_absent(), account.grants.is_empty());
        }
    }
}
