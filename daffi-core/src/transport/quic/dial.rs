//! Connecting to a controller, by whichever of its addresses answers.

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use quinn::{ClientConfig, ConnectError, Connecting, Endpoint};
use tokio::time::{sleep, timeout};

use super::super::{Connection, DialError, DialOptions, QuicAddress};
use super::connection::QuicConnection;
use super::home::Home;
use super::probe::Probe;
use super::settings::{self, ByPath};
use super::{SERVER_NAME, describe, fault, resolve};
use crate::config::{DIAL_STAGGER, HANDSHAKE_TIMEOUT};

/// Connects to the controller at `address`, once.
pub(in super::super) async fn dial(
    address: &QuicAddress,
    options: &DialOptions,
) -> Result<Arc<dyn Connection>, DialError> {
    if address.port == 0 {
        return Err(DialError::BadAddress("port 0 is for listening; ask the controller for its own".into()));
    }
    let tls = options.tls.as_ref();
    let tls = tls.ok_or_else(|| {
        DialError::BadAddress("QUIC needs an identity, and this node has none: connect with a token".into())
    })?;
    let settings = settings::client(tls).map_err(DialError::BadAddress)?;
    let unreachable = |error: io::Error| DialError::Unreachable(describe(&error));
    let dialler = Dialler { home: Home::apart().map_err(unreachable)?, settings };
    let hosts = resolve(&dialler.home, &address.host).await.map_err(unreachable)?;
    dialler.race(hosts, address.port).await
}

struct Dialler {
    home: Home,
    settings: ByPath<ClientConfig>,
}

impl Dialler {
    /// The first connection that is made. Addresses join one after the other, each when all before it have failed
    /// or have had their time.
    async fn race(&self, hosts: Vec<IpAddr>, port: u16) -> Result<Arc<dyn Connection>, DialError> {
        let mut hosts = hosts.into_iter();
        let mut attempts = FuturesUnordered::new();
        let mut failures = Vec::new();
        loop {
            if let Some(host) = hosts.next() {
                let address = SocketAddr::new(host, port);
                attempts.push(async move { (address, self.attempt(address).await) });
            }
            let has_more = hosts.len() > 0;
            tokio::select! {
                biased;
                Some((address, attempt)) = attempts.next() => match attempt {
                    Ok(connection) => return Ok(connection),
                    Err(error) => failures.push((address, error)),
                },
                () = sleep(DIAL_STAGGER), if has_more => {}
                else => return Err(sum_up(failures)),
            }
        }
    }

    async fn attempt(&self, address: SocketAddr) -> Result<Arc<dyn Connection>, DialError> {
        let unreachable = |error: io::Error| DialError::Unreachable(describe(&error));
        let probe = self.home.is_real.then(|| Probe::knock(&self.home, address)).transpose();
        let probe = probe.map_err(unreachable)?;
        let refused = async {
            match &probe {
                Some(probe) => probe.refused().await,
                None => pending().await,
            }
        };
        let made = timeout(HANDSHAKE_TIMEOUT, self.connect(address).map_err(unreachable)?);
        let made = tokio::select! {
            biased;
            made = made => made,
            error = refused => return Err(unreachable(error)),
        };
        let made = made.map_err(|_| DialError::Unreachable("no answer".into()))?;
        let connection = made.map_err(|error| fault::dial_error(&error))?;
        let lane = connection.open_bi().await.map_err(|error| fault::dial_error(&error))?;
        Ok(Arc::new(QuicConnection::new(connection, lane, self.home.runtime.clone())))
    }

    fn connect(&self, address: SocketAddr) -> io::Result<Connecting> {
        let settings = self.settings.to(address.ip());
        // What drives the connection is spawned where packets are handled, not where we are.
        let _inside = self.home.runtime.enter();
        let connect = |endpoint: &Endpoint| endpoint.connect_with(settings.clone(), address, SERVER_NAME);
        if !self.home.is_real {
            return connect(&self.open(address)?).map_err(io::Error::other);
        }
        let mut endpoints = ENDPOINTS.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = &mut endpoints[usize::from(address.is_ipv6())];
        let known = match endpoint {
            Some(endpoint) => endpoint.clone(),
            None => endpoint.insert(self.open(address)?).clone(),
        };
        match connect(&known) {
            // Its socket has failed, so its connections are lost, and others need another.
            Err(ConnectError::EndpointStopping) => connect(endpoint.insert(self.open(address)?)),
            result => result,
        }
        .map_err(io::Error::other)
    }

    /// A socket to connect to `address` from.
    fn open(&self, address: SocketAddr) -> io::Result<Endpoint> {
        let any: IpAddr =
            if address.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        Ok(self.home.endpoint(SocketAddr::new(any, 0), None)?.0)
    }
}

/// One socket of each family for all links of the process: v4, then v6.
static ENDPOINTS: Mutex<[Option<Endpoint>; 2]> = Mutex::new([None, None]);

/// Why no address could be connected to.
fn sum_up(failures: Vec<(SocketAddr, DialError)>) -> DialError {
    let mut reasons = Vec::new();
    for (address, error) in failures {
        match error {
            DialError::Unreachable(reason) => reasons.push(format!("{address}: {reason}")),
            // Whoever must not be trusted there will not be better at the next attempt.
            DialError::Untrusted(reason) => return DialError::Untrusted(format!("{address}: {reason}")),
            error @ DialError::BadAddress(_) => return error,
        }
    }
    DialError::Unreachable(reasons.join(", "))
}
