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
        let error = Error::new_spanned(at, text);
        match &mut self.found {
            Some(found) => found.combine(error),
            None => self.found = Some(error),
        }
    }

    /// `value`, if nothing is wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T> {
        self.found.map_or(Ok(value), Err)
    }
}
