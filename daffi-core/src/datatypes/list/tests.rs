use std::time::Duration;

use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::*;
use crate::config;
use crate::datatypes::model::{Bench, NAME};
use crate::datatypes::sequence::slice::tests::{is_simple, places, slices, start};
use crate::datatypes::sequence::tests::{key, place, read, replay, value, values};
use crate::datatypes::sequence::{ListChange, Slice, SortOrder};
use crate::error::DataError;
use crate::hosted::{Key, Value};

/// What a list should be, and when it goes.
#[derive(Debug, Clone, Default)]
struct Model {
    now: u64,
    list: Vec<u8>,
    expires: Option<u64>,
    /// What one knows who only heard of the changes.
    heard: Vec<Value>,
}

impl Model {
    fn settle(&mut self, ttl: Option<u64>) {
        self.expires = ttl.map(|ttl| self.now + ttl).or(self.expires);
        self.expires = self.expires.filter(|_| !self.list.is_empty());
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        if self.expires.is_some_and(|expires| expires <= self.now) {
            self.list.clear();
            self.heard.clear();
        }
        self.settle(None);
    }

    fn place(&self, at: i64) -> Option<usize> {
        place(at, self.list.len())
    }
}

/// A step of a random history. The last number of those that write is the TTL of the whole in milliseconds.
#[derive(Debug, Clone)]
enum Step {
    Push(u8, Option<u64>),
    Extend(Vec<u8>, Option<u64>),
    Insert(i64, u8, Option<u64>),
    Set(i64, u8, Option<u64>),
    SetSlice(Slice, Vec<u8>, Option<u64>),
    Repeat(u64, Option<u64>),
    PopAt(i64),
    Remove(u8),
    RemoveSlice(Slice),
    Sort(SortOrder),
    Reverse,
    Clear,
    Look(Slice, u8),
    Pass(u64),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let of = || 0..6_u8;
    let several = || proptest::collection::vec(0..6_u8, 0..6);
    let place = || prop_oneof![9 => -8..8_i64, 1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)]];
    let ttl = || proptest::option::weighted(0.2, 1..40_u64);
    let order = prop_oneof![Just(SortOrder::Ascending), Just(SortOrder::Descending)];
    prop_oneof![
        3 => (of(), ttl()).prop_map(|(v, t)| Step::Push(v, t)),
        4 => (several(), ttl()).prop_map(|(v, t)| Step::Extend(v, t)),
        3 => (place(), of(), ttl()).prop_map(|(at, v, t)| Step::Insert(at, v, t)),
        2 => (place(), of(), ttl()).prop_map(|(at, v, t)| Step::Set(at, v, t)),
        8 => (slices(), several(), ttl()).prop_map(|(s, v, t)| Step::SetSlice(s, v, t)),
        1 => (0..4_u64, ttl()).prop_map(|(n, t)| Step::Repeat(n, t)),
        2 => place().prop_map(Step::PopAt),
        2 => of().prop_map(Step::Remove),
        3 => slices().prop_map(Step::RemoveSlice),
        1 => order.prop_map(Step::Sort),
        1 => Just(Step::Reverse),
        1 => Just(Step::Clear),
        6 => (slices(), of()).prop_map(|(s, v)| Step::Look(s, v)),
        2 => (1..30_u64).prop_map(Step::Pass),
        1 => Just(Step::Restore),
    ]
}

fn both(bench: &mut Bench, model: &mut Model, step: &Step) {
    match step {
        Step::Push(..) | Step::Extend(..) | Step::Insert(..) | Step::Set(..) | Step::Repeat(..) => {
            add(bench, model, step);
        }
        Step::SetSlice(slice, of, ttl) => set_slice(bench, model, *slice, of, *ttl),
        Step::PopAt(_) | Step::Remove(_) | Step::RemoveSlice(_) | Step::Clear => remove(bench, model, step),
        Step::Sort(order) => {
            bench.call::<()>("sort", &(NAME, order)).unwrap();
            model.list.sort_unstable();
            if *order == SortOrder::Descending {
                model.list.reverse();
            }
        }
        Step::Reverse => {
            bench.call::<()>("reverse", &(NAME,)).unwrap();
            model.list.reverse();
        }
        Step::Look(slice, of) => look(bench, model, *slice, *of),
        Step::Pass(ms) => {
            bench.pass(Duration::from_millis(*ms));
            model.pass(*ms);
        }
        Step::Restore => bench.restore(),
    }
}

fn add(bench: &mut Bench, model: &mut Model, step: &Step) {
    let ttl = match step {
        Step::Push(of, ttl) => {
            let len: u64 = bench.call("push", &(NAME, value(*of), ttl)).unwrap();
            model.list.push(*of);
            assert_eq!(len, model.list.len() as u64);
            ttl
        }
        Step::Extend(of, ttl) => {
            let len: u64 = bench.call("extend", &(NAME, values(of), ttl)).unwrap();
            model.list.extend(of);
            assert_eq!(len, model.list.len() as u64);
            ttl
        }
        Step::Insert(at, of, ttl) => {
            let len: u64 = bench.call("insert", &(NAME, at, value(*of), ttl)).unwrap();
            let beyond = if *at < 0 { 0 } else { model.list.len() };
            model.list.insert(model.place(*at).unwrap_or(beyond), *of);
            assert_eq!(len, model.list.len() as u64);
            ttl
        }
        Step::Set(at, of, ttl) => {
            let done = bench.call::<()>("set", &(NAME, at, value(*of), ttl));
            let Some(at) = model.place(*at) else {
                assert!(matches!(done, Err(DataError::Invalid { .. })), "{done:?}");
                return;
            };
            model.list[at] = *of;
            ttl
        }
        Step::Repeat(times, ttl) => {
            let len: u64 = bench.call("repeat", &(NAME, times, ttl)).unwrap();
            model.list = model.list.repeat(*times as usize);
            assert_eq!(len, model.list.len() as u64);
            ttl
        }
        other => panic!("{other:?}"),
    };
    model.settle(*ttl);
}

fn set_slice(bench: &mut Bench, model: &mut Model, slice: Slice, of: &[u8], ttl: Option<u64>) {
    let done = bench.call::<u64>("set_slice", &(NAME, slice, values(of), ttl));
    let places = places(slice, model.list.len());
    if is_simple(slice) {
        let start = start(slice, model.list.len());
        model.list.splice(start..start + places.len(), of.iter().copied());
    } else if places.len() == of.len() {
        for (at, of) in places.into_iter().zip(of) {
            model.list[at] = *of;
        }
    } else {
        assert!(matches!(done, Err(DataError::Invalid { .. })), "{done:?}");
        return;
    }
    assert_eq!(done.unwrap(), model.list.len() as u64);
    model.settle(ttl);
}

fn remove(bench: &mut Bench, model: &mut Model, step: &Step) {
    match step {
        Step::PopAt(at) => {
            let popped: Option<Value> = bench.call("pop_at", &(NAME, at)).unwrap();
            let expected = model.place(*at).map(|at| model.list.remove(at));
            assert_eq!(popped.map(|value| value.get::<u8>().unwrap()), expected);
        }
        Step::Remove(of) => {
            let removed: bool = bench.call("remove", &(NAME, key(*of))).unwrap();
            let at = model.list.iter().position(|found| found == of);
            assert_eq!(removed, at.map(|at| model.list.remove(at)).is_some());
        }
        Step::RemoveSlice(slice) => {
            let removed: u64 = bench.call("remove_slice", &(NAME, slice)).unwrap();
            let mut places = places(*slice, model.list.len());
            places.sort_unstable();
            assert_eq!(removed, places.len() as u64);
            for at in places.into_iter().rev() {
                model.list.remove(at);
            }
        }
        Step::Clear => {
            let removed: u64 = bench.call("clear", &(NAME,)).unwrap();
            assert_eq!(removed, std::mem::take(&mut model.list).len() as u64);
        }
        other => panic!("{other:?}"),
    }
    model.settle(None);
}

fn look(bench: &mut Bench, model: &Model, slice: Slice, of: u8) {
    let places = places(slice, model.list.len());
    let sliced: Vec<Value> = bench.call("slice", &(NAME, slice)).unwrap();
    assert_eq!(read(&sliced), places.iter().map(|at| model.list[*at]).collect::<Vec<_>>(), "{slice}");
    let index: Option<u64> = bench.call("index", &(NAME, key(of), slice)).unwrap();
    let expected = places.into_iter().find(|at| model.list[*at] == of);
    assert_eq!(index, expected.map(|at| at as u64), "{slice}");
}

/// All that can be read of the list is as in the model.
fn compare(bench: &mut Bench, model: &mut Model) {
    let all: Vec<Value> = bench.call("slice", &(NAME, Slice::default())).unwrap();
    assert_eq!(read(&all), model.list);
    assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), model.list.len() as u64);
    for at in -9..9 {
        let found: Option<Value> = bench.call("get", &(NAME, at)).unwrap();
        assert_eq!(found, model.place(at).map(|at| value(model.list[at])), "{at}");
    }
    let count: u64 = bench.call("count", &(NAME, key(3))).unwrap();
    assert_eq!(count, model.list.iter().filter(|of| **of == 3).count() as u64);
    let keys: Vec<Key> = model.list.iter().map(|of| key(*of)).collect();
    assert!(bench.call::<bool>("equals", &(NAME, &keys)).unwrap());
    assert!(!bench.call::<bool>("equals", &(NAME, [keys, vec![key(3)]].concat())).unwrap());
    assert_eq!(walk(bench, 3), model.list);
    assert_eq!(bench.is_there(), !model.list.is_empty(), "an empty list is as good as absent");
    for change in bench.changes.drain(..) {
        replay(&mut model.heard, change.get::<ListChange>().unwrap());
    }
    assert_eq!(read(&model.heard), model.list);
}

fn walk(bench: &mut Bench, limit: u64) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let (page, has_more): (Vec<Value>, bool) = bench.call("page", &(NAME, all.len(), limit)).unwrap();
        assert!(page.len() as u64 <= limit);
        all.extend(read(&page));
        if !has_more {
            return all;
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_pythons_list_does(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut bench, mut model) = (Bench::of::<ListState>(), Model::default());
        for step in &steps {
            // Repeated again and again it would be too long to be compared.
            if model.list.len() < 200 || !matches!(step, Step::Repeat(..)) {
                both(&mut bench, &mut model, step);
            }
            compare(&mut bench, &mut model);
        }
        // Nothing is left behind of what was there.
        let blank = Bench::of::<ListState>().bytes();
        bench.call::<u64>("clear", &(NAME,)).unwrap();
        bench.restore();
        prop_assert_eq!(bench.bytes(), blank);
    }
}

/// What is done to a long list: its leaves are cut, filled and put together.
#[derive(Debug, Clone)]
enum Cut {
    Take(Slice),
    Put(Slice, u16),
    Insert(i64),
    Look(Slice),
}

fn cut() -> impl Strategy<Value = Cut> {
    let place = || proptest::option::weighted(0.8, -700..700_i64);
    let step = proptest::option::weighted(0.5, prop_oneof![Just(1_i64), -9..-1_i64, 2..9_i64]);
    let slice = (place(), place(), step).prop_map(|(start, stop, step)| Slice::new(start, stop, step));
    prop_oneof![
        2 => slice.clone().prop_map(Cut::Take),
        4 => (slice.clone(), 0..300_u16).prop_map(|(slice, count)| Cut::Put(slice, count)),
        1 => (-700..700_i64).prop_map(Cut::Insert),
        2 => slice.prop_map(Cut::Look),
    ]
}

fn long(of: impl IntoIterator<Item = u16>) -> Vec<Value> {
    of.into_iter().map(|of| Value::of(&of).unwrap()).collect()
}

/// The same to a list of one's own.
fn cut_both(bench: &mut Bench, model: &mut Vec<u16>, cut: &Cut) {
    let len = model.len();
    match cut {
        Cut::Take(slice) => {
            let removed: u64 = bench.call("remove_slice", &(NAME, slice)).unwrap();
            let gone = places(*slice, len);
            assert_eq!(removed, gone.len() as u64);
            *model = (0..len).filter(|at| !gone.contains(at)).map(|at| model[at]).collect();
        }
        Cut::Put(slice, count) if is_simple(*slice) => {
            let sent = (NAME, slice, long(0..*count), None::<u64>);
            bench.call::<u64>("set_slice", &sent).unwrap();
            let start = start(*slice, len);
            model.splice(start..start + places(*slice, len).len(), 0..*count);
        }
        Cut::Put(slice, _) => {
            let places = places(*slice, len);
            let sent = (NAME, slice, long(0..places.len() as u16), None::<u64>);
            bench.call::<u64>("set_slice", &sent).unwrap();
            places.into_iter().zip(0..).for_each(|(at, of)| model[at] = of);
        }
        Cut::Insert(at) => {
            bench.call::<u64>("insert", &(NAME, at, value(1), None::<u64>)).unwrap();
            model.insert(start(Slice::from(*at..), len), 1);
        }
        Cut::Look(slice) => {
            let sliced: Vec<Value> = bench.call("slice", &(NAME, slice)).unwrap();
            assert_eq!(sliced, long(places(*slice, len).into_iter().map(|at| model[at])), "{slice}");
        }
    }
}

proptest! {
    #[test]
    fn a_long_list_is_cut_as_a_short_one_is(cuts in proptest::collection::vec(cut(), 1..30)) {
        let mut bench = Bench::of::<ListState>();
        let mut model: Vec<u16> = (0..600).collect();
        bench.call::<u64>("extend", &(NAME, long(0..600), None::<u64>)).unwrap();
        for cut in &cuts {
            cut_both(&mut bench, &mut model, cut);
            let all: Vec<Value> = bench.call("slice", &(NAME, Slice::default())).unwrap();
            prop_assert_eq!(all, long(model.iter().copied()));
        }
        let mut heard = Vec::new();
        for change in bench.changes.drain(..) {
            replay(&mut heard, change.get::<ListChange>().unwrap());
        }
        prop_assert_eq!(heard, long(model));
    }
}

fn bench(of: &[u8]) -> Bench {
    let mut bench = Bench::of::<ListState>();
    bench.call::<u64>("extend", &(NAME, values(of), None::<u64>)).unwrap();
    bench
}

fn all(bench: &mut Bench) -> Vec<u8> {
    read(&bench.call::<Vec<Value>>("slice", &(NAME, Slice::default())).unwrap())
}

#[test]
fn a_slice_that_is_emptied_removes_its_places_and_no_others() {
    // Pottery removed others that were equal to 0.
    let mut list = bench(&[0, 1, 0, 2, 3]);

    list.call::<u64>("set_slice", &(NAME, Slice::from(1..2), values(&[]), None::<u64>)).unwrap();

    assert_eq!(all(&mut list), [0, 0, 2, 3]);
}

#[test]
fn a_slice_grows_by_what_is_more_and_an_empty_one_is_empty() {
    let mut list = bench(&[1, 2, 3]);

    let none: Vec<Value> = list.call("slice", &(NAME, Slice::from(0..0))).unwrap();
    list.call::<u64>("set_slice", &(NAME, Slice::from(1..2), values(&[7, 8, 9]), None::<u64>)).unwrap();

    assert_eq!(none, []);
    assert_eq!(all(&mut list), [1, 7, 8, 9, 3]);
}

#[test]
fn a_slice_with_a_step_takes_as_many_as_it_has_or_changes_nothing() {
    let mut list = bench(&[1, 2, 3, 4]);
    let every_other = Slice::from(..).step(2);

    let refused = list.call::<u64>("set_slice", &(NAME, every_other, values(&[9]), None::<u64>));

    assert!(matches!(refused, Err(DataError::Invalid { .. })), "{refused:?}");
    assert_eq!(all(&mut list), [1, 2, 3, 4]);
}

#[test]
fn a_place_below_nothing_counts_from_the_end_where_something_is_put_in() {
    let mut list = bench(&[1, 2, 3]);

    list.call::<u64>("insert", &(NAME, -1, value(9), None::<u64>)).unwrap();

    assert_eq!(all(&mut list), [1, 2, 9, 3]);
}

#[test]
fn texts_are_sorted_and_what_is_equal_stays_in_its_order() {
    let mut list = Bench::of::<ListState>();
    // 1.5 as a float of 4 and of 8 bytes are one value, of which one can tell the two.
    let mixed = [
        Value::of(&"pear").unwrap(),
        Value::of(&1.5_f32).unwrap(),
        Value::of(&"apple").unwrap(),
        Value::of(&1.5_f64).unwrap(),
        Value::of(&2).unwrap(),
    ];
    list.call::<u64>("extend", &(NAME, &mixed, None::<u64>)).unwrap();

    list.call::<()>("sort", &(NAME, SortOrder::Ascending)).unwrap();
    let ascending: Vec<Value> = list.call("slice", &(NAME, Slice::default())).unwrap();
    list.call::<()>("sort", &(NAME, SortOrder::Descending)).unwrap();
    let descending: Vec<Value> = list.call("slice", &(NAME, Slice::default())).unwrap();

    let picked = |order: [usize; 5]| order.map(|at| mixed[at].clone());
    assert_eq!(ascending, picked([1, 3, 4, 2, 0]));
    assert_eq!(descending, picked([0, 2, 4, 1, 3]));
}

#[test]
fn values_are_found_by_what_they_are() {
    let mut list = Bench::of::<ListState>();
    // {"b": 1, "a": 2}, and what is not equal to itself.
    let map: Value = crate::wire::decode(&[0xc4, 7, 0x82, 0xa1, b'b', 1, 0xa1, b'a', 2]).unwrap();
    let not_a_number = Value::of(&f64::NAN).unwrap();
    list.call::<u64>("extend", &(NAME, [&map, &not_a_number], None::<u64>)).unwrap();
    let sorted = Key::of(&std::collections::BTreeMap::from([("a", 2), ("b", 1)])).unwrap();

    assert_eq!(list.call::<u64>("count", &(NAME, &sorted)).unwrap(), 1);
    assert!(!list.call::<bool>("remove", &(NAME, Key::of(&1.0).unwrap())).unwrap());
    assert!(list.call::<bool>("remove", &(NAME, &sorted)).unwrap());
}

#[test]
fn what_is_too_large_is_refused_and_changes_nothing() {
    let mut list = Bench::of::<ListState>();
    for of in 0..5_u8 {
        let large = Value::of(&ByteBuf::from(vec![of; config::BODY_BYTES_MAX / 4])).unwrap();
        list.call::<u64>("push", &(NAME, large, None::<u64>)).unwrap();
    }
    let sliced = |list: &mut Bench, slice: Slice| list.call::<Vec<Value>>("slice", &(NAME, slice));

    assert!(matches!(sliced(&mut list, Slice::default()), Err(DataError::Invalid { .. })));
    assert_eq!(sliced(&mut list, Slice::from(-3..)).unwrap().len(), 3);
    for times in [2, u64::MAX] {
        let repeated = list.call::<u64>("repeat", &(NAME, times, None::<u64>));
        assert!(matches!(repeated, Err(DataError::Invalid { .. })), "{repeated:?}");
    }
    assert_eq!(list.call::<u64>("len", &(NAME,)).unwrap(), 5);
    // Nothing is nothing, however often.
    list.call::<u64>("clear", &(NAME,)).unwrap();
    assert_eq!(list.call::<u64>("repeat", &(NAME, u64::MAX, None::<u64>)).unwrap(), 0);
}

#[test]
fn a_step_of_nothing_and_a_page_of_nothing_are_refused() {
    let mut list = bench(&[1, 2, 3]);
    let nowhere = Slice::from(..).step(0);

    assert!(list.call::<Vec<Value>>("slice", &(NAME, nowhere)).is_err());
    assert!(list.call::<u64>("set_slice", &(NAME, nowhere, values(&[]), None::<u64>)).is_err());
    assert!(list.call::<u64>("remove_slice", &(NAME, nowhere)).is_err());
    assert!(list.call::<Option<u64>>("index", &(NAME, key(1), nowhere)).is_err());
    assert!(list.call::<(Vec<Value>, bool)>("page", &(NAME, 0, 0)).is_err());
    assert_eq!(list.call::<(Vec<Value>, bool)>("page", &(NAME, u64::MAX, 5)).unwrap(), (vec![], false));
    assert!(list.call::<u64>("push", &(NAME, value(1), Some(0))).is_err());
    assert_eq!(all(&mut list), [1, 2, 3]);
}

#[test]
fn a_slice_with_a_step_is_told_of_at_once() {
    let mut list = bench(&[1, 2, 3, 4]);
    list.changes.clear();

    let every_other = Slice::from(..).step(-2);
    list.call::<u64>("set_slice", &(NAME, every_other, values(&[9, 8]), None::<u64>)).unwrap();

    assert_eq!(all(&mut list), [1, 8, 3, 9]);
    let told: Vec<ListChange> = list.changes.iter().map(|change| change.get().unwrap()).collect();
    let values = [8, 9].map(|of| value(of).into()).to_vec();
    assert_eq!(told, [ListChange::Replaced { at: 1, step: 2, values }]);
}

fn is_refused<T>(done: &Result<T, DataError>) -> bool {
    matches!(done, Err(DataError::Invalid { .. }))
}

#[test]
fn a_step_that_would_look_at_too_many_values_is_refused_and_changes_nothing() {
    let mut list = Bench::of::<ListState>();
    let most = config::LIST_WALK_MAX as u64;
    let quarter = vec![Value::of(&()).unwrap(); config::LIST_WALK_MAX / 4];
    for _ in 0..4 {
        list.call::<u64>("extend", &(NAME, &quarter, None::<u64>)).unwrap();
    }
    assert_eq!(list.call::<u64>("push", &(NAME, value(7), None::<u64>)).unwrap(), most + 1);
    list.changes.clear();
    let index = |list: &mut Bench, slice: Slice| list.call::<Option<u64>>("index", &(NAME, key(7), slice));

    assert!(is_refused(&list.call::<()>("sort", &(NAME, SortOrder::Ascending))));
    assert!(is_refused(&list.call::<()>("reverse", &(NAME,))));
    assert!(is_refused(&list.call::<bool>("remove", &(NAME, key(7)))));
    assert!(is_refused(&list.call::<u64>("count", &(NAME, key(7)))));
    assert!(is_refused(&list.call::<u64>("remove_slice", &(NAME, Slice::from(..).step(2)))));
    assert!(is_refused(&index(&mut list, Slice::from(..))));
    assert_eq!(list.changes, []);
    assert_eq!(list.call::<Option<Value>>("get", &(NAME, most)).unwrap(), Some(value(7)));

    // As many as may be.
    assert_eq!(index(&mut list, Slice::from(1..)).unwrap(), Some(most));
    list.call::<Option<Value>>("pop_at", &(NAME, 0)).unwrap();
    list.call::<()>("reverse", &(NAME,)).unwrap();
    assert_eq!(index(&mut list, Slice::from(..).step(-1)).unwrap(), Some(0));
    assert_eq!(list.call::<u64>("remove_slice", &(NAME, Slice::from(..).step(2))).unwrap(), most / 2);
}

#[test]
fn a_step_that_would_look_into_too_much_is_refused_and_changes_nothing() {
    let mut list = Bench::of::<ListState>();
    let large = Value::of(&ByteBuf::from(vec![1; config::LIST_WALK_BYTES_MAX / 32])).unwrap();
    for at in 0..33 {
        let value = if at == 16 { value(7) } else { large.clone() };
        list.call::<u64>("push", &(NAME, value, None::<u64>)).unwrap();
    }
    list.changes.clear();
    let index =
        |list: &mut Bench, of: u8, slice: Slice| list.call::<Option<u64>>("index", &(NAME, key(of), slice));

    assert!(is_refused(&list.call::<()>("sort", &(NAME, SortOrder::Descending))));
    assert!(is_refused(&list.call::<u64>("count", &(NAME, key(7)))));
    assert!(is_refused(&list.call::<bool>("remove", &(NAME, key(9)))));
    assert!(is_refused(&index(&mut list, 9, Slice::from(..))));
    assert_eq!(list.changes, []);
    assert_eq!(list.call::<u64>("len", &(NAME,)).unwrap(), 33);

    // What is found sooner is found, and what is smaller is searched.
    assert_eq!(index(&mut list, 7, Slice::from(..)).unwrap(), Some(16));
    assert_eq!(index(&mut list, 9, Slice::from(2..)).unwrap(), None);
    // What moves values looks into none of them.
    list.call::<()>("reverse", &(NAME,)).unwrap();
    assert_eq!(list.call::<u64>("remove_slice", &(NAME, Slice::from(1..).step(2))).unwrap(), 16);
    list.call::<()>("sort", &(NAME, SortOrder::Ascending)).unwrap();
    assert_eq!(index(&mut list, 7, Slice::from(..)).unwrap(), Some(0));
}
