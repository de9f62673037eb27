//! The bounds of single callbacks: who of one callback's calls may wait for room, and who waits for those first.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use rustc_hash::FxHashMap;

use super::{Key, Lane, Waiting};
use crate::config;

/// The bound of one callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// The number that calls of it carry.
    pub(crate) callback: u32,
    /// How many of them run at a time.
    pub(crate) calls: NonZeroU32,
}

/// One callback's calls. It is there as long as one of them runs or has nothing but room to wait for.
#[derive(Debug)]
struct Gate<J> {
    lane: Lane,
    /// Calls that run, or wait for room.
    entered: u32,
    /// Calls that wait for one of these to end.
    waiting: VecDeque<Waiting<J>>,
    /// Of these, the ones that want a reply, and that do not.
    queued: [usize; 2],
}

/// The callbacks with a bound of their own that have calls. Those without one cost nothing here.
#[derive(Debug)]
pub(super) struct Gates<J> {
    gates: FxHashMap<u32, Gate<J>>,
}

impl<J> Default for Gates<J> {
    fn default() -> Self {
        Self { gates: FxHashMap::default() }
    }
}

impl<J> Gates<J> {
    /// Whether a call may enter.
    pub(super) fn is_open(&self, limit: Limit) -> bool {
        self.gates.get(&limit.callback).is_none_or(|gate| gate.entered < limit.calls.get())
    }

    /// A call enters, which a bound allows if there is one.
    pub(super) fn enter(&mut self, limit: Option<Limit>, lane: Lane) {
        let Some(limit) = limit else { return };
        let gate = self.gates.entry(limit.callback).or_insert_with(|| Gate {
            lane,
            entered: 0,
            waiting: VecDeque::new(),
            queued: [0, 0],
        });
        gate.entered += 1;
    }

    /// A call waits to enter.
    ///
    /// # Errors
    /// Its job, and why there is no room for it.
    pub(super) fn wait(&mut self, waiting: Waiting<J>) -> Result<(), (J, String)> {
        let Waiting { key, limit, .. } = waiting;
        let gate = limit.and_then(|limit| self.gates.get_mut(&limit.callback));
        let gate = gate.expect("only a bound that was reached has calls wait");
        let (most, what) = if key.is_one_way {
            (config::ONE_WAY_QUEUED_PER_CALLBACK_MAX, "one-way calls")
        } else {
            (config::CALLS_QUEUED_PER_CALLBACK_MAX, "calls")
        };
        let queued = &mut gate.queued[usize::from(key.is_one_way)];
        if *queued >= most {
            return Err((waiting.job, format!("{queued} {what} of this callback wait there already")));
        }
        *queued += 1;
        gate.waiting.push_back(waiting);
        Ok(())
    }

    /// A call that had entered is over. The next enters, and waits for room.
    pub(super) fn leave(&mut self, limit: Limit) -> Option<(Lane, Waiting<J>)> {
        let gate = self.gates.get_mut(&limit.callback).expect("whoever leaves had entered");
        let Some(next) = gate.waiting.pop_front() else {
            gate.entered -= 1;
            if gate.entered == 0 {
                self.gates.remove(&limit.callback);
            }
            return None;
        };
        gate.queued[usize::from(next.key.is_one_way)] -= 1;
        Some((gate.lane, next))
    }

    /// Takes out one call that waits to enter.
    pub(super) fn remove(&mut self, key: Key) -> Option<J> {
        self.gates.values_mut().find_map(|gate| {
            let at = gate.waiting.iter().position(|waiting| waiting.key == key)?;
            gate.queued[usize::from(key.is_one_way)] -= 1;
            gate.waiting.remove(at).map(|waiting| waiting.job)
        })
    }

    /// Takes out those that wait to enter and are wanted.
    pub(super) fn take(&mut self, is_wanted: impl Fn(Lane, &Key) -> bool) -> Vec<Waiting<J>> {
        let mut taken = Vec::new();
        for gate in self.gates.values_mut() {
            for waiting in std::mem::take(&mut gate.waiting) {
                if is_wanted(gate.lane, &waiting.key) {
                    gate.queued[usize::from(waiting.key.is_one_way)] -= 1;
                    taken.push(waiting);
                } else {
                    gate.waiting.push_back(waiting);
                }
            }
        }
        taken
    }
}
