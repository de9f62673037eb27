//! Flows: bodies and streams that travel in chunks, under credit.
//!
//! [`Flows`] is what a node knows of them, without I/O: who waits for credit, and where what comes goes to. Large bodies
//! are assembled here, by whoever reads; the items of streams wait in an [`Inflow`] until somebody takes them.

mod inflow;
mod outflow;
mod send;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use self::inflow::GRANT_BYTES;
pub(crate) use self::inflow::Inflow;
pub(super) use self::outflow::Outflow;
pub(super) use self::send::{Emitter, Outlet};
use super::in_flight::{Body, Reply};
use super::job::Arrived;
use super::link::Link;
use super::reply::{put_reply, too_large};
use super::sending::put_cancel;
use super::state::{State, failure};
use crate::config;
use crate::error::{CallError, Ran};
use crate::wire::{CallId, Direction, Flags, Header, put_frame};

/// Which flow of the link: that of the arguments or of the result, and of which call.
pub(crate) type FlowId = (Direction, u64);

/// The flows of one link.
#[derive(Debug)]
pub(crate) struct Flows {
    /// Which link they are of, if there is one. Calls on another one may have the same numbers.
    link: Option<u64>,
    outflows: FxHashMap<FlowId, Arc<Outflow>>,
    intakes: FxHashMap<FlowId, Intake>,
    /// The largest body that is taken or sent.
    pub(super) body_bytes_max: usize,
}

/// Where what comes goes to.
#[derive(Debug)]
enum Intake {
    Body(Box<Assembly>),
    Items(Arc<Inflow>),
}

/// A body of which not everything has come.
#[derive(Debug)]
struct Assembly {
    of: Of,
    /// As much as has come.
    bytes: Vec<u8>,
    /// What came since the sender was last granted more.
    taken: usize,
}

/// What a body is.
#[derive(Debug)]
enum Of {
    /// The arguments of a call to this node.
    Call(Arrived),
    /// The result of a call of this node, by this peer.
    Reply(u32),
}

/// What is to be done about a chunk.
#[derive(Debug)]
pub(super) enum Then {
    Nothing,
    /// The sender is granted so much more.
    Grant(u32),
    /// The arguments of a call are all there.
    Run(Arrived, Vec<u8>),
    /// The arguments of the call are too large.
    Refuse(u64, CallError),
    /// Nobody wants the rest of the call.
    Cancel(CallId),
}

impl Flows {
    pub(super) fn new(body_bytes_max: usize) -> Self {
        Self { link: None, outflows: FxHashMap::default(), intakes: FxHashMap::default(), body_bytes_max }
    }

    /// A link is there, with flows of its own.
    pub(super) fn start(&mut self, link: u64, woken: &mut Vec<Waker>) {
        self.lose_all(woken);
        self.link = Some(link);
    }

    /// Whether they are of this link.
    fn are_of(&self, link: u64) -> bool {
        self.link == Some(link)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.outflows.len() + self.intakes.len()
    }

    /// Whether there is no room for another flow that this node sends in this direction.
    pub(super) fn is_full(&self, direction: Direction) -> bool {
        self.outflows.keys().filter(|(of, _)| *of == direction).count() >= config::FLOWS_MAX
    }

    fn comes_too_much(&self, direction: Direction) -> bool {
        self.intakes.keys().filter(|(of, _)| *of == direction).count() >= config::FLOWS_MAX
    }

    /// A flow that this node sends. On a link that is gone nobody wants it.
    pub(super) fn open(&mut self, link: u64, id: FlowId) -> Arc<Outflow> {
        let outflow = Arc::new(Outflow::new());
        if self.are_of(link) {
            self.outflows.insert(id, Arc::clone(&outflow));
        } else {
            outflow.cut();
        }
        outflow
    }

    /// The flow is sent, or given up.
    pub(super) fn close(&mut self, id: FlowId, outflow: &Arc<Outflow>) {
        if self.outflows.get(&id).is_some_and(|known| Arc::ptr_eq(known, outflow)) {
            self.outflows.remove(&id);
        }
    }

    /// Nobody takes the stream any more.
    pub(super) fn forget(&mut self, id: FlowId, inflow: &Arc<Inflow>) {
        if matches!(self.intakes.get(&id), Some(Intake::Items(known)) if Arc::ptr_eq(known, inflow)) {
            self.intakes.remove(&id);
        }
    }

    /// The rest of a flow that this node sends cannot be brought to its receiver.
    fn cut(&mut self, id: FlowId) {
        if let Some(outflow) = self.outflows.remove(&id) {
            outflow.cut();
        }
    }

    /// A call of this node is over, or given up.
    pub(super) fn end_made(&mut self, id: CallId, woken: &mut Vec<Waker>) {
        self.end((Direction::Request, id.to_bits()), (Direction::Reply, id.to_bits()), woken);
    }

    /// A call to this node that came by this link is over, or was cancelled.
    pub(super) fn end_served(&mut self, link: u64, call: u64, woken: &mut Vec<Waker>) {
        if !self.are_of(link) {
            return;
        }
        self.end((Direction::Reply, call), (Direction::Request, call), woken);
    }

    fn end(&mut self, outflow: FlowId, intake: FlowId, woken: &mut Vec<Waker>) {
        // Most calls have no flows, and most nodes none at all.
        if self.outflows.is_empty() && self.intakes.is_empty() {
            return;
        }
        if let Some(outflow) = self.outflows.remove(&outflow) {
            outflow.cut();
        }
        if let Some(Intake::Items(inflow)) = self.intakes.remove(&intake) {
            inflow.end(Err(CallError::Cancelled { ran: Ran::Maybe }), woken);
        }
    }

    /// The link is gone, and with it all flows.
    pub(super) fn lose_all(&mut self, woken: &mut Vec<Waker>) {
        self.link = None;
        for (_, outflow) in self.outflows.drain() {
            outflow.cut();
        }
        for (_, intake) in self.intakes.drain() {
            if let Intake::Items(inflow) = intake {
                inflow.end(Err(CallError::Disconnected { ran: Ran::Maybe }), woken);
            }
        }
    }

    /// A call came whose arguments follow in chunks, or bring a stream. Its stream, or why there is no room for it.
    pub(super) fn arrive(
        &mut self,
        arrived: &Arrived,
        first: &[u8],
    ) -> Result<Option<Arc<Inflow>>, CallError> {
        let header = arrived.header;
        let id = (Direction::Request, header.call);
        if self.comes_too_much(Direction::Request) {
            let what = format!("{} large bodies and streams are on their way there", config::FLOWS_MAX);
            return Err(CallError::Busy { what });
        }
        if header.flags.has(Flags::FEEDS) {
            let inflow = Arc::new(Inflow::default());
            self.intakes.insert(id, Intake::Items(Arc::clone(&inflow)));
            return Ok(Some(inflow));
        }
        let assembly = Assembly { of: Of::Call(arrived.clone()), bytes: first.to_vec(), taken: 0 };
        self.intakes.insert(id, Intake::Body(Box::new(assembly)));
        Ok(None)
    }

    /// A result came that follows in chunks.
    fn begin_reply(&mut self, header: Header, first: &[u8]) {
        let assembly = Assembly { of: Of::Reply(header.peer), bytes: first.to_vec(), taken: 0 };
        self.intakes.insert((Direction::Reply, header.call), Intake::Body(Box::new(assembly)));
    }

    /// A stream of results begins.
    fn begin_items(&mut self, header: Header) -> Arc<Inflow> {
        let inflow = Arc::new(Inflow::default());
        self.intakes.insert((Direction::Reply, header.call), Intake::Items(Arc::clone(&inflow)));
        inflow
    }
}

/// Whether the reply is the first of a flow.
pub(super) fn are_of_reply(Header { flags, .. }: Header) -> bool {
    let is_single = flags.has(Flags::FAILED) || flags.has(Flags::BROADCAST) || flags.has(Flags::ONE_WAY);
    (flags.has(Flags::MORE) || flags.has(Flags::STREAMED)) && !is_single
}

/// Whether the call brings a flow.
pub(super) fn are_of_call(Header { flags, .. }: Header) -> bool {
    (flags.has(Flags::MORE) || flags.has(Flags::FEEDS)) && !flags.has(Flags::ONE_WAY)
}

impl State {
    /// The first of a flow of a call to this node. The call, if it is to be run now.
    pub(super) fn call_flow(&mut self, mut arrived: Arrived, first: &[u8], link: &Link) -> Option<Arrived> {
        let header = arrived.header;
        match self.flows.arrive(&arrived, first) {
            Ok(feed) => {
                arrived.feed = feed;
                arrived.feed.is_some().then_some(arrived)
            }
            Err(error) => {
                put_reply(link, header.call, false, &Err::<Bytes, _>(error));
                link.outbound.flush_soon();
                None
            }
        }
    }

    /// The first of a flow of the result of a call of this node.
    pub(super) fn reply_flow(&mut self, header: Header, first: &[u8], link: &Link, woken: &mut Vec<Waker>) {
        if let Some(id) = self.begin_reply_flow(header, first, woken) {
            link.outbound.with(|out| put_cancel(out, id));
            link.outbound.flush_soon();
        }
    }

    /// A chunk came. The call whose arguments it completes.
    pub(super) fn chunk_on(
        &mut self,
        link: &Link,
        header: Header,
        bytes: &[u8],
        woken: &mut Vec<Waker>,
    ) -> Option<(Arrived, Vec<u8>)> {
        match self.chunk(header, bytes, woken) {
            Then::Nothing => return None,
            Then::Run(arrived, body) => return Some((arrived, body)),
            Then::Grant(granted) => {
                let window = Header::window(header.call, header.direction(), granted);
                link.outbound.with(|out| put_frame(out, window, &[], &[]));
            }
            Then::Refuse(call, error) => put_reply(link, call, false, &Err::<Bytes, _>(error)),
            Then::Cancel(id) => link.outbound.with(|out| put_cancel(out, id)),
        }
        link.outbound.flush_soon();
        None
    }

    /// A result comes in chunks: the first part of a body, or the word that a stream begins. The call is to be
    /// cancelled if nobody can make anything of it.
    fn begin_reply_flow(&mut self, header: Header, first: &[u8], woken: &mut Vec<Waker>) -> Option<CallId> {
        let id = CallId::from_bits(header.call);
        let Some(wants_stream) = self.in_flight.wants_stream(id) else {
            self.late_replies += 1;
            return None;
        };
        match (header.flags.has(Flags::STREAMED), wants_stream) {
            (true, true) => {
                let inflow = self.flows.begin_items(header);
                self.in_flight.begin_stream(id, inflow, header.peer, woken);
                None
            }
            (false, _) => {
                self.flows.begin_reply(header, first);
                None
            }
            (true, false) => {
                let message = "it returns a stream: call it with `.stream()`".to_owned();
                let node = self.author(header.peer);
                self.end_call(id, Err(CallError::BadReply { node, message }), woken);
                Some(id)
            }
        }
    }

    /// The receiver of a flow has room for more.
    pub(super) fn grant(&mut self, header: Header) {
        match self.flows.outflows.get(&(header.direction(), header.call)) {
            Some(outflow) => outflow.grant(header.name as usize),
            None => self.late_replies += 1,
        }
    }

    /// A chunk came.
    fn chunk(&mut self, header: Header, bytes: &[u8], woken: &mut Vec<Waker>) -> Then {
        let id = (header.direction(), header.call);
        let is_failed = header.flags.has(Flags::FAILED);
        let is_last = is_failed || !header.flags.has(Flags::MORE);
        match self.flows.intakes.get_mut(&id) {
            None => {
                self.late_replies += 1;
                Then::Nothing
            }
            Some(Intake::Items(inflow)) => {
                let inflow = Arc::clone(inflow);
                let end = if is_failed { Err(failure(bytes)) } else { Ok(()) };
                if !is_failed {
                    inflow.push(bytes, woken);
                }
                if is_last {
                    self.end_items(id, &inflow, end, woken);
                }
                Then::Nothing
            }
            Some(Intake::Body(_)) if is_failed => {
                self.flows.intakes.remove(&id);
                match id.0 {
                    // Of a caller that has gone nobody hears this; one whose link broke in between still waits.
                    Direction::Request => Then::Refuse(id.1, CallError::Disconnected { ran: Ran::No }),
                    Direction::Reply => {
                        self.end_call(CallId::from_bits(id.1), Err(failure(bytes)), woken);
                        Then::Nothing
                    }
                }
            }
            Some(Intake::Body(assembly)) => {
                let limit = self.flows.body_bytes_max;
                if assembly.bytes.len() + bytes.len() > limit {
                    let sum = assembly.bytes.len() + bytes.len();
                    return self.outgrow(id, sum, limit, woken);
                }
                assembly.bytes.extend_from_slice(bytes);
                if is_last {
                    return self.assembled(id, woken);
                }
                assembly.taken += bytes.len();
                if assembly.taken < GRANT_BYTES {
                    return Then::Nothing;
                }
                Then::Grant(std::mem::take(&mut assembly.taken) as u32)
            }
        }
    }

    /// The last chunk of a stream came.
    fn end_items(
        &mut self,
        id: FlowId,
        inflow: &Arc<Inflow>,
        end: Result<(), CallError>,
        woken: &mut Vec<Waker>,
    ) {
        inflow.end(end.clone(), woken);
        self.flows.intakes.remove(&id);
        if id.0 == Direction::Reply {
            let outcome = end.map(|()| Reply { peer: 0, body: Body::new() });
            self.end_call(CallId::from_bits(id.1), outcome, woken);
        }
    }

    fn assembled(&mut self, id: FlowId, woken: &mut Vec<Waker>) -> Then {
        let Some(Intake::Body(assembly)) = self.flows.intakes.remove(&id) else { return Then::Nothing };
        match assembly.of {
            Of::Call(arrived) => Then::Run(arrived, assembly.bytes),
            Of::Reply(peer) => {
                let reply = Reply { peer, body: Body::Heap(assembly.bytes) };
                self.end_call(CallId::from_bits(id.1), Ok(reply), woken);
                Then::Nothing
            }
        }
    }

    /// A body is larger than this node takes.
    fn outgrow(
        &mut self,
        (direction, call): FlowId,
        bytes: usize,
        limit: usize,
        woken: &mut Vec<Waker>,
    ) -> Then {
        self.flows.intakes.remove(&(direction, call));
        match direction {
            Direction::Request => Then::Refuse(call, too_large("call", bytes, limit, Ran::No)),
            Direction::Reply => {
                let id = CallId::from_bits(call);
                self.end_call(id, Err(too_large("reply", bytes, limit, Ran::Yes)), woken);
                Then::Cancel(id)
            }
        }
    }
}
