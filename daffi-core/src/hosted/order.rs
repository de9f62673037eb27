//! One order of all values, for what is sorted.

use std::cmp::Ordering;

use super::canonical::canonical;
use crate::wire::{Shape, elements, payload};

/// Which of two encoded values comes first.
///
/// Null, truth values, numbers, texts, bytes, lists, maps, extensions, in this order. Numbers go by what they are worth,
/// an integer before the float that is worth as much, and NaN after all; texts and bytes by their bytes, lists by the
/// first place in which they differ, maps by the bytes of their canonical form. What is equal in its canonical form is
/// equal here, and nothing else.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (Ok(on_left), Ok(on_right)) = (Shape::of(left), Shape::of(right)) else {
        // A value is one: it was looked at when it came.
        return left.cmp(right);
    };
    let by_kind = rank(on_left).cmp(&rank(on_right));
    by_kind.then_with(|| match (on_left, on_right) {
        (Shape::Integer(left), Shape::Integer(right)) => left.cmp(&right),
        (Shape::Integer(integer), Shape::Float) => integer_with_float(integer, float(right)),
        (Shape::Float, Shape::Integer(integer)) => integer_with_float(integer, float(left)).reverse(),
        (Shape::Float, Shape::Float) => floats(float(left), float(right)),
        (Shape::Text | Shape::Bytes | Shape::Extension, _) => payload(left).ok().cmp(&payload(right).ok()),
        (Shape::Array(_), _) => lists(&parts(left), &parts(right)),
        (Shape::Map(_), _) => maps(left, right),
        // False is encoded in a byte below that of true.
        (Shape::Nil | Shape::Bool | Shape::Integer(_) | Shape::Float, _) => left.first().cmp(&right.first()),
    })
}

fn rank(shape: Shape) -> u8 {
    match shape {
        Shape::Nil => 0,
        Shape::Bool => 1,
        Shape::Integer(_) | Shape::Float => 2,
        Shape::Text => 3,
        Shape::Bytes => 4,
        Shape::Array(_) => 5,
        Shape::Map(_) => 6,
        Shape::Extension => 7,
    }
}

fn float(bytes: &[u8]) -> f64 {
    let bytes = payload(bytes).unwrap_or_default();
    match (bytes.first_chunk::<8>(), bytes.first_chunk::<4>()) {
        (Some(bytes), _) => f64::from_be_bytes(*bytes),
        (None, Some(bytes)) => f64::from(f32::from_be_bytes(*bytes)),
        (None, None) => f64::NAN,
    }
}

fn floats(left: f64, right: f64) -> Ordering {
    // Without an order one of them is NaN.
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Without rounding: above 2⁵³ not every integer is a float.
fn integer_with_float(integer: i128, float: f64) -> Ordering {
    if float.is_nan() {
        return Ordering::Less;
    }
    // What does not fit is far beyond all integers that can be encoded, and becomes the largest or smallest there is.
    let whole = float.trunc() as i128;
    let by_worth = integer.cmp(&whole).then_with(|| 0.0_f64.total_cmp(&(float.fract() + 0.0)));
    by_worth.then(Ordering::Less)
}

fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    elements(bytes).unwrap_or_default()
}

fn lists(left: &[&[u8]], right: &[&[u8]]) -> Ordering {
    let mut pairs = left.iter().zip(right).map(|(left, right)| compare(left, right));
    pairs.find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// By their canonical forms: to sort the pairs of maps whose keys are maps takes the square of their sizes.
fn maps(left: &[u8], right: &[u8]) -> Ordering {
    match (canonical(left), canonical(right)) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        // What has none, as it has NaN or a key twice, comes after.
        (on_left, on_right) => on_left.is_err().cmp(&on_right.is_err()).then_with(|| left.cmp(right)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde_bytes::ByteBuf;

    use super::*;
    use crate::hosted::canonical::canonical;
    use crate::wire;

    #[derive(Debug, Clone, Serialize)]
    #[serde(untagged)]
    enum Any {
        Nil(()),
        Bool(bool),
        Integer(i64),
        Large(u64),
        Float(f64),
        Text(String),
        Bytes(ByteBuf),
        List(Vec<Self>),
        Map(BTreeMap<String, Self>),
    }

    fn map<const N: usize>(pairs: [(&str, Any); N]) -> Any {
        Any::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    fn order<L: Serialize, R: Serialize>(left: L, right: R) -> Ordering {
        compare(&wire::encode(&left).unwrap(), &wire::encode(&right).unwrap())
    }

    #[test]
    fn values_of_different_kinds_have_an_order() {
        let mixed = [
            Any::Nil(()),
            Any::Bool(false),
            Any::Bool(true),
            Any::Float(f64::NEG_INFINITY),
            Any::Integer(-3),
            Any::Float(-2.5),
            Any::Integer(0),
            Any::Integer(1),
            Any::Float(1.0),
            Any::Float(1.5),
            Any::Large((1 << 53) + 1),
            Any::Large(u64::MAX),
            Any::Float(1e30),
            Any::Float(f64::INFINITY),
            Any::Float(f64::NAN),
            Any::Text(String::new()),
            Any::Text("a".into()),
            Any::Text("aa".into()),
            Any::Text("b".into()),
            Any::Bytes(ByteBuf::from([0])),
            Any::List(vec![]),
            Any::List(vec![Any::Integer(1), Any::Integer(2)]),
            Any::List(vec![Any::Integer(2)]),
            map([]),
            map([("a", Any::Integer(2))]),
            map([("a", Any::Integer(1)), ("z", Any::Nil(()))]),
        ];
        for (at, left) in mixed.iter().enumerate() {
            for (other, right) in mixed.iter().enumerate() {
                assert_eq!(order(left, right), at.cmp(&other), "{left:?} and {right:?}");
            }
        }
    }

    #[test]
    fn numbers_go_by_what_they_are_worth() {
        assert_eq!(order(1_u8, 1_i64), Ordering::Equal);
        assert_eq!(order(0.5_f32, 0.5_f64), Ordering::Equal);
        assert_eq!(order(0.0, -0.0), Ordering::Equal);
        assert_eq!(order(0, -0.0), Ordering::Less);
        assert_eq!(order(-1, -1.5), Ordering::Greater);
        assert_eq!(order((1_u64 << 53) + 1, (1_u64 << 53) as f64), Ordering::Greater);
    }

    #[test]
    fn maps_are_compared_as_if_their_pairs_were_sorted() {
        // {"b": 1, "a": 2} and {"a": 2, "b": 1}.
        let (one, other) = ([0x82, 0xa1, b'b', 1, 0xa1, b'a', 2], [0x82, 0xa1, b'a', 2, 0xa1, b'b', 1]);
        assert_eq!(compare(&one, &other), Ordering::Equal);
    }

    fn values() -> impl Strategy<Value = Any> {
        let leaf = prop_oneof![
            Just(Any::Nil(())),
            any::<bool>().prop_map(Any::Bool),
            (-3..4_i64).prop_map(Any::Integer),
            any::<i64>().prop_map(Any::Integer),
            any::<u64>().prop_map(Any::Large),
            (-6..7_i8).prop_map(|halves| Any::Float(f64::from(halves) / 2.0)),
            prop::num::f64::NORMAL.prop_map(Any::Float),
            "[a-c]{0,3}".prop_map(Any::Text),
            proptest::collection::vec(0..3_u8, 0..3).prop_map(|bytes| Any::Bytes(ByteBuf::from(bytes))),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let map = proptest::collection::btree_map("[a-c]{1,2}", inner.clone(), 0..3);
            let list = proptest::collection::vec(inner, 0..3);
            prop_oneof![list.prop_map(Any::List), map.prop_map(Any::Map)]
        })
    }

    proptest! {
        #[test]
        fn it_is_an_order_and_equal_is_what_is_one_value(
            values in proptest::collection::vec(values(), 3)
        ) {
            let of: Vec<Vec<u8>> = values.iter().map(|value| wire::encode(value).unwrap()).collect();
            let [a, b, c] = [&of[0], &of[1], &of[2]];
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
            prop_assert_eq!(compare(a, b).is_eq(), canonical(a).unwrap() == canonical(b).unwrap());
        }

        #[test]
        fn no_bytes_make_it_panic(
            left in proptest::collection::vec(any::<u8>(), 0..40),
            right in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            if wire::check_depth(&left).is_ok() && wire::check_depth(&right).is_ok() {
                prop_assert_eq!(compare(&left, &right), compare(&right, &left).reverse());
            }
        }
    }
}
