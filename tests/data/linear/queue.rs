//! A queue: each value is another one, and comes out in the place in which it went in. A setting that changes nothing here is
//! made, since an empty queue without any has no revision.

use std::collections::VecDeque;

use daffi::Node;
use daffi::datatypes::{Queue, QueueSettings};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::BoxFuture;

#[derive(Debug)]
pub(super) enum Done {
    Configure,
    Extend(Vec<u64>),
    Unpop(u64),
    Pop(Option<u64>),
    PopBatch(u64, Vec<u64>),
    Peek(Option<u64>),
    Content(Vec<u64>),
}

pub(super) fn step<'a>(node: &'a Node, random: &'a mut Rng, number: u64) -> BoxFuture<'a, (u64, Done)> {
    async move {
        let queue: Queue<u64> = node.queue("linear");
        let settings = QueueSettings::default().deliveries(1_000);
        match random.u8(..10) {
            _ if queue.settings().await.unwrap() != settings => {
                let done = queue.configure(settings).versioned().await.unwrap();
                (done.revision, Done::Configure)
            }
            0..3 => {
                let values: Vec<u64> = (0..random.u64(1..4)).map(|at| 10 * number + at).collect();
                let done = queue.extend(values.clone()).versioned().await.unwrap();
                (done.revision, Done::Extend(values))
            }
            3 => {
                let done = queue.unpop([10 * number]).versioned().await.unwrap();
                (done.revision, Done::Unpop(10 * number))
            }
            4..7 => {
                let done = queue.pop().versioned().await.unwrap();
                (done.revision, Done::Pop(done.value))
            }
            7 => {
                let most = random.u64(1..4);
                let done = queue.pop_batch(most).versioned().await.unwrap();
                (done.revision, Done::PopBatch(most, done.value))
            }
            8 => {
                let done = queue.peek().versioned().await.unwrap();
                (done.revision, Done::Peek(done.value))
            }
            _ => {
                let done = queue.content().versioned().await.unwrap();
                (done.revision, Done::Content(done.value))
            }
        }
    }
    .boxed()
}

impl super::Done for Done {
    type Model = VecDeque<u64>;

    fn is_read(&self) -> bool {
        matches!(self, Self::Peek(_) | Self::Content(_))
    }

    fn repeat(&self, queue: &mut VecDeque<u64>) {
        match self {
            Self::Configure => {}
            Self::Extend(values) => queue.extend(values),
            Self::Unpop(value) => queue.push_front(*value),
            Self::Pop(value) => assert_eq!(queue.pop_front(), *value, "{self:?}"),
            Self::PopBatch(most, values) => {
                let popped: Vec<u64> = (0..*most).map_while(|_| queue.pop_front()).collect();
                assert_eq!(popped, *values, "{self:?}");
            }
            Self::Peek(value) => assert_eq!(queue.front(), value.as_ref(), "{self:?}"),
            Self::Content(values) => assert_eq!(queue, values, "{self:?}"),
        }
    }
}
