//! An object as it is kept: its version, and a value for each attribute.

use super::fields::Fields;
use super::schema::{Attribute, Schema};
use super::value::Value;
use crate::error::SpaceError;

/// An object without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    version: u64,
    /// By the places of attributes. Null, or the end, stands for what the type has before it is written, so that an
    /// attribute that is added is there at once.
    values: Vec<Value>,
}

impl Record {
    /// One in which nothing is written.
    pub fn blank(version: u64) -> Self {
        Self { version, values: Vec::new() }
    }

    /// Its version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The same of another version.
    #[must_use]
    pub(super) fn of_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// What it has for an attribute.
    pub fn value(&self, attribute: &Attribute) -> &Value {
        match self.values.get(attribute.place()) {
            None | Some(Value::Null) => attribute.of().default_value(),
            Some(value) => value,
        }
    }

    /// Takes what it has for an attribute out of it, to be changed and put back.
    pub(super) fn take(&mut self, attribute: &Attribute) -> Value {
        match self.values.get_mut(attribute.place()).map(std::mem::take) {
            None | Some(Value::Null) => attribute.of().default_value().clone(),
            Some(value) => value,
        }
    }

    /// Puts a value that fits the attribute.
    pub(super) fn put(&mut self, attribute: &Attribute, value: Value) {
        let place = attribute.place();
        if self.values.len() <= place {
            self.values.resize(place + 1, Value::Null);
        }
        self.values[place] = value;
    }

    /// Its attributes, or those that were asked for, by name.
    ///
    /// # Errors
    /// [`SpaceError::UnknownAttribute`] if there is no such one.
    pub fn fields(&self, schema: &Schema, only: Option<&[String]>) -> Result<Fields, SpaceError> {
        let Some(only) = only else {
            let all = schema.attributes().iter();
            return Ok(all.map(|attribute| (attribute.name(), self.value(attribute).clone())).collect());
        };
        let named = only.iter().map(|name| {
            let attribute = schema.attribute(name);
            let attribute =
                attribute.ok_or_else(|| SpaceError::UnknownAttribute { attribute: name.clone() })?;
            Ok((name.as_str(), self.value(attribute).clone()))
        });
        named.collect()
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        RECORD_BYTES + self.values.iter().map(|value| VALUE_BYTES + value.bytes()).sum::<usize>()
    }

    /// Rids it of what stands at places that are not used any more.
    pub(super) fn sweep(&mut self, is_used: impl Fn(usize) -> bool) {
        for (place, value) in self.values.iter_mut().enumerate() {
            if !is_used(place) {
                *value = Value::Null;
            }
        }
        while self.values.last().is_some_and(|value| *value == Value::Null) {
            self.values.pop();
        }
    }

    /// What is in it by the places of attributes.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// One that was saved as it is.
    pub(super) fn restored(version: u64, values: Vec<Value>) -> Self {
        Self { version, values }
    }
}

/// What a record takes beside its values, about.
const RECORD_BYTES: usize = 64;
/// The place of a value in it.
const VALUE_BYTES: usize = 24;
