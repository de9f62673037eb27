//! The fixed-width prefix of a frame.

use std::time::Duration;

use super::{Extension, WireError};
use crate::config;

/// Bytes of the prefix, its length field included.
pub const HEADER_BYTES: usize = 28;
/// The value of the remaining time that means "no deadline".
pub const NO_TIMEOUT: u32 = u32::MAX;

/// What a frame is. Kinds that are not listed are skipped: that is how versions mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A node says who it is.
    Hello,
    /// The controller takes it in.
    Welcome,
    /// The controller refuses it.
    Refuse,
    /// Run a callback.
    Call,
    /// What became of it.
    Reply,
    /// Stop it.
    Cancel,
    /// A part of a large body.
    Chunk,
    /// So much more may be sent, or so much has been done.
    Credit,
    /// A node offers callbacks.
    Register,
    /// A node withdraws callbacks.
    Unregister,
    /// The controller tells something unasked.
    Event,
    /// Are you there?
    Ping,
    /// I am.
    Pong,
    /// The sender ends the session.
    Goodbye,
    /// A kind of a newer version.
    Unknown(u8),
}

impl Kind {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Refuse,
            4 => Self::Call,
            5 => Self::Reply,
            6 => Self::Cancel,
            7 => Self::Chunk,
            8 => Self::Credit,
            9 => Self::Register,
            10 => Self::Unregister,
            11 => Self::Event,
            12 => Self::Ping,
            13 => Self::Pong,
            14 => Self::Goodbye,
            other => Self::Unknown(other),
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Hello => 1,
            Self::Welcome => 2,
            Self::Refuse => 3,
            Self::Call => 4,
            Self::Reply => 5,
            Self::Cancel => 6,
            Self::Chunk => 7,
            Self::Credit => 8,
            Self::Register => 9,
            Self::Unregister => 10,
            Self::Event => 11,
            Self::Ping => 12,
            Self::Pong => 13,
            Self::Goodbye => 14,
            Self::Unknown(byte) => byte,
        }
    }
}

/// One bit each; which ones mean something depends on the kind. Unknown bits travel on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Call: the callback's name is in the extension, its number is not known yet.
    pub const NAMED: Self = Self(1);
    /// Call: no reply is wanted. Reply: acknowledges such calls.
    pub const ONE_WAY: Self = Self(2);
    /// Call: to every node that offers the name. Reply: the body is a list of parts.
    pub const BROADCAST: Self = Self(4);
    /// Call: it outlives its caller. Reply: it has been taken; the body is the job's number.
    pub const BACKGROUND: Self = Self(8);
    /// Broadcast: send each part as it comes. Reply: chunks bring the items of a stream.
    pub const STREAMED: Self = Self(16);
    /// Background call: keep the result at the controller, do not send it. Call, as its callee sees it: the reply
    /// must come whole.
    pub const KEPT: Self = Self(32);
    /// Reply: the body is a failure. Chunk: the sender gives up, the body says why.
    pub const FAILED: Self = Self(64);
    /// Reply to a broadcast: more parts follow. Call, reply or chunk: the body goes on in chunks.
    pub const MORE: Self = Self(128);
    /// Call: chunks bring the items of a stream that the callback takes.
    pub const FEEDS: Self = Self(64);
    /// Chunk, credit of a window: of the reply to a call that the receiver, or the sender of the credit, made. Without
    /// it: of the call's arguments. A node numbers the calls it makes, and the controller those it sends a node, each
    /// from 0, so the number alone does not say whose call it is.
    pub const OF_REPLY: Self = Self(4);
    /// Credit: so many bytes of the lane were received since the session began, in `call`.
    pub const RECEIVED: Self = Self(2);
    /// Credit, with `RECEIVED`: all of the side of this number was read, in `call`.
    pub const SIDE: Self = Self(32);
    /// Credit: so many more bytes of the chunks of `call` may be sent, in `name`.
    pub const WINDOW: Self = Self(16);

    /// Whether all of `flags` are set.
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }
}

/// Which of the two flows that a call may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Its arguments: from its caller to its callee.
    Request,
    /// Its result: from its callee to its caller.
    Reply,
}

impl Direction {
    /// Which direction of which call a number that [`Header::flow`] made is of.
    pub const fn of_flow(flow: u64) -> (Self, u64) {
        if flow & REPLY_BIT == 0 { (Self::Request, flow) } else { (Self::Reply, flow ^ REPLY_BIT) }
    }

    const fn flags(self) -> Flags {
        match self {
            Self::Request => Flags::NONE,
            Self::Reply => Flags::OF_REPLY,
        }
    }
}

/// The highest bit of a slot: nobody has two thousand million calls at a time.
const REPLY_BIT: u64 = 1 << 31;

/// The number of a call on one link: a slot, and a generation that sets apart the slot's users in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CallId {
    /// The sender's slot.
    pub slot: u32,
    /// How often the slot has been used.
    pub generation: u32,
}

impl CallId {
    /// The number as it travels.
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    /// The number as it travelled.
    pub const fn from_bits(bits: u64) -> Self {
        Self { slot: bits as u32, generation: (bits >> 32) as u32 }
    }
}

/// The fixed-width prefix of a frame, but for its lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// Kind-dependent bits.
    pub flags: Flags,
    /// The callback's number, allotted by the receiver of the frame.
    pub name: u32,
    /// The other node of a call, as the controller numbers it: its caller, or whoever replied.
    pub peer: u32,
    /// What is left of the call's time, in milliseconds, or [`NO_TIMEOUT`].
    pub remaining_ms: u32,
    /// The call's number on this link; other kinds use it for a count.
    pub call: u64,
}

impl Header {
    /// A header of this kind with nothing else set.
    pub const fn new(kind: Kind) -> Self {
        Self { kind, flags: Flags::NONE, name: 0, peer: 0, remaining_ms: NO_TIMEOUT, call: 0 }
    }

    /// The header of a chunk of a body or stream of `call`; `more` chunks follow it, or it is the last.
    pub const fn chunk(call: u64, direction: Direction, more: bool) -> Self {
        let flags = if more { Flags::MORE } else { Flags::NONE };
        Self { flags: flags.with(direction.flags()), call, ..Self::new(Kind::Chunk) }
    }

    /// The header that grants `bytes` more of the chunks of that direction of `call`.
    pub const fn window(call: u64, direction: Direction, bytes: u32) -> Self {
        let flags = Flags::WINDOW.with(direction.flags());
        Self { flags, name: bytes, call, ..Self::new(Kind::Credit) }
    }

    /// Chunk, credit of a window: which direction of the call it is about.
    pub const fn direction(&self) -> Direction {
        if self.flags.has(Flags::OF_REPLY) { Direction::Reply } else { Direction::Request }
    }

    /// Chunk: a number that sets its flow apart from all others on the link.
    pub const fn flow(&self) -> u64 {
        match self.direction() {
            Direction::Request => self.call,
            Direction::Reply => self.call | REPLY_BIT,
        }
    }

    /// The remaining time, `None` if there is no deadline.
    pub const fn remaining(&self) -> Option<Duration> {
        if self.remaining_ms == NO_TIMEOUT {
            None
        } else {
            Some(Duration::from_millis(self.remaining_ms as u64))
        }
    }

    /// Sets the remaining time: whole milliseconds, rounded up so that it never becomes less than it was.
    #[must_use]
    pub fn with_remaining(mut self, remaining: Option<Duration>) -> Self {
        self.remaining_ms = remaining.map_or(NO_TIMEOUT, |left| {
            let left = left.min(config::TIMEOUT_MAX);
            u32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(NO_TIMEOUT - 1)
        });
        self
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> (usize, usize, Self) {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let header = Self {
            kind: Kind::from_byte(bytes[4]),
            flags: Flags(bytes[5]),
            name: u32_at(8),
            peer: u32_at(12),
            remaining_ms: u32_at(16),
            call: u64::from(u32_at(20)) | u64::from(u32_at(24)) << 32,
        };
        let extension_bytes = u16::from_le_bytes([bytes[6], bytes[7]]);
        (u32_at(0) as usize, usize::from(extension_bytes), header)
    }

    fn encode(&self, length: u32, extension_bytes: u16) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&length.to_le_bytes());
        bytes[4] = self.kind.byte();
        bytes[5] = self.flags.0;
        bytes[6..8].copy_from_slice(&extension_bytes.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.name.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.peer.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.remaining_ms.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.call.to_le_bytes());
        bytes
    }
}

/// A whole frame in somebody's buffer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame<'a> {
    /// The prefix.
    pub header: Header,
    /// The extension map as it travelled; empty if there is none.
    pub extension: &'a [u8],
    /// The body as it travelled.
    pub body: &'a [u8],
}

impl Frame<'_> {
    /// Bytes of the whole frame.
    pub const fn bytes(&self) -> usize {
        HEADER_BYTES + self.extension.len() + self.body.len()
    }

    /// The extension map, decoded.
    ///
    /// # Errors
    /// [`WireError::Malformed`] if it is not one.
    pub fn extension(&self) -> Result<Extension, WireError> {
        Extension::decode(self.extension)
    }
}

/// The first frame of `bytes`, if all of it is there; its length says how many bytes to drop.
///
/// # Errors
/// [`WireError`] if its lengths are impossible, or more than `bytes_max` follow the length field.
pub fn split(bytes: &[u8], bytes_max: usize) -> Result<Option<Frame<'_>>, WireError> {
    let Some(prefix) = bytes.first_chunk::<HEADER_BYTES>() else {
        // Refuse an impossible length as soon as it is known: waiting for the rest would wait for ever.
        if let Some(length) = bytes.first_chunk::<4>() {
            check_length(u32::from_le_bytes(*length) as usize, bytes_max)?;
        }
        return Ok(None);
    };
    let (length, extension_bytes, header) = Header::decode(prefix);
    check_length(length, bytes_max)?;
    if extension_bytes > config::EXTENSION_BYTES_MAX || extension_bytes > length + 4 - HEADER_BYTES {
        return Err(WireError::ExtensionLength(extension_bytes));
    }
    let Some(rest) = bytes.get(HEADER_BYTES..length + 4) else { return Ok(None) };
    let (extension, body) = rest.split_at(extension_bytes);
    Ok(Some(Frame { header, extension, body }))
}

fn check_length(length: usize, bytes_max: usize) -> Result<(), WireError> {
    if length < HEADER_BYTES - 4 || length > bytes_max { Err(WireError::Length(length)) } else { Ok(()) }
}

/// Appends a frame to `out`.
pub fn put_frame(out: &mut Vec<u8>, header: Header, extension: &[u8], body: &[u8]) {
    let length = HEADER_BYTES - 4 + extension.len() + body.len();
    // Both lengths are bounded by `config` long before they could overflow their fields.
    let (length, extension_bytes) = (length as u32, extension.len() as u16);
    out.extend_from_slice(&header.encode(length, extension_bytes));
    out.extend_from_slice(extension);
    out.extend_from_slice(body);
}

/// Appends a frame whose body `write` appends; takes all of it back if `write` fails.
///
/// # Errors
/// Whatever `write` returns.
pub fn put_with<E>(
    out: &mut Vec<u8>,
    header: Header,
    extension: &[u8],
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    put_frame(out, header, extension, &[]);
    if let Err(error) = write(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_header() -> impl Strategy<Value = Header> {
        (any::<u8>(), any::<u8>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>()).prop_map(
            |(kind, flags, name, peer, remaining_ms, call)| Header {
                kind: Kind::from_byte(kind),
                flags: Flags(flags),
                name,
                peer,
                remaining_ms,
                call,
            },
        )
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(
            header in any_header(),
            extension in proptest::collection::vec(any::<u8>(), 0..200),
            body in proptest::collection::vec(any::<u8>(), 0..2000),
            rest in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut bytes = Vec::new();
            put_frame(&mut bytes, header, &extension, &body);
            let whole = bytes.len();
            bytes.extend_from_slice(&rest);

            let frame = split(&bytes, config::FRAME_BYTES_MAX).expect("a good frame").expect("a whole frame");

            prop_assert_eq!(frame, Frame { header, extension: &extension, body: &body });
            prop_assert_eq!(frame.bytes(), whole);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Some(frame)) = split(&bytes, config::FRAME_BYTES_MAX) {
                prop_assert!(frame.bytes() <= bytes.len());
            }
        }

        #[test]
        fn a_part_of_a_frame_is_not_a_frame(header in any_header(), cut in 0usize..38) {
            let mut bytes = Vec::new();
            put_frame(&mut bytes, header, &[], &[1; 10]);

            prop_assert_eq!(split(&bytes[..cut], config::FRAME_BYTES_MAX), Ok(None));
        }
    }

    #[test]
    fn the_two_flows_of_a_call_have_numbers_of_their_own() {
        let call = CallId { slot: 7, generation: u32::MAX }.to_bits();

        for direction in [Direction::Request, Direction::Reply] {
            let header = Header::chunk(call, direction, true);

            assert_eq!(header.direction(), direction);
            assert_eq!(Direction::of_flow(header.flow()), (direction, call));
            assert_eq!(Header::window(call, direction, 1).direction(), direction);
        }
    }

    #[test]
    fn an_oversize_length_is_refused_before_the_frame_is_there() {
        let bytes = u32::MAX.to_le_bytes();

        assert_eq!(split(&bytes, 1000), Err(WireError::Length(u32::MAX as usize)));
    }

    #[test]
    fn remaining_time_is_rounded_up_and_bounded() {
        let header = Header::new(Kind::Call);

        assert_eq!(header.with_remaining(Some(Duration::from_nanos(1))).remaining_ms, 1);
        assert_eq!(header.with_remaining(None).remaining(), None);
        let longest = header.with_remaining(Some(Duration::MAX));
        assert_eq!(longest.remaining(), Some(config::TIMEOUT_MAX));
    }

    #[test]
    fn a_body_that_fails_leaves_nothing_behind() {
        let mut out = vec![1, 2, 3];

        let refused = put_with(&mut out, Header::new(Kind::Call), &[], |out| {
            out.extend_from_slice(b"half a body");
            Err("no")
        });

        assert_eq!(refused, Err("no"));
        assert_eq!(out, [1, 2, 3]);
    }
}
