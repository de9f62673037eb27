//! UDP sockets with room for bursts.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Once;

use rustix::net::sockopt;
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::UDP_SOCKET_BYTES;

/// A socket bound to `address`, of one family only: a listener has a socket for each.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    enlarge_buffers(&socket);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn enlarge_buffers(socket: &Socket) {
    // The kernel cuts what it does not allow to its own maximum. Beyond that only a privileged process may go.
    socket.set_send_buffer_size(UDP_SOCKET_BYTES).ok();
    socket.set_recv_buffer_size(UDP_SOCKET_BYTES).ok();
    if granted(socket.send_buffer_size()) < UDP_SOCKET_BYTES {
        sockopt::set_socket_send_buffer_size_force(socket, UDP_SOCKET_BYTES).ok();
    }
    if granted(socket.recv_buffer_size()) < UDP_SOCKET_BYTES {
        sockopt::set_socket_recv_buffer_size_force(socket, UDP_SOCKET_BYTES).ok();
    }
    let granted = granted(socket.send_buffer_size()).min(granted(socket.recv_buffer_size()));
    if granted < UDP_SOCKET_BYTES {
        static WARNING: Once = Once::new();
        WARNING.call_once(|| {
            tracing::warn!(
                granted,
                wanted = UDP_SOCKET_BYTES,
                "small UDP buffers: bursts will be lost and sent again; \
                 raise net.core.rmem_max and net.core.wmem_max"
            );
        });
    }
}

/// Linux tells twice what may be used, to account for its own overhead.
fn granted(told: io::Result<usize>) -> usize {
    let told = told.unwrap_or(0);
    if cfg!(target_os = "linux") { told / 2 } else { told }
}
