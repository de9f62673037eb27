//! The way of commands to the store: each is stamped with the store's time, and they come in one order.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::hosted::{After, Command, ObjectId, ObjectKind, Outcome, Store, Time};

/// Has commands carried out: at once, or once they are logged or agreed upon.
///
/// It is given everything that the store is a function of: who writes down each time with its command, in this order,
/// can make the same store of them.
///
/// The core goes on with what a command came to. Whoever must first make it safe does not hold that back, but what others
/// hear of it, all of which leaves by [`take_output`](super::super::Core::take_output).
pub(in super::super) trait Propose: Send {
    /// Has `command` carried out at `at`. Its result is appended to `out`, and what is to be done then to `after`.
    fn propose(
        &mut self,
        store: &mut Store,
        at: Time,
        command: &Command<'_>,
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Outcome;
}

/// Nothing is written down: what the store has goes with the controller.
struct AtOnce;

impl Propose for AtOnce {
    fn propose(
        &mut self,
        store: &mut Store,
        at: Time,
        command: &Command<'_>,
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Outcome {
        store.apply(at, command, out, after)
    }
}

/// The store, which nothing changes but what is proposed here.
pub(in super::super) struct Proposer {
    store: Store,
    /// The time of the store's clock at an instant.
    start: (Instant, Time),
    way: Box<dyn Propose>,
}

impl Proposer {
    pub(super) fn new(now: Instant, unix_ms: u64, kinds: Arc<[ObjectKind]>, own: Arc<[ObjectKind]>) -> Self {
        let start = (now, Time(unix_ms.saturating_mul(1_000)));
        // Tokens of a controller that is started anew shall not be met again, though nothing else is left of them.
        let mut store = Store::with_own(kinds, own).after_revision(start.1.0);
        store.set_watched(false);
        Self { store, start, way: Box::new(AtOnce) }
    }

    /// From now on commands go this way.
    #[cfg(test)]
    pub(in super::super) fn go_by(&mut self, way: impl Propose + 'static) {
        self.way = Box::new(way);
    }

    /// What there is to be read.
    pub(in super::super) fn store(&self) -> &Store {
        &self.store
    }

    /// The store's time at an instant: it goes on evenly, whatever the wall clock does.
    pub(super) fn time(&self, now: Instant) -> Time {
        self.start.1.after(now.saturating_duration_since(self.start.0))
    }

    /// The instant at which the store's clock will show `time`.
    pub(super) fn instant(&self, time: Time) -> Instant {
        self.start.0 + time.since(self.start.1)
    }

    /// Has a command carried out at `now`.
    pub(super) fn propose(
        &mut self,
        now: Instant,
        command: &Command<'_>,
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Outcome {
        let at = self.time(now);
        self.way.propose(&mut self.store, at, command, out, after)
    }

    /// Whether anybody hears of changes from now on.
    pub(super) fn set_watched(&mut self, is_watched: bool) {
        self.store.set_watched(is_watched);
    }

    /// Where an object is, for a call that waits for it to change. This is no command, since waiting is no state.
    pub(super) fn wait_for(&mut self, kind: u16, name: &str) -> ObjectId {
        self.store.wait_for(kind, name)
    }

    /// A call waits for the object no more.
    pub(super) fn wait_no_more(&mut self, object: ObjectId) {
        self.store.wait_no_more(object);
    }
}

impl fmt::Debug for Proposer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposer").field("store", &self.store).finish_non_exhaustive()
    }
}
