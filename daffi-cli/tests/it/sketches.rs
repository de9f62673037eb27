//! HyperLogLogs and Bloom filters from the shell.

use serde_json::json;

use crate::support::Mesh;

#[test]
fn different_values_are_counted_once() {
    let mesh = Mesh::start();
    let hll = |words: &[&str]| mesh.daffi(&[&["hll"], words].concat());

    assert_eq!(hll(&["add", "searches", "snake", "pac-man", "snake"]).ok(), "2\n");
    assert_eq!(hll(&["add", "searches", "5", "5.0", "\"5\""]).ok(), "5\n");
    assert_eq!(hll(&["count", "searches"]).ok(), "5\n");
    assert_eq!(hll(&["len", "never"]).ok(), "0\n");

    let again = hll(&["add", "searches", "snake", "--json"]).json();
    assert_eq!(again, json!({ "v": 1, "hll": "searches", "changed": false, "count": 5 }));
    let counted = hll(&["count", "searches", "--json"]).json();
    assert_eq!(counted, json!({ "v": 1, "hll": "searches", "count": 5 }));
    assert_eq!(hll(&["ls", "-o", "raw"]).ok(), "searches\n");
    assert_eq!(hll(&["rm", "searches"]).exit, 2);
    assert_eq!(hll(&["rm", "searches", "--yes"]).exit, 0);
    assert_eq!(hll(&["rm", "searches", "--yes"]).exit, 1);
    assert_eq!(hll(&["count"]).exit, 2);
}

#[test]
fn many_lines_are_counted_about_right() {
    let mesh = Mesh::start();
    let lines: String = (0..10_000).map(|number| format!("{}\n", number % 5_000)).collect();

    let count: u64 = mesh.daffi_with(&lines, &["hll", "add", "numbers"]).ok().trim().parse().unwrap();

    assert!(count.abs_diff(5_000) < 120, "{count}");
}

#[test]
fn several_are_counted_together_and_merged() {
    let mesh = Mesh::start();
    let hll = |words: &[&str]| mesh.daffi(&[&["hll"], words].concat());
    hll(&["add", "monday", "ann", "bob"]).ok();
    hll(&["add", "tuesday", "bob", "eve"]).ok();

    assert_eq!(hll(&["count", "monday", "tuesday", "never"]).ok(), "3\n");
    let counted = hll(&["count", "monday", "tuesday", "--json"]).json();
    assert_eq!(counted, json!({ "v": 1, "hll": "monday", "count": 3, "with": ["tuesday"] }));
    assert_eq!(hll(&["merge", "week", "monday", "tuesday"]).ok(), "3\n");
    assert_eq!(hll(&["count", "week"]).ok(), "3\n");
    assert_eq!(hll(&["count", "monday"]).ok(), "2\n");
    let again = hll(&["merge", "week", "monday", "--json"]).json();
    assert_eq!(again, json!({ "v": 1, "hll": "week", "changed": false, "count": 3 }));
    assert_eq!(hll(&["merge", "week"]).exit, 2);
}

#[test]
fn a_filter_says_what_it_may_have_seen_and_what_it_has_not() {
    let mesh = Mesh::start();
    let bloom = |words: &[&str]| mesh.daffi(&[&["bloom"], words].concat());

    assert_eq!(bloom(&["new", "dilberts", "--expect", "100", "--false-positives", "0.01"]).ok(), "");
    assert_eq!(bloom(&["add", "dilberts", "rajiv"]).ok(), "1\n");
    assert_eq!(bloom(&["add", "dilberts", "rajiv"]).ok(), "0\n");
    let has = bloom(&["has", "dilberts", "rajiv"]);
    assert_eq!((has.exit, &*has.out), (0, "yes\n"));
    let has_not = bloom(&["has", "dilberts", "raj"]);
    assert_eq!((has_not.exit, &*has_not.out), (1, "no\n"));
    assert_eq!(
        bloom(&["has", "dilberts", "dan", "--json"]).json(),
        json!({ "v": 1, "bloom": "dilberts", "value": "dan", "has": false })
    );
    assert_eq!(mesh.daffi_with("raj\ndan\n{\"a\":1}\n", &["bloom", "add", "dilberts"]).ok(), "3\n");
    assert_eq!(bloom(&["has", "dilberts", "{\"a\":1}"]).exit, 0);
    assert_eq!(bloom(&["count", "dilberts"]).ok(), "4\n");
    assert_eq!(bloom(&["-o", "raw"]).ok(), "dilberts\n");
    assert_eq!(bloom(&["rm", "dilberts"]).exit, 2);
    assert_eq!(bloom(&["rm", "dilberts", "--yes"]).exit, 0);
}

#[test]
fn a_filter_keeps_what_it_was_made_for() {
    let mesh = Mesh::start();
    let bloom = |words: &[&str]| mesh.daffi(&[&["bloom"], words].concat());

    let made = bloom(&["new", "seen", "--expect", "1000000", "--json"]).json();
    assert_eq!(
        made,
        json!({
            "v": 1, "bloom": "seen", "expect": 1_000_000, "false_positives": 0.01,
            "hash": "Pottery", "bits": 9_585_059, "hashes": 7
        })
    );
    assert_eq!(bloom(&["new", "seen", "--expect", "1000000"]).exit, 0);
    let other = bloom(&["new", "seen", "--expect", "5000"]);
    assert_eq!(other.exit, 2);
    assert!(
        other.err.contains("expected a filter for 5000 elements with 0.01 false positives"),
        "{}",
        other.err
    );
    assert!(other.err.contains("found a filter for 1000000 elements"), "{}", other.err);
    assert_eq!(bloom(&["new", "seen", "--expect", "1000000", "--wide"]).exit, 2);
    assert_eq!(bloom(&["new", "wide", "--expect", "9", "--wide", "--json"]).json()["hash"], "Wide");
    for words in [["0", "0.01"], ["9", "0"], ["9", "1"], ["9", "NaN"], ["99999999999", "0.01"]] {
        let refused = bloom(&["new", "none", "--expect", words[0], "--false-positives", words[1]]);
        assert_eq!(refused.exit, 2, "{}", refused.err);
    }
    assert_eq!(bloom(&["ls", "-o", "raw"]).ok(), "seen\nwide\n");
}

#[test]
fn of_a_filter_that_is_not_there_nothing_is_said_but_that() {
    let mesh = Mesh::start();
    for words in [
        &["bloom", "add", "no such", "a"][..],
        &["bloom", "has", "no such", "a"],
        &["bloom", "count", "no such"],
    ] {
        let refused = mesh.daffi(words);

        assert_eq!((refused.exit, &*refused.out), (2, ""));
        assert!(refused.err.contains("there is no Bloom filter `no such`"), "{}", refused.err);
        assert!(refused.err.contains("daffi bloom new 'no such' --expect 1000"), "{}", refused.err);
    }
}

#[test]
fn sketches_are_exported_and_come_back_as_they_were() {
    let mesh = Mesh::start();
    let lines: String = (0..3_000).map(|number| format!("{number}\n")).collect();
    mesh.daffi(&["bloom", "new", "seen", "--expect", "5000"]).ok();
    mesh.daffi_with(&lines, &["bloom", "add", "seen"]).ok();
    let count = mesh.daffi_with(&lines, &["hll", "add", "numbers"]).ok();
    let exported = mesh.daffi(&["data", "export"]).ok();
    mesh.daffi(&["bloom", "rm", "seen", "--yes"]).ok();
    mesh.daffi(&["hll", "rm", "numbers", "--yes"]).ok();

    mesh.daffi_with(&exported, &["data", "import", "-"]).ok();

    assert_eq!(mesh.daffi(&["hll", "count", "numbers"]).ok(), count);
    assert_eq!(mesh.daffi(&["bloom", "has", "seen", "2999"]).exit, 0);
    assert_eq!(mesh.daffi(&["data", "export"]).ok(), exported);
}
