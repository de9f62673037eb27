//! A node whose methods wait.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::bridge::{Bridge, waits};
use super::{Call, Iter, Job, Schedule};
use crate::api::WithController;
use crate::callback::{Arguments, Offer, Wire};
use crate::error::Result;
use crate::node::{Connect, Node as AsyncNode, PresenceStream, Registration};
use crate::wire::{CallbackEntry, JobEntry, JobId, NodeDetail, NodeEntry};

/// A process's place in a mesh, for threads: each method waits for what the one of the same name of
/// [`daffi::Node`](AsyncNode) does.
///
/// Clones are cheap and of the same node. When the last clone of one that was [opened](Connect::open) is dropped, it is
/// [stopped](Self::stop). It also is a reference to a [`daffi::Node`](AsyncNode), which the typed calls take:
/// `add::call(&node, 4, 6).blocking().fg()?`.
#[derive(Debug, Clone)]
pub struct Node {
    inside: AsyncNode,
    bridge: Bridge,
    /// `None` if somebody else opened it.
    _owner: Option<Arc<Owner>>,
}

/// Stops a node that a thread has opened.
#[derive(Debug)]
struct Owner {
    node: AsyncNode,
}

impl Drop for Owner {
    fn drop(&mut self) {
        stop(&self.node);
    }
}

fn stop(node: &AsyncNode) {
    let bridge = Bridge::of(node);
    let node = node.clone();
    bridge.wait_or_spawn(async move {
        if let Err(error) = node.stop().await {
            tracing::warn!(%error, "the node did not stop in order");
        }
    });
}

impl Connect {
    /// Joins the mesh, from a thread: as awaiting this does, and on a runtime of daffi's own that all nodes of this
    /// process share which were opened so.
    ///
    /// # Errors
    /// [`ConnectError`](crate::error::ConnectError), or [`CallError::WouldBlock`](crate::error::CallError::WouldBlock)
    /// in an async task.
    pub fn open(self) -> Result<Node> {
        open(self)
    }
}

impl WithController {
    /// Starts the controller and joins it, from a thread: as [`Connect::open`].
    ///
    /// # Errors
    /// As awaiting this, or [`CallError::WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
    pub fn open(self) -> Result<Node> {
        open(self)
    }
}

fn open(connect: impl IntoFuture<Output = Result<AsyncNode>>) -> Result<Node> {
    let bridge = Bridge::shared()?;
    let inside = bridge.wait(connect)?;
    let owner = Arc::new(Owner { node: inside.clone() });
    Ok(Node { inside, bridge, _owner: Some(owner) })
}

impl AsyncNode {
    /// This node for threads, as that of a plain callback: `ctx.node().blocking()`. Dropping it changes nothing.
    ///
    /// The node goes on living on its own runtime, which must run meanwhile: a `current_thread` one does so only while a
    /// thread is in its `block_on`, and whoever waits here beside one that stands still waits with it. Of a runtime that
    /// has ended nothing comes any more: there each method gives
    /// [`CallError::Disconnected`](crate::error::CallError::Disconnected).
    pub fn blocking(&self) -> Node {
        Node { inside: self.clone(), bridge: Bridge::of(self), _owner: None }
    }
}

impl Deref for Node {
    type Target = AsyncNode;

    fn deref(&self) -> &AsyncNode {
        &self.inside
    }
}

impl Node {
    /// A call of the callback `name`, to be given a mode: [`fg`](Call::fg), [`bg`](Call::bg) and so on.
    pub fn call<R: Wire>(&self, name: &str, arguments: impl Arguments) -> Call<R> {
        self.inside.call(name, arguments).blocking()
    }

    /// A call of the callback `name` whose result nobody wants.
    pub fn tell(&self, name: &str, arguments: impl Arguments) -> Call<()> {
        self.call(name, arguments)
    }

    /// Waits for [`Node::tell_each`](AsyncNode::tell_each).
    ///
    /// # Errors
    /// As there, and [`CallError::WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
    pub fn tell_each<A: Arguments>(&self, name: &str, arguments: impl IntoIterator<Item = A>) -> Result<u64> {
        self.bridge.wait(self.inside.tell_each(name, arguments))
    }

    /// The background call of this number, whoever made it.
    pub fn job<R: Wire>(&self, id: JobId) -> Job<R> {
        self.bridge.enter(|| Job::new(self.inside.job(id), &self.bridge))
    }

    waits! { "Node" at "crate::node::Node":
        fn nodes(&self) -> Vec<NodeEntry>;
        fn node(&self, name: &str) -> Option<NodeDetail>;
        fn kick(&self, name: &str) -> bool;
        fn callbacks(&self) -> Vec<CallbackEntry>;
        fn callbacks_like(&self, pattern: &str) -> Vec<CallbackEntry>;
        fn stats(&self) -> BTreeMap<String, u64>;
        fn jobs(&self) -> Vec<JobEntry>;
        fn cancel_job(&self, id: JobId) -> bool;
        fn ping(&self, node: &str) -> Duration;
        fn wait_process(&self, name: &str) -> ();
        fn wait_callback(&self, name: &str) -> ();
        fn unregister(&self, name: &str) -> bool;
        fn join(&self) -> ();
    }

    /// As [`register`](AsyncNode::register).
    ///
    /// # Errors
    /// As there.
    pub fn register<By: ?Sized>(&self, offer: impl Offer<By>) -> Result<Registration> {
        self.bridge.wait(self.inside.register(offer))
    }

    /// As [`wait_process`](Self::wait_process), for at most this long.
    ///
    /// # Errors
    /// As there.
    pub fn wait_process_within(&self, name: &str, timeout: Duration) -> Result<()> {
        self.bridge.wait(self.inside.wait_process(name).timeout(timeout))
    }

    /// As [`wait_callback`](Self::wait_callback), for at most this long.
    ///
    /// # Errors
    /// As there.
    pub fn wait_callback_within(&self, name: &str, timeout: Duration) -> Result<()> {
        self.bridge.wait(self.inside.wait_callback(name).timeout(timeout))
    }

    /// Changes in who is there and what they offer, from now on, as [`Node::presence`](AsyncNode::presence) tells them.
    ///
    /// # Errors
    /// As there, and [`CallError::WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
    pub fn presence(&self) -> Result<Iter<PresenceStream>> {
        let changes = self.bridge.wait(self.inside.presence())?;
        Ok(Iter::new(changes, &self.bridge))
    }

    /// The schedules of the mesh, whoever made them.
    ///
    /// # Errors
    /// As [`Node::schedules`](AsyncNode::schedules), and
    /// [`CallError::WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
    pub fn schedules(&self) -> Result<Vec<Schedule>> {
        let schedules = self.bridge.wait(self.inside.schedules())?;
        Ok(schedules.into_iter().map(|schedule| Schedule::new(schedule, &self.bridge)).collect())
    }

    /// The schedule of this number; `None` if there is none.
    ///
    /// # Errors
    /// As [`Node::schedule`](AsyncNode::schedule), and
    /// [`CallError::WouldBlock`](crate::error::CallError::WouldBlock) in an async task.
    pub fn schedule(&self, id: u64) -> Result<Option<Schedule>> {
        let schedule = self.bridge.wait(self.inside.schedule(id))?;
        Ok(schedule.map(|schedule| Schedule::new(schedule, &self.bridge)))
    }

    /// Stops the node as [`Node::stop`](AsyncNode::stop) does, and waits until it has ended: running callbacks finish,
    /// for up to [`DRAIN_TIME`](crate::config::DRAIN_TIME). In an async task, and while the thread panics, it does
    /// not wait; the node ends by itself. With a runtime that has ended its nodes have, too.
    ///
    /// A callback of this node that waits here is one of those that are waited for, and holds the end up by all that time.
    pub fn stop(&self) {
        stop(&self.inside);
    }
}
