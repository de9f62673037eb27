//! What QUIC does beyond what every transport must.

mod mesh;
mod net;
mod simulated;

use std::io::ErrorKind;
use std::net::Ipv6Addr;
use std::sync::Arc;

use super::super::tests::{read, read_to_end, write_all};
use super::super::{
    Address, Connection, DialError, DialOptions, ListenOptions, Listener, QuicAddress, dial, listen,
};
pub(in super::super) use mesh::Mesh;

/// Both ends of a new connection. The listener knows of the lane when something was written.
pub(in super::super) async fn pair(
    listener: &dyn Listener,
    options: &DialOptions,
) -> (Arc<dyn Connection>, Arc<dyn Connection>) {
    let dialled = dial(listener.address(), options).await.unwrap();
    dialled.try_write(b"!").unwrap();
    let accepted = listener.accept().await.unwrap();
    assert_eq!(read(&*accepted, 1).await.unwrap(), "!");
    (dialled, accepted)
}

async fn listen_at(address: &str, options: &ListenOptions) -> Arc<dyn Listener> {
    listen(&address.parse().unwrap(), options).await.unwrap()
}

fn port(listener: &dyn Listener) -> u16 {
    match listener.address() {
        Address::Quic(quic) => quic.port,
        other => panic!("{other} has no port"),
    }
}

fn at(host: &str, port: u16) -> Address {
    Address::Quic(QuicAddress::new(host, port))
}

/// Whether this machine has the family; the simulated network tries both in any case.
fn has_v6() -> bool {
    let bound = std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0));
    if let Err(error) = &bound {
        eprintln!("skipped: no IPv6 on this machine: {error}");
    }
    bound.is_ok()
}

/// Why the controller did not take the node.
async fn refusal(address: &Address, options: &DialOptions) -> DialError {
    let connection = match dial(address, options).await {
        Ok(connection) => connection,
        Err(error) => return error,
    };
    // The client's handshake is over before the controller has looked at its certificate.
    let error = read(&*connection, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    DialError::behind(&error).unwrap_or_else(|| panic!("{error}")).clone()
}

fn assert_untrusted(error: &DialError, reason: &str) {
    assert!(matches!(error, DialError::Untrusted(text) if text.contains(reason)), "{error:?}");
}

#[tokio::test]
async fn localhost_is_both_families_on_one_port() {
    if !has_v6() {
        return;
    }
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;

    let port = port(&*listener);
    assert_eq!(*listener.address(), at("localhost", port));
    for host in ["127.0.0.1", "::1", "localhost"] {
        let dialled = dial(&at(host, port), &mesh.dialling()).await.unwrap();
        dialled.try_write(b"hello").unwrap();
        let accepted = listener.accept().await.unwrap();

        assert_eq!(read(&*accepted, 16).await.unwrap(), "hello", "{host}");
    }
}

#[tokio::test]
async fn a_runtime_without_user_code_handles_packets_itself() {
    let mesh = Mesh::new("mesh");
    let options = ListenOptions { is_runtime_ours: true, ..mesh.listening() };
    let listener = listen_at("quic://localhost:0", &options).await;
    let (address, dialling) = (listener.address().clone(), mesh.dialling());

    let (dialled, accepted) = pair(&*listener, &dialling).await;

    accepted.try_write(b"here").unwrap();
    assert_eq!(read(&*dialled, 16).await.unwrap(), "here");
    drop((listener, dialled, accepted));
    listen(&address, &options).await.unwrap();
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_refuses_in_both_families() {
    if !has_v6() {
        return;
    }
    let mesh = Mesh::new("mesh");
    let port = port(&*listen_at("quic://localhost:0", &mesh.listening()).await);
    // Waits until the sockets have gone.
    drop(listen_at(&format!("quic://localhost:{port}"), &mesh.listening()).await);
    super::linger::leftovers(([127, 0, 0, 1], port).into()).gone().await;
    super::linger::leftovers((Ipv6Addr::LOCALHOST, port).into()).gone().await;

    let error = dial(&at("localhost", port), &mesh.dialling()).await.unwrap_err();

    let expected = format!("127.0.0.1:{port}: connection refused, [::1]:{port}: connection refused");
    assert_eq!(error, DialError::Unreachable(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_a_listener_is_free_when_it_was_dropped() {
    let mesh = Mesh::new("mesh");
    // A port that the system gives to nobody who asks for any: it would be taken between the drop and the next listener.
    let (mut listener, address) = loop {
        let address = at("localhost", fastrand::u16(20_000..32_000));
        match listen(&address, &mesh.listening()).await {
            Ok(listener) => break (listener, address),
            Err(crate::error::BindError::InUse { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };

    for _ in 0..200 {
        drop(listener);
        listener = listen(&address, &mesh.listening()).await.unwrap();
    }
}

#[tokio::test]
async fn without_an_identity_nobody_listens_or_dials() {
    let address = at("localhost", 0);

    let error = listen(&address, &ListenOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("identity"), "{error}");
    let error = dial(&at("localhost", 1), &DialOptions::default()).await.unwrap_err();
    assert!(matches!(&error, DialError::BadAddress(text) if text.contains("identity")), "{error}");
    let error = dial(&address, &Mesh::new("mesh").dialling()).await.unwrap_err();
    assert!(matches!(&error, DialError::BadAddress(text) if text.contains("port 0")), "{error}");
}

#[tokio::test]
async fn a_port_in_use_in_one_family_is_in_use() {
    if !has_v6() {
        return;
    }
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://[::1]:0", &mesh.listening()).await;
    let address = at("localhost", port(&*listener));

    let error = listen(&address, &mesh.listening()).await.unwrap_err();

    assert_eq!(error, crate::error::BindError::InUse { address: address.to_string() });
}

#[tokio::test]
async fn a_controller_of_another_mesh_is_not_trusted() {
    let (ours, other) = (Mesh::new("ours"), Mesh::new("other"));
    let listener = listen_at("quic://localhost:0", &other.listening()).await;

    let error = refusal(listener.address(), &ours.dialling()).await;

    assert_untrusted(&error, "another mesh than what this node");
}

#[tokio::test]
async fn whoever_only_claims_to_be_the_controller_is_not_trusted() {
    let (ours, claimed) = (Mesh::new("ours"), Mesh::new("ours"));
    let listener = listen_at("quic://localhost:0", &claimed.listening()).await;

    let error = refusal(listener.address(), &ours.dialling()).await;

    assert_untrusted(&error, "somebody may be in between");
}

#[tokio::test]
async fn a_node_without_a_token_learns_that_it_needs_one() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;

    let error = refusal(listener.address(), &mesh.dialling_as_nobody()).await;

    assert_untrusted(&error, "asks for a token");
}

#[tokio::test]
async fn a_node_with_a_token_of_another_mesh_learns_that_it_is_unknown() {
    for other in ["other", "mesh"] {
        let mesh = Mesh::new("mesh");
        let listener = listen_at("quic://localhost:0", &mesh.listening()).await;

        let error = refusal(listener.address(), &mesh.dialling_as(&Mesh::new(other))).await;

        assert_untrusted(&error, "does not know this token");
    }
}

#[tokio::test]
async fn another_protocol_is_told_as_such() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening_for(b"h3")).await;

    let error = refusal(listener.address(), &mesh.dialling()).await;

    assert_untrusted(&error, "not a daffi controller");
}

#[tokio::test]
async fn the_peer_is_known_by_address_and_certificate() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;
    let dialling = mesh.dialling();

    let (dialled, accepted) = pair(&*listener, &dialling).await;

    assert_eq!(dialled.peer().address, format!("quic://127.0.0.1:{}", port(&*listener)));
    assert!(accepted.peer().address.starts_with("quic://127.0.0.1:"), "{}", accepted.peer().address);
    assert_eq!(accepted.peer().certificates, [mesh.last_issued()]);
    assert_eq!((accepted.peer().uid, accepted.peer().pid), (None, None));
    assert!(dialled.may_resume() && accepted.may_resume());
}

#[tokio::test]
async fn whom_the_controller_lets_in_changes_without_a_new_listener() {
    let (first, second) = (Mesh::new("first"), Mesh::new("second"));
    let options = first.listening();
    let (change, tls) = tokio::sync::watch::channel(options.tls.unwrap().borrow().clone());
    let options = ListenOptions { tls: Some(tls), ..ListenOptions::default() };
    let listener = listen_at("quic://localhost:0", &options).await;
    let (before, taken) = pair(&*listener, &first.dialling()).await;

    change.send_replace(second.listening().tls.unwrap().borrow().clone());

    pair(&*listener, &second.dialling()).await;
    assert_untrusted(&refusal(listener.address(), &first.dialling()).await, "another mesh");
    before.try_write(b"on").unwrap();
    assert_eq!(read(&*taken, 16).await.unwrap(), "on", "connections that were made go on");
}

#[tokio::test]
async fn sides_carry_bytes_and_end_beside_the_lane() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;
    let (dialled, accepted) = pair(&*listener, &mesh.dialling()).await;

    for (from, to) in [(&dialled, &accepted), (&accepted, &dialled)] {
        let side = from.open_side().unwrap().await.unwrap();
        assert_eq!(side.try_write(b"body").unwrap(), 4);
        side.close();
        let other = to.accept_side().unwrap().await.unwrap();

        assert_eq!(read_to_end(&*other).await.unwrap(), b"body");
        assert_eq!(side.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(other.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(read(&*side, 1).await.unwrap().is_empty());
        assert_eq!(side.peer(), from.peer());
    }
    dialled.try_write(b"lane").unwrap();
    assert_eq!(read(&*accepted, 16).await.unwrap(), "lane");
}

#[tokio::test]
async fn a_side_that_nobody_reads_refuses_what_is_written() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;
    let (dialled, accepted) = pair(&*listener, &mesh.dialling()).await;
    let side = dialled.open_side().unwrap().await.unwrap();
    side.try_write(b"x").unwrap();

    drop(accepted.accept_side().unwrap().await.unwrap());

    let error = write_all(&*side, &vec![0; 8 << 20]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn what_sides_carry_arrives_though_the_connection_is_closed() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;
    let (dialled, accepted) = pair(&*listener, &mesh.dialling()).await;
    let body = vec![7; 1 << 20];
    let side = dialled.open_side().unwrap().await.unwrap();

    assert_eq!(side.try_write(&body).unwrap(), body.len());
    drop(side);
    dialled.close();
    dialled.closed().await;

    let other = accepted.accept_side().unwrap().await.unwrap();
    assert!(read_to_end(&*other).await.unwrap() == body);
    assert!(read(&*accepted, 1).await.unwrap().is_empty());
    assert!(accepted.accept_side().unwrap().await.is_err());
}

#[tokio::test]
async fn a_peer_that_is_slow_to_begin_holds_up_nobody() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;

    let slow = dial(listener.address(), &mesh.dialling()).await.unwrap();
    let (_first, _taken) = pair(&*listener, &mesh.dialling()).await;
    slow.try_write(b"at last").unwrap();

    let accepted = listener.accept().await.unwrap();
    assert_eq!(read(&*accepted, 16).await.unwrap(), "at last");
}

#[tokio::test]
async fn what_is_not_quic_is_ignored() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://127.0.0.1:0", &mesh.listening()).await;
    let (dialled, accepted) = pair(&*listener, &mesh.dialling()).await;
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut random = fastrand::Rng::with_seed(1);

    for bytes in 0..2_000 {
        let mut datagram: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(bytes).collect();
        // Every other one begins as the first packet of a handshake does.
        if bytes >= 5 && bytes % 2 == 0 {
            datagram[..5].copy_from_slice(&[0xc0, 0, 0, 0, 1]);
        }
        stranger.send_to(&datagram, ("127.0.0.1", port(&*listener))).unwrap();
    }

    pair(&*listener, &mesh.dialling()).await;
    dialled.try_write(b"on").unwrap();
    assert_eq!(read(&*accepted, 16).await.unwrap(), "on");
}

#[test]
fn peers_are_answered_while_the_runtime_of_the_user_is_blocked() {
    let mesh = Mesh::new("mesh");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(listen_at("quic://localhost:0", &mesh.listening()));
    let address = listener.address().clone();

    // Nobody drives the first runtime meanwhile.
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connection = dial(&address, &mesh.dialling()).await.unwrap();
            connection.try_write(b"hello").unwrap();
            connection
        })
    });
    let connection = other.join().unwrap();

    // Nor the second, whose thread has even ended.
    runtime.block_on(async {
        let accepted = listener.accept().await.unwrap();
        assert_eq!(read(&*accepted, 16).await.unwrap(), "hello");
        accepted.try_write(b"back").unwrap();
        assert_eq!(read(&*connection, 16).await.unwrap(), "back");
    });
}

#[tokio::test]
async fn the_last_words_of_a_peer_arrive_though_it_takes_no_more() {
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://localhost:0", &mesh.listening()).await;
    let (dialled, accepted) = pair(&*listener, &mesh.dialling()).await;
    let words = vec![7; 1 << 20];

    assert_eq!(dialled.try_write(&words).unwrap(), words.len());
    drop(dialled);
    // More than there is room for while nobody reads.
    let error = write_all(&*accepted, &vec![0; 8 << 20]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    accepted.close();

    assert!(read_to_end(&*accepted).await.unwrap() == words);
}
