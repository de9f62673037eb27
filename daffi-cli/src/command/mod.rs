//! The commands, one file each.

mod blame;
mod broadcast;
mod call;
mod callbacks;
mod completions;
mod controller;
mod explain;
mod jobs;
mod nodes;
mod period;
mod ping;
mod prepare;
mod schedules;
mod serve;
mod shell;
mod stdin;
mod stop;
mod stream;
mod token;

use tokio::signal::unix::{SignalKind, signal};

use crate::args::Command;
use crate::log;
use crate::mesh::App;
use crate::report::{End, Outcome};

/// Runs a command to its end.
///
/// # Errors
/// How it ended otherwise.
pub(crate) async fn run(app: &App, command: Command) -> Outcome {
    match command {
        // These two stop in an orderly way when they are told to.
        Command::Controller(options) => controller::run(app, &options).await,
        Command::Serve(options) => serve::run(app, options).await,
        other => {
            log::start_if_wanted(app);
            let mut terminated = signal(SignalKind::terminate())?;
            let outcome = tokio::select! {
                outcome = run_once(app, other) => outcome,
                Ok(()) = tokio::signal::ctrl_c() => Err(End::Interrupted),
                _ = terminated.recv() => Err(End::Terminated),
            };
            app.leave().await;
            outcome
        }
    }
}

async fn run_once(app: &App, command: Command) -> Outcome {
    match command {
        Command::Call(options) => Box::pin(call::run(app, &options)).await,
        Command::Callbacks(options) => callbacks::run(app, &options).await,
        Command::Jobs { action } => jobs::run(app, action).await,
        Command::Schedules { action } => schedules::run(app, action).await,
        Command::Nodes { action } => nodes::run(app, action).await,
        Command::Ping(options) => ping::run(app, &options).await,
        Command::Token { action } => token::run(app, action).await,
        Command::Explain { code } => explain::run(app, code.as_deref()),
        Command::Completions { shell } => completions::run(shell),
        Command::Controller(_) | Command::Serve(_) => unreachable!("they were run already"),
    }
}
