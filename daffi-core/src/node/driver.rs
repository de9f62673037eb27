//! The loop that owns a node's link: connect, say hello, register, read; and again when it breaks.

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::connect::Companion;
use super::link::Link;
use super::serve::Arrived;
use super::state::Status;
use super::{Hook, Phase, Shared, flows, register};
use crate::callback::catch;
use crate::config;
use crate::error::{CallError, Code, ConnectError, RegisterError};
use crate::identity::Credentials;
use crate::name::NodeName;
use crate::session::{Filled, Inbound, Outbound, Sides, fill};
use crate::transport::{self, DialOptions};
use crate::wire::{
    Failure, Flags, Goodbye, Header, Hello, Kind, Presence, Versions, Welcome, WireError, put_frame,
};

/// How a link came to its end.
enum End {
    /// It broke; why.
    Lost(String),
    /// The controller ended it; why.
    Goodbye(String),
    /// This node was stopped.
    Stopped,
}

/// Why an attempt to connect failed.
enum Failed {
    /// Another one may do better.
    Passing(String),
    /// Another one would do no better.
    Final(ConnectError),
}

/// A link on which everything is registered.
struct Live {
    link: Arc<Link>,
    writer: Writer,
    reading: BoxFuture<'static, End>,
}

/// The writer task, which ends with the link.
struct Writer(JoinHandle<()>);

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps the node connected until it ends. Whoever built it is told of the first success or failure.
pub(crate) async fn run(
    shared: Arc<Shared>,
    timeout: Duration,
    first: oneshot::Sender<Result<(), ConnectError>>,
    companion: Option<Companion>,
) {
    let mut stop = shared.stop.subscribe();
    let mut first = Some(first);
    loop {
        let patience = first.is_some().then_some(timeout);
        let connected = tokio::select! {
            connected = connect(&shared, patience) => connected,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let live = match connected {
            Ok(live) => live,
            Err(error) => {
                tell(first.take(), Err(error));
                break;
            }
        };
        let end = attend(&shared, live, first.take()).await;
        match end {
            End::Lost(why) => tracing::warn!(node = %shared.name, %why, "link lost, reconnecting"),
            End::Goodbye(why) if shared.options.outlive_controller => {
                tracing::info!(node = %shared.name, %why, "the controller said goodbye, reconnecting");
            }
            End::Goodbye(why) => {
                tracing::info!(node = %shared.name, %why, "the controller said goodbye");
                break;
            }
            End::Stopped => break,
        }
    }
    shared.close("the node has stopped");
    if let Some(companion) = companion {
        companion.await;
    }
    shared.set_phase(Phase::Ended);
}

fn tell(first: Option<oneshot::Sender<Result<(), ConnectError>>>, result: Result<(), ConnectError>) {
    if let Some(first) = first {
        // Whoever built the node may have given up on it.
        drop(first.send(result));
    }
}

/// Wakes those whose calls are over.
pub(crate) fn wake(woken: &mut Vec<Waker>) {
    for waker in woken.drain(..) {
        waker.wake();
    }
}

/// Connects; tries for as long as `patience` says, or for ever.
async fn connect(shared: &Arc<Shared>, patience: Option<Duration>) -> Result<Live, ConnectError> {
    let deadline = patience.map(|patience| Instant::now() + patience);
    let (shortest, longest) = config::RECONNECT_PAUSE;
    let pauses = ExponentialBuilder::default().with_min_delay(shortest).with_max_delay(longest);
    let mut pauses = pauses.with_jitter().with_jitter_seed(fastrand::u64(..)).without_max_times().build();
    let mut tried = format!("{}: no answer", shared.address);
    loop {
        let attempt = attempt(shared);
        let result = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, attempt).await,
            None => Ok(attempt.await),
        };
        match result {
            Ok(Ok(live)) => return Ok(live),
            Ok(Err(Failed::Final(error))) if patience.is_some() => return Err(error),
            Ok(Err(Failed::Final(error))) => {
                tracing::warn!(node = %shared.name, %error, "the controller does not take this node back");
            }
            Ok(Err(Failed::Passing(why))) => tried = format!("{}: {why}", shared.address),
            Err(_) => {}
        }
        let pause = pauses.next().unwrap_or(longest);
        let until = Instant::now() + pause;
        if let (Some(deadline), Some(after)) = (deadline, patience)
            && until >= deadline
        {
            let address = shared.address.to_string();
            return Err(ConnectError::Unreachable { address, after, tried: vec![tried] });
        }
        tokio::time::sleep_until(until).await;
    }
}

async fn attempt(shared: &Arc<Shared>) -> Result<Live, Failed> {
    let tls = shared.options.credentials.as_ref().map(Credentials::tls);
    let options = DialOptions { tls };
    let connection = transport::dial(&shared.address, &options).await.map_err(|error| {
        error.fatal(&shared.address).map_or_else(|| Failed::Passing(error.to_string()), Failed::Final)
    })?;
    let outbound = Outbound::new(Arc::clone(&connection));
    let sides = Sides::new(Arc::clone(&connection));
    let mut inbound = Inbound::new(connection, config::HANDSHAKE_BYTES_MAX);
    let welcome = tokio::time::timeout(config::HANDSHAKE_TIMEOUT, greet(shared, &outbound, &mut inbound))
        .await
        .map_err(|_| Failed::Passing("no answer to the greeting".into()))??;
    inbound.set_frame_bytes_max(config::FRAME_BYTES_MAX);
    inbound.count_from(0);
    outbound.count_from_here();
    let mut woken = Vec::new();
    let number = shared.lock().start_link(welcome.calls_in_flight_max, &mut woken);
    wake(&mut woken);
    let link = Arc::new(Link::new(number, outbound));
    let writer = {
        let link = Arc::clone(&link);
        Writer(shared.runtime.spawn(async move { link.write().await }))
    };
    let mut reading: BoxFuture<'static, End> =
        Box::pin(read(Arc::clone(shared), Arc::clone(&link), inbound, sides));
    let registered = tokio::select! {
        end = &mut reading => Err(Failed::Passing(end.to_string())),
        registered = register::announce(shared, &link) => registered.map_err(|error| {
            Failed::Final(RegisterError::NotTaken(error).into())
        }),
    };
    match registered {
        Ok(()) => Ok(Live { link, writer, reading }),
        Err(failed) => {
            link.outbound.abort();
            lose(shared);
            Err(failed)
        }
    }
}

/// Says who this node is, and hears whether it is welcome.
async fn greet(shared: &Shared, outbound: &Outbound, inbound: &mut Inbound) -> Result<Welcome, Failed> {
    let hello = Hello {
        versions: Versions::OURS,
        node: shared.name.clone(),
        incarnation: shared.options.incarnation,
        concurrency: u32::try_from(shared.options.concurrency).unwrap_or(u32::MAX),
        take_over: shared.options.take_over,
        hidden: shared.options.hidden,
        software: concat!("daffi ", env!("CARGO_PKG_VERSION")).into(),
    };
    outbound.with(|out| put_frame(out, Header::new(Kind::Hello), &[], &hello.encode()));
    outbound.flush();
    let protocol = |error: WireError| Failed::Final(ConnectError::Refused(error.to_string()));
    loop {
        while let Some(frame) = inbound.next().map_err(protocol)? {
            match frame.header.kind {
                Kind::Welcome => return Welcome::decode(frame.body).map_err(protocol),
                Kind::Refuse => return Err(refused(shared, frame.body)),
                Kind::Goodbye => return Err(Failed::Passing("the controller is stopping".into())),
                _ => {}
            }
        }
        match inbound.fill().await {
            Ok(true) => {}
            Ok(false) => return Err(Failed::Passing("it closed the connection".into())),
            // Of QUIC's two sides the node's is ready first: only then is it seen by the controller.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let (address, reason) = (shared.address.to_string(), error.to_string());
                return Err(Failed::Final(ConnectError::Denied { address, reason }));
            }
            Err(error) => return Err(Failed::Passing(error.to_string())),
        }
    }
}

fn refused(shared: &Shared, body: &[u8]) -> Failed {
    let error = match Failure::decode(body) {
        Ok(failure) => CallError::from(failure),
        Err(error) => return Failed::Final(ConnectError::Refused(error.to_string())),
    };
    Failed::Final(match error {
        CallError::Unknown { code, message, .. } if code == Code::NameTaken.number() => {
            ConnectError::NameTaken { name: shared.name.clone(), other: message }
        }
        CallError::Unknown { code, message, .. } if code == Code::Version.number() => {
            ConnectError::Version { ours: Versions::OURS.to_string(), theirs: message }
        }
        CallError::Denied { what } => {
            ConnectError::Denied { address: shared.address.to_string(), reason: what }
        }
        // A controller that is full or stopping may have room again soon.
        CallError::Busy { what } => return Failed::Passing(what),
        other => ConnectError::Refused(other.to_string()),
    })
}

/// Serves one link to its end.
async fn attend(
    shared: &Arc<Shared>,
    mut live: Live,
    first: Option<oneshot::Sender<Result<(), ConnectError>>>,
) -> End {
    shared.set_phase(Phase::Connected);
    tracing::info!(node = %shared.name, address = %shared.address, "connected");
    tell(first, Ok(()));
    run_hooks(shared, &shared.options.on_connect);
    shared.resubscribe();
    let mut stop = shared.stop.subscribe();
    let stopped = async {
        // The sender lives in what this task shares, so the wait cannot fail.
        drop(stop.wait_for(|stop| *stop).await);
        register::retire(shared, &live.link);
        shared.serve.drain(config::DRAIN_TIME).await;
    };
    let end = tokio::select! {
        end = &mut live.reading => end,
        () = stopped => End::Stopped,
    };
    if matches!(end, End::Stopped) {
        shared.close("the node was stopped");
        // What is written but has not left: the peer may be slow, but must not hold us for ever.
        drop(tokio::time::timeout(FAREWELL_TIME, &mut live.writer.0).await);
    }
    live.link.outbound.abort();
    lose(shared);
    run_hooks(shared, &shared.options.on_disconnect);
    end
}

/// The link is gone: nothing more will be answered, and nobody is left to answer.
fn lose(shared: &Shared) {
    let mut woken = Vec::new();
    shared.lock().lose_link(&mut woken);
    shared.set_phase(Phase::Connecting);
    wake(&mut woken);
    shared.serve.cancel_others(None);
}

fn run_hooks(shared: &Arc<Shared>, hooks: &[Hook]) {
    let node = shared.handle(None);
    for hook in hooks {
        if let Err(panicked) = catch(|| hook(&node)) {
            tracing::error!(message = %panicked.message, at = %panicked.at, "a hook panicked");
        }
    }
}

/// What is to be done once the lock is released, in the order of arrival.
enum Work {
    /// Where its body is in the read buffer: a short callback takes its arguments from there.
    Call(Arrived, Range<usize>),
    /// Its body came in chunks.
    Large(Arrived, Vec<u8>),
    Cancel(u64),
}

/// Reads frames until the link ends.
async fn read(shared: Arc<Shared>, link: Arc<Link>, mut inbound: Inbound, mut sides: Option<Sides>) -> End {
    let mut work = Vec::new();
    let (mut woken, mut told) = (Vec::new(), Vec::new());
    loop {
        let mut side = match fill(&mut inbound, sides.as_mut()).await {
            Ok(Filled::Lane(Ok(true))) => None,
            Ok(Filled::Lane(Ok(false))) => return End::Lost("the controller closed the connection".into()),
            Ok(Filled::Lane(Err(error))) => return End::Lost(error.to_string()),
            Ok(Filled::Side(side)) => Some(side),
            Err(error) => return End::Lost(format!("the controller sent {error}")),
        };
        let source = side.as_mut().unwrap_or(&mut inbound);
        let end = take(&shared, &link, source, &mut work, (&mut woken, &mut told));
        if let Some(sides) = &mut sides {
            sides.advance(inbound.received());
            if let Some(side) = side {
                sides.read_on(side);
            }
        }
        // What was told before a reply shall be known when the reply is.
        for presence in told.drain(..) {
            shared.notice(presence);
        }
        wake(&mut woken);
        let must_flush = !work.is_empty();
        let offers = Arc::clone(&*shared.serve.offers());
        for work in work.drain(..) {
            match work {
                Work::Call(arrived, body) => shared.serve(&link, &offers, arrived, inbound.bytes(body)),
                Work::Large(arrived, body) => shared.serve_large(&link, &offers, arrived, body),
                Work::Cancel(call) => shared.cancel_served(&link, call),
            }
        }
        if must_flush {
            link.flush();
        }
        if let Some(end) = end {
            return end;
        }
    }
}

/// Takes every whole frame, under one lock.
fn take(
    shared: &Shared,
    link: &Link,
    inbound: &mut Inbound,
    work: &mut Vec<Work>,
    (woken, told): (&mut Vec<Waker>, &mut Vec<Presence>),
) -> Option<End> {
    let mut has_ping = false;
    let now = Instant::now().into_std();
    let mut state = shared.lock();
    state.last_read = now;
    let end = loop {
        let (header, span) = match inbound.next_span() {
            Ok(Some(frame)) => frame,
            Ok(None) => break None,
            Err(error) => break Some(End::Lost(format!("the controller sent {error}"))),
        };
        let body = inbound.bytes(span.clone());
        match header.kind {
            Kind::Reply if flows::are_of_reply(header) => state.reply_flow(header, body, link, woken),
            Kind::Reply => state.reply(header, Bytes::copy_from_slice(body), woken),
            Kind::Call => {
                let caller = state.peer(header.peer).unwrap_or_else(|| nobody().clone());
                let arrived = Arrived { header, caller, feed: None };
                if !flows::are_of_call(header) {
                    work.push(Work::Call(arrived, span));
                } else if let Some(arrived) = state.call_flow(arrived, body, link) {
                    work.push(Work::Call(arrived, span));
                }
            }
            Kind::Chunk => {
                let whole = state.chunk_on(link, header, body, woken);
                work.extend(whole.map(|(arrived, body)| Work::Large(arrived, body)));
            }
            Kind::Credit if header.flags.has(Flags::WINDOW) => state.grant(header),
            Kind::Cancel => work.push(Work::Cancel(header.call)),
            Kind::Event => told.extend(state.event(body)),
            Kind::Ping => {
                has_ping = true;
                let pong = Header { kind: Kind::Pong, flags: Flags::NONE, ..header };
                link.outbound.with(|out| put_frame(out, pong, &[], &[]));
            }
            Kind::Goodbye => {
                let reason = Goodbye::decode(body).map_or_else(|_| String::new(), |goodbye| goodbye.reason);
                break Some(End::Goodbye(reason));
            }
            Kind::Pong => {}
            Kind::Hello
            | Kind::Welcome
            | Kind::Refuse
            | Kind::Credit
            | Kind::Register
            | Kind::Unregister
            | Kind::Unknown(_) => state.skipped += 1,
        }
    };
    drop(state);
    if has_ping {
        // Before any user code runs; and once a second is often enough to look for memory to give back.
        link.outbound.flush();
        link.outbound.trim();
        inbound.trim();
    }
    end
}

/// The caller of a call whose controller did not say who it is.
fn nobody() -> &'static NodeName {
    static NOBODY: std::sync::LazyLock<NodeName> =
        std::sync::LazyLock::new(|| NodeName::new("unknown").expect("a good name"));
    &NOBODY
}

/// Ends calls whose deadline has passed without a word of the controller.
pub(crate) async fn keep_time(shared: Arc<Shared>) {
    let (mut woken, mut cancelled) = (Vec::new(), Vec::new());
    loop {
        let next = shared.lock().next_deadline();
        match next {
            Some(at) => {
                let due = tokio::time::sleep_until(at.into());
                tokio::select! {
                    () = due => {}
                    () = shared.timer.notified() => continue,
                }
            }
            None => {
                shared.timer.notified().await;
                continue;
            }
        }
        let mut state = shared.lock();
        state.expire(Instant::now().into_std(), &mut woken, &mut cancelled);
        if let Status::Connected(outbound) = &state.status {
            for id in cancelled.drain(..) {
                outbound.with(|out| super::flight::put_cancel(out, id));
            }
            outbound.flush_soon();
        }
        drop(state);
        cancelled.clear();
        wake(&mut woken);
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(why) | Self::Goodbye(why) => f.write_str(why),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// How long a node that has said goodbye waits for a peer that does not read.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
