#![doc = include_str!("../README.md")]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod macros;

pub use daffi_core::api::{
    Broadcast, Call, CallFuture, Client, Every, ItemStream, Job, NoReturn, Remote, Replies, ReplyStream,
    Retry, Schedule, ScheduleGuard, Tell, WithController, millis, modifiers, secs,
};
pub use daffi_core::callback::{Args, Arguments, Callback, Context, Incoming, Offer, Registry, Wire};
pub use daffi_core::controller::{Bind, Controller};
pub use daffi_core::error::{
    BindError, CODES, CallError, Code, ConnectError, Error, ErrorValue, Explanation, Ran, RegisterError,
    Result, Stage,
};
pub use daffi_core::identity::{CertificateFiles, IdentityError, JoinString, Pattern, Role, Secret};
pub use daffi_core::name::{CallbackName, NameError, NodeName};
pub use daffi_core::node::{Connect, Node, PresenceStream, Registration, Wait, connect};
pub use daffi_core::wire::{
    CallbackEntry, JobEntry, JobId, JobState, Missed, NodeDetail, NodeEntry, Overlap, Parameter, Presence,
    ScheduleEntry, Signature, When,
};
/// A stream of items: what a callback may return.
#[doc(no_inline)]
pub use futures::Stream;

pub mod blocking;
pub mod callbacks;
pub mod config;
pub mod prelude;
#[cfg(feature = "testing")]
pub mod testing;

/// Makes a function callable from other processes.
///
/// The function stays a function. Beside it there is now a type of the same name, whose `call` runs the function
/// on another node; types and functions live in different namespaces, so the two do not meet:
///
/// ```
/// use daffi::{Call, Node, callback};
///
/// /// Adds two numbers.
/// #[callback]
/// fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// assert_eq!(add(4, 6), 10); // here
///
/// fn elsewhere(node: &Node) -> Call<i64> {
///     add::call(node, 4, 6) // there, with arguments and result checked by rustc
/// }
/// ```
///
/// A program's callbacks are found without a list ([`Registry::from_inventory`]); [`callbacks!`] makes a list by
/// hand. Parameter names and types, the result's type and the documentation are what the mesh knows of a callback:
/// `daffi callbacks` shows them, and calls that do not fit are refused before they are sent.
///
/// # What can be a callback
///
/// A free function, `async` or not, with at most 12 arguments and a result that serde knows and that are owned. It
/// has neither type nor lifetime parameters.
///
/// * `async` functions run on the runtime; plain ones on a thread where they may block.
/// * Of a `Result<T, E>` the caller gets the `T`, or an error with the text of the `E` and of its causes. Any type
///   whose last name is `Result` counts. An `E` that serde can serialize comes back itself: [`CallError::downcast`].
/// * A parameter `ctx: &Context` is not sent: there the function finds out [who called](Context::caller), how much
///   time is left, and whether the caller still waits.
/// * One that returns `impl Stream<Item = T>`, or of `Result<T, E>`, sends its items as they come, and no faster than
///   its caller takes them: [`Call::stream`]. An error is the last item.
/// * A parameter of type [`Incoming<T>`](Incoming), at most one, is a stream that the caller feeds: [`Call::feed`].
/// * A panic is an error to the caller, and does not end the node.
///
/// ```
/// use daffi::prelude::*;
/// use daffi::{Incoming, Stream, callback};
///
/// #[callback]
/// async fn numbers(n: u64) -> impl Stream<Item = u64> {
///     futures::stream::iter(0..n)
/// }
///
/// #[callback]
/// async fn sum(mut items: Incoming<u64>) -> daffi::Result<u64> {
///     let mut sum = 0;
///     while let Some(item) = items.next().await {
///         sum += item?;
///     }
///     Ok(sum)
/// }
/// ```
///
/// ```
/// use daffi::{Context, callback};
///
/// #[callback]
/// async fn reserve(ctx: &Context, item: String, quantity: u32) -> Result<u32, String> {
///     if quantity == 0 {
///         return Err(format!("{} asked for no {item}", ctx.caller()));
///     }
///     Ok(quantity)
/// }
/// ```
///
/// # Options
///
/// * `name = "shop.reserve"`: the name others call it by, if not the function's own. At most 128 bytes, without
///   white space, quotes, `=` and `@`; names that begin with `daffi.` are the controller's.
/// * `inline`: for short `async` functions, which then run where their call was read instead of in a task of their
///   own.
///
/// ```
/// # use daffi::callback;
/// #[callback(name = "shop.open", inline)]
/// async fn is_open() -> bool {
///     true
/// }
/// ```
///
/// # What to know
///
/// * The generated type is `struct add {}`: beside a `mod add` or another type of that name it does not compile.
/// * A crate that nothing in the program refers to is not linked, and its callbacks are not found.
/// * Two callbacks of one name in one program are refused when its node starts, with both places.
#[doc(inline)]
pub use daffi_macros::callback;

/// Starts a program with its node: the runtime, the connection, and an orderly end.
///
/// The function is `async`, takes the [`Node`] or nothing, and returns a `Result` or nothing.
///
/// ```no_run
/// use daffi::Node;
///
/// #[daffi::main(name = "proc1", listen = "unix:///run/user/1000/proc1.sock")]
/// async fn main(node: Node) -> daffi::Result<()> {
///     println!("{node:?}");
///     Ok(())
/// }
/// ```
///
/// # Options
///
/// * `name`: the node's name in the mesh.
/// * `connect`: where the controller is.
/// * `listen`: starts a controller in this process at that address and connects to it. It excludes `connect`.
#[doc(inline)]
pub use daffi_macros::main;

/// Declares a callback of another process, so that rustc checks the calls to it.
///
/// The declaration is a function without a body, under the rules of [`callback`]; `async` or not makes no
/// difference. It becomes a type with a `call` and the callback's `NAME`:
///
/// ```
/// use daffi::{Call, Node, remote};
///
/// /// Adds two numbers.
/// #[remote]
/// fn add(a: i64, b: i64) -> i64;
///
/// #[remote(name = "shop.reserve")]
/// fn reserve(item: String, quantity: u32) -> Result<u32, String>;
///
/// fn both(node: &Node) -> (Call<i64>, Call<u32>) {
///     (add::call(node, 4, 6), reserve::call(node, "tea".into(), 2))
/// }
///
/// assert_eq!(reserve::NAME, "shop.reserve");
/// ```
///
/// # Options
///
/// * `name = "shop.reserve"`: the callback's name, if it is not that of the declaration.
#[doc(inline)]
pub use daffi_macros::remote;

/// Keeps a method to this process, in an `impl` block under [`callback`] or a trait under [`remote`].
#[doc(inline)]
pub use daffi_macros::local;
