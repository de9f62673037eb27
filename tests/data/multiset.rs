//! Multisets.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use daffi::datatypes::Tallies;
use daffi::{DataError, Multiset, secs};
use daffi_core::testing::Mesh;
use futures::StreamExt;

fn counts<const N: usize>(counts: [(&str, i64); N]) -> BTreeMap<String, i64> {
    counts.into_iter().map(|(value, count)| (value.to_owned(), count)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_one_node_counts_counts_for_all() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (mine, theirs) = (one.multiset::<String>("words"), other.multiset::<String>("words"));

    mine.update(["tea", "milk", "tea"]).await.unwrap();
    assert_eq!(theirs.increment("tea", 3).await.unwrap(), 5);
    theirs.update_counts(&counts([("milk", 2), ("sugar", 0)])).await.unwrap();
    assert_eq!(mine.to_map().await.unwrap(), counts([("milk", 3), ("sugar", 0), ("tea", 5)]));
    assert_eq!(mine.get("coffee").await.unwrap(), 0);
    assert!(mine.contains("sugar").await.unwrap() && !mine.contains("coffee").await.unwrap());

    mine.subtract(["milk", "salt"]).await.unwrap();
    mine.subtract_counts(&HashMap::from([("tea".to_owned(), 5)])).await.unwrap();
    let expected = counts([("milk", 2), ("salt", -1), ("sugar", 0), ("tea", 0)]);
    assert_eq!(theirs.to_map().await.unwrap(), expected);
    assert_eq!(theirs.len().await.unwrap(), 4);
    assert_eq!(theirs.total().await.unwrap(), 1);

    assert_eq!(theirs.set("tea", 9).await.unwrap(), 0);
    assert_eq!(mine.remove("tea").await.unwrap(), Some(9));
    assert_eq!(mine.remove("tea").await.unwrap(), None, "which is no error");
    assert_eq!(mine.keep_positive().await.unwrap(), 2);
    assert_eq!(mine.to_map().await.unwrap(), counts([("milk", 2)]));
    assert_eq!(theirs.clear().await.unwrap(), 1);
    assert!(mine.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_counts_most_comes_first() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let letters = node.multiset::<char>("letters");
    letters.update("abracadabra".chars()).await.unwrap();

    let most = letters.most_common(3).await.unwrap();

    assert_eq!(most, [('a', 5), ('b', 2), ('r', 2)]);
    assert_eq!(letters.most_common(u64::MAX).await.unwrap().len(), 5);
    assert_eq!(letters.most_common(0).await.unwrap(), []);
    letters.increment('d', 9).await.unwrap();
    assert_eq!(letters.most_common(1).await.unwrap(), [('d', 10)]);
}

#[tokio::test(start_paused = true)]
async fn elements_come_as_often_as_they_count() {
    let mesh = Mesh::new().await.unwrap();
    let words = mesh.node("one").await.unwrap().multiset::<String>("words");
    words.update_counts(Tallies::of([("a", 2), ("b", 0), ("c", -3), ("d", 1), ("d", 2)])).await.unwrap();

    let elements: Vec<String> = words.elements().map(Result::unwrap).collect().await;
    assert_eq!(elements, ["a", "a", "d", "d", "d"]);

    // However often: nothing is made of it beforehand.
    words.set("e", i64::MAX).await.unwrap();
    let some: Vec<String> = words.elements().map(Result::unwrap).skip(5).take(3).collect().await;
    assert_eq!(some, ["e", "e", "e"]);
}

#[tokio::test(start_paused = true)]
async fn the_operators_are_those_of_python() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (c, d) = (node.multiset::<String>("c"), node.multiset::<String>("d"));
    c.update_counts(Tallies::of([("a", 3), ("b", 1), ("low", -2)])).await.unwrap();
    d.update_counts(Tallies::of([("a", 1), ("b", 2), ("none", 0), ("low", 1)])).await.unwrap();
    let at_hand = d.to_map().await.unwrap();

    assert_eq!(c.plus(&d).await.unwrap(), counts([("a", 4), ("b", 3)]));
    assert_eq!(c.minus(&d).await.unwrap(), counts([("a", 2)]));
    assert_eq!(c.union(&d).await.unwrap(), counts([("a", 3), ("b", 2), ("low", 1)]));
    assert_eq!(c.intersection(&d).await.unwrap(), counts([("a", 1), ("b", 1)]));
    assert_eq!(c.plus(&at_hand).await.unwrap(), c.plus(&d).await.unwrap());
    assert_eq!(c.minus(&at_hand).await.unwrap(), c.minus(&d).await.unwrap());
    assert_eq!(c.positive().await.unwrap(), counts([("a", 3), ("b", 1)]));
    assert_eq!(c.negative().await.unwrap(), counts([("low", 2)]));
    assert_eq!(c.len().await.unwrap(), 3, "all of it is told, and nothing changed");

    let fresh = async |name: &str| {
        let multiset: Multiset<String> = node.multiset(name);
        multiset.update_counts(&c).await.unwrap();
        multiset
    };
    let (sum, less) = (fresh("sum").await, fresh("less").await);
    let (more, both) = (fresh("more").await, fresh("both").await);
    sum.plus_assign(&d).await.unwrap();
    less.minus_assign(&at_hand).await.unwrap();
    more.union_assign(&d).await.unwrap();
    both.intersection_assign(&d).await.unwrap();
    assert_eq!(sum.to_map().await.unwrap(), counts([("a", 4), ("b", 3)]));
    assert_eq!(less.to_map().await.unwrap(), counts([("a", 2)]));
    assert_eq!(more.to_map().await.unwrap(), counts([("a", 3), ("b", 2), ("low", 1)]));
    assert_eq!(both.to_map().await.unwrap(), counts([("a", 1), ("b", 1)]));
    c.negate().await.unwrap();
    assert_eq!(c.to_map().await.unwrap(), counts([("low", 2)]));
}

#[tokio::test(start_paused = true)]
async fn two_are_equal_if_all_counts_as_often_and_what_is_absent_counts_nothing() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (c, d) = (node.multiset::<String>("c"), node.multiset::<String>("d"));
    c.update_counts(Tallies::of([("a", 3), ("zero", 0)])).await.unwrap();
    d.increment("a", 3).await.unwrap();

    assert!(c.equals(&d).await.unwrap() && d.equals(&c).await.unwrap());
    assert!(c.equals(&c).await.unwrap());
    assert!(c.equals(Tallies::each(["a", "a", "a"])).await.unwrap());
    assert!(!c.equals(&counts([("a", 3), ("b", 1)])).await.unwrap());
    assert!(!c.equals(&node.multiset("never")).await.unwrap());
}

/// A thousand times one more, by a way that depends on the task.
async fn count_up(multiset: Multiset<String>, task: usize) {
    let one = counts([("hits", 1)]);
    for _ in 0..1_000 {
        match task % 8 {
            0 | 1 => {
                multiset.increment("hits", 1).await.unwrap();
            }
            2 => multiset.update(["hits"]).await.unwrap(),
            3 => multiset.update_counts(&one).await.unwrap(),
            4 => multiset.subtract_counts(&counts([("hits", -1)])).await.unwrap(),
            5 => multiset.plus_assign(&one).await.unwrap(),
            6 => multiset.minus_assign(&counts([("hits", -1)])).await.unwrap(),
            // What another multiset counts.
            _ => multiset.update_counts(&multiset.object().node().multiset("one")).await.unwrap(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_however_many_count_at_once_and_by_whatever_way() {
    let mesh = Mesh::new().await.unwrap();
    let nodes = [mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap()];
    nodes[0].multiset::<String>("one").increment("hits", 1).await.unwrap();

    let tasks = (0..8_usize).map(|task| {
        let multiset = nodes[task % 2].multiset::<String>("busy");
        tokio::spawn(count_up(multiset, task))
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }

    assert_eq!(nodes[1].multiset::<String>("busy").to_map().await.unwrap(), counts([("hits", 8_000)]));
}

#[tokio::test(start_paused = true)]
async fn a_count_that_does_not_fit_is_refused_and_changes_nothing() {
    let mesh = Mesh::new().await.unwrap();
    let multiset = mesh.node("one").await.unwrap().multiset::<f64>("large");
    multiset.set(1.0, i64::MAX).await.unwrap();

    let refused = multiset.update([2.0, 1.0]).await.unwrap_err();

    assert_eq!(refused.to_string(), "expected a count of 64 bits, found 9223372036854775808");
    assert_eq!(multiset.len().await.unwrap(), 1);
    assert!(matches!(multiset.update([f64::NAN]).await, Err(DataError::Invalid { .. })));
    assert_eq!(multiset.remove(1.0).await.unwrap(), Some(i64::MAX));
}

#[tokio::test(start_paused = true)]
async fn a_multiset_with_a_ttl_goes_as_a_whole() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (short, plain) = (node.multiset::<String>("short").ttl(secs(10)), node.multiset::<String>("short"));

    short.update(["a"]).await.unwrap();
    mesh.advance(secs(9)).await;
    short.increment("a", 1).await.unwrap();
    mesh.advance(secs(9)).await;
    plain.increment("b", 1).await.unwrap();
    short.remove("a").await.unwrap();
    assert_eq!(plain.to_map().await.unwrap(), counts([("b", 1)]));
    mesh.advance(secs(1)).await;
    assert!(plain.is_empty().await.unwrap());

    // The time of what is gone is not handed down to what others count.
    short.increment("a", 1).await.unwrap();
    plain.minus_assign(Tallies::of([("a", 1)])).await.unwrap();
    plain.increment("b", 1).await.unwrap();
    mesh.advance(secs(200)).await;
    assert_eq!(plain.to_map().await.unwrap(), counts([("b", 1)]));
    let never = plain.clone().ttl(Duration::ZERO).increment("a", 1).await;
    assert!(matches!(never, Err(DataError::Invalid { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_walk_over_many_values_comes_to_each_of_them_once() {
    let mesh = Mesh::new().await.unwrap();
    let numbers = mesh.node("one").await.unwrap().multiset::<u32>("many");
    numbers.update_counts(Tallies::of((0..2_500).map(|value| (value, i64::from(value))))).await.unwrap();

    let mut walked: Vec<(u32, i64)> = numbers.iter().map(Result::unwrap).collect().await;
    walked.sort_unstable();

    assert!(walked.into_iter().eq((0..2_500).map(|value| (value, i64::from(value)))));
}
