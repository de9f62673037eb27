//! Random histories of all kinds of queues, held against a naive model of them.

mod naive;
mod run;

use proptest::prelude::*;

use self::naive::Naive;
use super::{DeadItem, QueueCounts, QueueSettings, Stamp, WhenFull};
use crate::datatypes::model::{Bench, NAME};
use crate::hosted::{Hosted, Value};

/// A kind of queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::datatypes) enum Kind {
    Fifo,
    Priority,
    Unique,
}

/// What is done to a queue. Values are small numbers; which lease is meant is told by its place among all.
#[derive(Debug, Clone, Copy)]
pub(in crate::datatypes) enum Step {
    Push { value: u8, priority: i64, is_vip: bool },
    Extend { value: u8, num: u8 },
    PushAfter { value: u8, ms: u64 },
    PushOnce { value: u8, id: u8 },
    Unpop { value: u8, num: u8 },
    Pop,
    PopWait,
    PopBatch(u64),
    PopLast,
    Unpush(u64),
    Dequeue { lowest: i64, highest: i64, skip: u64, num: u64 },
    Remove(usize),
    Lease(Option<u64>),
    LeaseBatch(u64),
    Ack(usize),
    Nack(usize, u64),
    ExtendLease(usize, u64),
    PopDead,
    Redrive,
    Clear,
    Configure { length_max: Option<u64>, when_full: WhenFull, deliveries_max: Option<u32>, ttl: Option<u64> },
    Session,
    EndSession,
    Pass(u64),
    Restart,
}

pub(in crate::datatypes) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = || 0..6_u8;
    let ms = || prop_oneof![Just(1_u64), 2..40_u64];
    let filling = prop_oneof![
        6 => (value(), -2..3_i64, prop::bool::weighted(0.2))
            .prop_map(|(value, priority, is_vip)| Step::Push { value, priority, is_vip }),
        1 => (value(), 0..4_u8).prop_map(|(value, num)| Step::Extend { value, num }),
        1 => (value(), 0..40_u64).prop_map(|(value, ms)| Step::PushAfter { value, ms }),
        1 => (value(), 0..3_u8).prop_map(|(value, id)| Step::PushOnce { value, id }),
        1 => (value(), 0..3_u8).prop_map(|(value, num)| Step::Unpop { value, num }),
    ];
    let taking =
        prop_oneof![
            Just(Step::Pop),
            Just(Step::PopWait),
            (0..4_u64).prop_map(Step::PopBatch),
            Just(Step::PopLast),
            (0..3_u64).prop_map(Step::Unpush),
            (-3..3_i64, -3..3_i64, 0..2_u64, 0..4_u64)
                .prop_map(|(lowest, highest, skip, num)| Step::Dequeue { lowest, highest, skip, num }),
            any::<usize>().prop_map(Step::Remove),
        ];
    let lending = prop_oneof![
        3 => prop::option::of(ms()).prop_map(Step::Lease),
        1 => (0..4_u64).prop_map(Step::LeaseBatch),
        2 => any::<usize>().prop_map(Step::Ack),
        2 => (any::<usize>(), prop_oneof![Just(0), ms()]).prop_map(|(at, ms)| Step::Nack(at, ms)),
        1 => (any::<usize>(), ms()).prop_map(|(at, ms)| Step::ExtendLease(at, ms)),
    ];
    let when_full = prop_oneof![Just(WhenFull::Wait), Just(WhenFull::Refuse), Just(WhenFull::Discard)];
    let settings =
        (prop::option::of(1..5_u64), when_full, prop::option::of(1..3_u32), prop::option::of(ms()));
    let rest = prop_oneof![
        2 => settings.prop_map(|(length_max, when_full, deliveries_max, ttl)| Step::Configure {
            length_max,
            when_full,
            deliveries_max,
            ttl
        }),
        1 => Just(Step::PopDead),
        1 => Just(Step::Redrive),
        1 => Just(Step::Clear),
        1 => Just(Step::Session),
        2 => Just(Step::EndSession),
        4 => ms().prop_map(Step::Pass),
        // Longer than an id is remembered.
        1 => Just(Step::Pass(700_000)),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(prop_oneof![5 => filling, 2 => taking, 4 => lending, 3 => rest], 0..60)
}

/// Runs a history over a queue and the model of it, which must agree after each step.
pub(in crate::datatypes) fn agree<T: Hosted>(kind: Kind, steps: &[Step]) {
    let (mut bench, mut model) = (Bench::of::<T>(), Naive::new(kind));
    let before = bench.bytes();
    for step in steps {
        run::run(*step, &mut bench, &mut model);
        if model.waiting() == 0 {
            model.ends = None;
        }
        check(&mut bench, &model);
    }
    empty(&mut bench, &model);
    assert!(!bench.is_there());
    assert!(bench.bytes() - before < 256, "what is left of an object that is gone: {} bytes", bench.bytes());
}

/// Takes out all that there is, by whatever way it goes.
fn empty(bench: &mut Bench, model: &Naive) {
    bench.call::<()>("configure", &(NAME, QueueSettings::default())).unwrap();
    for receipt in &model.receipts {
        // Most of them are stale.
        bench.call::<()>("ack", &(NAME, receipt)).ok();
    }
    bench.call::<u64>("clear", &(NAME,)).unwrap();
    while bench.call::<Option<DeadItem>>("pop_dead", &(NAME,)).unwrap().is_some() {}
    bench.pass(QueueSettings::default().once_for);
}

fn check(bench: &mut Bench, model: &Naive) {
    assert_eq!(values(&bench.call::<Vec<Value>>("content", &(NAME,)).unwrap()), model.content());
    assert_eq!(bench.call::<QueueCounts>("counts", &(NAME,)).unwrap(), model.counts());
    let dead: Vec<DeadItem> = bench.call("dead", &(NAME, 100)).unwrap();
    let expected = model.dead().into_iter().map(|at| (model.items[at].value, model.items[at].deliveries));
    let dead: Vec<(u8, u32)> = dead.iter().map(|item| (item.value.get().unwrap(), item.deliveries)).collect();
    assert_eq!(dead, expected.collect::<Vec<_>>());
    let is_vacant =
        model.items.is_empty() && model.once.is_empty() && model.settings == QueueSettings::default();
    assert_eq!(bench.is_there(), !is_vacant);
}

fn values(values: &[Value]) -> Vec<u8> {
    values.iter().map(|value| value.get().unwrap()).collect()
}

#[test]
fn stamps_go_up_whatever_the_revision_does() {
    let stamps = [0, 5, 5, 3, 5, 6, 6].into_iter().scan(Stamp::default(), |last, revision| {
        *last = last.next(revision);
        Some(*last)
    });
    let stamps: Vec<Stamp> = stamps.collect();

    assert!(stamps.is_sorted_by(|one, next| one < next), "{stamps:?}");
}
