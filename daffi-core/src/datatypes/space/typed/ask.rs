//! What is asked of objects of one type.

use std::borrow::Cow;
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

/// An order of the objects of `S`: by one of their attributes, or by their keys. Where that is equal it is by the keys.
pub struct By<S> {
    pub(super) name: Cow<'static, str>,
    pub(super) is_descending: bool,
    of: PhantomData<fn() -> S>,
}

impl<S> By<S> {
    pub(super) fn new(name: Cow<'static, str>, is_descending: bool) -> Self {
        Self { name, is_descending, of: PhantomData }
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

impl<S> fmt::Debug for By<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.is_descending { "descending" } else { "ascending" };
        write!(f, "By({} {way})", self.name)
    }
}
