//! What a node shows a controller, and whom it trusts to be one.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::TrustAnchor;
use rustls::{ClientConfig, RootCertStore};

use super::authority::{Leaf, PROTOCOL, PROTOCOL_OPEN, Usage, issue, provider};
use super::join::JoinString;
use super::mesh_key::{MeshKey, local_key, mesh_anchor};
use super::pki::CertificateFiles;
use super::secret::{PublicKey, Secret, Seed};
use super::store::StateDirectory;
use super::{IdentityError, tokens_authority};

/// What a node has to show.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Source {
    /// A token.
    Join(Box<JoinString>),
    /// A file with a token.
    JoinFile(PathBuf),
    /// The secret that a mesh shares.
    Secret(Secret),
    /// A certificate of an authority of the users' own.
    Certificates(CertificateFiles),
    /// What everybody has.
    Insecure,
}

impl Source {
    /// What the environment says: `DAFFI_JOIN_FILE`, `DAFFI_JOIN`, `DAFFI_SECRET` or `DAFFI_INSECURE=1`.
    ///
    /// # Errors
    /// [`IdentityError`] if what it says cannot be used.
    pub fn of_environment() -> Result<Option<Self>, IdentityError> {
        Self::of_variables(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    pub(super) fn of_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, IdentityError> {
        if let Some(path) = variable("DAFFI_JOIN_FILE") {
            return Ok(Some(Self::JoinFile(path.into())));
        }
        if let Some(text) = variable("DAFFI_JOIN") {
            return Ok(Some(Self::Join(Box::new(text.trim().parse()?))));
        }
        if let Some(text) = variable("DAFFI_SECRET") {
            return Secret::new(&text).map(|secret| Some(Self::Secret(secret)));
        }
        Ok(variable("DAFFI_INSECURE").filter(|value| value == "1").map(|_| Self::Insecure))
    }

    /// The same, with the file read if it names one.
    ///
    /// # Errors
    /// [`IdentityError`] if the file cannot be used.
    pub fn resolved(self) -> Result<Self, IdentityError> {
        match self {
            Self::JoinFile(path) => JoinString::read(&path).map(|join| Self::Join(Box::new(join))),
            other => Ok(other),
        }
    }

    /// Where its controller listens, if it says so.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Join(join) => Some(join.url()),
            Self::JoinFile(_) | Self::Secret(_) | Self::Certificates(_) | Self::Insecure => None,
        }
    }
}

/// A node's side of TLS.
#[derive(Debug, Clone)]
pub struct Credentials {
    tls: Arc<ClientConfig>,
}

impl Credentials {
    /// What a node that shows `source` needs.
    ///
    /// # Errors
    /// [`IdentityError`] if a file cannot be used.
    pub fn new(source: Source) -> Result<Self, IdentityError> {
        let tls = match source.resolved()? {
            Source::Join(join) => of_token(join.id(), join.seed(), &join.mesh()),
            Source::Secret(secret) => shared(&secret, tokens_authority::SHARED, PROTOCOL),
            Source::Insecure => shared(&Secret::well_known(), tokens_authority::OPEN, PROTOCOL_OPEN),
            Source::Certificates(files) => configuration(files.roots()?, files.leaf()?, PROTOCOL)
                .map_err(|error| super::store::bad(&files.certificate, error.to_string()))?,
            Source::JoinFile(path) => return Err(super::store::bad(&path, "it was not read".into())),
        };
        Ok(Self { tls: Arc::new(tls) })
    }

    /// What processes of one user on one machine show each other without being told anything.
    ///
    /// # Errors
    /// [`IdentityError`] if the state directory cannot be used.
    pub fn local(directory: &StateDirectory) -> Result<Self, IdentityError> {
        let mesh = MeshKey::load(directory)?.public_key();
        let tls = of_token(tokens_authority::LOCAL, &local_key(directory)?, &mesh);
        Ok(Self { tls: Arc::new(tls) })
    }

    /// As the transport takes it.
    pub fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }
}

fn shared(secret: &Secret, id: &str, protocol: &[u8]) -> ClientConfig {
    let mesh = MeshKey::shared(secret).public_key();
    of_key(id, &secret.derive("token"), &mesh, protocol)
}

fn of_token(id: &str, seed: &Seed, mesh: &PublicKey) -> ClientConfig {
    of_key(id, seed, mesh, PROTOCOL)
}

fn of_key(id: &str, seed: &Seed, mesh: &PublicKey, protocol: &[u8]) -> ClientConfig {
    let leaf = issue(&tokens_authority::name(id), seed, Usage::Node);
    let anchors: Vec<TrustAnchor<'static>> = vec![mesh_anchor(mesh)];
    configuration(RootCertStore { roots: anchors }, leaf, protocol).expect("a leaf made here has its key")
}

fn configuration(roots: RootCertStore, leaf: Leaf, protocol: &[u8]) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(leaf.0, leaf.1)?;
    config.alpn_protocols = vec![protocol.to_vec()];
    // A resumed connection would not show its certificate again.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Whether an address of the form `quic://host:port` is on this machine; `None` if it is of another form.
pub fn is_loopback(url: &str) -> Option<bool> {
    let place = url.strip_prefix("quic://")?;
    let place = place.split(['/', '?']).next().unwrap_or_default();
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_local = host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
    Some(is_local || host.eq_ignore_ascii_case("localhost"))
}
