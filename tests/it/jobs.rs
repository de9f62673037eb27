//! Calls in the background, and those whose result nobody wants.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::modifiers::{BG, FG, NO_RETURN};
use daffi::{CallError, JobId, JobState, Ran, Stage, callback, callbacks};
use futures::future::{join_all, try_join_all};

use crate::offers::{add, divide, echo, hold, note, watch};
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, on_each_transport, probe};

/// Notes a number, one after the other.
#[callback(name = "it.number", inline)]
async fn number(probe_name: String, number: u32) {
    probe(&probe_name).note(number.to_string());
}

/// Fails.
#[callback(name = "it.fail")]
async fn fail(probe_name: String) -> Result<(), String> {
    probe(&probe_name).note("failed");
    Err("it always fails".into())
}

async fn a_job_runs_while_its_caller_does_something_else(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let mut job = hold::call(&caller, name).bg();
    probe.wait_for("started").await;
    assert!(!job.is_done());
    probe.open();

    assert_eq!(job.wait().await.unwrap(), 7);
    assert!(job.is_done());
}

async fn waiting_for_a_job_may_end_before_the_job_does(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = hold::call(&caller, name).bg();
    probe.wait_for("started").await;

    let error = failure(job.get_timeout(Duration::from_millis(1)).await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Running, .. }), "{error:?}");
    assert!(!job.is_done(), "the job goes on");

    probe.open();
    assert_eq!(job.get_timeout(HOUR).await.unwrap(), 7);
    assert_eq!(probe.notes(), ["started", "finished", "ended"]);
}

async fn the_result_of_a_job_can_be_read_again(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, divide]).await;
    let caller = mesh.caller().await;

    let mut job = add::call(&caller, 1, 2).bg();
    for _ in 0..3 {
        assert_eq!(job.wait().await.unwrap(), 3);
    }
    let mut job = divide::call(&caller, 1, 0).bg();
    for _ in 0..3 {
        assert!(matches!(failure(job.wait().await), CallError::Remote { .. }));
    }
}

async fn a_cancelled_job_is_stopped_where_it_runs(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![watch]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = watch::call(&caller, name).bg();
    probe.wait_for("started").await;

    job.cancel().await.unwrap();

    probe.wait_for("ended").await;
    assert_eq!(probe.notes(), ["started", "cancelled", "ended"]);
    let error = failure(job.wait().await);
    assert!(matches!(error, CallError::Cancelled { ran: Ran::Maybe }), "{error:?}");
    mesh.until_stat_falls_to(&caller, "jobs_running", 0).await;
}

async fn a_dropped_job_goes_on(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    drop(hold::call(&caller, name).bg());
    probe.wait_for("started").await;
    probe.open();

    probe.wait_for("finished").await;
    mesh.until_stat_falls_to(&caller, "jobs_running", 0).await;
    assert_eq!(caller.own_stats()["calls_in_flight"], 0, "nothing is left of it at its caller");
}

async fn a_job_may_be_cancelled_by_dropping_it(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let job = hold::call(&caller, name).bg().cancel_on_drop();
    probe.wait_for("started").await;

    drop(job);

    probe.wait_for("ended").await;
    assert_eq!(probe.count("finished"), 0);
}

async fn the_result_of_a_job_whose_caller_has_left_is_kept_for_others(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = hold::call(&caller, name).bg();
    let id = job.id().await.unwrap();
    probe.wait_for("started").await;
    caller.stop().await.unwrap();
    drop((job, caller));

    let other = mesh.node("other", Vec::new()).await;
    mesh.until_stat_falls_to(&other, "nodes", 2).await;
    probe.open();
    mesh.until_stat(&other, "jobs_kept", 1).await;

    let jobs = other.jobs().await.unwrap();
    assert_eq!((jobs.len(), jobs[0].id, jobs[0].state), (1, id, JobState::Done));
    assert_eq!((jobs[0].callback.as_str(), jobs[0].caller.as_str()), ("it.hold", "caller"));
    for _ in 0..2 {
        assert_eq!(other.job::<u64>(id).await.unwrap(), 7);
    }
}

async fn a_submitted_job_is_fetched_and_cancelled_by_its_number(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![divide, watch]).await;
    let caller = mesh.caller().await;
    let other = mesh.node("other", Vec::new()).await;

    let done = divide::call(&caller, 7, 2).submit().await.unwrap();
    let failed = divide::call(&caller, 7, 0).submit().await.unwrap();
    assert_eq!(other.job::<i64>(done).await.unwrap(), 3);
    let error = failure(other.job::<i64>(failed).await);
    assert!(matches!(error, CallError::Remote { .. }), "{error:?}");

    let (name, probe) = fresh_probe();
    let running = watch::call(&caller, name).submit().await.unwrap();
    probe.wait_for("started").await;
    let mut waiting = other.job::<u64>(running);
    assert!(!waiting.is_done());
    assert!(other.cancel_job(running).await.unwrap());
    assert!(matches!(failure(waiting.wait().await), CallError::Cancelled { .. }));
    probe.wait_for("cancelled").await;

    let unknown: JobId = "1".parse().unwrap();
    let error = failure(other.job::<i64>(unknown).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

async fn a_job_that_nobody_can_run_is_refused_and_not_kept(mesh: Mesh) {
    let caller = mesh.caller().await;

    let error = failure(caller.call::<i64>("it.nothing", ()).submit().await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    let mut job = caller.call::<i64>("it.nothing", ()).bg();
    assert_eq!(failure(job.wait().await).ran(), Ran::No);

    assert!(caller.jobs().await.unwrap().is_empty());
}

async fn an_eta_holds_a_job_back_and_is_not_counted_as_its_time(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let begun = tokio::time::Instant::now();

    let mut job = hold::call(&caller, name).eta(3 * HOUR).timeout(HOUR).bg();
    let id = job.id().await.unwrap();
    assert_eq!(caller.jobs().await.unwrap()[0].state, JobState::Waiting);
    tokio::time::sleep(2 * HOUR).await;
    assert!(probe.notes().is_empty(), "it has not begun");
    probe.wait_for("started").await;

    assert_eq!(begun.elapsed().as_secs(), 3 * HOUR.as_secs());
    let jobs = caller.jobs().await.unwrap();
    assert_eq!((jobs[0].id, jobs[0].state), (id, JobState::Running));
    let error = failure(job.wait().await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Running, after: HOUR, .. }), "{error:?}");
    assert_eq!(begun.elapsed().as_secs(), 4 * HOUR.as_secs());
}

async fn a_job_that_still_waits_for_its_eta_is_cancelled_before_it_runs(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = hold::call(&caller, name).eta(HOUR).bg();
    let id = job.id().await.unwrap();

    assert!(caller.cancel_job(id).await.unwrap());

    assert_eq!(failure(job.wait().await).ran(), Ran::No);
    tokio::time::sleep(2 * HOUR).await;
    assert!(probe.notes().is_empty());
    assert_eq!(mesh.stat("calls_delayed"), 0);
}

async fn a_kept_result_is_forgotten_after_an_hour(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;
    let id = add::call(&caller, 1, 2).submit().await.unwrap();

    tokio::time::sleep(HOUR - Duration::from_secs(1)).await;
    assert_eq!(caller.job::<i64>(id).await.unwrap(), 3);
    tokio::time::sleep(Duration::from_secs(2)).await;

    let error = failure(caller.job::<i64>(id).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

async fn a_call_without_return_is_over_once_it_is_taken(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    caller.tell("it.hold", (&name,)).no_return().await.unwrap();
    hold::call(&caller, name).no_return().await.unwrap();

    probe.wait_for_all("started", 2).await;
    assert_eq!(probe.count("finished"), 0);
    probe.open();
    probe.wait_for_all("finished", 2).await;
    assert_eq!(mesh.stat("one_way_taken"), 2);
}

async fn a_call_without_return_that_nobody_serves_is_refused(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;

    let error = failure(caller.tell("it.ad", (1, 2)).no_return().await);
    let CallError::NoSuchCallback { similar, .. } = &error else { panic!("{error:?}") };
    assert_eq!(similar, &["it.add"]);
    let error = failure(caller.tell("it.add", (1, 2)).on("nobody").no_return().await);
    assert!(matches!(error, CallError::NoSuchNode { .. }), "{error:?}");
}

async fn the_failure_of_a_call_without_return_is_counted_where_it_ran(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![fail, note]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    for _ in 0..3 {
        caller.tell("it.fail", (&name,)).no_return().await.unwrap();
    }
    probe.wait_for_all("failed", 3).await;
    mesh.until_stat_falls_to(&caller, "one_way_outstanding", 0).await;

    assert_eq!(callee.own_stats()["one_way_failed"], 3);
}

async fn calls_without_return_are_run_in_the_order_in_which_they_were_made(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![number]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let count = 10_000;

    let calls = (0..count).map(|number| caller.tell("it.number", (&name, number)).no_return());
    try_join_all(calls).await.unwrap();

    probe.wait_for_notes(count as usize).await;
    let in_order: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    assert!(probe.notes() == in_order);
    mesh.until_stat_falls_to(&caller, "one_way_outstanding", 0).await;
    assert_eq!(caller.own_stats()["one_way_unacknowledged"], 0);
}

async fn an_eta_holds_back_a_call_without_return(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![note]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let begun = tokio::time::Instant::now();

    caller.tell("it.note", (&name, "late")).eta(HOUR).no_return().await.unwrap();
    caller.tell("it.note", (&name, "early")).no_return().await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 0, "it was taken at once");

    probe.wait_for("late").await;
    assert_eq!(probe.notes(), ["early", "late"]);
    assert_eq!(begun.elapsed().as_secs(), HOUR.as_secs());
}

async fn a_call_without_return_outlives_its_caller(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    hold::call(&caller, name).no_return().await.unwrap();
    probe.wait_for("started").await;

    caller.stop().await.unwrap();
    let other = mesh.node("other", Vec::new()).await;
    mesh.until_stat_falls_to(&other, "nodes", 2).await;
    probe.open();

    probe.wait_for("finished").await;
}

async fn the_modes_may_be_spelt_with_an_ampersand(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, echo, note]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let sum: i64 = (caller.call("it.add", (1, 2)) & FG).await.unwrap();
    let text: String = (echo::call(&caller, "x".into()) & FG.timeout(HOUR)).await.unwrap();
    let job = add::call(&caller, 3, 4) & BG;
    let late = add::call(&caller, 5, 6) & BG.eta(Duration::from_millis(1)).timeout(HOUR);
    (note::call(&caller, name, "told".into()) & NO_RETURN).await.unwrap();

    assert_eq!((sum, text.as_str()), (3, "x"));
    assert_eq!((job.await.unwrap(), late.await.unwrap()), (7, 11));
    probe.wait_for("told").await;
}

async fn many_calls_in_each_mode_may_be_under_way_at_once(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, number]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let foreground = join_all((0..500).map(|n| add::call(&caller, n, 1).into_future()));
    let background = join_all((0..500).map(|n| add::call(&caller, n, 2).bg().into_future()));
    let told = join_all((0..500).map(|n| number::call(&caller, name.clone(), n).no_return()));
    let (foreground, background, told) = tokio::join!(foreground, background, told);

    for (n, (one, other)) in (0..).zip(foreground.into_iter().zip(background)) {
        assert_eq!((one.unwrap(), other.unwrap()), (n + 1, n + 2));
    }
    assert!(told.iter().all(Result::is_ok));
    probe.wait_for_notes(500).await;
}

on_each_transport!(
    a_job_runs_while_its_caller_does_something_else,
    waiting_for_a_job_may_end_before_the_job_does,
    the_result_of_a_job_can_be_read_again,
    a_cancelled_job_is_stopped_where_it_runs,
    a_dropped_job_goes_on,
    a_job_may_be_cancelled_by_dropping_it,
    the_result_of_a_job_whose_caller_has_left_is_kept_for_others,
    a_submitted_job_is_fetched_and_cancelled_by_its_number,
    a_job_that_nobody_can_run_is_refused_and_not_kept,
    a_call_without_return_is_over_once_it_is_taken,
    a_call_without_return_that_nobody_serves_is_refused,
    the_failure_of_a_call_without_return_is_counted_where_it_ran,
    calls_without_return_are_run_in_the_order_in_which_they_were_made,
    a_call_without_return_outlives_its_caller,
    the_modes_may_be_spelt_with_an_ampersand,
    many_calls_in_each_mode_may_be_under_way_at_once,
);

in_virtual_time!(
    an_eta_holds_a_job_back_and_is_not_counted_as_its_time,
    a_job_that_still_waits_for_its_eta_is_cancelled_before_it_runs,
    a_kept_result_is_forgotten_after_an_hour,
    an_eta_holds_back_a_call_without_return,
);
