//! The loops that own the controller's sockets and timers.
//!
//! Each link has a task that reads: it takes the lock once for all frames of a read, lets the core route them,
//! and then writes to each touched link what the core put out for it. One task keeps the time.

mod clock;
#[cfg(feature = "testing")]
mod lose;
mod resume;
mod serve;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use self::clock::Clock;
use self::resume::{Lane, draw_secret};
use self::serve::serve;
use super::core::{Asked, Backlog, Core, Next, SessionKey};
use crate::hosted::ObjectKind;
use crate::identity::Access;
use crate::session::Outbound;
use crate::transport::{Connection, Listener};

/// What the tasks of one controller share. Whoever holds an outbound buffer may take the lock of the state,
/// never the other way round.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    access: Access,
    /// What the core asks for goes to the task that has the disk.
    asked: mpsc::UnboundedSender<Asked>,
    clock: Clock,
    /// Wakes the timekeeper when an earlier deadline than the one it sleeps for was set.
    earlier: Notify,
    /// Told after each batch while the controller drains.
    progress: Notify,
    /// Whether new links are taken.
    accepting: watch::Sender<bool>,
    /// Whether they are taken at all addresses.
    is_open: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    core: Core,
    /// The link of each slot of the core.
    links: Vec<Option<Link>>,
    /// When the timekeeper will wake.
    armed: Option<std::time::Instant>,
    is_draining: bool,
}

#[derive(Debug, Clone)]
struct Link {
    key: SessionKey,
    /// Which connection of the session it is.
    turn: u32,
    lane: Arc<Lane>,
    outbound: Outbound,
}

impl Shared {
    pub(super) fn new(
        seed: u64,
        kinds: Arc<[ObjectKind]>,
        access: Access,
        asked: mpsc::UnboundedSender<Asked>,
    ) -> Self {
        let clock = Clock::new();
        let now = Instant::now();
        let core = Core::hosting(now.into_std(), clock.unix_ms(now), seed, kinds);
        Self {
            state: Mutex::new(State { core, links: Vec::new(), armed: None, is_draining: false }),
            access,
            asked,
            clock,
            earlier: Notify::new(),
            progress: Notify::new(),
            accepting: watch::Sender::new(true),
            is_open: watch::Sender::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// The wall clock, as the core sees it.
    pub(super) fn unix_ms(&self) -> u64 {
        self.clock.unix_ms(Instant::now())
    }

    /// Gives the core input that comes from no link, and writes what it puts out.
    pub(super) fn input<T>(&self, input: impl FnOnce(&mut Core, std::time::Instant) -> T) -> T {
        let mut state = self.lock();
        let done = input(&mut state.core, Instant::now().into_std());
        settle(self, state, &mut Vec::new());
        done
    }

    pub(super) fn open(&self) {
        self.is_open.send_replace(true);
    }

    pub(super) fn set_grace(&self, grace: Duration) {
        self.lock().core.set_grace(grace);
    }

    pub(super) fn stats(&self) -> BTreeMap<String, u64> {
        self.lock().core.stats()
    }

    /// Writes what the core has put out for the links it touched.
    fn flush(&self, touched: &mut Vec<Link>) {
        for link in touched.drain(..) {
            let next = link.outbound.with_chunks(|frames, chunks| {
                let core = &mut self.lock().core;
                core.take_bulk(link.key, chunks);
                core.take_output(link.key, frames)
            });
            match next {
                Next::Open => link.lane.backlog.set(link.outbound.flush()),
                Next::Close => {
                    link.outbound.close();
                    link.lane.closing.notify_one();
                    self.forget_unserved(&link);
                }
            }
        }
    }

    pub(super) async fn drain(&self, time: Duration) {
        self.accepting.send_replace(false);
        let deadline = Instant::now() + time;
        {
            let mut state = self.lock();
            state.is_draining = true;
            state.core.start_draining();
        }
        if timeout_at(deadline, self.until(Core::is_idle)).await.is_err() {
            tracing::warn!("calls that were running after {time:?} are cut off");
        }
        let mut touched = Vec::new();
        let links: Vec<Link> = {
            let mut state = self.lock();
            state.core.dismiss_all(Instant::now().into_std(), "the controller stopped");
            state.take_touched(&mut touched);
            state.links.iter().flatten().cloned().collect()
        };
        self.flush(&mut touched);
        if timeout(CLOSE_TIME, self.until(|core| core.links() == 0)).await.is_err() {
            tracing::warn!("links that did not close in {CLOSE_TIME:?} are cut off");
        }
        // The process may end next, and with it what has not left.
        let closed = join_all(links.iter().map(|link| link.outbound.closed()));
        if timeout(CLOSE_TIME, closed).await.is_err() {
            tracing::warn!("some nodes may not have heard the goodbye");
        }
    }

    async fn until(&self, is_reached: impl Fn(&Core) -> bool) {
        loop {
            let progress = self.progress.notified();
            if is_reached(&self.lock().core) {
                return;
            }
            progress.await;
        }
    }
}

impl State {
    /// The links that the core has output for; re-arms nothing and writes nothing.
    fn take_touched(&mut self, touched: &mut Vec<Link>) {
        for key in self.core.touched() {
            if let Some(Some(link)) = self.links.get(key.slot as usize) {
                touched.push(link.clone());
            }
        }
    }

    fn open(&mut self, now: Instant, access: &Access, connection: &Arc<dyn Connection>) -> Link {
        let (backlog, peer) = (Backlog::default(), connection.peer().clone());
        // Under the lock: a token that is revoked later finds the session, one that was revoked before is known.
        let identity = Arc::new(access.identify(peer.uid, &peer.certificates));
        let key = self.core.open(now.into_std(), peer, identity, backlog.clone());
        let secret = connection.may_resume().then(draw_secret).flatten();
        if let Some(secret) = secret {
            self.core.allow_resume(key, secret);
        }
        let lane = Arc::new(Lane::new(secret.is_some().into(), backlog));
        let link = Link { key, turn: 0, lane, outbound: Outbound::new(connection.clone()) };
        let slot = key.slot as usize;
        if slot >= self.links.len() {
            self.links.resize(slot + 1, None);
        }
        self.links[slot] = Some(link.clone());
        link
    }
}

/// Ends a batch of input: writes the output, and sees to the time and to whoever waits for progress.
fn settle(shared: &Shared, mut state: MutexGuard<'_, State>, touched: &mut Vec<Link>) {
    state.take_touched(touched);
    for asked in state.core.asked() {
        // The task lives as long as the controller, and the core bounds how much it asks for.
        shared.asked.send(asked).ok();
    }
    let next = state.core.next_deadline();
    let is_earlier = next.is_some_and(|next| state.armed.is_none_or(|armed| next < armed));
    let is_draining = state.is_draining;
    drop(state);
    shared.flush(touched);
    if is_earlier {
        shared.earlier.notify_one();
    }
    if is_draining {
        shared.progress.notify_waiters();
    }
}

/// Wakes the core whenever one of its deadlines has come.
pub(super) async fn keep_time(shared: Arc<Shared>) {
    let mut touched = Vec::new();
    loop {
        let next = {
            let mut state = shared.lock();
            state.armed = state.core.next_deadline();
            state.armed
        };
        match next {
            Some(next) => {
                tokio::select! {
                    biased;
                    // It comes first: no number of new deadlines shall put off one that has passed.
                    () = sleep_until(next.into()) => {}
                    () = shared.earlier.notified() => continue,
                }
            }
            None => {
                shared.earlier.notified().await;
                continue;
            }
        }
        let now = Instant::now();
        let mut state = shared.lock();
        state.core.tick(now.into_std(), shared.clock.unix_ms(now));
        settle(&shared, state, &mut touched);
    }
}

/// As [`accept`], once the controller is open to all.
pub(super) async fn accept_once_open(shared: Arc<Shared>, listener: Arc<dyn Listener>) {
    let (mut is_open, mut accepting) = (shared.is_open.subscribe(), shared.accepting.subscribe());
    tokio::select! {
        biased;
        _ = accepting.wait_for(|accepting| !accepting) => return,
        _ = is_open.wait_for(|is_open| *is_open) => {}
    }
    accept(shared.clone(), listener).await;
}

/// Takes connections, and owns the tasks of their links.
pub(super) async fn accept(shared: Arc<Shared>, listener: Arc<dyn Listener>) {
    let mut accepting = shared.accepting.subscribe();
    let mut links = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = accepting.wait_for(|accepting| !accepting) => break,
            // Before the next: there are no more of these than were taken, while a flood of the others has no end.
            Some(ended) = links.join_next() => {
                report(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connection) => drop(links.spawn(serve(shared.clone(), connection))),
            Err(error) => tracing::warn!(%error, address = %listener.address(), "a connection was not taken"),
        }
    }
    drop(listener);
    while let Some(ended) = links.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a link's task panicked");
    }
}

/// How long links may take to close when the controller stops.
const CLOSE_TIME: Duration = Duration::from_secs(1);
