//! Every method of HyperDex that changes attributes, in its three forms, through a mesh: what each makes of an object.

use std::collections::BTreeSet;

use daffi::datatypes::space::{DynSpace, Fields, METHODS, Value};
use daffi::{DataError, Operation, SpaceError, obj};
use daffi_core::testing::Mesh;
use serde_json::{Value as Json, json};

const ALL: &str = "space all key k attributes who, s, int i, float f, list(string) ls, set(string) ss, map(string, string) mss, map(string, int) msi, document d";

/// A method in all its forms, none of which is sent yet, and what is to come of it.
struct Case {
    names: [&'static str; 3],
    plain: Operation<bool>,
    cond: Operation<bool>,
    unmet: Operation<bool>,
    group: Operation<u64>,
    missing: [Operation<bool>; 2],
    attribute: &'static str,
    wanted: Json,
}

macro_rules! fields {
    ([$path:literal $value:literal]) => {
        Fields::new().with($path, $value)
    };
    ({$($fields:tt)+}) => {
        obj! { $($fields)+ }
    };
}

macro_rules! cases {
    ($space:ident; $($plain:ident $cond:ident $group:ident $fields:tt => $attribute:ident $wanted:tt;)+) => {
        vec![$(Case {
            names: [stringify!($plain), stringify!($cond), stringify!($group)],
            plain: $space.$plain("plain", fields!($fields)),
            cond: $space.$cond("cond", obj! { who: "cond" }, fields!($fields)),
            unmet: $space.$cond("unmet", obj! { who: "somebody else" }, fields!($fields)),
            group: $space.$group(obj! { who: "group" }, fields!($fields)),
            missing: [
                $space.$plain("missing", fields!($fields)),
                $space.$cond("missing", obj! { who: "" }, fields!($fields)),
            ],
            attribute: stringify!($attribute),
            wanted: json!($wanted),
        }),+]
    };
}

fn numbers(c: &DynSpace) -> Vec<Case> {
    cases! { c;
        put cond_put group_put { i: 7 } => i 7;
        atomic_add cond_atomic_add group_atomic_add { i: 5 } => i 17;
        atomic_sub cond_atomic_sub group_atomic_sub { f: 2.0 } => f (-0.5);
        atomic_mul cond_atomic_mul group_atomic_mul { i: -2 } => i (-24);
        atomic_div cond_atomic_div group_atomic_div { i: -5 } => i (-3);
        atomic_mod cond_atomic_mod group_atomic_mod { i: -5 } => i (-3);
        atomic_and cond_atomic_and group_atomic_and { i: 10 } => i 8;
        atomic_or cond_atomic_or group_atomic_or { i: 3 } => i 15;
        atomic_xor cond_atomic_xor group_atomic_xor { i: 10 } => i 6;
        atomic_min cond_atomic_min group_atomic_min { i: 5 } => i 5;
        atomic_max cond_atomic_max group_atomic_max { f: 9.5 } => f 9.5;
        map_atomic_add cond_map_atomic_add group_map_atomic_add { msi: obj! { a: 5, b: 1 } } => msi {"a": 17, "b": 1};
        map_atomic_sub cond_map_atomic_sub group_map_atomic_sub { msi: obj! { a: 5 } } => msi {"a": 7};
        map_atomic_mul cond_map_atomic_mul group_map_atomic_mul { msi: obj! { a: -2 } } => msi {"a": -24};
        map_atomic_div cond_map_atomic_div group_map_atomic_div { msi: obj! { a: -5 } } => msi {"a": -3};
        map_atomic_mod cond_map_atomic_mod group_map_atomic_mod { msi: obj! { a: -5 } } => msi {"a": -3};
        map_atomic_and cond_map_atomic_and group_map_atomic_and { msi: obj! { a: 10 } } => msi {"a": 8};
        map_atomic_or cond_map_atomic_or group_map_atomic_or { msi: obj! { a: 3 } } => msi {"a": 15};
        map_atomic_xor cond_map_atomic_xor group_map_atomic_xor { msi: obj! { a: 10 } } => msi {"a": 6};
        map_atomic_min cond_map_atomic_min group_map_atomic_min { msi: obj! { a: 5 } } => msi {"a": 5};
        map_atomic_max cond_map_atomic_max group_map_atomic_max { msi: obj! { a: 50 } } => msi {"a": 50};
    }
}

fn others(c: &DynSpace) -> Vec<Case> {
    cases! { c;
        string_prepend cond_string_prepend group_string_prepend { s: "->" } => s "->some string";
        string_append cond_string_append group_string_append { s: "<-" } => s "some string<-";
        string_ltrim cond_string_ltrim group_string_ltrim { s: 5 } => s "string";
        string_rtrim cond_string_rtrim group_string_rtrim { s: 7 } => s "some";
        list_lpush cond_list_lpush group_list_lpush { ls: "C" } => ls ["C", "A", "B"];
        list_rpush cond_list_rpush group_list_rpush { ls: "C" } => ls ["A", "B", "C"];
        list_remove cond_list_remove group_list_remove { ls: "A" } => ls ["B"];
        list_trim cond_list_trim group_list_trim { ls: [1, 2] } => ls ["B"];
        list_set cond_list_set group_list_set { ls: vec![Value::Int(-1), "Z".into()] } => ls ["A", "Z"];
        set_add cond_set_add group_set_add { ss: "C" } => ss ["A", "B", "C"];
        set_remove cond_set_remove group_set_remove { ss: "A" } => ss ["B"];
        set_union cond_set_union group_set_union { ss: ["B", "C"] } => ss ["A", "B", "C"];
        set_intersect cond_set_intersect group_set_intersect { ss: ["B", "C"] } => ss ["B"];
        document_rename cond_document_rename group_document_rename ["d.a.b" "c"] => d {"a": {}, "c": 1};
        document_unset cond_document_unset group_document_unset ["d.a.b" 0] => d {"a": {}};
        map_add cond_map_add group_map_add { mss: obj! { b: "y" } } => mss {"a": "x", "b": "y"};
        map_remove cond_map_remove group_map_remove { mss: "a" } => mss {};
        map_string_prepend cond_map_string_prepend group_map_string_prepend { mss: obj! { a: "->" } } => mss {"a": "->x"};
        map_string_append cond_map_string_append group_map_string_append { mss: obj! { b: "<-" } } => mss {"a": "x", "b": "<-"};
    }
}

fn beginning(who: &str) -> Fields {
    obj! {
        who: who, s: "some string", i: 12, f: 1.5, ls: ["A", "B"], ss: ["A", "B"], mss: obj! { a: "x" },
        msi: obj! { a: 12 }, d: obj! { a: obj! { b: 1 } },
    }
}

async fn shown(c: &DynSpace, key: &str) -> Json {
    Value::from(c.get(key).await.unwrap().unwrap().fields).to_json()
}

fn is_not_found(outcome: &Result<bool, DataError>) -> bool {
    matches!(outcome, Err(DataError::Space(SpaceError::NotFound { .. })))
}

#[tokio::test(start_paused = true)]
async fn each_method_does_the_same_alone_under_a_condition_and_to_a_group() {
    let mesh = Mesh::new().await.unwrap();
    let c = mesh.node("c").await.unwrap().add_space(ALL).await.unwrap();
    let cases = numbers(&c).into_iter().chain(others(&c));
    let mut names = BTreeSet::new();
    for Case {
        names: [name, cond, group],
        plain,
        cond: met,
        unmet,
        group: all,
        missing,
        attribute,
        wanted,
    } in cases
    {
        for key in ["plain", "cond", "unmet", "group"] {
            c.put(key, beginning(key)).await.unwrap();
        }
        let before = shown(&c, "unmet").await;

        assert!(plain.await.unwrap(), "{name}");
        assert!(met.await.unwrap(), "{cond}");
        assert!(!unmet.await.unwrap(), "{cond}");
        assert_eq!(all.await.unwrap(), 1, "{group}");
        let [missing, cond_missing] = missing;
        assert!(is_not_found(&cond_missing.await), "{cond}");
        let missing = missing.await;
        assert!(if name == "put" { missing.unwrap() } else { is_not_found(&missing) }, "{name}");

        assert_eq!(shown(&c, "unmet").await, before, "{cond}");
        for key in ["plain", "cond", "group"] {
            let mut object = before.clone();
            object["who"] = key.into();
            object[attribute] = wanted.clone();
            assert_eq!(shown(&c, key).await, object, "{name} of {key}");
        }
        c.delete("missing").await.unwrap();
        names.extend([name, cond, group]);
    }
    assert_eq!(names, METHODS.iter().map(|method| method.name).collect::<BTreeSet<_>>());
}
