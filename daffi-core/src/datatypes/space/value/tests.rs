use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::config::SPACE_DOCUMENT_DEPTH_MAX;
use crate::datatypes::space::{Fields, Primitive, Type, Unit};
use crate::error::SpaceError;
use crate::{obj, wire};

fn number() -> impl Strategy<Value = f64> {
    let special = [0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1.0];
    prop_oneof![any::<f64>(), proptest::sample::select(special.to_vec())]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Int),
        (-2..3_i64).prop_map(Value::Int),
        number().prop_map(Value::Float),
        "[a-c]{0,3}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| Value::String(bytes.into())),
    ]
}

/// Any value at all.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::Bool), scalar()];
    leaf.prop_recursive(3, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(inner.clone(), 0..5).prop_map(|all| Value::Set(all.into_iter().collect())),
            prop::collection::vec((inner.clone(), inner), 0..5)
                .prop_map(|all| Value::Map(all.into_iter().collect())),
        ]
    })
}

/// A value as JSON has them, without sets.
fn plain() -> impl Strategy<Value = Value> {
    let finite = any::<f64>().prop_filter("JSON has no others", |float| float.is_finite());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        finite.prop_map(|float| Value::Float(normal(float))),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(Value::from),
        ]
    })
}

/// A value of this type as naive as can be, from numbers.
fn counted_bytes(value: &Value) -> usize {
    let inner: usize = match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => return 0,
        Value::String(text) => text.len(),
        Value::List(list) => list.iter().map(|element| counted_bytes(element) + ENTRY_BYTES).sum(),
        Value::Set(set) => set.keys().map(|element| counted_bytes(element) + ENTRY_BYTES).sum(),
        Value::Map(map) => {
            map.iter().map(|(key, value)| counted_bytes(key) + counted_bytes(value) + ENTRY_BYTES).sum()
        }
    };
    inner + SHARED_BYTES
}

proptest! {
    #[test]
    fn the_order_of_values_is_total(one in value(), two in value(), three in value()) {
        prop_assert_eq!(one.cmp(&one.clone()), Ordering::Equal);
        prop_assert_eq!(one.cmp(&two), two.cmp(&one).reverse());
        if one <= two && two <= three {
            prop_assert!(one <= three);
        }
        if one == two {
            prop_assert_eq!(one.cmp(&three), two.cmp(&three));
        }
    }

    #[test]
    fn floats_are_ordered_as_ieee_has_them_with_nan_above_all(one in number(), two in number()) {
        let ordering = Value::Float(one).cmp(&Value::Float(two));
        let wanted = one.partial_cmp(&two).unwrap_or_else(|| one.is_nan().cmp(&two.is_nan()));
        prop_assert_eq!(ordering, wanted);
    }

    #[test]
    fn integers_and_floats_compare_to_the_last_digit(int in any::<i64>(), float in number()) {
        let exact = |float: f64| {
            // Halves and less are beyond the integers, of which 128 bits hold all that a float near them is.
            if float.is_nan() || float > 1e30 { return Ordering::Less; }
            if float < -1e30 { return Ordering::Greater; }
            i128::from(int).cmp(&(float.floor() as i128)).then(if float.fract() == 0.0 { Ordering::Equal } else { Ordering::Less })
        };
        for float in [float, int as f64, (int as f64).next_up(), int as f64 + 0.5] {
            let (one, other) = (Value::Int(int), Value::Float(float));
            prop_assert_eq!(one.compare_numbers(&other), Some(exact(float)), "{} {}", int, float);
            prop_assert_eq!(other.compare_numbers(&one), Some(exact(float).reverse()));
        }
    }

    #[test]
    fn values_travel_as_what_they_are(value in plain()) {
        let packed = wire::encode(&value).unwrap();
        prop_assert_eq!(wire::decode::<Value>(&packed).unwrap(), value.clone());
        prop_assert_eq!(Value::from_json(&value.to_json()).unwrap(), value.clone());
        prop_assert_eq!(Type::Document.fit("d", value.clone()).ok(), Some(value).filter(|value| *value != Value::Null));
    }

    #[test]
    fn what_fits_a_type_fits_it_again_and_survives_the_journey(value in value(), of in any::<prop::sample::Index>()) {
        let types = ["string", "int", "float", "timestamp(day)", "list(int)", "list(float)", "set(string)", "set(float)", "map(int, string)", "map(string, float)", "document"];
        let of: Type = of.get(&types).parse().unwrap();
        if let Ok(fitted) = of.fit("a", value) {
            prop_assert_eq!(of.fit("a", fitted.clone()), Ok(fitted.clone()));
            let travelled: Value = wire::decode(&wire::encode(&fitted).unwrap()).unwrap();
            prop_assert_eq!(of.fit("a", travelled), Ok(fitted));
        }
    }

    #[test]
    fn no_bytes_make_a_value_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(value) = wire::decode::<Value>(&bytes) {
            prop_assert!(!value.to_string().is_empty());
            prop_assert_eq!(value.bytes(), counted_bytes(&value));
        }
    }

    #[test]
    fn a_set_is_as_one_of_the_standard_library(steps in prop::collection::vec((any::<bool>(), 0..90_i64), 0..300)) {
        let (mut set, mut model) = (Set::default(), BTreeSet::new());
        for (adds, number) in steps {
            let copy = set.clone();
            let before = model.clone();
            if adds {
                prop_assert_eq!(set.add(number.into()), model.insert(number));
            } else {
                prop_assert_eq!(set.remove(&number.into()).is_some(), model.remove(&number));
            }
            prop_assert_eq!(set.len(), model.len());
            prop_assert!(set.keys().eq(model.iter().map(|number| Value::Int(*number)).collect::<Vec<_>>().iter()));
            prop_assert!(copy.keys().cloned().eq(before.into_iter().map(Value::Int)), "copies are their own");
        }
        prop_assert_eq!(Value::Set(set.clone()).bytes(), counted_bytes(&Value::Set(set)));
    }

    #[test]
    fn a_map_is_as_one_of_the_standard_library(steps in prop::collection::vec((0..60_i64, prop::option::of("[a-z]{0,5}")), 0..300)) {
        let (mut map, mut model) = (Map::default(), BTreeMap::new());
        for (key, value) in steps {
            match value {
                Some(value) => {
                    let before = map.insert(key.into(), value.as_str().into());
                    prop_assert_eq!(before, model.insert(key, value).map(Value::from));
                }
                None => prop_assert_eq!(map.remove(&key.into()), model.remove(&key).map(Value::from)),
            }
            prop_assert_eq!(map.get(&key.into()).cloned(), model.get(&key).map(|value| value.as_str().into()));
        }
        prop_assert_eq!(Value::Map(map.clone()), Value::from(model));
        prop_assert_eq!(Value::Map(map.clone()).bytes(), counted_bytes(&Value::Map(map)));
    }

    #[test]
    fn a_list_is_as_one_of_the_standard_library(steps in prop::collection::vec((0..6_u8, 0..150_usize, any::<u8>()), 0..300)) {
        let (mut list, mut model) = (List::default(), Vec::<i64>::new());
        for (what, at, number) in steps {
            let number = i64::from(number);
            match what {
                0..3 => {
                    let at = at.min(model.len());
                    list.insert(at, number.into());
                    model.insert(at, number);
                }
                3 => {
                    let removed = (at < model.len()).then(|| Value::Int(model.remove(at)));
                    prop_assert_eq!(list.remove(at), removed);
                }
                4 => {
                    let before = model.get_mut(at).map(|place| Value::Int(std::mem::replace(place, number)));
                    prop_assert_eq!(list.set(at, number.into()), before);
                }
                _ => {
                    list.push(number.into());
                    model.push(number);
                }
            }
            prop_assert!(list.iter().cloned().eq(model.iter().copied().map(Value::Int)));
        }
        prop_assert_eq!(Value::List(list.clone()).bytes(), counted_bytes(&Value::List(list.clone())));
        list.keep(3, 20);
        model = model.into_iter().take(20).skip(3).collect();
        prop_assert_eq!(Value::List(list), Value::from(model));
    }
}

#[test]
fn numbers_become_each_other_where_the_other_is_wanted() {
    assert_eq!(Type::Int.fit("i", 0.5.into()), Ok(0.into()));
    assert_eq!(Type::Int.fit("i", 1.5.into()), Ok(2.into()));
    assert_eq!(Type::Float.fit("f", 3.into()), Ok(3.0.into()));
    assert_eq!(Type::Timestamp(Unit::Day).fit("t", 3.into()), Ok(3.into()));
    assert_eq!(Type::Int.fit("i", (-9_223_372_036_854_775_808.0).into()), Ok(i64::MIN.into()));
    for float in [9_223_372_036_854_775_808.0, f64::NAN, f64::INFINITY, -1e19] {
        assert!(matches!(Type::Int.fit("i", float.into()), Err(SpaceError::WrongType { .. })), "{float}");
    }
}

#[test]
fn lists_and_sets_become_each_other_and_nothing_else_does() {
    let set = Type::Set(Primitive::String);

    assert_eq!(set.fit("s", ["b", "a", "b"].into()), Ok(Value::from(BTreeSet::from(["a", "b"]))));
    assert_eq!(Type::List(Primitive::Int).fit("l", BTreeSet::from([2, 1]).into()), Ok([1, 2].into()));
    let wrong = SpaceError::WrongType {
        attribute: "s".into(),
        expected: "a set(string)".into(),
        found: "\"a\"".into(),
    };
    assert_eq!(set.fit("s", "a".into()), Err(wrong));
    let integer = Type::Int.fit("i", "a".into()).unwrap_err().to_string();
    assert_eq!(integer, "`i` takes an int, not \"a\"");
    assert!(set.fit("s", [1].into()).is_err() && Type::String.fit("s", 1.into()).is_err());
}

#[test]
fn what_is_looked_up_is_no_nan() {
    let nan = || SpaceError::NotANumber { attribute: "a".into() };

    assert_eq!(Type::Set(Primitive::Float).fit("a", [f64::NAN].into()), Err(nan()));
    assert_eq!(Primitive::Float.fit_member("a", f64::NAN.into()), Err(nan()));
    assert!(Type::List(Primitive::Float).fit("a", [f64::NAN].into()).is_ok());
}

#[test]
fn keys_of_maps_may_be_numbers_in_text_since_json_has_no_others() {
    let map = Type::Map(Primitive::Int, Primitive::String);

    let fitted = map.fit("m", obj! { "3": "c", "-1": "a" }.into()).unwrap();

    assert_eq!(fitted, Value::from(BTreeMap::from([(3, "c"), (-1, "a")])));
    assert_eq!(fitted.to_json().to_string(), r#"{"-1":"a","3":"c"}"#);
    assert!(map.fit("m", obj! { x: "c" }.into()).is_err());
}

#[test]
fn a_document_is_what_json_has_and_no_deeper_than_the_bound() {
    let nested = |levels: usize| (0..levels).fold(Value::Int(1), |inner, _| [inner].into());

    assert!(Type::Document.fit("d", nested(SPACE_DOCUMENT_DEPTH_MAX)).is_ok());
    assert!(Type::Document.fit("d", nested(SPACE_DOCUMENT_DEPTH_MAX + 1)).is_err());
    for value in
        [Value::Float(f64::NAN), Value::from(&[0xff][..]), BTreeMap::from([(1, 1)]).into(), Value::Null]
    {
        assert!(Type::Document.fit("d", value.clone()).is_err(), "{value}");
    }
}

#[test]
fn fields_keep_what_they_were_given_and_refuse_a_name_that_is_there_twice() {
    let fields = obj! { first: "John", "v.a": 1, tags: ["a"] };
    let twice = b"\x82\xa1a\x01\xa1a\x02";

    assert_eq!(wire::decode::<Fields>(&wire::encode(&fields).unwrap()), Ok(fields.clone()));
    assert_eq!((fields.len(), &fields["v.a"]), (3, &Value::Int(1)));
    assert!(wire::decode::<Fields>(twice).is_err());
}
