//! Items that queues lend.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::datatypes::QueueSettings;
use daffi::{DataError, secs};
use daffi_core::testing::Mesh;

const HOUR: Duration = Duration::from_secs(3_600);

fn is_stale<T>(outcome: &Result<T, DataError>) -> bool {
    matches!(outcome, Err(DataError::NotHeld { .. }))
}

#[tokio::test(start_paused = true)]
async fn an_item_on_lease_is_nobody_elses_and_gone_once_it_is_acknowledged() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<String>("q");
    queue.extend(["a", "b"]).await.unwrap();

    let leased = queue.lease(HOUR).await.unwrap();
    assert_eq!((leased.as_str(), leased.deliveries()), ("a", 1));
    assert_eq!(queue.content().await.unwrap(), ["b"]);
    assert_eq!(queue.counts().await.unwrap().leased, 1);
    leased.ack().await.unwrap();

    assert_eq!(queue.counts().await.unwrap().leased, 0);
    assert_eq!(queue.pop_batch(9).await.unwrap(), ["b"]);
    assert!(queue.try_lease(HOUR).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_consumer_had_is_back_in_its_place_the_instant_it_dies() {
    let mesh = Mesh::new().grace(Duration::ZERO).await.unwrap();
    let (doomed, node) = (mesh.node("doomed").await.unwrap(), mesh.node("one").await.unwrap());
    let queue = node.queue::<u32>("q");
    queue.extend(0..5).await.unwrap();
    let of_doomed = doomed.queue::<u32>("q");
    let had = of_doomed.lease_batch(2, HOUR).await.unwrap();
    let own = queue.lease(HOUR).await.unwrap();
    assert_eq!((had.len(), *own), (2, 2));
    let before = tokio::time::Instant::now();

    mesh.kill("doomed");
    mesh.settled().await;

    assert_eq!(queue.content().await.unwrap(), [0, 1, 3, 4], "before those that came later, and in order");
    assert!(before.elapsed() < secs(1), "long before the lease is over");
    assert_eq!(queue.lease(HOUR).await.unwrap().deliveries(), 2);
    own.ack().await.unwrap();
    drop(had);
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_what_a_dead_consumer_had() {
    let mesh = Mesh::new().await.unwrap();
    let (doomed, node) = (mesh.node("doomed").await.unwrap(), mesh.node("one").await.unwrap());
    node.queue::<u32>("q").push(5).await.unwrap();
    let had = doomed.queue::<u32>("q").lease(HOUR).await.unwrap();
    let waits = tokio::spawn(node.queue::<u32>("q").lease(HOUR).into_future());
    mesh.settled().await;
    assert!(!waits.is_finished());

    mesh.kill("doomed");

    let leased = waits.await.unwrap().unwrap();
    assert_eq!((*leased, leased.deliveries()), (5, 2));
    leased.ack().await.unwrap();
    drop(had);
}

#[tokio::test(start_paused = true)]
async fn a_lease_survives_a_link_that_breaks_and_is_back_in_time() {
    let mesh = Mesh::new().grace(secs(30)).await.unwrap();
    let (shaky, node) = (mesh.node("shaky").await.unwrap(), mesh.node("one").await.unwrap());
    let queue = node.queue::<u32>("q");
    queue.push(5).await.unwrap();
    let leased = shaky.queue::<u32>("q").lease(HOUR).await.unwrap();

    mesh.cut("shaky");
    mesh.advance(secs(5)).await;
    assert!(queue.is_empty().await.unwrap());
    mesh.heal("shaky");
    mesh.connected("shaky").await.unwrap();

    leased.ack().await.unwrap();
    assert_eq!(queue.counts().await.unwrap(), daffi::datatypes::QueueCounts::default());
}

#[tokio::test(start_paused = true)]
async fn an_item_whose_lease_is_over_is_delivered_again_and_its_first_consumer_is_told() {
    let mesh = Mesh::new().await.unwrap();
    let (slow, quick) = (mesh.node("slow").await.unwrap(), mesh.node("quick").await.unwrap());
    let queue = quick.queue::<u32>("q");
    queue.extend([0, 1]).await.unwrap();
    let late = slow.queue::<u32>("q").lease(secs(10)).await.unwrap();
    mesh.advance(secs(11)).await;

    let second = queue.lease(secs(10)).await.unwrap();

    assert_eq!((*second, second.deliveries()), (0, 2));
    assert!(is_stale(&late.extend(secs(10)).await));
    assert!(is_stale(&late.ack().await), "though it is the same item, and lent again");
    second.ack().await.unwrap();
    assert_eq!(queue.content().await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_goes_on_for_as_long_as_it_is_extended() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.configure(QueueSettings::default().lease(secs(10))).await.unwrap();
    queue.push(5).await.unwrap();
    let leased = queue.lease(None).await.unwrap();

    for _ in 0..5 {
        mesh.advance(secs(9)).await;
        leased.extend(None).await.unwrap();
    }
    assert!(matches!(leased.extend(Duration::ZERO).await, Err(DataError::Invalid { .. })));
    assert!(queue.is_empty().await.unwrap());
    mesh.advance(secs(11)).await;

    assert_eq!(queue.content().await.unwrap(), [5]);
    assert!(is_stale(&leased.ack().await));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_dropped_goes_back_at_once_and_one_that_is_refused_after_its_delay() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.extend(0..3).await.unwrap();

    drop(queue.lease(HOUR).await.unwrap());
    mesh.settled().await;
    assert_eq!(queue.content().await.unwrap(), [0, 1, 2]);

    queue.lease(HOUR).await.unwrap().nack(secs(5)).await.unwrap();
    assert_eq!(queue.content().await.unwrap(), [1, 2]);
    mesh.advance(secs(5)).await;
    assert_eq!(queue.content().await.unwrap(), [0, 1, 2], "in its place, not at the end");
    let leased = queue.lease(HOUR).await.unwrap();
    assert_eq!(leased.deliveries(), 3);
    leased.nack(Duration::ZERO).await.unwrap();
    assert_eq!(queue.peek().await.unwrap(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_is_never_sent_gives_the_item_back() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.push(5).await.unwrap();

    drop(queue.lease(HOUR).await.unwrap().ack());
    mesh.settled().await;
    assert_eq!(queue.content().await.unwrap(), [5]);

    let (value, lease) = queue.lease(HOUR).await.unwrap().into_parts();
    assert_eq!((value, lease.deliveries()), (5, 2));
    lease.ack().await.unwrap();
    mesh.settled().await;
    assert!(queue.is_empty().await.unwrap(), "what was acknowledged is not given back by the drop after it");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_fails_too_often_is_dead_until_it_is_redriven() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<String>("q");
    queue.configure(QueueSettings::default().deliveries(2)).await.unwrap();
    queue.extend(["poison", "fine"]).await.unwrap();

    for delivery in 1..=2 {
        let leased = queue.lease(secs(1)).await.unwrap();
        assert_eq!((leased.as_str(), leased.deliveries()), ("poison", delivery));
        mesh.advance(secs(2)).await;
    }
    assert_eq!(queue.content().await.unwrap(), ["fine"]);
    let dead = queue.dead(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].value.as_str(), dead[0].deliveries), (1, "poison", 2));

    assert_eq!(queue.redrive().await.unwrap(), 1);
    assert_eq!(queue.content().await.unwrap(), ["poison", "fine"]);
    for delivery in 1..=2 {
        let leased = queue.lease(HOUR).await.unwrap();
        assert_eq!(leased.deliveries(), delivery, "it counts anew");
        leased.nack(secs(9)).await.unwrap();
        mesh.advance(secs(10)).await;
    }
    assert_eq!(queue.pop_dead().await.unwrap().unwrap().value, "poison");
    assert!(queue.pop_dead().await.unwrap().is_none());
    assert_eq!(queue.redrive().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_read_goes_back_rather_than_getting_lost() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    node.queue::<String>("q").push("text").await.unwrap();

    let wrong = node.queue::<u32>("q").lease(HOUR).await;
    mesh.settled().await;

    assert!(matches!(wrong, Err(DataError::WrongValue { .. })));
    assert_eq!(node.queue::<String>("q").content().await.unwrap(), ["text"]);
}

#[tokio::test(start_paused = true)]
async fn those_who_pop_and_those_who_borrow_wait_in_one_line() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    let borrows = tokio::spawn(queue.lease(HOUR).into_future());
    mesh.settled().await;
    let pops = tokio::spawn(queue.pop_wait().into_future());
    mesh.settled().await;

    queue.extend([1, 2]).await.unwrap();

    let leased = borrows.await.unwrap().unwrap();
    assert_eq!((*leased, pops.await.unwrap().unwrap()), (1, 2));
    leased.ack().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_no_time_is_refused_a_short_one_is_a_millisecond_and_the_longest_never_ends() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.push(5).await.unwrap();

    assert!(matches!(queue.lease(Duration::ZERO).await, Err(DataError::Invalid { .. })));
    let short = queue.lease(Duration::from_nanos(1)).await.unwrap();
    mesh.advance(secs(1)).await;

    assert!(is_stale(&short.ack().await));
    let longest = queue.lease(Duration::MAX).await.unwrap();
    mesh.advance(secs(100)).await;
    longest.nack(Duration::MAX).await.unwrap();
    mesh.advance(secs(100)).await;
    assert_eq!(queue.counts().await.unwrap().delayed, 1);
}

#[tokio::test(start_paused = true)]
async fn leased_items_are_none_lost_and_all_done_whoever_dies() {
    let mesh = Mesh::new().grace(Duration::ZERO).await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let queue = node.queue::<u32>("q");
    queue.extend(0..100).await.unwrap();
    let done = node.queue::<u32>("done");

    // Each worker dies with an item in its hands once it has done some.
    for round in 0..20 {
        let name = format!("worker-{round}");
        let worker = mesh.node(&name).await.unwrap();
        let (work, results) = (worker.queue::<u32>("q"), worker.queue::<u32>("done"));
        for _ in 0..3 {
            let leased = work.lease(HOUR).await.unwrap();
            results.push(*leased).await.unwrap();
            leased.ack().await.unwrap();
        }
        let held = work.lease(HOUR).await.unwrap();
        mesh.kill(&name);
        drop(held);
    }
    mesh.settled().await;
    while let Some(leased) = queue.try_lease(HOUR).await.unwrap() {
        done.push(*leased).await.unwrap();
        leased.ack().await.unwrap();
    }

    assert_eq!(done.content().await.unwrap(), (0..100).collect::<Vec<_>>(), "each once, and in order");
    assert_eq!(queue.counts().await.unwrap(), daffi::datatypes::QueueCounts::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_borrows_and_gives_back_as_a_task_does() {
    let mesh = Mesh::new().await.unwrap();
    let queue = mesh.node("one").await.unwrap().queue::<u32>("q");
    queue.extend([1, 2]).await.unwrap();
    let of_thread = queue.clone();

    let thread = std::thread::spawn(move || {
        of_thread.lease(HOUR).wait().unwrap().ack().wait().unwrap();
        drop(of_thread.lease(HOUR).wait().unwrap());
    });

    tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
    assert_eq!(queue.pop_wait().await.unwrap(), 2);
}
