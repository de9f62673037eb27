//! Calls that are repeated, and calls that are made on a second node.

use std::future::IntoFuture;

use daffi::callbacks::{Options, failure as callback_failure, value};
use daffi::config::CALLS_QUEUED_PER_CALLBACK_MAX;
use daffi::{CallError, Callback, Context, Node, Ran, Retry, callback, callbacks, millis, secs};

use crate::offers::add;
use crate::options::declare;
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, probe};

/// The first run waits for its probe; those after it say at once where they ran.
fn slow_once(is_idempotent: bool) -> Callback {
    let options = Options { idempotent: is_idempotent, sees_context: true, ..Options::default() };
    let run = |context: Context, (name,): (String,)| async move {
        let probe = probe(&name);
        let is_first = probe.count("started") == 0;
        let _ended = probe.note_on_drop("ended");
        probe.note("started");
        if is_first {
            probe.opened().await;
        }
        value(&context.node_name().as_str())
    };
    Callback::asynchronous(declare("retry.slow_once", options), run)
}

/// Waits for its probe, each time.
fn slow(is_idempotent: bool) -> Callback {
    let options = Options { idempotent: is_idempotent, sees_context: true, ..Options::default() };
    let run = |context: Context, (name,): (String,)| async move {
        let probe = probe(&name);
        let _ended = probe.note_on_drop("ended");
        probe.note(context.node_name().as_str());
        probe.opened().await;
        value(&context.node_name().as_str())
    };
    Callback::asynchronous(declare("retry.slow", options), run)
}

/// Fails.
fn failing() -> Callback {
    let options = Options { idempotent: true, ..Options::default() };
    let run = |_, (name,): (String,)| async move {
        probe(&name).note("started");
        callback_failure(&"no luck", Vec::new())
    };
    Callback::asynchronous(declare("retry.failing", options), run)
}

/// No node of these tests offers it.
#[callback(name = "retry.never_offered")]
async fn never_offered() {}

/// Waits for its probe, one call at a time.
fn one_at_a_time() -> Callback {
    let options = Options { concurrency: std::num::NonZeroU32::new(1), ..Options::default() };
    let run = |_, (name,): (String,)| async move {
        probe(&name).opened().await;
        value(&7u64)
    };
    Callback::asynchronous(declare("retry.one_at_a_time", options), run)
}

/// Two nodes that offer it, and who calls.
async fn two_nodes(mesh: &Mesh, offer: impl Fn() -> Callback) -> (Node, Node, Node) {
    let first = mesh.node("first", vec![offer()]).await;
    let second = mesh.node("second", vec![offer()]).await;
    (first, second, mesh.caller().await)
}

async fn a_call_of_what_nobody_offers_is_repeated_until_somebody_does(mesh: Mesh) {
    let caller = mesh.caller().await;
    let sum = tokio::spawn(add::call(&caller, 4, 6).retry(20).into_future());
    tokio::time::sleep(secs(3)).await;
    assert!(!sum.is_finished());

    let _callee = mesh.node("callee", callbacks![add]).await;

    assert_eq!(sum.await.unwrap().unwrap(), 10);
    assert!(mesh.stat("calls_refused") >= 7, "10, 20, … 640 ms and a second at most");
}

async fn a_call_is_made_once_unless_asked_otherwise_and_so_many_times_more_if_asked(mesh: Mesh) {
    let caller = mesh.caller().await;

    failure(never_offered::call(&caller).await);
    assert_eq!(mesh.stat("calls_refused"), 1);

    let error = failure(never_offered::call(&caller).retry(3).await);
    assert_eq!(mesh.stat("calls_refused"), 5);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

async fn a_callback_that_failed_is_not_called_again(mesh: Mesh) {
    let _callee = mesh.node("callee", vec![failing()]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let error = failure(caller.call::<u64>("retry.failing", (&name,)).retry(5).await);

    assert!(matches!(error, CallError::Remote { .. }), "{error:?}");
    assert_eq!(probe.count("started"), 1);
}

async fn a_busy_node_is_asked_again(mesh: Mesh) {
    let _callee = mesh.node("callee", vec![one_at_a_time()]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let call = || caller.call::<u64>("retry.one_at_a_time", (&name,));
    let jobs: Vec<_> = (0..=CALLS_QUEUED_PER_CALLBACK_MAX).map(|_| call().bg()).collect();
    let error = failure(call().await);
    assert!(matches!(error, CallError::Busy { .. }), "{error:?}");

    let repeated = tokio::spawn(call().retry(9).into_future());
    tokio::time::sleep(millis(500)).await;
    assert!(!repeated.is_finished());
    probe.open();

    assert_eq!(repeated.await.unwrap().unwrap(), 7);
    drop(jobs);
}

async fn what_may_have_run_is_repeated_if_it_is_idempotent(mesh: Mesh) {
    let (first, second, caller) = two_nodes(&mesh, || slow_once(true)).await;
    let (name, probe) = fresh_probe();
    let answer = tokio::spawn(caller.call::<String>("retry.slow_once", (&name,)).retry(1).into_future());
    probe.wait_for("started").await;
    let (lost, left) = if runs_a_call(&caller, "first").await { (first, second) } else { (second, first) };
    drop(lost);

    assert_eq!(answer.await.unwrap().unwrap(), left.name().as_str());
    assert_eq!(probe.count("started"), 2);
}

/// Whether the node of this name runs something.
async fn runs_a_call(caller: &Node, name: &str) -> bool {
    caller.nodes().await.unwrap().iter().any(|node| node.name == *name && node.outstanding > 0)
}

async fn what_may_have_run_is_not_repeated_if_it_is_not_idempotent(mesh: Mesh) {
    let callee = mesh.node("callee", vec![slow_once(false)]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let answer = tokio::spawn(caller.call::<String>("retry.slow_once", (&name,)).retry(9).into_future());
    probe.wait_for("started").await;

    drop(callee);
    let _again = mesh.node("again", vec![slow_once(false)]).await;

    let error = failure(answer.await.unwrap());
    assert!(matches!(error, CallError::NodeLost { ran: Ran::Maybe, .. }), "{error:?}");
    assert_eq!(probe.count("started"), 1);
}

async fn the_repetition_of_what_may_have_run_passes_nodes_that_do_not_call_it_idempotent(mesh: Mesh) {
    let callee = mesh.node("callee", vec![slow_once(true)]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let answer = tokio::spawn(
        caller.call::<String>("retry.slow_once", (&name,)).retry(99).timeout(secs(20)).into_future(),
    );
    probe.wait_for("started").await;

    drop(callee);
    let _older = mesh.node("older", vec![slow_once(false)]).await;

    let error = failure(answer.await.unwrap());
    assert_eq!(error.ran(), Ran::Maybe, "{error:?}");
    assert_eq!(probe.count("started"), 1);
}

async fn what_may_run_twice_is_left_to_those_who_still_say_so(mesh: Mesh) {
    let callee = mesh.node("callee", vec![slow_once(true)]).await;
    let caller = mesh.caller().await;
    let call = |name: &str| caller.call::<String>("retry.slow_once", (name,)).timeout(secs(1));
    let (name, _probe) = fresh_probe();
    failure(call(&name).await);

    // The caller does not hear of it, and the busy one would not be chosen.
    let _older = mesh.node("older", vec![slow_once(false)]).await;
    let _busy: Vec<_> = (0..3)
        .map(|_| caller.call::<String>("retry.slow_once", (fresh_probe().0,)).on("callee").bg())
        .collect();
    for _ in 0..9 {
        let (name, probe) = fresh_probe();
        probe.note("started");
        assert_eq!(call(&name).retry(1).await.unwrap(), "callee");
        assert_eq!(call(&name).hedge_after(millis(1)).await.unwrap(), "callee");
    }
    drop(callee);
    let (name, probe) = fresh_probe();
    probe.note("started");
    assert_eq!(
        call(&name).retry(1).await.unwrap(),
        "older",
        "nobody else is there, and it has not run before"
    );
}

async fn the_error_says_whether_any_attempt_may_have_run(mesh: Mesh) {
    let callee = mesh.node("callee", vec![slow(true)]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let answer = tokio::spawn(caller.call::<String>("retry.slow", (&name,)).retry(2).into_future());
    probe.wait_for("callee").await;

    drop(callee);

    let error = failure(answer.await.unwrap());
    assert!(matches!(error, CallError::NodeLost { ran: Ran::Maybe, .. }), "{error:?}");
    assert_eq!(mesh.stat("calls_refused"), 2, "it was repeated, and nobody offered it any more");
}

async fn repetitions_share_the_time_of_the_call(mesh: Mesh) {
    let caller = mesh.caller().await;
    let (_, clock) = fresh_probe();

    let error = failure(never_offered::call(&caller).retry(u32::MAX).timeout(secs(5)).await);

    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    assert!((4..=5).contains(&clock.seconds()), "{} s", clock.seconds());
    assert!(mesh.stat("calls_refused") < 20);
}

async fn a_call_that_times_out_says_how_long_all_of_it_had(mesh: Mesh) {
    let _callee = mesh.node("callee", vec![slow(true)]).await;
    let caller = mesh.caller().await;
    let (name, _probe) = fresh_probe();

    let call = caller.call::<String>("retry.slow", (&name,)).retry(9).timeout(secs(5));
    let error = failure(call.await);

    assert!(matches!(error, CallError::TimedOut { after, .. } if after == secs(5)), "{error:?}");
}

async fn the_eta_of_a_repeated_call_is_held_once(mesh: Mesh) {
    let caller = mesh.caller().await;
    let (_, clock) = fresh_probe();
    // An eta waits at the controller whether anybody offers the name or not.
    let _callee = mesh.node("callee", callbacks![add]).await;

    let sum = add::call(&caller, 4, 6).eta(secs(10)).timeout(secs(1)).retry(3).await.unwrap();

    assert_eq!((sum, clock.seconds()), (10, 10));
}

async fn a_job_is_repeated_in_the_background_and_goes_on_without_its_handle(mesh: Mesh) {
    let caller = mesh.caller().await;
    let mut job = add::call(&caller, 4, 6).retry(20).bg();
    tokio::time::sleep(secs(1)).await;
    let _callee = mesh.node("callee", callbacks![add, note_sum]).await;

    let id = job.id().await.unwrap();
    assert_eq!(job.wait().await.unwrap(), 10);
    assert_eq!(job.id().await.unwrap(), id);
    assert!(job.is_done());

    let (name, probe) = fresh_probe();
    drop(note_sum::call(&caller, name).retry(1).bg());
    probe.wait_for("noted").await;
}

/// Says that it ran.
#[callback(name = "retry.note_sum")]
async fn note_sum(probe_name: String) {
    probe(&probe_name).note("noted");
}

async fn a_cancelled_job_is_repeated_no_more(mesh: Mesh) {
    let (_first, _second, caller) = two_nodes(&mesh, || slow(true)).await;
    let (name, probe) = fresh_probe();
    let mut job = caller.call::<String>("retry.slow", (&name,)).retry(9).hedge_after(secs(1)).bg();
    probe.wait_for_notes(2).await;

    job.cancel().await.unwrap();

    assert!(matches!(failure(job.await), CallError::Cancelled { .. }));
    probe.wait_for_all("ended", 2).await;
}

async fn a_second_node_is_asked_when_the_first_takes_long_and_the_loser_is_cancelled(mesh: Mesh) {
    let (_first, _second, caller) = two_nodes(&mesh, || slow_once(true)).await;
    let (name, probe) = fresh_probe();

    let call = caller.call::<String>("retry.slow_once", (&name,)).hedge_after(secs(2));
    call.with_node().await.unwrap();

    assert_eq!((probe.seconds(), probe.count("started")), (2, 2));
    probe.wait_for_all("ended", 2).await;
    assert_eq!(mesh.stat("calls_cancelled"), 1);
}

async fn both_runs_of_a_call_are_on_different_nodes(mesh: Mesh) {
    let (_first, _second, caller) = two_nodes(&mesh, || slow(true)).await;
    for _ in 0..20 {
        let (name, probe) = fresh_probe();
        let call = caller.call::<String>("retry.slow", (&name,)).hedge_after(secs(1));
        let answer = tokio::spawn(call.into_future());
        probe.wait_for_notes(2).await;
        assert_eq!((probe.count("first"), probe.count("second")), (1, 1));

        probe.open();
        answer.await.unwrap().unwrap();
    }
}

async fn without_a_second_node_the_first_is_waited_for(mesh: Mesh) {
    let _callee = mesh.node("first", vec![slow(true)]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let call = caller.call::<String>("retry.slow", (&name,)).hedge_after(millis(10));
    let answer = tokio::spawn(call.into_future());
    tokio::time::sleep(secs(5)).await;

    probe.open();

    assert_eq!(answer.await.unwrap().unwrap(), "first");
    assert_eq!(probe.notes(), ["first", "ended"]);
}

async fn an_answer_in_time_needs_no_second_node(mesh: Mesh) {
    let (_first, _second, caller) = two_nodes(&mesh, failing).await;
    let (name, probe) = fresh_probe();

    let error = failure(caller.call::<u64>("retry.failing", (&name,)).hedge_after(secs(1)).await);

    assert!(matches!(error, CallError::Remote { .. }), "{error:?}");
    assert_eq!(probe.count("started"), 1);
}

async fn what_is_not_idempotent_is_refused_before_it_is_sent(mesh: Mesh) {
    let (_first, _second, caller) = two_nodes(&mesh, || slow(false)).await;
    let (name, probe) = fresh_probe();

    let error = failure(caller.call::<String>("retry.slow", (&name,)).hedge_after(secs(1)).await);

    assert!(matches!(error, CallError::BadArguments { .. }), "{error:?}");
    assert_eq!((mesh.calls_started(), probe.notes().len()), (0, 0));
}

async fn a_dropped_call_cancels_all_its_attempts(mesh: Mesh) {
    let (_first, _second, caller) = two_nodes(&mesh, || slow(true)).await;
    let (name, probe) = fresh_probe();
    let call = caller.call::<String>("retry.slow", (&name,)).retry(9).hedge_after(secs(1)).timeout(HOUR);
    let answer = tokio::spawn(call.into_future());
    probe.wait_for_notes(2).await;

    answer.abort();

    probe.wait_for_all("ended", 2).await;
    tokio::time::sleep(secs(10)).await;
    assert_eq!(probe.notes().len(), 4, "and makes no more");
}

async fn a_call_that_waits_to_be_repeated_is_over_when_it_is_dropped(mesh: Mesh) {
    let caller = mesh.caller().await;
    let call = never_offered::call(&caller).retry(u32::MAX).timeout(HOUR);
    assert!(tokio::time::timeout(secs(5), call.into_future()).await.is_err());
    let refused = mesh.stat("calls_refused");

    tokio::time::sleep(secs(10)).await;

    assert_eq!(mesh.stat("calls_refused"), refused);
}

async fn other_modes_and_chosen_nodes_are_refused(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;
    let call = || caller.call::<i64>("it.add", (4, 6)).retry(1);
    let feed = futures::stream::iter([1u64]);
    let errors = [
        failure(call().no_return().await),
        failure(call().every(secs(1)).await),
        failure(call().submit().await),
        failure(call().broadcast().await),
        failure(call().feed(feed).await),
        failure(call().hedge_after(secs(1)).on("callee").await),
        failure(call().hedge_after(secs(1)).key("k").bg().await),
    ];

    for error in errors {
        assert!(matches!(error, CallError::BadArguments { .. }), "{error:?}");
    }
    assert_eq!(mesh.calls_started(), 0);
}

async fn waits_between_repetitions_are_as_long_as_asked(mesh: Mesh) {
    let caller = mesh.caller().await;
    let (_, clock) = fresh_probe();

    let retry = Retry::times(3).delays(secs(2)..=secs(2));
    failure(never_offered::call(&caller).retry(retry).await);

    assert!((3..=6).contains(&clock.seconds()), "{} s", clock.seconds());
}

in_virtual_time! {
    a_call_of_what_nobody_offers_is_repeated_until_somebody_does,
    a_call_is_made_once_unless_asked_otherwise_and_so_many_times_more_if_asked,
    a_callback_that_failed_is_not_called_again,
    a_busy_node_is_asked_again,
    what_may_have_run_is_repeated_if_it_is_idempotent,
    what_may_have_run_is_not_repeated_if_it_is_not_idempotent,
    the_repetition_of_what_may_have_run_passes_nodes_that_do_not_call_it_idempotent,
    what_may_run_twice_is_left_to_those_who_still_say_so,
    the_error_says_whether_any_attempt_may_have_run,
    repetitions_share_the_time_of_the_call,
    a_call_that_times_out_says_how_long_all_of_it_had,
    the_eta_of_a_repeated_call_is_held_once,
    a_job_is_repeated_in_the_background_and_goes_on_without_its_handle,
    a_cancelled_job_is_repeated_no_more,
    a_second_node_is_asked_when_the_first_takes_long_and_the_loser_is_cancelled,
    both_runs_of_a_call_are_on_different_nodes,
    without_a_second_node_the_first_is_waited_for,
    an_answer_in_time_needs_no_second_node,
    what_is_not_idempotent_is_refused_before_it_is_sent,
    a_dropped_call_cancels_all_its_attempts,
    a_call_that_waits_to_be_repeated_is_over_when_it_is_dropped,
    other_modes_and_chosen_nodes_are_refused,
    waits_between_repetitions_are_as_long_as_asked,
}
