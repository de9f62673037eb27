//! Functions under `#[cached]`.

use std::future::{IntoFuture, pending};
use std::sync::atomic::{AtomicU64, Ordering};

use daffi::prelude::*;
use daffi_core::testing::Mesh;
use tokio::sync::Notify;

mod alike {
    /// Another of the same name, in the same cache.
    #[daffi::cached(key = "lengths")]
    pub(super) fn length(of: &str) -> usize {
        of.chars().count()
    }
}

#[cached(key = "lengths", ttl = "1m", sliding)]
fn length(of: &str) -> Result<usize, String> {
    if of.is_empty() { Err("nothing".into()) } else { Ok(of.len()) }
}

#[cached(key = "nuances")]
fn nuance(of: Option<Option<()>>, zero: f64) -> (u8, bool) {
    (u8::from(of.is_some()) + u8::from(of.flatten().is_some()), zero.is_sign_negative())
}

#[cached]
fn nobody_asks(n: u64) -> u64 {
    n + 1
}

/// What is asserted runs for a node, as a callback.
#[callback]
async fn goes_around_the_cache() {
    assert_eq!((length("é").await, alike::length("é").await), (Ok(2), 1));
    assert_eq!((length("é").await, alike::length("é").await), (Ok(2), 1));
    assert_eq!((length("").await, length("").await), (Err("nothing".into()), Err("nothing".into())));
    let info = length::info().await.unwrap();
    assert_eq!((info.misses, info.size, info.computing), (4, 2, 0));

    assert_eq!(length::bypass("é").await, Ok(2));
    assert_eq!(length::bypass("").await, Err("nothing".into()));
    assert_eq!(length::uncached("é"), Ok(2));
    assert_eq!(length::info().await.unwrap().misses, 4);
    assert!(length::forget("é").await.unwrap());
    assert!(!length::forget("é").await.unwrap());
    assert_eq!(length::clear().await.unwrap(), 1);
    let info = length::info().await.unwrap();
    assert_eq!((info.hits, info.misses, info.size), (0, 0, 0));

    for (somes, of) in [None, Some(None), Some(Some(()))].into_iter().enumerate() {
        assert_eq!(nuance(of, 0.0).await, (somes as u8, false));
        assert_eq!(nuance(of, -0.0).await, (somes as u8, true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cached_function_has_ways_around_its_cache_and_keeps_no_errors() {
    let mesh = Mesh::new().await.unwrap();
    let caller = mesh.node("caller").registry(Vec::new()).await.unwrap();
    let _worker = mesh.node("worker").registry(callbacks![goes_around_the_cache]).await.unwrap();

    goes_around_the_cache::call(&caller).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_cache_is_not_there_runs_all_the_same() {
    assert_eq!(nobody_asks(1).await, 2);
    assert_eq!(nobody_asks::bypass(1).await, 2);
}

static GO_ON: Notify = Notify::const_new();
static LONELY_RUNS: AtomicU64 = AtomicU64::new(0);
static LONELY_ENDS: AtomicU64 = AtomicU64::new(0);

#[cached(key = "lonely")]
async fn lonely(of: &str) -> u64 {
    match (of, LONELY_RUNS.fetch_add(1, Ordering::Relaxed)) {
        ("waited for", 0) => pending().await,
        ("held up", _) => GO_ON.notified().await,
        _ => {}
    }
    1
}

#[cached(key = "lonely slides", ttl = "1m", sliding)]
fn lonely_slides() -> u64 {
    2
}

/// What is asked of the cache while the link is away, or goes.
#[callback]
async fn lonely_through(outage: String) {
    if outage == "no link" {
        GO_ON.notified().await;
        assert_eq!(
            (lonely("anything").await, lonely_slides().await, lonely::bypass("else").await),
            (1, 2, 1)
        );
    } else {
        assert_eq!(lonely(&outage).await, 1);
    }
    LONELY_ENDS.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test(start_paused = true)]
async fn a_cached_function_waits_for_no_link() {
    let mesh = Mesh::new().await.unwrap();
    let caller = mesh.node("caller").registry(Vec::new()).await.unwrap();
    let mut workers = Vec::new();
    for name in ["other", "lonely"] {
        workers.push(mesh.node(name).registry(callbacks![lonely_through]).await.unwrap());
    }
    let call = async |outage: &str, on: &str| {
        tokio::spawn(lonely_through::call(&caller, outage.to_owned()).on(on).into_future());
        mesh.settled().await;
    };
    let ends = || LONELY_ENDS.swap(0, Ordering::Relaxed);
    call("waited for", "other").await;
    call("waited for", "lonely").await;
    assert_eq!((LONELY_RUNS.load(Ordering::Relaxed), ends()), (1, 0));
    mesh.cut("lonely");
    mesh.settled().await;
    assert_eq!((LONELY_RUNS.load(Ordering::Relaxed), ends()), (2, 1));
    mesh.heal("lonely");
    mesh.connected("lonely").await.unwrap();

    call("no link", "lonely").await;
    mesh.cut("lonely");
    mesh.settled().await;
    GO_ON.notify_one();
    mesh.settled().await;
    assert_eq!(ends(), 1);
    mesh.heal("lonely");
    mesh.connected("lonely").await.unwrap();

    call("held up", "lonely").await;
    mesh.cut("lonely");
    mesh.settled().await;
    GO_ON.notify_one();
    mesh.settled().await;
    assert_eq!(ends(), 1);
    mesh.heal("lonely");
    mesh.connected("lonely").await.unwrap();
    mesh.settled().await;

    // What was computed is stored behind the caller: that of the last run, and before it that of the bypass.
    let info = caller.cache::<(), ()>("lonely").info().await.unwrap();
    assert_eq!((info.size, info.computing), (2, 1));
}
