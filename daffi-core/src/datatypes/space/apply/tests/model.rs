//! What writes should do, as naive as can be: attributes are JSON, and everything is copied.

use serde_json::{Map, Value as Json, json};

use crate::datatypes::space::{Action, Check, Missing, Predicate, Present, Primitive, Type, Value, Write};

/// An object, or none.
pub(super) struct Model {
    types: Vec<Type>,
    attributes: Option<Vec<Json>>,
}

/// What a change comes to, where the model says anything of it.
type Came = Option<Option<Json>>;

/// A step into a document.
#[derive(Clone)]
enum Hop {
    Name(String),
    At(i64),
}

impl Model {
    pub(super) fn of(types: &[Type]) -> Self {
        Self { types: types.to_vec(), attributes: None }
    }

    /// All attributes by name, if the object is there.
    pub(super) fn shown(&self) -> Option<Json> {
        let attributes = self.attributes.as_ref()?.iter().enumerate();
        Some(Json::Object(attributes.map(|(at, value)| (format!("a{at}"), value.clone())).collect()))
    }

    pub(super) fn apply(&mut self, write: &Write) -> Result<Vec<Came>, String> {
        let place = |name: &str| -> usize { name[1..2].parse().unwrap() };
        for condition in &write.conditions {
            let (name, value) = equality(condition);
            // Numbers are compared with numbers, as they are.
            let is_number = value.is_number() && is_number(self.types[place(name)]);
            if !is_number && fit(self.types[place(name)], &value).is_none() {
                return Err(format!("{name} type"));
            }
        }
        let mut fitted = Vec::new();
        for change in &write.changes {
            let (name, at) = (&change.attribute, place(&change.attribute));
            let hops = hops(&name[2..]);
            let action =
                fit_action(self.types[at], &hops, &change.action).map_err(|why| format!("{name} {why}"))?;
            fitted.push((name.clone(), at, hops, action));
        }
        let mut after = match &self.attributes {
            None if write.erase || write.missing == Missing::Fail => return Err("missing".into()),
            None => self.types.iter().map(|of| beginning(*of)).collect(),
            Some(_) if write.present == Present::Fail => return Err("there".into()),
            Some(attributes) => {
                for (which, condition) in write.conditions.iter().enumerate() {
                    let (name, value) = equality(condition);
                    if !equal(&attributes[place(name)], &value) {
                        return Err(format!("condition {which}"));
                    }
                }
                attributes.clone()
            }
        };
        let mut results = Vec::new();
        for (name, at, hops, action) in fitted {
            let of = self.types[at];
            let made = if of == Type::Document {
                in_document(&after[at], &hops, &action)
            } else {
                act(of, &after[at], &action)
            };
            let (value, result) = made.map_err(|why| format!("{name} {why}"))?;
            after[at] = value;
            results.push(result);
        }
        self.attributes = Some(after).filter(|_| !write.erase);
        Ok(results)
    }
}

fn equality(condition: &Predicate) -> (&str, Json) {
    let Predicate::Is(condition) = condition else { panic!("equalities are drawn") };
    let Check::Equals(value) = &condition.check else { panic!("equalities are drawn") };
    (&condition.attribute, value.to_json())
}

fn equal(one: &Json, other: &Json) -> bool {
    match (one.as_f64(), other.as_f64()) {
        // The numbers that are drawn differ in their first digits, or are both integers.
        (Some(first), Some(second)) if one.is_f64() || other.is_f64() => first == second,
        _ => one == other,
    }
}

fn is_number(of: Type) -> bool {
    matches!(of, Type::Int | Type::Float | Type::Timestamp(_))
}

fn beginning(of: Type) -> Json {
    match of {
        Type::String => json!(""),
        Type::Int | Type::Timestamp(_) => json!(0),
        Type::Float => json!(0.0),
        Type::List(_) | Type::Set(_) => json!([]),
        Type::Map(..) | Type::Document => json!({}),
    }
}

fn hops(path: &str) -> Vec<Hop> {
    let spaced = path.replace('[', " [").replace('.', " ");
    let hop = |part: &str| match part.strip_prefix('[') {
        Some(number) => Hop::At(number.trim_end_matches(']').parse().unwrap()),
        None => Hop::Name(part.to_owned()),
    };
    spaced.split_whitespace().map(hop).collect()
}

fn scalar(of: Primitive) -> Type {
    match of {
        Primitive::String => Type::String,
        Primitive::Int => Type::Int,
        Primitive::Float => Type::Float,
    }
}

fn sort(elements: &mut Vec<Json>) {
    elements.sort_by(|one, other| match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => match (one.as_f64(), other.as_f64()) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => one.as_str().cmp(&other.as_str()),
        },
    });
    elements.dedup();
}

fn fit(of: Type, value: &Json) -> Option<Json> {
    let all = |of: Primitive| -> Option<Vec<Json>> {
        value.as_array()?.iter().map(|element| fit(scalar(of), element)).collect()
    };
    match of {
        Type::String => value.is_string().then(|| value.clone()),
        Type::Int | Type::Timestamp(_) => match value.as_i64() {
            Some(int) => Some(json!(int)),
            None => value.as_f64().map(|float| json!(float.round_ties_even() as i64)),
        },
        Type::Float => value.as_f64().map(|float| json!(float)),
        Type::List(of) => all(of).map(Json::Array),
        Type::Set(of) => {
            let mut elements = all(of)?;
            sort(&mut elements);
            Some(Json::Array(elements))
        }
        Type::Map(key, of) => {
            let entries = value.as_object()?.iter();
            let entries =
                entries.map(|(name, value)| Some((fit_key(key, &json!(name))?, fit(scalar(of), value)?)));
            entries.collect::<Option<Map<_, _>>>().map(Json::Object)
        }
        Type::Document => (!value.is_null()).then(|| value.clone()),
    }
}

/// The key of a map as JSON has it.
fn fit_key(of: Primitive, key: &Json) -> Option<String> {
    match of {
        Primitive::String => key.as_str().map(str::to_owned),
        Primitive::Int => {
            let said = key.as_str().and_then(|text| text.parse::<i64>().ok()).map(|int| json!(int));
            fit(Type::Int, &said.unwrap_or_else(|| key.clone())).map(|key| key.to_string())
        }
        Primitive::Float => panic!("no such map is drawn"),
    }
}

/// The operand as JSON, if the action has one.
fn operand(action: &Action) -> Option<&Value> {
    use Action::{Add, And, Div, Max, Min, Mod, Mul, Or, Sub, Xor};
    match action {
        Add(value) | Sub(value) | Mul(value) | Div(value) | Mod(value) | And(value) | Or(value)
        | Xor(value) | Min(value) | Max(value) => Some(value),
        _ => None,
    }
}

/// Whether a type takes an action; the action as it is taken, with its argument as JSON.
fn fit_action(of: Type, hops: &[Hop], action: &Action) -> Result<(Action, Json), &'static str> {
    let taken = |argument: Option<Json>| argument.map(|json| (action.clone(), json)).ok_or("type");
    let with = |of: Type, value: &Value| taken(fit(of, &value.to_json()));
    let nothing = || Ok((action.clone(), Json::Null));
    let integers = matches!(action, Action::Mod(_) | Action::And(_) | Action::Or(_) | Action::Xor(_));
    match (of, action) {
        (Type::Document, Action::Set(value)) if !hops.is_empty() => taken(Some(value.to_json())),
        (_, Action::Set(value)) => with(of, value),
        (_, Action::Unset) => nothing(),
        (Type::Float, _) if integers => Err("type"),
        (Type::Int | Type::Float, _) if operand(action).is_some() => with(of, operand(action).unwrap()),
        (Type::Document, _) if operand(action).is_some() => {
            taken(Some(operand(action).unwrap().to_json()).filter(Json::is_number))
        }
        (Type::String | Type::Document, Action::Prepend(value) | Action::Append(value)) => {
            with(Type::String, value)
        }
        (Type::String | Type::Document, Action::TrimLeft(_) | Action::TrimRight(_)) => nothing(),
        (
            Type::List(of),
            Action::PushLeft(value)
            | Action::PushRight(value)
            | Action::SetAt { value, .. }
            | Action::Remove(value),
        ) => with(scalar(of), value),
        (
            Type::Document,
            Action::PushLeft(value) | Action::PushRight(value) | Action::SetAt { value, .. },
        ) => taken(Some(value.to_json())),
        (
            Type::List(_) | Type::Document,
            Action::PopLeft | Action::PopRight | Action::Keep { .. } | Action::RemoveAt(_),
        ) => nothing(),
        (Type::Set(of), Action::Insert(value) | Action::Remove(value)) => with(scalar(of), value),
        (Type::Set(_), Action::Union(value) | Action::Intersect(value)) => with(of, value),
        (Type::Map(..), Action::Merge(value)) => with(of, value),
        (Type::Map(key, _), Action::Remove(value)) => taken(fit_key(key, &value.to_json()).map(Json::String)),
        (Type::Map(key, value), Action::Element { key: known, action: inner }) => {
            let (_, argument) = fit_action(scalar(value), &[], inner)?;
            let key = fit_key(key, &known.to_json()).ok_or("type")?;
            taken(Some(json!([key, argument])))
        }
        (Type::Document, Action::Rename(_)) if hops.is_empty() => Err("path"),
        (Type::Document, Action::Rename(_)) => nothing(),
        _ => Err("type"),
    }
}

fn place(at: i64, length: usize) -> Option<usize> {
    let at = if at < 0 { at + length as i64 } else { at };
    (0..length as i64).contains(&at).then_some(at as usize)
}

fn reckon(value: &Json, action: &Action, argument: &Json) -> Result<Json, &'static str> {
    let (Some(one), Some(other)) = (value.as_i64(), argument.as_i64()) else {
        let (Some(one), Some(other)) = (value.as_f64(), argument.as_f64()) else { return Err("clash") };
        return match action {
            Action::Add(_) => Ok(json!(one + other)),
            Action::Sub(_) => Ok(json!(one - other)),
            Action::Mul(_) => Ok(json!(one * other)),
            Action::Div(_) => Ok(json!(one / other)),
            Action::Min(_) => Ok(json!(one.min(other))),
            Action::Max(_) => Ok(json!(one.max(other))),
            _ => Err("clash"),
        };
    };
    let (one, other) = (i128::from(one), i128::from(other));
    let quotient = || if other < 0 { (-one).div_euclid(-other) } else { one.div_euclid(other) };
    let made = match action {
        Action::Add(_) => one + other,
        Action::Sub(_) => one - other,
        Action::Mul(_) => one * other,
        Action::Div(_) | Action::Mod(_) if other == 0 => return Err("zero"),
        Action::Div(_) => quotient(),
        // What has no quotient has no rest.
        Action::Mod(_) if quotient() > i128::from(i64::MAX) => quotient(),
        Action::Mod(_) => one - other * quotient(),
        Action::And(_) => one & other,
        Action::Or(_) => one | other,
        Action::Xor(_) => one ^ other,
        Action::Min(_) => one.min(other),
        _ => one.max(other),
    };
    i64::try_from(made).map(|made| json!(made)).map_err(|_| "overflow")
}

fn text(value: &str, action: &Action, argument: &Json) -> String {
    let more = argument.as_str().unwrap_or_default();
    let chars: Vec<char> = value.chars().collect();
    match action {
        Action::Prepend(_) => format!("{more}{value}"),
        Action::Append(_) => format!("{value}{more}"),
        Action::TrimLeft(bytes) => chars.iter().skip(*bytes as usize).collect(),
        Action::TrimRight(bytes) => chars.iter().take(chars.len().saturating_sub(*bytes as usize)).collect(),
        other => panic!("{other:?}"),
    }
}

fn list(elements: &[Json], action: &Action, argument: &Json) -> Result<(Json, Came), &'static str> {
    let (mut after, length) = (elements.to_vec(), elements.len());
    let mut result = None;
    match action {
        Action::PushLeft(_) => after.insert(0, argument.clone()),
        Action::PushRight(_) => after.push(argument.clone()),
        Action::PopLeft => result = Some((length > 0).then(|| after.remove(0))),
        Action::PopRight => result = Some(after.pop()),
        Action::RemoveAt(at) => result = Some(Some(after.remove(place(*at, length).ok_or("element")?))),
        Action::SetAt { at, .. } => after[place(*at, length).ok_or("element")?] = argument.clone(),
        Action::Remove(_) => after.retain(|element| element != argument),
        Action::Keep { from, to } => {
            let bound = |at: i64| (if at < 0 { at + length as i64 } else { at }).clamp(0, length as i64);
            let is_kept = |at: i64| bound(*from) <= at && at < bound(*to);
            after = (0..).zip(after).filter(|(at, _)| is_kept(*at)).map(|(_, element)| element).collect();
        }
        other => panic!("{other:?}"),
    }
    Ok((Json::Array(after), result))
}

/// What an action makes of an attribute that is no document.
fn act(of: Type, value: &Json, (action, argument): &(Action, Json)) -> Result<(Json, Came), &'static str> {
    let said = |json: Json| Ok((json.clone(), Some(Some(json))));
    match action {
        Action::Set(_) => return Ok((argument.clone(), None)),
        Action::Unset => return Ok((beginning(of), None)),
        _ => {}
    }
    match (of, value) {
        // What JSON does not have, the model has lost.
        (Type::Float, Json::Null) => Err("lost"),
        (Type::Int | Type::Float, _) => said(reckon(value, action, argument)?),
        (Type::String, Json::String(known)) => said(json!(text(known, action, argument))),
        (Type::List(_), Json::Array(elements)) => list(elements, action, argument),
        (Type::Set(_), Json::Array(elements)) => {
            let mut after = elements.clone();
            match action {
                Action::Insert(_) => after.push(argument.clone()),
                Action::Remove(_) => after.retain(|element| element != argument),
                Action::Union(_) => after.extend(argument.as_array().unwrap().iter().cloned()),
                _ => after.retain(|element| argument.as_array().unwrap().contains(element)),
            }
            sort(&mut after);
            Ok((Json::Array(after), None))
        }
        (Type::Map(_, of), Json::Object(map)) => {
            let mut after = map.clone();
            match action {
                Action::Merge(_) => after.extend(argument.as_object().unwrap().clone()),
                Action::Remove(_) => drop(after.remove(argument.as_str().unwrap())),
                Action::Element { action, .. } => {
                    let (key, argument) = (argument[0].as_str().unwrap(), argument[1].clone());
                    let known = after.get(key).cloned().unwrap_or_else(|| beginning(scalar(of)));
                    let (value, _) = act(scalar(of), &known, &((**action).clone(), argument))?;
                    after.insert(key.to_owned(), value);
                }
                other => panic!("{other:?}"),
            }
            Ok((Json::Object(after), None))
        }
        other => panic!("{other:?}"),
    }
}

/// What is at a path, if the way there is one.
fn read(document: &Json, hops: &[Hop]) -> Result<Option<Json>, &'static str> {
    let mut value = Some(document.clone());
    for hop in hops {
        value = match (hop, value) {
            (Hop::Name(name), Some(Json::Object(map))) => map.get(name).cloned(),
            (Hop::Name(_), None) => None,
            (Hop::At(at), Some(Json::Array(list))) => {
                Some(list[place(*at, list.len()).ok_or("element")?].clone())
            }
            _ => return Err("clash"),
        };
    }
    Ok(value)
}

/// The document with something else at a path to which there is a way, or nothing.
fn written(document: Option<Json>, hops: &[Hop], new: Option<Json>) -> Option<Json> {
    let Some((hop, rest)) = hops.split_first() else { return new };
    match (hop, document.unwrap_or_else(|| json!({}))) {
        (Hop::Name(name), Json::Object(mut map)) => {
            match written(map.get(name).cloned(), rest, new) {
                Some(inner) => drop(map.insert(name.clone(), inner)),
                None => drop(map.remove(name)),
            }
            Some(Json::Object(map))
        }
        (Hop::At(at), Json::Array(mut list)) => {
            let at = place(*at, list.len()).unwrap();
            match written(Some(list[at].clone()), rest, new) {
                Some(inner) => list[at] = inner,
                None => drop(list.remove(at)),
            }
            Some(Json::Array(list))
        }
        _ => panic!("there was a way"),
    }
}

fn in_document(
    document: &Json,
    way: &[Hop],
    (action, argument): &(Action, Json),
) -> Result<(Json, Came), &'static str> {
    let part = read(document, way)?;
    let put = |new: Json| written(Some(document.clone()), way, Some(new)).unwrap();
    let is_text =
        matches!(action, Action::Prepend(_) | Action::Append(_) | Action::TrimLeft(_) | Action::TrimRight(_));
    match action {
        Action::Set(_) => Ok((put(argument.clone()), None)),
        Action::Unset | Action::Rename(_) if part.is_none() => Err("clash"),
        Action::Unset => Ok((written(Some(document.clone()), way, None).unwrap_or_else(|| json!({})), None)),
        Action::Rename(path) => {
            let rest = written(Some(document.clone()), way, None).unwrap();
            let there = hops(path);
            read(&rest, &there)?;
            Ok((written(Some(rest), &there, part).unwrap(), None))
        }
        _ if operand(action).is_some() => {
            let known = part.unwrap_or_else(|| if argument.is_f64() { json!(0.0) } else { json!(0) });
            let made = reckon(&known, action, argument)?;
            // A float that is none that JSON has.
            if made.is_null() {
                return Err("overflow");
            }
            Ok((put(made.clone()), Some(Some(made))))
        }
        _ if is_text => {
            let known = part.unwrap_or_else(|| json!(""));
            let made = json!(text(known.as_str().ok_or("clash")?, action, argument));
            Ok((put(made.clone()), Some(Some(made))))
        }
        _ => {
            let Some(Json::Array(elements)) = part else { return Err("clash") };
            let (made, result) = list(&elements, action, argument)?;
            Ok((put(made), result))
        }
    }
}
