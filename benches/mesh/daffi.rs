//! The same work by the mesh: a controller in the middle, nodes at both ends.

use std::error::Error;
use std::future::{self, Future};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ::daffi::{Controller, Counters, Hash, Lock, Node, Queue, Registry, Secret, callback};
use serde_bytes::{ByteBuf, Bytes};
use tokio::runtime;
use tokio::task::JoinSet;

use crate::item::{CHUNK_MESSAGES, Item, Over};
use crate::meter::{Measurement, Meter};
use crate::process;
use crate::task::{Peer, Task};

pub(crate) const NAME: &str = "daffi";

pub(crate) const OVER_UNIX: Peer = Peer {
    name: NAME,
    over: Over::Unix,
    hub: |task| run(controller(task, Over::Unix)),
    callee: |task| run(callee(task, Over::Unix)),
    caller: |task| run(caller(task, Over::Unix)),
};

pub(crate) const OVER_QUIC: Peer = Peer {
    name: NAME,
    over: Over::Quic,
    hub: |task| run(controller(task, Over::Quic)),
    callee: |task| run(callee(task, Over::Quic)),
    caller: |task| run(caller(task, Over::Quic)),
};

/// Gives back what it is sent.
#[callback(inline)]
async fn echo(body: ByteBuf) -> ByteBuf {
    body
}

/// Takes what it is sent.
#[callback(inline)]
async fn take(body: ByteBuf) {
    drop(body);
}

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What every call carries; it lives as long as the program, so that no call has to copy it.
type Body = &'static Bytes;

/// Runs one role on a current-thread runtime, as the controller's own binary does.
fn run<T>(role: impl Future<Output = Outcome<T>>) -> io::Result<T> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(role).map_err(|error| io::Error::other(error.to_string()))
}

async fn controller(task: &Task, over: Over) -> Outcome<()> {
    let _controller = Controller::bind(&url(task, over)).secret(secret()?).dedicated_runtime().await?;
    process::ready()?;
    future::pending().await
}

async fn callee(task: &Task, over: Over) -> Outcome<()> {
    let mut nodes = Vec::new();
    for number in 0..task.item.shape().callees {
        let node = ::daffi::connect(&url(task, over)).name(format!("callee-{number}"));
        nodes.push(node.secret(secret()?).await?);
    }
    process::ready()?;
    future::pending().await
}

async fn caller(task: &Task, over: Over) -> Outcome<Measurement> {
    let shape = task.item.shape();
    let body: Body = Bytes::new(Vec::leak(vec![7; task.item.payload_bytes(task.payload_bytes)]));
    let mut nodes = Vec::new();
    for number in 0..shape.connections {
        let name = format!("caller-{number}");
        // All roles are one program, so a caller has the callbacks too; it must not offer them.
        let node = ::daffi::connect(&url(task, over)).name(&name).registry(Registry::new());
        let node = node.secret(secret()?).await?;
        if !task.item.is_hosted() {
            node.wait_callback("echo").await?;
        }
        nodes.push(node);
    }
    let meter = Arc::new(Mutex::new(Meter::start(task)?));
    let mut workers = JoinSet::new();
    for node in &nodes {
        for _ in 0..shape.outstanding {
            workers.spawn(work(node.clone(), task.item, body, Arc::clone(&meter)));
        }
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let meter = Arc::into_inner(meter).expect("all workers have ended");
    Ok(meter.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?)
}

/// Keeps one call outstanding until the time is over.
async fn work(node: Node, item: Item, body: Body, meter: Arc<Mutex<Meter>>) -> Outcome<()> {
    let (counters, lock) = (node.counters("bench"), node.lock("bench"));
    let (hash, queue) = (node.hash::<String, ByteBuf>("bench"), node.queue::<ByteBuf>("bench"));
    let mut sent = Instant::now();
    loop {
        let operations = match item {
            Item::W1 | Item::W2 | Item::W3 | Item::W4 => call(&node, body).await?,
            Item::W5 => broadcast(&node, item, body).await?,
            Item::W6 => send_chunk(&node, body).await?,
            Item::W7 | Item::W7c | Item::W7p => increment(&counters).await?,
            Item::W8 | Item::W8c | Item::W8p => set_and_get(&hash, body).await?,
            Item::W9 | Item::W9p => push_and_pop(&queue, body).await?,
            Item::W10 => take_and_give_back(&lock).await?,
        };
        let now = Instant::now();
        if !count(&mut meter.lock().unwrap_or_else(PoisonError::into_inner), sent, now, operations)? {
            return Ok(());
        }
        sent = now;
    }
}

/// Whether there is time left.
fn count(meter: &mut Meter, sent: Instant, now: Instant, operations: u64) -> io::Result<bool> {
    let goes_on = meter.goes_on(now)?;
    let latency = meter.nanoseconds(now) - meter.nanoseconds(sent);
    meter.record(latency, operations);
    Ok(goes_on)
}

async fn increment(counters: &Counters) -> Outcome<u64> {
    counters.inc("orders", 1).await?;
    Ok(1)
}

async fn set_and_get(hash: &Hash<String, ByteBuf>, body: Body) -> Outcome<u64> {
    hash.set("key", ByteBuf::from(&body[..])).await?;
    let got = hash.get("key").await?;
    expect_same(&got.unwrap_or_default(), body)?;
    Ok(2)
}

async fn push_and_pop(queue: &Queue<ByteBuf>, body: Body) -> Outcome<u64> {
    queue.push(ByteBuf::from(&body[..])).await?;
    let popped = queue.pop().await?;
    expect_same(&popped.unwrap_or_default(), body)?;
    Ok(2)
}

async fn take_and_give_back(lock: &Lock) -> Outcome<u64> {
    let guard = lock.acquire().await?;
    guard.release().await?;
    Ok(2)
}

async fn call(node: &Node, body: Body) -> Outcome<u64> {
    let reply = node.call::<ByteBuf>("echo", (body,)).await?;
    expect_same(&reply, body)?;
    Ok(1)
}

async fn broadcast(node: &Node, item: Item, body: Body) -> Outcome<u64> {
    let replies = node.call::<ByteBuf>("echo", (body,)).broadcast().await?;
    let mut count = 0;
    for (_, reply) in replies {
        expect_same(&reply?, body)?;
        count += 1;
    }
    if count != item.shape().callees {
        return Err(format!("{count} nodes answered").into());
    }
    Ok(1)
}

async fn send_chunk(node: &Node, body: Body) -> Outcome<u64> {
    let taken = node.tell_each("take", (0..CHUNK_MESSAGES).map(|_| (body,))).await?;
    if taken != CHUNK_MESSAGES as u64 {
        return Err("not all messages were taken".into());
    }
    // Calls of one session keep their order, and these are run where they are read: all have been delivered.
    call(node, body).await?;
    Ok(CHUNK_MESSAGES as u64)
}

fn expect_same(reply: &ByteBuf, body: Body) -> Outcome<()> {
    if reply.as_slice() != &body[..] {
        return Err("the reply is not what was sent".into());
    }
    Ok(())
}

fn url(task: &Task, over: Over) -> String {
    match over {
        Over::Unix => format!("unix://{}", task.socket.display()),
        Over::Quic => format!("quic://127.0.0.1:{}", task.port),
    }
}

/// Lets the processes of one run trust each other.
fn secret() -> Outcome<Secret> {
    Ok(Secret::new("no more than a benchmark")?)
}
