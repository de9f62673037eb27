//! What comes in, made what an attribute of its type holds.

use super::{List, Map, Set, Value, normal};
use crate::config::SPACE_DOCUMENT_DEPTH_MAX;
use crate::datatypes::space::types::{Primitive, Type, with_article};
use crate::error::SpaceError;

impl Type {
    /// `value` as an attribute of this type holds it.
    ///
    /// Integers become floats where those are wanted, and floats the nearest integers, halves the even one. Lists become sets,
    /// and elements that are there twice one; the other way round too. Keys of maps that are text become the numbers
    /// that they say, since JSON has no others. Nothing else is converted.
    ///
    /// # Errors
    /// [`SpaceError::WrongType`] if it is nothing of the kind, [`SpaceError::NotANumber`] if it is NaN where it is looked up.
    pub fn fit(self, attribute: &str, value: Value) -> Result<Value, SpaceError> {
        let wrong = |value: &Value| wrong_type(attribute, self, value);
        match (self, value) {
            (Self::String, value @ Value::String(_))
            | (Self::Int | Self::Timestamp(_), value @ Value::Int(_)) => Ok(value),
            (Self::Int | Self::Timestamp(_), Value::Float(float)) => {
                rounded(float).map(Value::Int).ok_or_else(|| wrong(&Value::Float(float)))
            }
            (Self::Float, Value::Float(float)) => Ok(Value::Float(normal(float))),
            (Self::Float, Value::Int(int)) => Ok(Value::Float(int as f64)),
            (Self::List(of), Value::List(list)) => fit_list(of, attribute, list),
            (Self::List(of), Value::Set(set)) => fit_list(of, attribute, set.keys().cloned().collect()),
            (Self::Set(of), Value::List(list)) => fit_set(of, attribute, list.iter().cloned()),
            (Self::Set(of), Value::Set(set)) if set.keys().all(|element| of.holds(element)) => {
                Ok(Value::Set(set))
            }
            (Self::Set(of), Value::Set(set)) => fit_set(of, attribute, set.keys().cloned()),
            (Self::Map(key, of), Value::Map(map)) => fit_map(key, of, attribute, map),
            // A document that is null would be as one that was never written, which is `{}`.
            (Self::Document, value @ Value::Null) => Err(wrong(&value)),
            (Self::Document, value) => fit_document(attribute, value, SPACE_DOCUMENT_DEPTH_MAX),
            (_, value) => Err(wrong(&value)),
        }
    }
}

impl Primitive {
    /// `value` as an element of this type, which may be looked up.
    ///
    /// # Errors
    /// As [`Type::fit`].
    pub fn fit_member(self, attribute: &str, value: Value) -> Result<Value, SpaceError> {
        match Type::from(self).fit(attribute, value)? {
            Value::Float(float) if float.is_nan() => {
                Err(SpaceError::NotANumber { attribute: attribute.to_owned() })
            }
            value => Ok(value),
        }
    }

    /// As [`fit_member`](Self::fit_member), for what may be the key of a map in JSON.
    ///
    /// # Errors
    /// As [`Type::fit`].
    pub fn fit_key(self, attribute: &str, key: Value) -> Result<Value, SpaceError> {
        let said = match (&key, self) {
            (Value::String(text), Self::Int) => {
                text.as_str().and_then(|text| text.parse().ok()).map(Value::Int)
            }
            (Value::String(text), Self::Float) => {
                text.as_str().and_then(|text| text.parse().ok()).map(Value::Float)
            }
            _ => None,
        };
        self.fit_member(attribute, said.unwrap_or(key))
    }

    /// Whether it is an element already, and can be looked up.
    fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::String, Value::String(_)) | (Self::Int, Value::Int(_)) => true,
            // Bit by bit, since −0.0 is to become what it equals.
            (Self::Float, Value::Float(float)) => {
                !float.is_nan() && float.to_bits() == normal(*float).to_bits()
            }
            _ => false,
        }
    }
}

/// The nearest integer, of halves the even one, if it has 64 bits.
fn rounded(float: f64) -> Option<i64> {
    let whole = float.round_ties_even();
    // As floats the bounds are −2⁶³ and 2⁶³, of which the second is too large.
    (whole >= i64::MIN as f64 && whole < i64::MAX as f64).then_some(whole as i64)
}

fn fit_list(of: Primitive, attribute: &str, list: List) -> Result<Value, SpaceError> {
    if list.iter().all(|element| of.holds(element)) {
        return Ok(Value::List(list));
    }
    let fit = |element: &Value| Type::from(of).fit(attribute, element.clone());
    Ok(Value::List(list.iter().map(fit).collect::<Result<_, _>>()?))
}

fn fit_set(
    of: Primitive,
    attribute: &str,
    elements: impl Iterator<Item = Value>,
) -> Result<Value, SpaceError> {
    let set: Result<Set, _> = elements.map(|element| of.fit_member(attribute, element)).collect();
    Ok(Value::Set(set?))
}

fn fit_map(key: Primitive, of: Primitive, attribute: &str, map: Map) -> Result<Value, SpaceError> {
    if map.iter().all(|(known, value)| key.holds(known) && of.holds(value)) {
        return Ok(Value::Map(map));
    }
    let fit = |(known, value): (&Value, &Value)| {
        let value = Type::from(of).fit(attribute, value.clone())?;
        Ok::<_, SpaceError>((key.fit_key(attribute, known.clone())?, value))
    };
    Ok(Value::Map(map.iter().map(fit).collect::<Result<_, _>>()?))
}

/// A value as a document has it: as in JSON, no deeper than `depth` levels.
pub(in crate::datatypes::space) fn fit_document(
    attribute: &str,
    value: Value,
    depth: usize,
) -> Result<Value, SpaceError> {
    let wrong = |found: String| SpaceError::WrongType {
        attribute: attribute.to_owned(),
        expected: "a document".into(),
        found,
    };
    let inner = depth.checked_sub(1);
    let deeper = || inner.ok_or_else(|| wrong(format!("more than {SPACE_DOCUMENT_DEPTH_MAX} levels")));
    let text = |value: &Value| matches!(value, Value::String(text) if text.as_str().is_some());
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) => Ok(value),
        Value::Float(float) if float.is_finite() => Ok(Value::Float(normal(float))),
        Value::Float(float) => Err(wrong(float.to_string())),
        Value::String(_) if text(&value) => Ok(value),
        Value::String(_) => Err(wrong("bytes that are no text".into())),
        Value::List(list) => {
            let inner = deeper()?;
            let fit = |element: &Value| fit_document(attribute, element.clone(), inner);
            Ok(Value::List(list.iter().map(fit).collect::<Result<_, _>>()?))
        }
        Value::Set(set) => fit_document(attribute, Value::List(set.keys().cloned().collect()), depth),
        Value::Map(map) => {
            let inner = deeper()?;
            let fit = |(key, value): (&Value, &Value)| {
                if !text(key) {
                    return Err(wrong(format!("a key that is {}", key.kind())));
                }
                Ok((key.clone(), fit_document(attribute, value.clone(), inner)?))
            };
            Ok(Value::Map(map.iter().map(fit).collect::<Result<_, _>>()?))
        }
    }
}

fn wrong_type(attribute: &str, expected: impl std::fmt::Display, found: &Value) -> SpaceError {
    SpaceError::WrongType {
        attribute: attribute.to_owned(),
        expected: with_article(expected),
        found: found.to_string(),
    }
}
