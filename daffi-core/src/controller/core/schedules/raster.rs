//! The ticks of a schedule that are yet to come.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::wire::When;

/// When a schedule ticks. Whatever the runs take, the times are those fixed at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Raster {
    Every {
        period_ms: u64,
        next_ms: u64,
        /// Runs that are yet to start; skipped and missed ticks use up none.
        left: Option<u64>,
    },
    At {
        /// In order.
        instants: VecDeque<u64>,
    },
}

impl Raster {
    /// The raster of `when`, whose instants are in order, beginning at `now_ms`.
    pub(super) fn new(when: &When, now_ms: u64) -> Self {
        match when {
            When::Every { period_ms, times, first_in_ms } => Self::Every {
                period_ms: *period_ms,
                next_ms: now_ms.saturating_add(first_in_ms.unwrap_or(*period_ms)),
                left: *times,
            },
            When::At { unix_ms } => Self::At { instants: unix_ms.iter().copied().collect() },
        }
    }

    /// The next tick, if there is one.
    pub(super) fn next(&self) -> Option<u64> {
        match self {
            Self::Every { left: Some(0), .. } => None,
            Self::Every { next_ms, .. } => Some(*next_ms),
            Self::At { instants } => instants.front().copied(),
        }
    }

    /// How many ticks there are up to `now_ms`.
    pub(super) fn due(&self, now_ms: u64) -> u64 {
        match self {
            Self::Every { left: Some(0), .. } => 0,
            Self::Every { period_ms, next_ms, .. } => {
                now_ms.checked_sub(*next_ms).map_or(0, |late_ms| late_ms / period_ms + 1)
            }
            Self::At { instants } => instants.partition_point(|unix_ms| *unix_ms <= now_ms) as u64,
        }
    }

    /// Goes on by `ticks`, at most as many as are due.
    pub(super) fn pass(&mut self, ticks: u64) {
        match self {
            Self::Every { period_ms, next_ms, .. } => {
                *next_ms = next_ms.saturating_add(period_ms.saturating_mul(ticks));
            }
            Self::At { instants } => {
                instants.drain(..ticks as usize);
            }
        }
    }

    /// Counts `runs` against the number of runs that were asked for.
    pub(super) fn use_up(&mut self, runs: u64) {
        match self {
            Self::Every { left: Some(left), .. } => *left -= runs,
            Self::Every { left: None, .. } | Self::At { .. } => {}
        }
    }

    /// How many runs can still come; `None` if there is no end.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Every { left, .. } => *left,
            Self::At { instants } => Some(instants.len() as u64),
        }
    }
}
