//! What an identity may do: patterns of names, one list for each kind of deed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::name::{self, NAME_BYTES_MAX};

/// The text cannot be a pattern of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a pattern: it is a name in which `*` may stand for any text")]
pub struct BadPattern(String);

/// A name in which each `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Takes `text` as a pattern.
    ///
    /// # Errors
    /// [`BadPattern`] if no name could be like it.
    pub fn new(text: &str) -> Result<Self, BadPattern> {
        let is_bad =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '=' | '@' | '"' | '\'' | '`');
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(is_bad) {
            return Err(BadPattern(text.chars().take(NAME_BYTES_MAX).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    fn any() -> Self {
        Self("*".into())
    }

    /// Whether `name` is like it.
    pub fn matches(&self, name: &str) -> bool {
        name::matches_glob(&self.0, name)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadPattern;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

/// What an identity may do. An empty list allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Callbacks it may call, now and by a schedule.
    #[serde(default)]
    pub call: Vec<Pattern>,
    /// Callbacks it may offer.
    #[serde(default)]
    pub serve: Vec<Pattern>,
    /// Hosted objects it may read, as `hash/orders`.
    #[serde(default)]
    pub read: Vec<Pattern>,
    /// Hosted objects it may change.
    #[serde(default)]
    pub write: Vec<Pattern>,
    /// Callbacks of the controller's own that need a right (`daffi.node.kick`, `daffi.token.*`, and what others
    /// began: `daffi.job.*`, `daffi.schedule.*`).
    #[serde(default)]
    pub admin: Vec<Pattern>,
}

impl Role {
    /// Everything.
    pub fn everything() -> Self {
        Self { admin: vec![Pattern::any()], ..Self::everything_but_admin() }
    }

    /// Everything but what an operator does.
    pub fn everything_but_admin() -> Self {
        let any = || vec![Pattern::any()];
        Self { call: any(), serve: any(), read: any(), write: any(), admin: Vec::new() }
    }

    /// Whether it may call `name`.
    pub fn may_call(&self, name: &str) -> bool {
        allows(&self.call, name)
    }

    /// Whether it may offer `name`.
    pub fn may_serve(&self, name: &str) -> bool {
        allows(&self.serve, name)
    }

    /// Whether it may read the hosted object `name`, as in `hash/orders`.
    pub fn may_read(&self, name: &str) -> bool {
        allows(&self.read, name)
    }

    /// Whether it may change the hosted object `name`.
    pub fn may_write(&self, name: &str) -> bool {
        allows(&self.write, name)
    }

    /// Whether it may call the controller's own `name`, which needs a right, in a matter of others.
    pub fn may_administer(&self, name: &str) -> bool {
        allows(&self.admin, name)
    }

    /// The role, if its lists are no longer than they may be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked(self) -> Result<Self, String> {
        let lists = [&self.call, &self.serve, &self.read, &self.write, &self.admin];
        if lists.iter().any(|list| list.len() > config::PATTERNS_MAX) {
            return Err(format!("a role has at most {} patterns of a kind", config::PATTERNS_MAX));
        }
        if lists.iter().all(|list| list.is_empty()) {
            return Err(
                "a token that may do nothing: say what with --call, --serve, --read, --write or --admin"
                    .into(),
            );
        }
        Ok(self)
    }
}

fn allows(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::everything() {
            return f.write_str("everything");
        }
        let lists = [
            ("call", &self.call),
            ("serve", &self.serve),
            ("read", &self.read),
            ("write", &self.write),
            ("admin", &self.admin),
        ];
        let mut separator = "";
        for (deed, patterns) in lists.into_iter().filter(|(_, patterns)| !patterns.is_empty()) {
            let names: Vec<&str> = patterns.iter().map(|pattern| pattern.0.as_str()).collect();
            write!(f, "{separator}{deed} {}", names.join(" "))?;
            separator = ", ";
        }
        Ok(())
    }
}
