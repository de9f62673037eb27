use proptest::prelude::*;

use super::*;
use crate::datatypes::model::{Bench, NAME};

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
