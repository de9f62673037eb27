//! Random schedules against the rules in the plainest way.

use proptest::prelude::*;

use super::*;
use crate::wire;

/// What became of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Ran,
    Skipped,
    Missed,
    Dropped,
    Owed,
}

/// The rules in the plainest way: a list of all ticks, each of which is given its fate by hand.
struct Model {
    spec: ScheduleSpec,
    coming: VecDeque<u64>,
    fates: Vec<Fate>,
    running: u32,
    is_paused: bool,
}

impl Model {
    fn new(spec: &ScheduleSpec) -> Self {
        let coming = match &spec.when {
            When::Every { period_ms, first_in_ms, .. } => {
                (0..40_000).map(|k| NOW + first_in_ms.unwrap_or(*period_ms) + k * period_ms).collect()
            }
            When::At { unix_ms } => unix_ms.iter().copied().collect::<BTreeSet<u64>>().into_iter().collect(),
        };
        Self { spec: spec.clone(), coming, fates: Vec::new(), running: 0, is_paused: false }
    }

    fn count(&self, fate: Fate) -> u64 {
        self.fates.iter().filter(|other| **other == fate).count() as u64
    }

    fn give(&mut self, fate: Fate) {
        self.coming.pop_front();
        self.fates.push(fate);
        if fate == Fate::Ran {
            self.running += 1;
        }
        self.stop_after_the_last();
    }

    fn stop_after_the_last(&mut self) {
        if let When::Every { times: Some(times), .. } = self.spec.when
            && self.count(Fate::Ran) + self.count(Fate::Owed) == times
        {
            self.coming.clear();
        }
    }

    fn due(&self, now: u64) -> usize {
        self.coming.iter().take_while(|tick| **tick <= now).count()
    }

    fn is_free(&self) -> bool {
        self.running == 0 || self.spec.overlap == Overlap::Allow
    }

    fn start_owed(&mut self) {
        for _ in 0..64 {
            let Some(owed) = self.fates.iter().position(|fate| *fate == Fate::Owed) else { return };
            if !self.is_free() {
                return;
            }
            self.fates[owed] = Fate::Ran;
            self.running += 1;
        }
    }

    fn tick(&mut self, now: u64) {
        if self.is_paused {
            return;
        }
        let due = self.due(now);
        if due > 1 && self.spec.missed == Missed::CatchUp {
            while self.due(now) > 0 {
                self.give(Fate::Owed);
            }
            self.start_owed();
            return;
        }
        self.start_owed();
        for _ in 1..due {
            self.give(Fate::Missed);
        }
        if due > 0 {
            self.give(if self.is_free() { Fate::Ran } else { Fate::Skipped });
        }
    }

    fn resume(&mut self, now: u64) {
        if std::mem::take(&mut self.is_paused) {
            while self.due(now) > 0 {
                self.give(Fate::Dropped);
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Sleep(u64),
    Follow,
    Finish,
    Pause,
    Resume,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..40_u64).prop_map(Step::Sleep),
        1 => (0..400_u64).prop_map(Step::Sleep),
        5 => Just(Step::Follow),
        6 => Just(Step::Finish),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
    ]
}

fn any_spec() -> impl Strategy<Value = ScheduleSpec> {
    let every = (1..60_u64, prop::option::of(1..20_u64), prop::option::of(0..90_u64))
        .prop_map(|(period_ms, times, first_in_ms)| When::Every { period_ms, times, first_in_ms });
    let at = prop::collection::vec((0..900_u64).prop_map(|span| NOW + span), 1..30)
        .prop_map(|unix_ms| When::At { unix_ms });
    let overlap = prop_oneof![Just(Overlap::Skip), Just(Overlap::Allow)];
    let missed = prop_oneof![Just(Missed::Skip), Just(Missed::CatchUp)];
    (prop_oneof![every, at], overlap, missed).prop_map(|(when, overlap, missed)| ScheduleSpec {
        overlap,
        missed,
        ..spec(when)
    })
}

/// Checks the counters against the fates; `false` if the schedule has rightly ended.
fn agree(schedules: &Schedules, model: &Model, id: u64) -> Result<bool, TestCaseError> {
    let Some(entry) = schedules.entry(id) else {
        prop_assert_eq!((model.coming.len(), model.running, model.count(Fate::Owed)), (0, 0, 0));
        prop_assert_eq!(schedules.next(), None);
        return Ok(false);
    };
    prop_assert_eq!(entry.runs, model.count(Fate::Ran));
    prop_assert_eq!(entry.skipped, model.count(Fate::Skipped));
    prop_assert_eq!(entry.missed_ticks, model.count(Fate::Missed));
    prop_assert_eq!(entry.running, model.running);
    prop_assert_eq!(entry.next_unix_ms, model.coming.front().copied().filter(|_| !model.is_paused));
    let passed = entry.runs + entry.skipped + entry.missed_ticks;
    prop_assert_eq!(passed + model.count(Fate::Owed) + model.count(Fate::Dropped), model.fates.len() as u64);
    Ok(true)
}

proptest! {
    #[test]
    fn every_tick_has_exactly_one_fate(spec in any_spec(), steps in prop::collection::vec(step(), 1..80)) {
        let (mut schedules, id) = created(spec.clone());
        let mut model = Model::new(&spec);
        let mut now = NOW;

        for step in steps {
            match step {
                Step::Sleep(_) | Step::Follow => {
                    let wake = schedules.next().unwrap_or(now).max(now);
                    now = if let Step::Sleep(span) = step { now + span } else { wake };
                    let runs = schedules.tick(now).len() as u64;
                    let before = model.count(Fate::Ran);
                    model.tick(now);
                    prop_assert_eq!(runs, model.count(Fate::Ran) - before);
                }
                Step::Finish if model.running > 0 => {
                    schedules.finish_run(id, None);
                    model.running -= 1;
                }
                Step::Finish => {}
                Step::Pause => {
                    schedules.pause(id);
                    model.is_paused = true;
                }
                Step::Resume => {
                    schedules.resume(id, now);
                    model.resume(now);
                }
            }
            let bytes = wire::encode(&schedules).unwrap();
            prop_assert_eq!(&wire::decode::<Schedules>(&bytes).unwrap(), &schedules);
            if !agree(&schedules, &model, id)? {
                break;
            }
        }
    }

    #[test]
    fn commands_replayed_from_their_bytes_make_the_same_schedules(
        specs in prop::collection::vec(any_spec(), 1..6),
        spans in prop::collection::vec(0..200_u64, 1..30),
    ) {
        let mut now = NOW;
        let mut commands: Vec<(u64, Command)> = specs
            .into_iter()
            .map(|spec| (now, Command::Create { creator: by("a"), spec: Box::new(spec) }))
            .collect();
        for span in spans {
            now += span;
            commands.push((now, Command::Tick));
            let id = span % 6 + 1;
            commands.push((now, match span % 5 {
                0 => Command::Pause { id },
                1 => Command::Resume { id },
                2 if span > 190 => Command::Cancel { id },
                _ => Command::Finished { id, error: (span % 2 == 0).then(|| "no".into()) },
            }));
        }

        let log = wire::encode(&commands).unwrap();
        let mut original = Schedules::default();
        let first: Vec<Effect> =
            commands.into_iter().map(|(now, command)| original.apply(command, now)).collect();
        let mut replica = Schedules::default();
        let second: Vec<Effect> = wire::decode::<Vec<(u64, Command)>>(&log)
            .unwrap()
            .into_iter()
            .map(|(now, command)| replica.apply(command, now))
            .collect();

        prop_assert_eq!(&wire::decode::<Vec<Effect>>(&wire::encode(&first).unwrap()).unwrap(), &first);
        prop_assert_eq!(first, second);
        prop_assert_eq!(original, replica);
    }
}
