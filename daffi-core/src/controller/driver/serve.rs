//! One connection from its first byte to its last.

use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::super::core::{Core, Violation};
use super::resume::is_of_receipt;
use super::{CLOSE_TIME, Link, Shared, settle};
use crate::config;
use crate::session::{Filled, Inbound, Sides, fill};
use crate::transport::Connection;
use crate::wire::Header;

/// Serves one connection until it ends.
pub(super) async fn serve(shared: Arc<Shared>, connection: Arc<dyn Connection>) {
    let peer = connection.peer().address.clone();
    let fresh = open(&shared, &connection);
    let mut inbound = Inbound::new(Arc::clone(&connection), config::HANDSHAKE_BYTES_MAX);
    let greeted = tokio::select! {
        biased;
        () = overdue(&fresh) => Ok(None),
        () = fresh.outbound.run() => Ok(None),
        greeted = greet(&shared, &fresh, &connection, &mut inbound) => greeted,
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
    let mut reading =
        std::pin::pin!(read(shared, link, &mut inbound, Sides::new(connection, link.outbound.clone())));
    let ended = tokio::select! {
        biased;
        // In this order: a node that writes without end can be read without end.
        () = overdue(link) => None,
        () = link.outbound.run() => None,
        ended = &mut reading => Some(ended),
    };
    match ended {
        Some(ended) => ended.err(),
        // Nothing can be written any more, but a node that stops sends its last replies before it goes: they
        // may be waiting to be read. The connection is closed, so the end follows them.
        None => timeout(CLOSE_TIME, reading).await.ok().and_then(Result::err),
    }
}

/// Takes a link in; another one may have to give way to it.
fn open(shared: &Arc<Shared>, connection: &Arc<dyn Connection>) -> Link {
    let mut state = shared.lock();
    let link = state.open(Instant::now(), &shared.access, connection);
    let (key, weak) = (link.key, Arc::downgrade(shared));
    link.outbound.on_given_up(move |flow| {
        if let Some(shared) = weak.upgrade() {
            let mut state = shared.lock();
            state.core.give_up(Instant::now().into_std(), key, flow);
            settle(&shared, state, &mut Vec::new());
        }
    });
    settle(shared, state, &mut Vec::new());
    link
}

/// Waits until a link that shall close has not managed to for [`CLOSE_TIME`]: its peer does not read.
async fn overdue(link: &Link) {
    link.lane.closing.notified().await;
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
    for header in handled? {
        link.outbound.received(header).map_err(|_| Violation::OutOfPlace("a count of what was not sent"))?;
    }
    Ok(true)
}

/// Routes frames. What the node said of what it has received.
fn route(
    core: &mut Core,
    now: std::time::Instant,
    link: &Link,
    inbound: &mut Inbound,
) -> Result<Vec<Header>, Violation> {
    let mut received = Vec::new();
    while let Some(frame) = inbound.next()? {
        if is_of_receipt(&frame) {
            received.push(frame.header);
        } else {
            core.handle(now, link.key, frame)?;
        }
    }
    Ok(received)
}
