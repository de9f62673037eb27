//! What `#[count]` makes of the function.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Token, Type};

use crate::count::{Counted, Output};
use crate::types;

/// The function, `async`, with its number beside its result.
pub(crate) fn counted(counted: &Counted) -> TokenStream {
    let Counted { attrs, vis, signature, body, topic, output, is_before } = counted;
    let mut signature = signature.clone();
    signature.asyncness.get_or_insert_with(|| Token![async](signature.fn_token.span));
    let number = quote!(::core::primitive::u64);
    let (run, returned) = match output {
        Output::Nothing => infallible(*is_before, &quote!(()), &number),
        Output::Value(ty) => infallible(*is_before, &ty.to_token_stream(), &number),
        Output::Result(ty) => {
            let (ok, err) = parts(ty);
            let run = if *is_before {
                quote!(try_counted_before::<#ok, #err>)
            } else {
                quote!(try_counted::<#ok, #err>)
            };
            (run, quote!(::core::result::Result<(#number, #ok), #err>))
        }
    };
    signature.output = syn::parse_quote!(-> #returned);
    quote! {
        #(#attrs)*
        #vis #signature {
            ::daffi::__private::#run(#topic, async move #body).await
        }
    }
}

fn infallible(is_before: bool, ty: &TokenStream, number: &TokenStream) -> (TokenStream, TokenStream) {
    let run = if is_before { quote!(counted_before::<#ty>) } else { quote!(counted::<#ty>) };
    (run, quote!(::core::result::Result<(#number, #ty), ::daffi::__private::DataError>))
}

/// The success and the error of a `Result`.
pub(super) fn parts(ty: &Type) -> (TokenStream, TokenStream) {
    match types::plain_success(ty).zip(types::arguments(ty).get(1)) {
        Some((ok, err)) => (ok.into_token_stream(), err.to_token_stream()),
        None => (part(ty, &quote!(Ok)), part(ty, &quote!(Err))),
    }
}

/// What an alias of `Result` holds.
fn part(ty: &Type, which: &TokenStream) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as ::daffi::__private::ResultType>::#which)
}
