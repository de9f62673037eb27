//! Objects under trial: a store with one of them, and a naive account of who holds what.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Claim;
use crate::error::DataError;
use crate::hosted::{
    After, Asker, Command, Denial, Hosted, Invocation, MethodId, ObjectKind, Outcome, SessionId, Stop, Store,
    Time,
};
use crate::wire;

/// A store with one object, `it`.
pub(crate) struct Trial<T> {
    store: Store,
    now: Time,
    requests: u64,
    kind: PhantomData<T>,
}

impl<T: Hosted> Trial<T> {
    pub(crate) fn new() -> Self {
        let store = Store::new(Arc::from([ObjectKind::of::<T>()]));
        Self { store, now: Time(1_000_000), requests: 0, kind: PhantomData }
    }

    fn apply(&mut self, command: &Command<'_>) -> (Outcome, Vec<u8>) {
        let mut out = Vec::new();
        let outcome = self.store.apply(self.now, command, &mut out, &mut After::default());
        (outcome, out)
    }

    pub(crate) fn open(&mut self) -> SessionId {
        let (Outcome::Opened(session), _) = self.apply(&Command::Open { incarnation: 7 }) else {
            panic!("a session opens")
        };
        session
    }

    pub(crate) fn end(&mut self, session: SessionId) {
        self.apply(&Command::End { session, is_final: false });
    }

    /// Goes on with a store that knows what was saved of this one.
    pub(crate) fn restart(&mut self) {
        let saved = wire::encode(&self.store.snapshot().expect("it is saved")).expect("it encodes");
        let mut store = Store::new(Arc::from([ObjectKind::of::<T>()]));
        store.restore(wire::decode(&saved).expect("a snapshot")).expect("it is loaded");
        self.store = store;
    }

    pub(crate) fn advance(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.apply(&Command::Tick);
    }

    pub(crate) fn advance_to(&mut self, time: Time) {
        self.advance(time.since(self.now));
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.store.entries().next().is_none()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Calls a method with its arguments, the object's name before them; pending is parked.
    pub(crate) fn call<R: DeserializeOwned>(
        &mut self,
        session: SessionId,
        method: &str,
        arguments: &impl Serialize,
    ) -> Poll<Result<R, DataError>> {
        let methods = &self.store.kinds()[0].methods;
        let number = methods.iter().position(|entry| entry.name == method).expect("it has the method");
        let method = MethodId { kind: 0, method: number as u16 };
        let invocation =
            Invocation { method, body: Cow::Owned(wire::encode(arguments).expect("it encodes")) };
        self.requests += 1;
        let asker = Asker { session, request: self.requests, is_again: false };
        let (outcome, out) = self.apply(&Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation });
        match outcome {
            Outcome::Refused(Denial::Stopped { stop: Stop::Parked, .. }) => Poll::Pending,
            Outcome::Refused(Denial::Stopped { stop: Stop::Refused(refusal), .. }) => {
                Poll::Ready(Err(wire::decode(&refusal.value).expect("a known error")))
            }
            Outcome::Value => Poll::Ready(Ok(wire::decode(&out).expect("the result"))),
            other => panic!("{other:?}"),
        }
    }

    /// The result of a method that neither parks nor refuses.
    pub(crate) fn get<R: DeserializeOwned>(
        &mut self,
        session: SessionId,
        method: &str,
        arguments: &impl Serialize,
    ) -> R {
        match self.call(session, method, arguments) {
            Poll::Ready(result) => result.expect("it does not refuse"),
            Poll::Pending => panic!("it parks"),
        }
    }
}

/// The error of a method that refuses.
pub(crate) fn refused(answer: Poll<Result<u64, DataError>>) -> DataError {
    match answer {
        Poll::Ready(Err(error)) => error,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn claim(ticket: u64, lease_ms: Option<u64>) -> Claim {
    Claim { owner: "somebody".into(), ticket, lease_ms }
}

/// Who holds what, naively.
#[derive(Debug, Default)]
pub(crate) struct Account<T> {
    pub(crate) grants: Vec<Entry<T>>,
}

#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) token: u64,
    session: SessionId,
    ticket: u64,
    lease: Option<(Time, u64)>,
    pub(crate) of: T,
}

impl<T> Account<T> {
    pub(crate) fn known(&self, session: SessionId, ticket: u64) -> Option<u64> {
        let is_same = |entry: &&Entry<T>| entry.session == session && entry.ticket == ticket;
        self.grants.iter().find(is_same).map(|entry| entry.token)
    }

    pub(crate) fn insert(&mut self, now: Time, session: SessionId, claim: &Claim, token: u64, of: T) {
        assert!(self.grants.iter().all(|entry| entry.token < token), "tokens grow");
        let lease = claim.lease_ms.map(|ms| (now.after(Duration::from_millis(ms)), ms));
        self.grants.push(Entry { token, session, ticket: claim.ticket, lease, of });
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, token: u64) -> bool {
        let before = self.grants.len();
        self.grants.retain(|entry| entry.token != token);
        self.grants.len() < before
    }

    /// Whether it was there.
    pub(crate) fn renew(&mut self, now: Time, token: u64, lease_ms: Option<u64>) -> bool {
        let Some(entry) = self.grants.iter_mut().find(|entry| entry.token == token) else { return false };
        if let Some(ms) = lease_ms.or(entry.lease.map(|(_, ms)| ms)) {
            entry.lease = Some((now.after(Duration::from_millis(ms)), ms));
        }
        true
    }

    pub(crate) fn expire(&mut self, now: Time) {
        self.grants.retain(|entry| entry.lease.is_none_or(|(until, _)| until > now));
    }

    pub(crate) fn end(&mut self, session: SessionId) {
        self.grants.retain(|entry| entry.session != session);
    }

    pub(crate) fn tokens(&self) -> Vec<u64> {
        self.grants.iter().map(|entry| entry.token).collect()
    }
}
