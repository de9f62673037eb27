use std::num::NonZeroU32;

use proptest::prelude::*;
use rustc_hash::FxHashMap;

use super::*;

fn key(number: u64) -> Key {
    Key { link: 1, number, is_one_way: false }
}

fn arrive(running: &mut Running<u64>, number: u64) -> Verdict<u64> {
    running.arrive(key(number), Lane::Async, None, number)
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
    assert_eq!(running.arrive(one_way, Lane::Async, None, 1), Verdict::Queued);
}

#[test]
fn waiting_for_a_thread_does_not_hold_up_what_needs_none() {
    let mut running = Running::new(10_000);
    for number in 0..config::BLOCKING_RUNNING_MAX as u64 {
        assert_eq!(running.arrive(key(number), Lane::Blocking, None, number), Verdict::Run(number));
    }
    assert_eq!(running.arrive(key(1000), Lane::Blocking, None, 1000), Verdict::Queued);

    assert_eq!(arrive(&mut running, 1001), Verdict::Run(1001));
    assert_eq!(running.finish(key(1001)), None);
    assert_eq!(running.finish(key(0)), Some((key(1000), 1000)));
}

#[test]
fn a_node_that_is_always_full_runs_both_kinds_in_turn() {
    let mut running = Running::new(1);
    arrive(&mut running, 0);
    for number in 1..=3 {
        arrive(&mut running, number);
        running.arrive(key(10 + number), Lane::Blocking, None, 10 + number);
    }

    let mut last = 0;
    let order = std::iter::from_fn(|| {
        let (_, next) = running.finish(key(last))?;
        last = next;
        Some(next)
    });

    assert_eq!(order.collect::<Vec<_>>(), [1, 11, 2, 12, 3, 13]);
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
        running.arrive(key(number), Lane::Blocking, None, number);
    }

    for number in 0..threads - 1 {
        running.await_own_call(key(number));
        assert!(running.take_stuck().is_empty(), "one may still end by itself");
    }
    running.await_own_call(key(threads - 1));

    assert_eq!(running.take_stuck(), [threads]);
    assert!(matches!(running.arrive(key(9999), Lane::Blocking, None, 9999), Verdict::Refused(9999, _)));
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
    running.arrive(one_way, Lane::Async, None, 7);

    assert_eq!(running.cancel_others(None), [2]);

    assert_eq!(running.finish(key(1)), Some((one_way, 7)));
}

/// Callback 1 has this bound.
fn limit(calls: u32) -> Option<Limit> {
    Some(Limit { callback: 1, calls: NonZeroU32::new(calls).expect("a bound") })
}

fn arrive_limited(running: &mut Running<u64>, number: u64) -> Verdict<u64> {
    running.arrive(key(number), Lane::Async, limit(1), number)
}

#[test]
fn a_callback_at_its_bound_holds_up_no_other() {
    let mut running = Running::new(3);
    assert_eq!(arrive_limited(&mut running, 1), Verdict::Run(1));
    assert_eq!(arrive_limited(&mut running, 2), Verdict::Queued);
    assert_eq!(arrive_limited(&mut running, 3), Verdict::Queued);

    assert_eq!(arrive(&mut running, 4), Verdict::Run(4));
    assert_eq!(arrive(&mut running, 5), Verdict::Run(5));
    assert_eq!(arrive(&mut running, 6), Verdict::Queued, "the node's own bound holds");

    assert_eq!(running.finish(key(4)), Some((key(6), 6)), "a place, and callback 1 is at its bound");
    assert_eq!(running.finish(key(5)), None);
    assert_eq!(running.finish(key(1)), Some((key(2), 2)));
    assert_eq!(running.finish(key(2)), Some((key(3), 3)));
}

#[test]
fn one_callback_takes_no_more_than_its_part_of_the_queue() {
    let mut running = Running::new(1);
    for number in 0..=config::CALLS_QUEUED_PER_CALLBACK_MAX as u64 {
        assert!(!matches!(arrive_limited(&mut running, number), Verdict::Refused(..)));
    }

    assert!(matches!(arrive_limited(&mut running, 9999), Verdict::Refused(9999, _)));
    assert_eq!(arrive(&mut running, 8888), Verdict::Queued);
}

#[test]
fn a_call_cancelled_before_its_turn_makes_room_for_the_next_of_its_callback() {
    let mut running = Running::new(1);
    arrive(&mut running, 1);
    arrive_limited(&mut running, 2);
    arrive_limited(&mut running, 3);
    arrive_limited(&mut running, 4);

    assert_eq!(running.cancel(key(2)), Some(2), "it only waited for room");
    assert_eq!(running.cancel(key(4)), Some(4), "it waited for the others");

    assert_eq!(running.finish(key(1)), Some((key(3), 3)));
    assert_eq!(running.finish(key(3)), None);
    assert!(running.is_idle());
}

#[test]
fn when_all_threads_wait_for_calls_those_behind_a_bound_are_refused_too() {
    let mut running = Running::new(10_000);
    let threads = config::BLOCKING_RUNNING_MAX as u64;
    for number in 0..threads {
        let limit = (number == 0).then(|| limit(1)).flatten();
        running.arrive(key(number), Lane::Blocking, limit, number);
    }
    assert_eq!(running.arrive(key(threads), Lane::Blocking, limit(1), threads), Verdict::Queued);

    for number in 0..threads {
        running.await_own_call(key(number));
    }

    assert_eq!(running.take_stuck(), [threads]);
}

#[test]
fn a_draining_node_runs_what_waits_behind_a_bound() {
    let mut running = Running::new(10);
    arrive_limited(&mut running, 1);
    arrive_limited(&mut running, 2);

    running.drain();

    assert!(matches!(arrive_limited(&mut running, 3), Verdict::Refused(3, _)));
    assert_eq!(running.finish(key(1)), Some((key(2), 2)));
    assert!(!running.is_idle());
    assert_eq!(running.finish(key(2)), None);
    assert!(running.is_idle());
}

/// What becomes of one call of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Runs,
    Waits,
}

/// The same, told naively: everybody who waits is looked at whenever something has ended.
#[derive(Debug, Default)]
struct Model {
    calls: FxHashMap<u64, (u32, Fate)>,
}

const PLACES: usize = 4;

/// Callbacks 1 and 2 run so many calls at a time, callback 0 as many as the node.
const LIMITS: [usize; 3] = [usize::MAX, 1, 2];

impl Model {
    fn running(&self, callback: Option<u32>) -> usize {
        let is_one = |(of, fate): &&(u32, Fate)| *fate == Fate::Runs && callback.is_none_or(|one| one == *of);
        self.calls.values().filter(is_one).count()
    }

    fn has_room_for(&self, callback: u32) -> bool {
        self.running(None) < PLACES && self.running(Some(callback)) < LIMITS[callback as usize]
    }

    fn start(&mut self, number: u64) {
        let (callback, fate) = self.calls[&number];
        assert_eq!(fate, Fate::Waits, "{number} runs a second time");
        assert!(self.has_room_for(callback), "{number} of {callback} runs past a bound");
        let is_behind = |(other, (of, fate)): (&u64, &(u32, Fate))| {
            *other < number && *of == callback && *fate == Fate::Waits
        };
        assert!(!self.calls.iter().any(is_behind), "{number} passes one of its own callback");
        self.calls.insert(number, (callback, Fate::Runs));
    }

    /// Nobody waits whom there is room for.
    fn check(&self) {
        for (number, (callback, fate)) in &self.calls {
            assert!(*fate == Fate::Runs || !self.has_room_for(*callback), "{number} waits for nothing");
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Arrive(u32),
    Finish(usize),
    Cancel(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u32..3).prop_map(Step::Arrive),
        2 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Cancel),
    ]
}

fn pick(model: &Model, fate: Fate, at: usize) -> Option<u64> {
    let mut numbers: Vec<u64> =
        model.calls.iter().filter(|(_, call)| call.1 == fate).map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    (!numbers.is_empty()).then(|| numbers[at % numbers.len()])
}

proptest! {
    #[test]
    fn every_call_runs_as_soon_as_its_callback_and_the_node_have_room(
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let mut running = Running::new(PLACES);
        let mut model = Model::default();
        for (number, step) in steps.into_iter().enumerate() {
            let number = number as u64;
            match step {
                Step::Arrive(callback) => {
                    let limit = (callback > 0).then(|| Limit {
                        callback,
                        calls: NonZeroU32::new(LIMITS[callback as usize] as u32).expect("a bound"),
                    });
                    model.calls.insert(number, (callback, Fate::Waits));
                    match running.arrive(key(number), Lane::Async, limit, number) {
                        Verdict::Run(job) => model.start(job),
                        Verdict::Queued => {}
                        Verdict::Refused(..) => prop_assert!(false, "there is room to wait"),
                    }
                }
                Step::Finish(at) => {
                    let Some(ended) = pick(&model, Fate::Runs, at) else { continue };
                    model.calls.remove(&ended);
                    if let Some((_, job)) = running.finish(key(ended)) {
                        model.start(job);
                    }
                }
                Step::Cancel(at) => {
                    let Some(cancelled) = pick(&model, Fate::Waits, at) else { continue };
                    model.calls.remove(&cancelled);
                    prop_assert_eq!(running.cancel(key(cancelled)), Some(cancelled));
                }
            }
            model.check();
        }
        prop_assert_eq!(running.len(), model.running(None));

        let left = running.abort_all().len();
        prop_assert_eq!(left, model.calls.len() - model.running(None));
    }
}
