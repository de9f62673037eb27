//! Requests as datagrams: each is answered with one, from the port that it was sent to.

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};

use super::repeats::Repeats;
use super::{Foreign, PAUSE_AFTER_ERROR, answer};
use crate::controller::driver::Shared;

/// Answers datagrams; those that come again as before, if there is something to know them by.
pub(super) async fn serve(shared: &Shared, socket: &UdpSocket, mut repeats: Option<Repeats>) {
    let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let (bytes, source) = match socket.recv_from(&mut datagram).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "a datagram was not received");
                sleep(PAUSE_AFTER_ERROR).await;
                continue;
            }
        };
        let (message, now) = (&datagram[..bytes], Instant::now());
        let before = repeats.as_mut().and_then(|repeats| repeats.find(now, source, message));
        let reply = match before {
            Some(reply) => {
                shared.input(|core, _| core.note_globalcounter(Foreign::Repeated));
                reply
            }
            None => {
                let Some(reply) = answer(shared, message) else { continue };
                if let Some(repeats) = &mut repeats {
                    repeats.remember(now, source, message, reply);
                }
                reply
            }
        };
        if let Err(error) = socket.send_to(reply.bytes(), source).await {
            tracing::debug!(%error, %source, "a datagram was not sent");
        }
    }
}

/// No datagram is longer, so none is cut off and taken for another.
const DATAGRAM_BYTES_MAX: usize = 65_536;
