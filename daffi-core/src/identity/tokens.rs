//! The tokens of a controller: their public keys, roles and ends, in a file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::IdentityError;
use super::role::Role;
use super::secret::{PublicKey, Seed};
use super::store::{self, StateDirectory};
use crate::config::{TOKENS_ENDED_MAX, TOKENS_MAX};
use crate::name::NodeName;

/// What a controller knows of a token: enough to recognise it, not to be it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its number.
    pub id: String,
    /// Its name, for people; no two live tokens share one.
    pub name: String,
    /// The public half of its key.
    pub key: PublicKey,
    /// What it may do.
    pub role: Role,
    /// When it was made, in milliseconds since the UNIX epoch.
    pub created_ms: u64,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_ms: Option<u64>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_ms: Option<u64>,
}

/// Whether a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TokenState {
    /// It is.
    Live,
    /// Its time is over.
    Expired,
    /// An operator ended it.
    Revoked,
}

impl Token {
    /// Whether it is good at `now_ms`.
    pub fn state(&self, now_ms: u64) -> TokenState {
        if self.revoked_ms.is_some() {
            TokenState::Revoked
        } else if self.expires_ms.is_some_and(|expires| expires <= now_ms) {
            TokenState::Expired
        } else {
            TokenState::Live
        }
    }

    fn ended_ms(&self) -> u64 {
        self.revoked_ms.or(self.expires_ms).unwrap_or(u64::MAX)
    }
}

/// All tokens of a controller, the oldest first.
///
/// At most [`TOKENS_MAX`] are live. Of those that have ended the last [`TOKENS_ENDED_MAX`] are remembered, so that
/// whoever still shows one is told why it is not good; an older one is as unknown as one that never was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    tokens: Vec<Token>,
}

impl Tokens {
    /// The tokens in the state directory: none if there is no file yet.
    ///
    /// # Errors
    /// [`IdentityError::File`] if it cannot be read or understood, or others can read it.
    pub fn load(directory: &StateDirectory) -> Result<Self, IdentityError> {
        let path = directory.file(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = store::read_private(&path)?;
        serde_json::from_str(&text).map_err(|error| broken(&path, &error))
    }

    pub(super) fn save(&self, directory: &StateDirectory) -> Result<(), IdentityError> {
        let text = serde_json::to_string_pretty(self).expect("tokens are plain data");
        directory.replace(FILE, &text).map(drop)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter()
    }

    /// The token of a number.
    pub fn find(&self, id: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.id == id)
    }

    /// Whether any is good at `now_ms`.
    pub fn has_live(&self, now_ms: u64) -> bool {
        self.live(now_ms).next().is_some()
    }

    fn live(&self, now_ms: u64) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(move |token| token.state(now_ms) == TokenState::Live)
    }

    /// Makes a token; its private key is known nowhere else.
    ///
    /// # Errors
    /// [`IdentityError`] if the name is taken or none, or there are too many. Nothing has changed.
    pub fn create(
        &mut self,
        name: &str,
        role: Role,
        expires_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<(Token, Seed), IdentityError> {
        let bad = |reason: String| IdentityError::BadToken(reason);
        NodeName::new(name).map_err(|error| bad(format!("`{name}` cannot name a token: {error}")))?;
        let role = role.checked().map_err(bad)?;
        if expires_ms.is_some_and(|expires| expires <= now_ms) {
            return Err(bad("a token that would have expired already".into()));
        }
        if self.live(now_ms).any(|token| token.name == name) {
            return Err(IdentityError::TokenExists(name.to_owned()));
        }
        if self.live(now_ms).count() >= TOKENS_MAX {
            return Err(IdentityError::TooManyTokens);
        }
        let seed = Seed::random();
        let key = seed.public_key();
        // Of the key, so that no two are alike.
        let id = key.fingerprint();
        let token =
            Token { id, name: name.to_owned(), key, role, created_ms: now_ms, expires_ms, revoked_ms: None };
        self.tokens.push(token.clone());
        self.forget_oldest(now_ms);
        Ok((token, seed))
    }

    /// Ends the live token of this name or number for good.
    ///
    /// # Errors
    /// [`IdentityError::NoSuchToken`] if there is none.
    pub fn revoke(&mut self, name: &str, now_ms: u64) -> Result<Token, IdentityError> {
        let is_meant = |token: &&mut Token| {
            token.state(now_ms) == TokenState::Live && (token.name == name || token.id == name)
        };
        let token = self.tokens.iter_mut().find(is_meant);
        let token = token.ok_or_else(|| IdentityError::NoSuchToken(name.to_owned()))?;
        token.revoked_ms = Some(now_ms);
        let token = token.clone();
        self.forget_oldest(now_ms);
        Ok(token)
    }

    fn forget_oldest(&mut self, now_ms: u64) {
        let ended = |token: &Token| token.state(now_ms) != TokenState::Live;
        while self.tokens.iter().filter(|token| ended(token)).count() > TOKENS_ENDED_MAX {
            let oldest = self.tokens.iter().filter(|token| ended(token)).min_by_key(|token| token.ended_ms());
            let Some(id) = oldest.map(|token| token.id.clone()) else { return };
            self.tokens.retain(|token| token.id != id);
        }
    }
}

fn broken(path: &Path, error: &serde_json::Error) -> IdentityError {
    store::bad(path, format!("it is not a list of tokens: {error}"))
}

const FILE: &str = "tokens.json";
