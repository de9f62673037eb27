//! globalCounter's own protocol, spoken by clients that are written as its own are.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::Duration;

use daffi::prelude::*;
use daffi::{BindError, Code};

/// The original waits for a tenth of a second, five times, and sends again. On a busy machine that would count twice.
const WAIT: Duration = Duration::from_secs(30);

fn addresses(controller: &Controller) -> [String; 2] {
    let urls = controller.globalcounters();
    let [udp, tcp] = [&urls[0], &urls[1]].map(|url| url.split_once("://").unwrap().1.to_owned());
    [udp, tcp]
}

async fn controller(name: &str) -> (Controller, Node) {
    let url = format!("memory://{name}");
    let bind = Controller::bind(&url).globalcounter("udp://127.0.0.1:0").globalcounter("tcp://127.0.0.1:0");
    let controller = bind.await.unwrap();
    let node = daffi::connect(&url).await.unwrap();
    (controller, node)
}

/// As the original: a socket of its own for each request.
fn ask_udp(address: &str, request: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    socket.send_to(request, address).unwrap();
    let mut reply = [0; 64];
    let bytes = socket.recv(&mut reply).unwrap();
    reply[..bytes].to_vec()
}

/// As the original: sent at once, and its side stays open.
fn ask_tcp(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    reply
}

type Ask = fn(&str, &[u8]) -> Vec<u8>;

fn count(ask: Ask, address: &str, topic: &str) -> u64 {
    let reply = ask(address, &[&[0], topic.as_bytes()].concat());
    assert_eq!(reply[0], 128);
    reply[1..].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn reset(ask: Ask, address: &str, topic: &str) {
    assert_eq!(ask(address, &[&[1], topic.as_bytes()].concat()), [129]);
}

async fn on_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn both_ways_count_the_topics_that_nodes_count() {
    let (controller, node) = controller("gc-both").await;
    let [udp, tcp] = addresses(&controller);
    assert_eq!(node.counter("é").count().await.unwrap(), 1);

    let counted = on_thread(move || {
        let counted = (count(ask_udp, &udp, "é"), count(ask_tcp, &tcp, "é"), count(ask_tcp, &tcp, ""));
        reset(ask_udp, &udp, "t");
        assert_eq!(count(ask_tcp, &tcp, "t"), 1);
        reset(ask_tcp, &tcp, "t");
        assert_eq!(count(ask_udp, &udp, "t"), 1);
        counted
    });

    assert_eq!(counted.await, (2, 3, 1));
    assert_eq!(node.counter("é").peek().await.unwrap(), 3);
    assert_eq!(node.counter("(empty)").peek().await.unwrap(), 1);
}

#[tokio::test]
async fn three_hundred_counts_are_read_by_the_original_clients() {
    let (controller, _node) = controller("gc-300").await;
    let [udp, tcp] = addresses(&controller);

    on_thread(move || {
        for n in 1..=300 {
            let (ask, address): (Ask, _) = if n % 3 == 0 { (ask_tcp, &tcp) } else { (ask_udp, &udp) };
            assert_eq!(count(ask, address, "orders"), n);
        }
    })
    .await;
}

#[tokio::test]
async fn counts_by_many_clients_at_once_are_all_different() {
    let (controller, node) = controller("gc-many").await;
    let [_, tcp] = addresses(&controller);
    let counting = (0..8).map(|_| {
        let tcp = tcp.clone();
        on_thread(move || (0..25).map(|_| count(ask_tcp, &tcp, "orders")).collect::<Vec<u64>>())
    });

    let mut counted: Vec<u64> = futures::future::join_all(counting).await.concat();
    counted.sort_unstable();

    assert_eq!(counted, (1..=200).collect::<Vec<u64>>());
    assert_eq!(node.counter("orders").peek().await.unwrap(), 200);
}

/// Two datagrams that are there before the first is answered; the answers.
async fn twice(url: &str, options: &str) -> ([Vec<u8>; 2], u64) {
    let bind = Controller::bind(url).globalcounter(&format!("udp://127.0.0.1:0{options}"));
    let controller = bind.await.unwrap();
    let address = controller.globalcounters()[0].replace("udp://", "");
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..2 {
        socket.send_to(b"\x00orders", &address).await.unwrap();
    }
    let mut replies = [Vec::new(), Vec::new()];
    for reply in &mut replies {
        let mut buffer = [0; 64];
        let (bytes, from) = socket.recv_from(&mut buffer).await.unwrap();
        assert_eq!(from.to_string(), address, "it comes from where the request went");
        *reply = buffer[..bytes].to_vec();
    }
    (replies, controller.stats()["globalcounter_repeated"])
}

#[tokio::test(start_paused = true)]
async fn a_datagram_that_is_sent_again_counts_again_so_that_no_number_is_given_twice() {
    assert_eq!(twice("memory://gc-twice", "").await, ([vec![128, 1], vec![128, 2]], 0));
    assert_eq!(twice("memory://gc-count", "?repeats=count").await, ([vec![128, 1], vec![128, 2]], 0));
}

#[tokio::test(start_paused = true)]
async fn with_the_switch_a_datagram_that_is_sent_again_is_answered_as_before() {
    assert_eq!(twice("memory://gc-answer", "?repeats=answer").await, ([vec![128, 1], vec![128, 1]], 1));
}

#[tokio::test]
async fn nothing_that_comes_in_ends_it() {
    let (controller, node) = controller("gc-bad").await;
    let [udp, tcp] = addresses(&controller);
    let long = [&[0][..], &[b'x'; 40_000]].concat();
    let bad: Vec<Vec<u8>> =
        vec![vec![], vec![2, b't'], vec![128, 1], vec![0, 0xff, 0xfe], vec![1, 0xc3], vec![255], long];
    let bads = bad.len() as u64;

    on_thread(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for message in &bad {
            socket.send_to(message, &udp).unwrap();
            let mut stream = TcpStream::connect(&tcp).unwrap();
            // Closed before all of it is read, it may break off.
            stream.write_all(message).and_then(|()| stream.shutdown(Shutdown::Write)).ok();
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply).ok();
            assert_eq!(reply, b"", "{message:?}");
        }
        assert_eq!(count(ask_tcp, &tcp, "orders"), 1);
        assert_eq!(count(ask_udp, &udp, "orders"), 2);
    })
    .await;

    let stats = node.stats().await.unwrap();
    assert_eq!((stats["globalcounter_refused"], stats["globalcounter_requests"]), (2 * bads, 2));
}

#[tokio::test]
async fn a_flood_of_datagrams_does_not_end_it() {
    let (controller, _node) = controller("gc-flood").await;
    let [udp, _] = addresses(&controller);

    on_thread(move || {
        let flood = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..20_000_u32 {
            let message = [&n.to_le_bytes()[..], b"topic"].concat();
            flood.send_to(&message, &udp).unwrap();
        }
        // The system drops what comes while its buffer is full.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut reply = [0; 64];
        let answered = (0..30).any(|_| {
            socket.send_to(b"\x00orders", &udp).unwrap();
            socket.recv(&mut reply).is_ok()
        });
        assert!(answered && reply[0] == 128);
    })
    .await;
}

#[tokio::test]
async fn those_who_say_nothing_keep_nobody_out() {
    let (controller, _node) = controller("gc-silent").await;
    let [_, tcp] = addresses(&controller);

    on_thread(move || {
        let silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&tcp).unwrap()).collect();
        assert_eq!(count(ask_tcp, &tcp, "orders"), 1);
        drop(silent);
    })
    .await;
}

#[tokio::test]
async fn a_request_in_two_parts_is_one_topic() {
    let (controller, _node) = controller("gc-parts").await;
    let [_, tcp] = addresses(&controller);
    let mut stream = TcpStream::connect(&tcp).unwrap();
    stream.set_nodelay(true).unwrap();
    // Both are there before the controller, which shares this thread, has read the first.
    stream.write_all(b"\x00to").unwrap();
    stream.write_all(b"pic").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();

    let reply = on_thread(move || {
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        (reply, count(ask_tcp, &tcp, "topic"))
    });

    assert_eq!(reply.await, (vec![128, 1], 2));
}

#[tokio::test]
async fn addresses_that_cannot_be_listened_on_are_refused_with_the_reason() {
    let bind = |address: &str| Controller::bind("memory://gc-refused").globalcounter(address);
    for (address, why) in [
        ("127.0.0.1:0", "expected `udp://host:port`"),
        ("quic://127.0.0.1:0", "expected `udp://host:port`"),
        ("udp://127.0.0.1", "no port"),
        ("udp://127.0.0.1:0?reads=once", "repeats=count"),
        ("tcp://127.0.0.1:0?repeats=count", "reads=once"),
        ("tcp://127.0.0.1:port", "not an address"),
    ] {
        let refused = bind(address).await.unwrap_err();
        assert_eq!(refused.code(), Code::Configuration, "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let first = bind("tcp://127.0.0.1:0").await.unwrap();
    let taken = first.globalcounters()[0].clone();
    let refused = Controller::bind("memory://gc-second").globalcounter(&taken).await.unwrap_err();
    assert!(matches!(refused, Error::Bind(BindError::InUse { .. })), "{refused}");
}
