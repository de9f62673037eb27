//! Attributes with their values, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::value::{Map, Text, Value};

/// Values by the names of attributes: what is written to an object, and what is read of it. [`obj!`](crate::obj) makes it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fields(BTreeMap<String, Value>);

/// Values by the names of attributes: `obj! { first: "John", friends: ["jd", "jj"] }`. Names that are no identifiers, as
/// paths into documents, stand in quotes; a map or a document is an `obj!` in it.
///
/// ```
/// use daffi_core::obj;
///
/// let fields = obj! { first: "John", "extra.age": 35, upvotes: obj! { post: 1 } };
/// assert_eq!(fields["first"], "John".into());
/// ```
#[macro_export]
macro_rules! obj {
    (@name $name:ident) => { stringify!($name) };
    (@name $name:literal) => { $name };
    ($($name:tt : $value:expr),* $(,)?) => {
        <$crate::datatypes::space::Fields as ::core::iter::FromIterator<_>>::from_iter([
            $((
                ::std::string::String::from($crate::obj!(@name $name)),
                $crate::datatypes::space::Value::from($value),
            )),*
        ] as [(::std::string::String, $crate::datatypes::space::Value); _])
    };
}

impl Fields {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more, or another value of one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(name, value);
        self
    }

    /// Puts a value by a name, and returns the one that was there.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// The value by a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About how many bytes they take where they travel, and hardly ever more.
    pub(super) fn bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.bytes() + 16).sum()
    }

    /// All, by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl Index<&str> for Fields {
    type Output = Value;

    /// # Panics
    /// If there is none by this name; [`Fields::get`] says so instead.
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or_else(|| panic!("no attribute `{name}`"))
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, V: Into<Value>, const LENGTH: usize> From<[(N, V); LENGTH]> for Fields {
    fn from(fields: [(N, V); LENGTH]) -> Self {
        fields.into_iter().collect()
    }
}

impl IntoIterator for Fields {
    type Item = (String, Value);
    type IntoIter = std::collections::btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A map whose keys are text, or a document.
impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        let entries = fields.into_iter().map(|(name, value)| (Self::String(Text::from(name)), value));
        Self::Map(entries.collect::<Map>())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named)
    }
}

struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values by the names of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if fields.0.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` is there twice")));
            }
            fields.0.insert(name, value);
        }
        Ok(fields)
    }
}
