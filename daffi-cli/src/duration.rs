//! Durations and instants as people type them, and as they like to read them.

use std::time::{Duration, SystemTime};

/// Reads `5`, `1.5`, `250ms`, `2m`, `1h30m`: a bare number is seconds.
///
/// # Errors
/// What is wrong, with the forms that are understood.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is not a duration such as 5, 1.5, 250ms, 2m or 1h30m");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at(digits);
    let seconds_each = match unit.trim() {
        "" | "s" => Some(1.0),
        "ms" => Some(1e-3),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    match (number.parse::<f64>(), seconds_each) {
        (Ok(number), Some(each)) => Duration::try_from_secs_f64(number * each).map_err(|_| wrong()),
        _ => humantime::parse_duration(text).map_err(|_| wrong()),
    }
}

/// As [`parse`], and refuses nothing at all, which no call could keep to.
///
/// # Errors
/// What is wrong.
pub(crate) fn parse_positive(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    if duration.is_zero() {
        return Err("it must be more than nothing".into());
    }
    Ok(duration)
}

/// Reads an instant: `2026-11-21T14:31:05Z`, `@1795271465` (seconds since 1970) or `+5m` (from now).
///
/// # Errors
/// What is wrong, with the forms that are understood.
pub(crate) fn parse_instant(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    let wrong = || format!("`{text}` is not a time such as 2026-11-21T14:31:05Z (UTC), @1795271465 or +5m");
    if let Some(later) = text.strip_prefix('+') {
        return now.checked_add(parse(later)?).ok_or_else(wrong);
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let since = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        return since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)).ok_or_else(wrong);
    }
    humantime::parse_rfc3339_weak(text).map_err(|_| wrong())
}

/// A duration in the largest unit that suits it: `1.998 s`, `250 ms`, `2 min`, `1 h 30 min`, `29 d 23 h`.
pub(crate) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration < Duration::from_millis(1) {
        return format!("{} µs", duration.as_micros());
    }
    if duration < Duration::from_secs(1) {
        return format!("{} ms", trimmed(seconds * 1e3, 1));
    }
    if duration < Duration::from_secs(120) {
        return format!("{} s", trimmed(seconds, 3));
    }
    let seconds = duration.as_secs();
    let parts = if seconds < 2 * DAY.as_secs() {
        [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")]
    } else {
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min")]
    };
    let shown = parts.iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0);
    shown.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// A duration as an option takes it: no spaces.
pub(crate) fn as_option(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

fn trimmed(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An instant for people, in UTC: the time alone if it is within a day of `now`.
pub(crate) fn show_instant(instant: SystemTime, now: SystemTime) -> String {
    let full = humantime::format_rfc3339_seconds(instant).to_string();
    let apart = instant.duration_since(now).unwrap_or_else(|earlier| earlier.duration());
    match (full.split_once('T'), apart < DAY) {
        (Some((_, time)), true) => format!("{} UTC", time.trim_end_matches('Z')),
        _ => full,
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_seconds() {
        assert_eq!(parse("5"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("1.5"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn units_may_be_combined_and_have_a_fraction() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse("0.5m"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse("1m24s"), Ok(Duration::from_secs(84)));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_examples() {
        for text in ["", "five", "-1", "1.2.3", "5 parsecs", "1e400", "NaN"] {
            assert!(parse(text).expect_err(text).contains("250ms"), "{text}");
        }
        assert!(parse_positive("0").is_err());
    }

    #[test]
    fn durations_read_well() {
        let show = |ms| show(Duration::from_millis(ms));

        assert_eq!(show(2_000), "2 s");
        assert_eq!(show(1_998), "1.998 s");
        assert_eq!(show(250), "250 ms");
        assert_eq!(show(120_000), "2 min");
        assert_eq!(show(5_400_000), "1 h 30 min");
        assert_eq!(show(3_605_000), "1 h");
        assert_eq!(show(47 * 3_600_000), "47 h");
        assert_eq!(show(30 * 86_400_000 - 1), "29 d 23 h");
        assert_eq!(as_option(Duration::from_secs(5_400)), "1h30m");
    }

    #[test]
    fn an_instant_is_absolute_or_from_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);

        assert_eq!(parse_instant("+5m", now), Ok(now + Duration::from_secs(300)));
        assert_eq!(parse_instant("@1000", now), Ok(now));
        assert_eq!(parse_instant("1970-01-01T00:16:40Z", now), Ok(now));
        assert!(parse_instant("teatime", now).expect_err("refused").contains("+5m"));
        assert_eq!(show_instant(now, now), "00:16:40 UTC");
        assert_eq!(show_instant(now + 2 * DAY, now), "1970-01-03T00:16:40Z");
    }
}
