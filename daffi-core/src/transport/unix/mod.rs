//! UNIX sockets: the link over which the kernel tells at once of a peer that died.

mod connection;
mod dial;
mod listen;
mod place;
#[cfg(test)]
mod tests;
mod trust;

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::net::SocketAddrUnix;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(super) use dial::dial;
pub(super) use listen::listen;

/// The longest path of a socket, in bytes: what `sockaddr_un` holds beside the final NUL.
const PATH_BYTES_MAX: usize = 107;

fn socket_address(path: &Path) -> Result<SocketAddrUnix, String> {
    let bytes = path.as_os_str().len();
    if bytes > PATH_BYTES_MAX {
        return Err(format!("the path has {bytes} bytes, a socket's has at most {PATH_BYTES_MAX}"));
    }
    SocketAddrUnix::new(path).map_err(describe)
}

/// Registers a descriptor with the runtime's reactor.
///
/// # Panics
/// Outside a tokio runtime with I/O enabled.
fn register(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // Deprecated because a type may give a descriptor that is not its own, or another one each time. An
    // `OwnedFd` cannot, and what replaces this function is not safe code.
    #[expect(deprecated, reason = "sound for an `OwnedFd`, and the replacement is unsafe")]
    AsyncFd::with_interest(descriptor, interest)
}

/// What the operating system said, without the number that [`io::Error`] appends.
fn describe(error: impl Into<io::Error>) -> String {
    let text = error.into().to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}
