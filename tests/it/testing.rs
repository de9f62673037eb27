//! The mesh that users test with: what it does to links and nodes, and that time is theirs.

use std::future::IntoFuture;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use daffi::config::GRACE;
use daffi::{CallError, Node, Ran, Stage, callback, callbacks};
use daffi_core::testing::{Faults, Mesh};
use futures::FutureExt;
use tokio::time::Instant;

use crate::offers::{add, hold, place};
use crate::support::{HOUR, failure, fresh_probe, guarded, guarded_for, probe, wait};

const SECOND: Duration = Duration::from_secs(1);

/// A mesh with a callee and a caller.
async fn pair() -> (Mesh, Node, Node) {
    let mesh = Mesh::new().await.unwrap();
    let (callee, caller) = (callee(&mesh).await, caller(&mesh).await);
    (mesh, callee, caller)
}

async fn callee(mesh: &Mesh) -> Node {
    mesh.node("callee").registry(callbacks![add, hold, place]).await.unwrap()
}

async fn caller(mesh: &Mesh) -> Node {
    mesh.node("caller").registry(callbacks![]).await.unwrap()
}

/// What a panic said.
async fn panic_of(test: impl Future<Output = ()>) -> String {
    let panic = AssertUnwindSafe(test).catch_unwind().await.unwrap_err();
    *panic.downcast::<String>().unwrap()
}

/// Makes of each function a test in virtual time and one on several threads, where time is real.
macro_rules! in_any_time {
    ($($name:ident),+ $(,)?) => {
        mod in_virtual_time {
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                super::guarded_for(24 * super::HOUR, super::$name()).await;
            })+
        }

        mod in_real_time {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::guarded(super::$name()).await;
            })+
        }
    };
}

async fn a_call_goes_on_when_its_link_is_healed_within_the_grace() {
    let (mesh, callee, caller) = pair().await;
    let (name, probe) = fresh_probe();
    let mut job = hold::call(&caller, name).bg();
    probe.wait_for("started").await;

    mesh.cut("callee");
    mesh.cut("caller");
    assert!(!mesh.is_connected("callee"));
    mesh.heal("callee");
    mesh.heal("caller");
    probe.open();

    assert_eq!(job.wait().await.unwrap(), 7);
    mesh.connected("callee").await.unwrap();
    assert_eq!((callee.own_stats()["links_resumed"], caller.own_stats()["links_resumed"]), (1, 1));
}

async fn a_killed_node_is_lost_at_once_and_can_be_started_again() {
    let (mesh, callee, caller) = pair().await;
    let (name, probe) = fresh_probe();
    let call = tokio::spawn(hold::call(&caller, name).timeout(HOUR).into_future());
    probe.wait_for("started").await;

    mesh.kill("callee");

    let error = failure(call.await.unwrap());
    assert!(matches!(&error, CallError::NodeLost { node, .. } if node == "callee"), "{error:?}");
    assert_eq!(error.ran(), Ran::Maybe);
    probe.wait_for("ended").await;
    assert_eq!(probe.notes(), ["started", "ended"], "it does not finish");
    let error = failure(add::call(&callee, 1, 2).timeout(HOUR).await);
    assert!(matches!(error, CallError::Disconnected { ran: Ran::No }), "{error:?}");
    assert!(!mesh.is_connected("callee"));
    callee.join().await.unwrap();
    mesh.kill("callee");

    let _again = self::callee(&mesh).await;
    assert_eq!(place::call(&caller).await.unwrap(), "callee");
    assert_eq!(mesh.controller().stats()["nodes"], 2);
}

async fn a_node_is_killed_while_its_link_is_cut() {
    let (mesh, _callee, caller) = pair().await;
    mesh.cut("callee");

    mesh.kill("callee");

    let error = failure(add::call(&caller, 1, 2).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    mesh.heal("callee");
    let _again = callee(&mesh).await;
    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
}

async fn nodes_come_back_to_a_controller_that_was_killed() {
    let mut mesh = Mesh::new().await.unwrap();
    let (_callee, caller) = (callee(&mesh).await, caller(&mesh).await);

    mesh.kill_controller().await;
    assert!(!mesh.is_connected("callee"));
    mesh.start_controller().await.unwrap();
    mesh.connected("callee").await.unwrap();
    mesh.connected("caller").await.unwrap();

    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
    assert_eq!(mesh.controller().stats()["sessions_resumed"], 0, "it knows nothing of the one before");
}

async fn a_node_that_connects_by_itself_is_one_of_the_mesh_when_it_is_adopted() {
    let mesh = Mesh::new().await.unwrap();
    let caller = caller(&mesh).await;
    let node = daffi::connect(&mesh.url("own")).name("its-name").registry(callbacks![place]).await.unwrap();
    let message = panic_of(async { mesh.kill("own") }).await;
    assert!(message.contains("`adopt` it"), "{message}");
    mesh.connected("own").await.unwrap();
    mesh.cut("own");
    assert!(!mesh.is_connected("own"));
    mesh.heal("own");
    mesh.connected("own").await.unwrap();

    mesh.adopt(&node);
    mesh.connected("own").await.unwrap();
    mesh.heal("own");
    assert_eq!(place::call(&caller).await.unwrap(), "its-name");
    mesh.kill("own");

    let error = failure(place::call(&caller).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
}

async fn a_link_within_one_machine_ends_its_session_when_it_is_cut() {
    let mesh = Mesh::new().local().await.unwrap();
    let (callee, caller) = (callee(&mesh).await, caller(&mesh).await);
    let (name, probe) = fresh_probe();
    let call = tokio::spawn(hold::call(&caller, name).timeout(HOUR).into_future());
    probe.wait_for("started").await;

    mesh.cut("callee");

    assert!(matches!(failure(call.await.unwrap()), CallError::NodeLost { .. }));
    mesh.heal("callee");
    caller.wait_callback("it.add").await.unwrap();
    assert_eq!((callee.own_stats()["links"], callee.own_stats()["links_resumed"]), (2, 0));
}

async fn a_name_that_the_mesh_has_not_is_a_panic() {
    let mesh = Mesh::new().await.unwrap();
    drop(mesh.node("anna"));
    mesh.cut("anna");

    let message = panic_of(async { mesh.cut("ana") }).await;

    assert!(message.contains("no node `ana`") && message.contains("anna"), "{message}");
    let other = Mesh::new().await.unwrap();
    let node = caller(&other).await;
    let message = panic_of(async { mesh.adopt(&node) }).await;
    assert!(message.contains("no address of this mesh"), "{message}");
}

async fn a_mesh_that_is_dropped_ends_its_nodes() {
    for is_frozen in [false, true] {
        let (mesh, callee, caller) = pair().await;
        let own = daffi::connect(&mesh.url("own")).registry(callbacks![]).await.unwrap();
        mesh.adopt(&own);
        let (name, probe) = fresh_probe();
        let call = tokio::spawn(hold::call(&caller, name).timeout(HOUR).into_future());
        probe.wait_for("started").await;
        if is_frozen {
            mesh.freeze("caller");
        }

        drop(mesh);

        assert_eq!(failure(call.await.unwrap()).ran(), Ran::Maybe);
        probe.wait_for("ended").await;
        for node in [callee, caller, own] {
            node.join().await.unwrap();
            assert_eq!(failure(add::call(&node, 1, 2).await).ran(), Ran::No);
        }
    }
}

async fn meshes_side_by_side_do_not_meet() {
    let (mesh, _callee, caller) = pair().await;
    let (other, _other_callee, other_caller) = pair().await;

    mesh.cut("callee");
    mesh.kill("callee");

    assert!(matches!(failure(add::call(&caller, 1, 2).await), CallError::NoSuchCallback { .. }));
    assert_eq!(add::call(&other_caller, 1, 2).await.unwrap(), 3);
    assert!(other.is_connected("callee"));
    drop(mesh);
    assert_eq!(add::call(&other_caller, 1, 2).await.unwrap(), 3);
}

in_any_time!(
    a_mesh_that_is_dropped_ends_its_nodes,
    meshes_side_by_side_do_not_meet,
    a_call_goes_on_when_its_link_is_healed_within_the_grace,
    a_killed_node_is_lost_at_once_and_can_be_started_again,
    a_node_is_killed_while_its_link_is_cut,
    nodes_come_back_to_a_controller_that_was_killed,
    a_node_that_connects_by_itself_is_one_of_the_mesh_when_it_is_adopted,
    a_link_within_one_machine_ends_its_session_when_it_is_cut,
    a_name_that_the_mesh_has_not_is_a_panic,
);

#[tokio::test(start_paused = true)]
async fn a_node_that_is_cut_off_for_longer_than_the_grace_has_left() {
    let mesh = Mesh::new().grace(SECOND).await.unwrap();
    let (_callee, caller) = (callee(&mesh).await, caller(&mesh).await);
    assert!(SECOND < GRACE);

    mesh.cut("callee");
    mesh.settled().await;
    assert_eq!(mesh.controller().stats()["sessions_away"], 1);
    mesh.advance(SECOND).await;

    assert_eq!(mesh.controller().stats()["sessions"], 1);
    let error = failure(add::call(&caller, 1, 2).await);
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    mesh.heal("callee");
    mesh.connected("callee").await.unwrap();
    assert_eq!(add::call(&caller, 1, 2).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_node_answers_once_it_is_healed() {
    let (mesh, _callee, caller) = pair().await;
    mesh.freeze("callee");

    let error = failure(add::call(&caller, 1, 2).timeout(SECOND).await);
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Running, .. }), "{error:?}");
    mesh.advance(2 * SECOND).await;
    assert_eq!(mesh.controller().stats()["nodes_suspect"], 1);
    let call = tokio::spawn(add::call(&caller, 1, 2).into_future());
    mesh.settled().await;
    assert!(!call.is_finished());
    mesh.heal("callee");

    assert_eq!(call.await.unwrap().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_connects_while_its_link_is_frozen_waits_for_it() {
    let mesh = Mesh::new().await.unwrap();
    let connect = mesh.node("late").registry(callbacks![add]);
    mesh.freeze("late");
    let connecting = tokio::spawn(connect.into_future());
    mesh.settled().await;
    assert!(!connecting.is_finished());

    mesh.kill("late");
    mesh.heal("late");

    connecting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delayed_link_takes_its_time_each_way_and_none_once_it_is_healed() {
    let (mesh, _callee, caller) = pair().await;
    add::call(&caller, 1, 2).await.unwrap();
    mesh.delay("callee", SECOND);
    mesh.delay("caller", 2 * SECOND);

    let begun = Instant::now();
    add::call(&caller, 1, 2).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 6);

    mesh.heal("callee");
    mesh.heal("caller");
    // What is under way is not overtaken.
    mesh.advance(2 * SECOND).await;
    let begun = Instant::now();
    add::call(&caller, 1, 2).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_node_takes_four_ways_to_connect() {
    let mesh = Mesh::new().await.unwrap();
    let connect = mesh.node("late").registry(callbacks![]);
    mesh.delay("late", SECOND);
    let begun = Instant::now();

    let node = connect.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 4);

    mesh.cut("late");
    mesh.kill("late");
    node.join().await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 4);
}

/// A plain function that returns when its probe is opened.
#[callback(name = "testing.hold_thread")]
fn hold_thread(name: String) {
    let probe = probe(&name);
    probe.note("started");
    wait(probe.opened());
}

#[tokio::test(start_paused = true)]
async fn a_plain_callback_holds_virtual_time_while_it_runs() {
    let mesh = Mesh::new().await.unwrap();
    let _callee = mesh.node("callee").registry(callbacks![hold_thread]).await.unwrap();
    let caller = caller(&mesh).await;
    let (name, probe) = fresh_probe();
    let opening = std::thread::spawn(move || {
        wait(probe.wait_for("started"));
        probe.open();
    });
    let begun = Instant::now();

    hold_thread::call(&caller, name).timeout(SECOND).await.unwrap();

    assert_eq!(begun.elapsed(), Duration::ZERO);
    opening.join().unwrap();
}

/// How long calls over a link that trembles took, and which of three nodes ran each.
async fn chances(seed: u64) -> Vec<(Duration, String)> {
    let mesh = Mesh::new().seed(seed).await.unwrap();
    assert_eq!(mesh.seed(), seed);
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        nodes.push(mesh.node(name).registry(callbacks![place]).await.unwrap());
    }
    let caller = caller(&mesh).await;
    mesh.jitter("caller", Duration::ZERO..=SECOND);
    let mut outcomes = Vec::new();
    for _ in 0..30 {
        let begun = Instant::now();
        let place = place::call(&caller).await.unwrap();
        outcomes.push((begun.elapsed(), place));
    }
    outcomes
}

#[tokio::test(start_paused = true)]
async fn what_is_left_to_chance_comes_from_the_seed() {
    let first = chances(7).await;

    assert_eq!(first, chances(7).await);
    assert_ne!(first, chances(8).await);
}

#[tokio::test(start_paused = true)]
async fn links_that_break_by_chance_are_gone_on_with() {
    let mesh = Mesh::new().await.unwrap();
    let mut faults = Faults::seeded(mesh.seed());
    faults.cut_after_bytes = Some(1_000..=2_000);
    mesh.inject(faults);
    let (_callee, caller) = (callee(&mesh).await, caller(&mesh).await);

    for number in 0..400 {
        assert_eq!(add::call(&caller, number, 2).await.unwrap(), number + 2);
    }

    // A call takes more than 50 bytes each way, so that whatever the seed says no link carries more than 40.
    assert!(mesh.controller().stats()["sessions_resumed"] > 5);
    mesh.delay("caller", SECOND);
    let begun = Instant::now();
    add::call(&caller, 1, 2).await.unwrap();
    assert!(begun.elapsed() >= 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn time_passes_step_by_step() {
    let mesh = Mesh::new().await.unwrap();
    let begun = Instant::now();
    let ticks = tokio::spawn(async move {
        let mut ticks = Vec::new();
        for _ in 0..3 {
            tokio::time::sleep(60 * SECOND).await;
            ticks.push(begun.elapsed().as_secs());
        }
        ticks
    });

    mesh.advance(180 * SECOND).await;

    assert!(ticks.is_finished());
    assert_eq!(ticks.await.unwrap(), [60, 120, 180]);
    assert_eq!(begun.elapsed().as_secs(), 180);
}

#[tokio::test]
async fn what_needs_virtual_time_says_so_where_it_is_real() {
    let mesh = Mesh::new().await.unwrap();

    for message in [panic_of(mesh.settled()).await, panic_of(mesh.advance(SECOND)).await] {
        assert!(message.contains("start_paused = true"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_drained_ends_its_nodes_and_another_may_follow() {
    let mut mesh = Mesh::new().await.unwrap();
    let node = caller(&mesh).await;
    assert!(mesh.start_controller().await.is_err(), "there is one");

    mesh.take_controller().drain(SECOND).await;
    node.join().await.unwrap();
    mesh.start_controller().await.unwrap();

    let _again = caller(&mesh).await;
    assert_eq!(mesh.controller().stats()["nodes"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_come_back_is_not_waited_for_without_end() {
    let (mesh, _callee, _caller) = pair().await;
    mesh.cut("callee");
    let begun = Instant::now();

    let error = failure(mesh.connected("callee").await);

    assert!(matches!(error, CallError::TimedOut { stage: Stage::Connecting, .. }), "{error:?}");
    assert_eq!(begun.elapsed().as_secs(), 30);
}
