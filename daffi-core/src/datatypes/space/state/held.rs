//! Searches that are being read: each sees the objects as they were when it began.

use std::sync::Arc;

use imbl::OrdMap;

use super::index::Indices;
use super::kept::{Kept, OBJECT_BYTES};
use super::walk::Look;
use crate::config::{SPACE_SEARCH_LEASE, SPACE_SEARCHES_MAX, SPACE_SESSION_SEARCHES_MAX};
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::Schema;
use crate::datatypes::space::value::Value;
use crate::error::SpaceError;
use crate::hosted::{SessionId, Time, Turn};

/// The searches of a space that are being read, by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) all: OrdMap<u64, View>,
    /// The number of the last one.
    pub(super) last: u64,
}

/// The objects as they were when a search began. What did not change since is shared with what there is now.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) session: SessionId,
    /// When it is given up.
    pub(super) until: Time,
    pub(super) schema: Schema,
    pub(super) records: OrdMap<Value, Arc<Record>>,
    /// Those that led to all objects then.
    pub(super) indices: Indices,
    /// About how many bytes this, and none that is newer, keeps of what is gone.
    pub(super) bytes: usize,
}

impl View {
    pub(super) fn look(&self) -> Look<'_> {
        Look { schema: &self.schema, records: &self.records, indices: &self.indices }
    }
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn get(&self, number: u64, session: SessionId) -> Result<&View, SpaceError> {
        let view = self.all.get(&number).filter(|view| view.session == session);
        view.ok_or(SpaceError::SearchGone)
    }

    /// A page was read: it is kept for as long again.
    fn renew(&mut self, number: u64, now: Time) {
        if let Some(view) = self.all.get_mut(&number) {
            view.until = now.after(SPACE_SEARCH_LEASE);
        }
    }

    fn check_room(&self, session: SessionId) -> Result<(), SpaceError> {
        let of_session = self.all.values().filter(|view| view.session == session).count();
        let full = |what: &str, actual: usize, limit: usize| SpaceError::TooLarge {
            what: what.into(),
            actual: actual as u64 + 1,
            limit: limit as u64,
        };
        if of_session >= SPACE_SESSION_SEARCHES_MAX {
            return Err(full(
                "searches of a session that are being read",
                of_session,
                SPACE_SESSION_SEARCHES_MAX,
            ));
        }
        if self.all.len() >= SPACE_SEARCHES_MAX {
            return Err(full("searches of a space that are being read", self.all.len(), SPACE_SEARCHES_MAX));
        }
        Ok(())
    }

    /// Gives up one that is there. What it alone has kept is gone, what one before it keeps too is that one's now.
    pub(super) fn close(&mut self, number: u64, turn: &mut Turn<'_>) {
        let Some(view) = self.all.remove(&number) else { return };
        let before = self.all.get_prev(&number).map(|(number, _)| *number);
        if let Some(before) = before.and_then(|before| self.all.get_mut(&before)) {
            before.bytes = before.bytes.saturating_add(view.bytes);
        }
        if !self.all.values().any(|other| other.session == view.session) {
            turn.let_go(view.session);
        }
    }

    /// Gives up those of which this is true.
    pub(super) fn close_all(&mut self, turn: &mut Turn<'_>, is_over: impl Fn(&View) -> bool) {
        let over: Vec<u64> =
            self.all.iter().filter(|(_, view)| is_over(view)).map(|(number, _)| *number).collect();
        over.into_iter().for_each(|number| self.close(number, turn));
    }

    /// The first time at which one is given up.
    pub(super) fn next_expiry(&self) -> Option<Time> {
        self.all.values().map(|view| view.until).min()
    }

    /// The sessions that read.
    pub(super) fn sessions(&self) -> Vec<SessionId> {
        let mut sessions: Vec<SessionId> = self.all.values().map(|view| view.session).collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }

    /// An object, or some entries of indices, are not what there is any more, and are as the newest search has them.
    pub(super) fn keep(&mut self, key: &Value, gone: Option<&Arc<Record>>, entries: usize) {
        let newest = self.all.get_max().map(|(number, _)| *number);
        let Some(newest) = newest.and_then(|number| self.all.get_mut(&number)) else { return };
        let shared = gone.filter(|gone| newest.records.get(key).is_some_and(|kept| Arc::ptr_eq(kept, gone)));
        if let Some(gone) = shared {
            let bytes = gone.bytes() + key.bytes() + OBJECT_BYTES + entries;
            newest.bytes = newest.bytes.saturating_add(bytes);
        }
    }

    /// All that there was is gone: so much.
    pub(super) fn keep_all(&mut self, bytes: usize) {
        let newest = self.all.get_max().map(|(number, _)| *number);
        if let Some(newest) = newest.and_then(|number| self.all.get_mut(&number)) {
            newest.bytes = newest.bytes.saturating_add(bytes);
        }
    }

    /// About how many bytes they keep of what is gone. There are few of them.
    pub(super) fn bytes(&self) -> usize {
        self.all.values().fold(0, |sum, view| sum.saturating_add(view.bytes))
    }
}

impl Kept {
    /// A turn of a search is over, of the one of this number or of a new one: it is kept if there may be more, and then its
    /// number is returned, and is gone if there is not.
    ///
    /// # Errors
    /// [`SpaceError::TooLarge`] if too many searches are being read.
    pub(super) fn keep_search(
        &mut self,
        turn: &mut Turn<'_>,
        search: Option<u64>,
        has_more: bool,
    ) -> Result<Option<u64>, SpaceError> {
        match search {
            None if has_more => {
                self.held.check_room(turn.session())?;
                return Ok(Some(self.hold(turn)));
            }
            Some(search) if has_more => self.held.renew(search, turn.now()),
            Some(search) => self.held.close(search, turn),
            None => {}
        }
        Ok(search.filter(|_| has_more))
    }

    /// Begins a search of what there is now, which is read by the session of the turn, and returns its number.
    fn hold(&mut self, turn: &mut Turn<'_>) -> u64 {
        let view = View {
            session: turn.session(),
            until: turn.now().after(SPACE_SEARCH_LEASE),
            schema: self.schema.clone(),
            records: self.records.clone(),
            indices: self.indices.made(),
            bytes: 0,
        };
        self.held.last += 1;
        self.held.all.insert(self.held.last, view);
        turn.hold(turn.session());
        self.held.last
    }
}
