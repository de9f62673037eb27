//! Listening on a socket and taking the connections of users whom it is meant for.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::super::{Address, Connection, Listener, UnixAddress};
use super::connection::{UnixConnection, identify};
use super::place::{self, SocketFile};
use super::trust::{self, Trust};
use super::{register, socket_address};
use crate::error::BindError;

/// Listens at `address`.
pub(in super::super) async fn listen(address: &UnixAddress) -> Result<Arc<dyn Listener>, BindError> {
    let name = socket_address(&address.path).map_err(|reason| place::bad(address, reason))?;
    let mode = trust::mode(address);
    place::check_mode(address, mode)?;
    let trust = Trust::new(address);
    place::prepare_directory(address, trust)?;
    let lock = place::lock(address, trust)?;
    place::remove_stale(address, &name, trust)?;

    let refused = |errno: Errno| place::refused(address, &address.path, errno);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let socket = socket.map_err(refused)?;
    rustix::net::bind(&socket, &name).map_err(refused)?;
    let file = SocketFile::new(address, lock)?;
    // The socket refuses everybody until `listen`, so its mode is right before the first can connect.
    file.share(address, mode)?;
    rustix::net::listen(&socket, WAITING_MAX).map_err(refused)?;
    let socket = register(socket, Interest::READABLE);
    let socket = socket.map_err(|error| refused(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
    Ok(Arc::new(UnixListener { socket, _file: file, address: Address::Unix(address.clone()), trust }))
}

/// Connections that may wait to be accepted; the kernel's own maximum is 4,096 by default.
const WAITING_MAX: i32 = 4_096;
/// How long accepting pauses when descriptors or memory have run out: until some connection ends.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct UnixListener {
    // First, so that nobody can connect any more when the file goes.
    socket: AsyncFd<OwnedFd>,
    _file: SocketFile,
    address: Address,
    trust: Trust,
}

impl UnixListener {
    async fn next(&self) -> io::Result<Arc<dyn Connection>> {
        loop {
            let mut guard = self.socket.readable().await?;
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let Ok(accepted) = guard.try_io(|socket| Ok(rustix::net::accept_with(socket, flags)?)) else {
                continue;
            };
            match accepted {
                Ok(socket) => {
                    if let Some(connection) = self.admit(socket)? {
                        return Ok(connection);
                    }
                }
                Err(error) => self.survive(error).await?,
            }
        }
    }

    /// The connection, unless it is from a user whom the socket is not meant for.
    fn admit(&self, socket: OwnedFd) -> io::Result<Option<Arc<dyn Connection>>> {
        let (socket, peer) = identify(socket, self.address.to_string())?;
        if !peer.uid.is_some_and(|uid| self.trust.may_connect(uid)) {
            let (uid, pid) = (peer.uid, peer.pid);
            tracing::warn!(address = %self.address, uid, pid, "refused a connection of another user");
            return Ok(None);
        }
        Ok(Some(Arc::new(UnixConnection::new(socket, peer)?)))
    }

    /// Whether accepting can go on after `error`, after a pause if need be.
    async fn survive(&self, error: io::Error) -> io::Result<()> {
        match Errno::from_io_error(&error) {
            Some(Errno::CONNABORTED | Errno::INTR) => Ok(()),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                tracing::warn!(address = %self.address, %error, "cannot accept for now");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                Ok(())
            }
            _ => Err(error),
        }
    }
}

impl Listener for UnixListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<Arc<dyn Connection>>> {
        Box::pin(self.next())
    }

    fn address(&self) -> &Address {
        &self.address
    }
}
