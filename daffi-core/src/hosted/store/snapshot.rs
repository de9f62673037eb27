//! All of a store as plain data: what it takes to go on from here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::table::Place;
use super::window::Window;
use super::{Held, Store};
use crate::hosted::turn::{SessionId, Time};
use crate::wire::{self, BodyError};

/// A store at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    clock: Time,
    revision: u64,
    last_session: u64,
    objects: Vec<Saved>,
    sessions: BTreeMap<SessionId, SavedSession>,
    windows: BTreeMap<u128, Window>,
    has_forgotten: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    kind: String,
    name: String,
    revision: u64,
    expires: Option<Time>,
    broken: Option<String>,
    #[serde(with = "serde_bytes")]
    state: Vec<u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SavedSession {
    incarnation: u128,
    /// Places among the objects.
    holds: Vec<u32>,
}

/// Why a snapshot is not taken for a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// An object is of a kind that this program does not host.
    #[error("objects of the kind `{0}` are not hosted here")]
    UnknownKind(String),
    /// An object is not what its kind reads.
    #[error("the {kind} `{name}` cannot be read: {error}")]
    Object {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// What the decoder said.
        error: BodyError,
    },
}

impl Store {
    /// All of it.
    ///
    /// # Errors
    /// [`BodyError`] if an object's own `Serialize` fails.
    pub fn snapshot(&self) -> Result<Snapshot, BodyError> {
        let places: Vec<&Place> = self.table.sorted_after(None).map(|slot| self.table.get(slot)).collect();
        let mut objects = Vec::with_capacity(places.len());
        for place in &places {
            objects.push(Saved {
                kind: self.kind(place.kind).name.to_owned(),
                name: place.name.to_string(),
                revision: place.revision,
                expires: place.expires,
                broken: place.broken.clone(),
                state: place.state.save()?,
            });
        }
        let at = |slot: u32| {
            let held = self.table.get(slot);
            let found =
                places.binary_search_by(|place| (place.kind, &place.name).cmp(&(held.kind, &held.name)));
            found.ok().map(|at| at as u32)
        };
        let saved = |held: &Held| {
            let mut holds: Vec<u32> = held.objects.iter().filter_map(|slot| at(*slot)).collect();
            holds.sort_unstable();
            SavedSession { incarnation: held.incarnation, holds }
        };
        Ok(Snapshot {
            clock: self.clock,
            revision: self.revision,
            last_session: self.last_session,
            objects,
            sessions: self.sessions.iter().map(|(session, held)| (*session, saved(held))).collect(),
            windows: self
                .windows
                .iter()
                .map(|(incarnation, window)| (*incarnation, window.clone()))
                .collect(),
            has_forgotten: self.has_forgotten,
        })
    }

    /// Becomes what `snapshot` says, whatever it was before.
    ///
    /// # Errors
    /// [`LoadError`] if an object cannot be read; nothing is changed then.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<(), LoadError> {
        let mut store = Self::with_own(self.kinds.clone(), self.own.clone());
        let mut slots = Vec::with_capacity(snapshot.objects.len());
        for saved in snapshot.objects {
            let kind = self.kinds.iter().chain(&*self.own).position(|kind| kind.name == saved.kind);
            let kind = kind.ok_or_else(|| LoadError::UnknownKind(saved.kind.clone()))? as u16;
            let state = self.kind(kind).load(&saved.state).map_err(|error| LoadError::Object {
                kind: saved.kind.clone(),
                name: saved.name.clone(),
                error,
            })?;
            let slot = store.table.insert(kind, &saved.name, state);
            let place = store.table.get_mut(slot);
            (place.revision, place.expires, place.broken) = (saved.revision, saved.expires, saved.broken);
            store.table.settle(slot);
            slots.push(slot);
        }
        store.sessions = snapshot
            .sessions
            .into_iter()
            .map(|(session, saved)| {
                let objects: BTreeSet<u32> =
                    saved.holds.iter().filter_map(|at| slots.get(*at as usize).copied()).collect();
                for slot in &objects {
                    store.table.get_mut(*slot).holders += 1;
                }
                (session, Held { incarnation: saved.incarnation, objects })
            })
            .collect();
        store.windows = snapshot.windows.into_iter().collect();
        store.has_forgotten = snapshot.has_forgotten;
        (store.clock, store.revision, store.last_session) =
            (snapshot.clock, snapshot.revision, snapshot.last_session);
        *self = store;
        Ok(())
    }
}

impl Snapshot {
    /// It as bytes.
    ///
    /// # Panics
    /// Never: all of it encodes.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self).expect("texts, numbers and bytes encode")
    }

    /// The snapshot that `bytes` are.
    ///
    /// # Errors
    /// [`BodyError`] if they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, BodyError> {
        wire::decode(bytes)
    }
}
