//! Whatever clients do at once, there is one order in which it happened: that of the revisions.
//!
//! Each history is checked by sorting it and carrying it out again on a map of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daffi::{Controller, Node, Secret};

const CLIENTS: u64 = 6;
const OPERATIONS: usize = 200;

/// What one client did, and when by a clock that all share: it ticks before and after each operation.
#[derive(Debug)]
struct Done {
    from: u64,
    until: u64,
    revision: u64,
    what: What,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Inc { counter: String, by: i64, sum: i64 },
    Set { counter: String, value: i64, before: i64 },
    Get { counter: String, value: i64 },
    Sizes(BTreeMap<String, i64>),
}

async fn client(node: Node, number: u64, clock: Arc<AtomicU64>) -> Vec<Done> {
    let group = node.counters("linear");
    let mut random = fastrand::Rng::with_seed(number);
    let mut history = Vec::new();
    for _ in 0..OPERATIONS {
        let counter = ["a", "b", "c"][random.usize(..3)].to_owned();
        let from = clock.fetch_add(1, Ordering::SeqCst);
        let (revision, what) = match random.u8(..4) {
            0 => {
                let by = random.i64(-9..10);
                let done = group.inc(&counter, by).versioned().await.unwrap();
                (done.revision, What::Inc { counter, by, sum: done.value })
            }
            1 => {
                let value = random.i64(-99..100);
                let done = group.set(&counter, value).versioned().await.unwrap();
                (done.revision, What::Set { counter, value, before: done.value })
            }
            2 => {
                let done = group.get(&counter).versioned().await.unwrap();
                (done.revision, What::Get { counter, value: done.value })
            }
            _ => {
                let done = group.sizes().versioned().await.unwrap();
                (done.revision, What::Sizes(done.value))
            }
        };
        let until = clock.fetch_add(1, Ordering::SeqCst);
        history.push(Done { from, until, revision, what });
    }
    history
}

/// Carries the history out again in the order of its revisions; reads come after the write that they saw.
fn check(mut history: Vec<Done>) {
    history.sort_by_key(|done| (done.revision, matches!(done.what, What::Get { .. } | What::Sizes(_))));
    let mut counters: BTreeMap<String, i64> = BTreeMap::new();
    let mut last_write = 0;
    for done in &history {
        match &done.what {
            What::Inc { counter, by, sum } => {
                let value = counters.entry(counter.clone()).or_default();
                *value += by;
                assert_eq!(value, sum, "{done:?}");
            }
            What::Set { counter, value, before } => {
                assert_eq!(counters.insert(counter.clone(), *value).unwrap_or_default(), *before, "{done:?}");
            }
            What::Get { counter, value } => {
                assert_eq!(counters.get(counter).copied().unwrap_or_default(), *value, "{done:?}");
                continue;
            }
            What::Sizes(sizes) => {
                assert_eq!(counters, *sizes, "{done:?}");
                continue;
            }
        }
        assert!(done.revision > last_write, "two writes of revision {}", done.revision);
        last_write = done.revision;
    }
    // What was over before another began came first.
    let mut newest_ended: Vec<(u64, u64)> = history.iter().map(|done| (done.until, done.revision)).collect();
    newest_ended.sort_unstable();
    let mut newest = 0;
    for (_, revision) in &mut newest_ended {
        newest = newest.max(*revision);
        *revision = newest;
    }
    for done in &history {
        let ended = newest_ended.partition_point(|(until, _)| *until < done.from);
        let seen = ended.checked_sub(1).map_or(0, |last| newest_ended[last].1);
        assert!(done.revision >= seen, "{done:?} is older than what had ended before it began: {seen}");
    }
}

async fn histories_are_linear(url: &str) {
    let secret = || Secret::new("for the tests, and nobody else").unwrap();
    let controller = Controller::bind(url).secret(secret()).await.unwrap();
    let clock = Arc::new(AtomicU64::new(0));
    let clients = (0..CLIENTS).map(|number| {
        let connect = daffi::connect(&controller.url()).name(format!("client{number}")).secret(secret());
        let clock = Arc::clone(&clock);
        tokio::spawn(async move { client(connect.registry(Vec::new()).await.unwrap(), number, clock).await })
    });
    let mut history = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        history.extend(client.await.unwrap());
    }
    assert_eq!(history.len(), CLIENTS as usize * OPERATIONS);
    check(history);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_over_unix_sockets_are_linear() {
    let directory = tempfile::tempdir().unwrap();
    histories_are_linear(&format!("unix://{}", directory.path().join("controller.sock").display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_over_quic_are_linear() {
    histories_are_linear("quic://localhost:0").await;
}
