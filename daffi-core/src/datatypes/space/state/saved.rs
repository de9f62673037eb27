//! A space as it is saved: what it says of itself, and its objects by the places of attributes.

use std::sync::Arc;

use imbl::OrdMap;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SpaceState;
use super::kept::{Kept, OBJECT_BYTES, Versions};
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::{Layout, Schema};
use crate::datatypes::space::types::Type;
use crate::datatypes::space::value::Value;

/// A saved space.
#[derive(Serialize, Deserialize)]
struct Saved {
    schema: Schema,
    layout: Layout,
    schema_version: u64,
    highest: u64,
    removed: u64,
    swept_to: Option<Value>,
    objects: Vec<(Value, u64, Vec<Value>)>,
}

impl From<&Kept> for Saved {
    fn from(kept: &Kept) -> Self {
        let object =
            |(key, record): (&Value, &Arc<Record>)| (key.clone(), record.version(), record.values().to_vec());
        Self {
            schema: kept.schema.clone(),
            layout: kept.schema.layout(),
            schema_version: kept.schema_version,
            highest: kept.versions.highest,
            removed: kept.versions.removed,
            swept_to: kept.swept_to.clone(),
            objects: kept.records.iter().map(object).collect(),
        }
    }
}

impl TryFrom<Saved> for Kept {
    type Error = String;

    fn try_from(saved: Saved) -> Result<Self, String> {
        let Saved { schema, layout, schema_version, highest, removed, swept_to, objects } = saved;
        let schema = schema.laid_out(layout).ok_or("attributes at places that there are not")?;
        let versions = Versions { highest, removed };
        let mut kept = Self { schema_version, versions, ..Self::new(schema) };
        let mut types: Vec<Option<Type>> = vec![None; kept.schema.places()];
        kept.schema.attributes().iter().for_each(|attribute| types[attribute.place()] = Some(attribute.of()));
        kept.swept_to =
            swept_to.map(|key| kept.schema.fit_key(key)).transpose().map_err(|error| error.to_string())?;
        let mut records = OrdMap::new();
        for (key, version, values) in objects {
            let key = kept.schema.fit_key(key).map_err(|error| error.to_string())?;
            if version > highest {
                return Err(format!("object {key} has version {version}, and none is above {highest}"));
            }
            let record = Record::restored(version, fitted(&types, values)?);
            kept.bytes += key.bytes() + OBJECT_BYTES + record.bytes();
            if records.insert(key, Arc::new(record)).is_some() {
                return Err("an object is there twice".into());
            }
        }
        kept.records = records;
        Ok(kept)
    }
}

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
