//! A hash: values that are set, taken and compared. One entry stays, since without any the hash has no revision.

use std::collections::BTreeMap;

use daffi::{Hash, Node};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::BoxFuture;

#[derive(Debug)]
pub(super) enum Done {
    Stay,
    Replace { key: u8, value: u64, before: Option<u64> },
    Pop { key: u8, value: Option<u64> },
    CompareAndSet { key: u8, expected: Option<u64>, new: Option<u64>, is_done: bool },
    Get { key: u8, value: Option<u64> },
    Items(BTreeMap<u8, u64>),
}

const STAYING: u8 = 255;

pub(super) fn step<'a>(node: &'a Node, random: &'a mut Rng, number: u64) -> BoxFuture<'a, (u64, Done)> {
    async move {
        let hash: Hash<u8, u64> = node.hash("linear");
        // Few values, so that some are as expected.
        let (key, value) = (random.u8(..3), number % 5);
        match random.u8(..8) {
            0 => {
                let done = hash.set(STAYING, 0).versioned().await.unwrap();
                (done.revision, Done::Stay)
            }
            _ if !hash.exists(STAYING).await.unwrap() => {
                let done = hash.set(STAYING, 0).versioned().await.unwrap();
                (done.revision, Done::Stay)
            }
            1 | 2 => {
                let done = hash.replace(key, value).versioned().await.unwrap();
                (done.revision, Done::Replace { key, value, before: done.value })
            }
            3 => {
                let done = hash.pop(key).versioned().await.unwrap();
                (done.revision, Done::Pop { key, value: done.value })
            }
            4 | 5 => {
                let expected = random.bool().then(|| random.u64(..5));
                let new = random.bool().then_some(value);
                let done = hash.compare_and_set(key, expected.as_ref(), new.as_ref()).versioned();
                let done = done.await.unwrap();
                (done.revision, Done::CompareAndSet { key, expected, new, is_done: done.value })
            }
            6 => {
                let done = hash.get(key).versioned().await.unwrap();
                (done.revision, Done::Get { key, value: done.value })
            }
            _ => {
                let done = hash.items().versioned().await.unwrap();
                (done.revision, Done::Items(done.value))
            }
        }
    }
    .boxed()
}

impl super::Done for Done {
    type Model = BTreeMap<u8, u64>;

    fn is_read(&self) -> bool {
        matches!(self, Self::Get { .. } | Self::Items(_))
    }

    fn repeat(&self, hash: &mut BTreeMap<u8, u64>) {
        match self {
            Self::Stay => {
                hash.insert(STAYING, 0);
            }
            Self::Replace { key, value, before } => {
                assert_eq!(hash.insert(*key, *value), *before, "{self:?}")
            }
            Self::Pop { key, value } => assert_eq!(hash.remove(key), *value, "{self:?}"),
            Self::CompareAndSet { key, expected, new, is_done } => {
                assert_eq!(hash.get(key) == expected.as_ref(), *is_done, "{self:?}");
                match new {
                    _ if !is_done => {}
                    Some(new) => drop(hash.insert(*key, *new)),
                    None => drop(hash.remove(key)),
                }
            }
            Self::Get { key, value } => assert_eq!(hash.get(key), value.as_ref(), "{self:?}"),
            Self::Items(items) => assert_eq!(hash, items, "{self:?}"),
        }
    }
}
