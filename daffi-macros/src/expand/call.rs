//! The functions that call a callback on another node.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Ident;

use super::{docs, success, travels};
use crate::model::{Model, Output, Parameter, Sent};

/// The `call` of a type that bears the function's name.
pub(super) fn beside_function(model: &Model) -> TokenStream {
    let Model { vis, name, .. } = model;
    let docs = docs(model, &format!(" Calls `{name}` on another node."));
    // A parameter of the user's may be named so too; of this span, the two do not meet.
    let node = Ident::new("node", Span::mixed_site());
    let arguments = model.parameters.iter().filter_map(argument);
    let result = success(&model.output);
    let call = call(model, &node.to_token_stream());
    quote! {
        #docs
        #vis fn call(#node: &::daffi::Node, #(#arguments),*) -> ::daffi::Call<#result> {
            #call
        }
    }
}

/// The type of which a typed client is, its methods, and how it is made.
pub(super) fn client<'a>(
    models: impl Iterator<Item = &'a Model>,
    subject: &TokenStream,
    label: &str,
) -> TokenStream {
    let methods = models.map(method);
    let doc = format!(" Calls the methods of `{label}` on other nodes.");
    let shown = format!("Client<{label}>");
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone)]
        pub struct __DaffiClient {
            node: ::daffi::Node,
        }
        #[automatically_derived]
        impl ::core::fmt::Debug for __DaffiClient {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_tuple(#shown).field(&self.node).finish()
            }
        }
        #[automatically_derived]
        impl __DaffiClient {
            #(#methods)*
        }
        #[automatically_derived]
        impl ::daffi::Remote for #subject {
            type Client = __DaffiClient;
            fn client(node: &::daffi::Node) -> __DaffiClient {
                __DaffiClient { node: ::core::clone::Clone::clone(node) }
            }
        }
    }
}

/// The method of a typed client.
fn method(model: &Model) -> TokenStream {
    let Model { shared, vis, ident, name, .. } = model;
    let docs = docs(model, &format!(" Calls `{name}` on another node."));
    let arguments = model.parameters.iter().filter_map(argument);
    let result = success(&model.output);
    let call = call(model, &quote!(&self.node));
    quote! {
        #(#shared)*
        #docs
        #vis fn #ident(&self, #(#arguments),*) -> ::daffi::Call<#result> {
            #call
        }
    }
}

/// Makes the call of the arguments, through the `node`.
fn call(model: &Model, node: &TokenStream) -> TokenStream {
    let name = &model.name;
    let names = model.sent().map(|sent| &sent.ident);
    let checked = model.sent().map(|sent| travels(&sent.ty));
    let result = travels(success(&model.output));
    let gives = matches!(model.output, Output::Stream(_)).then(|| quote!(.gives_stream()));
    let feeds = model.fed().map(|Sent { ident, .. }| quote!(.feeds(::daffi::__private::fed(#ident))));
    quote! {
        use ::daffi::__private::Refused as _;
        ::daffi::__private::Tuple::<(#(#checked,)*)>((#(#names,)*))
            .call::<#result>(#node, #name)
            #gives #feeds
    }
}

/// A parameter of a function that calls it on another node.
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
