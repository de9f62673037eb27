//! One connection: reading is registered with the reactor for good, writing only while the socket is full.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustix::net::{SendFlags, Shutdown, sockopt};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::super::{Connection, Peer};
use super::register;
use crate::config::READ_BYTES;

/// What a socket may hold for a peer that is slow to read. Linux accounts all of it to the sender.
const SOCKET_BYTES: usize = 1 << 20;

/// A connected socket.
///
/// Tokio's own `UnixStream` registers for writability too and is then woken each time that the peer takes
/// a message; at one call at a time that costs half as much again.
#[derive(Debug)]
pub(super) struct UnixConnection {
    socket: AsyncFd<OwnedFd>,
    /// A second descriptor of the socket, registered for writing while somebody waits for that.
    writable: Mutex<Option<AsyncFd<OwnedFd>>>,
    /// Whether the last read took all it had room for, so that the next one is likely to.
    is_bulk: AtomicBool,
    peer: Peer,
}

impl UnixConnection {
    /// Takes over a connected, non-blocking socket.
    ///
    /// # Errors
    /// If it cannot be registered with the reactor.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub(super) fn new(socket: OwnedFd, peer: Peer) -> io::Result<Self> {
        enlarge_buffers(&socket);
        Ok(Self {
            socket: register(socket, Interest::READABLE)?,
            writable: Mutex::new(None),
            is_bulk: AtomicBool::new(false),
            peer,
        })
    }

    /// Reads once, at most `room` bytes.
    fn read(&self, room: usize, buffer: &mut BytesMut) -> io::Result<usize> {
        // Safe code cannot read into memory that was never written. Zeroing costs by the room, copying by
        // what has come, so a reader of small messages copies and a reader of large ones zeroes.
        let read = if self.is_bulk.load(Ordering::Relaxed) {
            let filled = buffer.len();
            buffer.resize(filled + room, 0);
            let read = rustix::io::read(&self.socket, &mut buffer[filled..]);
            buffer.truncate(filled + read.unwrap_or(0));
            read?
        } else {
            SCRATCH.with_borrow_mut(|scratch| {
                let read = rustix::io::read(&self.socket, &mut scratch[..room])?;
                buffer.extend_from_slice(&scratch[..read]);
                io::Result::Ok(read)
            })?
        };
        self.is_bulk.store(read == room, Ordering::Relaxed);
        Ok(read)
    }
}

impl Connection for UnixConnection {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let room = (buffer.capacity() - buffer.len()).min(READ_BYTES);
        debug_assert!(room > 0, "a read needs room");
        loop {
            let mut guard = ready!(self.socket.poll_read_ready(cx))?;
            match self.read(room, buffer) {
                Ok(read) => {
                    // A short read has emptied the socket: wait for the next event without asking again.
                    // The end of the stream is never cleared, tokio sees to that.
                    if 0 < read && read < room {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(read));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let send = || rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL);
        Ok(rustix::io::retry_on_intr(send)?)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut writable = self.writable.lock().expect("nothing panics while it is held");
        let registered = match &mut *writable {
            Some(registered) => registered,
            None => {
                let socket = self.socket.get_ref().try_clone()?;
                writable.insert(register(socket, Interest::WRITABLE)?)
            }
        };
        let ready = ready!(registered.poll_write_ready(cx)).map(|_| ());
        *writable = None;
        Poll::Ready(ready)
    }

    fn close(&self) {
        // Fails only if the peer has gone, which is as good.
        rustix::net::shutdown(&self.socket, Shutdown::Both).ok();
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl Drop for UnixConnection {
    fn drop(&mut self) {
        // A child that is just being forked has the descriptor too: the peer must not wait for its `exec`.
        self.close();
    }
}

/// Who is at the other end of a connected, non-blocking socket, as the kernel knows.
pub(super) fn identify(socket: OwnedFd, address: String) -> io::Result<(OwnedFd, Peer)> {
    // By way of tokio, because rustix has no room for the process number 0, which is what the kernel gives
    // for a process of another container.
    let stream = tokio::net::UnixStream::from_std(UnixStream::from(socket))?;
    let credentials = stream.peer_cred()?;
    let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
    let peer = Peer { uid: Some(credentials.uid()), pid, address, certificates: Vec::new() };
    Ok((stream.into_std()?.into(), peer))
}

fn enlarge_buffers(socket: impl AsFd) {
    // The kernel cuts what it does not allow to its own maximum; a smaller buffer only means more turns.
    sockopt::set_socket_send_buffer_size(&socket, SOCKET_BYTES).ok();
    let granted = sockopt::socket_send_buffer_size(&socket).unwrap_or(0);
    if granted < SOCKET_BYTES {
        // Beyond the maximum only a privileged process may go.
        sockopt::set_socket_send_buffer_size_force(&socket, SOCKET_BYTES).ok();
    }
}

thread_local! {
    /// One per thread, not per connection: ten thousand idle connections cost nothing.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}
