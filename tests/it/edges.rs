//! Values at the edge of what can be said: they work, or are refused, and harm nobody else.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::{CallError, Ran, Stage, callback, callbacks};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::offers::{add, echo, hold, place};
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, on_each_transport};

/// A value that nests as deep as asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Nested(Vec<Self>);

impl Nested {
    fn deep(depth: u32) -> Self {
        (0..depth).fold(Self(Vec::new()), |inner, _| Self(vec![inner]))
    }
}

/// Returns a value that nests this deep.
#[callback(name = "it.nest")]
async fn nest(depth: u32) -> Nested {
    Nested::deep(depth)
}

/// Takes a value, however deep.
#[callback(name = "it.unnest")]
async fn unnest(value: Nested) -> u64 {
    value.0.len() as u64
}

async fn the_longest_timeout_is_as_good_as_none(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add]).await;
    let caller = mesh.caller().await;
    let forever = Duration::MAX;

    assert_eq!(add::call(&caller, 1, 2).timeout(forever).await.unwrap(), 3);
    assert_eq!(add::call(&caller, 1, 2).timeout(forever).bg().get_timeout(forever).await.unwrap(), 3);
    assert_eq!(add::call(&caller, 1, 2).timeout(forever).broadcast().await.unwrap().len(), 1);
    caller.tell("it.add", (1, 2)).timeout(forever).no_return().await.unwrap();
    caller.wait_callback("it.add").timeout(forever).await.unwrap();
    let schedule = add::call(&caller, 1, 2).timeout(forever).every(forever).await.unwrap();
    assert!(schedule.cancel().await.unwrap().is_some());

    let mut job = add::call(&caller, 1, 2).timeout(forever).eta(forever).bg();
    job.id().await.unwrap();
    job.cancel().await.unwrap();
    mesh.until_stat_falls_to(&caller, "calls_delayed", 0).await;
}

async fn a_call_without_time_ends_at_once(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, _) = fresh_probe();

    let error = failure(hold::call(&caller, name).timeout(Duration::ZERO).await);

    assert!(matches!(error, CallError::TimedOut { after: Duration::ZERO, .. }), "{error:?}");
}

async fn what_steers_a_call_may_not_be_longer_than_a_frame_takes(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![add, hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let running = hold::call(&caller, name).bg();
    probe.wait_for("started").await;
    let long = "k".repeat(100_000);

    let refused = [
        failure(add::call(&caller, 1, 2).key(&long).await),
        failure(add::call(&caller, 1, 2).on(&long).await),
        failure(caller.call::<i64>(&long, (1, 2)).await),
        failure(add::call(&caller, 1, 2).key(&long).no_return().await),
        failure(add::call(&caller, 1, 2).key(&long).bg().await),
    ];

    for error in refused {
        assert_eq!(error.ran(), Ran::No, "{error:?}");
    }
    assert_eq!(add::call(&caller, 1, 2).key("k".repeat(1000)).await.unwrap(), 3);
    probe.open();
    assert_eq!(running.await.unwrap(), 7, "the link is as it was");
    assert_eq!(caller.own_stats()["links"], 1);
}

async fn a_value_that_nests_too_deep_is_refused_and_ends_nothing(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![nest, unnest]).await;
    let caller = mesh.caller().await;

    nest::call(&caller, 20).await.unwrap();
    assert_eq!(unnest::call(&caller, Nested::deep(20)).await.unwrap(), 1);
    let error = failure(nest::call(&caller, 1000).await);
    assert!(matches!(error, CallError::BadReply { .. }), "{error:?}");
    let error = failure(unnest::call(&caller, Nested::deep(1000)).await);
    assert_eq!(error.ran(), Ran::No, "{error:?}");

    assert_eq!(unnest::call(&caller, Nested::deep(20)).await.unwrap(), 1);
}

async fn texts_of_any_kind_arrive_as_they_were(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![echo]).await;
    let caller = mesh.caller().await;

    for text in ["", "\0", "\u{feff}\u{202e}", "a\nb\r\t", "🦀🦀", &"x".repeat(1 << 20)] {
        assert_eq!(echo::call(&caller, text.to_owned()).await.unwrap(), text);
    }
    for name in ["", " ", "a b", "daffi.nothing", "\0", &"x".repeat(1 << 20)] {
        let error = failure(caller.call::<()>(name, ()).await);
        assert!(matches!(error, CallError::NoSuchCallback { .. }), "{name:.20}: {error:?}");
    }
}

async fn a_hidden_node_is_not_heard_of(mesh: Mesh) {
    let observer = mesh.node("observer", Vec::new()).await;
    let mut events = observer.presence().await.unwrap();

    let hidden = mesh.connect("hidden", callbacks![add]).hidden().await.unwrap();
    hidden.register(callbacks![place].remove(0)).await.unwrap().keep();
    hidden.unregister("it.place").await.unwrap();
    assert_eq!(add::call(&observer, 1, 2).await.unwrap(), 3, "though it serves");
    hidden.stop().await.unwrap();
    mesh.until_stat_falls_to(&observer, "nodes", 1).await;
    let _seen = mesh.node("seen", Vec::new()).await;

    let first = events.next().await.unwrap();
    assert!(matches!(&first, daffi::Presence::Joined { node } if node == "seen"), "{first:?}");
}

async fn a_stopped_node_refuses_calls_and_fails_those_under_way(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold, add]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = hold::call(&caller, name).bg();
    probe.wait_for("started").await;

    caller.stop().await.unwrap();
    caller.stop().await.unwrap();

    let error = failure(job.wait().await);
    assert!(matches!(error, CallError::Disconnected { ran: Ran::Maybe }), "{error:?}");
    let error = failure(add::call(&caller, 1, 2).timeout(HOUR).await);
    assert!(matches!(error, CallError::Disconnected { ran: Ran::No }), "{error:?}");
    assert_eq!(failure(caller.tell("it.add", (1, 2)).no_return().await).ran(), Ran::No);
    assert_eq!(failure(add::call(&caller, 1, 2).broadcast().await).ran(), Ran::No);
    assert_eq!(failure(add::call(&caller, 1, 2).submit().await).ran(), Ran::No);
    failure(caller.nodes().await);
}

async fn a_job_outlives_its_callers_link(mesh: Mesh) {
    let _callee = mesh.node("callee", callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let mut job = hold::call(&caller, name).bg();
    let id = job.id().await.unwrap();
    probe.wait_for("started").await;

    mesh.break_link("caller");
    let other = mesh.node("other", Vec::new()).await;
    mesh.until_stat(&other, "sessions_ended", 1).await;
    other.wait_process("caller").await.unwrap();
    assert!(!job.is_done());
    let mut again = caller.job::<u64>(id);
    probe.open();

    assert_eq!((job.wait().await.unwrap(), again.wait().await.unwrap()), (7, 7));
}

async fn a_call_made_without_a_link_waits_for_it_until_its_time_is_up(mut mesh: Mesh) {
    let caller = mesh.connect("caller", Vec::new()).outlive_controller().await.unwrap();
    mesh.take_controller().drain(HOUR).await;
    let (_, clock) = fresh_probe();

    let error = failure(caller.call::<i64>("it.add", (1, 2)).timeout(Duration::from_secs(9)).await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Connecting, .. }), "{error:?}");
    assert_eq!((error.ran(), clock.seconds()), (Ran::No, 9));

    let job = tokio::spawn(add::call(&caller, 1, 2).timeout(HOUR).bg().into_future());
    let told = tokio::spawn(caller.tell("it.add", (1, 2)).no_return());
    mesh.start_controller().await;
    let error = failure(job.await.unwrap());
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "it was sent: {error:?}");
    assert!(matches!(failure(told.await.unwrap()), CallError::NoSuchCallback { .. }));
}

on_each_transport!(
    the_longest_timeout_is_as_good_as_none,
    a_call_without_time_ends_at_once,
    what_steers_a_call_may_not_be_longer_than_a_frame_takes,
    a_value_that_nests_too_deep_is_refused_and_ends_nothing,
    texts_of_any_kind_arrive_as_they_were,
    a_hidden_node_is_not_heard_of,
    a_stopped_node_refuses_calls_and_fails_those_under_way,
);

in_virtual_time!(
    a_job_outlives_its_callers_link,
    a_call_made_without_a_link_waits_for_it_until_its_time_is_up,
);
