//! QUIC: encrypted links over UDP, which survive a change of address.
//!
//! A connection has one bidirectional stream, the lane, and one-way streams beside it for large bodies. Packets
//! are handled on a thread of this module's own, so that user code cannot stall what tells that a node lives.

mod connection;
mod dial;
mod fault;
mod half;
mod home;
mod linger;
mod listen;
mod probe;
mod settings;
mod side;
mod socket;
#[cfg(test)]
pub(super) mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) use dial::dial;
pub use home::{Net, Simulated, simulate};
pub(super) use listen::listen;

use self::home::Home;
use crate::config::HOST_ADDRESSES_MAX;

/// The name in every controller's certificate. It stands for the mesh, not for a host: who may be the controller
/// is told by the issuer.
pub const SERVER_NAME: &str = "daffi";
/// The protocol that both ends name in the handshake (ALPN).
pub const PROTOCOL: &[u8] = b"daffi/1";

/// The addresses of `host`: as they are asked for, each once, and not empty.
async fn resolve(home: &Home, host: &str) -> io::Result<Vec<IpAddr>> {
    // Whatever a resolver makes of it: this name must never lead to another machine.
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let mut addresses: Vec<IpAddr> = match home.net.lookup(host) {
        Some(address) => vec![address],
        None => tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect(),
    };
    let mut seen = std::collections::BTreeSet::new();
    addresses.retain(|address| seen.insert(*address));
    addresses.truncate(HOST_ADDRESSES_MAX);
    if addresses.is_empty() { Err(io::Error::other("the name has no address")) } else { Ok(addresses) }
}

/// What the operating system said, without the number that [`io::Error`] appends.
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}
