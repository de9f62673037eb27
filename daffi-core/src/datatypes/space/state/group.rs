//! Writing all objects that match.

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use crate::config::{PAGE_ENTRIES_MAX, SPACE_GROUP_STEPS_MAX};
use crate::datatypes::space::apply::{Applied, apply_checked};
use crate::datatypes::space::checked::CheckedWrite;
use crate::datatypes::space::predicate::Predicate;
use crate::datatypes::space::value::Value;
use crate::datatypes::space::write::Write;
use crate::error::SpaceError;

/// What came of writing a group, in one turn: exactly that, once the call has returned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupWritten {
    /// How many objects matched.
    pub matched: u64,
    /// How many of them were written, or removed.
    pub written: u64,
    /// Those that were not, each as it was before, and why: the first of them.
    pub failures: Vec<(Value, SpaceError)>,
    /// Where to go on, if there may be more.
    pub next: Option<Value>,
}

/// What is to become of an object.
pub(super) type Planned = (Value, Applied);

impl Kept {
    /// What a write makes of the objects after a key that match, as many as one turn takes, and what there is to say of
    /// it. Nothing is changed yet.
    pub(super) fn plan_group(
        &self,
        predicate: &Predicate,
        write: Write,
        after: Option<Value>,
    ) -> Result<(Vec<Planned>, GroupWritten), SpaceError> {
        let test = predicate.checked(&self.schema)?;
        let write = write.checked(&self.schema)?;
        let after = after.map(|key| self.schema.fit_key(key)).transpose()?;
        let (mut planned, mut said) = (Vec::new(), GroupWritten::default());
        let mut matches = self.matches(&test, after.as_ref());
        while (said.matched as usize) < PAGE_ENTRIES_MAX {
            let Some((key, record)) = matches.next() else { break };
            said.matched += 1;
            matches.spend(write.cost());
            match apply_checked(&self.schema, key, Some(record), &write, 0) {
                Ok(applied) => planned.push((key.clone(), applied)),
                Err(error) if said.failures.len() < FAILURES_MAX => said.failures.push((key.clone(), error)),
                Err(_) => {}
            }
        }
        said.written = planned.len() as u64;
        said.next = matches.rest_after();
        Ok((planned, said))
    }

    /// What a write makes of all objects that match.
    ///
    /// # Errors
    /// [`SpaceError`] if it cannot be made of one of them, or there are too many objects for one turn.
    pub(super) fn plan_whole_group(
        &self,
        predicate: &Predicate,
        write: Write,
    ) -> Result<Vec<Planned>, SpaceError> {
        let test = predicate.checked(&self.schema)?;
        let write = write.checked(&self.schema)?;
        // Each of them is looked at, and may be written.
        let steps = self.records.len().saturating_mul(test.size() + write.cost());
        if steps > SPACE_GROUP_STEPS_MAX {
            return Err(SpaceError::TooLarge {
                what: "steps to write a group at once".into(),
                actual: steps as u64,
                limit: SPACE_GROUP_STEPS_MAX as u64,
            });
        }
        let all = self.records.iter().filter(|(key, record)| test.holds(key, record));
        let plan = |(key, record): (&Value, &std::sync::Arc<_>)| {
            apply_checked(&self.schema, key, Some(record), &write, 0).map(|applied| (key.clone(), applied))
        };
        all.map(plan).collect()
    }
}

impl CheckedWrite {
    /// How many steps it takes to apply it, about: one to put the object in its place, which takes as long as several
    /// conditions, and one for each condition and change.
    fn cost(&self) -> usize {
        let conditions: usize = self.conditions.iter().map(|(_, test)| test.size()).sum();
        INSTALLED_STEPS + conditions + self.changes.len()
    }
}

/// Steps that putting an object in its place counts for.
const INSTALLED_STEPS: usize = 8;
/// Failures of a group that are told: who wants to mend them sees what is wrong by these.
const FAILURES_MAX: usize = 16;
