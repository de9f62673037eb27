//! Sets and maps: sorted, each key once, small where there is little in them, and cheap to copy.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use imbl::OrdMap;

use super::{ENTRY_BYTES, Value};

/// A set: its elements by their order, each of them once.
pub type Set = Sorted<()>;

/// A map: its values by the order of their keys, each of which is there once.
pub type Map = Sorted<Value>;

/// Values by keys, sorted. Copies share what is in it, and reading and changing take time by the logarithm of its length.
#[derive(Clone)]
pub struct Sorted<V>(Repr<V>);

#[derive(Clone)]
enum Repr<V> {
    /// In one piece, which takes the least room.
    Few(Arc<Few<V>>),
    Many(Arc<Many<V>>),
}

#[derive(Clone)]
struct Few<V> {
    bytes: usize,
    entries: Vec<(Value, V)>,
}

#[derive(Clone)]
struct Many<V> {
    bytes: usize,
    entries: OrdMap<Value, V>,
}

/// Entries up to which they lie in one piece: copying them costs no more than a step down a tree.
const FEW_MAX: usize = 32;

/// What takes room in a set or a map beside the keys.
pub trait Weight: Clone {
    /// About how many bytes it takes.
    fn bytes(&self) -> usize;
}

impl Weight for () {
    fn bytes(&self) -> usize {
        0
    }
}

impl Weight for Value {
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self(Repr::Few(Arc::new(Few { bytes: 0, entries: Vec::new() })))
    }
}

impl<V: Weight> Sorted<V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Few(few) => few.entries.len(),
            Repr::Many(many) => many.entries.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this key, or element, is there.
    pub fn contains(&self, key: &Value) -> bool {
        self.get(key).is_some()
    }

    /// What is there by a key.
    pub fn get(&self, key: &Value) -> Option<&V> {
        match &self.0 {
            Repr::Few(few) => few.find(key).ok().map(|at| &few.entries[at].1),
            Repr::Many(many) => many.entries.get(key),
        }
    }

    /// Puts a value by a key, and returns the one that was there.
    pub fn insert(&mut self, key: Value, value: V) -> Option<V> {
        if let Repr::Few(few) = &mut self.0 {
            if few.entries.len() < FEW_MAX || few.find(&key).is_ok() {
                return Arc::make_mut(few).insert(key, value);
            }
            let Few { bytes, entries } = Arc::unwrap_or_clone(std::mem::take(few));
            self.0 = Repr::Many(Arc::new(Many { bytes, entries: entries.into_iter().collect() }));
        }
        let Repr::Many(many) = &mut self.0 else { unreachable!("few have become many") };
        let many = Arc::make_mut(many);
        let (key_bytes, value_bytes) = (key.bytes() + ENTRY_BYTES, value.bytes());
        let before = many.entries.insert(key, value);
        many.bytes += value_bytes;
        match &before {
            Some(before) => many.bytes -= before.bytes(),
            None => many.bytes += key_bytes,
        }
        before
    }

    /// Removes what is there by a key.
    pub fn remove(&mut self, key: &Value) -> Option<V> {
        let many = match &mut self.0 {
            Repr::Few(few) => {
                let at = few.find(key).ok()?;
                let few = Arc::make_mut(few);
                let (key, value) = few.entries.remove(at);
                few.bytes -= key.bytes() + ENTRY_BYTES + value.bytes();
                return Some(value);
            }
            Repr::Many(many) => many,
        };
        if !many.entries.contains_key(key) {
            return None;
        }
        let many = Arc::make_mut(many);
        let (key, value) = many.entries.remove_with_key(key)?;
        many.bytes -= key.bytes() + ENTRY_BYTES + value.bytes();
        // Well below the bound, so that one that wavers about it is not rebuilt at each step.
        if many.entries.len() <= FEW_MAX / 2 {
            let entries = std::mem::take(&mut many.entries).into_iter().collect();
            self.0 = Repr::Few(Arc::new(Few { bytes: many.bytes, entries }));
        }
        Some(value)
    }

    /// All, by the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&Value, &V)> {
        let (few, many) = match &self.0 {
            Repr::Few(few) => (&few.entries[..], None),
            Repr::Many(many) => (&[][..], Some(&many.entries)),
        };
        few.iter().map(|(key, value)| (key, value)).chain(many.into_iter().flat_map(OrdMap::iter))
    }

    /// The keys of a map, or the elements of a set, by their order.
    pub fn keys(&self) -> impl Iterator<Item = &Value> {
        self.iter().map(|(key, _)| key)
    }

    /// About how many bytes all of them take.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Repr::Few(few) => few.bytes,
            Repr::Many(many) => many.bytes,
        }
    }
}

impl<V: Weight> Few<V> {
    fn find(&self, key: &Value) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.cmp(key))
    }

    fn insert(&mut self, key: Value, value: V) -> Option<V> {
        self.bytes += value.bytes();
        match self.find(&key) {
            Ok(at) => {
                let before = std::mem::replace(&mut self.entries[at].1, value);
                self.bytes -= before.bytes();
                Some(before)
            }
            Err(at) => {
                self.bytes += key.bytes() + ENTRY_BYTES;
                self.entries.insert(at, (key, value));
                None
            }
        }
    }
}

impl<V> Default for Few<V> {
    fn default() -> Self {
        Self { bytes: 0, entries: Vec::new() }
    }
}

impl Set {
    /// Adds an element, and says whether it was not there.
    pub fn add(&mut self, element: Value) -> bool {
        self.insert(element, ()).is_none()
    }
}

impl<V: Weight> FromIterator<(Value, V)> for Sorted<V> {
    fn from_iter<I: IntoIterator<Item = (Value, V)>>(entries: I) -> Self {
        let mut sorted = Self::default();
        for (key, value) in entries {
            sorted.insert(key, value);
        }
        sorted
    }
}

impl FromIterator<Value> for Set {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Self {
        elements.into_iter().map(|element| (element, ())).collect()
    }
}

impl<V: Weight + Ord> PartialEq for Sorted<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<V: Weight + Ord> Eq for Sorted<V> {}

impl<V: Weight + Ord> PartialOrd for Sorted<V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<V: Weight + Ord> Ord for Sorted<V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
