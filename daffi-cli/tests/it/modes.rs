//! The five modes from the shell, and what they print.

use crate::fifo::{Fifo, gated};
use crate::support::Mesh;

#[test]
fn a_result_is_printed_as_it_is() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "text", &["printf", "two\\nlines\\n"]);
    mesh.serve("proc2", "bytes", &["printf", "\\377\\001"]);

    assert_eq!(mesh.daffi(&["call", "text"]).ok(), "two\nlines\n");
    assert_eq!(mesh.daffi(&["call", "text", "-o", "raw"]).ok(), "two\nlines");
    assert_eq!(mesh.daffi(&["call", "bytes", "--json"]).json()["result"]["base64"], "/wE=");
}

#[test]
fn a_result_as_json_says_who_and_how_long() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo", "hello"]);

    let json = mesh.daffi(&["call", "hello", "--json"]).json();

    let names: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(names, ["v", "callback", "node", "ms", "result"]);
    assert_eq!(
        (&json["callback"], &json["node"], &json["result"]),
        (&"hello".into(), &"proc1".into(), &"hello".into())
    );
    assert!(json["ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_call_may_be_pinned_to_a_node() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "who", &["echo", "one"]);
    mesh.serve("proc2", "who", &["echo", "two"]);

    assert_eq!(mesh.daffi(&["call", "who", "--on", "proc1"]).ok(), "one\n");
    assert_eq!(mesh.daffi(&["call", "who", "--on", "proc2"]).ok(), "two\n");
}

#[test]
fn calls_of_one_key_go_to_one_node() {
    let mut mesh = Mesh::start();
    for node in ["proc1", "proc2", "proc3"] {
        mesh.serve(node, "who", &["echo", node]);
    }

    let first = mesh.daffi(&["call", "who", "--key", "k"]).ok();

    for _ in 0..5 {
        assert_eq!(mesh.daffi(&["call", "who", "--key", "k"]).ok(), first);
    }
}

#[test]
fn a_background_call_prints_a_job_that_has_the_result() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo", "hello"]);

    let said = mesh.daffi(&["call", "hello", "--mode", "bg"]).ok();
    let id = said.strip_prefix("job ").unwrap().trim_end();

    assert_eq!(mesh.daffi(&["jobs", "result", id]).ok(), "hello\n");
    assert_eq!(mesh.daffi(&["jobs", "result", id]).ok(), "hello\n", "it can be read again");
}

#[test]
fn a_background_call_may_be_waited_for() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo", "hello"]);
    mesh.serve("proc2", "fail", &["sh", "-c", "exit 3"]);

    let ran = mesh.daffi(&["call", "hello", "--mode", "bg", "--wait"]);

    assert_eq!((ran.exit, ran.out.as_str()), (0, "hello\n"));
    assert!(ran.err.starts_with("job "), "{}", ran.err);
    assert_eq!(mesh.daffi(&["call", "fail", "--mode", "bg", "--wait"]).exit, 3);
}

#[test]
fn a_call_without_return_ends_before_it_has_run() {
    let mut mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));

    let ran = mesh.daffi(&["call", "slow", "--mode", "no-return"]);

    assert_eq!((ran.exit, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    assert_eq!(started.line(), "started");
    gate.open();
}

#[test]
fn a_schedule_runs_as_often_as_it_shall() {
    let mut mesh = Mesh::start();
    let ticks = Fifo::new(&mesh, "ticks");
    mesh.serve("proc1", "tick", &["sh", "-c", "echo \"$2\" > \"$1\"", "sh", ticks.path(), "{what}"]);

    let said =
        mesh.daffi(&["call", "tick", "tock", "--mode", "period", "--every", "20ms", "--times", "3"]).ok();

    assert!(said.starts_with("schedule "), "{said}");
    assert!(said.contains(": tick() every 20 ms, 3 times, first at "), "{said}");
    assert_eq!([ticks.line(), ticks.line(), ticks.line()], ["tock"; 3]);
}

#[test]
fn a_schedule_may_name_its_instants() {
    let mut mesh = Mesh::start();
    let ticks = Fifo::new(&mesh, "ticks");
    mesh.serve("proc1", "tick", &["sh", "-c", "echo tick > \"$1\"", "sh", ticks.path()]);

    let said = mesh.daffi(&["call", "tick", "--mode", "period", "--at", "+50ms", "--at", "+90ms"]).ok();

    assert!(said.contains(": tick() at 2 times, first at "), "{said}");
    assert_eq!([ticks.line(), ticks.line()], ["tick"; 2]);
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "explode", &["sh", "-c", "kill -9 $PPID", "sh", "{why}"]);

    let ran = mesh.daffi(&["call", "explode", "just because", "--dry-run"]);

    assert_eq!(
        ran.ok(),
        "callback    explode(why: String) -> String\n\
         arguments   [\"just because\"]\n\
         to          proc1\n\
         mode        fg, within 30 s\n"
    );
    assert_eq!(
        mesh.daffi(&["call", "explode", "why=no", "--dry-run", "--json"]).json()["arguments"]["why"],
        "no"
    );
    assert_eq!(mesh.daffi(&["nodes", "-o", "raw"]).ok(), "proc1\n");
}

#[test]
fn a_call_that_has_not_run_is_repeated_as_often_as_asked() {
    let mesh = Mesh::start();

    let ran = mesh.daffi(&["call", "nowhere", "--retry", "2"]);

    assert_eq!(ran.exit, 4, "{}", ran.err);
    let stats = mesh.daffi(&["call", "daffi.stats", "--json"]).json();
    assert_eq!(stats["result"]["calls_refused"], 3);
}

#[test]
fn options_that_a_mode_would_ignore_are_refused() {
    let mesh = Mesh::start();

    let ran = mesh.daffi(&["call", "f", "--every", "5s"]);

    assert_eq!(
        ran.err,
        "error: `--every` goes with `--mode period`\n\
         help: say so:\n      daffi call f --every 5s --mode period\n"
    );
    let ran = mesh.daffi(&["call", "f", "--retry", "3", "--mode", "bg"]);
    assert_eq!(
        ran.err,
        "error: `--retry` goes with `--mode fg`\n\
         help: leave `--retry` away, or use `--mode fg`\n"
    );
}

#[test]
fn a_body_too_large_to_be_kept_is_told_which_mode_takes_it() {
    let mesh = Mesh::start();
    let large = format!("[\"{}\"]", "x".repeat(5 << 20));

    for mode in [&["--mode", "bg"][..], &["--mode", "no-return"][..], &["--eta", "1h"][..]] {
        let ran = mesh.daffi_with(&large, &[&["call", "nobody", "-"], mode].concat());
        assert_eq!(ran.exit, 2, "{}", ran.err);
        assert!(ran.err.contains("`--mode fg`, without `--eta`, takes much more"), "{}", ran.err);
    }
}
