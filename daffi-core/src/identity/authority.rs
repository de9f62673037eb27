//! Certificates: tiny authorities that are a name and a key, and the leaves they issue.

use std::sync::Arc;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, PKCS_ED25519,
    PublicKeyData, SanType, SerialNumber,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, TrustAnchor};

use super::secret::{KEY_BYTES, PublicKey, Seed};

/// The name that every controller's certificate bears, whatever its host is called.
pub(super) const SERVER_NAME: &str = "daffi";
/// What is spoken over TLS. A node that holds the well-known secret says so, see [`PROTOCOL_OPEN`].
pub(super) const PROTOCOL: &[u8] = b"daffi/1";
/// As [`PROTOCOL`], of a node that expects the well-known key of the controller: one that lets everybody on its
/// machine in has that key beside its own.
pub(super) const PROTOCOL_OPEN: &[u8] = b"daffi/1-open";

/// A certificate of one's own and its key.
pub(super) type Leaf = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What a leaf is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Controller,
    Node,
}

/// The cryptography, said explicitly: a program may have chosen another default for the process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Issues a leaf in the name of the authority `name`, whose key `seed` is.
pub(super) fn issue(name: &str, seed: &Seed, usage: Usage) -> Leaf {
    let authority = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8(seed), &PKCS_ED25519);
    let authority = authority.expect("any seed is a key");
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    let issuer = Issuer::new(params, authority);
    let own = KeyPair::generate_for(&PKCS_ED25519).expect("the operating system has randomness");
    let mut params = leaf(usage);
    params.serial_number = Some(serial(own.der_bytes()));
    let leaf = params.signed_by(&own, &issuer).expect("what was made here can be signed");
    let key = PrivatePkcs8KeyDer::from(own.serialize_der());
    (vec![leaf.der().clone()], key.into())
}

/// A number as unlike others as the key is. Left to the library, one in 128 would be a byte shorter, and with it the
/// handshake: what QUIC sends shall not depend on which key was drawn.
fn serial(key: &[u8]) -> SerialNumber {
    let mut bytes = key[..SERIAL_BYTES].to_vec();
    // Neither a leading zero, which DER drops, nor a sign, before which it puts one.
    bytes[0] = bytes[0] & 0x3f | 0x40;
    bytes.into()
}

/// RFC 5280 allows 20.
const SERIAL_BYTES: usize = 16;

/// Valid for two millennia, since clocks of small machines begin anywhere: what ends is the token, not the leaf.
fn leaf(usage: Usage) -> CertificateParams {
    let mut params = CertificateParams::default();
    let (name, purpose) = match usage {
        Usage::Controller => (SERVER_NAME, ExtendedKeyUsagePurpose::ServerAuth),
        Usage::Node => ("daffi node", ExtendedKeyUsagePurpose::ClientAuth),
    };
    params.distinguished_name = common_name(name);
    params.extended_key_usages = vec![purpose];
    if usage == Usage::Controller {
        let name = SERVER_NAME.try_into().expect("it is ASCII");
        params.subject_alt_names = vec![SanType::DnsName(name)];
    }
    params
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// The authority that issued what bears its name and key, to trust it by its public key alone.
pub(super) fn anchor(name: &str, key: &PublicKey) -> TrustAnchor<'static> {
    // An algorithm identifier (Ed25519) and a bit string without unused bits, as RFC 8410 has them.
    let mut info = vec![0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    info.extend_from_slice(key.bytes());
    TrustAnchor {
        subject: distinguished(name).into(),
        subject_public_key_info: info.into(),
        name_constraints: None,
    }
}

/// A name as it stands in certificates: one common name, in DER without the outermost tag.
fn distinguished(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length <= NAME_BYTES_MAX);
    let length = length.expect("authorities have short names");
    let mut name = vec![0x31, length + 9, 0x30, length + 7, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, length];
    name.extend_from_slice(text.as_bytes());
    name
}

/// Longer names would need lengths of several bytes.
const NAME_BYTES_MAX: u8 = 100;
/// What stands before the text in [`distinguished`].
const NAME_PREFIX_BYTES: usize = 11;

/// The text of a name that [`distinguished`] made.
pub(super) fn text_of(name: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(name.get(NAME_PREFIX_BYTES..)?).ok()?;
    (text.len() <= usize::from(NAME_BYTES_MAX) && distinguished(text) == name).then_some(text)
}

/// The key as others read it: PKCS#8, which is a fixed prefix (RFC 8410, section 7) and the seed.
fn pkcs8(seed: &Seed) -> PrivatePkcs8KeyDer<'static> {
    const PREFIX: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let mut der = Vec::with_capacity(PREFIX.len() + KEY_BYTES);
    der.extend_from_slice(&PREFIX);
    der.extend_from_slice(seed.bytes());
    der.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_names_its_issuer_as_the_anchor_does() {
        let seed = Seed::random();
        let (chain, _) = issue("daffi token ab", &seed, Usage::Node);
        let leaf = webpki::EndEntityCert::try_from(&chain[0]).expect("a certificate");

        assert_eq!(leaf.issuer(), &*anchor("daffi token ab", &seed.public_key()).subject);
        assert_eq!(text_of(leaf.issuer()), Some("daffi token ab"));
    }
}
