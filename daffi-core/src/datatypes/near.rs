//! What a node keeps of an object for itself, so that what is read often need not be asked for.
//!
//! Each value has the revision as of which it is known. The object's changes are watched: what they say that is younger
//! counts, and what was asked for before and is answered later than a change is older than that. What was missed, or may
//! have been while there was no link, is forgotten as a whole; and what nobody can hear of is not kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::api::{Feed, Heard, Object, Operation};
use crate::config;
use crate::error::{CallError, DataError, Ran};
use crate::hosted::{Key, Value};
use crate::node::Phase;

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
    watching: AbortHandle,
}

/// The copy.
#[derive(Debug)]
struct Copied {
    slots: HashMap<Key, Slot>,
    /// What the slots take, about.
    bytes: usize,
    last: u64,
    /// Somebody hears of changes: what nobody hears of is not kept.
    is_watched: bool,
    phases: watch::Receiver<Phase>,
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
        let object = object.with_node(object.node().shared().handle(None));
        let feed: Feed<C> = object.watch(None).await?;
        let shared = Arc::clone(object.node().shared());
        let copy = Arc::new(Mutex::new(Copied::new(shared.phases())));
        let watching = shared.runtime.spawn(keep(Arc::clone(&copy), object, feed, about));
        Ok(Self { copy, watching: watching.abort_handle() })
    }

    /// The value by a key, or that there is none, if that is known here.
    pub(super) fn look(&self, key: &Key) -> Option<Option<Arc<Value>>> {
        lock(&self.copy).look(key)
    }

    /// Makes room for what one asks for; the answer is told by the number.
    pub(super) fn ask(&self, key: &Key) -> u64 {
        lock(&self.copy).ask(key)
    }

    /// What was asked for by a number was this as of a revision of the object.
    pub(super) fn answer(&self, key: &Key, number: u64, revision: u64, value: Option<Arc<Value>>) {
        lock(&self.copy).answer(key, number, revision, value);
    }

    /// The value by a key as `reading` says it, which is known here from then on.
    pub(super) async fn read(
        &self,
        key: &Key,
        reading: Operation<Option<Value>>,
    ) -> Result<Option<Arc<Value>>, DataError> {
        let number = self.ask(key);
        let read = reading.versioned().await?;
        let value = read.value.map(Arc::new);
        self.answer(key, number, read.revision, value.clone());
        Ok(value)
    }

    /// The keys of which it is known that there is no value, in order.
    pub(super) fn absent(&self) -> Vec<Key> {
        let copy = lock(&self.copy);
        let absent = copy.slots.iter().filter(|(_, slot)| slot.known == Known::Is(None));
        let mut absent: Vec<Key> = absent.map(|(key, _)| key.clone()).collect();
        absent.sort_unstable();
        absent
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// The copy, without what is from before the link came or went.
fn lock(copy: &Mutex<Copied>) -> MutexGuard<'_, Copied> {
    let mut copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
    copy.keep_step();
    copy
}

/// Keeps a copy up to date for as long as the node lives. Where its object cannot be watched any more, it has nothing until
/// that can be again.
async fn keep<C: DeserializeOwned + Send + 'static>(
    copy: Arc<Mutex<Copied>>,
    object: Object,
    mut feed: Feed<C>,
    about: fn(C) -> About,
) {
    let shared = Arc::clone(object.node().shared());
    loop {
        let error = follow(&copy, feed, shared.phases(), about).await;
        lock(&copy).watched(false);
        if shared.phase() == Phase::Ended {
            return;
        }
        tracing::warn!(?object, %error, "a copy is not kept up to date, and so not used for a while");
        feed = loop {
            tokio::time::sleep(config::NEAR_REOPENED_EVERY).await;
            match object.watch(None).await {
                Ok(feed) => break feed,
                Err(_) if shared.phase() == Phase::Ended => return,
                Err(error) => tracing::debug!(?object, %error, "a copy cannot be kept yet"),
            }
        };
        lock(&copy).watched(true);
    }
}

/// Has a copy know what is heard of its object, until nothing is any more.
async fn follow<C: DeserializeOwned + Send + 'static>(
    copy: &Mutex<Copied>,
    mut feed: Feed<C>,
    mut phases: watch::Receiver<Phase>,
    about: fn(C) -> About,
) -> DataError {
    loop {
        tokio::select! {
            biased;
            // What is of no use any more need not be kept until somebody looks.
            Ok(()) = phases.changed() => drop(lock(copy)),
            heard = feed.next() => match heard {
                Some(Ok(Heard::Item(item))) => lock(copy).told(item.revision, about(item.value)),
                Some(Ok(Heard::Missed) | Err(DataError::WrongValue { .. })) => lock(copy).forget(),
                Some(Err(error)) => return error,
                None => return DataError::Call(CallError::Disconnected { ran: Ran::No }),
            },
        }
    }
}

impl Copied {
    fn new(phases: watch::Receiver<Phase>) -> Self {
        Self { slots: HashMap::new(), bytes: 0, last: 0, is_watched: true, phases }
    }

    /// Forgets all if the link has come or gone since this was last asked. Whoever looks finds that out by themselves: the
    /// task that watches may not have had a turn since.
    fn keep_step(&mut self) {
        // Where nobody says so any more there is no node.
        if self.phases.has_changed().unwrap_or(true) {
            drop(self.phases.borrow_and_update());
            self.forget();
        }
    }

    fn watched(&mut self, is_watched: bool) {
        self.is_watched = is_watched;
        self.forget();
    }

    fn forget(&mut self) {
        self.slots.clear();
        self.bytes = 0;
    }

    fn look(&self, key: &Key) -> Option<Option<Arc<Value>>> {
        if *self.phases.borrow() != Phase::Connected {
            return None;
        }
        match &self.slots.get(key)?.known {
            Known::Is(value) => Some(value.clone()),
            Known::No => None,
        }
    }

    fn ask(&mut self, key: &Key) -> u64 {
        if let Some(slot) = self.slots.get(key) {
            return slot.number;
        }
        self.last += 1;
        let slot = Slot { number: self.last, revision: 0, is_answered: false, known: Known::No };
        if self.is_watched {
            self.bytes += slot_bytes(key, &slot);
            self.slots.insert(key.clone(), slot);
            self.make_room(key);
        }
        self.last
    }

    fn answer(&mut self, key: &Key, number: u64, revision: u64, value: Option<Arc<Value>>) {
        let Some(slot) = self.slots.get(key).filter(|slot| slot.number == number) else { return };
        if slot.revision <= revision {
            self.learn(key, revision, true, Known::Is(value));
        } else if revision == 0 {
            // The object is not there, and nobody knows since when.
            self.remove(key);
        }
    }

    fn told(&mut self, revision: u64, about: About) {
        match about {
            About::One(key, known) => {
                let Some(slot) = self.slots.get(&key) else { return };
                // One step may change a key several times; an answer has seen all of it.
                let is_later = slot.revision == revision && !slot.is_answered;
                if slot.revision < revision || is_later {
                    self.learn(&key, revision, false, known);
                }
            }
            About::All => self.forget(),
            About::Nothing => {}
        }
    }

    fn learn(&mut self, key: &Key, revision: u64, is_answered: bool, known: Known) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        self.bytes -= slot_bytes(key, slot);
        *slot = Slot { number: slot.number, revision, is_answered, known };
        self.bytes += slot_bytes(key, slot);
        self.make_room(key);
    }

    /// Lets any others go for this one, as long as there are too many or they take too much.
    fn make_room(&mut self, key: &Key) {
        while self.slots.len() > config::NEAR_VALUES_MAX || self.bytes > config::NEAR_BYTES_MAX {
            let other = self.slots.keys().find(|other| *other != key).unwrap_or(key).clone();
            self.remove(&other);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(slot) = self.slots.remove(key) {
            self.bytes -= slot_bytes(key, &slot);
        }
    }
}

fn slot_bytes(key: &Key, slot: &Slot) -> usize {
    let value = match &slot.known {
        Known::Is(Some(value)) => value.bytes().len(),
        Known::Is(None) | Known::No => 0,
    };
    SLOT_BYTES + key.bytes().len() + value
}

/// What a value takes beside its bytes and those of its key, about.
const SLOT_BYTES: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> Key {
        Key::of(&number).unwrap()
    }

    fn value(number: u64) -> Option<Arc<Value>> {
        Some(Arc::new(Value::of(&number).unwrap()))
    }

    /// A copy, and what tells it of the link.
    fn copied() -> (watch::Sender<Phase>, Copied) {
        let (phase, phases) = watch::channel(Phase::Connected);
        (phase, Copied::new(phases))
    }

    fn changed(number: u64, known: Known) -> About {
        About::One(key(number), known)
    }

    #[test]
    fn of_several_changes_in_one_step_the_last_counts() {
        let (_phase, mut copy) = copied();
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
                let (_phase, mut copy) = copied();
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
        let (_phase, mut copy) = copied();
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
        let (_phase, mut copy) = copied();
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
        let (_phase, mut copy) = copied();
        let number = copy.ask(&key(1));
        copy.answer(&key(1), number, 5, value(1));

        copy.answer(&key(1), number, 0, None);

        assert_eq!(copy.look(&key(1)), None);
    }

    #[test]
    fn a_copy_has_bounds_and_keeps_nothing_that_nobody_hears_of() {
        let (_phase, mut copy) = copied();
        for number in 0..config::NEAR_VALUES_MAX as u64 + 10 {
            let asked = copy.ask(&key(number));
            copy.answer(&key(number), asked, 1, None);
        }
        assert_eq!(copy.slots.len(), config::NEAR_VALUES_MAX);

        copy.watched(false);
        let asked = copy.ask(&key(1));
        copy.answer(&key(1), asked, 1, value(1));

        assert_eq!((copy.look(&key(1)), copy.bytes), (None, 0));
    }

    #[test]
    fn what_a_copy_takes_is_bounded_and_of_more_any_others_go() {
        let (_phase, mut copy) = copied();
        let large = Some(Arc::new(Value::of(&"x".repeat(1 << 20)).unwrap()));
        let most = (config::NEAR_BYTES_MAX >> 20) as u64;
        for number in 0..3 * most {
            let asked = copy.ask(&key(number));
            if number % 2 == 0 {
                copy.answer(&key(number), asked, 1, large.clone());
            } else {
                copy.told(1, changed(number, Known::Is(large.clone())));
            }
            assert_eq!(copy.look(&key(number)), Some(large.clone()));
            assert!(copy.bytes <= config::NEAR_BYTES_MAX);
        }

        assert_eq!(copy.slots.len() as u64, most - 1);
        let all: usize = copy.slots.iter().map(|(key, slot)| slot_bytes(key, slot)).sum();
        assert_eq!(copy.bytes, all);
        let numbers: Vec<Key> = copy.slots.keys().cloned().collect();
        for key in numbers {
            copy.told(2, About::One(key, Known::No));
        }
        assert!(copy.bytes < 1 << 20);
        copy.told(3, About::All);
        assert_eq!(copy.bytes, 0);
    }

    #[test]
    fn nothing_is_read_from_before_the_link_went_and_came_back_whoever_looks_first() {
        let (phase, copy) = copied();
        let copy = Mutex::new(copy);
        let number = lock(&copy).ask(&key(1));
        lock(&copy).answer(&key(1), number, 5, value(1));
        assert_eq!(lock(&copy).look(&key(1)), Some(value(1)));

        phase.send_replace(Phase::Connecting);
        phase.send_replace(Phase::Connected);

        assert_eq!(lock(&copy).look(&key(1)), None);
        lock(&copy).answer(&key(1), number, 5, value(1));
        assert_eq!(lock(&copy).look(&key(1)), None);
        let number = lock(&copy).ask(&key(1));
        lock(&copy).answer(&key(1), number, 6, value(2));
        assert_eq!(lock(&copy).look(&key(1)), Some(value(2)));
    }
}
