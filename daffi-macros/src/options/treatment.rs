//! How a callback wants to be treated, and what about it contradicts itself.

use std::time::Duration;

use crate::parse::Given;
use crate::problems::Problems;

/// The names of the options that this is about.
pub(crate) const TREATMENT: [&str; 6] =
    ["timeout", "concurrency", "idempotent", "on_cancel", "blocking", "inline"];

/// How a callback wants to be treated.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Treatment {
    pub(crate) inline: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) idempotent: bool,
    /// Whether a run goes on that nobody waits for any more.
    pub(crate) finishes: bool,
    pub(crate) blocking: bool,
}

/// What is treated so.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) is_async: bool,
    pub(crate) has_streams: bool,
}

impl Treatment {
    /// What the options `given` ask for.
    pub(crate) fn read(given: &[Given], kind: Kind, problems: &mut Problems) -> Self {
        let [inline, blocking, idempotent] =
            ["inline", "blocking", "idempotent"].map(|name| super::flag(given, name, problems));
        if let Some(inline) = inline {
            check_inline(inline, given, kind, problems);
        }
        if let Some(blocking) = blocking
            && !kind.is_async
            && !kind.has_streams
        {
            problems.add(
                &blocking.name,
                "a plain function runs on a thread where it may block: it is `blocking` already\n\
                 help: leave `blocking` out, it is for `async` functions",
            );
        }
        Self {
            inline: inline.is_some(),
            timeout: super::duration(given, "timeout", problems),
            concurrency: concurrency(given, problems),
            idempotent: idempotent.is_some(),
            finishes: finishes(given, problems),
            blocking: blocking.is_some(),
        }
    }
}

fn check_inline(inline: &Given, given: &[Given], kind: Kind, problems: &mut Problems) {
    if kind.has_streams {
        problems.add(
            &inline.name,
            "a callback with a stream cannot be `inline`: it waits, and all other calls with it\n\
             help: leave `inline` out",
        );
    } else if !kind.is_async {
        problems.add(
            &inline.name,
            "only an `async` function can be `inline`: a plain one may block, and all other calls with it\n\
             help: make it `async`, or leave `inline` out",
        );
    }
    for option in given {
        let reason = match option.name.to_string().as_str() {
            "blocking" => {
                "`inline` is for functions that are over at once, `blocking` for those that may block"
            }
            "concurrency" => "an `inline` callback runs as soon as its call is read, and waits for no other",
            _ => continue,
        };
        problems.add(
            &option.name,
            format_args!(
                "`inline` and `{}` contradict each other: {reason}\nhelp: leave one of them out",
                option.name
            ),
        );
    }
}

fn concurrency(given: &[Given], problems: &mut Problems) -> Option<u32> {
    let number = super::number(given, "concurrency", problems)?;
    match number.base10_parse::<u32>() {
        Ok(0) => {
            problems
                .add(&number, "with a `concurrency` of 0 no call would ever run\nhelp: 1 runs one at a time");
            None
        }
        Ok(concurrency) => Some(concurrency),
        Err(error) => {
            problems.add(&number, format_args!("`concurrency` is a number of calls: {error}"));
            None
        }
    }
}

fn finishes(given: &[Given], problems: &mut Problems) -> bool {
    let Some(text) = super::text(given, "on_cancel", problems) else { return false };
    let value = text.value();
    if !WAYS.contains(&value.as_str()) {
        let hint = super::nearest(&value, &WAYS).map(|near| format!("; did you mean `{near}`?"));
        problems.add(
            &text,
            format_args!(
                "a cancelled run cannot `{value}`{}\n\
                 help: `\"abort\"`, the default, stops it where it waits; `\"finish\"` lets it go on",
                hint.unwrap_or_default()
            ),
        );
    }
    value == "finish"
}

/// What a cancelled run may do.
const WAYS: [&str; 2] = ["abort", "finish"];

#[cfg(test)]
mod tests {
    use syn::parse::Parser;

    use super::*;

    fn read(options: &str) -> syn::Result<Treatment> {
        let given = crate::parse::options.parse_str(options)?;
        let mut problems = Problems::default();
        let treatment = Treatment::read(&given, Kind { is_async: true, has_streams: false }, &mut problems);
        problems.or(treatment)
    }

    #[test]
    fn options_are_read_as_they_are_meant() {
        let all = read(r#"timeout = "1.5s", concurrency = 4, idempotent, on_cancel = "finish", blocking"#);

        let expected = Treatment {
            inline: false,
            timeout: Some(Duration::from_millis(1_500)),
            concurrency: Some(4),
            idempotent: true,
            finishes: true,
            blocking: true,
        };
        assert_eq!(all.expect("they do not contradict each other"), expected);
        assert_eq!(read("").expect("nothing is fine"), Treatment::default());
        assert!(read("inline").expect("alone it is fine").inline);
        assert!(!read(r#"on_cancel = "abort""#).expect("it is the default").finishes);
    }
}
