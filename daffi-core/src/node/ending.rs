//! The end of a call that is served, which makes room for another.

use std::sync::Arc;

use super::Shared;
use super::running::Key;

/// Counts a call as over when it is dropped: it has ended, or its task was aborted.
pub(super) struct Ending {
    pub(super) shared: Arc<Shared>,
    key: Key,
    is_over: bool,
}

impl Ending {
    pub(super) fn new(shared: &Arc<Shared>, key: Key) -> Self {
        Self { shared: Arc::clone(shared), key, is_over: false }
    }

    /// The call has ended by itself.
    pub(super) fn over(mut self) {
        self.is_over = true;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(job) = self.shared.end_running(self.key) else { return };
        if self.is_over {
            return self.shared.start(job);
        }
        // Not here: a runtime that has ended drops each task as it is spawned, and all that wait would be started and
        // dropped from within each other, until the stack ends.
        let shared = Arc::clone(&self.shared);
        drop(self.shared.runtime.spawn(async move { shared.start(job) }));
    }
}
