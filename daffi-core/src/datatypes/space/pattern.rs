//! Patterns of strings.

use std::fmt;

/// A pattern that is looked for in a string, in the language of HyperDex: `^` the beginning, `$` the end, `.` any byte, `*`
/// any number of what stands before it, `\` before a byte that means itself. Everything else means itself; an empty
/// pattern is in every string. It has at most 127 bytes that mean something, and looking for it takes time by the length
/// of the string.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Of each byte, the places in the pattern at which it may stand.
    places: Box<[u128; 256]>,
    /// Places at which a byte may stand any number of times.
    repeated: u128,
    /// Bytes that mean something.
    length: u32,
    is_at_start: bool,
    is_at_end: bool,
}

impl Pattern {
    /// The pattern that a text is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.as_bytes();
        let (is_at_start, rest) = rest.strip_prefix(b"^").map_or((false, rest), |rest| (true, rest));
        let mut pattern = Self {
            text: text.to_owned(),
            places: Box::new([0; 256]),
            repeated: 0,
            length: 0,
            is_at_start,
            is_at_end: false,
        };
        let mut bytes = rest.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'$' if bytes.peek().is_none() => pattern.is_at_end = true,
                b'*' => pattern.repeat()?,
                b'\\' => pattern.add(Some(bytes.next().ok_or("nothing follows the last `\\`")?))?,
                b'.' => pattern.add(None)?,
                byte => pattern.add(Some(byte))?,
            }
        }
        Ok(pattern)
    }

    /// Adds a place for a byte, or for any.
    fn add(&mut self, byte: Option<u8>) -> Result<(), String> {
        if self.length == LENGTH_MAX {
            return Err(format!("it has more than {LENGTH_MAX} bytes that mean something"));
        }
        let place = 1 << self.length;
        match byte {
            Some(byte) => self.places[usize::from(byte)] |= place,
            None => self.places.iter_mut().for_each(|places| *places |= place),
        }
        self.length += 1;
        Ok(())
    }

    fn repeat(&mut self) -> Result<(), String> {
        let last = self.length.checked_sub(1).map(|last| 1 << last);
        match last.filter(|last| self.repeated & last == 0) {
            Some(last) => self.repeated |= last,
            None => return Err("nothing stands before `*` that could be repeated".into()),
        }
        Ok(())
    }

    /// Whether it is in a string.
    pub fn is_in(&self, text: &[u8]) -> bool {
        let end = 1 << self.length;
        let start = self.reached(1);
        // All places that what was read so far may have come to, as bits, so that none is tried twice.
        let mut places = start;
        for byte in text {
            if !self.is_at_end && places & end != 0 {
                return true;
            }
            let met = places & self.places[usize::from(*byte)];
            let again = if self.is_at_start { 0 } else { start };
            places = self.reached((met & self.repeated) | ((met & !self.repeated) << 1)) | again;
        }
        places & end != 0
    }

    /// These places, and those past what may stand there no time at all.
    fn reached(&self, mut places: u128) -> u128 {
        loop {
            let further = places | ((places & self.repeated) << 1);
            if further == places {
                return places;
            }
            places = further;
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

/// Places of a pattern, with the one behind its end as many as there are bits.
const LENGTH_MAX: u32 = 127;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).unwrap().is_in(text.as_bytes())
    }

    #[test]
    fn a_pattern_is_found_anywhere_unless_it_is_tied_to_an_end() {
        assert!(is_in("", "") && is_in("", "abc") && is_in("b", "abc") && is_in("a.c", "xabcx"));
        assert!(is_in("^a", "abc") && !is_in("^b", "abc") && is_in("c$", "abc") && !is_in("b$", "abc"));
        assert!(is_in("^$", "") && !is_in("^$", "a") && is_in("^ab*c$", "ac") && is_in("^ab*c$", "abbbc"));
        assert!(is_in("^.*$", "anything") && is_in("x*", "") && !is_in("^x*$", "xyx"));
    }

    #[test]
    fn what_means_something_means_itself_after_a_backslash() {
        assert!(is_in(r"1\.5\*", "a 1.5* b") && !is_in(r"1\.5", "1x5") && is_in(r"\^\$\\", r"^$\"));
        assert!(is_in("a$b", "xa$b") && is_in("a^b", "a^b"));
    }

    #[test]
    fn what_repeats_nothing_is_no_pattern() {
        assert!(Pattern::parse(&"a".repeat(128)).is_err() && is_in(&"a".repeat(127), &"a".repeat(127)));
        assert!(["*", "^*a", "a**", "\\"].iter().all(|pattern| Pattern::parse(pattern).is_err()));
    }

    #[test]
    fn a_long_pattern_of_repetitions_takes_no_time_that_grows_out_of_hand() {
        let (pattern, text) = (format!("^{}b$", "a*".repeat(126)), "a".repeat(200_000));

        assert!(!is_in(&pattern, &text));
    }
}
