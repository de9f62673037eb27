//! What stands around calls and callbacks: it sees each, lets it go on or not, and sees what it comes to.

use std::sync::Arc;

use daffi::middleware::{Ended, Fault, Next, Outcome, Outgoing, Serving, Wrap};
use daffi::prelude::*;
use daffi::{CallError, Context, Incoming, Ran, Stage, Stream, callback, callbacks, millis, secs};
use futures::stream;

use crate::offers::{add, echo, hold, note, subtract, watch};
use crate::support::{HOUR, Mesh, Probe, failure, fresh_probe, in_virtual_time, on_each_transport};

#[callback(name = "wrap.numbers")]
async fn numbers(n: u64) -> impl Stream<Item = u64> {
    stream::iter(0..n)
}

#[callback(name = "wrap.sum")]
async fn sum(mut items: Incoming<u64>) -> Result<u64, CallError> {
    let mut sum = 0;
    while let Some(item) = items.next().await {
        sum += item?;
    }
    Ok(sum)
}

/// A plain function that waits for something asynchronous.
#[callback(name = "wrap.wait")]
fn wait(ctx: &Context) -> i64 {
    let node = ctx.node();
    tokio::runtime::Handle::current().block_on(async { node.call("it.add", (1, 2)).await.unwrap() })
}

fn offers() -> Vec<daffi::Callback> {
    callbacks![add, echo, hold, note, subtract, watch, numbers, sum, wait]
}

/// Notes each call that is made, and what it came to.
fn noting(probe: &Arc<Probe>, who: &'static str) -> impl Wrap<Outgoing> + use<> {
    let probe = Arc::clone(probe);
    move |call: Outgoing, next: Next<Outgoing>| {
        let probe = Arc::clone(&probe);
        async move {
            probe.note(format!("{who}: {}, {}", call.callback(), call.mode()));
            let ended = next.run(call).await;
            let node = ended.as_ref().map(|ended| ended.node().map(ToString::to_string));
            probe.note(format!(
                "{who}: {}",
                node.map_or_else(|error| error.to_string(), |node| node.unwrap_or("ok".into()))
            ));
            ended
        }
    }
}

/// The same for calls that are served.
struct Notes {
    probe: Arc<Probe>,
    who: &'static str,
}

impl Wrap<Serving> for Notes {
    async fn around(&self, call: Serving, next: Next<Serving>) -> Outcome {
        let Self { probe, who } = self;
        probe.note(format!("{who}: {} of {}", call.callback(), call.caller()));
        let outcome = next.run(call).await;
        probe.note(format!("{who}: {}", outcome.as_ref().map_or_else(ToString::to_string, |_| "ok".into())));
        outcome
    }
}

fn notes(probe: &Arc<Probe>, who: &'static str) -> Notes {
    Notes { probe: Arc::clone(probe), who }
}

async fn refuse(call: Serving, _: Next<Serving>) -> Outcome {
    if call.argument_bytes() > 100 {
        return Err(Fault::Busy { what: "no room for so much".into() });
    }
    Err(Fault::Denied { what: format!("`{}` is not for {}", call.callback(), call.caller()) })
}

on_each_transport![
    several_nest_in_the_order_given_on_both_sides,
    a_call_of_any_mode_is_seen_with_what_it_came_to,
    callbacks_of_every_kind_are_stood_around,
    a_callback_that_is_refused_has_not_run_and_its_caller_is_told_why,
    a_call_that_is_refused_is_not_sent,
    an_error_can_be_another_to_the_caller,
    a_panic_around_a_callback_is_its_callers_error,
    a_plain_function_may_still_wait_for_a_runtime,
    a_stream_that_is_given_up_in_the_middle_ends_with_the_reason,
    a_large_body_passes,
    a_call_may_go_on_in_another_task,
];

in_virtual_time![
    a_timeout_can_be_given_to_calls_that_say_none,
    what_is_given_up_is_cancelled_where_it_runs,
    a_background_call_that_has_to_wait_is_sent_whether_its_job_is_kept_or_not,
    a_background_call_is_seen_to_its_end_though_its_job_is_dropped,
    a_cancelled_job_is_cancelled_where_it_runs,
];

async fn several_nest_in_the_order_given_on_both_sides(mesh: Mesh) {
    let (_, probe) = fresh_probe();
    let server = mesh.connect("server", offers()).wrap_callbacks(notes(&probe, "c"));
    let _server = server.wrap_callbacks(notes(&probe, "d")).await.unwrap();
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(noting(&probe, "a"));
    let caller = caller.wrap_calls(noting(&probe, "b")).await.unwrap();

    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);

    let seen = [
        "a: it.add, foreground",
        "b: it.add, foreground",
        "c: it.add of caller",
        "d: it.add of caller",
        "d: ok",
        "c: ok",
        "b: server",
        "a: server",
    ];
    assert_eq!(probe.notes(), seen);
}

async fn a_call_of_any_mode_is_seen_with_what_it_came_to(mesh: Mesh) {
    let (_, probe) = fresh_probe();
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(noting(&probe, "")).await.unwrap();
    let seen = |mode: &str, end: &str| {
        let notes = probe.notes();
        let ends = notes.ends_with(&[mode, end].map(|note| format!(": {note}")));
        assert!(ends, "{mode}, {end}: {notes:?}");
    };

    assert_eq!(add::call(&caller, 1, 2).with_node().await.unwrap().1, 3);
    seen("it.add, foreground", "server");
    assert_eq!(add::call(&caller, 1, 2).retry(2).await.unwrap(), 3);
    seen("it.add, foreground", "server");
    let mut job = add::call(&caller, 1, 2).bg();
    assert!(job.id().await.is_ok());
    assert_eq!(job.await.unwrap(), 3);
    seen("it.add, background", "server");
    let id = add::call(&caller, 1, 2).submit().await.unwrap();
    seen("it.add, background", "ok");
    assert_eq!(caller.job::<i64>(id).await.unwrap(), 3);
    add::call(&caller, 1, 2).no_return().await.unwrap();
    seen("it.add, no return", "ok");
    assert_eq!(caller.tell_each("it.add", [(1, 2), (3, 4)]).await.unwrap(), 2);
    seen("it.add, no return", "ok");
    assert_eq!(add::call(&caller, 1, 2).broadcast().await.unwrap().all_ok().unwrap()["server"], 3);
    seen("it.add, broadcast", "ok");
    assert_eq!(add::call(&caller, 1, 2).broadcast().stream().collect::<Vec<_>>().await.len(), 1);
    seen("it.add, broadcast", "ok");
    add::call(&caller, 1, 2).broadcast().no_return().await.unwrap();
    seen("it.add, broadcast", "ok");
    assert_eq!(numbers::call(&caller, 3).stream().try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
    seen("wrap.numbers, stream", "server");
    assert_eq!(numbers::call(&caller, 3).bg_stream().try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
    seen("wrap.numbers, stream", "server");
    assert_eq!(sum::call(&caller, stream::iter(0..4)).await.unwrap(), 6);
    seen("wrap.sum, foreground", "server");
    assert_eq!(sum::call(&caller, stream::iter(0..4)).bg().await.unwrap(), 6);
    seen("wrap.sum, background", "server");
    let nobody = failure(caller.call::<()>("it.nobody", ()).await);
    seen("it.nobody, foreground", &nobody.to_string());
}

async fn callbacks_of_every_kind_are_stood_around(mesh: Mesh) {
    let (name, probe) = fresh_probe();
    let server = mesh.connect("server", offers()).wrap_callbacks(notes(&probe, ""));
    let _server = server.await.unwrap();
    let caller = mesh.caller().await;

    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
    assert_eq!(echo::call(&caller, "x".into()).await.unwrap(), "x");
    assert_eq!(subtract::call(&caller, 3, 2).await.unwrap(), 1);
    assert_eq!(numbers::call(&caller, 2).stream().try_collect::<Vec<_>>().await.unwrap(), [0, 1]);
    assert_eq!(sum::call(&caller, stream::iter(0..4)).await.unwrap(), 6);
    caller.tell_each("it.note", [(&name, "one"), (&name, "two")]).await.unwrap();
    probe.wait_for_all(": ok", 7).await;

    let seen = [
        ": it.add of caller",
        ": ok",
        ": it.echo of caller",
        ": ok",
        ": it.subtract of caller",
        ": ok",
        ": wrap.numbers of caller",
        ": ok",
        ": wrap.sum of caller",
        ": ok",
        ": it.note of caller",
        "one",
        ": ok",
        ": it.note of caller",
        "two",
        ": ok",
    ];
    assert_eq!(probe.notes(), seen);
}

async fn a_callback_that_is_refused_has_not_run_and_its_caller_is_told_why(mesh: Mesh) {
    let (name, probe) = fresh_probe();
    let server = mesh.connect("server", offers()).wrap_callbacks(refuse).await.unwrap();
    let caller = mesh.caller().await;
    let denied = |callback: &str| CallError::Denied { what: format!("`{callback}` is not for caller") };

    let error = failure(add::call(&caller, 1, 2).await);
    assert_eq!((error.ran(), error), (Ran::No, denied("it.add")));
    assert_eq!(failure(echo::call(&caller, String::new()).await), denied("it.echo"));
    assert_eq!(failure(subtract::call(&caller, 1, 2).await), denied("it.subtract"));
    let first = numbers::call(&caller, 3).stream().next().await.unwrap();
    assert_eq!(failure(first), denied("wrap.numbers"));
    let error = failure(echo::call(&caller, "x".repeat(101)).await);
    assert_eq!(error, CallError::Busy { what: "`server`: no room for so much".into() });
    assert!(error.is_retryable());
    note::call(&caller, name, "it ran".into()).no_return().await.unwrap();
    server.stop().await.unwrap();
    assert_eq!(probe.notes(), [""; 0]);
}

async fn a_call_that_is_refused_is_not_sent(mesh: Mesh) {
    let refuse = |_: Outgoing, _: Next<Outgoing>| async {
        Err::<Ended, _>(CallError::Denied { what: "to call".into() })
    };
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(refuse).await.unwrap();
    let denied = CallError::Denied { what: "to call".into() };

    assert_eq!(failure(add::call(&caller, 1, 2).await), denied);
    assert_eq!(failure(add::call(&caller, 1, 2).retry(3).await), denied);
    assert_eq!(failure(add::call(&caller, 1, 2).bg().await), denied);
    assert_eq!(failure(add::call(&caller, 1, 2).bg().id().await), denied);
    assert_eq!(failure(add::call(&caller, 1, 2).submit().await), denied);
    assert_eq!(failure(add::call(&caller, 1, 2).no_return().await), denied);
    assert_eq!(failure(caller.tell_each("it.add", [(1, 2)]).await), denied);
    assert_eq!(failure(add::call(&caller, 1, 2).broadcast().await), denied);
    let outcomes: Vec<_> =
        add::call(&caller, 1, 2).broadcast().stream().map(|(_, outcome)| outcome).collect().await;
    assert_eq!(outcomes, [Err(denied.clone())]);
    let items: Vec<_> = numbers::call(&caller, 3).stream().collect().await;
    assert_eq!(items, [Err(denied.clone())]);
    let items: Vec<_> = numbers::call(&caller, 3).bg_stream().collect().await;
    assert_eq!(items, [Err(denied)]);
    assert_eq!(mesh.calls_started(), 0);
}

async fn an_error_can_be_another_to_the_caller(mesh: Mesh) {
    let hide = |call: Outgoing, next: Next<Outgoing>| async move {
        next.run(call).await.map_err(|_| CallError::Denied { what: "to know".into() })
    };
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(hide).await.unwrap();

    let error = failure(caller.call::<()>("it.nobody", ()).await);

    assert_eq!(error, CallError::Denied { what: "to know".into() });
}

async fn a_panic_around_a_callback_is_its_callers_error(mesh: Mesh) {
    async fn fall(call: Serving, _: Next<Serving>) -> Outcome {
        panic!("around {}", call.callback())
    }
    let _server = mesh.connect("server", offers()).wrap_callbacks(fall).await.unwrap();
    let caller = mesh.caller().await;

    for (callback, result) in [
        ("it.add", add::call(&caller, 1, 2).await.map(drop)),
        ("it.echo", echo::call(&caller, String::new()).await.map(drop)),
        ("it.subtract", subtract::call(&caller, 1, 2).await.map(drop)),
    ] {
        let error = failure(result);
        let CallError::Panicked { message, .. } = error else { panic!("{error}") };
        assert_eq!(message, format!("around {callback}"));
    }
}

async fn a_plain_function_may_still_wait_for_a_runtime(mesh: Mesh) {
    let (_, probe) = fresh_probe();
    let yielding = |call: Serving, next: Next<Serving>| async move {
        tokio::task::yield_now().await;
        let outcome = next.run(call).await;
        tokio::task::yield_now().await;
        outcome
    };
    let server = mesh.connect("server", offers()).wrap_callbacks(yielding);
    let _server = server.wrap_callbacks(notes(&probe, "")).await.unwrap();
    let caller = mesh.caller().await;

    assert_eq!(wait::call(&caller).await.unwrap(), 3);
    assert_eq!(probe.notes(), [": wrap.wait of caller", ": it.add of server", ": ok", ": ok"]);
}

async fn a_stream_that_is_given_up_in_the_middle_ends_with_the_reason(mesh: Mesh) {
    let (name, probe) = fresh_probe();
    let leave = {
        let probe = Arc::clone(&probe);
        move |call: Outgoing, next: Next<Outgoing>| {
            let probe = Arc::clone(&probe);
            async move {
                tokio::select! {
                    ended = next.run(call) => ended,
                    () = probe.opened() => Err(CallError::Denied { what: "to go on".into() }),
                }
            }
        }
    };
    let _server = mesh.node("server", callbacks![crate::streams::stuck]).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(leave).await.unwrap();
    let mut items = crate::streams::stuck::call(&caller, name, 2).stream();

    assert_eq!(items.next().await, Some(Ok(0)));
    assert_eq!(items.next().await, Some(Ok(1)));
    probe.open();

    assert_eq!(items.next().await, Some(Err(CallError::Denied { what: "to go on".into() })));
    assert_eq!(items.next().await, None);
    probe.wait_for("dropped").await;
}

async fn a_large_body_passes(mesh: Mesh) {
    let (_, probe) = fresh_probe();
    let _server = mesh.connect("server", offers()).wrap_callbacks(notes(&probe, "s")).await.unwrap();
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(noting(&probe, "c")).await.unwrap();
    let text = "x".repeat(3 << 20);

    assert_eq!(echo::call(&caller, text.clone()).await.unwrap(), text);
    assert_eq!(probe.notes(), ["c: it.echo, foreground", "s: it.echo of caller", "s: ok", "c: server"]);
}

async fn a_call_may_go_on_in_another_task(mesh: Mesh) {
    let apart = |call: Outgoing, next: Next<Outgoing>| async move {
        let going = tokio::spawn(async move { next.run(call).await });
        going.await.unwrap()
    };
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(apart).await.unwrap();

    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
    assert_eq!(add::call(&caller, 1, 2).bg().await.unwrap(), 3);
    assert_eq!(add::call(&caller, 1, 2).broadcast().await.unwrap().len(), 1);
    assert_eq!(numbers::call(&caller, 3).stream().try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
    assert_eq!(numbers::call(&caller, 3).bg_stream().try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
}

async fn a_timeout_can_be_given_to_calls_that_say_none(mesh: Mesh) {
    let limit = |mut call: Outgoing, next: Next<Outgoing>| async move {
        if !call.says_timeout() {
            call.set_timeout(Some(secs(2)));
        }
        next.run(call).await
    };
    let (name, _probe) = fresh_probe();
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(limit).await.unwrap();
    let after = |error| match error {
        CallError::TimedOut { stage: Stage::Running, after, .. } => after,
        other => panic!("{other}"),
    };

    assert_eq!(after(failure(hold::call(&caller, name.clone()).await)), secs(2));
    assert_eq!(after(failure(hold::call(&caller, name.clone()).timeout(secs(5)).await)), secs(5));
    assert_eq!(after(failure(hold::call(&caller, name).bg().await)), secs(2));
}

async fn what_is_given_up_is_cancelled_where_it_runs(mesh: Mesh) {
    let hurry = |call: Outgoing, next: Next<Outgoing>| async move {
        let ended = tokio::time::timeout(secs(1), next.run(call)).await;
        ended.unwrap_or(Err(CallError::Busy { what: "in a hurry".into() }))
    };
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(hurry).await.unwrap();
    let busy = CallError::Busy { what: "in a hurry".into() };

    for background in [false, true] {
        let (name, probe) = fresh_probe();
        let call = watch::call(&caller, name).timeout(HOUR);
        let result = if background { call.bg().await } else { call.await };

        assert_eq!(failure(result), busy);
        probe.wait_for("cancelled").await;
    }
    let (name, probe) = fresh_probe();
    let gathered = watch::call(&caller, name).timeout(HOUR).broadcast().await;
    assert_eq!(failure(gathered), busy);
    probe.wait_for("cancelled").await;
}

/// Waits a second before it lets a call go.
async fn slowly(call: Outgoing, next: Next<Outgoing>) -> Result<Ended, CallError> {
    tokio::time::sleep(secs(1)).await;
    next.run(call).await
}

async fn a_background_call_that_has_to_wait_is_sent_whether_its_job_is_kept_or_not(mesh: Mesh) {
    let (name, probe) = fresh_probe();
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(slowly).await.unwrap();

    let kept = note::call(&caller, name.clone(), "kept".into()).bg();
    drop(note::call(&caller, name.clone(), "dropped".into()).bg());
    note::call(&caller, name, "one way".into()).no_return().await.unwrap();

    for what in ["kept", "dropped", "one way"] {
        probe.wait_for(what).await;
    }
    kept.await.unwrap();
}

async fn a_background_call_is_seen_to_its_end_though_its_job_is_dropped(mesh: Mesh) {
    let (name, probe) = fresh_probe();
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(noting(&probe, "c")).await.unwrap();

    drop(hold::call(&caller, name).bg());
    probe.wait_for("started").await;
    probe.open();

    probe.wait_for("c: server").await;
    assert_eq!(probe.count("finished"), 1);
}

async fn a_cancelled_job_is_cancelled_where_it_runs(mesh: Mesh) {
    let _server = mesh.node("server", offers()).await;
    let (name, probe) = fresh_probe();
    let caller = mesh.connect("caller", Vec::new()).wrap_calls(noting(&probe, "c")).await.unwrap();

    let mut job = watch::call(&caller, name.clone()).bg();
    probe.wait_for("started").await;
    job.cancel().await.unwrap();
    probe.wait_for("cancelled").await;

    let guard = watch::call(&caller, name).bg().cancel_on_drop();
    probe.wait_for_all("started", 2).await;
    drop(guard);
    probe.wait_for_all("cancelled", 2).await;
    assert_eq!(probe.count("c: it.watch, background"), 2);
    // A second of grace, which it does not use.
    tokio::time::sleep(millis(1_500)).await;
    probe.wait_for_all("ended", 2).await;
}
