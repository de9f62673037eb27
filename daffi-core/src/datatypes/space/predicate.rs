//! What is asked of objects: the conditions of writes, and what searches, counts and groups choose by.

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

use serde::{Deserialize, Serialize};

use super::fields::Fields;
use super::value::Value;

/// What is asked of an object. It holds or does not; an object always has a value for each attribute.
///
/// A path into a document that leads nowhere meets no check, and so the `Not` of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Predicate {
    /// All of these hold. With none of them it always does.
    All(Vec<Self>),
    /// One of these holds. With none of them it never does.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// An attribute is as the check has it.
    Is(Condition),
}

/// What is asked of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The attribute, the key, or a path into a document.
    pub attribute: String,
    /// What it is to be.
    pub check: Check,
}

/// What the value of an attribute is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Check {
    /// Equal to this.
    Equals(Value),
    /// Less than this, of strings, numbers and timestamps.
    Less(Value),
    /// Less than this, or equal.
    LessEqual(Value),
    /// Greater than this.
    Greater(Value),
    /// Greater than this, or equal.
    GreaterEqual(Value),
    /// From the first to the second, both of them included. If the second is the smaller, nothing is.
    Between(Value, Value),
    /// Equal to one of these.
    OneOf(Vec<Value>),
    /// Of this length: bytes of a string, elements of a list, a set or a map.
    LengthEquals(u64),
    /// Of this length at most.
    LengthLessEqual(u64),
    /// Of this length at least.
    LengthGreaterEqual(u64),
    /// With this element, or as a map with this key.
    Contains(Value),
    /// A string with this [pattern](super::Pattern) in it.
    Matches(String),
}

impl Predicate {
    /// Holds for every object.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// That an attribute, the key, or what is at a path in a document is as `check` has it.
    pub fn is(attribute: impl Into<String>, check: Check) -> Self {
        Self::Is(Condition { attribute: attribute.into(), check })
    }

    /// That an attribute equals this.
    pub fn equals(attribute: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::is(attribute, Check::Equals(value.into()))
    }

    /// That an attribute lies between these, both of them included.
    pub fn between(
        attribute: impl Into<String>,
        least: impl Into<Value>,
        greatest: impl Into<Value>,
    ) -> Self {
        Self::is(attribute, Check::Between(least.into(), greatest.into()))
    }

    /// The conditions that all must hold, if that is all that it says: what a write gives as its conditions, so that
    /// its error names the one that did not.
    pub fn into_conjuncts(self) -> Vec<Self> {
        match self {
            Self::All(all) => all,
            other => vec![other],
        }
    }
}

/// That each of these attributes equals its value.
impl From<Fields> for Predicate {
    fn from(fields: Fields) -> Self {
        Self::All(fields.into_iter().map(|(name, value)| Self::equals(name, value)).collect())
    }
}

impl From<Condition> for Predicate {
    fn from(condition: Condition) -> Self {
        Self::Is(condition)
    }
}

impl BitAnd for Predicate {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        let mut all = self.into_conjuncts();
        all.extend(other.into_conjuncts());
        Self::All(all)
    }
}

impl BitOr for Predicate {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::Any(match self {
            Self::Any(mut any) => {
                any.push(other);
                any
            }
            one => vec![one, other],
        })
    }
}

impl Not for Predicate {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, parts: &[Self], between: &str| {
            for (at, part) in parts.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { between })?;
                match part {
                    Self::All(inner) | Self::Any(inner) if inner.len() > 1 => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::All(parts) if parts.is_empty() => f.write_str("always"),
            Self::Any(parts) if parts.is_empty() => f.write_str("never"),
            Self::All(parts) => several(f, parts, " and "),
            Self::Any(parts) => several(f, parts, " or "),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Is(condition) => write!(f, "{condition}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.attribute;
        match &self.check {
            Check::Equals(value) => write!(f, "{name} = {value}"),
            Check::Less(value) => write!(f, "{name} < {value}"),
            Check::LessEqual(value) => write!(f, "{name} <= {value}"),
            Check::Greater(value) => write!(f, "{name} > {value}"),
            Check::GreaterEqual(value) => write!(f, "{name} >= {value}"),
            Check::Between(least, greatest) => write!(f, "{name} from {least} to {greatest}"),
            Check::OneOf(values) => write!(f, "{name} in {}", Value::from(values.clone())),
            Check::LengthEquals(length) => write!(f, "length of {name} = {length}"),
            Check::LengthLessEqual(length) => write!(f, "length of {name} <= {length}"),
            Check::LengthGreaterEqual(length) => write!(f, "length of {name} >= {length}"),
            Check::Contains(value) => write!(f, "{name} contains {value}"),
            Check::Matches(pattern) => write!(f, "{name} matches {pattern:?}"),
        }
    }
}
