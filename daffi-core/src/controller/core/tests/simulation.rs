//! Random meshes from seeds: after each step every call has ended at most once and no entry leaks; at the end
//! every call has ended and nothing is left.

use std::collections::HashMap;
use std::time::Duration;

use super::super::Core;
use super::super::calls::Origin;
use super::super::session::NONE;
use super::harness::{Mesh, Node, Received, Reply, Sending};
use super::replay::Recording;
use crate::config::CHUNK_BYTES;
use crate::error::{CallError, Ran};
use crate::name::NodeName;
use crate::wire::{Direction, Extension, Flags, JobId, Missed, Overlap, ScheduleSpec, When};

/// Seeds in a test run; set `DAFFI_SOAK` for more.
const SEEDS: u64 = 2_000;
const STEPS: usize = 120;
const NAMES: [&str; 4] = ["f", "g", "h", "nobody"];

#[test]
fn every_call_ends_once_and_nothing_leaks_whatever_happens() {
    let soak = std::env::var("DAFFI_SOAK").ok().and_then(|seeds| seeds.parse().ok());
    let mut reached = HashMap::<String, u64>::new();
    for seed in 0..soak.unwrap_or(SEEDS) {
        let shown_on_failure = ShowSeed(seed);
        let mut simulation = Simulation::new(seed);
        simulation.run();
        for (name, count) in simulation.mesh.core.stats() {
            *reached.entry(name).or_default() += count;
        }
        *reached.entry("results in chunks".into()).or_default() += simulation.chunked;
        drop(shown_on_failure);
    }
    for name in [
        "flows_started",
        "flows_refused",
        "chunks_forwarded",
        "late_chunks",
        "sessions_violating",
        "results in chunks",
    ] {
        assert!(reached[name] > 0, "{name} were never reached");
    }
}

/// Says which seed it was when a check fails.
struct ShowSeed(u64);

impl Drop for ShowSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.0);
        }
    }
}

struct Simulation {
    mesh: Mesh,
    recording: Recording,
    random: fastrand::Rng,
    joined: usize,
    /// Results in chunks that came to their end.
    chunked: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut mesh = Mesh::new(seed);
        let recording = Recording::of(&mut mesh.core);
        Self { mesh, recording, random: fastrand::Rng::with_seed(seed), joined: 0, chunked: 0 }
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            self.step();
            self.check();
        }
        self.recording.check(&self.mesh.core);
        for at in self.live() {
            self.mesh.leave(at);
            self.check();
        }
        assert_eq!(self.mesh.stat("sessions_away"), self.away().len() as u64);
        // What is held for its eta outlives its caller; let it come and go.
        self.mesh.advance(Duration::from_secs(48 * 3600));
        self.mesh.check_empty();
        self.recording.check(&self.mesh.core);
        for table in ["sessions", "nodes", "names", "offers", "jobs_kept"] {
            assert_eq!(self.mesh.stat(table), 0, "{table}");
        }
    }

    fn live(&self) -> Vec<usize> {
        let nodes = self.mesh.nodes.iter().enumerate();
        let is_live = |node: &Node| node.is_ready && !node.has_left && !node.is_away;
        nodes.filter(|(_, node)| is_live(node)).map(|(at, _)| at).collect()
    }

    fn away(&self) -> Vec<usize> {
        let nodes = self.mesh.nodes.iter().enumerate();
        nodes.filter(|(_, node)| node.is_away && !node.has_left).map(|(at, _)| at).collect()
    }

    fn step(&mut self) {
        let live = self.live();
        let Some(at) = self.random.choice(live.iter().copied()) else { return self.join() };
        match self.random.u32(..100) {
            0..5 => self.join(),
            5..9 => self.mesh.leave(at),
            9..28 => self.call(at),
            28..38 => self.call_in_chunks(at),
            38..42 => self.one_way(at),
            42..46 => self.cancel(at),
            46..59 => self.reply(at),
            59..65 => self.reply_in_chunks(at),
            65..76 => self.chunk(at),
            76..79 => self.grant(at),
            79..80 => self.late_chunk(at),
            80..83 => self.ask(at),
            83..84 if self.random.u32(..8) == 0 => self.exceed(at),
            84..86 => self.schedule(at),
            86..88 => self.mesh.nodes[at].is_stopped ^= true,
            88..90 => self.credit(at),
            90..92 => drop(self.mesh.part(at)),
            92..95 => self.step_away(),
            _ => self.advance(),
        }
        for node in &mut self.mesh.nodes {
            node.was_dismissed = false;
        }
        for at in 0..self.mesh.nodes.len() {
            for (_, reply) in self.mesh.replies(at) {
                if let Reply::Chunks(received) = reply {
                    check_bytes(&received, received.bytes.len());
                    self.chunked += u64::from(received.failure.is_none());
                }
            }
        }
    }

    /// A node whose link broke finishes something, or comes back.
    fn step_away(&mut self) {
        let Some(at) = self.random.choice(self.away()) else { return };
        match self.random.u32(..4) {
            0 => self.reply(at),
            1 => {
                // The right secret under another number is nobody's.
                let secret = self.mesh.secret_of(at);
                assert!(!self.mesh.come_back(at, (secret.0, secret.1 + 1)));
            }
            _ => {
                let secret = self.mesh.secret_of(at);
                assert!(self.mesh.come_back(at, secret));
            }
        }
    }

    fn join(&mut self) {
        self.joined += 1;
        let offered: Vec<&str> = NAMES[..3].iter().copied().filter(|_| self.random.bool()).collect();
        // A name that is taken now and then.
        let number = if self.random.u32(..8) == 0 { self.random.usize(..self.joined) } else { self.joined };
        self.mesh.try_join(&format!("node{number}"), &offered, self.random.bool());
    }

    fn timeout(&mut self) -> Option<Duration> {
        (self.random.u32(..4) > 0).then(|| Duration::from_millis(self.random.u64(0..3_000)))
    }

    fn extension(&mut self) -> Extension {
        let mut extension = Extension::default();
        match self.random.u32(..10) {
            0 => extension.eta_ms = Some(self.random.u64(0..2_000)),
            1 => extension.key = Some(self.random.u32(..5).to_string()),
            2 => extension.on = Some(format!("node{}", self.random.usize(..=self.joined))),
            3 => extension.include_self = true,
            4 => extension.again = true,
            _ => {}
        }
        extension
    }

    fn call(&mut self, at: usize) {
        let name = NAMES[self.random.usize(..NAMES.len())];
        let kept = Flags::BACKGROUND.with(Flags::KEPT);
        let modes = [
            Flags::NONE,
            Flags::NONE,
            Flags::BACKGROUND,
            kept,
            Flags::BROADCAST,
            Flags::BROADCAST.with(Flags::STREAMED),
        ];
        let flags = modes[self.random.usize(..modes.len())];
        let (extension, timeout) = (self.extension(), self.timeout());
        let jobs = self.mesh.nodes[at].jobs.len();
        let call = self.mesh.call(at, name, flags, &extension, timeout);
        // A kept call that was taken is not heard of again.
        if flags == kept && self.mesh.nodes[at].jobs.len() > jobs {
            self.mesh.nodes[at].hand_over(call);
        }
    }

    /// Arguments in chunks, now and then where they must come whole.
    fn call_in_chunks(&mut self, at: usize) {
        let name = NAMES[self.random.usize(..NAMES.len())];
        let modes = [Flags::NONE, Flags::NONE, Flags::NONE, Flags::BACKGROUND, Flags::BROADCAST];
        let how = if self.random.bool() { Flags::MORE } else { Flags::FEEDS };
        let flags = modes[self.random.usize(..modes.len())].with(how);
        let (extension, timeout) = (self.extension(), self.timeout());
        self.mesh.call_named_in_chunks(at, name, flags, &extension, timeout);
    }

    fn reply_in_chunks(&mut self, at: usize) {
        let Some(run) = self.random.choice(self.mesh.nodes[at].running.clone()) else { return };
        if self.mesh.nodes[at].sending.contains_key(&(run, Direction::Reply)) {
            return;
        }
        let flags = if self.random.bool() { Flags::MORE } else { Flags::STREAMED };
        self.mesh.reply_in_chunks(at, run, flags).expect("a good reply");
    }

    fn any_sending(&mut self, at: usize) -> Option<((u64, Direction), Sending)> {
        let sending = self.mesh.nodes[at].sending.iter().map(|(key, sending)| (*key, *sending));
        self.random.choice(sending.collect::<Vec<_>>())
    }

    /// The next part of a flow, which is cut anywhere.
    fn chunk(&mut self, at: usize) {
        let Some(((call, direction), Sending { window, bytes, .. })) = self.any_sending(at) else { return };
        let (most, is_large) = (window.min(CHUNK_BYTES), self.random.u32(..32) == 0);
        let length = self.random.usize(..=if is_large { most } else { most.min(300) });
        let body: Vec<u8> = (bytes..bytes + length).map(|at| at as u8).collect();
        match self.random.u32(..8) {
            0 => self.mesh.give_up(at, call, direction, &CallError::Cancelled { ran: Ran::Maybe }),
            1 | 2 => self.mesh.chunk(at, call, direction, false, &body).expect("within the window"),
            _ if body.is_empty() => {}
            _ => self.mesh.chunk(at, call, direction, true, &body).expect("within the window"),
        }
    }

    fn grant(&mut self, at: usize) {
        let flows = self.mesh.nodes[at].flows.iter().filter(|(_, flow)| flow.ungranted > 0);
        let flows: Vec<_> = flows.map(|(key, flow)| (*key, flow.ungranted)).collect();
        let Some(((call, direction), ungranted)) = self.random.choice(flows) else { return };
        let bytes = self.random.usize(1..=ungranted);
        self.mesh.grant(at, call, direction, bytes).expect("it was sent as much");
    }

    /// A chunk of a flow that has ended.
    fn late_chunk(&mut self, at: usize) {
        let Some((call, direction)) = self.random.choice(self.mesh.nodes[at].sent.clone()) else { return };
        if !self.mesh.nodes[at].sending.contains_key(&(call, direction)) {
            self.mesh.chunk(at, call, direction, self.random.bool(), b"late").expect("dropped, no more");
        }
    }

    /// Whoever sends more than its window is ended.
    fn exceed(&mut self, at: usize) {
        let Some(((call, direction), Sending { window, bytes, .. })) = self.any_sending(at) else { return };
        let body: Vec<u8> = (bytes..=bytes + window).map(|at| at as u8).collect();
        for part in body.chunks(CHUNK_BYTES) {
            if let Err(violation) = self.mesh.chunk(at, call, direction, true, part) {
                return self.mesh.end_violating(at, &violation);
            }
        }
        panic!("more than its window was taken");
    }

    fn one_way(&mut self, at: usize) {
        let names: Vec<&str> =
            (0..self.random.usize(1..5)).map(|_| NAMES[self.random.usize(..NAMES.len())]).collect();
        self.mesh.one_way(at, &names);
        let node = &self.mesh.nodes[at];
        assert!(node.has_left || node.one_way_acked == node.one_way_sent);
    }

    fn cancel(&mut self, at: usize) {
        if let Some(call) = self.random.choice(self.mesh.nodes[at].waiting()) {
            self.mesh.cancel(at, call);
        }
    }

    fn reply(&mut self, at: usize) {
        let Some(run) = self.random.choice(self.mesh.nodes[at].running.clone()) else { return };
        let is_under_way = self.mesh.nodes[at].sending.contains_key(&(run, Direction::Reply));
        match self.random.u32(..4) {
            _ if is_under_way => self.mesh.fail(at, run, &CallError::Cancelled { ran: Ran::Yes }),
            0 => self.mesh.fail(at, run, &CallError::Cancelled { ran: Ran::Yes }),
            1 => {
                // The second reply to one call must go nowhere.
                self.mesh.answer(at, run, b"\x01");
                self.mesh.answer(at, run, b"\x02");
            }
            _ => self.mesh.answer(at, run, b"\x01"),
        }
    }

    fn ask(&mut self, at: usize) {
        let jobs: Vec<JobId> = self.mesh.nodes.iter().flat_map(|node| node.jobs.clone()).collect();
        let job = self.random.choice(jobs).unwrap_or(JobId(1));
        let none = Extension::default();
        let timeout = self.timeout();
        match self.random.u32(..5) {
            0 => self.mesh.call_with(at, "daffi.wait_callback", Flags::NONE, &none, timeout, &("f",)),
            1 => self.mesh.call_with(at, "daffi.wait_node", Flags::NONE, &none, timeout, &("node9",)),
            2 => self.mesh.call_with(at, "daffi.job.cancel", Flags::NONE, &none, timeout, &(job,)),
            3 => self.mesh.call_with(at, "daffi.presence", Flags::NONE, &none, timeout, &(true,)),
            _ => self.mesh.call_with(at, "daffi.job.result", Flags::NONE, &none, timeout, &(job,)),
        };
    }

    fn schedule(&mut self, at: usize) {
        let period_ms = self.random.u64(1..2_000);
        let times = Some(self.random.u64(1..5));
        let spec = ScheduleSpec {
            callback: NAMES[self.random.usize(..NAMES.len())].into(),
            body: vec![0x90],
            when: When::Every { period_ms, times, first_in_ms: None },
            name: None,
            on: None,
            key: None,
            timeout_ms: self.random.u64(0..2_000),
            overlap: Overlap::Allow,
            missed: Missed::Skip,
        };
        let none = Extension::default();
        self.mesh.call_with(at, "daffi.schedule.create", Flags::NONE, &none, None, &(spec,));
    }

    fn credit(&mut self, at: usize) {
        let received = self.mesh.nodes[at].one_way_received;
        self.mesh.credit(at, received);
    }

    fn advance(&mut self) {
        let time = Duration::from_millis(self.random.u64(0..1_500));
        self.mesh.advance(time);
    }

    fn check(&self) {
        assert_eq!(self.mesh.stat("sessions_away"), self.away().len() as u64);
        self.mesh.core.check_away();
        self.mesh.check_waiting();
        self.mesh.check_accounts();
        self.mesh.core.check();
        for received in self.mesh.nodes.iter().flat_map(|node| node.flows.values()) {
            check_bytes(received, 300);
        }
    }
}

/// Each part of a flow counts on from the one before it; looks at the last so many bytes.
fn check_bytes(received: &Received, last: usize) {
    let rest = received.bytes.strip_prefix(b"first").unwrap_or(&received.bytes);
    let passed = rest.len().saturating_sub(last);
    let is_next = |(at, byte): (usize, &u8)| *byte == at as u8;
    assert!(rest.iter().enumerate().skip(passed).all(is_next), "all bytes in order");
}

impl Core {
    /// Every entry leads to one that leads back.
    fn check(&self) {
        let (mut sending, mut receiving) = (HashMap::<u32, usize>::new(), HashMap::<u32, usize>::new());
        for (slot, call) in self.calls.iter() {
            if call.callee != NONE {
                let serving = &self.sessions[call.callee as usize].callee.serving;
                assert_eq!(serving[call.serving_at as usize], slot);
            }
            match call.origin {
                Origin::Node { session, call: id } => {
                    assert_eq!(self.sessions[session as usize].caller.call(id.slot), Some(slot));
                }
                Origin::Broadcast { parent } => {
                    assert!(self.calls.get(parent).is_some_and(|call| call.extra.is_some()));
                }
                Origin::Kept => assert!(call.job().is_some()),
                Origin::Schedule { .. } | Origin::Nobody => {}
            }
            if let Some(flows) = call.flows() {
                assert!(!call.has_flows() || call.callee != NONE);
                for flow in flows.request.iter().chain(&flows.reply) {
                    assert!(matches!(call.origin, Origin::Node { .. }), "both ends are there");
                    *sending.entry(flow.from.session).or_default() += 1;
                    *receiving.entry(flow.to.session).or_default() += 1;
                }
            }
            if let Some(wait) = call.extra.as_ref().and_then(|extra| extra.parked.as_ref()) {
                assert!(self.waiters[wait].contains(&slot));
            }
        }
        for (slot, session) in &self.sessions {
            let slot = slot as u32;
            assert_eq!(session.flows.sending, sending.get(&slot).copied().unwrap_or_default());
            assert_eq!(session.flows.receiving, receiving.get(&slot).copied().unwrap_or_default());
        }
        let serving: usize = self.sessions.iter().map(|(_, session)| session.callee.serving.len()).sum();
        assert_eq!(serving, self.calls.iter().filter(|(_, call)| call.callee != NONE).count());
        assert!(self.deadlines.len() <= self.calls.len());
        let delayed = self.calls.iter().filter(|(_, call)| call.delayed().is_some()).count();
        assert_eq!(self.delayed, delayed);
        assert!(delayed > 0 || self.delayed_bytes == 0);
        let named = self
            .by_name
            .iter()
            .all(|(name, slot)| self.sessions[*slot as usize].name.as_ref() == Some::<&NodeName>(name));
        assert!(named);
    }
}
