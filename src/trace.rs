//! Traces: spans of calls on both sides, joined across processes.
//!
//! While a subscriber of the crate `tracing` wants the target `daffi::calls` at the level `DEBUG`, each call has two spans:
//! `call` where it is made (`callback`, `mode`, `node` that ran it, `outcome`, `error`) and `serve` where it runs
//! (`callback`, `caller`, `node`, `outcome`, `error`). Both have `trace_id`, `span_id` and `parent_id`, in the W3C's
//! hexadecimals, so that the logs of several processes can be joined by any means: the caller's `span_id` is the callee's
//! `parent_id`. An `outcome` is `ok`, `cancelled`, `failed`, or an error's code. `examples/tracing.rs` shows one trace over
//! three processes.
//!
//! Between processes a [`Traceparent`] travels with the call, and only if there is a trace. Where nobody wants spans it
//! is passed on as it came; nothing is made, and a call that is part of no trace costs nothing.
//!
//! # What is part of a trace
//!
//! * Calls through [`Context::node`](crate::Context::node): of the callback's.
//! * Calls of [`Node::traced`](crate::Node::traced), or with [`Call::traceparent`](crate::Call::traceparent): of the one
//!   that is given, such as that of an HTTP request.
//! * Any other call begins a trace, if its span is wanted.
//!
//! That holds for calls in the foreground, in the background, one-way, to all, of streams, and with an `eta`. The runs of
//! a schedule begin their own, and the questions that a [`Node`](crate::Node) asks the controller have none.
//!
//! # OpenTelemetry
//!
//! Spans with `otel.kind` come out of `tracing-opentelemetry` as they are, in each process by itself. To join them, two
//! pieces of [`middleware`](crate::middleware) hand the context over, in which the propagator knows the rest:
//!
//! ```text
//! .wrap_calls(async |mut call: Outgoing, next: Next<Outgoing>| {
//!     // the header that the propagator writes for tracing::Span::current().context()
//!     if let Ok(traceparent) = injected().parse() {
//!         call.set_traceparent(traceparent);
//!     }
//!     next.run(call).await
//! })
//! .wrap_callbacks(async |call: Serving, next: Next<Serving>| {
//!     if let Some(traceparent) = call.traceparent() {
//!         tracing::Span::current().set_parent(extracted(&traceparent.to_string()));
//!     }
//!     next.run(call).await
//! })
//! ```

pub use daffi_core::wire::{Traceparent, TraceparentError};
