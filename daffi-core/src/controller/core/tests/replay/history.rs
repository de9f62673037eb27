//! Random histories of a store with all kinds of objects, and of what the controller keeps for itself.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::super::hosted::own_kinds;
use super::super::super::jobs::{self, Kept};
use super::super::super::schedules::{self, Creator};
use super::arguments::Arguments;
use crate::error::DataError;
use crate::hosted::{
    After, Asker, Command, Condition, Denial, Effects, Invocation, MethodId, ObjectId, Outcome, SessionId,
    Snapshot, Store, Time, kinds,
};
use crate::identity::{Identity, Kind, Role};
use crate::name::NodeName;
use crate::wire::{self, JobId, Missed, Overlap, ScheduleSpec, When};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Any method of any kind, with arguments that follow from the seed.
    Call(Called),
    Batch(Vec<Called>),
    /// One call of several that was the one to be done, by its place among them.
    Choose(Called, u64),
    /// An earlier call, asked again by another session of the same node.
    Again(Index),
    Conditional(Called, bool, Index),
    Destroy(Index, u8),
    Expire(Index, u8, Option<u64>),
    /// An object takes the place of another of its kind.
    Import(Index, u8, u8),
    /// The same with other bytes at some places.
    Forge(Index, u8, Vec<(Index, u8)>),
    Open(u8),
    End(Index, bool),
    Pass(u64),
    Schedule(u8, u64),
    Keep(u8, u16),
    Unkeep(u8),
}

#[derive(Debug, Clone)]
pub(super) struct Called {
    kind: Index,
    method: Index,
    object: u8,
    seed: u64,
}

fn called() -> impl Strategy<Value = Called> {
    (any::<Index>(), any::<Index>(), 0..2_u8, any::<u64>()).prop_map(|(kind, method, object, seed)| Called {
        kind,
        method,
        object,
        seed,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let (kind, object) = (any::<Index>, || 0..2_u8);
    prop_oneof![
        24 => called().prop_map(Step::Call),
        3 => prop::collection::vec(called(), 1..4).prop_map(Step::Batch),
        2 => (called(), 0..4_u64).prop_map(|(called, at)| Step::Choose(called, at)),
        2 => any::<Index>().prop_map(Step::Again),
        2 => (called(), any::<bool>(), any::<Index>()).prop_map(|(called, fence, at)| Step::Conditional(called, fence, at)),
        1 => (kind(), object()).prop_map(|(kind, object)| Step::Destroy(kind, object)),
        1 => (kind(), object(), prop::option::of(0..60_u64)).prop_map(|(kind, object, ms)| Step::Expire(kind, object, ms)),
        1 => (kind(), object(), object()).prop_map(|(kind, from, to)| Step::Import(kind, from, to)),
        2 => (0..3_u8).prop_map(Step::Open),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(session, is_final)| Step::End(session, is_final)),
        4 => (0..40_u64).prop_map(Step::Pass),
        1 => (0..4_000_000_u64).prop_map(Step::Pass),
        3 => (0..10_u8, any::<u64>()).prop_map(|(what, seed)| Step::Schedule(what, seed)),
        2 => (0..6_u8, 0..500_u16).prop_map(|(id, bytes)| Step::Keep(id, bytes)),
        1 => (0..6_u8).prop_map(Step::Unkeep),
    ]
}

/// What happens to objects of two kinds, so that much happens to each, and beside them.
#[derive(Debug, Clone)]
pub(super) struct Story {
    kinds: [Index; 2],
    pub(super) steps: Vec<Step>,
}

pub(super) fn story() -> impl Strategy<Value = Story> {
    story_of(step())
}

/// One in which states come that were made up.
pub(super) fn forged_story() -> impl Strategy<Value = Story> {
    let bytes = prop::collection::vec((any::<Index>(), any::<u8>()), 1..4);
    let forge = (any::<Index>(), 0..2_u8, bytes);
    let forge = forge.prop_map(|(kind, object, bytes)| Step::Forge(kind, object, bytes));
    story_of(prop_oneof![4 => step(), 1 => forge])
}

fn story_of(step: impl Strategy<Value = Step>) -> impl Strategy<Value = Story> {
    (any::<[Index; 2]>(), prop::collection::vec(step, 1..80))
        .prop_map(|(kinds, steps)| Story { kinds, steps })
}

/// A store that hosts all kinds.
pub(super) fn store() -> Store {
    Store::with_own(kinds().expect("each has its own name"), own_kinds())
}

/// A logged command, as it lies in a file.
pub(super) type Record = Vec<u8>;

/// What a command came to.
pub(super) type Told = (Outcome, Vec<u8>, usize);

/// A logged command, and its time.
pub(super) fn command(record: &Record) -> (Time, Command<'_>) {
    // Not by `wire`, which copies: what is logged is read where it lies.
    rmp_serde::from_slice(record).expect("a record")
}

/// Carries out a logged command.
pub(super) fn replay(store: &mut Store, record: &Record) -> Told {
    let (at, command) = command(record);
    let (mut out, mut after) = (Vec::new(), After::default());
    let revision = store.revision();
    let outcome = store.apply(at, &command, &mut out, &mut after);
    assert!(store.revision() >= revision, "it never goes back");
    (outcome, out, after.changed.len())
}

/// Whether it was in order to refuse something.
pub(super) fn must_be_whole(denial: &Denial) {
    if let Denial::Refused(DataError::Quarantined { object, why }) = denial {
        panic!("`{object}` is in quarantine: {why}");
    }
}

/// All that there is in a store.
pub(super) fn state(store: &Store) -> Vec<u8> {
    store.snapshot().expect("it can be saved").encode()
}

/// As the store, restored from what it saves.
pub(super) fn restored(saved: &Store) -> Store {
    let mut store = store();
    store.restore(Snapshot::decode(&state(saved)).expect("a snapshot")).expect("it can be restored");
    store
}

/// A store as it goes through its history, with the log of it.
pub(super) struct History {
    pub(super) store: Store,
    pub(super) log: Vec<Record>,
    pub(super) told: Vec<Told>,
    kinds: [u16; 2],
    now: Time,
    sessions: Vec<SessionId>,
    request: u64,
    calls: Vec<(Asker, Invocation<'static>)>,
    /// Numbers that methods returned.
    shown: Vec<u64>,
    /// Of an object that was made up nobody knows what becomes.
    has_forged: bool,
}

impl History {
    /// At the beginning of a story.
    pub(super) fn of(story: &Story) -> Self {
        let store = store();
        let kinds = story.kinds.map(|kind| kind.index(store.kinds().len()) as u16);
        let mut history = Self {
            store,
            kinds,
            log: Vec::new(),
            told: Vec::new(),
            now: Time(1_700_000_000_000_000),
            sessions: Vec::new(),
            request: 0,
            calls: Vec::new(),
            shown: Vec::new(),
            has_forged: false,
        };
        history.take(&Step::Open(0));
        history
    }

    /// Goes one step.
    pub(super) fn take(&mut self, step: &Step) {
        let no_conditions = || Cow::Owned(Vec::new());
        match step {
            Step::Call(called) => self.call(called, no_conditions()),
            Step::Conditional(called, is_fence, at) => {
                let condition = self.condition(called, *is_fence, at);
                self.call(called, Cow::Owned(vec![condition]));
            }
            Step::Batch(calls) => {
                let invocations = calls.iter().map(|called| self.invocation(called)).collect();
                let asker = self.asker();
                self.apply(&Command::Batch { asker, conditions: no_conditions(), invocations });
            }
            Step::Choose(called, at) => self.choose(called, *at),
            Step::Again(at) if !self.calls.is_empty() => {
                let (asker, invocation) = at.get(&self.calls).clone();
                let session = *self.sessions.last().expect("there always is one");
                let asker = Asker { session, is_again: true, ..asker };
                self.apply(&Command::Call { asker, conditions: no_conditions(), invocation });
            }
            Step::Again(_) => {}
            Step::Destroy(kind, object) => {
                self.apply(&Command::Destroy { kind: self.kind(kind), object: name(*object).into() });
            }
            Step::Expire(kind, object, ms) => {
                let after = ms.map(Duration::from_millis);
                self.apply(&Command::Expire { kind: self.kind(kind), object: name(*object).into(), after });
            }
            Step::Import(kind, from, to) => self.import(self.kind(kind), name(*from), name(*to)),
            Step::Forge(kind, object, bytes) => self.forge(self.kind(kind), name(*object), bytes),
            Step::Open(node) => self.open(u128::MAX - u128::from(*node)),
            Step::End(session, is_final) => self.end(session, *is_final),
            Step::Pass(ms) => {
                self.now = self.now.after(Duration::from_millis(*ms));
                self.apply(&Command::Tick);
            }
            Step::Schedule(what, seed) => self.schedule(*what, *seed),
            Step::Keep(id, bytes) => self.change_own(1, &("all", jobs::Command::Keep(kept(*id, *bytes)))),
            Step::Unkeep(id) => self.change_own(1, &("all", jobs::Command::Remove(JobId(u64::from(*id))))),
        }
    }

    /// Carries out a command, and logs it.
    fn apply(&mut self, command: &Command<'_>) -> Outcome {
        let record = wire::encode(&(self.now, command)).expect("commands encode");
        let told = replay(&mut self.store, &record);
        if let Ok(number) = wire::decode::<u64>(&told.1) {
            self.shown.push(number);
        }
        let outcome = told.0.clone();
        if let Outcome::Refused(denial) = &outcome
            && !self.has_forged
        {
            must_be_whole(denial);
        }
        self.log.push(record);
        self.told.push(told);
        outcome
    }

    fn kind(&self, kind: &Index) -> u16 {
        *kind.get(&self.kinds)
    }

    fn invocation(&self, called: &Called) -> Invocation<'static> {
        let kind = self.kind(&called.kind);
        let known = &self.store.kinds()[usize::from(kind)];
        let method = called.method.index(known.methods.len());
        let entry = &known.methods[method];
        let recent = &self.shown[self.shown.len().saturating_sub(6)..];
        let label = format!("{}.{}", known.name, entry.name);
        let mut arguments = Arguments::new(called.seed, recent);
        let body = arguments.body(&label, name(called.object), entry.parameters);
        Invocation { method: MethodId { kind, method: method as u16 }, body: Cow::Owned(body) }
    }

    fn asker(&mut self) -> Asker {
        self.request += 1;
        let session = self.sessions[self.request as usize % self.sessions.len()];
        Asker { session, request: self.request, is_again: false }
    }

    fn call(&mut self, called: &Called, conditions: Cow<'static, [Condition]>) {
        let invocation = self.invocation(called);
        if !self.store.access(invocation.method).is_write() {
            return self.read(&invocation);
        }
        let asker = self.asker();
        self.calls.push((asker, invocation.clone()));
        self.apply(&Command::Call { asker, conditions, invocation });
    }

    fn choose(&mut self, called: &Called, at: u64) {
        let invocation = self.invocation(called);
        if self.store.access(invocation.method).is_write() {
            let asker = self.asker();
            self.calls.push((asker, invocation.clone()));
            self.apply(&Command::Choose { asker, at, invocation });
        }
    }

    /// Reads leave no trace.
    fn read(&self, invocation: &Invocation<'_>) {
        let before = state(&self.store);
        let session = self.sessions[0];
        let looked = self.store.look(self.now, session, invocation, &mut Vec::new(), &mut Effects::default());
        if let Err(denial) = &looked
            && !self.has_forged
        {
            must_be_whole(denial);
        }
        assert_eq!(state(&self.store), before);
    }

    fn condition(&self, called: &Called, is_fence: bool, at: &Index) -> Condition {
        let (kind, object) = (self.kind(&called.kind), name(called.object).to_owned());
        if is_fence && !self.shown.is_empty() {
            return Condition::Fence { kind, object, token: *at.get(&self.shown) };
        }
        let revision = self.store.entry(kind, &object).map_or(0, |entry| entry.revision);
        Condition::Revision { kind, object, revision: revision + at.index(2) as u64 }
    }

    fn import(&mut self, kind: u16, from: &'static str, to: &'static str) {
        if let Ok(Some(state)) = self.store.state(kind, from) {
            let (object, state) = (Cow::Borrowed(to), Cow::Owned(state));
            self.apply(&Command::Import { kind, object, after: None, state });
        }
    }

    fn forge(&mut self, kind: u16, name: &'static str, bytes: &[(Index, u8)]) {
        if let Ok(Some(mut state)) = self.store.state(kind, name) {
            for (at, byte) in bytes {
                *at.get_mut(&mut state) = *byte;
            }
            let (object, state) = (Cow::Borrowed(name), Cow::Owned(state));
            self.has_forged = true;
            self.apply(&Command::Import { kind, object, after: None, state });
        }
    }

    fn open(&mut self, incarnation: u128) {
        if let Outcome::Opened(session) = self.apply(&Command::Open { incarnation }) {
            self.sessions.push(session);
        }
    }

    fn end(&mut self, session: &Index, is_final: bool) {
        if self.sessions.len() > 1 {
            let session = self.sessions.remove(session.index(self.sessions.len()));
            self.apply(&Command::End { session, is_final });
        }
    }

    fn change_own(&mut self, at: usize, arguments: &impl serde::Serialize) {
        let method = MethodId { kind: self.store.own_kind(at), method: 0 };
        let body = wire::encode(arguments).expect("it encodes");
        let invocation = Invocation { method, body: Cow::Owned(body) };
        assert_eq!(self.apply(&Command::Own { invocation }), Outcome::Value);
    }

    fn schedule(&mut self, what: u8, seed: u64) {
        use schedules::Command;
        let (id, now_ms) = (seed % 4 + 1, self.now.0 / 1_000);
        let command = match what {
            0..3 => Command::Create { creator: creator(seed), spec: Box::new(spec(seed, now_ms)) },
            3 => Command::Cancel { id },
            4 => Command::Pause { id },
            5 => Command::Resume { id },
            6 => Command::EndToken { token: "t1".into(), why: "revoked".into() },
            7 => Command::Finished { id, error: seed.is_multiple_of(2).then(|| "it failed".into()) },
            _ => Command::Tick,
        };
        self.change_own(0, &("all", command, now_ms));
    }
}

fn name(object: u8) -> &'static str {
    ["one", "two"][usize::from(object)]
}

fn creator(seed: u64) -> Creator {
    let kind = Kind::Token { id: format!("t{}", seed % 3), name: "n".into() };
    let identity = Identity { expires_ms: Some(seed), ..Identity::new(kind, Role::everything()) };
    Creator { node: NodeName::new("maker").expect("a good name"), identity: Arc::new(identity) }
}

fn spec(seed: u64, now_ms: u64) -> ScheduleSpec {
    let when = if seed.is_multiple_of(3) {
        When::At { unix_ms: vec![now_ms + seed % 50, now_ms + seed % 900] }
    } else {
        When::Every {
            period_ms: 1 + seed % 30,
            times: seed.is_multiple_of(2).then_some(3),
            first_in_ms: None,
        }
    };
    ScheduleSpec {
        callback: "work".into(),
        body: vec![0x91, 7],
        when,
        name: seed.is_multiple_of(5).then(|| "named".into()),
        on: None,
        key: None,
        timeout_ms: seed % 100,
        overlap: if seed.is_multiple_of(2) { Overlap::Skip } else { Overlap::Allow },
        missed: if seed % 7 < 3 { Missed::CatchUp } else { Missed::Skip },
    }
}

fn kept(id: u8, bytes: u16) -> Kept {
    let node = NodeName::new("worker").expect("a good name");
    Kept {
        id: JobId(u64::from(id)),
        callback: "work".into(),
        caller: node.clone(),
        owner: id.is_multiple_of(2).then(|| Arc::new(Identity::memory())),
        node: id.is_multiple_of(3).then_some(node),
        failed: id % 2 == 1,
        body: Bytes::from(vec![7; usize::from(bytes)]),
    }
}

/// Calls that wait for objects to change, and watchers: a history must not know of them.
#[derive(Default)]
pub(super) struct Waiters(Vec<ObjectId>);

impl Waiters {
    /// One begins to wait, or stops; watchers come and go.
    pub(super) fn shuffle(&mut self, store: &mut Store, at: u64) {
        store.set_watched(at % 5 < 2);
        if at.is_multiple_of(3) && !self.0.is_empty() {
            store.wait_no_more(self.0.swap_remove(at as usize % self.0.len()));
        } else {
            let kind = (at % store.kinds().len() as u64) as u16;
            let waited_for = ["one", "two", "three"][at as usize % 3];
            self.0.push(store.wait_for(kind, waited_for));
        }
    }
}
