//! Bodies: MessagePack with field names for structs, and bytes as bytes.

use rmp::Marker;
use rmp_serde::decode::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::walk::{self, Shape};

/// Why a value cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(pub String);

/// Appends `value` to `out`. On an error `out` may have a part of it.
///
/// # Errors
/// [`BodyError`] if the value's own `Serialize` fails.
pub fn encode_into<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), BodyError> {
    write(out, value)
}

/// Whether `value` can be encoded.
///
/// # Errors
/// As [`encode_into`].
pub fn check_encodes<T: Serialize + ?Sized>(value: &T) -> Result<(), BodyError> {
    write(std::io::sink(), value)
}

fn write<T: Serialize + ?Sized>(out: impl std::io::Write, value: &T) -> Result<(), BodyError> {
    // Bytes as bytes: as an array of integers a `Vec<u8>` takes nine times as long and twice the room.
    let mut serializer = rmp_serde::Serializer::new(out)
        .with_struct_map()
        .with_bytes(rmp_serde::config::BytesMode::ForceIterables);
    value.serialize(&mut serializer).map_err(|error| BodyError(error.to_string()))
}

/// `value` as bytes.
///
/// # Errors
/// As [`encode_into`].
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, BodyError> {
    let mut out = Vec::with_capacity(64);
    encode_into(&mut out, value)?;
    Ok(out)
}

/// `value` as bytes, where it is of our own and known to encode.
pub(super) fn must_encode<T: Serialize>(value: &T) -> Vec<u8> {
    encode(value).expect("strings, integers and lists of them encode")
}

/// MessagePack's nil.
const NIL: &[u8] = &[0xc0];

/// The value that `bytes` are, all of them. No bytes at all are nothing: `()`.
///
/// # Errors
/// [`BodyError`] if they are not a `T`, nest deeper than [`DEPTH_MAX`](crate::config::DEPTH_MAX), or go on after it.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    let bytes = if bytes.is_empty() { NIL } else { bytes };
    // The walk comes first: it needs no stack, so what nests too deep never reaches the decoder.
    let end = walk::skip(bytes)?;
    if end != bytes.len() {
        return Err(BodyError(format!("{} bytes too many", bytes.len() - end)));
    }
    rmp_serde::from_slice(bytes).map_err(|error| match error {
        Error::TypeMismatch(marker) => BodyError(mismatch(bytes, marker)),
        other => BodyError(other.to_string()),
    })
}

/// What a value is that is of another type, or has a part in it that is.
fn mismatch(bytes: &[u8], marker: Marker) -> String {
    let part = called(marker);
    match (bytes.first().copied().map(Marker::from_u8), Shape::of(bytes)) {
        (Some(first), Ok(whole)) if first == marker => whole.to_string(),
        (_, Ok(whole)) => format!("{whole} with {part} where something else belongs"),
        (_, Err(_)) => format!("{part} where something else belongs"),
    }
}

/// What begins so, for people.
fn called(marker: Marker) -> &'static str {
    match marker {
        Marker::Null => "nothing",
        Marker::True | Marker::False => "a truth value",
        Marker::F32 | Marker::F64 => "a float",
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => "a text",
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => "bytes",
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => "a list",
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => "a map",
        Marker::FixPos(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => "an integer",
        Marker::FixNeg(_) | Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => "an integer",
        Marker::FixExt1 | Marker::FixExt2 | Marker::FixExt4 | Marker::FixExt8 | Marker::FixExt16 => {
            "an extension value"
        }
        Marker::Ext8 | Marker::Ext16 | Marker::Ext32 => "an extension value",
        Marker::Reserved => "no value",
    }
}

impl From<walk::WalkError> for BodyError {
    fn from(error: walk::WalkError) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Order {
        item: String,
        data: Vec<u8>,
        note: Option<String>,
    }

    #[test]
    fn a_struct_travels_with_its_field_names_and_its_bytes_as_bytes() {
        let order = Order { item: "tea".into(), data: vec![200; 300], note: None };

        let bytes = encode(&order).expect("it encodes");

        assert_eq!(decode::<Order>(&bytes), Ok(order));
        assert!(bytes.windows(4).any(|window| window == b"item"));
        assert!(bytes.len() < 330, "{} bytes", bytes.len());
    }

    #[test]
    fn a_value_of_another_type_is_named_as_people_say_it() {
        let text = encode("dear").unwrap();
        let lists = encode(&[[1.5, 2.5]]).unwrap();

        let errors = [decode::<f64>(&text).unwrap_err(), decode::<Vec<i64>>(&lists).unwrap_err()];

        assert_eq!(errors[0].0, "a text");
        assert_eq!(errors[1].0, "a list of 1 with a list where something else belongs");
    }

    #[test]
    fn bytes_after_the_value_are_refused() {
        assert_eq!(decode::<u8>(&[1, 2]), Err(BodyError("1 bytes too many".into())));
    }

    #[test]
    fn a_value_that_nests_too_deep_is_refused() {
        #[derive(Debug, Deserialize)]
        #[serde(transparent)]
        struct Nested(#[expect(dead_code, reason = "only its depth matters")] Vec<Self>);
        let deep: Vec<u8> = std::iter::repeat_n(0x91, 100_000).collect();

        assert!(decode::<Nested>(&deep).is_err());
    }
}
