//! What users hold of a quota.

use std::ops::Deref;
use std::sync::Arc;

use super::super::guard::{Hold, Terms, ask, asks_on_terms};
use super::QuotaState;
use crate::api::{Kept, Operation};
use crate::config;
use crate::node::Node;

/// How many things each user does at a time, over all nodes.
///
/// [`begin`](Self::begin) gives a [`Permit`] to whoever has not as many as it may, and dropping that ends what was begun. A
/// slot belongs to the permit: who was refused has nothing to end, and nobody ends what another began. It ends by itself
/// with the session of its node, or when its process hangs, since its lease, by default
/// [`QUOTA_LEASE`](config::QUOTA_LEASE), is not renewed then; work that takes longer keeps counting.
///
/// Howler's `UserQuotaTracker(prefix, timeout)`, whose timeout is the lease, and whose `end(user)` is here the permit's. A
/// name there, `start`, is `begin`.
#[derive(Clone)]
pub struct Quota {
    object: <QuotaState as Kept>::Client,
    terms: Terms,
}

reaches_object!(Quota);
asks_on_terms!(Quota);

impl Node {
    /// The quota of this name. Nothing is sent.
    pub fn quota(&self, name: impl Into<Arc<str>>) -> Quota {
        let terms = Terms { lease: Some(config::QUOTA_LEASE), owner: None };
        Quota { object: self.object::<QuotaState>(name), terms }
    }
}

impl Quota {
    /// Begins something that a user may do `max` times at a time; `None` if it does as many already.
    ///
    /// `max` is not kept: each asks with its own.
    ///
    /// # Errors
    /// [`DataError::Invalid`](crate::error::DataError::Invalid) for a lease of less than a millisecond, and for a user of
    /// more than [`COUNTED_KEY_BYTES_MAX`](config::COUNTED_KEY_BYTES_MAX) bytes.
    ///
    /// # Cancel safety
    /// Cancel safe: a slot that was given to an operation that is dropped goes back.
    pub fn begin(&self, user: impl Into<String>, max: u64) -> Operation<Option<Permit>> {
        let (claim, user) = (self.terms.claim(self.object.node()), user.into());
        let operation = self.object.begin(claim.clone(), user.clone(), max);
        let asked = ask::<QuotaState>(&self.object, &claim, operation);
        asked.map(|hold| hold.map(|hold| Permit { hold, user }))
    }

    /// As [`begin`](Self::begin), for what goes on after this process: a slot that belongs to nobody's session. It ends
    /// with its [lease](Self::lease), which nothing renews, unless whoever knows the token [ends](Self::end) it before.
    /// The token; `None` if the user does as many already.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Not cancel safe: a slot that was given to an operation that is dropped is taken until its lease ends.
    pub fn begin_leased(&self, user: impl Into<String>, max: u64) -> Operation<Option<u64>> {
        self.object.begin_leased(self.terms.claim(self.object.node()), user.into(), max)
    }

    /// Ends what this user began by this [token](Hold::fencing_token), wherever that was. `false` if it had ended, or the
    /// token is not one of this user's. A token is given once, so one that is late ends nothing of others.
    pub fn end(&self, user: impl Into<String>, token: u64) -> Operation<bool> {
        self.object.end(user.into(), token)
    }

    /// How many things a user does now. Howler's `get_count`, which counted those that had run out, too.
    pub fn count(&self, user: impl Into<String>) -> Operation<u64> {
        self.object.count(user.into())
    }

    /// Ends all that a user does, and says how many they were: for people who know better. Permits are
    /// [lost](Hold::lost).
    pub fn reset(&self, user: impl Into<String>) -> Operation<u64> {
        self.object.reset(user.into())
    }

    /// Users who do something now, with how much, in their order: up to [`COUNTED_PAGE_MAX`](config::COUNTED_PAGE_MAX) of
    /// those after `after`.
    pub fn users(&self, after: Option<String>) -> Operation<Vec<(String, u64)>> {
        self.object.users(after, config::COUNTED_PAGE_MAX)
    }
}

/// Something that was begun under a quota: a [`Hold`], which ends when this is dropped.
#[derive(Debug)]
#[must_use = "what was begun ends when its permit is dropped"]
pub struct Permit {
    hold: Hold,
    user: String,
}

impl Permit {
    /// Whose it is.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Ends it, and waits until that is done.
    ///
    /// # Errors
    /// [`DataError::NotHeld`](crate::error::DataError::NotHeld) if it had ended before.
    ///
    /// # Cancel safety
    /// Cancel safe: it ends all the same.
    pub fn end(self) -> Operation<()> {
        self.hold.release()
    }
}

impl Deref for Permit {
    type Target = Hold;

    fn deref(&self) -> &Hold {
        &self.hold
    }
}
