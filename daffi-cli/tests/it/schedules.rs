//! The life of a schedule.

use crate::fifo::Fifo;
use crate::support::Mesh;

/// Makes a schedule that does not come due in a test.
fn hourly(mesh: &Mesh, more: &[&str]) -> String {
    let mut words = vec!["call", "tick", "--mode", "period", "--every", "1h", "-o", "raw"];
    words.extend(more);
    mesh.daffi(&words).ok().trim_end().to_owned()
}

fn mesh() -> Mesh {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "tick", &["echo", "tick"]);
    mesh
}

#[test]
fn a_schedule_outlives_the_command_that_made_it() {
    let mesh = mesh();
    let id = hourly(&mesh, &["--name", "nightly"]);

    let listed = mesh.daffi(&["schedules"]).json();
    let shown = mesh.daffi(&["schedules", "show", "nightly", "--json"]).json();

    assert_eq!(listed["schedule"].to_string(), id);
    assert_eq!((&listed["callback"], &listed["name"]), (&"tick".into(), &"nightly".into()));
    assert_eq!((&listed["when"]["every_ms"], &listed["runs"]), (&3_600_000.into(), &0.into()));
    assert_eq!(shown, listed);
}

#[test]
fn a_schedule_is_paused_and_resumed() {
    let mesh = mesh();
    let id = hourly(&mesh, &[]);
    let is_paused = || mesh.daffi(&["schedules", "show", &id, "--json"]).json()["paused"].clone();

    assert_eq!(mesh.daffi(&["schedules", "pause", &id]).ok(), "paused\n");
    assert_eq!(is_paused(), true);
    assert_eq!(mesh.daffi(&["schedules", "resume", &id]).ok(), "resumed\n");
    assert_eq!(is_paused(), false);
}

#[test]
fn a_cancelled_schedule_is_gone() {
    let mesh = mesh();
    let id = hourly(&mesh, &[]);

    assert_eq!(mesh.daffi(&["schedules", "cancel", &id]).ok(), "cancelled after 0 runs\n");

    let again = mesh.daffi(&["schedules", "cancel", &id]);
    assert_eq!(again.exit, 1);
    assert!(again.err.starts_with(&format!("error: there is no schedule `{id}`\n")), "{}", again.err);
    assert_eq!(mesh.daffi(&["schedules"]).ok(), "");
}

#[test]
fn a_named_schedule_registered_twice_is_one() {
    let mesh = mesh();

    let first = hourly(&mesh, &["--name", "nightly"]);
    let second = hourly(&mesh, &["--name", "nightly"]);

    assert_eq!(first, second);
    assert_eq!(mesh.daffi(&["schedules"]).jsons().len(), 1);
}

#[test]
fn a_failing_run_does_not_end_a_schedule_and_is_counted() {
    let mut mesh = Mesh::start();
    let ticks = Fifo::new(&mesh, "ticks");
    mesh.serve(
        "proc1",
        "fail",
        &["sh", "-c", "echo tick > \"$1\"; echo broken >&2; exit 1", "sh", ticks.path()],
    );
    let made = mesh.daffi(&["call", "fail", "--mode", "period", "--every", "20ms", "-o", "raw"]).ok();
    let id = made.trim_end();

    // A run begins only when the one before has ended: overlap is skipped.
    (0..3).for_each(|_| assert_eq!(ticks.line(), "tick"));

    let shown = mesh.daffi(&["schedules", "show", id, "--json"]).json();
    assert!(shown["failures"].as_u64().unwrap() >= 2, "{shown}");
    assert!(shown["last_error"].as_str().unwrap().contains("broken"), "{shown}");
    mesh.daffi(&["schedules", "cancel", id]).ok();
}
