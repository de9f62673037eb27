//! One step, done to a queue and to its model.

use std::cmp::Reverse;
use std::task::Poll;
use std::time::Duration;

use super::naive::{At, Entry, Naive};
use super::{Kind, Step, values};
use crate::datatypes::lease::{DeadItem, Delivery, QueueSettings};
use crate::datatypes::model::{Bench, NAME};
use crate::datatypes::priority_queue::PqEntry;
use crate::error::DataError;
use crate::hosted::{Key, Value};

fn value(value: u8) -> Value {
    Value::of(&value).unwrap()
}

fn key(value: u8) -> Key {
    Key::of(&value).unwrap()
}

/// Does one step, and compares what comes of it. Steps that a kind does not know are left out.
pub(super) fn run(step: Step, bench: &mut Bench, model: &mut Naive) {
    match step {
        Step::Push { .. } | Step::Extend { .. } | Step::PushAfter { .. } | Step::PushOnce { .. } => {
            push(step, bench, model);
        }
        Step::Unpop { value: first, num } if model.kind == Kind::Fifo => unpop(first, num, bench, model),
        Step::Unpop { .. } => {}
        Step::Pop | Step::PopWait | Step::PopBatch(_) | Step::PopLast | Step::Unpush(_) => {
            pop(step, bench, model)
        }
        Step::Dequeue { lowest, highest, skip, num } if model.kind != Kind::Fifo => {
            let arguments = (NAME, lowest, highest, skip, num);
            let taken = values(&bench.call::<Vec<Value>>("dequeue_range", &arguments).unwrap());
            let is_within = |model: &Naive, at: &usize| {
                let priority = model.items[*at].key.expect("priorities are given").0.0;
                (lowest..=highest).contains(&priority)
            };
            let counted: u64 = bench.call("count", &(NAME, lowest, highest)).unwrap();
            let which = |model: &Naive| {
                let ready = model.ready();
                ready.into_iter().filter(|at| is_within(model, at)).nth(skip as usize)
            };
            assert_eq!(taken, model.take_several(which, num));
            let left = model.ready().iter().filter(|at| is_within(model, at)).count();
            assert_eq!(counted, left as u64);
        }
        Step::Dequeue { .. } => {}
        Step::Remove(which) => remove(which, bench, model),
        Step::Lease(_) | Step::LeaseBatch(_) => lend(step, bench, model),
        Step::Ack(_) | Step::Nack(..) | Step::ExtendLease(..) => settle(step, bench, model),
        Step::PopDead | Step::Redrive | Step::Clear | Step::Configure { .. } => keep(step, bench, model),
        Step::Session => {
            bench.open();
            model.session += 1;
        }
        Step::EndSession => {
            bench.end();
            model.end_session();
        }
        Step::Pass(ms) => {
            bench.pass(Duration::from_millis(ms));
            model.pass(ms);
        }
        Step::Restart => bench.restore(),
    }
}

fn push(step: Step, bench: &mut Bench, model: &mut Naive) {
    match step {
        Step::Push { value: pushed, priority, is_vip } => push_one(pushed, priority, is_vip, bench, model),
        Step::Extend { value: first, num } if model.kind == Kind::Fifo => {
            let pushed: Vec<u8> = (first..first + num).collect();
            let sent: Vec<Value> = pushed.iter().map(|pushed| value(*pushed)).collect();
            let done: Result<Poll<()>, DataError> = bench.try_call("extend", &(NAME, sent));
            if admitted(&done, model.admits(pushed.len())) {
                pushed.into_iter().for_each(|pushed| model.push(pushed, 0, false));
            }
        }
        Step::PushAfter { value: pushed, ms } if model.kind == Kind::Fifo => {
            let done: Result<Poll<()>, DataError> = bench.try_call("push_after", &(NAME, value(pushed), ms));
            if !admitted(&done, model.admits(1)) {
                return;
            }
            if ms == 0 {
                return model.push(pushed, 0, false);
            }
            model.turn += 1;
            let at = At::Later { due: model.now + ms, turn: model.turn };
            model.items.push(Entry { value: pushed, deliveries: 0, key: None, at });
            model.renew(model.now);
            model.shorten();
        }
        Step::PushOnce { value: pushed, id } if model.kind == Kind::Fifo => {
            let done: Result<Poll<bool>, DataError> =
                bench.try_call("push_once", &(NAME, key(id), value(pushed)));
            if model.once.contains_key(&id) {
                assert_eq!(done, Ok(Poll::Ready(false)));
            } else if admitted(&done, model.admits(1)) {
                assert_eq!(done, Ok(Poll::Ready(true)));
                model.once.insert(id, model.now + model.settings.once_for.as_millis() as u64);
                model.push(pushed, 0, false);
            }
        }
        _ => {}
    }
}

fn push_one(pushed: u8, priority: i64, is_vip: bool, bench: &mut Bench, model: &mut Naive) {
    match model.kind {
        Kind::Fifo => {
            let done: Result<Poll<()>, DataError> = bench.try_call("push", &(NAME, value(pushed)));
            if admitted(&done, model.admits(1)) {
                model.push(pushed, 0, false);
            }
        }
        Kind::Priority => {
            let method = if is_vip { "push_vip" } else { "push" };
            let done: Result<Poll<PqEntry>, DataError> =
                bench.try_call(method, &(NAME, priority, value(pushed)));
            if admitted(&done, model.admits(1)) {
                model.push(pushed, priority, is_vip);
            }
        }
        Kind::Unique => {
            let done: Result<Poll<bool>, DataError> = bench.try_call("push", &(NAME, priority, key(pushed)));
            let there = model.ready().into_iter().find(|at| model.items[*at].value == pushed);
            if let Some(at) = there {
                assert_eq!(done, Ok(Poll::Ready(false)));
                let key = model.items[at].key.as_mut().expect("priorities are given");
                key.0 = Reverse(priority);
                model.renew(model.now);
            } else if admitted(&done, model.admits(1)) {
                assert_eq!(done, Ok(Poll::Ready(true)));
                model.push(pushed, priority, false);
            }
        }
    }
}

/// Whether a push was carried out, as was expected.
fn admitted<R: std::fmt::Debug>(done: &Result<Poll<R>, DataError>, expected: Result<bool, ()>) -> bool {
    match (done, expected) {
        (Ok(Poll::Ready(_)), Ok(true)) => true,
        (Ok(Poll::Pending), Ok(false)) | (Err(DataError::Full { .. }), Err(())) => false,
        other => panic!("{other:?}"),
    }
}

fn unpop(first: u8, num: u8, bench: &mut Bench, model: &mut Naive) {
    let sent: Vec<Value> = (first..first + num).map(value).collect();
    bench.call::<()>("unpop", &(NAME, sent)).unwrap();
    model.first -= i64::from(num);
    for at in 0..num {
        let key = Some((Reverse(0), Reverse(false), model.first + i64::from(at)));
        model.items.push(Entry { value: first + at, deliveries: 0, key, at: At::Ready });
        model.renew(model.now);
    }
}

fn pop(step: Step, bench: &mut Bench, model: &mut Naive) {
    let first = |model: &Naive| model.ready().first().copied();
    let last = |model: &Naive| model.ready().last().copied();
    match step {
        Step::Pop => {
            assert_eq!(
                bench.call::<Option<Value>>("peek", &(NAME,)).unwrap(),
                first(model).map(|at| value(model.items[at].value))
            );
            let popped: Option<Value> = bench.call("pop", &(NAME,)).unwrap();
            assert_eq!(popped, first(model).map(|at| value(model.take(at))));
        }
        Step::PopWait => {
            let popped: Poll<Value> = bench.try_call("pop_wait", &(NAME,)).unwrap();
            let expected = first(model).map(|at| value(model.take(at)));
            assert_eq!(popped, expected.map_or(Poll::Pending, Poll::Ready));
        }
        Step::PopBatch(num) => {
            let popped: Vec<Value> = bench.call("pop_batch", &(NAME, num)).unwrap();
            assert_eq!(values(&popped), model.take_several(first, num));
        }
        Step::PopLast if model.kind != Kind::Fifo => {
            let popped: Option<Value> = bench.call("pop_last", &(NAME,)).unwrap();
            assert_eq!(popped, last(model).map(|at| value(model.take(at))));
        }
        Step::Unpush(num) if model.kind != Kind::Fifo => {
            let popped: Vec<Value> = bench.call("unpush", &(NAME, num)).unwrap();
            assert_eq!(values(&popped), model.take_several(last, num));
        }
        _ => {}
    }
}

/// Takes out the item at some rank by what it is known by, which a page told.
fn remove(which: usize, bench: &mut Bench, model: &mut Naive) {
    let Some(rank) = which.checked_rem(model.ready().len()).filter(|_| model.kind != Kind::Fifo) else {
        return;
    };
    let at = model.ready()[rank];
    let page: Vec<(PqEntry, Value)> = bench.call("page", &(NAME, None::<PqEntry>, 100)).unwrap();
    let (entry, removed) = page[rank].clone();
    assert_eq!(removed, value(model.items[at].value));
    let (found, is_there, is_there_still): (Option<u64>, bool, bool) = if model.kind == Kind::Unique {
        let member = (NAME, key(model.items[at].value));
        let rank = bench.call("rank", &member).unwrap();
        (rank, bench.call("remove", &member).unwrap(), bench.call("remove", &member).unwrap())
    } else {
        let rank = bench.call("rank", &(NAME, entry)).unwrap();
        (rank, bench.call("remove", &(NAME, entry)).unwrap(), bench.call("remove", &(NAME, entry)).unwrap())
    };
    assert_eq!((found, is_there, is_there_still), (Some(rank as u64), true, false));
    model.take(at);
}

fn lend(step: Step, bench: &mut Bench, model: &mut Naive) {
    match step {
        Step::Lease(lease_ms) => {
            let lent: Poll<Delivery> = bench.try_call("lease", &(NAME, lease_ms)).unwrap();
            match lent {
                Poll::Ready(delivery) => model.lend(&delivery, lease_ms),
                Poll::Pending => assert!(model.ready().is_empty()),
            }
        }
        Step::LeaseBatch(num) => {
            let lent: Vec<Delivery> = bench.call("lease_batch", &(NAME, num, None::<u64>)).unwrap();
            assert_eq!(lent.len(), model.ready().len().min(num as usize));
            lent.iter().for_each(|delivery| model.lend(delivery, None));
        }
        _ => {}
    }
}

/// What consumers do with receipts, stale ones too.
fn settle(step: Step, bench: &mut Bench, model: &mut Naive) {
    let (Step::Ack(which) | Step::Nack(which, _) | Step::ExtendLease(which, _)) = step else { return };
    let Some((receipt, lent)) = model.lent(which) else { return };
    let done: Result<(), DataError> = match step {
        Step::Nack(_, ms) => bench.call("nack", &(NAME, receipt, ms)),
        Step::ExtendLease(_, ms) => bench.call("extend_lease", &(NAME, receipt, ms)),
        _ => bench.call("ack", &(NAME, receipt)),
    };
    let Some(at) = lent else {
        assert!(matches!(done, Err(DataError::NotHeld { .. })), "{done:?}");
        return;
    };
    assert_eq!(done, Ok(()));
    match step {
        Step::Nack(_, ms) => model.give_back(at, model.now, ms),
        Step::ExtendLease(_, ms) => extend(model, at, ms),
        _ => drop(model.items.remove(at)),
    }
}

fn extend(model: &mut Naive, at: usize, ms: u64) {
    let now = model.now;
    if let At::Lent { until, .. } = &mut model.items[at].at {
        *until = now + ms;
    }
}

fn keep(step: Step, bench: &mut Bench, model: &mut Naive) {
    match step {
        Step::PopDead => {
            let popped: Option<DeadItem> = bench.call("pop_dead", &(NAME,)).unwrap();
            let expected = model.dead().first().map(|at| value(model.take(*at)));
            assert_eq!(popped.map(|item| item.value), expected);
        }
        Step::Redrive => redrive(bench, model),
        Step::Clear => assert_eq!(bench.call::<u64>("clear", &(NAME,)).unwrap(), model.clear()),
        Step::Configure { length_max, when_full, deliveries_max, ttl } => {
            let ttl = ttl.map(Duration::from_millis);
            let settings =
                QueueSettings { length_max, when_full, deliveries_max, ttl, ..QueueSettings::default() };
            bench.call::<()>("configure", &(NAME, &settings)).unwrap();
            assert_eq!(bench.call::<QueueSettings>("settings", &(NAME,)).unwrap(), settings);
            let is_other = settings.ttl != model.settings.ttl;
            model.settings = settings;
            if is_other {
                model.renew(model.now);
            }
        }
        _ => {}
    }
}

fn redrive(bench: &mut Bench, model: &mut Naive) {
    let dead = model.dead().len();
    assert_eq!(bench.call::<u64>("redrive", &(NAME,)).unwrap(), dead as u64);
    while let Some(at) = model.dead().first().copied() {
        model.items[at].deliveries = 0;
        model.come(at);
        model.renew(model.now);
    }
}
