//! What `#[derive(Space)]` takes, and the rules about it.

use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, Ident, LitInt, LitStr, Result, Token, Type,
    Visibility,
};

use crate::problems::Problems;

/// A struct that obeys all the rules.
pub(crate) struct Described {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    /// The name of the space.
    pub(crate) name: LitStr,
    pub(crate) key: DescribedField,
    pub(crate) attributes: Vec<DescribedField>,
    pub(crate) indices: Vec<LitStr>,
    pub(crate) subspaces: Vec<Vec<LitStr>>,
    pub(crate) tolerate: Option<LitInt>,
    pub(crate) partitions: Option<LitInt>,
}

/// One field of it.
pub(crate) struct DescribedField {
    pub(crate) ident: Ident,
    pub(crate) name: LitStr,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
}

/// What stands in `#[space(…)]` above the struct.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    indices: Vec<LitStr>,
    subspaces: Vec<Vec<LitStr>>,
    tolerate: Option<LitInt>,
    partitions: Option<LitInt>,
}

/// The words of the language that describes spaces, which are no names.
pub(crate) const WORDS: &[&str] = &[
    "space",
    "key",
    "attributes",
    "attribute",
    "subspace",
    "index",
    "tolerate",
    "failures",
    "failure",
    "create",
    "partitions",
    "partition",
    "with",
    "authorization",
    "string",
    "int",
    "int64",
    "float",
    "document",
    "timestamp",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "list",
    "set",
    "map",
];

impl Described {
    /// The model of a struct under `#[derive(Space)]`.
    pub(crate) fn new(input: DeriveInput) -> Result<Self> {
        let DeriveInput { attrs, vis, ident, generics, data } = input;
        let fields = match data {
            Data::Struct(data) => data.fields,
            Data::Enum(_) | Data::Union(_) => {
                return Err(Error::new_spanned(&ident, "objects of a space are structs with named fields"));
            }
        };
        let Fields::Named(fields) = fields else {
            return Err(Error::new_spanned(
                &ident,
                "the attributes of a space are named, so must the fields be",
            ));
        };
        let mut problems = Problems::default();
        if !generics.params.is_empty() {
            problems.add(&generics, "a space has one type of objects, so the struct takes no parameters");
        }
        let options = options(&attrs, &mut problems);
        let name = options.name.unwrap_or_else(|| LitStr::new(&snake_case(&ident), ident.span()));
        check_name(&name, &mut problems);
        let (keys, plain): (Vec<Field>, Vec<Field>) = fields.named.into_iter().partition(is_key);
        let mut keys: Vec<DescribedField> =
            keys.into_iter().map(|field| described(field, &mut problems)).collect();
        let attributes: Vec<DescribedField> =
            plain.into_iter().map(|field| described(field, &mut problems)).collect();
        for more in keys.iter().skip(1) {
            problems.add(&more.ident, "an object has one key");
        }
        if keys.is_empty() {
            problems.add(&ident, "no field is the key\nhelp: write `#[key]` above one");
            return Err(problems.or(()).expect_err("one was noted"));
        }
        let key = keys.swap_remove(0);
        for named in options.indices.iter().chain(options.subspaces.iter().flatten()) {
            if !attributes.iter().any(|attribute| attribute.name.value() == named.value()) {
                problems.add(named, format_args!("no attribute `{}`", named.value()));
            }
        }
        let Options { indices, subspaces, tolerate, partitions, .. } = options;
        problems.or(Self { vis, ident, name, key, attributes, indices, subspaces, tolerate, partitions })
    }
}

fn is_key(field: &Field) -> bool {
    field.attrs.iter().any(|attribute| attribute.path().is_ident("key"))
}

fn described(field: Field, problems: &mut Problems) -> DescribedField {
    let Field { attrs, ident, ty, .. } = field;
    let ident = ident.expect("fields have names where they are named");
    for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("space")) {
        problems.add(attribute, "`#[space(…)]` stands above the struct");
    }
    let name = LitStr::new(&ident.unraw().to_string(), ident.span());
    check_name(&name, problems);
    let docs = attrs.into_iter().filter(|attribute| attribute.path().is_ident("doc")).collect();
    DescribedField { ident, name, ty, docs }
}

/// As the description of a space has it of names.
fn check_name(name: &LitStr, problems: &mut Problems) {
    let text = name.value();
    let begins = text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    if !begins || text.starts_with("__") || !text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
        problems.add(
            name,
            format_args!("`{text}` is no name in a space: letters of ASCII, digits and `_`, and not `__` or a digit first"),
        );
    } else if WORDS.contains(&text.as_str()) {
        problems.add(
            name,
            format_args!("`{text}` is a word of the language that describes spaces, so it is no name"),
        );
    }
}

fn options(attrs: &[Attribute], problems: &mut Problems) -> Options {
    let mut options = Options::default();
    for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("space")) {
        problems.check(attribute.parse_nested_meta(|meta| options.read(&meta)));
    }
    options
}

impl Options {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("name") {
            self.name = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("index") {
            self.indices.extend(names(meta)?);
        } else if meta.path.is_ident("subspace") {
            self.subspaces.push(names(meta)?);
        } else if meta.path.is_ident("tolerate") {
            self.tolerate = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("partitions") {
            self.partitions = Some(meta.value()?.parse()?);
        } else {
            return Err(Error::new(
                meta.path.span(),
                "unknown option (known: name, index, subspace, tolerate, partitions)",
            ));
        }
        Ok(())
    }
}

/// The names of attributes in parentheses.
fn names(meta: &ParseNestedMeta<'_>) -> Result<Vec<LitStr>> {
    let inside;
    syn::parenthesized!(inside in meta.input);
    let names: Punctuated<Ident, Token![,]> = Punctuated::parse_terminated_with(&inside, Ident::parse_any)?;
    Ok(names.iter().map(|name| LitStr::new(&name.unraw().to_string(), name.span())).collect())
}

/// `UserLock` as `user_lock`.
fn snake_case(ident: &Ident) -> String {
    let mut name = String::new();
    for (at, c) in ident.unraw().to_string().char_indices() {
        if c.is_uppercase() && at > 0 && !name.ends_with('_') {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}
