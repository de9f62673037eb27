use std::task::{Context, Poll};
use std::time::Instant;

use super::*;
use crate::name::NodeName;
use crate::node::in_flight::{Expect, Outcome};
use crate::wire::Kind;

const LIMIT: usize = 1_000_000;

fn state() -> State {
    let mut state = State::new(Instant::now(), LIMIT);
    state.start_link(100, &mut Vec::new());
    state
}

fn call(state: &mut State, expect: Expect) -> CallId {
    let (id, _) = state.insert_call(expect, None, Default::default(), Instant::now).expect("room");
    id
}

fn reply(id: CallId, flags: Flags) -> Header {
    Header { flags, call: id.to_bits(), ..Header::new(Kind::Reply) }
}

fn chunk(state: &mut State, id: CallId, bytes: &[u8], more: bool) -> Then {
    state.chunk(Header::chunk(id.to_bits(), Direction::Reply, more), bytes, &mut Vec::new())
}

fn outcome(state: &mut State, id: CallId) -> Outcome {
    match state.in_flight.poll_outcome(id, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the call is not over"),
    }
}

#[test]
fn a_result_in_chunks_is_put_together_and_granted_as_it_comes() {
    let mut state = state();
    let id = call(&mut state, Expect::Reply);
    assert_eq!(state.begin_reply_flow(reply(id, Flags::MORE), b"ab", &mut Vec::new()), None);

    assert!(matches!(chunk(&mut state, id, &[0; GRANT_BYTES - 1], true), Then::Nothing));
    assert!(matches!(chunk(&mut state, id, b"c", true), Then::Grant(bytes) if bytes as usize == GRANT_BYTES));
    assert!(matches!(chunk(&mut state, id, b"d", false), Then::Nothing));

    let body = outcome(&mut state, id).expect("a result").body;
    assert_eq!((body.len(), &body[..2], &body[body.len() - 2..]), (GRANT_BYTES + 3, &b"ab"[..], &b"cd"[..]));
    assert!(state.flows.intakes.is_empty());
}

#[test]
fn a_result_that_is_given_up_is_its_error() {
    let mut state = state();
    let id = call(&mut state, Expect::Reply);
    state.begin_reply_flow(reply(id, Flags::MORE), b"ab", &mut Vec::new());
    let lost = CallError::Disconnected { ran: Ran::Maybe };

    let header = Header::chunk(id.to_bits(), Direction::Reply, false);
    let header = Header { flags: header.flags.with(Flags::FAILED), ..header };
    state.chunk(header, &crate::wire::Failure::from(&lost).encode(), &mut Vec::new());

    assert_eq!(outcome(&mut state, id), Err(lost));
}

#[test]
fn a_body_that_outgrows_the_bound_is_given_up() {
    let mut state = state();
    let id = call(&mut state, Expect::Reply);
    state.begin_reply_flow(reply(id, Flags::MORE), &[0; LIMIT], &mut Vec::new());

    assert!(matches!(chunk(&mut state, id, b"x", true), Then::Cancel(cancelled) if cancelled == id));

    let error = outcome(&mut state, id).expect_err("too large");
    assert!(matches!(error, CallError::TooLarge { ran: Ran::Yes, .. }), "{error}");
    assert!(state.flows.intakes.is_empty());
}

#[test]
fn a_stream_for_a_call_that_wants_one_value_cancels_it() {
    let mut state = state();
    let id = call(&mut state, Expect::Reply);

    assert_eq!(state.begin_reply_flow(reply(id, Flags::STREAMED), b"", &mut Vec::new()), Some(id));

    let error = outcome(&mut state, id).expect_err("not a value");
    assert!(error.to_string().contains(".stream()"), "{error}");
}

#[test]
fn chunks_of_calls_that_are_over_are_dropped_and_counted() {
    let mut state = state();
    let id = call(&mut state, Expect::Items);
    state.begin_reply_flow(reply(id, Flags::STREAMED), b"", &mut Vec::new());
    state.abandon(id);

    assert!(matches!(chunk(&mut state, id, b"late", true), Then::Nothing));
    state.grant(Header::window(id.to_bits(), Direction::Request, 10));

    assert_eq!(state.late_replies, 2);
}

#[test]
fn the_end_of_a_call_cuts_what_it_sends_and_a_lost_link_everything() {
    let mut state = state();
    let (one, other) = (call(&mut state, Expect::Reply), call(&mut state, Expect::Reply));
    let flows = [one, other].map(|id| state.flows.open(1, (Direction::Request, id.to_bits())));

    state.end_call(one, Err(CallError::Cancelled { ran: Ran::No }), &mut Vec::new());
    assert_eq!([flows[0].is_cut(), flows[1].is_cut()], [true, false]);
    state.lose_link(&mut Vec::new());

    assert!(flows[1].is_cut() && state.flows.outflows.is_empty());
}

#[test]
fn calls_with_flows_past_the_bound_are_refused() {
    let mut state = state();
    let caller = NodeName::new("caller").expect("a good name");
    let mut arrive = |call: usize| {
        let header = Header { call: call as u64, flags: Flags::FEEDS, ..Header::new(Kind::Call) };
        let arrived = Arrived { header, caller: caller.clone(), feed: None, around: None };
        state.flows.arrive(&arrived, b"").map(|feed| feed.is_some())
    };

    assert!((0..config::FLOWS_MAX).all(|call| arrive(call) == Ok(true)));
    assert!(matches!(arrive(config::FLOWS_MAX), Err(CallError::Busy { .. })));
}
