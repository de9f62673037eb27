//! Spans of calls on both sides, joined by what travels with the calls.

use std::io;
use std::sync::{Arc, Mutex};

use daffi::prelude::*;
use daffi::trace::Traceparent;
use daffi::{CallError, Context, Stream, callback, callbacks, secs};
use futures::stream;
use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::offers::{add, echo, hold};
use crate::support::{HOUR, Mesh, failure, fresh_probe, in_virtual_time, probe};

const OUTER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Where it is in a trace.
#[callback(name = "trace.place")]
async fn place(ctx: &Context) -> Option<String> {
    ctx.traceparent().map(|trace| trace.to_string())
}

#[callback(name = "trace.place_inline", inline)]
async fn place_inline(ctx: &Context) -> Option<String> {
    ctx.traceparent().map(|trace| trace.to_string())
}

#[callback(name = "trace.place_on_thread")]
fn place_on_thread(ctx: &Context) -> Option<String> {
    ctx.traceparent().map(|trace| trace.to_string())
}

#[callback(name = "trace.places")]
async fn places(ctx: &Context) -> impl Stream<Item = Option<String>> + use<> {
    stream::iter([ctx.traceparent().map(|trace| trace.to_string())])
}

/// Notes where it is in a trace.
#[callback(name = "trace.note")]
async fn note(ctx: &Context, probe_name: String) {
    probe(&probe_name).note(format!("{:?}", ctx.traceparent().map(|trace| trace.to_string())));
}

/// Asks another node where that is in a trace.
#[callback(name = "trace.next_place")]
async fn next_place(ctx: &Context) -> daffi::Result<Option<String>> {
    ctx.node().call("trace.place", ()).on("last").await
}

fn offers() -> Vec<daffi::Callback> {
    callbacks![add, echo, hold, place, place_inline, place_on_thread, places, note, next_place]
}

/// The spans that have ended on this thread, for whoever looks at them.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<u8>>>);

impl io::Write for Spans {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Spans {
    /// Looks at the spans until the guard is dropped.
    fn watch(filter: &str) -> (Self, DefaultGuard) {
        let spans = Self::default();
        let out = spans.clone();
        let subscriber = tracing_subscriber::fmt().json().with_span_events(FmtSpan::CLOSE);
        let subscriber = subscriber.with_env_filter(filter).with_writer(move || out.clone()).finish();
        (spans, tracing::subscriber::set_default(subscriber))
    }

    fn all(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["fields"]["message"] == "close").map(|line| line["span"].clone()).collect()
    }

    /// The one of this name at this callback.
    #[track_caller]
    fn one(&self, name: &str, callback: &str) -> Value {
        let all = self.all();
        let is_it = |span: &&Value| span["name"] == name && span["callback"] == callback;
        let found: Vec<&Value> = all.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{name} {callback}: {all:#?}");
        found[0].clone()
    }
}

in_virtual_time![
    the_two_spans_of_a_call_are_joined,
    a_trace_goes_on_through_callbacks_that_call,
    a_trace_passes_through_processes_that_nobody_watches,
    every_mode_keeps_the_trace_but_schedules,
    calls_that_are_part_of_no_trace_carry_none,
    whoever_only_wants_events_gets_no_spans,
    a_traceparent_that_is_none_is_refused_before_it_is_sent,
    a_span_says_what_its_call_came_to,
];

async fn the_two_spans_of_a_call_are_joined(mesh: Mesh) {
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.caller().await;
    let (spans, _guard) = Spans::watch("daffi::calls=debug");

    assert_eq!(echo::call(&caller, "x".into()).traceparent(OUTER).await.unwrap(), "x");

    let (call, serve) = (spans.one("call", "it.echo"), spans.one("serve", "it.echo"));
    for span in [&call, &serve] {
        assert_eq!(span["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((&span["outcome"], &span["node"]), (&"ok".into(), &"server".into()));
    }
    assert_eq!((&call["parent_id"], &call["mode"]), (&"00f067aa0ba902b7".into(), &"foreground".into()));
    assert_eq!((&serve["parent_id"], &serve["caller"]), (&call["span_id"], &"caller".into()));
    assert_ne!(serve["span_id"], call["span_id"]);
}

async fn a_trace_goes_on_through_callbacks_that_call(mesh: Mesh) {
    let _nodes = (mesh.node("middle", offers()).await, mesh.node("last", offers()).await);
    let caller = mesh.caller().await;
    let (spans, _guard) = Spans::watch("daffi::calls=debug");

    let told = next_place::call(&caller).on("middle").await.unwrap().unwrap();

    let chain = [
        spans.one("call", "trace.next_place"),
        spans.one("serve", "trace.next_place"),
        spans.one("call", "trace.place"),
        spans.one("serve", "trace.place"),
    ];
    assert!(chain[0].get("parent_id").is_none(), "{:?}", chain[0]);
    for pair in chain.windows(2) {
        assert_eq!(pair[0]["trace_id"], pair[1]["trace_id"]);
        assert_eq!(pair[0]["span_id"], pair[1]["parent_id"]);
    }
    let told: Traceparent = told.parse().unwrap();
    assert_eq!(format!("{:016x}", told.span_id()), chain[3]["span_id"]);
    // Two calls by themselves are two traces.
    add::call(&caller, 1, 2).await.unwrap();
    assert_ne!(spans.one("call", "it.add")["trace_id"], chain[0]["trace_id"]);
}

async fn a_trace_passes_through_processes_that_nobody_watches(mesh: Mesh) {
    let _nodes = (mesh.node("middle", offers()).await, mesh.node("last", offers()).await);
    let caller = mesh.caller().await;

    let told = next_place::call(&caller).on("middle").traceparent(OUTER).await.unwrap();

    assert_eq!(told.as_deref(), Some(OUTER));
}

async fn every_mode_keeps_the_trace_but_schedules(mesh: Mesh) {
    let _server = mesh.node("server", offers()).await;
    let (name, probe) = fresh_probe();
    let outer = Some(OUTER.to_owned());
    let traced = mesh.caller().await.traced(OUTER.parse().unwrap());

    assert_eq!(place::call(&traced).await.unwrap(), outer);
    assert_eq!(place_inline::call(&traced).await.unwrap(), outer);
    assert_eq!(place_on_thread::call(&traced).await.unwrap(), outer);
    assert_eq!(place::call(&traced).retry(1).await.unwrap(), outer);
    assert_eq!(place::call(&traced).eta(secs(1)).await.unwrap(), outer);
    assert_eq!(place::call(&traced).bg().await.unwrap(), outer);
    let id = place::call(&traced).submit().await.unwrap();
    assert_eq!(traced.job::<Option<String>>(id).await.unwrap(), outer);
    let replies = place::call(&traced).broadcast().await.unwrap();
    assert_eq!(replies.all_ok().unwrap()["server"], outer);
    let items: Vec<_> = places::call(&traced).stream().try_collect().await.unwrap();
    assert_eq!(items, std::slice::from_ref(&outer));
    note::call(&traced, name.clone()).no_return().await.unwrap();
    traced.tell("trace.note", (&name,)).eta(secs(1)).no_return().await.unwrap();
    assert_eq!(traced.tell_each("trace.note", [(&name,), (&name,)]).await.unwrap(), 2);
    probe.wait_for_all(&format!("{outer:?}"), 4).await;

    note::call(&traced, name).every(secs(1)).times(1).await.unwrap();
    probe.wait_for("None").await;
}

async fn calls_that_are_part_of_no_trace_carry_none(mesh: Mesh) {
    let _nodes = (mesh.node("middle", offers()).await, mesh.node("last", offers()).await);
    let caller = mesh.caller().await;

    assert_eq!(next_place::call(&caller).on("middle").await.unwrap(), None);
    assert_eq!(place_inline::call(&caller).await.unwrap(), None);
}

async fn whoever_only_wants_events_gets_no_spans(mesh: Mesh) {
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.caller().await;
    let (spans, _guard) = Spans::watch("info");

    assert_eq!(place::call(&caller).await.unwrap(), None);

    assert_eq!(spans.all(), Vec::<Value>::new());
}

async fn a_traceparent_that_is_none_is_refused_before_it_is_sent(mesh: Mesh) {
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.caller().await;

    for bad in ["", "4bf92f35", &OUTER.to_uppercase()] {
        let error = failure(place::call(&caller).traceparent(bad).await);
        assert!(
            matches!(&error, CallError::BadArguments { got, .. } if got.contains("not a traceparent")),
            "{error}"
        );
    }
    assert_eq!(mesh.calls_started(), 0);
}

async fn a_span_says_what_its_call_came_to(mesh: Mesh) {
    let _server = mesh.node("server", offers()).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    let (spans, _guard) = Spans::watch("daffi::calls=debug");

    failure(caller.call::<()>("trace.nobody", ()).await);
    let mut held = std::pin::pin!(hold::call(&caller, name).timeout(HOUR).into_future());
    tokio::select! {
        _ = &mut held => panic!("nobody opened it"),
        () = probe.wait_for("started") => {}
    }
    held.set(hold::call(&caller, String::new()).into_future());
    probe.wait_for("ended").await;

    let nobody = spans.one("call", "trace.nobody");
    assert_eq!(nobody["outcome"], "D0404");
    assert!(nobody["error"].as_str().unwrap().contains("nobody offers"), "{nobody}");
    assert_eq!(spans.one("call", "it.hold")["outcome"], "cancelled");
    assert_eq!(spans.one("serve", "it.hold")["outcome"], "cancelled");
}
