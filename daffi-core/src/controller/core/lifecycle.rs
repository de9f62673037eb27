//! How sessions begin, live and end.

use std::time::Instant;

use super::calls::Origin;
use super::session::{Phase, Session};
use super::{Core, Violation};
use crate::config;
use crate::error::{CallError, Code, Ran};
use crate::name::NodeName;
use crate::wire::{Event, Failure, Flags, Frame, Goodbye, Header, Hello, Kind, Presence, Versions, Welcome};

impl Core {
    pub(super) fn hello(&mut self, now: Instant, slot: u32, frame: Frame<'_>) -> Result<(), Violation> {
        let hello = Hello::decode(frame.body)?;
        if !self.has_claim(now, slot, &hello) {
            self.greet(now, slot, hello);
        }
        Ok(())
    }

    /// Begins a session with a node, or refuses it.
    pub(super) fn greet(&mut self, now: Instant, slot: u32, hello: Hello) {
        match self.admit(now, slot, &hello) {
            Ok(version) => self.welcome(slot, hello, version),
            Err((code, message)) => self.refuse(slot, code, message),
        }
    }

    /// Whether a node may join: the version both speak, or why not.
    fn admit(&mut self, now: Instant, slot: u32, hello: &Hello) -> Result<u16, (Code, String)> {
        let version = Versions::OURS.common(hello.versions);
        let version = version.ok_or_else(|| (Code::Version, Versions::OURS.to_string()))?;
        if let Some(why) = self.sessions[slot as usize].identity.objection(self.unix_ms(now)) {
            tracing::warn!(node = %hello.node, %why, "a node is not let in");
            return Err((Code::Denied, why));
        }
        if self.is_draining {
            return Err((Code::Busy, "the controller is stopping".into()));
        }
        if self.by_name.len() >= config::SESSIONS_MAX {
            return Err((Code::Busy, format!("the controller has {} nodes", config::SESSIONS_MAX)));
        }
        let Some(other) = self.by_name.get(&hello.node).copied() else { return Ok(version) };
        if self.displace(now, slot, other, hello) {
            return Ok(version);
        }
        if !hello.take_over {
            let other = &self.sessions[other as usize];
            let since = now.saturating_duration_since(other.opened).as_secs();
            return Err((Code::NameTaken, format!("{}, connected for {since} s", other.peer.address)));
        }
        self.check_take_over(slot, other).map_err(|why| (Code::Denied, why))?;
        self.dismiss(now, other, "another node took its name over");
        Ok(version)
    }

    fn welcome(&mut self, slot: u32, hello: Hello, version: u16) {
        self.counters.sessions_welcomed += 1;
        self.by_name.insert(hello.node.clone(), slot);
        let session = &mut self.sessions[slot as usize];
        session.phase = Phase::Greeted;
        session.name = Some(hello.node);
        session.software = hello.software;
        session.hidden = hello.hidden;
        session.callee.concurrency = hello.concurrency;
        session.version = version;
        session.back.incarnation = hello.incarnation;
        let resume = session.back.secret;
        let welcome = Welcome { resume, ..self.greeting(slot) };
        self.put(slot, Header::new(Kind::Welcome), &welcome.encode());
    }

    /// What every node that is let in is told.
    pub(super) fn greeting(&self, slot: u32) -> Welcome {
        Welcome {
            version: self.sessions[slot as usize].version,
            session: slot,
            controller: self.id,
            frame_bytes_max: config::FRAME_BYTES_MAX as u32,
            calls_in_flight_max: config::CALLS_IN_FLIGHT_MAX as u32,
            resume: None,
            grace_ms: u32::try_from(self.grace.as_millis()).unwrap_or(u32::MAX),
            resumed: None,
        }
    }

    fn refuse(&mut self, slot: u32, code: Code, message: String) {
        self.counters.sessions_refused += 1;
        let refusal = CallError::Unknown { code: code.number(), message, ran: Ran::No };
        self.put(slot, Header::new(Kind::Refuse), &Failure::from(&refusal).encode());
        self.sessions[slot as usize].phase = Phase::Closing;
    }

    /// Says goodbye and ends the session.
    pub(super) fn dismiss(&mut self, now: Instant, slot: u32, reason: &str) {
        let goodbye = Goodbye { reason: reason.to_owned() };
        self.put(slot, Header::new(Kind::Goodbye), &goodbye.encode());
        self.end(now, slot, reason);
    }

    /// Ends a session: its name, offers and calls go, everybody who waits for it is told, and its link is closed
    /// once what is queued for it is written.
    pub(super) fn end(&mut self, now: Instant, slot: u32, reason: &str) {
        let session = &mut self.sessions[slot as usize];
        let was_ready = session.phase == Phase::Ready && !session.hidden;
        session.phase = Phase::Closing;
        if session.back.take_away() {
            self.away.retain(|(_, away)| away.slot != slot);
        }
        let session = &mut self.sessions[slot as usize];
        let name = session.name.clone();
        let offers: Vec<_> = session.callee.offers.drain().map(|(_, (key, _))| key).collect();
        let (called, serving) = (session.caller.all(), std::mem::take(&mut session.callee.serving));
        self.counters.one_way_lost += session.one_way_outstanding() as u64;
        self.touch(slot);

        if let Some(name) = &name {
            self.by_name.remove(name);
        }
        // The offers go first: nobody may choose this node while its calls are being finished.
        for key in offers {
            self.directory.remove(key, slot);
        }
        for call in called {
            self.caller_left(now, call);
        }
        if let Some(name) = &name {
            self.callee_left(now, name, serving);
        }
        // After its own waits, which what it held must not go to.
        if let Some(hosted) = self.sessions[slot as usize].hosted.take() {
            let is_final = self.sessions[slot as usize].said_goodbye;
            self.end_hosted(now, hosted, is_final);
        }
        // Last, since the above may still have introduced it: from now on its number may mean another node.
        for (_, other) in &mut self.sessions {
            other.callee.forget(peer_number(slot));
        }
        if let (true, Some(node)) = (was_ready, name) {
            self.announce(&Presence::Left { node, reason: reason.to_owned() });
        }
    }

    /// The caller of a call is gone: nobody wants the result, unless it is a background call's.
    fn caller_left(&mut self, now: Instant, slot: u32) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        if call.job().is_none() {
            return self.abandon(now, slot);
        }
        call.origin = Origin::Kept;
        // Half of its arguments, or half of a result: neither can be made whole without the caller.
        if call.has_flows() {
            self.stop_callee(slot);
            self.fail(now, slot, &CallError::Disconnected { ran: Ran::Maybe });
        }
    }

    fn callee_left(&mut self, now: Instant, node: &NodeName, serving: Vec<u32>) {
        for call in serving {
            // It was written to the node, so it may have run.
            self.fail(now, call, &CallError::NodeLost { node: node.clone(), ran: Ran::Maybe });
        }
    }

    pub(super) fn pong(&mut self, now: Instant, slot: u32, count: u64) {
        let session = &mut self.sessions[slot as usize];
        let Some(sent) = session.liveness.unanswered else { return };
        if session.liveness.pings != count {
            return;
        }
        session.liveness.unanswered = None;
        session.liveness.rtt = Some(now.saturating_duration_since(sent));
        if std::mem::take(&mut session.liveness.is_suspect) {
            let node = session.name();
            self.announce(&Presence::Suspect { node, suspect: false });
        }
    }

    /// Pings everybody; who has not answered the ping before is suspect, who has not said a name is cut off.
    pub(super) fn ping_round(&mut self, now: Instant) {
        self.forget_misses();
        let slots: Vec<u32> = self.sessions.iter().map(|(slot, _)| slot as u32).collect();
        self.end_expired(now, &slots);
        for slot in slots {
            let session = &mut self.sessions[slot as usize];
            session.unknown_frames = 0;
            match session.phase {
                Phase::Open | Phase::Greeted => {
                    if now.saturating_duration_since(session.opened) >= config::HANDSHAKE_TIMEOUT {
                        self.counters.sessions_silent += 1;
                        self.end(now, slot, "it did not finish its handshake in time");
                    }
                }
                Phase::Ready => self.ping(now, slot),
                Phase::Closing => {}
            }
        }
    }

    fn ping(&mut self, now: Instant, slot: u32) {
        let Session { liveness, back, .. } = &mut self.sessions[slot as usize];
        if back.is_away() {
            return;
        }
        if let Some(sent) = liveness.unanswered {
            let is_late = now.saturating_duration_since(sent) >= config::SUSPECT_AFTER;
            if is_late && !std::mem::replace(&mut liveness.is_suspect, true) {
                self.counters.nodes_suspected += 1;
                let node = self.sessions[slot as usize].name();
                self.announce(&Presence::Suspect { node, suspect: true });
            }
            // One unanswered ping is enough: more would only fill the buffers of a stopped process.
            return;
        }
        liveness.pings += 1;
        liveness.unanswered = Some(now);
        let header = Header { call: liveness.pings, ..Header::new(Kind::Ping) };
        self.put(slot, header, &[]);
    }

    /// Makes sure that `to` knows which node the number of `peer` means.
    pub(super) fn introduce(&mut self, to: u32, peer: u32) -> u32 {
        let number = peer_number(peer);
        if self.sessions[to as usize].callee.learn(number) {
            let node = self.sessions[peer as usize].name();
            self.send_event(to, &Event::Peer { id: number, node });
        }
        number
    }

    /// Makes the number of nobody mean `node` for the next frame: the caller has gone, or is a schedule.
    pub(super) fn introduce_absent(&mut self, to: u32, node: NodeName) -> u32 {
        self.send_event(to, &Event::Peer { id: ABSENT_PEER, node });
        ABSENT_PEER
    }

    /// Sends a reply of the controller's own.
    pub(super) fn put_reply(&mut self, slot: u32, call: u64, flags: Flags, body: &[u8]) {
        let header = Header { call, flags, ..Header::new(Kind::Reply) };
        self.put(slot, header, body);
    }
}

/// The number of a session as nodes see it; 0 is the controller itself.
pub(super) fn peer_number(slot: u32) -> u32 {
    slot + 1
}

/// The number of a caller that is not connected.
const ABSENT_PEER: u32 = u32::MAX;
