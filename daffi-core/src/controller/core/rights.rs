//! Who may do what: what a session's identity is asked before anything is done for it.
//!
//! A role lasts as long as its session, so whatever was allowed once needs no second look: names travel as text
//! until they were found and allowed, and by number from then on.

use std::sync::Arc;
use std::time::Instant;

use super::Core;
use super::builtin::Builtin;
use super::schedules::{Command, Run};
use super::session::Phase;
use crate::config;
use crate::error::CallError;
use crate::hosted::{Access, Args, MethodId};
use crate::identity::Identity;
use crate::name::RESERVED_PREFIX;
use crate::wire::{Offered, ScheduleSpec};

impl Core {
    /// Whether a session may call `name`.
    pub(super) fn check_call(&mut self, slot: u32, name: &str) -> Result<(), CallError> {
        if may_call(&self.sessions[slot as usize].identity, name) {
            return Ok(());
        }
        self.counters.calls_denied += 1;
        Err(self.deny(slot, "call", name))
    }

    /// Whether a session may call a method of the hosted object that the arguments name, and read those that they name
    /// beside it.
    pub(super) fn check_hosted(&mut self, slot: u32, method: MethodId, body: &[u8]) -> Result<(), CallError> {
        let store = self.hosting.store();
        let access = store.access(method);
        let may_read = !store.reads_others(method) || self.may_with_all(slot, Access::Read);
        if may_read && self.may_with_all(slot, access) {
            return Ok(());
        }
        let kind = store.kinds()[usize::from(method.kind)].name;
        // Arguments that cannot be read name nothing; the store refuses them.
        let args = Args::of(body).ok();
        let others = args.as_ref().and_then(|args| store.others_of(method, args).ok()).unwrap_or_default();
        let name = args.and_then(|mut args| args.text("the object's name").ok()).unwrap_or_default();
        self.check_object(slot, access, kind, name)?;
        others.into_iter().try_for_each(|other| self.check_object(slot, Access::Read, kind, other))
    }

    /// Whether a session may do this to all hosted objects, as most may, so that it need not be asked about each.
    fn may_with_all(&self, slot: u32, access: Access) -> bool {
        let role = &self.sessions[slot as usize].identity.role;
        if access == Access::Read { role.may_read("*") } else { role.may_write("*") }
    }

    /// Whether a session may do this to a hosted object.
    pub(super) fn check_object(
        &mut self,
        slot: u32,
        access: Access,
        kind: &str,
        name: &str,
    ) -> Result<(), CallError> {
        if self.may_with_all(slot, access) {
            return Ok(());
        }
        let role = &self.sessions[slot as usize].identity.role;
        let is_read = access == Access::Read;
        let may = |object: &str| if is_read { role.may_read(object) } else { role.may_write(object) };
        let object = format!("{kind}/{name}");
        if may(&object) {
            return Ok(());
        }
        self.counters.calls_denied += 1;
        Err(self.deny(slot, if is_read { "read" } else { "write" }, &object))
    }

    /// Whether a session may offer all of these.
    pub(super) fn check_offers(&mut self, slot: u32, offers: &[Offered]) -> Result<(), CallError> {
        let role = &self.sessions[slot as usize].identity.role;
        let names = offers.iter().map(|offered| offered.signature.name.as_str());
        let Some(name) = names.into_iter().find(|name| !role.may_serve(name)) else { return Ok(()) };
        self.counters.offers_denied += 1;
        Err(self.deny(slot, "serve", name))
    }

    /// Whether a session may call a callback of the controller's own that needs a right, unless it is about
    /// something that is its own.
    pub(super) fn check_admin(
        &mut self,
        slot: u32,
        builtin: Builtin,
        owner: Option<&Identity>,
    ) -> Result<(), CallError> {
        let identity = &self.sessions[slot as usize].identity;
        let is_own = owner.is_some_and(|owner| owner.is_same(identity));
        if is_own || identity.role.may_administer(builtin.name()) {
            return Ok(());
        }
        self.counters.calls_denied += 1;
        Err(self.deny(slot, "administer", builtin.name()))
    }

    /// Whether the node of one session may end that of another by taking its name: who may not kick it may not.
    pub(super) fn check_take_over(&self, slot: u32, other: u32) -> Result<(), String> {
        let (own, other) = (&self.sessions[slot as usize].identity, &self.sessions[other as usize].identity);
        if own.is_same(other) || own.role.may_administer(Builtin::Kick.name()) {
            return Ok(());
        }
        tracing::warn!(identity = %own, %other, "a node was not let take the name of another");
        Err(format!("{own} may not take the name of a node of {other}"))
    }

    /// Whether a session may read what a job of `owner` came to: whoever may call for it may know it.
    pub(super) fn check_result(
        &mut self,
        slot: u32,
        owner: Option<&Identity>,
        callback: &str,
    ) -> Result<(), CallError> {
        let identity = &self.sessions[slot as usize].identity;
        let is_own = owner.is_some_and(|owner| owner.is_same(identity));
        if is_own { Ok(()) } else { self.check_call(slot, callback) }
    }

    /// In whose rights a background call was made, and of what.
    pub(super) fn owner_of(&self, slot: u32) -> (Option<Arc<Identity>>, String) {
        let Some(extra) = self.calls.get(slot).and_then(|call| call.extra.as_ref()) else {
            return (None, String::new());
        };
        let name = extra.callback.as_ref().map(ToString::to_string).unwrap_or_default();
        (extra.owner.clone(), name)
    }

    /// Whether a session may make a schedule, which it may not do in the place of another's.
    pub(super) fn check_schedule_spec(&mut self, slot: u32, spec: &ScheduleSpec) -> Result<(), CallError> {
        self.check_call(slot, &spec.callback)?;
        match spec.name.as_deref().and_then(|name| self.schedules().named(name)) {
            Some(namesake) => self.check_schedule(slot, Builtin::ScheduleCreate, namesake.id),
            None => Ok(()),
        }
    }

    /// Whether a session may change this schedule. One that does not exist is anybody's to be told so.
    pub(super) fn check_schedule(&mut self, slot: u32, builtin: Builtin, id: u64) -> Result<(), CallError> {
        match self.schedules().owner(id).cloned() {
            Some(owner) => self.check_admin(slot, builtin, Some(&owner)),
            None => Ok(()),
        }
    }

    /// Whether a run is still in the rights of whoever made the schedule.
    pub(super) fn check_scheduled(&mut self, now: Instant, run: &Run) -> Result<(), CallError> {
        let owner = self.schedules().owner(run.schedule).cloned();
        let refusal = match &owner {
            Some(owner) => self.refusal_of(now, owner, &run.callback),
            None => Some(CallError::Denied { what: format!("nobody owns schedule {}", run.schedule) }),
        };
        refusal.map_or(Ok(()), Err)
    }

    /// Why `name` is not called now in the rights of `owner`, who may have no session any more.
    pub(super) fn refusal_of(&mut self, now: Instant, owner: &Identity, name: &str) -> Option<CallError> {
        let what = match owner.objection(self.unix_ms(now)) {
            Some(objection) => objection,
            None if may_call(owner, name) => return None,
            None => format!("{owner} may not call `{name}`"),
        };
        self.counters.calls_denied += 1;
        tracing::warn!(identity = %owner, name, "a call that had waited was denied");
        Some(CallError::Denied { what })
    }

    /// A token is good no more: its sessions end, and what it left to be done later is not done.
    pub fn end_token(&mut self, now: Instant, id: &str, why: &str) {
        let is_meant = |identity: &Identity| identity.is_token(id);
        let sessions = self.sessions.iter().filter(|(_, session)| is_meant(&session.identity));
        let slots: Vec<u32> = sessions.map(|(slot, _)| slot as u32).collect();
        for slot in slots {
            self.end_by_token(now, slot, why);
        }
        if self.schedules().has_owner(id) {
            let command = Command::EndToken { token: id.to_owned(), why: why.to_owned() };
            // Should it fail, no schedule runs at all.
            drop(self.change_schedules(now, &command));
        }
        let owned = self.calls.iter().filter(|(_, call)| {
            let owner = call.extra.as_ref().and_then(|extra| extra.owner.as_deref());
            call.delayed().is_some() && owner.is_some_and(is_meant)
        });
        let delayed: Vec<u32> = owned.map(|(slot, _)| slot).collect();
        for slot in delayed {
            self.fail(now, slot, &CallError::Denied { what: why.to_owned() });
        }
    }

    /// Ends the sessions among `slots` whose token has expired.
    pub(super) fn end_expired(&mut self, now: Instant, slots: &[u32]) {
        let unix_ms = self.unix_ms(now);
        for slot in slots {
            let identity = &self.sessions[*slot as usize].identity;
            if identity.expires_ms.is_none() {
                continue;
            }
            if let Some(why) = identity.objection(unix_ms) {
                self.end_by_token(now, *slot, &why);
            }
        }
    }

    fn end_by_token(&mut self, now: Instant, slot: u32, why: &str) {
        let session = &mut self.sessions[slot as usize];
        match session.phase {
            // It will be told when it says hello.
            Phase::Open => {
                let kind = session.identity.kind.clone();
                session.identity = Arc::new(Identity::refused(kind, why));
            }
            Phase::Greeted | Phase::Ready => {
                let node = session.name();
                tracing::warn!(%node, identity = %session.identity, why, "a session ends with its token");
                self.counters.sessions_ended_by_token += 1;
                self.dismiss(now, slot, why);
            }
            Phase::Closing => {}
        }
    }

    fn deny(&mut self, slot: u32, deed: &str, name: &str) -> CallError {
        let session = &mut self.sessions[slot as usize];
        session.denied += 1;
        // The first, second, fourth …: nobody fills the log by asking again and again.
        if session.denied.is_power_of_two() {
            let (node, identity, times) = (session.name(), &session.identity, session.denied);
            tracing::warn!(%node, %identity, deed, name, times, "denied");
        }
        let name: String = name.chars().take(config::TOKEN_ID_BYTES_MAX).collect();
        CallError::Denied { what: format!("{} may not {deed} `{name}`", session.identity) }
    }
}

/// The controller's own callbacks are everybody's, unless they say otherwise themselves.
fn may_call(identity: &Identity, name: &str) -> bool {
    name.starts_with(RESERVED_PREFIX) || identity.role.may_call(name)
}
