//! Carrying out calls and batches: wholly, or not at all.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::table::Place;
use super::window::Recall;
use super::{After, Change, ObjectId, Store};
use crate::callback::{Panicked, catch};
use crate::config;
use crate::error::DataError;
use crate::hosted::args::Args;
use crate::hosted::command::{Asker, Condition, Denial, Invocation, MethodId};
use crate::hosted::kind::{Access, Object};
use crate::hosted::turn::{Effects, SessionId, Turn};

impl Store {
    pub(super) fn once(
        &mut self,
        asker: Asker,
        out: &mut Vec<u8>,
        run: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), Denial>,
    ) -> Result<(), Denial> {
        let incarnation = self.incarnation(asker.session)?;
        if asker.is_again {
            match self.recall(asker)? {
                Recall::Done(result) => {
                    out.extend_from_slice(&result);
                    return Ok(());
                }
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

    fn incarnation(&self, session: SessionId) -> Result<u128, DataError> {
        Ok(self.sessions.get(&session).ok_or_else(no_session)?.incarnation)
    }

    /// What is known of a request that is sent again.
    pub(super) fn recall(&self, asker: Asker) -> Result<Recall, DataError> {
        let window = self.windows.get(&self.incarnation(asker.session)?);
        let of_nobody = if self.has_forgotten { Recall::Unknown } else { Recall::New };
        Ok(window.map_or(of_nobody, |window| window.recall(asker.request, asker.session)))
    }

    pub(super) fn check_all(&self, conditions: &[Condition]) -> Result<(), DataError> {
        conditions.iter().try_for_each(|condition| self.check(condition))
    }

    fn check(&self, condition: &Condition) -> Result<(), DataError> {
        let place = |kind: u16, object: &str| self.table.find(kind, object).map(|slot| self.table.get(slot));
        match condition {
            Condition::Revision { kind, object, revision } => {
                let place = place(*kind, object).filter(|place| !place.is_vacant);
                let actual = place.map_or(0, |place| place.revision);
                if actual == *revision {
                    return Ok(());
                }
                Err(DataError::Conflict { object: object.clone(), expected: *revision, actual })
            }
            Condition::Fence { kind, object, token } => {
                if place(*kind, object).and_then(|place| place.facts.fence) == Some(*token) {
                    return Ok(());
                }
                Err(DataError::Stale { object: object.clone(), token: *token })
            }
        }
    }

    pub(super) fn call(
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

    /// The call that is the one at `at` of several.
    pub(super) fn choose(
        &mut self,
        session: SessionId,
        at: u64,
        invocation: &Invocation<'_>,
        out: &mut Vec<u8>,
        after: &mut After,
    ) -> Result<(), Denial> {
        let mut result = Vec::new();
        self.call(session, invocation, &mut result, after)?;
        put_chosen(out, at, &result);
        Ok(())
    }

    /// All invocations as one step. What they did to objects before one that stops is undone.
    pub(super) fn batch(
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
                if let Entry::Vacant(entry) = before.entry(slot) {
                    let copied = catch(|| self.table.get(slot).state.copy());
                    entry.insert(copied.map_err(|panicked| self.panicked(slot, &panicked))?);
                }
                self.run(slot, session, invocation.method, args, &mut result)?;
                effects.push(std::mem::take(&mut self.effects));
                Ok(slot)
            });
            match ran {
                Ok(slot) => results.push((slot, serde_bytes::ByteBuf::from(result))),
                Err(denial) => {
                    for (slot, state) in before {
                        self.table.get_mut(slot).state = state;
                        self.table.settle(slot);
                    }
                    return Err(denial.of_step(at));
                }
            }
        }
        self.settle_all(invocations, &results, effects, after);
        // With the revisions that they are of: whoever asks again is told the same.
        let revision_of = |(slot, result): (u32, _)| (self.table.get(slot).revision, result);
        let results: Vec<(u64, serde_bytes::ByteBuf)> = results.into_iter().map(revision_of).collect();
        crate::wire::encode_into(out, &results).expect("numbers and bytes encode");
        Ok(())
    }

    /// A batch was carried out: what it wrote has one number. What it only read has changed nothing.
    fn settle_all(
        &mut self,
        invocations: &[Invocation<'_>],
        results: &[(u32, serde_bytes::ByteBuf)],
        effects: Vec<Effects>,
        after: &mut After,
    ) {
        let revision = self.revision + 1;
        for ((invocation, (slot, _)), mut effects) in invocations.iter().zip(results).zip(effects) {
            if self.access(invocation.method).is_write() {
                self.effects = effects;
                self.settle(*slot, revision, after);
            } else {
                let messages = effects.messages.drain(..);
                after.messages.extend(messages.map(|message| (ObjectId(*slot), message)));
            }
        }
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

    pub(super) fn find_or_make(&mut self, kind: u16, name: &str) -> u32 {
        let found = self.table.find(kind, name);
        found.unwrap_or_else(|| {
            let state = self.kind(kind).blank().copy();
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
        let others = self.others(method, &args)?;
        let place = &mut self.table.places[slot as usize];
        let mut turn = Turn::new(self.clock, self.revision + 1, session, &mut self.effects)
            .watched(self.is_watched)
            .beside(&others);
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
            Err(panicked) => self.panicked(slot, &panicked),
        };
        out.truncate(start);
        self.effects = Effects::default();
        Err(denial)
    }

    /// Puts an object whose code panicked in quarantine.
    pub(super) fn panicked(&mut self, slot: u32, panicked: &Panicked) -> Denial {
        let why = panicked.to_string();
        self.effects = Effects::default();
        let place = self.table.get_mut(slot);
        place.broken = Some(why.clone());
        let object = place.name.to_string();
        self.table.settle(slot);
        DataError::Quarantined { object, why }.into()
    }

    /// An object was changed: the step has its number, and its effects come about.
    pub(super) fn settle(&mut self, slot: u32, revision: u64, after: &mut After) {
        self.revision = revision;
        let object = ObjectId(slot);
        let Effects { changes, messages, holds, expires } = &mut self.effects;
        after.changes.extend(changes.drain(..).map(|what| Change { object, revision, what: Some(what) }));
        after.messages.extend(messages.drain(..).map(|message| (object, message)));
        for (session, holds) in holds.drain(..) {
            // One that has ended holds nothing.
            let Some(held) = self.sessions.get_mut(&session) else { continue };
            self.has_given |= holds;
            let place = self.table.get_mut(slot);
            if holds {
                place.holders += u32::from(held.objects.insert(slot));
            } else {
                place.holders -= u32::from(held.objects.remove(&slot));
            }
        }
        let place = self.table.get_mut(slot);
        place.revision = revision;
        if let Some(expires) = expires.take() {
            place.expires = expires;
        }
        // Nobody waits for what is the controller's own.
        if usize::from(place.kind) < self.kinds.len() {
            after.changed.push(object);
        }
        self.table.settle(slot);
        let place = self.table.get(slot);
        if place.holders > 0 && place.is_vacant {
            self.let_all_go(slot);
        }
    }

    /// Nobody holds anything of the object any more, whatever it said.
    pub(super) fn let_all_go(&mut self, slot: u32) {
        for held in self.sessions.values_mut() {
            held.objects.remove(&slot);
        }
        self.table.get_mut(slot).holders = 0;
    }
}

/// Appends the result of the call that was chosen of several.
///
/// # Panics
/// Never: a number and bytes encode.
pub fn put_chosen(out: &mut Vec<u8>, at: u64, result: &[u8]) {
    crate::wire::encode_into(out, &(at, serde_bytes::Bytes::new(result))).expect("a number and bytes encode");
}

/// What a small object was before a method ran, to see that one that stops has changed nothing.
fn watchful_copy(place: &Place) -> Option<Vec<u8>> {
    let is_worth_it = cfg!(debug_assertions) && place.facts.bytes <= WATCHED_BYTES_MAX;
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

pub(super) fn check_name(name: &str) -> Result<&str, DataError> {
    let is_good = !name.is_empty() && name.len() <= config::OBJECT_NAME_BYTES_MAX;
    if is_good { Ok(name) } else { Err(bad_name()) }
}
