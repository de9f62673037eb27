//! Calls of the controller's own callbacks.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::builtin::Builtin;
use super::calls::{Call, Origin, WaitFor};
use super::directory::{Entry, EntryKey, Target};
use super::dispatch::Request;
use super::finish::Outcome;
use super::hosted::{Listening, Parked};
use super::limits::check_answer;
use super::schedules::{Cancelled, Command, Creator, Effect, Refusal};
use super::session::Phase;
use super::{Core, Question};
use crate::config::KEY_BYTES_MAX;
use crate::error::{CallError, Ran};
use crate::name::{CallbackName, NodeName, RESERVED_PREFIX};
use crate::wire::{CallId, JobId, ScheduleEntry, ScheduleSpec, TokenSpec, check_depth, decode, encode};

/// What a callback of the controller's own comes to.
pub(super) enum Answer {
    Value(Vec<u8>),
    /// What was kept of another call.
    Kept {
        failed: bool,
        body: bytes::Bytes,
    },
    Error(CallError),
    /// Not yet.
    Park(WaitFor),
    /// When a hosted object lets it.
    Queue(Parked),
    /// When there is something to hear.
    Listen(Listening),
    /// When the driver has answered.
    Ask(Question),
}

impl Answer {
    /// This answer, or that it is too large to travel: nobody may make the lists that others ask for unreadable.
    fn checked(self) -> Self {
        match &self {
            Self::Value(body) => check_answer(body.len()).map_or_else(Self::Error, |()| self),
            _ => self,
        }
    }
}

pub(super) fn value<T: Serialize>(value: &T) -> Answer {
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
        if let Err(error) = self.room_to_answer(session) {
            return self.refuse_call(session, request.flags, id.to_bits(), &error);
        }
        let answer = self
            .run_builtin(now, session, (id, request.first), builtin, request.body)
            .unwrap_or_else(Answer::Error);
        if let Answer::Queue(parked) = answer {
            return self.park(now, id, entry, request, parked);
        }
        let mut call = Call::new(now, Origin::Node { session, call: id }, request.flags, entry);
        call.deadline = request.timeout().map(|timeout| now + timeout);
        let deadline = call.deadline;
        let slot = self.calls.insert(call);
        self.sessions[session as usize].caller.set(id.slot, slot);
        match answer.checked() {
            Answer::Value(body) => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, Outcome::Value(&body));
            }
            Answer::Kept { failed, body } => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, if failed { Outcome::Failed(&body) } else { Outcome::Value(&body) });
            }
            Answer::Error(error) => self.fail(now, slot, &error),
            Answer::Queue(_) => unreachable!("it has no record yet"),
            Answer::Listen(listening) => {
                self.arm(slot, deadline);
                self.hosting.wait_to_hear(slot, &listening);
                if let Some(call) = self.calls.get_mut(slot) {
                    call.extra().listening = Some(listening);
                }
            }
            Answer::Ask(question) => {
                self.arm(slot, deadline);
                self.ask(now, slot, question);
            }
            Answer::Park(wait) => {
                self.arm(slot, deadline);
                if let Some(call) = self.calls.get_mut(slot) {
                    call.extra().parked = Some(wait.clone());
                }
                self.waiters.entry(wait).or_default().push(slot);
            }
        }
    }

    fn arm(&mut self, slot: u32, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            self.deadlines.insert(slot, deadline);
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
        id: (CallId, Option<u64>),
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
                self.check_admin(session, builtin, None)?;
                value(&self.kick(now, session, &name))
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
            Builtin::JobResult => self.job_result(session, take::<(JobId,)>(builtin, body)?.0)?,
            Builtin::JobCancel => self.cancel_job(now, session, take::<(JobId,)>(builtin, body)?.0)?,
            Builtin::Objects
            | Builtin::Object
            | Builtin::ObjectDestroy
            | Builtin::ObjectExpire
            | Builtin::ObjectExport
            | Builtin::ObjectImport
            | Builtin::Batch
            | Builtin::Select
            | Builtin::Listen => return self.run_object_builtin(now, session, id, builtin, body),
            Builtin::TokenNew | Builtin::TokenList | Builtin::TokenRevoke => {
                self.check_admin(session, builtin, None)?;
                Answer::Ask(question(builtin, body)?)
            }
            Builtin::ScheduleCreate
            | Builtin::ScheduleList
            | Builtin::ScheduleShow
            | Builtin::ScheduleCancel
            | Builtin::SchedulePause
            | Builtin::ScheduleResume => return self.run_schedule_builtin(now, session, builtin, body),
        })
    }

    /// Ends the session of a node, but not that of who asks. Whether there is such a node.
    fn kick(&mut self, now: Instant, session: u32, name: &str) -> bool {
        let found = self.by_name.get(name).copied();
        if let Some(slot) = found.filter(|slot| *slot != session) {
            self.dismiss(now, slot, "an operator ended its session");
        }
        found.is_some()
    }

    fn run_schedule_builtin(
        &mut self,
        now: Instant,
        session: u32,
        builtin: Builtin,
        body: &[u8],
    ) -> Result<Answer, CallError> {
        let id = |body| take::<(u64,)>(builtin, body).map(|(id,)| id);
        let command = match builtin {
            Builtin::ScheduleList => return Ok(value(&self.schedules().entries())),
            Builtin::ScheduleShow => return Ok(value(&self.schedules().entry(id(body)?))),
            Builtin::ScheduleCancel | Builtin::SchedulePause | Builtin::ScheduleResume => {
                let id = id(body)?;
                self.check_schedule(session, builtin, id)?;
                match builtin {
                    Builtin::ScheduleCancel => Command::Cancel { id },
                    Builtin::SchedulePause => Command::Pause { id },
                    _ => Command::Resume { id },
                }
            }
            _ => {
                let (spec,): (ScheduleSpec,) = take(builtin, body)?;
                check_spec(&spec)?;
                return self.create_schedule(now, session, spec);
            }
        };
        Ok(match self.change_schedules(now, &command)? {
            Effect::Cancelled(Cancelled::Now(entry)) => value(&Some(entry)),
            Effect::Cancelled(Cancelled::Before) => value(&None::<ScheduleEntry>),
            Effect::Cancelled(Cancelled::Unknown) => Answer::Error(no_such_schedule(id(body)?)),
            Effect::Known(is_known) => value(&is_known),
            Effect::Created(_) | Effect::Starts(_) | Effect::Done => value(&()),
        })
    }

    fn create_schedule(
        &mut self,
        now: Instant,
        session: u32,
        spec: ScheduleSpec,
    ) -> Result<Answer, CallError> {
        self.check_schedule_spec(session, &spec)?;
        let session = &self.sessions[session as usize];
        let creator = Creator { node: session.name(), identity: Arc::clone(&session.identity) };
        let command = Command::Create { creator, spec: Box::new(spec) };
        let Effect::Created(created) = self.change_schedules(now, &command)? else { return Ok(value(&())) };
        match created {
            Ok(entry) => Ok(value(&entry)),
            Err(refusal @ (Refusal::Full | Refusal::BytesFull)) => {
                Err(CallError::Busy { what: refusal.to_string() })
            }
            Err(refusal) => {
                let expected = "a schedule".to_owned();
                Err(CallError::BadArguments { expected, got: refusal.to_string() })
            }
        }
    }

    fn is_ready(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|slot| self.sessions[*slot as usize].phase == Phase::Ready)
    }

    /// Whether another node than the asking one offers a callback.
    fn is_offered(&self, name: &str, asking: u32) -> bool {
        let entry = self.directory.find(name).and_then(|key| self.directory.entry(key));
        let is_ready = |slot: u32| slot != asking && self.sessions[slot as usize].phase == Phase::Ready;
        entry.is_some_and(|entry| {
            entry.own.is_some() || entry.offers.iter().any(|offer| is_ready(offer.session))
        })
    }

    /// The callbacks of the controller's own that nodes serve too.
    pub(super) fn builtin_on(&self, key: EntryKey, session: u32) -> Result<Target, CallError> {
        match self.directory.entry(key).and_then(Entry::builtin) {
            // Every node answers calls of the number 0 with what they brought.
            Some(Builtin::Ping) => Ok(Target { session, id: 0 }),
            other => {
                let name = other.map_or("?", Builtin::name);
                Err(CallError::NoSuchCallback { name: format!("{name} on a node"), similar: Vec::new() })
            }
        }
    }

    fn job_result(&mut self, session: u32, id: JobId) -> Result<Answer, CallError> {
        if let Some(kept) = self.jobs().result(id) {
            let answer = Answer::Kept { failed: kept.failed, body: kept.body.clone() };
            let (owner, callback) = (kept.owner.clone(), kept.callback.clone());
            self.check_result(session, owner.as_deref(), &callback)?;
            return Ok(answer);
        }
        let Some(slot) = self.running_jobs.get(&id).copied() else { return Err(no_such_job(id)) };
        let (owner, callback) = self.owner_of(slot);
        self.check_result(session, owner.as_deref(), &callback)?;
        Ok(Answer::Park(WaitFor::Job(id)))
    }

    fn cancel_job(&mut self, now: Instant, session: u32, id: JobId) -> Result<Answer, CallError> {
        let Some(slot) = self.running_jobs.get(&id).copied() else {
            return if self.jobs().result(id).is_some() { Ok(value(&false)) } else { Err(no_such_job(id)) };
        };
        let (owner, _) = self.owner_of(slot);
        self.check_admin(session, Builtin::JobCancel, owner.as_deref())?;
        self.stop_callee(slot);
        let ran = match self.calls.get(slot) {
            Some(call) if call.delayed().is_some() => Ran::No,
            _ => Ran::Maybe,
        };
        self.fail(now, slot, &CallError::Cancelled { ran });
        Ok(value(&true))
    }
}

/// What the driver shall do for a call of `builtin`.
fn question(builtin: Builtin, body: &[u8]) -> Result<Question, CallError> {
    Ok(match builtin {
        Builtin::TokenNew => Question::NewToken(take::<(TokenSpec,)>(builtin, body)?.0),
        Builtin::TokenRevoke => Question::RevokeToken(take::<(String,)>(builtin, body)?.0),
        _ => Question::Tokens,
    })
}

pub(super) fn take<T: DeserializeOwned>(builtin: Builtin, body: &[u8]) -> Result<T, CallError> {
    let expected = format!("the arguments of {}", builtin.name());
    decode(body).map_err(|error| CallError::BadArguments { expected, got: error.0 })
}

/// Whether what a schedule names can be names at all, and its arguments are arguments.
fn check_spec(spec: &ScheduleSpec) -> Result<(), CallError> {
    let bad = |got: String| CallError::BadArguments { expected: "a schedule".into(), got };
    if spec.callback.starts_with(RESERVED_PREFIX) && spec.on.is_none() {
        return Err(super::hosted::not_in_this_mode());
    }
    CallbackName::new(&spec.callback)
        .map_err(|error| bad(format!("the callback {:?}: {error}", spec.callback)))?;
    for name in spec.name.iter().chain(&spec.on) {
        NodeName::new(name).map_err(|error| bad(format!("the name {name:?}: {error}")))?;
    }
    if spec.key.as_ref().is_some_and(|key| key.len() > KEY_BYTES_MAX) {
        return Err(bad(format!("a key of more than {KEY_BYTES_MAX} bytes")));
    }
    check_depth(&spec.body).map_err(|error| bad(error.to_string()))
}

fn no_such_job(id: JobId) -> CallError {
    CallError::NoSuchCallback { name: format!("job {id}"), similar: Vec::new() }
}

fn no_such_schedule(id: u64) -> CallError {
    CallError::NoSuchCallback { name: format!("schedule {id}"), similar: Vec::new() }
}
