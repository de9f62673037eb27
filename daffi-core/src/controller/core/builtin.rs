//! The controller's own callbacks.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Core;
use super::calls::{Call, Origin, WaitFor};
use super::directory::{EntryKey, Target};
use super::dispatch::Request;
use super::finish::Outcome;
use super::schedules::{Cancelled, Command, Effect, Refusal};
use super::session::{Phase, Session};
use crate::error::{CallError, Ran};
use crate::name::{CallbackName, NAME_BYTES_MAX, NodeName};
use crate::wire::{
    CallId, CallbackEntry, JobEntry, JobId, JobState, NodeDetail, NodeEntry, ScheduleEntry, ScheduleSpec,
    Signature, check_depth, decode, encode,
};

macro_rules! builtins {
    ($($variant:ident = $name:literal,)+) => {
        /// A callback of the controller's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Builtin {
            $($variant,)+
        }

        impl Builtin {
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)+];

            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

builtins! {
    Ping = "daffi.ping",
    Stats = "daffi.stats",
    Nodes = "daffi.nodes",
    Node = "daffi.node",
    Kick = "daffi.node.kick",
    Callbacks = "daffi.callbacks",
    Signatures = "daffi.signatures",
    WaitNode = "daffi.wait_node",
    WaitCallback = "daffi.wait_callback",
    Presence = "daffi.presence",
    Jobs = "daffi.jobs",
    JobResult = "daffi.job.result",
    JobCancel = "daffi.job.cancel",
    ScheduleCreate = "daffi.schedule.create",
    ScheduleList = "daffi.schedule.list",
    ScheduleShow = "daffi.schedule.show",
    ScheduleCancel = "daffi.schedule.cancel",
    SchedulePause = "daffi.schedule.pause",
    ScheduleResume = "daffi.schedule.resume",
}

/// What a callback of the controller's own comes to.
enum Answer {
    Value(Vec<u8>),
    /// What was kept of another call.
    Kept {
        failed: bool,
        body: bytes::Bytes,
    },
    Error(CallError),
    /// Not yet.
    Park(WaitFor),
}

fn value<T: Serialize>(value: &T) -> Answer {
    Answer::Value(encode(value).expect("the controller's own values encode"))
}

impl Core {
    pub(super) fn call_builtin(
        &mut self,
        now: Instant,
        id: CallId,
        entry: EntryKey,
        builtin: Builtin,
        request: &Request<'_>,
    ) {
        self.counters.builtin_calls += 1;
        let session = request.caller;
        let mut call = Call::new(now, Origin::Node { session, call: id }, request.flags, entry);
        call.deadline = request.timeout().map(|timeout| now + timeout);
        let deadline = call.deadline;
        let slot = self.calls.insert(call);
        self.sessions[session as usize].caller.set(id.slot, slot);
        let answer = self.run_builtin(now, session, builtin, request.body).unwrap_or_else(Answer::Error);
        match answer {
            Answer::Value(body) => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, Outcome::Value(&body));
            }
            Answer::Kept { failed, body } => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, if failed { Outcome::Failed(&body) } else { Outcome::Value(&body) });
            }
            Answer::Error(error) => self.fail(now, slot, &error),
            Answer::Park(wait) => {
                if let Some(deadline) = deadline {
                    self.deadlines.insert(slot, deadline);
                }
                if let Some(call) = self.calls.get_mut(slot) {
                    call.extra().parked = Some(wait.clone());
                }
                self.waiters.entry(wait).or_default().push(slot);
            }
        }
    }

    /// Answers all who wait for something that is there now, unless it is not for them.
    pub(super) fn wake(&mut self, now: Instant, wait: &WaitFor) {
        let Some(waiters) = self.waiters.get(wait).cloned() else { return };
        for slot in waiters {
            let Some(Origin::Node { session, .. }) = self.calls.get(slot).map(|call| call.origin) else {
                continue;
            };
            let is_there = match wait {
                WaitFor::Node(name) => self.is_ready(name.as_str()),
                WaitFor::Callback(name) => self.is_offered(name.as_str(), session),
                WaitFor::Job(_) => false,
            };
            if is_there {
                self.counters.calls_answered += 1;
                let body = encode(&()).expect("nothing encodes");
                self.finish(now, slot, Outcome::Value(&body));
            }
        }
    }

    fn run_builtin(
        &mut self,
        now: Instant,
        session: u32,
        builtin: Builtin,
        body: &[u8],
    ) -> Result<Answer, CallError> {
        Ok(match builtin {
            Builtin::Ping => Answer::Value(body.to_vec()),
            Builtin::Stats => value(&self.stats()),
            Builtin::Nodes => value(&self.node_entries(now)),
            Builtin::Node => {
                let (name,): (String,) = take(builtin, body)?;
                value(&self.node_detail(now, &name))
            }
            Builtin::Kick => {
                let (name,): (String,) = take(builtin, body)?;
                let found = self.by_name.get(name.as_str()).copied();
                if let Some(slot) = found.filter(|slot| *slot != session) {
                    self.dismiss(now, slot, "an operator ended its session");
                }
                value(&found.is_some())
            }
            Builtin::Callbacks => {
                let (pattern,): (String,) = take(builtin, body)?;
                value(&self.callback_entries(&pattern))
            }
            Builtin::Signatures => {
                let (name,): (String,) = take(builtin, body)?;
                let entry = self.directory.find(&name).and_then(|key| self.directory.entry(key));
                value(&entry.map(|entry| entry.signatures()).unwrap_or_default())
            }
            Builtin::WaitNode => {
                let (name,): (NodeName,) = take(builtin, body)?;
                let is_there = self.is_ready(name.as_str());
                if is_there { value(&()) } else { Answer::Park(WaitFor::Node(name)) }
            }
            Builtin::WaitCallback => {
                let (name,): (CallbackName,) = take(builtin, body)?;
                let is_there = self.is_offered(name.as_str(), session);
                if is_there { value(&()) } else { Answer::Park(WaitFor::Callback(name)) }
            }
            Builtin::Presence => {
                (self.sessions[session as usize].subscribed,) = take(builtin, body)?;
                value(&())
            }
            Builtin::Jobs => value(&self.job_entries(now)),
            Builtin::JobResult => self.job_result(take::<(JobId,)>(builtin, body)?.0),
            Builtin::JobCancel => self.cancel_job(now, take::<(JobId,)>(builtin, body)?.0)?,
            Builtin::ScheduleCreate
            | Builtin::ScheduleList
            | Builtin::ScheduleShow
            | Builtin::ScheduleCancel
            | Builtin::SchedulePause
            | Builtin::ScheduleResume => return self.run_schedule_builtin(now, session, builtin, body),
        })
    }

    fn run_schedule_builtin(
        &mut self,
        now: Instant,
        session: u32,
        builtin: Builtin,
        body: &[u8],
    ) -> Result<Answer, CallError> {
        let unix_ms = self.unix_ms(now);
        let id = |body| take::<(u64,)>(builtin, body).map(|(id,)| id);
        let command = match builtin {
            Builtin::ScheduleList => return Ok(value(&self.schedules.entries())),
            Builtin::ScheduleShow => return Ok(value(&self.schedules.entry(id(body)?))),
            Builtin::ScheduleCancel => Command::Cancel { id: id(body)? },
            Builtin::SchedulePause => Command::Pause { id: id(body)? },
            Builtin::ScheduleResume => Command::Resume { id: id(body)? },
            _ => {
                let (spec,): (ScheduleSpec,) = take(builtin, body)?;
                check_spec(&spec)?;
                let creator = self.sessions[session as usize].name();
                Command::Create { creator, spec: Box::new(spec) }
            }
        };
        Ok(match self.schedules.apply(command, unix_ms) {
            Effect::Created(Ok(entry)) => value(&entry),
            Effect::Created(Err(refusal @ (Refusal::Full | Refusal::BytesFull))) => {
                Answer::Error(CallError::Busy { what: refusal.to_string() })
            }
            Effect::Created(Err(refusal)) => {
                let expected = "a schedule".to_owned();
                Answer::Error(CallError::BadArguments { expected, got: refusal.to_string() })
            }
            Effect::Cancelled(Cancelled::Now(entry)) => value(&Some(entry)),
            Effect::Cancelled(Cancelled::Before) => value(&None::<ScheduleEntry>),
            Effect::Cancelled(Cancelled::Unknown) => Answer::Error(no_such_schedule(id(body)?)),
            Effect::Known(is_known) => value(&is_known),
            Effect::Runs(_) | Effect::Done => value(&()),
        })
    }

    fn is_ready(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|slot| self.sessions[*slot as usize].phase == Phase::Ready)
    }

    /// Whether another node than the asking one offers a callback.
    fn is_offered(&self, name: &str, asking: u32) -> bool {
        let entry = self.directory.find(name).and_then(|key| self.directory.entry(key));
        let is_ready = |slot: u32| slot != asking && self.sessions[slot as usize].phase == Phase::Ready;
        entry.is_some_and(|entry| {
            entry.builtin.is_some() || entry.offers.iter().any(|offer| is_ready(offer.session))
        })
    }

    /// The callbacks of the controller's own that nodes serve too.
    pub(super) fn builtin_on(&self, key: EntryKey, session: u32) -> Result<Target, CallError> {
        match self.directory.entry(key).and_then(|entry| entry.builtin) {
            // Every node answers calls of the number 0 with what they brought.
            Some(Builtin::Ping) => Ok(Target { session, id: 0 }),
            other => {
                let name = other.map_or("?", Builtin::name);
                Err(CallError::NoSuchCallback { name: format!("{name} on a node"), similar: Vec::new() })
            }
        }
    }

    fn node_entry(&self, now: Instant, slot: usize, session: &Session) -> NodeEntry {
        let connected = now.saturating_duration_since(session.opened).as_millis();
        let rtt = session.liveness.rtt.map(|rtt| rtt.as_micros());
        NodeEntry {
            name: session.name(),
            session: slot as u32,
            address: session.peer.address.clone(),
            software: session.software.clone(),
            connected_ms: u64::try_from(connected).unwrap_or(u64::MAX),
            rtt_us: rtt.map(|rtt| u64::try_from(rtt).unwrap_or(u64::MAX)),
            suspect: session.liveness.is_suspect,
            outstanding: u32::try_from(session.outstanding()).unwrap_or(u32::MAX),
            callbacks: session.callee.offers.len() as u32,
            pid: session.peer.pid,
        }
    }

    fn node_entries(&self, now: Instant) -> Vec<NodeEntry> {
        let is_shown = |session: &Session| session.phase == Phase::Ready && !session.hidden;
        let shown = self.sessions.iter().filter(|(_, session)| is_shown(session));
        let mut entries: Vec<NodeEntry> =
            shown.map(|(slot, session)| self.node_entry(now, slot, session)).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    fn node_detail(&self, now: Instant, name: &str) -> Option<NodeDetail> {
        let slot = *self.by_name.get(name)? as usize;
        let session = &self.sessions[slot];
        let signature = |(key, _): &(EntryKey, u32)| {
            let entry = self.directory.entry(*key)?;
            let offer = entry.offers.iter().find(|offer| offer.session as usize == slot)?;
            Some(Signature::clone(&offer.signature))
        };
        let mut callbacks: Vec<Signature> = session.callee.offers.values().filter_map(signature).collect();
        callbacks.sort_by(|a, b| a.name.cmp(&b.name));
        Some(NodeDetail { node: self.node_entry(now, slot, session), callbacks })
    }

    fn callback_entries(&self, pattern: &str) -> Vec<CallbackEntry> {
        let is_wanted = |name: &str| pattern.is_empty() || matches_glob(pattern, name);
        let entries = self.directory.offered().filter(|entry| is_wanted(entry.name.as_str()));
        let ready = |slot: &u32| self.sessions[*slot as usize].phase == Phase::Ready;
        let listed = entries.flat_map(|entry| entry.groups()).map(|(signature, sessions)| {
            let ready = sessions.iter().filter(|slot| ready(slot));
            let mut nodes: Vec<NodeName> = ready.map(|slot| self.sessions[*slot as usize].name()).collect();
            nodes.sort();
            CallbackEntry { signature, nodes }
        });
        listed.filter(|entry| !entry.nodes.is_empty()).collect()
    }

    fn job_entries(&self, now: Instant) -> Vec<JobEntry> {
        let running = self.running_jobs.iter().filter_map(|(id, slot)| {
            let call = self.calls.get(*slot)?;
            let node = self.sessions.get(call.callee as usize).map(Session::name);
            let age = now.saturating_duration_since(call.started).as_millis();
            Some(JobEntry {
                id: *id,
                callback: self
                    .directory
                    .entry(call.entry)
                    .map(|entry| entry.name.to_string())
                    .unwrap_or_default(),
                caller: call.extra.as_ref().and_then(|extra| extra.caller.clone())?,
                node,
                state: if call.delayed().is_some() { JobState::Waiting } else { JobState::Running },
                age_ms: u64::try_from(age).unwrap_or(u64::MAX),
                bytes: 0,
            })
        });
        let mut entries: Vec<JobEntry> = running.chain(self.jobs.entries(now)).collect();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    fn job_result(&self, id: JobId) -> Answer {
        if let Some(kept) = self.jobs.result(id) {
            return Answer::Kept { failed: kept.failed, body: kept.body.clone() };
        }
        if self.running_jobs.contains_key(&id) {
            return Answer::Park(WaitFor::Job(id));
        }
        Answer::Error(no_such_job(id))
    }

    fn cancel_job(&mut self, now: Instant, id: JobId) -> Result<Answer, CallError> {
        let Some(slot) = self.running_jobs.get(&id).copied() else {
            return if self.jobs.result(id).is_some() { Ok(value(&false)) } else { Err(no_such_job(id)) };
        };
        self.stop_callee(slot);
        let ran = match self.calls.get(slot) {
            Some(call) if call.delayed().is_some() => Ran::No,
            _ => Ran::Maybe,
        };
        self.fail(now, slot, &CallError::Cancelled { ran });
        Ok(value(&true))
    }

    /// Every counter, and the size of every table.
    pub fn stats(&self) -> BTreeMap<String, u64> {
        let sum =
            |count: &dyn Fn(&Session) -> usize| self.sessions.iter().map(|(_, session)| count(session)).sum();
        let is_suspect = |session: &Session| usize::from(session.liveness.is_suspect);
        let tables: [(&str, usize); 16] = [
            ("sessions", self.sessions.len()),
            ("nodes", self.by_name.len()),
            ("nodes_suspect", sum(&is_suspect)),
            ("names", self.directory.len()),
            ("offers", self.directory.offers()),
            ("names_interned", sum(&|session| session.caller.names.len())),
            ("calls_in_flight", self.calls.len()),
            ("calls_serving", sum(&|session| session.callee.serving.len())),
            ("calls_of_callers", sum(&|session| session.caller.all().len())),
            ("calls_delayed", self.delayed),
            ("one_way_outstanding", sum(&Session::one_way_outstanding)),
            ("deadlines", self.deadlines.len()),
            ("waiters", self.waiters.values().map(Vec::len).sum()),
            ("jobs_running", self.running_jobs.len()),
            ("jobs_kept", self.jobs.len()),
            ("backlog_bytes", sum(&Session::backlog_bytes)),
        ];
        let tables = tables.into_iter().map(|(name, size)| (name, size as u64));
        let schedules =
            [("schedules", self.schedules.len() as u64), ("jobs_kept_bytes", self.jobs.bytes() as u64)];
        self.counters
            .all()
            .chain(tables)
            .chain(schedules)
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}

fn take<T: DeserializeOwned>(builtin: Builtin, body: &[u8]) -> Result<T, CallError> {
    let expected = format!("the arguments of {}", builtin.name());
    decode(body).map_err(|error| CallError::BadArguments { expected, got: error.0 })
}

/// Whether what a schedule names can be names at all, and its arguments are arguments.
fn check_spec(spec: &ScheduleSpec) -> Result<(), CallError> {
    let bad = |got: String| CallError::BadArguments { expected: "a schedule".into(), got };
    CallbackName::new(&spec.callback)
        .map_err(|error| bad(format!("the callback {:?}: {error}", spec.callback)))?;
    for name in spec.name.iter().chain(&spec.on) {
        NodeName::new(name).map_err(|error| bad(format!("the name {name:?}: {error}")))?;
    }
    if spec.key.as_ref().is_some_and(|key| key.len() > NAME_BYTES_MAX) {
        return Err(bad(format!("a key of more than {NAME_BYTES_MAX} bytes")));
    }
    check_depth(&spec.body).map_err(|error| bad(error.to_string()))
}

fn no_such_job(id: JobId) -> CallError {
    CallError::NoSuchCallback { name: format!("job {id}"), similar: Vec::new() }
}

fn no_such_schedule(id: u64) -> CallError {
    CallError::NoSuchCallback { name: format!("schedule {id}"), similar: Vec::new() }
}

/// Whether `name` is like `pattern`, in which each `*` stands for any text.
fn matches_glob(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.len() >= tail.len() && left.ends_with(tail)
}
