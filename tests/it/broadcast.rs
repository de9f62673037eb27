//! Calls to every node that offers the name.

use std::collections::BTreeMap;
use std::time::Duration;

use daffi::modifiers::BROADCAST;
use daffi::{CallError, Callback, Context, Node, Ran, Stage, callback, callbacks};
use futures::StreamExt;
use futures::future::try_join_all;

use crate::offers::{add, hold_at, hold_here, place};
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, on_each_transport, probe};

/// Fails on nodes whose name begins with `bad`, panics on those with `mad`.
#[callback(name = "it.moody")]
async fn moody(ctx: &Context) -> Result<String, String> {
    match ctx.node_name().as_str() {
        name if name.starts_with("bad") => Err(format!("{name} is bad")),
        name if name.starts_with("mad") => panic!("{name} is mad"),
        name => Ok(name.to_owned()),
    }
}

/// Gives back a number, and the node.
#[callback(name = "it.answer_with")]
async fn answer_with(ctx: &Context, number: u64) -> (String, u64) {
    (ctx.node_name().to_string(), number)
}

async fn nodes<const COUNT: usize>(
    mesh: &Mesh,
    names: [&str; COUNT],
    callbacks: fn() -> Vec<Callback>,
) -> Vec<Node> {
    let mut nodes = Vec::new();
    for name in names {
        nodes.push(mesh.node(name, callbacks()).await);
    }
    nodes
}

async fn every_other_node_answers_by_its_name(mesh: Mesh) {
    let nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![place]).await;
    let caller = mesh.caller().await;

    let replies = place::call(&caller).broadcast().await.unwrap();
    assert_eq!(replies.len(), 3);
    for (name, reply) in &replies {
        assert_eq!(reply.as_deref(), Ok(name.as_str()));
    }

    let replies = place::call(&nodes[0]).broadcast().await.unwrap();
    assert_eq!(replies.len(), 2, "the sender is left out");
    assert!(replies.get("n1").is_none());

    let replies = place::call(&nodes[0]).broadcast().include_self().await.unwrap();
    assert_eq!(replies.len(), 3, "unless it asks to be among them");
}

async fn each_node_has_its_own_outcome(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["bad", "good", "mad", "well"], || callbacks![moody]).await;
    let caller = mesh.caller().await;

    let replies = moody::call(&caller).broadcast().await.unwrap();

    assert_eq!(replies.len(), 4);
    assert_eq!(replies.get("good"), Some(&Ok("good".to_owned())));
    assert_eq!(replies.get("well"), Some(&Ok("well".to_owned())));
    let Some(Err(CallError::Remote { node, message, .. })) = replies.get("bad") else {
        panic!("{replies:?}")
    };
    assert_eq!((node.as_str(), message.as_str()), ("bad", "bad is bad"));
    assert!(matches!(replies.get("mad"), Some(Err(CallError::Panicked { node, .. })) if node == "mad"));
    assert!(matches!(failure(replies.all_ok()), CallError::TooFew { wanted: 4, got: 2, .. }));
}

async fn a_node_that_leaves_costs_its_own_outcome_only(mesh: Mesh) {
    let mut nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![hold_at]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let broadcast = tokio::spawn(hold_at::call(&caller, name).broadcast().timeout(HOUR).into_future());
    probe.wait_for_notes(3).await;

    drop(nodes.remove(1));
    mesh.until_stat(&caller, "calls_lost", 1).await;
    probe.open();

    let replies = broadcast.await.unwrap().unwrap();
    assert_eq!(replies.len(), 3);
    assert_eq!(replies.get("n1"), Some(&Ok("n1".to_owned())));
    assert_eq!(replies.get("n3"), Some(&Ok("n3".to_owned())));
    let Some(Err(CallError::NodeLost { node, ran })) = replies.get("n2") else { panic!("{replies:?}") };
    assert_eq!((node.as_str(), *ran), ("n2", Ran::Maybe));
}

async fn a_node_that_joins_later_is_not_asked(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["n1", "n2"], || callbacks![hold_at]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let broadcast = tokio::spawn(hold_at::call(&caller, name).broadcast().timeout(HOUR).into_future());
    probe.wait_for_notes(2).await;

    let _late = mesh.node("late", callbacks![hold_at]).await;
    probe.open();

    let replies = broadcast.await.unwrap().unwrap();
    assert_eq!(replies.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
}

async fn results_that_came_in_time_are_kept_when_the_time_is_up(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![hold_here]).await;
    let caller = mesh.caller().await;
    let (name, _) = fresh_probe();
    let timeout = Duration::from_millis(500);
    for quick in ["n1", "n3"] {
        probe(&format!("{name}@{quick}")).open();
    }

    let replies = hold_here::call(&caller, name).broadcast().timeout(timeout).await.unwrap();

    assert_eq!(replies.get("n1"), Some(&Ok("n1".to_owned())));
    assert_eq!(replies.get("n3"), Some(&Ok("n3".to_owned())));
    let Some(Err(CallError::TimedOut { stage, node, after })) = replies.get("n2") else {
        panic!("{replies:?}")
    };
    assert_eq!((*stage, *after), (Stage::Running, timeout));
    assert_eq!(node.as_ref().map(|node| node.as_str()), Some("n2"));
    mesh.until_stat_falls_to(&caller, "calls_serving", 0).await;
}

async fn outcomes_may_be_had_as_they_come(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![hold_here]).await;
    let caller = mesh.caller().await;
    let (name, _) = fresh_probe();
    let mut stream = hold_here::call(&caller, name.clone()).broadcast().timeout(HOUR).stream();

    for next in ["n2", "n3", "n1"] {
        probe(&format!("{name}@{next}")).open();
        let (node, reply) = stream.next().await.unwrap();
        assert_eq!((node.as_str(), reply.unwrap().as_str()), (next, next));
    }

    assert!(StreamExt::next(&mut stream).await.is_none());
}

async fn dropping_the_stream_cancels_the_others(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![hold_here]).await;
    let caller = mesh.caller().await;
    let (name, held) = fresh_probe();
    let mut stream = hold_here::call(&caller, name.clone()).broadcast().timeout(HOUR).stream();
    probe(&format!("{name}@n2")).open();
    assert_eq!(stream.next().await.unwrap().0, "n2");
    held.wait_for_notes(3).await;

    drop(stream);

    mesh.until_stat_falls_to(&caller, "calls_serving", 0).await;
    // The question itself is in flight, too.
    mesh.until_stat_falls_to(&caller, "calls_in_flight", 1).await;
}

async fn a_broadcast_may_ask_for_so_many_values_at_least(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["bad", "good", "well"], || callbacks![moody]).await;
    let caller = mesh.caller().await;

    let replies = moody::call(&caller).broadcast().at_least(2).await.unwrap();
    assert_eq!(replies.len(), 3);

    let error = failure(moody::call(&caller).broadcast().at_least(3).await);
    let CallError::TooFew { wanted: 3, got: 2, failures } = &error else { panic!("{error:?}") };
    assert_eq!((failures.len(), failures[0].0.as_str()), (1, "bad"));
    assert!(error.to_string().contains("bad is bad"), "{error}");
}

async fn a_broadcast_may_end_with_the_first_values(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![hold_here]).await;
    let caller = mesh.caller().await;
    let (name, _) = fresh_probe();
    for quick in ["n1", "n3"] {
        probe(&format!("{name}@{quick}")).open();
    }

    let replies = hold_here::call(&caller, name).broadcast().first(2).timeout(HOUR).await.unwrap();

    assert_eq!(replies.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["n1", "n3"]);
    mesh.until_stat_falls_to(&caller, "calls_serving", 0).await;
}

async fn the_others_are_cancelled_when_the_last_wanted_value_is_taken_from_a_stream(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![hold_here]).await;
    let caller = mesh.caller().await;
    let (name, _) = fresh_probe();
    probe(&format!("{name}@n2")).open();
    let mut replies = hold_here::call(&caller, name).broadcast().first(1).timeout(HOUR).stream();

    let (node, value) = replies.next().await.unwrap();

    assert_eq!(node, "n2");
    value.unwrap();
    mesh.until_stat_falls_to(&caller, "calls_serving", 0).await;
    assert!(replies.next().await.is_none());
    assert!(replies.next().await.is_none());
}

async fn a_broadcast_without_return_runs_everywhere(mesh: Mesh) {
    let nodes = nodes(&mesh, ["n1", "n2", "n3"], || callbacks![hold_at]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();

    hold_at::call(&caller, name.clone()).broadcast().no_return().await.unwrap();
    probe.wait_for_notes(3).await;
    caller.tell("it.hold_at", (&name,)).broadcast().no_return().await.unwrap();
    probe.wait_for_notes(6).await;
    hold_at::call(&nodes[0], name).broadcast().no_return().await.unwrap();
    probe.wait_for_notes(8).await;

    assert_eq!(["n1", "n2", "n3"].map(|name| probe.count(name)), [2, 3, 3]);
    probe.open();
    mesh.until_stat_falls_to(&caller, "one_way_outstanding", 0).await;
}

async fn a_broadcast_that_nobody_takes_is_refused(mesh: Mesh) {
    let caller = mesh.node("caller", callbacks![place]).await;

    let error = failure(place::call(&caller).broadcast().await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "its own does not count: {error:?}");
    let error = failure(caller.call::<()>("it.plac", ()).broadcast().await);
    let CallError::NoSuchCallback { similar, .. } = &error else { panic!("{error:?}") };
    assert_eq!(similar, &["it.place"]);
    let error = failure(caller.call::<()>("it.plac", ()).broadcast().no_return().await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");

    let mut stream = caller.call::<()>("it.plac", ()).broadcast().stream();
    let (_, outcome) = stream.next().await.unwrap();
    assert!(matches!(outcome, Err(CallError::NoSuchCallback { .. })), "{outcome:?}");
    assert!(stream.next().await.is_none());
}

async fn five_hundred_callers_may_broadcast_to_nine_nodes_at_once(mesh: Mesh) {
    let names = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"];
    let _nodes = nodes(&mesh, names, || callbacks![answer_with]).await;
    let caller = mesh.caller().await;

    let broadcasts = (0..500).map(|number| {
        let caller = caller.clone();
        tokio::spawn(async move {
            let replies = answer_with::call(&caller, number).broadcast().await.unwrap();
            replies.all_ok().unwrap()
        })
    });
    let outcomes: Vec<BTreeMap<_, (String, u64)>> = try_join_all(broadcasts).await.unwrap();

    for (number, replies) in (0..).zip(outcomes) {
        assert_eq!(replies.keys().map(|name| name.as_str()).collect::<Vec<_>>(), names);
        assert!(replies.iter().all(|(name, reply)| *reply == (name.to_string(), number)), "{replies:?}");
    }
}

async fn the_broadcast_mode_may_be_spelt_with_an_ampersand(mesh: Mesh) {
    let _nodes = nodes(&mesh, ["n1", "n2"], || callbacks![add]).await;
    let caller = mesh.caller().await;

    let replies = (caller.call::<i64>("it.add", (1, 2)) & BROADCAST.timeout(HOUR)).await.unwrap();

    assert_eq!(replies.all_ok().unwrap().into_values().collect::<Vec<_>>(), [3, 3]);
}

async fn an_eta_holds_a_broadcast_back(mesh: Mesh) {
    let _n1 = mesh.node("n1", callbacks![place]).await;
    let caller = mesh.caller().await;
    let (_, clock) = fresh_probe();
    let broadcast = tokio::spawn(place::call(&caller).broadcast().eta(HOUR).into_future());
    tokio::time::sleep(HOUR / 2).await;

    // It goes to those who are there when it begins.
    let _n2 = mesh.node("n2", callbacks![place]).await;

    assert_eq!(broadcast.await.unwrap().unwrap().all_ok().unwrap().len(), 2);
    assert_eq!(clock.seconds(), HOUR.as_secs());
}

on_each_transport!(
    every_other_node_answers_by_its_name,
    each_node_has_its_own_outcome,
    a_node_that_leaves_costs_its_own_outcome_only,
    a_node_that_joins_later_is_not_asked,
    results_that_came_in_time_are_kept_when_the_time_is_up,
    outcomes_may_be_had_as_they_come,
    dropping_the_stream_cancels_the_others,
    a_broadcast_may_ask_for_so_many_values_at_least,
    a_broadcast_may_end_with_the_first_values,
    the_others_are_cancelled_when_the_last_wanted_value_is_taken_from_a_stream,
    a_broadcast_without_return_runs_everywhere,
    a_broadcast_that_nobody_takes_is_refused,
    five_hundred_callers_may_broadcast_to_nine_nodes_at_once,
    the_broadcast_mode_may_be_spelt_with_an_ampersand,
);

in_virtual_time!(an_eta_holds_a_broadcast_back);
