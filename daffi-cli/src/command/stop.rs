//! Being told to stop: SIGTERM, or ctrl-c.

use std::time::Duration;
use std::{io, process, thread};

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::{End, INTERRUPTED, TERMINATED};

/// Sees to it that the process ends when it is told to, even if its own thread cannot attend to that: whoever reads our
/// output may have stopped reading, and a write that waits cannot be given up.
///
/// # Errors
/// If the operating system refuses a thread or a signal.
pub(crate) fn end_even_if_blocked() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut stop = {
        let _inside = runtime.enter();
        Stop::new()?
    };
    let watch = async move {
        let exit = tokio::select! {
            _ = stop.interrupt.recv() => INTERRUPTED,
            _ = stop.terminate.recv() => TERMINATED,
        };
        tokio::time::sleep(ORDERLY_END).await;
        process::exit(exit.into())
    };
    thread::Builder::new().name("daffi-stop".into()).spawn(move || runtime.block_on(watch))?;
    Ok(())
}

/// As long as a goodbye may take, and a little more.
const ORDERLY_END: Duration = Duration::from_millis(1_500);

/// What one was told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// SIGTERM.
    Terminate,
    /// SIGINT, as by ctrl-c.
    Interrupt,
}

impl From<Told> for End {
    fn from(told: Told) -> Self {
        match told {
            Told::Terminate => Self::Terminated,
            Told::Interrupt => Self::Interrupted,
        }
    }
}

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
        self.told().await;
    }

    /// The next one, and which it is. Cancel safe.
    pub(crate) async fn told(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Terminate,
            _ = self.interrupt.recv() => Told::Interrupt,
        }
    }
}
