//! Numbers that are given once and grow: Pottery's `NextId`.

mod blocks;
mod one;
mod several;
#[cfg(test)]
mod tests;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

pub use self::blocks::IdBlocks;
pub use self::one::NextId;
pub use self::several::QuorumNextId;
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, Turn};

/// A sequence of numbers, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextIdState {
    /// The highest that was given; 0 before the first.
    last: u64,
}

/// What came of [`NextIdState::raise`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Whether the numbers were free here, and are the caller's as far as this controller is concerned.
    pub(crate) is_accepted: bool,
    /// The highest number that is not free here.
    pub(crate) last: u64,
}

#[callback(hosted = "next_id")]
impl NextIdState {
    /// Gives the next `count` numbers that are greater than `above`, and returns the first; the others follow it.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if `count` is 0, [`DataError::WrongValue`] if the numbers do not fit 64 bits.
    pub fn take(&mut self, turn: &mut Turn<'_>, count: u64, above: u64) -> Result<u64, DataError> {
        let (first, last) = block(self.last.max(above), count)?;
        turn.tell(&last)?;
        self.last = last;
        Ok(first)
    }

    /// Gives the numbers from `first` to `last` if they are free, and says what is not. For whoever asks several
    /// controllers: the numbers are given once a majority of them has done so.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if there are no such numbers.
    pub fn raise(&mut self, turn: &mut Turn<'_>, first: u64, last: u64) -> Result<Raised, DataError> {
        if first == 0 || first > last {
            return Err(DataError::invalid(format!("no numbers: from {first} to {last}")));
        }
        let is_accepted = self.last < first;
        if is_accepted {
            turn.tell(&last)?;
            self.last = last;
        }
        Ok(Raised { is_accepted, last: self.last })
    }

    /// The highest number that was given; 0 if none was.
    pub fn last(&self) -> u64 {
        self.last
    }
}

/// The first and the last of the `count` numbers after `last`.
fn block(last: u64, count: u64) -> Result<(u64, u64), DataError> {
    if count == 0 {
        return Err(DataError::invalid("no numbers are asked for: reserve at least 1"));
    }
    if count > config::NEXT_ID_RESERVED_MAX {
        let most = config::NEXT_ID_RESERVED_MAX;
        return Err(DataError::invalid(format!("{count} numbers in one step, of at most {most}")));
    }
    match last.checked_add(count) {
        Some(end) => Ok((last + 1, end)),
        None => Err(DataError::WrongValue {
            expected: "numbers of 64 bits".into(),
            found: format!("{count} more after {last}"),
        }),
    }
}

impl Hosted for NextIdState {
    fn is_vacant(&self) -> bool {
        self.last == 0
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}
