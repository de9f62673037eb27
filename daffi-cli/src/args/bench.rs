//! `daffi bench`.

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use daffi_core::config;

use super::{Call, Mode};
use crate::{complete, duration};

pub(super) const HELP: &str = "\
Does one thing over and over and says how often a second, and how long it takes.

  daffi bench call --count 100000 --clients 8
  daffi bench call func3 4 6 --rate 100 --seconds 60 --histogram
  daffi bench queue --outstanding 64 --embedded

call and broadcast without a NAME call an echo that this process itself offers,
from nodes of its own. queue, lock and counter use an object of their own, which
is removed at the end. With a NAME it is your callback that runs so often.

The controller is that of every other command; --embedded starts one for it in
this process, for a first look: it then shares the machine's cores with the rest,
as nodes on one machine do, but also one process.

Each of --clients is a connection, and keeps --outstanding operations under way:
as soon as one ends the next begins, so that the load is what the mesh can bear.
With --rate they begin so many a second in all, and each one's time is counted
from when it should have begun: what waits because all clients are busy waits on
the clock. The first operation goes alone, and is counted; if it is refused, so is
the command. Times are of those that went well.

Interrupted, it says what it has measured, and ends with 130. It ends with 0 if
nothing failed, with 6 if some failed, else as the one command would that failed.

--json: {\"v\":1,\"bench\":\"call\",\"callback\":…,\"clients\":8,\"outstanding\":1,
\"size_bytes\":16,\"nodes\":1,\"rate_wanted_per_s\":null,\"operations\":…,
\"seconds\":…,\"rate_per_s\":…,\"p50_us\":…,\"p90_us\":…,\"p99_us\":…,\"p99_9_us\":…,
\"max_us\":…,\"errors\":0,\"errors_by_code\":{},\"not_begun\":0,\"interrupted\":false,
\"histogram\":[{\"to_us\":50,\"count\":…},…]}, the last with --histogram
";

/// `daffi bench`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Bench {
    /// Calls and their replies
    Call {
        /// What is called.
        #[command(flatten)]
        target: Target,
        /// The node that shall run it
        #[arg(long, value_name = "NODE", requires = "name", add = ArgValueCompleter::new(complete::nodes))]
        on: Option<String>,
        /// Bytes that the echo is sent and sends back [default: 16]
        #[arg(short, long, value_name = "BYTES", conflicts_with = "name",
              value_parser = clap::value_parser!(u64).range(..=CALL_BYTES_MAX))]
        size: Option<u64>,
        /// How much of it.
        #[command(flatten)]
        load: Load,
    },
    /// Calls to all nodes that offer it; one is done when all have answered
    Broadcast {
        /// What is called.
        #[command(flatten)]
        target: Target,
        /// How many nodes of its own offer the echo [default: 16]
        #[arg(long, value_name = "N", conflicts_with = "name",
              value_parser = clap::value_parser!(u64).range(1..=NODES_MAX))]
        nodes: Option<u64>,
        /// Bytes that the echo is sent and sends back [default: 16]
        #[arg(short, long, value_name = "BYTES", conflicts_with = "name",
              value_parser = clap::value_parser!(u64).range(..=WHOLE_BYTES_MAX))]
        size: Option<u64>,
        /// How much of it.
        #[command(flatten)]
        load: Load,
    },
    /// Rounds of a push to a queue and a pop
    Queue {
        /// Bytes that are pushed [default: 16]
        #[arg(short, long, value_name = "BYTES",
              value_parser = clap::value_parser!(u64).range(..=WHOLE_BYTES_MAX))]
        size: Option<u64>,
        /// How much of it.
        #[command(flatten)]
        load: Load,
    },
    /// Rounds of taking one lock, for which all clients contend, and giving it back
    Lock {
        /// How much of it.
        #[command(flatten)]
        load: Load,
    },
    /// Increments of one counter
    Counter {
        /// How much of it.
        #[command(flatten)]
        load: Load,
    },
}

impl Bench {
    /// How much of it.
    pub(crate) fn load(&self) -> &Load {
        match self {
            Self::Call { load, .. }
            | Self::Broadcast { load, .. }
            | Self::Queue { load, .. }
            | Self::Lock { load }
            | Self::Counter { load } => load,
        }
    }
}

/// A callback of the user's, if it is not the echo.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// A callback of yours; an echo of its own if left out
    #[arg(add = ArgValueCompleter::new(complete::callbacks))]
    pub(crate) name: Option<String>,
    /// Its arguments, as of `daffi call`
    #[arg(allow_negative_numbers = true)]
    pub(crate) args: Vec<String>,
}

impl Target {
    /// The call that `daffi call` would make, if it is one of the user's callbacks.
    pub(crate) fn call(&self, mode: Mode, on: Option<&str>) -> Option<Call> {
        Some(Call {
            name: self.name.clone()?,
            args: self.args.clone(),
            mode,
            on: on.map(str::to_owned),
            key: None,
            eta: None,
            every: None,
            at: Vec::new(),
            times: None,
            schedule: None,
            at_least: None,
            first: None,
            retry: None,
            wait: false,
            no_timeout: false,
            dry_run: false,
        })
    }
}

/// How much is done at a time, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Load {
    /// How many operations, or fewer if --seconds are over before [default: as many as --seconds allow]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=COUNT_MAX))]
    pub(crate) count: Option<u64>,
    /// For how long, as of other times: 5, 1.5, 2m [default: 5 s, or until --count is reached]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) seconds: Option<Duration>,
    /// Connections
    #[arg(long, value_name = "C", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX))]
    pub(crate) clients: u64,
    /// Operations under way on each of them
    #[arg(long, value_name = "K", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=OUTSTANDING_MAX))]
    pub(crate) outstanding: u64,
    /// Operations a second that shall begin, in all [default: as many as it bears]
    #[arg(short, long, value_name = "R", value_parser = clap::value_parser!(u64).range(1..=RATE_MAX))]
    pub(crate) rate: Option<u64>,
    /// Say how many took how long, too
    #[arg(long)]
    pub(crate) histogram: bool,
    /// Start a controller for it in this process, whatever --url says
    #[arg(long)]
    pub(crate) embedded: bool,
}

impl Load {
    /// How long it may take, if that is bounded.
    pub(crate) fn time(&self) -> Option<Duration> {
        match self.count {
            Some(_) => self.seconds,
            None => Some(self.seconds.unwrap_or(SECONDS)),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let time = duration::parse_positive(text)?;
    if time > SECONDS_MAX {
        return Err(format!("it lasts at most {}", duration::show(SECONDS_MAX)));
    }
    Ok(time)
}

/// How long it lasts if nothing was said: enough for percentiles, and nobody looks away.
const SECONDS: Duration = Duration::from_secs(5);
/// The largest body of an echo: a call carries more, but each exists several times in this process.
const CALL_BYTES_MAX: u64 = 64 << 20;
/// The largest body that must come whole, with some room for what stands around it.
const WHOLE_BYTES_MAX: u64 = (config::BODY_BYTES_MAX - (1 << 10)) as u64;
/// Operations: more than a day of the fastest. It also keeps the time at which the last should begin a number that exists.
const COUNT_MAX: u64 = 1_000_000_000_000;
/// A day: whoever wants more wants a monitor, and not a measurement.
const SECONDS_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Connections: most of the files that a process may have open, where nobody has allowed it more.
const CLIENTS_MAX: u64 = 1_000;
/// Operations under way on one connection: as many calls as a session may have in flight.
const OUTSTANDING_MAX: u64 = config::CALLS_IN_FLIGHT_MAX as u64;
/// Nodes that a broadcast is for, for the reason of [`CLIENTS_MAX`].
const NODES_MAX: u64 = 1_000;
/// Operations a second: more than one thread of this process could begin.
const RATE_MAX: u64 = 10_000_000;
