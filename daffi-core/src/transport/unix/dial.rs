//! Connecting to a controller's socket.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::super::{Address, Connection, DialError, UnixAddress};
use super::connection::{UnixConnection, identify};
use super::trust::Trust;
use super::{describe, socket_address};

/// Connects to the controller at `address`, once.
pub(in super::super) async fn dial(address: &UnixAddress) -> Result<Arc<dyn Connection>, DialError> {
    let name = socket_address(&address.path).map_err(DialError::BadAddress)?;
    let trust = Trust::new(address);
    check_file(address, trust)?;
    let socket = connect(address, &name)?;
    let failed = |error: io::Error| DialError::Unreachable(unreachable(address, &describe(error)));
    let (socket, peer) = identify(socket, Address::Unix(address.clone()).to_string()).map_err(failed)?;
    // The file may have been given away since, or the socket inherited: what counts is who listens.
    match peer.uid.filter(|uid| trust.may_control(*uid)) {
        Some(_) => Ok(Arc::new(UnixConnection::new(socket, peer).map_err(failed)?)),
        None => Err(untrusted(address, "is served by", peer.uid.unwrap_or(u32::MAX))),
    }
}

/// Looks at the file before connecting, so that a stranger's socket does not even learn that we came.
fn check_file(address: &UnixAddress, trust: Trust) -> Result<(), DialError> {
    let found = rustix::fs::lstat(&address.path).map_err(|errno| match errno {
        Errno::NOENT => DialError::Unreachable(unreachable(address, "no such socket")),
        errno => DialError::Unreachable(unreachable(address, &describe(errno))),
    })?;
    if !trust.may_control(found.st_uid) {
        return Err(untrusted(address, "belongs to", found.st_uid));
    }
    // A link made by somebody trusted may be followed: who listens behind it is checked as well.
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Socket | FileType::Symlink => Ok(()),
        _ => Err(DialError::Unreachable(unreachable(address, "not a socket"))),
    }
}

/// A connected, non-blocking socket. On UNIX sockets the connection is made at once or not at all.
fn connect(address: &UnixAddress, name: &SocketAddrUnix) -> Result<OwnedFd, DialError> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let connected = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .and_then(|socket| rustix::net::connect(&socket, name).map(|()| socket));
    connected.map_err(|errno| {
        let reason = match errno {
            Errno::NOENT => "no such socket".to_owned(),
            Errno::CONNREFUSED => "connection refused".to_owned(),
            Errno::AGAIN => "too many connections are waiting there".to_owned(),
            errno => describe(errno),
        };
        DialError::Unreachable(unreachable(address, &reason))
    })
}

fn unreachable(address: &UnixAddress, reason: &str) -> String {
    format!("{}: {reason}", address.path.display())
}

fn untrusted(address: &UnixAddress, relation: &str, uid: u32) -> DialError {
    let path = address.path.display();
    let own = rustix::process::geteuid().as_raw();
    DialError::Untrusted(format!(
        "{path} {relation} user {uid}, who is neither this process's user {own} nor root; \
         if that is meant, say so: unix://{path}?owner={uid}"
    ))
}
