//! One counter for the whole mesh, which numbers what happens anywhere: globalCounter's server, its clients over UDP and
//! TCP, and its decorator.
#![expect(clippy::print_stdout, reason = "that is what the example does")]

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use daffi::prelude::*;

/// Runs, and is counted then.
#[count(topic = "topic")]
fn do_something() -> &'static str {
    "Something"
}

/// The same for what waits. One that fails is not counted.
#[count(topic = "topic")]
async fn do_something_async() -> daffi::Result<String> {
    Ok("Something".into())
}

#[tokio::main]
async fn main() -> daffi::Result<()> {
    // The UDP server and the TCP server of the original are addresses of a controller.
    let url = "memory://globalcounter";
    let servers =
        Controller::bind(url).globalcounter("udp://127.0.0.1:0").globalcounter("tcp://127.0.0.1:0").await?;
    let node = daffi::connect(url).await?;

    // A client that is a node: count and reset.
    let topic = node.counter("topic");
    println!("counted {}", topic.count().await?);
    println!("the last number before the reset was {}", topic.reset().await?.last);

    // The decorator: a function's result, and its number.
    node.make_default();
    let (count_num, something) = do_something().await?;
    println!("{count_num} {something}");
    let (count_num, something) = do_something_async().await?;
    println!("{count_num} {something}");

    // Programs that speak the original's own protocol count the same topics.
    let addresses = servers.globalcounters().to_vec();
    let counted = tokio::task::spawn_blocking(move || -> std::io::Result<[u64; 2]> {
        let [udp, tcp] =
            [0, 1].map(|at: usize| addresses[at].split_once("://").map_or("", |(_, place)| place));
        Ok([count_over_udp(udp, "topic")?, count_over_tcp(tcp, "topic")?])
    });
    let [over_udp, over_tcp] = counted.await.expect("it does not panic").expect("loopback works");
    println!("{over_udp} over UDP, {over_tcp} over TCP, {} in the mesh", topic.count().await?);

    // More than the original has: several numbers at once, a look at the sum, stamps that survive a reset.
    println!("up to {} are ours", topic.add(100).await?);
    let before = topic.peek_stamp().await?;
    topic.reset().await?;
    println!("{} stamps come after: {}", topic.name(), topic.stamp().await? > before);
    Ok(())
}

/// A byte 0 and the topic; a byte 128 and the sum.
fn request(topic: &str) -> Vec<u8> {
    [&[0], topic.as_bytes()].concat()
}

fn sum(reply: &[u8]) -> u64 {
    reply.iter().skip(1).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn count_over_udp(server: &str, topic: &str) -> std::io::Result<u64> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(&request(topic), server)?;
    let mut reply = [0; 9];
    let bytes = socket.recv(&mut reply)?;
    Ok(sum(&reply[..bytes]))
}

fn count_over_tcp(server: &str, topic: &str) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(&request(topic))?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(sum(&reply))
}
