//! Callbacks of a Rust program, with types that words must fit.

use std::collections::BTreeMap;

use daffi::{Node, callback};
use tokio::runtime::Runtime;

use crate::support::Mesh;

/// Add 2 numbers and return sum
#[callback]
fn func3(a: i64, b: i64) -> i64 {
    a + b
}

#[callback]
async fn divide(dividend: f64, divisor: f64) -> Result<f64, String> {
    if divisor == 0.0 { Err("division by zero".into()) } else { Ok(dividend / divisor) }
}

#[callback]
fn describe(name: String, age: Option<u8>, tags: Vec<String>) -> BTreeMap<String, String> {
    let age = age.map_or_else(|| "unknown".to_owned(), |age| age.to_string());
    [("name", name), ("age", age), ("tags", tags.join("+"))]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
}

#[callback]
fn size(bytes: Vec<u8>) -> usize {
    bytes.len()
}

#[callback]
fn nothing() {}

#[callback]
fn find(key: String) -> Option<i64> {
    (key == "known").then_some(1)
}

#[callback]
fn broken() -> u8 {
    panic!("a bug")
}

/// A mesh with the callbacks above on the node `proc1`, which lives as long as the rest.
struct Typed {
    mesh: Mesh,
    _node: Node,
    _runtime: Runtime,
}

impl Typed {
    fn start() -> Self {
        let mesh = Mesh::start();
        let runtime = Runtime::new().unwrap();
        let node = runtime.block_on(async { daffi::connect(&mesh.url).name("proc1").await.unwrap() });
        Self { mesh, _node: node, _runtime: runtime }
    }
}

#[test]
fn words_are_read_by_the_declared_types() {
    let Typed { mesh, .. } = &Typed::start();

    assert_eq!(mesh.daffi(&["call", "func3", "4", "6"]).ok(), "10\n");
    assert_eq!(mesh.daffi(&["call", "func3", "-4", "6"]).ok(), "2\n");
    assert_eq!(mesh.daffi(&["call", "func3", "a=4", "b=6", "--json"]).json()["result"], 10);
    assert_eq!(mesh.daffi_with("[4,6]", &["call", "func3", "-"]).ok(), "10\n");
    assert_eq!(mesh.daffi(&["call", "divide", "1", "4"]).ok(), "0.25\n");
    assert_eq!(mesh.daffi(&["call", "size", "[1,2,3]"]).ok(), "3\n");
    assert_eq!(mesh.daffi(&["call", "size", "bytes:=\"four\""]).ok(), "4\n");
}

#[test]
fn optional_arguments_may_be_left_out_or_null() {
    let Typed { mesh, .. } = &Typed::start();
    let age = |words: &[&str]| {
        let words = [&["call", "describe", "name=007", "tags=[\"a\",\"b\"]", "--json"], words].concat();
        mesh.daffi(&words).json()["result"].clone()
    };

    assert_eq!(age(&["age=5"]), serde_json::json!({ "name": "007", "age": "5", "tags": "a+b" }));
    assert_eq!(age(&["age=null"])["age"], "unknown");
    assert_eq!(age(&[])["age"], "unknown");
}

#[test]
fn nothing_prints_nothing_and_none_prints_null() {
    let Typed { mesh, .. } = &Typed::start();

    assert_eq!(mesh.daffi(&["call", "nothing"]).ok(), "");
    assert_eq!(mesh.daffi(&["call", "find", "known"]).ok(), "1\n");
    assert_eq!(mesh.daffi(&["call", "find", "other"]).ok(), "null\n");
}

#[test]
fn a_word_that_is_not_of_its_type_is_pointed_at_before_anything_is_sent() {
    let Typed { mesh, .. } = &Typed::start();

    let ran = mesh.daffi(&["call", "func3", "4", "six"]);

    assert_eq!(ran.exit, 2);
    assert_eq!(
        ran.err,
        "error[D0422]: `func3` cannot take these arguments\n\
        \x20 --> daffi call func3 4 six\n\
        \x20                        ^^^ expected i64, got the text \"six\"\n\
        \x20 = note: func3(a: i64, b: i64) -> i64   on proc1\n\
        \x20                       ------\n"
    );
}

#[test]
fn an_error_and_a_panic_of_a_callback_are_told_apart() {
    let Typed { mesh, .. } = &Typed::start();

    let failed = mesh.daffi(&["call", "divide", "1", "0"]);
    let panicked = mesh.daffi(&["call", "broken"]);

    assert_eq!((failed.exit, panicked.exit), (3, 3));
    assert_eq!(failed.err, "error[D0500]: `divide` failed on proc1: division by zero\n");
    assert!(
        panicked.err.starts_with("error[D0501]: `broken` panicked on proc1: a bug\n"),
        "{}",
        panicked.err
    );
    assert!(panicked.err.contains("  = at daffi-cli/tests/it/typed.rs:"), "{}", panicked.err);
}

#[test]
fn the_listing_reads_like_the_source() {
    let Typed { mesh, .. } = &Typed::start();

    let table = mesh.daffi(&["callbacks", "func*", "-o", "table"]).ok();
    let stubs = mesh.daffi(&["callbacks", "--stubs", "rust"]).ok();

    assert_eq!(
        table,
        "CALLBACK                       NODES   DOC\n\
         func3(a: i64, b: i64) -> i64   proc1   Add 2 numbers and return sum\n"
    );
    let declared = "/// Add 2 numbers and return sum\n#[remote]\npub fn func3(a: i64, b: i64) -> i64;\n";
    assert!(stubs.contains(declared), "{stubs}");
}
