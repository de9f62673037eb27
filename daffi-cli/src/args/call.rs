//! `daffi call`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::{complete, duration};

pub(super) const HELP: &str = "\
Arguments, in this order of meaning:
  -            all of them from stdin: a JSON array or object
  name:=JSON   by name, a JSON value
  name=text    by name, if the callback has a parameter of that name
  name=@file   by name, the content of a file
  name=-       the items of a stream: lines of stdin, each a JSON value
  value        by position
A value is read as its parameter's type says: a text as it stands, numbers
and truth values parsed, anything else as JSON. If the types are not known:
JSON if it parses, else text. `--` ends the options.

A result that is a stream is printed as it comes, one JSON value a line;
`--timeout` is then the time for each item, and there is none unless given.

Modes:
  fg           wait for the result (the default)
  bg           print a job's number at once; `daffi jobs result ID` fetches
               the result within an hour
  no-return    do not want a result; ends once the mesh has taken the call
  period       repeat it: --every TIME [--times N], or --at TIME; the
               schedule lives in the controller
  broadcast    ask every node that offers it. Ends with 0 if all answered
               (with --at-least N: if N did), 6 if some failed, and 3, 4
               or 5 if all failed alike

JSON, schema 1. Fields may be added; if one goes, the number changes.
  a result     {\"v\":1,\"callback\":…,\"node\":…,\"ms\":…,\"result\":…}
  a broadcast  {\"v\":1,\"callback\":…,\"node\":…,\"ok\":true,\"ms\":…,\"result\":…}
               for each node; where it failed \"ok\" is false, and
               \"error\" stands instead of \"result\"
  an error     {\"v\":1,\"ok\":false,\"error\":{\"code\":\"D0404\",\"exit\":4,
               \"ran\":\"no\",\"message\":…,\"notes\":[…],\"help\":[…]}}, on one line
Bytes are {\"base64\":…}. With --json an error is printed so on stdout, and
for people on stderr.
";

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Wait for the result
    Fg,
    /// Print a job's number at once
    Bg,
    /// Do not want a result
    NoReturn,
    /// Repeat it
    Period,
    /// Ask every node
    Broadcast,
}

/// `daffi call`.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The callback
    #[arg(add = ArgValueCompleter::new(complete::callbacks))]
    pub(crate) name: String,
    /// Its arguments; see below (`--help`)
    #[arg(allow_negative_numbers = true)]
    pub(crate) args: Vec<String>,
    /// How to call it
    #[arg(short, long, default_value = "fg")]
    pub(crate) mode: Mode,
    /// The node that shall run it
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    pub(crate) on: Option<String>,
    /// Calls of one key go to one node, as long as it is there
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Start it that much later
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) eta: Option<Duration>,
    /// period: the time from one run to the next
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive)]
    pub(crate) every: Option<Duration>,
    /// period: when to run, as 2026-11-21T14:31:05Z, @SECONDS or +5m; may be repeated
    #[arg(long, value_name = "WHEN", conflicts_with = "every")]
    pub(crate) at: Vec<String>,
    /// period: how many runs
    #[arg(long, value_name = "N", requires = "every", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) times: Option<u64>,
    /// period: a name for the schedule; registered twice, it is one
    #[arg(long = "name", id = "schedule_name", value_name = "NAME")]
    pub(crate) schedule: Option<String>,
    /// broadcast: how many nodes must answer with a value
    #[arg(long, value_name = "N")]
    pub(crate) at_least: Option<usize>,
    /// broadcast: end after so many values, and cancel the others
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) first: Option<u64>,
    /// fg: repeat it so often if it fails and has not run, or may run twice
    #[arg(long, value_name = "N")]
    pub(crate) retry: Option<u32>,
    /// bg: wait for the result; interrupted, the job goes on
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait for ever
    #[arg(long, conflicts_with = "timeout")]
    pub(crate) no_timeout: bool,
    /// Say what would be sent and to whom, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
