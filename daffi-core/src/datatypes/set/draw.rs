//! Numbers drawn from a seed.

use std::collections::BTreeSet;

/// Numbers drawn from a seed by SplitMix64. They are the same in every version and on every machine: a log that is
/// replayed must draw what was drawn.
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the numbers below `bound`, which is more than 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * bound as u128) >> 64) as usize
    }

    /// `count` different numbers below `bound`, which is no less: each choice as likely as any other. Floyd's way, which
    /// takes no longer where there are many to choose from.
    pub(super) fn different(&mut self, count: usize, bound: usize) -> BTreeSet<usize> {
        let mut drawn = BTreeSet::new();
        for last in bound - count..bound {
            let number = self.below(last + 1);
            if !drawn.insert(number) {
                drawn.insert(last);
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_seed_draws_never_changes() {
        let mut draw = Draw::new(42);
        let drawn: Vec<usize> = (0..8).map(|_| draw.below(1_000)).collect();

        assert_eq!(drawn, [741, 159, 278, 344, 38, 868, 218, 800]);
    }

    #[test]
    fn each_choice_is_about_as_likely_as_any_other() {
        let mut counts = [0; 10];
        for seed in 0..6_000 {
            let drawn = Draw::new(seed).different(3, 10);
            assert_eq!(drawn.len(), 3);
            drawn.into_iter().for_each(|number| counts[number] += 1);
        }

        // 1,800 each; the seeds are always the same, so this holds or it does not.
        assert!(counts.iter().all(|count| (1_650..1_950).contains(count)), "{counts:?}");
    }
}
