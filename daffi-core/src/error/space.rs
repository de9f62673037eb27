//! Why an operation on a space, or its description, is refused.

use serde::{Deserialize, Serialize};

use super::Code;

/// Why an operation on a space, or its description, is refused. Nothing was changed.
///
/// What it names as `attribute` is as the caller wrote it: with the path, where it is about a part of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SpaceError {
    /// The description of a space is not written as one.
    #[error("{message} at line {line} column {column}")]
    Syntax {
        /// The line, from 1 on.
        line: u32,
        /// The column, from 1 on; a tab goes to the next multiple of 4.
        column: u32,
        /// What was expected, and what stands there.
        message: String,
    },
    /// A name that no space or attribute can have.
    #[error("`{name}` is no name of a space or an attribute")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// The key is of a type that no key has.
    #[error("the key `{attribute}` cannot be a {of}: keys are strings, numbers or timestamps")]
    InvalidKeyType {
        /// The key.
        attribute: String,
        /// Its type.
        of: String,
    },
    /// Two attributes have one name, or one is named twice where it counts once.
    #[error("`{attribute}` is there twice")]
    Duplicate {
        /// The attribute.
        attribute: String,
    },
    /// The key where only other attributes can be: it always has an index of its own.
    #[error("`{attribute}` is the key, which has an index already")]
    IsKey {
        /// The key.
        attribute: String,
    },
    /// There can be no index of an attribute of this type.
    #[error("there is no index of `{attribute}`, a {of}")]
    Unindexable {
        /// The attribute.
        attribute: String,
        /// Its type.
        of: String,
    },
    /// There is no index of this attribute that could be dropped.
    #[error("there is no index of `{attribute}`")]
    NoIndex {
        /// The attribute, or the path into a document.
        attribute: String,
    },
    /// A number of an option that has no meaning.
    #[error("{what} cannot be {value}")]
    OutOfBounds {
        /// The option.
        what: String,
        /// The number.
        value: u64,
    },
    /// Something that is understood and is not offered.
    #[error("{what} is not offered")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// There is a space of this name.
    #[error("there is such a space already")]
    SpaceExists,
    /// There is a space of this name, which is described otherwise.
    #[error("there is such a space with another description: {description}")]
    SpaceDiffers {
        /// Its description.
        description: String,
    },
    /// There is no space of this name.
    #[error("there is no such space")]
    NoSpace,
    /// The space has no attribute of this name.
    #[error("there is no attribute `{attribute}`")]
    UnknownAttribute {
        /// The name.
        attribute: String,
    },
    /// An attribute that is written or dropped is the key, which an object has for life.
    #[error("`{attribute}` is the key, which is neither written nor dropped")]
    KeyIsNotWritten {
        /// The key.
        attribute: String,
    },
    /// A value, an action or a condition is not for an attribute of this type.
    #[error("`{attribute}` takes {expected}, not {found}")]
    WrongType {
        /// The attribute.
        attribute: String,
        /// What it takes.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A key or an element that is looked up is NaN, which nothing equals.
    #[error("`{attribute}` is looked up, so it cannot be NaN")]
    NotANumber {
        /// The attribute.
        attribute: String,
    },
    /// A path into a document is not written as one.
    #[error("`{path}` is no path: {why}")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A pattern is not written as one.
    #[error("no pattern for `{attribute}`: {why}")]
    BadPattern {
        /// The attribute.
        attribute: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no object by this key.
    #[error("there is no object {key}")]
    NotFound {
        /// The key.
        key: String,
    },
    /// There is an object by this key.
    #[error("there is an object {key}, of version {version}")]
    Exists {
        /// The key.
        key: String,
        /// Its version.
        version: u64,
    },
    /// A condition does not hold.
    #[error("the condition {condition} does not hold: there is {actual}")]
    ConditionFailed {
        /// Which of the conditions, from 0 on.
        which: u32,
        /// The condition.
        condition: String,
        /// What there is instead, shortened.
        actual: String,
    },
    /// The result does not fit 64 bits.
    #[error("`{attribute}` would not fit 64 bits: {what}")]
    Overflow {
        /// The attribute.
        attribute: String,
        /// The reckoning.
        what: String,
    },
    /// An integer was to be divided by 0.
    #[error("`{attribute}` is not divided by 0")]
    DivisionByZero {
        /// The attribute.
        attribute: String,
    },
    /// A document is not made as a path or an action expects.
    #[error("`{attribute}`: {why}")]
    DocumentClash {
        /// The path.
        attribute: String,
        /// What stands in the way.
        why: String,
    },
    /// A list has no element there.
    #[error("`{attribute}` has {length} elements, and none at {index}")]
    NoElement {
        /// The list.
        attribute: String,
        /// The place that was asked for.
        index: i64,
        /// How many elements it has.
        length: u64,
    },
    /// A search that was being read is not kept any more.
    #[error(
        "the search is not kept any more: it was read to its end, or not for too long, or its session has ended"
    )]
    SearchGone,
    /// Something has more than it may.
    #[error("{what}: {actual}, of at most {limit}")]
    TooLarge {
        /// What it is.
        what: String,
        /// What it has.
        actual: u64,
        /// What it may have.
        limit: u64,
    },
}

impl SpaceError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoSpace | Self::NotFound { .. } | Self::SearchGone => Code::NoSuchObject,
            Self::SpaceExists
            | Self::SpaceDiffers { .. }
            | Self::Exists { .. }
            | Self::ConditionFailed { .. } => Code::ConditionFailed,
            Self::Overflow { .. }
            | Self::DivisionByZero { .. }
            | Self::DocumentClash { .. }
            | Self::NoElement { .. } => Code::WrongValue,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::Syntax { .. }
            | Self::InvalidName { .. }
            | Self::InvalidKeyType { .. }
            | Self::Duplicate { .. }
            | Self::IsKey { .. }
            | Self::Unindexable { .. }
            | Self::NoIndex { .. }
            | Self::OutOfBounds { .. }
            | Self::Unsupported { .. }
            | Self::UnknownAttribute { .. }
            | Self::KeyIsNotWritten { .. }
            | Self::WrongType { .. }
            | Self::NotANumber { .. }
            | Self::BadPath { .. }
            | Self::BadPattern { .. } => Code::BadArguments,
        }
    }

    /// Whether the object, or its absence, was not as the operation demanded: what the original's clients see as
    /// `False`. There, arithmetic that failed is among it; here it is not.
    pub fn is_unmet(&self) -> bool {
        matches!(self, Self::Exists { .. } | Self::ConditionFailed { .. })
    }
}
