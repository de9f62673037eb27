//! What a write does to an object: one pure function, of which all that a space does to its objects is made.

mod act;
mod document;
mod number;
#[cfg(test)]
mod tests;

use super::checked::{CheckedChange, CheckedWrite};
use super::fields::Fields;
use super::record::Record;
use super::schema::Schema;
use super::value::Value;
use super::write::{Missing, Present, Write, Written};
use crate::config::{BODY_BYTES_MAX, SPACE_OBJECT_BYTES_MAX};
use crate::error::SpaceError;

/// What a write has made of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The object; `None` if it was removed.
    pub record: Option<Record>,
    /// What the writer is told.
    pub written: Written,
}

/// Applies a write to the object by `key`, or to none: what it makes of it, while the object itself stays as it is. One that
/// is created has version `first`.
///
/// # Errors
/// [`SpaceError`], in this order: the write does not fit the schema; the object is missing, or there; a condition does not hold;
/// a change cannot be made.
pub fn apply(
    schema: &Schema,
    key: &Value,
    before: Option<&Record>,
    write: Write,
    first: u64,
) -> Result<Applied, SpaceError> {
    apply_checked(schema, key, before, &write.checked(schema)?, first)
}

/// The same for a write that fits the schema.
pub(super) fn apply_checked(
    schema: &Schema,
    key: &Value,
    before: Option<&Record>,
    write: &CheckedWrite,
    first: u64,
) -> Result<Applied, SpaceError> {
    match before {
        None if write.erase || write.missing == Missing::Fail => {
            return Err(SpaceError::NotFound { key: key.to_string() });
        }
        None => {}
        Some(record) if write.present == Present::Fail => {
            return Err(SpaceError::Exists { key: key.to_string(), version: record.version() });
        }
        Some(record) => check_conditions(key, record, write)?,
    }
    let version = before.map_or(first, |record| record.version() + 1);
    let mut record = before.cloned().unwrap_or_else(|| Record::blank(version)).of_version(version);
    let results: Result<Vec<_>, _> = write.changes.iter().map(|change| make(&mut record, change)).collect();
    let results = results?;
    check_size(before, &record)?;
    let record = Some(record).filter(|_| !write.erase);
    let returning = &write.returning;
    let shown = |record: Option<&Record>, is_wanted: bool| {
        let record = record.filter(|_| is_wanted);
        record.map(|record| record.fields(schema, returning.only.as_deref())).transpose()
    };
    let written = Written {
        version,
        is_new: before.is_none(),
        before: shown(before, returning.before)?,
        after: shown(record.as_ref(), returning.after)?,
        results: if returning.results { results } else { Vec::new() },
    };
    check_reply(&written)?;
    Ok(Applied { record, written })
}

fn check_conditions(key: &Value, record: &Record, write: &CheckedWrite) -> Result<(), SpaceError> {
    let failed = write.conditions.iter().enumerate().find(|(_, (_, test))| !test.holds(key, record));
    let Some((which, (condition, test))) = failed else { return Ok(()) };
    let actual = test.culprit(key, record).map_or_else(|| "nothing".into(), Value::to_string);
    let mut condition = condition.to_string();
    if let Some((end, _)) = condition.char_indices().nth(CONDITION_CHARS_MAX) {
        condition.replace_range(end.., "…");
    }
    Err(SpaceError::ConditionFailed { which: which as u32, condition, actual })
}

/// Makes a change, and says what it came to.
fn make(record: &mut Record, change: &CheckedChange) -> Result<Option<Value>, SpaceError> {
    let CheckedChange { name, attribute, hops, action } = change;
    let value = record.take(attribute);
    let (value, result) = if hops.is_empty() && attribute.of() != super::Type::Document {
        act::act(name, value, action)?
    } else {
        document::act(name, value, hops, action)?
    };
    record.put(attribute, value);
    Ok(result)
}

/// Refuses an object that has grown too large; one that already was may shrink.
fn check_size(before: Option<&Record>, after: &Record) -> Result<(), SpaceError> {
    let bytes = after.bytes();
    if bytes <= SPACE_OBJECT_BYTES_MAX || before.is_some_and(|before| before.bytes() >= bytes) {
        return Ok(());
    }
    Err(SpaceError::TooLarge {
        what: "bytes of an object".into(),
        actual: bytes as u64,
        limit: SPACE_OBJECT_BYTES_MAX as u64,
    })
}

/// Refuses what no reply could carry, before anything is changed.
fn check_reply(written: &Written) -> Result<(), SpaceError> {
    let of = |fields: &Option<Fields>| fields.as_ref().map_or(0, Fields::bytes);
    let results: usize = written.results.iter().flatten().map(|value| value.bytes() + HEAD_BYTES).sum();
    let bytes = of(&written.before) + of(&written.after) + results + HEAD_BYTES;
    if bytes <= BODY_BYTES_MAX {
        return Ok(());
    }
    Err(SpaceError::TooLarge {
        what: "bytes that a write returns".into(),
        actual: bytes as u64,
        limit: BODY_BYTES_MAX as u64,
    })
}

/// Characters of a condition that its failure shows.
const CONDITION_CHARS_MAX: usize = 400;
/// What a number takes at most, and what there is beside the values.
const HEAD_BYTES: usize = 128;
