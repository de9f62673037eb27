//! The controller without its sockets and clocks: a deterministic state machine.
//!
//! Input: links that open and close, frames, and the time. Output: bytes for sessions, and when to call again.
//! It awaits nothing, reads no clock, and draws no randomness but from the seed it was given, so any run can be
//! repeated from its inputs.
//!
//! The grammar of its methods: `open`, `handle`, `close` and `tick` are input; `touched`, `take_output` and
//! `next_deadline` are output, to be asked after each batch of input. What takes a disk is `asked`, and answered
//! with `answer_asked`.

mod again;
mod answer;
mod asked;
mod broadcast;
mod builtin;
mod calls;
mod directory;
mod dispatch;
mod finish;
mod flows;
mod hosted;
pub mod jobs;
mod lifecycle;
mod limits;
mod one_way;
mod register;
mod rendezvous;
mod resume;
mod rights;
pub mod schedules;
mod session;
mod stats;
#[cfg(test)]
mod tests;
mod timed;
mod views;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

pub use self::asked::{Asked, Question};
use self::calls::{Calls, WaitFor};
use self::directory::Directory;
pub use self::hosted::Foreign;
use self::hosted::Hosting;
use self::jobs::Numbers;
pub use self::resume::Claimed;
pub use self::session::Backlog;
use self::session::{Phase, Session};
use self::stats::Counters;
use crate::config;
use crate::hosted::ObjectKind;
use crate::identity::Identity;
use crate::name::NodeName;
use crate::session::Deadlines;
use crate::transport::Peer;
use crate::wire::{Event, Frame, Header, Kind, Presence, WireError};

/// A link of the controller: its slot, and which of the slot's users in turn is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The slot.
    pub slot: u32,
    generation: u32,
}

/// Why the controller ends a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The bytes are not what the protocol says.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A frame that has no place here: a call before `Hello`, a slot that is taken.
    #[error("{0}")]
    OutOfPlace(&'static str),
    /// More frames of kinds that mean nothing here than versions that mix would send.
    #[error("more than {} frames of unknown kinds", config::UNKNOWN_FRAMES_MAX)]
    UnknownFrames,
}

/// What to do with a link after its output was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Open,
    /// Close it once everything is written.
    Close,
}

/// The state of a controller: sessions, directory, calls in flight, schedules and kept results.
#[derive(Debug)]
pub struct Core {
    /// A number that no other start of a controller has.
    id: u64,
    random: fastrand::Rng,
    /// The time of the wall clock when the monotonic one stood at `wall.0`, in milliseconds since the epoch.
    wall: (Instant, u64),
    sessions: Slab<Session>,
    by_name: BTreeMap<NodeName, u32>,
    directory: Directory,
    calls: Calls,
    deadlines: Deadlines,
    waiters: HashMap<WaitFor, Vec<u32>>,
    /// The numbers of background calls.
    job_numbers: Numbers,
    /// Background calls in flight.
    running_jobs: HashMap<crate::wire::JobId, u32>,
    /// When schedules want to be looked at: asked for after each batch, and so kept here.
    schedules_due: Option<u64>,
    hosting: Hosting,
    /// Questions for the driver, and how many it has yet to answer.
    asked: Vec<Asked>,
    unanswered: usize,
    delayed: usize,
    delayed_bytes: usize,
    next_ping: Instant,
    /// How long a session whose link broke is kept.
    grace: Duration,
    /// Sessions without a link, and when they end; the next one first.
    away: VecDeque<(Instant, SessionKey)>,
    touched: Vec<SessionKey>,
    /// The links opened last, the oldest first: some of them have yet to say who they are.
    strangers: VecDeque<SessionKey>,
    /// Names that were missed since the last round of pings.
    misses: Cell<u32>,
    /// Sessions that do not read what is sent to them, to be ended.
    overflowed: Vec<SessionKey>,
    expired: Vec<u32>,
    counters: Counters,
    generation: u32,
    is_draining: bool,
}

impl Core {
    /// A controller at the time `now`, when the wall clock showed `unix_ms`. Two with one seed and the same
    /// input do the same.
    pub fn new(now: Instant, unix_ms: u64, seed: u64) -> Self {
        Self::hosting(now, unix_ms, seed, Arc::from([]))
    }

    /// As [`new`](Self::new); it hosts objects of these kinds.
    pub fn hosting(now: Instant, unix_ms: u64, seed: u64, kinds: Arc<[ObjectKind]>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        Self {
            id: random.u64(..),
            job_numbers: Numbers::new(random.u64(..)),
            random,
            wall: (now, unix_ms),
            sessions: Slab::new(),
            by_name: BTreeMap::new(),
            directory: Directory::new(&kinds),
            calls: Calls::default(),
            deadlines: Deadlines::new(now),
            waiters: HashMap::new(),
            running_jobs: HashMap::new(),
            schedules_due: None,
            hosting: Hosting::new(now, unix_ms, kinds),
            asked: Vec::new(),
            unanswered: 0,
            delayed: 0,
            delayed_bytes: 0,
            next_ping: now + config::PING_INTERVAL,
            grace: config::GRACE,
            away: VecDeque::new(),
            touched: Vec::new(),
            strangers: VecDeque::new(),
            misses: Cell::new(0),
            overflowed: Vec::new(),
            expired: Vec::new(),
            counters: Counters::default(),
            generation: 0,
            is_draining: false,
        }
    }

    /// A link was made; `identity` is whom its transport proved to be at the other end.
    pub fn open(
        &mut self,
        now: Instant,
        peer: Peer,
        identity: Arc<Identity>,
        backlog: Backlog,
    ) -> SessionKey {
        self.counters.sessions_opened += 1;
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let slot = self.sessions.insert(Session::new(now, generation, peer, identity, backlog));
        let key = SessionKey { slot: slot as u32, generation };
        self.note_stranger(now, key);
        key
    }

    /// A frame arrived.
    ///
    /// # Errors
    /// [`Violation`] if the peer must not be listened to any longer: [`close`](Self::close) the link.
    pub fn handle(&mut self, now: Instant, session: SessionKey, frame: Frame<'_>) -> Result<(), Violation> {
        let slot = session.slot;
        let Some(phase) = self.phase(session) else { return Ok(()) };
        self.counters.frames_received += 1;
        match (phase, frame.header.kind) {
            // Whatever a peer sends after goodbye was under way when it was said.
            (Phase::Closing, _) => Ok(()),
            (Phase::Open, Kind::Hello) => self.hello(now, slot, frame),
            (Phase::Open, _) => Err(Violation::OutOfPlace("the first frame must be Hello")),
            (_, Kind::Call) => self.call(now, slot, frame),
            (_, Kind::Reply) => self.reply(now, slot, frame),
            (_, Kind::Chunk) => self.chunk(now, slot, frame),
            (_, Kind::Cancel) => {
                self.cancel(now, slot, frame.header.call);
                Ok(())
            }
            (_, Kind::Register) => self.register(now, slot, frame),
            (_, Kind::Unregister) => self.unregister(slot, frame),
            (_, Kind::Credit) => self.credit(slot, frame.header),
            (_, Kind::Ping) => {
                self.put(slot, Header { kind: Kind::Pong, ..frame.header }, &[]);
                Ok(())
            }
            (_, Kind::Pong) => {
                self.pong(now, slot, frame.header.call);
                Ok(())
            }
            (_, Kind::Goodbye) => {
                self.sessions[slot as usize].said_goodbye = true;
                self.end(now, slot, "it said goodbye");
                Ok(())
            }
            (_, Kind::Hello) => Err(Violation::OutOfPlace("a second Hello")),
            (_, Kind::Welcome | Kind::Refuse | Kind::Event | Kind::Unknown(_)) => self.skip_unknown(slot),
        }
    }

    /// All frames of one read were handled: what was put off until then is done.
    pub fn end_batch(&mut self, now: Instant, session: SessionKey) {
        if self.phase(session).is_some() {
            self.acknowledge_one_way(session.slot);
        }
        self.wake_changed(now);
        self.wake_listeners(now);
        self.end_overflowed(now);
    }

    fn end_overflowed(&mut self, now: Instant) {
        for key in std::mem::take(&mut self.overflowed) {
            if self.phase(key).is_some_and(|phase| phase != Phase::Closing) {
                self.counters.sessions_not_reading += 1;
                self.end(now, key.slot, "it does not read");
                let session = &mut self.sessions[key.slot as usize];
                (session.out, session.bulk) = (Vec::new(), Vec::new());
            }
        }
    }

    /// The link is gone, or must go: `violation` says that it is the peer's fault.
    pub fn close(&mut self, now: Instant, session: SessionKey, violation: Option<&Violation>) {
        let Some(phase) = self.phase(session) else { return };
        if let Some(violation) = violation {
            self.count_violation(violation);
        }
        if phase != Phase::Closing {
            self.end(now, session.slot, "its connection closed");
        }
        self.sessions.remove(session.slot as usize);
        self.counters.sessions_ended += 1;
    }

    /// Whether the session has said who it is.
    pub fn is_greeted(&self, key: SessionKey) -> bool {
        matches!(self.phase(key), Some(Phase::Greeted | Phase::Ready))
    }

    fn phase(&self, key: SessionKey) -> Option<Phase> {
        let session = self.sessions.get(key.slot as usize)?;
        (session.generation == key.generation).then_some(session.phase)
    }

    /// The sessions that have output to be taken, each once.
    pub fn touched(&mut self) -> Vec<SessionKey> {
        std::mem::take(&mut self.touched)
    }

    /// Moves the session's output to the end of `out`.
    pub fn take_output(&mut self, key: SessionKey, out: &mut Vec<u8>) -> Next {
        let Some(phase) = self.phase(key) else { return Next::Close };
        let session = &mut self.sessions[key.slot as usize];
        session.is_touched = false;
        if out.is_empty() {
            std::mem::swap(out, &mut session.out);
        } else {
            out.append(&mut session.out);
        }
        if phase == Phase::Closing { Next::Close } else { Next::Open }
    }

    /// Moves the chunks of bodies for the session, whole frames, to the end of `bulk`. They come after its other
    /// output, since that says what they are chunks of. One that has failed is not for the session: from then on
    /// nobody wants the chunks of its flow that have not been written.
    pub fn take_bulk(&mut self, key: SessionKey, bulk: &mut Vec<u8>) {
        if self.phase(key).is_none() {
            return;
        }
        let chunks = &mut self.sessions[key.slot as usize].bulk;
        if bulk.is_empty() {
            std::mem::swap(bulk, chunks);
        } else {
            bulk.append(chunks);
        }
    }

    /// Appends a frame to a session's output.
    fn put(&mut self, slot: u32, header: Header, body: &[u8]) {
        self.sessions[slot as usize].put(header, &[], body);
        self.touch(slot);
        self.check_backlog(slot);
    }

    fn touch(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        if !session.is_touched {
            session.is_touched = true;
            self.touched.push(SessionKey { slot, generation: session.generation });
        }
    }

    fn send_event(&mut self, slot: u32, event: &Event) {
        self.put(slot, Header::new(Kind::Event), &event.encode());
    }

    /// Tells everybody who asked.
    fn announce(&mut self, presence: &Presence) {
        let listens = |session: &Session| session.subscribed && session.phase == Phase::Ready;
        let listeners: Vec<u32> = self
            .sessions
            .iter()
            .filter(|(_, session)| listens(session))
            .map(|(slot, _)| slot as u32)
            .collect();
        let event = Event::Presence(presence.clone());
        for slot in listeners {
            self.send_event(slot, &event);
        }
    }

    /// The wall clock now, in milliseconds since the UNIX epoch, as far as this state machine knows.
    fn unix_ms(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.wall.0);
        self.wall.1.saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// The moment at which the wall clock will show `unix_ms`.
    fn instant_of(&self, unix_ms: u64) -> Instant {
        self.wall.0 + Duration::from_millis(unix_ms.saturating_sub(self.wall.1))
    }
}
