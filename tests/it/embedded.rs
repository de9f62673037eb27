//! Controllers and nodes in one process, and controllers that get in each other's way.

use std::future::IntoFuture;

use daffi::{BindError, CallError, Connect, Controller, Error, callbacks};

use crate::offers::{add, hold, place};
use crate::support::{HOUR, Mesh, failure, fresh_probe, on_each_transport, secret, unique};

/// The address of a mesh whose controller has gone.
async fn free_address(mut mesh: Mesh) -> (Mesh, String) {
    mesh.take_controller().drain(HOUR).await;
    let url = mesh.url.clone();
    (mesh, url)
}

/// A node of that address, or a controller too: what both show does not depend on what this user keeps elsewhere.
fn connect(url: &str, name: &str) -> Connect {
    daffi::connect(url).name(name).secret(secret()).registry(Vec::new())
}

async fn a_process_may_be_controller_and_node_at_once(mesh: Mesh) {
    let (_directory, url) = free_address(mesh).await;

    let both = connect(&url, "both").registry(callbacks![add]).with_controller().await.unwrap();
    let other = connect(&url, "other").registry(callbacks![place]).await.unwrap();

    assert_eq!(both.url(), url);
    assert_eq!(add::call(&other, 1, 2).await.unwrap(), 3);
    assert_eq!(place::call(&both).await.unwrap(), "other");
    both.stop().await.unwrap();
    other.join().await.unwrap();
}

async fn stopping_both_lets_the_calls_of_others_finish(mesh: Mesh) {
    let (_directory, url) = free_address(mesh).await;
    let both = connect(&url, "both").with_controller().await.unwrap();
    let callee = connect(&url, "callee").registry(callbacks![hold]).await.unwrap();
    let caller = connect(&url, "caller").await.unwrap();
    let (name, probe) = fresh_probe();
    let call = tokio::spawn(hold::call(&caller, name).timeout(HOUR).into_future());
    probe.wait_for("started").await;

    let stop = tokio::spawn(async move { both.stop().await });
    while caller.node("both").await.unwrap().is_some() {}
    assert!(!call.is_finished());
    probe.open();

    assert_eq!(call.await.unwrap().unwrap(), 7);
    stop.await.unwrap().unwrap();
    callee.join().await.unwrap();
    caller.join().await.unwrap();
}

async fn a_second_controller_at_one_address_is_refused(mesh: Mesh) {
    let error = Controller::bind(&mesh.url).secret(secret()).await.unwrap_err();

    let Error::Bind(BindError::InUse { address }) = &error else { panic!("{error:?}") };
    assert_eq!(*address, mesh.url);
    let error = connect(&mesh.url, "second").with_controller().await.unwrap_err();
    assert!(error.to_string().contains(&mesh.url), "{error}");
    mesh.caller().await.stats().await.unwrap();
}

async fn a_controller_may_listen_at_several_addresses(mesh: Mesh) {
    let (_directory, url) = free_address(mesh).await;
    let also = format!("memory://{}", unique("also"));
    let controller = Controller::bind(&url).also(&also).secret(secret()).await.unwrap();
    assert_eq!(controller.urls(), [url.clone(), also.clone()]);

    let one = connect(&url, "one").registry(callbacks![place]).await.unwrap();
    let other = connect(&also, "other").registry(callbacks![place]).await.unwrap();

    assert_eq!(place::call(&one).await.unwrap(), "other");
    assert_eq!(place::call(&other).await.unwrap(), "one");
}

async fn meshes_in_one_process_do_not_meet(mesh: Mesh) {
    let other_mesh = Mesh::in_memory().await;
    let _callee = mesh.node("twin", callbacks![add]).await;
    let stranger = other_mesh.node("twin", Vec::new()).await;

    let error = failure(add::call(&stranger, 1, 2).timeout(HOUR).await);

    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error:?}");
    assert_eq!(add::call(&mesh.caller().await, 1, 2).await.unwrap(), 3);
}

on_each_transport!(
    a_process_may_be_controller_and_node_at_once,
    stopping_both_lets_the_calls_of_others_finish,
    a_second_controller_at_one_address_is_refused,
    a_controller_may_listen_at_several_addresses,
    meshes_in_one_process_do_not_meet,
);
