//! The lives of sessions and objects: what begins, ends, expires, goes, and comes from elsewhere.

use std::collections::BTreeSet;

use super::run::check_name;
use super::{After, Change, Held, ObjectId, Store};
use crate::callback::catch;
use crate::config;
use crate::error::DataError;
use crate::hosted::command::Denial;
use crate::hosted::kind::Object;
use crate::hosted::turn::{SessionId, Time, Turn};
use crate::wire::BodyError;

impl Store {
    pub(super) fn open(&mut self, incarnation: u128) -> SessionId {
        self.last_session += 1;
        let session = SessionId(self.last_session);
        self.sessions.insert(session, Held { incarnation, objects: BTreeSet::new() });
        session
    }

    pub(super) fn end(&mut self, session: SessionId, is_final: bool, after: &mut After) {
        let Some(held) = self.sessions.remove(&session) else { return };
        if is_final {
            self.windows.remove(&held.incarnation);
        }
        // By name, since slots differ between a store and another that was restored.
        let mut objects: Vec<u32> = held.objects.into_iter().collect();
        for slot in &objects {
            self.table.get_mut(*slot).holders -= 1;
        }
        objects.sort_by(|a, b| self.name_of(ObjectId(*a)).cmp(&self.name_of(ObjectId(*b))));
        for slot in objects {
            self.change(slot, session, after, |object, turn| object.release(turn));
        }
    }

    /// Lets time pass: what has expired goes, the earliest first.
    pub(super) fn advance(&mut self, now: Time, after: &mut After) {
        self.clock = self.clock.max(now);
        while let Some((due, _)) = self.table.next_due().filter(|(due, _)| *due <= self.clock) {
            let mut slots = self.table.due_at(due);
            slots.sort_by(|a, b| self.name_of(ObjectId(*a)).cmp(&self.name_of(ObjectId(*b))));
            for slot in slots {
                if self.table.get(slot).expires.is_some_and(|expires| expires <= self.clock) {
                    self.discard(slot, after);
                } else {
                    self.change(slot, SessionId::default(), after, |object, turn| object.expire(turn));
                    self.table.must_have_expired(slot, self.clock);
                }
            }
        }
        self.forget_windows();
    }

    /// Makes room for the requests of other nodes: those that are too old go, and if that is not enough, those of the
    /// nodes that have been silent for longest.
    fn forget_windows(&mut self) {
        if self.windows.len() <= config::ONCE_NODES_MAX {
            return;
        }
        let clock = self.clock;
        self.windows.retain(|_, window| !window.expire(clock));
        if self.windows.len() > config::ONCE_NODES_MAX {
            let mut silent: Vec<(Time, u128)> =
                self.windows.iter().map(|(incarnation, window)| (window.last(), *incarnation)).collect();
            silent.sort_unstable();
            silent.truncate(config::ONCE_NODES_MAX / 2);
            for (_, incarnation) in silent {
                self.windows.remove(&incarnation);
            }
            self.has_forgotten = true;
        }
    }

    /// Changes an object by a method that is not called from outside.
    fn change(
        &mut self,
        slot: u32,
        session: SessionId,
        after: &mut After,
        change: impl FnOnce(&mut dyn Object, &mut Turn<'_>),
    ) {
        let revision = self.revision + 1;
        let place = self.table.get_mut(slot);
        let mut turn = Turn::new(self.clock, revision, session, &mut self.effects).watched(self.is_watched);
        match catch(|| change(&mut *place.state, &mut turn)) {
            Ok(()) => self.settle(slot, revision, after),
            Err(panicked) => drop(self.panicked(slot, &panicked)),
        }
    }

    pub(super) fn destroy(&mut self, kind: u16, name: &str, after: &mut After) -> bool {
        let found = self.find_present(kind, name);
        if let Some(slot) = found {
            self.discard(slot, after);
        }
        found.is_some()
    }

    /// Empties an object as if it had never been; those who wait for it go on waiting.
    pub(super) fn discard(&mut self, slot: u32, after: &mut After) {
        if self.table.get(slot).holders > 0 {
            self.let_all_go(slot);
        }
        self.revision += 1;
        let blank = self.kind(self.table.get(slot).kind).blank().copy();
        let place = self.table.get_mut(slot);
        (place.state, place.revision) = (blank, self.revision);
        (place.expires, place.broken) = (None, None);
        after.changed.push(ObjectId(slot));
        self.changed_wholly(slot, after);
        self.table.settle(slot);
    }

    /// Watchers are told that nothing is as it was.
    fn changed_wholly(&self, slot: u32, after: &mut After) {
        if self.is_watched {
            after.changes.push(Change { object: ObjectId(slot), revision: self.revision, what: None });
        }
    }

    /// The state of an object, as its type encodes it.
    ///
    /// # Errors
    /// [`DataError::Quarantined`] if its own `Serialize` fails.
    pub fn state(&self, kind: u16, name: &str) -> Result<Option<Vec<u8>>, DataError> {
        let place = self.find_present(kind, name).map(|slot| self.table.get(slot));
        let saved = place.map(|place| place.state.save()).transpose();
        saved.map_err(|error| DataError::Quarantined { object: name.to_owned(), why: error.0 })
    }

    /// Puts an object that was exported in the place of what there is; says whether there was something. What it
    /// holds for sessions, it holds for none here.
    pub(super) fn import(
        &mut self,
        kind: u16,
        name: &str,
        expires: Option<Time>,
        state: &[u8],
        after: &mut After,
    ) -> Result<bool, Denial> {
        let name = check_name(name)?;
        let wrong = |error: BodyError| {
            let expected = format!("the state of a {}", self.kind(kind).name);
            DataError::WrongValue { expected, found: error.0 }
        };
        let encoded = state.len();
        let state = self.kind(kind).load(state).map_err(wrong)?;
        // Whoever sent it may have made it up: what it says of itself must at least be possible.
        let holders = catch(|| {
            (state.facts().bytes <= encoded.saturating_mul(STATE_BYTES_PER_BYTE_MAX)).then(|| state.holders())
        });
        let Ok(Some(holders)) = holders else {
            return Err(wrong(BodyError("a state that contradicts itself".into())).into());
        };
        let was_there = self.destroy(kind, name, after);
        let slot = self.find_or_make(kind, name);
        let place = self.table.get_mut(slot);
        (place.state, place.expires) = (state, expires);
        for session in holders {
            self.change(slot, session, after, |object, turn| object.release(turn));
        }
        let revision = self.revision + 1;
        self.settle(slot, revision, after);
        self.changed_wholly(slot, after);
        Ok(was_there)
    }

    pub(super) fn expire(&mut self, kind: u16, name: &str, expires: Option<Time>) -> bool {
        let Some(slot) = self.find_present(kind, name) else { return false };
        self.revision += 1;
        let place = self.table.get_mut(slot);
        (place.expires, place.revision) = (expires, self.revision);
        self.table.settle(slot);
        true
    }
}

/// What an object takes for each byte that it is encoded in, at most: a short entry has its place in several tables.
const STATE_BYTES_PER_BYTE_MAX: usize = 256;
