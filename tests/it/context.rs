//! What a callback knows of its call, and calls that callbacks make.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::config::{BLOCKING_RUNNING_MAX, CANCEL_GRACE};
use daffi::{CallError, Context, Ran, Stage, callback, callbacks};

use crate::offers::{add, hold, place, stubborn, watch};
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, on_each_transport, probe};

/// Who called, where it runs, and as what.
#[callback(name = "it.who")]
async fn who(ctx: &Context) -> (String, String, String) {
    (ctx.caller().to_string(), ctx.node_name().to_string(), ctx.callback().to_string())
}

/// As `it.who`, on a thread.
#[callback(name = "it.who_on_thread")]
fn who_on_thread(ctx: &Context) -> (String, String, String) {
    (ctx.caller().to_string(), ctx.node_name().to_string(), ctx.callback().to_string())
}

/// Takes a second, then asks the caller to do the same, this many times. The seconds left at each step.
#[callback(name = "it.descend")]
async fn descend(ctx: &Context, steps: u32) -> daffi::Result<Vec<u64>> {
    let left = ctx.remaining().map_or(0, |left| (left + Duration::from_millis(500)).as_secs());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut all = vec![left];
    if steps > 0 {
        let more = descend::call(&ctx.node(), steps - 1).on(ctx.caller().as_str()).timeout(HOUR).await?;
        all.extend(more);
    }
    Ok(all)
}

/// Has the caller throw it back until it has gone this deep.
#[callback(name = "it.bounce")]
async fn bounce(ctx: &Context, depth: u32) -> daffi::Result<u32> {
    if depth == 0 {
        return Ok(0);
    }
    Ok(1 + bounce::call(&ctx.node(), depth - 1).on(ctx.caller().as_str()).timeout(HOUR).await?)
}

/// As `it.bounce`, and holds a thread meanwhile.
#[callback(name = "it.bounce_on_threads")]
fn bounce_on_threads(ctx: &Context, depth: u32) -> daffi::Result<u32> {
    if depth == 0 {
        return Ok(0);
    }
    let deeper = bounce_on_threads::call(&ctx.node(), depth - 1).on(ctx.caller().as_str()).timeout(HOUR);
    Ok(1 + tokio::runtime::Handle::current().block_on(deeper.into_future())?)
}

/// Adds at the caller, with what it was given.
#[callback(name = "it.add_at_caller")]
async fn add_at_caller(ctx: &Context, a: i64, b: i64) -> daffi::Result<i64> {
    add::call(&ctx.node(), a, b).on(ctx.caller().as_str()).await
}

/// Waits for what another node holds.
#[callback(name = "it.wait_for_hold")]
async fn wait_for_hold(ctx: &Context, probe_name: String) -> daffi::Result<u64> {
    let probe = probe(&probe_name);
    let _ended = probe.note_on_drop("middle ended");
    hold::call(&ctx.node(), probe_name).await
}

/// Starts a job that outlives it.
#[callback(name = "it.start_job")]
async fn start_job(ctx: &Context, probe_name: String) {
    drop(hold::call(&ctx.node(), probe_name).bg());
}

/// Waits on its thread until it is cancelled.
#[callback(name = "it.watch_on_thread")]
fn watch_on_thread(ctx: &Context, probe_name: String) {
    let probe = probe(&probe_name);
    probe.note("started");
    tokio::runtime::Handle::current().block_on(ctx.cancelled());
    assert!(ctx.is_cancelled());
    probe.note("cancelled");
}

async fn a_callback_knows_who_called_and_where_it_runs(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![who, who_on_thread]).await;
    let caller = mesh.caller().await;
    let other = mesh.node("other", Vec::new()).await;
    let parts = |caller: &str, name: &str| (caller.to_owned(), "callee".to_owned(), name.to_owned());

    assert_eq!(who::call(&caller).await.unwrap(), parts("caller", "it.who"));
    assert_eq!(who::call(&other).await.unwrap(), parts("other", "it.who"));
    assert_eq!(who_on_thread::call(&caller).await.unwrap(), parts("caller", "it.who_on_thread"));
}

async fn a_callback_may_call_its_caller(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add_at_caller]).await;
    let caller = mesh.node("caller", callbacks![add]).await;

    assert_eq!(add_at_caller::call(&caller, 4, 6).await.unwrap(), 10);
}

async fn two_nodes_may_call_each_other_two_hundred_deep(mesh: Mesh) {
    let one = mesh.node("one", callbacks![bounce]).await;
    let _other = mesh.node("other", callbacks![bounce]).await;

    assert_eq!(bounce::call(&one, 200).timeout(HOUR).await.unwrap(), 200);

    let calls = (0..8).map(|_| bounce::call(&one, 200).timeout(HOUR).into_future());
    let depths = futures::future::join_all(calls);
    assert!(depths.await.into_iter().all(|depth| depth.unwrap() == 200), "and eight times at once");
}

async fn calls_that_call_on_do_not_fill_a_node(mesh: Mesh) {
    let one = mesh.connect("one", callbacks![bounce]).concurrency(10).await.unwrap();
    let _two = mesh.connect("two", callbacks![bounce]).concurrency(10).await.unwrap();

    assert_eq!(bounce::call(&one, 100).timeout(HOUR).await.unwrap(), 100);
}

async fn threads_that_all_wait_for_another_are_told_so(mesh: Mesh) {
    let one = mesh.node("one", callbacks![bounce_on_threads]).await;
    let _two = mesh.node("two", callbacks![bounce_on_threads]).await;
    let twice_the_threads = 2 * BLOCKING_RUNNING_MAX as u32;

    let half = bounce_on_threads::call(&one, twice_the_threads / 2).timeout(HOUR).await;
    assert_eq!(half.unwrap(), twice_the_threads / 2);
    let error = failure(bounce_on_threads::call(&one, 2 * twice_the_threads).timeout(HOUR).await);

    assert!(error.to_string().contains("all its threads wait for calls of their own"), "{error}");
}

async fn a_dropped_call_is_aborted_where_it_waits(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut call = Box::pin(hold::call(&caller, name).timeout(HOUR).into_future());
    tokio::select! {
        reply = &mut call => panic!("{reply:?}"),
        () = probe.wait_for("started") => {}
    }

    drop(call);

    probe.wait_for("ended").await;
    assert_eq!(probe.notes(), ["started", "ended"]);
    mesh.until_stat_falls_to(&caller, "calls_serving", 0).await;
}

async fn a_callback_that_sees_its_context_is_told_first(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![watch]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut call = Box::pin(watch::call(&caller, name).timeout(HOUR).into_future());
    tokio::select! {
        reply = &mut call => panic!("{reply:?}"),
        () = probe.wait_for("started") => {}
    }

    drop(call);

    probe.wait_for("ended").await;
    assert_eq!(probe.notes(), ["started", "cancelled", "ended"]);
}

async fn a_callback_on_a_thread_is_told_that_it_is_cancelled(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![watch_on_thread]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = watch_on_thread::call(&caller, name).bg();
    probe.wait_for("started").await;

    job.cancel().await.unwrap();

    probe.wait_for("cancelled").await;
}

async fn cancelling_a_call_cancels_those_that_it_made(mesh: Mesh) {
    let _end = mesh.node("end", callbacks![hold]).await;
    let _middle = mesh.node("middle", callbacks![wait_for_hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = wait_for_hold::call(&caller, name).bg();
    probe.wait_for("started").await;

    job.cancel().await.unwrap();

    probe.wait_for("ended").await;
    assert_eq!(probe.count("finished"), 0);
}

async fn a_job_outlives_the_callback_that_started_it(mesh: Mesh) {
    let _end = mesh.node("end", callbacks![hold]).await;
    let _middle = mesh.node("middle", callbacks![start_job]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    start_job::call(&caller, name).await.unwrap();
    probe.wait_for("started").await;
    probe.open();

    probe.wait_for("finished").await;
}

async fn a_callback_that_calls_itself_by_way_of_the_mesh_is_served_by_its_own_node(mesh: Mesh) {
    let one = mesh.node("one", callbacks![bounce, place]).await;

    assert_eq!(bounce::call(&one, 20).await.unwrap(), 20);
    assert_eq!(place::call(&one).on("one").await.unwrap(), "one");
}

async fn the_time_that_is_left_shrinks_from_call_to_call(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![descend]).await;
    let caller = mesh.node("caller", callbacks![descend]).await;
    let timeout = Duration::from_secs(60);

    let left = descend::call(&caller, 3).timeout(timeout).await.unwrap();

    assert_eq!(left, [60, 59, 58, 57], "though each asked for an hour");
}

async fn a_nested_call_ends_with_the_time_of_the_first(mesh: Mesh) {
    let _end = mesh.node("end", callbacks![hold]).await;
    let _middle = mesh.node("middle", callbacks![wait_for_hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let error = failure(wait_for_hold::call(&caller, name).timeout(Duration::from_secs(5)).await);

    assert!(matches!(error, CallError::TimedOut { stage: Stage::Running, .. }), "{error:?}");
    assert_eq!(probe.seconds(), 5);
    probe.wait_for("ended").await;
    // The middle one sees its context, so it has its moment; without looking it ends with the call it made.
    probe.wait_for("middle ended").await;
    assert!(probe.seconds() <= 6);
}

async fn a_cancelled_callback_that_looks_has_a_moment_and_no_more(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![stubborn, watch]).await;
    let caller = mesh.caller().await;

    let (name, tidied) = fresh_probe();
    let mut job = stubborn::call(&caller, name).bg();
    tidied.wait_for("started").await;
    job.cancel().await.unwrap();
    tidied.wait_for("cancelled").await;

    let (name, probe) = fresh_probe();
    let mut job = watch::call(&caller, name).bg();
    probe.wait_for("started").await;
    job.cancel().await.unwrap();
    probe.wait_for("cancelled").await;
    assert_eq!(probe.seconds(), 0);
    probe.wait_for("ended").await;

    assert_eq!(probe.seconds(), CANCEL_GRACE.as_secs());
    assert_eq!(probe.count("finished"), 0);
    mesh.until_stat(&caller, "late_replies", 1).await;
}

async fn a_call_without_return_has_a_time_too(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    caller.tell("it.hold", (&name,)).timeout(Duration::from_secs(5)).no_return().await.unwrap();
    probe.wait_for("ended").await;

    assert_eq!((probe.seconds(), probe.count("finished")), (5, 0));
    mesh.until_stat_falls_to(&caller, "one_way_outstanding", 0).await;
}

async fn a_call_may_have_no_time_limit(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let call = tokio::spawn(hold::call(&caller, name).no_timeout().into_future());
    probe.wait_for("started").await;

    tokio::time::sleep(3 * HOUR).await;
    assert!(!call.is_finished());
    probe.open();

    assert_eq!(call.await.unwrap().unwrap(), 7);
}

async fn a_call_has_thirty_seconds_unless_it_says_otherwise(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let error = failure(hold::call(&caller, name).await);

    let CallError::TimedOut { after, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*after, error.ran()), (daffi::config::CALL_TIMEOUT, Ran::Maybe));
    assert_eq!(probe.seconds(), 30);
}

on_each_transport!(
    a_callback_knows_who_called_and_where_it_runs,
    a_callback_may_call_its_caller,
    two_nodes_may_call_each_other_two_hundred_deep,
    calls_that_call_on_do_not_fill_a_node,
    threads_that_all_wait_for_another_are_told_so,
    a_dropped_call_is_aborted_where_it_waits,
    a_callback_that_sees_its_context_is_told_first,
    a_callback_on_a_thread_is_told_that_it_is_cancelled,
    cancelling_a_call_cancels_those_that_it_made,
    a_job_outlives_the_callback_that_started_it,
    a_callback_that_calls_itself_by_way_of_the_mesh_is_served_by_its_own_node,
);

in_virtual_time!(
    the_time_that_is_left_shrinks_from_call_to_call,
    a_nested_call_ends_with_the_time_of_the_first,
    a_cancelled_callback_that_looks_has_a_moment_and_no_more,
    a_call_without_return_has_a_time_too,
    a_call_may_have_no_time_limit,
    a_call_has_thirty_seconds_unless_it_says_otherwise,
);
