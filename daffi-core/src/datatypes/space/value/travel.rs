//! Values as they travel, are kept and are shown: as what they are, in whatever serde writes.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{List, Map, Text, Value};
use crate::error::SpaceError;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::String(text) => text.serialize(serializer),
            // The lengths first: MessagePack must know them.
            Self::List(list) => serializer.collect_seq(Counted(list.iter(), list.len())),
            Self::Set(set) => serializer.collect_seq(Counted(set.keys(), set.len())),
            Self::Map(map) => serializer.collect_map(Counted(map.iter(), map.len())),
        }
    }
}

/// An iterator that knows how many are left.
struct Counted<I>(I, usize);

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.1 = self.1.saturating_sub(1);
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1, Some(self.1))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_str() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.serialize_bytes(self),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of an attribute")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let beyond = |_| E::custom(format!("{value} does not fit 64 bits with a sign"));
        i64::try_from(value).map(Value::Int).map_err(beyond)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element::<Value>()? {
            list.push(element);
        }
        Ok(Value::List(List::from_iter(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::default();
        while let Some((key, value)) = entries.next_entry::<Value, Value>()? {
            if map.contains(&key) {
                return Err(A::Error::custom(format!("{key} is there twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }
}

impl Value {
    /// The value that this JSON is. Objects are maps whose keys are text; [`Type::fit`](crate::datatypes::space::Type::fit)
    /// makes of it what an attribute holds.
    ///
    /// # Errors
    /// [`SpaceError::WrongType`] if a number in it is an integer beyond 64 bits.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, SpaceError> {
        Self::deserialize(json).map_err(|error| SpaceError::WrongType {
            attribute: json.to_string().chars().take(SHOWN_CHARS_MAX).collect(),
            expected: "a value of an attribute".into(),
            found: error.to_string(),
        })
    }

    /// It as JSON: sets and strings that are no text as lists, keys of maps as text, infinity and NaN as null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Map(map) => {
                let name = |key: &Self| match key {
                    Self::String(text) => String::from_utf8_lossy(text).into_owned(),
                    key => key.to_string(),
                };
                serde_json::Value::Object(
                    map.iter().map(|(key, value)| (name(key), value.to_json())).collect(),
                )
            }
            Self::List(list) => list.iter().map(Self::to_json).collect(),
            Self::Set(set) => set.keys().map(Self::to_json).collect(),
            plain => serde_json::to_value(plain).unwrap_or_default(),
        }
    }
}

/// As JSON, shortened where it is long.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let long = match self {
            // What nobody reads is not written out first.
            Self::List(_) | Self::Set(_) | Self::Map(_) if self.bytes() > LONG_BYTES => {
                return write!(f, "a {} of {}", self.kind(), self.length().unwrap_or_default());
            }
            Self::String(text) if text.as_str().is_none() => format!("{text:?}"),
            Self::Float(float) if !float.is_finite() => float.to_string(),
            plain => plain.to_json().to_string(),
        };
        match long.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((end, _)) => write!(f, "{}…", &long[..end]),
            None => f.write_str(&long),
        }
    }
}

/// Characters of a value that messages show.
const SHOWN_CHARS_MAX: usize = 120;
/// What takes more is shown by its length alone.
const LONG_BYTES: usize = 16 << 10;
