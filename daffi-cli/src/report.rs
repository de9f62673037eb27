//! What went wrong, for people in rustc's shape and for programs as JSON, and the exit code.

use std::fmt::Write as _;
use std::io;

use daffi_core::error::{CallError, Code, ConnectError, DataError, Error, Ran, SpaceError, Stage};
use serde_json::{Value as Json, json};

use crate::duration;
use crate::line::CommandLine;
use crate::render::printable;
use crate::values;

/// How a command ends when it does not end well.
#[derive(Debug)]
pub(crate) enum End {
    /// Something went wrong that somebody should read.
    Problem(Box<Problem>),
    /// The reader of our output went away: nothing is left to say, and nobody to say it to.
    ClosedPipe,
    /// Interrupted from the keyboard.
    Interrupted,
    /// Told to end, as by `timeout`.
    Terminated,
}

/// What a command comes to: its exit code, or how it ended otherwise.
pub(crate) type Outcome = Result<u8, End>;

/// Exit code: no. An absent key, an unknown job, a pattern that matches nothing.
pub(crate) const NO: u8 = 1;
/// Exit code: the command line cannot be understood.
pub(crate) const USAGE: u8 = 2;
/// Exit code: a broadcast of which some failed.
pub(crate) const PARTIAL: u8 = 6;
/// Exit code: the controller cannot be reached.
pub(crate) const UNREACHABLE: u8 = 69;
/// Exit code: a bug in this program.
pub(crate) const BUG: u8 = 70;
/// Exit code: interrupted.
pub(crate) const INTERRUPTED: u8 = 130;
/// Exit code: told to end; what a shell shows of a process that SIGTERM killed.
pub(crate) const TERMINATED: u8 = 143;
/// Exit code: the reader of the pipe went away.
pub(crate) const CLOSED_PIPE: u8 = 141;

/// What addresses look like.
pub(crate) const ADDRESSES: &str = "an address is unix:///path/to/socket or quic://host:port";

/// Something went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// The stable code, if it has one.
    pub(crate) code: Option<Code>,
    /// The exit code.
    pub(crate) exit: u8,
    /// What went wrong, in one line.
    pub(crate) message: String,
    /// Whether the callback may have run, if there was one.
    pub(crate) ran: Option<Ran>,
    /// The node that was called, if the problem is about it.
    pub(crate) node: Option<String>,
    /// The callback's own error, if it is more than a text.
    pub(crate) value: Option<Json>,
    /// The word of the command line that is to blame, and why.
    pub(crate) pointer: Option<(usize, String)>,
    /// What else is known.
    pub(crate) notes: Vec<Note>,
    /// What to do, with a command to type where there is one.
    pub(crate) help: Vec<(String, Option<String>)>,
}

/// What else is known.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    text: String,
    /// First and last column that are underlined.
    underlined: Option<(usize, usize)>,
}

impl Problem {
    /// A problem with a code.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::plain(code.exit(), message) }
    }

    /// A problem that is this command line's own.
    pub(crate) fn plain(exit: u8, message: impl Into<String>) -> Self {
        let message = message.into();
        let (notes, help) = (Vec::new(), Vec::new());
        Self { code: None, exit, message, ran: None, node: None, value: None, pointer: None, notes, help }
    }

    /// A command line that cannot be understood.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::plain(USAGE, message)
    }

    /// Adds what else is known.
    #[must_use]
    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note { text: text.into(), underlined: None });
        self
    }

    /// Adds what else is known, with `part` of it underlined.
    #[must_use]
    pub(crate) fn note_underlined(mut self, text: String, part: Option<&str>) -> Self {
        let underlined = part.and_then(|part| {
            let start = text.get(..text.find(part)?)?.chars().count();
            Some((start, start + part.chars().count()))
        });
        self.notes.push(Note { text, underlined });
        self
    }

    /// Points at a word of the command line.
    #[must_use]
    pub(crate) fn at(mut self, word: Option<usize>, why: impl Into<String>) -> Self {
        self.pointer = word.map(|word| (word, why.into()));
        self
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push((text.into(), None));
        self
    }

    /// Adds what to do and the command that does it.
    #[must_use]
    pub(crate) fn help_command(mut self, text: impl Into<String>, command: String) -> Self {
        self.help.push((text.into(), Some(command)));
        self
    }

    /// Why a call of `callback` has no result.
    pub(crate) fn of_call(error: &CallError, callback: &str) -> Self {
        Self::of_headline(error, headline(error, callback))
    }

    /// Why the controller did not do what it was asked.
    pub(crate) fn of_controller(error: &CallError) -> Self {
        Self::of_headline(error, controller_headline(error))
    }

    fn of_headline(error: &CallError, headline: String) -> Self {
        let code = error.code();
        let mut problem = Self::new(code, headline);
        problem.exit = exit_of(error);
        problem.ran = Some(error.ran());
        problem.node = error.node().map(ToString::to_string);
        problem.value = error.downcast().map(|value| values::to_json(&value));
        match error {
            CallError::Remote { chain, .. } => {
                for cause in chain {
                    problem = problem.note(format!("caused by: {cause}"));
                }
            }
            CallError::Panicked { at, .. } => problem = problem.note(format!("at {at}")),
            CallError::TooFew { failures, .. } => {
                for (node, why) in failures {
                    problem = problem.note(format!("{node}: {why}"));
                }
            }
            CallError::NodeLost { ran, .. } | CallError::Disconnected { ran } => {
                problem = problem.note(ran.to_string()).help(code.explanation().remedy);
            }
            CallError::Busy { .. } | CallError::Denied { .. } | CallError::TooLarge { .. } => {
                problem = problem.help(code.explanation().remedy);
            }
            _ => {}
        }
        problem
    }

    /// Why the mesh could not be joined at an address that comes from `origin`, and is the default without one.
    pub(crate) fn of_connect(error: &ConnectError, origin: Option<&str>) -> Self {
        let code = error.code();
        let whence = match origin {
            Some(origin) => format!("the address comes from {origin}"),
            None => "the address is the default, a socket of your own".to_owned(),
        };
        match error {
            ConnectError::Unreachable { address, tried, after } => {
                let listen = match origin {
                    Some(_) => format!(" --listen {}", crate::line::quoted(address)),
                    None => String::new(),
                };
                let mut problem = Self::new(code, format!("cannot reach the controller at {address}"));
                for reason in tried {
                    problem = problem.note(reason.clone());
                }
                problem
                    .note(format!("tried for {}", duration::show(*after)))
                    .note(whence)
                    .help(format!("start one here: daffi controller{listen}"))
            }
            ConnectError::BadAddress { .. } => {
                Self::new(code, error.to_string()).note(whence).help(ADDRESSES)
            }
            // It says what to do.
            ConnectError::Credentials { .. } => Self::new(code, error.to_string()),
            ConnectError::NameTaken { .. } => Self::new(code, error.to_string())
                .help("choose another name, or stop the other node; see who is there: daffi nodes"),
            _ => Self::new(code, error.to_string()).help(code.explanation().remedy),
        }
    }

    /// For people: rustc's shape.
    pub(crate) fn text(&self, line: &CommandLine, color: bool) -> String {
        let paint = |style: &str, text: &str| {
            if color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
        };
        let code = self.code.map_or_else(String::new, |code| format!("[{code}]"));
        let mut text = format!("{}: {}\n", paint("1;31", &format!("error{code}")), printable(&self.message));
        let mut add = |line: String| {
            text.push_str(line.trim_end());
            text.push('\n');
        };
        if let Some((word, why)) = &self.pointer {
            let (start, width) = line.columns(*word);
            add(format!("  {} {}", paint("1;34", "-->"), line));
            let carets = "^".repeat(width.max(1));
            add(format!("      {}{} {}", " ".repeat(start), paint("1;31", &carets), printable(why)));
        }
        for note in &self.notes {
            let label = if note.underlined.is_some() { "note: " } else { "" };
            add(format!("  {} {label}{}", paint("1;34", "="), printable(&note.text)));
            if let Some((start, end)) = note.underlined {
                let dashes = "-".repeat(end.saturating_sub(start));
                add(format!("    {}{}", " ".repeat(label.len() + start), paint("1;34", &dashes)));
            }
        }
        for (help, command) in &self.help {
            add(format!("{}: {}", paint("1;36", "help"), printable(help)));
            if let Some(command) = command {
                add(format!("      {command}"));
            }
        }
        text
    }

    /// For programs: one object.
    pub(crate) fn json(&self) -> Json {
        json!({ "v": 1, "ok": false, "error": self.json_error() })
    }

    /// For programs: what stands under `error`.
    pub(crate) fn json_error(&self) -> Json {
        let notes = self.notes.iter().map(|note| note.text.clone());
        let pointer = self.pointer.iter().map(|(_, why)| why.clone());
        let help = self.help.iter().map(|(help, command)| {
            command.as_ref().map_or_else(|| help.clone(), |command| format!("{help}: {command}"))
        });
        json!({
            "code": self.code.map_or_else(|| "usage".to_owned(), |code| code.to_string()),
            "exit": self.exit,
            "ran": self.ran.map(word),
            "node": self.node,
            "value": self.value,
            "message": self.message,
            "notes": pointer.chain(notes).collect::<Vec<_>>(),
            "help": help.collect::<Vec<_>>(),
        })
    }
}

fn word(ran: Ran) -> &'static str {
    match ran {
        Ran::No => "no",
        Ran::Maybe => "maybe",
        Ran::Yes => "yes",
    }
}

fn headline(error: &CallError, callback: &str) -> String {
    match error {
        CallError::NoSuchCallback { name, .. } => format!("nobody offers a callback `{name}`"),
        CallError::NoSuchNode { node, .. } => format!("no node `{node}` offers `{callback}`"),
        CallError::BadArguments { .. } => format!("`{callback}` cannot take these arguments"),
        CallError::TimedOut { after, .. } => {
            format!("no reply from `{callback}` within {}", duration::show(*after))
        }
        CallError::Remote { node, message, .. } => format!("`{callback}` failed on {node}: {message}"),
        CallError::Panicked { node, message, .. } => format!("`{callback}` panicked on {node}: {message}"),
        CallError::NodeLost { node, .. } => format!("the node {node} was lost during `{callback}`"),
        CallError::Disconnected { ran: Ran::Maybe } => {
            format!("the connection to the controller broke during `{callback}`")
        }
        CallError::TooFew { wanted, got, .. } => {
            format!("{got} of at least {wanted} nodes answered `{callback}` with a value")
        }
        other => format!("cannot call `{callback}`: {other}"),
    }
}

/// People asked for something and not for a call: they are not told of one.
fn controller_headline(error: &CallError) -> String {
    match error {
        CallError::BadArguments { got, .. } => format!("the controller refuses: {got}"),
        CallError::TimedOut { stage: Stage::Waiting, after, .. } => {
            format!("it would have had to wait longer than {}", duration::show(*after))
        }
        CallError::TimedOut { after, .. } => {
            format!("no reply from the controller within {}", duration::show(*after))
        }
        CallError::Disconnected { .. } => "the connection to the controller broke".to_owned(),
        CallError::Denied { .. } => error.to_string(),
        other => format!("the controller refuses: {other}"),
    }
}

/// The exit code of a failed call.
pub(crate) fn exit_of(error: &CallError) -> u8 {
    match error {
        // It never left: the controller is what is missing, and trying again is safe.
        CallError::Disconnected { ran: Ran::No } => UNREACHABLE,
        other => other.code().exit(),
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<CallError> for End {
    fn from(error: CallError) -> Self {
        Problem::of_controller(&error).into()
    }
}

impl From<DataError> for End {
    fn from(error: DataError) -> Self {
        let code = error.code();
        match error {
            DataError::Call(error) => error.into(),
            // The message says what was wrong with what was typed.
            DataError::Invalid { what } => Problem::new(code, what).into(),
            other => {
                let remedy = match (&other, code) {
                    (DataError::Space(SpaceError::Syntax { .. }), _) => DESCRIPTION,
                    (DataError::Space(_), Code::BadArguments) => DESCRIBED,
                    (DataError::Space(_), Code::WrongValue) => {
                        "See what the object has with `daffi space get`."
                    }
                    _ => code.explanation().remedy,
                };
                let mut problem = Problem::new(code, other.to_string()).help(remedy);
                problem.ran = Some(other.ran());
                problem.into()
            }
        }
    }
}

/// What to do about what is no description.
const DESCRIPTION: &str = "`daffi space add --help` has a description in full.";

/// What to do about what does not fit a space.
const DESCRIBED: &str =
    "See its attributes and their types with `daffi space show`; `daffi space --help` has an example.";

impl From<Error> for End {
    fn from(error: Error) -> Self {
        if let Error::Data(error) = error {
            return error.into();
        }
        let code = error.code();
        Problem::new(code, error.to_string()).help(code.explanation().remedy).into()
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ClosedPipe;
        }
        let mut message = String::from("input or output failed");
        write!(message, ": {error}").expect("a String takes all text");
        Problem::plain(NO, message).into()
    }
}

#[cfg(test)]
mod tests {
    use daffi_core::error::ErrorValue;
    use daffi_core::name::NodeName;

    use super::*;

    fn line(words: &[&str]) -> CommandLine {
        CommandLine::new(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn an_error_points_at_the_word_and_says_what_to_type_next() {
        let line = line(&["daffi", "call", "func33", "4", "6"]);
        let problem = Problem::new(Code::NoSuchCallback, "nobody offers a callback `func33`")
            .at(Some(2), "not among the 3 callbacks of 2 nodes")
            .help_command("a callback with a similar name exists: `func3`", line.with(2, "func3"));

        assert_eq!(
            problem.text(&line, false),
            "error[D0404]: nobody offers a callback `func33`\n  \
               --> daffi call func33 4 6\n                 \
                              ^^^^^^ not among the 3 callbacks of 2 nodes\n\
             help: a callback with a similar name exists: `func3`\n      \
                   daffi call func3 4 6\n"
        );
    }

    #[test]
    fn a_signature_is_underlined_where_it_does_not_fit() {
        let note = "func3(a: i64, b: i64) -> i64   on proc1".to_owned();
        let problem = Problem::new(Code::BadArguments, "no").note_underlined(note, Some("b: i64"));

        let text = problem.text(&line(&["daffi"]), false);

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "  = note: func3(a: i64, b: i64) -> i64   on proc1");
        assert_eq!(lines[2].find('-'), lines[1].find("b: i64"));
        assert_eq!(lines[2].trim(), "------");
    }

    #[test]
    fn a_call_that_never_left_is_told_from_one_whose_outcome_is_unknown() {
        assert_eq!(exit_of(&CallError::Disconnected { ran: Ran::No }), UNREACHABLE);
        assert_eq!(exit_of(&CallError::Disconnected { ran: Ran::Maybe }), 75);
        let node = NodeName::new("proc1").unwrap();
        assert_eq!(exit_of(&CallError::NodeLost { node, ran: Ran::Maybe }), 75);
    }

    #[test]
    fn what_the_controller_refuses_is_said_with_its_reason_and_not_as_a_call() {
        let taken = "there is a token `web` already";
        let refused = CallError::BadArguments { expected: "a token".into(), got: taken.into() };
        let lost = CallError::Disconnected { ran: Ran::Maybe };

        assert_eq!(Problem::of_controller(&refused).message, format!("the controller refuses: {taken}"));
        assert_eq!(Problem::of_controller(&lost).message, "the connection to the controller broke");
    }

    #[test]
    fn an_error_as_json_has_its_stable_code() {
        let error = CallError::NoSuchCallback { name: "f".into(), similar: vec![] };

        let json = Problem::of_call(&error, "f").json();

        assert_eq!(json["error"]["code"], "D0404");
        assert_eq!(json["error"]["exit"], 4);
        assert_eq!(json["error"]["ran"], "no");
        assert_eq!(json["v"], 1);
    }

    #[test]
    fn the_callbacks_own_error_is_there_for_programs() {
        let (node, value) = (NodeName::new("proc1").unwrap(), ErrorValue::new([0x93, 1, 2, 3]));
        let (kind, message, chain) = ("E".to_owned(), "no".to_owned(), Vec::new());
        let error = CallError::Remote { node, kind, message, chain, value: Some(value) };

        let json = Problem::of_call(&error, "f").json();

        assert_eq!(json["error"]["node"], "proc1");
        assert_eq!(json["error"]["value"], json!([1, 2, 3]));
    }
}
