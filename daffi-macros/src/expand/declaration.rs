//! What the mesh is told of a callback, and its node of how to treat it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta};

use super::failing;
use crate::model::{Model, Output, Parameter};
use crate::options::Treatment;
use crate::types;

/// What is known of a function.
pub(super) fn declaration(model: &Model) -> TokenStream {
    let name = &model.name;
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
    let options = options(&model.treatment, model.sees_context());
    let place = place(&model.ident);
    quote! {
        ::daffi::__private::Declaration {
            name: #name,
            parameters: &[#(#parameters),*],
            result: #result,
            doc: #doc,
            options: #options,
            place: #place,
        }
    }
}

/// How a callback wants to be treated.
pub(super) fn options(treatment: &Treatment, sees_context: bool) -> TokenStream {
    let Treatment { inline, timeout, concurrency, idempotent, finishes, blocking } = treatment;
    let flags = [
        ("inline", *inline),
        ("sees_context", sees_context),
        ("idempotent", *idempotent),
        ("blocking", *blocking),
    ];
    let flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| {
        let name = Ident::new(name, proc_macro2::Span::call_site());
        quote!(#name: true)
    });
    let timeout = timeout.map(|timeout| {
        let (seconds, nanoseconds) = (timeout.as_secs(), timeout.subsec_nanos());
        quote! {
            timeout: ::core::option::Option::Some(::core::time::Duration::new(#seconds, #nanoseconds))
        }
    });
    let concurrency = concurrency.map(
        |concurrency| quote!(concurrency: ::core::num::NonZero::<::core::primitive::u32>::new(#concurrency)),
    );
    let on_cancel = finishes.then(|| quote!(on_cancel: ::daffi::__private::OnCancel::Finish));
    let fields: Vec<TokenStream> = flags.chain(timeout).chain(concurrency).chain(on_cancel).collect();
    if fields.is_empty() {
        return quote!(::core::default::Default::default());
    }
    quote!(::daffi::__private::Options { #(#fields,)* ..::core::default::Default::default() })
}

/// File and line of a function.
pub(super) fn place(ident: &Ident) -> TokenStream {
    // Of this span, the line is the function's and not the attribute's.
    let line = quote_spanned!(ident.span()=> ::core::line!());
    quote!((::core::file!(), #line))
}

/// A name as it is without `r#`.
pub(super) fn plain(ident: &Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

/// The documentation as one text, without the space that follows `///`.
pub(super) fn doc_text(docs: &[Attribute]) -> TokenStream {
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
