//! Deques.

use std::collections::BTreeSet;
use std::time::Duration;

use daffi::datatypes::Slice;
use daffi::{DataError, secs};
use daffi_core::testing::Mesh;
use futures::StreamExt;

fn is_invalid<T>(result: Result<T, DataError>) -> bool {
    matches!(result.err(), Some(DataError::Invalid { .. }))
}

#[tokio::test(start_paused = true)]
async fn values_come_and_go_at_both_ends() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (mine, theirs) = (one.deque::<String>("line"), other.deque::<String>("line"));

    assert_eq!(mine.push_back("b").await.unwrap(), 1);
    assert_eq!(theirs.push_front("a").await.unwrap(), 2);
    assert_eq!(theirs.extend(["c", "d"]).await.unwrap(), 4);
    // As Python's `extendleft`: one after the other.
    assert_eq!(mine.extend_left(["y", "x"]).await.unwrap(), 6);
    assert_eq!(theirs.to_vec().await.unwrap(), ["x", "y", "a", "b", "c", "d"]);

    assert_eq!(theirs.pop_back().await.unwrap().as_deref(), Some("d"));
    assert_eq!(theirs.pop_front().await.unwrap().as_deref(), Some("x"));
    assert_eq!(theirs.pop_at(1).await.unwrap().as_deref(), Some("a"));
    assert_eq!(mine.get(-1).await.unwrap().as_deref(), Some("c"));
    assert_eq!(mine.get(3).await.unwrap(), None);
    mine.set(0, "b").await.unwrap();
    assert!(is_invalid(mine.set(3, "z").await));
    assert_eq!(mine.index("b").await.unwrap(), Some(0));
    assert_eq!(mine.index_in("b", Slice::from(..).step(-1)).await.unwrap(), Some(1));
    assert_eq!(mine.index_in("b", 2..).await.unwrap(), None);
    assert_eq!(mine.count("b").await.unwrap(), 2);
    assert!(mine.contains("c").await.unwrap() && !mine.contains("d").await.unwrap());
    assert!(mine.remove("b").await.unwrap() && !mine.remove("d").await.unwrap());
    mine.reverse().await.unwrap();
    assert!(mine.equals(["c", "b"]).await.unwrap());
    assert_eq!(mine.repeat(2).await.unwrap(), 4);
    assert_eq!(mine.clear().await.unwrap(), 4);
    assert_eq!(theirs.pop_back().await.unwrap(), None);
    assert_eq!(theirs.pop_front().await.unwrap(), None);
    assert!(theirs.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_full_deque_drops_what_is_at_the_other_end() {
    let mesh = Mesh::new().await.unwrap();
    let deque = mesh.node("one").await.unwrap().deque::<u32>("latest").bounded(3);

    assert_eq!(deque.extend(0..10).await.unwrap(), 3);
    assert_eq!(deque.to_vec().await.unwrap(), [7, 8, 9]);
    deque.push_back(10).await.unwrap();
    assert_eq!(deque.to_vec().await.unwrap(), [8, 9, 10]);
    deque.push_front(7).await.unwrap();
    assert_eq!(deque.to_vec().await.unwrap(), [7, 8, 9]);
    deque.extend_left([1, 2]).await.unwrap();
    assert_eq!(deque.to_vec().await.unwrap(), [2, 1, 7]);
    deque.repeat(u64::MAX).await.unwrap();
    assert_eq!(deque.to_vec().await.unwrap(), [2, 1, 7]);

    let full = deque.insert(1, 5).await.unwrap_err();
    assert!(matches!(full, DataError::Full { .. }), "{full}");
    assert_eq!(full.to_string(), "full: the deque has reached its maxlen, 3");
    deque.pop_back().await.unwrap();
    assert_eq!(deque.insert(1, 5).await.unwrap(), 3);
    assert_eq!(deque.to_vec().await.unwrap(), [2, 5, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_bound_is_the_deques_own_whatever_a_handle_knows_of_it() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let bounded = one.deque::<u32>("latest").bounded(3);
    assert_eq!(bounded.open().await.unwrap(), Some(3));

    // Pottery's other instances let it grow.
    let plain = other.deque::<u32>("latest");
    assert_eq!(plain.extend(0..10).await.unwrap(), 3);
    assert_eq!(plain.maxlen().await.unwrap(), Some(3));
    assert_eq!(plain.open().await.unwrap(), Some(3));

    let wrong = other.deque::<u32>("latest").bounded(5);
    let told = "expected a deque of maxlen 5, found one of maxlen 3";
    assert_eq!(wrong.open().await.unwrap_err().to_string(), told);
    assert!(matches!(wrong.push_back(1).await, Err(DataError::WrongValue { .. })));
    assert!(matches!(wrong.insert(0, 1).await, Err(DataError::WrongValue { .. })));
    assert_eq!(wrong.to_vec().await.unwrap(), [7, 8, 9], "whoever reads may");

    // One that has grown without a bound gets none by the way.
    let grown = one.deque::<u32>("grown");
    grown.push_back(1).await.unwrap();
    let told = "expected a deque of maxlen 1, found one without";
    assert_eq!(grown.clone().bounded(1).open().await.unwrap_err().to_string(), told);
}

#[tokio::test(start_paused = true)]
async fn a_bound_of_nothing_keeps_nothing_and_a_bound_goes_with_its_object() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let nothing = node.deque::<u32>("none").bounded(0);
    assert_eq!(nothing.extend(0..5).await.unwrap(), 0);
    assert!(matches!(nothing.insert(0, 1).await, Err(DataError::Full { .. })));

    // Emptied it is there still, until it is destroyed.
    assert_eq!(node.deque::<u32>("none").push_back(1).await.unwrap(), 0);
    assert!(nothing.object().destroy().await.unwrap());
    assert_eq!(node.deque::<u32>("none").push_back(1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_turns_by_any_number_and_loses_nothing() {
    let mesh = Mesh::new().await.unwrap();
    let deque = mesh.node("one").await.unwrap().deque::<u32>("turned");
    deque.rotate(5).await.unwrap();
    deque.extend(0..3).await.unwrap();

    for (by, expected) in [
        (1, [2, 0, 1]),
        (-1, [0, 1, 2]),
        (4, [2, 0, 1]),
        (-4, [0, 1, 2]),
        (0, [0, 1, 2]),
        (-300, [0, 1, 2]),
        (i64::MAX, [2, 0, 1]),
    ] {
        deque.rotate(by).await.unwrap();
        assert_eq!(deque.to_vec().await.unwrap(), expected, "{by}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_however_many_write_at_once_and_by_whatever_way() {
    let mesh = Mesh::new().await.unwrap();
    let nodes = [mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap()];
    let tasks = (0..8_u32).map(|task| {
        let deque = nodes[task as usize % 2].deque::<u32>("busy");
        tokio::spawn(async move {
            for value in task * 1_000..(task + 1) * 1_000 {
                match task {
                    0 | 1 => {
                        deque.push_back(value).await.unwrap();
                    }
                    2 | 3 => {
                        deque.push_front(value).await.unwrap();
                    }
                    4 => {
                        deque.extend([value]).await.unwrap();
                    }
                    5 => {
                        deque.extend_left([value]).await.unwrap();
                    }
                    6 => {
                        deque.insert(3, value).await.unwrap();
                    }
                    // It turns while the others write, and what comes out goes back in.
                    _ => {
                        deque.rotate(i64::from(value) - 7_500).await.unwrap();
                        deque.push_front(value).await.unwrap();
                        let out = deque.pop_front().await.unwrap().unwrap();
                        deque.push_back(out).await.unwrap();
                    }
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }

    let deque = nodes[0].deque::<u32>("busy");
    let values: Vec<u32> = deque.iter().map(Result::unwrap).collect().await;
    assert_eq!(values.len(), 8_000);
    assert_eq!(values.into_iter().collect::<BTreeSet<_>>(), (0..8_000).collect());
}

#[tokio::test(start_paused = true)]
async fn a_deque_with_a_ttl_goes_as_a_whole_with_its_bound() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (deque, plain) = (node.deque::<u32>("short").bounded(2).ttl(secs(10)), node.deque::<u32>("short"));

    deque.extend([1, 2, 3]).await.unwrap();
    mesh.advance(secs(9)).await;
    deque.push_front(0).await.unwrap();
    mesh.advance(secs(9)).await;
    plain.push_back(4).await.unwrap();
    deque.rotate(1).await.unwrap();
    assert_eq!(plain.to_vec().await.unwrap(), [4, 2]);
    mesh.advance(secs(1)).await;

    assert!(plain.is_empty().await.unwrap());
    assert_eq!(plain.maxlen().await.unwrap(), None);
    assert_eq!(plain.extend([1, 2, 3]).await.unwrap(), 3);
    assert!(is_invalid(plain.clone().ttl(Duration::ZERO).push_back(5).await));
}

#[tokio::test(start_paused = true)]
async fn an_exported_deque_comes_back_with_its_bound() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let deque = node.deque::<u32>("kept").bounded(3);
    deque.extend(0..5).await.unwrap();

    let exported = node.export("deque", "kept").await.unwrap().unwrap();
    deque.object().destroy().await.unwrap();
    node.import(&exported).await.unwrap();

    assert_eq!(deque.to_vec().await.unwrap(), [2, 3, 4]);
    assert_eq!(deque.maxlen().await.unwrap(), Some(3));
}
