//! Sockets that go on after their listener, because connections do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::timeout;

use crate::config::QUIC_IDLE_TIMEOUT;

/// Every socket that this process listens on, or did while its connections go on.
static SOCKETS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Entry {
    address: SocketAddr,
    is_listening: Arc<AtomicBool>,
    gone: watch::Receiver<()>,
}

/// The place of a socket among those of this process; dropped when the socket has gone.
#[derive(Debug)]
pub(super) struct Registered {
    _gone: watch::Sender<()>,
}

/// Notes a socket, which outlives its listener once `is_listening` is false.
pub(super) fn register(address: SocketAddr, is_listening: Arc<AtomicBool>) -> Registered {
    let (sender, gone) = watch::channel(());
    sockets().push(Entry { address, is_listening, gone });
    Registered { _gone: sender }
}

/// Waits until no socket at `address` is left over from a listener of this process that has been dropped, so that
/// a controller may be started again where it has just stopped. Whether there was one.
pub(super) async fn wait(address: SocketAddr) -> bool {
    let left: Vec<watch::Receiver<()>> = {
        let sockets = sockets();
        let in_the_way = sockets
            .iter()
            .filter(|entry| !entry.is_listening.load(Ordering::Acquire) && conflict(entry.address, address));
        in_the_way.map(|entry| entry.gone.clone()).collect()
    };
    for mut gone in left.clone() {
        // An error is the end of its sender, which is what is waited for.
        timeout(QUIC_IDLE_TIMEOUT, gone.changed()).await.ok();
    }
    !left.is_empty()
}

fn conflict(one: SocketAddr, other: SocketAddr) -> bool {
    let is_same_host = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.is_ipv4() == other.is_ipv4() && is_same_host
}

fn sockets() -> MutexGuard<'static, Vec<Entry>> {
    let mut sockets = SOCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    sockets.retain(|entry| entry.gone.has_changed().is_ok());
    sockets
}
