//! Measuring a mesh: what is counted, how it ends, and that nothing is left behind.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value as Json, json};

use crate::fifo::{Fifo, gated};
use crate::support::{Mesh, daffi, run};

/// What programs find besides the times.
#[track_caller]
fn counted(json: &Json) -> [&Json; 4] {
    ["operations", "errors", "not_begun", "interrupted"].map(|field| &json[field])
}

#[track_caller]
fn assert_nothing_is_left(mesh: &Mesh) {
    for listing in [&["data", "ls"][..], &["nodes"], &["callbacks", "*"]] {
        assert_eq!(mesh.daffi(listing).out, "", "{listing:?}");
    }
}

#[test]
fn every_kind_does_as_many_as_were_asked_for_and_leaves_nothing_behind() {
    let mesh = Mesh::start();

    for kind in ["call", "broadcast", "queue", "lock", "counter"] {
        let words = ["bench", kind, "--count", "40", "--clients", "2", "--outstanding", "3", "--json"];
        let ran = mesh.daffi(&words);

        assert_eq!((ran.exit, ran.err.as_str()), (0, ""), "{kind}");
        let json = ran.json();
        assert_eq!(counted(&json), [&json!(40), &json!(0), &json!(0), &json!(false)], "{kind}");
        assert_eq!(json["bench"], kind);
        assert_eq!((&json["clients"], &json["outstanding"]), (&json!(2), &json!(3)));
        for field in ["seconds", "rate_per_s", "p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"] {
            assert!(json[field].is_number(), "{kind}: {field} in {json}");
        }
        assert_nothing_is_left(&mesh);
    }
}

#[test]
fn people_read_two_lines_and_a_pipe_has_no_bar() {
    let mesh = Mesh::start();

    let ran = mesh.daffi(&["bench", "broadcast", "--nodes", "3", "--size", "1000", "-c", "5"]);

    assert_eq!((ran.exit, ran.err.as_str()), (0, ""));
    let lines: Vec<&str> = ran.out.lines().collect();
    let [first, second] = lines[..] else { panic!("{lines:?}") };
    assert!(first.starts_with("broadcast echo(1,000 B) to 3 nodes x 5, 1 client   "), "{first}");
    assert!(first.ends_with(" broadcasts/s"), "{first}");
    assert!(second.starts_with("latency  p50 ") && second.ends_with("   0 errors"), "{second}");
}

#[test]
fn a_callback_of_the_users_runs_as_often_as_was_asked_for() {
    let mut mesh = Mesh::start();
    let tally = mesh.path("tally");
    let script = format!("echo \"$1\" >> '{}'", tally.display());
    mesh.serve("proc1", "count", &["sh", "-c", &script, "sh", "{what}"]);

    let words = [
        "bench",
        "call",
        "count",
        "what=tea",
        "--count",
        "7",
        "--clients",
        "2",
        "--outstanding",
        "2",
        "--on",
        "proc1",
    ];
    let json = mesh.daffi(&[&words[..], &["--json"]].concat()).json();

    assert_eq!((&json["operations"], &json["callback"]), (&json!(7), &json!("count")));
    assert_eq!((&json["size_bytes"], &json["nodes"]), (&Json::Null, &json!(0)));
    assert_eq!(fs::read_to_string(tally).unwrap(), "tea\n".repeat(7));
}

#[test]
fn operations_that_should_begin_at_a_rate_are_all_done_and_counted_once() {
    let mesh = Mesh::start();

    let words = [
        "bench",
        "counter",
        "--rate",
        "2000",
        "--count",
        "50",
        "--outstanding",
        "4",
        "--histogram",
        "--json",
    ];
    let json = mesh.daffi(&words).json();

    assert_eq!(counted(&json), [&json!(50), &json!(0), &json!(0), &json!(false)]);
    assert_eq!(json["rate_wanted_per_s"], 2000);
    let rows = json["histogram"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), 50);
    assert!(rows.windows(2).all(|pair| pair[0]["to_us"].as_u64() < pair[1]["to_us"].as_u64()), "{json}");
}

#[test]
fn failures_are_counted_by_their_codes_and_are_in_the_exit_code() {
    let mut mesh = Mesh::start();
    let once = mesh.path("once");
    mesh.serve("proc1", "fail", &["sh", "-c", "echo no such disk >&2; exit 1"]);
    mesh.serve("proc2", "once", &["mkdir", once.to_str().unwrap()]);

    let all = mesh.daffi(&["bench", "call", "fail", "--count", "5", "--json"]);
    let some = mesh.daffi(&["bench", "call", "once", "--count", "4", "--json"]);

    assert_eq!(all.exit, 3, "{}", all.err);
    assert!(all.err.starts_with("D0500, 5 x, such as: `fail` failed on proc1: "), "{}", all.err);
    let json = all.json();
    assert_eq!(counted(&json)[..2], [&json!(0), &json!(5)]);
    assert_eq!((&json["errors_by_code"], &json["p50_us"]), (&json!({ "D0500": 5 }), &Json::Null));
    assert_eq!(some.exit, 6, "{}", some.err);
    assert_eq!(counted(&some.json())[..2], [&json!(1), &json!(3)]);
}

#[test]
fn what_is_refused_is_refused_as_a_single_call_would_be() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "greet", &["echo", "{whom}"]);

    let missing = mesh.daffi(&["bench", "call", "gret", "ann", "--count", "5"]);
    let misfit = mesh.daffi(&["bench", "call", "greet", "--count", "5"]);

    assert_eq!((missing.exit, missing.out.as_str()), (4, ""));
    assert!(missing.err.contains("\n      daffi bench call greet ann --count 5\n"), "{}", missing.err);
    assert_eq!((misfit.exit, misfit.out.as_str()), (2, ""));
    assert!(misfit.err.contains("`whom` is missing"), "{}", misfit.err);
}

#[test]
fn interrupted_it_says_what_it_has_measured() {
    let mut mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let bench = mesh.begin(&["bench", "call", "slow", "--count", "10", "--json"]);
    started.line();
    gate.open();
    // The second has begun, so the first is counted.
    started.line();

    bench.signal(Signal::INT);

    let ran = bench.finish();
    assert_eq!((ran.exit, ran.err.as_str()), (130, ""));
    assert_eq!(counted(&ran.json()), [&json!(1), &json!(0), &json!(0), &json!(true)]);
    assert_eq!(started.line(), "stopped");
}

#[test]
fn interrupted_it_leaves_nothing_behind() {
    for kind in ["queue", "lock", "counter"] {
        let mesh = Mesh::start();
        let bench = mesh.begin(&["bench", kind, "--seconds", "600", "--clients", "2", "--outstanding", "2"]);
        while mesh.daffi(&["data", "ls"]).out.is_empty() {}

        bench.signal(Signal::TERM);

        assert_eq!(bench.finish().exit, 143);
        assert_nothing_is_left(&mesh);
    }
}

#[test]
fn it_ends_with_its_controller() {
    let mut mesh = Mesh::start();
    let bench = mesh.begin(&[
        "bench",
        "counter",
        "--seconds",
        "600",
        "--clients",
        "2",
        "--outstanding",
        "4",
        "--json",
    ]);
    let times =
        || mesh.daffi(&["data", "ls"]).jsons().first().map_or(0, |row| row["revision"].as_u64().unwrap());
    // The first operation is over.
    while times() < 2 {}

    let controller = mesh.take_controller();
    controller.signal(Signal::TERM);

    let ran = bench.finish();
    let errors = ran.json()["errors"].as_u64().unwrap();
    assert_eq!(ran.exit, 6, "{}", ran.err);
    assert!((1..=16).contains(&errors), "{}", ran.out);
    assert_eq!(controller.finish().exit, 0);
}

#[test]
fn it_can_have_a_controller_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let words = ["bench", "call", "--embedded", "--count", "20", "--clients", "2", "--json"];

    let ran = run(daffi().args(words).env("TMPDIR", directory.path()).env("DAFFI_URL", "unix:///none"));

    assert_eq!((ran.exit, ran.err.as_str()), (0, ""));
    assert_eq!(ran.json()["operations"], 20);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn without_a_controller_it_fails_as_every_command_does() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/none.sock", directory.path().display());

    let ran = run(daffi().args(["bench", "queue", "--url", &url, "--timeout", "100ms"]));

    assert_eq!((ran.exit, ran.out.as_str()), (69, ""), "{}", ran.err);
}

#[test]
fn what_would_be_too_much_is_refused_before_anything_is_done() {
    for (words, why) in [
        (&["queue", "--count", "0"][..], "0 is not in 1.."),
        (&["lock", "--clients", "0"], "0 is not in 1.."),
        (&["call", "--rate", "0"], "0 is not in 1.."),
        (&["call", "--seconds", "0"], "more than nothing"),
        (&["call", "--seconds", "48h"], "at most 24 h"),
        (&["queue", "--size", "4194304"], "4194304 is not in "),
        (&["counter", "--clients", "300", "--outstanding", "300"], "90000, and may be at most 65536"),
        (&["call", "--size", "1000000", "--outstanding", "2000"], "2000000000 bytes would be under way"),
        (&["call", "func3", "--size", "5"], "cannot be used with"),
        (&["broadcast", "func3", "--nodes", "5"], "cannot be used with"),
        (&["call", "func3", "--embedded"], "`--embedded` takes no NAME"),
    ] {
        let ran = run(daffi().arg("bench").args(words));

        assert_eq!((ran.exit, ran.out.as_str()), (2, ""), "{words:?}: {}", ran.err);
        assert!(ran.err.contains(why), "{words:?}: {}", ran.err);
    }
}
