//! What an action does to a value of a type that takes it.

use super::number::{self, operand};
use crate::datatypes::space::checked::place;
use crate::datatypes::space::value::{List, Map, Set, Text, Value};
use crate::datatypes::space::write::Action;
use crate::error::SpaceError;

/// The value that an action makes of one, and what it came to.
pub(super) type Acted = (Value, Option<Value>);

/// Does something to the value of an attribute, or to an element of a map. The action fits, so a value of another kind
/// than it takes is not there.
pub(super) fn act(name: &str, value: Value, action: &Action) -> Result<Acted, SpaceError> {
    match (action, value) {
        (Action::Set(value), _) => Ok(shown(value.clone())),
        (Action::Unset, _) => Ok((Value::Null, None)),
        (action, Value::String(text)) => Ok(shown(Value::String(string(&text, action)))),
        (action, Value::List(list)) => act_on_list(name, list, action),
        (action, Value::Set(set)) => Ok(shown(Value::Set(act_on_set(set, action)))),
        (action, Value::Map(map)) => act_on_map(name, map, action),
        (action, value) => reckon(name, &value, action).map(shown),
    }
}

/// A number or a string comes to itself, what has elements to how many there are.
pub(super) fn shown(value: Value) -> Acted {
    let result = match &value {
        Value::List(_) | Value::Set(_) | Value::Map(_) => {
            value.length().map(|length| Value::Int(length as i64))
        }
        plain => Some(plain.clone()),
    };
    (value, result)
}

fn reckon(name: &str, value: &Value, action: &Action) -> Result<Value, SpaceError> {
    match (value, operand(action)) {
        (Value::Int(one), Some(Value::Int(other))) => number::int(name, action, *one, *other).map(Value::Int),
        (Value::Float(one), Some(Value::Float(other))) => {
            let made = number::float(action, *one, *other);
            Ok(Value::Float(made.expect("an action for floats, which was looked at")))
        }
        _ => unreachable!("`{}` of {value:?}, which was looked at", action.name()),
    }
}

/// What an action makes of a string.
pub(super) fn string(text: &Text, action: &Action) -> Text {
    let joined = |one: &Text, other: &Text| Text::from([one.as_bytes(), other.as_bytes()].concat());
    let within = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(text.len());
    match action {
        Action::Prepend(Value::String(more)) => joined(more, text),
        Action::Append(Value::String(more)) => joined(text, more),
        Action::TrimLeft(bytes) => Text::from(&text[within(*bytes)..]),
        Action::TrimRight(bytes) => Text::from(&text[..text.len() - within(*bytes)]),
        other => unreachable!("`{}` of a string, which was looked at", other.name()),
    }
}

/// What an action makes of a list.
pub(super) fn act_on_list(name: &str, mut list: List, action: &Action) -> Result<Acted, SpaceError> {
    let length = list.len();
    let there = |at: i64| {
        let attribute = name.to_owned();
        place(at, length).ok_or(SpaceError::NoElement { attribute, index: at, length: length as u64 })
    };
    let removed = match action {
        Action::PopLeft => list.remove(0),
        Action::PopRight => length.checked_sub(1).and_then(|last| list.remove(last)),
        Action::RemoveAt(at) => list.remove(there(*at)?),
        _ => {
            match action {
                Action::PushLeft(value) => list.insert(0, value.clone()),
                Action::PushRight(value) => list.push(value.clone()),
                Action::SetAt { at, value } => drop(list.set(there(*at)?, value.clone())),
                Action::Remove(value) => list = list.iter().filter(|one| *one != value).cloned().collect(),
                Action::Keep { from, to } => list.keep(bound(*from, length), bound(*to, length)),
                other => unreachable!("`{}` of a list, which was looked at", other.name()),
            }
            return Ok(shown(Value::List(list)));
        }
    };
    Ok((Value::List(list), removed))
}

/// A bound of a range in a list, from 0 on or from −1 back, as near as the list has one.
fn bound(at: i64, length: usize) -> usize {
    let distance = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    if at < 0 { length.saturating_sub(distance) } else { distance.min(length) }
}

fn act_on_set(mut set: Set, action: &Action) -> Set {
    match action {
        Action::Insert(value) => {
            set.add(value.clone());
        }
        Action::Remove(value) => {
            set.remove(value);
        }
        Action::Union(Value::Set(other)) => {
            for value in other.keys() {
                set.add(value.clone());
            }
        }
        Action::Intersect(Value::Set(other)) => {
            let (few, many) = if set.len() < other.len() { (&set, other) } else { (other, &set) };
            return few.keys().filter(|value| many.contains(value)).cloned().collect();
        }
        other => unreachable!("`{}` of a set, which was looked at", other.name()),
    }
    set
}

fn act_on_map(name: &str, mut map: Map, action: &Action) -> Result<Acted, SpaceError> {
    match action {
        Action::Merge(Value::Map(other)) => {
            other.iter().for_each(|(key, value)| drop(map.insert(key.clone(), value.clone())));
        }
        Action::Remove(key) => drop(map.remove(key)),
        Action::Element { key, action } => {
            let value = map.get(key).cloned().unwrap_or_else(|| beginning(action));
            let (value, result) = act(name, value, action)?;
            map.insert(key.clone(), value);
            return Ok((Value::Map(map), result));
        }
        other => unreachable!("`{}` of a map, which was looked at", other.name()),
    }
    Ok(shown(Value::Map(map)))
}

/// What an element that is not there counts as: 0, 0.0 or `""`, by what is done to it.
pub(super) fn beginning(action: &Action) -> Value {
    match operand(action) {
        Some(Value::Float(_)) => Value::Float(0.0),
        Some(_) => Value::Int(0),
        None => Value::from(""),
    }
}
