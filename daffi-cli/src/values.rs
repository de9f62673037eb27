//! JSON and words of the command line to MessagePack, by declared type, and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daffi_core::callback::{check, stream_parameter, type_fits};
use daffi_core::config::BODY_BYTES_MAX;
use daffi_core::name::similar;
use daffi_core::wire::{Parameter, Shape, Signature};
use rmpv::Value;
use serde_json::Value as Json;

/// The words that stand for arguments, and stdin if one of them asks for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    /// The words.
    pub(crate) words: Vec<String>,
    /// What stdin had, if the only word is `-`.
    pub(crate) stdin: Option<String>,
}

/// The arguments of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Arguments {
    positional: Vec<Value>,
    named: Vec<(String, Value)>,
    /// The type of the items of the stream that stdin gives, if it gives one.
    pub(crate) feed: Option<String>,
}

/// Why words cannot be the arguments of a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Which word is wrong, if it is one.
    pub(crate) word: Option<usize>,
    /// Which parameter it was meant for.
    pub(crate) parameter: Option<usize>,
    /// What was expected and what was got.
    pub(crate) message: String,
}

impl Misfit {
    fn new(message: impl Into<String>) -> Self {
        Self { word: None, parameter: None, message: message.into() }
    }

    fn at(mut self, word: usize, parameter: Option<usize>) -> Self {
        (self.word, self.parameter) = (Some(word), parameter);
        self
    }
}

impl Arguments {
    /// The arguments as the body of a call.
    pub(crate) fn encode(&self) -> Vec<u8> {
        if self.named.is_empty() {
            return encode(&Value::Array(self.positional.clone()));
        }
        let by_position = (0_u64..).map(Value::from).zip(self.positional.iter().cloned());
        let by_name = self.named.iter().map(|(name, value)| (Value::from(name.as_str()), value.clone()));
        encode(&Value::Map(by_position.chain(by_name).collect()))
    }

    /// The arguments for people: a list, or an object if some are named.
    pub(crate) fn to_json(&self) -> Json {
        if self.named.is_empty() {
            return Json::Array(self.positional.iter().map(to_json).collect());
        }
        let by_position =
            self.positional.iter().enumerate().map(|(at, value)| (at.to_string(), to_json(value)));
        let by_name = self.named.iter().map(|(name, value)| (name.clone(), to_json(value)));
        Json::Object(by_position.chain(by_name).collect())
    }
}

/// Reads words as arguments: by the signature if it is known, else as JSON if they parse and as text if not.
///
/// # Errors
/// [`Misfit`] if they do not fit it.
pub(crate) fn read(words: &Words, signature: Option<&Signature>) -> Result<Arguments, Misfit> {
    let arguments = match &words.stdin {
        Some(stdin) => from_stdin(stdin, signature)?,
        None => from_words(&words.words, signature)?,
    };
    match signature {
        Some(signature) if !signature.variadic => {
            check(signature, &arguments.encode()).map_err(|(_, got)| Misfit::new(format!("got {got}")))?;
            match stream_parameter(signature) {
                Some(at) if arguments.feed.is_none() => {
                    let name = &signature.parameters[at].name;
                    let mut misfit = Misfit::new(format!("no stream for `{name}`: {}", from_lines(name)));
                    misfit.parameter = Some(at);
                    Err(misfit)
                }
                _ => Ok(arguments),
            }
        }
        _ => Ok(arguments),
    }
}

/// How a stream is given.
fn from_lines(name: &str) -> String {
    format!("`{name}=-` takes it from the lines of stdin, each a JSON value")
}

/// One line of stdin as an item of type `ty`.
///
/// # Errors
/// What was expected and what was got.
pub(crate) fn item(line: &str, ty: &str) -> Result<Value, String> {
    let item = from_json_text(line, ty)?;
    // A float of a few letters has nine bytes; a shorter line cannot be too large.
    if line.len() > BODY_BYTES_MAX / 9 {
        let bytes = encode(&item).len();
        if bytes > BODY_BYTES_MAX {
            return Err(format!("{bytes} bytes are more than the {BODY_BYTES_MAX} that an item may have"));
        }
    }
    Ok(item)
}

fn from_stdin(text: &str, signature: Option<&Signature>) -> Result<Arguments, Misfit> {
    let wrong = |why: String| Misfit::new(why).at(0, None);
    let json = serde_json::from_str(text).map_err(|error| wrong(format!("stdin is not JSON: {error}")))?;
    let typed = |json: &Json, at: Option<usize>| {
        let ty = at.and_then(|at| parameter(signature, at)).map_or("any", |parameter| &parameter.ty);
        from_json_as(json, ty).map_err(|why| Misfit::new(why).at(0, at))
    };
    let mut arguments = Arguments::default();
    match json {
        Json::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                arguments.positional.push(typed(value, Some(by_position(signature, at)))?);
            }
        }
        Json::Object(fields) => {
            for (name, value) in &fields {
                let value = typed(value, position(signature, name))?;
                arguments.named.push((name.clone(), value));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            return Err(wrong("stdin must have a JSON array or object: all arguments at once".into()));
        }
    }
    Ok(arguments)
}

fn from_words(words: &[String], signature: Option<&Signature>) -> Result<Arguments, Misfit> {
    let mut arguments = Arguments::default();
    for (at, word) in words.iter().enumerate() {
        match Word::of(word, signature) {
            Word::Stdin => {
                return Err(Misfit::new("`-` means all arguments: it cannot stand with others").at(at, None));
            }
            Word::Json(name, json) => {
                let known = named(signature, name).map_err(|why| Misfit::new(why).at(at, None))?;
                if let Some((parameter, _)) = known.filter(|(_, parameter)| item_type(parameter).is_some()) {
                    return Err(
                        Misfit::new(format!("a stream: {}", from_lines(name))).at(at, Some(parameter))
                    );
                }
                let value = from_json_text(json, known.map_or("any", |(_, parameter)| &parameter.ty))
                    .map_err(|why| Misfit::new(why).at(at, known.map(|(parameter, _)| parameter)))?;
                arguments.named.push((name.to_owned(), value));
            }
            Word::Text(parameter, text) => {
                let known = &signature_of(signature).parameters[parameter];
                let Parameter { name, ty } = known;
                if let Some(item) = item_type(known) {
                    if text != "-" || arguments.feed.is_some() {
                        let why = format!("a stream: {}", from_lines(name));
                        return Err(Misfit::new(why).at(at, Some(parameter)));
                    }
                    arguments.feed = Some(item.to_owned());
                    continue;
                }
                let value =
                    from_named_text(text, ty).map_err(|why| Misfit::new(why).at(at, Some(parameter)))?;
                arguments.named.push((name.clone(), value));
            }
            Word::Plain => {
                let parameter = by_position(signature, arguments.positional.len());
                let value = plain(word, signature, parameter)
                    .map_err(|why| Misfit::new(why).at(at, Some(parameter)))?;
                arguments.positional.push(value);
            }
        }
    }
    Ok(arguments)
}

fn signature_of(signature: Option<&Signature>) -> &Signature {
    signature.expect("only a known signature has parameters to name")
}

/// What a word means.
enum Word<'a> {
    Stdin,
    /// `name:=JSON`.
    Json(&'a str, &'a str),
    /// `name=text` and `name=@file`, with the position of the parameter.
    Text(usize, &'a str),
    Plain,
}

impl<'a> Word<'a> {
    fn of(word: &'a str, signature: Option<&Signature>) -> Self {
        if word == "-" {
            return Self::Stdin;
        }
        let Some((name, value)) = word.split_once('=') else { return Self::Plain };
        if let Some(name) = name.strip_suffix(':').filter(|name| is_identifier(name)) {
            return Self::Json(name, value);
        }
        position(signature, name).map_or(Self::Plain, |parameter| Self::Text(parameter, value))
    }
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}

fn parameter(signature: Option<&Signature>, at: usize) -> Option<&Parameter> {
    signature.and_then(|signature| signature.parameters.get(at))
}

/// The parameter that the `at`-th positional argument is for: the stream has no position.
fn by_position(signature: Option<&Signature>, at: usize) -> usize {
    match signature.and_then(stream_parameter) {
        Some(stream) if stream <= at => at + 1,
        _ => at,
    }
}

/// The type of the items, if the parameter is a stream.
fn item_type(parameter: &Parameter) -> Option<&str> {
    parameter.ty.strip_prefix("Incoming<")?.strip_suffix('>')
}

fn position(signature: Option<&Signature>, name: &str) -> Option<usize> {
    signature?.parameters.iter().position(|parameter| parameter.name == name)
}

/// The parameter of this name; `None` if the signature is not known.
fn named<'a>(signature: Option<&'a Signature>, name: &str) -> Result<Option<(usize, &'a Parameter)>, String> {
    let Some(known) = signature.filter(|signature| !signature.variadic) else { return Ok(None) };
    let names = known.parameters.iter().map(|parameter| parameter.name.as_str());
    match position(signature, name) {
        Some(at) => Ok(Some((at, &known.parameters[at]))),
        None => Err(match similar(name, names).first() {
            Some(near) => format!("no parameter `{name}`; did you mean `{near}`?"),
            None => format!("no parameter `{name}`"),
        }),
    }
}

fn plain(word: &str, signature: Option<&Signature>, at: usize) -> Result<Value, String> {
    match (signature, parameter(signature, at)) {
        (Some(_), Some(parameter)) => from_text(word, &parameter.ty),
        // What a command is given on the shell, a served command shall be given there: `007` is not 7.
        (Some(signature), None) if signature.variadic => Ok(word.into()),
        (Some(signature), None) => {
            Err(match signature.parameters.iter().filter(|one| item_type(one).is_none()).count() {
                0 => "one too many: it takes no arguments".into(),
                1 => "one too many: it takes 1 argument".into(),
                count => format!("one too many: it takes {count} arguments"),
            })
        }
        (None, _) => from_text(word, "any"),
    }
}

fn from_named_text(text: &str, ty: &str) -> Result<Value, String> {
    if text == "-" {
        return Err("it takes no stream from stdin; `name:=\"-\"` is the text".into());
    }
    let Some(path) = text.strip_prefix('@') else { return from_text(text, ty) };
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    if matches!(ty, "Vec<u8>" | "Bytes" | "bytes") {
        return Ok(Value::Binary(bytes));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8, and {ty} needs a text"))?;
    // A file that an editor wrote ends with a newline; for a text that is content, for a number it is not.
    if is_text(ty) { Ok(text.into()) } else { from_text(text.trim(), ty) }
}

fn is_text(ty: &str) -> bool {
    let ty = optional(ty).unwrap_or(ty);
    matches!(ty, "String" | "char" | "PathBuf" | "Box<str>" | "Arc<str>" | "str" | "&str")
}

fn optional(ty: &str) -> Option<&str> {
    ty.strip_prefix("Option<")?.strip_suffix('>')
}

/// A word as a value of type `ty`, as the callee's source spells it.
fn from_text(text: &str, ty: &str) -> Result<Value, String> {
    if is_text(ty) {
        return Ok(text.into());
    }
    if let Some(inner) = optional(ty) {
        return if text == "null" { Ok(Value::Nil) } else { from_text(text, inner) };
    }
    let wrong = || format!("expected {ty}, got the text {}", quoted(text));
    match ty {
        "any" | "Any" | "object" | "" => {
            Ok(serde_json::from_str(text).map_or_else(|_| text.into(), from_json))
        }
        "bool" => text.parse().map(Value::Boolean).map_err(|_| wrong()),
        "f32" | "f64" | "float" => text.parse().map(Value::F64).map_err(|_| wrong()),
        "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" | "int" => {
            let integer: i128 = text.parse().map_err(|_| wrong())?;
            if !type_fits(ty, Shape::Integer(integer)) {
                return Err(format!("expected {ty}, got {integer}"));
            }
            integer_value(integer).ok_or_else(|| format!("expected {ty}, got {integer}"))
        }
        _ => from_json_text(text, ty),
    }
}

fn integer_value(integer: i128) -> Option<Value> {
    let unsigned = u64::try_from(integer).ok().map(Value::from);
    unsigned.or_else(|| i64::try_from(integer).ok().map(Value::from))
}

fn from_json_text(text: &str, ty: &str) -> Result<Value, String> {
    let json =
        serde_json::from_str(text).map_err(|_| format!("expected {ty} as JSON, got {}", quoted(text)))?;
    from_json_as(&json, ty)
}

fn from_json_as(json: &Json, ty: &str) -> Result<Value, String> {
    let inner = optional(ty).unwrap_or(ty);
    let value = match (json, inner) {
        (Json::Number(number), "f32" | "f64") => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
        (Json::String(text), "Vec<u8>") => Value::Binary(text.clone().into_bytes()),
        _ => from_json(json.clone()),
    };
    let shape = Shape::of(&encode(&value)).map_err(|error| error.to_string())?;
    if type_fits(ty, shape) { Ok(value) } else { Err(format!("expected {ty}, got {}", describe(json))) }
}

fn describe(json: &Json) -> String {
    match json {
        Json::String(text) => format!("the text {}", quoted(text)),
        Json::Array(values) => format!("a list of {}", values.len()),
        Json::Object(fields) => format!("an object of {}", fields.len()),
        Json::Null | Json::Bool(_) | Json::Number(_) => json.to_string(),
    }
}

/// A text in a message, which nobody reads to its end if it is long.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

/// Most of a line on a terminal.
const QUOTED_CHARS_MAX: usize = 60;

/// A value as MessagePack.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).expect("a Vec takes all bytes");
    bytes
}

/// JSON as MessagePack: integers stay integers.
pub(crate) fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => truth.into(),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => text.into(),
        Json::Array(values) => Value::Array(values.into_iter().map(from_json).collect()),
        Json::Object(fields) => {
            Value::Map(fields.into_iter().map(|(name, value)| (name.into(), from_json(value))).collect())
        }
    }
}

/// MessagePack as JSON. Bytes become `{"base64":…}`, keys that are not texts their JSON.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Boolean(truth) => Json::Bool(*truth),
        Value::Integer(integer) => match (integer.as_u64(), integer.as_i64()) {
            (Some(integer), _) => integer.into(),
            (None, Some(integer)) => integer.into(),
            (None, None) => Json::Null,
        },
        // Not through f64: 0.1 as an f32 would come out as 0.10000000149011612.
        Value::F32(number) => number.to_string().parse::<f64>().map_or(Json::Null, Json::from),
        Value::F64(number) => Json::from(*number),
        Value::String(text) => match text.as_str() {
            Some(text) => text.into(),
            None => bytes_to_json(text.as_bytes()),
        },
        Value::Binary(bytes) => bytes_to_json(bytes),
        Value::Array(values) => values.iter().map(to_json).collect(),
        Value::Map(pairs) => {
            Json::Object(pairs.iter().map(|(key, value)| (key_text(key), to_json(value))).collect())
        }
        Value::Ext(kind, bytes) => serde_json::json!({ "extension": kind, "base64": STANDARD.encode(bytes) }),
    }
}

fn key_text(key: &Value) -> String {
    match to_json(key) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn bytes_to_json(bytes: &[u8]) -> Json {
    serde_json::json!({ "base64": STANDARD.encode(bytes) })
}

#[cfg(test)]
mod tests;
