//! Keeps an item's calls outstanding, and measures them.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::frame::{Inbox, Kind, put};
use super::poller::Poller;
use crate::item::{CHUNK_MESSAGES, Item, Shape};
use crate::meter::{Measurement, Meter};
use crate::task::Task;

pub(super) fn run(task: &Task) -> io::Result<Measurement> {
    let shape = task.item.shape();
    let kind = match task.item {
        Item::W5 => Kind::Broadcast,
        item if item.is_hosted() => Kind::Direct,
        _ => Kind::Call,
    };
    let mut lines = Vec::new();
    for _ in 0..shape.connections {
        lines.push(Line::open(task, kind)?);
    }
    let mut meter = Meter::start(task)?;
    match (task.item, lines.as_mut_slice()) {
        (Item::W6, [line]) => line.send_one_way(&mut meter, shape.outstanding)?,
        (_, [line]) => {
            line.begin(&meter, shape)?;
            while line.turn(&mut meter)? {}
        }
        (_, lines) => call_on_many(lines, &mut meter, shape)?,
    }
    meter.finish()
}

fn call_on_many(lines: &mut [Line], meter: &mut Meter, shape: Shape) -> io::Result<()> {
    let poller = Poller::new()?;
    for (line, key) in lines.iter_mut().zip(0..) {
        poller.add(&line.stream, key)?;
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

/// One connection of the caller.
struct Line {
    stream: UnixStream,
    inbox: Inbox,
    out: Vec<u8>,
    kind: Kind,
    payload: Vec<u8>,
}

impl Line {
    fn open(task: &Task, kind: Kind) -> io::Result<Self> {
        Ok(Self {
            stream: UnixStream::connect(&task.socket)?,
            inbox: Inbox::new(),
            out: Vec::new(),
            kind,
            payload: vec![7; task.item.payload_bytes(task.payload_bytes)],
        })
    }

    /// Sends the first calls.
    fn begin(&mut self, meter: &Meter, shape: Shape) -> io::Result<()> {
        let sent = meter.nanoseconds(Instant::now());
        for _ in 0..shape.outstanding {
            put(&mut self.out, self.kind, 0, sent, &self.payload);
        }
        self.flush()
    }

    /// One read, and a new call for each reply in one write; whether there is time left.
    fn turn(&mut self, meter: &mut Meter) -> io::Result<bool> {
        self.read()?;
        let now = Instant::now();
        let goes_on = meter.goes_on(now)?;
        let now = meter.nanoseconds(now);
        while let Some(reply) = self.inbox.next() {
            meter.record(now - reply.id(), 1);
            put(&mut self.out, self.kind, 0, now, &self.payload);
        }
        self.flush()?;
        Ok(goes_on)
    }

    /// Keeps `chunks_max` chunks of one-way messages on their way until the time is over.
    fn send_one_way(&mut self, meter: &mut Meter, chunks_max: usize) -> io::Result<()> {
        for _ in 0..chunks_max {
            self.send_chunk(meter.nanoseconds(Instant::now()))?;
        }
        loop {
            self.read()?;
            let now = Instant::now();
            let goes_on = meter.goes_on(now)?;
            let now = meter.nanoseconds(now);
            let mut ended = 0;
            while let Some(reply) = self.inbox.next() {
                meter.record(now - reply.id(), CHUNK_MESSAGES as u64);
                ended += 1;
            }
            if !goes_on {
                return Ok(());
            }
            for _ in 0..ended {
                self.send_chunk(now)?;
            }
        }
    }

    fn send_chunk(&mut self, now: u64) -> io::Result<()> {
        for _ in 0..CHUNK_MESSAGES {
            put(&mut self.out, Kind::OneWay, 0, now, &self.payload);
            if self.out.len() > WRITE_BYTES {
                self.flush()?;
            }
        }
        put(&mut self.out, Kind::Call, 0, now, &[]);
        self.flush()
    }

    fn read(&mut self) -> io::Result<()> {
        match self.inbox.read_from(&self.stream)? {
            0 => Err(io::Error::other("the relay went away")),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }
}

/// A write of one-way messages: large enough to be cheap, small enough for the cache.
const WRITE_BYTES: usize = 16 * 1024;
