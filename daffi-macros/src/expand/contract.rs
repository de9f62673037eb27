//! What `#[remote]` makes of a trait.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{GenericParam, ReturnType, Signature, TypeImplTrait, TypeParamBound, parse_quote};

use super::class::kept_function;
use super::{allow, call, causes, conditions, declaration, handler};
use crate::model::{Contract, Model};
use crate::parse::{Body, Declarations, Function, Part};
use crate::types;

/// The trait as it was typed, without our attributes: what stands beside an error.
pub(crate) fn kept_trait(declarations: &Declarations) -> TokenStream {
    let supertraits = &declarations.supertraits;
    let supertraits = (!supertraits.is_empty()).then(|| quote!(: #supertraits));
    around(declarations, &supertraits.into_token_stream(), kept_function)
}

/// The trait as others can implement it and tasks run it, and what stands beside it.
pub(crate) fn contract(declarations: &Declarations, contract: &Contract) -> TokenStream {
    let Contract { shared, ident, methods, .. } = contract;
    let supertraits = supertraits(declarations);
    let rewritten = around(declarations, &supertraits, rewritten);
    let subject = quote!(dyn #ident);
    let client = call::client(methods.iter(), &subject, &declaration::plain(ident));
    let causes = causes(methods);
    let callbacks = methods.iter().map(|model| served(model, &quote!(#ident)));
    let names = methods.iter().map(|model| {
        let (conditions, name) = (conditions(&model.shared), declaration::plain(&model.ident));
        quote!(#(#conditions)* #name)
    });
    let allow = allow();
    quote! {
        #rewritten
        #(#shared)*
        #allow
        const _: () = {
            #causes
            #client
            #[automatically_derived]
            impl ::daffi::__private::Contract for #subject {
                const METHODS: &'static [&'static ::core::primitive::str] = &[#(#names),*];
            }
            #[automatically_derived]
            impl<__DaffiServer: #ident> ::daffi::__private::Serves<__DaffiServer> for #subject {
                fn callbacks(
                    __daffi_instance: ::std::sync::Arc<__DaffiServer>,
                    __daffi_chosen: &[::daffi::__private::Chosen],
                ) -> ::std::vec::Vec<::daffi::__private::Callback> {
                    ::core::convert::From::from([#(#callbacks),*])
                }
            }
        };
    }
}

fn served(model: &Model, of: &TokenStream) -> TokenStream {
    let (conditions, ident) = (conditions(&model.shared), &model.ident);
    let method = declaration::plain(ident);
    let declaration = declaration::declaration(model);
    let declaration = quote!(#declaration.served(#method, __daffi_chosen));
    let path = quote!(<__DaffiServer as #of>::#ident);
    let callback = handler::method(model, &path, &quote!(__DaffiServer), &declaration);
    quote!(#(#conditions)* #callback)
}

/// The trait with these supertraits, and its functions as `change` has them.
fn around(
    declarations: &Declarations,
    supertraits: &TokenStream,
    change: impl Fn(&Function) -> TokenStream,
) -> TokenStream {
    let Declarations { attrs, vis, qualifiers, trait_token, ident, generics, brace, parts, .. } =
        declarations;
    let parts = parts.iter().map(|part| match part {
        Part::Function(member) => change(&member.function),
        Part::Other(other) => other.clone(),
    });
    let where_clause = &generics.where_clause;
    let mut item =
        quote!(#(#attrs)* #vis #qualifiers #trait_token #ident #generics #supertraits #where_clause);
    brace.surround(&mut item, |inner| inner.extend(parts));
    item
}

/// The user's, and what an instance needs that several threads run.
fn supertraits(declarations: &Declarations) -> TokenStream {
    let given = &declarations.supertraits;
    let is_given = |name: &str| {
        given.iter().any(|bound| match bound {
            TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == name),
            _ => false,
        })
    };
    let needed: [(&str, TypeParamBound); 2] =
        [("Send", parse_quote!(::core::marker::Send)), ("Sync", parse_quote!(::core::marker::Sync))];
    let needed = needed.into_iter().filter(|(name, _)| !is_given(name)).map(|(_, bound)| bound);
    let bounds = given.iter().cloned().chain(needed);
    quote!(: #(#bounds +)* 'static)
}

/// A function of the trait that leaves it one of which there is a `dyn Trait`, and whose futures and streams may
/// move between threads whatever type serves it.
fn rewritten(function: &Function) -> TokenStream {
    let Function { attrs, vis, signature, body } = function;
    let is_async = signature.asyncness.is_some();
    let mut signature = signature.clone();
    MakeSend.visit_return_type_mut(&mut signature.output);
    if is_async {
        signature.asyncness = None;
        let output = match &signature.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => ty.to_token_stream(),
        };
        signature.output = parse_quote! {
            -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
        };
    }
    if is_async || is_beyond_dyn(&signature) {
        signature.generics.make_where_clause().predicates.push(parse_quote!(Self: ::core::marker::Sized));
    }
    let body = match body {
        Body::Missing(semicolon) => semicolon.to_token_stream(),
        Body::Block(body) if is_async => quote!({ async move #body }),
        Body::Block(body) => body.clone(),
    };
    let allow = is_async.then(|| quote!(#[allow(clippy::manual_async_fn)]));
    quote!(#(#attrs)* #allow #vis #signature #body)
}

/// Whether a `dyn Trait` cannot have the function.
fn is_beyond_dyn(signature: &Signature) -> bool {
    let is_lifetime = |param: &GenericParam| matches!(param, GenericParam::Lifetime(_));
    signature.receiver().is_none()
        || !signature.generics.params.iter().all(is_lifetime)
        || types::find_word(types::beside_receiver(signature), &["impl", "Self"]).is_some()
}

/// Has every `impl Trait` be `Send` too.
struct MakeSend;

impl VisitMut for MakeSend {
    fn visit_type_impl_trait_mut(&mut self, unnamed: &mut TypeImplTrait) {
        visit_mut::visit_type_impl_trait_mut(self, unnamed);
        unnamed.bounds.push(parse_quote!(::core::marker::Send));
    }
}
