//! A node's link as its callbacks see it: where replies go, and how many one-way calls were finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::Shared;
use crate::session::{CannotResume, Inbound, Outbound};
use crate::transport::Connection;
use crate::wire::{Flags, Goodbye, Header, Kind, Resume, Welcome, put_frame};

/// The sending half of one link, and the count that gives the controller credit.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) outbound: Outbound,
    /// Calls finished that want no reply.
    finished: AtomicU64,
    /// What the controller was told of that.
    told: AtomicU64,
    /// By what it goes on when its connection breaks; `None` if it ends then.
    pub(crate) pass: Option<Pass>,
    /// Which connection it has.
    turn: AtomicU32,
    /// Bytes of the lane that were taken over all connections before this one.
    received: AtomicU64,
}

/// What the controller said for when the connection breaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    session: u32,
    secret: Secret,
    /// How long the session is kept.
    pub(crate) grace: Duration,
}

/// Not to be shown.
#[derive(Clone, Copy)]
struct Secret((u64, u64));

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Pass {
    /// What a controller said that keeps sessions.
    pub(crate) fn of(welcome: &Welcome) -> Option<Self> {
        let secret = Secret(welcome.resume?);
        let grace = Duration::from_millis(u64::from(welcome.grace_ms));
        Some(Self { session: welcome.session, secret, grace })
    }
}

impl Link {
    pub(crate) fn new(number: u64, outbound: Outbound, pass: Option<Pass>) -> Self {
        let (finished, told, received) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { number, outbound, finished, told, pass, turn: AtomicU32::new(0), received }
    }

    /// Its connection broke.
    pub(crate) fn detach(&self) {
        self.outbound.detach(self.turn.load(Ordering::Relaxed));
    }

    /// Goes on over another connection; the controller has so many bytes of the lane.
    pub(crate) fn attach(&self, connection: Arc<dyn Connection>, received: u64) -> Result<(), CannotResume> {
        self.outbound.attach(connection, received, || Some(Vec::new()))?;
        self.turn.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What to say to go on.
    pub(crate) fn resume(&self, pass: Pass) -> Resume {
        Resume { session: pass.session, secret: pass.secret.0, received: self.received() }
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn set_received(&self, received: u64) {
        self.received.store(received, Ordering::Relaxed);
    }

    /// Tells the controller how much of its lane has been taken, if that is news.
    pub(crate) fn tell_count(&self, inbound: &mut Inbound) {
        if let (Some(_), Some(count)) = (self.pass, inbound.take_count()) {
            let header = Header { flags: Flags::RECEIVED, call: count, ..Header::new(Kind::Credit) };
            self.outbound.with(|out| put_frame(out, header, &[], &[]));
            self.outbound.flush_soon();
        }
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

    /// Says goodbye, and waits until the controller, which has heard it, closes the link, so that `reading` ends: then the
    /// node's name is free.
    pub(crate) async fn take_leave<T>(&self, shared: &Shared, reading: impl Future<Output = T>) {
        // One that is away has been read to its end, and nobody is there to hear it.
        if !shared.is_linked() {
            return;
        }
        self.outbound.with(|out| put_goodbye(out, STOPPED));
        self.outbound.flush();
        reading.await;
    }

    /// The writer task of this link.
    pub(crate) async fn write(&self) {
        self.outbound.run_with(|out| self.put_credit(out)).await;
    }
}

/// Why a node says goodbye that was told to stop.
pub(crate) const STOPPED: &str = "the node was stopped";

/// Appends that the node ends its session.
pub(super) fn put_goodbye(out: &mut Vec<u8>, reason: &str) {
    let goodbye = Goodbye { reason: reason.to_owned() }.encode();
    put_frame(out, Header::new(Kind::Goodbye), &[], &goodbye);
}
