//! Calls of hosted objects for those who come by a foreign protocol, and so without a session of theirs.

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
        let store = self.hosting.store();
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
        let asker = self.hosting.foreign_asker(now);
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
        let kinds = self.store().kinds();
        let at = kinds.iter().position(|known| known.name == kind)?;
        let method = kinds[at].methods.iter().position(|known| known.name == method)?;
        Some(MethodId { kind: at as u16, method: method as u16 })
    }

    /// Whoever comes by a foreign protocol, as one who asks.
    fn foreign_asker(&mut self, now: Instant) -> Asker {
        self.foreign_calls += 1;
        let session = match self.foreign {
            Some(session) => session,
            None => {
                // Nodes draw theirs at random, so none has this.
                let opened = self.run(now, &Command::Open { incarnation: u128::MAX }, &mut Vec::new());
                let Outcome::Opened(session) = opened else { unreachable!("opening a session opens one") };
                *self.foreign.insert(session)
            }
        };
        Asker { session, request: self.foreign_calls, is_again: false }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::hosted::kinds;
    use crate::wire::decode;

    #[derive(Deserialize)]
    struct Counted {
        n: u64,
    }

    fn count(core: &mut Core, now: Instant, topic: &str) -> Result<u64, CallError> {
        let result = core.call_own(now, ("topic", "count"), topic, 2)?;
        let Counted { n } = decode(&result).unwrap();
        Ok(n)
    }

    #[test]
    fn the_controller_calls_objects_and_makes_no_more_than_it_may() {
        let now = Instant::now();
        let mut core = Core::hosting(now, 0, 1, kinds().unwrap());

        assert_eq!(count(&mut core, now, "a"), Ok(1));
        assert_eq!(count(&mut core, now, "b"), Ok(1));
        assert!(matches!(count(&mut core, now, "c"), Err(CallError::Busy { .. })));
        assert_eq!(count(&mut core, now, "a"), Ok(2));
    }

    #[test]
    fn what_there_is_no_method_or_name_for_is_refused() {
        let now = Instant::now();
        let mut core = Core::hosting(now, 0, 1, kinds().unwrap());

        let unknown = core.call_own(now, ("topic", "burn"), "a", 2).unwrap_err();
        assert!(matches!(unknown, CallError::NoSuchCallback { .. }), "{unknown}");
        for bad in ["", &"x".repeat(257)] {
            assert!(count(&mut core, now, bad).is_err());
        }
    }
}
