//! What a large body costs the small calls beside it, and what memory it and idle nodes take at the controller.
//!
//! Starts itself again as controller and as callee. The caller is this process: its small calls and the large body
//! share one link.

mod roles;

use std::env;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use daffi::{Node, Registry, callback};
use hdrhistogram::Histogram;
use serde_bytes::{ByteBuf, Bytes};
use tokio::task::JoinSet;

use crate::roles::{Outcome, Role, alone, controller, ready, say, secret};

/// Gives back what it is sent.
#[callback(inline)]
async fn echo(body: ByteBuf) -> ByteBuf {
    body
}

/// Says how much it was sent.
#[callback]
async fn weigh(body: ByteBuf) -> u64 {
    body.len() as u64
}

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--role", "controller", url] => alone(controller(url)),
        ["--role", "callee", url] => alone(callee(url)),
        [] => tokio::runtime::Runtime::new()?.block_on(measure(LARGE_BYTES, NODES)),
        ["--large", bytes, "--nodes", nodes] => {
            tokio::runtime::Runtime::new()?.block_on(measure(bytes.parse()?, nodes.parse()?))
        }
        _ => Err("usage: cargo bench --bench footprint [-- --large BYTES --nodes N]".into()),
    }
}

async fn callee(url: &str) -> Outcome<()> {
    let _node = daffi::connect(url).name("callee").secret(secret()?).await?;
    ready()?;
    std::future::pending().await
}

async fn measure(large_bytes: usize, nodes: usize) -> Outcome<()> {
    for over in ["unix", "quic"] {
        let folder = tempfile::tempdir()?;
        let url = match over {
            "unix" => format!("unix://{}/mesh.sock", folder.path().display()),
            _ => format!("quic://{}", UdpSocket::bind("127.0.0.1:0")?.local_addr()?),
        };
        let controller = Role::start("controller", &url)?;
        let _callee = Role::start("callee", &url)?;
        let node = daffi::connect(&url).name("caller").secret(secret()?).registry(Registry::new()).await?;
        node.wait_callback("weigh").await?;
        report_latency(over, &node, &controller, large_bytes).await?;
        report_idle(over, &url, &controller, nodes).await?;
    }
    Ok(())
}

async fn report_latency(over: &str, node: &Node, controller: &Role, large_bytes: usize) -> Outcome<()> {
    let idle = small_calls(node, async { tokio::time::sleep(Duration::from_secs(2)).await }).await?;
    let before = controller.memory("VmRSS")?;
    let begun = Instant::now();
    let sender = node.clone();
    let transfer = tokio::spawn(async move {
        let body = vec![7; large_bytes];
        sender.call::<u64>("weigh", (Bytes::new(&body),)).timeout(Duration::from_secs(600)).await
    });
    let mut sent = None;
    let beside = small_calls(node, async { sent = Some(transfer.await) }).await?;
    let weight = sent.expect("the calls stop when it has ended")??;
    if weight != large_bytes as u64 {
        return Err(format!("{weight} bytes arrived of {large_bytes}").into());
    }
    let seconds = begun.elapsed().as_secs_f64();
    let peak = controller.memory("VmHWM")?;
    say(&format!(
        "{over}: {} MiB in {seconds:.2} s; small calls: p50 {:.0} µs, p99 {:.0} µs idle; p50 {:.0} µs, p99 {:.0} µs \
         beside it ({} of them); the controller took {} KiB more at the most",
        large_bytes >> 20,
        microseconds(&idle, 0.5),
        microseconds(&idle, 0.99),
        microseconds(&beside, 0.5),
        microseconds(&beside, 0.99),
        beside.len(),
        peak.saturating_sub(before),
    ))
}

async fn report_idle(over: &str, url: &str, controller: &Role, count: usize) -> Outcome<()> {
    let before = controller.memory("VmRSS")?;
    let mut joining = JoinSet::new();
    for number in 0..count {
        let name = format!("idle-{number}");
        joining
            .spawn(daffi::connect(url).name(name).secret(secret()?).registry(Registry::new()).into_future());
    }
    let mut nodes = Vec::new();
    while let Some(joined) = joining.join_next().await {
        nodes.push(joined??);
    }
    // Idle links give back what their handshake took when they answer pings.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = controller.memory("VmRSS")?;
    let each = after.saturating_sub(before) as f64 / count as f64;
    say(&format!("{over}: an idle node costs the controller {each:.1} KiB ({count} of them)"))
}

/// Calls one after the other until `end`.
async fn small_calls(node: &Node, end: impl Future<Output = ()>) -> Outcome<Histogram<u64>> {
    let mut latencies = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
    let mut end = std::pin::pin!(end);
    loop {
        let begun = Instant::now();
        let call = node.call::<ByteBuf>("echo", (Bytes::new(&[7; 16]),)).into_future();
        tokio::select! {
            biased;
            reply = call => drop(reply?),
            () = &mut end => return Ok(latencies),
        }
        latencies.saturating_record(u64::try_from(begun.elapsed().as_nanos())?);
    }
}

fn microseconds(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / 1e3
}

/// As much as one call may have, but for what says how long it is.
const LARGE_BYTES: usize = (1 << 30) - 1024;
const NODES: usize = 500;
