//! Durations as people write them: `250ms`, `1.5s`, `1h30m`.

use std::time::Duration;

/// The duration that `text` names, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("a duration cannot be empty\n{FORMS}"));
    }
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = split_before(rest, |c: char| !c.is_ascii_digit() && c != '.');
        let (unit, after) =
            split_before(after.trim_start(), |c: char| c.is_ascii_digit() || c.is_whitespace());
        let part = part(text, number, unit)?;
        sum = sum.checked_add(part).ok_or_else(|| too_long(text))?;
        rest = after.trim_start();
    }
    if sum.is_zero() {
        return Err(format!("`{text}` is no time at all\nhelp: leave the option out for no limit"));
    }
    Ok(sum)
}

fn split_before(text: &str, is_next: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_next).unwrap_or(text.len()))
}

fn part(text: &str, number: &str, unit: &str) -> Result<Duration, String> {
    let Ok(count) = number.parse::<f64>() else {
        return Err(format!("`{text}` is not a duration\n{FORMS}"));
    };
    if unit.is_empty() {
        return Err(format!("`{text}` names no unit: are these seconds?\n{FORMS}"));
    }
    let Some((_, seconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{unit}` is not a unit of time; known: ms, s, m, h, d\n{FORMS}"));
    };
    Duration::try_from_secs_f64(count * seconds).map_err(|_| too_long(text))
}

fn too_long(text: &str) -> String {
    format!("`{text}` is too long\nhelp: leave the option out for no limit")
}

const FORMS: &str = "help: write `5s`, `250ms`, `1.5s`, `2m` or `1h30m`";

/// What people write, in seconds.
const UNITS: [(&str, f64); 10] = [
    ("ms", 0.001),
    ("s", 1.0),
    ("sec", 1.0),
    ("secs", 1.0),
    ("m", 60.0),
    ("min", 60.0),
    ("mins", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("days", 86_400.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_what_people_write() {
        for (text, milliseconds) in [
            ("5s", 5_000),
            ("250ms", 250),
            ("1.5s", 1_500),
            ("0.1s", 100),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("1h 30m 5s", 5_405_000),
            (" 7 s ", 7_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_told_why() {
        for (text, why) in [
            ("", "empty"),
            ("5", "no unit"),
            ("1h30", "no unit"),
            ("s", "not a duration"),
            ("-5s", "not a duration"),
            ("1.5.5s", "not a duration"),
            ("5x", "not a unit"),
            ("5 fortnights", "not a unit"),
            ("0s", "no time at all"),
            ("99999999999999999999999d", "too long"),
        ] {
            let problem = parse(text).expect_err(text);
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }
}
