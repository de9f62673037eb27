//! `daffi queue`, `daffi pq`, `daffi comms`, `daffi event`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::data::names;
use crate::duration;

pub(super) const QUEUE_HELP: &str = "\
A value is JSON if it parses, else text: 5 is a number, tea and \"5\" are texts
(in a shell: '\"5\"'). Values that are left out are lines of stdin.

  daffi queue push mails '{\"to\":\"ann\"}' '{\"to\":\"bob\"}'
  daffi queue pop mails --wait 30s      # exit code 1 if empty, 5 if none came
  daffi queue follow mails -- ./send.sh

`follow` runs the command once for each message, one after the other, with the
message on stdin, and in DAFFI_DELIVERIES how often it was handed out. A message
whose run ends with 0 is done with. Any other exit code puts it back, to be
handed out again after 100 ms, and twice as long each time up to a minute; so
does the end of `follow` itself, whatever ends it, at once. Without a command
the messages are printed, and done with.
";

pub(super) const PQ_HELP: &str = "\
Of all items those of the highest priority leave first, and of these the oldest.
With --unique no two items are equal: to push one again changes its priority.
Queues with and without --unique have names of their own.

  key=$(daffi pq push tasks 5 '{\"do\":\"sweep\"}')
  daffi pq rank tasks \"$key\"            # how many leave before it
  daffi pq pop urgent tasks --wait 30s  # the highest priority in either
  daffi pq push hosts 5 a.example --unique
  daffi pq rank hosts a.example --unique
";

pub(super) const EVENT_HELP: &str = "\
An event goes to all who watch for it at that moment, and to nobody later. In a
pattern `*` stands for any text. For each event the command is run once, one
after the other: its data is on stdin, its name in DAFFI_EVENT, and who sent it
in DAFFI_FROM.

  daffi event watch 'order.*' -- ./print.sh
  daffi event send order.placed '{\"item\":\"tea\"}'
";

/// `daffi queue`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Queue {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Put values at the end, in one step
    Push {
        /// The queue
        #[arg(add = names("queue"))]
        name: String,
        /// The values; lines of stdin if left out
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
    },
    /// Take the first value, and print it
    Pop {
        /// The queue
        #[arg(add = names("queue"))]
        name: String,
        /// How to take it
        #[command(flatten)]
        pop: Taking,
    },
    /// Print the first value, which stays
    #[command(visible_aliases = ["get", "show"])]
    Peek {
        /// The queue
        #[arg(add = names("queue"))]
        name: String,
    },
    /// Put a value before the first
    Unpop {
        /// The queue
        #[arg(add = names("queue"))]
        name: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// How many values can be had now
    Len {
        /// The queue
        #[arg(add = names("queue"))]
        name: String,
    },
    /// Run a command for each value, or print them, as they come
    Follow {
        /// The queue
        #[arg(add = names("queue"))]
        name: String,
        /// End after so many
        #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
        /// The command, after `--`
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Remove the queue with all that is in it
    #[command(visible_alias = "del")]
    Rm {
        /// The queue
        #[arg(add = names("queue"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// How something is taken out of a queue.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Taking {
    /// Wait so long for one if there is none
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) wait: Option<Duration>,
    /// Take up to so many, as many as there are
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

/// Which priority queue.
#[derive(Debug, Clone, Args)]
pub(crate) struct PqName {
    /// The priority queue
    // Of both kinds.
    #[arg(add = names("*pq"))]
    pub(crate) name: String,
    /// The one in which no two items are equal
    #[arg(long)]
    pub(crate) unique: bool,
}

/// `daffi pq`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Pq {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Put a value in, and print the key that it is known by
    Push {
        /// Which one
        #[command(flatten)]
        pq: PqName,
        /// The higher, the sooner it leaves
        #[arg(allow_negative_numbers = true)]
        priority: i64,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Take the value of the highest priority, and print it
    Pop {
        /// Which one
        #[command(flatten)]
        pq: PqName,
        /// Others: then that of the highest priority in any of them
        #[arg(value_name = "OTHER", conflicts_with_all = ["count", "lowest"], add = names("pq"))]
        others: Vec<String>,
        /// How to take it
        #[command(flatten)]
        pop: Taking,
        /// That of the lowest priority instead
        #[arg(long)]
        lowest: bool,
    },
    /// How many leave before this one
    Rank {
        /// Which one
        #[command(flatten)]
        pq: PqName,
        /// The key that `push` printed; the value itself with --unique
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// How many have a priority from LOW to HIGH, both included
    Count {
        /// Which one
        #[command(flatten)]
        pq: PqName,
        /// The lowest
        #[arg(allow_negative_numbers = true)]
        low: i64,
        /// The highest
        #[arg(allow_negative_numbers = true)]
        high: i64,
    },
    /// Take one out, wherever it stands
    Remove {
        /// Which one
        #[command(flatten)]
        pq: PqName,
        /// The key that `push` printed; the value itself with --unique
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// How many values can be had now
    Len {
        /// Which one
        #[command(flatten)]
        pq: PqName,
    },
    /// Remove the queue with all that is in it
    #[command(visible_alias = "del")]
    Rm {
        /// Which one
        #[command(flatten)]
        pq: PqName,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi comms`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Comms {
    /// Send a message to all who listen now
    #[command(visible_alias = "pub")]
    Publish {
        /// The name that they listen to
        name: String,
        /// The message: JSON if it parses, else text
        #[arg(allow_negative_numbers = true)]
        message: String,
    },
    /// Print messages as they come
    Listen {
        /// The name that they are published under
        name: String,
        /// End after so many
        #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
    },
}

/// `daffi event`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Event {
    /// Send an event to all who watch for it now
    Send {
        /// Its name, such as order.placed
        name: String,
        /// What there is to say: JSON if it parses, else text
        #[arg(allow_negative_numbers = true)]
        data: Option<String>,
    },
    /// Run a command for each event, or print them, as they come
    Watch {
        /// Names like this; `*` stands for anything
        pattern: String,
        /// End after so many
        #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
        /// The command, after `--`
        #[arg(last = true)]
        command: Vec<String>,
    },
}
