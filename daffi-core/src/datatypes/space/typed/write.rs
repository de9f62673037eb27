//! Writing an object of one type.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use super::Space;
use super::ask::Where;
use super::step::Steps;
use crate::api::{Operation, OperationFuture, Sent};
use crate::datatypes::space::fields::Fields;
use crate::datatypes::space::handle::DynSpace;
use crate::datatypes::space::value::Value;
use crate::datatypes::space::write::{Missing, Write};
use crate::error::{DataError, SpaceError};

/// A write that has not been sent: await it, [`send`](Self::send) it at once, or [`wait`](Self::wait) for it on a thread.
///
/// # Errors
/// Those of [`TypedSpace::update`](super::TypedSpace::update).
///
/// # Cancel safety
/// As [`Operation`].
#[must_use = "a write does nothing until it is awaited"]
pub struct TypedWrite<S> {
    space: Result<DynSpace, SpaceError>,
    key: Value,
    write: Write,
    of: PhantomData<fn() -> S>,
}

/// What came of a [`TypedWrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated<S> {
    /// The object's version now.
    pub version: u64,
    /// Whether it was missing, and was created.
    pub is_new: bool,
    /// The object as it was, if it was asked for and there was one.
    pub before: Option<S>,
    /// The object as it is now, if it was asked for.
    pub after: Option<S>,
}

impl<S: Space> TypedWrite<S> {
    pub(super) fn new(space: Result<DynSpace, SpaceError>, key: Value, steps: Steps<S>) -> Self {
        let write = Write { changes: steps.changes, ..Write::new() };
        Self { space, key, write, of: PhantomData }
    }

    /// Only if the object is as is asked.
    pub fn when(self, asked: Where<S>) -> Self {
        Self { write: self.write.when(asked), ..self }
    }

    /// Creates the object if it is missing, and does it to that; what is asked is not looked at then.
    pub fn or_create(mut self) -> Self {
        self.write.missing = Missing::Create;
        self
    }

    /// Has the object come back as it was.
    pub fn returning_before(mut self) -> Self {
        self.write.returning.before = true;
        self
    }

    /// Has the object come back as it is then.
    pub fn returning_after(mut self) -> Self {
        self.write.returning.after = true;
        self
    }

    /// The operation of it, as for a [`Batch`](crate::api::Batch).
    pub fn operation(self) -> Operation<Updated<S>> {
        let Self { space, key, write, .. } = self;
        let space = match space {
            Ok(space) => space,
            Err(error) => return Operation::failed(error),
        };
        space.write(key.clone(), write).and_then(move |written| {
            let object = |fields: Option<Fields>| -> Result<Option<S>, DataError> {
                fields.map(|fields| S::from_parts(&key, &fields)).transpose()
            };
            let (before, after) = (object(written.before)?, object(written.after)?);
            Ok(Updated { version: written.version, is_new: written.is_new, before, after })
        })
    }

    /// Sends it at once; see [`Operation::send`].
    pub fn send(self) -> Sent<Updated<S>> {
        self.operation().send()
    }

    /// Waits for it on this thread, for programs without a runtime.
    ///
    /// # Errors
    /// As awaiting it; in an async task [`CallError::WouldBlock`](crate::error::CallError::WouldBlock).
    pub fn wait(self) -> Result<Updated<S>, DataError> {
        self.operation().wait()
    }
}

impl<S: Space> IntoFuture for TypedWrite<S> {
    type Output = Result<Updated<S>, DataError>;
    type IntoFuture = OperationFuture<Updated<S>>;

    fn into_future(self) -> Self::IntoFuture {
        self.operation().into_future()
    }
}

impl<S> fmt::Debug for TypedWrite<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedWrite")
            .field("key", &self.key)
            .field("write", &self.write)
            .finish_non_exhaustive()
    }
}
