//! `daffi lock`, `daffi quota`, `daffi semaphore`, `daffi rate`.

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

pub(super) const SEMAPHORE_HELP: &str = "\
Runs the command while it holds one of the permits, of which there are PERMITS in
the mesh, and ends with the command's exit code; with 5 if no permit was had
within --wait. Whoever is the first to hold one says how many there are, as long
as any are held; `daffi semaphore resize` says it for good.

  daffi semaphore run builds 4 --wait 10m -- make
  daffi semaphore show builds

$DAFFI_SEMAPHORE_TOKEN is the number of the grant. A permit is lost, and the
command ended, as with `daffi lock`.
";

pub(super) const RATE_HELP: &str = "\
Each KEY may do something COUNT times in each TIME, over all nodes, and so many
at once after a time without any. It prints how many are left; what is refused
ends with exit code 1, and stderr says when it may be tried again.

  daffi rate check mails ann 10 1m && ./send.sh
  daffi rate check mails ann 10 1m --burst 3 --cost 2
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

/// A command that runs while it holds permits.
#[derive(Debug, Clone, Args)]
pub(crate) struct SemaphoreRun {
    /// The semaphore
    #[arg(add = names("semaphore"))]
    pub(crate) name: String,
    /// How many permits there are
    pub(crate) permits: u64,
    /// How many of them it takes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) take: u64,
    /// How long to wait for them, 0 to try once [default: --timeout, else for ever]
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) wait: Option<Duration>,
    /// Lose them if this process does not renew them for so long [default: as long as it is connected]
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive)]
    pub(crate) lease: Option<Duration>,
    /// The command, after `--`
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// `daffi semaphore`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Semaphore {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Who holds permits now, and how many wait
    #[command(visible_alias = "get")]
    Show {
        /// The semaphore
        #[arg(add = names("semaphore"))]
        name: String,
    },
    /// Run a command while it holds a permit
    Run(SemaphoreRun),
    /// Say how many permits there are, until the semaphore is removed
    Resize {
        /// The semaphore
        #[arg(add = names("semaphore"))]
        name: String,
        /// How many
        permits: u64,
    },
    /// Remove a semaphore; who holds permits loses them
    #[command(visible_alias = "del")]
    Rm {
        /// The semaphore
        #[arg(add = names("semaphore"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// What is asked of a rate limit.
#[derive(Debug, Clone, Args)]
pub(crate) struct RateLimit {
    /// The rate limit
    #[arg(add = names("rate"))]
    pub(crate) name: String,
    /// Who or what is limited
    pub(crate) key: String,
    /// So many …
    pub(crate) count: u64,
    /// … in each such time
    #[arg(value_name = "TIME", value_parser = duration::parse_positive)]
    pub(crate) per: Duration,
    /// So many at once [default: COUNT]
    #[arg(long, value_name = "N")]
    pub(crate) burst: Option<u64>,
}

/// `daffi rate`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Rate {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Do it once more if that is allowed, and print how many are left
    Check {
        #[command(flatten)]
        limit: RateLimit,
        /// It counts for so many
        #[arg(long, value_name = "N", default_value_t = 1)]
        cost: u64,
    },
    /// How many could be done now
    #[command(visible_alias = "get")]
    Show {
        #[command(flatten)]
        limit: RateLimit,
    },
    /// Forget what a key has done
    Reset {
        /// The rate limit
        #[arg(add = names("rate"))]
        name: String,
        /// The key
        key: String,
    },
    /// Remove a rate limit, with what all keys have done
    #[command(visible_alias = "del")]
    Rm {
        /// The rate limit
        #[arg(add = names("rate"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}
