//! Answers whatever a read brings with one write.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;

use super::frame::{Inbox, Kind, put};
use super::poller::Poller;
use crate::process;
use crate::task::Task;

pub(super) fn run(task: &Task) -> io::Result<()> {
    let mut links = Vec::new();
    for _ in 0..task.item.shape().callees {
        links.push(Link::open(task)?);
    }
    process::ready()?;
    match links.as_mut_slice() {
        [link] => while link.turn()? {},
        links => serve_many(links)?,
    }
    Ok(())
}

fn serve_many(links: &mut [Link]) -> io::Result<()> {
    let poller = Poller::new()?;
    for (link, key) in links.iter().zip(0..) {
        poller.add(&link.stream, key)?;
    }
    let mut events = Vec::new();
    loop {
        poller.wait(&mut events)?;
        for event in &events {
            let data = event.data;
            if !links[data.u64() as usize].turn()? {
                return Ok(());
            }
        }
    }
}

struct Link {
    stream: UnixStream,
    inbox: Inbox,
    out: Vec<u8>,
}

impl Link {
    /// Connects, and waits until the relay knows this callee.
    fn open(task: &Task) -> io::Result<Self> {
        let mut link =
            Self { stream: UnixStream::connect(&task.socket)?, inbox: Inbox::new(), out: Vec::new() };
        put(&mut link.out, Kind::Serve, 0, 0, &[]);
        link.stream.write_all(&link.out)?;
        link.out.clear();
        while link.inbox.next().is_none() {
            if link.inbox.read_from(&link.stream)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(link)
    }

    /// One read, one write; whether the relay is still there.
    fn turn(&mut self) -> io::Result<bool> {
        // An error is as good as the end: the relay has gone with bytes unread.
        if self.inbox.read_from(&self.stream).unwrap_or(0) == 0 {
            return Ok(false);
        }
        while let Some(mut frame) = self.inbox.next() {
            match frame.kind()? {
                Kind::Call => frame.set_kind(Kind::Reply),
                Kind::Broadcast => frame.set_kind(Kind::Part),
                Kind::OneWay => continue,
                Kind::Serve | Kind::Reply | Kind::Part | Kind::Direct => {
                    return Err(io::Error::other("a callee is sent calls only"));
                }
            }
            self.out.extend_from_slice(frame.bytes());
        }
        if self.out.is_empty() {
            return Ok(true);
        }
        let written = self.stream.write_all(&self.out);
        self.out.clear();
        Ok(written.is_ok())
    }
}
