//! Whole programs: what `#[daffi::main]` makes of a function.

use std::future::Future;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{CallError, Error, Ran};
use crate::node::{Node, connect};

/// What `#[daffi::main]` was given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Main {
    /// The node's name.
    pub name: Option<&'static str>,
    /// Where to start a controller, and to connect to it.
    pub listen: Option<&'static str>,
    /// Where the controller is.
    pub connect: Option<&'static str>,
}

/// What a program's `main` may return.
#[diagnostic::on_unimplemented(
    message = "`#[daffi::main]` cannot return `{Self}`",
    label = "neither `()` nor a `Result`",
    note = "the error of a `Result` must be one that `daffi::Error` converts into: `daffi::Result<()>` is"
)]
pub trait Ended {
    /// The end of a program that got no node.
    fn failed(error: Error) -> Self;
}

impl<T, E: From<Error>> Ended for Result<T, E> {
    fn failed(error: Error) -> Self {
        Err(error.into())
    }
}

impl Ended for () {
    fn failed(error: Error) {
        eprintln!("error[{}]: {error}", error.code());
        std::process::exit(i32::from(error.code().exit()))
    }
}

/// Starts a runtime, connects a node, runs `program` with it, and ends in order: on ctrl-c or SIGTERM too, running
/// callbacks finish first.
pub fn run<F, Fut, T>(main: Main, program: F) -> T
where
    F: FnOnce(Node) -> Fut,
    Fut: Future<Output = T>,
    T: Ended,
{
    log_to_stderr();
    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            return T::failed(CallError::Disconnected { ran: Ran::No }.into());
        }
    };
    runtime.block_on(async {
        match join(main).await {
            Ok(node) => attend(node, program).await,
            Err(error) => T::failed(error),
        }
    })
}

async fn join(main: Main) -> Result<Node, Error> {
    let mut connect = connect(main.listen.or(main.connect).unwrap_or_default());
    if let Some(name) = main.name {
        connect = connect.name(name);
    }
    if main.listen.is_some() { connect.with_controller().await } else { connect.await }
}

async fn attend<F, Fut, T>(node: Node, program: F) -> T
where
    F: FnOnce(Node) -> Fut,
    Fut: Future<Output = T>,
    T: Ended,
{
    node.make_default();
    let mut program = std::pin::pin!(program(node.clone()));
    let exit = tokio::select! {
        result = &mut program => {
            stop(&node).await;
            return result;
        }
        exit = asked_to_end() => exit,
    };
    stop(&node).await;
    // The node has ended, so a program that joined it returns now; one that goes on all the same is ended.
    tokio::select! {
        biased;
        result = &mut program => result,
        () = tokio::time::sleep(crate::config::CANCEL_GRACE) => std::process::exit(exit),
    }
}

async fn stop(node: &Node) {
    if let Err(error) = node.stop().await {
        tracing::warn!(%error, "the node did not stop in order");
    }
}

/// Waits for ctrl-c or SIGTERM; gives the exit code that says which.
async fn asked_to_end() -> i32 {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        tracing::warn!("signals cannot be waited for: ctrl-c ends this program at once");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 0,
    }
}

#[cfg(feature = "log")]
fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("DAFFI_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if subscriber.try_init().is_err() {
        tracing::debug!("the program has its own log");
    }
}

#[cfg(not(feature = "log"))]
fn log_to_stderr() {}
