//! The attribute macros of daffi, to be used through the `daffi` crate, which documents them.
//!
//! `parse` reads tokens and knows no rule; `model`, `options` and `program` hold the rules, and each error has
//! the span of the token it is about; `expand` cannot fail.

mod cached;
mod count;
mod expand;
mod model;
mod options;
mod parse;
mod problems;
mod program;
mod space;
mod synchronize;
mod types;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::parse::Parser;

use parse::{Block, Given, Item, Member};

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

/// Defined in `daffi-macros`, to be used as `daffi::local`.
#[proc_macro_attribute]
pub fn local(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    local_tokens(item.into()).into()
}

/// Defined in `daffi-macros`, to be used as `daffi::main`.
#[proc_macro_attribute]
pub fn main(given: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    main_tokens(given.into(), item.into()).into()
}

/// Defined in `daffi-macros`, to be used as `daffi::count`.
#[proc_macro_attribute]
pub fn count(given: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    count_tokens(given.into(), item.into()).into()
}

/// Defined in `daffi-macros`, to be used as `daffi::cached`.
#[proc_macro_attribute]
pub fn cached(given: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    cached_tokens(given.into(), item.into()).into()
}

/// Defined in `daffi-macros`, to be used as `daffi::synchronize`.
#[proc_macro_attribute]
pub fn synchronize(given: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    synchronize_tokens(given.into(), item.into()).into()
}

/// Defined in `daffi-macros`, to be used as `daffi::Space`.
#[proc_macro_derive(Space, attributes(key, space))]
pub fn space(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    space_tokens(item.into()).into()
}

/// The words of the language that describes spaces, as a slice: they stand in one place, and `daffi-core` depends on this.
#[doc(hidden)]
#[proc_macro]
pub fn space_words(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let words = space::WORDS;
    quote::quote!(&[#(#words),*]).into()
}

fn callback_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = parsed(given, &item);
    // The function stays as it was typed, and on an error too: then nothing else in the program breaks.
    let kept = if is_declaration(&parsed) { TokenStream::new() } else { item };
    match parsed {
        Ok((given, Item::Block(block))) => block_tokens(&given, &block),
        parsed => {
            let model = parsed.and_then(|(given, item)| model::Model::callback(&given, item));
            match model {
                Ok(model) => {
                    [expand::allow_at_function(), kept, expand::callback(&model)].into_iter().collect()
                }
                Err(error) => beside(kept, error),
            }
        }
    }
}

fn block_tokens(given: &[Given], block: &Block) -> TokenStream {
    if given.iter().any(|option| option.name == "hosted") {
        let kept = expand::kept_block(block, model::is_offered);
        return match model::Hosted::new(given, block) {
            Ok(hosted) => [kept, expand::hosted(&hosted)].into_iter().collect(),
            Err(error) => beside(kept, error),
        };
    }
    let (is_callback, expanded): (fn(&Member) -> bool, _) = match &block.of {
        Some((of, _)) => {
            (|_| true, model::Served::new(given, block, of).map(|served| expand::served(&served)))
        }
        None => (model::is_offered, model::Class::new(given, block).map(|class| expand::class(&class))),
    };
    match expanded {
        Ok(expanded) => [expand::kept_block(block, is_callback), expanded].into_iter().collect(),
        Err(error) => beside(expand::kept_block(block, is_callback), error),
    }
}

fn remote_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = parsed(given, &item);
    let kept = if is_declaration(&parsed) { TokenStream::new() } else { item };
    match parsed {
        Ok((given, Item::Declarations(declarations))) => match model::Contract::new(&given, &declarations) {
            Ok(contract) => expand::contract(&declarations, &contract),
            Err(error) => beside(expand::kept_trait(&declarations), error),
        },
        parsed => match parsed.and_then(|(given, item)| model::Model::remote(&given, item)) {
            Ok(model) => expand::remote(&model),
            Err(error) => beside(kept, error),
        },
    }
}

/// The item, and what is wrong with it.
fn beside(kept: TokenStream, error: syn::Error) -> TokenStream {
    [kept, error.into_compile_error()].into_iter().collect()
}

fn local_tokens(item: TokenStream) -> TokenStream {
    let error = syn::Error::new(
        proc_macro2::Span::call_site(),
        "`#[local]` stands on a method in an `impl` block under `#[callback]`, or of a trait under `#[remote]`, to keep \
         it from being called by others\nhelp: nothing else is called by others, so remove it",
    );
    beside(item, error)
}

type Parsed = syn::Result<(Vec<Given>, Item)>;

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

fn cached_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = parsed(given, &item);
    let kept = if is_declaration(&parsed) { TokenStream::new() } else { item };
    match parsed.and_then(|(given, item)| cached::Cached::new(&given, item)) {
        Ok(cached) => expand::cached(&cached),
        Err(error) => beside(kept, error),
    }
}

fn count_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = parsed(given, &item);
    let kept = if is_declaration(&parsed) { TokenStream::new() } else { item };
    match parsed.and_then(|(given, item)| count::Counted::new(&given, item)) {
        Ok(counted) => expand::counted(&counted),
        Err(error) => beside(kept, error),
    }
}

fn synchronize_tokens(given: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = parsed(given, &item);
    let kept = if is_declaration(&parsed) { TokenStream::new() } else { item };
    match parsed.and_then(|(given, item)| synchronize::Synchronized::new(&given, item)) {
        Ok(synchronized) => expand::synchronized(&synchronized),
        Err(error) => beside(kept, error),
    }
}

fn space_tokens(item: TokenStream) -> TokenStream {
    match syn::parse2(item).and_then(space::Described::new) {
        Ok(described) => expand::space(&described),
        Err(error) => error.into_compile_error(),
    }
}
