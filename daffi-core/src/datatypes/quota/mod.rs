//! Quotas: how many things each user does at a time. As Howler's `UserQuotaTracker`, with slots that cannot be mistaken.

mod daily;
mod handle;
#[cfg(test)]
mod tests;

use daffi_macros::callback;
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};

pub use self::daily::{DailyQuota, DailyQuotaState};
pub use self::handle::{Permit, Quota};
use super::guard::{Claim, Grant, Grants, not_held};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, SessionId, Time, Turn};

/// A quota, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Grants<String>", into = "Grants<String>")]
pub struct QuotaState {
    /// Of which user each slot is.
    slots: Grants<String>,
    /// How many each user has.
    counts: OrdMap<String, u64>,
    /// Tokens by user.
    of_user: OrdSet<(String, u64)>,
    user_bytes: usize,
}

#[callback(hosted = "quota")]
impl QuotaState {
    /// Takes a slot for a user who has less than `max` of them, and returns its token; `None` if there is none left.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a lease of no time, an owner with too long a name, and a second grant in
    /// one batch; for a user with too long a name.
    pub fn begin(
        &mut self,
        turn: &mut Turn<'_>,
        claim: Claim,
        user: String,
        max: u64,
    ) -> Result<Option<u64>, DataError> {
        check_key("user", &user)?;
        if let Some(token) = self.slots.check(turn, &claim)? {
            return Ok(Some(token));
        }
        if self.count_of(&user) >= max {
            return Ok(None);
        }
        let token = self.slots.insert(turn, claim, user.clone());
        self.began(user, token);
        Ok(Some(token))
    }

    /// As `begin`, of a slot that does not end with the session that asked for it, but with its lease, unless somebody
    /// ends it by its token before.
    ///
    /// # Errors
    /// As there, and [`DataError::Invalid`] without a lease.
    pub fn begin_leased(
        &mut self,
        turn: &mut Turn<'_>,
        claim: Claim,
        user: String,
        max: u64,
    ) -> Result<Option<u64>, DataError> {
        check_key("user", &user)?;
        self.slots.check_leased(turn, &claim)?;
        if self.count_of(&user) >= max {
            return Ok(None);
        }
        let token = self.slots.insert_leased(turn, claim, user.clone());
        self.began(user, token);
        Ok(Some(token))
    }

    /// Ends what a slot of a user's was taken for. `false` if it had ended before, or is another's, which does no harm.
    #[callback(shrink)]
    pub fn end(&mut self, turn: &mut Turn<'_>, user: String, token: u64) -> bool {
        self.slots.of(token).is_some_and(|of| *of == user) && self.end_slot(turn, token)
    }

    /// Ends what a slot was taken for, by whoever holds it.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, token: u64) -> Result<(), DataError> {
        if self.end_slot(turn, token) { Ok(()) } else { Err(not_held("a slot", token)) }
    }

    /// Ends what this session began with a ticket, if it did. For one that no longer wants what it asked for.
    #[callback(shrink)]
    pub fn forgo(&mut self, turn: &mut Turn<'_>, ticket: u64) -> bool {
        let Some(token) = self.slots.token(turn.session(), ticket) else { return false };
        self.end_slot(turn, token)
    }

    /// Begins the lease of a slot anew, from now on, with another length if one is given.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it is not held by this token, or no longer; [`DataError::Invalid`] for a
    /// lease of no time.
    #[callback(shrink)]
    pub fn renew(&mut self, turn: &mut Turn<'_>, token: u64, lease_ms: Option<u64>) -> Result<(), DataError> {
        self.slots.renew(turn, token, lease_ms)?.ok_or_else(|| not_held("a slot", token))
    }

    /// How many slots a user has.
    pub fn count(&self, user: String) -> u64 {
        self.count_of(&user)
    }

    /// Ends all that a user does, and says how many they were. Their holders notice when they renew them.
    #[callback(shrink)]
    pub fn reset(&mut self, turn: &mut Turn<'_>, user: String) -> u64 {
        let range = (user.clone(), 0)..=(user, u64::MAX);
        let tokens: Vec<u64> = self.of_user.range(range).map(|(_, token)| *token).collect();
        let ended = self.slots.remove_all(turn, tokens);
        let count = ended.len() as u64;
        self.ended(ended);
        count
    }

    /// Users who have slots, with how many, in their order: up to `limit` after `after`.
    pub fn users(&self, after: Option<String>, limit: u64) -> Vec<(String, u64)> {
        let limit = usize::try_from(limit.min(config::COUNTED_PAGE_MAX)).unwrap_or_default();
        let shown = |(user, count): (&String, &u64)| (user.clone(), *count);
        match after {
            None => self.counts.iter().take(limit).map(shown).collect(),
            Some(after) => {
                let rest = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
                self.counts.range(rest).take(limit).map(shown).collect()
            }
        }
    }
}

impl QuotaState {
    fn count_of(&self, user: &str) -> u64 {
        self.counts.get(user).copied().unwrap_or_default()
    }

    fn began(&mut self, user: String, token: u64) {
        self.user_bytes += user.len();
        *self.counts.entry(user.clone()).or_default() += 1;
        self.of_user.insert((user, token));
    }

    fn end_slot(&mut self, turn: &mut Turn<'_>, token: u64) -> bool {
        let ended = self.slots.remove(turn, token).map(|grant| (token, grant));
        let was_there = ended.is_some();
        self.ended(ended);
        was_there
    }

    fn ended(&mut self, ended: impl IntoIterator<Item = (u64, Grant<String>)>) {
        for (token, Grant { of: user, .. }) in ended {
            self.user_bytes -= user.len();
            match self.counts.get_mut(&user) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    self.counts.remove(&user);
                }
            }
            self.of_user.remove(&(user, token));
        }
    }
}

impl From<Grants<String>> for QuotaState {
    fn from(slots: Grants<String>) -> Self {
        let mut quota = Self::default();
        for (token, slot) in slots.iter() {
            quota.began(slot.of.clone(), token);
        }
        Self { slots, ..quota }
    }
}

impl From<QuotaState> for Grants<String> {
    fn from(quota: QuotaState) -> Self {
        quota.slots
    }
}

/// Whether a key can be counted by.
pub(super) fn check_key(what: &str, key: &str) -> Result<(), DataError> {
    let max = config::COUNTED_KEY_BYTES_MAX;
    if key.len() > max {
        return Err(DataError::invalid(format!("a {what} of {} bytes; it has up to {max}", key.len())));
    }
    Ok(())
}

impl Hosted for QuotaState {
    fn next_expiry(&self) -> Option<Time> {
        self.slots.next_expiry()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        let ended = self.slots.expire(turn);
        self.ended(ended);
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        let ended = self.slots.release(turn);
        self.ended(ended);
    }

    fn holders(&self) -> Vec<SessionId> {
        self.slots.sessions()
    }

    fn is_vacant(&self) -> bool {
        self.slots.is_empty()
    }

    fn bytes(&self) -> usize {
        self.slots.bytes() + 3 * self.user_bytes + self.of_user.len() * USER_BYTES
    }
}

/// What a slot takes beside its grant and three copies of its user, about.
const USER_BYTES: usize = 96;
