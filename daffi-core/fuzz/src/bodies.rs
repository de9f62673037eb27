//! Bodies of calls and replies, decoded into the types that callbacks use.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use daffi_core::callback::Parameters;
use daffi_core::wire::{decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::sample;

/// What users' structs look like.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    item: String,
    count: u32,
    data: Vec<u8>,
    note: Option<String>,
    state: State,
    inner: Vec<Self>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum State {
    New,
    Paid(u64),
    Sent { at: i64, to: (String, char) },
}

/// Decodes `bytes` as many things, and as the arguments of callbacks that take them.
pub fn run(bytes: &[u8]) {
    same::<()>(bytes);
    same::<bool>(bytes);
    same::<u8>(bytes);
    same::<i64>(bytes);
    same::<u64>(bytes);
    same::<i128>(bytes);
    same::<char>(bytes);
    same::<String>(bytes);
    same::<Vec<u8>>(bytes);
    same::<serde_bytes::ByteBuf>(bytes);
    same::<Vec<Option<String>>>(bytes);
    same::<(i64, String, Vec<u8>)>(bytes);
    same::<BTreeMap<String, i64>>(bytes);
    same::<HashMap<u32, Vec<bool>>>(bytes);
    same::<std::time::Duration>(bytes);
    same::<Result<u8, String>>(bytes);
    same::<Order>(bytes);
    // A float may be one that does not equal itself.
    drop(decode::<f64>(bytes));
    drop(decode::<Vec<f32>>(bytes));
    arguments(bytes);
}

fn arguments(bytes: &[u8]) {
    drop(<()>::take(&sample::signature("f", &[]), bytes));
    drop(<(i64, u8)>::take(&sample::signature("f", &["i64", "u8"]), bytes));
    drop(<(String, Option<Vec<u8>>)>::take(&sample::signature("f", &["String", "Option<Vec<u8>>"]), bytes));
    drop(<(Vec<String>, bool, f64)>::take(&sample::signature("f", &["Vec<String>", "bool", "f64"]), bytes));
}

fn same<T: Debug + PartialEq + Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(value) = decode::<T>(bytes) else { return };
    let again = encode(&value).expect("what was read can be written");
    assert_eq!(decode::<T>(&again).expect("our own bytes"), value);
}

/// One of each type.
pub fn seeds() -> Vec<Vec<u8>> {
    let inner = Order {
        item: "tea".into(),
        count: 2,
        data: vec![1, 2, 200],
        note: None,
        state: State::Sent { at: -5, to: ("here".into(), 'ß') },
        inner: Vec::new(),
    };
    let order = Order {
        item: "pot".into(),
        count: 1,
        data: Vec::new(),
        note: Some("now".into()),
        state: State::Paid(9),
        inner: vec![inner],
    };
    vec![
        encode(&order).expect("it encodes"),
        encode(&State::New).expect("it encodes"),
        encode(&(-3, "text", [1u8; 3])).expect("it encodes"),
        encode(&BTreeMap::from([("a", 1), ("b", -2)])).expect("it encodes"),
        encode(&BTreeMap::from([(0, 1), (1, 2)])).expect("it encodes"),
        encode(&std::time::Duration::from_millis(1500)).expect("it encodes"),
        encode(&(vec!["a", "b"], true, 0.5)).expect("it encodes"),
    ]
}
