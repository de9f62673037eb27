//! The sending half of a link.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::bulk::{Bulk, write_side};
use crate::transport::{Connection, Peer};

/// The sending half of a link, shared by everybody who writes. Clones are of the same half.
///
/// Writers append whole frames with [`with`](Self::with) and then [`flush`](Self::flush) or
/// [`flush_soon`](Self::flush_soon). The task that owns the link polls [`run`](Self::run), which waits for the
/// connection when it takes no more.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Arc<dyn Connection>,
    buffer: Mutex<Buffer>,
    /// Wakes the writer task.
    wake: Notify,
    /// Told of flows that were given up because their side failed.
    on_given_up: OnceLock<OnGivenUp>,
}

type OnGivenUp = Box<dyn Fn(u64) + Send + Sync>;

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// How many of `bytes` have been written.
    sent: usize,
    /// The connection takes no more for now; the writer task waits for it.
    blocked: bool,
    /// The connection is closed once all is written.
    closing: bool,
    /// The connection is closed, or was lost.
    ended: bool,
    /// The most that waited since the last trim.
    most: usize,
    /// How many bytes were put before those that are in `bytes`.
    base: u64,
    /// What is written only while nothing else waits.
    bulk: Bulk,
}

impl Outbound {
    /// The sending half of `connection`.
    pub fn new(connection: Arc<dyn Connection>) -> Self {
        let (buffer, wake, on_given_up) = (Mutex::default(), Notify::new(), OnceLock::new());
        let inner = Inner { connection, buffer, wake, on_given_up };
        Self { inner: Arc::new(inner) }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        self.inner.connection.peer()
    }

    /// Lets `put` append whole frames; nothing else may be done to the bytes that are there.
    /// On a link that has ended they go nowhere.
    pub fn with<R>(&self, put: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut buffer = self.lock();
        buffer.compact();
        let result = put(&mut buffer.bytes);
        buffer.most = buffer.most.max(buffer.bytes.len());
        if buffer.ended {
            buffer.forget();
        }
        result
    }

    /// Appends a chunk of a flow, a whole frame; the last one `is_last`. Chunks of one flow keep their order, and
    /// everything else may pass them: they are written while the lane has nothing to do, a chunk at a time and the
    /// flows in turn, or to a side of their own where the connection has sides.
    pub fn put_bulk(&self, flow: u64, is_last: bool, frame: &[u8]) {
        {
            let mut buffer = self.lock();
            if buffer.ended || buffer.closing {
                return;
            }
            let after = buffer.position();
            buffer.bulk.put(flow, is_last, frame, after);
        }
        self.inner.wake.notify_one();
    }

    /// Drops the chunks of a flow that were not written: nobody wants them any more.
    pub fn forget_bulk(&self, flow: u64) {
        self.lock().bulk.forget(flow);
    }

    /// Bytes of chunks that have not been written.
    pub fn queued_bulk(&self) -> usize {
        self.lock().bulk.bytes()
    }

    /// Has `tell` told of each flow whose side failed: the other end will not get the rest, and must hear of it on
    /// the lane. What is still put of such a flow is dropped, up to its last chunk or
    /// [`forget_bulk`](Self::forget_bulk). Only the first `tell` counts.
    pub fn on_given_up(&self, tell: impl Fn(u64) + Send + Sync + 'static) {
        // The owner of a link says it once.
        drop(self.inner.on_given_up.set(Box::new(tell)));
    }

    /// Writes what the connection takes at once; the writer task sees to the rest.
    pub fn flush(&self) {
        let is_for_the_task = {
            let mut buffer = self.lock();
            buffer.write(&*self.inner.connection);
            buffer.blocked || buffer.ended
        };
        if is_for_the_task {
            self.inner.wake.notify_one();
        }
    }

    /// Has the writer task flush once the tasks that are ready now have appended theirs.
    pub fn flush_soon(&self) {
        self.inner.wake.notify_one();
    }

    /// Counts the bytes of the lane from here on: those of the handshake are behind it.
    pub fn count_from_here(&self) {
        let mut buffer = self.lock();
        buffer.base = 0_u64.wrapping_sub(buffer.bytes.len() as u64);
    }

    /// Bytes that have not been written.
    pub fn queued(&self) -> usize {
        let buffer = self.lock();
        buffer.bytes.len() - buffer.sent
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
        }
        self.flush();
    }

    /// Closes the connection at once; what is not written yet is dropped.
    pub fn abort(&self) {
        self.lock().end(&*self.inner.connection);
        self.inner.wake.notify_one();
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
        loop {
            self.inner.wake.notified().await;
            loop {
                go_last().await;
                self.with(&mut before);
                self.flush();
                match self.unblocked().await {
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
    async fn unblocked(&self) -> Standing {
        loop {
            let standing = self.standing();
            if !matches!(standing, Standing::Blocked) {
                return standing;
            }
            if poll_fn(|cx| self.inner.connection.poll_writable(cx)).await.is_err() {
                self.abort();
                return Standing::Ended;
            }
            self.lock().blocked = false;
            self.flush();
        }
    }

    /// What the writer task is to do once it has flushed.
    fn standing(&self) -> Standing {
        let buffer = self.lock();
        if buffer.ended {
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
        while let Some(flow) = buffer.bulk.without_side() {
            let Some(opening) = self.inner.connection.open_side() else {
                // Somebody may have appended since the flush: that goes first.
                if buffer.bytes.is_empty()
                    && let Some(chunk) = buffer.bulk.next()
                {
                    buffer.bytes.extend_from_slice(&chunk);
                    buffer.most = buffer.most.max(chunk.len());
                    buffer.write(&*self.inner.connection);
                }
                return;
            };
            let (number, after, wake) = (flow.number, flow.after, flow.take_side());
            let outbound = self.clone();
            sides.spawn(async move {
                let turn = || outbound.lock().bulk.turn(number);
                if let Err(error) = write_side(opening, after, &wake, turn).await {
                    tracing::debug!(%error, "the side of a large body failed");
                    outbound.give_up(number);
                }
            });
        }
        drop(buffer);
        while sides.try_join_next().is_some() {}
    }

    fn give_up(&self, flow: u64) {
        self.lock().bulk.give_up(flow);
        if let Some(tell) = self.inner.on_given_up.get() {
            tell(flow);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        // Whoever panicked while appending left whole frames behind: `put_with` takes back what it began.
        self.inner.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    /// Writes until all is written or the connection takes no more.
    fn write(&mut self, connection: &dyn Connection) {
        while !self.blocked && !self.ended && self.sent < self.bytes.len() {
            match connection.try_write(&self.bytes[self.sent..]) {
                Ok(0) => self.end(connection),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocked = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.end(connection),
            }
        }
        self.compact();
        if self.closing && self.bytes.is_empty() && !self.ended {
            self.end(connection);
        }
    }

    /// How many bytes were put, of those that count.
    fn position(&self) -> u64 {
        self.base.wrapping_add(self.bytes.len() as u64)
    }

    /// Drops what was written, unless it is little: moving the rest costs more than keeping it.
    fn compact(&mut self) {
        if self.sent == self.bytes.len() {
            self.bytes.clear();
        } else if self.sent >= BYTES_KEPT && self.sent >= self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
        } else {
            return;
        }
        self.base = self.base.wrapping_add(self.sent as u64);
        self.sent = 0;
    }

    fn end(&mut self, connection: &dyn Connection) {
        if !self.ended {
            self.ended = true;
            connection.close();
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.bulk = Bulk::default();
        self.bytes = Vec::new();
        self.sent = 0;
        self.blocked = false;
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("peer", self.peer()).field("queued", &self.queued()).finish()
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
