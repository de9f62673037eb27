//! Lists.

use std::collections::BTreeSet;
use std::time::Duration;

use daffi::datatypes::{ListChange, Slice, SortOrder};
use daffi::{DataError, Heard, List, secs};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::future::join_all;

fn is_invalid<T>(result: Result<T, DataError>) -> bool {
    matches!(result.err(), Some(DataError::Invalid { .. }))
}

#[tokio::test(start_paused = true)]
async fn what_one_node_puts_in_stands_at_its_place_for_all() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (mine, theirs) = (one.list::<String>("lyrics"), other.list::<String>("lyrics"));

    assert_eq!(mine.push("everything").await.unwrap(), 1);
    assert_eq!(theirs.extend(["in", "its", "right", "..."]).await.unwrap(), 5);
    assert_eq!(theirs.extend(Vec::<String>::new()).await.unwrap(), 5, "nothing is no error");
    mine.set(4, "place").await.unwrap();

    assert_eq!(theirs.get(0).await.unwrap().as_deref(), Some("everything"));
    assert_eq!(theirs.get(-1).await.unwrap().as_deref(), Some("place"));
    assert_eq!(theirs.get(5).await.unwrap(), None);
    assert_eq!(theirs.get(-6).await.unwrap(), None);
    assert_eq!(theirs.to_vec().await.unwrap(), ["everything", "in", "its", "right", "place"]);
    assert!(theirs.equals(["everything", "in", "its", "right", "place"]).await.unwrap());
    assert!(!theirs.equals(["everything"]).await.unwrap());

    assert_eq!(theirs.pop().await.unwrap().as_deref(), Some("place"));
    assert_eq!(theirs.pop_at(1).await.unwrap().as_deref(), Some("in"));
    assert_eq!(theirs.pop_at(7).await.unwrap(), None);
    assert!(theirs.remove("its").await.unwrap() && !theirs.remove("its").await.unwrap());
    assert_eq!(mine.len().await.unwrap(), 2);
    assert_eq!(mine.clear().await.unwrap(), 2);
    assert!(theirs.is_empty().await.unwrap());
    assert_eq!(theirs.pop().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_not_there_is_an_error_for_those_who_write() {
    let mesh = Mesh::new().await.unwrap();
    let list = mesh.node("one").await.unwrap().list::<u32>("short");
    list.extend([1, 2]).await.unwrap();

    let error = list.set(2, 3).await.unwrap_err();
    assert_eq!(error.to_string(), "no value at the place 2: there are 2");
    assert!(is_invalid(list.set(-3, 3).await));

    assert_eq!(list.to_vec().await.unwrap(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_put_in_beyond_an_end_comes_to_that_end() {
    let mesh = Mesh::new().await.unwrap();
    let list = mesh.node("one").await.unwrap().list::<u32>("inserted");

    for (at, value) in [(5, 1), (-5, 2), (-1, 3), (1, 4), (i64::MAX, 5), (i64::MIN, 6)] {
        list.insert(at, value).await.unwrap();
    }

    assert_eq!(list.to_vec().await.unwrap(), [6, 2, 4, 3, 1, 5]);
}

#[tokio::test(start_paused = true)]
async fn slices_are_those_of_python() {
    let mesh = Mesh::new().await.unwrap();
    let list = mesh.node("one").await.unwrap().list::<u32>("slices");
    list.extend(0..6).await.unwrap();

    assert_eq!(list.slice((1, -2)).await.unwrap(), [1, 2, 3]);
    assert_eq!(list.slice(-2..).await.unwrap(), [4, 5]);
    assert_eq!(list.slice(..100).await.unwrap(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(list.slice(0..0).await.unwrap(), [] as [u32; 0]);
    assert_eq!(list.slice(Slice::from(..).step(-2)).await.unwrap(), [5, 3, 1]);
    assert_eq!(list.slice(Slice::new(Some(4), Some(0), Some(-2))).await.unwrap(), [4, 2]);

    // Longer, shorter, and put in before a place.
    assert_eq!(list.set_slice(1..3, [10, 11, 12]).await.unwrap(), 7);
    assert_eq!(list.to_vec().await.unwrap(), [0, 10, 11, 12, 3, 4, 5]);
    assert_eq!(list.set_slice(4.., [20]).await.unwrap(), 5);
    assert_eq!(list.set_slice(2..2, [30]).await.unwrap(), 6);
    assert_eq!(list.to_vec().await.unwrap(), [0, 10, 30, 11, 12, 20]);

    // Exactly as many, from back to front as well, or nothing happens.
    let every_other = Slice::from(..).step(-2);
    assert!(is_invalid(list.set_slice(every_other, [1, 2]).await));
    list.set_slice(every_other, [1, 2, 3]).await.unwrap();
    assert_eq!(list.to_vec().await.unwrap(), [0, 3, 30, 2, 12, 1]);

    assert_eq!(list.remove_slice(every_other).await.unwrap(), 3);
    assert_eq!(list.to_vec().await.unwrap(), [0, 30, 12]);
    assert_eq!(list.remove_slice(1..1).await.unwrap(), 0);
    assert_eq!(list.set_slice(.., Vec::<u32>::new()).await.unwrap(), 0);
    assert!(is_invalid(list.slice(Slice::from(..).step(0)).await));
}

#[tokio::test(start_paused = true)]
async fn values_are_found_by_what_they_are() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (integers, floats) = (node.list::<i64>("mixed"), node.list::<f64>("mixed"));
    integers.extend([7, 1, 7]).await.unwrap();
    floats.extend([1.0, f64::NAN]).await.unwrap();

    assert_eq!(integers.index(7).await.unwrap(), Some(0));
    assert_eq!(integers.index_in(7, 1..).await.unwrap(), Some(2));
    assert_eq!(integers.index_in(7, Slice::from(..-2).step(-1)).await.unwrap(), None);
    assert_eq!(integers.index_in(7, Slice::from(..).step(-1)).await.unwrap(), Some(2));
    assert_eq!(integers.count(7).await.unwrap(), 2);
    assert_eq!(floats.index(1.0).await.unwrap(), Some(3), "1 is another value");
    assert!(!integers.contains(8).await.unwrap() && integers.contains(1).await.unwrap());
    assert!(is_invalid(floats.contains(f64::NAN).await));
    assert!(matches!(node.list::<String>("mixed").get(0).await, Err(DataError::WrongValue { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_list_is_sorted_turned_and_repeated_in_one_step() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (texts, numbers) = (node.list::<String>("texts"), node.list::<f64>("numbers"));

    // Pottery sorted numbers alone.
    texts.extend(["pear", "Apple", "fig"]).await.unwrap();
    texts.sort(SortOrder::Ascending).await.unwrap();
    assert_eq!(texts.to_vec().await.unwrap(), ["Apple", "fig", "pear"]);
    numbers.extend([2.5, -1.0, f64::INFINITY, 10.0]).await.unwrap();
    numbers.sort(SortOrder::Descending).await.unwrap();
    assert_eq!(numbers.to_vec().await.unwrap(), [f64::INFINITY, 10.0, 2.5, -1.0]);

    texts.reverse().await.unwrap();
    assert_eq!(texts.repeat(2).await.unwrap(), 6);
    assert_eq!(texts.to_vec().await.unwrap(), ["pear", "fig", "Apple", "pear", "fig", "Apple"]);
    assert!(is_invalid(texts.repeat(u64::MAX).await));
    assert_eq!(texts.repeat(0).await.unwrap(), 0);
}

/// Eight tasks on two nodes, a thousand operations each, by a way that depends on the task.
async fn eight_times_a_thousand(mesh: &Mesh, name: &str) -> List<u32> {
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let tasks = (0..8_u32).map(|task| {
        let list = if task % 2 == 0 { &one } else { &other }.list::<u32>(name);
        tokio::spawn(async move {
            for value in task * 1_000..(task + 1) * 1_000 {
                match task {
                    0 | 1 => list.push(value).await.unwrap(),
                    2 | 3 => list.extend([value]).await.unwrap(),
                    4 => list.insert(0, value).await.unwrap(),
                    5 => list.insert(-1, value).await.unwrap(),
                    6 => list.set_slice(0..0, [value]).await.unwrap(),
                    _ => list.set_slice(i64::MAX.., [value]).await.unwrap(),
                };
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    one.list(name)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_however_many_write_at_once_and_by_whatever_way() {
    let mesh = Mesh::new().await.unwrap();

    let list = eight_times_a_thousand(&mesh, "busy").await;

    let values = list.to_vec().await.unwrap();
    assert_eq!(values.len(), 8_000);
    assert_eq!(values.iter().copied().collect::<BTreeSet<_>>(), (0..8_000).collect());
    // What one task put at the end stands there in its order.
    let of_one: Vec<u32> = values.into_iter().filter(|value| *value < 1_000).collect();
    assert!(of_one.is_sorted());
}

#[tokio::test(start_paused = true)]
async fn each_value_is_popped_once_whoever_pops() {
    let mesh = Mesh::new().await.unwrap();
    let nodes = [mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap()];
    nodes[0].list::<u32>("popped").extend(0..200).await.unwrap();

    let popping = nodes.iter().enumerate().map(|(at, node)| {
        let list = node.list::<u32>("popped");
        async move {
            let mut popped = Vec::new();
            while let Some(value) = if at == 0 { list.pop().await } else { list.pop_at(0).await }.unwrap() {
                popped.push(value);
            }
            popped
        }
    });
    let mut popped = join_all(popping).await.concat();
    popped.sort_unstable();

    assert_eq!(popped, (0..200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_leaves_the_list_as_it_was() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let list = node.list::<u32>("kept");
    list.extend(0..500).await.unwrap();

    let mut batch = node.batch();
    batch.add(list.remove_slice(100..400));
    batch.add(list.reverse());
    batch.add(list.set(1_000, 1));
    assert!(is_invalid(batch.await));

    assert_eq!(list.to_vec().await.unwrap(), (0..500).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn whoever_begins_a_list_can_see_to_it_that_it_is_a_new_one() {
    let mesh = Mesh::new().await.unwrap();
    let list = mesh.node("one").await.unwrap().list::<u32>("begun");

    assert_eq!(list.extend([1, 2]).if_revision(list.object(), 0).await.unwrap(), 2);
    let again = list.extend([3]).if_revision(list.object(), 0).await;

    assert!(matches!(again, Err(DataError::Conflict { .. })), "{again:?}");
    assert_eq!(list.to_vec().await.unwrap(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_list_with_a_ttl_goes_as_a_whole() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (list, plain) = (node.list::<u32>("short").ttl(secs(10)), node.list::<u32>("short"));

    list.push(1).await.unwrap();
    mesh.advance(secs(9)).await;
    list.set(0, 2).await.unwrap();
    mesh.advance(secs(9)).await;
    // What reads, removes, or has no TTL leaves the time as it is.
    plain.push(3).await.unwrap();
    list.pop().await.unwrap();
    list.get(0).await.unwrap();
    assert_eq!(plain.to_vec().await.unwrap(), [2]);
    mesh.advance(secs(1)).await;
    assert!(plain.is_empty().await.unwrap());

    // The time of what is gone is not handed down to what others put in.
    list.push(1).await.unwrap();
    plain.clear().await.unwrap();
    plain.push(4).await.unwrap();
    mesh.advance(secs(200)).await;
    assert_eq!(plain.to_vec().await.unwrap(), [4]);
    assert!(is_invalid(plain.clone().ttl(Duration::ZERO).push(5).await));
}

#[tokio::test(start_paused = true)]
async fn a_walk_reads_a_long_list_in_its_order_also_on_a_thread() {
    let mesh = Mesh::new().await.unwrap();
    let list = mesh.node("one").await.unwrap().list::<u32>("long");
    list.extend(0..2_500).await.unwrap();

    let values: Vec<u32> = list.iter().map(Result::unwrap).collect().await;
    assert!(values.into_iter().eq(0..2_500));

    let walk = list.iter();
    let (done, walked) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || done.send(walk.wait().collect::<Result<Vec<u32>, _>>()));
    assert!(walked.await.unwrap().unwrap().into_iter().eq(0..2_500));
    thread.join().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_a_list_can_follow_it() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let list = one.list::<u32>("watched");
    list.push(1).await.unwrap();
    let mut changes = other.list::<u32>("watched").object().watch::<ListChange>(None).await.unwrap();

    list.extend([2, 3]).await.unwrap();
    list.reverse().await.unwrap();

    let mut heard = Vec::new();
    for _ in 0..2 {
        let Some(Ok(Heard::Item(item))) = changes.next().await else { panic!("no item") };
        heard.push(item.value);
    }
    let ListChange::Spliced { at: 1, removed: 0, inserted } = &heard[0] else { panic!("{heard:?}") };
    let inserted: Vec<u32> = inserted.iter().map(|value| value.get().unwrap()).collect();
    assert_eq!(inserted, [2, 3]);
    assert_eq!(heard[1], ListChange::Reversed);
}
