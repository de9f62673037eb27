//! Threads without async: the same words, and nothing underneath but the async ones.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use daffi::blocking::{self, Node, feed};
use daffi::prelude::*;
use daffi::{CallError, Callback, Code, Incoming, Stream};
use futures::stream;
use tempfile::TempDir;

use crate::offers::{add, hold, note, place, subtract, watch};
use crate::support::{GUARD, HOUR, failure, fresh_probe, unique, wait};

/// Runs a test to its end; one that hangs fails.
fn guarded(test: impl FnOnce() + Send + 'static) {
    let (ended, end) = mpsc::channel();
    let running = thread::spawn(move || {
        test();
        ended.send(()).unwrap();
    });
    if end.recv_timeout(GUARD) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("the test did not end within {GUARD:?}");
    }
    if let Err(panic) = running.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A controller at a socket, with the node that it shares a process with.
struct Mesh {
    hub: Node,
    url: String,
    _directory: TempDir,
}

impl Mesh {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("unix://{}", directory.path().join("controller.sock").display());
        let hub =
            blocking::connect(&url).name("hub").registry(callbacks![]).with_controller().open().unwrap();
        Self { hub, url, _directory: directory }
    }

    fn node(&self, name: &str, callbacks: Vec<Callback>) -> Node {
        blocking::connect(&self.url).name(name).registry(callbacks).open().unwrap()
    }
}

/// A plain function that calls another callback and waits for it.
#[callback(name = "blocking.relay")]
fn relay(ctx: &Context, a: i64, b: i64) -> daffi::Result<i64> {
    subtract::call(&ctx.node(), a, b).blocking().fg()
}

#[callback(name = "blocking.numbers")]
async fn numbers(n: u64) -> impl Stream<Item = u64> {
    stream::iter(0..n)
}

#[callback(name = "blocking.sum")]
async fn sum(mut items: Incoming<u64>) -> daffi::Result<u64> {
    let mut sum = 0;
    while let Some(item) = items.next().await {
        sum += item?;
    }
    Ok(sum)
}

#[test]
fn every_mode_has_an_ending_that_waits() {
    guarded(|| {
        let mesh = Mesh::start();
        let _worker = mesh.node("worker", callbacks![add, place, note]);
        let caller = mesh.node("caller", Vec::new());
        let (name, probe) = fresh_probe();

        let call = || caller.call::<i64>("it.add", (1, 2));
        assert_eq!(call().timeout(HOUR).on("worker").key("k").fg().unwrap(), 3);
        assert_eq!(call().with_node().unwrap().0.as_str(), "worker");
        assert_eq!(call().bg().wait().unwrap(), 3);
        assert_eq!(caller.job::<i64>(call().submit().unwrap()).wait().unwrap(), 3);
        let replies = call().broadcast().unwrap();
        assert_eq!(replies.get("worker"), Some(&Ok(3)));
        let short = call().broadcast_with(|broadcast| broadcast.at_least(2));
        assert_eq!(failure(short).code(), Code::TooFew);
        let each: Vec<_> = call().broadcast_iter(|broadcast| broadcast.first(1)).collect();
        assert!(matches!(&each[..], [(node, Ok(3))] if node == "worker"), "{each:?}");

        caller.tell("it.note", (&name, "told")).no_return().unwrap();
        let told = [(&name, "each"), (&name, "each")];
        assert_eq!(caller.tell_each("it.note", told).unwrap(), 2);
        let every = caller.tell("it.note", (&name, "ticked"));
        every.every_with(Duration::from_millis(1), |every| every.times(2)).unwrap();
        let soon = SystemTime::now() + HOUR;
        let once = caller.tell("it.note", (&name, "never")).at([soon]).unwrap();
        wait(probe.wait_for_notes(5));
        assert_eq!((probe.count("each"), probe.count("ticked")), (2, 2));
        assert!(once.pause().unwrap() && once.resume().unwrap());
        // The other one has had its last run, of which the controller may not have heard yet.
        assert!(caller.schedules().unwrap().iter().any(|schedule| schedule.id == once.id));
        assert!(once.cancel().unwrap().is_some() && caller.schedule(once.id).unwrap().is_none());
    });
}

#[test]
fn typed_calls_take_a_node_of_threads_too() {
    guarded(|| {
        let mesh = Mesh::start();
        let _worker = mesh.node("worker", callbacks![add]);
        let caller = mesh.node("caller", Vec::new());

        assert_eq!(add::call(&caller, 1, 2).timeout(HOUR).blocking().fg().unwrap(), 3);
        let job = add::call(&caller, 1, 2).blocking().bg();
        assert_eq!(job.wait().unwrap(), 3);
    });
}

#[test]
fn streams_are_iterators_both_ways() {
    guarded(|| {
        let mesh = Mesh::start();
        let _worker = mesh.node("worker", callbacks![numbers, sum]);
        let caller = mesh.node("caller", Vec::new());

        let mut items = caller.call::<u64>("blocking.numbers", (1_000,)).stream().item_timeout(HOUR);
        assert_eq!(items.next(), Some(Ok(0)));
        assert_eq!(items.author().unwrap().as_str(), "worker");
        assert_eq!(items.map(Result::unwrap).sum::<u64>(), 499_500);
        let endless = numbers::call(&caller, u64::MAX).blocking().bg_stream();
        assert_eq!(endless.take(3).collect::<Result<Vec<_>, _>>(), Ok(vec![0, 1, 2]));

        assert_eq!(caller.call::<u64>("blocking.sum", ()).feed(0..1_000u64).fg().unwrap(), 499_500);
        assert_eq!(sum::call(&caller, feed(vec![1, 2])).blocking().fg().unwrap(), 3);
    });
}

#[test]
fn an_iterator_that_panics_ends_no_stream_as_if_it_were_whole() {
    guarded(|| {
        let mesh = Mesh::start();
        let _worker = mesh.node("worker", callbacks![sum]);
        let caller = mesh.node("caller", Vec::new());

        let items = (0..3u64).map(|number| if number == 2 { panic!("no more than two") } else { number });
        let error = failure(sum::call(&caller, feed(items)).blocking().fg());

        let CallError::Remote { message, .. } = &error else { panic!("{error}") };
        assert!(message.contains("no more than two"), "{message}");
    });
}

#[test]
fn threads_see_who_is_there_and_wait_for_others() {
    guarded(|| {
        let mesh = Mesh::start();
        let caller = mesh.node("caller", Vec::new());
        let mut presence = caller.presence().unwrap();
        let waiting = {
            let caller = caller.clone();
            thread::spawn(move || caller.wait_callback("it.add"))
        };
        let error = failure(caller.wait_process_within("worker", Duration::ZERO));
        assert_eq!(error.code(), Code::TimedOut);

        let worker = mesh.node("worker", callbacks![place]);
        caller.wait_process("worker").unwrap();
        let registration = worker.register(callbacks![add].remove(0)).unwrap();
        waiting.join().unwrap().unwrap();

        let seen: Vec<Presence> = presence.by_ref().take(1).map(Result::unwrap).collect();
        assert!(matches!(&seen[..], [Presence::Joined { .. }]), "{seen:?}");
        assert_eq!(caller.nodes().unwrap().len(), 3);
        assert!(caller.node("worker").unwrap().is_some());
        assert_eq!(caller.callbacks_like("it.*").unwrap().len(), 2);
        assert!(caller.ping("worker").is_ok());
        drop(registration);
        assert!(worker.unregister("it.place").unwrap() && !worker.unregister("it.place").unwrap());
        assert!(mesh.hub.kick("worker").unwrap());
        worker.join().unwrap();
    });
}

#[test]
fn a_job_can_be_looked_at_cancelled_and_bound_to_its_handle() {
    guarded(|| {
        let mesh = Mesh::start();
        let _worker = mesh.node("worker", callbacks![watch]);
        let caller = mesh.node("caller", Vec::new());
        let start = || {
            let (name, probe) = fresh_probe();
            let job = caller.call::<u64>("it.watch", (name,)).bg();
            wait(probe.wait_for("started"));
            (job, probe)
        };

        let (mut job, probe) = start();
        assert!(!job.is_done());
        assert_eq!(failure(job.get_timeout(Duration::ZERO)).code(), Code::TimedOut);
        job.cancel().unwrap();
        wait(probe.wait_for("cancelled"));
        assert_eq!(failure(job.wait()).code(), Code::Cancelled);

        let (job, probe) = start();
        drop(job.cancel_on_drop());
        wait(probe.wait_for("cancelled"));

        let (job, probe) = start();
        drop(job);
        probe.open();
        wait(probe.wait_for("ended"));
        assert_eq!(probe.count("cancelled"), 0);
    });
}

#[test]
fn a_plain_callback_may_wait_for_calls_of_its_own() {
    guarded(|| {
        let mesh = Mesh::start();
        let _worker = mesh.node("worker", callbacks![relay, subtract]);
        let caller = mesh.node("caller", Vec::new());

        assert_eq!(caller.call::<i64>("blocking.relay", (5, 3)).fg().unwrap(), 2);
    });
}

#[test]
fn a_node_stops_in_order_when_its_last_clone_is_dropped() {
    guarded(|| {
        let mesh = Mesh::start();
        let worker = mesh.node("worker", callbacks![hold]);
        let caller = mesh.node("caller", Vec::new());
        let (name, probe) = fresh_probe();
        let job = caller.call::<u64>("it.hold", (name,)).bg();
        wait(probe.wait_for("started"));

        drop(worker.clone());
        assert!(worker.is_connected());
        let dropping = thread::spawn(move || drop(worker));
        while !caller.callbacks_like("it.hold").unwrap().is_empty() {}
        assert!(!dropping.is_finished());
        probe.open();

        assert_eq!(job.wait().unwrap(), 7);
        dropping.join().unwrap();
        assert!(caller.node("worker").unwrap().is_none());
    });
}

#[tokio::test]
async fn an_async_task_is_told_to_await_instead() {
    let url = format!("memory://{}", unique("mesh"));
    let told = |error: Error| assert_eq!(failure::<()>(Err(error)), CallError::WouldBlock);
    told(blocking::connect(&url).open().unwrap_err());
    told(blocking::connect(&url).with_controller().open().unwrap_err());

    let alone = daffi::connect(&url).registry(callbacks![add]).with_controller().await.unwrap();
    let node = alone.blocking();

    told(node.nodes().unwrap_err());
    told(node.presence().unwrap_err());
    told(node.call::<i64>("it.add", (1, 2)).fg().unwrap_err());
    told(node.call::<i64>("it.add", (1, 2)).bg().wait().unwrap_err());
    let mut items = node.call::<i64>("it.add", (1, 2)).stream();
    assert_eq!((items.next(), items.next()), (Some(Err(CallError::WouldBlock)), None));
    let mut replies = node.call::<i64>("it.add", (1, 2)).broadcast_iter(|broadcast| broadcast);
    assert_eq!(replies.next().unwrap().1, Err(CallError::WouldBlock));

    drop(node);
    assert_eq!(add::call(&alone, 1, 2).await.unwrap(), 3);
    alone.blocking().stop();
    alone.join().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_dropped_in_an_async_task_stops_by_itself() {
    let mesh = crate::support::Mesh::over_unix().await;
    let watcher = mesh.caller().await;
    let url = mesh.url.clone();
    let (opened, node) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let node = blocking::connect(&url).name("threads").registry(callbacks![]).open().unwrap();
        opened.send(node).unwrap();
    });
    let node = node.await.unwrap();
    let inside = Node::clone(&node);
    assert!(watcher.node("threads").await.unwrap().is_some());

    drop(node);
    drop(inside);

    while watcher.node("threads").await.unwrap().is_some() {}
}

/// A node that answers its own calls, on a runtime of one thread.
fn alone_on(runtime: &tokio::runtime::Runtime, callbacks: Vec<Callback>) -> daffi::Node {
    let url = format!("memory://{}", unique("mesh"));
    let node = daffi::connect(&url).registry(callbacks).with_controller();
    runtime.block_on(async { node.await.unwrap() })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn nobody_waits_on_a_runtime_that_has_ended() {
    guarded(|| {
        let gone = runtime();
        let node = alone_on(&gone, callbacks![add, numbers]).blocking();
        let mut job = node.call::<i64>("it.add", (1, 2)).bg();
        assert!(!job.is_done());
        drop(gone);

        let told = |error: Error| assert_eq!(error.code(), Code::Disconnected, "{error}");
        told(node.nodes().unwrap_err());
        told(node.call::<i64>("it.add", (1, 2)).fg().unwrap_err());
        assert!(job.is_done());
        told(job.wait().unwrap_err());
        told(node.call::<i64>("it.add", (1, 2)).bg().wait().unwrap_err());
        let items: Vec<_> = node.call::<u64>("blocking.numbers", (3,)).stream().collect();
        assert_eq!(items, [Err(CallError::Disconnected { ran: Ran::Maybe })]);
        node.stop();
    });
}

#[test]
fn whoever_waits_is_told_when_the_runtime_ends() {
    guarded(|| {
        let runtime = runtime();
        let node = alone_on(&runtime, callbacks![hold]).blocking();
        let (name, probe) = fresh_probe();
        let waiting = thread::spawn({
            let node = node.clone();
            move || node.call::<u64>("it.hold", (name,)).no_timeout().fg()
        });
        runtime.block_on(probe.wait_for("started"));

        drop(runtime);

        let error = failure(waiting.join().unwrap());
        assert_eq!(error, CallError::Disconnected { ran: Ran::Maybe });
    });
}
