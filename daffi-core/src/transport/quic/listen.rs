//! Listening: sockets for each address of a host, and the handshakes of whoever comes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use quinn::{AsyncUdpSocket, Endpoint, Incoming, ServerConfig};
use rustix::io::Errno;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::super::{Address, Connection, ListenOptions, Listener, QuicAddress};
use super::connection::QuicConnection;
use super::home::Home;
use super::linger::{self, Registered};
use super::settings::{self, ByPath};
use super::{describe, resolve};
use crate::config::{HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, HANDSHAKES_UNPROVEN_MAX};
use crate::error::BindError;

/// How often a free port is looked for that is free in both families.
const PORT_ATTEMPTS_MAX: usize = 16;
/// Connections that were not made, of which the log tells each one; then only every time their count has doubled.
const FAILURES_TOLD_MAX: u64 = 100;
/// How long to wait between two looks at whether anybody still has a socket.
const SOCKET_PAUSE: Duration = Duration::from_millis(1);

type Settings = ByPath<Arc<ServerConfig>>;
type Queued = (Arc<dyn Connection>, OwnedSemaphorePermit);

/// How many peers may be connecting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Further ones are refused.
    pub(super) handshakes: usize,
    /// Further ones must prove their address.
    pub(super) unproven: usize,
}

/// Listens at `address`.
pub(in super::super) async fn listen(
    address: &QuicAddress,
    options: &ListenOptions,
) -> Result<Arc<dyn Listener>, BindError> {
    let limits = Limits { handshakes: HANDSHAKES_MAX, unproven: HANDSHAKES_UNPROVEN_MAX };
    listen_within(address, options, limits).await
}

pub(super) async fn listen_within(
    address: &QuicAddress,
    options: &ListenOptions,
    limits: Limits,
) -> Result<Arc<dyn Listener>, BindError> {
    let refused = |error: &io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address: address.to_string() },
        _ => BindError::Io { address: address.to_string(), reason: describe(error) },
    };
    let bad = |reason: String| BindError::BadAddress { address: address.to_string(), reason };
    let tls = options.tls.clone();
    let tls = tls.ok_or_else(|| bad("QUIC needs an identity, and this controller has none".into()))?;
    let settings = settings::server(&tls.borrow(), None).map_err(bad)?;
    let home = if options.is_runtime_ours { Ok(Home::here()) } else { Home::apart() };
    let home = home.map_err(|error| refused(&error))?;
    let hosts = resolve(&home, &address.host).await.map_err(|error| refused(&error))?;
    let is_listening = Arc::new(AtomicBool::new(true));
    let place = Place { home, settings: &settings, is_listening: &is_listening };
    let sockets = place.bind_all(&hosts, address.port).await.map_err(|error| refused(&error))?;

    let port = sockets.first().map_or(address.port, |socket| socket.address.port());
    let (stop, stopped) = watch::channel(());
    let (queue, waiting) = mpsc::unbounded_channel();
    let permits = Arc::new(Semaphore::new(limits.handshakes));
    for socket in sockets {
        let accepting = Accepting {
            home: place.home.clone(),
            tls: tls.clone(),
            settings: settings.clone(),
            limits,
            permits: Arc::clone(&permits),
            queue: queue.clone(),
            handshakes: JoinSet::new(),
            turned_away: 0,
            failed: 0,
        };
        place.home.runtime.spawn(serve(socket, accepting, stopped.clone()));
    }
    let address = Address::Quic(QuicAddress::new(address.host.clone(), port));
    Ok(Arc::new(QuicListener { waiting: Mutex::new(waiting), address, is_listening, _stop: stop }))
}

#[derive(Debug)]
struct QuicListener {
    // Each with the permit of its handshake: what nobody takes is bounded by them.
    waiting: Mutex<mpsc::UnboundedReceiver<Queued>>,
    address: Address,
    is_listening: Arc<AtomicBool>,
    _stop: watch::Sender<()>,
}

impl Listener for QuicListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Connection>>> {
        Box::pin(std::future::poll_fn(|cx| {
            let mut waiting = self.waiting.lock().expect("nothing panics while it is held");
            // It ends with the tasks that serve the sockets, which only the end of their runtime makes end.
            waiting.poll_recv(cx).map(|next| match next {
                Some((connection, _permit)) => Ok(connection),
                None => Err(io::ErrorKind::NotConnected.into()),
            })
        }))
    }

    fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for QuicListener {
    fn drop(&mut self) {
        self.is_listening.store(false, Ordering::Release);
    }
}

/// Where sockets are to be bound.
struct Place<'a> {
    home: Home,
    settings: &'a Settings,
    is_listening: &'a Arc<AtomicBool>,
}

/// A socket that is listened on.
#[derive(Debug)]
struct Socket {
    endpoint: Endpoint,
    /// What the endpoint and its connections share.
    inner: Arc<dyn AsyncUdpSocket>,
    address: SocketAddr,
    registered: Registered,
}

impl Place<'_> {
    /// A socket for each of `hosts`, all on one port; not empty.
    async fn bind_all(&self, hosts: &[IpAddr], port: u16) -> io::Result<Vec<Socket>> {
        let mut attempts = 1;
        loop {
            match self.bind_each(hosts, port).await {
                // The port that the first family got is taken in another: that family gets another port.
                Err(error)
                    if port == 0
                        && error.kind() == io::ErrorKind::AddrInUse
                        && attempts < PORT_ATTEMPTS_MAX =>
                {
                    attempts += 1;
                }
                result => return result,
            }
        }
    }

    async fn bind_each(&self, hosts: &[IpAddr], mut port: u16) -> io::Result<Vec<Socket>> {
        let mut sockets = Vec::new();
        let mut missing = None;
        for host in hosts {
            match self.bind(SocketAddr::new(*host, port)).await {
                Ok(socket) => {
                    port = socket.address.port();
                    sockets.push(socket);
                }
                Err(error) if is_missing(&error) => {
                    if hosts.len() > 1 {
                        tracing::info!(%host, %error, "this machine has no such address: not listening there");
                    }
                    missing = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match missing {
            Some(error) if sockets.is_empty() => Err(error),
            _ => Ok(sockets),
        }
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<Socket> {
        let server = || Some((**self.settings.to(address.ip())).clone());
        // Before the attempt: what is in its way and goes right after it would not be found any more.
        let leftovers = linger::leftovers(address);
        let bound = match self.home.endpoint(address, server()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && !leftovers.is_empty() => {
                leftovers.gone().await;
                self.home.endpoint(address, server())
            }
            bound => bound,
        };
        let (endpoint, inner) = bound?;
        let address = endpoint.local_addr()?;
        let registered = linger::register(address, Arc::clone(self.is_listening));
        Ok(Socket { endpoint, inner, address, registered })
    }
}

/// Whether the machine lacks the address, or its whole family.
fn is_missing(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

/// Serves one socket as long as somebody listens, and then until its last connection has ended.
async fn serve(socket: Socket, mut accepting: Accepting, mut stopped: watch::Receiver<()>) {
    let Socket { registered, inner, endpoint, .. } = socket;
    loop {
        tokio::select! {
            biased;
            // It never changes: the end of the sender is the end of the listener.
            _ = stopped.changed() => break,
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => accepting.admit(incoming),
                None => break,
            },
            Some(ended) = accepting.handshakes.join_next() => accepting.report(ended),
        }
    }
    drop(accepting);
    loop {
        tokio::select! {
            biased;
            // It comes first: those who still come shall not keep the socket.
            () = endpoint.wait_idle() => break,
            // Whoever comes is told at once, since the socket is still there to hear them.
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => incoming.refuse(),
                None => break,
            },
        }
    }
    drop(endpoint);
    // The last one is dropped here: another thread that drops it may be held up before the socket is closed.
    while Arc::strong_count(&inner) > 1 {
        tokio::time::sleep(SOCKET_PAUSE).await;
    }
    drop(inner);
    drop(registered);
}

/// Takes connections at one socket.
struct Accepting {
    home: Home,
    tls: watch::Receiver<Arc<rustls::ServerConfig>>,
    settings: Settings,
    limits: Limits,
    permits: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<Queued>,
    /// Each in a task of its own, so that a slow one holds up nobody.
    handshakes: JoinSet<Result<(), Failed>>,
    /// How many were refused, or asked to come again, because there were too many.
    turned_away: u64,
    /// How many did not come to a connection.
    failed: u64,
}

/// A connection that was not made.
struct Failed {
    peer: SocketAddr,
    reason: String,
}

impl Accepting {
    fn admit(&mut self, incoming: Incoming) {
        self.refresh();
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            incoming.refuse();
            return self.turn_away("refusing connections: too many are being made");
        };
        let in_progress = self.limits.handshakes - self.permits.available_permits();
        if in_progress > self.limits.unproven && !incoming.remote_address_validated() {
            // A failure leaves it refused; it cannot fail before the address was proved.
            incoming.retry().ok();
            return self.turn_away("asking peers to prove their addresses: many connections are being made");
        }
        let settings = Arc::clone(self.settings.to(incoming.remote_address().ip()));
        let (home, queue) = (self.home.clone(), self.queue.clone());
        self.handshakes.spawn(async move {
            let peer = incoming.remote_address();
            match timeout(HANDSHAKE_TIMEOUT, greet(home, incoming, settings)).await {
                Ok(Ok(connection)) => {
                    // Fails if the listener was dropped: the connection ends with it.
                    drop(queue.send((connection, permit)));
                    Ok(())
                }
                Ok(Err(error)) => Err(Failed { peer, reason: error.to_string() }),
                Err(_) => Err(Failed { peer, reason: format!("it took longer than {HANDSHAKE_TIMEOUT:?}") }),
            }
        });
    }

    fn report(&mut self, ended: Result<Result<(), Failed>, JoinError>) {
        let Failed { peer, reason } = match ended {
            Ok(Ok(())) => return,
            Ok(Err(failed)) => failed,
            Err(error) => return tracing::error!(%error, "a handshake panicked"),
        };
        self.failed += 1;
        // Anybody can fail as often as they like, and shall not fill the log with it.
        if self.failed <= FAILURES_TOLD_MAX || self.failed.is_power_of_two() {
            tracing::warn!(%peer, reason, failed = self.failed, "a connection was not made");
        } else {
            tracing::debug!(%peer, reason, failed = self.failed, "a connection was not made");
        }
    }

    /// Takes over what has changed of who the controller is and whom it lets in.
    fn refresh(&mut self) {
        // An error is the end of its sender: then what was last said holds for good.
        if !self.tls.has_changed().unwrap_or(false) {
            return;
        }
        let tls = Arc::clone(&self.tls.borrow_and_update());
        match settings::server(&tls, Some(self.settings.to(IpAddr::from([127, 0, 0, 1])))) {
            Ok(settings) => self.settings = settings,
            Err(error) => tracing::error!(error, "the new identity cannot be used; the old one goes on"),
        }
    }

    fn turn_away(&mut self, what: &str) {
        self.turned_away += 1;
        // A flood shall not flood the log too.
        if self.turned_away.is_power_of_two() {
            tracing::warn!(turned_away = self.turned_away, "{what}");
        }
    }
}

/// Finishes the handshake, and waits for the lane to be opened.
async fn greet(
    home: Home,
    incoming: Incoming,
    settings: Arc<ServerConfig>,
) -> Result<Arc<dyn Connection>, quinn::ConnectionError> {
    let connection = incoming.accept_with(settings)?.await?;
    let lane = connection.accept_bi().await?;
    Ok(Arc::new(QuicConnection::new(connection, lane, home.runtime)))
}
