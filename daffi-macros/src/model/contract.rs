//! Traits under `#[remote]`.

use syn::ext::IdentExt;
use syn::{Attribute, Ident, Result, TypeParamBound, Visibility};

use super::{Home, Model, Role, check_marks, check_names, members, prefix};
use crate::options::{self, Elsewhere};
use crate::parse::{self, Declarations, Given, Member, Part};
use crate::problems::Problems;
use crate::types;

/// A trait that obeys all the rules.
pub(crate) struct Contract {
    /// Attributes that the generated items need too: conditions, and deprecation.
    pub(crate) shared: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) methods: Vec<Model>,
}

impl Contract {
    /// The model of a trait.
    pub(crate) fn new(given: &[Given], declarations: &Declarations) -> Result<Self> {
        let mut problems = Problems::default();
        options::check(given, &["prefix"], AT_TRAIT, &mut problems);
        let Declarations { attrs, vis, qualifiers, ident, generics, .. } = declarations;
        if !qualifiers.is_empty() {
            problems.add(qualifiers, "an `unsafe` or `auto` trait cannot be remote");
        }
        if !generics.params.is_empty() {
            problems.add(
                &generics.params,
                "a remote trait cannot be generic: a name on the wire must mean one function\n\
                 help: name the types in its methods",
            );
        }
        check_supertraits(declarations, &mut problems);
        members(&declarations.parts).for_each(|member| check_marks(member, &mut problems));
        let prefix = prefix(given, ident, &mut problems);
        let mut methods = Vec::new();
        for part in &declarations.parts {
            match part {
                Part::Function(member) if member.mark("local").is_some() => {
                    check_local(member, &mut problems);
                }
                Part::Function(member) => methods.extend(method(member, &prefix, vis, &mut problems)),
                Part::Other(other) => problems.add(
                    other,
                    "a remote trait has methods and nothing else: whoever calls them knows nothing of the type that \
                     serves them\nhelp: move it to the type, or to another trait",
                ),
            }
        }
        check_names(methods.iter(), &mut problems);
        if methods.is_empty() && problems.is_empty() {
            problems.add(ident, "a remote trait without methods has nothing to call");
        }
        let is_shared =
            |attribute: &&Attribute| ["cfg", "deprecated"].iter().any(|name| attribute.path().is_ident(name));
        let shared = attrs.iter().filter(is_shared).cloned().collect();
        problems.or(Self { shared, ident: ident.clone(), methods })
    }
}

fn method(member: &Member, prefix: &str, vis: &Visibility, problems: &mut Problems) -> Option<Model> {
    if let Some(mark) = member.mark("callback") {
        problems.add(
            mark,
            "the trait declares, and its `impl` offers\nhelp: here it is `#[remote(…)]`, and `#[callback(…)]` there",
        );
    }
    let given = member.mark("remote").and_then(|mark| problems.check(parse::given(mark))).unwrap_or_default();
    options::check(&given, &["name", "idempotent"], AT_METHOD, problems);
    let signature = &member.function.signature;
    if let Some(this) = types::find_word(types::beside_receiver(signature), &["Self"]) {
        problems.add(
            this,
            "callers know nothing of the type that serves the trait, so it can neither be sent nor returned\n\
             help: name a type instead of `Self`",
        );
        return None;
    }
    let mut model = Model::new(&given, &member.function, signature, Home::Block(prefix), problems);
    if model.role == Role::Associated {
        problems.add(
            &signature.ident,
            "a trait is served by an instance, so its methods take `&self`\n\
             help: add `&self`, or mark it `#[local]` if nobody calls it from elsewhere",
        );
    }
    model.vis = vis.clone();
    Some(model)
}

/// Refuses what keeps the trait from having a `dyn Trait`, where its name says so.
fn check_supertraits(declarations: &Declarations, problems: &mut Problems) {
    for bound in &declarations.supertraits {
        if let TypeParamBound::Trait(required) = bound
            && let Some(last) = required.path.segments.last()
            && BEYOND_DYN.iter().any(|name| last.ident == name)
        {
            let (of, name) = (declarations.ident.unraw(), &last.ident);
            problems.add(
                bound,
                format_args!(
                    "callers say `dyn {of}`, and there is none of a trait whose types are all `{name}`\n\
                     help: remove `{name}`; the types that serve it can be that all the same"
                ),
            );
        }
    }
}

fn check_local(member: &Member, problems: &mut Problems) {
    for name in ["remote", "callback"] {
        if let Some(mark) = member.mark(name) {
            problems.add(mark, "a method is either `#[local]` or remote\nhelp: remove one of the two");
        }
    }
}

/// Traits of the prelude and of `derive` that no `dyn Trait` can have as a supertrait.
const BEYOND_DYN: [&str; 9] =
    ["Sized", "Clone", "Copy", "Default", "PartialEq", "Eq", "PartialOrd", "Ord", "Hash"];

/// What a trait cannot be told.
const AT_TRAIT: Elsewhere<'_> = &[
    (&["name"], "the names of its methods begin with `prefix = \"…\"`"),
    (&["idempotent"], "it is a method's: put `#[remote(idempotent)]` above each that it is for"),
    (&["timeout", "concurrency", "on_cancel", "blocking", "inline"], AT_IMPL),
];

/// What a method of a trait cannot be told.
const AT_METHOD: Elsewhere<'_> = &[
    (&["prefix"], "`prefix` is the trait's; a method has its `name = \"…\"`"),
    (&["timeout", "concurrency", "on_cancel", "blocking", "inline"], AT_IMPL),
];

const AT_IMPL: &str =
    "how a callback is treated, the process says that serves it: at the method in its `impl`";
