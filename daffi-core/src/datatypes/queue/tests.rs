use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::datatypes::lease::tests::{Kind, agree, steps};
use crate::datatypes::lease::{Delivery, QueueChange, WhenFull};
use crate::datatypes::model::{Bench, NAME};

proptest! {
    #[test]
    fn a_queue_does_what_a_list_would(steps in steps()) {
        agree::<QueueState>(Kind::Fifo, &steps);
    }
}

fn bench() -> Bench {
    Bench::of::<QueueState>()
}

fn push(bench: &mut Bench, values: impl IntoIterator<Item = u32>) {
    let values: Vec<Value> = values.into_iter().map(|value| Value::of(&value).unwrap()).collect();
    bench.call::<()>("extend", &(NAME, values)).unwrap();
}

fn content(bench: &mut Bench) -> Vec<u32> {
    batch(bench.call("content", &(NAME,)).unwrap()).unwrap()
}

fn lease(bench: &mut Bench) -> Delivery {
    bench.call("lease", &(NAME, 1_000)).unwrap()
}

#[test]
fn a_queue_that_was_emptied_takes_no_room_and_is_not_there() {
    let mut bench = bench();
    let before = bench.bytes();
    push(&mut bench, 0..100);
    let delivery = lease(&mut bench);
    assert!(bench.bytes() > before);

    assert_eq!(bench.call::<Vec<Value>>("pop_batch", &(NAME, 1_000)).unwrap().len(), 99);
    assert!(bench.is_there(), "an item is lent");
    bench.call::<()>("ack", &(NAME, delivery.receipt)).unwrap();

    assert!(!bench.is_there());
    let name_and_place = 1_000;
    assert!(bench.bytes() < before + name_and_place, "{} bytes", bench.bytes());
}

#[test]
fn a_receipt_is_stale_for_ever_even_if_the_queue_was_gone_meanwhile() {
    let mut bench = bench();
    push(&mut bench, [1]);
    let first = lease(&mut bench);
    bench.call::<()>("ack", &(NAME, first.receipt)).unwrap();
    assert!(!bench.is_there());
    push(&mut bench, [2]);
    let second = lease(&mut bench);

    let stale = bench.call::<()>("ack", &(NAME, first.receipt)).unwrap_err();

    assert!(matches!(stale, DataError::NotHeld { .. }), "{stale}");
    assert!(second.receipt > first.receipt);
    bench.call::<()>("ack", &(NAME, second.receipt)).unwrap();
}

#[test]
fn a_batch_ends_where_a_reply_is_full_and_the_first_item_always_fits() {
    let mut bench = bench();
    let large = vec![7_u8; config::QUEUE_BATCH_BYTES + 1];
    for _ in 0..2 {
        bench.call::<()>("push", &(NAME, Value::of(&large).unwrap())).unwrap();
    }
    push(&mut bench, 0..2_000);

    assert_eq!(bench.call::<Vec<Value>>("pop_batch", &(NAME, 10)).unwrap().len(), 1);
    assert_eq!(bench.call::<Vec<Delivery>>("lease_batch", &(NAME, 10, None::<u64>)).unwrap().len(), 1);
    let rest = bench.call::<Vec<Value>>("pop_batch", &(NAME, u64::MAX)).unwrap();
    assert_eq!(rest.len() as u64, config::QUEUE_BATCH_MAX);
}

#[test]
fn an_item_that_could_never_be_delivered_is_refused() {
    let mut bench = bench();
    let huge = Value::of(&vec![7_u8; config::BODY_BYTES_MAX]).unwrap();

    for done in [
        bench.call::<()>("push", &(NAME, &huge)),
        bench.call::<()>("extend", &(NAME, [&huge])),
        bench.call::<()>("unpop", &(NAME, [&huge])),
    ] {
        assert!(matches!(done, Err(DataError::Invalid { .. })), "{done:?}");
    }
    assert!(!bench.is_there());
}

#[test]
fn more_than_one_step_has_time_for_are_refused() {
    let mut bench = bench();
    let values: Vec<Value> = (0..=config::QUEUE_EXTEND_MAX).map(|value| Value::of(&value).unwrap()).collect();

    let refused = bench.call::<()>("extend", &(NAME, &values));
    assert!(matches!(refused, Err(DataError::Invalid { .. })), "{refused:?}");
    assert!(matches!(bench.call::<()>("unpop", &(NAME, &values)), Err(DataError::Invalid { .. })));
    assert!(!bench.is_there());

    bench.call::<()>("extend", &(NAME, &values[1..])).unwrap();
}

#[test]
fn no_more_dead_items_are_redriven_than_one_step_has_time_for() {
    let mut bench = bench();
    bench.call::<()>("configure", &(NAME, QueueSettings::default().deliveries(1))).unwrap();
    push(&mut bench, 0..config::QUEUE_EXTEND_MAX as u32);
    push(&mut bench, [10_000, 10_001]);
    while !bench.call::<Vec<Delivery>>("lease_batch", &(NAME, 1_000, 1)).unwrap().is_empty() {}
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.call::<QueueCounts>("counts", &(NAME,)).unwrap().dead, 10_002);

    let redriven = [(); 3].map(|()| bench.call::<u64>("redrive", &(NAME,)).unwrap());

    assert_eq!(redriven, [config::QUEUE_EXTEND_MAX as u64, 2, 0]);
    assert_eq!(content(&mut bench), (0..10_002).collect::<Vec<_>>());
}

#[test]
fn what_does_not_fit_a_reply_is_refused_as_a_whole_and_comes_by_pages() {
    let mut bench = bench();
    let large = Value::of(&vec![7_u8; 100_000]).unwrap();
    for _ in 0..50 {
        bench.call::<()>("push", &(NAME, &large)).unwrap();
    }

    let whole = bench.call::<Vec<Value>>("content", &(NAME,)).unwrap_err();

    assert!(matches!(whole, DataError::Full { .. }), "{whole}");
    let mut seen = 0;
    let mut after: Option<i64> = None;
    loop {
        let page: Vec<(i64, Value)> = bench.call("page", &(NAME, after, 1_000)).unwrap();
        let Some((last, _)) = page.last() else { break };
        assert!(page.len() <= 2, "256 KiB at most");
        after = Some(*last);
        seen += page.len();
    }
    assert_eq!(seen, 50);
}

#[test]
fn settings_that_make_no_sense_are_refused_and_change_nothing() {
    let mut bench = bench();
    let usual = QueueSettings::default;
    let bad = [
        usual().at_most(0, WhenFull::Refuse),
        usual().deliveries(0),
        usual().lease(Duration::ZERO),
        usual().ttl(Duration::from_micros(999)),
        usual().once_for(Duration::ZERO),
    ];

    for settings in bad {
        let error = bench.call::<()>("configure", &(NAME, &settings)).unwrap_err();
        assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    }

    assert!(!bench.is_there());
    assert_eq!(bench.call::<QueueSettings>("settings", &(NAME,)).unwrap(), usual());
}

#[test]
fn more_than_a_bounded_queue_ever_holds_is_refused_rather_than_kept_waiting() {
    let mut bench = bench();
    let settings = QueueSettings::default().at_most(2, WhenFull::Wait);
    bench.call::<()>("configure", &(NAME, settings)).unwrap();
    let three: Vec<Value> = (0..3).map(|value| Value::of(&value).unwrap()).collect();

    let refused = bench.try_call::<()>("extend", &(NAME, &three));
    assert!(matches!(refused, Err(DataError::Full { .. })), "{refused:?}");

    push(&mut bench, [1]);
    let waits = bench.try_call::<()>("extend", &(NAME, &three[..2]));
    assert_eq!(waits, Ok(Poll::Pending));
    assert_eq!(content(&mut bench), [1]);
}

#[test]
fn a_saved_queue_that_cannot_have_been_is_refused() {
    let saved = |last: u64, settings: QueueSettings| {
        let (none, stamp) = (BTreeMap::<u64, u64>::new(), BTreeMap::from([("command", last), ("index", 0)]));
        let order = Order { items: &none, first: 0, next: 0 };
        let stock = Saved {
            order,
            leases: &none,
            later: &none,
            dead: &none,
            settings,
            ends: None,
            once: &none,
            last: stamp,
        };
        let state = crate::wire::encode(&BTreeMap::from([("stock", stock)])).unwrap();
        crate::wire::decode::<QueueState>(&state)
    };
    #[derive(serde::Serialize)]
    struct Saved<'a> {
        order: Order<'a>,
        leases: &'a BTreeMap<u64, u64>,
        later: &'a BTreeMap<u64, u64>,
        dead: &'a BTreeMap<u64, u64>,
        settings: QueueSettings,
        ends: Option<u64>,
        once: &'a BTreeMap<u64, u64>,
        last: BTreeMap<&'static str, u64>,
    }
    #[derive(serde::Serialize)]
    struct Order<'a> {
        items: &'a BTreeMap<u64, u64>,
        first: i64,
        next: i64,
    }

    assert_eq!(saved(7, QueueSettings::default()).unwrap().length(), 0);
    let last = saved(u64::MAX, QueueSettings::default()).unwrap_err();
    assert!(last.0.contains("no number comes after"), "{last}");
    let settings = saved(7, QueueSettings::default().deliveries(0)).unwrap_err();
    assert!(settings.0.contains("never delivered"), "{settings}");
}

#[test]
fn watchers_hear_what_becomes_of_items() {
    let mut bench = bench();
    let settings = QueueSettings::default().deliveries(2).at_most(3, WhenFull::Discard);
    bench.call::<()>("configure", &(NAME, settings)).unwrap();
    push(&mut bench, 0..5);
    for delay_ms in [0, 0] {
        let delivery = lease(&mut bench);
        bench.call::<()>("nack", &(NAME, delivery.receipt, delay_ms)).unwrap();
    }
    bench.call::<Option<Value>>("pop", &(NAME,)).unwrap();
    bench.call::<u64>("redrive", &(NAME,)).unwrap();
    let delivery = lease(&mut bench);
    bench.call::<()>("ack", &(NAME, delivery.receipt)).unwrap();
    bench.call::<u64>("clear", &(NAME,)).unwrap();

    let heard: Vec<QueueChange> = bench.changes.iter().map(|change| change.get().unwrap()).collect();

    use QueueChange::{Configured, Died, Done, Dropped, Leased, Popped, Pushed, Returned};
    let expected = [
        Configured,
        Pushed(5),
        Dropped(2),
        Leased(1),
        Returned(1),
        Leased(1),
        Died(1),
        Popped(1),
        Returned(1),
        Leased(1),
        Done(1),
        Dropped(1),
    ];
    assert_eq!(heard, expected);
}
