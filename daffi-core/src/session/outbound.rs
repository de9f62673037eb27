//! The sending half of a link.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::Notify;

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
}

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
}

impl Outbound {
    /// The sending half of `connection`.
    pub fn new(connection: Arc<dyn Connection>) -> Self {
        let inner = Inner { connection, buffer: Mutex::default(), wake: Notify::new() };
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

    /// Appends a chunk of the body of `call`, a whole frame: chunks of one call keep their order, and everything
    /// else may pass them. The last one `is_last`.
    pub fn put_bulk(&self, _call: u64, _is_last: bool, frame: &[u8]) {
        self.with(|out| out.extend_from_slice(frame));
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

    /// Bytes that have not been written.
    pub fn queued(&self) -> usize {
        let buffer = self.lock();
        buffer.bytes.len() - buffer.sent
    }

    /// Whether the connection was closed or lost, so that nothing goes out any more.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Closes the connection once everything appended so far is written.
    pub fn close(&self) {
        self.lock().closing = true;
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
        loop {
            self.inner.wake.notified().await;
            go_last().await;
            self.with(&mut before);
            self.flush();
            while self.is_blocked() {
                let is_writable = poll_fn(|cx| self.inner.connection.poll_writable(cx)).await.is_ok();
                if !is_writable {
                    self.abort();
                    return;
                }
                self.lock().blocked = false;
                self.flush();
            }
            if self.has_ended() {
                return;
            }
        }
    }

    fn is_blocked(&self) -> bool {
        let buffer = self.lock();
        buffer.blocked && !buffer.ended
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        // Whoever panicked while appending left whole frames behind: `put_with` takes back what it began.
        self.inner.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    /// Drops what was written, unless it is little: moving the rest costs more than keeping it.
    fn compact(&mut self) {
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
        } else if self.sent >= BYTES_KEPT && self.sent >= self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }

    fn end(&mut self, connection: &dyn Connection) {
        if !self.ended {
            self.ended = true;
            connection.close();
        }
        self.forget();
    }

    fn forget(&mut self) {
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
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::Context;

    use bytes::BytesMut;

    use super::*;

    /// Takes as many bytes as it has room for.
    #[derive(Debug)]
    struct Narrow {
        peer: Peer,
        room: AtomicUsize,
        taken: Mutex<Vec<u8>>,
        writes: AtomicUsize,
        is_closed: AtomicBool,
    }

    impl Connection for Narrow {
        fn poll_read(&self, _: &mut Context<'_>, _: &mut BytesMut) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            self.writes.fetch_add(1, Ordering::Relaxed);
            let room = self.room.load(Ordering::Relaxed).min(bytes.len());
            if room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room.fetch_sub(room, Ordering::Relaxed);
            self.taken.lock().expect("no panic").extend_from_slice(&bytes[..room]);
            Ok(room)
        }

        fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.room.load(Ordering::Relaxed) > 0 {
                return Poll::Ready(Ok(()));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }

        fn close(&self) {
            self.is_closed.store(true, Ordering::Relaxed);
        }

        fn peer(&self) -> &Peer {
            &self.peer
        }
    }

    fn narrow(room: usize) -> (Arc<Narrow>, Outbound) {
        let connection = Arc::new(Narrow {
            peer: Peer { uid: None, pid: None, address: "test".into(), certificates: Vec::new() },
            room: AtomicUsize::new(room),
            taken: Mutex::default(),
            writes: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        });
        let outbound = Outbound::new(connection.clone());
        (connection, outbound)
    }

    fn taken(connection: &Narrow) -> Vec<u8> {
        connection.taken.lock().expect("no panic").clone()
    }

    #[tokio::test]
    async fn what_does_not_fit_follows_in_order_once_there_is_room() {
        let (connection, outbound) = narrow(3);
        let writer = tokio::spawn({
            let outbound = outbound.clone();
            async move { outbound.run().await }
        });

        outbound.with(|bytes| bytes.extend_from_slice(b"abcdef"));
        outbound.flush();
        assert_eq!((taken(&connection), outbound.queued()), (b"abc".to_vec(), 3));
        outbound.with(|bytes| bytes.extend_from_slice(b"ghi"));
        outbound.close();
        connection.room.store(100, Ordering::Relaxed);
        writer.await.expect("no panic");

        assert_eq!(taken(&connection), b"abcdefghi");
        assert!(connection.is_closed.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn what_ready_tasks_append_goes_out_in_one_write() {
        let (connection, outbound) = narrow(1000);
        let writer = tokio::spawn({
            let outbound = outbound.clone();
            async move { outbound.run().await }
        });
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let outbound = outbound.clone();
                tokio::spawn(async move {
                    outbound.with(|bytes| bytes.push(1));
                    outbound.flush_soon();
                })
            })
            .collect();

        for task in tasks {
            task.await.expect("no panic");
        }
        outbound.close();
        writer.await.expect("no panic");

        assert_eq!(taken(&connection).len(), 10);
        assert_eq!(connection.writes.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_aborted_link_drops_what_waits_and_takes_no_more() {
        let (connection, outbound) = narrow(0);

        outbound.with(|bytes| bytes.push(1));
        outbound.abort();
        outbound.with(|bytes| bytes.push(2));
        outbound.run().await;

        assert_eq!(outbound.queued(), 0);
        assert!(connection.is_closed.load(Ordering::Relaxed) && outbound.has_ended());
    }

    #[test]
    fn memory_of_a_burst_is_given_back_when_it_was_not_needed_since() {
        let (_connection, outbound) = narrow(1 << 20);
        outbound.with(|bytes| bytes.extend_from_slice(&[0; 1 << 20]));
        outbound.flush();

        outbound.trim();
        assert!(outbound.lock().bytes.capacity() >= 1 << 20);
        outbound.trim();

        assert!(outbound.lock().bytes.capacity() <= 2 * BYTES_KEPT);
    }
}
