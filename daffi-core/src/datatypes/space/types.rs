//! The types that attributes have.

use std::fmt;
use std::sync::LazyLock;

use super::value::Value;

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Any bytes, of which text is the usual kind.
    String,
    /// An integer of 64 bits, with a sign.
    Int,
    /// A float of 64 bits.
    Float,
    /// Microseconds since the UNIX epoch. The unit says how finely it was to be placed on several servers, and changes
    /// neither the value nor its precision.
    Timestamp(Unit),
    /// Elements in the order in which they were put.
    List(Primitive),
    /// Elements that are there once, by their order.
    Set(Primitive),
    /// Values by key, by the order of the keys.
    Map(Primitive, Primitive),
    /// A value as JSON has them, of which parts are addressed by paths.
    Document,
}

/// What lists, sets and maps are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Primitive {
    /// As [`Type::String`].
    String,
    /// As [`Type::Int`].
    Int,
    /// As [`Type::Float`].
    Float,
}

/// The unit of a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
}

/// What an object has before anything is written: one of each, which all share.
static DEFAULTS: LazyLock<[Value; 7]> = LazyLock::new(|| {
    [
        Value::from(""),
        Value::Int(0),
        Value::Float(0.0),
        Value::List(super::List::default()),
        Value::Set(super::Set::default()),
        Value::Map(super::Map::default()),
        Value::Map(super::Map::default()),
    ]
});

impl Type {
    /// What an attribute of this type has before it is written: nothing of its kind, as `""`, 0 and `{}`.
    pub fn default_value(self) -> &'static Value {
        &DEFAULTS[match self {
            Self::String => 0,
            Self::Int | Self::Timestamp(_) => 1,
            Self::Float => 2,
            Self::List(_) => 3,
            Self::Set(_) => 4,
            Self::Map(..) => 5,
            Self::Document => 6,
        }]
    }

    /// Whether a key can be of this type, and what a subspace is laid out by.
    pub fn is_key(self) -> bool {
        self.is_ordered()
    }

    /// Whether its values are compared with `<`, and sorted by.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::String | Self::Int | Self::Float | Self::Timestamp(_))
    }

    /// Whether there can be an index of an attribute of this type: of a list, a set and a map by what it contains. Of a
    /// document there is one of what stands at a path, not of the whole.
    pub fn is_indexable(self) -> bool {
        self != Self::Document
    }

    /// Whether its values have a length: strings, lists, sets and maps.
    pub fn has_length(self) -> bool {
        matches!(self, Self::String | Self::List(_) | Self::Set(_) | Self::Map(..))
    }

    /// What is looked up in it: elements, or the keys of a map.
    pub fn member(self) -> Option<Primitive> {
        match self {
            Self::List(of) | Self::Set(of) | Self::Map(of, _) => Some(of),
            Self::String | Self::Int | Self::Float | Self::Timestamp(_) | Self::Document => None,
        }
    }
}

/// A type as it stands in a sentence: `an int`, `a set(int)`.
pub(in crate::datatypes::space) fn with_article(of: impl fmt::Display) -> String {
    let of = of.to_string();
    let article = if of.starts_with('i') { "an" } else { "a" };
    format!("{article} {of}")
}

impl From<Primitive> for Type {
    fn from(primitive: Primitive) -> Self {
        match primitive {
            Primitive::String => Self::String,
            Primitive::Int => Self::Int,
            Primitive::Float => Self::Float,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Timestamp(unit) => write!(f, "timestamp({unit})"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Set(of) => write!(f, "set({of})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Document => f.write_str("document"),
        }
    }
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Type::from(*self).fmt(f)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        })
    }
}
