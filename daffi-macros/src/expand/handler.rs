//! What runs a callback with arguments that have arrived.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use super::declaration::declaration;
use super::{failing, success, travels};
use crate::model::{Model, Output, Parameter, Role};
use crate::types;

/// The callback of a function that is called by `path`.
pub(super) fn callback(model: &Model, path: &TokenStream) -> TokenStream {
    declared(model, path, &declaration(model))
}

/// The callback of a method of the `instance`'s type, which is called by `path`.
pub(super) fn method(
    model: &Model,
    path: &TokenStream,
    instance: &TokenStream,
    declaration: &TokenStream,
) -> TokenStream {
    let callback = declared(model, path, declaration);
    quote!(#callback.of_instance(::core::any::type_name::<#instance>()))
}

fn declared(model: &Model, path: &TokenStream, declaration: &TokenStream) -> TokenStream {
    let constructor = match (model.has_streams(), model.is_async) {
        (true, _) => "flowing",
        (false, true) => "asynchronous",
        (false, false) => "blocking",
    };
    // Of this span, a future that cannot move between threads is reported at the function.
    let span = model.ident.span();
    let (constructor, handler) = (Ident::new(constructor, span), handler(model, path));
    quote_spanned!(span=> ::daffi::__private::Callback::#constructor(#declaration, #handler))
}

/// The closure that runs the function with arguments that have arrived.
fn handler(model: &Model, path: &TokenStream) -> TokenStream {
    let names: Vec<Ident> = (0..model.sent().count()).map(|at| format_ident!("__daffi_{at}")).collect();
    let types = model.sent().map(|sent| travels(&sent.ty));
    let arguments = quote!((#(#names,)*): (#(#types,)*));
    let outcome = outcome(model, path, &names);
    let context = if model.sees_context() { quote!(__daffi_context) } else { quote!(_) };
    let incoming = model.fed().map(|fed| {
        let item = travels(&fed.ty);
        quote!(let __daffi_incoming = __daffi_flow.incoming::<#item>();)
    });
    let flow = model.has_streams().then(|| {
        let mutable = model.fed().map(|_| quote!(mut));
        quote!(, #mutable __daffi_flow: ::daffi::__private::Flow)
    });
    let clone = quote!(let __daffi_instance = ::core::clone::Clone::clone(&__daffi_instance););
    let is_method = model.role == Role::Method;
    let closure = if model.is_async || model.has_streams() {
        let run = quote!(async move { #incoming #outcome });
        // The next call needs the instance too.
        let body = if is_method { quote!({ #clone #run }) } else { run };
        quote!(|#context: ::daffi::__private::Context, #arguments #flow| #body)
    } else {
        quote!(|#context: &::daffi::__private::Context, #arguments| { #outcome })
    };
    if is_method { quote!({ #clone move #closure }) } else { closure }
}

/// Where the user wrote the type of the error, or as near as there is to it.
fn failure_span(output: &Output) -> Span {
    match output {
        Output::Nothing => Span::call_site(),
        Output::Value(ty) => ty.span(),
        Output::Result(ty) | Output::Stream(ty) => types::arguments(ty).get(1).unwrap_or(ty).span(),
    }
}

/// Runs the function and encodes what it returns.
fn outcome(model: &Model, path: &TokenStream, names: &[Ident]) -> TokenStream {
    // An async handler owns its context, a plain one was lent it.
    let owns_context = model.is_async || model.has_streams();
    let context = if owns_context { quote!(&__daffi_context) } else { quote!(__daffi_context) };
    let instance = (model.role == Role::Method).then(|| quote!(&__daffi_instance));
    let mut names = names.iter();
    let arguments = model.parameters.iter().map(|parameter| match parameter {
        Parameter::Context => context.clone(),
        Parameter::Sent(_) => names.next().to_token_stream(),
        Parameter::Fed(_) => quote!(__daffi_incoming),
    });
    let arguments = instance.into_iter().chain(arguments);
    let awaited = model.is_async.then(|| quote!(.await));
    let run = quote!(#path(#(#arguments),*) #awaited);
    let success = success(&model.output);
    let itself = travels(&success);
    let put = quote_spanned!(success.span()=> <#itself as ::daffi::__private::Travels>::put);
    let value = quote_spanned!(success.span()=> <#itself as ::daffi::__private::Travels>::outcome);
    // Of this span, an error without a text is reported at its type.
    let span = failure_span(&model.output);
    let failed = quote_spanned! {span=>
        ::daffi::__private::failed(&__daffi_error, (&&&&::daffi::__private::Probe(&__daffi_error)).told())
    };
    let error = Ident::new("__daffi_error", span);
    let failing = failing(&model.output);
    if matches!(model.output, Output::Stream(_)) {
        let item = quote!(__daffi_item);
        let put_one = match failing.map(|ty| as_result(ty, &item)) {
            Some(item) => quote! {
                match #item {
                    ::core::result::Result::Ok(__daffi_value) => #put(&__daffi_value, __daffi_out),
                    ::core::result::Result::Err(#error) => #failed.map(::core::mem::drop),
                }
            },
            None => quote!(#put(&#item, __daffi_out)),
        };
        return quote!(__daffi_flow.give(#run, |__daffi_out, #item| #put_one).await);
    }
    match failing.map(|ty| as_result(ty, &run)) {
        Some(run) => quote! {
            match #run {
                ::core::result::Result::Ok(__daffi_value) => #value(&__daffi_value),
                ::core::result::Result::Err(#error) => #failed,
            }
        },
        None => quote!(#value(&#run)),
    }
}

/// A value of a type whose name says that it is a `Result`. Where that is not plain to see, its trait says so, which
/// has words for one that is none.
fn as_result(ty: &Type, value: &TokenStream) -> TokenStream {
    match types::plain_success(ty) {
        Some(_) => value.clone(),
        None => quote_spanned!(ty.span()=> <#ty as ::daffi::__private::ResultType>::into_result(#value)),
    }
}
