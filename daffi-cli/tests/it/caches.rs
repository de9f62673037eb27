//! Caches from the shell.

use serde_json::json;

use crate::support::Mesh;

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_is_shown_and_cleared_from_the_shell() {
    let mesh = Mesh::start();
    let node = daffi::connect(&mesh.url).await.unwrap();
    let cache = node.cache::<(String, (i64,)), i64>("squares");
    let square =
        async |n: i64| cache.get_or_compute(("square".to_owned(), (n,)), || async { n * n }).await.unwrap();
    assert_eq!((square(-1).await, square(-2).await, square(3).await), (1, 4, 9));
    let daffi = |words: &[&str]| mesh.daffi(&[&["cache"], words].concat());

    let listed = daffi(&["ls"]).json();
    assert_eq!((&listed["kind"], &listed["name"]), (&json!("cache"), &json!("squares")));
    let info = daffi(&["info", "squares"]).json();
    assert_eq!(
        info,
        json!({ "v": 1, "cache": "squares", "hits": 0, "misses": 3, "size": 3, "computing": 0 })
    );
    let table = daffi(&["info", "squares", "-o", "table"]).ok();
    assert_eq!(table, "HITS   MISSES   SIZE   COMPUTING\n0      3        3      0\n");
    let shown = daffi(&["show", "squares"]).jsons();
    assert_eq!(shown[0], json!({ "v": 1, "cache": "squares", "key": ["square", [3]], "value": 9 }));

    assert_eq!(daffi(&["forget", "squares", r#"["square",[-1]]"#]).exit, 0);
    let again = daffi(&["forget", "squares", r#"["square",[-1]]"#]);
    assert_eq!((again.exit, &*again.err), (1, "there is no value by this key in `squares`\n"));
    assert_eq!(square(-1).await, 1);
    assert_eq!(daffi(&["info", "squares"]).json()["misses"], 4);
    assert_eq!(daffi(&["clear", "squares"]).ok(), "3\n");
    assert_eq!((daffi(&["clear", "squares"]).exit, daffi(&["ls"]).ok()), (1, String::new()));
}
