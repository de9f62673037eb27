//! Objects under trial: a store with one of them, and a naive account of who holds what.

use std::marker::PhantomData;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::model::Bench;
use super::Claim;
use crate::error::DataError;
use crate::hosted::{Hosted, SessionId, Time};

/// A store with one object, `it`, and any number of sessions.
pub(crate) struct Trial<T> {
    bench: Bench,
    kind: PhantomData<T>,
}

/// What happens to those who hold something, whatever that is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// One of the sessions ends, and another begins in its place.
    End { session: usize },
    /// Time passes.
    Pass { ms: u64 },
    /// The store is loaded from what was saved of it.
    Restart,
}

pub(crate) fn events(sessions: usize) -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => (0..sessions).prop_map(|session| Event::End { session }),
        3 => (0..15u64).prop_map(|ms| Event::Pass { ms }),
        1 => Just(Event::Restart),
    ]
}

impl<T: Hosted> Trial<T> {
    pub(crate) fn new() -> Self {
        Self { bench: Bench::of::<T>(), kind: PhantomData }
    }

    pub(crate) fn open(&mut self) -> SessionId {
        self.bench.open()
    }

    pub(crate) fn end(&mut self, session: SessionId) {
        self.bench.end_of(session);
    }

    /// Goes on with a store that knows what was saved of this one.
    pub(crate) fn restart(&mut self) {
        self.bench.restore();
    }

    /// Lets something happen, and books it.
    pub(crate) fn happens<A>(&mut self, event: Event, sessions: &mut [SessionId], account: &mut Account<A>) {
        match event {
            Event::End { session } => {
                self.end(sessions[session]);
                account.end(sessions[session]);
                sessions[session] = self.open();
            }
            Event::Pass { ms } => {
                self.advance(Duration::from_millis(ms));
                account.expire(self.now());
            }
            Event::Restart => self.restart(),
        }
    }

    pub(crate) fn advance(&mut self, time: Duration) {
        self.bench.pass(time);
    }

    pub(crate) fn advance_to(&mut self, time: Time) {
        self.advance(time.since(self.now()));
    }

    pub(crate) fn now(&self) -> Time {
        self.bench.now
    }

    pub(crate) fn is_absent(&self) -> bool {
        !self.bench.is_there()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bench.bytes()
    }

    /// Calls a method with its arguments, the object's name before them; pending is parked.
    pub(crate) fn call<R: DeserializeOwned>(
        &mut self,
        session: SessionId,
        method: &str,
        arguments: &impl Serialize,
    ) -> Poll<Result<R, DataError>> {
        self.bench.session = session;
        match self.bench.try_call(method, arguments) {
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
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
