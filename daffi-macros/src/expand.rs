//! From the model to tokens. Nothing can go wrong here.
//!
//! The generated code is thin: it names types and hands over to generic functions. All paths are absolute, and
//! all names of its own begin with `__daffi`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Type};

use crate::model::{Model, Output, Parameter, Sent};
use crate::program::Program;
use crate::types;

/// What `#[callback]` puts beside the function.
pub(crate) fn callback(model: &Model) -> TokenStream {
    let Model { shared, ident, name, .. } = model;
    let remote_type = remote_type(model);
    let call = call(model);
    let causes = failing(&model.output).is_some().then(|| {
        quote!(
            use ::daffi::__private::{Caused as _, Uncaused as _};
        )
    });
    let declaration = declaration(model);
    let constructor = match (model.has_streams(), model.is_async) {
        (true, _) => quote!(flowing),
        (false, true) => quote!(asynchronous),
        (false, false) => quote!(blocking),
    };
    let handler = handler(model);
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
                const NAME: &'static ::core::primitive::str = #name;
                fn callback() -> ::daffi::__private::Callback {
                    ::daffi::__private::Callback::#constructor(#declaration, #handler)
                }
            }
            ::daffi::__private::inventory::submit! {
                ::daffi::__private::Inventory {
                    callback: <#ident as ::daffi::__private::Declared>::callback,
                }
            }
        };
    }
}

/// What `#[remote]` puts in the place of the declaration.
pub(crate) fn remote(model: &Model) -> TokenStream {
    let Model { shared, vis, ident, name, .. } = model;
    let remote_type = remote_type(model);
    let call = call(model);
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

/// Lints whose subject is the user's function or our naming, and never what the user can change.
fn allow() -> TokenStream {
    quote! {
        #[allow(
            dead_code,
            deprecated,
            missing_copy_implementations,
            missing_debug_implementations,
            non_camel_case_types,
            unnameable_types,
            unreachable_pub,
            unused_imports,
            unused_qualifications,
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
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

/// The user's documentation, or else a line of ours, so that a missing one is reported once: at the function.
fn docs(model: &Model, otherwise: &str) -> TokenStream {
    let docs = &model.docs;
    if docs.is_empty() { quote!(#[doc = #otherwise]) } else { quote!(#(#docs)*) }
}

/// The function that calls it on another node.
fn call(model: &Model) -> TokenStream {
    let Model { vis, name, .. } = model;
    let docs = docs(model, &format!(" Calls `{name}` on another node."));
    // A parameter of the user's may be named so too; of this span, the two do not meet.
    let node = Ident::new("node", Span::mixed_site());
    let names = model.sent().map(|sent| &sent.ident);
    let checked = model.sent().map(|sent| travels(&sent.ty));
    let arguments = model.parameters.iter().filter_map(argument);
    let result = success(&model.output);
    let checked_result = travels(&result);
    let gives = matches!(model.output, Output::Stream(_)).then(|| quote!(.gives_stream()));
    let feeds = model.fed().map(|Sent { ident, .. }| quote!(.feeds(::daffi::__private::fed(#ident))));
    quote! {
        #docs
        #vis fn call(#node: &::daffi::Node, #(#arguments),*) -> ::daffi::Call<#result> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<(#(#checked,)*)>((#(#names,)*))
                .call::<#checked_result>(#node, #name)
                #gives #feeds
        }
    }
}

/// A parameter of the function that calls it on another node.
fn argument(parameter: &Parameter) -> Option<TokenStream> {
    match parameter {
        Parameter::Context => None,
        Parameter::Sent(sent) => {
            let Sent { ident, ty } = &**sent;
            Some(quote!(#ident: #ty))
        }
        Parameter::Fed(fed) => {
            let Sent { ident, ty } = &**fed;
            Some(quote! {
                #ident: impl ::daffi::__private::Stream<Item = #ty> + ::core::marker::Send + 'static
            })
        }
    }
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

fn declaration(model: &Model) -> TokenStream {
    let Model { ident, name, is_inline, .. } = model;
    let sees_context = model.sees_context();
    let parameters = model.parameters.iter().filter_map(|parameter| {
        let (sent, ty) = match parameter {
            Parameter::Context => return None,
            Parameter::Sent(sent) => (sent, types::text(&sent.ty)),
            Parameter::Fed(fed) => (fed, format!("Incoming<{}>", types::text(&fed.ty))),
        };
        let name = plain(&sent.ident);
        Some(quote!((#name, #ty)))
    });
    let result = match &model.output {
        Output::Nothing => "()".to_owned(),
        Output::Value(ty) => types::text(ty),
        Output::Result(ty) => types::success_text(ty),
        Output::Stream(item) => {
            let text = if failing(&model.output).is_some() { types::success_text } else { types::text };
            format!("Stream<{}>", text(item))
        }
    };
    let doc = doc_text(&model.docs);
    // Of this span, the line is the function's and not the attribute's.
    let line = quote_spanned!(ident.span()=> ::core::line!());
    quote! {
        ::daffi::__private::Declaration {
            name: #name,
            parameters: &[#(#parameters),*],
            result: #result,
            doc: #doc,
            options: ::daffi::__private::Options {
                inline: #is_inline,
                sees_context: #sees_context,
                ..::core::default::Default::default()
            },
            place: (::core::file!(), #line),
        }
    }
}

fn plain(ident: &Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

/// The documentation as one text, without the space that follows `///`.
fn doc_text(docs: &[Attribute]) -> TokenStream {
    let values = docs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) => Some(&pair.value),
        Meta::Path(_) | Meta::List(_) => None,
    });
    let mut text = String::new();
    let mut computed = Vec::new();
    for value in values {
        match value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => {
                let line = line.value();
                text.push_str(line.strip_prefix(' ').unwrap_or(&line));
            }
            // Such as `include_str!`: rustc has its text, not we.
            other => {
                let before = std::mem::take(&mut text);
                computed.push(quote!(#before, #other,));
            }
        }
        text.push('\n');
    }
    let text = text.trim_end();
    if computed.is_empty() { quote!(#text) } else { quote!(::core::concat!(#(#computed)* #text)) }
}

/// The closure that runs the function with arguments that have arrived.
fn handler(model: &Model) -> TokenStream {
    let names: Vec<Ident> = (0..model.sent().count()).map(|at| format_ident!("__daffi_{at}")).collect();
    let types = model.sent().map(|sent| travels(&sent.ty));
    let arguments = quote!((#(#names,)*): (#(#types,)*));
    let outcome = outcome(model, &names);
    let context = if model.sees_context() { quote!(__daffi_context) } else { quote!(_) };
    if model.has_streams() {
        let incoming = model.fed().map(|fed| {
            let item = travels(&fed.ty);
            quote!(let __daffi_incoming = __daffi_flow.incoming::<#item>();)
        });
        let mutable = model.fed().map(|_| quote!(mut));
        let flow = quote!(#mutable __daffi_flow: ::daffi::__private::Flow);
        return quote! {
            |#context: ::daffi::__private::Context, #arguments, #flow| async move { #incoming #outcome }
        };
    }
    if model.is_async {
        quote!(|#context: ::daffi::__private::Context, #arguments| async move { #outcome })
    } else {
        quote!(|#context: &::daffi::__private::Context, #arguments| { #outcome })
    }
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
fn outcome(model: &Model, names: &[Ident]) -> TokenStream {
    let ident = &model.ident;
    // An async handler owns its context, a plain one was lent it.
    let owns_context = model.is_async || model.has_streams();
    let context = if owns_context { quote!(&__daffi_context) } else { quote!(__daffi_context) };
    let mut names = names.iter();
    let arguments = model.parameters.iter().map(|parameter| match parameter {
        Parameter::Context => context.clone(),
        Parameter::Sent(_) => names.next().to_token_stream(),
        Parameter::Fed(_) => quote!(__daffi_incoming),
    });
    let awaited = model.is_async.then(|| quote!(.await));
    let run = quote!(#ident(#(#arguments),*) #awaited);
    let success = success(&model.output);
    // Of this span, an error without a text is reported at its type.
    let span = failure_span(&model.output);
    let failed = quote_spanned! {span=>
        ::daffi::__private::failed(&__daffi_error, (&&&&::daffi::__private::Probe(&__daffi_error)).told())
    };
    let error = Ident::new("__daffi_error", span);
    let fails = failing(&model.output).is_some();
    if matches!(model.output, Output::Stream(_)) {
        let put = quote_spanned!(success.span()=> <#success as ::daffi::__private::Travels>::put);
        let put_one = if fails {
            quote! {
                match __daffi_item {
                    ::core::result::Result::Ok(__daffi_value) => #put(&__daffi_value, __daffi_out),
                    ::core::result::Result::Err(#error) => #failed.map(::core::mem::drop),
                }
            }
        } else {
            quote!(#put(&__daffi_item, __daffi_out))
        };
        return quote!(__daffi_flow.give(#run, |__daffi_out, __daffi_item| #put_one).await);
    }
    let value = quote_spanned!(success.span()=> <#success as ::daffi::__private::Travels>::outcome);
    if !fails {
        return quote!(#value(&#run));
    }
    quote! {
        match #run {
            ::core::result::Result::Ok(__daffi_value) => #value(&__daffi_value),
            ::core::result::Result::Err(#error) => #failed,
        }
    }
}
