//! Endpoints with the settings of the mesh's own, and a stream with its buffers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, Endpoint, EndpointConfig, MtuDiscoveryConfig, RecvStream, SendStream,
    ServerConfig, TransportConfig,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::floor::frame::Inbox;
use crate::task::Task;

/// One stream, and what was read and is to be written.
pub(super) struct Link {
    pub(super) send: SendStream,
    pub(super) read: RecvStream,
    pub(super) inbox: Inbox,
    pub(super) out: Vec<u8>,
    /// Both live as long as their stream is used.
    _alive: (Connection, Endpoint),
}

impl Link {
    pub(super) async fn open(task: &Task) -> io::Result<Self> {
        let mut endpoint = endpoint(None, 0)?;
        endpoint.set_default_client_config(client(task)?);
        let connecting = endpoint.connect(relay(task), NAME).map_err(io::Error::other)?;
        let connection = connecting.await?;
        let (send, read) = connection.open_bi().await?;
        Ok(Self { send, read, inbox: Inbox::new(), out: Vec::new(), _alive: (connection, endpoint) })
    }

    /// Reads once; whether the relay is still there.
    pub(super) async fn read(&mut self) -> bool {
        fill(&mut self.read, &mut self.inbox).await
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.send.write_all(&self.out).await?;
            self.out.clear();
        }
        Ok(())
    }
}

/// Reads once; whether the other side is still there. An error is as good as the end.
pub(super) async fn fill(read: &mut RecvStream, inbox: &mut Inbox) -> bool {
    match read.read(inbox.space()).await {
        Ok(Some(count)) => {
            inbox.filled(count);
            true
        }
        Ok(None) | Err(_) => false,
    }
}

/// The relay's endpoint. Callers find its certificate beside the socket that other transports would use.
pub(super) fn listen(task: &Task) -> io::Result<Endpoint> {
    let certified = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(io::Error::other)?;
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let mut server =
        ServerConfig::with_single_cert(vec![certificate.clone()], key).map_err(io::Error::other)?;
    server.transport_config(transport()?);
    let endpoint = endpoint(Some(server), task.port)?;
    std::fs::write(&task.socket, &certificate)?;
    Ok(endpoint)
}

fn endpoint(server: Option<ServerConfig>, port: u16) -> io::Result<Endpoint> {
    let kind = (socket2::Domain::IPV4, socket2::Type::DGRAM, Some(socket2::Protocol::UDP));
    let socket = socket2::Socket::new(kind.0, kind.1, kind.2)?;
    socket.set_send_buffer_size(SOCKET_BYTES)?;
    socket.set_recv_buffer_size(SOCKET_BYTES)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(MTU).map_err(io::Error::other)?;
    Endpoint::new(config, server, socket.into(), Arc::new(quinn::TokioRuntime))
}

fn client(task: &Task) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(std::fs::read(&task.socket)?)).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).map_err(io::Error::other)?));
    config.transport_config(transport()?);
    Ok(config)
}

fn transport() -> io::Result<Arc<TransportConfig>> {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(MTU);
    let mut config = TransportConfig::default();
    config.mtu_discovery_config(Some(discovery));
    Ok(Arc::new(config))
}

fn relay(task: &Task) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, task.port).into()
}

const NAME: &str = "floor";
/// As the mesh's own bound on loopback.
const MTU: u16 = 6_000;
const SOCKET_BYTES: usize = 4 << 20;
