//! Certificates of an authority of the users' own.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::authority::Leaf;
use super::{IdentityError, store};

/// Where the certificates of one side are, each file as PEM.
///
/// The controller's certificate bears the DNS name `daffi`, whatever its host is called; a node is known by the
/// first DNS name of its own, or by its subject's common name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Its certificate, followed by those in between it and the authority.
    pub certificate: PathBuf,
    /// Its private key, which nobody else may read.
    pub key: PathBuf,
    /// The authorities that the other side's certificate may be from.
    pub authorities: PathBuf,
}

impl CertificateFiles {
    pub(super) fn leaf(&self) -> Result<Leaf, IdentityError> {
        let chain = certificates(&self.certificate)?;
        let text = store::read_private(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes());
        let key = key.map_err(|error| store::bad(&self.key, format!("no private key: {error}")))?;
        Ok((chain, key))
    }

    pub(super) fn roots(&self) -> Result<rustls::RootCertStore, IdentityError> {
        let mut roots = rustls::RootCertStore::empty();
        for authority in certificates(&self.authorities)? {
            roots.add(authority).map_err(|error| store::bad(&self.authorities, error.to_string()))?;
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let wrong = |error: rustls::pki_types::pem::Error| store::bad(path, error.to_string());
    let found = CertificateDer::pem_file_iter(path).map_err(wrong)?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(wrong)?;
    if found.is_empty() {
        return Err(store::bad(path, "it holds no certificate".into()));
    }
    Ok(found)
}

/// Whom a certificate names.
pub(super) fn name_of(leaf: &webpki::EndEntityCert<'_>) -> Option<String> {
    let alternative = leaf.valid_dns_names().next().map(str::to_owned);
    alternative.or_else(|| common_name(leaf.subject()).map(str::to_owned))
}

/// The common name of a subject: the text after its object identifier. Longer names than a byte's length are
/// none of those that people give.
fn common_name(subject: &[u8]) -> Option<&str> {
    const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];
    const TEXTS: [u8; 2] = [0x0c, 0x13];
    let at = subject.windows(COMMON_NAME.len()).position(|window| window == COMMON_NAME)?;
    let (kind, rest) = subject[at + COMMON_NAME.len()..].split_first()?;
    let (length, rest) = rest.split_first()?;
    let text = rest.get(..usize::from(*length)).filter(|_| TEXTS.contains(kind) && *length < 0x80)?;
    std::str::from_utf8(text).ok()
}
