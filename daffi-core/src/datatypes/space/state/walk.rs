//! Going through objects by a plan, as far as one turn goes.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use super::index::Indices;
use crate::datatypes::space::checked::{Subject, Test};
use crate::datatypes::space::plan::{Branch, Entries, Plan, Way, Ways};
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::Schema;
use crate::datatypes::space::spans::{Cut, Side, Spans};
use crate::datatypes::space::value::Value;
use crate::error::SpaceError;

/// The objects of one instant, and what leads to them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) schema: &'a Schema,
    pub(super) records: &'a OrdMap<Value, Arc<Record>>,
    pub(super) indices: &'a Indices,
}

/// How far a search has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In which of the parts that the search goes through.
    branch: u32,
    /// The value by which it came to the object, if that is not the key.
    value: Option<Value>,
    /// The last object that it has looked at.
    key: Value,
}

/// Objects that match, until the turn has looked at as many as it may.
pub(super) struct Walk<'a> {
    look: Look<'a>,
    plan: &'a Plan,
    test: &'a Test,
    is_backward: bool,
    /// In which branch it is, and what is left of that.
    branch: usize,
    rest: Steps<'a>,
    /// The last that was looked at.
    last: Option<(usize, Step<'a>)>,
    cost: usize,
    left: usize,
    is_over: bool,
}

type Steps<'a> = Box<dyn Iterator<Item = Step<'a>> + 'a>;
/// A value of an index, and the key.
type Step<'a> = (Option<&'a Value>, &'a Value);

impl<'a> Look<'a> {
    /// The objects that a plan leads to and that match, after a place or from the beginning, until so many steps are taken.
    pub(super) fn walk(
        self,
        plan: &'a Plan,
        test: &'a Test,
        after: Option<&Place>,
        is_backward: bool,
        left: usize,
    ) -> Walk<'a> {
        let branch = after.map_or(0, |place| place.branch as usize);
        let rest: Steps<'a> = match plan.branches.get(branch) {
            Some(known) => self.steps(known, after, is_backward),
            None => Box::new(std::iter::empty()),
        };
        let cost = test.size() + plan.branches.len();
        Walk { look: self, plan, test, is_backward, branch, rest, last: None, cost, left, is_over: false }
    }

    fn steps(self, branch: &'a Branch, after: Option<&Place>, is_backward: bool) -> Steps<'a> {
        let parts = branch.spans.parts();
        let index = match branch.way {
            Way::Key => return self.by_key(parts, after.map(|place| &place.key), is_backward),
            Way::Index(at) => &self.indices.all()[at],
        };
        let past = after.map(|place| (place.value.clone().unwrap_or_default(), place.key.clone()));
        let step = |(value, key): &'a (Value, Value)| (Some(value), key);
        if is_backward {
            let part = move |part| index.between(part, past.as_ref(), true).rev();
            Box::new(parts.iter().rev().flat_map(part).map(step))
        } else {
            let part = move |part| index.between(part, past.as_ref(), false);
            Box::new(parts.iter().flat_map(part).map(step))
        }
    }

    fn by_key(self, parts: &'a [(Cut, Cut)], past: Option<&Value>, is_backward: bool) -> Steps<'a> {
        let past = past.cloned();
        let part = move |(from, to): &'a (Cut, Cut)| {
            let (mut from, mut to) = (from.clone(), to.clone());
            match past.clone() {
                Some(past) if is_backward => to = to.min(Cut::before(past)),
                Some(past) => from = from.max(Cut::after(past)),
                None => {}
            }
            let range = (from < to).then(|| self.records.range((lower(&from), upper(&to))));
            range.into_iter().flatten().map(|(key, _)| (None, key))
        };
        match is_backward {
            true => Box::new(parts.iter().rev().flat_map(move |one| part(one).rev())),
            false => Box::new(parts.iter().flat_map(part)),
        }
    }

    /// Whether one of the branches before has led to an object.
    fn was_seen(&self, before: &[Branch], key: &Value, record: &Record) -> bool {
        before.iter().any(|branch| match branch.way {
            Way::Key => branch.spans.holds(key),
            Way::Index(at) => self.indices.all()[at].leads_to(key, record, &branch.spans),
        })
    }
}

impl Place {
    /// With a key of this space's.
    pub(super) fn fitted(self, schema: &Schema) -> Result<Self, SpaceError> {
        Ok(Self { key: schema.fit_key(self.key)?, ..self })
    }
}

impl Walk<'_> {
    /// Takes from the turn the steps of a write of one of them.
    pub(super) fn spend(&mut self, steps: usize) {
        self.left = self.left.saturating_sub(steps);
    }

    /// How far it has come, if there may be more.
    pub(super) fn place(&self) -> Option<Place> {
        let (branch, (value, key)) = self.last.filter(|_| !self.is_over)?;
        Some(Place { branch: branch as u32, value: value.cloned(), key: key.clone() })
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a Value, &'a Arc<Record>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            let Some((value, key)) = self.rest.next() else {
                self.branch += 1;
                let Some(branch) = self.plan.branches.get(self.branch) else {
                    self.is_over = true;
                    return None;
                };
                self.rest = self.look.steps(branch, None, self.is_backward);
                continue;
            };
            self.left = self.left.saturating_sub(self.cost);
            self.last = Some((self.branch, (value, key)));
            let record = self.look.records.get(key).expect("indices lead to objects that are there");
            let before = &self.plan.branches[..self.branch];
            let is_due = before.is_empty() || !self.look.was_seen(before, key, record);
            if is_due && (self.plan.is_exact || self.test.holds(key, record)) {
                return Some((key, record));
            }
        }
        None
    }
}

impl Ways for Look<'_> {
    fn by(&self, subject: &Subject) -> Option<(Way, Entries)> {
        if matches!(subject, Subject::Key) {
            return Some((Way::Key, Entries::One));
        }
        let at = self.indices.all().iter().position(|index| index.is_of(subject) && index.is_made())?;
        Some((Way::Index(at), self.indices.all()[at].entries()))
    }

    fn domain(&self, way: Way) -> Spans {
        Spans::of_type(match way {
            Way::Key => self.schema.key().of(),
            Way::Index(at) => self.indices.all()[at].member(),
        })
    }

    fn count(&self, way: Way, spans: &Spans, most: usize) -> usize {
        if way == Way::Key && *spans == Spans::all() {
            return self.objects().min(most);
        }
        let branch = Branch { way, entries: Entries::One, spans: spans.clone() };
        let look: Look<'_> = *self;
        look.steps(&branch, None, false).take(most).count()
    }

    fn objects(&self) -> usize {
        self.records.len()
    }
}

fn lower(cut: &Cut) -> Bound<Value> {
    match cut {
        Cut::At(value, Side::Before) => Bound::Included(value.clone()),
        Cut::At(value, Side::After) => Bound::Excluded(value.clone()),
        Cut::End => unreachable!("nothing begins at the end"),
    }
}

fn upper(cut: &Cut) -> Bound<Value> {
    match cut {
        Cut::At(value, Side::Before) => Bound::Excluded(value.clone()),
        Cut::At(value, Side::After) => Bound::Included(value.clone()),
        Cut::End => Bound::Unbounded,
    }
}
