mod model;

use std::collections::BTreeMap;

use serde_bytes::ByteBuf;

use super::*;
use crate::config::{PAGE_ENTRIES_MAX, SPACE_DESCRIPTION_BYTES_MAX, SPACE_INDICES_MAX, SPACE_STEPS_MAX};
use crate::datatypes::model::{Bench, NAME};
use crate::datatypes::space::{Action, Check, Fields, Returning, Type, Value};
use crate::error::Code;
use crate::obj;

const PROFILES: &str = "space profiles key name attributes string first, int views, set(string) friends";

fn space(text: &str) -> Bench {
    let mut bench = Bench::of::<SpaceState>();
    bench.call::<()>("create", &(NAME, text)).unwrap();
    bench
}

fn write(bench: &mut Bench, key: &str, write: Write) -> Result<Written, SpaceError> {
    told(bench.call("write", &(NAME, key, write)))
}

fn told<T>(result: Result<T, DataError>) -> Result<T, SpaceError> {
    result.map_err(|error| match error {
        DataError::Space(error) => error,
        other => panic!("{other}"),
    })
}

fn get(bench: &mut Bench, key: &str) -> Option<Fields> {
    let found: Option<Found> = bench.call("get", &(NAME, key, ())).unwrap();
    found.map(|found| found.fields)
}

fn put(bench: &mut Bench, key: &str, fields: Fields) -> Written {
    write(bench, key, Write::put(fields)).unwrap()
}

fn every(predicate: Predicate) -> Query {
    Query { predicate, order: None, wanted: Wanted::Objects }
}

/// The objects that match, in as many turns as it takes.
pub(super) fn objects(bench: &mut Bench, predicate: Predicate) -> Vec<Found> {
    let query = every(predicate);
    let (search, mut page): (Option<u64>, QueryPage) =
        bench.call("begin_search", &(NAME, &query, 1_000)).unwrap();
    let mut found = std::mem::take(&mut page.objects);
    while page.next.is_some() {
        page = bench.call("read_search", &(NAME, search.unwrap(), &query, &page.next, 1_000)).unwrap();
        found.append(&mut page.objects);
    }
    found
}

#[test]
fn a_space_is_there_once_it_was_created_and_only_once() {
    let mut bench = Bench::of::<SpaceState>();

    assert_eq!(write(&mut bench, "a", Write::new()), Err(SpaceError::NoSpace));
    assert!(!bench.is_there());
    bench.call::<()>("create", &(NAME, PROFILES)).unwrap();
    assert_eq!(told(bench.call::<()>("create", &(NAME, PROFILES))), Err(SpaceError::SpaceExists));
    assert!(!bench.call::<bool>("ensure", &(NAME, PROFILES)).unwrap());
    let other = told(bench.call::<bool>("ensure", &(NAME, "space profiles key name")));
    assert!(
        matches!(other, Err(SpaceError::SpaceDiffers { description }) if description == PROFILES.replace("string first", "first"))
    );
    let entry: Option<SpaceEntry> = bench.call("describe", &(NAME,)).unwrap();
    assert_eq!(
        entry.map(|entry| (entry.schema.to_string(), entry.objects)),
        Some((PROFILES.replace("string first", "first"), 0))
    );
}

#[test]
fn secrets_of_objects_are_refused_and_not_overlooked() {
    let mut bench = Bench::of::<SpaceState>();

    let error = told(bench.call::<()>("create", &(NAME, "space s key k with authorization")));

    assert!(matches!(error, Err(SpaceError::Unsupported { .. })));
    assert!(!bench.is_there());
}

#[test]
fn an_object_is_written_read_and_removed_by_its_key() {
    let mut bench = space(PROFILES);

    let first = put(&mut bench, "jd", obj! { first: "John" });
    let second = put(&mut bench, "jd", obj! { views: 3, friends: ["b", "a"] });

    assert_eq!((first.version, first.is_new, second.version, second.is_new), (1, true, 2, false));
    let wanted = obj! { first: "John", views: 3, friends: ["a", "b"] };
    assert_eq!(get(&mut bench, "jd"), Some(wanted));
    let only: Option<Found> = bench.call("get", &(NAME, "jd", ["views"])).unwrap();
    assert_eq!(only.unwrap().fields, obj! { views: 3 });
    let removed: Written = bench.call("erase", &(NAME, "jd", Vec::<Predicate>::new())).unwrap();
    assert_eq!((removed.version, get(&mut bench, "jd")), (3, None));
    assert_eq!(write(&mut bench, "jd", Write::erase()), Err(SpaceError::NotFound { key: "\"jd\"".into() }));
}

#[test]
fn no_two_objects_that_had_one_key_have_had_one_version() {
    let mut bench = space(PROFILES);
    put(&mut bench, "a", obj! {});
    put(&mut bench, "a", obj! {});
    write(&mut bench, "a", Write::erase()).unwrap();

    assert_eq!(put(&mut bench, "a", obj! {}).version, 4);
    bench.call::<u64>("clear", &(NAME,)).unwrap();
    assert_eq!(put(&mut bench, "b", obj! {}).version, 5);
}

#[test]
fn what_is_wrong_about_a_write_is_said_with_the_attribute_and_changes_nothing() {
    let mut bench = space(PROFILES);
    put(&mut bench, "a", obj! { views: i64::MAX, first: "A" });
    let before = get(&mut bench, "a");
    let change = |name: &str, action: Action| {
        Write::new().change("first", Action::Set("B".into())).change(name, action)
    };

    let errors = [
        change("views", Action::Add(1.into())),
        change("views", Action::Div(0.into())),
        change("views", Action::Append("x".into())),
        change("nothing", Action::Unset),
        change("name", Action::Set("b".into())),
        change("first.x", Action::Set("b".into())),
        Write::new().when(obj! { first: "A", views: 3 }).change("first", Action::Set("B".into())),
    ]
    .map(|wrong| write(&mut bench, "a", wrong).unwrap_err());

    assert!(matches!(&errors[0], SpaceError::Overflow { attribute, .. } if attribute == "views"));
    assert_eq!(errors[1], SpaceError::DivisionByZero { attribute: "views".into() });
    assert!(matches!(&errors[2], SpaceError::WrongType { attribute, .. } if attribute == "views"));
    assert_eq!(errors[3], SpaceError::UnknownAttribute { attribute: "nothing".into() });
    assert_eq!(errors[4], SpaceError::KeyIsNotWritten { attribute: "name".into() });
    assert!(matches!(&errors[5], SpaceError::BadPath { path, .. } if path == "first.x"));
    let failed =
        SpaceError::ConditionFailed { which: 1, condition: "views = 3".into(), actual: i64::MAX.to_string() };
    assert_eq!((&errors[6], errors[6].code()), (&failed, Code::ConditionFailed));
    assert_eq!(get(&mut bench, "a"), before);
}

#[test]
fn a_group_is_written_page_by_page_with_an_exact_report_or_in_one_step() {
    let mut bench = space("space s key int k attributes int n");
    for key in 0..=PAGE_ENTRIES_MAX as i64 {
        bench.call::<Written>("write", &(NAME, key, Write::put(obj! { n: i64::from(key > 2) }))).unwrap();
    }
    let (some, more) =
        (Predicate::is("n", Check::Greater(0.into())), Write::new().change("n", Action::Add(2.into())));
    let (mut from, mut pages) = (None::<(u64, Place)>, Vec::new());
    loop {
        let page: GroupWritten = bench.call("write_group", &(NAME, &some, &more, &from)).unwrap();
        pages.push((page.matched, page.written));
        from = page.next;
        if from.is_none() {
            break;
        }
    }

    assert_eq!(pages.iter().map(|(matched, _)| matched).sum::<u64>(), 998, "{pages:?}");
    let count = |bench: &mut Bench, n: i64| -> u64 { objects(bench, Predicate::equals("n", n)).len() as u64 };
    assert_eq!((count(&mut bench, 1), count(&mut bench, 3), count(&mut bench, 0)), (0, 998, 3));
    let none = Write::new().change("n", Action::Div(0.into()));
    let whole = told(bench.call::<u64>("write_whole_group", &(NAME, &some, none)));
    assert_eq!(whole, Err(SpaceError::DivisionByZero { attribute: "n".into() }));
    let long = (0..1_000).fold(Write::new(), |write, _| write.change("n", Action::Add(0.into())));
    let whole = told(bench.call::<u64>("write_whole_group", &(NAME, &some, &long)));
    assert!(matches!(whole, Err(SpaceError::TooLarge { .. })));
    let page: GroupWritten = bench.call("write_group", &(NAME, &some, &long, ())).unwrap();
    assert!(page.matched < 100 && page.next.is_some(), "a turn is short: {page:?}");
    assert_eq!(bench.call::<u64>("write_whole_group", &(NAME, &some, &more)).unwrap(), 998);
    assert_eq!(count(&mut bench, 5), 998);
    let erased: GroupWritten = bench.call("erase_group", &(NAME, &some, ())).unwrap();
    assert!(erased.written > 100, "{erased:?}");
}

#[test]
fn what_a_group_could_not_be_made_of_is_said_and_left_as_it_was() {
    let mut bench = space(PROFILES);
    put(&mut bench, "a", obj! { views: i64::MAX });
    put(&mut bench, "b", obj! { views: 1 });

    let more = Write::new().change("views", Action::Add(1.into())).returning(Returning::after());
    let said: GroupWritten = bench.call("write_group", &(NAME, Predicate::always(), more, ())).unwrap();

    assert_eq!((said.matched, said.written, said.next), (2, 1, None));
    assert!(matches!(&said.failures[..], [(key, SpaceError::Overflow { .. })] if *key == "a".into()));
    assert_eq!(
        (get(&mut bench, "a").unwrap()["views"].clone(), get(&mut bench, "b").unwrap()["views"].clone()),
        (i64::MAX.into(), 2.into())
    );
}

#[test]
fn a_group_comes_to_each_object_once_by_an_index_that_it_changes() {
    for index in ["", " index n"] {
        let mut bench = space(&format!("space s key int k attributes int n, string w{index}"));
        let many = 2 * PAGE_ENTRIES_MAX as i64 + 7;
        for key in 0..2 * many {
            let n = if key < many { key } else { -1 };
            bench.call::<Written>("write", &(NAME, key, Write::put(obj! { n: n }))).unwrap();
        }
        let some = Predicate::is("n", Check::GreaterEqual(0.into()));
        let far = Write::new().change("n", Action::Add(many.into()));
        let (mut from, mut said) = (None::<(u64, Place)>, GroupWritten::default());
        loop {
            let page: GroupWritten = bench.call("write_group", &(NAME, &some, &far, &from)).unwrap();
            said = said.and(page);
            from = said.next.clone();
            if from.is_none() {
                break;
            }
            // What is written meanwhile is none of its objects, or matches no more.
            bench.call::<Written>("write", &(NAME, 9 * many, Write::put(obj! { n: 3 }))).unwrap();
            bench.call::<Written>("write", &(NAME, many - 1, Write::put(obj! { n: -1 }))).unwrap();
            bench.restore();
        }

        assert_eq!((said.matched, said.written), (many as u64 - 1, many as u64 - 1), "{index}");
        let moved = Predicate::between("n", many, 2 * many);
        assert_eq!(objects(&mut bench, moved).len() as i64, many - 1, "{index}");
        let gone: Result<GroupWritten, _> =
            told(bench.call("write_group", &(NAME, &some, &far, (1, place()))));
        assert_eq!(gone, Err(SpaceError::SearchGone), "nothing is kept of it");
    }
}

/// Of a search that there is not.
fn place() -> Place {
    crate::wire::decode(&crate::wire::encode(&(0, (), 0)).unwrap()).unwrap()
}

#[test]
fn a_group_in_one_step_looks_only_where_an_index_leads() {
    let mut bench = space("space s key int k attributes int n index n");
    for key in 0..3_000 {
        bench.call::<Written>("write", &(NAME, key, Write::put(obj! { n: key % 300 }))).unwrap();
    }
    let few = Predicate::equals("n", 7);
    let all = Predicate::is("n", Check::LessEqual(299.into()));
    let long = (0..500).fold(Write::new(), |write, _| write.change("n", Action::Add(0.into())));

    let whole = |bench: &mut Bench, predicate: &Predicate| -> Result<u64, SpaceError> {
        told(bench.call("write_whole_group", &(NAME, predicate, &long)))
    };
    assert_eq!(whole(&mut bench, &few), Ok(10));
    assert!(matches!(whole(&mut bench, &all), Err(SpaceError::TooLarge { .. })));
    let wide: Vec<Value> = (0..4_000).map(Value::from).collect();
    let union = Write::new().change("n", Action::Add(1.into()));
    let some = Predicate::is("k", Check::OneOf(wide));
    let whole: u64 = bench.call("write_whole_group", &(NAME, some, union)).unwrap();
    assert_eq!(whole, 3_000);
}

#[test]
fn what_may_be_equal_to_many_values_is_bounded_and_looked_up() {
    let mut bench = space("space s key int k attributes int n, document d");
    for key in 0..100 {
        bench
            .call::<Written>("write", &(NAME, key, Write::put(obj! { n: key, d: obj! { a: key } })))
            .unwrap();
    }
    let one_of = |name: &str, values: Vec<Value>| Predicate::is(name, Check::OneOf(values));
    let halves = || (0..SPACE_STEPS_MAX as i64 - 1).rev().map(|n| Value::Float(n as f64 / 2.0)).collect();
    let mixed = || vec![Value::from("x"), 7.into(), Value::Null, 3.0.into(), 3.5.into(), Value::Bool(true)];

    assert_eq!(objects(&mut bench, one_of("n", halves())).len(), 100);
    assert_eq!(objects(&mut bench, !one_of("d.a", mixed())).len(), 98);
    let more: Vec<Value> = (0..SPACE_STEPS_MAX as i64).map(Value::from).collect();
    let write = Write::new().when(one_of("n", more.clone()));
    for told in [
        told(bench.call::<Written>("write", &(NAME, 1, write)).map(drop)),
        told(bench.call::<QueryPage>("find", &(NAME, every(one_of("k", more)), 1)).map(drop)),
    ] {
        assert!(matches!(told, Err(SpaceError::TooLarge { .. })), "{told:?}");
    }
}

#[test]
fn attributes_are_altered_under_objects_that_have_them() {
    let mut bench = space(PROFILES);
    for key in 0..40 {
        put(&mut bench, &key.to_string(), obj! { views: key, first: "F" });
    }
    let alter =
        |bench: &mut Bench, alteration: Alteration| bench.call::<SpaceEntry>("alter", &(NAME, alteration));
    let bytes = bench.bytes();

    alter(&mut bench, Alteration::Drop("first".into())).unwrap();
    alter(&mut bench, Alteration::Add { name: "first".into(), of: Type::Int }).unwrap();
    let entry = alter(&mut bench, Alteration::Rename { from: "views".into(), to: "seen".into() }).unwrap();

    assert_eq!((entry.schema_version, entry.objects), (4, 40));
    assert_eq!(get(&mut bench, "7"), Some(obj! { first: 0, seen: 7, friends: Vec::<Value>::new() }));
    bench.restore();
    assert_eq!(get(&mut bench, "7").unwrap()["seen"], 7.into());
    for _ in 0..4 {
        put(&mut bench, "7", obj! {});
    }
    assert!(bench.bytes() < bytes, "what is dropped takes no room any more");
    assert!(told(alter(&mut bench, Alteration::Drop("views".into()))).is_err());
}

#[test]
fn no_alteration_makes_a_description_that_could_not_be_read_again() {
    let mut bench = space("space s key k attributes int n, document d");
    let mut alter = |alteration: Alteration| told(bench.call::<SpaceEntry>("alter", &(NAME, alteration)));
    let long = "a".repeat(SPACE_DESCRIPTION_BYTES_MAX / 3);

    for alteration in
        [Alteration::Add { name: long.clone(), of: Type::Int }, Alteration::AddIndex(format!("d.{long}"))]
    {
        assert!(alter(alteration).is_ok());
    }
    for alteration in [
        Alteration::Add { name: format!("b{long}"), of: Type::Int },
        Alteration::AddIndex(format!("d.b{long}")),
        Alteration::Rename { from: "k".into(), to: format!("b{long}") },
    ] {
        assert!(matches!(alter(alteration), Err(SpaceError::TooLarge { .. })));
    }
    for index in 1..SPACE_INDICES_MAX {
        assert!(alter(Alteration::AddIndex(format!("d.a{index}"))).is_ok(), "{index}");
    }
    let one_more = alter(Alteration::AddIndex("d.b".into()));
    assert!(matches!(one_more, Err(SpaceError::TooLarge { limit: 128, .. })), "{one_more:?}");
    bench.restore();
    assert!(get(&mut bench, "x").is_none());
}

#[test]
fn watchers_hear_of_each_object_as_it_was_and_is() {
    let mut bench = space(PROFILES);
    bench.changes.clear();
    put(&mut bench, "a", obj! { views: 1 });
    write(&mut bench, "a", Write::erase()).unwrap();

    let heard: Vec<SpaceChange> = bench.changes.iter().map(|change| change.get().unwrap()).collect();

    let fields = obj! { first: "", views: 1, friends: Vec::<Value>::new() };
    let key = || Value::from("a");
    let written = SpaceChange::Written { key: key(), version: 1, before: None, after: fields.clone() };
    assert_eq!(heard, [written, SpaceChange::Erased { key: key(), version: 2, before: fields }]);
}

#[test]
fn saved_objects_that_contradict_their_schema_are_refused() {
    let mut bench = space(PROFILES);
    put(&mut bench, "a", obj! { views: 1 });
    let good = crate::wire::encode(&SpaceState::default()).unwrap();

    assert!(crate::wire::decode::<SpaceState>(&good).is_ok());
    for (is_good, objects, highest) in [
        (true, vec![("a", 1, vec![ByteBuf::from("x")])], 1),
        (false, vec![("a", 1, vec![ByteBuf::from("x"), ByteBuf::from("y")])], 1),
        (false, vec![("a", 2, vec![])], 1),
        (false, vec![("a", 1, vec![]), ("a", 1, vec![])], 1),
        (false, vec![("a", 1, vec![ByteBuf::new(); 4])], 1),
    ] {
        let of_indices = (BTreeMap::<String, Value>::new(), 0);
        let of_searches = (0, Vec::<Value>::new());
        let saved = (
            PROFILES,
            ((0, 1, 2), 3, true),
            1,
            highest,
            0,
            (),
            objects,
            of_indices.0,
            of_indices.1,
            of_searches.0,
            of_searches.1,
        );
        let bytes = crate::wire::encode(&saved).unwrap();
        assert_eq!(crate::wire::decode::<SpaceState>(&bytes).is_ok(), is_good);
    }
}
