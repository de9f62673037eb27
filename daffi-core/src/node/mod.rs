//! A node: one process's place in a mesh. It calls, serves, and comes back by itself when its link breaks.
//!
//! [`Node`] is the handle. `state` knows without doing I/O; `driver` owns the link; `flight` is a call on its
//! way, and `sending` puts it there; `serve` runs callbacks; `flows` and `incoming` are large bodies and streams; `directory` asks the controller's own callbacks.

mod acknowledged;
mod around;
mod connect;
mod directory;
mod driver;
mod each;
mod ending;
mod flight;
mod flows;
mod here;
mod in_flight;
mod incoming;
mod job;
#[cfg(feature = "testing")]
mod kill;
mod known;
mod link;
mod nested;
mod one_way;
mod outgoing;
mod overtime;
mod register;
mod reply;
mod request;
mod running;
mod sending;
mod serve;
mod served;
mod several;
mod state;
mod traced;
mod wrapped;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, broadcast, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub(crate) use acknowledged::Acknowledged;
pub use connect::{Connect, connect};
pub use directory::{PresenceStream, Wait};
pub(crate) use flight::Flight;
pub(crate) use in_flight::{Expect, Outcome, PartOutcome, Reply};
pub(crate) use incoming::Intake;
pub(crate) use known::is_idempotent;
pub(crate) use nested::Awaiting;
use nested::Scope;
pub(crate) use outgoing::Wrapping;
pub use outgoing::{Ended, Mode, Outgoing};
pub use register::Registration;
pub(crate) use request::{Extra, Request};
pub(crate) use sending::OnDrop;
pub(crate) use several::{Several, Taken};

use crate::callback::Serving;
use crate::error::{CallError, Ran, Result, Stage};
use crate::identity::Credentials;
use crate::name::NodeName;
use crate::transport::Address;
use crate::wire::{Presence, Traceparent};
use around::Wrappers;
use link::put_goodbye;
use serve::Serve;
use state::{State, Status};

/// A process's place in a mesh: the way to call others, and to offer callbacks. Made by [`connect`].
///
/// It calls ([`call`](Self::call), [`tell`](Self::tell)), offers more while it runs ([`register`](Self::register)), waits for
/// others ([`wait_process`](Self::wait_process)), knows who is there ([`nodes`](Self::nodes),
/// [`presence`](Self::presence)), and manages jobs and schedules, whoever made them ([`jobs`](Self::jobs),
/// [`schedules`](Self::schedules)). When its link breaks it comes back by itself, with all that it offers.
///
/// Clones are cheap and of the same node. When the last one is dropped the node ends at once;
/// [`stop`](Self::stop) lets running callbacks finish first.
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
    /// Ends the node with its last handle. A callback's handle has none if the others are gone.
    guard: Option<Arc<Guard>>,
    /// On whose behalf it is used, if it is known; seldom, and each call moves the handle.
    behalf: Option<Arc<Behalf>>,
}

/// On whose behalf a node is used.
#[derive(Debug, Clone, Copy, Default)]
struct Behalf {
    /// The callback that uses it.
    scope: Option<Scope>,
    /// What its calls are part of.
    trace: Option<Traceparent>,
}

/// What the handles and tasks of one node share.
pub(crate) struct Shared {
    pub(crate) name: NodeName,
    pub(crate) address: Address,
    pub(crate) options: Options,
    state: Mutex<State>,
    pub(crate) serve: Serve,
    phase: watch::Sender<Phase>,
    /// Tells the timer task of a deadline that is earlier than those it knows.
    pub(crate) timer: Notify,
    pub(crate) presence: broadcast::Sender<Presence>,
    pub(crate) runtime: tokio::runtime::Handle,
    /// The places of operations that are sent and not awaited yet.
    pub(crate) sent: Arc<Semaphore>,
    /// For the handles of callbacks, which must not keep the node alive.
    guard: Mutex<Weak<Guard>>,
    /// Why the node shall end by itself, once somebody called [`Node::stop`].
    stop: watch::Sender<bool>,
}

/// What a node was built with and keeps.
pub(crate) struct Options {
    pub(crate) concurrency: usize,
    pub(crate) take_over: bool,
    pub(crate) hidden: bool,
    pub(crate) outlive_controller: bool,
    /// What it shows the controller, where the transport does not say who is there.
    pub(crate) credentials: Option<Credentials>,
    /// The address of the controller as others know it, if that is not the one it is reached at.
    pub(crate) shown: Option<String>,
    pub(crate) incarnation: u128,
    pub(crate) body_bytes_max: usize,
    pub(crate) on_connect: Vec<Hook>,
    pub(crate) on_disconnect: Vec<Hook>,
    pub(crate) around_calls: Wrappers<Outgoing>,
    pub(crate) around_callbacks: Wrappers<Serving>,
}

/// What a user wants done when the link comes or goes.
pub(crate) type Hook = Arc<dyn Fn(&Node) + Send + Sync>;

/// Where a node is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No link that is ready.
    Connecting,
    /// Calls may be sent.
    Connected,
    /// It will not be connected again.
    Ended,
}

/// Ends the tasks of a node.
struct Guard {
    shared: Arc<Shared>,
    tasks: Mutex<Vec<AbortHandle>>,
}

/// Keeps a node alive, as a handle does.
pub(crate) struct Alive {
    _guard: Option<Arc<Guard>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.end("the last handle was dropped");
        self.shared.set_phase(Phase::Ended);
        for task in &*self.tasks.lock().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs under the lock, so whoever panicked there did so before changing anything.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a link that calls may be sent over.
    pub(crate) fn is_linked(&self) -> bool {
        matches!(self.lock().status, Status::Connected(_))
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let is_alive = *now != Phase::Ended;
            if is_alive {
                *now = phase;
            }
            // Told even if it is the same: a session may end while the node is away, and whoever waits for that looks.
            is_alive
        });
    }

    /// Where it is in its life, and each time that this may have changed.
    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The node's session with its controller, by the number of its link; one whose link broke and may go on is still
    /// there.
    pub(crate) fn session(&self) -> Option<u64> {
        let state = self.lock();
        state.status.outbound().map(|_| state.link)
    }

    /// Waits until this session is over.
    pub(crate) async fn session_over(&self, session: u64) {
        let mut phase = self.phase.subscribe();
        while self.session() == Some(session) && phase.changed().await.is_ok() {}
    }

    /// Waits until calls may be sent.
    ///
    /// # Errors
    /// [`CallError::Disconnected`] if the node has ended, [`CallError::TimedOut`] when `deadline` passes.
    pub(crate) async fn connected(
        &self,
        deadline: Option<Instant>,
        after: Duration,
    ) -> Result<(), CallError> {
        let mut phase = self.phase.subscribe();
        let settled = phase.wait_for(|phase| *phase != Phase::Connecting);
        let settled = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, settled).await,
            None => Ok(settled.await),
        };
        match settled.map(|phase| phase.map(|phase| *phase)) {
            Err(_) => Err(CallError::TimedOut { stage: Stage::Connecting, node: None, after }),
            Ok(Ok(Phase::Connected)) => Ok(()),
            Ok(_) => Err(CallError::Disconnected { ran: Ran::No }),
        }
    }

    /// Ends everything at once: calls in flight fail, callbacks are aborted, the connection is closed.
    fn end(&self, reason: &str) {
        self.close(reason);
        self.set_phase(Phase::Ended);
    }

    /// As [`end`](Self::end), but whoever waits for the end is not told yet.
    fn close(&self, reason: &str) {
        let mut woken = Vec::new();
        let status = {
            let mut state = self.lock();
            let status = std::mem::replace(&mut state.status, Status::Ended);
            state.lose_link(&mut woken);
            status
        };
        for waker in woken {
            waker.wake();
        }
        if let Some(outbound) = status.outbound() {
            outbound.with(|out| put_goodbye(out, reason));
            outbound.close();
        }
        self.serve.abort_all();
        self.set_phase(Phase::Connecting);
    }

    /// A handle for user code that this node runs.
    pub(crate) fn handle(self: &Arc<Self>, scope: Option<Scope>) -> Node {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        let behalf = scope.map(|scope| Arc::new(Behalf { scope: Some(scope), trace: None }));
        Node { shared: Arc::clone(self), guard, behalf }
    }

    /// A handle that does not keep the node alive.
    pub(crate) fn weak_handle(self: &Arc<Self>) -> Node {
        Node { shared: Arc::clone(self), guard: None, behalf: None }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Node {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What the handles share, and what keeps the node alive as this handle did.
    pub(crate) fn into_parts(self) -> (Arc<Shared>, Alive) {
        (self.shared, Alive { _guard: self.guard })
    }

    /// Until when the callback lasts that uses it.
    pub(crate) fn scope_ends_at(&self) -> Option<Instant> {
        self.scope().and_then(|scope| scope.deadline)
    }

    fn scope(&self) -> Option<&Scope> {
        self.behalf.as_ref()?.scope.as_ref()
    }

    /// What calls of it are part of.
    pub(crate) fn trace(&self) -> Option<&Traceparent> {
        self.behalf.as_ref()?.trace.as_ref()
    }

    /// The same node, whose calls are part of this trace: each is a child of that span. A callback has no need of it, since
    /// the calls of [`Context::node`](crate::callback::Context::node) are part of its trace.
    #[must_use]
    pub fn traced(&self, traceparent: Traceparent) -> Self {
        let behalf = Behalf { scope: self.scope().copied(), trace: Some(traceparent) };
        Self { behalf: Some(Arc::new(behalf)), ..self.clone() }
    }

    /// The time that a call has which would have `timeout` by itself.
    pub(crate) fn within_scope(&self, timeout: Option<Duration>) -> Option<Duration> {
        let left = self.scope_ends_at().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match (timeout, left) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        }
    }

    /// The node's name.
    pub fn name(&self) -> &NodeName {
        &self.shared.name
    }

    /// The address of its controller.
    pub fn url(&self) -> String {
        self.shared.options.shown.clone().unwrap_or_else(|| self.shared.address.to_string())
    }

    /// Whether it is connected now. Calls made while it is not wait for the link until their deadline.
    pub fn is_connected(&self) -> bool {
        self.shared.phase() == Phase::Connected
    }

    /// Lets running callbacks finish for up to [`DRAIN_TIME`](crate::config::DRAIN_TIME), says goodbye to the
    /// controller, and ends. New calls from others are refused meanwhile; calls of its own that are still in
    /// flight at the end fail. A controller that says nothing holds it up for two seconds at most.
    ///
    /// # Errors
    /// None at present: what cannot be finished in time is aborted.
    ///
    /// # Cancel safety
    /// Cancel safe: the node goes on stopping by itself.
    pub async fn stop(&self) -> Result<()> {
        self.shared.stop.send_replace(true);
        self.join().await
    }

    /// Serves until the controller says goodbye or somebody calls [`stop`](Self::stop).
    ///
    /// # Errors
    /// None at present.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn join(&self) -> Result<()> {
        let mut phase = self.shared.phase.subscribe();
        // The sender lives in what this handle shares, so the wait cannot fail.
        drop(phase.wait_for(|phase| *phase == Phase::Ended).await);
        Ok(())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", self.name()).field("phase", &self.shared.phase()).finish()
    }
}
