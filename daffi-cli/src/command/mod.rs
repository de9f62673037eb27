//! The commands, one file each.

mod about;
mod blame;
mod broadcast;
mod call;
mod callbacks;
mod completions;
mod controller;
mod counter;
mod data;
mod explain;
mod hash;
mod jobs;
mod nodes;
mod objects;
mod period;
mod ping;
mod prepare;
mod schedules;
mod serve;
mod set;
mod shell;
mod stdin;
mod stop;
mod stream;
mod sure;
mod token;
mod words;

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
        Command::Counter { action } => counter::run(app, action).await,
        Command::Hash { action } => hash::run(app, action).await,
        Command::Set { action } => set::run(app, action).await,
        Command::Data { action } => data::run(app, action).await,
        Command::Token { action } => token::run(app, action).await,
        Command::Explain { code } => explain::run(app, code.as_deref()),
        Command::Completions { shell } => completions::run(shell),
        Command::Controller(_) | Command::Serve(_) => unreachable!("they were run already"),
    }
}
