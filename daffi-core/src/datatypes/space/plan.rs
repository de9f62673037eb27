//! Which way a search goes: what of which index is looked at, so that as few objects as can be are.

use std::cell::Cell;

use super::checked::{Probe, Subject, Test};
use super::spans::Spans;
use crate::config::{SPACE_PLAN_BRANCHES_MAX, SPACE_PLAN_ENTRIES_MAX, SPACE_PLAN_STEPS_MAX};

/// A sorted way through all objects, or some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By their keys.
    Key,
    /// By an index, which is the one of this number.
    Index(usize),
}

/// What stands in an index of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entries {
    /// The value that it has.
    One,
    /// What is at a path, if anything is.
    AtMostOne,
    /// Each of its elements.
    Members,
}

/// The ways that there are.
pub(super) trait Ways {
    /// The way by this part of objects, if there is one.
    fn by(&self, subject: &Subject) -> Option<(Way, Entries)>;

    /// What values there may be in the entries of a way.
    fn domain(&self, way: Way) -> Spans;

    /// How many entries there are in these spans, or `most` if there are as many or more.
    fn count(&self, way: Way, spans: &Spans, most: usize) -> usize;

    /// How many objects there are.
    fn objects(&self) -> usize;
}

/// A part of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) way: Way,
    pub(super) entries: Entries,
    pub(super) spans: Spans,
}

/// What a search looks at: all objects that match are in one of the branches, if not in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) branches: Vec<Branch>,
    /// How many entries that are, or at least so many.
    pub(super) size: usize,
    /// Whether all that is in the branches matches.
    pub(super) is_exact: bool,
}

impl Plan {
    /// Looks at all objects.
    fn scan(ways: &impl Ways) -> Self {
        let branch = Branch { way: Way::Key, entries: Entries::One, spans: Spans::all() };
        Self { branches: vec![branch], size: ways.objects(), is_exact: false }
    }

    /// The best plan for objects in any order.
    pub(super) fn choose(test: &Test, ways: &impl Ways) -> Self {
        let planner = Planner { ways, steps: Cell::new(SPACE_PLAN_STEPS_MAX) };
        let chosen = planner.choose(test, true, SPACE_PLAN_ENTRIES_MAX);
        // To look at all objects takes less than to look up each of them by an index.
        let chosen = chosen.filter(|plan| plan.is_exact || plan.size < ways.objects());
        chosen.unwrap_or_else(|| Self::scan(ways))
    }

    /// The best plan that comes to objects sorted by the entries of a way, of which each object has one.
    pub(super) fn sorted(test: &Test, way: Way, ways: &impl Ways) -> Self {
        let planner = Planner { ways, steps: Cell::new(SPACE_PLAN_STEPS_MAX) };
        let gathered = planner.gather(test, true);
        let bound = gathered.bounds.into_iter().find(|branch| branch.way == way);
        let branch = bound.unwrap_or(Branch { way, entries: Entries::One, spans: Spans::all() });
        let size = ways.count(way, &branch.spans, SPACE_PLAN_ENTRIES_MAX);
        Self { branches: vec![branch], size, is_exact: false }
    }

    /// Whether there may be more than `size`.
    pub(super) fn is_open(&self) -> bool {
        self.size >= SPACE_PLAN_ENTRIES_MAX && !self.is_scan()
    }

    /// Whether all objects are looked at.
    pub(super) fn is_scan(&self) -> bool {
        matches!(&self.branches[..], [only] if only.way == Way::Key && only.is_whole())
    }
}

impl Branch {
    /// Whether it leads to all objects.
    pub(super) fn is_whole(&self) -> bool {
        self.spans == Spans::all()
    }
}

struct Planner<'a, W> {
    ways: &'a W,
    /// How many entries may still be counted.
    steps: Cell<usize>,
}

/// What all holds at once, taken apart.
struct Gathered<'a> {
    /// What is known of where objects are, for each way once.
    bounds: Vec<Branch>,
    /// The rest, and whether it is to hold.
    rest: Vec<(&'a Test, bool)>,
    /// Whether bounds say it all, but for the rest.
    is_exact: bool,
}

impl<W: Ways> Planner<'_, W> {
    /// The plan for what holds, or does not, that looks at least; of those with `most` entries or more any. `None` if
    /// there is no better one than to look at everything.
    fn choose(&self, test: &Test, holds: bool, most: usize) -> Option<Plan> {
        match (test, holds) {
            (Test::Any(parts), true) | (Test::All(parts), false) => self.either(parts, holds, most),
            _ => self.both(self.gather(test, holds), most),
        }
    }

    fn either(&self, parts: &[Test], holds: bool, most: usize) -> Option<Plan> {
        let mut all = Plan { branches: Vec::new(), size: 0, is_exact: true };
        for part in parts {
            let plan = self.choose(part, holds, most)?;
            all.size += plan.size;
            all.is_exact &= plan.is_exact;
            for branch in plan.branches {
                let same = |known: &&mut Branch| known.way == branch.way && known.entries != Entries::Members;
                match all.branches.iter_mut().find(same) {
                    Some(known) => {
                        known.spans = std::mem::replace(&mut known.spans, Spans::none()).or(branch.spans)
                    }
                    None => all.branches.push(branch),
                }
            }
        }
        (all.branches.len() <= SPACE_PLAN_BRANCHES_MAX).then_some(all)
    }

    fn both(&self, gathered: Gathered<'_>, most: usize) -> Option<Plan> {
        let Gathered { bounds, rest, is_exact } = gathered;
        let is_exact = is_exact && rest.is_empty() && bounds.len() == 1;
        let mut best: Option<Plan> = None;
        for branch in bounds {
            let most = best.as_ref().map_or(most, |best| best.size);
            let size = self.count(&branch, most);
            if best.as_ref().is_none_or(|best| size < best.size) {
                let branches = if size == 0 { Vec::new() } else { vec![branch] };
                best = Some(Plan { branches, size, is_exact });
            }
        }
        for (test, holds) in rest {
            let most = best.as_ref().map_or(most, |best| best.size);
            let plan = self.choose(test, holds, most);
            if let Some(plan) = plan.filter(|plan| best.as_ref().is_none_or(|best| plan.size < best.size)) {
                best = Some(Plan { is_exact: false, ..plan });
            }
        }
        best
    }

    fn count(&self, branch: &Branch, most: usize) -> usize {
        let left = self.steps.get();
        // What is not counted counts as much.
        let size = if left == 0 { most } else { self.ways.count(branch.way, &branch.spans, most) };
        self.steps.set(left.saturating_sub(size + branch.spans.parts().len()));
        size
    }

    fn gather<'t>(&self, test: &'t Test, holds: bool) -> Gathered<'t> {
        let mut gathered = Gathered { bounds: Vec::new(), rest: Vec::new(), is_exact: true };
        self.gather_into(&mut gathered, test, holds);
        gathered
    }

    fn gather_into<'t>(&self, gathered: &mut Gathered<'t>, test: &'t Test, holds: bool) {
        match (test, holds) {
            (Test::All(parts), true) | (Test::Any(parts), false) => {
                parts.iter().for_each(|part| self.gather_into(gathered, part, holds));
            }
            (Test::Not(inner), _) => self.gather_into(gathered, inner, !holds),
            (Test::Any(_), true) | (Test::All(_), false) => gathered.rest.push((test, holds)),
            (Test::Is(probe), _) => match self.bound(probe, holds) {
                Some(bound) => gathered.add(bound),
                None => gathered.is_exact = false,
            },
        }
    }

    /// Where the objects are of which a condition holds, or does not.
    fn bound(&self, probe: &Probe, holds: bool) -> Option<Branch> {
        let (way, entries) = self.ways.by(&probe.subject)?;
        let spans = match entries {
            Entries::Members => Spans::of_member(&probe.trial),
            Entries::One | Entries::AtMostOne => Spans::of_trial(&probe.trial),
        };
        let spans = spans.filter(|_| holds || entries == Entries::One)?;
        let spans = if holds { spans } else { spans.inverse() };
        Some(Branch { way, entries, spans: spans.and(self.ways.domain(way)) })
    }
}

impl Gathered<'_> {
    fn add(&mut self, bound: Branch) {
        let known = self.bounds.iter_mut().find(|known| known.way == bound.way);
        match known.filter(|_| bound.entries != Entries::Members) {
            Some(known) => known.spans = std::mem::replace(&mut known.spans, Spans::none()).and(bound.spans),
            None => self.bounds.push(bound),
        }
    }
}
