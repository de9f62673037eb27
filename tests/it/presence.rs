//! Who is there, what they offer, and how one hears of it.

use std::future::IntoFuture;

use daffi::config::{PRESENCE_QUEUED_MAX, WAIT_TIMEOUT};
use daffi::{CallError, Node, Presence, PresenceStream, Stage, callbacks};
use futures::StreamExt;

use crate::offers::{add, echo, hold, place};
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, on_each_transport};

/// An event in a few words.
fn words(event: &Presence) -> String {
    match event {
        Presence::Joined { node } => format!("{node} joined"),
        Presence::Left { node, .. } => format!("{node} left"),
        Presence::Suspect { node, suspect: true } => format!("{node} is suspect"),
        Presence::Suspect { node, suspect: false } => format!("{node} answers"),
        Presence::Registered { node, callback } => format!("{node} offers {callback}"),
        Presence::Unregistered { node, callback } => format!("{node} withdrew {callback}"),
        Presence::Lagged => "lagged".to_owned(),
        other => panic!("{other:?}"),
    }
}

async fn next(events: &mut PresenceStream, count: usize) -> Vec<String> {
    events.take(count).map(|event| words(&event)).collect().await
}

async fn changes_are_told_in_their_order(mesh: Mesh) {
    let observer = mesh.node("observer", Vec::new()).await;
    let mut events = observer.presence().await.unwrap();

    let node = mesh.node("node", callbacks![add, echo]).await;
    node.register(callbacks![place].remove(0)).await.unwrap().keep();
    assert!(node.unregister("it.add").await.unwrap());
    node.stop().await.unwrap();
    let again = mesh.node("node", Vec::new()).await;

    let expected = [
        "node joined",
        "node offers it.add",
        "node offers it.echo",
        "node offers it.place",
        "node withdrew it.add",
        // A node that stops offers nothing any more before it goes.
        "node withdrew it.echo",
        "node withdrew it.place",
        "node left",
        "node joined",
    ];
    assert_eq!(next(&mut events, expected.len()).await, expected);
    drop(again);
    let Some(Presence::Left { node, reason }) = events.next().await else { panic!("it left") };
    assert_eq!(node, "node");
    assert!(!reason.is_empty());
}

async fn a_name_is_free_as_soon_as_its_node_has_stopped(mesh: Mesh) {
    for _ in 0..30 {
        let node = mesh.node("node", Vec::new()).await;
        node.stop().await.unwrap();
    }
}

async fn only_who_asks_is_told(mesh: Mesh) {
    let observer = mesh.node("observer", Vec::new()).await;
    let _n1 = mesh.node("n1", Vec::new()).await;
    let mut events = observer.presence().await.unwrap();
    let mut also = observer.presence().await.unwrap();

    let _n2 = mesh.node("n2", Vec::new()).await;

    assert_eq!(next(&mut events, 1).await, ["n2 joined"]);
    assert_eq!(next(&mut also, 1).await, ["n2 joined"], "each listener is told");
}

async fn a_listener_that_is_too_slow_is_told_so(mesh: Mesh) {
    let observer = mesh.node("observer", Vec::new()).await;
    let mut events = observer.presence().await.unwrap();
    let node = mesh.node("node", Vec::new()).await;

    for _ in 0..PRESENCE_QUEUED_MAX / 2 + 8 {
        drop(node.register(callbacks![place].remove(0)).await.unwrap());
    }
    mesh.until_stat_falls_to(&node, "offers", 0).await;
    // The first answer comes after all that was told before; when the second one is read, that is in the queue.
    observer.stats().await.unwrap();
    observer.stats().await.unwrap();

    assert_eq!(next(&mut events, 1).await, ["lagged"]);
    let rest = next(&mut events, PRESENCE_QUEUED_MAX).await;
    assert_eq!(rest.last().map(String::as_str), Some("node withdrew it.place"), "the latest are there");
}

async fn a_listener_hears_no_more_when_its_node_has_ended(mesh: Mesh) {
    let observer = mesh.node("observer", Vec::new()).await;
    let mut events = observer.presence().await.unwrap();
    let mut also = observer.presence().await.unwrap();
    let _node = mesh.node("node", Vec::new()).await;
    assert_eq!(next(&mut also, 1).await, ["node joined"]);

    observer.stop().await.unwrap();

    assert_eq!(next(&mut events, 1).await, ["node joined"], "what it was told before is there");
    assert!(events.next().await.is_none() && also.next().await.is_none());
    assert!(!observer.is_connected(), "though a handle is left");
}

async fn a_node_can_be_waited_for(mesh: Mesh) {
    let caller = mesh.caller().await;
    let waiting = tokio::spawn(caller.wait_process("late").timeout(HOUR).into_future());
    mesh.until_stat(&caller, "waiters", 1).await;
    assert!(!waiting.is_finished());

    let _late = mesh.node("late", Vec::new()).await;

    waiting.await.unwrap().unwrap();
    caller.wait_process("late").await.unwrap();
    caller.wait_process("caller").await.unwrap();
    assert_eq!(mesh.stat("waiters"), 0);
}

async fn a_callback_can_be_waited_for(mesh: Mesh) {
    let caller = mesh.node("caller", callbacks![add]).await;
    let joined = tokio::spawn(caller.wait_callback("it.add").timeout(HOUR).into_future());
    let registered = tokio::spawn(caller.wait_callback("it.place").timeout(HOUR).into_future());
    mesh.until_stat(&caller, "waiters", 2).await;
    assert!(!joined.is_finished(), "its own does not count");

    let node = mesh.node("node", callbacks![add]).await;
    joined.await.unwrap().unwrap();
    node.register(callbacks![place].remove(0)).await.unwrap().keep();
    registered.await.unwrap().unwrap();

    assert_eq!(place::call(&caller).await.unwrap(), "node");
}

async fn nothing_is_left_of_a_wait_that_was_given_up(mesh: Mesh) {
    let caller = mesh.caller().await;
    let waiting = tokio::spawn(caller.wait_process("nobody").timeout(HOUR).into_future());
    mesh.until_stat(&caller, "waiters", 1).await;

    waiting.abort();

    mesh.until_stat_falls_to(&caller, "waiters", 0).await;
}

async fn nodes_and_what_they_offer_are_listed(mesh: Mesh) {
    let _n1 = mesh.node("n1", callbacks![add, place]).await;
    let _n2 = mesh.node("n2", callbacks![add]).await;
    let caller = mesh.caller().await;
    let hidden = mesh.connect("hidden", Vec::new()).hidden().await.unwrap();

    let nodes = caller.nodes().await.unwrap();
    let names: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.callbacks)).collect();
    assert_eq!(names, [("caller", 0), ("n1", 2), ("n2", 1)]);
    let callbacks = hidden.callbacks().await.unwrap();
    let offered = |name: &str| {
        let entry = callbacks.iter().find(|entry| entry.signature.name == name).unwrap();
        entry.nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>()
    };
    assert_eq!((offered("it.add"), offered("it.place")), (vec!["n1", "n2"], vec!["n1"]));
    let detail = caller.node("n2").await.unwrap().unwrap();
    assert_eq!(detail.callbacks[0].to_string(), "it.add(a: i64, b: i64) -> i64");
    assert_eq!(detail.callbacks[0].doc, "Adds two numbers.");
    assert!(caller.node("nobody").await.unwrap().is_none());
    assert!(caller.callbacks_like("it.pl*").await.unwrap().len() == 1);
}

async fn a_node_may_be_sent_away(mesh: Mesh) {
    let node = mesh.node("node", callbacks![place]).await;
    let caller = mesh.caller().await;

    assert!(caller.kick("node").await.unwrap());
    assert!(!caller.kick("node").await.unwrap());

    node.join().await.unwrap();
    assert!(!node.is_connected());
}

async fn nodes_can_be_pinged(mesh: Mesh) {
    let _node = mesh.node("node", Vec::new()).await;
    let caller = mesh.caller().await;

    caller.ping("node").await.unwrap();
    let error = failure(caller.ping("nobody").await);
    assert!(matches!(error, CallError::NoSuchNode { .. }), "{error:?}");
}

async fn hooks_run_when_the_link_comes_and_goes(mesh: Mesh) {
    let (_, probe) = fresh_probe();
    let (connected, disconnected) = (probe.clone(), probe.clone());
    let note = |what: &'static str, node: &Node| format!("{what} {}", node.name());
    let node = mesh
        .connect("node", callbacks![place])
        .on_connect(move |node| connected.note(note("in", node)))
        .on_connect(|_| panic!("a hook that panics does no harm"))
        .on_disconnect(move |node| disconnected.note(note("out", node)))
        .await
        .unwrap();
    probe.wait_for("in node").await;

    mesh.break_link("node");
    probe.wait_for_all("in node", 2).await;
    assert_eq!(probe.notes(), ["in node", "out node", "in node"]);
    node.stop().await.unwrap();
    probe.wait_for_all("out node", 2).await;
}

async fn a_node_whose_link_broke_returns_with_all_it_offers(mesh: Mesh) {
    let (name, probe) = fresh_probe();
    let callee = mesh.node("callee", callbacks![add, hold]).await;
    callee.register(callbacks![place].remove(0)).await.unwrap().keep();
    let caller = mesh.caller().await;
    let mut events = caller.presence().await.unwrap();
    let call = tokio::spawn(hold::call(&caller, name).timeout(HOUR).into_future());
    probe.wait_for("started").await;

    mesh.break_link("callee");

    assert!(matches!(failure(call.await.unwrap()), CallError::NodeLost { .. }));
    assert_eq!(
        next(&mut events, 5).await,
        [
            "callee left",
            "callee joined",
            "callee offers it.add",
            "callee offers it.hold",
            "callee offers it.place"
        ]
    );
    assert_eq!(place::call(&caller).await.unwrap(), "callee");
    probe.wait_for("ended").await;
}

async fn a_listener_whose_own_link_broke_is_told_so_and_goes_on(mesh: Mesh) {
    let observer = mesh.node("observer", Vec::new()).await;
    let mut events = observer.presence().await.unwrap();

    mesh.break_link("observer");
    assert_eq!(next(&mut events, 1).await, ["lagged"]);
    observer.stats().await.unwrap();
    let _node = mesh.node("node", Vec::new()).await;

    assert_eq!(next(&mut events, 1).await, ["node joined"]);
}

async fn a_node_that_does_not_answer_is_suspect_until_it_does(mesh: Mesh) {
    let _frozen = mesh.node("frozen", callbacks![place]).await;
    let caller = mesh.caller().await;
    let mut events = caller.presence().await.unwrap();

    mesh.memory().freeze("frozen");
    assert_eq!(next(&mut events, 1).await, ["frozen is suspect"]);
    assert_eq!(mesh.stat("nodes_suspect"), 1);
    let _other = mesh.node("other", callbacks![place]).await;
    for _ in 0..20 {
        assert_eq!(place::call(&caller).await.unwrap(), "other");
    }

    mesh.memory().heal("frozen");
    assert_eq!(next(&mut events, 3).await, ["other joined", "other offers it.place", "frozen answers"]);
    assert_eq!(mesh.stat("nodes_suspect"), 0);
    while place::call(&caller).await.unwrap() == "other" {}
}

async fn a_wait_ends_when_its_time_is_up(mesh: Mesh) {
    let caller = mesh.caller().await;
    let (_, clock) = fresh_probe();

    let error = failure(caller.wait_process("nobody").timeout(HOUR).await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Waiting, after: HOUR, .. }), "{error:?}");
    assert_eq!(clock.seconds(), HOUR.as_secs());
    let error = failure(caller.wait_callback("it.nothing").await);
    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
    assert_eq!(clock.seconds(), (HOUR + WAIT_TIMEOUT).as_secs());
}

on_each_transport!(
    changes_are_told_in_their_order,
    a_name_is_free_as_soon_as_its_node_has_stopped,
    only_who_asks_is_told,
    a_listener_that_is_too_slow_is_told_so,
    a_listener_hears_no_more_when_its_node_has_ended,
    a_node_can_be_waited_for,
    a_callback_can_be_waited_for,
    nothing_is_left_of_a_wait_that_was_given_up,
    nodes_and_what_they_offer_are_listed,
    a_node_may_be_sent_away,
    nodes_can_be_pinged,
);

in_virtual_time!(
    hooks_run_when_the_link_comes_and_goes,
    a_node_whose_link_broke_returns_with_all_it_offers,
    a_listener_whose_own_link_broke_is_told_so_and_goes_on,
    a_node_that_does_not_answer_is_suspect_until_it_does,
    a_wait_ends_when_its_time_is_up,
);
