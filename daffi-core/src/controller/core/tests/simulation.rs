//! Random meshes from seeds: after each step every call has ended at most once and no entry leaks; at the end
//! every call has ended and nothing is left.

use std::time::Duration;

use super::super::Core;
use super::super::calls::Origin;
use super::super::session::NONE;
use super::harness::Mesh;
use crate::error::{CallError, Ran};
use crate::name::NodeName;
use crate::wire::{Extension, Flags, JobId, Missed, Overlap, ScheduleSpec, When};

/// Seeds in a test run; set `DAFFI_SOAK` for more.
const SEEDS: u64 = 2_000;
const STEPS: usize = 120;
const NAMES: [&str; 4] = ["f", "g", "h", "nobody"];

#[test]
fn every_call_ends_once_and_nothing_leaks_whatever_happens() {
    let soak = std::env::var("DAFFI_SOAK").ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..soak.unwrap_or(SEEDS) {
        let shown_on_failure = ShowSeed(seed);
        Simulation::new(seed).run();
        drop(shown_on_failure);
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
    random: fastrand::Rng,
    joined: usize,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self { mesh: Mesh::new(seed), random: fastrand::Rng::with_seed(seed), joined: 0 }
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            self.step();
            self.check();
        }
        for at in self.live() {
            self.mesh.leave(at);
            self.check();
        }
        // What is held for its eta outlives its caller; let it come and go.
        self.mesh.advance(Duration::from_secs(48 * 3600));
        self.mesh.check_empty();
        for table in ["sessions", "nodes", "names", "offers", "jobs_kept"] {
            assert_eq!(self.mesh.stat(table), 0, "{table}");
        }
    }

    fn live(&self) -> Vec<usize> {
        let nodes = self.mesh.nodes.iter().enumerate();
        nodes.filter(|(_, node)| node.is_ready && !node.has_left).map(|(at, _)| at).collect()
    }

    fn step(&mut self) {
        let live = self.live();
        let Some(at) = self.random.choice(live.iter().copied()) else { return self.join() };
        match self.random.u32(..100) {
            0..5 => self.join(),
            5..9 => self.mesh.leave(at),
            9..45 => self.call(at),
            45..50 => self.one_way(at),
            50..55 => self.cancel(at),
            55..80 => self.reply(at),
            80..84 => self.ask(at),
            84..86 => self.schedule(at),
            86..88 => self.mesh.nodes[at].is_stopped ^= true,
            88..91 => self.credit(at),
            _ => self.advance(),
        }
        for node in &mut self.mesh.nodes {
            node.was_dismissed = false;
        }
        for at in 0..self.mesh.nodes.len() {
            self.mesh.replies(at);
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
        match self.random.u32(..4) {
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
        let waiting: usize =
            self.mesh.nodes.iter().filter(|node| !node.has_left).map(|node| node.waiting().len()).sum();
        assert_eq!(self.mesh.stat("calls_of_callers"), waiting as u64, "each waits for one call");
        self.mesh.check_accounts();
        self.mesh.core.check();
    }
}

impl Core {
    /// Every entry leads to one that leads back.
    fn check(&self) {
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
            if let Some(wait) = call.extra.as_ref().and_then(|extra| extra.parked.as_ref()) {
                assert!(self.waiters[wait].contains(&slot));
            }
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
