use std::collections::BTreeSet;

use proptest::prelude::*;

use super::grant::Grant;
use super::*;
use crate::datatypes::masters::{Masters, Term};
use crate::datatypes::model::{Bench, NAME};
use crate::error::QuorumError;
use crate::node::connect;

fn claim(grant: u64, lease_ms: u64) -> RedlockClaim {
    RedlockClaim { grant: (grant, 0), owner: format!("owner {grant}"), lease_ms }
}

fn acquire(bench: &mut Bench, grant: u64, lease_ms: u64) -> RedlockOffer {
    bench.call("acquire", &(NAME, claim(grant, lease_ms))).unwrap()
}

fn extend(bench: &mut Bench, grant: u64, fence: u64) -> RedlockExtended {
    bench.call("extend", &(NAME, claim(grant, 1_000), fence)).unwrap()
}

fn release(bench: &mut Bench, grant: u64) -> bool {
    bench.call("release", &(NAME, (grant, 0_u64))).unwrap()
}

fn look(bench: &mut Bench) -> Option<RedlockView> {
    bench.call("look", &(NAME,)).unwrap()
}

#[test]
fn a_lease_is_granted_to_one_until_it_ends_or_is_released() {
    let mut bench = Bench::of::<RedlockState>();

    assert!(acquire(&mut bench, 1, 1_000).is_granted);
    assert!(!acquire(&mut bench, 2, 1_000).is_granted);
    bench.pass(Duration::from_millis(999));
    assert!(!acquire(&mut bench, 2, 1_000).is_granted);
    bench.pass(Duration::from_millis(1));
    assert!(acquire(&mut bench, 2, 1_000).is_granted);
    assert!(!release(&mut bench, 1), "it is another's by now");
    assert!(release(&mut bench, 2));
    assert!(!release(&mut bench, 2));

    assert!(acquire(&mut bench, 3, 1_000).is_granted);
}

#[test]
fn a_lease_outlives_the_session_that_it_was_granted_to() {
    let mut bench = Bench::of::<RedlockState>();
    acquire(&mut bench, 1, 1_000);

    bench.end();

    assert!(!acquire(&mut bench, 2, 1_000).is_granted);
    assert_eq!(extend(&mut bench, 1, 5), RedlockExtended::Kept, "by another session of its holder");
}

#[test]
fn a_refused_claim_takes_nothing_from_the_holder() {
    let mut bench = Bench::of::<RedlockState>();
    acquire(&mut bench, 1, 1_000);

    acquire(&mut bench, 2, 9_000);
    assert_eq!(extend(&mut bench, 2, 9), RedlockExtended::Refused);
    assert!(!release(&mut bench, 2));

    let view = look(&mut bench).unwrap();
    assert_eq!((view.grant, &*view.owner, view.left), ((1, 0), "owner 1", Duration::from_secs(1)));
    assert_eq!(extend(&mut bench, 1, 5), RedlockExtended::Kept);
}

#[test]
fn a_lease_that_was_forgotten_is_granted_again_but_not_as_one_that_was_kept() {
    let mut bench = Bench::of::<RedlockState>();

    assert_eq!(extend(&mut bench, 1, 5), RedlockExtended::Granted);

    assert_eq!(extend(&mut bench, 1, 5), RedlockExtended::Kept);
    assert_eq!(look(&mut bench).unwrap().fence, 5);
}

#[test]
fn fencing_tokens_of_later_grants_are_greater_whatever_the_clock_says() {
    let mut bench = Bench::of::<RedlockState>();
    let first = acquire(&mut bench, 1, 1_000).floor;
    // Another master has a clock that is an hour ahead.
    let fence = first + 3_600_000_000;
    extend(&mut bench, 1, fence);
    release(&mut bench, 1);
    assert!(bench.is_there(), "it remembers the token");
    bench.restore();

    let second = acquire(&mut bench, 2, 1_000).floor;
    assert_eq!(second, fence);
    release(&mut bench, 2);
    bench.pass(Duration::from_secs(3_601));

    assert!(!bench.is_there(), "the clock says as much by now");
    assert!(acquire(&mut bench, 3, 1_000).floor >= fence);
}

#[test]
fn a_token_of_a_clock_that_is_years_ahead_is_refused() {
    let mut bench = Bench::of::<RedlockState>();
    acquire(&mut bench, 1, 1_000);

    let refused = bench.call::<RedlockExtended>("extend", &(NAME, claim(1, 1_000), u64::MAX));

    assert!(matches!(refused, Err(DataError::Invalid { .. })), "{refused:?}");
    assert_eq!(look(&mut bench).unwrap().fence, 0);
}

#[test]
fn nothing_is_left_of_a_lock_once_it_is_free() {
    let mut bench = Bench::of::<RedlockState>();
    let floor = acquire(&mut bench, 1, 1_000).floor;
    extend(&mut bench, 1, floor + 1);
    bench.pass(Duration::from_millis(1));

    release(&mut bench, 1);

    assert!(!bench.is_there());
}

#[test]
fn leases_of_no_time_and_owners_with_long_names_are_refused() {
    let mut bench = Bench::of::<RedlockState>();
    let long = RedlockClaim { owner: "x".repeat(config::OWNER_BYTES_MAX + 1), ..claim(1, 1_000) };

    for claim in [claim(1, 0), long] {
        let acquired = bench.call::<RedlockOffer>("acquire", &(NAME, &claim));
        let extended = bench.call::<RedlockExtended>("extend", &(NAME, &claim, 1));
        assert!(matches!(acquired, Err(DataError::Invalid { .. })), "{acquired:?}");
        assert!(matches!(extended, Err(DataError::Invalid { .. })), "{extended:?}");
    }
    assert!(!bench.is_there());
}

#[test]
fn who_waits_goes_on_when_the_lock_is_free() {
    let mut bench = Bench::of::<RedlockState>();
    assert!(bench.try_call::<()>("free", &(NAME,)).unwrap().is_ready());
    acquire(&mut bench, 1, 1_000);
    assert!(bench.try_call::<()>("free", &(NAME,)).unwrap().is_pending());

    assert!(bench.call::<bool>("break_lock", &(NAME,)).unwrap());

    assert!(bench.try_call::<()>("free", &(NAME,)).unwrap().is_ready());
    assert!(!bench.call::<bool>("break_lock", &(NAME,)).unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_asked_for_no_more() {
    let node = connect("memory://redlock-given-back").registry(Vec::new()).with_controller().await.unwrap();
    let masters = Masters::new([&node]);
    let grant = Grant::new(masters.clone(), "printer".into(), "a".to_owned(), 3_600_000);
    let (fence, _) = grant.acquire(Term::ENDLESS).await.unwrap();

    grant.give_back();
    let late = grant.extend(fence, Term::ENDLESS).await;

    assert!(matches!(late, Err(QuorumError::QuorumIsImpossible { .. })), "{late:?}");
    assert_eq!(masters.redlock("printer").locked().await, Ok(None));
}

#[derive(Debug, Clone)]
enum Step {
    Acquire(u64, u64),
    Extend(u64),
    Release(u64),
    Pass(u64),
    End,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..5_u64, 1..2_000_u64).prop_map(|(grant, ms)| Step::Acquire(grant, ms)),
        2 => (1..5_u64).prop_map(Step::Extend),
        2 => (1..5_u64).prop_map(Step::Release),
        3 => (1..1_500_u64).prop_map(Step::Pass),
        1 => Just(Step::End),
        1 => Just(Step::Restore),
    ]
}

proptest! {
    /// As a naive account has it: who holds it, and until when.
    #[test]
    fn a_lease_is_as_a_naive_account_has_it(steps in proptest::collection::vec(step(), 0..80)) {
        let (mut bench, mut now, mut held) = (Bench::of::<RedlockState>(), 0, None::<(u64, u64)>);
        let mut tokens = BTreeSet::new();
        for step in steps {
            held = held.filter(|(_, until)| *until > now);
            let is_free_for = |grant| held.is_none_or(|(holder, _)| holder == grant);
            match step {
                Step::Acquire(grant, ms) => {
                    let offer = acquire(&mut bench, grant, ms);
                    prop_assert_eq!(offer.is_granted, is_free_for(grant));
                    prop_assert!(tokens.last().is_none_or(|last| offer.floor >= *last));
                    if offer.is_granted {
                        held = Some((grant, now + ms));
                        tokens.insert(offer.floor + 1);
                        extend(&mut bench, grant, offer.floor + 1);
                        held = held.map(|(grant, _)| (grant, now + 1_000));
                    }
                }
                Step::Extend(grant) => {
                    let expected = match held {
                        Some((holder, _)) if holder == grant => RedlockExtended::Kept,
                        Some(_) => RedlockExtended::Refused,
                        None => RedlockExtended::Granted,
                    };
                    prop_assert_eq!(extend(&mut bench, grant, 1), expected);
                    if expected != RedlockExtended::Refused {
                        held = Some((grant, now + 1_000));
                    }
                }
                Step::Release(grant) => {
                    let was_held = held.is_some_and(|(holder, _)| holder == grant);
                    prop_assert_eq!(release(&mut bench, grant), was_held);
                    held = held.filter(|_| !was_held);
                }
                Step::Pass(ms) => {
                    now += ms;
                    bench.pass(Duration::from_millis(ms));
                }
                Step::End => bench.end(),
                Step::Restore => bench.restore(),
            }
            let held = held.filter(|(_, until)| *until > now);
            let view = look(&mut bench).map(|view| (view.grant.0, now + view.left.as_millis() as u64));
            prop_assert_eq!(view, held);
        }
    }
}
