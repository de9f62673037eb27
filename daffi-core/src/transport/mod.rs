//! Connections that carry frames, whatever they run over.
//!
//! A transport knows bytes, addresses and who is at the other end; what the bytes mean is none of its business.
//! [`Connection`] and [`Listener`] are all that the layers above see.

mod address;
mod memory;
mod quic;
#[cfg(test)]
mod tests;
mod unix;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use futures::future::BoxFuture;
use tokio::sync::watch;

pub use address::{Address, QuicAddress, UnixAddress};
pub use memory::{Faults, Link, inject, links};
#[doc(hidden)]
pub use quic::{Net, Simulated, simulate};
pub use quic::{PROTOCOL, SERVER_NAME};

use crate::error::{BindError, ConnectError};

/// Who is at the other end of a connection, as far as the transport knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The user of the other process, where the operating system tells.
    pub uid: Option<u32>,
    /// The other process, where the operating system tells.
    pub pid: Option<u32>,
    /// For people and logs.
    pub address: String,
    /// The certificates that the other end proved to own, leaf first and as DER; none without TLS.
    pub certificates: Vec<Vec<u8>>,
}

/// One duplex stream of bytes. Shared by one reader and many writers, who agree among themselves.
pub trait Connection: fmt::Debug + Send + Sync + 'static {
    /// Appends what has arrived to `buffer`: at most its spare capacity, which must not be empty.
    /// `Ok(0)` is the end. Only one task may read.
    ///
    /// # Errors
    /// As the operating system's `read`; the connection is then lost.
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Writes what can be written at once.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing can; any other error means that the connection is lost.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Ready when [`try_write`](Self::try_write) may get on again. Only one task may wait.
    ///
    /// # Errors
    /// If the connection is lost.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the connection in both directions; what was written before still arrives.
    fn close(&self);

    /// Ready once a closed connection needs this process no more: what was written has arrived, or never will.
    fn closed(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Who is at the other end.
    fn peer(&self) -> &Peer;

    /// Whether a break of this connection may pass: the session outlives it for a while, and goes on over the next.
    fn may_resume(&self) -> bool {
        false
    }

    /// Opens a one-way connection beside this one, for the chunks of one large body: they shall not hold up what
    /// shares the lane. `None` where all bytes share one lane anyway.
    fn open_side(&self) -> Option<BoxFuture<'static, io::Result<Arc<dyn Connection>>>> {
        None
    }

    /// The next one-way connection that the other end opened beside this one. Cancel safe.
    fn accept_side(&self) -> Option<BoxFuture<'_, io::Result<Arc<dyn Connection>>>> {
        None
    }
}

/// Takes connections at one address until it is dropped.
pub trait Listener: fmt::Debug + Send + Sync + 'static {
    /// The next connection. Cancel safe.
    ///
    /// # Errors
    /// When one connection could not be taken; the listener goes on.
    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Connection>>>;

    /// The address to connect to, with everything that was left open filled in.
    fn address(&self) -> &Address;
}

/// How to listen, beyond the address.
#[derive(Debug, Clone, Default)]
pub struct ListenOptions {
    /// Who the controller is and whom it lets in, now and from each change on; QUIC does not listen without.
    pub tls: Option<watch::Receiver<Arc<rustls::ServerConfig>>>,
    /// No user code runs on the runtime that listens, so that packets may be handled there: else they get a
    /// thread of their own, which user code cannot stall.
    pub is_runtime_ours: bool,
}

/// How to connect, beyond the address.
#[derive(Debug, Clone, Default)]
pub struct DialOptions {
    /// Who the node is and which controller it trusts; QUIC does not connect without.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// Listens on `address`.
///
/// # Errors
/// [`BindError`] if the address is taken, unsafe or refused by the operating system.
///
/// # Cancel safety
/// Cancel safe: it does not listen.
pub async fn listen(address: &Address, options: &ListenOptions) -> Result<Arc<dyn Listener>, BindError> {
    match address {
        Address::Unix(unix) => unix::listen(unix).await,
        Address::Quic(quic) => quic::listen(quic, options).await,
        Address::Memory(name) => memory::listen(name),
    }
}

/// Connects to `address`, once.
///
/// # Errors
/// [`DialError`] if nobody answers or whoever does is not to be trusted.
///
/// # Cancel safety
/// Cancel safe: the connection is given up.
pub async fn dial(address: &Address, options: &DialOptions) -> Result<Arc<dyn Connection>, DialError> {
    match address {
        Address::Unix(unix) => unix::dial(unix).await,
        Address::Quic(quic) => quic::dial(quic, options).await,
        Address::Memory(name) => memory::dial(name),
    }
}

/// Why one attempt to connect failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// Nobody listens there (yet): worth another attempt.
    #[error("{0}")]
    Unreachable(String),
    /// Whoever listens there must not be trusted: another attempt would be no better.
    #[error("{0}")]
    Untrusted(String),
    /// The address cannot be one of a socket.
    #[error("{0}")]
    BadAddress(String),
}

impl DialError {
    /// Why the connection was lost, if an error of reading or writing knows that it should not have been dialled.
    ///
    /// Over TLS a controller may refuse a node's certificate after the node has taken itself for connected.
    pub fn behind(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// As the error of a connection to `address` that is not worth another attempt, if this is one.
    pub fn fatal(&self, address: &Address) -> Option<ConnectError> {
        match self {
            Self::Unreachable(_) => None,
            Self::Untrusted(reason) => {
                Some(ConnectError::Untrusted { address: address.to_string(), reason: reason.clone() })
            }
            Self::BadAddress(reason) => {
                Some(ConnectError::BadAddress { address: address.to_string(), reason: reason.clone() })
            }
        }
    }
}
