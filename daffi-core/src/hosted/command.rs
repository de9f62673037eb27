//! What can be done to the store. Everything that changes it is one of these, in one order.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kind::Stop;
use super::turn::SessionId;
use crate::error::DataError;

/// A method of a kind, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MethodId {
    /// The kind.
    pub kind: u16,
    /// The method.
    pub method: u16,
}

/// One call of one method of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation<'a> {
    /// What is called.
    pub method: MethodId,
    /// The arguments, the object's name first: the body of the call.
    #[serde(borrow, with = "serde_bytes")]
    pub body: Cow<'a, [u8]>,
}

/// Who asks, and by which of its requests: with one number it asks once, however often it sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// Its session.
    pub session: SessionId,
    /// The number of its request.
    pub request: u64,
    /// It asks again since it does not know what came of it.
    pub is_again: bool,
}

/// What must hold for a command to be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// The object was last changed by this command; 0 is an object that is not there.
    Revision {
        /// The object's kind.
        kind: u16,
        /// Its name.
        object: String,
        /// The number of the command.
        revision: u64,
    },
    /// Whoever holds the object now was given this fencing token.
    Fence {
        /// The object's kind.
        kind: u16,
        /// Its name.
        object: String,
        /// The token.
        token: u64,
    },
}

/// A step of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command<'a> {
    /// A session begins: one life of a node, which is known by 128 random bits.
    Open {
        /// Those bits.
        incarnation: u128,
    },
    /// A session has ended: what was its own goes back.
    End {
        /// Which one.
        session: SessionId,
        /// Whether its node has said goodbye, so that it asks for nothing again.
        is_final: bool,
    },
    /// A call.
    Call {
        /// Who calls.
        asker: Asker,
        /// What must hold.
        conditions: Cow<'a, [Condition]>,
        /// What is called.
        #[serde(borrow)]
        invocation: Invocation<'a>,
    },
    /// A call that is the one chosen of several: its result is a pair, of its number among them and its own result.
    Choose {
        /// Who calls.
        asker: Asker,
        /// Which of them it is.
        at: u64,
        /// What is called.
        #[serde(borrow)]
        invocation: Invocation<'a>,
    },
    /// Several calls: all of them, or none.
    Batch {
        /// Who calls.
        asker: Asker,
        /// What must hold.
        conditions: Cow<'a, [Condition]>,
        /// What is called, in order.
        #[serde(borrow)]
        invocations: Vec<Invocation<'a>>,
    },
    /// An object goes, with all that is in it.
    Destroy {
        /// Its kind.
        kind: u16,
        /// Its name.
        object: Cow<'a, str>,
    },
    /// An object expires after this time, or never.
    Expire {
        /// Its kind.
        kind: u16,
        /// Its name.
        object: Cow<'a, str>,
        /// How long it has.
        after: Option<Duration>,
    },
    /// An object that was exported is put in the place of what there is.
    Import {
        /// Its kind.
        kind: u16,
        /// Its name.
        object: Cow<'a, str>,
        /// How long it has.
        after: Option<Duration>,
        /// Its state, as its type encodes it.
        #[serde(borrow, with = "serde_bytes")]
        state: Cow<'a, [u8]>,
    },
    /// The controller calls a method of an object of its own. Nobody asks, and nobody asks again.
    Own {
        /// What is called.
        #[serde(borrow)]
        invocation: Invocation<'a>,
    },
    /// Nothing but that time has passed.
    Tick,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Of [`Command::Open`].
    Opened(SessionId),
    /// Of a call, also the controller's own: its result was appended. Of a batch: a list of them, each as bytes.
    Value,
    /// Of [`Command::Destroy`], [`Command::Expire`] and [`Command::Import`]: whether the object was there.
    Known(bool),
    /// Of [`Command::End`] and [`Command::Tick`].
    Done,
    /// Nothing was changed.
    Refused(Denial),
}

/// Why a command has no result. But for one that is too large, nothing was changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The method itself stopped; in a batch, that of the invocation `at`.
    #[error("the method stopped")]
    Stopped {
        /// Which invocation.
        at: usize,
        /// Why.
        stop: Stop,
    },
    /// It was carried out, but its result is larger than a reply may be.
    #[error("a result of {0} bytes")]
    TooLarge(usize),
    /// The store does not let it come to that.
    #[error(transparent)]
    Refused(#[from] DataError),
}

impl Denial {
    /// The same, if it is of a method: that of the invocation `at` of several.
    pub(super) fn of_step(self, at: usize) -> Self {
        match self {
            Self::Stopped { stop, .. } => Self::Stopped { at, stop },
            other => other,
        }
    }
}

impl From<Stop> for Denial {
    fn from(stop: Stop) -> Self {
        Self::Stopped { at: 0, stop }
    }
}
