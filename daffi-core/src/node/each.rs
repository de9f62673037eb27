//! Many one-way calls of one callback: sent together, acknowledged together.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::time::Instant;

use super::one_way::Sequence;
use super::{Acknowledged, Request, Shared};
use crate::callback::Arguments;
use crate::config;
use crate::error::CallError;

/// Encoded arguments of calls that are still to be sent.
#[derive(Default)]
struct Bodies {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bodies {
    /// Encodes the next few, before any lock is taken: a user's `Serialize` may do anything.
    fn fill<A: Arguments>(&mut self, arguments: &mut impl Iterator<Item = A>) -> Result<bool, CallError> {
        self.bytes.clear();
        self.ends.clear();
        while self.ends.len() < BATCH_CALLS && self.bytes.len() < config::READ_BYTES {
            let Some(arguments) = arguments.next() else { break };
            arguments.put(&mut self.bytes).map_err(|error| CallError::BadArguments {
                expected: "arguments that can be encoded".into(),
                got: error.to_string(),
            })?;
            self.ends.push(self.bytes.len());
        }
        Ok(!self.ends.is_empty())
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// Calls that were sent one after the other and have not been acknowledged. Dropped, they go on.
struct Batch {
    shared: Arc<Shared>,
    first: Sequence,
    calls: u64,
}

impl Batch {
    fn sequences(&self) -> impl Iterator<Item = Sequence> + use<> {
        let Sequence { link, number } = self.first;
        (number..number + self.calls).map(move |number| Sequence { link, number })
    }

    /// Waits until the controller has taken them.
    async fn taken(self) -> Result<u64, CallError> {
        let last = Sequence { number: self.first.number + self.calls - 1, ..self.first };
        let outcome = poll_fn(|cx| self.shared.lock().one_way.poll(last, cx)).await;
        let mut state = self.shared.lock();
        for sequence in self.sequences() {
            if let Some(error) = state.one_way.take_refusal(sequence) {
                return Err(error);
            }
        }
        outcome.map(|()| self.calls)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let wakers: Vec<_> = self.sequences().filter_map(|sequence| state.one_way.detach(sequence)).collect();
        drop(state);
        drop(wakers);
    }
}

impl Shared {
    /// Sends a one-way call like `request` for each of `arguments`; how many were taken.
    pub(crate) async fn send_each<A: Arguments>(
        self: &Arc<Self>,
        request: Request,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<u64, CallError> {
        let mut arguments = arguments.into_iter();
        let (mut bodies, mut batches, mut taken) = (Bodies::default(), Vec::new(), 0);
        let mut refused = None;
        while bodies.fill(&mut arguments)? {
            if let Some(batch) = self.try_send_each(&request, &bodies)? {
                batches.push(batch);
                continue;
            }
            // The name has no number yet, there is no link, no room, or an argument may not fit: one by one, which
            // sees to all of that.
            for batch in batches.drain(..) {
                note(batch.taken().await, &mut taken, &mut refused);
            }
            for body in bodies.iter() {
                let request = Request { body: body.to_vec(), is_declared: false, ..request.clone() };
                let one = Acknowledged::new(Arc::clone(self), Box::new(request)).await;
                note(one.map(|()| 1), &mut taken, &mut refused);
            }
        }
        for batch in batches {
            note(batch.taken().await, &mut taken, &mut refused);
        }
        refused.map_or(Ok(taken), Err)
    }

    fn try_send_each(
        self: &Arc<Self>,
        request: &Request,
        bodies: &Bodies,
    ) -> Result<Option<Batch>, CallError> {
        let mut state = self.lock();
        let Some((outbound, Some(known))) = Self::may_send(&state, request)? else { return Ok(None) };
        let calls = bodies.ends.len();
        let has_room = state.one_way.len() + calls <= config::ONE_WAY_QUEUED_MAX;
        let signatures = state.known(request.name.as_str());
        let all_fit = signatures.is_some_and(|known| bodies.iter().all(|body| known.check(body).is_ok()));
        if !has_room || !all_fit {
            return Ok(None);
        }
        let (mut first, mut is_earlier) = (None, false);
        for _ in 0..calls {
            let (sequence, earlier) = state.insert_one_way(request.timeout, || Instant::now().into_std())?;
            first.get_or_insert(sequence);
            is_earlier |= earlier;
        }
        let Some(first) = first else { return Ok(None) };
        outbound.with(|out| {
            for (number, body) in (first.number..).zip(bodies.iter()) {
                request.put_body(out, number, Some(known), request.timeout, body);
            }
        });
        drop(state);
        self.send_off(&outbound, true, is_earlier);
        Ok(Some(Batch { shared: Arc::clone(self), first, calls: calls as u64 }))
    }
}

fn note(outcome: Result<u64, CallError>, taken: &mut u64, refused: &mut Option<CallError>) {
    match outcome {
        Ok(calls) => *taken += calls,
        Err(error) => {
            refused.get_or_insert(error);
        }
    }
}

/// Calls that go out together. Enough to share the cost of a lock and a write, few enough to stay in the cache.
const BATCH_CALLS: usize = 256;
