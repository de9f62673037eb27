//! The examples of Howler's document, each with its output where the document is right. That of priority queues stands with
//! their tests.

use std::collections::BTreeMap;
use std::future::IntoFuture;

use daffi::prelude::*;
use daffi::{Event, Heard, secs};
use daffi_core::testing::Mesh;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// Two processes.
async fn two() -> (Mesh, Node, Node) {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    (mesh, one, other)
}

/// Its names have the group's before them, which its own group does not need.
#[tokio::test(start_paused = true)]
async fn counters() {
    let (_mesh, one, other) = two().await;
    one.counters("test-counter").inc("value_1", 4).await.unwrap();

    let printed = BTreeMap::from([("value_1".to_owned(), 4)]);
    assert_eq!(other.counters("test-counter").sizes().await.unwrap(), printed);
}

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    payload: u32,
}

#[tokio::test(start_paused = true)]
async fn event_senders_and_watchers() {
    let (_mesh, one, other) = two().await;
    let (printed, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let callback = move |heard: Heard<Event<Payload>>| {
        let event = heard.item().expect("none is missed");
        printed.send((event.name, event.data.payload)).unwrap();
    };
    let watcher = one.events("").on("event.test", callback).await.unwrap();

    other.events("event.").send("test", Payload { payload: 100 }).await.unwrap();

    assert_eq!(seen.recv().await, Some(("event.test".to_owned(), 100)));
    drop(watcher);
}

#[tokio::test(start_paused = true)]
async fn hash_tables() {
    let (_mesh, one, _other) = two().await;
    let hash = one.hash::<String, String>("test-hashmap");
    hash.add("key", "value").await.unwrap();

    assert!(hash.exists("key").await.unwrap());
    assert_eq!(hash.get("key").await.unwrap().as_deref(), Some("value"));
    assert_eq!(hash.items().await.unwrap(), BTreeMap::from([("key".to_owned(), "value".to_owned())]));
}

/// As the document has it, and not the source, whose locks of 10 and of 20 seconds are two.
#[tokio::test(start_paused = true)]
async fn global_locks() {
    let (mesh, one, other) = two().await;
    let process_1 = one.lock("test").lease(secs(10)).acquire().await.unwrap();
    let process_2 = tokio::spawn(other.lock("test").lease(secs(20)).acquire().into_future());
    mesh.settled().await;
    assert!(!process_2.is_finished(), "it has to wait until the first is done");

    drop(process_1);

    assert_eq!(process_2.await.unwrap().unwrap().name(), "test");
}

#[tokio::test(start_paused = true)]
async fn sets() {
    let (_mesh, one, _other) = two().await;
    let set = one.set::<Json>("test-set");
    let values = [json!("a"), json!("b"), json!(1), json!(2)];
    set.extend(&values).await.unwrap();

    assert!(set.contains(json!("b")).await.unwrap());
    let popped = set.pop().await.unwrap().expect("one of four");
    assert!(values.contains(&popped), "{popped}");
    assert_eq!(set.len().await.unwrap(), 3);
}

/// It calls `start` what is `begin`.
#[tokio::test(start_paused = true)]
async fn quota_trackers() {
    let (_mesh, one, other) = two().await;
    let mut begun = Vec::new();
    for node in [&one, &other, &one] {
        begun.push(node.quota("test-quota").begin("uid", 3).await.unwrap().expect("not over it"));
    }
    assert!(other.quota("test-quota").begin("uid", 3).await.unwrap().is_none(), "over your quota...");

    begun.pop().unwrap().end().await.unwrap();

    assert!(other.quota("test-quota").begin("uid", 3).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn communication_queues() {
    let (_mesh, one, other) = two().await;
    let mut inbox = one.comms::<String>("test-comms-queue").listen().await.unwrap();
    let sender = other.comms::<String>("test-comms-queue");
    sender.publish("This is my message!").await.unwrap();
    sender.publish("stop").await.unwrap();

    let mut printed = Vec::new();
    while let Some(heard) = inbox.try_next().await.unwrap() {
        let message = heard.item().expect("none is missed").body;
        if message == "stop" {
            break;
        }
        printed.push(message);
    }
    assert_eq!(printed, ["This is my message!"]);
}

#[tokio::test(start_paused = true)]
async fn named_queues() {
    let (_mesh, one, other) = two().await;
    for x in 0..5 {
        one.queue::<u32>("test-named-queue").push(x).await.unwrap();
    }

    assert_eq!(other.queue::<u32>("test-named-queue").pop_batch(100).await.unwrap(), [0, 1, 2, 3, 4]);
}

/// Its example makes a queue of the other class, which would have 20 in the end.
#[tokio::test(start_paused = true)]
async fn unique_priority_queues() {
    let (_mesh, one, _other) = two().await;
    let queue = one.priority_queue::<u32>("test-priority-queue").unique();
    for _ in 0..2 {
        for x in 0..10 {
            queue.push(100, x).await.unwrap();
        }
        assert_eq!(queue.len().await.unwrap(), 10);
    }
}
