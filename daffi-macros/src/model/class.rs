//! `impl` blocks under `#[callback]`.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, Generics, Ident, Path, Result, Type, Visibility};

use super::{Home, Model, Role, check_marks, check_names, members, prefix, with_treatment, without_self};
use crate::options::{self, Elsewhere, Kind, TREATMENT, Treatment};
use crate::parse::{self, Block, Function, Given, Member};
use crate::problems::Problems;
use crate::types;

/// A type's own block that obeys all the rules.
pub(crate) struct Class {
    /// The conditions under which it is there.
    pub(crate) shared: Vec<Attribute>,
    pub(crate) ty: Type,
    /// The type's name, for people.
    pub(crate) label: String,
    /// The functions that need no instance.
    pub(crate) associated: Vec<Model>,
    pub(crate) methods: Vec<Model>,
}

/// A trait's block that obeys all the rules; those about the methods are the trait's.
pub(crate) struct Served {
    pub(crate) shared: Vec<Attribute>,
    /// The type's parameters. The names are the trait's, so the type may have some.
    pub(crate) generics: Generics,
    pub(crate) of: Path,
    pub(crate) ty: Type,
    pub(crate) chosen: Vec<Chosen>,
}

/// What the block says of one method.
pub(crate) struct Chosen {
    pub(crate) shared: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) treatment: Treatment,
    /// The attribute of ours that says so, if one does.
    pub(crate) mark: Option<Attribute>,
}

impl Class {
    /// The model of a type's own block.
    pub(crate) fn new(given: &[Given], block: &Block) -> Result<Self> {
        let mut problems = Problems::default();
        options::check(given, &["prefix"], AT_BLOCK, &mut problems);
        check_block(block, &mut problems);
        // A lifetime of the type's is refused there, and for another reason.
        if !block.generics.params.is_empty() && types::short_lifetime(&block.ty).is_none() {
            problems.add(
                &block.generics.params,
                "a type's own block cannot be generic: a name on the wire must mean one function\n\
                 help: name the parameters, as in `impl Store<u8>`, or put the methods into a trait under `#[remote]`: \
                 the `impl` of that may be generic",
            );
        }
        let name = type_name(&block.ty, &mut problems);
        let is_named = given.iter().any(|option| option.name == "prefix");
        if !is_named && block.generics.params.is_empty() && types::has_arguments(&block.ty) {
            problems.add(
                &block.ty,
                "the same type with other arguments would have the same names\n\
                 help: say what they begin with: `#[callback(prefix = \"…\")]`",
            );
        }
        let prefix = prefix(given, &name, &mut problems);
        let offered = members(&block.parts).filter(|member| is_offered(member));
        let models = offered.filter_map(|member| method(member, &prefix, &block.ty, &mut problems));
        let (methods, associated): (Vec<Model>, Vec<Model>) =
            models.partition(|model| model.role == Role::Method);
        check_names(associated.iter().chain(&methods), &mut problems);
        for member in members(&block.parts).filter(|member| !is_offered(member)) {
            check_left_out(member, &mut problems);
        }
        if methods.is_empty() && associated.is_empty() && problems.is_empty() {
            problems.add(
                block.impl_token,
                "nothing here can be called: callbacks are the methods with a `pub`\n\
                 help: put `pub` before those that others may call",
            );
        }
        let (shared, ty) = (conditions(&block.attrs), block.ty.clone());
        problems.or(Self { shared, ty, label: name.unraw().to_string(), associated, methods })
    }
}

impl Served {
    /// The model of a block that serves the trait `of`.
    pub(crate) fn new(given: &[Given], block: &Block, of: &Path) -> Result<Self> {
        let mut problems = Problems::default();
        options::check(given, &[], AT_SERVED, &mut problems);
        check_block(block, &mut problems);
        type_name(&block.ty, &mut problems);
        let chosen = members(&block.parts).map(|member| chosen(member, &mut problems)).collect();
        let (shared, generics) = (conditions(&block.attrs), block.generics.clone());
        problems.or(Self { shared, generics, of: of.clone(), ty: block.ty.clone(), chosen })
    }
}

/// Whether a method of a type's own block becomes a callback.
pub(crate) fn is_offered(member: &Member) -> bool {
    let is_public = match &member.function.vis {
        Visibility::Public(_) => true,
        // `pub(self)` is another way to say nothing.
        Visibility::Restricted(within) => !within.path.is_ident("self"),
        Visibility::Inherited => false,
    };
    is_public && member.mark("local").is_none()
}

/// The options that an attribute on the method gives.
pub(super) fn options_of(member: &Member, problems: &mut Problems) -> Vec<Given> {
    if let Some(mark) = member.mark("remote") {
        problems.add(
            mark,
            "`#[remote]` is for methods of a trait that other processes serve\nhelp: here it is `#[callback(…)]`",
        );
    }
    let given = member.mark("callback").and_then(|mark| problems.check(parse::given(mark)));
    given.unwrap_or_default()
}

fn method(member: &Member, prefix: &str, ty: &Type, problems: &mut Problems) -> Option<Model> {
    let given = options_of(member, problems);
    options::check(&given, &with_treatment(&["name"]), AT_METHOD, problems);
    if let parse::Body::Missing(semicolon) = &member.function.body {
        problems.add(semicolon, "a callback needs a body");
        return None;
    }
    let signature = &member.function.signature;
    if signature.receiver().is_none()
        && let Some(this) = types::find_word(signature.output.to_token_stream(), &["Self"])
    {
        problems.add(
            this,
            "others would be sent a copy of the instance that this makes\n\
             help: put `#[local]` above it, if it is for this process; if they are to have one, name the type \
             instead of `Self`",
        );
        return None;
    }
    let signature = without_self(signature, ty);
    Some(Model::new(&given, &member.function, &signature, Home::Block(prefix), problems))
}

fn chosen(member: &Member, problems: &mut Problems) -> Chosen {
    let Function { attrs, signature, .. } = &member.function;
    if let Some(mark) = member.mark("local") {
        problems.add(mark, "which of its methods can be called, the trait says\nhelp: put `#[local]` there");
    }
    let given = options_of(member, problems);
    let known: Vec<&str> = TREATMENT.into_iter().filter(|name| *name != "idempotent").collect();
    options::check(&given, &known, AT_SERVED_METHOD, problems);
    let returns_stream = match &signature.output {
        syn::ReturnType::Default => false,
        syn::ReturnType::Type(_, ty) => types::stream_item(ty).is_some(),
    };
    let takes_stream = signature.inputs.iter().any(|input| match input {
        syn::FnArg::Typed(typed) => types::incoming_item(&typed.ty).is_some(),
        syn::FnArg::Receiver(_) => false,
    });
    // What returns a future by that name is as good as `async`.
    let is_async = signature.asyncness.is_some()
        || matches!(&signature.output, syn::ReturnType::Type(_, ty)
        if matches!(types::bare(ty), Type::ImplTrait(_)) && !returns_stream);
    let kind = Kind { is_async, has_streams: returns_stream || takes_stream };
    Chosen {
        shared: conditions(attrs),
        ident: signature.ident.clone(),
        treatment: Treatment::read(&given, kind, problems),
        mark: member.mark("callback").cloned(),
    }
}

/// A method that is no callback cannot be told how to be one.
fn check_left_out(member: &Member, problems: &mut Problems) {
    let Some(mark) = member.mark("callback").or_else(|| member.mark("remote")) else { return };
    if member.mark("local").is_some() {
        problems.add(mark, "a method is either `#[local]` or a callback\nhelp: remove one of the two");
    } else {
        problems.add(
            mark,
            "only a method with a `pub` is a callback\nhelp: put `pub` before it, or remove the attribute",
        );
    }
}

pub(super) fn check_block(block: &Block, problems: &mut Problems) {
    if let Some(unsafety) = &block.unsafety {
        problems.add(unsafety, "an `unsafe impl` cannot serve callbacks\nhelp: remove `unsafe`");
    }
    members(&block.parts).for_each(|member| check_marks(member, problems));
}

/// The last name of the type's path, which is to be one of a type that owns what it holds; of no path, a name that
/// nobody sees.
pub(super) fn type_name(ty: &Type, problems: &mut Problems) -> Ident {
    if let Type::Path(path) = types::bare(ty)
        && path.qself.is_none()
        && let Some(last) = path.path.segments.last()
    {
        if let Some(lifetime) = types::short_lifetime(ty) {
            problems.add(
                lifetime,
                "calls may run for as long as their node does, so an instance cannot borrow\n\
                 help: let it own what it holds, or share it as an `Arc`",
            );
        }
        return last.ident.clone();
    }
    problems.add(
        ty,
        "callbacks are methods of a type with a name: a struct or an enum\n\
         help: write a struct that holds what is needed, and an `impl` block for that",
    );
    Ident::new("_unnamed", proc_macro2::Span::call_site())
}

pub(super) fn conditions(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// What a type's own block cannot be told.
const AT_BLOCK: Elsewhere<'_> = &[
    (&["name"], "the names of its methods begin with `prefix = \"…\"`"),
    (&TREATMENT, "it is a method's: put `#[callback(…)]` above each that it is for"),
];

/// What a method in such a block cannot be told.
const AT_METHOD: Elsewhere<'_> = &[(&["prefix"], "`prefix` is the block's; a method has its `name = \"…\"`")];

/// What a trait's block cannot be told.
const AT_SERVED: Elsewhere<'_> = &[
    (&["name", "prefix"], "the trait says what its methods are called: `#[remote(prefix = \"…\")]` there"),
    (&TREATMENT, "it is a method's: put `#[callback(…)]` above each that it is for"),
];

/// What a method in such a block cannot be told.
const AT_SERVED_METHOD: Elsewhere<'_> = &[(
    &["name", "prefix", "idempotent"],
    "the trait says so, for all that serve it: `#[remote(…)]` above the method there",
)];
