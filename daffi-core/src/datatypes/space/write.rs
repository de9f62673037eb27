//! The one write: every way of changing an object is a point in it.

use serde::{Deserialize, Serialize};

use super::fields::Fields;
use super::predicate::Predicate;
use super::value::Value;

/// What is to be done to one object, in one step: wholly, or, if anything stands against it, not at all.
///
/// First it is looked at whether the object is there, then at the conditions, then the changes are made, each seeing
/// what those before it did. That it is carried out once, however often it is sent, is every operation's own.
///
/// HyperDex's microtransaction is one with several changes: `tx.put` and its like are [`change`](Self::change), and where
/// that commits, this is [written](super::DynSpace::write), its conditions being those of `cond_commit`, or written [to a
/// group](super::DynSpace::group_write). A commit created an object that was missing; this does only with
/// [`or_create`](Self::or_create).
///
/// ```
/// # use daffi_core::{datatypes::space::{Action, DynSpace, Predicate, Write}, error::DataError};
/// # async fn example(friends: &DynSpace) -> Result<(), DataError> {
/// let write = Write::new()
///     .change("views", Action::Add(1.into()))
///     .change("friends", Action::Insert("jd".into()))
///     .when(Predicate::equals("first", "John"));
/// friends.write("jsmith1", write).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// What must hold before. They are not looked at where the object is missing and is created.
    #[serde(default)]
    pub conditions: Vec<Predicate>,
    /// What is done, in this order.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// What to do if there is no such object.
    #[serde(default)]
    pub missing: Missing,
    /// What to do if there is one.
    #[serde(default)]
    pub present: Present,
    /// Removes the object in the end. One that is missing is then not created, whatever `missing` says.
    #[serde(default)]
    pub erase: bool,
    /// What comes back.
    #[serde(default)]
    pub returning: Returning,
}

/// What to do if there is no object to write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// [`SpaceError::NotFound`](crate::error::SpaceError::NotFound).
    #[default]
    Fail,
    /// Make one, with each attribute as its type has it before it is written, and change that.
    Create,
}

/// What to do if there is an object already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Present {
    /// Change it.
    #[default]
    Change,
    /// [`SpaceError::Exists`](crate::error::SpaceError::Exists).
    Fail,
}

/// Something done to one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The attribute, or a path into a document.
    pub attribute: String,
    /// What is done to it.
    pub action: Action,
}

/// What is done to an attribute, to an element of a map, or to what is at a path in a document.
///
/// In a document a number or a string that is missing counts as 0 or `""`, and what leads to it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Action {
    /// Takes this value.
    Set(Value),
    /// Adds a number. Integers that leave 64 bits fail, here and below; floats never do.
    Add(Value),
    /// Takes a number away.
    Sub(Value),
    /// Multiplies by a number.
    Mul(Value),
    /// Divides by a number: an integer down to the next one, so that −5 by 2 is −3. By 0 fails for integers.
    Div(Value),
    /// The rest of that, which has the sign of the divisor: −5 by 2 is 1. For integers.
    Mod(Value),
    /// Bit by bit, for integers.
    And(Value),
    /// Bit by bit, for integers.
    Or(Value),
    /// Bit by bit, for integers.
    Xor(Value),
    /// The smaller of the two. With NaN in it, what was there.
    Min(Value),
    /// The larger of the two. With NaN in it, what was there.
    Max(Value),
    /// Puts bytes before a string.
    Prepend(Value),
    /// Puts bytes after a string.
    Append(Value),
    /// Removes so many bytes at the beginning of a string; if it has no more, all.
    TrimLeft(u64),
    /// Removes so many bytes at its end.
    TrimRight(u64),
    /// Puts an element before a list.
    PushLeft(Value),
    /// Puts an element after a list.
    PushRight(Value),
    /// Removes the first element of a list, which is the change's result. Of an empty list there is none.
    PopLeft,
    /// Removes the last element of a list, which is the change's result.
    PopRight,
    /// Leaves of a list only the elements from `from` on and before `to`. Negative places are counted from the end.
    Keep {
        /// The first that stays.
        from: i64,
        /// The first after those that stay.
        to: i64,
    },
    /// Puts an element in the place of one in a list, from 0 on or from −1 back.
    SetAt {
        /// Where.
        at: i64,
        /// The element.
        value: Value,
    },
    /// Removes the element at a place in a list, which is the change's result.
    RemoveAt(i64),
    /// Adds an element to a set; if it is there, nothing happens.
    Insert(Value),
    /// Removes an element from a set, all elements that equal this from a list, what is by this key from a map. If it is
    /// not there, nothing happens.
    Remove(Value),
    /// Adds all elements of a set to it.
    Union(Value),
    /// Leaves of a set only what is in this one too.
    Intersect(Value),
    /// Puts what is in this map into it, whatever was there by these keys.
    Merge(Value),
    /// Does something to what a map has by a key. If there is nothing it begins with 0 or `""`.
    Element {
        /// The key.
        key: Value,
        /// What is done to it.
        action: Box<Self>,
    },
    /// Moves what is at the path to this path inside the document, whatever is there.
    Rename(String),
    /// Removes what is at the path. Of the whole document it leaves an empty one.
    Unset,
}

/// What comes back of a write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returning {
    /// The object as it was.
    #[serde(default)]
    pub before: bool,
    /// The object as it is now.
    #[serde(default)]
    pub after: bool,
    /// What each change came to: what was removed by it, or else what is now where it was made.
    #[serde(default)]
    pub results: bool,
    /// Of the object, only these attributes.
    #[serde(default)]
    pub only: Option<Vec<String>>,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The object's version: it grows by one with each write, and no two objects that have had one key have had the
    /// same.
    pub version: u64,
    /// Whether the object was missing.
    pub is_new: bool,
    /// The object as it was, if it was asked for and there was one.
    #[serde(default)]
    pub before: Option<Fields>,
    /// The object as it is now, if it was asked for and there is one.
    #[serde(default)]
    pub after: Option<Fields>,
    /// What each change came to, if it was asked for; `None` where there is nothing, as of an empty list.
    #[serde(default)]
    pub results: Vec<Option<Value>>,
}

impl Write {
    /// One that changes nothing yet, and fails where there is no object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets these attributes, and creates the object if it is missing.
    pub fn put(fields: Fields) -> Self {
        fields
            .into_iter()
            .fold(Self::new().or_create(), |write, (name, value)| write.change(name, Action::Set(value)))
    }

    /// Removes the object.
    pub fn erase() -> Self {
        Self { erase: true, ..Self::default() }
    }

    /// The same with one change more.
    #[must_use]
    pub fn change(mut self, attribute: impl Into<String>, action: Action) -> Self {
        self.changes.push(Change { attribute: attribute.into(), action });
        self
    }

    /// The same under these conditions too.
    #[must_use]
    pub fn when(mut self, predicate: impl Into<Predicate>) -> Self {
        self.conditions.extend(predicate.into().into_conjuncts());
        self
    }

    /// The same, which creates the object if it is missing.
    #[must_use]
    pub fn or_create(self) -> Self {
        Self { missing: Missing::Create, ..self }
    }

    /// The same, which fails if the object is there.
    #[must_use]
    pub fn if_absent(self) -> Self {
        Self { missing: Missing::Create, present: Present::Fail, ..self }
    }

    /// The same, which returns this.
    #[must_use]
    pub fn returning(self, returning: Returning) -> Self {
        Self { returning, ..self }
    }
}

impl Returning {
    /// Nothing but the version, and whether the object is new.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The object as it was.
    pub fn before() -> Self {
        Self { before: true, ..Self::default() }
    }

    /// The object as it is now.
    pub fn after() -> Self {
        Self { after: true, ..Self::default() }
    }

    /// What each change came to.
    pub fn results() -> Self {
        Self { results: true, ..Self::default() }
    }

    /// The same of only these attributes.
    #[must_use]
    pub fn only<N: Into<String>>(mut self, attributes: impl IntoIterator<Item = N>) -> Self {
        self.only = Some(attributes.into_iter().map(Into::into).collect());
        self
    }
}
