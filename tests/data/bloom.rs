//! Bloom filters.

use daffi::datatypes::{BloomChange, BloomHash, BloomParameters};
use daffi::{BloomFilter, CallError, DataError, Heard, Node, config};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::future::join_all;

async fn mesh() -> (Mesh, Node, Node) {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    (mesh, one, other)
}

async fn dilberts(node: &Node) -> BloomFilter {
    node.bloom("dilberts").expect(100).false_positives(0.01).await.unwrap()
}

fn is_invalid<T>(result: Result<T, DataError>) -> bool {
    matches!(result.err(), Some(DataError::Invalid { .. }))
}

fn is_other<T>(result: Result<T, DataError>) -> bool {
    matches!(result.err(), Some(DataError::WrongValue { .. }))
}

#[tokio::test(start_paused = true)]
async fn what_one_node_adds_all_have_seen() {
    let (_mesh, one, other) = mesh().await;
    let (mine, theirs) = (dilberts(&one).await, dilberts(&other).await);

    assert!(mine.is_empty().await.unwrap());
    assert!(mine.add("rajiv").await.unwrap());
    assert!(!theirs.add("rajiv").await.unwrap());
    assert_eq!(theirs.contains_many(["rajiv", "raj", "dan"]).await.unwrap(), [true, false, false]);
    assert!(theirs.contains_many(Vec::<u8>::new()).await.unwrap().is_empty());
    assert_eq!(theirs.len().await.unwrap(), 1);

    assert_eq!(theirs.extend(["raj", "dan", "rajiv", "dan"]).await.unwrap(), 2);
    assert_eq!(theirs.extend(Vec::<u8>::new()).await.unwrap(), 0);
    assert!(mine.contains("dan").await.unwrap() && !mine.contains("eve").await.unwrap());
    assert_eq!(mine.len().await.unwrap(), 3);

    assert!(mine.clear().await.unwrap() && !mine.clear().await.unwrap());
    assert!(!theirs.contains("rajiv").await.unwrap() && theirs.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn parameters_are_kept_and_others_refused() {
    let (_mesh, one, other) = mesh().await;
    let made = dilberts(&one).await.parameters();

    assert_eq!((made.num_elements(), made.false_positives(), made.hash()), (100, 0.01, BloomHash::Pottery));
    assert_eq!((made.bits(), made.hashes()), (959, 7));
    assert!(is_other(other.bloom("dilberts").expect(5_000).false_positives(0.01).await));
    assert!(is_other(other.bloom("dilberts").expect(100).false_positives(0.02).await));
    assert!(is_other(other.bloom("dilberts").false_positives(0.02).await));
    assert!(is_other(other.bloom("dilberts").hash(BloomHash::Wide).await));
    for opened in [
        other.bloom("dilberts"),
        other.bloom("dilberts").expect(100),
        other.bloom("dilberts").false_positives(0.01),
    ] {
        assert_eq!(opened.await.unwrap().parameters(), made);
    }
    let told = other.bloom("dilberts").expect(5_000).await.unwrap_err().to_string();
    assert_eq!(
        told,
        "expected a filter for 5000 elements, found a filter for 100 elements with 0.01 false positives"
    );
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_is_not_there_is_made_by_those_who_say_for_how_many() {
    let (_mesh, node, _) = mesh().await;

    assert!(is_other(node.bloom("seen").await));
    assert!(is_other(node.bloom("seen").false_positives(0.1).await));
    assert!(is_invalid(node.bloom("seen").expect(0).await));
    assert!(is_invalid(node.bloom("seen").expect(1).false_positives(0.0).await));
    assert!(is_invalid(node.bloom("seen").expect(1).false_positives(1.0).await));
    assert!(is_invalid(node.bloom("seen").expect(1).false_positives(f64::NAN).await));
    assert!(is_invalid(node.bloom("seen").expect(u64::MAX).await));
    assert!(node.object_of("bloom", "seen").entry().await.unwrap().is_none());

    let seen = node.bloom("seen").expect(10).hash(BloomHash::Wide).await.unwrap();
    assert_eq!(seen.parameters().false_positives(), config::BLOOM_FALSE_POSITIVES);
    assert_eq!(node.bloom("seen").await.unwrap().parameters().hash(), BloomHash::Wide);
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_was_made_anew_with_other_parameters_tells_those_who_knew_it() {
    let (_mesh, one, other) = mesh().await;
    let mine = dilberts(&one).await;
    mine.add("rajiv").await.unwrap();
    mine.object().destroy().await.unwrap();

    assert!(!mine.contains("rajiv").await.unwrap());
    let theirs = other.bloom("dilberts").expect(5_000).await.unwrap();
    assert!(is_other(mine.contains("rajiv").await) && is_other(mine.add("rajiv").await));
    assert!(theirs.is_empty().await.unwrap());

    theirs.object().destroy().await.unwrap();
    assert!(mine.add("rajiv").await.unwrap());
    assert!(is_other(theirs.contains("rajiv").await));
    assert_eq!(one.bloom("dilberts").await.unwrap().parameters(), mine.parameters());
}

#[tokio::test(start_paused = true)]
async fn the_length_is_told_even_of_a_filter_that_is_full() {
    let (_mesh, node, _) = mesh().await;
    let tiny = node.bloom("tiny").expect(1).false_positives(0.5).await.unwrap();
    assert_eq!((tiny.parameters().bits(), tiny.parameters().hashes()), (2, 2));

    tiny.extend(0..100).await.unwrap();

    assert!(tiny.contains_many(0..200).await.unwrap().into_iter().all(|seems| seems));
    assert!(!tiny.is_empty().await.unwrap());
    assert_eq!(tiny.len().await.unwrap(), 1);
    let small = node.bloom("small").expect(10).await.unwrap();
    small.extend(0..1_000).await.unwrap();
    assert!(small.len().await.unwrap() > 50);
}

#[tokio::test(start_paused = true)]
async fn elements_that_have_no_bits_are_refused() {
    let (_mesh, node, _) = mesh().await;
    let narrow = dilberts(&node).await;
    let wide = node.bloom("wide").expect(100).hash(BloomHash::Wide).await.unwrap();
    let bytes = serde_bytes::Bytes::new(b"\0\xff");

    assert!(is_invalid(narrow.extend([1.0, f64::NAN]).await) && is_invalid(wide.add(f64::NAN).await));
    assert!(is_invalid(narrow.add(bytes).await) && is_invalid(narrow.contains(bytes).await));
    assert!(wide.add(bytes).await.unwrap() && wide.contains(bytes).await.unwrap());
    assert!(narrow.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn no_more_elements_come_in_one_step_than_a_turn_has_time_for() {
    let (_mesh, node, _) = mesh().await;
    let seen = node.bloom("seen").expect(20_000).await.unwrap();

    assert!(is_invalid(seen.extend(0..=config::BLOOM_ELEMENTS_MAX).await));
    assert!(is_invalid(seen.contains_many(0..).await));
    assert!(seen.is_empty().await.unwrap());
    assert!(seen.extend(0..config::BLOOM_ELEMENTS_MAX).await.unwrap() > 9_900);
    let all = seen.contains_many(0..config::BLOOM_ELEMENTS_MAX).await.unwrap();
    assert!(all.into_iter().all(|seems| seems));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_between_nodes_that_add_at_the_same_time() {
    let (_mesh, one, other) = mesh().await;
    let seen = one.bloom("seen").expect(1_000).await.unwrap();
    let filters = [seen.clone(), other.bloom("seen").await.unwrap()];

    let tasks = (0..8_u64).map(|task| {
        let filter = filters[task as usize % 2].clone();
        async move {
            for element in 0..25 {
                filter.add((task, element)).await.unwrap();
            }
        }
    });
    join_all(tasks).await;

    let all = (0..8_u64).flat_map(|task| (0..25).map(move |element| (task, element)));
    assert!(seen.contains_many(all).await.unwrap().into_iter().all(|seems| seems));
    assert!(seen.len().await.unwrap().abs_diff(200) <= 4);
}

#[tokio::test(start_paused = true)]
async fn bits_and_parameters_that_were_made_up_are_refused() {
    let (_mesh, node, _) = mesh().await;
    let parameters = dilberts(&node).await.parameters();
    let add = |parameters: (u64, f64, &'static str, u64, u64), positions: Vec<u64>| {
        node.call::<u64>("daffi.bloom.add", ("dilberts", parameters, positions))
    };

    assert_eq!(add((100, 0.01, "Pottery", 959, 7), vec![958; 7]).await.unwrap(), 1);
    assert!(add((100, 0.01, "Pottery", 959, 7), vec![959; 7]).await.is_err());
    assert!(add((100, 0.01, "Pottery", 959, 7), vec![1; 6]).await.is_err());
    assert!(add((100, 0.01, "Pottery", 960, 7), vec![1; 7]).await.is_err());
    assert!(add((100, 0.01, "Pottery", 959, 0), vec![]).await.is_err());
    assert!(add((100, 0.01, "Narrow", 959, 7), vec![]).await.is_err());
    let huge = node.call::<u64>("daffi.bloom.add", ("huge", (1, 0.01, "Wide", 1_u64 << 40, 1), [0_u64]));
    assert!(huge.await.is_err());
    assert_eq!(dilberts(&node).await.parameters(), parameters);
}

#[tokio::test(start_paused = true)]
async fn who_watches_hears_of_what_was_new() {
    let (_mesh, one, other) = mesh().await;
    let filter = dilberts(&one).await;
    let mut changes = filter.object().watch::<BloomChange>(None).await.unwrap();

    let theirs = dilberts(&other).await;
    theirs.extend(["raj", "dan"]).await.unwrap();
    theirs.add("raj").await.unwrap();
    theirs.clear().await.unwrap();

    for expected in [BloomChange::Added { elements: 2 }, BloomChange::Cleared] {
        let Some(Ok(Heard::Item(item))) = changes.next().await else { panic!("a change is heard") };
        assert_eq!(item.value, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exported_filter_is_imported_as_it_was() {
    let (_mesh, node, _) = mesh().await;
    for (name, count) in [("empty", 0), ("few", 5), ("many", 5_000)] {
        let filter = node.bloom(name).expect(300_000).await.unwrap();
        filter.extend(0..count).await.unwrap();
        let len = filter.len().await.unwrap();
        let exported = node.export("bloom", name).await.unwrap().unwrap();
        filter.object().destroy().await.unwrap();

        assert!(!node.import(&exported).await.unwrap());
        assert_eq!(filter.len().await.unwrap(), len);
        assert!(filter.contains_many(0..count).await.unwrap().into_iter().all(|seems| seems));
        assert_eq!(node.export("bloom", name).await.unwrap().unwrap().state, exported.state);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_adds_to_several_filters_or_to_none() {
    let (_mesh, node, _) = mesh().await;
    let (one, two) = (dilberts(&node).await, node.bloom("two").expect(10_000).await.unwrap());
    one.add("ann").await.unwrap();

    let mut batch = node.batch();
    let added = batch.add(one.extend(["ann", "bob"]));
    batch.add(two.add("bob"));
    assert_eq!(batch.await.unwrap().take(added).unwrap(), 1);

    let mut batch = node.batch();
    batch.add(one.add("eve"));
    batch.add(node.counters("c").inc("k", i64::MAX));
    batch.add(node.counters("c").inc("k", 1));
    assert!(batch.await.is_err());
    assert_eq!(one.contains_many(["bob", "eve"]).await.unwrap(), [true, false]);
    assert!(two.contains("bob").await.unwrap());
}

#[test]
fn positions_can_be_computed_without_a_mesh() {
    let parameters = BloomParameters::new(100, 0.01).unwrap();

    assert_eq!(parameters.positions("rajiv"), Ok(vec![183, 319, 787, 585, 8, 471, 711]));
}

#[test]
fn threads_open_filters_and_wait_for_them() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_controller, node) = runtime.block_on(async {
        let controller = daffi::Controller::bind("memory://bloom-threads").await.unwrap();
        (controller, daffi::connect("memory://bloom-threads").await.unwrap())
    });

    let filter = node.bloom("dilberts").expect(100).wait().unwrap();
    assert!(filter.add("rajiv").wait().unwrap());
    assert!(node.bloom("dilberts").wait().unwrap().contains("rajiv").wait().unwrap());
    assert!(is_other(node.bloom("dilberts").expect(7).wait()) && is_other(node.bloom("none").wait()));

    let in_a_task = runtime.block_on(async { node.bloom("dilberts").wait() });
    assert!(matches!(in_a_task, Err(DataError::Call(CallError::WouldBlock))), "{in_a_task:?}");
}
