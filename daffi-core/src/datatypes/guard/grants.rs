//! What sessions hold of an object, each by the token of its grant, until it is given back, lost, or its session ends.

use std::time::Duration;

use imbl::{OrdMap, OrdSet};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config;
use crate::error::DataError;
use crate::hosted::{SessionId, Time, Turn};

/// Who asks for a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What it calls itself, for people who look: a node's name, as a rule.
    pub owner: String,
    /// A number that it gives its claim, and no other of its session's. It can take the claim back by it, and if it
    /// claims twice by one number, it has one grant.
    pub ticket: u64,
    /// How long it may go without renewing the grant, in milliseconds; `None` if it lasts as long as the session.
    pub lease_ms: Option<u64>,
}

/// Whose a grant is that belongs to no session, but to whoever knows its token. Sessions are numbered from 1, so none
/// is taken for it; as nothing of any session is imported, neither is that.
const NOBODY: SessionId = SessionId(0);

/// What was granted by one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant<T> {
    session: SessionId,
    ticket: u64,
    pub(crate) owner: String,
    since: Time,
    lease: Option<Lease>,
    /// What it is a grant of.
    pub(crate) of: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    until: Time,
    ms: u64,
}

/// A change as watchers of the object hear of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum GrantChange<'a> {
    Granted { token: u64, owner: &'a str },
    Ended { token: u64 },
}

/// All grants of an object. They alone are saved, and the rest follows from them: whoever made up a state that is imported
/// cannot hide a grant from its release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grants<T: Clone> {
    by_token: OrdMap<u64, Grant<T>>,
    /// Tokens by when their leases end.
    ends: OrdSet<(Time, u64)>,
    /// Tokens by session and ticket.
    tickets: OrdMap<(SessionId, u64), u64>,
    owner_bytes: usize,
}

impl<T: Clone> Default for Grants<T> {
    fn default() -> Self {
        Self { by_token: OrdMap::new(), ends: OrdSet::new(), tickets: OrdMap::new(), owner_bytes: 0 }
    }
}

impl<T> Grant<T> {
    /// For how long it has been held.
    pub(crate) fn held_for(&self, now: Time) -> Duration {
        now.since(self.since)
    }

    /// How long it lasts unless it is renewed; `None` if it has no lease.
    pub(crate) fn lease_left(&self, now: Time) -> Option<Duration> {
        self.lease.map(|lease| lease.until.since(now))
    }
}

impl<T: Clone> Grants<T> {
    /// Whether a claim may be granted at all; if it was already, the token.
    pub(crate) fn check(&self, turn: &Turn<'_>, claim: &Claim) -> Result<Option<u64>, DataError> {
        check_terms(claim)?;
        let known = self.token(turn.session(), claim.ticket);
        if known.is_none() {
            self.check_batch(turn)?;
        }
        Ok(known)
    }

    /// Whether something may be granted at all that is bound to its lease alone.
    pub(crate) fn check_leased(&self, turn: &Turn<'_>, claim: &Claim) -> Result<(), DataError> {
        check_terms(claim)?;
        if claim.lease_ms.is_none() {
            return Err(DataError::invalid("what is bound to no session needs a lease"));
        }
        self.check_batch(turn)
    }

    /// Both grants of one batch would have its number for their token.
    fn check_batch(&self, turn: &Turn<'_>) -> Result<(), DataError> {
        if self.contains(turn.revision()) {
            return Err(DataError::invalid("one batch can have one grant of an object"));
        }
        Ok(())
    }

    /// Grants what was [checked](Self::check), and returns the token.
    pub(crate) fn insert(&mut self, turn: &mut Turn<'_>, claim: Claim, of: T) -> u64 {
        let session = turn.session();
        turn.hold(session);
        self.put(turn, session, claim, of)
    }

    /// Grants what was [checked](Self::check_leased) until its lease ends, whatever becomes of the session, and returns
    /// the token.
    pub(crate) fn insert_leased(&mut self, turn: &mut Turn<'_>, claim: Claim, of: T) -> u64 {
        // Tickets are numbers of a session's own, and this may be asked for by many.
        let claim = Claim { ticket: turn.revision(), ..claim };
        self.put(turn, NOBODY, claim, of)
    }

    fn put(&mut self, turn: &mut Turn<'_>, session: SessionId, claim: Claim, of: T) -> u64 {
        let token = turn.revision();
        tell(turn, &GrantChange::Granted { token, owner: &claim.owner });
        let lease = claim.lease_ms.map(|ms| Lease { until: turn.now().after(Duration::from_millis(ms)), ms });
        if let Some(lease) = lease {
            self.ends.insert((lease.until, token));
        }
        self.tickets.insert((session, claim.ticket), token);
        self.owner_bytes += claim.owner.len();
        let grant = Grant { session, ticket: claim.ticket, owner: claim.owner, since: turn.now(), lease, of };
        self.by_token.insert(token, grant);
        token
    }

    /// Ends a grant.
    pub(crate) fn remove(&mut self, turn: &mut Turn<'_>, token: u64) -> Option<Grant<T>> {
        let grant = self.by_token.remove(&token)?;
        if let Some(lease) = grant.lease {
            self.ends.remove(&(lease.until, token));
        }
        self.tickets.remove(&(grant.session, grant.ticket));
        self.owner_bytes -= grant.owner.len();
        // Of nobody there is nothing to let go, which the store knows.
        if self.of_session(grant.session).next().is_none() {
            turn.let_go(grant.session);
        }
        tell(turn, &GrantChange::Ended { token });
        Some(grant)
    }

    /// The token of the grant that a session has for a ticket.
    pub(crate) fn token(&self, session: SessionId, ticket: u64) -> Option<u64> {
        self.tickets.get(&(session, ticket)).copied()
    }

    /// Ends the grant that this session has for a ticket, if it has one.
    pub(crate) fn forgo(&mut self, turn: &mut Turn<'_>, ticket: u64) -> Option<Grant<T>> {
        let token = self.token(turn.session(), ticket)?;
        self.remove(turn, token)
    }

    /// Begins the lease of a grant anew, from now on, with another length if one is given. `None` if there is no such
    /// grant.
    pub(crate) fn renew(
        &mut self,
        turn: &Turn<'_>,
        token: u64,
        lease_ms: Option<u64>,
    ) -> Result<Option<()>, DataError> {
        check_lease(lease_ms)?;
        let Some(grant) = self.by_token.get_mut(&token) else { return Ok(None) };
        if let Some(ms) = lease_ms.or(grant.lease.map(|lease| lease.ms)) {
            let until = turn.now().after(Duration::from_millis(ms));
            let before = grant.lease.replace(Lease { until, ms });
            if let Some(before) = before {
                self.ends.remove(&(before.until, token));
            }
            self.ends.insert((until, token));
        }
        Ok(Some(()))
    }

    /// When a lease ends next.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        self.ends.get_min().map(|(until, _)| *until)
    }

    /// Ends the grants whose leases have ended.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>) -> Vec<(u64, Grant<T>)> {
        let now = turn.now();
        let due: Vec<u64> =
            self.ends.iter().take_while(|(until, _)| *until <= now).map(|(_, token)| *token).collect();
        self.remove_all(turn, due)
    }

    /// Ends the grants of the session that has ended.
    pub(crate) fn release(&mut self, turn: &mut Turn<'_>) -> Vec<(u64, Grant<T>)> {
        let lost: Vec<u64> = self.of_session(turn.session()).collect();
        self.remove_all(turn, lost)
    }

    /// Ends all grants.
    pub(crate) fn clear(&mut self, turn: &mut Turn<'_>) -> Vec<(u64, Grant<T>)> {
        let all: Vec<u64> = self.iter().map(|(token, _)| token).collect();
        self.remove_all(turn, all)
    }

    pub(crate) fn remove_all(&mut self, turn: &mut Turn<'_>, tokens: Vec<u64>) -> Vec<(u64, Grant<T>)> {
        let ended = |token| self.remove(turn, token).map(|grant| (token, grant));
        tokens.into_iter().filter_map(ended).collect()
    }

    fn of_session(&self, session: SessionId) -> impl Iterator<Item = u64> {
        self.tickets.range((session, 0)..=(session, u64::MAX)).map(|(_, token)| *token)
    }

    /// The sessions that have grants, and nobody if there are some of no session.
    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        let mut sessions: Vec<SessionId> = self.tickets.keys().map(|(session, _)| *session).collect();
        sessions.dedup();
        sessions
    }

    /// The grants, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Grant<T>)> {
        self.by_token.iter().map(|(token, grant)| (*token, grant))
    }

    /// The oldest grant.
    pub(crate) fn first(&self) -> Option<(u64, &Grant<T>)> {
        self.by_token.get_min().map(|(token, grant)| (*token, grant))
    }

    /// How long something of it is held if nobody renews it; `None` if nothing is, and [`Duration::MAX`] if it has no end.
    pub(crate) fn lease_left(&self, now: Time) -> Option<Duration> {
        let last = self.ends.get_max().filter(|_| self.ends.len() == self.by_token.len());
        let left = last.map_or(Duration::MAX, |(until, _)| until.since(now));
        Some(left).filter(|_| !self.is_empty())
    }

    /// What was granted by this token.
    pub(crate) fn of(&self, token: u64) -> Option<&T> {
        self.by_token.get(&token).map(|grant| &grant.of)
    }

    /// Whether there is a grant by this token.
    pub(crate) fn contains(&self, token: u64) -> bool {
        self.by_token.contains_key(&token)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_token.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_token.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        let first = if self.is_empty() { 0 } else { FIRST_GRANT_BYTES };
        first + self.by_token.len() * GRANT_BYTES + self.owner_bytes
    }
}

impl<T: Clone + Serialize> Serialize for Grants<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_token.serialize(serializer)
    }
}

impl<'de, T: Clone + Deserialize<'de>> Deserialize<'de> for Grants<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_token = OrdMap::<u64, Grant<T>>::deserialize(deserializer)?;
        let mut grants = Self::default();
        for (token, grant) in &by_token {
            grants.ends.extend(grant.lease.map(|lease| (lease.until, *token)));
            grants.owner_bytes += grant.owner.len();
            if grants.tickets.insert((grant.session, grant.ticket), *token).is_some() {
                return Err(D::Error::custom("two grants by one ticket"));
            }
        }
        Ok(Self { by_token, ..grants })
    }
}

fn check_terms(claim: &Claim) -> Result<(), DataError> {
    let (given, max) = (claim.owner.len(), config::OWNER_BYTES_MAX);
    if given > max {
        return Err(DataError::invalid(format!("an owner's name of {given} bytes; it has up to {max}")));
    }
    check_lease(claim.lease_ms)
}

fn check_lease(lease_ms: Option<u64>) -> Result<(), DataError> {
    if lease_ms == Some(0) {
        return Err(DataError::invalid("a lease lasts at least a millisecond"));
    }
    Ok(())
}

/// The error of who gives back or renews what it does not hold.
pub(crate) fn not_held(what: &str, token: u64) -> DataError {
    DataError::NotHeld { what: format!("{what} by token {token}") }
}

fn tell(turn: &mut Turn<'_>, change: &GrantChange<'_>) {
    turn.tell(change).expect("numbers and text encode");
}

/// What a grant takes with its place in three indices, about.
const GRANT_BYTES: usize = 320;
/// What the first takes beside that: indices have room for several.
const FIRST_GRANT_BYTES: usize = 2_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wire;

    fn grant(session: u64, until: Option<u64>) -> Grant<u8> {
        let lease = until.map(|until| Lease { until: Time(until), ms: 5 });
        Grant {
            session: SessionId(session),
            ticket: 1,
            owner: "somebody".into(),
            since: Time(1),
            lease,
            of: 0,
        }
    }

    #[test]
    fn grants_alone_are_saved_and_the_rest_follows_from_them() {
        let saved = BTreeMap::from([(7, grant(1, Some(60))), (8, grant(2, None)), (9, grant(3, Some(50)))]);
        let bytes = wire::encode(&saved).unwrap();

        let grants: Grants<u8> = wire::decode(&bytes).unwrap();

        assert_eq!(grants.sessions(), [1, 2, 3].map(SessionId));
        assert_eq!([1, 2, 3].map(|session| grants.token(SessionId(session), 1)), [7, 8, 9].map(Some));
        assert_eq!((grants.next_expiry(), grants.owner_bytes), (Some(Time(50)), 24));
        assert_eq!(wire::encode(&grants).unwrap(), bytes);
    }

    #[test]
    fn two_grants_by_one_ticket_are_refused() {
        let saved = BTreeMap::from([(7, grant(1, None)), (8, grant(1, None))]);

        let grants = wire::decode::<Grants<u8>>(&wire::encode(&saved).unwrap());

        assert!(grants.is_err(), "{grants:?}");
    }
}
