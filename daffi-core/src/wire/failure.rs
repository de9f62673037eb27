//! A failed call as it travels: a stable code and text, so that codes of newer peers survive.

use std::time::Duration;

use serde::de::value::{Error as ValueError, StringDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::{BodyError, body};
use crate::config;
use crate::error::{CallError, Code, DataError, Error, ErrorValue, Ran, Stage};
use crate::name::NodeName;

/// A failed call as it travels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    ran: Option<Ran>,
    /// The main text: a name, a message, what was expected.
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    /// The second text: what was got, where it panicked, the type of an error.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<NodeName>,
    /// Nearest names, or the causes of an error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "known_stage")]
    stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    /// The error itself, encoded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    value: Vec<u8>,
}

/// A stage that only a newer peer knows is one in which the call may have run.
fn known_stage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Stage>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    let stage = name.map(|name| {
        let name: StringDeserializer<ValueError> = name.into_deserializer();
        Stage::deserialize(name).unwrap_or(Stage::Running)
    });
    Ok(stage)
}

impl Failure {
    /// The failure as bytes.
    pub fn encode(&self) -> Vec<u8> {
        body::must_encode(self)
    }

    /// The failure that `bytes` are.
    ///
    /// # Errors
    /// [`BodyError`] if they are not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, BodyError> {
        body::decode(bytes)
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        let base = Self { code: error.code().number(), ran: Some(error.ran()), ..Self::default() };
        match error.clone() {
            CallError::NoSuchCallback { name, similar } => Self { text: name, list: similar, ..base },
            CallError::NoSuchNode { node, similar } => Self { text: node, list: similar, ..base },
            CallError::BadArguments { expected, got } => Self { text: expected, detail: got, ..base },
            CallError::Denied { what } | CallError::Busy { what } => Self { text: what, ..base },
            CallError::TimedOut { stage, node, after } => {
                let number = u64::try_from(after.as_millis()).ok();
                Self { stage: Some(stage), node, number, ..base }
            }
            CallError::Cancelled { .. } | CallError::Disconnected { .. } | CallError::WouldBlock => base,
            CallError::NodeLost { node, .. } => Self { node: Some(node), ..base },
            CallError::Panicked { node, message, at } => {
                Self { node: Some(node), text: message, detail: at, ..base }
            }
            CallError::Remote { node, kind, message, chain, value } => {
                let value = value.map(|value| value.as_bytes().to_vec()).unwrap_or_default();
                Self { node: Some(node), text: message, detail: kind, list: chain, value, ..base }
            }
            CallError::BadReply { node, message } => Self { node: Some(node), text: message, ..base },
            CallError::TooLarge { what, bytes, limit, .. } => {
                Self { text: what, number: Some(bytes), limit: Some(limit), ..base }
            }
            CallError::TooFew { .. } => Self { text: error.to_string(), ..base },
            CallError::Protocol { message, .. } => Self { text: message, ..base },
            CallError::Unknown { code, message, .. } => Self { code, text: message, ..base },
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        let Failure { code, ran, text, detail, node, list, stage, number, limit, value } = failure;
        // A peer that leaves out whether it ran does not know.
        let ran = ran.unwrap_or(Ran::Maybe);
        let Some(known) = Code::from_number(code) else { return Self::Unknown { code, message: text, ran } };
        let unknown_node = || NodeName::new("unknown").expect("a good name");
        match known {
            Code::NoSuchCallback => Self::NoSuchCallback { name: text, similar: list },
            Code::NoSuchNode => Self::NoSuchNode { node: text, similar: list },
            Code::BadArguments => Self::BadArguments { expected: text, got: detail },
            Code::Denied => Self::Denied { what: text },
            Code::Busy => Self::Busy { what: text },
            Code::TimedOut => Self::TimedOut {
                stage: stage.unwrap_or(Stage::Running),
                node,
                after: Duration::from_millis(number.unwrap_or_default()),
            },
            Code::Cancelled => Self::Cancelled { ran },
            Code::Disconnected => Self::Disconnected { ran },
            Code::NodeLost => Self::NodeLost { node: node.unwrap_or_else(unknown_node), ran },
            Code::Panicked => {
                Self::Panicked { node: node.unwrap_or_else(unknown_node), message: text, at: detail }
            }
            Code::Remote => {
                let node = node.unwrap_or_else(unknown_node);
                // What is larger than any sender of ours makes it is not kept as long as the error is.
                let is_there = !value.is_empty() && value.len() <= config::ERROR_VALUE_BYTES_MAX;
                let value = is_there.then(|| ErrorValue::new(value));
                Self::Remote { node, kind: detail, message: text, chain: list, value }
            }
            Code::BadReply => Self::BadReply { node: node.unwrap_or_else(unknown_node), message: text },
            Code::TooLarge => {
                let (bytes, limit) = (number.unwrap_or_default(), limit.unwrap_or_default());
                Self::TooLarge { what: text, bytes, limit, ran }
            }
            Code::WouldBlock => Self::WouldBlock,
            Code::Protocol => Self::Protocol { message: text, ran },
            // Codes that are no call's own: the text is all there is to say.
            Code::Configuration
            | Code::NameTaken
            | Code::TooFew
            | Code::Version
            | Code::Unreachable
            | Code::InUse
            | Code::Conflict
            | Code::Stale
            | Code::NotHeld
            | Code::WrongValue
            | Code::Full
            | Code::NoSuchObject
            | Code::ConditionFailed
            | Code::Forgotten
            | Code::NoNode
            | Code::QuorumNotAchieved
            | Code::QuorumIsImpossible
            | Code::Quarantined => Self::Unknown { code, message: text, ran },
        }
    }
}

impl CallError {
    /// The error that the callback returned, if this is a [`Remote`](Self::Remote) one that brought it along: the
    /// callback's error type is `Serialize`, and no larger than
    /// [`ERROR_VALUE_BYTES_MAX`](config::ERROR_VALUE_BYTES_MAX) when encoded.
    ///
    /// `E` need not be the very type of the callee, only one of the same shape: that is why a caller may declare its
    /// own. `None` if the value does not fit `E`.
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        let Self::Remote { value: Some(value), .. } = self else { return None };
        body::decode(value.as_bytes()).ok()
    }
}

impl From<CallError> for DataError {
    /// The controller's own error where it sent one; else the call's.
    fn from(error: CallError) -> Self {
        match &error {
            CallError::Remote { kind, .. } if kind == "DataError" => {
                error.downcast().unwrap_or(Self::Call(error))
            }
            _ => Self::Call(error),
        }
    }
}

impl Error {
    /// As [`CallError::downcast`].
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        match self {
            Self::Call(error) | Self::Data(DataError::Call(error)) => error.downcast(),
            Self::Data(_) | Self::Connect(_) | Self::Bind(_) | Self::Register(_) | Self::Quorum(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> NodeName {
        NodeName::new("proc1").expect("a good name")
    }

    #[test]
    fn every_error_of_a_call_survives_the_journey() {
        let errors = [
            CallError::NoSuchCallback { name: "f".into(), similar: vec!["g".into()] },
            CallError::NoSuchNode { node: "n".into(), similar: vec![] },
            CallError::BadArguments { expected: "f(a: i64)".into(), got: "nothing".into() },
            CallError::Denied { what: "call f".into() },
            CallError::Busy { what: "proc1 has 1,024 calls".into() },
            CallError::TimedOut {
                stage: Stage::Waiting,
                node: Some(node()),
                after: Duration::from_millis(5),
            },
            CallError::TimedOut { stage: Stage::Queued, node: None, after: Duration::ZERO },
            CallError::Cancelled { ran: Ran::No },
            CallError::NodeLost { node: node(), ran: Ran::Maybe },
            CallError::Disconnected { ran: Ran::Maybe },
            CallError::Panicked { node: node(), message: "oh".into(), at: "a.rs:1".into() },
            CallError::Remote {
                node: node(),
                kind: "E".into(),
                message: "m".into(),
                chain: vec!["c".into()],
                value: None,
            },
            CallError::Remote {
                node: node(),
                kind: "E".into(),
                message: "m".into(),
                chain: Vec::new(),
                value: Some(ErrorValue::new([0x2a])),
            },
            CallError::BadReply { node: node(), message: "m".into() },
            CallError::TooLarge { what: "reply".into(), bytes: 9, limit: 8, ran: Ran::Yes },
            CallError::Protocol { message: "m".into(), ran: Ran::No },
            CallError::WouldBlock,
        ];

        for error in errors {
            let bytes = Failure::from(&error).encode();

            assert_eq!(Failure::decode(&bytes).map(CallError::from), Ok(error));
        }
    }

    #[test]
    fn a_stage_of_a_newer_peer_is_one_that_may_have_run() {
        #[derive(Serialize)]
        struct Newer {
            code: u16,
            stage: &'static str,
        }
        let bytes = body::encode(&Newer { code: 408, stage: "Somewhere" }).expect("it encodes");

        let error = Failure::decode(&bytes).map(CallError::from).expect("a failure");

        assert!(matches!(error, CallError::TimedOut { stage: Stage::Running, .. }), "{error}");
        assert_eq!(error.ran(), Ran::Maybe);
    }

    #[test]
    fn an_error_comes_back_as_whatever_has_its_shape() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        enum Ours {
            Sold { left: u32 },
        }
        #[derive(Debug, PartialEq, Deserialize)]
        enum Theirs {
            Sold { left: u64 },
        }
        let value = body::encode(&Ours::Sold { left: 3 }).expect("it encodes");
        let (kind, message) = ("E".to_owned(), "m".to_owned());
        let value = Some(ErrorValue::new(value));
        let error = CallError::Remote { node: node(), kind, message, chain: Vec::new(), value };

        assert_eq!(error.downcast(), Some(Ours::Sold { left: 3 }));
        assert_eq!(Error::from(error.clone()).downcast(), Some(Theirs::Sold { left: 3 }));
        assert_eq!(error.downcast::<u8>(), None);
        assert_eq!(CallError::Cancelled { ran: Ran::No }.downcast::<()>(), None);
    }

    #[test]
    fn a_value_beyond_the_bound_is_left_out() {
        let value = vec![0; config::ERROR_VALUE_BYTES_MAX + 1];
        let failure = Failure { code: Code::Remote.number(), value, ..Failure::default() };

        assert!(matches!(CallError::from(failure), CallError::Remote { value: None, .. }));
    }

    #[test]
    fn a_code_of_a_newer_peer_keeps_its_number_and_text() {
        let newer = Failure { code: 777, ran: Some(Ran::No), text: "quota".into(), ..Failure::default() };

        let error = CallError::from(newer);

        assert_eq!(error, CallError::Unknown { code: 777, message: "quota".into(), ran: Ran::No });
    }
}
