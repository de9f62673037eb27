//! Messages to begin with.

use daffi_core::error::CallError;
use daffi_core::name::{CallbackName, NodeName};
use daffi_core::wire::{
    Effect, Event, Failure, Flags, Hello, Missed, Offered, Overlap, Parameter, Part, Presence, Register,
    Resume, ScheduleSpec, Signature, Unregister, Versions, Welcome, When, put_part,
};

pub(super) fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a good name")
}

pub(super) fn callback(name: &str) -> CallbackName {
    CallbackName::new(name).expect("a good name")
}

pub(super) fn hello(name: &str) -> Hello {
    Hello {
        versions: Versions::OURS,
        node: node(name),
        incarnation: u128::MAX - 7,
        concurrency: 2,
        take_over: false,
        hidden: false,
        software: "fuzz".into(),
        resume: Some(Resume { session: 3, secret: (1, 2), received: 4096 }),
    }
}

pub(super) fn welcome() -> Vec<u8> {
    let welcome = Welcome {
        version: 1,
        session: 3,
        controller: 77,
        frame_bytes_max: 1 << 20,
        calls_in_flight_max: 1 << 16,
        resume: Some((1, 2)),
        grace_ms: 5000,
        resumed: None,
    };
    welcome.encode()
}

pub(super) fn signature(name: &str, types: &[&str]) -> Signature {
    let parameter = |(at, ty): (usize, &&str)| Parameter {
        name: char::from(b'a' + at as u8).to_string(),
        ty: (*ty).to_owned(),
    };
    Signature {
        name: callback(name),
        parameters: types.iter().enumerate().map(parameter).collect(),
        result: "()".into(),
        doc: String::new(),
        effect: Effect::Once,
        variadic: false,
    }
}

pub(super) fn register(names: &[&str]) -> Register {
    let offered =
        |(at, name): (usize, &&str)| Offered { id: at as u32 + 1, signature: signature(name, &["i64"]) };
    Register { callbacks: names.iter().enumerate().map(offered).collect(), ready: true }
}

pub(super) fn unregister(names: &[&str]) -> Unregister {
    Unregister { names: names.iter().map(|name| callback(name)).collect() }
}

pub(super) fn failure() -> Failure {
    Failure::from(&CallError::Remote {
        node: node("n1"),
        kind: "Error".into(),
        message: "no".into(),
        chain: vec!["why".into()],
        value: Some(daffi_core::error::ErrorValue::new([0xc0])),
    })
}

pub(super) fn parts() -> Vec<u8> {
    let mut bytes = Vec::new();
    put_part(&mut bytes, Part { node: "n1", flags: Flags::NONE, body: &[0xc0] });
    put_part(&mut bytes, Part { node: "n2", flags: Flags::FAILED, body: &failure().encode() });
    bytes
}

pub(super) fn events() -> Vec<Event> {
    vec![
        Event::Interned { id: 1, name: callback("f"), signatures: vec![signature("f", &["i64", "String"])] },
        Event::Peer { id: 2, node: node("n1") },
        Event::Presence(Presence::Left { node: node("n1"), reason: "it said goodbye".into() }),
    ]
}

pub(super) fn schedule(name: &str) -> ScheduleSpec {
    ScheduleSpec {
        callback: name.into(),
        body: vec![0x91, 1],
        when: When::Every { period_ms: 1_000, times: Some(3), first_in_ms: Some(0) },
        name: Some("s".into()),
        on: None,
        key: None,
        timeout_ms: 500,
        overlap: Overlap::Skip,
        missed: Missed::Skip,
    }
}
