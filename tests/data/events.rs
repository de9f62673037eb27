//! Events.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use daffi::{CallError, DataError, Event, EventStream, Heard, Node, Ran};
use daffi_core::testing::Mesh;
use futures::{FutureExt, StreamExt};

async fn next<T>(events: &mut EventStream<T>) -> Event<T> {
    match events.next().await {
        Some(Ok(Heard::Item(event))) => event,
        Some(Ok(_)) => panic!("some events were missed"),
        Some(Err(error)) => panic!("{error}"),
        None => panic!("the stream has ended"),
    }
}

async fn two() -> (Mesh, Node, Node) {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    (mesh, one, other)
}

/// What a callback was called with, and how a test waits for more.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn note(&self, heard: &Heard<Event<u32>>) {
        let text = match heard {
            Heard::Item(event) => format!("{} {}", event.name, event.data),
            _ => "missed".into(),
        };
        self.0.lock().unwrap().push(text);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_says_its_name_its_data_and_its_sender() {
    let (_mesh, one, other) = two().await;
    let mut all = other.events("").watch::<u32>("event.*").await.unwrap();
    let mut test = other.events("event").watch::<u32>("test").await.unwrap();

    one.events("Event").send("..TEST", 100).await.unwrap();

    for events in [&mut all, &mut test] {
        let event = next(events).await;
        assert_eq!((event.name.as_str(), event.data, event.from.as_str()), ("event.test", 100, "one"));
    }
    assert_eq!(one.events("Event").prefix(), "event.");
}

#[tokio::test(start_paused = true)]
async fn a_pattern_chooses_by_stars_marks_and_classes() {
    let (_mesh, one, other) = two().await;
    let events = one.events("shop.");
    let mut stars = other.events("shop.").watch::<u32>("*.new").await.unwrap();
    let mut marks = other.events("shop.").watch::<u32>("Order?.[a-m]*").await.unwrap();
    for (at, name) in ["order1.new", "order2.gone", "order3.new", "order12.gone"].into_iter().enumerate() {
        events.send(name, at).await.unwrap();
    }
    events.send("last.new", 9).await.unwrap();
    events.send("order9.last", 9).await.unwrap();

    assert_eq!(
        [next(&mut stars).await.data, next(&mut stars).await.data, next(&mut stars).await.data],
        [0, 2, 9]
    );
    assert_eq!([next(&mut marks).await.data, next(&mut marks).await.data], [1, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_prefix_is_no_pattern() {
    let (_mesh, one, other) = two().await;
    let mut events = other.events("a*").watch::<u32>("x").await.unwrap();

    one.events("ab").send("x", 1).await.unwrap();
    one.events("a*").send("x", 2).await.unwrap();

    assert_eq!(next(&mut events).await.data, 2);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_sender_keep_their_order() {
    let (_mesh, one, other) = two().await;
    let mut events = other.events("").watch::<u32>("*").await.unwrap();
    let sending = (0..3_000).map(|n| {
        let events = if n % 2 == 0 { one.events("even") } else { one.events("odd") };
        events.send("n", n)
    });
    futures::future::try_join_all(sending.map(IntoFuture::into_future)).await.unwrap();

    for n in 0..3_000 {
        assert_eq!(next(&mut events).await.data, n);
    }
}

#[tokio::test(start_paused = true)]
async fn data_of_another_type_is_an_error_in_its_place_and_not_the_end() {
    let (_mesh, one, other) = two().await;
    let mut events = other.events("").watch::<u32>("*").await.unwrap();
    one.events("").send("a", "text").await.unwrap();
    one.events("").send("b", 7).await.unwrap();

    let error = events.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, DataError::WrongValue { found, .. } if found.contains("`a`")), "{error}");
    assert_eq!(next(&mut events).await.data, 7);
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_told_and_what_follows_it_is_heard() {
    let (mesh, one, other) = two().await;
    let mut events = other.events("").watch::<u32>("*").await.unwrap();
    mesh.cut("other");
    mesh.advance(daffi::config::FEED_KEPT_FOR * 3).await;
    one.events("").send("lost", 1).await.unwrap();
    mesh.heal("other");
    mesh.connected("other").await.unwrap();
    let missed = events.next().await.unwrap().unwrap();

    one.events("").send("after", 2).await.unwrap();

    assert_eq!(missed, Heard::Missed);
    assert_eq!(next(&mut events).await.data, 2);
}

#[tokio::test(start_paused = true)]
async fn one_who_was_away_for_a_moment_misses_nothing() {
    let (mesh, one, other) = two().await;
    let mut events = other.events("").watch::<u32>("*").await.unwrap();
    mesh.cut("other");
    one.events("").send("while.away", 1).await.unwrap();
    mesh.advance(Duration::from_secs(30)).await;
    mesh.heal("other");

    assert_eq!(next(&mut events).await.data, 1);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_falls_too_far_behind_is_told() {
    let (_mesh, one, other) = two().await;
    let mut events = other.events("").watch::<u32>("*").await.unwrap();
    let count = 2 * daffi::config::FEED_ITEMS_MAX as u32;
    for n in 0..count {
        one.events("").send("n", n).await.unwrap();
    }

    assert_eq!(events.next().await.unwrap().unwrap(), Heard::Missed);
    let first = next(&mut events).await.data;
    assert_eq!(first, count - daffi::config::FEED_ITEMS_MAX as u32);
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_panics_is_counted_and_called_again() {
    let (mesh, one, other) = two().await;
    let calls = Calls::default();
    let noted = calls.clone();
    let events = other.events("event.");
    let watcher = events.on("*", move |heard: Heard<Event<u32>>| {
        noted.note(&heard);
        assert!(!matches!(heard, Heard::Item(event) if event.data == 1), "on purpose");
    });
    let watcher = watcher.await.unwrap();

    for n in 0..3 {
        one.events("event.").send("n", n).await.unwrap();
    }
    one.events("event.").send("n", "text").await.unwrap();
    one.events("event.").send("last", 4).await.unwrap();
    mesh.settled().await;

    assert_eq!(calls.all(), ["event.n 0", "event.n 1", "event.n 2", "event.last 4"]);
    assert_eq!((watcher.panics(), watcher.undecodable(), watcher.error()), (1, 1, None));
}

#[tokio::test(start_paused = true)]
async fn each_callback_is_told_of_a_gap_once() {
    let (mesh, one, other) = two().await;
    let calls = Calls::default();
    let noted = calls.clone();
    let _watcher = other.events("").on("*", move |heard| noted.note(&heard)).await.unwrap();
    one.events("").send("before", 1).await.unwrap();
    mesh.settled().await;
    mesh.cut("other");
    mesh.advance(daffi::config::FEED_KEPT_FOR * 3).await;
    one.events("").send("lost", 2).await.unwrap();
    mesh.heal("other");
    mesh.connected("other").await.unwrap();
    mesh.settled().await;

    one.events("").send("after", 3).await.unwrap();
    mesh.settled().await;

    assert_eq!(calls.all(), ["before 1", "missed", "after 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_watcher_is_called_no_more() {
    let (mesh, one, other) = two().await;
    let (calls, others) = (Calls::default(), Calls::default());
    let (noted, noted_too) = (calls.clone(), others.clone());
    let watcher = other.events("").on("*", move |heard| noted.note(&heard)).await.unwrap();
    let _other = other.events("").on("*", move |heard| noted_too.note(&heard)).await.unwrap();
    one.events("").send("a", 1).await.unwrap();
    mesh.settled().await;

    drop(watcher);
    one.events("").send("b", 2).await.unwrap();
    mesh.settled().await;

    assert_eq!(calls.all(), ["a 1"]);
    assert_eq!(others.all(), ["a 1", "b 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_whose_node_has_ended_says_why_it_hears_nothing() {
    let (mesh, one, other) = two().await;
    let calls = Calls::default();
    let noted = calls.clone();
    let watcher = other.events("").on("*", move |heard| noted.note(&heard)).await.unwrap();

    other.stop().await.unwrap();
    mesh.settled().await;
    one.events("").send("a", 1).await.unwrap();

    assert!(matches!(watcher.error(), Some(DataError::Call(_))), "{:?}", watcher.error());
    assert!(calls.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn names_and_patterns_have_bounds() {
    let (_mesh, one, _) = two().await;
    let long = "x".repeat(daffi::config::TOPIC_BYTES_MAX + 1);

    for bad in ["", "..", &long] {
        let error = one.events("").send(bad, 1).await.unwrap_err();
        assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    }
    let large = "x".repeat(daffi::config::PUBLISHED_BYTES_MAX);
    let error = one.events("").send("large", &large).await.unwrap_err();
    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    let error = one.events("").watch::<u32>(&long).await.unwrap_err();
    assert!(matches!(error, DataError::Call(CallError::BadArguments { .. })), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_largest_event_is_heard() {
    let (_mesh, one, other) = two().await;
    let mut events = other.events("").watch::<String>("*").await.unwrap();
    // Its length takes five bytes.
    let large = "x".repeat(daffi::config::PUBLISHED_BYTES_MAX - 5);

    for _ in 0..3 {
        one.events("").send("large", &large).await.unwrap();
    }

    for _ in 0..3 {
        assert_eq!(next(&mut events).await.data, large);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_fate_was_lost_is_never_heard_twice() {
    for cut_ms in 0..40 {
        let (mesh, one, other) = two().await;
        let mut events = other.events("").watch::<u32>("*").await.unwrap();
        let sender = one.clone();
        let send = tokio::spawn(async move { sender.events("").send("a", 1).await });
        mesh.delay("one", Duration::from_millis(10));
        tokio::time::sleep(Duration::from_millis(cut_ms)).await;
        mesh.cut("one");
        mesh.advance(Duration::from_secs(40)).await;
        mesh.heal("one");

        let sent = send.await.unwrap();
        one.events("").send("b", 2).await.unwrap();

        let heard = next(&mut events).await.data;
        match sent {
            Ok(()) => assert_eq!(heard, 1),
            Err(error) => assert_eq!(error.ran(), Ran::Maybe, "{error}"),
        }
        if heard == 1 {
            assert_eq!(next(&mut events).await.data, 2);
        }
        assert!(events.next().now_or_never().is_none());
    }
}

#[test]
fn threads_send_watch_and_listen_too() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_controller, node) = runtime.block_on(async {
        let controller = daffi::Controller::bind("memory://events-threads").await.unwrap();
        (controller, daffi::connect("memory://events-threads").await.unwrap())
    });
    let mut events = node.events("").watch::<u32>("*").wait().unwrap().wait();
    let mut inbox = node.comms::<u32>("chat").listen().wait().unwrap().wait();
    let (heard, hearing) = std::sync::mpsc::channel();
    let tell = move |event: Heard<Event<u32>>| heard.send(event.item().map(|event| event.data)).unwrap();
    let _watcher = node.events("").on("*", tell).wait().unwrap();

    node.events("").send("a", 1).wait().unwrap();
    node.comms::<u32>("chat").publish(2).wait().unwrap();

    let Some(Ok(Heard::Item(event))) = events.next() else { panic!("no event") };
    let Some(Ok(Heard::Item(message))) = inbox.next() else { panic!("no message") };
    assert_eq!((event.data, message.body, hearing.recv().unwrap()), (1, 2, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn a_task_may_not_wait_for_events_on_its_thread() {
    let (_mesh, one, _) = two().await;

    let refused = one.events("").watch::<u32>("*").wait().unwrap_err();
    let walked: Vec<_> = one.events("").watch::<u32>("*").await.unwrap().wait().collect();

    assert!(matches!(refused, DataError::Call(CallError::WouldBlock)), "{refused}");
    assert!(matches!(&walked[..], [Err(DataError::Call(CallError::WouldBlock))]), "{walked:?}");
}
