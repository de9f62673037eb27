//! Values as the text that Python's `json.dumps(value, sort_keys=True)` makes of them: what Pottery's filters hash.
//!
//! Written here to the last blank, since a filter's bits hang on it: serde_json's text is another, and changes with the
//! features that other crates ask of it.

use std::fmt::Write;

use serde::Serialize;

use crate::error::DataError;
use crate::wire::{Shape, elements, float, payload, skip};

/// The text of a value.
///
/// # Errors
/// [`DataError::Invalid`] if it has none.
pub(super) fn text<T: Serialize + ?Sized>(value: &T) -> Result<String, DataError> {
    let mut bytes = Vec::with_capacity(64);
    // Structs are objects, and what is a text in JSON is one here.
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable();
    value.serialize(&mut serializer).map_err(|error| no_text(&error))?;
    // The walk needs no stack, so what nests too deep never reaches the recursion below.
    skip(&bytes).map_err(|error| no_text(&error))?;
    let mut out = String::with_capacity(bytes.len() + 2);
    put(&bytes, &mut out)?;
    Ok(out)
}

fn no_text(why: &dyn std::fmt::Display) -> DataError {
    DataError::invalid(format!(
        "no element of a filter whose bits are Pottery's, which are made of JSON: {why}"
    ))
}

fn put(bytes: &[u8], out: &mut String) -> Result<(), DataError> {
    match Shape::of(bytes).map_err(|error| no_text(&error))? {
        Shape::Nil => out.push_str("null"),
        Shape::Bool => out.push_str(if bytes[0] == TRUE { "true" } else { "false" }),
        Shape::Integer(value) => write!(out, "{value}").expect("a string takes all"),
        Shape::Float => put_float(number(data(bytes)?)?, out),
        Shape::Text => put_text(text_of(bytes)?, out),
        Shape::Bytes | Shape::Extension => return Err(no_text(&"bytes have no text")),
        Shape::Array(_) => {
            out.push('[');
            for (at, element) in parts(bytes)?.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                put(element, out)?;
            }
            out.push(']');
        }
        Shape::Map(_) => put_map(&parts(bytes)?, out)?,
    }
    Ok(())
}

/// MessagePack's truth.
const TRUE: u8 = 0xc3;

fn data(bytes: &[u8]) -> Result<&[u8], DataError> {
    payload(bytes).map_err(|error| no_text(&error))
}

fn parts(bytes: &[u8]) -> Result<Vec<&[u8]>, DataError> {
    elements(bytes).map_err(|error| no_text(&error))
}

fn text_of(bytes: &[u8]) -> Result<&str, DataError> {
    std::str::from_utf8(data(bytes)?).map_err(|error| no_text(&error))
}

fn number(bytes: &[u8]) -> Result<f64, DataError> {
    let value = float(bytes);
    if value.is_nan() { Err(no_text(&"NaN is not equal to itself")) } else { Ok(value) }
}

/// As Python's `repr`: as few digits as tell it from its neighbours, with an exponent where it is far from 1.
fn put_float(value: f64, out: &mut String) {
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').expect("an exponent follows");
    let exponent: i32 = exponent.parse().expect("it is a number");
    let written = if (-4..16).contains(&exponent) {
        let plain = value.to_string();
        let fraction = if plain.contains('.') { "" } else { ".0" };
        write!(out, "{plain}{fraction}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.abs())
    };
    written.expect("a string takes all");
}

/// In quotes, with nothing in it but what ASCII can print.
fn put_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a string takes all");
                }
            }
        }
    }
    out.push('"');
}

/// What the pairs of a map are sorted by; Python refuses to compare one sort with the other.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum MapKey<'a> {
    Text(&'a str),
    Number(i128),
}

fn map_key(bytes: &[u8]) -> Result<MapKey<'_>, DataError> {
    match Shape::of(bytes).map_err(|error| no_text(&error))? {
        Shape::Text => Ok(MapKey::Text(text_of(bytes)?)),
        Shape::Integer(value) => Ok(MapKey::Number(value)),
        _ => Err(no_text(&"the keys of a map are texts or whole numbers")),
    }
}

fn put_map(parts: &[&[u8]], out: &mut String) -> Result<(), DataError> {
    let mut pairs = Vec::with_capacity(parts.len() / 2);
    for pair in parts.chunks_exact(2) {
        pairs.push((map_key(pair[0])?, pair[1]));
    }
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    if let (Some((MapKey::Text(_), _)), Some((MapKey::Number(_), _))) = (pairs.first(), pairs.last()) {
        return Err(no_text(&"the keys of a map are all texts, or all whole numbers"));
    }
    if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(no_text(&"a map has one key twice"));
    }
    out.push('{');
    for (at, (key, value)) in pairs.into_iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        match key {
            MapKey::Text(text) => put_text(text, out),
            MapKey::Number(number) => put_text(&number.to_string(), out),
        }
        out.push_str(": ");
        put(value, out)?;
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn assert_text<T: Serialize + ?Sized>(value: &T, expected: &str) {
        assert_eq!(text(value).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn the_text_says_what_the_value_is(value in any::<(String, i64, u64, bool, Option<Vec<u8>>, BTreeMap<String, char>)>()) {
            let said: serde_json::Value = serde_json::from_str(&text(&value).unwrap()).unwrap();
            prop_assert_eq!(said, serde_json::to_value(&value).unwrap());
        }

        #[test]
        fn the_text_of_a_float_is_that_of_no_other(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let text = text(&value).unwrap();
            prop_assert_eq!(text.parse(), Ok(value));
            prop_assert!(text.contains(['.', 'e']), "{}", text);
        }
    }

    // What Python 3 prints of each.
    #[test]
    fn the_text_is_what_python_writes() {
        assert_text("rajiv", r#""rajiv""#);
        assert_text("hé😀\u{7f}\n\t\u{1}\"\\/", r#""h\u00e9\ud83d\ude00\u007f\n\t\u0001\"\\/""#);
        assert_text(
            &(1, true, None::<u8>, i64::MIN, u64::MAX),
            "[1, true, null, -9223372036854775808, 18446744073709551615]",
        );
        assert_text(&[[0_u8; 0]; 0], "[]");
        assert_text(&BTreeMap::from([(10, 1), (-9, 0), (2, 2)]), r#"{"-9": 0, "2": 2, "10": 1}"#);
        assert_text(
            &HashMap::from([("b", 1), ("ä", 3), ("a", 2), ("Z", 0)]),
            r#"{"Z": 0, "a": 2, "b": 1, "\u00e4": 3}"#,
        );
        assert_text(&vec![1_u8, 200], "[1, 200]");
    }

    #[test]
    fn a_float_has_the_digits_that_python_gives_it() {
        let known = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (1.234_567_89e-5, "1.23456789e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, expected) in known {
            assert_text(&value, expected);
        }
        assert_text(&0.1_f32, "0.10000000149011612");
    }

    #[test]
    fn a_type_of_ones_own_is_written_as_json_would_have_it() {
        #[derive(Serialize)]
        struct Visit {
            from: Ipv4Addr,
            at: Option<u64>,
        }

        assert_text(&Visit { from: Ipv4Addr::LOCALHOST, at: Some(7) }, r#"{"at": 7, "from": "127.0.0.1"}"#);
    }

    #[test]
    fn what_python_cannot_write_or_find_again_is_refused() {
        let mixed = rmp_serde::to_vec(&BTreeMap::from([(1, 1)])).unwrap();
        assert!(text(&f64::NAN).is_err());
        assert!(text(serde_bytes::Bytes::new(&mixed)).is_err());
        assert!(text(&BTreeMap::from([(true, 1)])).is_err());
        assert!(put(&[0x82, 1, 1, 0xa1, b'a', 1], &mut String::new()).is_err());
        assert!(put(&[0x82, 1, 1, 0xcc, 1, 1], &mut String::new()).is_err());
    }
}
