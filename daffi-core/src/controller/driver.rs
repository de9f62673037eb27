//! The loops that own the controller's sockets and timers.
//!
//! Each link has a task that reads: it takes the lock once for all frames of a read, lets the core route them,
//! and then writes to each touched link what the core put out for it. One task keeps the time.

mod clock;
mod resume;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use self::clock::Clock;
use self::resume::{Lane, count, draw_secret};
use super::core::{Asked, Backlog, Core, Next, SessionKey, Violation};
use crate::config;
use crate::identity::Access;
use crate::session::{Filled, Inbound, Outbound, Sides, fill};
use crate::transport::{Connection, Listener};
use crate::wire::{self, Flags, Header};

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
    backlog: Backlog,
    /// Chunks on their way from the core to `outbound`. Taken before the locks of both, so that two batches cannot
    /// change the order of the chunks of one body.
    bulk: Arc<Mutex<Vec<u8>>>,
    /// Told when the core wants the link closed.
    closing: Arc<Notify>,
}

impl Shared {
    pub(super) fn new(seed: u64, access: Access, asked: mpsc::UnboundedSender<Asked>) -> Self {
        let clock = Clock::new();
        let now = Instant::now();
        let core = Core::new(now.into_std(), clock.unix_ms(now), seed);
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
    pub(super) fn input(&self, input: impl FnOnce(&mut Core, std::time::Instant)) {
        let mut state = self.lock();
        input(&mut state.core, Instant::now().into_std());
        settle(self, state, &mut Vec::new());
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
            let mut bulk = link.bulk.lock().unwrap_or_else(PoisonError::into_inner);
            let next = link.outbound.with(|buffer| {
                let core = &mut self.lock().core;
                core.take_bulk(link.key, &mut bulk);
                core.take_output(link.key, buffer)
            });
            put_bulk(&link.outbound, &mut bulk);
            drop(bulk);
            match next {
                Next::Open => link.outbound.flush(),
                Next::Close => {
                    link.outbound.close();
                    link.closing.notify_one();
                    self.forget_unserved(&link);
                }
            }
            link.backlog.set(link.outbound.queued());
            link.backlog.set_bulk(link.outbound.queued_bulk());
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
        let (turn, lane) = (0, Arc::new(Lane::new(secret.is_some().into())));
        let (outbound, bulk, closing) = (Outbound::new(connection.clone()), Arc::default(), Arc::default());
        let link = Link { key, turn, lane, outbound, backlog, bulk, closing };
        let slot = key.slot as usize;
        if slot >= self.links.len() {
            self.links.resize(slot + 1, None);
        }
        self.links[slot] = Some(link.clone());
        link
    }
}

/// Hands over chunks, each a whole frame; see [`Core::take_bulk`].
fn put_bulk(outbound: &Outbound, bulk: &mut Vec<u8>) {
    let mut rest = &bulk[..];
    while let Some(frame) = wire::split(rest, config::FRAME_BYTES_MAX).expect("the core puts whole frames") {
        let (chunk, after) = rest.split_at(frame.bytes());
        let Header { flags, .. } = frame.header;
        if flags.has(Flags::FAILED) {
            outbound.forget_bulk(frame.header.flow());
        } else {
            outbound.put_bulk(frame.header.flow(), !flags.has(Flags::MORE), chunk);
        }
        rest = after;
    }
    // Between two bodies a link keeps no memory for them.
    *bulk = Vec::new();
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
        _ = is_open.wait_for(|is_open| *is_open) => {}
        _ = accepting.wait_for(|accepting| !accepting) => return,
    }
    accept(shared.clone(), listener).await;
}

/// Takes connections, and owns the tasks of their links.
pub(super) async fn accept(shared: Arc<Shared>, listener: Arc<dyn Listener>) {
    let mut accepting = shared.accepting.subscribe();
    let mut links = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = accepting.wait_for(|accepting| !accepting) => break,
            Some(ended) = links.join_next() => {
                report(ended);
                continue;
            }
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

/// Serves one connection until it ends.
async fn serve(shared: Arc<Shared>, connection: Arc<dyn Connection>) {
    let peer = connection.peer().address.clone();
    let fresh = open(&shared, &connection);
    let mut inbound = Inbound::new(Arc::clone(&connection), config::HANDSHAKE_BYTES_MAX);
    let greeted = tokio::select! {
        greeted = greet(&shared, &fresh, &connection, &mut inbound) => greeted,
        () = fresh.outbound.run() => Ok(None),
        () = overdue(&fresh) => Ok(None),
    };
    let (link, violation) = match greeted {
        Ok(Some(link)) => {
            let violation = attend(&shared, &link, connection, inbound).await;
            (link, violation)
        }
        Ok(None) => (fresh, None),
        Err(violation) => (fresh, Some(violation)),
    };
    if let Some(violation) = &violation {
        tracing::warn!(%peer, %violation, "a link was ended");
    }
    shared.part(&link, violation.as_ref());
}

/// Serves the connection of a node that is in until it ends. How the node has broken the rules, if it has.
async fn attend(
    shared: &Shared,
    link: &Link,
    connection: Arc<dyn Connection>,
    mut inbound: Inbound,
) -> Option<Violation> {
    let mut reading = std::pin::pin!(read(shared, link, &mut inbound, Sides::new(connection)));
    let ended = tokio::select! {
        ended = &mut reading => Some(ended),
        () = link.outbound.run() => None,
        () = overdue(link) => None,
    };
    match ended {
        Some(ended) => ended.err(),
        // Nothing can be written any more, but a node that stops sends its last replies before it goes: they
        // may be waiting to be read. The connection is closed, so the end follows them.
        None => timeout(CLOSE_TIME, reading).await.ok().and_then(Result::err),
    }
}

/// Takes a link in; another one may have to give way to it.
fn open(shared: &Shared, connection: &Arc<dyn Connection>) -> Link {
    let mut state = shared.lock();
    let link = state.open(Instant::now(), &shared.access, connection);
    settle(shared, state, &mut Vec::new());
    link
}

/// Waits until a link that shall close has not managed to for [`CLOSE_TIME`]: its peer does not read.
async fn overdue(link: &Link) {
    link.closing.notified().await;
    tokio::time::sleep(CLOSE_TIME).await;
}

/// Reads until the node is in: the link that it has from now on, or `None` if it was not taken in before the
/// connection ended.
async fn greet(
    shared: &Shared,
    fresh: &Link,
    connection: &Arc<dyn Connection>,
    inbound: &mut Inbound,
) -> Result<Option<Link>, Violation> {
    let mut touched = Vec::new();
    loop {
        while let Some(frame) = inbound.next()? {
            let mut state = shared.lock();
            let handled = state.core.handle(Instant::now().into_std(), fresh.key, frame);
            let claimed = state.claimed(fresh.key);
            settle(shared, state, &mut touched);
            handled?;
            let resumed = claimed.and_then(|claimed| shared.go_on(fresh, connection, claimed, &mut touched));
            let is_greeted = resumed.is_some() || shared.lock().core.is_greeted(fresh.key);
            if !is_greeted {
                continue;
            }
            inbound.set_frame_bytes_max(config::FRAME_BYTES_MAX);
            if let Some((link, received)) = resumed {
                inbound.count_from(received);
                return Ok(Some(link));
            }
            inbound.count_from(0);
            // Until it has offered its callbacks a node is sent nothing but answers to what it says, so only the
            // handshake has been put yet.
            fresh.outbound.count_from_here(fresh.lane.keep);
            return Ok(Some(fresh.clone()));
        }
        if !is_filled(inbound.fill().await) {
            return Ok(None);
        }
    }
}

/// Whether a read brought bytes; else the connection has ended.
fn is_filled(filled: std::io::Result<bool>) -> bool {
    filled.unwrap_or_else(|error| {
        tracing::debug!(%error, "a connection broke");
        false
    })
}

/// Routes what was read and reads on, until the connection ends.
async fn read(
    shared: &Shared,
    link: &Link,
    inbound: &mut Inbound,
    mut sides: Option<Sides>,
) -> Result<(), Violation> {
    let mut touched = Vec::new();
    let mut side = None;
    let mut trimmed = Instant::now();
    loop {
        let read_at = Instant::now();
        if !take(shared, link, read_at, (inbound, side.as_mut()), &mut touched)? {
            return Ok(());
        }
        if inbound.owes_count() {
            link.tell_count(inbound);
        }
        if let Some(sides) = &mut sides {
            sides.advance(inbound.received());
            if let Some(side) = side {
                sides.read_on(side);
            }
        }
        // Idle nodes answer pings, so each link comes by here and gives back what a burst took.
        if read_at.duration_since(trimmed) >= config::PING_INTERVAL {
            trimmed = read_at;
            link.tell_count(inbound);
            inbound.trim();
            link.outbound.trim();
        }
        side = match fill(inbound, sides.as_mut()).await? {
            Filled::Side(side) => Some(side),
            Filled::Lane(filled) => {
                if !is_filled(filled) {
                    return Ok(());
                }
                None
            }
        };
    }
}

/// Routes all whole frames that were read, of a side or of the lane, under one lock, and writes what comes of it.
/// `false` if the connection is not meant any more.
fn take(
    shared: &Shared,
    link: &Link,
    read_at: Instant,
    (lane, side): (&mut Inbound, Option<&mut Inbound>),
    touched: &mut Vec<Link>,
) -> Result<bool, Violation> {
    let now = read_at.into_std();
    let mut state = shared.lock();
    if !link.is_current() {
        // Its node has gone on over another connection, and sends again what was not routed when it did.
        return Ok(false);
    }
    let handled = match side {
        Some(side) => route(&mut state.core, now, link, side),
        None => route(&mut state.core, now, link, lane),
    };
    link.lane.set_received(lane.received());
    state.core.end_batch(now, link.key);
    settle(shared, state, touched);
    if let Some(count) = handled? {
        link.outbound
            .acknowledged(count)
            .map_err(|_| Violation::OutOfPlace("a count of what was not sent"))?;
    }
    Ok(true)
}

/// Routes frames. How much of our lane the node has, if it said so.
fn route(
    core: &mut Core,
    now: std::time::Instant,
    link: &Link,
    inbound: &mut Inbound,
) -> Result<Option<u64>, Violation> {
    let mut counted = None;
    while let Some(frame) = inbound.next()? {
        match count(&frame) {
            Some(count) => counted = Some(count),
            None => core.handle(now, link.key, frame)?,
        }
    }
    Ok(counted)
}

/// How long links may take to close when the controller stops.
const CLOSE_TIME: Duration = Duration::from_secs(1);
