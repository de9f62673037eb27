//! What the controller's own callbacks take and return: who is there, what they offer, jobs and schedules.

use serde::{Deserialize, Serialize};

use super::{JobId, Signature};
use crate::name::NodeName;

/// A connected node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Its name.
    pub name: NodeName,
    /// The number of its session.
    pub session: u32,
    /// Where it is connected from.
    pub address: String,
    /// The program and its version.
    pub software: String,
    /// How long it has been connected, in milliseconds.
    pub connected_ms: u64,
    /// The last round trip of a ping, in microseconds.
    pub rtt_us: Option<u64>,
    /// Whether it owes an answer to a ping.
    pub suspect: bool,
    /// Calls that it has not answered.
    pub outstanding: u32,
    /// Callbacks that it offers.
    pub callbacks: u32,
    /// Its process, where the operating system tells.
    pub pid: Option<u32>,
}

/// A connected node and what it offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDetail {
    /// The node.
    pub node: NodeEntry,
    /// Its callbacks, by name.
    pub callbacks: Vec<Signature>,
}

/// A callback on offer: one entry for each distinct signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackEntry {
    /// What it takes and returns.
    pub signature: Signature,
    /// Who offers it so, by name.
    pub nodes: Vec<NodeName>,
}

/// How far a background call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum JobState {
    /// Held for its `eta`.
    Waiting,
    /// At its callee.
    Running,
    /// Finished with a result, which is kept.
    Done,
    /// Finished with a failure, which is kept.
    Failed,
}

/// A background call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEntry {
    /// Its number.
    pub id: JobId,
    /// The callback.
    pub callback: String,
    /// Who called.
    pub caller: NodeName,
    /// Who runs or ran it.
    pub node: Option<NodeName>,
    /// How far it is.
    pub state: JobState,
    /// How long ago it was called, or finished if it is, in milliseconds.
    pub age_ms: u64,
    /// The size of the kept result.
    pub bytes: u64,
}

/// When a schedule runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// At a fixed rate.
    Every {
        /// The time from one run to the next, in milliseconds.
        period_ms: u64,
        /// How many runs; for ever if not given.
        times: Option<u64>,
        /// The time to the first run; one period if not given.
        first_in_ms: Option<u64>,
    },
    /// At these instants, in milliseconds since the UNIX epoch.
    At {
        /// The instants, in any order.
        unix_ms: Vec<u64>,
    },
}

/// What happens to a tick while a run of the same schedule is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Overlap {
    /// It is skipped, and counted as such.
    #[default]
    Skip,
    /// It runs beside the other.
    Allow,
}

/// What happens to ticks that came and went while the controller stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Missed {
    /// One run for all of them, and on in the old raster; the others are counted as missed.
    #[default]
    Skip,
    /// One run each, as fast as they go.
    CatchUp,
}

/// What to run, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
    /// The callback.
    pub callback: String,
    /// Its encoded arguments.
    pub body: Vec<u8>,
    /// When.
    pub when: When,
    /// A name: registered twice, it is one schedule.
    pub name: Option<String>,
    /// The node that shall run it.
    pub on: Option<String>,
    /// Runs of one key go to one node.
    pub key: Option<String>,
    /// The time one run has, in milliseconds.
    pub timeout_ms: u64,
    /// What happens to a tick while a run is going.
    pub overlap: Overlap,
    /// What happens to ticks that were missed.
    pub missed: Missed,
}

/// A schedule and how it has fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleEntry {
    /// Its number.
    pub id: u64,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The callback.
    pub callback: String,
    /// Who made it; it runs in this node's name.
    pub creator: NodeName,
    /// When it runs.
    pub when: When,
    /// The node that shall run it.
    pub on: Option<String>,
    /// Runs of one key go to one node.
    pub key: Option<String>,
    /// The time one run has, in milliseconds.
    pub timeout_ms: u64,
    /// What happens to a tick while a run is going.
    pub overlap: Overlap,
    /// What happens to ticks that were missed.
    pub missed: Missed,
    /// Whether it is paused.
    pub paused: bool,
    /// Runs that are going.
    pub running: u32,
    /// Runs started.
    pub runs: u64,
    /// Runs that ended without a result.
    pub failures: u64,
    /// Ticks skipped because a run was going.
    pub skipped: u64,
    /// Ticks that came and went while the controller stood still.
    pub missed_ticks: u64,
    /// Why the last failed run failed.
    pub last_error: Option<String>,
    /// The next tick, in milliseconds since the UNIX epoch.
    pub next_unix_ms: Option<u64>,
    /// Ticks still to come; `None` if for ever.
    pub remaining: Option<u64>,
}
