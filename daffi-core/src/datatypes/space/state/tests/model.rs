//! Histories of a space, held against a naive one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A step of a random history. Names are by their numbers.
#[derive(Debug, Clone)]
enum Step {
    Put(i64, usize, i64),
    Add(i64, usize, i64),
    /// Under a condition.
    Conditional(i64, usize, i64),
    Erase(i64),
    Group(usize, i64, i64),
    WholeGroup(usize, i64, i64),
    EraseGroup(usize, i64),
    Clear,
    AddAttribute(usize),
    DropAttribute(usize),
    Rename(usize, usize),
    AddIndex(usize),
    DropIndex(usize),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let (key, name) = (|| 0..40_i64, || 0..NAMES.len());
    let number = || prop_oneof![9 => -3..4_i64, 1 => Just(i64::MAX)];
    prop_oneof![
        12 => (key(), name(), number()).prop_map(|(key, name, n)| Step::Put(key, name, n)),
        6 => (key(), name(), number()).prop_map(|(key, name, n)| Step::Add(key, name, n)),
        3 => (key(), name(), number()).prop_map(|(key, name, n)| Step::Conditional(key, name, n)),
        3 => key().prop_map(Step::Erase),
        2 => (name(), number(), number()).prop_map(|(name, n, by)| Step::Group(name, n, by)),
        2 => (name(), number(), number()).prop_map(|(name, n, by)| Step::WholeGroup(name, n, by)),
        1 => (name(), -3..0_i64).prop_map(|(name, n)| Step::EraseGroup(name, n)),
        1 => Just(Step::Clear),
        2 => name().prop_map(Step::AddAttribute),
        2 => name().prop_map(Step::DropAttribute),
        2 => (name(), name()).prop_map(|(from, to)| Step::Rename(from, to)),
        3 => name().prop_map(Step::AddIndex),
        1 => name().prop_map(Step::DropIndex),
        3 => Just(Step::Restore),
    ]
}

/// Objects with their versions, each with the same attributes.
#[derive(Debug, Clone)]
struct Model {
    names: Vec<&'static str>,
    indices: Vec<&'static str>,
    objects: BTreeMap<i64, (u64, BTreeMap<&'static str, i64>)>,
    highest: u64,
    removed: u64,
}

/// Why a step is refused, in one word.
type Why = &'static str;

impl Model {
    fn known(&self, name: usize) -> Result<&'static str, Why> {
        self.names.iter().find(|known| **known == NAMES[name]).copied().ok_or("unknown")
    }

    fn written(
        &mut self,
        key: i64,
        change: impl FnOnce(&mut BTreeMap<&'static str, i64>) -> Result<(), Why>,
    ) -> Result<u64, Why> {
        let blank = || (self.removed, self.names.iter().map(|name| (*name, 0)).collect());
        let (version, mut fields) = self.objects.get(&key).cloned().unwrap_or_else(blank);
        change(&mut fields)?;
        self.highest = self.highest.max(version + 1);
        self.objects.insert(key, (version + 1, fields));
        Ok(version + 1)
    }

    fn erase(&mut self, key: i64) -> Result<u64, Why> {
        let (version, _) = self.objects.remove(&key).ok_or("missing")?;
        self.highest = self.highest.max(version + 1);
        self.removed = self.removed.max(version + 1);
        Ok(version + 1)
    }

    fn add(&mut self, key: i64, name: &'static str, by: i64) -> Result<u64, Why> {
        self.objects.get(&key).ok_or("missing")?;
        self.written(key, |fields| {
            let field = fields.get_mut(name).expect("all have it");
            *field = field.checked_add(by).ok_or("overflow")?;
            Ok(())
        })
    }

    fn group(&self, name: &str, least: i64) -> Vec<i64> {
        let is_in = |fields: &BTreeMap<&str, i64>| fields[name] >= least;
        self.objects.iter().filter(|(_, (_, fields))| is_in(fields)).map(|(key, _)| *key).collect()
    }

    /// What a step comes to: a version, or a number of objects.
    fn take(&mut self, step: &Step) -> Result<u64, Why> {
        match *step {
            Step::Put(key, name, n) => {
                let name = self.known(name)?;
                self.written(key, |fields| {
                    fields.insert(name, n);
                    Ok(())
                })
            }
            Step::Add(key, name, by) => {
                let name = self.known(name)?;
                self.add(key, name, by)
            }
            Step::Conditional(key, name, n) => {
                let name = self.known(name)?;
                match self.objects.get(&key) {
                    None => Err("missing"),
                    Some((_, fields)) if fields[name] != n => Err("condition"),
                    Some(_) => self.add(key, name, 1),
                }
            }
            Step::Erase(key) => self.erase(key),
            Step::Group(name, least, by) => {
                let name = self.known(name)?;
                Ok(self.group(name, least).into_iter().filter(|key| self.add(*key, name, by).is_ok()).count()
                    as u64)
            }
            Step::WholeGroup(name, least, by) => {
                let (name, mut after) = (self.known(name)?, self.clone());
                let group = self.group(name, least);
                group.iter().try_for_each(|key| after.add(*key, name, by).map(drop))?;
                *self = after;
                Ok(group.len() as u64)
            }
            Step::EraseGroup(name, least) => {
                let group = self.group(self.known(name)?, least);
                group.iter().try_for_each(|key| self.erase(*key).map(drop))?;
                Ok(group.len() as u64)
            }
            Step::Clear => {
                self.removed = self.highest;
                Ok(std::mem::take(&mut self.objects).len() as u64)
            }
            Step::AddIndex(name) => {
                let name = self.known(name)?;
                if self.indices.contains(&name) {
                    return Err("there");
                }
                self.indices.push(name);
                Ok(0)
            }
            Step::DropIndex(name) => {
                let at = self.indices.iter().position(|index| *index == NAMES[name]).ok_or("no index")?;
                self.indices.remove(at);
                Ok(0)
            }
            Step::AddAttribute(_) | Step::DropAttribute(_) | Step::Rename(..) => self.alter(step).map(|()| 0),
            Step::Restore => Ok(0),
        }
    }

    fn alter(&mut self, step: &Step) -> Result<(), Why> {
        let objects = self.objects.values_mut().map(|(_, fields)| fields);
        match *step {
            Step::AddAttribute(name) if self.names.contains(&NAMES[name]) => return Err("there"),
            Step::AddAttribute(name) => {
                self.names.push(NAMES[name]);
                objects.for_each(|fields| fields.extend([(NAMES[name], 0)]));
            }
            Step::DropAttribute(name) => {
                let at = self.names.iter().position(|known| *known == NAMES[name]).ok_or("unknown")?;
                self.names.remove(at);
                self.indices.retain(|index| *index != NAMES[name]);
                objects.for_each(|fields| fields.retain(|known, _| *known != NAMES[name]));
            }
            Step::Rename(from, to) => {
                let at = self.names.iter().position(|known| *known == NAMES[from]).ok_or("unknown")?;
                if from != to && self.names.contains(&NAMES[to]) {
                    return Err("there");
                }
                self.names[at] = NAMES[to];
                self.indices
                    .iter_mut()
                    .filter(|index| **index == NAMES[from])
                    .for_each(|index| *index = NAMES[to]);
                for fields in objects {
                    let value = fields.remove(NAMES[from]).expect("all have it");
                    fields.insert(NAMES[to], value);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn take(bench: &mut Bench, step: &Step) -> Result<u64, SpaceError> {
    let add = |name: usize, by: i64| Write::new().change(NAMES[name], Action::Add(by.into()));
    let least = |name: usize, n: i64| Predicate::is(NAMES[name], Check::GreaterEqual(n.into()));
    let version = |written: Result<Written, DataError>| told(written).map(|written| written.version);
    let alter = |bench: &mut Bench, alteration: Alteration| {
        told(bench.call::<SpaceEntry>("alter", &(NAME, alteration))).map(|_| 0)
    };
    match *step {
        Step::Put(key, name, n) => {
            version(bench.call("write", &(NAME, key, Write::put(Fields::new().with(NAMES[name], n)))))
        }
        Step::Add(key, name, by) => version(bench.call("write", &(NAME, key, add(name, by)))),
        Step::Conditional(key, name, n) => {
            let write = add(name, 1).when(Predicate::equals(NAMES[name], n));
            version(bench.call("write", &(NAME, key, write)))
        }
        Step::Erase(key) => version(bench.call("erase", &(NAME, key, Vec::<Predicate>::new()))),
        Step::Group(name, n, by) => {
            let said = bench.call::<GroupWritten>("write_group", &(NAME, least(name, n), add(name, by), ()));
            told(said).map(|said| said.written)
        }
        Step::WholeGroup(name, n, by) => {
            told(bench.call("write_whole_group", &(NAME, least(name, n), add(name, by))))
        }
        Step::EraseGroup(name, n) => told(bench.call("erase_whole_group", &(NAME, least(name, n)))),
        Step::Clear => told(bench.call("clear", &(NAME,))),
        Step::AddAttribute(name) => alter(bench, Alteration::Add { name: NAMES[name].into(), of: Type::Int }),
        Step::DropAttribute(name) => alter(bench, Alteration::Drop(NAMES[name].into())),
        Step::Rename(from, to) => {
            alter(bench, Alteration::Rename { from: NAMES[from].into(), to: NAMES[to].into() })
        }
        Step::AddIndex(name) => alter(bench, Alteration::AddIndex(NAMES[name].into())),
        Step::DropIndex(name) => alter(bench, Alteration::DropIndex(NAMES[name].into())),
        Step::Restore => {
            bench.restore();
            Ok(0)
        }
    }
}

fn why(error: &SpaceError) -> Why {
    match error {
        SpaceError::UnknownAttribute { .. } => "unknown",
        SpaceError::NotFound { .. } => "missing",
        SpaceError::ConditionFailed { .. } => "condition",
        SpaceError::Overflow { .. } => "overflow",
        SpaceError::Duplicate { .. } => "there",
        SpaceError::NoIndex { .. } => "no index",
        other => panic!("{other}"),
    }
}

proptest! {
    #[test]
    fn a_space_does_as_a_naive_one_while_it_is_altered_and_restored(steps in prop::collection::vec(step(), 1..120)) {
        let mut bench = space("space s key int k attributes int a, int b");
        let (names, objects) = (vec!["a", "b"], BTreeMap::new());
        let mut model = Model { names, indices: Vec::new(), objects, highest: 0, removed: 0 };

        for step in &steps {
            let wanted = model.take(step);
            prop_assert_eq!(take(&mut bench, step).map_err(|error| why(&error)), wanted, "{:?}", step);
        }

        let found: Vec<(Value, u64, Fields)> = super::objects(&mut bench, Predicate::always()).into_iter().map(|found| (found.key, found.version, found.fields)).collect();
        let wanted = model.objects.iter();
        let wanted: Vec<_> = wanted.map(|(key, (version, fields))| (Value::Int(*key), *version, fields.iter().map(|(name, n)| (*name, *n)).collect())).collect();
        prop_assert_eq!(found, wanted);
        let bytes = bench.bytes();
        bench.restore();
        prop_assert_eq!(bench.bytes(), bytes);
    }
}
