//! The objects of a space, as the controller keeps them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;

use super::held::Held;
use super::index::Indices;
use super::query::Found;
use super::walk::Look;
use crate::config::{SPACE_INDEXING_PAUSE, SPACE_SWEPT_MAX};
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::Schema;
use crate::datatypes::space::value::Value;
use crate::error::SpaceError;
use crate::hosted::Time;

/// A space that was added.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) schema: Schema,
    /// Grows by one whenever the schema is altered.
    pub(super) schema_version: u64,
    /// By the order of their keys, which is that of values.
    pub(super) records: OrdMap<Value, Arc<Record>>,
    /// Of all keys and records.
    pub(super) bytes: usize,
    pub(super) versions: Versions,
    pub(super) indices: Indices,
    /// When the next objects are put into indices that do not have all.
    pub(super) index_next: Time,
    /// Searches that are being read.
    pub(super) held: Held,
    /// Up to where objects are rid of what dropped attributes have left in them.
    pub(super) swept_to: Option<Value>,
}

/// What versions objects have had, so that no object has one that another of its key has had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Versions {
    /// The highest of all.
    pub(super) highest: u64,
    /// The highest of those that were removed.
    pub(super) removed: u64,
}

impl Kept {
    pub(super) fn new(schema: Schema) -> Self {
        let records = OrdMap::new();
        Self {
            indices: Indices::default().of(&schema).restored(&records, BTreeMap::new()),
            index_next: Time::default(),
            held: Held::default(),
            schema,
            schema_version: 1,
            records,
            bytes: 0,
            versions: Versions::default(),
            swept_to: None,
        }
    }

    /// The version of an object that is created now.
    pub(super) fn first_version(&self) -> u64 {
        self.versions.removed + 1
    }

    /// Puts what a write has made in the place of what there was, which is returned.
    pub(super) fn install(
        &mut self,
        key: &Value,
        record: Option<Record>,
        version: u64,
    ) -> Option<Arc<Record>> {
        self.versions.highest = self.versions.highest.max(version);
        let object_bytes = key.bytes() + OBJECT_BYTES;
        let index_bytes = self.indices.bytes();
        self.indices.change(key, self.records.get(key).map(|before| &**before), record.as_ref());
        let before = match record {
            Some(record) => {
                self.bytes += record.bytes() + object_bytes;
                self.records.insert(key.clone(), Arc::new(record))
            }
            None => {
                self.versions.removed = self.versions.removed.max(version);
                self.records.remove(key)
            }
        };
        self.bytes -= before.as_ref().map_or(0, |before| before.bytes() + object_bytes);
        self.held.keep(key, before.as_ref(), index_bytes.saturating_sub(self.indices.bytes()));
        before
    }

    /// Removes all objects, and says how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        self.held.keep_all(self.bytes + self.indices.bytes());
        let objects = std::mem::take(&mut self.records).len();
        self.indices.clear();
        self.bytes = 0;
        self.versions.removed = self.versions.highest;
        objects as u64
    }

    /// Goes by another schema from now on. Objects are read by it at once, and rid of what it does not have, and put into
    /// indices that it has, bit by bit.
    pub(super) fn alter(&mut self, schema: Schema, now: Time) -> u64 {
        let indices = self.indices.of(&schema);
        self.held.keep_all(self.indices.bytes().saturating_sub(indices.bytes()));
        (self.schema, self.indices) = (schema, indices);
        self.schema_version += 1;
        self.swept_to = None;
        self.index(now);
        self.schema_version
    }

    /// Puts the next objects into indices that do not have all, as many as one turn takes.
    pub(super) fn index(&mut self, now: Time) {
        self.indices.go_on(&self.records);
        self.index_next = now.after(SPACE_INDEXING_PAUSE);
    }

    /// When that goes on, if it does.
    pub(super) fn next_indexing(&self) -> Option<Time> {
        self.indices.unmade().next().map(|_| self.index_next)
    }

    /// Rids a few objects of what dropped attributes have left in them.
    pub(super) fn sweep(&mut self) {
        // What a search still reads would be there twice.
        if self.schema.is_swept() || !self.held.is_empty() {
            return;
        }
        let mut is_used = vec![false; self.schema.places()];
        self.schema.attributes().iter().for_each(|attribute| is_used[attribute.place()] = true);
        let from = self.swept_to.take().map_or(Bound::Unbounded, Bound::Excluded);
        let keys: Vec<Value> = self
            .records
            .range((from, Bound::Unbounded))
            .take(SPACE_SWEPT_MAX)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &keys {
            let record = Arc::make_mut(self.records.get_mut(key).expect("it was there just now"));
            self.bytes -= record.bytes();
            record.sweep(|place| is_used.get(place).is_some_and(|is_used| *is_used));
            self.bytes += record.bytes();
        }
        if keys.len() < SPACE_SWEPT_MAX {
            self.schema = self.schema.clone().swept();
        } else {
            self.swept_to = keys.into_iter().next_back();
        }
    }

    /// An object with its attributes, or these of them.
    pub(super) fn found(
        &self,
        key: &Value,
        record: &Record,
        only: Option<&[String]>,
    ) -> Result<Found, SpaceError> {
        let fields = record.fields(&self.schema, only)?;
        Ok(Found { key: key.clone(), version: record.version(), fields })
    }

    pub(super) fn look(&self) -> Look<'_> {
        Look { schema: &self.schema, records: &self.records, indices: &self.indices }
    }

    /// About how many bytes all of it takes.
    pub(super) fn bytes(&self) -> usize {
        let beside = self.indices.bytes() + self.held.bytes();
        self.bytes + beside + SPACE_BYTES + self.schema.attributes().len() * ATTRIBUTE_BYTES
    }
}

/// What an object takes beside its key and its record, about.
pub(super) const OBJECT_BYTES: usize = 64;
/// What a space without objects and attributes takes, about.
const SPACE_BYTES: usize = 512;
/// What an attribute takes in a schema, about.
const ATTRIBUTE_BYTES: usize = 64;
