//! The death of a node's process, for tests.

use std::sync::PoisonError;

use super::Shared;

impl Shared {
    /// Ends the node as `kill -9` would its process: nothing finishes, and whoever awaits something of it is left with
    /// an error. Its link is to be cut before, or it says goodbye.
    pub(crate) fn kill(&self) {
        self.end("it was killed");
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        let Some(guard) = guard else { return };
        for task in &*guard.tasks.lock().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}
