//! Arguments of the methods of spaces: of few schemas, so that much is written to each.

use fastrand::Rng;

use crate::datatypes::space::{
    Action, Alteration, Check, Order, Predicate, Present, Query, Returning, Schema, Type, Value, Wanted,
    Write,
};
use crate::{obj, wire};

const SCHEMAS: &[&str] = &[
    "space s key k attributes i, int n, float f, list(string) l, set(int) s, map(string, int) m, document d index n",
    "space s key int k attributes int n, set(string) s, map(int, string) m, document d subspace n index d.a",
    "space s key k with authorization",
    "space s key k",
];

const NAMES: &[&str] = &["i", "n", "f", "l", "s", "m", "d", "d.a", "d.a[0]", "d.b.c", "x", "k", "new"];

/// An argument of this type, if it is one of theirs.
pub(super) fn argument(random: &mut Rng, ty: &str) -> Option<Vec<u8>> {
    let bytes = match ty {
        "SpaceValue" => wire::encode(&key(random)),
        "Schema" => wire::encode(&schema(random)),
        "Write" => wire::encode(&write(random)),
        "Predicate" => wire::encode(&predicate(random, 2)),
        "Alteration" => wire::encode(&alteration(random)),
        "Query" => wire::encode(&query(random)),
        _ => return None,
    };
    Some(bytes.expect("it encodes"))
}

fn pick<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

fn name(random: &mut Rng) -> String {
    pick(random, NAMES).to_owned()
}

fn query(random: &mut Rng) -> Query {
    let before = (random.u32(..4) == 0).then(|| (value(random, 0), key(random)));
    let order = Order { by: name(random), is_descending: random.bool(), before };
    let wanted = match random.u32(..4) {
        0 => Wanted::Count,
        1 => Wanted::Attributes(vec![name(random)]),
        _ => Wanted::Objects,
    };
    Query { predicate: predicate(random, 2), order: random.bool().then_some(order), wanted }
}

fn schema(random: &mut Rng) -> Schema {
    // Mostly the first two: the others have little to be written.
    let at = random.usize(..8).saturating_sub(4);
    SCHEMAS[if at == 0 { random.usize(..2) } else { at.min(3) }].parse().expect("a description")
}

fn key(random: &mut Rng) -> Value {
    match random.u32(..4) {
        0 => Value::Int(random.i64(-2..2)),
        _ => Value::from(random.u32(..3).to_string()),
    }
}

fn value(random: &mut Rng, depth: u32) -> Value {
    match random.u32(..if depth == 0 { 5 } else { 9 }) {
        0 => Value::Int(random.i64(-3..20)),
        1 => Value::Int(pick(random, &[i64::MAX, i64::MIN, 0])),
        2 => Value::Float(pick(random, &[0.5, -1.5, -0.0, 3.0, f64::NAN, f64::INFINITY])),
        3 => Value::from(pick(random, &["", "a", "b", "12"])),
        4 => Value::Bool(random.bool()),
        5 => (0..random.u32(..4)).map(|_| value(random, depth - 1)).collect::<Vec<_>>().into(),
        6 => obj! { a: value(random, depth - 1), "1": value(random, 0) }.into(),
        7 => obj! { a: [value(random, 0)], b: obj! { c: random.i64(..3) } }.into(),
        _ => Value::Null,
    }
}

fn predicate(random: &mut Rng, depth: u32) -> Predicate {
    let several = |random: &mut Rng| (0..random.u32(..3)).map(|_| predicate(random, depth - 1)).collect();
    match random.u32(..if depth == 0 { 6 } else { 10 }) {
        6 => Predicate::All(several(random)),
        7 => Predicate::Any(several(random)),
        8 => !predicate(random, depth - 1),
        9 => Predicate::always(),
        _ => Predicate::is(name(random), check(random)),
    }
}

fn check(random: &mut Rng) -> Check {
    match random.u32(..9) {
        0 => Check::Equals(value(random, 1)),
        1 => Check::Less(value(random, 0)),
        2 => Check::GreaterEqual(value(random, 0)),
        3 => Check::Between(value(random, 0), value(random, 0)),
        4 => Check::OneOf(vec![value(random, 0), value(random, 1)]),
        5 => Check::LengthLessEqual(random.u64(..3)),
        6 => Check::LengthGreaterEqual(random.u64(..3)),
        7 => Check::Contains(value(random, 0)),
        _ => Check::Matches(pick(random, &["^a", "b*$", ".", "*"]).into()),
    }
}

fn action(random: &mut Rng) -> Action {
    match random.u32(..24) {
        0..6 => Action::Set(value(random, 2)),
        6 => Action::Add(value(random, 0)),
        7 => Action::Sub(value(random, 0)),
        8 => Action::Mul(value(random, 0)),
        9 => Action::Div(value(random, 0)),
        10 => Action::Append(value(random, 0)),
        11 => Action::TrimLeft(random.u64(..3)),
        12 => Action::PushLeft(value(random, 0)),
        13 => Action::PushRight(value(random, 1)),
        14 => {
            if random.bool() {
                Action::PopLeft
            } else {
                Action::PopRight
            }
        }
        15 => Action::Keep { from: random.i64(-3..3), to: random.i64(-3..5) },
        16 => Action::SetAt { at: random.i64(-2..2), value: value(random, 0) },
        17 => Action::Insert(value(random, 0)),
        18 => Action::Remove(value(random, 0)),
        19 => Action::Union(value(random, 1)),
        20 => Action::Merge(value(random, 1)),
        21 => Action::Element { key: value(random, 0), action: Box::new(Action::Add(value(random, 0))) },
        22 => Action::Rename(pick(random, &["a", "b.c", "[0]"]).into()),
        _ => Action::Unset,
    }
}

fn write(random: &mut Rng) -> Write {
    let mut write = if random.bool() { Write::new().or_create() } else { Write::new() };
    for _ in 0..random.u32(..3) {
        write = write.change(name(random), action(random));
    }
    if random.u32(..3) == 0 {
        write = write.when(predicate(random, 1));
    }
    write.erase = random.u32(..8) == 0;
    if random.u32(..8) == 0 {
        write.present = Present::Fail;
    }
    write.returning = pick(
        random,
        &[Returning::nothing as fn() -> Returning, Returning::before, Returning::after, Returning::results],
    )();
    write
}

fn alteration(random: &mut Rng) -> Alteration {
    match random.u32(..5) {
        0 => {
            let of = pick(random, &[Type::Int, Type::String, Type::Document]);
            Alteration::Add { name: name(random), of }
        }
        1 => Alteration::Drop(name(random)),
        2 => Alteration::Rename { from: name(random), to: name(random) },
        3 => Alteration::AddIndex(name(random)),
        _ => Alteration::DropIndex(name(random)),
    }
}
