//! What the macros emit: each file in `tests/expand` holds an annotated item, the `.expanded.rs` beside it what
//! becomes of it. `DAFFI_EXPAND=overwrite cargo test -p daffi-macros` writes those anew.

use std::path::{Path, PathBuf};

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Meta};

/// An item and the attribute above it.
fn annotated(input: ParseStream<'_>) -> syn::Result<(Attribute, TokenStream)> {
    let mut attributes = Attribute::parse_outer(input)?;
    let attribute = attributes.remove(0);
    let rest: TokenStream = input.parse()?;
    Ok((attribute, quote::quote!(#(#attributes)* #rest)))
}

fn expand(source: &str) -> String {
    let (attribute, item) = annotated.parse_str(source).expect("one annotated item");
    let given = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
    };
    let name = attribute.path().segments.last().expect("an attribute has a name").ident.to_string();
    let expanded = match name.as_str() {
        "callback" => crate::callback_tokens(given, item),
        "remote" => crate::remote_tokens(given, item),
        "cached" => crate::cached_tokens(given, item),
        "count" => crate::count_tokens(given, item),
        "synchronize" => crate::synchronize_tokens(given, item),
        "main" => crate::main_tokens(given, item),
        "derive" => crate::space_tokens(item),
        other => panic!("no macro `{other}`"),
    };
    prettyplease::unparse(&syn::parse2(expanded).expect("the expansion is a file"))
}

fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let mut sources: Vec<PathBuf> = files
        .map(|file| file.expect("a readable folder").path())
        .filter(|path| !path.to_string_lossy().ends_with(".expanded.rs"))
        .collect();
    sources.sort();
    sources
}

#[test]
fn a_variadic_function_is_refused() {
    let item = quote::quote!(
        fn any(count: i32, _: ...) {}
    );

    let refused = crate::callback_tokens(TokenStream::new(), item).to_string();

    assert!(refused.contains("a callback's arguments are counted and named"), "{refused}");
}

/// The tokens without one of them, wherever it stands, in every way there is.
fn lacking_one(tokens: TokenStream) -> Vec<TokenStream> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let with = |at: usize, instead: Option<TokenTree>| {
        trees[..at].iter().cloned().chain(instead).chain(trees[at + 1..].iter().cloned()).collect()
    };
    let mut lacking = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        lacking.push(with(at, None));
        if let TokenTree::Group(group) = tree {
            let inner = lacking_one(group.stream()).into_iter();
            let regrouped = inner.map(|inner| Group::new(group.delimiter(), inner).into());
            lacking.extend(regrouped.map(|group| with(at, Some(group))));
        }
    }
    lacking
}

#[test]
fn no_item_is_too_odd_to_be_told_what_is_wrong_with_it() {
    for path in sources() {
        let source = std::fs::read_to_string(&path).expect("a readable file");
        let (attribute, item) = annotated.parse_str(&source).expect("one annotated item");
        let given = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
        };
        let odd_options = lacking_one(given.clone()).into_iter().map(|given| (given, item.clone()));
        for (given, item) in
            lacking_one(item.clone()).into_iter().map(|item| (given.clone(), item)).chain(odd_options)
        {
            for expand in [
                crate::callback_tokens,
                crate::remote_tokens,
                crate::main_tokens,
                crate::count_tokens,
                crate::synchronize_tokens,
                |_, item| crate::space_tokens(item),
            ] {
                let expanded = expand(given.clone(), item.clone());
                assert!(!expanded.is_empty() || item.is_empty(), "nothing is said of {item}");
            }
        }
    }
}

#[test]
fn every_item_expands_to_what_is_on_file() {
    let sources = sources();

    for path in &sources {
        let expanded = expand(&std::fs::read_to_string(path).expect("a readable file"));
        let stored = path.with_extension("expanded.rs");
        if std::env::var_os("DAFFI_EXPAND").is_some_and(|mode| mode == "overwrite") {
            std::fs::write(&stored, &expanded).expect("a writable folder");
        }
        let expected = std::fs::read_to_string(&stored).unwrap_or_default();
        assert_eq!(expanded, expected, "the expansion of {} is another now", path.display());
    }
    assert!(sources.len() >= 10, "files are missing");
}
