//! Each kind of object has names of its own: who finds nothing by a name is told what else bears it.

use serde_json::json;

use crate::support::Mesh;

const NOTE: &str = "note: there is a hash `orders`\n";

/// A mesh with a hash `orders` in it.
fn mesh() -> Mesh {
    let mesh = Mesh::start();
    mesh.daffi(&["hash", "set", "orders", "a=1"]).ok();
    mesh
}

#[test]
fn who_finds_nothing_is_told_what_else_bears_the_name() {
    let mesh = mesh();
    for (words, exit, out, said) in [
        (&["queue", "pop", "orders"][..], 1, "", "nothing is in the queue `orders`\n"),
        (&["queue", "peek", "orders"], 1, "", "nothing is in the queue `orders`\n"),
        (&["queue", "pop", "orders", "--count", "2"], 1, "", "nothing is in the queue `orders`\n"),
        (&["queue", "len", "orders"], 0, "0\n", ""),
        (&["queue", "rm", "orders", "--yes"], 1, "", "there is no queue `orders`\n"),
        (&["pq", "pop", "orders"], 1, "", "nothing is in the pq `orders`\n"),
        (&["pq", "len", "orders", "--unique"], 0, "0\n", ""),
        (&["set", "members", "orders"], 0, "", ""),
        (&["set", "has", "orders", "a"], 1, "no\n", ""),
        (&["set", "rm", "orders", "a"], 1, "0\n", ""),
        (&["set", "pop", "orders", "--all"], 1, "", "nothing is in the set `orders`\n"),
        (&["counter", "get", "orders"], 0, "", ""),
        (&["counter", "get", "orders", "a"], 0, "0\n", ""),
        (&["counter", "rm", "orders", "a"], 1, "", "there is no counter `a` in `orders`\n"),
        (&["counter", "rm", "orders", "--yes"], 1, "", "there is no group of counters `orders`\n"),
        (&["lock", "orders"], 1, "", "nobody holds the lock `orders`\n"),
        (&["quota", "show", "orders"], 0, "", ""),
        (&["data", "ttl", "set/orders"], 1, "", "there is no object `set/orders`\n"),
        (&["set", "members", "orders", "-o", "table"], 0, "", "(none)\n"),
    ] {
        let ran = mesh.daffi(words);

        assert_eq!((ran.exit, &*ran.out, ran.err), (exit, out, format!("{said}{NOTE}")), "{words:?}");
    }
    let late = mesh.daffi(&["queue", "pop", "orders", "--wait", "1ms"]);
    assert_eq!(late.exit, 5);
    assert!(late.err.ends_with("within 1 ms\n  = there is a hash `orders`\n"), "{}", late.err);
}

#[test]
fn all_that_bear_the_name_are_named_once() {
    let mesh = mesh();
    mesh.daffi(&["counter", "count", "orders"]).ok();
    mesh.daffi(&["pq", "push", "orders", "1", "tea", "--unique"]).ok();

    let popped = mesh.daffi(&["pq", "pop", "orders"]);

    let others = "a hash and a topic of the global counter and a pq with --unique";
    assert_eq!(popped.err, format!("nothing is in the pq `orders`\nnote: there is {others} `orders`\n"));
}

#[test]
fn who_has_the_right_kind_or_wants_to_hear_nothing_is_told_of_no_other() {
    let mesh = mesh();
    mesh.daffi(&["set", "add", "orders", "a"]).ok();
    mesh.daffi(&["set", "add", "a*", "x"]).ok();

    assert_eq!(mesh.daffi(&["hash", "get", "orders", "b"]).err, "nothing by the key \"b\" in `orders`\n");
    assert_eq!(mesh.daffi(&["set", "has", "orders", "b"]).err, "");
    assert_eq!(mesh.daffi(&["queue", "pop", "orders", "--quiet"]).err, "");
    // A `*` in a name is no pattern.
    assert_eq!(mesh.daffi(&["queue", "pop", "ord*"]).err, "nothing is in the queue `ord*`\n");
    assert_eq!(mesh.daffi(&["queue", "len", "a*"]).err, "note: there is a set `a*`\n");
    let found = mesh.daffi(&["queue", "pop", "orders", "--json"]);
    assert_eq!(found.json(), json!({ "v": 1, "queue": "orders", "found": false }));
}
