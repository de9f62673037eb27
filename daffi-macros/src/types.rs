//! Questions about types: how people read them, and what about them cannot travel.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    FnArg, GenericArgument, Lifetime, PathArguments, Signature, Type, TypeImplTrait, TypeParamBound,
    TypeReference,
};

/// The type as a person would type it: `Vec<u8>`, and not `Vec < u8 >`.
pub(crate) fn text(ty: &Type) -> String {
    let mut printer = Printer::default();
    printer.tokens(ty.to_token_stream());
    printer.out
}

#[derive(Default)]
struct Printer {
    out: String,
    /// Whether a word that follows needs a space before it.
    after_word: bool,
}

impl Printer {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.group(group.delimiter(), group.stream()),
                TokenTree::Punct(mark) if mark.as_char() == '\'' => {
                    self.space_between_words();
                    self.out.push('\'');
                    self.after_word = false;
                }
                // The second half of an arrow.
                TokenTree::Punct(mark) if mark.as_char() == '>' && self.out.ends_with(" -") => {
                    self.out.push_str("> ");
                    self.after_word = false;
                }
                TokenTree::Punct(mark) => self.mark(mark.as_char(), tokens.peek().is_none()),
                word => self.word(&word.to_string()),
            }
        }
    }

    fn group(&mut self, delimiter: Delimiter, inner: TokenStream) {
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::None => return self.tokens(inner),
        };
        self.out.push_str(open);
        self.after_word = false;
        self.tokens(inner);
        self.out.push_str(close);
        self.after_word = false;
    }

    fn mark(&mut self, mark: char, is_last: bool) {
        self.after_word = false;
        match mark {
            ',' | ';' if !is_last => self.out.extend([mark, ' ']),
            '+' | '=' => self.out.extend([' ', mark, ' ']),
            '-' => self.out.push_str(" -"),
            _ => self.out.push(mark),
        }
    }

    fn word(&mut self, word: &str) {
        if word == "as" && !self.after_word {
            self.out.push(' ');
        }
        self.space_between_words();
        self.out.push_str(word);
        self.after_word = true;
    }

    fn space_between_words(&mut self) {
        if self.after_word {
            self.out.push(' ');
        }
    }
}

/// What `ty` is the borrowed form of, to be named in a help text; `None` if there is no telling.
pub(crate) fn owned(reference: &TypeReference) -> Option<String> {
    match &*reference.elem {
        Type::Slice(slice) => Some(format!("Vec<{}>", text(&slice.elem))),
        Type::TraitObject(_) | Type::ImplTrait(_) => None,
        Type::Path(path) => Some(match text(&reference.elem).as_str() {
            "str" => "String".to_owned(),
            _ if path.path.segments.last().is_some_and(|last| last.ident == "Path") => "PathBuf".to_owned(),
            other => other.to_owned(),
        }),
        other => Some(text(other)),
    }
}

/// The parts of a type that keep it from travelling.
#[derive(Default)]
pub(crate) struct Obstacles {
    pub(crate) references: Vec<TypeReference>,
    /// Each `'_`.
    pub(crate) lifetimes: Vec<Lifetime>,
    pub(crate) unnamed: Vec<TypeImplTrait>,
}

impl Obstacles {
    /// Looks for them in `ty`, however deep.
    pub(crate) fn find(ty: &Type) -> Self {
        let mut found = Self::default();
        found.visit_type_mut(&mut ty.clone());
        found
    }
}

impl VisitMut for Obstacles {
    // What stands inside of a reference goes when the reference goes.
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        self.references.push(reference.clone());
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            self.lifetimes.push(lifetime.clone());
        }
    }

    fn visit_type_impl_trait_mut(&mut self, unnamed: &mut TypeImplTrait) {
        self.unnamed.push(unnamed.clone());
    }

    // Function pointers borrow in their own signature, and cannot travel for another reason.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}

    fn visit_type_mut(&mut self, ty: &mut Type) {
        visit_mut::visit_type_mut(self, ty);
    }
}

/// The name of the last segment of a type's path.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

/// The success of a type that can be nothing but the standard `Result<T, E>`; of an alias, only rustc knows it.
pub(crate) fn plain_success(ty: &Type) -> Option<Type> {
    let Type::Path(path) = bare(ty) else { return None };
    let mut arguments = arguments(ty).into_iter();
    let is_plain = path.qself.is_none() && path.path.segments.len() == 1 && arguments.len() == 2;
    arguments.next().filter(|_| is_plain)
}

/// The success of a `Result` by whatever path, for people.
pub(crate) fn success_text(ty: &Type) -> String {
    match arguments(ty).first() {
        Some(success) => text(success),
        None if text(ty).ends_with("fmt::Result") => "()".to_owned(),
        // An alias that says nothing of what it holds.
        None => "any".to_owned(),
    }
}

/// The arguments between the brackets of the last segment of a type's path.
fn all_arguments(ty: &Type) -> impl Iterator<Item = &GenericArgument> {
    let last = match bare(ty) {
        Type::Path(path) => path.path.segments.last().map(|last| &last.arguments),
        _ => None,
    };
    let arguments = match last {
        Some(PathArguments::AngleBracketed(arguments)) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten()
}

/// The types among them.
pub(crate) fn arguments(ty: &Type) -> Vec<Type> {
    let types = all_arguments(ty).filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    });
    types.collect()
}

/// Whether there are any but lifetimes, so that with others it would be another type.
pub(crate) fn has_arguments(ty: &Type) -> bool {
    all_arguments(ty).any(|argument| !matches!(argument, GenericArgument::Lifetime(_)))
}

/// A lifetime among them that ends.
pub(crate) fn short_lifetime(ty: &Type) -> Option<&Lifetime> {
    all_arguments(ty).find_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => Some(lifetime),
        _ => None,
    })
}

/// The type of a stream's items: of an `impl Stream<Item = T>`, by whatever path, or a `BoxStream<'static, T>`.
pub(crate) fn stream_item(ty: &Type) -> Option<Type> {
    if last_name(ty).as_deref() == Some("BoxStream") {
        return arguments(ty).pop();
    }
    let Type::ImplTrait(unnamed) = bare(ty) else { return None };
    unnamed.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|last| last.ident == "Stream")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(item) if item.ident == "Item" => Some(item.ty.clone()),
            _ => None,
        })
    })
}

/// The type of the items of an `Incoming<T>`, by whatever path.
pub(crate) fn incoming_item(ty: &Type) -> Option<Type> {
    if last_name(ty).as_deref() == Some("Incoming") { arguments(ty).into_iter().next() } else { None }
}

/// The success of a type whose last name is `Result`, if it says which.
pub(crate) fn success(ty: &Type) -> Option<Type> {
    if last_name(ty).as_deref() == Some("Result") { arguments(ty).into_iter().next() } else { None }
}

/// What is ready in a `Poll<T>`, by whatever path.
pub(crate) fn poll(ty: &Type) -> Option<Type> {
    if last_name(ty).as_deref() == Some("Poll") { arguments(ty).into_iter().next() } else { None }
}

/// What a signature says of its parameters, apart from the receiver, and of its result.
pub(crate) fn beside_receiver(signature: &Signature) -> TokenStream {
    let typed = signature.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_)));
    typed.map(ToTokens::to_token_stream).chain([signature.output.to_token_stream()]).collect()
}

/// The first of these words among the tokens.
pub(crate) fn find_word(tokens: TokenStream, words: &[&str]) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match &token {
        TokenTree::Ident(ident) if words.iter().any(|word| ident == word) => Some(token),
        TokenTree::Group(group) => find_word(group.stream(), words),
        _ => None,
    })
}

/// The tokens with the type's name in the place of `Self`.
pub(crate) fn replace_self(tokens: TokenStream, this: &Type) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut replaced = TokenStream::new();
    while let Some(token) = tokens.next() {
        replaced.extend(match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let is_path = matches!(tokens.peek(), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
                named(this, is_path, ident.span())
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), this));
                inner.set_span(group.span());
                TokenStream::from(TokenTree::Group(inner))
            }
            other => TokenStream::from(other),
        });
    }
    replaced
}

/// The type where `Self` stood, and where an error about it is to stand: before a `::` it may have to be in brackets.
fn named(this: &Type, is_path: bool, span: Span) -> TokenStream {
    let tokens = if is_path && has_arguments(this) { quote!(<#this>) } else { this.to_token_stream() };
    let at = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(at).collect()
}

/// The type without parentheses, and without the invisible ones that `macro_rules!` puts around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(source: &str) -> String {
        text(&syn::parse_str(source).expect("a type"))
    }

    #[test]
    fn a_type_reads_as_a_person_would_type_it() {
        for ty in [
            "i64",
            "Vec<u8>",
            "Option<String>",
            "std::string::String",
            "HashMap<String, Vec<Option<u8>>>",
            "(i64, String)",
            "(i64,)",
            "()",
            "[u8; 4]",
            "<Vec<u8> as IntoIterator>::Item",
            "Box<dyn Fn(i64) -> u8 + Send>",
            "&'static str",
            "dyn Iterator<Item = u8>",
            "fn(i64, u8) -> bool",
            "*const u8",
        ] {
            assert_eq!(printed(ty), ty);
        }
    }

    #[test]
    fn a_type_by_its_name_is_not_self() {
        let replaced_by = |this: &str, source: &str| {
            let this = syn::parse_str(this).expect("a type");
            let tokens = replace_self(source.parse().expect("tokens"), &this);
            assert!(find_word(tokens.clone(), &["Self"]).is_none(), "{tokens}");
            text(&syn::parse2(tokens).expect("a type"))
        };
        let replaced = |source: &str| replaced_by("shop::Orders", source);

        assert_eq!(replaced("Self"), "shop::Orders");
        assert_eq!(replaced("Vec<(Self, u8)>"), "Vec<(shop::Orders, u8)>");
        assert_eq!(replaced("[u8; Self::LIMIT]"), "[u8; shop::Orders::LIMIT]");
        assert_eq!(replaced("Selfish"), "Selfish");
        assert_eq!(replaced_by("Store<u8>", "Vec<Self>"), "Vec<Store<u8>>");
        assert_eq!(replaced_by("Store<u8>", "[u8; Self::LIMIT]"), "[u8; <Store<u8>>::LIMIT]");
    }

    #[test]
    fn spaces_of_the_source_do_not_show() {
        assert_eq!(printed("Vec < u8 >"), "Vec<u8>");
        assert_eq!(printed("HashMap<String,u8>"), "HashMap<String, u8>");
        assert_eq!(printed(":: std :: string :: String"), "::std::string::String");
    }

    #[test]
    fn a_borrowed_type_has_an_owned_one_to_take_its_place() {
        let owned = |source: &str| owned(&syn::parse_str(source).expect("a reference"));

        assert_eq!(owned("&str").as_deref(), Some("String"));
        assert_eq!(owned("&mut [u8]").as_deref(), Some("Vec<u8>"));
        assert_eq!(owned("&std::path::Path").as_deref(), Some("PathBuf"));
        assert_eq!(owned("&Order").as_deref(), Some("Order"));
        assert_eq!(owned("&dyn Send"), None);
    }
}
