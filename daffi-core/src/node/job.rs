//! A call that a node serves, from its arrival to its end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Intake;
use super::around::Around;
use super::flows::Inflow;
use super::known::Streams;
use super::link::Link;
use super::running::{Key, Lane, Limit};
use crate::callback::{Callback, OnCancel, Options, Run, gives_stream};
use crate::config;
use crate::name::NodeName;
use crate::wire::Header;

/// A call to be run.
pub(super) struct Job {
    pub(super) link: Arc<Link>,
    /// The controller's number.
    pub(super) call: u64,
    pub(super) key: Key,
    pub(super) callback: Arc<Callback>,
    pub(super) caller: NodeName,
    pub(super) deadline: Option<Instant>,
    pub(super) body: Bytes,
    /// The stream that it brings.
    pub(super) feed: Option<Intake>,
    /// The reply must come whole.
    pub(super) is_kept: bool,
    /// When its callback's own timeout passes, once it runs.
    pub(super) until: Option<Instant>,
    /// Its caller has been answered while it still ran.
    pub(super) is_answered: AtomicBool,
    /// What stands around it, if anything does.
    pub(super) around: Option<Box<Around>>,
}

impl Job {
    /// It begins to run.
    pub(super) fn begun(mut self) -> Self {
        self.until =
            self.callback.options().timeout.map(|timeout| Instant::now() + timeout.min(config::TIMEOUT_MAX));
        self
    }

    /// What it needs while it runs.
    pub(super) fn lane(&self) -> Lane {
        match self.callback.run() {
            Run::Async(_) | Run::Flowing(_) if !self.callback.options().blocking => Lane::Async,
            Run::Async(_) | Run::Flowing(_) | Run::Blocking(_) => Lane::Blocking,
        }
    }

    /// How many of its callback's calls run at a time.
    pub(super) fn limit(&self, callback: u32) -> Option<Limit> {
        self.callback.options().concurrency.map(|calls| Limit { callback, calls })
    }

    /// Until when its caller, or its callback's own timeout, lets it run.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        match (self.deadline, self.until) {
            (Some(deadline), Some(until)) => Some(deadline.min(until)),
            (deadline, until) => deadline.or(until),
        }
    }

    /// Until when calls of its own may last: one that its caller cannot stop has its own time for them.
    pub(super) fn own_calls_end_at(&self) -> Option<Instant> {
        match self.callback.options().on_cancel {
            OnCancel::Abort => self.ends_at(),
            OnCancel::Finish => self.until,
        }
    }

    /// Says that its caller is answered; `false` if it was before.
    pub(super) fn answer(&self) -> bool {
        !self.is_answered.swap(true, Ordering::AcqRel)
    }

    /// Whether its result, if one is wanted, goes in one frame however large it is.
    pub(super) fn is_whole(&self) -> bool {
        self.is_kept || self.key.is_one_way
    }
}

/// Whether a callback is told that its call was cancelled; the tasks of others are simply aborted.
pub(super) fn is_told(options: Options) -> bool {
    // What runs on a thread cannot be aborted, and what shall finish must not be.
    options.sees_context || options.blocking || options.on_cancel == OnCancel::Finish
}

/// A call as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) header: Header,
    pub(crate) caller: NodeName,
    /// The stream that it brings.
    pub(crate) feed: Option<Arc<Inflow>>,
    /// What stands around it, if anything does.
    pub(crate) around: Option<Box<Around>>,
}

/// Whether the callback takes and returns the streams that the call has; else what the call is, for people.
pub(super) fn fit(job: &Job) -> Result<(), String> {
    let Run::Flowing(_) = job.callback.run() else {
        return if job.feed.is_some() { Err("a stream that it does not take".into()) } else { Ok(()) };
    };
    let gives = gives_stream(job.callback.signature());
    if gives && job.is_whole() {
        return Err("a call in a mode that takes no stream".into());
    }
    // Whether the caller takes one it has to see for itself.
    Streams { feeds: job.feed.is_some(), takes: gives }.fit(job.callback.signature())
}

/// Ready when a call is cancelled; never if nobody tells.
pub(super) async fn is_cancelled(told: Option<watch::Receiver<bool>>) {
    let Some(mut told) = told else { return std::future::pending().await };
    if told.wait_for(|is_cancelled| *is_cancelled).await.is_err() {
        // The call is over, and nobody is left to cancel it.
        std::future::pending().await
    }
}

/// What `running` comes to; `None` if it was stopped.
pub(super) async fn in_time<T>(
    job: &Job,
    cancelled: Option<watch::Receiver<bool>>,
    running: impl Future<Output = T>,
) -> Option<T> {
    let options = job.callback.options();
    if options.on_cancel == OnCancel::Finish {
        return Some(running.await);
    }
    // The controller enforces the deadlines of calls that it awaits a reply to, by cancelling them.
    let deadline = job.deadline.filter(|_| job.key.is_one_way);
    let overdue = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
        tracing::warn!(callback = %job.callback.name(), caller = %job.caller, "a call that wants no reply ran out of time");
    };
    let given_up = async {
        is_cancelled(cancelled).await;
        if options.sees_context {
            tokio::time::sleep(config::CANCEL_GRACE).await;
        }
    };
    tokio::select! {
        biased;
        outcome = running => Some(outcome),
        () = given_up => None,
        () = overdue => None,
    }
}
