use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const TICK: Duration = Duration::from_millis(1);

fn expired(deadlines: &mut Deadlines, now: Instant) -> Vec<u32> {
    let mut out = Vec::new();
    deadlines.expire(now, &mut out);
    out
}

#[test]
fn a_deadline_passes_at_its_time_and_not_before() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);

    deadlines.insert(3, start + Duration::from_millis(10));

    assert_eq!(deadlines.next(), Some(start + Duration::from_millis(10)));
    assert!(expired(&mut deadlines, start + Duration::from_micros(9_999)).is_empty());
    assert_eq!(expired(&mut deadlines, start + Duration::from_millis(10)), [3]);
    assert!(deadlines.is_empty());
    assert_eq!(deadlines.next(), None);
}

#[test]
fn a_part_of_a_millisecond_is_rounded_up() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);

    deadlines.insert(0, start + Duration::from_nanos(1_000_001));

    assert_eq!(deadlines.next(), Some(start + 2 * TICK));
    assert!(expired(&mut deadlines, start + TICK).is_empty());
    assert_eq!(expired(&mut deadlines, start + 2 * TICK), [0]);
}

#[test]
fn a_deadline_may_be_further_away_than_ticks_can_count() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);

    deadlines.insert(0, start + Duration::from_millis(u64::MAX) + TICK);
    deadlines.insert(1, start + TICK);

    assert_eq!(expired(&mut deadlines, start + TICK), [1]);
    assert!(deadlines.next().is_some_and(|at| at > start + Duration::from_secs(1)));
}

#[test]
fn a_second_deadline_replaces_the_first() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);

    deadlines.insert(0, start + 5 * TICK);
    deadlines.insert(0, start + 50 * TICK);

    assert_eq!(deadlines.len(), 1);
    assert!(expired(&mut deadlines, start + 49 * TICK).is_empty());
    assert_eq!(expired(&mut deadlines, start + 50 * TICK), [0]);
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);
    deadlines.insert(1, start + TICK);

    deadlines.remove(0);
    deadlines.remove(7_000);

    assert_eq!(deadlines.len(), 1);
    assert_eq!(expired(&mut deadlines, start + TICK), [1]);
}

#[test]
fn deadlines_of_one_tick_pass_in_the_order_of_insertion() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);
    let at = start + Duration::from_secs(9_000);

    for slot in [5, 1, 9, 2] {
        deadlines.insert(slot, at);
    }
    deadlines.remove(9);

    assert_eq!(expired(&mut deadlines, at), [5, 1, 2]);
}

#[test]
fn a_deadline_in_the_past_passes_at_the_next_look() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);
    let now = start + Duration::from_secs(100);
    assert!(expired(&mut deadlines, now).is_empty());

    deadlines.insert(0, start + Duration::from_secs(3));
    deadlines.insert(1, start + Duration::from_secs(2));

    assert_eq!(deadlines.next(), Some(start + Duration::from_secs(2)));
    assert_eq!(expired(&mut deadlines, now), [1, 0]);
    assert_eq!(deadlines.next(), None);
}

#[test]
fn a_year_of_sleep_costs_no_more_than_the_entries_it_passes() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);
    let day = Duration::from_secs(24 * 3600);
    for slot in 0..300 {
        deadlines.insert(slot, start + day * slot + TICK);
    }

    let order: Vec<u32> = (0..300).collect();
    assert_eq!(expired(&mut deadlines, start + 365 * day), order);
    assert!(deadlines.is_empty());
}

#[test]
fn after_a_long_sleep_new_deadlines_find_their_buckets() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);
    let now = start + Duration::from_secs(100_000);
    deadlines.insert(0, start + Duration::from_secs(1_000_000));

    assert!(expired(&mut deadlines, now).is_empty());
    deadlines.insert(1, now + TICK);

    assert_eq!(deadlines.entries[1].list as usize, bucket_of_tick(100_000_001));
    assert_eq!(deadlines.next(), Some(now + TICK));
}

#[test]
fn following_next_reaches_a_far_deadline_in_few_steps() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);
    let at = start + Duration::from_secs(24 * 3600);
    deadlines.insert(0, at);

    let mut steps = 0;
    let mut out = Vec::new();
    while let Some(next) = deadlines.next() {
        assert!(next <= at);
        deadlines.expire(next, &mut out);
        steps += 1;
    }

    assert_eq!(out, [0]);
    assert!(steps <= 3, "{steps} steps");
}

#[test]
fn following_next_never_stands_still() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);
    for slot in 0..5_000 {
        deadlines.insert(slot, start + Duration::from_millis(u64::from(slot) * 1_733));
    }

    let mut before = None;
    let mut out = Vec::new();
    while let Some(next) = deadlines.next() {
        assert!(before < Some(next));
        deadlines.expire(next, &mut out);
        before = Some(next);
    }

    assert!(out.is_sorted());
    assert_eq!(out.len(), 5_000);
}

#[test]
fn insertion_and_removal_leave_no_memory_behind() {
    let start = Instant::now();
    let mut deadlines = Deadlines::new(start);

    for round in 0..10_000_u64 {
        for slot in 0..8 {
            deadlines.insert(slot, start + Duration::from_millis(round * 7 + u64::from(slot) * 3_000));
        }
        for slot in 0..8 {
            deadlines.remove(slot);
        }
    }

    assert_eq!(deadlines.entries.len(), 8);
    assert!(deadlines.heads.iter().all(|head| *head == NONE));
    assert!(deadlines.occupied.iter().all(|word| *word == 0));
}

#[derive(Debug, Clone)]
enum Step {
    /// A slot, and microseconds from the present, plus or minus.
    Insert(u32, i64),
    Remove(u32),
    /// Microseconds to sleep.
    Sleep(u64),
    /// Sleep as long as `next` says.
    Follow,
}

fn span() -> impl Strategy<Value = u64> {
    // Within a tick, a block, several blocks, and far beyond the reach of 70 minutes.
    prop_oneof![0..3_000_u64, 0..3_000_000_u64, 0..100_000_000_u64, 0..50_000_000_000_u64]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..40_u32, span()).prop_map(|(slot, span)| Step::Insert(slot, span as i64)),
        1 => (0..40_u32, span()).prop_map(|(slot, span)| Step::Insert(slot, -(span as i64))),
        2 => (0..40_u32).prop_map(Step::Remove),
        2 => span().prop_map(Step::Sleep),
        2 => Just(Step::Follow),
    ]
}

/// The same in the plainest way: exact deadlines in order, and the deadline of each slot.
#[derive(Default)]
struct Model {
    order: BTreeSet<(Instant, u32)>,
    by_slot: BTreeMap<u32, Instant>,
}

impl Model {
    fn remove(&mut self, slot: u32) -> Option<Instant> {
        let at = self.by_slot.remove(&slot)?;
        assert!(self.order.remove(&(at, slot)));
        Some(at)
    }

    fn check(&mut self, start: Instant, now: Instant, out: &[u32]) -> Result<(), TestCaseError> {
        let mut last = 0;
        for slot in out {
            let at = self.remove(*slot);
            prop_assert!(at.is_some(), "slot {} has no deadline", slot);
            let at = at.expect("just checked");
            prop_assert!(at <= now, "slot {} has not passed", slot);
            let tick = at.saturating_duration_since(start).as_nanos().div_ceil(1_000_000);
            prop_assert!(tick >= last, "slot {} is out of order", slot);
            last = tick;
        }
        let earliest = self.order.first().map(|(at, _)| *at);
        prop_assert!(earliest.is_none_or(|at| at + TICK > now), "a deadline passed and was left");
        Ok(())
    }
}

proptest! {
    #[test]
    fn it_does_as_a_sorted_set_does(steps in prop::collection::vec(step(), 1..120)) {
        let start = Instant::now() + Duration::from_secs(100_000);
        let mut now = start;
        let mut deadlines = Deadlines::new(start);
        let mut model = Model::default();

        for step in steps {
            match step {
                Step::Insert(slot, micros) => {
                    let span = Duration::from_micros(micros.unsigned_abs());
                    let at = if micros < 0 { now - span } else { now + span };
                    deadlines.insert(slot, at);
                    model.remove(slot);
                    model.by_slot.insert(slot, at);
                    model.order.insert((at, slot));
                }
                Step::Remove(slot) => {
                    deadlines.remove(slot);
                    model.remove(slot);
                }
                Step::Sleep(micros) => now += Duration::from_micros(micros),
                Step::Follow => now = deadlines.next().map_or(now, |next| next.max(now)),
            }
            if matches!(step, Step::Sleep(_) | Step::Follow) {
                let out = expired(&mut deadlines, now);
                model.check(start, now, &out)?;
            }
            prop_assert_eq!(deadlines.len(), model.by_slot.len());
            prop_assert_eq!(deadlines.is_empty(), model.order.is_empty());
            let next = deadlines.next();
            prop_assert_eq!(next.is_some(), !model.order.is_empty());
            if let (Some(next), Some((at, _))) = (next, model.order.first()) {
                prop_assert!(next < (*at).max(start) + TICK, "next is too late");
            }
        }
    }
}
