//! Patterns of strings.

/// A pattern that is looked for in a string, in the language of HyperDex: `^` the beginning, `$` the end, `.` any byte, `*`
/// any number of what stands before it, `\` before a byte that means itself. Everything else means itself; an empty
/// pattern is in every string. Looking for it takes time by the product of both lengths at worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    items: Vec<Item>,
    is_at_start: bool,
    is_at_end: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    /// The byte, or any.
    byte: Option<u8>,
    /// Whether it may stand there any number of times.
    is_repeated: bool,
}

impl Pattern {
    /// The pattern that a text is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.as_bytes();
        let (is_at_start, rest) = rest.strip_prefix(b"^").map_or((false, rest), |rest| (true, rest));
        let (mut items, mut is_at_end) = (Vec::<Item>::new(), false);
        let mut bytes = rest.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            let byte = match byte {
                b'$' if bytes.peek().is_none() => {
                    is_at_end = true;
                    break;
                }
                b'*' => {
                    let last = items.last_mut().filter(|item| !item.is_repeated);
                    last.ok_or("nothing stands before `*` that could be repeated")?.is_repeated = true;
                    continue;
                }
                b'\\' => Some(bytes.next().ok_or("nothing follows the last `\\`")?),
                b'.' => None,
                byte => Some(byte),
            };
            items.push(Item { byte, is_repeated: false });
        }
        Ok(Self { items, is_at_start, is_at_end })
    }

    /// Whether it is in a string.
    pub fn is_in(&self, text: &[u8]) -> bool {
        // All places in the pattern that what was read so far may have come to, so that none is tried twice.
        let mut places = vec![false; self.items.len() + 1];
        self.reach(&mut places, 0);
        for byte in text {
            if self.is_over(&places) {
                return true;
            }
            let mut after = vec![false; places.len()];
            for at in (0..self.items.len()).filter(|at| places[*at]) {
                let item = self.items[at];
                if item.byte.is_none_or(|wanted| wanted == *byte) {
                    self.reach(&mut after, if item.is_repeated { at } else { at + 1 });
                }
            }
            if !self.is_at_start {
                self.reach(&mut after, 0);
            }
            places = after;
        }
        places[self.items.len()]
    }

    /// Whether it has been found, whatever comes.
    fn is_over(&self, places: &[bool]) -> bool {
        !self.is_at_end && places[self.items.len()]
    }

    /// Comes to a place, and past what may stand there no time at all.
    fn reach(&self, places: &mut [bool], mut at: usize) {
        while !places[at] {
            places[at] = true;
            match self.items.get(at) {
                Some(item) if item.is_repeated => at += 1,
                _ => return,
            }
        }
    }
}

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
        assert!(["*", "^*a", "a**", "\\"].iter().all(|pattern| Pattern::parse(pattern).is_err()));
    }

    #[test]
    fn a_long_pattern_of_repetitions_takes_no_time_that_grows_out_of_hand() {
        let (pattern, text) = (format!("^{}b$", "a*".repeat(200)), "a".repeat(2_000));

        assert!(!is_in(&pattern, &text));
    }
}
