//! The commands, one file each.

mod about;
mod bench;
mod blame;
mod bloom;
mod broadcast;
mod cache;
mod call;
mod callbacks;
mod child;
mod comms;
mod completions;
mod controller;
mod counter;
mod data;
mod deque;
mod event;
mod explain;
mod follow;
mod group;
mod hash;
mod held;
mod hll;
mod id;
mod jobs;
mod list;
mod lock;
mod multiset;
mod nodes;
mod objects;
mod period;
mod ping;
mod pq;
mod prepare;
mod queue;
mod quota;
mod rate;
mod schedules;
mod semaphore;
mod serve;
mod set;
mod shell;
mod space;
mod stdin;
mod stop;
mod stream;
mod sure;
mod token;
mod words;

use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Command, Comms, Event, Lock, LogFormat, Queue, Quota, Semaphore};
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
        // What they have begun comes to an end first.
        other if attends_to_signals(&other) => {
            start_log(app, &other);
            let outcome = run_once(app, other).await;
            app.leave().await;
            outcome
        }
        other => {
            start_log(app, &other);
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

/// Whoever waits for what may never come must hear it if the way to the controller is broken.
fn start_log(app: &App, command: &Command) {
    match command {
        Command::Queue { action: Some(Queue::Follow { .. }) }
        | Command::Event { action: Event::Watch { .. } }
        | Command::Comms { action: Comms::Listen { .. } } => log::start(app, LogFormat::Text),
        _ => log::start_if_wanted(app),
    }
}

/// Whether it runs commands of the user's, holds something for somebody else, or says what it has done when it is
/// interrupted: such a one attends to signals itself.
fn attends_to_signals(command: &Command) -> bool {
    match command {
        Command::Lock(Lock { command, .. })
        | Command::Queue { action: Some(Queue::Follow { command, .. }) }
        | Command::Event { action: Event::Watch { command, .. } } => !command.is_empty(),
        Command::Quota { action: Some(Quota::Run { .. } | Quota::Begin { lease: None, .. }) }
        | Command::Semaphore { action: Some(Semaphore::Run(_)) }
        | Command::Bench(_) => true,
        _ => false,
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
        Command::Bench(bench) => Box::pin(bench::run(app, &bench)).await,
        Command::Counter { action } => counter::run(app, action).await,
        Command::Id { action } => id::run(app, action).await,
        Command::Hash { action } => hash::run(app, action).await,
        Command::Set { action } => set::run(app, action).await,
        Command::List { action } => list::run(app, action).await,
        Command::Deque { action } => deque::run(app, action).await,
        Command::Multiset { action } => multiset::run(app, action).await,
        Command::Queue { action } => queue::run(app, action).await,
        Command::Pq { action } => pq::run(app, action).await,
        Command::Space { action } => Box::pin(space::run(app, action)).await,
        Command::Comms { action } => comms::run(app, action).await,
        Command::Event { action } => event::run(app, action).await,
        Command::Lock(options) => lock::run(app, &options).await,
        Command::Quota { action } => quota::run(app, action).await,
        Command::Semaphore { action } => semaphore::run(app, action).await,
        Command::Rate { action } => rate::run(app, action).await,
        Command::Hll { action } => hll::run(app, action).await,
        Command::Bloom { action } => bloom::run(app, action).await,
        Command::Cache { action } => cache::run(app, action).await,
        Command::Data { action } => data::run(app, action).await,
        Command::Token { action } => token::run(app, action).await,
        Command::Explain { code } => explain::run(app, code.as_deref()),
        Command::Completions { shell } => completions::run(shell),
        Command::Controller(_) | Command::Serve(_) => unreachable!("they were run already"),
    }
}
