//! Calls that the controller makes again and again, or at given instants. All in virtual time.

use std::time::{Duration, SystemTime};

use daffi::modifiers::PERIOD;
use daffi::{CallError, Context, Ran, When, callback, callbacks};

use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, probe};

const PERIOD_10: Duration = Duration::from_secs(10);

/// Notes when it runs, and takes a while.
#[callback(name = "it.tick")]
async fn tick(probe_name: String, seconds: u64) {
    let probe = probe(&probe_name);
    probe.note(probe.seconds().to_string());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Notes in whose name and where it runs.
#[callback(name = "it.tick_at")]
async fn tick_at(ctx: &Context, probe_name: String) {
    probe(&probe_name).note(format!("{} for {}", ctx.node_name(), ctx.caller()));
}

/// Notes how much it was given.
#[callback(name = "it.weigh")]
async fn weigh(probe_name: String, load: String) {
    probe(&probe_name).note(load.len().to_string());
}

/// Fails each time.
#[callback(name = "it.tick_badly")]
async fn tick_badly(probe_name: String) -> Result<(), String> {
    let probe = probe(&probe_name);
    probe.note(probe.seconds().to_string());
    Err(format!("it failed at {}", probe.seconds()))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn a_schedule_runs_at_a_fixed_rate_so_many_times(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let schedule = tick::call(&caller, name, 4).every(PERIOD_10).times(3).await.unwrap();
    assert_eq!((schedule.runs, schedule.remaining), (0, Some(3)));
    tokio::time::sleep(HOUR).await;

    // One period from one start to the next, however long a run takes.
    assert_eq!(probe.notes(), ["10", "20", "30"]);
    assert!(schedule.show().await.unwrap().is_none(), "it has ended");
    assert_eq!((mesh.stat("schedules"), mesh.stat("schedule_runs")), (0, 3));
}

async fn the_first_run_may_come_sooner(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let schedule = tick::call(&caller, name, 0).every(PERIOD_10).first_in(seconds(3)).times(3);
    schedule.await.unwrap();
    tokio::time::sleep(HOUR).await;

    assert_eq!(probe.notes(), ["3", "13", "23"]);
}

async fn a_run_that_takes_too_long_lets_the_next_one_pass(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let schedule = tick::call(&caller, name, 25).every(PERIOD_10).await.unwrap();
    tokio::time::sleep(seconds(75)).await;

    assert_eq!(probe.notes(), ["10", "40", "70"], "runs neither overlap nor leave the raster");
    let entry = schedule.show().await.unwrap().unwrap();
    assert_eq!((entry.runs, entry.skipped, entry.running), (3, 4, 1));
}

async fn runs_may_overlap_if_asked_to(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let schedule = tick::call(&caller, name, 25).every(PERIOD_10).overlap().await.unwrap();
    tokio::time::sleep(seconds(47)).await;

    assert_eq!(probe.notes(), ["10", "20", "30", "40"]);
    let entry = schedule.show().await.unwrap().unwrap();
    assert_eq!((entry.runs, entry.skipped, entry.running), (4, 0, 2));
}

async fn a_schedule_may_name_its_instants(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let now = SystemTime::now();

    let times = [now + 3 * HOUR, now + HOUR, now + 2 * HOUR];
    let schedule = tick::call(&caller, name.clone(), 0).at(times).await.unwrap();
    assert_eq!(schedule.remaining, Some(3));
    tokio::time::sleep(4 * HOUR).await;

    assert_eq!(probe.notes(), ["3600", "7200", "10800"]);
    assert!(caller.schedules().await.unwrap().is_empty());
}

async fn what_cannot_be_scheduled_is_refused(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let now = SystemTime::now();
    let call = || tick::call(&caller, "unused".into(), 0);

    let refused = [
        failure(call().at([now - HOUR]).await),
        failure(call().at([]).await),
        failure(call().at((1..=1001).map(|hours| now + hours * HOUR)).await),
        failure(call().every(Duration::ZERO).await),
        failure(call().every(PERIOD_10).times(0).await),
        failure(call().eta(HOUR).every(PERIOD_10).await),
    ];

    for error in refused {
        assert!(matches!(error, CallError::BadArguments { .. }), "{error:?}");
        assert_eq!(error.ran(), Ran::No);
    }
    assert_eq!(mesh.stat("schedules"), 0);
}

async fn each_tick_runs_on_one_of_the_nodes(mesh: Mesh) {
    let _n1 = mesh.node("n1", callbacks![tick_at]).await;
    let _n2 = mesh.node("n2", callbacks![tick_at]).await;
    let caller = mesh.caller().await;

    let (name, shared) = fresh_probe();
    tick_at::call(&caller, name).every(PERIOD_10).times(64).await.unwrap();
    let (name, pinned) = fresh_probe();
    tick_at::call(&caller, name).on("n2").every(PERIOD_10).times(5).await.unwrap();
    let (name, keyed) = fresh_probe();
    tick_at::call(&caller, name).key("a").every(PERIOD_10).times(5).await.unwrap();
    tokio::time::sleep(HOUR).await;

    let (n1, n2) = (shared.count("n1 for caller"), shared.count("n2 for caller"));
    assert!(n1 > 0 && n2 > 0 && n1 + n2 == 64, "{n1} and {n2}");
    assert_eq!(pinned.notes(), ["n2 for caller"; 5]);
    assert_eq!(keyed.notes().len(), 5);
    assert!(keyed.notes().windows(2).all(|pair| pair[0] == pair[1]), "{:?}", keyed.notes());
}

async fn a_schedule_is_seen_and_managed_from_any_node(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let other = mesh.node("other", Vec::new()).await;
    let (name, probe) = fresh_probe();
    let made = tick::call(&caller, name, 0).every(PERIOD_10).await.unwrap();

    let listed = other.schedules().await.unwrap();
    assert_eq!(listed.len(), 1);
    let schedule = other.schedule(made.id).await.unwrap().unwrap();
    assert_eq!((schedule.id, listed[0].id), (made.id, made.id));
    assert_eq!((schedule.callback.as_str(), schedule.creator.as_str()), ("it.tick", "caller"));
    assert!(matches!(schedule.when, When::Every { period_ms: 10_000, times: None, .. }));

    tokio::time::sleep(seconds(25)).await;
    assert!(schedule.pause().await.unwrap());
    tokio::time::sleep(seconds(20)).await;
    let entry = made.show().await.unwrap().unwrap();
    assert_eq!((entry.runs, entry.paused), (2, true));
    assert!(schedule.resume().await.unwrap());
    tokio::time::sleep(seconds(20)).await;
    assert_eq!(probe.notes(), ["10", "20", "50", "60"], "it goes on in its old raster");

    let cancelled = schedule.cancel().await.unwrap().unwrap();
    assert_eq!((cancelled.id, cancelled.runs), (made.id, 4));
    tokio::time::sleep(HOUR).await;
    assert_eq!(probe.notes().len(), 4, "none after it was cancelled");
    assert!(made.cancel().await.unwrap().is_none(), "it was cancelled already");
    assert!(!made.pause().await.unwrap() && !made.resume().await.unwrap());
    assert!(other.schedule(made.id).await.unwrap().is_none());
}

async fn a_schedule_outlives_its_creator(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick_at]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    tick_at::call(&caller, name).every(PERIOD_10).times(3).await.unwrap();

    caller.stop().await.unwrap();
    drop(caller);
    tokio::time::sleep(HOUR).await;

    assert_eq!(probe.notes(), ["callee for caller"; 3], "it runs in its creator's name");
}

async fn a_schedule_waits_for_a_node_that_offers_its_callback(mesh: Mesh) {
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let schedule = caller.tell("it.tick", (&name, 0)).every(PERIOD_10).await.unwrap();
    tokio::time::sleep(seconds(25)).await;
    let entry = schedule.show().await.unwrap().unwrap();
    assert_eq!((entry.runs, entry.failures), (2, 2));
    assert!(entry.last_error.unwrap().contains("nobody offers"));

    let _callee = mesh.node("callee", callbacks![tick]).await;
    tokio::time::sleep(seconds(20)).await;

    assert_eq!(probe.notes(), ["30", "40"]);
}

async fn a_schedule_that_is_named_twice_is_one(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let other = mesh.node("other", Vec::new()).await;
    let (name, probe) = fresh_probe();
    let first = tick::call(&caller, name.clone(), 0).every(PERIOD_10).named("nightly").await.unwrap();
    tokio::time::sleep(seconds(25)).await;

    let second = tick::call(&other, name.clone(), 0).every(PERIOD_10).named("nightly").await.unwrap();
    assert_eq!((second.id, second.runs, second.creator.as_str()), (first.id, 2, "caller"));
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(probe.notes(), ["10", "20", "30"], "the raster is the first one's");

    let third = tick::call(&other, name, 0).every(2 * PERIOD_10).named("nightly").await.unwrap();
    assert_eq!((third.id, third.creator.as_str()), (first.id, "other"));
    tokio::time::sleep(seconds(45)).await;
    assert_eq!(probe.notes(), ["10", "20", "30", "55", "75"], "another period begins anew");
    assert_eq!(caller.schedules().await.unwrap().len(), 1);
}

async fn runs_that_fail_are_recorded_and_do_not_end_the_schedule(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick_badly]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let schedule = tick_badly::call(&caller, name).every(PERIOD_10).await.unwrap();
    tokio::time::sleep(seconds(35)).await;

    assert_eq!(probe.notes(), ["10", "20", "30"]);
    let entry = schedule.show().await.unwrap().unwrap();
    assert_eq!((entry.runs, entry.failures), (3, 3));
    assert!(entry.last_error.as_ref().unwrap().contains("it failed at 30"), "{entry:?}");
}

async fn a_run_has_the_time_that_its_call_was_given(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let call = tick::call(&caller, name, 1_000_000).timeout(seconds(15));
    let schedule = call.every(PERIOD_10).await.unwrap();
    tokio::time::sleep(seconds(48)).await;

    assert_eq!(probe.notes(), ["10", "30"], "each is stopped 15 seconds after its start");
    let entry = schedule.show().await.unwrap().unwrap();
    assert_eq!((entry.failures, entry.running), (2, 0));
    assert!(entry.last_error.as_ref().unwrap().contains("no reply within 15s"), "{entry:?}");
}

async fn a_guarded_schedule_ends_with_its_guard(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let (kept_name, kept) = fresh_probe();

    let guard = tick::call(&caller, name, 0).every(PERIOD_10).await.unwrap().cancel_on_drop();
    drop(tick::call(&caller, kept_name, 0).every(PERIOD_10).await.unwrap());
    tokio::time::sleep(seconds(25)).await;
    assert_eq!(guard.show().await.unwrap().unwrap().runs, 2);
    drop(guard);
    tokio::time::sleep(seconds(20)).await;

    assert_eq!(probe.notes(), ["10", "20"]);
    assert_eq!(kept.notes(), ["10", "20", "30", "40"], "without a guard it lives in the mesh");
}

async fn the_period_mode_may_be_spelt_with_an_ampersand(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let schedule = (tick::call(&caller, name, 0) & PERIOD(PERIOD_10)).await.unwrap();
    tokio::time::sleep(seconds(25)).await;

    assert_eq!((schedule.callback.as_str(), probe.notes().len()), ("it.tick", 2));
}

async fn a_schedule_may_bring_large_arguments(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![weigh]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    weigh::call(&caller, name, "x".repeat(1 << 20)).every(PERIOD_10).times(1).await.unwrap();
    tokio::time::sleep(HOUR).await;

    assert_eq!(probe.notes(), [(1 << 20).to_string()]);
}

async fn a_schedule_that_runs_for_hours_misses_no_tick(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![tick]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let hours = 3;

    tick::call(&caller, name, 1).every(seconds(60)).await.unwrap();
    tokio::time::sleep(hours * HOUR + seconds(1)).await;

    let expected: Vec<String> = (1..=u64::from(hours) * 60).map(|tick| (60 * tick).to_string()).collect();
    assert_eq!(probe.notes(), expected);
}

in_virtual_time!(
    a_schedule_runs_at_a_fixed_rate_so_many_times,
    the_first_run_may_come_sooner,
    a_run_that_takes_too_long_lets_the_next_one_pass,
    runs_may_overlap_if_asked_to,
    a_schedule_may_name_its_instants,
    what_cannot_be_scheduled_is_refused,
    each_tick_runs_on_one_of_the_nodes,
    a_schedule_is_seen_and_managed_from_any_node,
    a_schedule_outlives_its_creator,
    a_schedule_waits_for_a_node_that_offers_its_callback,
    a_schedule_that_is_named_twice_is_one,
    runs_that_fail_are_recorded_and_do_not_end_the_schedule,
    a_run_has_the_time_that_its_call_was_given,
    a_guarded_schedule_ends_with_its_guard,
    the_period_mode_may_be_spelt_with_an_ampersand,
    a_schedule_may_bring_large_arguments,
    a_schedule_that_runs_for_hours_misses_no_tick,
);
