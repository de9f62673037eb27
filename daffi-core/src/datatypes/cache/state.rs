//! A cache as the controller keeps it.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use daffi_macros::callback;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::datatypes::entries::{Entries, Expiring, ttl};
use crate::datatypes::guard::{Claim, Grant, Grants, not_held};
use crate::error::DataError;
use crate::hosted::{Hosted, Key, SessionId, Time, Turn, Value};

/// A cache, as the controller keeps it: values by key, and who computes which now.
///
/// A computation belongs to the session that began it. Whatever is stored, forgotten or cleared after it began counts
/// more than what comes of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct CacheState {
    entries: Entries<Arc<Value>>,
    /// By what key each computation is.
    flights: Grants<Arc<Key>>,
    /// Tokens of computations by key.
    by_key: OrdMap<Arc<Key>, u64>,
    /// Of the keys of all computations.
    flight_key_bytes: usize,
    hits: u64,
    misses: u64,
}

/// What is saved of a cache: the rest follows from it.
#[derive(Serialize, Deserialize)]
struct Saved {
    entries: Entries<Arc<Value>>,
    flights: Grants<Arc<Key>>,
    hits: u64,
    misses: u64,
}

/// What comes of asking a cache for what one would compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Begun {
    /// It is there.
    Hit(Value),
    /// It is not, and the caller computes it by this token: all others who ask wait for it.
    Compute(u64),
}

/// How a cache does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CacheInfo {
    /// How often a value was there, or was waited for that another computed.
    pub hits: u64,
    /// How often one began to compute it.
    pub misses: u64,
    /// How many values there are now.
    pub size: u64,
    /// How many are computed now.
    pub computing: u64,
}

/// What watchers of a cache hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CacheChange {
    /// A value was stored, whether there was one before or not.
    Stored {
        /// Where.
        key: Arc<Key>,
    },
    /// A value was forgotten.
    Forgotten {
        /// Where.
        key: Arc<Key>,
    },
    /// A value has expired.
    Expired {
        /// Where.
        key: Arc<Key>,
    },
    /// All values were forgotten.
    Cleared,
    /// A computation began.
    #[serde(rename = "Granted")]
    Began {
        /// Its token.
        token: u64,
        /// What the caller calls itself: its node's name.
        owner: String,
    },
    /// A computation has ended, whatever came of it.
    Ended {
        /// Its token.
        token: u64,
    },
}

#[callback(hosted = "cache")]
impl CacheState {
    /// The value by a key, if it is there. It is counted by who asks.
    pub fn get(&self, key: Key) -> Option<Value> {
        self.entries.get(&key).map(|entry| (*entry.value).clone())
    }

    /// The value by a key, which then stays for so long if that is said, or the token to compute it by. Waits while another
    /// computes it.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a lease or a time to live of nothing, an owner with too long a name, and a second
    /// computation in one batch.
    #[callback(line_of = "key")]
    pub fn begin(
        &mut self,
        turn: &mut Turn<'_>,
        claim: Claim,
        key: Key,
        slide_ms: Option<u64>,
    ) -> Poll<Result<Begun, DataError>> {
        let slide = match self.flights.check(turn, &claim).and_then(|known| Ok((known, ttl(slide_ms)?))) {
            Err(error) => return Poll::Ready(Err(error)),
            Ok((Some(token), _)) => return Poll::Ready(Ok(Begun::Compute(token))),
            Ok((None, slide)) => slide,
        };
        if let Some(value) = self.get(key.clone()) {
            self.hits = self.hits.saturating_add(1);
            if let Some(slide) = slide {
                self.entries.expire_at(&key, Some(turn.now().after(slide)));
            }
            return Poll::Ready(Ok(Begun::Hit(value)));
        }
        if self.by_key.contains_key(&key) {
            return Poll::Pending;
        }
        self.misses = self.misses.saturating_add(1);
        let key = Arc::new(key);
        let token = self.flights.insert(turn, claim, Arc::clone(&key));
        self.flight_key_bytes += key.bytes().len();
        self.by_key.insert(key, token);
        Poll::Ready(Ok(Begun::Compute(token)))
    }

    /// Stores what was computed, for so long or for ever, and says whether it did: not if something was stored or
    /// forgotten there meanwhile, or the computation was lost.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a time to live of nothing.
    pub fn finish(
        &mut self,
        turn: &mut Turn<'_>,
        token: u64,
        value: Value,
        ttl_ms: Option<u64>,
    ) -> Result<bool, DataError> {
        let ttl = ttl(ttl_ms)?;
        let Some(flight) = self.flights.remove(turn, token) else { return Ok(false) };
        let key = Arc::clone(&flight.of);
        self.ended([(token, flight)]);
        self.store(turn, key, value, ttl);
        Ok(true)
    }

    /// Gives a computation up: the next who waits for it does it.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if there is none by this token, or no longer.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        let flight = self.flights.remove(turn, token).ok_or_else(|| not_held("a computation", token))?;
        self.ended([(token, flight)]);
        Ok(())
    }

    /// Gives up the computation that this session began with a ticket, if it did. For one that no longer wants what it
    /// asked for.
    #[callback(shrink)]
    pub fn forgo(&mut self, turn: &mut Turn<'_>, ticket: u64) -> bool {
        let token = self.flights.token(turn.session(), ticket);
        token.is_some_and(|token| self.release(turn, token).is_ok())
    }

    /// Begins the lease of a computation anew, from now on, with another length if one is given.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if there is none by this token, or no longer; [`DataError::Invalid`] for a lease of no time.
    #[callback(shrink)]
    pub fn renew(&mut self, turn: &mut Turn<'_>, token: u64, lease_ms: Option<u64>) -> Result<(), DataError> {
        self.flights.renew(turn, token, lease_ms)?.ok_or_else(|| not_held("a computation", token))
    }

    /// Stores a value for so long or for ever, whoever computes another now.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a time to live of nothing.
    pub fn put(
        &mut self,
        turn: &mut Turn<'_>,
        key: Key,
        value: Value,
        ttl_ms: Option<u64>,
    ) -> Result<(), DataError> {
        let ttl = ttl(ttl_ms)?;
        self.overtake(turn, &key);
        self.store(turn, Arc::new(key), value, ttl);
        Ok(())
    }

    /// Forgets a value, and what is computed for its key now. Whether there was one.
    #[callback(shrink)]
    pub fn forget(&mut self, turn: &mut Turn<'_>, key: Key) -> bool {
        self.overtake(turn, &key);
        let removed = self.entries.remove(&key);
        self.arm(turn, None);
        let was_there = removed.is_some();
        if let Some((key, _)) = removed {
            tell(turn, &CacheChange::Forgotten { key });
        }
        was_there
    }

    /// Forgets all values, what is computed now, and what was counted. How many values there were.
    #[callback(shrink)]
    pub fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
        let ended = self.flights.clear(turn);
        self.ended(ended);
        (self.hits, self.misses) = (0, 0);
        let forgotten = self.entries.clear();
        self.arm(turn, None);
        if forgotten > 0 {
            tell(turn, &CacheChange::Cleared);
        }
        forgotten
    }

    /// Counts what was found there by `get`.
    #[callback(shrink)]
    pub fn count_hits(&mut self, hits: u64) {
        self.hits = self.hits.saturating_add(hits);
    }

    /// How it does.
    pub fn info(&self) -> CacheInfo {
        CacheInfo {
            hits: self.hits,
            misses: self.misses,
            size: self.entries.len() as u64,
            computing: self.flights.len() as u64,
        }
    }

    /// The first values after a key, or the first of all, and whether there are more.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if `limit` is 0.
    pub fn page(&self, after: Option<Key>, limit: u64) -> Result<(Vec<(Key, Value)>, bool), DataError> {
        let (page, has_more) = self.entries.page(after.as_ref(), limit)?;
        Ok((page.into_iter().map(|(key, value)| ((**key).clone(), (**value).clone())).collect(), has_more))
    }
}

impl CacheState {
    fn store(&mut self, turn: &mut Turn<'_>, key: Arc<Key>, value: Value, ttl: Option<Duration>) {
        tell(turn, &CacheChange::Stored { key: Arc::clone(&key) });
        self.entries.put(key, Arc::new(value), ttl.map(|ttl| turn.now().after(ttl)));
    }

    /// What is computed for this key now comes too late.
    fn overtake(&mut self, turn: &mut Turn<'_>, key: &Key) {
        if let Some(token) = self.by_key.get(key).copied() {
            let ended = self.flights.remove_all(turn, vec![token]);
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: impl IntoIterator<Item = (u64, Grant<Arc<Key>>)>) {
        for (token, Grant { of: key, .. }) in ended {
            self.flight_key_bytes -= key.bytes().len();
            if self.by_key.get(&key) == Some(&token) {
                self.by_key.remove(&key);
            }
        }
    }
}

impl Hosted for CacheState {
    fn next_expiry(&self) -> Option<Time> {
        [self.entries.next_expiry(), self.flights.next_expiry()].iter().flatten().min().copied()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        while let Some((key, _)) = self.entries.pop_expired(turn) {
            tell(turn, &CacheChange::Expired { key });
        }
        let lost = self.flights.expire(turn);
        self.ended(lost);
        self.arm(turn, None);
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        let lost = self.flights.release(turn);
        self.ended(lost);
    }

    fn holders(&self) -> Vec<SessionId> {
        self.flights.sessions()
    }

    /// What was counted is worth keeping, also while nothing is there.
    fn is_vacant(&self) -> bool {
        self.entries.is_empty() && self.flights.is_empty() && (self.hits, self.misses) == (0, 0)
    }

    fn bytes(&self) -> usize {
        let flights = self.flights.bytes() + self.flight_key_bytes + self.flights.len() * FLIGHT_BYTES;
        self.entries.bytes() + flights
    }
}

impl From<Saved> for CacheState {
    fn from(saved: Saved) -> Self {
        let Saved { entries, flights, hits, misses } = saved;
        let by_key: OrdMap<_, _> =
            flights.iter().map(|(token, flight)| (Arc::clone(&flight.of), token)).collect();
        let flight_key_bytes = flights.iter().map(|(_, flight)| flight.of.bytes().len()).sum();
        Self { entries, flights, by_key, flight_key_bytes, hits, misses }
    }
}

impl From<CacheState> for Saved {
    fn from(state: CacheState) -> Self {
        let CacheState { entries, flights, hits, misses, .. } = state;
        Self { entries, flights, hits, misses }
    }
}

fn tell(turn: &mut Turn<'_>, change: &CacheChange) {
    turn.tell(change).expect("keys are bytes, and those encode");
}

/// What a computation takes beside its grant and its key, about.
const FLIGHT_BYTES: usize = 64;
