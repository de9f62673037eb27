use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::*;
use crate::config;
use crate::datatypes::entries::{HEAD_BYTES, LimitedAdd};
use crate::datatypes::model::{Bench, Model, NAME};
use crate::datatypes::pages::Page;
use crate::error::DataError;
use crate::hosted::{Key, Value};

/// Among the values of the model it stands for a text, with which one cannot reckon. No sum comes to it.
const TEXT: i64 = i64::MIN;

fn key(key: u8) -> Key {
    Key::of(&format!("key {key}")).unwrap()
}

fn value(value: i64) -> Value {
    if value == TEXT { Value::of("text").unwrap() } else { Value::of(&value).unwrap() }
}

fn canonical(of: i64) -> Key {
    if of == TEXT { Key::of("text").unwrap() } else { Key::of(&of).unwrap() }
}

impl Model<i64> {
    fn value(&self, key: u8) -> Option<i64> {
        self.entries.get(&key).map(|(value, _)| *value)
    }

    fn increment(&mut self, key: u8, by: i64) -> Option<i64> {
        let (value, expires) = self.entries.get(&key).copied().unwrap_or_default();
        let sum = Some(value).filter(|value| *value != TEXT)?.checked_add(by)?;
        self.entries.insert(key, (sum, expires));
        Some(sum)
    }
}

/// A step of a random history. The last number of those that write is the TTL of the whole, in milliseconds.
#[derive(Debug, Clone)]
enum Step {
    Add(u8, i64, Option<u64>, Option<u64>),
    Set(u8, i64, Option<u64>, Option<u64>),
    Replace(u8, i64, Option<u64>),
    MultiSet(Vec<(u8, i64)>, Option<u64>),
    GetOrInsert(u8, i64, Option<u64>, Option<u64>),
    Increment(u8, i64, Option<u64>),
    LimitedAdd(u8, i64, u64, Option<u64>, Option<u64>),
    CompareAndSet(u8, Option<i64>, Option<i64>, Option<u64>),
    Pop(u8),
    PopAny,
    Remove(u8),
    ConditionalRemove(u8, i64),
    SetTtl(u8, u64),
    Persist(u8),
    Clear,
    Pass(u64),
    /// Whoever wrote leaves, and another comes.
    End,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let (key, value) = (0..6_u8, prop_oneof![1 => Just(TEXT), 4 => 0..4_i64]);
    let ttl = || proptest::option::weighted(0.4, 1..40_u64);
    let maybe = || proptest::option::of(prop_oneof![1 => Just(TEXT), 4 => 0..4_i64]);
    let pairs = proptest::collection::vec((key.clone(), value.clone()), 0..5);
    prop_oneof![
        3 => (key.clone(), value.clone(), ttl(), ttl()).prop_map(|(k, v, e, t)| Step::Add(k, v, e, t)),
        3 => (key.clone(), value.clone(), ttl(), ttl()).prop_map(|(k, v, e, t)| Step::Set(k, v, e, t)),
        1 => (key.clone(), value.clone(), ttl()).prop_map(|(k, v, t)| Step::Replace(k, v, t)),
        2 => (pairs, ttl()).prop_map(|(pairs, t)| Step::MultiSet(pairs, t)),
        1 => (key.clone(), value.clone(), ttl(), ttl()).prop_map(|(k, v, e, t)| Step::GetOrInsert(k, v, e, t)),
        2 => (key.clone(), prop_oneof![-3..4_i64, Just(i64::MAX)], ttl())
            .prop_map(|(k, by, t)| Step::Increment(k, by, t)),
        2 => (key.clone(), value.clone(), 0..5_u64, ttl(), ttl())
            .prop_map(|(k, v, l, e, t)| Step::LimitedAdd(k, v, l, e, t)),
        3 => (key.clone(), maybe(), maybe(), ttl()).prop_map(|(k, e, n, t)| Step::CompareAndSet(k, e, n, t)),
        1 => key.clone().prop_map(Step::Pop),
        1 => Just(Step::PopAny),
        1 => key.clone().prop_map(Step::Remove),
        2 => (key.clone(), value).prop_map(|(k, v)| Step::ConditionalRemove(k, v)),
        2 => (key.clone(), 1..40_u64).prop_map(|(k, t)| Step::SetTtl(k, t)),
        1 => key.prop_map(Step::Persist),
        1 => Just(Step::Clear),
        4 => (1..30_u64).prop_map(Step::Pass),
        1 => Just(Step::End),
        1 => Just(Step::Restore),
    ]
}

/// What the hash answers, and what the model does.
fn both(bench: &mut Bench, model: &mut Model<i64>, step: &Step) {
    match step {
        Step::Add(..) | Step::Set(..) | Step::Replace(..) | Step::MultiSet(..) | Step::GetOrInsert(..) => {
            store(bench, model, step);
        }
        Step::Increment(..) | Step::LimitedAdd(..) | Step::CompareAndSet(..) => judge(bench, model, step),
        Step::Pop(_) | Step::PopAny | Step::Remove(_) | Step::ConditionalRemove(..) | Step::Clear => {
            remove(bench, model, step);
        }
        Step::SetTtl(at, ttl) => {
            let is_there = bench.call::<bool>("set_ttl_of", &(NAME, key(*at), ttl)).unwrap();
            let expires = model.now + ttl;
            let entry = model.entries.get_mut(at).map(|entry| entry.1 = Some(expires));
            assert_eq!(is_there, entry.is_some());
        }
        Step::Persist(at) => {
            let would_have_gone = bench.call::<bool>("persist", &(NAME, key(*at))).unwrap();
            assert_eq!(
                would_have_gone,
                model.entries.get_mut(at).is_some_and(|entry| entry.1.take().is_some())
            );
        }
        Step::Pass(ms) => {
            bench.pass(Duration::from_millis(*ms));
            model.pass(*ms);
        }
        Step::End => bench.end(),
        Step::Restore => bench.restore(),
    }
}

fn store(bench: &mut Bench, model: &mut Model<i64>, step: &Step) {
    let ttl = match step {
        Step::Add(at, new, entry_ttl, ttl) => {
            let is_new: bool = bench.call("add", &(NAME, key(*at), value(*new), entry_ttl, ttl)).unwrap();
            assert_eq!(is_new, model.value(*at).is_none());
            if is_new {
                model.put(*at, *new, *entry_ttl);
            }
            ttl
        }
        Step::Set(at, new, entry_ttl, ttl) => {
            let is_new: bool = bench.call("set", &(NAME, key(*at), value(*new), entry_ttl, ttl)).unwrap();
            assert_eq!(is_new, model.put(*at, *new, *entry_ttl).is_none());
            ttl
        }
        Step::Replace(at, new, ttl) => {
            let before: Option<Value> = bench.call("replace", &(NAME, key(*at), value(*new), ttl)).unwrap();
            assert_eq!(before, model.put(*at, *new, None).map(value));
            ttl
        }
        Step::MultiSet(pairs, ttl) => {
            let sent: Vec<(Key, Value)> = pairs.iter().map(|(at, new)| (key(*at), value(*new))).collect();
            let added: u64 = bench.call("multi_set", &(NAME, sent, ttl)).unwrap();
            let new = pairs.iter().filter(|(at, new)| model.put(*at, *new, None).is_none()).count();
            assert_eq!(added, new as u64);
            ttl
        }
        Step::GetOrInsert(at, new, entry_ttl, ttl) => {
            let found: Option<Value> =
                bench.call("get_or_insert", &(NAME, key(*at), value(*new), entry_ttl, ttl)).unwrap();
            assert_eq!(found, model.value(*at).map(value));
            if found.is_none() {
                model.put(*at, *new, *entry_ttl);
            }
            ttl
        }
        other => panic!("{other:?}"),
    };
    model.settle(*ttl);
}

fn judge(bench: &mut Bench, model: &mut Model<i64>, step: &Step) {
    let ttl = match step {
        Step::Increment(at, by, ttl) => match bench.call::<i64>("increment", &(NAME, key(*at), by, ttl)) {
            Ok(sum) => {
                assert_eq!(Some(sum), model.increment(*at, *by));
                ttl
            }
            Err(error) => {
                assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
                assert_eq!(model.increment(*at, *by), None);
                &None
            }
        },
        Step::LimitedAdd(at, new, limit, entry_ttl, ttl) => {
            let done: LimitedAdd =
                bench.call("limited_add", &(NAME, key(*at), value(*new), limit, entry_ttl, ttl)).unwrap();
            let expected = match model.value(*at) {
                _ if model.entries.len() as u64 >= *limit => LimitedAdd::Full,
                Some(_) => LimitedAdd::Exists,
                None => LimitedAdd::Added,
            };
            assert_eq!(done, expected);
            if done.is_added() {
                model.put(*at, *new, *entry_ttl);
            }
            ttl
        }
        Step::CompareAndSet(at, expected, new, ttl) => {
            let sent = (NAME, key(*at), expected.map(canonical), new.map(value), ttl);
            let is_done: bool = bench.call("compare_and_set", &sent).unwrap();
            assert_eq!(is_done, model.value(*at) == *expected);
            match new {
                _ if !is_done => {}
                Some(new) => drop(model.put(*at, *new, None)),
                None => drop(model.entries.remove(at)),
            }
            ttl
        }
        other => panic!("{other:?}"),
    };
    model.settle(*ttl);
}

fn remove(bench: &mut Bench, model: &mut Model<i64>, step: &Step) {
    match step {
        Step::Pop(at) => {
            let popped: Option<Value> = bench.call("pop", &(NAME, key(*at))).unwrap();
            assert_eq!(popped, model.entries.remove(at).map(|(before, _)| value(before)));
        }
        Step::PopAny => {
            let popped: Option<(Key, Value)> = bench.call("pop_any", &(NAME,)).unwrap();
            let at = model
                .entries
                .keys()
                .copied()
                .find(|at| Some(key(*at)) == popped.as_ref().map(|(at, _)| at.clone()));
            assert_eq!(at.is_none(), model.entries.is_empty());
            let removed = at.and_then(|at| model.entries.remove(&at));
            assert_eq!(popped.map(|(_, popped)| popped), removed.map(|(before, _)| value(before)));
        }
        Step::Remove(at) => {
            let removed: bool = bench.call("remove", &(NAME, key(*at))).unwrap();
            assert_eq!(removed, model.entries.remove(at).is_some());
        }
        Step::ConditionalRemove(at, old) => {
            let removed: bool = bench.call("conditional_remove", &(NAME, key(*at), canonical(*old))).unwrap();
            assert_eq!(removed, model.value(*at) == Some(*old));
            if removed {
                model.entries.remove(at);
            }
        }
        Step::Clear => {
            let removed: u64 = bench.call("clear", &(NAME,)).unwrap();
            assert_eq!(removed, model.entries.len() as u64);
            model.entries.clear();
        }
        other => panic!("{other:?}"),
    }
    model.settle(None);
}

/// All that can be read of the hash is as in the model.
fn compare(bench: &mut Bench, model: &Model<i64>) {
    let mut items: Vec<(Key, Value)> =
        model.entries.iter().map(|(at, (has, _))| (key(*at), value(*has))).collect();
    items.sort();
    assert_eq!(bench.call::<Vec<(Key, Value)>>("items", &(NAME,)).unwrap(), items);
    let keys: Vec<Key> = items.iter().map(|(at, _)| at.clone()).collect();
    assert_eq!(bench.call::<Vec<Key>>("keys", &(NAME,)).unwrap(), keys);
    let values: Vec<Value> = items.iter().map(|(_, has)| has.clone()).collect();
    assert_eq!(bench.call::<Vec<Value>>("values", &(NAME,)).unwrap(), values);
    let mut equal: BTreeMap<Key, Key> =
        model.entries.iter().map(|(at, (has, _))| (key(*at), canonical(*has))).collect();
    assert!(bench.call::<bool>("equals", &(NAME, &equal)).unwrap());
    equal.insert(key(0), canonical(9));
    assert!(!bench.call::<bool>("equals", &(NAME, &equal)).unwrap());
    assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), items.len() as u64);
    assert_eq!(walk(bench, 2), items);
    for at in 0..6 {
        let ttl = bench.call::<Option<u64>>("ttl_of", &(NAME, key(at))).unwrap();
        let expected = model.entries.get(&at).and_then(|(_, expires)| *expires);
        assert_eq!(ttl, expected.map(|expires| expires - model.now));
        assert_eq!(bench.call::<Option<Value>>("get", &(NAME, key(at))).unwrap(), model.value(at).map(value));
    }
    assert_eq!(bench.is_there(), !items.is_empty(), "an empty hash is as good as absent");
}

fn walk(bench: &mut Bench, limit: u64) -> Vec<(Key, Value)> {
    let (mut all, mut after) = (Vec::new(), None::<Key>);
    loop {
        let (page, has_more): Page<Value> = bench.call("page", &(NAME, &after, limit)).unwrap();
        assert!(page.len() as u64 <= limit);
        after = page.last().map(|(key, _)| key.clone());
        all.extend(page);
        if !has_more {
            return all;
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_a_map_with_deadlines_does(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut bench, mut model) = (Bench::of::<HashState>(), Model::default());
        for step in &steps {
            both(&mut bench, &mut model, step);
            compare(&mut bench, &model);
        }
        // Nothing is left behind of what was there.
        let blank = Bench::of::<HashState>().bytes();
        bench.call::<u64>("clear", &(NAME,)).unwrap();
        bench.restore();
        prop_assert_eq!(bench.bytes(), blank);
    }
}

#[test]
fn what_is_removed_gives_its_room_back() {
    let mut bench = Bench::of::<HashState>();
    let write = |bench: &mut Bench, at: u8, bytes: usize, ttl: Option<u64>| {
        let new = Value::of(&ByteBuf::from(vec![0; bytes])).unwrap();
        bench.call::<bool>("set", &(NAME, key(at), new, ttl, None::<u64>)).unwrap();
    };
    write(&mut bench, 0, 10, None);
    let (before, other) = (bench.bytes(), key(1));

    write(&mut bench, 1, 100_000, Some(5));
    assert!(bench.bytes() > before + 100_000);
    write(&mut bench, 1, 10, Some(7));
    assert!(bench.bytes() < before + 1_000);
    bench.call::<bool>("persist", &(NAME, &other)).unwrap();
    bench.call::<bool>("remove", &(NAME, &other)).unwrap();
    assert_eq!(bench.bytes(), before);

    write(&mut bench, 1, 100_000, Some(5));
    bench.pass(Duration::from_millis(5));
    assert_eq!(bench.bytes(), before);
}

#[test]
fn a_page_ends_by_its_bytes_and_holds_one_entry_however_large() {
    let mut bench = Bench::of::<HashState>();
    let large = Value::of(&ByteBuf::from(vec![0; config::PAGE_BYTES])).unwrap();
    let half = Value::of(&ByteBuf::from(vec![0; config::PAGE_BYTES / 2 - 100])).unwrap();
    for (at, new) in [(0, &large), (1, &half), (2, &half), (3, &half)] {
        bench.call::<bool>("set", &(NAME, key(at), new, None::<u64>, None::<u64>)).unwrap();
    }

    let sizes = |bench: &mut Bench, after: Option<Key>| {
        let (page, has_more): Page<Value> = bench.call("page", &(NAME, after, 1_000_u64)).unwrap();
        (page.len(), has_more)
    };

    assert_eq!(sizes(&mut bench, None), (1, true));
    assert_eq!(sizes(&mut bench, Some(key(0))), (2, true));
    assert_eq!(sizes(&mut bench, Some(key(2))), (1, false));
    assert_eq!(sizes(&mut bench, Some(key(3))), (0, false));
    let endless = bench.call::<Page<Value>>("page", &(NAME, None::<Key>, 0_u64));
    assert!(matches!(endless, Err(DataError::Invalid { .. })), "{endless:?}");
}

#[test]
fn what_no_reply_can_hold_is_refused_and_stays() {
    let mut bench = Bench::of::<HashState>();
    let quarter = Value::of(&ByteBuf::from(vec![0; config::BODY_BYTES_MAX / 4])).unwrap();
    for at in 0..4 {
        bench.call::<bool>("set", &(NAME, key(at), &quarter, None::<u64>, None::<u64>)).unwrap();
    }

    let items = bench.call::<Vec<(Key, Value)>>("items", &(NAME,));

    assert!(matches!(items, Err(DataError::Invalid { .. })), "{items:?}");
    assert_eq!(walk(&mut bench, 1_000).len(), 4);
    assert_eq!(bench.call::<Vec<Key>>("keys", &(NAME,)).unwrap().len(), 4);
    bench.call::<bool>("remove", &(NAME, key(0))).unwrap();
    let items: Vec<(Key, Value)> = bench.call("items", &(NAME,)).unwrap();
    assert!(crate::wire::encode(&items).unwrap().len() <= config::BODY_BYTES_MAX - HEAD_BYTES);
}

#[test]
fn watchers_hear_of_each_change() {
    let mut bench = Bench::of::<HashState>();
    let told = |bench: &mut Bench| -> Vec<HashChange> {
        bench.changes.drain(..).map(|change| change.get().unwrap()).collect()
    };
    let (at, new) = (key(0), value(7));
    let set = HashChange::Set { key: at.clone().into(), value: new.clone().into() };

    bench.call::<bool>("set", &(NAME, &at, &new, Some(5_u64), None::<u64>)).unwrap();
    bench.call::<bool>("add", &(NAME, &at, &new, None::<u64>, None::<u64>)).unwrap();
    assert_eq!(told(&mut bench), std::slice::from_ref(&set));
    bench.pass(Duration::from_millis(5));
    assert_eq!(told(&mut bench), [HashChange::Expired { key: at.clone().into() }]);

    bench.call::<bool>("add", &(NAME, &at, &new, None::<u64>, None::<u64>)).unwrap();
    bench.call::<bool>("remove", &(NAME, &at)).unwrap();
    bench.call::<bool>("remove", &(NAME, &at)).unwrap();
    assert_eq!(told(&mut bench), [set.clone(), HashChange::Removed { key: at.clone().into() }]);

    bench.call::<bool>("add", &(NAME, &at, &new, None::<u64>, None::<u64>)).unwrap();
    bench.call::<u64>("clear", &(NAME,)).unwrap();
    bench.call::<u64>("clear", &(NAME,)).unwrap();
    assert_eq!(told(&mut bench), [set, HashChange::Cleared]);
}
