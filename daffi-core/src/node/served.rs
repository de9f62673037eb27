//! What a callback sees of the call that it serves.

use std::any::Any;
use std::sync::Arc;

use tokio::sync::watch;

use super::Shared;
use super::job::{Job, is_told};
use super::nested::Place;
use crate::callback::{Context, Reach, Run, Start};
use crate::name::CallbackName;

/// What a blank context reaches.
struct Nowhere;

impl Reach for Nowhere {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Shared {
    /// What the callback sees of its call, and how it is told that it was cancelled. One that does not look gets
    /// the same blank context each time: making one costs as much as the rest of a short call.
    pub(super) fn context(self: &Arc<Self>, job: &Job) -> (Option<watch::Sender<bool>>, Context) {
        let looks = is_told(job.callback.options()) || matches!(job.callback.run(), Run::Blocking(_));
        if !looks {
            return (None, self.blank_context());
        }
        let cancel = watch::Sender::new(false);
        let cancelled = cancel.subscribe();
        let start = Start {
            caller: job.caller.clone(),
            node: self.name.clone(),
            callback: job.callback.name().clone(),
            deadline: job.ends_at(),
            traceparent: job.traceparent(),
        };
        let deadline = job.own_calls_end_at();
        let trace = job.traceparent().map(Box::new);
        let reach: Arc<dyn Reach> =
            Arc::new(Place { shared: Arc::clone(self), key: job.key, deadline, trace });
        (Some(cancel), Context::new(start, cancelled, reach))
    }

    pub(super) fn blank_context(&self) -> Context {
        let make = || {
            let callback = CallbackName::new("blank").expect("a good name");
            let (caller, node) = (self.name.clone(), self.name.clone());
            let start = Start { caller, node, callback, deadline: None, traceparent: None };
            Context::new(start, self.serve.never.subscribe(), Arc::new(Nowhere))
        };
        self.serve.blank.get_or_init(make).clone()
    }
}
