//! What `#[callback]` makes of an `impl` block.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use super::{allow, allow_at_function, call, causes, conditions, declaration, handler};
use crate::model::{Chosen, Class, Model, Served};
use crate::parse::{Block, Body, Function, Member, Part};

/// The block without our attributes, with a lint or two less at the callbacks.
pub(crate) fn kept_block(block: &Block, is_callback: impl Fn(&Member) -> bool) -> TokenStream {
    let Block { attrs, vis, unsafety, impl_token, generics, of, ty, brace, parts } = block;
    let parts = parts.iter().map(|part| match part {
        Part::Function(member) => {
            let allow = is_callback(member).then(allow_at_function);
            // Its `pub` has a meaning here, even if nothing else in the program can reach it.
            let is_marked = is_callback(member) || member.mark("local").is_some();
            let allow_pub = is_marked.then(|| quote!(#[allow(unreachable_pub)]));
            let function = kept_function(&member.function);
            quote!(#allow #allow_pub #function)
        }
        Part::Other(other) => other.clone(),
    });
    let of = of.as_ref().map(|(path, preposition)| quote!(#path #preposition));
    let where_clause = &generics.where_clause;
    let mut kept = quote!(#(#attrs)* #vis #unsafety #impl_token #generics #of #ty #where_clause);
    brace.surround(&mut kept, |inner| inner.extend(parts));
    kept
}

/// A function without our attributes.
pub(super) fn kept_function(function: &Function) -> TokenStream {
    let Function { attrs, vis, signature, body } = function;
    let body = match body {
        Body::Block(body) => body.clone(),
        Body::Missing(semicolon) => semicolon.to_token_stream(),
    };
    quote!(#(#attrs)* #vis #signature #body)
}

/// What stands beside a type's own block.
pub(crate) fn class(class: &Class) -> TokenStream {
    let Class { shared, ty, label, associated, methods } = class;
    let subject = ty.to_token_stream();
    let client = call::client(associated.iter().chain(methods), &subject, label);
    let causes = causes(associated.iter().chain(methods));
    let at_once = (!associated.is_empty()).then(|| at_once(&subject, associated));
    let offer = (!methods.is_empty()).then(|| offer(&subject, methods));
    let allow = allow();
    quote! {
        #(#shared)*
        #allow
        const _: () = {
            #causes
            #client
            #at_once
            #offer
        };
    }
}

/// The associated functions, which need no instance.
fn at_once(subject: &TokenStream, associated: &[Model]) -> TokenStream {
    let callbacks = associated.iter().map(|model| {
        let (conditions, ident) = (conditions(&model.shared), &model.ident);
        let callback = handler::callback(model, &quote!(<#subject>::#ident));
        quote!(#(#conditions)* #callback)
    });
    quote! {
        #[automatically_derived]
        impl ::daffi::__private::Declared for #subject {
            fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
                ::core::convert::From::from([#(#callbacks),*])
            }
        }
        ::daffi::__private::inventory::submit! {
            ::daffi::__private::Inventory {
                callbacks: <#subject as ::daffi::__private::Declared>::callbacks,
            }
        }
    }
}

/// The methods, which run on the instance that was registered.
fn offer(subject: &TokenStream, methods: &[Model]) -> TokenStream {
    let callbacks = methods.iter().map(|model| {
        let (conditions, ident) = (conditions(&model.shared), &model.ident);
        let declaration = declaration::declaration(model);
        let callback = handler::method(model, &quote!(<#subject>::#ident), subject, &declaration);
        quote!(#(#conditions)* #callback)
    });
    let itself = quote_spanned!(subject.span()=> <#subject as ::daffi::__private::Shareable>::Itself);
    quote! {
        #[automatically_derived]
        impl ::daffi::Offer<#subject> for #subject {
            fn callbacks(
                __daffi_instance: ::std::sync::Arc<Self>,
            ) -> ::std::vec::Vec<::daffi::__private::Callback> {
                let __daffi_instance: ::std::sync::Arc<#itself> = __daffi_instance;
                ::core::convert::From::from([#(#callbacks),*])
            }
        }
    }
}

/// What stands beside a trait's block.
pub(crate) fn served(served: &Served) -> TokenStream {
    let Served { shared, generics, of, ty, chosen } = served;
    let where_clause = &generics.where_clause;
    let checks = chosen.iter().filter_map(|chosen| check(chosen, of));
    let chosen = chosen.iter().map(|Chosen { shared, ident, treatment, .. }| {
        let method = declaration::plain(ident);
        let options = declaration::options(treatment, false);
        let place = declaration::place(ident);
        quote! {
            #(#shared)*
            ::daffi::__private::Chosen { method: #method, options: #options, place: #place }
        }
    });
    let allow = allow();
    quote! {
        #(#shared)*
        #allow
        const _: () = {
            #(#checks)*
            #[automatically_derived]
            impl #generics ::daffi::Offer<dyn #of> for #ty #where_clause {
                fn callbacks(
                    __daffi_instance: ::std::sync::Arc<Self>,
                ) -> ::std::vec::Vec<::daffi::__private::Callback> {
                    <dyn #of as ::daffi::__private::Serves<Self>>::callbacks(
                        __daffi_instance,
                        &[#(#chosen),*],
                    )
                }
            }
        };
    }
}

/// What refuses options of a method that the trait keeps local: of that only the trait knows.
fn check(chosen: &Chosen, of: &Path) -> Option<TokenStream> {
    let Chosen { shared, ident, mark, .. } = chosen;
    let method = declaration::plain(ident);
    let span = mark.as_ref()?.span();
    Some(quote_spanned! {span=>
        #(#shared)*
        const _: () = ::core::assert!(
            ::daffi::__private::declares(<dyn #of as ::daffi::__private::Contract>::METHODS, #method),
            "the trait keeps this method `#[local]`: nobody calls it from elsewhere, so remove the attribute",
        );
    })
}
