//! W3C trace context: which trace a call belongs to, and which span of it made the call.

use std::fmt;
use std::str::FromStr;

/// A place in a trace: the trace's number, that of one span of it, and flags, as the W3C's header `traceparent` has them.
///
/// ```
/// use daffi_core::wire::Traceparent;
///
/// let outer: Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse()?;
/// let inner = outer.child();
///
/// assert_eq!(inner.trace_id(), outer.trace_id());
/// assert_ne!(inner.span_id(), outer.span_id());
/// # Ok::<(), daffi_core::wire::TraceparentError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Traceparent {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// Why a text is no [`Traceparent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent: {0}")]
pub struct TraceparentError(&'static str);

impl Traceparent {
    /// The first span of a new trace, which is to be recorded.
    pub fn root() -> Self {
        Self { trace_id: fastrand::u128(1..), span_id: fastrand::u64(1..), flags: SAMPLED }
    }

    /// A new span of the same trace. Flags without a meaning yet are not passed on, as the standard asks.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: fastrand::u64(1..), flags: self.flags & (SAMPLED | RANDOM), ..*self }
    }

    /// The number of the trace; as text it has 32 hexadecimal digits.
    pub const fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The number of the span; as text it has 16 hexadecimal digits.
    pub const fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether whoever began the trace records it.
    pub const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

impl FromStr for Traceparent {
    type Err = TraceparentError;

    fn from_str(text: &str) -> Result<Self, TraceparentError> {
        let error = |why| Err(TraceparentError(why));
        if text.len() < TEXT_BYTES {
            return error("it is shorter than its 55 characters");
        }
        let Some((known, rest)) = text.split_at_checked(TEXT_BYTES) else {
            return error("it is not plain text");
        };
        let mut fields = known.split('-');
        let mut field = |digits: usize| {
            let field = fields.next().filter(|field| field.len() == digits);
            field.and_then(number).ok_or(TraceparentError("it is not four fields of lower-case hexadecimals"))
        };
        let (version, trace_id, span_id, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
        match version {
            0 if !rest.is_empty() => return error("it is longer than its 55 characters"),
            0xff => return error("there is no version ff"),
            // Newer versions may say more, behind what this one says.
            _ if !rest.is_empty() && !rest.starts_with('-') => {
                return error("its flags have more than two digits");
            }
            _ => {}
        }
        if trace_id == 0 || span_id == 0 {
            return error("a number of it is zero");
        }
        // Flags that are not known are not passed on in the name of the version that is.
        let known = if version == 0 { u8::MAX } else { SAMPLED };
        Ok(Self { trace_id, span_id: span_id as u64, flags: flags as u8 & known })
    }
}

/// The number that these digits are; signs and upper case are none.
fn number(digits: &str) -> Option<u128> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.bytes().all(is_digit).then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

impl TryFrom<&str> for Traceparent {
    type Error = TraceparentError;

    fn try_from(text: &str) -> Result<Self, TraceparentError> {
        text.parse()
    }
}

impl TryFrom<String> for Traceparent {
    type Error = TraceparentError;

    fn try_from(text: String) -> Result<Self, TraceparentError> {
        text.parse()
    }
}

impl From<std::convert::Infallible> for TraceparentError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl fmt::Debug for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traceparent({self})")
    }
}

/// The flag that says so: it is recorded.
const SAMPLED: u8 = 1;
/// The flag that says that the number of the trace is random.
const RANDOM: u8 = 2;
/// Version, trace, span and flags, with dashes between them.
const TEXT_BYTES: usize = 55;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_traceparent() -> impl Strategy<Value = Traceparent> {
        (1..=u128::MAX, 1..=u64::MAX, any::<u8>()).prop_map(|(trace_id, span_id, flags)| Traceparent {
            trace_id,
            span_id,
            flags,
        })
    }

    proptest! {
        #[test]
        fn parsing_undoes_formatting(trace in any_traceparent()) {
            let text = trace.to_string();

            prop_assert_eq!(text.len(), TEXT_BYTES);
            prop_assert_eq!(text.parse(), Ok(trace));
        }

        #[test]
        fn no_text_makes_the_parser_panic_and_what_it_takes_it_formats(text in "[0-9a-fA-F+é-]{0,60}") {
            if let Ok(trace) = text.parse::<Traceparent>() {
                prop_assert_eq!(trace.to_string()[3..53].to_owned(), text[3..53].to_owned());
            }
        }

        #[test]
        fn one_changed_character_is_another_trace_or_none(
            trace in any_traceparent(),
            at in 0..TEXT_BYTES,
            byte in 0x20u8..0x7f,
        ) {
            let mut text = trace.to_string().into_bytes();
            prop_assume!(text[at] != byte);
            text[at] = byte;
            let text = String::from_utf8(text).expect("plain text");

            match text.parse::<Traceparent>() {
                // Another version says the same, but for flags that it does not know.
                Ok(other) if at < 2 => prop_assert_eq!(
                    (other.trace_id, other.span_id, other.flags),
                    (trace.trace_id, trace.span_id, trace.flags & SAMPLED)
                ),
                Ok(other) => prop_assert_ne!(other, trace),
                Err(_) => {}
            }
        }

        #[test]
        fn a_child_is_of_the_same_trace(trace in any_traceparent()) {
            let child = trace.child();

            prop_assert_eq!(child.trace_id, trace.trace_id);
            prop_assert_eq!(child.is_sampled(), trace.is_sampled());
            prop_assert_eq!(child.flags, trace.flags & 0b11);
        }
    }

    #[test]
    fn what_the_standard_forbids_is_refused() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(good.parse::<Traceparent>().is_ok_and(|trace| trace.is_sampled()));
        let newer = format!("cc{}-what-the-future-says", &good[2..]);
        assert!(newer.parse::<Traceparent>().is_ok());

        let bad = [
            String::new(),
            good[..54].into(),
            format!("{good}-more"),
            format!("{good}0"),
            format!("ff{}", &good[2..]),
            format!("cc{}0", &good[2..]),
            good.to_uppercase(),
            format!("00-{:032x}{}", 0, &good[35..]),
            format!("{}{:016x}{}", &good[..36], 0, &good[52..]),
            good.replace('-', "_"),
            format!("00-+{}", &good[4..]),
        ];
        for text in bad {
            assert!(text.parse::<Traceparent>().is_err(), "{text}");
        }
    }

    #[test]
    fn new_traces_differ() {
        assert_ne!(Traceparent::root().trace_id(), Traceparent::root().trace_id());
    }
}
