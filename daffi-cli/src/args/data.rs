//! `daffi counter`, `daffi id`, `daffi hash`, `daffi set`, `daffi cache`, `daffi data`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use daffi_core::config;

use crate::{complete, duration};

/// Completes the names of objects of this kind.
pub(super) fn names(kind: &'static str) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &std::ffi::OsStr| complete::objects(kind, current))
}

pub(super) const COUNTER_HELP: &str = "\
A counter that was never changed is 0. Each has 64 bits, and may go below 0.

  daffi counter inc visits home         # prints the new value
  daffi counter dec visits home 3
  daffi counter get visits              # all of the group, at one moment

Topics of the global counter have names of their own. Each of their numbers is
given once, and none is left out:

  daffi counter count invoices          # 1, 2, 3 …
";

pub(super) const ID_HELP: &str = "\
A sequence begins at 1. Each number is given once, and is greater than all that
were given before it; a number that is not used is left out.

  daffi id next user-ids                # 1
  daffi id next user-ids --count 3      # 2, 3, 4: a line each, taken in one step
  daffi id show user-ids                # the last one that was given: 4

A sequence that several controllers keep together (Masters) is not one of these.
";

pub(super) const CACHE_HELP: &str = "\
Functions under #[cached] keep their results in a cache, as handles do. A result's
key there is the function with its path, and its arguments:

  daffi cache info prices               # hits, misses, how many there are
  daffi cache show prices
  daffi cache forget prices '[\"shop::price\",[\"tea\",2]]'
  daffi cache clear prices              # and the counts with it
";

pub(super) const VALUES_HELP: &str = "\
A value is JSON if it parses, else text: 5 is a number, tea and \"5\" are texts
(in a shell: '\"5\"'). Where values may be left out they are lines of stdin, each
read in the same way. Equal values are equal however they were written down;
but 1 and 1.0 are two.

In a pipe a single value is printed as it is, and a listing as one JSON object
a line. Exit code 1 says no: nothing there, nothing done.
";

pub(super) const HASH_HELP: &str = "\
Keys and values are JSON if they parse, else text: 5 is a number, tea and \"5\"
are texts (in a shell: '\"5\"'). A pair is KEY=VALUE; a key with `=` in it is
quoted, as '\"a=b\"=5'. Pairs that are left out are lines of stdin, as
`daffi hash items` prints them: {\"key\":…,\"value\":…}.

  daffi hash set users ann=41 'bob={\"age\":29}'
  daffi hash get users bob || echo 'no bob'
  daffi hash items users | daffi hash set copy

In a pipe a single value is printed as it is, and a listing as one JSON object
a line. Exit code 1 says no: nothing there, nothing done.
";

pub(super) const DATA_HELP: &str = "\
An object is named by its kind and name: `hash/users`. An export has one object
a line, and is made to be read, by programs too:

  {\"v\":1,\"kind\":…,\"name\":…,\"expires_in_ms\":…,\"state\":…}

A state is JSON as far as it can be. What JSON lacks is an object of one field:
{\"$value\":…} for bytes that are a value of the mesh, {\"$bytes\":…} for others,
in base64, {\"$pairs\":[[KEY,VALUE],…]} for a map whose keys are not texts,
{\"$f32\":…}, {\"$f64\":…}, {\"$text\":…} and {\"$ext\":…} for what is rarer, and
{\"$msgpack\":…} for a state that is nothing of that, in base64. What is imported
is what was exported, to the last bit: 1.0 is no integer. Only what nodes held,
such as a lock, nobody holds then. An object of more than 4 MiB is not exported:
it is named, the others are written, and the exit code is 6.
";

/// `daffi counter`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Counter {
    /// List the groups
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// The value of a counter; all of the group if none is named
    #[command(visible_alias = "show")]
    Get {
        /// The group
        #[arg(add = names("counters"))]
        name: String,
        /// The counter
        key: Option<String>,
    },
    /// Add to a counter, and print its new value
    #[command(visible_alias = "incr")]
    Inc {
        /// The group
        #[arg(add = names("counters"))]
        name: String,
        /// The counter
        key: String,
        /// How much
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        by: i64,
    },
    /// Take from a counter, and print its new value
    #[command(visible_alias = "decr")]
    Dec {
        /// The group
        #[arg(add = names("counters"))]
        name: String,
        /// The counter
        key: String,
        /// How much
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        by: i64,
    },
    /// Give a counter a value
    Set {
        /// The group
        #[arg(add = names("counters"))]
        name: String,
        /// The counter
        key: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: i64,
    },
    /// Add 1 to a topic of the global counter, and print the number, which is given once
    Count {
        /// The topic
        #[arg(add = names("topic"))]
        topic: String,
        /// Print the last number that was given, and add nothing
        #[arg(long)]
        peek: bool,
        /// Begin at 1 again, and print the last number that was given
        #[arg(long, conflicts_with = "peek")]
        reset: bool,
    },
    /// Set a counter to 0, or all of the group, which stay
    Reset {
        /// The group
        #[arg(add = names("counters"))]
        name: String,
        /// The counter
        key: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Remove a counter, or the group with all its counters
    #[command(visible_alias = "del")]
    Rm {
        /// The group
        #[arg(add = names("counters"))]
        name: String,
        /// The counter
        key: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi id`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Id {
    /// List the sequences
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Take the next number, and print it
    Next {
        /// The sequence
        #[arg(add = names("next_id"))]
        name: String,
        /// Take so many in one step, and print each
        #[arg(long, value_name = "N", default_value_t = 1,
              value_parser = clap::value_parser!(u64).range(1..=config::NEXT_ID_RESERVED_MAX))]
        count: u64,
    },
    /// Print the last number that was given; 0 if none was
    Show {
        /// The sequence
        #[arg(add = names("next_id"))]
        name: String,
    },
    /// Remove a sequence: it begins at 1 again
    #[command(visible_alias = "del")]
    Rm {
        /// The sequence
        #[arg(add = names("next_id"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi hash`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Hash {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Print the value by a key
    #[command(visible_alias = "show")]
    Get {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// Store values in one step, and print for how many keys there was none
    Set {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
        /// KEY=VALUE; lines of stdin if left out
        pairs: Vec<String>,
    },
    /// Store a value where there is none
    Add {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Add to the integer by a key, and print the sum
    #[command(visible_alias = "inc")]
    Incr {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
        /// How much
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        by: i64,
    },
    /// Whether there is a value by a key
    Has {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// List the keys
    Keys {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
    },
    /// List keys and values
    Items {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
    },
    /// How many keys there are
    Len {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
    },
    /// Remove a key, and print its value
    Pop {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// Remove a key, or the hash with all that is in it
    #[command(visible_alias = "del")]
    Rm {
        /// The hash
        #[arg(add = names("hash"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi cache`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Cache {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// How one does: how often values were there and were not, how many there are
    Info {
        /// The cache
        #[arg(add = names("cache"))]
        name: String,
    },
    /// List the values
    #[command(visible_alias = "get")]
    Show {
        /// The cache
        #[arg(add = names("cache"))]
        name: String,
    },
    /// Forget one value
    #[command(visible_aliases = ["rm", "del"])]
    Forget {
        /// The cache
        #[arg(add = names("cache"))]
        name: String,
        /// Its key
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// Forget all values and what was counted, and print how many values there were
    Clear {
        /// The cache
        #[arg(add = names("cache"))]
        name: String,
    },
}

/// `daffi set`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Set {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Add values in one step, and print how many are new
    Add {
        /// The set
        #[arg(add = names("set"))]
        name: String,
        /// The values; lines of stdin if left out
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
        /// Add one after the other, and only as long as the set has fewer members
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Remove values in one step and print how many were there, or the set with all that is in it
    #[command(visible_alias = "del")]
    Rm {
        /// The set
        #[arg(add = names("set"))]
        name: String,
        /// The values
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Whether a value is in it
    Has {
        /// The set
        #[arg(add = names("set"))]
        name: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Remove a member at random, and print it
    Pop {
        /// The set
        #[arg(add = names("set"))]
        name: String,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// Print a member at random, which stays
    Random {
        /// The set
        #[arg(add = names("set"))]
        name: String,
    },
    /// What is in any of several sets, at one moment
    Union(Several),
    /// What is in all of several sets
    #[command(visible_alias = "intersection")]
    Inter(Several),
    /// What is in the first of several sets, and in none of the others
    #[command(visible_alias = "difference")]
    Diff(Several),
    /// What is in one of two sets alone; of more, in an odd number of them
    #[command(visible_alias = "symmetric-difference")]
    Symdiff(Several),
    /// List the members
    #[command(visible_aliases = ["get", "show"])]
    Members {
        /// The set
        #[arg(add = names("set"))]
        name: String,
    },
    /// How many members there are
    Len {
        /// The set
        #[arg(add = names("set"))]
        name: String,
    },
}

/// Sets that are combined.
#[derive(Debug, Clone, Args)]
pub(crate) struct Several {
    /// The first set
    #[arg(add = names("set"))]
    pub(crate) name: String,
    /// The others
    #[arg(required = true, add = names("set"))]
    pub(crate) others: Vec<String>,
    /// Make this set what they come to, in the same step, and print how many members it has
    #[arg(long, value_name = "SET", add = names("set"))]
    pub(crate) into: Option<String>,
}

/// `daffi data`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Data {
    /// List all that the controller keeps
    Ls {
        /// Only kinds and names like this: 'hash/*', '*/users'
        pattern: Option<String>,
    },
    /// Write all that the controller keeps to a file, one JSON object a line
    Export {
        /// The file; stdout if left out or `-`
        file: Option<PathBuf>,
        /// Only kinds and names like this: 'hash/*', '*/users'
        #[arg(long, value_name = "PATTERN")]
        only: Option<String>,
    },
    /// Read objects from a file; each takes the place of what has its name
    Import {
        /// The file; `-` for stdin
        file: PathBuf,
        /// Do not ask before something is replaced
        #[arg(short, long)]
        yes: bool,
    },
    /// When an object expires as a whole; with a time, have it do so
    Ttl {
        /// Its kind and name: hash/users
        name: String,
        /// From now on: 30, 10m, 24h; `never` to keep it
        #[arg(value_parser = lifetime)]
        ttl: Option<Lifetime>,
    },
}

/// How long an object lives from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// Until it is removed.
    Unlimited,
    /// For so long.
    Time(Duration),
}

fn lifetime(text: &str) -> Result<Lifetime, String> {
    if text == "never" { Ok(Lifetime::Unlimited) } else { duration::parse_positive(text).map(Lifetime::Time) }
}
