//! Why several controllers did not come to an agreement.

use std::fmt;

use super::{Code, DataError, Ran};

/// Why something that takes a majority of the masters was not had.
///
/// The errors have the names that Pottery gave them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// A majority of the masters answered, and too few of them agreed: others wanted the same at the same time, or hold
    /// it. Trying again may help.
    #[error(
        "{agreed} of {masters} masters agreed on `{name}`, and {needed} are needed{}",
        and_failures(failures)
    )]
    QuorumNotAchieved {
        /// The name of the sequence or the lock.
        name: String,
        /// How many masters agreed.
        agreed: usize,
        /// How many are needed.
        needed: usize,
        /// How many there are.
        masters: usize,
        /// Those that failed, so far as they were waited for.
        failures: Vec<MasterFailure>,
    },
    /// So many masters failed that those that are left are no majority, or none for either answer. It may have had an
    /// effect on some of them, which a lock's lease ends, and which leaves out some numbers of a sequence.
    #[error("no majority of {masters} masters can be had for `{name}`{}", and_failures(failures))]
    QuorumIsImpossible {
        /// The name of the sequence or the lock.
        name: String,
        /// How many masters there are.
        masters: usize,
        /// Those that failed.
        failures: Vec<MasterFailure>,
    },
    /// Some masters failed at what takes all of them, as it does to begin a sequence anew. Those that are not among the
    /// failures have done it, and those that are may have.
    #[error(
        "{done} of {masters} masters have done for `{name}` what takes all of them{}",
        and_failures(failures)
    )]
    NotByAll {
        /// The name of the sequence.
        name: String,
        /// How many masters have done it.
        done: usize,
        /// How many there are.
        masters: usize,
        /// Those that failed.
        failures: Vec<MasterFailure>,
    },
    /// The lock was extended as often as it may be since it was acquired.
    #[error("the lock `{name}` was extended {limit} times, which is as often as it may be")]
    TooManyExtensions {
        /// The name of the lock.
        name: String,
        /// How often it may be.
        limit: u32,
    },
    /// The lock to be extended is not held any more: its lease ran out.
    #[error("the lock `{name}` cannot be extended: it is not held any more")]
    ExtendUnlockedLock {
        /// The name of the lock.
        name: String,
    },
    /// The lock to be released was not held any more: its lease ran out, and another may have had it since.
    #[error("the lock `{name}` was not held any more when it was released")]
    ReleaseUnlockedLock {
        /// The name of the lock.
        name: String,
    },
    /// A setting that makes no sense, or something that is asked of one controller alone.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// A master that failed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MasterFailure {
    /// Its address.
    pub master: String,
    /// How it failed.
    pub error: DataError,
}

impl MasterFailure {
    /// The master at this address failed like this.
    pub fn new(master: impl Into<String>, error: DataError) -> Self {
        Self { master: master.into(), error }
    }
}

impl fmt::Display for MasterFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.master, self.error)
    }
}

fn and_failures(failures: &[MasterFailure]) -> String {
    let shown: Vec<String> = failures.iter().map(MasterFailure::to_string).collect();
    if shown.is_empty() { String::new() } else { format!("; failed: {}", shown.join(", ")) }
}

impl QuorumError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::QuorumNotAchieved { .. } => Code::QuorumNotAchieved,
            Self::QuorumIsImpossible { .. } | Self::NotByAll { .. } => Code::QuorumIsImpossible,
            Self::TooManyExtensions { .. } => Code::Busy,
            Self::ExtendUnlockedLock { .. } | Self::ReleaseUnlockedLock { .. } => Code::NotHeld,
            Self::Data(error) => error.code(),
        }
    }

    /// Whether what was asked for may have been done all the same: never of a number, since none was given, of a lock only
    /// where the masters that would know could not be asked, and of what takes all masters by some of them.
    pub fn ran(&self) -> Ran {
        match self {
            Self::QuorumIsImpossible { .. } | Self::NotByAll { .. } => Ran::Maybe,
            Self::Data(error) => error.ran(),
            Self::QuorumNotAchieved { .. }
            | Self::TooManyExtensions { .. }
            | Self::ExtendUnlockedLock { .. }
            | Self::ReleaseUnlockedLock { .. } => Ran::No,
        }
    }

    /// Whether the same may be had if it is tried again, without doing anything twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::QuorumNotAchieved { .. } | Self::QuorumIsImpossible { .. } | Self::NotByAll { .. } => true,
            Self::Data(error) => error.is_retryable(),
            Self::TooManyExtensions { .. }
            | Self::ExtendUnlockedLock { .. }
            | Self::ReleaseUnlockedLock { .. } => false,
        }
    }
}

impl From<super::CallError> for QuorumError {
    fn from(error: super::CallError) -> Self {
        Self::Data(DataError::Call(error))
    }
}
