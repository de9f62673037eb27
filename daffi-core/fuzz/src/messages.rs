//! The control messages, failures, extension maps and lists of replies, each by itself.

use std::fmt::Debug;

use daffi_core::error::CallError;
use daffi_core::wire::{
    Event, Extension, Failure, Goodbye, Hello, JobEntry, NodeDetail, Parts, Register, ScheduleEntry,
    ScheduleSpec, Unregister, Welcome, decode, encode, put_part,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::sample;

/// The first byte says what the others are.
pub fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 12 {
        0 => same(Hello::decode(bytes).ok(), |hello| hello.encode()),
        1 => same(Welcome::decode(bytes).ok(), |welcome| welcome.encode()),
        2 => same(Register::decode(bytes).ok(), |register| register.encode()),
        3 => same(Unregister::decode(bytes).ok(), |unregister| unregister.encode()),
        4 => same(Event::decode(bytes).ok(), |event| event.encode()),
        5 => same(Goodbye::decode(bytes).ok(), |goodbye| goodbye.encode()),
        6 => failure(bytes),
        7 => same(Extension::decode(bytes).ok(), |extension| extension.encode()),
        8 => parts(bytes),
        9 => same_value::<ScheduleSpec>(bytes),
        10 => same_value::<ScheduleEntry>(bytes),
        _ => {
            same_value::<NodeDetail>(bytes);
            same_value::<JobEntry>(bytes);
        }
    }
}

/// What was understood can be said again, and is then understood as the same.
fn same<T: Debug + PartialEq + DeserializeOwned + Serialize>(
    read: Option<T>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    let Some(read) = read else { return };
    let bytes = encode(&read);
    // No bytes at all are an extension map that says nothing.
    if !bytes.is_empty() {
        assert_eq!(decode::<T>(&bytes).expect("our own bytes"), read);
    }
}

fn same_value<T: Debug + PartialEq + DeserializeOwned + Serialize>(bytes: &[u8]) {
    same(decode::<T>(bytes).ok(), |value| encode(value).expect("what was read can be written"));
}

fn failure(bytes: &[u8]) {
    let Ok(failure) = Failure::decode(bytes) else { return };
    let error = CallError::from(failure);
    drop((error.to_string(), error.ran(), error.code(), format!("{error:?}")));
    let again = CallError::from(Failure::decode(&Failure::from(&error).encode()).expect("our own bytes"));
    assert_eq!(again, error);
}

fn parts(bytes: &[u8]) {
    let mut again = Vec::new();
    for part in Parts::new(bytes) {
        let Ok(part) = part else { break };
        put_part(&mut again, part);
    }
    assert!(bytes.starts_with(&again));
}

/// One of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let welcome = Welcome::decode(&sample::welcome()).expect("our own bytes");
    let mut seeds = vec![
        (0, sample::hello("n0").encode()),
        (1, welcome.encode()),
        (2, sample::register(&["f", "g"]).encode()),
        (3, sample::unregister(&["f"]).encode()),
        (5, Goodbye { reason: "done".into() }.encode()),
        (6, sample::failure().encode()),
        (8, sample::parts()),
        (9, encode(&sample::schedule("f")).expect("it encodes")),
    ];
    seeds.extend(sample::events().iter().map(|event| (4, event.encode())));
    let extension = Extension {
        name: Some("f".into()),
        on: Some("n1".into()),
        key: Some("k".into()),
        eta_ms: Some(u64::MAX),
        include_self: true,
        traceparent: Some("00-1-2-01".into()),
        again: true,
        apart: Some(u64::MAX),
        first: Some(u64::MAX),
    };
    seeds.push((7, extension.encode()));
    seeds.into_iter().map(|(kind, bytes)| [vec![kind], bytes].concat()).collect()
}
