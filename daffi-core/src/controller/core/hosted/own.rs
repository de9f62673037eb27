//! Calls of hosted objects by the controller itself, for those who come by another way than a session.

use std::borrow::Cow;
use std::time::Instant;

use super::super::Core;
use super::{Hosting, denied};
use crate::error::CallError;
use crate::hosted::{Asker, Command, Denial, Invocation, MethodId, Outcome, Stop};
use crate::wire::encode;

/// What became of a request by a foreign protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// It was carried out.
    Done,
    /// It was none, or could not be carried out.
    Refused,
    /// It had been carried out before.
    Repeated,
}

impl Core {
    /// Has a method without arguments of an object carried out, in nobody's rights; its result, encoded. An object that
    /// is not there is made only while its kind has fewer than `objects_max`.
    ///
    /// # Errors
    /// [`CallError`] if it is not carried out.
    pub fn call_own(
        &mut self,
        now: Instant,
        (kind, method): (&str, &str),
        object: &str,
        objects_max: usize,
    ) -> Result<Vec<u8>, CallError> {
        let Some(method) = self.hosting.method(kind, method) else {
            return Err(self.no_such_callback(&format!("daffi.{kind}.{method}")));
        };
        let store = &self.hosting.store;
        if store.find(method.kind, object).is_none() && store.len_of(method.kind) >= objects_max {
            return Err(CallError::Busy {
                what: format!("there are {objects_max} objects of kind `{kind}`"),
            });
        }
        self.counters.hosted_calls += 1;
        let body = encode(&(object,)).map_err(|error| denied(Denial::from(Stop::from(error))))?;
        let invocation = Invocation { method, body: Cow::Owned(body) };
        if self.must_queue(&invocation).map_err(denied)? {
            return Err(denied(Denial::from(Stop::Parked)));
        }
        let asker = self.hosting.own_asker(now);
        let command = Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation };
        let mut out = Vec::new();
        self.hosting.propose(now, None, &command, &mut out).map_err(denied)?;
        self.wake_changed(now);
        self.wake_listeners(now);
        Ok(out)
    }

    /// Counts a request by globalCounter's own protocol.
    pub fn note_globalcounter(&mut self, what: Foreign) {
        let counter = match what {
            Foreign::Done => &mut self.counters.globalcounter_requests,
            Foreign::Refused => &mut self.counters.globalcounter_refused,
            Foreign::Repeated => &mut self.counters.globalcounter_repeated,
        };
        *counter += 1;
    }
}

impl Hosting {
    fn method(&self, kind: &str, method: &str) -> Option<MethodId> {
        let kinds = self.store.kinds();
        let at = kinds.iter().position(|known| known.name == kind)?;
        let method = kinds[at].methods.iter().position(|known| known.name == method)?;
        Some(MethodId { kind: at as u16, method: method as u16 })
    }

    /// The controller as one who asks.
    fn own_asker(&mut self, now: Instant) -> Asker {
        self.own_calls += 1;
        let session = match self.own {
            Some(session) => session,
            None => {
                // Nodes have 64 bits of them, so none has this.
                let opened = self.run(now, &Command::Open { incarnation: u128::MAX });
                let Outcome::Opened(session) = opened else { unreachable!("opening a session opens one") };
                self.own.insert(session).to_owned()
            }
        };
        Asker { session, request: self.own_calls, is_again: false }
    }
}
