//! Running callbacks: each call ends in exactly one reply, whatever the callback does.

use std::any::Any;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Shared;
use super::link::Link;
use super::nested::Place;
use super::running::{ALL_THREADS_WAIT, Key, Lane, Running, Verdict};
use crate::callback::{Callback, Context, Fault, Outcome, Panicked, Reach, Run, Start, catch, catch_future};
use crate::config;
use crate::error::{CallError, Ran};
use crate::name::{CallbackName, NodeName};
use crate::wire::{Failure, Flags, Header, Kind, put_frame};

/// Callbacks by the numbers that calls of them carry.
pub(crate) type Offers = FxHashMap<u32, Arc<Callback>>;

/// The callbacks that a node offers, and the calls it runs.
pub(crate) struct Serve {
    offers: Mutex<Arc<Offers>>,
    running: Mutex<Running<Job>>,
    /// As `running` knows it, without its lock.
    is_draining: AtomicBool,
    /// Numbers the calls that want no reply.
    one_way: AtomicU64,
    /// A call ended while the node is draining.
    ended: Notify,
    /// For callbacks that do not look at their context.
    blank: OnceLock<Context>,
    never: watch::Sender<bool>,
    /// Calls that want no reply and failed.
    pub(crate) failed_one_way: AtomicU64,
}

/// A call to be run.
pub(crate) struct Job {
    link: Arc<Link>,
    /// The controller's number.
    call: u64,
    key: Key,
    callback: Arc<Callback>,
    caller: NodeName,
    deadline: Option<Instant>,
    body: Bytes,
}

/// A call as it arrived.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) header: Header,
    pub(crate) caller: NodeName,
}

/// What a blank context reaches.
struct Nowhere;

impl Reach for Nowhere {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Serve {
    pub(crate) fn new(concurrency: usize) -> Self {
        Self {
            offers: Mutex::default(),
            running: Mutex::new(Running::new(concurrency)),
            is_draining: AtomicBool::new(false),
            one_way: AtomicU64::new(0),
            ended: Notify::new(),
            blank: OnceLock::new(),
            never: watch::Sender::new(false),
            failed_one_way: AtomicU64::new(0),
        }
    }

    /// The callbacks by their numbers. No user code runs under this lock, nor under the next.
    pub(crate) fn offers(&self) -> MutexGuard<'_, Arc<Offers>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Running<Job>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Calls that run now.
    pub(crate) fn running_now(&self) -> usize {
        self.running().len()
    }

    /// Cancels what came by other links than `link`, but for calls that want no reply.
    pub(crate) fn cancel_others(&self, link: Option<u64>) {
        // Their jobs are dropped after the lock is released.
        let jobs = self.running().cancel_others(link);
        drop(jobs);
    }

    pub(crate) fn abort_all(&self) {
        let jobs = self.running().abort_all();
        drop(jobs);
    }

    /// Takes no more calls, and waits until those that run have ended, or for `time`.
    pub(crate) async fn drain(&self, time: Duration) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.running().drain();
        let idle = async {
            loop {
                let ended = self.ended.notified();
                if self.running().is_idle() {
                    return;
                }
                ended.await;
            }
        };
        if tokio::time::timeout(time, idle).await.is_err() {
            tracing::warn!(running = self.running_now(), "callbacks did not finish in time and are aborted");
        }
    }
}

impl Shared {
    /// Runs a call, or has it wait. `Link::outbound` is to be flushed afterwards.
    pub(crate) fn serve(self: &Arc<Self>, link: &Arc<Link>, offers: &Offers, arrived: Arrived, body: &[u8]) {
        let Arrived { header, caller } = arrived;
        let is_one_way = header.flags.has(Flags::ONE_WAY);
        if header.name == PING_NAME {
            put_reply(link, header.call, is_one_way, &Ok(body));
            return;
        }
        let Some(callback) = offers.get(&header.name) else {
            let name = format!("number {}", header.name);
            let error = CallError::NoSuchCallback { name, similar: Vec::new() };
            put_reply(link, header.call, is_one_way, &Err::<Bytes, _>(error));
            return;
        };
        let arrived = Arrived { header, caller };
        match callback.run() {
            Run::Async(_) if callback.options().inline && !self.serve.is_draining() => {
                self.serve_inline(link, arrived, callback, body);
            }
            Run::Async(_) => self.arrive(self.job(link, arrived, Arc::clone(callback), body), Lane::Async),
            Run::Blocking(_) => {
                self.arrive(self.job(link, arrived, Arc::clone(callback), body), Lane::Blocking);
            }
        }
    }

    fn job(&self, link: &Arc<Link>, arrived: Arrived, callback: Arc<Callback>, body: &[u8]) -> Job {
        let Arrived { header, caller } = arrived;
        let is_one_way = header.flags.has(Flags::ONE_WAY);
        let number =
            if is_one_way { self.serve.one_way.fetch_add(1, Ordering::Relaxed) } else { header.call };
        Job {
            link: Arc::clone(link),
            call: header.call,
            key: Key { link: link.number, number, is_one_way },
            callback,
            caller,
            deadline: header.remaining().map(|left| Instant::now() + left),
            body: Bytes::copy_from_slice(body),
        }
    }

    /// The controller no longer wants the call's reply.
    pub(crate) fn cancel_served(&self, link: &Link, call: u64) {
        let key = Key { link: link.number, number: call, is_one_way: false };
        let waiting = self.serve.running().cancel(key);
        drop(waiting);
    }

    /// A callback awaits a call of its own: others may run in its place.
    pub(super) fn callback_awaits(self: &Arc<Self>, key: Key) {
        let mut running = self.serve.running();
        running.await_own_call(key);
        let stuck = running.take_stuck();
        let next: Vec<Job> = std::iter::from_fn(|| running.next()).map(|(_, job)| job).collect();
        drop(running);
        for job in next {
            self.start(job);
        }
        for job in stuck {
            let error = CallError::Busy { what: format!("`{}`: {ALL_THREADS_WAIT}", self.name) };
            self.reply(&job, &Err(error));
            job.link.outbound.flush_soon();
        }
    }

    /// The call that a callback awaited has ended.
    pub(super) fn callback_goes_on(&self, key: Key) {
        self.serve.running().go_on(key);
    }

    fn arrive(self: &Arc<Self>, job: Job, lane: Lane) {
        let verdict = self.serve.running().arrive(job.key, lane, job);
        match verdict {
            Verdict::Run(job) => self.start(job),
            Verdict::Queued => {}
            Verdict::Refused(job, why) => {
                let error = CallError::Busy { what: format!("`{}`: {why}", self.name) };
                self.reply(&job, &Err(error));
            }
        }
    }

    /// Polls the callback once here; only if it has to wait it becomes a task.
    fn serve_inline(
        self: &Arc<Self>,
        link: &Arc<Link>,
        arrived: Arrived,
        callback: &Arc<Callback>,
        body: &[u8],
    ) {
        let Run::Async(run) = callback.run() else { return };
        // A callback that does not look at its context needs no job unless it has to wait: making one, with its
        // clock and its counts of references, costs as much as the rest of a short call.
        let (cancel, context, job) = if callback.options().sees_context {
            let job = self.job(link, arrived.clone(), Arc::clone(callback), &[]);
            let (cancel, context) = self.context(&job);
            (cancel, context, Some(job))
        } else {
            (None, self.blank_context(), None)
        };
        let Header { flags, call, .. } = arrived.header;
        let is_one_way = flags.has(Flags::ONE_WAY);
        let rest = catch(|| {
            let mut running = run(context, body);
            match running.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
                Poll::Ready(Ok(body)) if body.len() <= config::BODY_BYTES_MAX => {
                    put_result(link, call, is_one_way, &body);
                    None
                }
                Poll::Ready(outcome) => Some(Ok(outcome)),
                Poll::Pending => Some(Err(running)),
            }
        });
        let outcome = match rest {
            Ok(None) => return,
            Ok(Some(Ok(outcome))) => Ok(outcome),
            Err(panicked) => Err(panicked),
            Ok(Some(Err(running))) => {
                let job = job.unwrap_or_else(|| self.job(link, arrived, Arc::clone(callback), &[]));
                // What has begun cannot wait in the queue, so it runs even past the bound.
                self.serve.running().begin(job.key, Lane::Async);
                return self.spawn(job, cancel, catch_future(running));
            }
        };
        let result = self.result(outcome);
        self.note_failure(is_one_way, callback, &arrived.caller, &result);
        put_reply(link, call, is_one_way, &result);
    }

    /// Starts a call that has been counted as running.
    fn start(self: &Arc<Self>, job: Job) {
        let (cancel, context) = self.context(&job);
        match job.callback.run().clone() {
            Run::Async(run) => {
                let body = job.body.clone();
                let running = catch_future(async move { run(context, &body).await });
                self.spawn(job, cancel, running);
            }
            Run::Blocking(run) => {
                if let Some(cancel) = cancel {
                    self.serve.running().set_cancel(job.key, cancel);
                }
                let ending = Ending { shared: Arc::clone(self), key: job.key };
                self.runtime.spawn_blocking(move || {
                    let outcome = catch(|| run(&context, &job.body));
                    ending.shared.finished(&job, outcome);
                    job.link.outbound.flush_soon();
                    drop(ending);
                });
            }
        }
    }

    fn spawn(
        self: &Arc<Self>,
        job: Job,
        cancel: Option<watch::Sender<bool>>,
        running: impl Future<Output = Result<Outcome, Panicked>> + Send + 'static,
    ) {
        let key = job.key;
        let cancelled = cancel.map(|cancel| {
            let cancelled = cancel.subscribe();
            self.serve.running().set_cancel(key, cancel);
            cancelled
        });
        let ending = Ending { shared: Arc::clone(self), key };
        let task = self.runtime.spawn(async move {
            match in_time(&job, cancelled, running).await {
                Some(outcome) => ending.shared.finished(&job, outcome),
                None if job.key.is_one_way => job.link.finish_one_way(),
                None => {}
            }
            // A lone reply goes out at once; those of a crowd go out together.
            if ending.shared.serve.running_now() == 1 {
                job.link.flush();
            } else {
                job.link.outbound.flush_soon();
            }
            drop(ending);
        });
        self.serve.running().set_abort(key, task.abort_handle());
    }

    /// What the callback sees of its call, and how it is told that it was cancelled. One that does not look gets
    /// the same blank context each time: making one costs as much as the rest of a short call.
    fn context(self: &Arc<Self>, job: &Job) -> (Option<watch::Sender<bool>>, Context) {
        let looks = job.callback.options().sees_context || matches!(job.callback.run(), Run::Blocking(_));
        if !looks {
            return (None, self.blank_context());
        }
        let cancel = watch::Sender::new(false);
        let cancelled = cancel.subscribe();
        let start = Start {
            caller: job.caller.clone(),
            node: self.name.clone(),
            callback: job.callback.name().clone(),
            deadline: job.deadline,
        };
        let reach: Arc<dyn Reach> = Arc::new(Place { shared: Arc::clone(self), key: job.key });
        (Some(cancel), Context::new(start, cancelled, reach))
    }

    fn blank_context(&self) -> Context {
        let make = || {
            let callback = CallbackName::new("blank").expect("a good name");
            let start =
                Start { caller: self.name.clone(), node: self.name.clone(), callback, deadline: None };
            Context::new(start, self.serve.never.subscribe(), Arc::new(Nowhere))
        };
        self.serve.blank.get_or_init(make).clone()
    }

    /// The callback has ended.
    fn finished(&self, job: &Job, outcome: Result<Outcome, Panicked>) {
        self.reply(job, &self.result(outcome));
    }

    fn result(&self, outcome: Result<Outcome, Panicked>) -> Result<Vec<u8>, CallError> {
        let node = || self.name.clone();
        match outcome {
            Ok(Ok(body)) if body.len() > config::BODY_BYTES_MAX => Err(CallError::TooLarge {
                what: "reply".into(),
                bytes: body.len() as u64,
                limit: config::BODY_BYTES_MAX as u64,
                ran: Ran::Yes,
            }),
            Ok(Ok(body)) => Ok(body),
            Ok(Err(Fault::BadArguments { expected, got })) => Err(CallError::BadArguments { expected, got }),
            Ok(Err(Fault::Failed { kind, message, chain })) => {
                Err(CallError::Remote { node: node(), kind, message, chain })
            }
            Ok(Err(Fault::BadReply { message })) => Err(CallError::BadReply { node: node(), message }),
            Err(Panicked { message, at }) => Err(CallError::Panicked { node: node(), message, at }),
        }
    }

    fn reply(&self, job: &Job, result: &Result<Vec<u8>, CallError>) {
        self.note_failure(job.key.is_one_way, &job.callback, &job.caller, result);
        put_reply(&job.link, job.call, job.key.is_one_way, result);
    }

    /// A failure that no caller is told of is logged and counted here.
    fn note_failure<T>(
        &self,
        is_one_way: bool,
        callback: &Callback,
        caller: &NodeName,
        result: &Result<T, CallError>,
    ) {
        if let (true, Err(error)) = (is_one_way, result) {
            self.serve.failed_one_way.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(callback = %callback.name(), %caller, %error, "a call that wants no reply failed");
        }
    }
}

/// What the callback comes to; `None` if it was stopped.
async fn in_time(
    job: &Job,
    cancelled: Option<watch::Receiver<bool>>,
    running: impl Future<Output = Result<Outcome, Panicked>>,
) -> Option<Result<Outcome, Panicked>> {
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
        let Some(mut cancelled) = cancelled else { return std::future::pending().await };
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            // The call is over, and nobody is left to cancel it.
            return std::future::pending().await;
        }
        tokio::time::sleep(config::CANCEL_GRACE).await;
    };
    tokio::select! {
        biased;
        outcome = running => Some(outcome),
        () = given_up => None,
        () = overdue => None,
    }
}

/// Counts a call as over when it is dropped: it has ended, or its task was aborted.
struct Ending {
    shared: Arc<Shared>,
    key: Key,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let next = self.shared.serve.running().finish(self.key);
        if let Some((_, job)) = next {
            self.shared.start(job);
        }
        self.shared.serve.ended.notify_waiters();
    }
}

/// Appends the reply to a call, or counts it if none is wanted.
fn put_reply<B: AsRef<[u8]>>(link: &Link, call: u64, is_one_way: bool, result: &Result<B, CallError>) {
    match result {
        Err(error) if !is_one_way => {
            let header = Header { call, flags: Flags::FAILED, ..Header::new(Kind::Reply) };
            let body = Failure::from(error).encode();
            link.outbound.with(|out| put_frame(out, header, &[], &body));
        }
        Err(_) => link.finish_one_way(),
        Ok(body) => put_result(link, call, is_one_way, body.as_ref()),
    }
}

/// Appends the result of a call, or counts it if none is wanted.
fn put_result(link: &Link, call: u64, is_one_way: bool, body: &[u8]) {
    if is_one_way {
        link.finish_one_way();
    } else {
        let header = Header { call, ..Header::new(Kind::Reply) };
        link.outbound.with(|out| put_frame(out, header, &[], body));
    }
}

/// The number of the callback that every node has: it returns what it is given.
const PING_NAME: u32 = 0;
