//! The one form of each value, so that equal keys are equal bytes.
//!
//! Integers and lengths are as short as they can be, floats are doubles, −0.0 is 0.0, the pairs of a map stand in the
//! order of their keys' bytes. An integer and a float are never equal. NaN equals nothing and so is no key.

use std::borrow::Cow;

use rmp::encode;

use crate::wire::{Shape, WalkError, float, skip, take};

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
    canonical(bytes).map(|canonical| *canonical == *bytes)
}

/// The canonical form of the value that `bytes` are: they themselves, not copied, where they can have no other.
///
/// # Errors
/// [`CanonicalError`] if it has none.
pub fn canonical(bytes: &[u8]) -> Result<Cow<'_, [u8]>, CanonicalError> {
    // Most keys are short texts and small numbers, which have no other form.
    match bytes.first() {
        Some(first @ 0xa0..=0xbf) if bytes.len() == 1 + usize::from(first & 0x1f) => return Ok(bytes.into()),
        Some(0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3) if bytes.len() == 1 => return Ok(bytes.into()),
        _ => {}
    }
    // The walk needs no stack, so what nests too deep never reaches the recursion below.
    let end = skip(bytes)?;
    if end != bytes.len() {
        return Err(CanonicalError::TooMany(bytes.len() - end));
    }
    let mut out = Vec::with_capacity(bytes.len());
    put(&mut &*bytes, &mut out)?;
    Ok(out.into())
}

/// Takes a value off the rest.
fn put(rest: &mut &[u8], out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    let first = rest.first().copied();
    let (shape, data) = take(rest)?;
    match shape {
        Shape::Nil | Shape::Bool => out.extend(first),
        Shape::Integer(value) => put_integer(value, out),
        Shape::Float => {
            let value = float(data);
            if value.is_nan() {
                return Err(CanonicalError::NotANumber);
            }
            // Adding zero makes −0.0 what it is equal to.
            encode::write_f64(out, value + 0.0).expect("memory takes all");
        }
        Shape::Text => {
            encode::write_str_len(out, data.len() as u32).expect("memory takes all");
            out.extend_from_slice(data);
        }
        Shape::Bytes => encode::write_bin(out, data).expect("memory takes all"),
        Shape::Extension => {
            let (kind, data) = data.split_first().ok_or(WalkError::Cut)?;
            encode::write_ext_meta(out, data.len() as u32, *kind as i8).expect("memory takes all");
            out.extend_from_slice(data);
        }
        Shape::Array(length) => {
            encode::write_array_len(out, length).expect("memory takes all");
            for _ in 0..length {
                put(rest, out)?;
            }
        }
        Shape::Map(length) => put_map(length, rest, out)?,
    }
    Ok(())
}

fn put_integer(value: i128, out: &mut Vec<u8>) {
    let written = match u64::try_from(value) {
        Ok(value) => encode::write_uint(out, value),
        Err(_) => encode::write_sint(out, i64::try_from(value).expect("MessagePack has no smaller one")),
    };
    written.expect("memory takes all");
}

fn put_map(length: u32, rest: &mut &[u8], out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    encode::write_map_len(out, length).expect("memory takes all");
    let first = out.len();
    // Where each key and its value begin, and where that ends.
    let mut pairs = Vec::new();
    for _ in 0..length {
        let key = out.len() - first;
        put(rest, out)?;
        let value = out.len() - first;
        put(rest, out)?;
        pairs.push((key, value, out.len() - first));
    }
    let as_they_came = &out[first..];
    if pairs.is_sorted_by(|one, other| as_they_came[one.0..one.1] < as_they_came[other.0..other.1]) {
        return Ok(());
    }
    let as_they_came = out.split_off(first);
    pairs.sort_unstable_by_key(|pair| &as_they_came[pair.0..pair.1]);
    let has_two =
        |two: &[(usize, usize, usize)]| as_they_came[two[0].0..two[0].1] == as_they_came[two[1].0..two[1].1];
    if pairs.windows(2).any(has_two) {
        return Err(CanonicalError::TwoKeys);
    }
    for (key, _, end) in pairs {
        out.extend_from_slice(&as_they_came[key..end]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;

    use super::*;
    use crate::wire;

    fn form(bytes: &[u8]) -> Result<Vec<u8>, CanonicalError> {
        canonical(bytes).map(Cow::into_owned)
    }

    fn of<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
        form(&wire::encode(value).expect("it encodes"))
    }

    #[test]
    fn what_is_equal_has_one_form() {
        assert_eq!(of(&1_u8), of(&1_i64));
        assert_eq!(of(&1.5_f32), of(&1.5_f64));
        assert_eq!(of(&0.0_f64), of(&-0.0_f64));
        // Long forms of a small number, a short text, a short list and a short extension value.
        assert_eq!(form(&[0xd3, 0, 0, 0, 0, 0, 0, 0, 7]), Ok(vec![7]));
        assert_eq!(form(&[0xdb, 0, 0, 0, 1, b'a']), Ok(vec![0xa1, b'a']));
        assert_eq!(form(&[0xdd, 0, 0, 0, 1, 0xc0]), Ok(vec![0x91, 0xc0]));
        assert_eq!(form(&[0xc9, 0, 0, 0, 1, 5, 9]), Ok(vec![0xd4, 5, 9]));
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
        assert_eq!(form(&[0x82, 1, 1, 0xcc, 1, 2]), Err(CanonicalError::TwoKeys));
        assert_eq!(form(&[1, 2]), Err(CanonicalError::TooMany(1)));
        assert_eq!(form(&[0x91; 100]), Err(CanonicalError::Walk(WalkError::TooDeep)));
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
                prop_assert_eq!(is_canonical(&bytes), Ok(*form == bytes));
            }
        }
    }
}
