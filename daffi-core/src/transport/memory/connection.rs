//! One end of a connection in memory.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::time::{Instant, Sleep};

use super::super::{Connection, Peer};
use super::wire::{Found, Side, Wire};

/// One end; dropped, it closes the connection.
#[derive(Debug)]
pub(super) struct End {
    wire: Arc<Wire>,
    side: Side,
    peer: Peer,
    may_resume: bool,
    /// Wakes the reader when delayed bytes are due.
    timer: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl End {
    pub(super) fn new(wire: Arc<Wire>, side: Side, address: String, may_resume: bool) -> Self {
        let uid = Some(rustix::process::geteuid().as_raw());
        let peer = Peer { uid, pid: Some(std::process::id()), address, certificates: Vec::new() };
        Self { wire, side, peer, may_resume, timer: Mutex::new(None) }
    }

    fn poll_due(&self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        let mut timer = self.timer.lock().expect("nothing panics while it is held");
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }
}

impl Connection for End {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        debug_assert!(buffer.capacity() > buffer.len(), "a read needs room");
        loop {
            match self.wire.read(self.side, cx, buffer)? {
                Found::Bytes(read) => return Poll::Ready(Ok(read)),
                Found::Nothing => return Poll::Pending,
                Found::NothingBefore(due) => ready!(self.poll_due(cx, due)),
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.write(self.side, bytes)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.is_writable(self.side, cx) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn close(&self) {
        self.wire.close();
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn may_resume(&self) -> bool {
        self.may_resume
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.wire.close();
    }
}
