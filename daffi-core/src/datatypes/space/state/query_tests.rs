//! What searches find, whichever way they go, and what they see while objects change.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::{
    SPACE_INDEXED_MAX, SPACE_INDEXING_PAUSE, SPACE_SEARCH_LEASE, SPACE_SESSION_SEARCHES_MAX,
};
use crate::datatypes::model::{Bench, NAME};
use crate::datatypes::space::{Alteration, Check, Fields, Value};
use crate::obj;

const INDEXED: &str = "space s key int k attributes int n, string w, float f, set(int) s, list(string) l, \
    map(string, int) m, document d index n index w index f index s index l index m index d.a";
const PLAIN: &str = "space s key int k attributes int n, string w, float f, set(int) s, list(string) l, \
    map(string, int) m, document d";

fn space(text: &str) -> Bench {
    let mut bench = Bench::of::<SpaceState>();
    bench.call::<()>("create", &(NAME, text)).unwrap();
    bench
}

fn put(bench: &mut Bench, key: i64, fields: &Fields) {
    bench.call::<Written>("write", &(NAME, key, Write::put(fields.clone()))).unwrap();
}

fn query(predicate: Predicate) -> Query {
    Query { predicate, order: None, wanted: Wanted::Objects }
}

fn sorted(predicate: Predicate, by: &str, is_descending: bool) -> Query {
    let order = Some(Order { by: by.into(), is_descending, before: None });
    Query { order, ..query(predicate) }
}

fn begin(bench: &mut Bench, query: &Query, limit: u64) -> (Option<u64>, QueryPage) {
    bench.call("begin_search", &(NAME, query, limit)).unwrap()
}

fn read(
    bench: &mut Bench,
    search: u64,
    query: &Query,
    after: &Option<Place>,
) -> Result<QueryPage, SpaceError> {
    let page = bench.call("read_search", &(NAME, search, query, after, 3));
    page.map_err(|error| match error {
        DataError::Space(error) => error,
        other => panic!("{other}"),
    })
}

/// All pages of a search, and what happens between them.
fn all(bench: &mut Bench, query: &Query, mut between: impl FnMut(&mut Bench)) -> (Vec<Found>, Vec<Value>) {
    let (search, mut page) = begin(bench, query, 3);
    let (mut found, mut values) = (Vec::new(), Vec::new());
    loop {
        between(bench);
        found.extend(page.objects);
        values.extend(page.values);
        if page.next.is_none() {
            return (found, values);
        }
        page = read(bench, search.expect("more follows"), query, &page.next).unwrap();
    }
}

fn keys(found: &[Found]) -> Vec<Value> {
    found.iter().map(|found| found.key.clone()).collect()
}

/// What is counted, by as many turns as it takes.
fn count(bench: &mut Bench, predicate: &Predicate) -> u64 {
    let query = Query { wanted: Wanted::Count, ..query(predicate.clone()) };
    let (search, mut page) = begin(bench, &query, 1);
    let mut count = page.count;
    while page.next.is_some() {
        page = read(bench, search.unwrap(), &query, &page.next).unwrap();
        count += page.count;
    }
    count
}

fn describe(bench: &mut Bench, query: &Query) -> SearchPlan {
    bench.call("search_describe", &(NAME, query)).unwrap()
}

fn value() -> impl Strategy<Value = Value> {
    let floats = [
        0.5,
        -0.5,
        2.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        1e300,
        9_223_372_036_854_775_808.0,
    ];
    prop_oneof![
        (-3_i64..4).prop_map(Value::Int),
        Just(Value::Int(i64::MAX)),
        Just(Value::Int(i64::MIN)),
        prop::sample::select(floats.to_vec()).prop_map(Value::Float),
    ]
}

/// What a document may hold.
fn finite() -> impl Strategy<Value = Value> {
    value().prop_filter("documents hold finite numbers", |value| match value {
        Value::Float(float) => float.is_finite(),
        _ => true,
    })
}

fn word() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["", "a", "ab", "b", "zz"]).prop_map(Value::from)
}

fn fields() -> impl Strategy<Value = Fields> {
    let members = (prop::collection::vec(-2_i64..3, 0..4), prop::collection::vec(word(), 0..4));
    let ints = prop_oneof![-3_i64..4, Just(i64::MAX), Just(i64::MIN)];
    let document = prop_oneof![finite(), word(), Just(Value::Null)];
    let floats = value().prop_map(|value| match value {
        Value::Int(int) => Value::Float(int as f64),
        float => float,
    });
    (ints, word(), floats, members, word(), prop::option::of(document)).prop_map(|(n, w, f, (s, l), m, a)| {
        let map: Fields = [(m.to_string().trim_matches('"').to_owned(), Value::Int(1))].into_iter().collect();
        let mut fields = obj! { n: n, w: w, f: f, s: s, l: l, m: map };
        if let Some(a) = a {
            fields.insert("d", obj! { a: a });
        }
        fields
    })
}

fn check(of: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Check> {
    prop_oneof![
        of.clone().prop_map(Check::Equals),
        of.clone().prop_map(Check::Less),
        of.clone().prop_map(Check::LessEqual),
        of.clone().prop_map(Check::Greater),
        of.clone().prop_map(Check::GreaterEqual),
        (of.clone(), of.clone()).prop_map(|(least, greatest)| Check::Between(least, greatest)),
        prop::collection::vec(of, 0..3).prop_map(Check::OneOf),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let any = prop_oneof![finite(), word(), Just(Value::Null)];
    let condition = prop_oneof![
        (prop::sample::select(vec!["n", "f", "k"]), check(std::sync::Arc::new(value())))
            .prop_map(|(name, check)| Predicate::is(name, check)),
        check(std::sync::Arc::new(word())).prop_map(|check| Predicate::is("w", check)),
        any.prop_map(|value| Predicate::equals("d.a", value)),
        check(std::sync::Arc::new(finite())).prop_map(|check| Predicate::is("d.a", check)),
        (-2_i64..3).prop_map(|value| Predicate::is("s", Check::Contains(value.into()))),
        word().prop_map(|value| Predicate::is("l", Check::Contains(value))),
        word().prop_map(|value| Predicate::is("m", Check::Contains(value))),
        (0_u64..3).prop_map(|length| Predicate::is("w", Check::LengthGreaterEqual(length))),
        Just(Predicate::is("w", Check::Matches("^a".into()))),
    ];
    condition.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Any),
            inner.prop_map(|inner| !inner),
        ]
    })
}

/// What an object has, sorted as a model sorts.
fn model(bench: &mut Bench, predicate: &Predicate) -> Vec<(Value, Fields)> {
    let schema: Schema = INDEXED.parse().unwrap();
    let objects = tests::objects(bench, Predicate::always());
    let objects = objects.into_iter().map(|found| found.fitted(&schema));
    let matching = objects.filter(|found| predicate.holds(&schema, &found.key, &found.fields).unwrap());
    matching.map(|found| (found.key, found.fields)).collect()
}

proptest! {
    #[test]
    fn an_index_leads_to_what_a_look_at_all_objects_finds(
        objects in prop::collection::vec((-6_i64..20, prop::option::weighted(0.8, fields())), 0..40),
        predicates in prop::collection::vec(predicate(), 1..6),
        by in prop::sample::select(vec!["n", "w", "f", "k"]),
    ) {
        let (mut indexed, mut plain) = (space(INDEXED), space(PLAIN));
        for (key, fields) in &objects {
            for bench in [&mut indexed, &mut plain] {
                match fields {
                    Some(fields) => put(bench, *key, fields),
                    None => drop(bench.call::<Written>("erase", &(NAME, key, Vec::<Predicate>::new()))),
                }
            }
        }
        for predicate in predicates {
            let mut wanted = model(&mut plain, &predicate);
            for bench in [&mut indexed, &mut plain] {
                let (found, _) = all(bench, &query(predicate.clone()), |_| {});
                let mut found = keys(&found);
                found.sort();
                let all_keys: Vec<Value> = wanted.iter().map(|(key, _)| key.clone()).collect();
                prop_assert_eq!(found, all_keys, "{}", predicate);
                prop_assert_eq!(count(bench, &predicate), wanted.len() as u64);
            }
            wanted.sort_by_cached_key(|(key, fields)| (fields.get(by).unwrap_or(key).clone(), key.clone()));
            for is_descending in [false, true] {
                for bench in [&mut indexed, &mut plain] {
                    let query = sorted(predicate.clone(), by, is_descending);
                    let (found, values) = all(bench, &query, |_| {});
                    let mut found = keys(&found);
                    if !describe(bench, &query).is_sorted {
                        let mut by_value: Vec<_> = values.into_iter().zip(found).collect();
                        by_value.sort();
                        if is_descending { by_value.reverse(); }
                        found = by_value.into_iter().map(|(_, key)| key).collect();
                    }
                    let all_keys: Vec<Value> = wanted.iter().map(|(key, _)| key.clone()).collect();
                    prop_assert_eq!(found, all_keys, "{} by {}", predicate, by);
                }
                wanted.reverse();
            }
        }
    }

    #[test]
    fn a_search_sees_what_there_was_when_it_began_however_often_it_is_restored(
        before in prop::collection::vec((0_i64..12, fields()), 4..20),
        after in prop::collection::vec((0_i64..16, prop::option::of(fields()), 0_u8..12), 1..20),
        predicate in predicate(),
    ) {
        let mut bench = space(INDEXED);
        before.iter().for_each(|(key, fields)| put(&mut bench, *key, fields));
        let query = sorted(predicate.clone(), "n", false);
        let wanted: BTreeMap<Value, Fields> = model(&mut bench, &predicate).into_iter().collect();
        let mut after = after.into_iter();
        let mut is_altered = false;
        let (found, _) = all(&mut bench, &query, |bench| {
            let Some((key, fields, what)) = after.next() else { return };
            match (what, fields) {
                (0, _) => drop(bench.call::<u64>("clear", &(NAME,)).unwrap()),
                (1, _) => bench.restore(),
                (2, _) if !is_altered => {
                    bench.call::<SpaceEntry>("alter", &(NAME, Alteration::Drop("n".into()))).unwrap();
                    is_altered = true;
                }
                (_, Some(fields)) if !is_altered => put(bench, key, &fields),
                _ => drop(bench.call::<Written>("erase", &(NAME, key, Vec::<Predicate>::new()))),
            }
            let bytes = bench.bytes();
            bench.restore();
            assert_eq!(bench.bytes(), bytes);
        });
        let schema: Schema = INDEXED.parse().unwrap();
        let found: BTreeMap<Value, Fields> =
            found.into_iter().map(|found| (found.key.clone(), found.fitted(&schema).fields)).collect();
        prop_assert_eq!(found, wanted);
    }
}

#[test]
fn the_index_that_leads_to_the_fewest_is_taken_and_said() {
    let mut bench = space(INDEXED);
    for key in 0..100 {
        put(&mut bench, key, &obj! { n: key % 10, w: if key == 7 { "x" } else { "y" }, s: [key % 3] });
    }
    let few = Predicate::equals("w", "x") & Predicate::equals("n", 7);
    let either = Predicate::equals("n", 3) | Predicate::is("s", Check::Contains(1.into()));

    let plan = describe(&mut bench, &query(few));
    assert_eq!((plan.through, plan.looked_at, plan.objects), (vec![Through::Index("w".into(), 1)], 1, 100));
    assert_eq!(
        plan.words,
        "goes through one part of the index of `w`: 1 of 100; tries each of them for (w = \"x\" and n = 7)"
    );
    let plan = describe(&mut bench, &query(either.clone()));
    assert_eq!(plan.through, [Through::Index("n".into(), 1), Through::Index("s".into(), 1)]);
    assert_eq!((plan.looked_at, count(&mut bench, &either)), (43, 40));
    let plan =
        describe(&mut bench, &query(!Predicate::equals("n", 3) & Predicate::is("n", Check::Less(5.into()))));
    assert_eq!(
        (plan.through, plan.looked_at, plan.is_exact),
        (vec![Through::Index("n".into(), 2)], 40, true)
    );
    let plan = describe(&mut bench, &query(Predicate::is("k", Check::Between(90.into(), 200.into()))));
    assert_eq!((plan.through, plan.looked_at), (vec![Through::Keys(1)], 10));
    let plan = describe(&mut bench, &query(Predicate::is("w", Check::LengthEquals(1))));
    assert_eq!((plan.through, plan.looked_at, plan.is_exact), (vec![Through::All], 100, false));
    let plan = describe(&mut bench, &query(Predicate::is("n", Check::Between(5.into(), 4.into()))));
    assert_eq!((plan.through, plan.looked_at), (vec![], 0));
    let plan = describe(&mut bench, &sorted(Predicate::always(), "n", true));
    assert!(plan.is_sorted && plan.through == [Through::Index("n".into(), 1)], "{plan:?}");
}

#[test]
fn an_index_of_objects_that_are_there_is_made_at_once_and_takes_room() {
    let mut bench = space(PLAIN);
    (0..50).for_each(|key| put(&mut bench, key, &obj! { n: key }));
    let bytes = bench.bytes();

    bench.call::<SpaceEntry>("alter", &(NAME, Alteration::AddIndex("n".into()))).unwrap();
    assert!(bench.bytes() >= bytes + 50 * 32);
    bench
        .call::<SpaceEntry>("alter", &(NAME, Alteration::Rename { from: "n".into(), to: "new".into() }))
        .unwrap();
    let plan = describe(&mut bench, &query(Predicate::equals("new", 3)));
    assert_eq!((plan.through, plan.looked_at), (vec![Through::Index("new".into(), 1)], 1));
    bench.call::<SpaceEntry>("alter", &(NAME, Alteration::DropIndex("new".into()))).unwrap();
    assert_eq!(bench.bytes(), bytes);
    assert_eq!(describe(&mut bench, &query(Predicate::equals("new", 3))).through, [Through::All]);
}

fn unmade(bench: &mut Bench) -> Vec<String> {
    bench.call::<Option<SpaceEntry>>("describe", &(NAME,)).unwrap().unwrap().unmade_indices
}

#[test]
fn an_index_of_many_objects_is_made_step_by_step_and_used_once_it_is_whole() {
    let mut bench = space(PLAIN);
    let many = 3 * SPACE_INDEXED_MAX as i64 / 2;
    (0..many).for_each(|key| put(&mut bench, key, &obj! { n: key % 7, s: [key % 3] }));
    let plain = bench.bytes();
    let query = query(Predicate::equals("n", 3));
    for index in ["n", "s"] {
        bench.call::<SpaceEntry>("alter", &(NAME, Alteration::AddIndex(index.into()))).unwrap();
    }
    let (search, first) = begin(&mut bench, &query, 3);
    let wanted = model(&mut bench, &query.predicate).len();

    let mut steps = 0;
    while !unmade(&mut bench).is_empty() {
        assert!(steps < 10, "it comes to an end");
        let before = bench.bytes();
        for key in [steps, many - 1 - steps, many + steps] {
            put(&mut bench, key, &obj! { n: 3, s: [5] });
        }
        drop(bench.call::<Written>("erase", &(NAME, 40 + steps, Vec::<Predicate>::new())).unwrap());
        bench.restore();
        bench.pass(SPACE_INDEXING_PAUSE);
        assert!(bench.bytes() - before <= (SPACE_INDEXED_MAX + 100) * 80, "a turn is short");
        let is_used = describe(&mut bench, &query).through == [Through::Index("n".into(), 1)];
        assert_eq!(is_used, !unmade(&mut bench).contains(&"n".to_owned()));
        steps += 1;
    }

    assert!(steps >= 4 && bench.bytes() > plain, "{steps}");
    for predicate in [query.predicate.clone(), Predicate::is("s", Check::Contains(5.into()))] {
        let mut found = keys(&all(&mut bench, &self::query(predicate.clone()), |_| {}).0);
        found.sort();
        let wanted: Vec<Value> = model(&mut bench, &predicate).into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, wanted, "{predicate}");
    }
    let (mut found, mut place) = (first.objects.len(), first.next);
    while place.is_some() {
        let page = read(&mut bench, search.unwrap(), &query, &place).unwrap();
        found += page.objects.len();
        place = page.next;
    }
    assert_eq!(found, wanted, "who began to read before goes on as he began");
    bench.pass(SPACE_SEARCH_LEASE);
    let bytes = bench.bytes();
    bench.restore();
    assert_eq!(bench.bytes(), bytes);
}

#[test]
fn a_search_is_gone_once_it_is_read_ended_expired_or_its_session_is_over() {
    let mut bench = space(PLAIN);
    (0..10).for_each(|key| put(&mut bench, key, &obj! { n: key }));
    let query = query(Predicate::always());
    let free = bench.bytes();
    let begun = |bench: &mut Bench| -> (u64, Option<Place>) {
        let (search, page) = begin(bench, &query, 3);
        (search.unwrap(), page.next)
    };

    let (read_out, mut place) = begun(&mut bench);
    while place.is_some() {
        place = read(&mut bench, read_out, &query, &place).unwrap().next;
    }
    assert_eq!(read(&mut bench, read_out, &query, &None), Err(SpaceError::SearchGone));

    let (ended, _) = begun(&mut bench);
    assert!(bench.call::<bool>("end_search", &(NAME, ended)).unwrap());
    assert!(!bench.call::<bool>("end_search", &(NAME, ended)).unwrap());

    let (expired, place) = begun(&mut bench);
    bench.pass(SPACE_SEARCH_LEASE - Duration::from_millis(1));
    let page = read(&mut bench, expired, &query, &place).unwrap();
    bench.pass(SPACE_SEARCH_LEASE - Duration::from_millis(1));
    assert!(read(&mut bench, expired, &query, &page.next).is_ok(), "a page that is read keeps it");
    bench.pass(SPACE_SEARCH_LEASE);
    assert_eq!(read(&mut bench, expired, &query, &page.next), Err(SpaceError::SearchGone));

    let (of_session, place) = begun(&mut bench);
    put(&mut bench, 0, &obj! { n: 1 });
    assert!(bench.bytes() > free, "what it reads takes room");
    bench.open();
    assert_eq!(read(&mut bench, of_session, &query, &place), Err(SpaceError::SearchGone), "another's");
    let (own, place) = begun(&mut bench);
    bench.end();
    assert_eq!(read(&mut bench, own, &query, &place), Err(SpaceError::SearchGone));
}

#[test]
fn what_searches_keep_is_bounded_and_counted_while_they_do() {
    let mut bench = space(PLAIN);
    (0..10).for_each(|key| put(&mut bench, key, &obj! { n: key, w: "x".repeat(1_000) }));
    let query = query(Predicate::always());
    let free = bench.bytes();

    for _ in 0..SPACE_SESSION_SEARCHES_MAX {
        assert!(begin(&mut bench, &query, 3).0.is_some());
    }
    let full = bench.call::<(Option<u64>, QueryPage)>("begin_search", &(NAME, &query, 3));
    assert!(matches!(full, Err(DataError::Space(SpaceError::TooLarge { .. }))));
    for n in 0..100 {
        put(&mut bench, 0, &obj! { n: n });
    }
    let kept = bench.bytes() - free;
    assert!((1_000..2_000).contains(&kept), "{kept}: once, however often it was written");
    bench.call::<u64>("clear", &(NAME,)).unwrap();
    assert!(bench.bytes() > free - 2_000);
    bench.pass(SPACE_SEARCH_LEASE);
    assert!(bench.bytes() < free / 4, "nothing is kept any more");
}
