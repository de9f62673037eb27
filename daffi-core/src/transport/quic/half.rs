//! One direction of a stream, as bytes that are read or written without waiting.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::BytesMut;
use futures::task::AtomicWaker;
use quinn::{ReadError, RecvStream, SendStream, StoppedError, VarInt, WriteError};

use super::fault::Faults;
use crate::config::READ_BYTES;

/// The code of streams and connections that were closed as they should; others mean nothing either.
pub(super) const CLOSED: VarInt = VarInt::from_u32(0);

/// The half that reads.
#[derive(Debug)]
pub(super) struct Receiving {
    stream: Mutex<RecvStream>,
    /// The reader, where it must learn that this end was closed: QUIC only tells it of the other's doing.
    reader: AtomicWaker,
    is_closed: AtomicBool,
    faults: Faults,
}

impl Receiving {
    pub(super) fn new(stream: RecvStream, faults: Faults) -> Self {
        Self {
            stream: Mutex::new(stream),
            reader: AtomicWaker::new(),
            is_closed: AtomicBool::new(false),
            faults,
        }
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let room = (buffer.capacity() - buffer.len()).min(READ_BYTES);
        debug_assert!(room > 0, "a read needs room");
        // Registered before asking whether it is closed, so that a closing in between is not missed.
        self.reader.register(cx.waker());
        match self.read(cx, room, buffer) {
            Poll::Pending if self.is_closed.load(Ordering::Acquire) => Poll::Ready(Ok(0)),
            Poll::Ready(Err(error)) => Poll::Ready(self.end(error)),
            Poll::Ready(Ok(read)) => Poll::Ready(Ok(read)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn read(
        &self,
        cx: &mut Context<'_>,
        room: usize,
        buffer: &mut BytesMut,
    ) -> Poll<Result<usize, ReadError>> {
        // Safe code cannot read into memory that was never written, and copying costs little beside decryption.
        SCRATCH.with_borrow_mut(|scratch| {
            let read = ready!(lock(&self.stream).poll_read(cx, &mut scratch[..room]))?;
            buffer.extend_from_slice(&scratch[..read]);
            Poll::Ready(Ok(read))
        })
    }

    /// How a read ends that was not given bytes.
    fn end(&self, error: ReadError) -> io::Result<usize> {
        match error {
            ReadError::ConnectionLost(error) if self.is_closed.load(Ordering::Acquire) => {
                // Whoever closes hears no more than the end, unless the peer had more to say than that.
                self.faults.dial_error(&error).map_or(Ok(0), |fault| Err(self.faults.as_io(fault)))
            }
            ReadError::ConnectionLost(error) => Err(self.faults.io(&error)),
            ReadError::ClosedStream => Ok(0),
            error => Err(io::Error::new(io::ErrorKind::ConnectionReset, error)),
        }
    }

    /// Nobody wants to read any more; what has arrived may be read.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// Tells the peer that nobody will read what it writes.
    pub(super) fn refuse(&self) {
        // Fails only if the peer has finished, which is as good.
        lock(&self.stream).stop(CLOSED).ok();
        self.close();
    }
}

/// The half that writes.
#[derive(Debug)]
pub(super) struct Sending {
    stream: Mutex<SendStream>,
    room: Arc<Room>,
    /// Tells `room`; made once.
    waker: Waker,
    is_closed: AtomicBool,
    faults: Faults,
}

impl Sending {
    pub(super) fn new(stream: SendStream, faults: Faults) -> Self {
        let room = Arc::new(Room { may_write: AtomicBool::new(true), writer: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&room));
        Self { stream: Mutex::new(stream), room, waker, is_closed: AtomicBool::new(false), faults }
    }

    /// Has other streams go first from now on.
    pub(super) fn yield_to_the_lane(&self) {
        // Fails only if the connection is lost, which the first write will tell.
        lock(&self.stream).set_priority(BEHIND_THE_LANE).ok();
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut stream = lock(&self.stream);
        // Before the attempt, so that room which comes in the middle of it is seen.
        self.room.may_write.store(false, Ordering::Release);
        match Pin::new(&mut *stream).poll_write(&mut Context::from_waker(&self.waker), bytes) {
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            Poll::Ready(result) => {
                self.room.may_write.store(true, Ordering::Release);
                result.map_err(|error| self.broken(error))
            }
        }
    }

    fn broken(&self, error: WriteError) -> io::Error {
        match error {
            WriteError::ConnectionLost(error) => self.faults.io_of_writing(&error),
            WriteError::Stopped(_) | WriteError::ClosedStream => io::ErrorKind::BrokenPipe.into(),
            error @ WriteError::ZeroRttRejected => io::Error::new(io::ErrorKind::BrokenPipe, error),
        }
    }

    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.room.writer.register(cx.waker());
        if self.is_closed.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.room.may_write.load(Ordering::Acquire) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Lets the peer see the end after what was written. The future is ready when all of it has arrived, when the
    /// peer wants no more, or when the connection is lost.
    pub(super) fn finish(
        &self,
    ) -> impl Future<Output = Result<Option<VarInt>, StoppedError>> + Send + 'static {
        self.is_closed.store(true, Ordering::Release);
        let mut stream = lock(&self.stream);
        // Fails only if it is finished already.
        stream.finish().ok();
        let arrived = stream.stopped();
        drop(stream);
        self.waker.wake_by_ref();
        arrived
    }
}

/// The lane has the priority 0: small calls shall not wait for large bodies.
const BEHIND_THE_LANE: i32 = -1;

/// Whether there may be room to write, and who waits for it.
#[derive(Debug)]
struct Room {
    may_write: AtomicBool,
    writer: AtomicWaker,
}

impl Wake for Room {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.may_write.store(true, Ordering::Release);
        self.writer.wake();
    }
}

fn lock<T>(stream: &Mutex<T>) -> MutexGuard<'_, T> {
    stream.lock().expect("nothing panics while it is held")
}

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}
