//! Lists: small where there is little in them, and cheap to copy.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use imbl::Vector;

use super::{ENTRY_BYTES, Value};

/// A list. Copies share what is in it, and reading and changing take time by the logarithm of its length.
#[derive(Clone)]
pub struct List(Repr);

#[derive(Clone)]
enum Repr {
    /// In one piece, which takes the least room.
    Few(Arc<Few>),
    Many(Arc<Many>),
}

#[derive(Clone, Default)]
struct Few {
    bytes: usize,
    elements: Vec<Value>,
}

#[derive(Clone)]
struct Many {
    bytes: usize,
    elements: Vector<Value>,
}

/// Elements up to which they lie in one piece.
const FEW_MAX: usize = 64;

impl List {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Few(few) => few.elements.len(),
            Repr::Many(many) => many.elements.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at this place, from 0 on.
    pub fn get(&self, at: usize) -> Option<&Value> {
        match &self.0 {
            Repr::Few(few) => few.elements.get(at),
            Repr::Many(many) => many.elements.get(at),
        }
    }

    /// Puts an element before that at this place, or at the end.
    ///
    /// # Panics
    /// If `at` is beyond the end.
    pub fn insert(&mut self, at: usize, element: Value) {
        let bytes = element.bytes() + ENTRY_BYTES;
        if let Repr::Few(few) = &mut self.0 {
            if few.elements.len() < FEW_MAX {
                let few = Arc::make_mut(few);
                few.bytes += bytes;
                few.elements.insert(at, element);
                return;
            }
            let Few { bytes, elements } = Arc::unwrap_or_clone(std::mem::take(few));
            self.0 = Repr::Many(Arc::new(Many { bytes, elements: elements.into_iter().collect() }));
        }
        let Repr::Many(many) = &mut self.0 else { unreachable!("few have become many") };
        let many = Arc::make_mut(many);
        many.bytes += bytes;
        many.elements.insert(at, element);
    }

    /// Puts an element at the end.
    pub fn push(&mut self, element: Value) {
        self.insert(self.len(), element);
    }

    /// Puts an element in the place of another, which is returned; `None` if there is none at this place.
    pub fn set(&mut self, at: usize, element: Value) -> Option<Value> {
        self.get(at)?;
        let added = element.bytes();
        let (bytes, place) = match &mut self.0 {
            Repr::Few(few) => {
                let Few { bytes, elements } = Arc::make_mut(few);
                (bytes, elements.get_mut(at)?)
            }
            Repr::Many(many) => {
                let Many { bytes, elements } = Arc::make_mut(many);
                (bytes, elements.get_mut(at)?)
            }
        };
        let before = std::mem::replace(place, element);
        *bytes = *bytes + added - before.bytes();
        Some(before)
    }

    /// Removes the element at this place, and returns it.
    pub fn remove(&mut self, at: usize) -> Option<Value> {
        self.get(at)?;
        let (bytes, element) = match &mut self.0 {
            Repr::Few(few) => {
                let Few { bytes, elements } = Arc::make_mut(few);
                (bytes, elements.remove(at))
            }
            Repr::Many(many) => {
                let Many { bytes, elements } = Arc::make_mut(many);
                (bytes, elements.remove(at))
            }
        };
        *bytes -= element.bytes() + ENTRY_BYTES;
        self.settle();
        Some(element)
    }

    /// Leaves only the elements from `from` on and before `to`.
    pub fn keep(&mut self, from: usize, to: usize) {
        let (to, from) = (to.min(self.len()), from.min(to).min(self.len()));
        if from == 0 && to == self.len() {
            return;
        }
        *self = self.iter().skip(from).take(to - from).cloned().collect();
    }

    /// Well below the bound they come to lie in one piece again.
    fn settle(&mut self) {
        if let Repr::Many(many) = &mut self.0
            && many.elements.len() <= FEW_MAX / 2
        {
            let elements = many.elements.iter().cloned().collect();
            self.0 = Repr::Few(Arc::new(Few { bytes: many.bytes, elements }));
        }
    }

    /// All elements, from the first on.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        let (few, many) = match &self.0 {
            Repr::Few(few) => (&few.elements[..], None),
            Repr::Many(many) => (&[][..], Some(&many.elements)),
        };
        few.iter().chain(many.into_iter().flat_map(Vector::iter))
    }

    /// About how many bytes all of them take.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Repr::Few(few) => few.bytes,
            Repr::Many(many) => many.bytes,
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self(Repr::Few(Arc::default()))
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Self {
        let elements: Vec<Value> = elements.into_iter().collect();
        let bytes = elements.iter().map(|element| element.bytes() + ENTRY_BYTES).sum();
        Self(if elements.len() <= FEW_MAX {
            Repr::Few(Arc::new(Few { bytes, elements }))
        } else {
            Repr::Many(Arc::new(Many { bytes, elements: elements.into_iter().collect() }))
        })
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for List {}

impl PartialOrd for List {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for List {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
