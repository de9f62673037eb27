//! Callbacks with a time of their own, and those on threads, which nobody can stop.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::around::wait_for;
use super::ending::Ending;
use super::flows::Outlet;
use super::here::Here;
use super::job::{Job, is_cancelled};
use super::{Phase, Shared};
use crate::callback::{Context, OnCancel, Outcome, Panicked, RunBlocking, catch, plainly};
use crate::config;
use crate::error::{CallError, Stage};

impl Shared {
    /// What the callback comes to, unless its own timeout passes first. Then its caller is told at once, it is
    /// cancelled like any other, and nobody wants its outcome.
    pub(super) async fn in_own_time(
        &self,
        job: &Job,
        until: Instant,
        is_told: bool,
        outlet: Option<&Outlet>,
        running: impl Future<Output = Result<Outcome, Panicked>>,
    ) -> Option<Result<Outcome, Panicked>> {
        let mut running = std::pin::pin!(running);
        if let Ok(outcome) = tokio::time::timeout_at(until, &mut running).await {
            return Some(outcome);
        }
        self.answer_late(job, outlet);
        if is_told {
            drop(self.serve.running().cancel(job.key));
        }
        if job.callback.options().sees_context {
            // Whether it ends in its last moment or not, its caller has been answered.
            drop(tokio::time::timeout(config::CANCEL_GRACE, running).await);
        }
        None
    }

    /// Tells the caller that the callback's own timeout has passed.
    fn answer_late(&self, job: &Job, outlet: Option<&Outlet>) {
        if !job.answer() {
            return;
        }
        let after = job.callback.options().timeout.unwrap_or_default();
        let error = CallError::TimedOut { stage: Stage::Running, node: Some(self.name.clone()), after };
        match outlet.filter(|outlet| outlet.has_begun()) {
            Some(outlet) => outlet.fail(&error),
            None => self.reply(job, &Err(error)),
        }
        job.link.outbound.flush_soon();
    }

    /// Runs a plain function, which has been counted as running, on a thread. Once cancelled, what stands around it is
    /// dropped where it waits.
    pub(super) fn start_on_thread(
        self: &Arc<Self>,
        job: Job,
        run: Arc<RunBlocking>,
        context: Context,
        cancelled: Option<watch::Receiver<bool>>,
    ) {
        let ending = Ending::new(self, job.key);
        let cancelled = cancelled.filter(|_| job.callback.options().on_cancel == OnCancel::Abort);
        let surrounded = job.surrounded(self, job.body.len());
        let job = Arc::new(job);
        let watch = job.until.map(|until| self.watch(&job, until));
        self.runtime.spawn_blocking(move || {
            let here = Here::enter(&ending.shared);
            let outcome = catch(|| match surrounded {
                None => Some(plainly(|| run(&context, &job.body))),
                Some(surrounded) => {
                    let body = job.body.clone();
                    let around =
                        surrounded.run(move || Box::pin(async move { plainly(|| run(&context, &body)) }));
                    wait_for(unless_cancelled(around, cancelled))
                }
            });
            drop((watch, here));
            let Some(outcome) = outcome.transpose() else { return ending.over() };
            let large = job.answer().then(|| ending.shared.finished(&job, outcome)).flatten();
            job.link.outbound.flush_soon();
            match large {
                None => ending.over(),
                Some(body) => drop(Arc::clone(&ending.shared).runtime.spawn(async move {
                    ending.shared.reply_in_chunks(&job, body).await;
                    ending.over();
                })),
            }
        });
    }

    /// Has a thread run what may block it.
    pub(super) fn spawn_on_thread(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let (runtime, mut phase) = (self.runtime.clone(), self.phase.subscribe());
        self.runtime.spawn_blocking(move || {
            runtime.block_on(async {
                // What has begun on a thread cannot be aborted with the node's tasks.
                tokio::select! {
                    biased;
                    () = work => {}
                    _ = phase.wait_for(|phase| *phase == Phase::Ended) => {}
                }
            });
        })
    }

    /// Answers for a plain function when its own timeout passes: it goes on until it looks at its context, or ends.
    fn watch(self: &Arc<Self>, job: &Arc<Job>, until: Instant) -> Watch {
        let (shared, job) = (Arc::clone(self), Arc::clone(job));
        let task = self.runtime.spawn(async move {
            tokio::time::sleep_until(until).await;
            shared.answer_late(&job, None);
            drop(shared.serve.running().cancel(job.key));
        });
        Watch(task.abort_handle())
    }
}

/// What `running` comes to; `None` if it was cancelled before.
async fn unless_cancelled<T>(
    running: impl Future<Output = T>,
    cancelled: Option<watch::Receiver<bool>>,
) -> Option<T> {
    tokio::select! {
        biased;
        outcome = running => Some(outcome),
        () = is_cancelled(cancelled) => None,
    }
}

/// Ends with the run that it is about.
struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
