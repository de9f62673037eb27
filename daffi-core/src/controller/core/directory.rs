//! Who offers what: one entry a name, one offer a node, signatures shared by all who offer the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use slab::Slab;

use super::builtin::Builtin;
use crate::hosted::{MethodId, ObjectKind};
use crate::name::{CallbackName, RESERVED_PREFIX};
use crate::wire::{Effect, Signature};

/// One node's offer of one callback.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    /// The slot of its session.
    pub(super) session: u32,
    /// The number that calls shall carry there.
    pub(super) id: u32,
    /// What it takes and returns.
    pub(super) signature: Arc<Signature>,
}

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// The slot of the session.
    pub(super) session: u32,
    /// The number that the call shall carry there.
    pub(super) id: u32,
}

impl Offer {
    pub(super) fn target(&self) -> Target {
        Target { session: self.session, id: self.id }
    }
}

/// A callback of the controller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// One that the controller answers itself.
    Builtin(Builtin),
    /// A method of hosted objects.
    Hosted(MethodId),
}

/// A name that can be called. It lives as long as somebody offers it; whoever still holds its key afterwards is
/// told apart by the generation.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: CallbackName,
    pub(super) generation: u32,
    pub(super) offers: Vec<Offer>,
    /// Set for the controller's own callbacks, which have no offers and live for ever.
    pub(super) own: Option<Own>,
}

/// A place in the directory, and which of its users in turn is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryKey {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

#[derive(Debug)]
pub(super) struct Directory {
    entries: Slab<Entry>,
    by_name: BTreeMap<CallbackName, u32>,
    generation: u32,
    /// How many are the controller's own.
    own: usize,
}

impl Directory {
    pub(super) fn new(kinds: &[ObjectKind]) -> Self {
        let mut directory = Self { entries: Slab::new(), by_name: BTreeMap::new(), generation: 0, own: 0 };
        let builtins = Builtin::ALL.iter().map(|builtin| (builtin.name().to_owned(), Own::Builtin(*builtin)));
        let hosted = kinds.iter().enumerate().flat_map(|(at, kind)| {
            kind.methods.iter().enumerate().map(move |(method, entry)| {
                let id = MethodId { kind: at as u16, method: method as u16 };
                (format!("{RESERVED_PREFIX}{}.{}", kind.name, entry.name), Own::Hosted(id))
            })
        });
        for (name, own) in builtins.chain(hosted) {
            directory.insert(CallbackName::new(&name).expect("a good name"), Some(own));
            directory.own += 1;
        }
        directory
    }

    fn insert(&mut self, name: CallbackName, own: Option<Own>) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        let entry = Entry { name: name.clone(), generation: self.generation, offers: Vec::new(), own };
        let slot =
            u32::try_from(self.entries.insert(entry)).expect("names are bounded by sessions × callbacks");
        self.by_name.insert(name, slot);
        slot
    }

    pub(super) fn find(&self, name: &str) -> Option<EntryKey> {
        let slot = *self.by_name.get(name)?;
        Some(EntryKey { slot, generation: self.entries[slot as usize].generation })
    }

    pub(super) fn entry(&self, key: EntryKey) -> Option<&Entry> {
        self.entries.get(key.slot as usize).filter(|entry| entry.generation == key.generation)
    }

    /// Adds an offer; the key stays good until the last offer of the name is gone.
    pub(super) fn add(&mut self, session: u32, id: u32, signature: Signature) -> EntryKey {
        let slot = match self.by_name.get(&signature.name) {
            Some(slot) => *slot,
            None => self.insert(signature.name.clone(), None),
        };
        let entry = &mut self.entries[slot as usize];
        // Thousands of nodes offer the same callbacks: they share one signature.
        let shared = entry.offers.iter().map(|offer| &offer.signature).find(|known| ***known == signature);
        let signature = shared.cloned().unwrap_or_else(|| Arc::new(signature));
        entry.offers.push(Offer { session, id, signature });
        EntryKey { slot, generation: entry.generation }
    }

    /// Takes an offer back and returns its signature; the name goes with its last offer.
    pub(super) fn remove(&mut self, key: EntryKey, session: u32) -> Option<Arc<Signature>> {
        let entry = self.entries.get_mut(key.slot as usize)?;
        let at = entry.offers.iter().position(|offer| offer.session == session)?;
        let offer = entry.offers.remove(at);
        if entry.offers.is_empty() && entry.own.is_none() {
            let entry = self.entries.remove(key.slot as usize);
            self.by_name.remove(&entry.name);
        }
        Some(offer.signature)
    }

    /// The entries that nodes offer, by name.
    pub(super) fn offered(&self) -> impl Iterator<Item = &Entry> {
        self.by_name.values().map(|slot| &self.entries[*slot as usize]).filter(|entry| entry.own.is_none())
    }

    /// All names, the controller's own included.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(CallbackName::as_str)
    }

    /// The names that one session offers.
    pub(super) fn names_of(&self, offers: &HashMap<u32, (EntryKey, u32)>) -> impl Iterator<Item = &str> {
        let offered = self.by_name.iter().filter(|(_, slot)| offers.contains_key(*slot));
        offered.map(|(name, _)| name.as_str())
    }

    /// Names that nodes offer.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.own
    }

    /// Offers of all names.
    pub(super) fn offers(&self) -> usize {
        self.entries.iter().map(|(_, entry)| entry.offers.len()).sum()
    }
}

impl Entry {
    /// The controller's own callback that it is, unless it is a hosted object's.
    pub(super) fn builtin(&self) -> Option<Builtin> {
        match self.own {
            Some(Own::Builtin(builtin)) => Some(builtin),
            Some(Own::Hosted(_)) | None => None,
        }
    }

    /// The distinct signatures on offer. What not all who offer one call idempotent is not.
    pub(super) fn signatures(&self) -> Vec<Signature> {
        let mut distinct: Vec<(&Arc<Signature>, Effect)> = Vec::new();
        for Offer { signature, .. } in &self.offers {
            let is_same =
                |known: &Arc<Signature>| Arc::ptr_eq(known, signature) || known.is_same_shape(signature);
            match distinct.iter_mut().find(|(known, _)| is_same(known)) {
                Some((_, effect)) if signature.effect != *effect => *effect = Effect::Once,
                Some(_) => {}
                None => distinct.push((signature, signature.effect)),
            }
        }
        distinct
            .into_iter()
            .map(|(signature, effect)| Signature { effect, ..Signature::clone(signature) })
            .collect()
    }

    /// The offers, grouped by what they take and return.
    pub(super) fn groups(&self) -> Vec<(Signature, Vec<u32>)> {
        let mut groups: Vec<(Signature, Vec<u32>)> = Vec::new();
        for offer in &self.offers {
            match groups.iter_mut().find(|(signature, _)| signature.is_same_shape(&offer.signature)) {
                Some((signature, sessions)) => {
                    if signature.effect != offer.signature.effect {
                        signature.effect = Effect::Once;
                    }
                    sessions.push(offer.session);
                }
                None => groups.push((Signature::clone(&offer.signature), vec![offer.session])),
            }
        }
        groups
    }
}

/// The names that one session calls by number.
#[derive(Debug, Default)]
pub(super) struct Interned {
    names: Vec<(CallbackName, EntryKey)>,
    ids: HashMap<CallbackName, u32>,
}

impl Interned {
    /// The entry of a number, and its name should the entry be gone.
    pub(super) fn get(&self, id: u32) -> Option<&(CallbackName, EntryKey)> {
        self.names.get(id as usize)
    }

    /// The number of a name, allotted if need be; `None` once `limit` names have one. Says whether it is new.
    pub(super) fn intern(&mut self, name: &CallbackName, key: EntryKey, limit: usize) -> Option<(u32, bool)> {
        if let Some(id) = self.ids.get(name) {
            self.names[*id as usize].1 = key;
            return Some((*id, false));
        }
        let id = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < limit)?;
        self.names.push((name.clone(), key));
        self.ids.insert(name.clone(), id);
        Some((id, true))
    }

    /// A name was withdrawn and is offered anew: its number means the new entry.
    pub(super) fn refresh(&mut self, id: u32, key: EntryKey) {
        self.names[id as usize].1 = key;
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}
