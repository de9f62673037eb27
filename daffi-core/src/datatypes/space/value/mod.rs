//! What attributes hold: one type of value, and one order of all values.

mod fit;
mod from;
mod list;
mod order;
mod sorted;
#[cfg(test)]
mod tests;
mod text;
mod travel;

use std::fmt;

pub(super) use fit::fit_document;
pub use list::List;
pub(super) use order::normal;
pub use sorted::{Map, Set, Sorted, Weight};
pub use text::Text;

/// What an attribute holds, or a part of it.
///
/// It travels as the MessagePack, or the JSON, of its kind and nothing more: a set as a list, a timestamp as an integer.
/// What comes in is fitted to the [`Type`](super::Type) of the attribute by [`Type::fit`](super::Type::fit).
///
/// # Order
/// There is one order of all values, by which sets and maps are sorted, `<` compares and searches sort: null, `false`,
/// `true`, integers, floats, strings, lists, sets, maps; within each, by the number, the bytes, the elements. Of floats it is −∞, …,
/// −0.0 = 0.0, …, ∞, NaN: all NaN are equal to each other, and to nothing else. Equality is that of the order.
#[derive(Clone, Default)]
pub enum Value {
    /// Nothing, within a document.
    #[default]
    Null,
    /// A truth value, within a document.
    Bool(bool),
    /// An integer, or a timestamp in microseconds.
    Int(i64),
    /// A float.
    Float(f64),
    /// Bytes, most often text.
    String(Text),
    /// Elements in their order.
    List(List),
    /// Elements that are there once.
    Set(Set),
    /// Values by key. In documents the keys are text.
    Map(Map),
}

impl Value {
    /// What it is called.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Map(_) => "map",
        }
    }

    /// How many elements a list, a set or a map has, and how many bytes a string.
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) => None,
            Self::String(text) => Some(text.len()),
            Self::List(list) => Some(list.len()),
            Self::Set(set) => Some(set.len()),
            Self::Map(map) => Some(map.len()),
        }
    }

    /// About how many bytes it takes, beside its place in a record or a container.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) => 0,
            Self::String(text) => text.len() + SHARED_BYTES,
            Self::List(list) => list.bytes() + SHARED_BYTES,
            Self::Set(set) => set.bytes() + SHARED_BYTES,
            Self::Map(map) => map.bytes() + SHARED_BYTES,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => fmt::Debug::fmt(value, f),
            Self::String(text) => fmt::Debug::fmt(text, f),
            Self::List(list) => fmt::Debug::fmt(list, f),
            Self::Set(set) => fmt::Debug::fmt(set, f),
            Self::Map(map) => fmt::Debug::fmt(map, f),
        }
    }
}

/// The head of what several copies share, about.
const SHARED_BYTES: usize = 40;
/// The place of an element in a container, about.
const ENTRY_BYTES: usize = 28;
