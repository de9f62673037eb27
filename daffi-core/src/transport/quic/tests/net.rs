//! A network in memory, for virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::super::home::Net;

/// Delivers at once and in order what it does not lose.
#[derive(Debug, Clone, Default)]
pub(super) struct Hub(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sockets: Mutex<BTreeMap<SocketAddr, Weak<Socket>>>,
    is_cut: AtomicBool,
    /// The last address that was given out.
    last: AtomicU16,
    is_v4_only: AtomicBool,
    /// How many IPv6 ports will turn out to be taken.
    taken_v6: AtomicU16,
    /// Retry packets.
    proofs_wanted: AtomicU16,
}

impl Hub {
    /// Loses all from now on.
    pub(super) fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Relaxed);
    }

    /// Gives new addresses to all sockets that did not ask for a certain one.
    pub(super) fn renumber(&self) {
        let mut sockets = self.0.sockets.lock().unwrap();
        for (old, socket) in std::mem::take(&mut *sockets) {
            let Some(strong) = socket.upgrade() else { continue };
            let address = if old.ip() == NODES { self.free(NODES.into()) } else { old };
            *strong.address.lock().unwrap() = address;
            sockets.insert(address, socket);
        }
    }

    /// How often somebody was asked to prove that it can be reached at its address.
    pub(super) fn proofs_wanted(&self) -> u16 {
        self.0.proofs_wanted.load(Ordering::Relaxed)
    }

    /// The machine has no IPv6.
    pub(super) fn lack_v6(&self) {
        self.0.is_v4_only.store(true, Ordering::Relaxed);
    }

    /// The next `ports` that are asked for in IPv6 are taken.
    pub(super) fn occupy_v6(&self, ports: u16) {
        self.0.taken_v6.store(ports, Ordering::Relaxed);
    }

    fn free(&self, host: IpAddr) -> SocketAddr {
        let host = if host == Ipv4Addr::UNSPECIFIED { NODES.into() } else { host };
        SocketAddr::new(host, 1_000 + self.0.last.fetch_add(1, Ordering::Relaxed))
    }

    fn check_v6(&self) -> io::Result<()> {
        if self.0.is_v4_only.load(Ordering::Relaxed) {
            return Err(rustix::io::Errno::ADDRNOTAVAIL.into());
        }
        let taken = &self.0.taken_v6;
        match taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| taken.checked_sub(1)) {
            Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
            Err(_) => Ok(()),
        }
    }
}

/// Where sockets are that take any address.
const NODES: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

impl Net for Hub {
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        if address.is_ipv6() {
            self.check_v6()?;
        }
        let address = if address.port() == 0 { self.free(address.ip()) } else { address };
        let mut sockets = self.0.sockets.lock().unwrap();
        if sockets.get(&address).is_some_and(|socket| socket.strong_count() > 0) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let socket = Arc::new(Socket {
            hub: self.clone(),
            address: Mutex::new(address),
            arrived: Mutex::default(),
            reader: AtomicWaker::new(),
        });
        sockets.insert(address, Arc::downgrade(&socket));
        Ok(socket)
    }
}

#[derive(Debug)]
struct Socket {
    hub: Hub,
    address: Mutex<SocketAddr>,
    arrived: Mutex<VecDeque<(SocketAddr, Vec<u8>)>>,
    reader: AtomicWaker,
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        // RFC 9000, section 17.2.5: a long header of the type Retry.
        if transmit.contents.first().is_some_and(|first| first & 0xf0 == 0xf0) {
            self.hub.0.proofs_wanted.fetch_add(1, Ordering::Relaxed);
        }
        let from = *self.address.lock().unwrap();
        let to = self.hub.0.sockets.lock().unwrap().get(&transmit.destination).and_then(Weak::upgrade);
        if let Some(to) = to
            && !self.hub.0.is_cut.load(Ordering::Relaxed)
        {
            to.arrived.lock().unwrap().push_back((from, transmit.contents.to_vec()));
            to.reader.wake();
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.reader.register(cx.waker());
        let Some((from, datagram)) = self.arrived.lock().unwrap().pop_front() else {
            return Poll::Pending;
        };
        buffers[0][..datagram.len()].copy_from_slice(&datagram);
        meta[0] = RecvMeta::default();
        meta[0].addr = from;
        meta[0].len = datagram.len();
        meta[0].stride = datagram.len();
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(*self.address.lock().unwrap())
    }
}

#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
