//! Bytes that nobody shall see, and the keys made of them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hkdf;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::IdentityError;
use crate::config;

/// Bytes of a key, private or public.
pub(super) const KEY_BYTES: usize = 32;

/// The private half of an Ed25519 key. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed([u8; KEY_BYTES]);

impl Seed {
    /// One that nobody else has.
    ///
    /// # Panics
    /// If the operating system has no randomness.
    pub fn random() -> Self {
        let mut bytes = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut bytes).expect("the operating system has randomness");
        Self(bytes)
    }

    pub(super) fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The public half.
    ///
    /// # Panics
    /// Never: any 32 bytes are a seed.
    pub fn public_key(&self) -> PublicKey {
        let pair = Ed25519KeyPair::from_seed_unchecked(&self.0).expect("any 32 bytes are a seed");
        PublicKey(pair.public_key().as_ref().try_into().expect("a public key has 32 bytes"))
    }

    /// As text for a file that only its owner may read.
    pub(super) fn to_file(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0) + "\n"
    }

    pub(super) fn from_file(text: &str) -> Option<Self> {
        decode_key(text.trim()).map(Self)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

fn decode_key(text: &str) -> Option<[u8; KEY_BYTES]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The public half of an Ed25519 key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    pub(super) fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// A few digits to tell keys apart by: the beginning of the SHA-256 of the key.
    pub fn fingerprint(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.0);
        digest.as_ref()[..FINGERPRINT_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Enough that two meshes never have one fingerprint by chance. It guards nothing: signatures do.
const FINGERPRINT_BYTES: usize = 10;

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        decode_key(&text).map(Self).ok_or_else(|| serde::de::Error::custom("a public key of 32 bytes"))
    }
}

/// What the nodes and the controller of a mesh share, as `DAFFI_SECRET`. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes `text` as a secret: hexadecimal, base64, or any text. White space around it does not count.
    ///
    /// # Errors
    /// [`IdentityError::ShortSecret`] if its letters cannot carry 128 bits.
    pub fn new(text: &str) -> Result<Self, IdentityError> {
        let text = text.trim();
        let bits = bits_at_most(text);
        if bits < config::SECRET_BITS_MIN {
            return Err(IdentityError::ShortSecret { bits });
        }
        Ok(Self(text.to_owned()))
    }

    /// What everybody knows: the same code runs, and nobody is kept out.
    pub(super) fn well_known() -> Self {
        Self("everybody knows this: there is no security here".into())
    }

    /// The key for one purpose.
    pub(super) fn derive(&self, purpose: &str) -> Seed {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"daffi 1");
        let key = salt.extract(self.0.as_bytes());
        let mut bytes = [0; KEY_BYTES];
        key.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|expanded| expanded.fill(&mut bytes))
            .expect("the output is as long as the hash");
        Seed(bytes)
    }
}

/// The bits that a text can carry: four a letter if all are hexadecimal, six if all are of base64, else eight.
fn bits_at_most(text: &str) -> usize {
    let bytes = text.trim_end_matches('=').bytes();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let bits = if bytes.clone().all(|byte| byte.is_ascii_hexdigit()) {
        4
    } else if bytes.clone().all(is_base64) {
        6
    } else {
        8
    };
    bits * bytes.count()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
