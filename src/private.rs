//! What the code that the macros generate leans on. No part of the public interface: it changes as the macros do.

pub use daffi_core::__private::{hosted, inventory};
pub use daffi_core::api::{Ended, Main, run};
pub use daffi_core::callback::invoke::{Caused, Probe, ResultType, Told, Uncaused};
pub use daffi_core::callback::{
    Args, Callback, Chosen, Context, Contract, Declaration, Declared, Flow, Inventory, OnCancel, Options,
    Serves, Shareable, declares,
};
pub use daffi_core::datatypes::space::field;
pub use daffi_core::datatypes::{
    CachedFunction, RedlockGuard, Synchronizing, counted, counted_before, synchronized, try_counted,
    try_counted_before, try_synchronized,
};
pub use daffi_core::error::{DataError, QuorumError};
pub use futures::Stream;
use std::fmt::Display;

use daffi_core::callback::invoke::value;
use daffi_core::callback::stream::{feed, put_item};
use daffi_core::callback::{Arguments, Fault, Feed, Outcome, Wire};
use serde::Serialize;

use crate::{Call, Node};

/// A type that travels, as the way to itself. Generated code names types by it, which puts the error about one
/// that cannot travel where the user wrote that type, and uses it by no other bound, which would be one more error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between processes",
    label = "needs serde, `Send` and `'static`",
    note = "for a type of yours: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "if you did not name the type of the reply: `let x: i64 = node.call(..).await?` or `node.call::<()>(..)`"
)]
pub trait Travels {
    /// The type.
    type Itself;

    /// The outcome of a callback that returned it.
    fn outcome(&self) -> Outcome;

    /// Appends it as an item of a stream.
    fn put(&self, out: &mut Vec<u8>) -> Result<(), Fault>;
}

#[diagnostic::do_not_recommend]
impl<T: Wire> Travels for T {
    type Itself = Self;

    fn outcome(&self) -> Outcome {
        value(self)
    }

    fn put(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        put_item(out, self)
    }
}

/// An error that has a text for the caller.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no text that a caller could be told",
    label = "needs `std::fmt::Display`",
    note = "the error of a callback travels as its text, and those of its causes if it is a `std::error::Error`"
)]
pub trait Tells: Display {}

#[diagnostic::do_not_recommend]
impl<E: Display> Tells for E {}

/// The outcome of a callback that returned `error`.
pub fn failed<E: Tells>(error: &E, told: Told) -> Outcome {
    told.outcome(error)
}

/// The arguments of a typed call.
#[derive(Debug)]
pub struct Tuple<T>(pub T);

impl<T: Arguments> Tuple<T> {
    /// A call of `name` with them, which the compiler has checked.
    pub fn call<R>(self, node: &Node, name: &'static str) -> Call<R> {
        Call::declared(node, name, &self.0)
    }
}

/// What rustc finds in the place of [`Tuple::call`] for arguments that cannot travel, so that it says so once.
pub trait Refused: Sized {
    /// Never runs: a program with such arguments does not compile.
    fn call<R>(self, _: &Node, name: &'static str) -> Call<R> {
        unreachable!("the arguments of `{name}` cannot travel, and rustc has let them pass")
    }
}

impl<T> Refused for Tuple<T> {}

/// What sends the items of a stream that a typed call is given.
pub fn fed<S>(stream: S) -> Feed
where
    S: Stream + Send + 'static,
    S::Item: Serialize,
{
    feed(stream, |out, item| put_item(out, &item))
}

/// A parameter's name as it travels: `r#type` is `type`.
pub fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}
