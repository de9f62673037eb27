//! Counters, hashes and sets from the shell.

use serde_json::{Value as Json, json};

use crate::support::Mesh;

/// One field of each line that was printed.
fn column(lines: &[Json], field: &str) -> Vec<Json> {
    lines.iter().map(|line| line[field].clone()).collect()
}

#[test]
fn a_counter_goes_up_and_down_and_prints_its_value() {
    let mesh = Mesh::start();
    let counter = |words: &[&str]| mesh.daffi(&[&["counter"], words].concat()).ok();

    assert_eq!(counter(&["inc", "visits", "home"]), "1\n");
    assert_eq!(counter(&["incr", "visits", "home", "5"]), "6\n");
    assert_eq!(counter(&["inc", "visits", "home", "-9"]), "-3\n");
    assert_eq!(counter(&["dec", "visits", "home", "2"]), "-5\n");
    assert_eq!(counter(&["set", "visits", "shop", "-7"]), "-7\n");
    assert_eq!(counter(&["get", "visits", "home"]), "-5\n");
    assert_eq!(counter(&["get", "visits", "never"]), "0\n");

    let all = mesh.daffi(&["counter", "get", "visits"]).jsons();
    assert_eq!(column(&all, "counter"), ["home", "shop"]);
    assert_eq!(all[0], json!({ "v": 1, "counters": "visits", "counter": "home", "value": -5 }));
    let table = mesh.daffi(&["counter", "show", "visits", "-o", "table"]).ok();
    assert_eq!(table, "COUNTER   VALUE\nhome      -5\nshop      -7\n");
    assert_eq!(counter(&["reset", "visits", "home"]), "0\n");
    assert_eq!(counter(&["reset", "visits", "--yes"]), "2\n");
    assert_eq!(counter(&["get", "visits", "shop"]), "0\n");
    assert_eq!(mesh.daffi(&["counter", "rm", "visits", "shop"]).exit, 0);
    assert_eq!(mesh.daffi(&["counter", "rm", "visits", "shop"]).exit, 1);
}

#[test]
fn a_sum_beyond_64_bits_is_refused_and_changes_nothing() {
    let mesh = Mesh::start();
    mesh.daffi(&["counter", "set", "g", "k", "9223372036854775807"]).ok();

    let refused = mesh.daffi(&["counter", "inc", "g", "k", "--json"]);

    assert_eq!(refused.exit, 2);
    assert_eq!(refused.json()["error"]["code"], "D0415");
    assert!(refused.err.starts_with("error[D0415]: expected a sum of 64 bits"), "{}", refused.err);
    assert_eq!(mesh.daffi(&["counter", "get", "g", "k"]).ok(), "9223372036854775807\n");
}

#[test]
fn a_hash_keeps_what_was_stored_by_its_type() {
    let mesh = Mesh::start();
    let hash = |words: &[&str]| mesh.daffi(&[&["hash"], words].concat());

    assert_eq!(hash(&["set", "users", "ann=41", r#"bob={"age":29,"at":1.0}"#, "tea=green tea"]).ok(), "3\n");
    assert_eq!(hash(&["set", "users", "ann=42", r#""a=b"=x"#]).ok(), "1\n");
    assert_eq!(hash(&["get", "users", "ann"]).ok(), "42\n");
    assert_eq!(hash(&["get", "users", "bob"]).ok(), "{\"age\":29,\"at\":1.0}\n");
    assert_eq!(hash(&["show", "users", "tea"]).ok(), "green tea\n");
    assert_eq!(hash(&["get", "users", "tea", "-o", "raw"]).ok(), "green tea");
    assert_eq!(hash(&["get", "users", "a=b"]).ok(), "x\n");
    assert_eq!(hash(&["incr", "users", "ann", "-2"]).ok(), "40\n");
    assert_eq!(hash(&["inc", "users", "new"]).ok(), "1\n");
    assert_eq!(hash(&["len", "users"]).ok(), "5\n");
    assert_eq!(hash(&["pop", "users", "tea"]).ok(), "green tea\n");
    let no_sum = hash(&["incr", "users", "bob"]);
    let why = "expected an integer of 64 bits by the key \"bob\", found a map of 2";
    assert!(no_sum.exit == 2 && no_sum.err.contains(why), "{}", no_sum.err);
    assert_eq!(mesh.daffi(&["dict", "get", "users", "ann"]).ok(), "40\n", "a dict is a hash");

    let found = hash(&["get", "users", "ann", "--json"]).json();
    assert_eq!(found, json!({ "v": 1, "hash": "users", "key": "ann", "found": true, "value": 40 }));
}

#[test]
fn what_a_hash_has_not_is_a_no_and_no_error() {
    let mesh = Mesh::start();
    let hash = |words: &[&str]| mesh.daffi(&[&["hash"], words].concat());
    assert_eq!(hash(&["add", "h", "5", "five"]).exit, 0);

    let again = hash(&["add", "h", "5", "six"]);
    assert_eq!((again.exit, &*again.out), (1, ""));
    assert_eq!(again.err, "there is a value by the key 5 in `h` already\n");
    assert_eq!(hash(&["has", "h", "5"]).ok(), "yes\n");
    // The number is there, the text is not.
    let text = hash(&["has", "h", "\"5\""]);
    assert_eq!((text.exit, &*text.out), (1, "no\n"));
    let absent = hash(&["get", "h", "\"5\""]);
    assert_eq!((absent.exit, &*absent.out), (1, ""));
    assert_eq!(absent.err, "nothing by the key \"5\" in `h`\n");
    assert_eq!(hash(&["get", "h", "6", "-q"]).err, "");
    assert_eq!(hash(&["get", "h", "6", "--json"]).json()["found"], false);
    assert_eq!(hash(&["pop", "h", "6"]).exit, 1);
    assert_eq!(hash(&["rm", "h", "6"]).exit, 1);
    assert_eq!(hash(&["del", "h", "5"]).exit, 0);
    assert_eq!(hash(&["rm", "h", "--yes"]).exit, 1);
}

#[test]
fn a_hash_is_listed_and_read_back_as_lines() {
    let mesh = Mesh::start();
    mesh.daffi(&["hash", "set", "users", "1=one", "1.0=float", "ann=[4,null]", "b=two\nlines"]).ok();

    let items = mesh.daffi(&["hash", "items", "users"]).ok();
    assert_eq!(mesh.daffi_with(&items, &["hash", "set", "copy"]).ok(), "4\n");

    let copied = mesh.daffi(&["hash", "items", "copy"]).ok();
    assert_eq!(copied.replace("copy", "users"), items);
    assert!(items.contains(r#"{"v":1,"hash":"users","key":1.0,"value":"float"}"#), "{items}");
    let keys = column(&mesh.daffi(&["hash", "keys", "users"]).jsons(), "key");
    assert_eq!(keys.len(), 4);
    assert!(keys.contains(&json!(1)) && keys.contains(&json!(1.0)), "{keys:?}");
    let table = mesh.daffi(&["hash", "items", "users", "-o", "table"]).ok();
    assert!(table.starts_with("KEY   VALUE\n") && table.contains("b     two …"), "{table}");

    let wrong = mesh.daffi_with("{\"key\":1}\n", &["hash", "set", "copy"]);
    assert_eq!(wrong.exit, 2);
    assert_eq!(wrong.err, "error: line 1 of stdin: not an object with `key` and `value`\n");
    let no_pair = mesh.daffi(&["hash", "set", "users", "ann", "41"]);
    assert_eq!(no_pair.exit, 2);
    assert!(no_pair.err.starts_with("error: `ann` is not KEY=VALUE\n"), "{}", no_pair.err);
}

#[test]
fn a_set_says_yes_or_no() {
    let mesh = Mesh::start();
    let set = |words: &[&str]| mesh.daffi(&[&["set"], words].concat());

    assert_eq!(set(&["add", "blocked", "10.0.0.7", "10.0.0.8", "10.0.0.7"]).ok(), "2\n");
    assert_eq!(set(&["has", "blocked", "10.0.0.7"]).exit, 0);
    assert_eq!(set(&["has", "blocked", "10.0.0.9"]).exit, 1);
    let has = set(&["has", "blocked", "10.0.0.9", "--json"]).json();
    assert_eq!(has, json!({ "v": 1, "set": "blocked", "value": "10.0.0.9", "has": false }));
    assert_eq!(set(&["len", "blocked"]).ok(), "2\n");
    assert_eq!(set(&["rm", "blocked", "10.0.0.8", "10.0.0.9"]).ok(), "1\n");
    let none = set(&["rm", "blocked", "10.0.0.9"]);
    assert_eq!((none.exit, &*none.out), (1, "0\n"));
    assert_eq!(set(&["random", "blocked"]).ok(), "10.0.0.7\n");
    assert_eq!(set(&["members", "blocked", "-o", "raw"]).ok(), "10.0.0.7\n");
    assert_eq!(set(&["pop", "blocked"]).ok(), "10.0.0.7\n");
    let empty = set(&["pop", "blocked"]);
    assert_eq!((empty.exit, &*empty.err), (1, "nothing is in the set `blocked`\n"));
    assert_eq!(set(&["random", "blocked"]).exit, 1);
}

#[test]
fn sets_are_combined_and_kept_as_another() {
    let mesh = Mesh::start();
    let set = |words: &[&str]| mesh.daffi(&[&["set"], words].concat());
    let raw = |words: &[&str]| set(&[words, &["-o", "raw"]].concat()).ok();
    set(&["add", "edible", "beans", "eggs"]).ok();
    set(&["add", "plants", "beans", "ivy"]).ok();
    set(&["add", "green", "ivy", "tea"]).ok();

    // In the order of the encoded members, the shorter first.
    assert_eq!(raw(&["union", "edible", "plants", "green"]), "ivy\ntea\neggs\nbeans\n");
    assert_eq!(raw(&["inter", "edible", "plants"]), "beans\n");
    assert_eq!(raw(&["diff", "edible", "plants", "green"]), "eggs\n");
    assert_eq!(raw(&["difference", "plants", "green"]), "beans\n");
    assert_eq!(raw(&["symdiff", "edible", "plants"]), "ivy\neggs\n");
    let listed = set(&["inter", "edible", "plants"]).jsons();
    assert_eq!(listed, [json!({ "v": 1, "set": "edible", "value": "beans" })]);
    assert_eq!(raw(&["inter", "edible", "green"]), "");
    assert_eq!(set(&["union", "edible"]).exit, 2, "with none there is nothing to combine");

    let kept = set(&["union", "edible", "plants", "--into", "all", "--json"]).json();
    assert_eq!(kept, json!({ "v": 1, "set": "all", "len": 3 }));
    assert_eq!(raw(&["members", "all"]), "ivy\neggs\nbeans\n");
    assert_eq!(set(&["diff", "all", "edible", "--into", "all"]).ok(), "1\n");
}

#[test]
fn a_set_takes_lines_and_gives_all_of_them_back() {
    let mesh = Mesh::start();
    let lines: String = (0..2_500).map(|number| format!("{number}\n")).collect();

    assert_eq!(mesh.daffi_with(&lines, &["set", "add", "numbers"]).ok(), "2500\n");

    assert_eq!(mesh.daffi(&["set", "members", "numbers"]).jsons().len(), 2_500);
    let popped = mesh.daffi(&["set", "pop", "numbers", "--all"]).jsons();
    let mut numbers: Vec<u64> = popped.iter().map(|line| line["value"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..2_500));
    assert_eq!(mesh.daffi(&["set", "pop", "numbers", "--all"]).exit, 1);
}

#[test]
fn a_set_with_a_limit_refuses_what_there_is_no_room_for() {
    let mesh = Mesh::start();

    let full = mesh.daffi(&["set", "add", "seats", "ann", "bob", "cat", "--limit", "2"]);

    assert_eq!((full.exit, &*full.out), (1, "2\n"));
    assert_eq!(full.err, "no room for 1: the set `seats` has 2 members\n");
    assert_eq!(mesh.daffi(&["set", "add", "seats", "dan", "--limit", "3"]).ok(), "1\n");
}

#[test]
fn objects_are_listed_by_kind_and_pattern() {
    let mesh = Mesh::start();
    mesh.daffi(&["hash", "set", "users", "a=1"]).ok();
    mesh.daffi(&["hash", "set", "orders", "a=1"]).ok();
    mesh.daffi(&["set", "add", "users", "a"]).ok();

    let names = |words: &[&str]| column(&mesh.daffi(words).jsons(), "name");
    assert_eq!(names(&["hash"]), ["orders", "users"]);
    assert_eq!(names(&["hash", "ls", "u*"]), ["users"]);
    assert_eq!(names(&["set", "ls"]), ["users"]);
    assert_eq!(names(&["counter"]), Vec::<Json>::new());
    assert_eq!(mesh.daffi(&["data", "-o", "raw"]).ok(), "hash/orders\nhash/users\nset/users\n");
    assert_eq!(mesh.daffi(&["data", "ls", "*/users", "-o", "raw"]).ok(), "hash/users\nset/users\n");
    assert!(mesh.daffi(&["data", "ls", "-o", "table"]).ok().starts_with("OBJECT        BYTES   REVISION"));
}

#[test]
fn a_whole_object_is_removed_by_those_who_are_sure() {
    let mesh = Mesh::start();
    mesh.daffi(&["hash", "set", "users", "a=1"]).ok();

    let refused = mesh.daffi(&["hash", "rm", "users"]);
    assert_eq!(refused.exit, 2);
    assert_eq!(
        refused.err,
        "error: removing the hash `users` removes all that is in it\n  \
           --> daffi hash rm users\n                    \
                             ^^^^^ not without being sure\n\
         help: if that is meant:\n      daffi hash rm users --yes\n"
    );
    assert_eq!(mesh.daffi(&["hash", "len", "users"]).ok(), "1\n");

    assert_eq!(mesh.daffi(&["hash", "rm", "users", "--yes"]).exit, 0);
    let again = mesh.daffi(&["hash", "rm", "users", "--yes", "--json"]);
    assert_eq!((again.exit, &again.json()["removed"]), (1, &json!(false)));
}
