//! What the controller knows of one connected node.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::directory::{EntryKey, Interned};
use super::flows::FlowCounts;
use super::resume::Return;
use crate::config;
use crate::error::Stage;
use crate::hosted::SessionId;
use crate::identity::Identity;
use crate::name::NodeName;
use crate::session::Queued;
use crate::transport::Peer;
use crate::wire::{Header, put_frame};

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Connected; has not said who it is.
    Open,
    /// Welcomed; has not offered all its callbacks yet.
    Greeted,
    /// Visible to all.
    Ready,
    /// Said goodbye to, or refused: what is queued for it is still written, then the link is closed.
    Closing,
}

/// Bytes that the driver has taken and not yet written: with the session's own queue they are its backlog.
#[derive(Debug, Clone, Default)]
pub struct Backlog(Arc<[AtomicUsize; 2]>);

impl Backlog {
    /// Sets what is left to be written.
    pub fn set(&self, queued: Queued) {
        self.0[0].store(queued.frames, Ordering::Relaxed);
        self.0[1].store(queued.chunks, Ordering::Relaxed);
    }

    fn bytes(&self) -> usize {
        self.0[0].load(Ordering::Relaxed)
    }

    fn bulk_bytes(&self) -> usize {
        self.0[1].load(Ordering::Relaxed)
    }
}

/// No call.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) generation: u32,
    pub(super) phase: Phase,
    pub(super) peer: Peer,
    pub(super) identity: Arc<Identity>,
    /// What it was denied so far.
    pub(super) denied: u64,
    pub(super) opened: Instant,
    pub(super) backlog: Backlog,
    /// `None` until it has said who it is.
    pub(super) name: Option<NodeName>,
    /// The version of the protocol that both sides speak.
    pub(super) version: u16,
    pub(super) software: String,
    pub(super) hidden: bool,
    pub(super) subscribed: bool,
    /// Frames for it, until the driver takes them.
    pub(super) out: Vec<u8>,
    /// Chunks of bodies for it, which the rest may pass.
    pub(super) bulk: Vec<u8>,
    pub(super) flows: FlowCounts,
    pub(super) is_touched: bool,
    /// Frames of unknown kinds that it has sent since the last round of pings.
    pub(super) unknown_frames: u32,
    pub(super) caller: CallerSide,
    pub(super) callee: CalleeSide,
    pub(super) liveness: Liveness,
    /// How it comes back when its link breaks.
    pub(super) back: Return,
    /// It ends of its own accord, and asks for nothing again.
    pub(super) said_goodbye: bool,
    /// Its number in the store, once it has one.
    pub(super) hosted: Option<SessionId>,
}

/// The session as a caller.
#[derive(Debug, Default)]
pub(super) struct CallerSide {
    /// The call in each of the caller's slots, or [`NONE`].
    pub(super) calls: Vec<u32>,
    pub(super) names: Interned,
    /// The last one-way call that was taken, and whether that has yet to be said.
    pub(super) one_way_taken: u64,
    pub(super) owes_ack: bool,
}

/// The session as a callee.
#[derive(Debug, Default)]
pub(super) struct CalleeSide {
    /// Its offers, with the number that calls of each carry.
    pub(super) offers: HashMap<u32, (EntryKey, u32)>,
    /// Bytes of their signatures.
    pub(super) signature_bytes: usize,
    /// The calls it has not answered.
    pub(super) serving: Vec<u32>,
    pub(super) concurrency: u32,
    pub(super) one_way_sent: u64,
    pub(super) one_way_done: u64,
    /// One bit for each peer number that it knows the name of.
    known_peers: Vec<u64>,
}

/// Whether the session answers.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    pub(super) pings: u64,
    /// When the ping was sent that has not been answered.
    pub(super) unanswered: Option<Instant>,
    pub(super) rtt: Option<Duration>,
    pub(super) is_suspect: bool,
}

impl Session {
    pub(super) fn new(
        now: Instant,
        generation: u32,
        peer: Peer,
        identity: Arc<Identity>,
        backlog: Backlog,
    ) -> Self {
        Self {
            generation,
            phase: Phase::Open,
            peer,
            identity,
            denied: 0,
            opened: now,
            backlog,
            name: None,
            version: 0,
            software: String::new(),
            hidden: false,
            subscribed: false,
            out: Vec::new(),
            bulk: Vec::new(),
            flows: FlowCounts::default(),
            is_touched: false,
            unknown_frames: 0,
            caller: CallerSide::default(),
            callee: CalleeSide::default(),
            liveness: Liveness::default(),
            back: Return::default(),
            said_goodbye: false,
            hosted: None,
        }
    }

    /// Its name; before it has said one, its address stands for it.
    pub(super) fn name(&self) -> NodeName {
        self.name.clone().unwrap_or_else(|| NodeName::new("unknown").expect("a good name"))
    }

    /// Calls that it has been sent and not finished, of both kinds.
    pub(super) fn outstanding(&self) -> usize {
        self.callee.serving.len() + self.one_way_outstanding()
    }

    pub(super) fn one_way_outstanding(&self) -> usize {
        usize::try_from(self.callee.one_way_sent.saturating_sub(self.callee.one_way_done))
            .unwrap_or(usize::MAX)
    }

    /// Where its calls are: when it has more than it runs at a time, nobody here knows which of them wait.
    pub(super) fn stage(&self) -> Stage {
        if self.outstanding() > self.callee.concurrency as usize { Stage::Queued } else { Stage::Running }
    }

    /// Bytes that wait for it to read, without those of large bodies.
    pub(super) fn backlog_bytes(&self) -> usize {
        self.out.len() + self.backlog.bytes()
    }

    /// Bytes of large bodies that wait for it to read.
    pub(super) fn bulk_bytes(&self) -> usize {
        self.bulk.len() + self.backlog.bulk_bytes()
    }

    /// Whether it may be sent another call; if not, which bound it has reached.
    pub(super) fn room(&self) -> Result<(), &'static str> {
        let bound = self.callee.concurrency as usize + config::CALLS_QUEUED_MAX;
        if self.callee.serving.len() >= bound {
            return Err("calls running and queued");
        }
        if self.one_way_outstanding() >= config::ONE_WAY_QUEUED_MAX {
            return Err("one-way calls queued");
        }
        if self.backlog_bytes() >= config::OUTPUT_BYTES_MAX {
            return Err("bytes it has not read");
        }
        Ok(())
    }

    pub(super) fn put(&mut self, header: Header, extension: &[u8], body: &[u8]) {
        put_frame(&mut self.out, header, extension, body);
    }
}

impl CallerSide {
    /// The call of this slot.
    pub(super) fn call(&self, slot: u32) -> Option<u32> {
        self.calls.get(slot as usize).copied().filter(|call| *call != NONE)
    }

    pub(super) fn set(&mut self, slot: u32, call: u32) {
        let at = slot as usize;
        if at >= self.calls.len() {
            self.calls.resize(at + 1, NONE);
        }
        self.calls[at] = call;
    }

    /// All calls it waits for.
    pub(super) fn all(&self) -> Vec<u32> {
        self.calls.iter().copied().filter(|call| *call != NONE).collect()
    }
}

impl CalleeSide {
    /// Notes that it knows the name of `peer`; says whether that is news.
    pub(super) fn learn(&mut self, peer: u32) -> bool {
        let (word, bit) = ((peer / 64) as usize, 1 << (peer % 64));
        if word >= self.known_peers.len() {
            self.known_peers.resize(word + 1, 0);
        }
        let is_news = self.known_peers[word] & bit == 0;
        self.known_peers[word] |= bit;
        is_news
    }

    /// The number will mean another node.
    pub(super) fn forget(&mut self, peer: u32) {
        if let Some(word) = self.known_peers.get_mut((peer / 64) as usize) {
            *word &= !(1 << (peer % 64));
        }
    }
}
