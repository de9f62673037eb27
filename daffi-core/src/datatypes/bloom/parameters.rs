//! What a filter is made for, and which bits its elements have.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::digest;
use super::{json, murmur};
use crate::config;
use crate::error::DataError;
use crate::hosted::Key;

/// How a filter knows its elements by bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum BloomHash {
    /// The same bits as in Pottery's filters: MurmurHash3 for 32 bits of the element as Python's JSON text, once with each
    /// seed from 0 on. An element that JSON has no text for is refused.
    Pottery,
    /// Two words of the element's SHA-256 in the mesh's one form of values, from which all positions are computed. For
    /// filters of any size, and elements of any type.
    Wide,
}

/// What a filter is made for, and what follows from it. It is kept with the filter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "Parts", try_from = "Parts")]
pub struct BloomParameters {
    num_elements: u64,
    false_positives: f64,
    hash: BloomHash,
    bits: u64,
    hashes: u64,
}

/// On the wire, where field names would be most of it: they come with every operation.
type Parts = (u64, f64, BloomHash, u64, u64);

impl BloomParameters {
    /// Of a filter for so many elements, of which, once they are in, this share of all others seems to be in too.
    ///
    /// It has `ceil(-n ln p / (ln 2)²)` bits and `ceil(m / n ln 2)` positions for each element. Its bits are
    /// [`Pottery`](BloomHash::Pottery)'s, unless it has more than
    /// [`BLOOM_NARROW_BITS_MAX`](config::BLOOM_NARROW_BITS_MAX): then they are [`Wide`](BloomHash::Wide).
    ///
    /// # Errors
    /// [`DataError::Invalid`] for no elements, for a share that is not between 0 and 1, and for a filter of more than
    /// [`BLOOM_BITS_MAX`](config::BLOOM_BITS_MAX) bits or [`BLOOM_HASHES_MAX`](config::BLOOM_HASHES_MAX) positions.
    pub fn new(num_elements: u64, false_positives: f64) -> Result<Self, DataError> {
        let is_share = false_positives > 0.0 && false_positives < 1.0;
        if num_elements == 0 || !is_share {
            let wanted = format!("{num_elements} elements with {false_positives} false positives");
            return Err(DataError::invalid(format!("no filter is for {wanted}")));
        }
        let (n, ln_2) = (num_elements as f64, std::f64::consts::LN_2);
        let bits = (-n * false_positives.ln() / (ln_2 * ln_2)).ceil();
        let hashes = (bits / n * ln_2).ceil();
        let hash =
            if bits > config::BLOOM_NARROW_BITS_MAX as f64 { BloomHash::Wide } else { BloomHash::Pottery };
        // What is beyond all numbers is beyond the bounds too.
        let (bits, hashes) = (bits as u64, hashes as u64);
        Self { num_elements, false_positives, hash, bits, hashes }.checked()
    }

    /// The same with another hash.
    #[must_use]
    pub fn with_hash(self, hash: BloomHash) -> Self {
        Self { hash, ..self }
    }

    fn checked(self) -> Result<Self, DataError> {
        let Self { bits, hashes, .. } = self;
        let is_possible = (1..=config::BLOOM_BITS_MAX).contains(&bits)
            && (1..=config::BLOOM_HASHES_MAX).contains(&hashes)
            && self.num_elements > 0
            && self.false_positives > 0.0
            && self.false_positives < 1.0;
        if is_possible {
            return Ok(self);
        }
        let (bits_max, hashes_max) = (config::BLOOM_BITS_MAX, config::BLOOM_HASHES_MAX);
        Err(DataError::invalid(format!(
            "{self} would have {bits} bits, of {bits_max} at most, and {hashes} positions for each, of {hashes_max}"
        )))
    }

    /// For how many elements it is.
    pub fn num_elements(&self) -> u64 {
        self.num_elements
    }

    /// Which share of what is not in it seems to be, once so many elements are.
    pub fn false_positives(&self) -> f64 {
        self.false_positives
    }

    /// How it knows its elements.
    pub fn hash(&self) -> BloomHash {
        self.hash
    }

    /// How many bits it has.
    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// How many of them an element has, some of which may be the same one.
    pub fn hashes(&self) -> u64 {
        self.hashes
    }

    /// The bits that an element has.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if the hash has none for it.
    pub fn positions<T: Serialize + ?Sized>(&self, element: &T) -> Result<Vec<u64>, DataError> {
        let mut positions = Vec::with_capacity(self.hashes as usize);
        self.put_positions(element, &mut positions)?;
        Ok(positions)
    }

    pub(super) fn put_positions<T: Serialize + ?Sized>(
        &self,
        element: &T,
        positions: &mut Vec<u64>,
    ) -> Result<(), DataError> {
        match self.hash {
            BloomHash::Pottery => {
                let text = json::text(element)?;
                // Pottery takes the hash for a signed number, and Python's remainder of that is never negative.
                let at = |seed| i64::from(murmur::murmur3(text.as_bytes(), seed) as i32);
                let bits = self.bits as i64;
                positions.extend((0..self.hashes as u32).map(|seed| at(seed).rem_euclid(bits) as u64));
            }
            BloomHash::Wide => {
                let [first, step] = digest::words(&Key::of(element)?);
                // The third term keeps apart what has one step, or an even one ("enhanced double hashing").
                let at = |i: u64| first.wrapping_add(i.wrapping_mul(step)).wrapping_add((i * i * i - i) / 6);
                positions.extend((0..self.hashes).map(|i| at(i) % self.bits));
            }
        }
        Ok(())
    }

    /// About how many different elements set so many bits; at least one, if any is set.
    ///
    /// Where all are set there is no estimate, and this is the one for one bit less: there were at least so many.
    pub(super) fn elements(&self, bits_set: u64) -> u64 {
        let least = bits_set.min(1);
        let (bits, hashes) = (self.bits as f64, self.hashes as f64);
        let bits_set = bits_set.min(self.bits.saturating_sub(1)) as f64;
        least.max((-bits / hashes * (1.0 - bits_set / bits).ln()).floor() as u64)
    }
}

impl fmt::Display for BloomParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { num_elements, false_positives, hash, .. } = self;
        let hash = match hash {
            BloomHash::Pottery => "",
            BloomHash::Wide => " and a wide hash",
        };
        write!(f, "a filter for {num_elements} elements with {false_positives} false positives{hash}")
    }
}

impl From<BloomParameters> for Parts {
    fn from(parameters: BloomParameters) -> Self {
        let BloomParameters { num_elements, false_positives, hash, bits, hashes } = parameters;
        (num_elements, false_positives, hash, bits, hashes)
    }
}

impl TryFrom<Parts> for BloomParameters {
    type Error = DataError;

    fn try_from((num_elements, false_positives, hash, bits, hashes): Parts) -> Result<Self, DataError> {
        Self { num_elements, false_positives, hash, bits, hashes }.checked()
    }
}
