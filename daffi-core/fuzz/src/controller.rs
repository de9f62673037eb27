//! Several sessions that send the controller's core whatever they like, in any order, while time passes.
//!
//! Checked all along: no panic, whole frames out, every call that was started has ended or is in flight. Checked
//! once all links are closed and all time has passed: nothing is left in any table.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daffi_core::config;
use daffi_core::controller::core::{Backlog, Core, Next, SessionKey};
use daffi_core::identity::Identity;
use daffi_core::transport::Peer;
use daffi_core::wire::{
    CallId, Extension, Flags, Frame, Header, JobId, Kind, Missed, Overlap, ScheduleSpec, When, encode, split,
};

use super::sample;
use super::script::Script;

const LINKS: usize = 6;
const STEPS_MAX: usize = 400;
const UNIX_MS: u64 = 1_700_000_000_000;
const NODES: [&str; 4] = ["n0", "n1", "n2", "n3"];
const NAMES: [&str; 4] = ["f", "g", "h", "daffi.ping"];
const BUILTINS: [&str; 19] = [
    "daffi.ping",
    "daffi.stats",
    "daffi.nodes",
    "daffi.node",
    "daffi.node.kick",
    "daffi.callbacks",
    "daffi.signatures",
    "daffi.wait_node",
    "daffi.wait_callback",
    "daffi.presence",
    "daffi.jobs",
    "daffi.job.result",
    "daffi.job.cancel",
    "daffi.schedule.create",
    "daffi.schedule.list",
    "daffi.schedule.show",
    "daffi.schedule.cancel",
    "daffi.schedule.pause",
    "daffi.schedule.resume",
];

/// No controller lives to see it.
const END_OF_TIME: Duration = Duration::from_millis(u64::MAX / 2);

/// Tables that are empty once all links are closed and all time has passed.
const EMPTY_AT_THE_END: [&str; 17] = [
    "sessions",
    "nodes",
    "nodes_suspect",
    "names",
    "offers",
    "names_interned",
    "calls_in_flight",
    "calls_serving",
    "calls_of_callers",
    "calls_delayed",
    "one_way_outstanding",
    "waiters",
    "jobs_running",
    "flows_sending",
    "flows_receiving",
    "bulk_bytes",
    "backlog_bytes",
];

/// Plays `bytes` as a script.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut mesh = Mesh::new();
    let mut steps = 0;
    while !script.is_over() && steps < STEPS_MAX {
        mesh.step(&mut script);
        steps += 1;
    }
    mesh.end();
}

struct Link {
    key: SessionKey,
    /// Calls that it was sent, the newest last.
    serving: Vec<u64>,
    jobs: Vec<u64>,
    one_way: u64,
}

struct Mesh {
    core: Core,
    start: Instant,
    now: Instant,
    links: [Option<Link>; LINKS],
    /// A call was sent whose `eta` lies beyond the end of time.
    is_eternal: bool,
}

impl Mesh {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            core: Core::new(now, UNIX_MS, 1),
            start: now,
            now,
            links: Default::default(),
            is_eternal: false,
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let at = script.below(LINKS);
        match script.below(16) {
            0 => self.open(at),
            1 => self.close(at),
            2 => self.join(at, script),
            3 => self.unregister(at, script),
            4..=6 => self.call(at, script),
            7 | 8 => self.reply(at, script),
            9 => self.control(at, script),
            10 | 11 => self.builtin(at, script),
            12 => self.pass_time(script),
            13 => self.deliver(),
            14 => self.chunk(at, script),
            _ => self.anything(at, script),
        }
    }

    fn open(&mut self, at: usize) {
        self.close(at);
        let peer = Peer { uid: None, pid: None, address: "fuzz".into(), certificates: Vec::new() };
        let key = self.core.open(self.now, peer, Arc::new(Identity::memory()), Backlog::default());
        self.links[at] = Some(Link { key, serving: Vec::new(), jobs: Vec::new(), one_way: 0 });
    }

    fn close(&mut self, at: usize) {
        if let Some(link) = self.links[at].take() {
            self.core.close(self.now, link.key, None);
        }
    }

    fn join(&mut self, at: usize, script: &mut Script<'_>) {
        if self.links[at].is_none() {
            self.open(at);
        }
        let mut hello = sample::hello(script.one_of(&NODES));
        (hello.take_over, hello.hidden) = (script.flag(), script.flag());
        hello.concurrency = u32::from(script.byte() % 3);
        if script.byte() % 8 != 7 {
            self.send(at, Header::new(Kind::Hello), &[], &hello.encode());
        }
        let names: Vec<&str> = (0..script.below(4)).map(|_| script.one_of(&NAMES[..3])).collect();
        let mut register = sample::register(&names);
        register.ready = script.byte() % 4 != 3;
        self.send(at, Header { call: 9, ..Header::new(Kind::Register) }, &[], &register.encode());
    }

    fn unregister(&mut self, at: usize, script: &mut Script<'_>) {
        let body = sample::unregister(&[script.one_of(&NAMES)]).encode();
        self.send(at, Header { call: 9, ..Header::new(Kind::Unregister) }, &[], &body);
    }

    fn call(&mut self, at: usize, script: &mut Script<'_>) {
        let mut flags = Flags(script.byte());
        let mut extension = Extension::NONE;
        let name = script.one_of(&NAMES);
        if script.byte() % 4 != 3 {
            flags = flags.with(Flags::NAMED);
            extension.name = Some(name.to_owned());
        }
        let extras = script.byte();
        extension.on = (extras & 1 != 0).then(|| script.one_of(&NODES).to_owned());
        extension.key = (extras & 2 != 0).then(|| script.text(3));
        extension.eta_ms = (extras & 4 != 0).then(|| script.number());
        extension.include_self = extras & 8 != 0;
        extension.traceparent = (extras & 16 != 0).then(|| script.text(5));
        let mut call =
            CallId { slot: u32::from(script.byte() % 8), generation: u32::from(script.byte() % 4) }.to_bits();
        if let (true, Some(link)) = (flags.has(Flags::ONE_WAY) && extras & 32 == 0, self.links[at].as_mut()) {
            link.one_way += 1;
            call = link.one_way;
        }
        let remaining_ms = script.one_of(&[u32::MAX, 0, 1, 100, 5_000, 1 << 30]);
        let header = Header {
            flags,
            call,
            remaining_ms,
            name: u32::from(script.byte() % 4),
            ..Header::new(Kind::Call)
        };
        let count = script.below(16);
        self.send(at, header, &extension.encode(), script.bytes(count));
    }

    fn reply(&mut self, at: usize, script: &mut Script<'_>) {
        // Now and then to a call of another session.
        let of = if script.byte() % 8 == 7 { script.below(LINKS) } else { at };
        let Some(link) = self.links[of].as_mut().filter(|link| !link.serving.is_empty()) else { return };
        let call = link.serving.remove(script.below(link.serving.len()));
        let flags = Flags(script.one_of(&[0, 0, 64, 128, 16, 255]));
        let failure = sample::failure().encode();
        let body = if flags.has(Flags::FAILED) { &failure } else { script.bytes(8) };
        self.send(at, Header { call, flags, ..Header::new(Kind::Reply) }, &[], body);
    }

    /// Cancel, credit, ping, pong, goodbye.
    fn control(&mut self, at: usize, script: &mut Script<'_>) {
        let kind =
            script.one_of(&[Kind::Cancel, Kind::Credit, Kind::Ping, Kind::Pong, Kind::Goodbye, Kind::Cancel]);
        let call = match kind {
            Kind::Cancel => {
                CallId { slot: u32::from(script.byte() % 8), generation: u32::from(script.byte() % 4) }
                    .to_bits()
            }
            _ => u64::from(script.byte() % 8),
        };
        self.send(at, Header { call, ..Header::new(kind) }, &[], &[]);
    }

    fn builtin(&mut self, at: usize, script: &mut Script<'_>) {
        let name = script.one_of(&BUILTINS);
        let job = self.links[at].as_ref().and_then(|link| link.jobs.last().copied()).unwrap_or_default();
        let number = u64::from(script.byte() % 8);
        let body = match script.below(8) {
            0 => encode(&(script.one_of(&NODES),)),
            1 => encode(&(script.one_of(&NAMES),)),
            2 => encode(&(JobId(job),)),
            3 => encode(&(number,)),
            4 => encode(&(script.flag(),)),
            5 => encode(&(spec(script),)),
            6 => encode(&(script.text(4),)),
            _ => Ok(script.bytes(12).to_vec()),
        };
        let extension = Extension { name: Some(name.to_owned()), ..Extension::NONE }.encode();
        let call = CallId { slot: u32::from(script.byte() % 8), generation: 0 }.to_bits();
        let remaining_ms = script.one_of(&[u32::MAX, 0, 1_000]);
        let header = Header { flags: Flags::NAMED, call, remaining_ms, ..Header::new(Kind::Call) };
        self.send(at, header, &extension, &body.expect("it encodes"));
    }

    fn pass_time(&mut self, script: &mut Script<'_>) {
        let step = script.one_of(&[1, 10, 200, 1_000, 3_000, 60_000, 4_000_000]);
        self.now += Duration::from_millis(step * u64::from(script.byte() % 8));
        self.tick();
    }

    fn tick(&mut self) {
        let passed = u64::try_from(self.now.duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        self.core.tick(self.now, UNIX_MS.saturating_add(passed));
        if let Some(next) = self.core.next_deadline() {
            assert!(next + config::PING_INTERVAL >= self.start, "a deadline before the beginning");
        }
    }

    fn chunk(&mut self, at: usize, script: &mut Script<'_>) {
        let kind = script.one_of(&[Kind::Chunk, Kind::Credit]);
        let served = self.links[at].as_ref().and_then(|link| link.serving.last().copied());
        let own =
            CallId { slot: u32::from(script.byte() % 8), generation: u32::from(script.byte() % 4) }.to_bits();
        let call = if script.flag() { served.unwrap_or(own) } else { own };
        let flags = Flags(script.one_of(&[0, 128, 64, 16, 2, 255]));
        let name = u32::try_from(script.number() & u64::from(u32::MAX)).unwrap_or_default();
        let count = script.below(64);
        self.send(at, Header { call, flags, name, ..Header::new(kind) }, &[], script.bytes(count));
    }

    fn anything(&mut self, at: usize, script: &mut Script<'_>) {
        let mut bytes = Vec::new();
        let mut header = Header::new(Kind::Unknown(script.byte()));
        header.flags = Flags(script.byte());
        (header.call, header.name) = (script.number(), u32::from(script.byte()));
        let (extension, body) = (script.below(32), usize::from(script.byte()));
        daffi_core::wire::put_frame(&mut bytes, header, script.bytes(extension), script.bytes(body));
        if let Ok(Some(frame)) = split(&bytes, config::FRAME_BYTES_MAX) {
            self.send(at, frame.header, frame.extension, frame.body);
        }
    }

    fn send(&mut self, at: usize, header: Header, extension: &[u8], body: &[u8]) {
        let Some(link) = &self.links[at] else { return };
        let (key, frame) = (link.key, Frame { header, extension, body });
        // Bytes of any kind may be such a call, too.
        let eta = frame.extension().ok().and_then(|extension| extension.eta());
        self.is_eternal |= header.kind == Kind::Call && eta.is_some_and(|eta| eta >= END_OF_TIME);
        if let Err(violation) = self.core.handle(self.now, key, frame) {
            self.core.close(self.now, key, Some(&violation));
            self.links[at] = None;
        }
    }

    /// Takes what the core has put out; links that it wants closed are closed.
    fn deliver(&mut self) {
        for link in self.links.iter().flatten() {
            self.core.end_batch(self.now, link.key);
        }
        loop {
            let touched = self.core.touched();
            if touched.is_empty() {
                return;
            }
            for key in touched {
                let mut out = Vec::new();
                let next = self.core.take_output(key, &mut out);
                self.core.take_bulk(key, &mut out);
                let at = self.links.iter().position(|link| link.as_ref().is_some_and(|link| link.key == key));
                let Some(at) = at else { continue };
                self.receive(at, &out);
                if next == Next::Close {
                    self.close(at);
                }
            }
        }
    }

    fn receive(&mut self, at: usize, mut bytes: &[u8]) {
        let Some(link) = &mut self.links[at] else { return };
        while let Some(frame) =
            split(bytes, config::FRAME_BYTES_MAX).expect("the controller sends good frames")
        {
            let Header { kind, flags, call, .. } = frame.header;
            if kind == Kind::Call && !flags.has(Flags::ONE_WAY) {
                link.serving.push(call);
            }
            if kind == Kind::Reply && flags == Flags::BACKGROUND {
                link.jobs.extend(daffi_core::wire::decode::<u64>(frame.body));
            }
            bytes = &bytes[frame.bytes()..];
        }
        assert!(bytes.is_empty(), "the controller sends whole frames");
    }

    fn check_accounts(&self) {
        let stats = self.core.stats();
        let ended = ["answered", "failed", "timed_out", "cancelled", "lost", "refused"];
        let ended: u64 = ended.iter().map(|how| stats[&format!("calls_{how}")]).sum();
        assert_eq!(stats["calls_started"], ended + stats["calls_in_flight"], "every call ends exactly once");
    }

    fn end(&mut self) {
        self.deliver();
        self.check_accounts();
        for at in 0..LINKS {
            self.close(at);
        }
        self.deliver();
        // Whatever still waits for a time meets it: once soon, once long after everything.
        for passed in [Duration::from_secs(3_600), END_OF_TIME + Duration::from_secs(1 << 40)] {
            self.now = self.now.max(self.start + passed);
            self.tick();
            self.deliver();
        }
        self.check_accounts();
        let stats = self.core.stats();
        for table in EMPTY_AT_THE_END {
            if self.is_eternal && (table.starts_with("calls_") || table == "jobs_running") {
                continue;
            }
            assert_eq!(stats[table], 0, "{table} after the end");
        }
    }
}

fn spec(script: &mut Script<'_>) -> ScheduleSpec {
    let when = if script.flag() {
        let times = script.flag().then(|| script.number());
        When::Every { period_ms: script.number(), times, first_in_ms: script.flag().then(|| script.number()) }
    } else {
        let ahead = |script: &mut Script<'_>| UNIX_MS.saturating_add(script.number());
        When::At { unix_ms: (0..script.below(4)).map(|_| ahead(script)).collect() }
    };
    ScheduleSpec {
        callback: script.one_of(&NAMES).to_owned(),
        body: vec![0x90],
        when,
        name: script.flag().then(|| script.text(2)),
        on: script.flag().then(|| script.one_of(&NODES).to_owned()),
        key: script.flag().then(|| script.text(2)),
        timeout_ms: script.number(),
        overlap: script.one_of(&[Overlap::Skip, Overlap::Allow]),
        missed: script.one_of(&[Missed::Skip, Missed::CatchUp]),
    }
}

/// Two nodes that join, call each other in every way, and leave.
pub fn seeds() -> Vec<Vec<u8>> {
    let join = |at: u8| vec![at, 2, at, 0, 0, 1, 0, 2, 0, 1, 0];
    let call = |at: u8, flags: u8| vec![at, 4, flags, 0, 0, 0, at, 0, 3, 0, 2, 0x91, 1];
    let deliver = [0, 13];
    let reply = |at: u8| vec![at, 7, 0, 0, 0, 0xc3, 0, 0, 0, 0, 0, 0, 0];
    let tick = [0, 12, 3, 2];
    let mut seeds = Vec::new();
    for flags in [0, 2, 4, 8, 40, 20, 128, 64] {
        let seed =
            [join(0), join(1), call(0, flags), deliver.to_vec(), reply(1), deliver.to_vec(), tick.to_vec()];
        seeds.push(seed.concat());
    }
    for builtin in 0..BUILTINS.len() as u8 {
        let ask = |argument: u8| vec![0, 10, builtin, 1, argument, 0, 0, 0, 0, 0, 0, 0, 0];
        seeds.push([join(0), join(1), ask(0), ask(5), ask(3), deliver.to_vec(), tick.to_vec()].concat());
    }
    // Bodies and streams in chunks, both ways, with windows for them.
    for flags in [128u8, 64, 192] {
        let chunks =
            |at: u8, flags: u8| vec![at, 14, 0, 0, 0, 1, flags, 4, 0, 0, 9, 40, 1, 2, 3, 4, 5, 6, 7, 8];
        let window = |at: u8| vec![at, 14, 1, 0, 0, 1, 3, 2, 200, 0, 0];
        let streamed = vec![1, 7, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0];
        let parts = [
            join(0),
            join(1),
            call(0, flags),
            deliver.to_vec(),
            chunks(0, 1),
            window(1),
            streamed,
            chunks(1, 0),
        ];
        seeds.push([parts.concat(), deliver.to_vec(), window(0), tick.to_vec()].concat());
    }
    seeds.push([join(0), join(1), vec![0, 14, 0, 1, 0, 1, 4, 0, 0, 9], vec![1, 1], tick.to_vec()].concat());
    seeds
}
