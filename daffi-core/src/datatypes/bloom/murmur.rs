//! MurmurHash3 for 32 bits, as Pottery's filters use it.
//!
//! Of our own, since it is short and must stay what it is: a filter's bits may not change with a dependency.

/// The x86 variant for 32 bits.
pub(super) fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = seed;
    for block in blocks {
        hash = (hash ^ mixed(u32::from_le_bytes(*block))).rotate_left(13);
        hash = hash.wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = tail.iter().rev().fold(0, |rest, byte| rest << 8 | u32::from(*byte));
    // Of no bytes the mix is 0, which changes nothing.
    finished(hash ^ mixed(rest) ^ bytes.len() as u32)
}

fn mixed(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

fn finished(mut hash: u32) -> u32 {
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_that_are_published() {
        let fox: &[u8] = b"The quick brown fox jumps over the lazy dog";
        let known: [(&[u8], u32, u32); 12] = [
            (b"", 0, 0),
            (b"", 1, 0x514e_28b7),
            (b"", 0xffff_ffff, 0x81f1_6f39),
            (&[0xff; 4], 0, 0x7629_3b50),
            (b"!Ce\x87", 0, 0xf55b_516b),
            (b"!Ce\x87", 0x5082_edee, 0x2362_f9de),
            (b"!Ce", 0, 0x7e4a_8634),
            (b"!C", 0, 0xa0f7_b07a),
            (b"!", 0, 0x7266_1cf4),
            (b"aaaa", 0x9747_b28c, 0x5a97_808a),
            (b"Hello, world!", 0x9747_b28c, 0x2488_4cba),
            (fox, 0x9747_b28c, 0x2fa8_26cd),
        ];
        for (bytes, seed, hash) in known {
            assert_eq!(murmur3(bytes, seed), hash, "{bytes:02x?} with seed {seed:x}");
        }
    }
}
