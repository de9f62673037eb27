//! What a callback is, and every rule about what can be one.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Attribute, FnArg, GenericParam, Ident, Pat, PatType, Result, ReturnType, Safety, Signature, Type,
    TypeReference, Visibility,
};

use crate::options;
use crate::parse::{Body, Function, Given, Item};
use crate::problems::Problems;
use crate::types::{self, Obstacles};

/// A function that obeys all the rules.
pub(crate) struct Model {
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
    pub(crate) is_inline: bool,
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

impl Model {
    /// The model of a function under `#[callback]`.
    pub(crate) fn callback(given: &[Given], item: Item) -> Result<Self> {
        let function = function(item, "callback")?;
        let mut problems = Problems::default();
        options::check(given, &["name", "inline"], &mut problems);
        let inline = options::flag(given, "inline", &mut problems);
        if let Some(inline) = inline
            && function.signature.asyncness.is_none()
        {
            problems.add(
                &inline.name,
                "only an `async` function can be `inline`: a plain one may block, and all other calls with it\n\
                 help: make it `async`, or leave `inline` out",
            );
        }
        if let Body::Missing(semicolon) = &function.body {
            problems.add(
                semicolon,
                "a callback needs a body\nhelp: `#[remote]` declares one that another process has",
            );
        }
        let model = Self::new(given, function, inline.is_some(), &mut problems);
        check_streams(&model, inline, &mut problems);
        problems.or(model)
    }

    /// The model of a declaration under `#[remote]`.
    pub(crate) fn remote(given: &[Given], item: Item) -> Result<Self> {
        let function = function(item, "remote callback")?;
        let mut problems = Problems::default();
        options::check(given, &["name"], &mut problems);
        if let Body::Block(body) = &function.body {
            problems.add(
                body,
                "`#[remote]` declares a function that another process has, so it has no body here\n\
                 help: end it with `;`, or use `#[callback]` if this process is to offer it",
            );
        }
        let model = Self::new(given, function, false, &mut problems);
        problems.or(model)
    }

    fn new(given: &[Given], function: Function, is_inline: bool, problems: &mut Problems) -> Self {
        let Function { attrs, vis, signature, .. } = function;
        check_qualifiers(&signature, problems);
        check_generics(&signature, problems);
        let name = name(given, &signature.ident, problems);
        let parameters = parameters(&signature, problems);
        let output = output(&signature.output, problems);
        let is =
            |attribute: &Attribute, names: &[&str]| names.iter().any(|name| attribute.path().is_ident(name));
        let docs = attrs.iter().filter(|attribute| is(attribute, &["doc"])).cloned().collect();
        let shared = attrs.into_iter().filter(|attribute| is(attribute, &["cfg", "deprecated"])).collect();
        let is_async = signature.asyncness.is_some();
        Self { shared, docs, vis, ident: signature.ident, name, parameters, output, is_async, is_inline }
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

fn function(item: Item, what: &str) -> Result<Function> {
    match item {
        Item::Function(function) => Ok(*function),
        Item::Other { keyword, is_impl: true } => Err(syn::Error::new_spanned(
            keyword,
            format_args!("an `impl` block cannot be a {what}\nhelp: write free functions and annotate those"),
        )),
        Item::Other { keyword, is_impl: false } => {
            Err(syn::Error::new_spanned(keyword, format_args!("only a function can be a {what}")))
        }
    }
}

fn check_streams(model: &Model, inline: Option<&Given>, problems: &mut Problems) {
    if let (true, Some(inline)) = (model.has_streams(), inline) {
        problems.add(
            &inline.name,
            "a callback with a stream cannot be `inline`: it waits, and all other calls with it\n\
             help: leave `inline` out",
        );
    }
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

fn parameters(signature: &Signature, problems: &mut Problems) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut sent = 0;
    for input in &signature.inputs {
        let parameter = match input {
            FnArg::Receiver(receiver) => {
                problems.add(
                    receiver,
                    "a method cannot be a callback\nhelp: write a free function and annotate that",
                );
                continue;
            }
            FnArg::Typed(typed) => parameter(typed, problems),
        };
        match &parameter {
            Some(Parameter::Context) if has_context(&parameters) => {
                problems.add(input, "a callback takes one `Context`, and this is the second");
            }
            Some(Parameter::Fed(_)) if has_stream(&parameters) => {
                problems.add(input, "a callback takes one stream, and this is the second");
            }
            Some(Parameter::Sent(_)) => sent += 1,
            Some(Parameter::Context | Parameter::Fed(_)) | None => {}
        }
        if sent == PARAMETERS_MAX + 1 && matches!(parameter, Some(Parameter::Sent(_))) {
            problems.add(
                input,
                format_args!(
                    "a callback takes at most {PARAMETERS_MAX} arguments\n\
                     help: put some of them into a struct"
                ),
            );
        }
        parameters.extend(parameter);
    }
    parameters
}

fn has_context(parameters: &[Parameter]) -> bool {
    parameters.iter().any(|parameter| matches!(parameter, Parameter::Context))
}

fn has_stream(parameters: &[Parameter]) -> bool {
    parameters.iter().any(|parameter| matches!(parameter, Parameter::Fed(_)))
}

fn parameter(typed: &PatType, problems: &mut Problems) -> Option<Parameter> {
    if let Some(condition) = typed
        .attrs
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr"))
    {
        problems.add(condition, "a callback has the same parameters under every configuration");
    }
    if let Type::Reference(reference) = types::bare(&typed.ty)
        && types::last_name(&reference.elem).as_deref() == Some("Context")
    {
        check_context(reference, problems);
        return Some(Parameter::Context);
    }
    check_travels(&typed.ty, Direction::Argument, problems);
    match &*typed.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            let ident = name.ident.clone();
            Some(match types::incoming_item(&typed.ty) {
                Some(ty) => Parameter::Fed(Box::new(Sent { ident, ty })),
                None => Parameter::Sent(Box::new(Sent { ident, ty: (*typed.ty).clone() })),
            })
        }
        pattern => {
            problems.add(
                pattern,
                "a callback's parameters have names, which callers may use\n\
                 help: name it here, and take it apart in the body",
            );
            None
        }
    }
}

fn check_context(reference: &TypeReference, problems: &mut Problems) {
    if reference.mutability.is_some() {
        problems
            .add(reference, "a callback shares its context\nhelp: use `&Context` instead of `&mut Context`");
    }
    if let Some(lifetime) = &reference.lifetime {
        problems
            .add(lifetime, "a context lives as long as its call\nhelp: use `&Context` without a lifetime");
    }
}

/// Which way a value travels.
#[derive(Clone, Copy)]
enum Direction {
    Argument,
    Result,
}

fn check_travels(ty: &Type, direction: Direction, problems: &mut Problems) {
    let obstacles = Obstacles::find(ty);
    for reference in &obstacles.references {
        let rule = match direction {
            Direction::Argument => "callback arguments arrive over the wire, so they must be owned",
            Direction::Result => "callback results leave over the wire, so they must be owned",
        };
        let help = match types::owned(reference) {
            Some(owned) => {
                let borrowed = types::text(&Type::Reference(reference.clone()));
                format!("use `{owned}` instead of `{borrowed}`")
            }
            None => "use a type of its own instead of a borrowed trait object".to_owned(),
        };
        problems.add(reference, format_args!("{rule}\nhelp: {help}"));
    }
    for unnamed in &obstacles.unnamed {
        let text = match direction {
            Direction::Argument => {
                "the type of a callback's argument must be named: callers have to know what to send"
            }
            Direction::Result => {
                "the type of a callback's result must be named: callers have to know what comes back"
            }
        };
        problems.add(unnamed, format_args!("{text}\nhelp: use a type instead of `impl`"));
    }
}

fn output(output: &ReturnType, problems: &mut Problems) -> Output {
    let ReturnType::Type(_, ty) = output else { return Output::Nothing };
    if matches!(types::bare(ty), Type::Never(_)) {
        problems.add(ty, "a callback that never returns has no result to send\nhelp: remove `-> !`");
    }
    if let Some(item) = types::stream_item(ty) {
        // Of an item's error only its text travels, as of a result's.
        let success = types::success(&item).unwrap_or_else(|| item.clone());
        check_travels(&success, Direction::Result, problems);
        return Output::Stream(item);
    }
    if types::last_name(ty).as_deref() != Some("Result") {
        check_travels(ty, Direction::Result, problems);
        return Output::Value((**ty).clone());
    }
    // Of the error only its text travels, so it may borrow what it likes.
    if let Some(success) = types::arguments(ty).first() {
        check_travels(success, Direction::Result, problems);
    }
    Output::Result((**ty).clone())
}

/// Arguments of one call at most: the library implements its traits for tuples up to here.
const PARAMETERS_MAX: usize = 12;

const PRIMITIVES: &[&str] = &[
    "bool", "char", "str", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize", "f16", "f32", "f64", "f128",
];
