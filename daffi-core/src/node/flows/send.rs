//! Sending flows: a body in chunks, or the items of a stream as they come.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use super::super::state::State;
use super::super::{Request, Shared};
use super::{FlowId, Outflow};
use crate::callback::{Sink, catch_future};
use crate::config;
use crate::error::{CallError, Ran};
use crate::session::Outbound;
use crate::wire::{Direction, Failure, Flags, Header, put_frame};

/// A flow that this node sends. Dropped, it sends no more.
pub(crate) struct Outlet {
    shared: Arc<Shared>,
    outbound: Outbound,
    id: FlowId,
    flow: Arc<Outflow>,
    /// The other side was told that a stream begins.
    has_begun: AtomicBool,
    /// Nothing may follow what was sent.
    has_ended: AtomicBool,
}

impl Outlet {
    /// A flow on the link of this number, whose sending half is `outbound`, to be opened before what it belongs to is
    /// sent.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        state: &mut State,
        (link, outbound): (u64, Outbound),
        id: FlowId,
    ) -> Self {
        let flow = state.flows.open(link, id);
        let (has_begun, has_ended) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { shared: Arc::clone(shared), outbound, id, flow, has_begun, has_ended }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    fn header(&self, is_last: bool) -> Header {
        let (direction, call) = self.id;
        Header::chunk(call, direction, !is_last)
    }

    /// Sends what follows the first part of `body`, which went with the call or reply itself, until the controller has
    /// it. It ends early if nobody wants it.
    ///
    /// # Cancel safety
    /// Not cancel safe: what follows is then lost.
    pub(crate) async fn send_rest(self, body: Vec<u8>) {
        let mut frame = Vec::new();
        let mut parts = body[config::CHUNK_BYTES..].chunks(config::CHUNK_BYTES).peekable();
        while let Some(part) = parts.next() {
            if !poll_fn(|cx| self.flow.poll_window(part.len(), cx)).await {
                return;
            }
            if self.flow.spend(part.len()) == 0 {
                return;
            }
            let header = self.header(parts.peek().is_none());
            frame.clear();
            put_frame(&mut frame, header, &[], part);
            self.outbound.put_bulk(header.flow(), parts.peek().is_none(), &frame);
        }
        // Until then it is under way: the controller counts it as long, and a node that stops must not cut it off.
        tokio::select! {
            () = self.outbound.bulk_left(self.header(true).flow()) => {
                self.has_ended.store(true, Ordering::Relaxed);
            }
            () = poll_fn(|cx| self.flow.poll_cut(cx)) => {}
        }
    }

    /// Gives the flow up.
    pub(crate) fn fail(&self, error: &CallError) {
        if self.flow.is_cut() || self.has_ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut header = self.header(true);
        header.flags = header.flags.with(Flags::FAILED);
        let body = failure_in_a_chunk(error);
        self.outbound.with(|out| put_frame(out, header, &[], &body));
        self.outbound.flush_soon();
    }

    /// Sends the last chunk of a stream, an empty one, if that has not been done.
    pub(crate) fn end(&self) {
        if self.flow.is_cut() || self.has_ended.swap(true, Ordering::Relaxed) {
            return;
        }
        self.outbound.with(|out| put_frame(out, self.header(true), &[], &[]));
        self.outbound.flush_soon();
    }
}

impl Shared {
    /// What brings a flow, by its number on this link, broke: whoever waits for the rest is told on the lane.
    pub(in super::super) fn give_up_flow(&self, link: u64, number: u64) {
        let (direction, call) = Direction::of_flow(number);
        let mut state = self.lock();
        if !state.flows.are_of(link) {
            return;
        }
        state.flows.cut((direction, call));
        let Some(outbound) = state.status.outbound() else { return };
        let header = Header::chunk(call, direction, false);
        let header = Header { flags: header.flags.with(Flags::FAILED), ..header };
        let failure = Failure::from(&CallError::Disconnected { ran: Ran::Maybe }).encode();
        outbound.with(|out| put_frame(out, header, &[], &failure));
        outbound.flush_soon();
    }
}

/// The failure as the body of a chunk: longer texts are cut, since a chunk has a bound and an error's text has none.
fn failure_in_a_chunk(error: &CallError) -> Vec<u8> {
    let whole = Failure::from(error).encode();
    if whole.len() <= config::CHUNK_BYTES {
        return whole;
    }
    let cut = |text: &str| {
        let end = text.floor_char_boundary(FAILURE_TEXT_BYTES_MAX);
        if end < text.len() { format!("{}…", &text[..end]) } else { text.to_owned() }
    };
    let error = match error.clone() {
        CallError::Remote { node, kind, message, value, .. } => {
            CallError::Remote { node, kind: cut(&kind), message: cut(&message), chain: Vec::new(), value }
        }
        CallError::Panicked { node, message, at } => {
            CallError::Panicked { node, message: cut(&message), at: cut(&at) }
        }
        other => CallError::Protocol { message: cut(&other.to_string()), ran: other.ran() },
    };
    Failure::from(&error).encode()
}

/// Two texts of this length fit a chunk, beside an error's value.
const FAILURE_TEXT_BYTES_MAX: usize = config::CHUNK_BYTES / 4;

impl Drop for Outlet {
    fn drop(&mut self) {
        if !self.has_ended.load(Ordering::Relaxed) {
            self.outbound.forget_bulk(self.header(true).flow());
        }
        self.shared.lock().flows.close(self.id, &self.flow);
        self.shared.serve.flow_ended.notify_waiters();
    }
}

impl Shared {
    /// Refuses a call with a flow that cannot be sent: looked at without the lock, since a large body takes long.
    pub(crate) fn check_flow(&self, request: &Request) -> Result<(), CallError> {
        let state = self.lock();
        if state.flows.is_full(Direction::Request) {
            let what = format!("{} large bodies and streams are on their way", config::FLOWS_MAX);
            return Err(CallError::Busy { what });
        }
        let known = state.known_of(request).cloned();
        drop(state);
        match known {
            Some(known) if !request.is_declared && request.is_chunked() => {
                known.check(&request.body, request.streams())
            }
            _ => Ok(()),
        }
    }

    /// Sends what follows a call, until everything is sent or the call is over.
    pub(crate) fn send_flow(self: &Arc<Self>, outlet: Outlet, request: &mut Request) {
        let Some(feed) = request.feed.take() else {
            let body = std::mem::take(&mut request.body);
            self.runtime.spawn(outlet.send_rest(body));
            return;
        };
        let outlet = Arc::new(outlet);
        let sink = Emitter::new(Arc::clone(&outlet), None);
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            // The stream is dropped as soon as nobody wants it, whatever it waits for.
            let cut = poll_fn(|cx| outlet.flow.poll_cut(cx));
            let fed = tokio::select! {
                biased;
                () = cut => return,
                fed = catch_future(feed(Box::new(sink))) => fed,
            };
            let failed = match fed {
                Ok(Ok(())) => return,
                Ok(Err(fault)) => shared.failure(Ok(fault)),
                Err(panicked) => shared.failure(Err(panicked)),
            };
            outlet.fail(&failed);
        });
    }
}

/// What a stream's items are put into: they are sent in chunks as large as the window allows, and in small ones when
/// no more items are ready.
pub(crate) struct Emitter {
    outlet: Arc<Outlet>,
    /// What goes before the first item.
    opening: Option<Header>,
    pending: Vec<u8>,
    sent: usize,
}

impl Emitter {
    /// One that says with a frame of this header that the stream begins, if it is not known.
    pub(crate) fn new(outlet: Arc<Outlet>, opening: Option<Header>) -> Self {
        Self { outlet, opening, pending: Vec::new(), sent: 0 }
    }

    fn waiting(&self) -> usize {
        self.pending.len() - self.sent
    }

    /// Sends as much as the window allows.
    fn send(&mut self) {
        while self.waiting() > 0 {
            let bytes = self.outlet.flow.spend(self.waiting().min(config::CHUNK_BYTES));
            if bytes == 0 {
                break;
            }
            let part = &self.pending[self.sent..self.sent + bytes];
            self.outlet.outbound.with(|out| put_frame(out, self.outlet.header(false), &[], part));
            self.outlet.outbound.flush_soon();
            self.sent += bytes;
        }
        if self.waiting() == 0 {
            self.pending.clear();
            self.sent = 0;
            // An item of some megabytes is not the next one's measure.
            self.pending.shrink_to(2 * config::CHUNK_BYTES);
        } else if self.sent >= config::CHUNK_BYTES {
            self.pending.drain(..self.sent);
            self.sent = 0;
        }
    }
}

impl Sink for Emitter {
    fn begin(&mut self) {
        if let Some(header) = self.opening.take() {
            self.outlet.has_begun.store(true, Ordering::Relaxed);
            self.outlet.outbound.with(|out| put_frame(out, header, &[], &[]));
            self.outlet.outbound.flush_soon();
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            if self.waiting() >= config::CHUNK_BYTES {
                self.send();
            }
            let is_wanted = ready!(self.outlet.flow.poll_window(1, cx));
            // Else the window has grown since the above.
            if !is_wanted || self.waiting() < config::CHUNK_BYTES {
                return Poll::Ready(is_wanted);
            }
        }
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        // First, so that a grant in between is heard of.
        self.outlet.flow.watch(cx);
        self.send();
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.send();
            if self.waiting() == 0 || !ready!(self.outlet.flow.poll_window(1, cx)) {
                return Poll::Ready(());
            }
        }
    }

    fn end(&mut self) {
        self.outlet.end();
    }
}

impl Drop for Emitter {
    fn drop(&mut self) {
        // A stream that panicked had items before that.
        self.send();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorValue;
    use crate::name::NodeName;

    #[test]
    fn an_error_of_any_length_fits_a_chunk() {
        let node = NodeName::new("proc1").expect("a good name");
        let (kind, message) = ("E".repeat(config::CHUNK_BYTES), "ä".repeat(config::CHUNK_BYTES));
        let chain = vec!["c".repeat(config::CHUNK_BYTES)];
        let value = Some(ErrorValue::new(vec![0; config::ERROR_VALUE_BYTES_MAX]));
        let error = CallError::Remote { node, kind, message, chain, value: value.clone() };

        let body = failure_in_a_chunk(&error);

        assert!(body.len() <= config::CHUNK_BYTES);
        let told = CallError::from(Failure::decode(&body).expect("a failure"));
        let CallError::Remote { message, value: told, .. } = told else { panic!("{told}") };
        assert_eq!(told, value);
        assert!(message.starts_with("ää") && message.ends_with('…'));
    }
}
