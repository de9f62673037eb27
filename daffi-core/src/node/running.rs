//! Which calls a node runs and which wait behind them. No I/O, no tasks: only counting and choosing.

mod gates;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use self::gates::Gates;
pub(crate) use self::gates::Limit;
use crate::config;

/// One call that this node runs: which link it came by, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) link: u64,
    pub(crate) number: u64,
    /// Such calls are numbered by this node itself.
    pub(crate) is_one_way: bool,
}

/// What a call needs while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A task.
    Async,
    /// A thread.
    Blocking,
}

impl Lane {
    fn other(self) -> Self {
        match self {
            Self::Async => Self::Blocking,
            Self::Blocking => Self::Async,
        }
    }
}

/// What to do with a call that arrived.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict<J> {
    /// Run it now.
    Run(J),
    /// It waits.
    Queued,
    /// There is no room; why.
    Refused(J, String),
}

/// Why a call for a thread is refused although the queue has room: it would wait for calls that may wait for it.
pub(crate) const ALL_THREADS_WAIT: &str = "all its threads wait for calls of their own";

#[derive(Debug)]
struct Task {
    lane: Lane,
    limit: Option<Limit>,
    cancel: Option<watch::Sender<bool>>,
    abort: Option<AbortHandle>,
    /// Aborted before its handle was there.
    is_aborted: bool,
    /// Calls of its own that it awaits.
    own_calls: usize,
}

/// A call that waits.
#[derive(Debug)]
struct Waiting<J> {
    key: Key,
    limit: Option<Limit>,
    job: J,
}

/// Which calls a node runs and which wait behind them. `J` is whatever is needed to run one.
#[derive(Debug)]
pub(crate) struct Running<J> {
    tasks: FxHashMap<Key, Task>,
    blocking: usize,
    /// Of those that run, the ones that await calls of their own, by lane.
    awaiting: [usize; 2],
    /// Those that only wait for room: who stands first holds up nobody whom there is room for.
    queues: [VecDeque<Waiting<J>>; 2],
    /// Those that wait for others of their own callback first.
    gates: Gates<J>,
    /// Calls in all of these that want a reply, and that do not.
    queued: [usize; 2],
    /// Whose turn it is where there is room for either.
    turn: Lane,
    concurrency: usize,
    is_draining: bool,
}

impl<J> Running<J> {
    /// Runs at most `concurrency` calls at a time.
    pub(crate) fn new(concurrency: usize) -> Self {
        Self {
            tasks: FxHashMap::default(),
            blocking: 0,
            awaiting: [0, 0],
            queues: [VecDeque::new(), VecDeque::new()],
            gates: Gates::default(),
            queued: [0, 0],
            turn: Lane::Async,
            concurrency,
            is_draining: false,
        }
    }

    /// Whether nothing runs and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.queued == [0, 0]
    }

    /// Calls that run.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Takes no more calls.
    pub(crate) fn drain(&mut self) {
        self.is_draining = true;
    }

    fn has_room(&self, lane: Lane) -> bool {
        let has_thread = lane == Lane::Async || self.blocking < config::BLOCKING_RUNNING_MAX;
        // What awaits a call of its own does nothing: counted, calls that call each other would wait for ever.
        let awaiting: usize = self.awaiting.iter().sum();
        has_thread && self.tasks.len() - awaiting < self.concurrency
    }

    /// Whether no thread will be free before another call has run on one.
    fn is_stuck(&self) -> bool {
        self.awaiting[Lane::Blocking as usize] >= config::BLOCKING_RUNNING_MAX
    }

    /// A callback awaits a call of its own.
    pub(crate) fn await_own_call(&mut self, key: Key) {
        let Some(task) = self.tasks.get_mut(&key) else { return };
        task.own_calls += 1;
        if task.own_calls == 1 {
            self.awaiting[task.lane as usize] += 1;
        }
    }

    /// A call that a callback awaited has ended.
    pub(crate) fn go_on(&mut self, key: Key) {
        // One that was polled before it was counted awaits nothing as far as is known here.
        let Some(task) = self.tasks.get_mut(&key).filter(|task| task.own_calls > 0) else { return };
        task.own_calls -= 1;
        if task.own_calls == 0 {
            self.awaiting[task.lane as usize] -= 1;
        }
    }

    /// The calls that wait for a thread although none will be free.
    pub(crate) fn take_stuck(&mut self) -> Vec<J> {
        if !self.is_stuck() {
            return Vec::new();
        }
        self.take_queued(|lane, _| lane == Lane::Blocking)
    }

    /// A call arrived, of a callback with a bound of its own or without.
    pub(crate) fn arrive(&mut self, key: Key, lane: Lane, limit: Option<Limit>, job: J) -> Verdict<J> {
        if self.is_draining {
            return Verdict::Refused(job, "the node is stopping".into());
        }
        let is_open = limit.is_none_or(|limit| self.gates.is_open(limit));
        if is_open && self.queues[lane as usize].is_empty() && self.has_room(lane) {
            self.gates.enter(limit, lane);
            self.run(key, lane, limit);
            return Verdict::Run(job);
        }
        if lane == Lane::Blocking && self.is_stuck() {
            return Verdict::Refused(job, ALL_THREADS_WAIT.into());
        }
        let (most, what) = if key.is_one_way {
            (config::ONE_WAY_QUEUED_MAX, "one-way calls")
        } else {
            (config::CALLS_QUEUED_MAX, "calls")
        };
        let queued = &mut self.queued[usize::from(key.is_one_way)];
        if *queued >= most {
            return Verdict::Refused(job, format!("{queued} {what} wait there already"));
        }
        let waiting = Waiting { key, limit, job };
        if is_open {
            self.gates.enter(limit, lane);
            self.queues[lane as usize].push_back(waiting);
        } else if let Err((job, why)) = self.gates.wait(waiting) {
            return Verdict::Refused(job, why);
        }
        *queued += 1;
        Verdict::Queued
    }

    /// A call has begun already, and runs even past the bound.
    pub(crate) fn begin(&mut self, key: Key, lane: Lane) {
        self.run(key, lane, None);
    }

    fn run(&mut self, key: Key, lane: Lane, limit: Option<Limit>) {
        let task = Task { lane, limit, cancel: None, abort: None, is_aborted: false, own_calls: 0 };
        self.tasks.insert(key, task);
        self.blocking += usize::from(lane == Lane::Blocking);
    }

    /// The call can be cancelled by this.
    pub(crate) fn set_cancel(&mut self, key: Key, cancel: watch::Sender<bool>) {
        if let Some(task) = self.tasks.get_mut(&key) {
            if task.is_aborted {
                cancel.send_replace(true);
            }
            task.cancel = Some(cancel);
        }
    }

    /// The call can be aborted by this.
    pub(crate) fn set_abort(&mut self, key: Key, abort: AbortHandle) {
        match self.tasks.get_mut(&key) {
            Some(task) if task.is_aborted => abort.abort(),
            Some(task) => task.abort = Some(abort),
            None => {}
        }
    }

    /// Whether the call was cancelled while it ran, or is over.
    pub(crate) fn is_stopped(&self, key: Key) -> bool {
        self.tasks.get(&key).is_none_or(|task| task.is_aborted)
    }

    /// The call is over. One that waited may now run.
    pub(crate) fn finish(&mut self, key: Key) -> Option<(Key, J)> {
        if let Some(task) = self.tasks.remove(&key) {
            self.blocking -= usize::from(task.lane == Lane::Blocking);
            self.awaiting[task.lane as usize] -= usize::from(task.own_calls > 0);
            self.leave(task.limit);
        }
        self.next()
    }

    /// A call is over that ran, or had nothing but room to wait for: the next of its callback may wait for room.
    fn leave(&mut self, limit: Option<Limit>) {
        if let Some((lane, waiting)) = limit.and_then(|limit| self.gates.leave(limit)) {
            self.queues[lane as usize].push_back(waiting);
        }
    }

    /// One that waited and may now run.
    pub(crate) fn next(&mut self) -> Option<(Key, J)> {
        for lane in [self.turn, self.turn.other()] {
            if !self.has_room(lane) {
                continue;
            }
            if let Some(Waiting { key, limit, job }) = self.queues[lane as usize].pop_front() {
                // In turns: a node that is always full would else never run the others.
                self.turn = lane.other();
                self.queued[usize::from(key.is_one_way)] -= 1;
                self.run(key, lane, limit);
                return Some((key, job));
            }
        }
        None
    }

    /// Cancels one call. Its job if it was still waiting, so that it can be dropped.
    pub(crate) fn cancel(&mut self, key: Key) -> Option<J> {
        if let Some(task) = self.tasks.get_mut(&key) {
            task.stop();
            return None;
        }
        let queue = |queue: &VecDeque<Waiting<J>>| queue.iter().position(|waiting| waiting.key == key);
        let found =
            self.queues.iter_mut().find_map(|waiting| queue(waiting).and_then(|at| waiting.remove(at)));
        if let Some(Waiting { limit, job, .. }) = found {
            self.queued[usize::from(key.is_one_way)] -= 1;
            self.leave(limit);
            return Some(job);
        }
        let job = self.gates.remove(key)?;
        self.queued[usize::from(key.is_one_way)] -= 1;
        Some(job)
    }

    /// Cancels the calls that want a reply of every link but `link`: nobody is left to take it.
    pub(crate) fn cancel_others(&mut self, link: Option<u64>) -> Vec<J> {
        let is_lost = |key: &Key| !key.is_one_way && Some(key.link) != link;
        for (_, task) in self.tasks.iter_mut().filter(|(key, _)| is_lost(key)) {
            task.stop();
        }
        self.take_queued(|_, key| is_lost(key))
    }

    /// Aborts everything.
    pub(crate) fn abort_all(&mut self) -> Vec<J> {
        self.is_draining = true;
        for task in self.tasks.values_mut() {
            task.stop();
            if let Some(abort) = &task.abort {
                abort.abort();
            }
        }
        self.take_queued(|_, _| true)
    }

    fn take_queued(&mut self, is_wanted: impl Fn(Lane, &Key) -> bool) -> Vec<J> {
        // Before the others: what leaves the line must not be followed by one that is to go as well.
        let mut taken = self.gates.take(&is_wanted);
        for lane in [Lane::Async, Lane::Blocking] {
            let (left, kept) = std::mem::take(&mut self.queues[lane as usize])
                .into_iter()
                .partition::<VecDeque<_>, _>(|waiting| is_wanted(lane, &waiting.key));
            self.queues[lane as usize] = kept;
            for waiting in &left {
                self.leave(waiting.limit);
            }
            taken.extend(left);
        }
        for waiting in &taken {
            self.queued[usize::from(waiting.key.is_one_way)] -= 1;
        }
        taken.into_iter().map(|waiting| waiting.job).collect()
    }
}

impl Task {
    /// One that can be told aborts itself when it has had its moment; the others are aborted here.
    fn stop(&mut self) {
        self.is_aborted = true;
        match (&self.cancel, &self.abort) {
            (Some(cancel), _) => drop(cancel.send_replace(true)),
            (None, Some(abort)) => abort.abort(),
            (None, None) => {}
        }
    }
}
