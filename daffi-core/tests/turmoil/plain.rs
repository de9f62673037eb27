//! The simulated network itself: quinn runs over it as over a real one, and the same way twice.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::{
    ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig,
};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::for_each_seed;
use crate::socket::{Socket, take_sent};

const PORT: u16 = 4433;
const ROUNDS: u32 = 40;
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// What the echoing server is known by.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn new() -> Self {
        // Its signatures are of one length, and so is what quinn sends, whatever the key.
        let own = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let mut params = CertificateParams::new(["server".to_owned()]).expect("a good name");
        params.serial_number = Some(1_u64.into());
        let certificate = params.self_signed(&own).expect("a certificate").der().clone();
        let key = PrivateKeyDer::try_from(own.serialize_der()).expect("a key");
        Self { certificate, key }
    }

    fn server(&self) -> ServerConfig {
        let mut config = ServerConfig::with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .expect("a server's configuration");
        config.transport_config(transport());
        config
    }

    fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a root");
        let mut config =
            ClientConfig::with_root_certificates(Arc::new(roots)).expect("a client's configuration");
        config.transport_config(transport());
        config
    }
}

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(Some(IDLE_TIMEOUT.try_into().expect("a few seconds")));
    transport.keep_alive_interval(Some(Duration::from_secs(1)));
    Arc::new(transport)
}

fn endpoint(port: u16, server: Option<ServerConfig>) -> Endpoint {
    let socket = Socket::bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)).expect("a free port");
    let mut config = EndpointConfig::default();
    config.rng_seed(Some([7; 32]));
    Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime)).expect("an endpoint")
}

async fn echo(connection: Connection) {
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let Ok(bytes) = receive.read_to_end(100_000).await else { return };
        if send.write_all(&bytes).await.is_err() || send.finish().is_err() {
            return;
        }
    }
}

async fn serve(config: ServerConfig) -> turmoil::Result {
    let endpoint = endpoint(PORT, Some(config));
    while let Some(incoming) = endpoint.accept().await {
        if let Ok(connection) = incoming.await {
            tokio::spawn(echo(connection));
        }
    }
    Ok(())
}

/// One exchange over a connection; the number of the round, or what went wrong.
async fn round(connection: &Connection, round: u32) -> Result<u32, String> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(|error| error.to_string())?;
    let bytes = round.to_le_bytes().repeat(1_000);
    send.write_all(&bytes).await.map_err(|error| error.to_string())?;
    send.finish().map_err(|error| error.to_string())?;
    let echoed = receive.read_to_end(bytes.len()).await.map_err(|error| error.to_string())?;
    assert_eq!(echoed, bytes);
    Ok(round)
}

async fn connect(endpoint: &Endpoint, server: IpAddr, config: &ClientConfig) -> Connection {
    loop {
        let connecting = endpoint.connect_with(config.clone(), SocketAddr::new(server, PORT), "server");
        if let Ok(connection) = connecting.expect("a good address").await {
            return connection;
        }
    }
}

/// Exchanges until all rounds are through, connecting anew whenever the connection is lost.
async fn converse(config: ClientConfig, log: Arc<Mutex<Vec<String>>>) -> turmoil::Result {
    let endpoint = endpoint(0, None);
    let server = turmoil::lookup("server");
    let mut connection = connect(&endpoint, server, &config).await;
    let mut at = 0;
    while at < ROUNDS {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let outcome = round(&connection, at).await;
        log.lock().expect("no panic").push(format!("{} ms: {outcome:?}", turmoil::elapsed().as_millis()));
        match outcome {
            Ok(_) => at += 1,
            Err(_) => connection = connect(&endpoint, server, &config).await,
        }
    }
    Ok(())
}

/// A conversation during which the network is cut for `cut`; what became of each exchange, and when.
fn conversation(seed: u64, cut: Option<Duration>) -> Vec<String> {
    let identity = Identity::new();
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(120))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(20))
        .build();
    let server = identity.server();
    sim.host("server", move || serve(server.clone()));
    let log = Arc::new(Mutex::new(Vec::new()));
    sim.client("client", converse(identity.client(), Arc::clone(&log)));

    let start = Duration::from_secs(2);
    let mut is_cut = false;
    loop {
        let is_over = sim.step().expect("no host fails");
        let during = cut.is_some_and(|cut| sim.elapsed() >= start && sim.elapsed() < start + cut);
        if during != is_cut {
            if during {
                sim.partition("client", "server")
            } else {
                sim.repair("client", "server")
            }
            is_cut = during;
        }
        if is_over {
            return Arc::try_unwrap(log).map_or_else(
                |log| log.lock().expect("no panic").clone(),
                |log| log.into_inner().expect("no panic"),
            );
        }
    }
}

fn failed(log: &[String]) -> usize {
    log.iter().filter(|line| line.contains("Err")).count()
}

#[test]
fn a_conversation_goes_through_without_faults() {
    for_each_seed(|seed| {
        let log = conversation(seed, None);

        assert_eq!(log.len(), ROUNDS as usize, "{log:#?}");
        assert_eq!(failed(&log), 0, "{log:#?}");
    });
}

#[test]
fn a_short_partition_is_healed_by_quic_itself() {
    for_each_seed(|seed| {
        let log = conversation(seed, Some(Duration::from_secs(1)));

        assert_eq!(failed(&log), 0, "{log:#?}");
    });
}

#[test]
fn a_long_partition_ends_the_connection_and_the_next_one_goes_on() {
    for_each_seed(|seed| {
        let log = conversation(seed, Some(Duration::from_secs(8)));

        assert_eq!(failed(&log), 1, "{log:#?}");
        assert_eq!(log.len(), ROUNDS as usize + 1, "{log:#?}");
    });
}

#[test]
fn a_seed_says_all_that_happens() {
    for_each_seed(|seed| {
        let run = || {
            let log = conversation(seed, Some(Duration::from_secs(8)));
            (log, take_sent())
        };
        let ((log, sent), (log_again, sent_again)) = (run(), run());

        assert_eq!(log, log_again);
        let differs = sent.iter().zip(&sent_again).find(|(one, other)| one != other);
        assert_eq!(differs, None);
        assert_eq!(sent.len(), sent_again.len());
    });
}
