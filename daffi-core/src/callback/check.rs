//! Refusing arguments that a signature rules out, before they are sent and again where they arrive.

use std::ops::RangeInclusive;

use crate::wire::{Elements, Parameter, Shape, Signature, WalkError, elements};

/// Checks encoded arguments against a signature.
///
/// # Errors
/// What was expected and what was got, for people. Only what is certain is refused: a type of the user's own
/// takes any value here, and its own `Deserialize` has the last word.
pub fn check(signature: &Signature, body: &[u8]) -> Result<(), (String, String)> {
    if fits_as_it_stands(signature, body) {
        return Ok(());
    }
    arrange(signature, body).map(drop)
}

/// Whether the result is a stream.
pub fn gives_stream(signature: &Signature) -> bool {
    signature.result.starts_with("Stream<")
}

/// Which parameter is a stream that the caller feeds, if one is.
pub fn stream_parameter(signature: &Signature) -> Option<usize> {
    signature.parameters.iter().position(is_stream)
}

fn is_stream(parameter: &Parameter) -> bool {
    parameter.ty.starts_with("Incoming<")
}

/// The parameters that travel in the body of a call: all but the stream.
fn sent(signature: &Signature) -> impl Iterator<Item = &Parameter> {
    signature.parameters.iter().filter(|parameter| !is_stream(parameter))
}

/// How many there are.
pub(super) fn sent_count(signature: &Signature) -> usize {
    sent(signature).count()
}

/// Whether the arguments are all there, by position: what most calls are, and needs no memory to see.
fn fits_as_it_stands(signature: &Signature, body: &[u8]) -> bool {
    let Some((length, mut values)) = Elements::of_array(body) else { return false };
    let fits_one = |parameter: &Parameter| {
        let shape = values.next().and_then(Result::ok).map(Shape::of);
        matches!(shape, Some(Ok(shape)) if type_fits(&parameter.ty, shape))
    };
    length as usize == sent_count(signature) && sent(signature).all(fits_one)
}

/// The argument of each parameter, in order; `None` where an optional one was left out.
pub(super) fn arrange<'a>(
    signature: &Signature,
    body: &'a [u8],
) -> Result<Vec<Option<&'a [u8]>>, (String, String)> {
    let refuse = |got: String| (signature.to_string(), got);
    let broken = |error: WalkError| refuse(error.to_string());
    let values = elements(body).map_err(broken)?;
    let mut slots = vec![None; sent_count(signature)];
    match Shape::of(body).map_err(broken)? {
        Shape::Array(_) => by_position(&mut slots, &values).map_err(refuse)?,
        Shape::Map(_) => by_name(signature, &mut slots, &values).map_err(refuse)?,
        _ => return Err(refuse("one value; arguments are an array or a map".into())),
    }
    for (parameter, slot) in sent(signature).zip(&slots) {
        match slot {
            Some(value) => fits(parameter, value).map_err(refuse)?,
            None if is_optional(&parameter.ty) => {}
            None => return Err(refuse(count(slots.iter().flatten().count(), &parameter.name))),
        }
    }
    Ok(slots)
}

fn count(given: usize, missing: &str) -> String {
    let plural = if given == 1 { "" } else { "s" };
    format!("{given} argument{plural}; `{missing}` is missing")
}

fn by_position<'a>(slots: &mut [Option<&'a [u8]>], values: &[&'a [u8]]) -> Result<(), String> {
    if values.len() > slots.len() {
        let plural = if values.len() == 1 { "" } else { "s" };
        return Err(format!("{} argument{plural}", values.len()));
    }
    for (slot, value) in slots.iter_mut().zip(values) {
        *slot = Some(*value);
    }
    Ok(())
}

fn by_name<'a>(
    signature: &Signature,
    slots: &mut [Option<&'a [u8]>],
    pairs: &[&'a [u8]],
) -> Result<(), String> {
    for pair in pairs.chunks_exact(2) {
        let (key, value) = (pair[0], pair[1]);
        let (at, name) = match Shape::of(key) {
            Ok(Shape::Integer(position)) => (usize::try_from(position).ok(), format!("argument {position}")),
            _ => {
                let name: String =
                    crate::wire::decode(key).map_err(|_| "a name that is not a text".to_owned())?;
                (sent(signature).position(|parameter| parameter.name == name), name)
            }
        };
        let slot = at.and_then(|at| slots.get_mut(at));
        let slot = slot.ok_or_else(|| match nearest(signature, &name) {
            Some(near) => format!("an argument `{name}`; did you mean `{near}`?"),
            None => format!("an argument `{name}`, which is not a parameter"),
        })?;
        if slot.replace(value).is_some() {
            return Err(format!("`{name}` twice"));
        }
    }
    Ok(())
}

fn nearest(signature: &Signature, name: &str) -> Option<String> {
    let names = sent(signature).map(|parameter| parameter.name.as_str());
    crate::name::similar(name, names).into_iter().next()
}

fn fits(parameter: &Parameter, value: &[u8]) -> Result<(), String> {
    let shape = Shape::of(value).map_err(|error| error.to_string())?;
    if type_fits(&parameter.ty, shape) {
        return Ok(());
    }
    Err(format!("{shape} for `{}: {}`", parameter.name, parameter.ty))
}

fn is_optional(ty: &str) -> bool {
    ty.starts_with("Option<") || ty == "any"
}

fn integers(ty: &str) -> Option<RangeInclusive<i128>> {
    Some(match ty {
        "i8" => i128::from(i8::MIN)..=i128::from(i8::MAX),
        "i16" => i128::from(i16::MIN)..=i128::from(i16::MAX),
        "i32" => i128::from(i32::MIN)..=i128::from(i32::MAX),
        "i64" | "isize" => i128::from(i64::MIN)..=i128::from(i64::MAX),
        "u8" => 0..=i128::from(u8::MAX),
        "u16" => 0..=i128::from(u16::MAX),
        "u32" => 0..=i128::from(u32::MAX),
        "u64" | "usize" => 0..=i128::from(u64::MAX),
        _ => return None,
    })
}

/// Whether a value of this shape can be a `ty`, as Rust source spells it. Types it does not know take anything.
pub fn type_fits(ty: &str, shape: Shape) -> bool {
    if let Some(inner) = ty.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
        return shape == Shape::Nil || type_fits(inner, shape);
    }
    if let Some(range) = integers(ty) {
        return matches!(shape, Shape::Integer(value) if range.contains(&value));
    }
    match ty {
        "f32" | "f64" => matches!(shape, Shape::Float | Shape::Integer(_)),
        "bool" => shape == Shape::Bool,
        "String" | "char" => shape == Shape::Text,
        "Vec<u8>" => matches!(shape, Shape::Bytes | Shape::Array(_)),
        // Some peers encode `()` as an empty list.
        "()" => matches!(shape, Shape::Nil | Shape::Array(0)),
        _ if ty.starts_with("Vec<") => matches!(shape, Shape::Array(_) | Shape::Bytes),
        _ if ty.starts_with("HashMap<") || ty.starts_with("BTreeMap<") => matches!(shape, Shape::Map(_)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::{Args, Arguments};
    use crate::name::CallbackName;
    use crate::wire::Effect;

    fn add() -> Signature {
        let parameter = |name: &str, ty: &str| Parameter { name: name.into(), ty: ty.into() };
        Signature {
            name: CallbackName::new("add").expect("a good name"),
            parameters: vec![
                parameter("a", "i64"),
                parameter("b", "u8"),
                parameter("note", "Option<String>"),
            ],
            result: "i64".into(),
            doc: String::new(),
            effect: Effect::Once,
            variadic: false,
        }
    }

    fn got(arguments: &impl Arguments) -> Result<(), String> {
        let mut body = Vec::new();
        arguments.put(&mut body).expect("it encodes");
        check(&add(), &body).map_err(|(_, got)| got)
    }

    #[test]
    fn arguments_by_position_and_by_name_are_the_same() {
        assert_eq!(got(&(1, 2)), Ok(()));
        assert_eq!(got(&(1, 2, "why")), Ok(()));
        assert_eq!(got(&Args::new().with(1).with_named("b", 2)), Ok(()));
        assert_eq!(got(&Args::new().with_named("b", 2).with_named("a", 1)), Ok(()));
    }

    #[test]
    fn what_is_refused_is_named() {
        assert_eq!(got(&(1,)), Err("1 argument; `b` is missing".into()));
        assert_eq!(got(&(1, 2, "why", 4)), Err("4 arguments".into()));
        assert_eq!(got(&("six", 2)), Err("a text for `a: i64`".into()));
        assert_eq!(got(&(1, 256)), Err("the integer 256 for `b: u8`".into()));
        assert_eq!(got(&Args::new().with(1).with_named("a", 2)), Err("`a` twice".into()));
        let misspelt = Args::new().with(1).with(2).with_named("notes", "x");
        assert_eq!(got(&misspelt), Err("an argument `notes`; did you mean `note`?".into()));
    }

    #[test]
    fn a_type_of_the_users_own_takes_anything() {
        assert!(type_fits("Order", Shape::Map(3)));
        assert!(type_fits("Option<Order>", Shape::Nil));
        assert!(!type_fits("Option<bool>", Shape::Text));
    }
}
