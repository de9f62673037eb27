//! Warm-up, then a fixed time: counts operations, their latencies, and the CPU time of each process.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::process::{self, Watched};
use crate::task::Task;

/// One run of one item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    /// Operations per second.
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// CPU time per operation.
    pub(crate) cpu_us: CpuTimes,
}

/// Microseconds of each process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct CpuTimes {
    pub(crate) caller: f64,
    pub(crate) hub: f64,
    pub(crate) callee: f64,
}

impl CpuTimes {
    pub(crate) fn total(&self) -> f64 {
        self.caller + self.hub + self.callee
    }
}

/// Measures from inside the caller's loop, so that no other thread has to wake while the clock runs.
#[derive(Debug)]
pub(crate) struct Meter {
    origin: Instant,
    phase: Phase,
    /// When the phase ends.
    until: Instant,
    time: Duration,
    watched: Watched,
    latencies: Histogram<u64>,
    operations: u64,
    started: Option<Snapshot>,
    ended: Option<Snapshot>,
}

impl Meter {
    /// Begins the warm-up.
    pub(crate) fn start(task: &Task) -> io::Result<Self> {
        let origin = Instant::now();
        let latencies = Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).map_err(io::Error::other)?;
        Ok(Self {
            origin,
            phase: Phase::WarmUp,
            until: origin + task.warm_up,
            time: task.time,
            watched: task.watched,
            latencies,
            operations: 0,
            started: None,
            ended: None,
        })
    }

    /// Nanoseconds since the start; what a floor's request carries as its id.
    pub(crate) fn nanoseconds(&self, now: Instant) -> u64 {
        u64::try_from((now - self.origin).as_nanos()).expect("a run lasts less than 500 years")
    }

    /// Whether the caller shall go on. Call it once for each read.
    pub(crate) fn goes_on(&mut self, now: Instant) -> io::Result<bool> {
        if now >= self.until {
            self.next_phase()?;
        }
        Ok(self.phase != Phase::Over)
    }

    /// Counts `operations` that took `latency_ns` together.
    pub(crate) fn record(&mut self, latency_ns: u64, operations: u64) {
        if self.phase == Phase::Measuring {
            self.latencies.saturating_record(latency_ns);
            self.operations += operations;
        }
    }

    pub(crate) fn finish(self) -> io::Result<Measurement> {
        let (Some(started), Some(ended)) = (self.started, self.ended) else {
            return Err(io::Error::other("the caller stopped before its time"));
        };
        if self.operations == 0 {
            return Err(io::Error::other("no operation ended while the clock ran"));
        }
        let seconds = (ended.at - started.at).as_secs_f64();
        let operations = self.operations as f64;
        let microseconds = |quantile| self.latencies.value_at_quantile(quantile) as f64 / 1e3;
        let cpu = |since: Duration, until: Duration| (until - since).as_secs_f64() * 1e6 / operations;
        Ok(Measurement {
            operations: self.operations,
            seconds,
            rate: operations / seconds,
            p50_us: microseconds(0.50),
            p99_us: microseconds(0.99),
            p999_us: microseconds(0.999),
            cpu_us: CpuTimes {
                caller: cpu(started.caller, ended.caller),
                hub: cpu(started.hub, ended.hub),
                callee: cpu(started.callee, ended.callee),
            },
        })
    }

    fn next_phase(&mut self) -> io::Result<()> {
        match self.phase {
            Phase::WarmUp => {
                let snapshot = Snapshot::take(&self.watched)?;
                self.until = snapshot.at + self.time;
                self.started = Some(snapshot);
                self.phase = Phase::Measuring;
            }
            Phase::Measuring => {
                self.ended = Some(Snapshot::take(&self.watched)?);
                self.phase = Phase::Over;
            }
            Phase::Over => {}
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measuring,
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Snapshot {
    at: Instant,
    caller: Duration,
    hub: Duration,
    callee: Duration,
}

impl Snapshot {
    fn take(watched: &Watched) -> io::Result<Self> {
        Ok(Self {
            caller: process::cpu_time(std::process::id())?,
            hub: process::cpu_time(watched.hub)?,
            callee: process::cpu_time(watched.callee)?,
            at: Instant::now(),
        })
    }
}

/// Latencies over this, a minute, count as this.
const LATENCY_NS_MAX: u64 = 60_000_000_000;
