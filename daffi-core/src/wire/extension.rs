//! The extension map: what few calls need, by name. Entries of newer versions are skipped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{WireError, body};

/// What a call may say beside its header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// The callback's name, while the caller does not know its number.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The node that shall run it.
    #[serde(rename = "on", skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Calls of one key go to one node.
    #[serde(rename = "k", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Milliseconds to wait before it is sent to a callee.
    #[serde(rename = "eta", skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
    /// A broadcast that includes its sender.
    #[serde(rename = "self", skip_serializing_if = "std::ops::Not::not")]
    pub include_self: bool,
    /// The W3C trace context of the caller.
    #[serde(rename = "tp", skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// It may have run before, or is running: only a node that offers it as idempotent may run it. Not looked at in a
    /// call with an `eta`, which has not run.
    #[serde(rename = "again", skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// The number of a call of the same caller whose node shall not run this one, nor anybody once that is over.
    #[serde(rename = "apart", skip_serializing_if = "Option::is_none")]
    pub apart: Option<u64>,
    /// The number under which an operation on a hosted object was first sent, if it may have been carried out then.
    #[serde(rename = "first", skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
}

impl Extension {
    /// Nothing to say.
    pub const NONE: Self = Self {
        name: None,
        on: None,
        key: None,
        eta_ms: None,
        include_self: false,
        traceparent: None,
        again: false,
        apart: None,
        first: None,
    };

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How long to wait before it is sent to a callee.
    pub fn eta(&self) -> Option<Duration> {
        self.eta_ms.map(Duration::from_millis)
    }

    /// What the callee shall see of it, as bytes: what steered the call was for the controller.
    pub fn for_callee(&self) -> Vec<u8> {
        if self.traceparent.is_none() {
            return Vec::new();
        }
        Self { traceparent: self.traceparent.clone(), ..Self::default() }.encode()
    }

    /// The map as bytes; none if there is nothing to say.
    pub fn encode(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        body::must_encode(self)
    }

    /// The map that `bytes` are.
    ///
    /// # Errors
    /// [`WireError::Malformed`] if they are not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        body::decode(bytes).map_err(|error| WireError::Malformed { what: "extension map", why: error.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_a_newer_version_is_skipped() {
        #[derive(Serialize)]
        struct Newer {
            n: &'static str,
            colour: &'static str,
        }
        let bytes = body::encode(&Newer { n: "add", colour: "red" }).expect("it encodes");

        let extension = Extension::decode(&bytes).expect("it decodes");

        assert_eq!(extension, Extension { name: Some("add".into()), ..Extension::default() });
    }

    #[test]
    fn nothing_to_say_takes_no_bytes() {
        assert!(Extension::default().encode().is_empty());
        assert_eq!(Extension::decode(&[]), Ok(Extension::default()));
    }
}
