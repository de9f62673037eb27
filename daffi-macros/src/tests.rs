//! What the macros emit: each file in `tests/expand` holds an annotated item, the `.expanded.rs` beside it what
//! becomes of it. `DAFFI_EXPAND=overwrite cargo test -p daffi-macros` writes those anew.

use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
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
        "main" => crate::main_tokens(given, item),
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
