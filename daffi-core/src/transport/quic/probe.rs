//! Finding out that nobody listens, which QUIC itself learns only from silence.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;

use super::home::Home;

/// Not a QUIC packet: whoever listens ignores it.
const KNOCK: [u8; 1] = [0];

/// A connected socket: unlike the one that all connections share, it hears of a port that nobody listens on.
#[derive(Debug)]
pub(super) struct Probe(UdpSocket);

impl Probe {
    /// Knocks at `address`.
    ///
    /// # Errors
    /// If nobody listens and that is known already, as on loopback, or if there is no way to the address.
    pub(super) fn knock(home: &Home, address: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = std::net::UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        match socket.send(&KNOCK) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        let _inside = home.runtime.enter();
        Ok(Self(UdpSocket::from_std(socket)?))
    }

    /// Ready when it is known that nobody listens; never if somebody does, or if no word of it comes back.
    pub(super) async fn refused(&self) -> io::Error {
        loop {
            if let Err(error) = self.0.recv(&mut [0; 1]).await {
                return error;
            }
        }
    }
}
