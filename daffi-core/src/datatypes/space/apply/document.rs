//! What an action does to a document, or to what is at a path in one.

use super::act::{Acted, act_on_list, beginning, shown, string};
use super::number::{self, operand};
use crate::config::SPACE_DOCUMENT_DEPTH_MAX;
use crate::datatypes::space::checked::{Hop, hops_inside, place};
use crate::datatypes::space::value::{Map, Value, fit_document};
use crate::datatypes::space::write::Action;
use crate::error::SpaceError;

/// Does something to what is at a path, and returns the document.
pub(super) fn act(name: &str, document: Value, hops: &[Hop], action: &Action) -> Result<Acted, SpaceError> {
    let mut result = None;
    let document = match action {
        Action::Rename(path) => {
            let mut taken = None;
            let rest = at(name, Some(document), hops, &mut |part| {
                taken = Some(part.ok_or_else(|| nothing(name))?);
                Ok(None)
            })?;
            let hops = hops_inside(path)?;
            let depth = SPACE_DOCUMENT_DEPTH_MAX.saturating_sub(hops.len());
            let moved = fit_document(name, taken.unwrap_or_default(), depth)?;
            at(name, rest, &hops, &mut |_| Ok(Some(moved.clone())))?
        }
        Action::Unset => at(name, Some(document), hops, &mut |part| {
            result = Some(part.ok_or_else(|| nothing(name))?).filter(|_| !hops.is_empty());
            Ok(None)
        })?,
        action => at(name, Some(document), hops, &mut |part| {
            let (part, came_to) = act_on_part(name, part, action)?;
            result = came_to;
            Ok(Some(part))
        })?,
    };
    // Of a document that was unset as a whole, an empty one is left.
    Ok((document.unwrap_or(Value::Null), result))
}

/// What is done to a part of a document: it gets what is there, and says what is to be there.
type Part<'a> = &'a mut dyn FnMut(Option<Value>) -> Result<Option<Value>, SpaceError>;

/// Puts what `change` makes of what is at a path in its place, with the objects that lead to it.
fn at(name: &str, value: Option<Value>, hops: &[Hop], change: Part<'_>) -> Result<Option<Value>, SpaceError> {
    let Some((hop, rest)) = hops.split_first() else { return change(value) };
    match (hop, value) {
        (Hop::Name(key), None) => {
            let inner = at(name, None, rest, change)?;
            Ok(inner.map(|inner| Value::Map([(key.clone(), inner)].into_iter().collect::<Map>())))
        }
        (Hop::Name(key), Some(Value::Map(mut map))) => {
            match at(name, map.get(key).cloned(), rest, change)? {
                Some(inner) => drop(map.insert(key.clone(), inner)),
                None => drop(map.remove(key)),
            }
            Ok(Some(Value::Map(map)))
        }
        (Hop::At(index), Some(Value::List(mut list))) => {
            let length = list.len();
            let there = place(*index, length).ok_or_else(|| SpaceError::NoElement {
                attribute: name.to_owned(),
                index: *index,
                length: length as u64,
            })?;
            match at(name, list.get(there).cloned(), rest, change)? {
                Some(inner) => drop(list.set(there, inner)),
                None => drop(list.remove(there)),
            }
            Ok(Some(Value::List(list)))
        }
        (Hop::At(_), None) => Err(nothing(name)),
        (Hop::Name(_), Some(other)) => Err(in_the_way(name, &other, "a name")),
        (Hop::At(_), Some(other)) => Err(in_the_way(name, &other, "a place in a list")),
    }
}

fn act_on_part(name: &str, part: Option<Value>, action: &Action) -> Result<Acted, SpaceError> {
    let is_of_lists = matches!(
        action,
        Action::PushLeft(_)
            | Action::PushRight(_)
            | Action::PopLeft
            | Action::PopRight
            | Action::Keep { .. }
            | Action::SetAt { .. }
            | Action::RemoveAt(_)
    );
    match (action, part) {
        (Action::Set(value), _) => Ok(shown(value.clone())),
        (action, Some(Value::List(list))) if is_of_lists => act_on_list(name, list, action),
        (_, None) if is_of_lists => Err(nothing(name)),
        (action, part) if operand(action).is_some() => {
            reckon(name, &part.unwrap_or_else(|| beginning(action)), action).map(shown)
        }
        (Action::Prepend(_) | Action::Append(_) | Action::TrimLeft(_) | Action::TrimRight(_), part) => {
            match part.unwrap_or_else(|| Value::from("")) {
                Value::String(text) => fit_document(name, Value::String(string(&text, action)), 0).map(shown),
                other => Err(unfit(name, &other, action)),
            }
        }
        (action, part) => Err(unfit(name, &part.unwrap_or_default(), action)),
    }
}

/// Of an integer and a float a float is made; one that is not finite is none that a document has.
fn reckon(name: &str, value: &Value, action: &Action) -> Result<Value, SpaceError> {
    let as_float = |value: &Value| match value {
        Value::Int(int) => Some(*int as f64),
        Value::Float(float) => Some(*float),
        _ => None,
    };
    let operand = operand(action);
    if let (Value::Int(one), Some(Value::Int(other))) = (value, operand) {
        return number::int(name, action, *one, *other).map(Value::Int);
    }
    let both = as_float(value).zip(operand.and_then(as_float));
    let made = both.and_then(|(one, other)| number::float(action, one, other));
    let made = made.ok_or_else(|| unfit(name, value, action))?;
    if !made.is_finite() {
        return Err(SpaceError::Overflow {
            attribute: name.to_owned(),
            what: format!("{} makes {made}, which no document has", action.name()),
        });
    }
    Ok(Value::Float(made))
}

fn nothing(name: &str) -> SpaceError {
    SpaceError::DocumentClash { attribute: name.to_owned(), why: "there is nothing".into() }
}

fn in_the_way(name: &str, value: &Value, wanted: &str) -> SpaceError {
    let why = format!("{wanted} does not lead into {value}");
    SpaceError::DocumentClash { attribute: name.to_owned(), why }
}

fn unfit(name: &str, value: &Value, action: &Action) -> SpaceError {
    let why = format!("`{}` is not for {value}", action.name());
    SpaceError::DocumentClash { attribute: name.to_owned(), why }
}
