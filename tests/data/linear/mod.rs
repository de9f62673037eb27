//! Whatever clients do at once, there is one order in which it happened: that of the revisions.
//!
//! Each history is checked by sorting it and carrying it out again on a model of its own.

mod counters;
mod hash;
mod queue;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daffi::{Controller, Node, Secret};
use fastrand::Rng;
use futures::future::BoxFuture;

const CLIENTS: u64 = 6;
const OPERATIONS: usize = 200;

/// An operation and what came of it.
trait Done: Debug + Send + 'static {
    /// What it can be carried out on again.
    type Model: Default;

    fn is_read(&self) -> bool;

    /// Carries it out again, and sees that the same comes of it.
    fn repeat(&self, model: &mut Self::Model);
}

/// Something that a client does, with the revision that it was told. The number is another one each time.
type Step<D> = for<'a> fn(&'a Node, &'a mut Rng, u64) -> BoxFuture<'a, (u64, D)>;

/// What one client did, and when by a clock that all share: it ticks before and after each operation.
#[derive(Debug)]
struct Entry<D> {
    from: u64,
    until: u64,
    revision: u64,
    done: D,
}

async fn client<D: Done>(node: Node, number: u64, clock: Arc<AtomicU64>, step: Step<D>) -> Vec<Entry<D>> {
    let mut random = Rng::with_seed(number);
    let mut history = Vec::new();
    for _ in 0..OPERATIONS {
        let from = clock.fetch_add(1, Ordering::SeqCst);
        let (revision, done) = step(&node, &mut random, from).await;
        let until = clock.fetch_add(1, Ordering::SeqCst);
        history.push(Entry { from, until, revision, done });
    }
    history
}

/// Carries the history out again in the order of its revisions; reads come after the write that they saw.
fn check<D: Done>(mut history: Vec<Entry<D>>) {
    history.sort_by_key(|entry| (entry.revision, entry.done.is_read()));
    let (mut model, mut last_write) = (D::Model::default(), 0);
    for entry in &history {
        entry.done.repeat(&mut model);
        if !entry.done.is_read() {
            assert!(entry.revision > last_write, "two writes of revision {}", entry.revision);
            last_write = entry.revision;
        }
    }
    // What was over before another began came first.
    let mut newest_ended: Vec<(u64, u64)> =
        history.iter().map(|entry| (entry.until, entry.revision)).collect();
    newest_ended.sort_unstable();
    let mut newest = 0;
    for (_, revision) in &mut newest_ended {
        newest = newest.max(*revision);
        *revision = newest;
    }
    for entry in &history {
        let ended = newest_ended.partition_point(|(until, _)| *until < entry.from);
        let seen = ended.checked_sub(1).map_or(0, |last| newest_ended[last].1);
        assert!(entry.revision >= seen, "{entry:?} is older than what had ended before it began: {seen}");
    }
}

async fn is_linear<D: Done>(url: &str, step: Step<D>) {
    let secret = || Secret::new("for the tests, and nobody else").unwrap();
    let controller = Controller::bind(url).secret(secret()).await.unwrap();
    let clock = Arc::new(AtomicU64::new(0));
    let clients = (0..CLIENTS).map(|number| {
        let connect = daffi::connect(&controller.url()).name(format!("client{number}")).secret(secret());
        let clock = Arc::clone(&clock);
        tokio::spawn(
            async move { client(connect.registry(Vec::new()).await.unwrap(), number, clock, step).await },
        )
    });
    let mut history = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        history.extend(client.await.unwrap());
    }
    assert_eq!(history.len(), CLIENTS as usize * OPERATIONS);
    check(history);
}

async fn is_linear_over_a_unix_socket<D: Done>(step: Step<D>) {
    let directory = tempfile::tempdir().unwrap();
    is_linear(&format!("unix://{}", directory.path().join("controller.sock").display()), step).await;
}

async fn is_linear_over_quic<D: Done>(step: Step<D>) {
    is_linear("quic://localhost:0", step).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_counters_over_unix_sockets_are_linear() {
    is_linear_over_a_unix_socket(counters::step).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_counters_over_quic_are_linear() {
    is_linear_over_quic(counters::step).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_hash_over_unix_sockets_are_linear() {
    is_linear_over_a_unix_socket(hash::step).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_hash_over_quic_are_linear() {
    is_linear_over_quic(hash::step).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_queue_over_unix_sockets_are_linear() {
    is_linear_over_a_unix_socket(queue::step).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_queue_over_quic_are_linear() {
    is_linear_over_quic(queue::step).await;
}
