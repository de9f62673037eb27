//! Where packets are handled: a thread of our own, the caller's runtime, or a simulated network.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use quinn::{AsyncUdpSocket, Endpoint, ServerConfig};
use tokio::runtime::Handle;

use super::{settings, socket};

/// What QUIC needs of a network. Tests replace it by a simulated one; time comes from tokio in any case.
#[doc(hidden)]
pub trait Net: fmt::Debug + Send + Sync + 'static {
    /// A socket bound to `address`; with port 0, to a free port.
    ///
    /// # Errors
    /// As the operating system's `bind`.
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>>;

    /// What spawns and keeps time for the sockets.
    fn runtime(&self) -> Arc<dyn quinn::Runtime> {
        Arc::new(quinn::TokioRuntime)
    }

    /// What the chance of the next endpoint's packets begins with; `None` leaves it to the operating system.
    fn draw_seed(&self) -> Option<[u8; 32]> {
        None
    }

    /// The address of a host that only this network knows.
    fn lookup(&self, _host: &str) -> Option<IpAddr> {
        None
    }
}

/// Has this thread listen and dial over `net`, on whatever runtime it does so, until the guard is dropped.
#[doc(hidden)]
pub fn simulate(net: Arc<dyn Net>) -> Simulated {
    let before = SIMULATED.replace(Some(net));
    Simulated { before, _not_send: PhantomData }
}

/// A thread whose network is simulated.
#[doc(hidden)]
#[must_use = "dropping it ends the simulation"]
#[derive(Debug)]
pub struct Simulated {
    before: Option<Arc<dyn Net>>,
    /// It belongs to the thread that made it.
    _not_send: PhantomData<*const ()>,
}

impl Drop for Simulated {
    fn drop(&mut self) {
        SIMULATED.set(self.before.take());
    }
}

/// A runtime that handles packets, and the network it is on.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) runtime: Handle,
    pub(super) net: Arc<dyn Net>,
    /// Ports, refusals and names are those of the operating system.
    pub(super) is_real: bool,
}

impl Home {
    /// The runtime of the caller.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn here() -> Self {
        let runtime = Handle::current();
        match SIMULATED.with_borrow(Clone::clone) {
            Some(net) => Self { runtime, net, is_real: false },
            None => Self { runtime, net: Arc::new(Kernel), is_real: true },
        }
    }

    /// The thread of our own, one for the process; in a simulation the runtime of the caller.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn apart() -> io::Result<Self> {
        if SIMULATED.with_borrow(Option::is_some) {
            return Ok(Self::here());
        }
        Ok(Self { runtime: thread()?, net: Arc::new(Kernel), is_real: true })
    }

    /// A socket and what handles its packets.
    pub(super) fn endpoint(
        &self,
        address: SocketAddr,
        server: Option<ServerConfig>,
    ) -> io::Result<(Endpoint, Arc<dyn AsyncUdpSocket>)> {
        let _inside = self.runtime.enter();
        let socket = self.net.bind(address)?;
        let runtime = self.net.runtime();
        let mut settings = settings::endpoint();
        settings.rng_seed(self.net.draw_seed());
        let endpoint = Endpoint::new_with_abstract_socket(settings, server, Arc::clone(&socket), runtime)?;
        Ok((endpoint, socket))
    }
}

/// The network of the operating system.
#[derive(Debug)]
struct Kernel;

impl Net for Kernel {
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        self.runtime().wrap_udp_socket(socket::bind(address)?)
    }
}

fn thread() -> io::Result<Handle> {
    static THREAD: Mutex<Option<Handle>> = Mutex::new(None);

    let mut thread = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*thread {
        return Ok(runtime.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    // It lives as long as the process: links come and go, and an idle thread costs nothing.
    std::thread::Builder::new()
        .name("daffi-quic".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(thread.insert(handle).clone())
}

thread_local! {
    static SIMULATED: RefCell<Option<Arc<dyn Net>>> = const { RefCell::new(None) };
}
