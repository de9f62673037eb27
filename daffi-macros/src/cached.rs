//! What `#[cached]` takes, and the rules about it.

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Attribute, FnArg, GenericParam, Ident, LitStr, Pat, Result, Signature, Type, Visibility};

use crate::count::{self, Output};
use crate::options;
use crate::parse::{Body, Function, Given, Item};
use crate::problems::Problems;
use crate::types;

/// A function that obeys all the rules.
pub(crate) struct Cached {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
    /// The names of its arguments.
    pub(crate) names: Vec<Ident>,
    pub(crate) output: Output,
    /// The cache's name, if it is said.
    pub(crate) key: Option<LitStr>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) is_sliding: bool,
    /// Whether it is a callback, too, whose type has its name already.
    pub(crate) is_callback: bool,
}

impl Cached {
    /// The model of a function under `#[cached]`.
    pub(crate) fn new(given: &[Given], item: Item) -> Result<Self> {
        let Function { attrs, vis, signature, body } = match item {
            Item::Function(function) => *function,
            other => {
                return Err(syn::Error::new_spanned(
                    other.keyword(),
                    "`#[cached]` stands on a function, whose results it keeps",
                ));
            }
        };
        let mut problems = Problems::default();
        options::check(given, &["key", "ttl", "sliding"], &[], &mut problems);
        let key = key(given, &mut problems);
        let ttl = options::duration(given, "ttl", &mut problems);
        let sliding = options::flag(given, "sliding", &mut problems);
        if let (Some(sliding), false) = (sliding, given.iter().any(|option| option.name == "ttl")) {
            problems.add(
                &sliding.name,
                "without a `ttl` there is nothing that could slide\nhelp: add `ttl = \"1m\"`, or leave `sliding` out",
            );
        }
        count::check_signature(&signature, WHY_ASYNC, &mut problems);
        check_inputs(&signature, &mut problems);
        let names = signature.inputs.iter().filter_map(|input| name(input, &mut problems)).collect();
        let output = count::output(&signature, WHY_NAMED, &mut problems);
        let body = match body {
            Body::Block(body) => body,
            Body::Missing(semicolon) => {
                problems.add(semicolon, "a function that is cached needs a body");
                TokenStream::new()
            }
        };
        let is_callback = attrs.iter().any(|attribute| is(attribute, "callback"));
        let is_sliding = sliding.is_some();
        problems.or(Self { attrs, vis, signature, body, names, output, key, ttl, is_sliding, is_callback })
    }
}

/// Whether it is the attribute of this name, by whatever path.
pub(crate) fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
}

fn key(given: &[Given], problems: &mut Problems) -> Option<LitStr> {
    let key = options::text(given, "key", problems)?;
    let bytes = key.value().len();
    if !(1..=NAME_BYTES_MAX).contains(&bytes) {
        problems.add(&key, format_args!("a cache's name has 1 to {NAME_BYTES_MAX} bytes, this one {bytes}"));
    }
    Some(key)
}

/// As the library has it of names of hosted objects.
const NAME_BYTES_MAX: usize = 256;

const WHY_ASYNC: &str =
    "a function that is cached is `async` from then on, since it asks the controller for its result";

const WHY_NAMED: &str = "the result of a function that is cached travels to others, so its type needs a name";

fn check_inputs(signature: &Signature, problems: &mut Problems) {
    for parameter in &signature.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            problems.add(
                parameter,
                "a generic function has other results for each type, and arguments that look alike\n\
                 help: put `#[cached]` above a function for one type that calls it",
            );
        }
    }
    if signature.inputs.len() > ARGUMENTS_MAX {
        problems.add(
            &signature.inputs,
            format_args!(
                "a cached function takes at most {ARGUMENTS_MAX} arguments\nhelp: put some in a struct"
            ),
        );
    }
}

/// As many as the tuples have that serde knows.
const ARGUMENTS_MAX: usize = 16;

fn name(input: &FnArg, problems: &mut Problems) -> Option<Ident> {
    let typed = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            problems.add(
                receiver,
                "a method has results of its own for each instance\n\
                 help: put `#[cached]` above a function by itself, which is given what they depend on",
            );
            return None;
        }
    };
    match types::bare(&typed.ty) {
        Type::Reference(reference) if reference.mutability.is_some() => problems.add(
            reference,
            "a cached function does not run each time, so it cannot be what changes an argument",
        ),
        Type::ImplTrait(generic) => problems.add(
            generic,
            "a generic function has other results for each type, and arguments that look alike\n\
             help: name the type",
        ),
        _ => {}
    }
    match &*typed.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Some(name.ident.clone()),
        pattern => {
            problems.add(
                pattern,
                "the arguments of a cached function have names\nhelp: name it here, and take it apart in the body",
            );
            None
        }
    }
}
