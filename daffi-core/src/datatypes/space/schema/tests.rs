use proptest::prelude::*;

use super::*;
use crate::datatypes::space::{Primitive, Unit};

fn syntax(text: &str) -> (u32, u32, String) {
    match text.parse::<Schema>() {
        Err(SpaceError::Syntax { line, column, message }) => (line, column, message),
        other => panic!("{text:?} is {other:?}"),
    }
}

fn error(text: &str) -> SpaceError {
    text.parse::<Schema>().expect_err(text)
}

#[test]
fn the_descriptions_of_the_document_are_read() {
    let friends: Schema =
        "\n    space friendlists\n    key username\n    attributes\n       string first,\n       \
         string last,\n       set(string) friends\n    "
            .parse()
            .unwrap();
    let all: Schema = "space alldatatypes key k attributes string s, int i, float f, list(string) ls, \
                       set(string) ss, map(string, string) mss, map(string, int) msi"
        .parse()
        .unwrap();
    let locks: Schema = "space userlocks key username".parse().unwrap();

    assert_eq!(
        (friends.name(), friends.key().name(), friends.key().of()),
        ("friendlists", "username", Type::String)
    );
    assert_eq!(friends.attribute("friends").unwrap().of(), Type::Set(Primitive::String));
    assert_eq!(all.attribute("msi").unwrap().of(), Type::Map(Primitive::String, Primitive::Int));
    assert_eq!((locks.attributes().len(), locks.tolerate(), locks.partitions()), (0, 1, 64));
}

#[test]
fn no_word_of_the_language_is_a_name() {
    let words = "space key attributes attribute subspace index tolerate failures failure create partitions partition \
                 with authorization string int int64 float document timestamp second minute hour day week month list \
                 set map";
    for word in words.split(' ') {
        let (line, _, message) = syntax(&format!("space s key k attributes int {word}"));
        assert!(line == 1 && message.contains(&format!("`{word}`")), "{message}");
        let built = Schema::builder("s").key("k", Type::Int).attribute(word, Type::Int).build();
        assert_eq!(built, Err(SpaceError::InvalidName { name: word.into() }));
    }
}

#[test]
fn all_that_can_be_said_is_understood_and_kept() {
    let text = "space s # of all kinds\n key timestamp(week) at attribute int64 i, n, document d, timestamp(second) t\n\
                subspace i, n subspace t index i index d.a.b tolerate 2 failures create 8 partitions tolerate 0 failure \
                with authorization";

    let schema: Schema = text.parse().unwrap();

    assert_eq!(schema.key().of(), Type::Timestamp(Unit::Week));
    assert_eq!(schema.attribute("n").unwrap().of(), Type::String);
    assert_eq!(schema.subspaces(), [vec!["i".to_owned(), "n".into()], vec!["t".into()]]);
    assert_eq!(schema.indices().collect::<Vec<_>>(), ["i", "d.a.b", "n", "t"]);
    assert_eq!((schema.tolerate(), schema.partitions(), schema.has_authorization()), (0, 8, true));
    assert_eq!(schema.advisories().len(), 3);
    let said: Schema = "space s key k tolerate 1 failures".parse().unwrap();
    assert_eq!(
        (said.advisories(), said == "space s key k".parse().unwrap()),
        (vec![Advisory::Tolerate(1)], true)
    );
    let wanted = "space s key timestamp(week) at attributes int i, n, document d, timestamp(second) t subspace i, n \
                  subspace t index i index d.a.b tolerate 0 failures create 8 partitions with authorization";
    assert_eq!(schema.to_string(), wanted);
}

#[test]
fn what_is_not_written_as_a_description_is_refused_with_its_place() {
    assert_eq!(syntax(""), (1, 1, "expected `space`, found the end".into()));
    assert_eq!(syntax("space s"), (1, 8, "expected `key`, found the end".into()));
    assert_eq!(syntax("space s key k attributes a,"), (1, 28, "expected an attribute, found the end".into()));
    assert_eq!(
        syntax("space s\nkey k\n  attributes list(set) a"),
        (3, 19, "expected `string`, `int` or `float`, found `set`".into())
    );
    assert_eq!(syntax("space s\n\tkey 5"), (2, 9, "expected an attribute, found `5`".into()));
    assert_eq!(syntax("space s\n a\tkey k").0, 2);
    assert_eq!(
        syntax("space s key k subspace k").2,
        "expected `tolerate`, `create`, `with` or the end, found `subspace`"
    );
    assert_eq!(syntax("space s key k;"), (1, 14, "`;` has no meaning here".into()));
    assert_eq!(syntax("space s key k tolerate 99999999999999999999 failures").1, 24);
    assert_eq!(syntax("space s key k tolerate -1 failures").2, "`-` has no meaning here");
    assert_eq!(syntax("space s key k create 4 failures").2, "expected `partitions`, found `failures`");
    assert_eq!(syntax("space s key k attributes int day").1, 30);
    let misspelt = "`strin` is no type, so `a` cannot follow it".to_owned();
    assert_eq!(syntax("space s key k attributes strin a, int b"), (1, 32, misspelt));
    assert_eq!(syntax("Space s key k").2, "expected `space`, found `Space`");
    assert_eq!(syntax("space s key k attributes a index a subspace a").1, 36);
}

#[test]
fn what_says_nothing_sensible_is_refused_with_the_attribute() {
    let attribute = |attribute: &str| attribute.to_owned();

    assert_eq!(error("space __s key k"), SpaceError::InvalidName { name: "__s".into() });
    assert_eq!(
        error("space s key k attributes __secret"),
        SpaceError::InvalidName { name: "__secret".into() }
    );
    assert_eq!(
        error("space s key set(int) k"),
        SpaceError::InvalidKeyType { attribute: attribute("k"), of: "set(int)".into() }
    );
    assert_eq!(error("space s key k attributes k"), SpaceError::Duplicate { attribute: attribute("k") });
    assert_eq!(
        error("space s key k attributes a, int a"),
        SpaceError::Duplicate { attribute: attribute("a") }
    );
    assert_eq!(
        error("space s key k attributes a subspace b"),
        SpaceError::UnknownAttribute { attribute: attribute("b") }
    );
    assert_eq!(
        error("space s key k attributes a subspace k"),
        SpaceError::UnknownAttribute { attribute: attribute("k") }
    );
    assert_eq!(
        error("space s key k attributes a subspace a, a"),
        SpaceError::Duplicate { attribute: attribute("a") }
    );
    assert_eq!(
        error("space s key k attributes document d subspace d"),
        SpaceError::Unindexable { attribute: attribute("d"), of: "document".into() }
    );
    assert_eq!(error("space s key k attributes a index k"), SpaceError::IsKey { attribute: attribute("k") });
    assert_eq!(
        error("space s key k attributes document d index d"),
        SpaceError::Unindexable { attribute: attribute("d"), of: "document".into() }
    );
    assert!(matches!(error("space s key k attributes a index a.b"), SpaceError::BadPath { .. }));
    assert!(matches!(error("space s key k create 0 partitions"), SpaceError::OutOfBounds { value: 0, .. }));
}

#[test]
fn attributes_come_go_and_are_renamed_with_what_is_said_of_them() {
    let schema: Schema =
        "space s key k attributes a, document d subspace a index a index d.x".parse().unwrap();

    let more = schema.with_attribute("n", Type::Int).unwrap();
    let less = schema.without_attribute("a").unwrap();
    let other = schema.with_renamed("d", "doc").unwrap().with_renamed("a", "b").unwrap();

    assert_eq!(more.attribute("n").unwrap().place(), 2);
    assert_eq!(less.to_string(), "space s key k attributes document d index d.x");
    assert_eq!(less.attribute("d").unwrap().place(), 1);
    let wanted = "space s key k attributes b, document doc subspace b index b index doc.x";
    assert_eq!(other.to_string(), wanted);
    assert_eq!(schema.with_renamed("k", "id").unwrap().key().name(), "id");
    assert!(schema.with_attribute("a", Type::Int).is_err() && schema.with_attribute("k", Type::Int).is_err());
    assert!(schema.with_renamed("a", "d").is_err() && schema.with_renamed("x", "y").is_err());
    assert!(schema.with_renamed("a", "key").is_err() && schema.without_attribute("k").is_err());
    assert!(schema.with_index("d.y").is_ok() && schema.with_index("a").is_err());
    assert!(schema.without_index("a").is_ok());
    assert_eq!(schema.without_index("d"), Err(SpaceError::NoIndex { attribute: "d".into() }));
}

#[test]
fn the_place_of_a_dropped_attribute_is_nobodys_until_it_is_swept() {
    let schema: Schema = "space s key k attributes a, b".parse().unwrap();
    let dropped = schema.without_attribute("a").unwrap();

    assert_eq!(dropped.with_attribute("a", Type::Int).unwrap().attribute("a").unwrap().place(), 2);
    let swept = dropped.swept();
    assert_eq!(swept.with_attribute("a", Type::Int).unwrap().attribute("a").unwrap().place(), 0);
}

fn a_type() -> impl Strategy<Value = Type> {
    let primitive = || prop::sample::select(vec![Primitive::String, Primitive::Int, Primitive::Float]);
    let unit = prop::sample::select(vec![
        Unit::Second,
        Unit::Minute,
        Unit::Hour,
        Unit::Day,
        Unit::Week,
        Unit::Month,
    ]);
    prop_oneof![
        prop::sample::select(vec![Type::String, Type::Int, Type::Float, Type::Document]),
        unit.prop_map(Type::Timestamp),
        primitive().prop_map(Type::List),
        primitive().prop_map(Type::Set),
        (primitive(), primitive()).prop_map(|(key, value)| Type::Map(key, value)),
    ]
}

fn a_schema() -> impl Strategy<Value = Schema> {
    let names = prop::collection::btree_map("[a-z_][A-Za-z_0-9]{0,6}", a_type(), 1..8);
    let options = (0..4_u64, 1..100_u64, any::<bool>(), any::<[bool; 8]>(), any::<[bool; 8]>());
    (names, options).prop_filter_map("names that are none, or a key of no order", |(names, options)| {
        let (tolerate, partitions, secret, subspaces, indices) = options;
        let mut names = names.into_iter();
        let (key, of) = names.next()?;
        let mut builder = Schema::builder("a_space").key(key, of).tolerate(tolerate).partitions(partitions);
        for ((name, of), (lays_out, finds)) in names.zip(subspaces.into_iter().zip(indices)) {
            builder = builder.attribute(&name, of);
            if lays_out && of.is_ordered() {
                builder = builder.subspace([&name]);
            }
            if finds {
                builder = builder.index(if of == Type::Document { format!("{name}.day.x") } else { name });
            }
        }
        if secret { builder.with_authorization() } else { builder }.build().ok()
    })
}

proptest! {
    #[test]
    fn a_description_is_read_as_it_is_written(schema in a_schema()) {
        prop_assert_eq!(schema.to_string().parse::<Schema>(), Ok(schema));
    }

    #[test]
    fn blanks_and_comments_make_no_difference(schema in a_schema()) {
        let text = schema.to_string().replace(' ', " # what comes next, and why\n\t ");
        prop_assert_eq!(text.parse::<Schema>(), Ok(schema));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z(),.# \n\t0-9]{0,60}", any in any::<String>()) {
        for text in [format!("space s key k attributes {text}"), text, any] {
            if let Ok(schema) = text.parse::<Schema>() {
                prop_assert_eq!(schema.to_string().parse::<Schema>(), Ok(schema));
            }
        }
    }
}
