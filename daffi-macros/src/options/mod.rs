//! The rules of the options between an attribute's parentheses.

mod duration;
mod treatment;

use std::time::Duration;

use syn::{Expr, ExprLit, Lit, LitBool, LitInt, LitStr};

use crate::parse::Given;
use crate::problems::Problems;

pub(crate) use treatment::{Kind, TREATMENT, Treatment};

/// The option `name` among those `given`, as a text.
pub(crate) fn text(given: &[Given], name: &str, problems: &mut Problems) -> Option<LitStr> {
    let option = given.iter().find(|option| option.name == name)?;
    match option.value.as_ref().map(bare) {
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => return Some(text.clone()),
        Some(value) => problems.add(value, format_args!("`{name}` takes a text: `{name} = \"…\"`")),
        None => problems.add(&option.name, format_args!("`{name}` needs a value: `{name} = \"…\"`")),
    }
    None
}

/// The option `name` among those `given`, as a whole number.
pub(crate) fn number(given: &[Given], name: &str, problems: &mut Problems) -> Option<LitInt> {
    let option = given.iter().find(|option| option.name == name)?;
    match option.value.as_ref().map(bare) {
        Some(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => return Some(number.clone()),
        Some(value) => problems.add(value, format_args!("`{name}` takes a whole number: `{name} = 4`")),
        None => problems.add(&option.name, format_args!("`{name}` needs a value: `{name} = 4`")),
    }
    None
}

/// The option `name` among those `given`, as a duration.
pub(crate) fn duration(given: &[Given], name: &str, problems: &mut Problems) -> Option<Duration> {
    let option = given.iter().find(|option| option.name == name)?;
    if let Some(Expr::Lit(ExprLit { lit: Lit::Int(_) | Lit::Float(_), .. })) = option.value.as_ref().map(bare)
    {
        problems.add(
            &option.value,
            format_args!(
                "`{name}` takes a duration as a text, with its unit\nhelp: write `{name} = \"5s\"` or `{name} = \
                 \"250ms\"`"
            ),
        );
        return None;
    }
    let text = text(given, name, problems)?;
    match duration::parse(&text.value()) {
        Ok(duration) => Some(duration),
        Err(problem) => {
            problems.add(&text, problem);
            None
        }
    }
}

/// The option `name` among those `given`, as `true` or `false`.
pub(crate) fn truth(given: &[Given], name: &str, problems: &mut Problems) -> Option<LitBool> {
    let option = given.iter().find(|option| option.name == name)?;
    match option.value.as_ref().map(bare) {
        Some(Expr::Lit(ExprLit { lit: Lit::Bool(truth), .. })) => return Some(truth.clone()),
        Some(value) => problems.add(value, format_args!("`{name}` is `true` or `false`")),
        None => problems.add(&option.name, format_args!("`{name}` needs a value: `{name} = false`")),
    }
    None
}

/// The option `name` among those `given`, as one that is there or not.
pub(crate) fn flag<'a>(given: &'a [Given], name: &str, problems: &mut Problems) -> Option<&'a Given> {
    let option = given.iter().find(|option| option.name == name)?;
    if let Some(value) = &option.value {
        problems.add(value, format_args!("`{name}` takes no value: say `{name}`, or leave it out"));
    }
    Some(option)
}

/// The value without the invisible parentheses that `macro_rules!` puts around it.
fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => bare(&group.expr),
        other => other,
    }
}

/// Options that belong elsewhere, and where.
pub(crate) type Elsewhere<'a> = &'a [(&'a [&'a str], &'a str)];

/// Refuses options that are not `known`, and those that come twice. Of those that belong `elsewhere` it says where.
pub(crate) fn check(given: &[Given], known: &[&str], elsewhere: Elsewhere<'_>, problems: &mut Problems) {
    for (at, option) in given.iter().enumerate() {
        let name = option.name.to_string();
        if let Some((_, place)) = elsewhere.iter().find(|(others, _)| others.contains(&name.as_str())) {
            problems
                .add(&option.name, format_args!("the option `{name}` does not belong here\nhelp: {place}"));
        } else if !known.contains(&name.as_str()) {
            let known_list = known.join(", ");
            let hint = nearest(&name, known).map(|near| format!("; did you mean `{near}`?"));
            let hint = hint.unwrap_or_default();
            problems.add(&option.name, format_args!("unknown option `{name}`{hint} (known: {known_list})"));
        } else if given[..at].iter().any(|before| before.name == option.name) {
            problems.add(&option.name, format_args!("the option `{name}` is given twice"));
        }
    }
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|known| (strsim::damerau_levenshtein(name, known), *known));
    scored.min().filter(|(distance, _)| *distance <= MISTAKES_MAX).map(|(_, known)| known)
}

/// With more slips of the fingers than these, it was another word.
const MISTAKES_MAX: usize = 2;

/// What is wrong with `text` as the name of a callback or a node; the library has the same rules at run time.
pub(crate) fn name_problem(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("a name cannot be empty".into());
    }
    if text.len() > NAME_BYTES_MAX {
        return Some(format!("a name has at most {NAME_BYTES_MAX} bytes, this one has {}", text.len()));
    }
    let is_bad = |c: &char| c.is_whitespace() || c.is_control() || matches!(c, '=' | '@' | '"' | '\'' | '`');
    text.chars().find(is_bad).map(|c| format!("the character {c:?} cannot stand in a name"))
}

const NAME_BYTES_MAX: usize = 128;

/// What is wrong with `text` as the name of a callback that a program offers.
pub(crate) fn offered_problem(text: &str) -> Option<String> {
    let reserved = || "names that begin with `daffi.` are the controller's own".to_owned();
    name_problem(text).or_else(|| text.starts_with("daffi.").then(reserved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_refused_for_what_scripts_would_trip_over() {
        for bad in ["", "a b", "a=b", "a@b", "a\"b", "it's", "a`b", "a\tb", "a\u{7f}b"] {
            assert!(name_problem(bad).is_some(), "{bad:?}");
        }
        assert_eq!(name_problem(&"x".repeat(NAME_BYTES_MAX)), None);
        assert!(name_problem(&"x".repeat(NAME_BYTES_MAX + 1)).is_some());
    }

    #[test]
    fn only_callbacks_are_refused_the_controllers_names() {
        assert!(offered_problem("daffi.stats").is_some());
        assert_eq!(offered_problem("daffi"), None);
        assert_eq!(name_problem("daffi.stats"), None);
    }

    #[test]
    fn a_slip_of_the_fingers_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("nmae", &["name", "inline"]), Some("name"));
        assert_eq!(nearest("inlined", &["name", "inline"]), Some("inline"));
        assert_eq!(nearest("timeout", &["name", "inline"]), None);
    }
}
