//! Parts of the order of all values: where in an index the objects are that a condition asks for.

use std::cmp::Ordering;

use super::checked::Trial;
use super::types::Type;
use super::value::{List, Value};

/// A place between two values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    /// Right before or right after this value.
    At(Value, Side),
    /// After all values.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Before,
    After,
}

/// Parts of the order, each from a place to a later one, which do not overlap, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spans(Vec<(Cut, Cut)>);

impl Cut {
    pub(super) fn before(value: Value) -> Self {
        Self::At(value, Side::Before)
    }

    pub(super) fn after(value: Value) -> Self {
        Self::At(value, Side::After)
    }

    pub(super) fn start() -> Self {
        Self::before(Value::Null)
    }

    /// Whether it is before this value.
    fn is_before(&self, value: &Value) -> bool {
        match self {
            Self::At(at, Side::Before) => at <= value,
            Self::At(at, Side::After) => at < value,
            Self::End => false,
        }
    }
}

impl Spans {
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn all() -> Self {
        Self::of(Cut::start(), Cut::End)
    }

    pub(super) fn of(from: Cut, to: Cut) -> Self {
        Self::united(vec![(from, to)])
    }

    fn united(mut parts: Vec<(Cut, Cut)>) -> Self {
        parts.retain(|(from, to)| from < to);
        parts.sort_unstable();
        let mut spans: Vec<(Cut, Cut)> = Vec::with_capacity(parts.len());
        for (from, to) in parts {
            match spans.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(end.clone()),
                _ => spans.push((from, to)),
            }
        }
        Self(spans)
    }

    pub(super) fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        Self::united(self.0)
    }

    /// All that is not in it.
    pub(super) fn inverse(self) -> Self {
        let (mut parts, mut from) = (Vec::with_capacity(self.0.len() + 1), Cut::start());
        for (start, end) in self.0 {
            parts.push((from, start));
            from = end;
        }
        parts.push((from, Cut::End));
        Self::united(parts)
    }

    pub(super) fn and(self, other: Self) -> Self {
        self.inverse().or(other.inverse()).inverse()
    }

    /// All values that there may be of a type, in an index or as keys.
    pub(super) fn of_type(of: Type) -> Self {
        let (some, at) = match of {
            Type::Int | Type::Timestamp(_) => (Value::Int(i64::MIN), 0),
            Type::Float => (Value::Float(f64::NEG_INFINITY), 1),
            Type::String => (Value::from(""), 0),
            Type::List(_) | Type::Set(_) | Type::Map(..) | Type::Document => return Self::all(),
        };
        let line = lines(&some, Side::Before).into_iter().nth(at);
        line.map_or_else(Self::all, |(start, _, end)| Self::of(start, end))
    }

    /// Whether a value is in it.
    pub(super) fn holds(&self, value: &Value) -> bool {
        let at = self.0.partition_point(|(_, to)| to.is_before(value));
        self.0.get(at).is_some_and(|(from, _)| from.is_before(value))
    }

    /// The parts, in their order.
    pub(super) fn parts(&self) -> &[(Cut, Cut)] {
        &self.0
    }

    /// The values that are as a trial asks, of single values; `None` if it asks for something else than their places in
    /// the order.
    pub(super) fn of_trial(trial: &Trial) -> Option<Self> {
        Some(match trial {
            Trial::Equals(value) => Self::equal([value]),
            Trial::OneOf(values) => Self::equal(values),
            Trial::Less(value) => Self::to(value, Side::Before),
            Trial::LessEqual(value) => Self::to(value, Side::After),
            Trial::Greater(value) => Self::from(value, Side::After),
            Trial::GreaterEqual(value) => Self::from(value, Side::Before),
            Trial::Between(least, greatest) => {
                Self::from(least, Side::Before).and(Self::to(greatest, Side::After))
            }
            Trial::Never => Self::none(),
            Trial::Length(_)
            | Trial::LengthFrom(_)
            | Trial::LengthTo(_)
            | Trial::Contains(_)
            | Trial::Matches(_) => return None,
        })
    }

    /// The elements of which a trial asks for one, if that is what it asks for.
    pub(super) fn of_member(trial: &Trial) -> Option<Self> {
        match trial {
            Trial::Contains(element) => Some(Self::equal([element])),
            Trial::Never => Some(Self::none()),
            _ => None,
        }
    }

    /// What equals one of these: of a number, integers and floats do.
    fn equal<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        let equal = |value: &Value| match value {
            Value::Int(_) | Value::Float(_) => {
                Self::from(value, Side::Before).and(Self::to(value, Side::After)).0
            }
            value => vec![(Cut::before(value.clone()), Cut::after(value.clone()))],
        };
        Self::united(values.into_iter().flat_map(equal).collect())
    }

    /// Strings, or numbers, from this place on.
    fn from(value: &Value, side: Side) -> Self {
        Self::united(lines(value, side).into_iter().map(|(_, cut, end)| (cut, end)).collect())
    }

    /// Strings, or numbers, up to this place.
    fn to(value: &Value, side: Side) -> Self {
        Self::united(lines(value, side).into_iter().map(|(start, cut, _)| (start, cut)).collect())
    }
}

/// Where a value stands among the strings, or among the integers and among the floats; each with where they begin and end.
fn lines(value: &Value, side: Side) -> Vec<(Cut, Cut, Cut)> {
    let least = |float: f64| Cut::before(Value::Float(float));
    let ints = |cut| (Cut::before(Value::Int(i64::MIN)), cut, Cut::after(Value::Int(i64::MAX)));
    let floats = |cut| (least(f64::NEG_INFINITY), cut, Cut::after(Value::Float(f64::NAN)));
    match value {
        Value::String(_) => {
            let (start, end) = (Cut::before(Value::from("")), Cut::before(Value::List(List::default())));
            vec![(start, Cut::At(value.clone(), side), end)]
        }
        Value::Int(int) => {
            // The float that is nearest may be on either side of it, and none is between them.
            let near = Value::Float(*int as f64);
            let side_of_near = match near.compare_numbers(value) {
                Some(Ordering::Less) => Side::After,
                Some(Ordering::Greater) => Side::Before,
                _ => side,
            };
            vec![ints(Cut::At(value.clone(), side)), floats(Cut::At(near, side_of_near))]
        }
        Value::Float(float) => vec![ints(among_ints(*float, side)), floats(Cut::At(value.clone(), side))],
        _ => Vec::new(),
    }
}

/// Where a float stands among the integers.
fn among_ints(float: f64, side: Side) -> Cut {
    // It fits, or is brought to the end at which it is; NaN is after all of them.
    let below = Value::Int(float.floor() as i64);
    match Value::Float(float).compare_numbers(&below) {
        Some(Ordering::Less) => Cut::before(below),
        Some(Ordering::Equal) => Cut::At(below, side),
        _ if float.is_nan() => Cut::after(Value::Int(i64::MAX)),
        _ => Cut::after(below),
    }
}
