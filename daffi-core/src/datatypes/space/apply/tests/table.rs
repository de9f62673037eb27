//! What each action does, by examples: what the original's documents and tests say.

use super::*;
use crate::datatypes::space::{Check, Present};

fn one(of: &str) -> Schema {
    format!("space s key k attributes {of} a, int other").parse().unwrap()
}

/// What an attribute of a type is after these actions, or why one fails.
fn after(of: &str, actions: impl IntoIterator<Item = Action>) -> Result<Value, SpaceError> {
    let write = actions.into_iter().fold(Write::new().or_create(), |write, action| write.change("a", action));
    let schema = one(of);
    let made = apply(&schema, &"k".into(), None, write.returning(Returning::after()), 1)?;
    Ok(made.written.after.unwrap()["a"].clone())
}

fn element(key: &str, action: Action) -> Action {
    Action::Element { key: key.into(), action: Box::new(action) }
}

#[test]
fn integers_are_checked_and_divided_downwards() {
    let of = |start: i64, action| after("int", [Action::Set(start.into()), action]);
    let overflow = |result: Result<Value, SpaceError>| matches!(result, Err(SpaceError::Overflow { attribute, .. }) if attribute == "a");

    assert_eq!(of(-5, Action::Div(2.into())), Ok((-3).into()));
    assert_eq!(of(5, Action::Div((-2).into())), Ok((-3).into()));
    assert_eq!(of(-5, Action::Mod(2.into())), Ok(1.into()));
    assert_eq!(of(5, Action::Mod((-2).into())), Ok((-1).into()));
    assert_eq!(of(6, Action::Mod((-3).into())), Ok(0.into()));
    assert!(overflow(of(i64::MAX, Action::Add(1.into()))) && overflow(of(i64::MIN, Action::Sub(1.into()))));
    assert!(
        overflow(of(i64::MIN, Action::Div((-1).into()))) && overflow(of(i64::MIN, Action::Mod((-1).into())))
    );
    assert!(overflow(of(i64::MAX, Action::Mul(2.into()))));
    for by_zero in [Action::Div(0.into()), Action::Mod(0.into())] {
        assert_eq!(of(1, by_zero), Err(SpaceError::DivisionByZero { attribute: "a".into() }));
    }
    assert_eq!(of(1, Action::Add(0.5.into())), Ok(1.into()));
    assert_eq!(of(1, Action::Add(1.5.into())), Ok(3.into()));
    assert_eq!(
        of(0xdead_beef_cafe, Action::And(0xffff_ffff_0000_i64.into())),
        Ok(244_837_814_042_624_i64.into())
    );
    assert_eq!(of(0xdead_beef_cafe, Action::Xor(0xdea5_a040_3af3_i64.into())), Ok(34_874_585_101_i64.into()));
}

#[test]
fn floats_are_as_ieee_has_them() {
    let of = |start: f64, action| after("float", [Action::Set(start.into()), action]);

    assert_eq!(of(1.0, Action::Div(0.into())), Ok(f64::INFINITY.into()));
    assert_eq!(of(0.0, Action::Div(0.into())), Ok(f64::NAN.into()));
    assert_eq!(of(3.0, Action::Min(f64::NAN.into())), Ok(3.0.into()));
    assert_eq!(of(f64::NAN, Action::Max(3.into())), Ok(f64::NAN.into()));
    assert_eq!(of(0.0, Action::Mul((-1).into())), Ok(0.0.into()));
    assert!(matches!(of(1.0, Action::Mod(2.into())), Err(SpaceError::WrongType { .. })));
}

#[test]
fn strings_are_bytes_of_which_no_more_is_cut_off_than_there_are() {
    let of = |actions: [Action; 2]| after("string", actions);

    assert_eq!(of([Action::Append("a".into()), Action::Prepend("->".into())]), Ok("->a".into()));
    assert_eq!(of([Action::Set("é".into()), Action::TrimLeft(1)]), Ok(Value::from(&[0xa9][..])));
    assert_eq!(of([Action::Set("abc".into()), Action::TrimRight(u64::MAX)]), Ok("".into()));
}

#[test]
fn what_a_map_does_not_have_begins_with_nothing_of_its_kind() {
    let of = |action: Action| {
        after("map(string, int)", [element("x", action)]).map(|map| map.to_json()["x"].clone())
    };

    let made = [
        Action::Add(3.into()),
        Action::Sub(3.into()),
        Action::Mul(3.into()),
        Action::Div(3.into()),
        Action::And(3.into()),
    ]
    .map(|action| of(action).unwrap());
    assert_eq!(made.map(|json| json.as_i64().unwrap()), [3, -3, 0, 0, 0]);
    let made = [Action::Or(3.into()), Action::Xor(3.into()), Action::Min(3.into()), Action::Max(3.into())]
        .map(|action| of(action).unwrap());
    assert_eq!(made.map(|json| json.as_i64().unwrap()), [3, 3, 0, 3]);
    assert_eq!(
        after("map(string, string)", [element("x", Action::Append("a".into()))]),
        Ok(obj! { x: "a" }.into())
    );
    assert_eq!(after("map(string, int)", [Action::Remove("x".into())]), Ok(obj! {}.into()));
}

#[test]
fn of_several_actions_on_one_attribute_each_sees_what_those_before_it_did() {
    let actions = [Action::Add(2.into()), Action::Mul(5.into()), Action::Sub(1.into())];

    assert_eq!(after("int", actions), Ok(9.into()));
}

/// What a document is after something was done at a path of it.
fn document(start: Fields, path: &str, action: Action) -> Result<serde_json::Value, SpaceError> {
    let schema = one("document");
    let write = Write::put(obj! { a: start }).change(format!("a{path}"), action);
    let made = apply(&schema, &"k".into(), None, write.returning(Returning::after()), 1)?;
    Ok(made.written.after.unwrap()["a"].to_json())
}

#[test]
fn documents_are_changed_at_paths_and_what_leads_there_is_made() {
    let start = || obj! { a: [3, 4, 5, 19], b: obj! { c: 1.5, t: "x" } };

    assert_eq!(document(obj! {}, ".x.y", Action::Set(1.into())).unwrap().to_string(), r#"{"x":{"y":1}}"#);
    assert_eq!(document(obj! {}, ".x.y", Action::Add(0.5.into())).unwrap().to_string(), r#"{"x":{"y":0.5}}"#);
    assert_eq!(document(obj! {}, ".x", Action::Append("a".into())).unwrap().to_string(), r#"{"x":"a"}"#);
    assert_eq!(document(start(), ".a[-1]", Action::Set(7.into())).unwrap()["a"].to_string(), "[3,4,5,7]");
    assert_eq!(document(start(), ".a[1]", Action::Unset).unwrap()["a"].to_string(), "[3,5,19]");
    assert_eq!(
        document(start(), ".a", Action::PushLeft(obj! { x: 1 }.into())).unwrap()["a"][0].to_string(),
        r#"{"x":1}"#
    );
    assert_eq!(document(start(), ".a[0]", Action::Add(0.5.into())).unwrap()["a"][0], 3.5);
    assert_eq!(document(start(), ".b.c", Action::Mul(2.into())).unwrap()["b"]["c"], 3.0);
    assert_eq!(document(start(), ".b.c", Action::Rename("n.m".into())).unwrap()["n"]["m"], 1.5);
    assert_eq!(document(start(), "", Action::Unset).unwrap().to_string(), "{}");
}

#[test]
fn what_a_document_has_in_the_way_fails_and_says_where() {
    let start = || obj! { a: [3, 4], b: obj! { c: 1.5, t: "x" } };
    let clash = |path: &str, action: Action| match document(start(), path, action) {
        Err(SpaceError::DocumentClash { attribute, .. }) => attribute == format!("a{path}"),
        _ => false,
    };

    assert!(clash(".a[1].b", Action::Set(1.into())) && clash(".b.t.x", Action::Set(1.into())));
    assert!(clash(".b[0]", Action::Set(1.into())) && clash(".a.x", Action::Set(1.into())));
    assert!(clash(".b.t", Action::Add(1.into())) && clash(".b.c", Action::Append("x".into())));
    assert!(clash(".b.c", Action::And(1.into())) && clash(".b.c", Action::PushRight(1.into())));
    assert!(
        clash(".x", Action::Unset) && clash(".x", Action::Rename("y".into())) && clash(".x", Action::PopLeft)
    );
    assert!(matches!(
        document(start(), ".a[2]", Action::Set(1.into())),
        Err(SpaceError::NoElement { index: 2, length: 2, .. })
    ));
    assert!(matches!(document(start(), ".b.c", Action::Div(0.into())), Err(SpaceError::Overflow { .. })));
    assert!(matches!(
        document(obj! { a: i64::MAX }, ".a", Action::Add(1.into())),
        Err(SpaceError::Overflow { .. })
    ));
    assert!(matches!(document(start(), ".a..b", Action::Unset), Err(SpaceError::BadPath { .. })));
}

#[test]
fn whether_the_object_is_there_comes_before_conditions_and_those_before_changes() {
    let schema = one("int");
    let there = apply(&schema, &"k".into(), None, Write::put(obj! { a: 1 }), 1).unwrap().record;
    let wrong = || Write::new().when(obj! { a: 2 }).change("a", Action::Div(0.into()));
    let on = |record: Option<&Record>, write: Write| {
        apply(&schema, &"k".into(), record, write, 1).map(|made| made.written.is_new)
    };
    let there = there.as_ref();

    assert!(matches!(on(None, wrong()), Err(SpaceError::NotFound { .. })));
    assert!(matches!(on(there, wrong()), Err(SpaceError::ConditionFailed { which: 0, .. })));
    assert!(matches!(
        on(there, Write { present: Present::Fail, ..wrong() }),
        Err(SpaceError::Exists { version: 1, .. })
    ));
    assert_eq!(
        on(None, Write::put(obj! { a: 3 }).when(obj! { a: 2 })),
        Ok(true),
        "conditions are not looked at"
    );
    assert!(matches!(
        on(None, Write { erase: true, ..Write::put(obj! {}) }),
        Err(SpaceError::NotFound { .. })
    ));
    assert_eq!(on(there, Write::put(obj! {})), Ok(false));
}

#[test]
fn what_comes_back_is_what_was_asked_for() {
    let schema: Schema = "space s key k attributes int n, list(string) l, string t".parse().unwrap();
    let start = Write::put(obj! { n: 1, l: ["a", "b"], t: "x" });
    let record = apply(&schema, &"k".into(), None, start, 1).unwrap().record;
    let write = |returning: Returning| {
        let write = Write::new()
            .change("n", Action::Add(4.into()))
            .change("l", Action::PopLeft)
            .change("l", Action::PushRight("c".into()));
        apply(&schema, &"k".into(), record.as_ref(), write.returning(returning), 1).map(|made| made.written)
    };

    let nothing = write(Returning::nothing()).unwrap();
    assert_eq!((nothing.version, nothing.before, nothing.after, nothing.results), (2, None, None, vec![]));
    assert_eq!(write(Returning::before().only(["n"])).unwrap().before, Some(obj! { n: 1 }));
    assert_eq!(write(Returning::after().only(["l", "n"])).unwrap().after, Some(obj! { n: 5, l: ["b", "c"] }));
    assert_eq!(
        write(Returning::results()).unwrap().results,
        [Some(5.into()), Some("a".into()), Some(2.into())]
    );
    assert_eq!(
        write(Returning::after().only(["x"])),
        Err(SpaceError::UnknownAttribute { attribute: "x".into() })
    );
}

#[test]
fn an_object_grows_no_larger_than_a_reply_carries_but_may_always_shrink() {
    let schema = one("string");
    let big = "x".repeat(SPACE_OBJECT_BYTES_MAX - 1_000);
    let full = apply(&schema, &"k".into(), None, Write::put(obj! { a: big.as_str() }), 1).unwrap().record;
    let on = |write: Write| apply(&schema, &"k".into(), full.as_ref(), write, 1).map(drop);

    assert!(matches!(
        on(Write::new().change("a", Action::Append(big.as_str().into()))),
        Err(SpaceError::TooLarge { .. })
    ));
    assert_eq!(on(Write::new().change("a", Action::TrimLeft(1))), Ok(()));
    assert_eq!(
        on(Write::put(obj! { other: 1 }).returning(Returning { before: true, ..Returning::after() })),
        Ok(())
    );
    let all_of_it = (0..3).fold(Write::new(), |write, _| write.change("a", Action::TrimLeft(1)));
    assert!(matches!(on(all_of_it.returning(Returning::results())), Err(SpaceError::TooLarge { .. })));
}

#[test]
fn conditions_ask_in_every_way_that_searches_do() {
    let schema: Schema = "space s key k attributes string t, int n, float f, list(string) l, set(int) s, map(string, int) m, document d".parse().unwrap();
    let start = Write::put(
        obj! { t: "salt", n: 5, f: 2.5, l: ["a"], s: [1, 2], m: obj! { x: 1 }, d: obj! { a: obj! { b: "c", n: 1 } } },
    );
    let record = apply(&schema, &"key".into(), None, start, 1).unwrap().record.unwrap();
    let holds = |name: &str, check: Check| {
        Predicate::is(name, check).checked(&schema).unwrap().holds(&"key".into(), &record)
    };

    assert!(
        holds("k", Check::Equals("key".into()))
            && holds("t", Check::Less("sand".into())) != holds("t", Check::Greater("sand".into()))
    );
    assert!(
        holds("n", Check::Between(5.into(), 5.into())) && !holds("n", Check::Between(6.into(), 5.into()))
    );
    assert!(
        holds("n", Check::Less(5.5.into()))
            && !holds("n", Check::LessEqual(4.9.into()))
            && !holds("n", Check::Equals(5.2.into()))
    );
    assert!(
        holds("f", Check::GreaterEqual(2.into()))
            && holds("f", Check::Greater(2.into()))
            && !holds("f", Check::Equals(f64::NAN.into()))
    );
    assert!(
        holds("t", Check::LengthEquals(4))
            && holds("s", Check::LengthGreaterEqual(2))
            && holds("m", Check::LengthLessEqual(1))
    );
    assert!(
        holds("l", Check::Contains("a".into()))
            && holds("s", Check::Contains(2.into()))
            && holds("m", Check::Contains("x".into()))
    );
    assert!(!holds("s", Check::Contains(1.5.into())) && holds("t", Check::Matches("^sa.t$".into())));
    assert!(
        holds("t", Check::OneOf(vec!["pepper".into(), "salt".into()])) && !holds("t", Check::OneOf(vec![]))
    );
    assert!(
        holds("d.a.b", Check::Equals("c".into()))
            && holds("d.a.n", Check::Less(1.5.into()))
            && !holds("d.x.y", Check::Equals(Value::Null))
    );
    assert!((!Predicate::equals("d.x", 1)).checked(&schema).unwrap().holds(&"key".into(), &record));
    let fields = record.fields(&schema, None).unwrap();
    assert_eq!(Predicate::from(obj! { n: 5, k: "key" }).holds(&schema, &"key".into(), &fields), Ok(true));
    assert_eq!(Predicate::equals("n", 0).holds(&schema, &"key".into(), &obj! { t: "x" }), Ok(true));
    let either = Predicate::equals("n", 4) | Predicate::equals("n", 5) & Predicate::equals("t", "salt");
    assert!(either.checked(&schema).unwrap().holds(&"key".into(), &record));
}

#[test]
fn what_cannot_be_asked_of_an_attribute_is_refused_before_anything_is_looked_at() {
    let schema: Schema = "space s key k attributes string t, set(int) s".parse().unwrap();
    let refused = |name: &str, check: Check| Predicate::is(name, check).check(&schema).unwrap_err();

    assert!(matches!(refused("x", Check::Equals(1.into())), SpaceError::UnknownAttribute { .. }));
    assert!(
        matches!(refused("t", Check::Equals(1.into())), SpaceError::WrongType { attribute, .. } if attribute == "t")
    );
    assert!(matches!(refused("s", Check::Less([1].into())), SpaceError::WrongType { .. }));
    assert!(matches!(refused("t", Check::Contains("a".into())), SpaceError::WrongType { .. }));
    assert!(matches!(refused("t", Check::Matches("*".into())), SpaceError::BadPattern { .. }));
    assert!(matches!(refused("s", Check::Contains(f64::NAN.into())), SpaceError::WrongType { .. }));
}
