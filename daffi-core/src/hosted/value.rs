//! What users keep in hosted objects: values that the controller does not look into.

use std::borrow::Borrow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::canonical::{CanonicalError, canonical, is_canonical};
use crate::wire::{self, BodyError, check_depth};

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
    /// [`BodyError`] if its own `Serialize` fails.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, BodyError> {
        Ok(Self(wire::encode(value)?.into()))
    }

    /// The value as its owner knows it.
    ///
    /// # Errors
    /// [`BodyError`] if it is no `T`.
    pub fn get<T: serde::de::DeserializeOwned>(&self) -> Result<T, BodyError> {
        wire::decode(&self.0)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Key {
    /// `value` in its canonical form.
    ///
    /// # Errors
    /// [`CanonicalError`] if it has none; what cannot be encoded has none.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, KeyError> {
        let bytes = wire::encode(value)?;
        Ok(Self(if is_canonical(&bytes)? { bytes } else { canonical(&bytes)? }.into()))
    }

    /// The value as its owner knows it.
    ///
    /// # Errors
    /// [`BodyError`] if it is no `T`.
    pub fn get<T: serde::de::DeserializeOwned>(&self) -> Result<T, BodyError> {
        wire::decode(&self.0)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why a value cannot be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It cannot be encoded.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
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
        match check_depth(&bytes) {
            Ok(()) => Ok(Self(bytes)),
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
