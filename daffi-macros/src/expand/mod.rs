//! From the model to tokens. Nothing can go wrong here.
//!
//! The generated code is thin: it names types and hands over to generic functions. All paths are absolute, and
//! all names of its own begin with `__daffi`.

mod cached;
mod call;
mod class;
mod contract;
mod count;
mod declaration;
mod handler;
mod hosted;
mod program;
mod space;
mod synchronize;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Type};

use crate::model::{Model, Output};
use crate::types;

pub(crate) use cached::cached;
pub(crate) use class::{class, kept_block, served};
pub(crate) use contract::{contract, kept_trait};
pub(crate) use count::counted;
pub(crate) use hosted::hosted;
pub(crate) use program::program;
pub(crate) use space::space;
pub(crate) use synchronize::synchronized;

/// What `#[callback]` puts beside the function.
pub(crate) fn callback(model: &Model) -> TokenStream {
    let Model { shared, ident, .. } = model;
    let remote_type = remote_type(model);
    let call = call::beside_function(model);
    let causes = causes([model]);
    let callback = handler::callback(model, &ident.to_token_stream());
    let allow = allow();
    quote! {
        #remote_type
        #(#shared)*
        #allow
        const _: () = {
            #causes
            #[automatically_derived]
            impl #ident {
                #call
            }
            #[automatically_derived]
            impl ::daffi::__private::Declared for #ident {
                fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
                    ::core::convert::From::from([#callback])
                }
            }
            ::daffi::__private::inventory::submit! {
                ::daffi::__private::Inventory {
                    callbacks: <#ident as ::daffi::__private::Declared>::callbacks,
                }
            }
        };
    }
}

/// What `#[remote]` puts in the place of the declaration.
pub(crate) fn remote(model: &Model) -> TokenStream {
    let Model { shared, vis, ident, name, .. } = model;
    let remote_type = remote_type(model);
    let call = call::beside_function(model);
    let allow = allow();
    quote! {
        #remote_type
        #(#shared)*
        #allow
        const _: () = {
            #[automatically_derived]
            impl #ident {
                /// The callback's name.
                #vis const NAME: &'static ::core::primitive::str = #name;
                #call
            }
        };
    }
}

/// Lints whose subject is the user's function or our naming, and never what the user can change.
fn allow() -> TokenStream {
    quote! {
        #[allow(
            deprecated,
            missing_copy_implementations,
            missing_debug_implementations,
            non_camel_case_types,
            unnameable_types,
            unreachable_pub,
            unused,
            unused_qualifications,
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            rustdoc::private_doc_tests,
        )]
    }
}

/// Lints that would have the user change what a callback needs: owned arguments, no `const`, and `async` for the
/// runtime even where nothing is awaited.
pub(crate) fn allow_at_function() -> TokenStream {
    quote! {
        #[allow(clippy::missing_const_for_fn, clippy::needless_pass_by_value, clippy::unused_async)]
    }
}

/// The type that bears the function's name.
fn remote_type(model: &Model) -> TokenStream {
    let Model { shared, vis, ident, name, .. } = model;
    let docs = docs(model, &format!(" The callback `{name}`, to be called on another node."));
    let allow = allow();
    quote! {
        #(#shared)*
        #docs
        #allow
        #vis struct #ident {}
    }
}

/// The user's documentation, or else a line of ours, so that a missing one is reported once: at the function. So is an
/// example in it tried once: there.
fn docs(model: &Model, otherwise: &str) -> TokenStream {
    if model.docs.is_empty() {
        return quote!(#[doc = #otherwise]);
    }
    let docs = model.docs.iter().map(|attribute| &attribute.meta);
    quote!(#(#[cfg_attr(not(doctest), #docs)])*)
}

/// `ty`, by a way that stops at one error in our words if it cannot travel: rustc knows the type to be wrong
/// from there on, and says no more.
fn travels(ty: impl ToTokens) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as ::daffi::__private::Travels>::Itself)
}

/// The type that a caller gets.
fn success(output: &Output) -> TokenStream {
    match output {
        Output::Nothing => quote!(()),
        Output::Value(ty) => ty.to_token_stream(),
        Output::Stream(ty) if failing(output).is_none() => ty.to_token_stream(),
        Output::Result(ty) | Output::Stream(ty) => match types::plain_success(ty) {
            Some(success) => success.to_token_stream(),
            None => quote_spanned!(ty.span()=> <#ty as ::daffi::__private::ResultType>::Ok),
        },
    }
}

/// The `Result` that it returns, or that its items are.
fn failing(output: &Output) -> Option<&Type> {
    match output {
        Output::Nothing | Output::Value(_) => None,
        Output::Result(ty) => Some(ty),
        Output::Stream(item) => (types::last_name(item).as_deref() == Some("Result")).then_some(item),
    }
}

/// What finds the causes of errors, where one of the functions can fail.
fn causes<'a>(models: impl IntoIterator<Item = &'a Model>) -> Option<TokenStream> {
    let mut models = models.into_iter();
    models.any(|model| failing(&model.output).is_some()).then(|| {
        quote!(
            use ::daffi::__private::{Caused as _, Uncaused as _};
        )
    })
}

/// The conditions among the attributes, for places where no other attribute may stand.
fn conditions(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"))
}
