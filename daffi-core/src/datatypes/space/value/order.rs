//! The one order of all values.

use std::cmp::Ordering;

use super::Value;

impl Value {
    /// The place of its kind in the order.
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::String(_) => 4,
            Self::List(_) => 5,
            Self::Set(_) => 6,
            Self::Map(_) => 7,
        }
    }

    /// How it compares as a number with another, whether they are integers or floats, to the last digit; `None` if one
    /// is no number. That is how conditions look into documents: there `1` and `1.0` are equal, which in the
    /// [order](Value) they are not.
    pub fn compare_numbers(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => Some(one.cmp(other)),
            (Self::Float(one), Self::Float(other)) => Some(floats(*one, *other)),
            (Self::Int(one), Self::Float(other)) => Some(mixed(*one, *other)),
            (Self::Float(one), Self::Int(other)) => Some(mixed(*other, *one).reverse()),
            _ => None,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one.cmp(other),
            (Self::Int(one), Self::Int(other)) => one.cmp(other),
            (Self::Float(one), Self::Float(other)) => floats(*one, *other),
            (Self::String(one), Self::String(other)) => one.cmp(other),
            (Self::List(one), Self::List(other)) => one.cmp(other),
            (Self::Set(one), Self::Set(other)) => one.cmp(other),
            (Self::Map(one), Self::Map(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

/// The one of all floats that are equal to this: 0.0 for −0.0, and one NaN.
pub(in crate::datatypes::space) fn normal(value: f64) -> f64 {
    // Adding zero makes −0.0 what it is equal to.
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

fn floats(one: f64, other: f64) -> Ordering {
    normal(one).total_cmp(&normal(other))
}

/// An integer and a float by their numbers, without losing a digit of either.
fn mixed(int: i64, float: f64) -> Ordering {
    if float.is_nan() || float >= TWO_TO_63 {
        return Ordering::Less;
    }
    if float < -TWO_TO_63 {
        return Ordering::Greater;
    }
    // It fits now, and what is behind the point decides only where the rest is equal.
    int.cmp(&(float.trunc() as i64)).then_with(|| 0.0_f64.total_cmp(&normal(float.fract())))
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
