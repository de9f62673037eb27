//! What `#[daffi::main]` takes, and the rules about it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, LitStr, Result, Signature, Visibility};

use crate::options;
use crate::parse::{Body, Function, Given, Item};
use crate::problems::Problems;

/// An `async fn main` that obeys all the rules.
pub(crate) struct Program {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenStream,
    /// The node's name.
    pub(crate) name: Option<LitStr>,
    /// Where to start a controller.
    pub(crate) listen: Option<LitStr>,
    /// Where the controller is.
    pub(crate) connect: Option<LitStr>,
}

impl Program {
    /// The program of a function under `#[daffi::main]`.
    pub(crate) fn new(given: &[Given], item: Item) -> Result<Self> {
        let Function { attrs, vis, signature, body } = match item {
            Item::Function(function) => *function,
            other => {
                return Err(syn::Error::new_spanned(
                    other.keyword(),
                    "`#[daffi::main]` stands on `async fn main`",
                ));
            }
        };
        let mut problems = Problems::default();
        options::check(given, &["name", "listen", "connect"], &[], &mut problems);
        let [name, listen, connect] =
            ["name", "listen", "connect"].map(|option| options::text(given, option, &mut problems));
        check_options(name.as_ref(), listen.as_ref(), connect.as_ref(), &mut problems);
        check_signature(&signature, &mut problems);
        let body = match body {
            Body::Block(body) => body,
            Body::Missing(semicolon) => {
                problems.add(semicolon, "the program's `main` needs a body");
                TokenStream::new()
            }
        };
        problems.or(Self { attrs, vis, signature, body, name, listen, connect })
    }
}

fn check_options(
    name: Option<&LitStr>,
    listen: Option<&LitStr>,
    connect: Option<&LitStr>,
    problems: &mut Problems,
) {
    if let Some(name) = name
        && let Some(problem) = options::name_problem(&name.value())
    {
        problems.add(name, problem);
    }
    if let (Some(_), Some(connect)) = (listen, connect) {
        problems.add(
            connect,
            "`listen` starts a controller in this process and connects to that one, so there is nothing else to \
             `connect` to\nhelp: keep `listen` in the process that has the controller, and `connect` in the others",
        );
    }
}

fn check_signature(signature: &Signature, problems: &mut Problems) {
    if signature.asyncness.is_none() {
        problems.add(
            signature.fn_token,
            "`#[daffi::main]` stands on an `async` function\nhelp: write `async fn`, since calls are awaited",
        );
    }
    if !signature.generics.params.is_empty() {
        problems.add(&signature.generics, "the program's `main` cannot be generic");
    }
    let expected = "the program's `main` takes its node and nothing else\nhelp: `async fn main(node: Node)`, or \
                    `async fn main()`";
    let mut inputs = signature.inputs.iter();
    match inputs.next() {
        Some(syn::FnArg::Typed(typed)) if matches!(crate::types::bare(&typed.ty), syn::Type::Path(_)) => {}
        Some(other) => problems.add(other, expected),
        None => {}
    }
    if let Some(second) = inputs.next() {
        problems.add(second, expected);
    }
}

/// The item, to stand beside an error about it. In a block of its own it is not the program's entry, of which
/// rustc would have more to say.
pub(crate) fn beside_error(item: TokenStream) -> TokenStream {
    let words: Vec<String> = item.clone().into_iter().map(|token| token.to_string()).collect();
    if !words.windows(2).any(|pair| pair == ["fn", "main"]) {
        return item;
    }
    quote! {
        #[allow(dead_code)]
        const _: () = { #item };
        fn main() {}
    }
}
