//! Leases that a majority of several controllers grants: Pottery's `Redlock`.

mod grant;
mod guard;
mod handle;
mod synchronized;
#[cfg(test)]
mod tests;

use std::task::Poll;
use std::time::Duration;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

pub use self::guard::RedlockGuard;
pub use self::handle::{Redlock, RedlockHolder};
pub use self::synchronized::{Synchronizing, SynchronizingFails, synchronized, try_synchronized};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Hosted, Time, Turn};

/// What one controller knows of a lock of several: a lease, which ends by itself and not with a session. Whoever was
/// granted it may hold it at a majority although this link of its is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedlockState {
    lease: Option<RedlockLease>,
    /// The highest fencing token that was told here, as long as this controller's clock is behind it.
    floor: u64,
}

/// Who asks for a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedlockClaim {
    /// What tells this grant from all others, drawn by chance.
    pub(crate) grant: (u64, u64),
    /// What its holder calls itself, for people who look.
    pub(crate) owner: String,
    /// How long it lasts.
    pub(crate) lease_ms: u64,
}

/// A lease as it was granted here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedlockLease {
    pub(crate) claim: RedlockClaim,
    /// The number of the grant, once its holder has a majority.
    pub(crate) fence: u64,
    since: Time,
    until: Time,
}

/// What came of [`RedlockState::acquire`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedlockOffer {
    /// Whether the lease was granted here.
    pub(crate) is_granted: bool,
    /// Fencing tokens that this controller knows of are not greater than this.
    pub(crate) floor: u64,
}

/// What came of [`RedlockState::extend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedlockExtended {
    /// It was held, and is for longer.
    Kept,
    /// It was not held by anybody, and is now. That says nothing of what was before.
    Granted,
    /// Another holds it.
    Refused,
}

/// What one controller says of a lease when it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedlockView {
    pub(crate) grant: (u64, u64),
    pub(crate) owner: String,
    pub(crate) fence: u64,
    pub(crate) left: Duration,
    pub(crate) held_for: Duration,
}

#[callback(hosted = "redlock")]
impl RedlockState {
    /// Grants the lease if nobody holds it, or this grant does already.
    ///
    /// # Errors
    /// [`DataError::Invalid`] for a lease of no time, and an owner with too long a name.
    pub fn acquire(&mut self, turn: &mut Turn<'_>, claim: RedlockClaim) -> Result<RedlockOffer, DataError> {
        claim.check()?;
        let is_granted = self.is_free_for(turn.now(), claim.grant);
        if is_granted {
            self.grant(turn, claim, 0)?;
        }
        Ok(RedlockOffer { is_granted, floor: self.floor.max(turn.now().0) })
    }

    /// Begins the lease anew, and notes the fencing token of its grant. If nobody holds it, as after this controller
    /// forgot, it is granted.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), and for a token from far in the future.
    pub fn extend(
        &mut self,
        turn: &mut Turn<'_>,
        claim: RedlockClaim,
        fence: u64,
    ) -> Result<RedlockExtended, DataError> {
        claim.check()?;
        // It would stand in the way of all others until the clock is there.
        if fence > turn.now().after(config::REDLOCK_CLOCKS_APART_MAX).0 {
            return Err(DataError::invalid(format!(
                "the fencing token {fence} is microseconds of a clock that is more than a year ahead of this controller's"
            )));
        }
        if !self.is_free_for(turn.now(), claim.grant) {
            return Ok(RedlockExtended::Refused);
        }
        let was_held = self.holder(turn.now()).is_some();
        self.grant(turn, claim, fence)?;
        Ok(if was_held { RedlockExtended::Kept } else { RedlockExtended::Granted })
    }

    /// Ends the lease of this grant; whether it was held.
    ///
    /// # Errors
    /// None at present.
    #[callback(shrink)]
    pub fn release(&mut self, turn: &mut Turn<'_>, grant: (u64, u64)) -> Result<bool, DataError> {
        let is_held = self.holder(turn.now()).is_some_and(|lease| lease.claim.grant == grant);
        if is_held {
            self.end(turn)?;
        }
        Ok(is_held)
    }

    /// Ends the lease of whoever holds it; whether anybody did. The holder goes on until it notices.
    ///
    /// # Errors
    /// None at present.
    #[callback(shrink)]
    pub fn break_lock(&mut self, turn: &mut Turn<'_>) -> Result<bool, DataError> {
        let is_held = self.holder(turn.now()).is_some();
        if is_held {
            self.end(turn)?;
        }
        Ok(is_held)
    }

    /// Who holds the lease here.
    pub fn look(&self, turn: &Turn<'_>) -> Option<RedlockView> {
        let now = turn.now();
        self.holder(now).map(|lease| RedlockView {
            grant: lease.claim.grant,
            owner: lease.claim.owner.clone(),
            fence: lease.fence,
            left: lease.until.since(now),
            held_for: now.since(lease.since),
        })
    }

    /// Waits until nobody holds the lease here.
    pub fn free(&self, turn: &Turn<'_>) -> Poll<()> {
        if self.holder(turn.now()).is_none() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl RedlockClaim {
    fn check(&self) -> Result<(), DataError> {
        if self.lease_ms == 0 {
            return Err(DataError::invalid("a lease lasts at least a millisecond"));
        }
        let longest = config::TIMEOUT_MAX;
        if Duration::from_millis(self.lease_ms) > longest {
            return Err(DataError::invalid(format!("a lease lasts at most {} s", longest.as_secs())));
        }
        let (given, max) = (self.owner.len(), config::OWNER_BYTES_MAX);
        if given > max {
            return Err(DataError::invalid(format!("an owner's name of {given} bytes; it has up to {max}")));
        }
        Ok(())
    }
}

impl RedlockState {
    fn holder(&self, now: Time) -> Option<&RedlockLease> {
        self.lease.as_ref().filter(|lease| lease.until > now)
    }

    fn is_free_for(&self, now: Time, grant: (u64, u64)) -> bool {
        self.holder(now).is_none_or(|lease| lease.claim.grant == grant)
    }

    fn grant(&mut self, turn: &mut Turn<'_>, claim: RedlockClaim, fence: u64) -> Result<(), DataError> {
        let now = turn.now();
        let since = self.holder(now).map_or(now, |lease| lease.since);
        let lease =
            RedlockLease { until: now.after(Duration::from_millis(claim.lease_ms)), since, fence, claim };
        turn.tell(&Some((&lease.claim.owner, lease.fence)))?;
        self.lease = Some(lease);
        self.floor = self.floor.max(fence);
        Ok(())
    }

    fn end(&mut self, turn: &mut Turn<'_>) -> Result<(), DataError> {
        turn.tell(&None::<(&str, u64)>)?;
        self.lease = None;
        self.forget(turn.now());
        Ok(())
    }

    /// The clock says as much as the highest token, once it is past it.
    fn forget(&mut self, now: Time) {
        if self.floor <= now.0 {
            self.floor = 0;
        }
    }
}

impl Hosted for RedlockState {
    fn next_expiry(&self) -> Option<Time> {
        let floor = (self.floor > 0 && self.lease.is_none()).then_some(Time(self.floor));
        self.lease.as_ref().map(|lease| lease.until).or(floor)
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        if self.lease.as_ref().is_some_and(|lease| lease.until <= turn.now()) {
            self.end(turn).expect("nothing encodes");
        }
        if self.lease.is_none() {
            self.forget(turn.now());
        }
    }

    fn is_vacant(&self) -> bool {
        self.lease.is_none() && self.floor == 0
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.lease.as_ref().map_or(0, |lease| lease.claim.owner.len())
    }
}
