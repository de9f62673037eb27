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
    /// Whether that is of an answer, which has seen all of its step.
    is_answered: bool,
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
        if self.node.is_connected() { self.lock().look(key) } else { None }
    }

    /// Makes room for what one asks for; the answer is told by the number.
    pub(super) fn ask(&self, key: &Key) -> u64 {
        self.lock().ask(key)
    }

    /// What was asked for by a number was this as of a revision of the object.
    pub(super) fn answer(&self, key: &Key, number: u64, revision: u64, value: Option<Arc<Value>>) {
        self.lock().answer(key, number, revision, value);
    }

    /// The keys of which it is known that there is no value, in order.
    pub(super) fn absent(&self) -> Vec<Key> {
        let copy = self.lock();
        let absent = copy.slots.iter().filter(|(_, slot)| slot.known == Known::Is(None));
        let mut absent: Vec<Key> = absent.map(|(key, _)| key.clone()).collect();
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
    fn look(&self, key: &Key) -> Option<Option<Arc<Value>>> {
        match &self.slots.get(key)?.known {
            Known::Is(value) => Some(value.clone()),
            Known::No => None,
        }
    }

    fn ask(&mut self, key: &Key) -> u64 {
        if let Some(slot) = self.slots.get(key) {
            return slot.number;
        }
        if self.slots.len() >= config::NEAR_VALUES_MAX
            && let Some(other) = self.slots.keys().next().cloned()
        {
            self.slots.remove(&other);
        }
        self.last += 1;
        let number = self.last;
        if !self.is_over {
            self.slots
                .insert(key.clone(), Slot { number, revision: 0, is_answered: false, known: Known::No });
        }
        number
    }

    fn answer(&mut self, key: &Key, number: u64, revision: u64, value: Option<Arc<Value>>) {
        let Some(slot) = self.slots.get_mut(key).filter(|slot| slot.number == number) else { return };
        if slot.revision <= revision {
            (slot.revision, slot.is_answered, slot.known) = (revision, true, Known::Is(value));
        } else if revision == 0 {
            // The object is not there, and nobody knows since when.
            self.slots.remove(key);
        }
    }

    fn told(&mut self, revision: u64, about: About) {
        match about {
            About::One(key, known) => {
                let Some(slot) = self.slots.get_mut(&key) else { return };
                // One step may change a key several times; an answer has seen all of it.
                let is_later = slot.revision == revision && !slot.is_answered;
                if slot.revision < revision || is_later {
                    (slot.revision, slot.is_answered, slot.known) = (revision, false, known);
                }
            }
            About::All => self.slots.clear(),
            About::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        Key::of(&number).unwrap()
    }

    fn value(number: u64) -> Option<Arc<Value>> {
        Some(Arc::new(Value::of(&number).unwrap()))
    }

    fn changed(number: u64, known: Known) -> About {
        About::One(key(number), known)
    }

    #[test]
    fn of_several_changes_in_one_step_the_last_counts() {
        let mut copy = Copied::default();
        copy.ask(&key(1));
        for number in [7, 8] {
            copy.told(5, changed(1, Known::Is(value(number))));
        }
        assert!(matches!(&copy.slots[&key(1)].known, Known::Is(known) if *known == value(8)));
    }

    #[test]
    fn of_an_answer_and_a_change_the_younger_counts_whichever_comes_first() {
        for (answered, told, is_answer) in [(5, 6, false), (6, 5, true), (5, 5, true)] {
            for is_told_first in [true, false] {
                let mut copy = Copied::default();
                let number = copy.ask(&key(1));
                if is_told_first {
                    copy.told(told, changed(1, Known::Is(value(9))));
                }
                copy.answer(&key(1), number, answered, value(7));
                if !is_told_first {
                    copy.told(told, changed(1, Known::Is(value(9))));
                }
                let expected = if is_answer { value(7) } else { value(9) };
                assert_eq!(copy.look(&key(1)), Some(expected), "{answered} {told} {is_told_first}");
            }
        }
    }

    #[test]
    fn a_change_that_says_no_value_makes_the_old_one_unknown() {
        let mut copy = Copied::default();
        let number = copy.ask(&key(1));
        copy.answer(&key(1), number, 5, None);
        assert_eq!(copy.look(&key(1)), Some(None));

        copy.told(6, changed(1, Known::No));
        copy.told(6, changed(2, Known::Is(value(2))));
        copy.told(7, About::Nothing);

        assert_eq!((copy.look(&key(1)), copy.look(&key(2))), (None, None));
    }

    #[test]
    fn what_was_asked_for_before_all_was_forgotten_is_not_believed() {
        let mut copy = Copied::default();
        let before = copy.ask(&key(1));
        copy.told(9, About::All);
        let after = copy.ask(&key(1));

        copy.answer(&key(1), before, 8, value(1));
        assert_eq!(copy.look(&key(1)), None);
        copy.answer(&key(1), after, 9, value(2));
        assert_eq!(copy.look(&key(1)), Some(value(2)));
    }

    #[test]
    fn an_object_that_has_gone_leaves_nothing_known_that_was() {
        let mut copy = Copied::default();
        let number = copy.ask(&key(1));
        copy.answer(&key(1), number, 5, value(1));

        copy.answer(&key(1), number, 0, None);

        assert_eq!(copy.look(&key(1)), None);
    }

    #[test]
    fn a_copy_has_a_bound_and_an_end() {
        let mut copy = Copied::default();
        for number in 0..config::NEAR_VALUES_MAX as u64 + 10 {
            let asked = copy.ask(&key(number));
            copy.answer(&key(number), asked, 1, None);
        }
        assert_eq!(copy.slots.len(), config::NEAR_VALUES_MAX);

        copy = Copied { is_over: true, ..Copied::default() };
        let asked = copy.ask(&key(1));
        copy.answer(&key(1), asked, 1, value(1));

        assert_eq!(copy.look(&key(1)), None);
    }
}
