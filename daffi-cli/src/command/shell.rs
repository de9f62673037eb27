//! A shell command with places for arguments, and one run of it.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use daffi_core::callback::{Context, Fault, Outcome};
use daffi_core::config;
use rmpv::Value;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::group::Group;
use crate::values;

/// The words of a command, with places for parameters in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    words: Vec<Vec<Piece>>,
    /// The names of the parameters, in the order in which they first appear.
    pub(crate) parameters: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Parameter(usize),
}

impl Template {
    /// Reads the words of a command: `{name}` is a parameter, `{{` and `}}` are braces.
    ///
    /// # Errors
    /// If a parameter stands in a script that a shell would run: its text would be run too.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut template = Self { words: Vec::new(), parameters: Vec::new() };
        for word in words {
            let pieces = template.pieces(word);
            template.words.push(pieces);
        }
        match template.script(words) {
            Some(script)
                if template.words[script].iter().any(|piece| matches!(piece, Piece::Parameter(_))) =>
            {
                Err("a parameter in a shell's script would let callers run commands".into())
            }
            _ => Ok(template),
        }
    }

    fn pieces(&mut self, word: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = word;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push_str(&rest[..1]);
                rest = &rest[2..];
            } else if let Some((name, after)) = placeholder(rest) {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Parameter(self.parameter(name)));
                rest = after;
            } else {
                text.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        pieces
    }

    fn parameter(&mut self, name: &str) -> usize {
        self.parameters.iter().position(|known| known == name).unwrap_or_else(|| {
            self.parameters.push(name.to_owned());
            self.parameters.len() - 1
        })
    }

    /// Which word a shell would run as a script, if the command is one.
    fn script(&self, words: &[String]) -> Option<usize> {
        let program = Path::new(words.first()?).file_name()?.to_str()?;
        if !["sh", "bash", "dash", "ash", "zsh", "ksh", "fish"].contains(&program) {
            return None;
        }
        let is_c = |word: &String| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
        let option = words.iter().position(is_c)?;
        (option + 1 < self.words.len()).then_some(option + 1)
    }

    /// The words with arguments in place.
    fn fill(&self, arguments: &[String]) -> Vec<String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Parameter(at) => arguments.get(*at).cloned().unwrap_or_default(),
        };
        let filled = self.words.iter().map(|word| word.iter().map(piece).collect());
        // Without places for them, the arguments follow the command.
        let more = if self.parameters.is_empty() { arguments } else { &[] };
        filled.chain(more.iter().cloned()).collect()
    }

    /// The arguments of a call as texts, in the order of the parameters.
    ///
    /// # Errors
    /// What was given instead.
    pub(crate) fn arguments(&self, body: &[u8]) -> Result<Vec<String>, String> {
        let body = rmpv::decode::read_value(&mut &*body).map_err(|error| error.to_string())?;
        let pairs = match body {
            Value::Array(values) => return Ok(values.iter().map(text_of).collect()),
            Value::Map(pairs) => pairs,
            other => return Err(format!("{other}; arguments are an array or a map")),
        };
        let mut arguments = vec![String::new(); self.parameters.len().max(pairs.len())];
        for (key, value) in &pairs {
            let by_name = || self.parameters.iter().position(|name| Some(name.as_str()) == key.as_str());
            let at = key.as_u64().and_then(|at| usize::try_from(at).ok()).or_else(by_name);
            let slot = at.and_then(|at| arguments.get_mut(at));
            *slot.ok_or_else(|| format!("an argument {key}, which it does not have"))? = text_of(value);
        }
        Ok(arguments)
    }
}

/// The name in `{name}` at the beginning of `text`, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let mut chars = name.chars();
    let begins_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    (begins_well && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some((name, after))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::String(text) => text.as_str().unwrap_or_default().to_owned(),
        other => values::to_json(other).to_string(),
    }
}

/// Runs the command once: what it prints is the result.
///
/// # Errors
/// If it cannot be started, fails, prints too much, or is cancelled; it is ended then, with what it started.
///
/// # Cancel safety
/// Dropping the future kills the command and what it started.
pub(crate) async fn run(template: &Template, arguments: Vec<String>, context: &Context) -> Outcome {
    let words = template.fill(&arguments);
    let (program, rest) = words.split_first().expect("the command line asks for at least one word");
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what the command starts ends with it.
    command.process_group(0).kill_on_drop(true).env("DAFFI_CALLER", context.caller().as_str());
    for (name, value) in template.parameters.iter().zip(&arguments) {
        command.env(format!("DAFFI_ARG_{name}"), value);
    }
    let child =
        command.spawn().map_err(|error| failed("spawn", format!("cannot start `{program}`: {error}")))?;
    let group = Group::of(&child);
    let mut finish = std::pin::pin!(finish(child));
    let finished = tokio::select! {
        finished = &mut finish => finished,
        () = context.cancelled() => {
            group.signal(Signal::TERM);
            // Whether it ended by itself or has to be killed below: nobody wants its result any more.
            tokio::time::timeout(TERMINATE_TIME, finish).await.ok();
            return Err(failed("cancelled", "it was cancelled".into()));
        }
    };
    let (status, out, errors) = finished.map_err(|error| failed("io", error.to_string()))?;
    if out.len() > OUTPUT_BYTES_MAX {
        return Err(failed("output", format!("it printed more than {OUTPUT_BYTES_MAX} bytes")));
    }
    group.leave();
    if !status.success() {
        return Err(unsuccessful(program, status, &errors));
    }
    Ok(values::encode(&result(out)))
}

/// How long a cancelled command may take to tidy up. Shorter than the grace that the node gives.
const TERMINATE_TIME: Duration = Duration::from_millis(800);
/// The longest output that is a result: a reply has some more bytes than that.
const OUTPUT_BYTES_MAX: usize = config::BODY_BYTES_MAX - 16;
/// How much of stderr is kept, from its end.
const ERROR_BYTES_MAX: usize = 4_096;
/// How many lines of stderr the caller gets.
const ERROR_LINES_MAX: usize = 10;

/// What was printed, without its last newline. What is not a text stays bytes.
fn result(mut out: Vec<u8>) -> Value {
    if out.last() == Some(&b'\n') {
        out.pop();
        if out.last() == Some(&b'\r') {
            out.pop();
        }
    }
    String::from_utf8(out).map_or_else(|error| Value::Binary(error.into_bytes()), Value::from)
}

async fn finish(mut child: Child) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let out = child.stdout.take().expect("it was asked for");
    let errors = child.stderr.take().expect("it was asked for");
    let (out, errors) = tokio::try_join!(beginning(out), end(errors))?;
    // Past the bound the rest is not read, and the command would wait for ever to write it.
    if out.len() > OUTPUT_BYTES_MAX {
        child.start_kill()?;
    }
    Ok((child.wait().await?, out, errors))
}

async fn beginning(from: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(OUTPUT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn end(mut from: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while from.read_buf(&mut bytes).await? > 0 {
        let surplus = bytes.len().saturating_sub(ERROR_BYTES_MAX);
        bytes.drain(..surplus);
    }
    Ok(bytes)
}

fn unsuccessful(program: &str, status: ExitStatus, errors: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(errors);
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).collect();
    let last: Vec<&str> = lines.into_iter().take(ERROR_LINES_MAX).rev().collect();
    let how = status.to_string();
    let said = if last.is_empty() { String::new() } else { format!(": {}", last.join("\n")) };
    failed(&how, format!("`{program}` ended with {how}{said}"))
}

fn failed(kind: &str, message: String) -> Fault {
    Fault::Failed { kind: kind.to_owned(), message, chain: Vec::new(), value: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(words: &[&str]) -> Result<Template, String> {
        Template::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    fn filled(words: &[&str], arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        template(words).unwrap().fill(&arguments)
    }

    #[test]
    fn names_in_braces_are_parameters_and_other_braces_are_not() {
        let words = ["cp", "{from}", "{to}/{from}", "{print $1}", "{{from}}", "{", "}"];

        assert_eq!(template(&words).unwrap().parameters, ["from", "to"]);
        assert_eq!(
            filled(&words, &["a b", "/tmp"]),
            ["cp", "a b", "/tmp/a b", "{print $1}", "{from}", "{", "}"]
        );
    }

    #[test]
    fn without_parameters_the_arguments_follow_the_command() {
        assert_eq!(filled(&["ls", "-l"], &["a", "b"]), ["ls", "-l", "a", "b"]);
    }

    #[test]
    fn a_parameter_never_becomes_part_of_a_script() {
        assert!(template(&["sh", "-c", "echo {x}"]).unwrap_err().contains("run commands"));
        assert!(template(&["/bin/bash", "-ec", "echo {x}"]).is_err());
        assert_eq!(filled(&["sh", "-c", "echo $1", "sh", "{x}"], &["$(id)"])[4], "$(id)");
    }

    #[test]
    fn arguments_come_by_position_or_by_name() {
        let template = template(&["x", "{a}", "{b}"]).unwrap();
        let by_name = Value::Map(vec![("b".into(), 2.into()), (0.into(), "one".into())]);
        let strange = Value::Map(vec![("c".into(), 2.into())]);

        assert_eq!(template.arguments(&values::encode(&by_name)), Ok(vec!["one".into(), "2".into()]));
        assert!(template.arguments(&values::encode(&strange)).unwrap_err().contains("\"c\""));
    }

    #[test]
    fn the_result_is_what_was_printed_without_the_last_newline() {
        assert_eq!(result(b"a\n\n".to_vec()), Value::from("a\n"));
        assert_eq!(result(vec![0xff]), Value::Binary(vec![0xff]));
    }
}
