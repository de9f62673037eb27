//! Types of Rust that attributes can have.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::float::Float;
use crate::datatypes::space::types::{Primitive, Type, Unit};
use crate::datatypes::space::value::{Text, Value};

/// A type that an attribute can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type of an attribute",
    note = "attributes are `String`, `Text`, `i64`, `f64`, `space::Float`, `SystemTime`; `Vec`, `BTreeSet`, `HashSet`, \
            `BTreeMap` and `HashMap` of text and numbers; and `space::Value`, a document"
)]
pub trait Attributed: Sized + Send + 'static {
    /// What it is called in the description of a space.
    const TYPE: Type;

    /// The value of it.
    fn to_value(&self) -> Value;

    /// What a value holds, if it is one of this type.
    fn from_value(value: &Value) -> Option<Self>;
}

/// A type that lists, sets and maps are made of.
#[diagnostic::on_unimplemented(
    message = "lists, sets and maps of an attribute are not made of `{Self}`",
    note = "they are made of `String`, `Text`, `i64`, `f64` and `space::Float`"
)]
pub trait Element: Attributed {
    /// What it is called in the description of a space.
    const PRIMITIVE: Primitive;
}

/// A type that sets and keys of maps are made of: what is looked up.
#[diagnostic::on_unimplemented(
    message = "sets and keys of maps of an attribute are not made of `{Self}`",
    note = "they are made of `String`, `Text`, `i64` and `space::Float`, which is an `f64` that equals itself"
)]
pub trait Member: Element + Ord + Hash {}

/// A type of attributes that objects are sorted by, and of keys.
#[diagnostic::on_unimplemented(
    message = "objects are not found by the order of `{Self}`, so it is no type of a key",
    note = "keys are `String`, `Text`, `i64`, `f64`, `space::Float` or `SystemTime`"
)]
pub trait Scalar: Ordered {}

/// A type of attributes that are compared by `<`. Of a document it is the parts.
pub trait Ordered: Attributed {}

/// A type of attributes that one reckons with. Of a document it is the parts.
pub trait Number: Attributed {}

/// A type of attributes that have bits and whole parts. Of a document it is the parts.
pub trait Integer: Number {}

/// A type of attributes that are strings. Of a document it is the parts.
pub trait Textual: Attributed {}

/// A type of attributes that have a length: bytes, elements or entries.
pub trait Measured: Attributed {}

macro_rules! primitives {
    ($($of:ty: $kind:ident, $to:expr, $from:pat => $made:expr;)+) => {
        $(
            impl Attributed for $of {
                const TYPE: Type = Type::$kind;

                fn to_value(&self) -> Value {
                    let to: fn(&Self) -> Value = $to;
                    to(self)
                }

                fn from_value(value: &Value) -> Option<Self> {
                    if let $from = value { $made } else { None }
                }
            }

            impl Element for $of {
                const PRIMITIVE: Primitive = Primitive::$kind;
            }

            impl Ordered for $of {}

            impl Scalar for $of {}
        )+
    };
}

primitives! {
    String: String, |text| Value::from(text.as_str()), Value::String(text) => text.as_str().map(str::to_owned);
    Text: String, |text| Value::String(text.clone()), Value::String(text) => Some(text.clone());
    i64: Int, |number| Value::Int(*number), Value::Int(number) => Some(*number);
    f64: Float, |number| Value::Float(*number), Value::Float(number) => Some(*number);
    Float: Float, |number| Value::Float(number.value()), Value::Float(number) => Some((*number).into());
}

/// As a timestamp, to the microsecond.
impl Attributed for SystemTime {
    const TYPE: Type = Type::Timestamp(Unit::Second);

    fn to_value(&self) -> Value {
        Value::from(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        let Value::Int(micros) = value else { return None };
        let distance = Duration::from_micros(micros.unsigned_abs());
        if *micros < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
    }
}

impl Ordered for SystemTime {}

impl Scalar for SystemTime {}

impl<E: Element> Attributed for Vec<E> {
    const TYPE: Type = Type::List(E::PRIMITIVE);

    fn to_value(&self) -> Value {
        Value::List(self.iter().map(E::to_value).collect())
    }

    fn from_value(value: &Value) -> Option<Self> {
        let Value::List(list) = value else { return None };
        list.iter().map(E::from_value).collect()
    }
}

macro_rules! sets {
    ($($set:ident $(<$hasher:ident>)?),+) => {
        $(
            impl<E: Member $(, $hasher: BuildHasher + Default + Send + 'static)?> Attributed for $set<E $(, $hasher)?> {
                const TYPE: Type = Type::Set(E::PRIMITIVE);

                fn to_value(&self) -> Value {
                    Value::Set(self.iter().map(E::to_value).collect())
                }

                fn from_value(value: &Value) -> Option<Self> {
                    let Value::Set(set) = value else { return None };
                    set.keys().map(E::from_value).collect()
                }
            }

            impl<E: Member $(, $hasher: BuildHasher + Default + Send + 'static)?> Measured for $set<E $(, $hasher)?> {}
        )+
    };
}

sets!(BTreeSet, HashSet<H>);

macro_rules! maps {
    ($($map:ident $(<$hasher:ident>)?),+) => {
        $(
            impl<K: Member, V: Element $(, $hasher: BuildHasher + Default + Send + 'static)?> Attributed
                for $map<K, V $(, $hasher)?>
            {
                const TYPE: Type = Type::Map(K::PRIMITIVE, V::PRIMITIVE);

                fn to_value(&self) -> Value {
                    Value::Map(self.iter().map(|(key, value)| (key.to_value(), value.to_value())).collect())
                }

                fn from_value(value: &Value) -> Option<Self> {
                    let Value::Map(map) = value else { return None };
                    map.iter().map(|(key, value)| Some((K::from_value(key)?, V::from_value(value)?))).collect()
                }
            }

            impl<K: Member, V: Element $(, $hasher: BuildHasher + Default + Send + 'static)?> Measured
                for $map<K, V $(, $hasher)?>
            {
            }
        )+
    };
}

maps!(BTreeMap, HashMap<H>);

/// A document, or a part of one.
impl Attributed for Value {
    const TYPE: Type = Type::Document;

    fn to_value(&self) -> Value {
        self.clone()
    }

    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl Ordered for Value {}

macro_rules! marks {
    ($($mark:ident: $($of:ty),+;)+) => {
        $($(impl $mark for $of {})+)+
    };
}

marks! {
    Member: String, Text, i64, Float;
    Number: i64, f64, Float, Value;
    Integer: i64, Value;
    Textual: String, Text, Value;
    Measured: String, Text;
}

impl<E: Element> Measured for Vec<E> {}
