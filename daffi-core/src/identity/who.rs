//! Who is at the other end of a session.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::role::Role;

/// How an identity was proved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Kind {
    /// A process of a user of this machine, as the kernel says, or as the key in that user's directory proves.
    Local {
        /// The user.
        uid: u32,
    },
    /// A token.
    Token {
        /// Its number.
        id: String,
        /// Its name.
        name: String,
    },
    /// Somebody who has the shared secret.
    Shared,
    /// A certificate of somebody else's authority.
    Certificate {
        /// Whom it names.
        name: String,
    },
    /// Anybody: the controller asks for no proof.
    Anybody,
    /// A node in the process of the controller.
    Memory,
}

/// Who is at the other end of a session, and what that one may do. It is written down with what it leaves to be done later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// How it was proved.
    pub kind: Kind,
    /// What it may do.
    pub role: Arc<Role>,
    /// When it ends, in milliseconds since the UNIX epoch.
    pub expires_ms: Option<u64>,
    /// Why it is not let in, though its proof is good.
    pub refusal: Option<String>,
}

impl Identity {
    /// One that holds for ever.
    pub fn new(kind: Kind, role: Role) -> Self {
        Self { kind, role: Arc::new(role), expires_ms: None, refusal: None }
    }

    /// A node in the process of the controller, which may do everything.
    pub fn memory() -> Self {
        Self::new(Kind::Memory, Role::everything())
    }

    /// One that is not let in.
    pub fn refused(kind: Kind, why: impl Into<String>) -> Self {
        Self { refusal: Some(why.into()), ..Self::new(kind, Role::default()) }
    }

    /// Why it may do nothing, or nothing any more, at `unix_ms`.
    pub fn objection(&self, unix_ms: u64) -> Option<String> {
        if self.refusal.is_some() {
            return self.refusal.clone();
        }
        let has_expired = self.expires_ms.is_some_and(|expires| expires <= unix_ms);
        has_expired.then(|| format!("{self} has expired; ask for a new one"))
    }

    /// Whether both are the same one, whatever their roles.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
    }

    /// Whether it is the token of this number.
    pub fn is_token(&self, number: &str) -> bool {
        matches!(&self.kind, Kind::Token { id, .. } if id == number)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Local { uid } => write!(f, "user {uid}"),
            Kind::Token { id, name } if name.is_empty() => write!(f, "token {id}"),
            Kind::Token { id, name } => write!(f, "token `{name}` ({id})"),
            Kind::Shared => f.write_str("the shared secret"),
            Kind::Certificate { name } => write!(f, "certificate `{name}`"),
            Kind::Anybody => f.write_str("anybody"),
            Kind::Memory => f.write_str("this process"),
        }
    }
}
