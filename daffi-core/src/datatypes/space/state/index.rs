//! Indices: objects by what is in them. They say nothing that the objects do not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::config::SPACE_INDEXED_MAX;
use crate::datatypes::space::checked::Subject;
use crate::datatypes::space::plan::Entries;
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::Schema;
use crate::datatypes::space::spans::{Cut, Side, Spans};
use crate::datatypes::space::types::Type;
use crate::datatypes::space::value::{List, Value};

/// The indices of a space.
#[derive(Debug, Clone, Default)]
pub(super) struct Indices(Vec<Index>);

/// An index. Copies share what is in it.
#[derive(Debug, Clone)]
pub(super) struct Index {
    of: Arc<Indexed>,
    /// Each a value, and the key of an object that has it.
    entries: OrdSet<(Value, Value)>,
    /// The key up to which objects are in it, null before the first; `None` once all are.
    made_to: Option<Value>,
}

/// What an index is of.
#[derive(Debug)]
struct Indexed {
    path: String,
    subject: Subject,
    entries: Entries,
    /// The type of the values in it.
    member: Type,
}

impl Indices {
    pub(super) fn all(&self) -> &[Index] {
        &self.0
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|index| index.entries.len() * ENTRY_BYTES).sum()
    }

    /// The same by another schema: those that it has too stay as they are, and the others have no object yet.
    pub(super) fn of(&self, schema: &Schema) -> Self {
        let make = |path: &str| {
            let mut made = Index::of(path, schema);
            if let Some(known) = self.0.iter().find(|known| known.of.subject.is_same(&made.of.subject)) {
                (made.entries, made.made_to) = (known.entries.clone(), known.made_to.clone());
            }
            made
        };
        Self(schema.indices().map(make).collect())
    }

    /// Puts the next objects into those that do not have all yet, as many as one turn takes.
    pub(super) fn go_on(&mut self, records: &Records) {
        let mut left = SPACE_INDEXED_MAX;
        self.0.iter_mut().for_each(|index| index.go_on(records, &mut left));
    }

    /// Puts all objects into those that do not have all, however many they are; into these only those up to a key.
    pub(super) fn restored(mut self, records: &Records, mut unmade: BTreeMap<String, Value>) -> Self {
        for index in &mut self.0 {
            let to = unmade.remove(index.path());
            let Some(from) = index.made_to.take() else { continue };
            let rest = records.range((Bound::Excluded(from), Bound::Unbounded));
            let rest = rest.take_while(|(key, _)| to.as_ref().is_none_or(|to| *key <= to));
            rest.for_each(|(key, record)| index.change(key, None, Some(record)));
            index.made_to = to;
        }
        self
    }

    /// Those that do not have all objects, each with the key up to which it does.
    pub(super) fn unmade(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter_map(|index| Some((index.path(), index.made_to.as_ref()?)))
    }

    /// Those that have all objects.
    pub(super) fn made(&self) -> Self {
        Self(self.0.iter().filter(|index| index.is_made()).cloned().collect())
    }

    /// Those of these names.
    pub(super) fn named(mut self, names: &[String]) -> Self {
        self.0.retain(|index| names.iter().any(|name| name == index.path()));
        self
    }

    /// One object was as `before` has it, and is as `after` has it.
    pub(super) fn change(&mut self, key: &Value, before: Option<&Record>, after: Option<&Record>) {
        self.0.iter_mut().for_each(|index| index.change(key, before, after));
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(|index| (index.entries, index.made_to) = (OrdSet::new(), None));
    }
}

impl Index {
    fn of(path: &str, schema: &Schema) -> Self {
        let (subject, of) = Subject::named(path, schema).expect("a schema has indices of what it has");
        let entries = match &subject {
            Subject::Inside(..) => Entries::AtMostOne,
            Subject::Key | Subject::Whole(_) if of.member().is_none() => Entries::One,
            Subject::Key | Subject::Whole(_) => Entries::Members,
        };
        let member = of.member().map_or(of, Type::from);
        let of = Arc::new(Indexed { path: path.to_owned(), subject, entries, member });
        Self { of, entries: OrdSet::new(), made_to: Some(Value::Null) }
    }

    fn go_on(&mut self, records: &Records, left: &mut usize) {
        let Some(mut to) = self.made_to.take() else { return };
        for (key, record) in records.range((Bound::Excluded(to.clone()), Bound::Unbounded)) {
            if *left == 0 {
                self.made_to = Some(to);
                return;
            }
            let before = self.entries.len();
            self.change(key, None, Some(record));
            *left = left.saturating_sub(1 + self.entries.len() - before);
            to = key.clone();
        }
    }

    /// Whether all objects are in it: then it leads to all that it is to lead to.
    pub(super) fn is_made(&self) -> bool {
        self.made_to.is_none()
    }

    /// What it is of.
    pub(super) fn path(&self) -> &str {
        &self.of.path
    }

    pub(super) fn is_of(&self, subject: &Subject) -> bool {
        self.of.subject.is_same(subject)
    }

    pub(super) fn member(&self) -> Type {
        self.of.member
    }

    pub(super) fn entries(&self) -> Entries {
        self.of.entries
    }

    /// Whether an object has an entry in these spans.
    pub(super) fn leads_to(&self, key: &Value, record: &Record, spans: &Spans) -> bool {
        let Some(value) = self.of.subject.of(key, record) else { return false };
        match self.of.entries {
            Entries::One | Entries::AtMostOne => spans.holds(value),
            Entries::Members => members(value).any(|member| spans.holds(member)),
        }
    }

    fn change(&mut self, key: &Value, before: Option<&Record>, after: Option<&Record>) {
        // What is not in it yet comes to it later.
        if self.made_to.as_ref().is_some_and(|to| key > to) {
            return;
        }
        let of = Arc::clone(&self.of);
        let before = before.and_then(|before| of.subject.of(key, before));
        let after = after.and_then(|after| of.subject.of(key, after));
        if before == after {
            return;
        }
        let all = |value: Option<&'_ Value>| -> BTreeSet<Value> {
            match of.entries {
                Entries::One | Entries::AtMostOne => value.cloned().into_iter().collect(),
                Entries::Members => value.into_iter().flat_map(members).cloned().collect(),
            }
        };
        let (before, after) = (all(before), all(after));
        for value in before.difference(&after) {
            self.entries.remove(&(value.clone(), key.clone()));
        }
        for value in after.difference(&before) {
            self.entries.insert((value.clone(), key.clone()));
        }
    }

    /// The entries between two places, but for those up to, or from `past` on.
    pub(super) fn between<'a>(
        &'a self,
        (from, to): &(Cut, Cut),
        past: Option<&(Value, Value)>,
        is_backward: bool,
    ) -> impl DoubleEndedIterator<Item = &'a (Value, Value)> + use<'a> {
        let (mut from, mut to) = (start(from), end(to));
        match past.cloned() {
            Some(past) if is_backward => to = earlier(to, past),
            Some(past) => from = later(from, past),
            None => {}
        }
        is_some(&from, &to).then(|| self.entries.range((from, to))).into_iter().flatten()
    }
}

/// The elements of a list, a set or a map.
fn members(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::List(list) => Box::new(list.iter()),
        Value::Set(set) => Box::new(set.keys()),
        Value::Map(map) => Box::new(map.keys()),
        _ => Box::new(std::iter::empty()),
    }
}

type Records = OrdMap<Value, Arc<Record>>;
type End = Bound<(Value, Value)>;

/// Entries that are before, or after, all of one value: no key is null, and none a list.
fn entry(value: &Value, side: Side) -> (Value, Value) {
    let key = match side {
        Side::Before => Value::Null,
        Side::After => Value::List(List::default()),
    };
    (value.clone(), key)
}

fn start(cut: &Cut) -> End {
    match cut {
        Cut::At(value, side) => Bound::Included(entry(value, *side)),
        Cut::End => unreachable!("nothing begins at the end"),
    }
}

fn end(cut: &Cut) -> End {
    match cut {
        Cut::At(value, side) => Bound::Excluded(entry(value, *side)),
        Cut::End => Bound::Unbounded,
    }
}

fn later(from: End, past: (Value, Value)) -> End {
    match from {
        Bound::Included(from) if from > past => Bound::Included(from),
        _ => Bound::Excluded(past),
    }
}

fn earlier(to: End, past: (Value, Value)) -> End {
    match to {
        Bound::Excluded(to) if to < past => Bound::Excluded(to),
        _ => Bound::Excluded(past),
    }
}

fn is_some(from: &End, to: &End) -> bool {
    match (from, to) {
        (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) => from < to,
        _ => true,
    }
}

/// What an entry takes, about: a value and a key, of which the bytes are the object's own, in a tree.
const ENTRY_BYTES: usize = 80;
