//! The loop that owns a node's link: connect, say hello, register, read; and again when it breaks.

mod greet;
mod resume;

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

use self::greet::{Greeted, dial};
use self::resume::{Return, resume};
use super::around::Around;
use super::connect::Companion;
use super::job::Arrived;
use super::link::{Link, Pass, STOPPED};
use super::{Hook, Phase, Shared, flows, register};
use crate::callback::catch;
use crate::config;
use crate::error::{ConnectError, RegisterError};
use crate::name::NodeName;
use crate::session::{Filled, FrameSpan, Inbound, Sides, fill};
use crate::transport::Connection;
use crate::wire::{Flags, Goodbye, Header, Kind, Presence, put_frame};

/// How a link came to its end.
enum End {
    /// It broke; why.
    Lost(String),
    /// The controller broke the rules; how.
    Fault(String),
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

impl Live {
    /// Serves a link over `connection`: a writer task, and a future that reads.
    fn new(shared: &Arc<Shared>, link: Arc<Link>, inbound: Inbound, connection: Arc<dyn Connection>) -> Self {
        let writer = {
            let link = Arc::clone(&link);
            Writer(shared.runtime.spawn(async move { link.write().await }))
        };
        let (sides, shared) = (Sides::new(connection, link.outbound.clone()), Arc::clone(shared));
        let reading = Box::pin(read(shared, Arc::clone(&link), inbound, sides));
        Self { link, writer, reading }
    }
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
    let mut greeted = None;
    loop {
        let patience = first.is_some().then_some(timeout);
        let connected = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            connected = connect(&shared, patience, greeted.take()) => connected,
        };
        let live = match connected {
            Ok(live) => live,
            Err(error) => {
                tell(first.take(), Err(error));
                break;
            }
        };
        let end = attend(&shared, live, first.take(), &mut greeted).await;
        match end {
            End::Lost(why) | End::Fault(why) => {
                tracing::warn!(node = %shared.name, %why, "link lost, reconnecting")
            }
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

/// The pauses between attempts to connect.
fn pauses() -> impl Iterator<Item = Duration> {
    let (shortest, longest) = config::RECONNECT_PAUSE;
    let pauses = ExponentialBuilder::default().with_min_delay(shortest).with_max_delay(longest);
    let pauses = pauses.with_jitter().with_jitter_seed(fastrand::u64(..)).without_max_times().build();
    pauses.chain(std::iter::repeat(longest))
}

/// Connects, beginning with the connection that is there, if one is; tries for as long as `patience` says, or for ever.
async fn connect(
    shared: &Arc<Shared>,
    patience: Option<Duration>,
    mut greeted: Option<Greeted>,
) -> Result<Live, ConnectError> {
    let deadline = patience.map(|patience| Instant::now() + patience);
    let mut pauses = pauses();
    let mut tried = format!("{}: no answer", shared.address);
    loop {
        let greeted = greeted.take();
        let attempt = async {
            match greeted {
                Some(greeted) => begin(shared, greeted).await,
                None => attempt(shared).await,
            }
        };
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
        let until = Instant::now() + pauses.next().unwrap_or_default();
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
    begin(shared, dial(shared, None).await?).await
}

/// Begins a link over a connection that leads to a new session, and registers on it.
async fn begin(shared: &Arc<Shared>, greeted: Greeted) -> Result<Live, Failed> {
    let Greeted { connection, outbound, mut inbound, welcome } = greeted;
    inbound.count_from(0);
    outbound.count_from_here(welcome.resume.is_some().into());
    let mut woken = Vec::new();
    let number = shared.lock().start_link(welcome.calls_in_flight_max, &mut woken);
    wake(&mut woken);
    let weak = Arc::downgrade(shared);
    outbound.on_given_up(move |flow| {
        if let Some(shared) = weak.upgrade() {
            shared.give_up_flow(number, flow);
        }
    });
    let link = Arc::new(Link::new(number, outbound, Pass::of(&welcome)));
    let mut live = Live::new(shared, link, inbound, connection);
    let registered = tokio::select! {
        biased;
        // It comes first: what was refused because the link is gone may be tried again.
        end = &mut live.reading => Err(Failed::Passing(end.to_string())),
        registered = register::announce(shared, &live.link) => registered.map_err(|error| {
            Failed::Final(RegisterError::NotTaken(error).into())
        }),
    };
    match registered {
        Ok(()) => Ok(live),
        Err(failed) => {
            live.link.outbound.abort();
            lose(shared);
            Err(failed)
        }
    }
}

/// Serves one link to its end.
async fn attend(
    shared: &Arc<Shared>,
    mut live: Live,
    first: Option<oneshot::Sender<Result<(), ConnectError>>>,
    greeted: &mut Option<Greeted>,
) -> End {
    shared.set_phase(Phase::Connected);
    tracing::info!(node = %shared.name, address = %shared.address, "connected");
    // In this order: whoever built the node finds what its hooks have done.
    run_hooks(shared, &shared.options.on_connect);
    tell(first, Ok(()));
    shared.resubscribe();
    let mut stop = shared.stop.subscribe();
    let link = Arc::clone(&live.link);
    let stopped = async {
        // The sender lives in what this task shares, so the wait cannot fail.
        drop(stop.wait_for(|stop| *stop).await);
        drop(tokio::time::timeout(FAREWELL_TIME, register::retire(shared, &link)).await);
        shared.serve.drain(config::DRAIN_TIME).await;
    };
    let serving = async {
        loop {
            let end = (&mut live.reading).await;
            if !matches!(end, End::Lost(_)) {
                return end;
            }
            match resume(shared, &mut live).await {
                Return::Resumed => {}
                Return::Over(anew) => {
                    *greeted = anew.map(|anew| *anew);
                    return end;
                }
            }
        }
    };
    let end = tokio::select! {
        biased;
        () = stopped => End::Stopped,
        end = serving => end,
    };
    if matches!(end, End::Stopped) {
        drop(tokio::time::timeout(FAREWELL_TIME, live.link.take_leave(shared, &mut live.reading)).await);
        shared.close(STOPPED);
        // What is written but has not left: the peer may be slow, but must not hold us for ever.
        drop(tokio::time::timeout(FAREWELL_TIME, &mut live.writer.0).await);
    }
    live.link.outbound.abort();
    if matches!(end, End::Stopped) {
        // The process may end next, and with it what has not left.
        drop(tokio::time::timeout(FAREWELL_TIME, live.link.outbound.closed()).await);
    }
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
    let end = read_frames(&shared, &link, &mut inbound, sides.as_mut()).await;
    link.set_received(inbound.received());
    end
}

async fn read_frames(
    shared: &Arc<Shared>,
    link: &Arc<Link>,
    inbound: &mut Inbound,
    mut sides: Option<&mut Sides>,
) -> End {
    let mut work = Vec::new();
    let (mut woken, mut told) = (Vec::new(), Vec::new());
    let mut side = None;
    loop {
        // Frames that came with the answer to the greeting are there already.
        let (end, has_ping) =
            take(shared, link, side.as_mut().unwrap_or(inbound), &mut work, (&mut woken, &mut told));
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
                Work::Call(arrived, body) => shared.serve(link, &offers, arrived, inbound.bytes(body)),
                Work::Large(arrived, body) => shared.serve_large(link, &offers, arrived, body),
                Work::Cancel(call) => shared.cancel_served(link, call),
            }
        }
        if must_flush {
            link.flush();
        }
        if has_ping {
            // Once a second is often enough to look for memory to give back; the work above still read from there.
            inbound.trim();
        }
        if let Some(end) = end {
            return end;
        }
        if inbound.owes_count() {
            link.tell_count(inbound);
        }
        side = match fill(inbound, sides.as_deref_mut()).await {
            Ok(Filled::Lane(Ok(true))) => None,
            Ok(Filled::Lane(Ok(false))) => return End::Lost("the controller closed the connection".into()),
            Ok(Filled::Lane(Err(error))) => return End::Lost(error.to_string()),
            Ok(Filled::Side(side)) => Some(side),
            Err(error) => return End::Fault(format!("the controller sent {error}")),
        };
    }
}

/// Takes every whole frame, under one lock. Why the link ends, if it does, and whether the controller asked for a sign
/// of life.
fn take(
    shared: &Shared,
    link: &Link,
    inbound: &mut Inbound,
    work: &mut Vec<Work>,
    (woken, told): (&mut Vec<Waker>, &mut Vec<Presence>),
) -> (Option<End>, bool) {
    let mut has_ping = false;
    let now = Instant::now().into_std();
    let mut state = shared.lock();
    state.last_read = now;
    let end = loop {
        let FrameSpan { header, extension, body: span } = match inbound.next_span() {
            Ok(Some(frame)) => frame,
            Ok(None) => break None,
            Err(error) => break Some(End::Fault(format!("the controller sent {error}"))),
        };
        let body = inbound.bytes(span.clone());
        match header.kind {
            Kind::Reply if flows::are_of_reply(header) => state.reply_flow(header, body, link, woken),
            Kind::Reply => state.reply(header, Bytes::copy_from_slice(body), woken),
            Kind::Call => {
                let caller = state.peer(header.peer).unwrap_or_else(|| nobody().clone());
                let around = Around::told(inbound.bytes(extension));
                let arrived = Arrived { header, caller, feed: None, around };
                let is_flow = flows::are_of_call(header);
                let ready = if is_flow { state.call_flow(arrived, body, link) } else { Some(arrived) };
                work.extend(ready.map(|arrived| Work::Call(arrived, span)));
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
            Kind::Credit if header.flags.has(Flags::RECEIVED) => {
                if let Err(error) = link.outbound.received(header) {
                    break Some(End::Fault(error.to_string()));
                }
            }
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
        // Before any user code runs.
        link.tell_count(inbound);
        link.outbound.flush();
        link.outbound.trim();
    }
    (end, has_ping)
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
                    biased;
                    // It comes first: no number of new deadlines shall put off one that has passed.
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
        if let Some(outbound) = state.status.outbound() {
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
            Self::Lost(why) | Self::Fault(why) | Self::Goodbye(why) => f.write_str(why),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// How long a node that has said goodbye waits for a peer that does not read.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
