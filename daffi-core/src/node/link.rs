//! A node's link as its callbacks see it: where replies go, and how many one-way calls were finished.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::session::Outbound;
use crate::wire::{Header, Kind, put_frame};

/// The sending half of one link, and the count that gives the controller credit.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) outbound: Outbound,
    /// Calls finished that want no reply.
    finished: AtomicU64,
    /// What the controller was told of that.
    told: AtomicU64,
}

impl Link {
    pub(crate) fn new(number: u64, outbound: Outbound) -> Self {
        Self { number, outbound, finished: AtomicU64::new(0), told: AtomicU64::new(0) }
    }

    /// A call that wants no reply is finished; the controller is told with the next flush.
    pub(crate) fn finish_one_way(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells the controller everything that it shall know.
    pub(crate) fn flush(&self) {
        if self.told.load(Ordering::Relaxed) != self.finished.load(Ordering::Relaxed) {
            self.outbound.with(|out| self.put_credit(out));
        }
        self.outbound.flush();
    }

    /// Appends what the controller shall know, if it changed.
    fn put_credit(&self, out: &mut Vec<u8>) {
        let finished = self.finished.load(Ordering::Relaxed);
        if self.told.swap(finished, Ordering::Relaxed) != finished {
            put_frame(out, Header { call: finished, ..Header::new(Kind::Credit) }, &[], &[]);
        }
    }

    /// The writer task of this link.
    pub(crate) async fn write(&self) {
        self.outbound.run_with(|out| self.put_credit(out)).await;
    }
}
