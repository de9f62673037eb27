//! The arguments of a method as they came, taken one by one.

use serde::de::DeserializeOwned;

use super::kind::Stop;
use crate::wire::{self, Shape, skip};

/// The arguments of a call of a hosted object's method, the object's name first.
#[derive(Debug, Clone)]
pub struct Args<'a> {
    rest: &'a [u8],
    left: u32,
}

// `of`, `text` and `next` are always inlined: what goes through memory between them takes a tenth of a short operation.
impl<'a> Args<'a> {
    /// Those in the body of a call: an array.
    ///
    /// # Errors
    /// [`Stop::BadArguments`] if it is none.
    #[inline(always)]
    pub fn of(body: &'a [u8]) -> Result<Self, Stop> {
        let bad = |got: String| Stop::BadArguments { expected: "a list of arguments".into(), got };
        match Shape::of(body) {
            Ok(Shape::Array(left)) => {
                // A list's head is a byte, three or five.
                let head = match left {
                    _ if body[0] & 0xf0 == 0x90 => 1,
                    _ if body[0] == 0xdc => 3,
                    _ => 5,
                };
                Ok(Self { rest: &body[head..], left })
            }
            Ok(_) => Err(bad("arguments by name, or none".into())),
            Err(error) => Err(bad(error.to_string())),
        }
    }

    /// The next argument, which is the parameter `name` of this type.
    ///
    /// # Errors
    /// [`Stop::BadArguments`] if there is none, or it does not fit.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Stop> {
        let bytes = self.next(name)?;
        rmp_serde::from_slice(bytes)
            .map_err(|error| Stop::BadArguments { expected: format!("`{name}`"), got: error.to_string() })
    }

    /// The next argument, a text, as it lies.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    #[inline(always)]
    pub fn text(&mut self, name: &str) -> Result<&'a str, Stop> {
        let bytes = self.next(name)?;
        let bad = |got: String| Stop::BadArguments { expected: format!("`{name}`, a text"), got };
        let Some(text) = wire::text(bytes) else {
            return Err(bad(
                Shape::of(bytes).map_or_else(|error| error.to_string(), |shape| shape.to_string())
            ));
        };
        str::from_utf8(text).map_err(|error| bad(error.to_string()))
    }

    /// The names in the argument at `at` of those that are left, which is an [`Others`](super::Others).
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn others(&self, at: usize) -> Result<Vec<&'a str>, Stop> {
        rmp_serde::from_slice(self.clone().at(at)?)
            .map_err(|error| Stop::BadArguments { expected: "names".into(), got: error.to_string() })
    }

    /// The argument at this place among those that are left, as it lies.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn at(mut self, place: usize) -> Result<&'a [u8], Stop> {
        for _ in 0..place {
            self.next("an argument")?;
        }
        self.next("an argument")
    }

    #[inline(always)]
    fn next(&mut self, name: &str) -> Result<&'a [u8], Stop> {
        let bad = |got: String| Stop::BadArguments { expected: format!("`{name}`"), got };
        self.left = self.left.checked_sub(1).ok_or_else(|| bad("too few arguments".into()))?;
        let end = skip(self.rest).map_err(|error| bad(error.to_string()))?;
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(value)
    }

    /// Says that no argument may be left.
    ///
    /// # Errors
    /// [`Stop::BadArguments`] if there is one.
    pub fn end(&self) -> Result<(), Stop> {
        let got = match (self.left, self.rest.len()) {
            (0, 0) => return Ok(()),
            (0, bytes) => format!("{bytes} bytes too many"),
            (left, _) => format!("{left} too many"),
        };
        Err(Stop::BadArguments { expected: "no more arguments".into(), got })
    }
}
