//! Paths to attributes and into documents: `attribute.name[2].other`.

use std::fmt;

use crate::config::SPACE_DOCUMENT_DEPTH_MAX;
use crate::error::SpaceError;

/// A path to an attribute, or to what is in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path<'a> {
    text: &'a str,
    attribute: &'a str,
    steps: Vec<Step<'a>>,
}

/// A step into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// To what an object has by this name.
    Name(&'a str),
    /// To an element of a list, from 0 on, or from −1 back.
    At(i64),
}

impl<'a> Path<'a> {
    /// The path that a text is: a name, then any number of `.name` and `[3]`; `[-1]` is the last.
    pub(super) fn parse(text: &'a str) -> Result<Self, SpaceError> {
        let bad = |why: &str| SpaceError::BadPath { path: text.to_owned(), why: why.to_owned() };
        let (attribute, rest) = split_name(text);
        if attribute.is_empty() {
            return Err(bad("it begins with no name"));
        }
        let steps = steps(rest).map_err(bad)?;
        Ok(Self { text, attribute, steps })
    }

    /// The steps of a path inside a document, which begins with a name or `[`.
    pub(super) fn inside(text: &'a str) -> Result<Vec<Step<'a>>, SpaceError> {
        let bad = |why: &str| SpaceError::BadPath { path: text.to_owned(), why: why.to_owned() };
        let (name, rest) = split_name(text);
        let first = (!name.is_empty()).then_some(Step::Name(name));
        if first.is_none() && !rest.starts_with('[') {
            return Err(bad("it begins with no name"));
        }
        let more = steps(rest).map_err(bad)?;
        Ok(first.into_iter().chain(more).collect())
    }

    /// The attribute that it leads to or into.
    pub(super) fn attribute(&self) -> &'a str {
        self.attribute
    }

    /// The steps from there on.
    pub(super) fn steps(&self) -> &[Step<'a>] {
        &self.steps
    }

    /// Whether it leads to a whole attribute.
    pub(super) fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether no step is to an element of a list.
    pub(super) fn has_only_names(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Name(_)))
    }
}

fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[', ']']).unwrap_or(text.len()))
}

fn steps(mut rest: &str) -> Result<Vec<Step<'_>>, &'static str> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == SPACE_DOCUMENT_DEPTH_MAX {
            return Err("it goes deeper than documents do");
        }
        let step;
        (step, rest) = if let Some(after) = rest.strip_prefix('.') {
            let (name, rest) = split_name(after);
            if name.is_empty() {
                return Err("a name is missing after a point");
            }
            (Step::Name(name), rest)
        } else if let Some(after) = rest.strip_prefix('[') {
            let (number, rest) = after.split_once(']').ok_or("a bracket is not closed")?;
            (Step::At(index(number).ok_or("in brackets there is no whole number")?), rest)
        } else {
            return Err("a point or a bracket is missing");
        };
        steps.push(step);
    }
    Ok(steps)
}

/// A whole number as one writes it, without `+`, and with no 0 before it.
fn index(number: &str) -> Option<i64> {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = !digits.starts_with('0') || number == "0";
    if is_plain && is_short { number.parse().ok() } else { None }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_of(text: &str) -> Option<Vec<Step<'_>>> {
        Path::parse(text).ok().map(|path| path.steps().to_vec())
    }

    #[test]
    fn a_path_is_a_name_and_steps_into_documents() {
        use Step::{At, Name};

        assert_eq!(steps_of("v"), Some(vec![]));
        assert_eq!(steps_of("v.a.b"), Some(vec![Name("a"), Name("b")]));
        assert_eq!(steps_of("v.a[2].b"), Some(vec![Name("a"), At(2), Name("b")]));
        assert_eq!(steps_of("v[0]"), Some(vec![At(0)]));
        assert_eq!(steps_of("v[3][-14]"), Some(vec![At(3), At(-14)]));
        assert_eq!(Path::inside("a.c"), Ok(vec![Name("a"), Name("c")]));
        assert_eq!(Path::inside("[1].c"), Ok(vec![At(1), Name("c")]));
    }

    #[test]
    fn what_is_almost_a_path_is_refused() {
        let bad = [
            "", ".a", "v.", "v..a", "v.[3]", "v[3]a", "v[", "v[]", "v[x]", "v[0x10]", "v[010]", "v[+1]",
            "v[-0]", "v]",
        ];
        for path in bad {
            assert!(matches!(Path::parse(path), Err(SpaceError::BadPath { .. })), "{path}");
        }
        assert!(Path::inside(".a").is_err() && Path::inside("").is_err());
        assert!(Path::parse(&format!("v{}", ".a".repeat(SPACE_DOCUMENT_DEPTH_MAX + 1))).is_err());
    }
}
