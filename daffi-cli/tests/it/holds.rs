//! Locks, quotas, semaphores and rate limits from the shell: commands that run while something is held, or is allowed.

use rustix::process::Signal;
use serde_json::json;

use crate::fifo::{Fifo, gated};
use crate::support::{Mesh, Process};

/// A command that runs under something, and has started.
fn hold(mesh: &Mesh, words: &[&str], started: &Fifo, gate: &Fifo) -> Process {
    let process = mesh.begin(&[words, &["--"], &gated(started, gate)].concat());
    assert_eq!(started.line(), "started");
    process
}

#[test]
fn a_command_under_a_lock_has_its_own_exit_code_and_a_fence() {
    let mesh = Mesh::start();
    let fence = |exit: &str| {
        let ran =
            mesh.daffi(&["lock", "deploy", "--", "sh", "-c", "echo $DAFFI_LOCK_TOKEN; exit $1", "sh", exit]);
        (ran.exit, ran.out.trim().parse::<u64>().unwrap())
    };

    let (first, second) = (fence("0"), fence("7"));

    assert_eq!((first.0, second.0), (0, 7));
    assert!(second.1 > first.1, "{first:?} {second:?}");
    assert_eq!(mesh.daffi(&["lock", "deploy", "--", "sh", "-c", "kill -9 $$"]).exit, 137);
    assert_eq!(mesh.daffi(&["lock", "deploy", "--", "./absent"]).exit, 127);
    assert_eq!(mesh.daffi_with("typed", &["lock", "deploy", "--", "cat"]).ok(), "typed");
    let free = mesh.daffi(&["lock", "deploy"]);
    assert_eq!((free.exit, &*free.err), (1, "nobody holds the lock `deploy`\n"));
}

#[test]
fn a_lock_that_is_held_is_not_had_in_time_and_its_holder_is_named() {
    let mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    let holder = hold(&mesh, &["lock", "deploy"], &started, &gate);

    let shown = mesh.daffi(&["lock", "deploy"]).json();
    assert_eq!(
        (&shown["lock"], &shown["shared"], &shown["waiting"]),
        (&json!("deploy"), &json!(false), &json!(0))
    );
    let owner = shown["owner"].as_str().unwrap();
    for (wait, said) in [("0", "is held by another"), ("1ms", "was not had within 1 ms")] {
        let refused = mesh.daffi(&["lock", "deploy", "--wait", wait, "--", "echo", "never"]);
        assert_eq!((refused.exit, &*refused.out), (5, ""));
        assert!(
            refused.err.starts_with(&format!("error[D0408]: the lock `deploy` {said}\n")),
            "{}",
            refused.err
        );
        assert!(refused.err.contains(&format!("  = {owner} has held it for ")), "{}", refused.err);
    }
    let waiting = mesh.begin(&["lock", "deploy", "--wait", "1h", "--", "echo", "mine"]);
    gate.open();

    assert_eq!(waiting.finish().ok(), "mine\n");
    assert_eq!(holder.finish().ok(), "done\n");
}

#[test]
fn a_lock_is_free_once_its_command_has_ended_or_its_holder_is_dead() {
    let mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    let lock = ["lock", "deploy", "--lease", "1h"];

    let told = hold(&mesh, &lock, &started, &gate);
    told.signal(Signal::TERM);
    assert_eq!(started.line(), "stopped");
    assert_eq!(told.finish().exit, 9);
    assert_eq!(mesh.daffi(&["lock", "deploy", "--wait", "0", "--", "echo", "mine"]).ok(), "mine\n");

    let killed = hold(&mesh, &lock, &started, &gate);
    killed.signal(Signal::KILL);
    assert_eq!(mesh.daffi(&["lock", "deploy", "--wait", "1h", "--", "echo", "mine"]).ok(), "mine\n");
    // Nobody is left to end its command.
    gate.open();
    assert_eq!(killed.finish().exit, 137);
}

#[test]
fn a_command_ends_when_its_lock_is_lost() {
    let mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    let holder = hold(&mesh, &["lock", "deploy"], &started, &gate);
    let owner = mesh.daffi(&["lock", "deploy"]).json()["owner"].as_str().unwrap().to_owned();

    mesh.daffi(&["nodes", "kick", &owner, "--yes"]).ok();

    assert_eq!(started.line(), "stopped");
    let ran = holder.finish();
    assert_eq!(ran.exit, 1);
    assert!(ran.err.starts_with("error[D0423]: the lock was lost: the lock `deploy`, "), "{}", ran.err);
    assert!(ran.err.contains("the command was ended, with all that it had started"), "{}", ran.err);
}

#[test]
fn a_quota_refuses_what_is_one_too_many() {
    let mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    let uploading = hold(&mesh, &["quota", "run", "uploads", "ann", "1"], &started, &gate);

    let refused = mesh.daffi(&["quota", "run", "uploads", "ann", "1", "--", "echo", "never"]);
    assert_eq!((refused.exit, &*refused.out), (1, ""));
    assert_eq!(refused.err, "ann does 1 at a time already: `uploads`\n");
    assert_eq!(mesh.daffi(&["quota", "run", "uploads", "bob", "1", "--", "sh", "-c", "exit 4"]).exit, 4);
    assert_eq!(mesh.daffi(&["quota", "begin", "uploads", "ann", "1"]).exit, 1);
    let shown = mesh.daffi(&["quota", "show", "uploads"]).json();
    assert_eq!(shown, json!({ "v": 1, "quota": "uploads", "uid": "ann", "count": 1 }));
    gate.open();

    assert_eq!(uploading.finish().ok(), "done\n");
    assert_eq!(mesh.daffi(&["quota", "run", "uploads", "ann", "1", "--", "true"]).exit, 0);
}

#[test]
fn what_was_begun_is_held_until_it_is_ended() {
    let mesh = Mesh::start();
    let mut begun = mesh.begin(&["quota", "begin", "uploads", "ann", "1"]);
    let token = begun.line();

    assert_eq!(mesh.daffi(&["quota", "end", "uploads", "ann", &token]).ok(), "1\n");
    let again = mesh.daffi(&["quota", "end", "uploads", "ann"]);
    assert_eq!((again.exit, &*again.out), (1, "0\n"));
    begun.signal(Signal::KILL);

    let mut other = mesh.begin(&["quota", "begin", "uploads", "ann", "1"]);
    other.line();
    assert_eq!(mesh.daffi(&["quota", "ls"]).json()["name"], "uploads");
    other.signal(Signal::TERM);
    assert_eq!(other.finish().exit, 0);
    assert_eq!(mesh.daffi(&["quota", "show", "uploads"]).ok(), "");
}

#[test]
fn what_was_begun_with_a_lease_outlives_its_process_and_another_ends_it() {
    let mesh = Mesh::start();
    let begin = |uid: &str| mesh.daffi(&["quota", "begin", "uploads", uid, "1", "--lease", "1h"]);
    let token = begin("ann").ok().trim().to_owned();
    let of_bob = begin("bob").ok().trim().to_owned();

    assert_eq!(
        (begin("ann").exit, begin("ann").err.as_str()),
        (1, "ann does 1 at a time already: `uploads`\n")
    );
    let stolen = mesh.daffi(&["quota", "end", "uploads", "ann", &of_bob]);
    assert_eq!((stolen.exit, &*stolen.out), (1, "0\n"));
    assert_eq!(mesh.daffi(&["quota", "end", "uploads", "ann", &token]).ok(), "1\n");
    let again = mesh.daffi(&["quota", "end", "uploads", "ann", &token]);
    assert_eq!((again.exit, &*again.out), (1, "0\n"));

    assert_eq!(begin("ann").exit, 0);
    let shown = mesh.daffi(&["quota", "show", "uploads", "-o", "raw"]).ok();
    assert_eq!(shown.lines().count(), 2, "{shown}");
}

#[test]
fn a_lease_of_a_quota_runs_out_without_anybody_s_help() {
    let mesh = Mesh::start();
    let begun = mesh.daffi(&["quota", "begin", "uploads", "ann", "1", "--lease", "1ms", "--json"]).json();
    assert_eq!((&begun["uid"], &begun["begun"]), (&json!("ann"), &json!(true)));

    // Each of these processes takes longer than the lease; that it ends at all is what is waited for.
    let is_free = |_| mesh.daffi(&["quota", "begin", "uploads", "ann", "1", "--lease", "1h"]).exit == 0;
    assert!((0..100).any(is_free));

    assert_eq!(mesh.daffi(&["quota", "begin", "uploads", "ann", "1", "--lease", "0"]).exit, 2);
}

#[test]
fn no_more_commands_run_than_there_are_permits() {
    let mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    let building = hold(&mesh, &["semaphore", "run", "builds", "2"], &started, &gate);

    // The other permit is free, and who says that there are more is not heard.
    assert_eq!(mesh.daffi(&["semaphore", "run", "builds", "9", "--", "sh", "-c", "exit 7"]).exit, 7);
    let shown = mesh.daffi(&["semaphore", "show", "builds"]).json();
    assert_eq!(
        (&shown["semaphore"], &shown["permits"], &shown["waiting"]),
        (&json!("builds"), &json!(1), &json!(0))
    );
    let both = ["semaphore", "run", "builds", "2", "--take", "2"];
    for (wait, said) in
        [("0", "the permits of `builds` are taken"), ("1ms", "no permits of `builds` were had within 1 ms")]
    {
        let refused = mesh.daffi(&[&both[..], &["--wait", wait, "--", "echo", "never"]].concat());
        assert_eq!((refused.exit, &*refused.out), (5, ""));
        assert_eq!(refused.err.lines().next(), Some(&*format!("error[D0408]: {said}")));
    }
    let waiting =
        mesh.begin(&[&both[..], &["--wait", "1h", "--", "sh", "-c", "echo $DAFFI_SEMAPHORE_TOKEN"]].concat());
    gate.open();

    let token: u64 = waiting.finish().ok().trim().parse().unwrap();
    assert!(token > shown["token"].as_u64().unwrap());
    assert_eq!(building.finish().ok(), "done\n");
    assert_eq!(mesh.daffi(&["semaphore", "show", "builds"]).ok(), "");
    assert_eq!(mesh.daffi(&["semaphore", "run", "builds", "0", "--", "true"]).exit, 2);
}

#[test]
fn a_semaphore_has_as_many_permits_as_it_was_resized_to_until_it_is_removed() {
    let mesh = Mesh::start();
    let run =
        |take: &str| mesh.daffi(&["semaphore", "run", "builds", "4", "--take", take, "--", "echo", "built"]);

    assert_eq!(mesh.daffi(&["semaphore", "resize", "builds", "2"]).exit, 0);
    assert_eq!((run("2").ok(), run("3").exit), ("built\n".to_owned(), 2));
    assert_eq!(mesh.daffi(&["semaphore", "ls"]).json()["name"], "builds");
    assert_eq!(mesh.daffi(&["semaphore", "rm", "builds", "--yes"]).exit, 0);
    assert_eq!(run("4").ok(), "built\n");
    assert_eq!(mesh.daffi(&["semaphore", "rm", "builds", "--yes"]).exit, 1);
}

#[test]
fn what_comes_too_often_is_refused_and_told_when_it_may_come_again() {
    let mesh = Mesh::start();
    let check =
        |key: &str, more: &[&str]| mesh.daffi(&[&["rate", "check", "mails", key, "3", "1h"], more].concat());

    assert_eq!((check("ann", &[]).ok(), check("ann", &["--cost", "2"]).ok()), ("2\n".into(), "0\n".into()));
    let refused = check("ann", &[]);
    assert_eq!((refused.exit, &*refused.out), (1, "0\n"));
    assert!(refused.err.starts_with("ann may do it again in "), "{}", refused.err);
    let json = check("ann", &["--json"]);
    assert_eq!(
        (json.exit, &json.json()["allowed"], &json.json()["remaining"]),
        (1, &json!(false), &json!(0))
    );
    assert!(json.json()["retry_after_ms"].as_u64().unwrap() > 0);
    assert_eq!(check("bob", &["--burst", "1"]).ok(), "0\n");
    assert_eq!(mesh.daffi(&["rate", "show", "mails", "eve", "3", "1h"]).ok(), "3\n");

    assert_eq!(mesh.daffi(&["rate", "reset", "mails", "ann"]).exit, 0);
    assert_eq!(mesh.daffi(&["rate", "reset", "mails", "ann"]).exit, 1);
    assert_eq!(check("ann", &[]).ok(), "2\n");
    assert_eq!(mesh.daffi(&["rate", "ls"]).json()["name"], "mails");
    assert_eq!((check("ann", &["--cost", "4"]).exit, check("ann", &["--burst", "0"]).exit), (2, 2));
    assert_eq!(mesh.daffi(&["rate", "rm", "mails", "--yes"]).exit, 0);
    assert_eq!(check("ann", &["--cost", "3"]).ok(), "0\n");
}
