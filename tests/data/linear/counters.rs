//! Counters: each write says what came of it.

use std::collections::BTreeMap;

use daffi::Node;
use fastrand::Rng;
use futures::FutureExt;
use futures::future::BoxFuture;

#[derive(Debug)]
pub(super) enum Done {
    Inc { counter: &'static str, by: i64, sum: i64 },
    Set { counter: &'static str, value: i64, before: i64 },
    Get { counter: &'static str, value: i64 },
    Sizes(BTreeMap<String, i64>),
}

pub(super) fn step<'a>(node: &'a Node, random: &'a mut Rng, _: u64) -> BoxFuture<'a, (u64, Done)> {
    async {
        let group = node.counters("linear");
        let counter = ["a", "b", "c"][random.usize(..3)];
        match random.u8(..4) {
            0 => {
                let by = random.i64(-9..10);
                let done = group.inc(counter, by).versioned().await.unwrap();
                (done.revision, Done::Inc { counter, by, sum: done.value })
            }
            1 => {
                let value = random.i64(-99..100);
                let done = group.set(counter, value).versioned().await.unwrap();
                (done.revision, Done::Set { counter, value, before: done.value })
            }
            2 => {
                let done = group.get(counter).versioned().await.unwrap();
                (done.revision, Done::Get { counter, value: done.value })
            }
            _ => {
                let done = group.sizes().versioned().await.unwrap();
                (done.revision, Done::Sizes(done.value))
            }
        }
    }
    .boxed()
}

impl super::Done for Done {
    type Model = BTreeMap<String, i64>;

    fn is_read(&self) -> bool {
        matches!(self, Self::Get { .. } | Self::Sizes(_))
    }

    fn repeat(&self, counters: &mut BTreeMap<String, i64>) {
        match self {
            Self::Inc { counter, by, sum } => {
                let value = counters.entry((*counter).to_owned()).or_default();
                *value += by;
                assert_eq!(value, sum, "{self:?}");
            }
            Self::Set { counter, value, before } => {
                let was = counters.insert((*counter).to_owned(), *value).unwrap_or_default();
                assert_eq!(was, *before, "{self:?}");
            }
            Self::Get { counter, value } => {
                assert_eq!(counters.get(*counter).copied().unwrap_or_default(), *value, "{self:?}");
            }
            Self::Sizes(sizes) => assert_eq!(counters, sizes, "{self:?}"),
        }
    }
}
