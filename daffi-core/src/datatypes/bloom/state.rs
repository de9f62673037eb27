//! A filter as the controller keeps it.

use daffi_macros::callback;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;

use super::BloomParameters;
use super::bits::Bits;
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, Turn};

/// A Bloom filter, as the controller keeps it.
///
/// Elements come as their bits, which whoever asks computes: `hashes` positions for each, one element after the other. So
/// what is done does not depend on a hash, nor on the logarithms of this machine. With them come the parameters that
/// they were computed by; a filter that is not there is made by the first that adds.
#[derive(Debug, Clone, Default)]
pub struct BloomState {
    parameters: Option<BloomParameters>,
    bits: Bits,
}

/// What watchers of a filter are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BloomChange {
    /// Elements were added that had not seemed to be in it.
    Added {
        /// How many.
        elements: u64,
    },
    /// All elements are out of it.
    Cleared,
}

#[callback(hosted = "bloom")]
impl BloomState {
    /// Makes the filter, unless it is there, and returns the parameters that it has.
    pub fn open(&mut self, parameters: BloomParameters) -> BloomParameters {
        self.made(parameters)
    }

    /// The parameters that it was made with, if it is there.
    pub fn parameters(&self) -> Option<BloomParameters> {
        self.parameters
    }

    /// Adds the elements that have these bits, and says how many of them had not seemed to be in it.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the filter has other parameters; [`DataError::Invalid`] for positions that
    /// are none of its bits, or of too many elements.
    pub fn add(
        &mut self,
        turn: &mut Turn<'_>,
        parameters: BloomParameters,
        positions: Vec<u64>,
    ) -> Result<u64, DataError> {
        self.check(&parameters, &positions)?;
        let elements = self.put(parameters, &positions);
        if elements > 0 {
            tell(turn, &BloomChange::Added { elements });
        }
        Ok(elements)
    }

    /// Of each of the elements that have these bits whether it seems to be in it.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn contains(&self, parameters: BloomParameters, positions: Vec<u64>) -> Result<Vec<bool>, DataError> {
        self.check(&parameters, &positions)?;
        let elements = positions.chunks(parameters.hashes() as usize);
        Ok(elements.map(|element| element.iter().all(|position| self.bits.is_set(*position))).collect())
    }

    /// About how many different elements are in it. When all bits are set, it is the least that there can be.
    pub fn len(&self) -> u64 {
        self.parameters.map_or(0, |parameters| parameters.elements(self.bits.count()))
    }

    /// Whether no element is in it.
    pub fn is_empty(&self) -> bool {
        self.bits.count() == 0
    }

    /// Takes all elements out of it, and says whether there were any. Its parameters stay.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> bool {
        let had_any = !self.is_empty();
        if had_any {
            tell(turn, &BloomChange::Cleared);
        }
        self.bits = self.parameters.map(|parameters| Bits::new(parameters.bits())).unwrap_or_default();
        had_any
    }
}

impl BloomState {
    /// The parameters that it has, which are these if it had none.
    fn made(&mut self, parameters: BloomParameters) -> BloomParameters {
        *self.parameters.get_or_insert_with(|| {
            self.bits = Bits::new(parameters.bits());
            parameters
        })
    }

    /// Sets the bits of elements, and says for how many of them any was to be set.
    pub(super) fn put(&mut self, parameters: BloomParameters, positions: &[u64]) -> u64 {
        self.made(parameters);
        let mut elements = 0;
        for element in positions.chunks(parameters.hashes() as usize) {
            let mut is_new = false;
            for position in element {
                is_new |= self.bits.set(*position);
            }
            elements += u64::from(is_new);
        }
        elements
    }

    fn check(&self, parameters: &BloomParameters, positions: &[u64]) -> Result<(), DataError> {
        if let Some(own) = self.parameters.filter(|own| own != parameters) {
            return Err(DataError::WrongValue { expected: parameters.to_string(), found: own.to_string() });
        }
        let (hashes, bits) = (parameters.hashes(), parameters.bits());
        let count = positions.len() as u64;
        if !count.is_multiple_of(hashes) {
            return Err(DataError::invalid(format!("{count} positions, where each element has {hashes}")));
        }
        check_elements(count / hashes)?;
        match positions.iter().find(|position| **position >= bits) {
            Some(position) => Err(DataError::invalid(format!("bit {position} of {bits}"))),
            None => Ok(()),
        }
    }
}

/// Whether so many elements may come in one step.
pub(super) fn check_elements(count: u64) -> Result<(), DataError> {
    let max = config::BLOOM_ELEMENTS_MAX;
    if count <= max {
        return Ok(());
    }
    Err(DataError::invalid(format!("{count} elements at once, where {max} may be")))
}

fn tell(turn: &mut Turn<'_>, change: &BloomChange) {
    turn.tell(change).expect("numbers encode");
}

impl Hosted for BloomState {
    fn is_vacant(&self) -> bool {
        self.parameters.is_none()
    }

    fn bytes(&self) -> usize {
        self.bits.bytes()
    }
}

/// A filter as it is saved: those of its parts in which any bit is set.
#[derive(Serialize, Deserialize)]
struct Saved {
    parameters: Option<BloomParameters>,
    bits: Vec<(u32, ByteBuf)>,
}

impl Serialize for BloomState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Saved { parameters: self.parameters, bits: self.bits.save() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BloomState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Saved { parameters, bits: saved } = Saved::deserialize(deserializer)?;
        let mut bits = parameters.map(|parameters| Bits::new(parameters.bits())).unwrap_or_default();
        for (number, bytes) in saved {
            bits.load(number, &bytes).map_err(serde::de::Error::custom)?;
        }
        Ok(Self { parameters, bits })
    }
}
