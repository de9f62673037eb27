//! A sketch as the controller keeps it.

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use super::HllSketch;
use crate::error::DataError;
use crate::hosted::{Hosted, Others, Turn};

/// How many different elements there were, as the controller keeps it.
///
/// Elements come as a sketch of them, which whoever adds makes: the controller hashes nothing, and however many there are
/// they take at most 12 KiB on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HllState {
    sketch: HllSketch,
}

/// What watchers of a sketch are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HllChange {
    /// There were elements that had not been counted.
    Grown {
        /// About how many have been counted now.
        len: u64,
    },
    /// Nothing is counted any more.
    Cleared,
}

#[callback(hosted = "hll")]
impl HllState {
    /// Counts what the sketch has counted, and says whether that made a difference.
    pub fn merge(&mut self, turn: &mut Turn<'_>, sketch: HllSketch) -> bool {
        let is_changed = self.sketch.merge(&sketch);
        self.changed(turn, is_changed)
    }

    /// Counts what others have counted, which stay as they are, and says whether that made a difference.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many.
    pub fn merge_others(&mut self, turn: &mut Turn<'_>, others: Others) -> Result<bool, DataError> {
        let others = turn.others::<Self>(&others)?;
        let merge = |is_changed, other: &Self| self.sketch.merge(&other.sketch) | is_changed;
        let is_changed = others.into_iter().fold(false, merge);
        Ok(self.changed(turn, is_changed))
    }

    /// A sketch of what it and others have counted together.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many.
    pub fn union(&self, turn: &Turn<'_>, others: Others) -> Result<HllSketch, DataError> {
        let mut union = self.sketch.clone();
        for other in turn.others::<Self>(&others)? {
            union.merge(&other.sketch);
        }
        Ok(union)
    }

    /// About how many different elements it and others have counted together.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if they are too many.
    pub fn union_len(&self, turn: &Turn<'_>, others: Others) -> Result<u64, DataError> {
        Ok(self.union(turn, others)?.len())
    }

    /// About how many different elements have been counted.
    pub fn len(&self) -> u64 {
        self.sketch.len()
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.sketch.is_empty()
    }

    /// The sketch itself.
    pub fn sketch(&self) -> HllSketch {
        self.sketch.clone()
    }

    /// Forgets all elements, and says whether there were any.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> bool {
        let had_any = !self.is_empty();
        if had_any {
            tell(turn, &HllChange::Cleared);
        }
        self.sketch = HllSketch::new();
        had_any
    }
}

impl HllState {
    /// Tells watchers, if it was changed.
    fn changed(&self, turn: &mut Turn<'_>, is_changed: bool) -> bool {
        if is_changed && turn.is_watched() {
            tell(turn, &HllChange::Grown { len: self.sketch.len() });
        }
        is_changed
    }
}

fn tell(turn: &mut Turn<'_>, change: &HllChange) {
    turn.tell(change).expect("numbers encode");
}

impl Hosted for HllState {
    fn is_vacant(&self) -> bool {
        self.sketch.is_empty()
    }

    fn bytes(&self) -> usize {
        self.sketch.bytes()
    }
}
