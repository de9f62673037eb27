//! The hosted objects: a pure function of the commands they were given, in order.

mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

pub use self::snapshot::{LoadError, Snapshot};
use self::table::{Place, Table};
use self::window::{Recall, Window};
use super::args::Args;
use super::command::{Asker, Command, Condition, Denial, Invocation, MethodId, Outcome};
use super::kind::{Access, MethodEntry, Object, ObjectKind};
use super::turn::{Effects, Message, SessionId, Time, Turn};
use super::value::Value;
use crate::callback::catch;
use crate::config;
use crate::error::DataError;
use crate::wire::BodyError;

/// The state machine of the hosted objects.
///
/// It reads no clock and draws no randomness: two that were given the same commands at the same times are the same.
pub struct Store {
    kinds: Arc<[ObjectKind]>,
    clock: Time,
    /// The last command that changed something.
    revision: u64,
    table: Table,
    sessions: BTreeMap<SessionId, Held>,
    /// By the incarnation of the node.
    windows: HashMap<u128, Window>,
    last_session: u64,
    /// Whether the command that is carried out has given its session something.
    has_given: bool,
    /// Spared between turns.
    effects: Effects,
}

/// What the store knows of a session.
#[derive(Debug, Clone, Default)]
struct Held {
    incarnation: u128,
    /// The objects that hold something of its.
    objects: BTreeSet<u32>,
}

/// What is to be done once commands are carried out.
#[derive(Debug, Default)]
pub struct After {
    /// Objects that have changed: who waits for them is to be tried again. An object may have gone since.
    pub changed: Vec<ObjectId>,
    /// What watchers are to hear.
    pub changes: Vec<Change>,
    /// What listeners are to hear.
    pub messages: Vec<(ObjectId, Message)>,
}

/// A change as watchers of an object hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub object: ObjectId,
    /// The command that made it.
    pub revision: u64,
    /// What has changed, as the kind tells it.
    pub what: Value,
}

/// Where an object is, as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub u32);

/// What is known of an object from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEntry<'a> {
    /// Where it is.
    pub id: ObjectId,
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: &'a str,
    /// About how many bytes it takes.
    pub bytes: usize,
    /// The last command that changed it.
    pub revision: u64,
    /// When it expires as a whole.
    pub expires: Option<Time>,
    /// Why it is in quarantine.
    pub broken: Option<&'a str>,
}

impl Store {
    /// No objects; those that come will be of these kinds.
    pub fn new(kinds: Arc<[ObjectKind]>) -> Self {
        let table = Table::new(kinds.len());
        Self {
            kinds,
            clock: Time::default(),
            revision: 0,
            table,
            sessions: BTreeMap::new(),
            windows: HashMap::new(),
            last_session: 0,
            has_given: false,
            effects: Effects::default(),
        }
    }

    /// The kinds of objects, by number.
    pub fn kinds(&self) -> &Arc<[ObjectKind]> {
        &self.kinds
    }

    /// The last command that changed something.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Objects that can be told from absent ones.
    pub fn len(&self) -> usize {
        self.table.present()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes all objects take.
    pub fn bytes(&self) -> usize {
        self.table.bytes
    }

    /// What a method may do. A call of one that is no write is for [`look`](Self::look).
    pub fn access(&self, method: MethodId) -> Access {
        self.method(method).access
    }

    /// In which line of its object a call of the method waits, if it may park.
    pub fn line(&self, method: MethodId) -> Option<u8> {
        self.method(method).line
    }

    fn method(&self, method: MethodId) -> &MethodEntry {
        &self.kinds[usize::from(method.kind)].methods[usize::from(method.method)]
    }

    /// Carries out a command at `now`; a time before that of an earlier command counts as that. The result of a call
    /// is appended to `out`.
    pub fn apply(
        &mut self,
        now: Time,
        command: &Command<'_>,
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Outcome {
        self.advance(now, after);
        let done = match command {
            Command::Open { incarnation } => Ok(Outcome::Opened(self.open(*incarnation))),
            Command::End { session } => {
                self.end(*session, after);
                Ok(Outcome::Done)
            }
            Command::Call { asker, conditions, invocation } => self
                .once(*asker, out, |store, out| {
                    store.check_all(conditions)?;
                    store.call(asker.session, invocation, out, after)
                })
                .map(|()| Outcome::Value),
            Command::Batch { asker, conditions, invocations } => self
                .once(*asker, out, |store, out| {
                    store.check_all(conditions)?;
                    store.batch(asker.session, invocations, out, after)
                })
                .map(|()| Outcome::Value),
            Command::Destroy { kind, object } => Ok(Outcome::Known(self.destroy(*kind, object, after))),
            Command::Expire { kind, object, after: time } => {
                let expires = time.map(|time| self.clock.after(time));
                Ok(Outcome::Known(self.expire(*kind, object, expires)))
            }
            Command::Import { kind, object, after: time, state } => {
                let expires = time.map(|time| self.clock.after(time));
                self.import(*kind, object, expires, state, after).map(Outcome::Known)
            }
            Command::Tick => Ok(Outcome::Done),
        };
        done.unwrap_or_else(Outcome::Refused)
    }

    /// The result of a call that changes nothing, appended to `out`, and the name of its object. Ask
    /// [`is_due`](Self::is_due) first.
    ///
    /// # Errors
    /// [`Denial`] if there is none.
    pub fn look<'a>(
        &self,
        session: SessionId,
        invocation: &'a Invocation<'_>,
        out: &mut Vec<u8>,
        effects: &mut Effects,
    ) -> Result<&'a str, Denial> {
        let MethodId { kind, method } = invocation.method;
        let mut args = Args::of(&invocation.body)?;
        let name = check_name(args.text("the object's name")?)?;
        let place = self.table.find(kind, name).map(|slot| self.table.get(slot));
        if let Some(why) = place.and_then(|place| place.broken.as_ref()) {
            return Err(DataError::Quarantined { object: name.to_owned(), why: why.clone() }.into());
        }
        let object = place.map_or_else(|| self.kinds[usize::from(kind)].blank(), |place| &*place.state);
        let mut turn = Turn::new(self.clock, self.revision, session, effects);
        let start = out.len();
        let denial = match catch(|| object.look(method, &mut turn, &mut args, out)) {
            Ok(Ok(())) => return Ok(name),
            Ok(Err(stop)) => Denial::from(stop),
            // Nothing was changed, so the object is as good as before.
            Err(panicked) => DataError::Quarantined { object: name.to_owned(), why: panicked.message }.into(),
        };
        out.truncate(start);
        Err(denial)
    }

    /// Whether something has expired by `now`, which a [`Command::Tick`] will do away with.
    pub fn is_due(&self, now: Time) -> bool {
        self.next_due().is_some_and(|due| due <= now.max(self.clock))
    }

    /// When something expires next.
    pub fn next_due(&self) -> Option<Time> {
        self.table.next_due().map(|(due, _)| due)
    }

    /// Where the object is.
    pub fn find(&self, kind: u16, name: &str) -> Option<ObjectId> {
        self.table.find(kind, name).map(ObjectId)
    }

    /// Where the object is, made if it is not there: somebody waits for it to change.
    pub fn wait_for(&mut self, kind: u16, name: &str) -> ObjectId {
        let slot = self.find_or_make(kind, name);
        self.table.get_mut(slot).waiting += 1;
        ObjectId(slot)
    }

    /// Somebody waits for the object no more.
    pub fn wait_no_more(&mut self, object: ObjectId) {
        if let Some(place) = self.table.places.get_mut(object.0 as usize) {
            place.waiting = place.waiting.saturating_sub(1);
        }
        if self.table.places.contains(object.0 as usize) {
            self.table.settle(object.0);
        }
    }

    /// What is known of the object, if it is there.
    pub fn entry(&self, kind: u16, name: &str) -> Option<ObjectEntry<'_>> {
        self.find_present(kind, name).map(|slot| self.entry_of(slot))
    }

    /// All objects, by kind and name.
    pub fn entries(&self) -> impl Iterator<Item = ObjectEntry<'_>> {
        self.table.sorted().into_iter().map(|slot| self.entry_of(slot))
    }

    fn entry_of(&self, slot: u32) -> ObjectEntry<'_> {
        let place = self.table.get(slot);
        ObjectEntry {
            id: ObjectId(slot),
            kind: self.kinds[usize::from(place.kind)].name,
            name: &place.name,
            bytes: place.bytes,
            revision: place.revision,
            expires: place.expires,
            broken: place.broken.as_deref(),
        }
    }

    fn open(&mut self, incarnation: u128) -> SessionId {
        self.last_session += 1;
        let session = SessionId(self.last_session);
        self.sessions.insert(session, Held { incarnation, objects: BTreeSet::new() });
        session
    }

    fn end(&mut self, session: SessionId, after: &mut After) {
        let Some(held) = self.sessions.remove(&session) else { return };
        // By name, since slots differ between a store and another that was restored.
        let mut objects: Vec<u32> = held.objects.into_iter().collect();
        objects.sort_by(|a, b| self.name_of(ObjectId(*a)).cmp(&self.name_of(ObjectId(*b))));
        for slot in objects {
            self.change(slot, session, after, |object, turn| object.release(turn));
        }
    }

    /// The kind and name of an object.
    pub fn name_of(&self, object: ObjectId) -> Option<(u16, &str)> {
        let slot = object.0;
        self.table.places.get(slot as usize).map(|place| (place.kind, &*place.name))
    }

    /// Lets time pass: what has expired goes, the earliest first.
    fn advance(&mut self, now: Time, after: &mut After) {
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
        if self.windows.len() > config::ONCE_NODES_MAX {
            let clock = self.clock;
            self.windows.retain(|_, window| !window.expire(clock));
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
        let mut turn = Turn::new(self.clock, revision, session, &mut self.effects);
        match catch(|| change(&mut *place.state, &mut turn)) {
            Ok(()) => self.settle(slot, revision, after),
            Err(panicked) => self.quarantine(slot, format!("{} at {}", panicked.message, panicked.at)),
        }
    }

    fn once(
        &mut self,
        asker: Asker,
        out: &mut Vec<u8>,
        run: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), Denial>,
    ) -> Result<(), Denial> {
        let incarnation = self.sessions.get(&asker.session).ok_or(no_session())?.incarnation;
        if asker.is_again {
            match self
                .windows
                .get(&incarnation)
                .map_or(Recall::New, |window| window.recall(asker.request, asker.session))
            {
                Recall::Done(result) => return Ok(out.extend_from_slice(result)),
                Recall::Unknown => return Err(DataError::Forgotten.into()),
                Recall::New => {}
            }
        }
        let start = out.len();
        self.has_given = false;
        run(self, out)?;
        let holder = self.has_given.then_some(asker.session);
        let window = self.windows.entry(incarnation).or_default();
        window.expire(self.clock);
        window.remember(self.clock, asker.request, holder, &out[start..]);
        Ok(())
    }

    fn check_all(&self, conditions: &[Condition]) -> Result<(), DataError> {
        conditions.iter().try_for_each(|condition| self.check(condition))
    }

    fn check(&self, condition: &Condition) -> Result<(), DataError> {
        let place = |kind: u16, object: &str| self.table.find(kind, object).map(|slot| self.table.get(slot));
        match condition {
            Condition::Revision { kind, object, revision } => {
                let place = place(*kind, object).filter(|place| !place.is_vacant());
                let actual = place.map_or(0, |place| place.revision);
                if actual == *revision {
                    return Ok(());
                }
                Err(DataError::Conflict { object: object.clone(), expected: *revision, actual })
            }
            Condition::Fence { kind, object, token } => {
                if place(*kind, object).and_then(|place| place.state.fence()) == Some(*token) {
                    return Ok(());
                }
                Err(DataError::Stale { object: object.clone(), token: *token })
            }
        }
    }

    fn call(
        &mut self,
        session: SessionId,
        invocation: &Invocation<'_>,
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Result<(), Denial> {
        let (slot, args) = self.target(invocation)?;
        let revision = self.revision + 1;
        self.run(slot, session, invocation.method, args, out)?;
        self.settle(slot, revision, after);
        Ok(())
    }

    /// All invocations as one step. What they did to objects before one that stops is undone.
    fn batch(
        &mut self,
        session: SessionId,
        invocations: &[Invocation<'_>],
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Result<(), Denial> {
        let mut results = Vec::new();
        let mut before: BTreeMap<u32, Box<dyn Object>> = BTreeMap::new();
        let mut effects = Vec::new();
        for (at, invocation) in invocations.iter().enumerate() {
            let mut result = Vec::new();
            let ran = self.target(invocation).and_then(|(slot, args)| {
                before.entry(slot).or_insert_with(|| self.table.get(slot).state.copy());
                self.run(slot, session, invocation.method, args, &mut result)?;
                effects.push((slot, std::mem::take(&mut self.effects)));
                Ok(())
            });
            if let Err(denial) = ran {
                for (slot, state) in before {
                    self.table.get_mut(slot).state = state;
                    self.table.settle(slot);
                }
                return Err(match denial {
                    Denial::Stopped { stop, .. } => Denial::Stopped { at, stop },
                    other => other,
                });
            }
            results.push(result);
        }
        let revision = self.revision + 1;
        for (slot, effects) in effects {
            self.effects = effects;
            self.settle(slot, revision, after);
        }
        let results: Vec<serde_bytes::ByteBuf> =
            results.into_iter().map(serde_bytes::ByteBuf::from).collect();
        crate::wire::encode_into(out, &results).expect("bytes encode");
        Ok(())
    }

    /// The object that an invocation is about, made if it is not there, and the rest of the arguments.
    fn target<'a>(&mut self, invocation: &'a Invocation<'_>) -> Result<(u32, Args<'a>), Denial> {
        let mut args = Args::of(&invocation.body)?;
        let name = check_name(args.text("the object's name")?)?;
        if self.table.bytes >= config::HOSTED_BYTES_MAX && self.access(invocation.method) == Access::Write {
            let what = format!("{} bytes are hosted, of {}", self.table.bytes, config::HOSTED_BYTES_MAX);
            return Err(DataError::Full { what }.into());
        }
        let slot = self.find_or_make(invocation.method.kind, name);
        match &self.table.get(slot).broken {
            Some(why) => Err(DataError::Quarantined { object: name.to_owned(), why: why.clone() }.into()),
            None => Ok((slot, args)),
        }
    }

    fn find_or_make(&mut self, kind: u16, name: &str) -> u32 {
        let found = self.table.find(kind, name);
        found.unwrap_or_else(|| {
            let state = self.kinds[usize::from(kind)].blank().copy();
            self.table.insert(kind, name, state)
        })
    }

    /// Runs a method. What it did beside changing its object is left in `effects`.
    fn run(
        &mut self,
        slot: u32,
        session: SessionId,
        method: MethodId,
        mut args: Args<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Denial> {
        let place = &mut self.table.places[slot as usize];
        let mut turn = Turn::new(self.clock, self.revision + 1, session, &mut self.effects);
        let start = out.len();
        let before = watchful_copy(place);
        let ran = catch(|| place.state.write(method.method, &mut turn, &mut args, out));
        let denial = match ran {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(stop)) => {
                debug_assert!(
                    before.is_none_or(|before| Some(before) == place.state.save().ok()),
                    "`{}` was changed by a method that stopped: {stop:?}",
                    place.name
                );
                Denial::from(stop)
            }
            Err(panicked) => {
                let (object, why) =
                    (place.name.to_string(), format!("{} at {}", panicked.message, panicked.at));
                self.quarantine(slot, why.clone());
                DataError::Quarantined { object, why }.into()
            }
        };
        out.truncate(start);
        self.effects = Effects::default();
        Err(denial)
    }

    fn quarantine(&mut self, slot: u32, why: String) {
        self.effects = Effects::default();
        self.table.get_mut(slot).broken = Some(why);
        self.table.settle(slot);
    }

    /// An object was changed: the step has its number, and its effects come about.
    fn settle(&mut self, slot: u32, revision: u64, after: &mut After) {
        self.revision = revision;
        let object = ObjectId(slot);
        let Effects { changes, messages, holds, expires } = &mut self.effects;
        after.changes.extend(changes.drain(..).map(|what| Change { object, revision, what }));
        after.messages.extend(messages.drain(..).map(|message| (object, message)));
        for (session, holds) in holds.drain(..) {
            // One that has ended holds nothing.
            let Some(held) = self.sessions.get_mut(&session) else { continue };
            self.has_given |= holds;
            if holds {
                held.objects.insert(slot)
            } else {
                held.objects.remove(&slot)
            };
        }
        let place = self.table.get_mut(slot);
        place.revision = revision;
        if let Some(expires) = expires.take() {
            place.expires = expires;
        }
        after.changed.push(object);
        self.table.settle(slot);
    }

    fn destroy(&mut self, kind: u16, name: &str, after: &mut After) -> bool {
        let found = self.find_present(kind, name);
        if let Some(slot) = found {
            self.discard(slot, after);
        }
        found.is_some()
    }

    /// The object, unless nobody can tell it from one that is not there.
    fn find_present(&self, kind: u16, name: &str) -> Option<u32> {
        self.table.find(kind, name).filter(|slot| !self.table.get(*slot).is_vacant())
    }

    /// Empties an object as if it had never been; those who wait for it go on waiting.
    fn discard(&mut self, slot: u32, after: &mut After) {
        for held in self.sessions.values_mut() {
            held.objects.remove(&slot);
        }
        self.revision += 1;
        let blank = self.kinds[usize::from(self.table.get(slot).kind)].blank().copy();
        let place = self.table.get_mut(slot);
        (place.state, place.revision) = (blank, self.revision);
        (place.expires, place.broken) = (None, None);
        after.changed.push(ObjectId(slot));
        self.table.settle(slot);
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
    fn import(
        &mut self,
        kind: u16,
        name: &str,
        expires: Option<Time>,
        state: &[u8],
        after: &mut After,
    ) -> Result<bool, Denial> {
        let name = check_name(name)?;
        let wrong = |error: BodyError| {
            let expected = format!("the state of a {}", self.kinds[usize::from(kind)].name);
            DataError::WrongValue { expected, found: error.0 }
        };
        let state = self.kinds[usize::from(kind)].load(state).map_err(wrong)?;
        let was_there = self.destroy(kind, name, after);
        let slot = self.find_or_make(kind, name);
        let place = self.table.get_mut(slot);
        (place.state, place.expires) = (state, expires);
        for session in self.table.get(slot).state.holders() {
            self.change(slot, session, after, |object, turn| object.release(turn));
        }
        let revision = self.revision + 1;
        self.settle(slot, revision, after);
        Ok(was_there)
    }

    fn expire(&mut self, kind: u16, name: &str, expires: Option<Time>) -> bool {
        let Some(slot) = self.find_present(kind, name) else { return false };
        self.revision += 1;
        let place = self.table.get_mut(slot);
        (place.expires, place.revision) = (expires, self.revision);
        self.table.settle(slot);
        true
    }
}

/// What a small object was before a method ran, to see that one that stops has changed nothing.
fn watchful_copy(place: &Place) -> Option<Vec<u8>> {
    let is_worth_it = cfg!(debug_assertions) && place.bytes <= WATCHED_BYTES_MAX;
    if is_worth_it { place.state.save().ok() } else { None }
}

/// Larger objects are not compared before and after a method that stops.
const WATCHED_BYTES_MAX: usize = 16 << 10;

fn no_session() -> DataError {
    DataError::invalid("the session is not known")
}

fn bad_name() -> DataError {
    DataError::invalid(format!("an object's name has 1 to {} bytes", config::OBJECT_NAME_BYTES_MAX))
}

fn check_name(name: &str) -> Result<&str, DataError> {
    let is_good = !name.is_empty() && name.len() <= config::OBJECT_NAME_BYTES_MAX;
    if is_good { Ok(name) } else { Err(bad_name()) }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("revision", &self.revision)
            .field("objects", &self.table.places.len())
            .field("bytes", &self.table.bytes)
            .finish_non_exhaustive()
    }
}
