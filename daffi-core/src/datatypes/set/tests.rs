use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::*;
use crate::config;
use crate::datatypes::entries::LimitedAdd;
use crate::datatypes::model::{Bench, Model, NAME};
use crate::error::DataError;
use crate::hosted::Key;

fn key(member: u8) -> Key {
    Key::of(&member).unwrap()
}

fn keys(members: &[u8]) -> Vec<Key> {
    members.iter().map(|member| key(*member)).collect()
}

fn read(members: &[Key]) -> Vec<u8> {
    members.iter().map(|member| member.get().unwrap()).collect()
}

/// A step of a random history: members, the TTL of a member and of the whole in milliseconds, or a seed.
#[derive(Debug, Clone)]
enum Step {
    Add(u8, Option<u64>, Option<u64>),
    Extend(Vec<u8>, Option<u64>, Option<u64>),
    LimitedAdd(u8, u64, Option<u64>, Option<u64>),
    Remove(u8),
    RemoveMany(Vec<u8>),
    RemoveAndLen(u8),
    Pop(u64),
    PopAll,
    SetTtl(u8, u64),
    Persist(u8),
    Clear,
    Pass(u64),
    /// Whoever wrote leaves, and another comes.
    End,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let member = 0..8_u8;
    let several = || proptest::collection::vec(0..8_u8, 0..6);
    let ttl = || proptest::option::weighted(0.4, 1..40_u64);
    prop_oneof![
        4 => (member.clone(), ttl(), ttl()).prop_map(|(m, e, t)| Step::Add(m, e, t)),
        3 => (several(), ttl(), ttl()).prop_map(|(m, e, t)| Step::Extend(m, e, t)),
        2 => (member.clone(), 0..6_u64, ttl(), ttl()).prop_map(|(m, l, e, t)| Step::LimitedAdd(m, l, e, t)),
        2 => member.clone().prop_map(Step::Remove),
        1 => several().prop_map(Step::RemoveMany),
        1 => member.clone().prop_map(Step::RemoveAndLen),
        3 => any::<u64>().prop_map(Step::Pop),
        1 => Just(Step::PopAll),
        2 => (member.clone(), 1..40_u64).prop_map(|(m, t)| Step::SetTtl(m, t)),
        1 => member.prop_map(Step::Persist),
        1 => Just(Step::Clear),
        4 => (1..30_u64).prop_map(Step::Pass),
        1 => Just(Step::End),
        1 => Just(Step::Restore),
    ]
}

/// What the set answers, and what the model does.
fn both(bench: &mut Bench, model: &mut Model<()>, step: &Step) {
    match step {
        Step::Add(..) | Step::Extend(..) | Step::LimitedAdd(..) => add(bench, model, step),
        Step::Remove(_) | Step::RemoveMany(_) | Step::RemoveAndLen(_) => remove(bench, model, step),
        Step::Pop(seed) => {
            let popped: Option<Key> = bench.call("pop", &(NAME, seed)).unwrap();
            let was_member = popped
                .as_ref()
                .and_then(|popped| model.entries.remove(&read(std::slice::from_ref(popped))[0]));
            assert_eq!(was_member.is_none(), popped.is_none(), "only a member is popped");
            assert_eq!(popped.is_none(), model.entries.is_empty() && was_member.is_none());
            model.settle(None);
        }
        Step::PopAll => {
            let popped: Vec<Key> = bench.call("pop_all", &(NAME,)).unwrap();
            assert_eq!(read(&popped), model.entries.keys().copied().collect::<Vec<_>>());
            model.entries.clear();
            model.settle(None);
        }
        Step::SetTtl(member, ttl) => {
            let is_member: bool = bench.call("set_ttl_of", &(NAME, key(*member), ttl)).unwrap();
            let expires = model.now + ttl;
            assert_eq!(
                is_member,
                model.entries.get_mut(member).map(|entry| entry.1 = Some(expires)).is_some()
            );
        }
        Step::Persist(member) => {
            let would_have_gone: bool = bench.call("persist", &(NAME, key(*member))).unwrap();
            let had = model.entries.get_mut(member).is_some_and(|entry| entry.1.take().is_some());
            assert_eq!(would_have_gone, had);
        }
        Step::Clear => {
            let removed: u64 = bench.call("clear", &(NAME,)).unwrap();
            assert_eq!(removed, model.entries.len() as u64);
            model.entries.clear();
            model.settle(None);
        }
        Step::Pass(ms) => {
            bench.pass(Duration::from_millis(*ms));
            model.pass(*ms);
        }
        Step::End => bench.end(),
        Step::Restore => bench.restore(),
    }
}

fn add(bench: &mut Bench, model: &mut Model<()>, step: &Step) {
    let ttl = match step {
        Step::Add(member, member_ttl, ttl) => {
            let is_new: bool = bench.call("add", &(NAME, key(*member), member_ttl, ttl)).unwrap();
            assert_eq!(is_new, model.put(*member, (), *member_ttl).is_none());
            ttl
        }
        Step::Extend(members, member_ttl, ttl) => {
            let added: u64 = bench.call("extend", &(NAME, keys(members), member_ttl, ttl)).unwrap();
            let new = members.iter().filter(|member| model.put(**member, (), *member_ttl).is_none()).count();
            assert_eq!(added, new as u64);
            ttl
        }
        Step::LimitedAdd(member, limit, member_ttl, ttl) => {
            let sent = (NAME, key(*member), limit, member_ttl, ttl);
            let done: LimitedAdd = bench.call("limited_add", &sent).unwrap();
            let expected = if model.entries.len() as u64 >= *limit {
                LimitedAdd::Full
            } else if model.put(*member, (), *member_ttl).is_none() {
                LimitedAdd::Added
            } else {
                LimitedAdd::Exists
            };
            assert_eq!(done, expected);
            ttl
        }
        other => panic!("{other:?}"),
    };
    model.settle(*ttl);
}

fn remove(bench: &mut Bench, model: &mut Model<()>, step: &Step) {
    match step {
        Step::Remove(member) => {
            let removed: bool = bench.call("remove", &(NAME, key(*member))).unwrap();
            assert_eq!(removed, model.entries.remove(member).is_some());
        }
        Step::RemoveMany(members) => {
            let removed: u64 = bench.call("remove_many", &(NAME, keys(members))).unwrap();
            let were = members.iter().filter(|member| model.entries.remove(member).is_some()).count();
            assert_eq!(removed, were as u64);
        }
        Step::RemoveAndLen(member) => {
            let left: u64 = bench.call("remove_and_len", &(NAME, key(*member))).unwrap();
            model.entries.remove(member);
            assert_eq!(left, model.entries.len() as u64);
        }
        other => panic!("{other:?}"),
    }
    model.settle(None);
}

/// All that can be read of the set is as in the model.
fn compare(bench: &mut Bench, model: &Model<()>) {
    let members: Vec<u8> = model.entries.keys().copied().collect();
    assert_eq!(read(&bench.call::<Vec<Key>>("members", &(NAME,)).unwrap()), members);
    assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), members.len() as u64);
    assert_eq!(walk(bench, 3), members);
    let contained: Vec<bool> = bench.call("contains_many", &(NAME, keys(&[0, 1, 2, 3, 4, 5, 6, 7]))).unwrap();
    assert_eq!(contained, (0..8).map(|member| model.entries.contains_key(&member)).collect::<Vec<_>>());
    for (member, (_, expires)) in &model.entries {
        let ttl: Option<u64> = bench.call("ttl_of", &(NAME, key(*member))).unwrap();
        assert_eq!(ttl, expires.map(|expires| expires - model.now));
    }
    for count in [0, 3, 100] {
        let drawn = read(&bench.call::<Vec<Key>>("random_many", &(NAME, 7_u64, count)).unwrap());
        let different: BTreeSet<u8> = drawn.iter().copied().collect();
        assert_eq!(drawn.len(), members.len().min(count));
        assert_eq!(different.len(), drawn.len());
        assert!(different.iter().all(|member| model.entries.contains_key(member)));
    }
    let drawn = read(&bench.call::<Vec<Key>>("random_with_repeats", &(NAME, 7_u64, 20)).unwrap());
    assert_eq!(drawn.len(), if members.is_empty() { 0 } else { 20 });
    assert!(drawn.iter().all(|member| model.entries.contains_key(member)));
    assert_eq!(bench.call::<Option<Key>>("random", &(NAME, 7_u64)).unwrap().is_none(), members.is_empty());
    assert_eq!(bench.is_there(), !members.is_empty(), "an empty set is as good as absent");
}

fn walk(bench: &mut Bench, limit: u64) -> Vec<u8> {
    let (mut all, mut after) = (Vec::new(), None::<Key>);
    loop {
        let (page, has_more): (Vec<Key>, bool) = bench.call("page", &(NAME, &after, limit)).unwrap();
        assert!(page.len() as u64 <= limit);
        after = page.last().cloned();
        all.extend(page);
        if !has_more {
            return read(&all);
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_a_set_with_deadlines_does(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut bench, mut model) = (Bench::of::<SetState>(), Model::default());
        for step in &steps {
            both(&mut bench, &mut model, step);
            compare(&mut bench, &model);
        }
        // Nothing is left behind of what was there.
        let blank = Bench::of::<SetState>().bytes();
        bench.call::<u64>("clear", &(NAME,)).unwrap();
        bench.restore();
        prop_assert_eq!(bench.bytes(), blank);
    }

    #[test]
    fn a_restored_set_draws_as_the_one_that_was_saved(
        members in proptest::collection::vec(any::<u8>(), 1..40),
        removed in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
        seeds in proptest::collection::vec(any::<u64>(), 1..10),
    ) {
        let (mut first, mut second) = (Bench::of::<SetState>(), Bench::of::<SetState>());
        for bench in [&mut first, &mut second] {
            bench.call::<u64>("extend", &(NAME, keys(&members), None::<u64>, None::<u64>)).unwrap();
            for removed in &removed {
                bench.call::<bool>("remove", &(NAME, key(*removed.get(&members)))).unwrap();
            }
        }

        second.restore();

        for seed in seeds {
            let popped: Option<Key> = first.call("pop", &(NAME, seed)).unwrap();
            prop_assert_eq!(popped, second.call("pop", &(NAME, seed)).unwrap());
        }
    }
}

/// Three sets, and what is done to them: each by its number, others by theirs, and members at hand.
#[derive(Debug, Clone)]
enum Sum {
    Extend(usize, BTreeSet<u8>),
    Pop(usize, u64),
    Combine(Combination, usize, Vec<usize>, Vec<BTreeSet<u8>>),
    Relates(Relation, usize, Vec<usize>, Vec<BTreeSet<u8>>),
    InPlace(Combination, usize, Vec<usize>, Vec<BTreeSet<u8>>),
    /// The first of the others is one of the sets.
    Store(Combination, usize, usize, Vec<usize>, Vec<BTreeSet<u8>>),
    Restore,
}

fn sum() -> impl Strategy<Value = Sum> {
    use Combination::{Difference, Intersection, SymmetricDifference, Union};
    use Relation::{Disjoint, Equal, Subset, Superset};
    let how = || prop::sample::select(vec![Union, Intersection, Difference, SymmetricDifference]);
    let relation = || prop::sample::select(vec![Subset, Superset, Disjoint, Equal]);
    let members = || proptest::collection::btree_set(0..10_u8, 0..6);
    let others = || proptest::collection::vec(0..3_usize, 0..3);
    let at_hand = || proptest::collection::vec(members(), 0..2);
    prop_oneof![
        3 => (0..3_usize, members()).prop_map(|(of, members)| Sum::Extend(of, members)),
        1 => (0..3_usize, any::<u64>()).prop_map(|(of, seed)| Sum::Pop(of, seed)),
        3 => (how(), 0..3_usize, others(), at_hand()).prop_map(|(h, of, o, m)| Sum::Combine(h, of, o, m)),
        3 => (relation(), 0..3_usize, others(), at_hand()).prop_map(|(r, of, o, m)| Sum::Relates(r, of, o, m)),
        3 => (how(), 0..3_usize, others(), at_hand()).prop_map(|(h, of, o, m)| Sum::InPlace(h, of, o, m)),
        3 => (how(), 0..3_usize, 0..3_usize, others(), at_hand())
            .prop_map(|(h, of, first, o, m)| Sum::Store(h, of, first, o, m)),
        1 => Just(Sum::Restore),
    ]
}

const SETS: [&str; 3] = [NAME, "second", "third"];

fn names(sets: &[usize]) -> Vec<&'static str> {
    sets.iter().map(|set| SETS[*set]).collect()
}

fn sent(members: &[BTreeSet<u8>]) -> Vec<Vec<Key>> {
    members.iter().map(|members| members.iter().map(|member| key(*member)).collect()).collect()
}

/// The same by the standard library.
fn together<'a>(
    how: Combination,
    first: &BTreeSet<u8>,
    others: impl Iterator<Item = &'a BTreeSet<u8>>,
) -> BTreeSet<u8> {
    others.fold(first.clone(), |all, other| match how {
        Combination::Union => &all | other,
        Combination::Intersection => &all & other,
        Combination::Difference => &all - other,
        Combination::SymmetricDifference => &all ^ other,
    })
}

fn reckon(bench: &mut Bench, models: &mut [BTreeSet<u8>; 3], step: &Sum) {
    let before = models.clone();
    let sides = |others: &[usize], members: &[BTreeSet<u8>]| -> Vec<BTreeSet<u8>> {
        others.iter().map(|other| before[*other].clone()).chain(members.iter().cloned()).collect()
    };
    match step {
        Sum::Extend(of, members) => {
            let members: Vec<u8> = members.iter().copied().collect();
            let sent = (SETS[*of], keys(&members), None::<u64>, None::<u64>);
            bench.call::<u64>("extend", &sent).unwrap();
            models[*of].extend(members);
        }
        Sum::Pop(of, seed) => {
            let popped: Option<Key> = bench.call("pop", &(SETS[*of], seed)).unwrap();
            let was_member = popped.is_some_and(|popped| models[*of].remove(&read(&[popped])[0]));
            assert_eq!(was_member, !before[*of].is_empty());
        }
        Sum::Combine(how, of, others, members) => {
            let sent = (SETS[*of], how, names(others), sent(members));
            let combined = read(&bench.call::<Vec<Key>>("combine", &sent).unwrap());
            let expected = together(*how, &before[*of], sides(others, members).iter());
            assert_eq!(combined, expected.into_iter().collect::<Vec<_>>());
        }
        Sum::Relates(relation, of, others, members) => {
            let does: bool =
                bench.call("relates", &(SETS[*of], relation, names(others), sent(members))).unwrap();
            let expected = sides(others, members).iter().all(|other| match relation {
                Relation::Subset => before[*of].is_subset(other),
                Relation::Superset => before[*of].is_superset(other),
                Relation::Disjoint => before[*of].is_disjoint(other),
                Relation::Equal => before[*of] == *other,
            });
            assert_eq!(does, expected);
        }
        Sum::InPlace(how, of, others, members) => {
            let (named, sent) = (names(others), sent(members));
            let changed: u64 = match how {
                Combination::Union => bench.call("update", &(SETS[*of], named, sent, None::<u64>)),
                Combination::Intersection => bench.call("intersection_update", &(SETS[*of], named, sent)),
                Combination::Difference => bench.call("difference_update", &(SETS[*of], named, sent)),
                Combination::SymmetricDifference => {
                    bench.call("symmetric_difference_update", &(SETS[*of], named, sent, None::<u64>))
                }
            }
            .unwrap();
            models[*of] = together(*how, &before[*of], sides(others, members).iter());
            assert_eq!(changed, (&before[*of] ^ &models[*of]).len() as u64, "what came or went");
        }
        Sum::Store(how, of, first, others, members) => {
            let named: Vec<&str> = [SETS[*first]].into_iter().chain(names(others)).collect();
            let len: u64 = bench.call("store", &(SETS[*of], how, named, sent(members), None::<u64>)).unwrap();
            models[*of] = together(*how, &before[*first], sides(others, members).iter());
            assert_eq!(len, models[*of].len() as u64);
        }
        Sum::Restore => bench.restore(),
    }
}

proptest! {
    #[test]
    fn sets_are_combined_and_compared_as_those_of_the_standard_library(
        steps in proptest::collection::vec(sum(), 0..40),
    ) {
        let (mut bench, mut models) = (Bench::of::<SetState>(), <[BTreeSet<u8>; 3]>::default());
        for step in &steps {
            reckon(&mut bench, &mut models, step);
            for (name, model) in SETS.iter().zip(&models) {
                let members: Vec<u8> = model.iter().copied().collect();
                prop_assert_eq!(read(&bench.call::<Vec<Key>>("members", &(name,)).unwrap()), &members[..]);
                let mut drawn = read(&bench.call::<Vec<Key>>("random_many", &(name, 7, 100)).unwrap());
                drawn.sort_unstable();
                prop_assert_eq!(drawn, members, "what can be drawn are the members");
            }
        }
    }
}

#[test]
fn what_is_combined_keeps_the_times_that_it_should() {
    let mut bench = Bench::of::<SetState>();
    let none: [Vec<Key>; 0] = [];
    let ttl =
        |bench: &mut Bench, member: u8| bench.call::<Option<u64>>("ttl_of", &(NAME, key(member))).unwrap();
    bench.call::<u64>("extend", &(NAME, keys(&[1, 2, 3]), Some(5), Some(100))).unwrap();
    bench.call::<u64>("extend", &("other", keys(&[2, 3, 4]), Some(50), None::<u64>)).unwrap();

    // What stays keeps its time; what is added, also again, stays for ever.
    assert_eq!(bench.call("intersection_update", &(NAME, ["other"], &none)), Ok(1_u64));
    assert_eq!(ttl(&mut bench, 2), Some(5));
    assert_eq!(bench.call("update", &(NAME, ["other"], &none, None::<u64>)), Ok(1_u64));
    assert_eq!((ttl(&mut bench, 2), ttl(&mut bench, 4)), (None, None));

    // All members are others now, and yet the time of the whole goes on.
    let store = (NAME, Combination::Union, ["third"], [keys(&[7])], None::<u64>);
    assert_eq!(bench.call("store", &store), Ok(1_u64));
    bench.pass(Duration::from_millis(99));
    assert_eq!(bench.call("len", &(NAME,)), Ok(1_u64));
    bench.pass(Duration::from_millis(1));
    assert!(!bench.is_there());
    // Begun anew, if it is told so in the same step.
    assert_eq!(bench.call("update", &(NAME, ["third"], [keys(&[7])], Some(10))), Ok(1_u64));
    bench.pass(Duration::from_millis(10));
    assert!(!bench.is_there());
}

#[test]
fn what_would_take_too_long_or_be_too_large_is_refused_and_changes_nothing() {
    let mut bench = Bench::of::<SetState>();
    let none: [Vec<Key>; 0] = [];
    for member in 0..5_u8 {
        let large = Key::of(&ByteBuf::from(vec![member; config::BODY_BYTES_MAX / 4])).unwrap();
        let name = if member < 3 { NAME } else { "other" };
        bench.call::<bool>("add", &(name, large, None::<u64>, None::<u64>)).unwrap();
    }
    let is_invalid = |done: Result<u64, DataError>| matches!(done, Err(DataError::Invalid { .. }));

    let union = bench.call::<Vec<Key>>("combine", &(NAME, Combination::Union, ["other"], &none));
    assert!(matches!(union, Err(DataError::Invalid { .. })), "no reply holds it");
    let many = vec![keys(&[1]); config::OTHERS_MAX];
    assert!(is_invalid(bench.call("update", &(NAME, ["other"], &many, None::<u64>))));
    assert!(is_invalid(bench.call("update", &(NAME, ["other"], &none, Some(0)))));
    assert!(is_invalid(bench.call("store", &(NAME, Combination::Union, [""; 0], [keys(&[1])], None::<u64>))));

    let small: Vec<Key> = (0..2_100_u32).map(|member| Key::of(&member).unwrap()).collect();
    bench.call::<u64>("extend", &("many", &small, None::<u64>, None::<u64>)).unwrap();
    let looked_at = |bench: &mut Bench, times: usize| {
        let store = (NAME, Combination::Intersection, vec!["many"; times], &none, None::<u64>);
        bench.call::<u64>("store", &store)
    };
    assert!(is_invalid(looked_at(&mut bench, config::OTHERS_MAX)));
    assert_eq!(
        bench.call("difference_update", &("many", vec!["other"; 64], &none)),
        Ok(0_u64),
        "few are looked at"
    );

    assert_eq!(bench.call("len", &(NAME,)), Ok(3_u64));
    assert_eq!(bench.call("update", &(NAME, ["other"], &none, None::<u64>)), Ok(2_u64), "no reply must");
    assert_eq!(looked_at(&mut bench, config::OTHERS_MAX - 2), Ok(2_100));
}

#[test]
fn each_member_is_drawn_about_as_often_as_any_other() {
    let mut bench = Bench::of::<SetState>();
    bench.call::<u64>("extend", &(NAME, keys(&[0, 1, 2, 3, 4, 5]), None::<u64>, None::<u64>)).unwrap();
    bench.call::<bool>("remove", &(NAME, key(2))).unwrap();

    let mut counts = BTreeMap::new();
    for seed in 0..5_000_u64 {
        let drawn: Option<Key> = bench.call("random", &(NAME, seed)).unwrap();
        *counts.entry(read(&[drawn.unwrap()])[0]).or_insert(0) += 1;
    }

    // 1,000 each; the seeds are always the same, so this holds or it does not.
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [0, 1, 3, 4, 5]);
    assert!(counts.values().all(|count| (900..1_100).contains(count)), "{counts:?}");
}

#[test]
fn what_no_reply_can_hold_is_refused_and_stays() {
    let mut bench = Bench::of::<SetState>();
    for member in 0..5_u8 {
        let large = Key::of(&ByteBuf::from(vec![member; config::BODY_BYTES_MAX / 4])).unwrap();
        bench.call::<bool>("add", &(NAME, large, None::<u64>, None::<u64>)).unwrap();
    }
    let mut refused = |method: &str, arguments: &[u64]| {
        let done = match arguments {
            [] => bench.call::<Vec<Key>>(method, &(NAME,)),
            [seed, count] => bench.call(method, &(NAME, seed, count)),
            other => panic!("{other:?}"),
        };
        assert!(matches!(done, Err(DataError::Invalid { .. })), "{method}: {done:?}");
    };

    refused("members", &[]);
    refused("pop_all", &[]);
    refused("random_many", &[1, 5]);
    refused("random_with_repeats", &[1, 4]);
    refused("random_with_repeats", &[1, config::DRAWN_MAX as u64 + 1]);
    refused("random_with_repeats", &[1, u64::MAX]);

    assert_eq!(bench.call::<u64>("len", &(NAME,)).unwrap(), 5);
    assert_eq!(bench.call::<Vec<Key>>("random_many", &(NAME, 1, 3)).unwrap().len(), 3);
}

#[test]
fn watchers_hear_of_each_change() {
    let mut bench = Bench::of::<SetState>();
    let told = |bench: &mut Bench| -> Vec<SetChange> {
        bench.changes.drain(..).map(|change| change.get().unwrap()).collect()
    };
    let member = || key(7).into();
    let add = |bench: &mut Bench, ttl: Option<u64>| {
        bench.call::<bool>("add", &(NAME, key(7), ttl, None::<u64>)).unwrap()
    };

    add(&mut bench, None);
    add(&mut bench, Some(5));
    bench.pass(Duration::from_millis(5));
    assert_eq!(
        told(&mut bench),
        [SetChange::Added { member: member() }, SetChange::Expired { member: member() }]
    );

    add(&mut bench, None);
    bench.call::<bool>("remove", &(NAME, key(7))).unwrap();
    bench.call::<bool>("remove", &(NAME, key(7))).unwrap();
    assert_eq!(
        told(&mut bench),
        [SetChange::Added { member: member() }, SetChange::Removed { member: member() }]
    );

    add(&mut bench, None);
    bench.call::<Vec<Key>>("pop_all", &(NAME,)).unwrap();
    bench.call::<Vec<Key>>("pop_all", &(NAME,)).unwrap();
    assert_eq!(told(&mut bench), [SetChange::Added { member: member() }, SetChange::Cleared]);
}
