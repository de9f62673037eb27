//! What a method of a hosted object may know and do: all of it a function of the commands so far.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::others::Other;
use super::value::Value;
use crate::error::DataError;

/// A time of the store's clock: microseconds since the UNIX epoch as the controller saw it at its start, and evenly on
/// from there. It never goes back, and wall clocks that are set do not move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// The time so much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` it is; nothing if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A session as the store knows it: one life of a node with its controller. Numbers are not used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u64);

/// One run of one method: when, for whom, and what it does beside changing its object.
#[derive(Debug)]
pub struct Turn<'a> {
    now: Time,
    revision: u64,
    session: SessionId,
    waiting: usize,
    is_watched: bool,
    others: &'a [Other],
    effects: &'a mut Effects,
}

/// What methods did beside changing their objects. It comes about once their command is done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// What watchers of the object hear, in order.
    pub changes: Vec<Value>,
    /// What whoever listens now hears.
    pub messages: Vec<Message>,
    /// Whether the session now holds something of the object, or nothing any more; the last word counts.
    pub(super) holds: Vec<(SessionId, bool)>,
    /// When the whole object expires from now on: never, or then.
    pub(super) expires: Option<Option<Time>>,
}

/// A message to those who listen to an object while it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What listeners choose by.
    pub topic: String,
    /// What it says.
    pub body: Value,
}

impl<'a> Turn<'a> {
    pub(super) fn new(now: Time, revision: u64, session: SessionId, effects: &'a mut Effects) -> Self {
        Self { now, revision, session, waiting: 0, is_watched: true, others: &[], effects }
    }

    /// The same turn, where so many calls wait.
    pub(super) fn with_waiting(self, waiting: usize) -> Self {
        Self { waiting, ..self }
    }

    /// The same turn, where it matters or not what is told.
    pub(super) fn watched(self, is_watched: bool) -> Self {
        Self { is_watched, ..self }
    }

    /// The same turn, where these may be read too.
    pub(super) fn beside(self, others: &'a [Other]) -> Self {
        Self { others, ..self }
    }

    pub(super) fn named(&self) -> &'a [Other] {
        self.others
    }

    /// The time of the store's clock, the same for all of a command.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The number of the command: it goes up with each, and never back. A grant's fencing token.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The session that calls; in [`release`](super::Hosted::release) the one that has ended.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// How many calls wait for the object to change. Only a method that takes `&self` is told: waiting is not part of
    /// the object, and what a write does may not depend on it.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The object now has something that belongs to `session` and goes back when that ends.
    pub fn hold(&mut self, session: SessionId) {
        self.effects.holds.push((session, true));
    }

    /// The object has nothing of `session`'s any more.
    pub fn let_go(&mut self, session: SessionId) {
        self.effects.holds.push((session, false));
    }

    /// The object as a whole expires after `time`, or, with `None`, never.
    pub fn expire_after(&mut self, time: Option<Duration>) {
        self.effects.expires = Some(time.map(|time| self.now.after(time)));
    }

    /// Whether anybody hears of changes now, so that it is worth making one to [tell](Self::tell). What a method does
    /// to its object, and whether it fails, may not depend on it.
    pub fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Tells watchers what has changed.
    ///
    /// # Errors
    /// [`DataError::Invalid`] if it cannot be encoded, whether anybody watches or not.
    pub fn tell<T: Serialize + ?Sized>(&mut self, change: &T) -> Result<(), DataError> {
        if !self.is_watched {
            return Value::check(change);
        }
        self.effects.changes.push(Value::of(change)?);
        Ok(())
    }

    /// Sends to whoever listens to the object now.
    pub fn publish(&mut self, topic: impl Into<String>, body: Value) {
        self.effects.messages.push(Message { topic: topic.into(), body });
    }
}

#[cfg(test)]
mod tests {
    use serde::Serializer;
    use serde::ser::Error;

    use super::*;

    struct Unspeakable;

    impl Serialize for Unspeakable {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("no words for it"))
        }
    }

    #[test]
    fn what_cannot_be_told_is_an_error_whether_anybody_watches_or_not() {
        let tell = |is_watched| {
            let mut effects = Effects::default();
            let mut turn = Turn::new(Time(1), 1, SessionId(1), &mut effects).watched(is_watched);
            assert_eq!(turn.tell("fine"), Ok(()));
            let told = turn.tell(&Unspeakable);
            (told, effects.changes.len())
        };

        let (watched, unwatched) = (tell(true), tell(false));

        assert!(matches!(&watched.0, Err(DataError::Invalid { .. })), "{watched:?}");
        assert_eq!(watched.0, unwatched.0);
        assert_eq!((watched.1, unwatched.1), (1, 0));
    }
}
