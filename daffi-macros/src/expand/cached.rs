//! What `#[cached]` makes of the function.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, Pat, Signature, Token};

use super::allow;
use super::count::parts;
use crate::cached::{Cached, is};
use crate::count::Output;

/// The function, `async`, which keeps its results, and the type of its name that has what else can be done.
pub(crate) fn cached(cached: &Cached) -> TokenStream {
    let Cached { attrs, vis, signature, .. } = cached;
    let conditions: Vec<_> = attrs.iter().filter(|attribute| is(attribute, "cfg")).collect();
    let (ident, allow) = (&signature.ident, allow());
    let doc = format!(" What can be done with the cached function `{ident}` beside calling it.");
    let named = (!cached.is_callback).then(|| {
        quote! {
            #(#conditions)*
            #[doc = #doc]
            #allow
            #vis struct #ident {}
        }
    });
    let outer = outer(signature);
    let got = run(cached, &quote!(get), &quote!(try_get));
    let (uncached, beside) = (uncached(cached), beside(cached));
    quote! {
        #(#attrs)*
        #vis #outer {
            #got
        }
        #named
        #(#conditions)*
        impl #ident {
            #uncached
        }
        #(#conditions)*
        #allow
        const _: () = {
            #[automatically_derived]
            impl #ident {
                #beside
            }
        };
    }
}

/// The signature of what hands its arguments on: `async`, without `mut`.
fn outer(signature: &Signature) -> Signature {
    let mut outer = signature.clone();
    outer.asyncness.get_or_insert_with(|| Token![async](signature.fn_token.span));
    for input in &mut outer.inputs {
        if let FnArg::Typed(typed) = input
            && let Pat::Ident(name) = &mut *typed.pat
        {
            name.mutability = None;
        }
    }
    outer
}

/// The function as it was typed, by another name.
fn uncached(cached: &Cached) -> TokenStream {
    let Cached { vis, signature, body, .. } = cached;
    let signature =
        Signature { ident: syn::Ident::new("uncached", signature.ident.span()), ..signature.clone() };
    quote! {
        /// The function itself, which knows of no cache. Pottery's `__wrapped__`.
        #[allow(dead_code, unreachable_pub)]
        #vis #signature #body
    }
}

/// Has the cache do `get`, or, if the function may fail, `try_get`, with the function.
fn run(cached: &Cached, get: &TokenStream, try_get: &TokenStream) -> TokenStream {
    let Cached { signature, names, output, .. } = cached;
    let ident = &signature.ident;
    let run = match signature.asyncness {
        Some(_) => quote!(#ident::uncached(#(#names),*)),
        None => quote!(async move { #ident::uncached(#(#names),*) }),
    };
    let get = match output {
        Output::Nothing => quote!(#get::<()>),
        Output::Value(ty) => quote!(#get::<#ty>),
        Output::Result(ty) => {
            let (ok, err) = parts(ty);
            quote!(#try_get::<#ok, #err>)
        }
    };
    let key = key(cached);
    quote! {
        let __daffi_key = #key;
        #ident::__daffi_cached().#get(__daffi_key, #run).await
    }
}

fn key(cached: &Cached) -> TokenStream {
    let (ident, names) = (&cached.signature.ident, &cached.names);
    quote!(#ident::__daffi_cached().key(&(#(&#names,)*)))
}

/// The rest of what the type has.
fn beside(cached: &Cached) -> TokenStream {
    let Cached { vis, signature, key: name, ttl, is_sliding, .. } = cached;
    let ident = &signature.ident;
    let bypass = Signature { ident: syn::Ident::new("bypass", ident.span()), ..outer(signature) };
    let bypassed = run(cached, &quote!(bypass), &quote!(try_bypass));
    let (generics, inputs) = (&signature.generics, outer(signature).inputs);
    let key = key(cached);
    let option = |value: Option<TokenStream>| match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    };
    let name = option(name.as_ref().map(ToTokens::to_token_stream));
    let ttl = option(ttl.map(|ttl| {
        let (seconds, nanoseconds) = (ttl.as_secs(), ttl.subsec_nanos());
        quote!(::core::time::Duration::new(#seconds, #nanoseconds))
    }));
    quote! {
        fn __daffi_cached() -> &'static ::daffi::__private::CachedFunction {
            static CACHED: ::daffi::__private::CachedFunction =
                ::daffi::__private::CachedFunction::new::<#ident>(#name, #ttl, #is_sliding);
            &CACHED
        }
        /// Runs the function, and keeps its result in the place of the one that is there; that is no hit and no miss.
        /// Pottery's `__bypass__`.
        #vis #bypass {
            #bypassed
        }
        /// Forgets the result for these arguments, and says whether it was there.
        #vis fn forget #generics (#inputs) -> ::daffi::Operation<::core::primitive::bool> {
            let __daffi_key = #key;
            Self::__daffi_cached().forget(__daffi_key)
        }
        /// How its cache does. Pottery's `cache_info`.
        #vis fn info() -> ::daffi::Operation<::daffi::datatypes::CacheInfo> {
            Self::__daffi_cached().info()
        }
        /// Forgets all results and what was counted, and says how many results there were. Pottery's `cache_clear`.
        #vis fn clear() -> ::daffi::Operation<::core::primitive::u64> {
            Self::__daffi_cached().clear()
        }
    }
}
