//! Results that were kept in a file, and the page that is made of them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::{fs, io, thread};

use serde::{Deserialize, Serialize};

use crate::PEERS;
use crate::daffi;
use crate::item::{Item, Over};
use crate::meter::Measurement;
use crate::table::Row;

/// What was measured, where, and by which command.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct About {
    cpu: String,
    cpus: usize,
    kernel: String,
    rustc: String,
    version: String,
    commit: String,
    options: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    item: String,
    over: String,
    peer: String,
    #[serde(flatten)]
    measurement: Measurement,
}

impl About {
    /// This machine and this program, given the words after the program's name.
    pub(crate) fn here(words: &[String]) -> Self {
        let of_file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = of_file("/proc/cpuinfo");
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cpu: model.map_or_else(|| "unknown".into(), |(_, name)| name.to_owned()),
            cpus: thread::available_parallelism().map_or(1, usize::from),
            kernel: of_file("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: said_by("rustc", &["--version"]),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: said_by("git", &["rev-parse", "--short=12", "HEAD"]),
            options: words.iter().filter(|word| *word != "--bench").cloned().collect::<Vec<_>>().join(" "),
        }
    }
}

/// The first line of what a program prints.
fn said_by(program: &str, words: &[&str]) -> String {
    let said = Command::new(program).args(words).output().ok().filter(|output| output.status.success());
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    said.unwrap_or_else(|| "unknown".into())
}

/// What `--json` printed.
pub(crate) fn read(path: &Path) -> io::Result<(About, Vec<Row>)> {
    let bad = |what: String| io::Error::other(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let mut lines = text.lines();
    let about =
        serde_json::from_str(lines.next().unwrap_or_default()).map_err(|error| bad(error.to_string()))?;
    let mut rows: Vec<Row> = Vec::new();
    for line in lines {
        let Line { item, over, peer, measurement } =
            serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
        let (item, over) = (Item::from_str(&item).map_err(bad)?, Over::from_str(&over).map_err(bad)?);
        let peer = PEERS.iter().find(|known| known.name == peer && known.over == over);
        let peer = peer.ok_or_else(|| bad("a peer that is not known".into()))?;
        let same = |row: &&mut Row| (row.item, row.over, row.peer) == (item, over, peer.name);
        match rows.iter_mut().find(same) {
            Some(row) => row.rounds.push(measurement),
            None => rows.push(Row { rounds: vec![measurement], ..Row::new(item, peer) }),
        }
    }
    Ok((about, rows))
}

/// The same for people, as a page.
pub(crate) fn page(about: &About, rows: &[Row]) -> String {
    let About { cpu, cpus, kernel, rustc, version, commit, options } = about;
    let rounds = rows.first().map_or(0, |row| row.rounds.len());
    let mut text = format!(
        "{INTRODUCTION}\n## Where\n\n{cpu}, {cpus} CPUs; Linux {kernel}; {rustc}; daffi {version} at `{commit}`. \
         Medians of {rounds} rounds, by\n\n```console\n$ cargo bench --bench mesh -- {options}\n```\n"
    );
    for over in Over::ALL {
        let rows_over: Vec<&Row> = rows.iter().filter(|row| row.over == over).collect();
        if rows_over.is_empty() {
            continue;
        }
        write!(text, "\n## Over {}\n\n{HEAD}", over.title()).expect("a string takes it all");
        for row in rows_over.into_iter().filter(|row| row.peer == daffi::NAME) {
            write_line(&mut text, row, row.reference(rows));
        }
    }
    write_beside_redis(&mut text, rows);
    text
}

fn write_beside_redis(text: &mut String, rows: &[Row]) {
    let pairs: Vec<(&Row, &Row)> = rows.iter().filter_map(|row| Some((row, row.redis(rows)?))).collect();
    if pairs.is_empty() {
        return;
    }
    write!(text, "\n{REDIS_INTRODUCTION}\n{REDIS_HEAD}").expect("a string takes it all");
    for (row, redis) in pairs {
        write_redis_line(text, row, redis, row.reference(rows));
    }
}

fn write_redis_line(text: &mut String, row: &Row, redis: &Row, floor: &Row) {
    let [rate, redis_rate, floor_rate] = [row, redis, floor].map(|row| row.median(|round| round.rate));
    let cpu = redis.cpu();
    writeln!(
        text,
        "| {} | {} | {} | {:.2} | {} | {:.2} | {:.2} + {:.2} | {:.0} / {:.0} / {:.0} |",
        row.item.name(),
        row.item.description(),
        thousands(redis_rate),
        redis_rate / floor_rate,
        thousands(rate),
        rate / redis_rate,
        cpu.caller,
        cpu.hub,
        redis.median(|round| round.p50_us),
        redis.median(|round| round.p99_us),
        redis.median(|round| round.p999_us),
    )
    .expect("a string takes it all");
}

fn write_line(text: &mut String, row: &Row, floor: &Row) {
    let [rate, floor_rate] = [row, floor].map(|row| row.median(|round| round.rate));
    let cpu = row.cpu();
    writeln!(
        text,
        "| {} | {} | {} | {} | {:.2} | {:.2} | {:.2} | {:.2} + {:.2} + {:.2} | {:.0} / {:.0} / {:.0} |",
        row.item.name(),
        row.item.description(),
        thousands(floor_rate),
        thousands(rate),
        rate / floor_rate,
        row.item.goal(row.over),
        floor.cpu().total() / cpu.total(),
        cpu.caller,
        cpu.hub,
        cpu.callee,
        row.median(|round| round.p50_us),
        row.median(|round| round.p99_us),
        row.median(|round| round.p999_us),
    )
    .expect("a string takes it all");
}

/// As people write large numbers.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const HEAD: &str = "\
| item | what | floor, op/s | daffi, op/s | of the floor | goal | of its CPU time | CPU µs: caller + controller + callee | p50 / p99 / p99.9, µs |
|---|---|---|---|---|---|---|---|---|
";

const REDIS_HEAD: &str = "\
| item | what | Redis, op/s | of the floor | daffi, op/s | of Redis | Redis' CPU µs: caller + server | p50 / p99 / p99.9, µs |
|---|---|---|---|---|---|---|---|
";

const REDIS_INTRODUCTION: &str = "\
## Beside Redis

The same operations by `redis-server`, which keeps nothing on disk, over a UNIX socket, in turn with the others of the run:
`INCRBY`; `HSET` and `HGET`; `RPUSH` and `LPOP`; `SET NX PX` and a script that deletes what is one's own. Its caller is one
thread that writes bytes it has made before and compares the replies.
";

const INTRODUCTION: &str = "\
# Benchmarks

What a call and an operation cost beside the least that they can cost over the same transport, measured in one run.

The *floor* is a program that does no more than carry the bytes: a relay between two processes for calls, one that answers
by itself for operations on hosted objects. It knows no names, no deadlines, no cancellation, and no errors. Caller, floor or
controller, and callee are processes of their own, all on one CPU, where the rate is one over the sum of their CPU
times and no idle core has to be woken; floor and mesh take turns, so that the machine's moods meet both alike. Only ratios
of one run count: the absolute figures are those of a small shared machine.

A latency is from when a call is made to when its caller goes on, with all others of its kind outstanding.

This page is made by `cargo bench --bench mesh -- --from benches/mesh/result.jsonl --page`, of what `--json` printed.
";
