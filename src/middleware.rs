//! Middleware: what stands around the calls that a node makes, and around the callbacks that it runs.
//!
//! One trait, [`Wrap`], and one method: it gets the call and the [`Next`], lets the call go on by `next.run(call).await` or
//! answers for it, and sees what it came to. An `async fn` is one already:
//!
//! ```
//! use std::time::Instant;
//!
//! use daffi::middleware::{Ended, Fault, Next, Outcome, Outgoing, Serving};
//! use daffi::{CallError, secs};
//!
//! /// Calls that do not say how long they may take get two seconds, and each is logged.
//! async fn log(mut call: Outgoing, next: Next<Outgoing>) -> Result<Ended, CallError> {
//!     if !call.says_timeout() {
//!         call.set_timeout(Some(secs(2)));
//!     }
//!     let (what, started) = (format!("{} ({})", call.callback(), call.mode()), Instant::now());
//!     let ended = next.run(call).await;
//!     println!("{what}: {ended:?} after {:?}", started.elapsed());
//!     ended
//! }
//!
//! /// Only the office may pay.
//! async fn guard(call: Serving, next: Next<Serving>) -> Outcome {
//!     if call.callback().as_str() == "pay" && call.caller().as_str() != "office" {
//!         return Err(Fault::Denied { what: "only the office may pay".into() });
//!     }
//!     next.run(call).await
//! }
//!
//! let connect = daffi::connect("").wrap_calls(log).wrap_callbacks(guard);
//! # drop(connect);
//! ```
//!
//! Several nest in the order given: [`Connect::wrap_calls`](crate::Connect::wrap_calls) and
//! [`wrap_callbacks`](crate::Connect::wrap_callbacks), which say what they apply to and to what not. What has state of its
//! own implements [`Wrap`]; `examples/middleware.rs` limits a rate that way.
//!
//! # What it can do
//!
//! * **Refuse**: [`Fault::Denied`] and [`Fault::Busy`] on the side of the callback, any [`CallError`](crate::CallError) on
//!   that of the caller. The callback has not run then, and the caller's [`ran()`](crate::CallError::ran) says so.
//! * **Wait**, before or after: the call's time goes on where it is served, and begins with `next.run` where it is made.
//! * **Bound**: a timeout or another event beside `next.run(call)` cancels the call when that future is dropped and the
//!   method returns. A plain function on its thread cannot be stopped, here as elsewhere.
//! * **See and change the outcome**: the error on both sides, and the encoded result where it is served. A caller's result
//!   is decoded where it is awaited, and not seen.
//! * **Change a call** that is made: its timeout, its place in a trace.
//!
//! It lets a call go on once. What is to be made again is made again by [`Call::retry`](crate::Call::retry), inside. A
//! call that is cancelled drops the method in the middle; what must be done all the same, the `Drop` of a local does. A
//! panic in it is the callback's where it serves, and its caller's where it calls.
//!
//! A background call around which something stands is sent by a task of its own, in order with nothing; a
//! [`bg_stream`](crate::Call::bg_stream) whose middleware waits goes when it is first polled.
//!
//! # What it costs
//!
//! Without middleware nothing: a node looks once per call whether there is any. With it a call takes a few allocations.
//!
//! # Why not tower
//!
//! A `tower::Service` has one type of request and one of response; each callback has its own, and streams, broadcasts and
//! calls that want no reply have none. A layer would have to be generic over all of them, which a node cannot keep in a
//! list, or see only bytes in boxes, with `poll_ready`, `&mut self` and a clone for each call on top. One `async` method
//! reads better and covers every mode; tower's limiters and the like are easily called from it.

pub use daffi_core::callback::{Fault, Next, Outcome, Serving, Wrap, Wrapped};
pub use daffi_core::node::{Ended, Mode, Outgoing};
