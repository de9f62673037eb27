//! Hashes as maps.

use std::collections::{BTreeMap, HashMap};

use daffi::{DataError, Dict, Node};
use daffi_core::testing::Mesh;
use futures::future::join_all;

async fn dict() -> (Mesh, Dict<String, u64>) {
    let mesh = Mesh::new().await.unwrap();
    let dict = mesh.node("one").await.unwrap().dict("stock");
    (mesh, dict)
}

#[tokio::test(start_paused = true)]
async fn a_dict_has_what_maps_have() {
    let (mesh, stock) = dict().await;
    let theirs: Dict<String, u64> = mesh.node("other").await.unwrap().dict("stock");

    assert_eq!(stock.insert("tea", 4).await.unwrap(), None);
    assert_eq!(theirs.insert("tea", 5).await.unwrap(), Some(4));
    assert_eq!(stock.get_or_insert("tea", 9).await.unwrap(), 5);
    assert_eq!(stock.update([("milk", 1), ("tea", 6), ("rice", 3)]).await.unwrap(), 2);
    assert!(theirs.contains("milk").await.unwrap() && !theirs.contains("sand").await.unwrap());
    assert_eq!(stock.keys().await.unwrap(), ["tea", "milk", "rice"]);
    assert_eq!(stock.values().await.unwrap(), [6, 1, 3], "in the order of the keys");
    let all = [("milk", 1), ("rice", 3), ("tea", 6)].map(|(key, value)| (key.to_owned(), value));
    assert_eq!(theirs.to_map().await.unwrap(), BTreeMap::from(all));

    assert_eq!(stock.pop("tea").await.unwrap(), Some(6));
    assert_eq!(stock.pop("tea").await.unwrap(), None);
    assert!(stock.remove("milk").await.unwrap() && !stock.remove("milk").await.unwrap());
    assert_eq!(theirs.popitem().await.unwrap(), Some(("rice".to_owned(), 3)));
    assert_eq!(theirs.popitem().await.unwrap(), None);
    assert_eq!(stock.clear().await.unwrap(), 0);
    assert_eq!((stock.len().await.unwrap(), stock.values().await.unwrap()), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_dict_equals_a_map_with_the_same_entries_alone() {
    let (_mesh, stock) = dict().await;
    let map = BTreeMap::from([("tea".to_owned(), 4), ("milk".to_owned(), 1)]);
    stock.update(&map).await.unwrap();

    assert!(stock.equals(&map).await.unwrap());
    assert!(stock.equals(map.clone().into_iter().collect::<HashMap<String, u64>>()).await.unwrap());
    assert!(stock.equals([("milk", 7), ("tea", 4), ("milk", 1)]).await.unwrap(), "the last one counts");
    for other in [
        &[("tea", 4)][..],
        &[("tea", 4), ("milk", 2)],
        &[("tea", 4), ("salt", 1)],
        &[("tea", 4), ("milk", 1), ("salt", 1)],
    ] {
        assert!(!stock.equals(other.iter().copied()).await.unwrap(), "{other:?}");
    }
    stock.clear().await.unwrap();
    assert!(stock.equals(BTreeMap::<String, u64>::new()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn values_are_compared_as_what_they_are() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let maps = node.dict::<u8, HashMap<String, u8>>("maps");
    let pairs: Vec<(String, u8)> = (0..20).map(|number| (format!("key {number}"), number)).collect();
    maps.insert(1, HashMap::from_iter(pairs.clone())).await.unwrap();
    let floats = node.dict::<u8, f64>("floats");
    floats.update([(1, 1.0), (2, -0.0)]).await.unwrap();

    let backwards: HashMap<String, u8> = pairs.into_iter().rev().collect();
    assert!(maps.equals([(1, &backwards)]).await.unwrap(), "in whatever order the pairs come");
    assert!(floats.equals([(1, 1.0), (2, 0.0)]).await.unwrap());
    assert!(!node.dict::<u8, u8>("floats").equals([(1, 1), (2, 0)]).await.unwrap());
    let nothing = floats.equals([(1, f64::NAN)]).await;
    assert!(matches!(nothing, Err(DataError::Invalid { .. })), "{nothing:?}");
    // What is stored may have NaN in it, and then it equals nothing.
    floats.update([(1, f64::NAN)]).await.unwrap();
    assert!(!floats.equals([(1, 1.0), (2, 0.0)]).await.unwrap());
}

/// Adds 1 a thousand times by one way.
async fn count(node: &Node, way: usize, task: usize) {
    let dict = node.dict::<String, i64>("counts");
    let key = format!("way {way}");
    for turn in 0..1_000 {
        match way {
            0 => drop(dict.increment(&key, 1).await.unwrap()),
            1 => {
                let mut batch = node.batch();
                batch.add(dict.increment(&key, 3));
                batch.add(dict.increment(&key, -2));
                batch.await.unwrap();
            }
            // Its own keys, as many as there are turns.
            2 => assert_eq!(dict.update([(format!("{task}/{turn}"), 1)]).await.unwrap(), 1),
            3 => assert_eq!(dict.insert(format!("{task}:{turn}"), 1).await.unwrap(), None),
            _ => {
                // Keys that all want: one gets each.
                let mine = dict.get_or_insert(format!("won {turn}"), task as i64).await.unwrap();
                assert!(mine < 8);
                dict.increment(format!("won by {mine}"), i64::from(mine == task as i64)).await.unwrap();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_of_what_eight_tasks_count_by_every_way() {
    let mesh = Mesh::new().await.unwrap();
    let mut nodes = Vec::new();
    for task in 0..8 {
        nodes.push(mesh.node(&format!("n{task}")).await.unwrap());
    }

    for way in 0..5 {
        join_all(nodes.iter().enumerate().map(|(task, node)| count(node, way, task))).await;
    }

    let counts = nodes[0].dict::<String, i64>("counts");
    assert_eq!(counts.get("way 0").await.unwrap(), Some(8_000));
    assert_eq!(counts.get("way 1").await.unwrap(), Some(8_000));
    let all = counts.to_map().await.unwrap();
    let sum =
        |mark: &str| all.iter().filter(|(key, _)| key.contains(mark)).map(|(_, value)| value).sum::<i64>();
    assert_eq!((sum("/"), sum(":")), (8_000, 8_000));
    assert_eq!(sum("won by "), 1_000, "each key was one task's");
}

#[tokio::test(start_paused = true)]
async fn no_sum_is_lost_that_is_read_and_written_only_if_nobody_else_has() {
    let mesh = Mesh::new().await.unwrap();
    let mut counting = Vec::new();
    for task in 0..8 {
        let dict = mesh.node(&format!("n{task}")).await.unwrap().dict::<String, i64>("compared");
        counting.push(async move {
            let (mut done, mut before) = (0, None);
            while done < 1_000 {
                let after = before.unwrap_or(0) + 1;
                if dict.compare_and_set("sum", before.as_ref(), Some(&after)).await.unwrap() {
                    (done, before) = (done + 1, Some(after));
                } else {
                    before = dict.get("sum").await.unwrap();
                }
            }
        });
    }

    join_all(counting).await;

    let sum = mesh.node("last").await.unwrap().dict::<String, i64>("compared").get("sum").await.unwrap();
    assert_eq!(sum, Some(8_000));
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_popped_once_whoever_pops() {
    let mesh = Mesh::new().await.unwrap();
    let mut popping = Vec::new();
    for task in 0..8 {
        let dict = mesh.node(&format!("n{task}")).await.unwrap().dict::<u32, u32>("popped");
        if task == 0 {
            dict.update((0..1_000).map(|key| (key, key * 2))).await.unwrap();
        }
        popping.push(async move {
            let mut popped = Vec::new();
            while let Some(entry) = dict.popitem().await.unwrap() {
                popped.push(entry);
            }
            popped
        });
    }

    let mut popped = join_all(popping).await.concat();
    popped.sort_unstable();

    assert_eq!(popped, (0..1_000).map(|key| (key, key * 2)).collect::<Vec<_>>());
}
