//! One connection: its lane, and the sides beside it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::BytesMut;
use futures::future::BoxFuture;
use quinn::{RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::super::{Connection, Peer};
use super::fault::Faults;
use super::half::{CLOSED, Receiving, Sending};
use super::side::{ReadSide, WriteSide};
use crate::config::{FLOWS_MAX, QUIC_CLOSE_TIME};

/// A connection whose lane is open.
#[derive(Debug)]
pub(super) struct QuicConnection {
    connection: quinn::Connection,
    receiving: Arc<Receiving>,
    sending: Sending,
    is_closed: AtomicBool,
    /// One permit for each side that was opened here and whose bytes have not all arrived.
    sides: Arc<Semaphore>,
    /// Where what outlasts this handle is awaited.
    runtime: Handle,
    peer: Arc<Peer>,
}

impl QuicConnection {
    pub(super) fn new(
        connection: quinn::Connection,
        (send, receive): (SendStream, RecvStream),
        runtime: Handle,
    ) -> Self {
        let faults = Faults::of(&connection);
        Self {
            receiving: Arc::new(Receiving::new(receive, faults)),
            sending: Sending::new(send, faults),
            is_closed: AtomicBool::new(false),
            sides: Arc::new(Semaphore::new(FLOWS_MAX)),
            runtime,
            peer: Arc::new(identify(&connection)),
            connection,
        }
    }
}

impl Connection for QuicConnection {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        self.receiving.poll_read(cx, buffer)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.sending.try_write(bytes)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sending.poll_writable(cx)
    }

    fn close(&self) {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.receiving.close();
        let lane = self.sending.finish();
        let (connection, sides) = (self.connection.clone(), Arc::clone(&self.sides));
        // A reader that is dropped tells the peer to write no more. The peer would take that for the end, and not
        // look for what is still on its way to it.
        let receiving = Arc::clone(&self.receiving);
        // QUIC's own closing drops what has not arrived, so it must wait; whoever closes need not.
        self.runtime.spawn(async move {
            let arrived = async {
                // An error is that of a connection that was lost meanwhile: there is nothing to wait for.
                lane.await.ok();
                sides.acquire_many(u32::try_from(FLOWS_MAX).unwrap_or(u32::MAX)).await.is_ok()
            };
            if timeout(QUIC_CLOSE_TIME, arrived).await.is_err() {
                tracing::debug!(peer = %connection.remote_address(), "closed before all had arrived");
            }
            connection.close(CLOSED, b"");
            drop(receiving);
        });
    }

    fn closed(&self) -> BoxFuture<'static, ()> {
        let connection = self.connection.clone();
        Box::pin(async move {
            connection.closed().await;
        })
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn may_resume(&self) -> bool {
        true
    }

    fn open_side(&self) -> Option<BoxFuture<'static, io::Result<Arc<dyn Connection>>>> {
        let (connection, sides) = (self.connection.clone(), Arc::clone(&self.sides));
        let (runtime, peer) = (self.runtime.clone(), Arc::clone(&self.peer));
        Some(Box::pin(async move {
            let permit = sides.acquire_owned().await.expect("the permits are never closed");
            let faults = Faults::of(&connection);
            let stream = connection.open_uni().await.map_err(|error| faults.io(&error))?;
            let side = WriteSide::new(Sending::new(stream, faults), permit, runtime, peer);
            Ok(Arc::new(side) as Arc<dyn Connection>)
        }))
    }

    fn accept_side(&self) -> Option<BoxFuture<'_, io::Result<Arc<dyn Connection>>>> {
        Some(Box::pin(async {
            let faults = Faults::of(&self.connection);
            let stream = self.connection.accept_uni().await.map_err(|error| faults.io(&error))?;
            let side = ReadSide::new(Receiving::new(stream, faults), Arc::clone(&self.peer));
            Ok(Arc::new(side) as Arc<dyn Connection>)
        }))
    }
}

impl Drop for QuicConnection {
    fn drop(&mut self) {
        self.close();
    }
}

/// Who is at the other end of a connection whose handshake is over.
fn identify(connection: &quinn::Connection) -> Peer {
    let certificates = connection.peer_identity().and_then(|identity| identity.downcast().ok());
    let certificates: Vec<CertificateDer<'static>> = certificates.map(|found| *found).unwrap_or_default();
    Peer {
        uid: None,
        pid: None,
        address: shown(connection.remote_address()),
        certificates: certificates.iter().map(|certificate| certificate.to_vec()).collect(),
    }
}

/// The address of a peer, for people.
fn shown(address: SocketAddr) -> String {
    format!("quic://{}", SocketAddr::new(address.ip().to_canonical(), address.port()))
}
