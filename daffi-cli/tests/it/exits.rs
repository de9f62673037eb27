//! Every exit code of the table.

use std::io::Write;
use std::process::Stdio;

use daffi_core::error::{CallError, Ran};
use rustix::process::Signal;

use crate::fake::Refusing;
use crate::fifo::{Fifo, gated};
use crate::support::{Mesh, Process, daffi, run};

#[test]
fn zero_is_done() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo", "hello"]);

    let ran = mesh.daffi(&["call", "hello"]);

    assert_eq!((ran.exit, ran.out.as_str(), ran.err.as_str()), (0, "hello\n", ""));
}

#[test]
fn one_is_no() {
    let mesh = Mesh::start();

    for words in [
        &["callbacks", "nothing*"][..],
        &["jobs", "result", "7f3a"],
        &["jobs", "cancel", "7f3a"],
        &["schedules", "show", "12"],
        &["schedules", "cancel", "nightly"],
        &["explain", "D9999"],
    ] {
        let ran = mesh.daffi(words);

        assert_eq!((ran.exit, ran.out.as_str()), (1, ""), "{words:?}: {}", ran.err);
        assert!(ran.err.contains("help: "), "{words:?}: {}", ran.err);
    }
}

#[test]
fn two_is_usage() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "greet", &["echo", "{whom}"]);

    for words in [
        &["cal"][..],
        &["call", "greet", "-x"],
        &["call", "greet", "--mode", "broadcst"],
        &["call", "greet", "--timeout", "soon"],
        &["call", "greet", "a", "b"],
        &["call", "greet"],
        &["call", "greet", "a", "--first", "2"],
        &["call", "greet", "a", "--mode", "period"],
        &["call", "greet", "a", "--mode", "period", "--at", "teatime"],
        &["jobs", "result", "not-a-number"],
        &["nodes", "kick", "proc1"],
        &["serve", "x", "--", "sh", "-c", "echo {y}"],
    ] {
        let ran = mesh.daffi(words);

        assert_eq!((ran.exit, ran.out.as_str()), (2, ""), "{words:?}: {}", ran.err);
    }
}

#[test]
fn three_is_a_callback_that_failed() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "fail", &["sh", "-c", "echo out; echo no such disk >&2; exit 7"]);

    let ran = mesh.daffi(&["call", "fail"]);

    assert_eq!((ran.exit, ran.out.as_str()), (3, ""));
    let said = "error[D0500]: `fail` failed on proc1: `sh` ended with exit status: 7: no such disk\n";
    assert_eq!(ran.err, said);
}

#[test]
fn four_is_nobody_offers_it_or_no_such_node() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo", "hello"]);

    assert_eq!(mesh.daffi(&["call", "other"]).exit, 4);
    assert_eq!(mesh.daffi(&["call", "hello", "--on", "nobody"]).exit, 4);
    assert_eq!(mesh.daffi(&["nodes", "show", "nobody"]).exit, 4);
    assert_eq!(mesh.daffi(&["nodes", "kick", "nobody", "--yes"]).exit, 4);
    assert_eq!(mesh.daffi(&["ping", "nobody"]).exit, 4);
    assert_eq!(mesh.daffi(&["call", "other", "--mode", "broadcast"]).exit, 4);
}

#[test]
fn five_is_a_timeout() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));

    assert_eq!(mesh.daffi(&["call", "slow", "--timeout", "500ms"]).exit, 5);
}

#[test]
fn sixty_nine_is_a_controller_that_cannot_be_reached() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/none.sock", directory.path().display());

    let ran = run(daffi().args(["nodes", "--url", &url, "--timeout", "100ms"]));

    assert_eq!(ran.exit, 69, "{}", ran.err);
}

#[test]
fn seventy_is_a_protocol_that_should_not_be() {
    let fake = Refusing::with(&CallError::Protocol { message: "what is this?".into(), ran: Ran::No });

    let ran = run(daffi().args(["nodes", "--url", &fake.url]));

    assert_eq!(ran.exit, 70, "{}", ran.err);
    assert!(ran.err.starts_with("error[D0400]: "), "{}", ran.err);
}

#[test]
fn seventy_five_is_an_unknown_outcome() {
    let mut mesh = Mesh::start();
    // The shell's parent is the node that serves it.
    mesh.serve("proc1", "suicide", &["sh", "-c", "kill -9 $PPID"]);

    let ran = mesh.daffi(&["call", "suicide", "--json"]);

    assert_eq!(ran.exit, 75, "{}", ran.err);
    assert!(ran.err.starts_with("error[D0502]: the node proc1 was lost during `suicide`\n"), "{}", ran.err);
    assert!(ran.err.contains("= it may have run\n"), "{}", ran.err);
    assert_eq!(ran.json()["error"]["ran"], "maybe");
}

#[test]
fn a_controller_that_dies_during_a_call_leaves_its_outcome_unknown() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let call = mesh.begin(&["call", "slow"]);
    assert_eq!(started.line(), "started");

    mesh.take_controller().signal(Signal::KILL);

    let ran = call.finish();
    assert_eq!(ran.exit, 75, "{}", ran.err);
    let headline =
        "error[D0504]: the connection to the controller broke during `slow`\n  = it may have run\n";
    assert!(ran.err.starts_with(headline), "{}", ran.err);
    assert_eq!(ran.err.matches("may have run").count(), 1, "{}", ran.err);
}

#[test]
fn seventy_seven_is_not_allowed() {
    let fake = Refusing::with(&CallError::Denied { what: "to join".into() });

    let ran = run(daffi().args(["nodes", "--url", &fake.url]));

    assert_eq!(ran.exit, 77, "{}", ran.err);
    assert!(ran.err.starts_with("error[D0403]: "), "{}", ran.err);
}

#[test]
fn seventy_eight_is_a_bad_configuration() {
    let ran = run(daffi().arg("nodes").env("DAFFI_URL", "tcp://x:1"));

    assert_eq!(ran.exit, 78, "{}", ran.err);
    assert!(ran.err.starts_with("error[D0078]: `tcp://x:1` is not an address"), "{}", ran.err);
    assert!(ran.err.contains("= the address comes from DAFFI_URL\n"), "{}", ran.err);
}

#[test]
fn a_hundred_and_thirty_is_interrupted_and_the_callback_is_told_to_stop() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let call = mesh.begin(&["call", "slow"]);
    assert_eq!(started.line(), "started");

    call.signal(Signal::INT);

    let ran = call.finish();
    assert_eq!((ran.exit, ran.out.as_str(), ran.err.as_str()), (130, "", ""));
    assert_eq!(started.line(), "stopped");
}

#[test]
fn what_waits_for_stdin_can_be_interrupted() {
    let mesh = Mesh::start();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let looked_at = reader.try_clone().unwrap();
    let call = Process::start(mesh.command(&["call", "f", "-"]).stdin(reader));
    writer.write_all(b"[4,").unwrap();
    while rustix::io::ioctl_fionread(&looked_at).unwrap() > 0 {
        std::thread::yield_now();
    }

    call.signal(Signal::INT);

    assert_eq!(call.finish().exit, 130);
}

#[test]
fn a_hundred_and_forty_one_is_a_closed_pipe_and_nothing_is_said() {
    for words in [&["explain"][..], &["explain", "D0404", "--json"], &["completions", "bash"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);

        let child = daffi().args(words).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();

        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{words:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{words:?}");
    }
}
