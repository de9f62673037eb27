use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::datatypes::model::{Bench, NAME};
use crate::datatypes::sequence::slice::tests::{places, slices};
use crate::datatypes::sequence::tests::{key, place, read, replay, value, values};
use crate::datatypes::sequence::{ListChange, Slice};
use crate::error::DataError;
use crate::hosted::{Key, Value};

/// What a deque should be, how many values it may have, and when it goes.
#[derive(Debug, Clone, Default)]
struct Model {
    now: u64,
    deque: VecDeque<u8>,
    maxlen: Option<u64>,
    expires: Option<u64>,
    /// What one knows who only heard of the changes.
    heard: Vec<Value>,
}

impl Model {
    /// Whether what asks for this bound is let in. If so it is the deque's.
    fn agrees(&mut self, asked: Option<u64>) -> bool {
        if self.deque.is_empty() && self.maxlen.is_none() {
            self.maxlen = asked;
        }
        asked.is_none() || asked == self.maxlen
    }

    fn push_back(&mut self, of: u8) {
        self.deque.push_back(of);
        if self.maxlen.is_some_and(|max| self.deque.len() as u64 > max) {
            self.deque.pop_front();
        }
    }

    fn push_front(&mut self, of: u8) {
        self.deque.push_front(of);
        if self.maxlen.is_some_and(|max| self.deque.len() as u64 > max) {
            self.deque.pop_back();
        }
    }

    fn settle(&mut self, ttl: Option<u64>) {
        self.expires = ttl.map(|ttl| self.now + ttl).or(self.expires);
        self.expires = self.expires.filter(|_| !self.deque.is_empty() || self.maxlen.is_some());
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        if self.expires.is_some_and(|expires| expires <= self.now) {
            *self = Self { now: self.now, ..Self::default() };
        }
    }

    fn place(&self, at: i64) -> Option<usize> {
        place(at, self.deque.len())
    }
}

/// A step of a random history. Those that put something in end with the bound that they ask for and the TTL of the whole
/// in milliseconds.
#[derive(Debug, Clone)]
enum Step {
    Open(Option<u64>),
    PushBack(u8, Option<u64>, Option<u64>),
    PushFront(u8, Option<u64>, Option<u64>),
    Extend(Vec<u8>, Option<u64>, Option<u64>),
    ExtendLeft(Vec<u8>, Option<u64>, Option<u64>),
    Insert(i64, u8, Option<u64>, Option<u64>),
    Set(i64, u8, Option<u64>),
    PopAt(i64),
    Remove(u8),
    Rotate(i64),
    Reverse,
    Repeat(u64),
    Clear,
    Look(Slice, u8),
    Pass(u64),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let of = || 0..5_u8;
    let several = || proptest::collection::vec(0..5_u8, 0..7);
    let place = || -7..7_i64;
    let ttl = || proptest::option::weighted(0.2, 1..40_u64);
    // Most ask for nothing, or for what it has.
    let max = || prop_oneof![6 => Just(None), 4 => Just(Some(4)), 1 => Just(Some(0)), 1 => Just(Some(6))];
    let far = prop_oneof![8 => -20..20_i64, 1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)]];
    prop_oneof![
        1 => max().prop_map(Step::Open),
        3 => (of(), max(), ttl()).prop_map(|(v, m, t)| Step::PushBack(v, m, t)),
        3 => (of(), max(), ttl()).prop_map(|(v, m, t)| Step::PushFront(v, m, t)),
        3 => (several(), max(), ttl()).prop_map(|(v, m, t)| Step::Extend(v, m, t)),
        3 => (several(), max(), ttl()).prop_map(|(v, m, t)| Step::ExtendLeft(v, m, t)),
        3 => (place(), of(), max(), ttl()).prop_map(|(at, v, m, t)| Step::Insert(at, v, m, t)),
        2 => (place(), of(), ttl()).prop_map(|(at, v, t)| Step::Set(at, v, t)),
        3 => place().prop_map(Step::PopAt),
        2 => of().prop_map(Step::Remove),
        4 => far.prop_map(Step::Rotate),
        1 => Just(Step::Reverse),
        1 => (0..4_u64).prop_map(Step::Repeat),
        1 => Just(Step::Clear),
        2 => (slices(), of()).prop_map(|(s, v)| Step::Look(s, v)),
        2 => (1..30_u64).prop_map(Step::Pass),
        1 => Just(Step::Restore),
    ]
}

fn both(bench: &mut Bench, model: &mut Model, step: &Step) {
    match step {
        Step::Open(max) => {
            let opened = bench.call::<Option<u64>>("open", &(NAME, max));
            if model.agrees(*max) {
                assert_eq!(opened.unwrap(), model.maxlen);
            } else {
                assert!(matches!(opened, Err(DataError::WrongValue { .. })), "{opened:?}");
            }
        }
        Step::PushBack(..)
        | Step::PushFront(..)
        | Step::Extend(..)
        | Step::ExtendLeft(..)
        | Step::Insert(..) => put_in(bench, model, step),
        Step::PopAt(_) | Step::Remove(_) | Step::Clear => remove(bench, model, step),
        Step::Set(at, of, ttl) => {
            let done = bench.call::<()>("set", &(NAME, at, value(*of), ttl));
            let Some(at) = model.place(*at) else {
                assert!(matches!(done, Err(DataError::Invalid { .. })), "{done:?}");
                return;
            };
            model.deque[at] = *of;
            model.settle(*ttl);
        }
        Step::Rotate(by) => {
            bench.call::<()>("rotate", &(NAME, by)).unwrap();
            let by = by.checked_rem(model.deque.len() as i64).unwrap_or_default();
            for _ in 0..by.abs() {
                let moved = if by > 0 { model.deque.pop_back() } else { model.deque.pop_front() };
                let moved = moved.unwrap();
                if by > 0 { model.deque.push_front(moved) } else { model.deque.push_back(moved) }
            }
        }
        Step::Reverse => {
            bench.call::<()>("reverse", &(NAME,)).unwrap();
            model.deque.make_contiguous().reverse();
        }
        Step::Repeat(times) => {
            let len: u64 = bench.call("repeat", &(NAME, times, None::<u64>)).unwrap();
            let once = std::mem::take(&mut model.deque);
            (0..*times).for_each(|_| once.iter().for_each(|of| model.push_back(*of)));
            assert_eq!(len, model.deque.len() as u64);
            model.settle(None);
        }
        Step::Look(slice, of) => {
            let index: Option<u64> = bench.call("index", &(NAME, key(*of), slice)).unwrap();
            let mut places = places(*slice, model.deque.len()).into_iter();
            assert_eq!(index, places.find(|at| model.deque[*at] == *of).map(|at| at as u64));
        }
        Step::Pass(ms) => {
            bench.pass(Duration::from_millis(*ms));
            model.pass(*ms);
        }
        Step::Restore => bench.restore(),
    }
}

fn put_in(bench: &mut Bench, model: &mut Model, step: &Step) {
    let (done, max, ttl) = match step {
        Step::PushBack(of, max, ttl) => {
            (bench.call::<u64>("push_back", &(NAME, value(*of), max, ttl)), max, ttl)
        }
        Step::PushFront(of, max, ttl) => {
            (bench.call::<u64>("push_front", &(NAME, value(*of), max, ttl)), max, ttl)
        }
        Step::Extend(of, max, ttl) => (bench.call::<u64>("extend", &(NAME, values(of), max, ttl)), max, ttl),
        Step::ExtendLeft(of, max, ttl) => {
            (bench.call::<u64>("extend_left", &(NAME, values(of), max, ttl)), max, ttl)
        }
        Step::Insert(at, of, max, ttl) => {
            (bench.call::<u64>("insert", &(NAME, at, value(*of), max, ttl)), max, ttl)
        }
        other => panic!("{other:?}"),
    };
    let bound = model.maxlen;
    if !model.agrees(*max) {
        assert!(matches!(done, Err(DataError::WrongValue { .. })), "{done:?}");
        return;
    }
    match step {
        Step::PushBack(of, ..) => model.push_back(*of),
        Step::PushFront(of, ..) => model.push_front(*of),
        Step::Extend(of, ..) => of.iter().for_each(|of| model.push_back(*of)),
        Step::ExtendLeft(of, ..) => of.iter().for_each(|of| model.push_front(*of)),
        Step::Insert(..) if model.maxlen.is_some_and(|max| model.deque.len() as u64 >= max) => {
            assert!(matches!(done, Err(DataError::Full { .. })), "{done:?}");
            model.maxlen = bound;
            return;
        }
        Step::Insert(at, of, ..) => {
            let beyond = if *at < 0 { 0 } else { model.deque.len() };
            model.deque.insert(model.place(*at).unwrap_or(beyond), *of);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(done.unwrap(), model.deque.len() as u64);
    model.settle(*ttl);
}

fn remove(bench: &mut Bench, model: &mut Model, step: &Step) {
    match step {
        Step::PopAt(at) => {
            let popped: Option<Value> = bench.call("pop_at", &(NAME, at)).unwrap();
            let expected = model.place(*at).and_then(|at| model.deque.remove(at));
            assert_eq!(popped.map(|value| value.get::<u8>().unwrap()), expected);
        }
        Step::Remove(of) => {
            let removed: bool = bench.call("remove", &(NAME, key(*of))).unwrap();
            let at = model.deque.iter().position(|found| found == of);
            assert_eq!(removed, at.and_then(|at| model.deque.remove(at)).is_some());
        }
        Step::Clear => {
            let removed: u64 = bench.call("clear", &(NAME,)).unwrap();
            assert_eq!(removed, std::mem::take(&mut model.deque).len() as u64);
        }
        other => panic!("{other:?}"),
    }
    model.settle(None);
}

/// All that can be read of the deque is as in the model.
fn compare(bench: &mut Bench, model: &mut Model) {
    let expected: Vec<u8> = model.deque.iter().copied().collect();
    assert_eq!(read(&bench.call::<Vec<Value>>("to_vec", &(NAME,)).unwrap()), expected);
    assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), expected.len() as u64);
    assert_eq!(bench.call::<Option<u64>>("maxlen", &(NAME,)).unwrap(), model.maxlen);
    for at in -7..7 {
        let found: Option<Value> = bench.call("get", &(NAME, at)).unwrap();
        assert_eq!(found, model.place(at).map(|at| value(expected[at])), "{at}");
    }
    let count: u64 = bench.call("count", &(NAME, key(3))).unwrap();
    assert_eq!(count, expected.iter().filter(|of| **of == 3).count() as u64);
    let keys: Vec<Key> = expected.iter().map(|of| key(*of)).collect();
    assert!(bench.call::<bool>("equals", &(NAME, &keys)).unwrap());
    let (first, has_more): (Vec<Value>, bool) = bench.call("page", &(NAME, 1, 3)).unwrap();
    assert_eq!(read(&first), expected.iter().skip(1).take(3).copied().collect::<Vec<_>>());
    assert_eq!(has_more, expected.len() > 4);
    assert_eq!(bench.is_there(), !expected.is_empty() || model.maxlen.is_some());
    for change in bench.changes.drain(..) {
        replay(&mut model.heard, change.get::<ListChange>().unwrap());
    }
    assert_eq!(read(&model.heard), expected);
}

proptest! {
    #[test]
    fn it_does_what_pythons_deque_does(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut bench, mut model) = (Bench::of::<DequeState>(), Model::default());
        for step in &steps {
            // Repeated again and again it would be too long to be compared.
            if model.deque.len() < 200 || !matches!(step, Step::Repeat(..)) {
                both(&mut bench, &mut model, step);
            }
            compare(&mut bench, &mut model);
        }
    }
}

fn bench(of: &[u8], maxlen: Option<u64>) -> Bench {
    let mut bench = Bench::of::<DequeState>();
    bench.call::<u64>("extend", &(NAME, values(of), maxlen, None::<u64>)).unwrap();
    bench
}

fn all(bench: &mut Bench) -> Vec<u8> {
    read(&bench.call::<Vec<Value>>("to_vec", &(NAME,)).unwrap())
}

#[test]
fn it_turns_by_more_than_it_has_and_loses_nothing() {
    // Of three, Pottery left four as they were, and lost one at four the other way.
    let mut deque = bench(&[1, 2, 3], None);

    deque.call::<()>("rotate", &(NAME, 4)).unwrap();
    assert_eq!(all(&mut deque), [3, 1, 2]);
    deque.call::<()>("rotate", &(NAME, -4)).unwrap();
    assert_eq!(all(&mut deque), [1, 2, 3]);
    deque.call::<()>("rotate", &(NAME, i64::MIN)).unwrap();
    assert_eq!(all(&mut deque), [3, 1, 2]);
}

#[test]
fn whoever_asks_for_another_bound_is_refused_and_told_both() {
    let mut deque = bench(&[1, 2, 3, 4], Some(3));

    let error = deque.call::<Option<u64>>("open", &(NAME, Some(5))).unwrap_err();
    let pushed = deque.call::<u64>("push_back", &(NAME, value(5), None::<u64>, None::<u64>));

    let told = "expected a deque of maxlen 5, found one of maxlen 3";
    assert_eq!(error.to_string(), told);
    assert_eq!(pushed.unwrap(), 3, "the bound holds for those who do not know of it");
    assert_eq!(all(&mut deque), [3, 4, 5]);
}

#[test]
fn a_bound_outlives_the_values_and_is_saved() {
    let mut deque = bench(&[1, 2, 3], Some(2));

    deque.call::<u64>("clear", &(NAME,)).unwrap();
    deque.restore();

    assert_eq!(deque.call::<Option<u64>>("maxlen", &(NAME,)).unwrap(), Some(2));
    assert!(deque.is_there());
}

#[test]
fn an_empty_deque_with_a_bound_goes_when_its_time_is_over() {
    let mut deque = Bench::of::<DequeState>();
    deque.call::<u64>("push_back", &(NAME, value(1), Some(2), Some(20))).unwrap();
    deque.call::<Option<Value>>("pop_at", &(NAME, 0)).unwrap();

    deque.pass(Duration::from_millis(19));
    assert!(deque.is_there());
    deque.pass(Duration::from_millis(1));
    assert!(!deque.is_there());
}

#[test]
fn a_state_with_more_than_may_be_is_none() {
    #[derive(serde::Serialize)]
    struct Forged {
        values: Vec<Value>,
        maxlen: Option<u64>,
    }
    let forged = |maxlen| crate::wire::encode(&Forged { values: values(&[1, 2]), maxlen }).unwrap();

    assert!(crate::wire::decode::<DequeState>(&forged(Some(1))).is_err());
    assert!(crate::wire::decode::<DequeState>(&forged(Some(2))).is_ok());
}
