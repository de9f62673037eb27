//! Events and messages from the shell.

use serde_json::json;

use crate::fifo::Fifo;
use crate::support::Mesh;

#[test]
fn an_event_goes_to_all_who_watch_for_its_name() {
    let mesh = Mesh::start();
    let mut orders = mesh.begin(&["event", "watch", "order.*", "--count", "2"]);
    let mut all = mesh.begin(&["event", "watch", "*", "--count", "1", "-o", "raw"]);
    assert_eq!(orders.complaint(), "watching order.*");
    assert_eq!(all.complaint(), "watching *");

    mesh.daffi(&["event", "send", "shop.opened", "good morning"]).ok();
    mesh.daffi(&["event", "send", "order.placed", r#"{"item":"tea"}"#]).ok();
    mesh.daffi(&["event", "send", "order.paid"]).ok();

    assert_eq!(all.line(), "good morning");
    assert_eq!(all.finish().exit, 0);
    let lines: Vec<serde_json::Value> =
        (0..2).map(|_| serde_json::from_str(&orders.line()).unwrap()).collect();
    assert_eq!(orders.finish().exit, 0);
    assert_eq!((&lines[0]["event"], &lines[0]["data"]), (&json!("order.placed"), &json!({ "item": "tea" })));
    assert_eq!((&lines[1]["event"], &lines[1]["data"]), (&json!("order.paid"), &json!(null)));
    assert!(lines[0]["at"].as_str().unwrap().ends_with('Z') && lines[0]["from"].is_string(), "{lines:?}");
}

#[test]
fn a_command_is_run_for_each_event_in_their_order() {
    let mesh = Mesh::start();
    let runs = Fifo::new(&mesh, "runs");
    let script = "echo \"$DAFFI_EVENT $(cat)\" > \"$1\"; [ \"$DAFFI_EVENT\" != order.failed ]";
    let mut watching = mesh.begin(&[
        "event",
        "watch",
        "order.*",
        "--count",
        "3",
        "--",
        "sh",
        "-c",
        script,
        "sh",
        runs.path(),
    ]);
    assert_eq!(watching.complaint(), "watching order.*");

    for (name, data) in [("order.placed", "1"), ("order.failed", "two"), ("order.paid", "[3]")] {
        mesh.daffi(&["event", "send", name, data]).ok();
    }

    assert_eq!(runs.line(), "order.placed 1");
    assert_eq!(runs.line(), "order.failed two");
    assert_eq!(runs.line(), "order.paid [3]");
    assert_eq!(watching.finish().exit, 1);
}

#[test]
fn a_name_that_no_environment_takes_keeps_no_command_from_running() {
    let mesh = Mesh::start();
    let mut watching =
        mesh.begin(&["event", "watch", "*", "-c", "1", "--", "sh", "-c", "echo \"$DAFFI_EVENT\""]);
    assert_eq!(watching.complaint(), "watching *");

    // No shell can give such a name, but other programs can: the data is the encoded empty text.
    mesh.daffi_with(r#"["mesh","a\u0000b",[160]]"#, &["call", "daffi.events.send", "-"]).ok();

    assert_eq!(watching.line(), "a\u{fffd}b");
    assert_eq!(watching.finish().exit, 0);
}

#[test]
fn a_message_goes_to_those_who_listen_to_its_name() {
    let mesh = Mesh::start();
    let mut listening = mesh.begin(&["comms", "listen", "chat", "--count", "2"]);
    assert_eq!(listening.complaint(), "listening to chat");

    mesh.daffi(&["comms", "publish", "elsewhere", "nobody"]).ok();
    mesh.daffi(&["comms", "publish", "chat", "hello"]).ok();
    mesh.daffi(&["comms", "pub", "chat", "42"]).ok();

    let lines: Vec<serde_json::Value> =
        (0..2).map(|_| serde_json::from_str(&listening.line()).unwrap()).collect();
    assert_eq!((&lines[0]["comms"], &lines[0]["message"]), (&json!("chat"), &json!("hello")));
    assert_eq!(lines[1]["message"], 42);
    assert_eq!(listening.finish().exit, 0);
}

#[test]
fn an_event_without_a_name_is_refused() {
    let refused = Mesh::start().daffi(&["event", "send", "..."]);

    assert_eq!(refused.exit, 2);
    assert_eq!(refused.err, "error[D0422]: an event has a name, and not just dots\n");
}
