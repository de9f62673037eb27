//! Copies that a node keeps of what it reads: cached maps, and caches with a near one.

use std::sync::atomic::{AtomicU64, Ordering};

use daffi::datatypes::{CachedMap, NearCache};
use daffi::{CallError, DataError, Node, secs};
use daffi_core::testing::Mesh;

async fn node(mesh: &Mesh, name: &str) -> Node {
    mesh.node(name).await.unwrap()
}

async fn calls(node: &Node) -> u64 {
    node.stats().await.unwrap()["hosted_calls"]
}

async fn map(node: &Node) -> CachedMap<String, u64> {
    node.cached_map("m").await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_there_without_a_question_until_somebody_changes_it() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (node(&mesh, "a").await, node(&mesh, "b").await);
    let (map, hash) = (map(&a).await, b.hash::<String, u64>("m"));
    hash.set("x", 1_u64).await.unwrap();
    assert_eq!(map.peek("x").unwrap(), None);
    assert_eq!((map.get("x").await.unwrap(), map.get("y").await.unwrap()), (Some(1), None));
    mesh.settled().await;

    let before = calls(&a).await;
    for _ in 0..1_000 {
        assert_eq!((map.get("x").await.unwrap(), map.get("y").await.unwrap()), (Some(1), None));
    }
    assert_eq!(calls(&a).await, before);
    assert_eq!(map.misses().unwrap(), ["y"]);

    hash.set("x", 2_u64).await.unwrap();
    hash.set_for("y", 3_u64, secs(5)).await.unwrap();
    mesh.settled().await;
    assert_eq!((map.peek("x").unwrap(), map.peek("y").unwrap()), (Some(Some(2)), Some(Some(3))));
    hash.remove("x").await.unwrap();
    mesh.advance(secs(6)).await;
    assert_eq!((map.peek("x").unwrap(), map.peek("y").unwrap()), (Some(None), Some(None)));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_there_at_once_and_deleting_reaches_the_hash() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (node(&mesh, "a").await, node(&mesh, "b").await);
    let (here, there) = (map(&a).await, map(&b).await);
    assert!(here.set("x", 1_u64).await.unwrap());
    assert_eq!(here.peek("x").unwrap(), Some(Some(1)));
    assert_eq!(there.get("x").await.unwrap(), Some(1));

    // In Pottery the second would lose the first's value.
    assert_eq!(there.get_or_insert("x", 2_u64).await.unwrap(), 1);
    assert_eq!(here.extend([("x", 5_u64), ("y", 6)]).await.unwrap(), 1);
    mesh.settled().await;
    assert_eq!((here.peek("x").unwrap(), there.peek("x").unwrap()), (Some(Some(5)), Some(Some(5))));

    assert!(there.remove("x").await.unwrap() && there.remove("y").await.unwrap());
    assert_eq!(there.get("x").await.unwrap(), None);
    mesh.settled().await;
    assert_eq!(here.peek("x").unwrap(), Some(None));
    assert!(here.hash().is_empty().await.unwrap());
    assert!(!here.remove("x").await.unwrap());
    assert_eq!(here.get("x").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_of_several_or_found_instead_is_there_at_once_too() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (node(&mesh, "a").await, node(&mesh, "b").await);
    let (map, hash) = (map(&a).await, b.hash::<String, u64>("m"));
    assert_eq!((map.get("x").await.unwrap(), map.get("z").await.unwrap()), (None, None));
    let peek = |keys: [&str; 2]| keys.map(|key| map.peek(key).unwrap());

    assert_eq!(map.extend([("x", 5_u64), ("y", 6), ("x", 7)]).await.unwrap(), 2);
    assert_eq!(peek(["x", "y"]), [Some(Some(7)), Some(Some(6))]);

    assert_eq!(map.get_or_insert("z", 8_u64).await.unwrap(), 8);
    hash.set("w", 9_u64).await.unwrap();
    assert_eq!(map.get_or_insert("w", 10_u64).await.unwrap(), 9);
    assert_eq!(peek(["z", "w"]), [Some(Some(8)), Some(Some(9))]);
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_does_to_the_hash_comes_to_the_copy_and_the_copys_own_operations_are_none_of_a_batch() {
    let mesh = Mesh::new().await.unwrap();
    let a = node(&mesh, "a").await;
    let map = map(&a).await;
    assert_eq!(map.get("x").await.unwrap(), None);
    let mut batch = a.batch();
    batch.add(map.hash().set("x", 1_u64));
    batch.await.unwrap();
    mesh.settled().await;
    assert_eq!(map.peek("x").unwrap(), Some(Some(1)));

    let mut batch = a.batch();
    batch.add(map.hash().set("x", 2_u64));
    batch.add(map.set("x", 3_u64));
    let error = batch.await.unwrap_err();

    assert!(matches!(error, DataError::Call(CallError::BadArguments { .. })), "{error}");
    assert_eq!(map.hash().get("x").await.unwrap(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_cannot_be_kept_up_to_date_is_not_used_until_it_can() {
    let mut mesh = Mesh::new().local().await.unwrap();
    let (a, b) = (node(&mesh, "a").await, node(&mesh, "b").await);
    let map = map(&a).await;
    mesh.cut("a");
    mesh.kill_controller().await;
    mesh.start_controller().await.unwrap();
    mesh.connected("b").await.unwrap();
    // Now there is no room for one more.
    for number in 0..daffi::config::FEEDS_MAX {
        drop(b.object_of("hash", number.to_string()).watch::<()>(None).await.unwrap());
    }
    mesh.heal("a");
    mesh.connected("a").await.unwrap();
    mesh.settled().await;

    map.set("x", 1_u64).await.unwrap();
    assert_eq!((map.peek("x").unwrap(), map.get("x").await.unwrap()), (None, Some(1)));
    assert_eq!(map.peek("x").unwrap(), None);

    mesh.advance(daffi::config::FEED_KEPT_FOR * 2).await;
    assert_eq!(map.get("x").await.unwrap(), Some(1));
    b.hash::<String, u64>("m").set("x", 2_u64).await.unwrap();
    mesh.settled().await;
    assert_eq!(map.peek("x").unwrap(), Some(Some(2)));
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_when_the_map_is_opened() {
    let mesh = Mesh::new().await.unwrap();
    let a = node(&mesh, "a").await;
    let keys: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    a.hash::<String, u64>("m").multi_set((0..99_u64).map(|n| (n.to_string(), n))).await.unwrap();

    let map = a.cached_map::<String, u64>("m").keys(&keys).ttl(secs(60)).await.unwrap();

    assert_eq!(map.peek("42").unwrap(), Some(Some(42)));
    assert_eq!((map.misses().unwrap(), map.peek("100").unwrap()), (vec!["99".to_owned()], None));
    map.set("42", 0_u64).await.unwrap();
    mesh.advance(secs(61)).await;
    assert!(map.hash().is_empty().await.unwrap());
    assert_eq!(map.get("42").await.unwrap(), None);
    let error = a.cached_map::<f64, u64>("m").keys([f64::NAN]).await.unwrap_err();
    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_from_a_copy_without_a_link_and_it_begins_anew_with_the_next() {
    let mesh = Mesh::new().local().await.unwrap();
    let (a, b) = (node(&mesh, "a").await, node(&mesh, "b").await);
    let (map, hash) = (map(&a).await, b.hash::<String, u64>("m"));
    map.set("x", 1_u64).await.unwrap();
    assert_eq!(map.peek("x").unwrap(), Some(Some(1)));

    mesh.cut("a");
    mesh.advance(secs(1)).await;
    hash.set("x", 2_u64).await.unwrap();
    assert_eq!(map.peek("x").unwrap(), None);
    mesh.heal("a");

    assert_eq!(map.get("x").await.unwrap(), Some(2));
    hash.set("x", 3_u64).await.unwrap();
    mesh.settled().await;
    assert_eq!(map.get("x").await.unwrap(), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_what_was_destroyed_is_empty() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (node(&mesh, "a").await, node(&mesh, "b").await);
    let map = map(&a).await;
    map.set("x", 1_u64).await.unwrap();

    assert!(b.object_of("hash", "m").destroy().await.unwrap());
    mesh.settled().await;

    assert_eq!(map.get("x").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_near_cache_reads_without_a_question_and_hears_of_what_is_forgotten() {
    let mesh = Mesh::new().await.unwrap();
    let (a, b) = (node(&mesh, "a").await, node(&mesh, "b").await);
    let near: NearCache<u64, u64> = a.cache("c").near().await.unwrap();
    let cache = b.cache::<u64, u64>("c");
    let runs = AtomicU64::new(0);
    let square = |n: u64| {
        let runs = &runs;
        async move {
            runs.fetch_add(1, Ordering::Relaxed);
            n * n
        }
    };
    assert_eq!(near.get_or_compute(3, || square(3)).await.unwrap(), 9);
    assert_eq!(near.get(3).await.unwrap(), Some(9));
    mesh.settled().await;

    let before = calls(&a).await;
    for _ in 0..50 {
        assert_eq!(near.get_or_compute(3, || square(3)).await.unwrap(), 9);
    }
    assert_eq!(calls(&a).await, before);
    assert_eq!((near.info().await.unwrap().hits, runs.load(Ordering::Relaxed)), (50, 1));

    cache.insert(3, 10).await.unwrap();
    mesh.settled().await;
    assert_eq!(near.get_or_compute(3, || square(3)).await.unwrap(), 10);
    assert_eq!(cache.clear().await.unwrap(), 1);
    mesh.settled().await;
    assert_eq!(near.get_or_compute(3, || square(3)).await.unwrap(), 9);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}
