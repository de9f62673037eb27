//! Why an operation on a hosted object has no result.

use serde::{Deserialize, Serialize};

use super::{CallError, Code, Ran, SpaceError};

/// Why an operation on a hosted object has no result.
///
/// But for [`Call`](Self::Call) and [`Forgotten`](Self::Forgotten), nothing was changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DataError {
    /// An argument that no object of the kind takes.
    #[error("{what}")]
    Invalid {
        /// What it should be, and what it is.
        what: String,
    },
    /// The object holds another type of value than the operation is for.
    #[error("expected {expected}, found {found}")]
    WrongValue {
        /// What the operation is for.
        expected: String,
        /// What there is.
        found: String,
    },
    /// Another change came first, or, if `actual` is 0, the object is not there.
    #[error("{}", conflict(object, *expected, *actual))]
    Conflict {
        /// The object.
        object: String,
        /// The revision that was to be its last.
        expected: u64,
        /// The one that is.
        actual: u64,
    },
    /// Whoever holds the object now has another fencing token.
    #[error("the fencing token {token} of `{object}` is stale")]
    Stale {
        /// The object that is held.
        object: String,
        /// The token that came with the write.
        token: u64,
    },
    /// What is to be given back or renewed does not belong to the caller, or no longer.
    #[error("{what} is not held by this node")]
    NotHeld {
        /// What it is.
        what: String,
    },
    /// There is no room.
    #[error("full: {what}")]
    Full {
        /// Which bound was reached.
        what: String,
    },
    /// A method of the object panicked once; it can be exported and destroyed, and nothing else is done to it any more.
    #[error("`{object}` is in quarantine since a method of it panicked: {why}")]
    Quarantined {
        /// The object.
        object: String,
        /// The panic's message and place.
        why: String,
    },
    /// It was asked again after its outcome was lost, and too late: whether it was carried out is no longer known.
    #[error("whether the operation was carried out is no longer known")]
    Forgotten,
    /// The operation on a space does not fit it, or what is there.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// It was left to daffi by which node to do it, and there is none: no callback is running, and the process has no
    /// default node.
    #[error("there is no node: none is running a callback here, and the process has no default one")]
    NoNode,
    /// The operation as a call: the way to the controller and back. Its [`ran`](CallError::ran) says whether it may
    /// have been carried out.
    #[error(transparent)]
    #[serde(skip)]
    Call(CallError),
}

impl DataError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code::BadArguments,
            Self::WrongValue { .. } => Code::WrongValue,
            Self::Conflict { .. } => Code::Conflict,
            Self::Stale { .. } => Code::Stale,
            Self::NotHeld { .. } => Code::NotHeld,
            Self::Full { .. } => Code::Full,
            Self::Quarantined { .. } => Code::Quarantined,
            Self::Forgotten => Code::Forgotten,
            Self::Space(error) => error.code(),
            Self::NoNode => Code::NoNode,
            Self::Call(error) => error.code(),
        }
    }

    /// Whether the operation may have been carried out.
    pub fn ran(&self) -> Ran {
        match self {
            Self::Call(error) => error.ran(),
            Self::Forgotten => Ran::Maybe,
            _ => Ran::No,
        }
    }

    /// Whether the same operation may succeed if tried again, without doing anything twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retryable(),
            Self::Full { .. } => true,
            _ => false,
        }
    }

    /// Something that no object of the kind takes.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }
}

fn conflict(object: &str, expected: u64, actual: u64) -> String {
    match (expected, actual) {
        (0, actual) => format!("`{object}` is there, last changed by revision {actual}"),
        (expected, 0) => {
            format!("`{object}` is not there, and was to be at revision {expected}")
        }
        (expected, actual) => {
            format!("`{object}` was last changed by revision {actual}, not {expected}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revision_0_is_that_of_what_is_not_there() {
        let said =
            |expected, actual| DataError::Conflict { object: "h".into(), expected, actual }.to_string();

        assert_eq!(said(5, 7), "`h` was last changed by revision 7, not 5");
        assert_eq!(said(5, 0), "`h` is not there, and was to be at revision 5");
        assert_eq!(said(0, 7), "`h` is there, last changed by revision 7");
    }
}
