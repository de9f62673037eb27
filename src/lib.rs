//! [architecture]: daffi_core
//! [guarantees]: guarantees
#![doc = include_str!("../README.md")]
// docs.rs, which has a nightly compiler, then says what needs a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod attributes;
mod macros;

#[doc(inline)]
pub use attributes::{Space, cached, count, synchronize};
pub use daffi_core::api::{
    Batch, Batched, Broadcast, Call, CallFuture, Client, ContextTimer, Every, Feed, Fence, Heard, Item,
    ItemStream, Job, Kept, NoReturn, Object, Opening, Operation, OperationFuture, Place, Remote, Replies,
    ReplyStream, Retry, Schedule, ScheduleGuard, Seconds, Sent, StoppedTimer, Tell, TimerGuard, Versioned,
    WithController, millis, modifiers, secs,
};
pub use daffi_core::callback::{Args, Arguments, Callback, Context, Incoming, Offer, Registry, Wire};
pub use daffi_core::controller::{Bind, Controller};
pub use daffi_core::datatypes::space::Space;
pub use daffi_core::datatypes::{
    Agreement, Barrier, BloomFilter, Cache, CachedMap, Comms, Counters, DailyQuota, Deque, Dict, Election,
    Event, EventStream, EventWatcher, Events, GlobalCounter, Hash, Hold, HyperLogLog, IdBlocks, Inbox, Latch,
    Leadership, Leased, List, Lock, LockGuard, Masters, Multiset, NextId, Permit, PriorityQueue, Queue,
    QuorumNextId, Quota, RateLimiter, Redlock, RedlockGuard, RwLock, Semaphore, SemaphorePermit, Set,
    UniquePriorityQueue,
};
pub use daffi_core::error::{
    BindError, CODES, CallError, Code, ConnectError, DataError, Error, ErrorValue, Explanation,
    MasterFailure, QuorumError, Ran, RegisterError, Result, SpaceError, Stage,
};
pub use daffi_core::identity::{CertificateFiles, IdentityError, JoinString, Pattern, Role, Secret};
pub use daffi_core::name::{CallbackName, NameError, NodeName};
pub use daffi_core::node::{Connect, Node, PresenceStream, Registration, Wait, connect};
pub use daffi_core::obj;
pub use daffi_core::wire::{
    CallbackEntry, ExportedObject, JobEntry, JobId, JobState, Missed, NodeDetail, NodeEntry, ObjectEntry,
    Overlap, Parameter, Presence, ScheduleEntry, Signature, Traceparent, When,
};
/// A stream of items: what a callback may return.
#[doc(no_inline)]
pub use futures::Stream;

pub mod blocking;
pub mod callbacks;
pub mod config;
pub mod datatypes;
#[cfg(doc)]
#[doc = include_str!("../docs/guarantees.md")]
pub mod guarantees {}
pub mod hosted;
pub mod middleware;
pub mod prelude;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;

/// Makes a function, or the methods of a type, callable from other processes.
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
/// # How a callback is treated
///
/// * `timeout = "5s"`: the longest that one call of it may run, whatever its caller allows. Also `250ms`, `1.5s`, `2m`,
///   `1h30m`.
/// * `concurrency = 4`: how many of its calls run at a time on one node; more wait there. Not with `inline`.
/// * `idempotent`: running it twice does no more than running it once, so a call may be repeated although it may have
///   run.
/// * `on_cancel = "finish"`: a run that nobody waits for any more goes on to its end, instead of being stopped where it
///   waits (`"abort"`). Its [`Context`] is cancelled all the same.
/// * `blocking`: an `async` function that may block its thread, as plain ones may anyway. Not with `inline`.
///
/// ```
/// # use daffi::callback;
/// #[callback(timeout = "1.5s", concurrency = 4, idempotent)]
/// async fn resize(picture: Vec<u8>, width: u32) -> Vec<u8> {
///     picture.into_iter().take(width as usize).collect()
/// }
/// ```
///
/// # Methods
///
/// Above an `impl` block, it makes callbacks of the public methods: those with a `pub`, also `pub(crate)`, and without
/// [`#[local]`](macro@local). Their names are the type's and the method's, as in `Orders.place`.
///
/// * Methods take `&self`, since calls run side by side; what changes is kept in a `Mutex` or an atomic. They can be
///   called once [`Node::register`] has an instance, or an `Arc` of one, until the [`Registration`] is dropped. A node
///   offers one instance of a type.
/// * Associated functions need no instance: they are found as functions are, and [`callbacks!`] takes the type's name.
/// * [`Node::remote`] gives a typed client, whose methods return [`Call`]s.
/// * `prefix = "shop"` above the block makes it `shop.place`, and `prefix = ""` just `place`. Options of a single method
///   stand above that method, where `name` is what follows the prefix.
/// * A constructor that is `pub` needs [`#[local]`](macro@local): others cannot have the instance.
/// * A type has one such block, which is not generic, and one for each trait under [`remote`](macro@remote) that it
///   serves, which may be.
///
/// ```standalone_crate
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use daffi::prelude::*;
///
/// #[derive(Default)]
/// struct Orders {
///     seen: AtomicU64,
/// }
///
/// #[callback]
/// impl Orders {
///     /// Takes an order, returns its number.
///     #[callback(timeout = "5s")]
///     pub async fn place(&self, ctx: &Context, item: String) -> Result<u64, String> {
///         if item.is_empty() {
///             return Err(format!("{} asked for nothing", ctx.caller()));
///         }
///         Ok(self.seen.fetch_add(1, Ordering::Relaxed) + 1)
///     }
///
///     pub fn version() -> String {
///         "1.0".into()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi::Result<()> {
/// # let _controller = Controller::bind("memory://class").await?;
/// let node = daffi::connect("memory://class").await?;
/// let orders = node.remote::<Orders>(); // on this node or any other
/// assert_eq!(orders.version().await?, "1.0");
///
/// let _registration = node.register(Orders::default()).await?;
/// assert_eq!(orders.place("tea".into()).timeout(secs(1)).await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Objects that the controller keeps
///
/// `hosted = "kind"` above an `impl` block makes of the type a kind of object that the controller keeps, with methods that
/// take `&mut self`: [`hosted`] has the rules.
///
/// # What to know
///
/// * The generated type is `struct add {}`: beside a `mod add` or another type of that name it does not compile, and a
///   link to the function in documentation says `add()`.
/// * The generated code says `::daffi`. In a program that has this crate by another name, `extern crate that_name as
///   daffi;` in its root makes that mean something.
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

/// Declares a callback of another process, or a trait that it serves, so that rustc checks the calls.
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
/// * `name = "shop.reserve"`: the callback's name, if it is not that of the declaration. How it is treated is the
///   business of the process that offers it.
///
/// # Traits
///
/// Above a trait, it declares what another process serves, and the trait is all that both sides need to share. One side
/// has an `impl` of it under [`callback`](macro@callback) and registers a value, the other has the typed client of
/// [`Node::remote`]:
///
/// ```standalone_crate
/// use daffi::prelude::*;
///
/// #[remote]
/// trait Shop {
///     /// Takes an order, returns its number.
///     async fn place(&self, item: String) -> Result<u64, String>;
///
///     #[remote(idempotent)]
///     fn is_open(&self) -> bool;
/// }
///
/// struct Corner;
///
/// #[callback]
/// impl Shop for Corner {
///     #[callback(concurrency = 4)]
///     async fn place(&self, item: String) -> Result<u64, String> {
///         if item == "tea" { Ok(1) } else { Err(format!("no {item} here")) }
///     }
///
///     fn is_open(&self) -> bool {
///         true
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi::Result<()> {
/// # let _controller = Controller::bind("memory://trait").await?;
/// # let server = daffi::connect("memory://trait").name("corner").await?;
/// let _registration = server.register(Corner).await?;
///
/// # let node = daffi::connect("memory://trait").await?;
/// let shop = node.remote::<dyn Shop>();
/// assert!(shop.is_open().await?);
/// assert_eq!(shop.place("tea".into()).await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// * The names are the trait's and the method's, as in `Shop.place`; `prefix` and, above a method, `name` change them as
///   they do in an `impl`. They and `idempotent` are for all who serve the trait; the other options of a callback
///   stand above the method of the `impl`, each server's own.
/// * Every method takes `&self`. One with [`#[local]`](macro@local) is for servers alone.
/// * The trait that rustc sees is a little another one: it has the supertraits `Send + Sync + 'static`; its `async fn`s
///   return `impl Future + Send`, which is implemented by writing `async fn`; and those have `where Self: Sized`, as have
///   methods that return streams, are generic or name `Self`, so that there is a `dyn Shop` to name the trait by. Code over any `S: Shop` calls them
///   all; through a `&dyn Shop` only the plain ones can be called.
#[doc(inline)]
pub use daffi_macros::remote;

/// Keeps a method to this process, in an `impl` block under [`callback`](macro@callback) or a trait under
/// [`remote`](macro@remote).
///
/// ```
/// use daffi::prelude::*;
///
/// struct Orders;
///
/// #[callback]
/// impl Orders {
///     pub fn place(&self, item: String) -> usize {
///         self.price(&item)
///     }
///
///     #[local]
///     pub fn price(&self, item: &str) -> usize {
///         item.len()
///     }
/// }
///
/// assert_eq!(Orders.price("tea"), 3);
/// ```
#[doc(inline)]
pub use daffi_macros::local;
