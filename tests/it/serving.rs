//! Nodes at work: what they offer and when, how many calls they run, and whom they keep waiting.

use std::sync::Arc;
use std::time::Duration;

use daffi::callbacks::{Effect, Options, Run};
use daffi::config::CALLS_QUEUED_MAX;
use daffi::{CallError, Callback, Error, Ran, RegisterError, Signature, callbacks};
use daffi_core::callback::invoke;
use daffi_core::name::CallbackName;
use futures::future::{join_all, try_join_all};

use crate::offers::{add, echo, hold, hold_here, meet, note, place, stubborn};
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, on_each_transport, probe, soak};

/// A callback of this name that takes nothing and returns a number.
fn constant(name: &str, value: u64) -> Callback {
    let signature = Signature {
        name: CallbackName::new(name).unwrap(),
        parameters: Vec::new(),
        result: "u64".into(),
        doc: String::new(),
        effect: Effect::Once,
        variadic: false,
    };
    let run = Run::Async(Arc::new(move |_, _| Box::pin(async move { invoke::value(&value) })));
    Callback::dynamic(signature, Options::default(), "here:1", run).unwrap()
}

async fn a_callback_may_be_registered_and_withdrawn_while_the_node_runs(mesh: Mesh) {
    let callee = mesh.node("callee", Vec::new()).await;
    let caller = mesh.caller().await;
    failure(caller.call::<u64>("it.answer", ()).await);

    let registration = callee.register(constant("it.answer", 42)).await.unwrap();
    caller.wait_callback("it.answer").await.unwrap();
    assert_eq!(caller.call::<u64>("it.answer", ()).await.unwrap(), 42);

    drop(registration);
    mesh.until_stat_falls_to(&caller, "offers", 0).await;
    let error = failure(caller.call::<u64>("it.answer", ()).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");

    callee.register(constant("it.answer", 43)).await.unwrap().keep();
    assert_eq!(caller.call::<u64>("it.answer", ()).await.unwrap(), 43);
    assert!(callee.unregister("it.answer").await.unwrap());
    assert!(!callee.unregister("it.answer").await.unwrap());
    failure(caller.call::<u64>("it.answer", ()).await);
}

async fn a_second_callback_of_one_name_is_refused_with_both_places(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![add]).await;

    let error = callee.register(constant("it.add", 1)).await.unwrap_err();

    let Error::Register(RegisterError::Duplicate { name, first, second }) = error else {
        panic!("{error:?}")
    };
    assert_eq!((name.as_str(), second.as_str()), ("it.add", "here:1"));
    assert!(first.contains("tests/it/offers.rs:"), "{first}");
}

async fn a_node_may_offer_a_thousand_callbacks(mesh: Mesh) {
    let named = (0..1000).map(|number| constant(&format!("it.many.{number}"), number));
    let _callee = mesh.node("callee", named.collect()).await;
    let caller = mesh.caller().await;

    let names: Vec<String> = (0..1000).map(|number| format!("it.many.{number}")).collect();
    let calls = names.iter().map(|name| caller.call::<u64>(name, ()).into_future());
    let values = try_join_all(calls).await.unwrap();

    assert_eq!(values, (0..1000).collect::<Vec<_>>());
    assert_eq!(caller.node("callee").await.unwrap().unwrap().callbacks.len(), 1000);
    assert_eq!(caller.callbacks_like("it.many.99*").await.unwrap().len(), 11);
}

async fn a_callers_own_callback_serves_it_when_nobody_else_has_the_name(mesh: Mesh) {
    let caller = mesh.node("caller", callbacks![place]).await;
    assert_eq!(place::call(&caller).await.unwrap(), "caller");

    let other = mesh.node("other", callbacks![place]).await;
    for _ in 0..20 {
        assert_eq!(place::call(&caller).await.unwrap(), "other");
    }

    other.stop().await.unwrap();
    mesh.until_stat_falls_to(&caller, "nodes", 1).await;
    assert_eq!(place::call(&caller).await.unwrap(), "caller");
}

async fn calls_are_shared_among_the_nodes_that_offer_the_name(mesh: Mesh) {
    let _n1 = mesh.node("n1", callbacks![hold_here]).await;
    let _n2 = mesh.node("n2", callbacks![hold_here]).await;
    let caller = mesh.caller().await;
    let (name, held) = fresh_probe();

    let mut jobs: Vec<_> = (0..10).map(|_| hold_here::call(&caller, name.clone()).bg()).collect();
    held.wait_for_notes(10).await;

    assert_eq!((held.count("n1"), held.count("n2")), (5, 5), "the least busy one is chosen");
    for place in ["n1", "n2"] {
        probe(&format!("{name}@{place}")).open();
    }
    join_all(jobs.iter_mut().map(|job| job.wait())).await;
}

async fn plain_functions_run_beside_each_other(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![meet]).await;
    let caller = mesh.caller().await;
    let (name, _) = fresh_probe();

    // Neither returns before the other runs.
    let (one, other) = tokio::join!(meet::call(&caller, name.clone()), meet::call(&caller, name.clone()));

    assert!(one.unwrap() && other.unwrap());
}

async fn a_slow_callee_does_not_slow_calls_to_others(mesh: Mesh) {
    let _slow = mesh.node("slow", callbacks![hold]).await;
    let _fast = mesh.node("fast", callbacks![echo]).await;
    let caller = mesh.caller().await;
    let (name, held) = fresh_probe();
    let mut slow = hold::call(&caller, name).bg();
    held.wait_for("started").await;

    for number in 0..1000 {
        let text = number.to_string();
        assert_eq!(echo::call(&caller, text.clone()).await.unwrap(), text);
    }

    assert!(!slow.is_done());
    held.open();
    assert_eq!(slow.await.unwrap(), 7);
}

async fn a_full_node_refuses_calls_and_says_that_they_have_not_run(mesh: Mesh) {
    let _callee = mesh.connect("callee", callbacks![hold]).concurrency(1).await.unwrap();
    let caller = mesh.caller().await;
    let (name, held) = fresh_probe();
    let room = 1 + CALLS_QUEUED_MAX;
    let jobs: Vec<_> = (0..room).map(|_| hold::call(&caller, name.clone()).bg()).collect();

    let error = failure(hold::call(&caller, name.clone()).await);

    let CallError::Busy { what } = &error else { panic!("{error:?}") };
    assert!(what.contains("callee"), "{what}");
    assert_eq!((error.ran(), error.is_retryable()), (Ran::No, true));
    held.open();
    for job in jobs {
        assert_eq!(job.await.unwrap(), 7);
    }
    assert_eq!(held.count("finished"), room);
    assert_eq!(hold::call(&caller, name).await.unwrap(), 7, "there is room again");
}

async fn a_busy_node_runs_no_more_at_a_time_than_it_was_told(mesh: Mesh) {
    let _callee = mesh.connect("callee", callbacks![hold, note]).concurrency(2).await.unwrap();
    let caller = mesh.caller().await;
    let (name, held) = fresh_probe();
    let jobs: Vec<_> = (0..5).map(|_| hold::call(&caller, name.clone()).bg()).collect();

    held.wait_for_all("started", 2).await;
    // This one came after all of them, and is served where it is read.
    note::call(&caller, name.clone(), "read".into()).await.unwrap();
    assert_eq!(held.notes(), ["started", "started", "read"]);

    held.open();
    for job in jobs {
        assert_eq!(job.await.unwrap(), 7);
    }
}

async fn a_full_node_is_passed_over_while_another_has_room(mesh: Mesh) {
    let _full = mesh.connect("full", callbacks![hold, place]).concurrency(1).await.unwrap();
    let caller = mesh.caller().await;
    let (name, held) = fresh_probe();
    let room = 1 + CALLS_QUEUED_MAX;
    let jobs: Vec<_> = (0..room).map(|_| hold::call(&caller, name.clone()).bg()).collect();
    mesh.until_stat(&caller, "calls_serving", room as u64).await;
    let _free = mesh.node("free", callbacks![place]).await;

    let error = failure(place::call(&caller).on("full").await);
    assert!(matches!(error, CallError::Busy { .. }), "{error:?}");
    for _ in 0..20 {
        assert_eq!(place::call(&caller).await.unwrap(), "free");
    }

    held.open();
    for job in jobs {
        job.await.unwrap();
    }
}

async fn a_reply_that_comes_too_late_is_counted_and_given_to_nobody(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, stubborn]).await;
    let caller = mesh.caller().await;

    for round in 1..=5 {
        let (name, probe) = fresh_probe();
        let mut call = Box::pin(stubborn::call(&caller, name).timeout(HOUR).into_future());
        tokio::select! {
            reply = &mut call => panic!("{reply:?}"),
            () = probe.wait_for("started") => {}
        }
        drop(call);
        // Takes the slot of the one that was dropped.
        let next = add::call(&caller, round, 2).bg();

        probe.wait_for("cancelled").await;
        mesh.until_stat(&caller, "late_replies", u64::try_from(round).unwrap()).await;
        assert_eq!(next.await.unwrap(), round + 2);
    }
}

async fn a_reply_that_crosses_the_cancellation_is_counted_and_given_to_nobody(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;
    let way = Duration::from_millis(10);
    mesh.memory().delay("callee", way);
    mesh.memory().delay("caller", way);
    assert_eq!(add::call(&caller, 1, 1).await.unwrap(), 2);

    // There and back are four ways: the reply is on the last one when its caller goes.
    let dropped = tokio::time::timeout(35 * way / 10, add::call(&caller, 100, 100).into_future()).await;
    assert!(dropped.is_err());
    assert_eq!(add::call(&caller, 2, 2).await.unwrap(), 4);

    assert_eq!(caller.own_stats()["replies_late"], 1);
    assert_eq!(caller.own_stats()["calls_in_flight"], 0);
}

async fn nothing_is_left_of_calls_that_were_dropped_or_timed_out(mesh: Mesh) {
    let _callee = mesh.connect("callee", callbacks![hold]).concurrency(100).await.unwrap();
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    for round in 0..soak().div_ceil(1000) {
        let timeout = Duration::from_millis(10 + round as u64 % 10);
        let calls = (0..500).map(|_| hold::call(&caller, name.clone()).timeout(timeout).into_future());
        for outcome in join_all(calls).await {
            assert!(matches!(failure(outcome), CallError::TimedOut { .. }));
        }
        let calls = (0..500).map(|_| hold::call(&caller, name.clone()).timeout(HOUR).into_future());
        assert!(tokio::time::timeout(timeout, join_all(calls)).await.is_err());
    }

    for table in ["calls_serving", "calls_of_callers", "jobs_running", "calls_delayed"] {
        // The question itself is in flight, too.
        mesh.until_stat_falls_to(&caller, table, 1).await;
    }
    mesh.until_stat_falls_to(&caller, "calls_in_flight", 1).await;
    assert_eq!(caller.own_stats()["calls_in_flight"], 0);
    probe.wait_for_all("ended", probe.count("started")).await;
}

async fn a_node_that_stops_answers_every_call_that_was_for_it(mesh: Mesh) {
    let _stays = mesh.node("stays", callbacks![add]).await;
    let caller = mesh.caller().await;
    for _ in 0..20 {
        let leaves = mesh.node("leaves", callbacks![add]).await;
        let calls = (0..100).map(|number| add::call(&caller, number, 1).into_future());
        let (sums, stopped) = tokio::join!(try_join_all(calls), leaves.stop());

        stopped.unwrap();
        assert_eq!(sums.unwrap(), (1..=100).collect::<Vec<i64>>());
    }
}

on_each_transport!(
    a_node_that_stops_answers_every_call_that_was_for_it,
    a_callback_may_be_registered_and_withdrawn_while_the_node_runs,
    a_second_callback_of_one_name_is_refused_with_both_places,
    a_node_may_offer_a_thousand_callbacks,
    a_callers_own_callback_serves_it_when_nobody_else_has_the_name,
    calls_are_shared_among_the_nodes_that_offer_the_name,
    plain_functions_run_beside_each_other,
    a_slow_callee_does_not_slow_calls_to_others,
    a_full_node_refuses_calls_and_says_that_they_have_not_run,
    a_busy_node_runs_no_more_at_a_time_than_it_was_told,
    a_full_node_is_passed_over_while_another_has_room,
    a_reply_that_comes_too_late_is_counted_and_given_to_nobody,
    nothing_is_left_of_calls_that_were_dropped_or_timed_out,
);

in_virtual_time!(a_reply_that_crosses_the_cancellation_is_counted_and_given_to_nobody);
