//! Streams as results and as arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daffi::config::{CHUNK_BYTES, FLOW_WINDOW_BYTES};
use daffi::prelude::*;
use daffi::{CallError, Incoming, Stream, callback, callbacks};
use futures::future::join_all;
use futures::stream;
use serde_bytes::ByteBuf;

use crate::support::{Mesh, failure, fresh_probe, in_virtual_time, on_each_transport, probe};

#[callback(name = "streams.numbers")]
async fn numbers(n: u64) -> impl Stream<Item = u64> {
    stream::iter(0..n)
}

/// Not `async`, since it has nothing to wait for.
#[callback(name = "streams.failing")]
fn failing(n: u64) -> impl Stream<Item = Result<u64, String>> {
    stream::iter((0..n).map(Ok).chain([Err("enough".to_owned())])).chain(stream::once(async { Ok(0) }))
}

#[callback(name = "streams.panicking")]
async fn panicking() -> impl Stream<Item = u64> {
    stream::iter(0..3).map(|number| if number == 2 { panic!("no more than two") } else { number })
}

/// Counts what it produced, and tells when it is dropped.
fn counted(probe_name: &str, item_bytes: usize) -> impl Stream<Item = ByteBuf> + use<> {
    let probe = probe(probe_name);
    let dropped = probe.note_on_drop("dropped");
    stream::repeat_with(move || {
        let _ = &dropped;
        probe.note("item");
        ByteBuf::from(vec![0; item_bytes])
    })
}

#[callback(name = "streams.endless")]
async fn endless(probe_name: String, item_bytes: usize) -> impl Stream<Item = ByteBuf> {
    counted(&probe_name, item_bytes)
}

/// Gives so many items and then nothing, for ever.
#[callback(name = "streams.stuck")]
pub(crate) async fn stuck(probe_name: String, n: u64) -> impl Stream<Item = u64> {
    let dropped = probe(&probe_name).note_on_drop("dropped");
    stream::iter(0..n).chain(stream::pending()).map(move |number| {
        let _ = &dropped;
        number
    })
}

#[callback(name = "streams.sum")]
async fn sum(start: u64, mut items: Incoming<u64>) -> Result<u64, CallError> {
    let mut sum = start;
    while let Some(item) = items.next().await {
        sum += item?;
    }
    Ok(sum)
}

#[callback(name = "streams.doubled")]
fn doubled(items: Incoming<u64>, by: u64) -> impl Stream<Item = Result<u64, CallError>> {
    items.map(move |item| item.map(|item| item * by))
}

/// Takes the first few items and no more.
#[callback(name = "streams.first")]
async fn first(items: Incoming<ByteBuf>, n: usize) -> usize {
    items.take(n).filter(|item| std::future::ready(item.is_ok())).count().await
}

/// Takes nothing until it may.
#[callback(name = "streams.waiting")]
async fn waiting(probe_name: String, items: Incoming<ByteBuf>) -> usize {
    let probe = probe(&probe_name);
    probe.note("begun");
    probe.opened().await;
    items.take(3).count().await
}

/// Passes its stream on and is over.
#[callback(name = "streams.passing")]
async fn passing(probe_name: String, mut items: Incoming<u64>) {
    tokio::spawn(async move {
        while let Some(item) = items.next().await {
            probe(&probe_name).note(if item.is_ok() { "item" } else { "error" });
        }
        probe(&probe_name).note("over");
    });
}

/// What its caller's stream ended with.
#[callback(name = "streams.ending")]
async fn ending(items: Incoming<u64>) -> Vec<String> {
    items.map(|item| item.map_or_else(|error| error.to_string(), |item| item.to_string())).collect().await
}

#[callback(name = "streams.plain")]
async fn plain(n: u64) -> u64 {
    n
}

async fn items_arrive_in_their_order(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![numbers]).await;
    let caller = mesh.caller().await;

    for n in [0, 1, 10, 200_000] {
        let items: Vec<u64> =
            caller.call::<u64>("streams.numbers", (n,)).stream().try_collect().await.unwrap();
        assert!(items.iter().copied().eq(0..n), "{n} items");
    }
    let typed: Vec<u64> = numbers::call(&caller, 5).stream().try_collect().await.unwrap();
    assert_eq!(typed, [0, 1, 2, 3, 4]);
    let in_background: Vec<u64> = numbers::call(&caller, 5).bg_stream().try_collect().await.unwrap();
    assert_eq!(in_background, [0, 1, 2, 3, 4]);
}

async fn items_larger_than_a_window_arrive(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![endless]).await;
    let caller = mesh.caller().await;
    let (name, _probe) = fresh_probe();

    let items = caller.call::<ByteBuf>("streams.endless", (&name, 3 * FLOW_WINDOW_BYTES)).stream();
    let items: Vec<ByteBuf> = items.take(5).try_collect().await.unwrap();

    assert!(items.len() == 5 && items.iter().all(|item| item.len() == 3 * FLOW_WINDOW_BYTES));
}

async fn an_error_in_the_middle_comes_after_the_items_before_it(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![failing, panicking]).await;
    let caller = mesh.caller().await;

    let mut items = caller.call::<u64>("streams.failing", (100_000,)).stream();
    for number in 0..100_000 {
        assert_eq!(items.next().await, Some(Ok(number)));
    }
    let last = items.next().await;
    assert!(matches!(&last, Some(Err(CallError::Remote { message, .. })) if message == "enough"), "{last:?}");
    assert_eq!(items.next().await, None);

    let items: Vec<_> = caller.call::<u64>("streams.panicking", ()).stream().collect().await;
    assert_eq!(items[..2], [Ok(0), Ok(1)]);
    assert!(matches!(&items[2..], [Err(CallError::Panicked { .. })]), "{items:?}");
}

async fn a_call_that_cannot_be_made_is_the_only_item(mesh: Mesh) {
    let caller = mesh.caller().await;

    let items: Vec<_> = caller.call::<u64>("streams.numbers", (1,)).stream().collect().await;

    assert!(matches!(&items[..], [Err(CallError::NoSuchCallback { .. })]), "{items:?}");
}

async fn a_call_for_the_other_kind_of_result_is_told_what_to_write(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![numbers, plain, sum]).await;
    let caller = mesh.caller().await;

    // Before and after the signature is known.
    for _ in 0..2 {
        let error = failure(caller.call::<u64>("streams.numbers", (1,)).await);
        assert!(error.to_string().contains(".stream()"), "{error}");
        let items: Vec<_> = caller.call::<u64>("streams.plain", (1,)).stream().collect().await;
        assert!(matches!(&items[..], [Err(_)]), "{items:?}");
        let error = failure(caller.call::<u64>("streams.sum", (1,)).await);
        assert!(error.to_string().contains(".feed(stream)"), "{error}");
        let error = failure(caller.call::<u64>("streams.plain", (1,)).feed(stream::empty::<u64>()).await);
        assert!(matches!(error, CallError::BadArguments { .. }), "{error}");
    }
    let error = failure(numbers::call(&caller, 1).await);
    assert!(error.to_string().contains(".stream()") && error.ran() == Ran::No, "{error}");
    let error = failure(numbers::call(&caller, 1).broadcast().await);
    assert_eq!(error.ran(), Ran::No, "{error}");
    let error = failure(caller.call::<u64>("streams.sum", (1,)).feed(stream::empty::<u64>()).submit().await);
    assert_eq!(error.ran(), Ran::No, "{error}");
}

async fn a_slow_consumer_stops_the_producer(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![endless]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let item_bytes = 1_000;
    // On top of what was taken: what is under way, and what waits at each end to fill a chunk.
    let most = (FLOW_WINDOW_BYTES + 2 * CHUNK_BYTES) / item_bytes;

    let mut items = caller.call::<ByteBuf>("streams.endless", (&name, item_bytes)).stream();
    items.next().await.unwrap().unwrap();
    until_it_stands_still(&caller, || probe.count("item")).await;
    let produced = probe.count("item");
    assert!((10..=most).contains(&produced), "{produced} of at most {most}");

    for _ in 0..5_000 {
        items.next().await.unwrap().unwrap();
    }
    until_it_stands_still(&caller, || probe.count("item")).await;
    let produced = probe.count("item");
    assert!((5_000..=5_000 + most).contains(&produced), "{produced} of at most {most} more");
    drop(items);
    probe.wait_for("dropped").await;
}

/// Sends messages to and fro until a count has not changed for many of them.
async fn until_it_stands_still(node: &Node, count: impl Fn() -> usize) {
    let mut still = 0;
    let mut last = count();
    while still < 50 {
        node.stats().await.unwrap();
        let now = count();
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
}

async fn dropping_the_stream_cancels_the_producer(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![endless, stuck]).await;
    let caller = mesh.caller().await;
    let (probe_name, probe) = fresh_probe();
    let mut items = caller.call::<ByteBuf>("streams.endless", (&probe_name, 1)).stream();
    items.next().await.unwrap().unwrap();
    drop(items);
    probe.wait_for("dropped").await;

    // One that waits for something, too.
    let (probe_name, probe) = fresh_probe();
    let mut items = caller.call::<u64>("streams.stuck", (&probe_name, 1)).stream();
    items.next().await.unwrap().unwrap();
    drop(items);
    probe.wait_for("dropped").await;
    mesh.until_stat_falls_to(&caller, "flows_sending", 0).await;
}

async fn a_stream_that_is_fed_arrives_whole(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![sum]).await;
    let caller = mesh.caller().await;

    let total: u64 = caller.call("streams.sum", (5,)).feed(stream::iter(0..200_000u64)).await.unwrap();
    assert_eq!(total, 5 + 199_999 * 100_000);
    assert_eq!(sum::call(&caller, 1, stream::iter([2, 3])).await.unwrap(), 6);
    let mut job = sum::call(&caller, 1, stream::iter([2, 3])).bg();
    assert_eq!(job.wait().await.unwrap(), 6);
    let nothing: u64 = caller.call("streams.sum", (5,)).feed(stream::empty::<u64>()).await.unwrap();
    assert_eq!(nothing, 5);
}

async fn a_callee_that_takes_slowly_stops_its_callers_stream(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![waiting]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let (source, produced) = (fresh_probe(), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&produced);
    let items = counted(&source.0, 1_000).inspect(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });

    let mut job = caller.call::<usize>("streams.waiting", (&name,)).feed(items).bg();
    probe.wait_for("begun").await;
    until_it_stands_still(&caller, || produced.load(Ordering::Relaxed) as usize).await;
    let most = (FLOW_WINDOW_BYTES + 2 * CHUNK_BYTES) as u64 / 1_000;
    assert!(produced.load(Ordering::Relaxed) <= most);

    probe.open();
    assert_eq!(job.wait().await.unwrap(), 3);
    source.1.wait_for("dropped").await;
}

async fn a_callee_that_takes_no_more_ends_its_callers_stream(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![first]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let taken = first::call(&caller, counted(&name, 1_000), 7).await.unwrap();

    assert_eq!(taken, 7);
    probe.wait_for("dropped").await;
    mesh.until_stat_falls_to(&caller, "flows_sending", 0).await;
}

async fn a_stream_that_is_passed_on_ends_with_its_call(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![passing]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    passing::call(&caller, name, stream::pending()).await.unwrap();

    probe.wait_for("over").await;
    assert_eq!(probe.notes(), ["error", "over"]);
}

async fn an_error_of_the_callers_stream_is_the_callees_last_item(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![ending]).await;
    let caller = mesh.caller().await;

    let items = stream::iter([Ok(1u64), Ok(2), Err("the source is dry"), Ok(3)]);
    let seen: Vec<String> = caller.call("streams.ending", ()).try_feed(items).await.unwrap();

    assert_eq!(seen[..2], ["1", "2"]);
    assert!(seen.len() == 3 && seen[2].contains("the source is dry"), "{seen:?}");
}

async fn a_panic_of_the_callers_stream_is_the_callees_last_item(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![ending]).await;
    let caller = mesh.caller().await;

    let items = stream::iter(1..4u64).map(|item| if item == 3 { panic!("the source burst") } else { item });
    let seen: Vec<String> = caller.call("streams.ending", ()).feed(items).await.unwrap();

    assert_eq!(seen[..2], ["1", "2"]);
    assert!(seen.len() == 3 && seen[2].contains("the source burst"), "{seen:?}");
}

async fn items_of_another_type_are_the_readers_error(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![ending, numbers]).await;
    let caller = mesh.caller().await;

    let seen: Vec<String> = caller.call("streams.ending", ()).feed(stream::iter(["text"])).await.unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let items: Vec<_> = caller.call::<String>("streams.numbers", (3,)).stream().collect().await;
    assert!(matches!(&items[..], [Err(CallError::BadReply { .. })]), "{items:?}");
}

async fn streams_go_both_ways_at_once(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![doubled]).await;
    let caller = mesh.caller().await;

    let doubled: Vec<u64> =
        doubled::call(&caller, stream::iter(0..200_000), 2).stream().try_collect().await.unwrap();

    assert!(doubled.iter().copied().eq((0..200_000).map(|number| 2 * number)));
}

async fn each_item_is_answered_before_the_next_is_sent(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![doubled]).await;
    let caller = mesh.caller().await;
    let (to_callee, items) = tokio::sync::mpsc::unbounded_channel::<u64>();
    let items = stream::unfold(items, async |mut items| Some((items.recv().await?, items)));

    let mut answers = caller.call::<u64>("streams.doubled", (10,)).feed(items).stream();
    for number in 0..100 {
        to_callee.send(number).unwrap();
        assert_eq!(answers.next().await, Some(Ok(10 * number)));
    }
    drop(to_callee);

    assert_eq!(answers.next().await, None);
}

async fn a_hundred_streams_at_once_do_not_meet(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![doubled]).await;
    let caller = mesh.caller().await;

    join_all((0..100).map(|by| {
        let items = doubled::call(&caller, stream::iter(0..1_000), by).stream();
        async move {
            let items: Vec<u64> = items.try_collect().await.unwrap();
            assert!(items.into_iter().eq((0..1_000).map(|number| number * by)));
        }
    }))
    .await;
}

async fn a_callee_that_dies_ends_the_stream_after_its_items(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![stuck]).await;
    let caller = mesh.caller().await;
    let (name, _probe) = fresh_probe();

    let mut items = caller.call::<u64>("streams.stuck", (&name, 2)).stream();
    assert_eq!(items.next().await, Some(Ok(0)));
    drop(callee);

    assert_eq!(items.next().await, Some(Ok(1)));
    let last = items.next().await;
    assert!(matches!(last, Some(Err(CallError::NodeLost { .. }))), "{last:?}");
    assert_eq!(items.next().await, None);
}

async fn a_caller_that_dies_ends_the_callbacks_streams(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![stuck, ending]).await;
    let observer = mesh.node("observer", Vec::new()).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut items = caller.call::<u64>("streams.stuck", (&name, 1)).stream();
    items.next().await.unwrap().unwrap();
    let fed = caller.call::<Vec<String>>("streams.ending", ()).feed(stream::pending::<u64>()).bg();
    mesh.until_stat(&observer, "flows_started", 2).await;

    caller.stop().await.unwrap();

    probe.wait_for("dropped").await;
    assert!(matches!(items.next().await, Some(Err(CallError::Disconnected { .. }))));
    drop(fed);
    mesh.until_stat_falls_to(&observer, "flows_sending", 0).await;
}

on_each_transport!(
    items_arrive_in_their_order,
    items_larger_than_a_window_arrive,
    an_error_in_the_middle_comes_after_the_items_before_it,
    a_call_that_cannot_be_made_is_the_only_item,
    a_call_for_the_other_kind_of_result_is_told_what_to_write,
    a_slow_consumer_stops_the_producer,
    dropping_the_stream_cancels_the_producer,
    a_stream_that_is_fed_arrives_whole,
    a_callee_that_takes_slowly_stops_its_callers_stream,
    a_callee_that_takes_no_more_ends_its_callers_stream,
    a_stream_that_is_passed_on_ends_with_its_call,
    an_error_of_the_callers_stream_is_the_callees_last_item,
    a_panic_of_the_callers_stream_is_the_callees_last_item,
    items_of_another_type_are_the_readers_error,
    streams_go_both_ways_at_once,
    each_item_is_answered_before_the_next_is_sent,
    a_hundred_streams_at_once_do_not_meet,
    a_callee_that_dies_ends_the_stream_after_its_items,
    a_caller_that_dies_ends_the_callbacks_streams,
);

async fn a_stream_has_no_deadline_unless_its_caller_gives_one(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![stuck]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut unlimited = caller.call::<u64>("streams.stuck", (&name, 2)).stream();
    let limited = caller.call::<u64>("streams.stuck", (&name, 2)).timeout(Duration::from_secs(60)).stream();

    let items: Vec<_> = limited.collect().await;

    assert_eq!(items[..2], [Ok(0), Ok(1)]);
    assert!(matches!(&items[2..], [Err(CallError::TimedOut { .. })]), "{items:?}");
    probe.wait_for("dropped").await;
    assert_eq!(unlimited.next().await, Some(Ok(0)));
    tokio::time::advance(24 * Duration::from_secs(3600)).await;
    assert_eq!(unlimited.next().await, Some(Ok(1)));
}

async fn an_item_may_have_a_time_of_its_own(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![stuck]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let second = Duration::from_secs(1);
    let items = caller.call::<u64>("streams.stuck", (&name, 3)).stream().item_timeout(second);
    let items: Vec<_> = items.collect().await;

    assert_eq!(items[..3], [Ok(0), Ok(1), Ok(2)]);
    let CallError::TimedOut { after, node, .. } = items[3].clone().unwrap_err() else { panic!("{items:?}") };
    assert_eq!((after, node.unwrap().as_str()), (second, "callee"));
    probe.wait_for("dropped").await;
}

in_virtual_time!(a_stream_has_no_deadline_unless_its_caller_gives_one, an_item_may_have_a_time_of_its_own);
