//! Forged and broken identities, and what must never be seen.

use std::net::Ipv6Addr;
use std::sync::Arc;

use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;

use super::authority::{Usage, issue, provider};
use super::role::{Pattern, Role};
use super::secret::{KEY_BYTES, PublicKey, Secret, Seed};
use super::*;
use crate::transport::{self, Address, DialError, DialOptions, ListenOptions};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
const NOW_MS: u64 = 1_700_000_000_000;

fn access(directory: &tempfile::TempDir) -> Access {
    let options =
        AccessOptions { data_dir: Some(directory.path().join("state")), ..AccessOptions::default() };
    Access::open(&options, &["quic://0.0.0.0:1".to_owned()]).expect("a good directory")
}

fn everything(access: &Access, name: &str) -> NewToken {
    access.new_token(name, Role::everything(), None, "host:1", NOW_MS).expect("a token")
}

/// What a node with this join string shows, as the controller's transport hands it on.
fn shown(join: &JoinString) -> Vec<Vec<u8>> {
    let (chain, _) = issue(&tokens_authority::name(join.id()), join.seed(), Usage::Node);
    chain.iter().map(|certificate| certificate.to_vec()).collect()
}

fn reason(identity: &Identity) -> String {
    identity.objection(NOW_MS).expect("it is not let in")
}

#[test]
fn a_token_is_known_by_its_name_and_may_do_what_its_role_says() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(&directory);
    let role = Role { call: vec![Pattern::new("shop.*").unwrap()], ..Role::default() };
    let made = access.new_token("web", role.clone(), Some(HOUR), "host:1", NOW_MS).expect("a token");

    let identity = access.identify(None, &shown(&made.join));

    assert_eq!(identity.kind, Kind::Token { id: made.token.id.clone(), name: "web".into() });
    assert_eq!(*identity.role, role);
    assert_eq!(identity.objection(NOW_MS), None);
    let later = NOW_MS + 3_600_000;
    assert!(identity.objection(later).expect("its time is over").contains("expired"), "{identity:?}");
}

#[test]
fn a_user_may_do_what_was_said_or_what_the_socket_admits() {
    let (own, guest, other) = (store::own_uid(), 4_001, 4_002);
    let role = Role { call: vec![Pattern::new("shop.*").unwrap()], ..Role::default() };
    let mut options = AccessOptions::default();
    options.uid_roles.insert(guest, role.clone());
    let access = Access::open(&options, &["unix:///run/x.sock".to_owned()]).expect("nothing is needed");
    let role_of = |uid| Role::clone(&access.identify(Some(uid), &[]).role);

    assert_eq!(role_of(own), Role::everything());
    assert_eq!(role_of(0), Role::everything());
    assert_eq!(role_of(guest), role);
    assert_eq!(role_of(other), Role::everything_but_admin());
    assert!(reason(&access.identify(None, &[])).contains("whose it is"));
}

#[test]
fn a_revoked_token_and_one_that_never_was_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(&directory);
    let revoked = everything(&access, "web").join;
    access.revoke("web", NOW_MS).expect("it is there");
    let foreign = JoinString::new("0123abcd", Seed::random(), revoked.mesh(), "host:1");

    assert!(reason(&access.identify(None, &shown(&revoked))).contains("was revoked"));
    assert!(reason(&access.identify(None, &shown(&foreign))).contains("unknown"));
    assert!(reason(&access.identify(None, &[])).contains("no certificate"));
    assert!(reason(&access.identify(None, &[vec![1, 2, 3]])).contains("cannot be read"));
}

/// A token's key may sign authorities, one that bears another token's name among them. TLS finds nothing wrong with
/// such a chain, so it is refused for being one.
#[test]
fn a_token_cannot_pose_as_another_by_a_certificate_in_between() {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ED25519};
    let directory = tempfile::tempdir().unwrap();
    let access = access(&directory);
    let (victim, thief) = (everything(&access, "victim"), everything(&access, "thief"));
    let named = |id: &str, is_ca: bool| {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, tokens_authority::name(id));
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    };
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend_from_slice(thief.join.seed().bytes());
    let own = KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &PKCS_ED25519).unwrap();
    let own = Issuer::new(named(thief.join.id(), false), own);
    let between = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let authority = named(victim.join.id(), true).signed_by(&between, &own).unwrap();
    let between = Issuer::new(named(victim.join.id(), false), between);
    let leaf = named("x", false).signed_by(&KeyPair::generate_for(&PKCS_ED25519).unwrap(), &between).unwrap();

    let anchors = access.tokens().unwrap();
    let anchors =
        anchors.iter().map(|token| authority::anchor(&tokens_authority::name(&token.id), &token.key));
    let roots = Arc::new(rustls::RootCertStore { roots: anchors.collect() });
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
    let verified = verifier.verify_client_cert(leaf.der(), &[authority.der().clone()], UnixTime::now());
    let identity = access.identify(None, &[leaf.der().to_vec(), authority.der().to_vec()]);

    assert!(verified.is_ok(), "the attack is a real one: {verified:?}");
    assert!(reason(&identity).contains("more than one"), "{identity:?}");
}

#[test]
fn the_controllers_certificate_is_no_tokens_and_a_tokens_is_no_controllers() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(&directory);
    let made = everything(&access, "web");
    let anchor = |join: &JoinString| mesh_key::mesh_anchor(&join.mesh());
    let roots = rustls::RootCertStore { roots: vec![anchor(&made.join)] };
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let verifier = verifier.build().unwrap();
    let name = rustls::pki_types::ServerName::try_from("daffi").unwrap();
    use rustls::client::danger::ServerCertVerifier;
    let verify =
        |leaf: &CertificateDer<'_>| verifier.verify_server_cert(leaf, &[], &name, &[], UnixTime::now());
    let mesh =
        MeshKey::load(&StateDirectory::locate(Some(&directory.path().join("state"))).unwrap()).unwrap();

    let (controller, _) = mesh.leaf();
    let (posing, _) = issue(&tokens_authority::name(made.join.id()), made.join.seed(), Usage::Controller);
    let fingerprint = made.join.mesh().fingerprint();
    let (claiming, _) = issue(&format!("daffi mesh {fingerprint}"), &Seed::random(), Usage::Controller);

    assert!(verify(&controller[0]).is_ok());
    let (posing, claiming) = (verify(&posing[0]).unwrap_err(), verify(&claiming[0]).unwrap_err());
    assert!(posing.to_string().contains("UnknownIssuer"), "{posing}");
    assert!(claiming.to_string().contains("BadSignature"), "{claiming}");
}

/// Takes connections as `server` says, one after the other, until it is dropped.
#[test]
fn certificates_are_of_one_length_whatever_the_key() {
    let seed = Seed::random();
    let lengths = (0..400).map(|_| issue("daffi mesh", &seed, Usage::Node).0[0].len());

    assert_eq!(lengths.collect::<std::collections::BTreeSet<_>>().len(), 1);
}

async fn listening(server: Arc<rustls::ServerConfig>) -> (tokio::task::JoinSet<()>, Address) {
    let (_sender, tls) = tokio::sync::watch::channel(server);
    let options = ListenOptions { tls: Some(tls), ..ListenOptions::default() };
    let address: Address = "quic://127.0.0.1:0".parse().unwrap();
    let listener = transport::listen(&address, &options).await.unwrap();
    let address = listener.address().clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut taken = Vec::new();
        while let Ok(connection) = listener.accept().await {
            taken.push(connection);
        }
    });
    (tasks, address)
}

async fn dialled(address: &Address, credentials: &Credentials) -> Result<(), DialError> {
    let options = DialOptions { tls: Some(credentials.tls()) };
    transport::dial(address, &options).await.map(drop)
}

#[tokio::test]
async fn whoever_comes_in_between_without_the_key_of_the_mesh_is_found_out() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(&directory);
    let made = everything(&access, "web");
    let name = format!("daffi mesh {}", made.join.mesh().fingerprint());
    let claiming = issue(&name, &Seed::random(), Usage::Controller);
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(claiming.0, claiming.1);
    let mut server = server.unwrap();
    server.alpn_protocols = vec![authority::PROTOCOL.to_vec()];
    let (_tasks, address) = listening(Arc::new(server)).await;
    let credentials = Credentials::new(Source::Join(Box::new(made.join))).unwrap();

    let refused = dialled(&address, &credentials).await;

    let Err(DialError::Untrusted(reason)) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("in between"), "{reason}");
}

/// A company's authority, and the files of one side.
struct Company {
    directory: tempfile::TempDir,
    key: rcgen::KeyPair,
}

impl Company {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        Self { directory: tempfile::tempdir().unwrap(), key }
    }

    fn authority() -> rcgen::CertificateParams {
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority
    }

    fn files(&self, name: &str) -> CertificateFiles {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let issuer = rcgen::Issuer::new(Self::authority(), &self.key);
        let leaf =
            rcgen::CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let authority = Self::authority().self_signed(&self.key).unwrap();
        CertificateFiles {
            certificate: self.write(&format!("{name}.crt"), "CERTIFICATE", leaf.der()),
            key: self.write(&format!("{name}.key"), "PRIVATE KEY", &key.serialize_der()),
            authorities: self.write("ca.crt", "CERTIFICATE", authority.der()),
        }
    }

    fn write(&self, file: &str, kind: &str, der: &[u8]) -> std::path::PathBuf {
        use base64::Engine;
        use std::os::unix::fs::PermissionsExt;
        let path = self.directory.path().join(file);
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        std::fs::write(&path, format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[tokio::test]
async fn certificates_of_an_authority_of_ones_own_take_the_place_of_tokens() {
    let (company, other) = (Company::new(), Company::new());
    let options = AccessOptions { certificates: Some(company.files("daffi")), ..AccessOptions::default() };
    let access = Access::open(&options, &["quic://127.0.0.1:1".to_owned()]).expect("good files");
    let server = access.tls("quic://127.0.0.1:1").unwrap().borrow().clone();
    let (_tasks, address) = listening(server).await;
    let of = |files| Credentials::new(Source::Certificates(files)).unwrap();

    let node = company.files("node-1");
    assert_eq!(dialled(&address, &of(node.clone())).await, Ok(()));
    let (chain, _) = node.leaf().unwrap();
    let identity = access.identify(None, &[chain[0].to_vec()]);
    assert_eq!(identity.kind, Kind::Certificate { name: "node-1".into() });
    assert!(!identity.role.may_administer("daffi.node.kick"));
    let foreign = dialled(&address, &of(other.files("node-1"))).await;
    assert!(matches!(foreign, Err(DialError::Untrusted(_))), "{foreign:?}");
    let token = access.new_token("web", Role::everything(), None, "host:1", NOW_MS).map(drop);
    assert!(matches!(token, Err(IdentityError::NoTokens(_))), "{token:?}");
    std::fs::write(&node.certificate, "nothing").unwrap();
    let error = Credentials::new(Source::Certificates(node)).map(drop).unwrap_err();
    assert!(error.to_string().contains("node-1.crt"), "{error}");
}

#[test]
fn tokens_are_what_they_were_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let first = access(&directory);
    let made = everything(&first, "web");
    everything(&first, "gone");
    first.revoke("gone", NOW_MS).expect("it is there");
    let tokens = first.tokens();
    drop(first);

    let second = access(&directory);

    assert_eq!(second.tokens(), tokens);
    assert_eq!(second.identify(None, &shown(&made.join)).objection(NOW_MS), None);
    assert_eq!(everything(&second, "more").join.mesh(), made.join.mesh());
}

#[test]
fn of_changes_at_a_time_none_is_forgotten_until_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(&directory);
    let is_refused = |join: &JoinString| access.identify(None, &shown(join)).objection(NOW_MS).is_some();

    for round in 0..20 {
        let old = everything(&access, "old").join;
        let (barrier, name) = (std::sync::Barrier::new(2), format!("new{round}"));
        let new = std::thread::scope(|scope| {
            let revoking = scope.spawn(|| {
                barrier.wait();
                access.revoke("old", NOW_MS).expect("it is there");
            });
            barrier.wait();
            let new = everything(&access, &name).join;
            revoking.join().expect("no panic");
            new
        });

        assert!(is_refused(&old), "it was revoked, round {round}");
        assert!(!is_refused(&new), "it was made, round {round}");
    }
}

#[test]
fn a_name_is_free_again_once_its_token_has_ended() {
    let mut tokens = Tokens::default();
    let mut create = |now_ms| tokens.create("web", Role::everything(), Some(NOW_MS + 5), now_ms).map(drop);

    create(NOW_MS).expect("the first");
    assert_eq!(create(NOW_MS + 4), Err(IdentityError::TokenExists("web".into())));
    assert!(create(NOW_MS + 5).is_err(), "it would have expired already");
    tokens.revoke("web", NOW_MS).expect("it is there");
    assert_eq!(tokens.revoke("web", NOW_MS), Err(IdentityError::NoSuchToken("web".into())));
    tokens.create("web", Role::everything(), None, NOW_MS).expect("the name is free");
}

#[test]
fn live_tokens_are_bounded_and_so_are_those_that_have_ended() {
    let mut tokens = Tokens::default();
    let names: Vec<String> = (0..config::TOKENS_MAX).map(|at| format!("t{at}")).collect();
    for round in 0..3 {
        for name in &names {
            tokens.create(name, Role::everything(), None, NOW_MS + round).expect("there is room");
        }
        let more = tokens.create("more", Role::everything(), None, NOW_MS + round);
        assert_eq!(more.map(drop), Err(IdentityError::TooManyTokens));
        for name in &names {
            tokens.revoke(name, NOW_MS + round).expect("it is there");
        }
    }

    assert_eq!(tokens.iter().count(), config::TOKENS_ENDED_MAX);
    assert!(tokens.iter().all(|token| token.revoked_ms == Some(NOW_MS + 2)), "the oldest went first");
}

#[test]
fn whoever_starts_first_makes_the_key_and_all_have_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateDirectory::locate(Some(&directory.path().join("state"))).unwrap();

    let keys: Vec<PublicKey> = std::thread::scope(|scope| {
        let load = || MeshKey::load(&state).expect("a key").public_key();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    assert!(keys.iter().all(|key| *key == keys[0]));
    let left: Vec<_> = std::fs::read_dir(directory.path().join("state")).unwrap().collect();
    assert_eq!(left.len(), 1, "no draft is left: {left:?}");
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    drop(access(&directory));
    let path = directory.path().join("state/mesh.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();

    let state = StateDirectory::locate(Some(&directory.path().join("state"))).unwrap();
    let error = MeshKey::load(&state).expect_err("refused").to_string();

    assert!(error.contains("mesh.key") && error.contains("chmod 600"), "{error}");
}

#[test]
fn a_secret_must_carry_128_bits() {
    for short in ["", "password", "0123456789abcdef", "abcdefghijklmnopqrstu", "a b c d e f g h"] {
        assert!(matches!(Secret::new(short), Err(IdentityError::ShortSecret { .. })), "{short}");
    }
    for good in [
        "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuv==",
        "the cat sat on a mat",
        " 0123456789abcdef0123456789abcdef\n",
    ] {
        assert!(Secret::new(good).is_ok(), "{good}");
    }
    let keys = ["mesh key", "token"].map(|purpose| Secret::well_known().derive(purpose).public_key());
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn what_is_on_this_machine_is_told_from_what_is_not() {
    for near in ["quic://localhost:1", "quic://127.0.0.9:1", "quic://[::1]:1", "quic://[::ffff:127.0.0.1]:1"]
    {
        assert_eq!(is_loopback(near), Some(true), "{near}");
    }
    for far in ["quic://0.0.0.0:1", "quic://[::]:1", "quic://10.0.0.1:1", "quic://localhost.example:1"] {
        assert_eq!(is_loopback(far), Some(false), "{far}");
    }
    assert_eq!(is_loopback("unix:///run/x"), None);
    assert_eq!(is_loopback(""), None);
}

#[test]
fn the_environment_is_asked_in_a_fixed_order() {
    let join = JoinString::new("ab", Seed::random(), Seed::random().public_key(), "host:1");
    let all = |name: &str| match name {
        "DAFFI_JOIN" => Some(join.reveal()),
        "DAFFI_SECRET" => Some("0123456789abcdef0123456789abcdef".to_owned()),
        _ => None,
    };

    assert!(matches!(Source::of_variables(all), Ok(Some(Source::Join(found))) if *found == join));
    assert!(matches!(Source::of_variables(|_| None), Ok(None)));
    let short = |name: &str| (name == "DAFFI_SECRET").then(|| "hunter2".to_owned());
    let error = Source::of_variables(short).expect_err("too short");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let access = access(&directory);
    let made = everything(&access, "web");
    let revealed = made.join.reveal();
    let keys = revealed.split(['.', '@']).nth(2).expect("the keys");
    let secret = Secret::new("correct horse battery staple").unwrap();
    let broken: Vec<String> =
        ["x", "@", "daffi1.!.@"].iter().map(|mark| format!("{mark}{keys}{mark}")).collect();

    let mut printed = vec![
        format!("{:?} {:#?}", made, made.join),
        format!("{access:?}"),
        format!("{:?} {:?}", secret, Source::Secret(secret.clone())),
        format!("{:?}", Source::Join(Box::new(made.join.clone()))),
        format!("{:?}", Credentials::new(Source::Join(Box::new(made.join.clone()))).unwrap()),
        format!("{:?}", made.join.seed()),
    ];
    for text in &broken {
        let error = text.parse::<JoinString>().expect_err("broken");
        printed.push(format!("{error} {error:?} {}", error.while_connecting("quic://h:1")));
    }

    for text in printed {
        assert!(!text.contains(keys) && !text.contains("horse"), "{text}");
        let bytes = format!("{:?}", made.join.seed().bytes());
        assert!(!text.contains(bytes.trim_matches(['[', ']'])), "{text}");
    }
}

proptest! {
    #[test]
    fn a_join_string_reads_back_as_it_was_written(
        id in "[a-zA-Z0-9-]{1,64}",
        seed in any::<[u8; KEY_BYTES]>(),
        mesh in any::<[u8; KEY_BYTES]>(),
        host in prop_oneof!["[a-z0-9.-]{1,40}", any::<Ipv6Addr>().prop_map(|address| format!("[{address}]"))],
        port in 1u16..,
    ) {
        let host = format!("{host}:{port}");
        let join = JoinString::new(&id, Seed::new(seed), PublicKey::new(mesh), &host);

        prop_assert_eq!(join.reveal().parse::<JoinString>(), Ok(join));
    }

    #[test]
    fn no_text_makes_the_reader_panic_and_none_is_in_the_error(text in ".{0,600}", head in "(daffi1\\.)?") {
        let text = format!("{head}{text}");
        if let Err(error) = text.parse::<JoinString>() {
            prop_assert!(text.len() < 16 || !error.to_string().contains(&text));
        }
    }

    #[test]
    fn a_pattern_reads_back_and_matches_what_it_was_made_from(
        parts in proptest::collection::vec("[a-z.]{0,8}", 1..6),
        fillings in proptest::collection::vec("[a-z.]{0,8}", 6),
    ) {
        let text = parts.join("*");
        prop_assume!(!text.is_empty());
        let pattern = Pattern::new(&text).expect("a good pattern");
        let mut name = parts[0].clone();
        for (part, filling) in parts[1..].iter().zip(&fillings) {
            name += filling;
            name += part;
        }

        prop_assert!(pattern.matches(&name), "{} {}", text, name);
        let json = serde_json::to_string(&pattern).expect("it is a text");
        prop_assert_eq!(serde_json::from_str::<Pattern>(&json).expect("it reads back"), pattern);
    }

    #[test]
    fn no_text_makes_a_pattern_panic(text in ".{0,200}", name in ".{0,200}") {
        if let Ok(pattern) = Pattern::new(&text) {
            pattern.matches(&name);
        }
    }
}
