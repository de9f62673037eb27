//! Shell commands as callbacks.

use rustix::process::Signal;

use crate::fifo::{Fifo, gated};
use crate::support::{Mesh, run};

#[test]
fn arguments_never_pass_through_a_shell() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "greet", &["sh", "-c", "echo \"hello $1 and $DAFFI_ARG_whom\"", "sh", "{whom}"]);

    assert_eq!(mesh.daffi(&["call", "greet", "$(id); x"]).ok(), "hello $(id); x and $(id); x\n");
}

#[test]
fn without_parameters_the_arguments_follow_the_command() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "say", &["printf", "[%s]"]);

    assert_eq!(mesh.daffi(&["call", "say", "007", "a b", "-1"]).ok(), "[007][a b][-1]\n");
}

#[test]
fn the_command_has_no_stdin_and_knows_its_caller() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "quiet", &["sh", "-c", "cat; test -n \"$DAFFI_CALLER\" && echo known"]);

    assert_eq!(mesh.daffi(&["call", "quiet"]).ok(), "known\n");
}

#[test]
fn a_failure_has_the_last_lines_of_stderr() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "fail", &["sh", "-c", "seq 1 30 >&2; exit 2"]);
    mesh.serve("proc2", "missing", &["/no/such/program"]);

    let fail = mesh.daffi(&["call", "fail", "--json"]).json();
    let missing = mesh.daffi(&["call", "missing"]);

    let message = fail["error"]["message"].as_str().unwrap();
    assert!(message.contains("ended with exit status: 2: 21\n22\n"), "{message}");
    assert!(message.ends_with("\n30"), "{message}");
    assert_eq!(missing.exit, 3);
    assert!(missing.err.contains("cannot start `/no/such/program`: "), "{}", missing.err);
}

#[test]
fn the_documentation_is_shown_to_others() {
    let mut mesh = Mesh::start();
    let mut process =
        mesh.begin(&["serve", "df", "--doc", "Free space", "--node", "proc1", "--", "df", "{path}"]);
    assert_eq!(process.line(), "serving df(path: String) -> String as proc1");

    assert_eq!(mesh.daffi(&["callbacks"]).json()["doc"], "Free space");
    mesh.serve("proc2", "other", &["true"]);
}

#[test]
fn told_to_stop_it_lets_running_commands_finish() {
    let mut mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let call = mesh.begin(&["call", "slow"]);
    assert_eq!(started.line(), "started");

    let node = mesh.take_served(0);
    node.signal(Signal::TERM);
    gate.open();

    assert_eq!(call.finish().ok(), "done\n");
    assert_eq!(node.finish().exit, 0);
}

#[test]
fn a_timed_out_command_is_told_to_stop() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));

    assert_eq!(mesh.daffi(&["call", "slow", "-t", "1s"]).exit, 5);

    assert_eq!(started.line(), "started");
    assert_eq!(started.line(), "stopped");
}

#[test]
fn a_parameter_in_a_shell_script_is_refused_with_the_safe_way() {
    let ran = run(crate::support::daffi().args(["serve", "x", "--", "sh", "-c", "echo {y}"]));

    assert_eq!(ran.exit, 2);
    assert!(ran.err.starts_with("error: a parameter in a shell's script would let callers run commands\n"));
    assert!(
        ran.err.contains("'echo {y}'\n                             ^^^^^^^^^^ the caller's text"),
        "{}",
        ran.err
    );
}
