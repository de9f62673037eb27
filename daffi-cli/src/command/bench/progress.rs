//! What is said while it runs.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::args::Load;
use crate::duration;
use crate::mesh::App;
use crate::render::Shape;

/// What was asked for, in words and for programs.
#[derive(Debug)]
pub(super) struct Heading {
    /// The kind of operation, as it is typed.
    pub(super) bench: &'static str,
    /// What is done.
    pub(super) what: String,
    /// What one of them is called, as there are many.
    pub(super) unit: &'static str,
    /// The user's callback.
    pub(super) callback: Option<String>,
    /// Bytes of the body, if it is known.
    pub(super) size: Option<u64>,
    /// Nodes of this process that answer.
    pub(super) nodes: u64,
}

impl Heading {
    /// The beginning of the first line.
    fn text(&self, load: &Load) -> String {
        let mut text = self.what.clone();
        match load.count {
            Some(count) => text.push_str(&format!(" x {}", grouped(count))),
            None => text.push_str(&format!(" for {}", duration::show(load.time().unwrap_or_default()))),
        }
        let s = if load.clients == 1 { "" } else { "s" };
        text.push_str(&format!(", {} client{s}", grouped(load.clients)));
        if load.outstanding > 1 {
            text.push_str(&format!(" x {} outstanding", grouped(load.outstanding)));
        }
        if let Some(rate) = load.rate {
            text.push_str(&format!(", {}/s wanted", grouped(rate)));
        }
        text
    }
}

/// A line on a terminal that is drawn over and over.
#[derive(Debug)]
pub(super) struct Progress {
    heading: String,
    unit: &'static str,
    is_shown: bool,
}

impl Progress {
    /// Shown where somebody watches.
    pub(super) fn new(app: &App, heading: &Heading, load: &Load) -> Self {
        let is_watched = io::stdout().is_terminal() && io::stderr().is_terminal();
        let is_shown = is_watched && !app.screen.is_quiet() && app.screen.single() == Shape::Table;
        Self { heading: heading.text(load), unit: heading.unit, is_shown }
    }

    /// Draws it, with the part that is done, from 0 to 1.
    pub(super) fn draw(&self, part: f64, done: u64, time: Duration) {
        if self.is_shown {
            let line = self.line(part, rate(done, time));
            write!(io::stderr(), "\r{line}\x1b[K").ok();
        }
    }

    /// Takes it away.
    pub(super) fn clear(&self) {
        if self.is_shown {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }

    /// It as a line.
    pub(super) fn line(&self, part: f64, rate: f64) -> String {
        let rate = format!("{} {}/s", grouped_rate(rate), self.unit);
        if !self.is_shown {
            return format!("{}   {rate}", self.heading);
        }
        let (full, percent) = ((part * BAR_CELLS as f64) as usize, (part * 100.0) as u64);
        let bar = format!("▕{}{}▏", "█".repeat(full), " ".repeat(BAR_CELLS - full));
        format!("{}   {bar} {percent:>3} %   {rate}", self.heading)
    }
}

/// How wide the bar is.
const BAR_CELLS: usize = 10;

/// Operations a second.
pub(super) fn rate(done: u64, time: Duration) -> f64 {
    // Shorter than any operation takes; so it is a number in any case.
    done as f64 / time.as_secs_f64().max(1e-9)
}

/// A rate to the digits that somebody wants to read.
fn grouped_rate(rate: f64) -> String {
    if rate < 99.95 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(grouped_rate(0.46), "0.5");
        assert_eq!(grouped_rate(212_400.4), "212,400");
    }

    #[test]
    fn a_terminal_sees_how_far_it_is() {
        let mut progress = Progress { heading: "call f x 10".into(), unit: "calls", is_shown: true };
        assert_eq!(progress.line(0.42, 1_000.0), "call f x 10   ▕████      ▏  42 %   1,000 calls/s");

        progress.is_shown = false;
        assert_eq!(progress.line(0.42, 1_000.0), "call f x 10   1,000 calls/s");
    }
}
