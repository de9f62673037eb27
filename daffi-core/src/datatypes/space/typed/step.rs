//! What is done to objects of one type.

use std::fmt;
use std::marker::PhantomData;

use super::value::Attributed;
use crate::datatypes::space::value::Value;
use crate::datatypes::space::write::{Action, Change};

/// Makes of what a step came to the value of its type, if it is one.
pub(super) type Opened<R> = fn(Option<Value>) -> Option<R>;

/// Something done to one attribute of the objects of `S`, which comes to an `R`.
#[must_use = "it is done to no object yet"]
pub struct Step<S, R> {
    pub(super) change: Change,
    pub(super) open: Opened<R>,
    of: PhantomData<fn() -> S>,
}

/// What is done to one object of `S`, in this order, all of it or nothing.
#[must_use = "it is done to no object yet"]
pub struct Steps<S> {
    pub(super) changes: Vec<Change>,
    of: PhantomData<fn() -> S>,
}

impl<S, R> Step<S, R> {
    pub(super) fn new(attribute: String, action: Action, open: Opened<R>) -> Self {
        Self { change: Change { attribute, action }, open, of: PhantomData }
    }

    /// This, and then that.
    pub fn then(self, other: impl Into<Steps<S>>) -> Steps<S> {
        Steps::from(self).then(other)
    }
}

impl<S> Steps<S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { changes: Vec::new(), of: PhantomData }
    }

    /// This, and then that.
    pub fn then(mut self, other: impl Into<Self>) -> Self {
        self.changes.extend(other.into().changes);
        self
    }
}

impl<S> Default for Steps<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S, R> From<Step<S, R>> for Steps<S> {
    fn from(step: Step<S, R>) -> Self {
        Self { changes: vec![step.change], of: PhantomData }
    }
}

/// What is there now.
pub(super) fn there<R: Attributed>(result: Option<Value>) -> Option<R> {
    R::from_value(&result?)
}

/// What was removed, if anything was.
pub(super) fn removed<R: Attributed>(result: Option<Value>) -> Option<Option<R>> {
    result.map_or(Some(None), |value| R::from_value(&value).map(Some))
}

/// How many there are now.
pub(super) fn counted(result: Option<Value>) -> Option<u64> {
    result.and_then(|count| if let Value::Int(count) = count { u64::try_from(count).ok() } else { None })
}

/// Nothing that anybody wants to know.
#[expect(clippy::unnecessary_wraps, reason = "as the others")]
pub(super) fn done(_: Option<Value>) -> Option<()> {
    Some(())
}

impl<S, R> fmt::Debug for Step<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&self.change).finish()
    }
}

impl<S> fmt::Debug for Steps<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Steps").field(&self.changes).finish()
    }
}
