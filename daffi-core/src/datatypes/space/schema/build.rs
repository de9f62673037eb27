//! Building a description, and all that must be true of one.

use std::collections::BTreeSet;

use super::parse::KEYWORDS;
use super::{Attribute, Options, Schema};
use crate::config::{SPACE_ATTRIBUTES_MAX, SPACE_DESCRIPTION_BYTES_MAX, SPACE_INDICES_MAX};
use crate::datatypes::space::path::Path;
use crate::datatypes::space::types::Type;
use crate::error::SpaceError;

/// The description of a space that is being built.
#[derive(Debug, Clone)]
#[must_use = "it is no description until it is built"]
pub struct SchemaBuilder {
    name: String,
    key: Option<(String, Type)>,
    attributes: Vec<(String, Type)>,
    subspaces: Vec<Vec<String>>,
    indices: Vec<String>,
    options: Options,
}

impl SchemaBuilder {
    pub(super) fn new(name: String) -> Self {
        let (attributes, subspaces, indices) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, key: None, attributes, subspaces, indices, options: Options::default() }
    }

    /// What objects are found by.
    pub fn key(mut self, name: impl Into<String>, of: Type) -> Self {
        self.key = Some((name.into(), of));
        self
    }

    /// One more attribute.
    pub fn attribute(mut self, name: impl Into<String>, of: Type) -> Self {
        self.attributes.push((name.into(), of));
        self
    }

    /// Asks for objects to be laid out by these attributes too. That is an index of each of them here.
    pub fn subspace<N: Into<String>>(mut self, attributes: impl IntoIterator<Item = N>) -> Self {
        self.subspaces.push(attributes.into_iter().map(Into::into).collect());
        self
    }

    /// Asks for an index of an attribute, or of what stands at a path in documents: `profile.age`.
    pub fn index(mut self, path: impl Into<String>) -> Self {
        self.indices.push(path.into());
        self
    }

    /// How many failures are to be tolerated. It is kept, and one controller alone tolerates none.
    pub fn tolerate(mut self, failures: u64) -> Self {
        self.options.tolerate = Some(failures);
        self
    }

    /// How many partitions are to be made. It is kept, and one controller alone makes none.
    pub fn partitions(mut self, partitions: u64) -> Self {
        self.options.partitions = Some(partitions);
        self
    }

    /// Asks for a secret of each object.
    pub fn with_authorization(mut self) -> Self {
        self.options.has_authorization = true;
        self
    }

    /// The description.
    ///
    /// # Errors
    /// [`SpaceError`] with the attribute that does not fit: a name that is none or is there twice, a key of a type that
    /// has no order, an index or a subspace of what there is none of.
    pub fn build(self) -> Result<Schema, SpaceError> {
        let Self { name, key, attributes, subspaces, indices, options } = self;
        check_name(&name)?;
        let (key, of) = key.ok_or_else(|| SpaceError::InvalidName { name: String::new() })?;
        check_name(&key)?;
        if !of.is_key() {
            return Err(SpaceError::InvalidKeyType { attribute: key, of: of.to_string() });
        }
        let places = attributes.len() as u32;
        let attributes = placed(attributes);
        let key = Attribute { name: key.into(), of, place: 0 };
        let name = name.into();
        let schema = Schema { name, key, attributes, subspaces, indices, options, places, is_swept: true };
        schema.check()?;
        Ok(schema)
    }
}

fn placed(attributes: Vec<(String, Type)>) -> Vec<Attribute> {
    let placed = (0..).zip(attributes);
    placed.map(|(place, (name, of))| Attribute { name: name.into(), of, place }).collect()
}

impl Schema {
    /// Checks what must be true of attributes, subspaces, indices and options, of which each is a word on its own.
    fn check(&self) -> Result<(), SpaceError> {
        // Places that are not swept yet take room as attributes do.
        check_bound(
            "attributes of a space, with those dropped of late",
            self.places(),
            SPACE_ATTRIBUTES_MAX,
        )?;
        check_bound("indices of a space", self.indices().count(), SPACE_INDICES_MAX)?;
        // It is kept as text, and must be read again.
        check_bound("bytes of a description", self.to_string().len(), SPACE_DESCRIPTION_BYTES_MAX)?;
        let mut names = BTreeSet::from([self.key.name()]);
        for attribute in &self.attributes {
            check_name(&attribute.name)?;
            if !names.insert(&attribute.name) {
                return Err(SpaceError::Duplicate { attribute: attribute.name.to_string() });
            }
        }
        self.subspaces.iter().try_for_each(|subspace| self.check_subspace(subspace))?;
        let mut known = BTreeSet::new();
        for index in &self.indices {
            self.check_index(index)?;
            if !known.insert(index) {
                return Err(SpaceError::Duplicate { attribute: index.clone() });
            }
        }
        if self.partitions() == 0 {
            return Err(SpaceError::OutOfBounds { what: "the number of partitions".into(), value: 0 });
        }
        Ok(())
    }

    fn check_subspace(&self, subspace: &[String]) -> Result<(), SpaceError> {
        let mut names = BTreeSet::new();
        if subspace.is_empty() {
            return Err(SpaceError::UnknownAttribute { attribute: String::new() });
        }
        for name in subspace {
            let attribute = self.attribute(name);
            let attribute =
                attribute.ok_or_else(|| SpaceError::UnknownAttribute { attribute: name.clone() })?;
            if !attribute.of.is_key() {
                return Err(unindexable(name, attribute.of));
            }
            if !names.insert(name) {
                return Err(SpaceError::Duplicate { attribute: name.clone() });
            }
        }
        Ok(())
    }

    fn check_index(&self, index: &str) -> Result<(), SpaceError> {
        let path = Path::parse(index)?;
        if path.attribute() == self.key.name() {
            return Err(SpaceError::IsKey { attribute: index.to_owned() });
        }
        let (attribute, path) = self.read(index)?;
        if path.is_whole() && !attribute.of.is_indexable() {
            return Err(unindexable(index, attribute.of));
        }
        if !path.has_only_names() {
            return Err(SpaceError::BadPath {
                path: index.to_owned(),
                why: "an index goes by names alone".into(),
            });
        }
        Ok(())
    }

    /// The same with one attribute more, which all objects have at once.
    ///
    /// # Errors
    /// [`SpaceError`] if it does not fit.
    pub fn with_attribute(&self, name: &str, of: Type) -> Result<Self, SpaceError> {
        let mut schema = self.clone();
        let place = self.free_place();
        schema.attributes.push(Attribute { name: name.into(), of, place });
        schema.places = schema.places.max(place + 1);
        schema.check().map(|()| schema)
    }

    /// Where no object has a value.
    fn free_place(&self) -> u32 {
        let used: BTreeSet<u32> = self.attributes.iter().map(|attribute| attribute.place).collect();
        let free = (0..self.places).find(|place| !used.contains(place));
        free.filter(|_| self.is_swept).unwrap_or(self.places)
    }

    /// The same, of which all objects are rid of what dropped attributes have left in them.
    #[must_use]
    pub(in crate::datatypes::space) fn swept(mut self) -> Self {
        self.places = self.attributes.iter().map(|attribute| attribute.place + 1).max().unwrap_or(0);
        self.is_swept = true;
        self
    }

    /// Whether objects may have something left of dropped attributes.
    pub(in crate::datatypes::space) fn is_swept(&self) -> bool {
        self.is_swept
    }

    /// The same without an attribute, and without the indices of it. What objects had in it does not come back with
    /// another of that name.
    ///
    /// # Errors
    /// [`SpaceError::UnknownAttribute`] if there is none, [`SpaceError::KeyIsNotWritten`] if it is the key.
    pub fn without_attribute(&self, name: &str) -> Result<Self, SpaceError> {
        self.check_is_changeable(name)?;
        let mut schema = self.clone();
        schema.attributes.retain(|attribute| &*attribute.name != name);
        schema.indices.retain(|index| index.split('.').next() != Some(name));
        schema.subspaces.iter_mut().for_each(|subspace| subspace.retain(|named| named != name));
        schema.subspaces.retain(|subspace| !subspace.is_empty());
        schema.is_swept = false;
        Ok(schema)
    }

    /// The same with another name of an attribute, be it the key.
    ///
    /// # Errors
    /// [`SpaceError`] if there is none of the old name, or there may be none of the new one.
    pub fn with_renamed(&self, from: &str, to: &str) -> Result<Self, SpaceError> {
        let mut schema = self.clone();
        let key = std::iter::once(&mut schema.key);
        let mut all = key.chain(&mut schema.attributes);
        let attribute = all.find(|attribute| &*attribute.name == from);
        let attribute =
            attribute.ok_or_else(|| SpaceError::UnknownAttribute { attribute: from.to_owned() })?;
        attribute.name = to.into();
        for name in schema.subspaces.iter_mut().flatten().filter(|name| *name == from) {
            to.clone_into(name);
        }
        for index in &mut schema.indices {
            if let Some(rest) =
                index.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('.'))
            {
                *index = format!("{to}{rest}");
            }
        }
        check_name(to)?;
        schema.check().map(|()| schema)
    }

    /// The same with one index more.
    ///
    /// # Errors
    /// [`SpaceError`] if there can be none.
    pub fn with_index(&self, path: &str) -> Result<Self, SpaceError> {
        let mut schema = self.clone();
        schema.indices.push(path.to_owned());
        schema.check().map(|()| schema)
    }

    /// The same without an index; those of subspaces stay.
    ///
    /// # Errors
    /// [`SpaceError::NoIndex`] if there is none.
    pub fn without_index(&self, path: &str) -> Result<Self, SpaceError> {
        let mut schema = self.clone();
        schema.indices.retain(|index| index != path);
        if schema.indices.len() == self.indices.len() {
            return Err(SpaceError::NoIndex { attribute: path.to_owned() });
        }
        Ok(schema)
    }

    /// Where the values of attributes are in records, how many places there are, and whether those of no attribute are
    /// swept: what the text does not say.
    pub(in crate::datatypes::space) fn layout(&self) -> Layout {
        (self.attributes.iter().map(|attribute| attribute.place).collect(), self.places, self.is_swept)
    }

    /// The same with values at these places; `None` if that is no layout of it.
    pub(in crate::datatypes::space) fn laid_out(mut self, (places, count, is_swept): Layout) -> Option<Self> {
        let distinct: BTreeSet<u32> = places.iter().copied().filter(|place| *place < count).collect();
        if places.len() != self.attributes.len() || distinct.len() != places.len() {
            return None;
        }
        for (attribute, place) in self.attributes.iter_mut().zip(places) {
            attribute.place = place;
        }
        (self.places, self.is_swept) = (count, is_swept);
        Some(self)
    }

    fn check_is_changeable(&self, name: &str) -> Result<(), SpaceError> {
        if name == self.key.name() {
            return Err(SpaceError::KeyIsNotWritten { attribute: name.to_owned() });
        }
        match self.attribute(name) {
            Some(_) => Ok(()),
            None => Err(SpaceError::UnknownAttribute { attribute: name.to_owned() }),
        }
    }
}

/// Places of attributes, the number of all places, and whether those of no attribute are swept.
pub(in crate::datatypes::space) type Layout = (Vec<u32>, u32, bool);

fn check_bound(what: &str, actual: usize, limit: usize) -> Result<(), SpaceError> {
    if actual <= limit {
        return Ok(());
    }
    Err(SpaceError::TooLarge { what: what.into(), actual: actual as u64, limit: limit as u64 })
}

fn unindexable(attribute: &str, of: Type) -> SpaceError {
    SpaceError::Unindexable { attribute: attribute.to_owned(), of: of.to_string() }
}

/// A name as the language has it, which is no word of the language.
fn check_name(name: &str) -> Result<(), SpaceError> {
    let begins = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    let goes_on = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if begins && goes_on && !name.starts_with("__") && !KEYWORDS.contains(&name) {
        return Ok(());
    }
    Err(SpaceError::InvalidName { name: name.to_owned() })
}
