//! What a node asks of its controller: who is there, what they offer, jobs and schedules.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::{Flight, Node, Phase, Request, Shared};
use crate::config;
use crate::error::{CallError, Result};
use crate::name::NodeName;
use crate::wire::{
    self, CallbackEntry, JobEntry, JobId, NodeDetail, NodeEntry, Presence, ScheduleEntry, ScheduleSpec,
};

impl Node {
    async fn ask<A: Serialize, R: DeserializeOwned>(&self, name: &str, arguments: &A) -> Result<R> {
        self.ask_within(name, arguments, Some(config::CALL_TIMEOUT)).await
    }

    async fn ask_within<A: Serialize, R: DeserializeOwned>(
        &self,
        name: &str,
        arguments: &A,
        timeout: Option<Duration>,
    ) -> Result<R> {
        let timeout = self.within_scope(timeout);
        let request = Request { timeout, ..Request::to_controller(name, arguments) };
        let reply = self.shared().ask(request).await?;
        Ok(decode(&reply.body)?)
    }

    /// The connected nodes, by name; hidden ones are left out.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn nodes(&self) -> Result<Vec<NodeEntry>> {
        self.ask("daffi.nodes", &()).await
    }

    /// A connected node and what it offers; `None` if there is none of this name.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn node(&self, name: &str) -> Result<Option<NodeDetail>> {
        self.ask("daffi.node", &(name,)).await
    }

    /// Ends the session of a node, which is told. `false` if there is none of this name.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Not cancel safe: the node may have been told to go.
    pub async fn kick(&self, name: &str) -> Result<bool> {
        self.ask("daffi.node.kick", &(name,)).await
    }

    /// What the mesh offers: callbacks whose names match `pattern`, in which `*` stands for anything. An empty
    /// pattern matches all.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn callbacks_like(&self, pattern: &str) -> Result<Vec<CallbackEntry>> {
        self.ask("daffi.callbacks", &(pattern,)).await
    }

    /// Everything that the mesh offers.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn callbacks(&self) -> Result<Vec<CallbackEntry>> {
        self.callbacks_like("").await
    }

    /// The controller's counters, and the sizes of its tables.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stats(&self) -> Result<BTreeMap<String, u64>> {
        self.ask("daffi.stats", &()).await
    }

    /// This node's own counters, and the sizes of its tables.
    pub fn own_stats(&self) -> BTreeMap<String, u64> {
        self.shared().stats()
    }

    /// The background calls that the controller knows: those that wait or run, and kept results.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn jobs(&self) -> Result<Vec<JobEntry>> {
        self.ask("daffi.jobs", &()).await
    }

    /// Cancels a background call, whoever made it. `false` if it was finished already.
    ///
    /// # Errors
    /// [`CallError::NoSuchCallback`] if the controller does not know the job.
    ///
    /// # Cancel safety
    /// Not cancel safe: the job may have been cancelled.
    pub async fn cancel_job(&self, id: JobId) -> Result<bool> {
        self.ask("daffi.job.cancel", &(id,)).await
    }

    pub(crate) async fn create_schedule(&self, spec: &ScheduleSpec) -> Result<ScheduleEntry> {
        self.ask("daffi.schedule.create", &(spec,)).await
    }

    pub(crate) async fn schedule_entries(&self) -> Result<Vec<ScheduleEntry>> {
        self.ask("daffi.schedule.list", &()).await
    }

    pub(crate) async fn schedule_entry(&self, id: u64) -> Result<Option<ScheduleEntry>> {
        self.ask("daffi.schedule.show", &(id,)).await
    }

    pub(crate) async fn cancel_schedule(&self, id: u64) -> Result<Option<ScheduleEntry>> {
        self.ask("daffi.schedule.cancel", &(id,)).await
    }

    pub(crate) async fn pause_schedule(&self, id: u64) -> Result<bool> {
        self.ask("daffi.schedule.pause", &(id,)).await
    }

    pub(crate) async fn resume_schedule(&self, id: u64) -> Result<bool> {
        self.ask("daffi.schedule.resume", &(id,)).await
    }

    /// How long a message to the node of this name and back takes now, by way of the controller.
    ///
    /// # Errors
    /// [`CallError::NoSuchNode`] if there is none; otherwise as any call.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ping(&self, node: &str) -> Result<Duration> {
        let mut request = Request::to_controller("daffi.ping", &());
        request.timeout = self.within_scope(Some(config::CALL_TIMEOUT));
        request.extra_mut().on = Some(node.to_owned());
        let sent = Instant::now();
        self.shared().ask(request).await?;
        Ok(sent.elapsed())
    }

    /// Waits until a node of this name is connected and ready, for [`WAIT_TIMEOUT`](config::WAIT_TIMEOUT)
    /// unless [`Wait::timeout`] says otherwise.
    pub fn wait_process(&self, name: &str) -> Wait {
        Wait::new(self, "daffi.wait_node", name)
    }

    /// Waits until another node offers a callback of this name, for [`WAIT_TIMEOUT`](config::WAIT_TIMEOUT)
    /// unless [`Wait::timeout`] says otherwise.
    pub fn wait_callback(&self, name: &str) -> Wait {
        Wait::new(self, "daffi.wait_callback", name)
    }

    /// Changes in who is there and what they offer, from now on. After [`Presence::Lagged`] some are missing:
    /// the listener was too slow, or the link was broken for a while.
    ///
    /// # Errors
    /// [`CallError`] if the controller does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn presence(&self) -> Result<PresenceStream> {
        // Listen first: what is told between the answer and the subscription would be lost.
        let shared = self.shared();
        let stream = PresenceStream::new(Events {
            told: shared.presence.subscribe(),
            phase: shared.phase.subscribe(),
        });
        self.ask::<_, ()>("daffi.presence", &(true,)).await?;
        Ok(stream)
    }
}

/// The value that a reply's body is; the controller is its own author.
fn decode<R: DeserializeOwned>(body: &[u8]) -> Result<R, CallError> {
    wire::decode(body).map_err(|error| {
        let node = NodeName::new("controller").expect("a good name");
        CallError::BadReply { node, message: error.to_string() }
    })
}

impl Shared {
    /// The controller tells of a change.
    pub(crate) fn notice(self: &Arc<Self>, presence: Presence) {
        if self.presence.send(presence).is_err() {
            self.subscribe(false);
        }
    }

    /// A new controller, or the old one after a break, does not know who listens.
    pub(crate) fn resubscribe(self: &Arc<Self>) {
        // Nobody listens if this fails.
        if self.lock().link > 1 && self.presence.send(Presence::Lagged).is_ok() {
            self.subscribe(true);
        }
    }

    /// Sends word to the controller without waiting for its answer.
    fn subscribe(self: &Arc<Self>, is_wanted: bool) {
        let request = Request::to_controller("daffi.presence", &(is_wanted,));
        let mut flight = Flight::new(Arc::clone(self), request);
        flight.set_on_drop(super::OnDrop::Detach);
        flight.launch();
    }

    fn stats(&self) -> BTreeMap<String, u64> {
        let running = self.serve.running_now() as u64;
        let failed = self.serve.failed_one_way.load(std::sync::atomic::Ordering::Relaxed);
        let state = self.lock();
        let stats = [
            ("calls_in_flight", state.in_flight.len() as u64),
            ("calls_running", running),
            ("flows", state.flows.len() as u64),
            ("frames_skipped", state.skipped),
            ("links", state.link),
            ("links_resumed", state.resumed),
            ("one_way_failed", failed),
            ("one_way_unacknowledged", state.one_way.len() as u64),
            ("replies_late", state.late_replies),
        ];
        stats.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A wait for a node or a callback; to be awaited. Made by [`Node::wait_process`] and [`Node::wait_callback`].
///
/// # Errors
/// Awaiting it gives [`CallError::TimedOut`] if what it waits for does not come in time, or any other [`CallError`] if the
/// controller does not answer.
///
/// # Cancel safety
/// Cancel safe.
#[derive(Debug)]
#[must_use = "it does not wait until it is awaited"]
pub struct Wait {
    node: Node,
    what: &'static str,
    name: String,
    timeout: Duration,
}

impl Wait {
    fn new(node: &Node, what: &'static str, name: &str) -> Self {
        Self { node: node.clone(), what, name: name.to_owned(), timeout: config::WAIT_TIMEOUT }
    }

    /// Waits at most this long, by default [`WAIT_TIMEOUT`](config::WAIT_TIMEOUT).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl IntoFuture for Wait {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.node.ask_within(self.what, &(&self.name,), Some(self.timeout)).await })
    }
}

/// Changes in who is there and what they offer, in their order; made by [`Node::presence`]. It ends when the node does.
///
/// At most [`PRESENCE_QUEUED_MAX`](config::PRESENCE_QUEUED_MAX) wait for whoever listens; past it the oldest are dropped,
/// and [`Presence::Lagged`] says so. Taking the next one is cancel safe.
pub struct PresenceStream {
    next: BoxFuture<'static, (Option<Presence>, Events)>,
}

impl PresenceStream {
    fn new(events: Events) -> Self {
        Self { next: Box::pin(events.receive()) }
    }
}

/// What a node is told, and how long it lives: its handles, which share where it is told, may outlive it.
struct Events {
    told: broadcast::Receiver<Presence>,
    phase: watch::Receiver<Phase>,
}

impl Events {
    async fn receive(mut self) -> (Option<Presence>, Self) {
        let ended = async { drop(self.phase.wait_for(|phase| *phase == Phase::Ended).await) };
        let presence = tokio::select! {
            biased;
            told = self.told.recv() => match told {
                Ok(presence) => Some(presence),
                Err(broadcast::error::RecvError::Lagged(_)) => Some(Presence::Lagged),
                Err(broadcast::error::RecvError::Closed) => None,
            },
            () = ended => None,
        };
        (presence, self)
    }
}

impl Stream for PresenceStream {
    type Item = Presence;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Presence>> {
        let (presence, events) = std::task::ready!(self.next.as_mut().poll(cx));
        self.next = Box::pin(events.receive());
        Poll::Ready(presence)
    }
}

impl std::fmt::Debug for PresenceStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresenceStream").finish_non_exhaustive()
    }
}
