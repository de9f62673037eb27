//! Links that break and go on over another connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::core::{Backlog, Claimed, SessionKey, Violation};
use super::{Link, Shared, State, settle};
use crate::session::{Inbound, Keep};
use crate::transport::Connection;
use crate::wire::{Flags, Frame, Header, Kind, put_frame};

/// What the connections that a session has in turn share. Which one it has and what was routed change only under the
/// lock of the state, which is what puts the changes in order.
#[derive(Debug)]
pub(super) struct Lane {
    /// Whether the session outlives a break.
    pub(super) keep: Keep,
    /// Which connection it has.
    turn: AtomicU32,
    /// Bytes of the lane that were routed.
    received: AtomicU64,
    /// Whether a task serves it; else it is away, and nobody closes it but whoever finds it ended.
    is_served: AtomicBool,
    /// What was taken from the core and not written.
    pub(super) backlog: Backlog,
    /// Told when the core wants the link closed.
    pub(super) closing: Notify,
}

impl Lane {
    pub(super) fn new(keep: Keep, backlog: Backlog) -> Self {
        let (turn, received, is_served) = (AtomicU32::new(0), AtomicU64::new(0), AtomicBool::new(true));
        Self { keep, turn, received, is_served, backlog, closing: Notify::new() }
    }

    /// Lets no connection that the session has had be meant any more. The turn of the next.
    pub(super) fn replace(&self) -> u32 {
        self.turn.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// So many bytes were routed.
    pub(super) fn set_received(&self, received: u64) {
        self.received.store(received, Ordering::Relaxed);
    }
}

impl Link {
    /// Whether its connection is still the one that its session has.
    pub(super) fn is_current(&self) -> bool {
        self.lane.turn.load(Ordering::Relaxed) == self.turn
    }

    /// Tells the node how much of its lane has been routed, if that is news.
    pub(super) fn tell_count(&self, inbound: &mut Inbound) {
        if let (Keep::UntilReceived, Some(count)) = (self.lane.keep, inbound.take_count()) {
            let header = Header { flags: Flags::RECEIVED, call: count, ..Header::new(Kind::Credit) };
            self.outbound.with(|out| put_frame(out, header, &[], &[]));
            self.outbound.flush();
        }
    }
}

/// Whether a frame says what the node has received of what it was sent.
pub(super) fn is_of_receipt(frame: &Frame<'_>) -> bool {
    frame.header.kind == Kind::Credit && frame.header.flags.has(Flags::RECEIVED)
}

/// What only a node that is told it can know.
pub(super) fn draw_secret() -> Option<(u64, u64)> {
    let mut bytes = [0; 16];
    // Without chance there are no secrets, and then no link is resumed.
    SystemRandom::new().fill(&mut bytes).ok()?;
    let bits = u128::from_le_bytes(bytes);
    Some((bits as u64, (bits >> 64) as u64))
}

impl State {
    /// The session that the node of a new link would go on with, and the link that it had.
    pub(super) fn claimed(&self, key: SessionKey) -> Option<(Claimed, Link)> {
        let claimed = self.core.claimed(key)?;
        let link = self.links.get(claimed.session.slot as usize)?.clone()?;
        (link.key == claimed.session).then_some((claimed, link))
    }
}

impl Shared {
    /// Goes on with a session that was claimed on the link `fresh`, over its connection. The link that the session has
    /// from now on, and the reading half's count; `None` if it cannot go on, and `fresh` begins a new one.
    pub(super) fn go_on(
        &self,
        fresh: &Link,
        connection: &Arc<dyn Connection>,
        (claimed, old): (Claimed, Link),
        touched: &mut Vec<Link>,
    ) -> Option<(Link, u64)> {
        let mut resumed = None;
        let attached = old.outbound.attach(Arc::clone(connection), claimed.received, || {
            let mut state = self.lock();
            let received = old.lane.received.load(Ordering::Relaxed);
            let greeting = state.core.resume(fresh.key, received)?;
            // The reader of the connection before this one finds that it is not meant any more.
            let turn = old.lane.replace();
            old.lane.is_served.store(true, Ordering::Relaxed);
            state.links[fresh.key.slot as usize] = None;
            let link = Link { turn, ..old.clone() };
            state.links[old.key.slot as usize] = Some(link.clone());
            resumed = Some((link, received));
            Some(greeting)
        });
        let mut state = self.lock();
        if let Err(error) = attached {
            tracing::debug!(%error, peer = %connection.peer().address, "a node begins a new session");
            state.core.refuse_resume(Instant::now().into_std(), fresh.key);
            resumed = None;
        }
        settle(self, state, touched);
        resumed
    }

    /// A link has ended: its session is kept for a while if it may go on, or ends.
    pub(super) fn part(&self, link: &Link, violation: Option<&Violation>) {
        let may_resume = violation.is_none() && link.lane.keep == Keep::UntilReceived;
        if may_resume {
            // Before the core is told, so that a connection that follows at once is not taken for this one.
            link.outbound.detach(link.turn);
        }
        let mut touched = Vec::new();
        let mut state = self.lock();
        if !link.is_current() {
            return;
        }
        let now = Instant::now().into_std();
        let is_kept = may_resume && state.core.detach(now, link.key);
        if is_kept {
            link.lane.is_served.store(false, Ordering::Relaxed);
        } else {
            state.core.close(now, link.key, violation);
            state.links[link.key.slot as usize] = None;
        }
        settle(self, state, &mut touched);
        if !is_kept {
            link.outbound.abort();
        }
    }

    /// The core has ended the session of a link, which was closed: one that nobody serves is gone at once.
    pub(super) fn forget_unserved(&self, link: &Link) {
        if link.lane.keep == Keep::Nothing {
            return;
        }
        let mut state = self.lock();
        let slot = link.key.slot as usize;
        let is_there = state.links[slot].as_ref().is_some_and(|there| there.key == link.key);
        if is_there && !link.lane.is_served.load(Ordering::Relaxed) {
            state.core.close(Instant::now().into_std(), link.key, None);
            state.links[slot] = None;
        }
    }
}
