//! Routed calls of the mesh against the least that they can cost over the same transport, measured in one run.
//!
//! Starts itself again as caller, as callee and as what stands between them, all on one CPU: there the rate
//! is one over the sum of their CPU times, and waking idle cores, the largest noise, is out of the picture.
//! Only ratios taken in one run count. Where `redis-server` is on the path, hosted objects are measured against
//! Redis too.

mod daffi;
mod floor;
mod guard;
mod item;
mod meter;
mod options;
mod process;
mod quic;
mod redis;
#[path = "../roles/resp.rs"]
mod resp;
mod stored;
mod table;
mod task;

use std::env;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::process::ExitCode;
use std::time::Duration;

use crate::guard::Guard;
use crate::item::Item;
use crate::meter::Measurement;
use crate::options::{Options, USAGE};
use crate::process::{Role, Watched};
use crate::stored::About;
use crate::table::Row;
use crate::task::{Peer, Task};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut words = env::args().skip(1).peekable();
    let outcome = if words.next_if(|word| word == "--role").is_some() {
        let words: Vec<String> = words.collect();
        play(&words).map_err(|error| format!("{}: {error}", words[..words.len().min(2)].join(" of ")))
    } else {
        match Options::parse(words) {
            Ok(Some(options)) => compare(&options).map_err(|error| error.to_string()),
            Ok(None) => print(&usage()).map_err(|error| error.to_string()),
            Err(error) => Err(error),
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesh: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A child's life.
fn play(words: &[String]) -> io::Result<()> {
    let [role, peer, task] = words else {
        return Err(io::Error::other("a role takes a peer and a task"));
    };
    let peer =
        PEERS.iter().find(|known| known.key() == *peer).ok_or_else(|| io::Error::other("unknown peer"))?;
    let task: Task = serde_json::from_str(task)?;
    if let Some(cpu) = task.cpu {
        process::pin(cpu)?;
    }
    process::end_with(task.parent)?;
    match role.as_str() {
        HUB => (peer.hub)(&task),
        CALLEE => (peer.callee)(&task),
        CALLER => process::say(&serde_json::to_string(&(peer.caller)(&task)?)?),
        _ => Err(io::Error::other("unknown role")),
    }
}

/// Measures each item by each peer in turn, so that the machine's moods meet all alike.
fn compare(options: &Options) -> io::Result<()> {
    let guard = options.guard.as_deref().map(Guard::read).transpose()?;
    let (about, rows) = match &options.from {
        Some(path) => stored::read(path)?,
        None => {
            let about = About::here(&env::args().skip(1).collect::<Vec<_>>());
            let rows = measure_all(options, &about)?;
            (about, rows)
        }
    };
    if options.page {
        print(&stored::page(&about, &rows))?;
    } else if !options.json {
        print(&table::render(&rows))?;
    }
    guard.map_or(Ok(()), |guard| print(&guard.check(&rows)?))
}

fn measure_all(options: &Options, about: &About) -> io::Result<Vec<Row>> {
    if options.json {
        print(&format!("{}\n", serde_json::to_string(about)?))?;
    }
    let mut rows: Vec<(&Peer, Row)> = Vec::new();
    let has_redis = has_redis(options);
    for item in &options.items {
        let peers = PEERS.iter().filter(|peer| options.over.contains(&peer.over) && peer.takes(*item));
        let peers = peers.filter(|peer| has_redis || peer.name != redis::NAME);
        rows.extend(peers.map(|peer| (peer, Row::new(*item, peer))));
    }
    for round in 0..options.rounds {
        for (peer, row) in &mut rows {
            let measurement = measure(row.item, peer, options)?;
            if options.json {
                print_json(row, round, &measurement)?;
            }
            row.rounds.push(measurement);
        }
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Whether Redis can be measured; says so if it should be and cannot.
fn has_redis(options: &Options) -> bool {
    let is_wanted =
        options.over.contains(&redis::PEER.over) && options.items.iter().any(|item| redis::PEER.takes(*item));
    let has_redis = is_wanted && redis::is_installed();
    if is_wanted && !has_redis {
        eprintln!("Redis is skipped: redis-server is not installed");
    }
    has_redis
}

fn measure(item: Item, peer: &Peer, options: &Options) -> io::Result<Measurement> {
    let folder = tempfile::tempdir()?;
    let mut task = Task {
        item,
        socket: folder.path().join("mesh.sock"),
        port: UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port(),
        payload_bytes: options.payload_bytes,
        warm_up: options.warm_up,
        time: options.time,
        cpu: options.cpu,
        parent: std::process::id(),
        watched: Watched::default(),
    };
    let hub = Role::start(HUB, peer, &task)?;
    hub.wait_ready()?;
    let callee = Role::start(CALLEE, peer, &task)?;
    callee.wait_ready()?;
    task.watched = Watched { hub: hub.pid(), callee: callee.pid() };
    let caller = Role::start(CALLER, peer, &task)?;
    let line = caller.line(options.warm_up + options.time + OVERTIME_MAX)?;
    Ok(serde_json::from_str(&line)?)
}

fn print_json(row: &Row, round: usize, measurement: &Measurement) -> io::Result<()> {
    let mut value = serde_json::to_value(measurement)?;
    value["item"] = row.item.name().into();
    value["over"] = row.over.name().into();
    value["peer"] = row.peer.into();
    value["round"] = round.into();
    print(&format!("{value}\n"))
}

fn usage() -> String {
    let items = Item::ALL.iter().map(|item| format!("  {}  {}\n", item.name(), item.description()));
    format!("{USAGE}\nItems:\n{}", items.collect::<String>())
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

/// Of each transport the floor comes first: it is what the others are compared with.
const PEERS: &[Peer] = &[floor::PEER, daffi::OVER_UNIX, redis::PEER, quic::PEER, daffi::OVER_QUIC];

const HUB: &str = "hub";
const CALLEE: &str = "callee";
const CALLER: &str = "caller";

/// Past its time, a caller that has said nothing for this long never will.
const OVERTIME_MAX: Duration = Duration::from_secs(20);
