//! Arguments and results that are too large for one frame.

use daffi::config::{BODY_BYTES_MAX, CHUNK_BYTES, FLOWS_MAX};
use daffi::{CallError, Node, Ran, callback, callbacks};
use futures::FutureExt;
use futures::future::join_all;
use serde_bytes::ByteBuf;

use crate::support::{Mesh, failure, fresh_probe, on_each_transport, probe};

#[callback(name = "large.echo")]
async fn echo(data: ByteBuf) -> ByteBuf {
    data
}

#[callback(name = "large.echo-blocking")]
fn echo_blocking(data: ByteBuf) -> ByteBuf {
    data
}

#[callback(name = "large.echo-inline", inline)]
async fn echo_inline(data: ByteBuf) -> ByteBuf {
    data
}

#[callback(name = "large.length")]
async fn length(data: ByteBuf) -> usize {
    data.len()
}

#[callback(name = "large.zeros")]
async fn zeros(length: usize) -> ByteBuf {
    ByteBuf::from(vec![0; length])
}

/// Returns as much as that when it may.
#[callback(name = "large.zeros-later")]
async fn zeros_later(probe_name: String, length: usize) -> ByteBuf {
    let probe = probe(&probe_name);
    probe.note("begun");
    probe.opened().await;
    ByteBuf::from(vec![0; length])
}

#[callback(name = "large.swallow")]
async fn swallow(probe_name: String, data: ByteBuf) {
    probe(&probe_name).note("begun");
    drop(data);
}

/// Bytes none of which is where another should be.
fn pattern(length: usize) -> ByteBuf {
    ByteBuf::from((0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect::<Vec<_>>())
}

async fn assert_echo(caller: &Node, name: &str, length: usize) {
    let sent = pattern(length);

    let echoed = caller.call::<ByteBuf>(name, (&sent,)).await.unwrap();

    assert!(echoed == sent, "{length} bytes of `{name}` came back as others");
}

async fn bodies_of_any_size_arrive_as_they_were_sent(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![echo, echo_blocking, echo_inline]).await;
    let caller = mesh.caller().await;
    // The arguments have a head of 6 bytes, the result one of 5.
    let about_a_chunk = CHUNK_BYTES - 8..CHUNK_BYTES + 2;

    for length in [0, 1].into_iter().chain(about_a_chunk).chain([2 * CHUNK_BYTES, 5 << 20]) {
        assert_echo(&caller, "large.echo", length).await;
    }
    assert_echo(&caller, "large.echo-blocking", 5 << 20).await;
    assert_echo(&caller, "large.echo-inline", 5 << 20).await;
}

async fn sixty_four_mebibytes_go_to_and_fro(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![echo]).await;
    let caller = mesh.caller().await;

    assert_echo(&caller, "large.echo", 64 << 20).await;
}

async fn many_at_a_time_do_not_meet(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![echo]).await;
    let caller = mesh.caller().await;

    join_all((0..50).map(|at| assert_echo(&caller, "large.echo", CHUNK_BYTES * at / 5))).await;
}

async fn a_background_call_takes_large_bodies_too(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![echo]).await;
    let caller = mesh.caller().await;
    let sent = pattern(5 << 20);

    let mut job = caller.call::<ByteBuf>("large.echo", (&sent,)).bg();

    assert!(job.wait().await.unwrap() == sent);
}

async fn more_large_results_than_may_be_under_way_take_turns(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![zeros_later]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let calls = 2 * FLOWS_MAX;
    let results: Vec<_> = (0..calls)
        .map(|_| caller.call::<ByteBuf>("large.zeros-later", (&name, 3 * CHUNK_BYTES)).bg())
        .collect();
    probe.wait_for_all("begun", calls).await;
    probe.open();

    for result in results {
        assert_eq!(result.await.unwrap().len(), 3 * CHUNK_BYTES);
    }
}

async fn a_callee_that_stops_sends_the_results_that_are_there(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![zeros_later]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let lengths = [CHUNK_BYTES, 15 * CHUNK_BYTES];
    let results = lengths.map(|length| caller.call::<ByteBuf>("large.zeros-later", (&name, length)).bg());
    probe.wait_for_all("begun", 2).await;
    probe.open();
    callee.stop().await.unwrap();

    for (result, length) in results.into_iter().zip(lengths) {
        assert_eq!(result.await.unwrap().len(), length);
    }
}

async fn small_calls_pass_a_large_one(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![echo, length]).await;
    let caller = mesh.caller().await;
    caller.call::<usize>("large.length", (ByteBuf::new(),)).await.unwrap();

    let mut large = caller.call::<ByteBuf>("large.echo", (pattern(64 << 20),)).bg();
    for _ in 0..10 {
        assert_eq!(caller.call::<usize>("large.length", (pattern(10),)).await.unwrap(), 10);
    }

    assert!(!large.is_done());
    assert_eq!(large.wait().await.unwrap().len(), 64 << 20);
}

#[track_caller]
fn too_large<T: std::fmt::Debug>(result: daffi::Result<T>) -> (String, u64, Ran) {
    match failure(result) {
        CallError::TooLarge { what, limit, ran, .. } => (what, limit, ran),
        other => panic!("{other:?}"),
    }
}

async fn what_is_over_the_callers_bound_is_not_sent(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![length]).await;
    let caller = mesh.connect("caller", Vec::new()).body_bytes_max(1 << 20).await.unwrap();

    let refused = too_large(caller.call::<usize>("large.length", (pattern(1 << 20),)).await);

    assert_eq!(refused, ("call".into(), 1 << 20, Ran::No));
    assert_eq!(mesh.calls_started(), 0);
    assert_eq!(caller.call::<usize>("large.length", (pattern(1_000_000),)).await.unwrap(), 1_000_000);
}

async fn what_is_over_the_callees_bound_does_not_run(mesh: Mesh) {
    let _callee = mesh.connect("callee", callbacks![swallow]).body_bytes_max(1 << 20).await.unwrap();
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let refused = too_large(caller.call::<()>("large.swallow", (&name, pattern(5 << 20))).await);

    assert_eq!(refused, ("call".into(), 1 << 20, Ran::No));
    caller.call::<()>("large.swallow", (&name, pattern(1))).await.unwrap();
    assert_eq!(probe.notes(), ["begun"]);
}

async fn what_travels_whole_has_the_same_bounds(mesh: Mesh) {
    let callee = mesh.connect("callee", callbacks![swallow, zeros]).body_bytes_max(1 << 20).await.unwrap();
    let caller = mesh.connect("caller", Vec::new()).body_bytes_max(2 << 20).await.unwrap();
    let (name, probe) = fresh_probe();

    caller.call::<()>("large.swallow", (&name, pattern(3 << 19))).no_return().await.unwrap();
    while callee.own_stats()["one_way_failed"] == 0 {
        callee.stats().await.unwrap();
    }
    assert!(probe.notes().is_empty());

    let _other = mesh.node("other", callbacks![zeros]).await;
    let narrow = mesh.connect("narrow", Vec::new()).body_bytes_max(10_000).await.unwrap();
    let zeros = || narrow.call::<ByteBuf>("large.zeros", (10_000,)).on("other");
    assert_eq!(too_large(zeros().await), ("reply".into(), 10_000, Ran::Yes));
    let results = narrow.call::<ByteBuf>("large.zeros", (10_000,)).broadcast().await.unwrap();
    for (node, result) in &results {
        assert!(matches!(result, Err(CallError::TooLarge { ran: Ran::Yes, .. })), "{node}: {result:?}");
    }
}

async fn a_result_over_the_callees_bound_is_an_error_that_it_ran(mesh: Mesh) {
    let _callee = mesh.connect("callee", callbacks![zeros]).body_bytes_max(1 << 20).await.unwrap();
    let caller = mesh.caller().await;

    let refused = too_large(caller.call::<ByteBuf>("large.zeros", (1 << 20,)).await);

    assert_eq!(refused, ("reply".into(), 1 << 20, Ran::Yes));
}

async fn a_result_over_the_callers_bound_is_cut_off(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![zeros]).await;
    let caller = mesh.connect("caller", Vec::new()).body_bytes_max(1 << 20).await.unwrap();

    let refused = too_large(caller.call::<ByteBuf>("large.zeros", (64 << 20,)).await);

    assert_eq!(refused, ("reply".into(), 1 << 20, Ran::Yes));
    mesh.until_stat_falls_to(&caller, "flows_sending", 0).await;
}

async fn modes_that_keep_or_copy_a_body_take_four_mebibytes(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![length, zeros]).await;
    let caller = mesh.caller().await;
    let limit = BODY_BYTES_MAX as u64;
    let large = || caller.call::<usize>("large.length", (pattern(5 << 20),));

    assert_eq!(too_large(large().no_return().await), ("call".into(), limit, Ran::No));
    assert_eq!(too_large(large().broadcast().await), ("call".into(), limit, Ran::No));
    assert_eq!(too_large(large().submit().await), ("call".into(), limit, Ran::No));
    assert_eq!(too_large(large().eta(daffi::millis(1)).await), ("call".into(), limit, Ran::No));

    let results = caller.call::<ByteBuf>("large.zeros", (5 << 20,)).broadcast().await.unwrap();
    let result = results.get("callee").unwrap();
    assert!(matches!(result, Err(CallError::TooLarge { ran: Ran::Yes, .. })), "{result:?}");
    let whole = caller.call::<ByteBuf>("large.zeros", (3 << 20,)).broadcast().await.unwrap();
    assert_eq!(whole.all_ok().unwrap().values().next().map(|zeros| zeros.len()), Some(3 << 20));
}

async fn a_large_call_that_is_dropped_stops_on_its_way(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![echo]).await;
    let caller = mesh.caller().await;

    let mut call = Box::pin(caller.call::<ByteBuf>("large.echo", (pattern(64 << 20),)).into_future());
    assert!((&mut call).now_or_never().is_none());
    mesh.until_stat(&caller, "flows_started", 1).await;
    drop(call);

    mesh.until_stat_falls_to(&caller, "flows_sending", 0).await;
    assert_echo(&caller, "large.echo", 5 << 20).await;
}

async fn a_callee_that_dies_in_the_middle_is_told(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![zeros]).await;
    let caller = mesh.caller().await;

    let call = caller.call::<ByteBuf>("large.zeros", (64 << 20,)).bg();
    mesh.until_stat(&caller, "flows_started", 1).await;
    drop(callee);

    let error = failure(call.await);
    assert!(matches!(error, CallError::NodeLost { .. }), "{error:?}");
    mesh.until_stat_falls_to(&caller, "flows_sending", 0).await;
}

async fn a_callee_that_dies_while_it_is_sent_to_has_not_run_it(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![swallow]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let call = caller.call::<()>("large.swallow", (&name, pattern(64 << 20))).bg();
    mesh.until_stat(&caller, "flows_started", 1).await;
    drop(callee);

    let error = failure(call.await);
    assert!(matches!(error, CallError::NodeLost { .. }), "{error:?}");
    assert!(probe.notes().is_empty());
    mesh.until_stat_falls_to(&caller, "flows_sending", 0).await;
}

async fn a_caller_that_dies_while_it_sends_leaves_nothing_behind(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![swallow]).await;
    let observer = mesh.node("observer", Vec::new()).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let call = caller.call::<()>("large.swallow", (&name, pattern(64 << 20))).bg();
    mesh.until_stat(&observer, "flows_started", 1).await;
    caller.stop().await.unwrap();

    let error = failure(call.await);
    assert_eq!(error, CallError::Disconnected { ran: Ran::Maybe });
    mesh.until_stat_falls_to(&observer, "flows_sending", 0).await;
    assert!(probe.notes().is_empty());
    observer.call::<()>("large.swallow", (&name, pattern(5 << 20))).await.unwrap();
}

on_each_transport!(
    bodies_of_any_size_arrive_as_they_were_sent,
    sixty_four_mebibytes_go_to_and_fro,
    many_at_a_time_do_not_meet,
    a_background_call_takes_large_bodies_too,
    more_large_results_than_may_be_under_way_take_turns,
    a_callee_that_stops_sends_the_results_that_are_there,
    small_calls_pass_a_large_one,
    what_is_over_the_callers_bound_is_not_sent,
    what_is_over_the_callees_bound_does_not_run,
    what_travels_whole_has_the_same_bounds,
    a_result_over_the_callees_bound_is_an_error_that_it_ran,
    a_result_over_the_callers_bound_is_cut_off,
    modes_that_keep_or_copy_a_body_take_four_mebibytes,
    a_large_call_that_is_dropped_stops_on_its_way,
    a_callee_that_dies_in_the_middle_is_told,
    a_callee_that_dies_while_it_is_sent_to_has_not_run_it,
    a_caller_that_dies_while_it_sends_leaves_nothing_behind,
);
