//! What is asked of objects of one type.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use crate::datatypes::space::predicate::Predicate;

/// What is asked of the objects of `S`: made of its attributes, and joined by `&`, `|` and `!`.
pub struct Where<S> {
    predicate: Predicate,
    of: PhantomData<fn() -> S>,
}

impl<S> Where<S> {
    pub(super) fn new(predicate: Predicate) -> Self {
        Self { predicate, of: PhantomData }
    }

    /// Holds for every object.
    pub fn always() -> Self {
        Self::new(Predicate::always())
    }
}

impl<S> From<Where<S>> for Predicate {
    fn from(asked: Where<S>) -> Self {
        asked.predicate
    }
}

impl<S> BitAnd for Where<S> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self::new(self.predicate & other.predicate)
    }
}

impl<S> BitOr for Where<S> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::new(self.predicate | other.predicate)
    }
}

impl<S> Not for Where<S> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(!self.predicate)
    }
}

impl<S> fmt::Debug for Where<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Where({})", self.predicate)
    }
}
