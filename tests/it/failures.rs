//! Processes that die, freeze, leave, come back, or get in each other's way.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::{CallError, ConnectError, Error, Presence, Ran, Stage, callbacks};
use futures::StreamExt;

use crate::children::{Child, never};
use crate::offers::{add, hold, place, watch};
use crate::support::{HOUR, Mesh, Probe, failure, fresh_probe, guarded, on_each_transport, unique};

/// Waits for the presence event that `is_it` picks.
async fn wait_for(events: &mut daffi::PresenceStream, is_it: impl Fn(&Presence) -> bool) {
    while let Some(event) = events.next().await {
        if is_it(&event) {
            return;
        }
    }
    panic!("the node has ended");
}

fn has_left(event: &Presence, name: &str) -> bool {
    matches!(event, Presence::Left { node, .. } if node == name)
}

fn is_suspect(event: &Presence, name: &str, is_so: bool) -> bool {
    matches!(event, Presence::Suspect { node, suspect } if node == name && *suspect == is_so)
}

#[tokio::test]
async fn the_caller_of_a_killed_callee_is_told_long_before_the_deadline() {
    guarded(async {
        let mesh = Mesh::over_unix().await;
        let mut child = Child::start("callee", "child", &mesh.url).await;
        let caller = mesh.caller().await;
        let call = tokio::spawn(never::call(&caller).timeout(HOUR).into_future());
        child.wait_for("started").await;

        child.kill();

        let error = failure(call.await.unwrap());
        let CallError::NodeLost { node, ran } = &error else { panic!("{error:?}") };
        assert_eq!((node.as_str(), *ran), ("child", Ran::Maybe));
        assert!(!error.is_retryable());
    })
    .await;
}

#[tokio::test]
async fn a_call_after_its_callee_was_killed_has_not_run() {
    guarded(async {
        let mesh = Mesh::over_unix().await;
        let mut child = Child::start("callee", "child", &mesh.url).await;
        let caller = mesh.caller().await;
        let mut events = caller.presence().await.unwrap();
        assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);

        child.kill();
        wait_for(&mut events, |event| has_left(event, "child")).await;

        let error = failure(add::call(&caller, 1, 2).timeout(HOUR).await);
        assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
        assert_eq!((error.ran(), error.is_retryable()), (Ran::No, true));
        let error = failure(add::call(&caller, 1, 2).on("child").timeout(HOUR).await);
        assert_eq!(error.ran(), Ran::No);
    })
    .await;
}

#[tokio::test]
async fn a_killed_member_costs_a_broadcast_its_own_outcome_only() {
    guarded(async {
        let mesh = Mesh::over_unix().await;
        let mut doomed = Child::start("callee", "doomed", &mesh.url).await;
        let mut frozen = Child::start("callee", "frozen", &mesh.url).await;
        let caller = mesh.caller().await;
        let mut stream = never::call(&caller).broadcast().timeout(HOUR).stream();
        let first = tokio::spawn(async move { (stream.next().await, stream) });
        doomed.wait_for("started").await;
        frozen.wait_for("started").await;

        doomed.kill();
        let (outcome, mut stream) = first.await.unwrap();
        let (name, outcome) = outcome.unwrap();
        assert_eq!(name, "doomed");
        assert!(matches!(outcome, Err(CallError::NodeLost { ran: Ran::Maybe, .. })), "{outcome:?}");

        frozen.kill();
        assert_eq!(stream.next().await.unwrap().0, "frozen");
        assert!(stream.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_callback_sees_that_its_caller_was_killed() {
    guarded(async {
        let mesh = Mesh::over_unix().await;
        let _callee = mesh.node("callee", callbacks![watch]).await;
        let (name, probe) = fresh_probe();
        let mut child = Child::start("caller", &name, &mesh.url).await;
        probe.wait_for("started").await;
        assert_eq!(probe.notes(), ["started"]);

        child.kill();

        probe.wait_for("cancelled").await;
        probe.wait_for("ended").await;
        assert_eq!(probe.notes(), ["started", "cancelled", "ended"]);
    })
    .await;
}

#[tokio::test]
async fn nodes_return_to_a_controller_that_was_killed_and_restarted() {
    guarded(async {
        let mesh = Mesh::without_controller();
        let mut controller = Child::start("controller", "", &mesh.url).await;
        let (_, links) = fresh_probe();
        let callee = noting_links(&mesh, "callee", &links, callbacks![add, hold]).await;
        let caller = noting_links(&mesh, "caller", &links, Vec::new()).await;
        callee.register(callbacks![place].remove(0)).await.unwrap().keep();
        let (name, probe) = fresh_probe();
        let call = tokio::spawn(hold::call(&caller, name).timeout(HOUR).into_future());
        probe.wait_for("started").await;

        controller.kill();
        let error = failure(call.await.unwrap());
        assert!(matches!(error, CallError::Disconnected { ran: Ran::Maybe }), "{error:?}");
        probe.wait_for("ended").await;
        links.wait_for("callee out").await;
        links.wait_for("caller out").await;
        // A call that is made meanwhile waits for the link.
        let waiting = tokio::spawn(place::call(&caller).timeout(HOUR).into_future());
        let mut controller = Child::start("controller", "", &mesh.url).await;
        links.wait_for_all("callee in", 2).await;
        links.wait_for_all("caller in", 2).await;

        caller.wait_callback("it.place").await.unwrap();
        assert_eq!(place::call(&caller).await.unwrap(), "callee", "registered at run time");
        assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3, "registered from the start");
        // Whoever came back first decides how this one ends, but it ends.
        if let Err(error) = waiting.await.unwrap() {
            assert_eq!(error.ran(), Ran::No, "{error:?}");
        }
        controller.kill();
    })
    .await;
}

async fn noting_links(
    mesh: &Mesh,
    name: &'static str,
    links: &std::sync::Arc<Probe>,
    callbacks: Vec<daffi::Callback>,
) -> daffi::Node {
    let (connected, disconnected) = (links.clone(), links.clone());
    let node = mesh
        .connect(name, callbacks)
        .on_connect(move |node| connected.note(format!("{} in", node.name())))
        .on_disconnect(move |node| disconnected.note(format!("{} out", node.name())));
    let node = node.await.unwrap();
    links.wait_for(&format!("{name} in")).await;
    node
}

#[tokio::test]
async fn a_frozen_callee_gets_no_calls_while_another_serves_and_comes_back() {
    guarded(async {
        let mesh = Mesh::over_unix().await;
        let child = Child::start("callee", "child", &mesh.url).await;
        let caller = mesh.caller().await;
        let mut events = caller.presence().await.unwrap();
        assert_eq!(place::call(&caller).await.unwrap(), "child");

        child.freeze();
        let error = failure(place::call(&caller).timeout(Duration::from_millis(200)).await);
        let CallError::TimedOut { stage: Stage::Running, node, .. } = &error else { panic!("{error:?}") };
        assert_eq!(node.as_ref().map(|node| node.as_str()), Some("child"));
        let _other = mesh.node("other", callbacks![place]).await;
        wait_for(&mut events, |event| is_suspect(event, "child", true)).await;
        for _ in 0..50 {
            assert_eq!(place::call(&caller).await.unwrap(), "other");
        }
        assert!(caller.node("child").await.unwrap().unwrap().node.suspect);

        child.thaw();
        wait_for(&mut events, |event| is_suspect(event, "child", false)).await;
        assert_eq!(place::call(&caller).on("child").await.unwrap(), "child");
        while place::call(&caller).await.unwrap() == "other" {}
    })
    .await;
}

#[tokio::test]
async fn a_call_that_waits_for_a_frozen_callee_is_answered_when_it_goes_on() {
    guarded(async {
        let mesh = Mesh::over_unix().await;
        let child = Child::start("callee", "child", &mesh.url).await;
        let caller = mesh.caller().await;
        let mut events = caller.presence().await.unwrap();

        child.freeze();
        let call = tokio::spawn(add::call(&caller, 1, 2).timeout(HOUR).into_future());
        wait_for(&mut events, |event| is_suspect(event, "child", true)).await;
        assert!(!call.is_finished());
        child.thaw();

        assert_eq!(call.await.unwrap().unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_frozen_controller_is_given_up_when_the_time_is_up() {
    guarded(async {
        let mesh = Mesh::without_controller();
        let controller = Child::start("controller", "", &mesh.url).await;
        let _callee = mesh.node("callee", callbacks![add]).await;
        let caller = mesh.caller().await;
        assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);

        controller.freeze();
        let error = failure(add::call(&caller, 3, 4).timeout(Duration::from_millis(100)).await);
        assert!(matches!(error, CallError::TimedOut { stage: Stage::Controller, .. }), "{error:?}");
        assert_eq!(error.ran(), Ran::Maybe);
        controller.thaw();

        assert_eq!(add::call(&caller, 5, 6).await.unwrap(), 11);
    })
    .await;
}

async fn a_second_node_of_one_name_is_refused_and_told_of_the_first(mesh: Mesh) {
    let first = mesh.node("twin", callbacks![place]).await;

    let error = mesh.connect("twin", Vec::new()).await.unwrap_err();

    let Error::Connect(ConnectError::NameTaken { name, other }) = &error else { panic!("{error:?}") };
    assert_eq!(name, "twin");
    let nodes = first.nodes().await.unwrap();
    assert!(other.contains(&nodes[0].address), "{other} of {nodes:?}");
    assert!(error.to_string().contains("take over"), "{error}");
    assert_eq!(place::call(&first).await.unwrap(), "twin", "the first is as it was");
}

async fn a_node_may_take_a_name_over(mesh: Mesh) {
    let first = mesh.node("twin", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let call = tokio::spawn(hold::call(&caller, name).timeout(HOUR).into_future());
    probe.wait_for("started").await;

    let _second = mesh.connect("twin", callbacks![place]).take_over().await.unwrap();

    first.join().await.unwrap();
    assert_eq!(place::call(&caller).await.unwrap(), "twin");
    let error = failure(call.await.unwrap());
    assert!(matches!(error, CallError::NodeLost { ran: Ran::Maybe, .. }), "{error:?}");
    assert_eq!(failure(hold::call(&first, "x".into()).await).ran(), Ran::No);
}

async fn a_name_is_free_again_when_its_node_has_left(mesh: Mesh) {
    let first = mesh.node("twin", callbacks![place]).await;
    let caller = mesh.caller().await;

    first.stop().await.unwrap();
    mesh.until_stat_falls_to(&caller, "nodes", 1).await;

    let _second = mesh.node("twin", callbacks![place]).await;
    assert_eq!(place::call(&caller).await.unwrap(), "twin");
}

async fn a_stopping_controller_lets_calls_finish_and_says_goodbye(mut mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut call = hold::call(&caller, name).timeout(HOUR).bg();
    probe.wait_for("started").await;

    let controller = mesh.take_controller();
    let drain = tokio::spawn(controller.drain(HOUR));
    // Nobody is let in once it has begun.
    while mesh.connect(&unique("late"), Vec::new()).timeout(Duration::from_millis(50)).await.is_ok() {}
    assert!(!call.is_done());
    probe.open();

    assert_eq!(call.wait().await.unwrap(), 7);
    callee.join().await.unwrap();
    caller.join().await.unwrap();
    drain.await.unwrap();
    let error = failure(add::call(&caller, 1, 2).timeout(HOUR).await);
    assert!(matches!(error, CallError::Disconnected { ran: Ran::No }), "{error:?}");
}

async fn a_stopping_controller_cuts_off_what_does_not_finish_in_time(mut mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let call = hold::call(&caller, name).timeout(HOUR).bg();
    probe.wait_for("started").await;

    mesh.take_controller().drain(Duration::from_millis(10)).await;

    assert_eq!(failure(call.await).ran(), Ran::Maybe);
    callee.join().await.unwrap();
    probe.wait_for("ended").await;
}

async fn a_stopping_node_lets_its_callbacks_finish_and_takes_no_more(mesh: Mesh) {
    let callee = mesh.node("callee", callbacks![hold, place]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let call = hold::call(&caller, name).timeout(HOUR).bg();
    probe.wait_for("started").await;

    let stopping = callee.clone();
    let stop = tokio::spawn(async move { stopping.stop().await });
    let refused = loop {
        if let Err(error) = place::call(&caller).await {
            break error;
        }
    };
    assert_eq!(refused.ran(), Ran::No);
    probe.open();

    assert_eq!(call.await.unwrap(), 7);
    stop.await.unwrap().unwrap();
    callee.join().await.unwrap();
}

async fn a_node_may_outlive_its_controller(mut mesh: Mesh) {
    let callee = mesh.connect("callee", callbacks![add]).outlive_controller().await.unwrap();
    mesh.take_controller().drain(HOUR).await;

    mesh.start_controller().await;

    let caller = mesh.caller().await;
    caller.wait_callback("it.add").await.unwrap();
    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
    assert_eq!(callee.name(), "callee");
}

async fn a_call_without_return_is_lost_with_the_node_that_was_to_run_it(mesh: Mesh) {
    let callee = mesh.connect("callee", callbacks![hold]).concurrency(1).await.unwrap();
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    hold::call(&caller, name.clone()).no_return().await.unwrap();
    probe.wait_for("started").await;
    hold::call(&caller, name).no_return().await.expect("it is taken, and waits behind the first");

    drop(callee);
    mesh.until_stat_falls_to(&caller, "nodes", 1).await;
    let _next = mesh.node("callee", callbacks![hold]).await;
    caller.wait_callback("it.hold").await.unwrap();

    mesh.until_stat_falls_to(&caller, "one_way_outstanding", 0).await;
    probe.wait_for("ended").await;
    assert_eq!(probe.notes(), ["started", "ended"], "neither is run again");
}

async fn what_a_controller_kept_is_gone_when_it_starts_anew(mut mesh: Mesh) {
    let _callee = mesh.connect("callee", callbacks![add]).outlive_controller().await.unwrap();
    let caller = mesh.connect("caller", Vec::new()).outlive_controller().await.unwrap();
    let job = add::call(&caller, 1, 2).submit().await.unwrap();
    assert_eq!(caller.job::<i64>(job).await.unwrap(), 3);
    add::call(&caller, 1, 2).every(HOUR).await.unwrap();

    mesh.take_controller().drain(HOUR).await;
    mesh.start_controller().await;

    caller.wait_callback("it.add").await.unwrap();
    let error = failure(caller.job::<i64>(job).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    assert!(caller.schedules().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_controller_that_nobody_runs_is_reported_by_its_address() {
    guarded(async {
        let timeout = Duration::from_millis(300);
        let unix = Mesh::without_controller();
        for url in [unix.url.clone(), format!("memory://{}", unique("nobody"))] {
            let error = daffi::connect(&url).registry(Vec::new()).timeout(timeout).await.unwrap_err();

            let Error::Connect(ConnectError::Unreachable { address, after, tried }) = &error else {
                panic!("{error:?}")
            };
            assert_eq!((address, *after), (&url, timeout));
            let address = url.rsplit("://").next().unwrap();
            assert!(!tried.is_empty() && tried.iter().all(|tried| tried.contains(address)), "{tried:?}");
            assert!(error.is_retryable() && error.to_string().contains(&url), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_node_may_start_before_its_controller() {
    guarded(async {
        let mut mesh = Mesh::without_controller();
        let early = tokio::spawn(mesh.connect("early", callbacks![add]).timeout(HOUR).into_future());

        mesh.start_controller().await;

        assert_eq!(early.await.unwrap().unwrap().name(), "early");
    })
    .await;
}

on_each_transport!(
    a_second_node_of_one_name_is_refused_and_told_of_the_first,
    a_node_may_take_a_name_over,
    a_name_is_free_again_when_its_node_has_left,
    a_stopping_controller_lets_calls_finish_and_says_goodbye,
    a_stopping_controller_cuts_off_what_does_not_finish_in_time,
    a_stopping_node_lets_its_callbacks_finish_and_takes_no_more,
    a_node_may_outlive_its_controller,
    a_call_without_return_is_lost_with_the_node_that_was_to_run_it,
    what_a_controller_kept_is_gone_when_it_starts_anew,
);
