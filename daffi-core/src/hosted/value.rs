//! What users keep in hosted objects: values that the controller does not look into.

use std::any::type_name;
use std::borrow::{Borrow, Cow};
use std::fmt;

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::canonical::{canonical, is_canonical};
use crate::error::DataError;
use crate::wire::{self, BodyError, skip};

/// Any value, as the MessagePack that its owner encoded. The controller hands it back as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Box<[u8]>);

/// A value in its canonical form: equal ones are equal bytes, so it can be looked up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[u8]>);

impl Value {
    /// `value`, encoded.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if its own `Serialize` fails.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, DataError> {
        match wire::encode(value) {
            Ok(bytes) => Ok(Self(bytes.into())),
            Err(error) => Err(no_value(&error)),
        }
    }

    /// Whether [`of`](Self::of) makes a value of it.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(super) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), DataError> {
        wire::check_encodes(value).map_err(|error| no_value(&error))
    }

    /// The value as its owner knows it.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if it is no `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        open(&self.0)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the same value as this key. What is not equal to itself, since NaN is in it, equals none.
    pub fn equals(&self, key: &Key) -> bool {
        self.0 == key.0 || canonical(&self.0).is_ok_and(|form| *form == *key.0)
    }
}

fn no_value(error: &BodyError) -> DataError {
    DataError::invalid(format!("no value: {error}"))
}

impl Key {
    /// `value` in its canonical form.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if it has none: it is or holds a number that is none, or what cannot be encoded.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, DataError> {
        let no_key = |error: &dyn fmt::Display| DataError::invalid(format!("no key: {error}"));
        let bytes = wire::encode(value).map_err(|error| no_key(&error))?;
        let other = match canonical(&bytes).map_err(|error| no_key(&error))? {
            Cow::Borrowed(_) => None,
            Cow::Owned(form) => Some(form),
        };
        Ok(Self(other.unwrap_or(bytes).into()))
    }

    /// The value as its owner knows it.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if it is no `T`.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        open(&self.0)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn open<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DataError> {
    wire::decode(bytes).map_err(|error| {
        let name = type_name::<T>();
        let expected = name.rsplit("::").next().unwrap_or(name).to_owned();
        DataError::WrongValue { expected, found: error.0 }
    })
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        Self(key.0)
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_byte_buf(Octets)?;
        // Whoever reads it back shall be able to.
        match skip(&bytes) {
            Ok(end) if end == bytes.len() => Ok(Self(bytes)),
            Ok(_) => Err(D::Error::custom("bytes follow the value")),
            Err(error) => Err(D::Error::custom(error)),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_byte_buf(Octets)?;
        match is_canonical(&bytes) {
            Ok(true) => Ok(Self(bytes)),
            Ok(false) => Err(D::Error::custom("a key that is not in its canonical form")),
            Err(error) => Err(D::Error::custom(error)),
        }
    }
}

/// Takes bytes, borrowed or not.
struct Octets;

impl<'de> Visitor<'de> for Octets {
    type Value = Box<[u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an encoded value, as bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Box<[u8]>, E> {
        Ok(bytes.into())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Box<[u8]>, E> {
        Ok(bytes.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut octets: A) -> Result<Box<[u8]>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(octet) = octets.next_element()? {
            bytes.push(octet);
        }
        Ok(bytes.into())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:02x?})", self.0)
    }
}
