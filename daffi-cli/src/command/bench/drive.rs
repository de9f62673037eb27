//! Keeps as many operations under way as are wanted, or has them begin when they should, until it is over.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{panic, thread};

use daffi_core::node::Node;
use tokio::sync::Semaphore;
use tokio::task::{self, JoinSet};
use tokio::time;

use super::meter::Meter;
use super::progress::Progress;
use super::work::Work;
use crate::args::Load;
use crate::command::stop::{Stop, Told};

/// What is done, when it is over, and what was measured so far.
#[derive(Debug)]
pub(super) struct Drive {
    work: Work,
    timeout: Option<Duration>,
    started: Instant,
    limit: Limit,
    pace: Option<Pace>,
    state: Mutex<State>,
}

/// When it is over.
#[derive(Debug, Clone, Copy)]
struct Limit {
    /// So many operations.
    count: Option<u64>,
    /// So much time.
    time: Option<Duration>,
    /// How much later an operation may begin.
    late: Duration,
}

/// When each operation begins: the semaphore has a permit for each that is due.
#[derive(Debug)]
struct Pace {
    started: Instant,
    rate: u64,
    due: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    begun: u64,
    meter: Meter,
    ended: Instant,
}

/// How it went.
#[derive(Debug)]
pub(super) struct Measured {
    /// What was measured.
    pub(super) meter: Meter,
    /// From the beginning of the first operation to the end of the last.
    pub(super) time: Duration,
    /// How many should have begun and could not in time.
    pub(super) not_begun: u64,
    /// What ended it early.
    pub(super) told: Option<Told>,
    /// How much of what was wanted was done, from 0 to 1.
    pub(super) part: f64,
}

impl Limit {
    fn of(load: &Load) -> Self {
        let time = load.time();
        let Some(rate) = load.rate else { return Self { count: load.count, time, late: Duration::ZERO } };
        // A rate and a time make a number of operations.
        let within = |time: Duration| (time.as_secs_f64() * rate as f64).ceil() as u64;
        let within = time.map(within).map(|count| count.max(1));
        let count = [load.count, within].into_iter().flatten().min();
        Self { count, time, late: LATE_MAX }
    }
}

/// How long after the end an operation may begin that was kept waiting: with more of them the mesh falls behind for good.
const LATE_MAX: Duration = Duration::from_secs(1);

impl Drive {
    /// Goes on after one operation, which began at `started` and is in the meter.
    pub(super) fn new(work: Work, load: &Load, timeout: Option<Duration>, begun: (Instant, Meter)) -> Self {
        let (started, meter) = begun;
        let now = Instant::now();
        let pace = |rate| Pace { started: now, rate, due: Arc::new(Semaphore::new(0)) };
        Self {
            work,
            timeout,
            started,
            limit: Limit::of(load),
            pace: load.rate.map(pace),
            state: Mutex::new(State { begun: 1, meter, ended: now }),
        }
    }

    /// Does it until it is over, with so much `outstanding` at each client.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub(super) async fn run(
        self,
        clients: &[Node],
        outstanding: u64,
        progress: &Progress,
        stop: &mut Stop,
    ) -> io::Result<Measured> {
        let drive = Arc::new(self);
        let mut workers = JoinSet::new();
        for _ in 0..outstanding {
            for client in clients {
                workers.spawn(Arc::clone(&drive).work(client.clone()));
            }
        }
        drive.keep_pace(workers.len())?;
        let mut ticks = time::interval(TICK);
        let told = loop {
            tokio::select! {
                ended = workers.join_next() => match ended {
                    Some(Err(error)) if error.is_panic() => panic::resume_unwind(error.into_panic()),
                    Some(_) => {}
                    None => break None,
                },
                _ = ticks.tick() => progress.draw(drive.part(), drive.state().meter.done(), drive.started.elapsed()),
                told = stop.told() => break Some(told),
            }
        };
        workers.shutdown().await;
        let drive = Arc::into_inner(drive).expect("all workers have ended");
        Ok(drive.finish(told))
    }

    /// One after the other, as long as the client can.
    async fn work(self: Arc<Self>, client: Node) {
        while let Some(due) = self.next().await {
            let outcome = self.work.once(&client, self.timeout).await;
            let ended = Instant::now();
            let Err(failure) = outcome else {
                let mut state = self.state();
                state.ended = ended;
                state.meter.record(ended.saturating_duration_since(due));
                continue;
            };
            let is_over = failure.is_of_ended_session();
            {
                let mut state = self.state();
                state.ended = ended;
                state.meter.miss(failure.problem(self.work.callback()));
            }
            if is_over {
                return;
            }
            // What fails at once must not keep others from doing anything: the way to the controller is mended here.
            task::yield_now().await;
        }
    }

    /// When the next operation should begin, once it may; `None` if it is over.
    async fn next(&self) -> Option<Instant> {
        if let Some(pace) = &self.pace {
            pace.due.acquire().await.ok()?.forget();
        }
        let now = Instant::now();
        let mut state = self.state();
        let is_late = |time| now >= self.started + time + self.limit.late;
        if self.limit.time.is_some_and(is_late) || self.limit.count.is_some_and(|count| state.begun >= count)
        {
            return None;
        }
        state.begun += 1;
        Some(self.pace.as_ref().map_or(now, |pace| pace.at(state.begun)))
    }

    /// Starts the thread that says when operations are due: it wakes far more exactly than the runtime's timer.
    fn keep_pace(&self, workers: usize) -> io::Result<()> {
        let Some(Pace { started, rate, due }) = &self.pace else { return Ok(()) };
        let (started, rate, due) = (*started, *rate, Arc::downgrade(due));
        let wanted = self.limit.count.map_or(u64::MAX, |count| count - 1);
        let release = move || release(started, rate, wanted, workers, &due);
        thread::Builder::new().name("daffi-pace".into()).spawn(release)?;
        Ok(())
    }

    fn part(&self) -> f64 {
        let state = self.state();
        let ended = state.meter.done() + state.meter.failed();
        let of_count = self.limit.count.map_or(0.0, |count| ended as f64 / count as f64);
        let of_time = |time: Duration| self.started.elapsed().as_secs_f64() / time.as_secs_f64();
        of_count.max(self.limit.time.map_or(0.0, of_time)).min(1.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(self, told: Option<Told>) -> Measured {
        let part = if told.is_some() { self.part() } else { 1.0 };
        let State { begun, meter, ended } = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let not_begun = match (&self.pace, self.limit.count, told) {
            (Some(_), Some(count), None) => count - begun,
            _ => 0,
        };
        Measured { meter, time: ended - self.started, not_begun, told, part }
    }
}

impl Pace {
    /// When the operation of this number is due; the first was alone, and the second begins here.
    fn at(&self, number: u64) -> Instant {
        self.started + Duration::from_secs_f64((number - 2) as f64 / self.rate as f64)
    }
}

/// How often the progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// Says of each operation when it is due, and at the end to all `workers` that there is none any more.
fn release(started: Instant, rate: u64, wanted: u64, workers: usize, due: &Weak<Semaphore>) {
    let mut released = 0;
    while released < wanted {
        let reached = (started.elapsed().as_secs_f64() * rate as f64) as u64 + 1;
        let reached = reached.clamp(released, wanted);
        let Some(due) = due.upgrade() else { return };
        add(&due, reached - released);
        drop(due);
        released = reached;
        let next = started + Duration::from_secs_f64(released as f64 / rate as f64);
        thread::sleep(next.saturating_duration_since(Instant::now()).min(LOOK_UP_INTERVAL));
    }
    if let Some(due) = due.upgrade() {
        add(&due, workers as u64);
    }
}

fn add(due: &Semaphore, count: u64) {
    // Nobody could begin as many before the end.
    let room = Semaphore::MAX_PERMITS - due.available_permits();
    due.add_permits(usize::try_from(count).unwrap_or(usize::MAX).min(room));
}

/// How often the thread looks whether anybody still wants it.
const LOOK_UP_INTERVAL: Duration = Duration::from_millis(100);
