//! Walking over MessagePack without decoding it: where a value ends, and what it looks like.

use std::fmt;

use rmp::Marker;

use crate::config;

/// Why bytes are not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// The value goes on after the bytes end.
    #[error("a value is cut off")]
    Cut,
    /// The value nests deeper than [`config::DEPTH_MAX`].
    #[error("a value nests deeper than {} levels", config::DEPTH_MAX)]
    TooDeep,
    /// A byte that begins no value.
    #[error("a byte that begins no value")]
    Reserved,
}

/// What a value looks like from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Absent.
    Nil,
    /// A truth value.
    Bool,
    /// An integer.
    Integer(i128),
    /// A float.
    Float,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A list of so many values.
    Array(u32),
    /// A map of so many pairs.
    Map(u32),
    /// An application's own kind of value.
    Extension,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nothing"),
            Self::Bool => f.write_str("a truth value"),
            Self::Integer(value) => write!(f, "the integer {value}"),
            Self::Float => f.write_str("a float"),
            Self::Text => f.write_str("a text"),
            Self::Bytes => f.write_str("bytes"),
            Self::Array(length) => write!(f, "a list of {length}"),
            Self::Map(length) => write!(f, "a map of {length}"),
            Self::Extension => f.write_str("an extension value"),
        }
    }
}

/// A value's first bytes: its shape, their number, and how many bytes of plain data follow them.
struct Head {
    shape: Shape,
    bytes: usize,
    data: usize,
}

fn number<const N: usize>(bytes: &[u8]) -> Result<[u8; N], WalkError> {
    bytes.get(1..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(WalkError::Cut)
}

fn length(bytes: &[u8], width: usize) -> Result<u32, WalkError> {
    Ok(match width {
        1 => u32::from(u8::from_be_bytes(number(bytes)?)),
        2 => u32::from(u16::from_be_bytes(number(bytes)?)),
        _ => u32::from_be_bytes(number(bytes)?),
    })
}

fn integer(bytes: &[u8], marker: Marker) -> Result<(Shape, usize), WalkError> {
    let (value, width) = match marker {
        Marker::U8 => (i128::from(u8::from_be_bytes(number(bytes)?)), 1),
        Marker::U16 => (i128::from(u16::from_be_bytes(number(bytes)?)), 2),
        Marker::U32 => (i128::from(u32::from_be_bytes(number(bytes)?)), 4),
        Marker::U64 => (i128::from(u64::from_be_bytes(number(bytes)?)), 8),
        Marker::I8 => (i128::from(i8::from_be_bytes(number(bytes)?)), 1),
        Marker::I16 => (i128::from(i16::from_be_bytes(number(bytes)?)), 2),
        Marker::I32 => (i128::from(i32::from_be_bytes(number(bytes)?)), 4),
        _ => (i128::from(i64::from_be_bytes(number(bytes)?)), 8),
    };
    Ok((Shape::Integer(value), 1 + width))
}

// Inlined, so that who skips a value pays nothing for its shape: half of what it takes to find its end.
#[inline(always)]
fn head(bytes: &[u8]) -> Result<Head, WalkError> {
    let marker = Marker::from_u8(*bytes.first().ok_or(WalkError::Cut)?);
    let plain = |shape, bytes| Ok(Head { shape, bytes, data: 0 });
    // A text, bytes or an extension whose length takes `width` bytes, with `more` bytes of data beyond it.
    let sized = |shape, width: usize, more: usize| {
        let data = length(bytes, width)? as usize + more;
        Ok(Head { shape, bytes: 1 + width, data })
    };
    match marker {
        Marker::Null => plain(Shape::Nil, 1),
        Marker::True | Marker::False => plain(Shape::Bool, 1),
        Marker::FixPos(value) => plain(Shape::Integer(i128::from(value)), 1),
        Marker::FixNeg(value) => plain(Shape::Integer(i128::from(value)), 1),
        Marker::U8
        | Marker::U16
        | Marker::U32
        | Marker::U64
        | Marker::I8
        | Marker::I16
        | Marker::I32
        | Marker::I64 => integer(bytes, marker).map(|(shape, bytes)| Head { shape, bytes, data: 0 }),
        Marker::F32 => Ok(Head { shape: Shape::Float, bytes: 1, data: 4 }),
        Marker::F64 => Ok(Head { shape: Shape::Float, bytes: 1, data: 8 }),
        Marker::FixStr(length) => Ok(Head { shape: Shape::Text, bytes: 1, data: usize::from(length) }),
        Marker::Str8 => sized(Shape::Text, 1, 0),
        Marker::Str16 => sized(Shape::Text, 2, 0),
        Marker::Str32 => sized(Shape::Text, 4, 0),
        Marker::Bin8 => sized(Shape::Bytes, 1, 0),
        Marker::Bin16 => sized(Shape::Bytes, 2, 0),
        Marker::Bin32 => sized(Shape::Bytes, 4, 0),
        Marker::FixArray(length) => plain(Shape::Array(u32::from(length)), 1),
        Marker::Array16 => plain(Shape::Array(length(bytes, 2)?), 3),
        Marker::Array32 => plain(Shape::Array(length(bytes, 4)?), 5),
        Marker::FixMap(length) => plain(Shape::Map(u32::from(length)), 1),
        Marker::Map16 => plain(Shape::Map(length(bytes, 2)?), 3),
        Marker::Map32 => plain(Shape::Map(length(bytes, 4)?), 5),
        Marker::FixExt1 => Ok(Head { shape: Shape::Extension, bytes: 1, data: 2 }),
        Marker::FixExt2 => Ok(Head { shape: Shape::Extension, bytes: 1, data: 3 }),
        Marker::FixExt4 => Ok(Head { shape: Shape::Extension, bytes: 1, data: 5 }),
        Marker::FixExt8 => Ok(Head { shape: Shape::Extension, bytes: 1, data: 9 }),
        Marker::FixExt16 => Ok(Head { shape: Shape::Extension, bytes: 1, data: 17 }),
        Marker::Ext8 => sized(Shape::Extension, 1, 1),
        Marker::Ext16 => sized(Shape::Extension, 2, 1),
        Marker::Ext32 => sized(Shape::Extension, 4, 1),
        Marker::Reserved => Err(WalkError::Reserved),
    }
}

impl Head {
    /// How many values lie within it.
    fn inner(&self) -> u64 {
        match self.shape {
            Shape::Array(length) => u64::from(length),
            Shape::Map(length) => 2 * u64::from(length),
            _ => 0,
        }
    }

    /// Where it ends, or the first value within it begins, if it begins `at`.
    fn end(&self, at: usize, bytes: &[u8]) -> Result<usize, WalkError> {
        let end = at + self.bytes + self.data;
        if end > bytes.len() { Err(WalkError::Cut) } else { Ok(end) }
    }
}

impl Shape {
    /// What the value at the start of `bytes` looks like.
    ///
    /// # Errors
    /// [`WalkError`] if no value begins there.
    pub fn of(bytes: &[u8]) -> Result<Self, WalkError> {
        head(bytes).map(|head| head.shape)
    }
}

/// The plain data of the value at the start of `bytes`: of a text, of bytes, the four or eight of a float.
///
/// # Errors
/// [`WalkError`] if no value begins there, or it is cut off.
pub fn payload(bytes: &[u8]) -> Result<&[u8], WalkError> {
    let head = head(bytes)?;
    bytes.get(head.bytes..head.bytes + head.data).ok_or(WalkError::Cut)
}

/// The text that `value` is, if it is one and whole.
pub fn text(value: &[u8]) -> Option<&[u8]> {
    let head = head(value).ok().filter(|head| head.shape == Shape::Text)?;
    value.get(head.bytes..head.bytes + head.data)
}

/// The float whose four or eight bytes these are.
pub fn float(payload: &[u8]) -> f64 {
    match (payload.first_chunk::<8>(), payload.first_chunk::<4>()) {
        (Some(bytes), _) => f64::from_be_bytes(*bytes),
        (None, Some(bytes)) => f64::from(f32::from_be_bytes(*bytes)),
        (None, None) => f64::NAN,
    }
}

/// Takes the first value off `rest`, of an array or a map its head alone: what lies within follows. Returns its shape
/// and its plain data. To go through a nested value like this reads each byte once.
///
/// # Errors
/// [`WalkError`] if no value begins there, or it is cut off.
pub fn take<'a>(rest: &mut &'a [u8]) -> Result<(Shape, &'a [u8]), WalkError> {
    let head = head(rest)?;
    let (value, after) = rest.split_at(head.end(0, rest)?);
    *rest = after;
    Ok((head.shape, &value[head.bytes..]))
}

/// Bytes of the value at the start of `bytes`. Needs no stack for nested values.
///
/// # Errors
/// [`WalkError`] if it is cut off, malformed, or nests deeper than [`config::DEPTH_MAX`].
pub fn skip(bytes: &[u8]) -> Result<usize, WalkError> {
    let head = head(bytes)?;
    match head.inner() {
        // Most values hold no others, and looking after levels takes three times as long.
        0 => head.end(0, bytes),
        inner => skip_nested(head.end(0, bytes)?, inner, bytes),
    }
}

/// The same, given where the first of so many values within the outermost begins.
fn skip_nested(mut at: usize, values: u64, bytes: &[u8]) -> Result<usize, WalkError> {
    // Values still to come at each level that is open.
    let mut open = [0u64; config::DEPTH_MAX];
    open[0] = values;
    let mut depth = 1;
    while depth > 0 {
        if open[depth - 1] == 0 {
            depth -= 1;
            continue;
        }
        open[depth - 1] -= 1;
        let head = head(&bytes[at..])?;
        at = head.end(at, bytes)?;
        let inner = head.inner();
        if inner > 0 {
            *open.get_mut(depth).ok_or(WalkError::TooDeep)? = inner;
            depth += 1;
        }
    }
    Ok(at)
}

/// Checks that `bytes` are one value that nests no deeper than [`config::DEPTH_MAX`].
///
/// # Errors
/// [`WalkError`] if not.
pub fn check_depth(bytes: &[u8]) -> Result<(), WalkError> {
    skip(bytes).map(drop)
}

/// The values of an array one after the other, without taking memory for them.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Elements<'a> {
    /// The values of the array at the start of `bytes`, and how many it says it has; `None` if it is none.
    pub fn of_array(bytes: &'a [u8]) -> Option<(u32, Self)> {
        let head = head(bytes).ok()?;
        match head.shape {
            Shape::Array(length) => Some((length, Self { rest: &bytes[head.bytes..], left: length })),
            _ => None,
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let end = match skip(self.rest) {
            Ok(end) => end,
            Err(error) => return Some(Err(error)),
        };
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(Ok(value))
    }
}

/// The values in the array, or the keys and values in turn of the map, at the start of `bytes`; a plain value
/// stands for itself.
///
/// # Errors
/// [`WalkError`] as [`skip`].
pub fn elements(bytes: &[u8]) -> Result<Vec<&[u8]>, WalkError> {
    let outer = head(bytes)?;
    let count = match outer.shape {
        Shape::Array(length) => length as usize,
        Shape::Map(length) => 2 * length as usize,
        _ => return skip(bytes).map(|end| vec![&bytes[..end]]),
    };
    let mut rest = &bytes[outer.bytes..];
    // Each value takes a byte at least, so a forged length allocates no more than was received.
    let mut values = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        let (value, after) = rest.split_at(skip(rest)?);
        values.push(value);
        rest = after;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::encode;

    #[test]
    fn the_elements_of_an_array_are_its_values() {
        let bytes = encode(&(1, "two", [3, 3], 4.0)).expect("it encodes");

        let values = elements(&bytes).expect("an array");

        let shapes: Vec<_> = values.iter().map(|value| Shape::of(value)).collect();
        let wanted = [Shape::Integer(1), Shape::Text, Shape::Array(2), Shape::Float].map(Ok);
        assert_eq!(shapes, wanted);
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        let deep: Vec<u8> = std::iter::repeat_n(0x91, 1_000_000).collect();

        assert_eq!(skip(&deep), Err(WalkError::TooDeep));
    }

    #[test]
    fn a_forged_length_is_refused() {
        assert_eq!(elements(&[0xdd, 0xff, 0xff, 0xff, 0xff]), Err(WalkError::Cut));
        assert_eq!(skip(&[0xc6, 0xff, 0xff, 0xff, 0xff]), Err(WalkError::Cut));
    }

    proptest! {
        #[test]
        fn skipping_a_value_ends_where_it_ends(
            map in proptest::collection::btree_map(
                "[a-z]{0,40}",
                (any::<i64>(), any::<f32>(), proptest::collection::vec(any::<u8>(), 0..300), any::<Option<bool>>()),
                0..20,
            ),
            rest in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut bytes = encode(&map).expect("it encodes");
            let whole = bytes.len();
            bytes.extend_from_slice(&rest);

            prop_assert_eq!(skip(&bytes), Ok(whole));
        }

        #[test]
        fn no_bytes_make_the_walker_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(end) = skip(&bytes) {
                prop_assert!(end <= bytes.len());
            }
            if let Ok(values) = elements(&bytes) {
                prop_assert!(values.iter().map(|value| value.len()).sum::<usize>() <= bytes.len());
            }
        }
    }
}
