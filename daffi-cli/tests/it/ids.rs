//! Numbers that are given once, from the shell.

use serde_json::json;

use crate::support::Mesh;

#[test]
fn numbers_are_given_once_one_at_a_time_or_many() {
    let mesh = Mesh::start();
    let id = |words: &[&str]| mesh.daffi(&[&["id"], words].concat());
    assert_eq!(id(&["show", "user-ids"]).ok(), "0\n");

    assert_eq!(id(&["next", "user-ids"]).ok(), "1\n");
    assert_eq!(id(&["next", "user-ids", "--count", "3"]).ok(), "2\n3\n4\n");
    assert_eq!(id(&["next", "comment-ids"]).ok(), "1\n");
    assert_eq!(
        id(&["next", "user-ids", "--count", "10", "--json"]).json(),
        json!({ "v": 1, "id": "user-ids", "first": 5, "last": 14 })
    );
    assert_eq!(id(&["show", "user-ids"]).ok(), "14\n");
    assert_eq!(id(&["show", "user-ids", "--json"]).json(), json!({ "v": 1, "id": "user-ids", "last": 14 }));

    let listed = id(&["ls", "-o", "raw"]).ok();
    assert_eq!(listed, "comment-ids\nuser-ids\n");
    assert_eq!(id(&["rm", "user-ids", "--yes"]).exit, 0);
    assert_eq!(id(&["next", "user-ids"]).ok(), "1\n");
}

#[test]
fn numbers_that_there_are_not_are_refused() {
    let mesh = Mesh::start();
    let id = |words: &[&str]| mesh.daffi(&[&["id"], words].concat());
    let too_many = ((1_u64 << 32) + 1).to_string();

    for count in ["0", &too_many] {
        let refused = id(&["next", "ids", "--count", count]);
        assert_eq!((refused.exit, &*refused.out), (2, ""));
        assert!(refused.err.contains("is not in 1..=4294967296"), "{}", refused.err);
    }
    assert_eq!(id(&["next", "ids"]).ok(), "1\n");
}
