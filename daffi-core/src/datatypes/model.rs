//! A store for tests that hold a type against a naive model of it, and what models have in common.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::DataError;
use crate::hosted::{
    After, Asker, Command, Denial, Effects, Hosted, Invocation, MethodId, ObjectKind, Outcome, SessionId,
    Snapshot, Stop, Store, Time, Value,
};
use crate::wire;

/// The name of the object that tests are about: the first argument of every method.
pub(super) const NAME: &str = "it";

/// What a map with deadlines should be: each value with the time in milliseconds when it goes, and the time when all do.
#[derive(Debug, Clone)]
pub(super) struct Model<V> {
    pub(super) now: u64,
    pub(super) entries: BTreeMap<u8, (V, Option<u64>)>,
    expires: Option<u64>,
}

impl<V> Default for Model<V> {
    fn default() -> Self {
        Self { now: 0, entries: BTreeMap::new(), expires: None }
    }
}

impl<V> Model<V> {
    /// Stores a value for so long, and returns the one that was there before.
    pub(super) fn put(&mut self, key: u8, value: V, ttl: Option<u64>) -> Option<V> {
        let expires = ttl.map(|ttl| self.now + ttl);
        self.entries.insert(key, (value, expires)).map(|(before, _)| before)
    }

    /// Begins the TTL of the whole anew, if there is one. What is empty has none.
    pub(super) fn settle(&mut self, ttl: Option<u64>) {
        self.expires = ttl.map(|ttl| self.now + ttl).or(self.expires);
        self.expires = self.expires.filter(|_| !self.entries.is_empty());
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms;
        let now = self.now;
        if self.expires.is_some_and(|expires| expires <= now) {
            self.entries.clear();
        }
        self.entries.retain(|_, (_, expires)| expires.is_none_or(|expires| expires > now));
        self.settle(None);
    }
}

/// A store that has objects of one kind, the time, and the session that asks.
pub(super) struct Bench {
    kinds: Arc<[ObjectKind]>,
    store: Store,
    /// Who asks.
    pub(super) session: SessionId,
    /// The number of its last request that writes.
    pub(super) request: u64,
    /// What is asked has this number, and was asked before.
    again: Option<u64>,
    pub(super) now: Time,
    /// What watchers were told and has not been looked at.
    pub(super) changes: Vec<Value>,
}

impl Bench {
    pub(super) fn of<T: Hosted>() -> Self {
        let kinds: Arc<[ObjectKind]> = Arc::from([ObjectKind::of::<T>()]);
        let store = Store::new(Arc::clone(&kinds));
        let session = SessionId::default();
        let (now, changes) = (Time(1), Vec::new());
        let mut bench = Self { kinds, store, session, request: 0, again: None, now, changes };
        bench.open();
        bench
    }

    /// Calls a method of this name with these arguments, of which the first is the object's name, mostly [`NAME`].
    pub(super) fn call<R: DeserializeOwned>(
        &mut self,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<R, DataError> {
        match self.try_call(method, arguments)? {
            Poll::Ready(result) => Ok(result),
            Poll::Pending => panic!("`{method}` has parked"),
        }
    }

    /// As [`call`](Self::call), as a request of this number that is sent again.
    pub(super) fn call_again<R: DeserializeOwned>(
        &mut self,
        request: u64,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<R, DataError> {
        self.again = Some(request);
        let result = self.call(method, arguments);
        self.again = None;
        result
    }

    /// As [`call`](Self::call), for one that may have to wait.
    pub(super) fn try_call<R: DeserializeOwned>(
        &mut self,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<Poll<R>, DataError> {
        let number = self.kinds[0].methods.iter().position(|known| known.name == method);
        let number = number.unwrap_or_else(|| panic!("no method `{method}`"));
        let method = MethodId { kind: 0, method: number as u16 };
        let body = Cow::Owned(wire::encode(arguments).expect("it encodes"));
        let invocation = Invocation { method, body };
        let mut out = Vec::new();
        let done = if !self.store.access(method).is_write() {
            let mut effects = Effects::default();
            self.store.look(self.now, self.session, &invocation, &mut out, &mut effects).map(drop)
        } else {
            self.request += u64::from(self.again.is_none());
            let (request, is_again) = (self.again.unwrap_or(self.request), self.again.is_some());
            let asker = Asker { session: self.session, request, is_again };
            match self.apply(&Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation }, &mut out) {
                Outcome::Refused(denial) => Err(denial),
                Outcome::Opened(_) | Outcome::Value | Outcome::Known(_) | Outcome::Done => Ok(()),
            }
        };
        match done {
            Ok(()) => Ok(Poll::Ready(wire::decode(&out).expect("of the type that was asked for"))),
            Err(Denial::Stopped { stop: Stop::Parked, .. }) => Ok(Poll::Pending),
            Err(Denial::Stopped { stop: Stop::Refused(refusal), .. }) => {
                Err(wire::decode(&refusal.value).expect("a `DataError`"))
            }
            Err(Denial::Refused(error)) => Err(error),
            Err(denial) => panic!("{denial:?}"),
        }
    }

    /// Begins a session, which asks from now on. The one before lives on.
    pub(super) fn open(&mut self) -> SessionId {
        let incarnation = u128::from(self.request);
        let Outcome::Opened(session) = self.apply(&Command::Open { incarnation }, &mut Vec::new()) else {
            panic!("a session begins")
        };
        self.session = session;
        session
    }

    /// Ends the session, and begins another.
    pub(super) fn end(&mut self) {
        self.end_of(self.session);
        self.open();
    }

    /// Ends a session.
    pub(super) fn end_of(&mut self, session: SessionId) {
        self.apply(&Command::End { session, is_final: false }, &mut Vec::new());
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.apply(&Command::Tick, &mut Vec::new());
    }

    /// Destroys an object.
    pub(super) fn destroy(&mut self, name: &str) {
        self.apply(&Command::Destroy { kind: 0, object: name.into() }, &mut Vec::new());
    }

    /// Goes on in another store, which was given what this one saved.
    pub(super) fn restore(&mut self) {
        let saved = self.store.snapshot().expect("it can be saved").encode();
        let mut store = Store::new(Arc::clone(&self.kinds));
        store.restore(Snapshot::decode(&saved).expect("a snapshot")).expect("it can be restored");
        self.store = store;
    }

    /// Whether the object can be told from one that is not there.
    pub(super) fn is_there(&self) -> bool {
        let entry = self.store.entry(0, NAME);
        assert!(entry.as_ref().is_none_or(|entry| entry.broken.is_none()), "{entry:?}");
        entry.is_some()
    }

    /// What the store counts as taken by all objects.
    pub(super) fn bytes(&self) -> usize {
        self.store.bytes()
    }

    fn apply(&mut self, command: &Command<'_>, out: &mut Vec<u8>) -> Outcome {
        let mut after = After::default();
        let outcome = self.store.apply(self.now, command, out, &mut after);
        self.changes.extend(after.changes.into_iter().filter_map(|change| change.what));
        outcome
    }
}
