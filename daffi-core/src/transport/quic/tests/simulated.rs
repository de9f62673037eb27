//! What takes time, in virtual time over a network in memory.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::super::QuicAddress;
use super::super::super::tests::read;
use super::super::super::{Connection, DialError, Listener, dial, listen};
use super::super::home::{Simulated, simulate};
use super::super::listen::{Limits, listen_within};
use super::mesh::Mesh;
use super::net::Hub;
use super::{at, listen_at, pair, port};
use crate::config;
use crate::error::BindError;

struct World {
    hub: Hub,
    mesh: Mesh,
    listener: Arc<dyn Listener>,
    _simulated: Simulated,
}

async fn world() -> World {
    let hub = Hub::default();
    let simulated = simulate(Arc::new(hub.clone()));
    let mesh = Mesh::new("mesh");
    let listener = listen_at("quic://10.0.0.1:7", &mesh.listening()).await;
    World { hub, mesh, listener, _simulated: simulated }
}

async fn assert_echo(one: &dyn Connection, other: &dyn Connection) {
    one.try_write(b"there").unwrap();
    assert_eq!(read(other, 16).await.unwrap(), "there");
    other.try_write(b"back").unwrap();
    assert_eq!(read(one, 16).await.unwrap(), "back");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_vanished_is_noticed_by_its_silence() {
    let world = world().await;
    let (dialled, accepted) = pair(&*world.listener, &world.mesh.dialling()).await;
    let begun = Instant::now();

    world.hub.cut();

    for end in [&dialled, &accepted] {
        let error = read(&**end, 16).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(DialError::behind(&error), None, "it was right to connect");
        assert_eq!(end.try_write(b"x").unwrap_err().kind(), ErrorKind::TimedOut);
    }
    let silence = begun.elapsed();
    let expected = config::QUIC_IDLE_TIMEOUT..config::QUIC_IDLE_TIMEOUT + 2 * config::QUIC_KEEP_ALIVE;
    assert!(expected.contains(&silence), "{silence:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_stays() {
    let world = world().await;
    let (dialled, accepted) = pair(&*world.listener, &world.mesh.dialling()).await;

    sleep(Duration::from_secs(600)).await;

    assert_echo(&*dialled, &*accepted).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_address_changes_keeps_its_connection() {
    let world = world().await;
    let (dialled, accepted) = pair(&*world.listener, &world.mesh.dialling()).await;

    for _ in 0..3 {
        world.hub.renumber();

        assert_echo(&*dialled, &*accepted).await;
        sleep(Duration::from_secs(60)).await;
        assert_echo(&*dialled, &*accepted).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_opens_its_lane_is_dropped() {
    let world = world().await;
    let begun = Instant::now();

    let silent = dial(world.listener.address(), &world.mesh.dialling()).await.unwrap();
    let error = read(&*silent, 16).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    let patience = begun.elapsed();
    assert!(patience >= config::HANDSHAKE_TIMEOUT, "{patience:?}");
    assert!(patience < config::HANDSHAKE_TIMEOUT + Duration::from_secs(1), "{patience:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_waited_for_longer_than_a_handshake_may_take() {
    let world = world().await;
    let begun = Instant::now();

    world.hub.cut();
    let error = dial(world.listener.address(), &world.mesh.dialling()).await.unwrap_err();

    assert_eq!(error, DialError::Unreachable("10.0.0.1:7: no answer".into()));
    assert!(begun.elapsed() <= config::HANDSHAKE_TIMEOUT, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closing_gives_up_on_a_peer_that_does_not_take_what_was_written() {
    let world = world().await;
    let (dialled, _accepted) = pair(&*world.listener, &world.mesh.dialling()).await;
    let begun = Instant::now();

    world.hub.cut();
    dialled.try_write(b"never to arrive").unwrap();
    dialled.close();
    dialled.closed().await;

    assert!(begun.elapsed() <= config::QUIC_CLOSE_TIME, "{:?}", begun.elapsed());
    assert!(poll_fn(|cx| dialled.poll_writable(cx)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_listener_leaves_its_connections_and_frees_the_address_after_them() {
    let World { mesh, listener, _simulated, .. } = world().await;
    let (dialled, accepted) = pair(&*listener, &mesh.dialling()).await;
    let address = listener.address().to_string();

    drop(listener);
    let error = dial(&address.parse().unwrap(), &mesh.dialling()).await.unwrap_err();
    assert!(matches!(&error, DialError::Unreachable(_)), "{error}");
    assert_echo(&*dialled, &*accepted).await;
    drop((dialled, accepted));

    let listener = listen_at(&address, &mesh.listening()).await;
    pair(&*listener, &mesh.dialling()).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_must_prove_its_addresses_and_is_bounded() {
    let World { hub, mesh, listener, _simulated } = world().await;
    drop(listener);
    let limits = Limits { handshakes: 4, unproven: 2 };
    let address = QuicAddress::new("10.0.0.1", 8);
    let listener = listen_within(&address, &mesh.listening(), limits).await.unwrap();

    let mut connections = Vec::new();
    let mut proofs = Vec::new();
    for _ in 0..4 {
        connections.push(dial(listener.address(), &mesh.dialling()).await.unwrap());
        proofs.push(hub.proofs_wanted());
    }
    let error = dial(listener.address(), &mesh.dialling()).await.unwrap_err();

    assert_eq!(proofs, [0, 0, 1, 2]);
    assert!(
        matches!(&error, DialError::Unreachable(text) if text.contains("no more connections")),
        "{error}"
    );
    for connection in &connections {
        connection.try_write(b"x").unwrap();
        listener.accept().await.unwrap();
    }
    pair(&*listener, &mesh.dialling()).await;
}

#[tokio::test(start_paused = true)]
async fn a_family_that_the_machine_lacks_is_left_out() {
    let world = world().await;
    world.hub.lack_v6();

    let listener = listen_at("quic://localhost:9", &world.mesh.listening()).await;

    pair(&*listener, &world.mesh.dialling()).await;
    let address = "quic://[::1]:9".parse().unwrap();
    let error = listen(&address, &world.mesh.listening()).await.unwrap_err();
    assert!(matches!(&error, BindError::Io { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_free_in_one_family_only_is_passed_over() {
    let world = world().await;
    world.hub.occupy_v6(3);

    let listener = listen_at("quic://localhost:0", &world.mesh.listening()).await;

    for host in ["127.0.0.1", "::1"] {
        let dialled = dial(&at(host, port(&*listener)), &world.mesh.dialling()).await.unwrap();
        dialled.try_write(b"hello").unwrap();
        let accepted = listener.accept().await.unwrap();
        assert_eq!(read(&*accepted, 16).await.unwrap(), "hello", "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_answer_holds_up_the_next_only_briefly() {
    let world = world().await;
    let listener = listen_at("quic://[::1]:9", &world.mesh.listening()).await;
    let begun = Instant::now();

    let dialled = dial(&at("localhost", 9), &world.mesh.dialling()).await.unwrap();

    assert!(begun.elapsed() >= config::DIAL_STAGGER && begun.elapsed() < 2 * config::DIAL_STAGGER);
    assert_eq!(dialled.peer().address, listener.address().to_string());
}
