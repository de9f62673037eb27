//! What `#[count]` takes, and the rules about it.

use proc_macro2::TokenStream;
use syn::{Attribute, LitStr, Result, ReturnType, Signature, Type, Visibility};

use crate::options;
use crate::parse::{Body, Function, Given, Item};
use crate::problems::Problems;
use crate::types;

/// A function that obeys all the rules.
pub(crate) struct Counted {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
    pub(crate) topic: LitStr,
    pub(crate) output: Output,
    /// Whether it is counted before it runs.
    pub(crate) is_before: bool,
}

/// What the function returns.
pub(crate) enum Output {
    /// Nothing at all.
    Nothing,
    /// Something that is no `Result`.
    Value(Type),
    /// A `Result`, also by an alias.
    Result(Type),
}

impl Counted {
    /// The model of a function under `#[count]`.
    pub(crate) fn new(given: &[Given], item: Item) -> Result<Self> {
        let Function { attrs, vis, signature, body } = match item {
            Item::Function(function) => *function,
            other => {
                return Err(syn::Error::new_spanned(
                    other.keyword(),
                    "`#[count]` stands on a function, each run of which it numbers",
                ));
            }
        };
        let mut problems = Problems::default();
        options::check(given, &["topic", "when"], &[], &mut problems);
        let topic = topic(given, &signature, &mut problems);
        let is_before = is_before(given, &mut problems);
        check_signature(&signature, WHY_ASYNC, &mut problems);
        let output = output(&signature, WHY_NAMED, &mut problems);
        let body = match body {
            Body::Block(body) => body,
            Body::Missing(semicolon) => {
                problems.add(semicolon, "a function that is counted needs a body");
                TokenStream::new()
            }
        };
        problems.or(Self { attrs, vis, signature, body, topic, output, is_before })
    }
}

/// The topic, by default that of globalCounter's own clients.
fn topic(given: &[Given], signature: &Signature, problems: &mut Problems) -> LitStr {
    let default = || LitStr::new("default", signature.ident.span());
    let Some(topic) = options::text(given, "topic", problems) else { return default() };
    let bytes = topic.value().len();
    if !(1..=TOPIC_BYTES_MAX).contains(&bytes) {
        problems.add(&topic, format_args!("a topic has 1 to {TOPIC_BYTES_MAX} bytes, this one {bytes}"));
    }
    topic
}

/// As the library has it of names of hosted objects.
const TOPIC_BYTES_MAX: usize = 256;

fn is_before(given: &[Given], problems: &mut Problems) -> bool {
    let Some(when) = options::text(given, "when", problems) else { return false };
    match when.value().as_str() {
        "before" => true,
        "after" => false,
        _ => {
            problems.add(&when, "`when` is \"after\", which is the default, or \"before\"");
            false
        }
    }
}

/// Refuses what no function can be that becomes `async`, for the reason `why`.
pub(crate) fn check_signature(signature: &Signature, why: &str, problems: &mut Problems) {
    if let Some(constness) = &signature.constness {
        problems.add(constness, format_args!("{why}: it cannot be `const`"));
    }
    if let Some(abi) = &signature.abi {
        problems.add(abi, format_args!("{why}: it cannot be `extern`"));
    }
    if let Some(variadic) = &signature.variadic {
        problems.add(variadic, format_args!("{why}: it cannot take any number of arguments"));
    }
}

/// What a function returns, whose type is to be named, for the reason `why`.
pub(crate) fn output(signature: &Signature, why: &str, problems: &mut Problems) -> Output {
    let ReturnType::Type(_, ty) = &signature.output else { return Output::Nothing };
    for unnamed in types::Obstacles::find(ty).unnamed {
        problems.add(&unnamed, format_args!("{why}\nhelp: name it, or box it: `Box<dyn Trait>`"));
    }
    match types::last_name(ty).as_deref() {
        Some("Result") => Output::Result((**ty).clone()),
        _ => Output::Value((**ty).clone()),
    }
}

const WHY_ASYNC: &str =
    "a function that is counted is `async` from then on, since counting takes a question to the controller";

const WHY_NAMED: &str =
    "the result of a function that is counted stands in a pair with its number, so its type needs a name";
