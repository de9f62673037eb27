//! Operations by key, in the order in which they were begun.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::value::Value;
use crate::api::Line;

/// A line for each key that something is being done by.
#[derive(Default)]
pub(super) struct KeyLines(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    by_key: BTreeMap<Value, Weak<tokio::sync::Mutex<()>>>,
    /// How many there may be before those that are over are looked for.
    swept_at: usize,
}

impl KeyLines {
    /// That of a key, at whose end the next operation goes.
    pub(super) fn of(&self, key: &Value) -> Line {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.by_key.get(key).and_then(Weak::upgrade) {
            return line;
        }
        if lines.by_key.len() >= lines.swept_at {
            lines.by_key.retain(|_, line| line.strong_count() > 0);
            lines.swept_at = 2 * lines.by_key.len() + SWEPT_MIN;
        }
        let line = Line::default();
        lines.by_key.insert(key.clone(), Arc::downgrade(&line));
        line
    }
}

/// Lines that are not worth to be looked through.
const SWEPT_MIN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_one_line_while_something_is_in_it() {
        let lines = KeyLines::default();
        let (one, same, other) = (lines.of(&1.into()), lines.of(&1.into()), lines.of(&2.into()));
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
        for key in 0..10_000 {
            drop(lines.of(&key.into()));
        }
        assert!(
            lines.0.lock().unwrap().by_key.len() <= 2 * 2 + SWEPT_MIN,
            "those that are over do not add up"
        );
        assert!(Arc::ptr_eq(&one, &lines.of(&1.into())));
    }
}
