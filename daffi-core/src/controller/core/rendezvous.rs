//! Which node serves a key: the same one for every caller, as long as it is there.
//!
//! Each node has a weight for each key, and the highest weight wins. So a node that leaves moves only its own
//! keys, one that comes takes its share from all, and nobody keeps a table of who has what.

/// The position in `nodes` of the one that serves `key`; `None` if there are none.
///
/// The order of `nodes` does not matter, and the answer is the same in every process and version: work that is
/// bound to a node by its key stays there through a rolling upgrade of controllers.
pub(super) fn pick<'a>(key: &str, nodes: impl Iterator<Item = &'a str>) -> Option<usize> {
    let seed = hash(HASH_START, key.as_bytes());
    // The name breaks a tie of two weights, so that the order of the nodes stays without effect.
    nodes.enumerate().max_by_key(|(_, node)| (mix(hash(seed, node.as_bytes())), *node)).map(|(at, _)| at)
}

/// FNV-1a. The standard hasher is not promised to stay the same between versions, and two of the few lines here
/// are no reason for another dependency. It stands up to no attacker: a caller chooses its own keys anyway.
fn hash(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(HASH_PRIME))
}

/// Spreads every bit over all of them (the last step of `SplitMix64`): the high bits of FNV-1a, which decide a
/// comparison, hardly depend on the last bytes, and node names often differ in the last byte only.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    fn serves<'a>(key: &str, nodes: &[&'a str]) -> &'a str {
        nodes[pick(key, nodes.iter().copied()).unwrap()]
    }

    fn keys() -> impl Iterator<Item = String> {
        (0..10_000).map(|number| format!("user:{number}"))
    }

    const NODES: [&str; 8] = ["w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7"];

    #[test]
    fn without_nodes_nobody_serves() {
        assert_eq!(pick("k", std::iter::empty()), None);
    }

    #[test]
    fn the_order_of_the_nodes_does_not_matter() {
        let mut reversed = NODES;
        reversed.reverse();

        assert!(keys().all(|key| serves(&key, &NODES) == serves(&key, &reversed)));
    }

    #[test]
    fn a_node_that_leaves_moves_only_its_own_keys() {
        let without: Vec<&str> = NODES.iter().copied().filter(|node| *node != "w3").collect();

        for key in keys() {
            let before = serves(&key, &NODES);
            let after = serves(&key, &without);
            assert!(before == after || before == "w3", "{key} moved from {before} to {after}");
        }
    }

    #[test]
    fn keys_are_spread_evenly_though_names_differ_by_one_letter() {
        let mut counts = [0; NODES.len()];

        for key in keys() {
            counts[pick(&key, NODES.into_iter()).unwrap()] += 1;
        }

        // 1,250 each; a fair spread has a standard deviation of 33.
        assert!(counts.iter().all(|count| (1_110..=1_390).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_keys_of_a_node_that_left_are_spread_evenly_too() {
        let without: Vec<&str> = NODES.iter().copied().filter(|node| *node != "w3").collect();
        let moved: Vec<String> = keys().filter(|key| serves(key, &NODES) == "w3").collect();

        for node in &without {
            let share = moved.iter().filter(|key| serves(key, &without) == *node).count();
            assert!(share * 10 > moved.len(), "{node} took {share} of {}", moved.len());
        }
    }

    #[test]
    fn the_choice_is_the_same_in_every_version() {
        let chosen: Vec<&str> = ["", "a", "user:1", "user:2", "ключ"].map(|key| serves(key, &NODES)).to_vec();

        assert_eq!(chosen, ["w5", "w0", "w0", "w0", "w4"]);
    }
}
