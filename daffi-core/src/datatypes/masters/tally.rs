//! The count of what the masters said.

use crate::error::{DataError, MasterFailure, QuorumError};

/// How many of `masters` are more than half.
pub(crate) fn majority(masters: usize) -> usize {
    masters / 2 + 1
}

/// What the masters said so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    masters: usize,
    agreed: usize,
    refused: usize,
    failures: Vec<MasterFailure>,
}

/// What it comes to, whatever those will say that are still to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A majority agreed.
    Agreed,
    /// A majority answered, and too few agreed.
    NotAchieved,
    /// Those that have not failed are no majority.
    Impossible,
}

impl Tally {
    pub(crate) fn of(masters: usize) -> Self {
        Self { masters, ..Self::default() }
    }

    pub(crate) fn agree(&mut self) {
        self.agreed += 1;
    }

    pub(crate) fn refuse(&mut self) {
        self.refused += 1;
    }

    pub(crate) fn fail(&mut self, master: &str, error: DataError) {
        self.failures.push(MasterFailure::new(master, error));
    }

    /// The verdict, once those that are still to answer cannot change it. Whether too few agree is not said before a
    /// majority has answered: the others might fail.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let needed = majority(self.masters);
        let answered = self.agreed + self.refused;
        let pending = self.masters.saturating_sub(answered + self.failures.len());
        if self.agreed >= needed {
            return Some(Verdict::Agreed);
        }
        if answered + pending < needed {
            return Some(Verdict::Impossible);
        }
        (self.agreed + pending < needed && answered >= needed).then_some(Verdict::NotAchieved)
    }

    /// Whether so many refused that there is no majority, whatever the others say.
    pub(crate) fn is_refused(&self) -> bool {
        self.masters.saturating_sub(self.refused) < majority(self.masters)
    }

    /// What takes all of them.
    pub(crate) fn by_all(self, name: &str) -> Result<(), QuorumError> {
        if self.masters == 0 {
            return Err(self.error(name, true));
        }
        if self.agreed == self.masters {
            return Ok(());
        }
        let (name, done, masters) = (name.to_owned(), self.agreed, self.masters);
        Err(QuorumError::NotByAll { name, done, masters, failures: self.failures })
    }

    /// The error of a verdict that is none of agreement.
    pub(crate) fn error(self, name: &str, is_impossible: bool) -> QuorumError {
        let (name, masters, needed) = (name.to_owned(), self.masters, majority(self.masters));
        if is_impossible {
            return QuorumError::QuorumIsImpossible { name, masters, failures: self.failures };
        }
        let agreed = self.agreed;
        QuorumError::QuorumNotAchieved { name, agreed, needed, masters, failures: self.failures }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::DataError;

    /// What one master says.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Said {
        Yes,
        No,
        Failed,
    }

    fn tally(masters: usize, said: &[Said]) -> Tally {
        let mut tally = Tally::of(masters);
        for said in said {
            match said {
                Said::Yes => tally.agree(),
                Said::No => tally.refuse(),
                Said::Failed => tally.fail("m", DataError::NoNode),
            }
        }
        tally
    }

    #[test]
    fn more_than_half_are_a_majority() {
        assert_eq!([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_minority_that_says_nothing_does_not_hold_up_the_others() {
        use Said::{Failed, No, Yes};

        assert_eq!(tally(5, &[Yes, Yes, Yes]).verdict(), Some(Verdict::Agreed));
        assert_eq!(tally(5, &[No, No, No]).verdict(), Some(Verdict::NotAchieved));
        assert_eq!(tally(5, &[Failed, Failed, Failed]).verdict(), Some(Verdict::Impossible));
        assert_eq!(tally(5, &[Yes, Yes, No, No]).verdict(), None);
        assert_eq!(tally(5, &[Yes, No, Failed, Failed]).verdict(), None);
        assert_eq!(tally(0, &[]).verdict(), Some(Verdict::Impossible));
    }

    #[test]
    fn what_failed_refused_nothing() {
        use Said::{Failed, No, Yes};

        assert!(tally(3, &[Yes, No, No]).is_refused());
        assert!(!tally(3, &[Yes, No, Failed]).is_refused());
        assert!(!tally(5, &[No, No, Yes]).is_refused());
        assert!(tally(2, &[No]).is_refused() && tally(4, &[No, No]).is_refused());
        assert!(!tally(4, &[No, Failed, Failed]).is_refused());
    }

    proptest! {
        /// Whatever the rest says.
        #[test]
        fn a_verdict_stands(
            said in proptest::collection::vec(prop_oneof![Just(Said::Yes), Just(Said::No), Just(Said::Failed)], 1..8),
        ) {
            let masters = said.len();
            let count = |what| said.iter().filter(|said| **said == what).count();
            let needed = majority(masters);
            let expected = if count(Said::Yes) >= needed {
                Verdict::Agreed
            } else if masters - count(Said::Failed) < needed {
                Verdict::Impossible
            } else {
                Verdict::NotAchieved
            };

            for known in 0..=masters {
                if let Some(verdict) = tally(masters, &said[..known]).verdict() {
                    prop_assert_eq!(verdict, expected, "after {} of {:?}", known, said);
                }
            }
            prop_assert_eq!(tally(masters, &said).verdict(), Some(expected));
        }
    }
}
