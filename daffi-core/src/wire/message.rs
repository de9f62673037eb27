//! The control messages. Each is a MessagePack map; entries of newer versions are skipped.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{WireError, body};
use crate::name::{CallbackName, NodeName};

/// The versions of the protocol that a side speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The oldest.
    pub oldest: u16,
    /// The newest.
    pub newest: u16,
}

impl Versions {
    /// What this build speaks.
    pub const OURS: Self = Self { oldest: 1, newest: 1 };

    /// The newest version that both sides speak.
    pub fn common(self, other: Self) -> Option<u16> {
        let newest = self.newest.min(other.newest);
        (newest >= self.oldest.max(other.oldest)).then_some(newest)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.oldest == self.newest {
            write!(f, "{}", self.newest)
        } else {
            write!(f, "{} to {}", self.oldest, self.newest)
        }
    }
}

/// A node says who it is. The first frame of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The versions it speaks.
    pub versions: Versions,
    /// Its name.
    pub node: NodeName,
    /// A number that no other start of a node has: 128 bits, chosen at random when the node starts. It travels as bytes.
    pub incarnation: u128,
    /// Calls it runs at a time.
    pub concurrency: u32,
    /// Whether it takes the name over from a live node.
    #[serde(default)]
    pub take_over: bool,
    /// Whether others see it: scripts that only call stay out of the list of nodes.
    #[serde(default)]
    pub hidden: bool,
    /// The program and its version, for people.
    #[serde(default)]
    pub software: String,
    /// The session it had and would go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// A node would go on with a session whose link broke.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The number of the session.
    pub session: u32,
    /// What the controller said with its [`Welcome`]: who has it is the node of that session.
    pub secret: (u64, u64),
    /// Bytes of the lane that the node has, from after the first handshake.
    pub received: u64,
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume")
            .field("session", &self.session)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// The controller takes a node in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version both will speak.
    pub version: u16,
    /// The number of the session at this controller.
    pub session: u32,
    /// A number that no other start of a controller has.
    pub controller: u64,
    /// The largest frame it takes, in bytes after the length field.
    pub frame_bytes_max: u32,
    /// Calls that the node may have outstanding.
    pub calls_in_flight_max: u32,
    /// The secret by which the node may go on with this session over another link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<(u64, u64)>,
    /// How long the session of a node whose link broke is kept for it, in milliseconds.
    #[serde(default)]
    pub grace_ms: u32,
    /// The node goes on with the session that it asked for; the controller has so many bytes of its lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<u64>,
}

impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All but the secret.
        f.debug_struct("Welcome")
            .field("version", &self.version)
            .field("session", &self.session)
            .field("controller", &self.controller)
            .field("resumed", &self.resumed)
            .finish_non_exhaustive()
    }
}

/// One parameter of a callback.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, as the callee's source spells it.
    #[serde(rename = "type")]
    pub ty: String,
}

/// What running a callback twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Effect {
    /// Not known: it is run at most once.
    #[default]
    Once,
    /// The same as running it once.
    Idempotent,
}

/// What a callback takes and returns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signature {
    /// Its name.
    pub name: CallbackName,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The type of its result, as the callee's source spells it.
    pub result: String,
    /// Its documentation.
    #[serde(default)]
    pub doc: String,
    /// What running it twice would do.
    #[serde(default)]
    pub effect: Effect,
    /// Whether it takes whatever it is given: a shell command, say.
    #[serde(default)]
    pub variadic: bool,
}

impl Signature {
    /// Whether both take and return the same, whatever their documentation says.
    pub fn is_same_shape(&self, other: &Self) -> bool {
        self.name == other.name
            && self.parameters == other.parameters
            && self.result == other.result
            && self.variadic == other.variadic
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (at, parameter) in self.parameters.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {}", parameter.name, parameter.ty)?;
        }
        f.write_str(if self.variadic { "…)" } else { ")" })?;
        if self.result == "()" { Ok(()) } else { write!(f, " -> {}", self.result) }
    }
}

/// A callback as a node offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The number that calls of it shall carry.
    pub id: u32,
    /// What it takes and returns.
    pub signature: Signature,
}

/// A node offers callbacks. Answered by a reply of the same call number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The callbacks.
    pub callbacks: Vec<Offered>,
    /// Whether these are the last of those the node starts with: it is visible from then on.
    pub ready: bool,
}

/// A node withdraws callbacks. Answered by a reply of the same call number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unregister {
    /// Their names.
    pub names: Vec<CallbackName>,
}

/// Why a session is ended by the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {
    /// For people.
    pub reason: String,
}

/// The number of a background call at the controller. It is written and read in hexadecimal, as `daffi jobs` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl std::str::FromStr for JobId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// What the controller tells unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// From now on the session may call `name` by this number.
    Interned {
        /// The number.
        id: u32,
        /// The callback.
        name: CallbackName,
        /// Its signatures: one, unless nodes of several versions offer it.
        signatures: Vec<Signature>,
    },
    /// Frames that carry this number as their peer mean this node, until told otherwise.
    Peer {
        /// The number.
        id: u32,
        /// The node.
        node: NodeName,
    },
    /// Something that the session subscribed to.
    Presence(Presence),
}

/// A change in who is there and what they offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Presence {
    /// A node joined.
    Joined {
        /// The node.
        node: NodeName,
    },
    /// A node left.
    Left {
        /// The node.
        node: NodeName,
        /// Why, for people.
        reason: String,
    },
    /// A node has not answered a ping in time, or answers again.
    Suspect {
        /// The node.
        node: NodeName,
        /// Whether it is suspect now.
        suspect: bool,
    },
    /// A node offers a callback.
    Registered {
        /// The node.
        node: NodeName,
        /// The callback.
        callback: CallbackName,
    },
    /// A node withdrew a callback.
    Unregistered {
        /// The node.
        node: NodeName,
        /// The callback.
        callback: CallbackName,
    },
    /// The listener was too slow, or its link was broken for a while, and events were dropped: look again.
    Lagged,
}

macro_rules! message {
    ($($name:ident = $what:literal),+ $(,)?) => {$(
        impl $name {
            /// The message as bytes.
            pub fn encode(&self) -> Vec<u8> {
                body::must_encode(self)
            }

            /// The message that `bytes` are.
            ///
            /// # Errors
            /// [`WireError::Malformed`] if they are not one.
            pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
                decode($what, bytes)
            }
        }
    )+};
}

message! {
    Hello = "Hello", Welcome = "Welcome", Register = "Register", Unregister = "Unregister",
    Goodbye = "Goodbye", Event = "Event",
}

fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, WireError> {
    body::decode(bytes).map_err(|error| WireError::Malformed { what, why: error.0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello() -> Hello {
        Hello {
            versions: Versions::OURS,
            node: NodeName::new("proc1").expect("a good name"),
            incarnation: 7,
            concurrency: 16,
            take_over: false,
            hidden: false,
            software: "test".into(),
            resume: None,
        }
    }

    #[test]
    fn two_sides_agree_on_the_newest_version_both_speak() {
        let versions = |oldest, newest| Versions { oldest, newest };

        assert_eq!(versions(1, 3).common(versions(2, 9)), Some(3));
        assert_eq!(versions(1, 2).common(versions(3, 4)), None);
    }

    #[test]
    fn a_signature_reads_like_the_function() {
        let parameter = |name: &str| Parameter { name: name.into(), ty: "i64".into() };
        let signature = Signature {
            name: CallbackName::new("func3").expect("a good name"),
            parameters: vec![parameter("a"), parameter("b")],
            result: "i64".into(),
            doc: String::new(),
            effect: Effect::Once,
            variadic: false,
        };

        assert_eq!(signature.to_string(), "func3(a: i64, b: i64) -> i64");
    }

    #[test]
    fn a_bad_name_in_a_message_is_refused() {
        #[derive(Serialize)]
        struct Forged {
            versions: Versions,
            node: &'static str,
            incarnation: u128,
            concurrency: u32,
        }
        let forged = Forged { versions: Versions::OURS, node: "a\nb", incarnation: 1, concurrency: 1 };

        let refused = Hello::decode(&body::encode(&forged).expect("it encodes"));

        assert!(matches!(refused, Err(WireError::Malformed { what: "Hello", .. })), "{refused:?}");
    }

    #[test]
    fn an_incarnation_travels_as_bytes_and_nothing_else_of_another_length_is_one() {
        let whole = Hello { incarnation: u128::MAX - 1, ..hello() }.encode();
        let bytes = [&[0xc4, 16][..], &(u128::MAX - 1).to_be_bytes()].concat();
        let at = whole.windows(bytes.len()).position(|window| window == bytes).expect("16 bytes");

        for other in
            [&[0xc4, 1, 7][..], &[0xc4, 0], &[0xc0], &[0xa1, b'7'], &[0x90], &[0xcb, 0, 0, 0, 0, 0, 0, 0, 0]]
        {
            let forged = [&whole[..at], other, &whole[at + bytes.len()..]].concat();
            assert!(matches!(Hello::decode(&forged), Err(WireError::Malformed { .. })), "{other:02x?}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_or_altered_message_never_panics(at in 0usize..200, byte: u8, cut in 0usize..200) {
            let whole = hello().encode();
            let (at, cut) = (at % whole.len(), cut % whole.len());
            let mut bytes = whole.clone();
            bytes[at] = byte;

            drop(Hello::decode(&bytes));
            drop(Event::decode(&bytes));
            drop(Register::decode(&bytes));
            // An altered length may leave away what is cut off.
            drop(Hello::decode(&bytes[..cut]));
            prop_assert!(Hello::decode(&whole[..cut]).is_err());
        }

        #[test]
        fn decoding_undoes_encoding(incarnation: u128, concurrency: u32, take_over: bool) {
            let resume = take_over.then_some(Resume { session: concurrency, secret: (incarnation as u64, 7), received: 9 });
            let hello = Hello { incarnation, concurrency, take_over, resume, ..hello() };

            prop_assert_eq!(Hello::decode(&hello.encode()), Ok(hello));
        }
    }
}
