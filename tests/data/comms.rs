//! Messages to whoever listens.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::datatypes::CommsMessage;
use daffi::{DataError, Heard, Inbox, Node};
use daffi_core::testing::Mesh;
use futures::{FutureExt, StreamExt};

async fn next<T>(inbox: &mut Inbox<T>) -> CommsMessage<T> {
    match inbox.next().await {
        Some(Ok(Heard::Item(message))) => message,
        Some(Ok(_)) => panic!("some messages were missed"),
        Some(Err(error)) => panic!("{error}"),
        None => panic!("the stream has ended"),
    }
}

async fn two() -> (Mesh, Node, Node) {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    (mesh, one, other)
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_all_who_listen_the_publisher_too() {
    let (_mesh, one, other) = two().await;
    let mut own = one.comms::<String>("chat").listen().await.unwrap();
    let mut others = other.comms::<String>("chat").listen().await.unwrap();

    one.comms::<String>("chat").publish("hello").await.unwrap();

    for inbox in [&mut own, &mut others] {
        let message = next(inbox).await;
        assert_eq!((&*message.name, message.body.as_str(), message.from.as_str()), ("chat", "hello", "one"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_published_before_anybody_listened_is_gone() {
    let (_mesh, one, other) = two().await;
    let queue = one.comms::<u32>("chat");
    queue.publish(1).await.unwrap();
    let mut inbox = other.comms::<u32>("chat").listen().await.unwrap();

    queue.publish(2).await.unwrap();

    assert_eq!(next(&mut inbox).await.body, 2);
}

#[tokio::test(start_paused = true)]
async fn messages_of_several_names_are_merged_and_keep_their_order() {
    let (_mesh, one, other) = two().await;
    let mut inbox = other.comms_of::<u32>(["a", "b"]).listen().await.unwrap();
    for n in 0..50 {
        one.comms::<u32>("a").publish(n).await.unwrap();
        one.comms::<u32>("b").publish(n).await.unwrap();
        one.comms::<u32>("c").publish(n).await.unwrap();
    }

    let mut heard = [Vec::new(), Vec::new()];
    for _ in 0..100 {
        let message = next(&mut inbox).await;
        heard[usize::from(&*message.name == "b")].push(message.body);
    }
    let sent: Vec<u32> = (0..50).collect();
    assert_eq!(heard, [sent.clone(), sent]);
}

#[tokio::test(start_paused = true)]
async fn a_message_to_several_names_is_published_under_each() {
    let (_mesh, one, other) = two().await;
    let (mut a, mut b) =
        (other.comms::<u32>("a").listen().await.unwrap(), other.comms::<u32>("b").listen().await.unwrap());

    // More than vacant objects are spared.
    let both = one.comms_of::<u32>(["a", "b"]);
    for n in 0..600 {
        both.publish(n).await.unwrap();
    }

    assert_eq!(both.names().collect::<Vec<_>>(), ["a", "b"]);
    for n in 0..600 {
        assert_eq!((next(&mut a).await.body, next(&mut b).await.body), (n, n));
    }
    let none = one.comms_of::<u32>([""; 0]).publish(1).await.unwrap_err();
    assert!(matches!(none, DataError::Invalid { .. }), "{none}");
}

#[tokio::test(start_paused = true)]
async fn a_message_to_several_names_whose_fate_was_lost_is_never_heard_twice() {
    for cut_ms in 0..40 {
        let (mesh, one, other) = two().await;
        let mut inbox = other.comms_of::<u32>(["a", "b"]).listen().await.unwrap();
        let both = one.comms_of::<u32>(["a", "b"]);
        let publishing = tokio::spawn(both.publish(1).into_future());
        mesh.delay("one", Duration::from_millis(10));
        tokio::time::sleep(Duration::from_millis(cut_ms)).await;
        mesh.cut("one");
        mesh.advance(Duration::from_secs(40)).await;
        mesh.heal("one");

        let published = publishing.await.unwrap();
        both.publish(2).await.unwrap();

        let mut heard = Vec::new();
        while heard.iter().filter(|(_, body)| *body == 2).count() < 2 {
            let message = next(&mut inbox).await;
            heard.push((message.name.to_string(), message.body));
        }
        heard.sort_unstable();
        let all = [("a", 1), ("a", 2), ("b", 1), ("b", 2)].map(|(name, body)| (name.to_owned(), body));
        match published {
            Ok(()) => assert_eq!(heard, all),
            Err(error) => assert_eq!(error.ran(), daffi::Ran::Maybe, "{error}"),
        }
        assert!(heard == all || heard == [all[1].clone(), all[3].clone()], "{heard:?}");
        assert!(inbox.next().now_or_never().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_type_is_an_error_in_its_place() {
    let (_mesh, one, other) = two().await;
    let mut inbox = other.comms::<u32>("chat").listen().await.unwrap();
    one.comms::<String>("chat").publish("text").await.unwrap();
    one.comms::<u32>("chat").publish(7).await.unwrap();

    let error = inbox.next().await.unwrap().unwrap_err();
    assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
    assert_eq!(next(&mut inbox).await.body, 7);
}

#[tokio::test(start_paused = true)]
async fn a_null_is_a_message() {
    let (_mesh, one, other) = two().await;
    let mut inbox = other.comms::<Option<u32>>("chat").listen().await.unwrap();

    one.comms::<Option<u32>>("chat").publish(None).await.unwrap();

    assert_eq!(next(&mut inbox).await.body, None);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_missed_messages_is_told() {
    let (mesh, one, other) = two().await;
    let mut inbox = other.comms::<u32>("chat").listen().await.unwrap();
    mesh.cut("other");
    mesh.advance(daffi::config::FEED_KEPT_FOR * 3).await;
    one.comms::<u32>("chat").publish(1).await.unwrap();
    mesh.heal("other");
    mesh.connected("other").await.unwrap();

    let missed = inbox.next().await.unwrap().unwrap();
    one.comms::<u32>("chat").publish(2).await.unwrap();

    assert_eq!(missed, Heard::Missed);
    assert_eq!(next(&mut inbox).await.body, 2);
}

#[tokio::test(start_paused = true)]
async fn an_inbox_outlives_more_broken_links_than_an_operation() {
    let (mesh, one, other) = two().await;
    let mut inbox = other.comms::<u32>("chat").listen().await.unwrap();
    let hearing = tokio::spawn(async move { (inbox.next().await, inbox) });
    for _ in 0..=daffi::config::OPERATION_RETRIES_MAX + 1 {
        mesh.cut("other");
        mesh.advance(daffi::config::GRACE * 2).await;
        mesh.heal("other");
        mesh.connected("other").await.unwrap();
        mesh.settled().await;
    }

    one.comms::<u32>("chat").publish(1).await.unwrap();

    let (heard, _) = hearing.await.unwrap();
    let Some(Ok(Heard::Item(message))) = heard else { panic!("{heard:?}") };
    assert_eq!(message.body, 1);
}
