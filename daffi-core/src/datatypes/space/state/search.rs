//! Choosing objects by what is in them.

use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use crate::config::{PAGE_BYTES, PAGE_ENTRIES_MAX, SPACE_TURN_STEPS};
use crate::datatypes::space::checked::{Test, check_only};
use crate::datatypes::space::fields::Fields;
use crate::datatypes::space::predicate::Predicate;
use crate::datatypes::space::record::Record;
use crate::datatypes::space::value::Value;
use crate::error::SpaceError;

/// What is to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// What is asked of objects.
    pub predicate: Predicate,
    /// The key after which it goes on; `None` at the beginning.
    #[serde(default)]
    pub after: Option<Value>,
    /// How many objects are wanted at most.
    pub limit: u64,
    /// Of each only these attributes.
    #[serde(default)]
    pub only: Option<Vec<String>>,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its key.
    pub key: Value,
    /// Its version: it grows by one with each write.
    pub version: u64,
    /// Its attributes.
    pub fields: Fields,
}

/// What was found in one turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPage {
    /// By the order of their keys. There may be none although more follow.
    pub objects: Vec<Found>,
    /// Where to go on, if there may be more.
    pub next: Option<Value>,
}

/// What was counted in one turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How many objects.
    pub objects: u64,
    /// Where to go on, if there may be more.
    pub next: Option<Value>,
}

/// Objects that match, one after the other, until the turn has looked at as many as it may.
pub(super) struct Matches<'a> {
    rest: Box<dyn Iterator<Item = (&'a Value, &'a Arc<Record>)> + 'a>,
    test: &'a Test,
    /// How many steps it takes to try one.
    cost: usize,
    /// How many steps the turn has left.
    left: usize,
    last: Option<&'a Value>,
    is_over: bool,
}

impl Kept {
    /// The objects after a key that match, by the order of their keys. All that chooses objects goes through here: which
    /// of them are looked at at all is decided in this one place.
    pub(super) fn matches<'a>(&'a self, test: &'a Test, after: Option<&Value>) -> Matches<'a> {
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        let rest = Box::new(self.records.range((from, Bound::Unbounded)));
        Matches { rest, test, cost: test.size(), left: SPACE_TURN_STEPS, last: None, is_over: false }
    }

    pub(super) fn found(
        &self,
        key: &Value,
        record: &Record,
        only: Option<&[String]>,
    ) -> Result<Found, SpaceError> {
        let fields = record.fields(&self.schema, only)?;
        Ok(Found { key: key.clone(), version: record.version(), fields })
    }

    pub(super) fn search(&self, search: Search) -> Result<FoundPage, SpaceError> {
        let Search { predicate, after, limit, only } = search;
        let test = predicate.checked(&self.schema)?;
        let only = only.as_deref();
        check_only(&self.schema, only)?;
        let after = after.map(|key| self.schema.fit_key(key)).transpose()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(PAGE_ENTRIES_MAX);
        let mut matches = self.matches(&test, after.as_ref());
        let (mut objects, mut bytes) = (Vec::new(), 0);
        while objects.len() < limit && bytes < PAGE_BYTES {
            let Some((key, record)) = matches.next() else {
                return Ok(FoundPage { objects, next: matches.rest_after() });
            };
            let found = self.found(key, record, only)?;
            bytes += found.fields.bytes() + key.bytes();
            objects.push(found);
        }
        let next = objects.last().map(|found: &Found| found.key.clone());
        Ok(FoundPage { objects, next })
    }

    pub(super) fn count(&self, predicate: &Predicate, after: Option<Value>) -> Result<Counted, SpaceError> {
        let test = predicate.checked(&self.schema)?;
        let after = after.map(|key| self.schema.fit_key(key)).transpose()?;
        if matches!(&test, Test::All(parts) if parts.is_empty()) && after.is_none() {
            return Ok(Counted { objects: self.records.len() as u64, next: None });
        }
        let mut matches = self.matches(&test, after.as_ref());
        let objects = matches.by_ref().count() as u64;
        Ok(Counted { objects, next: matches.rest_after() })
    }
}

impl Matches<'_> {
    /// Takes from the turn the steps of a write of one of them.
    pub(super) fn spend(&mut self, steps: usize) {
        self.left = self.left.saturating_sub(steps);
    }

    /// The key after which there may be more, unless all have been looked at.
    pub(super) fn rest_after(&self) -> Option<Value> {
        self.last.filter(|_| !self.is_over).cloned()
    }
}

impl<'a> Iterator for Matches<'a> {
    type Item = (&'a Value, &'a Arc<Record>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            let Some((key, record)) = self.rest.next() else {
                self.is_over = true;
                return None;
            };
            self.left = self.left.saturating_sub(self.cost);
            self.last = Some(key);
            if self.test.holds(key, record) {
                return Some((key, record));
            }
        }
        None
    }
}
