//! The global counter.

use std::collections::BTreeSet;

use daffi::datatypes::{Stamp, TopicChange};
use daffi::prelude::*;
use daffi::{DataError, Heard};
use daffi_core::testing::Mesh;
use futures::future::try_join_all;

#[tokio::test(start_paused = true)]
async fn counts_are_one_two_three_whoever_counts() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());

    assert_eq!(one.counter("orders").peek().await.unwrap(), 0);
    assert_eq!(one.counter("orders").count().await.unwrap(), 1);
    assert_eq!(other.counter("orders").count().await.unwrap(), 2);
    assert_eq!(other.counter("others").count().await.unwrap(), 1);
    assert_eq!(one.counter("orders").add(10).await.unwrap(), 12);
    assert_eq!(one.topic("orders").peek().await.unwrap(), 12);
    assert!(matches!(one.counter("orders").add(0).await, Err(DataError::Invalid { .. })));
}

#[tokio::test(start_paused = true)]
async fn no_number_is_given_twice_or_left_out() {
    let mesh = Mesh::new().await.unwrap();
    let mut counting = Vec::new();
    for at in 0..8 {
        let topic = mesh.node(&format!("node{at}")).await.unwrap().counter("orders");
        counting.push(tokio::spawn(async move {
            try_join_all((0..100).map(|_| IntoFuture::into_future(topic.count()))).await.unwrap()
        }));
    }

    let mut given = BTreeSet::new();
    for counted in try_join_all(counting).await.unwrap() {
        assert!(counted.is_sorted());
        given.extend(counted);
    }

    assert_eq!(given, (1..=800).collect());
}

#[tokio::test(start_paused = true)]
async fn stamps_keep_their_order_over_resets_and_new_beginnings() {
    let mesh = Mesh::new().await.unwrap();
    let topic = mesh.node("one").await.unwrap().counter("orders");
    let mut last = Stamp::default();

    for round in 0..3 {
        for n in 1..=3 {
            let stamp = topic.stamp().await.unwrap();
            assert!(stamp > last && stamp.n == n, "{stamp} after {last}");
            last = stamp;
        }
        if round == 1 {
            assert!(topic.object().destroy().await.unwrap());
        } else {
            let reset = topic.reset().await.unwrap();
            assert_eq!(reset.last, 3);
            assert!(reset.epoch > last.epoch);
            assert_eq!(topic.peek_stamp().await.unwrap(), Stamp { epoch: reset.epoch, n: 0 });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_makes_a_topic_that_is_not_there() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();

    assert_eq!(node.counter("new").reset().await.unwrap().last, 0);

    let topics: Vec<_> = node.objects("topic", "").try_collect().await.unwrap();
    assert_eq!(topics.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(node.counter("new").count().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sum_that_does_not_fit_is_refused_and_changes_nothing() {
    let mesh = Mesh::new().await.unwrap();
    let topic = mesh.node("one").await.unwrap().counter("orders");
    assert_eq!(topic.add(u64::MAX).await.unwrap(), u64::MAX);

    for refused in [topic.count().await, topic.add(u64::MAX).await] {
        assert!(matches!(refused, Err(DataError::WrongValue { .. })), "{refused:?}");
    }

    assert_eq!(topic.peek().await.unwrap(), u64::MAX);
    assert_eq!(topic.reset().await.unwrap().last, u64::MAX);
    assert_eq!(topic.count().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_a_topic_hears_every_number() {
    let mesh = Mesh::new().await.unwrap();
    let topic = mesh.node("one").await.unwrap().counter("orders");
    let mut changes = topic.object().watch::<TopicChange>(None).await.unwrap();
    let stamp = topic.stamp().await.unwrap();
    let reset = topic.reset().await.unwrap();

    for expected in [TopicChange::Counted(stamp), TopicChange::Reset(reset)] {
        let Some(Ok(Heard::Item(item))) = changes.next().await else { panic!("no item") };
        assert_eq!(item.value, expected);
    }
}

#[count(topic = "placed")]
fn place(item: &str) -> String {
    format!("one {item}")
}

#[count(topic = "placed")]
async fn place_if(item: &str) -> daffi::Result<usize> {
    if item.is_empty() {
        return Err(DataError::invalid("nothing").into());
    }
    Ok(item.len())
}

#[count(topic = "started", when = "before")]
async fn start(is_good: bool) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if is_good { Ok(()) } else { Err("bad".into()) }
}

#[count]
fn nothing() {}

struct Shop {
    name: &'static str,
}

impl Shop {
    #[count(topic = "shops", when = "after")]
    async fn open(&self) -> &'static str {
        self.name
    }
}

/// Is counted where it runs.
#[count(topic = "served")]
#[callback]
async fn served(item: String) -> String {
    item
}

/// Calls what is counted.
#[callback]
async fn caller(item: String) -> daffi::Result<(u64, String)> {
    tokio::task::yield_now().await;
    Ok(place(&item).await?)
}

/// As a callback that is polled in place.
#[callback(inline)]
async fn inline_caller(item: String) -> daffi::Result<(u64, String)> {
    Ok(place(&item).await?)
}

/// Which node a thread runs for.
#[callback]
fn plain() -> Option<String> {
    Some(Node::current()?.name().to_string())
}

/// One test, since a process has one default node.
#[tokio::test(start_paused = true)]
async fn a_counted_function_uses_the_node_of_its_callback_or_else_the_default() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("caller").registry(Registry::new()).await.unwrap();
    let callbacks = Registry::from_inventory().unwrap();
    let worker = mesh.node("worker").registry(callbacks).await.unwrap();

    // In a callback there is a node.
    assert_eq!(caller::call(&node, "tea".into()).await.unwrap(), (1, "one tea".into()));
    assert_eq!(inline_caller::call(&node, "tea".into()).await.unwrap(), (2, "one tea".into()));
    assert_eq!(plain::call(&node).await.unwrap().as_deref(), Some("worker"));
    // Elsewhere there is none yet.
    assert!(matches!(place("tea").await, Err(DataError::NoNode)));
    assert!(matches!(place_if("tea").await, Err(Error::Data(DataError::NoNode))));

    node.make_default();
    assert_eq!(place("tea").await.unwrap(), (3, "one tea".into()));
    assert_eq!(place_if("tea").await.unwrap(), (4, 3));
    assert!(place_if("").await.is_err());
    assert_eq!(node.counter("placed").peek().await.unwrap(), 4);
    assert_eq!(start(true).await.unwrap(), (1, ()));
    assert_eq!(start(false).await.unwrap_err().to_string(), "bad");
    assert_eq!(node.counter("started").peek().await.unwrap(), 2);
    assert_eq!(nothing().await.unwrap(), (1, ()));
    assert_eq!(node.counter("default").peek().await.unwrap(), 1);
    assert_eq!(Shop { name: "corner" }.open().await.unwrap(), (1, "corner"));

    // Only its own handles keep it.
    drop((node, worker));
    assert!(matches!(place("tea").await, Err(DataError::NoNode)));
}
