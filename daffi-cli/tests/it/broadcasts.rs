//! Broadcasts: one outcome for each node, and what they come to together.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::fifo::{Fifo, gated};
use crate::support::{Mesh, Ran};

fn by_node(ran: &Ran) -> BTreeMap<String, Json> {
    ran.jsons().into_iter().map(|json| (json["node"].as_str().unwrap().to_owned(), json)).collect()
}

#[test]
fn every_node_that_offers_it_answers() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "load", &["echo", "0.41"]);
    mesh.serve("proc2", "load", &["echo", "0.93"]);
    mesh.serve("proc3", "other", &["echo"]);

    let ran = mesh.daffi(&["call", "load", "--mode", "broadcast"]);

    assert_eq!(ran.exit, 0, "{}", ran.err);
    let replies = by_node(&ran);
    assert_eq!(replies.keys().collect::<Vec<_>>(), ["proc1", "proc2"]);
    assert_eq!((&replies["proc1"]["ok"], &replies["proc1"]["result"]), (&true.into(), &"0.41".into()));
    assert_eq!(replies["proc2"]["callback"], "load");
}

#[test]
fn a_failure_costs_its_own_entry_and_the_exit_code_is_six() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "load", &["echo", "0.41"]);
    mesh.serve("proc2", "load", &["sh", "-c", "echo broken >&2; exit 1"]);

    let ran = mesh.daffi(&["call", "load", "--mode", "broadcast"]);
    let table = mesh.daffi(&["call", "load", "--mode", "broadcast", "-o", "table"]);

    assert_eq!(ran.exit, 6, "{}", ran.err);
    let replies = by_node(&ran);
    assert_eq!(replies["proc1"]["result"], "0.41");
    assert_eq!(replies["proc2"]["ok"], false);
    assert_eq!(
        (&replies["proc2"]["error"]["code"], &replies["proc2"]["error"]["exit"]),
        (&"D0500".into(), &3.into())
    );
    let lines: Vec<&str> = table.out.lines().collect();
    assert_eq!((table.exit, lines[0]), (6, "NODE    RESULT   MS"));
    assert!(lines[1].starts_with("proc1   0.41     "), "{}", table.out);
    assert_eq!(lines[2], "proc2   -        failed: `sh` ended with exit status: 1: broken");
}

#[test]
fn a_timeout_keeps_what_came_in_time() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "load", &["echo", "0.41"]);
    mesh.serve("proc2", "load", &gated(&started, &gate));

    let ran = mesh.daffi(&["call", "load", "--mode", "broadcast", "--timeout", "1s"]);

    assert_eq!(ran.exit, 6, "{}", ran.err);
    let replies = by_node(&ran);
    assert_eq!(replies["proc1"]["result"], "0.41");
    assert_eq!(replies["proc2"]["error"]["code"], "D0408");
}

#[test]
fn if_all_fail_alike_the_exit_code_is_theirs() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "load", &["sh", "-c", "exit 1"]);
    mesh.serve("proc2", "load", &["sh", "-c", "exit 2"]);

    assert_eq!(mesh.daffi(&["call", "load", "--mode", "broadcast"]).exit, 3);
}

#[test]
fn enough_answers_are_a_success_and_too_few_are_not() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "load", &["echo", "0.41"]);
    mesh.serve("proc2", "load", &["sh", "-c", "exit 1"]);

    let enough = mesh.daffi(&["call", "load", "--mode", "broadcast", "--at-least", "1"]);
    let too_few = mesh.daffi(&["call", "load", "--mode", "broadcast", "--at-least", "2"]);

    assert_eq!(enough.exit, 0, "{}", enough.err);
    assert_eq!(too_few.exit, 6);
    let said = "error[D0424]: 1 of at least 2 nodes answered `load` with a value\n";
    assert!(too_few.err.starts_with(said), "{}", too_few.err);
}

#[test]
fn the_first_answer_ends_it_and_the_others_are_cancelled() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    let mut first = Fifo::new(&mesh, "first");
    mesh.serve("proc1", "load", &["sh", "-c", "read _ < \"$1\"; echo 0.41", "sh", first.path()]);
    mesh.serve("proc2", "load", &gated(&started, &gate));
    let call = mesh.begin(&["call", "load", "--mode", "broadcast", "--first", "1"]);
    assert_eq!(started.line(), "started");

    first.open();

    let ran = call.finish();
    assert_eq!((ran.exit, ran.jsons().len()), (0, 1), "{}", ran.err);
    assert_eq!(ran.json()["node"], "proc1");
    assert_eq!(started.line(), "stopped");
}
