//! What sketches know elements by: hashes that no version of anything changes.

use ring::digest::{SHA256, digest};

use crate::hosted::Key;

/// Two words of an element's SHA-256 in its canonical form: equal elements have equal words, on every machine, for ever.
///
/// A sketch outlives the program that made it, so its hash is a published standard. This one nobody can find elements
/// for that share many bits, as one easily can for faster ones; and it is computed by the node that adds, not by the
/// controller.
pub(super) fn words(element: &Key) -> [u64; 2] {
    let digest = digest(&SHA256, element.bytes());
    let word = |at: usize| {
        let bytes = digest.as_ref()[at..].first_chunk::<8>().expect("a digest has 32 bytes");
        u64::from_le_bytes(*bytes)
    };
    [word(0), word(8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_element_are_what_they_always_were() {
        // `printf '\xa5rajiv' | sha256sum`, and the same of the byte 7.
        let rajiv = Key::of("rajiv").unwrap();
        let seven = Key::of(&7).unwrap();

        assert_eq!(words(&rajiv), [0x9ef6_cfa1_0609_c628, 0xaf43_a08e_f53c_f157]);
        assert_eq!(words(&seven), [0x6c7e_d2f6_5887_35ca, 0x48a7_7779_9372_52f4]);
        assert_eq!(words(&seven), words(&Key::of(&7_u64).unwrap()));
        assert_ne!(words(&seven), words(&Key::of(&7.0).unwrap()));
    }
}
