//! Typed clients: the methods of a type or a trait, called on another node.

use crate::node::Node;

/// What [`Node::remote`] has a client for: a type whose `impl` is under `#[callback]`, and the `dyn Trait` of a trait
/// under `#[remote]`. Nothing else implements it; the attributes do so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no methods that could be called on another node",
    label = "neither a type with an `impl` under `#[callback]`, nor the `dyn Trait` of a trait under `#[remote]`",
    note = "for a trait write `node.remote::<dyn Trait>()`"
)]
pub trait Remote {
    /// Has a method for each callback, which returns its [`Call`](super::Call).
    type Client;

    /// A client that calls through `node`.
    #[doc(hidden)]
    fn client(node: &Node) -> Self::Client;
}

/// The typed client of a type or a `dyn Trait`: what [`Node::remote`] returns.
pub type Client<T> = <T as Remote>::Client;

impl Node {
    /// A client with the methods of `T`: each makes a [`Call`](super::Call) of the callback that serves it, on
    /// whichever node does so, with arguments and result checked by rustc.
    ///
    /// `T` is a type whose `impl` is under `#[callback]`, in which case its associated functions are there too, or
    /// the `dyn Trait` of a trait under `#[remote]`. Nothing is sent, and nobody needs to serve it yet.
    pub fn remote<T: Remote + ?Sized>(&self) -> Client<T> {
        T::client(self)
    }
}
