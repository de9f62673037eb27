//! What a node is given to join a mesh by: a token, the mesh's public key, and where its controller listens.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::secret::{KEY_BYTES, PublicKey, Seed};
use super::{IdentityError, store};
use crate::config;

/// A join string: `daffi1.<token id>.<base64url of the token's key and the mesh's public key>@host:port`.
///
/// Whoever has it may do what the token's role allows. It is written by [`JoinString::reveal`] alone; its `Debug`
/// leaves the key out.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinString {
    id: String,
    seed: Seed,
    mesh: PublicKey,
    host: String,
}

impl JoinString {
    /// Whether nodes can be told to find the controller there: `host:port`.
    pub(super) fn check_host(host: &str) -> Result<(), IdentityError> {
        let bad = || {
            IdentityError::BadToken(format!(
                "`{host}` is not host:port, where nodes could find the controller"
            ))
        };
        check_host(host).map_err(|_| bad())
    }

    pub(super) fn new(id: &str, seed: Seed, mesh: PublicKey, host: &str) -> Self {
        Self { id: id.to_owned(), seed, mesh, host: host.to_owned() }
    }

    /// The join string in a file, which nobody but its owner may read.
    ///
    /// # Errors
    /// [`IdentityError`] if the file is missing or open to others, or holds no join string.
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let text = store::read_private(path)?;
        let bad = |error: IdentityError| store::bad(path, error.to_string());
        text.trim().parse().map_err(bad)
    }

    /// The number of the token.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What tells the mesh from others.
    pub fn mesh(&self) -> PublicKey {
        self.mesh
    }

    /// Where the controller listens.
    pub fn url(&self) -> String {
        format!("quic://{}", self.host)
    }

    /// The whole text, to be kept secret.
    pub fn reveal(&self) -> String {
        let mut keys = [0; 2 * KEY_BYTES];
        keys[..KEY_BYTES].copy_from_slice(self.seed.bytes());
        keys[KEY_BYTES..].copy_from_slice(self.mesh.bytes());
        format!("{PREFIX}.{}.{}@{}", self.id, URL_SAFE_NO_PAD.encode(keys), self.host)
    }

    pub(super) fn seed(&self) -> &Seed {
        &self.seed
    }
}

impl FromStr for JoinString {
    /// It holds nothing of the text.
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = IdentityError::BadJoin;
        if text.len() > config::JOIN_BYTES_MAX {
            return Err(bad("it is too long"));
        }
        let (rest, host) = text.split_once('@').ok_or(bad("it has no `@` before the host"))?;
        let mut parts = rest.split('.');
        let (prefix, id, keys) = (parts.next(), parts.next(), parts.next());
        if prefix != Some(PREFIX) {
            return Err(bad("it does not begin with `daffi1.`"));
        }
        let (Some(id), Some(keys), None) = (id, keys, parts.next()) else {
            return Err(bad("it has not three parts"));
        };
        check_id(id)?;
        let keys = URL_SAFE_NO_PAD.decode(keys).map_err(|_| bad("its key is not base64url"))?;
        let keys: [u8; 2 * KEY_BYTES] = keys.try_into().map_err(|_| bad("its key has the wrong length"))?;
        let (seed, mesh) = keys.split_at(KEY_BYTES);
        check_host(host)?;
        Ok(Self {
            id: id.to_owned(),
            seed: Seed::new(seed.try_into().expect("split there")),
            mesh: PublicKey::new(mesh.try_into().expect("split there")),
            host: host.to_owned(),
        })
    }
}

/// A token's number: it becomes part of the name of a certificate authority.
fn check_id(id: &str) -> Result<(), IdentityError> {
    let is_good = id.len() <= config::TOKEN_ID_BYTES_MAX
        && !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_good { Ok(()) } else { Err(IdentityError::BadJoin("the number of the token is none")) }
}

fn check_host(host: &str) -> Result<(), IdentityError> {
    let bad = IdentityError::BadJoin("it does not end with host:port");
    let (name, port) = host.rsplit_once(':').ok_or(bad.clone())?;
    // As addresses are read: brackets hold an IPv6 address, and names have what names of hosts have.
    let is_host = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    };
    let is_port = port.parse::<u16>().is_ok_and(|port| port != 0) && !port.starts_with('+');
    let is_good = is_host && is_port;
    if is_good { Ok(()) } else { Err(bad) }
}

impl fmt::Debug for JoinString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinString({PREFIX}.{}.…@{})", self.id, self.host)
    }
}

const PREFIX: &str = "daffi1";
