//! One order of all values, for what is sorted.

use super::canonical::canonical;
use crate::wire::{Shape, WalkError, float, skip, take};

/// Bytes by which an encoded value is sorted: those of what comes first are less.
///
/// Null, truth values, numbers, texts, bytes, lists, maps, extensions, in this order. Numbers go by what they are worth,
/// an integer before the float that is worth as much, and NaN after all; texts and bytes by their bytes, lists by the
/// first place in which they differ, maps by the bytes of their canonical form. What is equal in its canonical form is
/// equal here, and nothing else.
///
/// Making them reads the value once, where comparing values as they are would read large ones again and again.
pub fn sort_key(bytes: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(bytes.len() + 2);
    // The walk needs no stack, so what nests too deep never reaches the recursion below.
    match skip(bytes).and_then(|_| put(&mut &*bytes, &mut key)) {
        Ok(()) => key,
        // A value is one: it was looked at when it came.
        Err(_) => [&[NO_VALUE], bytes].concat(),
    }
}

/// Takes a value off the rest.
fn put(rest: &mut &[u8], key: &mut Vec<u8>) -> Result<(), WalkError> {
    let whole = *rest;
    let (shape, data) = take(rest)?;
    match shape {
        Shape::Nil => key.push(NIL),
        // False is encoded in a byte below that of true.
        Shape::Bool => key.extend([BOOL, whole[0]]),
        Shape::Integer(value) => put_integer(value, key),
        Shape::Float => put_float(float(data), key),
        Shape::Text => put_bytes(TEXT, data, key),
        Shape::Bytes => put_bytes(BYTES, data, key),
        Shape::Array(length) => {
            key.push(ARRAY);
            for _ in 0..length {
                put(rest, key)?;
            }
            key.push(END);
        }
        Shape::Map(_) => {
            let (map, after) = whole.split_at(skip(whole)?);
            *rest = after;
            match canonical(map) {
                Ok(form) => put_bytes(MAP, &form, key),
                Err(_) => put_bytes(NO_KEY_MAP, map, key),
            }
        }
        Shape::Extension => put_bytes(EXTENSION, data, key),
    }
    Ok(())
}

/// How many bytes it takes, negative if it is below 0, and those.
fn put_integer(value: i128, key: &mut Vec<u8>) {
    let bytes = value.unsigned_abs().to_be_bytes();
    let bytes = &bytes[value.unsigned_abs().leading_zeros() as usize / 8..];
    // No integer and no float's whole part takes more than nine.
    let count = bytes.len() as u8;
    if value < 0 {
        // What is further from 0 comes first there.
        key.push(ZERO - count);
        key.extend(bytes.iter().map(|byte| !byte));
    } else {
        key.push(ZERO + count);
        key.extend_from_slice(bytes);
    }
}

/// The integer below it or as large, and then what no integer has: so nothing is rounded, as above 2⁵³ not every integer is
/// a float.
fn put_float(value: f64, key: &mut Vec<u8>) {
    if value.is_nan() {
        return key.push(NOT_A_NUMBER);
    }
    // What does not fit is beyond all integers that can be encoded.
    let whole = (value.floor() as i128).clamp(i128::from(i64::MIN) - 1, i128::from(u64::MAX) + 1);
    put_integer(whole, key);
    key.push(FLOAT);
    // Adding zero makes −0.0 what it is equal to. Of two floats below 0 the bits of the larger are less.
    let bits = (value + 0.0).to_bits();
    let sign = 1 << 63;
    key.extend((if bits & sign == 0 { bits | sign } else { !bits }).to_be_bytes());
}

/// Bytes that no others begin with: a 0 in them is followed by what never follows their end.
fn put_bytes(kind: u8, bytes: &[u8], key: &mut Vec<u8>) {
    key.push(kind);
    for (at, part) in bytes.split(|byte| *byte == END).enumerate() {
        if at > 0 {
            key.extend([END, GOES_ON]);
        }
        key.extend_from_slice(part);
    }
    key.push(END);
}

/// Where a list, a text and their like end: before all that could follow in a longer one.
const END: u8 = 0;
const NIL: u8 = 0x01;
const BOOL: u8 = 0x02;
/// Integers that take one byte more each are one more each.
const ZERO: u8 = 0x20;
const NOT_A_NUMBER: u8 = 0x2f;
const TEXT: u8 = 0x30;
const BYTES: u8 = 0x31;
const ARRAY: u8 = 0x32;
const MAP: u8 = 0x33;
/// A map without a canonical form, as it has NaN or a key twice.
const NO_KEY_MAP: u8 = 0x34;
const EXTENSION: u8 = 0x35;
const NO_VALUE: u8 = 0x36;
/// After all that may follow an integer.
const FLOAT: u8 = 0xff;
/// After all that may follow an end.
const GOES_ON: u8 = 0xff;

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde_bytes::ByteBuf;

    use super::*;
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

    fn compare(left: &[u8], right: &[u8]) -> Ordering {
        sort_key(left).cmp(&sort_key(right))
    }

    /// The same order, as one would compare two values by hand.
    fn by_hand(left: &Any, right: &Any) -> Ordering {
        let encoded = |any: &Any| canonical(&wire::encode(any).unwrap()).unwrap().into_owned();
        let kind = |any: &Any| match any {
            Any::Nil(()) => 0,
            Any::Bool(_) => 1,
            Any::Integer(_) | Any::Large(_) | Any::Float(_) => 2,
            Any::Text(_) => 3,
            Any::Bytes(_) => 4,
            Any::List(_) => 5,
            Any::Map(_) => 6,
        };
        let integer = |any: &Any| match any {
            Any::Integer(value) => Some(i128::from(*value)),
            Any::Large(value) => Some(i128::from(*value)),
            _ => None,
        };
        match (left, right) {
            (Any::Bool(left), Any::Bool(right)) => left.cmp(right),
            (Any::Float(left), Any::Float(right)) => left.partial_cmp(right).unwrap(),
            (Any::Float(_), _) if integer(right).is_some() => by_hand(right, left).reverse(),
            (_, Any::Float(float)) if integer(left).is_some() => {
                let (whole, part) =
                    (float.trunc() as i128, if float.is_finite() { float.fract() } else { 0.0 });
                let by_worth = integer(left).cmp(&Some(whole)).then(0.0.partial_cmp(&part).unwrap());
                by_worth.then(Ordering::Less)
            }
            (Any::Text(left), Any::Text(right)) => left.cmp(right),
            (Any::Bytes(left), Any::Bytes(right)) => left.cmp(right),
            (Any::List(left), Any::List(right)) => {
                let mut pairs = left.iter().zip(right).map(|(left, right)| by_hand(left, right));
                pairs.find(|order| order.is_ne()).unwrap_or(left.len().cmp(&right.len()))
            }
            (Any::Map(_), Any::Map(_)) => encoded(left).cmp(&encoded(right)),
            _ => kind(left).cmp(&kind(right)).then_with(|| integer(left).cmp(&integer(right))),
        }
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
    fn extension_values_go_by_their_kind_and_bytes_however_they_are_encoded() {
        // Kind 5 of one byte, in a short and in a long form.
        assert_eq!(compare(&[0xd4, 5, 9], &[0xc7, 1, 5, 9]), Ordering::Equal);
        assert_eq!(canonical(&[0xd4, 5, 9]), canonical(&[0xc7, 1, 5, 9]));
        assert_eq!(compare(&[0xd4, 5, 9], &[0xd4, 6, 1]), Ordering::Less);
    }

    #[test]
    fn maps_are_compared_as_if_their_pairs_were_sorted() {
        // {"b": 1, "a": 2} and {"a": 2, "b": 1}.
        let (one, other) = ([0x82, 0xa1, b'b', 1, 0xa1, b'a', 2], [0x82, 0xa1, b'a', 2, 0xa1, b'b', 1]);
        assert_eq!(compare(&one, &other), Ordering::Equal);
    }

    fn values() -> impl Strategy<Value = Any> {
        let near = prop_oneof![Just(0), Just(1_i64 << 53), Just(i64::MAX - 3), Just(i64::MIN + 3)];
        let leaf = prop_oneof![
            Just(Any::Nil(())),
            any::<bool>().prop_map(Any::Bool),
            (-3..4_i64).prop_map(Any::Integer),
            any::<i64>().prop_map(Any::Integer),
            any::<u64>().prop_map(Any::Large),
            (near.clone(), -3..4_i64).prop_map(|(near, by)| Any::Integer(near + by)),
            near.prop_map(|near| Any::Float(near as f64)),
            (-6..7_i8).prop_map(|halves| Any::Float(f64::from(halves) / 2.0)),
            prop::num::f64::NORMAL.prop_map(Any::Float),
            prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0)].prop_map(Any::Float),
            "[a-c\0]{0,3}".prop_map(Any::Text),
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
        fn it_is_the_order_that_one_makes_by_hand_and_equal_is_what_is_one_value(
            left in values(),
            right in values(),
        ) {
            let (a, b) = (wire::encode(&left).unwrap(), wire::encode(&right).unwrap());
            prop_assert_eq!(compare(&a, &b), by_hand(&left, &right));
            prop_assert_eq!(compare(&a, &b).is_eq(), canonical(&a).unwrap() == canonical(&b).unwrap());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(!sort_key(&bytes).is_empty());
        }
    }
}
