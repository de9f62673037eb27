//! Frames with a header of fixed width, and the buffer they are read into.
//!
//! What runs for each frame is marked `#[inline]`: left to the compiler, one-way messages took a tenth longer.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

/// What a frame asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From a callee: send me calls. The relay answers with the same.
    Serve = 0,
    Call = 1,
    Reply = 2,
    /// A call to every callee.
    Broadcast = 3,
    /// One callee's reply to a broadcast.
    Part = 4,
    OneWay = 5,
    /// A call that the relay answers itself.
    Direct = 6,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Serve,
            1 => Self::Call,
            2 => Self::Reply,
            3 => Self::Broadcast,
            4 => Self::Part,
            5 => Self::OneWay,
            6 => Self::Direct,
            _ => return None,
        })
    }
}

/// Length of all that follows (4 bytes), kind (1), nothing (1), the caller's link at the relay (2), id (8).
#[derive(Debug)]
pub(crate) struct Frame<'a>(&'a mut [u8]);

impl Frame<'_> {
    #[inline]
    pub(crate) fn kind(&self) -> io::Result<Kind> {
        Kind::from_byte(self.0[4]).ok_or_else(|| io::Error::other("a frame of no known kind"))
    }

    pub(crate) fn set_kind(&mut self, kind: Kind) {
        self.0[4] = kind as u8;
    }

    pub(crate) fn link(&self) -> u16 {
        u16::from_le_bytes([self.0[6], self.0[7]])
    }

    pub(crate) fn set_link(&mut self, link: u16) {
        self.0[6..8].copy_from_slice(&link.to_le_bytes());
    }

    pub(crate) fn id(&self) -> u64 {
        u64::from_le_bytes(self.0[8..16].try_into().expect("it is eight bytes"))
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0
    }
}

/// Appends a frame.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, kind: Kind, link: u16, id: u64, payload: &[u8]) {
    let length = u32::try_from(HEADER_BYTES - LENGTH_BYTES + payload.len()).expect("payloads are small");
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4] = kind as u8;
    header[6..8].copy_from_slice(&link.to_le_bytes());
    header[8..].copy_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
}

/// What was read and not yet acted on.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; READ_BYTES], start: 0, end: 0 }
    }

    /// Reads once, as much as there is room for; 0 at the end of the stream.
    pub(super) fn read_from(&mut self, mut source: &UnixStream) -> io::Result<usize> {
        let count = source.read(self.space())?;
        self.filled(count);
        Ok(count)
    }

    /// Where the next read goes.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.buffer[self.end..]
    }

    /// So much of the space was read into.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// The next frame that is there as a whole.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Frame<'_>> {
        let length = self.next_length()?;
        let start = self.start;
        if self.end - start < length {
            return None;
        }
        self.start += length;
        Some(Frame(&mut self.buffer[start..start + length]))
    }

    #[inline]
    fn next_length(&self) -> Option<usize> {
        let prefix = self.buffer[self.start..self.end].first_chunk::<LENGTH_BYTES>()?;
        Some(LENGTH_BYTES + u32::from_le_bytes(*prefix) as usize)
    }

    fn make_room(&mut self) {
        // What is left is a part of one frame, so it moves at most once.
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted = self.next_length().unwrap_or(0);
        if wanted > self.buffer.len() {
            self.buffer.resize(wanted, 0);
        }
    }
}

const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = 16;
/// A read takes this much: all that a UNIX socket holds of small frames, in one system call.
const READ_BYTES: usize = 64 * 1024;
