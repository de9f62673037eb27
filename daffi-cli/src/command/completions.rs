//! `daffi completions`: the static script, for packagers.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::report::Outcome;

/// Prints the script.
///
/// # Errors
/// If nobody reads.
pub(crate) fn run(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "daffi", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(0)
}
