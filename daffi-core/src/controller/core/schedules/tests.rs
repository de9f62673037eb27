mod model;

use super::*;
use crate::identity::{Kind, Role};
use crate::wire::{Missed, Overlap};

const NOW: u64 = 1_700_000_000_000;

fn node(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn by(name: &str) -> Creator {
    Creator { node: node(name), identity: Arc::new(Identity::memory()) }
}

fn spec(when: When) -> ScheduleSpec {
    ScheduleSpec {
        callback: "tick".into(),
        body: vec![0x91, 7],
        when,
        name: None,
        on: None,
        key: None,
        timeout_ms: 30_000,
        overlap: Overlap::Skip,
        missed: Missed::Skip,
    }
}

fn every(period_ms: u64) -> ScheduleSpec {
    spec(When::Every { period_ms, times: None, first_in_ms: None })
}

fn times(period_ms: u64, times: u64) -> ScheduleSpec {
    spec(When::Every { period_ms, times: Some(times), first_in_ms: None })
}

fn at(unix_ms: &[u64]) -> ScheduleSpec {
    spec(When::At { unix_ms: unix_ms.to_vec() })
}

fn created(spec: ScheduleSpec) -> (Schedules, u64) {
    let mut schedules = Schedules::default();
    let entry = schedules.create(by("a"), spec, NOW).unwrap();
    (schedules, entry.id)
}

/// Ticks when it is due up to `until`, each run ending `lasts_ms` later; when the runs started, from `NOW`.
fn play(schedules: &mut Schedules, until: u64, lasts_ms: u64) -> Vec<u64> {
    let mut started = Vec::new();
    let mut ends = BTreeSet::new();
    loop {
        let end = ends.first().map(|(end, _)| *end);
        let Some(now) = [schedules.next(), end].into_iter().flatten().min().filter(|now| *now <= until)
        else {
            return started.into_iter().map(|at: u64| at - NOW).collect();
        };
        while let Some((end, id)) = ends.pop_first() {
            if end > now {
                ends.insert((end, id));
                break;
            }
            schedules.finish_run(id, None);
        }
        for run in schedules.tick(now) {
            started.push(now);
            ends.insert((now + lasts_ms, run.schedule));
        }
    }
}

#[test]
fn the_first_run_comes_after_one_period() {
    let (mut schedules, _) = created(every(100));

    assert_eq!(schedules.next(), Some(NOW + 100));
    assert!(schedules.tick(NOW + 99).is_empty());
    assert_eq!(schedules.tick(NOW + 100).len(), 1);
}

#[test]
fn the_first_run_comes_when_it_was_said_and_sets_the_raster() {
    let when = When::Every { period_ms: 100, times: Some(3), first_in_ms: Some(0) };
    let (mut schedules, _) = created(spec(when));

    assert_eq!(play(&mut schedules, NOW + 1_000, 1), [0, 100, 200]);
}

#[test]
fn a_run_carries_what_was_asked_for_in_the_name_of_the_creator() {
    let asked = ScheduleSpec { on: Some("b".into()), key: Some("k".into()), ..every(100) };
    let (mut schedules, id) = created(asked);

    let runs = schedules.tick(NOW + 100);

    let expected = Run {
        schedule: id,
        creator: node("a"),
        callback: "tick".into(),
        body: Bytes::from_static(&[0x91, 7]),
        on: Some("b".into()),
        key: Some("k".into()),
        timeout_ms: 30_000,
    };
    assert_eq!(runs, [expected]);
}

#[test]
fn the_rate_is_fixed_whatever_the_runs_take() {
    let (mut schedules, _) = created(every(100));

    assert_eq!(play(&mut schedules, NOW + 500, 99), [100, 200, 300, 400, 500]);
}

#[test]
fn a_late_look_does_not_shift_the_raster() {
    let (mut schedules, id) = created(every(100));

    assert_eq!(schedules.tick(NOW + 130).len(), 1);
    schedules.finish_run(id, None);

    assert_eq!(schedules.next(), Some(NOW + 200));
}

#[test]
fn a_tick_during_a_run_is_skipped_and_counted() {
    let (mut schedules, id) = created(every(100));

    assert_eq!(play(&mut schedules, NOW + 900, 250), [100, 400, 700]);
    let entry = schedules.entry(id).unwrap();
    assert_eq!((entry.runs, entry.skipped, entry.missed_ticks), (3, 6, 0));
}

#[test]
fn runs_overlap_if_that_is_allowed() {
    let (mut schedules, id) = created(ScheduleSpec { overlap: Overlap::Allow, ..every(100) });

    assert_eq!(play(&mut schedules, NOW + 500, 250), [100, 200, 300, 400, 500]);
    let entry = schedules.entry(id).unwrap();
    assert_eq!((entry.running, entry.skipped), (3, 0));
}

#[test]
fn after_a_stall_it_runs_once_and_goes_on_in_the_raster() {
    let (mut schedules, id) = created(every(100));

    assert_eq!(schedules.tick(NOW + 1_050).len(), 1);

    let entry = schedules.entry(id).unwrap();
    assert_eq!((entry.runs, entry.missed_ticks), (1, 9));
    assert_eq!(entry.next_unix_ms, Some(NOW + 1_100));
}

#[test]
fn what_was_missed_is_caught_up_one_after_the_other() {
    let (mut schedules, id) = created(ScheduleSpec { missed: Missed::CatchUp, ..every(100) });

    assert_eq!(schedules.tick(NOW + 450).len(), 1);
    assert_eq!(schedules.next(), Some(NOW + 500), "the others wait for the first");
    for _ in 1..4 {
        schedules.finish_run(id, None);
        assert_eq!(schedules.next(), Some(NOW + 450));
        assert_eq!(schedules.tick(NOW + 460).len(), 1);
    }
    schedules.finish_run(id, None);

    assert_eq!(schedules.next(), Some(NOW + 500));
    let entry = schedules.entry(id).unwrap();
    assert_eq!((entry.runs, entry.skipped, entry.missed_ticks), (4, 0, 0));
}

#[test]
fn catching_up_with_much_is_spread_over_several_ticks() {
    let asked = ScheduleSpec { missed: Missed::CatchUp, overlap: Overlap::Allow, ..times(1, 150) };
    let (mut schedules, _) = created(asked);
    let now = NOW + 10_000;

    assert_eq!(schedules.tick(now).len(), 64);
    assert_eq!(schedules.next(), Some(now));
    assert_eq!(schedules.tick(now).len(), 64);
    assert_eq!(schedules.tick(now).len(), 22);
    assert_eq!(schedules.next(), None);
}

#[test]
fn it_ends_with_the_last_run_and_not_with_the_last_tick() {
    let (mut schedules, id) = created(times(100, 2));

    schedules.tick(NOW + 100);
    schedules.finish_run(id, None);
    assert_eq!(schedules.entry(id).unwrap().remaining, Some(1));
    schedules.tick(NOW + 200);

    let entry = schedules.entry(id).unwrap();
    assert_eq!((entry.remaining, entry.next_unix_ms, entry.running), (Some(0), None, 1));
    schedules.finish_run(id, None);
    assert!(schedules.is_empty());
    assert_eq!(schedules.next(), None);
    assert_eq!(schedules.cancel(id), Cancelled::Before);
}

#[test]
fn skipped_and_missed_ticks_do_not_count_as_times() {
    let (mut schedules, _) = created(times(100, 3));

    assert_eq!(play(&mut schedules, NOW + 5_000, 250), [100, 400, 700]);
    assert!(schedules.is_empty());
}

#[test]
fn each_instant_runs_once_and_in_order() {
    let (mut schedules, id) = created(at(&[NOW + 300, NOW + 100, NOW + 300, NOW]));

    assert_eq!(schedules.entry(id).unwrap().remaining, Some(3));
    assert_eq!(play(&mut schedules, NOW + 1_000, 1), [0, 100, 300]);
    assert!(schedules.is_empty());
}

#[test]
fn a_schedule_that_makes_no_sense_is_refused() {
    let mut schedules = Schedules::default();
    let mut refusal = |spec| schedules.create(by("a"), spec, NOW).unwrap_err();
    let many: Vec<u64> = (0..1_001).map(|k| NOW + k).collect();

    assert_eq!(refusal(every(0)), Refusal::PeriodTooShort { period_ms: 0 });
    assert_eq!(refusal(times(100, 0)), Refusal::NoRuns);
    assert_eq!(refusal(at(&[])), Refusal::NoInstants);
    assert_eq!(refusal(at(&many)), Refusal::TooManyInstants { instants: 1_001 });
    assert_eq!(refusal(at(&[NOW + 5, NOW - 1])), Refusal::InstantPassed { ago_ms: 1 });
    assert!(schedules.is_empty());
}

#[test]
fn a_full_table_takes_no_more() {
    let mut schedules = Schedules::default();
    let named = ScheduleSpec { name: Some("n".into()), ..every(100) };
    schedules.create(by("a"), named.clone(), NOW).unwrap();
    for _ in 1..SCHEDULES_MAX {
        schedules.create(by("a"), every(100), NOW).unwrap();
    }

    assert_eq!(schedules.create(by("a"), every(100), NOW), Err(Refusal::Full));
    assert_eq!(schedules.create(by("a"), named, NOW).map(|entry| entry.id), Ok(1));
}

#[test]
fn after_a_cancel_there_is_no_tick_and_the_run_goes_on() {
    let (mut schedules, id) = created(every(100));
    schedules.tick(NOW + 100);

    let Cancelled::Now(entry) = schedules.cancel(id) else { panic!("it was there") };

    assert_eq!((entry.id, entry.running), (id, 1));
    assert_eq!(schedules.next(), None);
    assert!(schedules.tick(NOW + 1_000).is_empty());
    schedules.finish_run(id, None);
    assert_eq!(schedules.cancel(id), Cancelled::Before);
    assert_eq!(schedules.cancel(id + 1), Cancelled::Unknown);
}

#[test]
fn only_the_last_thousand_ended_ones_are_remembered() {
    let mut schedules = Schedules::default();
    for id in 1..=1_001 {
        schedules.create(by("a"), every(100), NOW).unwrap();
        schedules.cancel(id);
    }

    assert_eq!(schedules.cancel(1), Cancelled::Unknown);
    assert_eq!(schedules.cancel(2), Cancelled::Before);
}

#[test]
fn ticks_of_a_pause_are_dropped_and_not_missed() {
    let (mut schedules, id) = created(every(100));

    assert!(schedules.pause(id));
    assert_eq!(schedules.next(), None);
    assert!(schedules.tick(NOW + 350).is_empty());
    assert!(schedules.resume(id, NOW + 350));

    assert_eq!(schedules.next(), Some(NOW + 400));
    assert_eq!(schedules.tick(NOW + 400).len(), 1);
    let entry = schedules.entry(id).unwrap();
    assert_eq!((entry.runs, entry.missed_ticks, entry.paused), (1, 0, false));
}

#[test]
fn resuming_what_is_not_paused_drops_nothing() {
    let (mut schedules, id) = created(every(100));

    assert!(schedules.resume(id, NOW + 100));

    assert_eq!(schedules.tick(NOW + 100).len(), 1);
    assert!(!schedules.pause(id + 1));
    assert!(!schedules.resume(id + 1, NOW));
}

#[test]
fn it_ends_if_its_last_instant_passes_during_a_pause() {
    let (mut schedules, id) = created(at(&[NOW + 100]));
    schedules.pause(id);

    assert!(schedules.resume(id, NOW + 100));

    assert!(schedules.is_empty());
    assert_eq!(schedules.cancel(id), Cancelled::Before);
}

#[test]
fn a_name_registered_twice_is_one_schedule() {
    let named = ScheduleSpec { name: Some("n".into()), ..every(100) };
    let (mut schedules, id) = created(named.clone());
    schedules.tick(NOW + 100);
    let before = schedules.entry(id).unwrap();

    let again = schedules.create(by("b"), named, NOW + 150).unwrap();

    assert_eq!(again, before);
    assert_eq!(schedules.len(), 1);
    assert_eq!(schedules.next(), Some(NOW + 200));
}

#[test]
fn a_named_schedule_can_be_registered_again_when_some_of_its_instants_have_passed() {
    let named = ScheduleSpec { name: Some("n".into()), ..at(&[NOW + 100, NOW + 200]) };
    let (mut schedules, id) = created(named.clone());
    schedules.tick(NOW + 100);

    assert_eq!(schedules.create(by("a"), named, NOW + 150).map(|entry| entry.id), Ok(id));
}

#[test]
fn another_specification_under_the_same_name_starts_anew_in_place() {
    let named = ScheduleSpec { name: Some("n".into()), ..every(100) };
    let (mut schedules, id) = created(named.clone());
    schedules.tick(NOW + 250);
    schedules.pause(id);

    let changed = ScheduleSpec { body: vec![0x91, 8], ..named };
    let entry = schedules.create(by("b"), changed, NOW + 260).unwrap();

    assert_eq!((entry.id, entry.runs, entry.missed_ticks, entry.running), (id, 1, 1, 1));
    assert_eq!((entry.creator, entry.paused), (node("b"), true));
    schedules.finish_run(id, None);
    schedules.resume(id, NOW + 300);
    assert_eq!(schedules.next(), Some(NOW + 360));
    let runs = schedules.tick(NOW + 360);
    assert_eq!(runs[0].body, Bytes::from_static(&[0x91, 8]));
    assert_eq!(schedules.len(), 1);
}

#[test]
fn a_schedule_that_starts_anew_leaves_no_tick_of_the_old_raster() {
    let named = ScheduleSpec { name: Some("n".into()), ..every(100) };
    let (mut schedules, _) = created(named.clone());

    let slower = ScheduleSpec { when: every(1_000).when, ..named };
    schedules.create(by("a"), slower, NOW + 50).unwrap();

    assert_eq!(schedules.next(), Some(NOW + 1_050));
    assert!(schedules.tick(NOW + 1_049).is_empty());
}

#[test]
fn a_schedule_that_starts_anew_gives_up_what_the_old_one_owed() {
    let named = ScheduleSpec { name: Some("n".into()), missed: Missed::CatchUp, ..every(100) };
    let (mut schedules, id) = created(named.clone());
    assert_eq!(schedules.tick(NOW + 400).len(), 1);

    schedules.create(by("a"), ScheduleSpec { key: Some("k".into()), ..named }, NOW + 410).unwrap();
    schedules.finish_run(id, None);

    assert_eq!(schedules.next(), Some(NOW + 510));
    assert_eq!(schedules.entry(id).unwrap().missed_ticks, 3);
}

#[test]
fn a_named_schedule_whose_ticks_are_over_starts_anew() {
    let named = ScheduleSpec { name: Some("n".into()), ..times(100, 1) };
    let (mut schedules, id) = created(named.clone());
    schedules.tick(NOW + 100);

    let entry = schedules.create(by("a"), named, NOW + 150).unwrap();

    assert_eq!((entry.id, entry.remaining, entry.next_unix_ms), (id, Some(1), Some(NOW + 250)));
}

#[test]
fn a_cancelled_name_is_free() {
    let named = ScheduleSpec { name: Some("n".into()), ..every(100) };
    let (mut schedules, id) = created(named.clone());

    schedules.cancel(id);

    assert_eq!(schedules.create(by("a"), named, NOW).map(|entry| entry.id), Ok(id + 1));
}

#[test]
fn the_last_failure_is_kept_within_a_bound() {
    let (mut schedules, id) = created(every(100));
    schedules.tick(NOW + 100);

    schedules.finish_run(id, Some("ä".repeat(4_000)));

    let entry = schedules.entry(id).unwrap();
    assert_eq!((entry.failures, entry.running), (1, 0));
    assert_eq!(entry.last_error, Some("ä".repeat(512)));
}

#[test]
fn what_is_due_first_runs_first() {
    let mut schedules = Schedules::default();
    for period_ms in [300, 100, 200] {
        schedules.create(by("a"), every(period_ms), NOW).unwrap();
    }

    let order: Vec<u64> = schedules.tick(NOW + 300).iter().map(|run| run.schedule).collect();

    assert_eq!(order, [2, 3, 1]);
}

#[test]
fn a_time_at_the_end_of_all_times_does_no_harm() {
    let when = When::Every { period_ms: u64::MAX, times: None, first_in_ms: Some(1) };
    let (mut schedules, id) = created(spec(when));

    assert_eq!(schedules.tick(NOW + 1).len(), 1);
    schedules.finish_run(id, None);

    assert_eq!(schedules.next(), Some(u64::MAX));
}

#[test]
fn the_arguments_of_all_schedules_are_bounded() {
    let mut schedules = Schedules::default();
    let large = || ScheduleSpec { body: vec![0; SCHEDULE_BYTES_MAX / 2], ..every(100) };
    schedules.create(by("a"), large(), NOW).expect("there is room");
    schedules.create(by("a"), large(), NOW).expect("there is room");

    assert_eq!(schedules.create(by("a"), every(100), NOW), Err(Refusal::BytesFull));
}

#[test]
fn what_was_made_by_a_token_is_refused_once_that_is_good_no_more() {
    let token = |id: &str| Kind::Token { id: id.into(), name: "n".into() };
    let by = |id: &str| Creator {
        node: node("a"),
        identity: Arc::new(Identity::new(token(id), Role::everything())),
    };
    let mut schedules = Schedules::default();
    for id in ["one", "two"] {
        schedules.create(by(id), every(100), NOW).unwrap();
    }
    assert!(schedules.has_owner("one") && !schedules.has_owner("three"));

    schedules.end_token("one", "revoked");

    let objections = [1, 2].map(|id| schedules.owner(id).unwrap().objection(NOW));
    assert_eq!(objections, [Some("revoked".to_owned()), None]);
    assert!(schedules.has_owner("one"), "it is its owner still");
}

#[test]
fn arguments_that_have_gone_make_room_for_others() {
    let named = |bytes: usize| ScheduleSpec { name: Some("n".into()), body: vec![0; bytes], ..every(100) };
    let (mut schedules, id) = created(named(SCHEDULE_BYTES_MAX / 2));
    schedules.create(by("a"), named(1_000), NOW).unwrap();
    assert!(
        schedules.create(by("a"), ScheduleSpec { name: None, ..named(SCHEDULE_BYTES_MAX) }, NOW).is_err()
    );

    schedules.cancel(id);

    assert!(schedules.create(by("a"), named(SCHEDULE_BYTES_MAX), NOW).is_ok());
}
