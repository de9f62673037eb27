//! A space by its name, with the methods of the original.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use super::checked::{Hop, inside};
use super::fields::Fields;
use super::ordered::KeyLines;
use super::path::Path;
use super::predicate::Predicate;
use super::schema::Schema;
use super::state::{Alteration, Found, SpaceEntry, SpaceState};
use super::value::Value;
use super::verb::{Verb, with_verbs};
use super::write::{Action, Returning, Write, Written};
use crate::api::{Kept, Line, Operation};
use crate::error::{DataError, SpaceError};
use crate::node::Node;

/// A space whose attributes are known at run time: HyperDex's client, with its methods under their names.
///
/// Each method is one step in the controller, and done when it returns. What does not fit the schema is an error before
/// anything is sent: [`SpaceError`] with the attribute. The handle knows the schema that there was when it was made;
/// [`refreshed`](Self::refreshed) has one for what was altered since.
///
/// Of the methods that say `true` or `false`, `false` is that the object was not as the predicate or the method demands:
/// nothing was changed. That there is no object is [`SpaceError::NotFound`], and arithmetic that fails is an error too.
/// `group_…` writes all objects that match in one step, all of them or none, and says how many they are: up to about a
/// hundred thousand, and [`SpaceError::TooLarge`] if there are more.
/// [`group_write_in_parts`](Self::group_write_in_parts) writes any number of them.
///
/// ```
/// # use daffi_core::{error::DataError, node::Node, obj};
/// # async fn example(node: &Node) -> Result<(), DataError> {
/// let friends = node.add_space("space friends key user attributes string first, int views, set(string) friends").await?;
/// friends.put("jsmith1", obj! { first: "John" }).await?;
/// friends.set_add("jsmith1", obj! { friends: "jd" }).await?;
/// let renamed = friends.cond_put("jsmith1", obj! { first: "John" }, obj! { first: "Jon" }).await?;
/// let views = friends.add_and_fetch("jsmith1", "views", 1).await?;
/// println!("{renamed}, seen {views} times: {:?}", friends.get("jsmith1").await?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Beside what each method says: [`SpaceError::NoSpace`] if the space was removed; [`SpaceError::Overflow`],
/// [`DivisionByZero`](SpaceError::DivisionByZero), [`DocumentClash`](SpaceError::DocumentClash),
/// [`NoElement`](SpaceError::NoElement) where a change cannot be made.
#[derive(Clone)]
pub struct DynSpace {
    object: <SpaceState as Kept>::Client,
    schema: Arc<Schema>,
    /// If what is done by one key goes in the order in which it was begun.
    lines: Option<Arc<KeyLines>>,
}

reaches_object!(DynSpace);

impl Node {
    /// Adds a space by its description: `space friendlists key username attributes string first, set(string) friends`.
    ///
    /// # Errors
    /// [`SpaceError::Syntax`] with line and column, or what is wrong about an attribute; [`SpaceError::SpaceExists`].
    pub fn add_space(&self, description: impl AsRef<str>) -> Operation<DynSpace> {
        self.begun(description.as_ref(), |space, schema| space.create(schema))
    }

    /// As [`add_space`](Self::add_space), where there may be such a space already.
    ///
    /// # Errors
    /// [`SpaceError::SpaceDiffers`] if it is described otherwise.
    pub fn ensure_space(&self, description: impl AsRef<str>) -> Operation<DynSpace> {
        self.begun(description.as_ref(), |space, schema| space.ensure(schema).map(drop))
    }

    fn begun(
        &self,
        description: &str,
        begin: impl FnOnce(&<SpaceState as Kept>::Client, Schema) -> Operation<()>,
    ) -> Operation<DynSpace> {
        Operation::of(|| {
            let schema: Schema = description.parse()?;
            let object = self.object::<SpaceState>(schema.name());
            let begun = begin(&object, schema.clone());
            Ok::<_, SpaceError>(begun.map(move |()| DynSpace::of(object, schema)))
        })
    }

    /// The space of this name, with the description that it has now. Which spaces there are, [`Node::objects`] says, and
    /// whether a text is a description, parsing it as a [`Schema`].
    ///
    /// # Errors
    /// [`SpaceError::NoSpace`] if there is none.
    pub fn dyn_space(&self, name: impl Into<Arc<str>>) -> Operation<DynSpace> {
        let object = self.object::<SpaceState>(name);
        object.describe().and_then(move |entry| {
            let entry = entry.ok_or(SpaceError::NoSpace)?;
            Ok(DynSpace::of(object, entry.schema))
        })
    }

    /// Removes a space with all that is in it, and says whether it was there.
    pub fn rm_space(&self, name: impl Into<Arc<str>>) -> Operation<bool> {
        self.object::<SpaceState>(name).destroy()
    }
}

macro_rules! verbs {
    ($($verb:ident: $plain:ident $cond:ident $group:ident, $about:literal;)+) => {
        /// The methods of the original that change attributes, and a few that it lacks.
        impl DynSpace {
            $(
                #[doc = $about]
                pub fn $plain(&self, key: impl Into<Value>, fields: impl Into<Fields>) -> Operation<bool> {
                    self.unless_unmet(key, Verb::$verb.write(fields.into()))
                }

                #[doc = concat!("As [`", stringify!($plain), "`](Self::", stringify!($plain), "), if the object meets a predicate; it says whether it does.")]
                pub fn $cond(
                    &self,
                    key: impl Into<Value>,
                    predicate: impl Into<Predicate>,
                    fields: impl Into<Fields>,
                ) -> Operation<bool> {
                    self.unless_unmet(key, Verb::$verb.write(fields.into()).map(|write| of_present(write).when(predicate)))
                }

                #[doc = concat!("As [`", stringify!($plain), "`](Self::", stringify!($plain), "), to all objects that meet a predicate; it says how many they are.")]
                pub fn $group(
                    &self,
                    predicate: impl Into<Predicate>,
                    fields: impl Into<Fields>,
                ) -> Operation<u64> {
                    self.group(predicate, Verb::$verb.write(fields.into()))
                }
            )+
        }
    };
}

with_verbs!(verbs);

/// The same for objects that are there: what a condition is about.
fn of_present(write: Write) -> Write {
    Write { missing: super::write::Missing::Fail, ..write }
}

impl DynSpace {
    pub(super) fn client(&self) -> &<SpaceState as Kept>::Client {
        &self.object
    }

    /// One that goes by this description.
    pub(super) fn of(object: <SpaceState as Kept>::Client, schema: Schema) -> Self {
        Self { object, schema: Arc::new(schema), lines: None }
    }

    /// A handle whose operations on one object, by its key, are carried out in the order in which they are begun: sent, or
    /// polled first. Its clones are in the same line. Each is sent when the one before it is over, which takes as long as
    /// awaiting each does; operations on different objects do not wait for each other, and those on groups for none.
    #[must_use]
    pub fn ordered_by_key(&self) -> Self {
        Self { lines: Some(Arc::default()), ..self.clone() }
    }

    fn line(&self, key: &Value) -> Option<Line> {
        self.lines.as_ref().map(|lines| lines.of(key))
    }

    /// The description that this handle goes by.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A handle that goes by the description that the space has now.
    pub fn refreshed(&self) -> Operation<Self> {
        self.object.node().dyn_space(self.object.name())
    }

    /// What the space says of itself.
    pub fn describe(&self) -> Operation<SpaceEntry> {
        self.object.describe().and_then(|entry| Ok(entry.ok_or(SpaceError::NoSpace)?))
    }

    /// Alters the description, under all objects at once, and returns a handle that goes by what it is then. An index of many objects is
    /// made bit by bit while others go on; searches go by it once it has [all of them](SpaceEntry::unmade_indices).
    ///
    /// # Errors
    /// [`SpaceError`] with the attribute that does not fit.
    pub fn alter(&self, alteration: Alteration) -> Operation<Self> {
        if let Err(error) = alteration.of(&self.schema) {
            return Operation::failed(error);
        }
        let (object, lines) = (self.object.clone(), self.lines.clone());
        // Others may have altered it too.
        self.object.alter(alteration).map(|entry| Self { lines, ..Self::of(object, entry.schema) })
    }

    /// The object by a key, if it is there.
    pub fn get(&self, key: impl Into<Value>) -> Operation<Option<Found>> {
        self.shown(key.into(), None)
    }

    /// These attributes of the object by a key, if it is there.
    ///
    /// # Errors
    /// [`SpaceError::UnknownAttribute`].
    pub fn get_partial<N: Into<String>>(
        &self,
        key: impl Into<Value>,
        attributes: impl IntoIterator<Item = N>,
    ) -> Operation<Option<Found>> {
        let only: Vec<String> = attributes.into_iter().map(Into::into).collect();
        match super::checked::check_only(&self.schema, Some(&only)) {
            Ok(()) => self.shown(key.into(), Some(only)),
            Err(error) => Operation::failed(error),
        }
    }

    fn shown(&self, key: Value, only: Option<Vec<String>>) -> Operation<Option<Found>> {
        let schema = Arc::clone(&self.schema);
        match schema.fit_key(key) {
            Ok(key) => {
                let line = self.line(&key);
                let found = self.object.get(key, only).in_line(line);
                found.map(move |found| found.map(|found| found.fitted(&schema)))
            }
            Err(error) => Operation::failed(error),
        }
    }

    /// Writes an object: the one way that all others are names of.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`], [`SpaceError::Exists`] or [`SpaceError::ConditionFailed`] if the object is not as the write demands.
    pub fn write(&self, key: impl Into<Value>, write: Write) -> Operation<Written> {
        let schema = Arc::clone(&self.schema);
        let key = write.check(&schema).and_then(|()| schema.fit_key(key.into()));
        match key {
            Ok(key) => {
                let line = self.line(&key);
                self.object.write(key, write).in_line(line).map(move |written| Written {
                    before: written.before.map(|fields| fields.fitted(&schema)),
                    after: written.after.map(|fields| fields.fitted(&schema)),
                    ..written
                })
            }
            Err(error) => Operation::failed(error),
        }
    }

    /// Sets attributes of an object that is not there, and creates it; whether it was not.
    pub fn put_if_not_exist(&self, key: impl Into<Value>, fields: impl Into<Fields>) -> Operation<bool> {
        self.unless_unmet(key, Ok(Write::put(fields.into()).if_absent()))
    }

    /// Sets attributes of an object if it meets a predicate, and says whether it does. One that is missing is created, and
    /// the predicate not looked at.
    pub fn cond_put_or_create(
        &self,
        key: impl Into<Value>,
        predicate: impl Into<Predicate>,
        fields: impl Into<Fields>,
    ) -> Operation<bool> {
        self.unless_unmet(key, Ok(Write::put(fields.into()).when(predicate)))
    }

    /// Removes an object, and says whether it was there. Also called `del` in the original.
    pub fn delete(&self, key: impl Into<Value>) -> Operation<bool> {
        self.erase(key, Predicate::always())
    }

    /// Removes an object if it meets a predicate, and says whether it is removed.
    pub fn cond_del(&self, key: impl Into<Value>, predicate: impl Into<Predicate>) -> Operation<bool> {
        self.erase(key, predicate.into())
    }

    /// Removes all objects that meet a predicate, and says how many they are.
    pub fn group_del(&self, predicate: impl Into<Predicate>) -> Operation<u64> {
        let predicate = predicate.into();
        match predicate.check(&self.schema) {
            Ok(()) => self.object.erase_whole_group(predicate),
            Err(error) => Operation::failed(error),
        }
    }

    /// Writes all objects that meet a predicate, in one step, all of them or none, and says how many they are. What the
    /// write is to return does not come back.
    ///
    /// # Errors
    /// Why it cannot be made of one of them; [`SpaceError::TooLarge`] if there are more objects to look at, or to write, than
    /// one step takes.
    pub fn group_write(&self, predicate: impl Into<Predicate>, write: Write) -> Operation<u64> {
        self.group(predicate, Ok(write))
    }

    /// Removes all objects, and says how many there were.
    pub fn clear(&self) -> Operation<u64> {
        self.object.clear()
    }

    /// How many objects there are.
    pub fn len(&self) -> Operation<u64> {
        self.object.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> Operation<bool> {
        self.object.is_empty()
    }

    /// Does something to an attribute, or to what is at a path in a document, and returns what it came to: the number or
    /// string that is there now, the element that was removed, or how many there are now.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`] if there is no object.
    pub fn fetch(
        &self,
        key: impl Into<Value>,
        attribute: impl Into<String>,
        action: Action,
    ) -> Operation<Option<Value>> {
        let write = Write::new().change(attribute, action).returning(Returning::results());
        self.write(key, write).map(|written| written.results.into_iter().next().flatten())
    }

    /// Adds to a number, and returns the sum.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`] if there is no object; [`SpaceError::Overflow`].
    pub fn add_and_fetch(
        &self,
        key: impl Into<Value>,
        attribute: impl Into<String>,
        by: impl Into<Value>,
    ) -> Operation<Value> {
        self.fetch(key, attribute, Action::Add(by.into())).map(Option::unwrap_or_default)
    }

    /// Adds to a number, and returns what it was before, as the standard library's atomic numbers do; null if there was
    /// nothing at a path in a document.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`] if there is no object; [`SpaceError::Overflow`].
    pub fn fetch_add(
        &self,
        key: impl Into<Value>,
        attribute: impl Into<String>,
        by: impl Into<Value>,
    ) -> Operation<Value> {
        let attribute = attribute.into();
        let (name, hops) = match Path::parse(&attribute) {
            Ok(path) => (path.attribute().to_owned(), Hop::all(path.steps())),
            Err(error) => return Operation::failed(error),
        };
        let returning = Returning::before().only([name.as_str()]);
        let write = Write::new().change(attribute, Action::Add(by.into())).returning(returning);
        self.write(key, write).map(move |written| {
            let before = written.before.as_ref().and_then(|before| inside(before.get(&name)?, &hops));
            before.cloned().unwrap_or_default()
        })
    }

    /// Removes the first element of a list, and returns it, if there is one.
    pub fn list_lpop(&self, key: impl Into<Value>, attribute: impl Into<String>) -> Operation<Option<Value>> {
        self.fetch(key, attribute, Action::PopLeft)
    }

    /// Removes the last element of a list, and returns it, if there is one.
    pub fn list_rpop(&self, key: impl Into<Value>, attribute: impl Into<String>) -> Operation<Option<Value>> {
        self.fetch(key, attribute, Action::PopRight)
    }

    fn unless_unmet(&self, key: impl Into<Value>, write: Result<Write, SpaceError>) -> Operation<bool> {
        match write {
            Ok(write) => self.write(key, write).then(|written| match written {
                Ok(_) => Ok(true),
                Err(DataError::Space(error)) if error.is_unmet() => Ok(false),
                Err(error) => Err(error),
            }),
            Err(error) => Operation::failed(error),
        }
    }

    fn erase(&self, key: impl Into<Value>, predicate: Predicate) -> Operation<bool> {
        let key = match predicate.check(&self.schema).and_then(|()| self.schema.fit_key(key.into())) {
            Ok(key) => key,
            Err(error) => return Operation::failed(error),
        };
        let line = self.line(&key);
        self.object.erase(key, predicate.into_conjuncts()).in_line(line).then(|written| match written {
            Ok(_) => Ok(true),
            Err(DataError::Space(SpaceError::NotFound { .. })) => Ok(false),
            Err(DataError::Space(error)) if error.is_unmet() => Ok(false),
            Err(error) => Err(error),
        })
    }

    fn group(&self, predicate: impl Into<Predicate>, write: Result<Write, SpaceError>) -> Operation<u64> {
        let predicate = predicate.into();
        let checked = predicate.check(&self.schema).and(write);
        match checked.and_then(|write| write.check(&self.schema).map(|()| write)) {
            Ok(write) => self.object.write_whole_group(predicate, write),
            Err(error) => Operation::failed(error),
        }
    }
}

impl Fields {
    /// As the attributes of a schema have them: what travelled as a list is a set again. What there is no attribute for
    /// stays as it is.
    pub(super) fn fitted(self, schema: &Schema) -> Self {
        let fit = |(name, value): (String, Value)| {
            let attribute = schema.attribute(&name);
            let fitted = attribute.and_then(|attribute| attribute.of().fit(&name, value.clone()).ok());
            (name, fitted.unwrap_or(value))
        };
        self.into_iter().map(fit).collect()
    }
}

impl Found {
    /// As the attributes of a schema have it.
    #[must_use]
    pub fn fitted(self, schema: &Schema) -> Self {
        Self { fields: self.fields.fitted(schema), ..self }
    }
}

impl Index<&str> for Found {
    type Output = Value;

    /// # Panics
    /// If it has no such attribute; [`Fields::get`] says so instead.
    fn index(&self, name: &str) -> &Value {
        &self.fields[name]
    }
}

impl fmt::Debug for DynSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynSpace").field(&self.schema).finish()
    }
}
