//! What `#[derive(Space)]` puts beside the struct.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::space::{Described, DescribedField};

/// A function for each attribute, and the way from objects of a space to values of the struct, and back.
pub(crate) fn space(described: &Described) -> TokenStream {
    let Described { ident, key, attributes, .. } = described;
    let accessors = accessors(described);
    let schema = schema(described);
    let (key_ident, key_type) = (&key.ident, &key.ty);
    let key_name = &key.name;
    let (idents, names): (Vec<_>, Vec<_>) =
        attributes.iter().map(|attribute| (&attribute.ident, &attribute.name)).unzip();
    let key_bound = quote_spanned!(key_type.span()=> <#key_type as ::daffi::datatypes::space::Attributed>);
    let values = attributes.iter().map(|DescribedField { ident, ty, .. }| {
        quote_spanned!(ty.span()=> <#ty as ::daffi::datatypes::space::Attributed>::to_value(&self.#ident))
    });
    let key_read = read(key_type);
    let reads = attributes.iter().map(|attribute| read(&attribute.ty));
    quote! {
        #accessors
        #[automatically_derived]
        impl ::daffi::datatypes::space::Space for #ident {
            type Key = #key_type;
            #schema
            fn key(&self) -> ::daffi::datatypes::space::Value {
                #key_bound::to_value(&self.#key_ident)
            }
            fn fields(&self) -> ::daffi::datatypes::space::Fields {
                let mut fields = ::daffi::datatypes::space::Fields::new();
                #(fields.insert(#names, #values);)*
                fields
            }
            fn from_parts(
                key: &::daffi::datatypes::space::Value,
                fields: &::daffi::datatypes::space::Fields,
            ) -> ::core::result::Result<Self, ::daffi::DataError> {
                let _ = fields;
                ::core::result::Result::Ok(Self {
                    #key_ident: ::daffi::__private::field(::core::option::Option::Some(key), #key_name, #key_read)?,
                    #(#idents: ::daffi::__private::field(fields.get(#names), #names, #reads)?,)*
                })
            }
        }
    }
}

/// What a field of this type is, and the function that reads it: as what it is, where that stands, so that a type that is none
/// of an attribute is told of there, and once.
fn read(ty: &Type) -> TokenStream {
    let of = quote_spanned!(ty.span()=> <#ty as ::daffi::datatypes::space::Attributed>);
    quote!((#of::TYPE, #of::from_value))
}

fn accessors(described: &Described) -> TokenStream {
    let Described { vis, ident, key, attributes, .. } = described;
    let accessor = |field: &DescribedField, kind: TokenStream, what: &str| {
        let DescribedField { ident, name, ty, docs } = field;
        let doc = format!("The {what} `{}`.", name.value());
        let docs = if docs.is_empty() { quote!(#[doc = #doc]) } else { quote!(#(#docs)*) };
        quote! {
            #docs
            #[must_use]
            #vis const fn #ident() -> ::daffi::datatypes::space::#kind<Self, #ty> {
                ::daffi::datatypes::space::#kind::named(#name)
            }
        }
    };
    let of_key = accessor(key, quote!(KeyAttr), "key");
    let of_attributes = attributes.iter().map(|attribute| accessor(attribute, quote!(Attr), "attribute"));
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #ident {
            #of_key
            #(#of_attributes)*
        }
    }
}

fn schema(described: &Described) -> TokenStream {
    let Described { name, key, attributes, indices, subspaces, tolerate, partitions, .. } = described;
    let typed = |field: &DescribedField| {
        let (name, ty) = (&field.name, &field.ty);
        let of = quote_spanned!(ty.span()=> <#ty as ::daffi::datatypes::space::Attributed>::TYPE);
        quote!(#name, #of)
    };
    let key = typed(key);
    let attributes = attributes.iter().map(typed);
    let subspaces = subspaces.iter().map(|names| quote!([#(#names),*]));
    let tolerate = tolerate.iter();
    let partitions = partitions.iter();
    quote! {
        fn schema() -> ::core::result::Result<::daffi::datatypes::space::Schema, ::daffi::SpaceError> {
            ::daffi::datatypes::space::Schema::builder(#name)
                .key(#key)
                #(.attribute(#attributes))*
                #(.subspace(#subspaces))*
                #(.index(#indices))*
                #(.tolerate(#tolerate))*
                #(.partitions(#partitions))*
                .build()
        }
    }
}
