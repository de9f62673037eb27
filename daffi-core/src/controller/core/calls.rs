//! The calls in flight: one record each, in a slot that its number names.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::directory::EntryKey;
use super::flows::Flows;
use super::hosted::{Listening, Parked};
use super::session::NONE;
use crate::identity::Identity;
use crate::name::{CallbackName, NodeName};
use crate::wire::{CallId, Flags, JobId};

/// Whom the outcome of a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A node; the number is its own.
    Node {
        session: u32,
        call: CallId,
    },
    /// A background call whose caller has gone, or that was kept from the start.
    Kept,
    /// A broadcast, of which this is the call to one node.
    Broadcast {
        parent: u32,
    },
    Schedule {
        id: u64,
    },
    /// Nobody: a one-way call that waits for its `eta`.
    Nobody,
}

/// What a parked call of the controller's own callbacks waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum WaitFor {
    Node(NodeName),
    Callback(CallbackName),
    Job(JobId),
}

/// What only some calls have.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// A background call.
    pub(super) job: Option<JobId>,
    /// What a background call is of, for when nobody offers it any more.
    pub(super) callback: Option<CallbackName>,
    /// Who called, for when the caller has gone.
    pub(super) caller: Option<NodeName>,
    /// In whose rights, likewise.
    pub(super) owner: Option<Arc<Identity>>,
    /// A call that has not been sent yet.
    pub(super) delayed: Option<Delayed>,
    pub(super) parked: Option<WaitFor>,
    /// It waits for a hosted object to change.
    pub(super) queued: Option<Parked>,
    /// It listens to a hosted object.
    pub(super) listening: Option<Listening>,
    pub(super) broadcast: Option<Collector>,
    pub(super) flows: Flows,
}

/// A call that waits for its `eta`.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) name: String,
    pub(super) on: Option<String>,
    pub(super) key: Option<String>,
    pub(super) include_self: bool,
    /// Only nodes that offer it as idempotent may run it.
    pub(super) again: bool,
    pub(super) body: Bytes,
    pub(super) timeout: Option<Duration>,
    /// What the callee shall see of the extension map.
    pub(super) extension: Vec<u8>,
}

impl Delayed {
    /// What it takes to hold it.
    pub(super) fn bytes(&self) -> usize {
        self.body.len() + self.extension.len()
    }
}

/// The outcomes of a broadcast as they come in.
#[derive(Debug)]
pub(super) struct Collector {
    /// The calls to single nodes; those that have ended may be another's by now.
    pub(super) members: Vec<u32>,
    pub(super) pending: usize,
    pub(super) parts: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) origin: Origin,
    pub(super) flags: Flags,
    /// What was called.
    pub(super) entry: EntryKey,
    /// The session that runs it, or [`NONE`].
    pub(super) callee: u32,
    /// Its place among the calls of that session.
    pub(super) serving_at: u32,
    pub(super) started: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) extra: Option<Box<Extra>>,
}

impl Call {
    pub(super) fn new(now: Instant, origin: Origin, flags: Flags, entry: EntryKey) -> Self {
        let (callee, serving_at) = (NONE, 0);
        Self { origin, flags, entry, callee, serving_at, started: now, deadline: None, extra: None }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(super) fn job(&self) -> Option<JobId> {
        self.extra.as_ref().and_then(|extra| extra.job)
    }

    pub(super) fn delayed(&self) -> Option<&Delayed> {
        self.extra.as_ref().and_then(|extra| extra.delayed.as_ref())
    }

    /// How long it had.
    pub(super) fn timeout(&self) -> Duration {
        self.deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(self.started))
    }
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    call: Option<Call>,
}

/// All calls in flight. A slot's generation goes up each time it is freed, so that a late reply, which still
/// carries the old number, never meets the slot's next user.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
    free: Vec<u32>,
    len: usize,
}

impl Calls {
    pub(super) fn insert(&mut self, call: Call) -> u32 {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize].call = Some(call);
            return slot;
        }
        self.slots.push(Slot { generation: 0, call: Some(call) });
        u32::try_from(self.slots.len() - 1).expect("sessions × calls in flight fits")
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Call> {
        let place = self.slots.get_mut(slot as usize)?;
        let call = place.call.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        self.len -= 1;
        Some(call)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Call> {
        self.slots.get(slot as usize)?.call.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Call> {
        self.slots.get_mut(slot as usize)?.call.as_mut()
    }

    /// The slot of a number, if it still means the call that it meant when it was given out.
    pub(super) fn find(&self, bits: u64) -> Option<u32> {
        let id = CallId::from_bits(bits);
        let place = self.slots.get(id.slot as usize)?;
        (place.generation == id.generation && place.call.is_some()).then_some(id.slot)
    }

    /// The number of the call in a slot, as it travels to its callee.
    pub(super) fn number(&self, slot: u32) -> u64 {
        CallId { slot, generation: self.slots[slot as usize].generation }.to_bits()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Call)> {
        let places = self.slots.iter().enumerate();
        places.filter_map(|(slot, place)| place.call.as_ref().map(|call| (slot as u32, call)))
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}
