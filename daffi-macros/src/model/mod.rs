//! What a callback is, and every rule about what can be one.

mod class;
mod contract;
mod hosted;
mod parameters;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, GenericParam, Ident, Meta, Result, Safety, Signature, Type, Visibility};

use crate::cached::is;
use crate::options::{self, Elsewhere, Kind, TREATMENT, Treatment};
use crate::parse::{self, Body, Function, Given, Item, Member, Part};
use crate::problems::Problems;
use crate::types;

pub(crate) use class::{Chosen, Class, Served, is_offered};
pub(crate) use contract::Contract;
pub(crate) use hosted::{Access, Hosted, Line, Method, Parameter as HostedParameter};

/// A function that obeys all the rules.
pub(crate) struct Model {
    pub(crate) role: Role,
    /// Attributes that the generated items need too: conditions, and deprecation.
    pub(crate) shared: Vec<Attribute>,
    /// Its documentation.
    pub(crate) docs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    /// The name others call it by.
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: Output,
    pub(crate) is_async: bool,
    pub(crate) treatment: Treatment,
}

/// Where a function stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// By itself.
    Function,
    /// In a block, without an instance.
    Associated,
    /// In a block, with one.
    Method,
}

/// One parameter.
pub(crate) enum Parameter {
    /// The call's context, injected where it runs.
    Context,
    /// A value that the caller sends.
    Sent(Box<Sent>),
    /// A stream that the caller feeds; the type is that of its items.
    Fed(Box<Sent>),
}

/// A value that the caller sends.
pub(crate) struct Sent {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

/// What a function returns.
pub(crate) enum Output {
    Nothing,
    Value(Type),
    /// A `Result`, by that or another path.
    Result(Type),
    /// A stream of such items, which may be a `Result`.
    Stream(Type),
}

/// The block that a function stands in, or none.
#[derive(Clone, Copy)]
pub(crate) enum Home<'a> {
    Module,
    /// Its names begin with this.
    Block(&'a str),
}

impl Model {
    /// The model of a function under `#[callback]`.
    pub(crate) fn callback(given: &[Given], item: Item) -> Result<Self> {
        let function = match item {
            Item::Function(function) => *function,
            Item::Declarations(declarations) => {
                return Err(syn::Error::new_spanned(
                    declarations.trait_token,
                    "a trait has nothing to run\nhelp: put `#[remote]` above the trait, and `#[callback]` above \
                     the `impl` that serves it",
                ));
            }
            other => {
                return Err(syn::Error::new_spanned(
                    other.keyword(),
                    "only a function or an `impl` block can be a callback",
                ));
            }
        };
        let mut problems = Problems::default();
        options::check(given, &with_treatment(&["name"]), IN_MODULE, &mut problems);
        if let Body::Missing(semicolon) = &function.body {
            problems.add(
                semicolon,
                "a callback needs a body\nhelp: `#[remote]` declares one that another process has",
            );
        }
        if let Some(this) = types::find_word(types::beside_receiver(&function.signature), &["Self"]) {
            problems.add(
                this,
                "a function of a type cannot be a callback by itself\n\
                 help: put `#[callback]` above the `impl` block, which makes callbacks of all its `pub` functions",
            );
        }
        if let Some(cached) = function.attrs.iter().find(|attribute| is(attribute, "cached")) {
            problems.add(
                cached,
                "what is offered to others is what stands below\nhelp: put `#[cached]` above `#[callback]`",
            );
        }
        let model = Self::new(given, &function, &function.signature, Home::Module, &mut problems);
        problems.or(model)
    }

    /// The model of a declaration under `#[remote]`.
    pub(crate) fn remote(given: &[Given], item: Item) -> Result<Self> {
        let function = match item {
            Item::Function(function) => *function,
            Item::Block(block) => {
                return Err(syn::Error::new_spanned(
                    block.impl_token,
                    "an `impl` block has bodies, so it is this process that can offer them\nhelp: put `#[callback]` \
                     above it; `#[remote]` is for a function without a body, and for a trait",
                ));
            }
            other => {
                return Err(syn::Error::new_spanned(
                    other.keyword(),
                    "only a function or a trait can be a remote callback",
                ));
            }
        };
        let mut problems = Problems::default();
        options::check(given, &["name"], DECLARED, &mut problems);
        if let Body::Block(body) = &function.body {
            problems.add(
                body,
                "`#[remote]` declares a function that another process has, so it has no body here\n\
                 help: end it with `;`, or use `#[callback]` if this process is to offer it",
            );
        }
        let model = Self::new(given, &function, &function.signature, Home::Module, &mut problems);
        problems.or(model)
    }

    /// The model of a function whose signature means `signature`: in that, `Self` has its name.
    fn new(
        given: &[Given],
        function: &Function,
        signature: &Signature,
        home: Home<'_>,
        problems: &mut Problems,
    ) -> Self {
        let Function { attrs, vis, .. } = function;
        check_qualifiers(signature, problems);
        check_generics(signature, problems);
        let role = match (home, signature.receiver()) {
            (Home::Module, _) => Role::Function,
            (Home::Block(_), None) => Role::Associated,
            (Home::Block(_), Some(_)) => Role::Method,
        };
        let name = match home {
            Home::Module => name(given, &signature.ident, problems),
            Home::Block(prefix) => member_name(given, &signature.ident, prefix, problems),
        };
        let parameters = parameters::parameters(signature, role, problems);
        let output = parameters::output(&signature.output, problems);
        let is =
            |attribute: &&Attribute, names: &[&str]| names.iter().any(|name| attribute.path().is_ident(name));
        let docs = attrs.iter().filter(|attribute| is(attribute, &["doc"])).cloned().collect();
        let shared =
            attrs.iter().filter(|attribute| is(attribute, &["cfg", "deprecated"])).cloned().collect();
        let (vis, ident, is_async) = (vis.clone(), signature.ident.clone(), signature.asyncness.is_some());
        let treatment = Treatment::default();
        let model = Self { role, shared, docs, vis, ident, name, parameters, output, is_async, treatment };
        check_streams(&model, problems);
        let kind = Kind { is_async, has_streams: model.has_streams() };
        Self { treatment: Treatment::read(given, kind, problems), ..model }
    }

    /// The parameters that travel.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &Sent> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Sent(sent) => Some(&**sent),
            Parameter::Context | Parameter::Fed(_) => None,
        })
    }

    /// The parameter that is a stream.
    pub(crate) fn fed(&self) -> Option<&Sent> {
        self.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Fed(fed) => Some(&**fed),
            Parameter::Context | Parameter::Sent(_) => None,
        })
    }

    /// Whether it takes a stream or returns one.
    pub(crate) fn has_streams(&self) -> bool {
        self.fed().is_some() || matches!(self.output, Output::Stream(_))
    }

    /// Whether the function takes a context.
    pub(crate) fn sees_context(&self) -> bool {
        self.parameters.iter().any(|parameter| matches!(parameter, Parameter::Context))
    }
}

fn with_treatment<'a>(names: &[&'a str]) -> Vec<&'a str> {
    [names, &TREATMENT].concat()
}

/// What a function's options are not.
const IN_MODULE: Elsewhere<'_> =
    &[(&["prefix"], "`prefix` is for `impl` blocks and traits; a function has its `name = \"…\"`")];

/// What a declaration's options are not.
const DECLARED: Elsewhere<'_> = &[
    (&["prefix"], "`prefix` is for `impl` blocks and traits; a function has its `name = \"…\"`"),
    (&TREATMENT, "how a callback is treated, the process says that offers it: at `#[callback]`"),
];

fn check_streams(model: &Model, problems: &mut Problems) {
    if let (Some(fed), false, false) =
        (model.fed(), model.is_async, matches!(model.output, Output::Stream(_)))
    {
        problems.add(
            &fed.ident,
            "only an `async` function, or one that returns a stream, can take a stream: a plain one cannot wait \
             for its items\nhelp: make it `async`",
        );
    }
}

fn check_qualifiers(signature: &Signature, problems: &mut Problems) {
    if let Some(constness) = &signature.constness {
        problems.add(constness, "a `const` function cannot be a callback\nhelp: remove `const`");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        problems.add(
            token,
            "an `unsafe` function cannot be a callback: nobody can vouch for what other processes send\n\
             help: write a safe wrapper that checks its arguments, and annotate that",
        );
    }
    if let Some(abi) = &signature.abi {
        problems.add(abi, "an `extern` function cannot be a callback\nhelp: remove `extern`");
    }
    if let Some(variadic) = &signature.variadic {
        problems.add(
            variadic,
            "a callback's arguments are counted and named\nhelp: take a `Vec<T>` for any number of values",
        );
    }
}

fn check_generics(signature: &Signature, problems: &mut Problems) {
    let mut types = signature.generics.params.iter().filter(|param| !is_lifetime(param)).peekable();
    if types.peek().is_some() {
        let types: TokenStream = types.map(ToTokens::to_token_stream).collect();
        problems.add(
            types,
            "a generic function cannot be a callback: the wire name must mean one function\n\
             help: write a small non-generic wrapper and annotate that",
        );
    }
    if let Some(lifetime) = signature.generics.params.iter().find(|param| is_lifetime(param)) {
        problems.add(
            lifetime,
            "a callback has no lifetime parameters: what it takes and returns is owned\n\
             help: remove the lifetime, and take owned types such as `String` or `Vec<T>`",
        );
    }
}

fn is_lifetime(param: &GenericParam) -> bool {
    matches!(param, GenericParam::Lifetime(_))
}

fn name(given: &[Given], ident: &Ident, problems: &mut Problems) -> String {
    let own = ident.unraw().to_string();
    if PRIMITIVES.contains(&own.as_str()) {
        problems.add(
            ident,
            format_args!(
                "a callback cannot be named `{own}`: its remote form is a type of the same name, which would \
                 hide the primitive\nhelp: name the function otherwise, and give it the option `name = \"{own}\"`"
            ),
        );
    }
    let Some(chosen) = options::text(given, "name", problems) else {
        if let Some(problem) = options::offered_problem(&own) {
            problems.add(ident, problem);
        }
        return own;
    };
    if let Some(problem) = options::offered_problem(&chosen.value()) {
        problems.add(&chosen, problem);
    }
    chosen.value()
}

/// The name of a function in a block.
fn member_name(given: &[Given], ident: &Ident, prefix: &str, problems: &mut Problems) -> String {
    let chosen = options::text(given, "name", problems);
    let own = chosen.as_ref().map_or_else(|| ident.unraw().to_string(), syn::LitStr::value);
    let name = match prefix {
        "" => own.clone(),
        prefix => format!("{prefix}.{own}"),
    };
    // The prefix has been looked at by itself, and an empty part leaves the whole not empty.
    let problem = options::name_problem(&own).or_else(|| options::offered_problem(&name));
    match (problem, &chosen) {
        (Some(problem), Some(chosen)) => problems.add(chosen, problem),
        (Some(problem), None) => problems.add(ident, problem),
        (None, _) => {}
    }
    name
}

/// What a block's names begin with: its option `prefix`, or else the type's name.
fn prefix(given: &[Given], own: &Ident, problems: &mut Problems) -> String {
    let Some(chosen) = options::text(given, "prefix", problems) else { return own.unraw().to_string() };
    let text = chosen.value();
    if !text.is_empty()
        && let Some(problem) = options::offered_problem(&format!("{text}.x"))
    {
        problems.add(&chosen, problem);
        // What is wrong with it has been said, and need not be again at each method.
        return String::new();
    }
    if let Some(before) = text.strip_suffix('.') {
        problems.add(
            &chosen,
            format_args!("a `.` follows the prefix anyway\nhelp: write `prefix = \"{before}\"`"),
        );
    }
    text
}

/// The functions among what stands between the braces of a block or a trait.
fn members(parts: &[Part]) -> impl Iterator<Item = &Member> {
    parts.iter().filter_map(|part| match part {
        Part::Function(member) => Some(&**member),
        Part::Other(_) => None,
    })
}

/// Refuses what the attributes on a function in a block or a trait say in vain.
fn check_marks(member: &Member, problems: &mut Problems) {
    for (at, mark) in member.marks.iter().enumerate() {
        let name = parse::own_name(mark);
        if member.marks[..at].iter().any(|before| parse::own_name(before) == name) {
            problems.add(
                mark,
                format_args!("`#[{name}]` stands here twice\nhelp: say in one what is to be said"),
            );
        }
        if name == "local" && !matches!(mark.meta, Meta::Path(_)) {
            problems.add(mark, "`#[local]` takes no options");
        }
    }
}

/// Refuses a second function of one name, whatever the options have made of it.
fn check_names<'a>(models: impl Iterator<Item = &'a Model>, problems: &mut Problems) {
    let mut seen: Vec<&Model> = Vec::new();
    for model in models {
        if let Some(first) = seen.iter().find(|other| other.name == model.name) {
            problems.add(
                &model.ident,
                format_args!(
                    "`{}` is the name of `{}` already\nhelp: give one of them another `name = \"…\"`",
                    model.name, first.ident
                ),
            );
        }
        // Those that are there under conditions may well exclude each other.
        if !model.shared.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            seen.push(model);
        }
    }
}

/// The signature in which `Self` is called `this`.
fn without_self(signature: &Signature, this: &Type) -> Signature {
    syn::parse2(types::replace_self(signature.to_token_stream(), this)).unwrap_or_else(|_| signature.clone())
}

const PRIMITIVES: &[&str] = &[
    "bool", "char", "str", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize", "f16", "f32", "f64", "f128",
];
