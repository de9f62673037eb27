//! Patterns of topics: what listeners choose by.

use std::str::Chars;

/// A pattern of topics: `*` stands for any text, `?` for any character, `[abc]` and `[a-z]` for one of these, `[!a-z]` and
/// `[^a-z]` for any other, and `\` takes what follows as it is. Anything else stands for itself, and so does a `[` that
/// nothing closes.
///
/// It is read once, so that a match takes no longer than the pattern and the topic have pairs of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern(Vec<Atom>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Atom {
    /// Any text.
    Star,
    /// Any character.
    Any,
    Literal(char),
    /// A character in one of these ranges, or in none of them.
    Class {
        ranges: Vec<(char, char)>,
        is_negated: bool,
    },
}

impl TopicPattern {
    /// The pattern that `text` spells. Every text spells one.
    pub fn new(text: &str) -> Self {
        let mut atoms = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            atoms.push(match c {
                // Several in a row are one.
                '*' if atoms.last() == Some(&Atom::Star) => continue,
                '*' => Atom::Star,
                '?' => Atom::Any,
                '\\' => Atom::Literal(chars.next().unwrap_or('\\')),
                '[' => match class(chars.as_str()) {
                    Some((class, rest)) => {
                        chars = rest.chars();
                        class
                    }
                    None => Atom::Literal('['),
                },
                other => Atom::Literal(other),
            });
        }
        Self(atoms)
    }

    /// Whether `topic` is like it.
    pub fn matches(&self, topic: &str) -> bool {
        let (mut at, mut rest) = (0, topic.chars());
        // Where to go on once it shows that the last `*` stands for a character more.
        let mut again: Option<(usize, Chars<'_>)> = None;
        loop {
            let mut next = rest.clone();
            match self.0.get(at) {
                Some(Atom::Star) => {
                    at += 1;
                    again = Some((at, rest.clone()));
                    continue;
                }
                Some(atom) if next.next().is_some_and(|c| atom.takes(c)) => {
                    (at, rest) = (at + 1, next);
                    continue;
                }
                None if rest.as_str().is_empty() => return true,
                Some(_) | None => {}
            }
            let Some((after, from)) = &mut again else { return false };
            if from.next().is_none() {
                return false;
            }
            (at, rest) = (*after, from.clone());
        }
    }
}

impl Atom {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Star | Self::Any => true,
            Self::Literal(literal) => *literal == c,
            Self::Class { ranges, is_negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *is_negated
            }
        }
    }
}

/// The class at the start of what follows a `[`, and what follows it.
fn class(text: &str) -> Option<(Atom, &str)> {
    let set = text.strip_prefix(['!', '^']).unwrap_or(text);
    // A `]` that comes first is one of the characters.
    let first = set.chars().next()?.len_utf8();
    let end = first + set[first..].find(']')?;
    let mut ranges = Vec::new();
    let mut chars = set[..end].chars();
    while let Some(from) = chars.next() {
        let mut ahead = chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) => {
                ranges.push((from, to));
                chars = ahead;
            }
            _ => ranges.push((from, from)),
        }
    }
    Some((Atom::Class { ranges, is_negated: set.len() < text.len() }, &set[end + 1..]))
}

/// `text` as a pattern that nothing else is like.
pub fn escape_topic(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_like(pattern: &str, topic: &str) -> bool {
        TopicPattern::new(pattern).matches(topic)
    }

    #[test]
    fn a_pattern_is_what_shells_take_it_for() {
        for (pattern, topic) in [
            ("", ""),
            ("event.*", "event.test"),
            ("*", ""),
            ("*.*.new", "shop.order.new"),
            ("a?c", "aéc"),
            ("v[0-9]", "v7"),
            ("v[^0-9]", "vx"),
            ("v[!0-9x]", "vy"),
            ("[]a]", "]"),
            ("[a-]", "-"),
            ("a[b", "a[b"),
            (r"a\*b", "a*b"),
            (r"a\", r"a\"),
            ("*ab*ab", "aabab"),
        ] {
            assert!(is_like(pattern, topic), "{pattern} {topic}");
        }
        for (pattern, topic) in [
            ("", "a"),
            ("event.*", "event"),
            ("a?c", "ac"),
            ("v[0-9]", "v"),
            ("v[0-9]", "vx"),
            ("v[^0-9]", "v7"),
            ("v[!0-9x]", "vx"),
            ("[z-a]", "m"),
            (r"a\*b", "axb"),
            ("*ab*ab", "ab"),
        ] {
            assert!(!is_like(pattern, topic), "{pattern} {topic}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_longer_than_one() {
        let pattern = "*a".repeat(120);
        let topic = "a".repeat(119) + &"b".repeat(120);

        assert!(!is_like(&pattern, &topic));
        assert!(is_like(&pattern, &"a".repeat(120)));
    }

    /// The same by trying everything.
    fn naive(atoms: &[Atom], topic: &str) -> bool {
        let Some((first, others)) = atoms.split_first() else { return topic.is_empty() };
        let mut rest = topic.chars();
        if *first == Atom::Star {
            return naive(others, topic) || (rest.next().is_some() && naive(atoms, rest.as_str()));
        }
        rest.next().is_some_and(|c| first.takes(c)) && naive(others, rest.as_str())
    }

    proptest! {
        #[test]
        fn a_match_is_what_trying_everything_finds(
            pattern in r"[ab*?\[\]!^\\-]{0,8}",
            topic in r"[ab\[\]*-]{0,8}",
        ) {
            let pattern = TopicPattern::new(&pattern);

            prop_assert_eq!(pattern.matches(&topic), naive(&pattern.0, &topic));
        }

        #[test]
        fn an_escaped_text_is_like_itself_alone(text in r".{0,12}", other in r".{0,12}") {
            let pattern = TopicPattern::new(&escape_topic(&text));

            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.matches(&other), text == other);
        }
    }
}
