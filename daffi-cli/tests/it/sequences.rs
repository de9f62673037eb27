//! Lists, deques and multisets from the shell.

use serde_json::{Value as Json, json};

use crate::support::Mesh;

/// The values of a listing.
fn column(lines: &[Json]) -> Vec<Json> {
    lines.iter().map(|line| line["value"].clone()).collect()
}

#[test]
fn a_list_has_its_values_at_their_places() {
    let mesh = Mesh::start();
    let list = |words: &[&str]| mesh.daffi(&[&["list"], words].concat());

    assert_eq!(list(&["push", "lyrics", "everything"]).ok(), "1\n");
    assert_eq!(list(&["append", "lyrics", "in", "its", "right", "..."]).ok(), "5\n");
    assert_eq!(list(&["get", "lyrics", "0"]).ok(), "everything\n");
    assert_eq!(list(&["set", "lyrics", "-1", "place"]).exit, 0);
    let all = list(&["get", "lyrics"]).jsons();
    assert_eq!(column(&all), ["everything", "in", "its", "right", "place"]);
    assert_eq!(all[0], json!({ "v": 1, "list": "lyrics", "value": "everything" }));
    assert_eq!(column(&list(&["get", "lyrics", "1:4:2"]).jsons()), ["in", "right"]);
    assert_eq!(column(&list(&["get", "lyrics", "--", "-2:"]).jsons()), ["right", "place"]);
    assert_eq!(list(&["insert", "lyrics", "-1", "5"]).ok(), "6\n");
    assert_eq!(list(&["get", "lyrics", "-2", "--json"]).json()["value"], 5);
    assert_eq!(list(&["pop", "lyrics"]).ok(), "place\n");
    assert_eq!(list(&["pop", "lyrics", "0"]).ok(), "everything\n");
    assert_eq!(list(&["sort", "lyrics", "--descending"]).exit, 0);
    assert_eq!(
        column(&list(&["get", "lyrics"]).jsons()),
        [json!("right"), json!("its"), json!("in"), json!(5)]
    );
    assert_eq!(list(&["len", "lyrics"]).ok(), "4\n");
    assert_eq!(list(&["ls", "-o", "raw"]).ok(), "lyrics\n");
    assert_eq!(list(&["rm", "lyrics", "--yes"]).exit, 0);
    assert_eq!(list(&["len", "lyrics"]).ok(), "0\n");
}

#[test]
fn a_place_that_a_list_has_not_is_a_no_and_what_is_none_is_said() {
    let mesh = Mesh::start();
    let list = |words: &[&str]| mesh.daffi(&[&["list"], words].concat());
    list(&["push", "l", "1"]).ok();

    let absent = list(&["get", "l", "7"]);
    assert_eq!((absent.exit, &*absent.err), (1, "nothing at the place 7 of `l`\n"));
    assert_eq!(list(&["pop", "none"]).exit, 1);
    let set = list(&["set", "l", "7", "x"]);
    assert_eq!(set.exit, 2);
    assert!(set.err.contains("no value at the place 7: there are 1"), "{}", set.err);
    let wrong = list(&["get", "l", "first"]);
    assert_eq!(wrong.exit, 2);
    assert!(wrong.err.starts_with("error: `first` is no place\n"), "{}", wrong.err);
    assert_eq!(list(&["get", "l", "::0"]).exit, 2);
    assert_eq!(list(&["rm", "l"]).exit, 2, "not without being sure");
}

#[test]
fn a_list_takes_lines_and_gives_all_of_them_back_in_order() {
    let mesh = Mesh::start();
    let lines: String = (0..2_500).map(|number| format!("{number}\n")).collect();

    assert_eq!(mesh.daffi_with(&lines, &["list", "push", "numbers"]).ok(), "2500\n");
    assert_eq!(mesh.daffi_with("", &["list", "push", "numbers"]).ok(), "2500\n", "as many as there are");

    let numbers = mesh.daffi(&["list", "get", "numbers"]).jsons();
    assert!(column(&numbers).into_iter().eq((0..2_500).map(Json::from)));
}

#[test]
fn a_deque_keeps_the_latest_within_its_bound() {
    let mesh = Mesh::start();
    let deque = |words: &[&str]| mesh.daffi(&[&["deque"], words].concat());

    assert_eq!(deque(&["push", "latest", "1", "2", "3", "4", "--maxlen", "3"]).ok(), "3\n");
    assert_eq!(deque(&["push", "latest", "5"]).ok(), "3\n");
    assert_eq!(column(&deque(&["get", "latest"]).jsons()), [3, 4, 5]);
    assert_eq!(deque(&["push", "latest", "7", "8", "--front"]).ok(), "3\n");
    assert_eq!(column(&deque(&["get", "latest"]).jsons()), [8, 7, 3]);
    assert_eq!(mesh.daffi_with("", &["deque", "push", "latest"]).ok(), "3\n", "as many as there are");
    assert_eq!(deque(&["rotate", "latest", "-4"]).exit, 0);
    assert_eq!(column(&deque(&["get", "latest"]).jsons()), [7, 3, 8]);
    assert_eq!(deque(&["get", "latest", "-1"]).ok(), "8\n");
    assert_eq!(deque(&["pop", "latest"]).ok(), "8\n");
    assert_eq!(deque(&["pop", "latest", "--front"]).ok(), "7\n");
    assert_eq!(deque(&["len", "latest"]).ok(), "1\n");

    let other = deque(&["push", "latest", "9", "--maxlen", "5"]);
    assert_eq!(other.exit, 2);
    let told = "expected a deque of maxlen 5, found one of maxlen 3";
    assert!(other.err.contains(told), "{}", other.err);
    assert_eq!(deque(&["rm", "latest", "--yes"]).exit, 0);
    let empty = deque(&["pop", "latest"]);
    assert_eq!((empty.exit, &*empty.err), (1, "nothing is in the deque `latest`\n"));
}

#[test]
fn a_multiset_says_what_counts_most() {
    let mesh = Mesh::start();
    let multiset = |words: &[&str]| mesh.daffi(&[&["multiset"], words].concat());

    assert_eq!(multiset(&["add", "words", "tea", "milk", "tea"]).ok(), "3\n");
    assert_eq!(mesh.daffi_with("milk\nsugar\n", &["multiset", "add", "words"]).ok(), "2\n");
    assert_eq!(multiset(&["incr", "words", "tea", "5"]).ok(), "7\n");
    assert_eq!(multiset(&["inc", "words", "sugar", "-3"]).ok(), "-2\n");
    assert_eq!(multiset(&["get", "words", "milk"]).ok(), "2\n");
    assert_eq!(multiset(&["get", "words", "coffee"]).ok(), "0\n");
    let most = multiset(&["top", "words", "2"]).jsons();
    assert_eq!(column(&most), ["tea", "milk"]);
    assert_eq!(most[0], json!({ "v": 1, "multiset": "words", "value": "tea", "count": 7 }));
    let table = multiset(&["top", "words", "-o", "table"]).ok();
    assert_eq!(table, "VALUE   COUNT\ntea     7\nmilk    2\nsugar   -2\n");
    assert_eq!(multiset(&["items", "words"]).jsons().len(), 3);
    assert_eq!(multiset(&["total", "words"]).ok(), "7\n");
    assert_eq!(multiset(&["rm", "words", "tea"]).ok(), "7\n");
    let absent = multiset(&["rm", "words", "tea"]);
    assert_eq!((absent.exit, &*absent.err), (1, "\"tea\" is not in the multiset `words`\n"));
    assert_eq!(multiset(&["len", "words"]).ok(), "2\n");
    assert_eq!(multiset(&["rm", "words", "--yes"]).exit, 0);
}
