//! The hosted objects: a pure function of the commands they were given, in order.

mod life;
mod run;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_bytes::ByteBuf;

use self::run::check_name;
pub use self::run::put_chosen;
pub use self::snapshot::{LoadError, Snapshot};
use self::table::Table;
use self::window::{Recall, Window};
use super::args::Args;
use super::command::{Asker, Command, Condition, Denial, Invocation, MethodId, Outcome};
use super::kind::{Access, Hosted, Line, MethodEntry, ObjectKind, Stop};
use super::others::Other;
use super::turn::{Effects, Message, SessionId, Time, Turn};
use super::value::Value;
use crate::callback::{Panicked, catch};
use crate::config;
use crate::error::DataError;

/// The state machine of the hosted objects.
///
/// It reads no clock and draws no randomness: two that were given the same commands at the same times are the same.
pub struct Store {
    kinds: Arc<[ObjectKind]>,
    /// Kinds of what the controller keeps for itself. Their numbers come after those of the others.
    own: Arc<[ObjectKind]>,
    clock: Time,
    /// The last command that changed something.
    revision: u64,
    table: Table,
    sessions: BTreeMap<SessionId, Held>,
    /// By the incarnation of the node.
    windows: BTreeMap<u128, Window>,
    /// The requests of some node had to be forgotten before their time.
    has_forgotten: bool,
    last_session: u64,
    /// Whether the command that is carried out has given its session something.
    has_given: bool,
    /// Whether anybody hears of changes. No part of the state: nothing else depends on it.
    is_watched: bool,
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
    /// What has changed, as the kind tells it; `None` if all of it did at once.
    pub what: Option<Value>,
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
    /// No objects; those that come will be of these kinds, which are in the order of their names.
    pub fn new(kinds: Arc<[ObjectKind]>) -> Self {
        Self::with_own(kinds, Arc::from([]))
    }

    /// As [`new`](Self::new), with objects that the controller keeps for itself, by [`Command::Own`]: they are in snapshots,
    /// but in no list, and count for nothing.
    pub fn with_own(kinds: Arc<[ObjectKind]>, own: Arc<[ObjectKind]>) -> Self {
        let table = Table::new(kinds.len(), own.len());
        Self {
            kinds,
            own,
            clock: Time::default(),
            revision: 0,
            table,
            sessions: BTreeMap::new(),
            windows: BTreeMap::new(),
            has_forgotten: false,
            last_session: 0,
            has_given: false,
            is_watched: true,
            effects: Effects::default(),
        }
    }

    /// The same with its revisions beginning after this one: those of an earlier store are not met again.
    #[must_use]
    pub fn after_revision(self, revision: u64) -> Self {
        Self { revision, ..self }
    }

    /// Whether anybody hears of changes from now on: if not, they need not be encoded.
    pub fn set_watched(&mut self, is_watched: bool) {
        self.is_watched = is_watched;
    }

    /// The kinds of objects, by number, without the controller's own.
    pub fn kinds(&self) -> &Arc<[ObjectKind]> {
        &self.kinds
    }

    /// The number of one of the controller's own kinds.
    pub fn own_kind(&self, at: usize) -> u16 {
        (self.kinds.len() + at) as u16
    }

    fn kind(&self, number: u16) -> &ObjectKind {
        let number = usize::from(number);
        self.kinds.get(number).unwrap_or_else(|| &self.own[number - self.kinds.len()])
    }

    /// The last command that changed something.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Objects that can be told from absent ones.
    pub fn len(&self) -> usize {
        self.table.present
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
    pub fn line(&self, method: MethodId) -> Option<Line> {
        self.method(method).line
    }

    /// Whether calls of the method may read other objects of its kind, which they name.
    pub fn reads_others(&self, method: MethodId) -> bool {
        self.method(method).others.is_some()
    }

    /// The names of the objects that a call reads beside its own, with the object's name before them among `args`.
    ///
    /// # Errors
    /// [`Stop::BadArguments`] if there are none where they should be.
    pub fn others_of<'a>(&self, method: MethodId, args: &Args<'a>) -> Result<Vec<&'a str>, Stop> {
        self.method(method).others.map_or(Ok(Vec::new()), |at| args.others(at + 1))
    }

    /// Those objects as they are now.
    fn others(&self, method: MethodId, args: &Args<'_>) -> Result<Vec<Other>, Denial> {
        // Most methods name none.
        match self.method(method).others {
            Some(at) => self.named_others(method.kind, &args.others(at)?),
            None => Ok(Vec::new()),
        }
    }

    fn named_others(&self, kind: u16, names: &[&str]) -> Result<Vec<Other>, Denial> {
        if names.len() > config::OTHERS_MAX {
            let what =
                format!("{} other objects in one step, of at most {}", names.len(), config::OTHERS_MAX);
            return Err(DataError::invalid(what).into());
        }
        names.iter().map(|name| Ok(self.other(kind, check_name(name)?)?)).collect()
    }

    fn other(&self, kind: u16, name: &str) -> Result<Other, DataError> {
        let place = self.table.find(kind, name).map(|slot| self.table.get(slot));
        if let Some(why) = place.and_then(|place| place.broken.as_ref()) {
            return Err(DataError::Quarantined { object: name.to_owned(), why: why.clone() });
        }
        let object = place.map_or_else(|| self.kind(kind).blank(), |place| &*place.state);
        // A type's own `Clone` may panic; nothing was changed then.
        let copied = catch(|| object.copy());
        let broken = |panicked: Panicked| DataError::Quarantined {
            object: name.to_owned(),
            why: format!("{} at {}", panicked.message, panicked.at),
        };
        Ok(Other { name: name.into(), object: copied.map_err(broken)? })
    }

    fn method(&self, method: MethodId) -> &MethodEntry {
        &self.kind(method.kind).methods[usize::from(method.method)]
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
        self.table.sweep();
        self.advance(now, after);
        let done = match command {
            Command::Open { incarnation } => Ok(Outcome::Opened(self.open(*incarnation))),
            Command::End { session, is_final } => {
                self.end(*session, *is_final, after);
                Ok(Outcome::Done)
            }
            Command::Call { asker, conditions, invocation } => self
                .once(*asker, out, |store, out| {
                    store.check_all(conditions)?;
                    store.call(asker.session, invocation, out, after)
                })
                .map(|()| Outcome::Value),
            Command::Choose { asker, at, invocation } => self
                .once(*asker, out, |store, out| store.choose(asker.session, *at, invocation, out, after))
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
            Command::Own { invocation } => {
                self.call(SessionId::default(), invocation, out, after).map(|()| Outcome::Value)
            }
            Command::Tick => Ok(Outcome::Done),
        };
        done.unwrap_or_else(Outcome::Refused)
    }

    /// The result of a call at `now` that changes nothing, appended to `out`, and the name of its object. Ask
    /// [`is_due`](Self::is_due) first.
    ///
    /// # Errors
    /// [`Denial`] if there is none.
    pub fn look<'a>(
        &self,
        now: Time,
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
        let object = place.map_or_else(|| self.kind(kind).blank(), |place| &*place.state);
        let (now, waiting) = (now.max(self.clock), place.map_or(0, |place| place.waiting));
        let others = self.others(invocation.method, &args)?;
        let mut turn = Turn::new(now, self.revision, session, effects).with_waiting(waiting).beside(&others);
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

    /// The results of several such calls at one moment, each with the revision of its object, if the conditions hold.
    ///
    /// # Errors
    /// [`Denial`] if there are none; [`Denial::TooLarge`] if they are together larger than a reply may be.
    pub fn look_all(
        &self,
        now: Time,
        session: SessionId,
        conditions: &[Condition],
        invocations: &[Invocation<'_>],
    ) -> Result<Vec<(u64, ByteBuf)>, Denial> {
        self.check_all(conditions)?;
        let mut results = Vec::with_capacity(invocations.len());
        let mut bytes = 0;
        for (at, invocation) in invocations.iter().enumerate() {
            let mut result = Vec::new();
            let looked = self.look(now, session, invocation, &mut result, &mut Effects::default());
            let name = looked.map_err(|denial| denial.of_step(at))?;
            bytes += result.len() + STEP_BYTES;
            if bytes > config::BODY_BYTES_MAX {
                return Err(Denial::TooLarge(bytes));
            }
            let revision = self.entry(invocation.method.kind, name).map_or(0, |entry| entry.revision);
            results.push((revision, ByteBuf::from(result)));
        }
        Ok(results)
    }

    /// Whether what comes of a request that is sent again is settled, since it was carried out or may have been: then it
    /// is answered at once, whoever waits.
    pub fn is_settled(&self, asker: Asker) -> bool {
        asker.is_again && !matches!(self.recall(asker), Ok(Recall::New) | Err(_))
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

    /// The object as the value that it is: a blank one if it is not there or in quarantine, `None` if it is no `T`.
    pub fn peek<T: Hosted>(&self, kind: u16, name: &str) -> Option<&T> {
        let place = self.table.find(kind, name).map(|slot| self.table.get(slot));
        let place = place.filter(|place| place.broken.is_none());
        let object = place.map_or_else(|| self.kind(kind).blank(), |place| &*place.state);
        object.any().downcast_ref()
    }

    /// How urgent the object is, by what it says; one that panics when asked is not.
    pub fn urgency(&self, kind: u16, name: &str) -> Option<i64> {
        let place = self.table.get(self.table.find(kind, name)?);
        let is_whole = place.broken.is_none();
        is_whole.then(|| catch(|| place.state.urgency()).ok().flatten()).flatten()
    }

    /// Where the object is, made if it is not there: somebody waits for it to change. That is no state: it shows neither in
    /// what later commands come to nor in snapshots.
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

    /// Objects of one kind, with those that somebody waits for and some that have gone.
    pub fn len_of(&self, kind: u16) -> usize {
        self.table.len_of(kind)
    }

    /// What is known of the object, if it is there.
    pub fn entry(&self, kind: u16, name: &str) -> Option<ObjectEntry<'_>> {
        self.find_present(kind, name).map(|slot| self.entry_of(slot))
    }

    /// All objects, by kind and name, without the controller's own.
    pub fn entries(&self) -> impl Iterator<Item = ObjectEntry<'_>> {
        self.entries_after(None)
    }

    /// As [`entries`](Self::entries), those after this kind and name, whether there is such an object or not.
    pub fn entries_after<'a>(
        &'a self,
        after: Option<(&str, &'a str)>,
    ) -> impl Iterator<Item = ObjectEntry<'a>> {
        let after = after.map(|(kind, name)| {
            let at = self.kinds.partition_point(|known| known.name < kind);
            let is_known = self.kinds.get(at).is_some_and(|known| known.name == kind);
            (at as u16, if is_known { name } else { "" })
        });
        let slots = self.table.sorted_after(after);
        slots.take_while(|slot| self.table.is_public(self.table.get(*slot))).map(|slot| self.entry_of(slot))
    }

    /// The objects of this name, by kind, without the controller's own.
    pub fn entries_named(&self, name: &str) -> impl Iterator<Item = ObjectEntry<'_>> {
        (0..self.kinds.len()).filter_map(move |kind| self.entry(kind as u16, name))
    }

    fn entry_of(&self, slot: u32) -> ObjectEntry<'_> {
        let place = self.table.get(slot);
        ObjectEntry {
            id: ObjectId(slot),
            kind: self.kind(place.kind).name,
            name: &place.name,
            bytes: place.bytes,
            revision: place.revision,
            expires: place.expires,
            broken: place.broken.as_deref(),
        }
    }

    /// The kind and name of an object.
    pub fn name_of(&self, object: ObjectId) -> Option<(u16, &str)> {
        let slot = object.0;
        self.table.places.get(slot as usize).map(|place| (place.kind, &*place.name))
    }

    /// The object, unless nobody can tell it from one that is not there.
    fn find_present(&self, kind: u16, name: &str) -> Option<u32> {
        self.table.find(kind, name).filter(|slot| !self.table.get(*slot).is_vacant)
    }
}

/// What a result takes in a list of them beside itself, at most.
const STEP_BYTES: usize = 32;

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("revision", &self.revision)
            .field("objects", &self.table.places.len())
            .field("bytes", &self.table.bytes)
            .finish_non_exhaustive()
    }
}
