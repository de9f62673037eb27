//! Hosted objects as lines of JSON, from which they come back to the last bit.
//!
//! JSON stands for the values that it has. What it lacks is an object of one field that begins with `$`; a map that has
//! such a key itself is written as pairs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daffi_core::wire::ExportedObject;
use rmpv::{Utf8String, Value};
use serde_json::{Map, Value as Json, json};

use crate::render::object;
use crate::values::encode;

/// The longest line, in bytes. No state of the 4 MiB that a call carries takes as many: what takes most is bytes that are
/// none, of which two become `{"$bytes":""},`.
pub(crate) const LINE_BYTES_MAX: usize = 16 * daffi_core::config::BODY_BYTES_MAX;

/// How deep the JSON of a state may nest: what reads it back stops at 128, and the rest is for the line around it and for
/// the innermost values. Bytes that nest deeper stay bytes.
const DEPTH_MAX: usize = 112;

/// An object as a line.
pub(crate) fn line(exported: &ExportedObject) -> String {
    let state = open(&exported.state).and_then(|state| to_json(&state, DEPTH_MAX));
    object([
        ("kind", exported.kind.as_str().into()),
        ("name", exported.name.as_str().into()),
        ("expires_in_ms", json!(exported.expires_in_ms)),
        ("state", state.unwrap_or_else(|| json!({ "$msgpack": STANDARD.encode(&exported.state) }))),
    ])
    .to_string()
}

/// The object that a line is.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(line: &str) -> Result<ExportedObject, String> {
    let json: Json = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let Json::Object(mut fields) = json else { return Err("not an object".to_owned()) };
    if fields.get("v") != Some(&Json::from(1)) {
        return Err("not an export of version 1".to_owned());
    }
    let text = |name: &str| {
        let text = fields.get(name).and_then(Json::as_str).map(str::to_owned);
        text.ok_or_else(|| format!("no `{name}`"))
    };
    let (kind, name) = (text("kind")?, text("name")?);
    let expires_in_ms = match fields.get("expires_in_ms") {
        None | Some(Json::Null) => None,
        Some(time) => Some(time.as_u64().ok_or("`expires_in_ms` is no number of milliseconds")?),
    };
    let state = match fields.remove("state") {
        None => return Err("no `state`".to_owned()),
        Some(Json::Object(fields)) if fields.len() == 1 && fields.contains_key("$msgpack") => {
            bytes_of(&fields["$msgpack"])?
        }
        Some(state) => encode(&from_json(state).map_err(|why| format!("in `state`: {why}"))?),
    };
    Ok(ExportedObject::new(kind, name, expires_in_ms, state))
}

/// The value that bytes are, if they are just as it would be written anew.
fn open(mut bytes: &[u8]) -> Option<Value> {
    let whole = bytes;
    let value = rmpv::decode::read_value(&mut bytes).ok()?;
    (bytes.is_empty() && encode(&value) == whole).then_some(value)
}

/// `None` if it nests deeper than that.
fn to_json(value: &Value, depth: usize) -> Option<Json> {
    Some(match value {
        Value::Nil => Json::Null,
        Value::Boolean(truth) => (*truth).into(),
        Value::Integer(integer) => match integer.as_u64() {
            Some(integer) => integer.into(),
            None => integer.as_i64().expect("MessagePack has no other integers").into(),
        },
        Value::F64(number) if number.is_finite() => (*number).into(),
        Value::F64(number) => json!({ "$f64": if_nan(number.is_nan(), number, number.to_bits()) }),
        Value::F32(number) => json!({ "$f32": if_nan(number.is_nan(), number, number.to_bits().into()) }),
        Value::String(text) => match text.as_str() {
            Some(text) => text.into(),
            None => json!({ "$text": STANDARD.encode(text.as_bytes()) }),
        },
        Value::Binary(bytes) => match open(bytes).zip(depth.checked_sub(1)) {
            Some((value, depth)) => match to_json(&value, depth) {
                Some(value) => json!({ "$value": value }),
                None => json!({ "$bytes": STANDARD.encode(bytes) }),
            },
            None => json!({ "$bytes": STANDARD.encode(bytes) }),
        },
        Value::Array(values) => {
            let depth = depth.checked_sub(1)?;
            values.iter().map(|value| to_json(value, depth)).collect::<Option<_>>()?
        }
        Value::Map(pairs) => map_to_json(pairs, depth)?,
        Value::Ext(kind, bytes) => json!({ "$ext": [kind, STANDARD.encode(bytes)] }),
    })
}

/// A number as a text; one that is none by its bits, of which there are many.
fn if_nan(is_nan: bool, number: &impl ToString, bits: u64) -> String {
    if is_nan { format!("NaN:{bits:x}") } else { number.to_string() }
}

fn map_to_json(pairs: &[(Value, Value)], depth: usize) -> Option<Json> {
    let mut fields = Map::new();
    for (key, value) in pairs {
        match key.as_str().filter(|name| !name.starts_with('$') && !fields.contains_key(*name)) {
            Some(name) => fields.insert(name.to_owned(), to_json(value, depth.checked_sub(1)?)?),
            None => return pairs_to_json(pairs, depth.checked_sub(3)?),
        };
    }
    Some(Json::Object(fields))
}

fn pairs_to_json(pairs: &[(Value, Value)], depth: usize) -> Option<Json> {
    let pair = |(key, value): &(Value, Value)| Some(json!([to_json(key, depth)?, to_json(value, depth)?]));
    Some(json!({ "$pairs": pairs.iter().map(pair).collect::<Option<Vec<Json>>>()? }))
}

fn from_json(json: Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => truth.into(),
        Json::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(integer), _, _) => integer.into(),
            (None, Some(integer), _) => integer.into(),
            (None, None, Some(number)) => Value::F64(number),
            (None, None, None) => return Err(format!("{number} is no number of 64 bits")),
        },
        Json::String(text) => text.into(),
        Json::Array(values) => Value::Array(values.into_iter().map(from_json).collect::<Result<_, _>>()?),
        Json::Object(fields) if fields.keys().any(|name| name.starts_with('$')) => {
            let mut fields = fields.into_iter();
            match (fields.next(), fields.next()) {
                (Some((name, json)), None) => special(&name, json)?,
                _ => return Err("a field that begins with `$` stands alone".to_owned()),
            }
        }
        Json::Object(fields) => {
            let pair = |(name, value): (String, Json)| Ok((name.into(), from_json(value)?));
            Value::Map(fields.into_iter().map(pair).collect::<Result<_, String>>()?)
        }
    })
}

/// What JSON has no form for.
fn special(name: &str, json: Json) -> Result<Value, String> {
    let wrong = || format!("`{name}` has something else in it than it should");
    Ok(match name {
        "$value" => Value::Binary(encode(&from_json(json)?)),
        "$bytes" => Value::Binary(bytes_of(&json)?),
        "$text" => match String::from_utf8(bytes_of(&json)?) {
            Ok(text) => text.into(),
            Err(error) => not_utf8(error.as_bytes()).ok_or_else(wrong)?,
        },
        "$f64" => {
            let number = json.as_str().and_then(|text| parsed(text, f64::from_bits));
            Value::F64(number.ok_or_else(wrong)?)
        }
        "$f32" => {
            let of_bits = |bits| u32::try_from(bits).map_or(0.0, f32::from_bits);
            Value::F32(json.as_str().and_then(|text| parsed(text, of_bits)).ok_or_else(wrong)?)
        }
        "$ext" => match json {
            Json::Array(parts) => match &parts[..] {
                [kind, bytes] => {
                    let kind = kind.as_i64().and_then(|kind| i8::try_from(kind).ok()).ok_or_else(wrong)?;
                    Value::Ext(kind, bytes_of(bytes)?)
                }
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        },
        "$pairs" => match json {
            Json::Array(pairs) => Value::Map(
                pairs.into_iter().map(|pair| pair_of(pair).ok_or_else(wrong)?).collect::<Result<_, _>>()?,
            ),
            _ => return Err(wrong()),
        },
        _ => return Err(format!("`{name}` is not known")),
    })
}

fn pair_of(json: Json) -> Option<Result<(Value, Value), String>> {
    let Json::Array(parts) = json else { return None };
    let [key, value] = <[Json; 2]>::try_from(parts).ok()?;
    Some(from_json(key).and_then(|key| Ok((key, from_json(value)?))))
}

fn parsed<T: std::str::FromStr>(text: &str, of_bits: impl Fn(u64) -> T) -> Option<T> {
    match text.strip_prefix("NaN:") {
        Some(bits) => u64::from_str_radix(bits, 16).ok().map(of_bits),
        None => text.parse().ok(),
    }
}

fn bytes_of(json: &Json) -> Result<Vec<u8>, String> {
    let text = json.as_str().ok_or("bytes are a text in base64")?;
    STANDARD.decode(text).map_err(|error| format!("not base64: {error}"))
}

/// A text that is none, as MessagePack may have it: there is no other way to make one than to read it.
fn not_utf8(bytes: &[u8]) -> Option<Value> {
    let mut encoded = encode(&Value::String(Utf8String::from(" ".repeat(bytes.len()))));
    let at = encoded.len() - bytes.len();
    encoded.truncate(at);
    encoded.extend_from_slice(bytes);
    rmpv::decode::read_value(&mut &encoded[..]).ok()
}

#[cfg(test)]
mod tests;
