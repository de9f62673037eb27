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
    /// 1 MiB there and back, one outstanding.
    W4,
    /// One call to 16 nodes, answered by one aggregate.
    W5,
    /// One-way messages delivered.
    W6,
    /// A counter is incremented: one outstanding.
    W7,
    /// 50 connections with one outstanding each.
    W7c,
    /// 64 outstanding on one connection.
    W7p,
    /// 100 bytes are set in a hash and got again: two requests.
    W8,
    /// 50 connections with one outstanding each.
    W8c,
    /// 64 outstanding on one connection.
    W8p,
    /// 16 bytes are pushed to a queue and popped: two requests.
    W9,
    /// 64 outstanding on one connection.
    W9p,
    /// A lock is taken and given back: two requests.
    W10,
}

/// What carries the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Over {
    Unix,
    Quic,
}

impl Over {
    pub(crate) const ALL: [Self; 2] = [Self::Unix, Self::Quic];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Quic => "quic",
        }
    }

    /// The same for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Unix => "UNIX sockets",
            Self::Quic => "QUIC, encrypted",
        }
    }
}

impl FromStr for Over {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|over| over.name() == text);
        found.ok_or_else(|| format!("no transport is called `{text}`"))
    }
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
    pub(crate) const ALL: [Self; 15] = [
        Self::W1,
        Self::W2,
        Self::W3,
        Self::W4,
        Self::W5,
        Self::W6,
        Self::W7,
        Self::W7c,
        Self::W7p,
        Self::W8,
        Self::W8c,
        Self::W8p,
        Self::W9,
        Self::W9p,
        Self::W10,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5 => "W5",
            Self::W6 => "W6",
            Self::W7 => "W7",
            Self::W7c => "W7c",
            Self::W7p => "W7p",
            Self::W8 => "W8",
            Self::W8c => "W8c",
            Self::W8p => "W8p",
            Self::W9 => "W9",
            Self::W9p => "W9p",
            Self::W10 => "W10",
        }
    }

    /// Whether what stands in the middle answers it.
    pub(crate) fn is_hosted(self) -> bool {
        self.shape().callees == 0
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::W1 => "request and reply, one outstanding",
            Self::W2 => "64 outstanding on one connection",
            Self::W3 => "16 connections with 16 outstanding each",
            Self::W4 => "1 MiB there and back, one outstanding",
            Self::W5 => "one call to 16 nodes, one aggregated reply",
            Self::W6 => "one-way messages delivered, a request and reply closes each 1,000",
            Self::W7 => "a counter is incremented, one outstanding",
            Self::W7c => "a counter is incremented, 50 connections with one outstanding each",
            Self::W7p => "a counter is incremented, 64 outstanding on one connection",
            Self::W8 => {
                "100 bytes are set in a hash and got again, one outstanding; its requests are counted"
            }
            Self::W8c => "the same, 50 connections with one outstanding each",
            Self::W8p => "the same, 64 outstanding on one connection",
            Self::W9 => "a push to a queue and a pop, one outstanding; its requests are counted",
            Self::W9p => "the same, 64 outstanding on one connection",
            Self::W10 => "a lock is taken and given back, one outstanding; its requests are counted",
        }
    }

    pub(crate) fn shape(self) -> Shape {
        let one = Shape { connections: 1, outstanding: 1, callees: 1 };
        match self {
            Self::W1 | Self::W4 => one,
            Self::W7 | Self::W8 | Self::W9 | Self::W10 => Shape { callees: 0, ..one },
            Self::W7c | Self::W8c => Shape { connections: 50, callees: 0, ..one },
            Self::W7p | Self::W8p | Self::W9p => Shape { outstanding: 64, callees: 0, ..one },
            Self::W2 => Shape { outstanding: 64, ..one },
            Self::W3 => Shape { connections: 16, outstanding: 16, ..one },
            Self::W5 => Shape { callees: 16, ..one },
            // Here a chunk is what is outstanding: its messages and the call that closes it.
            Self::W6 => Shape { outstanding: 4, ..one },
        }
    }

    /// The size of a call's body, where `small` is that of small ones.
    pub(crate) fn payload_bytes(self, small: usize) -> usize {
        match self {
            Self::W4 => 1 << 20,
            Self::W8 | Self::W8c | Self::W8p => 100,
            _ => small,
        }
    }

    /// The part of the floor's operations per second that the mesh is to reach.
    pub(crate) fn goal(self, over: Over) -> f64 {
        match (self, over) {
            (Self::W1, _) => 0.85,
            (Self::W2, Over::Unix) => 0.60,
            (Self::W3, Over::Unix) => 0.40,
            (Self::W2 | Self::W3, Over::Quic) => 0.75,
            (Self::W4, Over::Unix) => 0.70,
            (Self::W4 | Self::W5, _) => 0.80,
            (Self::W6, _) => 0.25,
            (Self::W7 | Self::W7c | Self::W8 | Self::W8c, _) => 0.80,
            (Self::W7p | Self::W8p | Self::W9p, _) => 0.30,
            (Self::W9 | Self::W10, _) => 0.75,
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
