//! The words of a description, each with its place.

use crate::error::SpaceError;

/// A word of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) what: What<'a>,
    line: u32,
    column: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// A name or a keyword.
    Word(&'a str),
    Number(u64),
    Comma,
    Open,
    Close,
    Dot,
    End,
}

/// Takes a description apart.
pub(super) struct Tokens<'a> {
    rest: &'a str,
    line: u32,
    /// From 0 on.
    column: u32,
    next: Token<'a>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, SpaceError> {
        let next = Token { what: What::End, line: 1, column: 1 };
        let mut tokens = Self { rest: text, line: 1, column: 0, next };
        tokens.advance()?;
        Ok(tokens)
    }

    /// The next word, which stays.
    pub(super) fn peek(&self) -> Token<'a> {
        self.next
    }

    /// The next word, which is taken.
    pub(super) fn take(&mut self) -> Result<Token<'a>, SpaceError> {
        let token = self.next;
        self.advance()?;
        Ok(token)
    }

    fn advance(&mut self) -> Result<(), SpaceError> {
        self.skip_blanks();
        let (line, column) = (self.line, self.column + 1);
        let what = match self.rest.chars().next() {
            None => What::End,
            Some(',') => self.mark(What::Comma),
            Some('(') => self.mark(What::Open),
            Some(')') => self.mark(What::Close),
            Some('.') => self.mark(What::Dot),
            Some(first) if first.is_ascii_digit() => {
                let digits = self.while_(|c| c.is_ascii_digit());
                let too_large = |_| fault(line, column, format!("the number {digits} is too large"));
                What::Number(digits.parse().map_err(too_large)?)
            }
            Some(first) if first == '_' || first.is_ascii_alphabetic() => {
                What::Word(self.while_(|c| c == '_' || c.is_ascii_alphanumeric()))
            }
            Some(other) => {
                return Err(fault(line, column, format!("`{}` has no meaning here", other.escape_debug())));
            }
        };
        self.next = Token { what, line, column };
        Ok(())
    }

    fn mark(&mut self, what: What<'a>) -> What<'a> {
        self.rest = &self.rest[1..];
        self.column += 1;
        what
    }

    fn while_(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.column += word.len() as u32;
        word
    }

    fn skip_blanks(&mut self) {
        let mut in_comment = false;
        let mut chars = self.rest.char_indices();
        let end = loop {
            let Some((at, c)) = chars.next() else { break self.rest.len() };
            match c {
                '\n' => (self.line, self.column, in_comment) = (self.line + 1, 0, false),
                '\t' => self.column = (self.column / TAB + 1) * TAB,
                '#' => {
                    in_comment = true;
                    self.column += 1;
                }
                c if in_comment || c.is_ascii_whitespace() => self.column += 1,
                _ => break at,
            }
        };
        self.rest = &self.rest[end..];
    }
}

impl Token<'_> {
    /// What is wrong at this word.
    pub(super) fn fault(self, message: impl Into<String>) -> SpaceError {
        fault(self.line, self.column, message.into())
    }

    /// That something else was expected here.
    pub(super) fn unexpected(self, expected: &str) -> SpaceError {
        let found = match self.what {
            What::Word(word) => format!("`{word}`"),
            What::Number(number) => format!("`{number}`"),
            What::Comma => "`,`".into(),
            What::Open => "`(`".into(),
            What::Close => "`)`".into(),
            What::Dot => "`.`".into(),
            What::End => "the end".into(),
        };
        self.fault(format!("expected {expected}, found {found}"))
    }
}

fn fault(line: u32, column: u32, message: String) -> SpaceError {
    SpaceError::Syntax { line, column, message }
}

/// Columns from one tab stop to the next.
const TAB: u32 = 4;
