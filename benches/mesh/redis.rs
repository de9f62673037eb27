//! Operations on hosted objects by Redis: its server in the middle, one thread that speaks RESP as the caller.

use std::collections::VecDeque;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::floor::poller::Poller;
use crate::item::{Item, Over, Shape};
use crate::meter::{Measurement, Meter};
use crate::process;
use crate::resp::{self, Connection};
use crate::task::{Peer, Task};

pub(crate) const NAME: &str = "redis";

pub(crate) const PEER: Peer = Peer { name: NAME, over: Over::Unix, hub, callee, caller };

/// Whether there is a server to start.
pub(crate) fn is_installed() -> bool {
    let mut command = Command::new(resp::SERVER);
    let status = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Becomes the server, so that the process whose CPU time is read is the server itself.
fn hub(task: &Task) -> io::Result<()> {
    // Nothing can be said later: the callee says when callers may connect.
    process::ready()?;
    Err(resp::server(&task.socket).exec())
}

/// Nobody is called: it waits for the server, and then for its end.
fn callee(task: &Task) -> io::Result<()> {
    drop(Connection::open(&task.socket)?);
    process::ready()?;
    loop {
        thread::park();
    }
}

fn caller(task: &Task) -> io::Result<Measurement> {
    let shape = task.item.shape();
    let steps = steps(task)?;
    let mut lines = Vec::new();
    for _ in 0..shape.connections {
        let connection = Connection::open(&task.socket)?;
        lines.push(Line { connection, steps: &steps, outstanding: VecDeque::new() });
    }
    let mut meter = Meter::start(task)?;
    match lines.as_mut_slice() {
        [line] => {
            line.begin(&meter, shape)?;
            while line.turn(&mut meter)? {}
        }
        lines => run_many(lines, &mut meter, shape)?,
    }
    meter.finish()
}

fn run_many(lines: &mut [Line<'_>], meter: &mut Meter, shape: Shape) -> io::Result<()> {
    let poller = Poller::new()?;
    for (line, key) in lines.iter_mut().zip(0..) {
        poller.add(&line.connection.stream, key)?;
        line.begin(meter, shape)?;
    }
    let mut events = Vec::new();
    loop {
        poller.wait(&mut events)?;
        for event in &events {
            let data = event.data;
            if !lines[data.u64() as usize].turn(meter)? {
                return Ok(());
            }
        }
    }
}

/// One request of those that are made one after the other.
struct Step {
    command: Vec<u8>,
    /// The whole reply; `None` if it is a number that differs from time to time.
    reply: Option<Vec<u8>>,
}

impl Step {
    fn new(words: &[&[u8]], reply: Option<&[u8]>) -> io::Result<Self> {
        let mut command = Vec::new();
        resp::put(&mut command, words)?;
        Ok(Self { command, reply: reply.map(<[u8]>::to_vec) })
    }

    fn check(&self, reply: &[u8]) -> io::Result<()> {
        let is_good = match &self.reply {
            Some(whole) => reply == whole,
            None => reply.starts_with(b":"),
        };
        if is_good {
            Ok(())
        } else {
            Err(io::Error::other(format!("Redis answers {:?}", String::from_utf8_lossy(reply))))
        }
    }
}

/// What the mesh does by the same item.
fn steps(task: &Task) -> io::Result<Vec<Step>> {
    let body = vec![b'7'; task.item.payload_bytes(task.payload_bytes)];
    let mut same = Vec::new();
    resp::put_bulk(&mut same, &body)?;
    let same = Some(same.as_slice());
    match task.item {
        Item::W7 | Item::W7c | Item::W7p => Ok(vec![Step::new(&[b"INCRBY", b"orders", b"1"], None)?]),
        Item::W8 | Item::W8c | Item::W8p => Ok(vec![
            Step::new(&[b"HSET", b"hash", b"key", &body], None)?,
            Step::new(&[b"HGET", b"hash", b"key"], same)?,
        ]),
        Item::W9 | Item::W9p => {
            Ok(vec![Step::new(&[b"RPUSH", b"queue", &body], None)?, Step::new(&[b"LPOP", b"queue"], same)?])
        }
        Item::W10 => Ok(vec![
            Step::new(&[b"SET", b"lock", TOKEN, b"NX", b"PX", b"30000"], Some(b"+OK\r\n"))?,
            Step::new(&[b"EVAL", RELEASE, b"1", b"lock", TOKEN], Some(b":1\r\n"))?,
        ]),
        Item::W1 | Item::W2 | Item::W3 | Item::W4 | Item::W5 | Item::W6 => {
            Err(io::Error::other("Redis carries no calls"))
        }
    }
}

/// One connection of the caller.
struct Line<'a> {
    connection: Connection,
    steps: &'a [Step],
    /// In the order in which they will be answered.
    outstanding: VecDeque<Outstanding>,
}

/// A request that has not been answered.
#[derive(Clone, Copy)]
struct Outstanding {
    step: usize,
    /// When the first step was.
    begun: u64,
}

impl Line<'_> {
    /// Sends the first requests.
    fn begin(&mut self, meter: &Meter, shape: Shape) -> io::Result<()> {
        let begun = meter.nanoseconds(Instant::now());
        for _ in 0..shape.outstanding {
            self.ask(Outstanding { step: 0, begun });
        }
        self.connection.flush()
    }

    /// One read, and a new request for each reply in one write; whether there is time left.
    fn turn(&mut self, meter: &mut Meter) -> io::Result<bool> {
        self.connection.read()?;
        let now = Instant::now();
        let goes_on = meter.goes_on(now)?;
        let now = meter.nanoseconds(now);
        while let Some(reply) = self.connection.reply()? {
            let answered = self.outstanding.pop_front();
            let Outstanding { step, begun } =
                answered.ok_or_else(|| io::Error::other("Redis answers what was not asked"))?;
            self.steps[step].check(reply)?;
            let next = step + 1;
            if next < self.steps.len() {
                self.ask(Outstanding { step: next, begun });
            } else {
                meter.record(now - begun, self.steps.len() as u64);
                self.ask(Outstanding { step: 0, begun: now });
            }
        }
        self.connection.flush()?;
        Ok(goes_on)
    }

    fn ask(&mut self, what: Outstanding) {
        self.connection.out.extend_from_slice(&self.steps[what.step].command);
        self.outstanding.push_back(what);
    }
}

/// Who has the lock.
const TOKEN: &[u8] = b"0123456789abcdef";
/// Gives a lock back only if it is still one's own.
const RELEASE: &[u8] =
    b"if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";
