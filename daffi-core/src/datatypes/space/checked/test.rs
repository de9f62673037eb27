//! Predicates that fit a schema, and trying them.

use std::cmp::Ordering;

use super::Hop;
use crate::datatypes::space::pattern::Pattern;
use crate::datatypes::space::predicate::{Check, Condition, Predicate};
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::{Attribute, Schema};
use crate::datatypes::space::types::{Type, with_article};
use crate::datatypes::space::value::Value;
use crate::error::SpaceError;

/// A predicate that fits its schema.
#[derive(Debug, Clone)]
pub(in crate::datatypes::space) enum Test {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is(Probe),
}

/// A condition that fits its attribute.
#[derive(Debug, Clone)]
pub(in crate::datatypes::space) struct Probe {
    pub(in crate::datatypes::space) subject: Subject,
    pub(in crate::datatypes::space) trial: Trial,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub(in crate::datatypes::space) enum Subject {
    Key,
    Whole(Attribute),
    /// What is there in a document, if anything is.
    Inside(Attribute, Vec<Hop>),
}

/// What it is to be.
#[derive(Debug, Clone)]
pub(in crate::datatypes::space) enum Trial {
    Equals(Value),
    Less(Value),
    LessEqual(Value),
    Greater(Value),
    GreaterEqual(Value),
    Between(Value, Value),
    /// In the order in which [`equal`] is equal, each of them once.
    OneOf(Vec<Value>),
    Length(u64),
    LengthFrom(u64),
    LengthTo(u64),
    Contains(Value),
    Matches(Pattern),
    /// Nothing is as it asks, as no integer equals 1.5.
    Never,
}

impl Test {
    pub(super) fn of(predicate: &Predicate, schema: &Schema) -> Result<Self, SpaceError> {
        let several = |parts: &[Predicate]| -> Result<Vec<Self>, SpaceError> {
            parts.iter().map(|part| Self::of(part, schema)).collect()
        };
        Ok(match predicate {
            Predicate::All(parts) => Self::All(several(parts)?),
            Predicate::Any(parts) => Self::Any(several(parts)?),
            Predicate::Not(inner) => Self::Not(Box::new(Self::of(inner, schema)?)),
            Predicate::Is(condition) => Self::Is(Probe::of(condition, schema)?),
        })
    }

    /// Whether it holds for an object.
    pub(in crate::datatypes::space) fn holds(&self, key: &Value, record: &Record) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(key, record)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(key, record)),
            Self::Not(inner) => !inner.holds(key, record),
            Self::Is(probe) => probe.subject.of(key, record).is_some_and(|value| probe.trial.is_met(value)),
        }
    }

    /// How many conditions are tried for one object, at most.
    pub(in crate::datatypes::space) fn size(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => 1 + parts.iter().map(Self::size).sum::<usize>(),
            Self::Not(inner) => 1 + inner.size(),
            Self::Is(Probe { trial: Trial::OneOf(values), .. }) => {
                1 + values.len().checked_ilog2().unwrap_or_default() as usize
            }
            Self::Is(_) => 1,
        }
    }

    /// Whether it asks for nothing.
    pub(in crate::datatypes::space) fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// What an object has of that about which it first does not hold.
    pub(in crate::datatypes::space) fn culprit<'a>(
        &'a self,
        key: &'a Value,
        record: &'a Record,
    ) -> Option<&'a Value> {
        match self {
            Self::All(parts) => parts.iter().find(|part| !part.holds(key, record))?.culprit(key, record),
            Self::Any(parts) => parts.first()?.culprit(key, record),
            Self::Not(inner) => inner.culprit(key, record),
            Self::Is(probe) => probe.subject.of(key, record),
        }
    }
}

impl Subject {
    /// What this names, and the type of the attribute.
    pub(in crate::datatypes::space) fn named(
        name: &str,
        schema: &Schema,
    ) -> Result<(Self, Type), SpaceError> {
        let (attribute, path) = schema.read(name)?;
        let subject = match (name == schema.key().name(), path.is_whole()) {
            (true, _) => Self::Key,
            (false, true) => Self::Whole(attribute.clone()),
            (false, false) => Self::Inside(attribute.clone(), Hop::all(path.steps())),
        };
        Ok((subject, attribute.of()))
    }

    /// Whether it is the same part of objects, whatever the attribute is called.
    pub(in crate::datatypes::space) fn is_same(&self, other: &Self) -> bool {
        let same =
            |one: &Attribute, other: &Attribute| (one.place(), one.of()) == (other.place(), other.of());
        match (self, other) {
            (Self::Key, Self::Key) => true,
            (Self::Whole(one), Self::Whole(other)) => same(one, other),
            (Self::Inside(one, hops), Self::Inside(other, others)) => same(one, other) && hops == others,
            _ => false,
        }
    }

    /// What an object has there.
    pub(in crate::datatypes::space) fn of<'a>(
        &self,
        key: &'a Value,
        record: &'a Record,
    ) -> Option<&'a Value> {
        match self {
            Self::Key => Some(key),
            Self::Whole(attribute) => Some(record.value(attribute)),
            Self::Inside(attribute, hops) => inside(record.value(attribute), hops),
        }
    }
}

/// What is there in a document, if anything is.
pub(in crate::datatypes::space) fn inside<'a>(document: &'a Value, hops: &[Hop]) -> Option<&'a Value> {
    hops.iter().try_fold(document, |value, hop| match (hop, value) {
        (Hop::Name(name), Value::Map(map)) => map.get(name),
        (Hop::At(at), Value::List(list)) => list.get(place(*at, list.len())?),
        _ => None,
    })
}

/// The place in a list that a number says, from 0 on or from −1 back, if the list has one there.
pub(in crate::datatypes::space) fn place(at: i64, length: usize) -> Option<usize> {
    let from_start = usize::try_from(at).ok();
    let from_end = || length.checked_sub(usize::try_from(at.unsigned_abs()).ok()?);
    from_start.or_else(from_end).filter(|at| *at < length)
}

impl Probe {
    fn of(condition: &Condition, schema: &Schema) -> Result<Self, SpaceError> {
        let name = &condition.attribute;
        let (subject, of) = Subject::named(name, schema)?;
        let fitting = Fitting { of, name };
        Ok(Self { subject, trial: fitting.trial(&condition.check)? })
    }
}

/// What a check is fitted to.
struct Fitting<'a> {
    of: Type,
    name: &'a str,
}

impl Fitting<'_> {
    fn trial(&self, check: &Check) -> Result<Trial, SpaceError> {
        Ok(match check {
            Check::Equals(value) => Trial::Equals(self.equal(value)?),
            Check::Less(value) => Trial::Less(self.ordered(value)?),
            Check::LessEqual(value) => Trial::LessEqual(self.ordered(value)?),
            Check::Greater(value) => Trial::Greater(self.ordered(value)?),
            Check::GreaterEqual(value) => Trial::GreaterEqual(self.ordered(value)?),
            Check::Between(least, greatest) => Trial::Between(self.ordered(least)?, self.ordered(greatest)?),
            Check::OneOf(values) => {
                let values = values.iter().map(|value| self.equal(value));
                let mut values = values.collect::<Result<Vec<_>, _>>()?;
                values.sort_by(order);
                values.dedup_by(|one, other| equal(one, other));
                Trial::OneOf(values)
            }
            Check::LengthEquals(length) => self.has_length().map(|()| Trial::Length(*length))?,
            Check::LengthLessEqual(length) => self.has_length().map(|()| Trial::LengthTo(*length))?,
            Check::LengthGreaterEqual(length) => self.has_length().map(|()| Trial::LengthFrom(*length))?,
            Check::Contains(value) => self.contains(value)?,
            Check::Matches(pattern) => {
                if !matches!(self.of, Type::String | Type::Document) {
                    return Err(self.wrong("a pattern"));
                }
                let bad = |why| SpaceError::BadPattern { attribute: self.name.to_owned(), why };
                Trial::Matches(Pattern::parse(pattern).map_err(bad)?)
            }
        })
    }

    fn wrong(&self, found: &str) -> SpaceError {
        SpaceError::WrongType {
            attribute: self.name.to_owned(),
            expected: format!("what is asked of {}", with_article(self.of)),
            found: found.to_owned(),
        }
    }

    /// What it may equal. Numbers stay as they are, and are compared to the last digit.
    fn equal(&self, value: &Value) -> Result<Value, SpaceError> {
        match (self.of, value) {
            (Type::Int | Type::Float | Type::Timestamp(_), Value::Int(_) | Value::Float(_)) => {
                Ok(value.clone())
            }
            // What is at a path may be null.
            (Type::Document, Value::Null) => Ok(Value::Null),
            (of, value) => of.fit(self.name, value.clone()),
        }
    }

    fn ordered(&self, value: &Value) -> Result<Value, SpaceError> {
        match (self.of, value) {
            (Type::Document, Value::Int(_) | Value::Float(_) | Value::String(_)) => Ok(value.clone()),
            (of, _) if of.is_ordered() => self.equal(value),
            _ => Err(self.wrong("an order")),
        }
    }

    fn has_length(&self) -> Result<(), SpaceError> {
        let has = self.of.has_length() || self.of == Type::Document;
        if has { Ok(()) } else { Err(self.wrong("a length")) }
    }

    fn contains(&self, value: &Value) -> Result<Trial, SpaceError> {
        if self.of == Type::Document {
            return Ok(Trial::Contains(value.clone()));
        }
        let member = self.of.member().ok_or_else(|| self.wrong("an element"))?;
        let fitted = match self.of {
            Type::List(_) => Type::from(member).fit(self.name, value.clone())?,
            Type::Map(..) => member.fit_key(self.name, value.clone())?,
            _ => member.fit_member(self.name, value.clone())?,
        };
        // An integer that was rounded is not the number that was asked for.
        let is_same = fitted.compare_numbers(value).is_none_or(Ordering::is_eq);
        Ok(if is_same { Trial::Contains(fitted) } else { Trial::Never })
    }
}

impl Trial {
    /// Whether a value is as it asks. One of another kind is not.
    pub(in crate::datatypes::space) fn is_met(&self, value: &Value) -> bool {
        let compare = |other: &Value| compare(value, other);
        let length = || value.length().map(|length| length as u64);
        match self {
            Self::Equals(other) => equal(value, other),
            Self::Less(other) => compare(other).is_some_and(Ordering::is_lt),
            Self::LessEqual(other) => compare(other).is_some_and(Ordering::is_le),
            Self::Greater(other) => compare(other).is_some_and(Ordering::is_gt),
            Self::GreaterEqual(other) => compare(other).is_some_and(Ordering::is_ge),
            Self::Between(least, greatest) => {
                compare(least).is_some_and(Ordering::is_ge) && compare(greatest).is_some_and(Ordering::is_le)
            }
            Self::OneOf(others) => others.binary_search_by(|other| order(other, value)).is_ok(),
            Self::Length(wanted) => length() == Some(*wanted),
            Self::LengthFrom(least) => length().is_some_and(|length| length >= *least),
            Self::LengthTo(greatest) => length().is_some_and(|length| length <= *greatest),
            Self::Contains(element) => match value {
                Value::List(list) => list.iter().any(|one| equal(one, element)),
                Value::Set(set) => set.contains(element),
                Value::Map(map) => map.contains(element),
                _ => false,
            },
            Self::Matches(pattern) => matches!(value, Value::String(text) if pattern.is_in(text)),
            Self::Never => false,
        }
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    order(one, other).is_eq()
}

/// The order of values in which integers and floats stand by their numbers.
fn order(one: &Value, other: &Value) -> Ordering {
    one.compare_numbers(other).unwrap_or_else(|| one.cmp(other))
}

/// How two strings or two numbers compare; in documents there may be anything else.
fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => one.compare_numbers(other),
    }
}
