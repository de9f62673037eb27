//! The bytes of globalCounter's protocol: a byte that says what is wanted, then the topic.

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// One more, and the sum.
    Count(&'a str),
    /// The sum is 0 again.
    Reset(&'a str),
}

impl<'a> Request<'a> {
    /// The request that a whole message is.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn of(message: &'a [u8]) -> Result<Self, String> {
        let (code, topic) = message.split_first().ok_or("an empty message")?;
        let topic =
            std::str::from_utf8(topic).map_err(|error| format!("a topic that is no text: {error}"))?;
        match *code {
            COUNT => Ok(Self::Count(topic)),
            RESET => Ok(Self::Reset(topic)),
            other => Err(format!("an unknown request {other}")),
        }
    }
}

/// What a client is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    bytes: [u8; 9],
    length: usize,
}

impl Reply {
    /// The answer to a reset.
    pub(super) const RESET: Self = Self { bytes: [RESET | REPLY, 0, 0, 0, 0, 0, 0, 0, 0], length: 1 };

    /// The answer to a count: the sum in as few bytes as it takes, the highest first. That is one byte up to 255, as at the
    /// original; beyond, its server failed, while its clients read any number of bytes.
    pub(super) fn count(sum: u64) -> Self {
        let all = sum.to_be_bytes();
        let needed = &all[(sum.leading_zeros() / 8).min(7) as usize..];
        let mut bytes = [0; 9];
        bytes[0] = COUNT | REPLY;
        bytes[1..=needed.len()].copy_from_slice(needed);
        Self { bytes, length: 1 + needed.len() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

const COUNT: u8 = 0;
const RESET: u8 = 1;
/// Added to a request's code it is that of the reply.
const REPLY: u8 = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_read_as_the_original_writes_them() {
        assert_eq!(Request::of(b"\x00\xc3\xa9"), Ok(Request::Count("é")));
        assert_eq!(Request::of(b"\x00"), Ok(Request::Count("")));
        assert_eq!(Request::of(b"\x01t"), Ok(Request::Reset("t")));
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_reason() {
        for (message, why) in [
            (&b""[..], "empty"),
            (b"\x02t", "unknown request 2"),
            (b"\x80\x01", "unknown"),
            (b"\x00\xff", "no text"),
        ] {
            let refused = Request::of(message).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn sums_take_as_many_bytes_as_they_need() {
        for (sum, bytes) in [
            (0, &[128, 0][..]),
            (1, &[128, 1]),
            (255, &[128, 255]),
            (256, &[128, 1, 0]),
            (u64::MAX, &[128, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            assert_eq!(Reply::count(sum).bytes(), bytes);
        }
        assert_eq!(Reply::RESET.bytes(), [129]);
    }

    proptest! {
        #[test]
        fn the_original_reads_every_sum(sum: u64) {
            let reply = Reply::count(sum);
            let read = reply.bytes()[1..].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));

            prop_assert_eq!(read, sum);
        }

        #[test]
        fn no_message_is_a_panic(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Request::Count(topic) | Request::Reset(topic)) = Request::of(&message) {
                prop_assert_eq!(topic.as_bytes(), &message[1..]);
            }
        }
    }
}
