//! Who is who, and who may do what: tokens, keys, roles, and the TLS configurations made of them.
//!
//! Everything rests on ordinary mutual TLS without a verifier of our own. A mesh has a key, whose public half every
//! token holder knows; every token is the private key of a certificate authority of its own, whose public half the
//! controller knows. Both sides issue themselves a leaf in memory whenever they start.

mod access;
mod authority;
mod credentials;
mod join;
mod mesh_key;
mod pki;
mod role;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod tokens;
mod who;

pub use access::{Access, AccessOptions, NewToken};
pub use credentials::{Credentials, Source, is_loopback};
pub use join::JoinString;
pub use mesh_key::MeshKey;
pub use pki::CertificateFiles;
pub use role::{BadPattern, Pattern, Role};
pub use secret::{PublicKey, Secret, Seed};
pub use store::StateDirectory;
pub use tokens::{Token, TokenState, Tokens};
pub use who::{Identity, Kind};

use crate::config;
use crate::error::{BindError, CallError, ConnectError};

/// The names of the authorities that tokens are.
mod tokens_authority {
    pub(super) const PREFIX: &str = "daffi token ";
    /// Of the key in a user's state directory.
    pub(super) const LOCAL: &str = "local";
    /// Of a shared secret.
    pub(super) const SHARED: &str = "shared";
    /// Of what everybody has.
    pub(super) const OPEN: &str = "open";

    pub(super) fn name(id: &str) -> String {
        format!("{PREFIX}{id}")
    }
}

/// Why a key, a token or a certificate cannot be used. No text of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The text is not a join string.
    #[error("not a join string: {0}; one is made by `daffi token new`")]
    BadJoin(&'static str),
    /// The shared secret could be guessed.
    #[error(
        "a shared secret has at least {} bits, this one at most {bits}; \
         a good one is printed by: openssl rand -hex 32",
        config::SECRET_BITS_MIN
    )]
    ShortSecret {
        /// The most that its letters can carry.
        bits: usize,
    },
    /// A file is missing, or holds nothing that could be used.
    #[error("{path}: {reason}")]
    File {
        /// The file or directory.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that holds a secret belongs to somebody else, or is open to others.
    #[error("{path}: {reason}")]
    Exposed {
        /// The file or directory.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no directory that keys could be kept in.
    #[error("no place for keys: neither --data-dir, XDG_STATE_HOME nor HOME is set")]
    NoStateDirectory,
    /// Nothing says who this node is, and the address is not of the loopback interface.
    #[error(
        "{address} is not a loopback address, and this node has nothing to show there: set DAFFI_JOIN_FILE to the file \
         that `daffi token new` wrote, or DAFFI_SECRET to the secret that the mesh shares"
    )]
    NoCredentials {
        /// Where it would have connected.
        address: String,
    },
    /// There are as many tokens as there may be.
    #[error("there are {} tokens already; revoke some", config::TOKENS_MAX)]
    TooManyTokens,
    /// A live token has the name.
    #[error("there is a token `{0}` already; revoke it first, or choose another name")]
    TokenExists(String),
    /// No live token has the name.
    #[error("there is no token `{0}`")]
    NoSuchToken(String),
    /// The controller has no use for tokens.
    #[error("{0}")]
    NoTokens(&'static str),
    /// A name or an option of a token makes no sense.
    #[error("{0}")]
    BadToken(String),
}

impl IdentityError {
    /// As the error of a node that would connect to `address`.
    pub fn while_connecting(&self, address: &str) -> ConnectError {
        ConnectError::Credentials { address: address.to_owned(), reason: self.to_string() }
    }

    /// As the error of a controller that would start.
    pub fn while_binding(&self) -> BindError {
        match self {
            Self::Exposed { path, reason } => {
                BindError::Unsafe { path: path.clone(), reason: reason.clone() }
            }
            other => BindError::Credentials { reason: other.to_string() },
        }
    }

    /// As the outcome of a call of one of the controller's own callbacks.
    pub fn while_called(&self) -> CallError {
        let text = self.to_string();
        match self {
            Self::TooManyTokens => CallError::Busy { what: text },
            Self::NoSuchToken(name) => {
                CallError::NoSuchCallback { name: format!("token {name}"), similar: Vec::new() }
            }
            _ => CallError::BadArguments { expected: "a token".into(), got: text },
        }
    }
}
