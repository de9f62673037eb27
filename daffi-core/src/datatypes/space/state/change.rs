//! What watchers of a space hear, and what is altered in one.

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use crate::datatypes::space::fields::Fields;
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::Schema;
use crate::datatypes::space::types::Type;
use crate::datatypes::space::value::Value;
use crate::error::SpaceError;
use crate::hosted::Turn;

/// What watchers of a space hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SpaceChange {
    /// An object was written.
    Written {
        /// Its key.
        key: Value,
        /// Its version now.
        version: u64,
        /// As it was, if it was there.
        before: Option<Fields>,
        /// As it is now.
        after: Fields,
    },
    /// An object was removed.
    Erased {
        /// Its key.
        key: Value,
        /// The version that it would have had.
        version: u64,
        /// As it was.
        before: Fields,
    },
    /// All objects were removed.
    Cleared,
    /// The space was added, or altered.
    Altered {
        /// Its description now.
        schema: Schema,
        /// The version of it.
        version: u64,
    },
}

/// What is altered in the description of a space. Objects are read by it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Alteration {
    /// One attribute more, which objects have as its type has it before it is written.
    Add {
        /// Its name.
        name: String,
        /// Its type.
        of: Type,
    },
    /// One attribute less, with its indices. Another of its name does not bring back what objects had.
    Drop(String),
    /// Another name of an attribute, or of the key.
    Rename {
        /// The name.
        from: String,
        /// The new one.
        to: String,
    },
    /// One index more, of an attribute or of what is at a path in a document. Many objects are put into it bit by bit, and
    /// searches go by it once it has [all of them](super::SpaceEntry::unmade_indices).
    AddIndex(String),
    /// One index less.
    DropIndex(String),
}

impl Alteration {
    /// The description after it.
    ///
    /// # Errors
    /// [`SpaceError`] with the attribute that does not fit.
    pub fn of(&self, schema: &Schema) -> Result<Schema, SpaceError> {
        match self {
            Self::Add { name, of } => schema.with_attribute(name, *of),
            Self::Drop(name) => schema.without_attribute(name),
            Self::Rename { from, to } => schema.with_renamed(from, to),
            Self::AddIndex(path) => schema.with_index(path),
            Self::DropIndex(path) => schema.without_index(path),
        }
    }
}

impl Kept {
    /// Tells watchers of an object what became of it.
    pub(super) fn tell(&self, turn: &mut Turn<'_>, key: &Value, version: u64, before: Option<&Record>) {
        if !turn.is_watched() {
            return;
        }
        let fields = |record: &Record| record.fields(&self.schema, None).expect("no attribute was asked for");
        let (key, before) = (key.clone(), before.map(fields));
        let change = match self.records.get(&key) {
            Some(record) => SpaceChange::Written { key, version, before, after: fields(record) },
            None => SpaceChange::Erased { key, version, before: before.unwrap_or_default() },
        };
        tell(turn, &change);
    }
}

pub(super) fn tell(turn: &mut Turn<'_>, change: &SpaceChange) {
    turn.tell(change).expect("numbers, texts and bytes encode");
}
