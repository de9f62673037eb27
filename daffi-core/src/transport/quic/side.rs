//! One-way streams beside the lane.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::super::{Connection, Peer};
use super::half::{Receiving, Sending};

/// The end of a side that writes; there is nothing to read.
#[derive(Debug)]
pub(super) struct WriteSide {
    sending: Sending,
    /// Given back when everything has arrived.
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    runtime: Handle,
    peer: Arc<Peer>,
}

impl WriteSide {
    pub(super) fn new(
        sending: Sending,
        permit: OwnedSemaphorePermit,
        runtime: Handle,
        peer: Arc<Peer>,
    ) -> Self {
        sending.yield_to_the_lane();
        Self { sending, permit: Mutex::new(Some(permit)), runtime, peer }
    }
}

impl Connection for WriteSide {
    fn poll_read(&self, _: &mut Context<'_>, _: &mut BytesMut) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.sending.try_write(bytes)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sending.poll_writable(cx)
    }

    fn close(&self) {
        let permit = self.permit.lock().expect("nothing panics while it is held").take();
        if let Some(permit) = permit {
            let arrived = self.sending.finish();
            self.runtime.spawn(async move {
                // An error is that of a connection that was lost: nothing more will arrive.
                arrived.await.ok();
                drop(permit);
            });
        }
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl Drop for WriteSide {
    fn drop(&mut self) {
        self.close();
    }
}

/// The end of a side that reads.
#[derive(Debug)]
pub(super) struct ReadSide {
    receiving: Receiving,
    is_closed: AtomicBool,
    peer: Arc<Peer>,
}

impl ReadSide {
    pub(super) fn new(receiving: Receiving, peer: Arc<Peer>) -> Self {
        Self { receiving, is_closed: AtomicBool::new(false), peer }
    }
}

impl Connection for ReadSide {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        self.receiving.poll_read(cx, buffer)
    }

    fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn close(&self) {
        if !self.is_closed.swap(true, Ordering::AcqRel) {
            self.receiving.refuse();
        }
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl Drop for ReadSide {
    fn drop(&mut self) {
        self.close();
    }
}
