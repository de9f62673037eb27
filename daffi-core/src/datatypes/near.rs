//! What a node keeps of an object for itself, so that what is read often need not be asked for.
//!
//! Each value has the revision as of which it is known. The object's changes are watched: what they say that is younger
//! counts, and what was asked for before and is answered later than a change is older than that. What was missed, or may
//! have been while there was no link, is forgotten as a whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::api::{Feed, Heard, Object};
use crate::config;
use crate::error::DataError;
use crate::hosted::{Key, Value};
use crate::node::{Node, Phase};

/// What a change says of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing but that it is another.
    No,
    /// It is this one, or none.
    Is(Option<Arc<Value>>),
}

/// What a change is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum About {
    /// One value.
    One(Key, Known),
    /// All of them.
    All,
    /// None.
    Nothing,
}

/// A copy of parts of an object, which goes with its last handle.
#[derive(Debug)]
pub(super) struct Near {
    copy: Arc<Mutex<Copied>>,
    node: Node,
    watching: AbortHandle,
}

/// The copy.
#[derive(Debug, Default)]
struct Copied {
    slots: HashMap<Key, Slot>,
    last: u64,
    /// Nobody watches any more.
    is_over: bool,
}

/// A value, known or asked for.
#[derive(Debug)]
struct Slot {
    /// What asks for it now, asks for this.
    number: u64,
    revision: u64,
    known: Known,
}

impl Near {
    /// Begins a copy of an object, with nothing in it.
    pub(super) async fn begin<C: DeserializeOwned + Send + 'static>(
        object: &Object,
        about: fn(C) -> About,
    ) -> Result<Self, DataError> {
        // Not a callback's own handle, if it is one: the copy may outlive it.
        let node = object.node().shared().handle(None);
        let feed: Feed<C> = object.with_node(node.clone()).watch(None).await?;
        let copy = Arc::default();
        let shared = node.shared();
        let watching = shared.runtime.spawn(follow(Arc::clone(&copy), feed, shared.phases(), about));
        Ok(Self { copy, watching: watching.abort_handle(), node })
    }

    /// The value by a key, or that there is none, if that is known here.
    pub(super) fn look(&self, key: &Key) -> Option<Option<Arc<Value>>> {
        if !self.node.is_connected() {
            return None;
        }
        match &self.lock().slots.get(key)?.known {
            Known::Is(value) => Some(value.clone()),
            Known::No => None,
        }
    }

    /// Makes room for what one asks for; the answer is told by the number.
    pub(super) fn ask(&self, key: &Key) -> u64 {
        let mut copy = self.lock();
        if let Some(slot) = copy.slots.get(key) {
            return slot.number;
        }
        if copy.slots.len() >= config::NEAR_VALUES_MAX
            && let Some(other) = copy.slots.keys().next().cloned()
        {
            copy.slots.remove(&other);
        }
        copy.last += 1;
        let number = copy.last;
        if !copy.is_over {
            copy.slots.insert(key.clone(), Slot { number, revision: 0, known: Known::No });
        }
        number
    }

    /// What was asked for by a number was this as of a revision of the object.
    pub(super) fn answer(&self, key: &Key, number: u64, revision: u64, value: Option<Arc<Value>>) {
        let mut copy = self.lock();
        let Some(slot) = copy.slots.get_mut(key).filter(|slot| slot.number == number) else { return };
        if slot.revision <= revision {
            (slot.revision, slot.known) = (revision, Known::Is(value));
        } else if revision == 0 {
            // The object is not there, and nobody knows since when.
            copy.slots.remove(key);
        }
    }

    /// The keys of which it is known that there is no value.
    pub(super) fn absent(&self) -> Vec<Key> {
        let copy = self.lock();
        let mut absent: Vec<Key> = copy
            .slots
            .iter()
            .filter(|(_, slot)| slot.known == Known::Is(None))
            .map(|(key, _)| key.clone())
            .collect();
        absent.sort_unstable();
        absent
    }

    fn lock(&self) -> MutexGuard<'_, Copied> {
        lock(&self.copy)
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

fn lock(copy: &Mutex<Copied>) -> MutexGuard<'_, Copied> {
    copy.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a copy up to date until the object cannot be watched any more.
async fn follow<C: DeserializeOwned + Send + 'static>(
    copy: Arc<Mutex<Copied>>,
    mut feed: Feed<C>,
    mut phases: watch::Receiver<Phase>,
    about: fn(C) -> About,
) {
    loop {
        tokio::select! {
            biased;
            // The link has come or gone.
            Ok(()) = phases.changed() => lock(&copy).slots.clear(),
            heard = feed.next() => match heard {
                Some(Ok(Heard::Item(item))) => lock(&copy).told(item.revision, about(item.value)),
                Some(Ok(Heard::Missed) | Err(DataError::WrongValue { .. })) => lock(&copy).slots.clear(),
                Some(Err(_)) | None => break,
            },
        }
    }
    let mut copy = lock(&copy);
    copy.is_over = true;
    copy.slots.clear();
}

impl Copied {
    fn told(&mut self, revision: u64, about: About) {
        match about {
            About::One(key, known) => {
                if let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.revision < revision) {
                    (slot.revision, slot.known) = (revision, known);
                }
            }
            About::All => self.slots.clear(),
            About::Nothing => {}
        }
    }
}
