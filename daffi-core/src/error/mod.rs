//! What can go wrong, and whether a callback may have run when it did.

mod call;
mod codes;
mod data;
mod quorum;
mod space;

use std::fmt;
use std::time::Duration;

pub use call::{CallError, ErrorValue, Ran, Stage};
pub use codes::{CODES, Code, Explanation};
pub use data::DataError;
pub use quorum::{MasterFailure, QuorumError};
pub use space::SpaceError;

use crate::name::{NameError, NodeName};

/// The result of most operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any failure of this library, for functions that do several things.
///
/// Its `Debug` is for people, since that is what a program prints whose `main` returns it, and what `unwrap` shows:
/// the code and the text. `{:#?}` shows the fields.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call has no result.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A node could not join a mesh.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A controller could not start.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A callback could not be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// An operation on a hosted object has no result.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Several controllers did not come to an agreement.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
}

impl From<SpaceError> for Error {
    fn from(error: SpaceError) -> Self {
        Self::Data(error.into())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write!(f, "{}: {self}", self.code());
        }
        match self {
            Self::Call(error) => fmt::Debug::fmt(error, f),
            Self::Connect(error) => fmt::Debug::fmt(error, f),
            Self::Bind(error) => fmt::Debug::fmt(error, f),
            Self::Register(error) => fmt::Debug::fmt(error, f),
            Self::Data(error) => fmt::Debug::fmt(error, f),
            Self::Quorum(error) => fmt::Debug::fmt(error, f),
        }
    }
}

impl Error {
    /// What was held is no longer: for a function that gives up what it did under it.
    pub fn lease_lost(what: impl Into<String>) -> Self {
        Self::Data(DataError::NotHeld { what: what.into() })
    }

    /// The stable code, as `daffi explain` and the logs know it.
    pub fn code(&self) -> Code {
        match self {
            Self::Call(error) => error.code(),
            Self::Connect(error) => error.code(),
            Self::Bind(error) => error.code(),
            Self::Register(error) => error.code(),
            Self::Data(error) => error.code(),
            Self::Quorum(error) => error.code(),
        }
    }

    /// Whether the callback may have run. What never was a call has not.
    pub fn ran(&self) -> Ran {
        match self {
            Self::Call(error) => error.ran(),
            Self::Data(error) => error.ran(),
            Self::Quorum(error) => error.ran(),
            Self::Connect(_) | Self::Bind(_) | Self::Register(_) => Ran::No,
        }
    }

    /// Whether the same operation may succeed if tried again, without doing anything twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retryable(),
            Self::Connect(error) => error.is_retryable(),
            Self::Bind(error) => error.is_retryable(),
            Self::Register(error) => error.is_retryable(),
            Self::Data(error) => error.is_retryable(),
            Self::Quorum(error) => error.is_retryable(),
        }
    }

    /// The node that was called, where the error is about it.
    pub fn node(&self) -> Option<&NodeName> {
        match self {
            Self::Call(error) => error.node(),
            Self::Connect(_) | Self::Bind(_) | Self::Register(_) | Self::Data(_) | Self::Quorum(_) => None,
        }
    }
}

/// Why a node could not join a mesh.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No controller answered in time.
    #[error("cannot reach the controller at {address} within {after:?}: {}", tried.join(", "))]
    Unreachable {
        /// The address as it was given.
        address: String,
        /// How long was tried.
        after: Duration,
        /// Why the last attempt failed: of each place that the address means, its own reason.
        tried: Vec<String>,
    },
    /// The address cannot be understood.
    #[error("`{address}` is not an address: {reason}")]
    BadAddress {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name cannot be a node's.
    #[error("`{name}` cannot name a node: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// What is wrong with it.
        reason: NameError,
    },
    /// A live node has the name already.
    #[error(
        "a node named `{name}` is connected already ({other}); stop it, choose another name, or take over"
    )]
    NameTaken {
        /// The name both want.
        name: NodeName,
        /// Who has it: address and how long it has been connected.
        other: String,
    },
    /// The controller speaks other versions of the protocol.
    #[error("the controller speaks protocol {theirs}, this process {ours}")]
    Version {
        /// The versions of this process.
        ours: String,
        /// The versions of the controller.
        theirs: String,
    },
    /// The other side is not whom we may trust, or does not trust us.
    #[error("no trust between this node and {address}: {reason}")]
    Untrusted {
        /// The address as it was given.
        address: String,
        /// What was found.
        reason: String,
    },
    /// The controller does not let this node in: it does not know it, or not any more.
    #[error("{address} does not let this node in: {reason}")]
    Denied {
        /// The address as it was given.
        address: String,
        /// Why not.
        reason: String,
    },
    /// What this node would show the controller is missing or cannot be used. Nothing was sent.
    #[error("cannot prove to {address} who this is: {reason}")]
    Credentials {
        /// The address as it was given.
        address: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The controller refused for another reason.
    #[error("the controller refused: {0}")]
    Refused(String),
    /// The callbacks of this process cannot be offered.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The embedded controller could not start.
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl ConnectError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } => Code::Unreachable,
            Self::BadAddress { .. } | Self::BadName { .. } | Self::Credentials { .. } => Code::Configuration,
            Self::NameTaken { .. } => Code::NameTaken,
            Self::Version { .. } => Code::Version,
            Self::Untrusted { .. } | Self::Denied { .. } => Code::Denied,
            Self::Refused(_) => Code::Protocol,
            Self::Register(error) => error.code(),
            Self::Bind(error) => error.code(),
        }
    }

    /// Whether the same attempt may succeed later, with nothing changed here: the controller may yet come.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Register(error) => error.is_retryable(),
            Self::Bind(error) => error.is_retryable(),
            Self::BadAddress { .. }
            | Self::BadName { .. }
            | Self::NameTaken { .. }
            | Self::Version { .. }
            | Self::Untrusted { .. }
            | Self::Denied { .. }
            | Self::Credentials { .. }
            | Self::Refused(_) => false,
        }
    }
}

/// Why a controller could not start.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be understood, or not listened on.
    #[error("`{address}` is not an address to listen on: {reason}")]
    BadAddress {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another live controller has the address.
    #[error("a controller is listening on {address} already")]
    InUse {
        /// The address as it was given.
        address: String,
    },
    /// The directory or the socket is not safe to use.
    #[error("{path} is not safe: {reason}")]
    Unsafe {
        /// The offending path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What nodes would have to show, or what this controller would show them, cannot be used.
    #[error("cannot tell friend from stranger: {reason}")]
    Credentials {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot listen on {address}: {reason}")]
    Io {
        /// The address as it was given.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// Two types of this program would host objects of one kind.
    #[error("two types are hosted as `{name}`: {} and {}", of[0], of[1])]
    Kind {
        /// The kind.
        name: String,
        /// The types, with their paths.
        of: [&'static str; 2],
    },
}

impl BindError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::BadAddress { .. } | Self::Credentials { .. } | Self::Io { .. } | Self::Kind { .. } => {
                Code::Configuration
            }
            Self::InUse { .. } => Code::InUse,
            Self::Unsafe { .. } => Code::Denied,
        }
    }

    /// Whether the same attempt may succeed later, with nothing changed here: another controller may end.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::InUse { .. })
    }
}

/// Why a callback could not be registered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Two callbacks of one process have one name.
    #[error("two callbacks are named `{name}`: one at {first}, one at {second}")]
    Duplicate {
        /// The name.
        name: String,
        /// File and line of the one that was registered first.
        first: String,
        /// File and line of the other.
        second: String,
    },
    /// The node offers the methods of another instance of the type.
    #[error("an instance of `{of}` is registered already: it has `{name}`")]
    SecondInstance {
        /// The type, with its path.
        of: String,
        /// The first name that both have.
        name: String,
    },
    /// The name cannot be a callback's.
    #[error("`{name}` cannot name a callback: {reason}")]
    BadName {
        /// The name as it was given.
        name: String,
        /// What is wrong with it.
        reason: NameError,
    },
    /// The node offers as many callbacks as it may.
    #[error("a node may offer at most {limit} callbacks")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// The controller could not be told.
    #[error("the controller did not take the registration: {0}")]
    NotTaken(#[from] CallError),
}

impl From<std::convert::Infallible> for RegisterError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl RegisterError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Duplicate { .. } | Self::SecondInstance { .. } => Code::NameTaken,
            Self::BadName { .. } => Code::Configuration,
            Self::TooMany { .. } => Code::Busy,
            Self::NotTaken(error) => error.code(),
        }
    }

    /// Whether the same registration may succeed later, with nothing changed here.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NotTaken(error) if error.is_retryable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datatypes::space::Schema;

    #[test]
    fn what_main_prints_is_for_people() {
        let error = Error::from(CallError::NoSuchCallback { name: "f".into(), similar: vec!["g".into()] });

        assert_eq!(format!("{error:?}"), "D0404: nobody offers a callback `f`; did you mean `g`?");
        assert!(format!("{error:#?}").starts_with("NoSuchCallback {"));
    }

    #[test]
    fn what_is_wrong_about_a_space_passes_through_a_function_of_any_error() {
        let read = || -> Result<Schema> { Ok("space".parse::<Schema>()?) };

        assert_eq!(read().map_err(|error| error.code()).err(), Some(Code::BadArguments));
    }
}
