//! Floats that sets and keys of maps can be made of.

use std::fmt;

use crate::datatypes::space::value::{Value, normal};

/// A float with the one order of [values](crate::datatypes::space::Value): what sets of floats and maps by floats are made
/// of, since an `f64` is not equal to itself if it is NaN. −0.0 becomes the 0.0 that it equals.
///
/// A space refuses NaN where it looks up, in sets and as a key of maps:
/// [`SpaceError::NotANumber`](crate::error::SpaceError::NotANumber).
#[derive(Clone, Copy, Default)]
pub struct Float(f64);

impl Float {
    /// The number.
    pub const fn value(self) -> f64 {
        self.0
    }
}

macro_rules! from {
    ($($of:ty)+) => {
        $(impl From<$of> for Float {
            fn from(number: $of) -> Self {
                Self(normal(number.into()))
            }
        })+
    };
}

from!(f64 f32 i8 i16 i32 u8 u16 u32);

impl From<Float> for f64 {
    fn from(float: Float) -> Self {
        float.0
    }
}

impl From<Float> for Value {
    fn from(float: Float) -> Self {
        Self::Float(float.0)
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl std::hash::Hash for Float {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        // What is equal has the same bits, since they were made the ones of what it equals.
        self.0.to_bits().hash(hasher);
    }
}

impl fmt::Debug for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn floats_are_ordered_as_values_are_and_equal_ones_are_one() {
        let numbers =
            [f64::NEG_INFINITY, -1.5, -0.0, 0.0, f64::MIN_POSITIVE, 2.0, f64::INFINITY, f64::NAN, -f64::NAN];
        for one in numbers {
            for other in numbers {
                let floats = Float::from(one).cmp(&Float::from(other));
                assert_eq!(floats, Value::Float(one).cmp(&Value::Float(other)), "{one} and {other}");
            }
        }
        let sorted: BTreeSet<Float> = numbers.into_iter().map(Float::from).collect();
        let hashed: HashSet<Float> = numbers.into_iter().map(Float::from).collect();
        assert_eq!((sorted.len(), hashed.len()), (7, 7));
        assert!(Float::from(-0.0).value().is_sign_positive());
    }
}
