//! `impl` blocks and traits: what stands around functions.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Result};
use syn::punctuated::Punctuated;
use syn::{
    AttrStyle, Attribute, Generics, Ident, ImplItem, Path, Token, TraitItem, Type, TypeParamBound,
    Visibility, WhereClause, braced, token,
};

use super::{Function, begins_function, function};
use crate::types;

/// An `impl` block.
pub(crate) struct Block {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) unsafety: Option<Token![unsafe]>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: Generics,
    /// The trait that it implements.
    pub(crate) of: Option<(Path, Token![for])>,
    pub(crate) ty: Type,
    pub(crate) brace: token::Brace,
    pub(crate) parts: Vec<Part>,
}

/// A trait.
pub(crate) struct Declarations {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    /// `unsafe` and `auto`.
    pub(crate) qualifiers: TokenStream,
    pub(crate) trait_token: Token![trait],
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) supertraits: Punctuated<TypeParamBound, Token![+]>,
    pub(crate) brace: token::Brace,
    pub(crate) parts: Vec<Part>,
}

/// What stands between the braces.
pub(crate) enum Part {
    Function(Box<Member>),
    /// A constant, a type, a macro.
    Other(TokenStream),
}

/// A function between the braces.
pub(crate) struct Member {
    /// With the attributes that are not ours.
    pub(crate) function: Function,
    /// The attributes that are.
    pub(crate) marks: Vec<Attribute>,
}

impl Member {
    /// The attribute of ours that has this name.
    pub(crate) fn mark(&self, name: &str) -> Option<&Attribute> {
        self.marks.iter().find(|mark| own_name(mark) == name)
    }
}

/// The name of an attribute of ours, by whatever path.
pub(crate) fn own_name(mark: &Attribute) -> String {
    mark.path().segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
}

/// Whether an attribute is one of ours, by itself or as `daffi::…`.
fn is_ours(attribute: &Attribute) -> bool {
    let mut names = attribute.path().segments.iter().map(|segment| &segment.ident);
    let (first, second) = (names.next(), names.next());
    let is_last = |name: &Ident| ["callback", "remote", "local"].iter().any(|ours| name == ours);
    match (first, second) {
        (Some(name), None) => is_last(name),
        (Some(krate), Some(name)) => krate == "daffi" && names.next().is_none() && is_last(name),
        (None, _) => false,
    }
}

/// Whether an item of this keyword begins here.
pub(super) fn begins(input: ParseStream<'_>, keyword: &str) -> bool {
    let ahead = input.fork();
    let mut words = std::iter::from_fn(|| ahead.call(Ident::parse_any).ok());
    words.find(|word| word != "unsafe" && word != "auto").is_some_and(|word| word == keyword)
}

/// An `impl` block, after its visibility, which rustc refuses.
pub(super) fn block(mut attrs: Vec<Attribute>, vis: Visibility, input: ParseStream<'_>) -> Result<Block> {
    let unsafety = input.parse()?;
    let impl_token = input.parse()?;
    let mut generics: Generics = if input.peek(Token![<]) { input.parse()? } else { Generics::default() };
    let first: Type = input.parse()?;
    let (of, ty) = if input.peek(Token![for]) {
        let Type::Path(path) = types::bare(&first) else {
            return Err(syn::Error::new_spanned(first, "expected the path of a trait"));
        };
        (Some((path.path.clone(), input.parse()?)), input.parse()?)
    } else {
        (None, first)
    };
    generics.where_clause = input.parse::<Option<WhereClause>>()?;
    let (brace, parts) = parts::<ImplItem>(input, &mut attrs)?;
    Ok(Block { attrs, vis, unsafety, impl_token, generics, of, ty, brace, parts })
}

/// A trait, after its visibility.
pub(super) fn declarations(
    mut attrs: Vec<Attribute>,
    vis: Visibility,
    input: ParseStream<'_>,
) -> Result<Declarations> {
    let mut qualifiers = TokenStream::new();
    while !input.peek(Token![trait]) {
        input.call(Ident::parse_any)?.to_tokens(&mut qualifiers);
    }
    let trait_token = input.parse()?;
    let ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    let mut supertraits = Punctuated::new();
    if input.parse::<Option<Token![:]>>()?.is_some() {
        while !input.peek(token::Brace) && !input.peek(Token![where]) {
            supertraits.push_value(input.parse()?);
            if input.peek(Token![+]) {
                supertraits.push_punct(input.parse()?);
            }
        }
    }
    generics.where_clause = input.parse::<Option<WhereClause>>()?;
    let (brace, parts) = parts::<TraitItem>(input, &mut attrs)?;
    Ok(Declarations { attrs, vis, qualifiers, trait_token, ident, generics, supertraits, brace, parts })
}

/// What stands between braces, where an `Other` is all that is no function. Attributes of the whole that stand there
/// too join those above it, where they mean the same.
fn parts<Other: syn::parse::Parse + ToTokens>(
    input: ParseStream<'_>,
    attrs: &mut Vec<Attribute>,
) -> Result<(token::Brace, Vec<Part>)> {
    let content;
    let brace = braced!(content in input);
    let inner = content.call(Attribute::parse_inner)?;
    attrs.extend(inner.into_iter().map(|attribute| Attribute { style: AttrStyle::Outer, ..attribute }));
    let mut parts = Vec::new();
    while !content.is_empty() {
        let ahead = content.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        if begins_function(&ahead) {
            let attrs = content.call(Attribute::parse_outer)?;
            let (marks, attrs) = attrs.into_iter().partition(is_ours);
            let vis = content.parse()?;
            let function = function(attrs, vis, &content)?;
            parts.push(Part::Function(Box::new(Member { function, marks })));
        } else {
            parts.push(Part::Other(content.parse::<Other>()?.into_token_stream()));
        }
    }
    Ok((brace, parts))
}
