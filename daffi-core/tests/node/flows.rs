//! Large bodies and streams at a node, some of them with a controller that says what a real one seldom does.

use std::sync::Arc;

use bytes::Bytes;
use daffi_core::api::{millis, secs};
use daffi_core::callback::stream::put_item;
use daffi_core::callback::{Callback, Context, Flow, Options};
use daffi_core::config;
use daffi_core::controller::Controller;
use daffi_core::error::{CallError, Ran};
use daffi_core::node::{Node, connect};
use daffi_core::session::Inbound;
use daffi_core::transport::{self, Address, Connection, Faults, ListenOptions, Listener, inject, links};
use daffi_core::wire::{self, Flags, Header, Kind, Versions, Welcome, put_frame};
use futures::future::join_all;
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::{PLAIN, add, controller, declare, node, registry};

/// A callback that returns a stream of one item, which then goes on for ever, once it may.
fn stuck(leave: &Arc<Semaphore>) -> Callback {
    let leave = Arc::clone(leave);
    let options = Options { sees_context: true, ..PLAIN };
    let declaration =
        daffi_core::callback::Declaration { result: "Stream<i64>", options, ..declare("stuck", &[]) };
    Callback::flowing(declaration, move |_: Context, (): (), flow: Flow| {
        let leave = Arc::clone(&leave);
        async move {
            leave.acquire().await.unwrap().forget();
            let items = stream::iter([1_i64]).chain(stream::pending());
            flow.give(items, |out, item| put_item(out, &item)).await
        }
    })
}

/// A callback that takes a while.
fn waits(leave: &Arc<Semaphore>) -> Callback {
    let leave = Arc::clone(leave);
    Callback::asynchronous(declare("waits", &[]), move |_: Context, (): ()| {
        let leave = Arc::clone(&leave);
        async move {
            leave.acquire().await.unwrap().forget();
            daffi_core::callback::invoke::value(&1_i64)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn all_calls_that_wait_may_be_refused_at_once() {
    let (streams, leave) = (Arc::new(Semaphore::new(config::FLOWS_MAX)), Arc::new(Semaphore::new(0)));
    let controller = controller().await;
    let callbacks = registry(vec![stuck(&streams), waits(&leave)]);
    let callee = connect(&controller.url()).name("callee").registry(callbacks);
    let callee = callee.concurrency(config::FLOWS_MAX + 1).await.unwrap();
    let caller = node(&controller, "caller", registry(Vec::new())).await;
    let call = || caller.call::<i64>("stuck", ()).bg_stream();
    let mut running: Vec<_> = (0..config::FLOWS_MAX).map(|_| call()).collect();
    for items in &mut running {
        assert_eq!(items.next().await, Some(Ok(1)));
    }
    let last = caller.call::<i64>("waits", ()).bg();
    tokio::time::sleep(millis(10)).await;
    let mut waiting: Vec<_> = (0..config::CALLS_QUEUED_MAX).map(|_| call()).collect();
    tokio::time::sleep(millis(10)).await;
    assert_eq!(callee.own_stats()["calls_running"], config::FLOWS_MAX as u64 + 1);

    leave.add_permits(1);

    assert_eq!(last.await.unwrap(), 1);
    for refused in join_all(waiting.iter_mut().map(|items| items.next())).await {
        assert!(matches!(refused, Some(Err(CallError::Busy { .. }))), "{refused:?}");
    }
    drop(running);
}

/// The controller's end of a link.
struct Raw {
    connection: Arc<dyn Connection>,
    inbound: Inbound,
}

impl Raw {
    async fn listen(name: &str) -> (Arc<dyn Listener>, Address) {
        let address: Address = format!("memory://{name}").parse().unwrap();
        (transport::listen(&address, &ListenOptions::default()).await.unwrap(), address)
    }

    /// Takes a node in, and all that it offers.
    async fn accept(listener: &dyn Listener) -> Self {
        let connection = listener.accept().await.unwrap();
        let inbound = Inbound::new(Arc::clone(&connection), config::FRAME_BYTES_MAX);
        let mut raw = Self { connection, inbound };
        raw.until(Kind::Hello).await;
        let welcome = Welcome {
            version: Versions::OURS.newest,
            session: 1,
            controller: 1,
            frame_bytes_max: config::FRAME_BYTES_MAX as u32,
            calls_in_flight_max: 100,
            resume: None,
            grace_ms: 0,
            resumed: None,
        };
        raw.say(&[(Header::new(Kind::Welcome), &welcome.encode())]);
        let (register, _) = raw.until(Kind::Register).await;
        raw.say(&[(Header { call: register.call, ..Header::new(Kind::Reply) }, &[])]);
        raw
    }

    /// Says all of this at once.
    fn say(&self, frames: &[(Header, &[u8])]) {
        let mut bytes = Vec::new();
        for (header, body) in frames {
            put_frame(&mut bytes, *header, &[], body);
        }
        assert_eq!(self.connection.try_write(&bytes).unwrap(), bytes.len());
    }

    /// The next frame of this kind.
    async fn until(&mut self, kind: Kind) -> (Header, Bytes) {
        loop {
            while let Some(frame) = self.inbound.next().unwrap() {
                if frame.header.kind == kind {
                    return (frame.header, Bytes::copy_from_slice(frame.body));
                }
            }
            let filled = tokio::time::timeout(secs(60), self.inbound.fill()).await;
            assert!(filled.unwrap().unwrap(), "the link ended before {kind:?}");
        }
    }
}

/// A node at `address` that offers this callback, and its end of the link.
async fn beside(listener: &dyn Listener, address: &Address, callback: Callback) -> (Node, Raw) {
    let connecting = connect(&address.to_string()).name("callee").registry(registry(vec![callback]));
    let (node, raw) = tokio::join!(async { connecting.await.unwrap() }, Raw::accept(listener));
    (node, raw)
}

/// A call of the one callback there is, without arguments.
fn call(number: u64) -> Header {
    Header { name: 1, call: number, ..Header::new(Kind::Call) }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_link_that_is_gone_ends_no_stream_of_the_next_one() {
    let leave = Arc::new(Semaphore::new(0));
    let (listener, address) = Raw::listen("flows-numbers").await;
    let (_node, first) = beside(&*listener, &address, stuck(&leave)).await;
    let arguments = wire::encode(&[0_i64; 0]).unwrap();
    first.say(&[(call(7), &arguments)]);
    tokio::time::sleep(millis(10)).await;

    // Another controller, which numbers its calls from the beginning.
    first.connection.close();
    let mut second = Raw::accept(&*listener).await;
    second.say(&[(call(7), &arguments)]);
    // The first call is given up a moment after its link.
    tokio::time::sleep(config::CANCEL_GRACE + secs(1)).await;
    leave.add_permits(1);

    let (opening, _) = second.until(Kind::Reply).await;
    assert!(opening.flags.has(Flags::STREAMED) && opening.call == 7);
    let (chunk, item) = second.until(Kind::Chunk).await;
    assert_eq!((chunk.call, chunk.flags.has(Flags::MORE), item.len()), (7, true, 5));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_with_a_sign_of_life_keeps_its_arguments() {
    let (listener, address) = Raw::listen("flows-trim").await;
    let (_node, mut raw) = beside(&*listener, &address, add()).await;
    // Memory that one large frame takes is given back after a while without another.
    raw.say(&[(call(1), &vec![0; 512 << 10])]);
    raw.until(Kind::Reply).await;
    raw.say(&[(Header::new(Kind::Ping), &[])]);
    raw.until(Kind::Pong).await;

    raw.say(&[(call(2), &wire::encode(&(1, 2)).unwrap()), (Header::new(Kind::Ping), &[])]);

    let (reply, sum) = raw.until(Kind::Reply).await;
    assert_eq!((reply.call, reply.flags, wire::decode(&sum)), (2, Flags::NONE, Ok(3)));
}

#[tokio::test(start_paused = true)]
async fn items_that_came_before_the_link_broke_are_taken_before_the_error() {
    let (streams, name) = (Arc::new(Semaphore::new(1)), "flows-lost");
    let controller = Controller::bind(&format!("memory://{name}")).await.unwrap();
    let _callee = node(&controller, "callee", registry(vec![stuck(&streams)])).await;
    let caller = node(&controller, "caller", registry(Vec::new())).await;
    let mut items = caller.call::<i64>("stuck", ()).bg_stream();
    tokio::time::sleep(millis(10)).await;

    let mut faults = Faults::default();
    faults.refuses = true;
    inject(name, faults);
    links(name).iter().for_each(transport::Link::cut);
    tokio::time::sleep(millis(10)).await;

    assert_eq!(items.next().await, Some(Ok(1)));
    assert_eq!(items.next().await, Some(Err(CallError::Disconnected { ran: Ran::Maybe })));
    assert_eq!(items.next().await, None);
    inject(name, Faults::default());
}
