//! The global counter: as globalCounter's topics.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use daffi_macros::callback;
use serde::{Deserialize, Serialize};

use crate::api::{Kept, Operation};
use crate::error::DataError;
use crate::hosted::{Hosted, Turn};
use crate::node::Node;

/// A topic of the global counter, as the controller keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicState {
    /// 0 is a topic that was neither counted nor reset.
    epoch: u64,
    sum: u64,
}

/// A number of a [`GlobalCounter`], and since when it counts. Each is given once, and later ones are greater, also after
/// the topic was reset, or destroyed and made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Goes up when the topic is reset.
    pub epoch: u64,
    /// The count: 1, 2, 3 … in each epoch.
    pub n: u64,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.n)
    }
}

/// What [`GlobalCounter::reset`] ended and began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reset {
    /// The last number of the epoch that has ended; 0 if there was none.
    pub last: u64,
    /// The epoch that has begun.
    pub epoch: u64,
}

/// How a topic changed: what its watchers hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TopicChange {
    /// It was counted up to this.
    Counted(Stamp),
    /// It was reset.
    Reset(Reset),
}

#[callback(hosted = "topic")]
impl TopicState {
    /// Adds 1, and returns the new sum: the first is 1.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the sum does not fit 64 bits.
    pub fn count(&mut self, turn: &mut Turn<'_>) -> Result<Stamp, DataError> {
        self.raise(turn, 1)
    }

    /// Adds `n`, and returns the new sum: the numbers up to it are the caller's.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the sum does not fit 64 bits, [`DataError::Invalid`] if `n` is 0.
    pub fn add(&mut self, turn: &mut Turn<'_>, n: u64) -> Result<Stamp, DataError> {
        match n {
            0 => Err(DataError::invalid("adding 0 counts nothing: use `peek`")),
            n => self.raise(turn, n),
        }
    }

    /// The sum, which stays as it is; 0 if nothing was counted.
    pub fn peek(&self) -> Stamp {
        Stamp { epoch: self.epoch, n: self.sum }
    }

    /// Sets the sum to 0 and begins an epoch, also of a topic that is not there.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if no epoch is left.
    pub fn reset(&mut self, turn: &mut Turn<'_>) -> Result<Reset, DataError> {
        let reset = Reset { last: self.sum, epoch: self.next_epoch(turn)? };
        turn.tell(&TopicChange::Reset(reset))?;
        (self.epoch, self.sum) = (reset.epoch, 0);
        Ok(reset)
    }
}

impl TopicState {
    fn raise(&mut self, turn: &mut Turn<'_>, by: u64) -> Result<Stamp, DataError> {
        let n = self.sum.checked_add(by).ok_or_else(|| DataError::WrongValue {
            expected: "a sum of 64 bits".into(),
            found: format!("{} and {by} more", self.sum),
        })?;
        let epoch = if self.epoch == 0 { self.next_epoch(turn)? } else { self.epoch };
        let stamp = Stamp { epoch, n };
        turn.tell(&TopicChange::Counted(stamp))?;
        (self.epoch, self.sum) = (epoch, n);
        Ok(stamp)
    }

    /// Revisions never go back, so a topic that was destroyed and is counted anew has a later epoch too. One that was
    /// imported may come from a store with higher ones.
    fn next_epoch(&self, turn: &Turn<'_>) -> Result<u64, DataError> {
        let after = self.epoch.checked_add(1).ok_or_else(|| DataError::WrongValue {
            expected: "an epoch of 64 bits".into(),
            found: format!("one after {}", self.epoch),
        })?;
        Ok(after.max(turn.revision()))
    }
}

impl Hosted for TopicState {
    fn is_vacant(&self) -> bool {
        self.epoch == 0
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// A counter that numbers what happens anywhere in the mesh: each number is given once, and none is left out. Made by
/// [`Node::counter`].
///
/// globalCounter's topics, as 64 bits instead of 8. Their list is [`Node::objects`] of the kind `topic`; its own protocol
/// over UDP and TCP is spoken at a [`Bind::globalcounter`](crate::controller::Bind::globalcounter).
#[derive(Debug, Clone)]
pub struct GlobalCounter {
    object: <TopicState as Kept>::Client,
}

reaches_object!(GlobalCounter);

impl Node {
    /// The topic of this name of the global counter. Nothing is sent. For named numbers that go up and down there are
    /// [`counters`](Self::counters).
    pub fn counter(&self, topic: impl Into<Arc<str>>) -> GlobalCounter {
        GlobalCounter { object: self.object::<TopicState>(topic) }
    }

    /// As [`counter`](Self::counter), by globalCounter's own word for it.
    pub fn topic(&self, name: impl Into<Arc<str>>) -> GlobalCounter {
        self.counter(name)
    }
}

impl GlobalCounter {
    /// The topic.
    pub fn name(&self) -> &str {
        self.object.name()
    }

    /// Adds 1, and returns the new sum: the first is 1, and no other call ever gets the same number of one epoch.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] after `u64::MAX`; the sum stays there.
    pub fn count(&self) -> Operation<u64> {
        self.stamp().map(|stamp| stamp.n)
    }

    /// As [`count`](Self::count), with the epoch: stamps order what happened also over a reset.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub fn stamp(&self) -> Operation<Stamp> {
        self.object.count()
    }

    /// Adds `n`, and returns the new sum: it and the `n - 1` numbers before it are the caller's.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if the sum does not fit 64 bits, [`DataError::Invalid`] if `n` is 0.
    pub fn add(&self, n: u64) -> Operation<u64> {
        self.object.add(n).map(|stamp| stamp.n)
    }

    /// The sum, which stays as it is; 0 if nothing was counted.
    pub fn peek(&self) -> Operation<u64> {
        self.peek_stamp().map(|stamp| stamp.n)
    }

    /// The last stamp; 0 of epoch 0 if the topic is not there.
    pub fn peek_stamp(&self) -> Operation<Stamp> {
        self.object.peek()
    }

    /// Sets the sum to 0, so that the next count is 1 of a new epoch.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if no epoch is left, as only of a topic that was imported.
    pub fn reset(&self) -> Operation<Reset> {
        self.object.reset()
    }
}

/// The node that `#[count]` counts by.
fn counting_node() -> Result<Node, DataError> {
    Node::current().ok_or(DataError::NoNode)
}

async fn count_one(topic: &'static str) -> Result<u64, DataError> {
    counting_node()?.counter(topic).count().await
}

/// What `#[count]` makes of a function that cannot fail.
#[doc(hidden)]
pub async fn counted<T>(topic: &'static str, run: impl Future<Output = T>) -> Result<(u64, T), DataError> {
    let value = run.await;
    Ok((count_one(topic).await?, value))
}

/// The same, counted before it runs.
#[doc(hidden)]
pub async fn counted_before<T>(
    topic: &'static str,
    run: impl Future<Output = T>,
) -> Result<(u64, T), DataError> {
    let n = count_one(topic).await?;
    Ok((n, run.await))
}

/// Errors of functions under `#[count]`: counting may fail too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that counting failed",
    label = "needs `From<daffi::DataError>`",
    note = "`daffi::Error` has it, and so do `Box<dyn std::error::Error + Send + Sync>` and `anyhow::Error`"
)]
#[doc(hidden)]
pub trait CountingFails: From<DataError> {}

#[diagnostic::do_not_recommend]
impl<E: From<DataError>> CountingFails for E {}

/// What `#[count]` makes of a function that may fail: what failed is not counted.
#[doc(hidden)]
pub async fn try_counted<T, E: CountingFails>(
    topic: &'static str,
    run: impl Future<Output = Result<T, E>>,
) -> Result<(u64, T), E> {
    let value = run.await?;
    Ok((count_one(topic).await?, value))
}

/// The same, counted before it runs, whether it fails or not.
#[doc(hidden)]
pub async fn try_counted_before<T, E: CountingFails>(
    topic: &'static str,
    run: impl Future<Output = Result<T, E>>,
) -> Result<(u64, T), E> {
    let n = count_one(topic).await?;
    Ok((n, run.await?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::datatypes::model::Bench;

    #[derive(Debug, Clone)]
    enum Step {
        Count(u8),
        Add(u8, u64),
        Reset(u8),
        Destroy(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let topic = 0..3_u8;
        prop_oneof![
            6 => topic.clone().prop_map(Step::Count),
            2 => (topic.clone(), prop_oneof![0..5_u64, u64::MAX - 3..=u64::MAX])
                .prop_map(|(topic, n)| Step::Add(topic, n)),
            1 => topic.clone().prop_map(Step::Reset),
            1 => topic.prop_map(Step::Destroy),
        ]
    }

    proptest! {
        #[test]
        fn a_topic_is_a_sum_whose_stamps_only_grow(steps in proptest::collection::vec(step(), 0..60)) {
            let (mut bench, mut sums, mut last) = (Bench::of::<TopicState>(), [0_u64; 3], [Stamp::default(); 3]);
            for step in steps {
                let (topic, by) = match step {
                    Step::Count(topic) => (topic, 1),
                    Step::Add(topic, n) => (topic, n),
                    Step::Reset(topic) => {
                        let reset: Reset = bench.call("reset", &(format!("t{topic}"),)).unwrap();
                        prop_assert_eq!(reset.last, sums[usize::from(topic)]);
                        prop_assert!(reset.epoch > last[usize::from(topic)].epoch);
                        sums[usize::from(topic)] = 0;
                        continue;
                    }
                    Step::Destroy(topic) => {
                        bench.destroy(&format!("t{topic}"));
                        sums[usize::from(topic)] = 0;
                        continue;
                    }
                };
                let (name, at) = (format!("t{topic}"), usize::from(topic));
                let added: Result<Stamp, DataError> = match step {
                    Step::Count(_) => bench.call("count", &(&name,)),
                    _ => bench.call("add", &(&name, by)),
                };
                match sums[at].checked_add(by).filter(|_| by > 0) {
                    Some(sum) => {
                        let stamp = added.unwrap();
                        prop_assert!(stamp.n == sum && stamp > last[at], "{} after {}", stamp, last[at]);
                        (sums[at], last[at]) = (sum, stamp);
                    }
                    None => {
                        let is_refused = matches!(
                            added,
                            Err(DataError::WrongValue { .. } | DataError::Invalid { .. })
                        );
                        prop_assert!(is_refused, "{added:?}");
                    }
                }
            }
        }
    }
}
