use proptest::prelude::*;

use super::*;
use crate::datatypes::guard::trial::{Account, Event, Trial, claim, events, refused};
use crate::hosted::SessionId;
use crate::wire;

type Semaphores = Trial<SemaphoreState>;

fn acquire(
    it: &mut Semaphores,
    session: SessionId,
    ticket: u64,
    permits: u64,
    of_all: u64,
) -> Poll<Result<u64, DataError>> {
    it.call(session, "acquire", &("it", claim(ticket, Some(10)), permits, of_all))
}

#[test]
fn who_took_the_first_permit_said_how_many_there_are() {
    let mut it = Semaphores::new();
    let one = it.open();
    assert!(acquire(&mut it, one, 1, 2, 2).is_ready());

    assert!(acquire(&mut it, one, 2, 1, 5).is_pending());
    assert!(it.get::<bool>(one, "forgo", &("it", 1)));

    assert!(it.is_absent());
    assert!(acquire(&mut it, one, 3, 4, 5).is_ready());
}

#[test]
fn how_many_are_taken_follows_from_who_holds_them_whatever_a_state_says() {
    #[derive(Serialize)]
    struct Forged {
        permits: u64,
        is_fixed: bool,
        holders: Grants<u64>,
        taken: u64,
    }
    let forged = Forged { permits: 3, is_fixed: true, holders: Grants::default(), taken: 3 };

    let state: SemaphoreState = wire::decode(&wire::encode(&forged).unwrap()).unwrap();

    assert_eq!(state.permits(), (3, 0));
}

#[test]
fn more_permits_than_there_are_and_none_are_refused() {
    let mut it = Semaphores::new();
    let one = it.open();

    for (permits, of_all) in [(3, 2), (0, 2), (1, 0)] {
        let error = refused(acquire(&mut it, one, 1, permits, of_all));
        assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    }
    it.get::<()>(one, "resize", &("it", 2));
    assert!(matches!(refused(acquire(&mut it, one, 1, 3, 9)), DataError::Invalid { .. }));
}

#[test]
fn a_semaphore_that_was_made_smaller_grants_none_before_enough_came_back() {
    let mut it = Semaphores::new();
    let one = it.open();
    let tokens: Vec<u64> =
        (0..3).map(|ticket| it.get(one, "acquire", &("it", claim(ticket, None), 1, 3))).collect();

    it.get::<()>(one, "resize", &("it", 2));
    it.get::<()>(one, "release", &("it", tokens[0]));
    assert!(acquire(&mut it, one, 9, 1, 3).is_pending());
    it.get::<()>(one, "release", &("it", tokens[1]));

    assert!(acquire(&mut it, one, 9, 1, 3).is_ready());
    assert_eq!(it.get::<(u64, u64)>(one, "permits", &("it",)), (2, 2));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Acquire { session: usize, ticket: u64, permits: u64 },
    Release { pick: usize },
    Happens(Event),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let acquire = (0..2usize, 0..9u64, 1..4u64).prop_map(|(session, ticket, permits)| Step::Acquire {
        session,
        ticket,
        permits,
    });
    let step = prop_oneof![
        5 => acquire,
        3 => any::<usize>().prop_map(|pick| Step::Release { pick }),
        4 => events(2).prop_map(Step::Happens),
    ];
    proptest::collection::vec(step, 0..60)
}

fn taken(account: &Account<u64>) -> u64 {
    account.grants.iter().map(|entry| entry.of).sum()
}

fn step(it: &mut Semaphores, account: &mut Account<u64>, sessions: &mut [SessionId], step: Step) {
    match step {
        Step::Acquire { session, ticket, permits } => {
            let session = sessions[session];
            let answer = acquire(it, session, ticket, permits, 5);
            match (account.known(session, ticket), answer) {
                (Some(token), answer) => assert_eq!(answer, Poll::Ready(Ok(token))),
                (None, Poll::Pending) => assert!(taken(account) + permits > 5),
                (None, answer) => {
                    let Poll::Ready(Ok(token)) = answer else { panic!("{answer:?}") };
                    account.insert(it.now(), session, &claim(ticket, Some(10)), token, permits);
                    assert!(taken(account) <= 5);
                }
            }
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
    fn permits_are_held_as_a_naive_account_says(steps in steps()) {
        let mut it = Semaphores::new();
        let mut sessions = [it.open(), it.open()];
        let mut account = Account::default();
        for one in steps {
            step(&mut it, &mut account, &mut sessions, one);
            let (of_all, all_taken): (u64, u64) = it.get(sessions[0], "permits", &("it",));
            prop_assert_eq!(all_taken, taken(&account));
            prop_assert_eq!(of_all, if account.grants.is_empty() { 0 } else { 5 });
            prop_assert_eq!(it.is_absent(), account.grants.is_empty());
        }
    }
}
