//! Whom a controller lets in, and as whom.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;

use super::authority::{Leaf, PROTOCOL, PROTOCOL_OPEN, anchor, provider, text_of};
use super::join::JoinString;
use super::mesh_key::{MeshKey, local_key};
use super::pki::{self, CertificateFiles};
use super::role::Role;
use super::secret::{PublicKey, Secret};
use super::store::{StateDirectory, own_uid};
use super::tokens::{Token, Tokens};
use super::who::{Identity, Kind};
use super::{IdentityError, is_loopback, tokens_authority};

/// How a controller is told whom to let in.
#[derive(Debug, Clone, Default)]
pub struct AccessOptions {
    /// Where keys and tokens are kept, instead of the default place.
    pub data_dir: Option<PathBuf>,
    /// A secret that the mesh shares.
    pub secret: Option<Secret>,
    /// Whether anybody who can reach it may do anything.
    pub is_insecure: bool,
    /// Whether all users of this machine are let in over loopback.
    pub is_open_local: bool,
    /// Certificates of an authority of the users' own, instead of tokens.
    pub certificates: Option<CertificateFiles>,
    /// What users may do that come over a UNIX socket.
    pub uid_roles: BTreeMap<u32, Role>,
}

impl AccessOptions {
    /// With the secret that the environment gives as `DAFFI_SECRET`, unless something else was said.
    ///
    /// # Errors
    /// [`IdentityError::ShortSecret`] if it could be guessed.
    pub fn with_environment(self) -> Result<Self, IdentityError> {
        let is_said = self.secret.is_some() || self.is_insecure || self.certificates.is_some();
        let text = std::env::var("DAFFI_SECRET").ok().filter(|text| !is_said && !text.is_empty());
        let secret = text.map(|text| Secret::new(&text)).transpose()?;
        Ok(Self { secret: secret.or(self.secret), ..self })
    }
}

/// A token that was just made.
#[derive(Debug)]
pub struct NewToken {
    /// What the controller knows of it.
    pub token: Token,
    /// What its holder needs.
    pub join: JoinString,
}

/// Whom a controller lets in, and as whom.
#[derive(Debug)]
pub struct Access {
    uid_roles: BTreeMap<u32, Role>,
    /// Absent where no address needs TLS.
    tls: Option<Tls>,
}

#[derive(Debug)]
struct Tls {
    proof: Proof,
    is_open_local: bool,
    /// As they are in the file.
    tokens: Mutex<Tokens>,
    /// For addresses on this machine and for the others.
    near: watch::Sender<Arc<ServerConfig>>,
    far: watch::Sender<Arc<ServerConfig>>,
}

/// What the controller shows, and what it asks for.
#[derive(Debug)]
enum Proof {
    /// Keys of its own.
    Keys {
        mesh: MeshKey,
        /// The authority that nodes without a token are of: its name and key.
        common: (&'static str, PublicKey),
        /// Where tokens are kept; a shared secret needs no place.
        directory: Result<StateDirectory, IdentityError>,
    },
    /// Certificates of somebody else's authority.
    Certificates(CertificateFiles),
}

impl Access {
    /// Reads or makes what a controller needs that listens at `addresses`.
    ///
    /// # Errors
    /// [`IdentityError`] if the state directory, or what is in it, cannot be used.
    pub fn open(options: &AccessOptions, addresses: &[String]) -> Result<Self, IdentityError> {
        let uid_roles = options.uid_roles.clone();
        if !addresses.iter().any(|address| is_loopback(address).is_some()) {
            return Ok(Self { uid_roles, tls: None });
        }
        if options.is_insecure {
            tracing::warn!("--insecure: anybody who can reach this controller may do anything");
        }
        if options.is_open_local {
            tracing::warn!("--open-local: all users of this machine are let in");
        }
        let (proof, tokens) = Proof::load(options)?;
        let configuration = |is_near| proof.configuration(&tokens, is_near && options.is_open_local);
        let (near, far) = (configuration(true)?, configuration(false)?);
        let tls = Tls {
            is_open_local: options.is_open_local,
            tokens: Mutex::new(tokens),
            near: watch::Sender::new(near),
            far: watch::Sender::new(far),
            proof,
        };
        Ok(Self { uid_roles, tls: Some(tls) })
    }

    /// What the transport needs to listen at `address`, now and from each change on.
    pub fn tls(&self, address: &str) -> Option<watch::Receiver<Arc<ServerConfig>>> {
        let tls = self.tls.as_ref()?;
        let is_near = is_loopback(address)?;
        Some(if is_near { tls.near.subscribe() } else { tls.far.subscribe() })
    }

    /// Who is at the other end of a connection, as its transport knows.
    pub fn identify(&self, uid: Option<u32>, certificates: &[Vec<u8>]) -> Identity {
        match (&self.tls, uid) {
            (Some(tls), None) => tls.identify(certificates),
            (_, Some(uid)) => Identity::new(Kind::Local { uid }, self.role_of(uid)),
            (None, None) => Identity::refused(Kind::Anybody, "the connection does not say whose it is"),
        }
    }

    fn role_of(&self, uid: u32) -> Role {
        if let Some(role) = self.uid_roles.get(&uid) {
            return role.clone();
        }
        // Root could do worse by other means.
        if uid == own_uid() || uid == 0 { Role::everything() } else { Role::everything_but_admin() }
    }

    /// Makes the first token if strangers could not come in otherwise, and writes what its holder needs to a file;
    /// returns the path. `host` is where they will find the controller.
    ///
    /// # Errors
    /// [`IdentityError`] if a file cannot be written.
    pub fn first_token(&self, host: &str, now_ms: u64) -> Result<Option<PathBuf>, IdentityError> {
        let Some(Tls { proof: Proof::Keys { common, directory: Ok(directory), .. }, .. }) = &self.tls else {
            return Ok(None);
        };
        let is_needed = common.0 == tokens_authority::LOCAL
            && !self.tokens().is_some_and(|tokens| tokens.has_live(now_ms));
        if !is_needed {
            return Ok(None);
        }
        let made = self.new_token(FIRST_TOKEN, Role::everything(), None, host, now_ms)?;
        let text = made.join.reveal() + "\n";
        directory.replace(&format!("join-{FIRST_TOKEN}"), &text).map(Some)
    }

    /// Makes a token that nodes use to find the controller at `host`. It is good at once.
    ///
    /// # Errors
    /// [`IdentityError`]; there is no new token then.
    pub fn new_token(
        &self,
        name: &str,
        role: Role,
        expires_in: Option<Duration>,
        host: &str,
        now_ms: u64,
    ) -> Result<NewToken, IdentityError> {
        let tls = self.tls.as_ref().ok_or(IdentityError::NoTokens(NO_TLS))?;
        let expires_ms = expires_in.map(|time| {
            let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            now_ms.saturating_add(time)
        });
        let mesh = tls.proof.mesh()?;
        // Before the token is there: it is of no use to anybody without a way to the controller.
        JoinString::check_host(host)?;
        let (token, seed) = tls.change(|tokens| tokens.create(name, role, expires_ms, now_ms))?;
        let join = JoinString::new(&token.id, seed, mesh, host);
        Ok(NewToken { token, join })
    }

    /// Ends the token of this name or number: from now on it is refused. Sessions that it has are not its matter.
    ///
    /// # Errors
    /// [`IdentityError`]; the token is as good as it was then.
    pub fn revoke(&self, name: &str, now_ms: u64) -> Result<Token, IdentityError> {
        let tls = self.tls.as_ref().ok_or(IdentityError::NoTokens(NO_TLS))?;
        tls.change(|tokens| tokens.revoke(name, now_ms))
    }

    /// All tokens; `None` where no address needs any.
    pub fn tokens(&self) -> Option<Tokens> {
        self.tls.as_ref().map(|tls| tls.lock().clone())
    }

    /// What lets nodes in, for people.
    pub fn summary(&self) -> &'static str {
        match &self.tls {
            None => "users of this machine whom the socket admits",
            Some(Tls { proof: Proof::Certificates(_), .. }) => {
                "a certificate of your own authority is needed"
            }
            Some(Tls { proof: Proof::Keys { common, .. }, is_open_local, .. }) => match common.0 {
                tokens_authority::OPEN => "INSECURE: anybody who can reach it may do anything",
                tokens_authority::SHARED => "the shared secret or a token is needed",
                _ if *is_open_local => "open on this machine; a token is needed for any other address",
                _ => "open to you from this machine; a token is needed from any other",
            },
        }
    }
}

const NO_TLS: &str = "this controller listens at no quic:// address, so nobody could use a token";
const FIRST_TOKEN: &str = "first";

impl Tls {
    fn lock(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the tokens, in the file first.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Tokens) -> Result<T, IdentityError>,
    ) -> Result<T, IdentityError> {
        let Proof::Keys { directory, .. } = &self.proof else {
            return Err(IdentityError::NoTokens(
                "this controller uses certificates of your own instead of tokens",
            ));
        };
        let directory = directory.as_ref().map_err(Clone::clone)?;
        let lock = directory.lock()?;
        // Another controller may share the directory.
        let mut tokens = Tokens::load(directory)?;
        let done = change(&mut tokens)?;
        let near = self.proof.configuration(&tokens, self.is_open_local)?;
        let far = self.proof.configuration(&tokens, false)?;
        tokens.save(directory)?;
        self.near.send_replace(near);
        self.far.send_replace(far);
        *self.lock() = tokens;
        // Last: two changes at a time must come here in the order in which they came to the file, or the later one is
        // forgotten, and with it that a token was revoked.
        drop(lock);
        Ok(done)
    }

    fn identify(&self, certificates: &[Vec<u8>]) -> Identity {
        let unknown = |why: &str| Identity::refused(Kind::Anybody, why);
        let [first, others @ ..] = certificates else { return unknown("it shows no certificate") };
        let leaf = CertificateDer::from(first.as_slice());
        let Ok(leaf) = webpki::EndEntityCert::try_from(&leaf) else {
            return unknown("its certificate cannot be read");
        };
        if let Proof::Certificates(_) = self.proof {
            let Some(name) = pki::name_of(&leaf) else { return unknown("its certificate bears no name") };
            return Identity::new(Kind::Certificate { name }, Role::everything_but_admin());
        }
        // A token's key is an authority's: with a certificate in between it could name any other token's as its
        // issuer. What rustls has verified without any is signed by the token that it names.
        if !others.is_empty() {
            return unknown("it shows more than one certificate");
        }
        let issuer = text_of(leaf.issuer()).and_then(|name| name.strip_prefix(tokens_authority::PREFIX));
        match issuer {
            Some(tokens_authority::LOCAL) => {
                Identity::new(Kind::Local { uid: own_uid() }, Role::everything())
            }
            Some(tokens_authority::SHARED) => Identity::new(Kind::Shared, Role::everything()),
            Some(tokens_authority::OPEN) => Identity::new(Kind::Anybody, self.proof.role_of_anybody()),
            Some(id) => of_token(self.lock().find(id), id),
            None => unknown("its certificate is of no token"),
        }
    }
}

/// What may be done with a token. Whether it has expired is asked again later.
fn of_token(token: Option<&Token>, id: &str) -> Identity {
    let Some(token) = token else {
        let kind = Kind::Token { id: id.to_owned(), name: String::new() };
        return Identity::refused(kind, format!("token {id} is unknown here; ask for a new one"));
    };
    let kind = Kind::Token { id: token.id.clone(), name: token.name.clone() };
    if token.revoked_ms.is_some() {
        let why = format!("token `{}` ({id}) was revoked; ask for a new one", token.name);
        return Identity::refused(kind, why);
    }
    Identity { expires_ms: token.expires_ms, ..Identity::new(kind, token.role.clone()) }
}

impl Proof {
    fn load(options: &AccessOptions) -> Result<(Self, Tokens), IdentityError> {
        if let Some(files) = &options.certificates {
            return Ok((Self::Certificates(files.clone()), Tokens::default()));
        }
        let directory = StateDirectory::locate(options.data_dir.as_deref());
        let well_known = options.is_insecure.then(Secret::well_known);
        let (mesh, common) = match well_known.as_ref().or(options.secret.as_ref()) {
            Some(secret) => {
                let id = if options.is_insecure { tokens_authority::OPEN } else { tokens_authority::SHARED };
                (MeshKey::shared(secret), (id, secret.derive("token").public_key()))
            }
            None => {
                let directory = directory.as_ref().map_err(Clone::clone)?;
                let local = local_key(directory)?.public_key();
                (MeshKey::load(directory)?, (tokens_authority::LOCAL, local))
            }
        };
        let tokens = directory.as_ref().map_or_else(|_| Ok(Tokens::default()), Tokens::load)?;
        Ok((Self::Keys { mesh, common, directory }, tokens))
    }

    fn mesh(&self) -> Result<PublicKey, IdentityError> {
        match self {
            Self::Keys { mesh, .. } => Ok(mesh.public_key()),
            Self::Certificates(_) => Err(IdentityError::NoTokens(
                "this controller uses certificates of your own instead of tokens",
            )),
        }
    }

    fn role_of_anybody(&self) -> Role {
        match self {
            Self::Keys { common: (tokens_authority::OPEN, _), .. } => Role::everything(),
            // Let in as another user of this machine.
            Self::Keys { .. } | Self::Certificates(_) => Role::everything_but_admin(),
        }
    }

    /// The controller's side of TLS; `is_open` lets those in as well who show what everybody has.
    fn configuration(&self, tokens: &Tokens, is_open: bool) -> Result<Arc<ServerConfig>, IdentityError> {
        let (roots, leaf) = match self {
            Self::Certificates(files) => (files.roots()?, files.leaf()?),
            Self::Keys { mesh, common, .. } => (anchors(tokens, *common, is_open), mesh.leaf()),
        };
        let open = is_open.then(|| MeshKey::shared(&Secret::well_known()).leaf());
        server(roots, leaf, open).map(Arc::new).map_err(|error| match self {
            Self::Certificates(files) => super::store::bad(&files.certificate, error),
            Self::Keys { .. } => IdentityError::BadToken(error),
        })
    }
}

/// The public keys of all whom the controller knows. Those of tokens that have ended are among them: they are told
/// so later, in words.
fn anchors(tokens: &Tokens, common: (&str, PublicKey), is_open: bool) -> RootCertStore {
    let authority = |id: &str, key: &PublicKey| anchor(&tokens_authority::name(id), key);
    let mut roots: Vec<TrustAnchor<'static>> =
        tokens.iter().map(|token| authority(&token.id, &token.key)).collect();
    roots.push(authority(common.0, &common.1));
    if is_open {
        let key = Secret::well_known().derive("token").public_key();
        roots.push(authority(tokens_authority::OPEN, &key));
    }
    RootCertStore { roots }
}

fn server(roots: RootCertStore, leaf: Leaf, open: Option<Leaf>) -> Result<ServerConfig, String> {
    let text = |error: rustls::Error| error.to_string();
    // The names of the authorities are left out: they would be 40 bytes a token, told to anybody who asks.
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .clear_root_hint_subjects()
        .build()
        .map_err(|error| error.to_string())?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(text)?
        .with_client_cert_verifier(verifier);
    let mut config = match open {
        None => builder.with_single_cert(leaf.0, leaf.1).map_err(text)?,
        Some(open) => {
            let certified = |leaf: Leaf| CertifiedKey::from_der(leaf.0, leaf.1, &provider()).map(Arc::new);
            let (own, open) = (certified(leaf).map_err(text)?, certified(open).map_err(text)?);
            builder.with_cert_resolver(Arc::new(ByProtocol { own, open }))
        }
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec(), PROTOCOL_OPEN.to_vec()];
    // A resumed connection would not show its certificate again, nor be refused when its token has ended.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// Two certificates: which one is shown depends on whom the node says it expects.
#[derive(Debug)]
struct ByProtocol {
    own: Arc<CertifiedKey>,
    open: Arc<CertifiedKey>,
}

impl ResolvesServerCert for ByProtocol {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_open = hello.alpn().is_some_and(|mut protocols| protocols.any(|one| one == PROTOCOL_OPEN));
        Some(Arc::clone(if is_open { &self.open } else { &self.own }))
    }
}
