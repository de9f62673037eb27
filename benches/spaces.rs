//! What spaces take: `cond_put` beside `put`, additions of which many are on their way, searches, and memory.
//!
//! Starts itself again as the controller, which it reaches over a UNIX socket. What is compared is done in turn, round by
//! round, so that the machine's moods meet all alike; only figures of one run count.

#[path = "roles/resp.rs"]
mod resp;
mod roles;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;
use std::{env, io};

use daffi::datatypes::space::{DynSpace, Predicate};
use daffi::{Node, Operation, Registry, obj};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tempfile::TempDir;

use crate::resp::Connection;
use crate::roles::{Outcome, Role, alone, controller, say, secret};

const USAGE: &str = "\
Measures operations on spaces, and what memory their objects take at the controller.

Usage: cargo bench --bench spaces -- [OPTIONS]

  --objects N       objects that are searched (default: 100000)
  --operations N    operations of one round (default: 20000)
  --rounds N        medians of so many (default: 9)
  --window N        operations on their way at a time; a node has 1024 at most (default: 1024)
  --help            this
";

/// How much of what.
struct Options {
    objects: u64,
    operations: u64,
    rounds: usize,
    window: usize,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let outcome = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--role", "controller", url] => alone(controller(url)),
        _ => Options::parse(words.into_iter()).map_err(Into::into).and_then(|options| match options {
            Some(options) => tokio::runtime::Runtime::new()?.block_on(measure(&options)),
            None => say(USAGE.trim_end()),
        }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spaces: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    /// `None` if help is asked for.
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { objects: 100_000, operations: 20_000, rounds: 9, window: 1_024 };
        while let Some(option) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{option} takes a number"));
            match option.as_str() {
                "--objects" => options.objects = number(&option, &value()?)?,
                "--operations" => options.operations = number(&option, &value()?)?,
                "--rounds" => options.rounds = number(&option, &value()?)?,
                "--window" => options.window = number(&option, &value()?)?,
                "--help" | "-h" => return Ok(None),
                // What `cargo bench` adds.
                "--bench" => {}
                _ => return Err(format!("unknown option {option}; --help says which there are")),
            }
        }
        Ok(Some(options))
    }
}

fn number<N: FromStr + PartialEq + Default>(option: &str, text: &str) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| *number != N::default());
    number.ok_or_else(|| format!("{option} takes a number from 1 on, not `{text}`"))
}

async fn measure(options: &Options) -> Outcome<()> {
    let Options { objects, rounds, window, .. } = options;
    row(&["what is done", "on their way", "op/s", "ratio"])?;
    let mesh = Mesh::start().await?;
    for window in [1, *window] {
        report_writes(&mesh.node, window, options).await?;
    }
    report_additions(&mesh.node, options).await?;
    drop(mesh);

    say(&format!(
        "\nop/s: medians of {rounds} rounds. ratio: to the line above, the median of those of each round; above 1 is faster.\n"
    ))?;
    row(&["search", "first page ms", "all ms", "bytes an object"])?;
    for index in ["", " index team"] {
        report_search(index, options).await?;
    }
    say(&format!(
        "\nsearch: for {FOUND} of {objects} objects, {window} of which were put at a time; medians of {rounds}. bytes: what the \
         controller's memory has grown by, over the objects, of which each holds 36 bytes of numbers and text."
    ))
}

/// A controller in a process of its own, and a node here.
struct Mesh {
    node: Node,
    controller: Role,
    _folder: TempDir,
}

impl Mesh {
    async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("unix://{}/mesh.sock", folder.path().display());
        let controller = Role::start("controller", &url)?;
        let node = daffi::connect(&url).name("caller").secret(secret()?).registry(Registry::new()).await?;
        Ok(Self { node, controller, _folder: folder })
    }
}

/// `put`, and `cond_put` of the same with a condition that holds.
async fn report_writes(node: &Node, window: usize, options: &Options) -> Outcome<()> {
    let staff = staff(node).await?;
    let put = |at: u64| staff.put(key(at), obj! { first: "Jon", salary: salary(at) });
    let cond_put =
        |at: u64| staff.cond_put(key(at), obj! { last: "Smith" }, obj! { first: "Jon", salary: salary(at) });
    // One after the other takes its time.
    let count = if window == 1 { options.operations.div_ceil(10) } else { options.operations };
    let mut rates = Rates::default();
    for round in 0..options.rounds {
        let first = if round % 2 == 0 { Some(rate(count, window, put).await?) } else { None };
        let conditional = rate(count, window, cond_put).await?;
        let plain = match first {
            Some(first) => first,
            None => rate(count, window, put).await?,
        };
        rates.add(plain, conditional);
    }
    rates.report("put", "cond_put", window)
}

/// `atomic_add` to many objects, and the same of Redis, or to one.
async fn report_additions(node: &Node, options: &Options) -> Outcome<()> {
    let Options { operations, rounds, window, .. } = *options;
    let staff = staff(node).await?;
    let many = |at: u64| staff.atomic_add(key(at), obj! { salary: 1 });
    let one = |_| staff.atomic_add(key(0), obj! { salary: 1 });
    let mut rates = Rates::default();
    for _ in 0..rounds {
        let to_many = rate(operations, window, many).await?;
        rates.add(to_many, rate(operations, window, one).await?);
    }
    rates.report("atomic_add to 1000 objects", "atomic_add to one", window)?;

    let Some(mut redis) = Redis::start()? else {
        return say("HINCRBY of Redis               skipped: redis-server is not installed");
    };
    let mut rates = Rates::default();
    for _ in 0..rounds {
        let theirs = redis.rate(operations, window)?;
        rates.add(theirs, rate(operations, window, many).await?);
    }
    rates.report("HINCRBY of Redis, 1000 hashes", "atomic_add to 1000 objects", window)
}

/// What a search for few of many objects takes, and what these take.
async fn report_search(index: &str, options: &Options) -> Outcome<()> {
    let Options { objects, operations, rounds, window } = *options;
    let mesh = Mesh::start().await?;
    let description = format!("space users key int id attributes string name, int team, int score{index}");
    let users = mesh.node.add_space(description).await?;
    let teams = objects.div_ceil(FOUND);
    let put = |at: u64| {
        users.put(
            at as i64,
            obj! { name: format!("user{at:08}"), team: (at % teams) as i64, score: at as i64 },
        )
    };
    // What the controller keeps of every session's latest operations is there before.
    rate(operations.max(2 * REMEMBERED), window, |_| put(0)).await?;
    let before = mesh.controller.memory("VmRSS")?;
    rate(objects, window, put).await?;
    let grown = mesh.controller.memory("VmRSS")?.saturating_sub(before) * 1_024;

    let (mut first_page, mut all) = (Vec::new(), Vec::new());
    for round in 0..rounds as u64 {
        let team = round * 7_919 % teams;
        let begun = Instant::now();
        let mut found = users.search(Predicate::equals("team", team as i64)).await?;
        first_page.push(begun.elapsed().as_secs_f64() * 1e3);
        let mut count = 0;
        while let Some(user) = found.next().await {
            user?;
            count += 1;
        }
        all.push(begun.elapsed().as_secs_f64() * 1e3);
        if count != (objects - team).div_ceil(teams) {
            return Err(format!("{count} objects were found").into());
        }
    }
    let what = if index.is_empty() { "without an index" } else { "with an index" };
    let each = format!("{:.0}", grown as f64 / objects as f64);
    row(&[what, &format!("{:.2}", median(first_page)), &format!("{:.2}", median(all)), &each])
}

/// A space with some objects that are written again and again.
async fn staff(node: &Node) -> Outcome<DynSpace> {
    let description = "space staff key int id attributes string first, string last, int salary";
    let staff = node.ensure_space(description).await?;
    let put = |at: u64| staff.put(key(at), obj! { first: "John", last: "Smith", salary: 0 });
    rate(KEYS, 1_024, put).await?;
    Ok(staff)
}

fn key(at: u64) -> i64 {
    (at % KEYS) as i64
}

fn salary(at: u64) -> i64 {
    50_000 + (at % 1_000) as i64
}

/// Operations per second, with so many of them on their way at a time.
async fn rate(count: u64, window: usize, operation: impl Fn(u64) -> Operation<bool>) -> Outcome<f64> {
    let begun = Instant::now();
    let mut numbers = 0..count;
    let mut outstanding: FuturesUnordered<_> =
        numbers.by_ref().take(window).map(|at| operation(at).send()).collect();
    while let Some(done) = outstanding.next().await {
        if !done? {
            return Err("an object is not as it must be".into());
        }
        outstanding.extend(numbers.next().map(|at| operation(at).send()));
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Rates of two things that are done in turn.
#[derive(Default)]
struct Rates {
    one: Vec<f64>,
    other: Vec<f64>,
    ratios: Vec<f64>,
}

impl Rates {
    fn add(&mut self, one: f64, other: f64) {
        self.one.push(one);
        self.other.push(other);
        self.ratios.push(other / one);
    }

    fn report(self, one: &str, other: &str, window: usize) -> Outcome<()> {
        let window = window.to_string();
        row(&[one, &window, &format!("{:.0}", median(self.one)), ""])?;
        let ratio = format!("{:.2}", median(self.ratios));
        row(&[other, &window, &format!("{:.0}", median(self.other)), &ratio])
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 { figures[middle] } else { (figures[middle - 1] + figures[middle]) / 2.0 }
}

fn row(columns: &[&str; 4]) -> Outcome<()> {
    let [what, figures @ ..] = columns;
    let mut line = format!("{what:<30}");
    for figure in figures {
        write!(line, " {figure:>15}")?;
    }
    say(line.trim_end())
}

/// A Redis of its own, that keeps nothing.
struct Redis {
    connection: Connection,
    _server: Role,
    _folder: TempDir,
}

impl Redis {
    /// `None` if it is not installed.
    fn start() -> Outcome<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("redis.sock");
        let server = match resp::server(&socket).spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", resp::SERVER).into()),
            Ok(child) => Role(child),
        };
        Ok(Some(Self { connection: Connection::open(&socket)?, _server: server, _folder: folder }))
    }

    /// Additions per second, with so many of them on their way at a time.
    fn rate(&mut self, count: u64, window: usize) -> Outcome<f64> {
        let begun = Instant::now();
        let (mut sent, mut done) = (0, 0);
        let connection = &mut self.connection;
        while done < count {
            while sent < count && sent - done < window as u64 {
                let key = key(sent).to_string();
                resp::put(&mut connection.out, &[b"HINCRBY", key.as_bytes(), b"salary", b"1"])?;
                sent += 1;
            }
            connection.flush()?;
            connection.read()?;
            while connection.reply()?.is_some() {
                done += 1;
            }
        }
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Objects that are written again and again.
const KEYS: u64 = 1_000;
/// Objects that a search finds.
const FOUND: u64 = 100;
/// Operations of a session that the controller remembers.
const REMEMBERED: u64 = daffi::config::ONCE_REMEMBERED_MAX as u64;
