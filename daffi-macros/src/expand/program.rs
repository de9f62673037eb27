//! What `#[daffi::main]` makes of the function.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, LitStr};

use super::allow_at_function;
use crate::program::Program;

/// What `#[daffi::main]` makes of the function.
pub(crate) fn program(program: &Program) -> TokenStream {
    let Program { attrs, vis, signature, body, name, listen, connect } = program;
    let ident = &signature.ident;
    let output = &signature.output;
    let mut inner = signature.clone();
    inner.ident = Ident::new("__daffi_main", ident.span());
    let run = if signature.inputs.is_empty() { quote!(|_| __daffi_main()) } else { quote!(__daffi_main) };
    let [name, listen, connect] = [name, listen, connect].map(option);
    let allow = allow_at_function();
    quote! {
        #(#attrs)*
        #vis fn #ident() #output {
            #allow
            #inner #body
            ::daffi::__private::run(
                ::daffi::__private::Main { name: #name, listen: #listen, connect: #connect },
                #run,
            )
        }
    }
}

fn option(text: &Option<LitStr>) -> TokenStream {
    match text {
        Some(text) => quote!(::core::option::Option::Some(#text)),
        None => quote!(::core::option::Option::None),
    }
}
