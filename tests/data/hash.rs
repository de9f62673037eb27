//! Hashes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use daffi::datatypes::LimitedAdd;
use daffi::{DataError, Hash, millis, secs};
use daffi_core::testing::Mesh;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

fn is_invalid<T>(result: Result<T, DataError>) -> bool {
    matches!(result.err(), Some(DataError::Invalid { .. }))
}

fn is_wrong_value<T>(result: Result<T, DataError>) -> bool {
    matches!(result.err(), Some(DataError::WrongValue { .. }))
}

#[tokio::test(start_paused = true)]
async fn what_one_node_stores_others_find() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (mine, theirs) = (one.hash::<String, u64>("stock"), other.hash::<String, u64>("stock"));

    assert!(mine.add("tea", 4).await.unwrap());
    assert!(!theirs.add("tea", 5).await.unwrap());
    assert_eq!(theirs.get("tea").await.unwrap(), Some(4));
    assert!(!theirs.set("tea", 6).await.unwrap());
    assert_eq!(mine.replace("tea", 7).await.unwrap(), Some(6));
    assert_eq!(mine.replace("milk", 1).await.unwrap(), None);
    assert_eq!(mine.multi_set([("tea", 8), ("salt", 2), ("rice", 3)]).await.unwrap(), 2);
    assert_eq!(theirs.len().await.unwrap(), 4);
    assert!(theirs.exists("salt").await.unwrap() && !theirs.exists("sand").await.unwrap());
    assert_eq!(
        theirs.keys().await.unwrap(),
        ["tea", "milk", "rice", "salt"],
        "in the order of the encoded keys"
    );
    let all = [("milk", 1), ("rice", 3), ("salt", 2), ("tea", 8)].map(|(key, value)| (key.to_owned(), value));
    assert_eq!(theirs.items().await.unwrap(), BTreeMap::from(all));

    assert_eq!(theirs.pop("tea").await.unwrap(), Some(8));
    assert_eq!(mine.pop("tea").await.unwrap(), None);
    assert!(mine.remove("milk").await.unwrap() && !mine.remove("milk").await.unwrap());
    let (key, _) = mine.pop_any().await.unwrap().unwrap();
    assert!(!theirs.exists(&key).await.unwrap());
    assert_eq!(theirs.clear().await.unwrap(), 1);
    assert!(mine.is_empty().await.unwrap());
    assert_eq!(mine.pop_any().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn keys_and_values_are_of_any_type() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Order {
        item: String,
        notes: HashMap<String, Vec<u8>>,
    }
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let orders = node.hash::<(u32, Option<bool>), Order>("orders");
    let notes = HashMap::from([("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![])]);
    let order = Order { item: "tea".into(), notes };

    assert!(orders.set((1, None), &order).await.unwrap());
    assert!(orders.set((1, Some(true)), order.clone()).await.unwrap());

    assert_eq!(orders.get((1, None)).await.unwrap(), Some(order.clone()));
    // The same pairs in another order make the same value.
    let same = Order { notes: order.notes.clone().into_iter().collect(), ..order.clone() };
    assert!(orders.conditional_remove((1, None), &same).await.unwrap());
    let large = node.hash::<String, Vec<u8>>("large");
    large.set("mebibyte", &vec![7; 1 << 20][..]).await.unwrap();
    assert_eq!(large.get("mebibyte").await.unwrap().unwrap().len(), 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_stored_null_is_told_from_none_at_all() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, Option<u8>>("nulls");

    hash.set("null", None).await.unwrap();

    assert_eq!(hash.get("null").await.unwrap(), Some(None));
    assert_eq!(hash.get("none").await.unwrap(), None);
    assert!(!hash.compare_and_set("null", None, Some(&Some(1))).await.unwrap());
    assert!(hash.compare_and_set("null", Some(&None), Some(&Some(1))).await.unwrap());
    assert_eq!(hash.pop("null").await.unwrap(), Some(Some(1)));
    assert_eq!(hash.pop("null").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_handle_or_node_that_goes_leaves_everything_there() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    {
        let hash = one.hash::<String, u8>("kept");
        hash.set("key", 1).await.unwrap();
    }
    mesh.kill("one");
    mesh.settled().await;

    assert_eq!(other.hash::<String, u8>("kept").get("key").await.unwrap(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn sums_of_many_nodes_are_not_lost() {
    let mesh = Mesh::new().await.unwrap();
    let mut nodes = Vec::new();
    for number in 0..8 {
        nodes.push(mesh.node(&format!("n{number}")).await.unwrap());
    }
    let hash = nodes[0].hash::<String, i64>("sums");

    let counted = nodes.iter().map(|node| {
        let hash = node.hash::<String, i64>("sums");
        async move {
            for _ in 0..50 {
                hash.increment("all", 2).await.unwrap();
            }
        }
    });
    join_all(counted).await;
    // The same by looking and writing only if nobody else has.
    let raised = nodes.iter().map(|node| {
        let hash = node.hash::<String, i64>("sums");
        async move {
            let mut lost = 0;
            loop {
                let before = hash.get("compared").await.unwrap();
                let after = before.unwrap_or_default() + 1;
                if hash.compare_and_set("compared", before.as_ref(), Some(&after)).await.unwrap() {
                    return lost;
                }
                lost += 1;
            }
        }
    });
    let lost: u64 = join_all(raised).await.into_iter().sum();

    assert_eq!(hash.get("all").await.unwrap(), Some(800));
    assert_eq!(hash.get("compared").await.unwrap(), Some(8));
    assert!(lost > 0, "they met");
}

#[tokio::test(start_paused = true)]
async fn only_one_of_many_first_values_is_stored_and_all_get_it() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());

    let both = [&one, &other].map(|node| async {
        let name = node.name().to_string();
        node.hash::<String, String>("elected").get_or_insert("leader", name).await.unwrap()
    });
    let got = join_all(both).await;

    assert_eq!(got[0], got[1]);
    assert_eq!(one.hash::<String, String>("elected").get("leader").await.unwrap(), Some(got[0].clone()));
}

#[tokio::test(start_paused = true)]
async fn only_integers_can_be_added_to() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let numbers = node.hash::<String, f64>("numbers");
    let texts = node.hash::<String, String>("numbers");
    let sums = node.hash::<String, i64>("numbers");
    numbers.set("half", 1.5).await.unwrap();
    numbers.set("one", 1.0).await.unwrap();
    texts.set("text", "1").await.unwrap();
    sums.set("most", i64::MAX).await.unwrap();
    node.hash::<String, u64>("numbers").set("more", u64::MAX).await.unwrap();

    for key in ["half", "one", "text", "most", "more"] {
        assert!(is_wrong_value(sums.increment(key, 1).await), "{key}");
    }

    let error = sums.increment("text", 1).await.unwrap_err();
    assert_eq!(error.to_string(), "expected an integer of 64 bits by the key \"text\", found a text");
    assert_eq!(sums.get("most").await.unwrap(), Some(i64::MAX));
    assert_eq!(sums.increment("most", i64::MIN).await.unwrap(), -1);
    assert_eq!(sums.increment("new", -3).await.unwrap(), -3);
    assert_eq!(sums.increment("new", 5).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn adding_under_a_limit_tells_added_there_and_full_apart() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, u8>("limited");

    assert_eq!(hash.limited_add("a", 1, 2).await.unwrap(), LimitedAdd::Added);
    assert_eq!(hash.limited_add("a", 2, 2).await.unwrap(), LimitedAdd::Exists);
    assert_eq!(hash.limited_add("b", 3, 2).await.unwrap(), LimitedAdd::Added);
    assert_eq!(hash.limited_add("c", 4, 2).await.unwrap(), LimitedAdd::Full);
    assert_eq!(hash.limited_add("a", 5, 2).await.unwrap(), LimitedAdd::Full, "the limit comes first");
    assert_eq!(hash.limited_add("d", 6, 0).await.unwrap(), LimitedAdd::Full);

    assert_eq!(hash.get("a").await.unwrap(), Some(1));
    assert_eq!(hash.len().await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_entry_goes_only_with_the_value_it_is_expected_to_have() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let maps = node.hash::<String, BTreeMap<String, i64>>("conditional");
    let value = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
    maps.set("map", &value).await.unwrap();
    let numbers = node.hash::<String, f64>("conditional");
    numbers.set("one", 1.0).await.unwrap();

    let backwards: HashMap<String, i64> = value.clone().into_iter().rev().collect();
    let others = node.hash::<String, HashMap<String, i64>>("conditional");
    assert!(!others.conditional_remove("map", HashMap::from([("a".to_owned(), 1)])).await.unwrap());
    assert!(others.conditional_remove("map", &backwards).await.unwrap());
    assert!(!node.hash::<String, i64>("conditional").conditional_remove("one", 1).await.unwrap());
    assert!(!numbers.conditional_remove("none", 1.0).await.unwrap());
    assert!(is_invalid(numbers.conditional_remove("one", f64::NAN).await));
    assert!(numbers.conditional_remove("one", 1.0).await.unwrap());

    assert!(numbers.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_value_changes_only_if_it_is_what_it_is_expected_to_be() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, u8>("compared");

    assert!(!hash.compare_and_set("key", Some(&1), Some(&2)).await.unwrap());
    assert!(hash.compare_and_set("key", None, Some(&1)).await.unwrap());
    assert!(!hash.compare_and_set("key", None, Some(&2)).await.unwrap());
    assert!(!hash.compare_and_set("key", Some(&2), None).await.unwrap());
    assert_eq!(hash.get("key").await.unwrap(), Some(1));
    assert!(hash.compare_and_set("key", Some(&1), None).await.unwrap());
    assert!(hash.compare_and_set("key", None, None).await.unwrap());

    assert!(hash.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn each_write_of_a_handle_with_a_ttl_begins_it_anew() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, i64>("short").ttl(secs(10));
    let plain = node.hash::<String, i64>("short");

    hash.set("key", 1).await.unwrap();
    for write in 0..6 {
        // Far less than half of the TTL has passed since the last one, and still it counts.
        mesh.advance(secs(3)).await;
        match write {
            0 => assert!(hash.add("added", 1).await.unwrap()),
            1 => assert_eq!(hash.multi_set([("many", 1)]).await.unwrap(), 1),
            2 => assert_eq!(hash.increment("sum", 1).await.unwrap(), 1),
            3 => assert_eq!(hash.limited_add("limited", 1, 100).await.unwrap(), LimitedAdd::Added),
            4 => assert_eq!(hash.get_or_insert("got", 1).await.unwrap(), 1),
            _ => assert!(hash.compare_and_set("key", Some(&1), Some(&2)).await.unwrap()),
        }
    }
    mesh.advance(secs(9)).await;
    assert_eq!(plain.len().await.unwrap(), 6);

    // What reads, removes, or has no TTL leaves the time as it is.
    hash.get("key").await.unwrap();
    hash.pop("many").await.unwrap();
    plain.set("plain", 1).await.unwrap();
    mesh.advance(secs(1)).await;
    assert!(plain.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_hash_that_was_emptied_expires_again_from_its_next_write_on() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, u8>("short").ttl(secs(10));
    let plain = node.hash::<String, u8>("short");

    for empty in 0..4 {
        hash.set_for("key", 1, secs(2)).await.unwrap();
        match empty {
            0 => assert_eq!(hash.clear().await.unwrap(), 1),
            1 => assert_eq!(hash.pop("key").await.unwrap(), Some(1)),
            2 => assert!(hash.conditional_remove("key", 1).await.unwrap()),
            _ => mesh.advance(secs(2)).await,
        }
        assert!(plain.is_empty().await.unwrap());
        hash.set("key", 2).await.unwrap();
        mesh.advance(secs(9)).await;
        assert_eq!(plain.get("key").await.unwrap(), Some(2));
        mesh.advance(secs(1)).await;
        assert_eq!(plain.get("key").await.unwrap(), None);
    }

    // The time of what is gone is not handed down to what others store.
    hash.set("key", 1).await.unwrap();
    plain.remove("key").await.unwrap();
    plain.set("key", 2).await.unwrap();
    mesh.advance(secs(200)).await;
    assert_eq!(plain.get("key").await.unwrap(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn entries_with_a_ttl_of_their_own_go_one_by_one() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, u8>("entries");
    hash.set_for("a", 1, secs(1)).await.unwrap();
    assert!(hash.add_for("b", 2, millis(2_500)).await.unwrap());
    assert!(!hash.add_for("b", 3, secs(1)).await.unwrap());
    hash.set("c", 3).await.unwrap();
    assert_eq!(hash.get_or_insert_for("d", 4, secs(1)).await.unwrap(), 4);
    assert_eq!(hash.limited_add_for("e", 5, 5, secs(1)).await.unwrap(), LimitedAdd::Added);
    assert_eq!(hash.get_or_insert_for("c", 4, secs(1)).await.unwrap(), 3);

    assert_eq!(hash.ttl_of("b").await.unwrap(), Some(millis(2_500)));
    assert_eq!(hash.ttl_of("c").await.unwrap(), None);
    assert_eq!(hash.ttl_of("none").await.unwrap(), None);
    mesh.advance(secs(1)).await;
    assert_eq!(hash.keys().await.unwrap(), ["b", "c"]);
    let left = hash.ttl_of("b").await.unwrap().unwrap();
    assert!(left <= millis(1_500) && left > millis(1_400), "{left:?}");
    assert!(hash.persist("b").await.unwrap() && !hash.persist("b").await.unwrap());
    assert!(hash.set_ttl_of("c", secs(1)).await.unwrap());
    assert!(!hash.set_ttl_of("none", secs(1)).await.unwrap());
    assert!(!hash.persist("none").await.unwrap());
    mesh.advance(secs(200)).await;

    assert_eq!(hash.items().await.unwrap(), BTreeMap::from([("b".to_owned(), 2)]));
}

#[tokio::test(start_paused = true)]
async fn setting_a_value_anew_ends_its_ttl_and_adding_to_it_does_not() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, i64>("entries");
    for key in ["set", "sum", "compared", "many"] {
        hash.set_for(key, 1, secs(1)).await.unwrap();
    }

    hash.set("set", 2).await.unwrap();
    hash.increment("sum", 1).await.unwrap();
    hash.compare_and_set("compared", Some(&1), Some(&2)).await.unwrap();
    hash.multi_set([("many", 2)]).await.unwrap();
    mesh.advance(secs(1)).await;

    let left: Vec<String> = hash.items().await.unwrap().into_keys().collect();
    assert_eq!(left, ["compared", "many", "set"]);
}

#[tokio::test(start_paused = true)]
async fn times_that_are_none_or_too_long_are_met_with_sense() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, u8>("times");

    assert!(is_invalid(hash.set_for("key", 1, Duration::ZERO).await));
    assert!(is_invalid(hash.set_ttl_of("key", Duration::ZERO).await));
    assert!(is_invalid(hash.clone().ttl(Duration::ZERO).set("key", 1).await));
    assert!(hash.is_empty().await.unwrap());

    hash.set_for("brief", 1, Duration::from_nanos(1)).await.unwrap();
    assert_eq!(hash.ttl_of("brief").await.unwrap(), Some(millis(1)));
    let long = hash.clone().ttl(Duration::MAX);
    long.set_for("long", 1, Duration::MAX).await.unwrap();
    mesh.advance(secs(10_000)).await;
    assert_eq!(hash.keys().await.unwrap(), ["long"]);
}

#[tokio::test(start_paused = true)]
async fn an_iteration_sees_what_stays_exactly_once_whatever_else_comes_and_goes() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<u32, u32>("many");
    assert_eq!(hash.multi_set((0..3_125).map(|key| (key, key * 2))).await.unwrap(), 3_125);

    let mut entries = hash.iter();
    let mut seen = Vec::new();
    while let Some(entry) = entries.next().await {
        let (key, value) = entry.unwrap();
        assert_eq!(value, key * 2);
        seen.push(key);
        // Between the pages every third one goes, and new ones come.
        if seen.len() % 500 == 0 {
            let turn = seen.len() as u32;
            for key in (0..3_125).filter(|key| key % 3 == 0).skip(turn as usize / 4).take(100) {
                hash.remove(key).await.unwrap();
            }
            hash.multi_set((0..100).map(|key| (key + turn * 1_000, (key + turn * 1_000) * 2))).await.unwrap();
        }
    }

    let mut stayed: Vec<u32> = seen.iter().copied().filter(|key| *key < 3_125 && key % 3 != 0).collect();
    stayed.sort_unstable();
    assert_eq!(stayed, (0..3_125).filter(|key| key % 3 != 0).collect::<Vec<_>>());
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "nothing came twice");
    assert!(hash.iter().all(|entry| async move { entry.is_ok() }).await);
    hash.clear().await.unwrap();
    assert_eq!(hash.iter().count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_of_another_type_is_an_error_that_names_both() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let numbers = node.hash::<String, u8>("mixed");
    numbers.multi_set([("a", 1), ("c", 3)]).await.unwrap();
    node.hash::<String, String>("mixed").set("b", "text").await.unwrap();

    let error = numbers.get("b").await.unwrap_err();

    assert!(matches!(&error, DataError::WrongValue { expected, .. } if expected == "u8"), "{error}");
    assert_eq!(error.to_string(), "expected u8, found a text");
    assert!(is_wrong_value(numbers.items().await));
    let walked: Vec<Result<(String, u8), DataError>> = numbers.iter().collect().await;
    assert_eq!(walked.len(), 3);
    assert!(walked[0].is_ok() && is_wrong_value(walked[1].clone()) && walked[2].is_ok());
    // Two keys that one type cannot tell apart are not made one in silence.
    let integers = node.hash::<i64, u8>("keys");
    integers.set(1, 1).await.unwrap();
    let floats = node.hash::<Float, u8>("keys");
    floats.set(Float(1.0), 2).await.unwrap();
    assert_eq!(floats.len().await.unwrap(), 2);
    assert!(is_wrong_value(floats.items().await));
}

/// A float with an order.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
struct Float(f64);

impl Eq for Float {}

#[expect(clippy::derive_ord_xor_partial_ord, reason = "tests have no NaN")]
impl Ord for Float {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[tokio::test(start_paused = true)]
async fn one_name_may_be_that_of_a_hash_and_a_set_and_counters() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (hash, set) = (node.hash::<String, u8>("orders"), node.set::<String>("orders"));

    hash.set("tea", 1).await.unwrap();
    set.add("milk").await.unwrap();
    node.counters("orders").inc("rice", 1).await.unwrap();

    assert_eq!(hash.keys().await.unwrap(), ["tea"]);
    assert_eq!(set.members().await.unwrap(), ["milk"]);
    // A dict is a hash by another name.
    let dict: Hash<String, u8> = node.dict("orders");
    assert_eq!(dict.get("tea").await.unwrap(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn no_key_is_what_cannot_be_found_again() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<Float, u8>("floats");

    assert!(is_invalid(hash.set(Float(f64::NAN), 1).await));
    assert!(is_invalid(hash.multi_set([(Float(1.0), 1), (Float(f64::NAN), 1)]).await));
    assert!(hash.is_empty().await.unwrap(), "all or nothing");
    assert_eq!(hash.multi_set(BTreeMap::<Float, u8>::new()).await.unwrap(), 0);

    hash.set(Float(0.0), 1).await.unwrap();
    assert_eq!(hash.get(Float(-0.0)).await.unwrap(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_walk_comes_past_entries_that_hardly_fit_a_reply() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<u8, serde_bytes::ByteBuf>("large");
    for (key, bytes) in [(1, 200 << 10), (2, 3_900 << 10), (3, 10)] {
        hash.set(key, serde_bytes::ByteBuf::from(vec![7; bytes])).await.unwrap();
    }

    let walked: Vec<(u8, serde_bytes::ByteBuf)> = hash.iter().try_collect().await.unwrap();

    assert_eq!(walked.iter().map(|(_, value)| value.len()).collect::<Vec<_>>(), [200 << 10, 3_900 << 10, 10]);
}
