//! Identities for tests.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::sync::watch;

use super::super::super::{DialOptions, ListenOptions};
use super::super::{PROTOCOL, SERVER_NAME};

/// One authority, which issues the certificates of the controller and of the nodes.
pub(in super::super::super) struct Mesh {
    authority: CertifiedIssuer<'static, KeyPair>,
    last_issued: Mutex<Vec<u8>>,
}

impl Mesh {
    pub(in super::super::super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { authority, last_issued: Mutex::default() }
    }

    pub(in super::super::super) fn listening(&self) -> ListenOptions {
        self.listening_for(PROTOCOL)
    }

    pub(super) fn listening_for(&self, protocol: &[u8]) -> ListenOptions {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider()).build().unwrap();
        let (certificate, key) = self.issue();
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
        let builder = builder.with_client_cert_verifier(verifier);
        let mut tls = builder.with_single_cert(vec![certificate], key).unwrap();
        tls.alpn_protocols = vec![protocol.to_vec()];
        // The receiver keeps what was last said.
        ListenOptions { tls: Some(watch::channel(Arc::new(tls)).1), is_runtime_ours: false }
    }

    pub(in super::super::super) fn dialling(&self) -> DialOptions {
        self.dialling_as(self)
    }

    /// Trusts this mesh, and shows a certificate of another.
    pub(super) fn dialling_as(&self, other: &Self) -> DialOptions {
        let (certificate, key) = other.issue();
        self.dialling_with(|builder| builder.with_client_auth_cert(vec![certificate], key).unwrap())
    }

    pub(super) fn dialling_as_nobody(&self) -> DialOptions {
        self.dialling_with(|builder| builder.with_no_client_auth())
    }

    fn dialling_with(
        &self,
        finish: impl FnOnce(rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>) -> ClientConfig,
    ) -> DialOptions {
        let builder =
            ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
        let mut tls = finish(builder.with_root_certificates(self.roots()));
        tls.alpn_protocols = vec![PROTOCOL.to_vec()];
        DialOptions { tls: Some(Arc::new(tls)) }
    }

    /// The certificate that was issued last, as DER.
    pub(super) fn last_issued(&self) -> Vec<u8> {
        self.last_issued.lock().unwrap().clone()
    }

    fn issue(&self) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![SERVER_NAME.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap().der().clone();
        *self.last_issued.lock().unwrap() = certificate.to_vec();
        (certificate, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        roots
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
