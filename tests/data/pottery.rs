//! The transcripts of Pottery's document, step by step, with what they print. Those of `Redlock`'s times and of
//! `ContextTimer` stand with the other tests of these.

use std::collections::BTreeMap;
use std::time::Duration;

use daffi::prelude::*;
use daffi_core::testing::Mesh;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::masters::Council;

async fn mesh() -> (Mesh, Node) {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    (mesh, node)
}

#[tokio::test(start_paused = true)]
async fn dicts() {
    let (_mesh, node) = mesh().await;
    let raj = node.dict::<String, Json>("raj");
    raj.set("hobby", json!("music")).await.unwrap();
    raj.set("vegetarian", json!(true)).await.unwrap();

    let printed =
        BTreeMap::from([("hobby".to_owned(), json!("music")), ("vegetarian".to_owned(), json!(true))]);
    assert_eq!(raj.to_map().await.unwrap(), printed);
    assert_eq!(raj.len().await.unwrap(), 2);
    assert_eq!(raj.get("vegetarian").await.unwrap(), Some(json!(true)));
}

/// It says `extend`, which was never there; `update` was.
#[tokio::test(start_paused = true)]
async fn sets() {
    let (_mesh, node) = mesh().await;
    let edible = node.set::<String>("edible");
    edible.add("eggs").await.unwrap();
    edible.extend(["beans", "tofu", "avocado"]).await.unwrap();

    let mut printed = edible.members().await.unwrap();
    printed.sort();
    assert_eq!(printed, ["avocado", "beans", "eggs", "tofu"]);
    assert_eq!(edible.len().await.unwrap(), 4);
    assert!(!edible.contains("bacon").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn lists() {
    let (_mesh, node) = mesh().await;
    let lyrics = node.list::<String>("lyrics");
    lyrics.push("everything").await.unwrap();
    lyrics.extend(["in", "its", "right", "..."]).await.unwrap();

    assert_eq!(lyrics.to_vec().await.unwrap(), ["everything", "in", "its", "right", "..."]);
    assert_eq!(lyrics.len().await.unwrap(), 5);
    assert_eq!(lyrics.get(0).await.unwrap().as_deref(), Some("everything"));
    lyrics.set(4, "place").await.unwrap();
    assert_eq!(lyrics.to_vec().await.unwrap(), ["everything", "in", "its", "right", "place"]);
}

#[tokio::test(start_paused = true)]
async fn next_ids() {
    let council = Council::of(5).await;
    let user_ids = council.masters("one").await.next_id("user-ids");

    for printed in 1..=3 {
        assert_eq!(user_ids.next().await.unwrap(), printed);
    }
}

#[tokio::test(start_paused = true)]
async fn redlocks() {
    let council = Council::of(5).await;
    let lock = council.masters("one").await.redlock("printer");
    let guard = lock.acquire().await.unwrap();
    guard.release().await.unwrap();

    {
        let _guard = lock.acquire().await.unwrap();
        assert!(lock.locked().await.unwrap().is_some());
    }
    assert!(lock.try_acquire().await.unwrap().is_some());
}

#[cached(key = "expensive-function-cache")]
async fn expensive_function(n: u64) -> u64 {
    tokio::time::sleep(Duration::from_secs(1)).await;
    n
}

async fn cache_info() -> (u64, u64, u64) {
    let info = expensive_function::info().await.unwrap();
    (info.hits, info.misses, info.size)
}

/// What is asserted runs for a node, as a callback. Where it says `currsize=1` of two values it is in error.
#[callback]
async fn as_the_document_has_it() {
    let began = Instant::now();
    assert_eq!(expensive_function(5).await, 5);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(cache_info().await, (0, 1, 1));
    let began = Instant::now();
    assert_eq!(expensive_function(5).await, 5);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(cache_info().await, (1, 1, 1));
    assert_eq!(expensive_function(6).await, 6);
    assert_eq!(cache_info().await, (1, 2, 2));

    assert_eq!((expensive_function::uncached(7).await, expensive_function::bypass(5).await), (7, 5));
    assert_eq!(cache_info().await, (1, 2, 2));
    expensive_function::clear().await.unwrap();
    assert_eq!(cache_info().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn caches() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").registry(callbacks![as_the_document_has_it]).await.unwrap();

    node.call::<()>("as_the_document_has_it", ()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn hyperloglogs() {
    let (_mesh, node) = mesh().await;
    let google_searches = node.hyperloglog("google-searches");
    google_searches.add("sonic the hedgehog video game").await.unwrap();
    assert_eq!(google_searches.len().await.unwrap(), 1);

    let more = [
        "google in 1998",
        "minesweeper",
        "joey tribbiani",
        "wizard of oz",
        "rgb to hex",
        "pac-man",
        "breathing exercise",
        "do a barrel roll",
        "snake",
    ];
    google_searches.update(more).await.unwrap();
    assert_eq!(google_searches.len().await.unwrap(), 10);
    google_searches.clear().await.unwrap();
    assert_eq!(google_searches.len().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn bloom_filters() {
    let (_mesh, node) = mesh().await;
    let dilberts = node.bloom("dilberts").expect(100).false_positives(0.01).await.unwrap();
    dilberts.add("rajiv").await.unwrap();

    assert!(dilberts.contains("rajiv").await.unwrap());
    assert_eq!(dilberts.contains_many(["raj", "dan"]).await.unwrap(), [false, false]);
    assert_eq!(dilberts.len().await.unwrap(), 1);
    dilberts.update(["raj", "dan"]).await.unwrap();
    assert_eq!(dilberts.len().await.unwrap(), 3);
    dilberts.clear().await.unwrap();
    assert_eq!(dilberts.len().await.unwrap(), 0);
}
