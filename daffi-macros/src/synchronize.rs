//! What `#[synchronize]` takes, and the rules about it.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, FnArg, LitStr, PatType, Result, Signature, Type, Visibility};

use crate::count::{self, Output};
use crate::options;
use crate::parse::{Body, Function, Given, Item};
use crate::problems::Problems;
use crate::types;

/// A function that obeys all the rules.
pub(crate) struct Synchronized {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    /// Without the guard.
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
    /// The parameter that is the guard, if the function wants it.
    pub(crate) guard: Option<PatType>,
    pub(crate) output: Output,
    pub(crate) key: LitStr,
    pub(crate) auto_release_time: Option<Duration>,
    /// Nothing to try once; `None` to wait for ever.
    pub(crate) timeout: Option<Duration>,
    pub(crate) is_renewed: bool,
}

impl Synchronized {
    /// The model of a function under `#[synchronize]`.
    pub(crate) fn new(given: &[Given], item: Item) -> Result<Self> {
        let Function { attrs, vis, mut signature, body } = match item {
            Item::Function(function) => *function,
            other => {
                return Err(syn::Error::new_spanned(
                    other.keyword(),
                    "`#[synchronize]` stands on a function, of which it lets one run at a time",
                ));
            }
        };
        let mut problems = Problems::default();
        options::check(given, &OPTIONS, &[], &mut problems);
        let key = key(given, &mut problems);
        let auto_release_time = options::duration(given, "auto_release_time", &mut problems);
        let timeout = timeout(given, &mut problems);
        let is_renewed =
            options::truth(given, "renew", &mut problems).is_none_or(|is_renewed| is_renewed.value);
        count::check_signature(&signature, WHY_ASYNC, &mut problems);
        let output = count::output(&signature, WHY_NAMED, &mut problems);
        let guard = guard(&mut signature, &mut problems);
        let body = match body {
            Body::Block(body) => body,
            Body::Missing(semicolon) => {
                problems.add(semicolon, "a function that is synchronized needs a body");
                TokenStream::new()
            }
        };
        problems.or(Self {
            attrs,
            vis,
            signature,
            body,
            guard,
            output,
            key,
            auto_release_time,
            timeout,
            is_renewed,
        })
    }
}

const OPTIONS: [&str; 5] = ["key", "auto_release_time", "timeout", "blocking", "renew"];

fn key(given: &[Given], problems: &mut Problems) -> LitStr {
    let is_there = given.iter().any(|option| option.name == "key");
    let Some(key) = options::text(given, "key", problems) else {
        if !is_there {
            problems.note(syn::Error::new(
                Span::call_site(),
                "which lock is it?\nhelp: say it: `#[synchronize(key = \"…\")]`",
            ));
        }
        return LitStr::new("", Span::call_site());
    };
    let bytes = key.value().len();
    if !(1..=KEY_BYTES_MAX).contains(&bytes) {
        problems.add(&key, format_args!("a key has 1 to {KEY_BYTES_MAX} bytes, this one {bytes}"));
    }
    key
}

/// As the library has it of names of hosted objects.
const KEY_BYTES_MAX: usize = 256;

fn timeout(given: &[Given], problems: &mut Problems) -> Option<Duration> {
    let timeout = options::duration(given, "timeout", problems);
    match options::truth(given, "blocking", problems) {
        Some(blocking) if !blocking.value => {
            if timeout.is_some() {
                problems.add(
                    &blocking,
                    "what is not waited for has no timeout\nhelp: leave `blocking` or `timeout` out",
                );
            }
            Some(Duration::ZERO)
        }
        Some(_) | None => timeout,
    }
}

/// Takes the parameter that is the guard out of the signature.
fn guard(signature: &mut Signature, problems: &mut Problems) -> Option<PatType> {
    let (mut guard, mut others) = (None, syn::punctuated::Punctuated::new());
    for input in std::mem::take(&mut signature.inputs) {
        match input {
            FnArg::Typed(typed) if is_guard(&typed.ty) => {
                if guard.is_some() {
                    problems.add(&typed, "a function runs under one lock, and this is the second guard");
                }
                if matches!(&*typed.ty, Type::Reference(reference) if reference.mutability.is_some()) {
                    problems.add(&typed.ty, "a guard is shared\nhelp: use `&RedlockGuard`");
                }
                guard = Some(typed);
            }
            other => others.push(other),
        }
    }
    signature.inputs = others;
    guard
}

fn is_guard(ty: &Type) -> bool {
    matches!(types::bare(ty), Type::Reference(reference)
        if types::last_name(&reference.elem).as_deref() == Some("RedlockGuard"))
}

const WHY_ASYNC: &str = "a function that is synchronized is `async` from then on, since it waits for a lock";

const WHY_NAMED: &str =
    "the result of a function that is synchronized stands in a `Result`, so its type needs a name";
