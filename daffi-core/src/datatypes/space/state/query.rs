//! Searches: of what there is, or of what there was when they began.

use serde::{Deserialize, Serialize};

use super::walk::{Look, Place};
use crate::config::{PAGE_BYTES, PAGE_ENTRIES_MAX, SPACE_TURN_STEPS};
use crate::datatypes::space::checked::{Subject, Test, check_only};
use crate::datatypes::space::fields::Fields;
use crate::datatypes::space::plan::{Branch, Entries, Plan, Way, Ways};
use crate::datatypes::space::predicate::Predicate;
use crate::datatypes::space::record::Record;
use crate::datatypes::space::schema::Schema;
use crate::datatypes::space::types::Type;
use crate::datatypes::space::value::Value;
use crate::error::SpaceError;

/// What is looked for, and how it is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// What is asked of objects.
    pub predicate: Predicate,
    /// In which order they come; in none if it is not said.
    #[serde(default)]
    pub order: Option<Order>,
    /// What comes of them.
    #[serde(default)]
    pub wanted: Wanted,
}

/// The order of what is found: by an attribute, and where that is equal by the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The attribute, or the key.
    pub by: String,
    /// Whether the greatest comes first, and of equals the one with the greatest key.
    #[serde(default)]
    pub is_descending: bool,
    /// Only what comes before an object with this value and this key.
    #[serde(default)]
    pub before: Option<(Value, Value)>,
}

/// What comes of the objects that are found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// All of them.
    #[default]
    Objects,
    /// Only these attributes, and the keys.
    Attributes(Vec<String>),
    /// Only how many they are.
    Count,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its key.
    pub key: Value,
    /// Its version: it grows by one with each write.
    pub version: u64,
    /// Its attributes.
    pub fields: Fields,
}

/// What one turn of a search has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryPage {
    /// How many objects.
    pub count: u64,
    /// The objects, unless only their number is wanted. There may be none although more follow.
    pub objects: Vec<Found>,
    /// Whether they come in the order that is wanted, with all that are before them before.
    pub is_sorted: bool,
    /// What each of them is to be sorted by, if they do not come so.
    pub values: Vec<Value>,
    /// Where to go on, if there may be more.
    pub next: Option<Place>,
}

/// What a search would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchPlan {
    /// What it would go through, one after the other; nothing if no object can match.
    pub through: Vec<Through>,
    /// How many entries of that it would look at.
    pub looked_at: u64,
    /// Whether there may be more of them, which were not counted.
    pub is_at_least: bool,
    /// How many objects there are.
    pub objects: u64,
    /// Whether what it goes through is all that matches, so that nothing else is asked of the objects.
    pub is_exact: bool,
    /// Whether objects come in the order that is wanted, and need not be sorted.
    pub is_sorted: bool,
    /// All that in words.
    pub words: String,
}

/// What a search goes through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Through {
    /// All objects.
    All,
    /// Objects by their keys: so many parts of all keys.
    Keys(u64),
    /// So many parts of the index of this attribute, or path.
    Index(String, u64),
}

/// A query that fits its schema, with what it goes through.
pub(super) struct Planned {
    test: Test,
    plan: Plan,
    order: Option<PlannedOrder>,
    wanted: Wanted,
}

struct PlannedOrder {
    subject: Subject,
    is_descending: bool,
    /// Whether the plan comes to objects in this order.
    is_given: bool,
    before: Option<(Value, Value)>,
}

impl Query {
    /// Checks that it fits a schema.
    pub(in crate::datatypes::space) fn check(&self, schema: &Schema) -> Result<(), SpaceError> {
        self.predicate.check(schema)?;
        self.wanted.check(schema)?;
        self.order.as_ref().map_or(Ok(()), |order| order.subject(schema).map(drop))
    }
}

impl Wanted {
    fn check(&self, schema: &Schema) -> Result<(), SpaceError> {
        match self {
            Self::Attributes(only) => check_only(schema, Some(only)),
            Self::Objects | Self::Count => Ok(()),
        }
    }
}

impl Order {
    /// What it is by.
    fn subject(&self, schema: &Schema) -> Result<(Subject, Type), SpaceError> {
        let (subject, of) = Subject::named(&self.by, schema)?;
        if of.is_ordered() {
            return Ok((subject, of));
        }
        let expected = "an attribute that has an order".to_owned();
        Err(SpaceError::WrongType { attribute: self.by.clone(), expected, found: format!("a {of}") })
    }
}

impl Look<'_> {
    pub(super) fn plan(self, query: Query) -> Result<Planned, SpaceError> {
        let Query { predicate, order, wanted } = query;
        let test = predicate.checked(self.schema)?;
        wanted.check(self.schema)?;
        let mut plan = Plan::choose(&test, &self);
        let mut order = order.map(|order| PlannedOrder::of(order, self.schema)).transpose()?;
        if let Some(order) = order.as_mut() {
            let way = self.by(&order.subject).filter(|(_, entries)| *entries == Entries::One);
            // What is few is sorted sooner than it is picked out of all.
            let is_few = !plan.is_open() && !plan.is_scan();
            if let Some((way, _)) = way.filter(|_| !is_few) {
                (plan, order.is_given) = (Plan::sorted(&test, way, &self), true);
            }
        }
        Ok(Planned { test, plan, order, wanted })
    }

    /// What one turn finds, after a place or from the beginning.
    pub(super) fn page(
        self,
        planned: &Planned,
        after: Option<Place>,
        limit: u64,
    ) -> Result<QueryPage, SpaceError> {
        let Planned { test, plan, order, wanted } = planned;
        let after = after.map(|place| place.fitted(self.schema)).transpose()?;
        let given = order.as_ref().filter(|order| order.is_given);
        let sorted = order.as_ref().filter(|order| !order.is_given);
        let is_backward = given.is_some_and(|given| given.is_descending);
        let mut walk = self.walk(plan, test, after.as_ref(), is_backward, SPACE_TURN_STEPS);
        let mut page = QueryPage {
            count: 0,
            objects: Vec::new(),
            is_sorted: sorted.is_none(),
            values: Vec::new(),
            next: None,
        };
        if *wanted == Wanted::Count && test.is_always() {
            page.count = self.records.len() as u64;
            return Ok(page);
        }
        if *wanted == Wanted::Count {
            page.count = walk.by_ref().count() as u64;
            page.next = walk.place();
            return Ok(page);
        }
        let only = match wanted {
            Wanted::Attributes(only) => Some(&only[..]),
            Wanted::Objects | Wanted::Count => None,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(PAGE_ENTRIES_MAX);
        let mut bytes = 0;
        while page.objects.len() < limit && bytes < PAGE_BYTES {
            let Some((key, record)) = walk.next() else { break };
            if order.as_ref().is_some_and(|order| !order.is_before(key, record)) {
                continue;
            }
            let found = Found {
                key: key.clone(),
                version: record.version(),
                fields: record.fields(self.schema, only)?,
            };
            bytes += found.fields.bytes() + key.bytes();
            page.values.extend(sorted.and_then(|order| order.subject.of(key, record)).cloned());
            page.objects.push(found);
        }
        page.count = page.objects.len() as u64;
        page.next = walk.place();
        Ok(page)
    }

    pub(super) fn describe(self, query: Query) -> Result<SearchPlan, SpaceError> {
        let predicate = query.predicate.to_string();
        let Planned { plan, order, .. } = self.plan(query)?;
        let mut described = SearchPlan {
            through: plan.branches.iter().map(|branch| self.through(branch)).collect(),
            looked_at: plan.size as u64,
            is_at_least: plan.is_open(),
            objects: self.records.len() as u64,
            is_exact: plan.is_exact,
            is_sorted: order.as_ref().is_none_or(|order| order.is_given),
            words: String::new(),
        };
        described.words = described.in_words(&predicate);
        Ok(described)
    }

    fn through(self, branch: &Branch) -> Through {
        let parts = branch.spans.parts().len() as u64;
        match branch.way {
            Way::Key if branch.is_whole() => Through::All,
            Way::Key => Through::Keys(parts),
            Way::Index(at) => Through::Index(self.indices.all()[at].path().to_owned(), parts),
        }
    }
}

impl PlannedOrder {
    fn of(order: Order, schema: &Schema) -> Result<Self, SpaceError> {
        let (subject, of) = order.subject(schema)?;
        let Order { by, is_descending, before } = order;
        let before =
            before.map(|(value, key)| Ok((of.fit(&by, value)?, schema.fit_key(key)?))).transpose()?;
        Ok(Self { subject, is_descending, is_given: false, before })
    }

    /// Whether an object comes before the one up to which it goes.
    fn is_before(&self, key: &Value, record: &Record) -> bool {
        let Some((value, bound)) = &self.before else { return true };
        let this = self.subject.of(key, record).map(|value| (value, key));
        this.is_some_and(
            |this| if self.is_descending { this > (value, bound) } else { this < (value, bound) },
        )
    }
}

impl SearchPlan {
    fn in_words(&self, predicate: &str) -> String {
        let part = |through: &Through| match through {
            Through::All => "all objects".to_owned(),
            Through::Keys(parts) => format!("{} of the keys", several(*parts)),
            Through::Index(path, parts) => format!("{} of the index of `{path}`", several(*parts)),
        };
        let parts: Vec<String> = self.through.iter().map(part).collect();
        if parts.is_empty() {
            return format!("looks at nothing: no object can be as asked ({predicate})");
        }
        let least = if self.is_at_least { "at least " } else { "" };
        let test = if self.is_exact { "takes each of them" } else { "tries each of them for" };
        let sorted = if self.is_sorted { "" } else { ", and sorts what it finds" };
        let (looked_at, objects) = (self.looked_at, self.objects);
        let through = parts.join(", then ");
        format!("goes through {through}: {least}{looked_at} of {objects}; {test} ({predicate}){sorted}")
    }
}

fn several(parts: u64) -> String {
    if parts == 1 { "one part".into() } else { format!("{parts} parts") }
}
