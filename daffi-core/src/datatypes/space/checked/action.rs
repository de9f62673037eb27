//! Which actions an attribute takes, and with which values.

use super::hops_inside;
use crate::config::SPACE_DOCUMENT_DEPTH_MAX;
use crate::datatypes::space::types::{Primitive, Type, with_article};
use crate::datatypes::space::value::{Value, fit_document};
use crate::datatypes::space::write::Action;
use crate::error::SpaceError;

impl Action {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Add(_) => "add",
            Self::Sub(_) => "sub",
            Self::Mul(_) => "mul",
            Self::Div(_) => "div",
            Self::Mod(_) => "mod",
            Self::And(_) => "and",
            Self::Or(_) => "or",
            Self::Xor(_) => "xor",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::Prepend(_) => "prepend",
            Self::Append(_) => "append",
            Self::TrimLeft(_) => "trim left",
            Self::TrimRight(_) => "trim right",
            Self::PushLeft(_) => "push left",
            Self::PushRight(_) => "push right",
            Self::PopLeft => "pop left",
            Self::PopRight => "pop right",
            Self::Keep { .. } => "keep",
            Self::SetAt { .. } => "set at",
            Self::RemoveAt(_) => "remove at",
            Self::Insert(_) => "insert",
            Self::Remove(_) => "remove",
            Self::Union(_) => "union",
            Self::Intersect(_) => "intersect",
            Self::Merge(_) => "merge",
            Self::Element { .. } => "element",
            Self::Rename(_) => "rename",
            Self::Unset => "unset",
        }
    }
}

/// The action with values as the attribute has them.
pub(super) fn fit(of: Type, name: &str, action: Action) -> Result<Action, SpaceError> {
    match action {
        Action::Set(value) => of.fit(name, value).map(Action::Set),
        Action::Unset => Ok(Action::Unset),
        action => match of {
            Type::Int => fit_number(of, name, action),
            Type::Float if is_for_integers(&action) => Err(wrong(of, name, &action)),
            Type::Float => fit_number(of, name, action),
            Type::String => fit_string(name, action),
            Type::List(element) => fit_list(of, element, name, action),
            Type::Set(element) => fit_set(of, element, name, action),
            Type::Map(key, value) => fit_map(of, key, value, name, action),
            Type::Timestamp(_) | Type::Document => Err(wrong(of, name, &action)),
        },
    }
}

fn wrong(of: Type, name: &str, action: &Action) -> SpaceError {
    SpaceError::WrongType {
        attribute: name.to_owned(),
        expected: format!("what is done to {}", with_article(of)),
        found: format!("`{}`", action.name()),
    }
}

fn is_for_integers(action: &Action) -> bool {
    matches!(action, Action::Mod(_) | Action::And(_) | Action::Or(_) | Action::Xor(_))
}

/// An action that reckons with one number, with the number made another.
fn reckoned(
    action: Action,
    number: impl FnOnce(Value) -> Result<Value, SpaceError>,
) -> Result<Result<Action, SpaceError>, Action> {
    Ok(match action {
        Action::Add(value) => number(value).map(Action::Add),
        Action::Sub(value) => number(value).map(Action::Sub),
        Action::Mul(value) => number(value).map(Action::Mul),
        Action::Div(value) => number(value).map(Action::Div),
        Action::Mod(value) => number(value).map(Action::Mod),
        Action::And(value) => number(value).map(Action::And),
        Action::Or(value) => number(value).map(Action::Or),
        Action::Xor(value) => number(value).map(Action::Xor),
        Action::Min(value) => number(value).map(Action::Min),
        Action::Max(value) => number(value).map(Action::Max),
        other => return Err(other),
    })
}

fn fit_number(of: Type, name: &str, action: Action) -> Result<Action, SpaceError> {
    reckoned(action, |value| of.fit(name, value)).unwrap_or_else(|other| Err(wrong(of, name, &other)))
}

fn fit_string(name: &str, action: Action) -> Result<Action, SpaceError> {
    match action {
        Action::Prepend(value) => Type::String.fit(name, value).map(Action::Prepend),
        Action::Append(value) => Type::String.fit(name, value).map(Action::Append),
        Action::TrimLeft(_) | Action::TrimRight(_) => Ok(action),
        other => Err(wrong(Type::String, name, &other)),
    }
}

fn fit_list(of: Type, element: Primitive, name: &str, action: Action) -> Result<Action, SpaceError> {
    let fit = |value| Type::from(element).fit(name, value);
    match action {
        Action::PushLeft(value) => fit(value).map(Action::PushLeft),
        Action::PushRight(value) => fit(value).map(Action::PushRight),
        Action::SetAt { at, value } => Ok(Action::SetAt { at, value: fit(value)? }),
        Action::Remove(value) => fit(value).map(Action::Remove),
        Action::PopLeft | Action::PopRight | Action::Keep { .. } | Action::RemoveAt(_) => Ok(action),
        other => Err(wrong(of, name, &other)),
    }
}

fn fit_set(of: Type, element: Primitive, name: &str, action: Action) -> Result<Action, SpaceError> {
    match action {
        Action::Insert(value) => element.fit_member(name, value).map(Action::Insert),
        Action::Remove(value) => element.fit_member(name, value).map(Action::Remove),
        Action::Union(value) => of.fit(name, value).map(Action::Union),
        Action::Intersect(value) => of.fit(name, value).map(Action::Intersect),
        other => Err(wrong(of, name, &other)),
    }
}

fn fit_map(
    of: Type,
    key: Primitive,
    value: Primitive,
    name: &str,
    action: Action,
) -> Result<Action, SpaceError> {
    match action {
        Action::Merge(entries) => of.fit(name, entries).map(Action::Merge),
        Action::Remove(known) => key.fit_key(name, known).map(Action::Remove),
        Action::Element { key: known, action } if !matches!(*action, Action::Unset) => {
            let action = Box::new(fit(value.into(), name, *action)?);
            Ok(Action::Element { key: key.fit_key(name, known)?, action })
        }
        other => Err(wrong(of, name, &other)),
    }
}

/// The action with values as documents have them, for what is so many levels deep in one.
pub(super) fn fit_inside(name: &str, depth: usize, action: Action) -> Result<Action, SpaceError> {
    let left = SPACE_DOCUMENT_DEPTH_MAX.saturating_sub(depth);
    let part = |value| fit_document(name, value, left);
    let element = |value| fit_document(name, value, left.saturating_sub(1));
    match action {
        Action::Set(value) if depth == 0 => Type::Document.fit(name, value).map(Action::Set),
        Action::Set(value) => part(value).map(Action::Set),
        Action::Prepend(value) => text(name, value).map(Action::Prepend),
        Action::Append(value) => text(name, value).map(Action::Append),
        Action::PushLeft(value) => element(value).map(Action::PushLeft),
        Action::PushRight(value) => element(value).map(Action::PushRight),
        Action::SetAt { at, value } => Ok(Action::SetAt { at, value: element(value)? }),
        Action::Rename(path) => {
            if depth == 0 {
                let why = "only a part of a document is renamed".into();
                return Err(SpaceError::BadPath { path: name.to_owned(), why });
            }
            hops_inside(&path).map(|_| Action::Rename(path))
        }
        Action::TrimLeft(_)
        | Action::TrimRight(_)
        | Action::PopLeft
        | Action::PopRight
        | Action::Keep { .. }
        | Action::RemoveAt(_)
        | Action::Unset => Ok(action),
        other => reckoned(other, |value| number(name, value))
            .unwrap_or_else(|other| Err(wrong(Type::Document, name, &other))),
    }
}

fn text(name: &str, value: Value) -> Result<Value, SpaceError> {
    let value = Type::String.fit(name, value)?;
    fit_document(name, value, 0)
}

fn number(name: &str, value: Value) -> Result<Value, SpaceError> {
    match value {
        Value::Int(_) | Value::Float(_) => fit_document(name, value, 0),
        other => Err(SpaceError::WrongType {
            attribute: name.to_owned(),
            expected: "a number".into(),
            found: other.to_string(),
        }),
    }
}
