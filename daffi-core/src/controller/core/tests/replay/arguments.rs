//! Arguments of any method, made from what its signature says of them.

use super::spaces;
use crate::datatypes::{BloomParameters, HllSketch};
use crate::hosted::{Key, Value};
use crate::wire;

/// Types of parameters that are structs, with their fields.
const STRUCTS: &[(&str, &[(&str, &str)])] = &[
    ("Claim", &[("owner", "String"), ("ticket", "u64"), ("lease_ms", "Option<u64>")]),
    ("Duration", &[("secs", "u32"), ("nanos", "Nanos")]),
    ("Place", &[("branch", "Branch"), ("value", "Option<SpaceValue>"), ("key", "SpaceValue")]),
    ("PqEntry", &[("priority", "i64"), ("is_vip", "bool"), ("stamp", "Stamp")]),
    (
        "QueueSettings",
        &[
            ("length_max", "Option<u64>"),
            ("when_full", "WhenFull"),
            ("deliveries_max", "Option<u32>"),
            ("lease", "Duration"),
            ("ttl", "Option<Duration>"),
            ("once_for", "Duration"),
        ],
    ),
    ("Rate", &[("count", "u64"), ("per_ms", "u64"), ("burst", "u64")]),
    ("RedlockClaim", &[("grant", "(u64, u64)"), ("owner", "String"), ("lease_ms", "u64")]),
    ("Slice", &[("start", "Option<i64>"), ("stop", "Option<i64>"), ("step", "Option<i64>")]),
    ("Stamp", &[("command", "u64"), ("index", "u32")]),
];

/// Types that travel as another.
const SAME: &[(&str, &str)] = &[("Others", "Vec<Object>"), ("Receipt", "Stamp")];

/// Enums without fields.
const ENUMS: &[(&str, &[&str])] = &[
    ("Combination", &["Union", "Intersection", "Difference", "SymmetricDifference"]),
    ("Relation", &["Subset", "Superset", "Disjoint", "Equal"]),
    ("SortOrder", &["Ascending", "Descending"]),
    ("Tally", &["Sum", "Difference", "Union", "Intersection"]),
    ("WhenFull", &["Wait", "Refuse", "Discard"]),
];

/// A source of arguments: what it makes follows from its seed and the numbers that it was shown.
pub(super) struct Arguments {
    random: fastrand::Rng,
    /// Numbers that methods returned of late: tokens, tickets and the like.
    shown: Vec<u64>,
}

impl Arguments {
    pub(super) fn new(seed: u64, shown: &[u64]) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), shown: shown.to_vec() }
    }

    /// The arguments of a call about `object`.
    ///
    /// # Panics
    /// If a parameter has a type that it knows nothing of: it is to be told.
    pub(super) fn body(&mut self, method: &str, object: &str, parameters: &[(&str, &str)]) -> Vec<u8> {
        let mut out = list_head(parameters.len() + 1);
        put(&mut out, object);
        for (name, ty) in parameters {
            self.argument(&mut out, name, ty).unwrap_or_else(|ty| {
                panic!("`{method}` takes a `{ty}`, of which the tables above know nothing: say what it is made of")
            });
        }
        out
    }

    /// Appends a value of this type, or says which type is not known.
    fn argument(&mut self, out: &mut Vec<u8>, name: &str, ty: &str) -> Result<(), String> {
        let ty = ty.trim();
        match ty {
            "u64" | "usize" => put(out, &self.natural(name)),
            "Branch" => put(out, &self.random.u32(..3)),
            "u32" | "Nanos" => put(out, &self.random.u32(..60)),
            "i64" | "i32" => put(out, &self.random.i64(-3..60)),
            "f64" => put(out, &(f64::from(self.random.i32(-4..40)) / 4.0)),
            "bool" => put(out, &self.random.bool()),
            "String" | "&str" => put(out, ["a", "b", "node", ""][self.random.usize(..4)]),
            // Another object of the kind, or the same.
            "Object" => put(out, ["one", "two", "none"][self.random.usize(..3)]),
            "Key" => put(out, &self.key()),
            "Value" => put(out, &self.value()),
            "HllSketch" => put(out, &self.sketch()),
            "BloomParameters" => put(out, &self.parameters()),
            _ => return self.composed(out, name, ty),
        }
        Ok(())
    }

    fn composed(&mut self, out: &mut Vec<u8>, name: &str, ty: &str) -> Result<(), String> {
        let inside = |outer: &str| ty.strip_prefix(outer).and_then(|rest| rest.strip_suffix('>'));
        if let Some(inner) = inside("Option<") {
            if self.random.bool() {
                return self.argument(out, name, inner);
            }
            put(out, &());
            return Ok(());
        }
        if let Some(inner) = inside("Vec<") {
            let length = self.random.usize(..4);
            out.extend(list_head(length));
            return (0..length).try_for_each(|_| self.argument(out, name, inner));
        }
        if let Some(inner) = inside("BTreeMap<") {
            let length = self.random.usize(..4);
            out.push(0x80 | length as u8);
            let parts = split(inner);
            let pairs = std::iter::repeat_n(parts, length).flatten();
            return pairs.into_iter().try_for_each(|part| self.argument(out, name, part));
        }
        if let Some(inner) = ty.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            let parts = split(inner);
            out.extend(list_head(parts.len()));
            return parts.into_iter().try_for_each(|part| self.argument(out, name, part));
        }
        if let Some((_, names)) = ENUMS.iter().find(|(known, _)| *known == ty) {
            put(out, names[self.random.usize(..names.len())]);
            return Ok(());
        }
        if let Some((_, other)) = SAME.iter().find(|(known, _)| *known == ty) {
            return self.argument(out, name, other);
        }
        if let Some(bytes) = spaces::argument(&mut self.random, ty) {
            out.extend(bytes);
            return Ok(());
        }
        let (_, fields) = STRUCTS.iter().find(|(known, _)| *known == ty).ok_or_else(|| ty.to_owned())?;
        out.push(0x80 | fields.len() as u8);
        fields.iter().try_for_each(|(field, ty)| {
            put(out, field);
            self.argument(out, field, ty)
        })
    }

    /// A number that fits its name: a short time, a small count, a token that is good as often as not.
    fn natural(&mut self, name: &str) -> u64 {
        match self.random.u32(..16) {
            _ if name.ends_with("_ms") => self.random.u64(..60),
            0 => u64::MAX,
            1 => 1_000,
            2..8 => self.random.choice(&self.shown).copied().unwrap_or(1),
            _ => self.random.u64(..6),
        }
    }

    fn sketch(&mut self) -> HllSketch {
        let mut sketch = HllSketch::default();
        for _ in 0..self.random.u32(..4) {
            sketch.insert(&self.random.u8(..)).expect("a number can be hashed");
        }
        sketch
    }

    /// Those of one of two filters, so that they fit as often as not.
    fn parameters(&mut self) -> BloomParameters {
        let elements = if self.random.bool() { 10 } else { 20 };
        BloomParameters::new(elements, 0.01).expect("a small filter")
    }

    fn key(&mut self) -> Key {
        let key = match self.random.u32(..8) {
            0 => Key::of(&"k"),
            1 => Key::of(&(1, "k")),
            number => Key::of(&number),
        };
        key.expect("it is one")
    }

    fn value(&mut self) -> Value {
        let value = match self.random.u32(..6) {
            0 => Value::of(&()),
            1 => Value::of("a text"),
            2 => Value::of(&vec![7_u8; self.random.usize(..300)]),
            _ => Value::of(&self.random.i64(-3..5)),
        };
        value.expect("it is one")
    }
}

fn put<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    wire::encode_into(out, value).expect("it encodes");
}

fn list_head(length: usize) -> Vec<u8> {
    assert!(length < 16, "a short list");
    vec![0x90 | length as u8]
}

/// The types between commas that stand in no brackets.
fn split(types: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, mark) in types.char_indices() {
        match mark {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&types[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = types[start..].trim();
    parts.extend((!last.is_empty()).then_some(last));
    parts
}

#[test]
fn arguments_are_made_of_any_mixture_of_known_types() {
    let parameters =
        [("all", "Vec<(Key, Option<Value>)>"), ("claim", "Claim"), ("pair", "(u64, Vec<String>)")];

    for seed in 0..50 {
        let body = Arguments::new(seed, &[7]).body("m", "o", &parameters);
        assert_eq!(wire::skip(&body), Ok(body.len()));
    }
}

#[test]
#[should_panic(expected = "takes a `Surprise`")]
fn a_type_that_is_not_known_is_told() {
    Arguments::new(1, &[]).body("m", "o", &[("what", "(u64, Surprise)")]);
}
