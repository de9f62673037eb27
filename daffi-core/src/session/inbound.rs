//! The reading half of a link.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::task::coop::cooperative;

use crate::config;
use crate::transport::Connection;
use crate::wire::{self, Frame, Header, Kind, WireError};

/// The reading half of a link: read with [`fill`](Self::fill), then take every whole frame with
/// [`next`](Self::next) or [`next_span`](Self::next_span) before reading again.
pub struct Inbound {
    connection: Arc<dyn Connection>,
    buffer: BytesMut,
    /// How many of the buffer's bytes were taken.
    taken: usize,
    frame_bytes_max: usize,
    /// The most that the buffer held since the last trim.
    most: usize,
    /// Bytes of frames that were taken and are not in the buffer any more.
    received: u64,
    /// How much of that the other end was told of, and how many frames were taken since.
    told: u64,
    frames: u32,
    /// The kind of all frames that may be taken, if only one may.
    only: Option<Kind>,
    /// The number of the flow that it brings, if it is of a side.
    pub(super) side: Option<u64>,
}

/// A whole frame, told as places in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameSpan {
    /// The prefix.
    pub header: Header,
    /// Where the extension map is.
    pub extension: Range<usize>,
    /// Where the body is.
    pub body: Range<usize>,
}

impl Inbound {
    /// The reading half of `connection`, which takes frames of at most `frame_bytes_max` bytes.
    pub fn new(connection: Arc<dyn Connection>, frame_bytes_max: usize) -> Self {
        let (buffer, only) = (BytesMut::new(), None);
        let (received, told, frames) = (0, 0, 0);
        Self {
            connection,
            buffer,
            taken: 0,
            frame_bytes_max,
            most: 0,
            received,
            told,
            frames,
            only,
            side: None,
        }
    }

    /// Bytes of the frames that were taken, from the last [`count_from`](Self::count_from) on.
    pub fn received(&self) -> u64 {
        self.received.wrapping_add(self.taken as u64)
    }

    /// Has `received` bytes count as taken so far.
    pub fn count_from(&mut self, received: u64) {
        self.received = received.wrapping_sub(self.taken as u64);
        self.told = received;
    }

    /// Whether so much was taken since the other end was last told that it must be told now.
    pub fn owes_count(&self) -> bool {
        let bytes = self.received().wrapping_sub(self.told);
        bytes >= config::RECEIVED_BYTES_UNTOLD || self.frames >= config::RECEIVED_FRAMES_UNTOLD
    }

    /// What the other end is to be told of how much was taken, if that is news.
    pub fn take_count(&mut self) -> Option<u64> {
        self.frames = 0;
        let received = self.received();
        (std::mem::replace(&mut self.told, received) != received).then_some(received)
    }

    /// Takes only frames of this kind from now on; any other ends the link.
    pub fn take_only(&mut self, kind: Kind) {
        self.only = Some(kind);
    }

    /// Takes frames of at most `frame_bytes_max` bytes after their length field from now on.
    pub fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// Reads once; `false` is the end of the connection.
    ///
    /// # Errors
    /// If the connection is lost.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn fill(&mut self) -> io::Result<bool> {
        self.make_room();
        // A peer that writes without end can be read without end: whatever else there is to do has its turn.
        let read = cooperative(poll_fn(|cx| self.connection.poll_read(cx, &mut self.buffer))).await?;
        self.most = self.most.max(self.buffer.len());
        Ok(read > 0)
    }

    /// The next whole frame, in the buffer; `None` if the rest has not arrived.
    ///
    /// # Errors
    /// [`WireError`] if what arrived is not a frame; the link cannot go on.
    #[expect(
        clippy::should_implement_trait,
        reason = "the frame borrows the buffer, which an iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, WireError> {
        let frame = wire::split(&self.buffer[self.taken..], self.frame_bytes_max)?;
        if let Some(frame) = &frame {
            if self.only.is_some_and(|only| only != frame.header.kind) {
                let why = format!("{:?} has no place on it", frame.header.kind);
                return Err(WireError::Malformed { what: "side", why });
            }
            self.taken += frame.bytes();
            self.frames = self.frames.wrapping_add(1);
        }
        Ok(frame)
    }

    /// As [`next`](Self::next), but extension map and body are told as places in the buffer, to be looked at with
    /// [`bytes`](Self::bytes) until the next [`fill`](Self::fill): frames may be kept while others are taken.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn next_span(&mut self) -> Result<Option<FrameSpan>, WireError> {
        let frame = self.next()?.map(|frame| (frame.header, frame.extension.len(), frame.body.len()));
        Ok(frame.map(|(header, extension_bytes, body_bytes)| {
            let body = self.taken - body_bytes..self.taken;
            FrameSpan { header, extension: body.start - extension_bytes..body.start, body }
        }))
    }

    /// What [`next_span`](Self::next_span) told of.
    pub fn bytes(&self, span: Range<usize>) -> &[u8] {
        self.buffer.get(span).unwrap_or_default()
    }

    /// Gives back memory that a large frame took and that was not needed since the last trim.
    pub fn trim(&mut self) {
        let most = std::mem::replace(&mut self.most, 0);
        if self.taken == self.buffer.len() && self.buffer.capacity() > 2 * most.max(config::READ_BYTES) {
            self.received = self.received.wrapping_add(self.taken as u64);
            self.buffer = BytesMut::new();
            self.taken = 0;
        }
    }

    /// Moves the rest to the front, and grows if a frame in progress has filled the buffer: by what has
    /// arrived of it at most, so that a length alone takes no memory.
    fn make_room(&mut self) {
        let rest = self.buffer.len() - self.taken;
        if self.taken > 0 {
            self.received = self.received.wrapping_add(self.taken as u64);
            self.buffer.copy_within(self.taken.., 0);
            self.buffer.truncate(rest);
            self.taken = 0;
        }
        // A peer that may only send little, since nobody knows it yet, gets little room.
        let read_bytes = config::READ_BYTES.min(self.frame_bytes_max.max(SPARE_BYTES_MIN));
        let wanted = if rest < read_bytes { read_bytes } else { self.frame_in_progress(rest) };
        if wanted > self.buffer.capacity() {
            self.buffer.reserve(wanted - rest);
        }
    }

    /// How large the buffer shall be for the frame of which `rest` bytes are there.
    fn frame_in_progress(&self, rest: usize) -> usize {
        let length =
            self.buffer.first_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length) as usize + 4);
        length.min(2 * rest).max(rest + SPARE_BYTES_MIN)
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.buffer.len() - self.taken;
        f.debug_struct("Inbound").field("peer", self.connection.peer()).field("waiting", &waiting).finish()
    }
}

/// A read shall have room for this much at least.
const SPARE_BYTES_MIN: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::task::{Context, Poll};

    use proptest::prelude::*;

    use super::*;
    use crate::transport::Peer;
    use crate::wire::put_frame;

    /// Hands out its bytes in pieces of the given sizes, then ends.
    #[derive(Debug)]
    struct Pieces {
        peer: Peer,
        rest: Mutex<(VecDeque<u8>, VecDeque<usize>)>,
    }

    impl Connection for Pieces {
        fn poll_read(&self, _: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
            let (bytes, sizes) = &mut *self.rest.lock().expect("no panic");
            let size = sizes.pop_front().unwrap_or(usize::MAX).min(bytes.len());
            let size = size.min(buffer.capacity() - buffer.len());
            buffer.extend(bytes.drain(..size));
            Poll::Ready(Ok(size))
        }

        fn try_write(&self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn close(&self) {}

        fn peer(&self) -> &Peer {
            &self.peer
        }
    }

    fn inbound(bytes: Vec<u8>, sizes: Vec<usize>) -> Inbound {
        let peer = Peer { uid: None, pid: None, address: "test".into(), certificates: Vec::new() };
        let rest = Mutex::new((bytes.into(), sizes.into()));
        Inbound::new(Arc::new(Pieces { peer, rest }), config::FRAME_BYTES_MAX)
    }

    fn frames(bodies: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (at, body) in bodies.iter().enumerate() {
            let header = Header { call: at as u64, ..Header::new(Kind::Call) };
            put_frame(&mut bytes, header, b"ext", body);
        }
        bytes
    }

    async fn read_all(mut inbound: Inbound, in_spans: bool) -> Vec<(u64, Vec<u8>)> {
        let mut read = Vec::new();
        while inbound.fill().await.expect("no errors") {
            if in_spans {
                let mut spans = Vec::new();
                while let Some(span) = inbound.next_span().expect("good frames") {
                    spans.push(span);
                }
                for FrameSpan { header, extension, body } in spans {
                    assert_eq!(inbound.bytes(extension), b"ext");
                    read.push((header.call, inbound.bytes(body).to_vec()));
                }
            } else {
                while let Some(frame) = inbound.next().expect("good frames") {
                    assert_eq!(frame.extension, b"ext");
                    read.push((frame.header.call, frame.body.to_vec()));
                }
            }
        }
        read
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn frames_arrive_whole_and_in_order_however_they_are_cut(
            lengths in proptest::collection::vec(prop_oneof![0usize..200, 15_000usize..200_000], 1..12),
            sizes in proptest::collection::vec(1usize..100_000, 1..20),
            in_spans: bool,
        ) {
            let bodies: Vec<Vec<u8>> = lengths.iter().map(|length| vec![*length as u8; *length]).collect();
            let inbound = inbound(frames(&bodies), sizes.into_iter().chain([1, 3]).collect());

            let read = tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime")
                .block_on(read_all(inbound, in_spans));

            let expected: Vec<_> = bodies.into_iter().enumerate().map(|(at, body)| (at as u64, body)).collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[tokio::test]
    async fn a_length_alone_takes_no_memory() {
        let header = frames(&[vec![7; 4 << 20]])[..100].to_vec();
        let mut inbound = inbound(header, vec![]);

        assert!(inbound.fill().await.expect("no errors"));
        assert!(inbound.next().expect("no error").is_none());
        assert!(!inbound.fill().await.expect("no errors"));

        assert!(inbound.buffer.capacity() <= 2 * config::READ_BYTES);
    }

    #[tokio::test]
    async fn a_frame_over_the_bound_ends_the_link() {
        let mut inbound = inbound(frames(&[vec![0; 1000]]), vec![40]);
        inbound.set_frame_bytes_max(100);

        assert!(inbound.fill().await.expect("no errors"));

        assert!(matches!(inbound.next(), Err(WireError::Length(_))));
    }

    #[tokio::test]
    async fn memory_of_a_large_frame_is_given_back_when_it_was_not_needed_since() {
        let mut inbound = inbound(frames(&[vec![7; 1 << 20]]), vec![]);
        while inbound.fill().await.expect("no errors") {}
        assert!(inbound.next().expect("a good frame").is_some());

        inbound.trim();
        assert!(inbound.buffer.capacity() >= 1 << 20);
        inbound.trim();

        assert_eq!(inbound.buffer.capacity(), 0);
    }
}
