//! A failed call as it travels: a stable code and text, so that codes of newer peers survive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BodyError, body};
use crate::error::{CallError, Code, Ran, Stage};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
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
            CallError::Cancelled { .. } | CallError::Disconnected { .. } => base,
            CallError::NodeLost { node, .. } => Self { node: Some(node), ..base },
            CallError::Panicked { node, message, at } => {
                Self { node: Some(node), text: message, detail: at, ..base }
            }
            CallError::Remote { node, kind, message, chain } => {
                Self { node: Some(node), text: message, detail: kind, list: chain, ..base }
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
        let Failure { code, ran, text, detail, node, list, stage, number, limit } = failure;
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
                Self::Remote { node, kind: detail, message: text, chain: list }
            }
            Code::BadReply => Self::BadReply { node: node.unwrap_or_else(unknown_node), message: text },
            Code::TooLarge => {
                let (bytes, limit) = (number.unwrap_or_default(), limit.unwrap_or_default());
                Self::TooLarge { what: text, bytes, limit, ran }
            }
            Code::Protocol => Self::Protocol { message: text, ran },
            // Codes that are no call's own: the text is all there is to say.
            Code::Configuration
            | Code::NameTaken
            | Code::TooFew
            | Code::Version
            | Code::Unreachable
            | Code::InUse => Self::Unknown { code, message: text, ran },
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
            CallError::Cancelled { ran: Ran::No },
            CallError::NodeLost { node: node(), ran: Ran::Maybe },
            CallError::Disconnected { ran: Ran::Maybe },
            CallError::Panicked { node: node(), message: "oh".into(), at: "a.rs:1".into() },
            CallError::Remote {
                node: node(),
                kind: "E".into(),
                message: "m".into(),
                chain: vec!["c".into()],
            },
            CallError::BadReply { node: node(), message: "m".into() },
            CallError::TooLarge { what: "reply".into(), bytes: 9, limit: 8, ran: Ran::Yes },
            CallError::Protocol { message: "m".into(), ran: Ran::No },
        ];

        for error in errors {
            let bytes = Failure::from(&error).encode();

            assert_eq!(Failure::decode(&bytes).map(CallError::from), Ok(error));
        }
    }

    #[test]
    fn a_code_of_a_newer_peer_keeps_its_number_and_text() {
        let newer = Failure { code: 777, ran: Some(Ran::No), text: "quota".into(), ..Failure::default() };

        let error = CallError::from(newer);

        assert_eq!(error, CallError::Unknown { code: 777, message: "quota".into(), ran: Ran::No });
    }
}
