//! Who is let in over QUIC, and what those are told who are not: each something else, and at once.

use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use daffi::{
    Bind, CallError, Callback, Code, Connect, ConnectError, Controller, Error, JoinString, Node, Pattern,
    Role, Secret, callback, callbacks,
};
use tempfile::TempDir;

use crate::support::guarded;

#[callback(name = "security.open")]
fn open() -> u32 {
    7
}

#[callback(name = "security.secret")]
fn secret() -> u32 {
    8
}

/// A controller with a state directory of its own.
struct Mesh {
    controller: Controller,
    directory: TempDir,
}

impl Mesh {
    async fn start() -> Self {
        Self::listen("quic://127.0.0.1:0", |bind| bind).await
    }

    async fn listen(url: &str, say: impl FnOnce(Bind) -> Bind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bind = Controller::bind(url).data_dir(directory.path().join("state"));
        let controller = say(bind).await.unwrap();
        Self { controller, directory }
    }

    /// A node of the controller's own user.
    fn own(&self, name: &str) -> Connect {
        self.stranger(name).data_dir(self.directory.path().join("state"))
    }

    /// A node of which the controller knows nothing.
    fn stranger(&self, name: &str) -> Connect {
        node(&self.near_url(), name)
    }

    /// The controller's address on this machine.
    fn near_url(&self) -> String {
        self.controller.url().replace("0.0.0.0", "127.0.0.1")
    }

    fn token(&self, name: &str, role: Role) -> JoinString {
        self.controller.new_token(name, role, None).unwrap()
    }
}

fn node(url: &str, name: &str) -> Connect {
    daffi::connect(url).name(name).registry(Vec::<Callback>::new())
}

fn guest() -> Role {
    let open = || vec![Pattern::new("security.open").unwrap()];
    Role { call: open(), serve: open(), ..Role::default() }
}

fn everything() -> Role {
    Role::everything()
}

async fn refused(connect: Connect) -> ConnectError {
    match connect.await {
        Err(Error::Connect(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was let in"),
    }
}

/// The error says that it is of no use to try again, and why.
async fn refused_with(connect: Connect, why: &str) {
    let error = refused(connect).await;
    assert_eq!(error.code(), Code::Denied, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

/// The text of a join string with another number of the token.
fn renumbered(join: &JoinString, id: &str) -> JoinString {
    join.reveal().replace(join.id(), id).parse().unwrap()
}

async fn serves(node: &Node) {
    assert_eq!(node.call::<u32>("security.open", ()).await.unwrap(), 7);
}

async fn pings(node: &Node) {
    let back: Vec<u8> = node.call("daffi.ping", ()).await.unwrap();
    assert!(back.is_empty(), "what was sent: nothing");
}

#[tokio::test]
async fn processes_of_one_user_meet_without_being_told_anything() {
    guarded(async {
        let mesh = Mesh::start().await;
        let _server = mesh.own("server").registry(callbacks![open]).await.unwrap();

        serves(&mesh.own("caller").await.unwrap()).await;

        let elsewhere = mesh.stranger("other").data_dir(mesh.directory.path().join("other"));
        refused_with(elsewhere, "another mesh").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_lets_in_and_its_role_is_kept_to() {
    guarded(async {
        let mesh = Mesh::start().await;
        let _server = mesh.own("server").registry(callbacks![open, secret]).await.unwrap();
        let guest = mesh.token("guest", guest());

        let node = mesh.stranger("guest").join(guest.clone()).await.unwrap();
        serves(&node).await;
        let denied = node.call::<u32>("security.secret", ()).await.unwrap_err();
        assert!(matches!(denied, Error::Call(CallError::Denied { .. })), "{denied}");
        assert_eq!(denied.code(), Code::Denied);
        assert!(denied.to_string().contains("security.secret"), "{denied}");
        let kick = node.call::<bool>("daffi.node.kick", ("server",)).await.unwrap_err();
        assert_eq!(kick.code(), Code::Denied);
        assert_eq!(mesh.controller.stats()["calls_denied"], 2);

        let offering = mesh.stranger("offering").join(guest.clone()).registry(callbacks![open, secret]);
        refused_with(offering, "may not serve `security.secret`").await;
        mesh.stranger("modest").join(guest).registry(callbacks![open]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_an_unknown_one_and_one_of_another_mesh_are_refused() {
    guarded(async {
        let (mesh, other) = (Mesh::start().await, Mesh::start().await);
        let (one, two) = (mesh.token("one", everything()), mesh.token("two", everything()));
        let foreign = other.token("one", everything());

        let stolen = renumbered(&one, two.id());
        refused_with(mesh.stranger("wrong").join(stolen), "does not know this token").await;
        let unknown = renumbered(&one, "00ff00ff");
        refused_with(mesh.stranger("unknown").join(unknown), "does not know this token").await;
        refused_with(mesh.stranger("foreign").join(foreign), "another mesh").await;
        mesh.stranger("right").join(one).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_revoked_token_loses_its_session_at_once_and_gets_no_other() {
    guarded(async {
        let mesh = Mesh::start().await;
        let (gone, stays) = (mesh.token("gone", everything()), mesh.token("stays", everything()));
        let ended = mesh.stranger("ended").join(gone.clone()).await.unwrap();
        let other = mesh.stranger("other").join(stays).await.unwrap();

        mesh.controller.revoke_token("gone").unwrap();

        ended.join().await.unwrap();
        refused_with(mesh.stranger("again").join(gone), "was revoked").await;
        pings(&other).await;
    })
    .await;
}

#[tokio::test]
async fn an_expired_token_is_refused_as_that() {
    guarded(async {
        let mesh = Mesh::start().await;
        let short = mesh.controller.new_token("short", everything(), Some(Duration::from_millis(1))).unwrap();

        // A very quick machine may get in before.
        let error = loop {
            match mesh.stranger("late").join(short.clone()).await {
                Ok(node) => drop(node.stop().await),
                Err(error) => break error,
            }
        };

        assert_eq!(error.code(), Code::Denied);
        assert!(error.to_string().contains("has expired"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked_by_whoever_may() {
    guarded(async {
        let mesh = Mesh::start().await;
        let operator = mesh.own("operator").await.unwrap();
        let spec = daffi_core::wire::TokenSpec {
            name: "web".into(),
            role: guest(),
            expires_in_ms: Some(3_600_000),
            host: None,
        };

        let made: daffi_core::wire::TokenMade =
            operator.call("daffi.token.new", (spec.clone(),)).await.unwrap();
        let join: JoinString = made.join.parse().unwrap();
        assert_eq!(join.url(), mesh.controller.url());
        let node = daffi::connect(&join.url()).name("web").registry(Vec::<Callback>::new());
        let node = node.join(join).await.unwrap();

        let twice =
            operator.call::<daffi_core::wire::TokenMade>("daffi.token.new", (spec,)).await.unwrap_err();
        assert!(twice.to_string().contains("web"), "{twice}");
        let revoked: daffi_core::wire::TokenEntry =
            operator.call("daffi.token.revoke", ("web",)).await.unwrap();
        assert_eq!(revoked.name, "web");
        node.join().await.unwrap();
        let listed: Vec<daffi_core::wire::TokenEntry> = operator.call("daffi.token.ls", ()).await.unwrap();
        assert_eq!(listed, [revoked]);
    })
    .await;
}

#[tokio::test]
async fn the_first_start_on_a_public_address_makes_a_token_in_a_file_of_its_own() {
    guarded(async {
        let mesh = Mesh::listen("quic://0.0.0.0:0", |bind| bind).await;
        let path = mesh.controller.first_join_file().expect("it was made").to_owned();
        assert!(path.starts_with(mesh.directory.path()), "{}", path.display());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let anywhere = node("", "anywhere").join_file(&path).await.unwrap();
        pings(&anywhere).await;
        mesh.own("near").await.unwrap();

        let Mesh { controller, directory } = mesh;
        let url = controller.url();
        controller.drain(Duration::ZERO).await;
        let again = Controller::bind(&url).data_dir(directory.path().join("state")).await.unwrap();
        assert_eq!(again.first_join_file(), None);
        node("", "later").join_file(&path).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_controller_on_this_machine_alone_makes_no_token_and_one_at_a_socket_no_key() {
    guarded(async {
        let mesh = Mesh::start().await;
        assert_eq!(mesh.controller.first_join_file(), None);

        let directory = tempfile::tempdir().unwrap();
        let url = format!("unix://{}", directory.path().join("controller.sock").display());
        let controller = Controller::bind(&url).data_dir(directory.path().join("state")).await.unwrap();

        assert!(!directory.path().join("state").exists());
        let error = controller.new_token("web", everything(), None).unwrap_err();
        assert!(error.to_string().contains("quic://"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn who_shares_the_secret_meets_and_who_has_another_does_not() {
    guarded(async {
        let secret = Secret::new("correct horse battery staple").unwrap();
        let shared = secret.clone();
        let mesh = Mesh::listen("quic://127.0.0.1:0", |bind| bind.secret(shared)).await;

        let node = mesh.stranger("friend").secret(secret).await.unwrap();
        pings(&node).await;
        let wrong = Secret::new("correct horse battery stapler").unwrap();
        refused_with(mesh.stranger("foe").secret(wrong), "another mesh").await;
        mesh.stranger("holder").join(mesh.token("web", everything())).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_no_security_and_who_does_are_strangers() {
    guarded(async {
        let open = Mesh::listen("quic://0.0.0.0:0", Bind::insecure).await;
        let closed = Mesh::start().await;
        assert_eq!(open.controller.first_join_file(), None);

        open.stranger("anybody").insecure().await.unwrap();
        let holder = open.stranger("holder").join(closed.token("web", everything()));
        refused_with(holder, "another mesh").await;
        refused_with(closed.stranger("anybody").insecure(), "another mesh").await;
    })
    .await;
}

#[tokio::test]
async fn all_users_of_the_machine_are_let_in_where_that_was_said() {
    guarded(async {
        let mesh = Mesh::listen("quic://127.0.0.1:0", Bind::open_local).await;

        let own = mesh.own("own").await.unwrap();
        let other = mesh.stranger("other").insecure().await.unwrap();

        own.call::<bool>("daffi.node.kick", ("nobody",)).await.unwrap();
        let kick = other.call::<bool>("daffi.node.kick", ("own",)).await.unwrap_err();
        assert_eq!(kick.code(), Code::Denied, "but they are no operators");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_work_is_said_before_anything_is_sent() {
    guarded(async {
        let error = refused(node("quic://192.0.2.1:9", "lost")).await;
        assert_eq!(error.code(), Code::Configuration);
        assert!(error.to_string().contains("DAFFI_JOIN_FILE"), "{error}");

        let error = refused(node("quic:///run/daffi/controller.sock", "lost")).await;
        assert_eq!(error.code(), Code::Configuration);
        assert!(error.to_string().contains("did you mean unix:///run/daffi/controller.sock?"), "{error}");

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.join");
        let error = refused(node("quic://127.0.0.1:9", "lost").join_file(&path)).await;
        assert!(error.to_string().contains("x.join"), "{error}");
        std::fs::write(&path, "daffi1.ab.c2VjcmV0@host:1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = refused(node("quic://127.0.0.1:9", "lost").join_file(&path)).await;
        assert!(error.to_string().contains("chmod 600"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = refused(node("quic://127.0.0.1:9", "lost").join_file(&path)).await;
        assert!(error.to_string().contains("not a join string"), "{error}");
        assert!(!error.to_string().contains("c2VjcmV0"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn noise_at_the_port_keeps_nobody_out() {
    guarded(async {
        let mesh = Mesh::start().await;
        let place = mesh.near_url().replace("quic://", "");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut bytes = noise();
        for length in (0..1_400).step_by(7) {
            bytes.rotate_left(1);
            socket.send_to(&bytes[..length], &place).unwrap();
        }

        pings(&mesh.own("friend").await.unwrap()).await;
    })
    .await;
}

/// Bytes without a pattern, the same at each run.
fn noise() -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..1_400).map(|_| next()).collect()
}
