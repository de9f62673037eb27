//! The controller's own callbacks about hosted objects: what there is, and what is done to several at once.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_bytes::ByteBuf;

use super::super::answer::{Answer, take, value};
use super::super::directory::Own;
use super::super::{Core, builtin::Builtin};
use super::lines::Choice;
use super::{Parked, denied};
use crate::config;
use crate::error::CallError;
use crate::hosted::{self, Access, Command, Condition, Denial, Invocation, MethodId, Outcome, Stop, Time};
use crate::name::matches_glob;
use crate::wire::{CallId, ExportedObject, Listen, ObjectEntry, ObjectQuery, Step, Stepped, Term, decode};

impl Core {
    pub(in super::super) fn run_object_builtin(
        &mut self,
        now: Instant,
        session: u32,
        (id, first): (CallId, Option<u64>),
        builtin: Builtin,
        body: &[u8],
    ) -> Result<Answer, CallError> {
        self.expire_hosted(now);
        Ok(match builtin {
            Builtin::Objects => {
                let (query,): (ObjectQuery,) = take(builtin, body)?;
                value(&self.object_entries(now, session, &query))
            }
            Builtin::Object => {
                let (kind, object): (String, String) = take(builtin, body)?;
                let kind = self.object_kind(session, &kind, &object, Access::Read)?;
                let now = self.hosting.time(now);
                value(&self.hosting.store().entry(kind, &object).map(|entry| self.object_entry(now, &entry)))
            }
            Builtin::ObjectDestroy => {
                let (kind, object): (String, String) = take(builtin, body)?;
                let kind = self.object_kind(session, &kind, &object, Access::Write)?;
                self.change_object(now, &Command::Destroy { kind, object: object.into() })
            }
            Builtin::ObjectExpire => {
                let (kind, object, ms): (String, String, Option<u64>) = take(builtin, body)?;
                let kind = self.object_kind(session, &kind, &object, Access::Write)?;
                let after = ms.map(Duration::from_millis);
                self.change_object(now, &Command::Expire { kind, object: object.into(), after })
            }
            Builtin::ObjectExport => {
                let (kind, object): (String, String) = take(builtin, body)?;
                let number = self.object_kind(session, &kind, &object, Access::Read)?;
                value(&self.exported(now, number, kind, object)?)
            }
            Builtin::ObjectImport => {
                let (object,): (ExportedObject,) = take(builtin, body)?;
                let kind = self.object_kind(session, &object.kind, &object.name, Access::Write)?;
                let expires = object.expires_in_ms.map(Duration::from_millis);
                let (name, state) = (object.name.into(), Cow::Owned(object.state.into_vec()));
                self.change_object(now, &Command::Import { kind, object: name, after: expires, state })
            }
            Builtin::Batch => {
                let (terms, steps): (Vec<Term>, Vec<Step>) = take(builtin, body)?;
                self.batch(now, session, (id, first), &terms, steps)?
            }
            Builtin::Select => {
                let (steps, by_urgency): (Vec<Step>, bool) = take(builtin, body)?;
                let choice = if by_urgency { Choice::MostUrgent } else { Choice::First };
                self.selected(now, session, (id, first), steps, choice)?
            }
            _ => {
                let (listen,): (Listen,) = take(builtin, body)?;
                let kind = self.object_kind(session, &listen.kind, &listen.object, Access::Read)?;
                match self.hosting.listen(now, kind, listen)? {
                    Ok(heard) => Answer::Value(heard),
                    Err(listening) => Answer::Listen(listening),
                }
            }
        })
    }

    /// The number of a kind, of which the session may do this to the object.
    fn object_kind(
        &mut self,
        session: u32,
        kind: &str,
        object: &str,
        access: Access,
    ) -> Result<u16, CallError> {
        let kinds = self.hosting.store().kinds();
        let Some(number) = kinds.iter().position(|known| known.name == kind) else {
            let got = format!("`{kind}`, which is no kind of object that it keeps");
            return Err(CallError::BadArguments { expected: "a kind of object".into(), got });
        };
        self.check_object(session, access, kind, object)?;
        Ok(number as u16)
    }

    fn change_object(&mut self, now: Instant, command: &Command<'_>) -> Answer {
        let outcome = self.hosting.run(now, command, &mut Vec::new());
        self.wake_changed(now);
        match outcome {
            Outcome::Known(was_there) => value(&was_there),
            Outcome::Refused(denial) => Answer::Error(denied(denial)),
            Outcome::Opened(_) | Outcome::Value | Outcome::Done => value(&()),
        }
    }

    fn object_entries(&self, now: Instant, session: u32, query: &ObjectQuery) -> Vec<ObjectEntry> {
        let role = &self.sessions[session as usize].identity.role;
        let is_wanted = |pattern: &str, text: &str| pattern.is_empty() || matches_glob(pattern, text);
        let after = query.after.as_ref().map(|(kind, name)| (kind.as_str(), name.as_str()));
        let limit = match query.limit {
            0 => config::OBJECTS_LISTED_MAX,
            limit => (limit as usize).min(config::OBJECTS_LISTED_MAX),
        };
        let now = self.hosting.time(now);
        let store = self.hosting.store();
        // A single name is looked up: to search all objects takes a while where there are many.
        let entries: Box<dyn Iterator<Item = _>> = match query.name.as_str() {
            name if name.is_empty() || name.contains('*') => Box::new(store.entries_after(after)),
            name => Box::new(store.entries_named(name)),
        };
        let entries = entries.filter(|entry| {
            after.is_none_or(|after| (entry.kind, entry.name) > after)
                && is_wanted(&query.kind, entry.kind)
                && is_wanted(&query.name, entry.name)
                && role.may_read(&format!("{}/{}", entry.kind, entry.name))
        });
        entries.take(limit).map(|entry| self.object_entry(now, &entry)).collect()
    }

    fn object_entry(&self, now: Time, entry: &hosted::ObjectEntry<'_>) -> ObjectEntry {
        ObjectEntry {
            kind: entry.kind.to_owned(),
            name: entry.name.to_owned(),
            bytes: entry.bytes as u64,
            revision: entry.revision,
            expires_in_ms: entry.expires.map(|expires| expires.since(now).as_millis() as u64),
            waiting: self.hosting.waiting_for(entry.id) as u64,
            quarantined: entry.broken.map(str::to_owned),
        }
    }

    fn exported(
        &self,
        now: Instant,
        number: u16,
        kind: String,
        name: String,
    ) -> Result<Option<ExportedObject>, CallError> {
        let Some(entry) = self.hosting.store().entry(number, &name) else { return Ok(None) };
        let expires = entry.expires.map(|expires| expires.since(self.hosting.time(now)).as_millis() as u64);
        let state = self.hosting.store().state(number, &name);
        let state = state.map_err(|error| denied(error.into()))?;
        Ok(state.map(|state| ExportedObject::new(kind, name, expires, state)))
    }

    /// One of several operations, or a place in the lines of all.
    fn selected(
        &mut self,
        now: Instant,
        session: u32,
        request: (CallId, Option<u64>),
        steps: Vec<Step>,
        choice: Choice,
    ) -> Result<Answer, CallError> {
        let steps = self.steps(session, steps)?;
        let selected = self.select(now, session, request, &steps, choice);
        self.wake_changed(now);
        Ok(match selected {
            Ok(selected) => Answer::Value(selected),
            Err(Denial::Stopped { stop: Stop::Parked, .. }) => Answer::Queue(Parked::select(steps, choice)),
            Err(denial) => Answer::Error(denied(denial)),
        })
    }

    /// Several operations as one step.
    fn batch(
        &mut self,
        now: Instant,
        session: u32,
        (id, first): (CallId, Option<u64>),
        terms: &[Term],
        steps: Vec<Step>,
    ) -> Result<Answer, CallError> {
        let conditions = self.conditions(session, terms)?;
        let steps = self.steps(session, steps)?;
        let invocations: Vec<Invocation<'_>> = steps
            .iter()
            .map(|(method, body)| Invocation { method: *method, body: Cow::Borrowed(body) })
            .collect();
        let only_reads =
            invocations.iter().all(|step| self.hosting.store().access(step.method) == Access::Read);
        if only_reads {
            return self.look_all(now, session, &conditions, &invocations);
        }
        let is_settled = self.is_settled(now, session, first);
        for invocation in &invocations {
            if !is_settled && self.must_queue(invocation).map_err(denied)? {
                return Err(denied(Denial::from(Stop::Parked)));
            }
        }
        let asker = self.asker(now, session, id, first);
        let name = self.sessions[session as usize].name.clone();
        let command = Command::Batch { asker, conditions: Cow::Owned(conditions), invocations };
        let mut out = Vec::new();
        let done = self.hosting.propose(now, name.as_ref(), &command, &mut out);
        done.map_err(denied)?;
        let results: Vec<(u64, ByteBuf)> = decode(&out).expect("the store's own results decode");
        let answer = stepped(results);
        self.wake_changed(now);
        Ok(answer)
    }

    /// The same of operations that change nothing: there is nothing to be remembered of them.
    fn look_all(
        &self,
        now: Instant,
        session: u32,
        conditions: &[Condition],
        invocations: &[Invocation<'_>],
    ) -> Result<Answer, CallError> {
        let known = self.sessions[session as usize].hosted.unwrap_or_default();
        let looked = self.hosting.store().look_all(self.hosting.time(now), known, conditions, invocations);
        Ok(stepped(looked.map_err(denied)?))
    }

    fn conditions(&mut self, session: u32, terms: &[Term]) -> Result<Vec<Condition>, CallError> {
        let mut conditions = Vec::new();
        if terms.len() > config::BATCH_STEPS_MAX {
            return Err(too_many(terms.len()));
        }
        for Term { kind, object, revision, token } in terms {
            let kind = self.object_kind(session, kind, object, Access::Read)?;
            let object = object.clone();
            if let Some(token) = *token {
                conditions.push(Condition::Fence { kind, object: object.clone(), token });
            }
            if let Some(revision) = *revision {
                conditions.push(Condition::Revision { kind, object, revision });
            }
        }
        Ok(conditions)
    }

    /// The methods that several operations mean, which the session may all call.
    fn steps(&mut self, session: u32, steps: Vec<Step>) -> Result<Vec<(MethodId, Bytes)>, CallError> {
        if steps.len() > config::BATCH_STEPS_MAX {
            return Err(too_many(steps.len()));
        }
        let mut found = Vec::with_capacity(steps.len());
        for Step { callback, body } in steps {
            self.check_call(session, &callback)?;
            let entry = self.directory.find(&callback).and_then(|key| self.directory.entry(key));
            let method = match entry.map(|entry| entry.own) {
                Some(Some(Own::Hosted(method))) => method,
                Some(_) => {
                    let got = format!("`{callback}`, which is about no object");
                    return Err(CallError::BadArguments {
                        expected: "operations on hosted objects".into(),
                        got,
                    });
                }
                None => return Err(self.no_such_callback(&callback)),
            };
            self.check_hosted(session, method, &body)?;
            found.push((method, Bytes::from(body.into_vec())));
        }
        Ok(found)
    }
}

fn stepped(results: Vec<(u64, ByteBuf)>) -> Answer {
    let stepped = results.into_iter().map(|(revision, result)| Stepped { revision, result });
    value(&stepped.collect::<Vec<Stepped>>())
}

fn too_many(steps: usize) -> CallError {
    let what = format!("{steps} operations in one call, of at most {}", config::BATCH_STEPS_MAX);
    CallError::Busy { what }
}
