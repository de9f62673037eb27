//! Objects that a method reads beside its own, in the same step.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind::{Hosted, Object};
use super::turn::Turn;
use crate::error::DataError;

/// The names of other objects of the same kind: a method with a parameter of this type reads them by [`Turn::others`].
///
/// They are read as they are when the method runs, in the same step; in a batch that is after what was done before.
/// Whoever calls the method needs the right to read each of them. One in quarantine makes the call fail, and so do more
/// than [`OTHERS_MAX`](crate::config::OTHERS_MAX).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Others(Vec<String>);

impl Others {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>> FromIterator<N> for Others {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// What a parameter is called that takes them, whatever stands before its name.
pub(super) fn is_others(ty: &str) -> bool {
    ty.rsplit("::").next() == Some("Others")
}

/// Another object as it was when the method began. That costs little, as a copy for a batch does.
pub(super) struct Other {
    pub(super) name: Box<str>,
    pub(super) object: Box<dyn Object>,
}

impl fmt::Debug for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Other").field(&self.name).finish()
    }
}

impl<'a> Turn<'a> {
    /// Other objects of the kind, which is `T`'s, in the order of their names: a blank one for each that is not there. The
    /// object of this turn may be among them; it is as it was before.
    ///
    /// A call that waits is not tried again when they change.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are no `T`s, or the method has no parameter of the type [`Others`] that named them.
    pub fn others<T: Hosted>(&self, others: &Others) -> Result<Vec<&'a T>, DataError> {
        let found = |name: &String| {
            let other = self.named().iter().find(|other| *other.name == **name);
            let object = other.and_then(|other| other.object.any().downcast_ref());
            object.ok_or_else(|| DataError::invalid(format!("`{name}` was not named as another {}", T::KIND)))
        };
        others.0.iter().map(found).collect()
    }
}
