//! Which calls a node runs and which wait behind them. No I/O, no tasks: only counting and choosing.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use tokio::sync::watch;
use tokio::task::AbortHandle;

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
    cancel: Option<watch::Sender<bool>>,
    abort: Option<AbortHandle>,
    /// Aborted before its handle was there.
    is_aborted: bool,
    /// Calls of its own that it awaits.
    own_calls: usize,
}

/// Which calls a node runs and which wait behind them. `J` is whatever is needed to run one.
#[derive(Debug)]
pub(crate) struct Running<J> {
    tasks: FxHashMap<Key, Task>,
    blocking: usize,
    /// Of those that run, the ones that await calls of their own, by lane.
    awaiting: [usize; 2],
    queues: [VecDeque<(Key, J)>; 2],
    /// Calls in the queues that want a reply, and that do not.
    queued: [usize; 2],
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
            queued: [0, 0],
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
        let stuck = std::mem::take(&mut self.queues[Lane::Blocking as usize]);
        for (key, _) in &stuck {
            self.queued[usize::from(key.is_one_way)] -= 1;
        }
        stuck.into_iter().map(|(_, job)| job).collect()
    }

    /// A call arrived.
    pub(crate) fn arrive(&mut self, key: Key, lane: Lane, job: J) -> Verdict<J> {
        if self.is_draining {
            return Verdict::Refused(job, "the node is stopping".into());
        }
        if self.queues[lane as usize].is_empty() && self.has_room(lane) {
            self.run(key, lane);
            return Verdict::Run(job);
        }
        if lane == Lane::Blocking && self.is_stuck() {
            return Verdict::Refused(job, ALL_THREADS_WAIT.into());
        }
        let (limit, what) = if key.is_one_way {
            (config::ONE_WAY_QUEUED_MAX, "one-way calls")
        } else {
            (config::CALLS_QUEUED_MAX, "calls")
        };
        let queued = &mut self.queued[usize::from(key.is_one_way)];
        if *queued >= limit {
            return Verdict::Refused(job, format!("{queued} {what} wait there already"));
        }
        *queued += 1;
        self.queues[lane as usize].push_back((key, job));
        Verdict::Queued
    }

    /// A call has begun already, and runs even past the bound.
    pub(crate) fn begin(&mut self, key: Key, lane: Lane) {
        self.run(key, lane);
    }

    fn run(&mut self, key: Key, lane: Lane) {
        let task = Task { lane, cancel: None, abort: None, is_aborted: false, own_calls: 0 };
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
        }
        self.next()
    }

    /// One that waited and may now run.
    pub(crate) fn next(&mut self) -> Option<(Key, J)> {
        for lane in [Lane::Async, Lane::Blocking] {
            if !self.has_room(lane) {
                continue;
            }
            if let Some((key, job)) = self.queues[lane as usize].pop_front() {
                self.queued[usize::from(key.is_one_way)] -= 1;
                self.run(key, lane);
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
        for queue in &mut self.queues {
            if let Some(at) = queue.iter().position(|(queued, _)| *queued == key) {
                self.queued[usize::from(key.is_one_way)] -= 1;
                return queue.remove(at).map(|(_, job)| job);
            }
        }
        None
    }

    /// Cancels the calls that want a reply of every link but `link`: nobody is left to take it.
    pub(crate) fn cancel_others(&mut self, link: Option<u64>) -> Vec<J> {
        let is_lost = |key: &Key| !key.is_one_way && Some(key.link) != link;
        for (_, task) in self.tasks.iter_mut().filter(|(key, _)| is_lost(key)) {
            task.stop();
        }
        self.take_queued(is_lost)
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
        self.take_queued(|_| true)
    }

    fn take_queued(&mut self, is_wanted: impl Fn(&Key) -> bool) -> Vec<J> {
        let mut taken = Vec::new();
        for queue in &mut self.queues {
            for (key, job) in std::mem::take(queue) {
                if is_wanted(&key) {
                    self.queued[usize::from(key.is_one_way)] -= 1;
                    taken.push(job);
                } else {
                    queue.push_back((key, job));
                }
            }
        }
        taken
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        Key { link: 1, number, is_one_way: false }
    }

    fn arrive(running: &mut Running<u64>, number: u64) -> Verdict<u64> {
        running.arrive(key(number), Lane::Async, number)
    }

    #[test]
    fn calls_past_the_bound_wait_and_run_in_their_order() {
        let mut running = Running::new(1);
        assert_eq!(arrive(&mut running, 1), Verdict::Run(1));
        assert_eq!(arrive(&mut running, 2), Verdict::Queued);
        assert_eq!(arrive(&mut running, 3), Verdict::Queued);

        assert_eq!(running.finish(key(1)), Some((key(2), 2)));
        assert_eq!(running.finish(key(2)), Some((key(3), 3)));
        assert_eq!(running.finish(key(3)), None);

        assert!(running.is_idle());
    }

    #[test]
    fn calls_past_the_queue_are_refused() {
        let mut running = Running::new(1);
        for number in 0..=config::CALLS_QUEUED_MAX as u64 {
            assert!(!matches!(arrive(&mut running, number), Verdict::Refused(..)));
        }

        assert!(matches!(arrive(&mut running, 9999), Verdict::Refused(9999, _)));
        let one_way = Key { is_one_way: true, ..key(1) };
        assert_eq!(running.arrive(one_way, Lane::Async, 1), Verdict::Queued);
    }

    #[test]
    fn waiting_for_a_thread_does_not_hold_up_what_needs_none() {
        let mut running = Running::new(10_000);
        for number in 0..config::BLOCKING_RUNNING_MAX as u64 {
            assert_eq!(running.arrive(key(number), Lane::Blocking, number), Verdict::Run(number));
        }
        assert_eq!(running.arrive(key(1000), Lane::Blocking, 1000), Verdict::Queued);

        assert_eq!(arrive(&mut running, 1001), Verdict::Run(1001));
        assert_eq!(running.finish(key(1001)), None);
        assert_eq!(running.finish(key(0)), Some((key(1000), 1000)));
    }

    #[test]
    fn what_awaits_a_call_of_its_own_leaves_its_place_to_another() {
        let mut running = Running::new(1);
        arrive(&mut running, 1);
        arrive(&mut running, 2);

        running.await_own_call(key(1));
        assert_eq!(running.next(), Some((key(2), 2)));
        running.go_on(key(1));

        assert_eq!(running.next(), None);
        assert_eq!(running.finish(key(2)), None);
        assert_eq!(running.finish(key(1)), None);
        assert!(running.is_idle());
    }

    #[test]
    fn when_all_threads_wait_for_calls_those_that_want_one_are_refused() {
        let mut running = Running::new(10_000);
        let threads = config::BLOCKING_RUNNING_MAX as u64;
        for number in 0..=threads {
            running.arrive(key(number), Lane::Blocking, number);
        }

        for number in 0..threads - 1 {
            running.await_own_call(key(number));
            assert!(running.take_stuck().is_empty(), "one may still end by itself");
        }
        running.await_own_call(key(threads - 1));

        assert_eq!(running.take_stuck(), [threads]);
        assert!(matches!(running.arrive(key(9999), Lane::Blocking, 9999), Verdict::Refused(9999, _)));
    }

    #[test]
    fn a_cancelled_call_that_waits_never_runs() {
        let mut running = Running::new(1);
        arrive(&mut running, 1);
        arrive(&mut running, 2);

        assert_eq!(running.cancel(key(2)), Some(2));

        assert_eq!(running.finish(key(1)), None);
        assert!(running.is_idle());
    }

    #[test]
    fn a_cancelled_call_that_looks_is_told() {
        let mut running = Running::new(1);
        arrive(&mut running, 1);
        let (cancel, cancelled) = watch::channel(false);
        running.set_cancel(key(1), cancel);

        assert_eq!(running.cancel(key(1)), None);

        assert!(*cancelled.borrow());
        assert!(!running.is_idle(), "it runs until it ends");
    }

    #[test]
    fn a_lost_link_cancels_all_but_the_calls_that_want_no_reply() {
        let mut running = Running::new(1);
        arrive(&mut running, 1);
        arrive(&mut running, 2);
        let one_way = Key { is_one_way: true, ..key(1) };
        running.arrive(one_way, Lane::Async, 7);

        assert_eq!(running.cancel_others(None), [2]);

        assert_eq!(running.finish(key(1)), Some((one_way, 7)));
    }
}
