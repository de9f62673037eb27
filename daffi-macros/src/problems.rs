//! All that is wrong with one item, reported at once.

use std::fmt::Display;

use quote::ToTokens;
use syn::{Error, Result};

/// Collects errors, so that one build shows them all.
#[derive(Default)]
pub(crate) struct Problems {
    found: Option<Error>,
}

impl Problems {
    /// Notes what is wrong with the tokens `at`.
    pub(crate) fn add(&mut self, at: impl ToTokens, text: impl Display) {
        self.note(Error::new_spanned(at, text));
    }

    /// Notes an error.
    pub(crate) fn note(&mut self, error: Error) {
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// What came of something, unless it is an error, which is noted.
    pub(crate) fn check<T>(&mut self, outcome: Result<T>) -> Option<T> {
        outcome.map_err(|error| self.note(error)).ok()
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_none()
    }

    /// `value`, if nothing is wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T> {
        self.found.map_or(Ok(value), Err)
    }
}
