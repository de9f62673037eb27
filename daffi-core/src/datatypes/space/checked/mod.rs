//! Writes and predicates that fit a schema: names are attributes, values are of their types, and nothing is left that could
//! be wrong about them but what an object has.

mod action;
mod test;

pub(super) use test::{Probe, Subject, Test, Trial, inside, place};

use super::fields::Fields;
use super::path::{Path, Step};
use super::predicate::{Check, Condition, Predicate};
use super::record::Record;
use super::schema::{Attribute, Schema};
use super::types::Type;
use super::value::Value;
use super::write::{Action, Change, Missing, Present, Returning, Write};
use crate::config::SPACE_STEPS_MAX;
use crate::error::SpaceError;

/// A write that fits its schema.
#[derive(Debug, Clone)]
pub(super) struct CheckedWrite {
    /// As they were written, for messages, and as they are tried.
    pub(super) conditions: Vec<(Predicate, Test)>,
    pub(super) changes: Vec<CheckedChange>,
    pub(super) missing: Missing,
    pub(super) present: Present,
    pub(super) erase: bool,
    pub(super) returning: Returning,
}

/// A change that fits its attribute.
#[derive(Debug, Clone)]
pub(super) struct CheckedChange {
    /// As it was written.
    pub(super) name: String,
    pub(super) attribute: Attribute,
    /// Into the document, if it is one.
    pub(super) hops: Vec<Hop>,
    /// With values of the attribute's type.
    pub(super) action: Action,
}

/// A step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hop {
    /// To what an object has by this name, a string.
    Name(Value),
    /// To an element of a list, from 0 on, or from −1 back.
    At(i64),
}

impl Hop {
    pub(super) fn all(steps: &[Step<'_>]) -> Vec<Self> {
        let hop = |step: &Step<'_>| match step {
            Step::Name(name) => Self::Name(Value::from(*name)),
            Step::At(at) => Self::At(*at),
        };
        steps.iter().map(hop).collect()
    }
}

impl Write {
    /// Checks that it fits a schema: what is wrong about it whatever the objects are. It need not be asked, since what
    /// carries out the write does.
    ///
    /// # Errors
    /// [`SpaceError`] with the attribute: it is unknown or the key, its type takes no such value or action, the path or the
    /// pattern is none.
    pub fn check(&self, schema: &Schema) -> Result<(), SpaceError> {
        self.clone().checked(schema).map(drop)
    }

    pub(super) fn checked(self, schema: &Schema) -> Result<CheckedWrite, SpaceError> {
        let Self { conditions, changes, missing, present, erase, returning } = self;
        let steps = conditions.iter().map(Predicate::size).sum::<usize>() + changes.len();
        check_steps(steps)?;
        let test = |condition: Predicate| Test::of(&condition, schema).map(|test| (condition, test));
        let conditions = conditions.into_iter().map(test).collect::<Result<_, _>>()?;
        let change = |change: Change| CheckedChange::of(change, schema);
        let changes = changes.into_iter().map(change).collect::<Result<_, _>>()?;
        check_only(schema, returning.only.as_deref())?;
        Ok(CheckedWrite { conditions, changes, missing, present, erase, returning })
    }
}

impl Predicate {
    /// Checks that it fits a schema.
    ///
    /// # Errors
    /// As [`Write::check`].
    pub fn check(&self, schema: &Schema) -> Result<(), SpaceError> {
        self.checked(schema).map(drop)
    }

    pub(super) fn checked(&self, schema: &Schema) -> Result<Test, SpaceError> {
        check_steps(self.size())?;
        Test::of(self, schema)
    }

    /// Whether it holds for an object with these attributes, of which those that are not there count as not written: for
    /// who watches a space, and is told of each object.
    ///
    /// # Errors
    /// As [`check`](Self::check), and if an attribute has a value of another type.
    pub fn holds(&self, schema: &Schema, key: &Value, fields: &Fields) -> Result<bool, SpaceError> {
        let test = self.checked(schema)?;
        let mut record = Record::blank(0);
        for (name, value) in fields.iter() {
            let (attribute, _) = schema.written(name)?;
            record.put(attribute, attribute.of().fit(name, value.clone())?);
        }
        Ok(test.holds(&schema.fit_key(key.clone())?, &record))
    }

    /// How many parts it has, each value that one thing may equal being one.
    fn size(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::size).sum::<usize>(),
            Self::Not(inner) => 1 + inner.size(),
            Self::Is(Condition { check: Check::OneOf(values), .. }) => 1 + values.len(),
            Self::Is(_) => 1,
        }
    }
}

impl CheckedChange {
    fn of(change: Change, schema: &Schema) -> Result<Self, SpaceError> {
        let Change { attribute: name, action } = change;
        let (attribute, path) = schema.written(&name)?;
        let (attribute, hops) = (attribute.clone(), Hop::all(path.steps()));
        let action = match attribute.of() {
            Type::Document => action::fit_inside(&name, hops.len(), action)?,
            of => action::fit(of, &name, action)?,
        };
        Ok(Self { name, attribute, hops, action })
    }
}

/// Refuses attributes that are asked for and are not there.
pub(super) fn check_only(schema: &Schema, only: Option<&[String]>) -> Result<(), SpaceError> {
    let unknown = only.into_iter().flatten().find(|name| schema.attribute(name).is_none());
    match unknown {
        Some(name) => Err(SpaceError::UnknownAttribute { attribute: name.clone() }),
        None => Ok(()),
    }
}

fn check_steps(steps: usize) -> Result<(), SpaceError> {
    if steps <= SPACE_STEPS_MAX {
        return Ok(());
    }
    Err(SpaceError::TooLarge {
        what: "conditions and changes".into(),
        actual: steps as u64,
        limit: SPACE_STEPS_MAX as u64,
    })
}

/// The hops of a path inside a document.
pub(super) fn hops_inside(path: &str) -> Result<Vec<Hop>, SpaceError> {
    Path::inside(path).map(|steps| Hop::all(&steps))
}
