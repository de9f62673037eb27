//! The attribute macros of daffi, to be used through the `daffi` crate, which documents them.
//!
//! `parse` reads tokens and knows no rule; `model`, `options` and `program` hold the rules, and each error has
//! the span of the token it is about; `expand` cannot fail.

mod expand;
mod model;
mod options;
mod parse;
mod problems;
mod program;
mod types;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::parse::Parser;

/// Defined in `daffi-macros`, to be used as `daffi::callback`.
#[proc_macro_attribute]
pub fn callback(given: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    callback_tokens(given.into(), item.into()).into()
}

/// Defined in `daffi-macros`, to be used as `daffi::remote`.
#[proc_macro_attribute]
pub fn remote(given: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    remote_tokens(given.into(), item.into()).into()
}

/// Defined in `daffi-macros`, to be used as `daffi::main`.
#[proc_macro_attribute]
pub fn main(given: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    main_tokens(given.into(), item.into()).into()
}

fn callback_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = parsed(given, &item);
    // The function stays as it was typed, and on an error too: then nothing else in the program breaks.
    let kept = if is_declaration(&parsed) { TokenStream::new() } else { item };
    let expanded = match parsed.and_then(|(given, parsed)| model::Model::callback(&given, parsed)) {
        Ok(model) => [expand::allow_at_function(), kept, expand::callback(&model)],
        Err(error) => [kept, error.into_compile_error(), TokenStream::new()],
    };
    expanded.into_iter().collect()
}

fn remote_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = parsed(given, &item);
    let kept = if is_declaration(&parsed) { TokenStream::new() } else { item };
    match parsed.and_then(|(given, parsed)| model::Model::remote(&given, parsed)) {
        Ok(model) => expand::remote(&model),
        Err(error) => [kept, error.into_compile_error()].into_iter().collect(),
    }
}

type Parsed = syn::Result<(Vec<parse::Given>, parse::Item)>;

fn parsed(given: TokenStream, item: &TokenStream) -> Parsed {
    Ok((parse::options.parse2(given)?, parse::item.parse2(item.clone())?))
}

/// Whether the item is a function without a body: that is not Rust, so it never stays.
fn is_declaration(parsed: &Parsed) -> bool {
    matches!(parsed, Ok((_, item)) if item.is_declaration())
}

fn main_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    match parsed(given, &item).and_then(|(given, parsed)| program::Program::new(&given, parsed)) {
        Ok(program) => expand::program(&program),
        Err(error) => [program::beside_error(item), error.into_compile_error()].into_iter().collect(),
    }
}
