//! The command line as clap reads it.

mod bench;
mod call;
mod data;
mod holds;
mod overview;
mod queues;
mod sequences;
mod sketches;
mod space;
mod token;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

pub(crate) use self::bench::{Bench, Load, Target};
pub(crate) use self::call::{Call, Mode};
pub(crate) use self::data::{Cache, Counter, Data, Hash, Id, Lifetime, Set, Several};
pub(crate) use self::holds::{Lock, Quota, Rate, RateLimit, Semaphore, SemaphoreRun};
pub(crate) use self::queues::{Comms, Event, Pq, PqName, Queue, Taking};
pub(crate) use self::sequences::{Deque, List, Multiset};
pub(crate) use self::sketches::{Bloom, Hll};
pub(crate) use self::space::{Space, SpaceAlteration, SpaceWanted};
pub(crate) use self::token::{NewToken, Token};
use crate::{complete, duration};

/// Call functions of other processes by name; see who is there.
#[derive(Debug, Parser)]
#[command(name = "daffi", version, help_template = overview::HELP, max_term_width = 110, propagate_version = true)]
pub(crate) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
// A command's help has its own options first.
#[command(next_display_order = 100)]
pub(crate) struct Global {
    /// The controller's address [default: a socket of your own]
    #[arg(short, long, global = true, env = "DAFFI_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How long to wait: 5, 1.5, 250ms, 2m, 1h30m [default: 30 s; jobs: 24 h; connecting: 10 s]
    #[arg(short, long, global = true, env = "DAFFI_TIMEOUT", value_name = "TIME",
          value_parser = duration::parse_positive)]
    pub(crate) timeout: Option<Duration>,
    /// What the output looks like [default: a table on a terminal, JSON lines in a pipe]
    #[arg(
        short,
        long,
        global = true,
        env = "DAFFI_OUTPUT",
        value_name = "FORMAT",
        hide_default_value = true,
        default_value = "auto"
    )]
    pub(crate) output: Format,
    /// JSON lines, the same as `--output jsonl`; errors as objects too
    #[arg(long, global = true, conflicts_with = "output")]
    pub(crate) json: bool,
    /// Colours in messages
    #[arg(
        long,
        global = true,
        env = "DAFFI_COLOR",
        value_name = "WHEN",
        hide_default_value = true,
        default_value = "auto"
    )]
    pub(crate) color: Color,
    /// A file with the token to join with, from `daffi token new`
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) join_file: Option<PathBuf>,
    /// Where keys and tokens are [default: $XDG_STATE_HOME/daffi or ~/.local/state/daffi]
    #[arg(long, global = true, env = "DAFFI_DATA_DIR", value_name = "DIR", hide_short_help = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// A certificate of your own authority instead of a token
    #[arg(long, global = true, env = "DAFFI_TLS_CERT", value_name = "FILE", hide_short_help = true)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, global = true, env = "DAFFI_TLS_KEY", value_name = "FILE", hide_short_help = true)]
    pub(crate) tls_key: Option<PathBuf>,
    /// The authority that the other side's certificate is from
    #[arg(long, global = true, env = "DAFFI_TLS_CA", value_name = "FILE", hide_short_help = true)]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Say more on stderr; twice for still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// What the output looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table on a terminal, JSON lines in a pipe; results of calls as they are
    Auto,
    /// A table
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// The bare value, without a newline if it is a text or bytes
    Raw,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Call a callback: wait for it, leave it running, repeat it, or ask every node
    #[command(after_long_help = call::HELP)]
    Call(Box<Call>),
    /// What the mesh offers, and declarations of it for your code
    Callbacks(Callbacks),
    /// Calls that run in the background, and their results
    Jobs {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Jobs>,
    },
    /// Calls that are repeated
    Schedules {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Schedules>,
    },
    /// Offer a shell command as a callback
    #[command(after_long_help = SERVE_HELP)]
    Serve(Serve),
    /// Run a controller
    Controller(Controller),
    /// Who is connected
    Nodes {
        /// What to do [default: ls]
        #[command(subcommand)]
        action: Option<Nodes>,
    },
    /// Measure the way to a node and back
    Ping(Ping),
    /// Measure what the mesh does in a second, and how long it takes
    #[command(subcommand, after_long_help = bench::HELP)]
    Bench(Bench),
    /// Named integers in groups, and the global counter
    #[command(after_long_help = data::COUNTER_HELP)]
    Counter {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Counter>,
    },
    /// Numbers that are given once and grow
    #[command(after_long_help = data::ID_HELP)]
    Id {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Id>,
    },
    /// Maps that all nodes share
    #[command(visible_alias = "dict", after_long_help = data::HASH_HELP)]
    Hash {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Hash>,
    },
    /// Sets that all nodes share
    #[command(after_long_help = data::VALUES_HELP)]
    Set {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Set>,
    },
    /// Lists that all nodes share: values at their places
    #[command(after_long_help = sequences::LIST_HELP)]
    List {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<List>,
    },
    /// Lists with two ends, and with a bound if wanted
    #[command(after_long_help = sequences::DEQUE_HELP)]
    Deque {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Deque>,
    },
    /// How often values count
    #[command(after_long_help = sequences::MULTISET_HELP)]
    Multiset {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Multiset>,
    },
    /// Queues: first in, first out; a command for each message
    #[command(after_long_help = queues::QUEUE_HELP)]
    Queue {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Queue>,
    },
    /// Queues that go by priority
    #[command(after_long_help = queues::PQ_HELP)]
    Pq {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Pq>,
    },
    /// Objects with a schema: found by what is in them, changed in one step
    #[command(after_long_help = space::SPACE_HELP)]
    Space {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Space>,
    },
    /// Messages to whoever listens
    Comms {
        /// What to do
        #[command(subcommand)]
        action: Comms,
    },
    /// Events: send them, run a command for each
    #[command(after_long_help = queues::EVENT_HELP)]
    Event {
        /// What to do
        #[command(subcommand)]
        action: Event,
    },
    /// Run a command while no other holds the lock
    #[command(after_long_help = holds::LOCK_HELP)]
    Lock(Lock),
    /// How many things each user does at a time
    #[command(after_long_help = holds::QUOTA_HELP)]
    Quota {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Quota>,
    },
    /// Run no more than so many commands at a time
    #[command(after_long_help = holds::SEMAPHORE_HELP)]
    Semaphore {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Semaphore>,
    },
    /// How often each key may do something
    #[command(after_long_help = holds::RATE_HELP)]
    Rate {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Rate>,
    },
    /// How many different values there were, without keeping them
    #[command(after_long_help = sketches::HLL_HELP)]
    Hll {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Hll>,
    },
    /// Which values there were, without keeping them, and some more
    #[command(after_long_help = sketches::BLOOM_HELP)]
    Bloom {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Bloom>,
    },
    /// Values that are computed once for all nodes
    #[command(after_long_help = data::CACHE_HELP)]
    Cache {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Cache>,
    },
    /// All that the controller keeps: list, export, import, expire
    #[command(after_long_help = data::DATA_HELP)]
    Data {
        /// What to do with it [default: ls]
        #[command(subcommand)]
        action: Option<Data>,
    },
    /// Who may join, and to do what
    #[command(after_long_help = token::HELP)]
    Token {
        /// What to do with them [default: ls]
        #[command(subcommand)]
        action: Option<Token>,
    },
    /// What an error code means and what to do
    Explain {
        /// The code, as in D0404 or 404; all of them if left out
        code: Option<String>,
    },
    /// Print a completion script for your shell
    #[command(after_long_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const SERVE_HELP: &str = "\
`{name}` in the command becomes a parameter of the callback, a text; `{{` and
`}}` are plain braces. Without any, the arguments of a caller are appended to
the command. Arguments are passed as they are, never through a shell; they are
also in the environment as DAFFI_ARG_<name>, and the caller as DAFFI_CALLER.

  daffi serve disk_free --doc 'Free space' -- df -h '{path}'
  daffi serve greet -- sh -c 'echo \"hello $1\"' sh '{whom}'

What the command prints is the result, without its last newline. If it fails,
the caller gets its exit code and the last lines of its stderr. It is ended
when the caller cancels or its time is up.
";

const COMPLETIONS_HELP: &str = "\
The printed script knows commands and options. This one also asks the mesh for
callbacks and nodes:

  bash:  source <(COMPLETE=bash daffi)
  zsh:   source <(COMPLETE=zsh daffi)
  fish:  COMPLETE=fish daffi | source
";

/// `daffi callbacks`.
#[derive(Debug, Args)]
pub(crate) struct Callbacks {
    /// Only names like this; `*` stands for anything
    #[arg(add = ArgValueCompleter::new(complete::callbacks))]
    pub(crate) pattern: Option<String>,
    /// Print declarations for your code
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) stubs: Option<Language>,
}

/// A language that declarations can be printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// `#[remote]` functions
    Rust,
}

/// `daffi jobs`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Jobs {
    /// List them
    Ls,
    /// Wait for a job's result and print it; it can be read again for an hour
    #[command(visible_alias = "get")]
    Result {
        /// The job's number, as `daffi call --mode bg` printed it
        id: String,
    },
    /// Cancel a job
    Cancel {
        /// The job's number
        id: String,
    },
}

/// `daffi schedules`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Schedules {
    /// List them
    Ls,
    /// Everything about one
    #[command(visible_alias = "get")]
    Show {
        /// Its number or name
        id: String,
    },
    /// End it
    #[command(visible_alias = "rm")]
    Cancel {
        /// Its number or name
        id: String,
    },
    /// Skip its runs until it is resumed
    Pause {
        /// Its number or name
        id: String,
    },
    /// Go on with a paused one
    Resume {
        /// Its number or name
        id: String,
    },
}

/// `daffi nodes`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Nodes {
    /// List them
    Ls,
    /// Everything about one
    #[command(visible_alias = "get")]
    Show {
        /// Its name
        #[arg(add = ArgValueCompleter::new(complete::nodes))]
        name: String,
    },
    /// Disconnect one for good
    Kick {
        /// Its name
        #[arg(add = ArgValueCompleter::new(complete::nodes))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi ping`.
#[derive(Debug, Args)]
pub(crate) struct Ping {
    /// The node; the controller if left out
    #[arg(add = ArgValueCompleter::new(complete::nodes))]
    pub(crate) node: Option<String>,
    /// How often
    #[arg(short, long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// The time between two
    #[arg(short, long, default_value = "1s", value_name = "TIME", value_parser = duration::parse)]
    pub(crate) interval: Duration,
}

/// `daffi serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The callback
    pub(crate) name: String,
    /// The command, after `--`
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
    /// What others read about it
    #[arg(long, default_value = "")]
    pub(crate) doc: String,
    /// The name of the node that offers it [default: a random one]
    #[arg(long, env = "DAFFI_NODE", value_name = "NAME")]
    pub(crate) node: Option<String>,
}

/// `daffi controller`.
#[derive(Debug, Args)]
pub(crate) struct Controller {
    /// Where to listen; may be repeated [default: --url]
    #[arg(short, long, env = "DAFFI_LISTEN", value_name = "URL")]
    pub(crate) listen: Vec<String>,
    /// Where globalCounter's own clients may count: udp://host:port, tcp://host:port; may be repeated
    #[arg(long, env = "DAFFI_GLOBALCOUNTER", value_name = "URL")]
    pub(crate) globalcounter: Vec<String>,
    /// Let anybody who can reach it do anything
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Let all users of this machine in over loopback
    #[arg(long)]
    pub(crate) open_local: bool,
    /// How long running calls may take to finish when it is stopped
    #[arg(long, env = "DAFFI_DRAIN", value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    pub(crate) drain: Duration,
    /// What its log on stderr looks like
    #[arg(long, env = "DAFFI_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// What a log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

#[cfg(test)]
mod tests;
