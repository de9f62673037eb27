//! A space as it is saved: what it says of itself, and its objects by the places of attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SpaceState;
use super::held::{Held, View};
use super::index::Indices;
use super::kept::{Kept, OBJECT_BYTES, Versions};
use crate::config::SPACE_SEARCHES_MAX;
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::{Layout, Schema};
use crate::datatypes::space::types::Type;
use crate::datatypes::space::value::Value;
use crate::hosted::{SessionId, Time};

/// A saved space.
#[derive(Serialize, Deserialize)]
struct Saved {
    schema: Schema,
    layout: Layout,
    schema_version: u64,
    highest: u64,
    removed: u64,
    swept_to: Option<Value>,
    objects: Vec<SavedObject>,
    /// Indices that do not have all objects, and up to which keys they do; and when that goes on.
    unmade_indices: BTreeMap<String, Value>,
    index_next: Time,
    /// The number of the last search.
    last_search: u64,
    searches: Vec<SavedView>,
}

/// A key, a version, and values by their places.
type SavedObject = (Value, u64, Vec<Value>);

/// A search that is being read: how what it sees differs from what there is.
#[derive(Serialize, Deserialize)]
struct SavedView {
    number: u64,
    session: SessionId,
    until: Time,
    bytes: u64,
    schema: Schema,
    layout: Layout,
    /// Those that it may go by.
    indices: Vec<String>,
    /// Objects that there are and that it does not see.
    newer: Vec<Value>,
    /// Objects as it sees them.
    older: Vec<SavedObject>,
}

fn saved(key: &Value, record: &Record) -> SavedObject {
    (key.clone(), record.version(), record.values().to_vec())
}

impl SavedView {
    fn of(number: u64, view: &View, records: &OrdMap<Value, Arc<Record>>) -> Self {
        let (mut newer, mut older) = (Vec::new(), Vec::new());
        for change in records.diff(&view.records) {
            match change {
                DiffItem::Remove(key, _) => newer.push(key.clone()),
                DiffItem::Add(key, record) | DiffItem::Update { new: (key, record), .. } => {
                    older.push(saved(key, record));
                }
            }
        }
        Self {
            number,
            session: view.session,
            until: view.until,
            bytes: view.bytes as u64,
            schema: view.schema.clone(),
            layout: view.schema.layout(),
            indices: view.indices.all().iter().map(|index| index.path().to_owned()).collect(),
            newer,
            older,
        }
    }

    fn restored(self, kept: &Kept) -> Result<(u64, View), String> {
        let Self { number, session, until, bytes, schema, layout, indices, newer, older } = self;
        let schema = schema.laid_out(layout).ok_or(MISPLACED)?;
        if schema.key().of() != kept.schema.key().of() {
            return Err("a search of objects with other keys".into());
        }
        let (types, mut records) = (types(&schema), kept.records.clone());
        let indices = kept.indices.of(&schema).named(&indices);
        let mut indices = indices.restored(&records, BTreeMap::new());
        for key in newer {
            let key = schema.fit_key(key).map_err(|error| error.to_string())?;
            let gone = records.remove(&key);
            indices.change(&key, gone.as_deref(), None);
        }
        for object in older {
            let (key, record) = restored(&schema, &types, kept.versions.highest, object)?;
            let record = Arc::new(record);
            let before = records.insert(key.clone(), Arc::clone(&record));
            indices.change(&key, before.as_deref(), Some(&record));
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok((number, View { session, until, schema, records, indices, bytes }))
    }
}

impl From<&Kept> for Saved {
    fn from(kept: &Kept) -> Self {
        Self {
            schema: kept.schema.clone(),
            layout: kept.schema.layout(),
            schema_version: kept.schema_version,
            highest: kept.versions.highest,
            removed: kept.versions.removed,
            swept_to: kept.swept_to.clone(),
            objects: kept.records.iter().map(|(key, record)| saved(key, record)).collect(),
            unmade_indices: kept.indices.unmade().map(|(path, to)| (path.to_owned(), to.clone())).collect(),
            index_next: kept.index_next,
            last_search: kept.held.last,
            searches: kept
                .held
                .all
                .iter()
                .map(|(number, view)| SavedView::of(*number, view, &kept.records))
                .collect(),
        }
    }
}

impl TryFrom<Saved> for Kept {
    type Error = String;

    fn try_from(saved: Saved) -> Result<Self, String> {
        let Saved {
            schema,
            layout,
            schema_version,
            highest,
            removed,
            swept_to,
            objects,
            unmade_indices,
            index_next,
            last_search,
            searches,
        } = saved;
        let schema = schema.laid_out(layout).ok_or(MISPLACED)?;
        let versions = Versions { highest, removed };
        let mut kept = Self { schema_version, versions, index_next, ..Self::new(schema) };
        let types = types(&kept.schema);
        kept.swept_to =
            swept_to.map(|key| kept.schema.fit_key(key)).transpose().map_err(|error| error.to_string())?;
        let mut records = OrdMap::new();
        for object in objects {
            let (key, record) = restored(&kept.schema, &types, highest, object)?;
            kept.bytes += key.bytes() + OBJECT_BYTES + record.bytes();
            if records.insert(key, Arc::new(record)).is_some() {
                return Err("an object is there twice".into());
            }
        }
        let fit = |(path, to)| match to {
            Value::Null => Ok((path, to)),
            to => kept.schema.fit_key(to).map(|to| (path, to)),
        };
        let unmade = unmade_indices.into_iter().map(fit).collect::<Result<_, _>>();
        let unmade = unmade.map_err(|error| error.to_string())?;
        kept.indices = Indices::default().of(&kept.schema).restored(&records, unmade);
        kept.records = records;
        kept.restore_searches(last_search, searches)?;
        Ok(kept)
    }
}

impl Kept {
    fn restore_searches(&mut self, last: u64, searches: Vec<SavedView>) -> Result<(), String> {
        if searches.len() > SPACE_SEARCHES_MAX || searches.iter().any(|search| search.number > last) {
            return Err("more searches than there were".into());
        }
        let all = searches.into_iter().map(|search| search.restored(self)).collect::<Result<_, _>>()?;
        self.held = Held { all, last };
        Ok(())
    }
}

/// An object with what it says held against its space.
fn restored(
    schema: &Schema,
    types: &[Option<Type>],
    highest: u64,
    (key, version, values): SavedObject,
) -> Result<(Value, Record), String> {
    let key = schema.fit_key(key).map_err(|error| error.to_string())?;
    if version > highest {
        return Err(format!("object {key} has version {version}, and none is above {highest}"));
    }
    Ok((key, Record::restored(version, fitted(types, values)?)))
}

/// The types of attributes by their places.
fn types(schema: &Schema) -> Vec<Option<Type>> {
    let mut types = vec![None; schema.places()];
    schema.attributes().iter().for_each(|attribute| types[attribute.place()] = Some(attribute.of()));
    types
}

const MISPLACED: &str = "attributes at places that there are not";

/// The values of an object, each of the type of its place. What a dropped attribute has left stays as it is.
fn fitted(types: &[Option<Type>], values: Vec<Value>) -> Result<Vec<Value>, String> {
    if values.len() > types.len() {
        return Err(format!("an object has {} values, of {}", values.len(), types.len()));
    }
    let fit = |(value, of): (Value, &Option<Type>)| match of {
        Some(of) if value != Value::Null => of.fit("a saved value", value).map_err(|error| error.to_string()),
        _ => Ok(value),
    };
    values.into_iter().zip(types).map(fit).collect()
}

impl Serialize for SpaceState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.space.as_ref().map(Saved::from).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SpaceState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Option::<Saved>::deserialize(deserializer)?;
        let space = saved.map(Kept::try_from).transpose().map_err(D::Error::custom)?;
        Ok(Self { space })
    }
}
