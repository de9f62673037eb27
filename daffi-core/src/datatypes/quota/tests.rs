use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::datatypes::guard::trial::{Account, Event, Trial, claim, events, refused};
use crate::hosted::SessionId;

type Quotas = Trial<QuotaState>;
type Days = Trial<DailyQuotaState>;

fn begin(it: &mut Quotas, session: SessionId, ticket: u64, user: &str, max: u64) -> Option<u64> {
    it.get(session, "begin", &("it", claim(ticket, Some(120_000)), user, max))
}

fn count(it: &mut Quotas, session: SessionId, user: &str) -> u64 {
    it.get(session, "count", &("it", user))
}

#[test]
fn who_has_as_many_as_it_may_gets_no_more_until_one_ends() {
    let mut it = Quotas::new();
    let one = it.open();
    let first = begin(&mut it, one, 1, "uid", 2).unwrap();
    begin(&mut it, one, 2, "uid", 2).unwrap();

    assert_eq!(begin(&mut it, one, 3, "uid", 2), None);
    assert!(begin(&mut it, one, 4, "other", 2).is_some());

    assert!(it.get::<bool>(one, "end", &("it", "uid", first)));
    assert!(begin(&mut it, one, 5, "uid", 2).is_some());
}

#[test]
fn a_quota_of_none_lets_nothing_begin_and_leaves_nothing_behind() {
    let mut it = Quotas::new();
    let one = it.open();

    assert_eq!(begin(&mut it, one, 1, "uid", 0), None);

    assert!(it.is_absent());
}

#[test]
fn one_that_overran_does_not_end_what_another_began() {
    let mut it = Quotas::new();
    let one = it.open();
    let overrun = begin(&mut it, one, 1, "uid", 1).unwrap();
    it.advance(Duration::from_secs(120));
    let other = begin(&mut it, one, 2, "uid", 1).unwrap();

    assert!(!it.get::<bool>(one, "end", &("it", "uid", overrun)));

    assert_eq!(begin(&mut it, one, 3, "uid", 1), None);
    assert!(it.get::<bool>(one, "end", &("it", "uid", other)));
    assert!(!it.get::<bool>(one, "end", &("it", "uid", other)));
}

#[test]
fn what_has_run_out_is_not_counted() {
    let mut it = Quotas::new();
    let one = it.open();
    begin(&mut it, one, 1, "uid", 3).unwrap();
    it.advance(Duration::from_secs(60));
    begin(&mut it, one, 2, "uid", 3).unwrap();
    assert_eq!(count(&mut it, one, "uid"), 2);

    it.advance(Duration::from_secs(60));

    assert_eq!(count(&mut it, one, "uid"), 1);
}

#[test]
fn slots_begun_at_one_moment_are_as_many() {
    let mut it = Quotas::new();
    let one = it.open();

    begin(&mut it, one, 1, "uid", 9).unwrap();
    begin(&mut it, one, 2, "uid", 9).unwrap();

    assert_eq!(count(&mut it, one, "uid"), 2);
}

fn begin_leased(it: &mut Quotas, session: SessionId, lease_ms: u64, user: &str, max: u64) -> Option<u64> {
    it.get(session, "begin_leased", &("it", claim(1, Some(lease_ms)), user, max))
}

#[test]
fn a_slot_that_is_bound_to_its_lease_outlives_the_session_that_asked_and_not_the_lease() {
    let mut it = Quotas::new();
    let (one, other) = (it.open(), it.open());
    let first = begin_leased(&mut it, one, 60_000, "uid", 2).unwrap();
    begin_leased(&mut it, one, 50_000, "uid", 2).unwrap();
    it.end(one);
    it.restart();

    assert_eq!(count(&mut it, other, "uid"), 2);
    assert_eq!(begin_leased(&mut it, other, 1, "uid", 2), None);
    assert!(!it.get::<bool>(other, "end", &("it", "another", first)));
    assert!(it.get::<bool>(other, "end", &("it", "uid", first)));
    assert!(!it.get::<bool>(other, "end", &("it", "uid", first)));
    it.advance(Duration::from_secs(50));

    assert!(it.is_absent());
}

#[test]
fn a_slot_that_is_bound_to_nothing_is_refused() {
    let mut it = Quotas::new();
    let one = it.open();
    for lease_ms in [None, Some(0)] {
        let answer = it.call::<Option<u64>>(one, "begin_leased", &("it", claim(1, lease_ms), "uid", 3));
        assert!(matches!(answer, Poll::Ready(Err(DataError::Invalid { .. }))), "{answer:?}");
    }
    assert!(it.is_absent());
}

#[test]
fn users_are_listed_page_by_page() {
    let mut it = Quotas::new();
    let one = it.open();
    for (ticket, user) in (0..).zip(["b", "c", "a", "b"]) {
        begin(&mut it, one, ticket, user, 9).unwrap();
    }

    let first: Vec<(String, u64)> = it.get(one, "users", &("it", None::<String>, 2));
    let rest: Vec<(String, u64)> = it.get(one, "users", &("it", Some("b"), 2));

    assert_eq!(first, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    assert_eq!(rest, [("c".to_owned(), 1)]);
}

#[test]
fn a_user_that_is_too_long_is_refused() {
    let mut it = Quotas::new();
    let one = it.open();
    let user = "u".repeat(config::COUNTED_KEY_BYTES_MAX + 1);

    let error = refused(it.call(one, "begin", &("it", claim(1, None), user, 3)));

    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Begin { session: usize, ticket: u64, user: u8, max: u64, lease_ms: Option<u64> },
    BeginLeased { session: usize, user: u8, max: u64, lease_ms: u64 },
    End { pick: usize },
    Renew { pick: usize },
    Reset { user: u8 },
    Happens(Event),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let begin = (0..2usize, any::<u64>(), 0..3u8, 0..5u64, proptest::option::of(1u64..20));
    let begin = begin.prop_map(|(session, ticket, user, max, lease_ms)| Step::Begin {
        session,
        ticket,
        user,
        max,
        lease_ms,
    });
    let leased = (0..2usize, 0..3u8, 0..5u64, 1..30u64)
        .prop_map(|(session, user, max, lease_ms)| Step::BeginLeased { session, user, max, lease_ms });
    let step = prop_oneof![
        6 => begin,
        2 => leased,
        2 => any::<usize>().prop_map(|pick| Step::End { pick }),
        1 => any::<usize>().prop_map(|pick| Step::Renew { pick }),
        1 => (0..3u8).prop_map(|user| Step::Reset { user }),
        4 => events(2).prop_map(Step::Happens),
    ];
    proptest::collection::vec(step, 0..60)
}

fn of_user(account: &Account<u8>, user: u8) -> u64 {
    account.grants.iter().filter(|entry| entry.of == user).count() as u64
}

fn step(it: &mut Quotas, account: &mut Account<u8>, sessions: &mut [SessionId], step: Step) {
    let pick = |account: &Account<u8>, pick: usize| account.tokens().get(pick % 4).copied().unwrap_or(3);
    match step {
        Step::Begin { session, ticket, user, max, lease_ms } => {
            let (session, claim) = (sessions[session], claim(ticket, lease_ms));
            let begun: Option<u64> = it.get(session, "begin", &("it", &claim, user.to_string(), max));
            match account.known(session, ticket) {
                Some(token) => assert_eq!(begun, Some(token)),
                None => {
                    assert_eq!(begun.is_some(), of_user(account, user) < max);
                    begun.inspect(|token| account.insert(it.now(), session, &claim, *token, user));
                }
            }
        }
        Step::BeginLeased { session, user, max, lease_ms } => {
            let begun = begin_leased(it, sessions[session], lease_ms, &user.to_string(), max);
            assert_eq!(begun.is_some(), of_user(account, user) < max);
            let nobody = SessionId(0);
            begun.inspect(|token| {
                account.insert(it.now(), nobody, &claim(*token, Some(lease_ms)), *token, user);
            });
        }
        Step::End { pick: picked } => {
            let token = pick(account, picked);
            let of = account.grants.iter().find(|entry| entry.token == token).map_or(0, |entry| entry.of);
            let other = (of + 1) % 3;
            assert!(!it.get::<bool>(sessions[0], "end", &("it", other.to_string(), token)));
            let ended: bool = it.get(sessions[0], "end", &("it", of.to_string(), token));
            assert_eq!(ended, account.remove(token));
        }
        Step::Renew { pick: picked } => {
            let token = pick(account, picked);
            let answer = it.call::<()>(sessions[0], "renew", &("it", token, None::<u64>));
            assert_eq!(matches!(answer, Poll::Ready(Ok(()))), account.renew(it.now(), token, None));
        }
        Step::Reset { user } => {
            let ended: u64 = it.get(sessions[0], "reset", &("it", user.to_string()));
            assert_eq!(ended, of_user(account, user));
            account.grants.retain(|entry| entry.of != user);
        }
        Step::Happens(event) => it.happens(event, sessions, account),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn slots_are_counted_as_a_naive_account_says(steps in steps()) {
        let mut it = Quotas::new();
        let mut sessions = [it.open(), it.open()];
        let mut account = Account::default();
        for one in steps {
            step(&mut it, &mut account, &mut sessions, one);
            for user in 0..3u8 {
                prop_assert_eq!(count(&mut it, sessions[0], &user.to_string()), of_user(&account, user));
            }
            prop_assert_eq!(it.is_absent(), account.grants.is_empty());
        }
    }
}

const DAY: u64 = 24 * 3_600 * 1_000_000;

fn increment(it: &mut Days, session: SessionId, user: &str) -> u64 {
    it.get(session, "increment", &("it", user, 1))
}

#[test]
fn a_day_ends_at_midnight_of_the_controllers_clock_and_takes_all_counts_with_it() {
    let mut it = Days::new();
    it.advance_to(Time(DAY - 1));
    let one = it.open();
    assert_eq!(increment(&mut it, one, "uid"), 1);
    assert_eq!(increment(&mut it, one, "uid"), 2);

    it.advance(Duration::from_micros(1));

    assert!(it.is_absent());
    assert_eq!(increment(&mut it, one, "uid"), 1);
    it.advance_to(Time(2 * DAY - 1));
    assert_eq!(it.get::<u64>(one, "get", &("it", "uid")), 1);
    it.advance(Duration::from_micros(1));
    assert_eq!(it.get::<u64>(one, "get", &("it", "uid")), 0);
}

#[test]
fn a_daily_count_does_not_go_below_nothing() {
    let mut it = Days::new();
    let one = it.open();
    increment(&mut it, one, "uid");

    assert_eq!(it.get::<u64>(one, "decrement", &("it", "uid", 5)), 0);
    assert_eq!(it.get::<u64>(one, "decrement", &("it", "nobody", 1)), 0);

    assert!(it.is_absent());
    assert_eq!(increment(&mut it, one, "uid"), 1);
    assert_eq!(it.get::<u64>(one, "reset", &("it", "uid")), 1);
    assert!(it.is_absent());
}

#[test]
fn a_daily_count_that_does_not_fit_changes_nothing() {
    let mut it = Days::new();
    let one = it.open();
    increment(&mut it, one, "uid");

    let error = refused(it.call(one, "increment", &("it", "uid", u64::MAX)));

    assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
    assert_eq!(it.get::<u64>(one, "get", &("it", "uid")), 1);
}
