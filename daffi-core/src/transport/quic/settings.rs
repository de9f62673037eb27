//! What is agreed with a peer. The numbers that decide were measured; `config` has the bounds.

use std::net::IpAddr;
use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    AckFrequencyConfig, ClientConfig, EndpointConfig, MtuDiscoveryConfig, ServerConfig, TransportConfig,
    VarInt,
};
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;

use crate::config;

/// The largest datagram on loopback. Ten of 9,000 exceed what the kernel takes at once (64 KiB), and the rate then
/// collapses; at 6,000 it is twice that of 1,452.
const LOOPBACK_DATAGRAM_BYTES: u16 = 6_000;
/// Packets that are acknowledged together on a real path: half as many datagrams travel back.
const PACKETS_PER_ACK: u32 = 10;
/// The lane is the only stream in both directions. More are refused by QUIC, which keeps state for each allowed one.
const LANES: u32 = 1;

pub(super) fn endpoint() -> EndpointConfig {
    let mut endpoint = EndpointConfig::default();
    endpoint.max_udp_payload_size(LOOPBACK_DATAGRAM_BYTES).expect("it is between 1,200 and 65,527");
    endpoint
}

/// The settings for peers on this machine, and for others.
#[derive(Debug, Clone)]
pub(super) struct ByPath<T> {
    loopback: T,
    remote: T,
}

impl<T> ByPath<T> {
    fn new(mut make: impl FnMut(Arc<TransportConfig>) -> T) -> Self {
        Self { loopback: make(loopback()), remote: make(remote()) }
    }

    pub(super) fn to(&self, peer: IpAddr) -> &T {
        if peer.to_canonical().is_loopback() { &self.loopback } else { &self.remote }
    }
}

/// How a node connects as `tls` says.
///
/// # Errors
/// If `tls` cannot do QUIC, for people.
pub(super) fn client(tls: &rustls::ClientConfig) -> Result<ByPath<ClientConfig>, String> {
    let mut tls = tls.clone();
    // Each connection proves anew who is there: a resumed one would skip a token that was revoked since.
    tls.resumption = Resumption::disabled();
    tls.enable_early_data = false;
    let crypto = Arc::new(QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?);
    Ok(ByPath::new(|transport| {
        let mut client = ClientConfig::new(Arc::clone(&crypto) as _);
        client.transport_config(transport);
        client
    }))
}

/// How a controller takes connections as `tls` says.
///
/// # Errors
/// If `tls` cannot do QUIC, for people.
pub(super) fn server(
    tls: &rustls::ServerConfig,
    base: Option<&ServerConfig>,
) -> Result<ByPath<Arc<ServerConfig>>, String> {
    let mut tls = tls.clone();
    tls.send_tls13_tickets = 0;
    tls.max_early_data_size = 0;
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    let crypto = Arc::new(QuicServerConfig::try_from(tls).map_err(|error| error.to_string())?);
    // The key of the base lives on, so that what was given to a peer that shall prove its address stays good.
    let base = base.cloned().unwrap_or_else(|| ServerConfig::with_crypto(Arc::clone(&crypto) as _));
    Ok(ByPath::new(|transport| {
        let mut server = base.clone();
        server.crypto = Arc::clone(&crypto) as _;
        server.transport_config(transport);
        server.migration(true);
        Arc::new(server)
    }))
}

fn loopback() -> Arc<TransportConfig> {
    let mut transport = common();
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(LOOPBACK_DATAGRAM_BYTES);
    transport.mtu_discovery_config(Some(discovery));
    Arc::new(transport)
}

fn remote() -> Arc<TransportConfig> {
    let mut transport = common();
    let mut acknowledging = AckFrequencyConfig::default();
    acknowledging.ack_eliciting_threshold(VarInt::from_u32(PACKETS_PER_ACK));
    transport.ack_frequency_config(Some(acknowledging));
    Arc::new(transport)
}

fn common() -> TransportConfig {
    let sides = u32::try_from(config::FLOWS_MAX).expect("a small number");
    let idle = config::QUIC_IDLE_TIMEOUT.try_into().expect("a few seconds");
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(LANES))
        .max_concurrent_uni_streams(VarInt::from_u32(sides))
        .stream_receive_window(VarInt::from_u32(config::QUIC_STREAM_BYTES))
        .receive_window(VarInt::from_u32(config::QUIC_CONNECTION_BYTES))
        .send_window(config::QUIC_UNACKNOWLEDGED_BYTES)
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(config::QUIC_KEEP_ALIVE))
        .datagram_receive_buffer_size(None)
        .enable_segmentation_offload(true);
    transport
}
