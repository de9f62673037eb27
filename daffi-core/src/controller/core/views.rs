//! What the controller shows of itself: nodes, callbacks, jobs, counters.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Core;
use super::directory::EntryKey;
use super::session::{Phase, Session};
use crate::name::{NodeName, matches_glob};
use crate::wire::{CallbackEntry, JobEntry, JobState, NodeDetail, NodeEntry, Signature};

impl Core {
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

    pub(super) fn node_entries(&self, now: Instant) -> Vec<NodeEntry> {
        let is_shown = |session: &Session| session.phase == Phase::Ready && !session.hidden;
        let shown = self.sessions.iter().filter(|(_, session)| is_shown(session));
        let mut entries: Vec<NodeEntry> =
            shown.map(|(slot, session)| self.node_entry(now, slot, session)).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    pub(super) fn node_detail(&self, now: Instant, name: &str) -> Option<NodeDetail> {
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

    pub(super) fn callback_entries(&self, pattern: &str) -> Vec<CallbackEntry> {
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

    pub(super) fn job_entries(&self, now: Instant) -> Vec<JobEntry> {
        let running = self.running_jobs.iter().filter_map(|(id, slot)| {
            let call = self.calls.get(*slot)?;
            let node = self.sessions.get(call.callee as usize).map(Session::name);
            let age = now.saturating_duration_since(call.started).as_millis();
            let extra = call.extra.as_ref()?;
            Some(JobEntry {
                id: *id,
                callback: extra.callback.as_ref()?.to_string(),
                caller: extra.caller.clone()?,
                node,
                state: if call.delayed().is_some() { JobState::Waiting } else { JobState::Running },
                age_ms: u64::try_from(age).unwrap_or(u64::MAX),
                bytes: 0,
            })
        });
        let mut entries: Vec<JobEntry> = running.chain(self.jobs().entries(self.hosting.time(now))).collect();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    /// Every counter, and the size of every table.
    pub fn stats(&self) -> BTreeMap<String, u64> {
        let sum =
            |count: &dyn Fn(&Session) -> usize| self.sessions.iter().map(|(_, session)| count(session)).sum();
        let is_suspect = |session: &Session| usize::from(session.liveness.is_suspect);
        let tables: [(&str, usize); 24] = [
            ("sessions", self.sessions.len()),
            ("nodes", self.by_name.len()),
            ("sessions_away", self.away.len()),
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
            ("jobs_kept", self.jobs().len()),
            ("objects", self.hosting.store().len()),
            ("objects_bytes", self.hosting.store().bytes()),
            ("objects_waited_for", self.hosting.waiting()),
            ("objects_listened_to", self.hosting.listened_to()),
            ("flows_sending", sum(&|session| session.flows.sending)),
            ("flows_receiving", sum(&|session| session.flows.receiving)),
            ("bulk_bytes", sum(&Session::bulk_bytes)),
            ("backlog_bytes", sum(&Session::backlog_bytes)),
        ];
        let tables = tables.into_iter().map(|(name, size)| (name, size as u64));
        let schedules =
            [("schedules", self.schedules().len() as u64), ("jobs_kept_bytes", self.jobs().bytes() as u64)];
        self.counters
            .all()
            .chain(tables)
            .chain(schedules)
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}
