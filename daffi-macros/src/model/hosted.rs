//! `impl` blocks under `#[callback(hosted = "…")]`: the methods of objects that a controller keeps.

use quote::ToTokens;
use syn::{
    Attribute, FnArg, Ident, LitInt, Pat, Receiver, ReceiverKind, Result, ReturnType, Type, TypeReference,
    Visibility,
};

use super::class::{check_block, conditions, options_of, type_name};
use super::parameters::{Direction, check_travels};
use super::{Sent, check_generics, check_qualifiers, is_offered, members, without_self};
use crate::options::{self, Elsewhere, TREATMENT};
use crate::parse::{Block, Given, Member};
use crate::problems::Problems;
use crate::types;

/// The block of a hosted type that obeys all the rules.
pub(crate) struct Hosted {
    /// The conditions under which it is there.
    pub(crate) shared: Vec<Attribute>,
    pub(crate) ty: Type,
    /// The type's name, for people.
    pub(crate) label: String,
    pub(crate) kind: String,
    pub(crate) methods: Vec<Method>,
}

/// A method that others call.
pub(crate) struct Method {
    pub(crate) shared: Vec<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) access: Access,
    /// In which line of its object calls of it wait, if they may.
    pub(crate) line: Option<Line>,
    pub(crate) parameters: Vec<Parameter>,
    /// What the caller gets.
    pub(crate) result: Option<Type>,
    pub(crate) is_result: bool,
}

/// Where calls of a method wait.
#[derive(Clone, Copy)]
pub(crate) enum Line {
    /// In the line of this number.
    One(u8),
    /// In a line for each value of the parameter at this place.
    Each(u8),
}

/// What a method may do to its object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Look at it.
    Read,
    /// Change it.
    Write,
    /// Change it, and make it no larger.
    Shrink,
    /// Look at it, and publish.
    Publish,
}

/// One parameter.
pub(crate) enum Parameter {
    /// The turn that it is run in.
    Turn,
    /// A value that the caller sends.
    Sent(Box<Sent>),
}

impl Hosted {
    /// The model of the block.
    pub(crate) fn new(given: &[Given], block: &Block) -> Result<Self> {
        let mut problems = Problems::default();
        options::check(given, &["hosted"], AT_BLOCK, &mut problems);
        check_block(block, &mut problems);
        if !block.generics.params.is_empty() {
            problems.add(
                &block.generics.params,
                "the block of a hosted type cannot be generic: a kind of object is one type\n\
                 help: keep `Value`s, and let a handle of yours give them types",
            );
        }
        if let Some((of, _)) = &block.of {
            problems.add(
                of,
                "hosted methods stand in a block of the type's own\nhelp: write `impl Type` instead of `impl Trait for Type`",
            );
        }
        let kind = kind(given, &mut problems);
        let label = type_name(&block.ty, &mut problems).to_string();
        let offered = members(&block.parts).filter(|member| is_offered(member));
        let methods: Vec<Method> =
            offered.filter_map(|member| method(member, &kind, &block.ty, &mut problems)).collect();
        if methods.is_empty() && problems.is_empty() {
            problems.add(
                block.impl_token,
                "nothing here can be called: the methods of a hosted object are those with a `pub`\n\
                 help: put `pub` before those that others may call",
            );
        }
        let (shared, ty) = (conditions(&block.attrs), block.ty.clone());
        problems.or(Self { shared, ty, label, kind, methods })
    }
}

/// The kind, which stands in the names of the methods.
fn kind(given: &[Given], problems: &mut Problems) -> String {
    let Some(text) = options::text(given, "hosted", problems) else { return String::new() };
    let kind = text.value();
    let is_good = kind.starts_with(|first: char| first.is_ascii_lowercase())
        && kind.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if !is_good || kind.len() > KIND_BYTES_MAX {
        problems.add(
            &text,
            format_args!("a kind of object is named by 1 to {KIND_BYTES_MAX} of `a-z0-9_-`, a letter first"),
        );
    }
    kind
}

const KIND_BYTES_MAX: usize = 32;

fn method(member: &Member, kind: &str, ty: &Type, problems: &mut Problems) -> Option<Method> {
    let given = options_of(member, problems);
    options::check(&given, &["name", "line", "line_of", "shrink"], AT_METHOD, problems);
    let function = &member.function;
    let signature = without_self(&function.signature, ty);
    check_qualifiers(&signature, problems);
    check_generics(&signature, problems);
    if let Some(asyncness) = &signature.asyncness {
        problems.add(
            asyncness,
            "the method of a hosted object cannot wait: while it runs, nothing else does\n\
             help: remove `async`; where it cannot go on yet, return `Poll::Pending`, and it is tried again later",
        );
    }
    let Some(receiver) = signature.receiver() else {
        problems.add(
            &signature.ident,
            "a function without `self` is about no object\nhelp: put `#[local]` above it, or take `&self`",
        );
        return None;
    };
    let is_write = is_write(receiver, problems);
    let access = match (is_write, options::flag(&given, "shrink", problems)) {
        (true, None) => Access::Write,
        (true, Some(_)) => Access::Shrink,
        (false, None) => Access::Read,
        (false, Some(shrink)) => {
            problems
                .add(&shrink.name, "a method that takes `&self` changes nothing\nhelp: leave `shrink` out");
            Access::Read
        }
    };
    let own = options::text(&given, "name", problems);
    let own =
        own.map_or_else(|| syn::ext::IdentExt::unraw(&signature.ident).to_string(), |name| name.value());
    if let Some(problem) = options::name_problem(&own) {
        problems.add(&signature.ident, problem);
    }
    let access =
        if !is_write && signature.inputs.iter().any(takes_turn_mutably) { Access::Publish } else { access };
    let parameters: Vec<Parameter> =
        signature.inputs.iter().filter_map(|input| parameter(input, problems)).collect();
    let (result, is_result, waits) = output(&signature.output, problems);
    let line = line_of(&given, &parameters, waits, problems).or(line(&given, waits, problems));
    let is =
        |attribute: &&Attribute, names: &[&str]| names.iter().any(|name| attribute.path().is_ident(name));
    Some(Method {
        shared: function.attrs.iter().filter(|attribute| is(attribute, &["cfg"])).cloned().collect(),
        docs: function.attrs.iter().filter(|attribute| is(attribute, &["doc"])).cloned().collect(),
        vis: function.vis.clone(),
        ident: signature.ident.clone(),
        name: format!("daffi.{kind}.{own}"),
        access,
        line,
        parameters,
        result,
        is_result,
    })
}

fn is_write(receiver: &Receiver, problems: &mut Problems) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(_, None, mutability) => mutability.is_some(),
        _ => {
            problems.add(
                receiver,
                "the method of a hosted object looks at it or changes it\nhelp: take `&self` or `&mut self`",
            );
            false
        }
    }
}

/// The turn of a method, if the parameter is that.
fn turn(input: &FnArg) -> Option<&TypeReference> {
    let FnArg::Typed(typed) = input else { return None };
    let Type::Reference(reference) = types::bare(&typed.ty) else { return None };
    (types::last_name(&reference.elem).as_deref() == Some("Turn")).then_some(reference)
}

fn takes_turn_mutably(input: &FnArg) -> bool {
    turn(input).is_some_and(|turn| turn.mutability.is_some())
}

fn parameter(input: &FnArg, problems: &mut Problems) -> Option<Parameter> {
    if turn(input).is_some() {
        return Some(Parameter::Turn);
    }
    let FnArg::Typed(typed) = input else { return None };
    // Where it is run, the text lies in the call: it need not be copied.
    let is_borrowed_text = types::text(&typed.ty) == "&str";
    if !is_borrowed_text {
        check_travels(&typed.ty, Direction::Argument, problems);
    }
    match &*typed.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            let ident = name.ident.clone();
            Some(Parameter::Sent(Box::new(Sent { ident, ty: (*typed.ty).clone() })))
        }
        pattern => {
            problems.add(
                pattern,
                "the parameters of a hosted method have names\nhelp: name it here, and take it apart in the body",
            );
            None
        }
    }
}

/// What the caller gets, whether it may be an error instead, and whether the caller may have to wait.
fn output(output: &ReturnType, problems: &mut Problems) -> (Option<Type>, bool, bool) {
    let ReturnType::Type(_, ty) = output else { return (None, false, false) };
    let (ty, waits) = match types::poll(ty) {
        Some(inner) => (inner, true),
        None => ((**ty).clone(), false),
    };
    let (ty, is_result) = match types::success(&ty) {
        Some(success) => (success, true),
        None if types::last_name(&ty).as_deref() == Some("Result") => {
            problems
                .add(&ty, "a `Result` by an alias does not say what it holds\nhelp: write `Result<T, E>`");
            (ty, false)
        }
        None => (ty, false),
    };
    if types::poll(&ty).is_some() {
        problems.add(&ty, "whether it can go on comes first\nhelp: return `Poll<Result<T, E>>`");
    }
    check_travels(&ty, Direction::Result, problems);
    (Some(ty), is_result, waits)
}

/// The line of a method that has one for each value of a parameter.
fn line_of(given: &[Given], parameters: &[Parameter], waits: bool, problems: &mut Problems) -> Option<Line> {
    let name = options::text(given, "line_of", problems)?;
    if !waits {
        problems.add(&name, "only a method that returns a `Poll` waits in a line\nhelp: leave `line_of` out");
        return None;
    }
    let mut sent = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Turn => None,
        Parameter::Sent(sent) => Some(&sent.ident),
    });
    let at = sent.position(|ident| *ident == name.value()).and_then(|at| u8::try_from(at).ok());
    if at.is_none() {
        problems.add(
            &name,
            "`line_of` names one of the first 256 parameters, which it has one line for each value of",
        );
    }
    at.map(Line::Each)
}

fn line(given: &[Given], waits: bool, problems: &mut Problems) -> Option<Line> {
    let number: Option<LitInt> = options::number(given, "line", problems);
    let line = number.as_ref().map_or(Ok(0), LitInt::base10_parse::<u8>);
    match (line, &number) {
        (Err(error), _) => {
            problems.add(number.to_token_stream(), format_args!("`line` is a small number: {error}"));
            None
        }
        (Ok(_), Some(number)) if !waits => {
            problems
                .add(number, "only a method that returns a `Poll` waits in a line\nhelp: leave `line` out");
            None
        }
        (Ok(line), _) => waits.then_some(Line::One(line)),
    }
}

/// What a hosted block cannot be told.
const AT_BLOCK: Elsewhere<'_> = &[
    (&["name", "prefix"], "the names of its methods begin with `daffi.` and what `hosted` says"),
    (&TREATMENT, "a hosted method runs in the controller, one at a time"),
];

/// What a method in such a block cannot be told.
const AT_METHOD: Elsewhere<'_> = &[
    (&["prefix", "hosted"], "it is the block's; a method has its `name = \"…\"`"),
    (&TREATMENT, "a hosted method runs in the controller, one at a time"),
];
