//! The objects by their names, and when they expire.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use slab::Slab;

use crate::callback::catch;
use crate::hosted::Time;
use crate::hosted::kind::{Facts, Object};

/// An object with what the store knows of it.
pub(super) struct Place {
    pub(super) kind: u16,
    pub(super) name: Arc<str>,
    pub(super) state: Box<dyn Object>,
    /// What it said of itself when it was last settled; nothing but its bytes in quarantine.
    pub(super) facts: Facts,
    /// Whether nobody could tell it from an object that is not there, when it was last settled.
    pub(super) is_vacant: bool,
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
    /// Asks it about itself. One that panics is in quarantine, and one in quarantine is not asked.
    fn ask(&mut self) {
        let bytes = self.facts.bytes;
        if self.broken.is_none() {
            match catch(|| self.state.facts()) {
                // No object can take more; a count that began wrong, as in a state that was made up, has wrapped.
                Ok(Facts { bytes, .. }) if bytes > isize::MAX as usize => {
                    self.broken = Some("its count of bytes is wrong".into());
                }
                Ok(facts) => self.facts = facts,
                Err(panicked) => self.broken = Some(panicked.to_string()),
            }
        }
        if self.broken.is_some() {
            self.facts = Facts { bytes, ..Facts::default() };
        }
        self.is_vacant = self.broken.is_none() && self.expires.is_none() && self.facts.is_vacant;
    }
}

/// The objects of one kind by name.
#[derive(Default)]
struct Names {
    slots: HashMap<Arc<str>, u32>,
    /// The same, for lists.
    sorted: BTreeMap<Arc<str>, u32>,
}

/// All objects, each in a slot.
#[derive(Default)]
pub(super) struct Table {
    pub(super) places: Slab<Place>,
    /// By kind.
    names: Vec<Names>,
    /// Kinds that are not the controller's own: these come first.
    public: usize,
    deadlines: BTreeSet<(Time, u32)>,
    /// Of all objects together.
    pub(super) bytes: usize,
    /// Objects that can be told from absent ones, without the controller's own.
    pub(super) present: usize,
    /// Slots that were vacant when last looked at.
    vacant: Vec<u32>,
}

impl Table {
    pub(super) fn new(public: usize, own: usize) -> Self {
        Self { names: (0..public + own).map(|_| Names::default()).collect(), public, ..Self::default() }
    }

    /// Whether it is none of the controller's own.
    pub(super) fn is_public(&self, place: &Place) -> bool {
        usize::from(place.kind) < self.public
    }

    pub(super) fn find(&self, kind: u16, name: &str) -> Option<u32> {
        self.names.get(usize::from(kind))?.slots.get(name).copied()
    }

    pub(super) fn len_of(&self, kind: u16) -> usize {
        self.names.get(usize::from(kind)).map_or(0, |names| names.slots.len())
    }

    pub(super) fn get(&self, slot: u32) -> &Place {
        &self.places[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Place {
        &mut self.places[slot as usize]
    }

    pub(super) fn insert(&mut self, kind: u16, name: &str, state: Box<dyn Object>) -> u32 {
        let name: Arc<str> = name.into();
        let place = Place {
            kind,
            name: name.clone(),
            state,
            facts: Facts::default(),
            is_vacant: true,
            revision: 0,
            bytes: 0,
            expires: None,
            due: None,
            broken: None,
            holders: 0,
            waiting: 0,
        };
        let slot = self.places.insert(place) as u32;
        let names = &mut self.names[usize::from(kind)];
        names.slots.insert(name.clone(), slot);
        names.sorted.insert(name, slot);
        self.settle(slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Place {
        let place = self.places.remove(slot as usize);
        let names = &mut self.names[usize::from(place.kind)];
        names.slots.remove(&place.name);
        names.sorted.remove(&place.name);
        self.bytes -= place.bytes;
        self.present -= usize::from(!place.is_vacant && self.is_public(&place));
        if let Some(due) = place.due {
            self.deadlines.remove(&(due, slot));
        }
        place
    }

    /// Takes note of what has become of an object: its bytes, when something of it expires, whether it is vacant.
    pub(super) fn settle(&mut self, slot: u32) {
        let place = &mut self.places[slot as usize];
        let was_vacant = place.is_vacant;
        place.ask();
        // Whether a vacant object is spared, or is there since somebody waits for it, must not show. What the controller
        // keeps for itself has bounds of its own.
        let is_public = usize::from(place.kind) < self.public;
        let is_counted = is_public && !place.is_vacant;
        let taken = place.facts.bytes.saturating_add(PLACE_BYTES + place.name.len());
        let bytes = if is_counted { taken } else { 0 };
        self.bytes = self.bytes.saturating_sub(place.bytes).saturating_add(bytes);
        place.bytes = bytes;
        // In quarantine it goes as a whole or not at all.
        let inner = if place.is_vacant { None } else { place.facts.next_expiry };
        // By value in an array it takes 150 ns more.
        let due = place.expires.into_iter().chain(inner).min();
        if due != place.due {
            if let Some(before) = std::mem::replace(&mut place.due, due) {
                self.deadlines.remove(&(before, slot));
            }
            self.deadlines.extend(due.map(|due| (due, slot)));
        }
        if place.is_vacant {
            place.revision = 0;
            self.vacant.push(slot);
        }
        if is_public {
            self.present = self.present + usize::from(was_vacant) - usize::from(place.is_vacant);
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
            if place.is_some_and(|place| place.waiting == 0 && place.is_vacant) {
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

    /// The objects that can be told from absent ones, by kind and name, after this one.
    pub(super) fn sorted_after(&self, after: Option<(u16, &str)>) -> impl Iterator<Item = u32> {
        let first = after.map_or(0, |(kind, _)| usize::from(kind));
        self.names.iter().enumerate().skip(first).flat_map(move |(kind, names)| {
            let start = match after {
                Some((last, name)) if usize::from(last) == kind => Bound::Excluded(name),
                _ => Bound::Unbounded,
            };
            let slots = names.sorted.range::<str, _>((start, Bound::Unbounded)).map(|(_, slot)| *slot);
            slots.filter(|slot| !self.get(*slot).is_vacant)
        })
    }
}

/// What an object takes beside its name and state.
const PLACE_BYTES: usize = 300;
/// Vacant objects that are spared. Few in tests, so that short histories see them go.
const VACANT_MAX: usize = if cfg!(test) { 4 } else { 1_024 };
