//! Why a call has no result.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Code;
use crate::name::NodeName;

/// Whether the callback of a failed call ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ran {
    /// It has not run and will not: anyone may try again.
    No,
    /// It may have run, or may still be running.
    Maybe,
    /// It ran.
    Yes,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "it has not run",
            Self::Maybe => "it may have run",
            Self::Yes => "it ran",
        })
    }
}

/// Where a call was when its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Stage {
    /// Not sent: the node was not connected.
    Connecting,
    /// At the controller, which had nobody to hand it to: what it waited for had not come. Time that a call waits for
    /// its `eta` does not count, so it never is that.
    Waiting,
    /// At the callee, which had not answered, for all of the time that the error names.
    Running,
    /// As `Running`, at a callee that had more calls than it runs at a time: it may have waited there for its turn.
    Queued,
    /// Sent to a controller that did not answer, not even that the time was up.
    Controller,
}

/// The error that a callback returned, encoded; [`CallError::downcast`] reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorValue(Arc<[u8]>);

impl ErrorValue {
    /// A value that is encoded already.
    pub fn new(encoded: impl Into<Arc<[u8]>>) -> Self {
        Self(encoded.into())
    }

    /// The value as MessagePack.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ErrorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No connected node offers this callback. It has not run.
    #[error("nobody offers a callback `{name}`{}", did_you_mean(similar))]
    NoSuchCallback {
        /// The name that was called.
        name: String,
        /// The nearest names on offer, best first.
        similar: Vec<String>,
    },
    /// No node of this name is connected, or it does not offer the callback. It has not run.
    #[error("no node `{node}` is connected{}", did_you_mean(similar))]
    NoSuchNode {
        /// The name that was asked for.
        node: String,
        /// The nearest names of connected nodes, best first.
        similar: Vec<String>,
    },
    /// The arguments do not fit the signature. It has not run.
    #[error("expected {expected}, got {got}")]
    BadArguments {
        /// What the signature says.
        expected: String,
        /// What was given.
        got: String,
    },
    /// The caller may not do this. It has not run.
    #[error("not allowed: {what}")]
    Denied {
        /// What was asked for.
        what: String,
    },
    /// A bound was reached. It has not run.
    #[error("busy: {what}")]
    Busy {
        /// Which bound, and whose.
        what: String,
    },
    /// No reply came in time. It may have run, or may still be running, unless the stage says otherwise.
    #[error("no reply within {after:?}{}", stage_note(*stage, node.as_ref()))]
    TimedOut {
        /// Where the call was.
        stage: Stage,
        /// The callee, if one was chosen.
        node: Option<NodeName>,
        /// How long it had, from when it was handed to the callee if it was.
        after: Duration,
    },
    /// The call was cancelled: by its caller, or through another handle of the job.
    #[error("cancelled")]
    Cancelled {
        /// Whether it ran.
        ran: Ran,
    },
    /// The callee went away.
    #[error("node `{node}` was lost; {ran}")]
    NodeLost {
        /// The callee.
        node: NodeName,
        /// Whether it ran.
        ran: Ran,
    },
    /// The connection to the controller broke, or was not there.
    #[error("no connection to the controller; {ran}")]
    Disconnected {
        /// Whether it ran.
        ran: Ran,
    },
    /// The callback panicked.
    #[error("callback panicked on `{node}` at {at}: {message}")]
    Panicked {
        /// The callee.
        node: NodeName,
        /// The panic's message.
        message: String,
        /// File and line.
        at: String,
    },
    /// The callback ran and failed.
    #[error("callback failed on `{node}`: {message}")]
    Remote {
        /// The callee.
        node: NodeName,
        /// The type of its error.
        kind: String,
        /// Its error's text.
        message: String,
        /// The texts of its error's causes, outermost first.
        chain: Vec<String>,
        /// Its error itself, if that is serializable and not too large: see [`downcast`](Self::downcast).
        value: Option<ErrorValue>,
    },
    /// The callback ran, but its result could not be encoded there or decoded here.
    #[error("the result of `{node}` cannot be read: {message}")]
    BadReply {
        /// The callee.
        node: NodeName,
        /// What went wrong.
        message: String,
    },
    /// The arguments or the result are too large.
    #[error("{bytes} bytes are more than the {limit} that a {what} may have")]
    TooLarge {
        /// What it is, after "a": `call`, `reply`.
        what: String,
        /// The size.
        bytes: u64,
        /// The bound.
        limit: u64,
        /// Whether it ran.
        ran: Ran,
    },
    /// A broadcast had fewer values than were asked for. It ran where it gave one, and may have run elsewhere.
    #[error("{got} of at least {wanted} nodes answered with a value{}", failure_list(failures))]
    TooFew {
        /// How many values were asked for.
        wanted: usize,
        /// How many came.
        got: usize,
        /// The other nodes, with what went wrong there.
        failures: Vec<(NodeName, String)>,
    },
    /// A method of `daffi::blocking` was called where waiting would hold up an async runtime. It has not run.
    #[error("a blocking call in an async task would hold up its runtime: use the async one, and await it")]
    WouldBlock,
    /// Controller and node do not understand each other.
    #[error("protocol error: {message}")]
    Protocol {
        /// What was not understood.
        message: String,
        /// Whether it ran.
        ran: Ran,
    },
    /// A newer peer reported something this version does not know.
    #[error("{message} (code {code})")]
    Unknown {
        /// The peer's code.
        code: u16,
        /// The peer's text.
        message: String,
        /// Whether it ran.
        ran: Ran,
    },
}

impl CallError {
    /// Whether the callback may have run.
    pub fn ran(&self) -> Ran {
        match self {
            Self::NoSuchCallback { .. }
            | Self::NoSuchNode { .. }
            | Self::BadArguments { .. }
            | Self::Denied { .. }
            | Self::Busy { .. }
            | Self::WouldBlock => Ran::No,
            Self::TimedOut { stage, .. } => match stage {
                Stage::Connecting | Stage::Waiting => Ran::No,
                Stage::Running | Stage::Queued | Stage::Controller => Ran::Maybe,
            },
            Self::Cancelled { ran }
            | Self::NodeLost { ran, .. }
            | Self::Disconnected { ran }
            | Self::TooLarge { ran, .. }
            | Self::Protocol { ran, .. }
            | Self::Unknown { ran, .. } => *ran,
            Self::Panicked { .. } | Self::Remote { .. } | Self::BadReply { .. } => Ran::Yes,
            Self::TooFew { .. } => Ran::Maybe,
        }
    }

    /// The node that was called, where one had been chosen and the error is about it.
    pub fn node(&self) -> Option<&NodeName> {
        match self {
            Self::TimedOut { node, .. } => node.as_ref(),
            Self::NodeLost { node, .. }
            | Self::Panicked { node, .. }
            | Self::Remote { node, .. }
            | Self::BadReply { node, .. } => Some(node),
            Self::NoSuchCallback { .. }
            | Self::NoSuchNode { .. }
            | Self::BadArguments { .. }
            | Self::Denied { .. }
            | Self::Busy { .. }
            | Self::Cancelled { .. }
            | Self::Disconnected { .. }
            | Self::TooLarge { .. }
            | Self::TooFew { .. }
            | Self::WouldBlock
            | Self::Protocol { .. }
            | Self::Unknown { .. } => None,
        }
    }

    /// The stable code, as `daffi explain` and the logs know it.
    pub fn code(&self) -> Code {
        match self {
            Self::NoSuchCallback { .. } => Code::NoSuchCallback,
            Self::NoSuchNode { .. } => Code::NoSuchNode,
            Self::BadArguments { .. } => Code::BadArguments,
            Self::Denied { .. } => Code::Denied,
            Self::Busy { .. } => Code::Busy,
            Self::TimedOut { .. } => Code::TimedOut,
            Self::Cancelled { .. } => Code::Cancelled,
            Self::NodeLost { .. } => Code::NodeLost,
            Self::Disconnected { .. } => Code::Disconnected,
            Self::Panicked { .. } => Code::Panicked,
            Self::Remote { .. } => Code::Remote,
            Self::BadReply { .. } => Code::BadReply,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::TooFew { .. } => Code::TooFew,
            Self::WouldBlock => Code::WouldBlock,
            Self::Protocol { .. } | Self::Unknown { .. } => Code::Protocol,
        }
    }

    /// Whether the same call may succeed if tried again, without running anything twice.
    pub fn is_retryable(&self) -> bool {
        let may_pass = matches!(
            self,
            Self::NoSuchCallback { .. }
                | Self::NoSuchNode { .. }
                | Self::Busy { .. }
                | Self::TimedOut { .. }
                | Self::NodeLost { .. }
                | Self::Disconnected { .. }
        );
        may_pass && self.ran() == Ran::No
    }
}

fn did_you_mean(similar: &[String]) -> String {
    similar.first().map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn stage_note(stage: Stage, node: Option<&NodeName>) -> String {
    match (stage, node) {
        (Stage::Connecting, _) => ": not connected to a controller, it was not sent".into(),
        (Stage::Waiting, _) => ": what it waited for at the controller had not come".into(),
        (Stage::Running, Some(node)) => {
            format!(": `{node}` had it for all of that time, and was told to stop")
        }
        (Stage::Queued, Some(node)) => {
            format!(": `{node}` had it for all of that time, but more calls than it runs at once")
        }
        (Stage::Running | Stage::Queued, None) => String::new(),
        (Stage::Controller, _) => ": the controller does not answer".into(),
    }
}

fn failure_list(failures: &[(NodeName, String)]) -> String {
    failures.iter().map(|(node, why)| format!("; `{node}`: {why}")).collect()
}
