//! Latches: a count that goes down to nothing, and those who wait for that.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use crate::api::{Kept, Operation};
use crate::error::DataError;
use crate::hosted::{Hosted, Turn};
use crate::node::Node;

/// A latch, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatchState {
    /// Nothing before it was first counted down.
    left: Option<u64>,
}

#[callback(hosted = "latch")]
impl LatchState {
    /// Counts down by `by`, from `count` if this is the first time, and says what is left.
    ///
    /// # Errors
    /// None at present.
    pub fn count_down(&mut self, turn: &mut Turn<'_>, by: u64, count: u64) -> Result<u64, DataError> {
        let left = self.left.unwrap_or(count).saturating_sub(by);
        turn.tell(&left)?;
        self.left = Some(left);
        Ok(left)
    }

    /// Waits until nothing is left.
    pub fn wait(&self, count: u64) -> Poll<()> {
        if self.left(count) == 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// What is left.
    pub fn left(&self, count: u64) -> u64 {
        self.left.unwrap_or(count)
    }

    /// Closes it again, with so many to count down.
    ///
    /// # Errors
    /// None at present.
    pub fn reset(&mut self, turn: &mut Turn<'_>, count: u64) -> Result<(), DataError> {
        turn.tell(&count)?;
        self.left = Some(count);
        Ok(())
    }
}

impl Hosted for LatchState {
    fn is_vacant(&self) -> bool {
        self.left.is_none()
    }

    fn bytes(&self) -> usize {
        16
    }
}

/// A latch that opens when it has been counted down to nothing, and stays open: "go on when five are ready".
///
/// It counts, and not who counts: what a node has counted down stays so when it leaves.
#[derive(Clone)]
pub struct Latch {
    object: <LatchState as Kept>::Client,
    count: u64,
}

reaches_object!(Latch);

impl Node {
    /// The latch of this name, to be counted down from `count`, which all should say alike: that of the first to count
    /// down is the one. Nothing is sent.
    pub fn latch(&self, name: impl Into<Arc<str>>, count: u64) -> Latch {
        Latch { object: self.object::<LatchState>(name), count }
    }
}

impl Latch {
    /// Its name.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Counts down by one, and says what is left.
    pub fn count_down(&self) -> Operation<u64> {
        self.count_down_by(1)
    }

    /// Counts down by so many, but not below 0, and says what is left.
    pub fn count_down_by(&self, by: u64) -> Operation<u64> {
        self.object.count_down(by, self.count)
    }

    /// Waits until it is open, for ever or for a [`timeout`](Operation::timeout).
    ///
    /// # Errors
    /// [`CallError::TimedOut`](crate::error::CallError::TimedOut) if it was not in time.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub fn opened(&self) -> Operation<()> {
        self.object.wait(self.count)
    }

    /// What is left to be counted down.
    pub fn left(&self) -> Operation<u64> {
        self.object.left(self.count)
    }

    /// Closes it again, with the count of this handle. Those who have not heard yet that it was open go on waiting.
    pub fn reset(&self) -> Operation<()> {
        self.object.reset(self.count)
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("name", &self.name()).field("count", &self.count).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::datatypes::guard::trial::{Account, Event, Trial, events};

    #[test]
    fn a_latch_opens_when_it_was_counted_down_and_stays_open() {
        let mut it = Trial::<LatchState>::new();
        let one = it.open();
        assert!(it.call::<()>(one, "wait", &("it", 3)).is_pending());
        assert!(it.is_absent());
        assert_eq!(it.get::<u64>(one, "count_down", &("it", 2, 3)), 1);
        assert!(it.call::<()>(one, "wait", &("it", 9)).is_pending());

        assert_eq!(it.get::<u64>(one, "count_down", &("it", 7, 3)), 0);

        it.get::<()>(one, "wait", &("it", 9));
        it.get::<()>(one, "reset", &("it", 1));
        assert!(it.call::<()>(one, "wait", &("it", 9)).is_pending());
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        CountDown { session: usize, by: u64, count: u64 },
        Reset { count: u64 },
        Happens(Event),
    }

    fn step() -> impl Strategy<Value = Step> {
        let by = || prop_oneof![9 => 0..4_u64, 1 => Just(u64::MAX)];
        prop_oneof![
            5 => (0..2usize, by(), 0..6_u64).prop_map(|(session, by, count)| Step::CountDown { session, by, count }),
            1 => (0..6_u64).prop_map(|count| Step::Reset { count }),
            3 => events(2).prop_map(Step::Happens),
        ]
    }

    proptest! {
        #[test]
        fn a_latch_is_a_number_that_outlives_whoever_counted_it_down(
            steps in proptest::collection::vec(step(), 0..60),
        ) {
            let mut it = Trial::<LatchState>::new();
            let (mut sessions, mut nothing_held) = ([it.open(), it.open()], Account::<()>::default());
            let mut model = None::<u64>;
            for step in steps {
                match step {
                    Step::CountDown { session, by, count } => {
                        let left = model.unwrap_or(count).saturating_sub(by);
                        prop_assert_eq!(it.get::<u64>(sessions[session], "count_down", &("it", by, count)), left);
                        model = Some(left);
                    }
                    Step::Reset { count } => {
                        it.get::<()>(sessions[0], "reset", &("it", count));
                        model = Some(count);
                    }
                    Step::Happens(event) => it.happens(event, &mut sessions, &mut nothing_held),
                }
                prop_assert_eq!(it.is_absent(), model.is_none());
                for count in [0, 3] {
                    let left = model.unwrap_or(count);
                    prop_assert_eq!(it.get::<u64>(sessions[1], "left", &("it", count)), left);
                    let waits = it.call::<()>(sessions[1], "wait", &("it", count));
                    prop_assert_eq!(waits.is_pending(), left > 0);
                }
            }
        }
    }
}
