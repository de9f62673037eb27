//! What was measured: how long operations took, and how others failed.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::report::{PARTIAL, Problem};

/// Times of what went well, and the failures.
#[derive(Debug)]
pub(super) struct Meter {
    latencies: Histogram<u64>,
    /// By code: how often, and the first.
    misses: BTreeMap<String, (u64, Problem)>,
}

impl Meter {
    pub(super) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LATENCY_NS_MAX, SIGNIFICANT_DIGITS);
        Self { latencies: latencies.expect("the bounds are good"), misses: BTreeMap::new() }
    }

    /// Counts one that went well.
    pub(super) fn record(&mut self, took: Duration) {
        self.latencies.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Counts one that failed.
    pub(super) fn miss(&mut self, problem: Problem) {
        let code = problem.code.map_or_else(String::new, |code| code.to_string());
        self.misses.entry(code).or_insert((0, problem)).0 += 1;
    }

    /// How many went well.
    pub(super) fn done(&self) -> u64 {
        self.latencies.len()
    }

    /// How many failed.
    pub(super) fn failed(&self) -> u64 {
        self.misses.values().map(|(count, _)| count).sum()
    }

    /// How they failed: code, how often, and the first.
    pub(super) fn misses(&self) -> impl Iterator<Item = (&str, u64, &Problem)> {
        self.misses.iter().map(|(code, (count, problem))| (code.as_str(), *count, problem))
    }

    /// The time within which this part of them was done; `None` if there were none.
    pub(super) fn quantile(&self, quantile: f64) -> Option<Duration> {
        let nanoseconds = self.latencies.value_at_quantile(quantile);
        (self.done() > 0).then(|| Duration::from_nanos(nanoseconds))
    }

    /// How many took at most each of these times, and longer than the one before; from the first to the last that any took.
    pub(super) fn distribution(&self) -> Vec<(Duration, u64)> {
        let mut counts = vec![0; bounds().count()];
        for step in self.latencies.iter_recorded() {
            let value = step.value_iterated_to();
            // What the histogram can hold is below the last bound.
            let at = bounds().position(|bound| value <= bound).unwrap_or(counts.len() - 1);
            counts[at] += step.count_at_value();
        }
        let rows: Vec<_> = bounds().map(Duration::from_nanos).zip(counts).collect();
        let is_some = |(_, count): &(Duration, u64)| *count > 0;
        let first = rows.iter().position(is_some).unwrap_or(rows.len());
        let last = rows.iter().rposition(is_some).map_or(0, |last| last + 1);
        rows.into_iter().take(last).skip(first).collect()
    }

    /// The exit code: that of the failures where all failed alike.
    pub(super) fn exit(&self) -> u8 {
        let mut exits = self.misses.values().map(|(_, problem)| problem.exit);
        match exits.next() {
            None => 0,
            Some(exit) if self.done() == 0 && exits.all(|other| other == exit) => exit,
            Some(_) => PARTIAL,
        }
    }
}

/// 1 µs, 2 µs, 5 µs, 10 µs and so on, in nanoseconds.
fn bounds() -> impl Iterator<Item = u64> {
    let decades = (3..13).map(|power| 10_u64.pow(power));
    decades.flat_map(|decade| [decade, 2 * decade, 5 * decade])
}

/// Times over this, an hour, count as this.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;
/// Three digits: more than any two runs have in common.
const SIGNIFICANT_DIGITS: u8 = 3;

#[cfg(test)]
mod tests {
    use daffi_core::error::Code;

    use super::*;

    #[test]
    fn percentiles_are_those_of_what_went_well() {
        let mut meter = Meter::new();
        (1..=1_000).for_each(|ms| meter.record(Duration::from_millis(ms)));
        meter.miss(Problem::new(Code::TimedOut, "no reply"));

        let within = |quantile, ms: u64| {
            let (got, wanted) = (meter.quantile(quantile).unwrap().as_secs_f64() * 1e3, ms as f64);
            assert!((got - wanted).abs() <= wanted / 500.0, "{got} and not {wanted}");
        };
        within(0.5, 500);
        within(0.999, 999);
        within(1.0, 1_000);
        assert_eq!((meter.done(), meter.failed(), meter.exit()), (1_000, 1, PARTIAL));
    }

    #[test]
    fn the_distribution_has_each_operation_once() {
        let mut meter = Meter::new();
        for ns in [1, 1_000, 1_001, 30_000, 4_000_000_000_000_000] {
            meter.record(Duration::from_nanos(ns));
        }

        let rows = meter.distribution();

        let us = Duration::from_micros;
        assert_eq!(rows[..2], [(us(1), 2), (us(2), 1)]);
        assert_eq!(rows.iter().map(|(_, count)| count).sum::<u64>(), 5);
        assert_eq!(rows.last(), Some(&(us(5_000_000_000), 1)));
        assert_eq!(Meter::new().distribution(), []);
    }

    #[test]
    fn all_that_failed_alike_is_their_own_exit_code() {
        let exit = |codes: &[Code]| {
            let mut meter = Meter::new();
            codes.iter().for_each(|code| meter.miss(Problem::new(*code, "no")));
            meter.exit()
        };

        assert_eq!(exit(&[]), 0);
        assert_eq!(exit(&[Code::TimedOut, Code::TimedOut]), 5);
        assert_eq!(exit(&[Code::TimedOut, Code::NoSuchCallback]), PARTIAL);
    }
}
