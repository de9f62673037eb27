//! Links that break, stall and come back.

use std::future::IntoFuture;

use daffi_core::api::{millis, secs};
use daffi_core::callback::Registry;
use daffi_core::config;
use daffi_core::controller::Controller;
use daffi_core::error::{CallError, Ran, Stage};
use daffi_core::transport::{Link, links};

use super::{call_error, mesh, node};

/// The links of the callee and the caller of [`mesh`], in that order.
fn links_of(controller: &Controller) -> Vec<Link> {
    links(controller.url().strip_prefix("memory://").unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_link_breaks_may_have_run_and_the_next_one_works() {
    let (controller, caller, callee) = mesh().await;
    let running = tokio::spawn(caller.call::<i64>("sleeps", (60_000,)).into_future());
    tokio::time::sleep(millis(10)).await;

    links_of(&controller)[1].cut();

    let lost = call_error(running.await.unwrap().unwrap_err());
    assert_eq!(lost, CallError::Disconnected { ran: Ran::Maybe });
    assert_eq!(caller.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    assert_eq!(caller.own_stats()["links"], 2);
    assert_eq!(callee.own_stats()["calls_running"], 0, "the callback was told that its caller is gone");
}

#[tokio::test(start_paused = true)]
async fn a_job_outlives_the_link_of_its_caller() {
    let (controller, caller, _callee) = mesh().await;
    let mut job = caller.call::<i64>("sleeps", (5_000,)).bg();
    job.id().await.unwrap();

    links_of(&controller)[1].cut();

    assert_eq!(job.await.unwrap(), 1);
    assert_eq!(caller.own_stats()["links"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_callee_comes_back_with_its_callbacks_when_its_link_breaks() {
    let (controller, caller, callee) = mesh().await;

    links_of(&controller)[0].cut();

    caller.wait_process("callee").await.unwrap();
    caller.wait_callback("add").await.unwrap();
    assert_eq!(caller.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    assert_eq!(callee.own_stats()["links"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_falls_silent_is_given_up_a_moment_after_the_deadline() {
    let (controller, caller, _callee) = mesh().await;
    links_of(&controller)[1].stall();
    let begun = tokio::time::Instant::now();

    let error = call_error(caller.call::<i64>("add", (1, 2)).timeout(secs(5)).await.unwrap_err());
    let told = call_error(caller.tell("add", (1, 2)).timeout(secs(5)).no_return().await.unwrap_err());

    let silent = CallError::TimedOut { stage: Stage::Controller, node: None, after: secs(5) };
    assert_eq!((error, told), (silent.clone(), silent));
    assert!(begun.elapsed() < 2 * (secs(5) + config::CONTROLLER_GRACE) + millis(100));
}

#[tokio::test(start_paused = true)]
async fn calls_past_what_may_wait_for_a_slow_controller_are_refused() {
    let (controller, caller, _callee) = mesh().await;
    links_of(&controller)[1].stall();
    let body = vec![0_u8; config::CHUNK_BYTES - 64];
    let more_than_may_wait = config::OUTPUT_BYTES_MAX / body.len() + 10;

    let calls =
        (0..more_than_may_wait).map(|_| caller.call::<i64>("add", (&body, 1)).timeout(secs(5)).into_future());
    let results = futures::future::join_all(calls).await;

    let errors: Vec<_> = results.into_iter().map(|result| call_error(result.unwrap_err())).collect();
    assert!(errors.iter().any(|error| matches!(error, CallError::Busy { .. })), "{errors:?}");
    assert!(errors.iter().any(|error| matches!(error, CallError::TimedOut { .. })), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn hooks_run_whenever_the_link_comes_and_goes() {
    let (controller, caller, _callee) = mesh().await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let tell = told.clone();
    let hooked = daffi_core::node::connect(&controller.url())
        .name("hooked")
        .registry(Registry::new())
        .on_connect(move |node| told.send(node.is_connected()).unwrap())
        .on_disconnect(move |node| tell.send(node.is_connected()).unwrap())
        .await
        .unwrap();

    links_of(&controller)[2].cut();

    assert_eq!(heard.recv().await, Some(true));
    assert_eq!(heard.recv().await, Some(false));
    assert_eq!(heard.recv().await, Some(true));
    hooked.stop().await.unwrap();
    assert_eq!(heard.recv().await, Some(false));
    let other = node(&controller, "hooked", Registry::new()).await;
    caller.ping(other.name().as_str()).await.unwrap();
}
