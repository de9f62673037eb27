//! Attributes, predicates and changes as words of the command line, read by the types of a description.

use daffi_core::datatypes::space::{
    Action, Alteration, Change, Check, Fields, Form, METHODS, MethodEntry, Predicate, Schema, Type, Value,
    Write,
};

use crate::report::{End, Problem};

/// What stands between an attribute and a value, the longer ones first.
const CHANGES: &[&str] = &["+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="];
const CHECKS: &[&str] = &["!=", "<=", ">=", "=", "<", ">", "~"];

/// A key.
pub(super) fn key(schema: &Schema, word: &str) -> Value {
    of_type(schema.key().of(), word)
}

/// `ATTRIBUTE=VALUE`s.
///
/// # Errors
/// Which is none.
pub(super) fn fields(schema: &Schema, words: &[String]) -> Result<Fields, End> {
    let mut fields = Fields::new();
    for word in words {
        let (path, _, value) = split(word, &["="])?;
        if fields.insert(path, of_type(type_of(schema, path), value)).is_some() {
            return Err(Problem::usage(format!("`{path}` is given twice")).into());
        }
    }
    Ok(fields)
}

/// An attribute that is added: its name, before which its type may stand.
///
/// # Errors
/// Which type is none.
pub(super) fn attribute(words: &[String]) -> Result<Alteration, End> {
    let said = words.join(" ");
    let (of, name) = said.trim().rsplit_once(' ').unwrap_or(("string", said.trim()));
    let of = of.parse().map_err(daffi_core::error::DataError::from)?;
    Ok(Alteration::Add { name: name.to_owned(), of })
}

/// Predicates, all of which must hold.
///
/// # Errors
/// Which is none.
pub(super) fn all(schema: &Schema, words: &[String]) -> Result<Predicate, End> {
    let predicates = words.iter().map(|word| predicate(schema, word));
    Ok(Predicate::All(predicates.collect::<Result<_, _>>()?))
}

fn predicate(schema: &Schema, word: &str) -> Result<Predicate, End> {
    let (path, operator, text) = split(word, CHECKS)?;
    let of = type_of(schema, path);
    let value = || of_type(of, text);
    let check = match operator {
        "=" => Check::Equals(value()),
        "!=" => return Ok(!Predicate::is(path, Check::Equals(value()))),
        "<" => Check::Less(value()),
        "<=" => Check::LessEqual(value()),
        ">" => Check::Greater(value()),
        ">=" => Check::GreaterEqual(value()),
        _ => match of.member() {
            Some(member) => Check::Contains(of_type(member.into(), text)),
            None => Check::Matches(text.to_owned()),
        },
    };
    Ok(Predicate::is(path, check))
}

/// What is done to an object, in this order.
///
/// # Errors
/// Which word is no change.
pub(super) fn changes(schema: &Schema, words: &[String]) -> Result<Write, End> {
    let mut write = Write::new();
    for word in words {
        let is_name = |word: &str| word.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        match word.split_once(':').filter(|(method, _)| is_name(method)) {
            Some((method, rest)) => write.changes.extend(by_method(schema, self::method(method)?, rest)?),
            None => write.changes.push(change(schema, word)?),
        }
    }
    Ok(write)
}

/// A method that changes one object.
fn method(name: &str) -> Result<&'static MethodEntry, End> {
    if let Some(method) = MethodEntry::of(name).filter(|method| method.form == Form::Plain) {
        return Ok(method);
    }
    let plain = METHODS.iter().filter(|method| method.form == Form::Plain).map(|method| method.name);
    let known: Vec<&str> = plain.collect();
    let problem = Problem::usage(format!("there is no method `{name}` of one object"));
    Err(problem.help(format!("there are: {}", known.join(" "))).into())
}

/// `METHOD:ATTRIBUTE=ARGUMENT`.
fn by_method(schema: &Schema, method: &MethodEntry, rest: &str) -> Result<Vec<Change>, End> {
    let (path, _, text) = split(rest, &["="])?;
    let of = type_of(schema, path);
    let takes_text = method.name.starts_with("string_") && !method.name.ends_with("trim");
    let takes_member =
        ["list_lpush", "list_rpush", "list_remove", "set_add", "set_remove"].contains(&method.name);
    let argument = match of.member() {
        Some(member) if takes_member => of_type(member.into(), text),
        _ if takes_text || method.name == "document_rename" => Value::from(text),
        _ if method.name == "put" => of_type(of, text),
        _ => of_json(text),
    };
    let write = method.verb.write(Fields::new().with(path, argument));
    Ok(write.map_err(daffi_core::error::DataError::from)?.changes)
}

fn change(schema: &Schema, word: &str) -> Result<Change, End> {
    let (path, operator, text) = split(word, CHANGES)?;
    let of = type_of(schema, path);
    let value = || of_type(of, text);
    let member = || of.member().map_or(Value::Null, |member| of_type(member.into(), text));
    let action = match (operator, of) {
        ("=", _) => Action::Set(value()),
        ("+=", Type::String) => Action::Append(value()),
        ("+=", Type::List(_)) => Action::PushRight(member()),
        ("+=", Type::Set(_)) => Action::Insert(member()),
        ("+=", Type::Map(..)) => Action::Merge(value()),
        ("-=", Type::List(_) | Type::Set(_) | Type::Map(..)) => Action::Remove(member()),
        ("+=", _) => Action::Add(value()),
        ("-=", _) => Action::Sub(value()),
        ("*=", _) => Action::Mul(value()),
        ("/=", _) => Action::Div(value()),
        ("%=", _) => Action::Mod(value()),
        ("&=", _) => Action::And(value()),
        ("|=", _) => Action::Or(value()),
        _ => Action::Xor(value()),
    };
    Ok(Change { attribute: path.to_owned(), action })
}

/// A word before, at and after the first operator in it.
fn split<'a>(word: &'a str, operators: &[&'static str]) -> Result<(&'a str, &'static str, &'a str), End> {
    let is_name = |c: char| c.is_alphanumeric() || "_.[]".contains(c);
    for (at, c) in word.char_indices() {
        let begins = |operator: &&&str| at > 0 && word[at..].starts_with(**operator);
        if let Some(operator) = operators.iter().find(begins) {
            return Ok((&word[..at], operator, &word[at + operator.len()..]));
        }
        // The place of an element from the end on is a negative number.
        let is_sign = c == '-' && word[..at].ends_with('[');
        if !is_name(c) && !is_sign {
            break;
        }
    }
    let known = operators.join(" ");
    Err(Problem::usage(format!("`{word}` has no `{}` after an attribute", operators[operators.len() - 1]))
        .help(format!("between an attribute and a value stands one of: {known}"))
        .into())
}

/// Of the attribute that a path leads to, or into. What is wrong about the path is said by whoever it is given to.
fn type_of(schema: &Schema, path: &str) -> Type {
    let name = path.split(['.', '[']).next().unwrap_or(path);
    if name == schema.key().name() {
        return schema.key().of();
    }
    schema.attribute(name).map_or(Type::Document, |attribute| attribute.of())
}

/// A word as a value of a type: text as it stands if that is text, else JSON if it parses.
fn of_type(of: Type, word: &str) -> Value {
    match of {
        Type::String => Value::from(word),
        Type::Float => word.parse().map_or_else(|_| of_json(word), Value::Float),
        _ => of_json(word),
    }
}

fn of_json(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| Value::from(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        "space all key int k attributes string s, int i, float f, list(string) ls, set(int) si, map(string, int) msi, document d"
            .parse()
            .unwrap()
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn values_are_read_by_the_types_of_attributes() {
        let read =
            fields(&schema(), &words(&["s=5", "i=-5", "f=1", "ls=[\"5\"]", "d.a=x=y", "d.b={\"c\":1}"]));
        let read = read.ok().unwrap();
        assert_eq!(read["s"], "5".into());
        assert_eq!((read["i"].clone(), read["f"].clone()), (Value::Int(-5), Value::Float(1.0)));
        assert_eq!(read["ls"], ["5"].into());
        assert_eq!((read["d.a"].clone(), read["d.b"].kind()), ("x=y".into(), "map"));
        assert_eq!(key(&schema(), "-7"), (-7).into());
        for wrong in ["s", "=5", "s s=5"] {
            assert!(fields(&schema(), &words(&[wrong])).is_err(), "{wrong}");
        }
        assert!(fields(&schema(), &words(&["s=1", "s=2"])).is_err());
    }

    #[test]
    fn operators_do_what_the_type_allows() {
        let ops = [
            "i+=1",
            "s+=x",
            "ls+=5",
            "si-=5",
            "msi+={\"a\":1}",
            "d.n[-1]+=2",
            "f/=2",
            "list_lpush:ls=7",
            "string_ltrim:s=2",
        ];
        let write = changes(&schema(), &words(&ops)).ok().unwrap();
        let actions: Vec<&Action> = write.changes.iter().map(|change| &change.action).collect();
        assert_eq!(*actions[0], Action::Add(1.into()));
        assert_eq!(*actions[1], Action::Append("x".into()));
        assert_eq!(*actions[2], Action::PushRight("5".into()));
        assert_eq!(*actions[3], Action::Remove(5.into()));
        assert!(matches!(actions[4], Action::Merge(_)));
        assert_eq!((&*write.changes[5].attribute, actions[5]), ("d.n[-1]", &Action::Add(2.into())));
        assert_eq!(*actions[6], Action::Div(Value::Float(2.0)));
        assert_eq!(*actions[7], Action::PushLeft("7".into()));
        assert_eq!(*actions[8], Action::TrimLeft(2));
        write.check(&schema()).unwrap();
        assert_eq!(changes(&schema(), &words(&["s=a:b"])).ok().unwrap().changes.len(), 1);
        for wrong in ["atomic_ad:i=1", "cond_atomic_add:i=1", "list_lpush:ls"] {
            assert!(changes(&schema(), &words(&[wrong])).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_attribute_is_read_as_a_description_has_it() {
        let read = |said: &[&str]| attribute(&words(said)).ok();

        let map = Alteration::Add { name: "votes".into(), of: "map(string, int)".parse().unwrap() };
        assert_eq!(read(&["map(string,", "int)", "votes"]), Some(map.clone()));
        assert_eq!(read(&["map(string, int) votes"]), Some(map));
        assert_eq!(read(&["nick"]), Some(Alteration::Add { name: "nick".into(), of: Type::String }));
        assert_eq!(read(&["integer", "n"]), None);
    }

    #[test]
    fn predicates_are_joined_and_read_by_type() {
        let asked = all(&schema(), &words(&["s=5", "i>=3", "s!=x", "si~4", "s~^a.b$", "k<9"])).ok().unwrap();
        let shown =
            "s = \"5\" and i >= 3 and not (s = \"x\") and si contains 4 and s matches \"^a.b$\" and k < 9";
        assert_eq!(asked.to_string(), shown);
        assert!(all(&schema(), &words(&["s"])).is_err());
    }
}
