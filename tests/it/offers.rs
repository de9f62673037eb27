//! The callbacks that the tests call. Their names begin with `it.`: all tests of this binary share one inventory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex};

use daffi::{Context, callback};
use serde::{Deserialize, Serialize};

use crate::support::{GUARD, probe};

/// Adds two numbers.
#[callback(name = "it.add")]
pub(crate) async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Subtracts two numbers, on a thread.
#[callback(name = "it.subtract")]
pub(crate) fn subtract(a: i64, b: i64) -> i64 {
    a - b
}

/// Gives back a text.
#[callback(name = "it.echo", inline)]
pub(crate) async fn echo(text: String) -> String {
    text
}

/// The node that runs it.
#[callback(name = "it.place")]
pub(crate) async fn place(ctx: &Context) -> String {
    ctx.node_name().to_string()
}

/// Says that it has started, and returns when its probe is opened.
#[callback(name = "it.hold")]
pub(crate) async fn hold(probe_name: String) -> u64 {
    let probe = probe(&probe_name);
    let _ended = probe.note_on_drop("ended");
    probe.note("started");
    probe.opened().await;
    probe.note("finished");
    7
}

/// As `it.hold`, and says so when it is cancelled; then it waits to be aborted.
#[callback(name = "it.watch")]
pub(crate) async fn watch(ctx: &Context, probe_name: String) -> u64 {
    let probe = probe(&probe_name);
    let _ended = probe.note_on_drop("ended");
    probe.note("started");
    tokio::select! {
        () = ctx.cancelled() => probe.note("cancelled"),
        () = probe.opened() => return 7,
    }
    probe.opened().await;
    probe.note("finished");
    7
}

/// Returns once it is cancelled, and not before.
#[callback(name = "it.stubborn")]
pub(crate) async fn stubborn(ctx: &Context, probe_name: String) -> i64 {
    let probe = probe(&probe_name);
    probe.note("started");
    ctx.cancelled().await;
    probe.note("cancelled");
    666
}

/// Says which node it runs on, and returns when its probe is opened.
#[callback(name = "it.hold_at")]
pub(crate) async fn hold_at(ctx: &Context, probe_name: String) -> String {
    let probe = probe(&probe_name);
    probe.note(ctx.node_name().as_str());
    probe.opened().await;
    ctx.node_name().to_string()
}

/// Waits on its node until the probe of the node's own name is opened.
#[callback(name = "it.hold_here")]
pub(crate) async fn hold_here(ctx: &Context, probe_name: String) -> String {
    let place = ctx.node_name().as_str();
    probe(&probe_name).note(place);
    probe(&format!("{probe_name}@{place}")).opened().await;
    place.to_owned()
}

/// Notes a number.
#[callback(name = "it.note", inline)]
pub(crate) async fn note(probe_name: String, what: String) {
    probe(&probe_name).note(what);
}

/// Returns when two of it run at once, each on a thread; `false` if the other does not come.
#[callback(name = "it.meet")]
pub(crate) fn meet(probe_name: String) -> bool {
    static HERE: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    static CAME: Condvar = Condvar::new();
    let mut here = HERE.lock().unwrap();
    *here.entry(probe_name.clone()).or_default() += 1;
    CAME.notify_all();
    // Not for ever: a thread that never returns would hold up the end of its test.
    let waited = CAME.wait_timeout_while(here, GUARD / 2, |here| here[&probe_name] < 2);
    !waited.unwrap().1.timed_out()
}

/// Divides, if it can.
#[callback(name = "it.divide")]
pub(crate) fn divide(a: i64, b: i64) -> Result<i64, String> {
    a.checked_div(b).ok_or_else(|| format!("{a} cannot be divided by {b}"))
}

/// An error with a cause.
#[derive(Debug)]
pub(crate) struct Unreadable(std::num::ParseIntError);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a number")
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Reads a number.
#[callback(name = "it.read")]
pub(crate) async fn read(text: String) -> Result<i64, Unreadable> {
    text.parse().map_err(Unreadable)
}

/// Panics.
#[callback(name = "it.panic")]
pub(crate) async fn panic(message: String) -> i64 {
    panic!("{message}")
}

/// Panics on its thread.
#[callback(name = "it.panic_on_thread")]
pub(crate) fn panic_on_thread(message: String) -> i64 {
    panic!("{message}")
}

/// What no encoder takes.
#[derive(Debug, Deserialize)]
pub(crate) struct Unsendable;

impl Serialize for Unsendable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it does not want to travel"))
    }
}

/// Returns what cannot be sent.
#[callback(name = "it.unsendable")]
pub(crate) async fn unsendable() -> Unsendable {
    Unsendable
}

/// Returns as many bytes as asked for.
#[callback(name = "it.bytes")]
pub(crate) async fn bytes(count: u64) -> Vec<u8> {
    vec![0; usize::try_from(count).unwrap()]
}

/// How many bytes it was given.
#[callback(name = "it.count")]
pub(crate) async fn count(bytes: Vec<u8>) -> u64 {
    bytes.len() as u64
}
