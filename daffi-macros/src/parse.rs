//! From tokens to syntax; no rules.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Result};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, Ident, Signature, Token, Visibility};

/// One option of an attribute, as it was typed.
pub(crate) struct Given {
    pub(crate) name: Ident,
    pub(crate) value: Option<Expr>,
}

/// An annotated item.
pub(crate) enum Item {
    Function(Box<Function>),
    /// Something that is not a function.
    Other {
        /// Its first token after the visibility.
        keyword: TokenStream,
        is_impl: bool,
    },
}

/// A function; its body is nobody's business here.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Body,
}

/// What follows a signature.
pub(crate) enum Body {
    /// A block, with its braces.
    Block(TokenStream),
    /// A semicolon.
    Missing(Token![;]),
}

impl Item {
    /// Whether it is a function without a body.
    pub(crate) fn is_declaration(&self) -> bool {
        matches!(self, Self::Function(function) if matches!(function.body, Body::Missing(_)))
    }
}

/// The options between an attribute's parentheses.
pub(crate) fn options(input: ParseStream<'_>) -> Result<Vec<Given>> {
    let option = |input: ParseStream<'_>| {
        let name = input
            .call(Ident::parse_any)
            .map_err(|error| Error::new(error.span(), "expected an option, such as `name = \"…\"`"))?;
        let has_value = input.parse::<Option<Token![=]>>()?.is_some();
        let value = if has_value { Some(input.parse()?) } else { None };
        Ok(Given { name, value })
    };
    let given: Punctuated<Given, Token![,]> = Punctuated::parse_terminated_with(input, option)?;
    Ok(given.into_iter().collect())
}

/// An annotated item.
pub(crate) fn item(input: ParseStream<'_>) -> Result<Item> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis = input.parse()?;
    if !begins_function(input) {
        let is_impl = input.peek(Token![impl]);
        let rest: TokenStream = input.parse()?;
        return Ok(Item::Other { keyword: rest.into_iter().take(1).collect(), is_impl });
    }
    let signature = input.parse()?;
    let body =
        if input.peek(Token![;]) { Body::Missing(input.parse()?) } else { Body::Block(input.parse()?) };
    Ok(Item::Function(Box::new(Function { attrs, vis, signature, body })))
}

/// Whether a function begins here; `const`, `unsafe` and `extern` begin other items too.
fn begins_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let mut rest = std::iter::from_fn(|| {
        ahead.call(Ident::parse_any).ok().or_else(|| {
            // The ABI's name.
            ahead.parse::<syn::LitStr>().ok().map(|name| Ident::new("extern", name.span()))
        })
    });
    rest.find(|word| !["const", "async", "unsafe", "extern", "safe"].iter().any(|before| word == before))
        .is_some_and(|word| word == "fn")
}
