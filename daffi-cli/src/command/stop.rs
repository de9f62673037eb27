//! Being told to stop: SIGTERM, or ctrl-c.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the signals that mean: stop.
#[derive(Debug)]
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Takes the signals over; from here on they do not kill.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one. Cancel safe.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
