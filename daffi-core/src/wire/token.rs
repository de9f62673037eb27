//! Tokens, as an operator asks for them and is shown them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::{Role, TokenState};

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSpec {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// After how many milliseconds it ends by itself.
    #[serde(default)]
    pub expires_in_ms: Option<u64>,
    /// Where its holder finds the controller, as host:port; left out, the controller says what it knows.
    #[serde(default)]
    pub host: Option<String>,
}

/// A token as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Its number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it is good.
    pub state: TokenState,
    /// When it was made, in milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_ms: Option<u64>,
}

/// A token that was just made. Its `Debug` leaves the secret out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMade {
    /// The token.
    pub entry: TokenEntry,
    /// What its holder joins with: a secret.
    pub join: String,
}

impl fmt::Debug for TokenMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMade").field("entry", &self.entry).finish_non_exhaustive()
    }
}
