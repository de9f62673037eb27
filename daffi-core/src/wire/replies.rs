//! The answer to a broadcast: parts one after the other, so that the controller only copies.
//!
//! A part is: body length (u32), name length (u8), failed (u8), name, body; integers little-endian.

use super::header::Flags;

const PREFIX_BYTES: usize = 6;

/// What became of a broadcast at one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The node.
    pub node: &'a str,
    /// [`Flags::FAILED`] if the body is a failure.
    pub flags: Flags,
    /// A result or a failure.
    pub body: &'a [u8],
}

/// The bytes are not a list of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a malformed list of replies")]
pub struct PartsError;

/// Appends a part.
pub fn put_part(out: &mut Vec<u8>, part: Part<'_>) {
    // Bodies are bounded by a frame and names by `NAME_BYTES_MAX`, so neither length is cut.
    out.extend_from_slice(&(part.body.len() as u32).to_le_bytes());
    out.push(part.node.len() as u8);
    out.push(part.flags.0);
    out.extend_from_slice(part.node.as_bytes());
    out.extend_from_slice(part.body);
}

/// The parts in `bytes`, in order; ends after the first that is malformed.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Reads from `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn read(&mut self) -> Option<Part<'a>> {
        let (prefix, rest) = self.rest.split_first_chunk::<PREFIX_BYTES>()?;
        let body_bytes = u32::from_le_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]) as usize;
        let (name, rest) = rest.split_at_checked(usize::from(prefix[4]))?;
        let (body, rest) = rest.split_at_checked(body_bytes)?;
        let node = std::str::from_utf8(name).ok()?;
        self.rest = rest;
        Some(Part { node, flags: Flags(prefix[5]), body })
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, PartsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let part = self.read();
        if part.is_none() {
            self.rest = &[];
        }
        Some(part.ok_or(PartsError))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn decoding_undoes_encoding(
            parts in proptest::collection::vec(
                ("[a-z]{1,20}", any::<u8>(), proptest::collection::vec(any::<u8>(), 0..50)), 0..20)
        ) {
            let mut bytes = Vec::new();
            for (node, flags, body) in &parts {
                put_part(&mut bytes, Part { node, flags: Flags(*flags), body });
            }

            let read: Vec<_> = Parts::new(&bytes).collect::<Result<_, _>>().expect("whole parts");

            prop_assert_eq!(read.len(), parts.len());
            for (part, (node, flags, body)) in read.into_iter().zip(&parts) {
                prop_assert_eq!(part, Part { node, flags: Flags(*flags), body });
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_go_on_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Parts::new(&bytes).count() <= bytes.len());
        }
    }
}
