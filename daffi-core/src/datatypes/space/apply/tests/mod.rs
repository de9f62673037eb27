mod model;
mod table;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use self::model::Model;
use super::*;
use crate::datatypes::space::{Action, Fields, Predicate, Returning, Type};
use crate::obj;

const TYPES: &[&str] = &[
    "string",
    "int",
    "float",
    "list(int)",
    "list(string)",
    "set(int)",
    "set(string)",
    "set(float)",
    "map(string, int)",
    "map(int, string)",
    "map(string, float)",
    "document",
    "timestamp(day)",
];

/// A schema of these types, of attributes `a0`, `a1` and so on.
fn schema(types: &[Type]) -> Schema {
    let builder = Schema::builder("s").key("k", Type::String);
    let named = types.iter().enumerate();
    named.fold(builder, |builder, (at, of)| builder.attribute(format!("a{at}"), *of)).build().unwrap()
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => (-3..5_i64).prop_map(Value::Int),
        3 => prop::sample::select(vec![i64::MAX, i64::MIN, -1, 0]).prop_map(Value::Int),
        6 => prop::sample::select(vec![0.5, 1.5, -2.0, 4.0]).prop_map(Value::Float),
        12 => "[ab]{0,2}".prop_map(Value::from),
        3 => "[0-3]".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let entries = || prop::collection::btree_map("[ab0-3]", scalar(), 0..4);
    prop_oneof![
        5 => scalar(),
        2 => prop::collection::vec(scalar(), 0..4).prop_map(Value::from),
        1 => prop::collection::vec(0..5_i64, 0..5).prop_map(Value::from),
        1 => prop::collection::vec("[ab]", 0..4).prop_map(Value::from),
        2 => entries().prop_map(Value::from),
        1 => (entries(), prop::collection::vec(scalar(), 1..4)).prop_map(|(a, l)| obj! { a: a, l: l }.into()),
    ]
}

/// What is reckoned with: now and then something large, or no number at all.
fn operand() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (-3..5_i64).prop_map(Value::Int),
        2 => prop::sample::select(vec![i64::MAX, i64::MIN, i64::MAX / 2]).prop_map(Value::Int),
        2 => prop::sample::select(vec![0.5, 1.5, -2.0, 4.0]).prop_map(Value::Float),
        1 => scalar(),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let plain = prop_oneof![
        (0..10_u8, operand()).prop_map(|(which, value)| match which {
            0 => Action::Add(value),
            1 => Action::Sub(value),
            2 => Action::Mul(value),
            3 => Action::Div(value),
            4 => Action::Mod(value),
            5 => Action::And(value),
            6 => Action::Or(value),
            7 => Action::Xor(value),
            8 => Action::Min(value),
            _ => Action::Max(value),
        }),
        (0..4_u8, "[ab]{0,2}", 0..3_u64).prop_map(|(which, text, bytes)| match which {
            0 => Action::Prepend(text.into()),
            1 => Action::Append(text.into()),
            2 => Action::TrimLeft(bytes),
            _ => Action::TrimRight(bytes),
        }),
        value().prop_map(Action::Set),
    ];
    let places = (0..7_u8, scalar(), -4..5_i64, -4..5_i64).prop_map(|(which, value, at, to)| match which {
        0 | 1 => Action::PushRight(value),
        2 => Action::PushLeft(value),
        3 => Action::PopLeft,
        4 => Action::PopRight,
        5 => Action::Keep { from: at, to },
        _ => Action::SetAt { at: at.clamp(-2, 1), value },
    });
    let more = (0..9_u8, value(), scalar(), -3..3_i64).prop_map(|(which, value, scalar, at)| match which {
        0 => Action::RemoveAt(at.clamp(-1, 1)),
        1 | 2 => Action::Insert(scalar),
        3 => Action::Remove(scalar),
        4 => Action::Union(value),
        5 => Action::Intersect(value),
        6 | 7 => Action::Merge(value),
        _ => Action::Unset,
    });
    let element =
        (scalar(), plain.clone()).prop_map(|(key, action)| Action::Element { key, action: Box::new(action) });
    let rename = prop::sample::select(vec!["a", "b.c", "l[0]"]).prop_map(|path| Action::Rename(path.into()));
    prop_oneof![6 => plain, 4 => places, 4 => more, 3 => element, 1 => rename]
}

/// A write as numbers, of which those that name attributes fit any schema.
#[derive(Debug, Clone)]
struct Drawn {
    changes: Vec<(u8, u8, Action)>,
    conditions: Vec<(u8, Value)>,
    is_creating: bool,
    is_for_absent: bool,
    is_erasing: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let changes = prop::collection::vec((any::<u8>(), any::<u8>(), action()), 0..4);
    let condition = prop::option::weighted(0.2, (any::<u8>(), scalar()));
    let conditions = condition.prop_map(|condition| condition.into_iter().collect::<Vec<_>>());
    let flags = (prop::bool::weighted(0.7), prop::bool::weighted(0.05), prop::bool::weighted(0.05));
    (changes, conditions, flags).prop_map(|(changes, conditions, (creating, absent, erasing))| Drawn {
        changes,
        conditions,
        is_creating: creating,
        is_for_absent: absent,
        is_erasing: erasing,
    })
}

const PATHS: &[&str] = &["", ".a", ".b.c", ".l", ".l[0]", ".l[-1].x", ".a.b"];

impl Drawn {
    fn write(&self, types: &[Type], schema: &Schema) -> Write {
        let at = |number: u8| usize::from(number) % types.len();
        let mut write =
            Write::new().returning(Returning { before: true, after: true, ..Returning::results() });
        for (number, path, action) in &self.changes {
            // One in eight goes where it is said, and seldom fits; the others go where they do.
            let first = at(*number);
            let all = (0..types.len()).map(|more| (first + more) % types.len());
            let names = all.map(|at| {
                let path = PATHS[usize::from(*path) % PATHS.len()];
                format!("a{at}{}", if types[at] == Type::Document { path } else { "" })
            });
            let mut names = names.filter(|name| {
                number.is_multiple_of(8) || Write::new().change(name, action.clone()).check(schema).is_ok()
            });
            let name = names.next().unwrap_or_else(|| format!("a{first}"));
            write = write.change(name, action.clone());
        }
        for (number, value) in &self.conditions {
            write = write.when(Predicate::equals(format!("a{}", at(*number)), value.clone()));
        }
        write.missing = if self.is_creating { Missing::Create } else { Missing::Fail };
        write.present = if self.is_for_absent { Present::Fail } else { Present::Change };
        write.erase = self.is_erasing;
        write
    }
}

/// What a failure is, in one word, and the attribute that it is about.
fn cause(error: &SpaceError) -> String {
    match error {
        SpaceError::NotFound { .. } => "missing".into(),
        SpaceError::Exists { .. } => "there".into(),
        SpaceError::ConditionFailed { which, .. } => format!("condition {which}"),
        SpaceError::WrongType { attribute, .. } => format!("{attribute} type"),
        SpaceError::BadPath { path, .. } => format!("{path} path"),
        SpaceError::Overflow { attribute, .. } => format!("{attribute} overflow"),
        SpaceError::DivisionByZero { attribute } => format!("{attribute} zero"),
        SpaceError::NoElement { attribute, .. } => format!("{attribute} element"),
        SpaceError::DocumentClash { attribute, .. } => format!("{attribute} clash"),
        other => panic!("{other}"),
    }
}

fn json(fields: &Fields) -> serde_json::Value {
    Value::from(fields.clone()).to_json()
}

#[test]
fn random_writes_reach_every_action_and_every_failure() {
    let mut runner = TestRunner::deterministic();
    let (mut done, mut failed) = (BTreeSet::new(), BTreeSet::new());
    let types: Vec<Type> = TYPES.iter().map(|of| of.parse().unwrap()).collect();
    let (schema, key) = (schema(&types), Value::from("key"));
    let mut record = None;

    for _ in 0..6_000 {
        let write = drawn().new_tree(&mut runner).unwrap().current().write(&types, &schema);
        match apply(&schema, &key, record.as_ref(), write.clone(), 1) {
            Ok(applied) => {
                record = applied.record;
                done.extend(write.changes.iter().map(|change| change.action.name()));
            }
            Err(error) => {
                failed.insert(cause(&error).rsplit(' ').next().unwrap().to_owned());
            }
        }
    }

    let actions = "add and append div element insert intersect keep max merge min mod mul or pop left pop right \
                   prepend push left push right remove remove at rename set set at sub trim left trim right union unset xor";
    assert_eq!(done.into_iter().collect::<Vec<_>>().join(" "), actions);
    let failures = ["clash", "element", "missing", "overflow", "there", "type", "zero", "0"];
    assert!(failures.iter().all(|why| failed.contains(*why)), "{failed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn writes_do_as_a_naive_model_of_them_in_results_errors_and_states(
        types in prop::collection::vec(prop::sample::select(TYPES.to_vec()), 1..6),
        writes in prop::collection::vec(drawn(), 1..40),
    ) {
        let types: Vec<Type> = types.into_iter().map(|of| of.parse().unwrap()).collect();
        let (schema, mut model) = (schema(&types), Model::of(&types));
        let (key, mut record) = (Value::from("key"), None::<Record>);
        for drawn in &writes {
            let write = drawn.write(&types, &schema);
            let wanted = model.apply(&write);
            let before = record.clone();

            let got = apply(&schema, &key, record.as_ref(), write.clone(), 7);

            prop_assert_eq!(&record, &before, "the object itself stays as it is");
            match (wanted, got) {
                (Err(wanted), _) if wanted.ends_with(" lost") => break,
                (Err(wanted), Err(got)) => prop_assert_eq!(cause(&got), wanted, "{:?}", write),
                (Ok(results), Ok(applied)) => {
                    let Applied { record: after, written } = applied;
                    prop_assert_eq!(written.is_new, before.is_none());
                    prop_assert_eq!(written.version, before.as_ref().map_or(7, |before| before.version() + 1));
                    let shown = after.as_ref().map(|record| json(&record.fields(&schema, None).unwrap()));
                    prop_assert_eq!(&shown, &model.shown(), "{:?}", write);
                    prop_assert_eq!(written.after.as_ref().map(json), shown);
                    prop_assert_eq!(written.before.is_some(), before.is_some());
                    for ((result, wanted), change) in written.results.iter().zip(results).zip(&write.changes) {
                        if let Some(wanted) = wanted {
                            prop_assert_eq!(result.as_ref().map(Value::to_json), wanted, "{:?}", change);
                        }
                    }
                    record = after;
                }
                (wanted, got) => prop_assert!(false, "{:?}: {:?}, {:?}", write, wanted, got),
            }
        }
    }
}
