//! HyperDex's language for the description of spaces.

use super::tokens::{Token, Tokens, What};
use super::{Schema, SchemaBuilder};
use crate::config::SPACE_DESCRIPTION_BYTES_MAX;
use crate::datatypes::space::types::{Primitive, Type, Unit};
use crate::error::SpaceError;

/// Words that are no names: `#[derive(Space)]` has them, so that it and this go by the same.
pub(super) const KEYWORDS: &[&str] = daffi_macros::space_words!();

/// The description that a text is.
pub(super) fn schema(text: &str) -> Result<Schema, SpaceError> {
    if text.len() > SPACE_DESCRIPTION_BYTES_MAX {
        return Err(SpaceError::TooLarge {
            what: "bytes of a description".into(),
            actual: text.len() as u64,
            limit: SPACE_DESCRIPTION_BYTES_MAX as u64,
        });
    }
    let mut parser = Parser { tokens: Tokens::of(text)? };
    parser.keyword("space")?;
    let mut builder = Schema::builder(parser.name("the name of the space")?);
    parser.keyword("key")?;
    let (name, of) = parser.attribute()?;
    builder = builder.key(name, of);
    if parser.accept(&["attributes", "attribute"])? {
        builder = parser.attributes(builder)?;
    }
    builder = parser.options(builder)?;
    parser.end("`tolerate`, `create`, `with` or the end")?;
    builder.build()
}

/// The type that a text is.
pub(super) fn single_type(text: &str) -> Result<Type, SpaceError> {
    let mut parser = Parser { tokens: Tokens::of(text)? };
    let of = parser.maybe_type()?;
    let of = of.ok_or_else(|| parser.tokens.peek().unexpected("a type"))?;
    parser.end("the end")?;
    Ok(of)
}

struct Parser<'a> {
    tokens: Tokens<'a>,
}

impl<'a> Parser<'a> {
    fn attributes(&mut self, mut builder: SchemaBuilder) -> Result<SchemaBuilder, SpaceError> {
        loop {
            let (name, of) = self.attribute()?;
            builder = builder.attribute(name, of);
            if !self.mark(What::Comma)? {
                break;
            }
        }
        while self.accept(&["subspace"])? {
            let mut names = vec![self.name("an attribute")?];
            while self.mark(What::Comma)? {
                names.push(self.name("an attribute")?);
            }
            builder = builder.subspace(names);
        }
        while self.accept(&["index"])? {
            let mut path = self.name("an attribute")?.to_owned();
            while self.mark(What::Dot)? {
                path.push('.');
                path.push_str(self.part()?);
            }
            builder = builder.index(path);
        }
        Ok(builder)
    }

    fn options(&mut self, mut builder: SchemaBuilder) -> Result<SchemaBuilder, SpaceError> {
        loop {
            builder = if self.accept(&["tolerate"])? {
                let failures = self.number()?;
                self.one_of(&["failures", "failure"])?;
                builder.tolerate(failures)
            } else if self.accept(&["create"])? {
                let partitions = self.number()?;
                self.one_of(&["partitions", "partition"])?;
                builder.partitions(partitions)
            } else if self.accept(&["with"])? {
                self.keyword("authorization")?;
                builder.with_authorization()
            } else {
                return Ok(builder);
            };
        }
    }

    /// A name, before which its type may stand.
    fn attribute(&mut self) -> Result<(&'a str, Type), SpaceError> {
        let of = self.maybe_type()?;
        let name = self.name("an attribute")?;
        let next = self.tokens.peek();
        match (of, next.what) {
            // A type that is misspelt reads as a name.
            (None, What::Word(word)) if !KEYWORDS.contains(&word) => {
                Err(next.fault(format!("`{name}` is no type, so `{word}` cannot follow it")))
            }
            (of, _) => Ok((name, of.unwrap_or(Type::String))),
        }
    }

    fn maybe_type(&mut self) -> Result<Option<Type>, SpaceError> {
        let What::Word(word) = self.tokens.peek().what else { return Ok(None) };
        let plain = match word {
            "string" => Some(Type::String),
            "int" | "int64" => Some(Type::Int),
            "float" => Some(Type::Float),
            "document" => Some(Type::Document),
            "timestamp" | "list" | "set" | "map" => None,
            _ => return Ok(None),
        };
        self.tokens.take()?;
        if plain.is_some() {
            return Ok(plain);
        }
        self.expect(What::Open, "`(`")?;
        let of = match word {
            "timestamp" => Type::Timestamp(self.unit()?),
            "list" => Type::List(self.primitive()?),
            "set" => Type::Set(self.primitive()?),
            _ => {
                let key = self.primitive()?;
                self.expect(What::Comma, "`,`")?;
                Type::Map(key, self.primitive()?)
            }
        };
        self.expect(What::Close, "`)`")?;
        Ok(Some(of))
    }

    fn primitive(&mut self) -> Result<Primitive, SpaceError> {
        let token = self.tokens.take()?;
        match token.what {
            What::Word("string") => Ok(Primitive::String),
            What::Word("int" | "int64") => Ok(Primitive::Int),
            What::Word("float") => Ok(Primitive::Float),
            _ => Err(token.unexpected("`string`, `int` or `float`")),
        }
    }

    fn unit(&mut self) -> Result<Unit, SpaceError> {
        let token = self.tokens.take()?;
        match token.what {
            What::Word("second") => Ok(Unit::Second),
            What::Word("minute") => Ok(Unit::Minute),
            What::Word("hour") => Ok(Unit::Hour),
            What::Word("day") => Ok(Unit::Day),
            What::Word("week") => Ok(Unit::Week),
            What::Word("month") => Ok(Unit::Month),
            _ => Err(token.unexpected("`second`, `minute`, `hour`, `day`, `week` or `month`")),
        }
    }

    fn name(&mut self, what: &str) -> Result<&'a str, SpaceError> {
        let token = self.tokens.take()?;
        match token.what {
            What::Word(word) if KEYWORDS.contains(&word) => Err(token.fault(format!(
                "expected {what}, found `{word}`, which is no name but a word of the language"
            ))),
            What::Word(word) => Ok(word),
            _ => Err(token.unexpected(what)),
        }
    }

    /// A name within a document, where the words of the language are names as others.
    fn part(&mut self) -> Result<&'a str, SpaceError> {
        let token = self.tokens.take()?;
        match token.what {
            What::Word(word) => Ok(word),
            _ => Err(token.unexpected("a name")),
        }
    }

    fn number(&mut self) -> Result<u64, SpaceError> {
        let token = self.tokens.take()?;
        match token.what {
            What::Number(number) => Ok(number),
            _ => Err(token.unexpected("a number")),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<(), SpaceError> {
        self.expect(What::Word(word), &format!("`{word}`"))
    }

    fn one_of(&mut self, words: &[&str]) -> Result<(), SpaceError> {
        let token: Token<'_> = self.tokens.peek();
        if self.accept(words)? { Ok(()) } else { Err(token.unexpected(&format!("`{}`", words[0]))) }
    }

    fn expect(&mut self, what: What<'_>, expected: &str) -> Result<(), SpaceError> {
        let token = self.tokens.peek();
        if self.mark(what)? { Ok(()) } else { Err(token.unexpected(expected)) }
    }

    /// Takes the next word if it is one of these.
    fn accept(&mut self, words: &[&str]) -> Result<bool, SpaceError> {
        let is_one = matches!(self.tokens.peek().what, What::Word(word) if words.contains(&word));
        if is_one {
            self.tokens.take()?;
        }
        Ok(is_one)
    }

    fn mark(&mut self, what: What<'_>) -> Result<bool, SpaceError> {
        let is_it = self.tokens.peek().what == what;
        if is_it {
            self.tokens.take()?;
        }
        Ok(is_it)
    }

    fn end(&mut self, expected: &str) -> Result<(), SpaceError> {
        self.expect(What::End, expected)
    }
}
