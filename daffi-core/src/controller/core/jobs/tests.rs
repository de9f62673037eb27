use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::wire;

const SECOND: Duration = Duration::from_secs(1);
const START: Time = Time(1_700_000_000_000_000);

fn kept(id: u64, bytes: usize) -> Kept {
    Kept {
        owner: None,
        id: JobId(id),
        callback: "work".into(),
        caller: NodeName::new("a").unwrap(),
        node: Some(NodeName::new("b").unwrap()),
        failed: false,
        body: Bytes::from(vec![0xc0; bytes]),
    }
}

#[test]
fn a_result_can_be_read_again_and_again() {
    let mut jobs = Jobs::default();
    jobs.keep(kept(7, 3), START);

    assert_eq!(jobs.result(JobId(7)), Some(&kept(7, 3)));
    assert_eq!(jobs.result(JobId(7)), Some(&kept(7, 3)));
    assert_eq!(jobs.result(JobId(8)), None);
}

#[test]
fn a_result_is_kept_for_its_time_and_no_longer() {
    let start = START;
    let mut jobs = Jobs::default();
    jobs.keep(kept(1, 3), start);
    jobs.keep(kept(2, 4), start.after(SECOND));

    assert_eq!(jobs.next(), Some(start.after(KEPT_FOR)));
    assert!(jobs.expire(start.after(KEPT_FOR - Duration::from_micros(1))).is_empty());
    assert_eq!(jobs.expire(start.after(KEPT_FOR)), [JobId(1)]);
    assert_eq!(jobs.next(), Some(start.after(SECOND + KEPT_FOR)));
    assert_eq!((jobs.len(), jobs.bytes()), (1, 4));
}

#[test]
fn a_second_result_replaces_the_first_and_begins_its_time_anew() {
    let start = START;
    let mut jobs = Jobs::default();
    jobs.keep(kept(1, 100), start);
    jobs.keep(kept(1, 7), start.after(SECOND));

    assert_eq!((jobs.len(), jobs.bytes()), (1, 7));
    assert_eq!(jobs.next(), Some(start.after(SECOND + KEPT_FOR)));
}

#[test]
fn a_removed_result_is_gone() {
    let mut jobs = Jobs::default();
    jobs.keep(kept(1, 100), START);

    assert_eq!(jobs.remove(JobId(1)), Some(kept(1, 100)));

    assert_eq!(jobs.remove(JobId(1)), None);
    assert!(jobs.is_empty());
    assert_eq!((jobs.bytes(), jobs.next()), (0, None));
}

#[test]
fn the_oldest_result_makes_room_for_one_too_many() {
    let now = START;
    let mut jobs = Jobs::default();
    for id in 0..KEPT_RESULTS_MAX as u64 {
        assert!(jobs.keep(kept(id, 0), now).is_empty());
    }

    assert_eq!(jobs.keep(kept(u64::MAX, 0), now), [JobId(0)]);

    assert_eq!(jobs.len(), KEPT_RESULTS_MAX);
    assert!(jobs.result(JobId(0)).is_none() && jobs.result(JobId(u64::MAX)).is_some());
}

#[test]
fn the_oldest_results_make_room_for_one_too_large() {
    let now = START;
    let mut jobs = Jobs::default();
    let quarter = Bytes::from(vec![0; KEPT_BYTES_MAX / 4]);
    for id in 0..4 {
        assert!(jobs.keep(Kept { body: quarter.clone(), ..kept(id, 0) }, now).is_empty());
    }

    assert_eq!(jobs.keep(kept(4, KEPT_BYTES_MAX / 4 + 1), now), [JobId(0), JobId(1)]);

    assert_eq!(jobs.bytes(), KEPT_BYTES_MAX / 4 * 3 + 1);
}

#[test]
fn the_list_has_the_oldest_first_with_age_and_outcome() {
    let start = START;
    let mut jobs = Jobs::default();
    jobs.keep(kept(9, 3), start);
    jobs.keep(Kept { failed: true, node: None, ..kept(2, 5) }, start.after(SECOND));

    let entries: Vec<JobEntry> = jobs.entries(start.after(3 * SECOND)).collect();

    let seen: Vec<_> = entries.iter().map(|job| (job.id.0, job.state, job.age_ms, job.bytes)).collect();
    assert_eq!(seen, [(9, JobState::Done, 3_000, 3), (2, JobState::Failed, 2_000, 5)]);
    assert_eq!(entries[1].node, None);
}

#[test]
fn results_are_the_same_once_they_were_written_down() {
    let mut jobs = Jobs::default();
    let owner = Some(Arc::new(Identity::memory()));
    jobs.keep(Kept { owner, ..kept(9, 3) }, START);
    jobs.keep(Kept { failed: true, node: None, ..kept(2, 500) }, START.after(SECOND));

    let bytes = wire::encode(&jobs).unwrap();

    assert_eq!(wire::decode::<Jobs>(&bytes), Ok(jobs));
    assert!(bytes.len() < 900, "{} bytes: results are no lists of numbers", bytes.len());
}

#[test]
fn numbers_are_short_at_first_and_never_come_again() {
    let mut numbers = Numbers::new(42);
    let mut seen = BTreeSet::new();

    let ids: Vec<JobId> = (0..150_000).map(|_| numbers.draw()).collect();

    assert!(ids.iter().all(|id| seen.insert(*id)));
    assert!(ids[..61_440].iter().all(|id| id.to_string().len() == 4));
    assert!(ids[61_440..].iter().all(|id| id.to_string().len() == 5));
}

#[test]
fn numbers_of_every_length_can_be_made() {
    for digits in 4..=16 {
        let mut numbers = Numbers { seed: 3, digits, issued: 15 * (1 << (4 * (digits - 1))) - 1 };

        let last = numbers.draw();

        assert_eq!(last.to_string().len(), digits as usize);
        assert_eq!(numbers.draw().to_string().len(), (digits as usize + 1).min(16));
    }
}

#[test]
fn another_seed_gives_other_numbers_and_the_same_seed_the_same() {
    let numbers = |seed| {
        let mut numbers = Numbers::new(seed);
        (0..20).map(|_| numbers.draw()).collect::<Vec<_>>()
    };

    assert_eq!(numbers(1), numbers(1));
    assert_ne!(numbers(1), numbers(2));
}

#[derive(Debug, Clone)]
enum Step {
    /// A job and a share of the bound of all bytes, in thousandths.
    Keep(u64, usize),
    Remove(u64),
    Sleep(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..30_u64, 0..400_usize).prop_map(|(id, share)| Step::Keep(id, share)),
        1 => (0..30_u64).prop_map(Step::Remove),
        2 => (0..2_000_u64).prop_map(Step::Sleep),
    ]
}

proptest! {
    #[test]
    fn the_bounds_hold_and_only_the_oldest_go(steps in prop::collection::vec(step(), 1..80)) {
        // One allocation for all: what is counted is what a slice shows.
        let all = Bytes::from(vec![0; KEPT_BYTES_MAX]);
        let mut now = START;
        let mut jobs = Jobs::default();
        let mut model: VecDeque<(u64, usize, Time)> = VecDeque::new();

        for step in steps {
            let command = match step {
                Step::Keep(id, share) => {
                    let body = all.slice(..KEPT_BYTES_MAX / 1_000 * share);
                    model.retain(|(other, ..)| *other != id);
                    model.push_back((id, body.len(), now));
                    Some(Command::Keep(Kept { body, ..kept(id, 0) }))
                }
                Step::Remove(id) => {
                    model.retain(|(other, ..)| *other != id);
                    Some(Command::Remove(JobId(id)))
                }
                Step::Sleep(seconds) => {
                    now = now.after(Duration::from_secs(seconds));
                    None
                }
            };
            let mut gone = Vec::new();
            while model.iter().map(|(_, bytes, _)| bytes).sum::<usize>() > KEPT_BYTES_MAX
                || (command.is_none() && model.front().is_some_and(|kept| kept.2.after(KEPT_FOR) <= now))
            {
                gone.extend(model.pop_front().map(|kept| JobId(kept.0)));
            }

            match command.map(|command| jobs.apply(command, now)) {
                Some(Effect::Evicted(ids)) => prop_assert_eq!(ids, gone),
                Some(Effect::Removed(_)) => prop_assert!(gone.is_empty()),
                None => prop_assert_eq!(jobs.expire(now), gone),
            }

            let ids: Vec<u64> = jobs.entries(now).map(|job| job.id.0).collect();
            prop_assert_eq!(ids, model.iter().map(|kept| kept.0).collect::<Vec<_>>());
            prop_assert_eq!(jobs.len(), model.len());
            prop_assert_eq!(jobs.bytes(), model.iter().map(|kept| kept.1).sum::<usize>());
            prop_assert_eq!(jobs.next(), model.front().map(|kept| kept.2.after(KEPT_FOR)));
            prop_assert!(model.iter().all(|kept| jobs.result(JobId(kept.0)).is_some()));
            prop_assert!(jobs.bytes() <= KEPT_BYTES_MAX);
        }
    }
}
