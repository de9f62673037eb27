//! What a child is told, and what stands for one way of carrying calls.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::item::{Item, Over};
use crate::meter::Measurement;
use crate::process::Watched;
use crate::redis;

/// One run, as its three processes see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) item: Item,
    pub(crate) socket: PathBuf,
    /// The UDP port of what stands in the middle, where it listens on one.
    pub(crate) port: u16,
    pub(crate) payload_bytes: usize,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
    /// The CPU that all processes share; the scheduler places them if there is none.
    pub(crate) cpu: Option<usize>,
    /// The process with which all others end.
    pub(crate) parent: u32,
    /// Whose CPU time the caller accounts for besides its own. Zeroes until they run.
    pub(crate) watched: Watched,
}

/// One way of carrying calls: the programs of its three processes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) over: Over,
    /// Stands in the middle. Says [`crate::process::ready`] once the callee may connect.
    pub(crate) hub: fn(&Task) -> io::Result<()>,
    /// Answers. Says [`crate::process::ready`] once callers may connect and it can be called.
    pub(crate) callee: fn(&Task) -> io::Result<()>,
    pub(crate) caller: fn(&Task) -> io::Result<Measurement>,
}

impl Peer {
    /// Whether it can do this work.
    pub(crate) fn takes(&self, item: Item) -> bool {
        self.name != redis::NAME || item.is_hosted()
    }

    /// What a child is told to be.
    pub(crate) fn key(&self) -> String {
        format!("{}-{}", self.name, self.over.name())
    }
}
