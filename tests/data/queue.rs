//! Queues.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::datatypes::{QueueSettings, WhenFull};
use daffi::prelude::*;
use daffi::{CallError, DataError, Queue, config, millis, secs};
use daffi_core::testing::Mesh;

fn is_timed_out<T>(outcome: &Result<T, DataError>) -> bool {
    matches!(outcome, Err(DataError::Call(CallError::TimedOut { .. })))
}

#[tokio::test(start_paused = true)]
async fn items_leave_a_queue_in_the_order_in_which_any_node_pushed_them() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (pushing, popping) = (one.queue::<String>("mails"), other.queue::<String>("mails"));

    pushing.push("a").await.unwrap();
    let b = "b".to_owned();
    popping.push(&b).await.unwrap();
    pushing.extend(["c".to_owned(), "d".to_owned()]).await.unwrap();
    pushing.extend(Vec::<String>::new()).await.unwrap();

    assert_eq!(popping.len().await.unwrap(), 4);
    assert_eq!(popping.peek().await.unwrap().as_deref(), Some("a"));
    assert_eq!(popping.content().await.unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(popping.pop().await.unwrap().as_deref(), Some("a"));
    assert_eq!(popping.pop_wait().await.unwrap(), b);
    assert_eq!(popping.pop_batch(0).await.unwrap(), [""; 0]);
    assert_eq!(popping.pop_batch(100).await.unwrap(), ["c", "d"]);
    assert_eq!(popping.pop().await.unwrap(), None);
    assert_eq!(popping.peek().await.unwrap(), None);
    assert!(popping.is_empty().await.unwrap());
    assert_eq!(one.queue::<String>("mail").len().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_queue_stays_when_its_handles_go_and_goes_when_it_is_cleared() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    {
        let queue = node.queue::<u32>("kept");
        queue.extend(0..3).await.unwrap();
        queue.push_after(3, secs(5)).await.unwrap();
    }

    let queue = node.queue::<u32>("kept");
    assert_eq!(queue.len().await.unwrap(), 3);
    assert_eq!(queue.clear().await.unwrap(), 4);
    assert_eq!(queue.clear().await.unwrap(), 0);

    mesh.advance(secs(6)).await;
    assert!(queue.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_an_item_like_any_other() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<Option<u32>>("maybe");
    queue.push(None).await.unwrap();

    assert_eq!(queue.peek().await.unwrap(), Some(None));
    assert_eq!(queue.pop().await.unwrap(), Some(None));
    assert_eq!(queue.pop().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_popped_is_restored_in_its_order() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.extend(0..6).await.unwrap();
    let batch = queue.pop_batch(3).await.unwrap();

    queue.unpop(&batch).await.unwrap();

    assert_eq!(queue.content().await.unwrap(), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_longest_is_served_first_and_who_gave_up_not_at_all() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let queue = node.queue::<u32>("q");
    let first = tokio::spawn(queue.pop_wait().into_future());
    mesh.settled().await;
    let impatient = tokio::spawn(queue.pop_wait().timeout(secs(1)).into_future());
    mesh.settled().await;
    let third = tokio::spawn(queue.pop_wait().into_future());
    mesh.settled().await;

    assert!(is_timed_out(&impatient.await.unwrap()));
    queue.extend([7, 8, 9]).await.unwrap();

    assert_eq!(first.await.unwrap().unwrap(), 7);
    assert_eq!(third.await.unwrap().unwrap(), 8);
    assert_eq!(queue.content().await.unwrap(), [9]);
    assert_eq!(queue.pop_wait().timeout(Duration::ZERO).await.unwrap(), 9);
    assert!(is_timed_out(&queue.pop_wait().timeout(Duration::ZERO).await));
}

#[tokio::test(start_paused = true)]
async fn an_item_passes_by_those_who_waited_and_have_died() {
    let mesh = Mesh::new().await.unwrap();
    let (doomed, node) = (mesh.node("doomed").await.unwrap(), mesh.node("one").await.unwrap());
    let lost = tokio::spawn(doomed.queue::<u32>("q").pop_wait().into_future());
    mesh.settled().await;
    let waits = tokio::spawn(node.queue::<u32>("q").pop_wait().into_future());
    mesh.settled().await;
    mesh.kill("doomed");
    assert!(lost.await.unwrap().is_err());

    node.queue::<u32>("q").push(5).await.unwrap();

    assert_eq!(waits.await.unwrap().unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_bounded_queue_has_its_producers_wait_in_order() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.configure(QueueSettings::default().at_most(2, WhenFull::Wait)).await.unwrap();
    queue.extend([0, 1]).await.unwrap();
    let both = tokio::spawn(queue.extend([2, 3]).into_future());
    mesh.settled().await;
    let one = tokio::spawn(queue.push(4).into_future());
    mesh.settled().await;

    assert!(is_timed_out(&queue.push(9).timeout(secs(1)).await));
    assert_eq!(queue.pop().await.unwrap(), Some(0));
    mesh.settled().await;
    assert_eq!(
        queue.content().await.unwrap(),
        [1],
        "the later one does not overtake the one that needs more room"
    );
    assert_eq!(queue.pop().await.unwrap(), Some(1));
    both.await.unwrap().unwrap();
    assert_eq!(queue.content().await.unwrap(), [2, 3]);
    queue.unpop([1]).await.unwrap();
    assert_eq!(queue.pop_batch(2).await.unwrap(), [1, 2]);
    one.await.unwrap().unwrap();

    assert_eq!(queue.content().await.unwrap(), [3, 4]);
    assert!(matches!(queue.extend(0..3).await, Err(DataError::Full { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_waits_is_let_in_when_the_bound_is_raised() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    let settings = QueueSettings::default().at_most(1, WhenFull::Wait);
    queue.configure(settings.clone()).await.unwrap();
    queue.push(0).await.unwrap();
    let waits = tokio::spawn(queue.push(1).into_future());
    mesh.settled().await;

    queue.configure(settings.at_most(2, WhenFull::Wait)).await.unwrap();

    waits.await.unwrap().unwrap();
    assert_eq!(queue.settings().await.unwrap().length_max, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_or_drops_the_oldest_if_it_is_told_to() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (strict, ring) = (node.queue::<u32>("strict"), node.queue::<u32>("ring"));
    strict.configure(QueueSettings::default().at_most(3, WhenFull::Refuse)).await.unwrap();
    ring.configure(QueueSettings::default().at_most(3, WhenFull::Discard)).await.unwrap();

    strict.extend([0, 1]).await.unwrap();
    let refused = strict.extend([2, 3]).await.unwrap_err();
    assert!(matches!(refused, DataError::Full { .. }) && refused.is_retryable(), "{refused}");
    assert_eq!(strict.content().await.unwrap(), [0, 1], "all or nothing");

    ring.extend([0, 1]).await.unwrap();
    ring.push_after(2, secs(9)).await.unwrap();
    ring.extend([3, 4]).await.unwrap();
    assert_eq!(ring.content().await.unwrap(), [3, 4], "what is delayed counts, and is dropped last");
    ring.extend(10..20).await.unwrap();
    mesh.advance(secs(10)).await;
    assert_eq!(ring.content().await.unwrap(), [18, 19, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_item_comes_to_the_end_when_its_time_has_come() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.push_after(1, secs(2)).await.unwrap();
    queue.push_after(2, secs(1)).await.unwrap();
    queue.push_after(3, Duration::ZERO).await.unwrap();
    assert_eq!(queue.counts().await.unwrap().delayed, 2);
    assert_eq!(queue.content().await.unwrap(), [3]);
    assert_eq!(queue.pop().await.unwrap(), Some(3));

    let waits = tokio::spawn(queue.pop_wait().into_future());
    mesh.advance(secs(1)).await;
    assert_eq!(waits.await.unwrap().unwrap(), 2, "who waits is woken by time alone");
    queue.push(4).await.unwrap();
    mesh.advance(secs(1)).await;

    assert_eq!(queue.content().await.unwrap(), [4, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_id_is_pushed_once_as_long_as_it_is_remembered() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.configure(QueueSettings::default().once_for(secs(60))).await.unwrap();

    assert!(queue.push_once("order 1", 1).await.unwrap());
    assert!(!queue.push_once("order 1", 2).await.unwrap());
    assert!(queue.push_once(&("order", 1), 3).await.unwrap(), "any value is an id");
    assert_eq!(queue.pop_batch(9).await.unwrap(), [1, 3]);
    mesh.advance(secs(50)).await;
    assert!(!queue.push_once("order 1", 4).await.unwrap(), "though the item is gone");
    mesh.advance(secs(11)).await;

    assert!(queue.push_once("order 1", 5).await.unwrap());
    assert!(matches!(queue.push_once(&f64::NAN, 6).await, Err(DataError::Invalid { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_ttl_is_set_by_each_push_and_by_no_pop_and_outlives_an_empty_queue() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.configure(QueueSettings::default().ttl(secs(10))).await.unwrap();
    queue.extend(0..3).await.unwrap();
    mesh.advance(secs(9)).await;
    queue.push(3).await.unwrap();
    mesh.advance(secs(9)).await;
    assert_eq!(queue.pop().await.unwrap(), Some(0), "the last push was nine seconds ago");
    mesh.advance(secs(2)).await;
    assert!(queue.is_empty().await.unwrap());

    // Howler's lost its ttl here: the queue was empty, and pushed to again soon after.
    queue.push(4).await.unwrap();
    mesh.advance(secs(11)).await;
    assert!(queue.is_empty().await.unwrap());
    queue.push(5).await.unwrap();
    assert_eq!(queue.pop().await.unwrap(), Some(5));
    queue.unpop([5]).await.unwrap();
    mesh.advance(secs(11)).await;
    assert!(queue.is_empty().await.unwrap());
    assert_eq!(queue.settings().await.unwrap().ttl, Some(secs(10)));
}

#[tokio::test(start_paused = true)]
async fn a_long_queue_is_read_as_a_stream_while_it_is_used() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.extend(0..2_500).await.unwrap();
    let mut items = queue.iter();
    let first = items.next().await.unwrap().unwrap();
    queue.push(2_500).await.unwrap();
    queue.pop().await.unwrap();

    let rest: Vec<u32> = items.try_collect().await.unwrap();

    assert_eq!((first, rest), (0, (1..=2_500).collect()));
    assert_eq!(queue.len().await.unwrap(), 2_500);
}

#[tokio::test(start_paused = true)]
async fn a_value_of_another_type_is_an_error_that_says_so() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    node.queue::<String>("q").extend(["text", "more"]).await.unwrap();
    let numbers: Queue<u32> = node.queue("q");

    assert!(matches!(numbers.peek().await, Err(DataError::WrongValue { .. })));
    assert!(matches!(numbers.pop_wait().await, Err(DataError::WrongValue { .. })));
    let walked: Vec<Result<u32, DataError>> = numbers.iter().collect().await;
    assert!(matches!(walked[..], [Err(DataError::WrongValue { .. })]));
}

#[tokio::test(start_paused = true)]
async fn every_item_of_many_producers_reaches_one_of_many_consumers_in_its_producers_order() {
    let mesh = Mesh::new().await.unwrap();
    let mut pushing = Vec::new();
    for producer in 0..4_u32 {
        let queue = mesh.node(&format!("producer-{producer}")).await.unwrap().queue::<(u32, u32)>("q");
        queue.configure(QueueSettings::default().at_most(7, WhenFull::Wait)).await.unwrap();
        pushing.push(tokio::spawn(async move {
            for number in 0..50 {
                queue.push((producer, number)).await.unwrap();
            }
        }));
    }
    let mut popping = Vec::new();
    for consumer in 0..4 {
        let queue = mesh.node(&format!("consumer-{consumer}")).await.unwrap().queue::<(u32, u32)>("q");
        popping.push(tokio::spawn(async move {
            let mut popped = Vec::new();
            while let Ok(item) = queue.pop_wait().timeout(millis(500)).await {
                popped.push(item);
            }
            popped
        }));
    }

    for task in pushing {
        task.await.unwrap();
    }
    let mut all = Vec::new();
    for task in popping {
        let popped = task.await.unwrap();
        for producer in 0..4 {
            let numbers = popped.iter().filter(|item| item.0 == producer).map(|item| item.1);
            assert!(numbers.is_sorted(), "{popped:?}");
        }
        all.extend(popped);
    }

    all.sort_unstable();
    let expected: Vec<(u32, u32)> = (0..4).flat_map(|producer| (0..50).map(move |n| (producer, n))).collect();
    assert_eq!(all, expected);
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_queues_that_has_an_item_gives_it() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let [a, b] = ["a", "b"].map(|name| node.queue::<u64>(name));
    a.extend([1, 2]).await.unwrap();
    b.extend([11, 12]).await.unwrap();

    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(Queue::select(&[&a, &b]).await.unwrap());
    }
    let named = |name: &str, item: u64| (name.to_owned(), item);
    assert_eq!(taken, [named("a", 1), named("a", 2), named("b", 11), named("b", 12)]);

    let late = Queue::select(&[&a, &b]).timeout(secs(5)).await.unwrap_err();
    assert!(matches!(late, DataError::Call(CallError::TimedOut { .. })), "{late}");
    assert!(matches!(Queue::<u64>::select(&[]).await, Err(DataError::Invalid { .. })));
    assert_eq!(node.stats().await.unwrap()["objects_waited_for"], 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_at_several_queues_is_served_in_turn_and_once() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let [a, b] = ["a", "b"].map(|name| one.queue::<u64>(name));
    let first = tokio::spawn(Queue::select(&[&a, &b]).into_future());
    mesh.settled().await;
    let second = tokio::spawn(other.queue::<u64>("b").pop_wait().into_future());
    mesh.settled().await;

    other.queue::<u64>("b").extend([7, 8]).await.unwrap();

    assert_eq!(first.await.unwrap().unwrap(), ("b".to_owned(), 7));
    assert_eq!(second.await.unwrap().unwrap(), 8);
    other.queue::<u64>("a").push(9).await.unwrap();
    assert_eq!(a.pop().await.unwrap(), Some(9));
}

#[tokio::test(start_paused = true)]
async fn a_fair_choice_leaves_no_queue_waiting_for_another() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let [a, b] = ["a", "b"].map(|name| node.queue::<u64>(name));
    for queue in [&a, &b] {
        queue.extend(0..200).await.unwrap();
    }

    let mut of_b = 0;
    for _ in 0..200 {
        let (name, _) = Queue::select_fair(&[&a, &b]).await.unwrap();
        of_b += u64::from(name == "b");
    }

    // By chance it is outside of this once in so many lives of the universe.
    assert!((20..180).contains(&of_b), "{of_b}");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_may_bring_so_many_bytes_and_no_more() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let queue = node.queue::<String>("narrow");
    queue.configure(QueueSettings::default().at_most(1, WhenFull::Wait)).await.unwrap();
    queue.push("first").await.unwrap();
    let large = "x".repeat(4_000_000);
    let waiting = config::WAITERS_BYTES_MAX / large.len();

    let mut pushes = Vec::new();
    for _ in 0..waiting {
        pushes.push(tokio::spawn(queue.push(&large).into_future()));
        mesh.settled().await;
    }
    let error = queue.push(&large).await.unwrap_err();

    assert!(matches!(error, DataError::Call(CallError::Busy { .. })), "{error}");
    pushes.into_iter().for_each(|push| push.abort());
    mesh.settled().await;
    assert_eq!(queue.pop().await.unwrap().as_deref(), Some("first"));
    queue.push(&large).await.unwrap();
}
