//! What `#[callback(hosted = "…")]` makes of an `impl` block.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::declaration::{doc_text, plain};
use super::{allow, conditions};
use crate::model::{Access, Hosted, HostedParameter as Parameter, Line, Method};
use crate::types;

/// What stands beside the block.
pub(crate) fn hosted(hosted: &Hosted) -> TokenStream {
    let Hosted { shared, ty, label, kind, methods } = hosted;
    let entries = methods.iter().map(|method| entry(method, &ty.to_token_stream()));
    let client = client(methods, ty, label);
    let allow = allow();
    quote! {
        #(#shared)*
        #allow
        const _: () = {
            #[automatically_derived]
            impl ::daffi::__private::hosted::Methods for #ty {
                const KIND: &'static ::core::primitive::str = #kind;
                const METHODS: &'static [::daffi::__private::hosted::Method<Self>] = &[#(#entries),*];
            }
            ::daffi::__private::inventory::submit! {
                ::daffi::__private::hosted::Inventory {
                    kind: ::daffi::__private::hosted::ObjectKind::of::<#ty>,
                }
            }
            #client
        };
    }
}

/// The method's entry in the table.
fn entry(method: &Method, subject: &TokenStream) -> TokenStream {
    let Method { shared, docs, ident, access, line, parameters, result, is_result, .. } = method;
    let conditions = conditions(shared);
    let name = method.name.rsplit('.').next().unwrap_or_default();
    let sent = || sent(parameters);
    let shown = sent().map(|(ident, ty)| {
        let (name, ty) = (plain(ident), types::text(ty));
        quote!((#name, #ty))
    });
    let taken = sent().map(|(ident, ty)| {
        let name = plain(ident);
        let take = if types::text(ty) == "&str" { quote!(text) } else { quote!(take) };
        quote!(let #ident: #ty = __daffi_arguments.#take(#name)?;)
    });
    let passed = parameters.iter().map(|parameter| match parameter {
        Parameter::Turn => quote!(__daffi_turn),
        Parameter::Sent(sent) => sent.ident.to_token_stream(),
    });
    let (result_text, doc) = (result.as_ref().map_or_else(|| "()".to_owned(), types::text), doc_text(docs));
    let (line_tokens, run) = (
        match line {
            Some(Line::One(number)) => {
                quote!(::core::option::Option::Some(::daffi::__private::hosted::Line::One(#number)))
            }
            Some(Line::Each(place)) => {
                quote!(::core::option::Option::Some(::daffi::__private::hosted::Line::Each(#place)))
            }
            None => quote!(::core::option::Option::None),
        },
        match access {
            Access::Read => quote!(Read),
            Access::Write => quote!(Write),
            Access::Shrink => quote!(Shrink),
            Access::Publish => quote!(Publish),
        },
    );
    let put = put(line.is_some(), *is_result);
    quote! {
        #(#conditions)*
        ::daffi::__private::hosted::Method {
            name: #name,
            parameters: &[#(#shown),*],
            result: #result_text,
            doc: #doc,
            line: #line_tokens,
            run: ::daffi::__private::hosted::Run::#run(
                |__daffi_state, __daffi_turn, __daffi_arguments, __daffi_out| {
                    #(#taken)*
                    __daffi_arguments.end()?;
                    let __daffi_value = <#subject>::#ident(__daffi_state, #(#passed),*);
                    #put
                },
            ),
        }
    }
}

/// Appends what the method returned, or says why there is nothing yet.
fn put(waits: bool, is_result: bool) -> TokenStream {
    let put = quote!(::daffi::__private::hosted::put_value(__daffi_out, &__daffi_value));
    let put = if is_result {
        quote! {
            match __daffi_value {
                ::core::result::Result::Ok(__daffi_value) => #put,
                ::core::result::Result::Err(__daffi_error) => ::core::result::Result::Err(
                    ::daffi::__private::hosted::Stop::refused(&__daffi_error),
                ),
            }
        }
    } else {
        put
    };
    if !waits {
        return put;
    }
    quote! {
        match __daffi_value {
            ::core::task::Poll::Ready(__daffi_value) => #put,
            ::core::task::Poll::Pending => {
                ::core::result::Result::Err(::daffi::__private::hosted::Stop::Parked)
            }
        }
    }
}

/// What calls the methods from elsewhere.
fn client(methods: &[Method], ty: &syn::Type, label: &str) -> TokenStream {
    let methods = methods.iter().map(|method| {
        let Method { shared, docs, vis, ident, name, line, parameters, result, .. } = method;
        let arguments = sent(parameters).map(|(ident, ty)| quote!(#ident: #ty));
        let names = sent(parameters).map(|(ident, _)| ident);
        let result = result.as_ref().map_or_else(|| quote!(()), ToTokens::to_token_stream);
        let operation = if line.is_some() { quote!(waiting) } else { quote!(at_once) };
        quote! {
            #(#shared)*
            #(#docs)*
            #vis fn #ident(&self, #(#arguments),*) -> ::daffi::__private::hosted::Operation<#result> {
                ::daffi::__private::hosted::Operation::#operation(
                    &self.object,
                    #name,
                    &(self.object.name(), #(&#names,)*),
                )
            }
        }
    });
    let doc = format!(" A `{label}` that the controller keeps, by its name.");
    let shown = format!("Object<{label}>");
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone)]
        pub struct __DaffiObject {
            object: ::daffi::__private::hosted::Object,
        }
        #[automatically_derived]
        impl ::core::fmt::Debug for __DaffiObject {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_tuple(#shown).field(&self.object.name()).finish()
            }
        }
        #[automatically_derived]
        impl __DaffiObject {
            #(#methods)*
        }
        #[automatically_derived]
        impl ::core::ops::Deref for __DaffiObject {
            type Target = ::daffi::__private::hosted::Object;
            fn deref(&self) -> &Self::Target {
                &self.object
            }
        }
        #[automatically_derived]
        impl ::daffi::__private::hosted::Kept for #ty {
            type Client = __DaffiObject;
            fn client(object: ::daffi::__private::hosted::Object) -> __DaffiObject {
                __DaffiObject { object }
            }
        }
    }
}

fn sent(parameters: &[Parameter]) -> impl Iterator<Item = (&syn::Ident, &syn::Type)> {
    parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Turn => None,
        Parameter::Sent(sent) => Some((&sent.ident, &sent.ty)),
    })
}
