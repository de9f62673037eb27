//! The command line as it was typed, to point into it.

use std::fmt;

use clap::{Command, CommandFactory};

use crate::args::Cli;

/// The words of the command line, the program's name first.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    words: Vec<String>,
}

impl CommandLine {
    /// Takes the words; the program is always called `daffi`.
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Self {
        let words = std::iter::once("daffi".to_owned()).chain(words.skip(1)).collect();
        Self { words }
    }

    /// Which words are neither options nor their values, the program's name and the command's left out.
    pub(crate) fn operands(&self) -> Vec<usize> {
        let cli = Cli::command();
        let mut command = &cli;
        let mut operands = Vec::new();
        let mut words = self.words.iter().enumerate().skip(1);
        while let Some((at, word)) = words.next() {
            if word == "--" {
                operands.extend(words.by_ref().map(|(at, _)| at));
            } else if takes_next(&cli, command, word) {
                words.next();
            } else if let Some(sub) = command.find_subcommand(word).filter(|_| operands.is_empty()) {
                command = sub;
            } else if !is_option(word) {
                operands.push(at);
            }
        }
        operands
    }

    /// The word that gives the option `--long` this value.
    pub(crate) fn value_of(&self, long: &str, value: &str) -> Option<usize> {
        let joined = format!("{long}={value}");
        let follows = |at: usize| at > 0 && self.words[at - 1] == long && self.words[at] == value;
        (0..self.words.len()).find(|at| self.words[*at] == joined || follows(*at))
    }

    /// The line with `old` replaced in the word at `at`.
    pub(crate) fn replaced(&self, at: usize, old: &str, new: &str) -> String {
        let word = self.words.get(at).map_or_else(String::new, |word| word.replace(old, new));
        self.with(at, &word)
    }

    /// Where the word at `at` begins, and how wide it is.
    pub(crate) fn columns(&self, at: usize) -> (usize, usize) {
        let width = |word: &String| quoted(word).chars().count();
        let start = self.words.iter().take(at).map(|word| width(word) + 1).sum();
        (start, self.words.get(at).map_or(0, width))
    }

    /// The line of somebody who is sure: `--yes` stands before what is none of our options.
    pub(crate) fn with_yes(&self) -> String {
        let mut line = self.clone();
        let at = line.words.iter().position(|word| word == "--").unwrap_or(line.words.len());
        line.words.insert(at, "--yes".to_owned());
        line.to_string()
    }

    /// The line with another word at `at`.
    pub(crate) fn with(&self, at: usize, word: &str) -> String {
        let mut line = self.clone();
        if let Some(old) = line.words.get_mut(at) {
            word.clone_into(old);
        }
        line.to_string()
    }
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-') && word.parse::<f64>().is_err()
}

/// Whether `word` is an option whose value is the next word.
fn takes_next(cli: &Command, command: &Command, word: &str) -> bool {
    if !is_option(word) || word.contains('=') {
        return false;
    }
    let mut arguments = cli.get_arguments().chain(command.get_arguments());
    let option = match word.strip_prefix("--") {
        Some(long) => arguments.find(|argument| argument.get_long() == Some(long)),
        // Of `-vt 5` the last letter decides.
        None => arguments.find(|argument| argument.get_short() == word.chars().last()),
    };
    option.is_some_and(|argument| argument.get_action().takes_values())
}

/// A word as a shell would need it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:=@,+%^".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if word.chars().any(char::is_control) {
        return format!("${:?}", word).replace('"', "'");
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.words.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operands(line: &str) -> Vec<String> {
        let line = CommandLine::new(line.split(' ').map(str::to_owned));
        line.operands().into_iter().map(|at| line.words[at].clone()).collect()
    }

    #[test]
    fn options_and_their_values_are_not_operands() {
        assert_eq!(operands("daffi -t 5 call f 4 --mode bg -6 -q 6"), ["f", "4", "-6", "6"]);
        assert_eq!(operands("daffi call f --mode=bg -- -x call"), ["f", "-x", "call"]);
        assert_eq!(operands("daffi jobs result 7f3a --json"), ["7f3a"]);
        assert_eq!(operands("daffi call call call"), ["call", "call"]);
    }

    #[test]
    fn the_value_of_an_option_is_found_in_both_spellings() {
        let line = CommandLine::new("daffi call f proc --on proc".split(' ').map(str::to_owned));
        assert_eq!(line.value_of("--on", "proc"), Some(5));

        let line = CommandLine::new("daffi call f --on=proc".split(' ').map(str::to_owned));
        assert_eq!(line.value_of("--on", "proc"), Some(3));
        assert_eq!(line.replaced(3, "proc", "proc1"), "daffi call f --on=proc1");
    }

    #[test]
    fn columns_count_the_quotes() {
        let line = CommandLine::new(["x", "call", "f", "a b", "six"].into_iter().map(str::to_owned));

        assert_eq!(line.to_string(), "daffi call f 'a b' six");
        assert_eq!(line.columns(4), (19, 3));
        assert_eq!(line.with(2, "g"), "daffi call g 'a b' six");
    }
}
