//! Decode, call, encode: what the code that `#[callback]` generates leans on.

use std::error::Error as StdError;
use std::fmt::{self, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::check;
use crate::config;
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
        /// Its error itself, encoded; empty if it cannot be, or is too large.
        value: Vec<u8>,
    },
    /// It ran, but its result cannot be encoded.
    BadReply {
        /// What the encoder said.
        message: String,
    },
    /// What stands around it does not let the caller run it. It has not run.
    Denied {
        /// What was asked for.
        what: String,
    },
    /// What stands around it has no room for the call. It has not run.
    Busy {
        /// Which bound.
        what: String,
    },
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadArguments { expected, got } => write!(f, "expected {expected}, got {got}"),
            Self::Failed { message, .. } => f.write_str(message),
            Self::BadReply { message } => write!(f, "the result cannot be encoded: {message}"),
            Self::Denied { what } => write!(f, "not allowed: {what}"),
            Self::Busy { what } => write!(f, "busy: {what}"),
        }
    }
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

/// The outcome of a callback that returned `error`, whose causes are `chain`.
///
/// # Errors
/// Always [`Fault::Failed`].
pub fn failure<E: Display>(error: &E, chain: Vec<String>) -> Outcome {
    Told { chain, value: Vec::new() }.outcome(error)
}

/// What a caller is told of an error beside its type and its text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The texts of its causes, outermost first.
    pub chain: Vec<String>,
    /// The error itself, encoded; empty if it cannot be, or is too large.
    pub value: Vec<u8>,
}

impl Told {
    /// The outcome of a callback that returned `error`.
    ///
    /// # Errors
    /// Always [`Fault::Failed`].
    pub fn outcome<E: Display>(self, error: &E) -> Outcome {
        let kind = std::any::type_name::<E>().to_owned();
        let Self { chain, value } = self;
        Err(Fault::Failed { kind, message: error.to_string(), chain, value })
    }
}

/// The success and the failure of a result type, whatever alias it hides behind.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Result`, though its name says so",
    label = "the macro knows a result by this name",
    note = "name the type otherwise, or return it by another name: `type Reply = …;`"
)]
pub trait ResultType {
    /// What it holds on success.
    type Ok;
    /// What it holds on failure.
    type Err;

    /// It, by the name that all know.
    ///
    /// # Errors
    /// If it is one.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> ResultType for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Self {
        self
    }
}

/// Finds out what an error can tell: method resolution tries `&&&Probe`, `&&Probe`, `&Probe` and `Probe` in turn, and
/// each asks less of the error than the one before.
#[derive(Debug)]
pub struct Probe<'a, E>(pub &'a E);

/// Errors with causes.
pub trait Caused {
    /// What the caller is told.
    fn told(&self) -> Told;
}

impl<E: StdError + Serialize> Caused for &&&Probe<'_, E> {
    fn told(&self) -> Told {
        Told { chain: chain(self.0), value: encoded(self.0) }
    }
}

impl<E: StdError> Caused for &&Probe<'_, E> {
    fn told(&self) -> Told {
        Told { chain: chain(self.0), value: Vec::new() }
    }
}

/// Errors that are only text, or a value that has one.
pub trait Uncaused {
    /// What the caller is told.
    fn told(&self) -> Told;
}

impl<E: Serialize> Uncaused for &Probe<'_, E> {
    fn told(&self) -> Told {
        Told { chain: Vec::new(), value: encoded(self.0) }
    }
}

// Of any type: that an error needs a text is for `Told::outcome` to say.
impl<E> Uncaused for Probe<'_, E> {
    fn told(&self) -> Told {
        Told::default()
    }
}

fn chain(error: &dyn StdError) -> Vec<String> {
    std::iter::successors(error.source(), |error: &&dyn StdError| (*error).source())
        .take(CHAIN_MAX)
        .map(ToString::to_string)
        .collect()
}

/// The error as a value. The caller has its text in any case, so one that cannot travel is left out.
fn encoded<E: Serialize>(error: &E) -> Vec<u8> {
    let value = wire::encode(error).unwrap_or_default();
    if value.len() <= config::ERROR_VALUE_BYTES_MAX { value } else { Vec::new() }
}

/// Causes reported at most; a chain that is longer is a cycle.
const CHAIN_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug, Serialize)]
    struct Refused(Option<String>);

    impl Display for Refused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("refused")
        }
    }

    impl StdError for Refused {}

    #[derive(Debug)]
    struct Wrapped(std::io::Error);

    impl Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    struct Bare;

    #[test]
    #[expect(
        clippy::needless_borrow,
        reason = "so does the generated code ask, which does not know the type"
    )]
    fn an_error_tells_all_that_its_type_can() {
        let refused = Refused(None);
        let wrapped = Wrapped(std::io::Error::other("the cause"));
        let text = "text".to_owned();

        assert_eq!((&&&&Probe(&refused)).told().value, [0xc0]);
        assert_eq!((&&&&Probe(&wrapped)).told(), Told { chain: vec!["the cause".into()], value: vec![] });
        assert_eq!((&&&&Probe(&text)).told().value, wire::encode(&text).expect("it encodes"));
        assert_eq!((&&&&Probe(&Bare)).told(), Told::default());
    }

    #[test]
    fn an_error_that_is_too_large_to_travel_is_told_as_text_alone() {
        let large = Refused(Some("x".repeat(config::ERROR_VALUE_BYTES_MAX)));

        let told = (&&&&Probe(&large)).told();

        assert_eq!(told, Told::default());
        assert!(matches!(told.outcome(&large), Err(Fault::Failed { message, .. }) if message == "refused"));
    }
}
