//! The life of a background call.

use crate::fifo::{Fifo, gated};
use crate::support::Mesh;

fn submit(mesh: &Mesh, name: &str) -> String {
    let json = mesh.daffi(&["call", name, "--mode", "bg", "--json"]).json();
    json["job"].as_str().unwrap().to_owned()
}

#[test]
fn a_job_is_listed_while_it_runs_and_when_it_is_done() {
    let mut mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let id = submit(&mesh, "slow");
    assert_eq!(started.line(), "started");

    let running = mesh.daffi(&["jobs"]).json();
    gate.open();
    let result = mesh.daffi(&["jobs", "result", &id]).ok();
    let done = mesh.daffi(&["jobs", "ls"]).json();

    assert_eq!((&running["job"], &running["state"]), (&id.as_str().into(), &"running".into()));
    assert_eq!((&running["callback"], &running["node"]), (&"slow".into(), &"proc1".into()));
    assert_eq!(result, "done\n");
    assert_eq!((&done["job"], &done["state"]), (&id.as_str().into(), &"done".into()));
}

#[test]
fn a_failed_job_keeps_its_error() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "fail", &["sh", "-c", "echo no such disk >&2; exit 7"]);
    let id = submit(&mesh, "fail");

    let ran = mesh.daffi(&["jobs", "result", &id]);

    assert_eq!(ran.exit, 3);
    assert!(ran.err.starts_with(&format!("error[D0500]: `job {id}` failed on proc1: ")), "{}", ran.err);
    assert_eq!(mesh.daffi(&["jobs"]).json()["state"], "failed");
}

#[test]
fn a_cancelled_job_is_told_to_stop() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let id = submit(&mesh, "slow");
    assert_eq!(started.line(), "started");

    let cancelled = mesh.daffi(&["jobs", "cancel", &id]);

    assert_eq!((cancelled.exit, cancelled.out.as_str()), (0, "cancelled\n"));
    assert_eq!(started.line(), "stopped");
    assert_eq!(mesh.daffi(&["jobs", "result", &id]).exit, 75);
}

#[test]
fn a_finished_job_cannot_be_cancelled() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo", "hello"]);
    let id = submit(&mesh, "hello");
    mesh.daffi(&["jobs", "result", &id]).ok();

    let ran = mesh.daffi(&["jobs", "cancel", &id]);

    assert_eq!((ran.exit, ran.out.as_str()), (1, "it had finished already\n"));
}

#[test]
fn a_result_that_was_waited_for_can_be_read_again() {
    let mut mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let mut waiter = mesh.begin(&["call", "slow", "--mode", "bg", "--wait"]);
    let id = waiter.complaint().strip_prefix("job ").unwrap().to_owned();
    assert_eq!(started.line(), "started");
    gate.open();
    assert_eq!(waiter.finish().ok(), "done\n");

    assert_eq!(mesh.daffi(&["jobs", "result", &id]).ok(), "done\n");
}

#[test]
fn waiting_for_a_job_does_not_end_it() {
    let mut mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let id = submit(&mesh, "slow");
    assert_eq!(started.line(), "started");

    let impatient = mesh.daffi(&["jobs", "result", &id, "--timeout", "500ms"]);
    gate.open();

    assert_eq!(impatient.exit, 5);
    assert!(impatient.err.contains(&format!("daffi jobs result {id} --timeout 5m")), "{}", impatient.err);
    assert_eq!(mesh.daffi(&["jobs", "result", &id]).ok(), "done\n");
}

#[test]
fn an_unknown_job_is_said_to_be_unknown() {
    let ran = Mesh::start().daffi(&["jobs", "result", "7f3a"]);

    assert!(ran.err.starts_with("error: there is no job `7f3a`\n"), "{}", ran.err);
    assert!(ran.err.contains("^^^^ unknown, or finished more than an hour ago\n"), "{}", ran.err);
}
