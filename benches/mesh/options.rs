//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::item::{Item, Over};

/// What to measure, and how.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) items: Vec<Item>,
    pub(crate) over: Vec<Over>,
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
    pub(crate) cpu: Option<usize>,
    pub(crate) payload_bytes: usize,
    pub(crate) json: bool,
    /// What was measured before, instead of measuring.
    pub(crate) from: Option<PathBuf>,
    /// Whether to print a page, no table.
    pub(crate) page: bool,
    /// The figures that must be held.
    pub(crate) guard: Option<PathBuf>,
}

/// Says how to use the program; the lines of the items are added to it.
pub(crate) const USAGE: &str = "\
Measures routed calls against the least that they can cost, in one run.

Usage: cargo bench --bench mesh -- [OPTIONS]

  --items W1,W2     what to measure (default: all)
  --over unix,quic  over what (default: both)
  --rounds N        medians of so many (default: 5)
  --seconds S       time of one measurement (default: 0.5)
  --warm-up S       time before it (default: 0.2)
  --pin CPU|none    the CPU that all processes share (default: 0)
  --payload BYTES   size of a call's body (default: 16)
  --guard FILE      fail if an item costs half as much again, beside the floor, as this file says
  --json            a line of JSON about the machine, and one for each measurement; no table
  --from FILE       do not measure: take what --json printed
  --page            a page of Markdown, no table
  --quick           3 rounds of 0.2 seconds
  --help            this

Where redis-server is on the path, Redis is measured by W7 to W10 over unix as well.
";

impl Options {
    /// `None` if help is asked for.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self::default();
        while let Some(option) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{option} takes a value"));
            match option.as_str() {
                "--items" => {
                    options.items = value()?.split(',').map(Item::from_str).collect::<Result<_, _>>()?
                }
                "--over" => {
                    options.over = value()?.split(',').map(Over::from_str).collect::<Result<_, _>>()?
                }
                "--rounds" => options.rounds = number::<usize>(&option, &value()?)?.max(1),
                "--seconds" => options.time = seconds(&option, &value()?)?,
                "--warm-up" => options.warm_up = seconds(&option, &value()?)?,
                "--pin" => options.cpu = cpu(&option, &value()?)?,
                "--payload" => options.payload_bytes = payload(&option, &value()?)?,
                "--from" => options.from = Some(value()?.into()),
                "--page" => options.page = true,
                "--guard" => options.guard = Some(value()?.into()),
                "--json" => options.json = true,
                "--quick" => options.quicken(),
                "--help" | "-h" => return Ok(None),
                // What `cargo bench` adds.
                "--bench" => {}
                _ => return Err(format!("unknown option {option}")),
            }
        }
        Ok(Some(options))
    }

    fn quicken(&mut self) {
        self.rounds = 3;
        self.time = Duration::from_millis(200);
        self.warm_up = Duration::from_millis(100);
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            items: Item::ALL.to_vec(),
            over: Over::ALL.to_vec(),
            rounds: 5,
            warm_up: Duration::from_millis(200),
            time: Duration::from_millis(500),
            cpu: Some(0),
            payload_bytes: 16,
            json: false,
            from: None,
            page: false,
            guard: None,
        }
    }
}

fn number<N: FromStr>(option: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{option} takes a number, not `{text}`"))
}

fn seconds(option: &str, text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number(option, text)?).map_err(|error| format!("{option} {text}: {error}"))
}

fn cpu(option: &str, text: &str) -> Result<Option<usize>, String> {
    if text == "none" { Ok(None) } else { number(option, text).map(Some) }
}

fn payload(option: &str, text: &str) -> Result<usize, String> {
    let bytes = number(option, text)?;
    if bytes > PAYLOAD_BYTES_MAX {
        return Err(format!("{option} is at most {PAYLOAD_BYTES_MAX}"));
    }
    Ok(bytes)
}

/// Beyond this a body travels in chunks, which is another thing to measure.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
