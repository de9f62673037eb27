//! The names of nodes and callbacks: checked once where they enter, then carried as proof.

mod topic;

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::topic::{TopicPattern, escape_topic};

/// The longest name, in bytes. It fits a terminal line, and a directory of a million stays small.
pub const NAME_BYTES_MAX: usize = 128;

/// Callbacks under this prefix are the controller's own.
pub const RESERVED_PREFIX: &str = "daffi.";

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text has more than [`NAME_BYTES_MAX`] bytes.
    #[error("a name has at most {NAME_BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// The text has white space, a control character, or one that scripts would trip over.
    #[error("the character {0:?} cannot stand in a name")]
    BadCharacter(char),
    /// The text begins with `daffi.`, which is the controller's.
    #[error("names that begin with `{RESERVED_PREFIX}` are the controller's own")]
    Reserved,
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong(text.len()));
    }
    // Not `=` and not `@`: the command line gives both a meaning of their own.
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | '@' | '"' | '\'' | '`');
    text.chars().find(|c| is_bad(*c)).map_or(Ok(()), |c| Err(NameError::BadCharacter(c)))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The name of a node: unique among the nodes connected to one controller.
    NodeName
}

name! {
    /// The name of a callback, as callers say it.
    CallbackName
}

impl NodeName {
    /// What the controller is called where only a node can stand.
    pub(crate) fn controller() -> Self {
        Self::new("controller").expect("a good name")
    }

    /// Takes `text` as a name.
    ///
    /// # Errors
    /// [`NameError`] if it is empty, too long or has a character that a name cannot have.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.into()))
    }
}

impl CallbackName {
    /// Takes `text` as a name. The controller's own (`daffi.…`) are names too: one may call them.
    ///
    /// # Errors
    /// [`NameError`] if it is empty, too long or has a character that a name cannot have.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.into()))
    }

    /// Takes `text` as the name of a callback that a node offers.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`NameError::Reserved`] for the controller's own.
    pub fn offered(text: &str) -> Result<Self, NameError> {
        let name = Self::new(text)?;
        if name.is_reserved() { Err(NameError::Reserved) } else { Ok(name) }
    }

    /// Whether the name is one of the controller's own.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED_PREFIX)
    }
}

/// Whether `name` is like `pattern`, in which each `*` stands for any text.
pub fn matches_glob(pattern: &str, name: &str) -> bool {
    // What most roles say of most things; asked for each operation on a hosted object.
    if pattern == "*" {
        return true;
    }
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.len() >= tail.len() && left.ends_with(tail)
}

/// The names most like `wanted` among `known`, best first: what "did you mean" offers.
///
/// Looks at no more than 10,000 names, and at fewer if they are long, so that a miss in a large mesh stays cheap.
/// What is too long for a name is like none.
pub fn similar<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    if wanted.len() > NAME_BYTES_MAX {
        return Vec::new();
    }
    let mut pairs = 0;
    let mut scored: Vec<(f64, &str)> = known
        .take(SIMILAR_SCANNED_MAX)
        .take_while(|name| {
            pairs += wanted.len() * name.len();
            pairs <= SIMILAR_PAIRS_MAX
        })
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(score, _)| *score >= SIMILAR_SCORE_MIN)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(SIMILAR_MAX);
    scored.into_iter().map(|(_, name)| name.to_owned()).collect()
}

const SIMILAR_SCANNED_MAX: usize = 10_000;
/// Characters are compared in pairs; so many take some milliseconds.
const SIMILAR_PAIRS_MAX: usize = 2_000_000;
const SIMILAR_MAX: usize = 3;
/// Below this, Jaro-Winkler finds resemblances that people do not see.
const SIMILAR_SCORE_MIN: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_refuses_what_scripts_would_trip_over() {
        assert_eq!(NodeName::new(""), Err(NameError::Empty));
        assert_eq!(NodeName::new("a b"), Err(NameError::BadCharacter(' ')));
        assert_eq!(NodeName::new("a=b"), Err(NameError::BadCharacter('=')));
        assert_eq!(NodeName::new(&"x".repeat(129)), Err(NameError::TooLong(129)));
        assert!(NodeName::new("proc1").is_ok());
    }

    #[test]
    fn a_node_cannot_offer_a_name_of_the_controller() {
        assert_eq!(CallbackName::offered("daffi.stats"), Err(NameError::Reserved));
        assert!(CallbackName::new("daffi.stats").is_ok());
    }

    #[test]
    fn what_is_too_long_for_a_name_is_like_none() {
        let long = "x".repeat(NAME_BYTES_MAX);
        let known = [long.as_str()];

        assert_eq!(similar(&long, known.into_iter()), known);
        assert!(similar(&format!("{long}x"), known.into_iter()).is_empty());
    }

    #[test]
    fn long_names_are_not_all_looked_at() {
        let long = "x".repeat(NAME_BYTES_MAX);
        let mut looked_at = 0;

        similar(&long, std::iter::repeat_n(long.as_str(), 10_000).inspect(|_| looked_at += 1));

        assert!((100..200).contains(&looked_at), "{looked_at} names");
    }

    #[test]
    fn the_nearest_names_come_first() {
        let known = ["func1", "func3", "load", "reload"];

        assert_eq!(similar("func33", known.into_iter()), ["func3", "func1"]);
        assert!(similar("zzz", known.into_iter()).is_empty());
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in
            [("add", "add"), ("a*", "add"), ("*", "add"), ("shop.*.new", "shop.order.new"), ("*d*d", "add")]
        {
            assert!(matches_glob(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("ad", "add"), ("b*", "add"), ("a*a", "a"), ("shop.*.new", "shop.new"), ("*x*", "add")]
        {
            assert!(!matches_glob(pattern, name), "{pattern} {name}");
        }
    }
}
