//! What is measured: the work items, their shapes, and the ratios to reach.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Item {
    /// Request and reply, one outstanding.
    W1,
    /// 64 outstanding on one connection.
    W2,
    /// 16 connections with 16 outstanding each, one calling process.
    W3,
    /// One call to 16 nodes, answered by one aggregate.
    W5,
    /// One-way messages delivered.
    W6,
}

/// How an item loads the mesh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Connections of the calling process.
    pub(crate) connections: usize,
    /// Calls outstanding on each of them.
    pub(crate) outstanding: usize,
    /// Connections of the called process.
    pub(crate) callees: usize,
}

impl Item {
    pub(crate) const ALL: [Self; 5] = [Self::W1, Self::W2, Self::W3, Self::W5, Self::W6];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W5 => "W5",
            Self::W6 => "W6",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::W1 => "request and reply, one outstanding",
            Self::W2 => "64 outstanding on one connection",
            Self::W3 => "16 connections with 16 outstanding each",
            Self::W5 => "one call to 16 nodes, one aggregated reply",
            Self::W6 => "one-way messages delivered, a request and reply closes each 1,000",
        }
    }

    pub(crate) fn shape(self) -> Shape {
        let one = Shape { connections: 1, outstanding: 1, callees: 1 };
        match self {
            Self::W1 => one,
            Self::W2 => Shape { outstanding: 64, ..one },
            Self::W3 => Shape { connections: 16, outstanding: 16, ..one },
            Self::W5 => Shape { callees: 16, ..one },
            // Here a chunk is what is outstanding: its messages and the call that closes it.
            Self::W6 => Shape { outstanding: 4, ..one },
        }
    }

    /// The part of the floor's operations per second that the mesh is to reach.
    pub(crate) fn goal(self) -> f64 {
        match self {
            Self::W1 => 0.85,
            Self::W2 => 0.60,
            Self::W3 => 0.40,
            Self::W5 => 0.80,
            Self::W6 => 0.25,
        }
    }
}

impl FromStr for Item {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let same = |item: &Self| item.name().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(same).ok_or_else(|| format!("no item is called `{text}`"))
    }
}

/// One-way messages between two requests whose replies say that they were delivered.
pub(crate) const CHUNK_MESSAGES: usize = 1_000;
