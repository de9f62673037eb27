//! Sessions that outlive their link: away for a while, then back over another one, or ended.

use std::fmt;
use std::time::{Duration, Instant};

use super::session::{Phase, Session};
use super::{Core, SessionKey};
use crate::name::NodeName;
use crate::wire::{Header, Hello, Kind, Presence, Resume, Welcome, put_frame};

/// What a session needs to be found again. Its `Debug` leaves the secret out.
#[derive(Default)]
pub(super) struct Return {
    /// Which start of the node it is of.
    pub(super) incarnation: u128,
    /// Who has it may go on with the session; `None` if its link must not break.
    pub(super) secret: Option<(u64, u64)>,
    /// While the session has no link: when it ends.
    away_until: Option<Instant>,
    /// On a link that is new: the session that its node would go on with.
    claim: Option<Box<Claim>>,
}

/// A node has come back and shown the secret of the session it had.
#[derive(Debug)]
struct Claim {
    hello: Hello,
    session: SessionKey,
    received: u64,
}

/// A session that a node would go on with over a new link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The session.
    pub session: SessionKey,
    /// Bytes of its lane that the node has.
    pub received: u64,
}

impl fmt::Debug for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Return")
            .field("incarnation", &self.incarnation)
            .field("away_until", &self.away_until)
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}

impl Return {
    pub(super) fn is_away(&self) -> bool {
        self.away_until.is_some()
    }

    /// It is not kept any longer; whether it was away.
    pub(super) fn take_away(&mut self) -> bool {
        self.away_until.take().is_some()
    }
}

impl Core {
    /// Sessions whose link broke are kept for this long from now on.
    pub fn set_grace(&mut self, grace: Duration) {
        self.grace = grace;
    }

    /// The link may break and its session go on over another one, whose node has this secret.
    pub fn allow_resume(&mut self, key: SessionKey, secret: (u64, u64)) {
        if self.phase(key).is_some() {
            self.sessions[key.slot as usize].back.secret = Some(secret);
        }
    }

    /// The link broke. Whether its session is kept for the node to come back; else [`close`](Self::close) it.
    pub fn detach(&mut self, now: Instant, key: SessionKey) -> bool {
        let session = match self.phase(key) {
            Some(Phase::Ready) => &mut self.sessions[key.slot as usize],
            Some(Phase::Open | Phase::Greeted | Phase::Closing) | None => return false,
        };
        if session.back.secret.is_none() || self.grace.is_zero() || session.back.is_away() {
            return session.back.is_away();
        }
        let until = now + self.grace;
        session.back.away_until = Some(until);
        // Whatever it was asked, it cannot answer.
        session.liveness.unanswered = None;
        let was_suspect = std::mem::replace(&mut session.liveness.is_suspect, true);
        self.away.push_back((until, key));
        if !was_suspect {
            self.announce_suspect(key.slot, true);
        }
        true
    }

    /// The session of the node of this name.
    pub fn session_of(&self, node: &NodeName) -> Option<SessionKey> {
        let slot = *self.by_name.get(node)?;
        let session = self.sessions.get(slot as usize)?;
        Some(SessionKey { slot, generation: session.generation })
    }

    /// The session that the node of this new link would go on with: [`resume`](Self::resume) it or
    /// [`refuse_resume`](Self::refuse_resume).
    pub fn claimed(&self, key: SessionKey) -> Option<Claimed> {
        self.phase(key)?;
        let claim = self.sessions[key.slot as usize].back.claim.as_ref()?;
        Some(Claimed { session: claim.session, received: claim.received })
    }

    /// Goes on with the session that is claimed on the new link `key`, which the session has from now on: `key` means
    /// nothing any more. `received` are the bytes of its lane that this controller has. What to answer the node;
    /// `None` if the session has ended meanwhile.
    pub fn resume(&mut self, key: SessionKey, received: u64) -> Option<Vec<u8>> {
        let claimed = self.claimed(key)?.session;
        self.phase(claimed).filter(|phase| *phase == Phase::Ready)?;
        let Session { peer, .. } = self.sessions.remove(key.slot as usize);
        self.counters.sessions_ended += 1;
        self.counters.sessions_resumed += 1;
        self.away.retain(|(_, away)| *away != claimed);
        let session = &mut self.sessions[claimed.slot as usize];
        session.peer = peer;
        session.back.away_until = None;
        // A ping that was under way when the link broke is answered over the new one; whether the node answers is to
        // be seen anew.
        session.liveness.unanswered = None;
        let was_suspect = std::mem::take(&mut session.liveness.is_suspect);
        let secret = session.back.secret;
        if was_suspect {
            self.announce_suspect(claimed.slot, false);
        }
        self.touch(claimed.slot);
        let welcome = Welcome { resumed: Some(received), resume: secret, ..self.greeting(claimed.slot) };
        let mut frame = Vec::new();
        put_frame(&mut frame, Header::new(Kind::Welcome), &[], &welcome.encode());
        Some(frame)
    }

    /// The session that is claimed on the new link cannot go on: it ends, and its node begins a new one.
    pub fn refuse_resume(&mut self, now: Instant, key: SessionKey) {
        if self.phase(key).is_none() {
            return;
        }
        let Some(claim) = self.sessions[key.slot as usize].back.claim.take() else { return };
        self.counters.resumes_refused += 1;
        if self.phase(claim.session).is_some_and(|phase| phase != Phase::Closing) {
            self.end(now, claim.session.slot, "it came back too late to go on");
        }
        self.greet(now, key.slot, claim.hello);
    }

    /// Whether a node that says hello has shown that it is the one of the session that it would resume.
    pub(super) fn has_claim(&mut self, now: Instant, slot: u32, hello: &Hello) -> bool {
        let Some(resume) = hello.resume else { return false };
        let (old, new) = (self.sessions.get(resume.session as usize), &self.sessions[slot as usize]);
        // What a node may no longer join with it may not come back with either.
        let is_welcome = new.identity.objection(self.unix_ms(now)).is_none();
        let Some(old) = old.filter(|old| is_welcome && is_of(old, hello, &resume, new)) else {
            self.counters.resumes_refused += 1;
            return false;
        };
        let session = SessionKey { slot: resume.session, generation: old.generation };
        let claim = Claim { hello: hello.clone(), session, received: resume.received };
        self.sessions[slot as usize].back.claim = Some(Box::new(claim));
        true
    }

    /// Makes room for a node that says hello under the name of the session `other`, if that is its own, left behind.
    pub(super) fn displace(&mut self, now: Instant, slot: u32, other: u32, hello: &Hello) -> bool {
        let back = &self.sessions[other as usize].back;
        // One that was started anew does not go on; nor does one that has given up on its session.
        let is_left = back.is_away() || (back.secret.is_some() && back.incarnation == hello.incarnation);
        // A stranger has no more right to the name than if the node were there.
        let is_left = is_left && self.check_take_over(slot, other).is_ok();
        if is_left {
            self.dismiss(now, other, "its node began anew");
        }
        is_left
    }

    /// Ends the sessions whose nodes have not come back in time.
    pub(super) fn end_away(&mut self, now: Instant) {
        while let Some((_, key)) = self.away.pop_front_if(|(until, _)| *until <= now) {
            if self.phase(key).is_some_and(|phase| phase != Phase::Closing) {
                self.end(now, key.slot, "its connection was lost");
            }
        }
    }

    fn announce_suspect(&mut self, slot: u32, suspect: bool) {
        let session = &self.sessions[slot as usize];
        if !session.hidden {
            self.announce(&Presence::Suspect { node: session.name(), suspect });
        }
    }

    #[cfg(test)]
    pub(super) fn check_away(&self) {
        let away = self.sessions.iter().filter(|(_, session)| session.back.is_away());
        let live = away.filter(|(_, session)| session.phase != Phase::Closing);
        for (slot, session) in live {
            let generation = session.generation;
            let entry = (session.back.away_until, SessionKey { slot: slot as u32, generation });
            assert!(self.away.iter().any(|(until, key)| (Some(*until), *key) == entry), "it will end");
            assert!(session.liveness.is_suspect && session.phase == Phase::Ready);
        }
    }
}

/// Whether the node at the other end of `new` is the one of the session `old`.
fn is_of(old: &Session, hello: &Hello, resume: &Resume, new: &Session) -> bool {
    let is_ready = old.phase == Phase::Ready && new.back.secret.is_some();
    let is_same = old.name.as_ref() == Some(&hello.node) && old.back.incarnation == hello.incarnation;
    let is_proven = old.identity == new.identity;
    is_ready && is_same && is_proven && old.back.secret.is_some_and(|secret| is_equal(secret, resume.secret))
}

/// Takes the same time wherever the two differ.
fn is_equal(one: (u64, u64), other: (u64, u64)) -> bool {
    std::hint::black_box((one.0 ^ other.0) | (one.1 ^ other.1)) == 0
}
