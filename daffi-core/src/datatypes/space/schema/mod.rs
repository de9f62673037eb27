//! The description of a space: its key, its attributes, and what else is said of it.

mod build;
mod parse;
mod show;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) use build::Layout;
pub use build::SchemaBuilder;

use super::path::Path;
use super::types::Type;
use super::value::Value;
use crate::error::SpaceError;

/// The description of a space.
///
/// It is read from HyperDex's own language, and written in it by its `Display`:
///
/// ```
/// use daffi_core::datatypes::space::{Schema, Type};
///
/// let schema: Schema = "space friendlists key username attributes string first, string last, set(string) friends".parse()?;
/// assert_eq!(schema.name(), "friendlists");
/// assert_eq!(schema.attribute("first").unwrap().of(), Type::String);
/// assert_eq!(schema, Schema::builder("friendlists").key("username", Type::String)
///     .attribute("first", Type::String).attribute("last", Type::String)
///     .attribute("friends", "set(string)".parse()?).build()?);
/// # Ok::<_, daffi_core::error::SpaceError>(())
/// ```
#[derive(Clone)]
pub struct Schema {
    name: Arc<str>,
    key: Attribute,
    /// In the order in which they were named.
    attributes: Vec<Attribute>,
    subspaces: Vec<Vec<String>>,
    /// As they were named: an attribute, or a path into a document.
    indices: Vec<String>,
    options: Options,
    /// Places that values of objects may have; that of a dropped attribute is not given to another.
    places: u32,
    /// Whether no object has anything at a place of no attribute.
    is_swept: bool,
}

/// What is said of a space beside its attributes.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    tolerate: Option<u64>,
    partitions: Option<u64>,
    has_authorization: bool,
}

/// Failures that are to be tolerated if nothing is said of it, and partitions, as the original has it.
const TOLERATE: u64 = 1;
const PARTITIONS: u64 = 64;

/// An attribute: its name and its type.
#[derive(Debug, Clone)]
pub struct Attribute {
    name: Arc<str>,
    of: Type,
    /// Where its values are in a record.
    place: u32,
}

/// Something that a description asks for and that one controller alone does not do: it is kept, and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advisory {
    /// So many failures were to be tolerated.
    Tolerate(u64),
    /// So many partitions were to be made.
    Partitions(u64),
    /// Objects were to be laid out by these attributes.
    Subspace(Vec<String>),
}

impl Attribute {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    pub fn of(&self) -> Type {
        self.of
    }

    /// Where its values are in a record.
    pub(super) fn place(&self) -> usize {
        self.place as usize
    }
}

impl Schema {
    /// The description of a space of this name, to be built.
    pub fn builder(name: impl Into<String>) -> SchemaBuilder {
        SchemaBuilder::new(name.into())
    }

    /// The name of the space.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &Attribute {
        &self.key
    }

    /// All attributes but the key, in the order in which they were named.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The attribute of this name, if there is one; the key is none.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name == name)
    }

    /// What is said of how objects are laid out, as lists of attributes. That by the key goes without saying.
    pub fn subspaces(&self) -> &[Vec<String>] {
        &self.subspaces
    }

    /// The attributes, and the paths into documents, of which there is to be an index. Attributes of subspaces have one
    /// too.
    pub fn indices(&self) -> impl Iterator<Item = &str> {
        let of_subspaces = self.subspaces.iter().flatten().map(String::as_str);
        let named: Vec<&str> = self.indices.iter().map(String::as_str).chain(of_subspaces).collect();
        let is_first = |at: usize, name: &str| !named[..at].contains(&name);
        let firsts: Vec<&str> = named
            .iter()
            .enumerate()
            .filter(|(at, name)| is_first(*at, name))
            .map(|(_, name)| *name)
            .collect();
        firsts.into_iter()
    }

    /// How many failures are to be tolerated; 1 if nothing is said of it.
    pub fn tolerate(&self) -> u64 {
        self.options.tolerate.unwrap_or(TOLERATE)
    }

    /// How many partitions are to be made; 64 if nothing is said of it.
    pub fn partitions(&self) -> u64 {
        self.options.partitions.unwrap_or(PARTITIONS)
    }

    /// Whether objects are to have secrets of their own.
    pub fn has_authorization(&self) -> bool {
        self.options.has_authorization
    }

    /// What it asks for that one controller alone does not do. What nothing was said of is not among it.
    pub fn advisories(&self) -> Vec<Advisory> {
        let tolerate = self.options.tolerate.filter(|failures| *failures > 0).map(Advisory::Tolerate);
        let partitions = self.options.partitions.map(Advisory::Partitions);
        let subspaces = self.subspaces.iter().cloned().map(Advisory::Subspace);
        tolerate.into_iter().chain(partitions).chain(subspaces).collect()
    }

    /// A key as objects of this space have it.
    ///
    /// # Errors
    /// [`SpaceError::WrongType`] if it is of another type, [`SpaceError::NotANumber`].
    pub fn fit_key(&self, key: Value) -> Result<Value, SpaceError> {
        let Attribute { name, of, .. } = &self.key;
        match of.fit(name, key)? {
            Value::Float(float) if float.is_nan() => {
                Err(SpaceError::NotANumber { attribute: name.to_string() })
            }
            key => Ok(key),
        }
    }

    /// Places that values of objects may have: at least as many as there are attributes.
    pub(super) fn places(&self) -> usize {
        self.places as usize
    }

    /// The attribute that a path leads to or into.
    ///
    /// # Errors
    /// [`SpaceError::UnknownAttribute`] if there is none, [`SpaceError::KeyIsNotWritten`] if it is the key,
    /// [`SpaceError::BadPath`] if it is no path, or leads into what is no document.
    pub(super) fn written<'a>(&self, path: &'a str) -> Result<(&Attribute, Path<'a>), SpaceError> {
        let path = Path::parse(path)?;
        if path.attribute() == self.key.name() {
            return Err(SpaceError::KeyIsNotWritten { attribute: path.attribute().to_owned() });
        }
        Ok((self.named(&path)?, path))
    }

    /// The same for what is only read: it may be the key.
    ///
    /// # Errors
    /// As [`written`](Self::written), but for the key.
    pub(super) fn read<'a>(&self, path: &'a str) -> Result<(&Attribute, Path<'a>), SpaceError> {
        let path = Path::parse(path)?;
        Ok((self.named(&path)?, path))
    }

    fn named(&self, path: &Path<'_>) -> Result<&Attribute, SpaceError> {
        let name = path.attribute();
        let attribute = if name == self.key.name() { Some(&self.key) } else { self.attribute(name) };
        let attribute =
            attribute.ok_or_else(|| SpaceError::UnknownAttribute { attribute: name.to_owned() })?;
        if !path.is_whole() && attribute.of != Type::Document {
            return Err(SpaceError::BadPath {
                path: path.to_string(),
                why: format!("`{name}` is a {}, and only documents have parts", attribute.of),
            });
        }
        Ok(attribute)
    }
}

impl FromStr for Schema {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        parse::schema(text)
    }
}

impl FromStr for Type {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        parse::single_type(text)
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Two descriptions are equal if they say the same.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.key == other.key
            && self.attributes == other.attributes
            && self.subspaces == other.subspaces
            && self.indices == other.indices
            && (self.tolerate(), self.partitions()) == (other.tolerate(), other.partitions())
            && self.has_authorization() == other.has_authorization()
    }
}

impl Eq for Schema {}

impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.of) == (&other.name, other.of)
    }
}

impl Eq for Attribute {}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({:?})", self.to_string())
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
