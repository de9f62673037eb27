//! Spans of calls, on both sides, joined by what travels as the header `traceparent`.

use tracing::{Instrument, Span, debug_span, field};

use super::outgoing::{Ended, Outgoing};
use crate::callback::{Next, Outcome, Serving, Wrap};
use crate::error::CallError;
use crate::wire::Traceparent;

/// The target of the spans, which filters name.
const TARGET: &str = "daffi::calls";

/// Whether anybody wants the spans of calls. If nobody does it takes one load.
pub(crate) fn is_watched() -> bool {
    tracing::span_enabled!(target: TARGET, tracing::Level::DEBUG)
}

/// A place in the trace of whoever caused it, or in a trace of its own.
pub(crate) fn below(parent: Option<Traceparent>) -> Traceparent {
    parent.map_or_else(Traceparent::root, |parent| parent.child())
}

/// The outermost of what stands around a call while somebody wants its span.
pub(crate) struct Traced;

/// A span. Dropped before it says what its call came to, the call was cancelled.
struct Watched {
    span: Span,
    is_over: bool,
}

impl Watched {
    fn new(span: Span, parent: Option<Traceparent>, own: Traceparent) -> Self {
        span.record("trace_id", field::display(format_args!("{:032x}", own.trace_id())));
        span.record("span_id", field::display(format_args!("{:016x}", own.span_id())));
        if let Some(parent) = parent {
            span.record("parent_id", field::display(format_args!("{:016x}", parent.span_id())));
        }
        Self { span, is_over: false }
    }

    fn end(mut self, error: Option<&dyn std::fmt::Display>, outcome: &dyn std::fmt::Display) {
        self.is_over = true;
        self.span.record("outcome", field::display(outcome));
        if let Some(error) = error {
            self.span.record("error", field::display(error));
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.is_over {
            self.span.record("outcome", "cancelled");
        }
    }
}

impl Wrap<Outgoing> for Traced {
    async fn around(&self, mut call: Outgoing, next: Next<Outgoing>) -> Result<Ended, CallError> {
        let parent = call.traceparent();
        let own = below(parent);
        call.set_traceparent(own);
        let span = debug_span!(
            target: TARGET,
            "call",
            otel.kind = "client",
            callback = %call.callback(),
            mode = %call.mode(),
            node = field::Empty,
            outcome = field::Empty,
            error = field::Empty,
            trace_id = field::Empty,
            span_id = field::Empty,
            parent_id = field::Empty,
        );
        let watched = Watched::new(span.clone(), parent, own);
        let ended = next.run(call).instrument(span).await;
        match &ended {
            Ok(ended) => {
                if let Some(node) = ended.node() {
                    watched.span.record("node", field::display(node));
                }
                watched.end(None, &"ok");
            }
            Err(error) => watched.end(Some(error), &error.code()),
        }
        ended
    }
}

impl Wrap<Serving> for Traced {
    async fn around(&self, call: Serving, next: Next<Serving>) -> Outcome {
        let own = call.own.unwrap_or_else(|| below(call.came));
        let span = debug_span!(
            target: TARGET,
            "serve",
            otel.kind = "server",
            callback = %call.callback,
            caller = %call.caller,
            node = %call.node,
            outcome = field::Empty,
            error = field::Empty,
            trace_id = field::Empty,
            span_id = field::Empty,
            parent_id = field::Empty,
        );
        let watched = Watched::new(span.clone(), call.came, own);
        let outcome = next.run(call).instrument(span).await;
        match &outcome {
            Ok(_) => watched.end(None, &"ok"),
            Err(fault) => watched.end(Some(fault), &"failed"),
        }
        outcome
    }
}
