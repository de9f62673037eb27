//! Counters.

use daffi::datatypes::CountersChange;
use daffi::{DataError, Heard};
use daffi_core::testing::Mesh;
use futures::StreamExt;

#[tokio::test(start_paused = true)]
async fn counters_of_a_group_are_shared_by_all_nodes() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());

    assert_eq!(one.counters("orders").inc("tea", 4).await.unwrap(), 4);
    assert_eq!(other.counters("orders").dec("tea", 5).await.unwrap(), -1);
    assert_eq!(other.counters("orders").set("coffee", 7).await.unwrap(), 0);

    let sizes = one.counters("orders").sizes().await.unwrap();
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [("coffee".to_owned(), 7), ("tea".to_owned(), -1)]);
    assert_eq!(one.counters("order").sizes().await.unwrap().len(), 0);
    assert_eq!(one.counters("orders").reset().await.unwrap(), 2);
    assert_eq!(one.counters("orders").remove("tea").await.unwrap(), Some(0));
    assert_eq!(one.counters("orders").get("tea").await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sum_that_does_not_fit_is_refused_with_the_reason() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let group = node.counters("orders");
    group.set("tea", i64::MAX).await.unwrap();

    let error = group.inc("tea", 1).await.unwrap_err();

    assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
    assert_eq!(group.get("tea").await.unwrap(), i64::MAX);
    assert!(matches!(group.dec("tea", i64::MIN).await, Err(DataError::Invalid { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_group_is_watched_and_destroyed_by_its_object() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let group = node.counters("orders");
    let mut changes = group.object().watch::<CountersChange>(None).await.unwrap();

    group.inc("tea", 4).await.unwrap();

    let Some(Ok(Heard::Item(change))) = changes.next().await else { panic!("no change") };
    assert_eq!(change.value, CountersChange::Set { counter: "tea".into(), value: 4 });
    assert!(group.object().destroy().await.unwrap());
    assert_eq!(group.get("tea").await.unwrap(), 0);
}
