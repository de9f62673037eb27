//! What stdout gets: values, tables, JSON.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use rmpv::Value;
use serde_json::{Map, Value as Json};

use crate::args::{Color, Format, Global};
use crate::report::End;
use crate::values;

/// What the output looks like, with `auto` decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Tables, values for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Bare values.
    Raw,
}

/// Where output and messages go, and what they look like.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    format: Format,
    terminal: bool,
    /// Whether messages on stderr are coloured.
    pub(crate) color: bool,
    quiet: bool,
}

/// One line of a table, and the same as an object.
#[derive(Debug)]
pub(crate) struct Row {
    /// For people.
    pub(crate) cells: Vec<String>,
    /// For programs.
    pub(crate) object: Json,
}

impl Screen {
    /// The screen that the options ask for.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            format: if global.json { Format::Jsonl } else { global.output },
            terminal: io::stdout().is_terminal(),
            color: is_colored(global.color),
            quiet: global.quiet,
        }
    }

    /// What a listing looks like.
    pub(crate) fn listing(&self) -> Shape {
        match self.format {
            Format::Auto if self.terminal => Shape::Table,
            Format::Auto | Format::Jsonl => Shape::Jsonl,
            Format::Table => Shape::Table,
            Format::Json => Shape::Json,
            Format::Raw => Shape::Raw,
        }
    }

    /// What a single answer looks like: in a pipe a plain value too.
    pub(crate) fn single(&self) -> Shape {
        if self.format == Format::Auto { Shape::Table } else { self.listing() }
    }

    /// Whether programs read what is printed, errors included.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.format, Format::Json | Format::Jsonl)
    }

    /// Whether nobody wants to be told anything but errors.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a line.
    ///
    /// # Errors
    /// [`End::ClosedPipe`] if nobody reads.
    pub(crate) fn line(&self, text: &str) -> Result<(), End> {
        Ok(writeln!(io::stdout(), "{text}")?)
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// [`End::ClosedPipe`] if nobody reads.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), End> {
        Ok(io::stdout().write_all(bytes)?)
    }

    /// Sees that whoever reads has all that was printed.
    ///
    /// # Errors
    /// [`End::ClosedPipe`] if nobody reads.
    pub(crate) fn flush(&self) -> Result<(), End> {
        Ok(io::stdout().flush()?)
    }

    /// Says something on stderr, unless that was not wanted. Names in it may be anybody's.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            // Nobody is left to be told that stderr is closed.
            writeln!(io::stderr(), "{}", printable(text)).ok();
        }
    }

    /// Prints one answer: `text` for people, `raw` bare, `object` for programs.
    ///
    /// # Errors
    /// [`End::ClosedPipe`] if nobody reads.
    pub(crate) fn answer(&self, text: &str, raw: &str, object: &Json) -> Result<(), End> {
        match self.single() {
            Shape::Table => self.line(text),
            Shape::Raw => self.line(raw),
            Shape::Json => self.document(object),
            Shape::Jsonl => self.line(&object.to_string()),
        }
    }

    /// Prints a JSON document: over several lines on a terminal, unless lines were asked for.
    ///
    /// # Errors
    /// [`End::ClosedPipe`] if nobody reads.
    pub(crate) fn document(&self, json: &Json) -> Result<(), End> {
        let is_pretty = self.terminal && self.format != Format::Jsonl;
        self.line(&if is_pretty { pretty(json) } else { json.to_string() })
    }

    /// Prints a listing. Bare, it is the first column.
    ///
    /// # Errors
    /// [`End::ClosedPipe`] if nobody reads.
    pub(crate) fn rows(&self, headers: &[&str], rows: Vec<Row>) -> Result<(), End> {
        match self.listing() {
            Shape::Table if rows.is_empty() => self.say("(none)"),
            Shape::Table => self.line(&table(headers, &rows))?,
            Shape::Json => self.document(&rows.into_iter().map(|row| row.object).collect())?,
            Shape::Jsonl => {
                rows.iter().try_for_each(|row| self.line(&row.object.to_string()))?;
            }
            Shape::Raw => {
                rows.iter().try_for_each(|row| self.line(row.cells.first().map_or("", String::as_str)))?;
            }
        }
        Ok(())
    }

    /// Prints the result of a call as it is: texts bare, everything else as JSON, nothing for the unit type.
    ///
    /// # Errors
    /// [`End::ClosedPipe`] if nobody reads.
    pub(crate) fn value(&self, value: &Value, ty: &str) -> Result<(), End> {
        let newline: &[u8] = if self.format == Format::Raw { b"" } else { b"\n" };
        match value {
            Value::Nil if matches!(ty, "" | "()" | "None") => Ok(()),
            Value::String(text) => self.bytes(&[text.as_bytes(), newline].concat()),
            // On a terminal bytes could be anything, commands to the terminal included.
            Value::Binary(bytes) if !self.terminal || self.format == Format::Raw => self.bytes(bytes),
            other => self.document(&values::to_json(other)),
        }
    }
}

fn is_colored(when: Color) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match when {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            io::stderr().is_terminal() && !set("NO_COLOR") && !dumb
        }
    }
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_else(|_| json.to_string())
}

/// A value in a cell of a table: one line.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::String(text) => {
            let text = text.as_str().unwrap_or("(not UTF-8)");
            let mut lines = text.lines();
            let first = printable(lines.next().unwrap_or_default());
            if lines.next().is_some() { format!("{first} …") } else { first }
        }
        other => values::to_json(other).to_string(),
    }
}

/// A text of another process without what would command the terminal.
pub(crate) fn printable(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    let escaped = |c: char| if is_plain(c) { c.to_string() } else { c.escape_default().to_string() };
    text.chars().map(escaped).collect()
}

/// A value as a command gets it on stdin: as it is printed in a pipe.
pub(crate) fn input(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => [text.as_bytes(), b"\n"].concat(),
        Value::Binary(bytes) => bytes.clone(),
        other => format!("{}\n", values::to_json(other)).into_bytes(),
    }
}

/// A value as a text of its own.
pub(crate) fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        other => values::to_json(other).to_string(),
    }
}

/// The time since `started`, in milliseconds to a tenth.
pub(crate) fn since(started: Instant) -> Json {
    ((started.elapsed().as_secs_f64() * 1e4).round() / 10.0).into()
}

/// An object of schema 1.
pub(crate) fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    let version = ("v".to_owned(), Json::from(1));
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Json::Object(Map::from_iter(std::iter::once(version).chain(fields)))
}

fn table(headers: &[&str], rows: &[Row]) -> String {
    let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
    let lines: Vec<&Vec<String>> =
        std::iter::once(&headers).chain(rows.iter().map(|row| &row.cells)).collect();
    let widths: Vec<usize> = (0..headers.len())
        .map(|column| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let pad = |(cell, width_max): (&String, &usize)| format!("{cell}{}", " ".repeat(width_max - width(cell)));
    let line = |cells: &&Vec<String>| {
        let cells: Vec<String> = cells.iter().zip(&widths).map(pad).collect();
        cells.join("   ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| Row { cells: cells.map(str::to_owned).to_vec(), object: Json::Null };

        let table = table(&["NODE", "RESULT"], &[row(["proc1", "0.41"]), row(["p", "µ"])]);

        assert_eq!(table, "NODE    RESULT\nproc1   0.41\np       µ");
    }

    #[test]
    fn an_object_says_its_schema_first() {
        let object = object([("b", 1.into()), ("a", 2.into())]);

        assert_eq!(object.to_string(), r#"{"v":1,"b":1,"a":2}"#);
    }

    #[test]
    fn a_cell_has_one_line() {
        assert_eq!(cell(&"a\nb".into()), "a …");
        assert_eq!(cell(&"\x1b[2J".into()), "\\u{1b}[2J");
        assert_eq!(cell(&Value::Nil), "");
        assert_eq!(cell(&Value::from(4)), "4");
    }
}
