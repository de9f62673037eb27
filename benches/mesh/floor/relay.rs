//! Stands in the middle: one thread, one turn for all that is readable, one write for each destination.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::epoll::{Event, EventFlags};

use super::frame::{Frame, Inbox, Kind, put};
use super::poller::Poller;
use crate::process;
use crate::task::Task;

pub(super) fn run(task: &Task) -> io::Result<()> {
    let listener = UnixListener::bind(&task.socket)?;
    listener.set_nonblocking(true)?;
    let poller = Poller::new()?;
    poller.add(&listener, LISTENER)?;
    process::ready()?;
    let mut relay = Relay { poller, listener, routes: Routes::default() };
    let mut events = Vec::new();
    loop {
        relay.poller.wait(&mut events)?;
        if !relay.turn(&events)? {
            return Ok(());
        }
    }
}

struct Relay {
    poller: Poller,
    listener: UnixListener,
    routes: Routes,
}

impl Relay {
    /// Whether all links are still there: the run is over when the first closes.
    fn turn(&mut self, events: &[Event]) -> io::Result<bool> {
        for event in events {
            let (data, flags) = (event.data, event.flags);
            if data.u64() == LISTENER {
                self.accept()?;
                continue;
            }
            let link = data.u64() as usize;
            if flags.contains(EventFlags::OUT) {
                self.routes.touch(link);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP) && !self.routes.read(link)? {
                return Ok(false);
            }
        }
        self.flush()?;
        Ok(true)
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            self.poller.add(&stream, self.routes.links.len() as u64)?;
            self.routes.links.push(Link::new(stream));
        }
    }

    /// Writes what this turn has put out, as far as the sockets take it.
    fn flush(&mut self) -> io::Result<()> {
        for key in self.routes.touched.drain(..) {
            let link = &mut self.routes.links[key];
            link.touched = false;
            link.flush();
            let waits = !link.out.is_empty();
            if waits != link.waits {
                link.waits = waits;
                match waits {
                    true => self.poller.watch_writing(&link.stream, key as u64)?,
                    false => self.poller.watch_reading(&link.stream, key as u64)?,
                }
            }
        }
        Ok(())
    }
}

/// Who is connected, and what goes where.
#[derive(Default)]
struct Routes {
    links: Vec<Link>,
    /// Links that serve.
    callees: Vec<usize>,
    /// Links with something to write.
    touched: Vec<usize>,
    /// Broadcasts in flight, by the caller's link and their id.
    broadcasts: HashMap<(u16, u64), Gathering>,
    scratch: Vec<u8>,
}

impl Routes {
    /// One read, and all its frames to where they belong; whether the other side is still there.
    fn read(&mut self, key: usize) -> io::Result<bool> {
        // Taken out, so that frames can be copied from it to other links' buffers.
        let mut inbox = mem::take(&mut self.links[key].inbox);
        match inbox.read_from(&self.links[key].stream) {
            Ok(0) => return Ok(false),
            Ok(_) => {
                while let Some(frame) = inbox.next() {
                    self.route(key, frame)?;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // As good as the end: a process that ends with unread bytes resets the connection.
            Err(_) => return Ok(false),
        }
        self.links[key].inbox = inbox;
        Ok(true)
    }

    fn route(&mut self, from: usize, mut frame: Frame<'_>) -> io::Result<()> {
        match frame.kind()? {
            Kind::Call | Kind::OneWay => {
                frame.set_link(from as u16);
                let to = *self.callees.first().ok_or_else(|| io::Error::other("nobody serves"))?;
                self.send(to, frame.bytes());
            }
            Kind::Reply => self.send(usize::from(frame.link()), frame.bytes()),
            Kind::Broadcast => {
                frame.set_link(from as u16);
                let gathering = Gathering { missing: self.callees.len(), payload: Vec::new() };
                self.broadcasts.insert((frame.link(), frame.id()), gathering);
                for index in 0..self.callees.len() {
                    self.send(self.callees[index], frame.bytes());
                }
            }
            Kind::Direct => {
                frame.set_kind(Kind::Reply);
                self.send(from, frame.bytes());
            }
            Kind::Part => self.gather(&frame)?,
            Kind::Serve => {
                self.callees.push(from);
                self.send(from, frame.bytes());
            }
        }
        Ok(())
    }

    /// Adds one callee's part; with the last one, answers the caller.
    fn gather(&mut self, part: &Frame<'_>) -> io::Result<()> {
        let key = (part.link(), part.id());
        let gathering = self.broadcasts.get_mut(&key);
        let gathering = gathering.ok_or_else(|| io::Error::other("a part of no broadcast"))?;
        gathering.payload.extend_from_slice(part.payload());
        gathering.missing -= 1;
        if gathering.missing == 0 {
            let mut out = mem::take(&mut self.scratch);
            out.clear();
            put(&mut out, Kind::Reply, key.0, key.1, &gathering.payload);
            self.broadcasts.remove(&key);
            self.send(usize::from(key.0), &out);
            self.scratch = out;
        }
        Ok(())
    }

    #[inline]
    fn send(&mut self, to: usize, bytes: &[u8]) {
        self.links[to].out.extend_from_slice(bytes);
        self.touch(to);
    }

    #[inline]
    fn touch(&mut self, key: usize) {
        if !mem::replace(&mut self.links[key].touched, true) {
            self.touched.push(key);
        }
    }
}

/// What the callees have answered so far.
struct Gathering {
    missing: usize,
    payload: Vec<u8>,
}

struct Link {
    stream: UnixStream,
    inbox: Inbox,
    out: Vec<u8>,
    /// As much of `out` as the socket has taken.
    written: usize,
    /// Among [`Routes::touched`].
    touched: bool,
    /// The socket was full: the poller says when there is room.
    waits: bool,
}

impl Link {
    fn new(stream: UnixStream) -> Self {
        Self { stream, inbox: Inbox::new(), out: Vec::new(), written: 0, touched: false, waits: false }
    }

    fn flush(&mut self) {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The other side has gone: what it was to get is nobody's.
                Err(_) => self.written = self.out.len(),
            }
        }
        // Not after every write: a long backlog would move each time.
        if self.written * 2 > self.out.len() {
            self.out.drain(..self.written);
            self.written = 0;
        }
    }
}

/// The key of the listening socket; links have their index.
const LISTENER: u64 = u64::MAX;
