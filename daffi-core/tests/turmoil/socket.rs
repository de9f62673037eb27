//! A socket of the simulated network, as quinn wants it. Time and tasks are tokio's, which turmoil drives.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use turmoil::net::UdpSocket;

/// A datagram as the network sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    at: Duration,
    from: Option<SocketAddr>,
    to: SocketAddr,
    bytes: usize,
}

/// What all hosts of this thread's simulation have sent; it is forgotten.
pub(crate) fn take_sent() -> Vec<Sent> {
    SENT.take()
}

/// A bound socket of the host that made it.
pub(crate) struct Socket {
    socket: Arc<UdpSocket>,
    received: Mutex<mpsc::UnboundedReceiver<(Vec<u8>, SocketAddr)>>,
    /// Moves what arrives to `received`: the simulated socket can only be awaited, and quinn polls.
    pump: AbortHandle,
}

impl Socket {
    /// A socket of the present host, which must be inside the simulation.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = UdpSocket::bind(address).now_or_never().expect("simulated sockets are bound at once")?;
        let socket = Arc::new(socket);
        let (put, received) = mpsc::unbounded_channel();
        let reader = Arc::clone(&socket);
        let pump = tokio::spawn(async move {
            let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
            while let Ok((bytes, from)) = reader.recv_from(&mut buffer).await {
                if put.send((buffer[..bytes].to_vec(), from)).is_err() {
                    return;
                }
            }
        });
        Ok(Arc::new(Self { socket, received: Mutex::new(received), pump: pump.abort_handle() }))
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        SENT.with_borrow_mut(|sent| {
            sent.push(Sent {
                at: turmoil::sim_elapsed().unwrap_or_default(),
                from: self.socket.local_addr().ok(),
                to: transmit.destination,
                bytes: transmit.contents.len(),
            });
        });
        // A host that is not there answers with an error here; on a real network the datagram is lost.
        drop(self.socket.try_send_to(transmit.contents, transmit.destination));
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((bytes, addr)) = std::task::ready!(received.poll_recv(cx)) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let len = bytes.len().min(bufs[0].len());
        bufs[0][..len].copy_from_slice(&bytes[..len]);
        meta[0] = RecvMeta { addr, len, stride: len, ecn: None, dst_ip: None };
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// The simulated network takes whatever it is given.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

thread_local! {
    static SENT: RefCell<Vec<Sent>> = const { RefCell::new(Vec::new()) };
}

/// UDP carries no more.
const DATAGRAM_BYTES_MAX: usize = 64 << 10;
