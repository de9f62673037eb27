//! Requests over TCP: a connection is for one, which does not say how long it is.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{PAUSE_AFTER_ERROR, answer};
use crate::config;
use crate::controller::driver::Shared;

/// Where a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Where its sender shuts its side, or pauses.
    UntilGap,
    /// With the first read, as at the original: one that comes in two parts is cut off.
    Once,
}

/// Takes connections, and owns their tasks.
pub(super) async fn serve(shared: &Arc<Shared>, listener: &TcpListener, reads: Reads) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = listener.accept(), if connections.len() < config::GLOBALCOUNTER_CONNECTIONS_MAX => accepted,
        };
        match accepted {
            Ok((stream, _)) => drop(connections.spawn(serve_one(Arc::clone(shared), stream, reads))),
            Err(error) => {
                tracing::debug!(%error, "a connection was not taken");
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

async fn serve_one(shared: Arc<Shared>, mut stream: TcpStream, reads: Reads) {
    let served = async {
        let message = gather(&mut stream, reads).await?;
        match answer(&shared, &message) {
            Some(reply) => send(&stream, reply.bytes()).await,
            None => Ok(()),
        }
    };
    match timeout(config::GLOBALCOUNTER_TIME_MAX, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
        Err(_) => tracing::debug!("a connection took too long"),
    }
}

/// Where bytes come from; none of them is the end.
trait Receive {
    /// Waits for some. Cancel safe.
    async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Receive for TcpStream {
    async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.readable().await?;
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

/// One request. Of one that is too long there is more than a request may have.
async fn gather(source: &mut impl Receive, reads: Reads) -> io::Result<Vec<u8>> {
    let (mut message, mut buffer) = (Vec::new(), [0; config::GLOBALCOUNTER_MESSAGE_BYTES_MAX + 1]);
    loop {
        let receiving = source.receive(&mut buffer);
        let bytes = if message.is_empty() {
            receiving.await?
        } else {
            match timeout(config::GLOBALCOUNTER_GAP, receiving).await {
                Ok(received) => received?,
                Err(_) => return Ok(message),
            }
        };
        message.extend_from_slice(&buffer[..bytes]);
        let is_whole = bytes == 0 || reads == Reads::Once;
        if is_whole || message.len() > config::GLOBALCOUNTER_MESSAGE_BYTES_MAX {
            return Ok(message);
        }
    }
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use super::*;

    /// Parts, each so long after the one before.
    struct Parts(VecDeque<(Duration, &'static [u8])>);

    impl Receive for Parts {
        async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((pause, _)) = self.0.front() else { return std::future::pending().await };
            sleep(*pause).await;
            let (_, part) = self.0.pop_front().unwrap_or_default();
            buffer[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    async fn gathered(reads: Reads, parts: &[(u64, &'static [u8])]) -> Vec<u8> {
        let parts = parts.iter().map(|(pause_ms, part)| (Duration::from_millis(*pause_ms), *part));
        gather(&mut Parts(parts.collect()), reads).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_parts_is_one_request() {
        let parts: [(u64, &[u8]); 3] = [(900, b"\x00to"), (19, b"p"), (19, b"ic")];

        assert_eq!(gathered(Reads::UntilGap, &parts).await, b"\x00topic");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_or_the_end_of_the_stream_ends_a_request() {
        assert_eq!(gathered(Reads::UntilGap, &[(0, b"\x00to"), (21, b"pic")]).await, b"\x00to");
        assert_eq!(gathered(Reads::UntilGap, &[(0, b"\x00to"), (0, b""), (0, b"pic")]).await, b"\x00to");
        assert_eq!(gathered(Reads::UntilGap, &[(0, b"")]).await, b"");
    }

    #[tokio::test(start_paused = true)]
    async fn the_strict_mode_takes_the_first_read_for_all() {
        assert_eq!(gathered(Reads::Once, &[(0, b"\x00to"), (0, b"pic")]).await, b"\x00to");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_read_than_a_request_may_have() {
        let message = gathered(Reads::UntilGap, &[(1, &[0; 200]), (1, &[0; 200]), (1, &[0; 200])]).await;

        assert_eq!(message.len(), 400);
    }
}
