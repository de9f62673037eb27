use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::datatypes::model::{Bench, NAME};
use crate::hosted::SessionId;

#[test]
fn numbers_begin_at_one_and_none_is_left_out() {
    let mut bench = Bench::of::<NextIdState>();

    assert_eq!(bench.call::<u64>("last", &(NAME,)), Ok(0));
    assert!(!bench.is_there());
    for expected in 1..=3_u64 {
        assert_eq!(bench.call("take", &(NAME, 1, 0)), Ok(expected));
    }
    assert_eq!(bench.call("take", &(NAME, 10, 0)), Ok(4_u64));
    assert_eq!(bench.call("take", &(NAME, 1, 0)), Ok(14_u64));
    assert_eq!(bench.call("last", &(NAME,)), Ok(14_u64));
}

#[test]
fn whoever_has_seen_a_number_is_given_a_greater_one() {
    let mut bench = Bench::of::<NextIdState>();

    assert_eq!(bench.call("take", &(NAME, 2, 100)), Ok(101_u64));
    assert_eq!(bench.call("take", &(NAME, 1, 7)), Ok(103_u64));
}

#[test]
fn the_last_number_is_the_end() {
    let mut bench = Bench::of::<NextIdState>();

    assert_eq!(bench.call("take", &(NAME, 1, u64::MAX - 1)), Ok(u64::MAX));
    let after = bench.call::<u64>("take", &(NAME, 1, 0));

    assert!(matches!(after, Err(DataError::WrongValue { .. })), "{after:?}");
    assert_eq!(bench.call("last", &(NAME,)), Ok(u64::MAX));
}

#[test]
fn no_numbers_are_refused() {
    let mut bench = Bench::of::<NextIdState>();

    for refused in [
        bench.call::<u64>("take", &(NAME, 0, 0)).err(),
        bench.call::<Raised>("raise", &(NAME, 0, 5)).err(),
        bench.call::<Raised>("raise", &(NAME, 6, 5)).err(),
    ] {
        assert!(matches!(refused, Some(DataError::Invalid { .. })), "{refused:?}");
    }
    assert!(!bench.is_there());
}

proptest! {
    /// As a naive account of all numbers has it.
    #[test]
    fn no_number_is_free_twice(
        asked in proptest::collection::vec((1..40_u64, 0..4_u64), 1..40),
        takes in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let (mut bench, mut given) = (Bench::of::<NextIdState>(), Vec::<u64>::new());
        for (&(first, more), takes) in asked.iter().zip(takes) {
            let highest = given.last().copied().unwrap_or(0);
            if takes {
                let begin: u64 = bench.call("take", &(NAME, more + 1, first - 1)).unwrap();
                prop_assert_eq!(begin, highest.max(first - 1) + 1);
                given.extend(begin..=begin + more);
            } else {
                let raised: Raised = bench.call("raise", &(NAME, first, first + more)).unwrap();
                prop_assert_eq!(raised.is_accepted, first > highest);
                if raised.is_accepted {
                    given.extend(first..=first + more);
                }
                prop_assert_eq!(raised.last, *given.last().unwrap());
            }
            prop_assert!(given.is_sorted_by(|one, next| one < next));
        }
        bench.restore();
        prop_assert_eq!(bench.call("last", &(NAME,)), Ok(*given.last().unwrap()));
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// `ahead`: how far the asker has seen above the last number, or below it.
    Take {
        session: usize,
        count: u64,
        ahead: i64,
    },
    Raise {
        session: usize,
        ahead: i64,
        more: u64,
    },
    /// A request is sent again, by who sent it or, if that has ended, in vain.
    Again {
        pick: usize,
    },
    /// A request that was lost on its way is sent again.
    Lost {
        session: usize,
        count: u64,
    },
    End {
        session: usize,
    },
    /// Time passes, in all less than what is asked again is remembered for.
    Pass {
        ms: u64,
    },
    Reset,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let session = || 0..3usize;
    let count = || prop_oneof![9 => 1..6_u64, 1 => Just(0), 1 => Just(config::NEXT_ID_RESERVED_MAX + 1)];
    let ahead = || prop_oneof![4 => Just(0), 3 => -4..8_i64];
    prop_oneof![
        6 => (session(), count(), ahead()).prop_map(|(session, count, ahead)| Step::Take { session, count, ahead }),
        4 => (session(), ahead(), 0..4_u64).prop_map(|(session, ahead, more)| Step::Raise { session, ahead, more }),
        4 => any::<usize>().prop_map(|pick| Step::Again { pick }),
        1 => (session(), count()).prop_map(|(session, count)| Step::Lost { session, count }),
        1 => session().prop_map(|session| Step::End { session }),
        1 => (0..5_000_u64).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Reset),
        1 => Just(Step::Restart),
    ]
}

/// What was asked, by whom, and what came of it.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Took { count: u64, above: u64, first: u64 },
    Raised { first: u64, last: u64, raised: Raised },
}

/// The sequence with all numbers that were ever given since it began, one by one.
#[derive(Default)]
struct Naive {
    given: Vec<u64>,
    asked: Vec<(SessionId, u64, Asked)>,
    ended: Vec<SessionId>,
}

impl Naive {
    fn last(&self) -> u64 {
        self.given.last().copied().unwrap_or(0)
    }

    fn from(&self, ahead: i64) -> u64 {
        self.last().saturating_add_signed(ahead)
    }

    /// The first of so many numbers that are given, if so many can be.
    fn give(&mut self, count: u64, above: u64) -> Option<u64> {
        let is_good = (1..=config::NEXT_ID_RESERVED_MAX).contains(&count);
        let first = self.last().max(above) + 1;
        is_good.then(|| {
            self.given.extend((0..count).map(|more| first + more));
            first
        })
    }
}

fn take(bench: &mut Bench, naive: &mut Naive, sessions: &mut [SessionId], step: Step) {
    match step {
        Step::Take { session, count, ahead } => {
            let above = naive.from(ahead);
            bench.session = sessions[session];
            let first = bench.call::<u64>("take", &(NAME, count, above)).ok();
            assert_eq!(first, naive.give(count, above));
            if let Some(first) = first {
                naive.asked.push((bench.session, bench.request, Asked::Took { count, above, first }));
            }
        }
        Step::Raise { session, ahead, more } => {
            let (first, last) = (naive.from(ahead) + 1, naive.from(ahead) + 1 + more);
            bench.session = sessions[session];
            let raised: Raised = bench.call("raise", &(NAME, first, last)).unwrap();
            let is_accepted = (first..=last).all(|number| naive.given.iter().all(|given| *given < number));
            if is_accepted {
                naive.given.extend(first..=last);
            }
            assert_eq!(raised, Raised { is_accepted, last: naive.last() });
            naive.asked.push((bench.session, bench.request, Asked::Raised { first, last, raised }));
        }
        Step::Again { pick } => {
            let Some((session, request, asked)) = naive.asked.get(pick % naive.asked.len().max(1)) else {
                return;
            };
            bench.session = *session;
            let is_known = match *asked {
                Asked::Took { count, above, first } => {
                    bench.call_again(*request, "take", &(NAME, count, above)).map(|again: u64| again == first)
                }
                Asked::Raised { first, last, raised } => bench
                    .call_again(*request, "raise", &(NAME, first, last))
                    .map(|again: Raised| again == raised),
            };
            assert_eq!(is_known.ok(), (!naive.ended.contains(session)).then_some(true), "{asked:?}");
        }
        Step::Lost { session, count } => {
            bench.session = sessions[session];
            bench.request += 1;
            let first = bench.call_again::<u64>(bench.request, "take", &(NAME, count, 0)).ok();
            assert_eq!(first, naive.give(count, 0));
            if let Some(first) = first {
                naive.asked.push((bench.session, bench.request, Asked::Took { count, above: 0, first }));
            }
        }
        Step::End { session } => {
            naive.ended.push(sessions[session]);
            bench.end_of(sessions[session]);
            // Of another process than all before.
            bench.request += 1;
            sessions[session] = bench.open();
        }
        Step::Pass { ms } => bench.pass(Duration::from_millis(ms)),
        Step::Reset => {
            bench.destroy(NAME);
            naive.given.clear();
        }
        Step::Restart => bench.restore(),
    }
}

proptest! {
    #[test]
    fn each_number_is_given_once_whoever_asks_again_ends_or_restarts(
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let (mut bench, mut naive) = (Bench::of::<NextIdState>(), Naive::default());
        let mut sessions = [(); 3].map(|()| {
            bench.request += 1;
            bench.open()
        });
        for step in steps {
            take(&mut bench, &mut naive, &mut sessions, step);
            bench.session = sessions[0];
            prop_assert_eq!(bench.call("last", &(NAME,)), Ok(naive.last()));
            prop_assert_eq!(bench.is_there(), !naive.given.is_empty());
            prop_assert!(naive.given.is_sorted_by(|one, next| one < next));
        }
    }
}
