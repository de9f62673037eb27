//! What a node makes of what the controller tells.

use std::task::{Context, Poll};

use super::*;
use crate::node::known::Streams;
use crate::wire::{Effect, Kind, Parameter, Part, put_part};

fn state() -> (State, Instant) {
    let now = Instant::now();
    let mut state = State::new(now, config::LARGE_BODY_BYTES_MAX);
    state.start_link(100, &mut Vec::new());
    (state, now)
}

fn header(id: CallId, flags: Flags) -> Header {
    Header { flags, call: id.to_bits(), ..Header::new(Kind::Reply) }
}

fn signature(ty: &str) -> Signature {
    Signature {
        name: CallbackName::new("add").expect("a good name"),
        parameters: vec![Parameter { name: "a".into(), ty: ty.into() }],
        result: "i64".into(),
        doc: String::new(),
        effect: Effect::Once,
        variadic: false,
    }
}

fn learn(state: &mut State, signatures: Vec<Signature>) {
    let name = CallbackName::new("add").expect("a good name");
    assert_eq!(state.event(&Event::Interned { id: 5, name, signatures }.encode()), None);
}

#[test]
fn arguments_are_refused_only_if_every_signature_rules_them_out() {
    let (mut state, _) = state();
    let text = wire::encode(&("six",)).expect("it encodes");
    let check = |state: &State| state.known("add").map(|known| known.check(&text, Streams::default()));
    assert_eq!(check(&state), None);

    learn(&mut state, vec![signature("i64")]);
    assert!(matches!(check(&state), Some(Err(CallError::BadArguments { .. }))));

    learn(&mut state, vec![signature("i64"), signature("String")]);
    assert_eq!(check(&state), Some(Ok(())));
}

#[test]
fn names_and_nodes_are_forgotten_with_the_link() {
    let (mut state, _) = state();
    learn(&mut state, vec![]);
    let node = NodeName::new("b").expect("a good name");
    state.event(&Event::Peer { id: 3, node: node.clone() }.encode());
    assert_eq!((state.known("add").map(|known| known.id), state.peer(3)), (Some(5), Some(node)));

    state.lose_link(&mut Vec::new());
    state.start_link(100, &mut Vec::new());

    assert!(state.known("add").is_none() && state.peer(3).is_none());
}

#[test]
fn a_broadcasts_parts_are_told_apart_and_its_last_frame_ends_it() {
    let (mut state, now) = state();
    let (id, _) = state.insert_call(Expect::Parts, None, Duration::ZERO, || now).expect("room");
    let busy = CallError::Busy { what: "x".into() };
    let mut body = Vec::new();
    put_part(&mut body, Part { node: "a", flags: Flags::NONE, body: b"1" });
    put_part(&mut body, Part { node: "b", flags: Flags::FAILED, body: &Failure::from(&busy).encode() });

    let more = Flags::BROADCAST.with(Flags::MORE);
    state.reply(header(id, more), &body, &mut Vec::new());

    let cx = &mut Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(parts)) = state.in_flight.poll_parts(id, cx) else { panic!("parts") };
    assert_eq!(parts[0].1, Ok(Bytes::from_static(b"1")));
    assert_eq!(parts[1].1, Err(busy));
    assert!(state.in_flight.poll_parts(id, cx).is_pending());
    state.reply(header(id, Flags::BROADCAST), b"", &mut Vec::new());
    assert_eq!(state.in_flight.poll_parts(id, cx), Poll::Ready(Ok(vec![])));
}

#[test]
fn a_job_is_taken_first_and_answered_later() {
    let (mut state, now) = state();
    let (id, _) = state.insert_call(Expect::TakenAndReply, None, Duration::ZERO, || now).expect("room");
    let cx = &mut Context::from_waker(Waker::noop());
    let job = wire::encode(&JobId(7)).expect("it encodes");

    state.reply(header(id, Flags::BACKGROUND), &job, &mut Vec::new());
    assert_eq!(state.in_flight.poll_taken(id, cx), Poll::Ready(Ok(JobId(7))));
    assert!(state.in_flight.poll_outcome(id, cx).is_pending());
    state.reply(header(id, Flags::NONE), b"1", &mut Vec::new());

    let reply = Reply { peer: 0, body: b"1"[..].into() };
    assert_eq!(state.in_flight.poll_outcome(id, cx), Poll::Ready(Ok(reply)));
}

#[test]
fn a_silent_controller_is_given_up_a_moment_after_the_deadline() {
    let (mut state, now) = state();
    let timeout = Duration::from_secs(5);
    let (id, is_earlier) =
        state.insert_call(Expect::Reply, Some(timeout), Duration::ZERO, || now).expect("room");
    assert!(is_earlier);
    let (woken, cancelled) = (&mut Vec::new(), &mut Vec::new());

    state.expire(now + timeout, woken, cancelled);
    assert!(cancelled.is_empty());
    state.expire(now + timeout + config::CONTROLLER_GRACE + Duration::from_millis(1), woken, cancelled);

    assert_eq!(*cancelled, [id]);
    assert_eq!(state.next_deadline(), None);
}

#[test]
fn replies_that_nobody_waits_for_are_counted() {
    let (mut state, now) = state();
    let (id, _) = state.insert_call(Expect::Reply, None, Duration::ZERO, || now).expect("room");
    assert!(!state.abandon(id).0);

    state.reply(header(id, Flags::NONE), b"", &mut Vec::new());

    assert_eq!(state.late_replies, 1);
}
