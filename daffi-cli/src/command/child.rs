//! A command of the user's that is run here, for as long as something is held.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::group::Group;
use super::stop::{Stop, Told};
use crate::line::quoted;
use crate::report::{End, Problem};

/// A command, and what it is given. Its output is ours.
#[derive(Debug)]
pub(crate) struct Errand<'a> {
    /// The command and its arguments.
    pub(crate) words: &'a [String],
    /// What it finds in its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// What it reads; our own stdin if there is nothing for it.
    pub(crate) input: Option<Vec<u8>>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended<E> {
    /// By itself, with this exit code.
    Itself(u8),
    /// With this exit code, after both of us were told to stop.
    Told(Told, u8),
    /// Since it was not to go on.
    Revoked(E),
}

/// Runs a command to its end, or until `revoked`: then it is told to end, and killed if it does not, with all that it has
/// started. Signals are passed on; at the second it is killed.
///
/// # Errors
/// If it cannot be started.
///
/// # Cancel safety
/// Dropping the future kills the command and what it started.
pub(crate) async fn run<E>(
    errand: Errand<'_>,
    stop: &mut Stop,
    revoked: impl Future<Output = E>,
) -> Result<Ended<E>, End> {
    let mut running = Running::start(&errand)?;
    let mut feeding = std::pin::pin!(feed(running.child.stdin.take(), errand.input));
    let mut revoked = std::pin::pin!(revoked);
    let (mut is_fed, mut told) = (false, None);
    loop {
        tokio::select! {
            status = running.child.wait() => {
                let code = code_of(status?);
                running.leave();
                return Ok(told.map_or(Ended::Itself(code), |told| Ended::Told(told, code)));
            }
            () = &mut feeding, if !is_fed => is_fed = true,
            why = &mut revoked => {
                running.signal(Signal::TERM);
                // Whether it ended by itself or is killed below: it has had its time.
                timeout(TERMINATE_TIME, running.child.wait()).await.ok();
                return Ok(Ended::Revoked(why));
            }
            now = stop.told() => {
                running.pass_on(now, told.is_some());
                told = told.or(Some(now));
            }
        }
    }
}

/// How long a command that must not go on may take to tidy up.
const TERMINATE_TIME: Duration = Duration::from_secs(2);

/// The exit code as a shell shows it.
fn code_of(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// That a command does not read what it is given is no error.
async fn feed(stdin: Option<tokio::process::ChildStdin>, input: Option<Vec<u8>>) {
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        stdin.write_all(&input).await.ok();
    }
}

/// A command that runs.
struct Running {
    child: Child,
    /// With all that it starts; `None` if it shares our group, and so gets what the terminal sends.
    group: Option<Group>,
}

impl Running {
    fn start(errand: &Errand<'_>) -> Result<Self, End> {
        let (program, rest) = errand.words.split_first().expect("the command line has at least one word");
        let mut command = Command::new(program);
        // Names that others give may have a NUL, which no environment takes: that must not keep the command from running.
        let environment =
            errand.environment.iter().map(|(name, value)| (name, value.replace('\0', "\u{fffd}")));
        command.args(rest).envs(environment).kill_on_drop(true);
        if errand.input.is_some() {
            command.stdin(Stdio::piped());
        }
        // In a group of its own it could not read from the terminal.
        let is_apart = errand.input.is_some() || !io::stdin().is_terminal();
        if is_apart {
            command.process_group(0);
        }
        let child = command.spawn().map_err(|error| not_started(program, &error))?;
        let group = is_apart.then(|| Group::of(&child));
        Ok(Self { child, group })
    }

    /// It has ended; what it left running on purpose goes on.
    fn leave(self) {
        if let Some(group) = self.group {
            group.leave();
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = &self.group {
            return group.signal(signal);
        }
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // An error means that it has ended.
            kill_process(id, signal).ok();
        }
    }

    fn pass_on(&self, told: Told, again: bool) {
        match told {
            _ if again => self.signal(Signal::KILL),
            Told::Terminate => self.signal(Signal::TERM),
            // The terminal has told it, too.
            Told::Interrupt if self.group.is_none() => {}
            Told::Interrupt => self.signal(Signal::INT),
        }
    }
}

/// With the exit codes of shells.
fn not_started(program: &str, error: &io::Error) -> End {
    let exit = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
    Problem::plain(exit, format!("cannot start {}: {error}", quoted(program))).into()
}
