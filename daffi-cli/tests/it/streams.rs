//! Streams: items on stdout as they come, lines of stdin as an argument.

use std::io::Write;
use std::process::Stdio;

use daffi::{Incoming, Node, Stream, callback, callbacks};
use futures::{StreamExt, stream};
use rustix::process::Signal;
use tokio::runtime::Runtime;

use crate::support::{Mesh, Process};

#[callback]
async fn numbers(n: u64) -> impl Stream<Item = u64> {
    stream::iter(0..n)
}

#[callback]
async fn failing() -> impl Stream<Item = Result<String, String>> {
    stream::iter([Ok("one".to_owned()), Ok("two".to_owned()), Err("no more".to_owned())])
}

#[callback]
async fn stuck() -> impl Stream<Item = u64> {
    stream::iter([1]).chain(stream::pending())
}

#[callback]
async fn total(start: i64, mut items: Incoming<i64>) -> daffi::Result<i64> {
    let mut total = start;
    while let Some(item) = items.next().await {
        total += item?;
    }
    Ok(total)
}

#[callback]
fn doubled(items: Incoming<i64>, by: i64) -> impl Stream<Item = daffi::Result<i64>> {
    items.map(move |item| Ok(by * item?))
}

#[callback]
fn shout(lines: Incoming<String>) -> impl Stream<Item = daffi::Result<String>> {
    lines.map(|line| Ok(line?.to_uppercase()))
}

#[callback]
async fn large() -> impl Stream<Item = String> {
    stream::repeat("x".repeat(1 << 20))
}

struct Streaming {
    mesh: Mesh,
    _node: Node,
    _runtime: Runtime,
}

impl Streaming {
    fn start() -> Self {
        let mesh = Mesh::start();
        let runtime = Runtime::new().unwrap();
        let callbacks = callbacks![numbers, failing, stuck, total, doubled, shout, large];
        let node =
            runtime.block_on(async { daffi::connect(&mesh.url).name("proc1").registry(callbacks).await });
        Self { mesh, _node: node.unwrap(), _runtime: runtime }
    }
}

#[test]
fn items_are_lines_of_json() {
    let Streaming { mesh, .. } = &Streaming::start();

    assert_eq!(mesh.daffi(&["call", "numbers", "3"]).ok(), "0\n1\n2\n");
    assert_eq!(mesh.daffi(&["call", "numbers", "0"]).ok(), "");
    let lines = mesh.daffi(&["call", "numbers", "n=2", "--json"]).jsons();
    assert_eq!((&lines[0]["item"], &lines[1]["item"]), (&0.into(), &1.into()));
}

#[test]
fn an_error_comes_after_the_items_before_it() {
    let Streaming { mesh, .. } = &Streaming::start();

    let ran = mesh.daffi(&["call", "failing"]);

    assert_eq!(ran.out, "\"one\"\n\"two\"\n");
    assert!(ran.exit != 0 && ran.err.contains("no more"), "{ran:?}");
}

#[test]
fn the_timeout_is_for_each_item() {
    let Streaming { mesh, .. } = &Streaming::start();

    let ran = mesh.daffi(&["call", "stuck", "--timeout", "50ms"]);

    assert_eq!((ran.out.as_str(), ran.exit), ("1\n", 5));
}

#[test]
fn lines_of_stdin_are_a_stream() {
    let Streaming { mesh, .. } = &Streaming::start();

    assert_eq!(mesh.daffi_with("1\n2\n\n3\n", &["call", "total", "10", "items=-"]).ok(), "16\n");
    assert_eq!(mesh.daffi_with("", &["call", "total", "start=10", "items=-"]).ok(), "10\n");
    assert_eq!(mesh.daffi_with("1\n2\n", &["call", "doubled", "items=-", "3"]).ok(), "3\n6\n");
}

#[test]
fn each_line_is_answered_before_the_next_is_typed() {
    let Streaming { mesh, .. } = &Streaming::start();
    let mut command = mesh.command(&["call", "doubled", "items=-", "2"]);
    let (stdin, mut keyboard) = std::io::pipe().unwrap();
    let mut process = Process::start(command.stdin(Stdio::from(stdin)));
    // The command has an end of its own of the pipe, and the process would wait for it.
    drop(command);

    for number in 1..=3 {
        writeln!(keyboard, "{number}").unwrap();
        assert_eq!(process.line(), (2 * number).to_string());
    }
    drop(keyboard);

    assert_eq!(process.finish().exit, 0);
}

#[test]
fn a_line_that_is_no_item_is_named() {
    let Streaming { mesh, .. } = &Streaming::start();

    let ran = mesh.daffi_with("1\nfour\n3\n", &["call", "total", "10", "items=-"]);

    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.err.contains("line 2 of stdin: expected i64 as JSON, got \"four\""), "{}", ran.err);
}

#[test]
fn an_interrupt_ends_it_even_if_nobody_reads_what_it_prints() {
    let Streaming { mesh, .. } = &Streaming::start();
    let mut process = Process::start(&mut mesh.command(&["call", "large"]));

    // Before the next line ends, the pipe is full.
    assert_eq!(process.line().len(), (1 << 20) + 2);
    process.signal(Signal::INT);

    assert_eq!(process.finish().exit, 130);
}

#[test]
fn a_line_that_is_too_large_is_not_sent_and_a_long_one_not_repeated() {
    let Streaming { mesh, .. } = &Streaming::start();
    let large = format!("\"{}\"\n", "x".repeat(5 << 20));

    let ran = mesh.daffi_with(&large, &["call", "shout", "lines=-"]);
    assert_eq!(ran.exit, 2, "{}", ran.err);
    assert!(ran.err.contains("line 1 of stdin: 5242885 bytes are more than the 4194304"), "{}", ran.err);

    let ran = mesh.daffi_with(&"[".repeat(5_000), &["call", "shout", "lines=-"]);
    assert_eq!(ran.exit, 2, "{}", ran.err);
    assert!(ran.err.contains("(5000 bytes)") && ran.err.len() < 300, "{}", ran.err);
}

#[test]
fn a_stream_that_is_missing_or_given_otherwise_is_refused() {
    let Streaming { mesh, .. } = &Streaming::start();
    let help = "`items=-` takes it from the lines of stdin, each a JSON value";

    for arguments in [&["10"][..], &["10", "items=5"], &["10", "items:=[1]"]] {
        let ran = mesh.daffi(&[&["call", "total"], arguments].concat());
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.err.contains(help), "{}", ran.err);
    }
    let ran = mesh.daffi(&["call", "numbers", "3", "--mode", "bg"]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.err.contains("`numbers` has a stream, which goes with `--mode fg` only"), "{}", ran.err);
}

#[test]
fn stubs_have_streams_as_rust_spells_them() {
    let Streaming { mesh, .. } = &Streaming::start();

    let stubs = mesh.daffi(&["callbacks", "--stubs", "rust"]).ok();

    assert!(
        stubs.contains("fn doubled(items: daffi::Incoming<i64>, by: i64) -> impl daffi::Stream<Item = "),
        "{stubs}"
    );
    assert!(stubs.contains("fn numbers(n: u64) -> impl daffi::Stream<Item = u64>;"), "{stubs}");
}
