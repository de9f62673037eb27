//! How a callback wants to be treated, and what that does where it runs.

use std::future::IntoFuture;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use daffi::callbacks::{Effect, OnCancel, Options};
use daffi::middleware::{Next, Serving};
use daffi::{CallError, Callback, Context, Job, Node, Ran, Stage, callbacks, millis, secs};
use daffi_core::callback::stream::put_item;
use daffi_core::callback::{Declaration, Flow, Outcome, invoke};
use futures::StreamExt;

use crate::offers::add;
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, on_each_transport, probe};

/// Nothing asked for.
fn plain() -> Options {
    Options::default()
}

fn at_a_time(calls: u32) -> Options {
    Options { concurrency: NonZeroU32::new(calls), ..plain() }
}

fn within(timeout: Duration) -> Options {
    Options { timeout: Some(timeout), ..plain() }
}

pub(crate) fn declare(name: &'static str, options: Options) -> Declaration {
    let parameters = &[("probe_name", "String")];
    Declaration { name, parameters, result: "u64", doc: "", options, place: ("options.rs", 1) }
}

/// Says that it has started, and returns when its probe is opened.
fn held(options: Options) -> Callback {
    Callback::asynchronous(declare("opt.held", options), |_, (name,): (String,)| hold(name))
}

async fn hold(name: String) -> Outcome {
    let probe = probe(&name);
    let _ended = probe.note_on_drop("ended");
    probe.note("started");
    probe.opened().await;
    probe.note("finished");
    invoke::value(&7u64)
}

/// As the above, and says when it was cancelled; after that it adds, on another node.
fn watched(options: Options) -> Callback {
    let options = Options { sees_context: true, ..options };
    let watch = |context: Context, (name,): (String,)| async move {
        let probe = probe(&name);
        let _ended = probe.note_on_drop("ended");
        probe.note("started");
        context.cancelled().await;
        probe.note("cancelled");
        probe.opened().await;
        let sum = context.node().call::<i64>("it.add", (1, 2)).await;
        probe.note(format!("{:?}", sum.ok()));
        invoke::value(&7u64)
    };
    Callback::asynchronous(declare("opt.watched", options), watch)
}

/// As the above, in a plain function.
fn watched_on_thread(options: Options) -> Callback {
    let watch = |context: &Context, (name,): (String,)| {
        let probe = probe(&name);
        let runtime = tokio::runtime::Handle::current();
        probe.note("started");
        runtime.block_on(context.cancelled());
        probe.note("cancelled");
        runtime.block_on(probe.opened());
        probe.note("finished");
        invoke::value(&7u64)
    };
    Callback::blocking(declare("opt.watched_on_thread", options), watch)
}

/// An `async` function that blocks its thread until its probe is opened.
fn blocking() -> Callback {
    let block = |_, (name,): (String,)| async move {
        let probe = probe(&name);
        probe.note("started");
        let runtime = tokio::runtime::Handle::current();
        // Joined, the other thread blocks this one, as no wait for a future may.
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(probe.opened())).join()).unwrap();
        invoke::value(&7u64)
    };
    Callback::asynchronous(declare("opt.blocking", Options { blocking: true, ..plain() }), block)
}

/// Has the caller throw it back until it has gone this deep; it may block.
fn bounce() -> Callback {
    let options = Options { blocking: true, sees_context: true, ..plain() };
    let declaration = Declaration { parameters: &[("depth", "u32")], ..declare("opt.bounce", options) };
    Callback::asynchronous(declaration, |context: Context, (depth,): (u32,)| async move {
        if depth == 0 {
            return invoke::value(&0u64);
        }
        let deeper = context.node().call::<u64>("opt.bounce", (depth - 1,));
        match deeper.on(context.caller().as_str()).await {
            Ok(depth) => invoke::value(&(depth + 1)),
            Err(error) => invoke::failure(&error, Vec::new()),
        }
    })
}

fn start(caller: &Node, callback: &str, probe_name: &str) -> Job<u64> {
    caller.call::<u64>(callback, (probe_name,)).bg()
}

async fn a_callback_past_its_own_timeout_ends_and_its_caller_is_told(mesh: Mesh) {
    let callee = mesh.node("callee", vec![held(within(secs(2)))]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let error = failure(caller.call::<u64>("opt.held", (&name,)).timeout(HOUR).await);

    let (stage, node, after) = (Stage::Running, Some(callee.name().clone()), secs(2));
    assert_eq!(error, CallError::TimedOut { stage, node, after });
    assert_eq!(error.ran(), Ran::Maybe);
    probe.wait_for("ended").await;
    assert_eq!((probe.seconds(), probe.count("finished")), (2, 0));
}

async fn the_caller_s_own_time_counts_if_it_is_shorter(mesh: Mesh) {
    let _callee = mesh.node("callee", vec![held(within(HOUR))]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let error = failure(caller.call::<u64>("opt.held", (&name,)).timeout(secs(1)).await);

    assert!(matches!(error, CallError::TimedOut { after, .. } if after == secs(1)), "{error:?}");
    probe.wait_for("ended").await;
}

async fn one_that_looks_has_a_moment_to_tidy_up_after_its_caller_was_told(mesh: Mesh) {
    let _callee = mesh.node("callee", vec![watched(within(secs(2)))]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    failure(caller.call::<u64>("opt.watched", (&name,)).timeout(HOUR).await);
    assert_eq!(probe.seconds(), 2);
    probe.wait_for("ended").await;

    assert_eq!(
        (probe.seconds(), probe.notes()),
        (3, ["started", "cancelled", "ended"].map(String::from).to_vec())
    );
    assert_eq!(mesh.stat("late_replies"), 0);
}

async fn a_call_that_wants_no_reply_ends_with_its_callback_s_time(mesh: Mesh) {
    let _callee = mesh.node("callee", vec![held(within(secs(2)))]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    caller.tell("opt.held", (&name,)).no_return().await.unwrap();
    probe.wait_for("ended").await;

    assert_eq!(probe.seconds(), 2);
}

async fn a_node_that_stops_beside_a_silent_controller_gives_up_soon(mesh: Mesh) {
    let node = mesh.node("node", vec![held(plain())]).await;
    let (_, clock) = fresh_probe();
    mesh.memory().freeze("node");

    node.stop().await.unwrap();

    assert!(clock.seconds() <= 2, "{} s", clock.seconds());
}

async fn a_stream_ends_with_its_callback_s_time(mesh: Mesh) {
    let declaration = Declaration { result: "Stream<u64>", ..declare("opt.stream", within(secs(2))) };
    let one_and_no_more = Callback::flowing(declaration, |_, (_,): (String,), flow: Flow| {
        let items = futures::stream::iter([1u64]).chain(futures::stream::pending());
        flow.give(items, |out, item| put_item(out, &item))
    });
    let callee = mesh.node("callee", vec![one_and_no_more]).await;
    let caller = mesh.caller().await;

    let mut items = caller.call::<u64>("opt.stream", ("",)).stream();

    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    let error = failure(items.next().await.unwrap());
    let (stage, node, after) = (Stage::Running, Some(callee.name().clone()), secs(2));
    assert_eq!(error, CallError::TimedOut { stage, node, after });
    assert!(items.next().await.is_none());
}

async fn the_caller_of_a_plain_function_is_told_while_that_goes_on(mesh: Mesh) {
    let callbacks = vec![watched_on_thread(within(millis(20)))];
    let _callee = mesh.node("callee", callbacks).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let error = failure(caller.call::<u64>("opt.watched_on_thread", (&name,)).timeout(HOUR).await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Running, .. }), "{error:?}");

    probe.wait_for("cancelled").await;
    assert_eq!(probe.count("finished"), 0);
    probe.open();
    probe.wait_for("finished").await;
    caller.stats().await.unwrap();
    assert_eq!(mesh.stat("late_replies"), 0, "its result goes nowhere");
}

async fn a_callback_runs_no_more_calls_at_a_time_than_it_says_and_others_do_not_wait(mesh: Mesh) {
    let callbacks = [vec![held(at_a_time(2))], callbacks![add]].concat();
    let callee = mesh.node("callee", callbacks).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let mut jobs: Vec<_> = (0..6).map(|_| start(&caller, "opt.held", &name)).collect();
    probe.wait_for_all("started", 2).await;
    assert_eq!(add::call(&caller, 4, 6).await.unwrap(), 10);
    assert_eq!(probe.count("started"), 2);

    jobs[4].cancel().await.unwrap();
    failure(jobs.remove(4).await);
    mesh.until_stat(&callee, "calls_cancelled", 1).await;
    probe.open();
    for job in jobs {
        assert_eq!(job.await.unwrap(), 7);
    }
    assert_eq!(probe.count("started"), 5, "the cancelled one never ran");
}

async fn the_waiting_calls_of_a_lost_caller_make_way_for_others(mesh: Mesh) {
    let callbacks = [vec![held(at_a_time(1))], callbacks![add]].concat();
    let callee = mesh.node("callee", callbacks).await;
    let (caller, lost) = (mesh.caller().await, mesh.node("lost", Vec::new()).await);
    let (name, probe) = fresh_probe();
    let first = start(&caller, "opt.held", &name);
    probe.wait_for("started").await;

    let mut waiting = Box::pin(lost.call::<u64>("opt.held", (&name,)).into_future());
    assert!(futures::poll!(&mut waiting).is_pending());
    add::call(&lost, 4, 6).await.unwrap();
    let last = start(&caller, "opt.held", &name);
    drop(lost);
    assert!(matches!(failure(waiting.await), CallError::Disconnected { .. }));
    mesh.until_stat(&callee, "calls_cancelled", 1).await;
    probe.open();

    assert_eq!(first.await.unwrap(), 7);
    assert_eq!(last.await.unwrap(), 7);
    assert_eq!(probe.count("started"), 2);
}

async fn a_run_that_shall_finish_does_so_though_its_caller_gave_up(mesh: Mesh) {
    let finish = Options { on_cancel: OnCancel::Finish, ..plain() };
    let _callee = mesh.node("callee", vec![held(finish), watched(finish)]).await;
    let caller = mesh.node("caller", callbacks![add]).await;
    let (name, probe) = fresh_probe();
    let (other_name, other) = fresh_probe();

    failure(caller.call::<u64>("opt.held", (&name,)).timeout(millis(20)).await);
    failure(caller.call::<u64>("opt.watched", (&other_name,)).timeout(millis(20)).await);
    other.wait_for("cancelled").await;
    assert_eq!(probe.count("ended") + other.count("ended"), 0);

    probe.open();
    other.open();
    probe.wait_for("finished").await;
    other.wait_for("Some(3)").await;
}

async fn what_stands_around_a_plain_function_is_dropped_where_it_waits_when_the_call_is_cancelled(
    mesh: Mesh,
) {
    let (name, probe) = fresh_probe();
    let around = Arc::clone(&probe);
    let wait = move |_: Serving, _: Next<Serving>| {
        let probe = Arc::clone(&around);
        async move {
            let _ended = probe.note_on_drop("gave up");
            probe.note("waits");
            std::future::pending().await
        }
    };
    let options = Options { concurrency: NonZeroU32::new(1), ..within(HOUR) };
    let callee = mesh.connect("callee", vec![watched_on_thread(options)]).wrap_callbacks(wait);
    let _callee = callee.await.unwrap();
    let caller = mesh.caller().await;

    for count in 1..=2 {
        let mut job = start(&caller, "opt.watched_on_thread", &name);
        probe.wait_for_all("waits", count).await;
        job.cancel().await.unwrap();
        probe.wait_for_all("gave up", count).await;
    }

    assert_eq!(probe.count("started"), 0);
}

async fn a_one_way_call_of_what_was_withdrawn_meanwhile_is_a_failure_that_is_counted(mesh: Mesh) {
    let callee = mesh.node("callee", vec![held(plain())]).await;
    let caller = mesh.caller().await;
    caller.ping("callee").await.unwrap();
    mesh.memory().freeze("callee");
    caller.tell("opt.held", ("",)).no_return().await.unwrap();

    let withdrawn = async { callee.unregister("opt.held").await.unwrap() };
    let thawed = async { mesh.memory().heal("callee") };
    assert!(futures::join!(withdrawn, thawed).0);

    assert_eq!(callee.own_stats()["one_way_failed"], 1);
}

async fn a_run_that_shall_finish_ends_with_its_node_all_the_same(mesh: Mesh) {
    let finish = Options { on_cancel: OnCancel::Finish, ..plain() };
    let caller = mesh.caller().await;
    for (callee, options) in [("task", finish), ("thread", Options { blocking: true, ..finish })] {
        let callee = mesh.node(callee, vec![held(options)]).await;
        let (name, probe) = fresh_probe();
        let job = start(&caller, "opt.held", &name);
        probe.wait_for("started").await;

        drop(callee);

        probe.wait_for("ended").await;
        assert!(matches!(failure(job.await), CallError::NodeLost { ran: Ran::Maybe, .. }));
    }
}

async fn an_async_function_that_blocks_has_a_thread_of_its_own(mesh: Mesh) {
    let callbacks = [vec![blocking()], callbacks![add]].concat();
    let _callee = mesh.node("callee", callbacks).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let job = start(&caller, "opt.blocking", &name);
    probe.wait_for("started").await;
    assert_eq!(add::call(&caller, 4, 6).await.unwrap(), 10);
    probe.open();

    assert_eq!(job.await.unwrap(), 7);
}

async fn async_functions_that_block_may_call_each_other(mesh: Mesh) {
    let one = mesh.node("one", vec![bounce()]).await;
    let _other = mesh.node("other", vec![bounce()]).await;

    assert_eq!(one.call::<u64>("opt.bounce", (40,)).await.unwrap(), 40);
}

async fn an_async_function_on_a_thread_is_cancelled_where_it_awaits(mesh: Mesh) {
    let _callee = mesh.node("callee", vec![held(Options { blocking: true, ..plain() })]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    let mut call = Box::pin(caller.call::<u64>("opt.held", (&name,)).into_future());
    assert!(futures::poll!(&mut call).is_pending());
    probe.wait_for("started").await;
    drop(call);

    probe.wait_for("ended").await;
    assert_eq!(probe.count("finished"), 0);
}

async fn callers_learn_what_is_idempotent_where_all_who_offer_it_agree(mesh: Mesh) {
    let idempotent = Options { idempotent: true, ..plain() };
    let _one = mesh.node("one", vec![held(idempotent)]).await;
    let caller = mesh.caller().await;
    let effect = async || caller.callbacks_like("opt.held").await.unwrap()[0].signature.effect;
    assert_eq!(effect().await, Effect::Idempotent);

    let _other = mesh.node("other", vec![held(plain())]).await;
    assert_eq!(effect().await, Effect::Once);
}

#[test]
fn a_runtime_that_ends_while_many_calls_wait_drops_them_all() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (name, probe) = fresh_probe();
    let nodes = runtime.block_on(async {
        let mesh = Mesh::in_memory().await;
        let on_thread = Options { blocking: true, ..plain() };
        let offers = vec![held(plain())];
        let callee = mesh.connect("callee", offers).concurrency(1).await.unwrap();
        let other = mesh.connect("other", vec![held(on_thread)]).concurrency(1).await.unwrap();
        let caller = mesh.caller().await;
        for callee in ["callee", "other"] {
            let first = caller.tell("opt.held", (&name,)).on(callee).no_return().into_future();
            first.await.unwrap();
            for _ in 0..20 {
                let calls = (0..1_000).map(|_| caller.tell("opt.held", (&name,)).on(callee).no_return());
                let taken = futures::future::join_all(calls.map(IntoFuture::into_future)).await;
                assert!(taken.into_iter().all(|taken| taken.is_ok()));
            }
            caller.ping(callee).await.unwrap();
        }
        probe.wait_for_all("started", 2).await;
        (mesh, callee, other, caller)
    });

    drop(runtime);

    assert_eq!(probe.count("started"), 2);
    drop(nodes);
}

#[test]
fn what_may_wait_or_block_is_not_polled_where_its_call_is_read() {
    let inline = Options { inline: true, ..plain() };

    assert!(held(inline).options().inline);
    assert!(!held(Options { inline: true, ..at_a_time(1) }).options().inline);
    assert!(!held(Options { blocking: true, ..inline }).options().inline);
}

on_each_transport! {
    the_caller_of_a_plain_function_is_told_while_that_goes_on,
    a_callback_runs_no_more_calls_at_a_time_than_it_says_and_others_do_not_wait,
    the_waiting_calls_of_a_lost_caller_make_way_for_others,
    a_run_that_shall_finish_does_so_though_its_caller_gave_up,
    a_run_that_shall_finish_ends_with_its_node_all_the_same,
    what_stands_around_a_plain_function_is_dropped_where_it_waits_when_the_call_is_cancelled,
    an_async_function_that_blocks_has_a_thread_of_its_own,
    async_functions_that_block_may_call_each_other,
    an_async_function_on_a_thread_is_cancelled_where_it_awaits,
    callers_learn_what_is_idempotent_where_all_who_offer_it_agree,
}

in_virtual_time! {
    a_callback_past_its_own_timeout_ends_and_its_caller_is_told,
    the_caller_s_own_time_counts_if_it_is_shorter,
    one_that_looks_has_a_moment_to_tidy_up_after_its_caller_was_told,
    a_call_that_wants_no_reply_ends_with_its_callback_s_time,
    a_stream_ends_with_its_callback_s_time,
    a_one_way_call_of_what_was_withdrawn_meanwhile_is_a_failure_that_is_counted,
    a_node_that_stops_beside_a_silent_controller_gives_up_soon,
}
