//! Caches.

use std::collections::BTreeMap;
use std::future::{IntoFuture, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daffi::hosted::{Key, Value};
use daffi::prelude::*;
use daffi::{Cache, DataError, secs};
use daffi_core::testing::Mesh;
use futures::future::join_all;
use serde::Serialize;
use tokio::sync::Notify;

/// A computation that is counted, and takes a second.
async fn counted(runs: &AtomicU64, value: u64) -> u64 {
    runs.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(secs(1)).await;
    value
}

async fn cache(mesh: &Mesh, node: &str) -> Cache<String, u64> {
    mesh.node(node).await.unwrap().cache("c")
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_on_ten_nodes_compute_once() {
    let mesh = Mesh::new().await.unwrap();
    let runs = AtomicU64::new(0);
    let mut caches = Vec::new();
    for number in 0..10 {
        caches.push(cache(&mesh, &format!("n{number}")).await);
    }

    let calls = (0..1_000).map(|at: usize| {
        let cache = &caches[at % 10];
        cache.get_or_compute("key", || counted(&runs, 7))
    });
    let values: Result<Vec<u64>, DataError> = join_all(calls).await.into_iter().collect();

    assert_eq!(values.unwrap(), [7; 1_000]);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    let info = caches[3].info().await.unwrap();
    assert_eq!((info.hits, info.misses, info.size, info.computing), (999, 1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn one_key_does_not_wait_for_another() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (cache(&mesh, "a").await, cache(&mesh, "b").await);
    let mut slow = Box::pin(a.get_or_compute("slow", pending));
    assert!(futures::poll!(&mut slow).is_pending());
    mesh.settled().await;
    let mut waits = Box::pin(b.get_or_compute("slow", || async { 2 }));
    assert!(futures::poll!(&mut waits).is_pending());
    mesh.settled().await;

    assert_eq!(b.get_or_compute("fast", || async { 1 }).await.unwrap(), 1);

    drop(slow);
    assert_eq!(waits.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_while_it_computes_frees_the_next_that_waits() {
    let mesh = Mesh::new().local().await.unwrap();
    let (dying, other) = (cache(&mesh, "dying").await, cache(&mesh, "other").await);
    let lost = tokio::spawn(async move { dying.get_or_compute("key", pending).await });
    mesh.settled().await;
    let waiting = tokio::spawn({
        let other = other.clone();
        async move { other.get_or_compute("key", || async { 2 }).await }
    });
    mesh.settled().await;
    assert_eq!(other.info().await.unwrap().computing, 1);

    mesh.kill("dying");

    assert_eq!(waiting.await.unwrap().unwrap(), 2);
    assert_eq!(other.info().await.unwrap().misses, 2);
    lost.abort();
}

#[tokio::test(start_paused = true)]
async fn a_computation_goes_on_beyond_its_lease_unless_its_node_hangs() {
    let mesh = Mesh::new().local().await.unwrap();
    let (slow, other) = (cache(&mesh, "slow").await, cache(&mesh, "other").await);
    let lost = tokio::spawn(async move { slow.get_or_compute("key", pending).await });
    mesh.settled().await;
    let mut waiting = tokio::spawn({
        let other = other.clone();
        async move { other.get_or_compute("key", || async { 2 }).await }
    });
    mesh.advance(daffi::config::FLIGHT_LEASE * 4).await;
    assert!(futures::poll!(&mut waiting).is_pending());

    mesh.freeze("slow");
    mesh.advance(daffi::config::FLIGHT_LEASE * 2).await;

    assert_eq!(waiting.await.unwrap().unwrap(), 2);
    lost.abort();
}

#[tokio::test(start_paused = true)]
async fn an_error_is_its_callers_alone_and_the_next_that_waits_computes() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (cache(&mesh, "a").await, cache(&mesh, "b").await);
    let fail = Arc::new(Notify::new());
    let failing = tokio::spawn({
        let fail = Arc::clone(&fail);
        async move {
            let wrong = || async {
                fail.notified().await;
                Err::<u64, _>(DataError::NoNode)
            };
            a.try_get_or_compute("key", wrong).await
        }
    });
    mesh.settled().await;
    let right = async move { b.get_or_compute("key", || async { 2 }).await.map(|value| (b, value)) };
    let waiting = tokio::spawn(right);
    mesh.settled().await;
    fail.notify_one();

    assert_eq!(failing.await.unwrap(), Err(DataError::NoNode));
    let (b, value) = waiting.await.unwrap().unwrap();
    assert_eq!((value, b.get("key").await.unwrap()), (2, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_while_it_is_computed_is_not_kept() {
    let mesh = Mesh::new().await.unwrap();
    let cache = cache(&mesh, "a").await;
    for way in 0..3 {
        let (begun, go_on) = (Notify::new(), Notify::new());
        let computed = cache.get_or_compute("key", || async {
            begun.notify_one();
            go_on.notified().await;
            1
        });
        let meanwhile = async {
            begun.notified().await;
            match way {
                0 => assert!(!cache.forget("key").await.unwrap()),
                1 => assert_eq!(cache.clear().await.unwrap(), 0),
                _ => cache.insert("key", 2).await.unwrap(),
            }
            go_on.notify_one();
        };

        assert_eq!(futures::join!(computed, meanwhile).0.unwrap(), 1);

        assert_eq!(cache.get("key").await.unwrap(), (way == 2).then_some(2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_stays_for_its_time_which_begins_anew_with_each_hit_if_it_slides() {
    let mesh = Mesh::new().await.unwrap();
    let (fixed, sliding) = (cache(&mesh, "a").await.ttl(secs(10)), cache(&mesh, "b").await);
    let sliding = sliding.ttl(secs(10)).sliding();
    let found = async |cache: &Cache<String, u64>, key: &str| {
        let computed = AtomicU64::new(0);
        cache.get_or_compute(key, || async { computed.fetch_add(1, Ordering::Relaxed) }).await.unwrap();
        computed.into_inner() == 0
    };
    assert!(!found(&fixed, "fixed").await && !found(&sliding, "sliding").await);
    mesh.advance(secs(6)).await;
    assert!(found(&fixed, "fixed").await && found(&sliding, "sliding").await);
    mesh.advance(secs(6)).await;

    assert!(!found(&fixed, "fixed").await);
    assert!(found(&sliding, "sliding").await);
    mesh.advance(secs(11)).await;
    assert!(!found(&sliding, "sliding").await);
    let error = fixed.ttl(secs(0)).insert("key", 1).await.unwrap_err();
    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_has_counted_goes_in_its_time_whatever_became_of_its_values() {
    let mesh = Mesh::new().await.unwrap();
    let cache = cache(&mesh, "a").await.ttl(secs(10));
    for way in ["forgotten", "expired"] {
        assert_eq!(cache.get_or_compute("key", || async { 1 }).await.unwrap(), 1);
        assert!(cache.object().expire_after(Some(secs(60))).await.unwrap());
        if way == "forgotten" {
            assert!(cache.forget("key").await.unwrap());
        }
        mesh.advance(secs(30)).await;
        let info = cache.info().await.unwrap();
        assert_eq!((info.misses, info.size), (1, 0), "{way}");

        mesh.advance(secs(31)).await;

        assert_eq!(cache.info().await.unwrap().misses, 0, "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_are_stored_listed_and_forgotten_and_a_wrong_type_is_told() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("a").await.unwrap();
    let cache = node.cache::<String, Option<u64>>("c");
    cache.insert("a", None).await.unwrap();
    cache.insert("b", Some(2)).await.unwrap();

    // Nothing is something that can be kept.
    assert_eq!(cache.get("a").await.unwrap(), Some(None));
    assert_eq!(cache.get_or_compute("b", || async { None }).await.unwrap(), Some(2));
    let all: Vec<_> = cache.iter().try_collect().await.unwrap();
    assert_eq!(all, [("a".to_owned(), None), ("b".to_owned(), Some(2))]);
    assert!(cache.forget("a").await.unwrap());
    assert!(!cache.forget("a").await.unwrap());
    let other = node.cache::<String, String>("c").get_or_compute("b", || async { String::new() }).await;
    assert!(matches!(other, Err(DataError::WrongValue { .. })), "{other:?}");
    let nan = node.cache::<f64, u64>("c").get_or_compute(f64::NAN, || async { 1 }).await;
    assert!(matches!(nan, Err(DataError::Invalid { .. })), "{nan:?}");
}

#[tokio::test(start_paused = true)]
async fn hits_of_all_nodes_are_counted() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (cache(&mesh, "a").await, cache(&mesh, "b").await);
    a.insert("key", 1).await.unwrap();
    for _ in 0..daffi::config::CACHE_HITS_UNTOLD_MAX + 3 {
        a.get_or_compute("key", || async { 2 }).await.unwrap();
    }
    mesh.settled().await;

    assert_eq!(a.info().await.unwrap().hits, daffi::config::CACHE_HITS_UNTOLD_MAX + 3);
    assert_eq!(b.info().await.unwrap().hits, daffi::config::CACHE_HITS_UNTOLD_MAX);
}

#[tokio::test(start_paused = true)]
async fn hits_of_a_handle_are_counted_when_its_last_clone_is_dropped() {
    let mesh = Mesh::new().await.unwrap();
    let (node, other) = (mesh.node("a").await.unwrap(), cache(&mesh, "b").await);
    other.insert("key", 1).await.unwrap();
    let handle = node.cache::<String, u64>("c");
    for handle in [handle.clone(), node.cache("c")] {
        assert_eq!(handle.get_or_compute("key", || async { 2 }).await.unwrap(), 1);
    }
    mesh.settled().await;
    assert_eq!(other.info().await.unwrap().hits, 1);

    drop(handle);

    mesh.settled().await;
    assert_eq!(other.info().await.unwrap().hits, 2);
}

static RUNS: AtomicU64 = AtomicU64::new(0);

#[cached(key = "slow-squares")]
#[callback(name = "slow_square")]
async fn slow_square(n: i64) -> i64 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(secs(1)).await;
    n * n
}

#[tokio::test(start_paused = true)]
async fn a_cached_callback_on_many_nodes_runs_once_for_each_argument() {
    let mesh = Mesh::new().await.unwrap();
    let caller = mesh.node("caller").registry(Vec::new()).await.unwrap();
    let mut workers = Vec::new();
    for number in 0..10 {
        let worker = mesh.node(&format!("n{number}")).registry(callbacks![slow_square]);
        workers.push(worker.await.unwrap());
    }
    let calls = (0..1_000).map(|at| {
        let call = slow_square::call(&caller, if at < 990 { -1 } else { -2 });
        call.on(format!("n{}", at % 10).as_str()).into_future()
    });

    let squares: Result<Vec<i64>, _> = join_all(calls).await.into_iter().collect();

    // Python's `hash(-1) == hash(-2)`, so that Pottery's cache takes one for the other.
    let squares = squares.unwrap();
    assert!(squares[..990].iter().all(|square| *square == 1));
    assert!(squares[990..].iter().all(|square| *square == 4));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
}

/// A cache that says that a key is computed by nobody who could be asked to let it go.
#[derive(Serialize)]
struct Forged {
    entries: Vec<()>,
    flights: ForgedFlights,
    hits: u64,
    misses: u64,
}

#[derive(Serialize)]
struct ForgedFlights {
    by_token: BTreeMap<u64, ForgedFlight>,
    ends: Vec<()>,
    tickets: BTreeMap<(), ()>,
    owner_bytes: usize,
}

#[derive(Serialize)]
struct ForgedFlight {
    session: u64,
    ticket: u64,
    owner: String,
    since: u64,
    lease: Option<()>,
    of: Key,
}

#[tokio::test(start_paused = true)]
async fn what_is_imported_of_a_cache_is_computed_by_nobody() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (cache(&mesh, "a").await, mesh.node("b").await.unwrap());
    let computed = tokio::spawn(async move { a.get_or_compute("key", pending).await });
    mesh.settled().await;
    let mut object = b.export("cache", "c").await.unwrap().unwrap();
    let flight = ForgedFlight {
        session: 999,
        ticket: 1,
        owner: String::new(),
        since: 0,
        lease: None,
        of: Key::of("key").unwrap(),
    };
    let flights = ForgedFlights {
        by_token: BTreeMap::from([(7, flight)]),
        ends: Vec::new(),
        tickets: BTreeMap::new(),
        owner_bytes: 0,
    };
    let forged = Forged { entries: Vec::new(), flights, hits: 1, misses: 1 };
    let forged = Value::of(&forged).unwrap().bytes().to_vec();

    for (name, state) in [("copy", object.state.to_vec()), ("forged", forged)] {
        (object.name, object.state) = (name.into(), state.into());
        // One that contradicts itself is refused.
        let is_taken = b.import(&object).await.is_ok();
        let copy = b.cache::<String, u64>(name);
        let value = tokio::time::timeout(secs(60), copy.get_or_compute("key", || async { 2 })).await;
        assert_eq!((value.unwrap().unwrap(), is_taken), (2, name == "copy"));
    }
    computed.abort();
}

#[tokio::test(start_paused = true)]
async fn a_computation_that_is_dropped_or_panics_at_any_moment_holds_nobody_up() {
    let mesh = Mesh::new().seed(5).await.unwrap();
    let (a, b) = (cache(&mesh, "a").await, cache(&mesh, "b").await);
    mesh.delay("a", millis(10));
    for moment in 0..60 {
        let late = a.get_or_compute("key", pending);
        drop(tokio::time::timeout(millis(moment), late).await);
        assert_eq!(b.get_or_compute("key", || async { moment }).await.unwrap(), moment);
        assert!(b.forget("key").await.unwrap());
    }
    let panics =
        tokio::spawn(async move { a.get_or_compute("key", || async { panic!("as it should") }).await });
    assert!(panics.await.is_err());
    assert_eq!(b.get_or_compute("key", || async { 1 }).await.unwrap(), 1);
}

#[test]
fn threads_compute_once_too() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_controller, node) = runtime.block_on(async {
        let controller = Controller::bind("memory://cache-threads").await.unwrap();
        (controller, daffi::connect("memory://cache-threads").await.unwrap())
    });
    let cache = node.cache::<String, u64>("c");
    let runs = AtomicU64::new(0);
    let square = || cache.get_or_compute_wait("key", || runs.fetch_add(1, Ordering::Relaxed) + 49);

    let values = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(square)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect::<Vec<_>>()
    });

    assert_eq!((values, runs.load(Ordering::Relaxed)), (vec![49; 8], 1));
    let failed = cache.try_get_or_compute_wait("other", || Err(DataError::NoNode));
    assert_eq!(failed, Err(DataError::NoNode));
    let refused = runtime.block_on(async { square() });
    assert!(matches!(refused, Err(DataError::Call(CallError::WouldBlock))), "{refused:?}");
}
