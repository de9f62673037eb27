//! Values of Rust as values of attributes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{List, Map, Set, Text, Value};

macro_rules! integers {
    ($($of:ty)+) => {
        $(impl From<$of> for Value {
            fn from(value: $of) -> Self {
                Self::Int(value.into())
            }
        })+
    };
}

integers!(i8 i16 i32 i64 u8 u16 u32);

macro_rules! strings {
    ($($of:ty)+) => {
        $(impl From<$of> for Value {
            fn from(value: $of) -> Self {
                Self::String(Text::from(value))
            }
        })+
    };
}

strings!(&str String &[u8]);

impl From<Text> for Value {
    fn from(value: Text) -> Self {
        Self::String(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f32> for Value {
    fn from(value: f32) -> Self {
        Self::Float(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

/// As a timestamp: in microseconds, of which a part counts as none.
impl From<SystemTime> for Value {
    fn from(value: SystemTime) -> Self {
        let micros = |time: std::time::Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self::Int(match value.duration_since(UNIX_EPOCH) {
            Ok(after) => micros(after),
            Err(before) => -micros(before.duration()),
        })
    }
}

impl From<List> for Value {
    fn from(value: List) -> Self {
        Self::List(value)
    }
}

impl From<Set> for Value {
    fn from(value: Set) -> Self {
        Self::Set(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(value: Vec<T>) -> Self {
        Self::List(value.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(value: [T; N]) -> Self {
        Self::List(value.into_iter().map(Into::into).collect())
    }
}

macro_rules! sets {
    ($($of:ident $(<$more:ident>)?),+) => {
        $(impl<T: Into<Self> $(, $more)?> From<$of<T $(, $more)?>> for Value {
            fn from(value: $of<T $(, $more)?>) -> Self {
                Self::Set(value.into_iter().map(Into::<Self>::into).collect())
            }
        })+
    };
}

sets!(BTreeSet, HashSet<S>);

macro_rules! maps {
    ($($of:ident $(<$more:ident>)?),+) => {
        $(impl<K: Into<Self>, V: Into<Self> $(, $more)?> From<$of<K, V $(, $more)?>> for Value {
            fn from(value: $of<K, V $(, $more)?>) -> Self {
                Self::Map(value.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
        })+
    };
}

maps!(BTreeMap, HashMap<S>);
