//! Nodes that exist only as frames: they check all that the core sends them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{Backlog, Core, Next, SessionKey, Violation};
use crate::config;
use crate::error::CallError;
use crate::hosted::ObjectKind;
use crate::identity::Identity;
use crate::name::{CallbackName, NodeName};
use crate::transport::Peer;
use crate::wire::{
    CallId, Direction, Effect, Event, Extension, Failure, Flags, Frame, Header, Hello, JobId, Kind, Offered,
    Parts, Presence, Register, Resume, Signature, Versions, Welcome, decode, encode, split,
};

pub(super) const CONCURRENCY: u32 = 4;
const UNIX_MS: u64 = 1_700_000_000_000;

/// What became of a broadcast at one node.
pub(super) type NodeOutcome = (String, Result<Vec<u8>, CallError>);

/// What a caller was told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// A result, and the node that gave it.
    Value(Vec<u8>, String),
    /// A result that came in chunks.
    Chunks(Received),
    Error(CallError),
    Parts(Vec<NodeOutcome>),
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    key: Option<SessionKey>,
    /// What its link has taken and not written.
    pub(super) backlog: Backlog,
    pub(super) names: HashMap<String, u32>,
    peers: HashMap<u32, String>,
    /// The generation of each slot, and whether a call is in it.
    slots: Vec<(u32, bool)>,
    parts: HashMap<CallId, Vec<NodeOutcome>>,
    /// What it was sent in chunks, by the number of the call and its direction.
    pub(super) flows: BTreeMap<(u64, Direction), Received>,
    /// What it sends in chunks and has not ended.
    pub(super) sending: BTreeMap<(u64, Direction), Sending>,
    /// What it sent in chunks.
    pub(super) sent: Vec<(u64, Direction)>,
    /// Chunks of calls that had ended.
    pub(super) late_chunks: usize,
    /// The flags of each call it was sent.
    pub(super) calls: Vec<Flags>,
    pub(super) running: Vec<u64>,
    /// Who made the last call it was sent.
    pub(super) last_caller: String,
    pub(super) cancelled: usize,
    pub(super) jobs: Vec<JobId>,
    replies: Vec<(CallId, Reply)>,
    pub(super) one_way_sent: u64,
    pub(super) one_way_acked: u64,
    pub(super) one_way_refused: u64,
    pub(super) one_way_received: u64,
    pub(super) one_way_done: u64,
    pub(super) refused: Option<String>,
    pub(super) is_ready: bool,
    pub(super) was_dismissed: bool,
    pub(super) presence: Vec<Presence>,
    /// The secret by which it may come back, and the number of its session.
    pass: Option<(u32, (u64, u64))>,
    incarnation: u128,
    /// Without a link, and what is held for when it has one: what it said, and what is said to it.
    pub(super) is_away: bool,
    unsaid: Vec<(Header, Vec<u8>)>,
    unheard: Vec<u8>,
    /// Does not answer pings.
    pub(super) is_stopped: bool,
    pub(super) has_left: bool,
    /// What is sent to it stays with the controller.
    pub(super) does_not_read: bool,
}

impl Node {
    /// Calls whose outcome is still to come.
    pub(super) fn waiting(&self) -> Vec<CallId> {
        let slots = self.slots.iter().enumerate().filter(|(_, (_, is_used))| *is_used);
        slots.map(|(slot, (generation, _))| CallId { slot: slot as u32, generation: *generation }).collect()
    }

    /// From now on it says that it is another process of the same name.
    pub(super) fn pretend_another_start(&mut self) {
        self.incarnation += 1_000_000;
    }

    pub(super) fn take_slot(&mut self) -> CallId {
        let free = self.slots.iter().position(|(_, is_used)| !is_used);
        let slot = free.unwrap_or_else(|| {
            self.slots.push((0, false));
            self.slots.len() - 1
        });
        self.slots[slot].1 = true;
        CallId { slot: slot as u32, generation: self.slots[slot].0 }
    }

    /// Ends a call: it must be one that waits.
    fn end(&mut self, call: CallId) {
        let (generation, is_used) = &mut self.slots[call.slot as usize];
        assert!(
            *is_used && *generation == call.generation,
            "{}: an outcome that nobody waits for",
            self.name
        );
        *is_used = false;
        *generation += 1;
        self.sending.remove(&(call.to_bits(), Direction::Request));
    }
}

/// A large body or a stream as far as it has come.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) ungranted: usize,
    pub(super) has_ended: bool,
    pub(super) failure: Option<CallError>,
}

/// A large body or a stream as far as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    pub(super) window: usize,
    pub(super) granted: usize,
    pub(super) bytes: usize,
}

impl Sending {
    pub(super) const NEW: Self = Self { window: config::FLOW_WINDOW_BYTES, granted: 0, bytes: 0 };
}

#[derive(Debug)]
pub(super) struct Mesh {
    pub(super) core: Core,
    pub(super) now: Instant,
    start: Instant,
    /// Of the links made from now on.
    pub(super) identity: Arc<Identity>,
    pub(super) nodes: Vec<Node>,
}

impl Mesh {
    pub(super) fn new(seed: u64) -> Self {
        Self::hosting(seed, Arc::from([]))
    }

    /// One whose controller hosts objects of these kinds.
    pub(super) fn hosting(seed: u64, kinds: Arc<[ObjectKind]>) -> Self {
        let now = Instant::now();
        Self {
            core: Core::hosting(now, UNIX_MS, seed, kinds),
            now,
            start: now,
            identity: Arc::new(Identity::memory()),
            nodes: Vec::new(),
        }
    }

    pub(super) fn node(&mut self, at: usize) -> &mut Node {
        &mut self.nodes[at]
    }

    /// A link over which nothing is said.
    pub(super) fn connect(&mut self) -> usize {
        let peer = Peer { uid: None, pid: None, address: "test".into(), certificates: Vec::new() };
        let backlog = Backlog::default();
        let key = self.core.open(self.now, peer, self.identity.clone(), backlog.clone());
        let at = self.nodes.len();
        self.core.allow_resume(key, secret(at));
        self.nodes.push(Node { key: Some(key), backlog, incarnation: at as u128, ..Node::default() });
        at
    }

    /// The node's link breaks. Whether its session is kept.
    pub(super) fn part(&mut self, at: usize) -> bool {
        let key = self.nodes[at].key.expect("it is there");
        self.nodes[at].is_away = self.core.detach(self.now, key);
        self.deliver();
        self.nodes[at].is_away
    }

    /// The node comes back over another link, whether or not the first has broken, and says this secret. Whether it
    /// goes on; else it has begun anew.
    pub(super) fn come_back(&mut self, at: usize, secret: (u64, u64)) -> bool {
        let fresh = self.connect();
        let key = self.nodes[fresh].key.expect("just made");
        let session = self.nodes[at].pass.expect("it was welcome").0;
        let hello = self.greeting(at, Some(Resume { session, secret, received: 0 }));
        let frame = Frame { header: Header::new(Kind::Hello), extension: &[], body: &hello.encode() };
        self.core.handle(self.now, key, frame).expect("a good Hello");
        let Some(claimed) = self.core.claimed(key) else {
            self.nodes[fresh].name = self.nodes[at].name.clone();
            self.deliver();
            return false;
        };
        assert_eq!(Some(claimed.session), self.nodes[at].key);
        let greeting = self.core.resume(key, 0).expect("it is there");
        self.nodes.pop();
        self.receive(at, &greeting);
        self.nodes[at].is_away = false;
        let unheard = std::mem::take(&mut self.nodes[at].unheard);
        self.receive(at, &unheard);
        for (header, body) in std::mem::take(&mut self.nodes[at].unsaid) {
            self.send(at, header, &[], &body).expect("what was good before");
        }
        self.deliver();
        true
    }

    /// The node comes back but says too late or too little to go on.
    pub(super) fn come_back_in_vain(&mut self, at: usize) -> usize {
        let fresh = self.connect();
        let key = self.nodes[fresh].key.expect("just made");
        let (session, secret) = self.nodes[at].pass.expect("it was welcome");
        let hello = self.greeting(at, Some(Resume { session, secret, received: 0 }));
        self.nodes[fresh].name = self.nodes[at].name.clone();
        let frame = Frame { header: Header::new(Kind::Hello), extension: &[], body: &hello.encode() };
        self.core.handle(self.now, key, frame).expect("a good Hello");
        self.core.refuse_resume(self.now, key);
        self.deliver();
        fresh
    }

    /// A second claim before the first was granted.
    pub(super) fn claim_twice(&mut self, at: usize) -> [bool; 2] {
        let (session, secret) = self.nodes[at].pass.expect("it was welcome");
        let hello = self.greeting(at, Some(Resume { session, secret, received: 0 })).encode();
        let keys = [self.connect(), self.connect()].map(|fresh| self.nodes[fresh].key.expect("just made"));
        for key in keys {
            let frame = Frame { header: Header::new(Kind::Hello), extension: &[], body: &hello };
            self.core.handle(self.now, key, frame).expect("a good Hello");
        }
        let granted = keys.map(|key| self.core.resume(key, 0).is_some());
        self.nodes.truncate(self.nodes.len() - 2);
        granted
    }

    fn greeting(&self, at: usize, resume: Option<Resume>) -> Hello {
        Hello {
            versions: Versions::OURS,
            node: NodeName::new(&self.nodes[at].name).expect("a good name"),
            incarnation: self.nodes[at].incarnation,
            concurrency: CONCURRENCY,
            take_over: false,
            hidden: false,
            software: "test".into(),
            resume,
        }
    }

    /// The secret of a node, as it was told.
    pub(super) fn secret_of(&self, at: usize) -> (u64, u64) {
        self.nodes[at].pass.expect("it was welcome").1
    }

    pub(super) fn join(&mut self, name: &str, callbacks: &[&str]) -> usize {
        let node = self.try_join(name, callbacks, false);
        assert!(self.nodes[node].is_ready, "{name} is in");
        node
    }

    pub(super) fn try_join(&mut self, name: &str, callbacks: &[&str], take_over: bool) -> usize {
        let at = self.connect();
        self.say_hello(at, name, take_over);
        if self.nodes[at].refused.is_none() {
            self.register(at, callbacks, true);
        }
        at
    }

    /// Says hello on a link over which nothing was said.
    pub(super) fn hello(&mut self, at: usize, name: &str) {
        self.say_hello(at, name, false);
    }

    fn say_hello(&mut self, at: usize, name: &str, take_over: bool) {
        self.nodes[at].name = name.to_owned();
        let hello = Hello { take_over, ..self.greeting(at, None) };
        self.send(at, Header::new(Kind::Hello), &[], &hello.encode()).expect("a good Hello");
    }

    pub(super) fn unix_ms(&self) -> u64 {
        UNIX_MS + self.now.duration_since(self.start).as_millis() as u64
    }

    pub(super) fn register(&mut self, at: usize, callbacks: &[&str], ready: bool) {
        self.offer(at, callbacks, ready).expect("it is taken");
        self.nodes[at].is_ready |= ready;
    }

    /// Offers callbacks beside those that it started with.
    pub(super) fn try_register(&mut self, at: usize, callbacks: &[&str]) -> Result<(), CallError> {
        self.offer(at, callbacks, false)
    }

    fn offer(&mut self, at: usize, callbacks: &[&str], ready: bool) -> Result<(), CallError> {
        let offered = |(id, name): (usize, &&str)| Offered { id: id as u32 + 1, signature: signature(name) };
        let callbacks = callbacks.iter().enumerate().map(offered).collect();
        let call = self.nodes[at].take_slot();
        let header = Header { call: call.to_bits(), ..Header::new(Kind::Register) };
        self.send(at, header, &[], &Register { callbacks, ready }.encode()).expect("a good Register");
        let replies = self.replies(at);
        match &replies[..] {
            [(_, Reply::Value(..))] => Ok(()),
            [(_, Reply::Error(error))] => Err(error.clone()),
            others => panic!("{others:?}"),
        }
    }

    pub(super) fn leave(&mut self, at: usize) {
        let key = self.nodes[at].key.take().expect("it is there");
        self.nodes[at].has_left = true;
        self.core.close(self.now, key, None);
        self.deliver();
    }

    pub(super) fn call(
        &mut self,
        at: usize,
        name: &str,
        flags: Flags,
        extension: &Extension,
        timeout: Option<Duration>,
    ) -> CallId {
        self.call_with(at, name, flags, extension, timeout, &())
    }

    pub(super) fn call_with<T: Serialize>(
        &mut self,
        at: usize,
        name: &str,
        flags: Flags,
        extension: &Extension,
        timeout: Option<Duration>,
        arguments: &T,
    ) -> CallId {
        let call = self.nodes[at].take_slot();
        let header =
            Header { flags, call: call.to_bits(), ..Header::new(Kind::Call) }.with_remaining(timeout);
        let body = encode(arguments).expect("it encodes");
        self.send_call(at, name, header, extension.clone(), &body).expect("a good call");
        call
    }

    pub(super) fn send_call(
        &mut self,
        at: usize,
        name: &str,
        mut header: Header,
        mut extension: Extension,
        body: &[u8],
    ) -> Result<(), Violation> {
        match self.nodes[at].names.get(name) {
            Some(id) => header.name = *id,
            None => {
                header.flags = header.flags.with(Flags::NAMED);
                extension.name = Some(name.to_owned());
            }
        }
        self.send(at, header, &extension.encode(), body)
    }

    pub(super) fn raw_call(&mut self, at: usize, slot: u32) -> Result<(), Violation> {
        let call = CallId { slot, generation: 0 }.to_bits();
        self.send_call(at, "f", Header { call, ..Header::new(Kind::Call) }, Extension::default(), &[0x90])
    }

    /// Calls one of the controller's own and takes the answer, which must come at once.
    pub(super) fn ask<T: Serialize, R: DeserializeOwned>(
        &mut self,
        at: usize,
        name: &str,
        arguments: &T,
    ) -> R {
        let call = self.call_with(at, name, Flags::NONE, &Extension::default(), None, arguments);
        let replies = self.replies(at);
        let [(answered, Reply::Value(body, _))] = &replies[..] else { panic!("{replies:?}") };
        assert_eq!(*answered, call);
        decode(body).expect("the right type")
    }

    pub(super) fn one_way(&mut self, at: usize, names: &[&str]) {
        for name in names {
            self.nodes[at].one_way_sent += 1;
            let call = self.nodes[at].one_way_sent;
            let header = Header { flags: Flags::ONE_WAY, call, ..Header::new(Kind::Call) };
            self.send_call(at, name, header, Extension::default(), &[0x90]).expect("a good call");
        }
        self.end_batch(at);
    }

    pub(super) fn end_batch(&mut self, at: usize) {
        let key = self.nodes[at].key.expect("it is there");
        self.core.end_batch(self.now, key);
        self.deliver();
    }

    /// A link cannot bring the rest of a flow to its end.
    pub(super) fn give_up_at(&mut self, at: usize, flow: u64) {
        let key = self.nodes[at].key.expect("it is there");
        self.core.give_up(self.now, key, flow);
        self.deliver();
    }

    pub(super) fn credit(&mut self, at: usize, done: u64) {
        self.nodes[at].one_way_done = done;
        self.send(at, Header { call: done, ..Header::new(Kind::Credit) }, &[], &[]).expect("a good credit");
    }

    pub(super) fn cancel(&mut self, at: usize, call: CallId) {
        self.nodes[at].end(call);
        self.nodes[at].flows.remove(&(call.to_bits(), Direction::Reply));
        self.send(at, Header { call: call.to_bits(), ..Header::new(Kind::Cancel) }, &[], &[])
            .expect("a cancel");
    }

    pub(super) fn answer(&mut self, at: usize, run: u64, body: &[u8]) {
        self.reply(at, run, Flags::NONE, body);
    }

    pub(super) fn fail(&mut self, at: usize, run: u64, error: &CallError) {
        self.reply(at, run, Flags::FAILED, &Failure::from(error).encode());
    }

    fn reply(&mut self, at: usize, run: u64, flags: Flags, body: &[u8]) {
        self.nodes[at].forget(run);
        self.send(at, Header { flags, call: run, ..Header::new(Kind::Reply) }, &[], body)
            .expect("a good reply");
    }

    /// A link breaks the rules and is ended for it.
    pub(super) fn end_violating(&mut self, at: usize, violation: &Violation) {
        let key = self.nodes[at].key.take().expect("it is there");
        self.nodes[at].has_left = true;
        self.core.close(self.now, key, Some(violation));
        self.deliver();
    }

    /// The callees drop what they run without a word.
    pub(super) fn forget_running(&mut self) {
        for node in &mut self.nodes {
            node.running.clear();
        }
    }

    pub(super) fn replies(&mut self, at: usize) -> Vec<(CallId, Reply)> {
        std::mem::take(&mut self.nodes[at].replies)
    }

    pub(super) fn stat(&self, name: &str) -> u64 {
        self.core.stats()[name]
    }

    /// Lets time pass, ticking whenever the core asked for it.
    pub(super) fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.core.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    fn tick(&mut self) {
        let passed = self.now.duration_since(self.start).as_millis();
        self.core.tick(self.now, UNIX_MS + passed as u64);
        self.deliver();
    }

    pub(super) fn send(
        &mut self,
        at: usize,
        header: Header,
        extension: &[u8],
        body: &[u8],
    ) -> Result<(), Violation> {
        let Some(key) = self.nodes[at].key else { return Ok(()) };
        if self.nodes[at].is_away {
            assert!(extension.is_empty(), "a call waits for the link");
            self.nodes[at].unsaid.push((header, body.to_vec()));
            return Ok(());
        }
        let handled = self.core.handle(self.now, key, Frame { header, extension, body });
        self.deliver();
        handled
    }

    /// Hands out everything that the core has put out, until it puts out nothing more.
    pub(super) fn deliver(&mut self) {
        loop {
            let touched = self.core.touched();
            if touched.is_empty() {
                return;
            }
            for key in touched {
                match self.nodes.iter().position(|node| node.key == Some(key)) {
                    Some(at) if self.nodes[at].does_not_read => {}
                    Some(at) => self.read(at),
                    None => drop(self.core.take_output(key, &mut Vec::new())),
                }
            }
        }
    }

    /// A node reads what there is for it.
    pub(super) fn read(&mut self, at: usize) {
        let Some(key) = self.nodes[at].key else { return };
        let (mut out, mut bulk) = (Vec::new(), Vec::new());
        let next = self.core.take_output(key, &mut out);
        self.core.take_bulk(key, &mut bulk);
        let mut rest = &bulk[..];
        while let Some(frame) = split(rest, config::FRAME_BYTES_MAX).expect("good frames") {
            // One that has failed only says that what was put before it may be dropped.
            if !frame.header.flags.has(Flags::FAILED) {
                out.extend_from_slice(&rest[..frame.bytes()]);
            }
            rest = &rest[frame.bytes()..];
        }
        if self.nodes[at].is_away {
            self.nodes[at].unheard.extend(&out);
        } else {
            self.receive(at, &out);
        }
        if next == Next::Close
            && let Some(key) = self.nodes[at].key.take()
        {
            self.nodes[at].has_left = true;
            self.core.close(self.now, key, None);
        }
    }

    fn receive(&mut self, at: usize, mut bytes: &[u8]) {
        while let Some(frame) = split(bytes, config::FRAME_BYTES_MAX).expect("good frames") {
            self.take(at, frame);
            bytes = &bytes[frame.bytes()..];
        }
        assert!(bytes.is_empty(), "whole frames");
    }

    fn take(&mut self, at: usize, frame: Frame<'_>) {
        let Header { kind, flags, peer, call, .. } = frame.header;
        let node = &mut self.nodes[at];
        match kind {
            Kind::Welcome => {
                let welcome = Welcome::decode(frame.body).expect("a welcome");
                node.pass = welcome.resume.map(|secret| (welcome.session, secret));
            }
            Kind::Pong => {}
            Kind::Refuse => {
                let failure = Failure::decode(frame.body).expect("a failure");
                node.refused = Some(CallError::from(failure).to_string());
            }
            Kind::Goodbye => node.was_dismissed = true,
            Kind::Ping if node.is_stopped => {}
            Kind::Ping => {
                self.send(at, Header { kind: Kind::Pong, ..frame.header }, &[], &[]).expect("a pong")
            }
            Kind::Cancel => {
                node.cancelled += 1;
                node.forget(call);
            }
            Kind::Call if flags.has(Flags::ONE_WAY) => node.one_way_received += 1,
            Kind::Call => {
                node.last_caller = node.peers.get(&peer).expect("a caller that was introduced").clone();
                node.running.push(call);
                node.calls.push(flags);
                if flags.has(Flags::MORE) || flags.has(Flags::FEEDS) {
                    let first = Received { bytes: frame.body.to_vec(), ..Received::default() };
                    node.flows.insert((call, Direction::Request), first);
                }
            }
            Kind::Chunk => node.take_chunk(frame),
            Kind::Credit => {
                assert!(flags.has(Flags::WINDOW));
                let bytes = frame.header.name as usize;
                if let Some(flow) = node.sending.get_mut(&(call, frame.header.direction())) {
                    (flow.window, flow.granted) = (flow.window + bytes, flow.granted + bytes);
                }
            }
            Kind::Event => match Event::decode(frame.body).expect("an event") {
                Event::Interned { id, name, .. } => drop(node.names.insert(name.to_string(), id)),
                Event::Peer { id, node: name } => drop(node.peers.insert(id, name.to_string())),
                Event::Presence(presence) => node.presence.push(presence),
            },
            Kind::Reply => node.take_reply(frame),
            other => panic!("{other:?} to a node"),
        }
    }

    /// No call, deadline, waiter or delayed call is left, and every call that was started has ended.
    pub(super) fn check_empty(&self) {
        for table in [
            "calls_in_flight",
            "calls_serving",
            "calls_of_callers",
            "calls_delayed",
            "deadlines",
            "waiters",
            "jobs_running",
            "flows_sending",
            "flows_receiving",
            "bulk_bytes",
        ] {
            assert_eq!(self.stat(table), 0, "{table}");
        }
        self.check_accounts();
    }

    /// Each node that is there waits for the calls that the core has of it, where no result is kept.
    pub(super) fn check_waiting(&self) {
        let waiting: usize =
            self.nodes.iter().filter(|node| !node.has_left).map(|node| node.waiting().len()).sum();
        // What became of a call is held for a node that is away.
        let is_away = self.nodes.iter().any(|node| node.is_away);
        let calls = self.stat("calls_of_callers");
        let is_right = if is_away { calls <= waiting as u64 } else { calls == waiting as u64 };
        assert!(is_right, "each waits for one call: {calls} {waiting}");
    }

    /// Every call that was started has ended in one way, or is in flight.
    pub(super) fn check_accounts(&self) {
        let ended = ["answered", "failed", "timed_out", "cancelled", "lost", "refused"];
        let stats = self.core.stats();
        let ended: u64 = ended.iter().map(|how| stats[&format!("calls_{how}")]).sum();
        assert_eq!(stats["calls_started"], ended + stats["calls_in_flight"]);
    }
}

impl Node {
    /// It does not run this any longer.
    fn forget(&mut self, run: u64) {
        self.running.retain(|running| *running != run);
        self.flows.remove(&(run, Direction::Request));
        self.sending.remove(&(run, Direction::Reply));
    }

    fn take_chunk(&mut self, frame: Frame<'_>) {
        let Header { flags, call, .. } = frame.header;
        let key = (call, frame.header.direction());
        let Some(flow) = self.flows.get_mut(&key).filter(|flow| !flow.has_ended) else {
            self.late_chunks += 1;
            return;
        };
        if flags.has(Flags::FAILED) {
            flow.failure = Some(CallError::from(Failure::decode(frame.body).expect("a failure")));
        } else {
            flow.bytes.extend_from_slice(frame.body);
            flow.ungranted += frame.body.len();
            assert!(flow.ungranted <= config::FLOW_WINDOW_BYTES, "more than a window");
        }
        flow.has_ended = !flags.has(Flags::MORE);
        if flow.has_ended && key.1 == Direction::Reply {
            let flow = self.flows.remove(&key).expect("just there");
            let id = CallId::from_bits(call);
            self.end(id);
            self.replies.push((id, Reply::Chunks(flow)));
        }
    }

    fn take_reply(&mut self, frame: Frame<'_>) {
        let Header { flags, peer, call, .. } = frame.header;
        let error = || CallError::from(Failure::decode(frame.body).expect("a failure"));
        if flags.has(Flags::ONE_WAY) {
            if flags.has(Flags::FAILED) {
                self.one_way_refused += 1;
            } else {
                self.one_way_acked = call;
            }
            return;
        }
        let id = CallId::from_bits(call);
        if flags.has(Flags::BACKGROUND) {
            self.jobs.push(decode(frame.body).expect("a job's number"));
            return;
        }
        if flags.has(Flags::BROADCAST) {
            let parts = Parts::new(frame.body).map(|part| {
                let part = part.expect("a good part");
                let error = || CallError::from(Failure::decode(part.body).expect("a failure"));
                let failed = part.flags.has(Flags::FAILED);
                (part.node.to_owned(), if failed { Err(error()) } else { Ok(part.body.to_vec()) })
            });
            self.parts.entry(id).or_default().extend(parts);
            if flags.has(Flags::MORE) {
                return;
            }
            let parts = self.parts.remove(&id).expect("just put there");
            let mut nodes: Vec<_> = parts.iter().map(|(node, _)| node).collect();
            nodes.dedup();
            assert_eq!(nodes.len(), parts.len(), "one outcome from each node");
            self.end(id);
            self.replies.push((id, Reply::Parts(parts)));
            return;
        }
        let is_failed = flags.has(Flags::FAILED);
        if !is_failed && (flags.has(Flags::MORE) || flags.has(Flags::STREAMED)) {
            let first = Received { bytes: frame.body.to_vec(), ..Received::default() };
            assert_eq!(self.flows.insert((call, Direction::Reply), first), None, "one reply");
            return;
        }
        self.flows.remove(&(call, Direction::Reply));
        self.end(id);
        let node = self.peers.get(&peer).cloned().unwrap_or_default();
        let reply = if is_failed { Reply::Error(error()) } else { Reply::Value(frame.body.to_vec(), node) };
        self.replies.push((id, reply));
    }

    /// It sent a call of which only the number of the job will be heard.
    pub(super) fn hand_over(&mut self, call: CallId) {
        self.end(call);
    }
}

fn signature(name: &str) -> Signature {
    let effect = if name.starts_with("again.") { Effect::Idempotent } else { Effect::Once };
    Signature {
        name: CallbackName::new(name).expect("a good name"),
        parameters: Vec::new(),
        result: "()".into(),
        doc: String::new(),
        effect,
        variadic: false,
    }
}

/// The secret of a link.
fn secret(at: usize) -> (u64, u64) {
    (at as u64, 7)
}
