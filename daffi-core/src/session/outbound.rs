//! The sending half of a link.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::bulk::{Bulk, write_side};
use crate::config;
use crate::transport::Connection;
use crate::wire::{Flags, Header, split};

/// The sending half of a link, shared by everybody who writes. Clones are of the same half.
///
/// Writers append whole frames with [`with`](Self::with) and then [`flush`](Self::flush) or
/// [`flush_soon`](Self::flush_soon). The task that owns the link polls [`run`](Self::run), which waits for the
/// connection when it takes no more.
#[derive(Clone)]
pub struct Outbound {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    buffer: Mutex<Buffer>,
    /// Wakes the writer task.
    pub(super) wake: Notify,
    /// Chunks of a flow were written, read or dropped.
    pub(super) left: Notify,
    /// Told of flows that were given up because their side failed.
    on_given_up: OnceLock<OnGivenUp>,
}

type OnGivenUp = Box<dyn Fn(u64) + Send + Sync>;

/// What has been put and is not done with. In `bytes` stand, in this order, bytes that were written and may have to
/// be written again, and bytes that were not written.
pub(super) struct Buffer {
    pub(super) connection: Arc<dyn Connection>,
    /// Which connection of the link this is: a writer task serves one.
    pub(super) turn: u32,
    pub(super) bytes: Vec<u8>,
    /// How many of `bytes` have been written.
    pub(super) sent: usize,
    /// How many of `bytes` are done with: the other end has said that it has them. Unused where none are kept.
    pub(super) acknowledged: usize,
    /// Whether bytes are kept until they are acknowledged, so that another connection can go on after a break.
    pub(super) keeps: bool,
    /// The connection broke, and another one may go on.
    pub(super) is_cut: bool,
    /// The connection takes no more for now; the writer task waits for it.
    pub(super) blocked: bool,
    /// The connection is closed once all is written.
    pub(super) closing: bool,
    /// The connection is closed, or was lost.
    pub(super) ended: bool,
    /// The most that waited since the last trim.
    most: usize,
    /// How many bytes were put before those that are in `bytes`; below 0 while the handshake is among them.
    pub(super) base: u64,
    /// How many were written over the connections before this one.
    pub(super) written: u64,
    /// What is written only while nothing else waits.
    pub(super) bulk: Bulk,
}

impl Outbound {
    /// The sending half of `connection`.
    pub fn new(connection: Arc<dyn Connection>) -> Self {
        let buffer = Mutex::new(Buffer::new(connection));
        let (wake, left) = (Notify::new(), Notify::new());
        Self { inner: Arc::new(Inner { buffer, wake, left, on_given_up: OnceLock::new() }) }
    }

    /// Lets `put` append whole frames; nothing else may be done to the bytes that are there.
    /// On a link that has ended they go nowhere.
    pub fn with<R>(&self, put: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.with_chunks(|frames, _| put(frames))
    }

    /// As [`with`](Self::with); `put` may also append chunks, in the second buffer, which come after the frames. Each is
    /// taken as [`put_bulk`](Self::put_bulk) does, but for one that has failed: as by
    /// [`forget_bulk`](Self::forget_bulk). What several put at a time cannot change the order within a flow.
    ///
    /// # Panics
    /// If the chunks are not whole frames.
    pub fn with_chunks<R>(&self, put: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>) -> R) -> R {
        let mut chunks = Vec::new();
        let mut buffer = self.lock();
        buffer.compact();
        let result = put(&mut buffer.bytes, &mut chunks);
        buffer.most = buffer.most.max(buffer.bytes.len());
        if buffer.ended {
            buffer.forget();
        } else if !chunks.is_empty() {
            buffer.put_chunks(&chunks);
            self.inner.wake.notify_one();
        }
        result
    }

    /// Appends a chunk of a flow, a whole frame; the last one `is_last`. Chunks of one flow keep their order, and
    /// everything else may pass them: they are written while the lane has nothing to do, a chunk at a time and the
    /// flows in turn, or to a side of their own where the connection has sides.
    pub fn put_bulk(&self, flow: u64, is_last: bool, frame: &[u8]) {
        self.lock().put_chunk(flow, is_last, frame);
        self.inner.wake.notify_one();
    }

    /// Drops the chunks of a flow that were not written: nobody wants them any more.
    pub fn forget_bulk(&self, flow: u64) {
        self.lock().bulk.forget(flow);
        self.inner.left.notify_waiters();
    }

    /// Waits until the other end has the chunks of a flow, or will have them before everything that is appended from
    /// then on; or until they were dropped. On a link that has ended it may wait for ever.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn bulk_left(&self, flow: u64) {
        loop {
            let left = self.inner.left.notified();
            if !self.lock().bulk.holds(flow) {
                return;
            }
            left.await;
        }
    }

    /// Has `tell` told of each flow whose side failed: the other end will not get the rest, and must hear of it on
    /// the lane. What is still put of such a flow is dropped, up to its last chunk or
    /// [`forget_bulk`](Self::forget_bulk). Only the first `tell` counts.
    pub fn on_given_up(&self, tell: impl Fn(u64) + Send + Sync + 'static) {
        // The owner of a link says it once.
        drop(self.inner.on_given_up.set(Box::new(tell)));
    }

    /// Writes what the connection takes at once; the writer task sees to the rest, which is returned.
    pub fn flush(&self) -> Queued {
        let (queued, is_for_the_task) = {
            let mut buffer = self.lock();
            buffer.write();
            (buffer.queued(), buffer.blocked || buffer.ended)
        };
        if is_for_the_task {
            self.inner.wake.notify_one();
        }
        queued
    }

    /// Has the writer task flush once the tasks that are ready now have appended theirs.
    pub fn flush_soon(&self) {
        self.inner.wake.notify_one();
    }

    /// Bytes that have not been written, without chunks.
    pub fn queued(&self) -> usize {
        self.lock().queued().frames
    }

    /// Whether the connection was closed or lost, so that nothing goes out any more.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Closes the connection once everything appended so far is written, but for chunks: those are dropped.
    pub fn close(&self) {
        {
            let mut buffer = self.lock();
            buffer.closing = true;
            buffer.bulk = Bulk::default();
            if buffer.is_cut {
                buffer.end();
            }
        }
        self.flush();
    }

    /// Closes the connection at once; what is not written yet is dropped.
    pub fn abort(&self) {
        self.lock().end();
        self.inner.wake.notify_one();
    }

    /// Waits until the connection, which was closed, needs this process no more: what was written has arrived, or
    /// never will.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn closed(&self) {
        let closed = self.lock().connection.closed();
        closed.await;
    }

    /// Gives back memory that a burst took and that was not needed since the last trim.
    pub fn trim(&self) {
        let mut buffer = self.lock();
        let most = std::mem::replace(&mut buffer.most, 0).max(BYTES_KEPT);
        if buffer.bytes.capacity() > 2 * most {
            buffer.bytes.shrink_to(most);
        }
    }

    /// The writer task: flushes whenever asked to, and ends with the connection.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn run(&self) {
        self.run_with(|_| ()).await;
    }

    /// As [`run`](Self::run); `before` may append frames each time before it flushes.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn run_with(&self, mut before: impl FnMut(&mut Vec<u8>)) {
        // Dropped with this task, and the sides with it.
        let mut sides = JoinSet::new();
        let (connection, turn) = {
            let buffer = self.lock();
            (Arc::clone(&buffer.connection), buffer.turn)
        };
        loop {
            self.inner.wake.notified().await;
            loop {
                go_last().await;
                self.with(&mut before);
                self.flush();
                match self.unblocked(&*connection, turn).await {
                    Standing::Idle => break,
                    Standing::Ended => return,
                    // Between two chunks everybody who is ready may append, and what they appended goes first.
                    Standing::HasBulk => self.write_chunk(&mut sides),
                    Standing::Blocked => {}
                }
            }
        }
    }

    /// Waits until the connection has taken everything that it was to take at once.
    async fn unblocked(&self, connection: &dyn Connection, turn: u32) -> Standing {
        loop {
            let standing = self.standing(turn);
            if !matches!(standing, Standing::Blocked) {
                return standing;
            }
            let waited = poll_fn(|cx| connection.poll_writable(cx)).await;
            let mut buffer = self.lock();
            if buffer.turn == turn {
                buffer.blocked = false;
                if waited.is_err() {
                    buffer.break_off();
                }
                buffer.write();
            }
        }
    }

    /// What the writer task is to do once it has flushed.
    fn standing(&self, turn: u32) -> Standing {
        let buffer = self.lock();
        if buffer.turn != turn {
            // The writer of the next connection may have missed what woke this one.
            self.inner.wake.notify_one();
            Standing::Ended
        } else if buffer.ended || buffer.is_cut {
            Standing::Ended
        } else if buffer.blocked {
            Standing::Blocked
        } else if buffer.bulk.has_work() {
            Standing::HasBulk
        } else {
            Standing::Idle
        }
    }

    /// Writes one chunk to the lane, which has nothing else to do; or gives flows their sides where there are any.
    fn write_chunk(&self, sides: &mut JoinSet<()>) {
        let mut buffer = self.lock();
        let connection = Arc::clone(&buffer.connection);
        while let Some(flow) = buffer.bulk.without_side() {
            let opening = connection.open_side();
            let Some(opening) = opening else {
                // Somebody may have appended since the flush: that goes first.
                if buffer.unsent().is_empty()
                    && let Some(chunk) = buffer.bulk.next()
                {
                    buffer.bytes.extend_from_slice(&chunk);
                    buffer.most = buffer.most.max(chunk.len());
                    buffer.write();
                    self.inner.left.notify_waiters();
                }
                return;
            };
            let (number, after, wake) = (flow.number, flow.after, flow.take_side());
            let outbound = self.clone();
            sides.spawn(async move {
                let turn = || outbound.lock().bulk.turn(number);
                if let Err(error) = write_side(opening, after, number, &wake, turn).await {
                    tracing::debug!(%error, "the side of a large body failed");
                    outbound.give_up(number);
                }
            });
        }
        drop(buffer);
        while sides.try_join_next().is_some() {}
    }

    pub(super) fn give_up(&self, flow: u64) {
        self.lock().bulk.give_up(flow);
        self.inner.left.notify_waiters();
        if let Some(tell) = self.inner.on_given_up.get() {
            tell(flow);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Buffer> {
        // Whoever panicked while appending left whole frames behind: `put_with` takes back what it began.
        self.inner.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that have not been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Those of frames that go in order.
    pub frames: usize,
    /// Those of chunks that everything else may pass.
    pub chunks: usize,
}

/// What the writer task is to do next.
enum Standing {
    /// Wait to be woken.
    Idle,
    /// Wait until the connection takes more.
    Blocked,
    /// See to the chunks.
    HasBulk,
    /// Nothing any more.
    Ended,
}

impl Buffer {
    fn new(connection: Arc<dyn Connection>) -> Self {
        Self {
            connection,
            turn: 0,
            bytes: Vec::new(),
            sent: 0,
            acknowledged: 0,
            keeps: false,
            is_cut: false,
            blocked: false,
            closing: false,
            ended: false,
            most: 0,
            base: 0,
            written: 0,
            bulk: Bulk::default(),
        }
    }

    fn queued(&self) -> Queued {
        Queued { frames: self.unsent().len(), chunks: self.bulk.bytes() }
    }

    fn put_chunk(&mut self, flow: u64, is_last: bool, frame: &[u8]) {
        if !self.ended && !self.closing {
            let after = self.position();
            self.bulk.put(flow, is_last, frame, after);
        }
    }

    fn put_chunks(&mut self, mut chunks: &[u8]) {
        while let Some(frame) =
            split(chunks, config::FRAME_BYTES_MAX).expect("whoever puts chunks puts frames")
        {
            let (chunk, rest) = chunks.split_at(frame.bytes());
            let Header { flags, .. } = frame.header;
            if flags.has(Flags::FAILED) {
                self.bulk.forget(frame.header.flow());
            } else {
                self.put_chunk(frame.header.flow(), !flags.has(Flags::MORE), chunk);
            }
            chunks = rest;
        }
    }

    fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Writes until all is written or the connection takes no more.
    pub(super) fn write(&mut self) {
        while !self.blocked && !self.ended && !self.is_cut && self.sent < self.bytes.len() {
            match self.connection.try_write(&self.bytes[self.sent..]) {
                Ok(0) => self.break_off(),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocked = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.break_off(),
            }
        }
        self.compact();
        if self.closing && self.unsent().is_empty() && !self.ended {
            self.end();
        }
    }

    /// Drops what is done with, unless it is little: moving the rest costs more than keeping it.
    pub(super) fn compact(&mut self) {
        let done = if self.keeps { self.done() } else { self.sent };
        if done == self.bytes.len() {
            self.bytes.clear();
        } else if done >= BYTES_KEPT && done >= self.bytes.len() / 2 {
            self.bytes.drain(..done);
        } else {
            return;
        }
        self.base = self.base.wrapping_add(done as u64);
        self.sent -= done;
        self.acknowledged = self.acknowledged.saturating_sub(done);
    }

    /// How many bytes were put, of those that count.
    fn position(&self) -> u64 {
        self.base.wrapping_add(self.bytes.len() as u64)
    }

    /// The connection is lost: another one may go on, if the bytes are kept.
    pub(super) fn break_off(&mut self) {
        if !self.keeps || self.closing {
            return self.end();
        }
        self.is_cut = true;
        self.blocked = false;
        self.connection.close();
    }

    pub(super) fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.connection.close();
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.bulk = Bulk::default();
        self.bytes = Vec::new();
        (self.sent, self.acknowledged) = (0, 0);
        self.blocked = false;
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffer = self.lock();
        let (peer, queued) = (buffer.connection.peer(), buffer.unsent().len());
        f.debug_struct("Outbound").field("peer", peer).field("queued", &queued).finish()
    }
}

/// Goes to the end of the queue of ready tasks. `tokio::task::yield_now` would poll for I/O first, which is a
/// system call for each batch.
async fn go_last() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Memory that a link keeps while nothing waits: an idle node shall cost its controller little.
const BYTES_KEPT: usize = 4 << 10;

#[cfg(test)]
mod tests;
