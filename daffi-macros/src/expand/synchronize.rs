//! What `#[synchronize]` makes of the function.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Token;

use super::count::parts;
use crate::count::Output;
use crate::synchronize::Synchronized;

/// The function, `async`, under its lock.
pub(crate) fn synchronized(synchronized: &Synchronized) -> TokenStream {
    let Synchronized { attrs, vis, signature, body, guard, output, key, .. } = synchronized;
    let mut signature = signature.clone();
    signature.asyncness.get_or_insert_with(|| Token![async](signature.fn_token.span));
    let (run, returned) = match output {
        Output::Nothing => infallible(&quote!(())),
        Output::Value(ty) => infallible(&ty.to_token_stream()),
        Output::Result(ty) => {
            let (ok, err) = parts(ty);
            (quote!(try_synchronized::<#ok, #err, _>), quote!(::core::result::Result<#ok, #err>))
        }
    };
    signature.output = syn::parse_quote!(-> #returned);
    let (auto_release_time, timeout) = (time(synchronized.auto_release_time), time(synchronized.timeout));
    let is_renewed = synchronized.is_renewed;
    let work = match guard {
        Some(guard) => {
            let (pat, ty) = (&guard.pat, &guard.ty);
            quote!(move |__daffi_guard| async move {
                let #pat: #ty = &__daffi_guard;
                #body
            })
        }
        None => quote!(move |_| async move #body),
    };
    quote! {
        #(#attrs)*
        #vis #signature {
            ::daffi::__private::#run(
                ::daffi::__private::Synchronizing {
                    key: #key,
                    auto_release_time: #auto_release_time,
                    timeout: #timeout,
                    is_renewed: #is_renewed,
                },
                #work,
            )
            .await
        }
    }
}

fn infallible(ty: &TokenStream) -> (TokenStream, TokenStream) {
    (quote!(synchronized::<#ty, _>), quote!(::core::result::Result<#ty, ::daffi::__private::QuorumError>))
}

fn time(time: Option<Duration>) -> TokenStream {
    let Some(time) = time else { return quote!(::core::option::Option::None) };
    let (seconds, nanoseconds) = (time.as_secs(), time.subsec_nanos());
    quote!(::core::option::Option::Some(::core::time::Duration::new(#seconds, #nanoseconds)))
}
