//! What a test does to a controller, and to its sessions.

use tokio::time::Instant;

use super::super::Controller;
use super::{Shared, settle};
use crate::name::NodeName;

impl Controller {
    /// Ends the session of a node as if its process had died on this machine, whatever kind of link it has: at once,
    /// without grace.
    pub(crate) fn lose(&self, node: &NodeName) {
        self.shared.lose(node);
    }

    /// Ends as if its process had died: nobody is told anything. Returns when the address is free.
    pub(crate) async fn crash(mut self) {
        self.tasks.shutdown().await;
        // Whoever serves a link may end a moment later, on another thread.
        let links = std::mem::take(&mut self.shared.lock().links);
        for link in links.into_iter().flatten() {
            link.outbound.abort();
        }
    }
}

impl Shared {
    fn lose(&self, node: &NodeName) {
        let mut state = self.lock();
        let Some(key) = state.core.session_of(node) else { return };
        let link = state.links.get_mut(key.slot as usize).and_then(Option::take);
        if let Some(link) = &link {
            // Whoever serves the connection finds that it is not meant any more, and ends nothing a second time.
            link.lane.replace();
        }
        state.core.close(Instant::now().into_std(), key, None);
        settle(self, state, &mut Vec::new());
        if let Some(link) = link {
            link.outbound.abort();
        }
    }
}
