use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::*;
use crate::config;
use crate::datatypes::model::{Bench, NAME};
use crate::error::DataError;
use crate::hosted::{Key, Others};

/// Another multiset of the store.
const OTHER: &str = "other";

fn key(of: u8) -> Key {
    Key::of(&of).unwrap()
}

fn sent(counts: &BTreeMap<u8, i64>) -> Vec<(Key, i64)> {
    counts.iter().map(|(of, count)| (key(*of), *count)).collect()
}

fn read(counts: Vec<(Key, i64)>) -> BTreeMap<u8, i64> {
    counts.into_iter().map(|(value, count)| (value.get().unwrap(), count)).collect()
}

fn others(names: &[&str]) -> Others {
    names.iter().copied().collect()
}

/// Python's rules, from the manual: the counts of both sides are added, subtracted, compared, and what is not more than 0
/// is left out.
fn combined(how: Tally, one: &BTreeMap<u8, i64>, other: &BTreeMap<u8, i64>) -> BTreeMap<u8, i64> {
    let values = one.keys().chain(other.keys());
    let count = |side: &BTreeMap<u8, i64>, of: u8| side.get(&of).copied().unwrap_or(0);
    let counts = values.map(|of| {
        let (one, other) = (count(one, *of), count(other, *of));
        let count = match how {
            Tally::Sum => one + other,
            Tally::Difference => one - other,
            Tally::Union => one.max(other),
            Tally::Intersection => one.min(other),
        };
        (*of, count)
    });
    counts.filter(|(_, count)| *count > 0).collect()
}

/// What a multiset should be, and when it goes.
#[derive(Debug, Clone, Default)]
struct Model {
    now: u64,
    counts: BTreeMap<u8, i64>,
    expires: Option<u64>,
    /// What one knows who only heard of the changes.
    heard: BTreeMap<u8, i64>,
}

impl Model {
    fn settle(&mut self, ttl: Option<u64>) {
        self.expires = ttl.map(|ttl| self.now + ttl).or(self.expires);
        self.expires = self.expires.filter(|_| !self.counts.is_empty());
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        if self.expires.is_some_and(|expires| expires <= self.now) {
            self.counts.clear();
            self.heard.clear();
        }
        self.settle(None);
    }
}

/// A step of a random history. The last number of those that write is the TTL of the whole in milliseconds.
#[derive(Debug, Clone)]
enum Step {
    Increment(u8, i64, Option<u64>),
    Set(u8, i64, Option<u64>),
    Update(BTreeMap<u8, i64>, Option<u64>),
    Subtract(BTreeMap<u8, i64>, Option<u64>),
    Combine(Tally, BTreeMap<u8, i64>),
    Assign(Tally, BTreeMap<u8, i64>, Option<u64>),
    Remove(u8),
    KeepPositive,
    Negate,
    Clear,
    Pass(u64),
    Restore,
}

fn tally() -> impl Strategy<Value = Tally> {
    prop_oneof![Just(Tally::Sum), Just(Tally::Difference), Just(Tally::Union), Just(Tally::Intersection)]
}

fn counts() -> impl Strategy<Value = BTreeMap<u8, i64>> {
    proptest::collection::btree_map(0..7_u8, -4..5_i64, 0..6)
}

fn step() -> impl Strategy<Value = Step> {
    let of = || 0..7_u8;
    let ttl = || proptest::option::weighted(0.2, 1..40_u64);
    prop_oneof![
        3 => (of(), -4..5_i64, ttl()).prop_map(|(v, by, t)| Step::Increment(v, by, t)),
        2 => (of(), -4..5_i64, ttl()).prop_map(|(v, n, t)| Step::Set(v, n, t)),
        3 => (counts(), ttl()).prop_map(|(c, t)| Step::Update(c, t)),
        3 => (counts(), ttl()).prop_map(|(c, t)| Step::Subtract(c, t)),
        4 => (tally(), counts()).prop_map(|(how, c)| Step::Combine(how, c)),
        3 => (tally(), counts(), ttl()).prop_map(|(how, c, t)| Step::Assign(how, c, t)),
        2 => of().prop_map(Step::Remove),
        1 => Just(Step::KeepPositive),
        1 => Just(Step::Negate),
        1 => Just(Step::Clear),
        2 => (1..30_u64).prop_map(Step::Pass),
        1 => Just(Step::Restore),
    ]
}

fn both(bench: &mut Bench, model: &mut Model, step: &Step) {
    let none = others(&[]);
    let ttl = match step {
        Step::Increment(of, by, ttl) => {
            let sum: i64 = bench.call("increment", &(NAME, key(*of), by, ttl)).unwrap();
            let count = model.counts.entry(*of).or_default();
            *count += by;
            assert_eq!(sum, *count);
            *ttl
        }
        Step::Set(of, count, ttl) => {
            let before: i64 = bench.call("set", &(NAME, key(*of), count, ttl)).unwrap();
            assert_eq!(before, model.counts.insert(*of, *count).unwrap_or_default());
            *ttl
        }
        Step::Update(counts, ttl) => {
            bench.call::<()>("update", &(NAME, none, sent(counts), ttl)).unwrap();
            counts.iter().for_each(|(of, count)| *model.counts.entry(*of).or_default() += count);
            *ttl
        }
        Step::Subtract(counts, ttl) => {
            bench.call::<()>("subtract", &(NAME, none, sent(counts), ttl)).unwrap();
            counts.iter().for_each(|(of, count)| *model.counts.entry(*of).or_default() -= count);
            *ttl
        }
        Step::Combine(how, counts) => {
            let told: Vec<(Key, i64)> = bench.call("combine", &(NAME, how, none, sent(counts))).unwrap();
            assert_eq!(read(told), combined(*how, &model.counts, counts), "{how:?}");
            return;
        }
        Step::Assign(how, counts, ttl) => {
            bench.call::<()>("assign", &(NAME, how, none, sent(counts), ttl)).unwrap();
            model.counts = combined(*how, &model.counts, counts);
            *ttl
        }
        Step::Remove(_) | Step::KeepPositive | Step::Negate | Step::Clear => {
            shrink(bench, model, step);
            None
        }
        Step::Pass(ms) => {
            bench.pass(Duration::from_millis(*ms));
            model.pass(*ms);
            return;
        }
        Step::Restore => {
            bench.restore();
            return;
        }
    };
    model.settle(ttl);
}

fn shrink(bench: &mut Bench, model: &mut Model, step: &Step) {
    match step {
        Step::Remove(of) => {
            let count: Option<i64> = bench.call("remove", &(NAME, key(*of))).unwrap();
            assert_eq!(count, model.counts.remove(of));
        }
        Step::KeepPositive => {
            let removed: u64 = bench.call("keep_positive", &(NAME,)).unwrap();
            let before = model.counts.len();
            model.counts.retain(|_, count| *count > 0);
            assert_eq!(removed, (before - model.counts.len()) as u64);
        }
        Step::Negate => {
            bench.call::<()>("negate", &(NAME,)).unwrap();
            model.counts = combined(Tally::Difference, &BTreeMap::new(), &model.counts);
        }
        Step::Clear => {
            let removed: u64 = bench.call("clear", &(NAME,)).unwrap();
            assert_eq!(removed, std::mem::take(&mut model.counts).len() as u64);
        }
        other => panic!("{other:?}"),
    }
}

/// All that can be read of the multiset is as in the model.
fn compare(bench: &mut Bench, model: &mut Model) {
    let items: Vec<(Key, i64)> = bench.call("items", &(NAME,)).unwrap();
    assert_eq!(read(items), model.counts);
    assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), model.counts.len() as u64);
    assert_eq!(bench.call::<i64>("total", &(NAME,)).unwrap(), model.counts.values().sum::<i64>());
    for of in 0..7 {
        let count: i64 = bench.call("get", &(NAME, key(of))).unwrap();
        assert_eq!(count, model.counts.get(&of).copied().unwrap_or_default());
        let is_there: bool = bench.call("contains", &(NAME, key(of))).unwrap();
        assert_eq!(is_there, model.counts.contains_key(&of));
    }
    let mut ranking: Vec<(u8, i64)> = model.counts.iter().map(|(of, count)| (*of, *count)).collect();
    ranking.sort_by_key(|(of, count)| (-count, *of));
    for count in [0, 3, u64::MAX] {
        let most: Vec<(Key, i64)> = bench.call("most_common", &(NAME, count)).unwrap();
        let most = most.into_iter().map(|(value, count)| (value.get::<u8>().unwrap(), count));
        let expected = ranking.iter().take(usize::try_from(count).unwrap_or(usize::MAX));
        assert!(most.eq(expected.copied()));
    }
    let positive: Vec<(Key, i64)> = bench.call("positive", &(NAME,)).unwrap();
    assert_eq!(read(positive), combined(Tally::Sum, &model.counts, &BTreeMap::new()));
    let negative: Vec<(Key, i64)> = bench.call("negative", &(NAME,)).unwrap();
    assert_eq!(read(negative), combined(Tally::Difference, &BTreeMap::new(), &model.counts));
    // What is not there counts 0 times.
    let mut same = model.counts.clone();
    same.retain(|_, count| *count != 0);
    assert!(bench.call::<bool>("equals", &(NAME, others(&[]), sent(&same))).unwrap());
    same.insert(9, 0);
    assert!(bench.call::<bool>("equals", &(NAME, others(&[]), sent(&same))).unwrap());
    same.insert(9, 1);
    assert!(!bench.call::<bool>("equals", &(NAME, others(&[]), sent(&same))).unwrap());
    assert_eq!(walk(bench, 3), model.counts);
    assert_eq!(bench.is_there(), !model.counts.is_empty(), "an empty multiset is as good as absent");
    listen(bench, model);
}

/// What watchers were told makes the same of what they knew.
fn listen(bench: &mut Bench, model: &mut Model) {
    for change in bench.changes.drain(..) {
        match change.get().unwrap() {
            MultisetChange::Counted { value, count } => {
                assert_ne!(model.heard.insert(value.get().unwrap(), count), Some(count), "it was so before");
            }
            MultisetChange::Removed { value } => {
                assert!(model.heard.remove(&value.get::<u8>().unwrap()).is_some());
            }
            MultisetChange::Cleared => model.heard.clear(),
        }
    }
    assert_eq!(model.heard, model.counts);
}

fn walk(bench: &mut Bench, limit: u64) -> BTreeMap<u8, i64> {
    let (mut all, mut after) = (Vec::new(), None::<Key>);
    loop {
        let (page, has_more): (Vec<(Key, i64)>, bool) = bench.call("page", &(NAME, &after, limit)).unwrap();
        assert!(page.len() as u64 <= limit);
        after = page.last().map(|(value, _)| value.clone());
        all.extend(page);
        if !has_more {
            return read(all);
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_pythons_counter_does(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut bench, mut model) = (Bench::of::<MultisetState>(), Model::default());
        for step in &steps {
            both(&mut bench, &mut model, step);
            compare(&mut bench, &mut model);
        }
        // Nothing is left behind of what was there.
        let blank = Bench::of::<MultisetState>().bytes();
        bench.call::<u64>("clear", &(NAME,)).unwrap();
        bench.restore();
        prop_assert_eq!(bench.bytes(), blank);
    }

    #[test]
    fn two_multisets_are_combined_in_the_same_step(how in tally(), one in counts(), other in counts()) {
        let mut bench = Bench::of::<MultisetState>();
        for (name, counts) in [(NAME, &one), (OTHER, &other)] {
            bench.call::<()>("update", &(name, others(&[]), sent(counts), None::<u64>)).unwrap();
        }
        let nothing: Vec<(Key, i64)> = Vec::new();
        let with_other = others(&[OTHER]);

        let told: Vec<(Key, i64)> = bench.call("combine", &(NAME, how, &with_other, &nothing)).unwrap();
        prop_assert_eq!(read(told), combined(how, &one, &other));
        let is_equal: bool = bench.call("equals", &(NAME, &with_other, &nothing)).unwrap();
        let dense = |counts: &BTreeMap<u8, i64>| (0..7).map(|of| counts.get(&of).copied().unwrap_or(0)).collect::<Vec<_>>();
        prop_assert_eq!(is_equal, dense(&one) == dense(&other));
        bench.call::<()>("assign", &(NAME, how, &with_other, &nothing, None::<u64>)).unwrap();
        prop_assert_eq!(walk(&mut bench, 100), combined(how, &one, &other));

        // With itself, as it was before.
        bench.call::<()>("assign", &(OTHER, how, &with_other, &nothing, None::<u64>)).unwrap();
        let itself: Vec<(Key, i64)> = bench.call("items", &(OTHER,)).unwrap();
        prop_assert_eq!(read(itself), combined(how, &other, &other));
    }
}

#[test]
fn a_count_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut bench = Bench::of::<MultisetState>();
    bench.call::<i64>("set", &(NAME, key(1), i64::MAX, None::<u64>)).unwrap();
    bench.call::<i64>("set", &(NAME, key(2), i64::MIN, None::<u64>)).unwrap();
    let none = others(&[]);
    let is_refused = |result: Result<(), DataError>| matches!(result, Err(DataError::WrongValue { .. }));

    let more = vec![(key(0), 5), (key(1), 1)];
    let less = vec![(key(0), 5), (key(2), 1)];
    let twice = vec![(key(3), i64::MAX), (key(3), 1)];
    assert!(is_refused(bench.call::<i64>("increment", &(NAME, key(1), 1, None::<u64>)).map(drop)));
    assert!(is_refused(bench.call("update", &(NAME, &none, &more, None::<u64>))));
    assert!(is_refused(bench.call("subtract", &(NAME, &none, &less, None::<u64>))));
    assert!(is_refused(bench.call("update", &(NAME, &none, &twice, None::<u64>))));
    assert!(is_refused(bench.call("assign", &(NAME, Tally::Sum, &none, &more, None::<u64>))));
    assert!(is_refused(bench.call("negate", &(NAME,))));
    assert!(is_refused(bench.call::<Vec<(Key, i64)>>("negative", &(NAME,)).map(drop)));

    assert_eq!(walk(&mut bench, 10), BTreeMap::from([(1, i64::MAX), (2, i64::MIN)]));
    assert_eq!(bench.call::<i64>("total", &(NAME,)).unwrap(), -1);
    bench.call::<i64>("set", &(NAME, key(2), 1, None::<u64>)).unwrap();
    assert!(is_refused(bench.call::<i64>("total", &(NAME,)).map(drop)));
}

#[test]
fn what_no_reply_can_hold_is_refused() {
    let mut bench = Bench::of::<MultisetState>();
    for of in 0..5_u8 {
        let large = Key::of(&ByteBuf::from(vec![of; config::BODY_BYTES_MAX / 4])).unwrap();
        bench.call::<i64>("increment", &(NAME, large, 1, None::<u64>)).unwrap();
    }
    let is_refused =
        |result: Result<Vec<(Key, i64)>, DataError>| matches!(result, Err(DataError::Invalid { .. }));
    let nothing: Vec<(Key, i64)> = Vec::new();

    assert!(is_refused(bench.call("items", &(NAME,))));
    assert!(is_refused(bench.call("positive", &(NAME,))));
    assert!(is_refused(bench.call("most_common", &(NAME, 5))));
    assert!(is_refused(bench.call("combine", &(NAME, Tally::Sum, others(&[]), nothing))));
    assert_eq!(bench.call::<Vec<(Key, i64)>>("most_common", &(NAME, 3)).unwrap().len(), 3);
}

#[test]
fn a_step_that_would_look_at_too_many_is_refused_and_changes_nothing() {
    let mut bench = Bench::of::<MultisetState>();
    let most = config::COMBINED_MEMBERS_MAX as u32;
    let counts = |values: std::ops::Range<u32>, count: i64| -> Vec<(Key, i64)> {
        values.map(|of| (Key::of(&of).unwrap(), count)).collect()
    };
    let none = others(&[]);
    bench.call::<()>("update", &(NAME, &none, counts(0..most, 0), None::<u64>)).unwrap();
    bench.call::<i64>("set", &(NAME, Key::of(&most).unwrap(), -1, None::<u64>)).unwrap();
    bench.changes.clear();
    let is_refused = |result: Result<(), DataError>| matches!(result, Err(DataError::Invalid { .. }));

    assert!(is_refused(bench.call::<u64>("keep_positive", &(NAME,)).map(drop)));
    assert!(is_refused(bench.call("negate", &(NAME,))));
    for how in [Tally::Sum, Tally::Difference, Tally::Union, Tally::Intersection] {
        let one = [(Key::of(&0).unwrap(), 5)];
        assert!(is_refused(bench.call("assign", &(NAME, how, &none, &one, None::<u64>))), "{how:?}");
    }
    assert!(is_refused(bench.call("update", &(NAME, &none, counts(0..most + 1, 1), None::<u64>))));
    assert!(is_refused(bench.call("update", &(NAME, others(&[NAME]), counts(0..0, 0), None::<u64>))));
    assert_eq!(bench.changes, []);
    assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), u64::from(most) + 1);
    // What is few among many is told all the same.
    assert_eq!(bench.call::<Vec<(Key, i64)>>("negative", &(NAME,)).unwrap().len(), 1);

    // As many as may be.
    bench.call::<i64>("set", &(NAME, Key::of(&most).unwrap(), 1, None::<u64>)).unwrap();
    assert_eq!(bench.call::<u64>("keep_positive", &(NAME,)).unwrap(), u64::from(most));
    assert_eq!(bench.call::<i64>("total", &(NAME,)).unwrap(), 1);
}
