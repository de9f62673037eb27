//! Watching a space: all of it, one object, or those that a predicate holds for.

use super::checked::Test;
use super::fields::Fields;
use super::handle::DynSpace;
use super::predicate::Predicate;
use super::record::Record;
use super::schema::Schema;
use super::state::SpaceChange;
use super::value::Value;
use crate::api::{Feed, Opening};
use crate::error::{DataError, SpaceError};

impl DynSpace {
    /// What is changed in the space from now on, or from after a revision: objects, and the description.
    ///
    /// # Errors
    /// As those of [`Object::watch`](crate::api::Object::watch).
    pub fn changes(&self, from: Option<u64>) -> Opening<Feed<SpaceChange>> {
        self.heard(from, None, Ok(Predicate::always()))
    }

    /// What becomes of the object by a key from now on. That all were removed, and that the description was altered, is
    /// heard too. The controller sends all changes of the space, and they are chosen from here, as by
    /// [`watch_where`](Self::watch_where): where much is written, one object is heard of at the price of all.
    ///
    /// # Errors
    /// [`SpaceError`] if the key is none.
    pub fn watch(&self, key: impl Into<Value>) -> Opening<Feed<SpaceChange>> {
        match self.schema().fit_key(key.into()) {
            Ok(key) => self.heard(None, Some(key), Ok(Predicate::always())),
            Err(error) => self.heard(None, None, Err(error)),
        }
    }

    /// What becomes, from now on, of objects that a predicate holds for or held for before: so it is heard when one begins
    /// to match, and when it ends. The controller sends all changes of the space, each with the object as it was and as it is,
    /// and they are chosen from here: that takes a link which carries all that is written.
    ///
    /// # Errors
    /// [`SpaceError`] if the predicate does not fit the schema; as the stream's last item if it does not any more, since
    /// that was altered.
    pub fn watch_where(&self, predicate: impl Into<Predicate>) -> Opening<Feed<SpaceChange>> {
        self.heard(None, None, Ok(predicate.into()))
    }

    fn heard(
        &self,
        from: Option<u64>,
        key: Option<Value>,
        predicate: Result<Predicate, SpaceError>,
    ) -> Opening<Feed<SpaceChange>> {
        let chosen = predicate.and_then(|predicate| Chosen::new(self.schema().clone(), key, predicate));
        let opening = self.object().watch::<SpaceChange>(from);
        Opening::new(self.object().node(), async move {
            let mut chosen = chosen?;
            Ok(opening.await?.filtered(move |item| chosen.lets_pass(&mut item.value)))
        })
    }
}

/// What of the changes is wanted.
struct Chosen {
    schema: Schema,
    key: Option<Value>,
    predicate: Predicate,
    test: Test,
}

impl Chosen {
    fn new(schema: Schema, key: Option<Value>, predicate: Predicate) -> Result<Self, SpaceError> {
        let test = predicate.checked(&schema)?;
        Ok(Self { schema, key, predicate, test })
    }

    /// Whether a change is wanted, which then has its values as the schema does.
    fn lets_pass(&mut self, change: &mut SpaceChange) -> Result<bool, DataError> {
        Ok(match change {
            SpaceChange::Written { key, before, after, .. } => {
                self.fit(after);
                let was = before.as_mut().is_some_and(|before| {
                    self.fit(before);
                    self.is_of(key, before)
                });
                was || self.is_of(key, after)
            }
            SpaceChange::Erased { key, before, .. } => {
                self.fit(before);
                self.is_of(key, before)
            }
            SpaceChange::Cleared => true,
            SpaceChange::Altered { schema, .. } => {
                self.test = self.predicate.checked(schema)?;
                self.schema = schema.clone();
                true
            }
        })
    }

    fn fit(&self, fields: &mut Fields) {
        *fields = std::mem::take(fields).fitted(&self.schema);
    }

    fn is_of(&self, key: &Value, fields: &Fields) -> bool {
        if self.key.as_ref().is_some_and(|wanted| wanted != key) {
            return false;
        }
        let mut record = Record::blank(0);
        for attribute in self.schema.attributes() {
            if let Some(value) = fields.get(attribute.name()) {
                record.put(attribute, value.clone());
            }
        }
        self.test.holds(key, &record)
    }
}
