//! From tokens to syntax; no rules.

mod block;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser, Result};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, Ident, Meta, Signature, Token, Visibility};

pub(crate) use block::{Block, Declarations, Member, Part, own_name};

/// One option of an attribute, as it was typed.
pub(crate) struct Given {
    pub(crate) name: Ident,
    pub(crate) value: Option<Expr>,
}

/// An annotated item.
pub(crate) enum Item {
    Function(Box<Function>),
    /// An `impl` block.
    Block(Box<Block>),
    /// A trait.
    Declarations(Box<Declarations>),
    /// Something else.
    Other {
        /// Its first token after the visibility.
        keyword: TokenStream,
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
    /// The token that says what it is.
    pub(crate) fn keyword(&self) -> TokenStream {
        match self {
            Self::Function(function) => function.signature.fn_token.into_token_stream(),
            Self::Block(block) => block.impl_token.into_token_stream(),
            Self::Declarations(declarations) => declarations.trait_token.into_token_stream(),
            Self::Other { keyword } => keyword.clone(),
        }
    }

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

/// The options of an attribute that stands on a function within an annotated item.
pub(crate) fn given(attribute: &Attribute) -> Result<Vec<Given>> {
    match &attribute.meta {
        Meta::Path(_) => Ok(Vec::new()),
        Meta::List(list) => options.parse2(list.tokens.clone()),
        Meta::NameValue(pair) => {
            Err(Error::new_spanned(pair, "options stand in parentheses: `#[callback(name = \"…\")]`"))
        }
    }
}

/// An annotated item.
pub(crate) fn item(input: ParseStream<'_>) -> Result<Item> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    if begins_function(input) {
        return Ok(Item::Function(Box::new(function(attrs, vis, input)?)));
    }
    if block::begins(input, "impl") {
        return Ok(Item::Block(Box::new(block::block(attrs, vis, input)?)));
    }
    if block::begins(input, "trait") {
        return Ok(Item::Declarations(Box::new(block::declarations(attrs, vis, input)?)));
    }
    let rest: TokenStream = input.parse()?;
    Ok(Item::Other { keyword: rest.into_iter().take(1).collect() })
}

/// What follows a function's attributes and visibility: up to its end, where the body is the next tokens.
fn function(attrs: Vec<Attribute>, vis: Visibility, input: ParseStream<'_>) -> Result<Function> {
    let signature = input.parse()?;
    let body = if input.peek(Token![;]) {
        Body::Missing(input.parse()?)
    } else {
        let block: proc_macro2::TokenTree = input.parse()?;
        Body::Block(block.into())
    };
    Ok(Function { attrs, vis, signature, body })
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
