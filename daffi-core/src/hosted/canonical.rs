//! The one form of each value, so that equal keys are equal bytes.
//!
//! Integers are as short as they can be, floats are doubles, −0.0 is 0.0, the pairs of a map stand in the order of
//! their keys' bytes. An integer and a float are never equal. NaN equals nothing and so is no key.

use rmp::encode;

use crate::wire::{Shape, WalkError, elements, payload, skip};

/// Why bytes have no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// They are no value, or nest too deep.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// More follows the value.
    #[error("{0} bytes follow the value")]
    TooMany(usize),
    /// It contains NaN.
    #[error("NaN is not equal to itself, so it cannot be found again")]
    NotANumber,
    /// A map has a key twice.
    #[error("a map has one key twice")]
    TwoKeys,
}

/// Whether `bytes` are one value in its canonical form.
///
/// # Errors
/// [`CanonicalError`] if it has none.
pub fn is_canonical(bytes: &[u8]) -> Result<bool, CanonicalError> {
    // Most keys are short texts and small numbers, which have no other form.
    match bytes.first() {
        Some(first @ 0xa0..=0xbf) if bytes.len() == 1 + usize::from(first & 0x1f) => Ok(true),
        Some(0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3) if bytes.len() == 1 => Ok(true),
        _ => canonical(bytes).map(|canonical| canonical == bytes),
    }
}

/// The canonical form of the value that `bytes` are.
///
/// # Errors
/// [`CanonicalError`] if it has none.
pub fn canonical(bytes: &[u8]) -> Result<Vec<u8>, CanonicalError> {
    // The walk needs no stack, so what nests too deep never reaches the recursion below.
    let end = skip(bytes)?;
    if end != bytes.len() {
        return Err(CanonicalError::TooMany(bytes.len() - end));
    }
    let mut out = Vec::with_capacity(bytes.len());
    put(bytes, &mut out)?;
    Ok(out)
}

fn put(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match Shape::of(bytes)? {
        Shape::Nil | Shape::Bool | Shape::Extension => out.extend_from_slice(&bytes[..skip(bytes)?]),
        Shape::Integer(value) => put_integer(value, out),
        Shape::Float => {
            let value = float(payload(bytes)?);
            if value.is_nan() {
                return Err(CanonicalError::NotANumber);
            }
            // Adding zero makes −0.0 what it is equal to.
            encode::write_f64(out, value + 0.0).expect("memory takes all");
        }
        Shape::Text => {
            let text = payload(bytes)?;
            encode::write_str_len(out, text.len() as u32).expect("memory takes all");
            out.extend_from_slice(text);
        }
        Shape::Bytes => encode::write_bin(out, payload(bytes)?).expect("memory takes all"),
        Shape::Array(length) => {
            encode::write_array_len(out, length).expect("memory takes all");
            for element in elements(bytes)? {
                put(element, out)?;
            }
        }
        Shape::Map(length) => put_map(bytes, length, out)?,
    }
    Ok(())
}

/// Of its four or eight bytes.
fn float(bytes: &[u8]) -> f64 {
    match (bytes.first_chunk::<8>(), bytes.first_chunk::<4>()) {
        (Some(bytes), _) => f64::from_be_bytes(*bytes),
        (None, Some(bytes)) => f64::from(f32::from_be_bytes(*bytes)),
        (None, None) => f64::NAN,
    }
}

fn put_integer(value: i128, out: &mut Vec<u8>) {
    let written = match u64::try_from(value) {
        Ok(value) => encode::write_uint(out, value),
        Err(_) => encode::write_sint(out, i64::try_from(value).expect("MessagePack has no smaller one")),
    };
    written.expect("memory takes all");
}

fn put_map(bytes: &[u8], length: u32, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    let elements = elements(bytes)?;
    let mut pairs = Vec::with_capacity(elements.len() / 2);
    for pair in elements.chunks_exact(2) {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        put(pair[0], &mut key)?;
        put(pair[1], &mut value)?;
        pairs.push((key, value));
    }
    pairs.sort();
    if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(CanonicalError::TwoKeys);
    }
    encode::write_map_len(out, length).expect("memory takes all");
    for (key, value) in pairs {
        out.extend_from_slice(&key);
        out.extend_from_slice(&value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;

    use super::*;
    use crate::wire;

    fn of<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
        canonical(&wire::encode(value).expect("it encodes"))
    }

    #[test]
    fn what_is_equal_has_one_form() {
        assert_eq!(of(&1_u8), of(&1_i64));
        assert_eq!(of(&1.5_f32), of(&1.5_f64));
        assert_eq!(of(&0.0_f64), of(&-0.0_f64));
        // Long forms of a small number, a short text and a short list.
        assert_eq!(canonical(&[0xd3, 0, 0, 0, 0, 0, 0, 0, 7]), Ok(vec![7]));
        assert_eq!(canonical(&[0xdb, 0, 0, 0, 1, b'a']), Ok(vec![0xa1, b'a']));
        assert_eq!(canonical(&[0xdd, 0, 0, 0, 1, 0xc0]), Ok(vec![0x91, 0xc0]));
    }

    #[test]
    fn what_differs_has_two() {
        assert_ne!(of(&1), of(&1.0));
        assert_ne!(of(&"1"), of(&1));
        assert_ne!(of(&true), of(&1));
        assert_ne!(of(&None::<u8>), of(&""));
    }

    #[test]
    fn what_cannot_be_found_again_has_none() {
        assert_eq!(of(&[1.0, f64::NAN]), Err(CanonicalError::NotANumber));
        assert_eq!(canonical(&[0x82, 1, 1, 0xcc, 1, 2]), Err(CanonicalError::TwoKeys));
        assert_eq!(canonical(&[1, 2]), Err(CanonicalError::TooMany(1)));
        assert_eq!(canonical(&[0x91; 100]), Err(CanonicalError::Walk(WalkError::TooDeep)));
    }

    proptest! {
        #[test]
        fn the_order_of_a_maps_pairs_makes_no_difference(map in any::<HashMap<String, (i64, Option<bool>)>>()) {
            let sorted: BTreeMap<_, _> = map.clone().into_iter().collect();
            prop_assert_eq!(of(&map), of(&sorted));
        }

        #[test]
        fn the_form_is_its_own_form_and_reads_as_before(value in any::<(i64, String, Vec<u8>, Vec<(u32, bool)>)>()) {
            let form = of(&value).expect("it has one");
            prop_assert_eq!(is_canonical(&form), Ok(true));
            prop_assert_eq!(wire::decode(&form), Ok(value));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(form) = canonical(&bytes) {
                prop_assert_eq!(is_canonical(&form), Ok(true));
                prop_assert_eq!(is_canonical(&bytes), Ok(form == bytes));
            }
        }
    }
}
