//! What is said at the end.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::drive::Measured;
use super::meter::Meter;
use super::progress::{Heading, Progress, grouped, rate};
use crate::args::Load;
use crate::duration;
use crate::mesh::App;
use crate::render::object;
use crate::report::End;

/// Prints what was measured.
///
/// # Errors
/// If nobody reads.
pub(super) fn print(
    app: &App,
    heading: &Heading,
    load: &Load,
    progress: &Progress,
    measured: &Measured,
) -> Result<(), End> {
    let per_second = rate(measured.meter.done(), measured.time);
    let mut text = format!("{}\n{}", progress.line(measured.part, per_second), latency_line(&measured.meter));
    if load.histogram {
        for line in histogram_lines(&measured.meter) {
            text.push('\n');
            text.push_str(&line);
        }
    }
    let raw = format!("{per_second:.1}");
    app.screen.answer(&text, &raw, &document(heading, load, measured))?;
    for (code, count, problem) in measured.meter.misses() {
        app.screen.say(&format!("{code}, {} x, such as: {}", grouped(count), problem.message));
    }
    if measured.not_begun > 0 {
        app.screen.say(&format!("{} should have begun and could not", grouped(measured.not_begun)));
    }
    Ok(())
}

/// The quantiles that are told: how people and how programs read them.
const QUANTILES: [(&str, &str, f64); 5] = [
    ("p50", "p50_us", 0.5),
    ("p90", "p90_us", 0.9),
    ("p99", "p99_us", 0.99),
    ("p99.9", "p99_9_us", 0.999),
    ("max", "max_us", 1.0),
];

fn latency_line(meter: &Meter) -> String {
    let shown = |(name, _, quantile): (&str, &str, f64)| {
        let time = meter.quantile(quantile).map_or_else(|| "-".to_owned(), short);
        format!("{name} {time}   ")
    };
    let latencies: String = QUANTILES.into_iter().map(shown).collect();
    let failed = meter.failed();
    let s = if failed == 1 { "" } else { "s" };
    let codes: Vec<String> =
        meter.misses().map(|(code, count, _)| format!("{code} x {}", grouped(count))).collect();
    let codes = if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) };
    format!("latency  {latencies}   {} error{s}{codes}", grouped(failed))
}

/// A time to three digits: more say nothing of the next run.
fn short(time: Duration) -> String {
    let us = time.as_secs_f64() * 1e6;
    let (number, unit) = match us {
        ..999.5 => (us, "µs"),
        ..999_500.0 => (us / 1e3, "ms"),
        _ => (us / 1e6, "s"),
    };
    let places = match number {
        ..9.95 => 1,
        _ => 0,
    };
    format!("{number:.places$} {unit}")
}

fn histogram_lines(meter: &Meter) -> Vec<String> {
    let rows = meter.distribution();
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let wide = grouped(most).len();
    let line = |(to, count): &(Duration, u64)| {
        let percent = *count as f64 * 100.0 / meter.done() as f64;
        let cells = (*count as f64 / most as f64 * HISTOGRAM_CELLS as f64).ceil() as usize;
        let (to, count) = (duration::show(*to), grouped(*count));
        format!("  ≤ {to:>7}   {count:>wide$}   {percent:>5.1} %   {}", "█".repeat(cells))
            .trim_end()
            .to_owned()
    };
    rows.iter().map(line).collect()
}

/// How wide the longest bar of the histogram is.
const HISTOGRAM_CELLS: usize = 40;

fn document(heading: &Heading, load: &Load, measured: &Measured) -> Json {
    let Measured { meter, time, not_begun, told, .. } = measured;
    let mut document = object([
        ("bench", heading.bench.into()),
        ("callback", json!(heading.callback)),
        ("clients", load.clients.into()),
        ("outstanding", load.outstanding.into()),
        ("size_bytes", json!(heading.size)),
        ("nodes", heading.nodes.into()),
        ("rate_wanted_per_s", json!(load.rate)),
        ("operations", meter.done().into()),
        ("seconds", rounded(time.as_secs_f64(), 1e6).into()),
        ("rate_per_s", rounded(rate(meter.done(), *time), 10.0).into()),
    ]);
    for (_, field, quantile) in QUANTILES {
        let us = meter.quantile(quantile).map(|time| rounded(time.as_secs_f64() * 1e6, 1e3));
        document[field] = json!(us);
    }
    let by_code = meter.misses().map(|(code, count, _)| (code.to_owned(), Json::from(count)));
    document["errors"] = meter.failed().into();
    document["errors_by_code"] = Json::Object(by_code.collect());
    document["not_begun"] = (*not_begun).into();
    document["interrupted"] = told.is_some().into();
    if load.histogram {
        let row = |(to, count): (Duration, u64)| json!({ "to_us": to.as_micros() as u64, "count": count });
        document["histogram"] = meter.distribution().into_iter().map(row).collect();
    }
    document
}

fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let times = [1_500, 31_000, 999_400, 999_600, 2_100_000, 410_000_000, 3_000_000_000];
        let shown = times.map(|ns| short(Duration::from_nanos(ns)));
        assert_eq!(shown, ["1.5 µs", "31 µs", "999 µs", "1.0 ms", "2.1 ms", "410 ms", "3.0 s"]);
    }

    #[test]
    fn a_line_tells_the_percentiles_and_the_errors() {
        let mut meter = Meter::new();
        assert_eq!(latency_line(&meter), "latency  p50 -   p90 -   p99 -   p99.9 -   max -      0 errors");

        meter.record(Duration::from_nanos(31_000));
        assert_eq!(
            latency_line(&meter),
            "latency  p50 31 µs   p90 31 µs   p99 31 µs   p99.9 31 µs   max 31 µs      0 errors"
        );
        assert_eq!(histogram_lines(&meter), [format!("  ≤   50 µs   1   100.0 %   {}", "█".repeat(40))]);
    }
}
