//! Large bodies and streams: the chunks of a call's arguments or result, cut through as they come.
//!
//! A *flow* is one direction of a call that travels in chunks. Its sender may have a window of bytes under way that
//! its receiver has not granted yet, so a window is what the controller holds of a flow at the most, however large
//! the body and however slow the receiver. Nothing is collected here: chunks and grants get the number that the call
//! has on the other link, and go on.

use std::time::Instant;

use super::calls::{Call, Origin};
use super::dispatch::Request;
use super::finish::Outcome;
use super::session::Session;
use super::{Core, SessionKey, Violation};
use crate::config;
use crate::error::{CallError, Ran};
use crate::wire::{CallId, Direction, Failure, Flags, Frame, Header, Kind, put_frame};

/// A direction of a call whose bytes travel in chunks. It is open as long as it is there.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) from: End,
    pub(super) to: End,
    path: Path,
    /// Bytes that the sender may send before it is granted more.
    window: usize,
}

/// A session, and the number that the call has on its link.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) session: u32,
    pub(super) call: u64,
}

/// How chunks travel on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Of a body: everything else may pass them.
    Bulk,
    /// Of a stream: in order with everything else.
    Lane,
}

/// The flows of one call.
#[derive(Debug, Default)]
pub(super) struct Flows {
    pub(super) request: Option<Flow>,
    pub(super) reply: Option<Flow>,
}

impl Flows {
    fn of(&mut self, direction: Direction) -> &mut Option<Flow> {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Reply => &mut self.reply,
        }
    }
}

/// The flows of one session.
#[derive(Debug, Default)]
pub(super) struct FlowCounts {
    pub(super) sending: usize,
    pub(super) receiving: usize,
    /// The most that it was receiving at a time since little waited for it.
    receiving_most: usize,
}

impl FlowCounts {
    /// Bytes of streams that may wait for it by right: a window of each, also of those that have ended since.
    pub(super) fn window_bytes(&self) -> usize {
        self.receiving_most * config::FLOW_WINDOW_BYTES
    }

    /// Little waits for it.
    pub(super) fn forget_past(&mut self) {
        self.receiving_most = self.receiving;
    }

    fn begin_receiving(&mut self) {
        self.receiving += 1;
        self.receiving_most = self.receiving_most.max(self.receiving);
    }
}

/// Flags of calls whose arguments come in chunks.
const CHUNKED: [Flags; 2] = [Flags::MORE, Flags::FEEDS];

/// Whether a call with these flags has arguments that come in chunks.
pub(super) fn is_chunked(flags: Flags) -> bool {
    CHUNKED.into_iter().any(|flag| flags.has(flag))
}

impl Session {
    /// As [`room`](Self::room), for a call with these flags.
    pub(super) fn room_for(&self, flags: Flags) -> Result<(), &'static str> {
        if is_chunked(flags) {
            self.room_for_flow()?;
        }
        self.room()
    }

    /// Whether it may be sent more of flows that have begun. What headers add to a window, in chunks of few bytes, is no
    /// fault of the receiver's: the flow ends before the receiver is cut off for it.
    fn room_for_chunk(&self, path: Path) -> Result<(), CallError> {
        let (bytes, limit) = match path {
            Path::Bulk => (self.bulk_bytes(), config::BULK_BYTES_LOST),
            Path::Lane => (self.backlog_bytes(), config::OUTPUT_BYTES_MAX + self.flows.window_bytes()),
        };
        if bytes <= limit {
            return Ok(());
        }
        let what = format!("backlog of `{}`", self.name());
        Err(CallError::TooLarge { what, bytes: bytes as u64, limit: limit as u64, ran: Ran::Maybe })
    }

    /// Whether it may be sent another flow; if not, which bound it has reached.
    fn room_for_flow(&self) -> Result<(), &'static str> {
        if self.flows.receiving >= config::FLOWS_MAX {
            return Err("large bodies and streams under way");
        }
        if self.bulk_bytes() >= config::BULK_BYTES_MAX {
            return Err("bytes of large bodies it has not read");
        }
        Ok(())
    }
}

impl Core {
    /// Refuses what no node of ours would send.
    pub(super) fn expect_chunked(flags: Flags, body: &[u8]) -> Result<(), Violation> {
        if !is_chunked(flags) {
            return Ok(());
        }
        if flags.has(Flags::ONE_WAY) {
            return Err(Violation::OutOfPlace("a one-way call in chunks"));
        }
        if flags.has(Flags::MORE.with(Flags::FEEDS)) {
            return Err(Violation::OutOfPlace("a call with a large body and a stream"));
        }
        if flags.has(Flags::MORE) { expect_chunk(body) } else { Ok(()) }
    }

    /// Whether the arguments of a call may come in chunks, if they do.
    pub(super) fn may_be_chunked(&self, request: &Request<'_>, is_held: bool) -> Result<(), CallError> {
        if !is_chunked(request.flags) {
            return Ok(());
        }
        if is_held || request.flags.has(Flags::BROADCAST) || request.flags.has(Flags::KEPT) {
            let bytes = request.body.len() as u64 + 1;
            let (what, limit) = ("call that must come whole".to_owned(), config::CHUNK_BYTES as u64);
            return Err(CallError::TooLarge { what, bytes, limit, ran: Ran::No });
        }
        let caller = &self.sessions[request.caller as usize];
        if caller.flows.sending >= config::FLOWS_MAX {
            let (name, max) = (caller.name(), config::FLOWS_MAX);
            return Err(CallError::Busy {
                what: format!("`{name}` sends {max} large bodies and streams already"),
            });
        }
        Ok(())
    }

    /// The arguments of a call that was sent on will follow in chunks.
    pub(super) fn open_request_flow(&mut self, slot: u32, callee: u32, flags: Flags) {
        let to = End { session: callee, call: self.calls.number(slot) };
        let Some(Call { origin: Origin::Node { session, call }, .. }) = self.calls.get(slot) else { return };
        let from = End { session: *session, call: call.to_bits() };
        let path = if flags.has(Flags::MORE) { Path::Bulk } else { Path::Lane };
        self.open_flow(slot, Direction::Request, Flow { from, to, path, window: config::FLOW_WINDOW_BYTES });
    }

    fn open_flow(&mut self, slot: u32, direction: Direction, flow: Flow) {
        self.counters.flows_started += 1;
        self.sessions[flow.from.session as usize].flows.sending += 1;
        self.sessions[flow.to.session as usize].flows.begin_receiving();
        if let Some(call) = self.calls.get_mut(slot) {
            *call.extra().flows.of(direction) = Some(flow);
        }
    }

    /// A callee answers with a body or a stream that will follow in chunks.
    pub(super) fn reply_in_chunks(
        &mut self,
        now: Instant,
        slot: u32,
        callee: u32,
        frame: Frame<'_>,
    ) -> Result<(), Violation> {
        let Header { flags, call: number, .. } = frame.header;
        if flags.has(Flags::MORE.with(Flags::STREAMED)) {
            return Err(Violation::OutOfPlace("a reply that is a large body and a stream"));
        }
        expect_chunk(frame.body)?;
        let Some(call) = self.calls.get(slot) else { return Ok(()) };
        if call.flows().is_some_and(|flows| flows.reply.is_some()) {
            return Err(Violation::OutOfPlace("a second reply to a call"));
        }
        let (session, id) = match self.who_takes_chunks(call, callee, frame.body) {
            Ok(caller) => caller,
            Err(error) => {
                self.counters.flows_refused += 1;
                self.stop_callee(slot);
                self.fail(now, slot, &error);
                return Ok(());
            }
        };
        let peer = self.introduce(session, callee);
        let header = Header { flags, peer, call: id.to_bits(), ..Header::new(Kind::Reply) };
        self.put(session, header, frame.body);
        let path = if flags.has(Flags::MORE) { Path::Bulk } else { Path::Lane };
        let from = End { session: callee, call: number };
        let to = End { session, call: id.to_bits() };
        self.open_flow(slot, Direction::Reply, Flow { from, to, path, window: config::FLOW_WINDOW_BYTES });
        Ok(())
    }

    /// The caller that a result in chunks goes to, or why it cannot.
    fn who_takes_chunks(&self, call: &Call, callee: u32, first: &[u8]) -> Result<(u32, CallId), CallError> {
        let node = self.sessions[callee as usize].name();
        let Origin::Node { session, call: id } = call.origin else {
            // Of a call that was to be answered whole from the start, the callee knows.
            if call.flags.has(Flags::KEPT) {
                return Err(CallError::BadReply { node, message: "it must come whole".into() });
            }
            let (bytes, limit) = (first.len() as u64 + 1, config::CHUNK_BYTES as u64);
            let what = "reply to a caller that has gone".to_owned();
            return Err(CallError::TooLarge { what, bytes, limit, ran: Ran::Yes });
        };
        if call.flags.has(Flags::KEPT) {
            return Err(CallError::BadReply { node, message: "it must come whole".into() });
        }
        // It ran: this is no `Busy`, of which anybody may think that the call can be tried again.
        let caller = &self.sessions[session as usize];
        caller.room_for_flow().map_err(|what| CallError::BadReply {
            node: node.clone(),
            message: format!("its caller `{}` has as many {what} as it may", caller.name()),
        })?;
        if self.sessions[callee as usize].flows.sending >= config::FLOWS_MAX {
            let message = format!("it sends {} large bodies and streams already", config::FLOWS_MAX);
            return Err(CallError::BadReply { node, message });
        }
        Ok((session, id))
    }

    /// The call that a session means by the number of a chunk or grant: as its caller, or as its callee.
    fn find_as(&self, session: u32, is_caller: bool, number: u64) -> Option<u32> {
        if is_caller {
            return self.find_called(session, CallId::from_bits(number));
        }
        let slot = self.calls.find(number)?;
        (self.calls.get(slot)?.callee == session).then_some(slot)
    }

    /// A part of a large body or of a stream.
    pub(super) fn chunk(&mut self, now: Instant, session: u32, frame: Frame<'_>) -> Result<(), Violation> {
        let header = frame.header;
        let has_failed = header.flags.has(Flags::FAILED);
        let is_end = has_failed || !header.flags.has(Flags::MORE);
        expect_chunk(frame.body)?;
        // A window bounds bytes, and so nothing at all of chunks without any.
        if frame.body.is_empty() && !is_end {
            return Err(Violation::OutOfPlace("an empty chunk"));
        }
        let direction = header.direction();
        let found = self.find_as(session, direction == Direction::Request, header.call);
        let Some(slot) = found else {
            self.counters.late_chunks += 1;
            return Ok(());
        };
        let Some(flow) = self.flow(slot, direction) else {
            self.counters.late_chunks += 1;
            return Ok(());
        };
        if !has_failed {
            let left = flow.window.checked_sub(frame.body.len());
            flow.window = left.ok_or(Violation::OutOfPlace("more of a flow than its window"))?;
        }
        let (to, path) = (flow.to, flow.path);
        if has_failed {
            self.put_failed(to, path, direction, frame.body);
        } else if let Err(error) = self.sessions[to.session as usize].room_for_chunk(path) {
            self.counters.flows_flooding += 1;
            self.stop_callee(slot);
            self.fail(now, slot, &error);
            return Ok(());
        } else {
            self.put_chunk(to.session, path, Header::chunk(to.call, direction, !is_end), frame.body);
        }
        self.counters.chunks_forwarded += 1;
        if is_end {
            self.end_flow(now, slot, direction, has_failed);
        }
        Ok(())
    }

    fn put_chunk(&mut self, to: u32, path: Path, header: Header, body: &[u8]) {
        match path {
            Path::Lane => self.put(to, header, body),
            Path::Bulk => {
                let session = &mut self.sessions[to as usize];
                put_frame(&mut session.bulk, header, &[], body);
                self.touch(to);
            }
        }
    }

    /// Tells the receiver that a flow is given up: on the lane, past chunks that are worth nothing without the rest.
    fn put_failed(&mut self, to: End, path: Path, direction: Direction, failure: &[u8]) {
        let header = failed_chunk(to.call, direction);
        if path == Path::Bulk {
            self.forget_bulk(to, direction);
        }
        self.put_chunk(to.session, Path::Lane, header, failure);
    }

    /// Has the driver forget chunks that were not written.
    fn forget_bulk(&mut self, to: End, direction: Direction) {
        self.put_chunk(to.session, Path::Bulk, failed_chunk(to.call, direction), &[]);
    }

    /// The rest of a flow, by its [number](Header::flow) on the link of its receiver, cannot be brought there.
    pub fn give_up(&mut self, now: Instant, session: SessionKey, flow: u64) {
        if self.phase(session).is_none() {
            return;
        }
        let (direction, number) = Direction::of_flow(flow);
        let failure = Failure::from(&CallError::Disconnected { ran: Ran::Maybe }).encode();
        // Its last chunk may have been put already, and the call have ended: the receiver has neither, and waits.
        let to = End { session: session.slot, call: number };
        self.put_failed(to, Path::Bulk, direction, &failure);
        let found = self.find_as(session.slot, direction == Direction::Reply, number);
        let Some(slot) = found.filter(|slot| self.has_flow(*slot, direction)) else { return };
        if direction == Direction::Reply {
            self.stop_callee(slot);
        }
        self.end_flow(now, slot, direction, true);
    }

    fn has_flow(&self, slot: u32, direction: Direction) -> bool {
        let flows = self.calls.get(slot).and_then(Call::flows);
        flows.is_some_and(|flows| match direction {
            Direction::Request => flows.request.is_some(),
            Direction::Reply => flows.reply.is_some(),
        })
    }

    fn flow(&mut self, slot: u32, direction: Direction) -> Option<&mut Flow> {
        self.calls.get_mut(slot)?.extra.as_mut()?.flows.of(direction).as_mut()
    }

    /// The last chunk of a flow was sent on. With the result's, the call ends.
    fn end_flow(&mut self, now: Instant, slot: u32, direction: Direction, has_failed: bool) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        if let Some(flow) = call.extra().flows.of(direction).take() {
            self.uncount(&flow);
        }
        if direction == Direction::Reply {
            *if has_failed { &mut self.counters.calls_failed } else { &mut self.counters.calls_answered } +=
                1;
            self.finish(now, slot, Outcome::Delivered);
        }
    }

    fn uncount(&mut self, flow: &Flow) {
        self.sessions[flow.from.session as usize].flows.sending -= 1;
        self.sessions[flow.to.session as usize].flows.receiving -= 1;
    }

    /// The receiver of a flow grants its sender more.
    pub(super) fn grant(&mut self, session: u32, header: Header) -> Result<(), Violation> {
        let direction = header.direction();
        let found = self.find_as(session, direction == Direction::Reply, header.call);
        let Some(flow) = found.and_then(|slot| self.flow(slot, direction)) else {
            self.counters.late_windows += 1;
            return Ok(());
        };
        let window = flow.window.saturating_add(header.name as usize);
        if header.name == 0 || window > config::FLOW_WINDOW_BYTES {
            return Err(Violation::OutOfPlace("more granted than was sent"));
        }
        flow.window = window;
        let from = flow.from;
        self.put(from.session, Header::window(from.call, direction, header.name), &[]);
        Ok(())
    }

    /// A call ended with its flows open.
    pub(super) fn cut_flows(&mut self, flows: Flows) {
        for (direction, flow) in [(Direction::Request, flows.request), (Direction::Reply, flows.reply)] {
            let Some(flow) = flow else { continue };
            self.uncount(&flow);
            // The receiver hears of the end of the call itself.
            if flow.path == Path::Bulk {
                self.forget_bulk(flow.to, direction);
            }
        }
    }
}

impl Call {
    pub(super) fn flows(&self) -> Option<&Flows> {
        self.extra.as_ref().map(|extra| &extra.flows)
    }

    /// Whether arguments or a result are on their way in chunks.
    pub(super) fn has_flows(&self) -> bool {
        self.flows().is_some_and(|flows| flows.request.is_some() || flows.reply.is_some())
    }
}

fn failed_chunk(call: u64, direction: Direction) -> Header {
    let header = Header::chunk(call, direction, false);
    Header { flags: header.flags.with(Flags::FAILED), ..header }
}

fn expect_chunk(body: &[u8]) -> Result<(), Violation> {
    if body.len() > config::CHUNK_BYTES {
        return Err(Violation::OutOfPlace("a chunk beyond the bound"));
    }
    Ok(())
}
