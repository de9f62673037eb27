//! What the controller sends: taken a read at a time under one lock, and worked off without it.

use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;

use tokio::time::Instant;

use super::{End, wake};
use crate::name::NodeName;
use crate::node::around::Around;
use crate::node::here::Here;
use crate::node::job::Arrived;
use crate::node::link::Link;
use crate::node::{Shared, flows};
use crate::session::{Filled, FrameSpan, Inbound, Sides, fill};
use crate::wire::{Flags, Goodbye, Header, Kind, Presence, put_frame};

/// What is to be done once the lock is released, in the order of arrival.
enum Work {
    /// Where its body is in the read buffer: a short callback takes its arguments from there.
    Call(Arrived, Range<usize>),
    /// Its body came in chunks.
    Large(Arrived, Vec<u8>),
    Cancel(u64),
}

/// Reads frames until the link ends.
pub(super) async fn read(
    shared: Arc<Shared>,
    link: Arc<Link>,
    mut inbound: Inbound,
    mut sides: Option<Sides>,
) -> End {
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
        let here = Here::enter(shared);
        for work in work.drain(..) {
            match work {
                Work::Call(arrived, body) => shared.serve(link, &offers, arrived, inbound.bytes(body)),
                Work::Large(arrived, body) => shared.serve_large(link, &offers, arrived, body),
                Work::Cancel(call) => shared.cancel_served(link, call),
            }
        }
        drop(here);
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
            Kind::Reply => state.reply(header, body, woken),
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
