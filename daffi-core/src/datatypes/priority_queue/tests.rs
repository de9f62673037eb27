use proptest::prelude::*;

use super::*;
use crate::datatypes::lease::tests::{Kind, agree, steps};
use crate::datatypes::model::{Bench, NAME};
use crate::hosted::Key;

proptest! {
    #[test]
    fn a_priority_queue_does_what_a_sorted_list_would(steps in steps()) {
        agree::<PqState>(Kind::Priority, &steps);
    }

    #[test]
    fn a_unique_priority_queue_does_what_a_sorted_list_without_doubles_would(steps in steps()) {
        agree::<UniquePqState>(Kind::Unique, &steps);
    }
}

#[test]
fn a_handle_of_an_item_that_is_gone_never_means_another() {
    let mut bench = Bench::of::<PqState>();
    let value = Value::of(&1).unwrap();
    let first: PqEntry = bench.call("push", &(NAME, 5, &value)).unwrap();
    assert!(bench.call::<bool>("remove", &(NAME, first)).unwrap());
    assert!(!bench.is_there());
    let second: PqEntry = bench.call("push", &(NAME, 5, &value)).unwrap();

    assert_eq!(bench.call::<Option<u64>>("rank", &(NAME, first)).unwrap(), None);
    assert!(!bench.call::<bool>("remove", &(NAME, first)).unwrap());
    assert_eq!(bench.call::<Option<u64>>("rank", &(NAME, second)).unwrap(), Some(0));
}

#[test]
fn the_extremes_of_priorities_are_told_apart() {
    let mut bench = Bench::of::<PqState>();
    // As floats of 64 bits these three would be two.
    for priority in [i64::MAX - 1, i64::MIN, i64::MAX] {
        bench.call::<PqEntry>("push", &(NAME, priority, Value::of(&priority).unwrap())).unwrap();
    }

    let values: Vec<i64> = batch(bench.call("content", &(NAME,)).unwrap()).unwrap();

    assert_eq!(values, [i64::MAX, i64::MAX - 1, i64::MIN]);
}

#[test]
fn a_unique_queue_that_was_emptied_takes_no_room() {
    let mut bench = Bench::of::<UniquePqState>();
    let before = bench.bytes();
    for member in 0..100 {
        bench.call::<bool>("push", &(NAME, member % 3, Key::of(&member).unwrap())).unwrap();
        bench.call::<bool>("push", &(NAME, 7, Key::of(&member).unwrap())).unwrap();
    }

    assert_eq!(bench.call::<Vec<Value>>("pop_batch", &(NAME, 1_000)).unwrap().len(), 100);

    assert!(!bench.is_there());
    assert!(bench.bytes() < before + 1_000, "{} bytes", bench.bytes());
}

#[test]
fn ranges_are_what_they_say() {
    use std::ops::Bound::{Excluded, Unbounded};
    let none = (i64::MAX, i64::MIN);

    assert_eq!(limits(&(3..6)), Ok((3, 5)));
    assert_eq!(limits(&(3..=6)), Ok((3, 6)));
    assert_eq!(limits(&(..)), Ok((i64::MIN, i64::MAX)));
    assert_eq!(limits(&(Excluded(3), Unbounded)), Ok((4, i64::MAX)));
    assert_eq!(limits(&(Excluded(i64::MAX), Unbounded)), Ok(none));
    assert_eq!(limits(&(..i64::MIN)), Ok(none));
    assert_eq!(limits(&(3..3)), Ok((3, 2)));
    let (from, to) = (6, 3);
    assert!(matches!(limits(&(from..to)), Err(DataError::Invalid { .. })));
}
