//! Queues from the shell: what is pushed, popped, followed, and put back.

use rustix::process::Signal;
use serde_json::json;

use crate::fifo::{Fifo, gated};
use crate::support::Mesh;

#[test]
fn a_queue_gives_back_what_came_first() {
    let mesh = Mesh::start();
    let queue = |words: &[&str]| mesh.daffi(&[&["queue"], words].concat());

    assert_eq!(queue(&["push", "q", "one", "2", r#"{"three":3}"#]).ok(), "");
    assert_eq!(queue(&["len", "q"]).ok(), "3\n");
    assert_eq!(queue(&["peek", "q"]).ok(), "one\n");
    assert_eq!(queue(&["pop", "q"]).ok(), "one\n");
    assert_eq!(queue(&["unpop", "q", "zero"]).ok(), "");
    let rest = queue(&["pop", "q", "--count", "10"]).jsons();
    assert_eq!(
        rest.iter().map(|line| &line["value"]).collect::<Vec<_>>(),
        [&json!("zero"), &json!(2), &json!({"three": 3})]
    );
    assert_eq!(rest[0], json!({ "v": 1, "queue": "q", "value": "zero" }));

    for words in [&["pop", "q"][..], &["peek", "q"]] {
        let empty = queue(words);
        assert_eq!((empty.exit, &*empty.out, &*empty.err), (1, "", "nothing is in the queue `q`\n"));
    }
    assert_eq!(queue(&["pop", "q", "--count", "2"]).exit, 1);
    let late = queue(&["pop", "q", "--wait", "1ms"]);
    assert_eq!(late.exit, 5);
    assert_eq!(late.err, "error[D0408]: nothing came into the queue `q` within 1 ms\n");
    let at_once = queue(&["pop", "q", "--wait", "0"]);
    assert_eq!((at_once.exit, &*at_once.err), (5, "error[D0408]: nothing is in the queue `q`\n"));
    assert_eq!(queue(&["rm", "q"]).exit, 2);
}

#[test]
fn as_many_as_there_are_may_be_more_than_one_answer_carries() {
    let mesh = Mesh::start();
    let lines: String = (0..2_500).map(|number| format!("{number}\n")).collect();
    mesh.daffi_with(&lines, &["queue", "push", "q"]).ok();

    let some = mesh.daffi(&["queue", "pop", "q", "--count", "1500", "-o", "raw"]).ok();
    let rest = mesh.daffi(&["queue", "pop", "q", "--count", "1500", "--wait", "1h", "-o", "raw"]).ok();

    assert_eq!((some.lines().count(), rest.lines().count()), (1_500, 1_000));
    assert_eq!(some + &rest, lines);
}

#[test]
fn whoever_waits_gets_what_is_pushed_later() {
    let mesh = Mesh::start();
    let waiting = mesh.begin(&["queue", "pop", "q", "--wait", "1h"]);

    mesh.daffi_with("first\n\nsecond\n", &["queue", "push", "q"]).ok();

    assert_eq!(waiting.finish().ok(), "first\n");
    assert_eq!(mesh.daffi(&["queue", "pop", "q"]).ok(), "second\n");
}

#[test]
fn a_command_is_run_for_each_message_and_those_that_fail_come_back() {
    let mesh = Mesh::start();
    let runs = Fifo::new(&mesh, "runs");
    mesh.daffi(&["queue", "push", "mails", "good", "bad", r#"{"to":"ann"}"#]).ok();
    // What is bad fails the first time.
    let script = "read -r message; echo \"$message $DAFFI_DELIVERIES\" > \"$1\"
        [ \"$message $DAFFI_DELIVERIES\" != 'bad 1' ]";

    let followed = mesh.daffi(&[
        "queue",
        "follow",
        "mails",
        "--count",
        "4",
        "--",
        "sh",
        "-c",
        script,
        "sh",
        runs.path(),
    ]);

    assert_eq!((followed.exit, &*followed.out), (1, ""));
    assert_eq!(followed.err, "sh ended with exit code 1: the message goes back\n");
    let mut ran: Vec<String> = (0..4).map(|_| runs.line()).collect();
    assert_eq!(ran[..2], ["good 1", "bad 1"]);
    ran.sort();
    assert_eq!(ran, ["bad 1", "bad 2", "good 1", r#"{"to":"ann"} 1"#]);
    let left = mesh.daffi(&["queue", "len", "mails", "--json"]).json();
    assert_eq!((&left["len"], &left["delayed"], &left["leased"]), (&json!(0), &json!(0), &json!(0)));
}

#[test]
fn the_death_of_a_follower_puts_its_message_back_at_once() {
    let mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.daffi(&["queue", "push", "mails", "only"]).ok();
    let words = [&["queue", "follow", "mails", "--"][..], &gated(&started, &gate)].concat();
    let follower = mesh.begin(&words);
    assert_eq!(started.line(), "started");
    assert_eq!(mesh.daffi(&["queue", "len", "mails", "--json"]).json()["leased"], 1);

    follower.signal(Signal::KILL);

    assert_eq!(mesh.daffi(&["queue", "pop", "mails", "--wait", "1h"]).ok(), "only\n");
    // Nobody is left to end its command.
    gate.open();
    assert_eq!(follower.finish().exit, 137);
}

#[test]
fn a_follower_that_is_told_to_stop_tells_its_command_and_puts_the_message_back() {
    let mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.daffi(&["queue", "push", "mails", "only"]).ok();
    let words = [&["queue", "follow", "mails", "--"][..], &gated(&started, &gate)].concat();
    let follower = mesh.begin(&words);
    assert_eq!(started.line(), "started");

    follower.signal(Signal::TERM);

    assert_eq!(started.line(), "stopped");
    assert_eq!(follower.finish().exit, 143);
    assert_eq!(mesh.daffi(&["queue", "pop", "mails"]).ok(), "only\n");
}

#[test]
fn without_a_command_messages_are_printed_as_they_come() {
    let mesh = Mesh::start();
    let mut follower = mesh.begin(&["queue", "follow", "mails", "--count", "2"]);

    mesh.daffi(&["queue", "push", "mails", "one"]).ok();
    assert_eq!(follower.line(), r#"{"v":1,"queue":"mails","value":"one"}"#);
    mesh.daffi(&["queue", "push", "mails", "2"]).ok();
    assert_eq!(follower.line(), r#"{"v":1,"queue":"mails","value":2}"#);

    assert_eq!(follower.finish().exit, 0);
    assert_eq!(mesh.daffi(&["queue", "len", "mails"]).ok(), "0\n");
}

#[test]
fn a_follower_whose_controller_dies_says_so_and_goes_on_with_the_next() {
    let mut mesh = Mesh::start();
    let mut follower = mesh.begin(&["queue", "follow", "mails"]);
    mesh.daffi(&["queue", "push", "mails", "one"]).ok();
    assert_eq!(follower.line(), r#"{"v":1,"queue":"mails","value":"one"}"#);

    mesh.take_controller().signal(Signal::KILL);
    let said = follower.complaint();
    let mut next = mesh.begin(&["controller", "--listen", &mesh.url]);
    next.line();
    mesh.daffi(&["queue", "push", "mails", "two"]).ok();

    assert!(said.contains("link lost, reconnecting"), "{said}");
    assert_eq!(follower.line(), r#"{"v":1,"queue":"mails","value":"two"}"#);
}

#[test]
fn a_command_that_cannot_be_started_ends_the_following_and_loses_nothing() {
    let mesh = Mesh::start();
    mesh.daffi(&["queue", "push", "mails", "only"]).ok();

    let refused = mesh.daffi(&["queue", "follow", "mails", "--", "./absent"]);

    assert_eq!(refused.exit, 127);
    assert!(refused.err.starts_with("error: cannot start ./absent: "), "{}", refused.err);
    assert_eq!(mesh.daffi(&["queue", "pop", "mails", "--wait", "1h"]).ok(), "only\n");
}

#[test]
fn a_priority_queue_knows_its_items_by_their_keys() {
    let mesh = Mesh::start();
    let pq = |words: &[&str]| mesh.daffi(&[&["pq"], words].concat());
    let push = |priority: &str, value: &str| pq(&["push", "tasks", priority, value]).ok().trim().to_owned();
    let (low, high, middle) = (push("-5", "low"), push("9", "high"), push("0", "middle"));

    assert_eq!(pq(&["rank", "tasks", &high]).ok(), "0\n");
    assert_eq!(pq(&["rank", "tasks", &low]).ok(), "2\n");
    assert_eq!(pq(&["count", "tasks", "-5", "0"]).ok(), "2\n");
    assert_eq!(pq(&["remove", "tasks", &middle]).exit, 0);
    assert_eq!(pq(&["remove", "tasks", &middle]).exit, 1);
    assert_eq!(pq(&["rank", "tasks", &middle]).exit, 1);
    assert_eq!(pq(&["len", "tasks"]).ok(), "2\n");
    assert_eq!(pq(&["pop", "tasks", "--lowest"]).ok(), "low\n");
    assert_eq!(pq(&["pop", "tasks"]).ok(), "high\n");
    assert_eq!(pq(&["pop", "tasks"]).exit, 1);

    let wrong = pq(&["rank", "tasks", "high"]);
    assert_eq!(wrong.exit, 2);
    assert!(wrong.err.starts_with("error: `high` is not a key of a priority queue\n"), "{}", wrong.err);
}

#[test]
fn in_a_unique_priority_queue_a_value_is_its_own_key() {
    let mesh = Mesh::start();
    let pq = |words: &[&str]| mesh.daffi(&[&["pq"], words, &["--unique"]].concat());
    pq(&["push", "hosts", "1", "a"]).ok();
    pq(&["push", "hosts", "2", "b"]).ok();

    assert_eq!(pq(&["rank", "hosts", "a"]).ok(), "1\n");
    assert_eq!(pq(&["push", "hosts", "3", "a", "--json"]).json()["new"], false);
    assert_eq!(pq(&["rank", "hosts", "a"]).ok(), "0\n");
    assert_eq!(pq(&["pop", "hosts", "--count", "5", "-o", "raw"]).ok(), "a\nb\n");
    assert_eq!(mesh.daffi(&["pq", "len", "hosts"]).ok(), "0\n");
}

#[test]
fn the_value_of_the_highest_priority_is_popped_from_any_of_several_queues() {
    let mesh = Mesh::start();
    for (kind, called) in [(&[][..], "pq"), (&["--unique"], "pq with --unique")] {
        let pq = |words: &[&str]| mesh.daffi(&[&["pq"], words, kind].concat());
        for (name, priority, value) in [("a", "1", "low"), ("b", "9", "high"), ("a", "5", "middle")] {
            pq(&["push", name, priority, value]).ok();
        }

        let popped = pq(&["pop", "a", "b", "--json"]).json();
        assert_eq!(popped, json!({ "v": 1, "pq": "b", "found": true, "value": "high" }));
        assert_eq!(pq(&["pop", "b", "a"]).ok(), "middle\n");
        assert_eq!(pq(&["pop", "b", "a", "--wait", "1h"]).ok(), "low\n");

        let none = pq(&["pop", "a", "b"]);
        assert_eq!((none.exit, none.err), (1, format!("nothing is in the {called} `a, b`\n")));
        let late = pq(&["pop", "a", "b", "--wait", "1ms"]);
        assert_eq!(late.exit, 5);
        assert!(late.err.contains("`a, b` within 1 ms"), "{}", late.err);
        assert_eq!(pq(&["pop", "a", "b", "--count", "2"]).exit, 2);
        assert_eq!(pq(&["pop", "a", "b", "--lowest"]).exit, 2);
    }
}

#[test]
fn the_global_counter_gives_each_number_once() {
    let mesh = Mesh::start();
    let count = |words: &[&str]| mesh.daffi(&[&["counter", "count", "invoices"], words].concat()).ok();

    assert_eq!(count(&[]), "1\n");
    assert_eq!(count(&[]), "2\n");
    assert_eq!(count(&["--peek"]), "2\n");
    assert_eq!(count(&["--reset"]), "2\n");
    assert_eq!(count(&[]), "1\n");
    assert_eq!(mesh.daffi(&["counter", "ls"]).json()["kind"], "topic");
    assert_eq!(mesh.daffi(&["counter", "ls", "-o", "raw"]).ok(), "invoices\n");
    assert!(mesh.daffi(&["counter", "ls", "-o", "table"]).ok().contains("\ntopic/invoices "));
}
