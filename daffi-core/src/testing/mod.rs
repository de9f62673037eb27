//! A mesh in memory whose links break on demand, for tests.

mod builder;
mod time;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

pub use self::builder::NewMesh;
pub use crate::transport::Faults;

use crate::config;
use crate::controller::Controller;
use crate::error::{CallError, Result, Stage};
use crate::name::NodeName;
use crate::node::{Connect, Node, Phase, Shared, connect};
use crate::transport::{Address, Link, inject, links};

/// A controller and nodes in this process, connected by links that the test breaks, slows down and mends.
///
/// No port, no file, no process: any number of meshes live beside each other. Nodes are told apart by the name given
/// to [`node`](Self::node) or [`url`](Self::url), and a name that was given to neither is a panic: a misspelt one must
/// not make a test pass.
///
/// When the mesh is dropped its controller ends at once, and so do its nodes as if they were [killed](Self::kill),
/// whoever has handles of them: nobody could come back. Only those that it does not know, since they connected by
/// themselves and were not [adopted](Self::adopt), try to come back for as long as they live.
///
/// With `#[tokio::test(start_paused = true)]` time is virtual: it stands still while anything can happen, and then
/// leaps to the next moment at which something will. An hour's timeout takes no time to test, and
/// [`settled`](Self::settled) and [`advance`](Self::advance) tell when all that could happen has. Everything else works
/// on any runtime.
///
/// A callback that is no `async` function holds virtual time while it runs on its thread, as anything in tokio's
/// `spawn_blocking` does: a second that it sleeps takes a second, and none of the test's. So it must not wait there for
/// what takes virtual time, such as a call over a [delayed](Self::delay) link: that would never end. What does is tested
/// in real time, without `start_paused`.
///
/// What daffi leaves to chance is drawn from one [seed](NewMesh::seed), which a test that panics prints; one that
/// returns an error does not.
#[must_use = "the controller and the nodes end when the mesh is dropped"]
pub struct Mesh {
    settings: NewMesh,
    /// The seed that was given or drawn.
    seed: u64,
    /// The name that the controller listens on.
    place: String,
    controller: Option<Controller>,
    restarts: u64,
    ways: Arc<Ways>,
    /// What all links suffer.
    faults: Mutex<Faults>,
}

/// The nodes by their names.
type Ways = Mutex<BTreeMap<String, Way>>;

/// One node and its link.
#[derive(Debug, Default)]
struct Way {
    /// Makes its chances others than those of its neighbours.
    number: u64,
    /// Whether [`Mesh::node`] made it, so that it is known once it is connected.
    is_made_here: bool,
    is_cut: bool,
    is_frozen: bool,
    delay: Option<RangeInclusive<Duration>>,
    /// `None` until it has been connected.
    node: Option<Weak<Shared>>,
}

impl Way {
    /// What the node's next connection suffers, where all suffer `faults`.
    fn faults(&self, seed: u64, faults: Faults) -> Faults {
        let is_as_all = !self.is_cut && !self.is_frozen && self.delay.is_none();
        if is_as_all {
            return Faults::default();
        }
        let mut own = faults;
        own.seed = seed.wrapping_add(self.number);
        own.refuses |= self.is_cut;
        own.stalls |= self.is_frozen;
        own.delay = self.delay.clone().or(own.delay);
        own
    }
}

impl Mesh {
    /// A mesh about to start; await it. Nodes are still to come.
    #[expect(clippy::new_ret_no_self, reason = "it is one once it is awaited, as with `connect`")]
    pub fn new() -> NewMesh {
        NewMesh::default()
    }

    /// A node about to connect, with its link of its own: give it callbacks and await it, as with
    /// [`connect`]. After [`kill`](Self::kill) the same name makes its process start again.
    pub fn node(&self, name: &str) -> Connect {
        let (ways, label) = (Arc::clone(&self.ways), name.to_owned());
        let enlist = move |node: &Node| {
            // Whoever has the mesh may have dropped it.
            if let Some(way) = lock(&ways).get_mut(&label) {
                way.node = Some(Arc::downgrade(node.shared()));
            }
        };
        let url = self.url(name);
        self.known(name, |way| way.is_made_here = true);
        connect(&url).name(name).on_connect(enlist)
    }

    /// The address at which code that connects by itself is the node `name` to this mesh. Only [`kill`](Self::kill)
    /// wants more, which is to [`adopt`](Self::adopt) it; so does the mesh when it is dropped.
    pub fn url(&self, name: &str) -> String {
        let mut ways = self.ways();
        let number = ways.len() as u64 + 1;
        ways.entry(name.to_owned()).or_insert_with(|| Way { number, ..Way::default() });
        Address::Memory(self.way(name)).to_string()
    }

    /// Takes in a node that was connected to [`url`](Self::url), so that it can be [killed](Self::kill).
    ///
    /// # Panics
    /// If it was connected to anything else.
    #[track_caller]
    pub fn adopt(&self, node: &Node) {
        let url = node.url();
        let prefix = Address::Memory(self.way("")).to_string();
        let Some(name) = url.strip_prefix(&prefix) else {
            panic!("`{}` is connected to {url}, which is no address of this mesh", node.name())
        };
        self.known(name, |way| way.node = Some(Arc::downgrade(node.shared())));
    }

    /// Breaks the link of a node and lets no other come about until [`heal`](Self::heal). What was under way is lost;
    /// both sides know at once.
    ///
    /// The controller keeps the node's session for the [grace](NewMesh::grace). Within it calls wait, and what was lost
    /// is sent again once the link is back; after it the node has left.
    ///
    /// # Panics
    /// If this mesh has no such node.
    #[track_caller]
    pub fn cut(&self, name: &str) {
        self.change(name, |way| way.is_cut = true);
        self.cut_links(name);
    }

    /// Holds back all that the link of a node carries, until [`heal`](Self::heal): nobody knows, as with a process
    /// that hangs or a cable that is out.
    ///
    /// # Panics
    /// If this mesh has no such node.
    #[track_caller]
    pub fn freeze(&self, name: &str) {
        self.change(name, |way| way.is_frozen = true);
        self.links(name).iter().for_each(Link::stall);
    }

    /// Makes all that is sent on the link of a node from now on, in either direction, take so long. A call between two
    /// delayed nodes takes four such ways, and a node that connects takes four of its own: two until it is let in, for
    /// which it has [`HANDSHAKE_TIMEOUT`](config::HANDSHAKE_TIMEOUT), and two until what it offers is known.
    ///
    /// # Panics
    /// If this mesh has no such node.
    #[track_caller]
    pub fn delay(&self, name: &str, delay: Duration) {
        self.jitter(name, delay..=delay);
    }

    /// As [`delay`](Self::delay), each time drawn between the two. Nothing overtakes what was sent before.
    ///
    /// # Panics
    /// If this mesh has no such node.
    #[track_caller]
    pub fn jitter(&self, name: &str, delay: RangeInclusive<Duration>) {
        self.change(name, |way| way.delay = Some(delay.clone()));
        self.set_delays(name, Some(&delay));
    }

    /// Mends the link of a node: ends what [`cut`](Self::cut), [`freeze`](Self::freeze), [`delay`](Self::delay) and
    /// [`jitter`](Self::jitter) did. What is under way already takes its time. A node whose link was cut tries to connect
    /// after pauses of up to 2 s: [`connected`](Self::connected) waits for it.
    ///
    /// # Panics
    /// If this mesh has no such node.
    #[track_caller]
    pub fn heal(&self, name: &str) {
        self.change(name, |way| (way.is_cut, way.is_frozen, way.delay) = (false, false, None));
        let delay = self.faults().delay.clone();
        self.set_delays(name, delay.as_ref());
        self.links(name).iter().for_each(Link::resume);
    }

    /// Ends a node as `kill -9` would its process. The controller finds its link closed and its session over, without
    /// grace; its callbacks are aborted, and whoever called them is told [`CallError::NodeLost`]. What its own handles
    /// await fails. A plain function that is running cannot be stopped, but nobody hears of it any more.
    ///
    /// Nothing happens to a node that has ended already, or is not connected yet.
    ///
    /// # Panics
    /// If this mesh has no such node, or it was connected by itself and not [adopted](Self::adopt).
    #[track_caller]
    pub fn kill(&self, name: &str) {
        let (is_known, is_made_here) = self.known(name, |way| (way.node.is_some(), way.is_made_here));
        assert!(
            is_known || is_made_here || self.links(name).is_empty(),
            "`{name}` was not connected by `Mesh::node`: `adopt` it before it is killed"
        );
        // Until it is dead it must not come back.
        let (was_cut, node) =
            self.change(name, |way| (std::mem::replace(&mut way.is_cut, true), way.node.take()));
        self.cut_links(name);
        let node = node.and_then(|node| node.upgrade());
        if let Some(node) = &node {
            node.kill();
            self.cut_links(name);
        }
        let known = node.map(|node| node.name.clone()).or_else(|| NodeName::new(name).ok());
        if let (Some(controller), Some(known)) = (&self.controller, known) {
            controller.lose(&known);
        }
        self.change(name, |way| way.is_cut = was_cut);
    }

    /// Lets links that come about from now on suffer by chance: all of them, beside what is done to single ones.
    pub fn inject(&self, faults: Faults) {
        *self.faults() = faults.clone();
        inject(&self.place, faults);
        let names: Vec<String> = self.ways().keys().cloned().collect();
        for name in names {
            self.change(&name, |_| ());
        }
    }

    /// Whether a node has a link now, and has not just lost it without knowing. Of one that connected by itself and was
    /// not [adopted](Self::adopt) no more is known than its link, on which it may still be about to join.
    ///
    /// # Panics
    /// If this mesh has no such node.
    #[track_caller]
    pub fn is_connected(&self, name: &str) -> bool {
        let is_here = self.known(name, |way| match &way.node {
            Some(node) => node.upgrade().is_some_and(|node| node.phase() == Phase::Connected),
            None => !way.is_made_here,
        });
        is_here && !self.links(name).is_empty()
    }

    /// Waits until [`is_connected`](Self::is_connected), for up to [`WAIT_TIMEOUT`](config::WAIT_TIMEOUT).
    ///
    /// # Errors
    /// [`CallError::TimedOut`] if it was not.
    ///
    /// # Panics
    /// If this mesh has no such node.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn connected(&self, name: &str) -> Result<()> {
        let after = config::WAIT_TIMEOUT;
        let deadline = Instant::now() + after;
        while !self.is_connected(name) {
            if Instant::now() >= deadline {
                return Err(CallError::TimedOut { stage: Stage::Connecting, node: None, after }.into());
            }
            // The node's phase and its connection do not change together, so neither can be waited for alone.
            tokio::time::sleep(time::TICK).await;
        }
        Ok(())
    }

    /// Waits until all has happened that can without time passing: what was sent has arrived, callbacks that were
    /// called run, and those that wait for nothing but each other have ended. Then a test may look at what came of
    /// it. Takes a millisecond of virtual time, which does not pass before plain functions on their threads have returned.
    ///
    /// # Panics
    /// If time is not virtual: then nobody knows when all has happened.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn settled(&self) {
        time::require_virtual("settled");
        time::settle().await;
    }

    /// Lets virtual time pass: all that falls due happens at its moment, in its order. Unlike after
    /// `tokio::time::advance`, which leaps over it. In the end it has [settled](Self::settled).
    ///
    /// # Panics
    /// If time is not virtual: the test would take as long.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn advance(&self, time: Duration) {
        time::require_virtual("advance");
        tokio::time::sleep(time).await;
        time::settle().await;
    }

    /// Where chance begins: [`seed`](NewMesh::seed) repeats what came of it.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The controller, for its [counters](Controller::stats).
    ///
    /// # Panics
    /// If it was killed or taken.
    #[track_caller]
    pub fn controller(&self) -> &Controller {
        self.controller.as_ref().expect(NO_CONTROLLER)
    }

    /// Ends the controller as `kill -9` would its process. Nodes try to come back.
    ///
    /// # Cancel safety
    /// Not cancel safe: the controller ends, but may not have when the next one starts.
    pub async fn kill_controller(&mut self) {
        if let Some(controller) = self.controller.take() {
            controller.crash().await;
        }
    }

    /// Takes the controller out of the mesh, for [draining](Controller::drain) it.
    ///
    /// # Panics
    /// If it was killed or taken.
    #[track_caller]
    pub fn take_controller(&mut self) -> Controller {
        self.controller.take().expect(NO_CONTROLLER)
    }

    /// Starts the next controller once the first was [killed](Self::kill_controller), or
    /// [taken](Self::take_controller) and drained. It knows nothing of what was before.
    ///
    /// # Errors
    /// [`BindError::InUse`](crate::error::BindError::InUse) if there is one.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn start_controller(&mut self) -> Result<()> {
        // Another one, which names nothing as the one before did.
        let controller = self.settings.bind(&self.place, self.seed.wrapping_add(self.restarts + 1)).await?;
        self.controller = Some(controller);
        self.restarts += 1;
        Ok(())
    }

    /// Changes what a node suffers, and so its next connection.
    #[track_caller]
    fn change<R>(&self, name: &str, change: impl FnOnce(&mut Way) -> R) -> R {
        let faults = self.faults().clone();
        let (changed, own) = self.known(name, |way| (change(way), way.faults(self.seed, faults)));
        inject(&self.way(name), own);
        changed
    }

    /// What is known of a node.
    #[track_caller]
    fn known<R>(&self, name: &str, look: impl FnOnce(&mut Way) -> R) -> R {
        let mut ways = self.ways();
        let Some(way) = ways.get_mut(name) else {
            let known: Vec<String> = ways.keys().cloned().collect();
            drop(ways);
            panic!("this mesh has no node `{name}`; it has {known:?}")
        };
        look(way)
    }

    /// What the node of this name dials.
    fn way(&self, name: &str) -> String {
        format!("{}#{name}", self.place)
    }

    fn links(&self, name: &str) -> Vec<Link> {
        links(&self.way(name))
    }

    fn cut_links(&self, name: &str) {
        self.links(name).iter().for_each(Link::cut);
    }

    fn set_delays(&self, name: &str, delay: Option<&RangeInclusive<Duration>>) {
        self.links(name).iter().for_each(|link| link.set_delay(delay.cloned()));
    }

    fn ways(&self) -> MutexGuard<'_, BTreeMap<String, Way>> {
        lock(&self.ways)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }
}

const NO_CONTROLLER: &str = "the controller was killed or taken, and not started again";

/// No user code runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Mesh {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.seed;
            eprintln!("the seed of the mesh was {seed}; `Mesh::new().seed({seed})` takes the same chances");
        }
        let names: Vec<String> = self.ways().keys().cloned().collect();
        // Until they are dead they must not come back to the controller, which ends after them.
        let refuses = Faults { refuses: true, ..Faults::default() };
        names.iter().for_each(|name| inject(&self.way(name), refuses.clone()));
        let nodes: Vec<_> = self.ways().values().filter_map(|way| way.node.as_ref()?.upgrade()).collect();
        nodes.iter().for_each(|node| node.kill());
        // What is kept of a name outlives whoever listens there.
        inject(&self.place, Faults::default());
        names.iter().for_each(|name| inject(&self.way(name), Faults::default()));
        // Whoever is left at the other end of a frozen link shall hear of the end.
        links(&self.place).iter().for_each(Link::resume);
    }
}

impl fmt::Debug for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, nodes) = (self.seed, self.ways().keys().cloned().collect::<Vec<_>>());
        f.debug_struct("Mesh").field("seed", &seed).field("nodes", &nodes).finish_non_exhaustive()
    }
}
