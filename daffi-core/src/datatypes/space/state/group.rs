//! Writing all objects that match.

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use super::walk::{Look, Place};
use crate::config::{PAGE_ENTRIES_MAX, SPACE_GROUP_STEPS_MAX, SPACE_TURN_STEPS};
use crate::datatypes::space::apply::{Applied, apply_checked};
use crate::datatypes::space::checked::CheckedWrite;
use crate::datatypes::space::plan::Plan;
use crate::datatypes::space::predicate::Predicate;
use crate::datatypes::space::value::Value;
use crate::datatypes::space::write::{Action, Write};
use crate::error::SpaceError;

/// What came of writing a group: exactly that, once the call has returned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupWritten {
    /// How many objects matched.
    pub matched: u64,
    /// How many of them were written, or removed.
    pub written: u64,
    /// Those that were not, each as it was before, and why: the first of them.
    pub failures: Vec<(Value, SpaceError)>,
    /// Where to go on, if there may be more: the number of the search that leads to the objects, and how far it has come.
    pub next: Option<(u64, Place)>,
}

impl GroupWritten {
    /// This, and what came of the next objects.
    pub(in crate::datatypes::space) fn and(mut self, more: Self) -> Self {
        let room = FAILURES_MAX.saturating_sub(self.failures.len());
        self.failures.extend(more.failures.into_iter().take(room));
        let (matched, written) = (self.matched + more.matched, self.written + more.written);
        Self { matched, written, failures: self.failures, next: more.next }
    }
}

/// What is to become of an object.
pub(super) type Planned = (Value, Applied);

impl Kept {
    /// What a write makes of the objects after a place that matched when the search began and still do, as many as one
    /// turn takes; what there is to say of it; and the next place. Nothing is changed yet.
    pub(super) fn plan_group(
        &self,
        look: Look<'_>,
        predicate: &Predicate,
        write: Write,
        after: Option<Place>,
    ) -> Result<(Vec<Planned>, GroupWritten, Option<Place>), SpaceError> {
        let (test, tested) = (predicate.checked(&self.schema)?, predicate.checked(look.schema)?);
        let write = write.checked(&self.schema)?;
        let after = after.map(|place| place.fitted(look.schema)).transpose()?;
        let plan = Plan::choose(&tested, &look);
        let mut walk = look.walk(&plan, &tested, after.as_ref(), false, SPACE_TURN_STEPS);
        let (mut planned, mut said) = (Vec::new(), GroupWritten::default());
        while (said.matched as usize) < PAGE_ENTRIES_MAX {
            let Some((key, _)) = walk.next() else { break };
            let record = self.records.get(key).filter(|record| test.holds(key, record));
            let Some(record) = record else { continue };
            said.matched += 1;
            walk.spend(write.cost());
            match apply_checked(&self.schema, key, Some(record), &write, 0) {
                Ok(applied) => planned.push((key.clone(), applied)),
                Err(error) if said.failures.len() < FAILURES_MAX => said.failures.push((key.clone(), error)),
                Err(_) => {}
            }
        }
        said.written = planned.len() as u64;
        Ok((planned, said, walk.place()))
    }

    /// What a write makes of all objects that match.
    ///
    /// # Errors
    /// [`SpaceError`] if it cannot be made of one of them, or it takes too long for one turn.
    pub(super) fn plan_whole_group(
        &self,
        predicate: &Predicate,
        write: Write,
    ) -> Result<Vec<Planned>, SpaceError> {
        let test = predicate.checked(&self.schema)?;
        let write = write.checked(&self.schema)?;
        let look = self.look();
        let plan = Plan::choose(&test, &look);
        // So many are looked at, whatever comes of it.
        let steps = plan.size.saturating_mul(test.size());
        if steps > SPACE_GROUP_STEPS_MAX {
            return Err(too_long(steps));
        }
        let mut walk = look.walk(&plan, &test, None, false, SPACE_GROUP_STEPS_MAX);
        let mut planned = Vec::new();
        while let Some((key, record)) = walk.next() {
            walk.spend(write.cost());
            planned.push((key.clone(), apply_checked(&self.schema, key, Some(record), &write, 0)?));
        }
        match walk.place() {
            None => Ok(planned),
            Some(_) => Err(too_long(SPACE_GROUP_STEPS_MAX + 1)),
        }
    }
}

fn too_long(steps: usize) -> SpaceError {
    SpaceError::TooLarge {
        what: "steps, or more, to write a group at once".into(),
        actual: steps as u64,
        limit: SPACE_GROUP_STEPS_MAX as u64,
    }
}

impl CheckedWrite {
    /// How many steps it takes to apply it, about: one to put the object in its place, which takes as long as several
    /// conditions, and one for each condition and change, and for each element that one adds or leaves.
    fn cost(&self) -> usize {
        let conditions: usize = self.conditions.iter().map(|(_, test)| test.size()).sum();
        let elements = |action: &Action| match action {
            Action::Union(value) | Action::Intersect(value) | Action::Merge(value) => {
                value.length().unwrap_or_default()
            }
            _ => 0,
        };
        let changes: usize = self.changes.iter().map(|change| 1 + elements(&change.action)).sum();
        INSTALLED_STEPS + conditions + changes
    }
}

/// Steps that putting an object in its place counts for.
const INSTALLED_STEPS: usize = 8;
/// Failures of a group that are told: who wants to mend them sees what is wrong by these.
const FAILURES_MAX: usize = 16;
