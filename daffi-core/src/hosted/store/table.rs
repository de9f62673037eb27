//! The objects by their names, and when they expire.

use std::collections::{BTreeSet, HashMap};

use slab::Slab;

use crate::hosted::Time;
use crate::hosted::kind::Object;

/// An object with what the store knows of it.
pub(super) struct Place {
    pub(super) kind: u16,
    pub(super) name: Box<str>,
    pub(super) state: Box<dyn Object>,
    /// The last command that changed it.
    pub(super) revision: u64,
    /// As counted among the bytes of all.
    pub(super) bytes: usize,
    /// When it expires as a whole.
    pub(super) expires: Option<Time>,
    /// As it stands among the deadlines.
    due: Option<Time>,
    /// A method of it panicked, and how.
    pub(super) broken: Option<String>,
    /// Sessions to which something of it belongs.
    pub(super) holders: u32,
    /// Calls that wait for it to change.
    pub(super) waiting: usize,
}

impl Place {
    /// Whether nobody can tell it from an object that is not there.
    pub(super) fn is_vacant(&self) -> bool {
        self.broken.is_none() && self.expires.is_none() && self.state.is_vacant()
    }
}

/// All objects, each in a slot.
#[derive(Default)]
pub(super) struct Table {
    pub(super) places: Slab<Place>,
    /// By kind.
    names: Vec<HashMap<Box<str>, u32>>,
    /// Kinds that are not the controller's own: these come first.
    public: usize,
    deadlines: BTreeSet<(Time, u32)>,
    /// Of all objects together.
    pub(super) bytes: usize,
    /// Slots that were vacant when last looked at.
    vacant: Vec<u32>,
}

impl Table {
    pub(super) fn new(public: usize, own: usize) -> Self {
        Self { names: (0..public + own).map(|_| HashMap::new()).collect(), public, ..Self::default() }
    }

    /// Whether it is none of the controller's own.
    pub(super) fn is_public(&self, place: &Place) -> bool {
        usize::from(place.kind) < self.public
    }

    pub(super) fn find(&self, kind: u16, name: &str) -> Option<u32> {
        self.names.get(usize::from(kind))?.get(name).copied()
    }

    pub(super) fn len_of(&self, kind: u16) -> usize {
        self.names.get(usize::from(kind)).map_or(0, HashMap::len)
    }

    pub(super) fn get(&self, slot: u32) -> &Place {
        &self.places[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Place {
        &mut self.places[slot as usize]
    }

    pub(super) fn insert(&mut self, kind: u16, name: &str, state: Box<dyn Object>) -> u32 {
        let place = Place {
            kind,
            name: name.into(),
            state,
            revision: 0,
            bytes: 0,
            expires: None,
            due: None,
            broken: None,
            holders: 0,
            waiting: 0,
        };
        let slot = self.places.insert(place) as u32;
        self.names[usize::from(kind)].insert(name.into(), slot);
        self.settle(slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Place {
        let place = self.places.remove(slot as usize);
        self.names[usize::from(place.kind)].remove(&place.name);
        self.bytes -= place.bytes;
        if let Some(due) = place.due {
            self.deadlines.remove(&(due, slot));
        }
        place
    }

    /// Takes note of what has become of an object: its bytes, when something of it expires, whether it is vacant.
    pub(super) fn settle(&mut self, slot: u32) {
        let place = &mut self.places[slot as usize];
        let is_vacant = place.is_vacant();
        // Whether a vacant object is spared, or is there since somebody waits for it, must not show. What the controller
        // keeps for itself has bounds of its own.
        let is_counted = !is_vacant && usize::from(place.kind) < self.public;
        let own = place.state.bytes();
        let bytes = if is_counted { own.saturating_add(PLACE_BYTES + 2 * place.name.len()) } else { 0 };
        self.bytes = self.bytes.saturating_sub(place.bytes).saturating_add(bytes);
        place.bytes = bytes;
        // In quarantine it goes as a whole or not at all.
        let is_whole = !is_vacant && place.broken.is_none();
        let inner = if is_whole { place.state.next_expiry() } else { None };
        let due = [place.expires, inner].into_iter().flatten().min();
        if due != place.due {
            if let Some(before) = std::mem::replace(&mut place.due, due) {
                self.deadlines.remove(&(before, slot));
            }
            self.deadlines.extend(due.map(|due| (due, slot)));
        }
        if is_vacant {
            self.places[slot as usize].revision = 0;
            self.vacant.push(slot);
        }
    }

    /// Removes objects that nobody can tell from those that are not there, between commands. Some that come and go all
    /// the time are spared for a while: making one takes as long as a short operation.
    pub(super) fn sweep(&mut self) {
        if self.vacant.len() < VACANT_MAX {
            return;
        }
        for slot in std::mem::take(&mut self.vacant) {
            let place = self.places.get(slot as usize);
            if place.is_some_and(|place| place.waiting == 0 && place.is_vacant()) {
                self.remove(slot);
            }
        }
    }

    /// The next object of which something expires, and when.
    pub(super) fn next_due(&self) -> Option<(Time, u32)> {
        self.deadlines.first().copied()
    }

    /// The objects of which something expires at exactly this time.
    pub(super) fn due_at(&self, due: Time) -> Vec<u32> {
        self.deadlines.range((due, 0)..=(due, u32::MAX)).map(|(_, slot)| *slot).collect()
    }

    /// An object was told to drop what has expired by `now`. One that says that it has not would be told for ever.
    pub(super) fn must_have_expired(&mut self, slot: u32, now: Time) {
        let Some(place) = self.places.get_mut(slot as usize) else { return };
        if place.due.is_some_and(|due| due <= now) {
            place.broken.get_or_insert_with(|| "it does not drop what has expired".to_owned());
            self.settle(slot);
        }
    }

    /// Objects that can be told from absent ones, without the controller's own.
    pub(super) fn present(&self) -> usize {
        self.places.iter().filter(|(_, place)| !place.is_vacant() && self.is_public(place)).count()
    }

    /// The objects that can be told from absent ones, by kind and name.
    pub(super) fn sorted(&self) -> Vec<u32> {
        let present = self.places.iter().filter(|(_, place)| !place.is_vacant());
        let mut slots: Vec<u32> = present.map(|(slot, _)| slot as u32).collect();
        slots.sort_by_key(|slot| {
            let place = self.get(*slot);
            (place.kind, &place.name)
        });
        slots
    }
}

/// What an object takes beside its name and state.
const PLACE_BYTES: usize = 200;
/// Vacant objects that are spared. Few in tests, so that short histories see them go.
const VACANT_MAX: usize = if cfg!(test) { 4 } else { 1_024 };
