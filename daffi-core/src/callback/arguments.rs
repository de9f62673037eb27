//! Arguments of a call: a tuple, or a mix of positional and named ones.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::{self, BodyError, Signature};

use super::invoke::Fault;

/// A value that can travel between processes: owned, and known to serde.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between processes",
    label = "needs serde, `Send` and `'static`",
    note = "for a type of yours: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "if you did not name the type of the reply: `let x: i64 = node.call(..).await?` or `node.call::<()>(..)`"
)]
pub trait Wire: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Wire for T {}

/// What a caller may give: a tuple of values, or [`Args`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the arguments of a call",
    label = "not a tuple of serializable values",
    note = "arguments are a tuple: `()` for none, `(x,)` for one, `(x, y)` for two; or `args!(x, name = y)`"
)]
pub trait Arguments {
    /// Appends the arguments as the body of a call.
    ///
    /// # Errors
    /// [`BodyError`] if a value's own `Serialize` fails.
    fn put(&self, out: &mut Vec<u8>) -> Result<(), BodyError>;
}

/// What a callback takes: a tuple of values.
pub trait Parameters: Sized + Send + 'static {
    /// Reads the body of a call.
    ///
    /// # Errors
    /// [`Fault::BadArguments`] if the body does not fit the signature.
    fn take(signature: &Signature, body: &[u8]) -> Result<Self, Fault>;
}

impl Arguments for () {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        out.push(EMPTY_ARRAY);
        Ok(())
    }
}

impl Parameters for () {
    fn take(signature: &Signature, body: &[u8]) -> Result<Self, Fault> {
        super::check(signature, body).map_err(|(expected, got)| Fault::BadArguments { expected, got })
    }
}

/// MessagePack's empty array.
const EMPTY_ARRAY: u8 = 0x90;

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($name: Serialize),+> Arguments for ($($name,)+) {
            fn put(&self, out: &mut Vec<u8>) -> Result<(), BodyError> {
                wire::encode_into(out, self)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($name: Wire),+> Parameters for ($($name,)+) {
            fn take(signature: &Signature, body: &[u8]) -> Result<Self, Fault> {
                super::invoke::take_tuple(signature, body)
            }
        }
    )+};
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
    (A B C D E F G H I) (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}

/// Arguments by position and by name, as [`args!`](https://docs.rs/daffi/latest/daffi/macro.args.html) makes them.
#[derive(Debug, Clone, Default)]
pub struct Args {
    /// Keys and values in turn: a position, or a name.
    pairs: Vec<u8>,
    positional: u32,
    named: u32,
    /// The first value that could not be encoded.
    error: Option<BodyError>,
}

impl Args {
    /// No arguments yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next argument by position.
    #[must_use]
    pub fn with<T: Serialize>(mut self, value: T) -> Self {
        let position = self.positional;
        self.positional += 1;
        self.push(&position, &value);
        self
    }

    /// Adds an argument by name.
    #[must_use]
    pub fn with_named<T: Serialize>(mut self, name: &str, value: T) -> Self {
        self.named += 1;
        self.push(name, &value);
        self
    }

    fn push<K: Serialize + ?Sized, T: Serialize>(&mut self, key: &K, value: &T) {
        let put =
            wire::encode_into(&mut self.pairs, key).and_then(|()| wire::encode_into(&mut self.pairs, value));
        if let Err(error) = put {
            self.error.get_or_insert(error);
        }
    }
}

impl Arguments for Args {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let length = self.positional + self.named;
        rmp::encode::write_map_len(out, length).map_err(|error| BodyError(error.to_string()))?;
        out.extend_from_slice(&self.pairs);
        Ok(())
    }
}

/// Arguments that are encoded already, as scripts and forwarders have them.
impl Arguments for bytes::Bytes {
    fn put(&self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        wire::check_depth(self)?;
        out.extend_from_slice(self);
        Ok(())
    }
}
