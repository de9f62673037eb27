//! Many one-way calls of one callback: sent together, acknowledged together.

use std::future::poll_fn;
use std::sync::Arc;

use tokio::time::Instant;

use super::known::Streams;
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
    /// Encodes the next few, before any lock is taken: a user's `Serialize` may do anything. Those that cannot be
    /// encoded are told of and left out. Whether there were any.
    fn fill<A: Arguments>(
        &mut self,
        arguments: &mut impl Iterator<Item = A>,
        mut refuse: impl FnMut(CallError),
    ) -> bool {
        self.bytes.clear();
        self.ends.clear();
        let mut looked_at = 0;
        while looked_at < BATCH_CALLS && self.bytes.len() < config::READ_BYTES {
            let Some(arguments) = arguments.next() else { break };
            looked_at += 1;
            let start = self.bytes.len();
            match arguments.put(&mut self.bytes) {
                Ok(()) => self.ends.push(self.bytes.len()),
                Err(error) => {
                    self.bytes.truncate(start);
                    let expected = "arguments that can be encoded".to_owned();
                    refuse(CallError::BadArguments { expected, got: error.to_string() });
                }
            }
        }
        looked_at > 0
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

    /// Waits until the controller has seen them all: how many it took, and why it refused the first that it did.
    async fn taken(self) -> (u64, Option<CallError>) {
        let last = Sequence { number: self.first.number + self.calls - 1, ..self.first };
        let outcome = poll_fn(|cx| self.shared.lock().one_way.poll(last, cx)).await;
        let mut state = self.shared.lock();
        let refused = self.sequences().filter_map(|sequence| state.one_way.take_refusal(sequence));
        let mut refused: Vec<CallError> = outcome.err().into_iter().chain(refused).collect();
        let taken = self.calls.saturating_sub(refused.len() as u64);
        refused.truncate(1);
        (taken, refused.pop())
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
        let (mut bodies, mut batches) = (Bodies::default(), Vec::new());
        let mut tally = Tally::default();
        while bodies.fill(&mut arguments, |error| tally.refuse(error)) {
            if let Some(batch) = self.try_send_each(&request, &bodies) {
                batches.push(batch);
                continue;
            }
            // The name has no number yet, there is no link, no room, or an argument may not fit: one by one, which
            // sees to all of that, and when those before have been taken, which makes room.
            for batch in batches.drain(..) {
                tally.add(batch.taken().await);
            }
            for body in bodies.iter() {
                let Request { flags, timeout, ref name, .. } = request;
                let mut one = Request { flags, timeout, ..Request::new(name.clone(), body.to_vec()) };
                one.set_trace(request.extra().trace);
                let one = Acknowledged::new(Arc::clone(self), Box::new(one)).await;
                tally.add((u64::from(one.is_ok()), one.err()));
            }
        }
        for batch in batches {
            tally.add(batch.taken().await);
        }
        tally.refused.map_or(Ok(tally.taken), Err)
    }

    /// Sends them all, or none of them.
    fn try_send_each(self: &Arc<Self>, request: &Request, bodies: &Bodies) -> Option<Batch> {
        let mut state = self.lock();
        let (outbound, known) = Self::may_send(&state, request).ok()??;
        let (known, calls) = (known?, bodies.ends.len());
        let has_room = state.one_way.len() + calls <= config::ONE_WAY_QUEUED_MAX;
        let signatures = state.known_of(request)?;
        let fits = |body: &[u8]| {
            body.len() <= config::BODY_BYTES_MAX && signatures.check(body, Streams::default()).is_ok()
        };
        if !has_room || !bodies.iter().all(fits) {
            return None;
        }
        let (mut first, mut is_earlier) = (None, false);
        for _ in 0..calls {
            let sent = state.insert_one_way(request.timeout, || Instant::now().into_std());
            let (sequence, earlier) = sent.expect("there is room for all");
            first.get_or_insert(sequence);
            is_earlier |= earlier;
        }
        let first = first?;
        outbound.with(|out| {
            for (number, body) in (first.number..).zip(bodies.iter()) {
                request.put_body(out, number, Some(known), request.timeout, body);
            }
        });
        drop(state);
        self.send_off(&outbound, true, is_earlier);
        Some(Batch { shared: Arc::clone(self), first, calls: calls as u64 })
    }
}

/// What became of all of them.
#[derive(Default)]
struct Tally {
    taken: u64,
    refused: Option<CallError>,
}

impl Tally {
    fn add(&mut self, (taken, refused): (u64, Option<CallError>)) {
        self.taken += taken;
        if let Some(error) = refused {
            self.refuse(error);
        }
    }

    /// The first refusal is the one that is told of.
    fn refuse(&mut self, error: CallError) {
        self.refused.get_or_insert(error);
    }
}

/// Calls that go out together. Enough to share the cost of a lock and a write, few enough to stay in the cache.
const BATCH_CALLS: usize = 256;
