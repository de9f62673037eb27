//! What arguments have that their key has not: the form of values that keys are in knows one nothing and one zero.

use std::fmt::Error;

use serde::ser;
use serde::{Serialize, Serializer};

/// The parts of a value that look in a key like others that they differ from. Each is its place among all parts, in the order
/// in which they are serialized, and how many `Some` stand around its nothing: 0 for a negative zero.
///
/// A hash map has its parts in another order each time, so that one with such parts in it is not always found.
pub(super) fn nuances<T: Serialize + ?Sized>(value: &T) -> Vec<(u64, u64)> {
    let mut reader = Reader::default();
    // What cannot be serialized is no key, which whoever makes that of it is told.
    value.serialize(&mut reader).unwrap_or_default();
    reader.found
}

#[derive(Default)]
struct Reader {
    place: u64,
    /// As many `Some` stand immediately around what comes next.
    somes: u64,
    found: Vec<(u64, u64)>,
}

impl Reader {
    fn part(&mut self) -> Result<(), Error> {
        self.place += 1;
        self.somes = 0;
        Ok(())
    }

    fn nothing(&mut self) -> Result<(), Error> {
        if self.somes > 0 {
            self.found.push((self.place, self.somes));
        }
        self.part()
    }

    fn float(&mut self, value: f64) -> Result<(), Error> {
        if value == 0.0 && value.is_sign_negative() {
            self.found.push((self.place, 0));
        }
        self.part()
    }

    fn parts(&mut self) -> Result<&mut Self, Error> {
        self.part()?;
        Ok(self)
    }
}

/// Methods for parts of which nothing need be known.
macro_rules! plain {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _value: $type) -> Result<(), Error> {
            self.part()
        })*
    };
}

impl Serializer for &mut Reader {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain!(serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8]);
    plain!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    plain!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128);

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.float(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.float(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.nothing()
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.nothing()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.nothing()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.somes += 1;
        value.serialize(self)
    }

    /// Which is encoded as what is in it.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
    ) -> Result<(), Error> {
        self.part()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self.parts()?)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Self, Error> {
        self.parts()
    }

    fn serialize_tuple(self, _length: usize) -> Result<Self, Error> {
        self.parts()
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Self, Error> {
        self.parts()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, Error> {
        self.parts()
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Self, Error> {
        self.parts()
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Self, Error> {
        self.parts()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, Error> {
        self.parts()
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _value: &T) -> Result<(), Error> {
        self.part()
    }

    /// As keys are encoded.
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// What has parts: each is one, with what it is called if that is said.
macro_rules! compound {
    ($($compound:ident { $($method:ident($($name:ty)?)),+ })+) => {
        $(impl ser::$compound for &mut Reader {
            type Ok = ();
            type Error = Error;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Error> {
                value.serialize(&mut **self)
            })+

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        })+
    };
}

compound! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeMap { serialize_key(), serialize_value() }
    SerializeStruct { serialize_field(&'static str) }
    SerializeStructVariant { serialize_field(&'static str) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Wrapped(Option<u8>);

    #[derive(Serialize)]
    enum Choice {
        Of(Option<Option<u8>>),
        By { zero: f32 },
    }

    #[test]
    fn what_keys_show_has_none() {
        let plain = (1, -1.5, 0.0, "", (), None::<u8>, Some(1), Wrapped(None), vec![Some("x"), None]);

        assert!(nuances(&plain).is_empty());
        assert!(nuances(&(Choice::Of(None), Choice::By { zero: 0.0 })).is_empty());
    }

    #[test]
    fn a_nothing_within_some_and_a_negative_zero_are_found_where_they_are() {
        // The tuple itself is the first part.
        assert_eq!(nuances(&(Some(None::<u8>),)), [(1, 1)]);
        assert_eq!(nuances(&(None::<u8>, Some(Some(None::<u8>)), Some(()))), [(2, 2), (3, 1)]);
        assert_eq!(nuances(&(Some(Wrapped(None)), Some(1), None::<u8>)), [(1, 1)]);
        assert_eq!(nuances(&(0.0, -0.0)), [(2, 0)]);
        assert_eq!(nuances(&(-0.0_f32, Some(-0.0))), [(1, 0), (2, 0)]);
        assert_eq!(nuances(&(Choice::Of(Some(None)), Choice::By { zero: -0.0 })), [(2, 1), (4, 0)]);
        // What is within a list is no longer within the `Some` around it.
        assert!(nuances(&(Some(vec![None::<u8>]),)).is_empty());
    }
}
