//! Running callbacks: each call ends in exactly one reply, whatever the callback does.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::driver::wake;
use super::ending::Ending;
use super::flows::{Emitter, Outlet};
use super::here::run_here;
use super::job::{Arrived, Job, fit, in_time, is_told};
use super::link::Link;
use super::reply::{opening, put_reply, put_result, too_large};
use super::running::{ALL_THREADS_WAIT, Key, Lane, Running, Verdict};
use super::{Intake, Shared};
use crate::callback::{
    Callback, Context, Flow, Outcome, Panicked, Run, RunFlowing, Sink, Source, catch, catch_future,
    gives_stream,
};
use crate::config;
use crate::error::{CallError, Ran};
use crate::wire::{Direction, Flags, Header};

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
    pub(super) blank: OnceLock<Context>,
    pub(super) never: watch::Sender<bool>,
    /// Calls that want no reply and failed.
    pub(crate) failed_one_way: AtomicU64,
    /// A body or stream was sent, or given up.
    pub(super) flow_ended: Notify,
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
            flow_ended: Notify::new(),
        }
    }

    /// The callbacks by their numbers. No user code runs under this lock, nor under the next.
    pub(crate) fn offers(&self) -> MutexGuard<'_, Arc<Offers>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn running(&self) -> MutexGuard<'_, Running<Job>> {
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

    /// Whether the call was cancelled.
    pub(super) fn is_stopped(&self, key: Key) -> bool {
        self.running().is_stopped(key)
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
    pub(crate) fn serve(
        self: &Arc<Self>,
        link: &Arc<Link>,
        offers: &Offers,
        mut arrived: Arrived,
        body: &[u8],
    ) {
        let header = arrived.header;
        let is_one_way = header.flags.has(Flags::ONE_WAY);
        self.surround(&mut arrived);
        let feed = self.intake(link, &mut arrived);
        if header.name == PING_NAME {
            put_reply(link, header.call, is_one_way, &Ok(body));
            return;
        }
        let Some(callback) = offers.get(&header.name) else { return self.refuse_unknown(link, &arrived) };
        if body.len() > self.options.body_bytes_max {
            let error = too_large("call", body.len(), self.options.body_bytes_max, Ran::No);
            return self.reply(&self.job(link, arrived, Arc::clone(callback), Bytes::new()), &Err(error));
        }
        match callback.run() {
            Run::Async(_) if callback.options().inline && feed.is_none() && !self.serve.is_draining() => {
                self.serve_inline(link, arrived, callback, body);
            }
            _ => {
                let body = Bytes::copy_from_slice(body);
                self.arrive(header.name, Job { feed, ..self.job(link, arrived, Arc::clone(callback), body) });
            }
        }
    }

    /// Runs a call whose arguments came in chunks, or has it wait.
    pub(crate) fn serve_large(
        self: &Arc<Self>,
        link: &Arc<Link>,
        offers: &Offers,
        mut arrived: Arrived,
        body: Vec<u8>,
    ) {
        self.surround(&mut arrived);
        match offers.get(&arrived.header.name) {
            Some(callback) => {
                let number = arrived.header.name;
                self.arrive(number, self.job(link, arrived, Arc::clone(callback), body.into()));
            }
            None => self.refuse_unknown(link, &arrived),
        }
    }

    /// Answers a call of a number under which nothing is offered any more.
    fn refuse_unknown(&self, link: &Link, arrived: &Arrived) {
        let Header { name, call, flags, .. } = arrived.header;
        let name = format!("number {name}");
        let (is_one_way, refused) = (flags.has(Flags::ONE_WAY), Err::<Bytes, _>(withdrawn(&name)));
        self.note_failure(is_one_way, &name, &arrived.caller, &refused);
        put_reply(link, call, is_one_way, &refused);
    }

    /// The taker of the stream that a call brings.
    fn intake(self: &Arc<Self>, link: &Link, arrived: &mut Arrived) -> Option<Intake> {
        let inflow = arrived.feed.take()?;
        let id = (Direction::Request, arrived.header.call);
        Some(Intake::new(self, Some(link.outbound.clone()), id, inflow, arrived.caller.clone()))
    }

    fn job(&self, link: &Arc<Link>, arrived: Arrived, callback: Arc<Callback>, body: Bytes) -> Job {
        let Arrived { header, caller, around, .. } = arrived;
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
            body,
            feed: None,
            is_kept: header.flags.has(Flags::KEPT),
            until: None,
            is_answered: AtomicBool::new(false),
            around,
        }
    }

    /// The controller no longer wants the call's reply.
    pub(crate) fn cancel_served(&self, link: &Link, call: u64) {
        let key = Key { link: link.number, number: call, is_one_way: false };
        let waiting = self.serve.running().cancel(key);
        // In this order: whoever opens a flow looks then whether the call was cancelled.
        self.end_served(link, call);
        drop(waiting);
    }

    /// Ends the flows of a call to this node.
    fn end_served(&self, link: &Link, call: u64) {
        let mut woken = Vec::new();
        self.lock().flows.end_served(link.number, call, &mut woken);
        wake(&mut woken);
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

    /// A call arrived that carries this callback's number.
    fn arrive(self: &Arc<Self>, callback: u32, job: Job) {
        if let Err(got) = fit(&job) {
            let expected = job.callback.signature().to_string();
            return self.reply(&job, &Err(CallError::BadArguments { expected, got }));
        }
        let verdict = self.serve.running().arrive(job.key, job.lane(), job.limit(callback), job);
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
        let (cancel, context, job) = if is_told(callback.options()) || arrived.around.is_some() {
            let job = self.job(link, arrived.clone(), Arc::clone(callback), Bytes::new()).begun();
            let (cancel, context) = self.context(&job);
            (cancel, context, Some(job))
        } else {
            (None, self.blank_context(), None)
        };
        let Header { flags, call, .. } = arrived.header;
        let is_one_way = flags.has(Flags::ONE_WAY);
        let surrounded = job.as_ref().and_then(|job| job.surrounded(self, body.len()));
        let rest = catch(|| {
            let mut running = match surrounded {
                None => run(context, body),
                Some(surrounded) => {
                    let (run, body) = (Arc::clone(run), Bytes::copy_from_slice(body));
                    surrounded.run(move || run(context, &body))
                }
            };
            match running.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) {
                Poll::Ready(Ok(body)) if body.len() <= config::CHUNK_BYTES => {
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
                let job = job
                    .unwrap_or_else(|| self.job(link, arrived, Arc::clone(callback), Bytes::new()).begun());
                // What has begun cannot wait in the queue, so it runs even past the bound.
                self.serve.running().begin(job.key, Lane::Async);
                return self.spawn(job, cancel, None, catch_future(running));
            }
        };
        let job = job.unwrap_or_else(|| self.job(link, arrived, Arc::clone(callback), Bytes::new()));
        if let Some(body) = self.finished(&job, outcome) {
            self.serve.running().begin(job.key, Lane::Async);
            self.spawn(job, cancel, None, std::future::ready(Ok(Ok(body))));
        }
    }

    /// Starts a call that has been counted as running; if it is refused, the next one.
    pub(super) fn start(self: &Arc<Self>, job: Job) {
        let mut next = Some(job);
        // Not each from within the one before: all that wait may be refused, and the stack has an end.
        while let Some(job) = next {
            next = self.begin(job);
        }
    }

    /// Begins a call that has been counted as running. The next to begin, if it is refused.
    fn begin(self: &Arc<Self>, job: Job) -> Option<Job> {
        let job = job.begun();
        let (cancel, context) = self.context(&job);
        match job.callback.run().clone() {
            Run::Async(run) => {
                let body = job.body.clone();
                match job.surrounded(self, body.len()) {
                    None => {
                        let running = catch_future(async move { run(context, &body).await });
                        self.spawn(job, cancel, None, running);
                    }
                    Some(surrounded) => {
                        let running = surrounded.run(move || run(context, &body));
                        self.spawn(job, cancel, None, catch_future(running));
                    }
                }
            }
            Run::Blocking(run) => {
                let cancelled = cancel.map(|cancel| self.cancelled_by(job.key, cancel));
                self.start_on_thread(job, run, context, cancelled);
            }
            Run::Flowing(run) => return self.begin_flowing(job, run, cancel, context),
        }
        None
    }

    /// Begins a call with streams that has been counted as running. The next to begin, if it is refused.
    fn begin_flowing(
        self: &Arc<Self>,
        mut job: Job,
        run: Arc<RunFlowing>,
        cancel: Option<watch::Sender<bool>>,
        context: Context,
    ) -> Option<Job> {
        let gives = gives_stream(job.callback.signature());
        let outlet = gives.then(|| self.open_reply(&job).map(Arc::new));
        if let Some(None) = outlet {
            let what = format!("`{}` sends {} large bodies and streams", self.name, config::FLOWS_MAX);
            self.reply(&job, &Err(CallError::Busy { what }));
            job.link.outbound.flush_soon();
            return self.end_running(job.key);
        }
        let outlet = outlet.flatten();
        let source = job.feed.take().map(|feed| Box::new(feed) as Box<dyn Source>);
        let sink = outlet.as_ref().map(|outlet| {
            Box::new(Emitter::new(Arc::clone(outlet), Some(opening(job.call)))) as Box<dyn Sink>
        });
        let flow = Flow::new(source, sink);
        let running = catch(|| match job.surrounded(self, job.body.len()) {
            None => run(context, &job.body, flow),
            Some(surrounded) => {
                let body = job.body.clone();
                surrounded.run(move || run(context, &body, flow))
            }
        });
        self.spawn(job, cancel, outlet, async {
            match running {
                Ok(running) => catch_future(running).await,
                Err(panicked) => Err(panicked),
            }
        });
        None
    }

    /// Has a call that was counted as running be cancelled by this.
    fn cancelled_by(&self, key: Key, cancel: watch::Sender<bool>) -> watch::Receiver<bool> {
        let cancelled = cancel.subscribe();
        self.serve.running().set_cancel(key, cancel);
        cancelled
    }

    /// A call is over. One that waited and may now run.
    pub(super) fn end_running(&self, key: Key) -> Option<Job> {
        let next = self.serve.running().finish(key);
        self.serve.ended.notify_waiters();
        next.map(|(_, job)| job)
    }

    /// Has a task run the callback and reply; if it returns a stream, `outlet` is where that goes.
    fn spawn(
        self: &Arc<Self>,
        job: Job,
        cancel: Option<watch::Sender<bool>>,
        outlet: Option<Arc<Outlet>>,
        running: impl Future<Output = Result<Outcome, Panicked>> + Send + 'static,
    ) {
        let key = job.key;
        let cancelled = cancel.map(|cancel| self.cancelled_by(key, cancel));
        let ending = Ending::new(self, key);
        let is_blocking = job.callback.options().blocking;
        let running = run_here(Arc::clone(self), running);
        let work = async move {
            let shared = &ending.shared;
            let is_told = cancelled.is_some();
            let work = async {
                let outcome = match job.until {
                    None => running.await,
                    // Few have a time of their own, and the tasks of all would be larger for it.
                    Some(until) => {
                        let outlet = outlet.as_deref();
                        match Box::pin(shared.in_own_time(&job, until, is_told, outlet, running)).await {
                            Some(outcome) => outcome,
                            None => return,
                        }
                    }
                };
                if let Some(outlet) = &outlet {
                    shared.end_stream(&job, outlet, outcome);
                } else if let Some(body) = shared.finished(&job, outcome) {
                    // Few have such results, and the tasks of all would be larger for it.
                    Box::pin(shared.reply_in_chunks(&job, body)).await;
                }
            };
            if in_time(&job, cancelled, work).await.is_none() && job.key.is_one_way && job.answer() {
                job.link.finish_one_way();
            }
            if matches!(job.callback.run(), Run::Flowing(_)) {
                // A stream that the callback has passed on to others ends with its call.
                shared.end_served(&job.link, job.call);
            }
            // A lone reply goes out at once; those of a crowd go out together.
            if shared.serve.running_now() == 1 {
                job.link.flush();
            } else {
                job.link.outbound.flush_soon();
            }
            drop(outlet);
            ending.over();
        };
        let task = if is_blocking { self.spawn_on_thread(work) } else { self.runtime.spawn(work) };
        self.serve.running().set_abort(key, task.abort_handle());
    }
}

/// What was called is not offered any more.
fn withdrawn(name: &str) -> CallError {
    CallError::NoSuchCallback { name: name.to_owned(), similar: Vec::new() }
}

/// The number of the callback that every node has: it returns what it is given.
const PING_NAME: u32 = 0;
