//! `daffi lock`, `daffi quota`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::data::names;
use crate::duration;

pub(super) const LOCK_HELP: &str = "\
Runs the command while it holds the lock, of which at most one in the mesh has
it, and ends with the command's exit code; with 5 if the lock was not had within
--wait. Without a command it says who holds the lock: 0 somebody, 1 nobody.

  daffi lock deploy --wait 30s -- ./deploy.sh
  daffi lock deploy

$DAFFI_LOCK_TOKEN is the fence: each holder's is greater than those of all before
it. A lock is lost when the way to the controller is, or its lease ends; then the
command is told to end, and killed if it does not, with all that it has started.
If `daffi lock` is itself killed with SIGKILL, the lock is free at once and the
command goes on: where that matters, let whatever is protected refuse an older
fence than the youngest it has seen.
";

pub(super) const QUOTA_HELP: &str = "\
Each user, UID, does MAX things at a time, over all nodes. What is refused ends
with exit code 1.

  daffi quota run uploads ann 3 -- ./upload.sh
  daffi quota begin uploads ann 3 &     # holds until it is ended, as by
  daffi quota end uploads ann
";

/// `daffi lock`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Lock {
    /// The lock
    #[arg(add = names("lock"))]
    pub(crate) name: String,
    /// How long to wait for it, 0 to try once [default: --timeout, else for ever]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse, requires = "command")]
    pub(crate) wait: Option<Duration>,
    /// Lose it if this process does not renew it for so long [default: as long as it is connected]
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive, requires = "command")]
    pub(crate) lease: Option<Duration>,
    /// The command, after `--`
    #[arg(last = true)]
    pub(crate) command: Vec<String>,
}

/// `daffi quota`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Quota {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Who does how much now
    #[command(visible_alias = "get")]
    Show {
        /// The quota
        #[arg(add = names("quota"))]
        name: String,
    },
    /// Begin something, print its token, and hold it until this process or `quota end` ends it
    Begin {
        /// The quota
        #[arg(add = names("quota"))]
        name: String,
        /// Whose it is
        uid: String,
        /// How many they do at a time
        max: u64,
        /// Do not hold it: it ends after this time, or with `quota end`
        #[arg(long, value_name = "TIME", value_parser = duration::parse_positive)]
        lease: Option<Duration>,
    },
    /// End all that a user does, or one thing, and print how much that was
    End {
        /// The quota
        #[arg(add = names("quota"))]
        name: String,
        /// Whose it is
        uid: String,
        /// Only what has this token, which `quota begin` printed
        token: Option<u64>,
    },
    /// Run a command as one of the things that a user does
    Run {
        /// The quota
        #[arg(add = names("quota"))]
        name: String,
        /// Whose it is
        uid: String,
        /// How many they do at a time
        max: u64,
        /// The command, after `--`
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}
