//! The loop that owns a node's link: connect, say hello, register, read; and again when it breaks.

mod greet;
mod read;
mod resume;

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use self::greet::{Greeted, dial};
use self::read::read;
use self::resume::{Return, resume};
use super::connect::Companion;
use super::link::{Link, Pass, STOPPED};
use super::{Hook, Phase, Shared, register};
use crate::callback::catch;
use crate::config;
use crate::error::{ConnectError, RegisterError};
use crate::session::{Inbound, Sides};
use crate::transport::Connection;

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
    let mut tried = "no answer".to_owned();
    loop {
        let greeted = greeted.take();
        let attempt = async {
            match greeted {
                Some(greeted) => begin(shared, greeted).await,
                None => attempt(shared).await,
            }
        };
        let result = match deadline {
            Some(deadline) => timeout_at(deadline, attempt).await,
            None => Ok(attempt.await),
        };
        match result {
            Ok(Ok(live)) => return Ok(live),
            Ok(Err(Failed::Final(error))) if patience.is_some() => return Err(error),
            Ok(Err(Failed::Final(error))) => {
                tracing::warn!(node = %shared.name, %error, "the controller does not take this node back");
            }
            Ok(Err(Failed::Passing(why))) => tried = why,
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
        drop(timeout(FAREWELL_TIME, register::retire(shared, &link)).await);
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
        say_goodbye(shared, &mut live).await;
    }
    live.link.outbound.abort();
    lose(shared);
    run_hooks(shared, &shared.options.on_disconnect);
    end
}

/// Ends the session of a node that stops; gives up on a controller that does not hear it.
async fn say_goodbye(shared: &Arc<Shared>, live: &mut Live) {
    let until = Instant::now() + FAREWELL_TIME;
    drop(timeout_at(until, live.link.take_leave(shared, &mut live.reading)).await);
    shared.close(STOPPED);
    // What is written but has not left.
    drop(timeout_at(until, &mut live.writer.0).await);
    live.link.outbound.abort();
    // The process may end next, and with it what has not left.
    drop(timeout_at(until, live.link.outbound.closed()).await);
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
                outbound.with(|out| super::sending::put_cancel(out, id));
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

/// How long a node that stops waits for a controller that says nothing: once for it to hear that nothing is on offer
/// any more, and once for all of the goodbye.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
