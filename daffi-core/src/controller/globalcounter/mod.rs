//! globalCounter's own protocol, for its clients: they count the same topics as nodes do.
//!
//! `protocol` is its bytes, `repeats` tells a datagram that was sent again, `udp` and `tcp` are the loops. Each request
//! is a command of the core like any other; nothing that comes in ends more than its own connection.

mod protocol;
mod repeats;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::net::{TcpListener, UdpSocket};

use self::protocol::{Reply, Request};
use self::repeats::Repeats;
use self::tcp::Reads;
use super::core::Foreign;
use super::driver::Shared;
use crate::config;
use crate::error::BindError;
use crate::wire::decode;

/// A socket where the protocol is spoken.
#[derive(Debug)]
pub(super) struct Listener {
    url: String,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket, Option<Repeats>),
    Tcp(TcpListener, Reads),
}

/// Listens at an address of the protocol.
///
/// # Errors
/// [`BindError`] if that cannot be understood, or not be listened on.
pub(super) async fn listen(text: &str) -> Result<Listener, BindError> {
    let bad = |reason: String| BindError::BadAddress { address: text.to_owned(), reason };
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(bad(EXPECTED.into()));
    };
    let (place, option) = rest.split_once('?').unwrap_or((rest, ""));
    if !place.contains(':') {
        return Err(bad(format!("`{place}` has no port; {EXPECTED}")));
    }
    let failed = |error: io::Error| not_bound(text, &error);
    let (socket, bound) = match (scheme, option) {
        ("udp", "" | "repeats=count" | "repeats=answer") => {
            let socket = UdpSocket::bind(place).await.map_err(failed)?;
            let bound = socket.local_addr().map_err(failed)?;
            (Socket::Udp(socket, (option == "repeats=answer").then(Repeats::default)), bound)
        }
        ("tcp", "" | "reads=gap" | "reads=once") => {
            let socket = TcpListener::bind(place).await.map_err(failed)?;
            let bound = socket.local_addr().map_err(failed)?;
            let reads = if option == "reads=once" { Reads::Once } else { Reads::UntilGap };
            (Socket::Tcp(socket, reads), bound)
        }
        ("udp", _) => return Err(bad(format!("`{option}` is neither `repeats=count` nor `repeats=answer`"))),
        ("tcp", _) => return Err(bad(format!("`{option}` is neither `reads=gap` nor `reads=once`"))),
        _ => return Err(bad(EXPECTED.into())),
    };
    warn_if_far(scheme, bound);
    Ok(Listener { url: format!("{scheme}://{bound}"), socket })
}

const EXPECTED: &str = "expected `udp://host:port` or `tcp://host:port`";

fn not_bound(text: &str, error: &io::Error) -> BindError {
    let address = text.to_owned();
    match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        io::ErrorKind::InvalidInput => BindError::BadAddress { address, reason: error.to_string() },
        _ => BindError::Io { address, reason: error.to_string() },
    }
}

fn warn_if_far(scheme: &str, bound: SocketAddr) {
    if !bound.ip().is_loopback() {
        tracing::warn!(
            "whoever reaches {scheme}://{bound} may count and reset every topic: the protocol knows no rights"
        );
    }
}

impl Listener {
    /// Its address, with the port that was chosen if it said 0.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Answers for as long as it is polled.
    pub(super) async fn serve(self, shared: Arc<Shared>) {
        match self.socket {
            Socket::Udp(socket, repeats) => udp::serve(&shared, &socket, repeats).await,
            Socket::Tcp(listener, reads) => tcp::serve(&shared, &listener, reads).await,
        }
    }
}

/// What is answered to a message; nothing if it is no request, or cannot be carried out.
fn answer(shared: &Shared, message: &[u8]) -> Option<Reply> {
    match Request::of(message).and_then(|request| carry_out(shared, request)) {
        Ok(reply) => Some(reply),
        Err(why) => {
            shared.input(|core, _| core.note_globalcounter(Foreign::Refused));
            tracing::debug!(%why, bytes = message.len(), "a request of globalCounter's protocol was dropped");
            None
        }
    }
}

fn carry_out(shared: &Shared, request: Request<'_>) -> Result<Reply, String> {
    let (method, topic) = match request {
        Request::Count(topic) => ("count", topic),
        Request::Reset(topic) => ("reset", topic),
    };
    let topic = if topic.is_empty() { EMPTY_TOPIC } else { topic };
    let done = shared.input(|core, now| {
        let result = core.call_own(now, ("topic", method), topic, config::GLOBALCOUNTER_TOPICS_MAX)?;
        core.note_globalcounter(Foreign::Done);
        Ok(result)
    });
    let result = done.map_err(|error: crate::error::CallError| error.to_string())?;
    match request {
        Request::Count(_) => {
            let Counted { n } = decode(&result).map_err(|error| error.0)?;
            Ok(Reply::count(n))
        }
        Request::Reset(_) => Ok(Reply::RESET),
    }
}

/// Objects have names, and the topic of this one is empty.
const EMPTY_TOPIC: &str = "(empty)";

/// The number that a count came to.
#[derive(Deserialize)]
struct Counted {
    n: u64,
}

/// How long a socket rests that fails: else one that is out of descriptors would keep a processor busy.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);
