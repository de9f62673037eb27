//! Values whose methods are callbacks.

use std::sync::Arc;

use super::registry::{Callback, Declaration, Options};

/// What [`Node::register`] takes: a [`Callback`], a value of a type whose `impl` is under `#[callback]`, or an
/// [`Arc`] of one. Nothing else implements it; the attribute does so.
///
/// `By` tells which `impl` of the value it is about, where there are several: the type itself, or the `dyn Trait` of
/// a trait that it serves.
///
/// [`Node::register`]: https://docs.rs/daffi/latest/daffi/struct.Node.html#method.register
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no methods that a node could offer",
    label = "no `impl` of it is under `#[callback]`, or none of its methods there takes `&self`",
    note = "put `#[callback]` above its `impl`, and `pub` before the methods that others may call",
    note = "a type with several such blocks needs to be told which: `node.register::<dyn Trait>(value)`"
)]
pub trait Offer<By: ?Sized>: Sized {
    /// The callbacks that run on `instance`.
    #[doc(hidden)]
    fn callbacks(instance: Arc<Self>) -> Vec<Callback>;
}

impl Offer<Self> for Callback {
    fn callbacks(instance: Arc<Self>) -> Vec<Callback> {
        vec![Arc::unwrap_or_clone(instance)]
    }
}

impl<By: ?Sized, T: Offer<By>> Offer<By> for Arc<T> {
    fn callbacks(instance: Arc<Self>) -> Vec<Callback> {
        T::callbacks(Arc::unwrap_or_clone(instance))
    }
}

/// A type whose instance several threads may use, as the way to itself: generated code names it by this, so that one
/// which they may not is one error, at the type, and in the words that rustc has for what it holds.
pub trait Shareable {
    /// The type.
    type Itself;
}

impl<T: Send + Sync + 'static> Shareable for T {
    type Itself = Self;
}

/// A trait under `#[remote]`, as the `dyn Trait` that stands for it.
pub trait Contract {
    /// The names of its methods in Rust, without those that are `#[local]`.
    const METHODS: &'static [&'static str];
}

/// The same: what serving it with a `T` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares nothing that other processes could call",
    label = "this trait is not under `#[remote]`",
    note = "put `#[remote]` above the trait, or the methods into an `impl` of the type's own"
)]
pub trait Serves<T> {
    /// The callbacks that run on `instance`, treated as its `impl` has chosen.
    fn callbacks(instance: Arc<T>, chosen: &[Chosen]) -> Vec<Callback>;
}

/// What the `impl` of a trait says of one of its methods.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    /// The method's name in Rust.
    pub method: &'static str,
    /// How it wants to be treated there.
    pub options: Options,
    /// File and line.
    pub place: (&'static str, u32),
}

/// Whether the trait with these `METHODS` has the method, of which its `impl` says how it is to be treated.
pub const fn declares(methods: &[&str], method: &str) -> bool {
    let mut at = 0;
    while at < methods.len() && !is_same(methods[at].as_bytes(), method.as_bytes()) {
        at += 1;
    }
    at < methods.len()
}

/// `==` is no `const fn`.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

impl Declaration {
    /// What a trait declares, as the `impl` that serves it has `chosen`.
    pub fn served(self, method: &str, chosen: &[Chosen]) -> Self {
        // A method that has its body from the trait stands in no `impl`.
        let Some(found) = chosen.iter().find(|chosen| chosen.method == method) else { return self };
        let Options { sees_context, idempotent, .. } = self.options;
        Self { options: Options { sees_context, idempotent, ..found.options }, place: found.place, ..self }
    }
}
