//! Rate limits: so many in a time, and so many at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use daffi_macros::callback;
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

use super::guard::milliseconds;
use super::quota::check_key;
use crate::api::{Kept, Operation};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, Time, Turn};
use crate::node::Node;

/// A rate limit, as the controller keeps it: by key, when the whole burst is to be had again. This is the generic cell rate
/// algorithm: a bucket that leaks, of which one number is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OrdMap<String, u64>", into = "OrdMap<String, u64>")]
pub struct RateState {
    /// In nanoseconds of the store's clock. A key whose time has come is as good as one that was never seen.
    full_at: OrdMap<String, u64>,
    /// The same, by when.
    ends: OrdSet<(u64, String)>,
    bytes: usize,
}

/// How much may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// So many …
    pub count: u64,
    /// … in so many milliseconds.
    pub per_ms: u64,
    /// So many at once, after a time without any.
    pub burst: u64,
}

/// What a rate limit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[must_use = "a decision that nobody looks at limits nothing"]
pub struct Decision {
    /// Whether it may be done. Then it is counted, else it is not.
    pub allowed: bool,
    /// How many could be done now, after this.
    pub remaining: u64,
    /// When the same would be allowed if nobody does anything meanwhile; nothing if it is.
    pub retry_after: Duration,
    /// When the whole burst is to be had again, if nobody does anything meanwhile.
    pub reset_after: Duration,
}

#[callback(hosted = "rate")]
impl RateState {
    /// Whether something that counts for `cost` may be done by `key` at this rate; if so, it is counted.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a rate that is none, and for a key that is too long; for a cost beyond the
    /// burst.
    pub fn check(
        &mut self,
        turn: &mut Turn<'_>,
        key: String,
        cost: u64,
        rate: Rate,
    ) -> Result<Decision, DataError> {
        let (decision, full_at) = self.decide(turn.now(), &key, cost, rate)?;
        if decision.allowed && cost > 0 {
            self.put(key, full_at);
        }
        Ok(decision)
    }

    /// What a key could do now.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a rate that is none, and for a key that is too long.
    pub fn peek(&self, turn: &Turn<'_>, key: String, rate: Rate) -> Result<Decision, DataError> {
        self.decide(turn.now(), &key, 0, rate).map(|(decision, _)| decision)
    }

    /// Forgets what a key has done. Whether it did anything.
    #[callback(shrink)]
    pub fn reset(&mut self, key: String) -> bool {
        self.forget(&key)
    }

    /// How many keys have not all of their burst.
    pub fn keys(&self) -> u64 {
        self.full_at.len() as u64
    }
}

impl From<OrdMap<String, u64>> for RateState {
    fn from(full_at: OrdMap<String, u64>) -> Self {
        let ends = full_at.iter().map(|(key, full_at)| (*full_at, key.clone())).collect();
        let bytes = full_at.keys().map(|key| key_bytes(key)).sum();
        Self { full_at, ends, bytes }
    }
}

impl From<RateState> for OrdMap<String, u64> {
    fn from(state: RateState) -> Self {
        state.full_at
    }
}

impl RateState {
    /// The decision, and when the key has its whole burst again if it is a yes.
    fn decide(&self, now: Time, key: &str, cost: u64, rate: Rate) -> Result<(Decision, u64), DataError> {
        check_key("key", key)?;
        let (each, burst) = rate.check()?;
        if cost > rate.burst {
            return Err(DataError::invalid(format!("a cost of {cost} with a burst of {}", rate.burst)));
        }
        let now = now.0.saturating_mul(1_000);
        let before = self.full_at.get(key).copied().unwrap_or_default().max(now);
        let after = before.saturating_add(each * cost);
        // More than it may, by so much.
        let excess = (after - now).saturating_sub(burst);
        let allowed = excess == 0;
        let used = if allowed { after } else { before } - now;
        let decision = Decision {
            allowed,
            remaining: burst.saturating_sub(used) / each,
            retry_after: Duration::from_nanos(excess),
            reset_after: Duration::from_nanos(used),
        };
        Ok((decision, after))
    }

    fn put(&mut self, key: String, full_at: u64) {
        match self.full_at.insert(key.clone(), full_at) {
            Some(before) => {
                self.ends.remove(&(before, key.clone()));
            }
            None => self.bytes += key_bytes(&key),
        }
        self.ends.insert((full_at, key));
    }

    fn forget(&mut self, key: &String) -> bool {
        let Some(full_at) = self.full_at.remove(key) else { return false };
        self.ends.remove(&(full_at, key.clone()));
        self.bytes -= key_bytes(key);
        true
    }
}

impl Rate {
    /// Nanoseconds for one, and for the whole burst.
    fn check(self) -> Result<(u64, u64), DataError> {
        let invalid = |what: &str| Err(DataError::invalid(what));
        if self.count == 0 || self.per_ms == 0 || self.burst == 0 {
            return invalid("a rate limit has a count, a time and a burst of at least 1");
        }
        let each = u128::from(self.per_ms) * 1_000_000 / u128::from(self.count);
        let burst = each.saturating_mul(u128::from(self.burst));
        if each == 0 {
            return invalid("a rate limit lets up to one in a nanosecond through");
        }
        match (u64::try_from(each), u64::try_from(burst)) {
            (Ok(each), Ok(burst)) if Duration::from_nanos(burst) <= config::RATE_SPAN_MAX => {
                Ok((each, burst))
            }
            _ => invalid("the burst of a rate limit comes back within 366 days"),
        }
    }
}

/// What a key takes with two places in indices, about.
fn key_bytes(key: &str) -> usize {
    2 * key.len() + 112
}

impl Hosted for RateState {
    fn next_expiry(&self) -> Option<Time> {
        // Not before it has come.
        self.ends.get_min().map(|(full_at, _)| Time(full_at.div_ceil(1_000)))
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now().0.saturating_mul(1_000);
        while let Some((_, key)) = self.ends.get_min().filter(|(full_at, _)| *full_at <= now).cloned() {
            self.forget(&key);
        }
    }

    fn is_vacant(&self) -> bool {
        self.full_at.is_empty()
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A limit to how often something is done over all nodes, for each key by itself: a user, an address.
///
/// After a time without any, [`burst`](Self::burst) of them may come at once; they come back one by one at the
/// [rate](Self::rate). A key that was idle for so long that it has its whole burst takes no room. Rate and burst come with
/// each question and are not kept, so that they may be changed at any time.
#[derive(Clone)]
pub struct RateLimiter {
    object: <RateState as Kept>::Client,
    rate: Rate,
}

reaches_object!(RateLimiter);

impl Node {
    /// The rate limiter of this name; it needs a [`rate`](RateLimiter::rate). Nothing is sent.
    pub fn rate_limiter(&self, name: impl Into<Arc<str>>) -> RateLimiter {
        let rate = Rate { count: 0, per_ms: 0, burst: 0 };
        RateLimiter { object: self.object::<RateState>(name), rate }
    }
}

impl RateLimiter {
    /// Its name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// The same limiter, which lets `count` through in each `per`, and as many at once.
    #[must_use]
    pub fn rate(mut self, count: u64, per: Duration) -> Self {
        self.rate = Rate { count, per_ms: milliseconds(per), burst: count };
        self
    }

    /// The same limiter, which lets so many through at once.
    #[must_use]
    pub fn burst(mut self, burst: u64) -> Self {
        self.rate.burst = burst;
        self
    }

    /// Whether `key` may do something that counts for `cost`; if so, it is counted.
    ///
    /// # Errors
    /// [`DataError::Invalid`] without a rate, for a cost of more than the burst, and for a key of more than
    /// [`COUNTED_KEY_BYTES_MAX`](config::COUNTED_KEY_BYTES_MAX) bytes.
    ///
    /// # Cancel safety
    /// Cancel safe, but it may have been counted.
    pub fn check(&self, key: impl Into<String>, cost: u64) -> Operation<Decision> {
        self.object.check(key.into(), cost, self.rate)
    }

    /// What `key` could do now, without doing anything: `remaining` and `reset_after`.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn peek(&self, key: impl Into<String>) -> Operation<Decision> {
        self.object.peek(key.into(), self.rate)
    }

    /// Forgets what `key` has done. Whether it had done anything that still counted.
    pub fn reset(&self, key: impl Into<String>) -> Operation<bool> {
        self.object.reset(key.into())
    }

    /// How many keys have not all of their burst now.
    pub fn keys(&self) -> Operation<u64> {
        self.object.keys()
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter").field("name", &self.name()).field("rate", &self.rate).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use proptest::prelude::*;

    use super::*;
    use crate::datatypes::guard::trial::Trial;
    use crate::hosted::SessionId;

    type Rates = Trial<RateState>;

    const TEN_A_SECOND: Rate = Rate { count: 10, per_ms: 1_000, burst: 5 };

    fn check(it: &mut Rates, session: SessionId, key: &str, cost: u64, rate: Rate) -> Decision {
        it.get(session, "check", &("it", key, cost, rate))
    }

    #[test]
    fn a_burst_passes_at_once_and_what_comes_after_it_one_by_one() {
        let mut it = Rates::new();
        let one = it.open();
        for remaining in (0..5).rev() {
            let decision = check(&mut it, one, "a", 1, TEN_A_SECOND);
            assert_eq!((decision.allowed, decision.remaining), (true, remaining));
            assert_eq!(decision.retry_after, Duration::ZERO);
        }

        let refused = check(&mut it, one, "a", 1, TEN_A_SECOND);

        assert!(!refused.allowed);
        assert_eq!(refused.retry_after, Duration::from_millis(100));
        assert_eq!(refused.reset_after, Duration::from_millis(500));
        assert!(check(&mut it, one, "b", 5, TEN_A_SECOND).allowed);
        it.advance(refused.retry_after);
        assert!(check(&mut it, one, "a", 1, TEN_A_SECOND).allowed);
    }

    #[test]
    fn a_key_that_was_idle_takes_no_room() {
        let mut it = Rates::new();
        let one = it.open();
        assert!(check(&mut it, one, "a", 3, TEN_A_SECOND).allowed);
        assert!(check(&mut it, one, "b", 1, TEN_A_SECOND).allowed);
        it.advance(Duration::from_millis(299));
        assert_eq!(it.get::<u64>(one, "keys", &("it",)), 1);

        it.advance(Duration::from_millis(1));

        assert!(it.is_absent());
    }

    #[test]
    fn a_rate_that_is_none_and_a_cost_that_never_fits_are_refused() {
        let mut it = Rates::new();
        let one = it.open();
        let rates = [(0, 1, 1), (1, 0, 1), (1, 1, 0), (u64::MAX, 1, 1), (1, u64::MAX, u64::MAX), (1, 1, 6)];

        for (count, per_ms, burst) in rates {
            let rate = Rate { count, per_ms, burst };
            let answer = it.call::<Decision>(one, "check", &("it", "a", 7, rate));
            assert!(matches!(answer, Poll::Ready(Err(DataError::Invalid { .. }))), "{answer:?}");
        }

        assert!(it.is_absent());
    }

    #[test]
    fn a_key_that_is_too_long_is_refused_also_to_who_only_looks() {
        let mut it = Rates::new();
        let one = it.open();
        let key = "k".repeat(config::COUNTED_KEY_BYTES_MAX + 1);

        let checked = it.call::<Decision>(one, "check", &("it", &key, 1, TEN_A_SECOND));
        let peeked = it.call::<Decision>(one, "peek", &("it", &key, TEN_A_SECOND));

        for answer in [checked, peeked] {
            assert!(matches!(answer, Poll::Ready(Err(DataError::Invalid { .. }))), "{answer:?}");
        }
    }

    #[test]
    fn looking_and_forgetting_cost_nothing() {
        let mut it = Rates::new();
        let one = it.open();
        assert!(check(&mut it, one, "a", 2, TEN_A_SECOND).allowed);

        let peeked: Decision = it.get(one, "peek", &("it", "a", TEN_A_SECOND));
        assert_eq!((peeked.remaining, peeked.reset_after), (3, Duration::from_millis(200)));

        assert!(it.get::<bool>(one, "reset", &("it", "a")));
        assert!(!it.get::<bool>(one, "reset", &("it", "a")));
        assert!(it.is_absent());
    }

    proptest! {
        #[test]
        fn it_lets_through_what_a_leaking_bucket_does(
            (count, per_ms, burst) in (1..20u64, 1..50u64, 1..6u64),
            steps in proptest::collection::vec((0..2usize, 0..20_000u64, 1..4u64), 0..60),
        ) {
            let rate = Rate { count, per_ms, burst };
            let each = per_ms * 1_000_000 / count;
            let mut it = Rates::new();
            let one = it.open();
            let mut levels = [0u64; 2];
            for (key, pause_us, cost) in steps {
                it.advance(Duration::from_micros(pause_us));
                levels = levels.map(|level| level.saturating_sub(pause_us * 1_000));
                let cost = cost.min(burst);

                let decision = check(&mut it, one, ["a", "b"][key], cost, rate);

                let level = levels[key] + each * cost;
                prop_assert_eq!(decision.allowed, level <= each * burst);
                prop_assert_eq!(decision.retry_after.as_nanos() as u64, level.saturating_sub(each * burst));
                if decision.allowed {
                    levels[key] = level;
                }
                prop_assert_eq!(decision.reset_after.as_nanos() as u64, levels[key]);
                prop_assert_eq!(decision.remaining, (each * burst - levels[key]) / each);
                let busy = levels.iter().filter(|level| **level > 0).count();
                prop_assert_eq!(it.get::<u64>(one, "keys", &("it",)), busy as u64);
                prop_assert_eq!(it.is_absent(), busy == 0);
            }
        }
    }
}
