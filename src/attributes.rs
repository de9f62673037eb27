//! Attributes that keep something with the controller for the functions they stand on.

#[cfg(doc)]
use crate::*;

/// Keeps the results of a function for all nodes: for the same arguments it runs once, wherever it is called.
///
/// The function is `async` from then on, and otherwise as it was typed. The first call with some arguments runs it, calls
/// meanwhile on any node wait for that one, and later ones have its result at once. A run that fails, panics or is
/// dropped, or whose node dies, frees the next that waits; errors are not kept. One that calls the function itself with the
/// same arguments waits for itself. Arguments and results travel by serde: the
/// same arguments are those that are encoded the same, so that those with NaN in them are never found. `Some(None)` is not
/// `None` all the same, and −0.0 is not 0.0, though they are encoded alike.
///
/// The function's name is the name of a type, too, which has what else there is:
/// * `price::bypass(…)` runs the function, and keeps its result in the place of the one that is there;
/// * `price::uncached(…)` is the function itself;
/// * `price::forget(…)` forgets one result and says whether it was there, `price::clear()` all of them;
/// * `price::info()` says how it does: [`CacheInfo`](datatypes::CacheInfo).
///
/// The results are in a [`Cache`] of the node that runs the callback that calls it, else of the process's
/// [default node](Node::make_default), which `#[daffi::main]` sets. Where there is none, or the cache cannot be reached, or
/// the result is too large for it, the function runs all the same, and a warning says so: a cache saves time, and nothing
/// depends on it. Only `forget`, `clear` and `info` fail then.
///
/// It waits for no link: without one to the controller the function runs at once, and so it does if the link is lost while the
/// cache is asked, or another's run is waited for. A result that is to be stored then is handed over, and stored behind the
/// caller if the link is back within [`CALL_TIMEOUT`](config::CALL_TIMEOUT): that of up to
/// [`CACHE_STORED_LATER_MAX`](config::CACHE_STORED_LATER_MAX) at a time.
///
/// ```standalone_crate
/// use daffi::prelude::*;
///
/// #[cached(key = "squares", ttl = "1h")]
/// fn square(n: i64) -> i64 {
///     n * n
/// }
///
/// #[cached]
/// async fn half(n: u64) -> Result<u64, String> {
///     if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi::Result<()> {
/// # let _controller = Controller::bind("memory://cached").await?;
/// let node = daffi::connect("memory://cached").await?;
/// node.make_default();
/// assert_eq!((square(4).await, square(4).await, square(-4).await), (16, 16, 16));
/// let info = square::info().await?;
/// assert_eq!((info.hits, info.misses, info.size), (1, 2, 2));
///
/// assert!(half(3).await.is_err() && half(3).await.is_err());
/// assert_eq!((half::info().await?.misses, half::info().await?.size), (2, 0));
/// assert_eq!(square::clear().await?, 2);
/// # Ok(())
/// # }
/// ```
///
/// # Options
///
/// * `key = "squares"`: the cache's name, by default that of the function with its path. Functions may share one.
/// * `ttl = "1h"`: how long a result stays; by default until it is forgotten. Pottery's default is a minute, of the whole.
/// * `sliding`: each hit begins that time anew.
///
/// Above a callback, it stands above [`callback`](macro@callback). A plain function runs where it is awaited, so one that
/// computes for long is better `async`, and leaves that to `tokio::task::spawn_blocking`. Pottery's `redis_cache`.
#[doc(inline)]
pub use daffi_macros::cached;

/// Numbers the runs of a function by a topic of the [global counter](GlobalCounter): its result comes with the number.
///
/// The function is `async` from then on, and its result a pair: of a `T` it is `Result<(u64, T), DataError>`, and of a
/// `Result<T, E>` it is `Result<(u64, T), E>`, where `E` has a `From<DataError>`, as [`Error`] has. The function runs
/// first and is counted then, so that the number orders ends, and not starts; a run that fails or panics is not counted. If
/// counting fails, the result is lost with its error. globalCounter's `count_deco`.
///
/// It counts by the node that runs the callback that calls it, else by the process's
/// [default node](Node::make_default), which `#[daffi::main]` sets; where there is none it is a [`DataError::NoNode`], and
/// the function has run.
///
/// ```standalone_crate
/// use daffi::prelude::*;
///
/// #[count(topic = "orders")]
/// fn place(item: &str) -> String {
///     format!("one {item}")
/// }
///
/// #[count(topic = "orders", when = "before")]
/// async fn cancel(order: u64) -> daffi::Result<u64> {
///     Ok(order)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi::Result<()> {
/// # let _controller = Controller::bind("memory://count").await?;
/// let node = daffi::connect("memory://count").await?;
/// node.make_default();
/// assert_eq!(place("tea").await?, (1, "one tea".into()));
/// assert_eq!(cancel(1).await?, (2, 1));
/// assert_eq!(node.counter("orders").peek().await?, 2);
/// # Ok(())
/// # }
/// ```
///
/// # Options
///
/// * `topic = "orders"`: the topic, by default `default`, as globalCounter's clients have it.
/// * `when = "before"`: counts first, whatever comes of the run then. If counting fails, the function does not run.
///
/// Above a callback, it stands above [`callback`](macro@callback), which then knows of the pair.
#[doc(inline)]
pub use daffi_macros::count;

/// Runs a function under a [lock of several controllers](Redlock): no two runs at the same time of all functions with the
/// same key, within what such a lock guarantees. Pottery's `synchronize`.
///
/// The function is `async` from then on. Of a `T` its result is `Result<T, QuorumError>`, and of a `Result<T, E>` it is
/// that, where `E` has a `From<QuorumError>`, as [`Error`] has; these errors say that the lock was not had, and the function
/// has not run. The lock is extended while the function runs. If it is lost all the same, what the function returned
/// stays, and a warning is logged; a function that wants to know sooner has a parameter of type `&RedlockGuard`, which
/// its callers do not see.
///
/// It asks the process's [default masters](Masters::make_default); if none ever were, the one controller of
/// [`Node::current`]. Where there is none it is a [`DataError::NoNode`].
///
/// ```standalone_crate
/// use daffi::prelude::*;
/// use daffi::RedlockGuard;
///
/// #[synchronize(key = "printer")]
/// fn print(page: u32) -> String {
///     format!("page {page}")
/// }
///
/// #[synchronize(key = "printer", auto_release_time = "15s", timeout = "1m")]
/// async fn reprint(guard: &RedlockGuard, page: u32) -> daffi::Result<(u64, u32)> {
///     Ok((guard.fencing_token(), page))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi::Result<()> {
/// # let _controller = Controller::bind("memory://synchronize").await?;
/// let node = daffi::connect("memory://synchronize").await?;
/// node.make_default();
/// assert_eq!(print(1).await?, "page 1");
/// let (token, page) = reprint(2).await?;
/// assert!(token > 0 && page == 2);
/// # Ok(())
/// # }
/// ```
///
/// # Options
///
/// * `key = "printer"`: the lock, which has to be said.
/// * `auto_release_time = "15s"`: how long the lock is held if its holder hangs or cannot be reached; by default 10 s.
/// * `timeout = "1m"`: how long it is waited for; by default for ever.
/// * `blocking = false`: it is not waited for, and a lock that another holds is a [`QuorumError::QuorumNotAchieved`].
/// * `renew = false`: it is not extended, and so lost after its auto-release time, as Pottery's is.
#[doc(inline)]
pub use daffi_macros::synchronize;

/// Makes a struct the objects of a space: its description, and a function for each attribute that offers what the type of
/// that allows.
///
/// One field is the key; `String`, `Text`, `i64`, `f64`, [`Float`](datatypes::space::Float) and `SystemTime` can be. The
/// others are of those types, of a `Vec`, a `BTreeSet` or `HashSet`, a `BTreeMap` or `HashMap` of text and numbers, or a
/// document, [`Value`](datatypes::space::Value). What is looked up, the elements of a set and the keys of a map, is a
/// `Float` where it is no integer. [`Node::space`](Node::space) has the space.
///
/// ```standalone_crate
/// use std::collections::BTreeSet;
///
/// use daffi::Space;
/// use daffi::prelude::*;
///
/// #[derive(Space, Debug, PartialEq)]
/// struct Friend {
///     #[key]
///     username: String,
///     first: String,
///     views: i64,
///     friends: BTreeSet<String>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daffi::Result<()> {
/// # let _controller = Controller::bind("memory://derive-space").await?;
/// let node = daffi::connect("memory://derive-space").await?;
/// let friends = node.space::<Friend>();
/// friends.ensure().await?;
/// let jj = Friend { username: "jj".into(), first: "John".into(), views: 0, friends: BTreeSet::new() };
/// friends.put(&jj).await?;
///
/// friends.update("jj", Friend::friends().insert("jsmith1")).await?;
/// friends.update("jj", Friend::first().set("Jon").then(Friend::views().add(1))).when(Friend::first().eq("John")).await?;
/// assert_eq!(friends.fetch("jj", Friend::views().add(1)).await?, 2);
///
/// let mut often_seen = friends.sorted_search(Friend::views().ge(2), Friend::views().descending(), 10).await?;
/// assert_eq!(often_seen.try_next().await?.map(|friend| friend.first), Some("Jon".into()));
/// # Ok(())
/// # }
/// ```
///
/// What is asked is joined by `&`, `|` and `!`: `Friend::views().ge(2) & !Friend::first().matches("^J")`.
///
/// What a type does not allow does not compile:
///
/// ```compile_fail
/// # #[derive(daffi::Space)]
/// # struct Friend { #[key] username: String, first: String }
/// let _ = Friend::first().add(1); // a string
/// ```
///
/// ```compile_fail
/// # #[derive(daffi::Space)]
/// # struct Friend { #[key] username: String, first: String }
/// let _ = Friend::first().lt(5); // neither is a string less than a number
/// ```
///
/// # Options
///
/// Above the struct: `#[space(name = "friends", index(first, views), subspace(first), tolerate = 2, partitions = 64)]`. The
/// name is by default that of the struct, as `user_lock` of `UserLock`. By an `index` searches find what is asked of an
/// attribute without going through all objects. The others are words of HyperDex's descriptions, and are kept.
#[doc(inline)]
pub use daffi_macros::Space;
