//! The `daffi` command: a controller, calls and broadcasts from the shell.

mod archive;
mod args;
mod command;
mod complete;
mod duration;
mod line;
mod log;
mod mesh;
mod render;
mod report;
mod values;

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

use args::Cli;
use line::CommandLine;
use mesh::App;
use render::Screen;
use report::{BUG, CLOSED_PIPE, End, INTERRUPTED, Outcome, Problem, TERMINATED};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    CompleteEnv::with_factory(Cli::command).complete();
    report_bugs();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(refuse(&error)),
    };
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let app = App {
        screen: Screen::new(&cli.global),
        line: CommandLine::new(words),
        global: cli.global,
        joined: OnceLock::new(),
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(&app, cli.command)));
    ExitCode::from(outcome.map_or(BUG, |outcome| finish(&app, outcome)))
}

fn run(app: &App, command: args::Command) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(command::run(app, command));
    // A read of stdin that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    io::stdout().flush()?;
    outcome
}

/// Says how it ended, and gives the exit code.
fn finish(app: &App, outcome: Outcome) -> u8 {
    match outcome {
        Ok(exit) => exit,
        Err(End::ClosedPipe) => CLOSED_PIPE,
        Err(End::Interrupted) => INTERRUPTED,
        Err(End::Terminated) => TERMINATED,
        Err(End::Problem(problem)) => {
            complain(app, &problem);
            problem.exit
        }
    }
}

/// For people on stderr, for programs on stdout. Where nobody reads, the exit code says it.
fn complain(app: &App, problem: &Problem) {
    if app.screen.is_json() {
        writeln!(io::stdout(), "{}", problem.json()).ok();
    }
    io::stderr().write_all(problem.text(&app.line, app.screen.color).as_bytes()).ok();
}

/// What clap says: help and versions are no errors.
fn refuse(error: &clap::Error) -> u8 {
    if let Err(error) = error.print()
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        return CLOSED_PIPE;
    }
    if error.use_stderr() && wants_json() {
        let text = error.to_string();
        // What is missing stands below.
        let message: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let message = message.join(" ").trim_start_matches("error: ").to_owned();
        writeln!(io::stdout(), "{}", Problem::usage(message).json()).ok();
    }
    u8::try_from(error.exit_code()).unwrap_or(report::USAGE)
}

/// Whether a command line that cannot be understood asks for JSON, as far as one can tell.
fn wants_json() -> bool {
    let is_json = |format: &str| matches!(format, "json" | "jsonl");
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let joined = |word: &String| {
        let format = word.strip_prefix("--output=").or_else(|| word.strip_prefix("-o"));
        word == "--json" || format.is_some_and(is_json)
    };
    let apart = |pair: &[String]| matches!(pair[0].as_str(), "-o" | "--output") && is_json(&pair[1]);
    let variable = || std::env::var("DAFFI_OUTPUT").is_ok_and(|format| is_json(&format));
    words.iter().any(joined) || words.windows(2).any(apart) || variable()
}

/// A panic is a bug of ours: it is said so, and is not taken for a failure of the callback.
fn report_bugs() {
    panic::set_hook(Box::new(|bug| {
        let text =
            format!("error: this is a bug in daffi: {bug}\nhelp: please report it, with what you typed\n");
        io::stderr().write_all(text.as_bytes()).ok();
    }));
}
