//! Decode, call, encode: what the code that `#[callback]` generates leans on.

use std::error::Error as StdError;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::check;
use crate::wire::{self, Shape, Signature};

/// What running a callback comes to: its encoded result, or why there is none.
pub type Outcome = Result<Vec<u8>, Fault>;

/// Why a callback has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The arguments do not fit. It has not run.
    BadArguments {
        /// What the signature says.
        expected: String,
        /// What was given.
        got: String,
    },
    /// It ran and failed.
    Failed {
        /// The type of its error.
        kind: String,
        /// Its error's text.
        message: String,
        /// The texts of its error's causes, outermost first.
        chain: Vec<String>,
    },
    /// It ran, but its result cannot be encoded.
    BadReply {
        /// What the encoder said.
        message: String,
    },
}

pub(super) fn take_tuple<T: DeserializeOwned>(signature: &Signature, body: &[u8]) -> Result<T, Fault> {
    // An array of the right length decodes as it stands, and the decoder says itself what does not fit; only
    // what is named, left out or wrong is worth the walk.
    if matches!(Shape::of(body), Ok(Shape::Array(length)) if length as usize == check::sent_count(signature))
        && let Ok(tuple) = wire::decode(body)
    {
        return Ok(tuple);
    }
    let bad = |(expected, got)| Fault::BadArguments { expected, got };
    let values = check::arrange(signature, body).map_err(bad)?;
    let mut array = Vec::with_capacity(body.len() + 4);
    let length = u32::try_from(values.len()).unwrap_or(u32::MAX);
    rmp::encode::write_array_len(&mut array, length)
        .map_err(|error| bad((signature.to_string(), error.to_string())))?;
    for value in values {
        array.extend_from_slice(value.unwrap_or(&[NIL]));
    }
    wire::decode(&array).map_err(|error| bad((signature.to_string(), error.0)))
}

/// MessagePack's nil: an optional argument that was left out.
const NIL: u8 = 0xc0;

/// The outcome of a callback that returned `value`.
///
/// # Errors
/// [`Fault::BadReply`] if it cannot be encoded.
pub fn value<T: Serialize>(value: &T) -> Outcome {
    // Nothing travels as no bytes at all, which takes no memory.
    if std::any::type_name::<T>() == "()" {
        return Ok(Vec::new());
    }
    wire::encode(value).map_err(|error| Fault::BadReply { message: error.0 })
}

/// The outcome of a callback that returned `error`.
///
/// # Errors
/// Always [`Fault::Failed`].
pub fn failure<E: Display>(error: &E, chain: Vec<String>) -> Outcome {
    let kind = std::any::type_name::<E>().to_owned();
    Err(Fault::Failed { kind, message: error.to_string(), chain })
}

/// The success and the failure of a result type, whatever alias it hides behind.
pub trait ResultType {
    /// What it holds on success.
    type Ok;
    /// What it holds on failure.
    type Err;
}

impl<T, E> ResultType for Result<T, E> {
    type Ok = T;
    type Err = E;
}

/// Finds the causes of an error that has some: method resolution prefers [`Caused`] where it applies.
#[derive(Debug)]
pub struct Probe<'a, E>(pub &'a E);

/// Errors with causes.
pub trait Caused {
    /// The texts of the causes, outermost first.
    fn chain(&self) -> Vec<String>;
}

impl<E: StdError> Caused for Probe<'_, E> {
    fn chain(&self) -> Vec<String> {
        let first = self.0.source();
        std::iter::successors(first, |error: &&dyn StdError| (*error).source())
            .take(CHAIN_MAX)
            .map(ToString::to_string)
            .collect()
    }
}

/// Errors that are only text.
pub trait Uncaused {
    /// No causes.
    fn chain(&self) -> Vec<String>;
}

// Of any type: that an error needs a text is for `failure` to say.
impl<E> Uncaused for &Probe<'_, E> {
    fn chain(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Causes reported at most; a chain that is longer is a cycle.
const CHAIN_MAX: usize = 32;
