//! HyperLogLogs.

use std::future::IntoFuture;

use daffi::datatypes::{HllChange, HllSketch};
use daffi::{DataError, Heard, HyperLogLog, Node};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::future::join_all;

async fn mesh() -> (Mesh, Node, Node) {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    (mesh, one, other)
}

async fn len(hll: &HyperLogLog) -> u64 {
    hll.len().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_all_nodes_add_is_counted_once() {
    let (_mesh, one, other) = mesh().await;
    let (mine, theirs) = (one.hyperloglog("searches"), other.hyperloglog("searches"));

    assert!(mine.is_empty().await.unwrap());
    assert!(mine.add("minesweeper").await.unwrap());
    assert!(!theirs.add(String::from("minesweeper")).await.unwrap());
    assert!(theirs.extend(["snake", "pac-man", "snake"]).await.unwrap());
    assert!(!theirs.extend(["snake", "minesweeper"]).await.unwrap());
    assert!(!theirs.extend(Vec::<u8>::new()).await.unwrap());
    assert_eq!((len(&mine).await, len(&theirs).await), (3, 3));

    assert!(theirs.clear().await.unwrap() && !theirs.clear().await.unwrap());
    assert!(mine.is_empty().await.unwrap() && mine.object().entry().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn elements_differ_as_their_values_do() {
    let (_mesh, node, _) = mesh().await;
    let hll = node.hyperloglog("mixed");
    hll.add(1).await.unwrap();
    hll.add(1_u64).await.unwrap();
    hll.add(1.0).await.unwrap();
    hll.add("1").await.unwrap();
    hll.add(true).await.unwrap();
    hll.add(None::<u8>).await.unwrap();

    assert_eq!(len(&hll).await, 5);
    let refused = hll.extend([2.0, f64::NAN]).await.unwrap_err();
    assert!(matches!(refused, DataError::Invalid { .. }), "{refused}");
    assert_eq!(len(&hll).await, 5);
}

#[tokio::test(start_paused = true)]
async fn many_elements_are_one_operation_and_take_12_kib() {
    let (_mesh, one, other) = mesh().await;
    let hll = one.hyperloglog("visitors");

    let halves =
        [one.hyperloglog("visitors").extend(0..30_000), other.hyperloglog("visitors").extend(20_000..50_000)];
    for changed in join_all(halves.map(IntoFuture::into_future)).await {
        assert!(changed.unwrap());
    }

    let counted = len(&hll).await;
    assert!(counted.abs_diff(50_000) < 1_200, "{counted}");
    let bytes = hll.object().entry().await.unwrap().unwrap().bytes;
    assert!((12_288..13_000).contains(&bytes), "{bytes}");
    assert!(!hll.extend((0..50_000).rev()).await.unwrap());
    assert_eq!(len(&hll).await, counted);
}

#[tokio::test(start_paused = true)]
async fn others_are_merged_and_counted_together_in_one_step() {
    let (_mesh, one, other) = mesh().await;
    let (monday, tuesday, never) =
        (one.hyperloglog("monday"), other.hyperloglog("tuesday"), one.hyperloglog("never"));
    monday.extend(["a", "b", "c"]).await.unwrap();
    tuesday.extend(["c", "d"]).await.unwrap();

    assert_eq!(monday.union_len([&tuesday, &never]).await.unwrap(), 4);
    assert_eq!(monday.union([&tuesday]).await.unwrap().len(), 4);
    assert_eq!(never.union_len([&monday, &monday, &never]).await.unwrap(), 3);
    assert_eq!((len(&monday).await, len(&tuesday).await, len(&never).await), (3, 2, 0));

    let week = one.hyperloglog("week");
    assert!(week.merge([&monday, &tuesday]).await.unwrap());
    assert!(!week.merge([&monday, &tuesday, &week]).await.unwrap());
    assert!(!week.merge([&never]).await.unwrap());
    assert!(!week.merge([]).await.unwrap());
    assert_eq!((len(&week).await, len(&monday).await), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn a_sketch_that_was_made_elsewhere_is_merged() {
    let (_mesh, node, _) = mesh().await;
    let hll = node.hyperloglog("visitors");
    hll.extend(["ann", "bob"]).await.unwrap();
    let mut sketch = hll.sketch().await.unwrap();

    assert!(!sketch.insert("ann").unwrap() && sketch.insert("eve").unwrap());
    assert!(hll.merge_sketch(sketch.clone()).await.unwrap());
    assert!(!hll.merge_sketch(sketch.clone()).await.unwrap());
    assert_eq!(len(&hll).await, 3);
    assert_eq!(HllSketch::from_bytes(&sketch.to_bytes()).unwrap(), hll.sketch().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_object_of_another_kind_has_names_of_its_own() {
    let (_mesh, node, _) = mesh().await;
    node.set::<String>("tags").add("a").await.unwrap();

    let hll = node.hyperloglog("tags");
    assert_eq!(hll.union_len([&node.hyperloglog("tags")]).await.unwrap(), 0);
    assert!(hll.add("b").await.unwrap());
    assert_eq!(node.set::<String>("tags").len().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_watches_hears_how_many_there_are() {
    let (_mesh, one, other) = mesh().await;
    let hll = one.hyperloglog("visitors");
    let mut changes = hll.object().watch::<HllChange>(None).await.unwrap();

    other.hyperloglog("visitors").extend(["a", "b"]).await.unwrap();
    other.hyperloglog("visitors").add("a").await.unwrap();
    other.hyperloglog("visitors").clear().await.unwrap();

    for expected in [HllChange::Grown { len: 2 }, HllChange::Cleared] {
        let Some(Ok(Heard::Item(item))) = changes.next().await else { panic!("a change is heard") };
        assert_eq!(item.value, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exported_one_is_imported_as_it_was() {
    let (_mesh, node, _) = mesh().await;
    for (name, count) in [("few", 5), ("many", 5_000)] {
        let hll = node.hyperloglog(name);
        hll.extend(0..count).await.unwrap();
        let sketch = hll.sketch().await.unwrap();
        let exported = node.export("hll", name).await.unwrap().unwrap();
        hll.clear().await.unwrap();

        assert!(!node.import(&exported).await.unwrap());
        assert_eq!(hll.sketch().await.unwrap(), sketch);
    }
}
