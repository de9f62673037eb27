//! Priority queues.

use std::future::IntoFuture;
use std::ops::Bound;
use std::time::Duration;

use daffi::datatypes::{QueueSettings, WhenFull};
use daffi::prelude::*;
use daffi::{CallError, DataError, Operation, PriorityQueue, millis, secs};
use daffi_core::testing::Mesh;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn the_example_of_howlers_document_prints_what_it_says() {
    let mesh = Mesh::new().await.unwrap();
    let pq = mesh.node("one").await.unwrap().priority_queue::<String>("test-priority-queue");
    for x in 0..10 {
        pq.push(100, x.to_string()).await.unwrap();
    }
    let a = pq.push(101, "a").await.unwrap();
    let z = pq.push(99, "z").await.unwrap();

    assert_eq!(pq.rank(&a).await.unwrap(), Some(0));
    assert_eq!(pq.rank(&z).await.unwrap(), Some(11));
    assert_eq!(pq.pop().await.unwrap().as_deref(), Some("a"));
    assert_eq!(pq.rank(&a).await.unwrap(), None);
    assert_eq!((z.priority(), z.is_vip()), (99, false));
}

#[tokio::test(start_paused = true)]
async fn items_of_one_priority_leave_in_the_order_in_which_the_controller_took_them_in() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (one, other) = (one.priority_queue::<u32>("q"), other.priority_queue::<u32>("q"));

    // Equal ones pushed at the same instant stay two.
    for number in [9, 10, 2, 2, 1] {
        one.push(5, number).await.unwrap();
        other.push(5, number).await.unwrap();
    }
    one.push_vip(5, 100).await.unwrap();
    other.push_vip(5, 101).await.unwrap();
    one.push(6, 200).await.unwrap();

    assert_eq!(one.len().await.unwrap(), 13);
    assert_eq!(one.peek().await.unwrap(), Some(200));
    assert_eq!(one.content().await.unwrap(), [200, 100, 101, 9, 9, 10, 10, 2, 2, 2, 2, 1, 1]);
    assert_eq!(one.clear().await.unwrap(), 13);
    assert!(one.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn items_leave_at_both_ends_one_or_several_at_a_time() {
    let mesh = Mesh::new().await.unwrap();
    let pq = mesh.node("one").await.unwrap().priority_queue::<u32>("q");
    for number in 0..9 {
        pq.push(i64::from(number) / 3, number).await.unwrap();
    }

    assert_eq!(pq.content().await.unwrap(), [6, 7, 8, 3, 4, 5, 0, 1, 2]);
    assert_eq!(pq.unpush(4).await.unwrap(), [2, 1, 0, 5], "the lowest priority first, and of it the newest");
    assert_eq!(pq.pop_last().await.unwrap(), Some(4));
    assert_eq!(pq.pop_many(2).await.unwrap(), [6, 7]);
    assert_eq!(pq.pop_many(0).await.unwrap(), [0; 0]);
    assert_eq!(pq.pop_last_wait().await.unwrap(), 3);
    assert_eq!(pq.pop_wait().await.unwrap(), 8);
    assert_eq!(pq.unpush(5).await.unwrap(), [0; 0]);
    assert_eq!(pq.pop_last().await.unwrap(), None);
    assert_eq!(pq.pop().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_at_either_end_stand_in_one_line() {
    let mesh = Mesh::new().await.unwrap();
    let pq = mesh.node("one").await.unwrap().priority_queue::<u32>("q");
    let low = tokio::spawn(pq.pop_last_wait().into_future());
    mesh.settled().await;
    let high = tokio::spawn(pq.pop_wait().into_future());
    mesh.settled().await;

    pq.push(1, 10).await.unwrap();
    assert_eq!(low.await.unwrap().unwrap(), 10);
    pq.push(2, 20).await.unwrap();
    assert_eq!(high.await.unwrap().unwrap(), 20);

    let late = pq.pop_wait().timeout(secs(1)).await;
    assert!(matches!(late, Err(DataError::Call(CallError::TimedOut { .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_range_of_priorities_is_what_its_bounds_say() {
    let mesh = Mesh::new().await.unwrap();
    let pq = mesh.node("one").await.unwrap().priority_queue::<i64>("q");
    for priority in 0..10 {
        pq.push(priority, priority).await.unwrap();
    }

    assert_eq!(pq.count(3..=6).await.unwrap(), 4);
    assert_eq!(pq.count(3..6).await.unwrap(), 3);
    assert_eq!(pq.count((Bound::Excluded(3), Bound::Excluded(6))).await.unwrap(), 2);
    assert_eq!(pq.count(..).await.unwrap(), 10);
    assert_eq!(pq.count(4..4).await.unwrap(), 0);
    let (from, to) = (6, 3);
    assert!(matches!(pq.count(from..=to).await, Err(DataError::Invalid { .. })));
    assert!(matches!(pq.dequeue_range(from..=to, 0, 1).await, Err(DataError::Invalid { .. })));

    // In Howler an exclusive bound was none at all.
    let within = (Bound::Excluded(3), Bound::Included(6));
    assert_eq!(pq.dequeue_range(within, 1, 1).await.unwrap(), [5]);
    assert_eq!(pq.dequeue_range(within, 0, u64::MAX).await.unwrap(), [6, 4]);
    assert_eq!(pq.dequeue_range(.., u64::MAX, 5).await.unwrap(), [0; 0]);
    assert_eq!(pq.dequeue_range(8.., 0, 0).await.unwrap(), [0; 0]);
    assert_eq!(pq.content().await.unwrap(), [9, 8, 7, 3, 2, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_item_is_removed_by_its_handle_wherever_it_stands() {
    let mesh = Mesh::new().await.unwrap();
    let pq = mesh.node("one").await.unwrap().priority_queue::<u32>("q");
    pq.push(1, 1).await.unwrap();
    let second = pq.push(1, 1).await.unwrap();
    let third = pq.push(1, 3).await.unwrap();

    assert!(pq.remove(&second).await.unwrap());
    assert!(!pq.remove(&second).await.unwrap());

    assert_eq!(pq.rank(&third).await.unwrap(), Some(1));
    assert_eq!(pq.content().await.unwrap(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_comes_back_stands_where_its_priority_puts_it() {
    let mesh = Mesh::new().await.unwrap();
    let (doomed, node) = (mesh.node("doomed").await.unwrap(), mesh.node("one").await.unwrap());
    let pq = node.priority_queue::<u32>("q");
    let handle = pq.push(5, 1).await.unwrap();
    pq.push(5, 2).await.unwrap();
    let had = doomed.priority_queue::<u32>("q").lease(HOUR).await.unwrap();
    pq.push(9, 3).await.unwrap();
    assert_eq!(pq.rank(&handle).await.unwrap(), None, "it cannot be had now");
    assert!(!pq.remove(&handle).await.unwrap());

    mesh.kill("doomed");
    mesh.settled().await;

    assert_eq!(pq.content().await.unwrap(), [3, 1, 2]);
    let leased = pq.lease_batch(2, HOUR).await.unwrap();
    assert_eq!(leased.iter().map(|item| (**item, item.deliveries())).collect::<Vec<_>>(), [(3, 1), (1, 2)]);
    for item in leased {
        item.ack().await.unwrap();
    }
    assert_eq!(pq.content().await.unwrap(), [2]);
    drop(had);
}

#[tokio::test(start_paused = true)]
async fn a_full_priority_queue_drops_what_would_leave_last() {
    let mesh = Mesh::new().await.unwrap();
    let pq = mesh.node("one").await.unwrap().priority_queue::<u32>("q");
    pq.configure(QueueSettings::default().at_most(2, WhenFull::Discard)).await.unwrap();
    pq.push(1, 1).await.unwrap();
    pq.push(5, 5).await.unwrap();

    pq.push(3, 3).await.unwrap();
    let lowest = pq.push(0, 0).await.unwrap();

    assert_eq!(pq.content().await.unwrap(), [5, 3]);
    assert_eq!(pq.rank(&lowest).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_again_to_a_unique_queue_takes_the_new_priority_and_keeps_its_order() {
    let mesh = Mesh::new().await.unwrap();
    let unique = mesh.node("one").await.unwrap().priority_queue::<u32>("q").unique();
    for number in [9, 10, 2, 1] {
        assert!(unique.push(100, number).await.unwrap());
    }
    for number in [1, 2, 10, 9] {
        assert!(!unique.push(100, number).await.unwrap());
    }

    assert_eq!(unique.content().await.unwrap(), [9, 10, 2, 1], "not in the order of their texts");
    assert!(!unique.push(200, 2).await.unwrap());
    assert!(!unique.push(50, 9).await.unwrap());
    assert_eq!(unique.content().await.unwrap(), [2, 10, 1, 9]);
    assert!(!unique.push(100, 9).await.unwrap());
    assert_eq!(unique.content().await.unwrap(), [2, 9, 10, 1], "as if it had never been away");

    assert_eq!(unique.rank(10).await.unwrap(), Some(2));
    assert_eq!(unique.priority(10).await.unwrap(), Some(100));
    assert!(unique.remove(10).await.unwrap());
    assert!(!unique.remove(10).await.unwrap());
    assert_eq!((unique.rank(10).await.unwrap(), unique.priority(10).await.unwrap()), (None, None));
    assert_eq!(unique.count(100..).await.unwrap(), 3);
    assert_eq!(unique.dequeue_range(..=100, 0, 1).await.unwrap(), [9]);
    assert_eq!(unique.unpush(1).await.unwrap(), [1]);
    assert_eq!(unique.pop_many(5).await.unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn items_of_a_unique_queue_are_equal_by_value_and_not_by_their_bytes() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let wide = node.priority_queue::<u64>("numbers").unique();
    let narrow = node.priority_queue::<u8>("numbers").unique();

    assert!(wide.push(1, 7).await.unwrap());
    assert!(!narrow.push(1, 7).await.unwrap());

    let plain = node.priority_queue::<u64>("numbers");
    assert!(plain.is_empty().await.unwrap(), "the plain queue of that name is another");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_by_waiting_for_an_item_of_a_unique_queue() {
    let mesh = Mesh::new().await.unwrap();
    let unique = mesh.node("one").await.unwrap().priority_queue::<String>("q").unique();
    let first = tokio::spawn(unique.pop_wait().into_future());
    mesh.settled().await;
    let last = tokio::spawn(unique.pop_last_wait().into_future());
    mesh.settled().await;

    unique.push(1, "one").await.unwrap();
    unique.push(2, "two").await.unwrap();

    assert_eq!(first.await.unwrap().unwrap(), "one");
    assert_eq!(last.await.unwrap().unwrap(), "two");
    assert!(unique.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_item_pushed_again_while_it_is_on_lease_is_not_lost_and_is_one_again_when_it_comes_back() {
    let mesh = Mesh::new().await.unwrap();
    let unique = mesh.node("one").await.unwrap().priority_queue::<String>("q").unique();
    unique.push(1, "page").await.unwrap();
    let leased = unique.lease(HOUR).await.unwrap();

    assert!(unique.push(5, "page").await.unwrap(), "it changed while it was worked on");
    leased.ack().await.unwrap();
    assert_eq!(unique.content().await.unwrap(), ["page"], "so it is worked on again");

    let leased = unique.lease(HOUR).await.unwrap();
    assert!(unique.push(7, "page").await.unwrap());
    leased.nack(Duration::ZERO).await.unwrap();

    assert_eq!(unique.len().await.unwrap(), 1);
    assert_eq!(unique.priority("page").await.unwrap(), Some(7));
    assert_eq!(unique.lease(HOUR).await.unwrap().deliveries(), 2, "what has failed is still known");
}

#[tokio::test(start_paused = true)]
async fn a_priority_queue_is_read_as_a_stream_from_the_highest_priority_on() {
    let mesh = Mesh::new().await.unwrap();
    let pq = mesh.node("one").await.unwrap().priority_queue::<u32>("q");
    for number in 0..1_500 {
        pq.push(i64::from(number % 7), number).await.unwrap();
    }

    let walked: Vec<u32> = pq.iter().try_collect().await.unwrap();

    assert_eq!(walked.len(), 1_500);
    assert!(walked.is_sorted_by_key(|number| (std::cmp::Reverse(number % 7), *number)));
}

/// The name of the queue from which it came, and the item.
fn taken(name: &str, item: u64) -> (String, u64) {
    (name.to_owned(), item)
}

#[tokio::test(start_paused = true)]
async fn a_select_by_priority_takes_the_highest_of_several_queues_and_one_by_order_does_not() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let [empty, a, b] = ["empty", "a", "b"].map(|name| node.priority_queue::<u64>(name));
    let all = [&empty, &a, &b];
    for priority in [2, 1, 1_000] {
        let queue = if priority > 2 { &b } else { &a };
        queue.push(priority, priority as u64).await.unwrap();
    }

    assert_eq!(PriorityQueue::select(&all).await.unwrap(), taken("a", 2));
    assert_eq!(PriorityQueue::select_priority(&all).await.unwrap(), taken("b", 1_000));
    b.push(1, 11).await.unwrap();
    b.push_vip(1, 12).await.unwrap();
    b.push(i64::MIN, 13).await.unwrap();
    assert_eq!(PriorityQueue::select_priority(&all).await.unwrap(), taken("a", 1), "the first of equals");
    for item in [12, 11, 13] {
        assert_eq!(PriorityQueue::select_priority(&all).await.unwrap(), taken("b", item));
    }

    let late = PriorityQueue::select_priority(&all).timeout(secs(5)).await;
    assert!(matches!(late, Err(DataError::Call(CallError::TimedOut { .. }))), "{late:?}");
    assert!(matches!(PriorityQueue::<u64>::select_priority(&[]).await, Err(DataError::Invalid { .. })));
    assert_eq!(node.stats().await.unwrap()["objects_waited_for"], 0);
    let unique = [a.unique(), b.unique()];
    unique[0].push(1, 1).await.unwrap();
    unique[1].push(2, 2).await.unwrap();
    let selected = daffi::UniquePriorityQueue::select_priority(&[&unique[0], &unique[1]]);
    assert_eq!(selected.await.unwrap(), taken("b", 2));
}

#[tokio::test(start_paused = true)]
async fn a_select_by_priority_that_waits_takes_the_highest_of_what_comes_in_one_step() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let [a, b] = ["a", "b"].map(|name| one.priority_queue::<u64>(name));
    for (first, second) in [(1, 9), (9, 1), (5, 5)] {
        let waiting = tokio::spawn(PriorityQueue::select_priority(&[&a, &b]).into_future());
        mesh.settled().await;

        let mut batch = other.batch();
        batch.add(other.priority_queue::<u64>("a").push(first, first as u64));
        batch.add(other.priority_queue::<u64>("b").push(second, second as u64));
        batch.await.unwrap();

        let expected = if first < second { taken("b", 9) } else { taken("a", first as u64) };
        assert_eq!(waiting.await.unwrap().unwrap(), expected);
        assert_eq!(a.len().await.unwrap() + b.len().await.unwrap(), 1, "the other is still there");
        a.clear().await.unwrap();
        b.clear().await.unwrap();
    }
    assert_eq!(one.stats().await.unwrap()["objects_waited_for"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_select_by_priority_stands_in_line_at_each_queue() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let [a, b] = ["a", "b"].map(|name| one.priority_queue::<u64>(name));
    let before = tokio::spawn(other.priority_queue::<u64>("b").pop_wait().into_future());
    mesh.settled().await;
    let select = tokio::spawn(PriorityQueue::select_priority(&[&a, &b]).into_future());
    mesh.settled().await;
    let behind = tokio::spawn(other.priority_queue::<u64>("a").pop_wait().into_future());
    mesh.settled().await;

    let mut batch = one.batch();
    batch.add(a.push(1, 1));
    batch.add(b.push(9, 9));
    batch.await.unwrap();
    assert_eq!(before.await.unwrap().unwrap(), 9, "it was first there");
    assert_eq!(select.await.unwrap().unwrap(), taken("a", 1));
    a.push(2, 2).await.unwrap();
    assert_eq!(behind.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_what_can_be_had_now_is_urgent() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let [a, b] = ["a", "b"].map(|name| node.priority_queue::<u64>(name));
    a.push(9, 9).await.unwrap();
    b.push(5, 5).await.unwrap();
    let leases = || Operation::select_urgent(&node, [b.lease(HOUR), a.lease(HOUR)]);

    let (from, nine) = leases().await.unwrap();
    assert_eq!((from, *nine), (1, 9));
    let (from, five) = leases().await.unwrap();
    assert_eq!((from, *five), (0, 5));
    nine.nack(millis(20)).await.unwrap();
    five.nack(millis(10)).await.unwrap();
    let (from, first_back) = leases().await.unwrap();
    assert_eq!((from, *first_back), (0, 5), "the other's delay is not over");
    drop(first_back);
    tokio::time::advance(millis(20)).await;
    let (_, nine) = leases().await.unwrap();
    assert_eq!((*nine, nine.deliveries()), (9, 2));
    nine.ack().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_select_by_urgency_does_what_it_can_where_the_most_urgent_has_to_wait() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let full = node.priority_queue::<u64>("full").unique();
    let queue = node.priority_queue::<bool>("queue");
    full.configure(QueueSettings::default().at_most(1, WhenFull::Wait)).await.unwrap();
    full.push(9, 9).await.unwrap();
    let either = || Operation::select_urgent(&node, [full.push(9, 10), queue.pop_wait()]);

    let waiting = tokio::spawn(either().into_future());
    mesh.settled().await;
    queue.push(1, false).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), (1, false));
    queue.push(1, false).await.unwrap();
    assert_eq!(either().await.unwrap(), (1, false));
    full.clear().await.unwrap();
    assert_eq!(either().await.unwrap(), (0, true), "it is pushed");
}

#[tokio::test(start_paused = true)]
async fn selects_by_priority_empty_queues_as_if_they_were_one() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let queues = ["a", "b", "c"].map(|name| node.priority_queue::<u64>(name));
    for seed in 0..16 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut model: Vec<(std::cmp::Reverse<i64>, usize, u64)> = Vec::new();
        for number in 0..100 {
            if random.u8(..3) > 0 {
                let (at, priority) = (random.usize(..3), random.i64(-2..3));
                queues[at].push(priority, number).await.unwrap();
                model.push((std::cmp::Reverse(priority), at, number));
            } else if let Some(first) = model.iter().min().copied() {
                model.retain(|item| *item != first);
                let selected = PriorityQueue::select_priority(&queues.each_ref()).await.unwrap();
                assert_eq!(selected, taken(queues[first.1].name(), first.2), "seed {seed}");
            }
        }
        for queue in &queues {
            queue.clear().await.unwrap();
        }
    }
}
